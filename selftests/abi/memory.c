// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory: KVM_SET_USER_MEMORY_REGION, and pages that the kernel takes away from user space
 * while a guest uses them. security.md, rows 14, 16, 17 and 19.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/tenon.h>

#include "lib/abi.h"

#define PAGE	0x1000UL
#define CODE	0x1000
#define AREA	0x10000000ULL
#define AREA_ID 1
#define STORM_S 2

static uint8_t *new_pages(size_t size)
{
	uint8_t *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(mem != MAP_FAILED);
	return mem;
}

/* A VM with 1 MiB at 0, a vCPU in flat 32-bit mode, and @size bytes at AREA, which it returns. */
static uint8_t *with_area(struct abi_vm **vm, size_t size, uint32_t flags)
{
	uint8_t *mem = new_pages(size);

	*vm = abi_vm(0x100000);
	abi_vcpu(*vm);
	CHECK_EQ(abi_set_slot(*vm, AREA_ID, flags, AREA, size, mem), 0);
	return mem;
}

/* mov eax,[gpa]; hlt. The exit; *@value if that is KVM_EXIT_HLT. */
static int guest_load(struct abi_vm *vm, uint32_t gpa, uint32_t *value)
{
	uint8_t code[] = { 0xa1, gpa, gpa >> 8, gpa >> 16, gpa >> 24, 0xf4 };
	int exit;

	abi_code(vm, CODE, code, sizeof(code));
	abi_flat32(vm, 0, CODE);
	exit = abi_run(vm, 0);
	if (exit == KVM_EXIT_HLT)
		*value = abi_regs(vm, 0).rax;
	return exit;
}

/* mov eax,value; mov [gpa],eax; hlt. The exit. */
static int guest_store(struct abi_vm *vm, uint32_t gpa, uint32_t value)
{
	uint8_t code[] = {
		0xb8, value,	value >> 8, value >> 16, value >> 24, 0xa3,
		gpa,  gpa >> 8, gpa >> 16,  gpa >> 24,	 0xf4,
	};

	abi_code(vm, CODE, code, sizeof(code));
	abi_flat32(vm, 0, CODE);
	return abi_run(vm, 0);
}

static void loads(struct abi_vm *vm, uint64_t gpa, uint32_t expect)
{
	uint32_t value;

	CHECK_EQ(guest_load(vm, gpa, &value), KVM_EXIT_HLT);
	CHECK_EQ(value, expect);
}

static void misses(struct abi_vm *vm, uint64_t gpa)
{
	uint32_t value;

	CHECK_EQ(guest_load(vm, gpa, &value), KVM_EXIT_MMIO);
	CHECK_EQ(vm->run[0]->mmio.phys_addr, gpa);
	CHECK_EQ(vm->run[0]->mmio.is_write, 0);
	/* Let the instruction end, so that the next one starts from nothing. */
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
}

static uint32_t *word(void *mem, size_t offset)
{
	return (uint32_t *)((uint8_t *)mem + offset);
}

