/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The 82093AA I/O APIC with 24 pins (Intel data sheet, order 290566). Pure. All functions run under
 * the caller's lock.
 */
#ifndef TENON_IRQ_IOAPIC_H
#define TENON_IRQ_IOAPIC_H

#include <linux/kvm.h>
#include <linux/types.h>

#include "apic.h"

#define IOAPIC_PINS	    KVM_IOAPIC_NUM_PINS
#define IOAPIC_DEFAULT_BASE 0xfec00000ull
#define IOAPIC_SIZE	    0x100

/* Redirection table entry (82093AA, 3.2.4). */
#define IOAPIC_VECTOR	  0xffull
#define IOAPIC_MODE_SHIFT 8
#define IOAPIC_LOGICAL	  BIT_ULL(11)
#define IOAPIC_PENDING	  BIT_ULL(12)
#define IOAPIC_LOW	  BIT_ULL(13)
#define IOAPIC_REMOTE_IRR BIT_ULL(14)
#define IOAPIC_LEVEL	  BIT_ULL(15)
#define IOAPIC_MASKED	  BIT_ULL(16)
#define IOAPIC_DEST_SHIFT 56

/* After so many interrupts of a line that never fell, the next waits for ioapic_reinject(). */
#define IOAPIC_STORM 10000

/**
 * struct ioapic_ops - the world as the I/O APIC sees it; called under the caller's lock
 * @deliver: send @msg to local APICs; returns how many took it
 * @acked: the interrupt of @pin was finished by an EOI
 * @storm: a line is re-triggered without end: call ioapic_reinject() some milliseconds later
 * @changed: the vector of a pin changed
 */
struct ioapic_ops {
	int (*deliver)(void *opaque, const struct apic_msg *msg);
	void (*acked)(void *opaque, unsigned int pin);
	void (*storm)(void *opaque);
	void (*changed)(void *opaque);
};

/**
 * struct ioapic - one I/O APIC
 * @select: IOREGSEL
 * @id: bits 27:24 of the id register
 * @irr: lines that are asserted
 * @delivered: edge-triggered lines that are asserted and whose interrupt was sent
 * @deferred: level-triggered pins that wait for ioapic_reinject()
 * @redir: redirection table
 * @eois: per pin, how often in succession an EOI found the line still asserted
 * @eoi_register: is a version 0x20 chip, with an EOI register
 * @ops: the world
 * @opaque: handed to @ops
 */
struct ioapic {
	u32 select;
	u8 id;
	u32 irr;
	u32 delivered;
	u32 deferred;
	u64 redir[IOAPIC_PINS];
	u32 eois[IOAPIC_PINS];
	bool eoi_register;
	const struct ioapic_ops *ops;
	void *opaque;
};

void ioapic_init(struct ioapic *ioapic, const struct ioapic_ops *ops, void *opaque);
int ioapic_set_line(struct ioapic *ioapic, unsigned int pin, bool level);
void ioapic_eoi(struct ioapic *ioapic, u8 vector, bool level);
void ioapic_reinject(struct ioapic *ioapic);
void ioapic_mmio_read(struct ioapic *ioapic, u32 offset, void *data, unsigned int len);
void ioapic_mmio_write(struct ioapic *ioapic, u32 offset, const void *data, unsigned int len);
void ioapic_vectors(const struct ioapic *ioapic, u32 pins, unsigned long *bitmap);
void ioapic_get_state(const struct ioapic *ioapic, struct kvm_ioapic_state *state);
void ioapic_set_state(struct ioapic *ioapic, const struct kvm_ioapic_state *state);

#endif
