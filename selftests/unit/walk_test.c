// SPDX-License-Identifier: GPL-2.0-only
/*
 * The walk of a guest's page tables against a table of cases from SDM 3, chapter 4.
 *
 * Each case starts from tables that allow everything, changes one thing, and makes one access.
 */
#include <check.h>
#include <linux/kernel.h>
#include <stdlib.h>
#include <string.h>

#include "mmu/walk.h"

#define ROOT	0x1000ULL
#define PAGE	4096ULL
#define NTABLES 6
#define ALL	(WALK_P | WALK_W | WALK_U | WALK_A | WALK_D)
#define OK	0x80000000U
/* Error codes. */
#define P    WALK_PRESENT
#define W    WALK_WRITE
#define U    WALK_USER
#define RSVD WALK_RESERVED
#define F    WALK_FETCH
#define PK   WALK_PK
#define IMP  WALK_IMPLICIT
#define AC   WALK_AC

/**
 * struct mode - a paging mode
 * @name: for messages
 * @levels: of tables
 * @index_bits: of the linear address, that each level uses
 * @wide: entries have 8 bytes
 * @cr4: CR4 and EFER in this mode
 * @efer: likewise
 */
struct mode {
	const char *name;
	int levels;
	int index_bits;
	bool wide;
	u64 cr4;
	u64 efer;
};

enum {
	PAGING_32,
	PAGING_PAE,
	PAGING_4,
	PAGING_5,
	NR_MODES
};

static const struct mode modes[NR_MODES] = {
	[PAGING_32] = { "32-bit", 2, 10, false, WALK_CR4_PSE, WALK_EFER_NXE },
	[PAGING_PAE] = { "PAE", 3, 9, true, WALK_CR4_PAE, WALK_EFER_NXE },
	[PAGING_4] = { "4-level", 4, 9, true, WALK_CR4_PAE, WALK_EFER_NXE | WALK_EFER_LMA },
	[PAGING_5] = { "5-level", 5, 9, true, WALK_CR4_PAE | WALK_CR4_LA57,
		       WALK_EFER_NXE | WALK_EFER_LMA },
};

#define M32  BIT(PAGING_32)
#define MPAE BIT(PAGING_PAE)
#define M4   BIT(PAGING_4)
#define M5   BIT(PAGING_5)
#define M64  (M4 | M5)
#define MNX  (MPAE | M64)
#define MALL (M32 | MNX)

/* Guest memory: a table of each level from ROOT on; all else reads as ones. */
static u64 memory[NTABLES * PAGE / sizeof(u64)];
static int updates;
/* What another processor does to an entry just before it is updated. */
static u64 race_set;

static void *at(u64 gpa)
{
	if (gpa < ROOT || gpa >= ROOT + sizeof(memory))
		return NULL;
	return (u8 *)memory + (gpa - ROOT);
}

static int test_read(void *ctx, u64 gpa, u64 *entry, bool wide)
{
	void *p = at(gpa);

	ck_assert_ptr_eq(ctx, memory);
	*entry = wide ? ~0ULL : U32_MAX;
	if (p)
		*entry = wide ? *(u64 *)p : *(u32 *)p;
	return 0;
}

static int test_update(void *ctx, u64 gpa, u64 old, u64 new, bool wide)
{
	void *p = at(gpa);

	ck_assert_ptr_eq(ctx, memory);
	ck_assert_ptr_nonnull(p);
	updates++;
	if (wide)
		*(u64 *)p |= race_set;
	else
		*(u32 *)p |= race_set;
	if (race_set) {
		race_set = 0;
		return WALK_AGAIN;
	}
	ck_assert_uint_eq(wide ? *(u64 *)p : *(u32 *)p, old);
	if (wide)
		*(u64 *)p = new;
	else
		*(u32 *)p = new;
	return 0;
}

static const struct walk_ops test_ops = { .read = test_read, .update = test_update };

/* The linear address of all walks, and the frame that the lowest table maps it to. */
#define GVA_64 0x0000123456789abcULL
#define GVA_32 0x56789abcULL
#define FRAME  0x00000000fe000000ULL

