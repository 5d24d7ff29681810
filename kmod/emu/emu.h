/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * x86 instruction decoder and emulator.
 *
 * Pure C: the same files are built into the module, the unit tests and the
 * fuzzers. The emulator sees memory, ports and segment registers only through
 * struct emu_ops and never allocates, sleeps or logs by itself.
 */
#ifndef TENON_EMU_H
#define TENON_EMU_H

#include <linux/types.h>

/* Longest legal instruction, SDM 2, 2.3.11. */
#define EMU_INSN_MAX 15

/* Marks an absent base or index register in struct emu_insn. */
#define EMU_NO_REG 0xff

/**
 * enum emu_code - default operand and address size of the code segment
 * @EMU_CODE16: real mode, virtual-8086 mode, or CS.D = 0
 * @EMU_CODE32: CS.D = 1
 * @EMU_CODE64: EFER.LMA = 1 and CS.L = 1
 */
enum emu_code {
	EMU_CODE16,
	EMU_CODE32,
	EMU_CODE64,
};

/**
 * enum emu_mode - operating mode of the processor (SDM 3, 2.2)
 * @EMU_REAL: CR0.PE = 0
 * @EMU_VM86: CR0.PE = 1 and EFLAGS.VM = 1
 * @EMU_PROT: protected or compatibility mode; CS.D gives the code size
 * @EMU_LONG64: 64-bit mode
 */
enum emu_mode {
	EMU_REAL,
	EMU_VM86,
	EMU_PROT,
	EMU_LONG64,
};

/* Opcode maps, numbered as the VEX.mmmmm and XOP.map_select fields do. */
enum emu_map {
	EMU_MAP_1B = 0,
	EMU_MAP_0F = 1,
	EMU_MAP_0F38 = 2,
	EMU_MAP_0F3A = 3,
};

/* Bits of emu_insn.prefixes. */
#define EMU_PFX_OPSIZE 0x01 /* 66 */
#define EMU_PFX_ADSIZE 0x02 /* 67 */
#define EMU_PFX_REP    0x04 /* F3, when it is the last of F2 and F3 */
#define EMU_PFX_REPNE  0x08 /* F2, likewise */
#define EMU_PFX_LOCK   0x10 /* F0 */
#define EMU_PFX_VEX    0x20 /* VEX, EVEX or XOP: length only, not executed */

/* Bits of emu_insn.rex. */
#define EMU_REX	  0x40
#define EMU_REX_W 0x08
#define EMU_REX_R 0x04
#define EMU_REX_X 0x02
#define EMU_REX_B 0x01

/* General registers in the encoding's order. */
enum emu_reg {
	EMU_RAX,
	EMU_RCX,
	EMU_RDX,
	EMU_RBX,
	EMU_RSP,
	EMU_RBP,
	EMU_RSI,
	EMU_RDI,
};

/* Segment registers in the encoding's order, then the system ones. */
enum emu_sreg {
	EMU_ES,
	EMU_CS,
	EMU_SS,
	EMU_DS,
	EMU_FS,
	EMU_GS,
	EMU_TR,
	EMU_LDTR,
	EMU_NR_SREG,
};

/**
 * struct emu_insn - a decoded instruction
 * @len: length in bytes, 1..15
 * @code: enum emu_code it was decoded for
 * @map: enum emu_map (with EMU_PFX_VEX: the raw map number)
 * @opcode: opcode byte within @map
 * @prefixes: EMU_PFX_* bits
 * @rex: 0, or EMU_REX with its W, R, X and B bits
 * @op: internal operation number, see emu_priv.h
 * @opsize: operand size in bytes: 1, 2, 4 or 8
 * @adsize: address size in bytes: 2, 4 or 8
 * @seg: enum emu_sreg of the memory operand, overrides applied
 * @modrm: the ModRM byte, 0 if the opcode has none
 * @mem: the ModRM (or moffs) operand is in memory
 * @reg: ModRM.reg extended by REX.R
 * @rm: ModRM.rm extended by REX.B; the register where @mem is false
 * @base: base register of the memory operand or EMU_NO_REG
 * @index: index register or EMU_NO_REG
 * @scale: shift of the index, 0..3
 * @rip_relative: the displacement counts from the next instruction
 * @imm2: second immediate: the selector of a far pointer, the level of ENTER
 * @flags: the opcode's table entry, see emu_priv.h
 * @disp: displacement, sign-extended; the address itself for a moffs operand
 * @imm: immediate, sign-extended as the opcode asks
 */
struct emu_insn {
	u8 len;
	u8 code;
	u8 map;
	u8 opcode;
	u8 prefixes;
	u8 rex;
	u8 op;
	u8 opsize;
	u8 adsize;
	u8 seg;
	u8 modrm;
	bool mem;
	u8 reg;
	u8 rm;
	u8 base;
	u8 index;
	u8 scale;
	bool rip_relative;
	u16 imm2;
	u32 flags;
	s64 disp;
	u64 imm;
};

/* What emu_decode() and emu_insn_len() return instead of success. */
#define EMU_NEED_BYTES (-1) /* the instruction goes on beyond the bytes given */
#define EMU_TOO_LONG   (-2) /* longer than 15 bytes: #GP(0) */

