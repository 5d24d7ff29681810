// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware task switches of a 32-bit guest: JMP, CALL and IRET, task gates for instructions,
 * exceptions, interrupts and NMIs, and what goes wrong with them (SDM 3, chapter 8).
 *
 * All that a guest has to say it says by where it halts: each exception's handler is a HLT.
 */
#include <linux/tenon.h>

#include "lib/abi.h"

#define MEMORY	  0x200000
#define CODE	  0x1000 /* of the first task */
#define OTHER	  0x1800 /* of the second */
#define STUBS	  0x2000
#define STUB_LEN  16
#define IDT	  0x3000
#define GDT	  0x4000
#define LDT	  0x5000
#define OLD_TSS	  0x6100
#define NEW_TSS	  0x7100
#define STACK	  0xa000
#define STACK2	  0x9000
#define DIRECTORY 0x10000 /* page tables, of either kind */
#define ALIAS	  0x400000 /* mapped in the second task only, to address 0 */

enum {
	S_CODE = 0x08,
	S_DATA = 0x10,
	S_OLD = 0x18,
	S_NEW = 0x20,
	S_LDT = 0x28,
	S_GATE = 0x30,
	S_CODE3 = 0x38,
	S_DATA3 = 0x40,
	S_ABSENT = 0x48,
	GDT_SIZE = 0x50,
};

enum {
	DB = 1,
	NMI = 2,
	UD = 6,
	DF = 8,
	TS = 10,
	NP = 11,
	SS = 12,
	GP = 13,
	PF = 14,
	VECTOR = 0x21,
	VECTORS = 64,
};

/* Offsets in a 32-bit TSS (SDM 3, figure 8-2). */
enum {
	T_LINK = 0x00,
	T_ESP0 = 0x04,
	T_SS0 = 0x08,
	T_CR3 = 0x1c,
	T_EIP = 0x20,
	T_EFLAGS = 0x24,
	T_EAX = 0x28,
	T_ESP = 0x38,
	T_ES = 0x48,
	T_CS = 0x4c,
	T_SS = 0x50,
	T_DS = 0x54,
	T_FS = 0x58,
	T_GS = 0x5c,
	T_LDT = 0x60,
	T_TRAP = 0x64,
};

#define TF   0x100
#define IF   0x200
#define NT   0x4000
#define VM   0x20000
#define BUSY 2

enum mode {
	FLAT,
	PAGED,
	PAE,
	NR_MODES
};

static struct abi_vm *vm;
static int fd;

static void put(uint32_t at, uint32_t value, int width)
{
	memcpy(vm->mem + at, &value, width);
}

static uint32_t get(uint32_t at, int width)
{
	uint32_t value = 0;

	memcpy(&value, vm->mem + at, width);
	return value;
}

static void set_new(int offset, uint32_t value)
{
	put(NEW_TSS + offset, value, 4);
}

static uint32_t saved(int offset)
{
	return get(OLD_TSS + offset, 4);
}

