// SPDX-License-Identifier: GPL-2.0-only
/*
 * Translation of a vCPU's linear addresses: the walker, connected to the vCPU and its memory.
 */
#include <asm/cpufeatures.h>
#include <linux/kvm.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "../backend.h"
#include "../memslot.h"
#include "../vcpu.h"
#include "../vm.h"
#include "mmu.h"
#include "walk.h"

/* What memory without a slot reads as: no device answers, the bus stays high. */
#define FLOATING_BUS (~0ULL)

static_assert(FAULT_PRESENT == WALK_PRESENT && FAULT_WRITE == WALK_WRITE &&
	      FAULT_USER == WALK_USER && FAULT_RESERVED == WALK_RESERVED &&
	      FAULT_FETCH == WALK_FETCH && FAULT_IMPLICIT == WALK_IMPLICIT);

/**
 * struct memory - what the accessors get
 * @vm: whose memory it is
 * @record: takes down what is read; or NULL
 */
struct memory {
	struct vm *vm;
	struct mmu_fetch *record;
};

static void record_entry(struct mmu_fetch *record, unsigned long hva, u64 entry, bool wide)
{
	/* Only walks of 8-byte entries are worth remembering. */
	if (!wide || record->nr == ARRAY_SIZE(record->step)) {
		record->nr = ARRAY_SIZE(record->step) + 1;
		return;
	}
	if (record->nr > ARRAY_SIZE(record->step))
		return;
	record->step[record->nr].hva = hva;
	record->step[record->nr++].entry = entry;
}

/* Read a page-table entry. Page faults disabled, under RCU or SRCU. */
static int read_atomic(void *ctx, u64 gpa, u64 *entry, bool wide)
{
	const struct memory *memory = ctx;
	const struct memslot *slot = memslots_find(&memory->vm->slots, gpa >> PAGE_SHIFT);
	unsigned long hva;
	u32 narrow;

	if (!slot) {
		*entry = FLOATING_BUS;
		return 0;
	}
	/* User addresses: the slot's were checked, and memslot_hva() stays in the slot. */
	hva = memslot_hva(slot, gpa);
	__uaccess_begin();
	if (wide) {
		unsafe_get_user(*entry, (u64 __user *)hva, efault);
	} else {
		unsafe_get_user(narrow, (u32 __user *)hva, efault);
		*entry = narrow;
	}
	__uaccess_end();
	if (memory->record)
		record_entry(memory->record, hva, *entry, wide);
	return 0;
efault:
	__uaccess_end();
	return -EAGAIN;
}

static int read_slow(void *ctx, u64 gpa, u64 *entry, bool wide)
{
	const struct memory *memory = ctx;
	int err;

	pagefault_disable();
	err = read_atomic(ctx, gpa, entry, wide);
	pagefault_enable();
	if (!err)
		return 0;
	*entry = 0;
	err = guest_read(memory->vm, gpa, entry, wide ? sizeof(u64) : sizeof(u32));
	return err == -EFAULT ? -ENXIO : err;
}

static int update_atomic(void *ctx, u64 gpa, u64 old, u64 new, bool wide)
{
	const struct memory *memory = ctx;
	const struct memslot *slot = memslots_find(&memory->vm->slots, gpa >> PAGE_SHIFT);
	u32 narrow = old, narrow_new = new;
	unsigned long hva;
	int err;

	/* Page tables in ROM, or nowhere: the write of a flag is lost, as others are. */
	if (!slot || slot->flags & KVM_MEM_READONLY)
		return 0;
	hva = memslot_hva(slot, gpa);
	if (wide)
		err = __try_cmpxchg_user((u64 __user *)hva, &old, new, wide_failed);
	else
		err = __try_cmpxchg_user((u32 __user *)hva, &narrow, narrow_new, narrow_failed);
	if (err < 0)
		return -EAGAIN;
	if (err)
		return WALK_AGAIN;
	memslot_mark_dirty(slot, gpa >> PAGE_SHIFT);
	return 0;
}

static int update_slow(void *ctx, u64 gpa, u64 old, u64 new, bool wide)
{
	const struct memory *memory = ctx;
	int err;

	pagefault_disable();
	err = update_atomic(ctx, gpa, old, new, wide);
	pagefault_enable();
	if (err != -EAGAIN)
		return err;
	err = guest_cmpxchg(memory->vm, gpa, &old, new, wide ? sizeof(u64) : sizeof(u32));
	if (err == -EFAULT)
		return -ENXIO;
	return err > 0 ? WALK_AGAIN : err;
}

static const struct walk_ops atomic_ops = { .read = read_atomic, .update = update_atomic };
static const struct walk_ops slow_ops = { .read = read_slow, .update = update_slow };

static int translate(struct vcpu *vcpu, const struct walk_ops *ops, struct mmu_fetch *record,
		     u64 gva, u32 access, struct walk_result *result)
{
	struct memory memory = { .vm = vcpu->vm, .record = record };
	struct walk_state state = {
		.cr0 = vcpu->cr0,
		.cr3 = vcpu_cr3(vcpu),
		.cr4 = vcpu->cr4,
		.efer = vcpu->efer,
		.phys_bits = clamp_t(u8, vcpu->cpuid.physical_bits, 32, 52),
		.gbpages = cpuid_has(vcpu, X86_FEATURE_GBPAGES),
		.pse36 = cpuid_has(vcpu, X86_FEATURE_PSE36),
		.pkru = vcpu->pkru,
	};

	if (vcpu->rflags & X86_EFLAGS_AC)
		access |= WALK_AC;
	return walk(ops, &memory, &state, gva, access, result);
}

