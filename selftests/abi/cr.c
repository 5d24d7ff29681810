// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions that touch control and debug registers, in a guest: what they write and read, and
 * the exceptions that they raise.
 */
#include <stdlib.h>

#include <linux/tenon.h>

#include "lib/abi.h"

#define CODE	 0x1000
#define STUBS	 0x2000
#define IDT	 0x4000
#define GDT	 0x5000
#define DATA	 0x6fff /* an operand of two bytes crosses a page */
#define VECTORS	 32

#define CR0	 0x80000011u
#define CR0_TS	 0x8u
#define CR0_CD	 0x40000000u /* makes reads of CR0 exit */
#define CR4	 0x620u
#define CR4_DE	 0x8u
#define NO_FAULT 0xff

static struct abi_vm *vm;
static int fd;

static void put64(uint64_t gpa, uint64_t value)
{
	memcpy(vm->mem + gpa, &value, sizeof(value));
}

/* 64-bit mode; each exception leaves its vector in R8B and halts. */
static void make(void)
{
	struct kvm_sregs sregs;
	uint64_t gate;
	int i;

	vm = abi_vm(0x400000);
	fd = vm->vcpu[abi_vcpu(vm)];
	abi_long(vm, 0, CODE);
	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &sregs), 0);
	put64(GDT + (sregs.cs.selector & ~7u), 0x00af9b000000ffff);
	for (i = 0; i < VECTORS; i++) {
		/* mov r8b, i; hlt */
		ABI_CODE(vm, STUBS + 8 * i, 0x41, 0xb0, (uint8_t)i, 0xf4);
		gate = (uint64_t)(STUBS + 8 * i) | (uint64_t)sregs.cs.selector << 16;
		put64(IDT + 16 * i, gate | 0x8e00ull << 32);
	}
	sregs.gdt.base = GDT;
	sregs.gdt.limit = 0xff;
	sregs.idt.base = IDT;
	sregs.idt.limit = 0xfff;
	CHECK_EQ(ioctl(fd, KVM_SET_SREGS, &sregs), 0);
}

static void set_crs(uint64_t cr0, uint64_t cr4)
{
	struct kvm_sregs sregs;

	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &sregs), 0);
	sregs.cr0 = cr0;
	sregs.cr4 = cr4;
	CHECK_EQ(ioctl(fd, KVM_SET_SREGS, &sregs), 0);
}

static struct kvm_sregs get_sregs(void)
{
	struct kvm_sregs sregs;

	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &sregs), 0);
	return sregs;
}

/* Run @code, with HLT behind it: the registers then. */
static struct kvm_regs run_exit(const uint8_t *code, size_t len, uint64_t rax, int exit)
{
	struct kvm_regs regs = abi_regs(vm, 0);

	abi_code(vm, CODE, code, len);
	ABI_CODE(vm, CODE + len, 0xf4);
	regs.rip = CODE;
	regs.rsp = 0x3ff0;
	regs.rflags = 2;
	regs.rax = rax;
	regs.rbx = DATA;
	regs.rcx = 0;
	regs.rdx = 0;
	regs.r8 = NO_FAULT;
	CHECK_EQ(ioctl(fd, KVM_SET_REGS, &regs), 0);
	CHECK_EQ(abi_run(vm, 0), exit);
	return abi_regs(vm, 0);
}

#define RUN(rax, ...)                                                                             \
	run_exit((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }), rax, \
		 KVM_EXIT_HLT)

static void write_cr0(void)
{
	static const struct {
		uint64_t value;
		int vector;
	} rows[] = {
		{ CR0, NO_FAULT },
		{ CR0 | 0x20, NO_FAULT },
		{ CR0 | 0x10000, NO_FAULT },
		{ CR0 | 0x8, NO_FAULT },
		{ CR0 | CR0_CD, NO_FAULT },
		{ 0x11, 13 },
		{ 0x80000010, 13 },
		{ CR0 | 0x20000000, 13 },
		{ CR0 | 1ull << 32, 13 },
		{ CR0 | 1ull << 63, 13 },
		{ 0, 13 },
	};
	size_t i;

	make();
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		set_crs(CR0, CR4);
		CHECK_EQ(RUN(rows[i].value, 0x0f, 0x22, 0xc0).r8 & 0xff, rows[i].vector);
		CHECK_EQ(get_sregs().cr0, rows[i].vector == NO_FAULT ? rows[i].value : CR0);
	}
	/* Reserved bits in the lower half are ignored. */
	CHECK_EQ(RUN(CR0 | 0x40, 0x0f, 0x22, 0xc0).r8 & 0xff, NO_FAULT);
	CHECK_EQ(get_sregs().cr0, CR0);
}

