// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction decoder: prefixes, escape bytes, ModRM, SIB, displacement and
 * immediate, SDM 2, chapter 2.
 *
 * Each step takes the position behind what the step before has used, and returns
 * its own, or NULL when the bytes do not suffice.
 */
#include <linux/types.h>
#include <linux/compiler.h>

#include "emu_priv.h"

/* Maps above 0F that VEX, EVEX and XOP select: what follows the opcode. */
static const u32 vex_maps[32] = {
	[0 ... 1] = EMU_OP_UD,
	[EMU_MAP_0F38] = T_MODRM | EMU_OP_UNHANDLED,
	[EMU_MAP_0F3A] = T_MODRM | T_IMM_OF(B) | EMU_OP_UNHANDLED,
	[4] = EMU_OP_UD,
	[5 ... 6] = T_MODRM | EMU_OP_UNHANDLED,
	[7] = EMU_OP_UD,
	[8] = T_MODRM | T_IMM_OF(B) | EMU_OP_UNHANDLED,
	[9] = T_MODRM | EMU_OP_UNHANDLED,
	[10] = T_MODRM | T_IMM_OF(D) | EMU_OP_UNHANDLED,
	[11 ... 31] = EMU_OP_UD,
};

/* Operand and address size by code size and prefixes 66 and 67. */
static const struct sizes {
	u8 operand;
	u8 address;
} sizes[3][4] = {
	[EMU_CODE16] = { { 2, 2 }, { 4, 2 }, { 2, 4 }, { 4, 4 } },
	[EMU_CODE32] = { { 4, 4 }, { 2, 4 }, { 4, 2 }, { 2, 2 } },
	[EMU_CODE64] = { { 4, 8 }, { 2, 8 }, { 4, 4 }, { 2, 4 } },
};

/* 16-bit addressing, SDM 2, table 2-1. */
static const u8 base16[8] = {
	EMU_RBX, EMU_RBX, EMU_RBP, EMU_RBP, EMU_RSI, EMU_RDI, EMU_RBP, EMU_RBX,
};

static const u8 index16[8] = {
	EMU_RSI, EMU_RDI, EMU_RSI, EMU_RDI, EMU_NO_REG, EMU_NO_REG, EMU_NO_REG, EMU_NO_REG,
};

/* Bytes may be unaligned; the compiler makes one load of each. */
static __always_inline u64 load_le(const u8 *p, unsigned int size)
{
	u64 value = 0;

	switch (size) {
	case 1:
		return p[0];
	case 2:
		return p[0] | p[1] << 8;
	case 8:
		value = p[4] | p[5] << 8 | p[6] << 16 | (u64)p[7] << 24;
		fallthrough;
	default:
		return value << 32 | p[0] | p[1] << 8 | p[2] << 16 | (u64)p[3] << 24;
	}
}

static void apply_prefix(struct emu_insn *insn, u8 kind)
{
	switch (kind) {
	case PREFIX_OPSIZE:
		insn->prefixes |= EMU_PFX_OPSIZE;
		break;
	case PREFIX_ADSIZE:
		insn->prefixes |= EMU_PFX_ADSIZE;
		break;
	case PREFIX_LOCK:
		insn->prefixes |= EMU_PFX_LOCK;
		break;
	case PREFIX_REPNE:
		insn->prefixes = (insn->prefixes & ~EMU_PFX_REP) | EMU_PFX_REPNE;
		break;
	case PREFIX_REP:
		insn->prefixes = (insn->prefixes & ~EMU_PFX_REPNE) | EMU_PFX_REP;
		break;
	default:
		/* ES, CS, SS and DS overrides do nothing in 64-bit mode. */
		if (insn->code != EMU_CODE64 || kind >= EMU_FS)
			insn->seg = kind;
	}
}

