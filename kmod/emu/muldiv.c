// SPDX-License-Identifier: GPL-2.0-only
/*
 * Multiplication and division. Flags that the manuals leave undefined keep
 * their value.
 */
#include <linux/types.h>

#include "emu_priv.h"

static void set_product_flags(struct emu_ctx *ctx, bool overflow)
{
	u64 both = X86_EFLAGS_CF | X86_EFLAGS_OF;

	ctx->next_rflags = (ctx->next_rflags & ~both) | (overflow ? both : 0);
}

/* Results of twice the operand's size go to AX, or to rDX:rAX. */
static void write_double(struct emu_ctx *ctx, const struct emu_insn *insn, u64 low, u64 high)
{
	unsigned int size = insn->opsize;

	if (size == 1) {
		low = (low & 0xff) | high << 8;
		ctx->regs[EMU_RAX] = emu_merge(ctx->regs[EMU_RAX], low, 2);
		return;
	}
	ctx->regs[EMU_RAX] = emu_merge(ctx->regs[EMU_RAX], low, size);
	ctx->regs[EMU_RDX] = emu_merge(ctx->regs[EMU_RDX], high, size);
}

enum emu_result op_mul(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	u64 a = ctx->regs[EMU_RAX] & emu_mask(insn->opsize);
	enum emu_result ret;
	u64 high;

	ret = emu_rm_read(ctx, insn, insn->opsize, EMU_READ);
	if (ret)
		return ret;
	high = (u64)((__uint128_t)a * ctx->value >> 8 * insn->opsize);
	write_double(ctx, insn, a * ctx->value, high);
	set_product_flags(ctx, high);
	return EMU_OK;
}

/* Signed product of two @size-byte values; *@overflow if it needs more than @size bytes. */
static __int128 multiply_signed(u64 a, u64 b, unsigned int size, bool *overflow)
{
	__int128 product = (__int128)emu_sign_extend(a, size) * emu_sign_extend(b, size);

	*overflow = product != emu_sign_extend((u64)product, size);
	return product;
}

enum emu_result op_imul(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	enum emu_result ret;
	__int128 product;
	bool overflow;
	u64 b;

	ret = emu_rm_read(ctx, insn, insn->opsize, EMU_READ);
	if (ret)
		return ret;
	b = ctx->value;
	product = multiply_signed(ctx->regs[EMU_RAX], b, insn->opsize, &overflow);
	write_double(ctx, insn, (u64)product, (u64)(product >> 8 * insn->opsize));
	set_product_flags(ctx, overflow);
	return EMU_OK;
}

static enum emu_result imul_to_reg(struct emu_ctx *ctx, const struct emu_insn *insn, u64 b)
{
	enum emu_result ret;
	__int128 product;
	bool overflow;
	u64 a;

	ret = emu_rm_read(ctx, insn, insn->opsize, EMU_READ);
	if (ret)
		return ret;
	a = ctx->value;
	product = multiply_signed(a, b, insn->opsize, &overflow);
	emu_reg_write(ctx, insn, insn->reg, insn->opsize, (u64)product);
	set_product_flags(ctx, overflow);
	return EMU_OK;
}

enum emu_result op_imul_r_rm(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return imul_to_reg(ctx, insn, ctx->regs[insn->reg]);
}

enum emu_result op_imul_r_rm_i(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return imul_to_reg(ctx, insn, insn->imm);
}

/*
 * 128 by 64 bits, restoring division: the kernel has no library call for it.
 * False if the quotient does not fit in 64 bits, which includes division by zero.
 */
static bool divide(u64 high, u64 low, u64 divisor, u64 *quotient, u64 *remainder)
{
	unsigned int i;

	if (high >= divisor)
		return false;
	if (!high) {
		*quotient = low / divisor;
		*remainder = low % divisor;
		return true;
	}
	for (i = 0; i < 64; i++) {
		bool carry = high >> 63;

		high = high << 1 | low >> 63;
		low <<= 1;
		if (carry || high >= divisor) {
			high -= divisor;
			low |= 1;
		}
	}
	*quotient = low;
	*remainder = high;
	return true;
}

/* The dividend is AX or rDX:rAX. Return: its low 64 bits; *@high is 0 if those are all. */
static u64 read_double(const struct emu_ctx *ctx, unsigned int size, u64 *high)
{
	u64 low = ctx->regs[EMU_RAX];

	*high = size == 8 ? ctx->regs[EMU_RDX] : 0;
	if (size == 8)
		return low;
	if (size == 1)
		return low & 0xffff;
	return (ctx->regs[EMU_RDX] & emu_mask(size)) << 8 * size | (low & emu_mask(size));
}

enum emu_result op_div(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	unsigned int size = insn->opsize;
	u64 high, low, quotient, remainder;
	enum emu_result ret;

	ret = emu_rm_read(ctx, insn, size, EMU_READ);
	if (ret)
		return ret;
	low = read_double(ctx, size, &high);
	if (!divide(high, low, ctx->value, &quotient, &remainder) || quotient > emu_mask(size))
		return emu_fault(ctx, VECTOR_DE, 0);
	write_double(ctx, insn, quotient, remainder);
	return EMU_OK;
}

/* Make the dividend of 2 * @size bytes positive; return whether it was negative. */
static bool make_positive(u64 *high, u64 *low, unsigned int size)
{
	if (size < 8) {
		s64 value = emu_sign_extend(*low, 2 * size);

		*low = value < 0 ? -(u64)value : (u64)value;
		return value < 0;
	}
	if (!(*high >> 63))
		return false;
	*low = -*low;
	*high = ~*high + !*low;
	return true;
}

enum emu_result op_idiv(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	unsigned int size = insn->opsize;
	u64 high, low, quotient, remainder;
	bool negative, opposite;
	enum emu_result ret;
	s64 divisor;

	ret = emu_rm_read(ctx, insn, size, EMU_READ);
	if (ret)
		return ret;
	low = read_double(ctx, size, &high);
	negative = make_positive(&high, &low, size);
	divisor = emu_sign_extend(ctx->value, size);
	opposite = negative != (divisor < 0);
	/* The magnitude reaches one further below zero than above. */
	if (!divide(high, low, divisor < 0 ? -(u64)divisor : (u64)divisor, &quotient, &remainder) ||
	    quotient > (emu_mask(size) >> 1) + opposite)
		return emu_fault(ctx, VECTOR_DE, 0);
	write_double(ctx, insn, opposite ? -quotient : quotient,
		     (negative ? -remainder : remainder) & emu_mask(size));
	return EMU_OK;
}
