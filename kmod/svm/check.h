/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TENON_SVM_CHECK_H
#define TENON_SVM_CHECK_H

#include <linux/types.h>

/**
 * struct svm_image - what VMRUN's consistency checks look at, as plain numbers
 *
 * Pure, so that the rules are tested on any machine. @cr3_reserved and @cr4_reserved are the bits
 * that this processor does not have.
 */
struct svm_image {
	u64 efer;
	u64 cr0;
	u64 cr3;
	u64 cr4;
	u64 dr6;
	u64 dr7;
	u64 cr3_reserved;
	u64 cr4_reserved;
	u64 event_inj;
	u32 asid;
	u16 cs_attrib;
	bool vmrun_intercepted;
};

/**
 * struct svm_rule - one consistency check of VMRUN (APM 2, 15.5.1)
 * @field: the field at fault
 * @why: what is wrong with it
 */
struct svm_rule {
	const char *field;
	const char *why;
	bool (*broken)(const struct svm_image *image);
	u64 (*value)(const struct svm_image *image);
};

/* The first rule that @image breaks, or NULL. */
const struct svm_rule *svm_check(const struct svm_image *image);

#endif
