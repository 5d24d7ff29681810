// SPDX-License-Identifier: GPL-2.0-only
/*
 * The log of written pages: it has what was written, by whomever, and nothing else.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/tenon.h>

#include "dirty_calls.h"

#define GIGA		 0x40000000UL

#define MSR_WALL_CLOCK	 0x4b564d00
#define MSR_SYSTEM_CLOCK 0x4b564d01

/* A VM with 1 MiB at 0, a vCPU in flat 32-bit mode, and @pages pages at AREA. */
static uint8_t *with_area(struct abi_vm **vm, size_t pages, uint32_t flags)
{
	uint8_t *mem = new_pages(pages * PAGE, 0);

	*vm = abi_vm(0x100000);
	abi_vcpu(*vm);
	CHECK_EQ(abi_set_slot(*vm, AREA_ID, flags, AREA, pages * PAGE, mem), 0);
	return mem;
}

static void test_refused(void)
{
	uint64_t bitmap[4] = {};
	struct abi_vm *vm;
	uint8_t *mem = with_area(&vm, 200, LOG);
	const struct {
		uint32_t id;
		uint64_t first;
		uint32_t nr;
		int err;
	} rows[] = {
		{ 0, 0, 64, ENOENT },	       { 2, 0, 64, ENOENT },
		{ 32763, 0, 64, ENOENT },      { 32764, 0, 64, EINVAL },
		{ 0xffff, 0, 64, EINVAL },     { 0x20001, 0, 64, EINVAL },
		{ 0, 1, 64, EINVAL },	       { 2, 63, 64, EINVAL },
		{ 1, 1, 64, EINVAL },	       { 1, 32, 64, EINVAL },
		{ 1, 256, 64, EINVAL },	       { 1, 256, 0, EINVAL },
		{ 1, 1ULL << 63, 64, EINVAL }, { 1, -64ULL, 64, EINVAL },
		{ 1, 0, 1, EINVAL },	       { 1, 0, 199, EINVAL },
		{ 1, 0, 201, EINVAL },	       { 1, 0, 256, EINVAL },
		{ 1, 64, 135, EINVAL },	       { 1, 64, 137, EINVAL },
		{ 1, 128, 192, EINVAL },       { 1, 0, -64, EINVAL },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		int r = clear_log(vm, rows[i].id, rows[i].first, rows[i].nr, bitmap);

		if (r == 0 || errno != rows[i].err)
			abi_fail(__FILE__, __LINE__, "row %zu: %d, errno %d, not %d", i, r, errno,
				 rows[i].err);
		if (rows[i].id != 1 && rows[i].first % 64 == 0)
			CHECK_ERRNO(get_log(vm, rows[i].id, bitmap), rows[i].err);
	}
	CHECK_EQ(clear_log(vm, 1, 0, 0, NULL), 0);
	CHECK_EQ(clear_log(vm, 1, 64, 64, bitmap), 0);
	CHECK_EQ(clear_log(vm, 1, 64, 136, bitmap), 0);
	CHECK_EQ(clear_log(vm, 1, 192, 8, bitmap), 0);
	CHECK_EQ(clear_log(vm, 1, 0, 200, bitmap), 0);
	CHECK_ERRNO(get_log(vm, AREA_ID, (void *)8), EFAULT);
	CHECK_ERRNO(get_log(vm, AREA_ID, (void *)-8), EFAULT);
	CHECK_ERRNO(clear_log(vm, AREA_ID, 0, 200, (void *)8), EFAULT);
	CHECK_ERRNO(get_log(vm, 2, (void *)8), ENOENT);
	CHECK_ERRNO(ioctl(vm->fd, KVM_GET_DIRTY_LOG, (void *)8), EFAULT);
	CHECK_ERRNO(ioctl(vm->fd, KVM_CLEAR_DIRTY_LOG, (void *)8), EFAULT);
	/* Nothing of the slot but logging may change. */
	CHECK_ERRNO(abi_set_slot(vm, AREA_ID, LOG | KVM_MEM_READONLY, AREA, 200 * PAGE, mem),
		    EINVAL);
	CHECK_ERRNO(abi_set_slot(vm, AREA_ID, LOG, AREA, 199 * PAGE, mem), EINVAL);
	CHECK_ERRNO(abi_set_slot(vm, AREA_ID, 0, AREA, 200 * PAGE, mem + PAGE), EINVAL);
	CHECK_ERRNO(abi_set_slot(vm, AREA_ID, LOG | 4, AREA, 200 * PAGE, mem), EINVAL);
	CHECK_ERRNO(abi_set_slot(vm, AREA_ID, 0, 0x80000, 200 * PAGE, mem), EEXIST);
}

