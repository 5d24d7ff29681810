// SPDX-License-Identifier: GPL-2.0-only
/* The 82093AA I/O APIC (Intel data sheet, order 290566). */

#include <linux/bitops.h>
#include <linux/nospec.h>
#include <linux/string.h>

#include "ioapic.h"

/* Memory-mapped registers (82093AA, 3.1; 82801 data sheets for the EOI register). */
#define IOREGSEL 0x00
#define IOWIN	 0x10
#define IOEOI	 0x40

/* Registers behind IOREGSEL (82093AA, 3.2). */
#define IOAPICID    0x00
#define IOAPICVER   0x01
#define IOAPICARB   0x02
#define IOREDTBL    0x10

#define VERSION	    0x11
#define VERSION_EOI 0x20
#define READ_ONLY   (IOAPIC_PENDING | IOAPIC_REMOTE_IRR)
#define DEST	    (0xffull << IOAPIC_DEST_SHIFT)
#define WRITABLE    ((GENMASK_ULL(16, 0) & ~READ_ONLY) | DEST)

/*
 * What is not a vector is edge triggered, even if programmed as level (82093AA, 3.2.4, "Delivery
 * Mode"): there is no EOI that would end it.
 */
static bool entry_is_level(u64 entry)
{
	return entry & IOAPIC_LEVEL && (entry >> IOAPIC_MODE_SHIFT & 7) <= APIC_LOWEST;
}

static bool is_level(const struct ioapic *ioapic, unsigned int pin)
{
	return entry_is_level(ioapic->redir[pin]);
}

static struct apic_msg make_msg(u64 entry)
{
	u32 dest = entry >> IOAPIC_DEST_SHIFT;

	return (struct apic_msg){
		.dest = dest == 0xff ? APIC_DEST_ALL : dest,
		.vector = entry & IOAPIC_VECTOR,
		.mode = entry >> IOAPIC_MODE_SHIFT & 7,
		.logical = !!(entry & IOAPIC_LOGICAL),
		.level = entry_is_level(entry),
		.assert = true,
	};
}

/* Send the interrupt of an asserted pin. Returns as ioapic_set_line(). */
static int service(struct ioapic *ioapic, unsigned int pin)
{
	u64 *entry = &ioapic->redir[pin];
	struct apic_msg msg;
	int taken;

	if (*entry & (IOAPIC_MASKED | IOAPIC_REMOTE_IRR))
		return -1;
	msg = make_msg(*entry);
	taken = ioapic->ops->deliver(ioapic->opaque, &msg);
	if (!msg.level)
		ioapic->delivered |= BIT(pin);
	else if (taken > 0)
		*entry |= IOAPIC_REMOTE_IRR;
	return taken;
}

/* A level-triggered line that was ignored until now counts as soon as nothing stands in its way. */
static void service_level(struct ioapic *ioapic, unsigned int pin)
{
	if (is_level(ioapic, pin) && ioapic->irr & BIT(pin))
		service(ioapic, pin);
}

/**
 * ioapic_init() - make an I/O APIC, as after reset: all pins masked
 * @ioapic: what to fill
 * @ops: the world
 * @opaque: handed to @ops
 */
void ioapic_init(struct ioapic *ioapic, const struct ioapic_ops *ops, void *opaque)
{
	unsigned int pin;

	memset(ioapic, 0, sizeof(*ioapic));
	for (pin = 0; pin < IOAPIC_PINS; pin++)
		ioapic->redir[pin] = IOAPIC_MASKED;
	ioapic->ops = ops;
	ioapic->opaque = opaque;
}

/**
 * ioapic_set_line() - assert or deassert a pin
 * @ioapic: the I/O APIC
 * @pin: 0 to 23
 * @level: true asserts, whatever the polarity in the table
 *
 * An edge on a masked pin is lost (82093AA, 3.2.4, "Interrupt Mask").
 *
 * Return: how many local APICs took the interrupt; 1 for a deassertion; 0 if it merged with one
 * that waits; -1 if it was masked. What KVM_IRQ_LINE_STATUS answers
 */
