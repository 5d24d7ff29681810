// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any sequence of port accesses and of time going by on the timer, and beside it on three counters
 * that are clocked here pulse by pulse as the data sheet has it: whatever can be read must be the
 * same, and channel 0 must tick as often as its output rises. Once user space has brought a state
 * of its own, only the consistency of the timer is checked.
 */

#include "chip_fuzz.h"
#include "pit_world.h"

/* So many steps and clock pulses in one input; for once so many that a counter goes all round. */
#define MOST_STEPS  150
#define MOST_PULSES 5000
#define ALL_ROUND   140000

/**
 * struct counter - one of the other timer's counters
 * @cr: count register, the count that waits; 0 for none
 * @ce: counting element
 * @n: the count that @ce was loaded with last
 * @idle: the output does not change any more before the next load
 * @loaded: @ce has been loaded since the control word
 * @low_half: mode 3
 * @first_byte: of the count, -1 without
 * @second: the next byte read is the high one
 * @latch: latched count, with @latched bytes to read
 * @status: latched status, -1 without
 */
struct counter {
	int control, mode;
	u32 cr, ce, n;
	bool out, idle, loaded, low_half, gate, counting;
	int first_byte;
	bool second;
	u16 latch;
	int latched, status;
};

static struct counter counters[3];
static u64 pulses, most_pulses, steps;
static unsigned int rises, ticks_before, rises_before;
static bool follows, exact;
static u8 port61;

static bool bcd(const struct counter *c)
{
	return c->control & 1;
}

static u32 modulus(const struct counter *c)
{
	return bcd(c) ? 10000 : 0x10000;
}

/* The counting element as the bus sees it. */
static u16 shown(const struct counter *c)
{
	u32 value = c->ce % modulus(c);

	if (!bcd(c))
		return value;
	return value / 1000 << 12 | value / 100 % 10 << 8 | value / 10 % 10 << 4 | value % 10;
}

static void load(struct counter *c)
{
	if (c->cr)
		c->n = c->cr;
	c->cr = 0;
	c->ce = c->mode == 3 ? c->n & ~1u : c->n;
	c->idle = false;
	c->loaded = true;
}

static void set_out(struct counter *c, bool out)
{
	if (c == counters && out && !c->out)
		rises++;
	c->out = out;
}

/* Modes 0, 1, 4, 5: down through zero and round again; the output has its moment once. */
static void pulse_once(struct counter *c)
{
	bool strobe = c->mode >= 4;

	if (strobe && !c->out)
		set_out(c, true);
	c->ce = c->ce ? c->ce - 1 : modulus(c) - 1;
	if (c->ce % modulus(c) || c->idle)
		return;
	c->idle = true;
	set_out(c, !strobe);
}

static void pulse_rate(struct counter *c)
{
	if (c->ce > 1)
		c->ce--;
	else
		load(c);
	set_out(c, c->ce != 1);
}

static void pulse_square(struct counter *c)
{
	bool extra = c->n % 2 && !c->low_half;

	if (c->ce > 2 || (c->ce == 2 && extra)) {
		c->ce -= 2;
		return;
	}
	load(c);
	c->low_half = !c->low_half;
	set_out(c, !c->low_half);
}

static void pulse(struct counter *c)
{
	if (!c->loaded || !c->counting || (!c->gate && c->mode != 1 && c->mode != 5))
		return;
	if (c->mode == 2)
		pulse_rate(c);
	else if (c->mode == 3)
		pulse_square(c);
	else
		pulse_once(c);
}

static void clock_it(u32 n)
{
	int i;

	pulses += n;
	for (i = 0; i < 3; i++) {
		u32 left = n;

		while (left--)
			pulse(&counters[i]);
	}
}

static void model_control(struct counter *c, u8 value)
{
	c->control = value & 0x3f;
	c->mode = value >> 1 & 7;
	if (c->mode > 5)
		c->mode -= 4;
	c->cr = 0;
	c->loaded = false;
	c->second = false;
	c->first_byte = -1;
	c->status = -1;
	c->latched = 0;
	c->counting = true;
	c->low_half = false;
	/* That is not yet counting: no edge that counts. */
	c->out = c->mode != 0;
}

