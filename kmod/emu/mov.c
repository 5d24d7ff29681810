// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions that move or convert data without computing.
 */
#include <linux/types.h>
#include <linux/bits.h>

#include "emu_priv.h"

enum emu_result op_mov_rm_r(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return emu_rm_write(ctx, insn, insn->opsize,
			    emu_reg_read(ctx, insn, insn->reg, insn->opsize));
}

enum emu_result op_mov_r_rm(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	enum emu_result ret;

	ret = emu_rm_read(ctx, insn, insn->opsize, EMU_READ);
	if (!ret)
		emu_reg_write(ctx, insn, insn->reg, insn->opsize, ctx->value);
	return ret;
}

enum emu_result op_mov_rm_i(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return emu_rm_write(ctx, insn, insn->opsize, insn->imm);
}

enum emu_result op_mov_r_i(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	emu_reg_write(ctx, insn, insn->rm, insn->opsize, insn->imm);
	return EMU_OK;
}

enum emu_result op_mov_a_m(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	enum emu_result ret;

	ret = emu_rm_read(ctx, insn, insn->opsize, EMU_READ);
	if (!ret)
		emu_reg_write(ctx, insn, EMU_RAX, insn->opsize, ctx->value);
	return ret;
}

enum emu_result op_mov_m_a(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return emu_rm_write(ctx, insn, insn->opsize, ctx->regs[EMU_RAX]);
}

/* REX.R does not extend the number of a segment register. */
static unsigned int modrm_sreg(const struct emu_insn *insn)
{
	return insn->modrm >> 3 & 7;
}

/* A selector stored in memory is two bytes whatever the operand size. */
enum emu_result op_mov_rm_s(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	unsigned int sreg = modrm_sreg(insn);

	if (sreg > EMU_GS)
		return emu_fault(ctx, VECTOR_UD, 0);
	return emu_rm_write(ctx, insn, insn->mem ? 2 : insn->opsize, emu_get_seg(ctx, sreg)->sel);
}

static enum emu_result load_sreg(struct emu_ctx *ctx, unsigned int sreg, u16 sel)
{
	enum emu_result ret = ctx->ops->load_sreg(ctx, sreg, sel);

	if (!ret)
		ctx->seg_valid &= ~BIT(sreg);
	return ret;
}

enum emu_result op_mov_s_rm(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	unsigned int sreg = modrm_sreg(insn);
	enum emu_result ret;

	if (sreg == EMU_CS || sreg > EMU_GS)
		return emu_fault(ctx, VECTOR_UD, 0);
	ret = emu_rm_read(ctx, insn, 2, EMU_READ);
	if (!ret)
		ret = load_sreg(ctx, sreg, ctx->value);
	if (!ret && sreg == EMU_SS)
		ctx->shadow = EMU_SHADOW_MOV_SS;
	return ret;
}

/* LES, LDS, LSS, LFS, LGS: the low bits of the opcode are the register's number. */
enum emu_result op_load_far(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	unsigned int size = insn->opsize;
	unsigned int sreg = insn->opcode & 7;
	enum emu_result ret;
	u64 offset;

	if (insn->map == EMU_MAP_1B)
		sreg = insn->opcode == 0xc4 ? EMU_ES : EMU_DS;
	ret = emu_rm_read(ctx, insn, size, EMU_READ);
	if (ret)
		return ret;
	offset = ctx->value;
	ret = emu_operand(ctx, insn, size, 2, EMU_READ);
	if (!ret)
		ret = emu_load(ctx, 2, EMU_READ);
	if (!ret)
		ret = load_sreg(ctx, sreg, ctx->value);
	if (!ret)
		emu_reg_write(ctx, insn, insn->reg, size, offset);
	return ret;
}

/* PUSH and POP of segment registers have their number in the opcode. */
static unsigned int opcode_sreg(const struct emu_insn *insn)
{
	return insn->opcode >> 3 & 7;
}

enum emu_result op_push_s(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return emu_push(ctx, &ctx->regs[EMU_RSP], emu_get_seg(ctx, opcode_sreg(insn))->sel,
			insn->opsize);
}

enum emu_result op_pop_s(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	unsigned int sreg = opcode_sreg(insn);
	u64 sp = ctx->regs[EMU_RSP];
	enum emu_result ret;
	u64 sel;

	ret = emu_pop(ctx, &sp, &sel, insn->opsize);
	if (!ret)
		ret = load_sreg(ctx, sreg, sel);
	if (ret)
		return ret;
	ctx->regs[EMU_RSP] = sp;
	if (sreg == EMU_SS)
		ctx->shadow = EMU_SHADOW_MOV_SS;
	return EMU_OK;
}

/* MOVZX, MOVSX: the low opcode bit tells a source of one byte from one of two. */
static enum emu_result read_narrow(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return emu_rm_read(ctx, insn, insn->opcode & 1 ? 2 : 1, EMU_READ);
}

enum emu_result op_movzx(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	enum emu_result ret = read_narrow(ctx, insn);

	if (!ret)
		ctx->regs[insn->reg] = emu_merge(ctx->regs[insn->reg], ctx->value, insn->opsize);
	return ret;
}

enum emu_result op_movsx(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	enum emu_result ret = read_narrow(ctx, insn);
	u64 value;

	if (ret)
		return ret;
	value = (u64)emu_sign_extend(ctx->value, insn->opcode & 1 ? 2 : 1);
	ctx->regs[insn->reg] = emu_merge(ctx->regs[insn->reg], value, insn->opsize);
	return EMU_OK;
}

