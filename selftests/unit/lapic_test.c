// SPDX-License-Identifier: GPL-2.0-only
/* The local APIC against the rules of SDM 3, chapter 11, one test per rule. */

#include <pthread.h>
#include <sched.h>

#include "lapic_world.h"

static void setup_x2apic(u32 id)
{
	power_up(id);
	ck_assert(lapic_set_base(&lapic, X2APIC, false));
	ck_assert(lapic_msr_write(&lapic, 0x80f, 0x1ff));
	changes = 0;
}

static bool wrmsr(u32 offset, u64 value)
{
	return lapic_msr_write(&lapic, 0x800 + (offset >> 4), value);
}

static bool in_bank(u32 bank, u8 vector)
{
	return lapic_read(&lapic, bank + (vector >> 5) * 16) >> (vector & 31) & 1;
}

/* SDM 3, 11.4.7.1. */
START_TEST(power_up_state)
{
	u32 lvt;

	power_up(3);
	ck_assert_uint_eq(lapic.base, ENABLE | LAPIC_BASE_BSP);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_ID), 3 << 24);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_VERSION), 0x50014);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_TPR), 0);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_LDR), 0);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_DFR), 0xffffffff);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_SVR), 0xff);
	for (lvt = LAPIC_LVTT; lvt <= LAPIC_LVT_ERROR; lvt += 16)
		ck_assert_uint_eq(lapic_read(&lapic, lvt), LAPIC_LVT_MASKED);
	ck_assert_int_eq(lapic_pending(&lapic), -1);
	ck_assert(!lapic_takes_extint(&lapic));
	lapic.config.virtual_wire = true;
	lapic_reset(&lapic, false);
	ck_assert(lapic_takes_extint(&lapic));
}
END_TEST

/* SDM 3, 11.4.7.3, 11.12.5.1. */
START_TEST(init_keeps_id_and_mode)
{
	setup_x2apic(300);
	lapic_post(&lapic, 0x40, false);
	lapic_reset(&lapic, true);
	ck_assert(lapic_x2apic(&lapic));
	ck_assert_uint_eq(lapic_get(&lapic, LAPIC_ID), 300);
	ck_assert_uint_eq(lapic_get(&lapic, LAPIC_SVR), 0xff);
	ck_assert_int_eq(lapic_pending(&lapic), -1);
	lapic_reset(&lapic, false);
	ck_assert(!lapic_x2apic(&lapic));
}
END_TEST

/* SDM 3, 11.4.7.3. */
START_TEST(init_keeps_a_written_id)
{
	setup();
	lapic_write(&lapic, LAPIC_ID, 9 << 24);
	lapic_write(&lapic, LAPIC_LDR, 0x24 << 24);
	lapic_write(&lapic, LAPIC_TPR, 0x20);
	lapic_reset(&lapic, true);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_ID), 9 << 24);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_LDR), 0);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_TPR), 0);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_SVR), 0xff);
	lapic_reset(&lapic, false);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_ID), 3 << 24);
}
END_TEST

static bool init_done;
static pthread_barrier_t init_begins;

static void *look_for_it(void *arg)
{
	struct apic_msg msg = { .dest = 3, .mode = APIC_SIPI, .assert = true };

	pthread_barrier_wait(&init_begins);
	while (!__atomic_load_n(&init_done, __ATOMIC_ACQUIRE))
		ck_assert(lapic_match(&lapic, &msg));
	return NULL;
}

/* SDM 3, 11.4.7.3: the id is not affected. */
START_TEST(start_up_ipi_finds_the_apic_during_init)
{
	pthread_t thread;
	int i;

	setup();
	init_done = false;
	ck_assert_int_eq(pthread_barrier_init(&init_begins, NULL, 2), 0);
	pthread_create(&thread, NULL, look_for_it, NULL);
	pthread_barrier_wait(&init_begins);
	for (i = 0; i < 200000; i++)
		lapic_reset(&lapic, true);
	__atomic_store_n(&init_done, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
}
END_TEST

/* SDM 3, 11.5.1. */
START_TEST(cmci_entry)
{
	power_up(3);
	lapic.config.cmci = true;
	lapic_reset(&lapic, false);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_VERSION), 0x60014);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_CMCI), LAPIC_LVT_MASKED);
	lapic_write(&lapic, LAPIC_SVR, 0x1ff);
	lapic_write(&lapic, LAPIC_CMCI, 0xf7);
	ck_assert(lapic_local(&lapic, LAPIC_CMCI));
	ck_assert_int_eq(lapic_ack(&lapic), 0xf7);
	lapic_write(&lapic, LAPIC_SVR, 0xff);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_CMCI), LAPIC_LVT_MASKED | 0xf7);
}
END_TEST

/* SDM 3, 11.4.4. */
START_TEST(only_the_bsp_says_so)
{
	power_up(3);
	lapic.config.bsp = false;
	lapic.config.virtual_wire = true;
	lapic_reset(&lapic, false);
	ck_assert_uint_eq(lapic.base, ENABLE);
	ck_assert(!lapic_takes_extint(&lapic));
}
END_TEST