static void descriptor(int selector, uint32_t base, uint32_t limit, uint8_t type)
{
	const uint64_t desc = (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 |
			      (uint64_t)type << 40 | (uint64_t)(limit >> 16 & 15) << 48 |
			      (type & 0x10 ? 0xcull << 52 : 0) | (uint64_t)(base >> 24) << 56;

	memcpy(vm->mem + GDT + selector, &desc, sizeof(desc));
}

static uint8_t type_of(int selector)
{
	return get(GDT + selector + 5, 1);
}

static void gate(int vector, uint16_t selector, uint32_t offset, uint8_t type)
{
	put(IDT + 8 * vector, (uint32_t)selector << 16 | (offset & 0xffff), 4);
	put(IDT + 8 * vector + 4, (offset & 0xffff0000) | type << 8, 4);
}

/* The vector is the new task's. */
static void task_gate(int vector)
{
	gate(vector, S_NEW, 0, 0xe5);
}

static void make_tables(void)
{
	int i;

	descriptor(S_CODE, 0, 0xfffff, 0x9b);
	descriptor(S_DATA, 0, 0xfffff, 0x93);
	descriptor(S_OLD, OLD_TSS, 0x67, 0x8b);
	descriptor(S_NEW, NEW_TSS, 0x67, 0x89);
	descriptor(S_LDT, LDT, 0x0f, 0x82);
	descriptor(S_CODE3, 0, 0xfffff, 0xfb);
	descriptor(S_DATA3, 0, 0xfffff, 0xf3);
	descriptor(S_ABSENT, 0, 0xfffff, 0x13);
	put(GDT + S_GATE, (uint32_t)S_NEW << 16, 4);
	put(GDT + S_GATE + 4, 0x8500, 4);
	for (i = 0; i < VECTORS; i++) {
		ABI_CODE(vm, STUBS + STUB_LEN * i, 0xf4);
		gate(i, S_CODE, STUBS + STUB_LEN * i, 0x8e);
	}
}

/* One page table, with 4-KiB pages, behind two directories. */
static void make_paged(void)
{
	uint32_t table = DIRECTORY + 0x2000;
	int i;

	for (i = 0; i < MEMORY >> 12; i++)
		put(table + 4 * i, i << 12 | 7, 4);
	put(DIRECTORY, table | 7, 4);
	put(DIRECTORY + 0x1000, table | 7, 4);
	put(DIRECTORY + 0x1000 + 4, table | 7, 4);
}

/* Two sets of page-directory pointers in a page, a directory with 2-MiB pages for each. */
static void make_pae(void)
{
	put(DIRECTORY, (DIRECTORY + 0x1000) | 1, 4);
	put(DIRECTORY + 0x20, (DIRECTORY + 0x2000) | 1, 4);
	put(DIRECTORY + 0x1000, 0x87, 4);
	put(DIRECTORY + 0x2000, 0x87, 4);
	put(DIRECTORY + 0x2010, 0x87, 4);
}

static const struct {
	void (*make)(void);
	uint32_t new_cr3;
	uint32_t cr0;
	uint32_t cr4;
} modes[] = {
	[FLAT] = { NULL, 0xbad000, 0x11, 0 },
	[PAGED] = { make_paged, DIRECTORY + 0x1000, 0x80010011, 0 },
	[PAE] = { make_pae, DIRECTORY + 0x20, 0x80010011, 0x20 },
};

/*
 * QEMU's own CPU knows no EXT, no T flag, no EIP of the new task when that is at fault; and it sets
 * a reserved bit in page-directory pointers.
 */
static enum mode end_mode(void)
{
	return abi_tcg() ? PAE : NR_MODES;
}

/* A register's value in the new task. */
static uint32_t new_reg(int i)
{
	return i == 4 ? STACK2 : 0xa0b0c000 + i;
}

static void make_new_task(enum mode mode)
{
	static const uint16_t selectors[] = { S_DATA, S_CODE, S_DATA, S_DATA, S_DATA, S_DATA };
	int i;

	set_new(T_CR3, modes[mode].new_cr3);
	set_new(T_EIP, OTHER);
	set_new(T_EFLAGS, 2);
	for (i = 0; i < 8; i++)
		set_new(T_EAX + 4 * i, new_reg(i));
	for (i = 0; i < 6; i++)
		set_new(T_ES + 4 * i, selectors[i]);
	set_new(T_LDT, S_LDT);
}

static void set_sregs(enum mode mode)
{
	struct kvm_sregs sregs;

	abi_flat32(vm, 0, CODE);
	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &sregs), 0);
	sregs.cr0 = modes[mode].cr0;
	sregs.cr3 = DIRECTORY;
	sregs.cr4 = modes[mode].cr4;
	sregs.gdt.base = GDT;
	sregs.gdt.limit = GDT_SIZE - 1;
	sregs.idt.base = IDT;
	sregs.idt.limit = 8 * VECTORS - 1;
	sregs.tr = (struct kvm_segment){
		.base = OLD_TSS,
		.limit = 0x67,
		.selector = S_OLD,
		.type = 11,
		.present = 1,
	};
	CHECK_EQ(ioctl(fd, KVM_SET_SREGS, &sregs), 0);
}

