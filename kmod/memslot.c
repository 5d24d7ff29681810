// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory slots: a sorted array that is replaced under a lock and read without one.
 */
#include <linux/kvm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "memslot.h"
#include "vm.h"

/* Above this many slots an array is freed by who replaces it, so that few such arrays wait. */
#define ARRAY_DEFER_MAX 512
#define ARRAY_MIN	8

/* What KVM_SET_USER_MEMORY_REGION asks for. */
enum change {
	CHANGE_NONE,
	CHANGE_CREATE,
	CHANGE_MOVE,
	CHANGE_FLAGS,
	CHANGE_DELETE
};

static struct memslot_array *array_alloc(u32 nr)
{
	u32 capacity = roundup_pow_of_two(max_t(u32, nr, ARRAY_MIN));
	struct memslot_array *array;

	array = kvzalloc(struct_size(array, slots, capacity), GFP_KERNEL_ACCOUNT);
	if (array)
		array->capacity = capacity;
	return array;
}

static void array_free_srcu(struct rcu_head *head)
{
	struct memslot_array *array = container_of(head, struct memslot_array, rcu);

	kvfree_rcu(array, rcu);
}

/* How many slots lie wholly below @gfn: the index of the first that does not. */
static u32 array_position(const struct memslot_array *array, u64 gfn)
{
	u32 low = 0, high = memslot_count(array);

	while (low < high) {
		u32 mid = low + (high - low) / 2;
		const struct memslot *slot = &array->slots[mid];

		if (slot->base_gfn + slot->npages <= gfn)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct memslot *memslot_search(struct memslot_array *array, u64 gfn)
{
	u32 pos = array_position(array, gfn);
	const struct memslot *slot;

	if (pos == memslot_count(array))
		return NULL;
	slot = &array->slots[array_index_nospec(pos, array->capacity)];
	if (gfn < slot->base_gfn || gfn - slot->base_gfn >= slot->npages)
		return NULL;
	/* Who reads the hint sees the slot, even if it was appended just now. */
	smp_store_release(&array->hint, pos);
	return slot;
}

int memslots_read_lock(struct vm *vm) __acquires(&vm->slots.srcu)
{
	return srcu_read_lock(&vm->slots.srcu);
}

void memslots_read_unlock(struct vm *vm, int idx) __releases(&vm->slots.srcu)
{
	srcu_read_unlock(&vm->slots.srcu, idx);
}

/**
 * memslots_init() - prepare the memory of a new VM
 * @vm: the VM, nobody else knows it yet
 *
 * Return: 0 or -ENOMEM
 */
int memslots_init(struct vm *vm)
{
	struct memslots *slots = &vm->slots;
	struct memslot_array *array = array_alloc(0);
	int err;

	if (!array)
		return -ENOMEM;
	err = init_srcu_struct(&slots->srcu);
	if (err) {
		kvfree(array);
		return err;
	}
	mutex_init(&slots->lock);
	slots->generation = 1;
	slots->max_id = -1;
	RCU_INIT_POINTER(slots->array, array);
	return 0;
}

/**
 * memslots_destroy() - free the slots
 * @vm: the VM; has no vCPU, and mmu_destroy() has been called
 */
void memslots_destroy(struct vm *vm)
{
	struct memslots *slots = &vm->slots;
	struct memslot_array *array = rcu_dereference_protected(slots->array, true);
	u32 i;

	srcu_barrier(&slots->srcu);
	cleanup_srcu_struct(&slots->srcu);
	for (i = 0; i < array->nr; i++)
		kvfree(array->slots[i].dirty);
	kvfree(array);
	RCU_INIT_POINTER(slots->array, NULL);
}

static struct memslot_array *array_locked(const struct memslots *slots)
{
	return rcu_dereference_protected(slots->array, lockdep_is_held(&slots->lock));
}

const struct memslot *memslot_by_id(const struct memslots *slots, u32 id)
{
	const struct memslot_array *array = array_locked(slots);
	u32 i;

	if ((int)id > slots->max_id)
		return NULL;
	for (i = 0; i < array->nr; i++) {
		if (array->slots[i].id == id)
			return &array->slots[i];
	}
	return NULL;
}

/* Does @new overlap a slot other than @old? */
static bool slot_overlaps(const struct memslot_array *array, const struct memslot *new,
			  const struct memslot *old)
{
	u32 i;

	for (i = array_position(array, new->base_gfn); i < array->nr; i++) {
		if (array->slots[i].base_gfn >= new->base_gfn + new->npages)
			return false;
		if (&array->slots[i] != old)
			return true;
	}
	return false;
}

/* What can be said about @region without looking at the VM. */
static int region_check(const struct kvm_userspace_memory_region *region)
{
	if (region->flags & ~(KVM_MEM_READONLY | KVM_MEM_LOG_DIRTY_PAGES))
		return -EINVAL;
	/* The upper half is an address space; there is only one. */
	if (region->slot >= MEMSLOTS_MAX)
		return -EINVAL;
	if (!PAGE_ALIGNED(region->memory_size) || !PAGE_ALIGNED(region->guest_phys_addr) ||
	    !PAGE_ALIGNED(region->userspace_addr))
		return -EINVAL;
	if (region->userspace_addr >= TASK_SIZE_MAX ||
	    region->memory_size > TASK_SIZE_MAX - region->userspace_addr)
		return -EINVAL;
	if (region->guest_phys_addr + region->memory_size < region->guest_phys_addr)
		return -EINVAL;
	if (region->memory_size >> PAGE_SHIFT > MEMSLOT_PAGES_MAX)
		return -EINVAL;
	return 0;
}

/* Which change turns @old, or NULL, into @new: enum change or an errno. */
static int change_kind(const struct memslots *slots, const struct memslot *old,
		       const struct memslot *new)
{
	if (!new->npages)
		return old ? CHANGE_DELETE : -EINVAL;
	if (!old) {
		if (slots->total_pages + new->npages < slots->total_pages)
			return -EINVAL;
		return CHANGE_CREATE;
	}
	if (new->hva != old->hva || new->npages != old->npages ||
	    (new->flags ^ old->flags) & KVM_MEM_READONLY)
		return -EINVAL;
	if (new->base_gfn != old->base_gfn)
		return CHANGE_MOVE;
	return new->flags == old->flags ? CHANGE_NONE : CHANGE_FLAGS;
}

/* Copy the slots of @from but @old, with @new (of npages > 0) at its place. */
static void array_copy(struct memslot_array *to, const struct memslot_array *from,
		       const struct memslot *old, const struct memslot *new)
{
	bool placed = !new->npages;
	u32 i;

	for (i = 0; i < from->nr; i++) {
		const struct memslot *slot = &from->slots[i];

		if (!placed && new->base_gfn < slot->base_gfn) {
			to->slots[to->nr++] = *new;
			placed = true;
		}
		if (slot != old)
			to->slots[to->nr++] = *slot;
	}
	if (!placed)
		to->slots[to->nr++] = *new;
}

/*
 * A slot behind all others needs no new array: readers see it when they see the new count. But the
 * first slot they look at by the hint, without the count.
 */
static bool array_append(struct memslot_array *array, const struct memslot *new)
{
	if (!array->nr || array->nr == array->capacity ||
	    array_position(array, new->base_gfn) != array->nr)
		return false;
	array->slots[array->nr] = *new;
	/* Pairs with memslot_count(). */
	smp_store_release(&array->nr, array->nr + 1);
	return true;
}

static void slots_synchronize(struct memslots *slots)
{
	synchronize_srcu_expedited(&slots->srcu);
	synchronize_rcu_expedited();
}

void memslots_publish(struct memslots *slots, struct memslot_array *next)
{
	rcu_assign_pointer(slots->array, next);
	/* Who sees the new generation sees the new array. */
	smp_store_release(&slots->generation, slots->generation + 1);
}

/* Publish @next, in which @new has replaced @old (or NULL), and the nested page tables with it. */
static void slot_change(struct vm *vm, struct memslot_array *next, const struct memslot *old,
			const struct memslot *new)
{
	if (old && (!new->npages || new->base_gfn != old->base_gfn)) {
		mmu_zap_slot(vm, old, next);
		return;
	}
	memslots_publish(&vm->slots, next);
	if (!old)
		return;
	if (new->dirty)
		mmu_log_begin(vm, new, !(vm->slots.manual_log & KVM_DIRTY_LOG_INITIALLY_SET));
	else
		mmu_log_end(vm, new);
}

/* Put @new at the place of @old; either may be absent (NULL, npages 0). */
static int slots_replace(struct vm *vm, const struct memslot *old, const struct memslot *new)
{
	struct memslots *slots = &vm->slots;
	struct memslot_array *array = array_locked(slots), *next;
	unsigned long *log = old ? old->dirty : NULL;

	if (!old && array_append(array, new))
		return 0;
	next = array_alloc(array->nr + 1);
	if (!next)
		return -ENOMEM;
	array_copy(next, array, old, new);
	slot_change(vm, next, old, new);
	if (!old && array->nr <= ARRAY_DEFER_MAX) {
		call_srcu(&slots->srcu, &array->rcu, array_free_srcu);
		return 0;
	}
	slots_synchronize(slots);
	if (log != new->dirty)
		kvfree(log);
	kvfree(array);
	return 0;
}

/* Give @new, which replaces @old, a bitmap if it is to be logged: a new one or that of @old. */
static int slot_log(const struct memslots *slots, const struct memslot *old, struct memslot *new)
{
	u32 flags = new->flags;

	if (!new->npages || !(flags & KVM_MEM_LOG_DIRTY_PAGES))
		return 0;
	if (old && old->dirty) {
		new->dirty = old->dirty;
		return 0;
	}
	new->dirty = kvcalloc(BITS_TO_LONGS(new->npages), sizeof(long), GFP_KERNEL_ACCOUNT);
	if (!new->dirty)
		return -ENOMEM;
	if (slots->manual_log & KVM_DIRTY_LOG_INITIALLY_SET)
		bitmap_set(new->dirty, 0, new->npages);
	return 0;
}

static long slots_update(struct vm *vm, struct memslot *new)
{
	struct memslots *slots = &vm->slots;
	const struct memslot *old = memslot_by_id(slots, new->id);
	const unsigned long *log = old ? old->dirty : NULL;
	int change = change_kind(slots, old, new);
	u64 npages = old ? old->npages : 0;
	int err;

	if (change <= CHANGE_NONE)
		return change;
	if (change != CHANGE_DELETE) {
		if (slot_overlaps(array_locked(slots), new, old))
			return -EEXIST;
		if (new->base_gfn + new->npages > mmu_gfn_limit())
			return -EINVAL;
	}
	err = slot_log(slots, old, new);
	if (err)
		return err;
	err = slots_replace(vm, old, new);
	if (err) {
		if (new->dirty != log)
			kvfree(new->dirty);
		return err;
	}
	slots->total_pages += new->npages - npages;
	slots->max_id = max_t(int, slots->max_id, new->id);
	return 0;
}

long memslot_set_region(struct vm *vm, void *arg, unsigned long uarg)
{
	const struct kvm_userspace_memory_region *region = arg;
	struct memslot new;
	long err;

	err = region_check(region);
	if (err)
		return err;
	new = (struct memslot){
		.base_gfn = region->guest_phys_addr >> PAGE_SHIFT,
		.npages = region->memory_size >> PAGE_SHIFT,
		.hva = region->userspace_addr,
		.flags = region->flags,
		.id = region->slot,
	};
	mutex_lock(&vm->slots.lock);
	err = slots_update(vm, &new);
	mutex_unlock(&vm->slots.lock);
	return err;
}

/* Find the slot of @gpa, where it is mapped, and cut *@len at the slot's end. Under SRCU or RCU. */
static const struct memslot *gpa_slot(struct vm *vm, u64 gpa, bool write, unsigned long *hva,
				      size_t *len)
{
	const struct memslot *slot = memslots_find(&vm->slots, gpa >> PAGE_SHIFT);
	u64 left;

	if (!slot || (write && slot->flags & KVM_MEM_READONLY))
		return NULL;
	*hva = memslot_hva(slot, gpa);
	left = slot->hva + (slot->npages << PAGE_SHIFT) - *hva;
	*len = min_t(u64, *len, left);
	return slot;
}

/* @len bytes at @gpa of @slot have been written. */
static void mark_dirty(const struct memslot *slot, u64 gpa, size_t len)
{
	u64 gfn = gpa >> PAGE_SHIFT, last = (gpa + len - 1) >> PAGE_SHIFT;

	if (!slot->dirty || !len)
		return;
	for (; gfn <= last; gfn++)
		memslot_mark_dirty(slot, gfn);
}

int guest_read(struct vm *vm, u64 gpa, void *buf, size_t len)
{
	unsigned long hva;
	int err = 0, idx;
	size_t n;

	if (current->mm != vm->mm)
		return -EIO;
	idx = memslots_read_lock(vm);
	for (; len && !err; gpa += n, buf += n, len -= n) {
		n = len;
		if (!gpa_slot(vm, gpa, false, &hva, &n) ||
		    copy_from_user(buf, (void __user *)hva, n))
			err = -EFAULT;
	}
	memslots_read_unlock(vm, idx);
	return err;
}

int guest_write(struct vm *vm, u64 gpa, const void *buf, size_t len)
{
	const struct memslot *slot;
	unsigned long hva;
	int err = 0, idx;
	size_t n;

	if (current->mm != vm->mm)
		return -EIO;
	idx = memslots_read_lock(vm);
	for (; len && !err; gpa += n, buf += n, len -= n) {
		n = len;
		slot = gpa_slot(vm, gpa, true, &hva, &n);
		if (!slot || copy_to_user((void __user *)hva, buf, n))
			err = -EFAULT;
		if (slot)
			mark_dirty(slot, gpa, n);
	}
	memslots_read_unlock(vm, idx);
	return err;
}

int guest_read_atomic(struct vm *vm, u64 gpa, void *buf, size_t len)
{
	unsigned long hva;
	int err = 0;
	size_t n;

	if (unlikely(current->mm != vm->mm))
		return -EIO;
	pagefault_disable();
	for (; len && !err; gpa += n, buf += n, len -= n) {
		n = len;
		if (!gpa_slot(vm, gpa, false, &hva, &n) ||
		    __copy_from_user_inatomic(buf, (void __user *)hva, n))
			err = -EFAULT;
	}
	pagefault_enable();
	return err;
}

#define HVA_CMPXCHG(type)                                                                  \
	static int hva_cmpxchg_##type(unsigned long hva, u64 *old, u64 new)                \
	{                                                                                  \
		type want = new, was = *old;                                               \
		int err = __try_cmpxchg_user((type __user *)hva, &was, want, cmpxchg_out); \
		*old = was;                                                                \
		return err;                                                                \
	}

HVA_CMPXCHG(u8)
HVA_CMPXCHG(u16)
HVA_CMPXCHG(u32)
HVA_CMPXCHG(u64)

/* By the size's logarithm. 0; 1 if *@old was not there, but is now; -EFAULT. */
static int (*const hva_cmpxchg[])(unsigned long hva, u64 *old, u64 new) = {
	hva_cmpxchg_u8,
	hva_cmpxchg_u16,
	hva_cmpxchg_u32,
	hva_cmpxchg_u64,
};

int guest_cmpxchg(struct vm *vm, u64 gpa, u64 *old, u64 new, size_t size)
{
	const struct memslot *slot;
	unsigned long hva;
	size_t len = size;
	int err = -EFAULT, idx;

	if (size > sizeof(u64) || !is_power_of_2(size) || offset_in_page(gpa) + size > PAGE_SIZE)
		return -EINVAL;
	if (current->mm != vm->mm)
		return -EIO;
	idx = memslots_read_lock(vm);
	slot = gpa_slot(vm, gpa, true, &hva, &len);
	if (slot)
		err = hva_cmpxchg[ilog2(size)](hva, old, new);
	if (!err)
		memslot_mark_dirty(slot, gpa >> PAGE_SHIFT);
	memslots_read_unlock(vm, idx);
	return err;
}

/* Look up @map anew if the slots have changed; hva 0 if it is not inside one slot. Under SRCU. */
static void map_refresh(struct vm *vm, struct guest_map *map)
{
	/* Pairs with slots_replace(): the look-up below is at least as new. */
	u64 generation = smp_load_acquire(&vm->slots.generation);
	size_t len = map->len;

	if (likely(map->generation == generation))
		return;
	map->slot = gpa_slot(vm, map->gpa, true, &map->hva, &len);
	if (!map->slot || len < map->len)
		map->hva = 0;
	map->generation = generation;
}

int guest_map_init(struct vm *vm, struct guest_map *map, u64 gpa, u32 len)
{
	int err = 0, idx;

	*map = (struct guest_map){ .gpa = gpa, .len = len };
	idx = memslots_read_lock(vm);
	while (len && !err) {
		unsigned long hva;
		size_t n = len;

		if (!gpa_slot(vm, gpa, true, &hva, &n))
			err = -EFAULT;
		gpa += n;
		len -= n;
	}
	if (err)
		map->len = 0;
	else
		map_refresh(vm, map);
	memslots_read_unlock(vm, idx);
	return err;
}

/* Where @len bytes at @offset of @map are now, or 0 if the general way must be taken. */
static unsigned long map_hva(struct vm *vm, struct guest_map *map, u32 offset)
{
	map_refresh(vm, map);
	return map->hva ? map->hva + offset : 0;
}

static bool map_allows(const struct guest_map *map, u32 offset, u32 len)
{
	return offset <= map->len && len <= map->len - offset;
}

int guest_map_read(struct vm *vm, struct guest_map *map, u32 offset, void *buf, u32 len)
{
	unsigned long hva;
	int err = 0, idx;

	if (!map_allows(map, offset, len))
		return -EINVAL;
	if (current->mm != vm->mm)
		return -EIO;
	idx = memslots_read_lock(vm);
	hva = map_hva(vm, map, offset);
	if (hva && copy_from_user(buf, (void __user *)hva, len))
		err = -EFAULT;
	memslots_read_unlock(vm, idx);
	return hva ? err : guest_read(vm, map->gpa + offset, buf, len);
}

int guest_map_write(struct vm *vm, struct guest_map *map, u32 offset, const void *buf, u32 len)
{
	unsigned long hva;
	int err = 0, idx;

	if (!map_allows(map, offset, len))
		return -EINVAL;
	if (current->mm != vm->mm)
		return -EIO;
	idx = memslots_read_lock(vm);
	hva = map_hva(vm, map, offset);
	if (hva && copy_to_user((void __user *)hva, buf, len))
		err = -EFAULT;
	if (hva)
		mark_dirty(map->slot, map->gpa + offset, len);
	memslots_read_unlock(vm, idx);
	return hva ? err : guest_write(vm, map->gpa + offset, buf, len);
}

int guest_map_read_atomic(struct vm *vm, struct guest_map *map, u32 offset, void *buf, u32 len)
{
	int err = -EFAULT;
	unsigned long hva;

	if (!map_allows(map, offset, len) || current->mm != vm->mm)
		return -EFAULT;
	rcu_read_lock();
	pagefault_disable();
	hva = map_hva(vm, map, offset);
	if (hva && !__copy_from_user_inatomic(buf, (void __user *)hva, len))
		err = 0;
	pagefault_enable();
	rcu_read_unlock();
	return err;
}

int guest_map_write_atomic(struct vm *vm, struct guest_map *map, u32 offset, const void *buf,
			   u32 len)
{
	int err = -EFAULT;
	unsigned long hva;

	if (!map_allows(map, offset, len) || current->mm != vm->mm)
		return -EFAULT;
	rcu_read_lock();
	pagefault_disable();
	hva = map_hva(vm, map, offset);
	if (hva && !__copy_to_user_inatomic((void __user *)hva, buf, len)) {
		mark_dirty(map->slot, map->gpa + offset, len);
		err = 0;
	}
	pagefault_enable();
	rcu_read_unlock();
	return err;
}
