// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator against the processor it runs on: random instructions of all emulated
 * opcodes on random registers, flags and memory, in 64-bit code, in flat 32-bit code,
 * and in 32-bit and 16-bit code with segments of all kinds. Registers, flags, memory,
 * XMM registers, exception vectors, error codes and CR2 must agree.
 *
 * EMU_NATIVE_ROUNDS sets the number of instructions per mode, EMU_NATIVE_SEED the start.
 */
#include <asm/processor-flags.h>
#include <check.h>
#include <linux/kernel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emu/emu_priv.h"

#include "emu_native.h"
#include "emu_world.h"

#define DEFAULT_ROUNDS 40000
#define MAX_REPORTS    12
#define NR_FLAG_CHOICE 6

#define FLAGS_COMPARED                                                                        \
	(EMU_FLAGS_STATUS | X86_EFLAGS_DF | X86_EFLAGS_AC | X86_EFLAGS_ID | X86_EFLAGS_IOPL | \
	 X86_EFLAGS_NT)

static const struct mode {
	const char *name;
	enum emu_code code;
	enum emu_mode mode;
	bool segmented;
} modes[] = {
	{ "64-bit", EMU_CODE64, EMU_LONG64, false },
	{ "32-bit flat", EMU_CODE32, EMU_PROT, false },
	{ "32-bit segmented", EMU_CODE32, EMU_PROT, true },
	{ "16-bit segmented", EMU_CODE16, EMU_PROT, true },
};

/* One case: the instruction, where its displacement is, and the state before. */
struct trial {
	const struct mode *mode;
	u8 bytes[16];
	unsigned int disp_at;
	struct emu_insn insn;
	struct native_state before;
	struct native_state after;
};

static u64 seed = 0x2545f4914f6cdd1d;
static u8 shadow[NATIVE_DATA_SIZE];
static struct emu_world world;

static u64 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1d >> 8 | seed << 60;
}

static bool one_in(unsigned int n)
{
	return rnd() % n == 0;
}

/* Values near the edges of all sizes more often than not. */
static u64 random_value(void)
{
	static const u64 edges[] = {
		0,	1,	    2,		0x7f,	    0x80,	0xff,	    0x7fff, 0x8000,
		0xffff, 0x7fffffff, 0x80000000, 0xffffffff, ~0ull >> 1, 1ull << 63, ~0ull,
	};
	u64 value = edges[rnd() % (ARRAY_SIZE(edges))];

	switch (rnd() % 4) {
	case 0:
		return value;
	case 1:
		return value + rnd() % 5 - 2;
	case 2:
		return rnd() >> rnd() % 64;
	default:
		return rnd() ^ rnd() << 32;
	}
}

static unsigned int put_prefixes(struct trial *t)
{
	static const u8 prefixes[] = {
		0x66, 0x66, 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x65,
	};
	unsigned int pos = 0;
	unsigned int n = one_in(2) ? rnd() % 3 : 0;

	while (n--)
		t->bytes[pos++] = prefixes[rnd() % sizeof(prefixes)];
	if (t->mode->code == EMU_CODE64 && one_in(2))
		t->bytes[pos++] = 0x40 | rnd() % 16;
	return pos;
}

/* Fill in random bytes; a memory operand is made likely, and its displacement found. */
static void make_bytes(struct trial *t)
{
	unsigned int i, pos, modrm_at;

	for (i = 0; i < sizeof(t->bytes); i++)
		t->bytes[i] = rnd() >> 13;
	pos = put_prefixes(t);
	switch (rnd() % 8) {
	case 0 ... 2:
		t->bytes[pos++] = 0x0f;
		break;
	case 3:
		if (!one_in(4))
			break;
		t->bytes[pos++] = 0x0f;
		t->bytes[pos++] = 0x38;
		t->bytes[pos] = one_in(3) ? 0x2a : 0xf0 | (t->bytes[pos] & 1);
		break;
	}
	modrm_at = pos + 1;
	if (emu_decode(&t->insn, t->mode->code, t->bytes, sizeof(t->bytes)))
		return;
	t->disp_at = modrm_at;
	if (t->insn.flags & T_MODRM)
		t->disp_at += t->insn.adsize != 2 && (t->insn.modrm & 7) == 4 ? 2 : 1;
}

