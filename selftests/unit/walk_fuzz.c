// SPDX-License-Identifier: GPL-2.0-only
/*
 * The walk of a guest's page tables with arbitrary registers and entries, against a second
 * description of SDM 3, chapter 4: as tables of what each kind of entry must have clear, and of
 * what each kind of access needs, instead of as a walk.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <stdlib.h>

#include "mmu/walk.h"

#define CHECK(cond)                       \
	do {                              \
		if (!(cond))              \
			__builtin_trap(); \
	} while (0)

/* Kinds of entries; the order is that of a walk from the top of 5-level paging. */
enum kind {
	PML5E,
	PML4E,
	PDPTE,
	PDPTE_1G,
	PDE,
	PDE_2M,
	PTE,
	PAE_PDPTE,
	PDE_32,
	PDE_4M,
	PTE_32
};

/**
 * struct entry_kind - a kind of entry, by the tables of SDM 3, 4.3 to 4.5
 * @shift: lowest bit of the linear address that chooses it
 * @index: mask of the index
 * @size: bytes
 * @zero: must be clear, whatever else
 * @leaf: maps a page
 * @rights: takes part in the access rights
 */
static const struct entry_kind {
	int shift;
	u32 index;
	int size;
	u64 zero;
	bool leaf;
	bool rights;
} kinds[] = {
	[PML5E] = { 48, 0x1ff, 8, 0x80, false, true },
	[PML4E] = { 39, 0x1ff, 8, 0x80, false, true },
	[PDPTE] = { 30, 0x1ff, 8, 0x80, false, true },
	[PDPTE_1G] = { 30, 0x1ff, 8, 0x3fffe000, true, true },
	[PDE] = { 21, 0x1ff, 8, 0, false, true },
	[PDE_2M] = { 21, 0x1ff, 8, 0x1fe000, true, true },
	[PTE] = { 12, 0x1ff, 8, 0, true, true },
	[PAE_PDPTE] = { 30, 3, 8, 0x80000000000001e6, false, false },
	[PDE_32] = { 22, 0x3ff, 4, 0, false, true },
	[PDE_4M] = { 22, 0x3ff, 4, 0, true, true },
	[PTE_32] = { 12, 0x3ff, 4, 0, true, true },
};

/**
 * struct input - what the fuzzer chooses
 * @entry: by the order in which a walk reads them
 */
struct input {
	u8 mode;
	u8 phys_bits;
	u8 switches;
	u8 access;
	u32 pkru;
	u64 gva;
	u64 entry[5];
};

#define MAX_STEPS 5

/**
 * struct world - guest memory: it holds just the entries of one walk
 * @addr: where each was read first; answers are given in that order
 */
struct world {
	u64 entry[MAX_STEPS];
	u64 addr[MAX_STEPS];
	int reads;
	int levels;
};

static int world_find(const struct world *world, u64 gpa)
{
	int i;

	for (i = 0; i < world->reads; i++) {
		if (world->addr[i] == gpa)
			return i;
	}
	return -1;
}

static int world_read(void *ctx, u64 gpa, u64 *entry, bool wide)
{
	struct world *world = ctx;
	int i = world_find(world, gpa);

	if (i < 0) {
		CHECK(world->reads < world->levels);
		i = world->reads++;
		world->addr[i] = gpa;
	}
	*entry = world->entry[i];
	CHECK(wide || *entry <= U32_MAX);
	return 0;
}

static int world_update(void *ctx, u64 gpa, u64 old, u64 new, bool wide)
{
	struct world *world = ctx;
	int i = world_find(world, gpa);

	CHECK(i >= 0 && world->entry[i] == old);
	CHECK(!((old ^ new) & ~(WALK_A | WALK_D)) && (new | old) == new);
	world->entry[i] = new;
	return 0;
}

static const struct walk_ops world_ops = { .read = world_read, .update = world_update };

/* Which kind is the entry that is read in step @step? */
static enum kind kind_of(const struct walk_state *state, int step, u64 entry)
{
	bool ps = entry & WALK_PS;

	if (!(state->cr4 & WALK_CR4_PAE)) {
		if (step)
			return PTE_32;
		return ps && state->cr4 & WALK_CR4_PSE ? PDE_4M : PDE_32;
	}
	if (!(state->efer & WALK_EFER_LMA)) {
		if (!step)
			return PAE_PDPTE;
		step += 2;
	} else if (!(state->cr4 & WALK_CR4_LA57)) {
		step++;
	}
	switch (step) {
	case 0:
		return PML5E;
	case 1:
		return PML4E;
	case 2:
		return ps && state->gbpages ? PDPTE_1G : PDPTE;
	case 3:
		return ps ? PDE_2M : PDE;
	default:
		return PTE;
	}
}