static u64 gva_of(const struct mode *mode)
{
	return mode->levels > 3 ? GVA_64 : GVA_32;
}

static int shift_of(const struct mode *mode, int level)
{
	return 12 + mode->index_bits * (level - 1);
}

static u64 table_at(int level)
{
	return ROOT + (u64)level * PAGE;
}

/* Where the entry of @level is that a walk meets. */
static u64 entry_at(const struct mode *mode, int level)
{
	u64 index = gva_of(mode) >> shift_of(mode, level) & (BIT(mode->index_bits) - 1);

	if (mode->levels == 3 && level == 3)
		index &= 3;
	return table_at(level) + index * (mode->wide ? 8 : 4);
}

static u64 get_entry(const struct mode *mode, int level)
{
	void *p = at(entry_at(mode, level));

	return mode->wide ? *(u64 *)p : *(u32 *)p;
}

static void set_entry(const struct mode *mode, int level, u64 entry)
{
	void *p = at(entry_at(mode, level));

	if (mode->wide)
		*(u64 *)p = entry;
	else
		*(u32 *)p = entry;
}

/* Tables that allow everything, down to a page mapped by an entry of level @leaf. */
static void build(const struct mode *mode, int leaf)
{
	int level;

	memset(memory, 0, sizeof(memory));
	updates = 0;
	race_set = 0;
	for (level = mode->levels; level > leaf; level--)
		set_entry(mode, level,
			  table_at(level - 1) | (mode->levels == 3 && level == 3 ? WALK_P : ALL));
	set_entry(mode, leaf,
		  (FRAME & ~(BIT_ULL(shift_of(mode, leaf)) - 1)) | ALL | (leaf > 1 ? WALK_PS : 0));
}

static struct walk_state state_of(const struct mode *mode)
{
	return (struct walk_state){
		.cr0 = WALK_CR0_PG | WALK_CR0_WP,
		.cr3 = table_at(mode->levels),
		.cr4 = mode->cr4,
		.efer = mode->efer,
		.phys_bits = 40,
		.gbpages = true,
		.pse36 = true,
	};
}

static u64 gpa_of(const struct mode *mode, int leaf)
{
	u64 offset = BIT_ULL(shift_of(mode, leaf)) - 1;

	return (FRAME & ~offset) | (gva_of(mode) & offset);
}

/**
 * struct tcase - a case
 * @what: for messages
 * @modes: paging modes in which it holds
 * @leaf: level of the entry that maps the page
 * @level: level of the entry that is changed; 0: none
 * @clear: bits cleared there
 * @set: bits set there
 * @cr0_off: bits cleared in CR0
 * @cr4_on: bits set in CR4
 * @efer_off: bits cleared in EFER
 * @pkru: PKRU
 * @access: WALK_*
 * @expect: OK or an error code
 */
struct tcase {
	const char *what;
	u32 modes;
	int leaf;
	int level;
	u64 clear;
	u64 set;
	u32 cr0_off;
	u32 cr4_on;
	u32 efer_off;
	u32 pkru;
	u32 access;
	u32 expect;
};

#define WP   WALK_CR0_WP
#define SMEP WALK_CR4_SMEP
#define SMAP WALK_CR4_SMAP
#define PKE  WALK_CR4_PKE
#define NXE  WALK_EFER_NXE
#define NX   WALK_NX
#define KEY  (5ULL << WALK_PK_SHIFT)
#define KAD  ((u32)BIT(10))
#define KWD  ((u32)BIT(11))