/* SDM 3, 11.8.4, 11.8.5. */
START_TEST(accept_ack_eoi)
{
	setup();
	ck_assert(lapic_post(&lapic, 0x51, false));
	ck_assert(!lapic_post(&lapic, 0x51, false));
	ck_assert_int_eq(wakes, 1);
	ck_assert(in_bank(LAPIC_IRR, 0x51));
	ck_assert_int_eq(lapic_pending(&lapic), 0x51);
	ck_assert_int_eq(lapic_ack(&lapic), 0x51);
	ck_assert(!in_bank(LAPIC_IRR, 0x51));
	ck_assert(in_bank(LAPIC_ISR, 0x51));
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_PPR), 0x50);
	ck_assert(lapic_post(&lapic, 0x51, false));
	ck_assert_int_eq(lapic_pending(&lapic), -1);
	wakes = 0;
	lapic_write(&lapic, LAPIC_EOI, 0);
	ck_assert_int_eq(wakes, 1);
	ck_assert(!in_bank(LAPIC_ISR, 0x51));
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_PPR), 0);
	ck_assert_int_eq(lapic_ack(&lapic), 0x51);
	ck_assert_int_eq(lapic_ack(&lapic), -1);
	ck_assert_int_eq(eois, 0);
}
END_TEST

#define POSTS 20000

struct poster {
	pthread_t thread;
	u8 vector;
	bool done;
};

/* One vector after the other: had one been lost, it would wait for ever. */
static void *post_and_wait(void *arg)
{
	struct poster *poster = arg;
	u32 bit = BIT(poster->vector & 31);
	u32 irr = LAPIC_IRR + (poster->vector >> 5) * 16;
	int i;

	for (i = 0; i < POSTS; i++) {
		ck_assert(lapic_post(&lapic, poster->vector, i & 1));
		while (lapic_get(&lapic, irr) & bit)
			sched_yield();
	}
	__atomic_store_n(&poster->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* What other CPUs post is neither lost nor taken twice while the owner takes interrupts. */
START_TEST(posts_from_other_cpus)
{
	struct poster posters[2] = { { .vector = 0x31 }, { .vector = 0xe2 } };
	int i, idle = 0, taken = 0;

	setup();
	for (i = 0; i < 2; i++)
		pthread_create(&posters[i].thread, NULL, post_and_wait, &posters[i]);
	for (;;) {
		if (lapic_ack(&lapic) >= 0) {
			taken++;
			lapic_eoi(&lapic);
		} else if (++idle % 64 == 0) {
			if (__atomic_load_n(&posters[0].done, __ATOMIC_ACQUIRE) &&
			    __atomic_load_n(&posters[1].done, __ATOMIC_ACQUIRE))
				break;
			sched_yield();
		}
	}
	for (i = 0; i < 2; i++)
		pthread_join(posters[i].thread, NULL);
	ck_assert_int_eq(taken, 2 * POSTS);
	ck_assert(!lapic.irr_pending);
}
END_TEST

/* SDM 3, 11.8.3. */
START_TEST(nesting_by_class)
{
	setup();
	lapic_post(&lapic, 0x45, false);
	ck_assert_int_eq(lapic_ack(&lapic), 0x45);
	/* The same class waits, however high in it. */
	lapic_post(&lapic, 0x4f, false);
	ck_assert_int_eq(lapic_pending(&lapic), -1);
	lapic_post(&lapic, 0x50, false);
	lapic_post(&lapic, 0xe0, false);
	ck_assert_int_eq(lapic_ack(&lapic), 0xe0);
	lapic_eoi(&lapic);
	ck_assert_int_eq(lapic_ack(&lapic), 0x50);
	lapic_eoi(&lapic);
	ck_assert_int_eq(lapic.isr_top, 0x45);
	ck_assert_int_eq(lapic_pending(&lapic), -1);
	lapic_eoi(&lapic);
	ck_assert_int_eq(lapic_ack(&lapic), 0x4f);
	lapic_eoi(&lapic);
	lapic_eoi(&lapic);
	ck_assert_int_eq(lapic.isr_count, 0);
}
END_TEST

/* SDM 3, 11.8.3.1, 11.8.6.1. */
START_TEST(task_priority)
{
	setup();
	lapic_post(&lapic, 0x62, false);
	lapic_write(&lapic, LAPIC_TPR, 0x60);
	ck_assert_int_eq(lapic_pending(&lapic), -1);
	wakes = 0;
	lapic_write(&lapic, LAPIC_TPR, 0x5f);
	ck_assert_int_eq(wakes, 1);
	ck_assert_int_eq(lapic_pending(&lapic), 0x62);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_PPR), 0x5f);
	lapic_ack(&lapic);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_PPR), 0x60);
	lapic_post(&lapic, 0xa1, false);
	lapic_tpr_moved(&lapic, 0xa0);
	ck_assert_int_eq(lapic_pending(&lapic), -1);
	wakes = 0;
	lapic_tpr_moved(&lapic, 0x9f);
	ck_assert_int_eq(wakes, 1);
	ck_assert_int_eq(lapic_pending(&lapic), 0xa1);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_TPR), 0x9f);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_PPR), 0x9f);
	lapic_write(&lapic, LAPIC_TPR, 0xa7);
	ck_assert_uint_eq(lapic_cr8(&lapic), 0xa);
}
END_TEST

/* SDM 3, 11.6.2.4. */
START_TEST(arbitration_priority)
{
	setup();
	lapic_write(&lapic, LAPIC_TPR, 0x43);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_APR), 0x43);
	lapic_post(&lapic, 0x61, false);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_APR), 0x60);
	lapic_ack(&lapic);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_APR), 0x60);
	lapic_eoi(&lapic);
	lapic_post(&lapic, 0x41, false);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_APR), 0x43);
}
END_TEST

