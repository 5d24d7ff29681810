// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_TPR_ACCESS_REPORTING and KVM_SET_VAPIC_ADDR, see tpr.h.
 *
 * The copy in guest memory is 32 bits: bits 7:0 the TPR, which the guest may write, bits 15:12 the
 * class of the vector in service, bits 31:24 the highest vector that is requested.
 */
#include <linux/kvm.h>

#include "irq/lapic.h"
#include "memslot.h"
#include "tpr.h"
#include "vcpu.h"

void tpr_accessed(struct vcpu *vcpu, bool write)
{
	vcpu->tpr.rip = vcpu->rip;
	vcpu->tpr.write = write;
	vcpu_request(vcpu, WORK_TPR_ACCESS);
}

void tpr_exit(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_TPR_ACCESS;
	run->tpr_access.rip = vcpu->tpr.rip;
	run->tpr_access.is_write = vcpu->tpr.write;
}

void tpr_from_copy(struct vcpu *vcpu)
{
	u32 copy;

	if (!vcpu->tpr.vapic || guest_read(vcpu->vm, vcpu->tpr.vapic, &copy, sizeof(copy)))
		return;
	vcpu->tpr.copy = copy;
	if ((copy & 0xff) != lapic_get(vcpu->apic, LAPIC_TPR))
		lapic_set_tpr(vcpu->apic, copy);
}

void tpr_to_copy(struct vcpu *vcpu)
{
	const struct lapic *lapic = vcpu->apic;
	u32 isr, irr, copy;

	if (!vcpu->tpr.vapic)
		return;
	isr = max(lapic->isr_top, 0) & 0xf0;
	irr = max(lapic_highest_irr(lapic), 0);
	copy = lapic_get(lapic, LAPIC_TPR) | isr << 8 | irr << 24;
	if (copy == vcpu->tpr.copy)
		return;
	vcpu->tpr.copy = copy;
	/* Memory that is gone is the guest's loss. */
	guest_write(vcpu->vm, vcpu->tpr.vapic, &copy, sizeof(copy));
}

/* KVM_TPR_ACCESS_REPORTING: -EINVAL for flags. Without an in-kernel local APIC it has no effect. */
long tpr_report_ioctl(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	const struct kvm_tpr_access_ctl *control = arg;

	if (control->flags)
		return -EINVAL;
	vcpu->tpr.report = control->enabled;
	vcpu_request(vcpu, WORK_INTERCEPTS);
	return 0;
}

/**
 * tpr_vapic_ioctl() - KVM_SET_VAPIC_ADDR
 * @vcpu: the vCPU
 * @arg: struct kvm_vapic_addr; 0 for none
 * @uarg: not used
 *
 * Return: 0, or -EINVAL without in-kernel local APIC, or where there is no memory
 */
long tpr_vapic_ioctl(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	const struct kvm_vapic_addr *vapic = arg;
	u32 copy = 0;

	if (!vcpu->apic)
		return -EINVAL;
	if (vapic->vapic_addr && guest_read(vcpu->vm, vapic->vapic_addr, &copy, sizeof(copy)))
		return -EINVAL;
	vcpu->tpr.vapic = vapic->vapic_addr;
	vcpu->tpr.copy = copy;
	vcpu->user_events = vcpu->user_pic || vcpu->tpr.vapic;
	vcpu->fast_events = !vcpu->tpr.vapic;
	return 0;
}