static const struct tcase cases[] = {
	/* 4.6.1: the address is a user-mode address, all is allowed. */
	{ "supervisor read", MALL, 1, .access = 0, .expect = OK },
	{ "supervisor write", MALL, 1, .access = W, .expect = OK },
	{ "supervisor fetch", MALL, 1, .access = F, .expect = OK },
	{ "user read", MALL, 1, .access = U, .expect = OK },
	{ "user write", MALL, 1, .access = U | W, .expect = OK },
	{ "user fetch", MALL, 1, .access = U | F, .expect = OK },
	/* 4.7: P. */
	{ "leaf absent", MALL, 1, 1, .clear = WALK_P, .access = 0, .expect = 0 },
	{ "leaf absent, user write", MALL, 1, 1, .clear = WALK_P, .access = U | W,
	  .expect = U | W },
	{ "table absent", MALL, 1, 2, .clear = WALK_P, .access = U, .expect = U },
	{ "top absent", MPAE | M64, 1, 3, .clear = WALK_P, .access = W, .expect = W },
	{ "top absent", M64, 1, 4, .clear = WALK_P, .access = W, .expect = W },
	{ "top absent", M5, 1, 5, .clear = WALK_P, .access = W, .expect = W },
	{ "absent before reserved", MNX, 1, 1, .clear = WALK_P, .set = BIT_ULL(51), .expect = 0 },
	/* 4.6.1: U/S. */
	{ "user read, U=0", MALL, 1, 1, .clear = WALK_U, .access = U, .expect = P | U },
	{ "user write, U=0", MALL, 1, 1, .clear = WALK_U, .access = U | W, .expect = P | U | W },
	{ "user read, U=0 above", MALL, 1, 2, .clear = WALK_U, .access = U, .expect = P | U },
	{ "user read, U=0 above", M64, 1, 3, .clear = WALK_U, .access = U, .expect = P | U },
	{ "user read, U=0 above", M64, 1, 4, .clear = WALK_U, .access = U, .expect = P | U },
	{ "user read, U=0 above", M5, 1, 5, .clear = WALK_U, .access = U, .expect = P | U },
	{ "supervisor read, U=0", MALL, 1, 1, .clear = WALK_U, .access = 0, .expect = OK },
	/* R/W and CR0.WP. */
	{ "write, W=0", MALL, 1, 1, .clear = WALK_W, .access = W, .expect = P | W },
	{ "write, W=0 above", MALL, 1, 2, .clear = WALK_W, .access = W, .expect = P | W },
	{ "write, W=0 above", M64, 1, 4, .clear = WALK_W, .access = W, .expect = P | W },
	{ "write, W=0, WP=0", MALL, 1, 1, .clear = WALK_W, .cr0_off = WP, .access = W,
	  .expect = OK },
	{ "user write, W=0, WP=0", MALL, 1, 1, .clear = WALK_W, .cr0_off = WP, .access = U | W,
	  .expect = P | U | W },
	{ "read, W=0", MALL, 1, 1, .clear = WALK_W, .access = U, .expect = OK },
	{ "write, W=0, U=0", MALL, 1, 1, .clear = WALK_W | WALK_U, .access = W, .expect = P | W },
	/* XD, and the I/D flag of the error code, set only with SMEP or with NX in use. */
	{ "fetch, XD", MNX, 1, 1, .set = NX, .access = F, .expect = P | F },
	{ "fetch, XD above", MNX, 1, 2, .set = NX, .access = F, .expect = P | F },
	{ "fetch, XD above", M64, 1, 4, .set = NX, .access = F, .expect = P | F },
	{ "user fetch, XD", MNX, 1, 1, .set = NX, .access = U | F, .expect = P | U | F },
	{ "read, XD", MNX, 1, 1, .set = NX, .access = U, .expect = OK },
	{ "read, bit 63 without NXE", MNX, 1, 1, .set = NX, .efer_off = NXE, .access = 0,
	  .expect = P | RSVD },
	{ "fetch, bit 63 without NXE", MNX, 1, 2, .set = NX, .efer_off = NXE, .access = F,
	  .expect = P | RSVD },
	{ "fetch, absent, 32-bit", M32, 1, 1, .clear = WALK_P, .access = F, .expect = 0 },
	{ "fetch, absent, NXE", MNX, 1, 1, .clear = WALK_P, .access = F, .expect = F },
	{ "fetch, absent, no NXE", MNX, 1, 1, .clear = WALK_P, .efer_off = NXE, .access = F,
	  .expect = 0 },
	{ "fetch, absent, SMEP", MALL, 1, 1, .clear = WALK_P, .cr4_on = SMEP, .efer_off = NXE,
	  .access = F, .expect = F },
	/* SMEP. */
	{ "supervisor fetch, SMEP", MALL, 1, .cr4_on = SMEP, .access = F, .expect = P | F },
	{ "supervisor fetch, SMEP, U=0", MALL, 1, 1, .clear = WALK_U, .cr4_on = SMEP, .access = F,
	  .expect = OK },
	{ "supervisor fetch, SMEP, U=0 above", MALL, 1, 2, .clear = WALK_U, .cr4_on = SMEP,
	  .access = F, .expect = OK },
	{ "user fetch, SMEP", MALL, 1, .cr4_on = SMEP, .access = U | F, .expect = OK },
	{ "supervisor read, SMEP", MALL, 1, .cr4_on = SMEP, .access = 0, .expect = OK },
	/* SMAP: explicit and implicit accesses. */
	{ "supervisor read, SMAP", MALL, 1, .cr4_on = SMAP, .access = 0, .expect = P },
	{ "supervisor write, SMAP", MALL, 1, .cr4_on = SMAP, .access = W, .expect = P | W },
	{ "supervisor write, SMAP, WP=0", MALL, 1, .cr0_off = WP, .cr4_on = SMAP, .access = W,
	  .expect = P | W },
	{ "supervisor read, SMAP, AC", MALL, 1, .cr4_on = SMAP, .access = AC, .expect = OK },
	{ "supervisor write, SMAP, AC", MALL, 1, .cr4_on = SMAP, .access = AC | W, .expect = OK },
	{ "supervisor write, SMAP, AC, W=0", MALL, 1, 1, .clear = WALK_W, .cr4_on = SMAP,
	  .access = AC | W, .expect = P | W },
	{ "implicit read, SMAP, AC", MALL, 1, .cr4_on = SMAP, .access = AC | IMP, .expect = P },
	{ "implicit read at CPL 3, U=0", MALL, 1, 1, .clear = WALK_U, .cr4_on = SMAP,
	  .access = U | IMP, .expect = OK },
	{ "implicit read at CPL 3, SMAP", MALL, 1, .cr4_on = SMAP, .access = U | IMP, .expect = P },
	{ "implicit read, no SMAP", MALL, 1, .access = IMP, .expect = OK },
	{ "user read, SMAP", MALL, 1, .cr4_on = SMAP, .access = U, .expect = OK },
	{ "supervisor fetch, SMAP", MALL, 1, .cr4_on = SMAP, .access = F, .expect = OK },
	{ "supervisor read, SMAP, U=0", MALL, 1, 1, .clear = WALK_U, .cr4_on = SMAP, .access = 0,
	  .expect = OK },
	/* Reserved bits: above MAXPHYADDR (40 here). */
	{ "bit 40", MNX, 1, 1, .set = BIT_ULL(40), .access = 0, .expect = P | RSVD },
	{ "bit 51 above", MNX, 1, 2, .set = BIT_ULL(51), .access = U | W,
	  .expect = P | U | W | RSVD },
	{ "bit 40 of the top", MNX, 1, 3, .set = BIT_ULL(40), .access = 0, .expect = P | RSVD },
	{ "bit 51 of the top", M64, 1, 4, .set = BIT_ULL(51), .access = F, .expect = P | RSVD | F },
	{ "bit 40 of PML5", M5, 1, 5, .set = BIT_ULL(40), .access = 0, .expect = P | RSVD },
	{ "reserved before U/S", MNX, 1, 1, .clear = WALK_U, .set = BIT_ULL(45), .access = U,
	  .expect = P | U | RSVD },
	/* Bits 58:52 and 62:59 are ignored in IA-32e mode, reserved under PAE. */
	{ "bit 52", M64, 1, 1, .set = BIT_ULL(52), .access = 0, .expect = OK },
	{ "bit 62", M64, 1, 2, .set = BIT_ULL(62), .access = 0, .expect = OK },
	{ "bit 52", MPAE, 1, 1, .set = BIT_ULL(52), .access = 0, .expect = P | RSVD },
	{ "bit 62", MPAE, 1, 2, .set = BIT_ULL(62), .access = 0, .expect = P | RSVD },
	/* PAE's top entries. */
	{ "PDPTE bit 1", MPAE, 1, 3, .set = WALK_W, .access = 0, .expect = P | RSVD },
	{ "PDPTE bit 2", MPAE, 1, 3, .set = WALK_U, .access = 0, .expect = P | RSVD },
	{ "PDPTE bit 5", MPAE, 1, 3, .set = WALK_A, .access = 0, .expect = P | RSVD },
	{ "PDPTE bit 8", MPAE, 1, 3, .set = BIT_ULL(8), .access = 0, .expect = P | RSVD },
	{ "PDPTE bit 63", MPAE, 1, 3, .set = NX, .access = 0, .expect = P | RSVD },
	{ "PDPTE bits 4:3, 11:9", MPAE, 1, 3, .set = 0xe18, .access = U | W, .expect = OK },
	/* Large pages. */
	{ "large page", MALL, 2, .access = U | W, .expect = OK },
	{ "1 GByte", M64, 3, .access = U | W, .expect = OK },
	{ "PAT of a large page", MALL, 2, 2, .set = BIT_ULL(12), .access = 0, .expect = OK },
	{ "PAT of 1 GByte", M64, 3, 3, .set = BIT_ULL(12), .access = 0, .expect = OK },
	{ "2 MByte, bit 13", MNX, 2, 2, .set = BIT_ULL(13), .access = 0, .expect = P | RSVD },
	{ "2 MByte, bit 20", MNX, 2, 2, .set = BIT_ULL(20), .access = 0, .expect = P | RSVD },
	{ "1 GByte, bit 13", M64, 3, 3, .set = BIT_ULL(13), .access = 0, .expect = P | RSVD },
	{ "1 GByte, bit 29", M64, 3, 3, .set = BIT_ULL(29), .access = 0, .expect = P | RSVD },
	{ "PS in PML4", M64, 1, 4, .clear = WALK_ADDR, .set = WALK_PS, .access = 0,
	  .expect = P | RSVD },
	{ "PS in PML5", M5, 1, 5, .clear = WALK_ADDR, .set = WALK_PS, .access = 0,
	  .expect = P | RSVD },
	{ "bit 7 of the last level is PAT", MALL, 1, 1, .set = WALK_PS, .access = 0, .expect = OK },
	{ "4 MByte, bit 21", M32, 2, 2, .set = BIT_ULL(21), .access = 0, .expect = P | RSVD },
	{ "large, user, U=0", MALL, 2, 2, .clear = WALK_U, .access = U, .expect = P | U },
	{ "large, write, W=0", MALL, 2, 2, .clear = WALK_W, .access = W, .expect = P | W },
	{ "large, fetch, XD", MNX, 2, 2, .set = NX, .access = F, .expect = P | F },
	/* 4.6.2: protection keys, only in IA-32e mode. */
	{ "key, AD, read", M64, 1, 1, .set = KEY, .cr4_on = PKE, .pkru = KAD, .access = U,
	  .expect = P | U | PK },
	{ "key, AD, supervisor", M64, 1, 1, .set = KEY, .cr4_on = PKE, .pkru = KAD, .access = 0,
	  .expect = P | PK },
	{ "key, AD, fetch", M64, 1, 1, .set = KEY, .cr4_on = PKE, .pkru = KAD, .access = U | F,
	  .expect = OK },
	{ "key, WD, read", M64, 1, 1, .set = KEY, .cr4_on = PKE, .pkru = KWD, .access = U,
	  .expect = OK },
	{ "key, WD, write", M64, 1, 1, .set = KEY, .cr4_on = PKE, .pkru = KWD, .access = U | W,
	  .expect = P | U | W | PK },
	{ "key, WD, supervisor", M64, 1, 1, .set = KEY, .cr4_on = PKE, .pkru = KWD, .access = W,
	  .expect = P | W | PK },
	{ "key, WD, supervisor, WP=0", M64, 1, 1, .set = KEY, .cr4_on = PKE, .pkru = KWD,
	  .cr0_off = WP, .access = W, .expect = OK },
	{ "key, WD, user, WP=0", M64, 1, 1, .set = KEY, .cr4_on = PKE, .pkru = KWD, .cr0_off = WP,
	  .access = U | W, .expect = P | U | W | PK },
	{ "key of another", M64, 1, 1, .set = KEY, .cr4_on = PKE, .pkru = ~(KAD | KWD),
	  .access = U | W, .expect = OK },
	{ "key, U=0", M64, 1, 1, .clear = WALK_U, .set = KEY, .cr4_on = PKE, .pkru = KAD,
	  .access = W, .expect = OK },
	{ "key without PKE", M64, 1, 1, .set = KEY, .pkru = KAD, .access = U, .expect = OK },
	{ "key in a table entry", M64, 1, 2, .set = KEY, .cr4_on = PKE, .pkru = KAD, .access = U,
	  .expect = OK },
	{ "key of a large page", M64, 2, 2, .set = KEY, .cr4_on = PKE, .pkru = KAD, .access = U,
	  .expect = P | U | PK },
	{ "key of 1 GByte", M64, 3, 3, .set = KEY, .cr4_on = PKE, .pkru = KAD, .access = U,
	  .expect = P | U | PK },
	{ "key and W=0", M64, 1, 1, .clear = WALK_W, .set = KEY, .cr4_on = PKE, .pkru = KWD,
	  .access = U | W, .expect = P | U | W | PK },
	{ "key 0", M64, 1, .cr4_on = PKE, .pkru = 1, .access = U, .expect = P | U | PK },
	{ "no keys", M32 | MPAE, 1, .cr4_on = PKE, .pkru = 1, .access = U, .expect = OK },
	{ "no key's fault if absent", M64, 1, 1, .clear = WALK_P, .set = KEY, .cr4_on = PKE,
	  .pkru = KAD, .access = U, .expect = U },
};

