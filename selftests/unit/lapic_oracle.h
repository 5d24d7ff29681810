/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A second local APIC for the fuzzer, written from SDM 3, chapter 11, in the plainest way: a flag
 * per vector, a variable per register, a search where the product keeps an answer. What it would
 * tell the world goes into a log.
 */
#ifndef LAPIC_ORACLE_H
#define LAPIC_ORACLE_H

#include <string.h>

#include "irq/lapic.h"

/* One of the world's functions was called: send, signal or eoi. */
struct oracle_event {
	char what;
	u8 vector;
	bool level;
	struct apic_msg msg;
};

struct oracle_log {
	struct oracle_event event[16];
	unsigned int nr;
};

struct oracle {
	struct lapic_config config;
	const unsigned long *watch;
	u64 base;
	u32 own_id, id, ldr, dfr, svr, esr, icr, icr2, tmict, tdcr;
	u32 cmci, lvt[6];
	u8 tpr;
	bool irr[256], isr[256], tmr[256];
	unsigned int errors;
	u64 now, ends, deadline;
	struct oracle_log log;
};

static inline void oracle_put(struct oracle_log *log, struct oracle_event event)
{
	if (log->nr < ARRAY_SIZE(log->event))
		log->event[log->nr] = event;
	log->nr++;
}

static inline bool oracle_on(const struct oracle *o)
{
	return o->base >> 11 & 1;
}

static inline bool oracle_x2(const struct oracle *o)
{
	return oracle_on(o) && o->base >> 10 & 1;
}

static inline bool oracle_sw_on(const struct oracle *o)
{
	return oracle_on(o) && o->svr >> 8 & 1;
}

static inline int oracle_top(const bool *bank)
{
	int vector = 255;

	while (vector >= 0 && !bank[vector])
		vector--;
	return vector;
}

static inline int oracle_class(int vector)
{
	return vector < 0 ? 0 : vector / 16;
}

/* 11.8.3.1. */
static inline u32 oracle_ppr(const struct oracle *o)
{
	int serving = oracle_class(oracle_top(o->isr));

	return o->tpr / 16 >= serving ? o->tpr : serving * 16;
}

/* 11.6.2.4. */
static inline u32 oracle_apr(const struct oracle *o)
{
	int task = o->tpr / 16, asks = oracle_class(oracle_top(o->irr));
	int serves = oracle_class(oracle_top(o->isr)), most = task;

	if (task >= asks && task > serves)
		return o->tpr;
	if (asks > most)
		most = asks;
	if (serves > most)
		most = serves;
	return most * 16;
}

static inline int oracle_pending(const struct oracle *o)
{
	int vector = oracle_top(o->irr);

	return oracle_on(o) && oracle_class(vector) > (int)oracle_ppr(o) / 16 ? vector : -1;
}

static inline int oracle_ack(struct oracle *o)
{
	int vector = oracle_pending(o);

	if (vector >= 0) {
		o->irr[vector] = false;
		o->isr[vector] = true;
	}
	return vector;
}

/* 11.8.5. */
static inline void oracle_eoi(struct oracle *o)
{
	int vector = oracle_top(o->isr);
	bool level;

	if (vector < 0)
		return;
	o->isr[vector] = false;
	level = o->tmr[vector];
	if ((level && !(o->svr >> 12 & 1)) || test_bit(vector, o->watch))
		oracle_put(&o->log, (struct oracle_event){ 'e', vector, level, {} });
}

static inline void oracle_local(struct oracle *o, u32 offset);

/* 11.5.3. */
static inline void oracle_error(struct oracle *o, int bit)
{
	bool quiet = !o->errors;

	o->errors |= 1u << bit;
	if (quiet)
		oracle_local(o, LAPIC_LVT_ERROR);
}

static inline bool oracle_vector(struct oracle *o, u8 vector, bool level)
{
	if (!oracle_sw_on(o))
		return false;
	if (vector < 16) {
		oracle_error(o, 6);
		return true;
	}
	o->tmr[vector] = level;
	o->irr[vector] = true;
	return true;
}

static inline void oracle_signal(struct oracle *o, u8 mode, u8 vector)
{
	struct apic_msg msg = { .mode = mode };

	oracle_put(&o->log, (struct oracle_event){ 's', vector, false, msg });
}

static inline u32 *oracle_lvt(struct oracle *o, u32 offset)
{
	return offset == LAPIC_CMCI ? &o->cmci : &o->lvt[(offset - LAPIC_LVTT) / 16];
}

