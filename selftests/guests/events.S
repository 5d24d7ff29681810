/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guests of selftests/abi/events.c: position-independent, each tells what it finds at port E9h.
 */
#include "measure.inc"

	.macro TELL value
	mov	$\value, %al
	out	%al, $0xe9
	.endm

	.section .rodata

	.code16

GUEST spin
1:	inc	%bx
	jmp	1b
GUEST_END spin

GUEST sti_spin
	sti
	nop
1:	inc	%bx
	jmp	1b
GUEST_END sti_spin

/* IF as it is, told, opened, told again: for what user space reads between. */
GUEST tell_if
	TELL 'a'
	sti
	nop
	TELL 'b'
GUEST_END tell_if

	.code64

GUEST tell
	TELL 'a'
	TELL 'b'
GUEST_END tell

/* IA32_TSC_AUX from EAX, then to it, with nothing between that exits. */
GUEST tsc_aux
	mov	%eax, %esi
1:	mov	$0xc0000103, %ecx
	mov	%esi, %eax
	xor	%edx, %edx
	wrmsr
	rdtscp
	mov	%ecx, %edi
	rdtscp
	mov	%edi, %eax
	out	%eax, $0xe9
	mov	%ecx, %eax
	out	%eax, $0xe9
	add	$0x01010101, %esi
	jmp	1b
GUEST_END tsc_aux

GUEST tpr_mmio
	mov	$0xfee00080, %edi
	movl	$0x20, (%rdi)
	mov	%cr8, %rax
	out	%eax, $0xe9
	xor	%eax, %eax
	mov	%rax, %cr8
	mov	(%rdi), %eax
	out	%eax, $0xe9
	mov	$5, %eax
	mov	%rax, %cr8
	mov	(%rdi), %eax
	out	%eax, $0xe9
	movl	$0, (%rdi)
	mov	%cr8, %rax
	out	%eax, $0xe9
GUEST_END tpr_mmio

GUEST tpr_x2apic
	xor	%edx, %edx
	mov	$0x1b, %ecx
	mov	$0xfee00d00, %eax
	wrmsr
	mov	$0x808, %ecx
	mov	$0x20, %eax
	wrmsr
	mov	%cr8, %rax
	out	%eax, $0xe9
	xor	%eax, %eax
	mov	%rax, %cr8
	rdmsr
	out	%eax, $0xe9
	mov	$5, %eax
	mov	%rax, %cr8
	rdmsr
	out	%eax, $0xe9
	xor	%eax, %eax
	wrmsr
	mov	%cr8, %rax
	out	%eax, $0xe9
GUEST_END tpr_x2apic

GUEST iret
	TELL 'a'
	mov	%rsp, %rbx
	push	$0x10
	push	%rbx
	pushfq
	push	$8
	lea	1f(%rip), %rax
	push	%rax
	iretq
	.globl guest_iret_target
guest_iret_target:
1:
	TELL 'b'
	TELL 'c'
GUEST_END iret

/* The first instruction is stepped over; then DR6, and a breakpoint of its own. */
GUEST breakpoint
	nop
	mov	%dr6, %rax
	out	%eax, $0xe9
	lea	1f(%rip), %rax
	mov	%rax, %dr0
	mov	$0x402, %eax
	mov	%rax, %dr7
1:	nop
	TELL 'a'
GUEST_END breakpoint

/* To the local APIC of number 1, by the page: INIT, then a start-up IPI for 3000:0. */
GUEST start_ap
	mov	$0xfee00300, %edi
	movl	$0x1ff, -0x210(%rdi)
	movl	$0x01000000, 0x10(%rdi)
	movl	$0x4500, (%rdi)
	TELL 'a'
	movl	$0x4630, (%rdi)
	TELL 'b'
GUEST_END start_ap

	.section .note.GNU-stack, "", @progbits
