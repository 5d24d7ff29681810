/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which values the processor's registers can hold. Pure: no state, no kernel services.
 */
#ifndef TENON_RULES_H
#define TENON_RULES_H

#include <linux/bits.h>
#include <linux/types.h>

/* Bits of DR6 and DR7 (SDM 3, 18.2.3 and 18.2.4; APM 2, 13.1.1). */
#define DR6_BD	       BIT_ULL(13)
#define DR6_BT	       BIT_ULL(15)
#define DR6_WRITABLE   0x0000e00full
#define DR7_ONES       0x00000400ull
#define DR7_WRITABLE   0xffff23ffull
#define DR7_RTM_ENABLE 0x00000800ull
#define DR7_LOCAL      0x00000155ull /* L0 to L3, LE */

/**
 * struct cr_values - the registers that together decide the mode of operation
 * @code64: CS.L
 */
struct cr_values {
	u64 cr0;
	u64 cr3;
	u64 cr4;
	u64 efer;
	bool code64;
};

/* The upper bits of @address repeat the sign of one with @bits bits (SDM 1, 3.3.7.1). */
static inline bool canonical(u64 address, unsigned int bits)
{
	return (u64)((s64)(address << (64 - bits)) >> (64 - bits)) == address;
}

/* CR0 by itself (SDM 3, 2.5): no upper bits, no paging without protection, no NW without CD. */
bool cr0_valid(u64 cr0);

/* CR3 in long mode, with MAXPHYADDR @physical_bits (SDM 3, table 4-12). */
bool cr3_valid(u64 cr3, unsigned int physical_bits);

/* A page-directory-pointer-table entry of PAE paging, as checked when loaded (SDM 3, 4.4.1). */
bool pdpte_valid(u64 pdpte, unsigned int physical_bits);

/*
 * The registers fit each other (SDM 3, 10.8.5; APM 2, 14.6.1); no bit of @cr4_reserved is set.
 * CR4.PCIDE outside of long mode is left to the entry's checks, as KVM does.
 */
bool cr_values_valid(const struct cr_values *values, u64 cr4_reserved, unsigned int physical_bits);

/* XSETBV to XCR0 (SDM 1, 13.3), where @supported components exist. */
bool xcr0_valid(u64 value, u64 supported);

/* IA32_PAT: eight memory types (SDM 3, 12.12.2). */
bool pat_valid(u64 value);

/* IA32_MTRR_DEF_TYPE, a fixed-range MTRR, a variable one's base and mask (SDM 3, 12.11.2). */
bool mtrr_def_type_valid(u64 value);
bool mtrr_fixed_valid(u64 value);
bool mtrr_base_valid(u64 value, unsigned int physical_bits);
bool mtrr_mask_valid(u64 value, unsigned int physical_bits);

#endif
