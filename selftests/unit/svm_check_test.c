// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmod/svm/check.c: each consistency check of VMRUN, broken alone; and kmod/entry_check.c, which
 * goes through them.
 */
#include "check_cases.h"
#include "svm/check.h"

#define CR0_PE		  0x1ull
#define CR0_WP		  0x10000ull
#define CR0_NW		  0x20000000ull
#define CR0_CD		  0x40000000ull
#define CR0_PG		  0x80000000ull
#define CR4_PAE		  0x20ull
#define CR4_CET		  0x800000ull
#define LME		  0x100ull
#define SVME		  0x1000ull
#define CS_L		  0x200ull
#define CS_D		  0x400ull
#define EXCEPTION(vector) (0x80000300ull | (vector))

/* A guest in 64-bit mode, with a width of 48 bits. */
static const u64 good[NR_SI] = {
	[SI_EFER] = 0x1d01,
	[SI_CR0] = 0x80050033,
	[SI_CR3] = 0x1000,
	[SI_CR4] = 0x6a0,
	[SI_DR6] = 0xffff0ff0,
	[SI_DR7] = 0x400,
	[SI_CS_ATTRIB] = 0x29b | CS_L,
	[SI_G_PAT] = 0x0007040600070406,
	[SI_VMRUN_INTERCEPT] = 1,
	[SI_NMI_INTERCEPT] = 1,
	[SI_IOPM] = 0xffffffffd000,
	[SI_MSRPM] = 0xffffffffe000,
	[SI_ASID] = 1,
	[SI_INT_CTL] = 0x1000000,
	[SI_NESTED_CTL] = 1,
	[SI_NESTED_CR3] = 0x2000,
	[SI_CR3_RESERVED] = 0xffff000000000000,
	[SI_CR4_RESERVED] = 0xffffffffff000000,
	[SI_PHYSICAL_BITS] = 48,
};

static const struct check_case cases[] = {
	{ .field = SI_EFER, .why = "SVME is 0", .edit = { CLEAR(SI_EFER, SVME) } },
	{ .field = SI_CR0, .why = "NW is 1 while CD is 0", .edit = { SET(SI_CR0, CR0_NW) } },
	{ .field = SI_CR0, .why = "bits 63:32 are not 0", .edit = { SET(SI_CR0, 1ull << 32) } },
	{ .field = SI_CR3, .why = "a bit that must be 0 is 1", .edit = { SET(SI_CR3, ~0ull) } },
	{ .field = SI_CR4,
	  .why = "a bit that this processor does not have is 1",
	  .edit = { SET(SI_CR4, 1ull << 24) } },
	{ .field = SI_DR6, .why = "bits 63:32 are not 0", .edit = { SET(SI_DR6, 1ull << 63) } },
	{ .field = SI_DR7, .why = "bits 63:32 are not 0", .edit = { SET(SI_DR7, 1ull << 32) } },
	{ .field = SI_EFER, .why = "a bit that must be 0 is 1", .edit = { SET(SI_EFER, 2) } },
	{ .field = SI_EFER, .why = "a bit that must be 0 is 1", .edit = { SET(SI_EFER, 1 << 16) } },
	{ .field = SI_CR4,
	  .why = "PAE is 0 while EFER.LME and CR0.PG are 1",
	  .edit = { CLEAR(SI_CR4, CR4_PAE) } },
	{ .field = SI_CR0,
	  .why = "PE is 0 while EFER.LME and CR0.PG are 1",
	  .edit = { CLEAR(SI_CR0, CR0_PE) } },
	{ .field = SI_CS_ATTRIB,
	  .why = "L and D are both 1 in long mode",
	  .edit = { SET(SI_CS_ATTRIB, CS_D) } },
	{ .field = SI_VMRUN_INTERCEPT,
	  .why = "VMRUN is not intercepted",
	  .edit = { VALUE(SI_VMRUN_INTERCEPT, 0) } },
	{ .field = SI_IOPM,
	  .why = "the map reaches beyond the physical-address width",
	  .edit = { VALUE(SI_IOPM, 0xffffffffe000) } },
	{ .field = SI_MSRPM,
	  .why = "the map reaches beyond the physical-address width",
	  .edit = { VALUE(SI_MSRPM, 0xfffffffff000) } },
	{ .field = SI_EVENT_INJ,
	  .why = "TYPE is reserved",
	  .edit = { VALUE(SI_EVENT_INJ, 0x80000120) } },
	{ .field = SI_EVENT_INJ,
	  .why = "TYPE is reserved",
	  .edit = { VALUE(SI_EVENT_INJ, 0x80000520) } },
	{ .field = SI_EVENT_INJ,
	  .why = "TYPE is exception, VECTOR is not that of one",
	  .edit = { VALUE(SI_EVENT_INJ, EXCEPTION(2)) } },
	{ .field = SI_EVENT_INJ,
	  .why = "TYPE is exception, VECTOR is not that of one",
	  .edit = { VALUE(SI_EVENT_INJ, EXCEPTION(31)) } },
	{ .field = SI_EVENT_INJ,
	  .why = "TYPE is exception, VECTOR is not that of one",
	  .edit = { VALUE(SI_EVENT_INJ, EXCEPTION(0x8d)) } },
	{ .field = SI_ASID, .why = "is the host's", .edit = { VALUE(SI_ASID, 0) } },
	{ .field = SI_S_CET, .why = "a reserved bit is 1", .edit = { SET(SI_S_CET, 4) } },
	{ .field = SI_CR0,
	  .why = "WP is 0 while CR4.CET is 1",
	  .edit = { CLEAR(SI_CR0, CR0_WP), SET(SI_CR4, CR4_CET) } },
	{ .field = SI_NMI_INTERCEPT,
	  .why = "is 0 while V_NMI_ENABLE is 1",
	  .edit = { VALUE(SI_NMI_INTERCEPT, 0), SET(SI_INT_CTL, 1 << 26) } },
	{ .field = SI_NESTED_CR3,
	  .why = "a bit that must be 0 is 1",
	  .edit = { SET(SI_NESTED_CR3, 1ull << 52) } },
	{ .field = SI_G_PAT,
	  .why = "a memory type is not one",
	  .edit = { VALUE(SI_G_PAT, 0x0007040600070402) } },
};

