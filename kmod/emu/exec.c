// SPDX-License-Identifier: GPL-2.0-only
/*
 * Execution of a decoded instruction: the table of handlers, and what is common
 * to all of them.
 *
 * A handler changes registers and flags only when no callback can fail any more,
 * so that a fault or an exit leaves the processor as it was.
 */
#include <linux/types.h>
#include <linux/compiler.h>

#include "emu_priv.h"

#define EMU_OP(name, handler) handler
static enum emu_result (*const handlers[NR_EMU_OPS])(struct emu_ctx *ctx,
						     const struct emu_insn *insn) = {
#include "ops.h"
};

enum emu_result op_unhandled(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return EMU_UNHANDLED;
}

enum emu_result op_undefined(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return emu_fault(ctx, VECTOR_UD, 0);
}

enum emu_result op_nop(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return EMU_OK;
}

/* Faults of the encoding itself: LOCK where it is not allowed, a missing memory operand. */
static bool is_undefined(const struct emu_insn *insn)
{
	if (unlikely(insn->prefixes & EMU_PFX_LOCK) && !(insn->flags & T_LOCK && insn->mem))
		return true;
	return insn->flags & T_MEM && !insn->mem;
}

enum emu_result emu_exec(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	u64 next_rip = ctx->rip + insn->len;
	enum emu_result ret;

	ctx->next_rflags = ctx->rflags & ~(u64)X86_EFLAGS_RF;
	ctx->next_rip = ctx->mode == EMU_LONG64 ? next_rip : (u32)next_rip;
	ctx->shadow = 0;
	ctx->step = false;
	ctx->halted = false;
	ctx->rep_stop = false;
	if (unlikely(is_undefined(insn)))
		return emu_fault(ctx, VECTOR_UD, 0);
	ret = handlers[insn->op](ctx, insn);
	if (likely(ret == EMU_OK)) {
		ctx->rip = ctx->next_rip;
		ctx->step = ctx->rflags & X86_EFLAGS_TF && ctx->shadow != EMU_SHADOW_MOV_SS;
		ctx->rflags = ctx->next_rflags;
	}
	return ret;
}