/* What is refused, and with which errno. Slot 0 is at [0, 1 MiB), slot 1 at AREA. */
static void test_refused(void)
{
	struct abi_vm *vm;
	uint8_t *mem = with_area(&vm, 16 * PAGE, 0);
	const struct {
		uint32_t id;
		uint32_t flags;
		uint64_t gpa;
		uint64_t size;
		uint64_t hva;
		int err;
	} rows[] = {
		{ 2, 0, 0x200800, PAGE, (uintptr_t)mem, EINVAL },
		{ 2, 0, 0x200000, PAGE + 1, (uintptr_t)mem, EINVAL },
		{ 2, 0, 0x200000, PAGE, (uintptr_t)mem + 8, EINVAL },
		{ 2, 4, 0x200000, PAGE, (uintptr_t)mem, EINVAL },
		{ 2, 1u << 31, 0x200000, PAGE, (uintptr_t)mem, EINVAL },
		{ 0xffff, 0, 0x200000, PAGE, (uintptr_t)mem, EINVAL },
		{ 32764, 0, 0x200000, PAGE, (uintptr_t)mem, EINVAL },
		{ 0x20002, 0, 0x200000, PAGE, (uintptr_t)mem, EINVAL },
		{ 2, 0, -PAGE, 2 * PAGE, (uintptr_t)mem, EINVAL },
		{ 2, 0, -PAGE, PAGE, (uintptr_t)mem, EINVAL },
		{ 2, 0, 1ULL << 52, PAGE, (uintptr_t)mem, EINVAL },
		{ 2, 0, 0x200000, PAGE, 0xffff888000000000, EINVAL },
		{ 2, 0, 0x200000, PAGE, 0x00fffffffffff000, EINVAL },
		{ 2, 0, 0x200000, 1ULL << 43, PAGE, EINVAL },
		{ 2, 0, 0x200000, -PAGE, PAGE, EINVAL },
		{ 2, 0, 0x200000, 0, (uintptr_t)mem, EINVAL },
		{ 2, 0, AREA, PAGE, (uintptr_t)mem, EEXIST },
		{ 2, 0, AREA + 15 * PAGE, 2 * PAGE, (uintptr_t)mem, EEXIST },
		{ 2, 0, AREA - PAGE, 2 * PAGE, (uintptr_t)mem, EEXIST },
		{ 2, 0, AREA - PAGE, 18 * PAGE, (uintptr_t)mem, EEXIST },
		{ 2, 0, 0, AREA + PAGE, (uintptr_t)mem, EEXIST },
		/* Slot 1 exists: neither size, flags nor address may change. */
		{ 1, 0, AREA, 8 * PAGE, (uintptr_t)mem, EINVAL },
		{ 1, 0, AREA, 17 * PAGE, (uintptr_t)mem, EINVAL },
		{ 1, 0, AREA, 16 * PAGE, (uintptr_t)mem + PAGE, EINVAL },
		{ 1, KVM_MEM_READONLY, AREA, 16 * PAGE, (uintptr_t)mem, EINVAL },
		{ 1, 0, 0xff000, 16 * PAGE, (uintptr_t)mem, EEXIST },
		{ 1, 0, 1ULL << 52, 16 * PAGE, (uintptr_t)mem, EINVAL },
		/* What is not used to delete a slot is looked at all the same. */
		{ 1, 4, AREA, 0, (uintptr_t)mem, EINVAL },
		{ 1, 0, AREA + 8, 0, (uintptr_t)mem, EINVAL },
		{ 1, 0, AREA, 0, (uintptr_t)mem + 8, EINVAL },
		{ 1, 0, AREA, 0, 0xffff888000000000, EINVAL },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		int r = abi_set_slot(vm, rows[i].id, rows[i].flags, rows[i].gpa, rows[i].size,
				     (void *)rows[i].hva);

		if (r == 0 || errno != rows[i].err)
			abi_fail(__FILE__, __LINE__, "row %zu: %d, errno %d, not %d", i, r, errno,
				 rows[i].err);
	}
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, (void *)8), EFAULT);
	*word(mem, 0) = 0x11111111;
	loads(vm, AREA, 0x11111111);
}

/* The upper half of a slot's number is an address space, of as many as the capability tells. */
static void test_address_spaces(void)
{
	struct abi_vm *vm;
	uint8_t *mem = with_area(&vm, PAGE, 0);
	struct kvm_dirty_log log = { .dirty_bitmap = mem };
	uint32_t spaces = ioctl(abi_dev(), KVM_CHECK_EXTENSION, KVM_CAP_MULTI_ADDRESS_SPACE);
	uint32_t id;

	for (id = 1; id < 5; id++) {
		bool there = id < (spaces ?: 1);
		int r = abi_set_slot(vm, id << 16 | 2, 0, AREA, PAGE, mem);

		CHECK(there ? !r : r < 0 && errno == EINVAL);
		log.slot = id << 16 | 2;
		CHECK_ERRNO(ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log), there ? ENOENT : EINVAL);
	}
}

static void test_neighbours(void)
{
	struct abi_vm *vm;
	uint8_t *mem = with_area(&vm, 2 * PAGE, 0);

	CHECK_EQ(abi_set_slot(vm, 2, 0, AREA - PAGE, PAGE, mem), 0);
	CHECK_EQ(abi_set_slot(vm, 3, 0, AREA + 2 * PAGE, PAGE, mem + PAGE), 0);
	*word(mem, 0) = 1;
	*word(mem, PAGE) = 2;
	loads(vm, AREA - PAGE, 1);
	loads(vm, AREA, 1);
	loads(vm, AREA + PAGE, 2);
	loads(vm, AREA + 2 * PAGE, 2);
	misses(vm, AREA - 2 * PAGE);
	misses(vm, AREA + 3 * PAGE);
}

