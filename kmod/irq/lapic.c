// SPDX-License-Identifier: GPL-2.0-only
/* The local APIC: acceptance, priorities, EOI, IPIs, modes (SDM 3, chapter 11). */

#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "lapic.h"

/* Bits of the registers in IRR, ISR and TMR: eight times 32, sixteen bytes apart. */
static unsigned long *bank_word(const struct lapic *lapic, u32 bank, u8 vector)
{
	return (unsigned long *)(lapic->page + bank + (vector >> 5) * 16);
}

static bool bank_test(const struct lapic *lapic, u32 bank, u8 vector)
{
	return lapic_get(lapic, bank + (vector >> 5) * 16) & BIT(vector & 31);
}

static int bank_highest(const struct lapic *lapic, u32 bank)
{
	int word;

	for (word = 7; word >= 0; word--) {
		u32 bits = lapic_get(lapic, bank + word * 16);

		if (bits)
			return word * 32 + __fls(bits);
	}
	return -1;
}

/* SDM 3, 11.8.3.1: the higher class of TPR and of the vector in service. */
static void update_ppr(struct lapic *lapic)
{
	u32 tpr = lapic_get(lapic, LAPIC_TPR);
	u32 isr = lapic->isr_top < 0 ? 0 : lapic->isr_top & 0xf0;

	lapic_put(lapic, LAPIC_PPR, (tpr & 0xf0) >= isr ? tpr : isr);
}

/**
 * lapic_init() - make a local APIC and bring it to its power-up state
 * @lapic: what to fill
 * @page: LAPIC_PAGE_SIZE bytes, aligned to as much; stays the caller's
 * @id: initial APIC id
 * @config: what it can do
 * @ops: the world; may be called before this returns
 * @opaque: handed to @ops
 */
void lapic_init(struct lapic *lapic, void *page, u32 id, const struct lapic_config *config,
		const struct lapic_ops *ops, void *opaque)
{
	memset(lapic, 0, sizeof(*lapic));
	lapic->page = page;
	lapic->id = id;
	lapic->config = *config;
	lapic->ops = ops;
	lapic->opaque = opaque;
	lapic_reset(lapic, false);
}

/**
 * lapic_set_ids() - APIC id and logical id as after reset, in the form of the mode
 * @lapic: the APIC
 *
 * Owner. SDM 3, 11.4.6, 11.12.10.2.
 */
void lapic_set_ids(struct lapic *lapic)
{
	if (lapic_x2apic(lapic)) {
		lapic_put(lapic, LAPIC_ID, lapic->id);
		lapic_put(lapic, LAPIC_LDR, (lapic->id >> 4) << 16 | BIT(lapic->id & 15));
	} else {
		lapic_put(lapic, LAPIC_ID, lapic->id << 24);
		lapic_put(lapic, LAPIC_LDR, 0);
	}
}

/*
 * Power-up values of the registers (SDM 3, 11.4.7.1). The id is not cleared in passing: INIT keeps
 * it, and the start-up IPI that follows must find the APIC.
 */
static void reset_regs(struct lapic *lapic, bool init)
{
	static const u16 lvts[] = {
		LAPIC_LVTT,	 LAPIC_LVT_THERMAL, LAPIC_LVT_PERF,
		LAPIC_LVT_LINT0, LAPIC_LVT_LINT1,   LAPIC_LVT_ERROR,
	};
	size_t i;

	lapic_timer_stop(lapic);
	memset(lapic->page + LAPIC_VERSION, 0, LAPIC_PAGE_SIZE - LAPIC_VERSION);
	lapic->errors = 0;
	lapic_put(lapic, LAPIC_DFR, ~0u);
	lapic_put(lapic, LAPIC_SVR, 0xff);
	for (i = 0; i < ARRAY_SIZE(lvts); i++)
		lapic_put(lapic, lvts[i], LAPIC_LVT_MASKED);
	if (lapic->config.cmci)
		lapic_put(lapic, LAPIC_CMCI, LAPIC_LVT_MASKED);
	if (lapic->config.bsp && lapic->config.virtual_wire)
		lapic_put(lapic, LAPIC_LVT_LINT0, APIC_EXTINT << 8);
	if (!init || lapic_x2apic(lapic))
		lapic_set_ids(lapic);
	lapic_recount(lapic);
}