static void test_enable(void)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .flags = 1 };
	struct abi_vm *vm = abi_vm(0);

	CHECK_EQ(ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2), 3);
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	CHECK_ERRNO(enable(vm, KVM_DIRTY_LOG_INITIALLY_SET), EINVAL);
	CHECK_ERRNO(enable(vm, 4), EINVAL);
	CHECK_ERRNO(enable(vm, 7), EINVAL);
	CHECK_ERRNO(enable(vm, MANUAL | 1ULL << 63), EINVAL);
	CHECK_EQ(enable(vm, MANUAL), 0);
	CHECK_EQ(enable(vm, INIT_SET), 0);
	CHECK_EQ(enable(vm, 0), 0);
}

/* Each written page, once, and no other; also when it was mapped before, or is not any more. */
static void test_writes(void)
{
	struct abi_vm *vm;
	uint8_t *mem = with_area(&vm, 64, 0);

	touch(vm, OP_INC, AREA, 32, PAGE);
	CHECK_EQ(abi_set_slot(vm, AREA_ID, LOG, AREA, 64 * PAGE, mem), 0);
	CHECK_EQ(log64(vm), 0);
	store(vm, 0);
	store(vm, 17);
	store(vm, 40);
	store(vm, 63);
	CHECK_EQ(log64(vm), 1ULL | 1ULL << 17 | 1ULL << 40 | 1ULL << 63);
	CHECK_EQ(log64(vm), 0);
	/* Reads, of pages that are mapped. */
	touch(vm, OP_LOAD, AREA, 32, PAGE);
	touch(vm, OP_LOAD, AREA + 40 * PAGE, 1, 0);
	CHECK_EQ(log64(vm), 0);
	touch(vm, OP_INC, AREA + 17 * PAGE, 2, PAGE);
	CHECK_EQ(log64(vm), 3ULL << 17);
	/* A write across two pages. */
	touch(vm, OP_INC, AREA + 20 * PAGE - 2, 1, 0);
	CHECK_EQ(log64(vm), 3ULL << 19);
	CHECK_EQ(madvise(mem + 5 * PAGE, PAGE, MADV_DONTNEED), 0);
	store(vm, 5);
	CHECK_EQ(log64(vm), 1ULL << 5);
	/* User space's own writes are its own business. */
	mem[7 * PAGE] = 1;
	CHECK_EQ(log64(vm), 0);
	CHECK_EQ(*(uint32_t *)(mem + 17 * PAGE), 3);
}

/* A read that maps a page lets it be written, if the host does: it counts. */
static void test_reads(void)
{
	struct abi_vm *vm;
	uint8_t *mem = with_area(&vm, 64, LOG);

	memset(mem, 1, 32 * PAGE);
	touch(vm, OP_LOAD, AREA, 16, PAGE);
	/* Of what the host has not got, a read gets its page of zeroes. */
	touch(vm, OP_LOAD, AREA + 40 * PAGE, 4, PAGE);
	CHECK_EQ(log64(vm), 0xffff);
	/* The log is why these cannot be written: a read changes nothing. */
	touch(vm, OP_LOAD, AREA, 16, PAGE);
	CHECK_EQ(log64(vm), 0);
	touch(vm, OP_INC, AREA + 3 * PAGE, 1, 0);
	store(vm, 41);
	CHECK_EQ(log64(vm), 1ULL << 3 | 1ULL << 41);
}

/* Bitmaps end with the word that has the last page. */
static void test_edges(void)
{
	static const uint32_t sizes[] = { 1, 63, 64, 65, 127, 128, 129, 1000 };
	uint64_t bitmap[18];
	size_t i, words, j;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint32_t pages = sizes[i];
		struct abi_vm *vm;

		with_area(&vm, pages, LOG);
		touch(vm, OP_INC, AREA, pages, PAGE);
		words = (pages + 63) / 64;
		memset(bitmap, 0x5a, sizeof(bitmap));
		CHECK_EQ(get_log(vm, AREA_ID, bitmap), 0);
		for (j = 0; j < words - 1; j++)
			CHECK_EQ(bitmap[j], -1ULL);
		CHECK_EQ(bitmap[j], -1ULL >> (words * 64 - pages));
		CHECK_EQ(bitmap[j + 1], 0x5a5a5a5a5a5a5a5a);
		abi_close(vm);
	}
}

