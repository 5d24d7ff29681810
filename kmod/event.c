// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events on their way into the guest: exceptions, NMIs, interrupts. One function decides what comes
 * next; interrupts are decided anew each time, not queued.
 */
#include <linux/kvm.h>

#include "irq/irqchip.h"
#include "irq/lapic.h"
#include "rules.h"
#include "trace.h"
#include "vcpu.h"

/* Classes of exceptions and what becomes of a second one (SDM 3, tables 6-4 and 6-5). */
enum event_class {
	BENIGN,
	CONTRIBUTORY,
	PAGE_FAULT,
	DOUBLE_FAULT,
	NR_CLASSES
};

enum merge {
	SERIAL,
	DOUBLE,
	TRIPLE
};

static const u8 class_of[32] = {
	[VECTOR_DE] = CONTRIBUTORY, [VECTOR_TS] = CONTRIBUTORY, [VECTOR_NP] = CONTRIBUTORY,
	[VECTOR_SS] = CONTRIBUTORY, [VECTOR_GP] = CONTRIBUTORY, [VECTOR_PF] = PAGE_FAULT,
	[VECTOR_DF] = DOUBLE_FAULT,
};

static const u8 event_merge[NR_CLASSES][NR_CLASSES] = {
	[CONTRIBUTORY] = { [CONTRIBUTORY] = DOUBLE },
	[PAGE_FAULT] = { [CONTRIBUTORY] = DOUBLE, [PAGE_FAULT] = DOUBLE },
	[DOUBLE_FAULT] = { [CONTRIBUTORY] = TRIPLE, [PAGE_FAULT] = TRIPLE },
};

/* Length of INT n, the only instruction whose event is begun elsewhere. */
#define INT_LENGTH 2

static void event_queue_exception(struct vcpu *vcpu, const struct event *event)
{
	struct events *ev = &vcpu->events;

	ev->exception = (typeof(ev->exception)){
		.pending = true,
		.has_error = event->has_error && vcpu->cr0 & X86_CR0_PE,
		.has_payload = event->has_payload,
		.vector = event->vector,
		.error = event->error,
		.payload = event->payload,
	};
	vcpu_request(vcpu, WORK_EVENT);
}

static void event_raise(struct vcpu *vcpu, const struct event *event)
{
	static const struct event double_fault = { .vector = VECTOR_DF, .has_error = true };
	struct events *ev = &vcpu->events;
	u8 first = ev->exception.vector & 31;

	if (!ev->exception.pending && !ev->exception.injected) {
		event_queue_exception(vcpu, event);
		return;
	}
	switch (event_merge[class_of[first]][class_of[event->vector & 31]]) {
	case SERIAL:
		/* The first has not been seen: its instruction will raise it again. */
		event_queue_exception(vcpu, event);
		break;
	case DOUBLE:
		event_queue_exception(vcpu, &double_fault);
		break;
	default:
		ev->exception.pending = false;
		ev->exception.injected = false;
		vcpu_request(vcpu, WORK_TRIPLE_FAULT);
		break;
	}
}

/**
 * event_exception() - raise an exception without error code
 * @vcpu: the vCPU, whose owner calls this
 * @vector: 0 to 31
 */
void event_exception(struct vcpu *vcpu, u8 vector)
{
	event_raise(vcpu, &(struct event){ .vector = vector });
}

void event_exception_error(struct vcpu *vcpu, u8 vector, u32 error)
{
	event_raise(vcpu, &(struct event){ .vector = vector, .has_error = true, .error = error });
}

void event_page_fault(struct vcpu *vcpu, u64 cr2, u32 error)
{
	const struct event event = {
		.vector = VECTOR_PF,
		.has_error = true,
		.error = error,
		.has_payload = true,
		.payload = cr2,
	};

	event_raise(vcpu, &event);
}

/**
 * event_debug() - #DB of an instruction, for the guest or for who debugs it
 * @vcpu: the vCPU, whose owner calls this
 * @dr6: the conditions, active high, as they will be merged into DR6 on delivery
 */
void event_debug(struct vcpu *vcpu, u64 dr6)
{
	const struct event event = { .vector = VECTOR_DB, .has_payload = true, .payload = dr6 };
	u32 whose = dr6 & DR6_BD ? KVM_GUESTDBG_USE_HW_BP : KVM_GUESTDBG_SINGLESTEP;

	if (!debug_trap(vcpu, dr6, whose))
		event_raise(vcpu, &event);
}

