// SPDX-License-Identifier: GPL-2.0-only
/* The emulator's callbacks over a piece of memory. */
#include <asm/processor-flags.h>
#include <string.h>

#include "emu_world.h"

#define PF_WRITE 2
#define PF_USER	 4

static struct emu_world *world_of(struct emu_ctx *ctx)
{
	return ctx->vcpu;
}

static enum emu_result fault(struct emu_ctx *ctx, u8 vector, u32 error, u64 cr2)
{
	ctx->fault = (struct emu_fault){
		.vector = vector,
		.has_error = ctx->mode != EMU_REAL,
		.error = error,
		.cr2 = cr2,
	};
	return EMU_FAULT;
}

static enum emu_result world_check(struct emu_ctx *ctx, u64 linear, unsigned int len,
				   enum emu_access access)
{
	struct emu_world *world = world_of(ctx);
	bool write = access == EMU_WRITE || access == EMU_RMW;
	u32 error = write * PF_WRITE + (ctx->cpl == 3 && access != EMU_SYSTEM) * PF_USER;
	unsigned int i;

	for (i = 0; i < len; i++) {
		u64 at = linear + i;

		if (at - world->base >= world->size) {
			if (!world->outside)
				world->outside_at = at;
			world->outside = true;
			return fault(ctx, 14, error, at);
		}
		if (write && world->readonly && at >= world->readonly)
			return fault(ctx, 14, error | 1, at);
	}
	return EMU_OK;
}

static bool is_device(const struct emu_world *world, u64 linear)
{
	return world->device && linear >= world->device;
}

static void log_access(struct emu_world *world, bool port, bool write, u64 at, unsigned int len,
		       const void *value)
{
	unsigned int i = world->nr_log++ % WORLD_LOG;

	world->log[i].port = port;
	world->log[i].write = write;
	world->log[i].at = at;
	world->log[i].len = len;
	world->log[i].value = 0;
	memcpy(&world->log[i].value, value, len < 8 ? len : 8);
}

u64 world_device_value(u64 at, unsigned int nth)
{
	return (at * 0x9e3779b97f4a7c15) ^ ((u64)nth << 56) ^ nth;
}

/* As a VMM does it: the n-th read of an instruction waits until it has been answered. */
static bool answer(struct emu_world *world, u64 at, void *buf, unsigned int len)
{
	unsigned int nth = world->next_answer;
	unsigned int i;

	if (nth >= world->answered) {
		world->pending = true;
		return false;
	}
	world->next_answer++;
	for (i = 0; i < len; i++)
		((u8 *)buf)[i] = (u8)(world_device_value(at, nth) >> 8 * (i & 7));
	world->ctx.rep_stop = true;
	return true;
}

static enum emu_result world_read(struct emu_ctx *ctx, u64 linear, void *buf, unsigned int len,
				  enum emu_access access)
{
	struct emu_world *world = world_of(ctx);
	enum emu_result ret = world_check(ctx, linear, len, access);

	if (ret)
		return ret;
	if (is_device(world, linear))
		return answer(world, linear, buf, len) ? EMU_OK : EMU_EXIT;
	memcpy(buf, world->mem + (linear - world->base), len);
	return EMU_OK;
}

static enum emu_result world_write(struct emu_ctx *ctx, u64 linear, const void *buf,
				   unsigned int len)
{
	struct emu_world *world = world_of(ctx);
	enum emu_result ret = world_check(ctx, linear, len, EMU_WRITE);
	unsigned int slot = world->nr_undo % WORLD_UNDO;
	u8 *mem;

	if (ret)
		return ret;
	if (is_device(world, linear)) {
		log_access(world, false, true, linear, len, buf);
		ctx->rep_stop = true;
		return EMU_OK;
	}
	mem = world->mem + (linear - world->base);
	if (len <= 16) {
		world->nr_undo++;
		world->undo[slot].at = linear;
		world->undo[slot].len = len;
		memcpy(world->undo[slot].old, mem, len);
	}
	memcpy(mem, buf, len);
	return EMU_OK;
}

/* With @race set, another processor has been faster, once. */
static enum emu_result world_cmpxchg(struct emu_ctx *ctx, u64 linear, const void *old,
				     const void *new, unsigned int len, bool *ok)
{
	struct emu_world *world = world_of(ctx);
	enum emu_result ret = world_check(ctx, linear, len, EMU_WRITE);

	if (ret)
		return ret;
	*ok = !world->race &&
	      (is_device(world, linear) || !memcmp(world->mem + (linear - world->base), old, len));
	world->race = false;
	return *ok ? world_write(ctx, linear, new, len) : EMU_OK;
}

