/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Paravirtual services, and the guest's TSC.
 */
#ifndef TENON_PV_H
#define TENON_PV_H

#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include "../memslot.h"
#include "../virt.h"

struct exit;
struct kvm_enable_cap;
struct task_struct;
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
 * @master_ratio: by which their TSCs are scaled, as vcpu->tsc_ratio
 * @sleeps: how often the machine had slept when the pair was taken
 * @wall_msr: MSR_KVM_WALL_CLOCK as last written
 * @tsc_khz: frequency of the first vCPU of those whose TSCs were set in step; 0 before the first
 * @tsc_value: what the last TSC of these was set to
 * @tsc_ns: when, by the host base clock
 * @tsc_offset: the offset that the first one gave to all of them
 * @tsc_sleep: the machine's suspensions that @tsc_offset makes up for
 * @hypercall_exits: hypercalls, by number, that user space handles (KVM_CAP_EXIT_HYPERCALL)
 */
struct pv_vm {
	struct mutex lock; /* of all that follows */
	s64 offset;
	bool master;
	u64 master_tsc;
	u64 master_ns;
	u32 master_khz;
	u64 master_ratio;
	u32 sleeps;
	u64 wall_msr;
	u32 tsc_khz;
	u64 tsc_value;
	u64 tsc_ns;
	u64 tsc_offset;
	struct virt_sleep tsc_sleep;
	u64 hypercall_exits;
};

/**
 * struct pv_steal - time that the vCPU wanted to run and did not, told to the guest
 * @msr: MSR_KVM_STEAL_TIME as last written
 * @map: the guest's struct kvm_steal_time while @msr enables it
 * @seen: the thread's waiting time that has been told, in ns
 * @preempted: the guest was told that the vCPU does not run, and may have asked for a TLB flush
 * @busy: @map is in use, and not to be touched by the scheduler's call-back
 */
struct pv_steal {
	u64 msr;
	struct guest_map map;
	u64 seen;
	bool preempted;
	bool busy;
};

/**
 * struct pv_eoi - a bit in guest memory by which the guest ends an interrupt without an exit
 * @msr: MSR_KVM_PV_EOI_EN as last written
 * @map: where the bit is while @msr enables it
 * @armed: the bit was set: if it is clear now, the interrupt in service has ended
 */
struct pv_eoi {
	u64 msr;
	struct guest_map map;
	bool armed;
};

/**
 * struct pv_apf - asynchronous page faults
 * @enable_msr: MSR_KVM_ASYNC_PF_EN as last written
 * @vector_msr: MSR_KVM_ASYNC_PF_INT as last written
 * @map: the guest's struct kvm_vcpu_pv_apf_data while @enable_msr enables it
 * @next_token: to give out
 * @era: changes when the guest switches the service off: what began before is not told
 * @pending: pages that are waited for, and those that are here but not told
 * @wake_all: tell the guest that all pages are here
 * @ready: pages that have come; added by anyone
 * @queue: of those, the ones that are to be told next, oldest first
 */
struct pv_apf {
	u64 enable_msr;
	u64 vector_msr;
	struct guest_map map;
	u32 next_token;
	u32 era;
	u32 pending;
	bool wake_all;
	struct llist_head ready;
	struct llist_node *queue;
};

/**
 * struct pv_vcpu - what a vCPU has of these services; the owner's alone, but for what is said
 * @time_msr: MSR_KVM_SYSTEM_TIME as last written
 * @time: the guest's struct pvclock_vcpu_time_info while @time_msr enables it
 * @paused: tell the guest at the next update that it was stopped (KVM_KVMCLOCK_CTRL)
 * @unhalted: set by KVM_HC_KICK_CPU of another vCPU: ends HLT; cleared by who wakes
 * @enforce_cpuid: the guest may use only what its CPUID shows: @features
 * @features: EAX of the leaf KVM_CPUID_FEATURES
 * @poll_control: MSR_KVM_POLL_CONTROL: bit 0: the host may poll where the guest halts
 * @migration_control: MSR_KVM_MIGRATION_CONTROL: kept for user space
 * @runnable: the thread, while it has been preempted in KVM_RUN; read by others under RCU
 */
struct pv_vcpu {
	u64 time_msr;
	struct guest_map time;
	bool paused;
	bool unhalted;
	bool enforce_cpuid;
	u32 features;
	u64 poll_control;
	u64 migration_control;
	struct pv_steal steal;
	struct pv_eoi eoi;
	struct pv_apf apf;
	struct task_struct *runnable;
};

/**
 * enum pv_use - what the tracepoint "pv" tells of
 */
enum pv_use {
	PV_USE_MSR,
	PV_USE_EOI,
	PV_USE_STEAL,
	PV_USE_TLB_FLUSH,
	PV_USE_ABSENT,
	PV_USE_READY,
	PV_USE_IPI,
	PV_USE_KICK,
	PV_USE_YIELD,
};