static void run_case(const struct tcase *c, const struct mode *mode)
{
	struct walk_state state = state_of(mode);
	struct walk_result result = {};
	int err;

	build(mode, c->leaf);
	if (c->level)
		set_entry(mode, c->level, (get_entry(mode, c->level) & ~c->clear) | c->set);
	state.cr0 &= ~(u64)c->cr0_off;
	state.cr4 |= c->cr4_on;
	state.efer &= ~(u64)c->efer_off;
	state.pkru = c->pkru;
	err = walk(&test_ops, memory, &state, gva_of(mode), c->access, &result);
	ck_assert_int_eq(updates, 0);
	if (c->expect == OK) {
		ck_assert_msg(!err, "%s, %s: error %x", mode->name, c->what, result.error);
		ck_assert_msg(result.gpa == gpa_of(mode, c->leaf), "%s, %s: %llx", mode->name,
			      c->what, result.gpa);
		return;
	}
	ck_assert_msg(err == -EFAULT, "%s, %s: allowed", mode->name, c->what);
	ck_assert_msg(result.error == c->expect, "%s, %s: error %x, not %x", mode->name, c->what,
		      result.error, c->expect);
}

START_TEST(test_cases)
{
	int mode;

	for (mode = 0; mode < NR_MODES; mode++) {
		if (cases[_i].modes & BIT(mode))
			run_case(&cases[_i], &modes[mode]);
	}
}
END_TEST

