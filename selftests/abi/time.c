// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's TSC: its offset as an attribute, several in step, its frequency.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/abi.h"

#define MEMORY	   0x200000
#define CODE	   0x1000
#define MSR_TSC	   0x10
#define MSR_ADJUST 0x3b

static struct kvm_device_attr offset_attr(uint64_t *offset)
{
	return (struct kvm_device_attr){
		.group = KVM_VCPU_TSC_CTRL,
		.attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)offset,
	};
}

static uint64_t get_offset(struct abi_vm *vm, int vcpu)
{
	uint64_t offset;
	struct kvm_device_attr attr = offset_attr(&offset);

	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_DEVICE_ATTR, &attr), 0);
	return offset;
}

static void set_offset(struct abi_vm *vm, int vcpu, uint64_t offset)
{
	struct kvm_device_attr attr = offset_attr(&offset);

	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_DEVICE_ATTR, &attr), 0);
}

static void test_attribute(void)
{
	struct abi_vm *vm = abi_vm(MEMORY);
	int vcpu = abi_vcpu(vm);
	uint64_t offset = 0;
	struct kvm_device_attr attr = offset_attr(&offset);

	CHECK_EQ(ioctl(abi_dev(), KVM_CHECK_EXTENSION, KVM_CAP_VCPU_ATTRIBUTES), 1);
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_HAS_DEVICE_ATTR, &attr), 0);
	set_offset(vm, vcpu, 1ull << 60);
	CHECK_EQ(get_offset(vm, vcpu), 1ull << 60);
	CHECK(abi_get_msr(vm, vcpu, MSR_TSC) >= 1ull << 60);
	set_offset(vm, vcpu, 0);
	CHECK(abi_get_msr(vm, vcpu, MSR_TSC) < 1ull << 60);
	attr.addr = 0;
	CHECK_ERRNO(ioctl(vm->vcpu[vcpu], KVM_GET_DEVICE_ATTR, &attr), EFAULT);
	CHECK_ERRNO(ioctl(vm->vcpu[vcpu], KVM_SET_DEVICE_ATTR, &attr), EFAULT);
	attr = offset_attr(&offset);
	attr.attr = 1;
	CHECK_ERRNO(ioctl(vm->vcpu[vcpu], KVM_HAS_DEVICE_ATTR, &attr), ENXIO);
	CHECK_ERRNO(ioctl(vm->vcpu[vcpu], KVM_GET_DEVICE_ATTR, &attr), ENXIO);
	CHECK_ERRNO(ioctl(vm->vcpu[vcpu], KVM_SET_DEVICE_ATTR, &attr), ENXIO);
	attr = offset_attr(&offset);
	attr.group = 1;
	CHECK_ERRNO(ioctl(vm->vcpu[vcpu], KVM_HAS_DEVICE_ATTR, &attr), ENXIO);
}

static uint64_t host_tsc(void)
{
	uint32_t low, high;

	asm volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high));
	return low | (uint64_t)high << 32;
}

/* rdtsc; out 1, al: what the guest reads lies between what the host reads, plus the offset. */
static void test_offset_in_guest(void)
{
	static const uint64_t offsets[] = { 0, 1ull << 40, -1000000ull, 0x123456789abcdefull };
	struct abi_vm *vm = abi_vm(MEMORY);
	int vcpu = abi_vcpu(vm);
	unsigned int i;

	ABI_CODE(vm, CODE, 0x0f, 0x31, 0xe6, 1);
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		uint64_t before, after, guest;
		struct kvm_regs regs;

		set_offset(vm, vcpu, offsets[i]);
		abi_long(vm, vcpu, CODE);
		before = host_tsc();
		CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
		after = host_tsc();
		regs = abi_regs(vm, vcpu);
		guest = (uint32_t)regs.rax | regs.rdx << 32;
		CHECK(guest - offsets[i] - before <= after - before);
	}
}

/*
 * vCPUs 1 to 3 in turn are set to values that are each an eighth of a second more than the last one
 * would have by now: in the end far from the first, by more than a second. Return: in time?
 */
