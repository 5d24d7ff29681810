/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The in-kernel interrupt controller as the rest of the module sees it: chips joined to vCPUs,
 * buses, eventfds and ioctls. The chip models themselves know nothing of this.
 */
#ifndef TENON_IRQCHIP_H
#define TENON_IRQCHIP_H

#include <linux/types.h>

/* What KVM_CAP_X2APIC_API answers, and takes. */
#define X2APIC_API_FLAGS (KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)

struct kvm_enable_cap;
struct vcpu;
struct vm;

/* A vCPU's local APIC; nothing to do for a VM without an in-kernel irqchip. */
int vcpu_lapic_create(struct vcpu *vcpu);
void vcpu_lapic_destroy(struct vcpu *vcpu);
void vcpu_lapic_reset(struct vcpu *vcpu, bool init);

/*
 * Highest interrupt that the vCPU would take now if its IF allowed it, -1 if none: from the local
 * APIC, or through LINT0 from the PIC. vcpu_irq_ack() takes it. Owner; IRQs on or off.
 */
int vcpu_irq_pending(struct vcpu *vcpu);
int vcpu_irq_ack(struct vcpu *vcpu);

/*
 * A fixed interrupt waits that only the TPR holds back: its class, below which CR8 must be known;
 * 0: none. Owner.
 */
u8 vcpu_lapic_tpr_blocks(struct vcpu *vcpu);

/* WORK_TIMER: the timer fired. Owner. And the vCPU now runs on another host CPU. */
void vcpu_lapic_timer_work(struct vcpu *vcpu);
void vcpu_lapic_wait(struct vcpu *vcpu);
void vcpu_lapic_deadline(struct vcpu *vcpu);
void vcpu_lapic_sched_in(struct vcpu *vcpu);
/* Before and after the vCPU sleeps. Owner. */
void vcpu_lapic_sleep(struct vcpu *vcpu);
void vcpu_lapic_wake(struct vcpu *vcpu);

/* MSRs 800h to 8ffh, IA32_APIC_BASE, IA32_TSC_DEADLINE: 0, or 1 for #GP. Owner. */
int vcpu_lapic_msr_read(struct vcpu *vcpu, u32 msr, u64 *value);
int vcpu_lapic_msr_write(struct vcpu *vcpu, u32 msr, u64 value, bool host);

/* Memory accesses; false: not in the vCPU's APIC page. Owner. */
bool vcpu_lapic_mmio_read(struct vcpu *vcpu, u64 gpa, void *data, unsigned int len);
bool vcpu_lapic_mmio_write(struct vcpu *vcpu, u64 gpa, const void *data, unsigned int len);

/* The VM's PIC, IOAPIC, PIT, routes and irqfds go away; its vCPUs do not run any more. */
void irqchip_destroy(struct vm *vm);
void irqfd_destroy(struct vm *vm);

long irqchip_create(struct vm *vm, void *arg, unsigned long uarg);
long irqchip_split(struct vm *vm, const struct kvm_enable_cap *cap);
long irqchip_get(struct vm *vm, void *arg, unsigned long uarg);
long irqchip_set(struct vm *vm, void *arg, unsigned long uarg);
long irq_line(struct vm *vm, void *arg, unsigned long uarg);
long irq_line_status(struct vm *vm, void *arg, unsigned long uarg);
long pit_create(struct vm *vm, void *arg, unsigned long uarg);
long pit_create2(struct vm *vm, void *arg, unsigned long uarg);
long pit_get_ioctl(struct vm *vm, void *arg, unsigned long uarg);
long pit_set_ioctl(struct vm *vm, void *arg, unsigned long uarg);
long pit_get2_ioctl(struct vm *vm, void *arg, unsigned long uarg);
long pit_set2_ioctl(struct vm *vm, void *arg, unsigned long uarg);
long reinject_control(struct vm *vm, void *arg, unsigned long uarg);
long routing_set(struct vm *vm, void *arg, unsigned long uarg);
long signal_msi(struct vm *vm, void *arg, unsigned long uarg);
long irqfd_ioctl(struct vm *vm, void *arg, unsigned long uarg);
long lapic_get_ioctl(struct vcpu *vcpu, void *arg, unsigned long uarg);
long lapic_set_ioctl(struct vcpu *vcpu, void *arg, unsigned long uarg);
long x2apic_api_enable(struct vm *vm, const struct kvm_enable_cap *cap);

#endif
