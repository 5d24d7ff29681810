// SPDX-License-Identifier: GPL-2.0-only
/*
 * The consistency checks of VMRUN (APM 2, 15.5.1), to tell why an entry was refused. Pure.
 */
#include <linux/bits.h>
#include <linux/kernel.h>

#include "check.h"

#define CR0_PE	      BIT_ULL(0)
#define CR0_NW	      BIT_ULL(29)
#define CR0_CD	      BIT_ULL(30)
#define CR0_PG	      BIT_ULL(31)
#define CR4_PAE	      BIT_ULL(5)
#define EFER_LME_BIT  BIT_ULL(8)
#define EFER_SVME_BIT BIT_ULL(12)
/* SCE, LME, LMA, NXE, SVME, LMSLE, FFXSR, TCE, MCOMMIT, INTWB, UAIE, AIBRSE (APM 2, 3.1.7) */
#define EFER_DEFINED                                                                         \
	(BIT_ULL(0) | GENMASK_ULL(15, 14) | GENMASK_ULL(13, 10) | BIT_ULL(8) | BIT_ULL(17) | \
	 BIT_ULL(18) | BIT_ULL(20) | BIT_ULL(21))
#define HIGH_HALF GENMASK_ULL(63, 32)
/* Attributes in the VMCB's packed form: L is bit 9, D bit 10. */
#define ATTRIB_L      BIT(9)
#define ATTRIB_D      BIT(10)

#define INJ_VALID     BIT_ULL(31)
#define INJ_TYPE(inj) ((inj) >> 8 & 7)
#define INJ_EXCEPTION 3

static bool long_mode_asked(const struct svm_image *image)
{
	return image->efer & EFER_LME_BIT && image->cr0 & CR0_PG;
}

static bool no_svme(const struct svm_image *image)
{
	return !(image->efer & EFER_SVME_BIT);
}

static bool nw_without_cd(const struct svm_image *image)
{
	return image->cr0 & CR0_NW && !(image->cr0 & CR0_CD);
}

static bool cr0_high(const struct svm_image *image)
{
	return image->cr0 & HIGH_HALF;
}

static bool cr3_reserved(const struct svm_image *image)
{
	return image->cr3 & image->cr3_reserved;
}

static bool cr4_reserved(const struct svm_image *image)
{
	return image->cr4 & image->cr4_reserved;
}

static bool dr6_high(const struct svm_image *image)
{
	return image->dr6 & HIGH_HALF;
}

static bool dr7_high(const struct svm_image *image)
{
	return image->dr7 & HIGH_HALF;
}

static bool efer_reserved(const struct svm_image *image)
{
	return image->efer & ~EFER_DEFINED;
}

static bool long_without_pae(const struct svm_image *image)
{
	return long_mode_asked(image) && !(image->cr4 & CR4_PAE);
}

static bool long_without_pe(const struct svm_image *image)
{
	return long_mode_asked(image) && !(image->cr0 & CR0_PE);
}

static bool long_with_l_and_d(const struct svm_image *image)
{
	return long_mode_asked(image) && image->cr4 & CR4_PAE &&
	       (image->cs_attrib & (ATTRIB_L | ATTRIB_D)) == (ATTRIB_L | ATTRIB_D);
}

static bool vmrun_passes(const struct svm_image *image)
{
	return !image->vmrun_intercepted;
}

static bool asid_zero(const struct svm_image *image)
{
	return !image->asid;
}

static bool bad_event(const struct svm_image *image)
{
	u8 type = INJ_TYPE(image->event_inj);
	u8 vector = image->event_inj & 0xff;

	if (!(image->event_inj & INJ_VALID))
		return false;
	if (type == 1 || type > 4)
		return true;
	return type == INJ_EXCEPTION && (vector == 2 || vector > 31);
}

static u64 efer_value(const struct svm_image *image)
{
	return image->efer;
}

static u64 cr0_value(const struct svm_image *image)
{
	return image->cr0;
}

static u64 cr3_value(const struct svm_image *image)
{
	return image->cr3;
}

static u64 cr4_value(const struct svm_image *image)
{
	return image->cr4;
}

static u64 dr6_value(const struct svm_image *image)
{
	return image->dr6;
}

static u64 dr7_value(const struct svm_image *image)
{
	return image->dr7;
}

static u64 cs_attrib_value(const struct svm_image *image)
{
	return image->cs_attrib;
}

static u64 asid_value(const struct svm_image *image)
{
	return image->asid;
}

static u64 event_inj_value(const struct svm_image *image)
{
	return image->event_inj;
}

static u64 vmrun_intercepted_value(const struct svm_image *image)
{
	return image->vmrun_intercepted;
}

static const struct svm_rule svm_rules[] = {
	{ "EFER", "SVME is 0", no_svme, efer_value },
	{ "CR0", "NW is 1 while CD is 0", nw_without_cd, cr0_value },
	{ "CR0", "bits 63:32 are not 0", cr0_high, cr0_value },
	{ "CR3", "reserved bits are not 0", cr3_reserved, cr3_value },
	{ "CR4", "bits that this processor does not have are not 0", cr4_reserved, cr4_value },
	{ "DR6", "bits 63:32 are not 0", dr6_high, dr6_value },
	{ "DR7", "bits 63:32 are not 0", dr7_high, dr7_value },
	{ "EFER", "reserved bits are not 0", efer_reserved, efer_value },
	{ "CR4", "PAE is 0 while EFER.LME and CR0.PG are 1", long_without_pae, cr4_value },
	{ "CR0", "PE is 0 while EFER.LME and CR0.PG are 1", long_without_pe, cr0_value },
	{ "CS", "L and D are both 1 in long mode", long_with_l_and_d, cs_attrib_value },
	{ "VMRUN intercept", "is 0", vmrun_passes, vmrun_intercepted_value },
	{ "ASID", "is 0, the host's", asid_zero, asid_value },
	{ "EVENTINJ", "no such event", bad_event, event_inj_value },
};

/**
 * svm_check() - find the rule for which VMRUN refuses a guest
 * @image: the fields that it looks at
 *
 * Return: the first rule broken, in the manual's order, or NULL.
 */
const struct svm_rule *svm_check(const struct svm_image *image)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(svm_rules); i++)
		if (svm_rules[i].broken(image))
			return &svm_rules[i];
	return NULL;
}
