// SPDX-License-Identifier: GPL-2.0-only
/*
 * Model-specific registers from both sides. Security row 11: whatever a guest or user space writes
 * to any MSR either is refused or reads back, and the host lives on with its own values.
 */
#include <stdlib.h>

#include "lib/abi.h"

#define CODE	0x1000
#define HANDLER 0x2000
#define RESULT	0x3000
#define ENTRIES 255
#define GP_SEEN 0x6b

struct list {
	struct kvm_msr_list head;
	uint32_t indices[1024];
};

struct msrs {
	struct kvm_msrs head;
	struct kvm_msr_entry entries[ENTRIES + 1];
};

static struct abi_vm *vm;
static int fd;
static struct list list;
static struct msrs msrs;

static void make(void)
{
	vm = abi_vm_irqchip(0x400000);
	fd = vm->vcpu[abi_vcpu(vm)];
}

static int get(uint32_t index, uint64_t *value)
{
	int r;

	msrs.head.nmsrs = 1;
	msrs.entries[0].index = index;
	r = ioctl(fd, KVM_GET_MSRS, &msrs);
	*value = msrs.entries[0].data;
	return r;
}

static int set(uint32_t index, uint64_t value)
{
	msrs.head.nmsrs = 1;
	msrs.entries[0].index = index;
	msrs.entries[0].data = value;
	return ioctl(fd, KVM_SET_MSRS, &msrs);
}

/* E2BIG tells the number, which then is just enough; nothing is written beyond. */
static void index_list(void)
{
	static const unsigned long commands[] = { KVM_GET_MSR_INDEX_LIST,
						  KVM_GET_MSR_FEATURE_INDEX_LIST };
	uint32_t i, nr;
	size_t c;

	for (c = 0; c < 2; c++) {
		memset(&list, 0xee, sizeof(list));
		list.head.nmsrs = 0;
		CHECK_ERRNO(ioctl(abi_dev(), commands[c], &list), E2BIG);
		nr = list.head.nmsrs;
		CHECK(nr > 0 && nr < 1000);
		list.head.nmsrs = nr - 1;
		CHECK_ERRNO(ioctl(abi_dev(), commands[c], &list), E2BIG);
		CHECK_EQ(list.head.nmsrs, nr);
		CHECK_EQ(ioctl(abi_dev(), commands[c], &list), 0);
		CHECK_EQ(list.indices[nr], 0xeeeeeeee);
		for (i = 1; i < nr; i++)
			CHECK(list.indices[i] > list.indices[i - 1]);
		CHECK_ERRNO(ioctl(abi_dev(), commands[c], NULL), EFAULT);
	}
}

/* What is in the list can be saved and restored. */
static void round_trip(void)
{
	uint32_t i;

	make();
	list.head.nmsrs = 1024;
	CHECK_EQ(ioctl(abi_dev(), KVM_GET_MSR_INDEX_LIST, &list), 0);
	CHECK(list.head.nmsrs < ENTRIES);
	msrs.head.nmsrs = list.head.nmsrs;
	for (i = 0; i < list.head.nmsrs; i++)
		msrs.entries[i].index = list.indices[i];
	CHECK_EQ(ioctl(fd, KVM_GET_MSRS, &msrs), list.head.nmsrs);
	CHECK_EQ(ioctl(fd, KVM_SET_MSRS, &msrs), list.head.nmsrs);
}

static void features(void)
{
	uint32_t i;

	list.head.nmsrs = 1024;
	CHECK_EQ(ioctl(abi_dev(), KVM_GET_MSR_FEATURE_INDEX_LIST, &list), 0);
	msrs.head.nmsrs = list.head.nmsrs + 1;
	for (i = 0; i < list.head.nmsrs; i++)
		msrs.entries[i].index = list.indices[i];
	msrs.entries[i].index = 0x10; /* not a feature */
	CHECK_EQ(ioctl(abi_dev(), KVM_GET_MSRS, &msrs), list.head.nmsrs);
	/* ARCH_CAPABILITIES and PERF_CAPABILITIES are, on any processor. */
	msrs.head.nmsrs = 2;
	msrs.entries[0].index = 0x10a;
	msrs.entries[1].index = 0x345;
	CHECK_EQ(ioctl(abi_dev(), KVM_GET_MSRS, &msrs), 2);
}

/* IA32_PERF_CAPABILITIES without performance counters: 0 can be put back, and nothing else. */
static void perf_capabilities(void)
{
	uint64_t value = 1;

	make();
	CHECK_EQ(get(0x345, &value), 1);
	if (value)
		SKIP_ON_REFERENCE("performance counters");
	CHECK_EQ(value, 0);
	CHECK_EQ(set(0x345, 0), 1);
	CHECK_EQ(set(0x345, 1ULL << 13), 0);
	CHECK_EQ(set(0x345, 1ULL << 63), 0);
}

