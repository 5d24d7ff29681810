// SPDX-License-Identifier: GPL-2.0-only
/* The 16550A as drivers use it: identification, interrupts and their priority, FIFOs, loopback. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "fake_machine.h"
#include "legacy/legacy.h"
#include "machine.h"
#include "term.h"

#define COM1	     0x3f8
#define DATA	     0
#define IER	     1
#define IIR	     2
#define FCR	     2
#define LCR	     3
#define MCR	     4
#define LSR	     5
#define MSR	     6
#define SCR	     7

#define DTR_RTS_OUT2 0x0b
#define LOOPBACK     0x10
#define THRE	     0x60 /* holding register and transmitter empty */

static struct fake_machine *fake;

static void setup(void)
{
	fake = fake_create();
	ck_assert_int_eq(device_add(&fake->vm, &serial_device, &fake->config), 0);
	ck_assert_ptr_nonnull(fake->term_user);
}

static void teardown(void)
{
	device_remove_all(&fake->vm);
	fake_destroy(fake);
}

static uint8_t in(unsigned int reg)
{
	uint8_t value = 0;

	ck_assert(bus_access(fake->vm.pio, COM1 + reg, 1, false, &value));
	return value;
}

static uint8_t bits(unsigned int reg, uint8_t mask)
{
	return in(reg)&mask;
}

static void out(unsigned int reg, uint8_t value)
{
	ck_assert(bus_access(fake->vm.pio, COM1 + reg, 1, true, &value));
}

static bool line(void)
{
	return fake->line[MACHINE_IRQ_COM1];
}

static size_t type(const char *text)
{
	return fake->term_user->input(fake->term_user, (const uint8_t *)text, strlen(text));
}

static void open_port(uint8_t fcr, uint8_t ier)
{
	out(FCR, fcr);
	out(MCR, DTR_RTS_OUT2);
	out(IER, ier);
}

START_TEST(reset_state)
{
	ck_assert_uint_eq(in(LSR), THRE);
	ck_assert_uint_eq(in(IIR), 0x01);
	ck_assert_uint_eq(in(IER), 0);
	ck_assert_uint_eq(in(MSR), 0xb0);
	ck_assert(!line());
}
END_TEST

/* Linux's autoconfig: scratch register, IER's upper bits, FIFO bits in IIR, divisor behind DLAB. */
START_TEST(is_identified)
{
	out(SCR, 0x5a);
	ck_assert_uint_eq(in(SCR), 0x5a);
	out(IER, 0xff);
	ck_assert_uint_eq(in(IER), 0x0f);
	out(IER, 0);
	out(FCR, 0x01);
	ck_assert_uint_eq(bits(IIR, 0xc0), 0xc0);
	out(FCR, 0x00);
	ck_assert_uint_eq(bits(IIR, 0xc0), 0);
	out(LCR, 0x80);
	out(DATA, 0x34);
	out(IER, 0x12);
	ck_assert_uint_eq(in(DATA), 0x34);
	ck_assert_uint_eq(in(IER), 0x12);
	out(LCR, 0x03);
	ck_assert_uint_eq(in(IER), 0);
	ck_assert_uint_eq(fake->term_len, 0);
}
END_TEST

START_TEST(transmits)
{
	open_port(0, 0);
	out(DATA, 'a');
	out(DATA, 'b');
	ck_assert_uint_eq(fake->term_len, 2);
	ck_assert_mem_eq(fake->term_out, "ab", 2);
	ck_assert_uint_eq(in(LSR), THRE);
}
END_TEST

START_TEST(transmitter_interrupts)
{
	open_port(0, 0);
	ck_assert(!line());
	out(IER, 0x02);
	ck_assert(line());
	ck_assert_uint_eq(in(IIR), 0x02);
	ck_assert(!line()); /* reading IIR was the acknowledgment */
	ck_assert_uint_eq(in(IIR), 0x01);
	out(DATA, 'x');
	ck_assert(line());
	out(IER, 0);
	ck_assert(!line());
}
END_TEST

