/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long a host CPU polls for what ends a guest's HLT before it sleeps. Pure.
 */
#ifndef TENON_HALT_POLICY_H
#define TENON_HALT_POLICY_H

#include <linux/types.h>

/**
 * struct halt_policy - what the administrator wants
 * @max: longest poll in ns; 0: none
 * @grow: factor by which a poll that was too short grows; 0: it does not
 * @grow_start: what it grows to from 0, in ns; below it a poll shrinks to 0
 * @shrink: divisor by which a poll shrinks that is of no use; 0: to nothing
 */
struct halt_policy {
	u32 max;
	u32 grow;
	u32 grow_start;
	u32 shrink;
};

u32 halt_poll_next(const struct halt_policy *policy, u32 poll_ns, u64 halt_ns);

#endif
