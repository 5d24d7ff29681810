// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_RUN: from the ioctl into the guest and back.
 *
 * vcpu_run() loops over vcpu_enter(), which loads the guest's state and turns in the inner loop
 * for as long as exits are fast, with interrupts off; and vcpu_block(), where HLT sleeps.
 */
#include <linux/entry-kvm.h>
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <linux/static_call.h>
#include <asm/debugreg.h>
#include <asm/nospec-branch.h>

#include "compat.h"
#include "hostmsr.h"
#include "irq/irqchip.h"
#include "irq/lapic.h"
#include "run.h"
#include "state.h"
#include "trace.h"
#include "vcpu.h"
#include "virt.h"
#include "xstate.h"

/* L0 to L3 and G0 to G3: a breakpoint is armed (SDM 3, 17.2.4). */
#define DR7_ENABLED 0xff

#define WORK_EVENTS (BIT(WORK_EVENT) | BIT(WORK_NMI))
/* What user space is told of. */
#define WORK_REPORTS \
	(BIT(WORK_TRIPLE_FAULT) | BIT(WORK_DEBUG) | BIT(WORK_TPR_ACCESS) | BIT(WORK_IOAPIC_EOI))

/* What each KVM_RUN calls of the backend; without a @before_run or @put there is no call. */
DEFINE_STATIC_CALL_NULL(backend_run, *((struct backend *)NULL)->run);
DEFINE_STATIC_CALL_NULL(backend_load, *((struct backend *)NULL)->load);
DEFINE_STATIC_CALL_NULL(backend_before_run, *((struct backend *)NULL)->before_run);
DEFINE_STATIC_CALL_NULL(backend_put, *((struct backend *)NULL)->put);

void __init run_module_init(void)
{
	static_call_update(backend_run, backend->run);
	static_call_update(backend_load, backend->load);
	static_call_update(backend_before_run, backend->before_run);
	static_call_update(backend_put, backend->put);
}

/* The vCPU that ran last on a CPU: another one must not be steered by what it has trained. */
static DEFINE_PER_CPU(struct vcpu *, run_last);

/**
 * run_forget() - a vCPU goes; one that comes to lie at its address is another guest
 * @vcpu: the vCPU, which does not run any more
 */
void run_forget(struct vcpu *vcpu)
{
	int cpu;

	for_each_possible_cpu(cpu)
		cmpxchg(per_cpu_ptr(&run_last, cpu), vcpu, NULL);
}

/**
 * vcpu_slept() - the machine was suspended: the guest's TSC goes on from where it was
 * @vcpu: the vCPU, whose owner calls this before anything else looks at its TSC
 *
 * Its clock is told anew.
 */
void vcpu_slept(struct vcpu *vcpu)
{
	u64 lost = virt_sleep.tsc_lost - vcpu->sleep.tsc_lost;

	WRITE_ONCE(vcpu->tsc_offset, vcpu->tsc_offset + tsc_scale(vcpu->tsc_ratio, lost));
	vcpu->sleep = virt_sleep;
	backend->update_tsc(vcpu);
	vcpu_request(vcpu, WORK_CLOCK);
}

static __always_inline void vcpu_load(struct vcpu *vcpu, int cpu)
{
	if (unlikely(vcpu->sleep.times != virt_sleep.times))
		vcpu_slept(vcpu);
	if (__this_cpu_read(run_last) != vcpu) {
		__this_cpu_write(run_last, vcpu);
		indirect_branch_prediction_barrier();
	}
	static_call(backend_load)(vcpu, cpu);
	if (unlikely(vcpu->pv.steal.msr))
		pv_steal_load(vcpu);
	if (vcpu->cpu != cpu) {
		pv_vcpu_migrated(vcpu);
		vcpu_lapic_sched_in(vcpu);
		WRITE_ONCE(vcpu->cpu, cpu);
	}
}

static void vcpu_put(struct vcpu *vcpu)
{
	static_call_cond(backend_put)(vcpu);
}

static void vcpu_sched_in(struct preempt_notifier *notifier, int cpu)
{
	struct vcpu *vcpu = container_of(notifier, struct vcpu, preempt);

	WRITE_ONCE(vcpu->pv.runnable, NULL);
	vcpu_load(vcpu, cpu);
}