/* 11.5.1. */
static inline void oracle_local(struct oracle *o, u32 offset)
{
	u32 *lvt = oracle_lvt(o, offset);
	bool pin = offset == LAPIC_LVT_LINT0 || offset == LAPIC_LVT_LINT1;
	int mode = *lvt >> 8 & 7;

	if (!oracle_on(o) || *lvt >> 16 & 1 || ((mode == 5 || mode == 7) && !pin))
		return;
	if (offset == LAPIC_LVT_PERF)
		*lvt |= 1 << 16;
	if (mode == 0)
		oracle_vector(o, *lvt, false);
	if (mode == 2 || mode == 4 || mode == 5)
		oracle_signal(o, mode, 0);
}

static inline bool oracle_accept(struct oracle *o, const struct apic_msg *msg)
{
	if (!oracle_on(o))
		return false;
	if (msg->mode <= 1)
		return oracle_vector(o, msg->vector, msg->level);
	if (msg->mode == 3 || msg->mode == 7)
		return false;
	if (msg->mode != 5 || !msg->level || msg->assert)
		oracle_signal(o, msg->mode, msg->vector);
	return true;
}

/* 11.6.2, 11.12.10. */
static inline bool oracle_match(const struct oracle *o, const struct apic_msg *msg)
{
	u8 mine = o->ldr >> 24, dest = msg->dest;

	if (!oracle_on(o))
		return false;
	/* An xAPIC knows 8 bits of a broadcast. */
	if (msg->dest == 0xffffffff || (msg->dest == 0xff && !oracle_x2(o)))
		return true;
	if (!msg->logical) {
		if (oracle_x2(o) || o->own_id > 255)
			return msg->dest == o->own_id;
		return msg->dest == o->id >> 24;
	}
	if (oracle_x2(o))
		return msg->dest >> 16 == o->own_id / 16 && msg->dest >> (o->own_id % 16) & 1;
	if (msg->dest > 255)
		return false;
	if (o->dfr >> 28 == 15)
		return mine & dest;
	return o->dfr >> 28 == 0 && mine / 16 == dest / 16 && (mine & dest & 15);
}

/* 11.6.1. */
static inline void oracle_icr(struct oracle *o)
{
	u8 vector = o->icr, mode = o->icr >> 8 & 7, shorthand = o->icr >> 18 & 3;
	struct apic_msg msg = { .vector = vector, .mode = mode, .shorthand = shorthand };

	if (mode <= 1 && vector < 16) {
		oracle_error(o, 5);
		return;
	}
	if (mode == 0 && shorthand == 1) {
		oracle_vector(o, vector, false);
		return;
	}
	if (mode == 3 || mode == 7)
		return;
	msg.dest = oracle_x2(o) ? o->icr2 : o->icr2 >> 24 == 255 ? ~0u : o->icr2 >> 24;
	msg.logical = o->icr >> 11 & 1;
	msg.level = mode == 5 && o->icr >> 15 & 1;
	msg.assert = mode != 5 || o->icr >> 14 & 1;
	oracle_put(&o->log, (struct oracle_event){ 'i', 0, false, msg });
	if (oracle_match(o, &msg))
		oracle_accept(o, &msg);
}

/* 11.5.4. */
static inline u64 oracle_divisor(const struct oracle *o)
{
	static const u8 divisors[] = { 2, 4, 8, 16, 32, 64, 128, 1 };

	return divisors[(o->tdcr & 3) | (o->tdcr & 8) >> 1];
}

static inline bool oracle_by_deadline(const struct oracle *o)
{
	return o->lvt[0] >> 18 & 1;
}

static inline u32 oracle_count(const struct oracle *o)
{
	return o->ends ? (o->ends - o->now + oracle_divisor(o) - 1) / oracle_divisor(o) : 0;
}

static inline void oracle_stop(struct oracle *o)
{
	o->ends = 0;
	o->deadline = 0;
}

static inline void oracle_set_lvtt(struct oracle *o, u32 value)
{
	if (!o->config.tsc_deadline)
		value &= ~(1u << 18);
	if ((value >> 17 & 3) == 3)
		value &= ~(3u << 17);
	if ((value ^ o->lvt[0]) >> 18 & 1) {
		oracle_stop(o);
		o->tmict = 0;
	}
	o->lvt[0] = value;
}

static inline void oracle_set_tmict(struct oracle *o, u32 value)
{
	if (oracle_by_deadline(o))
		return;
	o->tmict = value;
	o->ends = value ? o->now + value * oracle_divisor(o) : 0;
}

static inline void oracle_set_tdcr(struct oracle *o, u32 value)
{
	u64 count = oracle_count(o);

	o->tdcr = value & 11;
	if (count)
		o->ends = o->now + count * oracle_divisor(o);
}

