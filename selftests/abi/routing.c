// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who gets an interrupt: x2APIC ids of 32 bits (KVM_CAP_X2APIC_API), the bootstrap processor, and
 * vCPUs that wait for INIT and start-up IPIs.
 */
#include <unistd.h>

#include "steps.h"

#define WIDE_ID 0x12c

static struct abi_vm *chip_vm(void)
{
	struct abi_vm *vm = abi_vm(0x100000);

	CHECK_EQ(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0), 0);
	return vm;
}

static int msi_to(struct abi_vm *vm, uint32_t high, uint8_t low)
{
	struct kvm_msi msi = {
		.address_lo = 0xfee00000 | low << 12,
		.address_hi = high,
		.data = 0x71,
	};

	return ioctl(vm->fd, KVM_SIGNAL_MSI, &msi);
}

static uint32_t apic_id(int vcpu)
{
	struct kvm_lapic_state state;
	uint32_t id;

	CHECK_EQ(ioctl(vcpu, KVM_GET_LAPIC, &state), 0);
	memcpy(&id, state.regs + 0x20, sizeof(id));
	return id;
}

/* A vCPU with this id, its local APIC enabled, in x2APIC mode or not. */
static int vcpu_with_id(struct abi_vm *vm, uint32_t id, bool x2apic)
{
	int first = abi_vcpu(vm), vcpu = vm->vcpu[first];
	struct kvm_cpuid2 *cpuid;
	struct kvm_lapic_state state;
	struct kvm_sregs sregs;
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[256];
	} table = { .head.nent = 256 };

	cpuid = &table.head;
	if (id) {
		CHECK_EQ(ioctl(abi_dev(), KVM_GET_SUPPORTED_CPUID, cpuid), 0);
		vcpu = ioctl(vm->fd, KVM_CREATE_VCPU, id);
		CHECK(vcpu >= 0);
		CHECK_EQ(ioctl(vcpu, KVM_SET_CPUID2, cpuid), 0);
	}
	CHECK_EQ(ioctl(vcpu, KVM_GET_SREGS, &sregs), 0);
	sregs.apic_base |= x2apic ? 0xc00 : 0x800;
	CHECK_EQ(ioctl(vcpu, KVM_SET_SREGS, &sregs), 0);
	CHECK_EQ(ioctl(vcpu, KVM_GET_LAPIC, &state), 0);
	state.regs[SVR + 1] |= 1;
	CHECK_EQ(ioctl(vcpu, KVM_SET_LAPIC, &state), 0);
	return vcpu;
}

static void test_x2apic_errors(void)
{
	struct abi_vm *vm = chip_vm();

	CHECK_EQ(ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_X2APIC_API), 3);
	CHECK_ERRNO(abi_enable(vm, KVM_CAP_X2APIC_API, 4), EINVAL);
	CHECK_ERRNO(abi_enable(vm, KVM_CAP_X2APIC_API, 1ull << 32), EINVAL);
	CHECK_EQ(abi_enable(vm, KVM_CAP_X2APIC_API, 0), 0);
	/* Without the flag the upper half means nothing. */
	abi_vcpu(vm);
	CHECK_EQ(msi_to(vm, 0x55, 3), 0);
	CHECK_EQ(abi_enable(vm, KVM_CAP_X2APIC_API, 3), 0);
	CHECK_ERRNO(msi_to(vm, 0x55, 3), EINVAL);
}

static void test_x2apic_ids(void)
{
	struct abi_vm *vm = chip_vm();
	int wide = vcpu_with_id(vm, WIDE_ID, true);
	struct kvm_lapic_state state;

	CHECK_EQ(apic_id(wide), (uint32_t)WIDE_ID << 24);
	vm = chip_vm();
	CHECK_EQ(abi_enable(vm, KVM_CAP_X2APIC_API, KVM_X2APIC_API_USE_32BIT_IDS), 0);
	wide = vcpu_with_id(vm, WIDE_ID, true);
	CHECK_EQ(apic_id(wide), WIDE_ID);
	CHECK_EQ(msi_to(vm, 0, WIDE_ID & 0xff), 0);
	CHECK_EQ(msi_to(vm, WIDE_ID & ~0xff, WIDE_ID & 0xff), 1);
	CHECK_EQ(ioctl(wide, KVM_GET_LAPIC, &state), 0);
	CHECK_EQ(ioctl(wide, KVM_SET_LAPIC, &state), 0);
	state.regs[0x20]++;
	CHECK_ERRNO(ioctl(wide, KVM_SET_LAPIC, &state), EINVAL);
}

static void test_broadcast(void)
{
	struct abi_vm *vm = chip_vm();

	vcpu_with_id(vm, 0, true);
	CHECK_EQ(msi_to(vm, 0, 0xff), 1);
	CHECK_EQ(abi_enable(vm, KVM_CAP_X2APIC_API, KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK), 0);
	CHECK(msi_to(vm, 0, 0xff) <= 0);
	/* xAPICs know no id of 255. */
	vm = chip_vm();
	vcpu_with_id(vm, 0, false);
	CHECK_EQ(abi_enable(vm, KVM_CAP_X2APIC_API, KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK), 0);
	CHECK_EQ(msi_to(vm, 0, 0xff), 1);
}