/* What the log does when the slot changes. */
static void test_changes(void)
{
	struct abi_vm *vm;
	uint8_t *mem = with_area(&vm, 64, LOG);
	uint64_t word;

	store(vm, 1);
	CHECK_EQ(abi_set_slot(vm, AREA_ID, LOG, AREA, 64 * PAGE, mem), 0);
	/* It moves with the slot. */
	CHECK_EQ(abi_set_slot(vm, AREA_ID, LOG, AREA + PAGE, 64 * PAGE, mem), 0);
	touch(vm, OP_INC, AREA + 4 * PAGE, 1, 0);
	CHECK_EQ(log64(vm), 1ULL << 1 | 1ULL << 3);
	/* Off and on again, it is a new one. */
	touch(vm, OP_INC, AREA + 4 * PAGE, 1, 0);
	CHECK_EQ(abi_set_slot(vm, AREA_ID, 0, AREA + PAGE, 64 * PAGE, mem), 0);
	CHECK_ERRNO(get_log(vm, AREA_ID, &word), ENOENT);
	CHECK_ERRNO(clear_log(vm, AREA_ID, 0, 64, &word), ENOENT);
	touch(vm, OP_INC, AREA + 5 * PAGE, 1, 0);
	CHECK_EQ(abi_set_slot(vm, AREA_ID, LOG, AREA + PAGE, 64 * PAGE, mem), 0);
	CHECK_EQ(log64(vm), 0);
	touch(vm, OP_INC, AREA + 5 * PAGE, 1, 0);
	CHECK_EQ(log64(vm), 1ULL << 4);
	/* Off in a move, and on in another. */
	CHECK_EQ(abi_set_slot(vm, AREA_ID, 0, AREA, 64 * PAGE, mem), 0);
	CHECK_ERRNO(get_log(vm, AREA_ID, &word), ENOENT);
	store(vm, 8);
	CHECK_EQ(abi_set_slot(vm, AREA_ID, LOG, AREA + PAGE, 64 * PAGE, mem), 0);
	CHECK_EQ(log64(vm), 0);
	touch(vm, OP_INC, AREA + 9 * PAGE, 1, 0);
	CHECK_EQ(log64(vm), 1ULL << 8);
	/* Gone, flags or no flags. */
	CHECK_EQ(abi_set_slot(vm, AREA_ID, LOG, 0, 0, NULL), 0);
	CHECK_ERRNO(get_log(vm, AREA_ID, &word), ENOENT);
	CHECK_EQ(abi_set_slot(vm, AREA_ID, LOG, AREA, 64 * PAGE, mem), 0);
	CHECK_EQ(log64(vm), 0);
}

/* ROM can be logged: nothing is written to it. */
static void test_readonly(void)
{
	struct abi_vm *vm;
	uint8_t *mem = with_area(&vm, 64, LOG | KVM_MEM_READONLY);

	touch(vm, OP_LOAD, AREA, 64, PAGE);
	CHECK_EQ(log64(vm), 0);
	CHECK_EQ(abi_set_slot(vm, AREA_ID, KVM_MEM_READONLY, AREA, 64 * PAGE, mem), 0);
	CHECK_EQ(abi_set_slot(vm, AREA_ID, LOG | KVM_MEM_READONLY, AREA, 64 * PAGE, mem), 0);
	ABI_CODE(vm, CODE, 0xa2, 0, 0, 0, AREA >> 24, 0xf4);
	abi_flat32(vm, 0, CODE);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_MMIO);
	CHECK_EQ(vm->run[0]->mmio.is_write, 1);
	CHECK_EQ(log64(vm), 0);
}

/* What the module writes for the guest: a string from a port, a move from a device. */
static void test_emulated(void)
{
	struct abi_vm *vm;
	struct kvm_run *run;

	with_area(&vm, 64, LOG);
	run = vm->run[0];
	/* mov edi,AREA+PAGE-2; mov ecx,1; rep insd (port dx); hlt: over a page's end */
	ABI_CODE(vm, CODE, 0xbf, 0xfe, 0x0f, 0, AREA >> 24, 0xb9, 1, 0, 0, 0, 0xf3, 0x6d, 0xf4);
	abi_flat32(vm, 0, CODE);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_IO);
	CHECK_EQ(log64(vm) & ~3ULL, 0);
	memset((uint8_t *)run + run->io.data_offset, 0x11, 4);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	CHECK_EQ(log64(vm), 3);
	/* mov edi,AREA+9*PAGE; mov esi,NO_RAM; movsd; hlt */
	ABI_CODE(vm, CODE, 0xbf, 0, 0x90, 0, AREA >> 24, 0xbe, 0, 0, 0, NO_RAM >> 24, 0xa5, 0xf4);
	abi_flat32(vm, 0, CODE);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_MMIO);
	memset(run->mmio.data, 0x22, 4);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	CHECK_EQ(log64(vm), 1 << 9);
}