static void set_regs(uint32_t eflags)
{
	const struct kvm_regs regs = {
		.rax = 0x11,
		.rcx = 0x22,
		.rdx = 0x33,
		.rbx = 0x44,
		.rsp = STACK,
		.rbp = 0x66,
		.rsi = 0x77,
		.rdi = 0x88,
		.rip = CODE,
		.rflags = 2 | eflags,
	};

	CHECK_EQ(ioctl(fd, KVM_SET_REGS, &regs), 0);
}

/* Two tasks; both halt where no test puts anything else. */
static void make(enum mode mode)
{
	vm = abi_vm(MEMORY);
	fd = vm->vcpu[abi_vcpu(vm)];
	make_tables();
	make_new_task(mode);
	if (modes[mode].make)
		modes[mode].make();
	memset(vm->mem + CODE, 0xf4, OTHER + 0x100 - CODE);
	set_sregs(mode);
	set_regs(0);
}

/* The guest's next HLT is there. */
static void halts_at(uint32_t at)
{
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	CHECK_EQ(abi_regs(vm, 0).rip, at + 1);
}

static struct kvm_sregs get_sregs(void)
{
	struct kvm_sregs sregs;

	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &sregs), 0);
	return sregs;
}

/* The handler's frame: an error code, where there is one, EIP, CS, EFLAGS. */
static uint32_t frame(int i)
{
	return get(abi_regs(vm, 0).rsp + 4 * i, 4);
}

static void halts_in_handler(int vector, uint32_t error, uint32_t eip)
{
	halts_at(STUBS + STUB_LEN * vector);
	CHECK_EQ(frame(0), error);
	CHECK_EQ(frame(1), eip);
}

/* The fault of a task that has not begun. */
static void halts_in_new_task(int vector, uint32_t error)
{
	if (abi_tcg())
		halts_at(STUBS + STUB_LEN * vector);
	else
		halts_in_handler(vector, error, OTHER);
	CHECK_EQ(get_sregs().tr.selector, S_NEW);
}

static void check_saved(uint32_t eip)
{
	static const uint32_t regs[] = { 0x11, 0x22, 0x33, 0x44, STACK, 0x66, 0x77, 0x88 };
	static const uint16_t selectors[] = { S_DATA, S_CODE, S_DATA, S_DATA, S_DATA, S_DATA };
	int i;

	CHECK_EQ(saved(T_EIP), eip);
	for (i = 0; i < 8; i++)
		CHECK_EQ(saved(T_EAX + 4 * i), regs[i]);
	for (i = 0; i < 6; i++)
		CHECK_EQ(saved(T_ES + 4 * i), selectors[i]);
}

static void check_new_task(enum mode mode, bool nested)
{
	struct kvm_regs regs = abi_regs(vm, 0);
	struct kvm_sregs sregs = get_sregs();

	CHECK_EQ(regs.rax, new_reg(0));
	CHECK_EQ(regs.rcx, new_reg(1));
	CHECK_EQ(regs.rdx, new_reg(2));
	CHECK_EQ(regs.rbx, new_reg(3));
	CHECK_EQ(regs.rbp, new_reg(5));
	CHECK_EQ(regs.rsi, new_reg(6));
	CHECK_EQ(regs.rdi, new_reg(7));
	CHECK_EQ(regs.rflags & (NT | 2), nested ? NT | 2 : 2);
	CHECK_EQ(sregs.tr.selector, S_NEW);
	CHECK_EQ(sregs.tr.base, NEW_TSS);
	CHECK_EQ(sregs.tr.type, 11);
	CHECK_EQ(sregs.ldt.selector, S_LDT);
	CHECK_EQ(sregs.ldt.base, LDT);
	CHECK_EQ(sregs.cr0, modes[mode].cr0 | 8);
	CHECK_EQ(sregs.cr3, mode == FLAT ? DIRECTORY : modes[mode].new_cr3);
	CHECK_EQ(type_of(S_NEW), 0x89 | BUSY);
	CHECK_EQ(type_of(S_OLD), nested ? 0x89 | BUSY : 0x89);
	if (nested)
		CHECK_EQ(get(NEW_TSS, 2), S_OLD);
}