static void test_delete(void)
{
	struct abi_vm *vm;
	uint8_t *mem = with_area(&vm, 4 * PAGE, 0);

	*word(mem, PAGE) = 0x1234;
	loads(vm, AREA + PAGE, 0x1234);
	CHECK_EQ(abi_set_slot(vm, AREA_ID, 0, 0, 0, NULL), 0);
	misses(vm, AREA + PAGE);
	CHECK_ERRNO(abi_set_slot(vm, AREA_ID, 0, 0, 0, NULL), EINVAL);
	CHECK_EQ(abi_set_slot(vm, AREA_ID, 0, AREA, 2 * PAGE, mem), 0);
	loads(vm, AREA + PAGE, 0x1234);
	misses(vm, AREA + 2 * PAGE);
}

static void test_move(void)
{
	struct abi_vm *vm;
	uint8_t *mem = with_area(&vm, 4 * PAGE, 0);
	int i;

	for (i = 0; i < 4; i++)
		*word(mem, i * PAGE) = i + 1;
	loads(vm, AREA, 1);
	loads(vm, AREA + 3 * PAGE, 4);
	CHECK_EQ(abi_set_slot(vm, AREA_ID, 0, AREA, 4 * PAGE, mem), 0);
	/* Onto itself, one page on. */
	CHECK_EQ(abi_set_slot(vm, AREA_ID, 0, AREA + PAGE, 4 * PAGE, mem), 0);
	misses(vm, AREA);
	loads(vm, AREA + PAGE, 1);
	loads(vm, AREA + 4 * PAGE, 4);
	CHECK_EQ(abi_set_slot(vm, AREA_ID, 0, 2 * AREA, 4 * PAGE, mem), 0);
	misses(vm, AREA + PAGE);
	loads(vm, 2 * AREA, 1);
}

static void test_readonly(void)
{
	struct abi_vm *vm;
	uint8_t *mem = with_area(&vm, 2 * PAGE, KVM_MEM_READONLY);
	struct kvm_run *run = vm->run[0];

	*word(mem, 8) = 0x5678;
	CHECK_EQ(guest_store(vm, AREA + 8, 0xdead), KVM_EXIT_MMIO);
	CHECK_EQ(run->mmio.phys_addr, AREA + 8);
	CHECK_EQ(run->mmio.len, 4);
	CHECK_EQ(run->mmio.is_write, 1);
	CHECK_EQ(*word(run->mmio.data, 0), 0xdead);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	loads(vm, AREA + 8, 0x5678);
	/* Also when a mapping to read is there already. */
	CHECK_EQ(guest_store(vm, AREA + 8, 0xdead), KVM_EXIT_MMIO);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	CHECK_EQ(*word(mem, 8), 0x5678);
}

/* User space may only read what it gave as memory: a read works, a write is an error. */
static void test_unwritable(void)
{
	struct abi_vm *vm;
	uint8_t *mem = with_area(&vm, PAGE, 0);

	*word(mem, 0) = 0x77;
	CHECK_EQ(mprotect(mem, PAGE, PROT_READ), 0);
	loads(vm, AREA, 0x77);
	CHECK_EQ(guest_store(vm, AREA, 0x88), -EFAULT);
	CHECK_EQ(mprotect(mem, PAGE, PROT_READ | PROT_WRITE), 0);
	CHECK_EQ(guest_store(vm, AREA, 0x88), KVM_EXIT_HLT);
	CHECK_EQ(*word(mem, 0), 0x88);
	CHECK_EQ(mprotect(mem, PAGE, PROT_READ), 0);
	loads(vm, AREA, 0x88);
	CHECK_EQ(guest_store(vm, AREA, 0x99), -EFAULT);
	CHECK_EQ(*word(mem, 0), 0x88);
}

