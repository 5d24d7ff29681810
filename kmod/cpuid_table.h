/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A table of CPUID leaves as user space sets it, and how the instruction finds its answer there.
 * Pure.
 */
#ifndef TENON_CPUID_TABLE_H
#define TENON_CPUID_TABLE_H

#include <linux/bits.h>
#include <linux/kvm.h>
#include <linux/types.h>

/* Most entries that KVM_SET_CPUID2 takes. */
#define CPUID_MAX_ENTRIES 256

/* Leaves of each region (leaf >> 30) that are found without a search. */
#define CPUID_REGIONS	    4
#define CPUID_DIRECT_LEAVES 64
#define CPUID_NONE	    0xffff

/* Words of struct cpuid_table's @features: those of X86_FEATURE_*. */
#define CPUID_WORDS 24

/**
 * struct cpuid_table - what a vCPU's CPUID instruction answers
 * @entries: as KVM_SET_CPUID2 set them, with the bits that follow other registers kept current
 * @next: for each entry, the next one of the same leaf, or CPUID_NONE
 * @first: by region and leaf: the first entry of that leaf, or CPUID_NONE
 * @nr: how many entries there are
 * @features: the guest's feature words, indexed like X86_FEATURE_* / 32
 * @max_basic: highest basic leaf
 * @physical_bits: MAXPHYADDR
 * @amd: an AMD or Hygon processor: leaves out of range read as zeros
 * @ran: KVM_RUN has been called: the table may not change any more
 *
 * All under vcpu->mutex.
 */
struct cpuid_table {
	struct kvm_cpuid_entry2 *entries;
	u16 *next;
	u16 first[CPUID_REGIONS][CPUID_DIRECT_LEAVES];
	u32 nr;
	u32 features[CPUID_WORDS];
	u32 max_basic;
	u8 physical_bits;
	bool amd;
	bool ran;
};

/* The table shows this X86_FEATURE_*, one that the kernel numbers as the hardware does. */
static inline bool cpuid_table_has(const struct cpuid_table *table, unsigned int feature)
{
	return table->features[feature / 32] & BIT(feature % 32);
}

/* @entries and @nr are set: work out the rest. */
void cpuid_table_build(struct cpuid_table *table);

/* First entry for @leaf and @subleaf, NULL if there is none. */
struct kvm_cpuid_entry2 *cpuid_table_find(const struct cpuid_table *table, u32 leaf, u32 subleaf);

/* What CPUID answers for @leaf and @subleaf, whether there is an entry or not. */
void cpuid_table_read(const struct cpuid_table *table, u32 leaf, u32 subleaf, u32 regs[4]);

#endif
