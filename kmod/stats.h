/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a VM and its vCPUs count, and how user space reads it (KVM_GET_STATS_FD).
 */
#ifndef TENON_STATS_H
#define TENON_STATS_H

#include <linux/types.h>

#include "exit.h"

struct vcpu;
struct vm;

#define STATS_BUCKETS 32

/**
 * struct vcpu_stats - counters of a vCPU; written by the owner, read by anyone
 * @exits: by kind
 * @injections: by enum event_kind
 *
 * The others are named as user space finds them.
 */
struct vcpu_stats {
	u64 exits[NR_EXIT_KINDS];
	u64 injections[8];
	u64 user_exits;
	u64 mmio_exits;
	u64 signal_exits;
	u64 request_irq_exits;
	u64 insn_emulation;
	u64 tlb_flush;
	u64 req_event;
	u64 directed_yield_attempted;
	u64 directed_yield_successful;
	u64 preemption_reported;
	u64 preemption_other;
	u64 halt_successful_poll;
	u64 halt_attempted_poll;
	u64 halt_wakeup;
	u64 halt_poll_success_ns;
	u64 halt_poll_fail_ns;
	u64 halt_wait_ns;
	u64 halt_poll_success_hist[STATS_BUCKETS];
	u64 halt_poll_fail_hist[STATS_BUCKETS];
	u64 halt_wait_hist[STATS_BUCKETS];
	u64 blocking;
};

/**
 * struct vm_stats - counters of a VM; written by anyone
 * @pages_4k: what the nested page tables map, by size, when it was counted; likewise the others
 */
struct vm_stats {
	atomic64_t remote_tlb_flush;
	atomic64_t remote_tlb_flush_requests;
	u64 pages_4k;
	u64 pages_2m;
	u64 pages_1g;
};

/* Count @value in a histogram whose bucket n, but for the last, has values of n bits. */
void stats_histogram(u64 *histogram, u64 value);

/* KVM_GET_STATS_FD of a VM and of a vCPU: a new fd, or -EMFILE, -ENOMEM. */
long vm_stats_fd(struct vm *vm, void *arg, unsigned long uarg);
long vcpu_stats_fd(struct vcpu *vcpu, void *arg, unsigned long uarg);

#endif