static void test_unmapped(void)
{
	struct abi_vm *vm;
	uint8_t *mem = with_area(&vm, 2 * PAGE, 0);
	uint32_t value;

	*word(mem, 0) = 1;
	loads(vm, AREA, 1);
	CHECK_EQ(munmap(mem, PAGE), 0);
	CHECK_EQ(guest_load(vm, AREA, &value), -EFAULT);
	CHECK(mmap(mem, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		   0) == mem);
	*word(mem, 0) = 2;
	loads(vm, AREA, 2);
	loads(vm, AREA + PAGE, 0);
}

/* Pages that are replaced under a guest that has used them. */
static void test_replaced(void)
{
	struct abi_vm *vm;
	uint8_t *mem = with_area(&vm, 4 * PAGE, 0);
	uint8_t *other = new_pages(PAGE);

	CHECK_EQ(guest_store(vm, AREA, 0xabcd), KVM_EXIT_HLT);
	CHECK_EQ(*word(mem, 0), 0xabcd);
	CHECK_EQ(madvise(mem, PAGE, MADV_DONTNEED), 0);
	loads(vm, AREA, 0);
	CHECK_EQ(guest_store(vm, AREA, 0x1111), KVM_EXIT_HLT);
	CHECK_EQ(*word(mem, 0), 0x1111);
	*word(other, 0) = 0x2222;
	CHECK(mremap(other, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, mem) == mem);
	loads(vm, AREA, 0x2222);
	/* A read of a page never touched maps the zero page: the write must get its own. */
	loads(vm, AREA + PAGE, 0);
	loads(vm, AREA + 2 * PAGE, 0);
	CHECK_EQ(guest_store(vm, AREA + PAGE, 0x3333), KVM_EXIT_HLT);
	loads(vm, AREA + PAGE, 0x3333);
	loads(vm, AREA + 2 * PAGE, 0);
	CHECK_EQ(*word(mem, PAGE), 0x3333);
	/* Likewise if it is user space that writes first. */
	*word(mem, 2 * PAGE) = 0x4444;
	loads(vm, AREA + 2 * PAGE, 0x4444);
}

static void test_fork(void)
{
	struct abi_vm *vm;
	uint8_t *mem = with_area(&vm, PAGE, 0);
	int go[2], status;
	pid_t pid;
	char byte;

	CHECK_EQ(guest_store(vm, AREA, 0x1111), KVM_EXIT_HLT);
	CHECK_EQ(pipe(go), 0);
	pid = fork();
	if (!pid) {
		CHECK_EQ(read(go[0], &byte, 1), 1);
		/* Another process may not touch the VM. */
		CHECK_ERRNO(ioctl(vm->vcpu[0], KVM_RUN, 0), EIO);
		CHECK_ERRNO(abi_set_slot(vm, AREA_ID, 0, 0, 0, NULL), EIO);
		_exit(*word(mem, 0) == 0x1111 ? 0 : 3);
	}
	/* The page is shared with the child now: this must not reach it. */
	CHECK_EQ(guest_store(vm, AREA, 0x2222), KVM_EXIT_HLT);
	CHECK_EQ(*word(mem, 0), 0x2222);
	CHECK_EQ(write(go[1], "", 1), 1);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	loads(vm, AREA, 0x2222);
	*word(mem, 0) = 0x3333;
	loads(vm, AREA, 0x3333);
}

#define HUGE 0x200000UL

