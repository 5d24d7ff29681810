/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TENON_CAP_H
#define TENON_CAP_H

#include <linux/types.h>

struct vcpu;
struct vm;

/**
 * struct vm_options - what KVM_ENABLE_CAP has switched on; one word each, read without a lock
 * @quirks_off: KVM_X86_QUIRK_* that user space does not want
 * @disabled_exits: KVM_X86_DISABLE_EXITS_*: instructions that the guest executes without an exit
 * @no_platform_info: a guest has no MSR_PLATFORM_INFO
 * @exception_payload: KVM_GET_VCPU_EVENTS tells pending exceptions from injected ones
 * @triple_fault_event: and of a triple fault that is still to be reported
 * @msr_exits: KVM_MSR_EXIT_REASON_*: accesses to MSRs that user space wants instead of a #GP
 * @failure_exits: user space hears of each failure to emulate, whoever of the guest's it was
 */
struct vm_options {
	u64 quirks_off;
	u64 disabled_exits;
	u64 no_platform_info;
	u64 exception_payload;
	u64 triple_fault_event;
	u64 msr_exits;
	u64 failure_exits;
};

/* What KVM_CHECK_EXTENSION answers for @nr; @vm is NULL on the system fd. 0: not there. */
int cap_check(struct vm *vm, unsigned long nr);

long cap_check_ioctl(void *arg, unsigned long nr);
long vm_cap_check_ioctl(struct vm *vm, void *arg, unsigned long nr);
long vm_enable_cap(struct vm *vm, void *arg, unsigned long uarg);
long vcpu_enable_cap(struct vcpu *vcpu, void *arg, unsigned long uarg);

#endif
