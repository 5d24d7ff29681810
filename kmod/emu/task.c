// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hardware task switch of protected mode (SDM 3, 8.2 and 8.3).
 */
#include <linux/minmax.h>
#include <linux/string.h>

#include "emu_priv.h"
#include "task.h"

#define VECTOR_TS 10
#define VECTOR_NP 11

/* Selectors. */
#define SEL_INDEX 0xfff8
#define SEL_ENTRY 0xfffc
#define SEL_LDT	  BIT(2)
#define SEL_RPL	  3

/* Descriptors (SDM 3, figure 3-8); their type and S are bits 44 to 40. */
#define DESC_ACCESSED	BIT_ULL(40)
#define DESC_BUSY	BIT_ULL(41)
#define DESC_TSS32	BIT_ULL(43)
#define DESC_P		BIT_ULL(47)
#define DESC_TYPE(desc) ((desc) >> 40 & 0x1f)
#define TYPE_LDT	2
#define TYPE_TSS	1
#define TYPE_TSS_BUSY	3
#define TYPE_32		8

/* Access rights of a segment in virtual-8086 mode (SDM 3, 27.3.1.2). */
#define ATTR_VM86 (EMU_SEG_P | EMU_SEG_DPL | EMU_SEG_S | EMU_SEG_WRITE | EMU_SEG_ACCESSED)

/* What EFLAGS can hold: not bits 1, 3, 5, 15 and those above ID. */
#define EFLAGS_DEFINED 0x3f7fd5

/* Offsets of a 32-bit TSS alone (SDM 3, figure 8-2); the task link is at 0 in both kinds. */
#define TSS_CR3	  0x1c
#define TSS_TRAP  0x64
#define TSS_BYTES 0x68

/**
 * struct layout - a kind of TSS (SDM 3, figures 8-2 and 8-10)
 * @width: bytes of a register
 * @nr_sregs: segment registers, in the order of enum emu_sreg
 * @limit: the least of its descriptor
 * @ip: offset of EIP; EFLAGS, the general and the segment registers and LDTR come behind it
 */
struct layout {
	u8 width;
	u8 nr_sregs;
	u8 limit;
	u8 ip;
};

static const struct layout tss16 = { .width = 2, .nr_sregs = 4, .limit = 0x2b, .ip = 0x0e };
static const struct layout tss32 = { .width = 4, .nr_sregs = 6, .limit = 0x67, .ip = 0x20 };

/* Registers of a TSS by number, from EIP on. */
enum {
	TSS_EIP,
	TSS_EFLAGS,
	TSS_REGS,
	TSS_SREGS = TSS_REGS + TASK_NR_REGS,
};

/**
 * struct target - the new task's TSS
 * @desc: its descriptor
 * @at: where that is
 * @tss: what it says
 */
struct target {
	u64 desc;
	u32 at;
	struct emu_seg tss;
};

static const struct layout *layout_of(const struct emu_seg *tss)
{
	return tss->attr & TYPE_32 ? &tss32 : &tss16;
}

static unsigned int offset_of(const struct layout *layout, unsigned int number)
{
	return layout->ip + number * layout->width;
}

/* Where what is saved of a task ends. */
static unsigned int saved_end(const struct layout *layout)
{
	return offset_of(layout, TSS_SREGS + layout->nr_sregs);
}

static u32 get(const struct layout *layout, const u8 *image, unsigned int number)
{
	u32 value = 0;

	memcpy(&value, image + offset_of(layout, number), layout->width);
	return value;
}

static void put(const struct layout *layout, u8 *image, unsigned int number, u32 value, int width)
{
	memcpy(image + offset_of(layout, number), &value, width);
}

/* A call, that is one that can be returned from by IRET. */
static bool is_nested(const struct task *task)
{
	return task->source == TASK_CALL || task->source == TASK_GATE;
}