/* A huge page is mapped as such, then taken to pieces. */
static void test_huge(void)
{
	uint8_t *raw = new_pages(4 * HUGE);
	uint8_t *mem = raw + (-(uintptr_t)raw & (HUGE - 1));
	struct abi_vm *vm = abi_vm(0x100000);
	size_t offset;

	abi_vcpu(vm);
	madvise(mem, 2 * HUGE, MADV_HUGEPAGE);
	for (offset = 0; offset < 2 * HUGE; offset += PAGE)
		*word(mem, offset) = offset + 1;
	CHECK_EQ(abi_set_slot(vm, AREA_ID, 0, AREA, 2 * HUGE, mem), 0);
	for (offset = 0; offset < 2 * HUGE; offset += 37 * PAGE)
		loads(vm, AREA + offset, offset + 1);
	CHECK_EQ(madvise(mem + 5 * PAGE, PAGE, MADV_DONTNEED), 0);
	loads(vm, AREA + 4 * PAGE, 4 * PAGE + 1);
	loads(vm, AREA + 5 * PAGE, 0);
	loads(vm, AREA + 6 * PAGE, 6 * PAGE + 1);
	CHECK_EQ(guest_store(vm, AREA + 7 * PAGE, 0x7777), KVM_EXIT_HLT);
	CHECK_EQ(*word(mem, 7 * PAGE), 0x7777);
	CHECK_EQ(mprotect(mem + HUGE, HUGE, PROT_READ), 0);
	loads(vm, AREA + HUGE + PAGE, HUGE + PAGE + 1);
	CHECK_EQ(guest_store(vm, AREA + HUGE + PAGE, 0), -EFAULT);
	CHECK_EQ(mprotect(mem + HUGE, HUGE, PROT_READ | PROT_WRITE), 0);
	CHECK_EQ(guest_store(vm, AREA + HUGE + PAGE, 0x8888), KVM_EXIT_HLT);
	CHECK_EQ(*word(mem, HUGE + PAGE), 0x8888);
	/* A slot that a huge page does not fit into. */
	CHECK_EQ(abi_set_slot(vm, 2, 0, 2 * AREA + PAGE, HUGE, mem), 0);
	loads(vm, 2 * AREA + PAGE + 9 * PAGE, 9 * PAGE + 1);
	CHECK_EQ(abi_set_slot(vm, 3, 0, 3 * AREA, HUGE, mem + PAGE), 0);
	loads(vm, 3 * AREA + 8 * PAGE, 9 * PAGE + 1);
}

static bool file_says(const char *path, const char *text)
{
	char content[4096] = "";
	int file = open(path, O_RDONLY);

	if (file < 0)
		return false;
	CHECK(read(file, content, sizeof(content) - 1) >= 0);
	close(file);
	return strstr(content, text);
}

/* A page that is executed may not change its size on this processor, or the host stops. */
static bool has_multihit(void)
{
	return !file_says("/sys/devices/system/cpu/vulnerabilities/itlb_multihit",
			  "Not affected") &&
	       !file_says("/proc/cmdline", "mitigations=off");
}

/* How often the nested page tables had nothing for the guest in the first huge page at AREA. */
static int count_faults(struct abi_vm *vm)
{
	struct tenon_exit_log log;
	int count = 0;
	uint32_t i;

	if (ioctl(vm->vcpu[0], TENON_GET_EXIT_LOG, &log))
		SKIP_ON_REFERENCE("no exit log");
	for (i = 0; i < log.nr; i++)
		count += log.exits[i].info[1] / HUGE == AREA / HUGE;
	return count;
}

/* mov eax,[AREA]; jmp AREA + PAGE; there: hlt. Then once more. */
static void test_huge_executed(void)
{
	uint8_t *raw = new_pages(2 * HUGE);
	uint8_t *mem = raw + (-(uintptr_t)raw & (HUGE - 1));
	struct abi_vm *vm = abi_vm(0x100000);
	const uint32_t there = AREA + PAGE - 0x100a;
	const uint8_t code[] = {
		0xa1, AREA & 0xff,  AREA >> 8 & 0xff,  AREA >> 16 & 0xff,  AREA >> 24,
		0xe9, there & 0xff, there >> 8 & 0xff, there >> 16 & 0xff, there >> 24,
	};
	int i;

	abi_vcpu(vm);
	madvise(mem, HUGE, MADV_HUGEPAGE);
	memset(mem, 0xf4, HUGE);
	if (file_says("/proc/self/smaps_rollup", "AnonHugePages:         0 kB"))
		abi_skip("no huge pages");
	CHECK_EQ(abi_set_slot(vm, AREA_ID, 0, AREA, HUGE, mem), 0);
	abi_code(vm, 0x1000, code, sizeof(code));
	for (i = 0; i < 3; i++) {
		abi_flat32(vm, 0, 0x1000);
		CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
		CHECK_EQ(abi_regs(vm, 0).rip, AREA + PAGE + 1);
		CHECK_EQ((uint32_t)abi_regs(vm, 0).rax, 0xf4f4f4f4);
	}
	CHECK_EQ(count_faults(vm) > 1, has_multihit());
	CHECK_EQ(guest_store(vm, AREA + 2 * PAGE, 0x2222), KVM_EXIT_HLT);
	loads(vm, AREA + 2 * PAGE, 0x2222);
}

