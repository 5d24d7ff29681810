// SPDX-License-Identifier: GPL-2.0-only
/* A vCPU's local APIC: the model joined to the vCPU, to a host timer and to its fellows. */

#include <asm/msr-index.h>
#include <asm/tsc.h>
#include <linux/kvm.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "../tpr.h"
#include "../vcpu.h"
#include "chip.h"
#include "irqchip.h"

#define X2APIC_MSR_FIRST 0x800
#define X2APIC_MSR_LAST	 0x8ff

/*
 * A timer is armed at most so much early; and shall leave so many ticks to wait. The way from it to
 * the guest is a number of instructions: a slow processor needs longer.
 */
#define ADVANCE_NS    5000
#define ADVANCE_TICKS 20000
#define ADVANCE_SLACK 1024
/* No processor gets from the end of the wait to the first instruction of the guest any faster. */
#define ENTRY_TICKS 64

/* User space asked to hear of the guest's accesses to its TPR (KVM_TPR_ACCESS_REPORTING). */
static void tpr_note(struct vcpu *vcpu, u32 offset, bool write)
{
	if (unlikely(vcpu->tpr.report) && offset >> 4 == LAPIC_TPR >> 4)
		tpr_accessed(vcpu, write);
}

/* Of the guest's TSC; the host's decides, whatever user space makes of the guest's. */
static u64 max_advance(const struct vcpu *vcpu)
{
	u64 ns = max_t(u64, ADVANCE_NS, ADVANCE_TICKS * USEC_PER_SEC / max(tsc_khz, 1u));

	return div_u64(vcpu->tsc_khz * ns, USEC_PER_SEC);
}

static struct vcpu_lapic *to_vl(struct lapic *lapic)
{
	return container_of(lapic, struct vcpu_lapic, model);
}

static u64 op_now_ns(void *opaque)
{
	return ktime_get_ns();
}

static u64 op_guest_tsc(void *opaque)
{
	const struct vcpu_lapic *vl = opaque;

	return max(tsc_guest_now(vl->vcpu), vl->due);
}

static void op_timer_arm(void *opaque, u64 expires)
{
	struct vcpu_lapic *vl = opaque;

	hrtimer_start(&vl->timer, ns_to_ktime(min_t(u64, expires, KTIME_MAX)),
		      HRTIMER_MODE_ABS_PINNED_HARD);
}

static void arm_host_timer(struct vcpu_lapic *vl, u64 tsc)
{
	u64 khz = max(vl->vcpu->tsc_khz, 1u);
	u64 now = op_guest_tsc(vl) + vl->advance;
	/* Bounded, so that the quotient fits: some weeks, after which it is armed again. */
	u64 delta = tsc > now ? min(tsc - now, khz << 32) : 0;

	vl->deadline = tsc;
	/* Rounded up: rather a little late than too early and once more. */
	op_timer_arm(vl, ktime_get_ns() + mul_u64_u64_div_u64(delta, NSEC_PER_MSEC, khz) + 1);
}

/*
 * The backend sees to it while the guest runs, and if the deadline passes in between, at the next
 * entry: nobody looks for the interrupt earlier but who sleeps in HLT.
 */
static void op_timer_arm_tsc(void *opaque, u64 tsc)
{
	struct vcpu_lapic *vl = opaque;

	if (backend->set_deadline)
		backend->set_deadline(vl->vcpu, tsc);
	else
		arm_host_timer(vl, tsc);
}

static void op_timer_cancel(void *opaque)
{
	struct vcpu_lapic *vl = opaque;

	/* If it fires just now, the model will find nothing due. */
	hrtimer_try_to_cancel(&vl->timer);
	if (backend->set_deadline)
		backend->set_deadline(vl->vcpu, 0);
}

static enum hrtimer_restart timer_fired(struct hrtimer *timer)
{
	struct vcpu_lapic *vl = container_of(timer, struct vcpu_lapic, timer);

	vcpu_request(vl->vcpu, WORK_TIMER);
	vcpu_kick(vl->vcpu);
	return HRTIMER_NORESTART;
}

/*
 * We are the vCPU's own thread, between exit and entry: it will see its work without a kick, which
 * would only drive it out of the inner loop.
 */
static bool in_own_loop(const struct vcpu *vcpu)
{
	return READ_ONCE(vcpu->mode) == VCPU_IN_GUEST &&
	       READ_ONCE(vcpu->cpu) == raw_smp_processor_id() && in_task();
}

