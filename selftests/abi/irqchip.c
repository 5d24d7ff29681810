// SPDX-License-Identifier: GPL-2.0-only
/*
 * The in-kernel irqchip: its ioctls, and guests that take interrupts of every origin, see steps.h.
 */
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ap.h"
#include "steps.h"

static void test_without_irqchip(void)
{
	struct abi_vm *vm = abi_vm(0x100000);
	int vcpu = abi_vcpu(vm);
	struct kvm_irqchip chip = { 0 };
	struct kvm_irq_level level = { .irq = 1 };
	struct kvm_irq_routing routing = { 0 };
	struct kvm_msi msi = { 0 };
	struct kvm_irqfd irqfd = { .fd = eventfd(0, 0) };
	struct kvm_lapic_state lapic;
	struct kvm_pit_state2 pit;
	struct kvm_reinject_control control = { 0 };

	CHECK_ERRNO(ioctl(vm->fd, KVM_GET_IRQCHIP, &chip), ENXIO);
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_IRQCHIP, &chip), ENXIO);
	CHECK_ERRNO(ioctl(vm->fd, KVM_IRQ_LINE, &level), ENXIO);
	CHECK_ERRNO(ioctl(vm->fd, KVM_IRQ_LINE_STATUS, &level), ENXIO);
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routing), EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi), EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_IRQFD, &irqfd), EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_GET_PIT2, &pit), ENXIO);
	CHECK_ERRNO(ioctl(vm->fd, KVM_REINJECT_CONTROL, &control), ENXIO);
	CHECK_ERRNO(ioctl(vm->vcpu[vcpu], KVM_GET_LAPIC, &lapic), EINVAL);
	CHECK_ERRNO(ioctl(vm->vcpu[vcpu], KVM_SET_LAPIC, &lapic), EINVAL);
	/* Too late: there is a vCPU. */
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0), EINVAL);
}

static void test_create(void)
{
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	struct kvm_pit_config pit = { 0 };
	struct kvm_irqchip chip = { .chip_id = 3 };

	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0), EEXIST);
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_PIT2, &pit), EEXIST);
	CHECK_ERRNO(ioctl(vm->fd, KVM_GET_IRQCHIP, &chip), EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_IRQCHIP, &chip), EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_REINJECT_CONTROL, 8), EFAULT);
	CHECK_ERRNO(ioctl(vm->fd, KVM_GET_IRQCHIP, 8), EFAULT);
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_IRQCHIP, 8), EFAULT);
}

struct routes {
	struct kvm_irq_routing head;
	struct kvm_irq_routing_entry entries[4];
};

static void test_routing_errors(void)
{
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	struct routes routes = { .head.nr = 1 };
	struct kvm_irq_routing_entry *entry = routes.entries;

	entry->type = KVM_IRQ_ROUTING_IRQCHIP;
	entry->u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
	entry->u.irqchip.pin = 23;
	entry->gsi = 4095;
	CHECK_EQ(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routes), 0);
	entry->u.irqchip.pin = 24;
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routes), EINVAL);
	entry->u.irqchip.irqchip = KVM_IRQCHIP_PIC_SLAVE;
	entry->u.irqchip.pin = 8;
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routes), EINVAL);
	entry->u.irqchip.irqchip = 3;
	entry->u.irqchip.pin = 0;
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routes), EINVAL);
	entry->u.irqchip.irqchip = 0;
	entry->gsi = 4096;
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routes), EINVAL);
	entry->gsi = 0;
	entry->flags = 1;
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routes), EINVAL);
	entry->flags = 0;
	entry->type = 77;
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routes), EINVAL);
	/* A GSI has one pin per chip, or one message. */
	entry->type = KVM_IRQ_ROUTING_IRQCHIP;
	routes.entries[1] = *entry;
	routes.head.nr = 2;
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routes), EINVAL);
	routes.entries[1].u.irqchip.irqchip = 1;
	CHECK_EQ(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routes), 0);
	routes.entries[1].type = KVM_IRQ_ROUTING_MSI;
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routes), EINVAL);
	routes.head.nr = 4097;
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routes), EINVAL);
	routes.head.nr = 0;
	routes.head.flags = 1;
	CHECK_ERRNO(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routes), EINVAL);
	routes.head.flags = 0;
	CHECK_EQ(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routes), 0);
	CHECK_EQ(line(vm, 0, 1), -1);
}

