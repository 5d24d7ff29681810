// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hardware task switch against SDM 3, 8.3, rule by rule: each case starts from two good tasks,
 * changes one thing, and switches.
 */
#include <check.h>
#include <linux/kernel.h>
#include <stdlib.h>
#include <string.h>

#include "emu/task.h"

#define MEM	 0x4000
#define GDT	 0x0
#define LDT	 0x200
#define OLD	 0x1000
#define NEW	 0x2000
#define STACK	 0x3000
#define GDT_SIZE 0x80
#define OLD_CR3	 0x5000
#define NEW_CR3	 0x6000

/* Selectors of the GDT. */
enum {
	S_CODE = 0x08,
	S_DATA = 0x10,
	S_OLD = 0x18,
	S_NEW = 0x20,
	S_LDT = 0x28,
	S_CODE3 = 0x30,
	S_DATA3 = 0x38,
	S_CONFORMING = 0x40,
	S_EXECUTE = 0x48,
	S_READONLY = 0x50,
	S_ABSENT = 0x58,
	S_ABSENT_CODE = 0x60,
	S_CONFORMING3 = 0x68,
	S_SPARE = 0x70,
	S_LOCAL = 0x04,
};

/* Type bytes of descriptors. */
#define T_CODE	   0x9a
#define T_DATA	   0x92
#define T_TSS16	   0x81
#define T_TSS32	   0x89
#define T_BUSY	   0x02
#define T_LDT	   0x82
#define T_DPL3	   0x60
#define T_ACCESSED 0x01

#define TS	   10
#define NP	   11
#define SS	   12
#define GP	   13
#define PF	   14

#define IF	   0x200
#define NT	   0x4000
#define VM	   0x20000

static u8 mem[MEM];
static struct task task;
/* Eight bytes that fault: reads and writes, or, with @deny_write, writes only. */
static u32 denied;
static bool deny_write;
static bool race;
static bool bad_cr3;
static u32 loaded_cr3;
static bool last_user;

static enum emu_result page_fault(u32 linear)
{
	task.fault = (struct emu_fault){ .vector = PF, .has_error = true, .cr2 = linear };
	return EMU_FAULT;
}

static bool refused(u32 linear, unsigned int len, bool write)
{
	ck_assert_uint_le(len, 108);
	ck_assert_uint_le(linear + len, MEM);
	if (!denied || (deny_write && !write))
		return false;
	return linear < denied + 8 && linear + len > denied;
}

static enum emu_result do_read(struct task *t, u32 linear, void *buf, unsigned int len)
{
	if (refused(linear, len, false))
		return page_fault(linear);
	memcpy(buf, mem + linear, len);
	return EMU_OK;
}

static enum emu_result do_write(struct task *t, u32 linear, const void *buf, unsigned int len,
				bool user)
{
	if (refused(linear, len, true))
		return page_fault(linear);
	memcpy(mem + linear, buf, len);
	last_user = user;
	return EMU_OK;
}

static enum emu_result do_check(struct task *t, u32 linear, unsigned int len)
{
	return refused(linear, len, true) ? page_fault(linear) : EMU_OK;
}

static enum emu_result do_cmpxchg(struct task *t, u32 linear, u64 old, u64 new, bool *ok)
{
	*ok = !race && !memcmp(mem + linear, &old, sizeof(old));
	return *ok ? do_write(t, linear, &new, sizeof(new), false) : EMU_OK;
}

static bool do_load_cr3(struct task *t, u32 cr3)
{
	if (!bad_cr3)
		loaded_cr3 = cr3;
	return !bad_cr3;
}

static const struct task_ops ops = { do_read, do_write, do_check, do_cmpxchg, do_load_cr3 };

static void poke(u32 at, u32 value, unsigned int width)
{
	memcpy(mem + at, &value, width);
}

static u32 peek(u32 at, unsigned int width)
{
	u32 value = 0;

	memcpy(&value, mem + at, width);
	return value;
}

