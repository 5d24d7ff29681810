/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The consistency checks of VMRUN. Pure.
 */
#ifndef TENON_SVM_CHECK_H
#define TENON_SVM_CHECK_H

#include "../entry_check.h"

/**
 * enum svm_image - what the checks look at: the VMCB's fields, then the processor's limits
 *
 * SI_CR3_RESERVED and SI_CR4_RESERVED are the bits that this processor does not have; the
 * intercepts are 0 or 1.
 */
enum svm_image {
	SI_EFER,
	SI_CR0,
	SI_CR3,
	SI_CR4,
	SI_DR6,
	SI_DR7,
	SI_CS_ATTRIB,
	SI_S_CET,
	SI_G_PAT,
	SI_VMRUN_INTERCEPT,
	SI_NMI_INTERCEPT,
	SI_IOPM,
	SI_MSRPM,
	SI_ASID,
	SI_INT_CTL,
	SI_EVENT_INJ,
	SI_NESTED_CTL,
	SI_NESTED_CR3,
	SI_CR3_RESERVED,
	SI_CR4_RESERVED,
	SI_PHYSICAL_BITS,
	NR_SI
};

extern const struct check_field svm_fields[NR_SI];
extern const struct check_rule svm_rules[];

/* The rules that @image, of NR_SI values, breaks; see check_rules(). */
unsigned int svm_check(const u64 *image, struct broken_rule *broken, unsigned int max);

#endif
