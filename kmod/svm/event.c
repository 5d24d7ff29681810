// SPDX-License-Identifier: GPL-2.0-only
/*
 * SVM: event injection, interrupt and NMI windows, interrupt shadow (APM 2, 15.20 and 15.21).
 */
#include "../compat.h"
#include "../irq/irqchip.h"
#include "svm.h"

#define SVM_EXIT_DB (SVM_EXIT_EXCP_BASE + VECTOR_DB)

void svm_inject(struct vcpu *vcpu, const struct event *event)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb_control_area *control = &svm->vmcb->control;

	control->event_inj = 0;
	svm->injecting = 0;
	svm->soft_len = 0;
	if (!event)
		return;
	svm->injecting = event->vector | event->kind << 8 | SVM_EVTINJ_VALID |
			 (event->has_error ? SVM_EVTINJ_VALID_ERR : 0);
	control->event_inj = svm->injecting;
	control->event_inj_err = event->error;
	svm->soft_len = event->kind == EVENT_EXCEPTION ? event->insn_len : 0;
	if (event->kind == EVENT_NMI)
		svm_intercept(svm, INTERCEPT_IRET, true);
}

u8 svm_get_shadow(struct vcpu *vcpu)
{
	/* SVM does not tell STI's shadow from MOV SS's. */
	return to_svm(vcpu)->vmcb->control.int_state & SVM_INTERRUPT_SHADOW_MASK ?
		       KVM_X86_SHADOW_INT_STI | KVM_X86_SHADOW_INT_MOV_SS :
		       0;
}

void svm_set_shadow(struct vcpu *vcpu, u8 shadow)
{
	u32 *state = &to_svm(vcpu)->vmcb->control.int_state;

	vcpu->in_shadow = shadow;
	*state = shadow ? *state | SVM_INTERRUPT_SHADOW_MASK : *state & ~SVM_INTERRUPT_SHADOW_MASK;
}

static bool svm_in_shadow(struct vcpu *vcpu)
{
	return to_svm(vcpu)->vmcb->control.int_state & SVM_INTERRUPT_SHADOW_MASK;
}

bool svm_interrupt_open(struct vcpu *vcpu)
{
	return vcpu->rflags & X86_EFLAGS_IF && !svm_in_shadow(vcpu);
}

bool svm_nmi_open(struct vcpu *vcpu)
{
	return !vcpu->events.nmi.masked && !svm_in_shadow(vcpu);
}

/* A virtual interrupt of the highest priority that is intercepted before it is taken. */
void svm_open_interrupt_window(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb_control_area *control = &svm->vmcb->control;

	if (control->int_ctl & V_IRQ_MASK)
		return;
	control->int_ctl |= V_IRQ_MASK | V_INTR_PRIO_MASK | V_IGN_TPR_MASK;
	svm_intercept(svm, INTERCEPT_VINTR, true);
	/* An emulator aborts when CR8 is written while V_IRQ is set; silicon does not mind this. */
	svm_intercept(svm, INTERCEPT_CR8_WRITE, true);
	svm_dirty(svm, SVM_CLEAN_TPR);
}

void svm_close_interrupt_window(struct svm_vcpu *svm)
{
	struct vmcb_control_area *control = &svm->vmcb->control;

	control->int_ctl &= ~(V_IRQ_MASK | V_INTR_PRIO_MASK | V_IGN_TPR_MASK);
	svm_intercept(svm, INTERCEPT_VINTR, false);
	svm_update_tpr(&svm->vcpu);
	svm_dirty(svm, SVM_CLEAN_TPR);
}

static void svm_begin_step(struct svm_vcpu *svm)
{
	struct vcpu *vcpu = &svm->vcpu;

	if (svm->stepping)
		return;
	svm->stepping = true;
	svm->step_tf = vcpu->rflags & X86_EFLAGS_TF;
	vcpu->rflags |= X86_EFLAGS_TF;
}

static void svm_end_step(struct svm_vcpu *svm)
{
	svm->stepping = false;
	if (!svm->step_tf)
		svm->vcpu.rflags &= ~(u64)X86_EFLAGS_TF;
}

/**
 * svm_before_step() - the next entry is to execute one instruction
 * @svm: the vCPU
 *
 * Where the entry first delivers an event, our RFLAGS.TF would be pushed with the guest's. A host
 * interrupt ends the guest right after the delivery instead.
 *
 * Context: IRQs off.
 */
void svm_before_step(struct svm_vcpu *svm)
{
	if (!svm->injecting)
		return;
	svm_end_step(svm);
	vcpu_request(&svm->vcpu, WORK_EVENT);
	compat_send_reschedule(smp_processor_id());
}

/* Masked: the IRET that ends it is intercepted. Else a shadow or that IRET is in the way: step. */
void svm_open_nmi_window(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	if (vcpu->events.nmi.masked && !svm->iret_pending)
		svm_intercept(svm, INTERCEPT_IRET, true);
	else
		svm_begin_step(svm);
}

/* NMIs stay masked until the intercepted IRET has completed, at another RIP. */
static void svm_after_iret(struct svm_vcpu *svm)
{
	struct vcpu *vcpu = &svm->vcpu;

	if (vcpu->rip == svm->iret_rip)
		return;
	svm->iret_pending = false;
	vcpu->events.nmi.masked = false;
	vcpu_request(vcpu, WORK_EVENT);
}

/**
 * svm_after_step() - an exit with @iret_pending or @stepping
 * @svm: the vCPU
 *
 * Whatever the exit, nobody outside sees the RFLAGS.TF that was ours.
 *
 * Context: IRQs off.
 */
void svm_after_step(struct svm_vcpu *svm)
{
	if (svm->stepping) {
		svm->stepped = !svm->step_tf && svm->vmcb->control.exit_code == SVM_EXIT_DB;
		/* INT n and exceptions clear TF only after they have pushed it. */
		if (!svm->step_tf && !svm->stepped && !(svm->vcpu.rflags & X86_EFLAGS_TF))
			svm->tf_pushed = true;
		svm_end_step(svm);
		vcpu_request(&svm->vcpu, WORK_EVENT);
	}
	if (svm->iret_pending)
		svm_after_iret(svm);
}

/*
 * V_TPR follows the local APIC. CR8 writes exit where a lower TPR would let an interrupt through,
 * and where the local APIC is in user space.
 */
void svm_update_tpr(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb_control_area *control = &svm->vmcb->control;
	bool blocked = vcpu->apic ? vcpu_lapic_tpr_blocks(vcpu) : true;

	if ((control->int_ctl & V_TPR_MASK) != vcpu->cr8) {
		control->int_ctl = (control->int_ctl & ~V_TPR_MASK) | (vcpu->cr8 & V_TPR_MASK);
		svm_dirty(svm, SVM_CLEAN_TPR);
	}
	blocked |= !!(control->int_ctl & V_IRQ_MASK);
	if (blocked != svm_intercepts(svm, INTERCEPT_CR8_WRITE))
		svm_intercept(svm, INTERCEPT_CR8_WRITE, blocked);
}
