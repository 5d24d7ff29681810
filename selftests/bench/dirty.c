// SPDX-License-Identifier: GPL-2.0-only
/*
 * What it costs to log the writes to 1 GiB in 4 KiB pages: to fetch a log in which each page is, to
 * clear one, to fetch one with nothing in it, and the guest's first write to each page after that.
 * One line per row: "row UNIT VALUE".
 */
#include <x86intrin.h>

#include "dirty_calls.h"

#define SIZE  (1024UL << 20)
#define PAGES (SIZE / PAGE)

static uint64_t bitmap[PAGES / 64];

static void row(const char *name, uint64_t begin)
{
	printf("%s instructions/page %.2f\n", name, (double)(__rdtsc() - begin) / PAGES);
}

static void write_all(struct abi_vm *vm)
{
	touch(vm, OP_INC, AREA, PAGES, PAGE);
}

static void check_all(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bitmap); i++)
		CHECK_EQ(bitmap[i], -1ULL);
}

static void measure(void)
{
	struct abi_vm *vm = abi_vm(0x100000);
	uint8_t *mem = new_pages(SIZE, 0);
	uint64_t begin;

	abi_vcpu(vm);
	CHECK_EQ(madvise(mem, SIZE, MADV_NOHUGEPAGE), 0);
	memset(mem, 1, SIZE);
	CHECK_EQ(abi_set_slot(vm, AREA_ID, 0, AREA, SIZE, mem), 0);
	write_all(vm);
	CHECK_EQ(abi_set_slot(vm, AREA_ID, LOG, AREA, SIZE, mem), 0);
	begin = __rdtsc();
	write_all(vm);
	row("dirty_fault", begin);
	begin = __rdtsc();
	CHECK_EQ(get_log(vm, AREA_ID, bitmap), 0);
	row("dirty_get_1g", begin);
	check_all();
	begin = __rdtsc();
	CHECK_EQ(get_log(vm, AREA_ID, bitmap), 0);
	row("dirty_get_clean_1g", begin);
	CHECK_EQ(enable(vm, MANUAL), 0);
	write_all(vm);
	CHECK_EQ(get_log(vm, AREA_ID, bitmap), 0);
	check_all();
	begin = __rdtsc();
	CHECK_EQ(clear_log(vm, AREA_ID, 0, PAGES, bitmap), 0);
	row("dirty_clear_1g", begin);
	abi_close(vm);
}

int main(int argc, char **argv)
{
	static const struct abi_test tests[] = {
		{ "dirty", measure },
		{ NULL, NULL },
	};

	(void)argc;
	setvbuf(stdout, NULL, _IOLBF, 0);
	abi_test_seconds = 600;
	return abi_main(tests, 1, argv);
}
