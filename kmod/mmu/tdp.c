// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested page tables: from guest-physical to host-physical addresses. Faults of several vCPUs are
 * handled side by side; nothing records which entries map a page: the slots tell it.
 */
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>

#include "../backend.h"
#include "../vcpu.h"
#include "../vm.h"
#include "hostmap.h"
#include "mmu.h"
#include "pte.h"
#include "tdp.h"

/* tdp_install(): what the caller has to do first; or the page is just being taken away. */
#define NEED_TABLE  1
#define NEED_ZAP    2
#define FAULT_STALE 3
/* install_over(): it goes on one level below. */
#define NEXT_TABLE 4

/* fault_get_page(): the page will come, see pv_apf_begin(). */
#define FAULT_BEGUN 1

/**
 * struct fault - a guest's access for which a mapping is to be installed
 * @mmu: where
 * @slot: a copy of the slot, good as long as @seq is the MMU's
 * @seq: of the MMU before the slot was looked up
 * @gfn: the frame
 * @hva: its page in the owner's address space
 * @write: the access is a write
 * @exec: the access is an instruction fetch
 * @host: the host's page
 * @level: at which it can be mapped
 * @table: an unused table, 0 if there is none
 */
struct fault {
	struct mmu *mmu;
	struct memslot slot;
	unsigned long seq;
	u64 gfn;
	unsigned long hva;
	bool write;
	bool exec;
	struct host_page host;
	int level;
	unsigned long table;
};

static int tdp_levels(void)
{
	return backend->tdp_levels;
}

void tdp_unlink(u64 pte, int level, struct list_head *tables)
{
	struct page *page = virt_to_page(tdp_table(pte));

	set_page_private(page, level);
	list_add(&page->lru, tables);
}

static bool zap_table(u64 *table, int level, u64 start, u64 end, struct list_head *tables)
{
	const struct pte_format *format = backend->pte_format;
	u64 pages = tpte_pages(level);
	bool zapped = false;
	u64 gfn = start;

	while (gfn < end) {
		u64 *ptep = &table[tpte_index(gfn, level)];
		u64 next = min(round_down(gfn, pages) + pages, end);
		u64 pte = READ_ONCE(*ptep);

		if (!tpte_is_present(format, pte)) {
			/* nothing to do */
		} else if (tpte_is_leaf(format, pte, level)) {
			WRITE_ONCE(*ptep, 0);
			zapped = true;
		} else if (next - gfn == pages) {
			WRITE_ONCE(*ptep, 0);
			tdp_unlink(pte, level - 1, tables);
			zapped = true;
		} else {
			zapped |= zap_table(tdp_table(pte), level - 1, gfn, next, tables);
		}
		gfn = next;
	}
	return zapped;
}

bool tdp_zap(struct mmu *mmu, u64 start, u64 end, struct list_head *tables)
{
	lockdep_assert_held_write(&mmu->lock);
	return zap_table(mmu->root, tdp_levels(), start, end, tables);
}

static void free_table(u64 *table, int level, bool may_sleep)
{
	const struct pte_format *format = backend->pte_format;
	unsigned int i;

	for (i = 0; level > PTE_LEVEL_4K && i < PTE_ENTRIES; i++) {
		u64 pte = table[i];

		if (tpte_is_present(format, pte) && !tpte_is_leaf(format, pte, level))
			free_table(tdp_table(pte), level - 1, may_sleep);
	}
	free_page((unsigned long)table);
	if (may_sleep)
		cond_resched();
}

void tdp_free(struct list_head *tables, bool may_sleep)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, tables, lru) {
		int level = page_private(page);

		set_page_private(page, 0);
		list_del(&page->lru);
		free_table(page_address(page), level, may_sleep);
	}
}

u64 *tdp_walk(struct mmu *mmu, u64 gfn, int *level)
{
	const struct pte_format *format = backend->pte_format;
	u64 *table = mmu->root;

	for (*level = tdp_levels();; (*level)--) {
		u64 *ptep = &table[tpte_index(gfn, *level)];
		u64 pte = READ_ONCE(*ptep);

		if (!tpte_is_present(format, pte) || tpte_is_leaf(format, pte, *level))
			return ptep;
		table = tdp_table(pte);
	}
}

bool tdp_age(struct mmu *mmu, u64 start, u64 end, bool clear)
{
	const struct pte_format *format = backend->pte_format;
	bool young = false;
	u64 gfn, pages;
	int level;

	for (gfn = start; gfn < end; gfn = round_down(gfn, pages) + pages) {
		u64 *ptep = tdp_walk(mmu, gfn, &level);
		u64 pte = READ_ONCE(*ptep);

		pages = tpte_pages(level);
		if (!tpte_is_present(format, pte) || !(pte & format->accessed))
			continue;
		young = true;
		if (clear)
			try_cmpxchg64(ptep, &pte, pte & ~format->accessed);
	}
	return young;
}

