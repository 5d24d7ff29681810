/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory: slots of guest-physical addresses backed by the owner's address space, access to
 * it, and the log of what is written to it. See Documentation/memory.rst.
 */
#ifndef TENON_MEMSLOT_H
#define TENON_MEMSLOT_H

#include <linux/bitops.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/srcu.h>
#include <linux/types.h>

struct kvm_enable_cap;
struct vm;

/* KVM_CAP_NR_MEMSLOTS: slot ids are below it. The limits of KVM 6.1 on x86. */
#define MEMSLOTS_MAX	  32764
#define MEMSLOT_PAGES_MAX ((1UL << 31) - 1)

/**
 * struct memslot - guest-physical pages that are RAM or ROM
 * @base_gfn: first guest frame
 * @npages: how many, at least 1
 * @hva: where the owner has them mapped, page aligned
 * @dirty: a bit for each page that has been written to; NULL if that is not logged
 * @flags: KVM_MEM_READONLY, KVM_MEM_LOG_DIRTY_PAGES
 * @id: the number that user space knows it by
 */
struct memslot {
	u64 base_gfn;
	u64 npages;
	unsigned long hva;
	unsigned long *dirty;
	u32 flags;
	u16 id;
};

/**
 * struct memslot_array - the slots of a VM at one moment, sorted by @base_gfn
 * @rcu: to free it after the last reader
 * @nr: how many are valid; grows in place when one is added behind the last, else never changes
 * @capacity: how many there is room for
 * @hint: index of the slot found last
 * @slots: do not overlap, do not change
 */
struct memslot_array {
	struct rcu_head rcu;
	u32 nr;
	u32 capacity;
	u32 hint;
	struct memslot slots[];
};

/**
 * struct memslots - guest memory of a VM
 * @lock: serializes updates; never taken on behalf of a guest
 * @srcu: read side of who may sleep. Who has interrupts off or rcu_read_lock() is a reader too
 * @array: never NULL between memslots_init() and memslots_destroy(). Written under @lock, and under
 *	mmu->lock too where a slot is deleted or moved
 * @generation: changes after each update of @array, and before it waits for the readers
 * @total_pages: sum of all slots' npages. Under @lock
 * @max_id: highest id that has ever been in use, or -1. Under @lock
 * @manual_log: KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE, KVM_DIRTY_LOG_INITIALLY_SET. Under @lock
 */
struct memslots {
	struct mutex lock; /* updates */
	struct srcu_struct srcu;
	struct memslot_array __rcu *array;
	u64 generation;
	unsigned long total_pages;
	int max_id;
	u64 manual_log;
};

int memslots_init(struct vm *vm);
void memslots_destroy(struct vm *vm);

/*
 * VM ioctl KVM_SET_USER_MEMORY_REGION: create, move, or (memory_size 0) delete a slot. When it
 * returns, no vCPU and no in-kernel device reaches memory through what was deleted or moved.
 * -EINVAL: id, alignment, size or flags; -EEXIST: overlaps another slot; -ENOMEM.
 */
long memslot_set_region(struct vm *vm, void *arg, unsigned long uarg);

/* @next takes the place of the slots' array. Under the slots' lock. */
void memslots_publish(struct memslots *slots, struct memslot_array *next);

/* The slot with number @id, or NULL. Under the slots' lock. */
const struct memslot *memslot_by_id(const struct memslots *slots, u32 id);

/* VM ioctls KVM_GET_DIRTY_LOG and KVM_CLEAR_DIRTY_LOG, and KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2. */
long dirty_log_get(struct vm *vm, void *arg, unsigned long uarg);
long dirty_log_clear(struct vm *vm, void *arg, unsigned long uarg);
long dirty_log_enable(struct vm *vm, const struct kvm_enable_cap *cap);

/* Read side of who may sleep; see struct memslots. */
int memslots_read_lock(struct vm *vm) __acquires(&vm->slots.srcu);
void memslots_read_unlock(struct vm *vm, int idx) __releases(&vm->slots.srcu);

