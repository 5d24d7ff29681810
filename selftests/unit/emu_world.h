/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A world for the emulator: one range of memory, segment registers from a table,
 * XMM registers, ports that count.
 */
#ifndef EMU_WORLD_H
#define EMU_WORLD_H

#include <linux/types.h>

#include "emu/emu.h"

#define WORLD_UNDO   64
#define WORLD_IO_BUF 64
#define WORLD_LOG    64

/**
 * struct emu_world - the emulator's environment in tests
 * @ctx: the context; its @vcpu is this struct
 * @regs: general registers
 * @xmm: XMM registers
 * @seg: segment registers
 * @base: linear address of @mem
 * @mem: memory, of @size bytes
 * @readonly: linear address from which on memory cannot be written; 0: all can
 * @device: linear address from which on memory is a device; 0: none is
 * @outside: an access went elsewhere, first at @outside_at
 * @undo: what was written, for world_undo()
 * @pending: a device read or port input waits for world_answer()
 * @answered: how many answers the current instruction may consume
 * @next_answer: how many it has consumed
 * @log: accesses to devices and ports that took effect
 */
struct emu_world {
	struct emu_ctx ctx;
	u64 regs[16];
	u8 xmm[16][16];
	struct emu_seg seg[EMU_NR_SREG];
	u64 base;
	u8 *mem;
	size_t size;
	u64 readonly;
	u64 device;
	bool outside;
	u64 outside_at;
	unsigned int nr_undo;
	struct {
		u64 at;
		u8 len;
		u8 old[16];
	} undo[WORLD_UNDO];
	bool pending;
	unsigned int answered;
	unsigned int next_answer;
	bool race;
	u8 io_buf[WORLD_IO_BUF];
	unsigned int nr_log;
	struct {
		bool port;
		bool write;
		u64 at;
		u8 len;
		u64 value;
	} log[WORLD_LOG];
	bool (*segment)(u16 sel, struct emu_seg *seg);
};

/* What a device read gives: depends on the address and the number of the read. */
u64 world_device_value(u64 at, unsigned int nth);

/* Zero state with flat segments at CPL 0 in 64-bit mode. */
void world_init(struct emu_world *world, u64 base, u8 *mem, size_t size);

/* Decode and execute the bytes once. */
enum emu_result world_step(struct emu_world *world, enum emu_code code, const u8 *bytes,
			   size_t len);

/* The same, answering device reads as user space would until it is done. */
enum emu_result world_run(struct emu_world *world, enum emu_code code, const u8 *bytes, size_t len);

/* Take back what was written since world_init() or the last call. */
void world_undo(struct emu_world *world);

#endif /* EMU_WORLD_H */
