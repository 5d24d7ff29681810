// SPDX-License-Identifier: GPL-2.0-only
/*
 * One table of handlers for decoded exits, shared by both backends.
 *
 * A fast handler runs with interrupts off inside the inner loop; it answers SLOW, having changed
 * nothing, where it cannot finish there.
 */
#include <asm/cpu.h>
#include <asm/cpufeature.h>

#include "compat.h"
#include "cr.h"
#include "emulate.h"
#include "io/bus.h"
#include "irq/irqchip.h"
#include "msr.h"
#include "vcpu.h"

static int cpuid_fast(struct vcpu *vcpu, struct exit *exit)
{
	int r;

	if (unlikely(vcpu->msrs.misc_features))
		return SLOW;
	r = skip_instruction_fast(vcpu, exit);
	if (r == GUEST)
		cpuid_execute(vcpu);
	return r;
}

/* Where the instruction cannot be fetched any more, the exception that tells so is queued. */
static int cpuid_slow(struct vcpu *vcpu, struct exit *exit)
{
	int len = insn_length(vcpu, exit);

	if (len < 0)
		return decode_failed(vcpu, len);
	if (vcpu->msrs.misc_features && backend->cpl(vcpu)) {
		event_exception_error(vcpu, VECTOR_GP, 0);
		return GUEST;
	}
	cpuid_execute(vcpu);
	skip_bytes(vcpu, len);
	return GUEST;
}

/* The length first: an MSR must not be written by an instruction that cannot be skipped then. */
static int msr_fast(struct vcpu *vcpu, struct exit *exit, enum verdict (*access)(struct vcpu *vcpu))
{
	int len = insn_length_atomic(vcpu, exit);
	int r;

	if (len < 0)
		return SLOW;
	r = access(vcpu);
	if (r == GUEST)
		skip_bytes(vcpu, len);
	return r;
}

static int msr_slow(struct vcpu *vcpu, struct exit *exit, int (*access)(struct vcpu *vcpu, int len))
{
	int len = insn_length(vcpu, exit);

	return len < 0 ? decode_failed(vcpu, len) : access(vcpu, len);
}

static int rdmsr_fast(struct vcpu *vcpu, struct exit *exit)
{
	return msr_fast(vcpu, exit, msr_read_fast);
}

static int rdmsr_slow(struct vcpu *vcpu, struct exit *exit)
{
	return msr_slow(vcpu, exit, msr_read);
}

int exit_wrmsr_fast(struct vcpu *vcpu, struct exit *exit)
{
	return msr_fast(vcpu, exit, msr_write_fast);
}

static int wrmsr_slow(struct vcpu *vcpu, struct exit *exit)
{
	return msr_slow(vcpu, exit, msr_write);
}

static int internal_fast(struct vcpu *vcpu, struct exit *exit)
{
	return GUEST;
}

static int deadline_fast(struct vcpu *vcpu, struct exit *exit)
{
	vcpu_lapic_deadline(vcpu);
	return GUEST;
}

static int never_fast(struct vcpu *vcpu, struct exit *exit)
{
	return SLOW;
}

static int nothing_slow(struct vcpu *vcpu, struct exit *exit)
{
	return GUEST;
}

static int hlt_slow(struct vcpu *vcpu, struct exit *exit)
{
	int len = insn_length(vcpu, exit);

	if (len < 0)
		return decode_failed(vcpu, len);
	skip_bytes(vcpu, len);
	if (vcpu->apic) {
		vcpu->mp_state = KVM_MP_STATE_HALTED;
		return GUEST;
	}
	vcpu->run->exit_reason = KVM_EXIT_HLT;
	return USER;
}

static int gpa_fault_fast(struct vcpu *vcpu, struct exit *exit)
{
	if (memslots_find(&vcpu->vm->slots, exit->fault.gpa >> PAGE_SHIFT))
		return mmu_fault_fast(vcpu, exit->fault.gpa, exit->fault.error);
	return exit->fault.error & FAULT_WALK ? SLOW : emulate_mmio_fast(vcpu, exit);
}

static int gpa_fault_slow(struct vcpu *vcpu, struct exit *exit)
{
	int r = mmu_fault(vcpu, exit->fault.gpa, exit->fault.error);

	if (!r)
		return GUEST;
	if (r == MMU_MMIO)
		return emulate_mmio(vcpu, exit);
	return r;
}

/* #UD: a guest may use the hypercall instruction of the other vendor. */
static int undefined_opcode(struct vcpu *vcpu, struct exit *exit)
{
	bool fixes = vm_quirk(vcpu->vm, KVM_X86_QUIRK_FIX_HYPERCALL_INSN);
	int len = fixes ? foreign_hypercall(vcpu) : 0;

	if (len > 0) {
		exit->insn_len = len;
		return hypercall(vcpu, exit);
	}
	if (len && len != -ENOENT)
		return len == -EFAULT ? GUEST : len;
	event_exception(vcpu, VECTOR_UD);
	return GUEST;
}

/* A machine check is the host's, whoever ran. */
static int exception_fast(struct vcpu *vcpu, struct exit *exit)
{
	if (exit->exception.vector != VECTOR_MC)
		return SLOW;
	compat_machine_check();
	return GUEST;
}

/* #AC is the guest's where it has asked for it (SDM 3, 6.15), else it is for a split lock. */
static bool is_split_lock(struct vcpu *vcpu)
{
	return boot_cpu_has(X86_FEATURE_SPLIT_LOCK_DETECT) &&
	       !(vcpu->cr0 & X86_CR0_AM && vcpu->rflags & X86_EFLAGS_AC && backend->cpl(vcpu) == 3);
}