static void descriptor(u16 selector, u32 base, u32 limit, u8 type)
{
	u32 at = GDT + (selector & 0xfff8);

	poke(at, limit, 2);
	poke(at + 2, base, 2);
	poke(at + 4, base >> 16, 1);
	poke(at + 5, type, 1);
	poke(at + 6, (limit >> 16 & 15) | 0x40, 1);
	poke(at + 7, base >> 24, 1);
}

static u8 type_of(u16 selector)
{
	return peek(GDT + (selector & 0xfff8) + 5, 1);
}

/* Where a register is in a TSS: EIP, EFLAGS, EAX..EDI, ES..GS and LDTR by number. */
enum {
	R_EIP,
	R_EFLAGS,
	R_REGS,
	R_SREGS = R_REGS + 8,
};

static u32 place(bool wide, unsigned int number)
{
	return wide ? 0x20 + 4 * number : 0x0e + 2 * number;
}

static unsigned int ldtr(bool wide)
{
	return R_SREGS + (wide ? 6 : 4);
}

static void set_new(bool wide, unsigned int number, u32 value)
{
	poke(NEW + place(wide, number), value, wide ? 4 : 2);
}

static u32 saved(bool wide, unsigned int number)
{
	return peek(OLD + place(wide, number), wide ? 4 : 2);
}

static struct emu_seg segment(u16 selector, u32 base, u32 limit, u16 attr)
{
	return (struct emu_seg){ .sel = selector, .base = base, .limit = limit, .attr = attr };
}

static void make_gdt(bool old_wide, bool new_wide)
{
	descriptor(S_CODE, 0, 0xfffff, T_CODE);
	descriptor(S_DATA, 0, 0xfffff, T_DATA);
	descriptor(S_OLD, OLD, 0x67, (old_wide ? T_TSS32 : T_TSS16) | T_BUSY);
	descriptor(S_NEW, NEW, new_wide ? 0x67 : 0x2b, new_wide ? T_TSS32 : T_TSS16);
	descriptor(S_LDT, LDT, 0x0f, T_LDT);
	descriptor(S_CODE3, 0, 0xfffff, T_CODE | T_DPL3);
	descriptor(S_DATA3, 0, 0xfffff, T_DATA | T_DPL3);
	descriptor(S_CONFORMING, 0, 0xfffff, T_CODE | 4);
	descriptor(S_EXECUTE, 0, 0xfffff, 0x98);
	descriptor(S_READONLY, 0, 0xfffff, 0x90);
	descriptor(S_ABSENT, 0, 0xfffff, T_DATA & 0x7f);
	descriptor(S_ABSENT_CODE, 0, 0xfffff, T_CODE & 0x7f);
	descriptor(S_CONFORMING3, 0, 0xfffff, T_CODE | 4 | T_DPL3);
	/* A data segment in the LDT. */
	memcpy(mem + LDT, mem + GDT + S_DATA, 8);
}

static void make_new_task(bool wide)
{
	static const u16 selectors[] = { S_DATA, S_CODE, S_DATA, S_DATA, S_DATA, S_DATA };
	int i;

	set_new(wide, R_EIP, 0x1234);
	set_new(wide, R_EFLAGS, IF | 2);
	for (i = 0; i < 8; i++)
		set_new(wide, R_REGS + i, 0x9000a000 + i);
	set_new(wide, R_REGS + EMU_RSP, STACK);
	for (i = 0; i < (wide ? 6 : 4); i++)
		set_new(wide, R_SREGS + i, selectors[i]);
	set_new(wide, ldtr(wide), S_LDT);
	if (wide)
		poke(NEW + 0x1c, NEW_CR3, 4);
}

/* A task with everything in use switches to a good one. */
static void make(bool old_wide, bool new_wide)
{
	int i;

	memset(mem, 0, sizeof(mem));
	denied = 0;
	deny_write = false;
	race = false;
	bad_cr3 = false;
	loaded_cr3 = 0;
	last_user = false;
	make_gdt(old_wide, new_wide);
	make_new_task(new_wide);
	task = (struct task){
		.ops = &ops,
		.source = TASK_JMP,
		.selector = S_NEW,
		.eip = 0x1111,
		.eflags = 0x246 | NT,
		.cr0 = 0x80000011,
		.cr3 = OLD_CR3,
		.gdt_base = GDT,
		.gdt_limit = GDT_SIZE - 1,
	};
	for (i = 0; i < 8; i++)
		task.regs[i] = 0x12340000 + i;
	for (i = EMU_ES; i <= EMU_GS; i++)
		task.seg[i] = segment(0x100 + 8 * i, 0, ~0u, 0xc93);
	task.seg[EMU_TR] = segment(S_OLD, OLD, 0x67, (old_wide ? T_TSS32 : T_TSS16) | T_BUSY);
}

