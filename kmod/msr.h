/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TENON_MSR_H
#define TENON_MSR_H

#include <linux/types.h>

#include "exit.h"

struct msr_row;
struct vcpu;

#define MTRR_FIXED    11
#define MTRR_VARIABLE 8
#define MCE_BANKS     32
#define MSR_RECENT    16

/**
 * struct vcpu_msrs - the MSRs that are kept in memory
 *
 * The MSRs that live in the control block are the backend's; those of the local APIC, of the
 * clock and the control registers are kept where their meaning is. @tsc_aux and @spec_ctrl are
 * in the processor while the guest runs: whoever enters the guest reads them here. @recent: rows
 * that were found before.
 */
struct vcpu_msrs {
	const struct msr_row *recent[MSR_RECENT];
	u64 pat;
	u64 misc_enable;
	u64 spec_ctrl;
	u64 arch_capabilities;
	u64 tsc_aux;
	u64 tsc_adjust;
	u64 microcode;
	u64 debugctl;
	u64 hwcr;
	u64 de_cfg;
	u64 syscfg;
	u64 platform_info;
	u64 misc_features;
	u64 power_ctl;
	u64 osvw[2];
	struct {
		u64 def_type;
		u64 fixed[MTRR_FIXED];
		u64 base_mask[2 * MTRR_VARIABLE];
	} mtrr;
	struct {
		u64 cap;
		u64 status;
		u64 ctl;
		u64 banks[4 * MCE_BANKS];
	} mce;
};

/* A new vCPU's: what a reset does not touch. */
void msr_init(struct vcpu *vcpu);

/* Power-on state, SDM 3, table 10-1; an INIT leaves most MSRs alone. */
void msr_reset(struct vcpu *vcpu, bool init);

/**
 * msr_get() - read an MSR as RDMSR does
 * @vcpu: the vCPU
 * @index: of the MSR
 * @value: takes the value
 * @host: for user space: without the checks that CPUID asks for
 *
 * Context: owns the vCPU; may sleep unless the MSR is of a fast row.
 * Return: 0; not 0 where the guest gets #GP.
 */
int msr_get(struct vcpu *vcpu, u32 index, u64 *value, bool host);

/* Likewise, write as WRMSR does. */
int msr_set(struct vcpu *vcpu, u32 index, u64 value, bool host);

/*
 * RDMSR and WRMSR, IRQs off: GUEST when done (the caller goes to the next instruction), SLOW for
 * an MSR that is not fast or a value that is not right.
 */
enum verdict msr_read_fast(struct vcpu *vcpu);
enum verdict msr_write_fast(struct vcpu *vcpu);

/*
 * RDMSR and WRMSR, an instruction of @len bytes: GUEST when done, or where #GP is queued; USER
 * where user space is to do it (KVM_CAP_X86_USER_SPACE_MSR).
 */
int msr_read(struct vcpu *vcpu, int len);
int msr_write(struct vcpu *vcpu, int len);

long msr_index_list(void *arg, unsigned long uarg);
long msr_feature_index_list(void *arg, unsigned long uarg);
long sys_msr_get_ioctl(void *arg, unsigned long uarg);
long msr_get_ioctl(struct vcpu *vcpu, void *arg, unsigned long uarg);
long msr_set_ioctl(struct vcpu *vcpu, void *arg, unsigned long uarg);

/* Machine-check MSRs, mce.c: 0, or 1 where the guest gets #GP. */
int mce_get_msr(struct vcpu *vcpu, u32 index, u64 *value, bool host);
int mce_set_msr(struct vcpu *vcpu, u32 index, u64 value, bool host);

/* KVM_X86_GET_MCE_CAP_SUPPORTED, KVM_X86_SETUP_MCE and KVM_X86_SET_MCE. */
long mce_cap_supported(void *arg, unsigned long uarg);
long mce_setup_ioctl(struct vcpu *vcpu, void *arg, unsigned long uarg);
long mce_inject_ioctl(struct vcpu *vcpu, void *arg, unsigned long uarg);

#endif
