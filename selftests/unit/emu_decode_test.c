// SPDX-License-Identifier: GPL-2.0-only
/*
 * The decoder's instruction lengths against Zydis, on random bytes shaped like
 * instructions, in all three code sizes; and hand-made cases for the fields.
 *
 * EMU_DECODE_ROUNDS sets the number of random instructions per code size.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <Zydis/Zydis.h>

#include "emu/emu.h"

static u64 seed = 0x9e3779b97f4a7c15;

static u64 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static const struct {
	enum emu_code code;
	ZydisMachineMode machine;
	ZydisStackWidth stack;
} modes[] = {
	{ EMU_CODE16, ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16 },
	{ EMU_CODE32, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32 },
	{ EMU_CODE64, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64 },
};

static void make_bytes(u8 *bytes, size_t len)
{
	static const u8 prefixes[] = {
		0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x48, 0x41, 0x4f,
	};
	static const u8 leads[][2] = {
		{ 0x0f, 1 }, { 0x0f, 1 }, { 0x0f, 1 }, { 0xc4, 1 },
		{ 0xc5, 1 }, { 0x62, 1 }, { 0x8f, 1 }, { 0x0f, 2 },
	};
	size_t i;
	size_t pos = 0;
	u64 choice = rnd();

	for (i = 0; i < len; i++)
		bytes[i] = rnd() >> 24;
	for (i = choice & 3 ? choice & 1 : choice >> 2 & 7; i; i--)
		bytes[pos++] = prefixes[rnd() % sizeof(prefixes)];
	if (choice & 0x100) {
		const u8 *lead = leads[choice >> 9 & 7];

		bytes[pos++] = lead[0];
		if (lead[1] == 2)
			bytes[pos++] = choice & 0x1000 ? 0x38 : 0x3a;
	}
}

static void describe(const u8 *bytes, size_t len, char *text, size_t size)
{
	size_t i;

	for (i = 0; i < len; i++)
		snprintf(text + 3 * i, size - 3 * i, " %02x", bytes[i]);
}

/* JKZD and friends reuse VEX.0F opcodes on a processor that was never a host. */
static bool is_knights_corner(const ZydisDecodedInstruction *insn)
{
	return insn->meta.isa_set == ZYDIS_ISA_SET_KNCE ||
	       insn->meta.isa_set == ZYDIS_ISA_SET_KNCV ||
	       insn->meta.isa_set == ZYDIS_ISA_SET_KNCJKBR;
}

START_TEST(lengths_agree_with_zydis)
{
	const char *env = getenv("EMU_DECODE_ROUNDS");
	unsigned long rounds = env ? strtoul(env, NULL, 0) : 150000;
	unsigned long valid = 0;
	ZydisDecoder decoder;
	unsigned long i;

	ZydisDecoderInit(&decoder, modes[_i].machine, modes[_i].stack);
	for (i = 0; i < rounds; i++) {
		ZydisDecoderContext context;
		ZydisDecodedInstruction zydis;
		char text[64];
		u8 bytes[24];
		int len;

		make_bytes(bytes, sizeof(bytes));
		if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, &context, bytes,
								sizeof(bytes), &zydis)))
			continue;
		if (is_knights_corner(&zydis))
			continue;
		valid++;
		len = emu_insn_len(modes[_i].code, bytes, sizeof(bytes));
		if (len == zydis.length)
			continue;
		describe(bytes, 15, text, sizeof(text));
		ck_abort_msg("code%d:%s: %d, Zydis says %d (%s)", 16 << _i, text, len, zydis.length,
			     ZydisMnemonicGetString(zydis.mnemonic));
	}
	ck_assert_uint_gt(valid, rounds / 4);
}
END_TEST

/* Every prefix of an instruction needs more bytes, and no byte behind it matters. */
START_TEST(truncation)
{
	unsigned long i;

	for (i = 0; i < 15000; i++) {
		u8 bytes[EMU_INSN_MAX];
		int len, cut;

		make_bytes(bytes, sizeof(bytes));
		len = emu_insn_len(modes[_i].code, bytes, sizeof(bytes));
		if (len < 0) {
			ck_assert_int_eq(len, EMU_TOO_LONG);
			len = EMU_INSN_MAX;
		} else {
			ck_assert_int_eq(emu_insn_len(modes[_i].code, bytes, len), len);
		}
		for (cut = 0; cut < len; cut++) {
			u8 *exact = malloc(cut ? cut : 1);

			memcpy(exact, bytes, cut);
			ck_assert_int_eq(emu_insn_len(modes[_i].code, exact, cut), EMU_NEED_BYTES);
			free(exact);
		}
	}
}
END_TEST

