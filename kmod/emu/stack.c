// SPDX-License-Identifier: GPL-2.0-only
/*
 * PUSH and POP of everything but segment registers, ENTER and LEAVE.
 */
#include <linux/types.h>

#include "emu_priv.h"

#define POPF_ALWAYS (EMU_FLAGS_STATUS | X86_EFLAGS_TF | X86_EFLAGS_DF | X86_EFLAGS_NT)

static u64 iopl_of(const struct emu_ctx *ctx)
{
	return ctx->rflags >> X86_EFLAGS_IOPL_BIT & 3;
}

enum emu_result op_push_r(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return emu_push(ctx, &ctx->regs[EMU_RSP], ctx->regs[insn->rm], insn->opsize);
}

enum emu_result op_push_i(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return emu_push(ctx, &ctx->regs[EMU_RSP], insn->imm, insn->opsize);
}

enum emu_result op_push_rm(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	enum emu_result ret;
	u64 value;

	ret = emu_rm_read(ctx, insn, insn->opsize, EMU_READ);
	if (ret)
		return ret;
	value = ctx->value;
	return emu_push(ctx, &ctx->regs[EMU_RSP], value, insn->opsize);
}

enum emu_result op_pop_r(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	u64 sp = ctx->regs[EMU_RSP];
	enum emu_result ret;
	u64 value;

	ret = emu_pop(ctx, &sp, &value, insn->opsize);
	if (ret)
		return ret;
	ctx->regs[EMU_RSP] = sp;
	emu_reg_write(ctx, insn, insn->rm, insn->opsize, value);
	return EMU_OK;
}

/* An address based on RSP counts from the value after the pop (SDM 2, POP). */
enum emu_result op_pop_rm(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	unsigned int size = insn->opsize;
	u64 sp = ctx->regs[EMU_RSP];
	u64 value, extra;
	enum emu_result ret;

	ret = emu_pop(ctx, &sp, &value, size);
	if (ret)
		return ret;
	if (!insn->mem) {
		ctx->regs[EMU_RSP] = sp;
		emu_reg_write(ctx, insn, insn->rm, size, value);
		return EMU_OK;
	}
	extra = insn->base == EMU_RSP ? sp - ctx->regs[EMU_RSP] : 0;
	ret = emu_operand(ctx, insn, extra, size, EMU_WRITE);
	if (!ret)
		ret = emu_store(ctx, size, value);
	if (!ret)
		ctx->regs[EMU_RSP] = sp;
	return ret;
}

enum emu_result op_pusha(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	u64 sp = ctx->regs[EMU_RSP];
	enum emu_result ret;
	unsigned int reg;

	for (reg = EMU_RAX; reg <= EMU_RDI; reg++) {
		ret = emu_push(ctx, &sp, ctx->regs[reg], insn->opsize);
		if (ret)
			return ret;
	}
	ctx->regs[EMU_RSP] = sp;
	return EMU_OK;
}

enum emu_result op_popa(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	u64 sp = ctx->regs[EMU_RSP];
	enum emu_result ret;
	unsigned int reg;
	u64 values[8];

	for (reg = 8; reg; reg--) {
		ret = emu_pop(ctx, &sp, &values[reg - 1], insn->opsize);
		if (ret)
			return ret;
	}
	for (reg = EMU_RAX; reg <= EMU_RDI; reg++) {
		if (reg != EMU_RSP)
			emu_reg_write(ctx, insn, reg, insn->opsize, values[reg]);
	}
	ctx->regs[EMU_RSP] = sp;
	return EMU_OK;
}

/* Virtual-8086 mode with IOPL < 3: only the 16-bit forms, and only with CR4.VME. */
static bool vm86_flags_fault(const struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return iopl_of(ctx) < 3 && (insn->opsize != 2 || !(ctx->cr4 & X86_CR4_VME));
}

/* SDM 3, 20.3.3.1: the program sees VIF as IF, and IOPL 3. */
static u64 vme_flags_image(u64 flags)
{
	u64 image = (flags & ~(u64)X86_EFLAGS_IF) | X86_EFLAGS_IOPL;

	return flags & X86_EFLAGS_VIF ? image | X86_EFLAGS_IF : image;
}

enum emu_result op_pushf(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	u64 image = ctx->rflags & ~(u64)(X86_EFLAGS_VM | X86_EFLAGS_RF);

	if (ctx->mode == EMU_VM86) {
		if (vm86_flags_fault(ctx, insn))
			return emu_fault(ctx, VECTOR_GP, 0);
		if (iopl_of(ctx) < 3)
			image = vme_flags_image(image);
	}
	return emu_push(ctx, &ctx->regs[EMU_RSP], image, insn->opsize);
}

