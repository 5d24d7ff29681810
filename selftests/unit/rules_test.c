// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmod/rules.c: what the manuals say that registers can and cannot hold.
 */
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "chip_test.h"
#include "rules.h"

#define LONG_CR0 (X86_CR0_PE | X86_CR0_PG | X86_CR0_ET)

START_TEST(canonical_addresses)
{
	ck_assert(canonical(0, 48));
	ck_assert(canonical(0x00007fffffffffff, 48));
	ck_assert(!canonical(0x0000800000000000, 48));
	ck_assert(!canonical(0xffff7fffffffffff, 48));
	ck_assert(canonical(0xffff800000000000, 48));
	ck_assert(canonical(~0ull, 48));
	ck_assert(canonical(0x00ffffffffffffff, 57));
	ck_assert(!canonical(0x0100000000000000, 57));
	ck_assert(canonical(0xff00000000000000, 57));
}
END_TEST

START_TEST(cr0)
{
	unsigned int bit;

	ck_assert(cr0_valid(0x60000010));
	ck_assert(cr0_valid(LONG_CR0));
	ck_assert(!cr0_valid(X86_CR0_PG));
	ck_assert(!cr0_valid(X86_CR0_NW));
	ck_assert(cr0_valid(X86_CR0_NW | X86_CR0_CD));
	for (bit = 32; bit < 64; bit++)
		ck_assert(!cr0_valid(BIT_ULL(bit) | X86_CR0_PE));
}
END_TEST

START_TEST(cr3)
{
	ck_assert(cr3_valid(0x000ffffffffff000, 52));
	ck_assert(!cr3_valid(0x0010000000000000, 52));
	ck_assert(cr3_valid(0x0000000fffffffff, 36));
	ck_assert(!cr3_valid(0x0000001000000000, 36));
	ck_assert(!cr3_valid(BIT_ULL(63), 52));
	ck_assert(cr3_valid(~0ull, 64));
}
END_TEST

START_TEST(pdptes)
{
	ck_assert(pdpte_valid(0, 40));
	ck_assert(pdpte_valid(~1ull, 40)); /* not present: nothing else counts */
	ck_assert(pdpte_valid(0x1001, 40));
	ck_assert(pdpte_valid(0x1019, 40)); /* PWT, PCD */
	ck_assert(!pdpte_valid(0x1003, 40));
	ck_assert(!pdpte_valid(0x1005, 40));
	ck_assert(!pdpte_valid(0x1021, 40));
	ck_assert(!pdpte_valid(0x1101, 40));
	ck_assert(pdpte_valid(0x1e01, 40)); /* ignored bits 11:9 */
	ck_assert(!pdpte_valid(BIT_ULL(40) | 1, 40));
	ck_assert(!pdpte_valid(BIT_ULL(63) | 1, 52));
}
END_TEST

static const struct cr_values long_mode = {
	.cr0 = LONG_CR0,
	.cr3 = 0x1000,
	.cr4 = X86_CR4_PAE,
	.efer = EFER_LME | EFER_LMA,
	.code64 = true,
};

START_TEST(long_mode_needs_it_all)
{
	struct cr_values values = long_mode;

	ck_assert(cr_values_valid(&values, 0, 40));
	values.code64 = false; /* compatibility mode */
	ck_assert(cr_values_valid(&values, 0, 40));
	values.cr4 = 0;
	ck_assert(!cr_values_valid(&values, 0, 40));
	values = long_mode;
	values.efer = EFER_LME;
	ck_assert(!cr_values_valid(&values, 0, 40));
	values.efer = EFER_LMA;
	ck_assert(!cr_values_valid(&values, 0, 40));
	values = long_mode;
	values.cr0 &= ~X86_CR0_PG;
	ck_assert(!cr_values_valid(&values, 0, 40));
	values = long_mode;
	values.cr3 = BIT_ULL(40);
	ck_assert(!cr_values_valid(&values, 0, 40));
	values = long_mode;
	values.cr4 |= X86_CR4_PCIDE;
	ck_assert(cr_values_valid(&values, 0, 40));
	ck_assert(!cr_values_valid(&values, X86_CR4_PCIDE, 40));
}
END_TEST

START_TEST(other_modes)
{
	struct cr_values values = { .cr0 = 0x60000010 };

	ck_assert(cr_values_valid(&values, ~0ull, 36)); /* reset */
	values.code64 = true;
	ck_assert(!cr_values_valid(&values, 0, 36));
	values.code64 = false;
	values.efer = EFER_LME; /* on its way to long mode */
	ck_assert(cr_values_valid(&values, 0, 36));
	values.efer = EFER_LMA;
	ck_assert(!cr_values_valid(&values, 0, 36));
	values = (struct cr_values){ .cr0 = LONG_CR0, .cr4 = X86_CR4_PAE };
	ck_assert(cr_values_valid(&values, 0, 36)); /* PAE paging */
	values.cr4 |= X86_CR4_PCIDE; /* as KVM: abi/entry_failure.c */
	ck_assert(cr_values_valid(&values, 0, 36));
	values = (struct cr_values){ .cr0 = X86_CR0_PG };
	ck_assert(!cr_values_valid(&values, 0, 36));
}
END_TEST

START_TEST(xcr0)
{
	const u64 all = 0x2e7;

	ck_assert(xcr0_valid(1, 0));
	ck_assert(!xcr0_valid(0, all));
	ck_assert(!xcr0_valid(2, all));
	ck_assert(!xcr0_valid(3, 0));
	ck_assert(xcr0_valid(7, all));
	ck_assert(!xcr0_valid(5, all)); /* AVX without SSE */
	ck_assert(xcr0_valid(0xe7, all));
	ck_assert(!xcr0_valid(0x67, all)); /* part of AVX-512 */
	ck_assert(!xcr0_valid(0xe3, all)); /* AVX-512 without AVX */
	ck_assert(xcr0_valid(0x203, all)); /* PKRU */
	ck_assert(!xcr0_valid(7 | BIT_ULL(63), all));
	ck_assert(!xcr0_valid(0x1f, all)); /* MPX is not offered */
}
END_TEST

START_TEST(memory_types)
{
	static const u8 mtrr[] = { 0, 1, 4, 5, 6 };
	unsigned int type, i;

	for (type = 0; type < 256; type++) {
		bool known = false;

		for (i = 0; i < sizeof(mtrr); i++)
			known |= type == mtrr[i];
		ck_assert_int_eq(mtrr_fixed_valid((u64)type << 24), known);
		ck_assert_int_eq(mtrr_def_type_valid(0xc00 | type), known);
		ck_assert_int_eq(mtrr_base_valid(0x1000 | type, 36), known);
		ck_assert_int_eq(pat_valid((u64)type << 56), known || type == 7);
	}
	ck_assert(pat_valid(0x0007040600070406));
	ck_assert(!mtrr_def_type_valid(0x100));
	ck_assert(!mtrr_def_type_valid(0x1000));
	ck_assert(!mtrr_base_valid(0x106, 36));
	ck_assert(!mtrr_base_valid(BIT_ULL(36), 36));
	ck_assert(mtrr_mask_valid(0xfffff0800, 36));
	ck_assert(!mtrr_mask_valid(0xfffff0c00, 36));
	ck_assert(!mtrr_mask_valid(BIT_ULL(36) | 0x800, 36));
}
END_TEST

int main(void)
{
	const struct TTest *tests[] = {
		canonical_addresses,	cr0,	     cr3,  pdptes,
		long_mode_needs_it_all, other_modes, xcr0, memory_types,
	};

	return run_tests("rules", tests, ARRAY_SIZE(tests));
}
