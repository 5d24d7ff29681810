// SPDX-License-Identifier: GPL-2.0-only
/* The buses: what overlaps is refused, accesses land where they belong, also while regions move. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "bus.h"
#include "mem.h"

static struct bus *bus;
static uint64_t last_offset;
static uint64_t last_value;
static unsigned int last_size;

static uint64_t echo_read(void *opaque, uint64_t offset, unsigned int size)
{
	last_offset = offset;
	last_size = size;
	return (uint64_t)(uintptr_t)opaque;
}

static void note_write(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
	(void)opaque;
	last_offset = offset;
	last_size = size;
	last_value = value;
}

static const struct bus_ops ops = { .read = echo_read, .write = note_write };

static void setup(void)
{
	bus = bus_create(0xffff);
	ck_assert_ptr_nonnull(bus);
}

static void teardown(void)
{
	bus_destroy(bus);
}

static int add(uint64_t base, uint64_t size, uintptr_t mark)
{
	return bus_add(bus, base, size, &ops, (void *)mark);
}

static uint64_t in(uint64_t addr, unsigned int size)
{
	uint64_t data = 0;

	bus_access(bus, addr, size, false, &data);
	return data;
}

START_TEST(refuses_overlaps)
{
	ck_assert_int_eq(add(0x100, 0x10, 1), 0);
	ck_assert_int_eq(add(0x120, 0x10, 2), 0);
	ck_assert_int_eq(add(0x110, 0x10, 3), 0);
	ck_assert_int_eq(add(0x100, 0x10, 4), -EEXIST);
	ck_assert_int_eq(add(0xff, 2, 4), -EEXIST);
	ck_assert_int_eq(add(0x10f, 1, 4), -EEXIST);
	ck_assert_int_eq(add(0, 0x10000, 4), -EEXIST);
	ck_assert_int_eq(add(0xff, 1, 5), 0);
	ck_assert_int_eq(add(0x130, 1, 5), 0);
}
END_TEST

START_TEST(refuses_nonsense)
{
	ck_assert_int_eq(add(0x100, 0, 1), -EINVAL);
	ck_assert_int_eq(add(0xfff0, 0x11, 1), -EINVAL);
	ck_assert_int_eq(add(0x10000, 1, 1), -EINVAL);
	ck_assert_int_eq(add(0x10, UINT64_MAX, 1), -EINVAL);
	ck_assert_int_eq(add(0xfff0, 0x10, 1), 0);
}
END_TEST

START_TEST(is_bounded)
{
	for (unsigned int i = 0; i < BUS_MAX_REGIONS; i++)
		ck_assert_int_eq(add(i * 2, 1, i), 0);
	ck_assert_int_eq(add(0xf000, 1, 1), -ENOSPC);
	bus_remove(bus, 6, 1);
	ck_assert_int_eq(add(0xf000, 1, 1), 0);
	ck_assert_uint_eq(in(6, 1), 0xff);
	ck_assert_uint_eq(in(8, 1), 4);
}
END_TEST

START_TEST(finds_regions)
{
	add(0x200, 8, 0x22);
	add(0x100, 4, 0x11);
	add(0x300, 1, 0x33);
	ck_assert_uint_eq(in(0x103, 1), 0x11);
	ck_assert_uint_eq(last_offset, 3);
	ck_assert_uint_eq(in(0x200, 8), 0x22);
	ck_assert_uint_eq(last_size, 8);
	ck_assert_uint_eq(in(0x300, 1), 0x33);
}
END_TEST

START_TEST(nobody_reads_as_ones)
{
	uint64_t data = 0;

	add(0x100, 4, 0x11);
	ck_assert_uint_eq(in(0xff, 1), 0xff);
	ck_assert_uint_eq(in(0x104, 2), 0xffff);
	ck_assert_uint_eq(in(0x102, 4), 0xffffffff); /* leaves the region */
	ck_assert(!bus_access(bus, UINT64_MAX, 8, false, &data));
	ck_assert(!bus_access(bus, 0x100, 3, false, &data));
	ck_assert(!bus_access(bus, 0x104, 4, true, &data));
}
END_TEST

