/* SPDX-License-Identifier: GPL-2.0-only */
/* What CPUID tells each vCPU: what the hypervisor supports, with the machine's own topology. */
#ifndef TENON_CPUID_H
#define TENON_CPUID_H

#include <linux/kvm.h>
#include <stdbool.h>

/* Entries that cpuid_build() may add to the supported ones. */
#define CPUID_EXTRA 3

/**
 * struct cpuid_topology - One socket of @nr_cpus cores with one thread each.
 * @apic_id: of the vCPU that it is for
 * @nr_cpus: cores
 * @tsc_deadline: the interrupt controllers in the kernel have the TSC-deadline timer
 */
struct cpuid_topology {
	unsigned int apic_id;
	unsigned int nr_cpus;
	bool tsc_deadline;
};

/**
 * cpuid_build() - CPUID for one vCPU.
 * @out: filled; has room for @supported->nent + CPUID_EXTRA entries
 * @supported: from GET_SUPPORTED_CPUID
 * @topology: the vCPU's place
 */
void cpuid_build(struct kvm_cpuid2 *out, const struct kvm_cpuid2 *supported,
		 const struct cpuid_topology *topology);

/**
 * cpuid_find() - Return: the entry for @function and @index, or NULL. @index is compared where the
 * entry says that it matters.
 */
const struct kvm_cpuid_entry2 *cpuid_find(const struct kvm_cpuid2 *cpuid, uint32_t function,
					  uint32_t index);

/** cpuid_phys_bits() - Return: width of guest-physical addresses in bits (36 where not told). */
unsigned int cpuid_phys_bits(const struct kvm_cpuid2 *cpuid);

#endif