START_TEST(test_no_paging)
{
	struct walk_state state = { .phys_bits = 36 };
	struct walk_result result;

	ck_assert_int_eq(walk(&test_ops, memory, &state, 0xfffffff0, WALK_FETCH, &result), 0);
	ck_assert_uint_eq(result.gpa, 0xfffffff0);
	ck_assert_int_eq(walk(&test_ops, memory, &state, 0x10000ffffULL, WALK_USER, &result), 0);
	ck_assert_uint_eq(result.gpa, 0xffff);
}
END_TEST

/* PS needs CR4.PSE under 32-bit paging, not under the others; PSE-36 gives addresses 40 bits. */
START_TEST(test_pse)
{
	const struct mode *mode = &modes[PAGING_32];
	struct walk_state state = state_of(mode);
	struct walk_result result;

	build(mode, 2);
	set_entry(mode, 2, ALL | WALK_PS | 0x12400000 | 0xa5 << 13);
	ck_assert_int_eq(walk(&test_ops, memory, &state, GVA_32, 0, &result), 0);
	ck_assert_uint_eq(result.gpa, 0xa500000000 | 0x12400000 | (GVA_32 & 0x3fffff));
	state.phys_bits = 36;
	ck_assert_int_eq(walk(&test_ops, memory, &state, GVA_32, 0, &result), -EFAULT);
	ck_assert_uint_eq(result.error, P | RSVD);
	set_entry(mode, 2, ALL | WALK_PS | 0x12400000 | 0x5 << 13);
	ck_assert_int_eq(walk(&test_ops, memory, &state, GVA_32, 0, &result), 0);
	ck_assert_uint_eq(result.gpa, 0x500000000 | 0x12400000 | (GVA_32 & 0x3fffff));
	state.phys_bits = 52;
	set_entry(mode, 2, ALL | WALK_PS | 0x12400000 | BIT(21));
	ck_assert_int_eq(walk(&test_ops, memory, &state, GVA_32, 0, &result), -EFAULT);
	ck_assert_uint_eq(result.error, P | RSVD);
	set_entry(mode, 2, ALL | WALK_PS | 0x12400000 | BIT(13));
	state.pse36 = false;
	ck_assert_int_eq(walk(&test_ops, memory, &state, GVA_32, 0, &result), -EFAULT);

	build(mode, 1);
	set_entry(mode, 2, get_entry(mode, 2) | WALK_PS);
	state.cr4 = 0;
	ck_assert_int_eq(walk(&test_ops, memory, &state, GVA_32, 0, &result), 0);
	ck_assert_uint_eq(result.gpa, gpa_of(mode, 1));
}
END_TEST

