// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults, effective and linear addresses, memory operands, the stack, and the
 * permission to use a port.
 */
#include <linux/types.h>
#include <linux/bits.h>

#include "emu_priv.h"

/* Vectors that push an error code, SDM 3, 6.13. */
#define ERROR_CODE_VECTORS \
	(BIT(8) | BIT(10) | BIT(11) | BIT(12) | BIT(13) | BIT(14) | BIT(17) | BIT(21))

/* 32-bit TSS: its least limit and the offset of the I/O map base (SDM 3, 7.2.1). */
#define TSS32_LIMIT_MIN 103
#define TSS32_IOMAP	102
#define TSS_TYPE_32	0x9
#define TSS_TYPE_BUSY	0x2

enum emu_result emu_fault(struct emu_ctx *ctx, u8 vector, u32 error)
{
	ctx->fault = (struct emu_fault){
		.vector = vector,
		.has_error = ctx->mode != EMU_REAL && ERROR_CODE_VECTORS >> vector & 1,
		.error = error,
	};
	return EMU_FAULT;
}

const struct emu_seg *emu_get_seg(struct emu_ctx *ctx, unsigned int sreg)
{
	struct emu_seg *seg = &ctx->seg[sreg];

	if (!(ctx->seg_valid & BIT(sreg))) {
		ctx->ops->read_sreg(ctx, sreg, seg);
		ctx->seg_valid |= BIT(sreg);
	}
	return seg;
}

static enum emu_result segment_fault(struct emu_ctx *ctx, unsigned int sreg)
{
	return emu_fault(ctx, sreg == EMU_SS ? VECTOR_SS : VECTOR_GP, 0);
}

/* All @size bytes at @linear: the canonical addresses are one range around zero. */
static __always_inline bool is_canonical(const struct emu_ctx *ctx, u64 linear, unsigned int size)
{
	u64 half = ctx->cr4 & X86_CR4_LA57 ? 1ull << 56 : 1ull << 47;

	return linear + half <= 2 * half - size;
}

/* SDM 3, 5.5: what the descriptor's type allows. Real and virtual-8086 mode do not look at it. */
static bool type_allows(const struct emu_ctx *ctx, const struct emu_seg *seg,
			enum emu_access access)
{
	bool write = access == EMU_WRITE || access == EMU_RMW;

	if (ctx->mode != EMU_PROT)
		return true;
	if ((seg->attr & (EMU_SEG_P | EMU_SEG_S)) != (EMU_SEG_P | EMU_SEG_S))
		return false;
	if (seg->attr & EMU_SEG_CODE)
		return !write && seg->attr & EMU_SEG_WRITE;
	return !write || seg->attr & EMU_SEG_WRITE;
}

/* SDM 3, 5.3. */
static bool limit_allows(const struct emu_seg *seg, u64 offset, unsigned int size)
{
	u64 last = offset + size - 1;

	if ((seg->attr & (EMU_SEG_CODE | EMU_SEG_DOWN)) == EMU_SEG_DOWN)
		return offset > seg->limit && last <= (seg->attr & EMU_SEG_DB ? ~0u : 0xffffu);
	return last <= seg->limit;
}

static __always_inline bool is_misaligned(const struct emu_ctx *ctx, u64 linear, unsigned int size)
{
	return unlikely(ctx->cpl == 3) && ctx->rflags & X86_EFLAGS_AC && ctx->cr0 & X86_CR0_AM &&
	       size <= 16 && linear & (size - 1);
}

static noinline enum emu_result linear_segmented(struct emu_ctx *ctx, unsigned int sreg, u64 offset,
						 unsigned int size, enum emu_access access)
{
	const struct emu_seg *seg = emu_get_seg(ctx, sreg);

	if (!type_allows(ctx, seg, access) || !limit_allows(seg, offset, size))
		return segment_fault(ctx, sreg);
	ctx->linear = (u32)(seg->base + offset);
	if (is_misaligned(ctx, ctx->linear, size))
		return emu_fault(ctx, VECTOR_AC, 0);
	return EMU_OK;
}

static __always_inline enum emu_result linear(struct emu_ctx *ctx, unsigned int sreg, u64 offset,
					      unsigned int size, enum emu_access access)
{
	if (unlikely(ctx->mode != EMU_LONG64))
		return linear_segmented(ctx, sreg, offset, size, access);
	if (unlikely(sreg == EMU_FS || sreg == EMU_GS))
		offset += emu_get_seg(ctx, sreg)->base;
	if (unlikely(!is_canonical(ctx, offset, size)))
		return segment_fault(ctx, sreg);
	if (is_misaligned(ctx, offset, size))
		return emu_fault(ctx, VECTOR_AC, 0);
	ctx->linear = offset;
	return EMU_OK;
}

