// SPDX-License-Identifier: GPL-2.0-only
/* The 8254 against the rules of its data sheet, one test per rule. Time is a variable. */

#include <string.h>

#include "chip_test.h"
#include "pit_world.h"

#define CONTROL	 0x43
#define LATCH(n) ((n) << 6)

static void setup(void)
{
	now = 1000000;
	armed = NEVER;
	ticks = 0;
	listening = true;
	pit_init(&pit, &ops, NULL);
}

/* Nanoseconds after which @n ticks have passed, and not yet @n + 1. */
static u64 ns(u64 n)
{
	return n * 1000000000 / PIT_HZ + 1;
}

/* Let time go by; the host's timer fires when it should. */
static void run_until(u64 end)
{
	while (armed <= end) {
		now = armed;
		armed = NEVER;
		pit_expired(&pit);
	}
	now = end;
}

static void program(int channel, u8 control, u16 count)
{
	pit_write(&pit, CONTROL, channel << 6 | control);
	if (control & 0x10)
		pit_write(&pit, PIT_PORT + channel, count);
	if (control & 0x20)
		pit_write(&pit, PIT_PORT + channel, count >> 8);
}

static u16 get_count(int channel)
{
	u16 value;

	pit_write(&pit, CONTROL, LATCH(channel));
	value = pit_read(&pit, PIT_PORT + channel);
	return value | pit_read(&pit, PIT_PORT + channel) << 8;
}

static u8 get_status(int channel)
{
	pit_write(&pit, CONTROL, 0xe0 | 2 << channel);
	return pit_read(&pit, PIT_PORT + channel);
}

static bool get_out(int channel)
{
	return get_status(channel) & 0x80;
}

/* 8254, "Mode 0". */
START_TEST(mode0_terminal_count)
{
	setup();
	program(1, 0x30, 1000);
	ck_assert(!get_out(1));
	ck_assert_uint_eq(get_count(1), 1000);
	now += ns(999);
	ck_assert(!get_out(1));
	ck_assert_uint_eq(get_count(1), 1);
	now += ns(1);
	ck_assert(get_out(1));
	ck_assert_uint_eq(get_count(1), 0);
	now += ns(10);
	ck_assert(get_out(1));
	ck_assert_uint_eq(get_count(1), 0xfff6);
}
END_TEST

/* 8254, "Mode 0": writing a new count, 1) and 2). */
START_TEST(mode0_first_byte_stops)
{
	setup();
	program(1, 0x30, 10);
	now += ns(20);
	ck_assert(get_out(1));
	pit_write(&pit, PIT_PORT + 1, 5);
	ck_assert(!get_out(1));
	now += ns(100);
	/* Counting stands still, and no new count has been written as a whole. */
	ck_assert_uint_eq(get_count(1), 0xfff6);
	ck_assert(!(get_status(1) & 0x40));
	pit_write(&pit, PIT_PORT + 1, 0);
	ck_assert_uint_eq(get_count(1), 5);
	now += ns(5);
	ck_assert(get_out(1));
	/* On channel 0 no interrupt comes of what was stopped. */
	program(0, 0x30, 10000);
	ck_assert_uint_ne(armed, NEVER);
	pit_write(&pit, PIT_PORT, 1);
	ck_assert_uint_eq(armed, NEVER);
}
END_TEST

/* 8254, "Mode 0": a count written while GATE = 0. */
START_TEST(mode0_first_byte_and_gate)
{
	setup();
	pit_write(&pit, PIT_PORT_61H, 1);
	program(2, 0x30, 1000);
	now += ns(100);
	pit_write(&pit, PIT_PORT + 2, 5);
	now += ns(100);
	/* The gate makes no difference to a counter that is stopped. */
	pit_write(&pit, PIT_PORT_61H, 0);
	now += ns(100);
	pit_write(&pit, PIT_PORT_61H, 1);
	now += ns(100);
	ck_assert_uint_eq(get_count(2), 900);
	pit_write(&pit, PIT_PORT_61H, 0);
	pit_write(&pit, PIT_PORT + 2, 1);
	/* Loaded with the gate low, it is counted with the gate high. */
	now += ns(300);
	ck_assert_uint_eq(get_count(2), 0x105);
	pit_write(&pit, PIT_PORT + 2, 7);
	pit_write(&pit, PIT_PORT_61H, 1);
	pit_write(&pit, PIT_PORT + 2, 0);
	now += ns(2);
	ck_assert_uint_eq(get_count(2), 5);
}
END_TEST

