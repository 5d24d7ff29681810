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
#include "../guest_regs.S"

/* VMCS field HOST_RSP (SDM 3, table B-15). */
#define FIELD_HOST_RSP 0x6c14

.section .text, "ax"

/*
 * bool vmx_enter(struct vmx_vcpu *vmx, bool launched, u64 *host_rsp)
 *
 * @vmx begins with the general registers; RSP travels in the VMCS.
 */
SYM_FUNC_START(vmx_enter)
	push	%rbx
	push	%rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rdi

	cmp	%rsp, (%rdx)
	jne	.Lhost_rsp
.Lhost_rsp_done:
	/* Into CF, which VERW leaves alone. */
	cmp	$1, %sil

	mov	REGS_RAX(%rdi), %rax
	LOAD_GUEST_REGS %rdi
	mov	REGS_RSI(%rdi), %rsi
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
	SAVE_GUEST_REGS %rax
	pop	REGS_RAX(%rax)
	xor	%ebx, %ebx

.Lout:
	/*
	 * No guest value stays in a register that speculation could use: RAX and RBX have none, and
	 * the other callee-saved ones become the host's before anything is called.
	 */
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	pop	%rdi
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp

	FILL_RETURN_BUFFER %rcx, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, \
		X86_FEATURE_RSB_VMEXIT_LITE
	CLEAR_BRANCH_HISTORY_VMEXIT
	ALTERNATIVE "jmp .Lno_spec_ctrl", "", X86_FEATURE_MSR_SPEC_CTRL
	call	vmx_spec_ctrl_leave
.Lno_spec_ctrl:
	mov	%ebx, %eax
	pop	%rbx
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
