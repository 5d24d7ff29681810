// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shifts, rotates, bit tests and bit scans. Flags that the manuals leave
 * undefined follow what processors do where that is known.
 */
#include <linux/types.h>
#include <linux/bitops.h>

#include "emu_priv.h"

/* ModRM.reg of the shift groups; 6 is an alias of SHL. */
enum shift {
	SHIFT_ROL,
	SHIFT_ROR,
	SHIFT_RCL,
	SHIFT_RCR,
	SHIFT_SHL,
	SHIFT_SHR,
	SHIFT_SAL,
	SHIFT_SAR,
};

static bool bit_of(u64 value, unsigned int bit)
{
	return value >> bit & 1;
}

/* Replace CF and OF. */
static void set_carry_overflow(u64 *flags, bool carry, bool overflow)
{
	*flags &= ~(u64)(X86_EFLAGS_CF | X86_EFLAGS_OF);
	*flags |= carry * X86_EFLAGS_CF | overflow * X86_EFLAGS_OF;
}

static u64 rotate(enum shift op, u64 value, unsigned int count, unsigned int size, u64 *flags)
{
	unsigned int bits = 8 * size;

	count %= bits;
	if (op == SHIFT_ROR)
		count = (bits - count) % bits;
	if (count)
		value = (value << count | value >> (bits - count)) & emu_mask(size);
	if (op == SHIFT_ROL)
		set_carry_overflow(flags, value & 1, bit_of(value, bits - 1) ^ (value & 1));
	else
		set_carry_overflow(flags, bit_of(value, bits - 1),
				   bit_of(value, bits - 1) ^ bit_of(value, bits - 2));
	return value;
}

/* Rotation of bits + 1 bits, the carry flag being the topmost. */
static u64 rotate_carry(enum shift op, u64 value, unsigned int count, unsigned int size, u64 *flags)
{
	unsigned int bits = 8 * size;
	bool carry = *flags & X86_EFLAGS_CF;
	unsigned int i;

	count %= bits + 1;
	for (i = 0; i < count; i++) {
		bool out = op == SHIFT_RCL ? bit_of(value, bits - 1) : value & 1;

		if (op == SHIFT_RCL)
			value = (value << 1 | carry) & emu_mask(size);
		else
			value = value >> 1 | (u64)carry << (bits - 1);
		carry = out;
	}
	set_carry_overflow(flags, carry,
			   bit_of(value, bits - 1) ^
				   (op == SHIFT_RCL ? carry : bit_of(value, bits - 2)));
	return value;
}

/* @count is 1 to 63 and may exceed the operand's bits. */
static u64 shift(enum shift op, u64 value, unsigned int count, unsigned int size, u64 *flags)
{
	unsigned int bits = 8 * size;
	bool carry, overflow;
	s64 wide;

	switch (op) {
	case SHIFT_SHR:
		carry = bit_of(value, count - 1);
		value >>= count;
		overflow = bit_of(value, bits - 1) ^ bit_of(value, bits - 2);
		break;
	case SHIFT_SAR:
		wide = emu_sign_extend(value, size);
		carry = bit_of(wide, count - 1);
		value = (u64)(wide >> count) & emu_mask(size);
		overflow = false;
		break;
	default:
		carry = count <= bits && bit_of(value, bits - count);
		value = (value << count) & emu_mask(size);
		overflow = bit_of(value, bits - 1) ^ carry;
	}
	emu_alu(ALU_OR, value, 0, size, flags);
	set_carry_overflow(flags, carry, overflow);
	return value;
}

