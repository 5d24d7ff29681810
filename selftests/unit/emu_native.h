/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Single instructions on the real processor, in user mode: 64-bit code, and 32-bit
 * and 16-bit code in segments of a local descriptor table.
 */
#ifndef EMU_NATIVE_H
#define EMU_NATIVE_H

#include <linux/types.h>

#include "emu/emu.h"

/* Nothing else is mapped between NATIVE_LOW and NATIVE_HIGH. */
#define NATIVE_LOW	 0x1fff0000ul
#define NATIVE_CODE	 0x20000000ul
#define NATIVE_DATA	 0x20010000ul
#define NATIVE_DATA_SIZE 0x10000ul
#define NATIVE_HIGH	 0x20040000ul

#define NATIVE_CS64	 0x33
#define NATIVE_CS32	 0x23
#define NATIVE_FLAT	 0x2b

/* Entries of the local descriptor table. */
enum native_ldt {
	LDT_CODE16,
	LDT_CODE32,
	LDT_DATA16,
	LDT_DATA32,
	LDT_READONLY,
	LDT_DOWN16,
	LDT_DOWN32,
	LDT_EXECONLY,
	NR_LDT,
};

#define LDT_SEL(entry) ((entry) << 3 | 7)

/**
 * struct native_state - what an instruction starts from and leaves behind
 * @regs: general registers
 * @rip: offset in CS
 * @rflags: flags; TF is always added, and removed again
 * @xmm: XMM registers
 * @sel: ES, CS, SS, DS, FS, GS; FS is not changed
 * @vector: the exception that ended it: 1 if the instruction completed
 * @error: its error code
 * @cr2: address of a page fault
 */
struct native_state {
	u64 regs[16];
	u64 rip;
	u64 rflags;
	u8 xmm[16][16];
	u16 sel[6];
	int vector;
	u32 error;
	u64 cr2;
};

/* Map memory, make the LDT, install the handlers. False where the machine refuses. */
bool native_setup(void);

/* Run the instruction at NATIVE_CODE. */
void native_run(struct native_state *state);

/* The segment register that a selector gives, from the same table as the LDT. */
bool native_segment(u16 sel, struct emu_seg *seg);

#endif /* EMU_NATIVE_H */