/* The host decides: the guest may go on, or user space is told, with SIGBUS on its way. */
static int split_lock(struct vcpu *vcpu, const struct exit *exit)
{
	struct kvm_run *run = vcpu->run;

	if (handle_guest_split_lock(vcpu->rip))
		return GUEST;
	run->exit_reason = KVM_EXIT_EXCEPTION;
	run->ex.exception = VECTOR_AC;
	run->ex.error_code = exit->exception.error;
	return USER;
}

static int exception_slow(struct vcpu *vcpu, struct exit *exit)
{
	if (exit->exception.vector == VECTOR_UD)
		return undefined_opcode(vcpu, exit);
	if (exit->exception.vector == VECTOR_AC && is_split_lock(vcpu))
		return split_lock(vcpu, exit);
	if (exit->exception.vector == VECTOR_DB || exit->exception.vector == VECTOR_BP)
		return debug_exception(vcpu, exit->exception.vector, exit->exception.payload);
	if (exit->exception.vector == VECTOR_PF)
		event_page_fault(vcpu, exit->exception.payload, exit->exception.error);
	else if (exit->exception.has_error)
		event_exception_error(vcpu, exit->exception.vector, exit->exception.error);
	else
		event_exception(vcpu, exit->exception.vector);
	return GUEST;
}

/* MONITOR and MWAIT do nothing: an MWAIT may end at any time. */
static bool lacks_mwait(const struct vcpu *vcpu)
{
	return !vm_quirk(vcpu->vm, KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS) &&
	       !cpuid_has(vcpu, X86_FEATURE_MWAIT);
}

static int mwait_fast(struct vcpu *vcpu, struct exit *exit)
{
	return lacks_mwait(vcpu) ? SLOW : skip_instruction_fast(vcpu, exit);
}

static int mwait_slow(struct vcpu *vcpu, struct exit *exit)
{
	if (!lacks_mwait(vcpu))
		return skip_instruction(vcpu, exit);
	event_exception(vcpu, VECTOR_UD);
	return GUEST;
}

static int undefined_slow(struct vcpu *vcpu, struct exit *exit)
{
	event_exception(vcpu, VECTOR_UD);
	return GUEST;
}

/* No performance counters: every RDPMC index is out of range (SDM 2, RDPMC). */
static int rdpmc_slow(struct vcpu *vcpu, struct exit *exit)
{
	event_exception_error(vcpu, VECTOR_GP, 0);
	return GUEST;
}

static int triple_fault_slow(struct vcpu *vcpu, struct exit *exit)
{
	vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
	return USER;
}

static int entry_failed_slow(struct vcpu *vcpu, struct exit *exit)
{
	struct kvm_run *run = vcpu->run;

	explain_entry_failure(vcpu, exit);
	/* The processor may have taken what was to be injected. */
	vcpu_request(vcpu, WORK_EVENT);
	run->exit_reason = KVM_EXIT_FAIL_ENTRY;
	run->fail_entry.hardware_entry_failure_reason = exit->raw.reason;
	run->fail_entry.cpu = vcpu->cpu;
	return USER;
}

static int unknown_slow(struct vcpu *vcpu, struct exit *exit)
{
	struct kvm_run *run = vcpu->run;

	pr_err_ratelimited("vCPU %u: unexpected exit, reason %#llx, information %#llx %#llx\n",
			   vcpu->id, exit->raw.reason, exit->raw.info[0], exit->raw.info[1]);
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON;
	run->internal.ndata = 2;
	run->internal.data[0] = exit->raw.reason;
	run->internal.data[1] = vcpu->cpu;
	return USER;
}

const struct exit_row exit_rows[NR_EXIT_KINDS] = {
	[EXIT_INTERNAL] = { internal_fast, nothing_slow },
	[EXIT_INTERRUPT] = { never_fast, nothing_slow },
	[EXIT_DEADLINE] = { deadline_fast, nothing_slow },
	[EXIT_CPUID] = { cpuid_fast, cpuid_slow },
	[EXIT_RDMSR] = { rdmsr_fast, rdmsr_slow },
	[EXIT_WRMSR] = { exit_wrmsr_fast, wrmsr_slow },
	[EXIT_HYPERCALL] = { hypercall_fast, hypercall },
	[EXIT_IO] = { io_handle_fast, io_handle },
	[EXIT_HLT] = { never_fast, hlt_slow },
	[EXIT_GPA_FAULT] = { gpa_fault_fast, gpa_fault_slow },
	[EXIT_CR] = { never_fast, cr_handle },
	[EXIT_DR] = { never_fast, dr_handle },
	[EXIT_EXCEPTION] = { exception_fast, exception_slow },
	[EXIT_INVLPG] = { never_fast, unknown_slow },
	[EXIT_XSETBV] = { never_fast, xsetbv_handle },
	[EXIT_WBINVD] = { skip_instruction_fast, skip_instruction },
	[EXIT_PAUSE] = { skip_instruction_fast, skip_instruction },
	[EXIT_MWAIT] = { mwait_fast, mwait_slow },
	[EXIT_RDPMC] = { never_fast, rdpmc_slow },
	[EXIT_TASK_SWITCH] = { never_fast, task_handle },
	[EXIT_UNDEFINED] = { never_fast, undefined_slow },
	[EXIT_TRIPLE_FAULT] = { never_fast, triple_fault_slow },
	[EXIT_ENTRY_FAILED] = { never_fast, entry_failed_slow },
	[EXIT_UNKNOWN] = { never_fast, unknown_slow },
};
