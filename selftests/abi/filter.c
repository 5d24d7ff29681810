// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs that user space filters (KVM_X86_SET_MSR_FILTER), or wants to hear of instead of a #GP
 * (KVM_CAP_X86_USER_SPACE_MSR).
 *
 * The guests are in real mode: #GP leads to a HLT of its own.
 */
#include <pthread.h>

#include "one_vcpu.h"

#define RAN	    0x3000
#define ROUNDS	    200
#define NONE	    0x12345678
#define SYSENTER_CS 0x174
#define EFER	    0xc0000080
#define APIC_BASE   0x1b
#define ALL_REASONS \
	(KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_FILTER)

static void want(uint64_t reasons)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_USER_SPACE_MSR, .args = { reasons } };

	CHECK_EQ(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), 0);
}

/* One range, about @nr MSRs from @base, whose accesses @access all of @bits decide. */
static int filter_range(uint32_t flags, uint32_t access, uint32_t base, uint32_t nr, void *bits)
{
	struct kvm_msr_filter filter = {
		.flags = flags,
		.ranges = { { .flags = access, .base = base, .nmsrs = nr, .bitmap = bits } },
	};

	return ioctl(vm->fd, KVM_X86_SET_MSR_FILTER, &filter);
}

static void deny(uint32_t access, uint32_t base, uint32_t nr)
{
	static uint8_t none[KVM_MSR_FILTER_MAX_BITMAP_SIZE];

	CHECK_EQ(filter_range(0, access, base, nr, none), 0);
}

static void check_exit(uint32_t exit, uint32_t reason, uint32_t index)
{
	CHECK_EQ(abi_run(vm, 0), exit);
	CHECK_EQ(run->msr.reason, reason);
	CHECK_EQ(run->msr.index, index);
	CHECK_EQ(run->msr.error, 0);
}

static void check_gp(void)
{
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	CHECK_EQ(abi_regs(vm, 0).rip, HANDLERS + GP + 1);
}

/* The guest came to the end of its code, of @len bytes. */
static void check_end(unsigned int len)
{
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	CHECK_EQ(abi_regs(vm, 0).rip, CODE + len);
}

static void test_errors(void)
{
	static uint8_t bits[KVM_MSR_FILTER_MAX_BITMAP_SIZE];
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_USER_SPACE_MSR, .args = { 1u << 5 } };
	uint32_t both = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE;

	use(abi_vm(MEMORY));
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	CHECK_ERRNO(filter_range(2, both, 0, 8, bits), EINVAL);
	CHECK_ERRNO(filter_range(KVM_MSR_FILTER_DEFAULT_DENY, both, 0, 0, bits), EINVAL);
	CHECK_ERRNO(filter_range(0, 0, 0, 8, bits), EINVAL);
	CHECK_ERRNO(filter_range(0, 4, 0, 8, bits), EINVAL);
	CHECK_ERRNO(filter_range(0, both, 0, 8 * sizeof(bits) + 1, bits), EINVAL);
	CHECK_ERRNO(filter_range(0, both, 0, ~0u, bits), EINVAL);
	CHECK_ERRNO(filter_range(0, both, 0, 8, (void *)8), EFAULT);
	CHECK_EQ(filter_range(0, both, 0, 8 * sizeof(bits), bits), 0);
	CHECK_EQ(filter_range(0, both, ~0u, 64, bits), 0);
	CHECK_EQ(filter_range(0, both, 0, 0, NULL), 0);
	CHECK_EQ(filter_range(KVM_MSR_FILTER_DEFAULT_DENY, both, 0, 8, bits), 0);
}

static void test_unknown(void)
{
	use(abi_vm(MEMORY));
	want(KVM_MSR_EXIT_REASON_UNKNOWN);
	START(NONE, 0, 0x3e, 0x0f, 0x32, HLT);
	check_exit(KVM_EXIT_X86_RDMSR, KVM_MSR_EXIT_REASON_UNKNOWN, NONE);
	CHECK_EQ(abi_regs(vm, 0).rip, CODE);
	run->msr.data = 0x1122334455667788;
	check_end(4);
	CHECK_EQ(abi_regs(vm, 0).rax, 0x55667788);
	CHECK_EQ(abi_regs(vm, 0).rdx, 0x11223344);
}

