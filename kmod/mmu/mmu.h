/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Address translation: the nested page tables of a VM, kept in step with the owner's address space,
 * and the walk of a guest's own page tables. See Documentation/memory.rst.
 */
#ifndef TENON_MMU_MMU_H
#define TENON_MMU_MMU_H

#include <linux/mmu_notifier.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "../exit.h"

struct memslot;
struct memslot_array;
struct vcpu;
struct vm;

/* mmu_fault(): the access is not to memory, it must be emulated. */
#define MMU_MMIO 1

/*
 * mmu_translate(): besides FAULT_WRITE, FAULT_USER and FAULT_FETCH: an access that the processor
 * makes on its own to a system structure (GDT, IDT, TSS): supervisor, whatever CPL and EFLAGS.AC
 * are (SDM 3, 4.6.1).
 */
#define FAULT_IMPLICIT BIT(16)

/**
 * struct mmu - the nested page tables of all vCPUs of a VM
 * @lock: read: install entries, with cmpxchg; write: remove them
 * @root: the top table, and its host-physical address. Set once
 * @root_hpa: likewise
 * @seq: changes with each removal: who looked up a host page before may not map it any more
 * @invalidating: ranges of host addresses whose pages are being taken away now
 * @inv_start: union of those ranges
 * @inv_end: likewise
 * @notifier: tells when the owner's address space changes
 */
struct mmu {
	rwlock_t lock;
	u64 *root;
	u64 root_hpa;
	unsigned long seq;
	int invalidating;
	unsigned long inv_start;
	unsigned long inv_end;
	struct mmu_notifier notifier;
};

/**
 * struct mmu_cursor - the table of the entry looked at last; begins zeroed
 * @table: a table of 4-KByte pages, or NULL
 * @gfn: a frame that it maps
 *
 * Good as long as mmu->lock is held.
 */
struct mmu_cursor {
	u64 *table;
	u64 gfn;
};

/**
 * struct mmu_fault_info - the page fault that a failed translation is to raise in the guest
 * @cr2: the linear address
 * @error: error code (SDM 3, 4.7)
 */
struct mmu_fault_info {
	u64 cr2;
	u32 error;
};

/* Bits of struct mmu_fetch's @page. */
#define MMU_FETCH_VALID BIT(0)
#define MMU_FETCH_USER	BIT(1)

/**
 * struct mmu_fetch - a walk to a page with instructions, to be verified instead of repeated
 * @page: linear address of the page, and MMU_FETCH_*; 0 if nothing is remembered
 * @cr3: and the other registers on which the walk depends
 * @mode: CR0 and, in the upper half, CR4
 * @efer: likewise
 * @generation: of the slots
 * @hva: where the page is in the owner's address space
 * @nr: how many entries of page tables were read
 * @step: where each is, and what it was
 */
struct mmu_fetch {
	u64 page;
	u64 cr3;
	u64 mode;
	u64 efer;
	u64 generation;
	unsigned long hva;
	u32 nr;
	struct {
		unsigned long hva;
		u64 entry;
	} step[5];
};

#define MMU_FETCHES 8

/**
 * struct mmu_vcpu - a vCPU's part; zeroed when it is created, then the vCPU's own
 * @fetch: by linear page number
 */
struct mmu_vcpu {
	struct mmu_fetch fetch[MMU_FETCHES];
};

/* Called by the VM's owner, without mmap_lock. 0, -ENOMEM, or of mmu_notifier_register(). */
int mmu_init(struct vm *vm);
/* No vCPU exists any more. May sleep. */
void mmu_destroy(struct vm *vm);
/* Host-physical address of the top table, for nCR3 or EPTP. */
u64 mmu_root(struct vm *vm);
/* Guest frames that the nested page tables can map: below this one. */
u64 mmu_gfn_limit(void);

/*
 * The nested page tables refused an access of kind @error (FAULT_WRITE, FAULT_FETCH, ...) to @gpa.
 * May sleep; takes no SRCU. 0: mapped, or the reason has gone: run the guest again; MMU_MMIO: no
 * slot, or a write to a read-only one; -EINTR: a signal is pending; -EFAULT: user space has
 * nothing mapped there; -ENOMEM.
 */
int mmu_fault(struct vcpu *vcpu, u64 gpa, u32 error);

/* The same with interrupts off: GUEST; or SLOW: only mmu_fault() can tell. */
enum verdict mmu_fault_fast(struct vcpu *vcpu, u64 gpa, u32 error);

/* How many pages the nested page tables map now, by size: 4 KiB, 2 MiB, 1 GiB. Sleeps. */
#define MMU_PAGE_SIZES 3
void mmu_count_pages(struct vm *vm, u64 pages[MMU_PAGE_SIZES]);

/* Remove what maps guest frames from @start up to, not including, @end, on all vCPUs. May sleep. */
void mmu_zap(struct vm *vm, u64 start, u64 end);

/*
 * Publish @next, from which @old has been deleted or moved, and remove what maps its frames, in one
 * step: an MMU notifier finds the slot, or nothing is left of it. May sleep.
 */
void mmu_zap_slot(struct vm *vm, const struct memslot *old, struct memslot_array *next);

/*
 * Logging of @slot has begun or ended, and the slots that vCPUs find say so. When it begins, with
 * @protect, nothing stays writable: the first write to each page is a fault. When it ends, tables
 * that keep the host's large pages from being mapped as such go. May sleep; the VM's owner.
 */
void mmu_log_begin(struct vm *vm, const struct memslot *slot, bool protect);
void mmu_log_end(struct vm *vm, const struct memslot *slot);

/*
 * Make those of the 64 frames from @gfn on read-only that are set in @mask, with mmu->lock held for
 * writing. True if one was writable: the processors have to forget it.
 */
bool mmu_log_protect(struct mmu *mmu, struct mmu_cursor *cursor, u64 gfn, u64 mask);

/*
 * Translate a guest's linear address as its processor would: all checks, accessed and dirty flags
 * included. @access: FAULT_WRITE, FAULT_USER, FAULT_FETCH, FAULT_IMPLICIT. In 64-bit mode @gva is
 * canonical. May sleep, takes SRCU. 0 and *@gpa; -EFAULT and *@fault, the guest's page fault; -EIO:
 * not the owner; -ENXIO: user space has unmapped the guest's page tables.
 */
int mmu_translate(struct vcpu *vcpu, u64 gva, u32 access, u64 *gpa, struct mmu_fault_info *fault);

/* The same with interrupts off: -EAGAIN where a page is not at hand. */
int mmu_translate_atomic(struct vcpu *vcpu, u64 gva, u32 access, u64 *gpa,
			 struct mmu_fault_info *fault);

/*
 * Fetch instruction bytes at linear address @linear with the current privilege level: at most @len
 * and not beyond the page's end. Interrupts off. Bytes fetched (> 0); -EAGAIN: take the slow path.
 */
int mmu_fetch_atomic(struct vcpu *vcpu, u64 linear, void *buf, size_t len);

#endif