/*
 * Code and the page tables that lead to it, in one huge page: neither takes away the other's
 * mapping for ever.
 */
static void test_huge_with_tables(void)
{
	struct abi_vm *vm = abi_vm(HUGE);
	int i;

	abi_vcpu(vm);
	madvise(vm->mem, HUGE, MADV_HUGEPAGE);
	memset(vm->mem, 0xf4, HUGE);
	for (i = 0; i < 3; i++) {
		/* mov eax,[0x1000]; hlt */
		ABI_CODE(vm, 0x1000, 0x8b, 0x04, 0x25, 0, 0x10, 0, 0, 0xf4);
		abi_long(vm, 0, 0x1000);
		CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
		CHECK_EQ((uint32_t)abi_regs(vm, 0).rax, 0x0025048b);
	}
}

/* Memory that a driver has mapped, without page structures behind it: the BIOS. */
static void test_device(void)
{
	struct abi_vm *vm = abi_vm(0x100000);
	int fd = open("/dev/mem", O_RDONLY);
	uint8_t *mem;
	size_t i;

	if (fd < 0)
		abi_skip("no /dev/mem");
	mem = mmap(NULL, 16 * PAGE, PROT_READ, MAP_SHARED, fd, 0xf0000);
	if (mem == MAP_FAILED)
		abi_skip("/dev/mem: errno %d", errno);
	abi_vcpu(vm);
	CHECK_EQ(abi_set_slot(vm, AREA_ID, 0, AREA, 16 * PAGE, mem), 0);
	for (i = 0; i < 16 * PAGE; i += 0x555 * 4)
		loads(vm, AREA + i, *word(mem, i));
	loads(vm, AREA + 0xfff0, *word(mem, 0xfff0));
	CHECK_EQ(guest_store(vm, AREA, 0), -EFAULT);
}

/* All the slots there can be, one page each, in three orders; more are refused. */
static void test_many(void)
{
	static const uint32_t steps[] = { 1, 32763, 7919 };
	uint8_t *mem = new_pages(PAGE);
	uint32_t i, id, nr, step;
	struct abi_vm *vm;

	*word(mem, 0) = 0xcafe;
	for (step = 0; step < 3; step++) {
		vm = abi_vm(0x100000);
		abi_vcpu(vm);
		nr = ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS);
		CHECK_EQ(nr, 32764);
		/* Out of order is slow: fewer of these. */
		for (i = 1; i < (step ? 2000 : nr); i++) {
			id = (uint64_t)i * steps[step] % nr;
			CHECK_EQ(abi_set_slot(vm, id, 0, AREA + 2 * PAGE * id, PAGE, mem), 0);
		}
		CHECK_ERRNO(abi_set_slot(vm, nr, 0, 0x200000, PAGE, mem), EINVAL);
		id = 1999ULL * steps[step] % nr;
		loads(vm, AREA + 2 * PAGE * id, 0xcafe);
		misses(vm, AREA + 2 * PAGE * id + PAGE);
		abi_close(vm);
	}
}

/**
 * struct spinner - a vCPU that runs until its thread gets an exit other than MMIO
 * @stubborn: goes on after -EFAULT, too
 * @exit: that exit; -EINTR after an immediate_exit
 * @mmio: how many MMIO exits there were, each answered with ones
 */
struct spinner {
	struct abi_vm *vm;
	int vcpu;
	bool stubborn;
	pthread_t thread;
	int exit;
	unsigned long mmio;
};

static void *spin(void *arg)
{
	struct spinner *spinner = arg;
	struct kvm_run *run = spinner->vm->run[spinner->vcpu];

	do {
		spinner->exit = abi_run(spinner->vm, spinner->vcpu);
		memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
		__atomic_add_fetch(&spinner->mmio, 1, __ATOMIC_RELAXED);
	} while (spinner->exit == KVM_EXIT_MMIO || (spinner->stubborn && spinner->exit == -EFAULT));
	return NULL;
}

/*
 * The guest has RFLAGS.IF set. No interrupt comes its way, but an emulator may not let the host's
 * interrupts end a guest that runs without it.
 */