static void op_wake(void *opaque)
{
	struct vcpu_lapic *vl = opaque;

	vcpu_request(vl->vcpu, WORK_EVENT);
	if (!in_own_loop(vl->vcpu))
		vcpu_kick(vl->vcpu);
}

static void op_send(void *opaque, const struct apic_msg *msg)
{
	struct vcpu_lapic *vl = opaque;

	apic_deliver(vl->vcpu->vm->irqchip, &vl->model, msg);
}

static void op_signal(void *opaque, enum apic_mode mode, u8 vector)
{
	struct vcpu *vcpu = ((struct vcpu_lapic *)opaque)->vcpu;

	switch (mode) {
	case APIC_NMI:
		event_nmi(vcpu);
		return;
	case APIC_INIT:
		/* What came before the INIT is forgotten. */
		clear_bit(SIPI_PENDING, &vcpu->init_sipi);
		set_bit(INIT_PENDING, &vcpu->init_sipi);
		break;
	case APIC_SIPI:
		WRITE_ONCE(vcpu->sipi_vector, vector);
		/* Who takes the SIPI sees its vector. */
		smp_wmb();
		set_bit(SIPI_PENDING, &vcpu->init_sipi);
		break;
	default:
		/* A vCPU has no system management mode to go to. */
		return;
	}
	vcpu_request(vcpu, WORK_INIT_SIPI);
	vcpu_kick(vcpu);
}

static void op_eoi(void *opaque, u8 vector, bool level)
{
	struct vcpu *vcpu = ((struct vcpu_lapic *)opaque)->vcpu;
	struct irqchip *chip = vcpu->vm->irqchip;

	if (!chip->split) {
		irqchip_eoi(chip, vector, level);
	} else if (test_bit(vector, chip->eoi_watch)) {
		vcpu->ioapic_eoi = vector;
		vcpu_request(vcpu, WORK_IOAPIC_EOI);
	}
}

static void op_changed(void *opaque)
{
	struct vcpu_lapic *vl = opaque;
	struct vcpu *vcpu = vl->vcpu;

	/* In x2APIC mode the processor may do a part of the APIC's work. */
	if ((vcpu->apic_base ^ vl->model.base) & LAPIC_BASE_MODE)
		vcpu_request(vcpu, WORK_INTERCEPTS);
	vcpu->apic_base = vl->model.base;
}

static const struct lapic_ops vcpu_lapic_ops = {
	.now_ns = op_now_ns,
	.guest_tsc = op_guest_tsc,
	.timer_arm = op_timer_arm,
	.timer_arm_tsc = op_timer_arm_tsc,
	.timer_cancel = op_timer_cancel,
	.wake = op_wake,
	.send = op_send,
	.signal = op_signal,
	.eoi = op_eoi,
	.changed = op_changed,
};

/* What CPUID says later overrides this, see cpuid_set2(). */
static void vcpu_lapic_init(struct vcpu_lapic *vl, void *page)
{
	struct vcpu *vcpu = vl->vcpu;
	bool bsp = vcpu->id == vcpu->vm->bsp_id;
	struct lapic_config config = {
		.max_phys_bits = boot_cpu_data.x86_phys_bits,
		.bsp = bsp,
		.virtual_wire = bsp,
	};

	hrtimer_init(&vl->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_HARD);
	vl->timer.function = timer_fired;
	lapic_init(&vl->model, page, vcpu->id, &config, &vcpu_lapic_ops, vl);
	vl->model.eoi_watch = vcpu->vm->irqchip->eoi_watch;
}

/**
 * vcpu_lapic_create() - give a new vCPU its local APIC
 * @vcpu: the vCPU; has its VM and id
 *
 * Return: 0 (also without in-kernel irqchip, where there is nothing to do), -ENOMEM, -EEXIST
 */
int vcpu_lapic_create(struct vcpu *vcpu)
{
	struct vcpu_lapic *vl;
	struct irqchip *chip = vcpu->vm->irqchip;
	void *page;
	int r;

	vcpu->user_pic = !chip || chip->split;
	if (!chip)
		return 0;
	vl = kzalloc(sizeof(*vl), GFP_KERNEL_ACCOUNT);
	page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vl || !page) {
		r = -ENOMEM;
		goto fail;
	}
	vl->vcpu = vcpu;
	vcpu_lapic_init(vl, page);
	r = apic_map_add(chip, &vl->model);
	if (r)
		goto fail;
	vcpu->apic = &vl->model;
	return 0;

