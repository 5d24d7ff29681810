// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU that does not run: HLT, or waiting for a start-up IPI. Its thread sleeps, but where
 * guests halt for moments only, its CPU looks for what ends the HLT a while before.
 */
#include <linux/cpumask.h>
#include <linux/kvm.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>

#include "halt_policy.h"
#include "irq/irqchip.h"
#include "run.h"
#include "vcpu.h"

static struct halt_policy halt_policy = {
	.max = 200000,
	.grow = 2,
	.grow_start = 10000,
};

module_param_named(halt_poll_ns, halt_policy.max, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns, "Longest poll at a guest's HLT, in ns; 0: none");
module_param_named(halt_poll_ns_grow, halt_policy.grow, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_grow, "Factor by which polls grow; 0: they do not");
module_param_named(halt_poll_ns_grow_start, halt_policy.grow_start, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_grow_start, "What they grow to from 0, in ns");
module_param_named(halt_poll_ns_shrink, halt_policy.shrink, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_shrink, "Divisor by which they shrink; 0: to nothing");

/* KVM_CAP_HALT_POLL: args[0] is the longest poll of this VM's vCPUs, in ns. */
long halt_set_poll(struct vm *vm, const struct kvm_enable_cap *cap)
{
	if (cap->args[0] > U32_MAX)
		return -EINVAL;
	WRITE_ONCE(vm->halt_poll_ns, cap->args[0]);
	return 0;
}

static struct halt_policy policy_of(const struct vcpu *vcpu)
{
	s64 own = READ_ONCE(vcpu->vm->halt_poll_ns);
	struct halt_policy policy = {
		.max = READ_ONCE(halt_policy.max),
		.grow = READ_ONCE(halt_policy.grow),
		.grow_start = READ_ONCE(halt_policy.grow_start),
		.shrink = READ_ONCE(halt_policy.shrink),
	};

	if (own >= 0)
		policy.max = own;
	return policy;
}

/* Work that a vCPU which does not run must look at. */
static bool vcpu_woken(struct vcpu *vcpu)
{
	unsigned long work = READ_ONCE(vcpu->work);

	if (work & (BIT(WORK_INIT_SIPI) | BIT(WORK_TIMER) | BIT(WORK_APF)))
		return true;
	return vcpu->mp_state == KVM_MP_STATE_HALTED && event_wakes(vcpu);
}

static bool must_stop(struct vcpu *vcpu)
{
	return vcpu_woken(vcpu) || signal_pending(current);
}

/* Returns whether the thread has slept. */
static bool sleep(struct vcpu *vcpu)
{
	bool slept = false;

	WRITE_ONCE(vcpu->stats.blocking, 1);
	prepare_to_rcuwait(&vcpu->wait);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (must_stop(vcpu))
			break;
		slept = true;
		schedule();
	}
	finish_rcuwait(&vcpu->wait);
	WRITE_ONCE(vcpu->stats.blocking, 0);
	return slept;
}

/* On a single CPU nothing can happen that a poll would see, but for the host's interrupts. */
static bool may_poll(const struct vcpu *vcpu)
{
	return vcpu->halt_poll_ns && vcpu->pv.poll_control & 1 && num_online_cpus() > 1;
}

/* Look for @ns, as long as nobody else wants the CPU. The moment at which this ended. */
static u64 poll(struct vcpu *vcpu, u64 start)
{
	u64 now = start, end = start + vcpu->halt_poll_ns;

	while (!must_stop(vcpu) && now < end && !need_resched() && single_task_running()) {
		cpu_relax();
		now = ktime_get_ns();
	}
	return now;
}

static void count_poll(struct vcpu_stats *stats, u64 ns, bool success)
{
	stats->halt_attempted_poll++;
	stats->halt_successful_poll += success;
	if (success) {
		stats->halt_poll_success_ns += ns;
		stats_histogram(stats->halt_poll_success_hist, ns);
	} else {
		stats->halt_poll_fail_ns += ns;
		stats_histogram(stats->halt_poll_fail_hist, ns);
	}
}

static void wait_for_event(struct vcpu *vcpu)
{
	struct halt_policy policy = policy_of(vcpu);
	u64 start = ktime_get_ns(), polled = start, now;
	bool polls = may_poll(vcpu), slept;

	if (polls)
		polled = poll(vcpu, start);
	slept = sleep(vcpu);
	now = ktime_get_ns();
	if (polls)
		count_poll(&vcpu->stats, polled - start, !slept);
	if (slept) {
		vcpu->stats.halt_wakeup++;
		vcpu->stats.halt_wait_ns += now - polled;
		stats_histogram(vcpu->stats.halt_wait_hist, now - polled);
	}
	vcpu->halt_poll_ns = halt_poll_next(&policy, vcpu->halt_poll_ns, now - start);
}

/**
 * vcpu_block() - wait until there is something to do for a vCPU that does not run
 * @vcpu: the vCPU
 *
 * Context: owner, in KVM_RUN.
 * Return: GUEST: see what there is.
 */
int vcpu_block(struct vcpu *vcpu)
{
	pv_eoi_sync(vcpu);
	vcpu_lapic_sleep(vcpu);
	if (vcpu->mp_state != KVM_MP_STATE_HALTED)
		sleep(vcpu);
	else if (!must_stop(vcpu))
		wait_for_event(vcpu);
	vcpu_lapic_wake(vcpu);

	if (vcpu_take_work(vcpu, WORK_TIMER))
		vcpu_lapic_timer_work(vcpu);
	if (vcpu_take_work(vcpu, WORK_APF))
		pv_apf_work(vcpu);
	if (vcpu_take_work(vcpu, WORK_INIT_SIPI))
		vcpu_take_init_sipi(vcpu);
	if (vcpu->mp_state == KVM_MP_STATE_HALTED && event_wakes(vcpu)) {
		WRITE_ONCE(vcpu->pv.unhalted, false);
		vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
		vcpu_request(vcpu, WORK_EVENT);
	}
	return GUEST;
}
