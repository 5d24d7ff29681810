// SPDX-License-Identifier: GPL-2.0-only
/*
 * The log of written pages: a bitmap for each slot, fetched and cleared by user space.
 *
 * A page's bit is set when its nested entry becomes writable, and after a write of the kernel's
 * own. To clear it is to make the entry read-only again, both under mmu->lock for writing, so that
 * no fault comes in between; then the processors forget the old entry, before user space is told.
 */
#include <linux/compat.h>
#include <linux/kvm.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "memslot.h"
#include "vcpu.h"
#include "vm.h"

/* A log is worked on in portions of so many words, one page of them. */
#define PORTION (PAGE_SIZE / sizeof(long))

/**
 * struct log - a log that is being fetched or cleared
 * @vm: whose
 * @slot: likewise; the slots' lock is held
 * @user: where user space has its bitmap, that of word 0
 * @words: a portion of bits
 * @flush: entries were made read-only: the processors have to forget them
 */
struct log {
	struct vm *vm;
	const struct memslot *slot;
	unsigned long __user *user;
	unsigned long *words;
	bool flush;
};

long dirty_log_enable(struct vm *vm, const struct kvm_enable_cap *cap)
{
	u64 allowed = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;

	if (cap->args[0] & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE)
		allowed |= KVM_DIRTY_LOG_INITIALLY_SET;
	if (cap->args[0] & ~allowed)
		return -EINVAL;
	mutex_lock(&vm->slots.lock);
	vm->slots.manual_log = cap->args[0];
	mutex_unlock(&vm->slots.lock);
	return 0;
}

/* A pointer that came in a structure: of 32-bit programs only the lower half counts. */
static void __user *log_pointer(void __user *pointer)
{
	return in_compat_syscall() ? compat_ptr((uintptr_t)pointer) : pointer;
}

/* Begin with the log of slot @id; log_end() follows, whatever this returns. */
static int log_begin(struct log *log, struct vm *vm, u32 id, void __user *user)
{
	*log = (struct log){ .vm = vm, .user = log_pointer(user) };
	mutex_lock(&vm->slots.lock);
	if (id >= MEMSLOTS_MAX)
		return -EINVAL;
	log->slot = memslot_by_id(&vm->slots, id);
	if (!log->slot || !log->slot->dirty)
		return -ENOENT;
	return 0;
}

static int log_alloc(struct log *log)
{
	log->words = (unsigned long *)__get_free_page(GFP_KERNEL_ACCOUNT);
	return log->words ? 0 : -ENOMEM;
}

static void log_end(struct log *log)
{
	if (log->flush)
		vm_request_all(log->vm, WORK_TLB_FLUSH, true);
	mutex_unlock(&log->vm->slots.lock);
	free_page((unsigned long)log->words);
}

/*
 * Clear the bits of @nr words from @first on that are set in log->words, which then has only those
 * that were set in the log, too.
 */
static void log_clear_words(struct log *log, unsigned long first, unsigned long nr)
{
	unsigned long *dirty = log->slot->dirty + first, *words = log->words, i;
	struct mmu *mmu = &log->vm->mmu;
	struct mmu_cursor cursor = {};
	u64 gfn;

	write_lock(&mmu->lock);
	for (i = 0; i < nr; i++) {
		words[i] &= READ_ONCE(dirty[i]);
		if (!words[i])
			continue;
		words[i] &= atomic_long_fetch_andnot(words[i], (atomic_long_t *)&dirty[i]);
		gfn = log->slot->base_gfn + (first + i) * BITS_PER_LONG;
		log->flush |= mmu_log_protect(mmu, &cursor, gfn, words[i]);
		if (cond_resched_rwlock_write(&mmu->lock))
			cursor = (struct mmu_cursor){};
	}
	write_unlock(&mmu->lock);
}

/* Fetch and clear, portion by portion. */
static int log_take(struct log *log)
{
	unsigned long words = BITS_TO_LONGS(log->slot->npages), first, nr;

	if (log_alloc(log))
		return -ENOMEM;
	for (first = 0; first < words; first += nr) {
		nr = min(words - first, PORTION);
		memset(log->words, 0xff, nr * sizeof(long));
		log_clear_words(log, first, nr);
		if (copy_to_user(log->user + first, log->words, nr * sizeof(long)))
			return -EFAULT;
		cond_resched();
	}
	return 0;
}

/* Fetch only: what is cleared user space will say. */
static int log_copy(const struct log *log)
{
	size_t size = BITS_TO_LONGS(log->slot->npages) * sizeof(long);

	return copy_to_user(log->user, log->slot->dirty, size) ? -EFAULT : 0;
}

long dirty_log_get(struct vm *vm, void *arg, unsigned long uarg)
{
	const struct kvm_dirty_log *what = arg;
	struct log log;
	int err;

	err = log_begin(&log, vm, what->slot, what->dirty_bitmap);
	if (!err)
		err = vm->slots.manual_log ? log_copy(&log) : log_take(&log);
	log_end(&log);
	return err;
}

/* What of the log's pages @arg names: its bounds must be those of words, or of the slot. */
static int clear_check(const struct kvm_clear_dirty_log *arg, const struct memslot *slot)
{
	u64 left;

	if (arg->first_page > slot->npages)
		return -EINVAL;
	left = slot->npages - arg->first_page;
	if (arg->num_pages > left || (arg->num_pages < left && arg->num_pages % BITS_PER_LONG))
		return -EINVAL;
	return 0;
}

/* User space's bitmap begins with the bits of page @first_page. */
static int log_drop(struct log *log, u64 first_page, u64 num_pages)
{
	unsigned long first = first_page / BITS_PER_LONG, words = BITS_TO_LONGS(num_pages);
	unsigned long done, nr;

	/* Nothing is cleared if not all can be read. */
	if (fault_in_readable((char __user *)log->user, words * sizeof(long)))
		return -EFAULT;
	if (log_alloc(log))
		return -ENOMEM;
	for (done = 0; done < words; done += nr) {
		nr = min(words - done, PORTION);
		if (copy_from_user(log->words, log->user + done, nr * sizeof(long)))
			return -EFAULT;
		log_clear_words(log, first + done, nr);
		cond_resched();
	}
	return 0;
}

long dirty_log_clear(struct vm *vm, void *arg, unsigned long uarg)
{
	const struct kvm_clear_dirty_log *what = arg;
	struct log log;
	int err;

	if (what->first_page % BITS_PER_LONG)
		return -EINVAL;
	err = log_begin(&log, vm, what->slot, what->dirty_bitmap);
	if (!err)
		err = clear_check(what, log.slot);
	if (!err)
		err = log_drop(&log, what->first_page, what->num_pages);
	log_end(&log);
	return err;
}