static void setup(void)
{
	make(true, true);
}

static const struct {
	u8 source;
	bool nests;
} sources[] = {
	{ TASK_CALL, true },
	{ TASK_IRET, false },
	{ TASK_JMP, false },
	{ TASK_GATE, true },
};

static void set_source(int i)
{
	task.source = sources[i].source;
	if (task.source == TASK_IRET)
		descriptor(S_NEW, NEW, peek(GDT + S_NEW, 2), type_of(S_NEW) | T_BUSY);
}

static void check_saved(bool wide, u32 eflags)
{
	u32 mask = wide ? ~0u : 0xffff;
	int i;

	ck_assert_uint_eq(saved(wide, R_EIP), 0x1111);
	ck_assert_uint_eq(saved(wide, R_EFLAGS), eflags);
	for (i = 0; i < 8; i++)
		ck_assert_uint_eq(saved(wide, R_REGS + i), (0x12340000u + i) & mask);
	for (i = 0; i < (wide ? 6 : 4); i++)
		ck_assert_uint_eq(saved(wide, R_SREGS + i) & 0xffff, 0x100u + 8 * i);
	/* LDTR is not the processor's to save. */
	ck_assert_uint_eq(saved(wide, ldtr(wide)) & 0xffff, 0);
}

static void check_loaded(bool wide, bool nests)
{
	u32 mask = wide ? ~0u : 0xffff;
	int i;

	ck_assert(task.committed);
	ck_assert_uint_eq(task.eip, 0x1234);
	ck_assert_uint_eq(task.eflags, IF | 2 | (nests ? NT : 0));
	for (i = 0; i < 8; i++)
		ck_assert_uint_eq(task.regs[i], i == EMU_RSP ? STACK : (0x9000a000u + i) & mask);
	ck_assert_uint_eq(task.cpl, 0);
	ck_assert_uint_eq(task.seg[EMU_CS].sel, S_CODE);
	ck_assert_uint_eq(task.seg[EMU_CS].attr, 0x400 | T_CODE | T_ACCESSED);
	ck_assert_uint_eq(task.seg[EMU_SS].limit, 0xfffff);
	ck_assert_uint_eq(task.seg[EMU_DS].attr, 0x400 | T_DATA | T_ACCESSED);
	/* A 16-bit TSS says nothing of FS and GS. */
	ck_assert_uint_eq(task.seg[EMU_GS].sel, wide ? S_DATA : 0);
	ck_assert_uint_eq(task.seg[EMU_GS].attr, wide ? 0x400 | T_DATA | T_ACCESSED : 0);
	ck_assert_uint_eq(task.seg[EMU_LDTR].base, LDT);
	ck_assert_uint_eq(task.seg[EMU_LDTR].limit, 0xf);
	ck_assert_uint_eq(task.seg[EMU_TR].sel, S_NEW);
	ck_assert_uint_eq(task.seg[EMU_TR].base, NEW);
	ck_assert_uint_eq(task.seg[EMU_TR].attr & 0x1f, (wide ? 11 : 3));
	ck_assert_uint_eq(task.cr0, 0x80000019);
	ck_assert_uint_eq(task.cr3, wide ? NEW_CR3 : OLD_CR3);
	ck_assert_uint_eq(loaded_cr3, wide ? NEW_CR3 : 0);
	ck_assert(!task.trap);
}

