/* SPDX-License-Identifier: GPL-2.0-only */
/* Interrupt messages: what travels between IOAPIC, MSI, local APICs. Pure. */
#ifndef TENON_IRQ_APIC_H
#define TENON_IRQ_APIC_H

#include <linux/bits.h>
#include <linux/types.h>

/* Delivery modes, as encoded in the ICR, the LVTs, an IOAPIC pin and MSI data (SDM 3, 11.6.1). */
enum apic_mode {
	APIC_FIXED = 0,
	APIC_LOWEST = 1,
	APIC_SMI = 2,
	APIC_REMOTE_READ = 3,
	APIC_NMI = 4,
	APIC_INIT = 5,
	APIC_SIPI = 6,
	APIC_EXTINT = 7,
};

/* Destination shorthands of the ICR (SDM 3, 11.6.1). */
enum apic_shorthand {
	APIC_TO_DEST = 0,
	APIC_TO_SELF = 1,
	APIC_TO_ALL = 2,
	APIC_TO_OTHERS = 3,
};

/* MSI data: level triggered (SDM 3, 11.11.2). */
#define MSI_LEVEL BIT(15)

/* A physical or logical destination that means everybody, in whichever width it was written. */
#define APIC_DEST_ALL 0xffffffffu

/**
 * struct apic_msg - one interrupt message on the APIC bus
 * @dest: physical id or logical destination; the 8-bit broadcast 0xff has become APIC_DEST_ALL
 * @vector: interrupt vector, or page number of a start-up IPI
 * @mode: enum apic_mode
 * @shorthand: enum apic_shorthand; where not APIC_TO_DEST, @dest and @logical mean nothing
 * @logical: @dest is a logical destination
 * @level: level triggered
 * @assert: the line goes up; only INIT has a message for down
 */
struct apic_msg {
	u32 dest;
	u8 vector;
	u8 mode;
	u8 shorthand;
	bool logical;
	bool level;
	bool assert;
};

#endif
