// SPDX-License-Identifier: GPL-2.0-only
#include <asm/cpufeatures.h>
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/nospec.h>
#include <linux/string.h>

#include "cpuid_supported.h"
#include "cpuid_table.h"

/* Page-table entries have no room for more (SDM 3, 4.1.4). */
#define PHYSICAL_BITS_MAX 52

static u16 first_entry(const struct cpuid_table *table, u32 leaf)
{
	u32 slot = leaf & GENMASK(29, 0);
	u32 i;

	if (slot < CPUID_DIRECT_LEAVES)
		return table->first[leaf >> 30][array_index_nospec(slot, CPUID_DIRECT_LEAVES)];
	for (i = 0; i < table->nr; i++)
		if (table->entries[i].function == leaf)
			return i;
	return CPUID_NONE;
}

struct kvm_cpuid_entry2 *cpuid_table_find(const struct cpuid_table *table, u32 leaf, u32 subleaf)
{
	struct kvm_cpuid_entry2 *entry;
	u16 i;

	for (i = first_entry(table, leaf); i != CPUID_NONE; i = table->next[i]) {
		entry = &table->entries[i];
		if (!(entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || entry->index == subleaf)
			return entry;
	}
	return NULL;
}

/*
 * A leaf beyond the limit of its range: Intel's processors answer what the highest basic leaf
 * does, AMD's answer zeros. Hypervisor leaves come in ranges of 256 with a limit of their own.
 */
static struct kvm_cpuid_entry2 *find_out_of_range(const struct cpuid_table *table, u32 leaf,
						  u32 subleaf)
{
	bool hypervisor = leaf >= 0x40000000 && leaf <= 0x4fffffff;
	const struct kvm_cpuid_entry2 *limit;

	if (table->amd)
		return NULL;
	limit = cpuid_table_find(table, leaf & (hypervisor ? 0xffffff00 : 0x80000000), 0);
	if (limit && leaf <= limit->eax)
		return NULL;
	return cpuid_table_find(table, table->max_basic, subleaf);
}

/* The topology leaves tell the x2APIC id, and the sub-leaf itself, for any sub-leaf. */
static void read_missing(const struct cpuid_table *table, u32 leaf, u32 subleaf, u32 regs[4])
{
	const struct kvm_cpuid_entry2 *entry;

	memset(regs, 0, 4 * sizeof(*regs));
	if (leaf != 0xb && leaf != 0x1f)
		return;
	entry = cpuid_table_find(table, leaf, 0);
	if (!entry)
		return;
	regs[OUT_ECX] = subleaf & 0xff;
	regs[OUT_EDX] = entry->edx;
}

void cpuid_table_read(const struct cpuid_table *table, u32 leaf, u32 subleaf, u32 regs[4])
{
	const struct kvm_cpuid_entry2 *entry = cpuid_table_find(table, leaf, subleaf);

	if (unlikely(!entry)) {
		entry = find_out_of_range(table, leaf, subleaf);
		if (!entry) {
			read_missing(table, leaf, subleaf, regs);
			return;
		}
	}
	regs[OUT_EAX] = entry->eax;
	regs[OUT_EBX] = entry->ebx;
	regs[OUT_ECX] = entry->ecx;
	regs[OUT_EDX] = entry->edx;
}

static void build_index(struct cpuid_table *table)
{
	u32 i, slot;
	u16 *head;

	memset(table->first, 0xff, sizeof(table->first));
	/* Backwards, so that the first of several entries for a leaf is found first. */
	for (i = table->nr; i-- > 0;) {
		slot = table->entries[i].function & GENMASK(29, 0);
		table->next[i] = CPUID_NONE;
		if (slot >= CPUID_DIRECT_LEAVES)
			continue;
		head = &table->first[table->entries[i].function >> 30][slot];
		table->next[i] = *head;
		*head = i;
	}
}

/* Entries of leaves that are not found directly are chained as well. */
static void chain_others(struct cpuid_table *table)
{
	u32 i, j;

	for (i = 0; i < table->nr; i++) {
		if ((table->entries[i].function & GENMASK(29, 0)) < CPUID_DIRECT_LEAVES)
			continue;
		for (j = i + 1; j < table->nr; j++)
			if (table->entries[j].function == table->entries[i].function)
				break;
		table->next[i] = j < table->nr ? j : CPUID_NONE;
	}
}

static bool is_amd(const struct kvm_cpuid_entry2 *vendor)
{
	/* "AuthenticAMD" and "HygonGenuine", in the order EBX, EDX, ECX. */
	return (vendor->ebx == 0x68747541 && vendor->edx == 0x69746e65 &&
		vendor->ecx == 0x444d4163) ||
	       (vendor->ebx == 0x6f677948 && vendor->edx == 0x6e65476e &&
		vendor->ecx == 0x656e6975);
}

static u32 entry_reg(const struct kvm_cpuid_entry2 *entry, enum cpuid_reg reg)
{
	const u32 regs[4] = { entry->eax, entry->ebx, entry->ecx, entry->edx };

	return regs[reg];
}

static void build_facts(struct cpuid_table *table)
{
	const struct kvm_cpuid_entry2 *entry;
	unsigned int i, count;
	const struct cpuid_word *words = cpuid_words(&count);

	for (i = 0; i < count; i++) {
		entry = cpuid_table_find(table, words[i].leaf, words[i].subleaf);
		if (entry)
			table->features[words[i].word] = entry_reg(entry, words[i].reg);
	}
	entry = cpuid_table_find(table, 0, 0);
	if (entry) {
		table->max_basic = entry->eax;
		table->amd = is_amd(entry);
	}
	/* SDM 3, 4.1.4: 36 bits where leaf 80000008h does not say. */
	table->physical_bits = 36;
	entry = cpuid_table_find(table, 0x80000000, 0);
	if (!entry || entry->eax < 0x80000008)
		return;
	entry = cpuid_table_find(table, 0x80000008, 0);
	if (entry)
		table->physical_bits = min_t(u32, entry->eax & 0xff, PHYSICAL_BITS_MAX);
}

void cpuid_table_build(struct cpuid_table *table)
{
	build_index(table);
	chain_others(table);
	build_facts(table);
}
