/* SPDX-License-Identifier: GPL-2.0-only */
/* Linux's kernel image format (Documentation/arch/x86/boot.rst of the kernel), checked. */
#ifndef TENON_BOOT_BZIMAGE_H
#define TENON_BOOT_BZIMAGE_H

#include <asm/bootparam.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes from the start of a file that bzimage_check() wants to see. */
#define BZIMAGE_HEAD 4096

/* Where the kernel must end: what the first page tables map. */
#define BZIMAGE_END_MAX 0x40000000ULL

/**
 * struct bzimage - What is known of a kernel image once it has been checked.
 * @header: its setup header, as in the file
 * @payload_offset: where the protected-mode kernel starts in the file
 * @payload_size: its bytes
 * @load: guest-physical address that it is put at
 * @end: first address behind the memory that it needs until it has set itself up
 */
struct bzimage {
	struct setup_header header;
	uint64_t payload_offset;
	uint64_t payload_size;
	uint64_t load;
	uint64_t end;
};

/**
 * bzimage_check() - Is this a kernel that we can start at its 64-bit entry?
 * @head: the first @head_size bytes of the file
 * @head_size: BZIMAGE_HEAD, or the file's size if that is less
 * @file_size: bytes in the whole file
 * @image: filled
 *
 * Return: NULL if it is good, otherwise why not (a phrase, for a message).
 */
const char *bzimage_check(const uint8_t *head, size_t head_size, uint64_t file_size,
			  struct bzimage *image);

#endif