/* All bits that an entry must have clear. */
static u64 must_be_zero(const struct walk_state *state, enum kind kind)
{
	u64 zero = kinds[kind].zero;
	int bit;

	if (kind == PDE_4M) {
		int width = state->pse36 ? min_t(int, 40, state->phys_bits) : 32;

		for (bit = 13; bit <= 21; bit++) {
			if (bit - 13 + 32 >= width)
				zero |= BIT_ULL(bit);
		}
	}
	if (kinds[kind].size == 4)
		return zero;
	for (bit = state->phys_bits; bit < 52; bit++)
		zero |= BIT_ULL(bit);
	if (!(state->efer & WALK_EFER_LMA)) {
		for (bit = 52; bit < 63; bit++)
			zero |= BIT_ULL(bit);
	}
	if (!(state->efer & WALK_EFER_NXE))
		zero |= WALK_NX;
	return zero;
}

static u64 frame_of(enum kind kind, u64 entry, u64 gva)
{
	u64 offset = BIT_ULL(kinds[kind].shift) - 1;
	u64 frame = entry & 0x000ffffffffff000 & ~offset;

	if (kind == PDE_4M)
		frame |= (entry >> 13 & 0xff) << 32;
	return frame | (gva & offset);
}

/**
 * struct rights - what the entries of a complete walk allow
 */
struct rights {
	bool user;
	bool write;
	bool exec;
	u8 key;
};

/* SDM 3, 4.6, row by row: the flag of the error code that tells why not, or 0. */
static u32 denied(const struct walk_state *state, const struct rights *rights, u32 access)
{
	bool user = access & WALK_USER && !(access & WALK_IMPLICIT);
	bool wp = state->cr0 & WALK_CR0_WP, write = access & WALK_WRITE;
	bool keyed = state->cr4 & WALK_CR4_PKE && state->efer & WALK_EFER_LMA && rights->user;
	bool ad = state->pkru >> 2 * rights->key & 1, wd = state->pkru >> (2 * rights->key + 1) & 1;
	bool smap = state->cr4 & WALK_CR4_SMAP && (access & WALK_IMPLICIT || !(access & WALK_AC));
	bool allowed;
	u32 why = 0;

	if (access & WALK_FETCH)
		allowed = rights->exec &&
			  (user ? rights->user : !(rights->user && state->cr4 & WALK_CR4_SMEP));
	else if (user)
		allowed = rights->user && (!write || rights->write);
	else
		allowed = !(rights->user && smap) && (!write || !wp || rights->write);
	if (!allowed)
		why = WALK_PRESENT;
	if (keyed && !(access & WALK_FETCH) && (ad || (wd && write && (user || wp))))
		why |= WALK_PRESENT | WALK_PK;
	return why;
}

/**
 * struct verdict - what the model says
 * @ok: translated to @gpa; else a fault with @why
 * @steps: entries used
 */
struct verdict {
	bool ok;
	u64 gpa;
	u32 why;
	int steps;
};

static struct verdict judge(const struct walk_state *state, const u64 *entry, u64 gva, u32 access)
{
	struct rights rights = { true, true, true, 0 };
	struct verdict verdict = {};
	enum kind kind;

	do {
		u64 e = entry[verdict.steps];

		kind = kind_of(state, verdict.steps++, e);
		if (!(e & 1))
			return verdict;
		if (e & must_be_zero(state, kind)) {
			verdict.why = WALK_PRESENT | WALK_RESERVED;
			return verdict;
		}
		if (kinds[kind].rights) {
			rights.user &= !!(e & WALK_U);
			rights.write &= !!(e & WALK_W);
			rights.exec &= !(e & WALK_NX);
		}
		rights.key = e >> 59 & 15;
		verdict.gpa = frame_of(kind, e, gva);
	} while (!kinds[kind].leaf);
	verdict.why = denied(state, &rights, access);
	verdict.ok = !verdict.why;
	return verdict;
}

static u32 error_of(const struct walk_state *state, u32 why, u32 access)
{
	bool user = access & WALK_USER && !(access & WALK_IMPLICIT);
	bool nx = state->cr4 & WALK_CR4_PAE && state->efer & WALK_EFER_NXE;

	return why | (access & WALK_WRITE) | (user ? WALK_USER : 0) |
	       (nx || state->cr4 & WALK_CR4_SMEP ? access & WALK_FETCH : 0);
}

/* Where each entry is: the one before it says so. False: two are the same, which has no model. */
static bool place(const struct walk_state *state, const u64 *entry, int steps, u64 gva, u64 *addr)
{
	u64 table = state->cr3;
	int i, j;

	for (i = 0; i < steps; i++) {
		const struct entry_kind *kind = &kinds[kind_of(state, i, entry[i])];

		table &= kind == &kinds[PAE_PDPTE] ? 0xffffffffffffe0 : 0xffffffffff000;
		addr[i] = table + (gva >> kind->shift & kind->index) * kind->size;
		for (j = 0; j < i; j++) {
			if (addr[i] == addr[j])
				return false;
		}
		table = entry[i];
	}
	return true;
}