static bool loads_fs(const struct emu_insn *insn)
{
	switch (insn->op) {
	case EMU_OP_POP_S:
		return (insn->opcode >> 3 & 7) == EMU_FS;
	case EMU_OP_MOV_S_RM:
		return (insn->modrm >> 3 & 7) == EMU_FS;
	case EMU_OP_LOAD_FAR:
		return insn->map == EMU_MAP_0F && insn->opcode == 0xb4;
	default:
		return false;
	}
}

/*
 * Where processors differ: near branches with prefix 66 in 64-bit code (AMD's are 16 bits
 * wide), LOOPcc with F2 or F3 (AMD's test ZF as REP does), far pointers with REX.W (AMD's
 * have no 64-bit offset), 16-bit MOVSXD (AMD's reads 32 bits), PREFETCHW of a register.
 */
static bool is_vendor_specific(const struct emu_insn *insn)
{
	if (insn->op == EMU_OP_LOOP && insn->prefixes & (EMU_PFX_REP | EMU_PFX_REPNE))
		return true;
	if (insn->op == EMU_OP_LOAD_FAR && insn->rex & EMU_REX_W)
		return true;
	if (insn->op == EMU_OP_MOVSXD && insn->opsize == 2)
		return true;
	if (insn->map == EMU_MAP_0F && insn->opcode == 0x0d)
		return !insn->mem;
	return insn->code == EMU_CODE64 && insn->flags & T_F64 && insn->prefixes & EMU_PFX_OPSIZE;
}

/* FS is the C library's. VEX is not emulated. */
static bool is_runnable(const struct emu_insn *insn)
{
	return insn->op != EMU_OP_UNHANDLED && insn->seg != EMU_FS && !loads_fs(insn) &&
	       !(insn->prefixes & EMU_PFX_VEX) && !is_vendor_specific(insn);
}

static bool is_string(const struct emu_insn *insn)
{
	return insn->op >= EMU_OP_INS && insn->op <= EMU_OP_SCAS;
}

static u16 random_data_sel(void)
{
	static const u16 sels[] = {
		NATIVE_FLAT,	       LDT_SEL(LDT_DATA16), LDT_SEL(LDT_DATA32),
		LDT_SEL(LDT_READONLY), LDT_SEL(LDT_DOWN16), LDT_SEL(LDT_DOWN32),
		LDT_SEL(LDT_DATA16),   LDT_SEL(LDT_DATA32), 0,
	};

	return sels[rnd() % (ARRAY_SIZE(sels))];
}

static u16 random_stack_sel(void)
{
	static const u16 sels[] = {
		NATIVE_FLAT,	     LDT_SEL(LDT_DATA16), LDT_SEL(LDT_DATA32),
		LDT_SEL(LDT_DOWN16), LDT_SEL(LDT_DOWN32),
	};

	return sels[rnd() % (ARRAY_SIZE(sels))];
}

static void make_segments(struct trial *t)
{
	u16 *sel = t->before.sel;

	sel[EMU_ES] = NATIVE_FLAT;
	sel[EMU_DS] = NATIVE_FLAT;
	sel[EMU_SS] = NATIVE_FLAT;
	sel[EMU_GS] = LDT_SEL(LDT_DATA16);
	sel[EMU_CS] = t->mode->code == EMU_CODE64 ? NATIVE_CS64 : NATIVE_CS32;
	t->before.rip = NATIVE_CODE;
	if (!t->mode->segmented)
		return;
	sel[EMU_ES] = random_data_sel();
	sel[EMU_DS] = random_data_sel();
	sel[EMU_GS] = random_data_sel();
	sel[EMU_SS] = random_stack_sel();
	if (t->mode->code == EMU_CODE16)
		sel[EMU_CS] = LDT_SEL(LDT_CODE16);
	else if (one_in(2))
		sel[EMU_CS] = LDT_SEL(LDT_CODE32);
	if (sel[EMU_CS] != NATIVE_CS32)
		t->before.rip = 0;
}

