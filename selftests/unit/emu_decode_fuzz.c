// SPDX-License-Identifier: GPL-2.0-only
/*
 * The decoder on any bytes in any mode: it stays within them, agrees with itself when
 * more or fewer are given, and with Zydis where that knows the instruction.
 */
#include <Zydis/Zydis.h>
#include <stdlib.h>
#include <string.h>

#include "emu/emu.h"

static const struct {
	ZydisMachineMode machine;
	ZydisStackWidth stack;
} modes[] = {
	[EMU_CODE16] = { ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16 },
	[EMU_CODE32] = { ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32 },
	[EMU_CODE64] = { ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64 },
};

/* Return: 0 if Zydis does not know the instruction. */
static int zydis_len(enum emu_code code, const u8 *bytes, size_t len)
{
	ZydisDecodedInstruction insn;
	ZydisDecoderContext context;
	ZydisDecoder decoder;

	ZydisDecoderInit(&decoder, modes[code].machine, modes[code].stack);
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, &context, bytes, len, &insn)))
		return 0;
	if (insn.meta.isa_set >= ZYDIS_ISA_SET_KNCE &&
	    insn.meta.isa_set <= ZYDIS_ISA_SET_KNC_PF_HINT)
		return 0;
	return insn.length;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	enum emu_code code;
	struct emu_insn insn;
	int len, known;

	if (!size)
		return 0;
	code = data[0] % 3;
	data++;
	size--;
	len = emu_insn_len(code, data, size);
	if (len != EMU_NEED_BYTES && len != EMU_TOO_LONG && (len < 1 || len > EMU_INSN_MAX))
		abort();
	if (len > 0 && ((size_t)len > size || emu_insn_len(code, data, len) != len ||
			emu_insn_len(code, data, len - 1) != EMU_NEED_BYTES))
		abort();
	if (len > 0 && (emu_decode(&insn, code, data, size) || insn.len != len))
		abort();
	known = zydis_len(code, data, size);
	if (known && len != known)
		abort();
	return 0;
}