static void write_cr4(void)
{
	static const struct {
		uint64_t value;
		int vector;
	} rows[] = {
		{ CR4, NO_FAULT },	  { CR4 | CR4_DE, NO_FAULT }, { CR4 | 0x80, NO_FAULT },
		{ CR4 & ~0x20u, 13 },	  { CR4 | 1u << 13, 13 },     { CR4 | 1u << 15, 13 },
		{ CR4 | 1ull << 31, 13 }, { CR4 | 1ull << 63, 13 },   { CR4 ^ 1u << 12, 13 },
	};
	size_t i;

	make();
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		set_crs(CR0, CR4);
		CHECK_EQ(RUN(rows[i].value, 0x0f, 0x22, 0xe0).r8 & 0xff, rows[i].vector);
		CHECK_EQ(get_sregs().cr4, rows[i].vector == NO_FAULT ? rows[i].value : CR4);
	}
}

static void read_crs(void)
{
	make();
	CHECK_EQ(RUN(0, 0x0f, 0x20, 0xc0).rax, CR0);
	set_crs(CR0 | CR0_CD, CR4);
	CHECK_EQ(RUN(~0ull, 0x0f, 0x20, 0xc0).rax, CR0 | CR0_CD);
	/* ModRM.mod does not matter; neither do prefixes; REX.B does. */
	CHECK_EQ(RUN(~0ull, 0x0f, 0x20, 0x00).rax, CR0 | CR0_CD);
	CHECK_EQ(RUN(~0ull, 0x66, 0x3e, 0x0f, 0x20, 0xc0).rax, CR0 | CR0_CD);
	CHECK_EQ(RUN(0, 0x41, 0x0f, 0x20, 0xc1).r9, CR0 | CR0_CD);
	CHECK_EQ(RUN(~0ull, 0x0f, 0x20, 0xe0).rax, CR4);
	CHECK_EQ(RUN(0, 0x0f, 0x20, 0xdb).rbx, ABI_TABLES);
}

static void machine_status_word(void)
{
	struct kvm_regs regs;

	make();
	set_crs(CR0 | CR0_CD, CR4);
	CHECK_EQ(RUN(~0ull, 0x48, 0x0f, 0x01, 0xe0).rax, CR0 | CR0_CD);
	regs = RUN(~0ull, 0x66, 0x0f, 0x01, 0xe0);
	CHECK_EQ(regs.rax, 0xffffffffffff0000 | (CR0 & 0xffff));
	/* To memory, across a page. */
	vm->mem[DATA - 1] = 0x77;
	vm->mem[DATA + 2] = 0x77;
	CHECK_EQ(RUN(0, 0x0f, 0x01, 0x23).r8 & 0xff, NO_FAULT);
	CHECK_EQ(vm->mem[DATA] | vm->mem[DATA + 1] << 8, CR0 & 0xffff);
	CHECK_EQ(vm->mem[DATA - 1], 0x77);
	CHECK_EQ(vm->mem[DATA + 2], 0x77);
	/* LMSW sets TS, and cannot clear PE or touch what is above. */
	CHECK_EQ(RUN(0xfff8, 0x0f, 0x01, 0xf0).r8 & 0xff, NO_FAULT);
	CHECK_EQ(get_sregs().cr0, CR0 | CR0_CD | CR0_TS);
	CHECK_EQ(RUN(0, 0x0f, 0x06).r8 & 0xff, NO_FAULT);
	CHECK_EQ(get_sregs().cr0, CR0 | CR0_CD);
	vm->mem[DATA] = 0x0a;
	vm->mem[DATA + 1] = 0xff;
	CHECK_EQ(RUN(0, 0x0f, 0x01, 0x33).r8 & 0xff, NO_FAULT);
	CHECK_EQ(get_sregs().cr0, CR0 | CR0_CD | 0xa);
	/* An operand that is not there: a page fault. */
	CHECK_EQ(RUN(0, 0x0f, 0x01, 0x34, 0x25, 0, 0, 0, 0x70).r8 & 0xff, 14);
	CHECK_EQ(get_sregs().cr2, 0x70000000);
	/* And one whose address is not canonical: rax + rbx. */
	CHECK_EQ(RUN(1ull << 62, 0x0f, 0x01, 0x34, 0x03).r8 & 0xff, 13);
}