/* Each source between each two kinds of TSS. */
START_TEST(test_switch)
{
	bool old_wide = _i & 1, new_wide = _i & 2;
	int i = _i >> 2;

	make(old_wide, new_wide);
	set_source(i);
	ck_assert_int_eq(task_switch(&task), EMU_OK);
	check_saved(old_wide, task.source == TASK_IRET ? 0x246 : 0x246 | NT);
	check_loaded(new_wide, sources[i].nests);
	ck_assert_uint_eq(peek(NEW, 2), sources[i].nests ? S_OLD : 0);
	ck_assert_uint_eq(type_of(S_NEW) & T_BUSY, T_BUSY);
	ck_assert_uint_eq(type_of(S_OLD) & T_BUSY, sources[i].nests ? T_BUSY : 0);
	ck_assert_uint_eq(type_of(S_CODE), T_CODE | T_ACCESSED);
	ck_assert_uint_eq(type_of(S_CODE3), T_CODE | T_DPL3);
}
END_TEST

/* The upper halves of the TSS's selectors are not the processor's. */
START_TEST(test_reserved_kept)
{
	poke(OLD + place(true, R_SREGS + EMU_DS), 0xabcd0000, 4);
	ck_assert_int_eq(task_switch(&task), EMU_OK);
	ck_assert_uint_eq(saved(true, R_SREGS + EMU_DS), 0xabcd0000 + 0x100 + 8 * EMU_DS);
}
END_TEST

START_TEST(test_no_paging)
{
	task.cr0 = 0x11;
	ck_assert_int_eq(task_switch(&task), EMU_OK);
	ck_assert_uint_eq(loaded_cr3, 0);
	ck_assert_uint_eq(task.cr3, OLD_CR3);
	ck_assert_uint_eq(task.cr0, 0x19);
}
END_TEST

START_TEST(test_same_cr3)
{
	task.cr3 = NEW_CR3;
	ck_assert_int_eq(task_switch(&task), EMU_OK);
	ck_assert_uint_eq(loaded_cr3, 0);
}
END_TEST

START_TEST(test_trap)
{
	poke(NEW + 0x64, 1, 1);
	ck_assert_int_eq(task_switch(&task), EMU_OK);
	ck_assert(task.trap);
}
END_TEST

/* Bits of EFLAGS that there are not. */
START_TEST(test_eflags)
{
	set_new(true, R_EFLAGS, ~VM);
	ck_assert_int_eq(task_switch(&task), EMU_OK);
	ck_assert_uint_eq(task.eflags, 0x3d7fd7);
}
END_TEST

START_TEST(test_vm86)
{
	set_new(true, R_EFLAGS, VM | 2);
	set_new(true, R_SREGS + EMU_CS, 0x0101);
	set_new(true, R_SREGS + EMU_FS, 0xffff);
	ck_assert_int_eq(task_switch(&task), EMU_OK);
	ck_assert_uint_eq(task.cpl, 3);
	ck_assert_uint_eq(task.seg[EMU_CS].base, 0x1010);
	ck_assert_uint_eq(task.seg[EMU_CS].limit, 0xffff);
	ck_assert_uint_eq(task.seg[EMU_CS].attr, 0xf3);
	ck_assert_uint_eq(task.seg[EMU_FS].base, 0xffff0);
	ck_assert_uint_eq(task.seg[EMU_LDTR].base, LDT);
	ck_assert_uint_eq(type_of(S_CODE), T_CODE);
}
END_TEST

START_TEST(test_user_task)
{
	int i;

	set_new(true, R_SREGS + EMU_CS, S_CODE3 | 3);
	for (i = EMU_SS; i <= EMU_GS; i++)
		set_new(true, R_SREGS + i, S_DATA3 | 3);
	set_new(true, R_SREGS + EMU_ES, 0);
	ck_assert_int_eq(task_switch(&task), EMU_OK);
	ck_assert_uint_eq(task.cpl, 3);
	ck_assert_uint_eq(task.seg[EMU_ES].attr, 0);
	ck_assert_uint_eq(task.seg[EMU_FS].sel, S_DATA3 | 3);
}
END_TEST

