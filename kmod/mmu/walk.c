// SPDX-License-Identifier: GPL-2.0-only
/*
 * The walk of a guest's page tables, in all paging modes.
 */
#include "walk.h"

/* How often a walk starts anew because another processor changes the entries under its hands. */
#define WALK_TRIES 16

/* walk_finish(): accessed or dirty flags must be set: walk once more. */
#define WALK_UPDATE 2

/**
 * struct walk - a walk under way; @all is all ones and @any 0 at its start
 * @ops: guest memory
 * @ctx: for @ops
 * @state: registers
 * @gva: linear address
 * @access: WALK_WRITE, WALK_USER, ...
 * @update: set accessed and dirty flags; else only find out if it must be done
 * @all: the entries so far, ANDed
 * @any: ORed
 */
struct walk {
	const struct walk_ops *ops;
	void *ctx;
	const struct walk_state *state;
	u64 gva;
	u32 access;
	bool update;
	u64 all;
	u64 any;
};

/* End a walk with a page fault; @why has the bits that the access does not give. */
static int walk_fault(const struct walk *walk, u32 why, struct walk_result *result)
{
	const struct walk_state *state = walk->state;
	u32 error = why | (walk->access & (WALK_WRITE | WALK_USER));

	if (walk->access & WALK_FETCH &&
	    (state->cr4 & WALK_CR4_SMEP ||
	     (state->cr4 & WALK_CR4_PAE && state->efer & WALK_EFER_NXE)))
		error |= WALK_FETCH;
	result->error = error;
	return -EFAULT;
}

/* Does the protection key of the user page behind @leaf forbid the access (SDM 3, 4.6.2)? */
static bool walk_key_forbids(const struct walk *walk, u64 leaf)
{
	const struct walk_state *state = walk->state;
	u32 rights = state->pkru >> (leaf >> WALK_PK_SHIFT & 0xf) * 2;

	if (walk->access & WALK_FETCH)
		return false;
	if (rights & 1)
		return true;
	return rights & 2 && walk->access & WALK_WRITE &&
	       (walk->access & WALK_USER || state->cr0 & WALK_CR0_WP);
}

/* Do the entries' U/S, R/W and XD flags forbid the access (SDM 3, 4.6.1)? */
static bool walk_flags_forbid(const struct walk *walk)
{
	const struct walk_state *state = walk->state;
	u32 access = walk->access;

	if (access & WALK_FETCH && walk->any & WALK_NX)
		return true;
	if (access & WALK_USER)
		return !(walk->all & WALK_U) || (access & WALK_WRITE && !(walk->all & WALK_W));
	if (access & WALK_WRITE && !(walk->all & WALK_W) && state->cr0 & WALK_CR0_WP)
		return true;
	if (!(walk->all & WALK_U))
		return false;
	if (access & WALK_FETCH)
		return state->cr4 & WALK_CR4_SMEP;
	return state->cr4 & WALK_CR4_SMAP && (access & WALK_IMPLICIT || !(access & WALK_AC));
}

/* Set the accessed flag, and the dirty flag for the @dirty access, in @entry at @gpa. */
static int walk_mark(const struct walk *walk, u64 gpa, u64 entry, bool dirty, bool wide)
{
	u64 new = entry | WALK_A | (dirty ? WALK_D : 0);

	return new == entry ? 0 : walk->ops->update(walk->ctx, gpa, entry, new, wide);
}

/* The last entry has been read: may the access be made, are its flags as they must be? */
static int walk_finish(const struct walk *walk, u64 gpa, u64 leaf, bool wide,
		       struct walk_result *result)
{
	bool dirty = walk->access & WALK_WRITE;
	u32 why = 0;

	if (unlikely(walk->state->cr4 & WALK_CR4_PKE) && walk->state->efer & WALK_EFER_LMA &&
	    walk->all & WALK_U && walk_key_forbids(walk, leaf))
		why = WALK_PRESENT | WALK_PK;
	if (walk_flags_forbid(walk))
		why |= WALK_PRESENT;
	if (why)
		return walk_fault(walk, why, result);
	if (walk->update)
		return walk_mark(walk, gpa, leaf, dirty, wide);
	if (walk->all & WALK_A && (leaf & WALK_D || !dirty))
		return 0;
	return WALK_UPDATE;
}

/* Reserved bits of a large page's entry: below the page's address, but for PAT (bit 12). */
static u64 walk_large_reserved(const struct walk_state *state, int level)
{
	if (level > 3 || (level == 3 && !state->gbpages))
		return WALK_PS;
	return BIT_ULL(12 + 9 * (level - 1)) - BIT_ULL(13);
}

/*
 * Tables of 8-byte entries, from the one at @table of @level; @reserved must be clear in all.
 * 0, -EFAULT, WALK_UPDATE, WALK_AGAIN, or what an accessor returned.
 */
static int walk_wide(struct walk *walk, u64 table, int level, u64 reserved,
		     struct walk_result *result)
{
	for (;; level--) {
		unsigned int shift = 12 + 9 * (level - 1);
		u64 gpa = table + (walk->gva >> shift & 0x1ff) * sizeof(u64);
		u64 entry, offset;
		bool leaf;
		int err;

		err = walk->ops->read(walk->ctx, gpa, &entry, true);
		if (err)
			return err;
		if (!(entry & WALK_P))
			return walk_fault(walk, 0, result);
		leaf = level == 1;
		if (!leaf && unlikely(entry & WALK_PS)) {
			reserved |= walk_large_reserved(walk->state, level);
			leaf = true;
		}
		if (entry & reserved)
			return walk_fault(walk, WALK_PRESENT | WALK_RESERVED, result);
		walk->all &= entry;
		walk->any |= entry;
		if (leaf) {
			offset = BIT_ULL(shift) - 1;
			result->gpa = (entry & WALK_ADDR & ~offset) | (walk->gva & offset);
			return walk_finish(walk, gpa, entry, true, result);
		}
		if (walk->update) {
			err = walk_mark(walk, gpa, entry, false, true);
			if (err)
				return err;
		}
		table = entry & WALK_ADDR;
	}
}

