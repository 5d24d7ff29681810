// SPDX-License-Identifier: GPL-2.0-only
/*
 * SVM exit codes (APM 2, appendix C) to struct exit, and what SVM finishes by itself.
 */
#include <linux/nospec.h>
#include <uapi/asm/debugreg.h>

#include "../compat.h"
#include "svm.h"

/* The fault was met while a guest page table was read (APM 2, 15.25.6). */
#define SVM_NPF_WALK BIT_ULL(33)

/* Codes that are not named here are EXIT_UNKNOWN. */
static const u8 svm_kinds[] = {
	[SVM_EXIT_READ_CR0... SVM_EXIT_READ_CR0 + 15] = EXIT_CR,
	[SVM_EXIT_WRITE_CR0... SVM_EXIT_WRITE_CR0 + 15] = EXIT_CR,
	[SVM_EXIT_READ_DR0... SVM_EXIT_READ_DR0 + 15] = EXIT_DR,
	[SVM_EXIT_WRITE_DR0... SVM_EXIT_WRITE_DR0 + 15] = EXIT_DR,
	[SVM_EXIT_EXCP_BASE... SVM_EXIT_EXCP_BASE + 31] = EXIT_EXCEPTION,
	[SVM_EXIT_INTR] = EXIT_INTERRUPT,
	[SVM_EXIT_NMI] = EXIT_INTERRUPT,
	[SVM_EXIT_SMI] = EXIT_INTERRUPT,
	[SVM_EXIT_INIT] = EXIT_INTERRUPT,
	[SVM_EXIT_FERR_FREEZE] = EXIT_INTERRUPT,
	[SVM_EXIT_VINTR] = EXIT_INTERNAL,
	[SVM_EXIT_IRET] = EXIT_INTERNAL,
	[SVM_EXIT_RDPMC] = EXIT_RDPMC,
	[SVM_EXIT_CPUID] = EXIT_CPUID,
	[SVM_EXIT_INVD] = EXIT_WBINVD,
	[SVM_EXIT_WBINVD] = EXIT_WBINVD,
	[SVM_EXIT_PAUSE] = EXIT_PAUSE,
	[SVM_EXIT_HLT] = EXIT_HLT,
	[SVM_EXIT_INVLPG] = EXIT_INVLPG,
	[SVM_EXIT_INVLPGA] = EXIT_UNDEFINED,
	[SVM_EXIT_IOIO] = EXIT_IO,
	[SVM_EXIT_MSR] = EXIT_RDMSR,
	[SVM_EXIT_SHUTDOWN] = EXIT_TRIPLE_FAULT,
	[SVM_EXIT_VMRUN] = EXIT_UNDEFINED,
	[SVM_EXIT_VMMCALL] = EXIT_HYPERCALL,
	[SVM_EXIT_VMLOAD] = EXIT_UNDEFINED,
	[SVM_EXIT_VMSAVE] = EXIT_UNDEFINED,
	[SVM_EXIT_STGI] = EXIT_UNDEFINED,
	[SVM_EXIT_CLGI] = EXIT_UNDEFINED,
	[SVM_EXIT_SKINIT] = EXIT_UNDEFINED,
	[SVM_EXIT_MONITOR] = EXIT_MWAIT,
	[SVM_EXIT_MWAIT] = EXIT_MWAIT,
	[SVM_EXIT_XSETBV] = EXIT_XSETBV,
	[SVM_EXIT_RDPRU] = EXIT_UNDEFINED,
};

static enum exit_kind svm_kind(u32 code)
{
	if (code < ARRAY_SIZE(svm_kinds))
		return svm_kinds[array_index_nospec(code, ARRAY_SIZE(svm_kinds))];
	if (code == SVM_EXIT_NPF)
		return EXIT_GPA_FAULT;
	if (code == SVM_EXIT_CODE_INVALID)
		return EXIT_ENTRY_FAILED;
	return EXIT_UNKNOWN;
}

/* APM 2, 15.10.2. */
static void svm_decode_io(const struct vmcb *vmcb, struct exit *exit)
{
	u32 info = vmcb->control.exit_info_1;

	exit->io.port = info >> 16;
	exit->io.size = info >> SVM_IOIO_SIZE_SHIFT & 7;
	exit->io.in = info & SVM_IOIO_TYPE_MASK;
	exit->io.string = info & SVM_IOIO_STR_MASK;
	exit->insn_len = vmcb->control.exit_info_2 - vmcb->save.rip;
}

