// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opcode tables, after SDM 2, appendix A and APM 3, appendix A.
 *
 * An opcode that is absent is undefined. One that is decoded for its length
 * only has operation UNHANDLED.
 */
#include "emu_priv.h"

#define OP(name)	 EMU_OP_##name
#define M(name)		 (EMU_OP_##name | T_MODRM)
#define MI(name, kind)	 (EMU_OP_##name | T_MODRM | T_IMM_OF(kind))
#define I(name, kind)	 (EMU_OP_##name | T_IMM_OF(kind))
#define PREFIX(name)	 (PREFIX_##name | T_PREFIX)
#define SEG_PREFIX(name) (EMU_##name | T_PREFIX)
#define GROUP(name)	 (GROUP_##name | T_MODRM | T_GROUP)

const u32 emu_map_1b[256] = {
	[0x00] = M(ALU_RM_R) | T_BYTE | T_LOCK,
	[0x01] = M(ALU_RM_R) | T_LOCK,
	[0x02] = M(ALU_R_RM) | T_BYTE,
	[0x03] = M(ALU_R_RM),
	[0x04] = I(ALU_A_I, Z) | T_BYTE,
	[0x05] = I(ALU_A_I, Z),
	[0x06] = OP(PUSH_S) | T_I64,
	[0x07] = OP(POP_S) | T_I64,
	[0x08] = M(ALU_RM_R) | T_BYTE | T_LOCK,
	[0x09] = M(ALU_RM_R) | T_LOCK,
	[0x0a] = M(ALU_R_RM) | T_BYTE,
	[0x0b] = M(ALU_R_RM),
	[0x0c] = I(ALU_A_I, Z) | T_BYTE,
	[0x0d] = I(ALU_A_I, Z),
	[0x0e] = OP(PUSH_S) | T_I64,
	[0x0f] = OP(UD) | T_ESCAPE,
	[0x10] = M(ALU_RM_R) | T_BYTE | T_LOCK,
	[0x11] = M(ALU_RM_R) | T_LOCK,
	[0x12] = M(ALU_R_RM) | T_BYTE,
	[0x13] = M(ALU_R_RM),
	[0x14] = I(ALU_A_I, Z) | T_BYTE,
	[0x15] = I(ALU_A_I, Z),
	[0x16] = OP(PUSH_S) | T_I64,
	[0x17] = OP(POP_S) | T_I64,
	[0x18] = M(ALU_RM_R) | T_BYTE | T_LOCK,
	[0x19] = M(ALU_RM_R) | T_LOCK,
	[0x1a] = M(ALU_R_RM) | T_BYTE,
	[0x1b] = M(ALU_R_RM),
	[0x1c] = I(ALU_A_I, Z) | T_BYTE,
	[0x1d] = I(ALU_A_I, Z),
	[0x1e] = OP(PUSH_S) | T_I64,
	[0x1f] = OP(POP_S) | T_I64,
	[0x20] = M(ALU_RM_R) | T_BYTE | T_LOCK,
	[0x21] = M(ALU_RM_R) | T_LOCK,
	[0x22] = M(ALU_R_RM) | T_BYTE,
	[0x23] = M(ALU_R_RM),
	[0x24] = I(ALU_A_I, Z) | T_BYTE,
	[0x25] = I(ALU_A_I, Z),
	[0x26] = SEG_PREFIX(ES),
	[0x27] = OP(UNHANDLED) | T_I64, /* DAA */
	[0x28] = M(ALU_RM_R) | T_BYTE | T_LOCK,
	[0x29] = M(ALU_RM_R) | T_LOCK,
	[0x2a] = M(ALU_R_RM) | T_BYTE,
	[0x2b] = M(ALU_R_RM),
	[0x2c] = I(ALU_A_I, Z) | T_BYTE,
	[0x2d] = I(ALU_A_I, Z),
	[0x2e] = SEG_PREFIX(CS),
	[0x2f] = OP(UNHANDLED) | T_I64, /* DAS */
	[0x30] = M(ALU_RM_R) | T_BYTE | T_LOCK,
	[0x31] = M(ALU_RM_R) | T_LOCK,
	[0x32] = M(ALU_R_RM) | T_BYTE,
	[0x33] = M(ALU_R_RM),
	[0x34] = I(ALU_A_I, Z) | T_BYTE,
	[0x35] = I(ALU_A_I, Z),
	[0x36] = SEG_PREFIX(SS),
	[0x37] = OP(UNHANDLED) | T_I64, /* AAA */
	[0x38] = M(ALU_RM_R) | T_BYTE,
	[0x39] = M(ALU_RM_R),
	[0x3a] = M(ALU_R_RM) | T_BYTE,
	[0x3b] = M(ALU_R_RM),
	[0x3c] = I(ALU_A_I, Z) | T_BYTE,
	[0x3d] = I(ALU_A_I, Z),
	[0x3e] = SEG_PREFIX(DS),
	[0x3f] = OP(UNHANDLED) | T_I64, /* AAS */
	[0x40 ... 0x4f] = OP(INC_DEC_R) | T_REX,
	[0x50 ... 0x57] = OP(PUSH_R) | T_D64,
	[0x58 ... 0x5f] = OP(POP_R) | T_D64,
	[0x60] = OP(PUSHA) | T_I64,
	[0x61] = OP(POPA) | T_I64,
	[0x62] = M(UNHANDLED) | T_I64 | T_MEM | T_ESCAPE, /* BOUND, EVEX */
	[0x63] = M(MOVSXD),
	[0x64] = SEG_PREFIX(FS),
	[0x65] = SEG_PREFIX(GS),
	[0x66] = PREFIX(OPSIZE),
	[0x67] = PREFIX(ADSIZE),
	[0x68] = I(PUSH_I, Z) | T_D64,
	[0x69] = MI(IMUL_R_RM_I, Z),
	[0x6a] = I(PUSH_I, B) | T_D64,
	[0x6b] = MI(IMUL_R_RM_I, B),
	[0x6c] = OP(INS) | T_BYTE,
	[0x6d] = OP(INS),
	[0x6e] = OP(OUTS) | T_BYTE,
	[0x6f] = OP(OUTS),
	[0x70 ... 0x7f] = I(JCC, B) | T_F64,
	[0x80] = GROUP(1) | T_IMM_OF(Z) | T_BYTE,
	[0x81] = GROUP(1) | T_IMM_OF(Z),
	[0x82] = GROUP(1) | T_IMM_OF(Z) | T_BYTE | T_I64,
	[0x83] = GROUP(1) | T_IMM_OF(B),
	[0x84] = M(TEST_RM_R) | T_BYTE,
	[0x85] = M(TEST_RM_R),
	[0x86] = M(XCHG_RM_R) | T_BYTE | T_LOCK,
	[0x87] = M(XCHG_RM_R) | T_LOCK,
	[0x88] = M(MOV_RM_R) | T_BYTE,
	[0x89] = M(MOV_RM_R),
	[0x8a] = M(MOV_R_RM) | T_BYTE,
	[0x8b] = M(MOV_R_RM),
	[0x8c] = M(MOV_RM_S),
	[0x8d] = M(LEA) | T_MEM,
	[0x8e] = M(MOV_S_RM),
	[0x8f] = GROUP(1A) | T_D64 | T_ESCAPE, /* POP, XOP */
	[0x90 ... 0x97] = OP(XCHG_A_R),
	[0x98] = OP(CBW),
	[0x99] = OP(CWD),
	[0x9a] = I(UNHANDLED, FAR) | T_I64, /* CALL far */
	[0x9b] = OP(UNHANDLED), /* FWAIT */
	[0x9c] = OP(PUSHF) | T_D64,
	[0x9d] = OP(POPF) | T_D64,
	[0x9e] = OP(SAHF),
	[0x9f] = OP(LAHF),
	[0xa0] = I(MOV_A_M, MOFFS) | T_BYTE,
	[0xa1] = I(MOV_A_M, MOFFS),
	[0xa2] = I(MOV_M_A, MOFFS) | T_BYTE,
	[0xa3] = I(MOV_M_A, MOFFS),
	[0xa4] = OP(MOVS) | T_BYTE,
	[0xa5] = OP(MOVS),
	[0xa6] = OP(CMPS) | T_BYTE,
	[0xa7] = OP(CMPS),
	[0xa8] = I(TEST_A_I, Z) | T_BYTE,
	[0xa9] = I(TEST_A_I, Z),
	[0xaa] = OP(STOS) | T_BYTE,
	[0xab] = OP(STOS),
	[0xac] = OP(LODS) | T_BYTE,
	[0xad] = OP(LODS),
	[0xae] = OP(SCAS) | T_BYTE,
	[0xaf] = OP(SCAS),
	[0xb0 ... 0xb7] = I(MOV_R_I, Z) | T_BYTE,
	[0xb8 ... 0xbf] = I(MOV_R_I, V),
	[0xc0] = GROUP(2_I) | T_IMM_OF(B) | T_BYTE,
	[0xc1] = GROUP(2_I) | T_IMM_OF(B),
	[0xc2] = I(RET, W) | T_F64,
	[0xc3] = OP(RET) | T_F64,
	[0xc4] = M(LOAD_FAR) | T_I64 | T_MEM | T_ESCAPE, /* LES, VEX */
	[0xc5] = M(LOAD_FAR) | T_I64 | T_MEM | T_ESCAPE, /* LDS, VEX */
	[0xc6] = GROUP(11) | T_IMM_OF(Z) | T_BYTE,
	[0xc7] = GROUP(11) | T_IMM_OF(Z),
	[0xc8] = I(ENTER, WB) | T_D64,
	[0xc9] = OP(LEAVE) | T_D64,
	[0xca] = I(UNHANDLED, W), /* RET far */
	[0xcb] = OP(UNHANDLED),
	[0xcc] = OP(UNHANDLED), /* INT3 */
	[0xcd] = I(UNHANDLED, B), /* INT */
	[0xce] = OP(UNHANDLED) | T_I64, /* INTO */
	[0xcf] = OP(UNHANDLED), /* IRET */
	[0xd0] = GROUP(2_1) | T_BYTE,
	[0xd1] = GROUP(2_1),
	[0xd2] = GROUP(2_CL) | T_BYTE,
	[0xd3] = GROUP(2_CL),
	[0xd4] = I(UNHANDLED, B) | T_I64, /* AAM */
	[0xd5] = I(UNHANDLED, B) | T_I64, /* AAD */
	[0xd6] = OP(UNHANDLED) | T_I64, /* SALC */
	[0xd7] = OP(XLAT),
	[0xd8 ... 0xdf] = M(UNHANDLED), /* x87 */
	[0xe0 ... 0xe2] = I(LOOP, B) | T_F64,
	[0xe3] = I(JCXZ, B) | T_F64,
	[0xe4] = I(IN, B) | T_BYTE,
	[0xe5] = I(IN, B),
	[0xe6] = I(OUT, B) | T_BYTE,
	[0xe7] = I(OUT, B),
	[0xe8] = I(CALL_REL, Z) | T_F64,
	[0xe9] = I(JMP_REL, Z) | T_F64,
	[0xea] = I(UNHANDLED, FAR) | T_I64, /* JMP far */
	[0xeb] = I(JMP_REL, B) | T_F64,
	[0xec] = OP(IN) | T_BYTE,
	[0xed] = OP(IN),
	[0xee] = OP(OUT) | T_BYTE,
	[0xef] = OP(OUT),
	[0xf0] = PREFIX(LOCK),
	[0xf1] = OP(UNHANDLED), /* INT1 */
	[0xf2] = PREFIX(REPNE),
	[0xf3] = PREFIX(REP),
	[0xf4] = OP(HLT),
	[0xf5] = OP(FLAG),
	[0xf6] = GROUP(3) | T_BYTE,
	[0xf7] = GROUP(3),
	[0xf8] = OP(FLAG),
	[0xf9] = OP(FLAG),
	[0xfa] = OP(CLI),
	[0xfb] = OP(STI),
	[0xfc] = OP(FLAG),
	[0xfd] = OP(FLAG),
	[0xfe] = GROUP(4) | T_BYTE,
	[0xff] = GROUP(5),
};