/* An offset that takes segment @sreg into the data region, or just beyond an edge. */
static u64 random_offset(const struct trial *t, unsigned int sreg)
{
	struct emu_seg seg = { .limit = ~0u };
	u64 linear = NATIVE_DATA + rnd() % NATIVE_DATA_SIZE;

	if (t->mode->code != EMU_CODE64 || sreg == EMU_GS)
		native_segment(t->before.sel[sreg], &seg);
	if (one_in(8))
		linear = NATIVE_DATA + (one_in(2) ? NATIVE_DATA_SIZE : 0) + rnd() % 32 - 16;
	if (one_in(2))
		linear &= ~15ull;
	if (t->mode->code == EMU_CODE64 && one_in(64))
		linear = (one_in(2) ? 0xffff9ull << 44 : rnd()) + rnd() % 64;
	if (t->mode->segmented && seg.limit != ~0u && one_in(8))
		linear = seg.base + seg.limit + rnd() % 32 - 16;
	return linear - seg.base;
}

static void make_registers(struct trial *t)
{
	struct native_state *s = &t->before;
	unsigned int i;

	for (i = 0; i < 16; i++)
		s->regs[i] = random_value();
	for (i = 0; i < sizeof(s->xmm); i++)
		((u8 *)s->xmm)[i] = rnd() >> 9;
	s->regs[EMU_RSP] = random_offset(t, EMU_SS);
	if (s->sel[EMU_SS] == LDT_SEL(LDT_DATA16) || s->sel[EMU_SS] == LDT_SEL(LDT_DOWN16))
		s->regs[EMU_RSP] = (u16)s->regs[EMU_RSP] | rnd() << 16;
	if (t->insn.op == EMU_OP_LEAVE || t->insn.op == EMU_OP_ENTER)
		s->regs[EMU_RBP] = random_offset(t, EMU_SS);
	if (t->insn.op == EMU_OP_XLAT)
		s->regs[EMU_RBX] = random_offset(t, t->insn.seg);
	if (is_string(&t->insn)) {
		s->regs[EMU_RSI] = random_offset(t, t->insn.seg);
		s->regs[EMU_RDI] = random_offset(t, EMU_ES);
		s->regs[EMU_RCX] = one_in(2) ? rnd() % 3 : s->regs[EMU_RCX];
	}
	if (t->insn.op == EMU_OP_BT_R && !one_in(4))
		s->regs[t->insn.reg] = (u64)(s64)(s16)s->regs[t->insn.reg];
	if ((t->insn.op == EMU_OP_DIV || t->insn.op == EMU_OP_IDIV) && one_in(2))
		s->regs[EMU_RDX] = one_in(2) ? 0 : ~0ull;
	if (t->insn.op == EMU_OP_CMPXCHG8B && one_in(2))
		memcpy(&s->regs[EMU_RAX], &s->regs[EMU_RDX], 8);
	s->rflags = X86_EFLAGS_FIXED | X86_EFLAGS_IF | X86_EFLAGS_TF;
	s->rflags |= rnd() & EMU_FLAGS_STATUS;
	if (one_in(8))
		s->rflags |= X86_EFLAGS_AC;
	if (one_in(3))
		s->rflags |= X86_EFLAGS_DF;
}

static void patch_displacement(struct trial *t, u64 value, unsigned int size)
{
	if (t->disp_at + size <= sizeof(t->bytes))
		memcpy(t->bytes + t->disp_at, &value, size);
}

