// SPDX-License-Identifier: GPL-2.0-only
/* The local APIC's registers as KVM_GET_LAPIC and KVM_SET_LAPIC show them. */

#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kvm.h>
#include <linux/string.h>

#include "lapic.h"

static u32 state_get(const struct kvm_lapic_state *state, u32 offset)
{
	u32 value;

	memcpy(&value, state->regs + offset, sizeof(value));
	return value;
}

static void state_put(struct kvm_lapic_state *state, u32 offset, u32 value)
{
	memcpy(state->regs + offset, &value, sizeof(value));
}

/**
 * lapic_get_state() - KVM_GET_LAPIC
 * @lapic: the APIC
 * @state: receives the registers
 * @x2apic_format: with KVM_X2APIC_API_USE_32BIT_IDS: an x2APIC's id has its 32 bits, else
 *	always bits 31:24 (api.rst, 4.57)
 *
 * Owner.
 */
void lapic_get_state(struct lapic *lapic, struct kvm_lapic_state *state, bool x2apic_format)
{
	u32 offset;

	memset(state, 0, sizeof(*state));
	for (offset = 0; offset < KVM_APIC_REG_SIZE; offset += 16)
		state_put(state, offset, lapic_get(lapic, offset));
	state_put(state, LAPIC_VERSION, lapic_version(lapic));
	state_put(state, LAPIC_TMCCT, lapic_timer_count(lapic));
	if (lapic_x2apic(lapic) && !x2apic_format)
		state_put(state, LAPIC_ID, lapic->id << 24);
}

/* Count on where the saved timer was. An expired one-shot stays expired. */
static void restart_timer(struct lapic *lapic, u32 initial, u32 left)
{
	if (!left && lapic_timer_mode(lapic) == LAPIC_PERIODIC)
		left = initial;
	if (!initial || !left || lapic_timer_mode(lapic) == LAPIC_DEADLINE)
		return;
	lapic_timer_start(lapic, left);
	lapic_put(lapic, LAPIC_TMICT, initial);
}

/**
 * lapic_set_state() - KVM_SET_LAPIC
 * @lapic: the APIC, in the mode that the state was saved in
 * @state: registers; hostile
 * @x2apic_format: as in lapic_get_state()
 *
 * What the registers' own rules would not let a guest store is dropped, but the interrupt banks are
 * taken as they are. Owner.
 *
 * Return: 0, or -EINVAL where the id of an x2APIC is not the vCPU's
 */
int lapic_set_state(struct lapic *lapic, const struct kvm_lapic_state *state, bool x2apic_format)
{
	u32 offset;

	if (lapic_x2apic(lapic) && x2apic_format && state_get(state, LAPIC_ID) != lapic->id)
		return -EINVAL;
	lapic_timer_stop(lapic);
	for (offset = 0; offset < KVM_APIC_REG_SIZE; offset += 16)
		lapic_put(lapic, offset, state_get(state, offset) & lapic_storable(lapic, offset));
	lapic_put(lapic, LAPIC_DFR, lapic_get(lapic, LAPIC_DFR) | GENMASK(27, 0));
	if (lapic_x2apic(lapic))
		lapic_set_ids(lapic);
	restart_timer(lapic, state_get(state, LAPIC_TMICT), state_get(state, LAPIC_TMCCT));
	lapic_recount(lapic);
	lapic->ops->changed(lapic->opaque);
	lapic->ops->wake(lapic->opaque);
	return 0;
}