static void vcpu_sched_out(struct preempt_notifier *notifier, struct task_struct *next)
{
	struct vcpu *vcpu = container_of(notifier, struct vcpu, preempt);

	vcpu_put(vcpu);
	if (vcpu->pv.steal.msr)
		pv_steal_out(vcpu);
	if (compat_is_runnable(current))
		WRITE_ONCE(vcpu->pv.runnable, current);
}

static struct preempt_ops vcpu_preempt_ops = {
	.sched_in = vcpu_sched_in,
	.sched_out = vcpu_sched_out,
};

void run_init(struct vcpu *vcpu)
{
	preempt_notifier_init(&vcpu->preempt, &vcpu_preempt_ops);
	vcpu->sleep = virt_sleep;
}

/**
 * vcpu_kick() - wake a vCPU from HLT, or make it leave guest mode
 * @vcpu: the vCPU; who kicks has set the work that it shall see
 *
 * Context: any.
 */
void vcpu_kick(struct vcpu *vcpu)
{
	int me, cpu;

	if (rcuwait_wake_up(&vcpu->wait))
		return;
	me = get_cpu();
	/* Its CPU is known only once it cannot enter elsewhere without seeing this. */
	if (cmpxchg(&vcpu->mode, VCPU_IN_GUEST, VCPU_EXITING) == VCPU_IN_GUEST) {
		cpu = READ_ONCE(vcpu->cpu);
		if (cpu != me && cpu >= 0 && cpu_online(cpu))
			compat_send_reschedule(cpu);
	}
	put_cpu();
}

/**
 * vcpu_tpr_moved() - the guest moved its TPR without an exit: by MOV CR8, or as an x2APIC's MSR
 * @vcpu: the vCPU
 * @tpr: the new value; CR8 is its upper half
 *
 * Context: owner, IRQs off.
 */
void vcpu_tpr_moved(struct vcpu *vcpu, u8 tpr)
{
	vcpu->cr8 = tpr >> 4;
	if (vcpu->apic)
		lapic_tpr_moved(vcpu->apic, tpr);
}

static void log_exit(struct vcpu *vcpu, const struct exit *exit)
{
	struct log_entry *entry = &vcpu->log[vcpu->log_next++ % LOG_ENTRIES];

	trace_exit(vcpu, exit);
	vcpu->stats.exits[exit->kind]++;
	entry->tsc = rdtsc();
	entry->rip = vcpu->rip;
	entry->reason = exit->raw.reason;
	entry->info[0] = exit->raw.info[0];
	entry->info[1] = exit->raw.info[1];
}

/* Where the host does accurate accounting, each entry is announced; RCU is not watching inside. */
static void run_guest(struct vcpu *vcpu, struct exit *exit)
{
	context_tracking_guest_enter();
	static_call(backend_run)(vcpu, exit);
	context_tracking_guest_exit();
}

/* Events that came up in the inner loop are decided there, if nothing else has. What is left. */
static unsigned long take_events_fast(struct vcpu *vcpu, unsigned long work)
{
	if (work & ~WORK_EVENTS || !vcpu->fast_events ||
	    (vcpu->pv.eoi.armed && !pv_eoi_sync_fast(vcpu)))
		return work;
	vcpu_take_work(vcpu, WORK_EVENT);
	event_prepare(vcpu);
	return READ_ONCE(vcpu->work);
}

/* The inner loop: IRQs off. Returns SLOW for an exit that must be handled outside. */
static int run_fast(struct vcpu *vcpu, struct exit *exit)
{
	unsigned long work;
	int r;

	do {
		run_guest(vcpu, exit);
		log_exit(vcpu, exit);
		r = exit_handle_fast(vcpu, exit);
		if (r != GUEST)
			return r;
		work = READ_ONCE(vcpu->work);
		if (work)
			work = take_events_fast(vcpu, work);
	} while (!work && READ_ONCE(vcpu->mode) == VCPU_IN_GUEST &&
		 !xfer_to_guest_mode_work_pending());
	return GUEST;
}

