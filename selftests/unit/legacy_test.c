// SPDX-License-Identifier: GPL-2.0-only
/* The clock, the keyboard controller and the ACPI registers, as guests use them. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "array_size.h"
#include "fake_machine.h"
#include "legacy/legacy.h"
#include "machine.h"

#define PM1_STATUS	MACHINE_PM_BASE
#define PM1_ENABLE	(MACHINE_PM_BASE + 2)
#define PM1_CONTROL	(MACHINE_PM_BASE + 4)
#define PM_TIMER	(MACHINE_PM_BASE + 8)
#define PM_RESET	(MACHINE_PM_BASE + 12)

#define PM_EVENT_TIMER	1
#define PM_HALF_SECONDS (0x80000000 / 3579545.0)
#define ROUNDING	1e-6

static struct fake_machine *fake;
static enum vm_end ended;
static double reset_from, reset_to; /* when, by the monotonic clock, the PM timer began */

/* Both stand in front of the C library's. */
static time_t ahead; /* seconds that the monotonic clock has been put forward */
static struct timespec alarm_at;

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	int ret = (int)syscall(SYS_clock_gettime, clock, ts);

	if (clock == CLOCK_MONOTONIC)
		ts->tv_sec += ahead;
	return ret;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old)
{
	alarm_at = new->it_value;
	return (int)syscall(SYS_timerfd_settime, fd, flags, new, old);
}