static void check_flags(const struct walk_state *state, const struct world *world,
			const u64 *before, const struct verdict *verdict, bool write)
{
	int i;

	for (i = 0; i < verdict->steps; i++) {
		u64 expect = before[i];

		if (verdict->ok && kind_of(state, i, before[i]) != PAE_PDPTE)
			expect |= WALK_A | (write && i == verdict->steps - 1 ? WALK_D : 0);
		CHECK(world->entry[i] == expect);
	}
}

static const struct {
	u64 cr4;
	u64 efer;
	int levels;
} modes[] = {
	{ 0, 0, 2 },
	{ WALK_CR4_PSE, 0, 2 },
	{ WALK_CR4_PAE, 0, 3 },
	{ WALK_CR4_PAE, WALK_EFER_NXE, 3 },
	{ WALK_CR4_PAE, WALK_EFER_LMA, 4 },
	{ WALK_CR4_PAE, WALK_EFER_LMA | WALK_EFER_NXE, 4 },
	{ WALK_CR4_PAE | WALK_CR4_LA57, WALK_EFER_LMA, 5 },
	{ WALK_CR4_PAE | WALK_CR4_LA57, WALK_EFER_LMA | WALK_EFER_NXE, 5 },
};

static struct walk_state make_state(const struct input *in)
{
	struct walk_state state = {
		.cr0 = WALK_CR0_PG | (in->switches & 1 ? WALK_CR0_WP : 0),
		.cr3 = modes[in->mode % ARRAY_SIZE(modes)].levels < 4 ? 0x7fffffffULL :
									0x3ffffffffULL,
		.cr4 = modes[in->mode % ARRAY_SIZE(modes)].cr4,
		.efer = modes[in->mode % ARRAY_SIZE(modes)].efer,
		.phys_bits = 32 + in->phys_bits % 21,
		.gbpages = in->switches & 2,
		.pse36 = in->switches & 4,
		.pkru = in->pkru,
	};

	state.cr4 |= in->switches & 8 ? WALK_CR4_SMEP : 0;
	state.cr4 |= in->switches & 16 ? WALK_CR4_SMAP : 0;
	state.cr4 |= in->switches & 32 ? WALK_CR4_PKE : 0;
	return state;
}

static u32 make_access(const struct input *in)
{
	static const u32 what[] = { 0, WALK_WRITE, WALK_FETCH, WALK_WRITE };

	return what[in->access & 3] | (in->access & 4 ? WALK_USER : 0) |
	       (in->access & 8 ? WALK_AC : 0) |
	       (in->access & 16 && (in->access & 3) != 2 ? WALK_IMPLICIT : 0);
}

static void check_walk(const struct input *in, const struct walk_state *state, u64 gva, u32 access)
{
	struct world world = { .levels = modes[in->mode % ARRAY_SIZE(modes)].levels };
	struct walk_result result = {};
	struct verdict verdict;
	u64 before[MAX_STEPS], addr[MAX_STEPS];
	int i, err;

	for (i = 0; i < MAX_STEPS; i++)
		before[i] = state->cr4 & WALK_CR4_PAE ? in->entry[i] : (u32)in->entry[i];
	memcpy(world.entry, before, sizeof(before));
	verdict = judge(state, before, gva, access);
	if (!place(state, before, verdict.steps, gva, addr))
		return;
	err = walk(&world_ops, &world, state, gva, access, &result);
	CHECK(world.reads == verdict.steps);
	CHECK(err == (verdict.ok ? 0 : -EFAULT));
	if (verdict.ok)
		CHECK(result.gpa == verdict.gpa);
	else
		CHECK(result.error == error_of(state, verdict.why, access));
	check_flags(state, &world, before, &verdict, access & WALK_WRITE);
	CHECK(!memcmp(addr, world.addr, verdict.steps * sizeof(u64)));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct walk_state state;
	struct input in;
	u64 gva;
	int i;

	if (size < sizeof(in))
		return 0;
	memcpy(&in, data, sizeof(in));
	state = make_state(&in);
	/* In three of four inputs: more present entries, fewer reserved bits than chance gives. */
	for (i = 0; i < MAX_STEPS; i++) {
		if (in.mode >> 6)
			in.entry[i] |= WALK_P;
		if (in.mode >> 7)
			in.entry[i] &= ~GENMASK_ULL(51, 32) & ~GENMASK_ULL(20, 13);
	}
	gva = state.efer & WALK_EFER_LMA ? in.gva : (u32)in.gva;
	check_walk(&in, &state, gva, make_access(&in));
	return 0;
}