/**
 * event_nmi() - an NMI arrives
 * @vcpu: the vCPU
 *
 * One may wait while another is served (SDM 3, 6.7.1); further ones are lost.
 *
 * Context: any.
 */
void event_nmi(struct vcpu *vcpu)
{
	atomic_inc(&vcpu->events.nmi_queued);
	vcpu_request(vcpu, WORK_NMI);
	vcpu_kick(vcpu);
}

static void event_take_nmis(struct vcpu *vcpu)
{
	struct events *ev = &vcpu->events;
	u32 room = ev->nmi.masked || ev->nmi.injected ? 1 : 2;
	u32 queued = atomic_xchg(&ev->nmi_queued, 0);

	ev->nmi.pending = min_t(u32, room, ev->nmi.pending + min(queued, 2u));
}

/**
 * event_after_exit() - the guest has run: what was injected is delivered, or was cut short
 * @vcpu: the vCPU
 * @cut: the event in whose delivery the exit came, NULL if none
 *
 * Soft interrupts and the software exceptions #BP and #OF are not kept, unless they were injected:
 * RIP still points at the instruction, which raises them again.
 *
 * Context: IRQs off; called by the backend.
 */
void event_after_exit(struct vcpu *vcpu, const struct event *cut)
{
	struct events *ev = &vcpu->events;
	bool again = cut && ev->exception.injected && ev->exception.insn_len &&
		     ev->exception.vector == cut->vector;

	ev->exception.injected = again;
	ev->interrupt.injected = false;
	ev->nmi.injected = false;
	if (!cut)
		return;
	if (again) {
		vcpu_request(vcpu, WORK_EVENT);
		return;
	}

	switch (cut->kind) {
	case EVENT_INTERRUPT:
		ev->interrupt.injected = true;
		ev->interrupt.soft = false;
		ev->interrupt.vector = cut->vector;
		break;
	case EVENT_NMI:
		ev->nmi.injected = true;
		break;
	case EVENT_EXCEPTION:
		if (cut->vector == VECTOR_BP || cut->vector == VECTOR_OF)
			break;
		ev->exception.injected = true;
		ev->exception.has_payload = false;
		ev->exception.insn_len = 0;
		ev->exception.vector = cut->vector;
		ev->exception.has_error = cut->has_error;
		ev->exception.error = cut->error;
		break;
	case EVENT_SOFT_INTERRUPT:
		break;
	}
	vcpu_request(vcpu, WORK_EVENT);
}

/**
 * event_delivered() - the event whose delivery was cut short has been delivered by software
 * @vcpu: the vCPU, whose owner calls this
 */
void event_delivered(struct vcpu *vcpu)
{
	struct events *ev = &vcpu->events;

	ev->nmi.masked |= ev->nmi.injected;
	event_after_exit(vcpu, NULL);
	vcpu_request(vcpu, WORK_EVENT);
}

/* The side effects of an exception, which become visible with its delivery (SDM 3, 17.2.3). */
static void event_deliver_payload(struct vcpu *vcpu)
{
	struct events *ev = &vcpu->events;

	if (!ev->exception.has_payload)
		return;
	ev->exception.has_payload = false;
	if (ev->exception.vector == VECTOR_PF) {
		vcpu->cr2 = ev->exception.payload;
		return;
	}
	/* B0 to B3 tell of this exception only; BD, BS and BT stay set until they are cleared. */
	vcpu->dr6 &= ~DR6_BREAKPOINTS;
	vcpu->dr6 |= DR6_RTM | ev->exception.payload;
	vcpu->dr6 ^= ev->exception.payload & DR6_RTM;
}

/* The handler of #DB may access the debug registers (SDM 3, 17.2.4). */
static void event_end_general_detect(struct vcpu *vcpu)
{
	if (!(vcpu->dr7 & DR7_GENERAL_DETECT))
		return;
	vcpu->dr7 &= ~DR7_GENERAL_DETECT;
	debug_dr7_changed(vcpu);
}

static bool event_is_fault(u8 vector)
{
	return vector != VECTOR_DB && vector != VECTOR_BP && vector != VECTOR_OF &&
	       vector != VECTOR_DF && vector != VECTOR_MC;
}