/**
 * lapic_reset() - power-up reset, or INIT
 * @lapic: the APIC
 * @init: INIT: IA32_APIC_BASE, and with it the mode, and the APIC id stay (SDM 3, 11.4.7.3,
 *	11.12.5.1)
 *
 * Owner.
 */
void lapic_reset(struct lapic *lapic, bool init)
{
	if (!init)
		WRITE_ONCE(lapic->base, LAPIC_DEFAULT_BASE | LAPIC_BASE_ENABLE |
						(lapic->config.bsp ? LAPIC_BASE_BSP : 0));
	reset_regs(lapic, init);
	lapic->ops->changed(lapic->opaque);
}

/* Which mode may follow which by WRMSR: SDM 3, figure 11-27. Indexed by bits 11:10. */
static bool mode_may_follow(u64 from, u64 to)
{
	static const u8 allowed[4] = {
		[0] = BIT(0) | BIT(2), /* disabled: xAPIC */
		[2] = BIT(0) | BIT(2) | BIT(3), /* xAPIC: disabled, x2APIC */
		[3] = BIT(0) | BIT(3), /* x2APIC: disabled */
	};

	return allowed[(from & LAPIC_BASE_MODE) >> 10] & BIT((to & LAPIC_BASE_MODE) >> 10);
}

/**
 * lapic_set_base() - write IA32_APIC_BASE
 * @lapic: the APIC
 * @base: the value
 * @host: from user space: any valid mode may follow any other, and no register is reset
 *
 * Owner. SDM 3, 11.4.4, 11.12.1, 11.12.5.
 *
 * Return: false if the write is refused: #GP(0)
 */
bool lapic_set_base(struct lapic *lapic, u64 base, bool host)
{
	u64 reserved = GENMASK(7, 0) | BIT(9) | ~(BIT_ULL(lapic->config.max_phys_bits) - 1);
	u64 old = lapic->base;

	if (!lapic->config.x2apic)
		reserved |= LAPIC_BASE_X2APIC;
	if (base & reserved || (base & LAPIC_BASE_MODE) == LAPIC_BASE_X2APIC)
		return false;
	if (!host && !mode_may_follow(old, base))
		return false;
	if (base == old)
		return true;

	WRITE_ONCE(lapic->base, base);
	if (!((old ^ base) & LAPIC_BASE_MODE)) {
		lapic->ops->changed(lapic->opaque);
		return true;
	}
	if (!host && !(old & LAPIC_BASE_ENABLE)) {
		reset_regs(lapic, false);
	} else if (base & LAPIC_BASE_ENABLE) {
		lapic_set_ids(lapic);
		lapic_put(lapic, LAPIC_ICR2, 0);
	} else {
		lapic_timer_stop(lapic);
	}
	lapic->ops->changed(lapic->opaque);
	return true;
}

/**
 * lapic_recount() - derive anew what is kept beside the registers
 * @lapic: the APIC
 *
 * After IRR, ISR or TPR in the page were written as memory. Owner.
 */
void lapic_recount(struct lapic *lapic)
{
	int word;

	lapic->isr_count = 0;
	for (word = 0; word < 8; word++)
		lapic->isr_count += hweight32(lapic_get(lapic, LAPIC_ISR + word * 16));
	lapic->isr_top = bank_highest(lapic, LAPIC_ISR);
	/* Set first, then looked at: a vector posted meanwhile is never hidden. */
	WRITE_ONCE(lapic->irr_pending, true);
	update_ppr(lapic);
}

/* Highest vector in the IRR, whatever its priority; -1 if none. Owner. */
int lapic_highest_irr(const struct lapic *lapic)
{
	return READ_ONCE(lapic->irr_pending) ? bank_highest(lapic, LAPIC_IRR) : -1;
}

