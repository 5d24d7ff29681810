/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the files of kmod/mmu: nested page tables.
 */
#ifndef TENON_MMU_TDP_H
#define TENON_MMU_TDP_H

#include <linux/list.h>
#include <linux/mem_encrypt.h>
#include <linux/mm.h>
#include <linux/types.h>

#include "../backend.h"
#include "pte.h"

struct memslot;
struct mmu;
struct vm;

/* Tables live below the direct map; their addresses carry the memory-encryption bit, if any. */
static inline u64 *tdp_table(u64 pte)
{
	return __va(__sme_clr(pte & PTE_ADDR));
}

static inline u64 tdp_table_entry(const void *table)
{
	return tpte_table(backend->pte_format, __sme_set(__pa(table)));
}

/* The entry where the walk to @gfn ends, and its level. mmu->lock is held. */
u64 *tdp_walk(struct mmu *mmu, u64 gfn, int *level);

/* May frame @gfn of @slot be part of a mapping of @level? */
bool tdp_slot_allows(const struct memslot *slot, u64 gfn, int level);

/* Unlink a table of @level from the entry @pte above it: kept until the flush. */
void tdp_unlink(u64 pte, int level, struct list_head *tables);

/*
 * Replace the leaf @pte of @level, above the lowest, at @ptep by a table that maps the same, and
 * then is *@pte; *@table, an unused one, becomes that. False if the leaf has changed.
 */
bool tdp_split(u64 *ptep, u64 *pte, int level, unsigned long *table);

/*
 * Clear the entries that map frames from @start up to @end, with mmu->lock held for writing; tables
 * that this leaves without a use go to @tables. True if anything was cleared.
 */
bool tdp_zap(struct mmu *mmu, u64 start, u64 end, struct list_head *tables);

/* Free the tables that tdp_zap() unlinked, after the flush, without the lock. */
void tdp_free(struct list_head *tables, bool may_sleep);

/*
 * Has the guest accessed a frame from @start up to @end? With @clear, forget that it has.
 * mmu->lock held for reading.
 */
bool tdp_age(struct mmu *mmu, u64 start, u64 end, bool clear);

extern const struct mmu_notifier_ops mmu_notifier_ops;

#endif