static void test_line_status(void)
{
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

	abi_vcpu(vm);
	/* The PIC is open after reset, the IOAPIC masked: its edges merge, its levels wait. */
	CHECK_EQ(line(vm, 3, 1), 1);
	line(vm, 3, 0);
	CHECK_EQ(line(vm, 3, 1), 0);
	CHECK_EQ(line(vm, 20, 1), -1);
	CHECK_EQ(line(vm, 24, 1), -1);
	CHECK_EQ(line(vm, 0xffffffff, 1), -1);
	CHECK_EQ(ioctl(vm->fd, KVM_GET_IRQCHIP, &chip), 0);
	CHECK_EQ(chip.chip.ioapic.base_address, 0xfec00000);
	CHECK_EQ(chip.chip.ioapic.irr, 1 << 3 | 1 << 20);
	CHECK_EQ(chip.chip.ioapic.redirtbl[0].bits, 0x10000);
	chip.chip_id = KVM_IRQCHIP_PIC_MASTER;
	CHECK_EQ(ioctl(vm->fd, KVM_GET_IRQCHIP, &chip), 0);
	CHECK_EQ(chip.chip.pic.irr, 1 << 3);
	chip.chip.pic.imr = 0x5a;
	CHECK_EQ(ioctl(vm->fd, KVM_SET_IRQCHIP, &chip), 0);
	memset(&chip.chip, 0, sizeof(chip.chip));
	CHECK_EQ(ioctl(vm->fd, KVM_GET_IRQCHIP, &chip), 0);
	CHECK_EQ(chip.chip.pic.imr, 0x5a);
}

static uint32_t lapic_reg(const struct kvm_lapic_state *state, int offset)
{
	uint32_t value;

	memcpy(&value, state->regs + offset, sizeof(value));
	return value;
}

static void test_lapic_state(void)
{
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	int bsp = abi_vcpu(vm), ap = abi_vcpu(vm);
	struct kvm_lapic_state state, again;

	CHECK_EQ(ioctl(vm->vcpu[bsp], KVM_GET_LAPIC, &state), 0);
	CHECK_EQ(lapic_reg(&state, 0x20), 0);
	CHECK_EQ(lapic_reg(&state, 0x30) & 0xffff, 0x14);
	CHECK_EQ(lapic_reg(&state, SVR), 0xff);
	CHECK_EQ(lapic_reg(&state, LVTT), 0x10000);
	CHECK_EQ(lapic_reg(&state, LINT0), 0x700);
	CHECK_EQ(ioctl(vm->vcpu[ap], KVM_GET_LAPIC, &state), 0);
	CHECK_EQ(lapic_reg(&state, 0x20), 1 << 24);
	CHECK_EQ(lapic_reg(&state, LINT0), 0x10000);
	state.regs[TPR] = 0x30;
	CHECK_EQ(ioctl(vm->vcpu[ap], KVM_SET_LAPIC, &state), 0);
	CHECK_EQ(ioctl(vm->vcpu[ap], KVM_GET_LAPIC, &again), 0);
	CHECK_EQ(lapic_reg(&again, TPR), 0x30);
	CHECK_EQ(lapic_reg(&again, 0xa0), 0x30);
	CHECK_ERRNO(ioctl(vm->vcpu[ap], KVM_GET_LAPIC, 8), EFAULT);
	CHECK_ERRNO(ioctl(vm->vcpu[ap], KVM_SET_LAPIC, 8), EFAULT);
}

