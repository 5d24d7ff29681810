// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moves between XMM registers and memory, as drivers and libraries use them on
 * device memory. MMX forms are not emulated.
 */
#include <linux/types.h>
#include <linux/string.h>

#include "emu_priv.h"

#define XMM_SIZE 16

/* The prefix that is part of the opcode: F3 and F2 go before 66 (SDM 2, 2.1.2). */
enum mandatory {
	MANDATORY_NONE,
	MANDATORY_66,
	MANDATORY_F3,
	MANDATORY_F2,
};

static enum mandatory mandatory_prefix(const struct emu_insn *insn)
{
	if (insn->prefixes & EMU_PFX_REP)
		return MANDATORY_F3;
	if (insn->prefixes & EMU_PFX_REPNE)
		return MANDATORY_F2;
	return insn->prefixes & EMU_PFX_OPSIZE ? MANDATORY_66 : MANDATORY_NONE;
}

/* SDM 3, table 13-1: emulation, operating-system support, task switch. */
static enum emu_result check_enabled(struct emu_ctx *ctx)
{
	if (ctx->cr0 & X86_CR0_EM || !(ctx->cr4 & X86_CR4_OSFXSR))
		return emu_fault(ctx, VECTOR_UD, 0);
	if (ctx->cr0 & X86_CR0_TS)
		return emu_fault(ctx, VECTOR_NM, 0);
	return EMU_OK;
}

static enum emu_result xmm_operand(struct emu_ctx *ctx, const struct emu_insn *insn,
				   unsigned int size, bool aligned, enum emu_access access)
{
	enum emu_result ret = aligned ? emu_check_aligned(ctx, insn) : EMU_OK;

	return ret ? ret : emu_operand(ctx, insn, 0, size, access);
}

/* A narrow value from memory clears the rest of the register. */
static enum emu_result load_memory(struct emu_ctx *ctx, const struct emu_insn *insn,
				   unsigned int size, bool aligned)
{
	u8 value[XMM_SIZE] = { 0 };
	enum emu_result ret;

	ret = xmm_operand(ctx, insn, size, aligned, EMU_READ);
	if (!ret)
		ret = ctx->ops->read(ctx, ctx->linear, value, size, EMU_READ);
	return ret ? ret : ctx->ops->set_xmm(ctx, insn->reg, value);
}

static enum emu_result store_memory(struct emu_ctx *ctx, const struct emu_insn *insn,
				    unsigned int size, bool aligned)
{
	u8 value[XMM_SIZE];
	enum emu_result ret;

	ret = xmm_operand(ctx, insn, size, aligned, EMU_WRITE);
	if (!ret)
		ret = ctx->ops->get_xmm(ctx, insn->reg, value);
	return ret ? ret : ctx->ops->write(ctx, ctx->linear, value, size);
}

/* Replace the low @size bytes of @dst; @zero clears what is above them. */
static enum emu_result move_registers(struct emu_ctx *ctx, unsigned int dst, unsigned int src,
				      unsigned int size, bool zero)
{
	u8 value[XMM_SIZE] = { 0 };
	u8 from[XMM_SIZE];
	enum emu_result ret = EMU_OK;

	if (!zero && size < XMM_SIZE)
		ret = ctx->ops->get_xmm(ctx, dst, value);
	if (!ret)
		ret = ctx->ops->get_xmm(ctx, src, from);
	if (ret)
		return ret;
	memcpy(value, from, size);
	return ctx->ops->set_xmm(ctx, dst, value);
}

static enum emu_result move(struct emu_ctx *ctx, const struct emu_insn *insn, bool store,
			    unsigned int size, bool aligned)
{
	enum emu_result ret = check_enabled(ctx);

	if (ret)
		return ret;
	if (insn->mem)
		return store ? store_memory(ctx, insn, size, aligned) :
			       load_memory(ctx, insn, size, aligned);
	return store ? move_registers(ctx, insn->rm, insn->reg, size, false) :
		       move_registers(ctx, insn->reg, insn->rm, size, false);
}