/* LDT descriptors and null selectors that are good. */
static const struct {
	u8 number;
	u16 selector;
} good[] = {
	{ EMU_DS, S_LOCAL },
	{ EMU_SS, S_LOCAL },
	{ EMU_DS, 0 },
	{ EMU_GS, 3 },
	{ EMU_FS, S_CONFORMING },
	{ EMU_ES, S_READONLY },
	{ EMU_CS, S_CONFORMING },
	{ EMU_DS, S_DATA3 },
	{ EMU_CS, S_EXECUTE },
	{ EMU_DS, S_DATA3 | 3 },
};

START_TEST(test_good_selector)
{
	set_new(true, R_SREGS + good[_i].number, good[_i].selector);
	ck_assert_int_eq(task_switch(&task), EMU_OK);
	ck_assert_uint_eq(task.seg[good[_i].number].sel, good[_i].selector);
}
END_TEST

START_TEST(test_no_ldt)
{
	set_new(true, ldtr(true), 0);
	ck_assert_int_eq(task_switch(&task), EMU_OK);
	ck_assert_uint_eq(task.seg[EMU_LDTR].attr, 0);
}
END_TEST

/* Before the new task is in force: nothing has changed (SDM 3, 8.3 and table 8-1). */
static const struct {
	u8 source;
	u16 selector;
	u8 type;
	u8 limit;
	u8 vector;
	u16 error;
} refusals[] = {
	{ TASK_JMP, GDT_SIZE, 0, 0, GP, GDT_SIZE },
	{ TASK_IRET, GDT_SIZE, 0, 0, TS, GDT_SIZE },
	{ TASK_JMP, S_NEW | 4, 0, 0, GP, S_NEW | 4 },
	{ TASK_IRET, S_NEW | 4, 0, 0, TS, S_NEW | 4 },
	{ TASK_CALL, 0, 0, 0, GP, 0 },
	{ TASK_JMP, S_NEW | 3, T_TSS32 | T_BUSY, 0x67, GP, S_NEW },
	{ TASK_CALL, S_NEW, T_TSS32 | T_BUSY, 0x67, GP, S_NEW },
	{ TASK_GATE, S_NEW, T_TSS16 | T_BUSY, 0x67, GP, S_NEW },
	{ TASK_IRET, S_NEW, T_TSS32, 0x67, TS, S_NEW },
	{ TASK_IRET, S_NEW, T_TSS16, 0x67, TS, S_NEW },
	{ TASK_JMP, S_NEW, T_CODE, 0x67, GP, S_NEW },
	{ TASK_JMP, S_NEW, T_LDT, 0x67, GP, S_NEW },
	{ TASK_IRET, S_NEW, 0x93, 0x67, TS, S_NEW },
	{ TASK_JMP, S_NEW, T_TSS32 & 0x7f, 0x67, NP, S_NEW },
	{ TASK_IRET, S_NEW, (T_TSS32 | T_BUSY) & 0x7f, 0x67, NP, S_NEW },
	/* Busy comes before absent, and absent before the limit. */
	{ TASK_JMP, S_NEW, (T_TSS32 | T_BUSY) & 0x7f, 0x67, GP, S_NEW },
	{ TASK_JMP, S_NEW, T_TSS32 & 0x7f, 0x66, NP, S_NEW },
	{ TASK_JMP, S_NEW, T_TSS32, 0x66, TS, S_NEW },
	{ TASK_GATE, S_NEW, T_TSS16, 0x2a, TS, S_NEW },
};

static void check_refused(u8 vector, u32 error)
{
	static u8 before[MEM];
	const struct task was = task;

	memcpy(before, mem, sizeof(mem));
	ck_assert_int_eq(task_switch(&task), EMU_FAULT);
	ck_assert(!task.committed);
	ck_assert_uint_eq(task.fault.vector, vector);
	ck_assert_uint_eq(task.fault.has_error, true);
	ck_assert_uint_eq(task.fault.error, error);
	ck_assert(!memcmp(before, mem, sizeof(mem)));
	ck_assert(!memcmp(was.regs, task.regs, sizeof(was.regs)));
	ck_assert(!memcmp(was.seg, task.seg, sizeof(was.seg)));
	ck_assert(was.eip == task.eip && was.eflags == task.eflags);
	ck_assert(was.cr0 == task.cr0 && was.cr3 == task.cr3 && !loaded_cr3);
}

