// SPDX-License-Identifier: GPL-2.0-only
/* Interrupt routes, with a hypervisor that remembers the table or refuses it. */
#include <check.h>
#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "irq.h"
#include "vm.h"

#define LINE_ENTRIES (15 + IRQ_NR_LINES - 1) /* the PIC has no line 2, nor has an interrupt */

static struct vm vm;
static bool refuse;
static unsigned int nr, installs;
static struct kvm_irq_routing_entry last;

/* Stands in front of the C library's. */
int ioctl(int fd, unsigned long request, ...)
{
	const struct kvm_irq_routing *image;
	va_list args;

	(void)fd;
	va_start(args, request);
	image = va_arg(args, void *);
	va_end(args);
	if (request != KVM_SET_GSI_ROUTING)
		return 0;
	if (refuse) {
		errno = ENOMEM;
		return -1;
	}
	installs++;
	nr = image->nr;
	last = image->entries[nr - 1];
	return 0;
}

static void setup(void)
{
	ck_assert_int_eq(irq_create(&vm), 0);
	ck_assert_int_eq(irq_restore(&vm), 0);
	ck_assert_uint_eq(nr, LINE_ENTRIES);
}

static void teardown(void)
{
	irq_destroy(&vm);
}

START_TEST(routes_come_and_go)
{
	int gsi = irq_alloc_msi_route(&vm);

	ck_assert_int_eq(gsi, IRQ_NR_LINES);
	ck_assert_int_eq(irq_set_msi_route(&vm, gsi, 0x1fee00000, 0x4041), 0);
	ck_assert_uint_eq(nr, LINE_ENTRIES + 1);
	ck_assert_uint_eq(last.gsi, gsi);
	ck_assert_uint_eq(last.type, KVM_IRQ_ROUTING_MSI);
	ck_assert_uint_eq(last.u.msi.address_lo, 0xfee00000);
	ck_assert_uint_eq(last.u.msi.address_hi, 1);
	ck_assert_uint_eq(last.u.msi.data, 0x4041);
	/* The same again is no work. */
	ck_assert_int_eq(irq_set_msi_route(&vm, gsi, 0x1fee00000, 0x4041), 0);
	ck_assert_uint_eq(installs, 2);
	irq_free_msi_route(&vm, gsi);
	ck_assert_uint_eq(nr, LINE_ENTRIES);
	ck_assert_int_eq(irq_set_msi_route(&vm, gsi, 0, 0), -EINVAL);
	ck_assert_int_eq(irq_set_msi_route(&vm, 0, 0, 0), -EINVAL);
	ck_assert_int_eq(irq_set_msi_route(&vm, -1, 0, 0), -EINVAL);
}
END_TEST

/* A route that the hypervisor refused is not taken for one that it has. */
START_TEST(refused_route)
{
	int gsi = irq_alloc_msi_route(&vm);

	refuse = true;
	ck_assert_int_eq(irq_set_msi_route(&vm, gsi, 0xfee00000, 0x41), -ENOMEM);
	ck_assert_int_eq(irq_set_msi_route(&vm, gsi, 0xfee00000, 0x41), -ENOMEM);
	refuse = false;
	ck_assert_int_eq(irq_restore(&vm), 0);
	ck_assert_uint_eq(nr, LINE_ENTRIES);
	ck_assert_int_eq(irq_set_msi_route(&vm, gsi, 0xfee00000, 0x41), 0);
	ck_assert_uint_eq(nr, LINE_ENTRIES + 1);
	/* One that it has stays as it was. */
	refuse = true;
	ck_assert_int_eq(irq_set_msi_route(&vm, gsi, 0xfee00000, 0x42), -ENOMEM);
	refuse = false;
	ck_assert_int_eq(irq_restore(&vm), 0);
	ck_assert_uint_eq(last.u.msi.data, 0x41);
}
END_TEST

START_TEST(routes_run_out)
{
	unsigned int i;

	for (i = 0; i < IRQ_MAX_ROUTES; i++)
		ck_assert_int_eq(irq_alloc_msi_route(&vm), (int)(IRQ_NR_LINES + i));
	ck_assert_int_eq(irq_alloc_msi_route(&vm), -ENOSPC);
	irq_free_msi_route(&vm, IRQ_NR_LINES + 7);
	ck_assert_int_eq(irq_alloc_msi_route(&vm), IRQ_NR_LINES + 7);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("irq");
	TCase *tcase = tcase_create("irq");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, routes_come_and_go);
	tcase_add_test(tcase, refused_route);
	tcase_add_test(tcase, routes_run_out);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