/* In the new task the alias is there: its page tables are in force. */
static void check_alias(enum mode mode)
{
	if (mode == FLAT)
		return;
	/* mov $ALIAS + CODE,%eax; mov (%eax),%ebx; hlt */
	ABI_CODE(vm, OTHER + 1, 0xb8, 0x00, 0x10, 0x40, 0x00, 0x8b, 0x18, 0xf4);
	halts_at(OTHER + 8);
	CHECK_EQ(abi_regs(vm, 0).rbx, get(CODE, 4));
}

static void each_mode(void (*test)(enum mode mode))
{
	enum mode mode;

	for (mode = FLAT; mode < end_mode(); mode++) {
		make(mode);
		test(mode);
		abi_close(vm);
	}
}

static void far(uint32_t at, uint8_t opcode, uint8_t selector)
{
	ABI_CODE(vm, at, opcode, 0, 0, 0, 0, selector, 0);
}

static void jmp_far(uint32_t at, int selector)
{
	far(at, 0xea, selector);
}

static void call_far(uint32_t at, int selector)
{
	far(at, 0x9a, selector);
}

static void jmp_in(enum mode mode)
{
	jmp_far(CODE, S_NEW);
	halts_at(OTHER);
	check_saved(CODE + 7);
	check_new_task(mode, false);
	check_alias(mode);
}

static void jmp(void)
{
	each_mode(jmp_in);
}

/* There, back by IRET, and there once more: the task goes on where it was. */
static void call_in(enum mode mode)
{
	put(OLD_TSS + T_CR3, DIRECTORY, 4);
	call_far(CODE, S_NEW);
	call_far(CODE + 8, S_NEW);
	memset(vm->mem + OTHER + 1, 0x90, 8);
	ABI_CODE(vm, OTHER + 9, 0xcf, 0xf4);
	halts_at(OTHER);
	check_saved(CODE + 7);
	check_new_task(mode, true);
	check_alias(mode);
	halts_at(CODE + 7);
	CHECK_EQ(get_sregs().tr.selector, S_OLD);
	CHECK_EQ(get_sregs().cr3, DIRECTORY);
	CHECK_EQ(abi_regs(vm, 0).rsp, STACK);
	CHECK_EQ(abi_regs(vm, 0).rflags, 2);
	CHECK_EQ(type_of(S_NEW), 0x89);
	CHECK_EQ(type_of(S_OLD), 0x89 | BUSY);
	CHECK_EQ(get(NEW_TSS + T_EIP, 4), OTHER + 10);
	CHECK_EQ(get(NEW_TSS + T_EFLAGS, 4) & NT, 0);
	halts_at(OTHER + 10);
}

static void call(void)
{
	each_mode(call_in);
}

static void gates_in(enum mode mode)
{
	put(OLD_TSS + T_CR3, DIRECTORY, 4);
	call_far(CODE, S_GATE);
	ABI_CODE(vm, CODE + 7, 0xcd, VECTOR);
	ABI_CODE(vm, OTHER, 0xf4, 0xcf, 0xf4, 0xcf);
	task_gate(VECTOR);
	halts_at(OTHER);
	check_saved(CODE + 7);
	check_new_task(mode, true);
	/* Back, and by INT n to where the task was left. */
	halts_at(OTHER + 2);
	check_saved(CODE + 9);
	halts_at(CODE + 9);
}

