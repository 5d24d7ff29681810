/* SPDX-License-Identifier: GPL-2.0-only */
/* What guests in assembly share: their labels, and reading the TSC. */

	.macro GUEST name
	.globl guest_\name
	.balign 16
guest_\name:
	.endm

	.macro GUEST_END name
	.globl guest_\name\()_end
guest_\name\()_end:
	.endm

	/* RDX:RAX to one register; RDTSC after all before it has finished. */
	.macro NOW reg
	lfence
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	mov	%rax, \reg
	.endm