START_TEST(test_no_gbpages)
{
	const struct mode *mode = &modes[PAGING_4];
	struct walk_state state = state_of(mode);
	struct walk_result result;

	build(mode, 3);
	state.gbpages = false;
	ck_assert_int_eq(walk(&test_ops, memory, &state, GVA_64, 0, &result), -EFAULT);
	ck_assert_uint_eq(result.error, P | RSVD);
}
END_TEST

/* What is not part of an address in CR3 and in the upper half of linear addresses. */
START_TEST(test_ignored)
{
	const struct mode *mode = &modes[PAGING_PAE];
	struct walk_state state = state_of(mode);
	struct walk_result result;

	build(mode, 1);
	state.cr3 |= 0x18;
	ck_assert_int_eq(walk(&test_ops, memory, &state, GVA_32 | 7ULL << 32, 0, &result), 0);
	ck_assert_uint_eq(result.gpa, gpa_of(mode, 1));
	/* The top table of PAE has 32 bytes, and may be anywhere in a page. */
	state.cr3 += 0x20;
	*(u64 *)at(entry_at(mode, 3) + 0x20) = get_entry(mode, 3);
	set_entry(mode, 3, 0);
	ck_assert_int_eq(walk(&test_ops, memory, &state, GVA_32, 0, &result), 0);
	ck_assert_uint_eq(result.gpa, gpa_of(mode, 1));

	mode = &modes[PAGING_4];
	build(mode, 1);
	state = state_of(mode);
	state.cr3 |= 0xabc;
	ck_assert_int_eq(walk(&test_ops, memory, &state, GVA_64, 0, &result), 0);
	ck_assert_uint_eq(result.gpa, gpa_of(mode, 1));
}
END_TEST