/**
 * lapic_pending() - the vector that the processor would be interrupted with
 * @lapic: the APIC
 *
 * The highest in the IRR if its class is above PPR's (SDM 3, 11.8.3, 11.8.4). Owner.
 *
 * Return: the vector, or -1
 */
int lapic_pending(const struct lapic *lapic)
{
	int vector = lapic_highest_irr(lapic);

	if (vector < 0 || (vector & 0xf0) <= (int)(lapic_get(lapic, LAPIC_PPR) & 0xf0) ||
	    !lapic_enabled(lapic))
		return -1;
	return vector;
}

/**
 * lapic_ack() - the processor takes the interrupt: from IRR to ISR
 * @lapic: the APIC
 *
 * Owner. SDM 3, 11.8.4.
 *
 * Return: the vector, or -1 if none can be taken
 */
int lapic_ack(struct lapic *lapic)
{
	int vector = lapic_pending(lapic);
	u32 isr;

	if (vector < 0)
		return -1;
	WRITE_ONCE(lapic->irr_pending, false);
	clear_bit(vector & 31, bank_word(lapic, LAPIC_IRR, vector));
	/* Pairs with the locked operation in lapic_post(): we see its bit, or its true is last. */
	smp_mb__after_atomic();
	if (bank_highest(lapic, LAPIC_IRR) >= 0)
		WRITE_ONCE(lapic->irr_pending, true);
	isr = LAPIC_ISR + (vector >> 5) * 16;
	lapic_put(lapic, isr, lapic_get(lapic, isr) | BIT(vector & 31));
	lapic->isr_count++;
	lapic->isr_top = vector;
	lapic_put(lapic, LAPIC_PPR, vector & 0xf0);
	return vector;
}

static bool eoi_is_wanted(const struct lapic *lapic, u8 vector, bool level)
{
	if (level && !(lapic_get(lapic, LAPIC_SVR) & LAPIC_SVR_EOI_SUPPRESS))
		return true;
	return lapic->eoi_watch && test_bit(vector, lapic->eoi_watch);
}

/**
 * lapic_eoi() - end of interrupt: the highest vector in service is finished
 * @lapic: the APIC
 *
 * Owner. SDM 3, 11.8.5.
 */
void lapic_eoi(struct lapic *lapic)
{
	int vector = lapic->isr_top;
	bool level;
	u32 isr;

	if (vector < 0)
		return;
	isr = LAPIC_ISR + (vector >> 5) * 16;
	lapic_put(lapic, isr, lapic_get(lapic, isr) & ~(u32)BIT(vector & 31));
	lapic->isr_top = --lapic->isr_count ? bank_highest(lapic, LAPIC_ISR) : -1;
	update_ppr(lapic);

	level = bank_test(lapic, LAPIC_TMR, vector);
	if (eoi_is_wanted(lapic, vector, level))
		lapic->ops->eoi(lapic->opaque, vector, level);
	if (lapic_pending(lapic) >= 0)
		lapic->ops->wake(lapic->opaque);
}

/**
 * lapic_set_tpr() - write the task priority (SDM 3, 11.8.3.1)
 * @lapic: the APIC
 * @tpr: bits 7:0
 *
 * Owner.
 */
void lapic_set_tpr(struct lapic *lapic, u32 tpr)
{
	lapic_put(lapic, LAPIC_TPR, tpr & 0xff);
	update_ppr(lapic);
	/* CR8, which the processor may keep itself, follows before the next entry. */
	lapic->ops->wake(lapic->opaque);
}

/* The processor has it already: by MOV to CR8, or as the MSR of an x2APIC. Owner. */
void lapic_tpr_moved(struct lapic *lapic, u8 tpr)
{
	lapic_put(lapic, LAPIC_TPR, tpr);
	update_ppr(lapic);
	if (lapic_pending(lapic) >= 0)
		lapic->ops->wake(lapic->opaque);
}