static void gates(void)
{
	each_mode(gates_in);
}

/* A fault's EIP is its instruction's; its error code is on the new stack. */
static void exception(void)
{
	enum mode mode;
	struct kvm_regs regs;

	for (mode = FLAT; mode < end_mode(); mode++) {
		make(mode);
		ABI_CODE(vm, CODE, 0x0f, 0x0b); /* ud2 */
		task_gate(UD);
		halts_at(OTHER);
		check_saved(CODE);
		check_new_task(mode, true);
		CHECK_EQ(abi_regs(vm, 0).rsp, STACK2);
		abi_close(vm);

		make(mode);
		regs = abi_regs(vm, 0);
		/* A TSS is no data segment. */
		regs.rcx = S_NEW;
		CHECK_EQ(ioctl(fd, KVM_SET_REGS, &regs), 0);
		ABI_CODE(vm, CODE, 0x8e, 0xd9);
		task_gate(GP);
		halts_at(OTHER);
		CHECK_EQ(saved(T_EIP), CODE);
		check_new_task(mode, true);
		CHECK_EQ(abi_regs(vm, 0).rsp, STACK2 - 4);
		CHECK_EQ(frame(0), S_NEW);
		abi_close(vm);
	}
}

/* #GP, whose handler is not there, is a double fault: what task gates are for. */
static void double_fault_in(enum mode mode)
{
	ABI_CODE(vm, CODE, 0x8e, 0xdc); /* mov %esp,%ds: beyond the table */
	gate(GP, S_CODE, STUBS, 0x0e);
	task_gate(DF);
	halts_at(OTHER);
	check_saved(CODE);
	check_new_task(mode, true);
	CHECK_EQ(abi_regs(vm, 0).rsp, STACK2 - 4);
	CHECK_EQ(frame(0), 0);
}

static void double_fault(void)
{
	each_mode(double_fault_in);
}

static void interrupt_in(enum mode mode)
{
	struct kvm_interrupt interrupt = { .irq = VECTOR };

	put(OLD_TSS + T_CR3, DIRECTORY, 4);
	ABI_CODE(vm, CODE, 0x90, 0xf4);
	ABI_CODE(vm, OTHER, 0xf4, 0xcf);
	task_gate(VECTOR);
	set_regs(IF);
	CHECK_EQ(ioctl(fd, KVM_INTERRUPT, &interrupt), 0);
	halts_at(OTHER);
	check_saved(CODE);
	CHECK_EQ(saved(T_EFLAGS) & IF, IF);
	check_new_task(mode, true);
	halts_at(CODE + 1);
	CHECK_EQ(abi_regs(vm, 0).rflags & IF, IF);
}

static void interrupt(void)
{
	each_mode(interrupt_in);
}

static bool nmi_masked(void)
{
	struct kvm_vcpu_events events;

	CHECK_EQ(ioctl(fd, KVM_GET_VCPU_EVENTS, &events), 0);
	CHECK_EQ(events.nmi.injected, 0);
	return events.nmi.masked;
}

/* NMIs are blocked until the task returns. */
static void nmi_in(enum mode mode)
{
	put(OLD_TSS + T_CR3, DIRECTORY, 4);
	ABI_CODE(vm, CODE, 0x90, 0xf4);
	ABI_CODE(vm, OTHER, 0xf4, 0xcf, 0xf4, 0xcf);
	task_gate(NMI);
	CHECK_EQ(ioctl(fd, KVM_NMI, 0), 0);
	halts_at(OTHER);
	check_saved(CODE);
	check_new_task(mode, true);
	CHECK(nmi_masked());
	halts_at(CODE + 1);
	CHECK(!nmi_masked());
	CHECK_EQ(ioctl(fd, KVM_NMI, 0), 0);
	halts_at(OTHER + 2);
	check_saved(CODE + 2);
}