static void new_count(struct counter *c, u32 count)
{
	if (bcd(c))
		count = (count >> 12) * 1000 + (count >> 8 & 15) * 100 + (count >> 4 & 15) * 10 +
			(count & 15);
	c->cr = count ? count : modulus(c);
	/* An illegal count: what happens is not said. */
	if (c->cr > modulus(c) || (c->cr == 1 && (c->mode == 2 || c->mode == 3)))
		follows = false;
	c->counting = true;
	if (c->mode == 0)
		c->out = false;
	if (c->mode == 0 || c->mode == 4 || (!c->loaded && (c->mode == 2 || c->mode == 3))) {
		/* The strobe of the count before is over. */
		if (c->mode == 4)
			c->out = true;
		load(c);
	}
}

static void model_write(struct counter *c, u8 value)
{
	if (c->control < 0)
		return;
	switch (c->control >> 4) {
	case 1:
		new_count(c, value);
		break;
	case 2:
		new_count(c, value << 8);
		break;
	case 3:
		if (c->first_byte >= 0) {
			new_count(c, value << 8 | c->first_byte);
			c->first_byte = -1;
			break;
		}
		c->first_byte = value;
		if (c->mode == 0) {
			c->counting = false;
			c->out = false;
		}
	}
}

static void latch_count(struct counter *c)
{
	if (c->control < 0 || c->latched)
		return;
	c->latch = shown(c);
	c->latched = c->control >> 4 == 3 ? 2 : 1;
}

static void latch_status(struct counter *c)
{
	if (c->control >= 0 && c->status < 0)
		c->status = c->out << 7 | (c->cr || !c->loaded) << 6 | c->control;
}

static u8 byte_of(struct counter *c, u16 value, bool second)
{
	return c->control >> 4 == 2 || second ? value >> 8 : value;
}

static int model_read(struct counter *c)
{
	int value;

	if (c->control < 0)
		return -1;
	if (c->status >= 0) {
		value = c->status;
		c->status = -1;
		return value;
	}
	if (c->latched)
		return byte_of(c, c->latch, c->control >> 4 == 3 && --c->latched == 0) |
		       (c->control >> 4 == 3 ? 0 : (c->latched = 0));
	/* Nothing says what is in it before the first load. */
	value = byte_of(c, shown(c), c->second);
	if (c->control >> 4 == 3)
		c->second = !c->second;
	return c->loaded ? value : -1;
}

static void model_gate(struct counter *c, bool gate)
{
	bool rises_now = gate && !c->gate;

	c->gate = gate;
	if (!gate && (c->mode == 2 || c->mode == 3))
		c->out = true;
	if (!rises_now || c->mode == 0 || c->mode == 4 || (!c->loaded && !c->cr))
		return;
	load(c);
	c->low_half = false;
	c->out = c->mode != 1;
}

/* What was never loaded has no count to compare. */
static bool nothing_to_latch(u8 value)
{
	int i;

	if (value >> 6 != 3)
		return !(value & 0x30) && !counters[value >> 6].loaded;
	for (i = 0; i < 3; i++) {
		if (value & 2 << i && !(value & 0x20) && !counters[i].loaded)
			return true;
	}
	return false;
}

static void control_word(u8 value)
{
	int i;

	if (nothing_to_latch(value))
		return;
	pit_write(&pit, PIT_PORT + 3, value);
	if (value >> 6 == 3) {
		for (i = 0; i < 3; i++) {
			if (value & 2 << i && !(value & 0x20))
				latch_count(&counters[i]);
			if (value & 2 << i && !(value & 0x10))
				latch_status(&counters[i]);
		}
		return;
	}
	if (value & 0x30) {
		model_control(&counters[value >> 6], value);
		return;
	}
	latch_count(&counters[value >> 6]);
}

static void model_init(void)
{
	int i;

	memset(counters, 0, sizeof(counters));
	for (i = 0; i < 3; i++) {
		counters[i].control = -1;
		counters[i].mode = -1;
		counters[i].gate = i != 2;
	}
	pulses = 0;
	steps = 0;
	port61 = 0;
	ticks = 0;
	rises = 0;
	follows = true;
}

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
static void run_until(u64 end)
{
	u64 begin = now;
	unsigned int fired = 0;

	if (end < now)
		return;
	while (armed <= end) {
		now = armed > now ? armed : now;
		/* Where the rate is limited, ticks are fewer. */
		exact = exact && armed == pit.tick_at;
		armed = NEVER;
		pit_expired(&pit);
		while (pit.reinject && !pit.acked)
			pit_ack(&pit);
		must(++fired <= (end - begin) / PIT_MIN_PERIOD_NS + 3);
	}
	now = end;
}

