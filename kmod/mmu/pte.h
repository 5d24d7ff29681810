/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entries of nested page tables: what differs between the vendors is data.
 */
#ifndef TENON_MMU_PTE_H
#define TENON_MMU_PTE_H

#include <linux/bits.h>
#include <linux/types.h>

/* Tables have 512 entries on both vendors; the lowest level is 1. */
#define PTE_LEVEL_BITS 9
#define PTE_ENTRIES    BIT(PTE_LEVEL_BITS)
#define PTE_LEVEL_4K   1
#define PTE_LEVEL_2M   2
#define PTE_LEVEL_1G   3
#define PTE_LEVELS_MAX 5
#define PTE_PAGE_SHIFT 12
#define PTE_ADDR       GENMASK_ULL(51, PTE_PAGE_SHIFT)

/*
 * Of a leaf that is read-only because writes to it are logged, and for no other reason. Both
 * vendors' processors leave the bit to software (APM 2, 5.3; SDM 3, tables 29-4 to 29-6).
 */
#define PTE_LOGGED BIT_ULL(11)

/**
 * enum pte_memtype - how the processor may cache what an entry maps
 */
enum pte_memtype {
	PTE_WB,
	PTE_WC,
	PTE_UC,
	PTE_MEMTYPES
};

/**
 * struct pte_format - bits of a nested page-table entry
 * @present: an entry with any of them is present
 * @table: set in an entry that points to a table: it forbids nothing
 * @leaf: set in an entry that maps a page: readable, accessed
 * @write: added if it is writable: the permission (the lowest bit) and the dirty flag
 * @exec: added if it is executable
 * @noexec: added if it is not
 * @accessed: set by the processor on access; 0 where it does not do that
 * @large: tells a leaf from a table above level 1
 * @memtype: the bits of each enum pte_memtype
 *
 * A non-present entry is 0: speculation that ignores the present bit (L1TF) sees page 0.
 */
struct pte_format {
	u64 present;
	u64 table;
	u64 leaf;
	u64 write;
	u64 exec;
	u64 noexec;
	u64 accessed;
	u64 large;
	u64 memtype[PTE_MEMTYPES];
};

extern const struct pte_format pte_format_npt;
extern const struct pte_format pte_format_ept;
extern const struct pte_format pte_format_ept_no_ad;

/* Pages that an entry of @level maps or leads to. */
static inline u64 tpte_pages(int level)
{
	return BIT_ULL(PTE_LEVEL_BITS * (level - 1));
}

static inline unsigned int tpte_index(u64 gfn, int level)
{
	return gfn >> (PTE_LEVEL_BITS * (level - 1)) & (PTE_ENTRIES - 1);
}

static inline bool tpte_is_present(const struct pte_format *format, u64 pte)
{
	return pte & format->present;
}

/* Does the present entry @pte of @level map a page? Else it points to a table. */
static inline bool tpte_is_leaf(const struct pte_format *format, u64 pte, int level)
{
	return level == PTE_LEVEL_4K || pte & format->large;
}

/* May the guest write to what the leaf @pte maps? The lowest bit of @write is the permission. */
static inline bool tpte_is_writable(const struct pte_format *format, u64 pte)
{
	return pte & format->write & ~(format->write - 1);
}

static inline bool tpte_is_executable(const struct pte_format *format, u64 pte)
{
	return (pte & format->exec) == format->exec && !(pte & format->noexec);
}

static inline u64 tpte_table(const struct pte_format *format, u64 hpa)
{
	return hpa | format->table;
}

static inline u64 tpte_leaf(const struct pte_format *format, u64 hpa, int level, bool write,
			    bool exec, enum pte_memtype memtype)
{
	u64 pte = hpa | format->leaf | (exec ? format->exec : format->noexec) |
		  format->memtype[memtype];

	if (level > PTE_LEVEL_4K)
		pte |= format->large;
	if (write)
		pte |= format->write;
	return pte;
}

#endif
