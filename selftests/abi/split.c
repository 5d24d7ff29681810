// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupt controllers in user space: a split irqchip (KVM_CAP_SPLIT_IRQCHIP), whose local APICs
 * are the kernel's, and none at all.
 */
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "steps.h"

#define IOAPIC_PINS 24

static struct abi_vm *split_vm(void)
{
	struct abi_vm *vm = abi_vm(0x100000);

	CHECK(ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_SPLIT_IRQCHIP) > 0);
	CHECK_EQ(abi_enable(vm, KVM_CAP_SPLIT_IRQCHIP, IOAPIC_PINS), 0);
	return vm;
}

/* GSI to MSI for local APIC 0; bit 15 of @data: level triggered. */
static void route(struct abi_vm *vm, unsigned int gsi, uint32_t data)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} routes = {
		.head.nr = 1,
		.entry = {
			.gsi = gsi,
			.type = KVM_IRQ_ROUTING_MSI,
			.u.msi = { .address_lo = 0xfee00000, .data = data },
		},
	};

	CHECK_EQ(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routes), 0);
}

static void msi(struct abi_vm *vm, uint8_t vector)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = vector };

	CHECK_EQ(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi), 1);
}

static int interrupt(struct abi_vm *vm, int vcpu, unsigned int vector)
{
	struct kvm_interrupt interrupt = { .irq = vector };

	return ioctl(vm->vcpu[vcpu], KVM_INTERRUPT, &interrupt);
}

static void test_errors(void)
{
	struct abi_vm *vm = abi_vm(0x100000);
	struct kvm_enable_cap flags = { .cap = KVM_CAP_SPLIT_IRQCHIP, .flags = 1 };
	struct kvm_irqchip chip = { 0 };
	struct kvm_irqfd irqfd = {
		.fd = eventfd(0, 0),
		.resamplefd = eventfd(0, 0),
		.flags = KVM_IRQFD_FLAG_RESAMPLE,
	};
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} routes = { .head.nr = 1, .entry.type = KVM_IRQ_ROUTING_IRQCHIP };

	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &flags), EINVAL);
	CHECK_ERRNO(abi_enable(vm, KVM_CAP_SPLIT_IRQCHIP, 4097), EINVAL);
	CHECK_EQ(abi_enable(vm, KVM_CAP_SPLIT_IRQCHIP, 4096), 0);
	CHECK_ERRNO(abi_enable(vm, KVM_CAP_SPLIT_IRQCHIP, IOAPIC_PINS), EEXIST);
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0), EEXIST);
	CHECK_ERRNO(ioctl(vm->fd, KVM_GET_IRQCHIP, &chip), ENXIO);
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_IRQCHIP, &chip), ENXIO);
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routes), EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_IRQFD, &irqfd), EINVAL);
	CHECK_EQ(line(vm, 1, 1), -1);

	vm = abi_vm(0x100000);
	abi_vcpu(vm);
	CHECK_ERRNO(abi_enable(vm, KVM_CAP_SPLIT_IRQCHIP, IOAPIC_PINS), EEXIST);
	vm = abi_vm_irqchip(0x100000);
	CHECK_ERRNO(abi_enable(vm, KVM_CAP_SPLIT_IRQCHIP, IOAPIC_PINS), EEXIST);
}

/* User space hears of the EOI of its IOAPIC's level-triggered pins, and of no other. */
static void test_eoi(void)
{
	struct abi_vm *vm = split_vm();
	int vcpu = abi_vcpu(vm);

	start(vm, vcpu, STEPS(ENABLE_APIC, TELL_DONE));
	CHECK_EQ(told(vm, vcpu), DONE);
	route(vm, 5, 0x8061);
	CHECK_EQ(line(vm, 5, 1), 1);
	CHECK_EQ(told(vm, vcpu), 0x61);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IOAPIC_EOI);
	CHECK_EQ(vm->run[vcpu]->eoi.vector, 0x61);
	/* Edge triggered. */
	route(vm, 5, 0x62);
	CHECK_EQ(line(vm, 5, 1), 1);
	CHECK_EQ(told(vm, vcpu), 0x62);
	msi(vm, 0x53);
	CHECK_EQ(told(vm, vcpu), 0x53);
	/* Not a pin of the IOAPIC. */
	route(vm, IOAPIC_PINS, 0x8063);
	CHECK_EQ(line(vm, IOAPIC_PINS, 1), 1);
	CHECK_EQ(told(vm, vcpu), 0x63);
	msi(vm, 0x54);
	CHECK_EQ(told(vm, vcpu), 0x54);
}