static void test_pit_state(void)
{
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	struct kvm_pit_state2 state = { .flags = KVM_PIT_FLAGS_HPET_LEGACY }, again;
	struct kvm_pit_state old;

	CHECK_EQ(ioctl(vm->fd, KVM_SET_PIT2, &state), 0);
	CHECK_EQ(ioctl(vm->fd, KVM_GET_PIT2, &again), 0);
	CHECK_EQ(again.flags, KVM_PIT_FLAGS_HPET_LEGACY);
	memset(&state, 0, sizeof(state));
	state.channels[2].count = 0x1234;
	state.channels[2].mode = 3;
	state.channels[2].gate = 1;
	CHECK_EQ(ioctl(vm->fd, KVM_SET_PIT2, &state), 0);
	CHECK_EQ(ioctl(vm->fd, KVM_GET_PIT, &old), 0);
	CHECK_EQ(old.channels[2].count, 0x1234);
	CHECK_EQ(old.channels[2].mode, 3);
	CHECK_EQ(ioctl(vm->fd, KVM_SET_PIT, &old), 0);
}

static void test_self_ipi(void)
{
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	int vcpu = abi_vcpu(vm);

	start(vm, vcpu,
	      STEPS(ENABLE_APIC, STORE(APIC(ICR), 0x44041), STORE(APIC(ICR), 0x44091),
		    STORE(APIC(ICR2), 0), STORE(APIC(ICR), 0x4052)));
	CHECK_EQ(told(vm, vcpu), 0x91);
	CHECK_EQ(told(vm, vcpu), 0x52);
	CHECK_EQ(told(vm, vcpu), 0x41);
}

static void test_nmi_ipi(void)
{
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	int vcpu = abi_vcpu(vm);

	start(vm, vcpu,
	      STEPS(ENABLE_APIC, STORE(APIC(ICR2), 0), STORE(APIC(ICR), 0x4400), TELL_DONE));
	CHECK_EQ(told(vm, vcpu), 2);
	CHECK_EQ(told(vm, vcpu), DONE);
}

static void test_apic_timer(void)
{
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	int vcpu = abi_vcpu(vm);

	start(vm, vcpu,
	      STEPS(ENABLE_APIC, STORE(APIC(TDCR), 0xb), STORE(APIC(LVTT), 0x20050),
		    STORE(APIC(TMICT), 3000000)));
	CHECK_EQ(told(vm, vcpu), 0x50);
	CHECK_EQ(told(vm, vcpu), 0x50);
	CHECK_EQ(told(vm, vcpu), 0x50);
	/* One shot, of a higher class: the last one is still in service. */
	start(vm, vcpu, STEPS(STORE(APIC(LVTT), 0x61), STORE(APIC(TMICT), 3000000)));
	CHECK_EQ(told(vm, vcpu), 0x61);
}

static void test_pit_through_pic(void)
{
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	int vcpu = abi_vcpu(vm), i;

	start(vm, vcpu,
	      STEPS(OUT(0x20, 0x11), OUT(0x21, 0x20), OUT(0x21, 4), OUT(0x21, 1), OUT(0xa0, 0x11),
		    OUT(0xa1, 0x28), OUT(0xa1, 2), OUT(0xa1, 1), OUT(0x21, 0xfa), OUT(0xa1, 0xff),
		    OUT(0x43, 0x34), OUT(0x40, 0x00), OUT(0x40, 0x10)));
	for (i = 0; i < 5; i++)
		CHECK_EQ(told(vm, vcpu), 0x20);
}

static void test_pit_through_ioapic(void)
{
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	int vcpu = abi_vcpu(vm), i;

	start(vm, vcpu,
	      STEPS(ENABLE_APIC, OUT(0x21, 0xff), IOREGSEL(0), IOWIN(0x60), OUT(0x43, 0x34),
		    OUT(0x40, 0x00), OUT(0x40, 0x10)));
	for (i = 0; i < 5; i++)
		CHECK_EQ(told(vm, vcpu), 0x60);
}

static void test_slave_line(void)
{
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	int vcpu = abi_vcpu(vm);

	start(vm, vcpu,
	      STEPS(OUT(0x20, 0x11), OUT(0x21, 0x20), OUT(0x21, 4), OUT(0x21, 1), OUT(0xa0, 0x11),
		    OUT(0xa1, 0x28), OUT(0xa1, 2), OUT(0xa1, 1), OUT(0x21, 0xfa), OUT(0xa1, 0xff),
		    OUT(0xa1, 0xef), TELL_DONE));
	CHECK_EQ(told(vm, vcpu), DONE);
	line(vm, 12, 1);
	CHECK_EQ(told(vm, vcpu), 0x2c);
}

