/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest of smp.c, as bytes. */
#ifndef SMP_GUEST_H
#define SMP_GUEST_H

#include <stdint.h>

/* In x2APIC mode it starts a vCPU whose id has more than 8 bits, which is in xAPIC mode yet. */
/* clang-format off */
asm(".pushsection .rodata\n"
	".code32\n"
	"start_wide:\n"
	"	mov	$0x1b, %ecx\n"
	"	rdmsr\n"
	"	or	$0xc00, %eax\n"
	"	wrmsr\n"
	"	mov	$0x80f, %ecx\n"
	"	mov	$0x1ff, %eax\n"
	"	xor	%edx, %edx\n"
	"	wrmsr\n"
	"	mov	$0x830, %ecx\n"
	"	mov	$300, %edx\n"
	"	mov	$0x4500, %eax\n"
	"	wrmsr\n"
	"	mov	$0x4630, %eax\n"
	"	wrmsr\n"
	"	out	%al, $0xe9\n"
	"	hlt\n"
	"start_wide_end:\n"
	".code64\n"
	".popsection\n");
/* clang-format on */

extern const uint8_t start_wide[], start_wide_end[];

#endif
