// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_TPR_ACCESS_REPORTING and KVM_SET_VAPIC_ADDR: what a guest does with its TPR. And the TPR as
 * an x2APIC's MSR.
 */
#include <linux/tenon.h>

#include "steps.h"

#define VAPIC	   0x9ff4
#define CODE	   0x3000
#define GP	   13

#define APIC_BASE  0x1b
#define X2APIC_TPR 0x808
#define X2APIC_SVR 0x80f
#define SELF_IPI   0x83f
#define DISABLED   0xfee00000
#define XAPIC	   0xfee00900
#define X2APIC	   0xfee00d00

static uint32_t tpr(struct abi_vm *vm, int vcpu)
{
	struct kvm_lapic_state state;

	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_LAPIC, &state), 0);
	return (uint8_t)state.regs[TPR];
}

static uint32_t copy(struct abi_vm *vm)
{
	uint32_t value;

	memcpy(&value, vm->mem + VAPIC, sizeof(value));
	return value;
}

static void test_report(void)
{
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	int vcpu = abi_vcpu(vm);
	struct kvm_run *run = vm->run[vcpu];
	struct kvm_tpr_access_ctl control = { .enabled = 1, .flags = 1 };
	/* mov [fee00080h],eax; mov eax,[fee00080h]; mov [fee000f0h],eax; out 0e9h,al */
	static const uint8_t accesses[] = { 0xa3, 0x80, 0,    0xe0, 0xfe, 0xa1, 0x80, 0,    0xe0,
					    0xfe, 0xa3, 0xf0, 0,    0xe0, 0xfe, 0xe6, PORT, 0xf4 };

	abi_code(vm, GUEST, accesses, sizeof(accesses));
	abi_flat32(vm, vcpu, GUEST);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
	CHECK_ERRNO(ioctl(vm->vcpu[vcpu], KVM_TPR_ACCESS_REPORTING, &control), EINVAL);
	control.flags = 0;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_TPR_ACCESS_REPORTING, &control), 0);
	abi_flat32(vm, vcpu, GUEST);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_TPR_ACCESS);
	CHECK_EQ(run->tpr_access.rip, GUEST);
	CHECK_EQ(run->tpr_access.is_write, 1);
	CHECK_EQ(abi_regs(vm, vcpu).rip, GUEST + 5);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_TPR_ACCESS);
	CHECK_EQ(run->tpr_access.rip, GUEST + 5);
	CHECK_EQ(run->tpr_access.is_write, 0);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
	control.enabled = 0;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_TPR_ACCESS_REPORTING, &control), 0);
	abi_flat32(vm, vcpu, GUEST);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
}

static int set_vapic(struct abi_vm *vm, int vcpu, uint64_t gpa)
{
	struct kvm_vapic_addr vapic = { .vapic_addr = gpa };

	return ioctl(vm->vcpu[vcpu], KVM_SET_VAPIC_ADDR, &vapic);
}

static void test_vapic_errors(void)
{
	struct abi_vm *vm = abi_vm(0x100000);
	int vcpu = abi_vcpu(vm);
	struct kvm_tpr_access_ctl control = { .enabled = 1 };

	CHECK(ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_VAPIC) > 0);
	CHECK_ERRNO(set_vapic(vm, vcpu, 0), EINVAL);
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_TPR_ACCESS_REPORTING, &control), 0);
	vm = abi_vm_irqchip(0x100000);
	vcpu = abi_vcpu(vm);
	CHECK_EQ(set_vapic(vm, vcpu, 0), 0);
	CHECK_EQ(set_vapic(vm, vcpu, VAPIC), 0);
	CHECK_EQ(set_vapic(vm, vcpu, 0x1ffe), 0);
	CHECK_ERRNO(set_vapic(vm, vcpu, 0x100000), EINVAL);
	CHECK_ERRNO(set_vapic(vm, vcpu, 0xffffe), EINVAL);
	CHECK_ERRNO(set_vapic(vm, vcpu, ~0ull), EINVAL);
	CHECK_ERRNO(ioctl(vm->vcpu[vcpu], KVM_SET_VAPIC_ADDR, 8), EFAULT);
}