static enum emu_result fault(struct task *task, u8 vector, u16 selector)
{
	task->fault = (struct emu_fault){
		.vector = vector,
		.has_error = true,
		.error = (selector & SEL_ENTRY) | task->external,
	};
	return EMU_FAULT;
}

struct emu_seg emu_seg_unpack(u64 desc, u16 selector)
{
	u32 limit = (desc & 0xffff) | (desc >> 32 & 0xf0000);
	u16 attr = (desc >> 40 & 0xff) | (desc >> 44 & 0xf00);

	return (struct emu_seg){
		.base = (desc >> 16 & 0xffffff) | (desc >> 32 & 0xff000000),
		.limit = attr & EMU_SEG_G ? limit << 12 | 0xfff : limit,
		.sel = selector,
		.attr = attr,
	};
}

/* The checks of JMP, CALL, INT n and IRET (SDM 2) on the descriptor, in their order. */
static enum emu_result find_tss(struct task *task, struct target *target)
{
	u8 vector = task->source == TASK_IRET ? VECTOR_TS : VECTOR_GP;
	u8 type = task->source == TASK_IRET ? TYPE_TSS_BUSY : TYPE_TSS;
	u16 selector = task->selector;
	enum emu_result result;

	if (!(selector & SEL_ENTRY) || selector & SEL_LDT || (selector | 7) > task->gdt_limit)
		return fault(task, vector, selector);
	target->at = task->gdt_base + (selector & SEL_INDEX);
	result = task->ops->read(task, target->at, &target->desc, sizeof(target->desc));
	if (result)
		return result;
	if ((DESC_TYPE(target->desc) & ~TYPE_32) != type)
		return fault(task, vector, selector);
	if (!(target->desc & DESC_P))
		return fault(task, VECTOR_NP, selector);
	target->tss = emu_seg_unpack(target->desc | DESC_BUSY, selector);
	if (target->tss.limit < layout_of(&target->tss)->limit)
		return fault(task, VECTOR_TS, selector);
	return EMU_OK;
}

/* Where the old task's descriptor is; its table may not hold it any more. */
static u32 old_descriptor(const struct task *task)
{
	return task->gdt_base + (task->seg[EMU_TR].sel & SEL_INDEX);
}

/* The old task can be saved and all of the new TSS be read (step 5 of SDM 3, 8.3). */
static enum emu_result check_access(struct task *task, const struct target *target)
{
	const struct emu_seg *old = &task->seg[EMU_TR];
	const struct layout *layout = layout_of(old);
	unsigned int end = saved_end(layout);
	enum emu_result result;
	u8 image[TSS_BYTES];

	if (old->limit + 1ull < end || (!is_nested(task) && (old->sel | 7) > task->gdt_limit))
		return fault(task, VECTOR_TS, old->sel);
	result = task->ops->check(task, old->base + layout->ip, end - layout->ip);
	if (!result)
		result = task->ops->read(task, target->tss.base, image,
					 layout_of(&target->tss)->limit + 1);
	if (!result && is_nested(task))
		result = task->ops->check(task, target->tss.base, sizeof(u16));
	if (!result && !is_nested(task))
		result = task->ops->check(task, old_descriptor(task), sizeof(u64));
	if (!result && task->source != TASK_IRET)
		result = task->ops->check(task, target->at, sizeof(u64));
	return result;
}

/* Of selectors only the low half is written, whose upper one is reserved. */
static enum emu_result save_old(struct task *task)
{
	const struct emu_seg *old = &task->seg[EMU_TR];
	const struct layout *layout = layout_of(old);
	u32 at = old->base + layout->ip;
	unsigned int len = saved_end(layout) - layout->ip;
	u32 eflags = task->eflags;
	enum emu_result result;
	u8 image[TSS_BYTES];
	int i;