/* Processing stops at the first entry that fails. */
static void stops_at_unknown(void)
{
	uint64_t value;

	make();
	msrs.head.nmsrs = 3;
	msrs.entries[0] = (struct kvm_msr_entry){ .index = 0x277, .data = 0x0606060606060606 };
	msrs.entries[1] = (struct kvm_msr_entry){ .index = 0xdeadbeef };
	msrs.entries[2] = (struct kvm_msr_entry){ .index = 0x174, .data = 0x10 };
	CHECK_EQ(ioctl(fd, KVM_SET_MSRS, &msrs), 1);
	CHECK_EQ(get(0x277, &value), 1);
	CHECK_EQ(value, 0x0606060606060606);
	CHECK_EQ(get(0x174, &value), 1);
	CHECK_EQ(value, 0);
	CHECK_EQ(get(0xdeadbeef, &value), 0);
	msrs.head.nmsrs = 256;
	CHECK_ERRNO(ioctl(fd, KVM_GET_MSRS, &msrs), E2BIG);
	CHECK_ERRNO(ioctl(fd, KVM_SET_MSRS, &msrs), E2BIG);
	msrs.head.nmsrs = ~0u;
	CHECK_ERRNO(ioctl(fd, KVM_GET_MSRS, &msrs), E2BIG);
	msrs.head.nmsrs = 0;
	CHECK_EQ(ioctl(fd, KVM_GET_MSRS, &msrs), 0);
	CHECK_ERRNO(ioctl(fd, KVM_GET_MSRS, NULL), EFAULT);
}

/* Values that the manuals forbid. */
static void refused_values(void)
{
	static const struct {
		uint32_t index;
		uint64_t value;
	} rows[] = {
		{ 0xc0000082, 0x0000800000000000 }, /* LSTAR: not canonical */
		{ 0xc0000083, 0x7fff800000000000 },
		{ 0xc0000100, 0x0001000000000000 },
		{ 0xc0000101, 0xfffe000000000000 },
		{ 0xc0000102, 0x0000800000000000 },
		{ 0x277, 0x0206060606060606 }, /* PAT: type 2 */
		{ 0x277, 0x06060606060606ff },
		{ 0x2ff, 0x1006 }, /* MTRRs: reserved bits, types */
		{ 0x2ff, 0x0c02 },
		{ 0x250, 0x03 },
		{ 0x200, 0x102 },
		{ 0x201, 0x400 },
		{ 0x201, 1ull << 63 },
		{ 0xc0000080, 1ull << 63 }, /* EFER */
		{ 0xc0000080, 1ull << 12 }, /* SVME: not offered */
		{ 0x1b, 0xfee00001 }, /* APIC base */
		{ 0x1b, 1ull << 63 },
		{ 0x48, 1ull << 63 },
		{ 0x49, 1ull << 63 },
		{ 0xda0, 1 },
		{ 0x10a, 1ull << 63 },
		{ 0x1d9, 1ull << 14 },
		{ 0x17b, 0x1234 },
		{ 0x400, 0x1234 },
		{ 0x8ff, 0 },
		{ 0x4b564dff, 0 },
		{ 0x40000000, 0 },
		{ 0x480, 0 },
		{ 0xc0010117, 0x1000 },
	};
	size_t i;

	make();
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (set(rows[i].index, rows[i].value))
			abi_fail(__FILE__, __LINE__, "MSR %#x took %#llx", rows[i].index,
				 (unsigned long long)rows[i].value);
}

/*
 * A guest in 64-bit mode writes, then reads the MSR in ECX; a #GP is counted in R8 and goes on
 * behind the instruction. RESULT takes what was read.
 */
static const uint8_t guest[] = {
	0x0f, 0x30, /* wrmsr */
	0x31, 0xc0, /* xor eax, eax */
	0x31, 0xd2, /* xor edx, edx */
	0x0f, 0x32, /* rdmsr */
	0xf4, /* hlt */
};

/* #GP: inc r8; skip the two bytes of the instruction; add rsp, 8; iretq */
static const uint8_t handler[] = {
	0x49, 0xff, 0xc0, 0x48, 0x83, 0x44, 0x24, 0x08, 0x02, 0x48, 0x83, 0xc4, 0x08, 0x48, 0xcf,
};

#define IDT 0x4000
#define GDT 0x5000

static void put64(uint64_t gpa, uint64_t value)
{
	memcpy(vm->mem + gpa, &value, sizeof(value));
}

static void make_guest(void)
{
	struct kvm_sregs sregs;

	vm = abi_vm(0x400000);
	fd = vm->vcpu[abi_vcpu(vm)];
	abi_code(vm, CODE, guest, sizeof(guest));
	abi_code(vm, HANDLER, handler, sizeof(handler));
	abi_long(vm, 0, CODE);
	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &sregs), 0);
	put64(GDT + (sregs.cs.selector & ~7u), 0x00af9b000000ffff);
	put64(GDT + (sregs.ss.selector & ~7u), 0x00cf93000000ffff);
	put64(IDT + 13 * 16, HANDLER | (uint64_t)sregs.cs.selector << 16 | 0x8e00ull << 32);
	sregs.gdt.base = GDT;
	sregs.gdt.limit = 0xff;
	sregs.idt.base = IDT;
	sregs.idt.limit = 0xfff;
	CHECK_EQ(ioctl(fd, KVM_SET_SREGS, &sregs), 0);
}