int mmu_translate(struct vcpu *vcpu, u64 gva, u32 access, u64 *gpa, struct mmu_fault_info *fault)
{
	struct walk_result result = {};
	int err, idx;

	if (current->mm != vcpu->vm->mm)
		return -EIO;
	idx = memslots_read_lock(vcpu->vm);
	err = translate(vcpu, &slow_ops, NULL, gva, access, &result);
	memslots_read_unlock(vcpu->vm, idx);
	*gpa = result.gpa;
	*fault = (struct mmu_fault_info){ .cr2 = gva, .error = result.error };
	return err;
}

int mmu_translate_atomic(struct vcpu *vcpu, u64 gva, u32 access, u64 *gpa,
			 struct mmu_fault_info *fault)
{
	struct walk_result result = {};
	int err;

	pagefault_disable();
	err = translate(vcpu, &atomic_ops, NULL, gva, access, &result);
	pagefault_enable();
	*gpa = result.gpa;
	*fault = (struct mmu_fault_info){ .cr2 = gva, .error = result.error };
	return err;
}

/* Copy @len bytes from user address @hva. Page faults disabled. */
static int copy_bytes(void *buf, unsigned long hva, size_t len)
{
	return __copy_from_user_inatomic(buf, (void __user *)hva, len) ? -EAGAIN : 0;
}

/*
 * Fetch as remembered, if each entry of that walk still is what it was: then the walk has not
 * changed either. Page faults disabled.
 */
static __always_inline int fetch_again(const struct mmu_fetch *fetch, u64 linear, void *buf,
				       size_t len)
{
	unsigned long hva = fetch->hva + offset_in_page(linear);
	u64 entry, first, last;
	int i;

	__uaccess_begin();
	for (i = 0; i < fetch->nr; i++) {
		unsafe_get_user(entry, (u64 __user *)fetch->step[i].hva, fail);
		if (unlikely(entry != fetch->step[i].entry))
			goto fail;
	}
	if (unlikely(len < sizeof(u64) || len > 2 * sizeof(u64))) {
		__uaccess_end();
		return copy_bytes(buf, hva, len);
	}
	unsafe_get_user(first, (u64 __user *)hva, fail);
	unsafe_get_user(last, (u64 __user *)(hva + len - sizeof(u64)), fail);
	__uaccess_end();
	memcpy(buf, &first, sizeof(first));
	memcpy(buf + len - sizeof(last), &last, sizeof(last));
	return 0;
fail:
	__uaccess_end();
	return -EAGAIN;
}

/* Walk to @linear and remember it in @fetch if that is possible. Page faults disabled. */
static noinline int fetch_anew(struct vcpu *vcpu, struct mmu_fetch *fetch, u64 linear, void *buf,
			       size_t len)
{
	u32 access = fetch->page & MMU_FETCH_USER ? WALK_FETCH | WALK_USER : WALK_FETCH;
	const struct memslot *slot;
	struct walk_result result;
	bool recorded;
	int err;

	fetch->nr = 0;
	err = translate(vcpu, &atomic_ops, fetch, linear, access, &result);
	/* A walk that had to set a flag has read entries twice. */
	recorded = !err && fetch->nr <= ARRAY_SIZE(fetch->step);
	slot = err ? NULL : memslots_find(&vcpu->vm->slots, result.gpa >> PAGE_SHIFT);
	if (!recorded || !slot)
		fetch->page = 0;
	if (!slot)
		return -EAGAIN;
	fetch->hva = memslot_hva(slot, result.gpa) & PAGE_MASK;
	return copy_bytes(buf, fetch->hva + offset_in_page(linear), len);
}

int mmu_fetch_atomic(struct vcpu *vcpu, u64 linear, void *buf, size_t len)
{
	u64 page = (linear & PAGE_MASK) | MMU_FETCH_VALID;
	struct mmu_fetch *fetch = &vcpu->mmu.fetch[(linear >> PAGE_SHIFT) % MMU_FETCHES];
	/* Pairs with the update of the slots, which waits for us if we saw the old generation. */
	u64 generation = smp_load_acquire(&vcpu->vm->slots.generation);
	u64 mode = vcpu->cr0 | vcpu->cr4 << 32;
	int err = -EAGAIN;

	if (backend->cpl(vcpu) == 3)
		page |= MMU_FETCH_USER;
	len = min_t(size_t, len, PAGE_SIZE - offset_in_page(linear));
	pagefault_disable();
	if (likely(fetch->page == page && fetch->cr3 == vcpu_cr3(vcpu) && fetch->mode == mode &&
		   fetch->efer == vcpu->efer && fetch->generation == generation))
		err = fetch_again(fetch, linear, buf, len);
	if (unlikely(err)) {
		fetch->page = page;
		fetch->cr3 = vcpu_cr3(vcpu);
		fetch->mode = mode;
		fetch->efer = vcpu->efer;
		fetch->generation = generation;
		err = fetch_anew(vcpu, fetch, linear, buf, len);
	}
	pagefault_enable();
	return likely(!err) ? len : -EAGAIN;
}