	if (task->source == TASK_IRET)
		eflags &= ~X86_EFLAGS_NT;
	result = task->ops->read(task, at, image + layout->ip, len);
	if (result)
		return result;
	put(layout, image, TSS_EIP, task->eip, layout->width);
	put(layout, image, TSS_EFLAGS, eflags, layout->width);
	for (i = 0; i < TASK_NR_REGS; i++)
		put(layout, image, TSS_REGS + i, task->regs[i], layout->width);
	for (i = 0; i < layout->nr_sregs; i++)
		put(layout, image, TSS_SREGS + i, task->seg[i].sel, sizeof(u16));
	return task->ops->write(task, at, image + layout->ip, len, false);
}

static enum emu_result clear_busy(struct task *task)
{
	u32 at = old_descriptor(task) + 5;
	enum emu_result result;
	u8 type;

	result = task->ops->read(task, at, &type, sizeof(type));
	if (result)
		return result;
	type &= ~(DESC_BUSY >> 40);
	return task->ops->write(task, at, &type, sizeof(type), false);
}

/*
 * Steps 6 to 11 of SDM 3, 8.3. The new task is taken first: two processors cannot both have it, and
 * the one that comes too late has changed nothing.
 */
static enum emu_result commit(struct task *task, const struct target *target)
{
	u16 link = task->seg[EMU_TR].sel;
	enum emu_result result = EMU_OK;
	bool ok = true;

	if (task->source != TASK_IRET)
		result = task->ops->cmpxchg(task, target->at, target->desc,
					    target->desc | DESC_BUSY, &ok);
	if (!result && !ok)
		return EMU_RETRY;
	if (!result && !is_nested(task))
		result = clear_busy(task);
	if (!result)
		result = save_old(task);
	if (!result && is_nested(task))
		result = task->ops->write(task, target->tss.base, &link, sizeof(link), false);
	return result;
}

/*
 * Registers that have no descriptor (yet). A fault in between finds the selectors loaded, and
 * segments that cannot be used; only CS is one, as code needs it.
 */
static void load_selectors(struct task *task, const struct layout *layout, const u8 *image)
{
	bool vm86 = task->eflags & X86_EFLAGS_VM;
	int i;

	for (i = EMU_ES; i <= EMU_GS; i++) {
		u16 selector = i < layout->nr_sregs ? get(layout, image, TSS_SREGS + i) : 0;

		task->seg[i] = (struct emu_seg){ .sel = selector };
		if (vm86)
			task->seg[i] =
				(struct emu_seg){ selector << 4, 0xffff, selector, ATTR_VM86 };
	}
	task->cpl = vm86 ? 3 : task->seg[EMU_CS].sel & SEL_RPL;
	if (vm86)
		return;
	task->seg[EMU_SS].attr = task->cpl << EMU_SEG_DPL_SHIFT;
	task->seg[EMU_CS].limit = 0xffff;
	task->seg[EMU_CS].attr = EMU_SEG_P | EMU_SEG_S | EMU_SEG_CODE | EMU_SEG_WRITE |
				 EMU_SEG_ACCESSED | task->cpl << EMU_SEG_DPL_SHIFT;
}

/* Step 12: all that needs no descriptor. */
static enum emu_result load_registers(struct task *task, const struct target *target)
{
	const struct layout *layout = layout_of(&target->tss);
	u8 image[TSS_BYTES] = {};
	enum emu_result result;
	u32 cr3 = task->cr3;
	int i;