static bool set_in_step(struct abi_vm *vm, uint64_t value, uint64_t then, uint64_t hz)
{
	uint64_t offset = get_offset(vm, 0), next = value, now;
	int i;

	for (i = 0; i < 12; i++) {
		now = host_tsc();
		next += now - then + hz / 8;
		then = now;
		CHECK_EQ(abi_set_msr(vm, 1 + i % 3, MSR_TSC, next), 1);
		if (host_tsc() - now > hz / 2)
			return false;
		CHECK_EQ(get_offset(vm, 1 + i % 3), offset);
	}
	return true;
}

/* Return: false if the machine was too busy for the second that counts. */
static bool matching_in_time(struct abi_vm *vm)
{
	const uint64_t hz = ioctl(vm->vcpu[0], KVM_GET_TSC_KHZ, 0) * 1000ull, value = 1ull << 50;
	uint64_t offset, then = host_tsc();

	CHECK_EQ(abi_set_msr(vm, 0, MSR_TSC, value), 1);
	if (host_tsc() - then > hz / 2)
		return false;
	offset = get_offset(vm, 0);
	CHECK(offset != get_offset(vm, 1));
	if (!set_in_step(vm, value, then, hz))
		return false;
	/* 0 is a vCPU that is plugged in. */
	CHECK_EQ(abi_set_msr(vm, 2, MSR_TSC, 0), 1);
	CHECK_EQ(get_offset(vm, 2), offset);
	/* Far away: another generation, which the next one joins. */
	then = host_tsc();
	CHECK_EQ(abi_set_msr(vm, 2, MSR_TSC, value + 1000 * hz), 1);
	CHECK(get_offset(vm, 2) != offset);
	CHECK_EQ(abi_set_msr(vm, 3, MSR_TSC, value + 1000 * hz), 1);
	if (host_tsc() - then > hz / 2)
		return false;
	CHECK_EQ(get_offset(vm, 3), get_offset(vm, 2));
	CHECK_EQ(get_offset(vm, 1), offset);
	return true;
}

/* vCPUs that user space sets one after the other to about the same value share an offset. */
static void test_matching(void)
{
	struct abi_vm *vm;
	bool in_time;
	int i;

	do {
		vm = abi_vm(MEMORY);
		for (i = 0; i < 4; i++)
			abi_vcpu(vm);
		for (i = 1; i < 4; i++)
			CHECK_EQ(get_offset(vm, i), get_offset(vm, 0));
		in_time = matching_in_time(vm);
		abi_close(vm);
	} while (!in_time);
}

/* The guest writes its TSC: TSC_ADJUST moves by the same, and siblings stay where they are. */
static void test_guest_write(void)
{
	struct abi_vm *vm = abi_vm(MEMORY);
	int one = abi_vcpu(vm), two = abi_vcpu(vm);
	uint64_t before = get_offset(vm, one), moved;
	struct kvm_regs regs;

	/* wrmsr; out 1, al */
	ABI_CODE(vm, CODE, 0x0f, 0x30, 0xe6, 1);
	abi_long(vm, one, CODE);
	regs = abi_regs(vm, one);
	regs.rcx = MSR_TSC;
	regs.rdx = 0x100;
	CHECK_EQ(ioctl(vm->vcpu[one], KVM_SET_REGS, &regs), 0);
	CHECK_EQ(abi_run(vm, one), KVM_EXIT_IO);
	moved = get_offset(vm, one) - before;
	CHECK(moved);
	CHECK_EQ(abi_get_msr(vm, one, MSR_ADJUST), moved);
	CHECK_EQ(get_offset(vm, two), before);
	CHECK_EQ(abi_get_msr(vm, two, MSR_ADJUST), 0);
	/* And the other way round. */
	abi_long(vm, one, CODE);
	regs = abi_regs(vm, one);
	regs.rcx = MSR_ADJUST;
	regs.rax = 0;
	regs.rdx = 0;
	CHECK_EQ(ioctl(vm->vcpu[one], KVM_SET_REGS, &regs), 0);
	CHECK_EQ(abi_run(vm, one), KVM_EXIT_IO);
	CHECK_EQ(get_offset(vm, one), before);
	CHECK_EQ(abi_get_msr(vm, one, MSR_ADJUST), 0);
	/* User space's write of the adjustment moves nothing. */
	CHECK_EQ(abi_set_msr(vm, one, MSR_ADJUST, 1ull << 40), 1);
	CHECK_EQ(get_offset(vm, one), before);
}