static void test_ioapic_edge(void)
{
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	int vcpu = abi_vcpu(vm);

	start(vm, vcpu, STEPS(ENABLE_APIC, IOREGSEL(20), IOWIN(0x61), TELL_DONE));
	CHECK_EQ(told(vm, vcpu), DONE);
	CHECK_EQ(line(vm, 20, 1), 1);
	CHECK_EQ(line(vm, 20, 1), 0);
	CHECK_EQ(told(vm, vcpu), 0x61);
	line(vm, 20, 0);
	CHECK_EQ(line(vm, 20, 1), 1);
	CHECK_EQ(told(vm, vcpu), 0x61);
}

static void test_ioapic_level(void)
{
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	int vcpu = abi_vcpu(vm), i;

	start(vm, vcpu,
	      STEPS(ENABLE_APIC, IOREGSEL(20), IOWIN(0x8062), IOREGSEL(21), IOWIN(0x73),
		    TELL_DONE));
	CHECK_EQ(told(vm, vcpu), DONE);
	CHECK_EQ(line(vm, 20, 1), 1);
	/* Again with each EOI, as long as the line is up. */
	for (i = 0; i < 3; i++)
		CHECK_EQ(told(vm, vcpu), 0x62);
	line(vm, 20, 0);
	/* One may have been sent before the line fell: no more. */
	line(vm, 21, 1);
	i = told(vm, vcpu);
	if (i == 0x62)
		i = told(vm, vcpu);
	CHECK_EQ(i, 0x73);
}

static void test_msi(void)
{
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	int vcpu = abi_vcpu(vm);
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x71 };

	start(vm, vcpu, STEPS(ENABLE_APIC, TELL_DONE));
	CHECK_EQ(told(vm, vcpu), DONE);
	CHECK_EQ(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi), 1);
	CHECK_EQ(told(vm, vcpu), 0x71);
	msi.address_lo = 0xfee05000;
	CHECK_EQ(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi), 0);
	msi.address_lo = 0xfeeff000;
	CHECK_EQ(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi), 1);
	CHECK_EQ(told(vm, vcpu), 0x71);
	msi.flags = 2;
	CHECK_ERRNO(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi), EINVAL);
}

static void signal_fd(int fd)
{
	uint64_t one = 1;

	CHECK_EQ(write(fd, &one, sizeof(one)), sizeof(one));
}

static void test_irqfd(void)
{
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	int vcpu = abi_vcpu(vm);
	struct kvm_irqfd irqfd = { .fd = eventfd(0, EFD_NONBLOCK), .gsi = 30 };
	struct routes routes = { .head.nr = 1 };

	routes.entries[0] = (struct kvm_irq_routing_entry){
		.gsi = 30,
		.type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = 0xfee00000, .data = 0x81 },
	};
	CHECK_EQ(ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routes), 0);
	start(vm, vcpu, STEPS(ENABLE_APIC, TELL_DONE));
	CHECK_EQ(told(vm, vcpu), DONE);
	/* What was signalled before counts. */
	signal_fd(irqfd.fd);
	CHECK_EQ(ioctl(vm->fd, KVM_IRQFD, &irqfd), 0);
	CHECK_EQ(told(vm, vcpu), 0x81);
	signal_fd(irqfd.fd);
	CHECK_EQ(told(vm, vcpu), 0x81);
	CHECK_ERRNO(ioctl(vm->fd, KVM_IRQFD, &irqfd), EBUSY);
	irqfd.gsi = 31;
	CHECK_ERRNO(ioctl(vm->fd, KVM_IRQFD, &irqfd), EBUSY);
	irqfd.flags = 8;
	CHECK_ERRNO(ioctl(vm->fd, KVM_IRQFD, &irqfd), EINVAL);
	irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
	irqfd.gsi = 30;
	CHECK_EQ(ioctl(vm->fd, KVM_IRQFD, &irqfd), 0);
	CHECK_EQ(ioctl(vm->fd, KVM_IRQFD, &irqfd), 0);
	irqfd.flags = 0;
	CHECK_EQ(ioctl(vm->fd, KVM_IRQFD, &irqfd), 0);
	signal_fd(irqfd.fd);
	CHECK_EQ(told(vm, vcpu), 0x81);
	/* An eventfd that is closed is forgotten. */
	close(irqfd.fd);
	irqfd.fd = 999;
	CHECK_ERRNO(ioctl(vm->fd, KVM_IRQFD, &irqfd), EBADF);
	irqfd.fd = vm->fd;
	CHECK_ERRNO(ioctl(vm->fd, KVM_IRQFD, &irqfd), EINVAL);
}

