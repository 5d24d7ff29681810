/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why a processor refuses to enter a guest: its manual's rules as tables, gone through in software.
 * Pure: the control block, and what the rules depend on, is an array of numbers, the image.
 */
#ifndef TENON_ENTRY_CHECK_H
#define TENON_ENTRY_CHECK_H

#include <linux/bits.h>
#include <linux/types.h>

#include "broken.h"

/**
 * struct check_field - an entry of an image
 * @name: as the manual calls it
 * @code: where its value comes from: a VMCS encoding, or an MSR
 * @secret: it holds addresses and registers of the host
 */
struct check_field {
	const char *name;
	u32 code;
	bool secret;
};

/**
 * struct check_rule - a rule about a field, or about several that follow each other
 * @why: what is wrong when it is broken
 * @section: of the manual
 * @broken: whether @field breaks it; gets @arg
 * @arg: for @broken
 * @when_bits: the rule holds only if these bits are set in the field @when
 * @when: see @when_bits
 * @first: the first field that it is about
 * @last: and the last one; 0: there is only one
 *
 * A table ends with a rule without @broken.
 */
struct check_rule {
	const char *why;
	const char *section;
	bool (*broken)(const u64 *image, unsigned int field, u64 arg);
	u64 arg;
	u64 when_bits;
	u8 when;
	u8 first;
	u8 last;
};

/* Parts of a row. */
#define FIELD(field)		 .first = (field)
#define FIELDS(from, to)	 .first = (from), .last = (to)
#define WHEN(field, bits)	 .when = (field), .when_bits = (bits)
#define IF_SET(bits)		 .broken = check_set, .arg = (bits)
#define IF_NOT_SET(bits)	 .broken = check_not_set, .arg = (bits)
#define IF_ABOVE(limit)		 .broken = check_above, .arg = (limit)
#define IF(predicate)		 .broken = (predicate)
#define IF_ARG(predicate, value) .broken = (predicate), .arg = (value)

/* One of the bits @arg is set; one of them is not; the value is more than @arg. */
bool check_set(const u64 *image, unsigned int field, u64 arg);
bool check_not_set(const u64 *image, unsigned int field, u64 arg);
bool check_above(const u64 *image, unsigned int field, u64 arg);

/* What a table breaks, in its order, at most @max of it, into @broken; how many that are. */
unsigned int check_rules(const struct check_rule *rules, const struct check_field *fields,
			 const u64 *image, struct broken_rule *broken, unsigned int max);

#endif