/* Write and read in the guest: faults (bits: 1 write, 2 read cannot be told apart, so a count). */
static int guest_access(uint32_t index, uint64_t value, uint64_t *read)
{
	struct kvm_regs regs;

	regs = abi_regs(vm, 0);
	regs.rip = CODE;
	regs.rsp = 0x7000;
	regs.rflags = 2;
	regs.rcx = index;
	regs.rax = (uint32_t)value;
	regs.rdx = value >> 32;
	regs.r8 = 0;
	CHECK_EQ(ioctl(fd, KVM_SET_REGS, &regs), 0);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	regs = abi_regs(vm, 0);
	*read = (uint32_t)regs.rax | regs.rdx << 32;
	return (int)regs.r8;
}

static const uint64_t hostile[] = {
	0,
	1,
	~0ull,
	1ull << 63,
	0x0000800000000000,
	0x8000000000000000,
	0xffff7fffffffffff,
	0x5555555555555555,
};

/* MSRs whose write moves the vCPU or the clock: tried one by one elsewhere. */
static int moves(uint32_t index)
{
	return index == 0xc0000080 || index == 0xc0000100 || index == 0xc0000101;
}

/* The guest either faults or goes on; what is not refused reads back or reads as ever. */
static void guest_hostile_values(void)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0, 0x1fff },
		{ 0x40000000, 0x400001ff },
		{ 0x4b564d00, 0x4b564d0f },
		{ 0xc0000000, 0xc00002ff },
		{ 0xc0010000, 0xc00103ff },
		{ 0xc0011000, 0xc00110ff },
	};
	uint64_t read;
	uint32_t index;
	size_t r, v;
	int faults;

	make_guest();
	for (r = 0; r < ARRAY_SIZE(ranges); r++) {
		for (index = ranges[r].first; index <= ranges[r].last; index++) {
			for (v = 0; v < (index < 0x1000 ? 8 : 2) && !moves(index); v++) {
				faults = guest_access(index, hostile[v], &read);
				CHECK(faults <= 2);
				if (faults == 2)
					CHECK_EQ(read, 0);
			}
		}
	}
}

static void user_hostile_values(void)
{
	uint64_t value;
	uint32_t index;
	size_t v;

	make();
	for (index = 0; index < 0x2000; index++)
		for (v = 0; v < sizeof(hostile) / 8; v++) {
			CHECK(set(index, hostile[v]) >= 0);
			CHECK(get(index, &value) >= 0);
		}
	for (index = 0xc0000000; index < 0xc0000200; index++)
		for (v = 0; v < sizeof(hostile) / 8; v++)
			CHECK(set(index, hostile[v]) >= 0);
	for (index = 0xc0010000; index < 0xc0011100; index++)
		for (v = 0; v < sizeof(hostile) / 8; v++)
			CHECK(set(index, hostile[v]) >= 0);
}

static void guest_stored(void)
{
	static const struct {
		uint32_t index;
		uint64_t value;
	} rows[] = {
		{ 0x174, 0x10 },
		{ 0x175, 0xffff800000001000 },
		{ 0x277, 0x0007040600070406 },
		{ 0x200, 0x80000006 },
		{ 0x201, 0x80000800 },
		{ 0x26f, 0x0606060606060606 },
		{ 0x2ff, 0xc06 },
		{ 0xc0000081, 0x0023001000000000 },
		{ 0xc0000082, 0xffffffff81000000 },
		{ 0xc0000084, 0x47700 },
		{ 0xc0000102, 0xffff888000000000 },
		{ 0xc0000103, 7 },
		{ 0x17a, 5 },
	};
	uint64_t read, user;
	size_t i;

	make_guest();
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		CHECK_EQ(guest_access(rows[i].index, rows[i].value, &read), 0);
		CHECK_EQ(read, rows[i].value);
		CHECK_EQ(get(rows[i].index, &user), 1);
		CHECK_EQ(user, rows[i].value);
	}
	/* Read only: the write faults, the read does not. */
	CHECK_EQ(guest_access(0xfe, 0, &read), 1);
	CHECK_EQ(read, 0x508);
	CHECK_EQ(guest_access(0x179, 0, &read), 1);
	/* A command: the other way round. */
	CHECK_EQ(guest_access(0x79, 0, &read), 1);
	/* Not there. */
	CHECK_EQ(guest_access(0x480, 0, &read), 2);
	CHECK_EQ(guest_access(0xc0010117, 0, &read), 2);
	CHECK_EQ(guest_access(0x830, 0, &read), 2); /* no local APIC */
}

static const struct abi_test tests[] = { { "index_list", index_list },
					 { "round_trip", round_trip },
					 { "features", features },
					 { "perf_capabilities", perf_capabilities },
					 { "stops_at_unknown", stops_at_unknown },
					 { "refused_values", refused_values },
					 { "guest_stored", guest_stored },
					 { "guest_hostile_values", guest_hostile_values },
					 { "user_hostile_values", user_hostile_values },
					 {} };

int main(int argc, char **argv)
{
	return abi_main(tests, argc, argv);
}