/**
 * emu_decode() - decode one instruction
 * @insn: result; written entirely on success, unspecified otherwise
 * @code: code size of CS
 * @bytes: instruction bytes; only the first EMU_INSN_MAX are looked at
 * @len: number of @bytes
 *
 * All opcode maps are decoded for their length. An opcode that the processor
 * does not define decodes successfully and raises #UD when executed.
 * In 64-bit mode near branches ignore prefix 66, as Intel's do.
 *
 * Return: 0, EMU_NEED_BYTES or EMU_TOO_LONG. SDM 2, chapter 2.
 */
int emu_decode(struct emu_insn *insn, enum emu_code code, const u8 *bytes, size_t len);

/**
 * emu_insn_len() - length of an instruction
 * @code: code size of CS
 * @bytes: instruction bytes
 * @len: number of @bytes
 *
 * Return: 1..15, EMU_NEED_BYTES or EMU_TOO_LONG.
 */
int emu_insn_len(enum emu_code code, const u8 *bytes, size_t len);

/* emu_seg.attr: bytes 5 and 6 of a descriptor without the limit (SDM 3, 3.4.5). */
#define EMU_SEG_TYPE	  0x000f
#define EMU_SEG_ACCESSED  0x0001
#define EMU_SEG_WRITE	  0x0002 /* data: writable; code: readable */
#define EMU_SEG_DOWN	  0x0004 /* data: expand down; code: conforming */
#define EMU_SEG_CODE	  0x0008
#define EMU_SEG_S	  0x0010 /* code or data, not a system segment */
#define EMU_SEG_DPL	  0x0060
#define EMU_SEG_DPL_SHIFT 5
#define EMU_SEG_P	  0x0080 /* clear also in an unusable (null) segment */
#define EMU_SEG_AVL	  0x0100
#define EMU_SEG_L	  0x0200
#define EMU_SEG_DB	  0x0400
#define EMU_SEG_G	  0x0800

/**
 * struct emu_seg - a segment register with its hidden part
 * @base: linear address of the segment
 * @limit: last valid offset in bytes (already scaled by the granularity)
 * @sel: selector
 * @attr: EMU_SEG_* bits
 */
struct emu_seg {
	u64 base;
	u32 limit;
	u16 sel;
	u16 attr;
};

/**
 * enum emu_result - outcome of emu_exec() and of the callbacks
 * @EMU_OK: done
 * @EMU_FAULT: emu_ctx.fault holds an exception for the guest
 * @EMU_EXIT: user space must supply data first; then execute again
 * @EMU_UNHANDLED: not an instruction (or operation) that can be emulated
 * @EMU_RETRY: memory changed under a locked operation: enter the guest, or execute, again
 */
enum emu_result {
	EMU_OK,
	EMU_FAULT,
	EMU_EXIT,
	EMU_UNHANDLED,
	EMU_RETRY,
};

/**
 * struct emu_fault - an exception for the guest
 * @vector: 0..31
 * @has_error: whether the exception pushes @error (never in real mode)
 * @error: error code
 * @cr2: faulting linear address of a #PF
 */
struct emu_fault {
	u8 vector;
	bool has_error;
	u32 error;
	u64 cr2;
};

/**
 * enum emu_access - what a memory callback is asked to do
 * @EMU_READ: data read with the rights of emu_ctx.cpl
 * @EMU_WRITE: data write
 * @EMU_RMW: read of a location that is written next: needs the right to write
 * @EMU_SYSTEM: read by the processor itself (descriptors, TSS): supervisor rights
 */
enum emu_access {
	EMU_READ,
	EMU_WRITE,
	EMU_RMW,
	EMU_SYSTEM,
};

struct emu_ctx;

/**
 * struct emu_ops - the world as the emulator sees it
 * @read: read @len bytes at a linear address: 1..16, which may cross a page; or, for
 *	OUTS, up to emu_ctx.io_len within one page
 * @write: write @len bytes: 1..16, or for INS up to emu_ctx.io_len within one page;
 *	a device write may be queued, and is then done
 * @cmpxchg: atomically replace @old by @new (1, 2, 4, 8 or 16 bytes); *@ok tells
 *	whether memory still held @old. On a device this is a plain write.
 * @check: would @access to @len bytes fault? Transfers nothing.
 * @pio_in: read @count elements of @size bytes from a port
 * @pio_out: write @count elements of @size bytes to a port
 * @read_sreg: store a segment register's current contents in *@seg
 * @load_sreg: load ES, SS, DS, FS or GS with selector @sel with all checks of the
 *	mode (SDM 2, MOV); called last, so it may change state when it returns EMU_OK
 * @get_xmm: copy XMM @reg to the 16 bytes of @buf
 * @set_xmm: copy the 16 bytes of @buf to XMM @reg, upper YMM/ZMM bits kept
 *
 * A callback that returns EMU_FAULT has filled ctx->fault. A callback that touched
 * a device (data from user space consumed, write queued) sets ctx->rep_stop, which
 * ends a REP loop after the current iteration.
 */