/* mmu->lock held for writing; the tables are freed without it. */
static void zap_locked(struct vm *vm, u64 start, u64 end, struct list_head *tables)
{
	vm->mmu.seq++;
	if (tdp_zap(&vm->mmu, start, end, tables))
		vm_request_all(vm, WORK_TLB_FLUSH, true);
}

void mmu_zap(struct vm *vm, u64 start, u64 end)
{
	LIST_HEAD(tables);

	write_lock(&vm->mmu.lock);
	zap_locked(vm, start, end, &tables);
	write_unlock(&vm->mmu.lock);
	tdp_free(&tables, true);
}

void mmu_zap_slot(struct vm *vm, const struct memslot *old, struct memslot_array *next)
{
	LIST_HEAD(tables);

	write_lock(&vm->mmu.lock);
	memslots_publish(&vm->slots, next);
	zap_locked(vm, old->base_gfn, old->base_gfn + old->npages, &tables);
	write_unlock(&vm->mmu.lock);
	tdp_free(&tables, true);
}

/* Entries that are looked at before others get the lock. */
#define COUNT_BATCH 4096

void mmu_count_pages(struct vm *vm, u64 pages[MMU_PAGE_SIZES])
{
	const struct pte_format *format = backend->pte_format;
	struct mmu *mmu = &vm->mmu;
	u64 gfn = 0, size;
	int level, i;

	memset(pages, 0, MMU_PAGE_SIZES * sizeof(*pages));
	while (gfn < mmu_gfn_limit() && !fatal_signal_pending(current)) {
		read_lock(&mmu->lock);
		for (i = 0; i < COUNT_BATCH && gfn < mmu_gfn_limit(); i++) {
			u64 pte = READ_ONCE(*tdp_walk(mmu, gfn, &level));

			size = tpte_pages(level);
			if (tpte_is_present(format, pte) && level - PTE_LEVEL_4K < MMU_PAGE_SIZES)
				pages[level - PTE_LEVEL_4K]++;
			gfn = round_down(gfn, size) + size;
		}
		read_unlock(&mmu->lock);
		cond_resched();
	}
}

/* Since @fault looked, the host page was taken away, or is about to be. mmu->lock is held. */
static bool fault_is_stale(const struct fault *fault)
{
	const struct mmu *mmu = fault->mmu;
	unsigned long size = tpte_pages(fault->level) << PAGE_SHIFT;
	unsigned long start = round_down(fault->hva, size);

	if (mmu->seq != fault->seq)
		return true;
	return mmu->invalidating && start < mmu->inv_end && start + size > mmu->inv_start;
}

/* The entry that maps the fault's page at @level. */
static u64 fault_pte(const struct fault *fault, int level)
{
	u64 pfn = round_down(fault->host.pfn, tpte_pages(level));
	u64 hpa = pfn << PAGE_SHIFT;

	if (fault->host.page)
		hpa = __sme_set(hpa);
	return tpte_leaf(backend->pte_format, hpa, level, fault->host.writable,
			 level <= backend->tdp_exec_level, fault->host.memtype);
}

/* Put the entry that maps the fault's page into @ptep, which holds @pte. */
static void install_leaf(const struct fault *fault, u64 *ptep, u64 pte, int level)
{
	/*
	 * The page counts as written when it can be, also after a read: one fault fewer if it is
	 * written. The log is cleared under the same lock.
	 */
	if (try_cmpxchg64(ptep, &pte, fault_pte(fault, level)) && fault->host.writable)
		memslot_mark_dirty(&fault->slot, fault->gfn);
}

/* Put the fault's unused table into the empty entry @ptep. */
static int install_table(struct fault *fault, u64 *ptep, u64 *pte)
{
	u64 new;

	if (!fault->table)
		return NEED_TABLE;
	new = tdp_table_entry((void *)fault->table);
	/* On failure another vCPU was first, and *@pte is what it put there. */
	if (try_cmpxchg64(ptep, pte, new)) {
		*pte = new;
		fault->table = 0;
	}
	return 0;
}

static bool leaf_allows(const struct fault *fault, u64 pte)
{
	const struct pte_format *format = backend->pte_format;

	return (!fault->write || tpte_is_writable(format, pte)) &&
	       (!fault->exec || tpte_is_executable(format, pte));
}

