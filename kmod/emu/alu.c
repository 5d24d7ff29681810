// SPDX-License-Identifier: GPL-2.0-only
/*
 * Addition, subtraction, logic and comparison, and the instructions that
 * exchange while they compute. Flags as in SDM 1, 3.4.3.1.
 */
#include <linux/types.h>
#include <linux/string.h>

#include "emu_priv.h"

/* The parity flag counts the low byte only; 0x6996 holds the parity of each nibble. */
static u64 result_flags(u64 value, unsigned int size)
{
	u64 flags = 0;

	if (!(0x6996 >> ((value ^ value >> 4) & 0xf) & 1))
		flags |= X86_EFLAGS_PF;
	if (!value)
		flags |= X86_EFLAGS_ZF;
	if (value >> (8 * size - 1) & 1)
		flags |= X86_EFLAGS_SF;
	return flags;
}

/* @carry and @overflow are significant in the operand's top bit only. */
static u64 carry_flags(u64 carry, u64 overflow, unsigned int size)
{
	unsigned int top = 8 * size - 1;

	return (carry >> top & 1) * X86_EFLAGS_CF | (overflow >> top & 1) * X86_EFLAGS_OF;
}

/*
 * Operands are below 2^(8 * size); so is the result. Logic clears AF, which the
 * manuals leave undefined, as processors do.
 */
u64 emu_alu(enum emu_alu op, u64 a, u64 b, unsigned int size, u64 *flags)
{
	u64 old_carry = op == ALU_ADC || op == ALU_SBB ? *flags & X86_EFLAGS_CF : 0;
	u64 status = 0;
	u64 value;

	switch (op) {
	case ALU_OR:
		value = a | b;
		break;
	case ALU_AND:
		value = a & b;
		break;
	case ALU_XOR:
		value = a ^ b;
		break;
	case ALU_ADD:
	case ALU_ADC:
		value = (a + b + old_carry) & emu_mask(size);
		status = carry_flags((a & b) | ((a | b) & ~value), (a ^ value) & (b ^ value), size);
		status |= (a ^ b ^ value) & X86_EFLAGS_AF;
		break;
	default:
		value = (a - b - old_carry) & emu_mask(size);
		status = carry_flags((~a & b) | ((~a | b) & value), (a ^ b) & (a ^ value), size);
		status |= (a ^ b ^ value) & X86_EFLAGS_AF;
	}
	*flags = (*flags & ~EMU_FLAGS_STATUS) | status | result_flags(value, size);
	return value;
}

static enum emu_result alu_rm(struct emu_ctx *ctx, const struct emu_insn *insn, enum emu_alu op,
			      u64 operand)
{
	enum emu_access access = op == ALU_CMP ? EMU_READ : EMU_RMW;
	enum emu_result ret;
	u64 old, new;

	ret = emu_rm_read(ctx, insn, insn->opsize, access);
	if (ret)
		return ret;
	old = ctx->value;
	new = emu_alu(op, old, operand & emu_mask(insn->opsize), insn->opsize, &ctx->next_rflags);
	if (op != ALU_CMP)
		ret = emu_rm_update(ctx, insn, insn->opsize, old, new);
	return ret;
}

enum emu_result op_alu_rm_r(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return alu_rm(ctx, insn, insn->opcode >> 3 & 7,
		      emu_reg_read(ctx, insn, insn->reg, insn->opsize));
}

enum emu_result op_alu_rm_i(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return alu_rm(ctx, insn, insn->modrm >> 3 & 7, insn->imm);
}

static void alu_reg(struct emu_ctx *ctx, const struct emu_insn *insn, unsigned int reg, u64 operand)
{
	enum emu_alu op = insn->opcode >> 3 & 7;
	u64 value = emu_reg_read(ctx, insn, reg, insn->opsize);

	value = emu_alu(op, value, operand, insn->opsize, &ctx->next_rflags);
	if (op != ALU_CMP)
		emu_reg_write(ctx, insn, reg, insn->opsize, value);
}

enum emu_result op_alu_r_rm(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	enum emu_result ret;

	ret = emu_rm_read(ctx, insn, insn->opsize, EMU_READ);
	if (!ret)
		alu_reg(ctx, insn, insn->reg, ctx->value);
	return ret;
}

enum emu_result op_alu_a_i(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	alu_reg(ctx, insn, EMU_RAX, insn->imm & emu_mask(insn->opsize));
	return EMU_OK;
}

static enum emu_result test_rm(struct emu_ctx *ctx, const struct emu_insn *insn, u64 operand)
{
	enum emu_result ret;

	ret = emu_rm_read(ctx, insn, insn->opsize, EMU_READ);
	if (!ret)
		emu_alu(ALU_AND, ctx->value, operand & emu_mask(insn->opsize), insn->opsize,
			&ctx->next_rflags);
	return ret;
}

enum emu_result op_test_rm_r(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return test_rm(ctx, insn, emu_reg_read(ctx, insn, insn->reg, insn->opsize));
}

enum emu_result op_test_rm_i(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return test_rm(ctx, insn, insn->imm);
}

enum emu_result op_test_a_i(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	u64 value = emu_reg_read(ctx, insn, EMU_RAX, insn->opsize);

	emu_alu(ALU_AND, value, insn->imm & emu_mask(insn->opsize), insn->opsize,
		&ctx->next_rflags);
	return EMU_OK;
}

/* INC and DEC leave the carry flag alone. */
static u64 inc_dec(u64 value, bool dec, unsigned int size, u64 *flags)
{
	u64 carry = *flags & X86_EFLAGS_CF;

	value = emu_alu(dec ? ALU_SUB : ALU_ADD, value, 1, size, flags);
	*flags = (*flags & ~X86_EFLAGS_CF) | carry;
	return value;
}

