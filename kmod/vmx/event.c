// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMX: event injection, interrupt and NMI windows, blocking (SDM 3, 25.8.3, 27.6, 27.7).
 */
#include "../irq/irqchip.h"
#include "../irq/lapic.h"
#include "vmx.h"

#define SHADOWS (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)

/* Pending debug exceptions: a single step (SDM 3, table 25-4). */
#define PENDING_STEP BIT_ULL(14)

/**
 * vmx_set_blocking() - write the interruptibility state
 * @vmx: the vCPU
 * @blocking: GUEST_INTR_STATE_* bits
 */
void vmx_set_blocking(struct vmx_vcpu *vmx, u32 blocking)
{
	vmx->vcpu.in_shadow = blocking & SHADOWS;
	if (blocking == vmx->blocking)
		return;
	vmx->blocking = blocking;
	vmx_begin(vmx);
	vmx_write(GUEST_INTERRUPTIBILITY_INFO, blocking);
	vmx_end();
}

/* An NMI can only be injected unblocked, and blocks by itself; else @masked is what was set. */
static u32 blocking_for(struct vmx_vcpu *vmx, const struct event *event)
{
	u32 blocking = vmx->blocking & ~GUEST_INTR_STATE_NMI;

	if (vmx->vcpu.events.nmi.masked && !(event && event->kind == EVENT_NMI))
		blocking |= GUEST_INTR_STATE_NMI;
	return blocking;
}

/* An instruction's own event, with its length, or one that just comes (SDM 3, 25.8.3). */
static u32 entry_type(const struct event *event)
{
	if (event->kind == EVENT_EXCEPTION && event->insn_len)
		return INTR_TYPE_SOFT_EXCEPTION;
	return event->kind << 8;
}

static u32 entry_information(struct vmx_vcpu *vmx, const struct event *event)
{
	if (event->has_error)
		vmx_write(VM_ENTRY_EXCEPTION_ERROR_CODE, event->error);
	if (event->insn_len)
		vmx_write(VM_ENTRY_INSTRUCTION_LEN, event->insn_len);
	/* A guest that halts by itself is woken. */
	if (unlikely(!(vmx->controls[0] & CPU_BASED_HLT_EXITING)))
		vmx_write(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	return event->vector | entry_type(event) | INTR_INFO_VALID_MASK |
	       (event->has_error ? INTR_INFO_DELIVER_CODE_MASK : 0);
}

void vmx_inject(struct vcpu *vcpu, const struct event *event)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u32 info = 0;

	vmx_set_blocking(vmx, blocking_for(vmx, event));
	if (!event && !vmx->injecting)
		return;
	vmx_begin(vmx);
	if (event)
		info = entry_information(vmx, event);
	vmx_write(VM_ENTRY_INTR_INFO_FIELD, info);
	vmx_end();
	vmx->injecting = event;
}

/* Both vendors' shadows in the order of KVM's bits. */
u8 vmx_get_shadow(struct vcpu *vcpu)
{
	u32 blocking = to_vmx(vcpu)->blocking;

	return (blocking & GUEST_INTR_STATE_STI ? KVM_X86_SHADOW_INT_STI : 0) |
	       (blocking & GUEST_INTR_STATE_MOV_SS ? KVM_X86_SHADOW_INT_MOV_SS : 0);
}

/**
 * vmx_clear_step() - no single step is pending
 * @vmx: the vCPU, whose instruction has not been executed by the processor
 *
 * Some emulators leave one behind by each exit with RFLAGS.TF set; a processor never does.
 */
void vmx_clear_step(struct vmx_vcpu *vmx)
{
	if (likely(!(vmx->vcpu.rflags & X86_EFLAGS_TF)))
		return;
	vmx_begin(vmx);
	vmx_write(GUEST_PENDING_DBG_EXCEPTIONS, 0);
	vmx_end();
}

/* Only one of the two can be in force (SDM 3, 27.3.1.5). */
void vmx_set_shadow(struct vcpu *vcpu, u8 shadow)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u32 blocking = vmx->blocking & ~SHADOWS;

	/* The step over an instruction that is emulated is the emulator's affair. */
	if (!shadow)
		vmx_clear_step(vmx);
	if (shadow & KVM_X86_SHADOW_INT_MOV_SS)
		blocking |= GUEST_INTR_STATE_MOV_SS;
	else if (shadow & KVM_X86_SHADOW_INT_STI)
		blocking |= GUEST_INTR_STATE_STI;
	vmx_set_blocking(vmx, blocking);
}

