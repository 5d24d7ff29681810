// SPDX-License-Identifier: GPL-2.0-only
/*
 * String instructions and port I/O.
 */
#include <linux/types.h>

#include "emu_priv.h"

#define GUEST_PAGE_SIZE 4096u

static bool is_repeated(const struct emu_insn *insn)
{
	return insn->prefixes & (EMU_PFX_REP | EMU_PFX_REPNE);
}

static u64 index_of(const struct emu_ctx *ctx, const struct emu_insn *insn, enum emu_reg reg)
{
	return ctx->regs[reg] & emu_mask(insn->adsize);
}

/* Move an index register over @count elements in the direction of DF. */
static void advance(struct emu_ctx *ctx, const struct emu_insn *insn, enum emu_reg reg,
		    unsigned int bytes)
{
	u64 index = ctx->regs[reg];

	index = ctx->rflags & X86_EFLAGS_DF ? index - bytes : index + bytes;
	ctx->regs[reg] = emu_merge(ctx->regs[reg], index, insn->adsize);
}

static enum emu_result load_element(struct emu_ctx *ctx, const struct emu_insn *insn,
				    unsigned int sreg, enum emu_reg reg)
{
	enum emu_result ret;

	ret = emu_linear(ctx, sreg, index_of(ctx, insn, reg), insn->opsize, EMU_READ);
	return ret ? ret : emu_load(ctx, insn->opsize, EMU_READ);
}

static enum emu_result store_element(struct emu_ctx *ctx, const struct emu_insn *insn, u64 value)
{
	enum emu_result ret;

	ret = emu_linear(ctx, EMU_ES, index_of(ctx, insn, EMU_RDI), insn->opsize, EMU_WRITE);
	return ret ? ret : emu_store(ctx, insn->opsize, value);
}

static enum emu_result movs_one(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	enum emu_result ret;

	ret = load_element(ctx, insn, insn->seg, EMU_RSI);
	if (!ret)
		ret = store_element(ctx, insn, ctx->value);
	if (ret)
		return ret;
	advance(ctx, insn, EMU_RSI, insn->opsize);
	advance(ctx, insn, EMU_RDI, insn->opsize);
	return EMU_OK;
}

static enum emu_result cmps_one(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	enum emu_result ret;
	u64 first;

	ret = load_element(ctx, insn, insn->seg, EMU_RSI);
	if (ret)
		return ret;
	first = ctx->value;
	ret = load_element(ctx, insn, EMU_ES, EMU_RDI);
	if (ret)
		return ret;
	emu_alu(ALU_CMP, first, ctx->value, insn->opsize, &ctx->next_rflags);
	advance(ctx, insn, EMU_RSI, insn->opsize);
	advance(ctx, insn, EMU_RDI, insn->opsize);
	return EMU_OK;
}

static enum emu_result stos_one(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	enum emu_result ret = store_element(ctx, insn, ctx->regs[EMU_RAX]);

	if (!ret)
		advance(ctx, insn, EMU_RDI, insn->opsize);
	return ret;
}

static enum emu_result lods_one(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	enum emu_result ret;

	ret = load_element(ctx, insn, insn->seg, EMU_RSI);
	if (ret)
		return ret;
	emu_reg_write(ctx, insn, EMU_RAX, insn->opsize, ctx->value);
	advance(ctx, insn, EMU_RSI, insn->opsize);
	return EMU_OK;
}

static enum emu_result scas_one(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	enum emu_result ret;

	ret = load_element(ctx, insn, EMU_ES, EMU_RDI);
	if (ret)
		return ret;
	emu_alu(ALU_CMP, emu_reg_read(ctx, insn, EMU_RAX, insn->opsize), ctx->value, insn->opsize,
		&ctx->next_rflags);
	advance(ctx, insn, EMU_RDI, insn->opsize);
	return EMU_OK;
}

/* REPE goes on while ZF is set, REPNE while it is clear. */
static bool comparison_ends(const struct emu_ctx *ctx, const struct emu_insn *insn)
{
	if (insn->op != EMU_OP_CMPS && insn->op != EMU_OP_SCAS)
		return false;
	return !(ctx->next_rflags & X86_EFLAGS_ZF) == !!(insn->prefixes & EMU_PFX_REP);
}

static enum emu_result (*const iterations[])(struct emu_ctx *ctx, const struct emu_insn *insn) = {
	[0] = movs_one,
	[EMU_OP_CMPS - EMU_OP_MOVS] = cmps_one,
	[EMU_OP_STOS - EMU_OP_MOVS] = stos_one,
	[EMU_OP_LODS - EMU_OP_MOVS] = lods_one,
	[EMU_OP_SCAS - EMU_OP_MOVS] = scas_one,
};

/* At most ctx->max_iter iterations; RIP stays where more remain (SDM 2, REP). */
enum emu_result op_string(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	unsigned int budget = ctx->rflags & X86_EFLAGS_TF ? 1 : ctx->max_iter;
	unsigned int op = insn->op - EMU_OP_MOVS;
	enum emu_result ret;

	if (!is_repeated(insn))
		return iterations[op](ctx, insn);
	while (index_of(ctx, insn, EMU_RCX)) {
		ret = iterations[op](ctx, insn);
		if (ret)
			return ret;
		ctx->rflags = ctx->next_rflags;
		ctx->regs[EMU_RCX] =
			emu_merge(ctx->regs[EMU_RCX], ctx->regs[EMU_RCX] - 1, insn->adsize);
		if (comparison_ends(ctx, insn) || !index_of(ctx, insn, EMU_RCX))
			break;
		if (ctx->rep_stop || budget <= 1) {
			ctx->next_rip = ctx->rip;
			break;
		}
		budget--;
	}
	return EMU_OK;
}