static void real_mode(void)
{
	struct kvm_regs regs;

	vm = abi_vm(0x400000);
	fd = vm->vcpu[abi_vcpu(vm)];
	/* mov ecx, cr0; smsw ax; smsw [0x3000]; hlt */
	ABI_CODE(vm, CODE, 0x0f, 0x20, 0xc1, 0x0f, 0x01, 0xe0, 0x0f, 0x01, 0x26, 0x00, 0x30, 0xf4);
	abi_real(vm, 0, CODE);
	regs = abi_regs(vm, 0);
	regs.rcx = ~0ull;
	regs.rax = 0x12345678;
	CHECK_EQ(ioctl(fd, KVM_SET_REGS, &regs), 0);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	regs = abi_regs(vm, 0);
	CHECK_EQ(regs.rcx, get_sregs().cr0);
	CHECK_EQ(regs.rax, 0x12340000 | (get_sregs().cr0 & 0xffff));
	CHECK_EQ(vm->mem[0x3000], get_sregs().cr0 & 0xff);
}

static struct kvm_debugregs get_debugregs(void)
{
	struct kvm_debugregs regs;

	CHECK_EQ(ioctl(fd, KVM_GET_DEBUGREGS, &regs), 0);
	return regs;
}

static void debug_registers(void)
{
	make();
	CHECK_EQ(RUN(0, 0x0f, 0x21, 0xf0).rax, 0xffff0ff0);
	CHECK_EQ(RUN(0, 0x0f, 0x21, 0xf8).rax, 0x400);
	CHECK_EQ(RUN(0x1234567890, 0x0f, 0x23, 0xc0).r8 & 0xff, NO_FAULT);
	CHECK_EQ(get_debugregs().db[0], 0x1234567890);
	CHECK_EQ(RUN(0, 0x0f, 0x21, 0xc0).rax, 0x1234567890);
	CHECK_EQ(RUN(1ull << 32, 0x0f, 0x23, 0xf8).r8 & 0xff, 13);
	CHECK_EQ(RUN(1ull << 63, 0x0f, 0x23, 0xf0).r8 & 0xff, 13);
	CHECK_EQ(RUN(0xffff4ff1, 0x0f, 0x23, 0xf0).r8 & 0xff, NO_FAULT);
	CHECK_EQ(get_debugregs().dr6, 0xffff4ff1);
	/* DR4 is DR6, until CR4.DE. */
	CHECK_EQ(RUN(0, 0x0f, 0x21, 0xe0).rax, 0xffff4ff1);
	set_crs(CR0, CR4 | CR4_DE);
	CHECK_EQ(RUN(0, 0x0f, 0x21, 0xe0).r8 & 0xff, 6);
	CHECK_EQ(RUN(0, 0x0f, 0x23, 0xe8).r8 & 0xff, 6);
}

static void general_detect(void)
{
	make();
	CHECK_EQ(RUN(0x2400, 0x0f, 0x23, 0xf8).r8 & 0xff, NO_FAULT);
	CHECK_EQ(RUN(0, 0x0f, 0x21, 0xc0).r8 & 0xff, 1);
	CHECK(get_debugregs().dr6 & 1u << 13);
	CHECK_EQ(get_debugregs().dr7, 0x400);
}

static void task_priority(void)
{
	const uint8_t mov_to_cr8[] = { 0x44, 0x0f, 0x22, 0xc0 };

	make();
	CHECK_EQ(RUN(16, 0x44, 0x0f, 0x22, 0xc0).r8 & 0xff, 13);
	vm->run[0]->cr8 = 0;
	run_exit(mov_to_cr8, sizeof(mov_to_cr8), 9, KVM_EXIT_HLT);
	CHECK_EQ(vm->run[0]->cr8, 9);
	CHECK_EQ(RUN(0, 0x44, 0x0f, 0x20, 0xc0).rax, 9);
	/* Lowered, and no local APIC in the kernel: user space hears of it. */
	CHECK_EQ(run_exit(mov_to_cr8, sizeof(mov_to_cr8), 2, KVM_EXIT_SET_TPR).rip, CODE + 4);
	CHECK_EQ(vm->run[0]->cr8, 2);
}

