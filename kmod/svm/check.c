// SPDX-License-Identifier: GPL-2.0-only
/*
 * The consistency checks of VMRUN (APM 2, 15.5.1), to tell why an entry was refused. Pure.
 *
 * Two are not here: that the processor has long mode, since the host runs in it; and those of state
 * that only encrypted guests have in their VMCB.
 */
#include <linux/kernel.h>

#include "../rules.h"
#include "check.h"

#define VMRUN_CHECKS	   "APM 2, 15.5.1"
#define EVENT_INJECTION	   "APM 2, 15.20"
#define NMI_VIRTUALIZATION "APM 2, 15.21.10"
#define NESTED_PAGING	   "APM 2, 15.25.4"

#define CR0_PE		   BIT_ULL(0)
#define CR0_WP		   BIT_ULL(16)
#define CR0_NW		   BIT_ULL(29)
#define CR0_CD		   BIT_ULL(30)
#define CR0_PG		   BIT_ULL(31)
#define CR4_PAE		   BIT_ULL(5)
#define CR4_CET		   BIT_ULL(23)
#define LME		   BIT_ULL(8)
#define SVME		   BIT_ULL(12)
/* SCE, LME, LMA, NXE, SVME, LMSLE, FFXSR, TCE, MCOMMIT, INTWB, UAIE, AIBRSE (APM 2, 3.1.7) */
#define EFER_DEFINED                                                                         \
	(BIT_ULL(0) | GENMASK_ULL(15, 14) | GENMASK_ULL(13, 10) | BIT_ULL(8) | BIT_ULL(17) | \
	 BIT_ULL(18) | BIT_ULL(20) | BIT_ULL(21))
#define HIGH_HALF GENMASK_ULL(63, 32)
/* S_CET has SH_STK_EN and WR_SHSTK_EN, no more (APM 2, chapter 18). */
#define S_CET_RESERVED GENMASK_ULL(63, 2)
/* Attributes in the VMCB's packed form: L is bit 9, D bit 10. */
#define ATTRIB_L_D    GENMASK_ULL(10, 9)

#define V_NMI_ENABLE  BIT_ULL(26)
#define NP_ENABLE     BIT_ULL(0)
#define IOPM_BYTES    0x3000
#define MSRPM_BYTES   0x2000

#define INJ_VALID     BIT_ULL(31)
#define INJ_EXCEPTION 3
/* Interrupt, NMI, exception, software interrupt. */
#define INJ_TYPES (BIT(0) | GENMASK(4, 2))
/* Vectors of exceptions: no NMI, nothing that is reserved (APM 2, 8.2). */
#define INJ_EXCEPTIONS                                                                 \
	(GENMASK(1, 0) | GENMASK(8, 3) | GENMASK(14, 10) | GENMASK(19, 16) | BIT(21) | \
	 GENMASK(30, 28))

static bool nw_without_cd(const u64 *image, unsigned int field, u64 arg)
{
	return (image[field] & (CR0_NW | CR0_CD)) == CR0_NW;
}

/* The field @arg tells the bits that are reserved. */
static bool reserved(const u64 *image, unsigned int field, u64 arg)
{
	return image[field] & image[arg];
}

/* Long mode is asked for, and a bit of @arg is not set. */
static bool long_without(const u64 *image, unsigned int field, u64 arg)
{
	return image[SI_EFER] & LME && image[SI_CR0] & CR0_PG && ~image[field] & arg;
}

static bool long_with_l_and_d(const u64 *image, unsigned int field, u64 arg)
{
	return image[SI_EFER] & LME && image[SI_CR0] & CR0_PG &&
	       (image[field] & ATTRIB_L_D) == ATTRIB_L_D;
}

/* A map of @arg bytes does not fit below the end of physical memory. */
static bool map_beyond(const u64 *image, unsigned int field, u64 arg)
{
	u64 end = BIT_ULL(image[SI_PHYSICAL_BITS] & 63);

	return (image[field] & GENMASK_ULL(63, 12)) > end - arg;
}

static bool bad_type(const u64 *image, unsigned int field, u64 arg)
{
	return !(INJ_TYPES & BIT(image[field] >> 8 & 7));
}

static bool bad_vector(const u64 *image, unsigned int field, u64 arg)
{
	u8 vector = image[field];

	if ((image[field] >> 8 & 7) != INJ_EXCEPTION)
		return false;
	return vector > 31 || !(INJ_EXCEPTIONS & BIT(vector));
}

static bool is_zero(const u64 *image, unsigned int field, u64 arg)
{
	return !image[field];
}

static bool bad_pat(const u64 *image, unsigned int field, u64 arg)
{
	return !pat_valid(image[field]);
}

const struct check_field svm_fields[NR_SI] = {
	[SI_EFER] = { "EFER" },
	[SI_CR0] = { "CR0" },
	[SI_CR3] = { "CR3" },
	[SI_CR4] = { "CR4" },
	[SI_DR6] = { "DR6" },
	[SI_DR7] = { "DR7" },
	[SI_CS_ATTRIB] = { "CS attributes" },
	[SI_S_CET] = { "S_CET" },
	[SI_G_PAT] = { "G_PAT" },
	[SI_VMRUN_INTERCEPT] = { "VMRUN intercept" },
	[SI_NMI_INTERCEPT] = { "NMI intercept" },
	[SI_IOPM] = { "IOPM_BASE_PA", .secret = true },
	[SI_MSRPM] = { "MSRPM_BASE_PA", .secret = true },
	[SI_ASID] = { "guest ASID" },
	[SI_INT_CTL] = { "virtual interrupt control" },
	[SI_EVENT_INJ] = { "EVENTINJ" },
	[SI_NESTED_CTL] = { "nested control" },
	[SI_NESTED_CR3] = { "N_CR3", .secret = true },
	[SI_CR3_RESERVED] = { "reserved bits of CR3" },
	[SI_CR4_RESERVED] = { "reserved bits of CR4" },
	[SI_PHYSICAL_BITS] = { "physical-address width" },
};