/* How many slots of @array can be read. */
static inline u32 memslot_count(const struct memslot_array *array)
{
	/* Pairs with array_append(): what is counted is there. */
	return smp_load_acquire(&array->nr);
}

/* The part of memslots_find() that is rarely needed. */
const struct memslot *memslot_search(struct memslot_array *array, u64 gfn);

/* The slot that holds @gfn, or NULL. Valid until the end of the read-side section. */
static __always_inline const struct memslot *memslots_find(struct memslots *slots, u64 gfn)
{
	struct memslot_array *array = rcu_dereference_raw(slots->array);
	const struct memslot *slot = &array->slots[READ_ONCE(array->hint)];

	if (likely(gfn - slot->base_gfn < slot->npages))
		return slot;
	return memslot_search(array, gfn);
}

/*
 * @gfn of @slot has been written to. Called after the write, by whoever writes other than through
 * the nested page tables, in the section that found the slot; guest_write() and the like do it.
 */
static inline void memslot_mark_dirty(const struct memslot *slot, u64 gfn)
{
	if (slot->dirty)
		set_bit(gfn - slot->base_gfn, slot->dirty);
}

/* Where the owner has @gpa mapped, which is in @slot; speculation cannot take it elsewhere. */
static __always_inline unsigned long memslot_hva(const struct memslot *slot, u64 gpa)
{
	u64 page = array_index_nospec((gpa >> PAGE_SHIFT) - slot->base_gfn, slot->npages);

	return slot->hva + (page << PAGE_SHIFT) + offset_in_page(gpa);
}

/*
 * Copy from and to guest-physical memory; the range may cross slots. May sleep; takes SRCU itself.
 * 0; -EFAULT where there is no RAM (for writes: or ROM), or user space has unmapped it; -EIO when
 * the caller is not the VM's owner. What lies before a failure may have been copied.
 */
int guest_read(struct vm *vm, u64 gpa, void *buf, size_t len);
int guest_write(struct vm *vm, u64 gpa, const void *buf, size_t len);

/* guest_read() for a reader with interrupts off: -EFAULT also when a page is not at hand. */
int guest_read_atomic(struct vm *vm, u64 gpa, void *buf, size_t len);

/*
 * Compare and exchange @size (1, 2, 4 or 8) bytes that lie in one page. 0: done; 1: memory held
 * another value, now in *@old; -EFAULT and -EIO as guest_write(); -EINVAL: size or page crossing.
 */
int guest_cmpxchg(struct vm *vm, u64 gpa, u64 *old, u64 new, size_t size);

/**
 * struct guest_map - a range of guest memory inside one slot that is accessed often
 * @gpa: where it begins
 * @len: bytes
 * @hva: where it is mapped, valid while @generation is the slots'
 * @slot: in which; likewise
 * @generation: of the slots when @hva was looked up
 *
 * Nothing is pinned: each access finds out whether the slots have changed. Its user serializes.
 */
struct guest_map {
	u64 gpa;
	u32 len;
	unsigned long hva;
	const struct memslot *slot;
	u64 generation;
};

/* 0, or -EFAULT when [@gpa, @gpa + @len) is not writable RAM in one slot: nothing is remembered. */
int guest_map_init(struct vm *vm, struct guest_map *map, u64 gpa, u32 len);

/* Access @len bytes at @offset; errors as guest_read(), -EINVAL outside of the map. May sleep. */
int guest_map_read(struct vm *vm, struct guest_map *map, u32 offset, void *buf, u32 len);
int guest_map_write(struct vm *vm, struct guest_map *map, u32 offset, const void *buf, u32 len);

/* The same in any context of the owner's thread: -EFAULT also when a page is not at hand. */
int guest_map_read_atomic(struct vm *vm, struct guest_map *map, u32 offset, void *buf, u32 len);
int guest_map_write_atomic(struct vm *vm, struct guest_map *map, u32 offset, const void *buf,
			   u32 len);

#endif