static const struct {
	enum emu_code code;
	int len;
	u8 bytes[16];
} lengths[] = {
	{ EMU_CODE64, 2, { 0x0f, 0xa2 } }, /* cpuid */
	{ EMU_CODE64, 5, { 0x66, 0xf3, 0x48, 0x0f, 0xa2 } },
	{ EMU_CODE16, 3, { 0x0f, 0x01, 0xd9 } }, /* vmmcall */
	{ EMU_CODE64, 4, { 0x2e, 0x0f, 0x01, 0xd9 } },
	{ EMU_CODE64, 4, { 0x66, 0x48, 0x0f, 0x32 } }, /* rdmsr */
	{ EMU_CODE32, 1, { 0xf4 } }, /* hlt */
	{ EMU_CODE32, 3, { 0x67, 0x66, 0xf4 } },
	{ EMU_CODE64, 2, { 0xe4, 0x80 } }, /* in */
	{ EMU_CODE64, 3, { 0x66, 0xe5, 0x80 } },
	{ EMU_CODE64, 3, { 0x0f, 0x20, 0x04 } }, /* mov cr0: ModRM.mod is ignored */
	{ EMU_CODE64, 4, { 0x44, 0x0f, 0x22, 0xc0 } }, /* mov cr8 */
	{ EMU_CODE64, 3, { 0x0f, 0x23, 0x45 } }, /* mov dr0 */
	{ EMU_CODE64, 8, { 0x0f, 0x01, 0x3c, 0x25, 1, 2, 3, 4 } }, /* invlpg */
	{ EMU_CODE64, 4, { 0x65, 0x0f, 0x01, 0x38 } },
	{ EMU_CODE64, 3, { 0x0f, 0x01, 0xd1 } }, /* xsetbv */
	{ EMU_CODE16, 5, { 0x67, 0x8b, 0x44, 0x24, 4 } },
	{ EMU_CODE64, 10, { 0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8 } },
	{ EMU_CODE64, 9, { 0xa1, 1, 2, 3, 4, 5, 6, 7, 8 } },
	{ EMU_CODE64, 6, { 0x67, 0xa1, 1, 2, 3, 4 } },
	{ EMU_CODE32, 5, { 0xa1, 1, 2, 3, 4 } },
	{ EMU_CODE32, 7, { 0x9a, 1, 2, 3, 4, 5, 6 } },
	{ EMU_CODE32, 6, { 0x66, 0x9a, 1, 2, 3, 4 } },
	{ EMU_CODE64, 4, { 0xc8, 1, 2, 3 } },
	{ EMU_CODE64,
	  15,
	  { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x0f,
	    0xa2 } },
	{ EMU_CODE64,
	  EMU_TOO_LONG,
	  { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
	    0x0f, 0xa2 } },
};

START_TEST(intercepted_lengths)
{
	ck_assert_int_eq(emu_insn_len(lengths[_i].code, lengths[_i].bytes, 16), lengths[_i].len);
}
END_TEST

START_TEST(fields_of_a_mov)
{
	static const u8 bytes[] = { 0x65, 0x4e, 0x89, 0x8c, 0xec, 0x78, 0x56, 0x34, 0x92 };
	struct emu_insn insn;

	/* mov %r9, %gs:-0x6dcba988(%rsp,%r13,8) */
	ck_assert_int_eq(emu_decode(&insn, EMU_CODE64, bytes, sizeof(bytes)), 0);
	ck_assert_uint_eq(insn.len, 9);
	ck_assert_uint_eq(insn.opsize, 8);
	ck_assert_uint_eq(insn.adsize, 8);
	ck_assert_uint_eq(insn.seg, EMU_GS);
	ck_assert_uint_eq(insn.reg, 9);
	ck_assert_uint_eq(insn.base, EMU_RSP);
	ck_assert_uint_eq(insn.index, 13);
	ck_assert_uint_eq(insn.scale, 3);
	ck_assert(insn.mem && !insn.rip_relative);
	ck_assert_int_eq(insn.disp, (s32)0x92345678);
}
END_TEST

static const struct {
	enum emu_code code;
	enum emu_sreg seg;
	u8 bytes[8];
} segments[] = {
	{ EMU_CODE64, EMU_DS, { 0x8b, 0x00 } },
	{ EMU_CODE64, EMU_SS, { 0x8b, 0x45, 0x00 } },
	{ EMU_CODE64, EMU_DS, { 0x41, 0x8b, 0x45, 0x00 } }, /* r13 */
	{ EMU_CODE64, EMU_SS, { 0x8b, 0x04, 0x24 } },
	{ EMU_CODE64, EMU_SS, { 0x3e, 0x8b, 0x04, 0x24 } }, /* DS is ignored */
	{ EMU_CODE64, EMU_FS, { 0x64, 0x3e, 0x8b, 0x04, 0x24 } },
	{ EMU_CODE32, EMU_DS, { 0x3e, 0x8b, 0x04, 0x24 } },
	{ EMU_CODE32, EMU_DS, { 0x8b, 0x04, 0x25, 1, 2, 3, 4 } },
	{ EMU_CODE16, EMU_SS, { 0x8b, 0x02 } }, /* bp + si */
	{ EMU_CODE16, EMU_DS, { 0x8b, 0x06, 1, 2 } },
	{ EMU_CODE16, EMU_SS, { 0x8b, 0x46, 1 } },
	{ EMU_CODE16, EMU_CS, { 0x2e, 0xa1, 1, 2 } },
};

START_TEST(default_segments)
{
	struct emu_insn insn;

	ck_assert_int_eq(emu_decode(&insn, segments[_i].code, segments[_i].bytes, 8), 0);
	ck_assert_uint_eq(insn.seg, segments[_i].seg);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
	Suite *suite = suite_create("emu_decode");
	TCase *tcase = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 0);
	tcase_add_loop_test(tcase, lengths_agree_with_zydis, 0, COUNT(modes));
	tcase_add_loop_test(tcase, truncation, 0, COUNT(modes));
	tcase_add_loop_test(tcase, intercepted_lengths, 0, COUNT(lengths));
	tcase_add_test(tcase, fields_of_a_mov);
	tcase_add_loop_test(tcase, default_segments, 0, COUNT(segments));
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