/* With decode assists the CPU names the general register of MOV CR (APM 2, 15.8.1). */
static void svm_decode_cr(const struct vmcb *vmcb, struct exit *exit)
{
	u32 code = vmcb->control.exit_code;
	u64 info = vmcb->control.exit_info_1;

	exit->cr.nr = code & 15;
	exit->cr.write = code >= SVM_EXIT_WRITE_CR0;
	exit->cr.gpr = info & 15;
	exit->cr.decoded = svm_features.decode_assists && info >> 63 && svm_features.nrips;
}

static void svm_decode_dr(const struct vmcb *vmcb, struct exit *exit)
{
	u32 code = vmcb->control.exit_code;

	exit->cr.nr = code & 15;
	exit->cr.write = code >= SVM_EXIT_WRITE_DR0;
	exit->cr.gpr = vmcb->control.exit_info_1 & 15;
	exit->cr.decoded = svm_features.decode_assists && svm_features.nrips;
}

/* The VMCB's DR6 begins clear each time: vcpu->dr6 has what the guest has not cleared yet. */
static void svm_debug_exception(struct svm_vcpu *svm, struct exit *exit)
{
	struct vmcb_save_area *save = &svm->vmcb->save;

	exit->exception.payload = save->dr6 ^ DR6_INIT;
	save->dr6 = DR6_INIT;
	svm_dirty(svm, SVM_CLEAN_DR);
	if (svm->tf_pushed && !svm->stepped && exit->exception.payload & DR_STEP) {
		/* The frame has been returned through. */
		svm->tf_pushed = false;
		svm->stepped = true;
		svm->vcpu.rflags &= ~(u64)X86_EFLAGS_TF;
	}
	if (!svm->stepped)
		return;
	svm->stepped = false;
	exit->exception.payload &= ~(u64)DR_STEP;
	if (!exit->exception.payload)
		exit->kind = EXIT_INTERNAL;
}

static noinline void svm_decode_exception(struct svm_vcpu *svm, struct exit *exit)
{
	const struct vmcb *vmcb = svm->vmcb;
	u8 vector = vmcb->control.exit_code - SVM_EXIT_EXCP_BASE;

	exit->exception.vector = vector;
	exit->exception.error = vmcb->control.exit_info_1;
	exit->exception.has_error = vector == VECTOR_AC || vector == VECTOR_PF ||
				    vector == VECTOR_GP;
	exit->exception.payload = vmcb->control.exit_info_2;
	if (vector == VECTOR_DB)
		svm_debug_exception(svm, exit);
}

static noinline void svm_decode_internal(struct svm_vcpu *svm)
{
	if (svm->vmcb->control.exit_code == SVM_EXIT_IRET) {
		svm_intercept(svm, INTERCEPT_IRET, false);
		svm->iret_pending = true;
		svm->iret_rip = svm->vcpu.rip;
	} else {
		svm_close_interrupt_window(svm);
	}
	vcpu_request(&svm->vcpu, WORK_EVENT);
}

/**
 * svm_decode() - fill in a struct exit from the VMCB
 * @svm: the vCPU that has just left guest mode
 * @exit: the result
 *
 * Context: IRQs off.
 */
void svm_decode(struct svm_vcpu *svm, struct exit *exit)
{
	const struct vmcb *vmcb = svm->vmcb;
	u32 code = vmcb->control.exit_code;

	exit->kind = svm_kind(code);
	exit->insn_len = 0;
	exit->raw.reason = code;
	exit->raw.info[0] = vmcb->control.exit_info_1;
	exit->raw.info[1] = vmcb->control.exit_info_2;
	if (svm_features.nrips && vmcb->control.next_rip)
		exit->insn_len = vmcb->control.next_rip - vmcb->save.rip;

	switch (exit->kind) {
	case EXIT_RDMSR:
		if (vmcb->control.exit_info_1)
			exit->kind = EXIT_WRMSR;
		break;
	case EXIT_IO:
		svm_decode_io(vmcb, exit);
		break;
	case EXIT_GPA_FAULT:
		exit->fault.error = (u32)vmcb->control.exit_info_1 |
				    (vmcb->control.exit_info_1 & SVM_NPF_WALK ? FAULT_WALK : 0);
		exit->fault.gpa = vmcb->control.exit_info_2;
		break;
	case EXIT_CR:
		svm_decode_cr(vmcb, exit);
		break;
	case EXIT_DR:
		svm_decode_dr(vmcb, exit);
		break;
	case EXIT_EXCEPTION:
		svm_decode_exception(svm, exit);
		break;
	case EXIT_INTERNAL:
		svm_decode_internal(svm);
		break;
	default:
		break;
	}
}
