/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the owner's address space has at an address: a page to map into the guest.
 */
#ifndef TENON_MMU_HOSTMAP_H
#define TENON_MMU_HOSTMAP_H

#include <linux/mm_types.h>
#include <linux/types.h>

#include "pte.h"

/**
 * struct host_page - the host page at an address
 * @pfn: its frame
 * @page: NULL for device memory (VM_PFNMAP, VM_IO)
 * @level: at which user space has it mapped: PTE_LEVEL_*
 * @held: @page has a reference
 * @writable: user space may write to it now, without copying it first
 * @memtype: how user space's own mapping caches it
 */
struct host_page {
	u64 pfn;
	struct page *page;
	int level;
	bool held;
	bool writable;
	enum pte_memtype memtype;
};

/*
 * The page at @hva of current->mm, if user space has it mapped and has written to it: then neither
 * a reference is needed, nor anything to be noted when the guest writes. Any context.
 */
bool host_page_peek(unsigned long hva, struct host_page *host);

/* Level at which current->mm maps @hva. A moment's truth. Any context. */
int host_level(unsigned long hva);

/*
 * Find the page at @hva of current->mm; fault it in for reading, or for writing if @write. If
 * @may_write and it costs nothing, *@host is writable too after a read. May sleep. Nothing keeps
 * the page there: whoever maps it re-checks with the MMU notifier.
 * -EFAULT, -EHWPOISON, -EINTR, -ENOMEM; -EAGAIN if @nowait and the page must be waited for.
 */
int host_page_get(unsigned long hva, bool write, bool may_write, bool nowait,
		  struct host_page *host);

/* Let go of the page; it counts as accessed, and as dirty if it was mapped writable. */
void host_page_put(struct host_page *host);

#endif
