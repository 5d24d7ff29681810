/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the files of kmod/mmu: nested page tables.
 */
#ifndef TENON_MMU_TDP_H
#define TENON_MMU_TDP_H

#include <linux/list.h>
#include <linux/types.h>

struct mmu;
struct vm;

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