/* What the module writes on its own: the guest's clocks. */
static void test_clock(void)
{
	struct abi_vm *vm;

	with_area(&vm, 64, LOG);
	ABI_CODE(vm, CODE, 0xf4);
	abi_flat32(vm, 0, CODE);
	CHECK_EQ(abi_set_msr(vm, 0, MSR_SYSTEM_CLOCK, (AREA + 3 * PAGE) | 1), 1);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	CHECK_EQ(log64(vm), 1 << 3);
	abi_flat32(vm, 0, CODE);
	CHECK_EQ(abi_set_msr(vm, 0, MSR_SYSTEM_CLOCK, (AREA + 3 * PAGE) | 1), 1);
	CHECK_EQ(abi_set_msr(vm, 0, MSR_WALL_CLOCK, AREA + 6 * PAGE), 1);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	CHECK_EQ(log64(vm), 1 << 3 | 1 << 6);
}

/* The processor sets flags in the guest's page tables. */
static void test_guest_tables(void)
{
	struct abi_vm *vm = abi_vm(0x100000);
	uint64_t bitmap[4];

	abi_vcpu(vm);
	ABI_CODE(vm, CODE, 0xf4);
	abi_long(vm, 0, CODE);
	CHECK_EQ(abi_set_slot(vm, 0, LOG, 0, 0x100000, vm->mem), 0);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	CHECK_EQ(get_log(vm, 0, bitmap), 0);
	CHECK_EQ(bitmap[0] >> (ABI_TABLES / PAGE) & 7, 7);
}

/* Manual protection: fetching changes nothing, and what is cleared is what was asked for. */
static void test_manual(void)
{
	uint64_t bitmap[4], mask[4] = { 0xf0, -1ULL, 1, -1ULL };
	struct abi_vm *vm;

	with_area(&vm, 200, LOG);
	CHECK_EQ(enable(vm, MANUAL), 0);
	touch(vm, OP_INC, AREA, 200, PAGE);
	CHECK_EQ(get_log(vm, AREA_ID, bitmap), 0);
	CHECK_EQ(get_log(vm, AREA_ID, bitmap), 0);
	CHECK_EQ(bitmap[0] & bitmap[1] & bitmap[2], -1ULL);
	CHECK_EQ(bitmap[3], 0xff);
	/* Bits of page 64 on: words 0 and 1 of the mask. */
	CHECK_EQ(clear_log(vm, AREA_ID, 64, 128, mask), 0);
	CHECK_EQ(get_log(vm, AREA_ID, bitmap), 0);
	CHECK_EQ(bitmap[0], -1ULL);
	CHECK_EQ(bitmap[1], ~0xf0ULL);
	CHECK_EQ(bitmap[2], 0);
	CHECK_EQ(bitmap[3], 0xff);
	/* To clear what is clear, and what is beyond the end. */
	CHECK_EQ(clear_log(vm, AREA_ID, 0, 200, mask), 0);
	CHECK_EQ(get_log(vm, AREA_ID, bitmap), 0);
	CHECK_EQ(bitmap[0], ~0xf0ULL);
	CHECK_EQ(bitmap[1] | bitmap[2] | bitmap[3], 0);
	touch(vm, OP_INC, AREA, 8, 25 * PAGE);
	touch(vm, OP_INC, AREA + 5 * PAGE, 3, 64 * PAGE);
	CHECK_EQ(get_log(vm, AREA_ID, bitmap), 0);
	CHECK_EQ(bitmap[0] & 0xf0, 0x20);
	CHECK_EQ(bitmap[1] >> 5 & 1, 1);
	CHECK_EQ(bitmap[2] >> 5 & 1, 1);
	/* And without: it is fetched and cleared in one. */
	CHECK_EQ(enable(vm, 0), 0);
	CHECK_EQ(get_log(vm, AREA_ID, bitmap), 0);
	CHECK_EQ(get_log(vm, AREA_ID, bitmap), 0);
	CHECK_EQ(bitmap[0] | bitmap[1] | bitmap[2] | bitmap[3], 0);
}

