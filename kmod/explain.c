// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a vCPU can say about how it came to where it is.
 */
#include "explain.h"
#include "vcpu.h"

static_assert(LOG_ENTRIES == TENON_EXIT_LOG_ENTRIES);
static_assert(sizeof(struct tenon_exit) == 64);
static_assert(sizeof(struct tenon_exit_log) == 16 + 64 * TENON_EXIT_LOG_ENTRIES);

long exit_log_get(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	struct tenon_exit_log *log = arg;
	u32 nr = min_t(u32, vcpu->log_next, LOG_ENTRIES);
	u32 i;

	for (i = 0; i < nr; i++) {
		const struct log_entry *entry = &vcpu->log[(vcpu->log_next - nr + i) % LOG_ENTRIES];

		log->exits[i] = (struct tenon_exit){
			.tsc = entry->tsc,
			.rip = entry->rip,
			.reason = entry->reason,
			.info = { entry->info[0], entry->info[1] },
		};
	}
	log->nr = nr;
	return 0;
}
