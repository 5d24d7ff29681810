/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What kexec.c has the kernel jump to: 64-bit code with pages mapped one to one, at any place. It
 * starts CPU 1, which is deaf to INIT where virtualization is still on, and tells the lab over its
 * second serial port: status 42 if that CPU came up, status 41 if not.
 */

#define APIC	   0xfee00000
#define APIC_SVR   0xf0
#define APIC_ICR   0x300
#define APIC_ICR2  0x310
#define INIT	   0x4500
#define SIPI	   0x4608	/* at 0x8000 */
#define TRAMPOLINE 0x8000
#define ARRIVED	   0x8100
#define COM2	   0x2f8
#define LSR	   5
#define PATIENCE   500000000

	.text
	.globl	_start
_start:
	cli
	/* The kernel's page tables may lack the local APIC: 4 GiB by 2 MiB pages. */
	lea	tables(%rip), %rdi
	lea	0x1003(%rdi), %rax
	mov	%rax, (%rdi)
	add	$0x1000, %rax
	mov	$4, %ecx
	lea	0x1000(%rdi), %rdx
1:	mov	%rax, (%rdx)
	add	$0x1000, %rax
	add	$8, %rdx
	loop	1b
	mov	$0x83, %eax
	mov	$2048, %ecx
	lea	0x2000(%rdi), %rdx
2:	mov	%rax, (%rdx)
	add	$0x200000, %rax
	add	$8, %rdx
	loop	2b
	mov	%rdi, %cr3

	lea	trampoline(%rip), %rsi
	mov	$TRAMPOLINE, %edi
	mov	$(trampoline_end - trampoline), %ecx
	rep movsb
	movb	$0, ARRIVED

	mov	$APIC, %ebx
	movl	$0x1ff, APIC_SVR(%rbx)
	movl	$(1 << 24), APIC_ICR2(%rbx)
	movl	$INIT, APIC_ICR(%rbx)
	mov	$1000000, %ecx
3:	loop	3b
	movl	$SIPI, APIC_ICR(%rbx)
	mov	$PATIENCE, %ecx
4:	cmpb	$0, ARRIVED
	jne	5f
	pause
	loop	4b
5:	mov	ARRIVED, %al
	add	%al, digit(%rip)

	lea	words(%rip), %rsi
	mov	$(words_end - words), %ecx
6:	mov	$(COM2 + LSR), %edx
7:	in	%dx, %al
	test	$0x20, %al
	jz	7b
	lodsb
	mov	$COM2, %edx
	out	%al, %dx
	loop	6b
8:	hlt
	jmp	8b

	.code16
trampoline:
	movb	$1, %cs:(ARRIVED - TRAMPOLINE)
9:	hlt
	jmp	9b
trampoline_end:

words:	.ascii	"status 4"
digit:	.ascii	"1\n"
words_end:

	.balign	4096
tables:
	.space	6 * 4096