/* The guest writes its TPR as memory, and sees there what waits. */
static void test_vapic(void)
{
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	int vcpu = abi_vcpu(vm);

	start(vm, vcpu,
	      STEPS(ENABLE_APIC, STORE(VAPIC, 0x60), TELL_DONE, STORE(APIC(ICR), 0x44051),
		    OUT(PORT, 1), STORE(VAPIC, 0x51000040), OUT(PORT, 2), STORE(VAPIC, 0)));
	CHECK_EQ(set_vapic(vm, vcpu, VAPIC), 0);
	CHECK_EQ(told(vm, vcpu), DONE);
	CHECK_EQ(tpr(vm, vcpu), 0x60);
	CHECK_EQ(told(vm, vcpu), 1);
	CHECK_EQ(copy(vm), 0x51000060);
	CHECK_EQ(told(vm, vcpu), 2);
	CHECK_EQ(tpr(vm, vcpu), 0x40);
	CHECK_EQ(told(vm, vcpu), 0x51);
	CHECK_EQ(tpr(vm, vcpu), 0);
	CHECK_EQ(copy(vm), 0x5000);
	/* Without it the TPR stays what it is, whatever the memory says. */
	CHECK_EQ(set_vapic(vm, vcpu, 0), 0);
	start(vm, vcpu, STEPS(STORE(VAPIC, 0x30), TELL_DONE));
	CHECK_EQ(told(vm, vcpu), DONE);
	CHECK_EQ(tpr(vm, vcpu), 0);
}

/* The guest's 32-bit code, as each test makes it. */
static uint8_t code[256];
static size_t code_len;

static void emit(const void *bytes, size_t len)
{
	CHECK(code_len + len <= sizeof(code));
	memcpy(code + code_len, bytes, len);
	code_len += len;
}

/* mov $msr,%ecx; mov $high,%edx; mov $low,%eax; wrmsr */
static void put(uint32_t msr, uint64_t value)
{
	static const uint8_t mov[] = { 0xb9, 0xba, 0xb8 }, wrmsr[] = { 0x0f, 0x30 };
	const uint32_t words[] = { msr, value >> 32, value };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mov); i++) {
		emit(&mov[i], 1);
		emit(&words[i], sizeof(words[i]));
	}
	emit(wrmsr, sizeof(wrmsr));
}

/* mov $msr,%ecx; rdmsr; out %al,$PORT */
static void tell(uint32_t msr)
{
	const uint8_t bytes[] = { 0xb9, msr, msr >> 8, 0, 0, 0x0f, 0x32, 0xe6, PORT };

	emit(bytes, sizeof(bytes));
}

/* mov $value,%al; out %al,$PORT */
static void say(uint8_t value)
{
	const uint8_t bytes[] = { 0xb0, value, 0xe6, PORT };

	emit(bytes, sizeof(bytes));
}

static void to_x2apic(void)
{
	put(APIC_BASE, X2APIC);
	put(X2APIC_SVR, 0x1ff);
}

static void start_at_code(struct abi_vm *vm, int vcpu)
{
	struct kvm_regs regs = abi_regs(vm, vcpu);

	regs.rip = CODE;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_REGS, &regs), 0);
}

/* With a handler for each vector that tells it. */
static void start_code(struct abi_vm *vm, int vcpu)
{
	abi_code(vm, CODE, code, code_len);
	start(vm, vcpu, STEPS({ 0 }));
	start_at_code(vm, vcpu);
}

static void set_apic_base(struct abi_vm *vm, int vcpu, uint64_t base)
{
	struct kvm_sregs sregs;

	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_SREGS, &sregs), 0);
	sregs.apic_base = base;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_SREGS, &sregs), 0);
}

static void set_tpr(struct abi_vm *vm, int vcpu, uint8_t value)
{
	struct kvm_lapic_state state;

	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_LAPIC, &state), 0);
	state.regs[TPR] = value;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_LAPIC, &state), 0);
}

/* The guest goes from mode to mode. All eight bits of its TPR are there, for it and for others. */
static void test_x2apic(void)
{
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	int vcpu = abi_vcpu(vm);

	to_x2apic();
	tell(X2APIC_TPR);
	put(X2APIC_TPR, 0x35);
	tell(X2APIC_TPR);
	tell(X2APIC_TPR);
	put(X2APIC_TPR, 0x2f);
	say(DONE);
	put(APIC_BASE, DISABLED);
	put(APIC_BASE, XAPIC);
	say(1);
	tell(X2APIC_TPR);
	start_code(vm, vcpu);
	CHECK_EQ(told(vm, vcpu), 0);
	CHECK_EQ(told(vm, vcpu), 0x35);
	CHECK_EQ(tpr(vm, vcpu), 0x35);
	CHECK_EQ(vm->run[vcpu]->cr8, 3);
	set_tpr(vm, vcpu, 0x7c);
	CHECK_EQ(told(vm, vcpu), 0x7c);
	CHECK_EQ(told(vm, vcpu), DONE);
	CHECK_EQ(tpr(vm, vcpu), 0x2f);
	CHECK_EQ(told(vm, vcpu), 1);
	CHECK_EQ(told(vm, vcpu), GP);
}