/* Ports are at most 4 bytes wide: REX.W does nothing. */
static unsigned int port_size(const struct emu_insn *insn)
{
	return insn->opsize == 8 ? 4 : insn->opsize;
}

static u16 port_of(const struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return insn->opcode & 8 ? (u16)ctx->regs[EMU_RDX] : (u8)insn->imm;
}

enum emu_result op_in(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	unsigned int size = port_size(insn);
	u16 port = port_of(ctx, insn);
	enum emu_result ret;

	ret = emu_io_allowed(ctx, port, size);
	ctx->value = 0;
	if (!ret)
		ret = ctx->ops->pio_in(ctx, port, size, &ctx->value, 1);
	if (!ret)
		emu_reg_write(ctx, insn, EMU_RAX, size, ctx->value);
	return ret;
}

enum emu_result op_out(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	unsigned int size = port_size(insn);
	u16 port = port_of(ctx, insn);
	enum emu_result ret;

	ret = emu_io_allowed(ctx, port, size);
	ctx->value = ctx->regs[EMU_RAX];
	return ret ? ret : ctx->ops->pio_out(ctx, port, size, &ctx->value, 1);
}

static void limit_to(u64 *count, u64 most)
{
	if (*count > most)
		*count = most;
}

/*
 * How many elements INS or OUTS move at once: what the buffer, the page, the address
 * size and the segment's limit leave. ctx->linear is the first one's address.
 */
static unsigned int batch(struct emu_ctx *ctx, const struct emu_insn *insn, unsigned int sreg,
			  u64 offset, enum emu_access access)
{
	unsigned int size = port_size(insn);
	u64 count = index_of(ctx, insn, EMU_RCX);

	if (!is_repeated(insn) || ctx->rflags & (X86_EFLAGS_DF | X86_EFLAGS_TF))
		return 1;
	limit_to(&count, ctx->io_len / size);
	limit_to(&count, (GUEST_PAGE_SIZE - ctx->linear % GUEST_PAGE_SIZE) / size);
	if (insn->adsize != 8)
		limit_to(&count, (emu_mask(insn->adsize) - offset + 1) / size);
	if (count > 1 && emu_linear(ctx, sreg, offset, count * size, access) == EMU_OK)
		return count;
	return 1;
}

/* Check the port and the first element; *@count is 0 if nothing is left to do. */
static enum emu_result string_io_start(struct emu_ctx *ctx, const struct emu_insn *insn,
				       unsigned int sreg, enum emu_reg reg, enum emu_access access,
				       unsigned int *count)
{
	u64 offset = index_of(ctx, insn, reg);
	unsigned int size = port_size(insn);
	enum emu_result ret;

	*count = 0;
	if (ctx->io_len < 4)
		return EMU_UNHANDLED;
	ret = emu_io_allowed(ctx, (u16)ctx->regs[EMU_RDX], size);
	if (ret || (is_repeated(insn) && !index_of(ctx, insn, EMU_RCX)))
		return ret;
	ret = emu_linear(ctx, sreg, offset, size, access);
	if (!ret)
		*count = batch(ctx, insn, sreg, offset, access);
	return ret;
}

static void string_io_done(struct emu_ctx *ctx, const struct emu_insn *insn, enum emu_reg reg,
			   unsigned int count)
{
	u64 left = ctx->regs[EMU_RCX] - count;

	advance(ctx, insn, reg, count * port_size(insn));
	if (!is_repeated(insn))
		return;
	ctx->regs[EMU_RCX] = emu_merge(ctx->regs[EMU_RCX], left, insn->adsize);
	if (index_of(ctx, insn, EMU_RCX))
		ctx->next_rip = ctx->rip;
}

/* The destination is checked first: what a port has given cannot be put back. */
enum emu_result op_ins(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	unsigned int size = port_size(insn);
	enum emu_result ret;
	unsigned int count;

	ret = string_io_start(ctx, insn, EMU_ES, EMU_RDI, EMU_WRITE, &count);
	if (ret || !count)
		return ret;
	ret = ctx->ops->check(ctx, ctx->linear, count * size, EMU_WRITE);
	if (!ret)
		ret = ctx->ops->pio_in(ctx, (u16)ctx->regs[EMU_RDX], size, ctx->io_buf, count);
	if (!ret)
		ret = ctx->ops->write(ctx, ctx->linear, ctx->io_buf, count * size);
	if (!ret)
		string_io_done(ctx, insn, EMU_RDI, count);
	return ret;
}

enum emu_result op_outs(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	unsigned int size = port_size(insn);
	enum emu_result ret;
	unsigned int count;

	ret = string_io_start(ctx, insn, insn->seg, EMU_RSI, EMU_READ, &count);
	if (ret || !count)
		return ret;
	ret = ctx->ops->read(ctx, ctx->linear, ctx->io_buf, count * size, EMU_READ);
	if (!ret)
		ret = ctx->ops->pio_out(ctx, (u16)ctx->regs[EMU_RDX], size, ctx->io_buf, count);
	if (!ret)
		string_io_done(ctx, insn, EMU_RSI, count);
	return ret;
}