/* A clear that cannot read its mask clears nothing. */
static void test_clear_fault(void)
{
	uint64_t *mask = (void *)new_pages(2 * PAGE, 0), *bitmap = (void *)new_pages(2 * PAGE, 0);
	uint32_t pages = 512 * 64 + 64;
	struct abi_vm *vm;

	with_area(&vm, pages, LOG);
	CHECK_EQ(enable(vm, MANUAL), 0);
	store(vm, 0);
	store(vm, pages - 1);
	memset(mask, 0xff, 2 * PAGE);
	CHECK_EQ(munmap(mask + 512, PAGE), 0);
	CHECK_ERRNO(clear_log(vm, AREA_ID, 0, pages, mask), EFAULT);
	CHECK_EQ(get_log(vm, AREA_ID, bitmap), 0);
	CHECK_EQ(bitmap[0], 1);
	CHECK_EQ(bitmap[512], 1ULL << 63);
	CHECK_EQ(clear_log(vm, AREA_ID, 0, 512 * 64, mask), 0);
	CHECK_EQ(get_log(vm, AREA_ID, bitmap), 0);
	CHECK_EQ(bitmap[0], 0);
	CHECK_EQ(bitmap[512], 1ULL << 63);
}

/* All pages count as written at first, whether the slot is new or not. */
static void test_initially_set(void)
{
	uint64_t bitmap[2], all[2] = { -1ULL, -1ULL };
	struct abi_vm *vm;
	uint8_t *mem = with_area(&vm, 100, 0);
	int i;

	CHECK_EQ(enable(vm, INIT_SET), 0);
	touch(vm, OP_INC, AREA, 50, PAGE);
	for (i = 0; i < 2; i++) {
		CHECK_EQ(abi_set_slot(vm, AREA_ID, LOG, AREA, 100 * PAGE, mem), 0);
		CHECK_EQ(get_log(vm, AREA_ID, bitmap), 0);
		CHECK_EQ(bitmap[0], -1ULL);
		CHECK_EQ(bitmap[1], (1ULL << 36) - 1);
		store(vm, 3);
		CHECK_EQ(clear_log(vm, AREA_ID, 0, 100, all), 0);
		CHECK_EQ(get_log(vm, AREA_ID, bitmap), 0);
		CHECK_EQ(bitmap[0] | bitmap[1], 0);
		store(vm, 3);
		store(vm, 99);
		CHECK_EQ(get_log(vm, AREA_ID, bitmap), 0);
		CHECK_EQ(bitmap[0], 1ULL << 3);
		CHECK_EQ(bitmap[1], 1ULL << 35);
		CHECK_EQ(abi_set_slot(vm, AREA_ID, 0, 0, 0, NULL), 0);
	}
}

/* How many of the last exits were for AREA's sake: faults. */
static int area_faults(struct abi_vm *vm, uint64_t size)
{
	struct tenon_exit_log log;
	unsigned int i;
	int nr = 0;

	CHECK_EQ(ioctl(vm->vcpu[0], TENON_GET_EXIT_LOG, &log), 0);
	for (i = 0; i < log.nr; i++)
		nr += log.exits[i].info[1] >= AREA && log.exits[i].info[1] < AREA + size;
	return nr;
}

static bool on_tenon(void)
{
	return ioctl(abi_dev(), KVM_CHECK_EXTENSION, TENON_CAP_EXIT_LOG) > 0;
}

/* Exits that have nothing to do with AREA, so that the log of exits has no others. */
static void forget_exits(struct abi_vm *vm)
{
	int i;

	for (i = 0; i < TENON_EXIT_LOG_ENTRIES; i++)
		touch(vm, OP_LOAD, 0, 1, 0);
}

static uint64_t bits_in(const uint64_t *bitmap, size_t words)
{
	uint64_t nr = 0;

	while (words--)
		nr += __builtin_popcountll(bitmap[words]);
	return nr;
}

