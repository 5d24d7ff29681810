/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KVM_SET_GUEST_DEBUG: user space debugs the guest, which should not notice.
 */
#ifndef TENON_DEBUG_H
#define TENON_DEBUG_H

#include <linux/kvm.h>
#include <linux/types.h>

struct vcpu;

/* What KVM_SET_GUEST_DEBUG understands. */
#define DEBUG_CONTROLS                                                              \
	(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_HW_BP |   \
	 KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_INJECT_BP | KVM_GUESTDBG_INJECT_DB | \
	 KVM_GUESTDBG_BLOCKIRQ)

/**
 * struct vcpu_debug - what user space does to debug the guest; the owner's alone
 * @control: KVM_GUESTDBG_*; 0 while it does not
 * @dr: DR0 to DR3 in force with KVM_GUESTDBG_USE_HW_BP, instead of the guest's
 * @dr7: likewise
 * @dr6: of a trap after an emulated instruction, to be reported: WORK_DEBUG
 * @guest_tf: the guest's own RFLAGS.TF, while that in vcpu->rflags is user space's
 */
struct vcpu_debug {
	u32 control;
	u64 dr[4];
	u64 dr7;
	u64 dr6;
	u64 guest_tf;
};

/* What is in the processor's DR7 changed: the guest's, or whose it is. */
void debug_dr7_changed(struct vcpu *vcpu);

/*
 * #DB with the conditions @dr6 (active high) that an emulated instruction raised: it is user
 * space's if that has any of @controls, and reported by WORK_DEBUG. False: it is the guest's.
 */
bool debug_trap(struct vcpu *vcpu, u64 dr6, u32 controls);

/* #DB or #BP of the processor: USER with kvm_run filled, or GUEST: it is the guest's. May sleep. */
int debug_exception(struct vcpu *vcpu, u8 vector, u64 dr6);

/* WORK_DEBUG: fill in KVM_EXIT_DEBUG. */
void debug_report(struct vcpu *vcpu);

/* RFLAGS as user space sees it, which need not know that it steps; and RIP and RFLAGS set by it. */
u64 debug_get_rflags(const struct vcpu *vcpu);
void debug_set_rip_rflags(struct vcpu *vcpu, u64 rip, u64 rflags);

/* Length of the INT3, INT n or INTO at CS:RIP that raises @vector, or 0. May sleep. */
u8 debug_soft_length(struct vcpu *vcpu, u8 vector);

/* KVM_RUN begins. GUEST, USER, or an errno. */
int debug_step(struct vcpu *vcpu);

long debug_set_ioctl(struct vcpu *vcpu, void *arg, unsigned long uarg);

#endif