/* At insmod and rmmod. */
int pv_module_init(void);
void pv_module_exit(void);

int pv_vm_init(struct vm *vm);
void pv_vm_destroy(struct vm *vm);
/* vcpu->vm and vcpu->tsc_khz are set; gives the new vCPU a TSC in step with its siblings. */
int pv_vcpu_init(struct vcpu *vcpu);
void pv_vcpu_destroy(struct vcpu *vcpu);
/* Reset or INIT: the pages that are shared with the guest are not any more. */
void pv_vcpu_reset(struct vcpu *vcpu);
/* The vCPU runs on another CPU than before. Preemption off. */
void pv_vcpu_migrated(struct vcpu *vcpu);

/* WORK_CLOCK: rewrite the vCPU's clock page. May sleep. */
void pv_clock_update(struct vcpu *vcpu);

/* The vCPU has another CPUID. */
void pv_cpuid_changed(struct vcpu *vcpu);

/* The guest may use the service KVM_FEATURE_@feature. */
bool pv_has(struct vcpu *vcpu, unsigned int feature);

/* The MSRs of this part. May sleep. 0, or 1 (refused: #GP, or an error of KVM_SET_MSRS). */
int pv_get_msr(struct vcpu *vcpu, u32 index, u64 *val);
int pv_set_msr(struct vcpu *vcpu, u32 index, u64 val);

/*
 * The vCPU is loaded in KVM_RUN; its thread is scheduled in; it is scheduled out. Preemption off.
 * WORK_STEAL: tell the guest how long it had to wait. May sleep.
 */
void pv_steal_load(struct vcpu *vcpu);
void pv_steal_out(struct vcpu *vcpu);
void pv_steal_update(struct vcpu *vcpu);

/*
 * An interrupt was injected: let the guest end it by a bit in memory. Then, before anybody looks at
 * the local APIC for what is in service: find out whether it has. The _fast form answers false
 * where that is not to be had with interrupts off; the other may sleep.
 */
void pv_eoi_arm(struct vcpu *vcpu);
bool pv_eoi_sync_fast(struct vcpu *vcpu);
void pv_eoi_sync(struct vcpu *vcpu);

/*
 * Asynchronous page faults. The guest can do something else while the page comes; begin a fault:
 * false if that is not possible; WORK_APF: tell the guest of pages that are here. May sleep.
 */
bool pv_apf_possible(struct vcpu *vcpu);
bool pv_apf_begin(struct vcpu *vcpu, unsigned long hva, bool write);
void pv_apf_work(struct vcpu *vcpu);

/* KVM_GET_CLOCK, KVM_SET_CLOCK; KVM_KVMCLOCK_CTRL. */
long clock_get(struct vm *vm, void *arg, unsigned long uarg);
long clock_set(struct vm *vm, void *arg, unsigned long uarg);
long clock_ctrl(struct vcpu *vcpu, void *arg, unsigned long uarg);
/* KVM_HC_CLOCK_PAIRING: 0 or -KVM_E*. May sleep. */
long clock_pairing(struct vcpu *vcpu, u64 gpa, u64 type);
void pv_clock_init(struct vm *vm);

/* KVM_HAS_DEVICE_ATTR and its like on a vCPU. */
long vcpu_attr_has(struct vcpu *vcpu, void *arg, unsigned long uarg);
long vcpu_attr_get(struct vcpu *vcpu, void *arg, unsigned long uarg);
long vcpu_attr_set(struct vcpu *vcpu, void *arg, unsigned long uarg);

/* KVM_CAP_TSC_CONTROL: TSCs can be scaled. */
int tsc_can_scale(void);
/* KVM_CAP_EXIT_HYPERCALL. */
long hypercall_enable_exits(struct vm *vm, const struct kvm_enable_cap *cap);

/* KVM_GET_TSC_KHZ (the answer is the ioctl's result), KVM_SET_TSC_KHZ (@uarg is the frequency). */
long tsc_khz_get(struct vcpu *vcpu, void *arg, unsigned long uarg);
long tsc_khz_set(struct vcpu *vcpu, void *arg, unsigned long uarg);
long vm_tsc_khz_get(struct vm *vm, void *arg, unsigned long uarg);
long vm_tsc_khz_set(struct vm *vm, void *arg, unsigned long uarg);

/*
 * IA32_TIME_STAMP_COUNTER and IA32_TSC_ADJUST (SDM 3, 17.17): both setters keep the counter, its
 * offset and vcpu->msrs.tsc_adjust in step. They may sleep.
 */
void tsc_set(struct vcpu *vcpu, u64 value, bool host);
void tsc_adjust_set(struct vcpu *vcpu, u64 value, bool host);

/* EXIT_HYPERCALL: enum verdict. The fast form runs with IRQs off. */
int hypercall_fast(struct vcpu *vcpu, struct exit *exit);
int hypercall(struct vcpu *vcpu, struct exit *exit);

#endif