/* @size bytes at @mem, which the host has in large pages of @large bytes. */
static void large_pages(uint8_t *mem, size_t size, size_t large, uint64_t how)
{
	size_t words = size / PAGE / 64, last = size / PAGE - 3, i;
	struct abi_vm *vm = abi_vm(0x100000);
	uint64_t *bitmap = calloc(words, 8), *all = malloc(words * 8);

	CHECK(bitmap && all);
	memset(all, 0xff, words * 8);
	abi_vcpu(vm);
	CHECK_EQ(enable(vm, how), 0);
	for (i = 0; i < size; i += PAGE)
		*(uint32_t *)(mem + i) = i + 1;
	CHECK_EQ(abi_set_slot(vm, AREA_ID, 0, AREA, size, mem), 0);
	touch(vm, OP_LOAD, AREA, size / HUGE, HUGE);
	touch(vm, OP_INC, AREA, 1, 0);
	for (i = 0; i < 2; i++) {
		CHECK_EQ(abi_set_slot(vm, AREA_ID, LOG, AREA, size, mem), 0);
		CHECK_EQ(get_log(vm, AREA_ID, bitmap), 0);
		CHECK_EQ(bits_in(bitmap, words), how == INIT_SET ? size / PAGE : 0);
		CHECK_EQ(clear_log(vm, AREA_ID, 0, size / PAGE, all), 0);
		store(vm, 7);
		store(vm, last);
		CHECK_EQ(get_log(vm, AREA_ID, bitmap), 0);
		CHECK_EQ(bits_in(bitmap, words), 2);
		CHECK_EQ(bitmap[0], 1 << 7);
		CHECK_EQ(bitmap[words - 1], 1ULL << last % 64);
		CHECK_EQ(*(uint32_t *)(mem + 7 * PAGE), 7 * PAGE + 2 + i);
		touch(vm, OP_INC, AREA + 9 * PAGE, 3, PAGE);
		CHECK_EQ(clear_log(vm, AREA_ID, 0, size / PAGE, all), 0);
		store(vm, 8);
		CHECK_EQ(get_log(vm, AREA_ID, bitmap), 0);
		CHECK_EQ(bits_in(bitmap, words), 1);
		CHECK_EQ(bitmap[0], 1 << 8);
		CHECK_EQ(abi_set_slot(vm, AREA_ID, 0, AREA, size, mem), 0);
		if (!on_tenon())
			continue;
		/* One fault for each large page tells that they are mapped as such again. */
		forget_exits(vm);
		touch(vm, OP_LOAD, AREA, large / PAGE, PAGE);
		CHECK_EQ(area_faults(vm, size), 1);
		touch(vm, OP_INC, AREA + PAGE, 1, 0);
		CHECK_EQ(area_faults(vm, size), 1);
	}
	abi_close(vm);
}

static void test_transparent_huge(void)
{
	uint8_t *raw = new_pages(5 * HUGE, 0);
	uint8_t *mem = raw + (-(uintptr_t)raw & (HUGE - 1));
	size_t i;

	for (i = 0; i < ARRAY_SIZE(manners); i++) {
		CHECK_EQ(madvise(mem, 4 * HUGE, MADV_DONTNEED), 0);
		if (madvise(mem, 4 * HUGE, MADV_HUGEPAGE))
			abi_skip("no transparent huge pages");
		large_pages(mem, 4 * HUGE, HUGE, manners[i]);
	}
}

static void reserve(size_t kib, int nr)
{
	char path[80], count[8];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%zukB/nr_hugepages", kib);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		abi_skip("%s: errno %d", path, errno);
	snprintf(count, sizeof(count), "%d", nr);
	CHECK_EQ(write(fd, count, strlen(count)), (ssize_t)strlen(count));
	close(fd);
}

static void hugetlb(size_t size, size_t large, int shift)
{
	uint8_t *mem;
	size_t i;

	reserve(large / 1024, size / large);
	mem = new_pages(size, MAP_HUGETLB | MAP_POPULATE | shift << MAP_HUGE_SHIFT);
	for (i = 0; i < ARRAY_SIZE(manners); i++)
		large_pages(mem, size, large, manners[i]);
	munmap(mem, size);
	reserve(large / 1024, 0);
}

static void test_hugetlb_2m(void)
{
	hugetlb(4 * HUGE, HUGE, 21);
}

static void test_hugetlb_1g(void)
{
	hugetlb(GIGA, GIGA, 30);
}

static const struct abi_test tests[] = { { "refused", test_refused },
					 { "enable", test_enable },
					 { "writes", test_writes },
					 { "reads", test_reads },
					 { "edges", test_edges },
					 { "changes", test_changes },
					 { "readonly", test_readonly },
					 { "emulated", test_emulated },
					 { "clock", test_clock },
					 { "guest_tables", test_guest_tables },
					 { "manual", test_manual },
					 { "clear_fault", test_clear_fault },
					 { "initially_set", test_initially_set },
					 { "transparent_huge", test_transparent_huge },
					 { "hugetlb_2m", test_hugetlb_2m },
					 { "hugetlb_1g", test_hugetlb_1g },
					 {} };

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	return abi_main(tests, argc, argv);
}