/*
 * The leaf @*pte is there already. One that is too large, to be executed or to have its writes
 * logged, becomes a table, and *@pte is what leads there: NEXT_TABLE.
 */
static int install_over(struct fault *fault, u64 *ptep, u64 *pte, int level)
{
	if (leaf_allows(fault, *pte))
		return 0;
	/* More permission for the same page needs no flush; another page would. */
	if ((*pte ^ fault_pte(fault, level)) & PTE_ADDR)
		return NEED_ZAP;
	if (level <= fault->level) {
		install_leaf(fault, ptep, *pte, level);
		return 0;
	}
	if (!fault->table)
		return NEED_TABLE;
	return tdp_split(ptep, pte, level, &fault->table) ? NEXT_TABLE : 0;
}

/* Map the host page. 0: done, or the guest is to try again. mmu->lock held for reading. */
static int tdp_install(struct fault *fault)
{
	const struct pte_format *format = backend->pte_format;
	u64 *table = fault->mmu->root;
	int level, err;

	if (fault_is_stale(fault))
		return FAULT_STALE;
	for (level = tdp_levels();; level--) {
		u64 *ptep = &table[tpte_index(fault->gfn, level)];
		u64 pte = READ_ONCE(*ptep);

		if (!tpte_is_present(format, pte)) {
			if (level <= fault->level) {
				install_leaf(fault, ptep, pte, level);
				return 0;
			}
			err = install_table(fault, ptep, &pte);
			if (err)
				return err;
		}
		if (tpte_is_leaf(format, pte, level)) {
			err = install_over(fault, ptep, &pte, level);
			if (err != NEXT_TABLE)
				return err;
		}
		table = tdp_table(pte);
	}
}

bool tdp_slot_allows(const struct memslot *slot, u64 gfn, int level)
{
	u64 pages = tpte_pages(level), first = round_down(gfn, pages);

	if ((slot->base_gfn ^ slot->hva >> PAGE_SHIFT) & (pages - 1))
		return false;
	return first >= slot->base_gfn && first + pages <= slot->base_gfn + slot->npages;
}

/* The highest level at which the host and the slot let the page be mapped. */
static int fault_level(const struct fault *fault)
{
	int level = min(fault->host.level, backend->tdp_page_level);

	if (fault->slot.dirty)
		return PTE_LEVEL_4K;
	if (fault->exec)
		level = min(level, backend->tdp_exec_level);
	while (level > PTE_LEVEL_4K && !tdp_slot_allows(&fault->slot, fault->gfn, level))
		level--;
	return level;
}

/* Copy the slot of the fault's frame. False if there is none. */
static bool fault_find_slot(struct fault *fault, struct vm *vm)
{
	const struct memslot *slot;

	rcu_read_lock();
	slot = memslots_find(&vm->slots, fault->gfn);
	if (slot) {
		fault->slot = *slot;
		fault->hva = memslot_hva(slot, fault->gfn << PAGE_SHIFT);
	}
	rcu_read_unlock();
	return slot;
}

static int fault_map(struct fault *fault)
{
	int err;

	do {
		read_lock(&fault->mmu->lock);
		err = tdp_install(fault);
		read_unlock(&fault->mmu->lock);
		if (err == NEED_TABLE) {
			fault->table = get_zeroed_page(GFP_KERNEL_ACCOUNT);
			if (!fault->table)
				return -ENOMEM;
		}
	} while (err == NEED_TABLE);
	free_page(fault->table);
	return err;
}

/* Errors of host_page_get() in the form in which KVM_RUN returns them. */
static int fault_error(const struct fault *fault, int err)
{
	if (err == -EHWPOISON) {
		/* As for any load from a poisoned page; the signal ends KVM_RUN. */
		send_sig_mceerr(BUS_MCEERR_AR, (void __user *)fault->hva, PAGE_SHIFT, current);
		return 0;
	}
	return err == -ERESTARTSYS || err == -EAGAIN ? -EINTR : err;
}

/* Begin with a fault: what it is about, and the slot. False if there is none. */
static bool fault_begin(struct fault *fault, struct vm *vm, u64 gpa, u32 error)
{
	fault->mmu = &vm->mmu;
	fault->gfn = gpa >> PAGE_SHIFT;
	fault->write = error & FAULT_WRITE;
	fault->exec = error & FAULT_FETCH;
	fault->table = 0;
	fault->seq = READ_ONCE(vm->mmu.seq);
	/* Pairs with the lock: a removal that this sequence counts is seen in what follows. */
	smp_rmb();
	return fault_find_slot(fault, vm);
}