/* User space changes the mode; CR8, which comes with it, has the upper half only. */
static void test_x2apic_by_user(void)
{
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	int vcpu = abi_vcpu(vm);

	put(X2APIC_TPR, 0x30);
	tell(X2APIC_TPR);
	put(X2APIC_TPR, 0x40);
	start_code(vm, vcpu);
	CHECK_EQ(told(vm, vcpu), GP);
	start_at_code(vm, vcpu);
	set_apic_base(vm, vcpu, X2APIC);
	CHECK_EQ(told(vm, vcpu), 0x30);
	set_apic_base(vm, vcpu, XAPIC);
	CHECK_EQ(told(vm, vcpu), GP);
	CHECK_EQ(tpr(vm, vcpu), 0x30);
}

static void test_x2apic_reserved(void)
{
	static const uint64_t values[] = { 0x100, 0x80000000, 1ull << 32, 1ull << 63 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		struct abi_vm *vm = abi_vm_irqchip(0x100000);
		int vcpu = abi_vcpu(vm);

		code_len = 0;
		to_x2apic();
		put(X2APIC_TPR, 0x35);
		put(X2APIC_TPR, values[i] | 0x20);
		say(DONE);
		start_code(vm, vcpu);
		CHECK_EQ(told(vm, vcpu), GP);
		CHECK_EQ(tpr(vm, vcpu), 0x35);
		abi_close(vm);
	}
}

/* An interrupt comes when the TPR's class is below its own, and not before. */
static void test_x2apic_waits(void)
{
	static const uint8_t sti[] = { 0xfb };
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	int vcpu = abi_vcpu(vm);

	to_x2apic();
	emit(sti, sizeof(sti));
	put(X2APIC_TPR, 0x60);
	put(SELF_IPI, 0x51);
	say(1);
	put(X2APIC_TPR, 0x50);
	say(2);
	put(X2APIC_TPR, 0x4f);
	say(3);
	start_code(vm, vcpu);
	CHECK_EQ(told(vm, vcpu), 1);
	CHECK_EQ(told(vm, vcpu), 2);
	CHECK_EQ(told(vm, vcpu), 0x51);
	CHECK_EQ(told(vm, vcpu), 3);
	CHECK_EQ(tpr(vm, vcpu), 0x4f);
}

static void test_x2apic_report(void)
{
	struct kvm_tpr_access_ctl control = { .enabled = 1 };
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	int vcpu = abi_vcpu(vm);
	struct kvm_run *run = vm->run[vcpu];

	if (!ioctl(abi_dev(), KVM_CHECK_EXTENSION, TENON_CAP_EXIT_LOG))
		abi_skip("kvm.ko does not hear of it where the processor virtualizes the TPR");
	to_x2apic();
	say(1);
	put(X2APIC_TPR, 0x35);
	tell(X2APIC_TPR);
	start_code(vm, vcpu);
	CHECK_EQ(told(vm, vcpu), 1);
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_TPR_ACCESS_REPORTING, &control), 0);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_TPR_ACCESS);
	CHECK_EQ(run->tpr_access.is_write, 1);
	control.enabled = 0;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_TPR_ACCESS_REPORTING, &control), 0);
	CHECK_EQ(told(vm, vcpu), 0x35);
}

static const struct abi_test tests[] = {
	{ "report", test_report },
	{ "vapic-errors", test_vapic_errors },
	{ "vapic", test_vapic },
	{ "x2apic", test_x2apic },
	{ "x2apic-by-user", test_x2apic_by_user },
	{ "x2apic-reserved", test_x2apic_reserved },
	{ "x2apic-waits", test_x2apic_waits },
	{ "x2apic-report", test_x2apic_report },
	{},
};

int main(int argc, char **argv)
{
	return abi_main(tests, argc, argv);
}
