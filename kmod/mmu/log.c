// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested page tables of slots whose writes are logged: entries that become read-only, large pages
 * that are taken to pieces, and put together again when logging ends.
 */
#include <linux/bitops.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "../vcpu.h"
#include "../vm.h"
#include "hostmap.h"
#include "mmu.h"
#include "tdp.h"

/* Whole slots are worked on in portions of so many frames, 1 GiB; in between others have a turn. */
#define PORTION tpte_pages(PTE_LEVEL_1G)

/* Make the leaf at @ptep read-only. True if it was not. The processor may set flags meanwhile. */
static bool leaf_protect(u64 *ptep)
{
	const struct pte_format *format = backend->pte_format;
	u64 pte = READ_ONCE(*ptep);

	do {
		if (!tpte_is_writable(format, pte))
			return false;
	} while (!try_cmpxchg64(ptep, &pte, (pte & ~format->write) | PTE_LOGGED));
	return true;
}

static bool table_protect(u64 *table, int level, u64 start, u64 end)
{
	const struct pte_format *format = backend->pte_format;
	u64 pages = tpte_pages(level), gfn, next;
	bool changed = false;

	for (gfn = start; gfn < end; gfn = next) {
		u64 *ptep = &table[tpte_index(gfn, level)];
		u64 pte = READ_ONCE(*ptep);

		next = min(round_down(gfn, pages) + pages, end);
		if (!tpte_is_present(format, pte))
			continue;
		if (tpte_is_leaf(format, pte, level))
			changed |= leaf_protect(ptep);
		else
			changed |= table_protect(tdp_table(pte), level - 1, gfn, next);
	}
	return changed;
}

/* The entry that maps @gfn, and its level. */
static u64 *cursor_entry(struct mmu *mmu, struct mmu_cursor *cursor, u64 gfn, int *level)
{
	u64 *ptep;

	if (cursor->table && (gfn ^ cursor->gfn) < PTE_ENTRIES) {
		*level = PTE_LEVEL_4K;
		return &cursor->table[tpte_index(gfn, PTE_LEVEL_4K)];
	}
	ptep = tdp_walk(mmu, gfn, level);
	if (*level == PTE_LEVEL_4K) {
		cursor->table = ptep - tpte_index(gfn, PTE_LEVEL_4K);
		cursor->gfn = round_down(gfn, PTE_ENTRIES);
	}
	return ptep;
}

bool mmu_log_protect(struct mmu *mmu, struct mmu_cursor *cursor, u64 gfn, u64 mask)
{
	const struct pte_format *format = backend->pte_format;
	bool changed = false;
	int level;

	lockdep_assert_held_write(&mmu->lock);
	while (mask) {
		u64 frame = gfn + __ffs64(mask);
		u64 *ptep = cursor_entry(mmu, cursor, frame, &level);
		u64 end = round_down(frame, tpte_pages(level)) + tpte_pages(level);

		/* A large page as a whole: the next write to it takes it to pieces. */
		if (tpte_is_present(format, READ_ONCE(*ptep)))
			changed |= leaf_protect(ptep);
		mask = end - gfn < BITS_PER_LONG_LONG ? mask & ~0ULL << (end - gfn) : 0;
	}
	return changed;
}

bool tdp_split(u64 *ptep, u64 *pte, int level, unsigned long *table)
{
	u64 *entries = (u64 *)*table, leaf = *pte, new = tdp_table_entry(entries);
	u64 step = tpte_pages(level - 1) << PAGE_SHIFT;
	unsigned int i;

	if (level - 1 == PTE_LEVEL_4K)
		leaf &= ~backend->pte_format->large;
	for (i = 0; i < PTE_ENTRIES; i++)
		entries[i] = leaf + i * step;
	/* Each page stays where it is, with the rights it has: there is nothing to forget. */
	if (try_cmpxchg64(ptep, pte, new)) {
		*pte = new;
		*table = 0;
		return true;
	}
	clear_page(entries);
	return false;
}

/* From here on no fault installs what it found when the slot was another one. */
static void faults_restart(struct mmu *mmu)
{
	write_lock(&mmu->lock);
	mmu->seq++;
	write_unlock(&mmu->lock);
}

void mmu_log_begin(struct vm *vm, const struct memslot *slot, bool protect)
{
	u64 end = slot->base_gfn + slot->npages, gfn, next;
	struct mmu *mmu = &vm->mmu;
	bool changed = false;

	faults_restart(mmu);
	for (gfn = slot->base_gfn; protect && gfn < end; gfn = next) {
		next = min(round_down(gfn, PORTION) + PORTION, end);
		write_lock(&mmu->lock);
		changed |= table_protect(mmu->root, backend->tdp_levels, gfn, next);
		write_unlock(&mmu->lock);
		cond_resched();
	}
	if (changed)
		vm_request_all(vm, WORK_TLB_FLUSH, true);
}

/* Does the host map frame @gfn of @slot at @level, so that it could be mapped so here? */
static bool can_merge(const struct memslot *slot, u64 gfn, int level)
{
	return level <= backend->tdp_page_level && tdp_slot_allows(slot, gfn, level) &&
	       host_level(memslot_hva(slot, gfn << PAGE_SHIFT)) >= level;
}

/* Unlink the tables below @table that map a large page of the host's in small ones. */
static bool table_merge(const struct memslot *slot, u64 *table, int level, u64 start, u64 end,
			struct list_head *tables)
{
	const struct pte_format *format = backend->pte_format;
	u64 pages = tpte_pages(level), gfn, next;
	bool changed = false;

	for (gfn = start; gfn < end; gfn = next) {
		u64 *ptep = &table[tpte_index(gfn, level)];
		u64 pte = READ_ONCE(*ptep);

		next = min(round_down(gfn, pages) + pages, end);
		if (!tpte_is_present(format, pte) || tpte_is_leaf(format, pte, level))
			continue;
		if (can_merge(slot, gfn, level)) {
			WRITE_ONCE(*ptep, 0);
			tdp_unlink(pte, level - 1, tables);
			changed = true;
		} else if (level > PTE_LEVEL_2M) {
			changed |= table_merge(slot, tdp_table(pte), level - 1, gfn, next, tables);
		}
	}
	return changed;
}

void mmu_log_end(struct vm *vm, const struct memslot *slot)
{
	u64 end = slot->base_gfn + slot->npages, gfn, next;
	struct mmu *mmu = &vm->mmu;

	faults_restart(mmu);
	for (gfn = slot->base_gfn; gfn < end; gfn = next) {
		LIST_HEAD(tables);

		next = min(round_down(gfn, PORTION) + PORTION, end);
		write_lock(&mmu->lock);
		if (table_merge(slot, mmu->root, backend->tdp_levels, gfn, next, &tables))
			vm_request_all(vm, WORK_TLB_FLUSH, true);
		write_unlock(&mmu->lock);
		tdp_free(&tables, true);
	}
}
