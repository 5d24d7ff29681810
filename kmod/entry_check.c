// SPDX-License-Identifier: GPL-2.0-only
/*
 * Goes through the rules of an entry into a guest. Pure.
 */
#include <linux/kernel.h>

#include "entry_check.h"

bool check_set(const u64 *image, unsigned int field, u64 arg)
{
	return image[field] & arg;
}

bool check_not_set(const u64 *image, unsigned int field, u64 arg)
{
	return ~image[field] & arg;
}

bool check_above(const u64 *image, unsigned int field, u64 arg)
{
	return image[field] > arg;
}

/**
 * check_rules() - find the rules that an image breaks
 * @rules: the rules, in the order in which they are to be reported
 * @fields: the names of the image's fields
 * @image: the values
 * @broken: where to put what was found
 * @max: how many of it, at most
 *
 * Return: how many are in @broken. A rule about several fields can be there several times.
 */
unsigned int check_rules(const struct check_rule *rules, const struct check_field *fields,
			 const u64 *image, struct broken_rule *broken, unsigned int max)
{
	const struct check_rule *rule;
	unsigned int field, last, nr = 0;

	for (rule = rules; rule->broken; rule++) {
		if (rule->when_bits & ~image[rule->when])
			continue;
		last = rule->last ?: rule->first;
		for (field = rule->first; field <= last && nr < max; field++) {
			if (!rule->broken(image, field, rule->arg))
				continue;
			broken[nr++] = (struct broken_rule){
				.field = fields[field].name,
				.why = rule->why,
				.section = rule->section,
				.value = image[field],
				.secret = fields[field].secret,
			};
		}
	}
	return nr;
}
