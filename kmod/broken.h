/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TENON_BROKEN_H
#define TENON_BROKEN_H

#include <linux/types.h>

/**
 * struct broken_rule - a rule that a control block breaks
 * @field: the field at fault, as the manual calls it
 * @why: what is wrong with it
 * @section: where the manual says so
 * @value: the field's value
 * @secret: @value is the host's: neither user space nor the log sees it
 *
 * The strings are constants.
 */
struct broken_rule {
	const char *field;
	const char *why;
	const char *section;
	u64 value;
	bool secret;
};

#endif