const u32 emu_map_0f[256] = {
	[0x00 ... 0x03] = M(UNHANDLED), /* groups 6 and 7, LAR, LSL */
	[0x04] = OP(UD),
	[0x05 ... 0x09] = OP(UNHANDLED), /* SYSCALL, CLTS, SYSRET, INVD, WBINVD */
	[0x0a ... 0x0c] = OP(UD),
	[0x0d] = M(NOP) | T_MEM, /* PREFETCHW */
	[0x0e] = OP(UNHANDLED), /* FEMMS */
	[0x0f] = MI(UNHANDLED, B), /* 3DNow! */
	[0x10 ... 0x11] = M(MOVX),
	[0x12 ... 0x17] = M(UNHANDLED),
	[0x18 ... 0x1f] = M(NOP), /* hints */
	[0x20 ... 0x23] = M(UNHANDLED) | T_REG, /* MOV to and from CR, DR */
	[0x24 ... 0x27] = OP(UD),
	[0x28 ... 0x29] = M(MOVX_ALIGNED),
	[0x2a] = M(UNHANDLED),
	[0x2b] = M(MOVX_NT) | T_MEM,
	[0x2c ... 0x2f] = M(UNHANDLED),
	[0x30 ... 0x35] = OP(UNHANDLED), /* WRMSR, RDTSC, RDMSR, RDPMC, SYSENTER, SYSEXIT */
	[0x36] = OP(UD),
	[0x37] = OP(UNHANDLED), /* GETSEC */
	[0x38] = OP(UD) | T_ESCAPE,
	[0x39] = OP(UD),
	[0x3a] = OP(UD) | T_ESCAPE,
	[0x3b ... 0x3f] = OP(UD),
	[0x40 ... 0x4f] = M(CMOV),
	[0x50 ... 0x6d] = M(UNHANDLED),
	[0x6e] = M(MOVX_GPR),
	[0x6f] = M(MOVX_INT),
	[0x70 ... 0x73] = MI(UNHANDLED, B),
	[0x74 ... 0x76] = M(UNHANDLED),
	[0x77] = OP(UNHANDLED), /* EMMS */
	[0x78 ... 0x79] = M(UNHANDLED), /* VMREAD, VMWRITE, EXTRQ, INSERTQ */
	[0x7a ... 0x7b] = M(UD),
	[0x7c ... 0x7d] = M(UNHANDLED),
	[0x7e] = M(MOVX_GPR),
	[0x7f] = M(MOVX_INT),
	[0x80 ... 0x8f] = I(JCC, Z) | T_F64,
	[0x90 ... 0x9f] = M(SETCC) | T_BYTE,
	[0xa0] = OP(PUSH_S) | T_D64,
	[0xa1] = OP(POP_S) | T_D64,
	[0xa2] = OP(UNHANDLED), /* CPUID */
	[0xa3] = M(BT_R),
	[0xa4] = MI(SHXD_I, B),
	[0xa5] = M(SHXD_CL),
	[0xa6 ... 0xa7] = M(UNHANDLED),
	[0xa8] = OP(PUSH_S) | T_D64,
	[0xa9] = OP(POP_S) | T_D64,
	[0xaa] = OP(UNHANDLED), /* RSM */
	[0xab] = M(BT_R) | T_LOCK,
	[0xac] = MI(SHXD_I, B),
	[0xad] = M(SHXD_CL),
	[0xae] = M(UNHANDLED), /* group 15 */
	[0xaf] = M(IMUL_R_RM),
	[0xb0] = M(CMPXCHG) | T_BYTE | T_LOCK,
	[0xb1] = M(CMPXCHG) | T_LOCK,
	[0xb2] = M(LOAD_FAR) | T_MEM,
	[0xb3] = M(BT_R) | T_LOCK,
	[0xb4 ... 0xb5] = M(LOAD_FAR) | T_MEM,
	[0xb6 ... 0xb7] = M(MOVZX),
	[0xb8] = M(POPCNT),
	[0xb9] = M(UD),
	[0xba] = GROUP(8) | T_IMM_OF(B),
	[0xbb] = M(BT_R) | T_LOCK,
	[0xbc] = M(BSF),
	[0xbd] = M(BSR),
	[0xbe ... 0xbf] = M(MOVSX),
	[0xc0] = M(XADD) | T_BYTE | T_LOCK,
	[0xc1] = M(XADD) | T_LOCK,
	[0xc2] = MI(UNHANDLED, B),
	[0xc3] = M(MOVNTI) | T_MEM,
	[0xc4 ... 0xc6] = MI(UNHANDLED, B),
	[0xc7] = GROUP(9),
	[0xc8 ... 0xcf] = OP(BSWAP),
	[0xd0 ... 0xd5] = M(UNHANDLED),
	[0xd6] = M(MOVX_GPR),
	[0xd7 ... 0xe6] = M(UNHANDLED),
	[0xe7] = M(MOVX_NT) | T_MEM,
	[0xe8 ... 0xef] = M(UNHANDLED),
	[0xf0] = M(MOVX_LOAD) | T_MEM,
	[0xf1 ... 0xfe] = M(UNHANDLED),
	[0xff] = M(UD),
};

