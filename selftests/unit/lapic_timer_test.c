// SPDX-License-Identifier: GPL-2.0-only
/* The local APIC's timer against the rules of SDM 3, 11.5.4, one test per rule. */

#include "lapic_world.h"

/* SDM 3, figure 11-10. */
START_TEST(divide_configuration)
{
	static const u8 divide[] = {
		[0] = 2, [1] = 4, [2] = 8, [3] = 16, [8] = 32, [9] = 64, [10] = 128, [11] = 1
	};
	size_t i;

	for (i = 0; i < sizeof(divide); i++) {
		if (!divide[i])
			continue;
		setup();
		lapic_write(&lapic, LAPIC_TDCR, i);
		lapic_write(&lapic, LAPIC_TMICT, 1000);
		ck_assert_uint_eq(armed, now + 1000 * divide[i]);
		now += 100 * divide[i];
		ck_assert_uint_eq(lapic_read(&lapic, LAPIC_TMCCT), 900);
	}
}
END_TEST

/* SDM 3, 11.5.4. */
START_TEST(divide_change_keeps_the_count)
{
	setup();
	lapic_write(&lapic, LAPIC_TDCR, 0xb);
	lapic_write(&lapic, LAPIC_TMICT, 1000);
	now += 400;
	lapic_write(&lapic, LAPIC_TDCR, 0x3);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_TMCCT), 600);
	ck_assert_uint_eq(armed, now + 600 * 16);
}
END_TEST

/* SDM 3, 11.5.4. */
START_TEST(timer_one_shot)
{
	setup();
	lapic_write(&lapic, LAPIC_TDCR, 0xb);
	lapic_write(&lapic, LAPIC_LVTT, 0xec);
	lapic_write(&lapic, LAPIC_TMICT, 1000);
	now += 999;
	lapic_timer_expired(&lapic);
	ck_assert_int_eq(lapic_pending(&lapic), -1);
	now += 1;
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_TMCCT), 0);
	lapic_timer_expired(&lapic);
	ck_assert_int_eq(lapic_ack(&lapic), 0xec);
	lapic_eoi(&lapic);
	now += 5000;
	lapic_timer_expired(&lapic);
	ck_assert_int_eq(lapic_pending(&lapic), -1);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_TMCCT), 0);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_TMICT), 1000);
	/* A count of 0 stops it. */
	lapic_write(&lapic, LAPIC_TMICT, 1000);
	lapic_write(&lapic, LAPIC_TMICT, 0);
	ck_assert_uint_eq(armed, NEVER);
}
END_TEST

/* SDM 3, 11.5.4. */
START_TEST(timer_periodic)
{
	setup();
	lapic_write(&lapic, LAPIC_TDCR, 0xb);
	lapic_write(&lapic, LAPIC_LVTT, LAPIC_LVT_PERIODIC | 0xec);
	lapic_write(&lapic, LAPIC_TMICT, 1000);
	now += 1000;
	lapic_timer_expired(&lapic);
	ck_assert_int_eq(lapic_ack(&lapic), 0xec);
	lapic_eoi(&lapic);
	ck_assert_uint_eq(armed, now + 1000);
	/* Late by three periods and a half: one interrupt, and in step again. */
	now += 4500;
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_TMCCT), 500);
	lapic_timer_expired(&lapic);
	ck_assert_int_eq(lapic_ack(&lapic), 0xec);
	ck_assert_uint_eq(armed, now + 500);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_TMCCT), 500);
	/* Masked, it goes on without interrupts. */
	lapic_eoi(&lapic);
	lapic_write(&lapic, LAPIC_LVTT, LAPIC_LVT_MASKED | LAPIC_LVT_PERIODIC | 0xec);
	now += 500;
	lapic_timer_expired(&lapic);
	ck_assert_int_eq(lapic_pending(&lapic), -1);
	ck_assert_uint_eq(armed, now + 1000);
}
END_TEST

/* SDM 3, 11.5.4.1. */
START_TEST(timer_tsc_deadline)
{
	setup();
	/* Ignored outside its mode. */
	lapic_set_tsc_deadline(&lapic, 9000);
	ck_assert_uint_eq(lapic_tsc_deadline(&lapic), 0);
	lapic_write(&lapic, LAPIC_LVTT, LAPIC_LVT_TSC_DEADLINE | 0xec);
	lapic_write(&lapic, LAPIC_TMICT, 1000);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_TMICT), 0);
	lapic_set_tsc_deadline(&lapic, 9000);
	ck_assert_uint_eq(armed_tsc, 9000);
	ck_assert_uint_eq(lapic_tsc_deadline(&lapic), 9000);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_TMCCT), 0);
	/* A host timer that fires early is armed again. */
	tsc = 8999;
	armed_tsc = NEVER;
	lapic_timer_expired(&lapic);
	ck_assert_uint_eq(armed_tsc, 9000);
	tsc = 9000;
	lapic_timer_expired(&lapic);
	ck_assert_int_eq(lapic_ack(&lapic), 0xec);
	lapic_eoi(&lapic);
	ck_assert_uint_eq(lapic_tsc_deadline(&lapic), 0);
	/* In the past: at once. Zero: never. */
	armed_tsc = NEVER;
	lapic_set_tsc_deadline(&lapic, 1);
	ck_assert_int_eq(lapic_ack(&lapic), 0xec);
	ck_assert_uint_eq(armed_tsc, NEVER);
	lapic_set_tsc_deadline(&lapic, 20000);
	lapic_set_tsc_deadline(&lapic, 0);
	ck_assert_uint_eq(armed_tsc, NEVER);
}
END_TEST