/* Change a register or the displacement so that the memory operand is in the data region. */
static void aim(struct trial *t)
{
	const struct emu_insn *insn = &t->insn;
	u64 offset = random_offset(t, insn->seg);
	u64 delta;

	if (!insn->mem)
		return;
	if ((insn->flags & T_IMM) == T_IMM_OF(MOFFS)) {
		patch_displacement(t, offset, insn->adsize);
		return;
	}
	memcpy(world.regs, t->before.regs, sizeof(world.regs));
	world.ctx.regs = world.regs;
	world.ctx.next_rip = t->before.rip + insn->len;
	delta = offset - emu_effective(&world.ctx, insn, 0);
	if (insn->base != EMU_NO_REG && insn->base != insn->index)
		t->before.regs[insn->base] += delta;
	else if (insn->base == EMU_NO_REG || insn->modrm >> 6 == 2)
		patch_displacement(t, (u64)insn->disp + delta, insn->adsize == 2 ? 2 : 4);
}

static bool make_trial(struct trial *t)
{
	unsigned int i;

	t->insn.op = EMU_OP_UNHANDLED;
	make_bytes(t);
	if (!is_runnable(&t->insn))
		return false;
	make_segments(t);
	make_registers(t);
	aim(t);
	if (t->mode->code != EMU_CODE64) {
		for (i = 0; i < 16; i++)
			t->before.regs[i] = i < 8 ? (u32)t->before.regs[i] : 0;
	}
	/* A random byte may have been one more prefix, and the patch another instruction. */
	if (emu_decode(&t->insn, t->mode->code, t->bytes, sizeof(t->bytes)) ||
	    !is_runnable(&t->insn))
		return false;
	memset(t->bytes + t->insn.len, 0x90, sizeof(t->bytes) - t->insn.len);
	return true;
}

static u32 cpuid(u32 leaf, enum emu_reg reg)
{
	u32 regs[4] = { leaf };

	asm volatile("cpuid"
		     : "+a"(regs[EMU_RAX]), "=b"(regs[EMU_RBX]), "+c"(regs[EMU_RCX]),
		       "=d"(regs[EMU_RDX]));
	return regs[reg];
}

static void prepare_world(const struct trial *t)
{
	unsigned int i;

	world_init(&world, NATIVE_DATA, shadow, sizeof(shadow));
	memcpy(world.regs, t->before.regs, sizeof(world.regs));
	memcpy(world.xmm, t->before.xmm, sizeof(world.xmm));
	world.segment = native_segment;
	for (i = EMU_ES; i <= EMU_GS; i++)
		native_segment(t->before.sel[i], &world.seg[i]);
	world.seg[EMU_TR] = (struct emu_seg){ .limit = 0x67, .attr = EMU_SEG_P | 0xb };
	world.ctx.mode = t->mode->mode;
	world.ctx.cpl = 3;
	world.ctx.cr0 |= X86_CR0_AM;
	world.ctx.rip = t->before.rip;
	world.ctx.rflags = t->before.rflags;
	world.ctx.tzcnt = cpuid(7, EMU_RBX) >> 3 & 1;
	world.ctx.lzcnt = cpuid(0x80000001, EMU_RCX) >> 5 & 1;
}

/* The processor must not touch what belongs to the test itself. */
static bool is_safe(u64 linear)
{
	if (linear >= NATIVE_CODE && linear < NATIVE_CODE + 0x1000)
		return false;
	return (linear >= NATIVE_LOW && linear < NATIVE_HIGH) || linear >= 0xffff800000000000;
}

static unsigned int shift_count(const struct trial *t)
{
	const struct emu_insn *insn = &t->insn;
	u64 count = insn->imm;

	if (insn->op == EMU_OP_SHIFT_1)
		count = 1;
	if (insn->op == EMU_OP_SHIFT_CL || insn->op == EMU_OP_SHXD_CL)
		count = t->before.regs[EMU_RCX];
	return count & (insn->opsize == 8 ? 63 : 31);
}

/* A count above the operand's width leaves nothing defined. */
static bool is_undefined_result(const struct trial *t)
{
	return (t->insn.op == EMU_OP_SHXD_I || t->insn.op == EMU_OP_SHXD_CL) &&
	       shift_count(t) > 8u * t->insn.opsize;
}