static double seconds_of(struct timespec ts)
{
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double monotonic(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return seconds_of(now);
}

/* The fake machine has no life to end: it notes that it should. */
void vm_stop(struct vm *vm, enum vm_end why)
{
	(void)vm;
	ended = why;
}

static void setup(void)
{
	fake = fake_create();
	ended = VM_RUNNING;
	reset_from = monotonic();
	ck_assert_int_eq(device_add(&fake->vm, &pm_device, &fake->config), 0);
	reset_to = monotonic();
	ck_assert_int_eq(device_add(&fake->vm, &rtc_device, &fake->config), 0);
	ck_assert_int_eq(device_add(&fake->vm, &i8042_device, &fake->config), 0);
}

static void teardown(void)
{
	device_remove_all(&fake->vm);
	fake_destroy(fake);
}

static uint32_t in(uint16_t port, unsigned int size)
{
	uint32_t value = 0;

	ck_assert(bus_access(fake->vm.pio, port, size, false, &value));
	return value;
}

static void out(uint16_t port, unsigned int size, uint32_t value)
{
	ck_assert(bus_access(fake->vm.pio, port, size, true, &value));
}

static uint8_t cmos(uint8_t reg)
{
	out(0x70, 1, reg);
	return (uint8_t)in(0x71, 1);
}

static void set_cmos(uint8_t reg, uint8_t value)
{
	out(0x70, 1, reg);
	out(0x71, 1, value);
}

static int bcd(uint8_t reg)
{
	uint8_t value = cmos(reg);

	return (value >> 4) * 10 + (value & 15);
}

static time_t read_clock(void)
{
	struct tm tm = { 0 };

	while (cmos(0x0a) & 0x80)
		continue;
	tm.tm_sec = bcd(0);
	tm.tm_min = bcd(2);
	tm.tm_hour = bcd(4);
	tm.tm_mday = bcd(7);
	tm.tm_mon = bcd(8) - 1;
	tm.tm_year = bcd(9) + (bcd(0x32) - 19) * 100;
	return timegm(&tm);
}

/* What two readings agree upon: none of them lasted from one second into the next. */
static time_t clock_time(void)
{
	time_t last, told = read_clock();

	do {
		last = told;
		told = read_clock();
	} while (told != last);
	return told;
}

static void set_time(int hour, int minute, int second)
{
	set_cmos(0x0b, 0x82);
	set_cmos(0, (uint8_t)second);
	set_cmos(2, (uint8_t)minute);
	set_cmos(4, (uint8_t)hour);
	set_cmos(7, 0x29);
	set_cmos(8, 0x02);
	set_cmos(9, 0x24);
	set_cmos(0x32, 0x20);
	set_cmos(0x0b, 0x02);
}

START_TEST(rtc_tells_the_time)
{
	struct timespec from, to;
	time_t told;

	clock_gettime(CLOCK_REALTIME, &from);
	told = clock_time();
	clock_gettime(CLOCK_REALTIME, &to);
	ck_assert_int_ge(told, from.tv_sec);
	ck_assert_int_le(told, to.tv_sec);
	ck_assert_uint_eq(cmos(0x0d), 0x80);
	ck_assert_uint_eq(cmos(0x0b), 0x02);
}
END_TEST

#define SET_AT 1709251170 /* 2024-02-29 23:59:30 */

START_TEST(rtc_can_be_set)
{
	double start = monotonic();
	time_t told;

	set_time(0x23, 0x59, 0x30);
	told = clock_time();
	ck_assert_int_ge(told, SET_AT);
	ck_assert_double_le((double)(told - SET_AT), monotonic() - start);
	device_reset_all(&fake->vm); /* there is a battery */
	ck_assert_int_ge(clock_time(), told);
	told = clock_time();
	ck_assert_double_le((double)(told - SET_AT), monotonic() - start);
}
END_TEST

START_TEST(rtc_in_binary_and_12_hours)
{
	set_time(0x15, 0x07, 0x10);
	set_cmos(0x0b, 0x04);
	ck_assert_uint_eq(cmos(4), 0x80 | 3);
	ck_assert_uint_eq(cmos(7), 29);
	set_cmos(0x0b, 0x84);
	set_cmos(4, 12); /* midnight */
	set_cmos(0x0b, 0x04);
	set_cmos(0x0b, 0x06);
	ck_assert_uint_eq(cmos(4), 0);
}
END_TEST

START_TEST(rtc_periodic_interrupt)
{
	set_cmos(0x0a, 0x26);
	ck_assert_uint_eq(fake_poll(fake, 20), 0);
	cmos(0x0c);
	set_cmos(0x0b, 0x42);
	ck_assert_uint_ge(fake_poll(fake, 50), 1);
	ck_assert(fake->line[MACHINE_IRQ_RTC]);
	ck_assert_uint_eq(cmos(0x0c) & 0xc0, 0xc0);
	ck_assert(!fake->line[MACHINE_IRQ_RTC]);
	set_cmos(0x0b, 0x02);
	cmos(0x0c);
	ck_assert_uint_eq(fake_poll(fake, 20), 0);
}
END_TEST

START_TEST(rtc_alarm)
{
	double start;

	/* A busy machine may take longer over this than the second until the alarm. */
	do {
		start = monotonic();
		set_time(0x10, 0x00, 0x00);
		set_cmos(0x01, 0x01);
		set_cmos(0x03, 0xc0);
		set_cmos(0x05, 0xff);
		cmos(0x0c);
	} while (monotonic() - start >= 1);
	set_cmos(0x0b, 0x22);
	for (unsigned int i = 0; i < 30 && !fake->line[MACHINE_IRQ_RTC]; i++)
		fake_poll(fake, 100);
	ck_assert(fake->line[MACHINE_IRQ_RTC]);
	ck_assert_uint_eq(cmos(0x0c) & 0xa0, 0xa0);
}
END_TEST

START_TEST(rtc_update_interrupt)
{
	set_cmos(0x0b, 0x12);
	for (unsigned int i = 0; i < 20 && !fake->line[MACHINE_IRQ_RTC]; i++)
		fake_poll(fake, 100);
	ck_assert(fake->line[MACHINE_IRQ_RTC]);
	ck_assert_uint_eq(cmos(0x0c) & 0x90, 0x90);
	set_cmos(0x0b, 0x92); /* setting the clock stops the updates */
	ck_assert_uint_eq(cmos(0x0b), 0x82);
}
END_TEST

/* Row 25: nonsense in the time registers costs no more than sense. */
START_TEST(rtc_survives_nonsense)
{
	for (unsigned int i = 0; i < 4; i++) {
		set_cmos(0x0b, (uint8_t)(i << 1));
		for (unsigned int reg = 0; reg < 0x80; reg++)
			set_cmos((uint8_t)reg, 0xff);
		for (unsigned int reg = 0; reg < 0x80; reg++)
			cmos((uint8_t)reg);
		set_cmos(0x0b, 0x70);
		fake_poll(fake, 1);
	}
	ck_assert_uint_eq(cmos(0x0d), 0x80);
}
END_TEST

START_TEST(cmos_tells_the_memory)
{
	ck_assert_uint_eq(cmos(0x15) | cmos(0x16) << 8, 640);
	ck_assert_uint_eq(cmos(0x17) | cmos(0x18) << 8, FAKE_RAM / 1024 - 1024);
	set_cmos(0x40, 0x77);
	ck_assert_uint_eq(cmos(0x40), 0x77);
}
END_TEST

START_TEST(keyboard_controller_tests)
{
	out(0x64, 1, 0xaa);
	ck_assert_uint_eq(in(0x64, 1) & 0x05, 0x05);
	ck_assert_uint_eq(in(0x60, 1), 0x55);
	ck_assert_uint_eq(in(0x64, 1) & 0x01, 0);
	out(0x64, 1, 0xab);
	ck_assert_uint_eq(in(0x60, 1), 0x00);
	out(0x64, 1, 0xa9);
	ck_assert_uint_ne(in(0x60, 1), 0x00);
}
END_TEST

START_TEST(keyboard_answers)
{
	out(0x64, 1, 0x60);
	out(0x60, 1, 0x45);
	out(0x64, 1, 0x20);
	ck_assert(fake->line[MACHINE_IRQ_KEYBOARD]);
	ck_assert_uint_eq(in(0x60, 1), 0x45);
	ck_assert(!fake->line[MACHINE_IRQ_KEYBOARD]);
	out(0x60, 1, 0xf2);
	ck_assert_uint_eq(in(0x60, 1), 0xfa);
	ck_assert(fake->line[MACHINE_IRQ_KEYBOARD]);
	ck_assert_uint_eq(in(0x60, 1), 0xab);
	ck_assert_uint_eq(in(0x60, 1), 0x83);
	out(0x60, 1, 0xed);
	ck_assert_uint_eq(in(0x60, 1), 0xfa);
	out(0x60, 1, 0xff); /* the lights, not a reset */
	ck_assert_uint_eq(in(0x60, 1), 0xfa);
	ck_assert_uint_eq(in(0x64, 1) & 1, 0);
	out(0x60, 1, 0x77);
	ck_assert_uint_eq(in(0x60, 1), 0xfe);
}
END_TEST

/* Row 24: answers that nobody takes do not run over. */
START_TEST(keyboard_queue_is_bounded)
{
	unsigned int taken = 0;

	for (unsigned int i = 0; i < 1000; i++)
		out(0x60, 1, 0xf2);
	for (; in(0x64, 1) & 1; taken++)
		in(0x60, 1);
	ck_assert_uint_le(taken, 16);
}
END_TEST

static const struct {
	uint16_t port[2];
	uint8_t value[2];
	enum vm_end end;
} ends[] = {
	{ { 0x64, 0x64 }, { 0xfe, 0xfe }, VM_RESET },
	{ { 0x64, 0x64 }, { 0xff, 0xf1 }, VM_RUNNING },
	{ { 0x64, 0x60 }, { 0xd1, 0x02 }, VM_RESET },
	{ { 0x64, 0x60 }, { 0xd1, 0x03 }, VM_RUNNING },
	{ { 0x60, 0x60 }, { 0xfe, 0xfe }, VM_RUNNING },
	{ { PM_RESET, PM_RESET }, { 0x02, 0x06 }, VM_RESET },
	{ { PM_RESET, PM_RESET }, { 0x02, 0x00 }, VM_RUNNING },
	{ { PM1_CONTROL, PM1_CONTROL + 1 }, { 0x01, 0x34 }, VM_POWERED_OFF },
	{ { PM1_CONTROL, PM1_CONTROL + 1 }, { 0x01, 0x14 }, VM_RUNNING }, /* not enabled */
	{ { PM1_CONTROL, PM1_CONTROL + 1 }, { 0x01, 0x24 }, VM_RUNNING }, /* type 1 */
};

START_TEST(reset_and_power_off)
{
	for (unsigned int i = 0; i < 2; i++)
		out(ends[_i].port[i], 1, ends[_i].value[i]);
	ck_assert_int_eq(ended, ends[_i].end);
}
END_TEST

START_TEST(power_off_by_words)
{
	out(PM1_CONTROL, 2, 0x1401);
	ck_assert_int_eq(ended, VM_RUNNING);
	out(PM1_CONTROL, 2, 0x3401);
	ck_assert_int_eq(ended, VM_POWERED_OFF);
	ck_assert_uint_eq(in(PM1_CONTROL, 2) & 0x2001, 0x0001); /* SLP_EN is never read as set */
}
END_TEST

START_TEST(pm_registers)
{
	ck_assert_uint_eq(in(PM1_CONTROL, 2), 1);
	out(PM1_ENABLE, 2, 0xffff);
	ck_assert_uint_eq(in(PM1_ENABLE, 2), 0x0721);
	out(PM1_STATUS, 4, 0);
	ck_assert_uint_eq(in(PM1_ENABLE, 2), 0);
	ck_assert_uint_eq(in(PM1_STATUS, 4), 0);
	ck_assert(!fake->line[MACHINE_IRQ_SCI]);
}
END_TEST

START_TEST(pm_timer_runs)
{
	double from = monotonic(), expected;
	uint32_t start, ticks;

	start = in(PM_TIMER, 4);
	usleep(50000);
	ticks = in(PM_TIMER, 4) - start;
	expected = (monotonic() - from) * 3579545;
	ck_assert_double_le(ticks, expected + 1);
	ck_assert_double_ge(ticks, 0.05 * 3579545);
	out(PM_TIMER, 4, 0);
	ck_assert_uint_gt(in(PM_TIMER, 4), start);
}
END_TEST

static const unsigned int halves[] = { 0, 1, 7, 8, 9, 17, 1000, 500000 };

/* The top bit changes every ten minutes: however long ago the reset was, the alarm is for then. */
START_TEST(pm_timer_alarm)
{
	const double change = (halves[_i] + 1) * PM_HALF_SECONDS;

	ahead = (time_t)(halves[_i] * PM_HALF_SECONDS) + 100;
	out(PM1_STATUS, 4, PM_EVENT_TIMER << 16 | PM_EVENT_TIMER);
	ck_assert_double_ge(seconds_of(alarm_at), reset_from + change - ROUNDING);
	ck_assert_double_le(seconds_of(alarm_at), reset_to + change + ROUNDING);
	ck_assert(!fake->line[MACHINE_IRQ_SCI]);

	/* Once it has gone off there is an interrupt, and no alarm until that is acknowledged. */
	ahead = (time_t)change + 2;
	out(PM1_ENABLE, 2, PM_EVENT_TIMER);
	ck_assert(fake->line[MACHINE_IRQ_SCI]);
	ck_assert_int_eq(alarm_at.tv_sec, 0);
	ck_assert_int_eq(alarm_at.tv_nsec, 0);
	ahead = 0;
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, rtc_tells_the_time);
	tcase_add_test(tcase, rtc_can_be_set);
	tcase_add_test(tcase, rtc_in_binary_and_12_hours);
	tcase_add_test(tcase, rtc_periodic_interrupt);
	tcase_add_test(tcase, rtc_alarm);
	tcase_add_test(tcase, rtc_update_interrupt);
	tcase_add_test(tcase, rtc_survives_nonsense);
	tcase_add_test(tcase, cmos_tells_the_memory);
	tcase_add_test(tcase, keyboard_controller_tests);
	tcase_add_test(tcase, keyboard_answers);
	tcase_add_test(tcase, keyboard_queue_is_bounded);
	tcase_add_loop_test(tcase, reset_and_power_off, 0, ARRAY_SIZE(ends));
	tcase_add_test(tcase, power_off_by_words);
	tcase_add_test(tcase, pm_registers);
	tcase_add_test(tcase, pm_timer_runs);
	tcase_add_loop_test(tcase, pm_timer_alarm, 0, ARRAY_SIZE(halves));
}

int main(void)
{
	Suite *suite = suite_create("legacy");
	TCase *tcase = tcase_create("legacy");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	add_tests(tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