/* 8254, "Mode 0": GATE. */
START_TEST(mode0_gate_holds)
{
	setup();
	pit_write(&pit, PIT_PORT_61H, 1);
	program(2, 0x30, 1000);
	now += ns(100);
	pit_write(&pit, PIT_PORT_61H, 0);
	now += ns(500);
	ck_assert_uint_eq(get_count(2), 900);
	pit_write(&pit, PIT_PORT_61H, 1);
	now += ns(100);
	ck_assert_uint_eq(get_count(2), 800);
}
END_TEST

/* 8254, "Mode 1". */
START_TEST(mode1_one_shot)
{
	setup();
	program(2, 0x32, 100);
	now += ns(500);
	/* Nothing happens before the trigger. */
	ck_assert(get_out(2));
	ck_assert(get_status(2) & 0x40);
	pit_write(&pit, PIT_PORT_61H, 1);
	ck_assert(!get_out(2));
	now += ns(99);
	ck_assert(!get_out(2));
	now += ns(1);
	ck_assert(get_out(2));
	/* Triggered again while it runs, it starts anew. */
	pit_write(&pit, PIT_PORT_61H, 0);
	pit_write(&pit, PIT_PORT_61H, 1);
	now += ns(50);
	pit_write(&pit, PIT_PORT_61H, 0);
	pit_write(&pit, PIT_PORT_61H, 1);
	now += ns(60);
	ck_assert(!get_out(2));
}
END_TEST

/* 8254, "Mode 2". */
START_TEST(mode2_rate)
{
	setup();
	program(1, 0x34, 100);
	ck_assert(get_out(1));
	now += ns(98);
	ck_assert(get_out(1));
	now += ns(1);
	ck_assert_uint_eq(get_count(1), 1);
	ck_assert(!get_out(1));
	now += ns(1);
	ck_assert_uint_eq(get_count(1), 100);
	ck_assert(get_out(1));
}
END_TEST

/* 8254, "Control word format"; "Read-back command": D5-D0. */
START_TEST(modes_6_and_7)
{
	setup();
	/* Behave as 2 and 3; the status has the control word's bits exactly as written. */
	program(1, 0x3c, 100);
	now += ns(99);
	ck_assert(!get_out(1));
	ck_assert_uint_eq(get_status(1) & 0x3f, 0x3c);
	program(1, 0x3e, 100);
	now += ns(50);
	ck_assert(!get_out(1));
	ck_assert_uint_eq(get_status(1) & 0x3f, 0x3e);
}
END_TEST

/* 8254, "Mode 2": a new count while counting. */
START_TEST(mode2_new_count_waits)
{
	setup();
	program(1, 0x34, 100);
	now += ns(130);
	pit_write(&pit, PIT_PORT + 1, 200);
	pit_write(&pit, PIT_PORT + 1, 0);
	ck_assert(get_status(1) & 0x40);
	ck_assert_uint_eq(get_count(1), 70);
	now += ns(71);
	ck_assert(!(get_status(1) & 0x40));
	ck_assert_uint_ge(get_count(1), 198);
}
END_TEST

/* 8254, "Mode 2": GATE. */
START_TEST(mode2_gate_restarts)
{
	setup();
	pit_write(&pit, PIT_PORT_61H, 1);
	program(2, 0x34, 100);
	now += ns(99);
	ck_assert(!get_out(2));
	/* A low gate raises the output at once. */
	pit_write(&pit, PIT_PORT_61H, 0);
	ck_assert(get_out(2));
	now += ns(1000);
	pit_write(&pit, PIT_PORT_61H, 1);
	ck_assert_uint_eq(get_count(2), 100);
}
END_TEST

/* 8254, "Mode 3": even and odd counts. */
START_TEST(mode3_square)
{
	int i, high = 0;

	setup();
	program(1, 0x36, 10);
	ck_assert_uint_eq(get_count(1), 10);
	now += ns(1);
	ck_assert_uint_eq(get_count(1), 8);
	now += ns(4);
	ck_assert_uint_eq(get_count(1), 10);
	ck_assert(!get_out(1));
	/* An odd count is high for one tick more than low. */
	setup();
	program(1, 0x36, 11);
	for (i = 0; i < 11; i++) {
		now = 1000000 + ns(i);
		high += get_out(1);
	}
	ck_assert_int_eq(high, 6);
}
END_TEST