fail:
	free_page((unsigned long)page);
	kfree(vl);
	return r;
}

/**
 * vcpu_lapic_destroy() - free a vCPU's local APIC
 * @vcpu: the vCPU, which was never published or whose VM nobody refers to
 *
 * Context: sleeps.
 */
void vcpu_lapic_destroy(struct vcpu *vcpu)
{
	struct irqchip *chip = vcpu->vm->irqchip;
	struct vcpu_lapic *vl;

	if (!vcpu->apic)
		return;
	vl = to_vl(vcpu->apic);
	if (!refcount_read(&vcpu->vm->refs))
		irqchip_stop(chip);
	apic_map_remove(chip, &vl->model);
	hrtimer_cancel(&vl->timer);
	vcpu->apic = NULL;
	free_page((unsigned long)vl->model.page);
	kfree(vl);
}

/* SDM 3, table 10-1: the local APIC's part of a reset (@init false) or INIT. */
void vcpu_lapic_reset(struct vcpu *vcpu, bool init)
{
	if (vcpu->apic) {
		vcpu->apic->config.virtual_wire = vm_quirk(vcpu->vm, KVM_X86_QUIRK_LINT0_REENABLED);
		lapic_reset(vcpu->apic, init);
	} else if (!init) {
		vcpu->apic_base = LAPIC_DEFAULT_BASE | LAPIC_BASE_ENABLE |
				  (vcpu->id == vcpu->vm->bsp_id ? LAPIC_BASE_BSP : 0);
	}
}

/* Our PIC, or user space's by KVM_INTERRUPT. */
static bool pic_asks(const struct vcpu *vcpu)
{
	return (READ_ONCE(vcpu->vm->irqchip->pic.output) || vcpu->events.user_interrupt >= 0) &&
	       lapic_takes_extint(vcpu->apic);
}

static int pic_take(struct vcpu *vcpu)
{
	struct irqchip *chip = vcpu->vm->irqchip;
	int vector = vcpu->events.user_interrupt;
	unsigned long flags;

	if (chip->split) {
		vcpu->events.user_interrupt = -1;
		return vector;
	}
	irqchip_lock(chip, flags);
	vector = chip->pic.output ? pic_ack(&chip->pic) : -1;
	irqchip_unlock(chip, flags);
	return vector;
}

/**
 * vcpu_irq_pending() - the interrupt that the vCPU would take now if its IF allowed it
 * @vcpu: a vCPU with a local APIC
 *
 * Context: owner.
 * Return: the vector; 0 for one of the PIC, which tells it only when asked; -1 for none.
 */
int vcpu_irq_pending(struct vcpu *vcpu)
{
	if (unlikely(pic_asks(vcpu)))
		return 0;
	return lapic_pending(vcpu->apic);
}

/**
 * vcpu_irq_ack() - take the interrupt that vcpu_irq_pending() told of
 * @vcpu: a vCPU with a local APIC
 *
 * Context: owner.
 * Return: the vector, -1 if it is gone.
 */
int vcpu_irq_ack(struct vcpu *vcpu)
{
	int vector;

	if (unlikely(pic_asks(vcpu))) {
		vector = pic_take(vcpu);
		if (vector >= 0)
			return vector;
	}
	return lapic_ack(vcpu->apic);
}

u8 vcpu_lapic_tpr_blocks(struct vcpu *vcpu)
{
	const struct lapic *lapic = vcpu->apic;
	int irr = lapic_highest_irr(lapic) & ~15;

	if (irr <= 0 || !lapic_enabled(lapic))
		return 0;
	return irr <= (int)lapic_get(lapic, LAPIC_TPR) && irr > (lapic->isr_top & ~15) ? irr >> 4 :
											 0;
}

/* What is due now is posted; a deadline that has come needs no watch any more. */
static void timer_expired(struct vcpu_lapic *vl)
{
	lapic_timer_expired(&vl->model);
	if (backend->set_deadline && !vl->model.deadline)
		backend->set_deadline(vl->vcpu, 0);
}

/*
 * A TSC deadline was armed a little early: the model is told that it has come, and the entry that
 * delivers the interrupt waits for it.
 */