/* Flags that the manuals leave undefined and processors set differently. */
static u64 undefined_flags(const struct trial *t)
{
	const struct emu_insn *insn = &t->insn;
	unsigned int count;

	switch (insn->op) {
	case EMU_OP_MUL:
	case EMU_OP_IMUL:
	case EMU_OP_IMUL_R_RM:
	case EMU_OP_IMUL_R_RM_I:
		return X86_EFLAGS_SF | X86_EFLAGS_ZF | X86_EFLAGS_AF | X86_EFLAGS_PF;
	case EMU_OP_DIV:
	case EMU_OP_IDIV:
		return EMU_FLAGS_STATUS;
	case EMU_OP_BSF:
	case EMU_OP_BSR:
		return EMU_FLAGS_STATUS &
		       ~(X86_EFLAGS_ZF | (insn->prefixes & EMU_PFX_REP ? X86_EFLAGS_CF : 0));
	case EMU_OP_BT_R:
	case EMU_OP_BT_I:
		return X86_EFLAGS_OF | X86_EFLAGS_SF | X86_EFLAGS_AF | X86_EFLAGS_PF;
	case EMU_OP_SHIFT_1:
	case EMU_OP_SHIFT_I:
	case EMU_OP_SHIFT_CL:
	case EMU_OP_SHXD_I:
	case EMU_OP_SHXD_CL:
		break;
	default:
		return 0;
	}
	count = shift_count(t);
	return (count > 1 ? X86_EFLAGS_OF : 0) | X86_EFLAGS_AF;
}

/* CALL with both a bad target and a bad stack: either may be found first. */
static bool is_call_order(const struct trial *t, enum emu_result ret)
{
	int vector = t->after.vector;

	return (t->insn.op == EMU_OP_CALL_REL || t->insn.op == EMU_OP_CALL_RM) &&
	       ret == EMU_FAULT && world.ctx.fault.vector == VECTOR_GP &&
	       (vector == VECTOR_SS || vector == VECTOR_PF || vector == VECTOR_AC);
}

static const char *difference(const struct trial *t, enum emu_result ret)
{
	static char text[128];
	const struct native_state *native = &t->after;
	bool shadowed = world.ctx.shadow & EMU_SHADOW_MOV_SS;
	u64 flags = FLAGS_COMPARED & ~undefined_flags(t);
	unsigned int i;

	if (ret == EMU_OK && native->vector != 1) {
		snprintf(text, sizeof(text), "done, but processor raises %d(%#x) cr2 %#llx",
			 native->vector, native->error, native->cr2);
		return text;
	}
	if (is_call_order(t, ret))
		return NULL;
	if (ret == EMU_FAULT && world.ctx.fault.vector != native->vector) {
		snprintf(text, sizeof(text), "fault %d(%#x), but processor %d(%#x)",
			 world.ctx.fault.vector, world.ctx.fault.error, native->vector,
			 native->error);
		return text;
	}
	if (ret == EMU_FAULT && world.ctx.fault.vector == 14 && world.ctx.fault.cr2 != native->cr2)
		return "cr2";
	/* For the kernel's addresses Linux hides whether a page is present. */
	if (ret == EMU_FAULT && (world.ctx.fault.error ^ native->error) &
					(native->cr2 >> 63 && native->vector == 14 ? ~1u : ~0u)) {
		snprintf(text, sizeof(text), "fault %d: error %#x, processor %#x", native->vector,
			 world.ctx.fault.error, native->error);
		return text;
	}
	/* One more instruction, a NOP, is executed behind a load of SS. */
	if (world.ctx.rip + (ret == EMU_OK && shadowed) != native->rip) {
		snprintf(text, sizeof(text), "rip %#llx, processor %#llx", world.ctx.rip,
			 native->rip);
		return text;
	}
	/* POPA that faults may have loaded some registers. */
	for (i = 0; i < (t->insn.op == EMU_OP_POPA && ret ? 0 : 16); i++) {
		u64 mask = t->mode->code == EMU_CODE64 ? ~0ull : 0xffffffff;

		if ((world.regs[i] ^ native->regs[i]) & mask) {
			snprintf(text, sizeof(text), "reg %u: %#llx, processor %#llx (was %#llx)",
				 i, world.regs[i], native->regs[i], t->before.regs[i]);
			return text;
		}
	}
	if ((world.ctx.rflags ^ native->rflags) & flags) {
		snprintf(text, sizeof(text), "flags %#llx, processor %#llx (was %#llx)",
			 world.ctx.rflags & flags, native->rflags & flags,
			 t->before.rflags & flags);
		return text;
	}
	if (memcmp(world.xmm, native->xmm, sizeof(world.xmm)) != 0)
		return "xmm";
	if (memcmp(shadow, (void *)NATIVE_DATA, sizeof(shadow)) != 0)
		return "memory";
	for (i = EMU_ES; i <= EMU_GS; i++) {
		if (i != EMU_CS && i != EMU_FS && ret == EMU_OK &&
		    world.seg[i].sel != native->sel[i] && world.seg[i].sel > 3)
			return "selector";
	}
	return NULL;
}

