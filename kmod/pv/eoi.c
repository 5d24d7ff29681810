// SPDX-License-Identifier: GPL-2.0-only
/*
 * End of interrupt without an exit: a bit in guest memory, which the guest clears instead of
 * writing to the local APIC.
 *
 * The bit is set only while exactly one interrupt is in service, none waits, and nobody wants to
 * hear of its end. So what the local APIC believes meanwhile matters to nobody: whatever comes
 * next leads to event_prepare(), and who reads registers finds out first.
 */
#include <linux/kernel.h>
#include <linux/kvm.h>
#include <linux/kvm_para.h>

#include "../backend.h"
#include "../irq/lapic.h"
#include "../trace.h"
#include "../vcpu.h"
#include "../vm.h"
#include "clock.h"
#include "pv.h"

#define ENABLED BIT_ULL(0)
/* The bit may be anywhere, but its address leaves room for @ENABLED. */
#define ALIGNMENT 3

int eoi_set_msr(struct vcpu *vcpu, u64 val)
{
	struct pv_eoi *eoi = &vcpu->pv.eoi;
	u64 gpa = val & ~ENABLED;

	if (gpa & ALIGNMENT)
		return 1;
	pv_eoi_sync(vcpu);
	if (val & ENABLED && guest_map_init(vcpu->vm, &eoi->map, gpa, sizeof(u8)))
		return 1;
	eoi->msr = val;
	return 0;
}

/* The end of what is in service need not be known before something else happens. */
static bool end_is_silent(const struct lapic *lapic)
{
	int vector = lapic->isr_top;

	if (lapic->isr_count != 1 || READ_ONCE(lapic->irr_pending))
		return false;
	if (lapic_get(lapic, LAPIC_TMR + (vector >> 5) * 16) & BIT(vector & 31))
		return false;
	return !lapic->eoi_watch || !test_bit(vector, lapic->eoi_watch);
}

/**
 * pv_eoi_arm() - let the guest end the interrupt in service by the bit, if that is possible
 * @vcpu: the vCPU
 *
 * Context: owner, IRQs on or off.
 */
void pv_eoi_arm(struct vcpu *vcpu)
{
	struct pv_eoi *eoi = &vcpu->pv.eoi;
	const u8 set = KVM_PV_EOI_ENABLED;

	if (!(eoi->msr & ENABLED) || !vcpu->apic || eoi->armed || !end_is_silent(vcpu->apic))
		return;
	eoi->armed = !guest_map_write_atomic(vcpu->vm, &eoi->map, 0, &set, sizeof(set));
}

/* @bit is what was read. It is clear now. */
static void disarm(struct vcpu *vcpu, u8 bit)
{
	vcpu->pv.eoi.armed = false;
	if (bit & KVM_PV_EOI_ENABLED)
		return;
	trace_pv(vcpu, PV_USE_EOI, vcpu->apic->isr_top);
	lapic_eoi(vcpu->apic);
}

bool pv_eoi_sync_fast(struct vcpu *vcpu)
{
	struct pv_eoi *eoi = &vcpu->pv.eoi;
	const u8 clear = KVM_PV_EOI_DISABLED;
	u8 bit;

	if (!eoi->armed)
		return true;
	if (guest_map_read_atomic(vcpu->vm, &eoi->map, 0, &bit, sizeof(bit)))
		return false;
	if (bit && guest_map_write_atomic(vcpu->vm, &eoi->map, 0, &clear, sizeof(clear)))
		return false;
	disarm(vcpu, bit);
	return true;
}

/* Where the memory has gone away, the interrupt counts as not ended: the guest can still do it. */
void pv_eoi_sync(struct vcpu *vcpu)
{
	struct pv_eoi *eoi = &vcpu->pv.eoi;
	const u8 clear = KVM_PV_EOI_DISABLED;
	u8 bit;

	if (pv_eoi_sync_fast(vcpu))
		return;
	if (guest_map_read(vcpu->vm, &eoi->map, 0, &bit, sizeof(bit)) ||
	    (bit && guest_map_write(vcpu->vm, &eoi->map, 0, &clear, sizeof(clear))))
		bit = KVM_PV_EOI_ENABLED;
	disarm(vcpu, bit);
}