static void xsetbv(void)
{
	make();
	CHECK_EQ(RUN(3, 0x0f, 0x01, 0xd1).r8 & 0xff, 6);
	set_crs(CR0, CR4 | 1u << 18);
	CHECK_EQ(RUN(3, 0x0f, 0x01, 0xd1).r8 & 0xff, NO_FAULT);
	CHECK_EQ(RUN(2, 0x0f, 0x01, 0xd1).r8 & 0xff, 13);
	CHECK_EQ(RUN(5, 0x0f, 0x01, 0xd1).r8 & 0xff, 13);
}

static void exit_log(void)
{
	static struct tenon_exit_log log;
	uint32_t i;

	make();
	if (ioctl(abi_dev(), KVM_CHECK_EXTENSION, TENON_CAP_EXIT_LOG) <= 0)
		SKIP_ON_REFERENCE("no exit log");
	CHECK_EQ(ioctl(fd, TENON_GET_EXIT_LOG, &log), 0);
	CHECK_EQ(log.nr, 0);
	RUN(0, 0x90, 0x0f, 0xa2);
	memset(&log, 0xee, sizeof(log));
	CHECK_EQ(ioctl(fd, TENON_GET_EXIT_LOG, &log), 0);
	CHECK(log.nr >= 2);
	/* CPUID, then HLT; before it perhaps an interrupt of the host's. */
	CHECK_EQ(log.exits[log.nr - 1].rip, CODE + 3);
	for (i = log.nr - 1; i && log.exits[i].rip == CODE + 3; i--)
		CHECK(log.exits[i - 1].tsc < log.exits[i].tsc);
	CHECK_EQ(log.exits[i].rip, CODE + 1);
	for (i = 0; i < 40; i++)
		RUN(0, 0x90);
	CHECK_EQ(ioctl(fd, TENON_GET_EXIT_LOG, &log), 0);
	CHECK_EQ(log.nr, TENON_EXIT_LOG_ENTRIES);
	CHECK_EQ(log.reserved[0] | log.reserved[1] | log.reserved[2], 0);
	for (i = 0; i < log.nr; i++)
		CHECK_EQ(log.exits[i].reserved[0] | log.exits[i].reserved[2], 0);
	CHECK_ERRNO(ioctl(fd, TENON_GET_EXIT_LOG, NULL), EFAULT);
}

/*
 * PAE paging: the page-directory pointers are loaded when CR4.PGE changes, not when CR0.MP does.
 * The last one has become bad in between.
 */
static void pdptrs_kept(void)
{
	static const uint8_t code[] = {
		0x0f, 0x20, 0xe0, /* mov %cr4,%eax */
		0x0c, 0x80, /* or $0x80,%al */
		0x0f, 0x22, 0xe0, /* mov %eax,%cr4 */
		0xb8, 0xff, 0xff, 0xff, 0xff, 0xa3, 0x18, 0x80, 0, 0, /* movl $-1,ABI_TABLES + 24 */
		0x0f, 0x20, 0xc0, /* mov %cr0,%eax */
		0x0c, 0x02, /* or $2,%al */
		0x0f, 0x22, 0xc0, /* mov %eax,%cr0 */
		0xf4,
	};
	struct kvm_sregs sregs;

	if (abi_tcg())
		abi_skip("the emulator sets a reserved bit in page-directory pointers");
	vm = abi_vm(0x200000);
	fd = vm->vcpu[abi_vcpu(vm)];
	put64(ABI_TABLES, (ABI_TABLES + 0x1000) | 1);
	put64(ABI_TABLES + 0x1000, 0x83);
	abi_code(vm, CODE, code, sizeof(code));
	abi_flat32(vm, 0, CODE);
	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &sregs), 0);
	sregs.cr3 = ABI_TABLES;
	sregs.cr4 = 0x20;
	sregs.cr0 = CR0;
	CHECK_EQ(ioctl(fd, KVM_SET_SREGS, &sregs), 0);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	CHECK_EQ(get_sregs().cr0, CR0 | 2);
	CHECK_EQ(get_sregs().cr4, 0xa0);
}

static const struct abi_test tests[] = { { "write_cr0", write_cr0 },
					 { "write_cr4", write_cr4 },
					 { "read_crs", read_crs },
					 { "machine_status_word", machine_status_word },
					 { "real_mode", real_mode },
					 { "debug_registers", debug_registers },
					 { "general_detect", general_detect },
					 { "task_priority", task_priority },
					 { "xsetbv", xsetbv },
					 { "exit_log", exit_log },
					 { "pdptrs_kept", pdptrs_kept },
					 {} };

int main(int argc, char **argv)
{
	return abi_main(tests, argc, argv);
}
