// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMX exit reasons (SDM 3, appendix C) to struct exit, and what VMX finishes by itself.
 */
#include <linux/nospec.h>

#include "../compat.h"
#include "vmx.h"

/* Bits of a row. */
#define LEN	 BIT(0) /* the exit was an instruction's, whose length is told */
#define REST	 BIT(1) /* its handler may look at any register */
#define DELIVERY BIT(2) /* it may come while an event is delivered (SDM 3, 28.2.4) */

/* EPT violations (SDM 3, table 28-7), beyond what asm/vmx.h names. */
#define EPT_NMI_UNBLOCKED BIT(12)

/**
 * struct reason - a row of the table of exit reasons
 * @decode: fills in what the kind needs, and may change the kind; NULL: nothing to do
 * @kind: of the exit
 * @flags: LEN, REST, DELIVERY
 */
struct reason {
	void (*decode)(struct vmx_vcpu *vmx, struct exit *exit);
	u8 kind;
	u8 flags;
};

static u64 qualification(struct exit *exit)
{
	exit->raw.info[0] = vmx_read(EXIT_QUALIFICATION);
	return exit->raw.info[0];
}

/* An IRET ended NMI blocking and then faulted: it will be executed again (SDM 3, 28.2.3). */
static void nmi_blocked_again(struct vmx_vcpu *vmx)
{
	vmx_set_blocking(vmx, vmx->blocking | GUEST_INTR_STATE_NMI);
	vmx->vcpu.events.nmi.masked = true;
}

/* The host's, which may take it only when RCU watches again: not here. */
static void machine_check(struct vmx_vcpu *vmx, struct exit *exit)
{
	exit->exception.vector = VECTOR_MC;
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
	if (vector == VECTOR_MC) {
		machine_check(vmx, exit);
		return;
	}
	if (info & INTR_INFO_UNBLOCK_NMI && vector != VECTOR_DF)
		nmi_blocked_again(vmx);
	exit->exception.vector = vector;
	exit->exception.has_error = info & INTR_INFO_DELIVER_CODE_MASK;
	exit->exception.error = 0;
	if (exit->exception.has_error)
		exit->exception.error = vmx_read(VM_EXIT_INTR_ERROR_CODE);
	exit->exception.payload = qualification(exit);
}

