/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests of a table of entry checks: images, each of which breaks one rule of a good one.
 */
#ifndef CHECK_CASES_H
#define CHECK_CASES_H

#include <string.h>

#include <uapi/linux/tenon.h>

#include "entry_check.h"
#include "chip_test.h"

#define MAX_BROKEN 8

/**
 * struct check_case - an image that breaks one rule
 * @base: which good image it is made of
 * @field: the field that must be named
 * @why: the rule that must be named
 * @edit: what is changed: in @edit.field, the bits of @edit.clear, then those of @edit.set
 */
struct check_case {
	int base;
	unsigned int field;
	const char *why;
	struct {
		unsigned int field;
		u64 clear;
		u64 set;
	} edit[8];
};

/* Changes of a field: bits set, bits cleared, another value. */
#define SET(nr, bits)                        \
	{                                    \
		.field = (nr), .set = (bits) \
	}
#define CLEAR(nr, bits)                        \
	{                                      \
		.field = (nr), .clear = (bits) \
	}
#define VALUE(nr, number)                                      \
	{                                                      \
		.field = (nr), .clear = ~0ull, .set = (number) \
	}

static inline void apply_case(u64 *image, const struct check_case *c)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(c->edit); i++) {
		u64 *value = &image[c->edit[i].field];

		*value = (*value & ~c->edit[i].clear) | c->edit[i].set;
	}
}

/* Exactly the case's rule is broken, in exactly its field. */
static inline void expect_case(const struct check_case *c, const struct check_field *fields,
			       const u64 *image, const struct broken_rule *broken, unsigned int nr)
{
	const char *name = fields[c->field].name;

	if (!nr)
		ck_abort_msg("%s: %s: nothing is broken", name, c->why);
	if (strcmp(broken[0].field, name) || strcmp(broken[0].why, c->why))
		ck_abort_msg("%s: %s: instead %s: %s", name, c->why, broken[0].field,
			     broken[0].why);
	if (nr > 1)
		ck_abort_msg("%s: %s: and also %s: %s", name, c->why, broken[1].field,
			     broken[1].why);
	ck_assert_uint_eq(broken[0].value, image[c->field]);
}

/* Some case is about the rule, or the test is not whole. */
static inline void expect_covered(const struct check_rule *rule, const struct check_field *fields,
				  const struct check_case *cases, size_t nr)
{
	unsigned int last = rule->last ?: rule->first;
	size_t i;

	for (i = 0; i < nr; i++)
		if (cases[i].field >= rule->first && cases[i].field <= last &&
		    !strcmp(cases[i].why, rule->why))
			return;
	ck_abort_msg("no case for %s: %s", fields[rule->first].name, rule->why);
}

/* User space gets the whole of each text. */
static inline void expect_fits(const struct check_rule *rule, const struct check_field *fields)
{
	const struct tenon_broken_rule out;
	unsigned int field, last = rule->last ?: rule->first;

	ck_assert(rule->first <= last);
	for (field = rule->first; field <= last; field++)
		ck_assert_uint_lt(strlen(fields[field].name), sizeof(out.field));
	ck_assert_uint_lt(strlen(rule->why), sizeof(out.why));
	ck_assert_uint_lt(strlen(rule->section), sizeof(out.section));
}

#endif