static int mp_state(int vcpu)
{
	struct kvm_mp_state state;

	CHECK_EQ(ioctl(vcpu, KVM_GET_MP_STATE, &state), 0);
	return state.mp_state;
}

static void test_boot_cpu(void)
{
	struct abi_vm *vm = chip_vm();
	struct kvm_sregs sregs;
	int bsp, ap;

	CHECK(ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_SET_BOOT_CPU_ID) > 0);
	CHECK_EQ(ioctl(vm->fd, KVM_SET_BOOT_CPU_ID, 1), 0);
	ap = vm->vcpu[abi_vcpu(vm)];
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_BOOT_CPU_ID, 1), EBUSY);
	bsp = vm->vcpu[abi_vcpu(vm)];
	CHECK_EQ(mp_state(ap), KVM_MP_STATE_UNINITIALIZED);
	CHECK_EQ(mp_state(bsp), KVM_MP_STATE_RUNNABLE);
	CHECK_EQ(ioctl(ap, KVM_GET_SREGS, &sregs), 0);
	CHECK_EQ(sregs.apic_base & 0x100, 0);
	CHECK_EQ(ioctl(bsp, KVM_GET_SREGS, &sregs), 0);
	CHECK_EQ(sregs.apic_base & 0x100, 0x100);
}

static void test_vcpu_ids(void)
{
	struct abi_vm *vm = chip_vm();
	int most = ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPU_ID);

	CHECK_ERRNO(abi_enable(vm, KVM_CAP_MAX_VCPU_ID, most + 1), EINVAL);
	CHECK_EQ(abi_enable(vm, KVM_CAP_MAX_VCPU_ID, 5), 0);
	CHECK_EQ(abi_enable(vm, KVM_CAP_MAX_VCPU_ID, 5), 0);
	CHECK_ERRNO(abi_enable(vm, KVM_CAP_MAX_VCPU_ID, 6), EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_VCPU, 5), EINVAL);
	CHECK(ioctl(vm->fd, KVM_CREATE_VCPU, 4) >= 0);
}

/* The first vCPU tells the second what to do by its ICR. */
static void order(const struct step *steps, int state, uint64_t base)
{
	struct abi_vm *vm = chip_vm();
	int bsp = abi_vcpu(vm), ap = abi_vcpu(vm);
	struct kvm_sregs sregs;

	start(vm, bsp, steps);
	CHECK_EQ(told(vm, bsp), DONE);
	CHECK_EQ(mp_state(vm->vcpu[ap]), state);
	CHECK_EQ(ioctl(vm->vcpu[ap], KVM_GET_SREGS, &sregs), 0);
	CHECK_EQ(sregs.cs.base, base);
}

#define TO_AP STORE(APIC(ICR2), 1 << 24)
#define INIT  STORE(APIC(ICR), 0x4500)
#define SIPI  STORE(APIC(ICR), 0x4630)

static void test_init_sipi(void)
{
	order(STEPS(ENABLE_APIC, TO_AP, INIT, SIPI, TELL_DONE), KVM_MP_STATE_RUNNABLE, 0x30000);
	order(STEPS(ENABLE_APIC, TO_AP, INIT, TELL_DONE), KVM_MP_STATE_INIT_RECEIVED, 0xffff0000);
	/* What came before the INIT is forgotten; without one there is nobody to hear it. */
	order(STEPS(ENABLE_APIC, TO_AP, SIPI, INIT, TELL_DONE), KVM_MP_STATE_INIT_RECEIVED,
	      0xffff0000);
	order(STEPS(ENABLE_APIC, TO_AP, SIPI, TELL_DONE), KVM_MP_STATE_UNINITIALIZED, 0xffff0000);
}

static void test_mp_state(void)
{
	struct abi_vm *vm = chip_vm();
	struct kvm_mp_state state = { .mp_state = KVM_MP_STATE_INIT_RECEIVED };
	int bsp = abi_vcpu(vm), ap = abi_vcpu(vm);
	struct kvm_sregs sregs;

	CHECK_EQ(ioctl(vm->vcpu[ap], KVM_SET_MP_STATE, &state), 0);
	start(vm, bsp, STEPS(ENABLE_APIC, TO_AP, SIPI, TELL_DONE));
	CHECK_EQ(told(vm, bsp), DONE);
	CHECK_EQ(mp_state(vm->vcpu[ap]), KVM_MP_STATE_RUNNABLE);
	CHECK_EQ(ioctl(vm->vcpu[ap], KVM_GET_SREGS, &sregs), 0);
	CHECK_EQ(sregs.cs.base, 0x30000);
	/* The start-up IPI has come, with the vector of the last one. */
	state.mp_state = KVM_MP_STATE_SIPI_RECEIVED;
	CHECK_EQ(ioctl(vm->vcpu[ap], KVM_SET_MP_STATE, &state), 0);
	CHECK_EQ(mp_state(vm->vcpu[ap]), KVM_MP_STATE_RUNNABLE);
}

static const struct abi_test tests[] = {
	{ "x2apic-errors", test_x2apic_errors }, { "x2apic-ids", test_x2apic_ids },
	{ "broadcast", test_broadcast },	 { "boot-cpu", test_boot_cpu },
	{ "vcpu-ids", test_vcpu_ids },		 { "init-sipi", test_init_sipi },
	{ "mp-state", test_mp_state },		 {},
};

int main(int argc, char **argv)
{
	return abi_main(tests, argc, argv);
}