/* SDM 3, 11.5.4.1. */
START_TEST(timer_mode_change_disarms)
{
	setup();
	lapic_write(&lapic, LAPIC_LVTT, 0xec);
	lapic_write(&lapic, LAPIC_TMICT, 1000);
	lapic_write(&lapic, LAPIC_LVTT, LAPIC_LVT_TSC_DEADLINE | 0xec);
	ck_assert_uint_eq(armed, NEVER);
	lapic_set_tsc_deadline(&lapic, 9000);
	lapic_write(&lapic, LAPIC_LVTT, 0xec);
	ck_assert_uint_eq(armed_tsc, NEVER);
	ck_assert_uint_eq(lapic_tsc_deadline(&lapic), 0);
	/* Between one-shot and periodic it goes on. */
	lapic_write(&lapic, LAPIC_TMICT, 1000);
	lapic_write(&lapic, LAPIC_LVTT, LAPIC_LVT_PERIODIC | 0xec);
	ck_assert_uint_ne(armed, NEVER);
	/* Without the feature there is no such mode. */
	lapic.config.tsc_deadline = false;
	lapic_write(&lapic, LAPIC_LVTT, LAPIC_LVT_TSC_DEADLINE | 0xec);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_LVTT), 0xec);
}
END_TEST

/* SDM 3, figure 11-8. */
START_TEST(timer_reserved_mode)
{
	/* Bits 18:17 both set: one-shot. */
	setup();
	lapic_write(&lapic, LAPIC_LVTT, LAPIC_LVT_TSC_DEADLINE | LAPIC_LVT_PERIODIC | 0xec);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_LVTT), 0xec);
}
END_TEST

START_TEST(timer_periodic_without_count)
{
	/* The count was set to 0 behind a running timer's back, by a restored state. */
	setup();
	lapic_write(&lapic, LAPIC_TDCR, 0xb);
	lapic_write(&lapic, LAPIC_LVTT, LAPIC_LVT_PERIODIC | 0xec);
	lapic_write(&lapic, LAPIC_TMICT, 1000);
	lapic_put(&lapic, LAPIC_TMICT, 0);
	now += 1000;
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_TMCCT), 0);
	armed = NEVER;
	lapic_timer_expired(&lapic);
	ck_assert_uint_eq(armed, NEVER);
}
END_TEST

/* SDM 3, 11.5.1, "Mask". */
START_TEST(timer_masked_counts_silently)
{
	setup();
	lapic_write(&lapic, LAPIC_TDCR, 0xb);
	lapic_write(&lapic, LAPIC_LVTT, LAPIC_LVT_MASKED | LAPIC_LVT_PERIODIC | 0xec);
	lapic_write(&lapic, LAPIC_TMICT, 1000);
	now += 1500;
	lapic_timer_expired(&lapic);
	ck_assert_int_eq(lapic_pending(&lapic), -1);
	ck_assert_uint_eq(lapic_read(&lapic, LAPIC_TMCCT), 500);
	lapic_write(&lapic, LAPIC_LVTT, LAPIC_LVT_MASKED | LAPIC_LVT_TSC_DEADLINE | 0xec);
	lapic_set_tsc_deadline(&lapic, tsc + 1);
	tsc += 1;
	lapic_timer_expired(&lapic);
	ck_assert_int_eq(lapic_pending(&lapic), -1);
	ck_assert_uint_eq(lapic_tsc_deadline(&lapic), 0);
}
END_TEST

/* SDM 3, 11.4.7.3, 11.4.3. */
START_TEST(timer_stops_with_the_apic)
{
	setup();
	lapic_write(&lapic, LAPIC_TMICT, 1000);
	lapic_reset(&lapic, true);
	ck_assert_uint_eq(armed, NEVER);
	lapic_write(&lapic, LAPIC_TMICT, 1000);
	lapic_set_base(&lapic, DISABLED, false);
	ck_assert_uint_eq(armed, NEVER);
}
END_TEST

int main(void)
{
	const struct TTest *tests[] = {
		divide_configuration,
		divide_change_keeps_the_count,
		timer_one_shot,
		timer_periodic,
		timer_tsc_deadline,
		timer_mode_change_disarms,
		timer_reserved_mode,
		timer_periodic_without_count,
		timer_masked_counts_silently,
		timer_stops_with_the_apic,
	};

	return run_tests("lapic_timer", tests, ARRAY_SIZE(tests));
}