/* Prefixes and the first opcode byte. A REX that another prefix follows is lost. */
static __always_inline const u8 *decode_prefixes(struct emu_insn *insn, const u8 *p, const u8 *end,
						 u32 *entry)
{
	u8 byte;

	for (;;) {
		if (unlikely(p >= end))
			return NULL;
		byte = *p++;
		*entry = emu_map_1b[byte];
		if (likely(!(*entry & (T_PREFIX | T_REX))))
			break;
		if (*entry & T_PREFIX) {
			apply_prefix(insn, *entry & T_OP);
			insn->rex = 0;
		} else if (insn->code == EMU_CODE64) {
			insn->rex = byte;
		} else {
			break;
		}
	}
	insn->opcode = byte;
	return p;
}

/*
 * VEX (C4, C5), EVEX (62) and XOP (8F), with @lead the byte that began it. The
 * inverted R, X and B bits stand where REX has its own.
 */
static const u8 *decode_vex(struct emu_insn *insn, const u8 *p, const u8 *end, u8 lead, u32 *entry)
{
	unsigned int payload = lead == 0xc5 ? 1 : lead == 0x62 ? 3 : 2;

	if (end - p <= payload)
		return NULL;
	insn->prefixes |= EMU_PFX_VEX;
	if (lead == 0xc5) {
		insn->map = EMU_MAP_0F;
		insn->rex = EMU_REX | (~p[0] >> 5 & EMU_REX_R);
	} else {
		insn->map = lead == 0x62 ? p[0] & 0x07 : p[0] & 0x1f;
		insn->rex = EMU_REX | (~p[0] >> 5 & 7) | (p[1] >> 4 & EMU_REX_W);
	}
	if (insn->code != EMU_CODE64)
		insn->rex = 0;
	p += payload;
	insn->opcode = *p++;

	if (insn->map == EMU_MAP_0F)
		*entry = (emu_map_0f[insn->opcode] & (T_MODRM | T_IMM)) | EMU_OP_UNHANDLED;
	else
		*entry = vex_maps[insn->map];
	return p;
}

/* EXTRQ and INSERTQ with two immediate bytes share their opcode with VMREAD. */
static bool is_sse4a_immediate(const struct emu_insn *insn)
{
	return insn->opcode == 0x78 && insn->prefixes & (EMU_PFX_OPSIZE | EMU_PFX_REPNE);
}

static __always_inline const u8 *decode_0f(struct emu_insn *insn, const u8 *p, const u8 *end,
					   u32 *entry)
{
	if (unlikely(p >= end))
		return NULL;
	insn->opcode = *p++;
	insn->map = EMU_MAP_0F;
	*entry = emu_map_0f[insn->opcode];
	if (unlikely(is_sse4a_immediate(insn)))
		*entry |= T_IMM_OF(BB);
	if (likely(!(*entry & T_ESCAPE)))
		return p;

	insn->map = insn->opcode == 0x38 ? EMU_MAP_0F38 : EMU_MAP_0F3A;
	if (p >= end)
		return NULL;
	insn->opcode = *p++;
	if (insn->map == EMU_MAP_0F38)
		*entry = emu_map_0f38[insn->opcode];
	else
		*entry = EMU_OP_UNHANDLED | T_MODRM | T_IMM_OF(B);
	return p;
}

/* LES, LDS, BOUND and POP, or the prefixes that were carved out of them. */
static const u8 *decode_escape(struct emu_insn *insn, const u8 *p, const u8 *end, u32 *entry)
{
	bool vex;

	if (insn->opcode == 0x0f)
		return decode_0f(insn, p, end, entry);
	if (p >= end)
		return NULL;
	if (insn->opcode == 0x8f)
		vex = (*p & 0x1f) >= 8;
	else
		vex = insn->code == EMU_CODE64 || (*p & 0xc0) == 0xc0;
	return vex ? decode_vex(insn, p, end, insn->opcode, entry) : p;
}