START_TEST(good_is_good)
{
	struct broken_rule broken;

	ck_assert_uint_eq(svm_check(good, &broken, 1), 0);
}
END_TEST

START_TEST(each_rule_alone)
{
	struct broken_rule broken[MAX_BROKEN];
	u64 image[NR_SI];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		memcpy(image, good, sizeof(image));
		apply_case(image, &cases[i]);
		expect_case(&cases[i], svm_fields, image, broken,
			    svm_check(image, broken, MAX_BROKEN));
	}
}
END_TEST

START_TEST(each_rule_has_a_case)
{
	const struct check_rule *rule;

	for (rule = svm_rules; rule->broken; rule++) {
		expect_covered(rule, svm_fields, cases, ARRAY_SIZE(cases));
		expect_fits(rule, svm_fields);
	}
}
END_TEST

/* What looks odd, and VMRUN takes it all the same. */
START_TEST(odd_but_good)
{
	static const struct check_case odd[] = {
		{ .edit = { SET(SI_CR0, CR0_NW | CR0_CD) } },
		{ .edit = { VALUE(SI_EVENT_INJ, 0x00000702) } }, /* not valid */
		{ .edit = { VALUE(SI_EVENT_INJ, 0x80000202) } },
		{ .edit = { VALUE(SI_EVENT_INJ, 0x800000ff) } },
		{ .edit = { VALUE(SI_EVENT_INJ, 0x800004ff) } },
		{ .edit = { VALUE(SI_EVENT_INJ, EXCEPTION(0x80e)) } },
		/* Paged real mode (APM 2, 15.19); no long mode. */
		{ .edit = { CLEAR(SI_CR0, CR0_PE), CLEAR(SI_EFER, LME) } },
		{ .edit = { CLEAR(SI_CR4, CR4_PAE), CLEAR(SI_CR0, CR0_PG) } },
		{ .edit = { SET(SI_CS_ATTRIB, CS_D), CLEAR(SI_CR0, CR0_PG) } },
		/* Without nested paging these are not looked at. */
		{ .edit = { CLEAR(SI_NESTED_CTL, 1), SET(SI_NESTED_CR3, 1ull << 52),
			    VALUE(SI_G_PAT, 0x0007040600070402) } },
		{ .edit = { VALUE(SI_NMI_INTERCEPT, 0) } },
		{ .edit = { SET(SI_CR4, CR4_CET) } },
	};
	struct broken_rule broken;
	u64 image[NR_SI];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(odd); i++) {
		memcpy(image, good, sizeof(image));
		apply_case(image, &odd[i]);
		if (svm_check(image, &broken, 1))
			ck_abort_msg("%zu: %s: %s", i, broken.field, broken.why);
	}
}
END_TEST

/* All is wrong: no more is told than there is room for, the first ones first. */
START_TEST(no_more_than_asked_for)
{
	struct broken_rule broken[4] = { { 0 } };
	u64 image[NR_SI];

	memset(image, 0xff, sizeof(image));
	image[SI_EFER] = 0;
	ck_assert_uint_eq(svm_check(image, broken, 0), 0);
	ck_assert_uint_eq(svm_check(image, broken, 3), 3);
	ck_assert_str_eq(broken[0].why, "SVME is 0");
	ck_assert_uint_eq(broken[0].value, 0);
	ck_assert_str_eq(broken[1].field, "CR0");
	ck_assert_uint_eq(broken[1].value, ~0ull);
	ck_assert_str_eq(broken[2].field, "CR3");
	ck_assert_ptr_null(broken[3].field);
}
END_TEST

/* A rule about several fields is reported for each that breaks it. */
START_TEST(ranges)
{
	static const struct check_field fields[] = { { .name = "a" },
						     { .name = "b" },
						     { .name = "c" },
						     { .name = "d", .secret = true } };
	static const struct check_rule rules[] = {
		{ FIELDS(1, 3), IF_ABOVE(7), .why = "above", .section = "1" },
		{ FIELD(0), IF_SET(1), WHEN(1, 8), .why = "odd", .section = "2" },
		{ FIELD(0), IF_SET(1), WHEN(1, 9), .why = "never", .section = "3" },
		{ FIELD(3), IF_NOT_SET(3), .why = "lacks", .section = "4" },
		{}
	};
	const u64 image[] = { 9, 8, 7, 10 };
	struct broken_rule broken[MAX_BROKEN];

	ck_assert_uint_eq(check_rules(rules, fields, image, broken, MAX_BROKEN), 4);
	ck_assert_str_eq(broken[0].field, "b");
	ck_assert(!broken[0].secret);
	ck_assert_str_eq(broken[1].field, "d");
	ck_assert(broken[1].secret);
	ck_assert_str_eq(broken[1].section, "1");
	ck_assert_str_eq(broken[2].field, "a");
	ck_assert_str_eq(broken[2].section, "2");
	ck_assert_str_eq(broken[3].why, "lacks");
	ck_assert_uint_eq(broken[3].value, 10);
}
END_TEST

int main(void)
{
	const struct TTest *tests[] = { good_is_good, each_rule_alone,	      each_rule_has_a_case,
					odd_but_good, no_more_than_asked_for, ranges };

	return run_tests("svm_check", tests, ARRAY_SIZE(tests));
}