static void nmi(void)
{
	each_mode(nmi_in);
}

/* What the new TSS must be; the fault is the old task's. */
static void refused_in(enum mode mode)
{
	static const struct {
		uint8_t type;
		uint8_t limit;
		uint8_t vector;
	} rows[] = {
		{ 0x8b, 0x67, GP }, { 0x93, 0x67, GP }, { 0x82, 0x67, GP },
		{ 0x09, 0x67, NP }, { 0x89, 0x66, TS },
	};
	size_t i;

	jmp_far(CODE, S_NEW);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		set_regs(0);
		set_sregs(mode);
		set_regs(0);
		descriptor(S_NEW, NEW_TSS, rows[i].limit, rows[i].type);
		halts_in_handler(rows[i].vector, S_NEW, CODE);
		CHECK_EQ(get_sregs().tr.selector, S_OLD);
		CHECK_EQ(get_sregs().cr0, modes[mode].cr0);
		CHECK_EQ(type_of(S_NEW), rows[i].type);
		CHECK_EQ(abi_regs(vm, 0).rax, 0x11);
		CHECK_EQ(saved(T_EIP), 0);
	}
}

static void refused(void)
{
	each_mode(refused_in);
}

/* What is wrong with the new task is its own fault: its handler runs on its stack. */
static void bad_task_in(enum mode mode)
{
	static const struct {
		uint8_t offset;
		uint8_t selector;
		uint8_t vector;
	} rows[] = {
		{ T_DS, GDT_SIZE, TS },	 { T_ES, S_NEW, TS },	   { T_FS, S_ABSENT, NP },
		{ T_GS, S_LDT | 4, TS }, { T_DS, S_DATA | 1, TS }, { T_DS, S_ABSENT, NP },
	};
	size_t i;

	jmp_far(CODE, S_NEW);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		set_sregs(mode);
		set_regs(0);
		descriptor(S_NEW, NEW_TSS, 0x67, 0x89);
		make_new_task(mode);
		set_new(rows[i].offset, rows[i].selector);
		halts_in_new_task(rows[i].vector, rows[i].selector & ~3);
		CHECK_EQ(abi_regs(vm, 0).rsp, STACK2 - 16);
		CHECK_EQ(abi_regs(vm, 0).rbp, new_reg(5));
		check_saved(CODE + 7);
	}
}

static void bad_task(void)
{
	each_mode(bad_task_in);
}

/* An event that was not the program's sets EXT. */
static void external_in(enum mode mode)
{
	struct kvm_interrupt interrupt = { .irq = VECTOR };

	task_gate(VECTOR);
	set_regs(IF);
	set_new(T_DS, S_ABSENT);
	CHECK_EQ(ioctl(fd, KVM_INTERRUPT, &interrupt), 0);
	halts_in_new_task(NP, S_ABSENT | 1);
	check_saved(CODE);
	CHECK_EQ(get_sregs().cr0, modes[mode].cr0 | 8);
}

static void external(void)
{
	each_mode(external_in);
}

static void set_page(uint32_t address, uint32_t flags)
{
	put(DIRECTORY + 0x2000 + 4 * (address >> 12), (address & ~0xfff) | flags, 4);
}