/* @normal is that of an instruction without REX.W and peculiarities. */
static __always_inline u8 operand_size(const struct emu_insn *insn, u32 entry, u8 normal)
{
	if (entry & T_BYTE)
		return 1;
	if (insn->rex & EMU_REX_W)
		return 8;
	if (unlikely(entry & (T_D64 | T_F64)) && insn->code == EMU_CODE64)
		return entry & T_F64 || normal == 4 ? 8 : 2;
	return normal;
}

static const u8 *decode_address16(struct emu_insn *insn, const u8 *p, const u8 *end)
{
	u8 mod = insn->modrm >> 6;
	u8 rm = insn->modrm & 7;
	unsigned int size = mod;

	insn->base = base16[rm];
	insn->index = index16[rm];
	if (mod == 0 && rm == 6) {
		insn->base = EMU_NO_REG;
		size = 2;
	}
	if (unlikely((size_t)(end - p) < size))
		return NULL;
	if (size == 1)
		insn->disp = (s8)p[0];
	else if (size == 2)
		insn->disp = (s16)load_le(p, 2);
	if (insn->seg == EMU_NO_REG && insn->base == EMU_RBP)
		insn->seg = EMU_SS;
	return p + size;
}

/* Return: the base register number before REX.B, as the displacement rules need. */
static __always_inline u8 decode_sib(struct emu_insn *insn, u8 sib)
{
	u8 index = (sib >> 3 & 7) | (insn->rex & EMU_REX_X) << 2;

	insn->scale = sib >> 6;
	if (index != EMU_RSP)
		insn->index = index;
	return sib & 7;
}

static __always_inline const u8 *decode_address(struct emu_insn *insn, const u8 *p, const u8 *end)
{
	u8 mod = insn->modrm >> 6;
	u8 base = insn->modrm & 7;
	bool sib = base == EMU_RSP;

	if (sib) {
		if (unlikely(p >= end))
			return NULL;
		base = decode_sib(insn, *p++);
	}
	if (mod == 0 && base == EMU_RBP) {
		mod = 2;
		insn->rip_relative = !sib && insn->code == EMU_CODE64;
	} else {
		insn->base = base | (insn->rex & EMU_REX_B) << 3;
		if (insn->seg == EMU_NO_REG && (insn->base == EMU_RSP || insn->base == EMU_RBP))
			insn->seg = EMU_SS;
	}
	if (mod == 1) {
		if (unlikely(p >= end))
			return NULL;
		insn->disp = (s8)*p++;
	} else if (mod == 2) {
		if (unlikely(end - p < 4))
			return NULL;
		insn->disp = (s32)load_le(p, 4);
		p += 4;
	}
	return p;
}

static __always_inline const u8 *decode_modrm(struct emu_insn *insn, const u8 *p, const u8 *end,
					      u32 *entry)
{
	u8 modrm;

	if (unlikely(p >= end))
		return NULL;
	modrm = *p++;
	insn->modrm = modrm;
	insn->reg = (modrm >> 3 & 7) | (insn->rex & EMU_REX_R) << 1;
	insn->rm = (modrm & 7) | (insn->rex & EMU_REX_B) << 3;
	if (*entry & T_GROUP)
		*entry = (*entry & ~(T_OP | T_GROUP)) | emu_groups[*entry & T_OP][modrm >> 3 & 7];
	insn->mem = modrm < 0xc0 && !(*entry & T_REG);
	if (!insn->mem)
		return p;
	return likely(insn->adsize != 2) ? decode_address(insn, p, end) :
					   decode_address16(insn, p, end);
}

static unsigned int immediate_size(const struct emu_insn *insn, unsigned int kind)
{
	switch (kind) {
	case IMM_B:
		return 1;
	case IMM_W:
	case IMM_BB:
		return 2;
	case IMM_Z:
		return insn->opsize == 8 ? 4 : insn->opsize;
	case IMM_V:
		return insn->opsize;
	case IMM_WB:
		return 3;
	case IMM_FAR:
		return insn->opsize + 2;
	case IMM_MOFFS:
		return insn->adsize;
	default:
		return 4;
	}
}