static void test_vm_khz(void)
{
	struct abi_vm *vm = abi_vm(MEMORY);
	int vcpu;
	long khz = ioctl(vm->fd, KVM_GET_TSC_KHZ, 0);

	if (!ioctl(abi_dev(), KVM_CHECK_EXTENSION, KVM_CAP_VM_TSC_CONTROL))
		abi_skip("TSCs cannot be scaled here");
	CHECK(khz > 0);
	CHECK_EQ(ioctl(vm->fd, KVM_SET_TSC_KHZ, khz / 2), 0);
	CHECK_EQ(ioctl(vm->fd, KVM_GET_TSC_KHZ, 0), khz / 2);
	vcpu = abi_vcpu(vm);
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_TSC_KHZ, 0), khz / 2);
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_TSC_KHZ, 0x7fffffff), EINVAL);
}

/* rdtsc; out 1, al: the guest's reading. */
static uint64_t guest_tsc(struct abi_vm *vm, int vcpu)
{
	struct kvm_regs regs;

	ABI_CODE(vm, CODE, 0x0f, 0x31, 0xe6, 1);
	abi_long(vm, vcpu, CODE);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
	regs = abi_regs(vm, vcpu);
	return (uint32_t)regs.rax | regs.rdx << 32;
}

/* The guest counts as fast as it was told. */
static void test_scaling(void)
{
	static const struct {
		int mul;
		int div;
	} ratios[] = { { 1, 2 }, { 2, 1 }, { 5, 3 }, { 1, 100 } };
	struct abi_vm *vm = abi_vm(MEMORY);
	int vcpu = abi_vcpu(vm);
	long khz = ioctl(vm->vcpu[vcpu], KVM_GET_TSC_KHZ, 0);
	unsigned int i;

	if (!ioctl(abi_dev(), KVM_CHECK_EXTENSION, KVM_CAP_TSC_CONTROL))
		abi_skip("TSCs cannot be scaled here");
	for (i = 0; i < ARRAY_SIZE(ratios); i++) {
		long want = khz * ratios[i].mul / ratios[i].div;
		uint64_t host, inner, outer, guest, read;

		CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_TSC_KHZ, want), 0);
		CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_TSC_KHZ, 0), want);
		CHECK_EQ(abi_set_msr(vm, vcpu, MSR_TSC, 1ull << 45), 1);
		host = host_tsc();
		guest = guest_tsc(vm, vcpu);
		inner = host_tsc();
		usleep(100000);
		outer = host_tsc();
		read = abi_get_msr(vm, vcpu, MSR_TSC);
		guest = guest_tsc(vm, vcpu) - guest;
		host = host_tsc() - host;
		CHECK(guest >= (outer - inner) * ratios[i].mul / ratios[i].div * 999 / 1000);
		CHECK(guest <= host * ratios[i].mul / ratios[i].div * 1001 / 1000 + 1000);
		CHECK(read > 1ull << 45 && read < guest_tsc(vm, vcpu));
	}
}

static const struct abi_test tests[] = { { "attribute", test_attribute },
					 { "offset-in-guest", test_offset_in_guest },
					 { "matching", test_matching },
					 { "guest-write", test_guest_write },
					 { "vm-khz", test_vm_khz },
					 { "scaling", test_scaling },
					 {} };

int main(int argc, char **argv)
{
	return abi_main(tests, argc, argv);
}
