/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the emulator's own files share: the layout of the opcode tables, the
 * operation numbers and the operand helpers.
 */
#ifndef TENON_EMU_PRIV_H
#define TENON_EMU_PRIV_H

#include <linux/types.h>
#include <linux/compiler.h>
#include <linux/bits.h>
#include <asm/processor-flags.h>

#include "emu.h"

/*
 * An opcode table entry: the operation in bits 7:0, the kind of immediate in
 * bits 11:8, flags above. A prefix has its enum emu_prefix as the operation, a
 * group its enum emu_group; the group's entry then replaces bits 7:0 and is
 * ORed into the rest.
 */
#define T_OP	    0x000000ff
#define T_IMM	    0x00000f00
#define T_IMM_SHIFT 8
#define T_MODRM	    BIT(12)
#define T_PREFIX    BIT(13) /* a legacy prefix */
#define T_REX	    BIT(14) /* a prefix in 64-bit mode */
#define T_ESCAPE    BIT(15) /* leads, or may lead, to another map */
#define T_GROUP	    BIT(16)
#define T_BYTE	    BIT(17) /* the operand size is one byte */
#define T_D64	    BIT(18) /* 64-bit mode: 8 or 2 bytes */
#define T_F64	    BIT(19) /* 64-bit mode: 8 bytes always */
#define T_I64	    BIT(20) /* undefined in 64-bit mode */
#define T_LOCK	    BIT(21) /* may be locked if the destination is memory */
#define T_MEM	    BIT(22) /* the register form is undefined */
#define T_REG	    BIT(23) /* ModRM.mod is ignored: always a register */

/* Kinds of immediate; B is sign-extended. */
enum emu_imm {
	IMM_NONE,
	IMM_B,
	IMM_W,
	IMM_Z, /* operand size, at most 4 bytes, sign-extended */
	IMM_V, /* operand size */
	IMM_WB, /* ENTER */
	IMM_FAR, /* offset of operand size, then a selector */
	IMM_MOFFS, /* an address of address size */
	IMM_BB, /* EXTRQ, INSERTQ */
	IMM_D, /* 4 bytes */
};

#define T_IMM_OF(kind) (IMM_##kind << T_IMM_SHIFT)

/* The first six are segment overrides, in the order of enum emu_sreg. */
enum emu_prefix {
	PREFIX_OPSIZE = 6,
	PREFIX_ADSIZE,
	PREFIX_LOCK,
	PREFIX_REPNE,
	PREFIX_REP,
};

/* Opcodes whose operation is in ModRM.reg, by the manuals' numbers. */
enum emu_group {
	GROUP_1,
	GROUP_1A,
	GROUP_2_I,
	GROUP_2_1,
	GROUP_2_CL,
	GROUP_3,
	GROUP_4,
	GROUP_5,
	GROUP_8,
	GROUP_9,
	GROUP_11,
	NR_EMU_GROUPS,
};

#define EMU_OP(name, handler) EMU_OP_##name
enum emu_op {
#include "ops.h"
	NR_EMU_OPS,
};

#undef EMU_OP
#define EMU_OP(name, handler) handler(struct emu_ctx *ctx, const struct emu_insn *insn)
enum emu_result
#include "ops.h"
emu_exec(struct emu_ctx *ctx, const struct emu_insn *insn);

#undef EMU_OP

extern const u32 emu_map_1b[256];
extern const u32 emu_map_0f[256];
extern const u32 emu_map_0f38[256];
extern const u32 emu_groups[NR_EMU_GROUPS][8];

/* Exception vectors, SDM 3, table 6-1. */
enum emu_vector {
	VECTOR_DE = 0,
	VECTOR_UD = 6,
	VECTOR_NM = 7,
	VECTOR_SS = 12,
	VECTOR_GP = 13,
	VECTOR_PF = 14,
	VECTOR_AC = 17,
};

#define EMU_FLAGS_CARRY X86_EFLAGS_CF
#define EMU_FLAGS_STATUS                                                                 \
	(X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | X86_EFLAGS_ZF | X86_EFLAGS_SF | \
	 X86_EFLAGS_OF)

/* access.c: faults, addresses, memory operands, the stack. */
enum emu_result emu_fault(struct emu_ctx *ctx, u8 vector, u32 error);
const struct emu_seg *emu_get_seg(struct emu_ctx *ctx, unsigned int sreg);
enum emu_result emu_linear(struct emu_ctx *ctx, unsigned int sreg, u64 offset, unsigned int size,
			   enum emu_access access);
enum emu_result emu_operand(struct emu_ctx *ctx, const struct emu_insn *insn, u64 extra,
			    unsigned int size, enum emu_access access);
enum emu_result emu_check_aligned(struct emu_ctx *ctx, const struct emu_insn *insn);
enum emu_result emu_load(struct emu_ctx *ctx, unsigned int size, enum emu_access access);
enum emu_result emu_store(struct emu_ctx *ctx, unsigned int size, u64 value);
u64 emu_effective(const struct emu_ctx *ctx, const struct emu_insn *insn, u64 extra);
u64 emu_reg_read(const struct emu_ctx *ctx, const struct emu_insn *insn, unsigned int reg,
		 unsigned int size);
void emu_reg_write(struct emu_ctx *ctx, const struct emu_insn *insn, unsigned int reg,
		   unsigned int size, u64 value);
enum emu_result emu_rm_read(struct emu_ctx *ctx, const struct emu_insn *insn, unsigned int size,
			    enum emu_access access);
enum emu_result emu_rm_write(struct emu_ctx *ctx, const struct emu_insn *insn, unsigned int size,
			     u64 value);
enum emu_result emu_rm_update(struct emu_ctx *ctx, const struct emu_insn *insn, unsigned int size,
			      u64 old, u64 new);
enum emu_result emu_push(struct emu_ctx *ctx, u64 *sp, u64 value, unsigned int size);
enum emu_result emu_pop(struct emu_ctx *ctx, u64 *sp, u64 *value, unsigned int size);
unsigned int emu_stack_size(struct emu_ctx *ctx);
enum emu_result emu_jump(struct emu_ctx *ctx, const struct emu_insn *insn, u64 target);
enum emu_result emu_io_allowed(struct emu_ctx *ctx, u16 port, unsigned int size);

/* alu.c: pure arithmetic; the status flags in *@flags are replaced. */
enum emu_alu {
	ALU_ADD,
	ALU_OR,
	ALU_ADC,
	ALU_SBB,
	ALU_AND,
	ALU_SUB,
	ALU_XOR,
	ALU_CMP,
};

u64 emu_alu(enum emu_alu op, u64 a, u64 b, unsigned int size, u64 *flags);

/* flow.c */
bool emu_condition(u64 rflags, unsigned int cc);

static __always_inline u64 emu_mask(unsigned int size)
{
	return ~0ull >> ((64 - 8 * size) & 63);
}

static __always_inline s64 emu_sign_extend(u64 value, unsigned int size)
{
	unsigned int shift = (64 - 8 * size) & 63;

	return (s64)(value << shift) >> shift;
}

/* Replace the low @size bytes; a 4-byte result clears the upper half (SDM 1, 3.4.1.1). */
static __always_inline u64 emu_merge(u64 old, u64 value, unsigned int size)
{
	if (size == 8)
		return value;
	if (size == 4)
		return (u32)value;
	return (old & ~emu_mask(size)) | (value & emu_mask(size));
}

#endif /* TENON_EMU_PRIV_H */