static enum emu_result shift_rm(struct emu_ctx *ctx, const struct emu_insn *insn,
				unsigned int count)
{
	enum shift op = insn->modrm >> 3 & 7;
	unsigned int size = insn->opsize;
	enum emu_result ret;
	u64 old, new;

	ret = emu_rm_read(ctx, insn, size, EMU_RMW);
	if (ret)
		return ret;
	old = ctx->value;
	new = old;
	count &= size == 8 ? 63 : 31;
	if (count && op <= SHIFT_ROR)
		new = rotate(op, old, count, size, &ctx->next_rflags);
	else if (count && op <= SHIFT_RCR)
		new = rotate_carry(op, old, count, size, &ctx->next_rflags);
	else if (count)
		new = shift(op, old, count, size, &ctx->next_rflags);
	ret = emu_rm_update(ctx, insn, size, old, new);
	return ret;
}

enum emu_result op_shift_i(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return shift_rm(ctx, insn, insn->imm);
}

enum emu_result op_shift_1(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return shift_rm(ctx, insn, 1);
}

enum emu_result op_shift_cl(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return shift_rm(ctx, insn, ctx->regs[EMU_RCX]);
}

/*
 * SHLD and SHRD shift bits of @fill in. For 16-bit operands a count above 16 has
 * an undefined result; here it goes on with the operand's own bits.
 */
static u64 shift_double_narrow(bool right, u64 value, u64 fill, unsigned int count,
			       unsigned int size, bool *carry)
{
	unsigned int bits = size == 2 ? 48 : 64;
	u64 wide;

	if (right) {
		wide = fill << (8 * size) | value;
		if (size == 2)
			wide |= value << 32;
		*carry = bit_of(wide, count - 1);
		return (wide >> count) & emu_mask(size);
	}
	wide = value << (8 * size) | fill;
	if (size == 2)
		wide = wide << 16 | value;
	*carry = bit_of(wide, bits - count);
	return (wide >> (32 - count)) & emu_mask(size);
}

/* @count is 1 to 63, and below 32 unless @size is 8. */
static u64 shift_double(bool right, u64 value, u64 fill, unsigned int count, unsigned int size,
			u64 *flags)
{
	u64 result;
	bool carry;

	if (size < 8) {
		result = shift_double_narrow(right, value, fill, count, size, &carry);
	} else if (right) {
		result = value >> count | fill << (64 - count);
		carry = bit_of(value, count - 1);
	} else {
		result = value << count | fill >> (64 - count);
		carry = bit_of(value, 64 - count);
	}
	emu_alu(ALU_OR, result, 0, size, flags);
	set_carry_overflow(flags, carry, bit_of(value ^ result, 8 * size - 1));
	return result;
}

static enum emu_result shxd(struct emu_ctx *ctx, const struct emu_insn *insn, unsigned int count)
{
	u64 fill = emu_reg_read(ctx, insn, insn->reg, insn->opsize);
	enum emu_result ret;
	u64 old, new;

	ret = emu_rm_read(ctx, insn, insn->opsize, EMU_RMW);
	if (ret)
		return ret;
	old = ctx->value;
	new = old;
	count &= insn->opsize == 8 ? 63 : 31;
	if (count)
		new = shift_double(insn->opcode & 8, old, fill, count, insn->opsize,
				   &ctx->next_rflags);
	ret = emu_rm_update(ctx, insn, insn->opsize, old, new);
	return ret;
}

enum emu_result op_shxd_i(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return shxd(ctx, insn, insn->imm);
}

enum emu_result op_shxd_cl(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return shxd(ctx, insn, ctx->regs[EMU_RCX]);
}

/* The low two bits of the operation in both opcode and ModRM.reg. */
enum bit_test {
	BIT_TEST,
	BIT_TEST_SET,
	BIT_TEST_RESET,
	BIT_TEST_COMPLEMENT,
};