static void start(struct spinner *spinner)
{
	struct kvm_regs regs = abi_regs(spinner->vm, spinner->vcpu);

	regs.rflags |= 1 << 9;
	CHECK_EQ(ioctl(spinner->vm->vcpu[spinner->vcpu], KVM_SET_REGS, &regs), 0);
	CHECK_EQ(pthread_create(&spinner->thread, NULL, spin, spinner), 0);
}

/* A guest that makes no exits does not hold up those who change its memory; it sees the change. */
static void test_computing(void)
{
	struct abi_vm *vm;
	uint8_t *mem = with_area(&vm, 2 * PAGE, 0), *more = new_pages(PAGE);
	struct spinner spinner = { .vm = vm };
	double begin, took;
	int i;

	/* again: inc ecx; cmp dword [AREA],0; je again; mov eax,[AREA+PAGE]; hlt */
	ABI_CODE(vm, CODE, 0x41, 0x83, 0x3d, 0, 0, 0, 0x10, 0, 0x74, 0xf6, 0xa1, 0, 0x10, 0, 0x10,
		 0xf4);
	abi_flat32(vm, 0, CODE);
	start(&spinner);
	usleep(300000);
	for (i = 0; i < 20; i++) {
		begin = abi_now();
		CHECK_EQ(abi_set_slot(vm, 2, 0, 2 * AREA, PAGE, more), 0);
		CHECK_EQ(abi_set_slot(vm, 2, 0, 0, 0, NULL), 0);
		took = abi_now() - begin;
		if (took > 10)
			abi_fail(__FILE__, __LINE__, "%g seconds", took);
	}
	/* The guest has this page in its TLB: only a flush shows it the new one. */
	CHECK_EQ(spinner.mmio, 0);
	*word(more, 0) = 1;
	*word(mem, PAGE) = 0x600d;
	CHECK(mremap(more, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, mem) == mem);
	CHECK_EQ(pthread_join(spinner.thread, NULL), 0);
	CHECK_EQ(spinner.exit, KVM_EXIT_HLT);
	CHECK_EQ(abi_regs(vm, 0).rax, 0x600d);
}

/* The same when the slot goes: the guest gets MMIO, which reads as ones. */
static void test_computing_delete(void)
{
	struct abi_vm *vm;
	struct spinner spinner = {};
	double begin;

	with_area(&vm, 2 * PAGE, 0);
	spinner.vm = vm;
	ABI_CODE(vm, CODE, 0x41, 0x83, 0x3d, 0, 0, 0, 0x10, 0, 0x74, 0xf6, 0xf4);
	abi_flat32(vm, 0, CODE);
	start(&spinner);
	usleep(300000);
	begin = abi_now();
	CHECK_EQ(abi_set_slot(vm, AREA_ID, 0, 0, 0, NULL), 0);
	CHECK(abi_now() - begin < 10);
	CHECK_EQ(pthread_join(spinner.thread, NULL), 0);
	CHECK_EQ(spinner.exit, KVM_EXIT_HLT);
}

#define STORM_PAGES 64

/* Two vCPUs add 1 to a word of each page of AREA for ever. */
static void storm_begin(struct abi_vm *vm, struct spinner spinner[2])
{
	int i;

	abi_vcpu(vm);
	/* outer: mov edi,AREA; mov ecx,64; inner: inc dword [edi]; add edi,PAGE; loop inner;
	 * jmp outer
	 */
	ABI_CODE(vm, CODE, 0xbf, 0, 0, 0, 0x10, 0xb9, STORM_PAGES, 0, 0, 0, 0xff, 0x07, 0x81, 0xc7,
		 0, 0x10, 0, 0, 0xe2, 0xf6, 0xeb, 0xea);
	for (i = 0; i < 2; i++) {
		spinner[i] = (struct spinner){ .vm = vm, .vcpu = i, .stubborn = true };
		abi_flat32(vm, i, CODE);
		start(&spinner[i]);
	}
}

static void storm_end(struct abi_vm *vm, struct spinner spinner[2])
{
	int i;

	for (i = 0; i < 2; i++) {
		vm->run[i]->immediate_exit = 1;
		abi_set_slot(vm, AREA_ID, 0, 0, 0, NULL);
	}
	for (i = 0; i < 2; i++) {
		CHECK_EQ(pthread_join(spinner[i].thread, NULL), 0);
		CHECK_EQ(spinner[i].exit, -EINTR);
	}
}

