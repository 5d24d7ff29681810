/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that walks a table of writes which the test made, then sleeps with interrupts on. Its
 * handler tells the vector at port E9h, and writes EOI to the PIC (vectors 20h to 2Fh) or to the
 * local APIC.
 */
#ifndef STEPS_H
#define STEPS_H

#include "irqchip_guest.h"
#include "lib/abi.h"

#define PORT	  0xe9
#define DONE	  0xff
#define GUEST	  0x1000
#define PROGRAM	  0x5000
#define GDT	  0x6000
#define IDT	  0x7000
#define STUBS	  0x8000
#define STUB_LEN  16

#define APIC(reg) (0xfee00000 + (reg))
#define TPR	  0x80
#define SVR	  0xf0
#define ICR	  0x300
#define ICR2	  0x310
#define LVTT	  0x320
#define LINT0	  0x350
#define TMICT	  0x380
#define TDCR	  0x3e0

struct step {
	uint32_t op;
	uint32_t where;
	uint32_t value;
};

#define STORE(address, data)     \
	{                        \
		1, address, data \
	}
#define OUT(port, data)       \
	{                     \
		2, port, data \
	}
#define WRMSR(msr, data)     \
	{                    \
		3, msr, data \
	}
#define ENABLE_APIC   STORE(APIC(SVR), 0x1ff)
#define TELL_DONE     OUT(PORT, DONE)
#define IOREGSEL(pin) STORE(0xfec00000, 0x10 + 2 * (pin))
#define IOWIN(data)   STORE(0xfec00010, data)

/* A program for start(): its end is an empty step. */
#define STEPS(...) ((const struct step[]){ __VA_ARGS__, { 0 } })

/* push %eax; mov $vector,%al; out %al,$0xe9; jmp to the EOI. */
static inline void make_stub(struct abi_vm *vm, int vector)
{
	bool pic = vector >= 0x20 && vector < 0x30;
	uint32_t at = STUBS + vector * STUB_LEN;
	uint32_t eoi = GUEST + (pic ? guest_pic_eoi : guest_apic_eoi) - guest_start;
	uint32_t jump = eoi - (at + 10);
	uint8_t code[10] = { 0x50, 0xb0, vector, 0xe6, PORT, 0xe9 };
	uint16_t gate[4] = { at, 8, 0x8e00, 0 };

	memcpy(code + 6, &jump, sizeof(jump));
	abi_code(vm, at, code, sizeof(code));
	abi_code(vm, IDT + vector * sizeof(gate), gate, sizeof(gate));
}

static inline void start(struct abi_vm *vm, int vcpu, const struct step *steps)
{
	struct kvm_regs regs = { .rip = GUEST, .rflags = 2, .rsp = 0x4ff0 };
	static const uint64_t gdt[] = { 0, 0x00cf9b000000ffff, 0x00cf93000000ffff };
	struct kvm_sregs sregs;
	size_t nr = 0;
	int vector;

	do {
		abi_code(vm, PROGRAM + nr * sizeof(*steps), &steps[nr], sizeof(*steps));
	} while (steps[nr++].op);
	abi_code(vm, GUEST, guest_start, guest_end - guest_start);
	abi_code(vm, GDT, gdt, sizeof(gdt));
	for (vector = 0; vector < 256; vector++)
		make_stub(vm, vector);
	abi_flat32(vm, vcpu, GUEST);
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_SREGS, &sregs), 0);
	sregs.gdt.base = GDT;
	sregs.gdt.limit = sizeof(gdt) - 1;
	sregs.idt.base = IDT;
	sregs.idt.limit = 256 * 8 - 1;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_SREGS, &sregs), 0);
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_REGS, &regs), 0);
}

/* The next thing that the guest tells. */
static inline int told(struct abi_vm *vm, int vcpu)
{
	struct kvm_run *run = vm->run[vcpu];

	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
	CHECK_EQ(run->io.port, PORT);
	return *((uint8_t *)run + run->io.data_offset);
}

static inline int line(struct abi_vm *vm, unsigned int gsi, int level)
{
	struct kvm_irq_level event = { .irq = gsi, .level = level };

	CHECK_EQ(ioctl(vm->fd, KVM_IRQ_LINE_STATUS, &event), 0);
	return event.status;
}

#endif