/* SDM 3, table 28-5. */
static void decode_io(struct vmx_vcpu *vmx, struct exit *exit)
{
	u64 q = qualification(exit);

	exit->io.port = q >> 16;
	exit->io.size = (q & 7) + 1;
	exit->io.in = q & BIT(3);
	exit->io.string = q & BIT(4);
	exit->io.rep = q & BIT(5);
	if (exit->io.string)
		vmx_sync(&vmx->vcpu);
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

	/* Bit 12 says nothing where an event was being delivered. */
	if (q & EPT_NMI_UNBLOCKED &&
	    !(vmx_read(IDT_VECTORING_INFO_FIELD) & VECTORING_INFO_VALID_MASK))
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

/* An entry of our tables that the processor does not understand: our error, the guest ends. */
static void decode_misconfig(struct vmx_vcpu *vmx, struct exit *exit)
{
	u64 gpa = vmx_read(GUEST_PHYSICAL_ADDRESS);

	exit->raw.info[1] = gpa;
	pr_err_ratelimited("vCPU %u: EPT misconfiguration at guest-physical address %#llx\n",
			   vmx->vcpu.id, gpa);
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

/* Reasons that are not named here are EXIT_UNKNOWN. */
static const struct reason reasons[] = {
	[EXIT_REASON_EXCEPTION_NMI] = { decode_exception, EXIT_EXCEPTION, REST | DELIVERY },
	[EXIT_REASON_EXTERNAL_INTERRUPT] = { NULL, EXIT_INTERRUPT },
	[EXIT_REASON_TRIPLE_FAULT] = { NULL, EXIT_TRIPLE_FAULT },
	[EXIT_REASON_INIT_SIGNAL] = { NULL, EXIT_INTERRUPT },
	[EXIT_REASON_INTERRUPT_WINDOW] = { interrupt_window, EXIT_INTERNAL },
	[EXIT_REASON_NMI_WINDOW] = { nmi_window, EXIT_INTERNAL },
	[EXIT_REASON_TASK_SWITCH] = { NULL, EXIT_UNKNOWN, REST | DELIVERY },
	[EXIT_REASON_CPUID] = { NULL, EXIT_CPUID, LEN },
	[EXIT_REASON_HLT] = { NULL, EXIT_HLT, LEN },
	[EXIT_REASON_INVD] = { NULL, EXIT_WBINVD, LEN },
	[EXIT_REASON_RDPMC] = { NULL, EXIT_RDPMC, LEN },
	[EXIT_REASON_VMCALL] = { NULL, EXIT_HYPERCALL, LEN },
	[EXIT_REASON_VMCLEAR] = { NULL, EXIT_UNDEFINED },
	[EXIT_REASON_VMLAUNCH] = { NULL, EXIT_UNDEFINED },
	[EXIT_REASON_VMPTRLD] = { NULL, EXIT_UNDEFINED },
	[EXIT_REASON_VMPTRST] = { NULL, EXIT_UNDEFINED },
	[EXIT_REASON_VMREAD] = { NULL, EXIT_UNDEFINED },
	[EXIT_REASON_VMRESUME] = { NULL, EXIT_UNDEFINED },
	[EXIT_REASON_VMWRITE] = { NULL, EXIT_UNDEFINED },
	[EXIT_REASON_VMOFF] = { NULL, EXIT_UNDEFINED },
	[EXIT_REASON_VMON] = { NULL, EXIT_UNDEFINED },
	[EXIT_REASON_CR_ACCESS] = { decode_cr, EXIT_CR, LEN | REST },
	[EXIT_REASON_DR_ACCESS] = { decode_dr, EXIT_DR, LEN | REST },
	[EXIT_REASON_IO_INSTRUCTION] = { decode_io, EXIT_IO, LEN },
	[EXIT_REASON_MSR_READ] = { NULL, EXIT_RDMSR, LEN },
	[EXIT_REASON_MSR_WRITE] = { NULL, EXIT_WRMSR, LEN },
	[EXIT_REASON_MWAIT_INSTRUCTION] = { NULL, EXIT_MWAIT, LEN },
	[EXIT_REASON_MONITOR_INSTRUCTION] = { NULL, EXIT_MWAIT, LEN },
	[EXIT_REASON_PAUSE_INSTRUCTION] = { NULL, EXIT_PAUSE, LEN },
	[EXIT_REASON_MCE_DURING_VMENTRY] = { machine_check, EXIT_EXCEPTION },
	[EXIT_REASON_TPR_BELOW_THRESHOLD] = { tpr_below_threshold, EXIT_INTERNAL },
	[EXIT_REASON_EPT_VIOLATION] = { decode_ept_violation, EXIT_GPA_FAULT, REST | DELIVERY },
	[EXIT_REASON_EPT_MISCONFIG] = { decode_misconfig, EXIT_UNKNOWN, REST | DELIVERY },
	[EXIT_REASON_INVEPT] = { NULL, EXIT_UNDEFINED },
	[EXIT_REASON_PREEMPTION_TIMER] = { NULL, EXIT_INTERRUPT },
	[EXIT_REASON_INVVPID] = { NULL, EXIT_UNDEFINED },
	[EXIT_REASON_WBINVD] = { NULL, EXIT_WBINVD, LEN },
	[EXIT_REASON_XSETBV] = { NULL, EXIT_XSETBV, LEN },
	[EXIT_REASON_ENCLS] = { NULL, EXIT_UNDEFINED },
};

static const struct reason *find_reason(u32 number)
{
	static const struct reason unknown = { NULL, EXIT_UNKNOWN, REST | DELIVERY };

	if (unlikely(number >= ARRAY_SIZE(reasons)))
		return &unknown;
	return &reasons[array_index_nospec(number, ARRAY_SIZE(reasons))];
}

/**
 * vmx_decode() - fill in a struct exit from the VMCS
 * @vmx: the vCPU that has just left guest mode
 * @number: the basic exit reason
 * @exit: the result
 *
 * Context: IRQs off.
 */
void vmx_decode(struct vmx_vcpu *vmx, u32 number, struct exit *exit)
{
	const struct reason *reason = find_reason(number);

	exit->kind = reason->kind;
	exit->insn_len = 0;
	exit->raw.reason = number;
	exit->raw.info[0] = 0;
	exit->raw.info[1] = 0;
	if (reason->flags & LEN)
		exit->insn_len = vmx_read(VM_EXIT_INSTRUCTION_LEN);
	if (reason->flags & REST)
		vmx_sync(&vmx->vcpu);
	if (unlikely(reason->flags & DELIVERY))
		vmx_events_after_exit(vmx, vmx_read(IDT_VECTORING_INFO_FIELD));
	else if (vmx->injecting)
		vmx_events_after_exit(vmx, 0);
	if (reason->decode)
		reason->decode(vmx, exit);
}
