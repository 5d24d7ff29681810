/* SPDX-License-Identifier: GPL-2.0-only */
/* What the fuzzers of the interrupt chips share: taking numbers off the input, and checking. */
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

#endif