/* A TSS that is not there is met in the old task; a descriptor table, in the new one. */
static void page_faults(void)
{
	static const struct {
		uint32_t page;
		uint32_t flags;
		uint32_t error;
	} rows[] = {
		{ OLD_TSS, 0, 2 },
		{ OLD_TSS, 1, 3 },
		{ NEW_TSS, 0, 0 },
	};
	struct kvm_sregs sregs;
	size_t i;

	make(PAGED);
	jmp_far(CODE, S_NEW);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		set_sregs(PAGED);
		set_regs(0);
		set_page(rows[i].page, rows[i].flags);
		halts_at(STUBS + STUB_LEN * PF);
		CHECK_EQ(frame(0) & ~2, rows[i].error & ~2);
		CHECK_EQ(frame(1), CODE);
		sregs = get_sregs();
		CHECK_EQ(sregs.cr2 >> 12, rows[i].page >> 12);
		CHECK_EQ(sregs.tr.selector, S_OLD);
		CHECK_EQ(sregs.cr3, DIRECTORY);
		CHECK_EQ(type_of(S_NEW), 0x89);
		CHECK_EQ(abi_regs(vm, 0).rdi, 0x88);
		set_page(rows[i].page, 7);
	}
	set_sregs(PAGED);
	set_regs(0);
	set_page(LDT, 0);
	set_new(T_DS, 4);
	halts_in_new_task(PF, 0);
	sregs = get_sregs();
	CHECK_EQ(sregs.cr2, LDT);
	CHECK_EQ(sregs.cr3, modes[PAGED].new_cr3);
	CHECK_EQ(abi_regs(vm, 0).rdi, new_reg(7));
}

/* A 16-bit TSS, and back to the 32-bit one. */
static void tss16(void)
{
	static const uint16_t image[] = {
		0, 0, 0,      0, 0, 0, 0,      OTHER,  2,      1,      2,
		3, 4, STACK2, 6, 7, 8, S_DATA, S_CODE, S_DATA, S_DATA, S_LDT,
	};
	enum mode mode;

	for (mode = FLAT; mode < end_mode(); mode++) {
		make(mode);
		put(OLD_TSS + T_CR3, DIRECTORY, 4);
		descriptor(S_NEW, NEW_TSS, sizeof(image) - 1, 0x81);
		abi_code(vm, NEW_TSS, image, sizeof(image));
		call_far(CODE, S_NEW);
		ABI_CODE(vm, OTHER, 0xf4, 0x40, 0xcf);
		halts_at(OTHER);
		check_saved(CODE + 7);
		CHECK_EQ(abi_regs(vm, 0).rdi & 0xffff, 8);
		CHECK_EQ(abi_regs(vm, 0).rflags, NT | 2);
		CHECK_EQ(get_sregs().tr.type, 3);
		CHECK_EQ(get_sregs().cr3, DIRECTORY);
		halts_at(CODE + 7);
		CHECK_EQ(abi_regs(vm, 0).rdi, 0x88);
		CHECK_EQ(get(NEW_TSS + 0x0e, 2), OTHER + 3);
		CHECK_EQ(get(NEW_TSS + 0x12, 2), 2);
		CHECK_EQ(type_of(S_NEW), 0x81);
		abi_close(vm);
	}
}

/* A task in virtual-8086 mode, and out of it by an interrupt. */
static void vm86_in(enum mode mode)
{
	set_new(T_EFLAGS, VM | 0x3000 | 2);
	set_new(T_CS, OTHER >> 4);
	set_new(T_EIP, 0);
	set_new(T_SS, STACK2 >> 4);
	set_new(T_ESP, 0x100);
	set_new(T_ESP0, STACK);
	set_new(T_SS0, S_DATA);
	set_new(T_DS, 0x1234);
	jmp_far(CODE, S_NEW);
	ABI_CODE(vm, OTHER, 0xcd, VECTOR);
	gate(VECTOR, S_CODE, STUBS, 0xee);
	halts_at(STUBS);
	CHECK_EQ(frame(0), 2);
	CHECK_EQ(frame(1), OTHER >> 4);
	CHECK_EQ(frame(2) & VM, VM);
	CHECK_EQ(frame(3), 0x100);
	CHECK_EQ(frame(4), STACK2 >> 4);
	CHECK_EQ(frame(6), 0x1234);
	CHECK_EQ(get_sregs().cr0, modes[mode].cr0 | 8);
}

static void vm86(void)
{
	each_mode(vm86_in);
}

