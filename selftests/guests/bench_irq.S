/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guests that measure interrupts: 64-bit, position-independent, entered with RSI = number of iterations.
 * The host has put their local APICs into x2APIC mode, software-enabled, and loaded an IDT whose vector
 * 0x40 is the guest's own _handler. At the end the sum of ticks is in RAX, and port 0xf4 is written to.
 * Under icount the TSC counts instructions.
 */
#include "measure.inc"

	.set X2APIC_TPR, 0x808
	.set X2APIC_EOI, 0x80b
	.set X2APIC_ICR, 0x830
	.set X2APIC_SELF, 0x83f

	.macro HANDLER name
	.globl guest_\name\()_handler
guest_\name\()_handler:
	.endm

	/* To an MSR whose high half is 0. */
	.macro WRITE msr value
	mov	$\msr, %ecx
	mov	$\value, %eax
	xor	%edx, %edx
	wrmsr
	.endm

	.macro TELL reg
	mov	\reg, %rax
	out	%al, $0xf4
	hlt
	.endm

	.section .rodata
	.code64

/* From the write of SELF IPI to the handler's first instruction. */
GUEST self_ipi
	xor	%r14d, %r14d
	sti
1:
	mov	$X2APIC_SELF, %ecx
	NOW	%r13
	mov	$0x40, %eax
	xor	%edx, %edx
	wrmsr
	dec	%rsi
	jnz	1b
	TELL	%r14
HANDLER self_ipi
	NOW	%rax
	sub	%r13, %rax
	add	%rax, %r14
	WRITE	X2APIC_EOI 0
	iretq
GUEST_END self_ipi

/* The EOI of such an interrupt. */
GUEST eoi
	xor	%r14d, %r14d
	sti
1:
	WRITE	X2APIC_SELF 0x40
	dec	%rsi
	jnz	1b
	TELL	%r14
HANDLER eoi
	NOW	%r13
	WRITE	X2APIC_EOI 0
	NOW	%rax
	sub	%r13, %rax
	add	%rax, %r14
	iretq
GUEST_END eoi

/* The task priority, up and down. */
GUEST tpr_write
	NOW	%r13
	mov	$X2APIC_TPR, %ecx
	xor	%edx, %edx
1:
	mov	%esi, %eax
	and	$0x10, %eax
	wrmsr
	dec	%rsi
	jnz	1b
	NOW	%rax
	sub	%r13, %rax
	TELL	%rax
HANDLER tpr_write
	iretq
GUEST_END tpr_write

/* The interrupt command register: to vCPU 1, which does not run. */
GUEST icr_other
	NOW	%r13
	mov	$X2APIC_ICR, %ecx
	mov	$1, %edx
	mov	$0x40, %eax
1:
	wrmsr
	dec	%rsi
	jnz	1b
	NOW	%rax
	sub	%r13, %rax
	TELL	%rax
HANDLER icr_other
	iretq
GUEST_END icr_other

/* To and fro between two halted vCPUs; RDI is the other's id. RBX = 1 begins. */
GUEST wake
	NOW	%r13
	test	%ebx, %ebx
	jz	1f
	mov	$X2APIC_ICR, %ecx
	mov	%edi, %edx
	mov	$0x40, %eax
	wrmsr
1:
	sti
2:
	hlt
	jmp	2b
3:
	NOW	%rax
	sub	%r13, %rax
	TELL	%rax
HANDLER wake
	WRITE	X2APIC_EOI 0
	dec	%rsi
	jz	3b
	mov	$X2APIC_ICR, %ecx
	mov	%edi, %edx
	mov	$0x40, %eax
	wrmsr
	iretq
GUEST_END wake

/* An eventfd that the host has bound to port 0x70; nobody reads it. */
GUEST ioeventfd
	NOW	%r13
1:
	out	%al, $0x70
	dec	%rsi
	jnz	1b
	NOW	%rax
	sub	%r13, %rax
	TELL	%rax
HANDLER ioeventfd
	iretq
GUEST_END ioeventfd

/* The eventfd behind port 0x70 is the irqfd, too: from the OUT to the handler's first instruction. */
GUEST irqfd
	xor	%r14d, %r14d
	sti
1:
	NOW	%r13
	out	%al, $0x70
	dec	%rsi
	jnz	1b
	TELL	%r14
HANDLER irqfd
	NOW	%rax
	sub	%r13, %rax
	add	%rax, %r14
	WRITE	X2APIC_EOI 0
	iretq
GUEST_END irqfd

/* The host's irqfd raises the interrupt, and port 0x70 answers. */
GUEST irqfd_thread
	sti
1:
	hlt
	jmp	1b
HANDLER irqfd_thread
	WRITE	X2APIC_EOI 0
	out	%al, $0x70
	dec	%rsi
	jz	2f
	iretq
2:
	TELL	%rsi
GUEST_END irqfd_thread

	.section .note.GNU-stack, "", @progbits
