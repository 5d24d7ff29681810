/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guests of selftests/abi/timer.c: 64-bit, position-independent. Each is entered with R12 = ticks
 * from one TSC deadline to the next, RSI = how many; what it does meanwhile is what sets them apart.
 * In the end: R8 = the most that an interrupt was late, R9 = how many came early, R10 = how many came.
 */
#include "measure.inc"

	/* R13: the deadline. */
	.macro ARM
	NOW	%r13
	add	%r12, %r13
	mov	%r13d, %eax
	mov	%r13, %rdx
	shr	$32, %rdx
	mov	$0x6e0, %ecx
	wrmsr
	.endm

	/* Software-enable the local APIC, its timer in TSC-deadline mode on vector 40h. */
	.macro BEGIN
	mov	$0xfee00000, %edi
	movl	$0x1ff, 0xf0(%rdi)
	movl	$0x40040, 0x320(%rdi)
	mfence
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	ARM
	sti
1:
	.endm

	.macro END
	cmp	%rsi, %r10
	jb	1b
	cli
	out	%al, $0xf4
	hlt
	.endm

	.section .rodata
	.code64

GUEST timer_start

GUEST timer_spin
	BEGIN
	END

GUEST timer_cpuid
	BEGIN
	xor	%eax, %eax
	cpuid
	END

GUEST timer_out
	BEGIN
	out	%al, $0xe9
	END

GUEST timer_hlt
	BEGIN
	hlt
	END

/*
 * A deadline far away, beyond 32 bits, gives way to a near one; one that is disarmed does not come.
 * RSI = ticks to wait for what must not come.
 */
GUEST timer_far
	mov	%rsi, %rbx
	mov	%r12, %r14
	mov	$0x1000001000, %r12
	mov	$1, %esi
	BEGIN
	call	wait
	mov	%r10, %r15
	mov	%r14, %r12
	ARM
	mov	$1, %esi
2:	cmp	%rsi, %r10
	jb	2b
	mov	%rbx, %r12
	ARM
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	shl	%rbx
	call	wait
	cli
	out	%al, $0xf4
	hlt

/* RBX ticks. */
wait:
	NOW	%r11
	add	%rbx, %r11
3:	NOW	%rax
	cmp	%r11, %rax
	jb	3b
	ret

/* An interrupt: the next deadline is armed if there is to be one. */
GUEST timer_handler
	push	%rax
	push	%rcx
	push	%rdx
	NOW	%rax
	inc	%r10
	sub	%r13, %rax
	jae	4f
	inc	%r9
	jmp	5f
4:	cmp	%r8, %rax
	jb	5f
	mov	%rax, %r8
5:	cmp	%rsi, %r10
	jae	6f
	ARM
6:	movl	$0, 0xb0(%rdi)
	pop	%rdx
	pop	%rcx
	pop	%rax
	iretq

GUEST timer_end

	.section .note.GNU-stack, "", @progbits