/* The T flag, and local breakpoints that end with their task. */
static void debug_trap_in(enum mode mode)
{
	struct kvm_debugregs regs = { .dr6 = 0xffff0ff0, .dr7 = 0x400 | 0x3 };

	regs.db[0] = OTHER + 0x80;
	CHECK_EQ(ioctl(fd, KVM_SET_DEBUGREGS, &regs), 0);
	set_new(T_TRAP, 1);
	jmp_far(CODE, S_NEW);
	halts_at(STUBS + STUB_LEN * DB);
	CHECK_EQ(frame(0), OTHER);
	CHECK_EQ(ioctl(fd, KVM_GET_DEBUGREGS, &regs), 0);
	CHECK_EQ(regs.dr6, 0xffff8ff0);
	CHECK_EQ(regs.dr7 & 3, 2);
	CHECK_EQ(get_sregs().cr0, modes[mode].cr0 | 8);
}

static void debug_trap(void)
{
	if (abi_tcg())
		abi_skip("no debug traps of tasks here");
	each_mode(debug_trap_in);
}

/* A local breakpoint of the old task does not stop the new one, a global one does. */
static void breakpoints_in(enum mode mode)
{
	struct kvm_debugregs regs = { .dr6 = 0xffff0ff0, .dr7 = 0x400 | 0x9 };

	regs.db[0] = OTHER;
	regs.db[1] = OTHER + 1;
	CHECK_EQ(ioctl(fd, KVM_SET_DEBUGREGS, &regs), 0);
	ABI_CODE(vm, OTHER, 0x90, 0x90, 0xf4);
	jmp_far(CODE, S_NEW);
	halts_at(STUBS + STUB_LEN * DB);
	CHECK_EQ(frame(0), OTHER + 1);
	CHECK_EQ(get_sregs().cr0, modes[mode].cr0 | 8);
}

static void breakpoints(void)
{
	if (abi_tcg())
		abi_skip("QEMU does not arm them");
	each_mode(breakpoints_in);
}

/* One step. */
static void steps_to(uint32_t at)
{
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_DEBUG);
	CHECK_EQ(vm->run[0]->debug.arch.pc, at);
	CHECK_EQ(abi_regs(vm, 0).rflags & TF, 0);
}

/* User space steps into a task, in it, and back; neither TSS gets to know its RFLAGS.TF. */
static void step_in(enum mode mode)
{
	const struct kvm_guest_debug debug = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP,
	};

	put(OLD_TSS + T_CR3, DIRECTORY, 4);
	call_far(CODE, S_NEW);
	ABI_CODE(vm, OTHER, 0x90, 0xcf);
	CHECK_EQ(ioctl(fd, KVM_SET_GUEST_DEBUG, &debug), 0);
	steps_to(OTHER);
	CHECK_EQ(saved(T_EFLAGS), 2);
	steps_to(OTHER + 1);
	steps_to(CODE + 7);
	CHECK_EQ(get(NEW_TSS + T_EFLAGS, 4), 2);
	CHECK_EQ(get_sregs().cr0, modes[mode].cr0 | 8);
}

static void step(void)
{
	if (abi_tcg())
		abi_skip("the processor switches tasks itself");
	if (ioctl(abi_dev(), KVM_CHECK_EXTENSION, TENON_CAP_EXIT_LOG) <= 0)
		abi_skip("kvm.ko steps no further");
	each_mode(step_in);
}

static const struct abi_test tests[] = {
	{ "jmp", jmp },
	{ "call", call },
	{ "gates", gates },
	{ "exception", exception },
	{ "double-fault", double_fault },
	{ "interrupt", interrupt },
	{ "nmi", nmi },
	{ "refused", refused },
	{ "bad-task", bad_task },
	{ "external", external },
	{ "page-faults", page_faults },
	{ "tss16", tss16 },
	{ "vm86", vm86 },
	{ "debug-trap", debug_trap },
	{ "breakpoints", breakpoints },
	{ "step", step },
	{},
};

int main(int argc, char **argv)
{
	abi_vm(0);
	return abi_main(tests, argc, argv);
}