static void test_irqfd_resample(void)
{
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	int vcpu = abi_vcpu(vm);
	struct kvm_irqfd irqfd = {
		.fd = eventfd(0, EFD_NONBLOCK),
		.resamplefd = eventfd(0, EFD_NONBLOCK),
		.gsi = 20,
		.flags = KVM_IRQFD_FLAG_RESAMPLE,
	};
	struct pollfd poll_fd = { .fd = irqfd.resamplefd, .events = POLLIN };

	start(vm, vcpu,
	      STEPS(ENABLE_APIC, IOREGSEL(20), IOWIN(0x8063), IOREGSEL(21), IOWIN(0x74),
		    TELL_DONE));
	CHECK_EQ(told(vm, vcpu), DONE);
	CHECK_EQ(ioctl(vm->fd, KVM_IRQFD, &irqfd), 0);
	signal_fd(irqfd.fd);
	CHECK_EQ(told(vm, vcpu), 0x63);
	CHECK_EQ(poll(&poll_fd, 1, 0), 0);
	/* Its EOI lowers the line and tells. */
	line(vm, 21, 1);
	CHECK_EQ(told(vm, vcpu), 0x74);
	CHECK_EQ(poll(&poll_fd, 1, 0), 1);
	irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
	CHECK_EQ(ioctl(vm->fd, KVM_IRQFD, &irqfd), 0);
	close(irqfd.resamplefd);
	irqfd.flags = KVM_IRQFD_FLAG_RESAMPLE;
	CHECK_ERRNO(ioctl(vm->fd, KVM_IRQFD, &irqfd), EBADF);
}

static void test_init_sipi(void)
{
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	int bsp = abi_vcpu(vm), ap = abi_vcpu(vm);
	struct ap started = { .vm = vm, .vcpu = ap };
	struct kvm_mp_state mp_state;

	/* In real mode at 3000:0: mov al,'A'; out 0xe9,al. */
	ABI_CODE(vm, 0x30000, 0xb0, 'A', 0xe6, PORT, 0xf4);
	CHECK_EQ(ioctl(vm->vcpu[ap], KVM_GET_MP_STATE, &mp_state), 0);
	CHECK_EQ(mp_state.mp_state, KVM_MP_STATE_UNINITIALIZED);
	ap_start(&started);
	start(vm, bsp,
	      STEPS(ENABLE_APIC, STORE(APIC(ICR2), 1 << 24), STORE(APIC(ICR), 0x4500),
		    STORE(APIC(ICR), 0x4630), TELL_DONE));
	CHECK_EQ(told(vm, bsp), DONE);
	CHECK_EQ(ap_told(&started), 'A');
}

/* Into x2APIC mode: its MSRs work, and what is done to the page goes nowhere. */
static void test_x2apic(void)
{
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	int vcpu = abi_vcpu(vm);
	struct kvm_lapic_state state;

	start(vm, vcpu,
	      STEPS(WRMSR(0x1b, 0xfee00d00), WRMSR(0x80f, 0x1ff), STORE(APIC(TPR), 0xf0),
		    WRMSR(0x83f, 0x47), TELL_DONE));
	CHECK_EQ(told(vm, vcpu), DONE);
	CHECK_EQ(told(vm, vcpu), 0x47);
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_LAPIC, &state), 0);
	CHECK_EQ(lapic_reg(&state, TPR), 0);
	CHECK_EQ(lapic_reg(&state, 0xd0), 1);
}