static void debug_registers_enter(struct vcpu *vcpu)
{
	const u64 *dr;
	int i;

	/* The host's breakpoints must not meet the guest's addresses, nor the guest's GS base. */
	if (unlikely(hw_breakpoint_active()))
		set_debugreg(0, 7);
	if (likely(!(vcpu->hw_dr7 & DR7_ENABLED)))
		return;
	dr = vcpu->debug.control & KVM_GUESTDBG_USE_HW_BP ? vcpu->debug.dr : vcpu->dr;
	for (i = 0; i < 4; i++)
		set_debugreg(dr[i], i);
}

static void debug_registers_leave(void)
{
	if (unlikely(hw_breakpoint_active()))
		hw_breakpoint_restore();
}

static bool enter_prepare(struct vcpu *vcpu)
{
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
	xfer_to_guest_mode_prepare();
	WRITE_ONCE(vcpu->mode, VCPU_IN_GUEST);
	/* Pairs with who sets work and then looks at mode. */
	smp_mb();
	return !READ_ONCE(vcpu->work) && !xfer_to_guest_mode_work_pending() &&
	       __this_cpu_read(virt_on);
}

/* Enter the guest, stay while exits are fast, then handle the one that is not. */
static int vcpu_enter(struct vcpu *vcpu)
{
	struct exit *exit = &vcpu->exit;
	int r;

	local_irq_disable();
	if (!enter_prepare(vcpu)) {
		WRITE_ONCE(vcpu->mode, VCPU_OUTSIDE);
		local_irq_enable();
		cond_resched();
		return GUEST;
	}
	vcpu->cpuid.ran = true;
	vtime_account_guest_enter();
	xstate_enter(vcpu);
	debug_registers_enter(vcpu);
	/* RDTSCP and RDPID do not exit, whatever CPUID says: the host's value is not for guests. */
	if (cpu_feature_enabled(X86_FEATURE_RDTSCP))
		host_msr_set(HOST_MSR_TSC_AUX, vcpu->msrs.tsc_aux);

	if (unlikely(vcpu->wait_tsc))
		vcpu_lapic_wait(vcpu);
	static_call_cond(backend_before_run)(vcpu);
	r = run_fast(vcpu, exit);

	debug_registers_leave();
	xstate_leave(vcpu);
	WRITE_ONCE(vcpu->mode, VCPU_OUTSIDE);
	compat_ibpb_at_user_return();
	if (exit->kind == EXIT_INTERRUPT) {
		/* The guest was a quiescent state, which RCU asks for by a tick. */
		compat_rcu_note_guest();
		/*
		 * The interrupt is taken here, so that a tick counts as the guest's time. STI holds
		 * it back until after the next instruction.
		 */
		preempt_disable();
		local_irq_enable();
		asm volatile("nop");
		local_irq_disable();
		preempt_enable();
	}
	vtime_account_guest_exit();
	local_irq_enable();

	return r == SLOW ? exit_handle(vcpu, exit) : r;
}

void vcpu_take_init_sipi(struct vcpu *vcpu)
{
	if (test_and_clear_bit(INIT_PENDING, &vcpu->init_sipi)) {
		vcpu_reset(vcpu, true);
		vcpu->mp_state = vcpu->id == vcpu->vm->bsp_id ? KVM_MP_STATE_RUNNABLE :
								KVM_MP_STATE_INIT_RECEIVED;
	}
	if (test_and_clear_bit(SIPI_PENDING, &vcpu->init_sipi) &&
	    vcpu->mp_state == KVM_MP_STATE_INIT_RECEIVED) {
		struct kvm_segment cs;

		backend->get_segment(vcpu, SEG_CS, &cs);
		cs.selector = vcpu->sipi_vector << 8;
		cs.base = vcpu->sipi_vector << 12;
		backend->set_segment(vcpu, SEG_CS, &cs);
		vcpu->rip = 0;
		vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
	}
}

/* With a PIC in user space: it wants to know when it may inject. */
static int vcpu_user_window(struct vcpu *vcpu)
{
	bool wanted = vcpu->user_pic && READ_ONCE(vcpu->run->request_interrupt_window);

	/* The inner loop knows nothing of the window. */
	vcpu->fast_events = vcpu->apic && !wanted && !vcpu->tpr.vapic;
	if (!wanted)
		return GUEST;
	if (event_interrupt_ready(vcpu)) {
		vcpu->stats.request_irq_exits++;
		vcpu->run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
		return USER;
	}
	/* While the local APIC does not listen to the PIC there is nothing to wait for. */
	if (!vcpu->apic || lapic_takes_extint(vcpu->apic))
		backend->open_interrupt_window(vcpu);
	return GUEST;
}

