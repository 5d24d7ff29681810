// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator on any instruction in any mode and state, over memory of which a part is
 * a device: it stays within its bounds, and changes nothing unless it says EMU_OK. Only
 * a REP string instruction keeps the iterations that it has completed.
 */
#include <asm/processor-flags.h>
#include <stdlib.h>
#include <string.h>

#include "emu/emu_priv.h"

#include "emu_world.h"

#define BASE 0x10000ull
#define SIZE 0x4000u

/* What an input begins with; the instruction follows. */
struct header {
	u8 mode;
	u8 code;
	u8 cpl;
	u8 max_iter;
	u16 rflags;
	u16 high_flags;
	u16 limit;
	u16 attr;
	u8 cr;
	u8 seed;
	u16 regs[16];
} __packed;

static struct emu_world world;
static u8 mem[SIZE];

static bool any_segment(u16 sel, struct emu_seg *seg)
{
	*seg = world.seg[EMU_DS];
	seg->sel = sel;
	return sel & 4;
}

static void make_segments(const struct header *h)
{
	unsigned int i;

	for (i = 0; i < EMU_NR_SREG; i++) {
		world.seg[i].base = i & 1 ? BASE : 0;
		world.seg[i].limit = h->limit & 1 ? h->limit : ~0u;
		world.seg[i].attr = i == EMU_TR ? EMU_SEG_P | 0xb : h->attr;
	}
	world.segment = any_segment;
}

static enum emu_code make_world(const struct header *h)
{
	unsigned int i;

	memset(mem, h->seed, sizeof(mem));
	world_init(&world, BASE, mem, SIZE);
	world.device = BASE + 0x2000;
	world.readonly = BASE + 0x3000;
	for (i = 0; i < 16; i++)
		world.regs[i] = h->regs[i] & 1 ? h->regs[i] * 0x10001ull : BASE + h->regs[i];
	world.ctx.mode = h->mode % 4;
	world.ctx.cpl = h->cpl & 3;
	world.ctx.max_iter = h->max_iter;
	world.ctx.rflags = X86_EFLAGS_FIXED | h->rflags | (u64)(h->high_flags & 0x3f) << 16;
	world.ctx.cr0 |= h->cr & 1 ? X86_CR0_AM : 0;
	world.ctx.cr4 |= h->cr & 2 ? X86_CR4_VME | X86_CR4_PVI : 0;
	world.ctx.cr4 |= h->cr & 4 ? X86_CR4_LA57 : 0;
	make_segments(h);
	if (world.ctx.mode == EMU_LONG64)
		return EMU_CODE64;
	return h->code & 1 ? EMU_CODE32 : EMU_CODE16;
}

static bool is_rep(const struct emu_insn *insn)
{
	return insn->op >= EMU_OP_INS && insn->op <= EMU_OP_SCAS &&
	       insn->prefixes & (EMU_PFX_REP | EMU_PFX_REPNE);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct emu_world before;
	enum emu_result ret;
	struct emu_insn insn;
	struct header header;
	enum emu_code code;

	if (size < sizeof(header))
		return 0;
	memcpy(&header, data, sizeof(header));
	data += sizeof(header);
	size -= sizeof(header);
	code = make_world(&header);
	if (emu_decode(&insn, code, data, size))
		return 0;
	before = world;
	ret = world_run(&world, code, data, size);
	if (ret == EMU_FAULT && world.ctx.fault.vector > 31)
		abort();
	if (ret == EMU_OK || is_rep(&insn))
		return 0;
	if (memcmp(world.regs, before.regs, sizeof(before.regs)) != 0 ||
	    memcmp(world.xmm, before.xmm, sizeof(before.xmm)) != 0 ||
	    memcmp(world.seg, before.seg, sizeof(before.seg)) != 0 ||
	    world.ctx.rip != before.ctx.rip || world.ctx.rflags != before.ctx.rflags)
		abort();
	return 0;
}
