// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segment registers of an emulated instruction (SDM 2, MOV; SDM 3, 3.4 and 5.6).
 */
#include <linux/kvm.h>

#include "backend.h"
#include "emu/task.h"
#include "emulate_ops.h"
#include "event.h"
#include "memslot.h"
#include "mmu/mmu.h"
#include "vcpu.h"
#include "vm.h"

/* A selector without its requested privilege level. */
#define SELECTOR_ENTRY 0xfffc
#define SELECTOR_LDT   BIT(2)
#define SELECTOR_RPL   3

#define DESC_ACCESSED  BIT_ULL(40)

static const u8 sregs[EMU_NR_SREG] = {
	[EMU_ES] = SEG_ES, [EMU_CS] = SEG_CS, [EMU_SS] = SEG_SS, [EMU_DS] = SEG_DS,
	[EMU_FS] = SEG_FS, [EMU_GS] = SEG_GS, [EMU_TR] = SEG_TR, [EMU_LDTR] = SEG_LDTR,
};

void emulate_get_seg(struct vcpu *vcpu, enum emu_sreg sreg, struct emu_seg *seg)
{
	struct kvm_segment segment;

	backend->get_segment(vcpu, sregs[sreg], &segment);
	seg->base = segment.base;
	seg->limit = segment.limit;
	seg->sel = segment.selector;
	seg->attr = segment.type | segment.s << 4 | segment.dpl << EMU_SEG_DPL_SHIFT |
		    segment.avl << 8 | segment.l << 9 | segment.db << 10 | segment.g << 11;
	if (segment.present && !segment.unusable)
		seg->attr |= EMU_SEG_P;
}

void emulate_set_seg(struct vcpu *vcpu, enum emu_sreg sreg, const struct emu_seg *seg)
{
	const struct kvm_segment segment = {
		.base = seg->base,
		.limit = seg->limit,
		.selector = seg->sel,
		.type = seg->attr & EMU_SEG_TYPE,
		.s = seg->attr >> 4 & 1,
		.dpl = seg->attr >> EMU_SEG_DPL_SHIFT & 3,
		.present = seg->attr >> 7 & 1,
		.avl = seg->attr >> 8 & 1,
		.l = seg->attr >> 9 & 1,
		.db = seg->attr >> 10 & 1,
		.g = seg->attr >> 11 & 1,
		.unusable = !(seg->attr & EMU_SEG_P),
	};

	backend->set_segment(vcpu, sregs[sreg], &segment);
}

void emulate_read_sreg(struct emu_ctx *ctx, enum emu_sreg sreg, struct emu_seg *seg)
{
	emulate_get_seg(ctx->vcpu, sreg, seg);
}

static enum emu_result seg_fault(struct emu_ctx *ctx, u8 vector, u16 error)
{
	ctx->fault = (struct emu_fault){
		.vector = vector,
		.has_error = true,
		.error = error,
	};
	return EMU_FAULT;
}

/* Linear address of the selector's descriptor; #GP where its table ends before. */
static enum emu_result find_descriptor(struct emu_ctx *ctx, u16 sel, u64 *linear)
{
	u32 offset = sel & ~7u;
	struct kvm_segment ldt;
	struct kvm_dtable gdt;

	if (sel & SELECTOR_LDT) {
		backend->get_segment(ctx->vcpu, SEG_LDTR, &ldt);
		if (ldt.unusable || !ldt.present || offset + 7 > ldt.limit)
			return seg_fault(ctx, VECTOR_GP, sel & SELECTOR_ENTRY);
		*linear = ldt.base + offset;
	} else {
		backend->get_table(ctx->vcpu, false, &gdt);
		if (offset + 7 > gdt.limit)
			return seg_fault(ctx, VECTOR_GP, sel & SELECTOR_ENTRY);
		*linear = gdt.base + offset;
	}
	return EMU_OK;
}

/* Set the accessed bit if it is clear; try again where the descriptor has just been changed. */
static enum emu_result mark_accessed(struct emu_ctx *ctx, u64 linear, u64 desc)
{
	enum emu_result result;
	bool ok;

	if (desc & DESC_ACCESSED)
		return EMU_OK;
	result = emulate_system_cmpxchg(ctx->vcpu, linear, desc, desc | DESC_ACCESSED, &ok,
					&ctx->fault);
	return result == EMU_OK && !ok ? EMU_RETRY : result;
}

static enum emu_result load_null(struct emu_ctx *ctx, enum emu_sreg sreg, u16 sel)
{
	struct kvm_segment segment = { .selector = sel, .unusable = 1 };

	if (sreg == EMU_SS) {
		if (ctx->mode != EMU_LONG64 || ctx->cpl == 3 || (sel & SELECTOR_RPL) != ctx->cpl)
			return seg_fault(ctx, VECTOR_GP, 0);
		segment.dpl = ctx->cpl;
	}
	backend->set_segment(ctx->vcpu, sregs[sreg], &segment);
	return EMU_OK;
}

static enum emu_result load_descriptor(struct emu_ctx *ctx, enum emu_sreg sreg, u16 sel)
{
	u16 error = sel & SELECTOR_ENTRY;
	enum emu_result result;
	struct emu_seg seg;
	u64 linear;
	u64 desc;

	result = find_descriptor(ctx, sel, &linear);
	if (result == EMU_OK)
		result = emulate_read(ctx, linear, &desc, sizeof(desc), EMU_SYSTEM);
	if (result != EMU_OK)
		return result;
	seg = emu_seg_unpack(desc | DESC_ACCESSED, sel);
	if (sreg == EMU_SS ? !emu_seg_stack_ok(&seg, ctx->cpl) : !emu_seg_data_ok(&seg, ctx->cpl))
		return seg_fault(ctx, VECTOR_GP, error);
	if (!(seg.attr & EMU_SEG_P))
		return seg_fault(ctx, sreg == EMU_SS ? VECTOR_SS : VECTOR_NP, error);
	result = mark_accessed(ctx, linear, desc);
	if (result == EMU_OK)
		emulate_set_seg(ctx->vcpu, sreg, &seg);
	return result;
}

/* Real mode keeps the limit and the attributes that protected mode has left (SDM 3, 20.1.1). */
static void load_real(struct emu_ctx *ctx, enum emu_sreg sreg, u16 sel)
{
	struct kvm_segment segment;

	backend->get_segment(ctx->vcpu, sregs[sreg], &segment);
	segment.selector = sel;
	segment.base = sel << 4;
	if (ctx->mode == EMU_VM86) {
		segment.limit = 0xffff;
		segment.type = EMU_SEG_WRITE | EMU_SEG_ACCESSED;
		segment.s = 1;
		segment.dpl = 3;
	}
	segment.present = 1;
	segment.unusable = 0;
	backend->set_segment(ctx->vcpu, sregs[sreg], &segment);
}

enum emu_result emulate_load_sreg(struct emu_ctx *ctx, enum emu_sreg sreg, u16 sel)
{
	if (ctx->mode == EMU_REAL || ctx->mode == EMU_VM86) {
		load_real(ctx, sreg, sel);
		return EMU_OK;
	}
	if (!(sel & SELECTOR_ENTRY))
		return load_null(ctx, sreg, sel);
	return load_descriptor(ctx, sreg, sel);
}