/* Work that ends KVM_RUN. */
static int vcpu_report_work(struct vcpu *vcpu)
{
	if (vcpu_take_work(vcpu, WORK_TRIPLE_FAULT)) {
		vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
		return USER;
	}
	if (vcpu_take_work(vcpu, WORK_DEBUG)) {
		debug_report(vcpu);
		return USER;
	}
	if (vcpu_take_work(vcpu, WORK_TPR_ACCESS)) {
		tpr_exit(vcpu);
		return USER;
	}
	if (vcpu_take_work(vcpu, WORK_IOAPIC_EOI)) {
		vcpu->run->exit_reason = KVM_EXIT_IOAPIC_EOI;
		vcpu->run->eoi.vector = vcpu->ioapic_eoi;
		return USER;
	}
	return GUEST;
}

/* All work that may sleep; then the decision about events. An enum verdict, or an errno. */
static int vcpu_do_work(struct vcpu *vcpu)
{
	if (READ_ONCE(vcpu->work) & WORK_REPORTS && vcpu_report_work(vcpu) == USER)
		return USER;
	if (unlikely(vcpu->user_events))
		tpr_from_copy(vcpu);
	if (vcpu_take_work(vcpu, WORK_INTERCEPTS))
		backend->update_intercepts(vcpu);
	if (vcpu_take_work(vcpu, WORK_INIT_SIPI))
		vcpu_take_init_sipi(vcpu);
	if (vcpu_take_work(vcpu, WORK_STEAL))
		pv_steal_update(vcpu);
	if (vcpu_take_work(vcpu, WORK_TLB_FLUSH)) {
		vcpu->stats.tlb_flush++;
		backend->flush_tlb(vcpu);
	}
	if (vcpu_take_work(vcpu, WORK_CLOCK))
		pv_clock_update(vcpu);
	if (vcpu_take_work(vcpu, WORK_APF))
		pv_apf_work(vcpu);
	if (vcpu_take_work(vcpu, WORK_TIMER))
		vcpu_lapic_timer_work(vcpu);
	if (READ_ONCE(vcpu->work) & WORK_EVENTS && vcpu->mp_state == KVM_MP_STATE_RUNNABLE) {
		if (vcpu->pv.eoi.armed)
			pv_eoi_sync(vcpu);
		vcpu_take_work(vcpu, WORK_EVENT);
		event_prepare(vcpu);
	}
	if (likely(!vcpu->user_events))
		return GUEST;
	tpr_to_copy(vcpu);
	return vcpu_user_window(vcpu);
}

static int vcpu_loop(struct vcpu *vcpu)
{
	int r;

	for (;;) {
		if (READ_ONCE(vcpu->work) || vcpu->user_events) {
			r = vcpu_do_work(vcpu);
			if (r <= 0)
				return r;
		}
		r = vcpu->mp_state == KVM_MP_STATE_RUNNABLE ? vcpu_enter(vcpu) : vcpu_block(vcpu);
		if (r <= 0)
			return r;
		if (__xfer_to_guest_mode_work_pending()) {
			r = compat_handle_work();
			if (r) {
				vcpu->stats.signal_exits++;
				vcpu->run->exit_reason = KVM_EXIT_INTR;
				return r;
			}
		}
	}
}

static void run_page_out(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	bool ready = true;

	run->if_flag = !!(vcpu->rflags & X86_EFLAGS_IF);
	run->cr8 = vcpu->apic ? lapic_cr8(vcpu->apic) : vcpu->cr8;
	run->apic_base = vcpu->apic_base;
	run->flags = 0;
	if (unlikely(vcpu->user_events)) {
		tpr_from_copy(vcpu);
		ready = !vcpu->user_pic || event_interrupt_ready(vcpu);
	}
	run->ready_for_interrupt_injection = ready;
	if (unlikely(READ_ONCE(run->kvm_valid_regs)))
		sync_regs_out(vcpu);
}