static void event_inject(struct vcpu *vcpu, const struct event *event)
{
	trace_inject(vcpu, event);
	vcpu->stats.injections[event->kind & 7]++;
	backend->inject(vcpu, event);
}

static void event_inject_exception(struct vcpu *vcpu)
{
	struct events *ev = &vcpu->events;
	struct event event = { .kind = EVENT_EXCEPTION, .vector = ev->exception.vector };

	if (ev->exception.pending) {
		event_deliver_payload(vcpu);
		if (event.vector == VECTOR_DB)
			event_end_general_detect(vcpu);
		if (event_is_fault(event.vector))
			vcpu->rflags |= X86_EFLAGS_RF;
		ev->exception.pending = false;
		ev->exception.injected = true;
	}
	event.has_error = ev->exception.has_error;
	event.error = ev->exception.error;
	event.insn_len = ev->exception.insn_len;
	event_inject(vcpu, &event);
}

/* What had begun before goes first, then a new exception. True if something was injected. */
static bool event_inject_begun(struct vcpu *vcpu)
{
	struct events *ev = &vcpu->events;

	if (ev->exception.injected || ev->exception.pending) {
		event_inject_exception(vcpu);
		return true;
	}
	if (ev->nmi.injected) {
		event_inject(vcpu, &(struct event){ .kind = EVENT_NMI, .vector = VECTOR_NMI });
		return true;
	}
	if (ev->interrupt.injected) {
		event_inject(vcpu,
			     &(struct event){ .kind = ev->interrupt.soft ? EVENT_SOFT_INTERRUPT :
									   EVENT_INTERRUPT,
					      .insn_len = ev->interrupt.soft ? INT_LENGTH : 0,
					      .vector = ev->interrupt.vector });
		return true;
	}
	return false;
}

static int event_next_interrupt(struct vcpu *vcpu)
{
	return vcpu->apic ? vcpu_irq_pending(vcpu) : vcpu->events.user_interrupt;
}

static void event_inject_interrupt(struct vcpu *vcpu)
{
	struct events *ev = &vcpu->events;
	int vector;

	if (vcpu->apic) {
		vector = vcpu_irq_ack(vcpu);
	} else {
		vector = ev->user_interrupt;
		ev->user_interrupt = -1;
	}
	if (vector < 0)
		return;
	ev->interrupt.injected = true;
	ev->interrupt.soft = false;
	ev->interrupt.vector = vector;
	event_inject(vcpu, &(struct event){ .kind = EVENT_INTERRUPT, .vector = vector });
}

/* NMIs before interrupts; what cannot go now gets a window. @busy: something goes already. */
static void event_inject_new(struct vcpu *vcpu, bool busy)
{
	struct events *ev = &vcpu->events;

	if (ev->nmi.pending) {
		if (!busy && backend->nmi_open(vcpu)) {
			ev->nmi.pending--;
			ev->nmi.injected = true;
			ev->nmi.masked = true;
			event_inject(vcpu,
				     &(struct event){ .kind = EVENT_NMI, .vector = VECTOR_NMI });
			busy = true;
		}
		if (ev->nmi.pending)
			backend->open_nmi_window(vcpu);
	}
	if (event_next_interrupt(vcpu) < 0)
		return;
	if (!busy && backend->interrupt_open(vcpu)) {
		event_inject_interrupt(vcpu);
		if (event_next_interrupt(vcpu) < 0)
			return;
	}
	backend->open_interrupt_window(vcpu);
}

/**
 * event_prepare() - WORK_EVENT and WORK_NMI: decide what the next entry delivers
 * @vcpu: the vCPU
 *
 * Context: owner, IRQs off or on.
 */
void event_prepare(struct vcpu *vcpu)
{
	bool busy;

	if (vcpu_take_work(vcpu, WORK_NMI))
		event_take_nmis(vcpu);
	if (vcpu->apic)
		vcpu->cr8 = lapic_cr8(vcpu->apic);
	busy = event_inject_begun(vcpu);
	if (!busy)
		backend->inject(vcpu, NULL);
	if (likely(!(vcpu->debug.control & KVM_GUESTDBG_BLOCKIRQ)))
		event_inject_new(vcpu, busy);
	if (vcpu->pv.eoi.msr)
		pv_eoi_arm(vcpu);
	backend->update_tpr(vcpu);
	vcpu->stats.req_event++;
}