/* 4.8: accessed in all entries that the walk used, dirty in the last one of a write. */
START_TEST(test_accessed_dirty)
{
	const struct mode *mode = &modes[_i / 4];
	bool write = _i & 1;
	int leaf = _i & 2 ? 2 : 1, level;
	struct walk_state state = state_of(mode);
	struct walk_result result;

	build(mode, leaf);
	for (level = leaf; level <= mode->levels; level++)
		set_entry(mode, level, get_entry(mode, level) & ~(WALK_A | WALK_D));
	ck_assert_int_eq(walk(&test_ops, memory, &state, gva_of(mode), write ? W : 0, &result), 0);
	ck_assert_uint_eq(result.gpa, gpa_of(mode, leaf));
	for (level = leaf; level <= mode->levels; level++) {
		u64 expect = WALK_A | (write && level == leaf ? WALK_D : 0);

		if (mode->levels == 3 && level == 3)
			expect = 0;
		ck_assert_uint_eq(get_entry(mode, level) & (WALK_A | WALK_D), expect);
	}
	updates = 0;
	ck_assert_int_eq(walk(&test_ops, memory, &state, gva_of(mode), write ? W : 0, &result), 0);
	ck_assert_int_eq(updates, 0);
}
END_TEST

/* A fault leaves the dirty flag alone, and the accessed flag of an entry that was not used. */
START_TEST(test_fault_marks_nothing)
{
	const struct mode *mode = &modes[_i];
	struct walk_state state = state_of(mode);
	struct walk_result result;

	build(mode, 1);
	set_entry(mode, 1, get_entry(mode, 1) & ~(WALK_A | WALK_D | WALK_W));
	ck_assert_int_eq(walk(&test_ops, memory, &state, gva_of(mode), W, &result), -EFAULT);
	ck_assert_int_eq(updates, 0);
}
END_TEST