/* 8254, "Mode 3": a new count while counting. */
START_TEST(mode3_new_count_waits_for_the_half_cycle)
{
	setup();
	program(1, 0x36, 100);
	now += ns(110);
	pit_write(&pit, PIT_PORT + 1, 20);
	pit_write(&pit, PIT_PORT + 1, 0);
	ck_assert(get_status(1) & 0x40);
	/* Ten ticks into the high half: 40 more of it, then 10 low and 10 high of the new count. */
	now += ns(39);
	ck_assert(get_out(1) && get_status(1) & 0x40);
	now += ns(1);
	ck_assert(!get_out(1) && !(get_status(1) & 0x40));
	ck_assert_uint_eq(get_count(1), 20);
	now += ns(9);
	ck_assert(!get_out(1));
	now += ns(1);
	ck_assert(get_out(1));
	now += ns(10);
	ck_assert(!get_out(1));
	/* Four ticks into the low half, odd: 6 more, then 16 high and 15 low. */
	now += ns(4);
	pit_write(&pit, PIT_PORT + 1, 31);
	pit_write(&pit, PIT_PORT + 1, 0);
	now += ns(5);
	ck_assert(!get_out(1));
	now += ns(2);
	ck_assert(get_out(1));
	now += ns(14);
	ck_assert(get_out(1));
	now += ns(2);
	ck_assert(!get_out(1));
	now += ns(15);
	ck_assert(get_out(1));
}
END_TEST

/* 8254, "Mode 3": a new count while counting. */
START_TEST(mode3_new_count_moves_the_tick)
{
	u64 start;

	setup();
	pit_set_reinject(&pit, false);
	program(0, 0x36, 10000);
	start = now;
	now += ns(1000);
	pit_write(&pit, PIT_PORT, 20000 & 0xff);
	pit_write(&pit, PIT_PORT, 20000 >> 8);
	/* 5000 high of the old, 10000 low of the new, then the output rises; then each 20000. */
	run_until(start + ns(14999));
	ck_assert_int_eq(ticks, 0);
	run_until(start + ns(15002));
	ck_assert_int_eq(ticks, 1);
	run_until(start + ns(34998));
	ck_assert_int_eq(ticks, 1);
	run_until(start + ns(35004));
	ck_assert_int_eq(ticks, 2);
}
END_TEST

/* 8254, "Mode 3": GATE. */
START_TEST(mode3_gate_restarts)
{
	setup();
	pit_write(&pit, PIT_PORT_61H, 1);
	program(2, 0x36, 100);
	now += ns(60);
	ck_assert(!get_out(2));
	pit_write(&pit, PIT_PORT_61H, 0);
	ck_assert(get_out(2));
	/* A new count is loaded with the trigger. */
	pit_write(&pit, PIT_PORT + 2, 40);
	pit_write(&pit, PIT_PORT + 2, 0);
	now += ns(500);
	pit_write(&pit, PIT_PORT_61H, 1);
	ck_assert_uint_eq(get_count(2), 40);
	now += ns(20);
	ck_assert(!get_out(2));
}
END_TEST

/* 8254, "Mode 4". */
START_TEST(mode4_soft_strobe)
{
	setup();
	program(1, 0x38, 100);
	ck_assert(get_out(1));
	now += ns(100);
	ck_assert(!get_out(1));
	now += ns(1);
	ck_assert(get_out(1));
}
END_TEST

/* 8254, "Mode 4": a new count while counting. */
START_TEST(mode4_new_count_is_loaded_at_once)
{
	setup();
	program(1, 0x38, 100);
	now += ns(60);
	/* The first byte changes nothing. */
	pit_write(&pit, PIT_PORT + 1, 50);
	ck_assert_uint_eq(get_count(1), 40);
	pit_write(&pit, PIT_PORT + 1, 0);
	ck_assert_uint_eq(get_count(1), 50);
	now += ns(50);
	ck_assert(!get_out(1));
	/* It strobes once and counts on. */
	now += ns(1);
	ck_assert(get_out(1));
	ck_assert_uint_eq(get_count(1), 0xffff);
	now += ns(0xffff);
	ck_assert(get_out(1));
}
END_TEST