/**
 * lapic_post() - put a vector into the IRR
 * @lapic: the APIC
 * @vector: 16 to 255
 * @level: level triggered: its EOI is told to the I/O APICs
 *
 * Any context. SDM 3, 11.8.4.
 *
 * Return: false if the vector was waiting there already
 */
bool lapic_post(struct lapic *lapic, u8 vector, bool level)
{
	unsigned long *tmr = bank_word(lapic, LAPIC_TMR, vector);

	if (bank_test(lapic, LAPIC_TMR, vector) != level) {
		if (level)
			set_bit(vector & 31, tmr);
		else
			clear_bit(vector & 31, tmr);
	}
	if (test_and_set_bit(vector & 31, bank_word(lapic, LAPIC_IRR, vector)))
		return false;
	WRITE_ONCE(lapic->irr_pending, true);
	lapic->ops->wake(lapic->opaque);
	return true;
}

/**
 * lapic_error() - record an error and raise the error interrupt
 * @lapic: the APIC
 * @bit: LAPIC_ERR_*
 *
 * One interrupt until the ESR is written. Any context. SDM 3, 11.5.3.
 */
void lapic_error(struct lapic *lapic, unsigned int bit)
{
	if (test_and_set_bit(bit, &lapic->errors))
		return;
	if (!(READ_ONCE(lapic->errors) & ~BIT(bit)))
		lapic_local(lapic, LAPIC_LVT_ERROR);
}

/* A software-disabled APIC takes no vectors (SDM 3, 11.4.7.2), none takes 0 to 15 (11.5.2). */
static bool accept_vector(struct lapic *lapic, u8 vector, bool level)
{
	if (!lapic_sw_enabled(lapic))
		return false;
	if (vector < 16)
		lapic_error(lapic, LAPIC_ERR_RECV_VECTOR);
	else
		lapic_post(lapic, vector, level);
	return true;
}

/**
 * lapic_accept() - a message arrives that is meant for this APIC
 * @lapic: the APIC
 * @msg: the message; its destination is not looked at
 *
 * Any context. SDM 3, 11.8.2.
 *
 * Return: whether the APIC took it
 */
bool lapic_accept(struct lapic *lapic, const struct apic_msg *msg)
{
	if (!lapic_enabled(lapic))
		return false;
	switch (msg->mode) {
	case APIC_FIXED:
	case APIC_LOWEST:
		return accept_vector(lapic, msg->vector, msg->level);
	case APIC_INIT:
		/* The de-assertion only synchronized arbitration ids, long ago (11.6.1). */
		if (msg->level && !msg->assert)
			return true;
		fallthrough;
	case APIC_SMI:
	case APIC_NMI:
	case APIC_SIPI:
		lapic->ops->signal(lapic->opaque, msg->mode, msg->vector);
		return true;
	}
	return false;
}

static bool match_logical(const struct lapic *lapic, u32 dest)
{
	u32 ldr = lapic_get(lapic, LAPIC_LDR);

	if (lapic_x2apic(lapic))
		return ldr >> 16 == dest >> 16 && (ldr & dest & 0xffff);
	if (dest > 0xff)
		return false;
	ldr >>= 24;
	switch (lapic_get(lapic, LAPIC_DFR) >> 28) {
	case 0xf:
		return ldr & dest;
	case 0:
		return ldr >> 4 == dest >> 4 && (ldr & dest & 15);
	}
	return false;
}

/**
 * lapic_match() - whether a message's destination names this APIC
 * @lapic: the APIC
 * @msg: the message, without shorthand
 *
 * Any context. SDM 3, 11.6.2, 11.12.10.
 *
 * Return: true if so
 */
