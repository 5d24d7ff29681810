/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KVM_X86_SET_MSR_FILTER: MSRs that user space keeps from the guest. It does not apply to user
 * space's own accesses, nor to the MSRs of the local APIC (800h to 8ffh).
 */
#ifndef TENON_MSR_FILTER_H
#define TENON_MSR_FILTER_H

#include <linux/rcupdate.h>
#include <linux/types.h>

#include "vm.h"

/* The filter, if there is one, lets the guest have @access (KVM_MSR_FILTER_*). Any context. */
bool msr_filter_allows(struct vm *vm, u32 index, u32 access);

static inline bool msr_allowed(struct vm *vm, u32 index, u32 access)
{
	return likely(!rcu_access_pointer(vm->msr_filter)) || msr_filter_allows(vm, index, access);
}

/*
 * The guest may have all of these MSRs, for reading and writing. For a backend that lets it access
 * them without an exit; update_intercepts() is called when the answer may have changed.
 */
bool msr_filter_allows_all(struct vm *vm, const u32 *indexes, unsigned int nr);

/* VM ioctl KVM_X86_SET_MSR_FILTER, and the end of a VM. */
long msr_filter_set(struct vm *vm, void *arg, unsigned long uarg);
void msr_filter_destroy(struct vm *vm);

#endif
