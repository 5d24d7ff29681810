// SPDX-License-Identifier: GPL-2.0-only
/* Any sequence of port accesses, of time going by, of saved states: the timer stays consistent. */

#include "chip_fuzz.h"
#include "irq/pit.h"

#define NEVER (~0ull)

static struct pit pit;
static u64 now, armed;
static bool listening;

static u64 now_ns(void *opaque)
{
	return now;
}

static void arm(void *opaque, u64 expires)
{
	armed = expires;
}

static void cancel(void *opaque)
{
	armed = NEVER;
}

static bool tick(void *opaque)
{
	return listening;
}

static const struct pit_ops ops = { .now_ns = now_ns, .arm = arm, .cancel = cancel, .tick = tick };

static void check(void)
{
	int i;

	must(pit.tick_at ? armed != NEVER && armed >= pit.tick_at : armed == NEVER);
	must(pit.pending < 2 * PIT_MAX_PENDING);
	must(pit.acked || pit.pending);
	for (i = 0; i < PIT_CHANNELS; i++) {
		const struct pit_channel *c = &pit.channel[i];

		must(c->s.count <= 0x10000 && c->next <= 0x10000);
		must(!c->running || c->s.count);
		must(c->s.mode <= 5 || c->s.mode == PIT_NO_MODE);
		must(c->s.gate <= 1 && c->s.bcd <= 1);
	}
}

/* The host's timer fires when it was armed for, and never too often. */
static void go_on(u64 ns)
{
	u64 end = now + ns;
	int fired = 0;

	while (armed <= end) {
		now = armed > now ? armed : now;
		armed = NEVER;
		pit_expired(&pit);
		must(++fired <= ns / PIT_MIN_PERIOD_NS + 3);
	}
	now = end;
}

static void round_trip(void)
{
	struct kvm_pit_state2 saved, again;

	pit_get_state(&pit, &saved);
	pit_init(&pit, &ops, NULL);
	armed = NEVER;
	pit_set_state(&pit, &saved);
	pit_get_state(&pit, &again);
	saved.channels[0].count_load_time = again.channels[0].count_load_time;
	saved.channels[1].count_load_time = again.channels[1].count_load_time;
	saved.channels[2].count_load_time = again.channels[2].count_load_time;
	must(!memcmp(&saved, &again, sizeof(saved)));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };
	struct kvm_pit_state2 state;
	size_t i;
	u8 op;

	now = 1;
	armed = NEVER;
	pit_init(&pit, &ops, NULL);
	while (in.left) {
		op = take(&in, 1);
		listening = op & 0x80;
		switch (op & 7) {
		case 0:
		case 1:
			pit_write(&pit, PIT_PORT + (op >> 3 & 3), take(&in, 1));
			break;
		case 2:
			pit_read(&pit, PIT_PORT + (op >> 3 & 3));
			break;
		case 3:
			pit_write(&pit, PIT_PORT_61H, take(&in, 1));
			pit_read(&pit, PIT_PORT_61H);
			break;
		case 4:
			go_on(take(&in, op >> 3 & 3));
			break;
		case 5:
			pit_ack(&pit);
			break;
		case 6:
			if (op & 8)
				round_trip();
			else
				pit_set_reinject(&pit, op & 16);
			break;
		case 7:
			for (i = 0; i < sizeof(state); i++)
				((u8 *)&state)[i] = take(&in, 1);
			pit_set_state(&pit, &state);
			break;
		}
		check();
	}
	return 0;
}