static inline void oracle_set_deadline(struct oracle *o, u64 tsc)
{
	if (!oracle_by_deadline(o) || !oracle_on(o))
		return;
	o->deadline = tsc > o->now ? tsc : 0;
	if (tsc && tsc <= o->now)
		oracle_local(o, LAPIC_LVTT);
}

static inline void oracle_time(struct oracle *o, u64 now)
{
	u64 period = o->tmict * oracle_divisor(o);

	o->now = now;
	if (o->deadline && now >= o->deadline) {
		o->deadline = 0;
		oracle_local(o, LAPIC_LVTT);
	}
	if (!o->ends || now < o->ends)
		return;
	if (o->lvt[0] >> 17 & 1 && period)
		o->ends += ((now - o->ends) / period + 1) * period;
	else
		o->ends = 0;
	oracle_local(o, LAPIC_LVTT);
}

/* 11.4.7.1, 11.4.7.3; ids by 11.4.6 and 11.12.10.2. */
static inline void oracle_set_ids(struct oracle *o)
{
	o->id = oracle_x2(o) ? o->own_id : o->own_id << 24;
	o->ldr = oracle_x2(o) ? o->own_id / 16 << 16 | 1u << o->own_id % 16 : 0;
}

static inline void oracle_clear(struct oracle *o, bool init)
{
	u32 id = o->id;
	struct oracle old = *o;
	int i;

	memset(o, 0, sizeof(*o));
	o->config = old.config;
	o->watch = old.watch;
	o->base = old.base;
	o->own_id = old.own_id;
	o->now = old.now;
	o->log = old.log;
	o->dfr = ~0u;
	o->svr = 0xff;
	for (i = 0; i < 6; i++)
		o->lvt[i] = 1 << 16;
	o->cmci = o->config.cmci ? 1 << 16 : 0;
	if (o->config.bsp && o->config.virtual_wire)
		o->lvt[3] = 0x700;
	oracle_set_ids(o);
	if (init)
		o->id = id;
}

static inline void oracle_reset(struct oracle *o, bool init)
{
	if (!init)
		o->base = 0xfee00800 | (o->config.bsp ? 0x100 : 0);
	oracle_clear(o, init);
}

/* 11.4.4, 11.12.1, 11.12.5. */
static inline bool oracle_set_base(struct oracle *o, u64 base, bool host)
{
	int from = o->base >> 10 & 3, to = base >> 10 & 3;

	if (base & 0x2ff || base >> 40 || to == 1 || (to == 3 && !o->config.x2apic))
		return false;
	if (!host && ((from == 0 && to == 3) || (from == 3 && to == 2)))
		return false;
	o->base = base;
	if (from == to)
		return true;
	if (to == 0)
		oracle_stop(o);
	else if (from == 0 && !host)
		oracle_clear(o, false);
	else
		oracle_set_ids(o), o->icr2 = 0;
	return true;
}

static inline u32 oracle_bank(const bool *bank, u32 offset)
{
	u32 bits = 0;
	int i;

	for (i = 0; i < 32; i++)
		bits |= (u32)bank[(offset / 16 & 7) * 32 + i] << i;
	return bits;
}

/* What a read of a register gives; -1 where there is none to read. In the page, or by MSR. */
static inline s64 oracle_read(struct oracle *o, u32 offset, bool msr)
{
	switch (offset) {
	case LAPIC_ID:
		return o->id;
	case LAPIC_VERSION:
		return 0x14 | (o->config.cmci ? 6 : 5) << 16 | o->config.eoi_suppress << 24;
	case LAPIC_TPR:
		return o->tpr;
	case LAPIC_APR:
		return msr ? -1 : (s64)oracle_apr(o);
	case LAPIC_PPR:
		return oracle_ppr(o);
	case LAPIC_EOI:
	case LAPIC_RRD:
		return msr ? -1 : 0;
	case LAPIC_LDR:
		return o->ldr;
	case LAPIC_DFR:
		return msr ? -1 : (s64)o->dfr;
	case LAPIC_SVR:
		return o->svr;
	case LAPIC_ISR ... LAPIC_TMR - 16:
		return oracle_bank(o->isr, offset);
	case LAPIC_TMR ... LAPIC_IRR - 16:
		return oracle_bank(o->tmr, offset);
	case LAPIC_IRR ... LAPIC_ESR - 16:
		return oracle_bank(o->irr, offset);
	case LAPIC_ESR:
		return o->esr;
	case LAPIC_CMCI:
		return o->config.cmci ? (s64)o->cmci : -1;
	case LAPIC_ICR:
		return o->icr;
	case LAPIC_ICR2:
		return msr ? -1 : (s64)o->icr2;
	case LAPIC_LVTT ... LAPIC_LVT_ERROR:
		return *oracle_lvt(o, offset);
	case LAPIC_TMICT:
		return o->tmict;
	case LAPIC_TMCCT:
		return oracle_count(o);
	case LAPIC_TDCR:
		return o->tdcr;
	}
	return -1;
}

