/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest of irqchip.c, as bytes. */
#ifndef IRQCHIP_GUEST_H
#define IRQCHIP_GUEST_H

#include <stdint.h>

/* The guest's program: 32-bit, flat. */
/* clang-format off */
asm(".pushsection .rodata\n"
	".code32\n"
	"guest_start:\n"
	"	mov	$0x5000, %esi\n"
	"1:	mov	(%esi), %eax\n"
	"	mov	4(%esi), %edx\n"
	"	mov	8(%esi), %ecx\n"
	"	add	$12, %esi\n"
	"	dec	%eax\n"
	"	js	4f\n"
	"	jnz	2f\n"
	"	mov	%ecx, (%edx)\n"
	"	jmp	1b\n"
	"2:	dec	%eax\n"
	"	jnz	3f\n"
	"	mov	%ecx, %eax\n"
	"	out	%al, %dx\n"
	"	jmp	1b\n"
	"3:	mov	%ecx, %eax\n"
	"	mov	%edx, %ecx\n"
	"	xor	%edx, %edx\n"
	"	wrmsr\n"
	"	jmp	1b\n"
	"4:	sti\n"
	"5:	hlt\n"
	"	jmp	5b\n"
	"guest_pic_eoi:\n"
	"	mov	$0x20, %al\n"
	"	out	%al, $0xa0\n"
	"	out	%al, $0x20\n"
	"	pop	%eax\n"
	"	iret\n"
	"guest_apic_eoi:\n"
	"	movl	$0, 0xfee000b0\n"
	"	pop	%eax\n"
	"	iret\n"
	"guest_end:\n"
	".code64\n"
	".popsection\n");
/* clang-format on */

extern const uint8_t guest_start[], guest_pic_eoi[], guest_apic_eoi[], guest_end[];

#endif