/* Pages go, and who gets their frames is not the guest: nothing may write to them any more. */
static void take_pages(uint8_t *mem)
{
	const size_t size = 8 * PAGE;
	uint8_t *canary;
	size_t i;

	CHECK_EQ(mprotect(mem, size, PROT_NONE), 0);
	CHECK_EQ(madvise(mem, size, MADV_DONTNEED), 0);
	canary = new_pages(size);
	memset(canary, 0x5a, size);
	usleep(100);
	for (i = 0; i < size; i++)
		CHECK_EQ(canary[i], 0x5a);
	CHECK(mremap(canary, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, mem) == mem);
}

/* A slot and its pages are deleted, moved, dropped and given back under two running vCPUs. */
static void test_storm(void)
{
	struct abi_vm *vm;
	uint8_t *mem = with_area(&vm, STORM_PAGES * PAGE, 0);
	struct spinner spinner[2];
	double end;

	storm_begin(vm, spinner);
	for (end = abi_now() + STORM_S; abi_now() < end;) {
		size_t size = STORM_PAGES * PAGE;

		CHECK_EQ(madvise(mem + 8 * PAGE, 16 * PAGE, MADV_DONTNEED), 0);
		CHECK_EQ(abi_set_slot(vm, AREA_ID, 0, 0, 0, NULL), 0);
		CHECK_EQ(abi_set_slot(vm, AREA_ID, 0, AREA, size, mem), 0);
		CHECK_EQ(abi_set_slot(vm, AREA_ID, 0, AREA + 4 * PAGE, size, mem), 0);
		CHECK_EQ(abi_set_slot(vm, AREA_ID, 0, AREA, size, mem), 0);
		take_pages(mem);
	}
	storm_end(vm, spinner);
}

/**
 * struct mover - a thread that deletes and moves a slot again and again
 * @stop: enough
 * @failed: a change was refused
 */
struct mover {
	struct abi_vm *vm;
	uint8_t *mem;
	bool stop;
	bool failed;
};

static void *move(void *arg)
{
	const size_t size = STORM_PAGES * PAGE;
	struct mover *mover = arg;

	while (!__atomic_load_n(&mover->stop, __ATOMIC_RELAXED) && !mover->failed) {
		/* The guest is to use the pages meanwhile. */
		usleep(500);
		mover->failed =
			abi_set_slot(mover->vm, AREA_ID, 0, AREA + size, size, mover->mem) ||
			abi_set_slot(mover->vm, AREA_ID, 0, 0, 0, NULL) ||
			abi_set_slot(mover->vm, AREA_ID, 0, AREA, size, mover->mem);
	}
	return NULL;
}

/* A page is taken while its slot is being deleted or moved, by somebody else. */
static void test_storm_slots(void)
{
	struct mover mover = {};
	struct spinner spinner[2];
	pthread_t thread;
	double end;

	mover.mem = with_area(&mover.vm, STORM_PAGES * PAGE, 0);
	storm_begin(mover.vm, spinner);
	CHECK_EQ(pthread_create(&thread, NULL, move, &mover), 0);
	for (end = abi_now() + STORM_S; abi_now() < end;)
		take_pages(mover.mem);
	__atomic_store_n(&mover.stop, true, __ATOMIC_RELAXED);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK(!mover.failed);
	storm_end(mover.vm, spinner);
}

static const struct abi_test tests[] = { { "slot_refused", test_refused },
					 { "slot_address_spaces", test_address_spaces },
					 { "slot_neighbours", test_neighbours },
					 { "slot_delete", test_delete },
					 { "slot_move", test_move },
					 { "slot_readonly", test_readonly },
					 { "slot_many", test_many },
					 { "page_unwritable", test_unwritable },
					 { "page_unmapped", test_unmapped },
					 { "page_replaced", test_replaced },
					 { "page_fork", test_fork },
					 { "page_huge", test_huge },
					 { "page_huge_executed", test_huge_executed },
					 { "page_huge_with_tables", test_huge_with_tables },
					 { "page_device", test_device },
					 { "computing_guest", test_computing },
					 { "computing_guest_delete", test_computing_delete },
					 { "storm", test_storm },
					 { "storm_slots", test_storm_slots },
					 {} };

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	return abi_main(tests, argc, argv);
}