bool lapic_match(const struct lapic *lapic, const struct apic_msg *msg)
{
	u32 id = lapic_get(lapic, LAPIC_ID);

	if (!lapic_enabled(lapic))
		return false;
	if (msg->dest == APIC_DEST_ALL || (msg->dest == 0xff && !lapic_x2apic(lapic)))
		return true;
	if (msg->logical)
		return match_logical(lapic, msg->dest);
	/* An xAPIC's register has 8 bits: beyond, the processor's own number tells. */
	if (lapic->id > 0xff)
		id = lapic->id;
	else if (!lapic_x2apic(lapic))
		id >>= 24;
	return msg->dest == id;
}

/* INIT and ExtINT are modes of the pins only (SDM 3, 11.5.1, "Delivery Mode"). */
static bool lvt_has_mode(u32 lvt, u8 mode)
{
	return (mode != APIC_INIT && mode != APIC_EXTINT) || lvt == LAPIC_LVT_LINT0 ||
	       lvt == LAPIC_LVT_LINT1;
}

/**
 * lapic_local() - an interrupt arises within: timer, LINT pins, errors
 * @lapic: the APIC
 * @lvt: offset of its local vector table register
 *
 * Any context, but LAPIC_LVT_PERF, which masks itself: owner. SDM 3, 11.5.1.
 *
 * Return: whether it was let through
 */
bool lapic_local(struct lapic *lapic, u32 lvt)
{
	u32 entry = lapic_get(lapic, lvt);
	u8 mode = entry >> 8 & 7;

	if (entry & LAPIC_LVT_MASKED || !lapic_enabled(lapic) || !lvt_has_mode(lvt, mode))
		return false;
	if (lvt == LAPIC_LVT_PERF)
		lapic_put(lapic, lvt, entry | LAPIC_LVT_MASKED);
	switch (mode) {
	case APIC_FIXED:
		/* Level needs a remote IRR per pin; the pins are only ever pulsed: edge. */
		return accept_vector(lapic, entry, false);
	case APIC_EXTINT:
		lapic->ops->wake(lapic->opaque);
		return true;
	case APIC_SMI:
	case APIC_NMI:
	case APIC_INIT:
		lapic->ops->signal(lapic->opaque, mode, 0);
		return true;
	}
	return false;
}

/**
 * lapic_takes_extint() - whether the processor listens to the PIC
 * @lapic: the APIC
 *
 * Directly where the APIC is disabled, or through LINT0. Any context. SDM 3, 11.4.3, 11.5.1.
 *
 * Return: true if so
 */
bool lapic_takes_extint(const struct lapic *lapic)
{
	u32 lint0 = lapic_get(lapic, LAPIC_LVT_LINT0);

	return !lapic_enabled(lapic) || (lint0 & (LAPIC_LVT_MASKED | 7 << 8)) == APIC_EXTINT << 8;
}

/**
 * lapic_send() - send an inter-processor interrupt
 * @lapic: the sender
 * @icr: bits 31:0 of the interrupt command register
 * @dest: destination: 32 bits in x2APIC mode, else 8
 *
 * Owner. SDM 3, 11.6.1.
 */
void lapic_send(struct lapic *lapic, u32 icr, u32 dest)
{
	u8 mode = icr >> 8 & 7;
	u8 shorthand = icr >> 18 & 3;
	u8 vector = icr;
	struct apic_msg msg;

	if (mode <= APIC_LOWEST && vector < 16) {
		lapic_error(lapic, LAPIC_ERR_SEND_VECTOR);
		return;
	}
	if (mode == APIC_FIXED && shorthand == APIC_TO_SELF) {
		accept_vector(lapic, vector, false);
		return;
	}
	if (mode == APIC_REMOTE_READ || mode == APIC_EXTINT)
		return;
	msg = (struct apic_msg){
		.dest = !lapic_x2apic(lapic) && dest == 0xff ? APIC_DEST_ALL : dest,
		.vector = vector,
		.mode = mode,
		.shorthand = shorthand,
		.logical = icr & BIT(11),
		/* Only INIT has a trigger mode, the bits are ignored for all else. */
		.level = mode == APIC_INIT && icr & BIT(15),
		.assert = mode != APIC_INIT || icr & BIT(14),
	};
	lapic->ops->send(lapic->opaque, &msg);
}
