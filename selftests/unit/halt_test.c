// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmod/halt_policy.c: how long to poll at a guest's HLT.
 */
#include <check.h>
#include <linux/kernel.h>
#include <stdlib.h>

#include "halt_policy.h"

static const struct halt_policy usual = { .max = 200000, .grow = 2, .grow_start = 10000 };

/**
 * struct step - what one halt makes of the time to poll
 */
struct step {
	struct halt_policy policy;
	u32 poll;
	u64 halt;
	u32 next;
};

static const struct step steps[] = {
	/* Within the poll: good as it is. */
	{ usual, 20000, 1, 20000 },
	{ usual, 20000, 20000, 20000 },
	/* A little more would have caught it. */
	{ usual, 0, 5000, 10000 },
	{ usual, 0, 199999, 10000 },
	{ usual, 10000, 10001, 20000 },
	{ usual, 20000, 150000, 40000 },
	{ usual, 160000, 170000, 200000 },
	/* No poll catches it. */
	{ usual, 200000, 200001, 0 },
	{ usual, 20000, 1000000000, 0 },
	{ usual, 0, ~0ull, 0 },
	{ { 200000, 2, 10000, 2 }, 200000, 300000, 100000 },
	{ { 200000, 2, 10000, 2 }, 19999, 300000, 0 },
	{ { 200000, 2, 0, 2 }, 5, 300000, 2 },
	/* The limit came down, or is gone. */
	{ { 30000, 2, 10000, 0 }, 100000, 20000, 30000 },
	{ { 0, 2, 10000, 0 }, 100000, 20000, 0 },
	{ { 0, 2, 10000, 0 }, 0, 0, 0 },
	/* It does not grow, or starts high, or factors are large. */
	{ { 200000, 0, 10000, 0 }, 0, 5000, 0 },
	{ { 200000, 2, 4000000000u, 0 }, 0, 5000, 200000 },
	{ { ~0u, ~0u, 10000, 0 }, ~0u - 1, ~0u - 1, ~0u - 1 },
	{ { ~0u, ~0u, 10000, 0 }, 100000, 100001, ~0u },
};

START_TEST(one_step)
{
	const struct step *step = &steps[_i];

	ck_assert_uint_eq(halt_poll_next(&step->policy, step->poll, step->halt), step->next);
}
END_TEST

/* Whatever happens, the limit holds. */
START_TEST(never_above_the_limit)
{
	struct halt_policy policy;
	u32 poll = 0;
	int i;

	srand(_i);
	for (i = 0; i < 100000; i++) {
		if (i % 100 == 0)
			policy = (struct halt_policy){ rand() % 300000, rand() % 5, rand() % 20000,
						       rand() % 5 };
		poll = halt_poll_next(&policy, poll, rand() % 400000);
		ck_assert_uint_le(poll, policy.max);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("halt");
	TCase *tcase = tcase_create("policy");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, one_step, 0, ARRAY_SIZE(steps));
	tcase_add_loop_test(tcase, never_above_the_limit, 0, 4);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