/* 8254, "Mode 4": GATE. */
START_TEST(mode4_gate_holds)
{
	setup();
	pit_write(&pit, PIT_PORT_61H, 1);
	program(2, 0x38, 100);
	now += ns(60);
	pit_write(&pit, PIT_PORT_61H, 0);
	now += ns(60);
	ck_assert(get_out(2));
	ck_assert_uint_eq(get_count(2), 40);
	pit_write(&pit, PIT_PORT_61H, 1);
	now += ns(40);
	ck_assert(!get_out(2));
}
END_TEST

/* 8254, "Mode 1", "Mode 5": a new count while counting. */
START_TEST(triggered_modes_load_a_new_count_with_the_trigger)
{
	static const u8 controls[] = { 0x32, 0x3a };
	size_t i;

	for (i = 0; i < sizeof(controls); i++) {
		setup();
		program(2, controls[i], 100);
		/* Untriggered, the gate's fall does nothing. */
		pit_write(&pit, PIT_PORT_61H, 1);
		now += ns(50);
		pit_write(&pit, PIT_PORT + 2, 30);
		pit_write(&pit, PIT_PORT + 2, 0);
		ck_assert_uint_eq(get_count(2), 50);
		ck_assert(get_status(2) & 0x40);
		pit_write(&pit, PIT_PORT_61H, 0);
		ck_assert_uint_eq(get_count(2), 50);
		pit_write(&pit, PIT_PORT_61H, 1);
		ck_assert_uint_eq(get_count(2), 30);
		ck_assert(!(get_status(2) & 0x40));
		/* A gate that is high already triggers nothing. */
		now += ns(10);
		pit_write(&pit, PIT_PORT_61H, 1);
		ck_assert_uint_eq(get_count(2), 20);
	}
	/* Nor does a trigger without a count. */
	setup();
	pit_write(&pit, CONTROL, 0xb2);
	pit_write(&pit, PIT_PORT_61H, 1);
	ck_assert(get_out(2));
	ck_assert_uint_eq(get_count(2), 0);
}
END_TEST

/* 8254, "Mode 5". */
START_TEST(mode5_hard_strobe)
{
	setup();
	program(2, 0x3a, 100);
	now += ns(100);
	ck_assert(get_out(2));
	pit_write(&pit, PIT_PORT_61H, 1);
	/* The gate only triggers: falling, it stops nothing. */
	pit_write(&pit, PIT_PORT_61H, 0);
	now += ns(100);
	ck_assert(!get_out(2));
	now += ns(1);
	ck_assert(get_out(2));
}
END_TEST

/* 8254, "Control word format": BCD. */
START_TEST(bcd)
{
	setup();
	program(1, 0x31, 0x1234);
	ck_assert_uint_eq(get_count(1), 0x1234);
	now += ns(35);
	ck_assert_uint_eq(get_count(1), 0x1199);
	program(1, 0x31, 0);
	now += ns(1);
	ck_assert_uint_eq(get_count(1), 0x9999);
	now += ns(10000);
	ck_assert_uint_eq(get_count(1), 0x9999);
	/* Read without a latch, too. */
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT + 1), 0x99);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT + 1), 0x99);
	program(1, 0x35, 0x0020);
	now += ns(25);
	ck_assert_uint_eq(get_count(1), 0x0015);
}
END_TEST

/* 8254, "Minimum and maximum initial counts". */
START_TEST(zero_is_the_largest_count)
{
	setup();
	program(1, 0x30, 0);
	now += ns(1);
	ck_assert_uint_eq(get_count(1), 0xffff);
	now += ns(0xfffe);
	ck_assert(!get_out(1));
	now += ns(1);
	ck_assert(get_out(1));
}
END_TEST

/* 8254, "Control word format": RW1, RW0. */
START_TEST(byte_modes)
{
	setup();
	program(1, 0x10, 0x56);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT + 1), 0x56);
	program(1, 0x20, 0x5600);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT + 1), 0x56);
	program(1, 0x30, 0x1234);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT + 1), 0x34);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT + 1), 0x12);
}
END_TEST

/* 8254, "Counter latch command". */
START_TEST(latch_holds_until_read)
{
	setup();
	program(1, 0x30, 1000);
	pit_write(&pit, CONTROL, LATCH(1));
	now += ns(100);
	/* A second latch does not replace the first. */
	pit_write(&pit, CONTROL, LATCH(1));
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT + 1), 1000 & 0xff);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT + 1), 1000 >> 8);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT + 1), 900 & 0xff);
}
END_TEST

