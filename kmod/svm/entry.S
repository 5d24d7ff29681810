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
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>
#include <asm/percpu.h>

#include "../compat.h"
#include "../guest_regs.S"

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

	LOAD_GUEST_REGS %rsi
	mov	REGS_RDI(%rsi), %rdi
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

	SAVE_GUEST_REGS %rax

	cli
	stgi

	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT

	/*
	 * The host's SPEC_CTRL is in force before returns are untrained. With IBRS in use by the
	 * kernel the MSR is written in any case: that is the barrier.
	 */
	ALTERNATIVE_2 "jmp .Lno_spec_ctrl", "", X86_FEATURE_MSR_SPEC_CTRL, \
		"jmp .Lno_spec_ctrl", X86_FEATURE_V_SPEC_CTRL
	mov	PER_CPU_VAR(x86_spec_ctrl_current), %eax
	cmp	%eax, PER_CPU_VAR(svm_spec_ctrl)
	ALTERNATIVE "je .Lno_spec_ctrl", "", X86_FEATURE_KERNEL_IBRS
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	xor	%edx, %edx
	wrmsr
.Lno_spec_ctrl:
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