/* Security row 2: VMs go away with all their timers armed. */
static void test_destroy_armed(void)
{
	int i;

	for (i = 0; i < 30; i++) {
		struct abi_vm *vm = abi_vm_irqchip(0x100000);
		int vcpu = abi_vcpu(vm);

		start(vm, vcpu,
		      STEPS(ENABLE_APIC, STORE(APIC(TDCR), 0xb), STORE(APIC(LVTT), 0x20050),
			    STORE(APIC(TMICT), 10000 + i * 20000), OUT(0x43, 0x34), OUT(0x40, 100),
			    OUT(0x40, i), TELL_DONE));
		CHECK_EQ(told(vm, vcpu), DONE);
		abi_close(vm);
	}
}

struct racer {
	struct abi_vm *vm;
	bool stop;
};

static void *race(void *arg)
{
	struct racer *racer = arg;
	int fd = racer->vm->fd;
	struct kvm_irqchip chip;
	struct kvm_pit_state2 pit;
	unsigned int i;

	for (i = 0; !__atomic_load_n(&racer->stop, __ATOMIC_RELAXED); i++) {
		struct kvm_reinject_control control = { .pit_reinject = i & 1 };
		struct kvm_irq_level level = { .irq = i % 24, .level = i / 24 & 1 };

		chip.chip_id = i % 3;
		CHECK_EQ(ioctl(fd, KVM_GET_IRQCHIP, &chip), 0);
		CHECK_EQ(ioctl(fd, KVM_SET_IRQCHIP, &chip), 0);
		CHECK_EQ(ioctl(fd, KVM_GET_PIT2, &pit), 0);
		if (i % 8 == 0)
			CHECK_EQ(ioctl(fd, KVM_SET_PIT2, &pit), 0);
		CHECK_EQ(ioctl(fd, KVM_REINJECT_CONTROL, &control), 0);
		CHECK_EQ(ioctl(fd, KVM_IRQ_LINE, &level), 0);
	}
	return NULL;
}

/* Security row 12: the chips' states are read and written while guest and timers use them. */
static void test_races(void)
{
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	int vcpu = abi_vcpu(vm), i;
	struct racer racer = { .vm = vm };
	pthread_t thread;

	start(vm, vcpu,
	      STEPS(ENABLE_APIC, OUT(0x21, 0xff), OUT(0xa1, 0xff), TELL_DONE,
		    STORE(APIC(TDCR), 0xb), STORE(APIC(LVTT), 0x20090), STORE(APIC(TMICT), 2000000),
		    IOREGSEL(0), IOWIN(0x60), OUT(0x43, 0x34), OUT(0x40, 0x00), OUT(0x40, 0x04)));
	/* From here on the race writes back a PIC that is masked. */
	CHECK_EQ(told(vm, vcpu), DONE);
	CHECK_EQ(pthread_create(&thread, NULL, race, &racer), 0);
	for (i = 0; i < 300; i++) {
		int vector = told(vm, vcpu);

		CHECK(vector == 0x90 || vector == 0x60);
	}
	__atomic_store_n(&racer.stop, true, __ATOMIC_RELAXED);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static const struct abi_test tests[] = {
	{ "without-irqchip", test_without_irqchip },
	{ "create", test_create },
	{ "routing-errors", test_routing_errors },
	{ "line-status", test_line_status },
	{ "lapic-state", test_lapic_state },
	{ "pit-state", test_pit_state },
	{ "self-ipi", test_self_ipi },
	{ "nmi-ipi", test_nmi_ipi },
	{ "apic-timer", test_apic_timer },
	{ "pit-through-pic", test_pit_through_pic },
	{ "pit-through-ioapic", test_pit_through_ioapic },
	{ "slave-line", test_slave_line },
	{ "ioapic-edge", test_ioapic_edge },
	{ "ioapic-level", test_ioapic_level },
	{ "msi", test_msi },
	{ "irqfd", test_irqfd },
	{ "irqfd-resample", test_irqfd_resample },
	{ "init-sipi", test_init_sipi },
	{ "x2apic", test_x2apic },
	{ "destroy-armed", test_destroy_armed },
	{ "races", test_races },
	{},
};

int main(int argc, char **argv)
{
	return abi_main(tests, argc, argv);
}