/* 8254, "Read-back command". */
START_TEST(read_back)
{
	setup();
	program(1, 0x34, 100);
	program(2, 0x30, 0x1234);
	/* Status and count of both at once; the status is read first. */
	pit_write(&pit, CONTROL, 0xc0 | 1 << 2 | 1 << 3);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT + 1), 0x80 | 0x34);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT + 1), 100);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT + 1), 0);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT + 2), 0x30);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT + 2), 0x34);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT + 2), 0x12);
	ck_assert_uint_eq(pit_read(&pit, CONTROL), 0);
}
END_TEST

/* 8254, "Read-back command": repeated without reads. */
START_TEST(second_read_back_is_ignored)
{
	setup();
	program(1, 0x30, 1000);
	pit_write(&pit, CONTROL, 0xc0 | 1 << 2);
	now += ns(2000);
	pit_write(&pit, CONTROL, 0xc0 | 1 << 2);
	/* The output was low and 1000 to go when both were latched first. */
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT + 1), 0x30);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT + 1), 1000 & 0xff);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT + 1), 1000 >> 8);
	/* Count alone; the status stays unlatched. */
	pit_write(&pit, CONTROL, 0xd0 | 1 << 2);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT + 1), (0x10000 - 1000) & 0xff);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT + 1), (0x10000 - 1000) >> 8);
}
END_TEST

/* 8254, "Counter latch command". */
START_TEST(latch_in_byte_modes)
{
	setup();
	program(1, 0x10, 0x56);
	pit_write(&pit, CONTROL, LATCH(1));
	now += ns(1);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT + 1), 0x56);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT + 1), 0x55);
	program(1, 0x20, 0x5600);
	pit_write(&pit, CONTROL, LATCH(1));
	now += ns(1);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT + 1), 0x56);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT + 1), 0x55);
}
END_TEST

/* 8254, "Counter latch command": until reprogrammed. */
START_TEST(control_word_forgets_latches)
{
	setup();
	program(1, 0x30, 1000);
	pit_write(&pit, CONTROL, 0xc0 | 1 << 2);
	program(1, 0x10, 0x77);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT + 1), 0x77);
}
END_TEST

/* 8254, "Programming the 8254": state after power-up is undefined. */
START_TEST(without_a_control_word)
{
	setup();
	pit_write(&pit, PIT_PORT + 1, 0x12);
	pit_write(&pit, CONTROL, LATCH(1));
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT + 1), 0);
	ck_assert(get_status(1) & 0x40);
	ck_assert_uint_eq(pit.channel[1].s.mode, PIT_NO_MODE);
	/* With one, and without a count: nothing is read, nothing runs. */
	pit_write(&pit, CONTROL, 0x30);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT), 0);
	ck_assert_uint_eq(armed, NEVER);
}
END_TEST

/* 8254, "Read-back command", figure "Null count operation". */
START_TEST(null_count)
{
	setup();
	pit_write(&pit, CONTROL, 0x74);
	ck_assert(get_status(1) & 0x40);
	pit_write(&pit, PIT_PORT + 1, 1);
	ck_assert(get_status(1) & 0x40);
	pit_write(&pit, PIT_PORT + 1, 1);
	ck_assert(!(get_status(1) & 0x40));
}
END_TEST

/* PIIX, "NMI status and control register". */
START_TEST(port61)
{
	u8 first;

	setup();
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT_61H) & 0x03, 0);
	pit_write(&pit, PIT_PORT_61H, 0xff);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT_61H) & 0xcf, 0x0f);
	pit_write(&pit, PIT_PORT_61H, 0x05);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT_61H) & 0xcf, 0x05);
	first = pit_read(&pit, PIT_PORT_61H) & 0x10;
	now += 1 << 14;
	ck_assert_uint_ne(pit_read(&pit, PIT_PORT_61H) & 0x10, first);
	program(2, 0x30, 10);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT_61H) & 0x20, 0);
	now += ns(10);
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT_61H) & 0x20, 0x20);
}
END_TEST

/* 8254, "Mode 2". */
START_TEST(ticks_of_the_rate_generator)
{
	int i;

	setup();
	pit_set_reinject(&pit, false);
	program(0, 0x34, 11932);
	for (i = 1; i <= 100; i++) {
		run_until(1000000 + ns(11932 * i));
		ck_assert_int_eq(ticks, i);
	}
	/* A control word stops it. */
	pit_write(&pit, CONTROL, 0x34);
	ck_assert_uint_eq(armed, NEVER);
}
END_TEST

