// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "mem.h"

static int map_range(struct guest_mem *mem, uint64_t gpa, uint64_t size)
{
	struct guest_range *range = &mem->range[mem->nr_ranges];
	void *hva = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (hva == MAP_FAILED)
		return -errno;
	/* Only advice: a kernel without huge pages runs the guest as well. */
	madvise(hva, size, MADV_HUGEPAGE);
	*range = (struct guest_range){ .gpa = gpa, .size = size, .hva = hva };
	mem->nr_ranges++;
	mem->size += size;
	return 0;
}

int mem_create(struct guest_mem *mem, uint64_t size)
{
	uint64_t low = size < MEM_LOW_END ? size : MEM_LOW_END;
	int err;

	*mem = (struct guest_mem){ 0 };
	err = map_range(mem, 0, low);
	if (!err && size > low)
		err = map_range(mem, MEM_HIGH_START, size - low);
	if (err)
		mem_destroy(mem);
	return err;
}

void mem_destroy(struct guest_mem *mem)
{
	for (unsigned int i = 0; i < mem->nr_ranges; i++)
		munmap(mem->range[i].hva, mem->range[i].size);
	*mem = (struct guest_mem){ 0 };
}

void *guest_ptr(const struct guest_mem *mem, uint64_t gpa, uint64_t len)
{
	for (unsigned int i = 0; i < mem->nr_ranges; i++) {
		const struct guest_range *range = &mem->range[i];
		uint64_t offset = gpa - range->gpa;

		if (gpa >= range->gpa && offset < range->size && len <= range->size - offset)
			return range->hva + offset;
	}
	return NULL;
}

bool guest_read(const struct guest_mem *mem, uint64_t gpa, void *buf, size_t len)
{
	const void *from = guest_ptr(mem, gpa, len);

	if (!from)
		return false;
	memcpy(buf, from, len);
	return true;
}

bool guest_write(const struct guest_mem *mem, uint64_t gpa, const void *buf, size_t len)
{
	void *to = guest_ptr(mem, gpa, len);

	if (!to)
		return false;
	memcpy(to, buf, len);
	return true;
}
