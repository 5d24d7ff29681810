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

int host_page_get(unsigned long hva, bool write, bool may_write, struct host_page *host)
{
	struct page *page;
	long n;

	host->memtype = PTE_WB;
	if (!may_write || !page_at_hand(hva, host)) {
		n = get_user_pages_unlocked(hva, 1, &page,
					    FOLL_HWPOISON | (write ? FOLL_WRITE : 0));
		if (n == -EFAULT)
			return device_page(hva, write, host);
		if (n != 1)
			return n < 0 ? n : -EFAULT;
		host->page = page;
		host->writable = write;
	}
	host->pfn = page_to_pfn(host->page);
	return 0;
}

void host_page_put(struct host_page *host)
{
	struct page *page = host->page;

	if (!page)
		return;
	if (!PageReserved(page)) {
		if (host->writable)
			SetPageDirty(page);
		mark_page_accessed(page);
	}
	put_page(page);
}

int host_level(unsigned long hva)
{
	int level = PTE_LEVEL_4K;
	unsigned long flags;
	pgd_t pgd;
	p4d_t p4d;
	pud_t pud;
	pmd_t pmd;

	/* Page tables are freed only after an interrupt to each CPU that may walk them. */
	local_irq_save(flags);
	pgd = READ_ONCE(*pgd_offset(current->mm, hva));
	if (pgd_none(pgd))
		goto out;
	p4d = READ_ONCE(*p4d_offset(&pgd, hva));
	if (p4d_none(p4d) || !p4d_present(p4d))
		goto out;
	pud = READ_ONCE(*pud_offset(&p4d, hva));
	if (pud_none(pud) || !pud_present(pud))
		goto out;
	if (pud_leaf(pud)) {
		level = PTE_LEVEL_1G;
		goto out;
	}
	pmd = READ_ONCE(*pmd_offset(&pud, hva));
	if (!pmd_none(pmd) && pmd_present(pmd) && pmd_leaf(pmd))
		level = PTE_LEVEL_2M;
out:
	local_irq_restore(flags);
	return level;
}