/* Whoever reads the terminal stops reading: the guest waits, nothing is lost. */
START_TEST(waits_for_a_slow_terminal)
{
	open_port(0x01, 0);
	fake->term_room = 2;
	for (unsigned int i = 0; i < 18; i++)
		out(DATA, (uint8_t)('a' + i));
	ck_assert_uint_eq(fake->term_len, 2);
	ck_assert_uint_eq(in(LSR), 0);
	out(IER, 0x02);
	ck_assert(!line());
	fake->term_room = FAKE_TERM_SIZE;
	fake->term_user->drained(fake->term_user);
	ck_assert_uint_eq(fake->term_len, 18);
	ck_assert_mem_eq(fake->term_out, "abcdefghijklmnopqr", 18);
	ck_assert_uint_eq(in(LSR), THRE);
	ck_assert(line());
}
END_TEST

START_TEST(receives)
{
	open_port(0xc1, 0x01); /* trigger level 14 */
	ck_assert_uint_eq(type("hey"), 3);
	ck_assert(line());
	ck_assert_uint_eq(in(IIR), 0xcc); /* time-out: below the trigger */
	ck_assert_uint_eq(in(LSR), THRE | 0x01);
	ck_assert_uint_eq(in(DATA), 'h');
	ck_assert_uint_eq(in(DATA), 'e');
	ck_assert(line());
	ck_assert_uint_eq(in(DATA), 'y');
	ck_assert(!line());
	ck_assert_uint_eq(in(LSR), THRE);
	ck_assert_uint_ge(fake->term_resumed, 1);
	ck_assert_uint_eq(type("0123456789abcdefgh"), 16);
	ck_assert_uint_eq(in(IIR), 0xc4); /* the trigger is reached */
	for (unsigned int i = 0; i < 16; i++)
		ck_assert_uint_eq(in(DATA), "0123456789abcdef"[i]);
	ck_assert_uint_eq(in(LSR), THRE);
}
END_TEST

START_TEST(one_character_without_fifos)
{
	open_port(0, 0x01);
	ck_assert_uint_eq(type("xy"), 1);
	ck_assert_uint_eq(in(IIR), 0x04);
	ck_assert_uint_eq(type("y"), 0);
	ck_assert_uint_eq(in(DATA), 'x');
	ck_assert_uint_eq(type("y"), 1);
}
END_TEST

/* A port that nobody has opened takes nothing, so that nothing typed early is lost. */
START_TEST(takes_nothing_without_rts)
{
	ck_assert_uint_eq(type("early"), 0);
	fake->term_resumed = 0;
	out(MCR, DTR_RTS_OUT2);
	ck_assert_uint_eq(fake->term_resumed, 1);
	ck_assert_uint_eq(type("e"), 1);
}
END_TEST

START_TEST(clears_fifos)
{
	open_port(0x01, 0x01);
	type("abc");
	out(FCR, 0x03);
	ck_assert_uint_eq(in(LSR), THRE);
	ck_assert(!line());
	type("abc");
	out(FCR, 0x00); /* switching the FIFOs clears them too */
	ck_assert_uint_eq(in(LSR), THRE);
}
END_TEST

START_TEST(loops_back)
{
	out(FCR, 0x01);
	out(MCR, LOOPBACK | 0x0f);
	ck_assert_uint_eq(bits(MSR, 0xf0), 0xf0);
	out(MCR, LOOPBACK | 0x0a); /* RTS and OUT2: CTS and DCD */
	ck_assert_uint_eq(bits(MSR, 0xf0), 0x90);
	out(DATA, 0x42);
	ck_assert_uint_eq(fake->term_len, 0);
	ck_assert_uint_eq(in(LSR), THRE | 0x01);
	ck_assert_uint_eq(in(DATA), 0x42);
	ck_assert_uint_eq(type("q"), 0);
}
END_TEST