START_TEST(test_refused)
{
	bool external = _i & 1;
	int i = _i / 2;

	task.source = refusals[i].source;
	task.selector = refusals[i].selector;
	task.external = external;
	if (refusals[i].type)
		descriptor(S_NEW, NEW, refusals[i].limit, refusals[i].type);
	check_refused(refusals[i].vector, refusals[i].error | external);
}
END_TEST

/* The old TSS must hold what is saved; less than that is no longer a limit of its own. */
START_TEST(test_old_limit)
{
	bool wide = _i;

	make(wide, true);
	task.seg[EMU_TR].limit = wide ? 0x5e : 0x28;
	check_refused(TS, S_OLD);
	task.seg[EMU_TR].limit++;
	ck_assert_int_eq(task_switch(&task), EMU_OK);
}
END_TEST

/* JMP and IRET look the old descriptor up, the others do not. */
START_TEST(test_old_descriptor)
{
	task.seg[EMU_TR].sel = GDT_SIZE;
	set_source(_i);
	if (sources[_i].nests)
		ck_assert_int_eq(task_switch(&task), EMU_OK);
	else
		check_refused(TS, GDT_SIZE);
}
END_TEST

/* Pages of the old TSS, the new one and the descriptors that are not there, or only to be read. */
static const struct {
	u32 at;
	bool write_only;
	bool nests;
	bool jumps;
} pages[] = {
	{ OLD + 0x20, false, true, true },  { OLD + 0x50, true, true, true },
	{ NEW + 0x10, false, true, true },  { NEW + 0x10, true, false, false },
	{ NEW + 0x58, false, true, true },  { NEW, true, true, false },
	{ GDT + S_NEW, false, true, true }, { GDT + S_NEW, true, true, true },
	{ GDT + S_OLD, true, false, true },
};

START_TEST(test_pages)
{
	const bool nests = _i & 1;
	int i = _i / 2;

	task.source = nests ? TASK_CALL : TASK_JMP;
	task.external = true;
	denied = pages[i].at;
	deny_write = pages[i].write_only;
	if (nests ? pages[i].nests : pages[i].jumps)
		check_refused(PF, 0);
	else
		ck_assert_int_eq(task_switch(&task), EMU_OK);
}
END_TEST

/* IRET need not be able to write to the new descriptor. */
START_TEST(test_iret_pages)
{
	set_source(1);
	denied = GDT + S_NEW;
	deny_write = true;
	descriptor(S_SPARE, OLD, 0x67, T_TSS32 | T_BUSY);
	task.seg[EMU_TR].sel = S_SPARE;
	ck_assert_int_eq(task_switch(&task), EMU_OK);
}
END_TEST

START_TEST(test_race)
{
	static u8 before[MEM];

	race = true;
	memcpy(before, mem, sizeof(mem));
	ck_assert_int_eq(task_switch(&task), EMU_RETRY);
	ck_assert(!task.committed);
	ck_assert(!memcmp(before, mem, sizeof(mem)));
}
END_TEST

/* In the new task's context (SDM 3, table 8-1). */
static const struct {
	u8 number; /* segment register, or EMU_LDTR */
	u16 selector;
	u8 vector;
} faults[] = {
	{ EMU_LDTR, S_LOCAL, TS },
	{ EMU_LDTR, GDT_SIZE, TS },
	{ EMU_LDTR, S_DATA, TS },
	{ EMU_LDTR, S_SPARE, TS },
	{ EMU_CS, 0, TS },
	{ EMU_CS, GDT_SIZE, TS },
	{ EMU_CS, S_DATA, TS },
	{ EMU_CS, S_LDT, TS },
	{ EMU_CS, S_CODE3, TS },
	{ EMU_CS, S_CONFORMING3, TS },
	{ EMU_CS, S_ABSENT_CODE, NP },
	{ EMU_SS, 0, TS },
	{ EMU_SS, S_CODE, TS },
	{ EMU_SS, S_READONLY, TS },
	{ EMU_SS, S_DATA3, TS },
	{ EMU_SS, S_DATA | 3, TS },
	{ EMU_SS, S_ABSENT, SS },
	{ EMU_SS, LDT + 0x10 + S_LOCAL, TS },
	{ EMU_DS, GDT_SIZE + 8, TS },
	{ EMU_DS, 0x10 | S_LOCAL, TS },
	{ EMU_ES, S_NEW, TS },
	{ EMU_FS, S_EXECUTE, TS },
	{ EMU_GS, S_DATA | 1, TS },
	{ EMU_DS, S_ABSENT, NP },
	{ EMU_ES, S_ABSENT, NP },
	{ EMU_FS, S_ABSENT, NP },
	{ EMU_GS, S_ABSENT, NP },
};

