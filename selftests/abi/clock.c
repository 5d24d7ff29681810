// SPDX-License-Identifier: GPL-2.0-only
/*
 * kvmclock, the TSC, hypercalls.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "lib/abi.h"

#define MEMORY	     0x400000
#define CODE	     0x1000
#define PAGE	     0x20000
#define SECOND	     1000000000ull
#define MSR_TSC	     0x10
#define MSR_WALL     0x4b564d00
#define MSR_TIME     0x4b564d01

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* struct pvclock_vcpu_time_info of the KVM ABI (msr.rst) */
struct time_info {
	uint32_t version;
	uint32_t pad;
	uint64_t tsc;
	uint64_t ns;
	uint32_t mul;
	int8_t shift;
	uint8_t flags;
	uint8_t pad2[2];
} __attribute__((packed));

struct wall_clock {
	uint32_t version;
	uint32_t sec;
	uint32_t nsec;
} __attribute__((packed));

static struct kvm_clock_data get_clock(struct abi_vm *vm)
{
	struct kvm_clock_data data;

	memset(&data, 0xee, sizeof(data));
	CHECK_EQ(ioctl(vm->fd, KVM_GET_CLOCK, &data), 0);
	return data;
}

static void set_clock(struct abi_vm *vm, uint64_t clock, uint32_t flags, uint64_t realtime)
{
	struct kvm_clock_data data = { .clock = clock, .flags = flags, .realtime = realtime };

	CHECK_EQ(ioctl(vm->fd, KVM_SET_CLOCK, &data), 0);
}

static uint64_t now_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return now.tv_sec * SECOND + now.tv_nsec;
}

static uint64_t time_of(const struct time_info *info, uint64_t tsc)
{
	uint64_t delta = tsc - info->tsc;

	delta = info->shift < 0 ? delta >> -info->shift : delta << info->shift;
	return info->ns + (uint64_t)((__uint128_t)delta * info->mul >> 32);
}

/* A vCPU at a CPUID (an exit) and HLT. */
static int halted_vcpu(struct abi_vm *vm)
{
	int vcpu = abi_vcpu(vm);

	ABI_CODE(vm, CODE, 0x0f, 0xa2, 0xf4);
	abi_long(vm, vcpu, CODE);
	return vcpu;
}

static void test_get_set(void)
{
	struct abi_vm *vm = abi_vm(MEMORY);
	struct kvm_clock_data data, later;
	int vcpu = halted_vcpu(vm);

	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
	data = get_clock(vm);
	CHECK(data.clock < 600 * SECOND);
	usleep(20000);
	later = get_clock(vm);
	CHECK(later.clock >= data.clock + 15000000);
	set_clock(vm, 1000 * SECOND, 0, 0);
	data = get_clock(vm);
	CHECK(data.clock >= 1000 * SECOND && data.clock < 1030 * SECOND);
	/* What was read may be written back as it is. */
	set_clock(vm, data.clock, data.flags, data.realtime);
	set_clock(vm, 1000 * SECOND, KVM_CLOCK_REALTIME, now_ns(CLOCK_REALTIME) - 500 * SECOND);
	data = get_clock(vm);
	CHECK(data.clock >= 1500 * SECOND && data.clock < 1530 * SECOND);
	data.flags = 1 << 5;
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_CLOCK, &data), EINVAL);
}

static void test_flags(void)
{
	struct abi_vm *vm = abi_vm(MEMORY);
	int vcpu = halted_vcpu(vm);
	struct kvm_clock_data data;
	uint64_t real;
	unsigned int i;

	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
	data = get_clock(vm);
	real = now_ns(CLOCK_REALTIME);
	if (data.flags & KVM_CLOCK_REALTIME)
		CHECK(data.realtime <= real && data.realtime + 30 * SECOND > real);
	if (data.flags & KVM_CLOCK_HOST_TSC)
		CHECK(data.host_tsc);
	CHECK(!(data.flags & ~(KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC)));
	/* Security row 3. */
	for (i = 0; i < COUNT(data.pad); i++)
		CHECK_EQ(data.pad[i], 0);
}