/* SDM 3, 11.8.4, 11.8.5. */
START_TEST(level_and_eoi_broadcast)
{
	unsigned long watch[4] = { 0 };

	setup();
	lapic_post(&lapic, 0x51, true);
	ck_assert(in_bank(LAPIC_TMR, 0x51));
	lapic_ack(&lapic);
	lapic_eoi(&lapic);
	ck_assert_int_eq(eois, 1);
	ck_assert(eoi_level && eoi_vector == 0x51);
	/* The next acceptance decides anew. */
	lapic_post(&lapic, 0x51, false);
	ck_assert(!in_bank(LAPIC_TMR, 0x51));
	lapic_ack(&lapic);
	lapic_eoi(&lapic);
	ck_assert_int_eq(eois, 1);
	set_bit(0x51, watch);
	lapic.eoi_watch = watch;
	lapic_post(&lapic, 0x51, false);
	lapic_ack(&lapic);
	lapic_eoi(&lapic);
	ck_assert_int_eq(eois, 2);
	ck_assert(!eoi_level);
}
END_TEST

/* SDM 3, 11.8.5, 11.9. */
START_TEST(eoi_broadcast_suppression)
{
	setup();
	lapic_write(&lapic, LAPIC_SVR, 0x11ff);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_SVR), 0x1ff);
	lapic.config.eoi_suppress = true;
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_VERSION), 0x1050014);
	lapic_write(&lapic, LAPIC_SVR, 0x11ff);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_SVR), 0x11ff);
	lapic_post(&lapic, 0x51, true);
	lapic_ack(&lapic);
	lapic_eoi(&lapic);
	ck_assert_int_eq(eois, 0);
}
END_TEST

/* SDM 3, 11.4.7.2. */
START_TEST(software_disable)
{
	struct apic_msg msg = { .vector = 0x60, .mode = APIC_FIXED, .assert = true };

	setup();
	lapic_write(&lapic, LAPIC_LVTT, 0x40);
	lapic_post(&lapic, 0x50, false);
	lapic_write(&lapic, LAPIC_SVR, 0xff);
	ck_assert_int_eq(changes, 1);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_LVTT), LAPIC_LVT_MASKED | 0x40);
	/* An attempt to unmask is ignored. */
	lapic_write(&lapic, LAPIC_LVTT, 0x40);
	lapic_write(&lapic, LAPIC_LVT_LINT0, 0x700);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_LVTT), LAPIC_LVT_MASKED | 0x40);
	ck_assert(!lapic_takes_extint(&lapic));
	/* No new vectors, but the old ones stay, and NMI and INIT come through. */
	ck_assert(!lapic_accept(&lapic, &msg));
	ck_assert_int_eq(lapic_pending(&lapic), 0x50);
	msg.mode = APIC_NMI;
	ck_assert(lapic_accept(&lapic, &msg));
	ck_assert_int_eq(signal_mode, APIC_NMI);
	lapic_write(&lapic, LAPIC_ICR, 0x4500);
	ck_assert_int_eq(sends, 1);
}
END_TEST

/* SDM 3, 11.4.3. */
START_TEST(globally_disabled)
{
	struct apic_msg msg = { .vector = 0x60, .mode = APIC_INIT, .assert = true };

	setup();
	ck_assert(lapic_set_base(&lapic, DISABLED, false));
	ck_assert(!lapic_mmio_hit(&lapic, LAPIC_DEFAULT_BASE));
	ck_assert(!lapic_accept(&lapic, &msg));
	ck_assert(!lapic_match(&lapic, &msg));
	ck_assert(lapic_takes_extint(&lapic));
	ck_assert(!lapic_local(&lapic, LAPIC_LVT_LINT0));
	lapic_set_tsc_deadline(&lapic, 1);
	lapic_post(&lapic, 0x60, false);
	ck_assert_int_eq(lapic_pending(&lapic), -1);
	/* Enabled again, it is as after power-up. */
	lapic_put(&lapic, LAPIC_TPR, 0x20);
	ck_assert(lapic_set_base(&lapic, ENABLE, false));
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_TPR), 0);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_SVR), 0xff);
}
END_TEST

/* SDM 3, 11.12.5, figure 11-27. */
START_TEST(base_transitions)
{
	static const struct {
		u64 from, to;
		bool guest, host;
	} moves[] = {
		{ DISABLED, ENABLE, true, true }, { DISABLED, X2APIC, false, true },
		{ ENABLE, X2APIC, true, true },	  { ENABLE, DISABLED, true, true },
		{ X2APIC, DISABLED, true, true }, { X2APIC, ENABLE, false, true },
		{ X2APIC, X2APIC, true, true },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(moves); i++) {
		power_up(3);
		lapic_set_base(&lapic, moves[i].from, true);
		ck_assert_int_eq(lapic_set_base(&lapic, moves[i].to, false), moves[i].guest);
		ck_assert_uint_eq(lapic.base, moves[i].guest ? moves[i].to : moves[i].from);
		lapic_set_base(&lapic, moves[i].from, true);
		ck_assert_int_eq(lapic_set_base(&lapic, moves[i].to, true), moves[i].host);
	}
}
END_TEST