static inline u32 oracle_lvt_bits(u32 offset)
{
	switch (offset) {
	case LAPIC_LVTT:
		return 0x700ff;
	case LAPIC_LVT_LINT0:
	case LAPIC_LVT_LINT1:
		return 0x1a7ff;
	case LAPIC_LVT_ERROR:
		return 0x100ff;
	}
	return 0x107ff;
}

static inline void oracle_set_svr(struct oracle *o, u32 value)
{
	int i;

	o->svr = value & (o->config.eoi_suppress ? 0x13ff : 0x3ff);
	if (o->svr >> 8 & 1)
		return;
	for (i = 0; i < 6; i++)
		o->lvt[i] |= 1 << 16;
	o->cmci |= o->config.cmci ? 1 << 16 : 0;
}

static inline void oracle_set_lvt(struct oracle *o, u32 offset, u32 value)
{
	value &= oracle_lvt_bits(offset);
	if (!(o->svr >> 8 & 1))
		value |= 1 << 16;
	if (offset == LAPIC_LVTT)
		oracle_set_lvtt(o, value);
	else
		*oracle_lvt(o, offset) = value;
}

/* A register that the page and the MSRs have alike. */
static inline void oracle_store(struct oracle *o, u32 offset, u32 value)
{
	switch (offset) {
	case LAPIC_TPR:
		o->tpr = value;
		break;
	case LAPIC_EOI:
		oracle_eoi(o);
		break;
	case LAPIC_SVR:
		oracle_set_svr(o, value);
		break;
	case LAPIC_ESR:
		o->esr = o->errors;
		o->errors = 0;
		break;
	case LAPIC_ICR:
		o->icr = value & ~(1u << 12);
		oracle_icr(o);
		break;
	case LAPIC_CMCI:
	case LAPIC_LVTT ... LAPIC_LVT_ERROR:
		oracle_set_lvt(o, offset, value);
		break;
	case LAPIC_TMICT:
		oracle_set_tmict(o, value);
		break;
	case LAPIC_TDCR:
		oracle_set_tdcr(o, value);
		break;
	}
}

static inline void oracle_page_write(struct oracle *o, u32 offset, u32 value)
{
	if (oracle_read(o, offset, false) < 0) {
		oracle_error(o, 7);
		return;
	}
	switch (offset) {
	case LAPIC_ID:
		o->id = value & 0xff000000;
		break;
	case LAPIC_LDR:
		o->ldr = value & 0xff000000;
		break;
	case LAPIC_DFR:
		o->dfr = value | 0x0fffffff;
		break;
	case LAPIC_ICR2:
		o->icr2 = value & 0xff000000;
		break;
	default:
		oracle_store(o, offset, value);
	}
}

/* Bits that WRMSR takes; none of them where bit 63 is the answer: #GP (table 11-6). */
static inline u64 oracle_msr_bits(const struct oracle *o, u32 offset)
{
	switch (offset) {
	case LAPIC_TPR:
	case LAPIC_SELF_IPI:
		return 0xff;
	case LAPIC_EOI:
	case LAPIC_ESR:
		return 0;
	case LAPIC_SVR:
		return o->config.eoi_suppress ? 0x13ff : 0x3ff;
	case LAPIC_ICR:
		return 0xffffffff000cdfffull;
	case LAPIC_CMCI:
		return o->config.cmci ? 0x157ff : 1ull << 63;
	case LAPIC_LVTT:
		return o->config.tsc_deadline ? 0x750ff : 0x350ff;
	case LAPIC_LVT_THERMAL ... LAPIC_LVT_ERROR:
		return oracle_lvt_bits(offset) | 0x5000;
	case LAPIC_TMICT:
		return 0xffffffff;
	case LAPIC_TDCR:
		return 11;
	}
	return 1ull << 63;
}

static inline bool oracle_msr_write(struct oracle *o, u32 offset, u64 value)
{
	u64 bits = oracle_msr_bits(o, offset);

	if (!oracle_x2(o) || bits == 1ull << 63 || value & ~bits)
		return false;
	if (offset == LAPIC_ICR)
		o->icr2 = value >> 32;
	if (offset != LAPIC_SELF_IPI)
		oracle_store(o, offset, value);
	else if (value < 16)
		oracle_error(o, 5);
	else
		oracle_vector(o, value, false);
	return true;
}

#endif
