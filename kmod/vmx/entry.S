/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One round trip into a VMX guest (SDM 3, chapters 27 and 28), and the host's NMI handler.
 *
 * Interrupts are off throughout: one that arrives while the guest runs ends it, and stays pending
 * until the caller opens interrupts.
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>
#include <asm/unwind_hints.h>

#include "../compat.h"

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

/* VMCS field HOST_RSP (SDM 3, table B-15). */
#define FIELD_HOST_RSP 0x6c14

.section .text, "ax"

/*
 * bool vmx_enter(struct vmx_vcpu *vmx, bool launched, u64 *host_rsp)
 *
 * @vmx begins with the general registers; RSP travels in the VMCS.
 */
SYM_FUNC_START(vmx_enter)
	push	%rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rdi

	cmp	%rsp, (%rdx)
	jne	.Lhost_rsp
.Lhost_rsp_done:
	/* Into CF, which VERW leaves alone. */
	cmp	$1, %sil

	mov	REGS_RAX(%rdi), %rax
	mov	REGS_RCX(%rdi), %rcx
	mov	REGS_RDX(%rdi), %rdx
	mov	REGS_RBX(%rdi), %rbx
	mov	REGS_RBP(%rdi), %rbp
	mov	REGS_RSI(%rdi), %rsi
	mov	REGS_R8(%rdi), %r8
	mov	REGS_R9(%rdi), %r9
	mov	REGS_R10(%rdi), %r10
	mov	REGS_R11(%rdi), %r11
	mov	REGS_R12(%rdi), %r12
	mov	REGS_R13(%rdi), %r13
	mov	REGS_R14(%rdi), %r14
	mov	REGS_R15(%rdi), %r15
	mov	REGS_RDI(%rdi), %rdi

	CLEAR_CPU_BUFFERS

	UNWIND_HINT_SAVE
	jc	.Llaunch
.Lresume:
	vmresume
	jmp	.Lfailed
.Llaunch:
	vmlaunch
.Lfailed:
	mov	$1, %ebx
	xor	%eax, %eax
	jmp	.Lout

SYM_INNER_LABEL(vmx_exit_here, SYM_L_GLOBAL)
	UNWIND_HINT_RESTORE
	ENDBR
	push	%rax
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
	pop	REGS_RAX(%rax)
	xor	%ebx, %ebx

.Lout:
	/*
	 * No guest value stays in a register that speculation could use: RAX has none, and the
	 * callee-saved ones are the host's again below.
	 */
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	pop	%rdi

	FILL_RETURN_BUFFER %rcx, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, X86_FEATURE_RSB_VMEXIT_LITE
	CLEAR_BRANCH_HISTORY_VMEXIT
	ALTERNATIVE "jmp .Lno_spec_ctrl", "", X86_FEATURE_MSR_SPEC_CTRL
	call	vmx_spec_ctrl_leave
.Lno_spec_ctrl:
	mov	%ebx, %eax
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET

.Lhost_rsp:
	mov	%rsp, (%rdx)
	mov	$FIELD_HOST_RSP, %eax
.Lvmwrite:
	vmwrite	%rsp, %rax
	jmp	.Lhost_rsp_done

	/*
	 * VMX was switched off under us: only a CPU that goes down does that (virt_going_down).
	 * Anything else is a bug in the host and must not go unnoticed.
	 */
.Lgone:
	cmpb	$0, virt_going_down(%rip)
	jne	.Lfailed
	ud2
.Lgone_early:
	cmpb	$0, virt_going_down(%rip)
	jne	.Lhost_rsp_done
	ud2

	_ASM_EXTABLE(.Lresume, .Lgone)
	_ASM_EXTABLE(.Llaunch, .Lgone)
	_ASM_EXTABLE(.Lvmwrite, .Lgone_early)
SYM_FUNC_END(vmx_enter)

/*
 * void vmx_call_nmi(void)
 *
 * An NMI has ended the guest and blocks others. The host's handler is called as the processor would
 * call it; its IRET ends the blocking and comes back here.
 */
SYM_FUNC_START(vmx_call_nmi)
	push	%rbp
	mov	%rsp, %rbp
	and	$-16, %rsp
	push	$__KERNEL_DS
	push	%rbp
	pushf
	push	$__KERNEL_CS
	call	COMPAT_NMI_HANDLER
	mov	%rbp, %rsp
	pop	%rbp
	RET
SYM_FUNC_END(vmx_call_nmi)