const struct check_rule svm_rules[] = {
	{ FIELD(SI_EFER), IF_NOT_SET(SVME), .section = VMRUN_CHECKS, .why = "SVME is 0" },
	{ FIELD(SI_CR0), IF(nw_without_cd), .section = VMRUN_CHECKS,
	  .why = "NW is 1 while CD is 0" },
	{ FIELD(SI_CR0), IF_SET(HIGH_HALF), .section = VMRUN_CHECKS,
	  .why = "bits 63:32 are not 0" },
	{ FIELD(SI_CR3), IF_ARG(reserved, SI_CR3_RESERVED), .section = VMRUN_CHECKS,
	  .why = "a bit that must be 0 is 1" },
	{ FIELD(SI_CR4), IF_ARG(reserved, SI_CR4_RESERVED), .section = VMRUN_CHECKS,
	  .why = "a bit that this processor does not have is 1" },
	{ FIELD(SI_DR6), IF_SET(HIGH_HALF), .section = VMRUN_CHECKS,
	  .why = "bits 63:32 are not 0" },
	{ FIELD(SI_DR7), IF_SET(HIGH_HALF), .section = VMRUN_CHECKS,
	  .why = "bits 63:32 are not 0" },
	{ FIELD(SI_EFER), IF_SET(~EFER_DEFINED), .section = VMRUN_CHECKS,
	  .why = "a bit that must be 0 is 1" },
	{ FIELD(SI_CR4), IF_ARG(long_without, CR4_PAE), .section = VMRUN_CHECKS,
	  .why = "PAE is 0 while EFER.LME and CR0.PG are 1" },
	{ FIELD(SI_CR0), IF_ARG(long_without, CR0_PE), .section = VMRUN_CHECKS,
	  .why = "PE is 0 while EFER.LME and CR0.PG are 1" },
	{ FIELD(SI_CS_ATTRIB), IF(long_with_l_and_d), WHEN(SI_CR4, CR4_PAE),
	  .section = VMRUN_CHECKS, .why = "L and D are both 1 in long mode" },
	{ FIELD(SI_VMRUN_INTERCEPT), IF(is_zero), .section = VMRUN_CHECKS,
	  .why = "VMRUN is not intercepted" },
	{ FIELD(SI_IOPM), IF_ARG(map_beyond, IOPM_BYTES), .section = VMRUN_CHECKS,
	  .why = "the map reaches beyond the physical-address width" },
	{ FIELD(SI_MSRPM), IF_ARG(map_beyond, MSRPM_BYTES), .section = VMRUN_CHECKS,
	  .why = "the map reaches beyond the physical-address width" },
	{ FIELD(SI_EVENT_INJ), IF(bad_type), WHEN(SI_EVENT_INJ, INJ_VALID),
	  .section = EVENT_INJECTION, .why = "TYPE is reserved" },
	{ FIELD(SI_EVENT_INJ), IF(bad_vector), WHEN(SI_EVENT_INJ, INJ_VALID),
	  .section = EVENT_INJECTION, .why = "TYPE is exception, VECTOR is not that of one" },
	{ FIELD(SI_ASID), IF(is_zero), .section = VMRUN_CHECKS, .why = "is the host's" },
	{ FIELD(SI_S_CET), IF_SET(S_CET_RESERVED), .section = VMRUN_CHECKS,
	  .why = "a reserved bit is 1" },
	{ FIELD(SI_CR0), IF_NOT_SET(CR0_WP), WHEN(SI_CR4, CR4_CET), .section = VMRUN_CHECKS,
	  .why = "WP is 0 while CR4.CET is 1" },
	{ FIELD(SI_NMI_INTERCEPT), IF(is_zero), WHEN(SI_INT_CTL, V_NMI_ENABLE),
	  .section = NMI_VIRTUALIZATION, .why = "is 0 while V_NMI_ENABLE is 1" },
	{ FIELD(SI_NESTED_CR3), IF_ARG(reserved, SI_CR3_RESERVED), WHEN(SI_NESTED_CTL, NP_ENABLE),
	  .section = NESTED_PAGING, .why = "a bit that must be 0 is 1" },
	{ FIELD(SI_G_PAT), IF(bad_pat), WHEN(SI_NESTED_CTL, NP_ENABLE), .section = NESTED_PAGING,
	  .why = "a memory type is not one" },
	{}
};

/**
 * svm_check() - find the rules for which VMRUN refuses a guest
 * @image: the fields that it looks at, by enum svm_image
 * @broken: where to put what was found
 * @max: how many of it, at most
 *
 * Return: how many are in @broken, in the manual's order.
 */
unsigned int svm_check(const u64 *image, struct broken_rule *broken, unsigned int max)
{
	return check_rules(svm_rules, svm_fields, image, broken, max);
}
