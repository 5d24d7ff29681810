// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long to poll is learnt from how long the guest's halts take. Pure.
 */
#include <linux/minmax.h>

#include "halt_policy.h"

static u32 grown(const struct halt_policy *policy, u32 poll_ns)
{
	u64 next = (u64)poll_ns * policy->grow;

	if (!policy->grow)
		return poll_ns;
	return min_t(u64, max_t(u64, next, policy->grow_start), policy->max);
}

static u32 shrunk(const struct halt_policy *policy, u32 poll_ns)
{
	u32 next = policy->shrink ? poll_ns / policy->shrink : 0;

	return next < policy->grow_start ? 0 : next;
}

/**
 * halt_poll_next() - how long to poll at the next HLT
 * @policy: the limits
 * @poll_ns: how long it was allowed at the last one
 * @halt_ns: how long that one took, polling and sleep
 *
 * A halt that a poll within the limits could have caught lets polls grow; one that was longer than
 * any poll may be lets them shrink.
 *
 * Return: time in ns, at most @policy->max.
 */
u32 halt_poll_next(const struct halt_policy *policy, u32 poll_ns, u64 halt_ns)
{
	poll_ns = min(poll_ns, policy->max);
	if (halt_ns <= poll_ns)
		return poll_ns;
	if (halt_ns > policy->max)
		return shrunk(policy, poll_ns);
	return halt_ns < policy->max ? grown(policy, poll_ns) : poll_ns;
}