/**
 * event_interruptible() - nothing is on its way, and the guest would take an interrupt now
 * @vcpu: the vCPU
 */
bool event_interruptible(struct vcpu *vcpu)
{
	const struct events *ev = &vcpu->events;

	return ev->user_interrupt < 0 && !ev->interrupt.injected && !ev->exception.pending &&
	       !ev->exception.injected && !ev->nmi.injected && backend->interrupt_open(vcpu);
}

/**
 * event_interrupt_ready() - user space may inject an interrupt now (KVM_INTERRUPT)
 * @vcpu: the vCPU
 */
bool event_interrupt_ready(struct vcpu *vcpu)
{
	return event_interruptible(vcpu) && (!vcpu->apic || lapic_takes_extint(vcpu->apic));
}

/**
 * event_wakes() - something waits that ends HLT
 * @vcpu: the vCPU, whose owner calls this
 */
bool event_wakes(struct vcpu *vcpu)
{
	const struct events *ev = &vcpu->events;

	if (test_bit(WORK_NMI, &vcpu->work) || (ev->nmi.pending && !ev->nmi.masked))
		return true;
	if (ev->exception.pending || ev->exception.injected || READ_ONCE(vcpu->pv.unhalted))
		return true;
	return vcpu->rflags & X86_EFLAGS_IF && event_next_interrupt(vcpu) >= 0;
}

void event_reset(struct vcpu *vcpu)
{
	vcpu->events = (struct events){ .user_interrupt = -1 };
	clear_bit(WORK_NMI, &vcpu->work);
}

/**
 * event_interrupt_begun() - the external interrupt that user space must save with the vCPU
 * @vcpu: the vCPU, whose owner calls this
 * @vector: which, where there is one
 *
 * Return: whether one is on its way: its delivery was cut short, or KVM_INTERRUPT has brought it.
 */
bool event_interrupt_begun(const struct vcpu *vcpu, u8 *vector)
{
	const struct events *ev = &vcpu->events;

	if (ev->interrupt.injected && !ev->interrupt.soft)
		*vector = ev->interrupt.vector;
	else if (ev->user_interrupt >= 0 && !vcpu->apic)
		*vector = ev->user_interrupt;
	else
		return false;
	return true;
}

/* What its instruction raises again is not told: there is no field for the instruction's length. */
static bool event_is_soft(u8 vector)
{
	return vector == VECTOR_BP || vector == VECTOR_OF;
}

static void event_get_exception(struct vcpu *vcpu, struct kvm_vcpu_events *out)
{
	struct events *ev = &vcpu->events;
	bool payloads = READ_ONCE(vcpu->vm->options.exception_payload);

	if (ev->exception.pending && !payloads)
		event_deliver_payload(vcpu);
	if (!event_is_soft(ev->exception.vector)) {
		out->exception.pending = ev->exception.pending;
		/* Without payloads user space sees any exception as one that is injected. */
		out->exception.injected = ev->exception.injected ||
					  (ev->exception.pending && !payloads);
	}
	out->exception.nr = ev->exception.vector;
	out->exception.has_error_code = ev->exception.has_error;
	out->exception.error_code = ev->exception.error;
	out->exception_has_payload = ev->exception.has_payload;
	out->exception_payload = ev->exception.payload;
	if (payloads)
		out->flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
	if (READ_ONCE(vcpu->vm->options.triple_fault_event)) {
		out->triple_fault.pending = test_bit(WORK_TRIPLE_FAULT, &vcpu->work);
		out->flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	}
}

long event_get(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	struct events *ev = &vcpu->events;
	struct kvm_vcpu_events *out = arg;

	if (vcpu_take_work(vcpu, WORK_NMI))
		event_take_nmis(vcpu);
	event_get_exception(vcpu, out);
	out->interrupt.injected = event_interrupt_begun(vcpu, &out->interrupt.nr);
	out->interrupt.shadow = backend->get_shadow(vcpu);
	out->nmi.injected = ev->nmi.injected;
	out->nmi.pending = ev->nmi.pending;
	out->nmi.masked = ev->nmi.masked;
	out->flags |= KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
	if (vcpu->apic && vcpu->mp_state == KVM_MP_STATE_INIT_RECEIVED) {
		out->flags |= KVM_VCPUEVENT_VALID_SIPI_VECTOR;
		out->sipi_vector = vcpu->sipi_vector;
	}
	return 0;
}