	result = task->ops->read(task, target->tss.base, image, layout->limit + 1);
	if (result)
		return result;
	task->committed = true;
	task->seg[EMU_TR] = target->tss;
	task->cr0 |= X86_CR0_TS;
	task->eip = get(layout, image, TSS_EIP);
	task->eflags = (get(layout, image, TSS_EFLAGS) & EFLAGS_DEFINED) | X86_EFLAGS_FIXED;
	if (is_nested(task))
		task->eflags |= X86_EFLAGS_NT;
	for (i = 0; i < TASK_NR_REGS; i++)
		task->regs[i] = get(layout, image, TSS_REGS + i);
	load_selectors(task, layout, image);
	task->seg[EMU_LDTR] = (struct emu_seg){
		.sel = get(layout, image, TSS_SREGS + layout->nr_sregs),
	};
	if (layout == &tss16)
		return EMU_OK;
	task->trap = image[TSS_TRAP] & 1;
	memcpy(&cr3, image + TSS_CR3, sizeof(cr3));
	if (!(task->cr0 & X86_CR0_PG) || cr3 == task->cr3)
		return EMU_OK;
	if (!task->ops->load_cr3(task, cr3))
		return fault(task, VECTOR_GP, 0);
	task->cr3 = cr3;
	return EMU_OK;
}

static enum emu_result read_descriptor(struct task *task, u16 selector, u32 *at, u64 *desc)
{
	const struct emu_seg *ldt = &task->seg[EMU_LDTR];
	bool local = selector & SEL_LDT;

	if (local && !(ldt->attr & EMU_SEG_P))
		return fault(task, VECTOR_TS, selector);
	if ((selector | 7) > (local ? ldt->limit : task->gdt_limit))
		return fault(task, VECTOR_TS, selector);
	*at = (local ? ldt->base : task->gdt_base) + (selector & SEL_INDEX);
	return task->ops->read(task, *at, desc, sizeof(*desc));
}

static enum emu_result load_ldt(struct task *task)
{
	u16 selector = task->seg[EMU_LDTR].sel;
	enum emu_result result;
	u64 desc;
	u32 at;

	if (!(selector & SEL_ENTRY))
		return EMU_OK;
	if (selector & SEL_LDT)
		return fault(task, VECTOR_TS, selector);
	result = read_descriptor(task, selector, &at, &desc);
	if (result)
		return result;
	if (DESC_TYPE(desc) != TYPE_LDT || !(desc & DESC_P))
		return fault(task, VECTOR_TS, selector);
	task->seg[EMU_LDTR] = emu_seg_unpack(desc, selector);
	return EMU_OK;
}

static bool code_ok(const struct emu_seg *seg, u8 cpl)
{
	u8 dpl = seg->attr >> EMU_SEG_DPL_SHIFT & 3;

	if ((seg->attr & (EMU_SEG_S | EMU_SEG_CODE)) != (EMU_SEG_S | EMU_SEG_CODE))
		return false;
	return seg->attr & EMU_SEG_DOWN ? dpl <= cpl : dpl == cpl;
}

bool emu_seg_stack_ok(const struct emu_seg *seg, u8 cpl)
{
	u8 dpl = seg->attr >> EMU_SEG_DPL_SHIFT & 3;

	if ((seg->attr & (EMU_SEG_S | EMU_SEG_CODE | EMU_SEG_WRITE)) != (EMU_SEG_S | EMU_SEG_WRITE))
		return false;
	return dpl == cpl && (seg->sel & SEL_RPL) == cpl;
}

bool emu_seg_data_ok(const struct emu_seg *seg, u8 cpl)
{
	u8 dpl = seg->attr >> EMU_SEG_DPL_SHIFT & 3;

	if (!(seg->attr & EMU_SEG_S))
		return false;
	if (seg->attr & EMU_SEG_CODE && !(seg->attr & EMU_SEG_WRITE))
		return false;
	if (seg->attr & EMU_SEG_CODE && seg->attr & EMU_SEG_DOWN)
		return true;
	return max_t(u8, seg->sel & SEL_RPL, cpl) <= dpl;
}

/**
 * struct rule - what the new task's segment register wants of its descriptor (SDM 3, table 8-1)
 * @ok: type and privilege levels
 * @absent: vector where the segment is not present
 * @null: a null selector will do
 */
struct rule {
	bool (*ok)(const struct emu_seg *seg, u8 cpl);
	u8 absent;
	bool null;
};