/* 0F 10, 11: MOVUPS, MOVUPD, MOVSS, MOVSD */
enum emu_result op_movx(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	static const u8 sizes[] = {
		[MANDATORY_NONE] = XMM_SIZE,
		[MANDATORY_66] = XMM_SIZE,
		[MANDATORY_F3] = 4,
		[MANDATORY_F2] = 8,
	};

	return move(ctx, insn, insn->opcode & 1, sizes[mandatory_prefix(insn)], false);
}

/* 0F 28, 29: MOVAPS, MOVAPD */
enum emu_result op_movx_aligned(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	if (mandatory_prefix(insn) > MANDATORY_66)
		return emu_fault(ctx, VECTOR_UD, 0);
	return move(ctx, insn, insn->opcode & 1, XMM_SIZE, true);
}

/* 0F 2B: MOVNTPS, MOVNTPD (F3, F2: AMD's scalar forms); 66 0F E7: MOVNTDQ */
enum emu_result op_movx_nt(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	enum mandatory prefix = mandatory_prefix(insn);

	if (prefix > MANDATORY_66 || (insn->opcode == 0xe7 && prefix != MANDATORY_66))
		return EMU_UNHANDLED;
	return move(ctx, insn, true, XMM_SIZE, true);
}

/* 66 0F38 2A: MOVNTDQA; F2 0F F0: LDDQU */
enum emu_result op_movx_load(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	bool lddqu = insn->opcode == 0xf0;

	if (mandatory_prefix(insn) != (lddqu ? MANDATORY_F2 : MANDATORY_66))
		return emu_fault(ctx, VECTOR_UD, 0);
	return move(ctx, insn, false, XMM_SIZE, !lddqu);
}

/* 0F 6F, 7F: MOVDQA, MOVDQU */
enum emu_result op_movx_int(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	enum mandatory prefix = mandatory_prefix(insn);

	if (prefix == MANDATORY_NONE)
		return EMU_UNHANDLED;
	if (prefix == MANDATORY_F2)
		return emu_fault(ctx, VECTOR_UD, 0);
	return move(ctx, insn, insn->opcode & 0x10, XMM_SIZE, prefix == MANDATORY_66);
}

/* MOVQ between XMM registers and memory: the upper half of a register is cleared. */
static enum emu_result movq(struct emu_ctx *ctx, const struct emu_insn *insn, bool store)
{
	enum emu_result ret = check_enabled(ctx);

	if (ret)
		return ret;
	if (insn->mem)
		return store ? store_memory(ctx, insn, 8, false) : load_memory(ctx, insn, 8, false);
	return store ? move_registers(ctx, insn->rm, insn->reg, 8, true) :
		       move_registers(ctx, insn->reg, insn->rm, 8, true);
}

/* MOVD and MOVQ between an XMM register and a general register or memory. */
static enum emu_result movd(struct emu_ctx *ctx, const struct emu_insn *insn, bool store)
{
	unsigned int size = insn->rex & EMU_REX_W ? 8 : 4;
	u64 value[XMM_SIZE / 8] = { 0 };
	enum emu_result ret;

	ret = check_enabled(ctx);
	if (ret)
		return ret;
	if (store) {
		ret = ctx->ops->get_xmm(ctx, insn->reg, value);
		return ret ? ret : emu_rm_write(ctx, insn, size, value[0]);
	}
	ret = emu_rm_read(ctx, insn, size, EMU_READ);
	value[0] = ctx->value;
	return ret ? ret : ctx->ops->set_xmm(ctx, insn->reg, value);
}

/* 66 0F 6E, 66 0F 7E: MOVD, MOVQ; F3 0F 7E, 66 0F D6: MOVQ */
enum emu_result op_movx_gpr(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	enum mandatory prefix = mandatory_prefix(insn);

	if (insn->opcode == 0x7e && prefix == MANDATORY_F3)
		return movq(ctx, insn, false);
	if (prefix != MANDATORY_66)
		return EMU_UNHANDLED;
	if (insn->opcode == 0xd6)
		return movq(ctx, insn, true);
	return movd(ctx, insn, insn->opcode == 0x7e);
}