/* SDM 3, 11.4.4, 11.12.1. */
START_TEST(base_reserved_bits)
{
	int bit;

	power_up(3);
	for (bit = 0; bit < 64; bit++) {
		bool reserved = bit < 8 || bit == 9 || bit >= 40;

		if (bit >= 8 && bit != 9 && bit <= 11)
			continue;
		ck_assert_int_eq(lapic_set_base(&lapic, ENABLE ^ 1ull << bit, false), !reserved);
		ck_assert_int_eq(lapic_set_base(&lapic, ENABLE ^ 1ull << bit, true), !reserved);
		ck_assert(lapic_set_base(&lapic, ENABLE, false));
	}
	/* x2APIC without xAPIC never; and not where CPUID does not offer it. */
	ck_assert(!lapic_set_base(&lapic, DISABLED | LAPIC_BASE_X2APIC, true));
	lapic.config.x2apic = false;
	ck_assert(!lapic_set_base(&lapic, X2APIC, true));
}
END_TEST

/* SDM 3, 11.4.5. */
START_TEST(page_moves_with_the_base)
{
	setup();
	ck_assert(lapic_mmio_hit(&lapic, 0xfee00fff));
	ck_assert(!lapic_mmio_hit(&lapic, 0xfee01000));
	ck_assert(lapic_set_base(&lapic, 0x12345000 | LAPIC_BASE_ENABLE, false));
	ck_assert(lapic_mmio_hit(&lapic, 0x12345080));
	ck_assert(!lapic_mmio_hit(&lapic, 0xfee00080));
	ck_assert(!lapic_mmio_hit(&lapic, 0x112345080));
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_SVR), 0x1ff);
}
END_TEST

/* SDM 3, 11.12.5.1, 11.12.10.2. */
START_TEST(x2apic_ids)
{
	setup_x2apic(0x123);
	ck_assert_uint_eq(lapic_get(&lapic, LAPIC_ID), 0x123);
	ck_assert_uint_eq(lapic_get(&lapic, LAPIC_LDR), 0x12 << 16 | 1 << 3);
	ck_assert(!wrmsr(LAPIC_ID, 5));
	ck_assert(!wrmsr(LAPIC_LDR, 5));
}
END_TEST

/* SDM 3, table 11-6: What each register lets RDMSR and WRMSR do: SDM 3, table 11-6. */
START_TEST(x2apic_access_rules)
{
	u64 value;
	u32 reg;

	setup_x2apic(3);
	for (reg = 0; reg < 0x100; reg++) {
		u32 offset = reg << 4;
		bool bank = reg >= 0x10 && reg < 0x28;
		bool lvt = reg >= 0x32 && reg <= 0x37;
		bool r = bank || lvt || reg == 2 || reg == 3 || reg == 8 || reg == 0xa ||
			 reg == 0xd || reg == 0xf || reg == 0x28 || reg == 0x30 || reg == 0x38 ||
			 reg == 0x39 || reg == 0x3e;
		bool w = lvt || reg == 8 || reg == 0xb || reg == 0xf || reg == 0x28 ||
			 reg == 0x30 || reg == 0x38 || reg == 0x3e || reg == 0x3f;

		ck_assert_msg(lapic_msr_read(&lapic, 0x800 + reg, &value) == r, "read %x", reg);
		ck_assert_msg(wrmsr(offset, 0) == w, "write %x", reg);
	}
	ck_assert(!lapic_msr_read(&lapic, 0x7ff, &value));
	ck_assert(!lapic_msr_read(&lapic, 0, &value));
	/* CMCI only where there is one. */
	lapic.config.cmci = true;
	ck_assert(wrmsr(LAPIC_CMCI, 0));
}
END_TEST

/* SDM 3, 11.12.1.3. */
START_TEST(x2apic_reserved_bits)
{
	static const struct {
		u32 offset;
		u64 valid;
	} regs[] = {
		{ LAPIC_TPR, 0xff },
		{ LAPIC_EOI, 0 },
		{ LAPIC_ESR, 0 },
		{ LAPIC_SVR, 0x3ff },
		{ LAPIC_ICR, ~0xfff32000ull },
		{ LAPIC_LVTT, 0x750ff },
		{ LAPIC_LVT_THERMAL, 0x157ff },
		{ LAPIC_LVT_PERF, 0x157ff },
		{ LAPIC_LVT_LINT0, 0x1f7ff },
		{ LAPIC_LVT_LINT1, 0x1f7ff },
		{ LAPIC_LVT_ERROR, 0x150ff },
		{ LAPIC_TMICT, 0xffffffff },
		{ LAPIC_TDCR, 0xb },
		{ LAPIC_SELF_IPI, 0xff },
	};
	size_t i;
	int bit;

	setup_x2apic(3);
	for (i = 0; i < ARRAY_SIZE(regs); i++) {
		for (bit = 0; bit < 64; bit++)
			ck_assert_msg(wrmsr(regs[i].offset, 1ull << bit) ==
					      (regs[i].valid >> bit & 1),
				      "register %x bit %d", regs[i].offset, bit);
	}
	/* A feature's bit is reserved where the feature is not there. */
	lapic.config.eoi_suppress = true;
	ck_assert(wrmsr(LAPIC_SVR, 0x11ff));
	ck_assert(wrmsr(LAPIC_LVTT, 0x400ec));
	lapic.config.tsc_deadline = false;
	ck_assert(!wrmsr(LAPIC_LVTT, 0x400ec));
	ck_assert(wrmsr(LAPIC_LVTT, 0x200ec));
}
END_TEST

