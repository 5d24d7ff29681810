/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The neutral description of why a vCPU left guest mode. A backend decodes the hardware's exit
 * into a struct exit; nothing outside kmod/vmx and kmod/svm sees a hardware exit code.
 */
#ifndef TENON_EXIT_H
#define TENON_EXIT_H

#include <linux/types.h>

#include "io/bus.h"

struct vcpu;

/**
 * enum exit_kind - why the guest stopped
 *
 * The name says which members of struct exit are valid; see there.
 */
enum exit_kind {
	EXIT_UNKNOWN, /* @raw */
	EXIT_INTERNAL, /* finished in the backend: nothing to do */
	EXIT_INTERRUPT, /* the host has an interrupt to take */
	EXIT_DEADLINE, /* the guest's TSC has come to what the backend was told */
	EXIT_CPUID,
	EXIT_RDMSR,
	EXIT_WRMSR,
	EXIT_HYPERCALL,
	EXIT_IO, /* @io */
	EXIT_HLT,
	EXIT_GPA_FAULT, /* @fault: EPT violation or nested page fault */
	EXIT_CR, /* @cr: MOV to or from a control register, CLTS, LMSW */
	EXIT_DR, /* @cr: MOV to or from a debug register */
	EXIT_EXCEPTION, /* @exception */
	EXIT_INVLPG,
	EXIT_XSETBV,
	EXIT_WBINVD,
	EXIT_PAUSE,
	EXIT_MWAIT, /* MONITOR and MWAIT */
	EXIT_RDPMC,
	EXIT_TASK_SWITCH, /* @task: CALL, JMP, IRET or a task gate, not yet done */
	EXIT_UNDEFINED, /* an instruction that guests do not have: #UD */
	EXIT_TRIPLE_FAULT,
	EXIT_ENTRY_FAILED, /* @raw */
	NR_EXIT_KINDS
};

/* Bits of struct exit's fault.error: the x86 page-fault error code's meaning (SDM 3, 4.7). */
#define FAULT_PRESENT  BIT(0)
#define FAULT_WRITE    BIT(1)
#define FAULT_USER     BIT(2)
#define FAULT_RESERVED BIT(3)
#define FAULT_FETCH    BIT(4)
/* The access was the processor's own, to a guest page table. */
#define FAULT_WALK BIT(17)

/**
 * struct exit - one decoded exit
 * @kind: what happened; selects the member of the union
 * @insn_len: length in bytes of the exiting instruction, 0 where the CPU does not tell it
 * @io: a port access; string accesses go to the emulator
 * @fault: an access that the nested page tables do not allow; @fault.error is FAULT_*
 * @cr: @cr.decoded is false where the CPU does not say which registers are meant
 * @task: @task.source is an enum task_source, @task.selector the new task's; @insn_len is 0 where
 *	an event that is no instruction's switches the task
 * @exception: an intercepted exception, not yet delivered; @exception.payload is CR2 or DR6
 * @raw: the hardware's own exit reason and qualifications, for the log ring
 */
struct exit {
	enum exit_kind kind;
	u8 insn_len;
	union {
		struct {
			u16 port;
			u8 size;
			bool in;
			bool string;
		} io;
		struct {
			u64 gpa;
			u32 error;
		} fault;
		struct {
			u8 nr;
			u8 gpr;
			bool write;
			bool decoded;
		} cr;
		struct {
			u16 selector;
			u8 source;
		} task;
		struct {
			u64 payload;
			u32 error;
			u8 vector;
			bool has_error;
		} exception;
	};
	struct {
		u64 reason;
		u64 info[2];
	} raw;
};

/**
 * enum verdict - what becomes of a vCPU after a handler
 * @GUEST: go back into the guest
 * @USER: kvm_run is filled; KVM_RUN returns 0
 * @SLOW: (fast handlers only) not to be done here: call the row's slow handler
 *
 * A negative value is an errno for KVM_RUN.
 */
enum verdict {
	USER = 0,
	GUEST = 1,
	SLOW = 2,
};

/**
 * struct exit_row - who handles a kind of exit
 * @fast: in the inner loop; answers SLOW if it cannot be finished there
 * @slow: with interrupts and preemption on
 */
struct exit_row {
	int (*fast)(struct vcpu *vcpu, struct exit *exit);
	int (*slow)(struct vcpu *vcpu, struct exit *exit);
};

extern const struct exit_row exit_rows[NR_EXIT_KINDS];

/* The fast handler of EXIT_WRMSR. */
int exit_wrmsr_fast(struct vcpu *vcpu, struct exit *exit);

/**
 * exit_handle_fast() - finish an exit in the inner loop if that is possible
 * @vcpu: the vCPU
 * @exit: why it left the guest
 *
 * Context: IRQs off. Neither sleeps nor takes SRCU.
 * Return: enum verdict.
 */
static inline int exit_handle_fast(struct vcpu *vcpu, struct exit *exit)
{
	/* What a running guest does most is spared the indirect call. */
	if (exit->kind == EXIT_WRMSR)
		return exit_wrmsr_fast(vcpu, exit);
	if (exit->kind == EXIT_IO)
		return io_handle_fast(vcpu, exit);
	return exit_rows[exit->kind].fast(vcpu, exit);
}

/**
 * exit_handle() - handle an exit
 * @vcpu: the vCPU
 * @exit: why it left the guest
 *
 * Context: may sleep.
 * Return: enum verdict or an errno for KVM_RUN.
 */
static inline int exit_handle(struct vcpu *vcpu, struct exit *exit)
{
	return exit_rows[exit->kind].slow(vcpu, exit);
}

#endif
