// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmod/pv/scale.c: the factors of the kvmclock page, against exact arithmetic.
 */
#include <check.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <stdlib.h>

#include "pv/scale.h"

#define NS_PER_MS 1000000
#define DAY_NS	  (24ull * 3600 * 1000 * NS_PER_MS)

static const u32 frequencies[] = {
	1,	 2,	  3,	   999,	    1000,	1001,	    32768,	499999,
	500000,	 953674,  953675,  1000000, 1000001,	1193182,    1999999,	2000000,
	2893437, 2999999, 3000000, 4294967, 4294968,	10000000,   17179869,	17179870,
	5000000, 3999999, 4000000, 4000001, 1000000000, 2147483647, 2147483648, 4294967295,
};

static u64 exact(u64 ticks, u32 khz)
{
	return mul_u64_u32_div(ticks, NS_PER_MS, khz);
}

/* As the guest's side of the ABI says. */
static u64 guest(u64 ticks, u32 mul, s8 shift)
{
	ticks = shift < 0 ? ticks >> -shift : ticks << shift;
	return mul_u64_u32_shr(ticks, mul, 32);
}

START_TEST(multiplier_is_normalized)
{
	u32 mul;
	s8 shift;

	pv_scale(frequencies[_i], &mul, &shift);
	ck_assert_uint_ge(mul, 1u << 31);
	ck_assert_int_ge(shift, -12);
	ck_assert_int_le(shift, 20);
}
END_TEST

/* Never ahead, and behind by 1 part in 2^31 at most, plus what a right shift of the ticks drops. */
START_TEST(a_day_is_a_day)
{
	u32 khz = frequencies[_i];
	u64 ticks = mul_u64_u32_div(DAY_NS, khz, NS_PER_MS);
	u64 span;
	u32 mul;
	s8 shift;

	pv_scale(khz, &mul, &shift);
	for (span = ticks; span; span /= 7) {
		u64 want = exact(span, khz);
		u64 got = guest(span, mul, shift);
		u64 dropped = shift < 0 ? exact(1ull << -shift, khz) : 0;

		ck_assert_uint_le(got, want);
		ck_assert_uint_le(want - got, (want >> 31) + dropped + 2);
		ck_assert_uint_eq(pv_scale_ticks(span, khz), got);
	}
}
END_TEST

START_TEST(time_is_monotonic)
{
	u32 khz = frequencies[_i];
	u64 last = 0;
	u64 ticks;

	for (ticks = 0; ticks < 100000; ticks++) {
		u64 now = pv_scale_ticks(ticks, khz);

		ck_assert_uint_ge(now, last);
		last = now;
	}
}
END_TEST

START_TEST(known_values)
{
	u32 mul;
	s8 shift;

	/* One tick is one ns: 1.0 as 2^31 with a shift of 1. */
	pv_scale(1000000, &mul, &shift);
	ck_assert_uint_eq(mul, 1u << 31);
	ck_assert_int_eq(shift, 1);
	/* 2 GHz: half a ns. */
	pv_scale(2000000, &mul, &shift);
	ck_assert_uint_eq(mul, 1u << 31);
	ck_assert_int_eq(shift, 0);
	ck_assert_uint_eq(pv_scale_ticks(3000000000ull, 3000000), 999999999);
}
END_TEST

int main(void)
{
	const int count = ARRAY_SIZE(frequencies);
	Suite *suite = suite_create("scale");
	TCase *tcase = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, multiplier_is_normalized, 0, count);
	tcase_add_loop_test(tcase, a_day_is_a_day, 0, count);
	tcase_add_loop_test(tcase, time_is_monotonic, 0, count);
	tcase_add_test(tcase, known_values);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