/* SDM 3, 11.12.2. */
START_TEST(msrs_fault_in_xapic_mode)
{
	u64 value;

	setup();
	ck_assert(!lapic_msr_read(&lapic, 0x802, &value));
	ck_assert(!wrmsr(LAPIC_TPR, 0));
	setup_x2apic(3);
	ck_assert(!lapic_mmio_hit(&lapic, LAPIC_DEFAULT_BASE));
}
END_TEST

/* SDM 3, 11.12.9. */
START_TEST(x2apic_icr_is_64_bits)
{
	u64 value;

	setup_x2apic(3);
	ck_assert(wrmsr(LAPIC_ICR, 0x1234567800004041));
	ck_assert_int_eq(sends, 1);
	ck_assert_uint_eq(sent.dest, 0x12345678);
	ck_assert_uint_eq(sent.vector, 0x41);
	ck_assert(lapic_msr_read(&lapic, 0x830, &value));
	ck_assert_uint_eq(value, 0x1234567800004041);
	ck_assert(!lapic_msr_read(&lapic, 0x831, &value));
	/* 255 is an ordinary id here. */
	ck_assert(wrmsr(LAPIC_ICR, 0xffull << 32 | 0x4041));
	ck_assert_uint_eq(sent.dest, 0xff);
	/* Idle always, though software may write the status. */
	ck_assert(wrmsr(LAPIC_ICR, 0x5041));
	lapic_msr_read(&lapic, 0x830, &value);
	ck_assert_uint_eq(value, 0x4041);
}
END_TEST

/* SDM 3, 11.6.1, 11.12.11. */
START_TEST(self_ipi)
{
	setup_x2apic(3);
	ck_assert(wrmsr(LAPIC_SELF_IPI, 0x77));
	ck_assert_int_eq(lapic_ack(&lapic), 0x77);
	ck_assert_int_eq(sends, 0);
	setup();
	lapic_write(&lapic, LAPIC_ICR, APIC_TO_SELF << 18 | 0x4078);
	ck_assert_int_eq(lapic_ack(&lapic), 0x78);
	ck_assert_int_eq(sends, 0);
}
END_TEST

/* SDM 3, 11.6.1. */
START_TEST(icr_fields)
{
	setup();
	lapic_write(&lapic, LAPIC_ICR2, 0x05ffffff);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_ICR2), 0x05000000);
	lapic_write(&lapic, LAPIC_ICR, 0x5841);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_ICR), 0x4841);
	ck_assert_uint_eq(sent.dest, 5);
	ck_assert(sent.logical);
	/* The trigger mode is ignored, except with INIT. */
	lapic_write(&lapic, LAPIC_ICR, 0x8041);
	ck_assert(!sent.level && sent.assert);
	lapic_write(&lapic, LAPIC_ICR, 0x8500);
	ck_assert(sent.mode == APIC_INIT && sent.level && !sent.assert);
	lapic_write(&lapic, LAPIC_ICR2, 0xff000000);
	lapic_write(&lapic, LAPIC_ICR, APIC_TO_OTHERS << 18 | 0x4612);
	ck_assert_uint_eq(sent.dest, APIC_DEST_ALL);
	ck_assert_uint_eq(sent.shorthand, APIC_TO_OTHERS);
	ck_assert(sent.mode == APIC_SIPI && sent.vector == 0x12);
	/* Reserved delivery modes go nowhere. */
	sends = 0;
	lapic_write(&lapic, LAPIC_ICR, 0x4300);
	lapic_write(&lapic, LAPIC_ICR, 0x4700);
	ck_assert_int_eq(sends, 0);
}
END_TEST

/* SDM 3, 11.6.1, 11.8.2. */
START_TEST(messages)
{
	struct apic_msg msg = { .vector = 0x9a, .mode = APIC_SIPI, .assert = true };

	setup();
	ck_assert(lapic_accept(&lapic, &msg));
	ck_assert(signal_mode == APIC_SIPI && signal_vector == 0x9a);
	msg.mode = APIC_INIT;
	msg.level = true;
	msg.assert = false;
	signals = 0;
	ck_assert(lapic_accept(&lapic, &msg));
	ck_assert_int_eq(signals, 0);
	msg.assert = true;
	ck_assert(lapic_accept(&lapic, &msg));
	ck_assert_int_eq(signals, 1);
	/* Edge triggered there is no de-assertion. */
	msg.level = false;
	msg.assert = false;
	ck_assert(lapic_accept(&lapic, &msg));
	ck_assert_int_eq(signals, 2);
	msg.mode = APIC_LOWEST;
	msg.level = true;
	ck_assert(lapic_accept(&lapic, &msg));
	ck_assert(in_bank(LAPIC_TMR, 0x9a));
	msg.mode = APIC_EXTINT;
	ck_assert(!lapic_accept(&lapic, &msg));
}
END_TEST

static bool matches(u32 dest, bool logical)
{
	struct apic_msg msg = { .dest = dest, .logical = logical };

	return lapic_match(&lapic, &msg);
}