static void report(const struct trial *t, const char *what)
{
	unsigned int i;

	printf("%s:", t->mode->name);
	for (i = 0; i < t->insn.len; i++)
		printf(" %02x", t->bytes[i]);
	printf(": %s\n", what);
}

/* Return: whether the trial could be made; *@failed counts disagreements. */
static bool try_one(struct trial *t, unsigned int *failed)
{
	enum emu_result ret;
	const char *what;

	if (!make_trial(t))
		return false;
	prepare_world(t);
	ret = emu_exec(&world.ctx, &t->insn);
	if (ret == EMU_UNHANDLED || is_undefined_result(t) ||
	    (world.outside && !is_safe(world.outside_at))) {
		world_undo(&world);
		return false;
	}
	memcpy((void *)NATIVE_CODE, t->bytes, sizeof(t->bytes));
	t->after = t->before;
	native_run(&t->after);
	what = difference(t, ret);
	if (!what)
		return true;
	if (++*failed <= MAX_REPORTS)
		report(t, what);
	memcpy(shadow, (void *)NATIVE_DATA, sizeof(shadow));
	return true;
}

static unsigned long from_environment(const char *name, unsigned long value)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : value;
}

START_TEST(agrees_with_processor)
{
	unsigned long rounds = from_environment("EMU_NATIVE_ROUNDS", DEFAULT_ROUNDS);
	static u8 seen[NR_EMU_OPS];
	unsigned int failed = 0;
	struct trial trial = { .mode = &modes[_i] };
	unsigned long done = 0;
	unsigned int i;

	seed ^= from_environment("EMU_NATIVE_SEED", 1) * 0x9e3779b97f4a7c15;
	ck_assert_msg(native_setup(), "cannot make memory or LDT");
	for (i = 0; i < sizeof(shadow); i++)
		shadow[i] = rnd() >> 11;
	memcpy((void *)NATIVE_DATA, shadow, sizeof(shadow));
	while (done < rounds) {
		if (!try_one(&trial, &failed))
			continue;
		done++;
		seen[trial.insn.op] = 1;
	}
	ck_assert_uint_eq(failed, 0);
	for (i = EMU_OP_UD; i < NR_EMU_OPS; i++) {
		if (_i == 1 || _i == 2)
			ck_assert_msg(seen[i] || i == EMU_OP_MOVSXD, "operation %u not met", i);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("emu_native");
	TCase *tcase = tcase_create("all");
	SRunner *runner;
	int failed;

	setvbuf(stdout, NULL, _IOLBF, 0);
	tcase_set_timeout(tcase, 0);
	tcase_add_loop_test(tcase, agrees_with_processor, 0, ARRAY_SIZE(modes));
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