void vcpu_lapic_timer_work(struct vcpu *vcpu)
{
	struct vcpu_lapic *vl;

	if (!vcpu->apic)
		return;
	vl = to_vl(vcpu->apic);
	if (vl->model.deadline && vl->model.deadline == vl->deadline) {
		u64 now = op_guest_tsc(vl);

		if (vl->deadline < now + max_advance(vcpu)) {
			vl->due = vl->deadline;
			vcpu->wait_tsc = vl->deadline;
		}
	}
	timer_expired(vl);
	vl->due = 0;
}

/* EXIT_DEADLINE: the guest's TSC has come to its deadline. Owner, IRQs off. */
void vcpu_lapic_deadline(struct vcpu *vcpu)
{
	timer_expired(to_vl(vcpu->apic));
}

/**
 * vcpu_lapic_sleep() - the vCPU goes to sleep: the host's timer wakes it at its TSC deadline
 * @vcpu: the vCPU
 *
 * Context: owner.
 */
void vcpu_lapic_sleep(struct vcpu *vcpu)
{
	if (vcpu->apic && backend->set_deadline && vcpu->apic->deadline)
		arm_host_timer(to_vl(vcpu->apic), vcpu->apic->deadline);
}

/* And has woken. If the timer fires just now, the model will find nothing due. */
void vcpu_lapic_wake(struct vcpu *vcpu)
{
	if (vcpu->apic && backend->set_deadline && vcpu->apic->deadline)
		hrtimer_try_to_cancel(&to_vl(vcpu->apic)->timer);
}

/**
 * vcpu_lapic_wait() - let the TSC deadline come that was armed early
 * @vcpu: the vCPU, about to enter the guest; its wait_tsc is not 0
 *
 * Also learns: the next one is armed so much earlier or later that this wait becomes short.
 *
 * Context: IRQs off. Waits for at most max_advance().
 */
void vcpu_lapic_wait(struct vcpu *vcpu)
{
	struct vcpu_lapic *vl = to_vl(vcpu->apic);
	u64 until = vcpu->wait_tsc - ENTRY_TICKS;
	s64 early = until - tsc_guest_now(vcpu);
	s64 advance = vl->advance - (early - ADVANCE_SLACK) / 4;
	s64 most = max_advance(vcpu);

	vl->advance = clamp(advance, 0ll, most);
	vcpu->wait_tsc = 0;
	if (early > most)
		return;
	while ((s64)(until - tsc_guest_now(vcpu)) > 0)
		cpu_relax();
}

/* The timer follows its vCPU, so that it fires where the guest can be left at once. */
void vcpu_lapic_sched_in(struct vcpu *vcpu)
{
	struct vcpu_lapic *vl;

	if (!vcpu->apic)
		return;
	vl = to_vl(vcpu->apic);
	if (hrtimer_try_to_cancel(&vl->timer) == 1)
		hrtimer_start_expires(&vl->timer, HRTIMER_MODE_ABS_PINNED_HARD);
}

/* Without a local APIC, IA32_APIC_BASE is user space's affair: only kept. */
static int user_apic_msr(struct vcpu *vcpu, u32 msr, u64 *value, bool write)
{
	if (msr != MSR_IA32_APICBASE)
		return 1;
	if (write)
		vcpu->apic_base = *value;
	else
		*value = vcpu->apic_base;
	return 0;
}

/**
 * vcpu_lapic_msr_read() - RDMSR of 800h to 8ffh or IA32_APIC_BASE
 * @vcpu: the vCPU
 * @msr: index
 * @value: receives the value
 *
 * Context: owner, IRQs on or off.
 * Return: 0, or 1 for #GP.
 */
int vcpu_lapic_msr_read(struct vcpu *vcpu, u32 msr, u64 *value)
{
	struct lapic *lapic = vcpu->apic;

	if (!lapic)
		return user_apic_msr(vcpu, msr, value, false);
	switch (msr) {
	case MSR_IA32_APICBASE:
		*value = lapic->base;
		return 0;
	case X2APIC_MSR_FIRST ... X2APIC_MSR_LAST:
		if (vcpu->pv.eoi.armed)
			pv_eoi_sync_fast(vcpu);
		if (!lapic_msr_read(lapic, msr, value))
			return 1;
		tpr_note(vcpu, (msr - X2APIC_MSR_FIRST) << 4, false);
		return 0;
	}
	return 1;
}