static void test_irqfd(void)
{
	struct abi_vm *vm = split_vm();
	int vcpu = abi_vcpu(vm);
	struct kvm_irqfd irqfd = { .fd = eventfd(0, EFD_NONBLOCK), .gsi = 7 };
	uint64_t one = 1;

	start(vm, vcpu, STEPS(ENABLE_APIC, TELL_DONE));
	CHECK_EQ(told(vm, vcpu), DONE);
	route(vm, 7, 0x8071);
	CHECK_EQ(ioctl(vm->fd, KVM_IRQFD, &irqfd), 0);
	CHECK_EQ(write(irqfd.fd, &one, sizeof(one)), sizeof(one));
	CHECK_EQ(told(vm, vcpu), 0x71);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IOAPIC_EOI);
}

/* The PIC's interrupt comes by KVM_INTERRUPT, through LINT0. */
static void test_pic(void)
{
	struct abi_vm *vm = split_vm();
	int vcpu = abi_vcpu(vm);
	struct kvm_run *run = vm->run[vcpu];

	start(vm, vcpu, STEPS(ENABLE_APIC, TELL_DONE));
	CHECK_EQ(told(vm, vcpu), DONE);
	CHECK_EQ(run->if_flag, 0);
	CHECK_EQ(run->ready_for_interrupt_injection, 0);
	run->request_interrupt_window = 1;
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IRQ_WINDOW_OPEN);
	CHECK_EQ(run->if_flag, 1);
	CHECK_EQ(run->ready_for_interrupt_injection, 1);
	run->request_interrupt_window = 0;
	CHECK_EQ(interrupt(vm, vcpu, 0x45), 0);
	CHECK_ERRNO(interrupt(vm, vcpu, 0x46), EEXIST);
	CHECK_ERRNO(interrupt(vm, vcpu, 256), EINVAL);
	CHECK_EQ(told(vm, vcpu), 0x45);
	CHECK_EQ(interrupt(vm, vcpu, 0x47), 0);
	CHECK_EQ(told(vm, vcpu), 0x47);
}

/* While LINT0 is masked the vector waits. */
static void test_lint0(void)
{
	struct abi_vm *vm = split_vm();
	int vcpu = abi_vcpu(vm);

	/* Nor does a window open, to wait for which would keep the guest from running. */
	vm->run[vcpu]->request_interrupt_window = 1;
	start(vm, vcpu,
	      STEPS(ENABLE_APIC, STORE(APIC(LINT0), 0x10700), TELL_DONE, STORE(APIC(ICR), 0x44051),
		    OUT(PORT, 1)));
	CHECK_EQ(told(vm, vcpu), DONE);
	CHECK_EQ(interrupt(vm, vcpu, 0x45), 0);
	CHECK_EQ(told(vm, vcpu), 1);
	CHECK_EQ(told(vm, vcpu), 0x51);
	vm->run[vcpu]->request_interrupt_window = 0;
	start(vm, vcpu, STEPS(STORE(APIC(LINT0), 0x700), STORE(APIC(ICR), 0x44061)));
	CHECK_EQ(told(vm, vcpu), 0x45);
	CHECK_EQ(told(vm, vcpu), 0x61);
}

/* PIC, IOAPIC and PIT are user space's. */
static void test_devices(void)
{
	static const uint16_t ports[] = { 0x20, 0xa0, 0x4d0, 0x40 };
	struct abi_vm *vm = split_vm();
	int vcpu = abi_vcpu(vm);
	struct kvm_run *run = vm->run[vcpu];
	size_t i;

	start(vm, vcpu,
	      STEPS(OUT(0x20, 1), OUT(0xa0, 1), OUT(0x4d0, 1), OUT(0x40, 1), IOREGSEL(3)));
	for (i = 0; i < ARRAY_SIZE(ports); i++) {
		CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
		CHECK_EQ(run->io.port, ports[i]);
	}
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_MMIO);
	CHECK_EQ(run->mmio.phys_addr, 0xfec00000);
}