/* What user space put into the run page, and what the last exit left to be done. */
static int run_page_in(struct vcpu *vcpu)
{
	typeof(vcpu->complete) complete;
	u64 cr8;
	int r;

	if (unlikely(READ_ONCE(vcpu->run->kvm_valid_regs) | READ_ONCE(vcpu->run->kvm_dirty_regs))) {
		r = sync_regs_in(vcpu);
		if (r)
			return r;
	}
	complete = vcpu->complete;
	if (!vcpu->apic) {
		cr8 = READ_ONCE(vcpu->run->cr8);
		if (cr8 > 15)
			return -EINVAL;
		if (cr8 != vcpu->cr8) {
			vcpu->cr8 = cr8;
			vcpu_request(vcpu, WORK_EVENT);
		}
	}
	vcpu->complete = NULL;
	return complete ? complete(vcpu) : GUEST;
}

static long vcpu_run_loaded(struct vcpu *vcpu)
{
	int r = run_page_in(vcpu);

	if (r <= 0)
		return r;
	/* The last exit's reason stays: who completes its I/O in this way still looks at it. */
	if (READ_ONCE(vcpu->run->compat_immediate_exit))
		return -EINTR;
	if (vcpu->mp_state == KVM_MP_STATE_UNINITIALIZED) {
		vcpu_block(vcpu);
		if (signal_pending(current)) {
			vcpu->run->exit_reason = KVM_EXIT_INTR;
			return -EINTR;
		}
		return -EAGAIN;
	}
	if (unlikely(vcpu->debug.control)) {
		r = debug_step(vcpu);
		if (r <= 0)
			return r;
	}
	return vcpu_loop(vcpu);
}

static long vcpu_run_unmasked(struct vcpu *vcpu)
{
	long r;

	preempt_disable();
	preempt_notifier_register(&vcpu->preempt);
	vcpu_load(vcpu, smp_processor_id());
	preempt_enable();
	xstate_load(vcpu);

	r = vcpu_run_loaded(vcpu);
	vcpu->stats.user_exits++;

	trace_user_exit(vcpu, r);
	xstate_put(vcpu);
	run_page_out(vcpu);
	local_irq_disable();
	vcpu_put(vcpu);
	preempt_notifier_unregister(&vcpu->preempt);
	local_irq_enable();
	return r;
}

/* With the signals that KVM_SET_SIGNAL_MASK wants blocked. */
static noinline long vcpu_run_masked(struct vcpu *vcpu)
{
	sigset_t saved;
	long r;

	sigprocmask(SIG_SETMASK, &vcpu->sigset, &saved);
	r = vcpu_run_unmasked(vcpu);
	sigprocmask(SIG_SETMASK, &saved, NULL);
	return r;
}

static void set_block_step(bool on)
{
	unsigned long debugctl;

	local_irq_disable();
	debugctl = get_debugctlmsr() & ~DEBUGCTLMSR_BTF;
	update_thread_flag(TIF_BLOCKSTEP, on);
	update_debugctlmsr(on ? debugctl | DEBUGCTLMSR_BTF : debugctl);
	local_irq_enable();
}

/* A debugger steps the thread by branches; not the guest, to which DEBUGCTL may apply too. */
static noinline long vcpu_run_block_stepped(struct vcpu *vcpu)
{
	long r;

	set_block_step(false);
	r = vcpu->sigset_active ? vcpu_run_masked(vcpu) : vcpu_run_unmasked(vcpu);
	set_block_step(true);
	return r;
}

/**
 * vcpu_run() - KVM_RUN
 * @vcpu: the vCPU, with its mutex held
 * @uarg: must be 0
 *
 * Return: 0 with kvm_run->exit_reason set; -EINTR for a signal or immediate_exit; -EAGAIN after a
 * start-up IPI; another errno.
 */
long vcpu_run(struct vcpu *vcpu, unsigned long uarg)
{
	if (uarg)
		return -EINVAL;
	if (unlikely(test_thread_flag(TIF_BLOCKSTEP)))
		return vcpu_run_block_stepped(vcpu);
	return unlikely(vcpu->sigset_active) ? vcpu_run_masked(vcpu) : vcpu_run_unmasked(vcpu);
}