static enum emu_result world_pio_in(struct emu_ctx *ctx, u16 port, unsigned int size, void *buf,
				    unsigned int count)
{
	struct emu_world *world = world_of(ctx);

	if (!answer(world, port, buf, size * count))
		return EMU_EXIT;
	log_access(world, true, false, port, size * count, buf);
	return EMU_OK;
}

static enum emu_result world_pio_out(struct emu_ctx *ctx, u16 port, unsigned int size,
				     const void *buf, unsigned int count)
{
	log_access(world_of(ctx), true, true, port, size * count, buf);
	return EMU_OK;
}

static void world_read_sreg(struct emu_ctx *ctx, enum emu_sreg sreg, struct emu_seg *seg)
{
	*seg = world_of(ctx)->seg[sreg];
}

static bool is_writable_data(const struct emu_seg *seg)
{
	return (seg->attr & (EMU_SEG_CODE | EMU_SEG_WRITE)) == EMU_SEG_WRITE;
}

static bool is_readable(const struct emu_seg *seg)
{
	return !(seg->sel & ~3) || !(seg->attr & EMU_SEG_CODE) || seg->attr & EMU_SEG_WRITE;
}

static enum emu_result world_load_sreg(struct emu_ctx *ctx, enum emu_sreg sreg, u16 sel)
{
	struct emu_world *world = world_of(ctx);
	struct emu_seg seg = { .sel = sel };

	if (ctx->mode == EMU_REAL || ctx->mode == EMU_VM86) {
		world->seg[sreg].sel = sel;
		world->seg[sreg].base = (u64)sel << 4;
		return EMU_OK;
	}
	if (!world->segment || !world->segment(sel, &seg))
		return fault(ctx, 13, sel & ~3u, 0);
	if (sreg == EMU_SS && (!(sel & ~3) || (sel & 3) != ctx->cpl))
		return fault(ctx, 13, sel & ~3u, 0);
	if (sreg == EMU_SS ? !is_writable_data(&seg) : !is_readable(&seg))
		return fault(ctx, 13, sel & ~3u, 0);
	world->seg[sreg] = seg;
	return EMU_OK;
}

static enum emu_result world_get_xmm(struct emu_ctx *ctx, unsigned int reg, void *buf)
{
	memcpy(buf, world_of(ctx)->xmm[reg], 16);
	return EMU_OK;
}

static enum emu_result world_set_xmm(struct emu_ctx *ctx, unsigned int reg, const void *buf)
{
	memcpy(world_of(ctx)->xmm[reg], buf, 16);
	return EMU_OK;
}

static const struct emu_ops world_ops = {
	.read = world_read,
	.write = world_write,
	.cmpxchg = world_cmpxchg,
	.check = world_check,
	.pio_in = world_pio_in,
	.pio_out = world_pio_out,
	.read_sreg = world_read_sreg,
	.load_sreg = world_load_sreg,
	.get_xmm = world_get_xmm,
	.set_xmm = world_set_xmm,
};

void world_init(struct emu_world *world, u64 base, u8 *mem, size_t size)
{
	unsigned int i;

	memset(world, 0, sizeof(*world));
	world->base = base;
	world->mem = mem;
	world->size = size;
	for (i = 0; i < EMU_NR_SREG; i++) {
		world->seg[i].limit = 0xffffffff;
		world->seg[i].attr = EMU_SEG_P | EMU_SEG_S | EMU_SEG_WRITE | EMU_SEG_ACCESSED;
	}
	world->ctx = (struct emu_ctx){
		.ops = &world_ops,
		.vcpu = world,
		.regs = world->regs,
		.rflags = X86_EFLAGS_FIXED,
		.cr0 = X86_CR0_PE,
		.cr4 = X86_CR4_OSFXSR,
		.mode = EMU_LONG64,
		.io_buf = world->io_buf,
		.io_len = sizeof(world->io_buf),
	};
}

enum emu_result world_step(struct emu_world *world, enum emu_code code, const u8 *bytes, size_t len)
{
	struct emu_insn insn;

	if (emu_decode(&insn, code, bytes, len))
		return EMU_UNHANDLED;
	emu_ctx_invalidate(&world->ctx);
	world->next_answer = 0;
	return emu_exec(&world->ctx, &insn);
}

enum emu_result world_run(struct emu_world *world, enum emu_code code, const u8 *bytes, size_t len)
{
	enum emu_result ret;

	world->answered = 0;
	for (;;) {
		ret = world_step(world, code, bytes, len);
		if (ret != EMU_EXIT)
			return ret;
		world->answered++;
	}
}

void world_undo(struct emu_world *world)
{
	while (world->nr_undo) {
		unsigned int slot = --world->nr_undo % WORLD_UNDO;
		u64 at = world->undo[slot].at;

		memcpy(world->mem + (at - world->base), world->undo[slot].old,
		       world->undo[slot].len);
	}
}
