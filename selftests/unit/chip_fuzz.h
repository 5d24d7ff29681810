/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the fuzzers of the interrupt chips share: taking numbers off the input, and checking. Their
 * own code does without the sanitizers, which are there for the product and cost most of the time.
 */
#ifndef CHIP_FUZZ_H
#define CHIP_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>

#define must(condition)                                                                 \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

struct input {
	const u8 *data;
	size_t left;
};

/* The next @len bytes, little endian; zeros behind the end. */
static inline u64 take(struct input *in, size_t len)
{
	u64 value = 0;
	size_t have = len < in->left ? len : in->left;

	memcpy(&value, in->data, have);
	in->data += have;
	in->left -= have;
	return value;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
size_t LLVMFuzzerMutate(u8 *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t max, unsigned int seed);

/* Each fourth input is random from end to end: what takes many steps is found so. */
size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t max, unsigned int seed)
{
	u64 state = seed * 0x9e3779b97f4a7c15ull + 1;
	size_t i;

	if (seed % 4)
		return LLVMFuzzerMutate(data, size, max);
	for (i = 0; i < max; i++) {
		state = state * 6364136223846793005ull + 1442695040888963407ull;
		data[i] = state >> 56;
	}
	return max - (state >> 32) % 8 % max;
}

#pragma clang attribute push(__attribute__((no_sanitize("address", "undefined"))), \
			     apply_to = function)

#endif
