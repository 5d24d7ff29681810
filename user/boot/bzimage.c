// SPDX-License-Identifier: GPL-2.0-only
#include <stdbool.h>
#include <string.h>

#include "array_size.h"
#include "boot/bzimage.h"

#define HEADER_OFFSET	      0x1f1
#define HEADER_MAGIC	      0x53726448 /* "HdrS" */
#define BOOT_FLAG	      0xaa55
#define VERSION_MIN	      0x020c /* the first with xloadflags */
#define SECTOR		      512
#define SETUP_SECTORS_DEFAULT 4 /* what 0 means */
#define PARAGRAPH	      16 /* unit of syssize */
#define LOAD_MIN	      0x100000 /* below lie our own structures */

/* A rule for the file: its header, and what was computed from it. */
struct facts {
	const struct bzimage *image;
	uint64_t file_size;
};

static bool is_bootable(const struct facts *f)
{
	return f->image->header.boot_flag == BOOT_FLAG;
}

static bool has_magic(const struct facts *f)
{
	return f->image->header.header == HEADER_MAGIC;
}

static bool is_new_enough(const struct facts *f)
{
	return f->image->header.version >= VERSION_MIN;
}

static bool is_bzimage(const struct facts *f)
{
	return f->image->header.loadflags & LOADED_HIGH;
}

static bool has_64bit_entry(const struct facts *f)
{
	return f->image->header.xloadflags & XLF_KERNEL_64;
}

static bool has_payload(const struct facts *f)
{
	return f->image->payload_size > SECTOR;
}

static bool is_complete(const struct facts *f)
{
	return f->image->payload_offset < f->file_size &&
	       f->image->payload_size <= f->file_size - f->image->payload_offset;
}

static bool is_aligned(const struct facts *f)
{
	uint32_t align = f->image->header.kernel_alignment;

	return align && !(align & (align - 1)) && !(f->image->load & (align - 1));
}

static bool has_good_place(const struct facts *f)
{
	return f->image->load >= LOAD_MIN && f->image->load < BZIMAGE_END_MAX &&
	       f->image->end <= BZIMAGE_END_MAX;
}

static bool has_room(const struct facts *f)
{
	return f->image->payload_size <= f->image->header.init_size;
}

static const struct {
	bool (*holds)(const struct facts *facts);
	const char *otherwise;
} rules[] = {
	{ is_bootable, "not a kernel image: no boot sector signature" },
	{ has_magic, "not a Linux kernel image: no HdrS magic" },
	{ is_new_enough, "kernel too old: boot protocol below 2.12" },
	{ is_bzimage, "a zImage, not a bzImage" },
	{ has_64bit_entry, "no 64-bit entry point: not an x86-64 kernel" },
	{ has_payload, "damaged: no kernel behind the header" },
	{ is_complete, "truncated: the file is shorter than its header says" },
	{ is_aligned, "damaged: its load address is not aligned" },
	{ has_good_place, "damaged: its load address or size is absurd" },
	{ has_room, "damaged: bigger than the memory that it asks for" },
};

const char *bzimage_check(const uint8_t *head, size_t head_size, uint64_t file_size,
			  struct bzimage *image)
{
	struct facts facts = { .image = image, .file_size = file_size };
	struct setup_header *header = &image->header;
	unsigned int sectors;

	memset(image, 0, sizeof(*image));
	if (head_size < HEADER_OFFSET + sizeof(*header))
		return "not a kernel image: too short";
	memcpy(header, head + HEADER_OFFSET, sizeof(*header));
	sectors = header->setup_sects ? header->setup_sects : SETUP_SECTORS_DEFAULT;
	image->payload_offset = (uint64_t)(sectors + 1) * SECTOR;
	image->payload_size = (uint64_t)header->syssize * PARAGRAPH;
	image->load = header->pref_address;
	image->end = image->load + header->init_size;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (!rules[i].holds(&facts))
			return rules[i].otherwise;
	}
	return NULL;
}
