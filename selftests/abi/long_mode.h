/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vCPU in long mode that takes interrupts: its tables and its stack are in guest memory.
 */
#ifndef ABI_LONG_MODE_H
#define ABI_LONG_MODE_H

#include "lib/abi.h"

#define CODE  0x1000
#define IDT   0x30000
#define STACK 0x50000

static inline void set_gate(struct abi_vm *vm, int vector, uint64_t handler)
{
	uint64_t *gate = (void *)(vm->mem + IDT + vector * 16);

	gate[0] = (handler & 0xffff) | 8 << 16 | 0x8e00ull << 32 | (handler >> 16 & 0xffff) << 48;
	gate[1] = handler >> 32;
}

/* abi_long() with an IDT, a GDT in memory to return to, a stack, and the local APIC on. */
static inline void with_interrupts(struct abi_vm *vm, int vcpu)
{
	uint64_t *gdt = (void *)(vm->mem + IDT + 0x1000 - 0x18);
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct kvm_lapic_state lapic;
	uint32_t svr = 0x1ff;

	gdt[0] = 0;
	gdt[1] = 0x00af9b000000ffffull;
	gdt[2] = 0x00cf93000000ffffull;
	abi_long(vm, vcpu, CODE);
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_SREGS, &sregs), 0);
	sregs.idt.base = IDT;
	sregs.idt.limit = 0xfff;
	sregs.gdt.base = IDT + 0x1000 - 0x18;
	sregs.gdt.limit = 0x17;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_SREGS, &sregs), 0);
	regs = abi_regs(vm, vcpu);
	regs.rsp = STACK;
	regs.rflags = 0x202;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_REGS, &regs), 0);
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_LAPIC, &lapic), 0);
	memcpy(lapic.regs + 0xf0, &svr, sizeof(svr));
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_LAPIC, &lapic), 0);
}

#endif