START_TEST(test_faults)
{
	bool external = _i & 1;
	int i = _i / 2;
	u8 number = faults[i].number;

	descriptor(S_SPARE, LDT, 0x0f, T_LDT & 0x7f);
	task.external = external;
	set_new(true, number == EMU_LDTR ? ldtr(true) : R_SREGS + number, faults[i].selector);
	ck_assert_int_eq(task_switch(&task), EMU_FAULT);
	ck_assert(task.committed);
	ck_assert_uint_eq(task.fault.vector, faults[i].vector);
	ck_assert_uint_eq(task.fault.error, (faults[i].selector & 0xfffc) | external);
	/* The switch is complete but for the segment. */
	check_saved(true, 0x246 | NT);
	ck_assert_uint_eq(task.eip, 0x1234);
	ck_assert_uint_eq(task.seg[EMU_TR].sel, S_NEW);
	ck_assert_uint_eq(task.cr3, NEW_CR3);
	ck_assert_uint_eq(task.seg[number].sel, faults[i].selector);
	if (number == EMU_CS)
		ck_assert_uint_eq(task.seg[EMU_CS].attr & 0x9f, 0x9b);
	else
		ck_assert_uint_eq(task.seg[number].attr & EMU_SEG_P, 0);
}
END_TEST

/* A local descriptor without an LDT. */
START_TEST(test_no_local)
{
	set_new(true, ldtr(true), 0);
	set_new(true, R_SREGS + EMU_DS, S_LOCAL);
	ck_assert_int_eq(task_switch(&task), EMU_FAULT);
	ck_assert_uint_eq(task.fault.vector, TS);
	ck_assert_uint_eq(task.fault.error, S_LOCAL);
}
END_TEST

START_TEST(test_bad_cr3)
{
	bad_cr3 = true;
	ck_assert_int_eq(task_switch(&task), EMU_FAULT);
	ck_assert(task.committed);
	ck_assert_uint_eq(task.fault.vector, GP);
	ck_assert_uint_eq(task.fault.error, 0);
	ck_assert_uint_eq(task.cr3, OLD_CR3);
	ck_assert_uint_eq(task.eip, 0x1234);
}
END_TEST

/* A page fault on a descriptor is the new task's. */
START_TEST(test_descriptor_page)
{
	denied = LDT;
	set_new(true, R_SREGS + EMU_DS, S_LOCAL);
	ck_assert_int_eq(task_switch(&task), EMU_FAULT);
	ck_assert(task.committed);
	ck_assert_uint_eq(task.fault.vector, PF);
	ck_assert_uint_eq(task.fault.cr2, LDT);
}
END_TEST

START_TEST(test_eip_limit)
{
	bool external = _i;

	descriptor(S_CODE, 0, 0x1233, T_CODE);
	task.external = external;
	ck_assert_int_eq(task_switch(&task), EMU_FAULT);
	ck_assert(task.committed);
	ck_assert_uint_eq(task.fault.vector, GP);
	ck_assert_uint_eq(task.fault.error, external);
}
END_TEST