/* SDM 3, 11.6.2.1, 11.6.2.2. */
START_TEST(destinations_xapic)
{
	setup();
	ck_assert(matches(3, false));
	ck_assert(!matches(4, false) && !matches(0x103, false));
	ck_assert(matches(APIC_DEST_ALL, false) && matches(APIC_DEST_ALL, true));
	ck_assert(!matches(0xfe, true));
	lapic_write(&lapic, LAPIC_LDR, 0x24ffffff);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_LDR), 0x24000000);
	ck_assert_int_eq(changes, 1);
	/* Flat: any common bit. */
	ck_assert(matches(0x04, true) && matches(0xe0, true));
	ck_assert(!matches(0x5b & ~0x24, true) && !matches(0x400, true));
	/* Cluster: the same high nibble and a common low bit. */
	lapic_write(&lapic, LAPIC_DFR, 0);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_DFR), 0x0fffffff);
	ck_assert(matches(0x24, true) && matches(0x2f, true));
	ck_assert(!matches(0x34, true) && !matches(0x2b, true));
	/* Other models are reserved: nobody is named. */
	lapic_write(&lapic, LAPIC_DFR, 0x10000000);
	ck_assert(!matches(0x24, true) && matches(APIC_DEST_ALL, true));
	/* The id can be written. */
	lapic_write(&lapic, LAPIC_ID, 0x09000000);
	ck_assert(matches(9, false) && !matches(3, false));
}
END_TEST

/* More than 255 processors start in xAPIC mode: those with wide ids are found by them. */
START_TEST(destinations_of_a_wide_id_in_xapic_mode)
{
	power_up(0x123);
	ck_assert(matches(0x123, false));
	ck_assert(!matches(0x23, false));
	power_up(0x23);
	ck_assert(matches(0x23, false));
	ck_assert(!matches(0x123, false));
}
END_TEST

/* SDM 3, 11.12.10. */
START_TEST(destinations_x2apic)
{
	setup_x2apic(0x123);
	ck_assert(matches(0x123, false) && !matches(0x23, false));
	ck_assert(matches(0x12 << 16 | 0x8, true) && matches(0x12 << 16 | 0xffff, true));
	ck_assert(!matches(0x12 << 16 | 0xfff7, true) && !matches(0x13 << 16 | 0x8, true));
	ck_assert(matches(APIC_DEST_ALL, true));
}
END_TEST

/* SDM 3, 11.5.3. */
START_TEST(errors)
{
	struct apic_msg msg = { .vector = 15, .mode = APIC_FIXED, .assert = true };

	setup();
	lapic_write(&lapic, LAPIC_LVT_ERROR, 0xe1);
	lapic_write(&lapic, LAPIC_ICR, 0x400f);
	ck_assert_int_eq(sends, 0);
	ck_assert_int_eq(lapic_ack(&lapic), 0xe1);
	lapic_eoi(&lapic);
	/* Seen after a write; one interrupt until then. */
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_ESR), 0);
	lapic_accept(&lapic, &msg);
	ck_assert_int_eq(lapic_pending(&lapic), -1);
	lapic_write(&lapic, LAPIC_ESR, 0xffffffff);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_ESR),
			  BIT(LAPIC_ERR_SEND_VECTOR) | BIT(LAPIC_ERR_RECV_VECTOR));
	lapic_write(&lapic, LAPIC_ESR, 0);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_ESR), 0);
	lapic_read(&lapic, 0x40);
	ck_assert_int_eq(lapic_ack(&lapic), 0xe1);
	lapic_write(&lapic, LAPIC_ESR, 0);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_ESR), BIT(LAPIC_ERR_REGISTER));
	/* An error interrupt with an illegal vector is an error, but not for ever. */
	lapic_write(&lapic, LAPIC_LVT_ERROR, 0x05);
	lapic_write(&lapic, LAPIC_ESR, 0);
	lapic_write(&lapic, 0x3f0, 0);
	lapic_write(&lapic, LAPIC_ESR, 0);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_ESR),
			  BIT(LAPIC_ERR_REGISTER) | BIT(LAPIC_ERR_RECV_VECTOR));
}
END_TEST

/* SDM 3, table 11-1, 11.5.3: Which offsets are registers in xAPIC mode: SDM 3, table 11-1. */
START_TEST(illegal_registers)
{
	u32 offset;

	setup();
	for (offset = 0; offset < LAPIC_PAGE_SIZE; offset += 16) {
		u32 reg = offset >> 4;
		bool there = reg == 2 || reg == 3 || (reg >= 8 && reg <= 0x28) ||
			     (reg >= 0x30 && reg <= 0x39) || reg == 0x3e;

		lapic_write(&lapic, LAPIC_ESR, 0);
		lapic_read(&lapic, offset);
		lapic_write(&lapic, LAPIC_ESR, 0);
		ck_assert_msg((lapic_read(&lapic, LAPIC_ESR) == 0) == there, "read %x", offset);
		lapic_write(&lapic, offset, lapic_read(&lapic, offset) & ~0xff);
		lapic_write(&lapic, LAPIC_ESR, 0);
		ck_assert_msg((lapic_read(&lapic, LAPIC_ESR) & BIT(LAPIC_ERR_REGISTER)) ==
				      (there ? 0 : BIT(LAPIC_ERR_REGISTER)),
			      "write %x", offset);
	}
}
END_TEST