static const u8 *decode_immediate(struct emu_insn *insn, const u8 *p, const u8 *end,
				  unsigned int kind)
{
	unsigned int size = immediate_size(insn, kind);

	if (unlikely((size_t)(end - p) < size))
		return NULL;
	switch (kind) {
	case IMM_WB:
		insn->imm = load_le(p, 2);
		insn->imm2 = p[2];
		break;
	case IMM_FAR:
		insn->imm = load_le(p, size - 2);
		insn->imm2 = load_le(p + size - 2, 2);
		break;
	case IMM_MOFFS:
		insn->disp = (s64)load_le(p, size);
		insn->mem = true;
		break;
	case IMM_W:
		insn->imm = load_le(p, 2);
		break;
	default:
		insn->imm = (u64)emu_sign_extend(load_le(p, size), size);
	}
	return p + size;
}

/* From the first byte on. Return: the position behind the instruction, or NULL. */
static __always_inline const u8 *decode(struct emu_insn *insn, const u8 *p, const u8 *end)
{
	struct sizes normal;
	u32 entry;

	p = decode_prefixes(insn, p, end, &entry);
	if (p && unlikely(entry & T_ESCAPE))
		p = decode_escape(insn, p, end, &entry);
	if (unlikely(!p))
		return NULL;
	normal = sizes[insn->code][insn->prefixes & (EMU_PFX_OPSIZE | EMU_PFX_ADSIZE)];
	insn->adsize = normal.address;
	if (likely(entry & T_MODRM))
		p = decode_modrm(insn, p, end, &entry);
	else
		insn->rm = (insn->opcode & 7) | (insn->rex & EMU_REX_B) << 3;
	if (unlikely(!p))
		return NULL;
	if (unlikely(entry & T_I64) && insn->code == EMU_CODE64)
		entry = EMU_OP_UD;
	insn->opsize = operand_size(insn, entry, normal.operand);
	insn->flags = entry;
	insn->op = entry & T_OP;
	if (entry & T_IMM)
		p = decode_immediate(insn, p, end, (entry & T_IMM) >> T_IMM_SHIFT);
	if (insn->seg == EMU_NO_REG)
		insn->seg = EMU_DS;
	return p;
}

int emu_decode(struct emu_insn *insn, enum emu_code code, const u8 *bytes, size_t len)
{
	const u8 *end = bytes + (len < EMU_INSN_MAX ? len : EMU_INSN_MAX);
	const u8 *p;

	*insn = (struct emu_insn){
		.code = code,
		.seg = EMU_NO_REG,
		.base = EMU_NO_REG,
		.index = EMU_NO_REG,
	};
	p = decode(insn, bytes, end);
	if (unlikely(!p))
		return len < EMU_INSN_MAX ? EMU_NEED_BYTES : EMU_TOO_LONG;
	insn->len = p - bytes;
	return 0;
}

/*
 * The length of an instruction that has neither prefixes nor operands in memory nor an
 * immediate, as those usually are that a hypervisor intercepts; 0 for any other.
 */
static __always_inline int plain_len(const u8 *bytes)
{
	u32 entry = emu_map_1b[bytes[0]];
	int len = 1;

	if (bytes[0] == 0x0f) {
		entry = emu_map_0f[bytes[1]];
		len = 2;
	}
	if (entry & (T_PREFIX | T_REX | T_ESCAPE | T_GROUP | T_IMM))
		return 0;
	if (!(entry & T_MODRM))
		return len;
	return bytes[len] >= 0xc0 ? len + 1 : 0;
}

int emu_insn_len(enum emu_code code, const u8 *bytes, size_t len)
{
	struct emu_insn insn;
	int ret;

	ret = likely(len >= 3) ? plain_len(bytes) : 0;
	if (likely(ret))
		return ret;
	ret = emu_decode(&insn, code, bytes, len);
	return ret ? ret : insn.len;
}
