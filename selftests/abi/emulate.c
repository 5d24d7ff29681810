// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the emulator must not do, or must, in corners that unit tests of it do not reach: guest page
 * tables, and instructions that are not what the processor saw.
 *
 * 32-bit guests, with 4-KByte pages that map memory to itself. Exceptions end in a HLT.
 */
#include <linux/tenon.h>

#include "lib/abi.h"

#define MEMORY	  0x100000
#define CODE	  0x1000
#define STUBS	  0x2000
#define STUB_LEN  16
#define IDT	  0x3000
#define GDT	  0x4ff4 /* descriptor 1 is in two pages */
#define DIRECTORY 0x6000
#define TABLE	  0x7000
#define READS	  0x9000 /* a page with instructions, and another one */
#define WRITES	  0xa000
#define STACK	  0xf000
#define OTHER	  0x80000 /* where READS is mapped, too */
#define DEVICE	  0x90000 /* mapped read-only to DEVICE_AT, where no memory is */
#define DEVICE_AT 0x10000000
#define VECTORS	  32
#define S_DATA	  8
#define S_CODE	  16
#define PF	  14

static struct abi_vm *vm;
static int fd;

static void put(uint32_t at, uint32_t value)
{
	memcpy(vm->mem + at, &value, sizeof(value));
}

static uint32_t entry_of(uint32_t linear)
{
	return TABLE + (linear >> 12) * 4;
}

static void make_tables(void)
{
	static const uint64_t descriptors[] = { 0x00cf92000000ffff, 0x00cf9b000000ffff };
	uint32_t at;
	int i;

	abi_code(vm, GDT + S_DATA, descriptors, sizeof(descriptors));
	for (i = 0; i < VECTORS; i++) {
		put(IDT + 8 * i, S_CODE << 16 | (STUBS + STUB_LEN * i));
		put(IDT + 8 * i + 4, 0x8e00);
		ABI_CODE(vm, STUBS + STUB_LEN * i, 0xf4);
	}
	put(DIRECTORY, TABLE | 3);
	for (at = 0; at < MEMORY; at += 0x1000)
		put(entry_of(at), at | 3);
	put(entry_of(OTHER), READS | 3);
	put(entry_of(DEVICE), DEVICE_AT | 1);
}

static void make(void)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	vm = abi_vm(MEMORY);
	fd = vm->vcpu[abi_vcpu(vm)];
	make_tables();
	abi_flat32(vm, 0, CODE);
	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &sregs), 0);
	sregs.cr0 = 0x80010011;
	sregs.cr3 = DIRECTORY;
	sregs.cs.selector = S_CODE;
	sregs.gdt.base = GDT;
	sregs.gdt.limit = S_CODE + 7;
	sregs.idt.base = IDT;
	sregs.idt.limit = 8 * VECTORS - 1;
	CHECK_EQ(ioctl(fd, KVM_SET_SREGS, &sregs), 0);
	regs = abi_regs(vm, 0);
	regs.rsp = STACK;
	CHECK_EQ(ioctl(fd, KVM_SET_REGS, &regs), 0);
}

/*
 * The processor runs a load by an old TLB entry, and whoever fetches it anew finds a store instead:
 * it may not go where the guest can only read. The loop brings all that is needed into the TLB, and
 * after its first time around there are no more exits.
 */
static void stale_insn(void)
{
	const struct {
		const char *name;
		uint8_t store[8];
	} rows[] = {
		{ "mov", { 0xa3, 0x10, 0x00, 0x09, 0x00, 0xf4 } }, /* mov %eax,DEVICE + 0x10 */
		{ "add", { 0x01, 0x05, 0x10, 0x00, 0x09, 0x00, 0xf4 } }, /* add %eax,... */
	};
	struct kvm_sregs sregs;
	size_t i;

	if (ioctl(abi_dev(), KVM_CHECK_EXTENSION, TENON_CAP_EXIT_LOG) <= 0)
		abi_skip("kvm.ko lets such a store through");
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		make();
		ABI_CODE(vm, READS, 0xa1, 0x10, 0x00, 0x09, 0x00, 0xf4);
		ABI_CODE(vm, READS + 0x100, 0xc3);
		abi_code(vm, WRITES, rows[i].store, sizeof(rows[i].store));
		ABI_CODE(vm, WRITES + 0x100, 0xc3);
		/* mov $3,%ecx; mov $OTHER + 0x100,%edx; again: call *%edx; mov entry,%eax; */
		/* mov %eax,entry; loop again; movl $WRITES | 3,entry; mov $OTHER,%eax; jmp *%eax */
		ABI_CODE(vm, CODE, 0xb9, 3, 0, 0, 0, 0xba, 0, 1, 8, 0, 0xff, 0xd2, 0xa1, 0, 0x72, 0,
			 0, 0xa3, 0, 0x72, 0, 0, 0xe2, 0xf2, 0xc7, 0x05, 0, 0x72, 0, 0, 0x03, 0xa0,
			 0, 0, 0xb8, 0, 0, 8, 0, 0xff, 0xe0);
		CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
		CHECK_EQ(abi_regs(vm, 0).rip, STUBS + STUB_LEN * PF + 1);
		CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &sregs), 0);
		CHECK_EQ(sregs.cr2, DEVICE + 0x10);
		abi_close(vm);
	}
}

/* A selector comes from a device, its descriptor is in two pages: it becomes accessed. */
static void split_descriptor(void)
{
	struct kvm_sregs sregs;

	make();
	ABI_CODE(vm, CODE, 0x8e, 0x1d, 0x10, 0x00, 0x09, 0x00, 0xf4); /* mov DEVICE + 0x10,%ds */
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_MMIO);
	CHECK_EQ(vm->run[0]->mmio.phys_addr, DEVICE_AT + 0x10);
	memcpy(vm->run[0]->mmio.data, (const uint16_t[]){ S_DATA }, 2);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	CHECK_EQ(abi_regs(vm, 0).rip, CODE + 7);
	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &sregs), 0);
	CHECK_EQ(sregs.ds.selector, S_DATA);
	CHECK_EQ(sregs.ds.type, 3);
	CHECK_EQ(vm->mem[GDT + S_DATA + 5], 0x93);
}

static const struct abi_test tests[] = {
	{ "stale-insn", stale_insn },
	{ "split-descriptor", split_descriptor },
	{},
};

int main(int argc, char **argv)
{
	abi_vm(0);
	return abi_main(tests, argc, argv);
}