START_TEST(overruns_in_loopback)
{
	out(FCR, 0x01);
	out(MCR, LOOPBACK);
	for (unsigned int i = 0; i < 17; i++)
		out(DATA, (uint8_t)i);
	ck_assert_uint_eq(in(LSR), THRE | 0x03);
	ck_assert_uint_eq(in(LSR), THRE | 0x01); /* reading clears the error */
	for (unsigned int i = 0; i < 16; i++)
		ck_assert_uint_eq(in(DATA), i);
}
END_TEST

START_TEST(modem_changes)
{
	out(MCR, LOOPBACK);
	in(MSR);
	out(MCR, LOOPBACK | 0x02);
	ck_assert_uint_eq(in(MSR), 0x11); /* CTS, and that it changed */
	ck_assert_uint_eq(in(MSR), 0x10);
	out(MCR, LOOPBACK | 0x04);
	ck_assert_uint_eq(in(MSR), 0x41); /* a ring begins: no event of its own */
	out(MCR, LOOPBACK);
	ck_assert_uint_eq(in(MSR), 0x04); /* it ends: one */
}
END_TEST

START_TEST(priorities)
{
	out(FCR, 0x01);
	out(MCR, LOOPBACK);
	in(MSR);
	for (unsigned int i = 0; i < 17; i++)
		out(DATA, 0);
	out(MCR, LOOPBACK | 0x02);
	out(IER, 0x0f);
	ck_assert_uint_eq(bits(IIR, 0x0f), 0x06);
	in(LSR);
	ck_assert_uint_eq(bits(IIR, 0x0f), 0x04);
	for (unsigned int i = 0; i < 16; i++)
		in(DATA);
	ck_assert_uint_eq(bits(IIR, 0x0f), 0x02);
	ck_assert_uint_eq(bits(IIR, 0x0f), 0x00);
	in(MSR);
	ck_assert_uint_eq(bits(IIR, 0x0f), 0x01);
}
END_TEST

START_TEST(out2_gates_the_interrupt)
{
	out(IER, 0x02);
	ck_assert_uint_eq(in(IIR), 0x02);
	out(DATA, 'x');
	ck_assert(!line());
	out(MCR, 0x08);
	ck_assert(line());
	out(MCR, 0x08 | LOOPBACK);
	ck_assert(!line());
}
END_TEST

/* An interrupt line is an ioctl: it is driven on changes only. */
START_TEST(drives_the_line_on_changes_only)
{
	unsigned int before;

	open_port(0x01, 0x02);
	before = fake->line_changes;
	for (unsigned int i = 0; i < 100; i++)
		out(DATA, 'x');
	ck_assert_uint_eq(fake->line_changes, before);
}
END_TEST

START_TEST(resets)
{
	open_port(0xc1, 0x03);
	type("abc");
	out(SCR, 1);
	device_reset_all(&fake->vm);
	ck_assert_uint_eq(in(LSR), THRE);
	ck_assert_uint_eq(in(IIR), 0x01);
	ck_assert_uint_eq(in(IER), 0);
	ck_assert_uint_eq(in(SCR), 0);
	ck_assert_uint_eq(type("abc"), 0);
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, reset_state);
	tcase_add_test(tcase, is_identified);
	tcase_add_test(tcase, transmits);
	tcase_add_test(tcase, transmitter_interrupts);
	tcase_add_test(tcase, waits_for_a_slow_terminal);
	tcase_add_test(tcase, receives);
	tcase_add_test(tcase, one_character_without_fifos);
	tcase_add_test(tcase, takes_nothing_without_rts);
	tcase_add_test(tcase, clears_fifos);
	tcase_add_test(tcase, loops_back);
	tcase_add_test(tcase, overruns_in_loopback);
	tcase_add_test(tcase, modem_changes);
	tcase_add_test(tcase, priorities);
	tcase_add_test(tcase, out2_gates_the_interrupt);
	tcase_add_test(tcase, drives_the_line_on_changes_only);
	tcase_add_test(tcase, resets);
}

int main(void)
{
	Suite *suite = suite_create("serial");
	TCase *tcase = tcase_create("serial");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	add_tests(tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
