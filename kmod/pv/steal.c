// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steal time: a page in which the guest finds how long its vCPU wanted to run and could not, and
 * whether it runs just now. One that does not may be asked there to flush its TLB before it goes
 * on, instead of being interrupted.
 */
#include <linux/kernel.h>
#include <linux/kvm.h>
#include <linux/kvm_para.h>
#include <linux/sched.h>

#include "../backend.h"
#include "../compat.h"
#include "../trace.h"
#include "../vcpu.h"
#include "../vm.h"
#include "clock.h"
#include "pv.h"

#define ENABLED		 BIT_ULL(0)
#define RESERVED	 GENMASK_ULL(5, 1)
#define ADDRESS		 GENMASK_ULL(63, 6)

#define VERSION_OFFSET	 offsetof(struct kvm_steal_time, version)
#define PREEMPTED_OFFSET offsetof(struct kvm_steal_time, preempted)

/* A guest that goes on changing the flags does not keep us. */
#define TRIES 8

int steal_set_msr(struct vcpu *vcpu, u64 val)
{
	struct pv_steal *steal = &vcpu->pv.steal;

	if (val & RESERVED)
		return 1;
	*steal = (struct pv_steal){ .msr = val, .seen = compat_run_delay(current), .busy = true };
	if (val & ENABLED)
		vcpu_request(vcpu, WORK_STEAL);
	return 0;
}

void pv_steal_load(struct vcpu *vcpu)
{
	const struct pv_steal *steal = &vcpu->pv.steal;

	if (steal->msr & ENABLED && (steal->preempted || steal->seen != compat_run_delay(current)))
		vcpu_request(vcpu, WORK_STEAL);
}

/*
 * In the middle of an instruction that is being emulated, addresses have been translated already: a
 * flush may not be put off then.
 */
static bool between_instructions(const struct vcpu *vcpu)
{
	return vcpu->mp_state == KVM_MP_STATE_HALTED || vcpu->exit.kind == EXIT_INTERRUPT;
}

/**
 * pv_steal_out() - the thread does not run any more: tell the guest
 * @vcpu: the vCPU
 *
 * Context: the scheduler's, IRQs off. It may have interrupted pv_steal_update().
 */
void pv_steal_out(struct vcpu *vcpu)
{
	struct pv_steal *steal = &vcpu->pv.steal;
	const u8 preempted = KVM_VCPU_PREEMPTED;

	if (!(steal->msr & ENABLED) || steal->preempted || READ_ONCE(steal->busy))
		return;
	if (!between_instructions(vcpu)) {
		vcpu->stats.preemption_other++;
		return;
	}
	vcpu->stats.preemption_reported++;
	if (!guest_map_write_atomic(vcpu->vm, &steal->map, PREEMPTED_OFFSET, &preempted,
				    sizeof(preempted)))
		steal->preempted = true;
}

/* The vCPU runs: take the flags back, and do what was asked for meanwhile. */
static int take_flags(struct vcpu *vcpu)
{
	struct pv_steal *steal = &vcpu->pv.steal;
	u64 flags = steal->preempted ? KVM_VCPU_PREEMPTED : 0;
	u64 gpa = steal->map.gpa + PREEMPTED_OFFSET;
	int i, r = 1;

	for (i = 0; i < TRIES && r == 1; i++)
		r = guest_cmpxchg(vcpu->vm, gpa, &flags, 0, sizeof(u8));
	if (r < 0)
		return r;
	steal->preempted = false;
	if (r)
		flags = KVM_VCPU_FLUSH_TLB;
	if (flags & KVM_VCPU_FLUSH_TLB && pv_has(vcpu, KVM_FEATURE_PV_TLB_FLUSH)) {
		trace_pv(vcpu, PV_USE_TLB_FLUSH, flags);
		vcpu->stats.tlb_flush++;
		backend->flush_tlb(vcpu);
	}
	return 0;
}

/* The guest takes what is there at an even version, the same before and after it looked. */
static void add_time(struct vcpu *vcpu, u64 ns)
{
	struct pv_steal *steal = &vcpu->pv.steal;
	struct kvm_steal_time time;
	u32 version;

	if (guest_map_read(vcpu->vm, &steal->map, 0, &time, sizeof(time)))
		return;
	version = (time.version + 1) | 1;
	if (guest_map_write(vcpu->vm, &steal->map, VERSION_OFFSET, &version, sizeof(version)))
		return;
	time.steal += ns;
	trace_pv(vcpu, PV_USE_STEAL, ns);
	/* Odd version, time, even version: pairs with the guest's read barriers. */
	smp_wmb();
	guest_map_write(vcpu->vm, &steal->map, 0, &time.steal, sizeof(time.steal));
	version++;
	/* See above. */
	smp_wmb();
	guest_map_write(vcpu->vm, &steal->map, VERSION_OFFSET, &version, sizeof(version));
}

/**
 * pv_steal_update() - WORK_STEAL: the vCPU is about to run, tell the guest what it has missed
 * @vcpu: the vCPU; where its page is no RAM, nothing is written
 *
 * Context: owner; may sleep.
 */
void pv_steal_update(struct vcpu *vcpu)
{
	struct pv_steal *steal = &vcpu->pv.steal;
	u64 delay = compat_run_delay(current);

	if (!(steal->msr & ENABLED))
		return;
	WRITE_ONCE(steal->busy, true);
	barrier();
	if (!steal->map.len && guest_map_init(vcpu->vm, &steal->map, steal->msr & ADDRESS,
					      sizeof(struct kvm_steal_time)))
		return;
	if (!take_flags(vcpu)) {
		/* Another thread than before may have waited less. */
		add_time(vcpu, delay > steal->seen ? delay - steal->seen : 0);
		steal->seen = delay;
	}
	barrier();
	WRITE_ONCE(steal->busy, false);
}
