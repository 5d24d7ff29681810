// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_TPR_ACCESS_REPORTING and KVM_SET_VAPIC_ADDR: what a guest does with its TPR.
 */
#include "steps.h"

#define VAPIC 0x9ff4

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
	static const uint8_t code[] = { 0xa3, 0x80, 0,	  0xe0, 0xfe, 0xa1, 0x80, 0,	0xe0,
					0xfe, 0xa3, 0xf0, 0,	0xe0, 0xfe, 0xe6, PORT, 0xf4 };

	abi_code(vm, GUEST, code, sizeof(code));
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

static const struct abi_test tests[] = {
	{ "report", test_report },
	{ "vapic-errors", test_vapic_errors },
	{ "vapic", test_vapic },
	{},
};

int main(int argc, char **argv)
{
	return abi_main(tests, argc, argv);
}