const u32 emu_map_0f38[256] = {
	[0x00 ... 0x29] = M(UNHANDLED), [0x2a] = M(MOVX_LOAD) | T_MEM,
	[0x2b ... 0xef] = M(UNHANDLED), [0xf0 ... 0xf1] = M(MOVBE),
	[0xf2 ... 0xff] = M(UNHANDLED),
};

const u32 emu_groups[NR_EMU_GROUPS][8] = {
	[GROUP_1] = {
		[0 ... 6] = OP(ALU_RM_I) | T_LOCK,
		[7] = OP(ALU_RM_I),
	},
	[GROUP_1A] = {
		[0] = OP(POP_RM),
		[1 ... 7] = OP(UD),
	},
	[GROUP_2_I] = {
		[0 ... 7] = OP(SHIFT_I),
	},
	[GROUP_2_1] = {
		[0 ... 7] = OP(SHIFT_1),
	},
	[GROUP_2_CL] = {
		[0 ... 7] = OP(SHIFT_CL),
	},
	[GROUP_3] = {
		[0 ... 1] = I(TEST_RM_I, Z),
		[2] = OP(NOT) | T_LOCK,
		[3] = OP(NEG) | T_LOCK,
		[4] = OP(MUL),
		[5] = OP(IMUL),
		[6] = OP(DIV),
		[7] = OP(IDIV),
	},
	[GROUP_4] = {
		[0 ... 1] = OP(INC_DEC_RM) | T_LOCK,
		[2 ... 7] = OP(UD),
	},
	[GROUP_5] = {
		[0 ... 1] = OP(INC_DEC_RM) | T_LOCK,
		[2] = OP(CALL_RM) | T_F64,
		[3] = OP(UNHANDLED) | T_MEM, /* CALL far */
		[4] = OP(JMP_RM) | T_F64,
		[5] = OP(UNHANDLED) | T_MEM, /* JMP far */
		[6] = OP(PUSH_RM) | T_D64,
		[7] = OP(UD),
	},
	[GROUP_8] = {
		[0 ... 3] = OP(UD),
		[4] = OP(BT_I),
		[5 ... 7] = OP(BT_I) | T_LOCK,
	},
	[GROUP_9] = {
		[0] = OP(UD),
		[1] = OP(CMPXCHG8B) | T_LOCK | T_MEM,
		[2] = OP(UD),
		[3 ... 7] = OP(UNHANDLED), /* XSAVES, VMX, RDRAND and others */
	},
	[GROUP_11] = {
		[0] = OP(MOV_RM_I),
		[1 ... 6] = OP(UD),
		[7] = OP(UNHANDLED), /* XABORT, XBEGIN */
	},
};
