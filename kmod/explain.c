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

static void broken_rule_out(struct tenon_broken_rule *out, const struct broken_rule *rule)
{
	strscpy(out->field, rule->field, sizeof(out->field));
	strscpy(out->why, rule->why, sizeof(out->why));
	strscpy(out->section, rule->section, sizeof(out->section));
	if (rule->secret)
		out->flags = TENON_BROKEN_RULE_HOST;
	else
		out->value = rule->value;
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
	for (i = 0; i < failure->nr; i++)
		broken_rule_out(&out->rules[i], &failure->rules[i]);
	return 0;
}

static void broken_rule_log(const struct vcpu *vcpu, const struct broken_rule *rule)
{
	char value[32] = "";

	if (!rule->secret)
		snprintf(value, sizeof(value), " is %#llx", rule->value);
	pr_info_ratelimited("vCPU %u: entry refused: %s%s: %s (%s)\n", vcpu->id, rule->field, value,
			    rule->why, rule->section);
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
	for (i = 0; i < failure->nr; i++)
		broken_rule_log(vcpu, &failure->rules[i]);
}