enum emu_result op_inc_dec_r(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	u64 value = emu_reg_read(ctx, insn, insn->rm, insn->opsize);

	value = inc_dec(value, insn->opcode & 8, insn->opsize, &ctx->next_rflags);
	emu_reg_write(ctx, insn, insn->rm, insn->opsize, value);
	return EMU_OK;
}

enum emu_result op_inc_dec_rm(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	enum emu_result ret;
	u64 old, new;

	ret = emu_rm_read(ctx, insn, insn->opsize, EMU_RMW);
	if (ret)
		return ret;
	old = ctx->value;
	new = inc_dec(old, insn->modrm & 8, insn->opsize, &ctx->next_rflags);
	ret = emu_rm_update(ctx, insn, insn->opsize, old, new);
	return ret;
}

enum emu_result op_not(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	enum emu_result ret;
	u64 old;

	ret = emu_rm_read(ctx, insn, insn->opsize, EMU_RMW);
	if (ret)
		return ret;
	old = ctx->value;
	return emu_rm_update(ctx, insn, insn->opsize, old, ~old);
}

enum emu_result op_neg(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	enum emu_result ret;
	u64 old, new;

	ret = emu_rm_read(ctx, insn, insn->opsize, EMU_RMW);
	if (ret)
		return ret;
	old = ctx->value;
	new = emu_alu(ALU_SUB, 0, old, insn->opsize, &ctx->next_rflags);
	ret = emu_rm_update(ctx, insn, insn->opsize, old, new);
	return ret;
}

/* The destination is written last: with one register as both, the sum stays. */
enum emu_result op_xadd(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	u64 addend = emu_reg_read(ctx, insn, insn->reg, insn->opsize);
	enum emu_result ret;
	u64 old, sum;

	ret = emu_rm_read(ctx, insn, insn->opsize, EMU_RMW);
	if (ret)
		return ret;
	old = ctx->value;
	sum = emu_alu(ALU_ADD, old, addend, insn->opsize, &ctx->next_rflags);
	if (insn->mem)
		ret = emu_rm_update(ctx, insn, insn->opsize, old, sum);
	if (ret)
		return ret;
	emu_reg_write(ctx, insn, insn->reg, insn->opsize, old);
	if (!insn->mem)
		emu_reg_write(ctx, insn, insn->rm, insn->opsize, sum);
	return EMU_OK;
}

/* Memory is written whether or not the comparison succeeds (SDM 2, CMPXCHG). */
enum emu_result op_cmpxchg(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	u64 expected = emu_reg_read(ctx, insn, EMU_RAX, insn->opsize);
	u64 new = emu_reg_read(ctx, insn, insn->reg, insn->opsize);
	enum emu_result ret;
	bool equal;
	u64 old;

	ret = emu_rm_read(ctx, insn, insn->opsize, EMU_RMW);
	if (ret)
		return ret;
	old = ctx->value;
	emu_alu(ALU_CMP, expected, old, insn->opsize, &ctx->next_rflags);
	equal = expected == old;
	if (insn->mem || equal)
		ret = emu_rm_update(ctx, insn, insn->opsize, old, equal ? new : old);
	if (ret)
		return ret;
	if (!equal)
		emu_reg_write(ctx, insn, EMU_RAX, insn->opsize, old);
	return EMU_OK;
}

static u64 low_half(const u64 pair[2], unsigned int half)
{
	return pair[0] & emu_mask(half);
}

static u64 high_half(const u64 pair[2], unsigned int half)
{
	return half == 8 ? pair[1] : pair[0] >> 32;
}

static void make_pair(u64 pair[2], u64 low, u64 high, unsigned int half)
{
	pair[0] = half == 8 ? low : (u32)low | high << 32;
	pair[1] = high;
}

/* CMPXCHG8B and, with REX.W, CMPXCHG16B: halves of 4 or 8 bytes. */
enum emu_result op_cmpxchg8b(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	unsigned int half = insn->rex & EMU_REX_W ? 8 : 4;
	u64 old[2], expected[2], new[2];
	bool swapped = true;
	enum emu_result ret;
	bool equal;

	ret = half == 8 ? emu_check_aligned(ctx, insn) : EMU_OK;
	if (!ret)
		ret = emu_operand(ctx, insn, 0, 2 * half, EMU_RMW);
	if (!ret)
		ret = ctx->ops->read(ctx, ctx->linear, old, 2 * half, EMU_RMW);
	if (ret)
		return ret;
	make_pair(expected, ctx->regs[EMU_RAX], ctx->regs[EMU_RDX], half);
	make_pair(new, ctx->regs[EMU_RBX], ctx->regs[EMU_RCX], half);
	equal = !memcmp(old, expected, 2 * half);
	if (insn->prefixes & EMU_PFX_LOCK)
		ret = ctx->ops->cmpxchg(ctx, ctx->linear, old, equal ? new : old, 2 * half,
					&swapped);
	else
		ret = ctx->ops->write(ctx, ctx->linear, equal ? new : old, 2 * half);
	if (ret || !swapped)
		return ret ? ret : EMU_RETRY;
	ctx->next_rflags &= ~(u64)X86_EFLAGS_ZF;
	if (equal) {
		ctx->next_rflags |= X86_EFLAGS_ZF;
		return EMU_OK;
	}
	emu_reg_write(ctx, insn, EMU_RAX, half, low_half(old, half));
	emu_reg_write(ctx, insn, EMU_RDX, half, high_half(old, half));
	return EMU_OK;
}
