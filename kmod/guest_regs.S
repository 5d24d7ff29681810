/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the backends' entry.S: a guest's general registers in an array of u64, in the order of their
 * numbers in instructions. RAX and RSP travel otherwise.
 */
#define REGS_RAX 0*8
#define REGS_RCX 1*8
#define REGS_RDX 2*8
#define REGS_RBX 3*8
#define REGS_RBP 5*8
#define REGS_RSI 6*8
#define REGS_RDI 7*8
#define REGS_R8 8*8
#define REGS_R9 9*8
#define REGS_R10 10*8
#define REGS_R11 11*8
#define REGS_R12 12*8
#define REGS_R13 13*8
#define REGS_R14 14*8
#define REGS_R15 15*8

/* All but RSI and RDI, one of which is @from; the caller loads these, @from last. */
.macro LOAD_GUEST_REGS from:req
	mov	REGS_RCX(\from), %rcx
	mov	REGS_RDX(\from), %rdx
	mov	REGS_RBX(\from), %rbx
	mov	REGS_RBP(\from), %rbp
	mov	REGS_R8(\from), %r8
	mov	REGS_R9(\from), %r9
	mov	REGS_R10(\from), %r10
	mov	REGS_R11(\from), %r11
	mov	REGS_R12(\from), %r12
	mov	REGS_R13(\from), %r13
	mov	REGS_R14(\from), %r14
	mov	REGS_R15(\from), %r15
.endm

/* @to is RAX. */
.macro SAVE_GUEST_REGS to:req
	mov	%rcx, REGS_RCX(\to)
	mov	%rdx, REGS_RDX(\to)
	mov	%rbx, REGS_RBX(\to)
	mov	%rbp, REGS_RBP(\to)
	mov	%rsi, REGS_RSI(\to)
	mov	%rdi, REGS_RDI(\to)
	mov	%r8, REGS_R8(\to)
	mov	%r9, REGS_R9(\to)
	mov	%r10, REGS_R10(\to)
	mov	%r11, REGS_R11(\to)
	mov	%r12, REGS_R12(\to)
	mov	%r13, REGS_R13(\to)
	mov	%r14, REGS_R14(\to)
	mov	%r15, REGS_R15(\to)
.endm
