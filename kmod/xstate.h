/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TENON_XSTATE_H
#define TENON_XSTATE_H

#include <asm/fpu/api.h>
#include <asm/pkru.h>
#include <asm/processor-flags.h>
#include <linux/types.h>

#include "vcpu.h"

/* Once at insmod: which state components this host lets guests have. */
void xstate_module_init(void);

/* XCR0 bits that guests may set on this host. */
u64 xstate_supported(void);

/* Bits of MXCSR that the processor has; the kernel exports it without a declaration. */
extern unsigned int mxcsr_feature_mask;

/* The guest's FPU of a new vCPU: 0 or -ENOMEM; and its end. */
int xstate_init(struct vcpu *vcpu);
void xstate_destroy(struct vcpu *vcpu);

/* Power-on or INIT state (SDM 3, table 10-1). The guest's FPU may be loaded or not. */
void xstate_reset(struct vcpu *vcpu, bool init);

/* Make the registers the guest's, which they are not yet, and the thread's again. Preemption on. */
static inline void xstate_load(struct vcpu *vcpu)
{
	fpu_swap_kvm_fpstate(&vcpu->fpu, true);
	vcpu->fpu_loaded = true;
}

static inline void xstate_put(struct vcpu *vcpu)
{
	fpu_swap_kvm_fpstate(&vcpu->fpu, false);
	vcpu->fpu_loaded = false;
}

void xstate_switch_to_guest(struct vcpu *vcpu);
void xstate_switch_to_host(struct vcpu *vcpu);

/* Only a guest with one of these can use XCR0, IA32_XSS or PKRU. MOV CR4 is handled outside. */
static inline bool xstate_is_switched(const struct vcpu *vcpu)
{
	return vcpu->cr4 & (X86_CR4_OSXSAVE | X86_CR4_PKE);
}

/*
 * Switch XCR0, IA32_XSS and PKRU to the guest's, right before an entry into the guest, and back.
 * IRQs off; xstate_enter() after xstate_load().
 */
static inline void xstate_enter(struct vcpu *vcpu)
{
	if (xstate_is_switched(vcpu))
		xstate_switch_to_guest(vcpu);
}

static inline void xstate_leave(struct vcpu *vcpu)
{
	if (xstate_is_switched(vcpu))
		xstate_switch_to_host(vcpu);
}

/* Bytes of an XSAVE area, standard or compacted, with the components in @xcr0 (SDM 1, 13.4). */
u32 xstate_size(u64 xcr0, bool compacted);

long fpu_get(struct vcpu *vcpu, void *arg, unsigned long uarg);
long fpu_set(struct vcpu *vcpu, void *arg, unsigned long uarg);
long xsave_get(struct vcpu *vcpu, void *arg, unsigned long uarg);
long xsave_set(struct vcpu *vcpu, void *arg, unsigned long uarg);
long xcrs_get(struct vcpu *vcpu, void *arg, unsigned long uarg);
long xcrs_set(struct vcpu *vcpu, void *arg, unsigned long uarg);

#endif