struct emu_ops {
	enum emu_result (*read)(struct emu_ctx *ctx, u64 linear, void *buf, unsigned int len,
				enum emu_access access);
	enum emu_result (*write)(struct emu_ctx *ctx, u64 linear, const void *buf,
				 unsigned int len);
	enum emu_result (*cmpxchg)(struct emu_ctx *ctx, u64 linear, const void *old,
				   const void *new, unsigned int len, bool *ok);
	enum emu_result (*check)(struct emu_ctx *ctx, u64 linear, unsigned int len,
				 enum emu_access access);
	enum emu_result (*pio_in)(struct emu_ctx *ctx, u16 port, unsigned int size, void *buf,
				  unsigned int count);
	enum emu_result (*pio_out)(struct emu_ctx *ctx, u16 port, unsigned int size,
				   const void *buf, unsigned int count);
	void (*read_sreg)(struct emu_ctx *ctx, enum emu_sreg sreg, struct emu_seg *seg);
	enum emu_result (*load_sreg)(struct emu_ctx *ctx, enum emu_sreg sreg, u16 sel);
	enum emu_result (*get_xmm)(struct emu_ctx *ctx, unsigned int reg, void *buf);
	enum emu_result (*set_xmm)(struct emu_ctx *ctx, unsigned int reg, const void *buf);
};

/* Bits of emu_ctx.shadow: interrupts are held off for one instruction. */
#define EMU_SHADOW_STI	  0x01
#define EMU_SHADOW_MOV_SS 0x02

/**
 * struct emu_ctx - one virtual CPU as the emulator sees it
 * @ops: callbacks
 * @vcpu: for the callbacks' own use
 * @regs: the 16 general registers, used in place
 * @rip: instruction pointer
 * @rflags: flags
 * @cr0: CR0 (PE, AM)
 * @cr4: CR4 (VME, PVI, LA57)
 * @efer: EFER
 * @mode: enum emu_mode
 * @cpl: current privilege level
 * @tzcnt: the guest's CPUID has BMI1: F3 0F BC is TZCNT, not BSF
 * @lzcnt: the guest's CPUID has ABM: F3 0F BD is LZCNT, not BSR
 * @pio_checked: the processor has already checked the I/O permission
 * @max_iter: most iterations of a REP string instruction in one call; 0 counts as 1
 * @io_buf: buffer for INS and OUTS
 * @io_len: its size in bytes, at least 4 for these instructions to be emulated
 * @seg_valid: bit mask of the valid entries of @seg
 * @seg: segment registers, read through ops->read_sreg when first needed
 * @fault: the exception if EMU_FAULT is returned
 * @shadow: out: EMU_SHADOW_* that the instruction established
 * @step: out: RFLAGS.TF was set, so a #DB trap follows the instruction (a load of SS
 *	puts it off: false then)
 * @halted: out: the instruction was HLT
 * @rep_stop: set by callbacks, see struct emu_ops
 * @next_rip: the emulator's own: RIP after this instruction
 * @next_rflags: the emulator's own: RFLAGS after this instruction
 * @value: the emulator's own: operand read or to be written
 * @linear: the emulator's own: linear address of the memory operand
 *
 * The caller sets everything up to @io_len before emu_exec(), and clears
 * @seg_valid by emu_ctx_invalidate() whenever the guest has run in between.
 */
struct emu_ctx {
	const struct emu_ops *ops;
	void *vcpu;
	u64 *regs;
	u64 rip;
	u64 rflags;
	u64 cr0;
	u64 cr4;
	u64 efer;
	u8 mode;
	u8 cpl;
	bool tzcnt;
	bool lzcnt;
	bool pio_checked;
	unsigned int max_iter;
	void *io_buf;
	unsigned int io_len;
	u8 seg_valid;
	struct emu_seg seg[EMU_NR_SREG];
	struct emu_fault fault;
	u8 shadow;
	bool step;
	bool halted;
	bool rep_stop;
	u64 next_rip;
	u64 next_rflags;
	u64 value;
	u64 linear;
};

/**
 * emu_ctx_invalidate() - forget the cached segment registers
 * @ctx: context
 */
static inline void emu_ctx_invalidate(struct emu_ctx *ctx)
{
	ctx->seg_valid = 0;
}

/**
 * emu_exec() - execute one instruction
 * @ctx: the virtual CPU
 * @insn: what emu_decode() made of the bytes at CS:RIP
 *
 * Registers, RIP and RFLAGS change only when EMU_OK is returned, after every
 * callback has succeeded; so after EMU_EXIT the whole instruction is executed
 * again and the callbacks answer what they have got meanwhile, in the same order.
 * The exception is a REP string instruction: each iteration is a unit. Completed
 * iterations stay done whatever is returned, and EMU_OK with RIP unchanged means that
 * iterations remain, with interrupts possible in between.
 *
 * Context: whatever the callbacks need.
 * Return: enum emu_result.
 */
enum emu_result emu_exec(struct emu_ctx *ctx, const struct emu_insn *insn);

#endif /* TENON_EMU_H */
