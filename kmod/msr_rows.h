/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of MSRs: msr_rows.c says what each MSR is, msr.c accesses them.
 */
#ifndef TENON_MSR_ROWS_H
#define TENON_MSR_ROWS_H

#include <linux/bits.h>
#include <linux/nospec.h>
#include <linux/types.h>

#include "vcpu.h"

/**
 * enum msr_flags - what a row says about its MSRs
 * @MSR_LISTED: state that KVM_GET_MSR_INDEX_LIST names
 * @MSR_FAST_READ: reading neither sleeps nor needs interrupts on
 * @MSR_FAST_WRITE: nor does writing
 * @MSR_FAST: both
 * @MSR_HOST_WRITES: only user space can write it
 */
enum msr_flags {
	MSR_LISTED = BIT(0),
	MSR_FAST_READ = BIT(1),
	MSR_FAST_WRITE = BIT(2),
	MSR_HOST_WRITES = BIT(3),

	MSR_FAST = MSR_FAST_READ | MSR_FAST_WRITE,
};

/**
 * struct msr_row - one MSR, or several in a row
 * @first: index of the first
 * @count: how many
 * @flags: enum msr_flags
 * @feature: the X86_FEATURE_* without which a guest does not have it; 0 for none
 * @field: offset in struct vcpu_msrs of what is stored, where @get or @set is NULL
 * @writable: bits that may be written to what is stored; none: a write is #GP
 * @get: reads it; NULL: what is stored
 * @set: writes it; NULL: is only stored
 * @host: the host's value, for the system's KVM_GET_MSRS; NULL: not a feature MSR
 */
struct msr_row {
	u32 first;
	u16 count;
	u16 flags;
	u16 feature;
	u16 field;
	u64 writable;
	int (*get)(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 *value, bool host);
	int (*set)(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value, bool host);
	u64 (*host)(void);
};

/* What is stored of MSR @index of @row. */
static inline u64 *msr_field(struct vcpu *vcpu, const struct msr_row *row, u32 index)
{
	return (void *)&vcpu->msrs + row->field +
	       8 * array_index_nospec(index - row->first, row->count);
}

extern const struct msr_row msr_rows[];
extern const unsigned int nr_msr_rows;

/* This host has what the row needs. */
bool msr_row_offered(const struct msr_row *row);

#endif