/* @extra moves the memory operand to the word of the bit string that holds the bit. */
static enum emu_result bit_test(struct emu_ctx *ctx, const struct emu_insn *insn, enum bit_test op,
				u64 extra, unsigned int bit)
{
	enum emu_access access = op == BIT_TEST ? EMU_READ : EMU_RMW;
	u64 mask = 1ull << (bit & (8 * insn->opsize - 1));
	struct emu_insn moved = *insn;
	enum emu_result ret;
	u64 old, new;

	moved.disp += extra;
	ret = emu_rm_read(ctx, &moved, insn->opsize, access);
	if (ret)
		return ret;
	old = ctx->value;
	new = old;
	if (op == BIT_TEST_SET)
		new |= mask;
	else if (op == BIT_TEST_RESET)
		new &= ~mask;
	else if (op == BIT_TEST_COMPLEMENT)
		new ^= mask;
	if (op != BIT_TEST)
		ret = emu_rm_update(ctx, insn, insn->opsize, old, new);
	ctx->next_rflags &= ~(u64)X86_EFLAGS_CF;
	if (old & mask)
		ctx->next_rflags |= X86_EFLAGS_CF;
	return ret;
}

enum emu_result op_bt_r(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	s64 bit = emu_sign_extend(ctx->regs[insn->reg], insn->opsize);
	u64 extra = insn->mem ? (u64)(bit >> 3) & -(u64)insn->opsize : 0;

	return bit_test(ctx, insn, insn->opcode >> 3 & 3, extra, bit);
}

enum emu_result op_bt_i(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return bit_test(ctx, insn, insn->modrm >> 3 & 3, 0, insn->imm);
}

/* BSF and BSR leave the register alone if no bit is set, and set only ZF by definition. */
static enum emu_result scan(struct emu_ctx *ctx, const struct emu_insn *insn, bool reverse)
{
	enum emu_result ret;
	u64 value;

	ret = emu_rm_read(ctx, insn, insn->opsize, EMU_READ);
	if (ret)
		return ret;
	value = ctx->value;
	ctx->next_rflags &= ~(u64)X86_EFLAGS_ZF;
	if (value)
		emu_reg_write(ctx, insn, insn->reg, insn->opsize,
			      reverse ? __fls(value) : __ffs(value));
	else
		ctx->next_rflags |= X86_EFLAGS_ZF;
	return EMU_OK;
}

/* TZCNT and LZCNT count to the operand's width. */
static enum emu_result count_zeros(struct emu_ctx *ctx, const struct emu_insn *insn, bool leading)
{
	unsigned int bits = 8 * insn->opsize;
	unsigned int count = bits;
	enum emu_result ret;
	u64 value;

	ret = emu_rm_read(ctx, insn, insn->opsize, EMU_READ);
	if (ret)
		return ret;
	value = ctx->value;
	if (value)
		count = leading ? bits - 1 - __fls(value) : __ffs(value);
	emu_reg_write(ctx, insn, insn->reg, insn->opsize, count);
	ctx->next_rflags &= ~(u64)(X86_EFLAGS_CF | X86_EFLAGS_ZF);
	ctx->next_rflags |= (count == bits) * X86_EFLAGS_CF | !count * X86_EFLAGS_ZF;
	return EMU_OK;
}

enum emu_result op_bsf(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	if (insn->prefixes & EMU_PFX_REP && ctx->tzcnt)
		return count_zeros(ctx, insn, false);
	return scan(ctx, insn, false);
}

enum emu_result op_bsr(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	if (insn->prefixes & EMU_PFX_REP && ctx->lzcnt)
		return count_zeros(ctx, insn, true);
	return scan(ctx, insn, true);
}

enum emu_result op_popcnt(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	enum emu_result ret;
	u64 value;

	if (!(insn->prefixes & EMU_PFX_REP))
		return emu_fault(ctx, VECTOR_UD, 0);
	ret = emu_rm_read(ctx, insn, insn->opsize, EMU_READ);
	if (ret)
		return ret;
	value = ctx->value;
	emu_reg_write(ctx, insn, insn->reg, insn->opsize, hweight64(value));
	ctx->next_rflags &= ~(u64)EMU_FLAGS_STATUS;
	if (!value)
		ctx->next_rflags |= X86_EFLAGS_ZF;
	return EMU_OK;
}