/* 8254, "Mode 0", "Mode 4". */
START_TEST(one_tick_of_the_one_shots)
{
	setup();
	program(0, 0x30, 10000);
	run_until(now + ns(9999));
	ck_assert_int_eq(ticks, 0);
	run_until(now + ns(2));
	ck_assert_int_eq(ticks, 1);
	run_until(now + ns(1000000));
	ck_assert_int_eq(ticks, 1);
	pit_ack(&pit);
	program(0, 0x38, 10000);
	run_until(now + ns(1000000));
	ck_assert_int_eq(ticks, 2);
	/* Without a gate to rise these never begin. */
	program(0, 0x32, 10000);
	program(0, 0x3a, 10000);
	ck_assert_uint_eq(armed, NEVER);
}
END_TEST

START_TEST(reinjection)
{
	setup();
	program(0, 0x34, 11932);
	run_until(now + ns(11932 * 5) + 1000);
	/* The guest was away: one is delivered, four wait. */
	ck_assert_int_eq(ticks, 1);
	ck_assert_uint_eq(pit.pending, 5);
	pit_ack(&pit);
	pit_ack(&pit);
	ck_assert_int_eq(ticks, 3);
	pit_ack(&pit);
	pit_ack(&pit);
	pit_ack(&pit);
	ck_assert_int_eq(ticks, 5);
	ck_assert_uint_eq(pit.pending, 0);
	pit_ack(&pit);
	ck_assert_int_eq(ticks, 5);
}
END_TEST

START_TEST(no_reinjection)
{
	setup();
	pit_set_reinject(&pit, false);
	program(0, 0x34, 11932);
	run_until(now + ns(11932 * 5) + 1000);
	ck_assert_int_eq(ticks, 5);
	pit_ack(&pit);
	ck_assert_int_eq(ticks, 5);
}
END_TEST

START_TEST(nobody_listens)
{
	setup();
	listening = false;
	program(0, 0x34, 11932);
	run_until(now + ns(11932 * 5) + 1000);
	ck_assert_int_eq(ticks, 5);
	ck_assert_uint_eq(pit.pending, 0);
}
END_TEST

START_TEST(pending_ticks_are_bounded)
{
	setup();
	program(0, 0x34, 11932);
	run_until(now + ns(11932ull * (PIT_MAX_PENDING + 10)));
	ck_assert_uint_le(pit.pending, PIT_MAX_PENDING);
	/* An acknowledgment that never comes does not silence the timer for good. */
	ck_assert_int_eq(ticks, 2);
}
END_TEST

START_TEST(fast_rates_are_limited)
{
	u64 start;
	int fired = 0;

	setup();
	program(0, 0x34, 2);
	start = now;
	while (now < start + 10000000) {
		now = armed;
		armed = NEVER;
		pit_expired(&pit);
		fired++;
	}
	ck_assert_int_le(fired, 10000000 / PIT_MIN_PERIOD_NS + 2);
	/* A count of 1 is illegal in mode 2 and gives nothing. */
	program(0, 0x34, 1);
	ck_assert_uint_eq(armed, NEVER);
}
END_TEST

START_TEST(early_and_stale_expiry)
{
	setup();
	program(0, 0x34, 11932);
	pit_expired(&pit);
	ck_assert_int_eq(ticks, 0);
	ck_assert_uint_ne(armed, NEVER);
	pit_write(&pit, CONTROL, 0x34);
	pit_expired(&pit);
	ck_assert_int_eq(ticks, 0);
}
END_TEST

START_TEST(hpet_takes_line_0)
{
	struct kvm_pit_state2 state;

	setup();
	program(0, 0x34, 11932);
	pit_get_state(&pit, &state);
	state.flags |= KVM_PIT_FLAGS_HPET_LEGACY;
	pit_set_state(&pit, &state);
	ck_assert_uint_eq(armed, NEVER);
	state.flags = 0;
	pit_set_state(&pit, &state);
	ck_assert_uint_ne(armed, NEVER);
}
END_TEST