/* User space says that there is no such MSR. */
static void test_refused(void)
{
	use(abi_vm(MEMORY));
	want(KVM_MSR_EXIT_REASON_UNKNOWN);
	START(NONE, 0, 0x0f, 0x32, HLT);
	check_exit(KVM_EXIT_X86_RDMSR, KVM_MSR_EXIT_REASON_UNKNOWN, NONE);
	run->msr.data = ~0ull;
	run->msr.error = 1;
	check_gp();
	CHECK_EQ((uint32_t)abi_regs(vm, 0).rax, 0);
	START(NONE, 0, 0x0f, 0x30, HLT);
	check_exit(KVM_EXIT_X86_WRMSR, KVM_MSR_EXIT_REASON_UNKNOWN, NONE);
	run->msr.error = 1;
	check_gp();
}

/* The MSR exists, the value is not for it. */
static void test_invalid(void)
{
	use(abi_vm(MEMORY));
	want(KVM_MSR_EXIT_REASON_INVAL);
	START(EFER, 0x40, 0x0f, 0x30, HLT);
	check_exit(KVM_EXIT_X86_WRMSR, KVM_MSR_EXIT_REASON_INVAL, EFER);
	CHECK_EQ(run->msr.data, 0x40);
	check_end(3);
	/* Not this reason: the guest's affair. */
	START(NONE, 0, 0x0f, 0x32, HLT);
	check_gp();
}

/* A reason that is switched off again. */
static void test_unwanted(void)
{
	use(abi_vm(MEMORY));
	want(ALL_REASONS);
	want(0);
	START(NONE, 0, 0x0f, 0x32, HLT);
	check_gp();
	deny(KVM_MSR_FILTER_READ, SYSENTER_CS, 1);
	START(SYSENTER_CS, 0, 0x0f, 0x32, HLT);
	check_gp();
}

/* Of an MSR that the processor would let the guest have without an exit: reads only. */
static void test_filtered(void)
{
	struct {
		struct kvm_msrs header;
		struct kvm_msr_entry entry;
	} msrs = { .header.nmsrs = 1, .entry.index = SYSENTER_CS };

	use(abi_vm(MEMORY));
	want(KVM_MSR_EXIT_REASON_FILTER);
	deny(KVM_MSR_FILTER_READ, SYSENTER_CS, 1);
	START(SYSENTER_CS, 0x55, 0x0f, 0x30, 0x0f, 0x32, HLT);
	check_exit(KVM_EXIT_X86_RDMSR, KVM_MSR_EXIT_REASON_FILTER, SYSENTER_CS);
	run->msr.data = 0x77;
	check_end(5);
	CHECK_EQ(abi_regs(vm, 0).rax, 0x77);
	/* User space is not subject to its own filter. */
	CHECK_EQ(ioctl(fd, KVM_GET_MSRS, &msrs), 1);
	CHECK_EQ(msrs.entry.data, 0x55);
	/* And without it. */
	CHECK_EQ(filter_range(0, 0, 0, 0, NULL), 0);
	start(SYSENTER_CS, 0x55);
	check_end(5);
	CHECK_EQ(abi_regs(vm, 0).rax, 0x55);
}

/* The first range that fits decides; what none fits, the default. */
static void test_order(void)
{
	static const uint8_t yes = 1, no;
	struct kvm_msr_filter filter = {
		.flags = KVM_MSR_FILTER_DEFAULT_DENY,
		.ranges = { { .flags = KVM_MSR_FILTER_READ,
			      .base = SYSENTER_CS,
			      .nmsrs = 1,
			      .bitmap = (void *)&yes },
			    { .flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
			      .base = SYSENTER_CS,
			      .nmsrs = 1,
			      .bitmap = (void *)&no } },
	};

	use(abi_vm(MEMORY));
	want(KVM_MSR_EXIT_REASON_FILTER);
	CHECK_EQ(ioctl(vm->fd, KVM_X86_SET_MSR_FILTER, &filter), 0);
	/* rdmsr; wrmsr; mov $EFER,%ecx; rdmsr */
	START(SYSENTER_CS, 0x55, 0x0f, 0x32, 0x0f, 0x30, 0x66, 0xb9, 0x80, 0, 0, 0xc0, 0x0f, 0x32,
	      HLT);
	check_exit(KVM_EXIT_X86_WRMSR, KVM_MSR_EXIT_REASON_FILTER, SYSENTER_CS);
	check_exit(KVM_EXIT_X86_RDMSR, KVM_MSR_EXIT_REASON_FILTER, EFER);
}