static void test_page(void)
{
	struct abi_vm *vm = abi_vm(MEMORY);
	int vcpu = halted_vcpu(vm);
	struct time_info *info = (void *)(vm->mem + PAGE);
	struct kvm_clock_data data;
	uint64_t guest, version;

	CHECK_EQ(abi_set_msr(vm, vcpu, MSR_TIME, PAGE | 1), 1);
	CHECK_EQ(abi_get_msr(vm, vcpu, MSR_TIME), PAGE | 1);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
	CHECK(info->version && !(info->version & 1));
	CHECK(info->mul);
	guest = time_of(info, abi_get_msr(vm, vcpu, MSR_TSC));
	data = get_clock(vm);
	CHECK(guest <= data.clock && guest + 30 * SECOND > data.clock);
	/* The guest was stopped: once, and the guest clears it. */
	version = info->version;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_KVMCLOCK_CTRL, 0), 0);
	abi_long(vm, vcpu, CODE);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
	CHECK(info->version != version && !(info->version & 1));
	CHECK(info->flags & 2);
	info->flags &= ~2;
	set_clock(vm, 5000 * SECOND, 0, 0);
	abi_long(vm, vcpu, CODE);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
	CHECK(!(info->flags & 2));
	guest = time_of(info, abi_get_msr(vm, vcpu, MSR_TSC));
	CHECK(guest >= 5000 * SECOND && guest < 5030 * SECOND);
	/* Off: not written any more. */
	CHECK_EQ(abi_set_msr(vm, vcpu, MSR_TIME, 0), 1);
	memset(info, 0x77, sizeof(*info));
	set_clock(vm, 0, 0, 0);
	abi_long(vm, vcpu, CODE);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
	CHECK_EQ(info->version, 0x77777777);
	CHECK_ERRNO(ioctl(vm->vcpu[vcpu], KVM_KVMCLOCK_CTRL, 0), EINVAL);
}

static void test_wall_clock(void)
{
	struct abi_vm *vm = abi_vm(MEMORY);
	int vcpu = halted_vcpu(vm);
	struct wall_clock *wall = (void *)(vm->mem + PAGE);
	uint64_t real, boot;

	CHECK_EQ(abi_set_msr(vm, vcpu, MSR_WALL, PAGE), 1);
	CHECK(wall->version && !(wall->version & 1));
	boot = wall->sec * SECOND + wall->nsec;
	real = now_ns(CLOCK_REALTIME);
	boot += get_clock(vm).clock;
	CHECK(boot + 30 * SECOND > real && boot < real + 30 * SECOND);
}

/* Security row 5: addresses that are not aligned or leave the page, and a slot that goes away. */
static void test_bad_pages(void)
{
	static const uint64_t bad[] = { PAGE | 3, PAGE + 0xff0 + 1, PAGE + 0xffc + 1 };
	struct abi_vm *vm = abi_vm(MEMORY);
	int vcpu = halted_vcpu(vm);
	struct kvm_userspace_memory_region slot = {
		.slot = 1,
		.guest_phys_addr = 0x800000,
		.memory_size = 0x10000,
	};
	unsigned int i;
	void *mem;

	for (i = 0; i < COUNT(bad); i++) {
		abi_set_msr(vm, vcpu, MSR_TIME, bad[i]);
		abi_long(vm, vcpu, CODE);
		CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
	}
	/* No memory there. */
	CHECK_EQ(abi_set_msr(vm, vcpu, MSR_TIME, 0x40000000 | 1), 1);
	abi_long(vm, vcpu, CODE);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);

	mem = mmap(NULL, slot.memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		   0);
	CHECK(mem != MAP_FAILED);
	slot.userspace_addr = (uintptr_t)mem;
	CHECK_EQ(ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot), 0);
	CHECK_EQ(abi_set_msr(vm, vcpu, MSR_TIME, slot.guest_phys_addr | 1), 1);
	abi_long(vm, vcpu, CODE);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
	CHECK(((struct time_info *)mem)->version);
	slot.memory_size = 0;
	CHECK_EQ(ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot), 0);
	memset(mem, 0, sizeof(struct time_info));
	set_clock(vm, 0, 0, 0);
	abi_long(vm, vcpu, CODE);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
	CHECK_EQ(((struct time_info *)mem)->version, 0);
}

static void test_tsc_khz(void)
{
	struct abi_vm *vm = abi_vm(MEMORY);
	int vcpu = abi_vcpu(vm);
	long khz = ioctl(vm->vcpu[vcpu], KVM_GET_TSC_KHZ, 0);

	CHECK(khz > 0);
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_TSC_KHZ, khz), 0);
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_TSC_KHZ, khz - khz / 10000), 0);
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_TSC_KHZ, 0), khz - khz / 10000);
	/* 0 is the host's, which may have been measured more exactly since. */
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_TSC_KHZ, 0), 0);
	CHECK(labs(ioctl(vm->vcpu[vcpu], KVM_GET_TSC_KHZ, 0) - khz) <= khz / 4000);
	if (!ioctl(abi_dev(), KVM_CHECK_EXTENSION, KVM_CAP_TSC_CONTROL))
		CHECK_ERRNO(ioctl(vm->vcpu[vcpu], KVM_SET_TSC_KHZ, khz / 2), EINVAL);
}

