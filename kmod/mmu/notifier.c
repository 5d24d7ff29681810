// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keep the nested page tables in step with the owner's address space.
 *
 * What the kernel takes away from user space is removed here before it is reused. A fault that
 * found the page before, and would map it after, notices by mmu->seq and the range under way.
 */
#include <linux/kvm.h>
#include <linux/mmu_notifier.h>

#include "../memslot.h"
#include "../vcpu.h"
#include "../vm.h"
#include "mmu.h"
#include "tdp.h"

static struct vm *vm_of(struct mmu_notifier *notifier)
{
	return container_of(notifier, struct vm, mmu.notifier);
}

/* The frames of @slot that lie in [start, end) of the owner's addresses: *first to *last - 1. */
static bool slot_frames(const struct memslot *slot, unsigned long start, unsigned long end,
			u64 *first, u64 *last)
{
	start = max(start, slot->hva);
	end = min_t(unsigned long, end, slot->hva + (slot->npages << PAGE_SHIFT));
	if (start >= end)
		return false;
	*first = slot->base_gfn + ((start - slot->hva) >> PAGE_SHIFT);
	*last = slot->base_gfn + ((end - 1 - slot->hva) >> PAGE_SHIFT) + 1;
	return true;
}

static const struct memslot_array *slots_of(struct vm *vm, u32 *nr)
{
	struct memslot_array *array = srcu_dereference(vm->slots.array, &vm->slots.srcu);

	*nr = memslot_count(array);
	return array;
}

/* Remove what maps [start, end) of the owner's addresses. Under SRCU and mmu->lock for writing. */
static bool zap_addresses(struct vm *vm, unsigned long start, unsigned long end,
			  struct list_head *tables)
{
	bool zapped = false;
	u64 first, last;
	u32 i, nr;
	const struct memslot_array *array = slots_of(vm, &nr);

	for (i = 0; i < nr; i++) {
		if (slot_frames(&array->slots[i], start, end, &first, &last))
			zapped |= tdp_zap(&vm->mmu, first, last, tables);
	}
	return zapped;
}

static void invalidation_begin(struct mmu *mmu, unsigned long start, unsigned long end)
{
	if (mmu->invalidating++) {
		start = min(start, mmu->inv_start);
		end = max(end, mmu->inv_end);
	}
	mmu->inv_start = start;
	mmu->inv_end = end;
}

static int notify_start(struct mmu_notifier *notifier, const struct mmu_notifier_range *range)
{
	struct vm *vm = vm_of(notifier);
	struct mmu *mmu = &vm->mmu;
	LIST_HEAD(tables);
	int idx;

	idx = memslots_read_lock(vm);
	write_lock(&mmu->lock);
	invalidation_begin(mmu, range->start, range->end);
	/* Flushed under the lock: the next one who finds nothing to zap must be able to go on. */
	if (zap_addresses(vm, range->start, range->end, &tables))
		vm_request_all(vm, WORK_TLB_FLUSH, true);
	write_unlock(&mmu->lock);
	memslots_read_unlock(vm, idx);
	tdp_free(&tables, mmu_notifier_range_blockable(range));
	return 0;
}

static void notify_end(struct mmu_notifier *notifier, const struct mmu_notifier_range *range)
{
	struct mmu *mmu = &vm_of(notifier)->mmu;

	write_lock(&mmu->lock);
	mmu->seq++;
	mmu->invalidating--;
	write_unlock(&mmu->lock);
}

/* The owner's last thread is gone: so is its memory, though the VM's file may live on. */
static void notify_release(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	mmu_zap(vm_of(notifier), 0, mmu_gfn_limit());
}

static int age_addresses(struct mmu_notifier *notifier, unsigned long start, unsigned long end,
			 bool clear)
{
	struct vm *vm = vm_of(notifier);
	const struct memslot_array *array;
	bool young = false;
	u64 first, last;
	u32 i, nr;
	int idx;

	idx = memslots_read_lock(vm);
	read_lock(&vm->mmu.lock);
	array = slots_of(vm, &nr);
	for (i = 0; i < nr; i++) {
		if (slot_frames(&array->slots[i], start, end, &first, &last))
			young |= tdp_age(&vm->mmu, first, last, clear);
	}
	read_unlock(&vm->mmu.lock);
	memslots_read_unlock(vm, idx);
	return young;
}

/* Like the host's own for its page tables, this does not flush: an old TLB entry looks idle. */
static int notify_clear_young(struct mmu_notifier *notifier, struct mm_struct *mm,
			      unsigned long start, unsigned long end)
{
	return age_addresses(notifier, start, end, true);
}

static int notify_test_young(struct mmu_notifier *notifier, struct mm_struct *mm,
			     unsigned long addr)
{
	return age_addresses(notifier, addr, addr + PAGE_SIZE, false);
}

const struct mmu_notifier_ops mmu_notifier_ops = {
	.invalidate_range_start = notify_start,
	.invalidate_range_end = notify_end,
	.release = notify_release,
	.clear_flush_young = notify_clear_young,
	.clear_young = notify_clear_young,
	.test_young = notify_test_young,
};