int ioapic_set_line(struct ioapic *ioapic, unsigned int pin, bool level)
{
	u32 bit = BIT(pin & 31);
	bool was;

	if (pin >= IOAPIC_PINS)
		return -1;
	was = ioapic->irr & bit;
	if (!level) {
		ioapic->irr &= ~bit;
		ioapic->delivered &= ~bit;
		ioapic->deferred &= ~bit;
		return 1;
	}
	ioapic->irr |= bit;
	if (is_level(ioapic, pin) ? ioapic->redir[pin] & IOAPIC_REMOTE_IRR : was)
		return 0;
	if (ioapic->deferred & bit)
		return 0;
	return service(ioapic, pin);
}

/*
 * A handler that does not silence its device gets the interrupt again with each EOI. On hardware
 * the bus is slow enough for the guest to get on between two; here a long run of them is broken.
 */
static void service_again(struct ioapic *ioapic, unsigned int pin)
{
	if (!(ioapic->irr & BIT(pin)) || ioapic->redir[pin] & IOAPIC_MASKED) {
		ioapic->eois[pin] = 0;
		return;
	}
	if (++ioapic->eois[pin] < IOAPIC_STORM) {
		service(ioapic, pin);
		return;
	}
	ioapic->eois[pin] = 0;
	ioapic->deferred |= BIT(pin);
	ioapic->ops->storm(ioapic->opaque);
}

/**
 * ioapic_eoi() - a local APIC finished an interrupt
 * @ioapic: the I/O APIC
 * @vector: which
 * @level: it was level triggered there; else only @ops->acked hears of it
 */
void ioapic_eoi(struct ioapic *ioapic, u8 vector, bool level)
{
	unsigned int pin;

	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		if ((ioapic->redir[pin] & IOAPIC_VECTOR) != vector)
			continue;
		ioapic->ops->acked(ioapic->opaque, pin);
		if (!level || !(ioapic->redir[pin] & IOAPIC_REMOTE_IRR))
			continue;
		ioapic->redir[pin] &= ~IOAPIC_REMOTE_IRR;
		service_again(ioapic, pin);
	}
}

/**
 * ioapic_reinject() - serve the pins that were held back in a storm
 * @ioapic: the I/O APIC
 */
void ioapic_reinject(struct ioapic *ioapic)
{
	u32 pins = ioapic->deferred;
	unsigned int pin;

	ioapic->deferred = 0;
	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		if (pins & BIT(pin))
			service_level(ioapic, pin);
	}
}

static u32 read_window(const struct ioapic *ioapic)
{
	u32 index = ioapic->select - IOREDTBL;
	u64 entry;

	switch (ioapic->select) {
	case IOAPICID:
	case IOAPICARB:
		return (u32)ioapic->id << 24;
	case IOAPICVER:
		return (IOAPIC_PINS - 1) << 16 | (ioapic->eoi_register ? VERSION_EOI : VERSION);
	}
	if (index >= 2 * IOAPIC_PINS)
		return 0;
	entry = ioapic->redir[array_index_nospec(index >> 1, IOAPIC_PINS)];
	return index & 1 ? entry >> 32 : entry;
}

static void write_entry(struct ioapic *ioapic, unsigned int pin, u64 value)
{
	u64 old = ioapic->redir[pin];
	u64 entry = (value & WRITABLE) | (old & READ_ONLY);

	/* As guests without an EOI register know, edge triggering forgets what was in service. */
	if (!entry_is_level(entry))
		entry &= ~IOAPIC_REMOTE_IRR;
	ioapic->redir[pin] = entry;
	if ((old ^ entry) & (IOAPIC_VECTOR | IOAPIC_LEVEL))
		ioapic->ops->changed(ioapic->opaque);
	if (!(ioapic->deferred & BIT(pin)))
		service_level(ioapic, pin);
}

