/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of the interrupt chips share: a table of tests and a main that runs it. */
#ifndef CHIP_TEST_H
#define CHIP_TEST_H

#include <check.h>
#include <stdlib.h>

#include <linux/kernel.h>

static inline int run_tests(const char *name, const struct TTest **tests, size_t nr)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create("all");
	SRunner *runner;
	int failed;
	size_t i;

	tcase_set_timeout(tcase, 60);
	for (i = 0; i < nr; i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