/* No irqchip: the guest is real-mode code at 1000h. */
static int none_vm(struct abi_vm **vm, const uint8_t *code, size_t len)
{
	int vcpu;

	*vm = abi_vm(0x100000);
	vcpu = abi_vcpu(*vm);
	abi_code(*vm, 0x1000, code, len);
	abi_real(*vm, vcpu, 0x1000);
	return vcpu;
}

#define NONE_VM(vm, ...) \
	none_vm(vm, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void test_none(void)
{
	struct abi_vm *vm;
	/* cli; out; sti; nop; hlt; hlt. Vector 30h at 2000h: mov al,30h; out; iret. */
	int vcpu = NONE_VM(&vm, 0xfa, 0xe6, PORT, 0xfb, 0x90, 0xf4, 0xf4);
	struct kvm_run *run = vm->run[vcpu];
	static const uint16_t vector[2] = { 0x2000, 0 };

	abi_code(vm, 0x30 * 4, vector, sizeof(vector));
	ABI_CODE(vm, 0x2000, 0xb0, 0x30, 0xe6, PORT, 0xcf);
	told(vm, vcpu);
	CHECK_EQ(run->if_flag, 0);
	CHECK_EQ(run->ready_for_interrupt_injection, 0);
	run->request_interrupt_window = 1;
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IRQ_WINDOW_OPEN);
	CHECK_EQ(run->if_flag, 1);
	CHECK_EQ(run->ready_for_interrupt_injection, 1);
	run->request_interrupt_window = 0;
	CHECK_ERRNO(interrupt(vm, vcpu, 256), EINVAL);
	/* The last one counts. */
	CHECK_EQ(interrupt(vm, vcpu, 0x31), 0);
	CHECK_EQ(interrupt(vm, vcpu, 0x30), 0);
	CHECK_EQ(told(vm, vcpu), 0x30);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
	CHECK_EQ(run->ready_for_interrupt_injection, 1);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
}

static void test_cr8(void)
{
	struct abi_vm *vm = abi_vm(0x100000);
	int vcpu = abi_vcpu(vm);
	struct kvm_run *run = vm->run[vcpu];
	struct kvm_regs regs;

	/* mov rax,cr8; out; mov ebx,9; mov cr8,rbx; out; mov ebx,4; mov cr8,rbx; out. */
	ABI_CODE(vm, 0x1000, 0x44, 0x0f, 0x20, 0xc0, 0xe6, PORT, 0xbb, 9, 0, 0, 0, 0x44, 0x0f, 0x22,
		 0xc3, 0xe6, PORT, 0xbb, 4, 0, 0, 0, 0x44, 0x0f, 0x22, 0xc3, 0xe6, PORT);
	abi_long(vm, vcpu, 0x1000);
	run->cr8 = 16;
	CHECK_ERRNO(ioctl(vm->vcpu[vcpu], KVM_RUN, 0), EINVAL);
	run->cr8 = 5;
	told(vm, vcpu);
	regs = abi_regs(vm, vcpu);
	CHECK_EQ(regs.rax, 5);
	CHECK_EQ(run->cr8, 5);
	told(vm, vcpu);
	CHECK_EQ(run->cr8, 9);
	/* User space hears of a lower TPR: an interrupt may have waited for it. */
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_SET_TPR);
	CHECK_EQ(run->cr8, 4);
	told(vm, vcpu);
}

static const struct abi_test tests[] = {
	{ "errors", test_errors }, { "eoi", test_eoi },	    { "irqfd", test_irqfd },
	{ "pic", test_pic },	   { "lint0", test_lint0 }, { "devices", test_devices },
	{ "none", test_none },	   { "cr8", test_cr8 },	    {},
};

int main(int argc, char **argv)
{
	return abi_main(tests, argc, argv);
}