/* The error code is as wide as the new TSS, its place as the stack segment says. */
START_TEST(test_error_code)
{
	bool wide = _i & 1, wide_stack = _i & 2;

	make(true, wide);
	task.source = TASK_GATE;
	task.has_error = true;
	task.error = 0x7654;
	set_new(wide, R_REGS + EMU_RSP, 0x9abc3000);
	if (wide_stack)
		set_new(wide, R_REGS + EMU_RSP, 0x3000);
	else
		poke(GDT + S_DATA + 6, 0, 1);
	poke(STACK - 4, 0xffffffff, 4);
	ck_assert_int_eq(task_switch(&task), EMU_OK);
	ck_assert_uint_eq(peek(STACK - 4, 4), wide ? 0x7654 : 0x7654ffff);
	ck_assert_uint_eq(task.regs[EMU_RSP] & 0xffff, wide ? 0x2ffc : 0x2ffe);
	if (!wide_stack && wide)
		ck_assert_uint_eq(task.regs[EMU_RSP] >> 16, 0x9abc);
	ck_assert(!last_user);
}
END_TEST

START_TEST(test_error_code_user)
{
	int i;

	for (i = EMU_ES; i <= EMU_GS; i++)
		set_new(true, R_SREGS + i, (i == EMU_CS ? S_CODE3 : S_DATA3) | 3);
	task.source = TASK_GATE;
	task.has_error = true;
	ck_assert_int_eq(task_switch(&task), EMU_OK);
	ck_assert(last_user);
}
END_TEST

/* Stacks without room: limits of either kind, and a page that is not there. */
START_TEST(test_error_code_faults)
{
	static const struct {
		u32 limit;
		u8 type;
		u32 esp;
		u8 vector;
	} rows[] = {
		{ 0xfff, T_DATA, 0x1001, SS },	    { 0xfff, T_DATA, 0x1000, 0 },
		{ 0x2fff, T_DATA | 4, 0x3003, SS }, { 0x2fff, T_DATA | 4, 0x3004, 0 },
		{ 0xfffff, T_DATA, 2, SS },	    { 0x3fff, T_DATA, 0x3ff8, PF },
	};

	descriptor(S_DATA, 0, rows[_i].limit, rows[_i].type);
	denied = 0x3ff0;
	deny_write = true;
	set_new(true, R_REGS + EMU_RSP, rows[_i].esp);
	task.source = TASK_GATE;
	task.external = true;
	task.has_error = true;
	ck_assert_int_eq(task_switch(&task), rows[_i].vector ? EMU_FAULT : EMU_OK);
	ck_assert(task.committed);
	if (!rows[_i].vector)
		return;
	ck_assert_uint_eq(task.fault.vector, rows[_i].vector);
	ck_assert_uint_eq(task.regs[EMU_RSP], rows[_i].esp);
	if (rows[_i].vector == SS)
		ck_assert_uint_eq(task.fault.error, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("task");
	TCase *tcase = tcase_create("task");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_loop_test(tcase, test_switch, 0, 4 * ARRAY_SIZE(sources));
	tcase_add_test(tcase, test_reserved_kept);
	tcase_add_test(tcase, test_no_paging);
	tcase_add_test(tcase, test_same_cr3);
	tcase_add_test(tcase, test_trap);
	tcase_add_test(tcase, test_eflags);
	tcase_add_test(tcase, test_vm86);
	tcase_add_test(tcase, test_user_task);
	tcase_add_loop_test(tcase, test_good_selector, 0, ARRAY_SIZE(good));
	tcase_add_test(tcase, test_no_ldt);
	tcase_add_loop_test(tcase, test_refused, 0, 2 * ARRAY_SIZE(refusals));
	tcase_add_loop_test(tcase, test_old_limit, 0, 2);
	tcase_add_loop_test(tcase, test_old_descriptor, 0, ARRAY_SIZE(sources));
	tcase_add_loop_test(tcase, test_pages, 0, 2 * ARRAY_SIZE(pages));
	tcase_add_test(tcase, test_iret_pages);
	tcase_add_test(tcase, test_race);
	tcase_add_loop_test(tcase, test_faults, 0, 2 * ARRAY_SIZE(faults));
	tcase_add_test(tcase, test_no_local);
	tcase_add_test(tcase, test_bad_cr3);
	tcase_add_test(tcase, test_descriptor_page);
	tcase_add_loop_test(tcase, test_eip_limit, 0, 2);
	tcase_add_loop_test(tcase, test_error_code, 0, 4);
	tcase_add_test(tcase, test_error_code_user);
	tcase_add_loop_test(tcase, test_error_code_faults, 0, 6);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
