// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMX exit reasons (SDM 3, appendix C) to struct exit, and what VMX finishes by itself.
 */
#include "../compat.h"
#include "vmx.h"

/* EPT violations (SDM 3, table 28-7), beyond what asm/vmx.h names. */
#define EPT_NMI_UNBLOCKED BIT(12)

static u64 qualification(struct exit *exit)
{
	exit->raw.info[0] = vmx_read(EXIT_QUALIFICATION);
	return exit->raw.info[0];
}

/*
 * An IRET ended NMI blocking and then faulted: it will be executed again. The bit that tells so
 * says nothing where an event was being delivered (SDM 3, 28.2.1 and 28.2.2).
 */
static void nmi_blocked_again(struct vmx_vcpu *vmx)
{
	if (vmx_read(IDT_VECTORING_INFO_FIELD) & VECTORING_INFO_VALID_MASK)
		return;
	vmx_set_blocking(vmx, vmx->blocking | GUEST_INTR_STATE_NMI);
	vmx->vcpu.events.nmi.masked = true;
}

static void decode_exception(struct vmx_vcpu *vmx, struct exit *exit)
{
	u32 info = vmx_read(VM_EXIT_INTR_INFO);
	u8 vector = info & INTR_INFO_VECTOR_MASK;

	exit->raw.info[1] = info;
	if ((info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_NMI_INTR) {
		vmx_call_nmi();
		exit->kind = EXIT_INTERRUPT;
		return;
	}
	exit->exception.vector = vector;
	/* The host's, which may take it only when RCU watches again: not here. */
	if (vector == VECTOR_MC)
		return;
	if (info & INTR_INFO_UNBLOCK_NMI && vector != VECTOR_DF)
		nmi_blocked_again(vmx);
	exit->exception.has_error = info & INTR_INFO_DELIVER_CODE_MASK;
	exit->exception.error = 0;
	if (exit->exception.has_error)
		exit->exception.error = vmx_read(VM_EXIT_INTR_ERROR_CODE);
	exit->exception.payload = qualification(exit);
	/* INT1 raises a trap, but its exit comes before it is done (SDM 3, 28.3.3). */
	if ((info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_PRIV_SW_EXCEPTION)
		skip_bytes(&vmx->vcpu, vmx_read(VM_EXIT_INSTRUCTION_LEN));
}

static void decode_io(struct vmx_vcpu *vmx, struct exit *exit)
{
	vmx_decode_io(vmx, exit);
}

/* SDM 3, table 28-3. MOV says all; CLTS and LMSW are left to the shared decoder. */
static void decode_cr(struct vmx_vcpu *vmx, struct exit *exit)
{
	u64 q = qualification(exit);
	u8 type = q >> 4 & 3;

	exit->cr.nr = q & 15;
	exit->cr.write = type != 1;
	exit->cr.gpr = q >> 8 & 15;
	exit->cr.decoded = type < 2;
}

/* SDM 3, table 28-4. */
static void decode_dr(struct vmx_vcpu *vmx, struct exit *exit)
{
	u64 q = qualification(exit);

	exit->cr.nr = q & 7;
	exit->cr.write = !(q & BIT(4));
	exit->cr.gpr = q >> 8 & 15;
	exit->cr.decoded = true;
}

static void decode_ept_violation(struct vmx_vcpu *vmx, struct exit *exit)
{
	u64 q = qualification(exit);

	if (q & EPT_NMI_UNBLOCKED)
		nmi_blocked_again(vmx);
	exit->fault.gpa = vmx_read(GUEST_PHYSICAL_ADDRESS);
	exit->fault.error = (q & EPT_VIOLATION_ACC_WRITE ? FAULT_WRITE : 0) |
			    (q & EPT_VIOLATION_ACC_INSTR ? FAULT_FETCH : 0) |
			    (q & EPT_VIOLATION_RWX_MASK ? FAULT_PRESENT : 0);
	if (q & EPT_VIOLATION_GVA_IS_VALID && !(q & EPT_VIOLATION_GVA_TRANSLATED))
		exit->fault.error |= FAULT_WALK;
	exit->raw.info[1] = exit->fault.gpa;
	vmx_clear_step(vmx);
}

/*
 * SDM 3, table 28-2 and 26.4.2. RIP is to move where an instruction switches the task, INT n too.
 */
static void decode_task(struct vmx_vcpu *vmx, struct exit *exit)
{
	u64 q = qualification(exit);
	u32 info = vmx_read(IDT_VECTORING_INFO_FIELD);
	u32 type = info & INTR_INFO_INTR_TYPE_MASK;

	exit->task.selector = q;
	exit->task.source = q >> 30 & 3;
	exit->raw.info[1] = info;
	if (!(info & VECTORING_INFO_VALID_MASK) || type == INTR_TYPE_SOFT_INTR ||
	    type == INTR_TYPE_SOFT_EXCEPTION || type == INTR_TYPE_PRIV_SW_EXCEPTION)
		exit->insn_len = vmx_read(VM_EXIT_INSTRUCTION_LEN);
}

/* An entry of our tables that the processor does not understand: our error, the guest ends. */
static void decode_misconfig(struct vmx_vcpu *vmx, struct exit *exit)
{
	exit->raw.info[1] = vmx_read(GUEST_PHYSICAL_ADDRESS);
}

static void interrupt_window(struct vmx_vcpu *vmx, struct exit *exit)
{
	vmx_control(vmx, VMX_CPU, CPU_BASED_INTR_WINDOW_EXITING, false);
	vcpu_request(&vmx->vcpu, WORK_EVENT);
}

static void nmi_window(struct vmx_vcpu *vmx, struct exit *exit)
{
	vmx_control(vmx, VMX_CPU, CPU_BASED_NMI_WINDOW_EXITING, false);
	vcpu_request(&vmx->vcpu, WORK_EVENT);
}

static void tpr_below_threshold(struct vmx_vcpu *vmx, struct exit *exit)
{
	vcpu_request(&vmx->vcpu, WORK_EVENT);
}

/* For nothing, it is an opportunity to take interrupts. */
static void preemption_timer(struct vmx_vcpu *vmx, struct exit *exit)
{
	if (vmx_timer_due(vmx))
		exit->kind = EXIT_DEADLINE;
}

/* Reasons that are not named here are EXIT_UNKNOWN, and all is read. */
const struct vmx_reason vmx_reasons[NR_VMX_REASONS] = {
	[EXIT_REASON_EXCEPTION_NMI] = { decode_exception, EXIT_EXCEPTION },
	[EXIT_REASON_EXTERNAL_INTERRUPT] = { NULL, EXIT_INTERRUPT, VMX_ROW_LEAN },
	[EXIT_REASON_TRIPLE_FAULT] = { NULL, EXIT_TRIPLE_FAULT, VMX_ROW_LEAN },
	[EXIT_REASON_INIT_SIGNAL] = { NULL, EXIT_INTERRUPT, VMX_ROW_LEAN },
	[EXIT_REASON_INTERRUPT_WINDOW] = { interrupt_window, EXIT_INTERNAL, VMX_ROW_LEAN },
	[EXIT_REASON_NMI_WINDOW] = { nmi_window, EXIT_INTERNAL, VMX_ROW_LEAN },
	[EXIT_REASON_TASK_SWITCH] = { decode_task, EXIT_TASK_SWITCH },
	[EXIT_REASON_CPUID] = { NULL, EXIT_CPUID, VMX_ROW_LEN | VMX_ROW_LEAN },
	[EXIT_REASON_HLT] = { NULL, EXIT_HLT, VMX_ROW_LEN | VMX_ROW_LEAN },
	[EXIT_REASON_INVD] = { NULL, EXIT_WBINVD, VMX_ROW_LEN | VMX_ROW_LEAN },
	[EXIT_REASON_RDPMC] = { NULL, EXIT_RDPMC, VMX_ROW_LEN | VMX_ROW_LEAN },
	[EXIT_REASON_VMCALL] = { NULL, EXIT_HYPERCALL, VMX_ROW_LEN | VMX_ROW_LEAN },
	[EXIT_REASON_VMCLEAR] = { NULL, EXIT_UNDEFINED, VMX_ROW_LEAN },
	[EXIT_REASON_VMLAUNCH] = { NULL, EXIT_UNDEFINED, VMX_ROW_LEAN },
	[EXIT_REASON_VMPTRLD] = { NULL, EXIT_UNDEFINED, VMX_ROW_LEAN },
	[EXIT_REASON_VMPTRST] = { NULL, EXIT_UNDEFINED, VMX_ROW_LEAN },
	[EXIT_REASON_VMREAD] = { NULL, EXIT_UNDEFINED, VMX_ROW_LEAN },
	[EXIT_REASON_VMRESUME] = { NULL, EXIT_UNDEFINED, VMX_ROW_LEAN },
	[EXIT_REASON_VMWRITE] = { NULL, EXIT_UNDEFINED, VMX_ROW_LEAN },
	[EXIT_REASON_VMOFF] = { NULL, EXIT_UNDEFINED, VMX_ROW_LEAN },
	[EXIT_REASON_VMON] = { NULL, EXIT_UNDEFINED, VMX_ROW_LEAN },
	[EXIT_REASON_CR_ACCESS] = { decode_cr, EXIT_CR, VMX_ROW_LEN | VMX_ROW_WHOLE },
	[EXIT_REASON_DR_ACCESS] = { decode_dr, EXIT_DR, VMX_ROW_LEN | VMX_ROW_WHOLE },
	[EXIT_REASON_IO_INSTRUCTION] = { decode_io, EXIT_IO, VMX_ROW_LEN | VMX_ROW_LEAN },
	[EXIT_REASON_MSR_READ] = { NULL, EXIT_RDMSR, VMX_ROW_LEN | VMX_ROW_LEAN },
	[EXIT_REASON_MSR_WRITE] = { NULL, EXIT_WRMSR, VMX_ROW_LEN | VMX_ROW_LEAN },
	[EXIT_REASON_MWAIT_INSTRUCTION] = { NULL, EXIT_MWAIT, VMX_ROW_LEN | VMX_ROW_LEAN },
	[EXIT_REASON_MONITOR_INSTRUCTION] = { NULL, EXIT_MWAIT, VMX_ROW_LEN | VMX_ROW_LEAN },
	[EXIT_REASON_PAUSE_INSTRUCTION] = { NULL, EXIT_PAUSE, VMX_ROW_LEN | VMX_ROW_LEAN },
	[EXIT_REASON_TPR_BELOW_THRESHOLD] = { tpr_below_threshold, EXIT_INTERNAL, VMX_ROW_LEAN },
	[EXIT_REASON_EPT_VIOLATION] = { decode_ept_violation, EXIT_GPA_FAULT },
	[EXIT_REASON_EPT_MISCONFIG] = { decode_misconfig, EXIT_UNKNOWN },
	[EXIT_REASON_INVEPT] = { NULL, EXIT_UNDEFINED, VMX_ROW_LEAN },
	[EXIT_REASON_PREEMPTION_TIMER] = { preemption_timer, EXIT_INTERRUPT, VMX_ROW_LEAN },
	[EXIT_REASON_INVVPID] = { NULL, EXIT_UNDEFINED, VMX_ROW_LEAN },
	[EXIT_REASON_WBINVD] = { NULL, EXIT_WBINVD, VMX_ROW_LEN | VMX_ROW_LEAN },
	[EXIT_REASON_XSETBV] = { NULL, EXIT_XSETBV, VMX_ROW_LEN | VMX_ROW_LEAN },
	[EXIT_REASON_ENCLS] = { NULL, EXIT_UNDEFINED, VMX_ROW_LEAN },
};

/**
 * vmx_decode_rest() - decode an exit that needs more than most
 * @vmx: the vCPU
 * @reason: the reason's row
 * @exit: the result
 *
 * All registers, and what has become of an event whose delivery the exit may have cut short.
 */
void vmx_decode_rest(struct vmx_vcpu *vmx, const struct vmx_reason *reason, struct exit *exit)
{
	u32 info = reason->flags & VMX_ROW_WHOLE ? 0 : vmx_read(IDT_VECTORING_INFO_FIELD);

	if (!(reason->flags & VMX_ROW_FEW))
		vmx_sync(&vmx->vcpu);
	if (vmx->injecting || info & VECTORING_INFO_VALID_MASK)
		vmx_events_after_exit(vmx, info);
	if (reason->decode)
		reason->decode(vmx, exit);
}
