// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VMX-preemption timer (SDM 3, 25.5.1): it ends the guest at its TSC deadline, without a timer
 * of the host's and its interrupt.
 *
 * It starts anew with each entry and counts how often a certain bit of the TSC changes. It runs for
 * each vCPU that may have a deadline: where none is near, it ends the guest now and then for
 * nothing, which is cheaper than to switch it on and off.
 */
#include <linux/module.h>
#include <asm/msr.h>
#include <asm/tsc.h>

#include "vmx.h"

/* IA32_VMX_MISC (SDM 3, A.6): the timer counts changes of this bit of the TSC. */
#define MISC_TIMER_BIT GENMASK_ULL(4, 0)

/* Ticks until it ends a guest for timer_guard's sake. */
#define GUARD_TICKS 100000

static bool timer_guard;
module_param(timer_guard, bool, 0444);
MODULE_PARM_DESC(timer_guard,
		 "Look for interrupts by a timer, for emulators that hold them back while IF=0");

static u8 timer_bit;

/**
 * vmx_timer_probe() - discover the timer
 *
 * For deadlines it is used only where there is INVPCID: in older generations it has errata.
 */
void vmx_timer_probe(void)
{
	u64 misc;

	if (!vmx_can(VMX_PIN, PIN_BASED_VMX_PREEMPTION_TIMER) ||
	    rdmsrl_safe(MSR_IA32_VMX_MISC, &misc))
		return;
	timer_bit = misc & MISC_TIMER_BIT;
	if (vmx_can(VMX_CPU2, SECONDARY_EXEC_ENABLE_INVPCID))
		vmx_backend.set_deadline = vmx_set_deadline;
}

static u32 most_ticks(void)
{
	return timer_guard ? GUARD_TICKS : U32_MAX;
}

/**
 * vmx_timer_init() - part of making a vCPU
 * @vmx: the vCPU, whose VMCS is current
 *
 * Return: the pin-based control, where the vCPU needs the timer.
 */
u32 vmx_timer_init(struct vmx_vcpu *vmx)
{
	bool deadlines = vmx_backend.set_deadline && vmx->vcpu.vm->irqchip;

	if (!deadlines && !(timer_guard && vmx_can(VMX_PIN, PIN_BASED_VMX_PREEMPTION_TIMER)))
		return 0;
	vmx_write(VMX_PREEMPTION_TIMER_VALUE, most_ticks());
	return PIN_BASED_VMX_PREEMPTION_TIMER;
}

/* Host ticks until @left guest ticks have passed, or fewer: bounded so that the quotient fits. */
static u64 host_ticks(const struct vmx_vcpu *vmx, u64 left)
{
	u64 ratio = vmx->vcpu.tsc_ratio;

	if (likely(!ratio))
		return min(left, BIT_ULL(63));
	return mul_u64_u64_div_u64(min(left, BIT_ULL(40)), BIT_ULL(vmx_backend.tsc_fraction),
				   ratio) +
	       1;
}

/**
 * vmx_timer_start() - let the timer end the guest at its deadline, not a tick before
 * @vmx: the vCPU, which has a deadline and is about to be entered
 *
 * The bit of the TSC changes for the nth time at a multiple of its value. Beyond the timer's range
 * the guest is ended early, and entered again.
 *
 * Context: IRQs off.
 */
void vmx_timer_start(struct vmx_vcpu *vmx)
{
	u64 mask = BIT_ULL(timer_bit) - 1;
	u64 tsc = rdtsc();
	u64 now = tsc_guest(&vmx->vcpu, tsc);
	u64 left = vmx->deadline > now ? vmx->deadline - now : 0;
	u64 ticks = left ? ((tsc & mask) + host_ticks(vmx, left) + mask) >> timer_bit : 0;

	vmx_write(VMX_PREEMPTION_TIMER_VALUE, min_t(u64, ticks, most_ticks()));
}

/* The timer has ended the guest: at the deadline, or for nothing. */
bool vmx_timer_due(const struct vmx_vcpu *vmx)
{
	return vmx->deadline && tsc_guest_now(&vmx->vcpu) >= vmx->deadline;
}

void vmx_set_deadline(struct vcpu *vcpu, u64 tsc)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (!tsc && vmx->deadline) {
		vmx_begin(vmx);
		vmx_write(VMX_PREEMPTION_TIMER_VALUE, most_ticks());
		vmx_end();
	}
	vmx->deadline = tsc;
}