static uint64_t difference(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* TSCs that are set one after the other to values as of one moment are in step. */
static void test_tsc_in_step(void)
{
	struct abi_vm *vm = abi_vm(MEMORY);
	int one = abi_vcpu(vm), two = abi_vcpu(vm);
	uint64_t hz = ioctl(vm->vcpu[one], KVM_GET_TSC_KHZ, 0) * 1000ull;
	const uint64_t value = 1ull << 50;
	uint64_t start;

	CHECK(difference(abi_get_msr(vm, one, MSR_TSC), abi_get_msr(vm, two, MSR_TSC)) < 30 * hz);
	/* A busy machine may take longer over this than the second that counts. */
	do {
		start = now_ns(CLOCK_MONOTONIC);
		CHECK_EQ(abi_set_msr(vm, one, MSR_TSC, value), 1);
		usleep(300000);
		CHECK_EQ(abi_set_msr(vm, two, MSR_TSC, value), 1);
	} while (now_ns(CLOCK_MONOTONIC) - start > SECOND * 9 / 10);
	CHECK(abi_get_msr(vm, two, MSR_TSC) >= value + hz / 5);
	CHECK(difference(abi_get_msr(vm, one, MSR_TSC), value) < 30 * hz);
	/* Another moment altogether. */
	CHECK_EQ(abi_set_msr(vm, two, MSR_TSC, value * 2), 1);
	CHECK(difference(abi_get_msr(vm, two, MSR_TSC), value * 2) < 30 * hz);
	CHECK(difference(abi_get_msr(vm, one, MSR_TSC), value) < 60 * hz);
}

/* wrmsr (TSC, then TSC_ADJUST by user space's reading); hlt */
static void test_tsc_adjust(void)
{
	struct abi_vm *vm = abi_vm(MEMORY);
	int vcpu = abi_vcpu(vm);
	uint64_t hz = ioctl(vm->vcpu[vcpu], KVM_GET_TSC_KHZ, 0) * 1000ull;
	struct kvm_regs regs;
	uint64_t before, adjust;

	ABI_CODE(vm, CODE, 0x0f, 0x30, 0xf4);
	abi_long(vm, vcpu, CODE);
	regs = abi_regs(vm, vcpu);
	regs.rcx = MSR_TSC;
	regs.rax = 0;
	regs.rdx = 0x10000;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_REGS, &regs), 0);
	before = abi_get_msr(vm, vcpu, MSR_TSC);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
	CHECK(difference(abi_get_msr(vm, vcpu, MSR_TSC), 1ull << 48) < 30 * hz);
	adjust = abi_get_msr(vm, vcpu, 0x3b);
	CHECK(difference(adjust, (1ull << 48) - before) < 30 * hz);
	/* User space's write of the adjustment leaves the TSC alone. */
	CHECK_EQ(abi_set_msr(vm, vcpu, 0x3b, 0), 1);
	CHECK(difference(abi_get_msr(vm, vcpu, MSR_TSC), 1ull << 48) < 60 * hz);
}

/* What hypercall @nr returns in RAX; @prefix stands before 0f 01 @insn. */
static uint64_t hypercall(uint8_t prefix, uint8_t insn, uint64_t nr, bool user)
{
	struct abi_vm *vm = abi_vm(MEMORY);
	int vcpu = abi_vcpu(vm);
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	/* the hypercall; out 1,al */
	ABI_CODE(vm, CODE, prefix, 0x0f, 0x01, insn, 0xe6, 1);
	abi_long(vm, vcpu, CODE);
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_SREGS, &sregs), 0);
	if (user) {
		sregs.cs.dpl = 3;
		sregs.cs.selector |= 3;
		sregs.ss.dpl = 3;
		sregs.ss.selector |= 3;
		CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_SREGS, &sregs), 0);
	}
	regs = abi_regs(vm, vcpu);
	regs.rax = nr;
	regs.rflags |= 0x3000;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_REGS, &regs), 0);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
	return abi_regs(vm, vcpu).rax;
}

static void test_hypercalls(void)
{
	uint8_t insn = abi_hypercall(), nop = 0x90, rex = 0x48;

	CHECK_EQ(hypercall(rex, insn, 1, false), 0);
	CHECK_EQ(hypercall(rex, insn, 999, false), -1000);
	CHECK_EQ(hypercall(nop, insn, 1ull << 40, false), -1000);
	CHECK_EQ(hypercall(nop, insn, 1, true), -1);
	/* VMCALL for VMMCALL and the other way round: the processor does not know it. */
	insn ^= VMCALL ^ VMMCALL;
	CHECK_EQ(hypercall(nop, insn, 1, false), 0);
	CHECK_EQ(hypercall(nop, insn, 999, false), -1000);
}

static const struct abi_test tests[] = { { "get-set", test_get_set },
					 { "flags", test_flags },
					 { "page", test_page },
					 { "wall-clock", test_wall_clock },
					 { "bad-pages", test_bad_pages },
					 { "tsc-khz", test_tsc_khz },
					 { "tsc-in-step", test_tsc_in_step },
					 { "tsc-adjust", test_tsc_adjust },
					 { "hypercalls", test_hypercalls },
					 {} };

int main(int argc, char **argv)
{
	return abi_main(tests, argc, argv);
}