/* SDM 3, 11.4.1. */
START_TEST(access_sizes)
{
	u8 data[8];
	u32 value = 0x30;

	setup();
	lapic_mmio_read(&lapic, LAPIC_ID, data, 4);
	ck_assert_uint_eq(data[3], 3);
	lapic_mmio_read(&lapic, LAPIC_ID + 3, data, 1);
	ck_assert_uint_eq(data[0], 3);
	memset(data, 0xff, sizeof(data));
	lapic_mmio_read(&lapic, LAPIC_ID + 2, data, 8);
	ck_assert_uint_eq(data[1], 3);
	ck_assert_uint_eq(data[0] | data[2] | data[7], 0);
	memset(data, 0xff, sizeof(data));
	lapic_mmio_read(&lapic, LAPIC_ID + 8, data, 4);
	ck_assert_uint_eq(data[0] | data[3], 0);
	/* Only aligned 32-bit stores count. */
	lapic_mmio_write(&lapic, LAPIC_TPR, &value, 1);
	lapic_mmio_write(&lapic, LAPIC_TPR, &value, 2);
	lapic_mmio_write(&lapic, LAPIC_TPR + 4, &value, 4);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_TPR), 0);
	lapic_mmio_write(&lapic, LAPIC_TPR, &value, 4);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_TPR), 0x30);
	for (value = 0; value < LAPIC_PAGE_SIZE; value++)
		lapic_mmio_read(&lapic, value, data, 8);
}
END_TEST

/* SDM 3, 11.5.1. */
START_TEST(lvt_modes)
{
	setup();
	lapic_write(&lapic, LAPIC_LVT_LINT1, 0x400);
	ck_assert(lapic_local(&lapic, LAPIC_LVT_LINT1));
	ck_assert_int_eq(signal_mode, APIC_NMI);
	wakes = 0;
	lapic_write(&lapic, LAPIC_LVT_LINT0, 0x700);
	ck_assert(lapic_takes_extint(&lapic));
	/* The PIC may have been asking before anybody listened. */
	ck_assert_int_eq(wakes, 1);
	wakes = 0;
	ck_assert(lapic_local(&lapic, LAPIC_LVT_LINT0));
	ck_assert_int_eq(wakes, 1);
	lapic_write(&lapic, LAPIC_LVT_LINT0, 0x10700);
	ck_assert(!lapic_takes_extint(&lapic) && !lapic_local(&lapic, LAPIC_LVT_LINT0));
	lapic_write(&lapic, LAPIC_LVT_LINT0, 0x61);
	ck_assert(lapic_local(&lapic, LAPIC_LVT_LINT0));
	ck_assert_int_eq(lapic_ack(&lapic), 0x61);
	/* The performance counters' entry masks itself. */
	lapic_write(&lapic, LAPIC_LVT_PERF, 0x400);
	ck_assert(lapic_local(&lapic, LAPIC_LVT_PERF));
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_LVT_PERF), 0x10400);
	ck_assert(!lapic_local(&lapic, LAPIC_LVT_PERF));
	/* INIT comes through a pin, ExtINT through LINT1 too. */
	lapic_write(&lapic, LAPIC_LVT_LINT1, 0x500);
	ck_assert(lapic_local(&lapic, LAPIC_LVT_LINT1));
	ck_assert_int_eq(signal_mode, APIC_INIT);
	lapic_write(&lapic, LAPIC_LVT_LINT1, 0x700);
	ck_assert(lapic_local(&lapic, LAPIC_LVT_LINT1));
	/* Reserved modes do nothing. */
	lapic_write(&lapic, LAPIC_LVT_LINT1, 0x161);
	ck_assert(!lapic_local(&lapic, LAPIC_LVT_LINT1));
	ck_assert_int_eq(lapic_pending(&lapic), -1);
}
END_TEST

/* SDM 3, 11.5.1, "Delivery Mode". */
START_TEST(lvt_modes_of_the_pins_only)
{
	static const u32 lvts[] = { LAPIC_LVT_THERMAL, LAPIC_LVT_PERF };
	size_t i;

	setup();
	for (i = 0; i < ARRAY_SIZE(lvts); i++) {
		lapic_write(&lapic, lvts[i], APIC_INIT << 8);
		ck_assert(!lapic_local(&lapic, lvts[i]));
		lapic_write(&lapic, lvts[i], APIC_EXTINT << 8);
		ck_assert(!lapic_local(&lapic, lvts[i]));
		ck_assert_int_eq(signals, 0);
		lapic_write(&lapic, lvts[i], APIC_SMI << 8);
		ck_assert(lapic_local(&lapic, lvts[i]));
		ck_assert_int_eq(signal_mode, APIC_SMI);
		signals = 0;
	}
}
END_TEST

START_TEST(state_of_the_timer)
{
	struct kvm_lapic_state saved;

	/* A periodic timer that was saved between its end and its next beginning. */
	setup();
	lapic_write(&lapic, LAPIC_TDCR, 0xb);
	lapic_write(&lapic, LAPIC_LVTT, LAPIC_LVT_PERIODIC | 0xec);
	lapic_write(&lapic, LAPIC_TMICT, 1000);
	lapic_get_state(&lapic, &saved, false);
	memset(saved.regs + LAPIC_TMCCT, 0, 4);
	ck_assert_int_eq(lapic_set_state(&lapic, &saved, false), 0);
	ck_assert_uint_eq(armed, now + 1000);
	/* An expired one-shot stays so, and a deadline has no count. */
	lapic_write(&lapic, LAPIC_LVTT, 0xec);
	lapic_get_state(&lapic, &saved, false);
	memset(saved.regs + LAPIC_TMCCT, 0, 4);
	ck_assert_int_eq(lapic_set_state(&lapic, &saved, false), 0);
	ck_assert_uint_eq(armed, NEVER);
	lapic_write(&lapic, LAPIC_LVTT, LAPIC_LVT_TSC_DEADLINE | 0xec);
	lapic_get_state(&lapic, &saved, false);
	memset(saved.regs + LAPIC_TMICT, 0x11, 4);
	memset(saved.regs + LAPIC_TMCCT, 0x11, 4);
	ck_assert_int_eq(lapic_set_state(&lapic, &saved, false), 0);
	ck_assert_uint_eq(armed, NEVER);
}
END_TEST

