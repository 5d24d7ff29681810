// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a vCPU can say about how it came to where it is.
 */
#include "explain.h"
#include "vcpu.h"

static_assert(LOG_ENTRIES == TENON_EXIT_LOG_ENTRIES);
static_assert(sizeof(struct tenon_exit) == 64);
static_assert(sizeof(struct tenon_exit_log) == 16 + 64 * TENON_EXIT_LOG_ENTRIES);
static_assert(sizeof(struct tenon_broken_rule) == 256);
static_assert(sizeof(struct tenon_entry_failure) == 64 + 256 * TENON_BROKEN_RULES);

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

/* The argument is zeroed: nothing behind the texts is anybody's old memory. */
long entry_failure_get(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	const struct entry_failure *failure = &vcpu->failure;
	struct tenon_entry_failure *out = arg;
	u32 i;

	out->count = failure->count;
	out->reason = failure->reason;
	out->cpu = failure->cpu;
	out->nr = failure->nr;
	for (i = 0; i < failure->nr; i++) {
		const struct broken_rule *rule = &failure->rules[i];

		out->rules[i].value = rule->value;
		strscpy(out->rules[i].field, rule->field, sizeof(out->rules[i].field));
		strscpy(out->rules[i].why, rule->why, sizeof(out->rules[i].why));
		strscpy(out->rules[i].section, rule->section, sizeof(out->rules[i].section));
	}
	return 0;
}

/* Who may run guests may have entries refused as often as he likes: the log is rate-limited. */
void explain_entry_failure(struct vcpu *vcpu, const struct exit *exit)
{
	struct entry_failure *failure = &vcpu->failure;
	u32 i;

	failure->count++;
	failure->reason = exit->raw.reason;
	failure->cpu = vcpu->cpu;
	failure->nr = backend->explain(vcpu, failure->rules, ARRAY_SIZE(failure->rules));
	if (!failure->nr)
		pr_info_ratelimited("vCPU %u: entry refused, reason %#llx: no known rule is broken\n",
				    vcpu->id, failure->reason);
	for (i = 0; i < failure->nr; i++) {
		const struct broken_rule *rule = &failure->rules[i];

		pr_info_ratelimited("vCPU %u: entry refused: %s is %#llx: %s (%s)\n", vcpu->id,
				    rule->field, rule->value, rule->why, rule->section);
	}
}