/* MOVSXD in 64-bit mode; elsewhere the opcode is ARPL, which is not emulated. */
enum emu_result op_movsxd(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	unsigned int size = insn->opsize == 2 ? 2 : 4;
	enum emu_result ret;

	if (insn->code != EMU_CODE64)
		return EMU_UNHANDLED;
	ret = emu_rm_read(ctx, insn, size, EMU_READ);
	if (!ret)
		emu_reg_write(ctx, insn, insn->reg, insn->opsize,
			      (u64)emu_sign_extend(ctx->value, size));
	return ret;
}

static u64 swap_bytes(u64 value, unsigned int size)
{
	return __builtin_bswap64(value) >> (64 - 8 * size);
}

/* MOVNTI is 4 or 8 bytes wide and knows no prefix but REX.W. */
enum emu_result op_movnti(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	if (insn->prefixes & (EMU_PFX_OPSIZE | EMU_PFX_REP | EMU_PFX_REPNE))
		return emu_fault(ctx, VECTOR_UD, 0);
	return emu_rm_write(ctx, insn, insn->rex & EMU_REX_W ? 8 : 4, ctx->regs[insn->reg]);
}

/* With prefix F2 the opcode is CRC32, which is not emulated. */
enum emu_result op_movbe(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	unsigned int size = insn->opsize;
	enum emu_result ret;

	if (insn->prefixes & EMU_PFX_REPNE)
		return EMU_UNHANDLED;
	if (!insn->mem || insn->prefixes & EMU_PFX_REP)
		return emu_fault(ctx, VECTOR_UD, 0);
	if (insn->opcode & 1)
		return emu_rm_write(ctx, insn, size, swap_bytes(ctx->regs[insn->reg], size));
	ret = emu_rm_read(ctx, insn, size, EMU_READ);
	if (!ret)
		emu_reg_write(ctx, insn, insn->reg, size, swap_bytes(ctx->value, size));
	return ret;
}

/* The result of a 16-bit BSWAP is undefined; processors make it zero. */
enum emu_result op_bswap(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	u64 value = insn->opsize == 2 ? 0 : swap_bytes(ctx->regs[insn->rm], insn->opsize);

	emu_reg_write(ctx, insn, insn->rm, insn->opsize, value);
	return EMU_OK;
}

/* XCHG with memory is locked even without the prefix (SDM 3, 8.1.2.1). */
enum emu_result op_xchg_rm_r(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	u64 value = emu_reg_read(ctx, insn, insn->reg, insn->opsize);
	enum emu_result ret;
	u64 old;

	ret = emu_rm_read(ctx, insn, insn->opsize, EMU_RMW);
	if (ret)
		return ret;
	old = ctx->value;
	ret = emu_rm_update(ctx, insn, insn->opsize, old, value);
	if (!ret)
		emu_reg_write(ctx, insn, insn->reg, insn->opsize, old);
	return ret;
}

/* 90 is NOP, and does not clear the upper half of RAX as an exchange would. */
enum emu_result op_xchg_a_r(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	u64 value = emu_reg_read(ctx, insn, insn->rm, insn->opsize);

	if (insn->rm == EMU_RAX)
		return EMU_OK;
	emu_reg_write(ctx, insn, insn->rm, insn->opsize, ctx->regs[EMU_RAX]);
	emu_reg_write(ctx, insn, EMU_RAX, insn->opsize, value);
	return EMU_OK;
}

enum emu_result op_lea(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	emu_reg_write(ctx, insn, insn->reg, insn->opsize, emu_effective(ctx, insn, 0));
	return EMU_OK;
}

/* CBW, CWDE, CDQE */
enum emu_result op_cbw(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	emu_reg_write(ctx, insn, EMU_RAX, insn->opsize,
		      (u64)emu_sign_extend(ctx->regs[EMU_RAX], insn->opsize / 2));
	return EMU_OK;
}

/* CWD, CDQ, CQO */
enum emu_result op_cwd(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	s64 value = emu_sign_extend(ctx->regs[EMU_RAX], insn->opsize);

	emu_reg_write(ctx, insn, EMU_RDX, insn->opsize, value < 0 ? ~0ull : 0);
	return EMU_OK;
}

/* The source is read, and a 32-bit destination's upper half cleared, in any case. */
enum emu_result op_cmov(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	enum emu_result ret;
	u64 value;

	ret = emu_rm_read(ctx, insn, insn->opsize, EMU_READ);
	if (ret)
		return ret;
	value = ctx->value;
	if (!emu_condition(ctx->rflags, insn->opcode & 15))
		value = ctx->regs[insn->reg];
	emu_reg_write(ctx, insn, insn->reg, insn->opsize, value);
	return EMU_OK;
}

enum emu_result op_setcc(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return emu_rm_write(ctx, insn, 1, emu_condition(ctx->rflags, insn->opcode & 15));
}

enum emu_result op_xlat(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	u64 offset = (ctx->regs[EMU_RBX] + (u8)ctx->regs[EMU_RAX]) & emu_mask(insn->adsize);
	enum emu_result ret;

	ret = emu_linear(ctx, insn->seg, offset, 1, EMU_READ);
	if (!ret)
		ret = emu_load(ctx, 1, EMU_READ);
	if (!ret)
		ctx->regs[EMU_RAX] = emu_merge(ctx->regs[EMU_RAX], ctx->value, 1);
	return ret;
}
