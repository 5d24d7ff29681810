// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "array_size.h"
#include "cpuid.h"

#define LEAF_TOPOLOGY	    0xb
#define LEAF_TOPOLOGY_V2    0x1f
#define ECX1_TSC_DEADLINE   0x1000000u
#define ECX1_HYPERVISOR	    0x80000000u
#define EDX1_HTT	    0x10000000u
#define ECX_EXT1_CMP_LEGACY 0x2u
#define DEFAULT_PHYS_BITS   36

const struct kvm_cpuid_entry2 *cpuid_find(const struct kvm_cpuid2 *cpuid, uint32_t function,
					  uint32_t index)
{
	for (uint32_t i = 0; i < cpuid->nent; i++) {
		const struct kvm_cpuid_entry2 *entry = &cpuid->entries[i];
		bool indexed = entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX;

		if (entry->function == function && (!indexed || entry->index == index))
			return entry;
	}
	return NULL;
}

unsigned int cpuid_phys_bits(const struct kvm_cpuid2 *cpuid)
{
	const struct kvm_cpuid_entry2 *entry = cpuid_find(cpuid, 0x80000008, 0);

	return entry && (entry->eax & 0xff) ? entry->eax & 0xff : DEFAULT_PHYS_BITS;
}

static uint32_t replace(uint32_t word, unsigned int low, unsigned int width, uint32_t value)
{
	uint32_t mask = ((1u << width) - 1) << low;

	if (value >> width)
		value = (1u << width) - 1;
	return (word & ~mask) | (value << low);
}

/* Bits of an APIC id that number the cores. */
static unsigned int core_bits(const struct cpuid_topology *topology)
{
	unsigned int bits = 0;

	while ((1u << bits) < topology->nr_cpus)
		bits++;
	return bits;
}

/* SDM 2A, CPUID, 01H: initial APIC id, addressable ids in the package; software's own bit. */
static void fix_features(struct kvm_cpuid_entry2 *entry, const struct cpuid_topology *topology)
{
	entry->ebx = replace(entry->ebx, 24, 8, topology->apic_id);
	entry->ebx = replace(entry->ebx, 16, 8, 1u << core_bits(topology));
	entry->ecx |= ECX1_HYPERVISOR;
	if (topology->tsc_deadline)
		entry->ecx |= ECX1_TSC_DEADLINE;
	entry->edx &= ~EDX1_HTT;
	if (topology->nr_cpus > 1)
		entry->edx |= EDX1_HTT;
}

/* Caches up to level 2 are a core's own, the others are shared by all. */
static uint32_t cache_sharers(uint32_t eax, const struct cpuid_topology *topology)
{
	unsigned int level = (eax >> 5) & 7;

	return level >= 3 ? (1u << core_bits(topology)) - 1 : 0;
}

/* SDM 2A, CPUID, 04H: ids that share a cache, ids of cores. */
static void fix_caches(struct kvm_cpuid_entry2 *entry, const struct cpuid_topology *topology)
{
	if (!(entry->eax & 0x1f))
		return;
	entry->eax = replace(entry->eax, 14, 12, cache_sharers(entry->eax, topology));
	entry->eax = replace(entry->eax, 26, 6, (1u << core_bits(topology)) - 1);
}

/* APM 3, E.4.15: 8000001DH. */
static void fix_amd_caches(struct kvm_cpuid_entry2 *entry, const struct cpuid_topology *topology)
{
	if (entry->eax & 0x1f)
		entry->eax = replace(entry->eax, 14, 12, cache_sharers(entry->eax, topology));
}

/* APM 3, E.4.7: 80000008H: cores, and the APIC id bits that number them. */
static void fix_amd_cores(struct kvm_cpuid_entry2 *entry, const struct cpuid_topology *topology)
{
	entry->ecx = replace(entry->ecx, 0, 8, topology->nr_cpus - 1);
	entry->ecx = replace(entry->ecx, 12, 4, core_bits(topology));
}

/* APM 3, E.4.16: 8000001EH: extended APIC id, core, node. */
static void fix_amd_ids(struct kvm_cpuid_entry2 *entry, const struct cpuid_topology *topology)
{
	entry->eax = topology->apic_id;
	entry->ebx = topology->apic_id & 0xff;
	entry->ecx = 0;
}

/* Nothing to report: software goes on to the older leaf. */
static void fix_empty(struct kvm_cpuid_entry2 *entry, const struct cpuid_topology *topology)
{
	entry->eax = 0;
	entry->ebx = 0;
	entry->ecx = entry->index & 0xff;
	entry->edx = topology->apic_id;
}

static const struct {
	uint32_t function;
	void (*fix)(struct kvm_cpuid_entry2 *entry, const struct cpuid_topology *topology);
} fixes[] = {
	{ 0x00000001, fix_features },	 { 0x00000004, fix_caches },
	{ LEAF_TOPOLOGY_V2, fix_empty }, { 0x80000008, fix_amd_cores },
	{ 0x8000001d, fix_amd_caches },	 { 0x8000001e, fix_amd_ids },
};

static void fix(struct kvm_cpuid_entry2 *entry, const struct cpuid_topology *topology)
{
	for (size_t i = 0; i < ARRAY_SIZE(fixes); i++) {
		if (fixes[i].function == entry->function)
			fixes[i].fix(entry, topology);
	}
}

/* SDM 2A, CPUID, 0BH: thread level, core level, end. */
static void add_topology(struct kvm_cpuid2 *out, const struct cpuid_topology *topology)
{
	const struct kvm_cpuid_entry2 level[CPUID_EXTRA] = {
		{ .index = 0, .eax = 0, .ebx = 1, .ecx = 0x100 },
		{ .index = 1, .eax = core_bits(topology), .ebx = topology->nr_cpus, .ecx = 0x201 },
		{ .index = 2, .ecx = 2 },
	};

	for (size_t i = 0; i < CPUID_EXTRA; i++) {
		struct kvm_cpuid_entry2 *entry = &out->entries[out->nent++];

		*entry = level[i];
		entry->function = LEAF_TOPOLOGY;
		entry->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
		entry->edx = topology->apic_id;
	}
}

/* AuthenticAMD and HygonGenuine; only their software reads the bit. */
static bool is_amd(const struct kvm_cpuid2 *cpuid)
{
	const struct kvm_cpuid_entry2 *entry = cpuid_find(cpuid, 0, 0);

	return entry && (entry->ebx == 0x68747541 || entry->ebx == 0x6f677948);
}

void cpuid_build(struct kvm_cpuid2 *out, const struct kvm_cpuid2 *supported,
		 const struct cpuid_topology *topology)
{
	const struct kvm_cpuid_entry2 *max = cpuid_find(supported, 0, 0);
	bool amd = is_amd(supported);

	out->nent = 0;
	out->padding = 0;
	for (uint32_t i = 0; i < supported->nent; i++) {
		struct kvm_cpuid_entry2 *entry = &out->entries[out->nent];

		if (supported->entries[i].function == LEAF_TOPOLOGY)
			continue;
		*entry = supported->entries[i];
		fix(entry, topology);
		if (amd && entry->function == 0x80000001 && topology->nr_cpus > 1)
			entry->ecx |= ECX_EXT1_CMP_LEGACY;
		out->nent++;
	}
	if (max && max->eax >= LEAF_TOPOLOGY)
		add_topology(out, topology);
}
