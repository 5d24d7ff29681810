// SPDX-License-Identifier: GPL-2.0-only
/*
 * See msr_filter.h.
 */
#include <asm/apicdef.h>
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "msr_filter.h"
#include "vcpu.h"

#define X2APIC_MSRS 0x100

/**
 * struct msr_filter - a filter; never changed once the guest is subject to it
 * @allow: what goes for an access that no range is about
 * @nr: how many ranges there are
 * @ranges: of MSRs @base to @end - 1 and accesses @access; the first that fits decides, by its bit
 * @bits: all bitmaps
 */
struct msr_filter {
	bool allow;
	u32 nr;
	struct {
		u32 access;
		u32 base;
		u32 end;
		unsigned long *bitmap;
	} ranges[KVM_MSR_FILTER_MAX_RANGES];
	unsigned long bits[];
};

static bool filter_allows(const struct msr_filter *filter, u32 index, u32 access)
{
	u32 i;

	for (i = 0; i < filter->nr; i++) {
		u32 base = filter->ranges[i].base;

		if (index >= base && index < filter->ranges[i].end &&
		    filter->ranges[i].access & access)
			return test_bit(index - base, filter->ranges[i].bitmap);
	}
	return filter->allow;
}

bool msr_filter_allows(struct vm *vm, u32 index, u32 access)
{
	const struct msr_filter *filter;
	bool allowed;

	if (index >= APIC_BASE_MSR && index - APIC_BASE_MSR < X2APIC_MSRS)
		return true;
	rcu_read_lock();
	filter = rcu_dereference(vm->msr_filter);
	allowed = !filter || filter_allows(filter, index, access);
	rcu_read_unlock();
	return allowed;
}

bool msr_filter_allows_all(struct vm *vm, const u32 *indexes, unsigned int nr)
{
	unsigned int i;

	if (!rcu_access_pointer(vm->msr_filter))
		return true;
	for (i = 0; i < nr; i++)
		if (!msr_filter_allows(vm, indexes[i], KVM_MSR_FILTER_READ) ||
		    !msr_filter_allows(vm, indexes[i], KVM_MSR_FILTER_WRITE))
			return false;
	return true;
}

static size_t bitmap_longs(const struct kvm_msr_filter_range *range)
{
	return BITS_TO_LONGS((u64)range->nmsrs);
}

/* Longs that all bitmaps need, or -EINVAL where one is too long or its accesses do not exist. */
static long filter_longs(const struct kvm_msr_filter *from)
{
	bool allow = !(from->flags & KVM_MSR_FILTER_DEFAULT_DENY);
	size_t longs = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(from->ranges); i++) {
		const struct kvm_msr_filter_range *range = &from->ranges[i];

		if (!range->nmsrs)
			continue;
		if (!range->flags || range->flags & ~(KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE))
			return -EINVAL;
		if (bitmap_longs(range) * sizeof(long) > KVM_MSR_FILTER_MAX_BITMAP_SIZE)
			return -EINVAL;
		longs += bitmap_longs(range);
	}
	/* A guest without any MSR is no guest. */
	return longs || allow ? longs : -EINVAL;
}

static int fill_filter(struct msr_filter *filter, const struct kvm_msr_filter *from)
{
	unsigned long *bits = filter->bits;
	unsigned int i;

	filter->allow = !(from->flags & KVM_MSR_FILTER_DEFAULT_DENY);
	for (i = 0; i < ARRAY_SIZE(from->ranges); i++) {
		const struct kvm_msr_filter_range *range = &from->ranges[i];
		size_t longs = bitmap_longs(range);

		if (!longs)
			continue;
		if (copy_from_user(bits, (void __user *)range->bitmap, longs * sizeof(long)))
			return -EFAULT;
		filter->ranges[filter->nr].access = range->flags;
		filter->ranges[filter->nr].base = range->base;
		filter->ranges[filter->nr].end = range->base + range->nmsrs;
		filter->ranges[filter->nr++].bitmap = bits;
		bits += longs;
	}
	return 0;
}

/**
 * msr_filter_set() - KVM_X86_SET_MSR_FILTER
 * @vm: the VM
 * @arg: struct kvm_msr_filter, which replaces what was set before
 * @uarg: unused
 *
 * When this returns no vCPU runs under the old one.
 *
 * Return: 0, or -EINVAL, -EFAULT, -ENOMEM.
 */
long msr_filter_set(struct vm *vm, void *arg, unsigned long uarg)
{
	const struct kvm_msr_filter *from = arg;
	struct msr_filter *filter;
	long longs, r;

	if (from->flags & ~KVM_MSR_FILTER_DEFAULT_DENY)
		return -EINVAL;
	longs = filter_longs(from);
	if (longs < 0)
		return longs;
	filter = kvzalloc(struct_size(filter, bits, longs), GFP_KERNEL_ACCOUNT);
	if (!filter)
		return -ENOMEM;
	r = fill_filter(filter, from);
	if (r) {
		kvfree(filter);
		return r;
	}
	mutex_lock(&vm->lock);
	filter = rcu_replace_pointer(vm->msr_filter, filter, lockdep_is_held(&vm->lock));
	vm_request_all(vm, WORK_INTERCEPTS, true);
	mutex_unlock(&vm->lock);
	if (filter)
		synchronize_rcu_expedited();
	kvfree(filter);
	return 0;
}

void msr_filter_destroy(struct vm *vm)
{
	kvfree(rcu_dereference_protected(vm->msr_filter, true));
}