/* The MSRs of a local APIC in x2APIC mode cannot be filtered. */
static void test_x2apic(void)
{
	static uint8_t none[32];

	use(abi_vm_irqchip(MEMORY));
	want(KVM_MSR_EXIT_REASON_FILTER);
	deny(KVM_MSR_FILTER_READ, 0x800, 0x100);
	/* wrmsr; mov $802h,%ecx; rdmsr; out %al,$0xe9 */
	START(APIC_BASE, 0xfee00d00, 0x0f, 0x30, 0x66, 0xb9, 0x02, 0x08, 0, 0, 0x0f, 0x32, 0xe6,
	      0xe9);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_IO);
	CHECK_EQ(*((uint8_t *)run + run->io.data_offset), 0);
	CHECK_EQ(filter_range(KVM_MSR_FILTER_DEFAULT_DENY, KVM_MSR_FILTER_READ, 0, 256, none), 0);
}

static void check_told(uint8_t value)
{
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_IO);
	CHECK_EQ(*((uint8_t *)run + run->io.data_offset), value);
}

/* On and off: none leaves the processor with the other's map. rdmsr; out %al,$0xe9; and again */
static void test_toggled(void)
{
	struct {
		struct kvm_msrs header;
		struct kvm_msr_entry entry;
	} msrs = { .header.nmsrs = 1, .entry = { .index = SYSENTER_CS, .data = 0x55 } };
	int i;

	use(abi_vm(MEMORY));
	want(KVM_MSR_EXIT_REASON_FILTER);
	CHECK_EQ(ioctl(fd, KVM_SET_MSRS, &msrs), 1);
	START(SYSENTER_CS, 0, 0x0f, 0x32, 0xe6, 0xe9, 0xeb, 0xfa);
	for (i = 0; i < ROUNDS; i++) {
		check_told(0x55);
		deny(KVM_MSR_FILTER_READ, SYSENTER_CS, 1);
		check_exit(KVM_EXIT_X86_RDMSR, KVM_MSR_EXIT_REASON_FILTER, SYSENTER_CS);
		run->msr.data = i & 0x7f;
		check_told(i & 0x7f);
		CHECK_EQ(filter_range(0, 0, 0, 0, NULL), 0);
	}
}

static void *filter_later(void *arg)
{
	while (!__atomic_load_n(vm->mem + RAN, __ATOMIC_RELAXED))
		usleep(1000);
	deny(KVM_MSR_FILTER_READ, SYSENTER_CS, 1);
	return arg;
}

/* A guest that runs is subject to the filter at once. */
static void test_running(void)
{
	pthread_t thread;

	use(abi_vm(MEMORY));
	want(KVM_MSR_EXIT_REASON_FILTER);
	/* again: rdmsr; movb $1,RAN; jmp again */
	START(SYSENTER_CS, 0, 0x0f, 0x32, 0xc6, 0x06, RAN & 0xff, RAN >> 8, 1, 0xeb, 0xf7);
	CHECK_EQ(pthread_create(&thread, NULL, filter_later, NULL), 0);
	check_exit(KVM_EXIT_X86_RDMSR, KVM_MSR_EXIT_REASON_FILTER, SYSENTER_CS);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static const struct abi_test tests[] = {
	{ "errors", test_errors },
	{ "unknown", test_unknown },
	{ "refused", test_refused },
	{ "invalid", test_invalid },
	{ "unwanted", test_unwanted },
	{ "filtered", test_filtered },
	{ "order", test_order },
	{ "x2apic", test_x2apic },
	{ "toggled", test_toggled },
	{ "running", test_running },
	{},
};

int main(int argc, char **argv)
{
	return abi_main(tests, argc, argv);
}
