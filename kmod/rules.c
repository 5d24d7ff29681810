// SPDX-License-Identifier: GPL-2.0-only
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <linux/bits.h>
#include <linux/kernel.h>

#include "rules.h"

/* State components of XCR0 (SDM 1, 13.1). */
#define XCR0_X87    BIT_ULL(0)
#define XCR0_SSE    BIT_ULL(1)
#define XCR0_AVX    BIT_ULL(2)
#define XCR0_AVX512 GENMASK_ULL(7, 5)

/* Bits at and above @bit. */
static u64 bits_from(unsigned int bit)
{
	return bit < 64 ? ~0ull << bit : 0;
}

bool cr0_valid(u64 cr0)
{
	if (cr0 & bits_from(32))
		return false;
	if ((cr0 & (X86_CR0_PG | X86_CR0_PE)) == X86_CR0_PG)
		return false;
	return (cr0 & (X86_CR0_NW | X86_CR0_CD)) != X86_CR0_NW;
}

bool cr3_valid(u64 cr3, unsigned int physical_bits)
{
	return !(cr3 & bits_from(physical_bits));
}

bool pdpte_valid(u64 pdpte, unsigned int physical_bits)
{
	u64 reserved = bits_from(physical_bits) | GENMASK_ULL(8, 5) | GENMASK_ULL(2, 1);

	return !(pdpte & 1) || !(pdpte & reserved);
}

bool cr_values_valid(const struct cr_values *values, u64 cr4_reserved, unsigned int physical_bits)
{
	bool paging = values->cr0 & X86_CR0_PG;
	bool long_mode = values->efer & EFER_LMA;

	if (!cr0_valid(values->cr0) || values->cr4 & cr4_reserved)
		return false;
	if (long_mode != (paging && values->efer & EFER_LME))
		return false;
	if (!long_mode)
		return !values->code64;
	return values->cr4 & X86_CR4_PAE && cr3_valid(values->cr3, physical_bits);
}

bool xcr0_valid(u64 value, u64 supported)
{
	if (!(value & XCR0_X87) || value & ~(supported | XCR0_X87))
		return false;
	if (value & XCR0_AVX && !(value & XCR0_SSE))
		return false;
	if (!(value & XCR0_AVX512))
		return true;
	return (value & XCR0_AVX512) == XCR0_AVX512 && value & XCR0_AVX;
}

/* Memory types 0 (UC), 1 (WC), 4 (WT), 5 (WP), 6 (WB). */
static bool mtrr_type_valid(u8 type)
{
	return type < 8 && BIT(type) & 0x73;
}

/* The same and 7 (UC-). */
static bool pat_type_valid(u8 type)
{
	return type < 8 && BIT(type) & 0xf3;
}

bool pat_valid(u64 value)
{
	unsigned int i;

	for (i = 0; i < 64; i += 8)
		if (!pat_type_valid(value >> i))
			return false;
	return true;
}

bool mtrr_fixed_valid(u64 value)
{
	unsigned int i;

	for (i = 0; i < 64; i += 8)
		if (!mtrr_type_valid(value >> i))
			return false;
	return true;
}

bool mtrr_def_type_valid(u64 value)
{
	/* E and FE are bits 11 and 10. */
	return !(value & ~(GENMASK_ULL(11, 10) | 0xff)) && mtrr_type_valid(value);
}

bool mtrr_base_valid(u64 value, unsigned int physical_bits)
{
	return !(value & (bits_from(physical_bits) | GENMASK_ULL(11, 8))) && mtrr_type_valid(value);
}

bool mtrr_mask_valid(u64 value, unsigned int physical_bits)
{
	/* V is bit 11. */
	return !(value & (bits_from(physical_bits) | GENMASK_ULL(10, 0)));
}