static int set_base(struct vcpu *vcpu, u64 value, bool host)
{
	u64 old = vcpu->apic->base;

	if (!lapic_set_base(vcpu->apic, value, host))
		return 1;
	if ((old ^ value) & LAPIC_BASE_ENABLE)
		cpuid_refresh(vcpu);
	vcpu_request(vcpu, WORK_EVENT);
	return 0;
}

/**
 * vcpu_lapic_msr_write() - WRMSR of the MSRs that vcpu_lapic_msr_read() reads
 * @vcpu: the vCPU
 * @msr: index
 * @value: the value
 * @host: from user space
 *
 * Context: owner, IRQs on or off.
 * Return: 0, or 1 for #GP.
 */
int vcpu_lapic_msr_write(struct vcpu *vcpu, u32 msr, u64 value, bool host)
{
	struct lapic *lapic = vcpu->apic;

	if (!lapic)
		return user_apic_msr(vcpu, msr, &value, true);
	switch (msr) {
	case MSR_IA32_APICBASE:
		return set_base(vcpu, value, host);
	case X2APIC_MSR_FIRST ... X2APIC_MSR_LAST:
		if (!lapic_msr_write(lapic, msr, value))
			return 1;
		tpr_note(vcpu, (msr - X2APIC_MSR_FIRST) << 4, true);
		return 0;
	}
	return 1;
}

/*
 * Where the page would be, of an APIC that is disabled or in x2APIC mode, there is nothing, but it
 * does not reach user space either, unless KVM_X86_QUIRK_LAPIC_MMIO_HOLE is switched off.
 */
static bool is_hole(struct vcpu *vcpu, u64 gpa)
{
	return lapic_at(vcpu->apic, gpa) && vm_quirk(vcpu->vm, KVM_X86_QUIRK_LAPIC_MMIO_HOLE);
}

bool vcpu_lapic_mmio_read(struct vcpu *vcpu, u64 gpa, void *data, unsigned int len)
{
	struct lapic *lapic = vcpu->apic;

	if (!lapic)
		return false;
	if (lapic_mmio_hit(lapic, gpa)) {
		if (vcpu->pv.eoi.armed)
			pv_eoi_sync_fast(vcpu);
		tpr_note(vcpu, offset_in_page(gpa), false);
		lapic_mmio_read(lapic, offset_in_page(gpa), data, len);
		return true;
	}
	if (!is_hole(vcpu, gpa))
		return false;
	memset(data, 0xff, len);
	return true;
}

bool vcpu_lapic_mmio_write(struct vcpu *vcpu, u64 gpa, const void *data, unsigned int len)
{
	struct lapic *lapic = vcpu->apic;

	if (!lapic)
		return false;
	if (lapic_mmio_hit(lapic, gpa)) {
		tpr_note(vcpu, offset_in_page(gpa), true);
		lapic_mmio_write(lapic, offset_in_page(gpa), data, len);
		return true;
	}
	return is_hole(vcpu, gpa);
}

/* KVM_GET_LAPIC: -EINVAL without in-kernel irqchip. */
long lapic_get_ioctl(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	if (!vcpu->apic)
		return -EINVAL;
	pv_eoi_sync(vcpu);
	/* What is due is shown as it will be when the vCPU runs, be the host's timer late. */
	vcpu_take_work(vcpu, WORK_TIMER);
	vcpu_lapic_timer_work(vcpu);
	lapic_get_state(vcpu->apic, arg, vcpu->vm->x2apic_ids);
	return 0;
}

/* KVM_SET_LAPIC: -EINVAL without in-kernel irqchip. */
long lapic_set_ioctl(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	if (!vcpu->apic)
		return -EINVAL;
	pv_eoi_sync(vcpu);
	return lapic_set_state(vcpu->apic, arg, vcpu->vm->x2apic_ids);
}

/**
 * x2apic_api_enable() - KVM_CAP_X2APIC_API
 * @vm: the VM
 * @cap: args[0]: KVM_X2APIC_API_*; what was enabled before stays
 *
 * Return: 0, or -EINVAL for other flags
 */
long x2apic_api_enable(struct vm *vm, const struct kvm_enable_cap *cap)
{
	u64 flags = cap->args[0];

	if (flags & ~X2APIC_API_FLAGS)
		return -EINVAL;
	if (flags & KVM_X2APIC_API_USE_32BIT_IDS)
		WRITE_ONCE(vm->x2apic_ids, true);
	if (flags & KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)
		WRITE_ONCE(vm->no_broadcast_quirk, true);
	return 0;
}