START_TEST(state_keeps_eoi_suppression)
{
	struct kvm_lapic_state saved;

	setup();
	lapic.config.eoi_suppress = true;
	lapic_write(&lapic, LAPIC_SVR, 0x11ff);
	lapic_get_state(&lapic, &saved, false);
	ck_assert_int_eq(lapic_set_state(&lapic, &saved, false), 0);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_SVR), 0x11ff);
	lapic.config.eoi_suppress = false;
	ck_assert_int_eq(lapic_set_state(&lapic, &saved, false), 0);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_SVR), 0x1ff);
}
END_TEST

START_TEST(state_round_trip)
{
	struct kvm_lapic_state saved, again;

	setup();
	lapic_write(&lapic, LAPIC_TDCR, 0xb);
	lapic_write(&lapic, LAPIC_LDR, 0x08000000);
	lapic_write(&lapic, LAPIC_LVTT, LAPIC_LVT_PERIODIC | 0xec);
	lapic_write(&lapic, LAPIC_TMICT, 1000);
	lapic_write(&lapic, LAPIC_TPR, 0x21);
	lapic_post(&lapic, 0x91, true);
	lapic_post(&lapic, 0x81, false);
	lapic_ack(&lapic);
	now += 300;
	lapic_get_state(&lapic, &saved, false);
	power_up(3);
	ck_assert_int_eq(lapic_set_state(&lapic, &saved, false), 0);
	ck_assert_int_eq(changes, 1);
	ck_assert_uint_eq(armed, now + 700);
	lapic_get_state(&lapic, &again, false);
	ck_assert_mem_eq(&saved, &again, sizeof(saved));
	ck_assert_int_eq(lapic.isr_top, 0x91);
	lapic_eoi(&lapic);
	ck_assert(eoi_level);
	ck_assert_int_eq(lapic_ack(&lapic), 0x81);
}
END_TEST

START_TEST(state_id_formats)
{
	struct kvm_lapic_state state;
	u32 id;

	setup_x2apic(0x42);
	lapic_get_state(&lapic, &state, false);
	memcpy(&id, state.regs + LAPIC_ID, 4);
	ck_assert_uint_eq(id, 0x42 << 24);
	ck_assert_int_eq(lapic_set_state(&lapic, &state, false), 0);
	ck_assert_int_eq(lapic_set_state(&lapic, &state, true), -EINVAL);
	lapic_get_state(&lapic, &state, true);
	memcpy(&id, state.regs + LAPIC_ID, 4);
	ck_assert_uint_eq(id, 0x42);
	ck_assert_int_eq(lapic_set_state(&lapic, &state, true), 0);
	ck_assert_uint_eq(lapic_get(&lapic, LAPIC_ID), 0x42);
	ck_assert_uint_eq(lapic_get(&lapic, LAPIC_LDR), 4 << 16 | 1 << 2);
}
END_TEST

START_TEST(hostile_state)
{
	struct kvm_lapic_state state;
	int i, vector, last = 256;

	setup();
	memset(&state, 0xff, sizeof(state));
	ck_assert_int_eq(lapic_set_state(&lapic, &state, false), 0);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_VERSION), 0x50014);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_TPR), 0xff);
	ck_assert_uint_eq(lapic_get(&lapic, 0x40), 0);
	for (i = 0; i < 300; i++)
		lapic_eoi(&lapic);
	ck_assert_int_eq(lapic.isr_count, 0);
	lapic_write(&lapic, LAPIC_TPR, 0);
	/* Everything comes once, in order; what is below 16 never. */
	for (;;) {
		vector = lapic_ack(&lapic);
		if (vector < 0)
			break;
		ck_assert_int_lt(vector, last);
		ck_assert_int_ge(vector, 16);
		last = vector;
		lapic_eoi(&lapic);
	}
	ck_assert_int_eq(last, 16);
}
END_TEST

int main(void)
{
	const struct TTest *tests[] = {
		posts_from_other_cpus,
		power_up_state,
		init_keeps_id_and_mode,
		init_keeps_a_written_id,
		start_up_ipi_finds_the_apic_during_init,
		cmci_entry,
		only_the_bsp_says_so,
		accept_ack_eoi,
		nesting_by_class,
		task_priority,
		arbitration_priority,
		level_and_eoi_broadcast,
		eoi_broadcast_suppression,
		software_disable,
		globally_disabled,
		base_transitions,
		base_reserved_bits,
		page_moves_with_the_base,
		x2apic_ids,
		x2apic_access_rules,
		x2apic_reserved_bits,
		msrs_fault_in_xapic_mode,
		x2apic_icr_is_64_bits,
		self_ipi,
		icr_fields,
		messages,
		destinations_xapic,
		destinations_of_a_wide_id_in_xapic_mode,
		destinations_x2apic,
		errors,
		illegal_registers,
		access_sizes,
		lvt_modes,
		lvt_modes_of_the_pins_only,
		state_of_the_timer,
		state_keeps_eoi_suppression,
		state_round_trip,
		state_id_formats,
		hostile_state,
	};

	return run_tests("lapic", tests, ARRAY_SIZE(tests));
}
