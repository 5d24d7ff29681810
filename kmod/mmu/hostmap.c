// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the owner's address space has at an address.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/swap.h>

#include "../compat.h"
#include "hostmap.h"

/* The host's own cache attributes: in Linux's PAT the bits PWT and PCD choose WB, WC, UC-, UC. */
static enum pte_memtype memtype_of(pgprot_t prot)
{
	switch (pgprot_val(prot) & (_PAGE_PWT | _PAGE_PCD)) {
	case 0:
		return PTE_WB;
	case _PAGE_PWT:
		return PTE_WC;
	default:
		return PTE_UC;
	}
}

/*
 * The entry that maps @hva in current->mm, and its level; a non-present one where nothing does.
 * IRQs off: page tables are freed only after an interrupt to each CPU that may walk them.
 */
static int host_walk(unsigned long hva, u64 *entry)
{
	pgd_t pgd = READ_ONCE(*pgd_offset(current->mm, hva));
	p4d_t p4d;
	pud_t pud;
	pmd_t pmd;

	*entry = 0;
	if (pgd_none(pgd))
		return PTE_LEVEL_4K;
	p4d = READ_ONCE(*p4d_offset(&pgd, hva));
	if (p4d_none(p4d) || !p4d_present(p4d))
		return PTE_LEVEL_4K;
	pud = READ_ONCE(*pud_offset(&p4d, hva));
	if (pud_none(pud) || !pud_present(pud))
		return PTE_LEVEL_4K;
	*entry = pud_val(pud);
	if (pud_leaf(pud))
		return PTE_LEVEL_1G;
	pmd = READ_ONCE(*pmd_offset(&pud, hva));
	*entry = 0;
	if (pmd_none(pmd) || !pmd_present(pmd))
		return PTE_LEVEL_4K;
	*entry = pmd_val(pmd);
	if (pmd_leaf(pmd))
		return PTE_LEVEL_2M;
	*entry = pte_val(READ_ONCE(*pte_offset_kernel(&pmd, hva)));
	return PTE_LEVEL_4K;
}

/* A present entry of the host's that lets user space write to ordinary memory, and has done so. */
static bool is_written(u64 entry)
{
	const u64 used = _PAGE_ACCESSED | _PAGE_DIRTY;

	return pte_access_permitted(__pte(entry), true) && (entry & used) == used &&
	       !(entry & (_PAGE_SPECIAL | _PAGE_DEVMAP));
}

bool host_page_peek(unsigned long hva, struct host_page *host)
{
	unsigned long flags;
	bool found = false;
	u64 entry, pages;

	local_irq_save(flags);
	host->level = host_walk(hva, &entry);
	if (!is_written(entry))
		goto out;
	pages = tpte_pages(host->level);
	host->pfn = round_down((entry & PTE_PFN_MASK) >> PAGE_SHIFT, pages) |
		    (hva >> PAGE_SHIFT & (pages - 1));
	host->page = pfn_to_page(host->pfn);
	/* What drivers map by large entries is not marked. */
	found = host->level == PTE_LEVEL_4K || (pfn_valid(host->pfn) && PageCompound(host->page));
out:
	local_irq_restore(flags);
	host->held = false;
	host->writable = true;
	host->memtype = PTE_WB;
	return found;
}

int host_level(unsigned long hva)
{
	unsigned long flags;
	u64 entry;
	int level;

	local_irq_save(flags);
	level = host_walk(hva, &entry);
	local_irq_restore(flags);
	return level;
}

/* Memory without reference counts: the range belongs to a driver. mmap_lock is held. */
static int device_page_locked(struct vm_area_struct *vma, unsigned long hva, bool write,
			      struct host_page *host)
{
	unsigned long pfn;
	pgprot_t prot;
	int err;

	if (!(vma->vm_flags & (VM_IO | VM_PFNMAP)) || (write && !(vma->vm_flags & VM_WRITE)))
		return -EFAULT;
	err = compat_follow_pfn(vma, hva, &pfn, &prot, &host->writable);
	if (err || (write && !host->writable)) {
		bool unlocked = false;

		err = fixup_user_fault(current->mm, hva, write ? FAULT_FLAG_WRITE : 0, &unlocked);
		/* With the lock let go, @vma may be gone: look again from the start. */
		if (unlocked)
			return -EAGAIN;
		if (!err)
			err = compat_follow_pfn(vma, hva, &pfn, &prot, &host->writable);
		if (err)
			return -EFAULT;
		if (write && !host->writable)
			return -EFAULT;
	}
	host->pfn = pfn;
	host->page = NULL;
	host->level = host_level(hva);
	host->memtype = memtype_of(prot);
	return 0;
}

static int device_page(unsigned long hva, bool write, struct host_page *host)
{
	struct vm_area_struct *vma;
	int err;

	do {
		if (signal_pending(current))
			return -EINTR;
		mmap_read_lock(current->mm);
		vma = vma_lookup(current->mm, hva);
		err = vma ? device_page_locked(vma, hva, write, host) : -EFAULT;
		mmap_read_unlock(current->mm);
	} while (err == -EAGAIN);
	return err;
}

static bool page_at_hand(unsigned long hva, struct host_page *host)
{
	host->writable = get_user_pages_fast_only(hva, 1, FOLL_WRITE, &host->page) == 1;
	return host->writable;
}

int host_page_get(unsigned long hva, bool write, bool may_write, bool nowait,
		  struct host_page *host)
{
	struct page *page;
	long n;

	host->memtype = PTE_WB;
	host->held = false;
	if (!may_write || !page_at_hand(hva, host)) {
		n = get_user_pages_unlocked(hva, 1, &page,
					    FOLL_HWPOISON | (write ? FOLL_WRITE : 0) |
						    (nowait ? FOLL_NOWAIT : 0));
		if (n == -EFAULT)
			return device_page(hva, write, host);
		if (!n && nowait)
			return -EAGAIN;
		if (n != 1)
			return n < 0 ? n : -EFAULT;
		host->page = page;
		host->writable = write;
	}
	host->held = true;
	host->pfn = page_to_pfn(host->page);
	host->level = PageCompound(host->page) ? host_level(hva) : PTE_LEVEL_4K;
	return 0;
}

void host_page_put(struct host_page *host)
{
	struct page *page = host->page;

	if (!host->held)
		return;
	if (!PageReserved(page)) {
		if (host->writable)
			SetPageDirty(page);
		mark_page_accessed(page);
	}
	put_page(page);
}