/*
 * Both clocks. The timer counts nanoseconds since each load: each step comes a few of them later in
 * its pulse, so that rounding never tells.
 */
static void go_on(u32 n)
{
	if (pulses + n > most_pulses)
		n = 0;
	clock_it(n);
	run_until(1000000000 + pulses * 1000000000 / PIT_HZ + 1 + 5 * ++steps);
}

static void compare_ticks(void)
{
	/* One that is held back comes in a later step. */
	exact = exact && (armed == NEVER || armed == pit.tick_at);
	must(!follows || !exact || ticks - ticks_before == rises - rises_before);
	ticks_before = ticks;
	rises_before = rises;
	exact = true;
}

static void write_port61(u8 value)
{
	pit_write(&pit, PIT_PORT_61H, value);
	model_gate(&counters[2], value & 1);
	port61 = value & 15;
}

static void read_port61(void)
{
	u8 value = pit_read(&pit, PIT_PORT_61H);

	must(!(value & 0xc0));
	if (!follows || counters[2].control < 0)
		return;
	must((value & 0x2f) == (port61 | counters[2].out << 5));
}

static void read_counter(unsigned int nr)
{
	u8 value = pit_read(&pit, PIT_PORT + nr);
	int model = model_read(&counters[nr]);

	must(!follows || model < 0 || value == model);
}

static void round_trip(void)
{
	struct kvm_pit_state2 saved, again;
	int i;

	pit_get_state(&pit, &saved);
	pit_init(&pit, &ops, NULL);
	armed = NEVER;
	pit_set_state(&pit, &saved);
	pit_get_state(&pit, &again);
	for (i = 0; i < 3; i++)
		saved.channels[i].count_load_time = again.channels[i].count_load_time;
	must(!memcmp(&saved, &again, sizeof(saved)));
	follows = false;
}

static void hostile_state(struct input *in)
{
	struct kvm_pit_state2 state;
	size_t i;

	for (i = 0; i < sizeof(state); i++)
		((u8 *)&state)[i] = take(in, 1);
	pit_set_state(&pit, &state);
	follows = false;
}

static void rarely(struct input *in, u8 op)
{
	switch (op >> 3 & 15) {
	case 15:
		hostile_state(in);
		break;
	case 14:
		round_trip();
		break;
	case 13:
		run_until(now + take(in, 3));
		follows = false;
		break;
	case 12:
		pit_ack(&pit);
		break;
	case 11:
		pit_set_reinject(&pit, op & 0x80);
		break;
	}
}

static void write_counter(unsigned int nr, u8 value)
{
	pit_write(&pit, PIT_PORT + nr, value);
	model_write(&counters[nr], value);
}

/* A mode and a whole count, mostly a small one. */
static void program(struct input *in, unsigned int nr)
{
	u8 mode = take(in, 1);

	control_word(nr << 6 | 0x30 | (mode & 15));
	write_counter(nr, take(in, 1));
	write_counter(nr, mode & 0x80 ? take(in, 1) : 0);
}

static void step(struct input *in)
{
	u8 op = take(in, 1), nr = (op >> 3 & 31) % 3;

	listening = op & 0x80;
	switch (op & 7) {
	case 0:
	case 1:
		go_on((op >> 3) == 31 ? take(in, 2) : take(in, 1) << (op & 8));
		break;
	case 2:
		if (op & 0x80)
			program(in, nr);
		else
			write_counter(nr, take(in, 1));
		break;
	case 3:
		control_word(take(in, 1));
		break;
	case 4:
		read_counter(nr);
		break;
	case 5:
		write_port61(take(in, 1));
		break;
	case 6:
		read_port61();
		break;
	case 7:
		rarely(in, op);
		break;
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };

	most_pulses = take(&in, 1) ? MOST_PULSES : ALL_ROUND;
	now = 1000000000;
	armed = NEVER;
	pit_init(&pit, &ops, NULL);
	model_init();
	ticks_before = 0;
	rises_before = 0;
	exact = true;
	while (in.left && steps < MOST_STEPS) {
		step(&in);
		go_on(0);
		check();
		compare_ticks();
	}
	return 0;
}

#pragma clang attribute pop