/*
 * The first write to a logged page, all else about which is known: it is there, and the host lets
 * it be written. -ENOENT if it is not such a page. mmu->lock held for reading.
 */
static int fault_unprotect(struct fault *fault)
{
	u64 *ptep, pte;

	ptep = tdp_walk(fault->mmu, fault->gfn, &fault->level);
	pte = READ_ONCE(*ptep);
	if (fault->level > PTE_LEVEL_4K || !(pte & PTE_LOGGED))
		return -ENOENT;
	if (fault_is_stale(fault))
		return FAULT_STALE;
	if (try_cmpxchg64(ptep, &pte, (pte & ~PTE_LOGGED) | backend->pte_format->write))
		memslot_mark_dirty(&fault->slot, fault->gfn);
	return 0;
}

static int fault_install_fast(struct fault *fault)
{
	int err;

	if (fault->slot.dirty && fault->write) {
		err = fault_unprotect(fault);
		if (err != -ENOENT)
			return err;
	}
	if (!host_page_peek(fault->hva, &fault->host))
		return -EAGAIN;
	fault->level = fault_level(fault);
	return tdp_install(fault);
}

enum verdict mmu_fault_fast(struct vcpu *vcpu, u64 gpa, u32 error)
{
	struct fault fault;
	int err;

	if (!fault_begin(&fault, vcpu->vm, gpa, error) || fault.slot.flags & KVM_MEM_READONLY)
		return SLOW;
	/* Who holds it for writing may wait for this vCPU. */
	if (!read_trylock(&fault.mmu->lock))
		return SLOW;
	/* A page that is being taken away may wait for this CPU's IRQs: not here, then. */
	err = fault_install_fast(&fault);
	read_unlock(&fault.mmu->lock);
	return err ? SLOW : GUEST;
}

/* The host's page; FAULT_BEGUN: the guest was told to do something else meanwhile. */
static int fault_get_page(struct vcpu *vcpu, struct fault *fault, bool may_write)
{
	bool nowait = pv_apf_possible(vcpu);
	int err = host_page_get(fault->hva, fault->write, may_write, nowait, &fault->host);

	if (err != -EAGAIN || !nowait)
		return err;
	if (pv_apf_begin(vcpu, fault->hva, fault->write))
		return FAULT_BEGUN;
	return host_page_get(fault->hva, fault->write, may_write, false, &fault->host);
}

int mmu_fault(struct vcpu *vcpu, u64 gpa, u32 error)
{
	struct vm *vm = vcpu->vm;
	struct fault fault;
	bool readonly;
	int err;

	if (!fault_begin(&fault, vm, gpa, error))
		return MMU_MMIO;
	readonly = fault.slot.flags & KVM_MEM_READONLY;
	if (readonly && fault.write)
		return MMU_MMIO;
	err = fault_get_page(vcpu, &fault, !readonly);
	if (err == FAULT_BEGUN)
		return 0;
	if (err)
		return fault_error(&fault, err);
	if (readonly)
		fault.host.writable = false;
	fault.level = fault_level(&fault);
	err = fault_map(&fault);
	host_page_put(&fault.host);
	if (err == NEED_ZAP)
		mmu_zap(vm, fault.gfn, fault.gfn + 1);
	return min(err, 0);
}

u64 mmu_gfn_limit(void)
{
	unsigned int bits = PAGE_SHIFT + PTE_LEVEL_BITS * tdp_levels();

	/* The CPU's own width: memory encryption, which reduces the kernel's, does not apply. */
	if (cpuid_eax(0x80000000) >= 0x80000008)
		bits = min(bits, cpuid_eax(0x80000008) & 0xff);
	return BIT_ULL(bits - PAGE_SHIFT);
}

u64 mmu_root(struct vm *vm)
{
	return vm->mmu.root_hpa;
}

int mmu_init(struct vm *vm)
{
	struct mmu *mmu = &vm->mmu;
	int err;

	rwlock_init(&mmu->lock);
	mmu->root = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!mmu->root)
		return -ENOMEM;
	mmu->root_hpa = __pa(mmu->root);
	mmu->notifier.ops = &mmu_notifier_ops;
	err = mmu_notifier_register(&mmu->notifier, vm->mm);
	if (err)
		free_page((unsigned long)mmu->root);
	return err;
}

void mmu_destroy(struct vm *vm)
{
	struct mmu *mmu = &vm->mmu;

	mmu_notifier_unregister(&mmu->notifier, vm->mm);
	free_table(mmu->root, tdp_levels(), true);
}