/* Translate sreg:offset to ctx->linear and make all checks that come before paging. */
enum emu_result emu_linear(struct emu_ctx *ctx, unsigned int sreg, u64 offset, unsigned int size,
			   enum emu_access access)
{
	return linear(ctx, sreg, offset, size, access);
}

static __always_inline u64 effective(const struct emu_ctx *ctx, const struct emu_insn *insn,
				     u64 extra)
{
	u64 address = insn->disp + extra;

	if (insn->base != EMU_NO_REG)
		address += ctx->regs[insn->base];
	else if (insn->rip_relative)
		address += ctx->next_rip;
	if (unlikely(insn->index != EMU_NO_REG))
		address += ctx->regs[insn->index] << insn->scale;
	return likely(insn->adsize == 8) ? address : address & emu_mask(insn->adsize);
}

/* The effective address, displaced by @extra before it wraps at the address size. */
u64 emu_effective(const struct emu_ctx *ctx, const struct emu_insn *insn, u64 extra)
{
	return effective(ctx, insn, extra);
}

/* Compute ctx->linear of the memory operand, see emu_effective() and emu_linear(). */
enum emu_result emu_operand(struct emu_ctx *ctx, const struct emu_insn *insn, u64 extra,
			    unsigned int size, enum emu_access access)
{
	return emu_linear(ctx, insn->seg, effective(ctx, insn, extra), size, access);
}

/* Read ctx->value from ctx->linear. */
enum emu_result emu_load(struct emu_ctx *ctx, unsigned int size, enum emu_access access)
{
	ctx->value = 0;
	return ctx->ops->read(ctx, ctx->linear, &ctx->value, size, access);
}

/* Write to ctx->linear. */
enum emu_result emu_store(struct emu_ctx *ctx, unsigned int size, u64 value)
{
	ctx->value = value;
	return ctx->ops->write(ctx, ctx->linear, &ctx->value, size);
}

/*
 * Operands that must be aligned to 16 bytes raise #GP(0), even where the segment's limit
 * or a canonical check would raise #SS.
 */
enum emu_result emu_check_aligned(struct emu_ctx *ctx, const struct emu_insn *insn)
{
	u64 address = emu_effective(ctx, insn, 0);

	if (ctx->mode != EMU_LONG64 || insn->seg == EMU_FS || insn->seg == EMU_GS)
		address += emu_get_seg(ctx, insn->seg)->base;
	return address & 15 ? emu_fault(ctx, VECTOR_GP, 0) : EMU_OK;
}

/* AH, CH, DH and BH are numbers 4 to 7 of a byte operand without REX. */
static bool emu_high_byte(const struct emu_insn *insn, unsigned int reg, unsigned int size)
{
	return size == 1 && !insn->rex && reg >= 4;
}

u64 emu_reg_read(const struct emu_ctx *ctx, const struct emu_insn *insn, unsigned int reg,
		 unsigned int size)
{
	if (emu_high_byte(insn, reg, size))
		return ctx->regs[reg & 3] >> 8 & 0xff;
	return ctx->regs[reg] & emu_mask(size);
}

void emu_reg_write(struct emu_ctx *ctx, const struct emu_insn *insn, unsigned int reg,
		   unsigned int size, u64 value)
{
	u64 *dst = &ctx->regs[reg];

	if (emu_high_byte(insn, reg, size)) {
		dst = &ctx->regs[reg & 3];
		*dst = (*dst & ~0xff00ull) | (value & 0xff) << 8;
		return;
	}
	*dst = emu_merge(*dst, value, size);
}

/* Read ctx->value from the ModRM operand. */
enum emu_result emu_rm_read(struct emu_ctx *ctx, const struct emu_insn *insn, unsigned int size,
			    enum emu_access access)
{
	enum emu_result ret;

	if (!insn->mem) {
		ctx->value = emu_reg_read(ctx, insn, insn->rm, size);
		return EMU_OK;
	}
	ret = linear(ctx, insn->seg, effective(ctx, insn, 0), size, access);
	return unlikely(ret) ? ret : emu_load(ctx, size, access);
}

enum emu_result emu_rm_write(struct emu_ctx *ctx, const struct emu_insn *insn, unsigned int size,
			     u64 value)
{
	enum emu_result ret;

	if (!insn->mem) {
		emu_reg_write(ctx, insn, insn->rm, size, value);
		return EMU_OK;
	}
	ret = linear(ctx, insn->seg, effective(ctx, insn, 0), size, EMU_WRITE);
	return unlikely(ret) ? ret : emu_store(ctx, size, value);
}