/* Bits that every 8-byte entry must have clear. */
static u64 walk_reserved(const struct walk_state *state)
{
	u64 reserved = WALK_ADDR & ~(BIT_ULL(state->phys_bits) - 1);

	if (!(state->efer & WALK_EFER_NXE))
		reserved |= WALK_NX;
	return reserved;
}

/*
 * The top table of PAE paging (SDM 3, 4.4.1). Its four entries are read like all others, as AMD
 * processors do under nested paging (APM 2, 15.25.10), not held in registers since CR3 was loaded.
 */
static int walk_pdpte(struct walk *walk, u64 reserved, u64 *table, struct walk_result *result)
{
	u64 gpa = (walk->state->cr3 & GENMASK_ULL(31, 5)) + (walk->gva >> 30 & 3) * sizeof(u64);
	u64 entry;
	int err;

	err = walk->ops->read(walk->ctx, gpa, &entry, true);
	if (err)
		return err;
	if (!(entry & WALK_P))
		return walk_fault(walk, 0, result);
	if (entry & (reserved | WALK_NX | GENMASK_ULL(8, 5) | GENMASK_ULL(2, 1)))
		return walk_fault(walk, WALK_PRESENT | WALK_RESERVED, result);
	*table = entry & WALK_ADDR;
	return 0;
}

/* Paging with 8-byte entries: PAE and IA-32e mode. */
static int walk_8byte(struct walk *walk, struct walk_result *result)
{
	const struct walk_state *state = walk->state;
	u64 table = state->cr3 & WALK_ADDR, reserved = walk_reserved(state);
	int level = state->cr4 & WALK_CR4_LA57 ? 5 : 4, err;

	if (!(state->efer & WALK_EFER_LMA)) {
		reserved |= GENMASK_ULL(62, 52);
		level = 2;
		err = walk_pdpte(walk, reserved, &table, result);
		if (err)
			return err;
	}
	return walk_wide(walk, table, level, reserved, result);
}

/*
 * The page that @entry of level 1 or 2 maps under 32-bit paging (SDM 3, 4.3): at level 2 a 4-MByte
 * page, whose address may have 40 bits (PSE-36). False: a reserved bit is set.
 */
static bool walk_4byte_page(const struct walk *walk, u64 entry, int level, u64 *gpa)
{
	unsigned int bits = walk->state->pse36 ? walk->state->phys_bits : 32;

	if (level == 1) {
		*gpa = (entry & GENMASK_ULL(31, 12)) | (walk->gva & GENMASK_ULL(11, 0));
		return true;
	}
	if (bits > 40)
		bits = 40;
	*gpa = (entry & GENMASK_ULL(31, 22)) | (entry & GENMASK_ULL(20, 13)) << 19 |
	       (walk->gva & GENMASK_ULL(21, 0));
	return !(entry & GENMASK_ULL(21, bits - 19));
}

/* 32-bit paging: two levels of 4-byte entries. */
static int walk_4byte(struct walk *walk, struct walk_result *result)
{
	const struct walk_state *state = walk->state;
	u64 table = state->cr3 & GENMASK_ULL(31, 12);
	int level = 2, err;

	for (;; level--) {
		u64 gpa = table + (walk->gva >> (2 + 10 * level) & 0x3ff) * sizeof(u32);
		u64 entry;

		err = walk->ops->read(walk->ctx, gpa, &entry, false);
		if (err)
			return err;
		if (!(entry & WALK_P))
			return walk_fault(walk, 0, result);
		walk->all &= entry;
		walk->any |= entry;
		if (level == 1 || (entry & WALK_PS && state->cr4 & WALK_CR4_PSE)) {
			if (!walk_4byte_page(walk, entry, level, &result->gpa))
				return walk_fault(walk, WALK_PRESENT | WALK_RESERVED, result);
			return walk_finish(walk, gpa, entry, false, result);
		}
		err = walk->update ? walk_mark(walk, gpa, entry, false, false) : 0;
		if (err)
			return err;
		table = entry & GENMASK_ULL(31, 12);
	}
}

int walk(const struct walk_ops *ops, void *ctx, const struct walk_state *state, u64 gva, u32 access,
	 struct walk_result *result)
{
	struct walk walk = {
		.ops = ops,
		.ctx = ctx,
		.state = state,
		.gva = state->efer & WALK_EFER_LMA ? gva : gva & GENMASK_ULL(31, 0),
		.access = access & WALK_IMPLICIT ? access & ~WALK_USER : access,
	};
	int tries, err;

	if (!(state->cr0 & WALK_CR0_PG)) {
		result->gpa = walk.gva;
		return 0;
	}
	for (tries = 0; tries < WALK_TRIES; tries++) {
		walk.all = ~0ULL;
		walk.any = 0;
		err = state->cr4 & WALK_CR4_PAE ? walk_8byte(&walk, result) :
						  walk_4byte(&walk, result);
		if (err <= 0)
			return err;
		walk.update = true;
	}
	/* It was a good translation a moment ago, which is all that any translation is. */
	return 0;
}
