// SPDX-License-Identifier: GPL-2.0-only
/*
 * Access to model-specific registers, by the guest and by user space.
 */
#include <linux/kvm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "cpuid.h"
#include "msr.h"
#include "msr_filter.h"
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

/* Where the guest gets #GP: why, for user space that wants to know. */
enum msr_refusal {
	MSR_INVALID = 1,
	MSR_UNKNOWN,
	MSR_FILTERED,
};

/* A guest uses few MSRs often: what was found for one with a like index is looked at first. */
static const struct msr_row *find_recent(struct vcpu *vcpu, u32 index)
{
	const struct msr_row **recent = &vcpu->msrs.recent[index / 8 % MSR_RECENT];
	const struct msr_row *row = *recent;

	if (likely(row && index - row->first < row->count))
		return row;
	row = find_row(index);
	if (row)
		*recent = row;
	return row;
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
	if (!row)
		return MSR_UNKNOWN;
	if (!row_visible(vcpu, row, host))
		return MSR_INVALID;
	return row_get(vcpu, row, index, value, host);
}

int msr_set(struct vcpu *vcpu, u32 index, u64 value, bool host)
{
	const struct msr_row *row = find_row(index);

	if (!row)
		return MSR_UNKNOWN;
	if (!row_visible(vcpu, row, host))
		return MSR_INVALID;
	return row_set(vcpu, row, index, value, host);
}

enum verdict msr_read_fast(struct vcpu *vcpu)
{
	u32 index = vcpu->regs[REG_RCX];
	const struct msr_row *row = find_recent(vcpu, index);
	u64 value;

	if (!row || !(row->flags & MSR_FAST_READ) || !row_visible(vcpu, row, false) ||
	    !msr_allowed(vcpu->vm, index, KVM_MSR_FILTER_READ))
		return SLOW;
	if (row_get(vcpu, row, index, &value, false))
		return SLOW;
	vcpu_set_edx_eax(vcpu, value);
	return GUEST;
}

enum verdict msr_write_fast(struct vcpu *vcpu)
{
	u32 index = vcpu->regs[REG_RCX];
	const struct msr_row *row = find_recent(vcpu, index);

	if (!row || !(row->flags & MSR_FAST_WRITE) || !row_visible(vcpu, row, false) ||
	    !msr_allowed(vcpu->vm, index, KVM_MSR_FILTER_WRITE))
		return SLOW;
	return row_set(vcpu, row, index, vcpu_edx_eax(vcpu), false) ? SLOW : GUEST;
}

/* What user space did for the vCPU, which it may have moved to another instruction meanwhile. */
static int complete_write(struct vcpu *vcpu)
{
	struct emulation *em = vcpu->emulation;

	if (vcpu->rip != em->rip)
		return GUEST;
	if (READ_ONCE(vcpu->run->msr.error))
		event_exception_error(vcpu, VECTOR_GP, 0);
	else
		skip_bytes(vcpu, em->port.insn_len);
	return GUEST;
}

static int complete_read(struct vcpu *vcpu)
{
	if (vcpu->rip == vcpu->emulation->rip && !READ_ONCE(vcpu->run->msr.error))
		vcpu_set_edx_eax(vcpu, READ_ONCE(vcpu->run->msr.data));
	return complete_write(vcpu);
}

/* An access that the guest may not have, at RIP and of @len bytes: user space's, or #GP. */
static int msr_refused(struct vcpu *vcpu, enum msr_refusal why, u32 exit, u64 data, int len)
{
	static const u32 reasons[] = {
		[MSR_INVALID] = KVM_MSR_EXIT_REASON_INVAL,
		[MSR_UNKNOWN] = KVM_MSR_EXIT_REASON_UNKNOWN,
		[MSR_FILTERED] = KVM_MSR_EXIT_REASON_FILTER,
	};
	struct emulation *em = vcpu->emulation;
	struct kvm_run *run = vcpu->run;

	if (!(READ_ONCE(vcpu->vm->options.msr_exits) & reasons[why])) {
		event_exception_error(vcpu, VECTOR_GP, 0);
		return GUEST;
	}
	run->exit_reason = exit;
	run->msr.error = 0;
	memset(run->msr.pad, 0, sizeof(run->msr.pad));
	run->msr.reason = reasons[why];
	run->msr.index = vcpu->regs[REG_RCX];
	run->msr.data = data;
	em->rip = vcpu->rip;
	em->port.insn_len = len;
	vcpu->complete = exit == KVM_EXIT_X86_RDMSR ? complete_read : complete_write;
	return USER;
}

int msr_read(struct vcpu *vcpu, int len)
{
	u32 index = vcpu->regs[REG_RCX];
	int r = MSR_FILTERED;
	u64 value;

	if (msr_allowed(vcpu->vm, index, KVM_MSR_FILTER_READ))
		r = msr_get(vcpu, index, &value, false);
	if (r)
		return msr_refused(vcpu, r, KVM_EXIT_X86_RDMSR, 0, len);
	vcpu_set_edx_eax(vcpu, value);
	skip_bytes(vcpu, len);
	return GUEST;
}

int msr_write(struct vcpu *vcpu, int len)
{
	u32 index = vcpu->regs[REG_RCX];
	u64 value = vcpu_edx_eax(vcpu);
	int r = MSR_FILTERED;

	if (msr_allowed(vcpu->vm, index, KVM_MSR_FILTER_WRITE))
		r = msr_set(vcpu, index, value, false);
	if (r)
		return msr_refused(vcpu, r, KVM_EXIT_X86_WRMSR, value, len);
	skip_bytes(vcpu, len);
	return GUEST;
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
