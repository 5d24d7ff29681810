/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Paravirtual services: kvmclock, the guest's TSC, hypercalls.
 */
#ifndef TENON_PV_H
#define TENON_PV_H

#include <linux/mutex.h>
#include <linux/types.h>

#include "../memslot.h"

struct exit;
struct vcpu;
struct vm;

/**
 * struct pv_vm - the VM's clock
 * @lock: all of this structure; a leaf mutex below vcpu->mutex and vm->lock
 * @offset: kvmclock = host base clock (raw monotonic plus time asleep) + @offset, in ns
 * @master: one pair (@master_tsc, @master_ns) serves all vCPUs, so that their clocks agree. Needs
 *	a host that counts time in TSC ticks, and the same offset for all vCPUs
 * @master_tsc: host TSC of the pair
 * @master_ns: host base clock at that moment, in ns
 * @master_khz: TSC frequency of all vCPUs
 * @sleeps: how often the machine had slept when the pair was taken
 * @wall_msr: MSR_KVM_WALL_CLOCK as last written
 * @tsc_khz: frequency of the first vCPU of those whose TSCs were set in step; 0 before the first
 * @tsc_value: what its TSC was set to
 * @tsc_ns: when, by the host base clock
 * @tsc_offset: the offset that this gave to all of them
 */
struct pv_vm {
	struct mutex lock; /* of all that follows */
	s64 offset;
	bool master;
	u64 master_tsc;
	u64 master_ns;
	u32 master_khz;
	u32 sleeps;
	u64 wall_msr;
	u32 tsc_khz;
	u64 tsc_value;
	u64 tsc_ns;
	u64 tsc_offset;
};

/**
 * struct pv_vcpu - a vCPU's clock; the owner's alone
 * @time_msr: MSR_KVM_SYSTEM_TIME as last written
 * @time: the guest's struct pvclock_vcpu_time_info while @time_msr enables it
 * @paused: tell the guest at the next update that it was stopped (KVM_KVMCLOCK_CTRL)
 * @unhalted: set by KVM_HC_KICK_CPU of another vCPU: ends HLT; cleared by who wakes
 */
struct pv_vcpu {
	u64 time_msr;
	struct guest_map time;
	bool paused;
	bool unhalted;
};

int pv_vm_init(struct vm *vm);
void pv_vm_destroy(struct vm *vm);
/* vcpu->vm and vcpu->tsc_khz are set; gives the new vCPU a TSC in step with its siblings. */
int pv_vcpu_init(struct vcpu *vcpu);
/* Power-on reset (not INIT): the clock page is switched off. */
void pv_vcpu_reset(struct vcpu *vcpu);
/* The vCPU runs on another CPU than before. Preemption off. */
void pv_vcpu_migrated(struct vcpu *vcpu);

/* WORK_CLOCK: rewrite the vCPU's clock page. May sleep. */
void pv_clock_update(struct vcpu *vcpu);

/*
 * The MSRs of this part. May sleep. 0, -ENOENT (not one of them), 1 (refused: #GP, or an error of
 * KVM_SET_MSRS).
 */
int pv_get_msr(struct vcpu *vcpu, u32 index, u64 *val, bool host);
int pv_set_msr(struct vcpu *vcpu, u32 index, u64 val, bool host);

/* KVM_GET_CLOCK, KVM_SET_CLOCK; KVM_KVMCLOCK_CTRL. */
long clock_get(struct vm *vm, void *arg, unsigned long uarg);
long clock_set(struct vm *vm, void *arg, unsigned long uarg);
long clock_ctrl(struct vcpu *vcpu, void *arg, unsigned long uarg);

/* KVM_GET_TSC_KHZ (the answer is the ioctl's result), KVM_SET_TSC_KHZ (@uarg is the frequency). */
long tsc_khz_get(struct vcpu *vcpu, void *arg, unsigned long uarg);
long tsc_khz_set(struct vcpu *vcpu, void *arg, unsigned long uarg);
long vm_tsc_khz_get(struct vm *vm, void *arg, unsigned long uarg);
long vm_tsc_khz_set(struct vm *vm, void *arg, unsigned long uarg);

/*
 * IA32_TIME_STAMP_COUNTER and IA32_TSC_ADJUST (SDM 3, 17.17): both setters keep the counter, its
 * offset and vcpu->msrs.tsc_adjust in step. They may sleep; the reader runs in any context.
 */
u64 tsc_guest_now(struct vcpu *vcpu);
void tsc_set(struct vcpu *vcpu, u64 value, bool host);
void tsc_adjust_set(struct vcpu *vcpu, u64 value, bool host);

/* EXIT_HYPERCALL: enum verdict. The fast form runs with IRQs off. */
int hypercall_fast(struct vcpu *vcpu, struct exit *exit);
int hypercall(struct vcpu *vcpu, struct exit *exit);

#endif
