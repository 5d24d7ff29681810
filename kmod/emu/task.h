/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hardware task switch of protected mode (SDM 3, 8.3), for processors that leave it to the
 * hypervisor. Pure: memory is seen only through struct task_ops.
 */
#ifndef TENON_EMU_TASK_H
#define TENON_EMU_TASK_H

#include <linux/types.h>

#include "emu.h"

#define TASK_NR_REGS 8

/* What switches the task; in the order of VMX's exit qualification (SDM 3, table 28-2). */
enum task_source {
	TASK_CALL,
	TASK_IRET,
	TASK_JMP,
	TASK_GATE, /* an event, through a task gate of the IDT */
};

struct task;

/**
 * struct task_ops - the world as a task switch sees it; all addresses are linear
 * @read: read @len bytes with supervisor rights
 * @write: write @len bytes; @user: with those of CPL 3
 * @check: would a supervisor's write of @len bytes fault?
 * @cmpxchg: replace the 8 bytes @old by @new in one step; *@ok: they were still @old
 * @load_cr3: a new CR3 is in force; false: its page-directory pointers (PAE) are bad, nothing is
 *	changed
 *
 * A callback that returns EMU_FAULT has filled task->fault. An access has up to 108 bytes.
 */
struct task_ops {
	enum emu_result (*read)(struct task *task, u32 linear, void *buf, unsigned int len);
	enum emu_result (*write)(struct task *task, u32 linear, const void *buf, unsigned int len,
				 bool user);
	enum emu_result (*check)(struct task *task, u32 linear, unsigned int len);
	enum emu_result (*cmpxchg)(struct task *task, u32 linear, u64 old, u64 new, bool *ok);
	bool (*load_cr3)(struct task *task, u32 cr3);
};

/**
 * struct task - a task switch, and the processor on which it happens
 * @ops: callbacks
 * @owner: for the callbacks' own use
 * @source: enum task_source
 * @selector: of the new task's TSS; which gate it came from has been checked
 * @external: the event is not the program's own: EXT in error codes (SDM 3, 6.13)
 * @has_error: the event pushes @error on the new task's stack
 * @error: error code
 * @regs: general registers in the encoding's order, the old task's, then the new one's
 * @eip: to be saved as the old task's: behind the instruction, if one switches the task; then the
 *	new task's
 * @eflags: likewise
 * @cr0: PG is looked at, TS is set
 * @cr3: the old and then the new value
 * @cpl: out: of the new task
 * @gdt_base: of GDTR
 * @gdt_limit: likewise
 * @seg: segment registers
 * @committed: out: the new task's context is in force, also if it begins with @fault
 * @trap: out: the new TSS has the T flag: #DB with DR6.BT before the first instruction
 * @fault: an exception, in the new task's context if @committed is set, else in the old one's
 */
struct task {
	const struct task_ops *ops;
	void *owner;
	u8 source;
	u16 selector;
	bool external;
	bool has_error;
	u32 error;

	u32 regs[TASK_NR_REGS];
	u32 eip;
	u32 eflags;
	u64 cr0;
	u32 cr3;
	u8 cpl;
	u32 gdt_base;
	u16 gdt_limit;
	struct emu_seg seg[EMU_NR_SREG];

	bool committed;
	bool trap;
	struct emu_fault fault;
};

/* The fields of a segment descriptor (SDM 3, figure 3-8), loaded by @selector. */
struct emu_seg emu_seg_unpack(u64 desc, u16 selector);

/* Are type and privilege levels those of a stack, or of a data segment, for @cpl (SDM 3, 5.6)? */
bool emu_seg_stack_ok(const struct emu_seg *seg, u8 cpl);
bool emu_seg_data_ok(const struct emu_seg *seg, u8 cpl);

/**
 * task_switch() - switch to another task
 * @task: what, and the processor's state, which is the new task's when @task->committed is set
 *
 * Nothing is changed, in @task or in memory, unless the old task can be saved and the new one's TSS
 * is good. What is wrong with the new task itself is found later, and is its own fault.
 *
 * Return: EMU_OK; EMU_FAULT with @task->fault; EMU_RETRY where another processor has just taken
 * the new task: nothing has been changed, try again; or what a callback returned.
 */
enum emu_result task_switch(struct task *task);

#endif