static void write_window(struct ioapic *ioapic, u32 value)
{
	u32 index = ioapic->select - IOREDTBL;
	unsigned int pin;
	u64 entry;

	if (ioapic->select == IOAPICID)
		ioapic->id = value >> 24 & 15;
	if (index >= 2 * IOAPIC_PINS)
		return;
	pin = array_index_nospec(index >> 1, IOAPIC_PINS);
	entry = ioapic->redir[pin];
	if (index & 1)
		entry = (u32)entry | (u64)value << 32;
	else
		entry = (entry & GENMASK_ULL(63, 32)) | value;
	write_entry(ioapic, pin, entry);
}

/**
 * ioapic_mmio_read() - a load from the registers
 * @ioapic: the I/O APIC
 * @offset: 0 to IOAPIC_SIZE - 1
 * @data: receives @len bytes
 * @len: 1 to 8; beyond the 32 bits of a register, and elsewhere, reads 0
 */
void ioapic_mmio_read(struct ioapic *ioapic, u32 offset, void *data, unsigned int len)
{
	u32 value = 0;

	if (offset == IOREGSEL)
		value = ioapic->select;
	else if (offset == IOWIN)
		value = read_window(ioapic);
	memset(data, 0, len);
	memcpy(data, &value, len < sizeof(value) ? len : sizeof(value));
}

/**
 * ioapic_mmio_write() - a store to the registers
 * @ioapic: the I/O APIC
 * @offset: 0 to IOAPIC_SIZE - 1
 * @data: @len bytes
 * @len: 1 to 8; missing bytes are 0, those beyond 32 bits are ignored
 */
void ioapic_mmio_write(struct ioapic *ioapic, u32 offset, const void *data, unsigned int len)
{
	u32 value = 0;

	memcpy(&value, data, len < sizeof(value) ? len : sizeof(value));
	if (offset == IOREGSEL)
		ioapic->select = value & 0xff;
	else if (offset == IOWIN)
		write_window(ioapic, value);
	else if (offset == IOEOI && ioapic->eoi_register)
		ioapic_eoi(ioapic, value, true);
}

/**
 * ioapic_vectors() - which vectors some pins have
 * @ioapic: the I/O APIC
 * @pins: bit mask of pins
 * @bitmap: 256 bits; those of the vectors are set, the others left alone
 */
void ioapic_vectors(const struct ioapic *ioapic, u32 pins, unsigned long *bitmap)
{
	unsigned int pin;

	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		if (pins & BIT(pin))
			__set_bit(ioapic->redir[pin] & IOAPIC_VECTOR, bitmap);
	}
}

/**
 * ioapic_get_state() - KVM_GET_IRQCHIP
 * @ioapic: the I/O APIC
 * @state: receives it; irr has the asserted lines whose interrupt has not been sent
 */
void ioapic_get_state(const struct ioapic *ioapic, struct kvm_ioapic_state *state)
{
	unsigned int pin;

	memset(state, 0, sizeof(*state));
	state->base_address = IOAPIC_DEFAULT_BASE;
	state->ioregsel = ioapic->select;
	state->id = ioapic->id;
	state->irr = ioapic->irr & ~ioapic->delivered;
	for (pin = 0; pin < IOAPIC_PINS; pin++)
		state->redirtbl[pin].bits = ioapic->redir[pin];
}

/**
 * ioapic_set_state() - KVM_SET_IRQCHIP
 * @ioapic: the I/O APIC
 * @state: hostile; what the chip cannot hold is dropped, asserted lines are raised anew
 */
void ioapic_set_state(struct ioapic *ioapic, const struct kvm_ioapic_state *state)
{
	unsigned int pin;
	u64 entry;

	ioapic->select = state->ioregsel & 0xff;
	ioapic->id = state->id & 15;
	ioapic->irr = 0;
	ioapic->delivered = 0;
	ioapic->deferred = 0;
	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		entry = state->redirtbl[pin].bits & (WRITABLE | IOAPIC_REMOTE_IRR);
		if (!entry_is_level(entry))
			entry &= ~IOAPIC_REMOTE_IRR;
		ioapic->redir[pin] = entry;
		ioapic->eois[pin] = 0;
	}
	ioapic->ops->changed(ioapic->opaque);
	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		if (state->irr & BIT(pin))
			ioapic_set_line(ioapic, pin, true);
	}
}
