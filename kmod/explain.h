/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TENON_EXPLAIN_H
#define TENON_EXPLAIN_H

#include <uapi/linux/tenon.h>

#include "broken.h"

struct exit;
struct vcpu;

/**
 * struct entry_failure - the last entry that the processor refused
 * @count: how many there were
 * @reason: the hardware's
 * @cpu: the host CPU
 * @nr: how many of @rules are valid
 * @rules: the first rules broken
 */
struct entry_failure {
	u64 count;
	u64 reason;
	u32 cpu;
	u32 nr;
	struct broken_rule rules[TENON_BROKEN_RULES];
};

/* vCPU ioctls TENON_GET_EXIT_LOG and TENON_GET_ENTRY_FAILURE. */
long exit_log_get(struct vcpu *vcpu, void *arg, unsigned long uarg);
long entry_failure_get(struct vcpu *vcpu, void *arg, unsigned long uarg);

/* Find out why @exit is a refused entry; into the log, and kept for user space. */
void explain_entry_failure(struct vcpu *vcpu, const struct exit *exit);

#endif
