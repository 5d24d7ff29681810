// SPDX-License-Identifier: GPL-2.0-only
/*
 * user/explain.c: what the user reads when a guest has died, by a hypervisor that answers as the
 * test wants it.
 */
#include <check.h>
#include <errno.h>
#include <linux/kvm.h>
#include <linux/tenon.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array_size.h"
#include "term.h"
#include "vcpu.h"
#include "vm.h"

#define DEV_FD	1000
#define VCPU_FD 1001

static struct guest_mem mem;
static struct vm vm = { .name = "guest", .dev_fd = DEV_FD, .mem = &mem };
static struct kvm_run run;
static struct vcpu vcpu = { .vm = &vm, .fd = VCPU_FD, .run = &run, .name = "guest/0" };

/* The hypervisor. */
static bool has_capability;
static struct tenon_entry_failure failure;
static unsigned int asked;

void term_restore(void)
{
}

int __wrap_ioctl(int fd, unsigned long cmd, ...);

int __wrap_ioctl(int fd, unsigned long cmd, ...)
{
	va_list args;
	void *arg;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	if (fd == DEV_FD && cmd == KVM_CHECK_EXTENSION && (uintptr_t)arg == TENON_CAP_ENTRY_FAILURE)
		return has_capability ? TENON_BROKEN_RULES : 0;
	if (fd == VCPU_FD && cmd == TENON_GET_ENTRY_FAILURE) {
		asked++;
		memcpy(arg, &failure, sizeof(failure));
		return 0;
	}
	if (fd == DEV_FD && cmd == KVM_CHECK_EXTENSION)
		return 0;
	errno = EINVAL;
	return -1;
}

/* What vcpu_explain() prints. */
static const char *printed(void)
{
	static char text[8192];
	int fds[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	ck_assert_int_eq(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	vcpu_explain(&vcpu, "the processor refused to enter the guest: hardware reason 0x%x", 33u);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[1]);
	n = read(fds[0], text, sizeof(text) - 1);
	close(fds[0]);
	text[n > 0 ? n : 0] = 0;
	return text;
}

static void setup(void)
{
	static const struct tenon_broken_rule rules[] = {
		{ .value = 0xc09b,
		  .field = "guest CS access rights",
		  .why = "L and D are both 1",
		  .section = "SDM 3, 27.3.1.2" },
		{ .field = "guest RFLAGS", .why = "bit 1 is 0", .section = "SDM 3, 27.3.1.4" },
		{ .flags = TENON_BROKEN_RULE_HOST,
		  .field = "host CR0",
		  .why = "a bit is 0",
		  .section = "SDM 3, 27.2.2" },
	};

	asked = 0;
	has_capability = true;
	run.exit_reason = KVM_EXIT_FAIL_ENTRY;
	memset(&failure, 0, sizeof(failure));
	failure.count = 1;
	failure.nr = ARRAY_SIZE(rules);
	memcpy(failure.rules, rules, sizeof(rules));
}

#define SENTENCE                                                                     \
	"tenon: guest/0: the guest died: the processor refused to enter the guest: " \
	"hardware reason 0x21\n"

START_TEST(names_field_and_rule)
{
	ck_assert_str_eq(printed(), SENTENCE
			 "  guest CS access rights is 0xc09b: L and D are both 1 (SDM 3, 27.3.1.2)\n"
			 "  guest RFLAGS is 0x0: bit 1 is 0 (SDM 3, 27.3.1.4)\n"
			 "  host CR0: a bit is 0 (SDM 3, 27.2.2)\n");
}
END_TEST

START_TEST(nothing_known)
{
	failure.nr = 0;
	ck_assert_str_eq(printed(), SENTENCE "  it breaks no rule that the hypervisor knows of\n");
}
END_TEST

/* Another hypervisor does not know the ioctl. */
START_TEST(not_asked)
{
	has_capability = false;
	ck_assert_str_eq(printed(), SENTENCE);
	ck_assert_uint_eq(asked, 0);
}
END_TEST

/* A guest that died of something else. */
START_TEST(not_a_refused_entry)
{
	run.exit_reason = KVM_EXIT_SHUTDOWN;
	ck_assert_str_eq(printed(), SENTENCE);
	ck_assert_uint_eq(asked, 0);
}
END_TEST

/* Numbers and texts are not trusted to end where they should. */
START_TEST(bounded)
{
	const char *text;

	memset(failure.rules, 0x7e, sizeof(failure.rules));
	failure.nr = ~0u;
	text = printed();
	ck_assert_uint_eq(strlen(text),
			  strlen(SENTENCE) +
				  TENON_BROKEN_RULES * (strlen("   is 0x7e7e7e7e7e7e7e7e:  ()\n") +
							sizeof(failure.rules[0].field) +
							sizeof(failure.rules[0].why) +
							sizeof(failure.rules[0].section)));
}
END_TEST

int main(void)
{
	const struct TTest *tests[] = { names_field_and_rule, nothing_known, not_asked,
					not_a_refused_entry, bounded };
	Suite *suite = suite_create("explain");
	TCase *tcase = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