#define EVENT_SET_FLAGS                                                      \
	(KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR | \
	 KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_PAYLOAD |          \
	 KVM_VCPUEVENT_VALID_TRIPLE_FAULT)

/* The exception in @in with what its flags say. False for one that there cannot be. */
static bool event_set_exception(struct vcpu *vcpu, const struct kvm_vcpu_events *in)
{
	bool payloads = in->flags & KVM_VCPUEVENT_VALID_PAYLOAD;
	bool pending = payloads && in->exception.pending;
	bool injected = in->exception.injected && !pending;
	u8 vector = in->exception.nr;

	if ((pending || injected) && (vector > 31 || vector == VECTOR_NMI))
		return false;
	vcpu->events.exception = (typeof(vcpu->events.exception)){
		.pending = pending,
		.injected = injected,
		.vector = vector & 31,
		.insn_len = pending || injected ? debug_soft_length(vcpu, vector) : 0,
		.has_error = in->exception.has_error_code,
		.error = in->exception.error_code,
		.has_payload = pending && in->exception_has_payload,
		.payload = in->exception_payload,
	};
	return true;
}

static bool event_set_allowed(const struct vm *vm, u32 flags)
{
	if (flags & KVM_VCPUEVENT_VALID_PAYLOAD && !READ_ONCE(vm->options.exception_payload))
		return false;
	if (flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT && !READ_ONCE(vm->options.triple_fault_event))
		return false;
	return !(flags & ~EVENT_SET_FLAGS);
}

static void event_set_triple_fault(struct vcpu *vcpu, bool pending)
{
	if (pending)
		vcpu_request(vcpu, WORK_TRIPLE_FAULT);
	else
		vcpu_take_work(vcpu, WORK_TRIPLE_FAULT);
}

long event_set(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	struct events *ev = &vcpu->events;
	const struct kvm_vcpu_events *in = arg;

	if (!event_set_allowed(vcpu->vm, in->flags) || !event_set_exception(vcpu, in))
		return -EINVAL;

	/* What came before is replaced, not added to. */
	if (vcpu_take_work(vcpu, WORK_NMI))
		event_take_nmis(vcpu);
	if (!vcpu->apic)
		ev->user_interrupt = -1;
	ev->interrupt.injected = in->interrupt.injected;
	ev->interrupt.vector = in->interrupt.nr;
	ev->interrupt.soft = in->interrupt.soft;
	ev->nmi.injected = in->nmi.injected;
	ev->nmi.masked = in->nmi.masked;
	if (ev->nmi.masked)
		backend->open_nmi_window(vcpu);
	if (in->flags & KVM_VCPUEVENT_VALID_NMI_PENDING)
		ev->nmi.pending = min_t(u8, in->nmi.pending, 2);
	if (in->flags & KVM_VCPUEVENT_VALID_SHADOW)
		backend->set_shadow(vcpu, in->interrupt.shadow);
	if (in->flags & KVM_VCPUEVENT_VALID_SIPI_VECTOR && vcpu->apic)
		vcpu->sipi_vector = in->sipi_vector;
	if (in->flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT)
		event_set_triple_fault(vcpu, in->triple_fault.pending);
	vcpu_request(vcpu, WORK_EVENT);
	return 0;
}

long event_ioctl_nmi(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	event_nmi(vcpu);
	return 0;
}

/*
 * KVM_INTERRUPT: for a VM whose PIC is in user space. Where a local APIC is in between, it is the
 * PIC's INTR that is acknowledged with a vector, once; else user space may change its mind.
 */
long event_ioctl_interrupt(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	const struct kvm_interrupt *interrupt = arg;

	if (interrupt->irq > 255)
		return -EINVAL;
	if (!vcpu->user_pic)
		return -ENXIO;
	if (vcpu->apic && vcpu->events.user_interrupt >= 0)
		return -EEXIST;
	vcpu->events.user_interrupt = interrupt->irq;
	vcpu_request(vcpu, WORK_EVENT);
	return 0;
}