/* The second half of a read-modify-write, after emu_rm_read() with EMU_RMW gave @old. */
enum emu_result emu_rm_update(struct emu_ctx *ctx, const struct emu_insn *insn, unsigned int size,
			      u64 old, u64 new)
{
	bool swapped = false;
	enum emu_result ret;

	if (!insn->mem) {
		emu_reg_write(ctx, insn, insn->rm, size, new);
		return EMU_OK;
	}
	if (!(insn->prefixes & EMU_PFX_LOCK) && insn->op != EMU_OP_XCHG_RM_R)
		return emu_store(ctx, size, new);
	ret = ctx->ops->cmpxchg(ctx, ctx->linear, &old, &new, size, &swapped);
	if (!ret && !swapped)
		return EMU_RETRY;
	return ret;
}

/* Width of the stack pointer in bytes, SDM 1, 6.2.3. */
unsigned int emu_stack_size(struct emu_ctx *ctx)
{
	if (ctx->mode == EMU_LONG64)
		return 8;
	return emu_get_seg(ctx, EMU_SS)->attr & EMU_SEG_DB ? 4 : 2;
}

/* Push below *@sp, a copy of RSP that the caller commits. */
enum emu_result emu_push(struct emu_ctx *ctx, u64 *sp, u64 value, unsigned int size)
{
	unsigned int width = emu_stack_size(ctx);
	u64 top = (*sp - size) & emu_mask(width);
	enum emu_result ret = emu_linear(ctx, EMU_SS, top, size, EMU_WRITE);

	if (!ret)
		ret = emu_store(ctx, size, value);
	if (!ret)
		*sp = emu_merge(*sp, top, width);
	return ret;
}

enum emu_result emu_pop(struct emu_ctx *ctx, u64 *sp, u64 *value, unsigned int size)
{
	unsigned int width = emu_stack_size(ctx);
	enum emu_result ret = emu_linear(ctx, EMU_SS, *sp & emu_mask(width), size, EMU_READ);

	if (!ret)
		ret = emu_load(ctx, size, EMU_READ);
	*value = ctx->value;
	if (!ret)
		*sp = emu_merge(*sp, *sp + size, width);
	return ret;
}

/* Near branch: check the target, which becomes RIP when the instruction completes. */
enum emu_result emu_jump(struct emu_ctx *ctx, const struct emu_insn *insn, u64 target)
{
	bool valid;

	if (ctx->mode == EMU_LONG64) {
		valid = is_canonical(ctx, target, 1);
	} else {
		target &= emu_mask(insn->opsize);
		valid = target <= emu_get_seg(ctx, EMU_CS)->limit;
	}
	if (!valid)
		return emu_fault(ctx, VECTOR_GP, 0);
	ctx->next_rip = target;
	return EMU_OK;
}

static enum emu_result read_tss(struct emu_ctx *ctx, const struct emu_seg *tss, u32 offset,
				u16 *value)
{
	return ctx->ops->read(ctx, tss->base + offset, value, sizeof(*value), EMU_SYSTEM);
}

/* SDM 1, 19.5.2: two bytes of the map are read, and both must be within the limit. */
static enum emu_result io_map_allows(struct emu_ctx *ctx, u16 port, unsigned int size)
{
	const struct emu_seg *tss = emu_get_seg(ctx, EMU_TR);
	enum emu_result ret;
	u16 word = 0;
	u32 offset;

	if (!(tss->attr & EMU_SEG_P) ||
	    (tss->attr & (EMU_SEG_TYPE & ~TSS_TYPE_BUSY)) != TSS_TYPE_32 ||
	    tss->limit < TSS32_LIMIT_MIN)
		return emu_fault(ctx, VECTOR_GP, 0);
	ret = read_tss(ctx, tss, TSS32_IOMAP, &word);
	if (ret)
		return ret;
	offset = word + port / 8;
	if (offset + 1 > tss->limit)
		return emu_fault(ctx, VECTOR_GP, 0);
	ret = read_tss(ctx, tss, offset, &word);
	if (ret)
		return ret;
	if (word >> (port & 7) & (BIT(size) - 1))
		return emu_fault(ctx, VECTOR_GP, 0);
	return EMU_OK;
}

enum emu_result emu_io_allowed(struct emu_ctx *ctx, u16 port, unsigned int size)
{
	unsigned int iopl = ctx->rflags >> X86_EFLAGS_IOPL_BIT & 3;

	if (ctx->pio_checked || ctx->mode == EMU_REAL)
		return EMU_OK;
	if (ctx->mode != EMU_VM86 && ctx->cpl <= iopl)
		return EMU_OK;
	return io_map_allows(ctx, port, size);
}
