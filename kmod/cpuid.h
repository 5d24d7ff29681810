/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TENON_CPUID_H
#define TENON_CPUID_H

#include <linux/bits.h>
#include <linux/kvm.h>
#include <linux/types.h>

#include "cpuid_table.h"

struct vcpu;

/* Once at insmod: what this host lets guests have. 0 or -ENOMEM. */
int cpuid_module_init(void);

/* The empty table of a new vCPU, and the end of its table. */
void cpuid_init(struct vcpu *vcpu);
void cpuid_destroy(struct vcpu *vcpu);

/* Run CPUID: EAX and ECX give the leaf, EAX to EDX take it. Any context that owns the vCPU. */
void cpuid_execute(struct vcpu *vcpu);

/* What CPUID answers for @leaf and @subleaf: for the emulator. */
void cpuid_read(struct vcpu *vcpu, u32 leaf, u32 subleaf, u32 regs[4]);

/*
 * CR4, XCR0, IA32_XSS, the APIC base or IA32_MISC_ENABLE changed: make the bits current that
 * follow them (OSXSAVE, OSPKE, APIC, MONITOR, the sizes of leaf 0xd).
 */
void cpuid_refresh(struct vcpu *vcpu);

/* First entry for @leaf and @subleaf, NULL if there is none. */
struct kvm_cpuid_entry2 *cpuid_find(struct vcpu *vcpu, u32 leaf, u32 subleaf);

long cpuid_get_supported(void *arg, unsigned long uarg);
long cpuid_get_emulated(void *arg, unsigned long uarg);
long cpuid_set(struct vcpu *vcpu, void *arg, unsigned long uarg);
long cpuid_set2(struct vcpu *vcpu, void *arg, unsigned long uarg);
long cpuid_get2(struct vcpu *vcpu, void *arg, unsigned long uarg);

/* The guest's CPUID has this X86_FEATURE_* (one that the kernel numbers as the hardware does). */
#define cpuid_has(vcpu, feature) cpuid_table_has(&(vcpu)->cpuid, feature)

/* Tenon offers this X86_FEATURE_* to guests on this host. */
bool cpuid_offered(unsigned int feature);

#endif