/**
 * vmx_settle_shadow() - make what depends on a shadow agree with it, before an entry
 * @vmx: the vCPU, which is in a shadow
 *
 * STI's needs IF; and a single step that a shadow holds back is pending (SDM 3, 27.3.1.5).
 */
void vmx_settle_shadow(struct vmx_vcpu *vmx)
{
	u64 rflags = vmx->vcpu.rflags;
	u64 pending = vmx_read(GUEST_PENDING_DBG_EXCEPTIONS);
	u64 step = rflags & X86_EFLAGS_TF ? PENDING_STEP : 0;

	if (!(rflags & X86_EFLAGS_IF))
		vmx_set_blocking(vmx, vmx->blocking & ~GUEST_INTR_STATE_STI);
	if ((pending & PENDING_STEP) != step)
		vmx_write(GUEST_PENDING_DBG_EXCEPTIONS, (pending & ~PENDING_STEP) | step);
}

bool vmx_interrupt_open(struct vcpu *vcpu)
{
	return vcpu->rflags & X86_EFLAGS_IF && !(to_vmx(vcpu)->blocking & SHADOWS);
}

bool vmx_nmi_open(struct vcpu *vcpu)
{
	return !(to_vmx(vcpu)->blocking & (SHADOWS | GUEST_INTR_STATE_NMI)) &&
	       !vcpu->events.nmi.masked;
}

void vmx_open_interrupt_window(struct vcpu *vcpu)
{
	vmx_control(to_vmx(vcpu), VMX_CPU, CPU_BASED_INTR_WINDOW_EXITING, true);
}

/* On some CPUs only the interrupt window waits for the end of STI's shadow. */
void vmx_open_nmi_window(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (vmx->blocking & GUEST_INTR_STATE_STI)
		vmx_open_interrupt_window(vcpu);
	else
		vmx_control(vmx, VMX_CPU, CPU_BASED_NMI_WINDOW_EXITING, true);
}

/*
 * The processor's TPR follows the local APIC's. Where a lower one would let an interrupt through, a
 * write below that interrupt's class exits (SDM 3, 30.1.2), in x2APIC mode by WRMSR as well.
 */
void vmx_update_tpr(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u8 threshold = vcpu->apic ? vcpu_lapic_tpr_blocks(vcpu) : 0;

	vmx->tpr_known = vcpu->apic ? lapic_get(vcpu->apic, LAPIC_TPR) : vcpu->cr8 << 4;
	*vmx->tpr = vmx->tpr_known;
	if (threshold == vmx->tpr_threshold)
		return;
	vmx->tpr_threshold = threshold;
	vmx_begin(vmx);
	vmx_write(TPR_THRESHOLD, threshold);
	vmx_end();
}

/**
 * vmx_events_after_exit() - what was injected is delivered, or @info says that it was cut short
 * @vmx: the vCPU
 * @info: IDT-vectoring information (SDM 3, 25.9.3), 0 where there is none
 *
 * #BP and #OF of INT3 and INTO have a type of their own; shared code knows them by their vectors.
 * ICEBP's #DB does as well: like those, its instruction raises it again.
 */
void vmx_events_after_exit(struct vmx_vcpu *vmx, u32 info)
{
	u32 type = info & INTR_INFO_INTR_TYPE_MASK;
	struct event event = {
		.kind = type >> 8,
		.vector = info & INTR_INFO_VECTOR_MASK,
		.has_error = info & INTR_INFO_DELIVER_CODE_MASK,
	};

	vmx->injecting = false;
	if (!(info & INTR_INFO_VALID_MASK)) {
		event_after_exit(&vmx->vcpu, NULL);
		return;
	}
	if (event.has_error)
		event.error = vmx_read(IDT_VECTORING_ERROR_CODE);
	if (type == INTR_TYPE_SOFT_EXCEPTION || type == INTR_TYPE_PRIV_SW_EXCEPTION)
		event.kind = EVENT_SOFT_INTERRUPT;
	event_after_exit(&vmx->vcpu, &event);
}
