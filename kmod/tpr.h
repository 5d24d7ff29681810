/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The TPR of a guest that user space helps: reports of the guest's accesses, after which a program
 * rewrites the instruction, and a copy in guest memory that such rewritten code works on.
 */
#ifndef TENON_TPR_H
#define TENON_TPR_H

#include <linux/types.h>

struct vcpu;

/**
 * struct vcpu_tpr - all of it is the owner's
 * @vapic: guest-physical address of the copy, 0 for none
 * @copy: what the copy held when it was looked at or written last
 * @report: accesses end in KVM_EXIT_TPR_ACCESS
 * @write: the access that WORK_TPR_ACCESS tells of was a write
 * @rip: of its instruction
 */
struct vcpu_tpr {
	u64 vapic;
	u32 copy;
	bool report;
	bool write;
	u64 rip;
};

/* The guest read or wrote its TPR. Owner, IRQs on or off. */
void tpr_accessed(struct vcpu *vcpu, bool write);
/* WORK_TPR_ACCESS: fill in KVM_EXIT_TPR_ACCESS. */
void tpr_exit(struct vcpu *vcpu);

/* Take the TPR from the copy after the guest ran; bring the copy up to date before. Sleeps. */
void tpr_from_copy(struct vcpu *vcpu);
void tpr_to_copy(struct vcpu *vcpu);

/* vCPU ioctls KVM_TPR_ACCESS_REPORTING and KVM_SET_VAPIC_ADDR. */
long tpr_report_ioctl(struct vcpu *vcpu, void *arg, unsigned long uarg);
long tpr_vapic_ioctl(struct vcpu *vcpu, void *arg, unsigned long uarg);

#endif
