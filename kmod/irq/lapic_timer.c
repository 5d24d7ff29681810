// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's timer (SDM 3, 11.5.4). It counts with 1 GHz before division, the frequency that
 * the KVM CPUID leaves state. Its state belongs to the owner alone: what the host's timer does when
 * it fires is to send the owner to lapic_timer_expired(). So a periodic timer goes no faster than
 * its vCPU runs, and a guest cannot keep the host busy with it.
 */

#include <linux/math64.h>

#include "lapic.h"

/* Divide configuration register, bits 3, 1, 0: divide by 2, 4, ... 128, 1 (SDM 3, figure 11-10). */
static unsigned int divide_shift(const struct lapic *lapic)
{
	u32 tdcr = lapic_get(lapic, LAPIC_TDCR);

	return ((tdcr & 3) + (tdcr >> 1 & 4) + 1) & 7;
}

enum lapic_timer_mode lapic_timer_mode(const struct lapic *lapic)
{
	u32 lvtt = lapic_get(lapic, LAPIC_LVTT);

	if (lvtt & LAPIC_LVT_TSC_DEADLINE)
		return LAPIC_DEADLINE;
	return lvtt & LAPIC_LVT_PERIODIC ? LAPIC_PERIODIC : LAPIC_ONE_SHOT;
}

static u64 period_ns(const struct lapic *lapic)
{
	return (u64)lapic_get(lapic, LAPIC_TMICT) << divide_shift(lapic);
}

/**
 * lapic_timer_stop() - disarm the timer in every mode
 * @lapic: the APIC
 *
 * Owner, or when nobody owns the vCPU any more.
 */
void lapic_timer_stop(struct lapic *lapic)
{
	if (lapic->target || lapic->deadline)
		lapic->ops->timer_cancel(lapic->opaque);
	lapic->target = 0;
	lapic->deadline = 0;
}

static void count_down(struct lapic *lapic, u32 count)
{
	lapic->target = lapic->ops->now_ns(lapic->opaque) + ((u64)count << divide_shift(lapic));
	lapic->ops->timer_arm(lapic->opaque, lapic->target);
}

/**
 * lapic_timer_start() - write the initial count
 * @lapic: the APIC
 * @count: ticks, 0 stops; ignored in TSC-deadline mode (SDM 3, 11.5.4.1)
 *
 * Owner.
 */
void lapic_timer_start(struct lapic *lapic, u32 count)
{
	if (lapic_timer_mode(lapic) == LAPIC_DEADLINE)
		return;
	lapic_put(lapic, LAPIC_TMICT, count);
	if (count)
		count_down(lapic, count);
	else
		lapic_timer_stop(lapic);
}

/**
 * lapic_timer_set_lvt() - write the timer's local vector table register
 * @lapic: the APIC
 * @value: without reserved bits
 *
 * A change between TSC-deadline mode and the others disarms the timer (SDM 3, 11.5.4.1). Owner.
 */
void lapic_timer_set_lvt(struct lapic *lapic, u32 value)
{
	u32 both = LAPIC_LVT_PERIODIC | LAPIC_LVT_TSC_DEADLINE;

	if ((value & both) == both)
		value &= ~both;
	if ((value ^ lapic_get(lapic, LAPIC_LVTT)) & LAPIC_LVT_TSC_DEADLINE) {
		lapic_timer_stop(lapic);
		lapic_put(lapic, LAPIC_TMICT, 0);
	}
	lapic_put(lapic, LAPIC_LVTT, value);
}

/**
 * lapic_timer_count() - the current count (SDM 3, 11.5.4)
 * @lapic: the APIC
 *
 * Owner.
 *
 * Return: ticks until the timer fires; 0 if it stands still or in TSC-deadline mode
 */
u32 lapic_timer_count(const struct lapic *lapic)
{
	unsigned int shift = divide_shift(lapic);
	u64 period = period_ns(lapic);
	u64 now, left;

	if (!lapic->target)
		return 0;
	now = lapic->ops->now_ns(lapic->opaque);
	if (now < lapic->target) {
		left = lapic->target - now;
	} else {
		if (lapic_timer_mode(lapic) == LAPIC_ONE_SHOT || !period)
			return 0;
		div64_u64_rem(now - lapic->target, period, &left);
		left = period - left;
	}
	return (left + BIT_ULL(shift) - 1) >> shift;
}

/**
 * lapic_timer_set_divide() - write the divide configuration
 * @lapic: the APIC
 * @value: of the register; the count that is left goes on at the new rate
 *
 * Owner.
 */
void lapic_timer_set_divide(struct lapic *lapic, u32 value)
{
	u32 count = lapic_timer_count(lapic);

	lapic_put(lapic, LAPIC_TDCR, value);
	if (lapic->target && count)
		count_down(lapic, count);
}

static void deadline_expired(struct lapic *lapic)
{
	if (lapic->ops->guest_tsc(lapic->opaque) < lapic->deadline) {
		lapic->ops->timer_arm_tsc(lapic->opaque, lapic->deadline);
		return;
	}
	lapic->deadline = 0;
	lapic_local(lapic, LAPIC_LVTT);
}

/**
 * lapic_timer_expired() - what was armed has fired
 * @lapic: the APIC
 *
 * Harmless when called early or for a timer that was disarmed since. Owner.
 */
void lapic_timer_expired(struct lapic *lapic)
{
	u64 now, period;

	if (lapic->deadline) {
		deadline_expired(lapic);
		return;
	}
	if (!lapic->target)
		return;
	now = lapic->ops->now_ns(lapic->opaque);
	if (now >= lapic->target) {
		period = period_ns(lapic);
		if (lapic_timer_mode(lapic) == LAPIC_ONE_SHOT || !period)
			lapic->target = 0;
		else
			lapic->target += (div64_u64(now - lapic->target, period) + 1) * period;
		lapic_local(lapic, LAPIC_LVTT);
	}
	if (lapic->target)
		lapic->ops->timer_arm(lapic->opaque, lapic->target);
}

/* IA32_TSC_DEADLINE: 0 outside TSC-deadline mode and after it fired (SDM 3, 11.5.4.1). Owner. */
u64 lapic_tsc_deadline(const struct lapic *lapic)
{
	return lapic->deadline;
}

/**
 * lapic_set_tsc_deadline() - write IA32_TSC_DEADLINE
 * @lapic: the APIC
 * @tsc: guest TSC at which to fire, at once if it is past; 0 disarms
 *
 * Ignored outside TSC-deadline mode (SDM 3, 11.5.4.1). Owner.
 */
void lapic_set_tsc_deadline(struct lapic *lapic, u64 tsc)
{
	if (lapic_timer_mode(lapic) != LAPIC_DEADLINE || !lapic_enabled(lapic))
		return;
	if (tsc && lapic->ops->guest_tsc(lapic->opaque) < tsc) {
		lapic->deadline = tsc;
		lapic->ops->timer_arm_tsc(lapic->opaque, tsc);
		return;
	}
	lapic_timer_stop(lapic);
	if (tsc)
		lapic_local(lapic, LAPIC_LVTT);
}
