/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The walk of a guest's page tables, as its processor does it (SDM 3, chapter 4). Pure: guest
 * memory is seen only through struct walk_ops.
 */
#ifndef TENON_MMU_WALK_H
#define TENON_MMU_WALK_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/types.h>

/* Bits of all entries, in all formats. */
#define WALK_P	BIT_ULL(0)
#define WALK_W	BIT_ULL(1)
#define WALK_U	BIT_ULL(2)
#define WALK_A	BIT_ULL(5)
#define WALK_D	BIT_ULL(6)
#define WALK_PS BIT_ULL(7)
/* Of 8-byte entries only. */
#define WALK_NX	      BIT_ULL(63)
#define WALK_ADDR     GENMASK_ULL(51, 12)
#define WALK_PK_SHIFT 59

/* Control-register bits that the walk looks at. */
#define WALK_CR0_WP   BIT(16)
#define WALK_CR0_PG   BIT(31)
#define WALK_CR4_PSE  BIT(4)
#define WALK_CR4_PAE  BIT(5)
#define WALK_CR4_LA57 BIT(12)
#define WALK_CR4_SMEP BIT(20)
#define WALK_CR4_SMAP BIT(21)
#define WALK_CR4_PKE  BIT(22)
#define WALK_EFER_LMA BIT(10)
#define WALK_EFER_NXE BIT(11)

/* Kinds of access, and the error code of a page fault: bit by bit the same (SDM 3, 4.7). */
#define WALK_PRESENT  BIT(0)
#define WALK_WRITE    BIT(1)
#define WALK_USER     BIT(2)
#define WALK_RESERVED BIT(3)
#define WALK_FETCH    BIT(4)
#define WALK_PK	      BIT(5)
/* Kinds of access only: implicit supervisor access; EFLAGS.AC is set. */
#define WALK_IMPLICIT BIT(16)
#define WALK_AC	      BIT(17)

/* struct walk_ops: an entry has changed meanwhile. */
#define WALK_AGAIN 1

/**
 * struct walk_state - the processor's registers that decide about a translation
 * @cr0: and the other control registers
 * @phys_bits: MAXPHYADDR, 32 to 52
 * @gbpages: the processor has 1-GByte pages
 * @pse36: 4-MByte pages can lie above 4 GByte
 * @pkru: rights of the protection keys; looked at only if CR4.PKE is set
 */
struct walk_state {
	u64 cr0;
	u64 cr3;
	u64 cr4;
	u64 efer;
	u8 phys_bits;
	bool gbpages;
	bool pse36;
	u32 pkru;
};

/**
 * struct walk_ops - guest memory, as far as a walk needs it
 * @read: read the entry at @gpa, of 8 bytes if @wide, else of 4. 0 or an errno
 * @update: replace @old at @gpa by @new, in one atomic step. 0; WALK_AGAIN if it was not @old; or
 *	an errno
 */
struct walk_ops {
	int (*read)(void *ctx, u64 gpa, u64 *entry, bool wide);
	int (*update)(void *ctx, u64 gpa, u64 old, u64 new, bool wide);
};

/**
 * struct walk_result - where a walk ended
 * @gpa: the translation
 * @error: of a fault: its error code
 */
struct walk_result {
	u64 gpa;
	u32 error;
};

/**
 * walk() - translate a linear address
 * @ops: guest memory
 * @ctx: for @ops
 * @state: registers
 * @gva: linear address; in IA-32e mode canonical
 * @access: WALK_WRITE or WALK_FETCH (else a read), WALK_USER, WALK_IMPLICIT, WALK_AC
 * @result: *@result.gpa, or *@result.error if it is a page fault
 *
 * Return: 0; -EFAULT for a page fault; or an errno of @ops
 */
int walk(const struct walk_ops *ops, void *ctx, const struct walk_state *state, u64 gva, u32 access,
	 struct walk_result *result);

#endif
