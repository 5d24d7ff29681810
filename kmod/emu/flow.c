// SPDX-License-Identifier: GPL-2.0-only
/*
 * Near branches, and instructions on single flags.
 */
#include <linux/types.h>

#include "emu_priv.h"

/* Condition codes, SDM 1, appendix B. An odd code negates the even one before it. */
bool emu_condition(u64 rflags, unsigned int cc)
{
	bool less = !(rflags & X86_EFLAGS_SF) != !(rflags & X86_EFLAGS_OF);
	bool met;

	switch (cc >> 1 & 7) {
	case 0:
		met = rflags & X86_EFLAGS_OF;
		break;
	case 1:
		met = rflags & X86_EFLAGS_CF;
		break;
	case 2:
		met = rflags & X86_EFLAGS_ZF;
		break;
	case 3:
		met = rflags & (X86_EFLAGS_CF | X86_EFLAGS_ZF);
		break;
	case 4:
		met = rflags & X86_EFLAGS_SF;
		break;
	case 5:
		met = rflags & X86_EFLAGS_PF;
		break;
	case 6:
		met = less;
		break;
	default:
		met = less || rflags & X86_EFLAGS_ZF;
	}
	return met != (cc & 1);
}

static enum emu_result jump_relative(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return emu_jump(ctx, insn, ctx->next_rip + insn->imm);
}

enum emu_result op_jcc(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	if (!emu_condition(ctx->rflags, insn->opcode & 15))
		return EMU_OK;
	return jump_relative(ctx, insn);
}

enum emu_result op_jmp_rel(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return jump_relative(ctx, insn);
}

enum emu_result op_jmp_rm(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	enum emu_result ret;

	ret = emu_rm_read(ctx, insn, insn->opsize, EMU_READ);
	return ret ? ret : emu_jump(ctx, insn, ctx->value);
}

/* LOOPNE (E0), LOOPE (E1), LOOP (E2): the counter is as wide as an address. */
enum emu_result op_loop(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	u64 count = (ctx->regs[EMU_RCX] - 1) & emu_mask(insn->adsize);
	enum emu_result ret = EMU_OK;
	bool zero = ctx->rflags & X86_EFLAGS_ZF;

	if (count && (insn->opcode == 0xe2 || zero == (insn->opcode & 1)))
		ret = jump_relative(ctx, insn);
	if (!ret)
		emu_reg_write(ctx, insn, EMU_RCX, insn->adsize, count);
	return ret;
}

enum emu_result op_jcxz(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	if (ctx->regs[EMU_RCX] & emu_mask(insn->adsize))
		return EMU_OK;
	return jump_relative(ctx, insn);
}

static enum emu_result call(struct emu_ctx *ctx, const struct emu_insn *insn, u64 target)
{
	u64 return_address = ctx->next_rip;
	enum emu_result ret = emu_jump(ctx, insn, target);

	if (ret)
		return ret;
	return emu_push(ctx, &ctx->regs[EMU_RSP], return_address, insn->opsize);
}

enum emu_result op_call_rel(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	return call(ctx, insn, ctx->next_rip + insn->imm);
}

enum emu_result op_call_rm(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	enum emu_result ret;

	ret = emu_rm_read(ctx, insn, insn->opsize, EMU_READ);
	return ret ? ret : call(ctx, insn, ctx->value);
}

enum emu_result op_ret(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	u64 sp = ctx->regs[EMU_RSP];
	enum emu_result ret;
	u64 target;

	ret = emu_pop(ctx, &sp, &target, insn->opsize);
	if (!ret)
		ret = emu_jump(ctx, insn, target);
	if (!ret)
		ctx->regs[EMU_RSP] = emu_merge(sp, sp + insn->imm, emu_stack_size(ctx));
	return ret;
}

#define AH_FLAGS (EMU_FLAGS_STATUS & ~X86_EFLAGS_OF)

enum emu_result op_lahf(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	u64 ah = (ctx->rflags & AH_FLAGS) | X86_EFLAGS_FIXED;

	ctx->regs[EMU_RAX] = (ctx->regs[EMU_RAX] & ~0xff00ull) | ah << 8;
	return EMU_OK;
}

enum emu_result op_sahf(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	ctx->next_rflags = (ctx->next_rflags & ~(u64)AH_FLAGS) |
			   (ctx->regs[EMU_RAX] >> 8 & AH_FLAGS);
	return EMU_OK;
}

/* CMC, CLC, STC, CLD, STD */
enum emu_result op_flag(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	u64 flag = insn->opcode & 4 ? X86_EFLAGS_DF : X86_EFLAGS_CF;

	if (insn->opcode == 0xf5)
		ctx->next_rflags ^= X86_EFLAGS_CF;
	else if (insn->opcode & 1)
		ctx->next_rflags |= flag;
	else
		ctx->next_rflags &= ~flag;
	return EMU_OK;
}

/*
 * Which flag CLI and STI act on: IF, or VIF under CR4.VME or CR4.PVI (SDM 3, 20.3 and
 * 20.4), or 0 for #GP.
 */
static u64 interrupt_flag(const struct emu_ctx *ctx)
{
	unsigned int iopl = ctx->rflags >> X86_EFLAGS_IOPL_BIT & 3;

	if (ctx->mode == EMU_REAL || ctx->cpl <= iopl)
		return X86_EFLAGS_IF;
	if (ctx->mode == EMU_VM86)
		return ctx->cr4 & X86_CR4_VME ? X86_EFLAGS_VIF : 0;
	return ctx->cpl == 3 && ctx->cr4 & X86_CR4_PVI ? X86_EFLAGS_VIF : 0;
}

enum emu_result op_cli(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	u64 flag = interrupt_flag(ctx);

	if (!flag)
		return emu_fault(ctx, VECTOR_GP, 0);
	ctx->next_rflags &= ~flag;
	return EMU_OK;
}

enum emu_result op_sti(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	u64 flag = interrupt_flag(ctx);

	if (!flag || (flag == X86_EFLAGS_VIF && ctx->rflags & X86_EFLAGS_VIP))
		return emu_fault(ctx, VECTOR_GP, 0);
	if (flag == X86_EFLAGS_IF && !(ctx->rflags & X86_EFLAGS_IF))
		ctx->shadow = EMU_SHADOW_STI;
	ctx->next_rflags |= flag;
	return EMU_OK;
}

enum emu_result op_hlt(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	if (ctx->mode != EMU_REAL && ctx->cpl)
		return emu_fault(ctx, VECTOR_GP, 0);
	ctx->halted = true;
	return EMU_OK;
}
