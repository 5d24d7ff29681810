/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guests that measure one kind of exit: 64-bit, position-independent, entered with RSI = number of
 * iterations. Each reads the TSC before and after its loop, leaves the difference in RAX, and
 * writes to port 0xf4 to end. Under icount the TSC counts instructions.
 */
#include "measure.inc"

	/* Bochs's debugger may be told to stop here; else it does nothing. */
	.macro MARK
	xchg	%bx, %bx
	.endm

	.macro BEGIN
	MARK
	mov	%rsi, %r15
	NOW	%r12
1:
	.endm

	.macro END
	dec	%r15
	jnz	1b
	NOW	%rax
	sub	%r12, %rax
	out	%al, $0xf4
	hlt
	.endm

	.section .rodata
	.code64

/* The loop itself, to be taken off. */
GUEST empty
	BEGIN
	END
GUEST_END empty

GUEST cpuid
	BEGIN
	xor	%eax, %eax
	xor	%ecx, %ecx
	cpuid
	END
GUEST_END cpuid

/* KVM_HC_VAPIC_POLL_IRQ: a hypercall that does nothing. By VMMCALL, or what is put in its place. */
GUEST hypercall
	BEGIN
	mov	$1, %eax
	.globl guest_hypercall_insn
guest_hypercall_insn:
	vmmcall
	END
GUEST_END hypercall

/* IA32_TSC_DEADLINE, disarmed. */
GUEST wrmsr
	mov	$0x1b, %ecx
	rdmsr
	BEGIN
	mov	$0x6e0, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	END
GUEST_END wrmsr

/* The mask of the in-kernel PIC. */
GUEST in_kernel
	BEGIN
	in	$0x21, %al
	END
GUEST_END in_kernel

GUEST out_kernel
	mov	$0xff, %al
	BEGIN
	mov	$0xff, %al
	out	%al, $0x21
	END
GUEST_END out_kernel

GUEST out_user
	BEGIN
	out	%al, $0xe9
	END
GUEST_END out_user

/* The version register of the local APIC, and IOWIN of the IOAPIC. */
GUEST mmio_lapic
	mov	$0xfee00000, %ebx
	BEGIN
	mov	0x30(%rbx), %eax
	END
GUEST_END mmio_lapic

GUEST mmio_ioapic
	mov	$0xfec00000, %ebx
	BEGIN
	mov	0x10(%rbx), %eax
	END
GUEST_END mmio_ioapic

/* 0xd0000000: nobody in the kernel. */
GUEST mmio_user
	mov	$0xd0000000, %ebx
	BEGIN
	mov	(%rbx), %eax
	END
GUEST_END mmio_user

GUEST mmio_user_write
	mov	$0xd0000000, %ebx
	BEGIN
	mov	%eax, (%rbx)
	END
GUEST_END mmio_user_write

/* From RDI on, a read each RBX bytes. */
GUEST touch
	BEGIN
	mov	(%rdi), %al
	add	%rbx, %rdi
	END
GUEST_END touch

/*
 * HLT until the TSC deadline: from the deadline to the handler's first instruction, summed in R14.
 * The host has loaded an IDT whose vector 0x40 is timer_handler, and RBX = ticks ahead.
 */
GUEST hlt_timer
	MARK
	xor	%r14d, %r14d
	mov	%rsi, %r15
	/* Software-enable the local APIC, the timer in TSC-deadline mode on vector 0x40. */
	mov	$0xfee00000, %edi
	movl	$0x1ff, 0xf0(%rdi)
	movl	$0x40040, 0x320(%rdi)
	mfence
1:
	rdtsc
	shl	$32, %rdx
	or	%rax, %rdx
	add	%rbx, %rdx
	mov	%rdx, %r13
	mov	%r13d, %eax
	shr	$32, %rdx
	mov	$0x6e0, %ecx
	wrmsr
	sti
	hlt
	cli
	dec	%r15
	jnz	1b
	mov	%r14, %rax
	out	%al, $0xf4
	hlt
	.globl guest_timer_handler
guest_timer_handler:
	NOW	%rax
	sub	%r13, %rax
	add	%rax, %r14
	movl	$0, 0xb0(%rdi)
	iretq
GUEST_END hlt_timer

	.section .note.GNU-stack, "", @progbits