START_TEST(writes_only_the_bytes_given)
{
	uint64_t data = 0x1122334455667788;

	add(0x100, 8, 0);
	ck_assert(bus_access(bus, 0x102, 2, true, &data));
	ck_assert_uint_eq(last_value, 0x7788);
	ck_assert_uint_eq(last_offset, 2);
}
END_TEST

START_TEST(removes_exactly)
{
	add(0x100, 0x10, 1);
	bus_remove(bus, 0x100, 8);
	bus_remove(bus, 0x104, 0x10);
	bus_remove(bus, 0x200, 1);
	ck_assert_uint_eq(in(0x100, 1), 1);
	bus_remove(bus, 0x100, 0x10);
	ck_assert_uint_eq(in(0x100, 1), 0xff);
}
END_TEST

static atomic_bool done;

static uint64_t own_base(void *opaque, uint64_t offset, unsigned int size)
{
	(void)size;
	return (uintptr_t)opaque + offset;
}

static const struct bus_ops moving_ops = { .read = own_base, .write = note_write };

/* Whatever the mover does, a reader sees a whole region or none, and the fixed ones always. */
static void *reader(void *arg)
{
	(void)arg;
	while (!atomic_load(&done)) {
		uint16_t value = 0;

		ck_assert(bus_access(bus, 0x5000, 2, false, &value));
		ck_assert_uint_eq(value, 0x5000);
		if (bus_access(bus, 0x1004, 2, false, &value))
			ck_assert_uint_eq(value, 0x1004);
	}
	return NULL;
}

START_TEST(looks_up_during_changes)
{
	pthread_t thread;

	ck_assert_int_eq(bus_add(bus, 0x5000, 8, &moving_ops, (void *)0x5000), 0);
	atomic_store(&done, false);
	ck_assert_int_eq(pthread_create(&thread, NULL, reader, NULL), 0);
	for (unsigned int i = 0; i < 20000; i++) {
		uintptr_t base = 0x1000 + 4 * (i % 4);

		ck_assert_int_eq(bus_add(bus, base, 8, &moving_ops, (void *)base), 0);
		bus_remove(bus, base, 8);
	}
	atomic_store(&done, true);
	pthread_join(thread, NULL);
}
END_TEST

START_TEST(memory_ranges)
{
	struct guest_mem mem;
	uint64_t value = 0x1234;

	ck_assert_int_eq(mem_create(&mem, MEM_LOW_END + 0x200000), 0);
	ck_assert_uint_eq(mem.nr_ranges, 2);
	ck_assert_uint_eq(mem.size, MEM_LOW_END + 0x200000);
	ck_assert(guest_write(&mem, MEM_HIGH_START, &value, 8));
	ck_assert(guest_read(&mem, MEM_HIGH_START + 1, &value, 1));
	ck_assert_uint_eq(value & 0xff, 0x12);
	ck_assert_ptr_nonnull(guest_ptr(&mem, MEM_LOW_END - 8, 8));
	ck_assert_ptr_null(guest_ptr(&mem, MEM_LOW_END - 7, 8));
	ck_assert_ptr_null(guest_ptr(&mem, MEM_LOW_END, 1));
	ck_assert_ptr_null(guest_ptr(&mem, MEM_HIGH_START - 1, 1));
	ck_assert_ptr_null(guest_ptr(&mem, MEM_HIGH_START + 0x200000 - 4, 5));
	ck_assert_ptr_null(guest_ptr(&mem, 0x1000, UINT64_MAX));
	ck_assert_ptr_null(guest_ptr(&mem, UINT64_MAX, 2));
	ck_assert(!guest_write(&mem, MEM_LOW_END, &value, 8));
	mem_destroy(&mem);
	ck_assert_ptr_null(guest_ptr(&mem, 0, 1));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bus");
	TCase *tcase = tcase_create("bus");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, refuses_overlaps);
	tcase_add_test(tcase, refuses_nonsense);
	tcase_add_test(tcase, is_bounded);
	tcase_add_test(tcase, finds_regions);
	tcase_add_test(tcase, nobody_reads_as_ones);
	tcase_add_test(tcase, writes_only_the_bytes_given);
	tcase_add_test(tcase, removes_exactly);
	tcase_add_test(tcase, looks_up_during_changes);
	tcase_add_test(tcase, memory_ranges);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
