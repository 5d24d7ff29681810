/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests of one vCPU in real mode, whose handlers are a HLT each.
 */
#ifndef ABI_ONE_VCPU_H
#define ABI_ONE_VCPU_H

#include <unistd.h>

#include "lib/abi.h"

#define MEMORY	 0x100000
#define CODE	 0x1000
#define HANDLERS 0x2000
#define HANG	 60
#define DB	 1
#define UD	 6
#define GP	 13
#define PF	 14
#define HLT	 0xf4

static struct abi_vm *vm;
static struct kvm_run *run;
static int fd;

/* The VM that the test is about; its vCPU comes later. */
static inline void make(struct abi_vm *made)
{
	alarm(HANG);
	vm = made;
}

/* Interrupt and exception N ends in a HLT at HANDLERS + N. */
static inline void add_vcpu(void)
{
	int i;

	fd = vm->vcpu[abi_vcpu(vm)];
	run = vm->run[0];
	for (i = 0; i < 256; i++) {
		const uint16_t entry[] = { HANDLERS + i, 0 };

		abi_code(vm, i * sizeof(entry), entry, sizeof(entry));
		ABI_CODE(vm, HANDLERS + i, HLT);
	}
}

static inline void use(struct abi_vm *made)
{
	make(made);
	add_vcpu();
}

/* The guest begins at CODE with these in its registers. */
static inline void start(uint32_t ecx, uint32_t eax)
{
	struct kvm_regs regs;

	abi_real(vm, 0, CODE);
	regs = abi_regs(vm, 0);
	regs.rcx = ecx;
	regs.rax = eax;
	CHECK_EQ(ioctl(fd, KVM_SET_REGS, &regs), 0);
}

#define START(ecx, eax, ...)                     \
	do {                                     \
		ABI_CODE(vm, CODE, __VA_ARGS__); \
		start(ecx, eax);                 \
	} while (0)

#endif