/* The flags that POPF may change, SDM 2, POPF. */
static u64 popf_mask(const struct emu_ctx *ctx, const struct emu_insn *insn)
{
	u64 mask = POPF_ALWAYS;

	if (insn->opsize > 2)
		mask |= X86_EFLAGS_AC | X86_EFLAGS_ID;
	if (ctx->mode == EMU_REAL || (ctx->mode != EMU_VM86 && !ctx->cpl))
		mask |= X86_EFLAGS_IOPL;
	if (ctx->mode == EMU_REAL || ctx->cpl <= iopl_of(ctx))
		mask |= X86_EFLAGS_IF;
	return mask;
}

/* POPF with CR4.VME and IOPL < 3: IF goes to VIF. */
static enum emu_result vme_popf(struct emu_ctx *ctx, u64 image, u64 *flags)
{
	if (image & X86_EFLAGS_TF || (image & X86_EFLAGS_IF && ctx->rflags & X86_EFLAGS_VIP))
		return emu_fault(ctx, VECTOR_GP, 0);
	*flags = (ctx->rflags & ~(u64)(POPF_ALWAYS | X86_EFLAGS_VIF)) | (image & POPF_ALWAYS);
	if (image & X86_EFLAGS_IF)
		*flags |= X86_EFLAGS_VIF;
	return EMU_OK;
}

enum emu_result op_popf(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	u64 mask = popf_mask(ctx, insn);
	u64 sp = ctx->regs[EMU_RSP];
	enum emu_result ret;
	u64 image, flags;

	if (ctx->mode == EMU_VM86 && vm86_flags_fault(ctx, insn))
		return emu_fault(ctx, VECTOR_GP, 0);
	ret = emu_pop(ctx, &sp, &image, insn->opsize);
	if (ret)
		return ret;
	flags = (ctx->rflags & ~mask) | (image & mask);
	if (ctx->mode == EMU_VM86 && iopl_of(ctx) < 3)
		ret = vme_popf(ctx, image, &flags);
	if (ret)
		return ret;
	ctx->regs[EMU_RSP] = sp;
	ctx->next_rflags = flags;
	return EMU_OK;
}

/* Copy the outer levels' frame pointers, then push this one's (SDM 1, 6.5.1). */
static enum emu_result enter_frames(struct emu_ctx *ctx, unsigned int level, unsigned int size,
				    u64 frame, u64 *sp)
{
	u64 bp = ctx->regs[EMU_RBP];
	enum emu_result ret;

	while (--level) {
		bp -= size;
		ret = emu_linear(ctx, EMU_SS, bp & emu_mask(emu_stack_size(ctx)), size, EMU_READ);
		if (!ret)
			ret = emu_load(ctx, size, EMU_READ);
		if (!ret)
			ret = emu_push(ctx, sp, ctx->value, size);
		if (ret)
			return ret;
	}
	return emu_push(ctx, sp, frame, size);
}

enum emu_result op_enter(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	unsigned int width = emu_stack_size(ctx);
	unsigned int level = insn->imm2 & 31;
	unsigned int size = insn->opsize;
	u64 sp = ctx->regs[EMU_RSP];
	enum emu_result ret;
	u64 frame;

	ret = emu_push(ctx, &sp, ctx->regs[EMU_RBP], size);
	frame = sp;
	if (!ret && level)
		ret = enter_frames(ctx, level, size, frame, &sp);
	if (ret)
		return ret;
	sp = emu_merge(sp, sp - insn->imm, width);
	ret = emu_linear(ctx, EMU_SS, sp & emu_mask(width), size, EMU_WRITE);
	if (!ret)
		ret = ctx->ops->check(ctx, ctx->linear, size, EMU_WRITE);
	if (ret)
		return ret;
	ctx->regs[EMU_RSP] = sp;
	emu_reg_write(ctx, insn, EMU_RBP, size, frame);
	return EMU_OK;
}

enum emu_result op_leave(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	u64 sp = emu_merge(ctx->regs[EMU_RSP], ctx->regs[EMU_RBP], emu_stack_size(ctx));
	enum emu_result ret;
	u64 value;

	ret = emu_pop(ctx, &sp, &value, insn->opsize);
	if (ret)
		return ret;
	ctx->regs[EMU_RSP] = sp;
	emu_reg_write(ctx, insn, EMU_RBP, insn->opsize, value);
	return EMU_OK;
}
