// SPDX-License-Identifier: GPL-2.0-only
/*
 * Access to model-specific registers, by the guest and by user space.
 */
#include <linux/kvm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "cpuid.h"
#include "msr.h"
#include "msr_rows.h"
#include "vcpu.h"

static const struct msr_row *find_row(u32 index)
{
	unsigned int low = 0, high = nr_msr_rows;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (index < msr_rows[middle].first)
			high = middle;
		else if (index - msr_rows[middle].first >= msr_rows[middle].count)
			low = middle + 1;
		else
			return &msr_rows[middle];
	}
	return NULL;
}

static bool row_visible(const struct vcpu *vcpu, const struct msr_row *row, bool host)
{
	return host || !row->feature || cpuid_has(vcpu, row->feature);
}

static int row_get(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 *value, bool host)
{
	if (row->get)
		return row->get(vcpu, row, index, value, host);
	*value = *msr_field(vcpu, row, index);
	return 0;
}

static int row_set(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value, bool host)
{
	if (row->flags & MSR_HOST_WRITES && !host)
		return 1;
	if (row->set)
		return row->set(vcpu, row, index, value, host);
	if (value & ~row->writable)
		return 1;
	*msr_field(vcpu, row, index) = value;
	return 0;
}

int msr_get(struct vcpu *vcpu, u32 index, u64 *value, bool host)
{
	const struct msr_row *row = find_row(index);

	*value = 0;
	if (!row || !row_visible(vcpu, row, host))
		return 1;
	return row_get(vcpu, row, index, value, host);
}

int msr_set(struct vcpu *vcpu, u32 index, u64 value, bool host)
{
	const struct msr_row *row = find_row(index);

	if (!row || !row_visible(vcpu, row, host))
		return 1;
	return row_set(vcpu, row, index, value, host);
}

enum verdict msr_read_fast(struct vcpu *vcpu)
{
	u32 index = vcpu->regs[REG_RCX];
	const struct msr_row *row = find_row(index);
	u64 value;

	if (!row || !(row->flags & MSR_FAST_READ) || !row_visible(vcpu, row, false))
		return SLOW;
	if (row_get(vcpu, row, index, &value, false))
		return SLOW;
	vcpu_set_edx_eax(vcpu, value);
	return GUEST;
}

enum verdict msr_write_fast(struct vcpu *vcpu)
{
	u32 index = vcpu->regs[REG_RCX];
	const struct msr_row *row = find_row(index);

	if (!row || !(row->flags & MSR_FAST_WRITE) || !row_visible(vcpu, row, false))
		return SLOW;
	return row_set(vcpu, row, index, vcpu_edx_eax(vcpu), false) ? SLOW : GUEST;
}

bool msr_read(struct vcpu *vcpu)
{
	u64 value;

	if (msr_get(vcpu, vcpu->regs[REG_RCX], &value, false)) {
		event_exception_error(vcpu, VECTOR_GP, 0);
		return false;
	}
	vcpu_set_edx_eax(vcpu, value);
	return true;
}

bool msr_write(struct vcpu *vcpu)
{
	if (msr_set(vcpu, vcpu->regs[REG_RCX], vcpu_edx_eax(vcpu), false)) {
		event_exception_error(vcpu, VECTOR_GP, 0);
		return false;
	}
	return true;
}

/* Fill in the indexes for which @wanted holds: how many there are, or an errno. */
static long list_indexes(struct kvm_msr_list *list, unsigned long uarg,
			 bool (*wanted)(const struct msr_row *row))
{
	struct kvm_msr_list __user *user = (void __user *)uarg;
	u32 room = list->nmsrs, nr = 0;
	unsigned int i, j;

	for (i = 0; i < nr_msr_rows; i++)
		nr += wanted(&msr_rows[i]) ? msr_rows[i].count : 0;
	list->nmsrs = nr;
	/* The number is told even where the list does not fit. */
	if (put_user(nr, &user->nmsrs))
		return -EFAULT;
	if (room < nr)
		return -E2BIG;
	nr = 0;
	for (i = 0; i < nr_msr_rows; i++) {
		if (!wanted(&msr_rows[i]))
			continue;
		for (j = 0; j < msr_rows[i].count; j++)
			if (put_user(msr_rows[i].first + j, &user->indices[nr++]))
				return -EFAULT;
	}
	return 0;
}

static bool is_listed(const struct msr_row *row)
{
	return row->flags & MSR_LISTED && msr_row_offered(row);
}

static bool is_feature(const struct msr_row *row)
{
	return row->host;
}

/* KVM_GET_MSR_INDEX_LIST: -E2BIG, and the number needed, where the list does not fit. */
long msr_index_list(void *arg, unsigned long uarg)
{
	return list_indexes(arg, uarg, is_listed);
}

/* KVM_GET_MSR_FEATURE_INDEX_LIST: likewise. */
long msr_feature_index_list(void *arg, unsigned long uarg)
{
	return list_indexes(arg, uarg, is_feature);
}

/* Most entries of KVM_GET_MSRS and KVM_SET_MSRS, plus one. */
#define MSR_ENTRIES 256

static int feature_access(struct vcpu *vcpu, struct kvm_msr_entry *entry)
{
	const struct msr_row *row = find_row(entry->index);

	if (!row || !row->host)
		return 1;
	entry->data = row->host();
	return 0;
}

static int read_access(struct vcpu *vcpu, struct kvm_msr_entry *entry)
{
	u64 value;
	int r = msr_get(vcpu, entry->index, &value, true);

	entry->data = value;
	return r;
}

static int write_access(struct vcpu *vcpu, struct kvm_msr_entry *entry)
{
	return msr_set(vcpu, entry->index, entry->data, true);
}

/* Access the entries one by one, up to the first that fails: how many were done, or an errno. */
static long access_list(struct vcpu *vcpu, const struct kvm_msrs *header, unsigned long uarg,
			int (*access)(struct vcpu *vcpu, struct kvm_msr_entry *entry))
{
	struct kvm_msrs __user *user = (void __user *)uarg;
	size_t size = header->nmsrs * sizeof(user->entries[0]);
	struct kvm_msr_entry *entries;
	long done, r = -EFAULT;

	if (header->nmsrs >= MSR_ENTRIES)
		return -E2BIG;
	entries = kmalloc(size, GFP_KERNEL_ACCOUNT);
	if (!entries)
		return -ENOMEM;
	if (copy_from_user(entries, user->entries, size))
		goto out;
	for (done = 0; done < header->nmsrs; done++)
		if (access(vcpu, &entries[done]))
			break;
	if (access == write_access || !copy_to_user(user->entries, entries, size))
		r = done;
out:
	kfree(entries);
	return r;
}

/* KVM_GET_MSRS of the system: the host's values of feature MSRs. */
long sys_msr_get_ioctl(void *arg, unsigned long uarg)
{
	return access_list(NULL, arg, uarg, feature_access);
}

/* KVM_GET_MSRS: how many entries were read; -E2BIG for more than 255 of them. */
long msr_get_ioctl(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	return access_list(vcpu, arg, uarg, read_access);
}

/* KVM_SET_MSRS: how many entries were written; -E2BIG likewise. */
long msr_set_ioctl(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	return access_list(vcpu, arg, uarg, write_access);
}
