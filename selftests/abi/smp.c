// SPDX-License-Identifier: GPL-2.0-only
/* VMs with as many vCPUs as there may be, and with ids that need x2APIC. */
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ap.h"
#include "smp_guest.h"

#define PORT	  0xe9
#define WIDE_ID	  300
#define LAPIC_SVR 0xf0
#define LAPIC_IRR 0x200

static int capability(long number)
{
	return ioctl(abi_dev(), KVM_CHECK_EXTENSION, number);
}

static void test_wide_id(void)
{
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	int bsp = abi_vcpu(vm), ap = abi_vcpu_id(vm, WIDE_ID);
	struct ap started = { .vm = vm, .vcpu = ap };

	/* In real mode at 3000:0: mov al,'W'; out 0xe9,al. */
	ABI_CODE(vm, 0x30000, 0xb0, 'W', 0xe6, PORT, 0xf4);
	abi_code(vm, 0x10000, start_wide, start_wide_end - start_wide);
	abi_flat32(vm, bsp, 0x10000);
	ap_start(&started);
	CHECK_EQ(abi_run(vm, bsp), KVM_EXIT_IO);
	CHECK_EQ(ap_told(&started), 'W');
}

static void to_x2apic(int vcpu)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = { .head = { .nmsrs = 1 }, .entry = { .index = 0x1b, .data = 0xfee00c00 } };
	uint32_t svr = 0x1ff;
	struct kvm_lapic_state state;

	CHECK_EQ(ioctl(vcpu, KVM_SET_MSRS, &msrs), 1);
	CHECK_EQ(ioctl(vcpu, KVM_GET_LAPIC, &state), 0);
	memcpy(state.regs + LAPIC_SVR, &svr, sizeof(svr));
	CHECK_EQ(ioctl(vcpu, KVM_SET_LAPIC, &state), 0);
}

/* With 32-bit ids, an MSI names what it means to in the high half of its address. */
static void test_wide_msi(void)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X2APIC_API,
				      .args = { KVM_X2APIC_API_USE_32BIT_IDS |
						KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK } };
	struct kvm_msi msi = { .address_lo = 0xfee00000 | (WIDE_ID & 0xff) << 12,
			       .address_hi = WIDE_ID & ~0xff,
			       .data = 0x45 };
	struct kvm_lapic_state state;
	struct abi_vm *vm;
	int narrow, wide;

	if (capability(KVM_CAP_X2APIC_API) <= 0)
		SKIP_ON_REFERENCE("no KVM_CAP_X2APIC_API");
	vm = abi_vm_irqchip(0);
	CHECK_EQ(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), 0);
	narrow = abi_vcpu_id(vm, WIDE_ID & 0xff);
	wide = abi_vcpu_id(vm, WIDE_ID);
	to_x2apic(vm->vcpu[narrow]);
	to_x2apic(vm->vcpu[wide]);
	CHECK_EQ(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi), 1);
	CHECK_EQ(ioctl(vm->vcpu[wide], KVM_GET_LAPIC, &state), 0);
	CHECK_EQ(state.regs[LAPIC_IRR + 0x20], 1 << 5);
	CHECK_EQ(ioctl(vm->vcpu[narrow], KVM_GET_LAPIC, &state), 0);
	CHECK_EQ(state.regs[LAPIC_IRR + 0x20], 0);
	/* And 255 is an id like others. */
	msi.address_lo = 0xfee00000 | 0xff << 12;
	msi.address_hi = 0;
	CHECK_EQ(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi), 0);
}

/* As many as the capability says, and not one more; with ids as large as there are. */
static void test_max_vcpus(void)
{
	struct abi_vm *vm = abi_vm_irqchip(0);
	int most = capability(KVM_CAP_MAX_VCPUS), ids = capability(KVM_CAP_MAX_VCPU_ID), i;
	struct rlimit limit = { .rlim_cur = most + 64, .rlim_max = most + 64 };
	int *fds = calloc(most, sizeof(*fds));

	CHECK(fds && most >= 255 && ids >= most);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK_EQ(ioctl(vm->fd, KVM_CREATE_VCPU, ids), -1);
	CHECK_EQ(errno, EINVAL);
	for (i = 0; i < most; i++) {
		fds[i] = ioctl(vm->fd, KVM_CREATE_VCPU, ids - 1 - i);
		CHECK(fds[i] >= 0);
	}
	CHECK_EQ(ioctl(vm->fd, KVM_CREATE_VCPU, 0), -1);
	CHECK_EQ(errno, EINVAL);
	for (i = 0; i < most; i++)
		close(fds[i]);
	free(fds);
}

static void test_same_id(void)
{
	struct abi_vm *vm = abi_vm_irqchip(0);

	abi_vcpu_id(vm, WIDE_ID);
	CHECK_EQ(ioctl(vm->fd, KVM_CREATE_VCPU, WIDE_ID), -1);
	CHECK_EQ(errno, EEXIST);
}

static const struct abi_test tests[] = {
	{ "max-vcpus", test_max_vcpus },
	{ "same-id", test_same_id },
	{ "wide-id", test_wide_id },
	{ "wide-msi", test_wide_msi },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return abi_main(tests, argc, argv);
}
