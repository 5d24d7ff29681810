/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One round trip into an SVM guest (APM 2, 15.5 and 15.6).
 *
 * Interrupts: GIF=0 holds everything back, then IF=1 so that a physical interrupt ends the guest
 * (V_INTR_MASKING makes VMRUN keep the host's IF). IF is set early, not by the instruction before
 * VMRUN, whose shadow would leak into the guest. IF is off again before GIF returns, so the
 * interrupt stays pending until the caller opens interrupts.
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/nospec-branch.h>

#include "../compat.h"

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

.section .text, "ax"

/*
 * void svm_enter(u64 vmcb_pa, u64 *regs, u64 host_pa)
 *
 * RAX and RSP travel in the VMCB. host_pa is the area to which the host's FS, GS, TR, LDTR and
 * SYSENTER and SYSCALL MSRs were saved by VMSAVE.
 */
SYM_FUNC_START(svm_enter)
	push	%rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rsi
	push	%rdx

	mov	%rdi, %rax
	clgi
	sti

	mov	REGS_RCX(%rsi), %rcx
	mov	REGS_RDX(%rsi), %rdx
	mov	REGS_RBX(%rsi), %rbx
	mov	REGS_RBP(%rsi), %rbp
	mov	REGS_RDI(%rsi), %rdi
	mov	REGS_R8(%rsi), %r8
	mov	REGS_R9(%rsi), %r9
	mov	REGS_R10(%rsi), %r10
	mov	REGS_R11(%rsi), %r11
	mov	REGS_R12(%rsi), %r12
	mov	REGS_R13(%rsi), %r13
	mov	REGS_R14(%rsi), %r14
	mov	REGS_R15(%rsi), %r15
	mov	REGS_RSI(%rsi), %rsi

	VM_CLEAR_CPU_BUFFERS

.Lvmload_guest:
	vmload	%rax
.Lvmrun:
	vmrun	%rax
.Lvmsave_guest:
	vmsave	%rax
.Lafter:
	mov	(%rsp), %rax
	vmload	%rax
	mov	8(%rsp), %rax

	mov	%rcx, REGS_RCX(%rax)
	mov	%rdx, REGS_RDX(%rax)
	mov	%rbx, REGS_RBX(%rax)
	mov	%rbp, REGS_RBP(%rax)
	mov	%rsi, REGS_RSI(%rax)
	mov	%rdi, REGS_RDI(%rax)
	mov	%r8, REGS_R8(%rax)
	mov	%r9, REGS_R9(%rax)
	mov	%r10, REGS_R10(%rax)
	mov	%r11, REGS_R11(%rax)
	mov	%r12, REGS_R12(%rax)
	mov	%r13, REGS_R13(%rax)
	mov	%r14, REGS_R14(%rax)
	mov	%r15, REGS_R15(%rax)

	cli
	stgi

	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT
	UNTRAIN_RET_VM

	/* No guest value stays in a register that speculation could use. */
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d

	add	$16, %rsp
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET

	/*
	 * SVM was switched off under us: only a CPU that goes down does that (virt_going_down).
	 * Anything else is a bug in the host and must not go unnoticed.
	 */
.Lgone:
	cmpb	$0, virt_going_down(%rip)
	jne	.Lafter
	ud2

	_ASM_EXTABLE(.Lvmload_guest, .Lgone)
	_ASM_EXTABLE(.Lvmrun, .Lgone)
	_ASM_EXTABLE(.Lvmsave_guest, .Lgone)
SYM_FUNC_END(svm_enter)