static const struct rule rules[] = {
	[EMU_ES] = { emu_seg_data_ok, VECTOR_NP, true },
	[EMU_CS] = { code_ok, VECTOR_NP, false },
	[EMU_SS] = { emu_seg_stack_ok, VECTOR_SS, false },
	[EMU_DS] = { emu_seg_data_ok, VECTOR_NP, true },
	[EMU_FS] = { emu_seg_data_ok, VECTOR_NP, true },
	[EMU_GS] = { emu_seg_data_ok, VECTOR_NP, true },
};

static enum emu_result load_segment(struct task *task, enum emu_sreg sreg)
{
	const struct rule *rule = &rules[sreg];
	u16 selector = task->seg[sreg].sel;
	enum emu_result result = EMU_OK;
	struct emu_seg seg;
	u64 desc;
	bool ok;
	u32 at;

	if (!(selector & SEL_ENTRY))
		return rule->null ? EMU_OK : fault(task, VECTOR_TS, selector);
	result = read_descriptor(task, selector, &at, &desc);
	if (result)
		return result;
	seg = emu_seg_unpack(desc | DESC_ACCESSED, selector);
	if (!rule->ok(&seg, task->cpl))
		return fault(task, VECTOR_TS, selector);
	if (!(desc & DESC_P))
		return fault(task, rule->absent, selector);
	/* A descriptor that has just been changed has been loaded before that. */
	if (!(desc & DESC_ACCESSED))
		result = task->ops->cmpxchg(task, at, desc, desc | DESC_ACCESSED, &ok);
	if (!result)
		task->seg[sreg] = seg;
	return result;
}

/* Step 13. The order is the processor's own affair (SDM 3, 8.3). */
static enum emu_result load_segments(struct task *task)
{
	static const u8 order[] = { EMU_CS, EMU_SS, EMU_ES, EMU_DS, EMU_FS, EMU_GS };
	enum emu_result result = load_ldt(task);
	unsigned int i;

	if (task->eflags & X86_EFLAGS_VM)
		return result;
	for (i = 0; i < sizeof(order) && !result; i++)
		result = load_segment(task, order[i]);
	return result;
}

static bool in_stack(const struct emu_seg *ss, u32 offset, unsigned int len)
{
	u64 last = (u64)offset + len - 1;

	if (ss->attr & EMU_SEG_DOWN)
		return offset > ss->limit && last <= (ss->attr & EMU_SEG_DB ? ~0u : 0xffffu);
	return last <= ss->limit;
}

/* Of the width of the new task's TSS (SDM 2, INT n: task gate). */
static enum emu_result push_error(struct task *task)
{
	unsigned int width = layout_of(&task->seg[EMU_TR])->width;
	const struct emu_seg *ss = &task->seg[EMU_SS];
	unsigned int sp_width = ss->attr & EMU_SEG_DB ? 4 : 2;
	u32 *esp = &task->regs[EMU_RSP];
	u32 offset = (*esp - width) & emu_mask(sp_width);
	enum emu_result result;

	if (!in_stack(ss, offset, width))
		return fault(task, VECTOR_SS, 0);
	result = task->ops->write(task, ss->base + offset, &task->error, width, task->cpl == 3);
	if (!result)
		*esp = emu_merge(*esp, offset, sp_width);
	return result;
}

enum emu_result task_switch(struct task *task)
{
	enum emu_result result;
	struct target target;

	task->committed = false;
	task->trap = false;
	result = find_tss(task, &target);
	if (!result)
		result = check_access(task, &target);
	if (!result)
		result = commit(task, &target);
	if (!result)
		result = load_registers(task, &target);
	if (!result)
		result = load_segments(task);
	if (!result && task->has_error)
		result = push_error(task);
	if (!result && task->eip > task->seg[EMU_CS].limit)
		result = fault(task, VECTOR_GP, 0);
	return result;
}
