/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest RAM: at most two ranges of guest-physical addresses, each one private anonymous mapping.
 * Low RAM ends at MEM_LOW_END at the latest, the rest starts at MEM_HIGH_START; between the two
 * lie the PCI window, ECAM and the interrupt controllers.
 */
#ifndef TENON_MEM_H
#define TENON_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEM_LOW_END    0xc0000000ULL
#define MEM_HIGH_START 0x100000000ULL
#define MEM_MAX_RANGES 2

/**
 * struct guest_range - One contiguous piece of guest RAM.
 * @gpa: first guest-physical address
 * @size: bytes, a multiple of 4096
 * @hva: where it is mapped in this process
 */
struct guest_range {
	uint64_t gpa;
	uint64_t size;
	uint8_t *hva;
};

/**
 * struct guest_mem - All RAM of a guest; constant from set-up until the VM ends.
 * @size: total bytes
 * @nr_ranges: ranges in use
 * @range: the ranges, in rising order
 */
struct guest_mem {
	uint64_t size;
	unsigned int nr_ranges;
	struct guest_range range[MEM_MAX_RANGES];
};

/**
 * mem_create() - Reserve guest RAM.
 * @mem: filled
 * @size: bytes, a multiple of 4096, not 0
 *
 * Pages are allocated when first touched. Return: 0 or a negative errno.
 */
int mem_create(struct guest_mem *mem, uint64_t size);

/** mem_destroy() - Unmap what mem_create() mapped. */
void mem_destroy(struct guest_mem *mem);

/**
 * guest_ptr() - Where a piece of guest RAM is mapped.
 * @mem: the guest's RAM
 * @gpa: first guest-physical address
 * @len: bytes, more than 0
 *
 * The guest may change the bytes at any time: copy what must be checked, then check the copy.
 * Return: a pointer to all of [@gpa, @gpa + @len), NULL if that is not within one RAM range.
 */
void *guest_ptr(const struct guest_mem *mem, uint64_t gpa, uint64_t len);

/** guest_read() - Copy @len bytes at @gpa to @buf. Return: false if they are not all RAM. */
bool guest_read(const struct guest_mem *mem, uint64_t gpa, void *buf, size_t len);

/** guest_write() - Copy @len bytes at @buf to @gpa. Return: false if they are not all RAM. */
bool guest_write(const struct guest_mem *mem, uint64_t gpa, const void *buf, size_t len);

#endif