START_TEST(state_round_trip)
{
	struct kvm_pit_state2 saved, again;

	setup();
	program(0, 0x34, 11932);
	program(1, 0x12, 18);
	program(2, 0x36, 1000);
	pit_write(&pit, PIT_PORT_61H, 3);
	pit_write(&pit, CONTROL, LATCH(0));
	pit_read(&pit, PIT_PORT);
	pit_get_state(&pit, &saved);
	ck_assert_uint_eq(saved.flags, KVM_PIT_FLAGS_SPEAKER_DATA_ON);
	ck_assert_uint_eq(saved.channels[0].count, 11932);
	pit_init(&pit, &ops, NULL);
	pit_set_state(&pit, &saved);
	pit_get_state(&pit, &again);
	ck_assert_mem_eq(&saved, &again, sizeof(saved));
	ck_assert_uint_eq(pit_read(&pit, PIT_PORT), 11932 >> 8);
	ck_assert_uint_ne(armed, NEVER);
}
END_TEST

START_TEST(state_of_a_stopped_mode0)
{
	struct kvm_pit_state2 saved;

	setup();
	program(0, 0x30, 10000);
	pit_write(&pit, PIT_PORT, 100);
	pit_get_state(&pit, &saved);
	pit_init(&pit, &ops, NULL);
	pit_set_state(&pit, &saved);
	ck_assert_uint_eq(armed, NEVER);
	ck_assert(!get_out(0));
	pit_write(&pit, PIT_PORT, 0);
	ck_assert_uint_eq(armed, now + ns(100));
}
END_TEST

START_TEST(state_shows_the_count_that_waits)
{
	struct kvm_pit_state2 saved;

	setup();
	program(0, 0x34, 10000);
	pit_write(&pit, PIT_PORT, 20000 & 0xff);
	pit_write(&pit, PIT_PORT, 20000 >> 8);
	pit_get_state(&pit, &saved);
	ck_assert_uint_eq(saved.channels[0].count, 20000);
	pit_set_state(&pit, &saved);
	ck_assert_uint_eq(armed, now + ns(20000));
}
END_TEST

START_TEST(gate_of_channel_0_may_come_closed)
{
	struct kvm_pit_state2 saved;

	setup();
	program(0, 0x34, 10000);
	pit_get_state(&pit, &saved);
	saved.channels[0].gate = 0;
	pit_set_state(&pit, &saved);
	ck_assert_uint_eq(armed, NEVER);
}
END_TEST

START_TEST(fresh_state_is_silent)
{
	struct kvm_pit_state2 state;

	setup();
	pit_get_state(&pit, &state);
	pit_set_state(&pit, &state);
	ck_assert_uint_eq(armed, NEVER);
	memset(&state, 0xff, sizeof(state));
	pit_set_state(&pit, &state);
	ck_assert_uint_eq(pit.channel[0].s.count, 0x10000);
	ck_assert_uint_eq(pit.channel[0].s.mode, PIT_NO_MODE);
}
END_TEST

int main(void)
{
	const struct TTest *tests[] = {
		mode0_terminal_count,
		mode0_first_byte_stops,
		mode0_first_byte_and_gate,
		mode0_gate_holds,
		mode1_one_shot,
		mode2_rate,
		mode2_new_count_waits,
		mode2_gate_restarts,
		modes_6_and_7,
		mode3_square,
		mode3_new_count_waits_for_the_half_cycle,
		mode3_new_count_moves_the_tick,
		mode3_gate_restarts,
		mode4_soft_strobe,
		mode4_new_count_is_loaded_at_once,
		mode4_gate_holds,
		triggered_modes_load_a_new_count_with_the_trigger,
		mode5_hard_strobe,
		bcd,
		zero_is_the_largest_count,
		byte_modes,
		latch_holds_until_read,
		read_back,
		second_read_back_is_ignored,
		latch_in_byte_modes,
		control_word_forgets_latches,
		without_a_control_word,
		null_count,
		port61,
		ticks_of_the_rate_generator,
		one_tick_of_the_one_shots,
		reinjection,
		no_reinjection,
		nobody_listens,
		pending_ticks_are_bounded,
		fast_rates_are_limited,
		early_and_stale_expiry,
		hpet_takes_line_0,
		state_round_trip,
		state_of_a_stopped_mode0,
		state_shows_the_count_that_waits,
		gate_of_channel_0_may_come_closed,
		fresh_state_is_silent,
	};

	return run_tests("pit", tests, ARRAY_SIZE(tests));
}