/* Another processor sets the dirty flag, or takes the page away, under our hands. */
START_TEST(test_race)
{
	const struct mode *mode = &modes[_i];
	struct walk_state state = state_of(mode);
	struct walk_result result;

	build(mode, 1);
	set_entry(mode, 1, get_entry(mode, 1) & ~WALK_D);
	race_set = WALK_D;
	ck_assert_int_eq(walk(&test_ops, memory, &state, gva_of(mode), W, &result), 0);
	ck_assert_int_eq(updates, 1);
	if (!mode->wide)
		return;
	set_entry(mode, 1, get_entry(mode, 1) & ~WALK_D);
	race_set = BIT_ULL(45);
	ck_assert_int_eq(walk(&test_ops, memory, &state, gva_of(mode), W, &result), -EFAULT);
	ck_assert_uint_eq(result.error, P | W | RSVD);
}
END_TEST

static int failing_read(void *ctx, u64 gpa, u64 *entry, bool wide)
{
	return -EAGAIN;
}

static int restless_update(void *ctx, u64 gpa, u64 old, u64 new, bool wide)
{
	updates++;
	return WALK_AGAIN;
}

START_TEST(test_accessors)
{
	const struct walk_ops failing = { .read = failing_read, .update = test_update };
	const struct walk_ops restless = { .read = test_read, .update = restless_update };
	const struct mode *mode = &modes[_i];
	struct walk_state state = state_of(mode);
	struct walk_result result;

	build(mode, 1);
	ck_assert_int_eq(walk(&failing, memory, &state, gva_of(mode), 0, &result), -EAGAIN);
	/* An entry that never stops changing does not hold the walk up for ever. */
	set_entry(mode, 1, get_entry(mode, 1) & ~WALK_A);
	ck_assert_int_eq(walk(&restless, memory, &state, gva_of(mode), 0, &result), 0);
	ck_assert_int_gt(updates, 1);
	ck_assert_int_lt(updates, 100);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("walk");
	TCase *tcase = tcase_create("walk");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tcase, test_cases, 0, ARRAY_SIZE(cases));
	tcase_add_test(tcase, test_no_paging);
	tcase_add_test(tcase, test_pse);
	tcase_add_test(tcase, test_no_gbpages);
	tcase_add_test(tcase, test_ignored);
	tcase_add_loop_test(tcase, test_accessed_dirty, 0, 4 * NR_MODES);
	tcase_add_loop_test(tcase, test_fault_marks_nothing, 0, NR_MODES);
	tcase_add_loop_test(tcase, test_race, 0, NR_MODES);
	tcase_add_loop_test(tcase, test_accessors, 0, NR_MODES);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
