// SPDX-License-Identifier: GPL-2.0-only
/* The 8254 interval timer (Intel 8254 data sheet, order 231164) and port 61h. */

#include <linux/bitops.h>
#include <linux/math64.h>
#include <linux/string.h>

#include "pit.h"

#define NS_PER_SEC 1000000000u

/* Control word (data sheet, figure 7). */
#define CW_CHANNEL_SHIFT 6
#define CW_READ_BACK	 3
#define CW_BCD		 BIT(0)
#define RB_NO_COUNT	 BIT(5)
#define RB_NO_STATUS	 BIT(4)

#define STATUS_OUT	 BIT(7)
#define STATUS_NULL	 BIT(6)

/* Port 61h (82371 PIIX data sheet, "NMI status and control register"). */
#define PORT61_GATE    BIT(0)
#define PORT61_SPEAKER BIT(1)
#define PORT61_NMI     (BIT(2) | BIT(3))
#define PORT61_REFRESH BIT(4)
#define PORT61_OUT2    BIT(5)

/* The refresh request toggles each 15 us; a power of two comes close enough. */
#define REFRESH_SHIFT 14

/* rw_mode is the control word's RW field; read_state and write_state say which byte comes next. */
enum {
	RW_LATCH,
	RW_LSB,
	RW_MSB,
	RW_WORD,
	RW_WORD_MSB
};

/* Names of the six modes (data sheet, "Mode definitions"). */
enum {
	TERMINAL_COUNT,
	ONE_SHOT,
	RATE,
	SQUARE,
	SOFT_STROBE,
	HARD_STROBE
};

static u64 ns_to_ticks(u64 ns)
{
	return mul_u64_u32_div(ns, PIT_HZ, NS_PER_SEC);
}

/* Rounded up: so many nanoseconds later, so many ticks have passed. */
static u64 ticks_to_ns(u64 ticks)
{
	return mul_u64_u32_div(ticks, NS_PER_SEC, PIT_HZ) + 1;
}

static u64 now_ns(const struct pit *pit)
{
	return pit->ops->now_ns(pit->opaque);
}

static bool is_periodic(const struct pit_channel *c)
{
	return c->s.mode == RATE || c->s.mode == SQUARE;
}

/* Counting begins with a rising gate, not with the count. */
static bool is_triggered(const struct pit_channel *c)
{
	return c->s.mode == ONE_SHOT || c->s.mode == HARD_STROBE;
}

/* Ticks since the cycle began; a low gate stops the clock in all modes but the triggered ones. */
static u64 elapsed(const struct pit_channel *c, u64 now)
{
	u64 start = c->s.count_load_time;

	if (c->halted || (!c->s.gate && !is_triggered(c)))
		now = c->stopped_at;
	return c->phase + (now > start ? ns_to_ticks(now - start) : 0);
}

/* Mode 3: an odd count is high for one tick longer than low. */
static u32 high_ticks(u32 count)
{
	return (count + 1) / 2;
}

/* When so many ticks of the cycle have gone by. */
static u64 at_tick(const struct pit_channel *c, u64 ticks)
{
	return c->s.count_load_time + ticks_to_ns(ticks - c->phase);
}

static void start(struct pit_channel *c, u32 count, u64 now)
{
	c->s.count = count;
	c->s.count_load_time = now;
	c->phase = 0;
	c->next = 0;
	c->running = true;
	c->halted = false;
	if (!c->s.gate)
		c->stopped_at = now;
}

/* Move on to the count that waits for its time. */
static void sync(struct pit_channel *c, u64 now)
{
	if (!c->next || !c->running || !is_periodic(c) || elapsed(c, now) < c->switch_at)
		return;
	c->s.count_load_time = at_tick(c, c->switch_at);
	/* After the high half comes the low one. */
	c->phase = c->switch_at < c->s.count ? high_ticks(c->next) : 0;
	c->s.count = c->next;
	c->next = 0;
}

/*
 * A new count in a periodic mode is loaded with the end of the cycle, or of the half-cycle (data
 * sheet, modes 2, 3).
 */
static void load_next(struct pit_channel *c, u32 count, u64 now)
{
	u32 into, high = high_ticks(c->s.count);
	u64 ticks = elapsed(c, now);

	div_u64_rem(ticks, c->s.count, &into);
	if (ticks > into) {
		c->s.count_load_time = at_tick(c, ticks - into);
		c->phase = 0;
	}
	c->next = count;
	c->switch_at = c->s.mode == SQUARE && into < high ? high : c->s.count;
}

static void load(struct pit_channel *c, u32 count, u64 now)
{
	if (is_triggered(c))
		c->next = count;
	else if (is_periodic(c) && c->running)
		load_next(c, count, now);
	else
		start(c, count, now);
}

static u32 from_bcd(u32 bcd)
{
	return (bcd >> 12 & 15) * 1000 + (bcd >> 8 & 15) * 100 + (bcd >> 4 & 15) * 10 + (bcd & 15);
}

static u16 to_bcd(u32 value)
{
	return (value / 1000 % 10) << 12 | (value / 100 % 10) << 8 | (value / 10 % 10) << 4 |
	       value % 10;
}

/* The counting element, as ticks still to go; 0x10000 and 10000 show as 0. */
static u32 counter(const struct pit_channel *c, u64 now)
{
	u32 modulus = c->s.bcd ? 10000 : 0x10000;
	u32 count = c->s.count;
	u64 ticks = elapsed(c, now);
	u32 pos, half;

	if (!c->running)
		return c->next ? c->next : count;
	if (!is_periodic(c)) {
		div_u64_rem(ticks, modulus, &pos);
		return (count + modulus - pos) % modulus;
	}
	div_u64_rem(ticks, count, &pos);
	if (c->s.mode == RATE)
		return count - pos;
	/* Mode 3 counts each half by twos. */
	half = high_ticks(count);
	return (count & ~1u) - 2 * (pos < half ? pos : pos - half);
}

static bool output(const struct pit_channel *c, u64 now)
{
	u64 ticks = elapsed(c, now);
	u32 pos;

	if (!c->running || c->halted)
		return c->s.mode != TERMINAL_COUNT;
	switch (c->s.mode) {
	case TERMINAL_COUNT:
	case ONE_SHOT:
		return ticks >= c->s.count;
	case RATE:
	case SQUARE:
		div_u64_rem(ticks, c->s.count, &pos);
		if (!c->s.gate)
			return true;
		return c->s.mode == RATE ? pos != c->s.count - 1 : pos < high_ticks(c->s.count);
	case SOFT_STROBE:
	case HARD_STROBE:
		return ticks != c->s.count;
	}
	return false;
}

/* When the output rises next, in ns; 0 for never again. */
static u64 next_rise(const struct pit_channel *c, u64 now)
{
	u64 count = c->s.count, ticks = elapsed(c, now);
	u32 into;

	if (!c->running || c->halted || !c->s.gate)
		return 0;
	switch (c->s.mode) {
	case TERMINAL_COUNT:
		return ticks < count ? at_tick(c, count) : 0;
	case RATE:
	case SQUARE:
		/* A count of 1 is illegal and gives no edges. */
		if (count < 2)
			return 0;
		/* The low half of the count that waits comes first. */
		if (c->next && c->switch_at < count)
			return at_tick(c, c->switch_at) +
			       ticks_to_ns(c->next - high_ticks(c->next));
		div_u64_rem(ticks, count, &into);
		return at_tick(c, ticks - into + count);
	case SOFT_STROBE:
		return ticks <= count ? at_tick(c, count + 1) : 0;
	}
	return 0;
}

/* Find channel 0's next tick and arm the host's timer for it. */
static void arm(struct pit *pit, u64 now, u64 earliest)
{
	struct pit_channel *c = &pit->channel[0];
	u64 rise = next_rise(c, now);

	if (!rise || pit->flags & KVM_PIT_FLAGS_HPET_LEGACY) {
		if (pit->tick_at)
			pit->ops->cancel(pit->opaque);
		pit->tick_at = 0;
		return;
	}
	pit->tick_at = rise;
	pit->ops->arm(pit->opaque, pit->tick_at > earliest ? pit->tick_at : earliest);
}

static void forget_ticks(struct pit *pit)
{
	pit->pending = 0;
	pit->acked = true;
}

static void tick(struct pit *pit)
{
	if (!pit->reinject) {
		pit->ops->tick(pit->opaque);
		return;
	}
	if (!pit->acked)
		return;
	pit->acked = false;
	/* With nobody listening there is nothing to make up for. */
	if (!pit->ops->tick(pit->opaque))
		forget_ticks(pit);
}

/**
 * pit_expired() - what was armed has fired
 * @pit: the timer
 *
 * Harmless when called early, or for a time that was cancelled since.
 */
void pit_expired(struct pit *pit)
{
	struct pit_channel *c = &pit->channel[0];
	u64 now = now_ns(pit);
	u64 ticks = 1;

	if (!pit->tick_at)
		return;
	if (now < pit->tick_at) {
		pit->ops->arm(pit->opaque, pit->tick_at);
		return;
	}
	sync(c, now);
	if (is_periodic(c))
		ticks += div64_u64(now - pit->tick_at, ticks_to_ns(c->s.count));
	/* Whoever has let so many pass has lost the acknowledgment: begin anew. */
	if (pit->pending >= PIT_MAX_PENDING)
		forget_ticks(pit);
	pit->pending += ticks < PIT_MAX_PENDING ? ticks : PIT_MAX_PENDING;
	arm(pit, now, now + PIT_MIN_PERIOD_NS);
	tick(pit);
}

/**
 * pit_ack() - the guest has finished the interrupt that a tick caused
 * @pit: the timer
 */
void pit_ack(struct pit *pit)
{
	pit->acked = true;
	if (pit->pending)
		pit->pending--;
	if (pit->pending && pit->reinject)
		tick(pit);
}

/**
 * pit_set_reinject() - KVM_REINJECT_CONTROL
 * @pit: the timer
 * @reinject: whether missed ticks are made up for
 */
void pit_set_reinject(struct pit *pit, bool reinject)
{
	pit->reinject = reinject;
	forget_ticks(pit);
}

/**
 * pit_init() - make a timer, as after power-up, with reinjection
 * @pit: what to fill
 * @ops: the world
 * @opaque: handed to @ops
 */
void pit_init(struct pit *pit, const struct pit_ops *ops, void *opaque)
{
	int i;

	memset(pit, 0, sizeof(*pit));
	for (i = 0; i < PIT_CHANNELS; i++) {
		pit->channel[i].s.mode = PIT_NO_MODE;
		pit->channel[i].mode_bits = PIT_NO_MODE & 7;
		/* Only the speaker's channel has a gate that can be closed. */
		pit->channel[i].s.gate = i != 2;
	}
	pit->reinject = true;
	pit->acked = true;
	pit->ops = ops;
	pit->opaque = opaque;
}

static void latch_count(struct pit_channel *c, u64 now)
{
	u32 value;

	if (c->s.count_latched)
		return;
	value = counter(c, now);
	c->s.latched_count = c->s.bcd ? to_bcd(value) : value;
	c->s.count_latched = c->s.rw_mode;
}

static void latch_status(struct pit_channel *c, u64 now)
{
	if (c->s.status_latched)
		return;
	c->s.status = (output(c, now) ? STATUS_OUT : 0) |
		      (c->next || !c->running ? STATUS_NULL : 0) | (c->s.rw_mode & 3) << 4 |
		      c->mode_bits << 1 | c->s.bcd;
	c->s.status_latched = 1;
}

static void read_back(struct pit *pit, u8 value, u64 now)
{
	int i;

	for (i = 0; i < PIT_CHANNELS; i++) {
		if (!(value & BIT(i + 1)))
			continue;
		if (!(value & RB_NO_COUNT))
			latch_count(&pit->channel[i], now);
		if (!(value & RB_NO_STATUS))
			latch_status(&pit->channel[i], now);
	}
}

static void write_control(struct pit *pit, u8 value, u64 now)
{
	u8 nr = value >> CW_CHANNEL_SHIFT;
	u8 rw = value >> 4 & 3;
	u8 mode = value >> 1 & 7;
	struct pit_channel *c;

	if (nr == CW_READ_BACK) {
		read_back(pit, value, now);
		return;
	}
	c = &pit->channel[nr];
	if (rw == RW_LATCH) {
		latch_count(c, now);
		return;
	}
	c->s.rw_mode = rw;
	c->s.read_state = rw;
	c->s.write_state = rw;
	c->s.count_latched = 0;
	c->s.status_latched = 0;
	/* Modes 6 and 7 are other spellings of 2 and 3, but the status repeats what was written. */
	c->mode_bits = mode;
	c->s.mode = mode > HARD_STROBE ? mode - 4 : mode;
	c->s.bcd = value & CW_BCD;
	c->running = false;
	c->halted = false;
	c->next = 0;
	if (nr == 0)
		arm(pit, now, now);
}

/* The first of two bytes stops mode 0; OUT is low until the count has passed (mode 0). */
static void stop_counting(struct pit_channel *c, u64 now)
{
	if (c->s.mode != TERMINAL_COUNT || !c->running || c->halted)
		return;
	if (c->s.gate)
		c->stopped_at = now;
	c->halted = true;
}

static void write_count(struct pit *pit, unsigned int nr, u8 value, u64 now)
{
	struct pit_channel *c = &pit->channel[nr];
	u32 count = value;

	switch (c->s.write_state) {
	case RW_MSB:
		count = value << 8;
		break;
	case RW_WORD:
		c->s.write_latch = value;
		c->s.write_state = RW_WORD_MSB;
		stop_counting(c, now);
		break;
	case RW_WORD_MSB:
		count = value << 8 | c->s.write_latch;
		c->s.write_state = RW_WORD;
		break;
	}
	if (c->s.write_state != RW_WORD_MSB && c->s.mode != PIT_NO_MODE) {
		if (c->s.bcd)
			count = from_bcd(count);
		if (!count)
			count = c->s.bcd ? 10000 : 0x10000;
		load(c, count, now);
	}
	if (nr == 0) {
		forget_ticks(pit);
		arm(pit, now, now);
	}
}

static u8 read_latched(struct pit_channel *c)
{
	u16 value = c->s.latched_count;

	switch (c->s.count_latched) {
	case RW_WORD:
		c->s.count_latched = RW_MSB;
		return value;
	case RW_MSB:
		value >>= 8;
		break;
	}
	c->s.count_latched = 0;
	return value;
}

static u8 read_count(struct pit_channel *c, u64 now)
{
	u32 value;

	if (c->s.status_latched) {
		c->s.status_latched = 0;
		return c->s.status;
	}
	if (c->s.count_latched)
		return read_latched(c);
	value = counter(c, now);
	if (c->s.bcd)
		value = to_bcd(value);
	switch (c->s.read_state) {
	case RW_WORD:
		c->s.read_state = RW_WORD_MSB;
		return value;
	case RW_WORD_MSB:
		c->s.read_state = RW_WORD;
		fallthrough;
	case RW_MSB:
		return value >> 8;
	}
	return value;
}

/* Gate of channel 2 (data sheet, figure 21): triggers, restarts or goes on with a rising edge. */
static void set_gate(struct pit_channel *c, bool gate, u64 now)
{
	if (gate == !!c->s.gate)
		return;
	c->s.gate = gate;
	if (is_triggered(c) || is_periodic(c)) {
		c->stopped_at = now;
		if (gate && (c->next || c->running))
			start(c, c->next ? c->next : c->s.count, now);
	} else if (!c->halted) {
		if (gate)
			c->s.count_load_time += now - c->stopped_at;
		c->stopped_at = now;
	}
}

static u8 read_port61(const struct pit *pit, u64 now)
{
	const struct pit_channel *c = &pit->channel[2];

	return (c->s.gate ? PORT61_GATE : 0) | (output(c, now) ? PORT61_OUT2 : 0) |
	       (pit->flags & KVM_PIT_FLAGS_SPEAKER_DATA_ON ? PORT61_SPEAKER : 0) |
	       pit->nmi_enables | (now >> REFRESH_SHIFT & 1 ? PORT61_REFRESH : 0);
}

static void write_port61(struct pit *pit, u8 value, u64 now)
{
	pit->flags &= ~KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	if (value & PORT61_SPEAKER)
		pit->flags |= KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	pit->nmi_enables = value & PORT61_NMI;
	set_gate(&pit->channel[2], value & PORT61_GATE, now);
}

static void sync_all(struct pit *pit, u64 now)
{
	int i;

	for (i = 0; i < PIT_CHANNELS; i++)
		sync(&pit->channel[i], now);
}

/**
 * pit_read() - IN from 40h to 43h or 61h
 * @pit: the timer
 * @port: which
 *
 * Return: the value
 */
u8 pit_read(struct pit *pit, u16 port)
{
	u64 now = now_ns(pit);

	sync_all(pit, now);
	if (port == PIT_PORT_61H)
		return read_port61(pit, now);
	/* The control word cannot be read. */
	if ((port & 3) == 3)
		return 0;
	return read_count(&pit->channel[port & 3], now);
}

/**
 * pit_write() - OUT to 40h to 43h or 61h
 * @pit: the timer
 * @port: which
 * @value: the value
 */
void pit_write(struct pit *pit, u16 port, u8 value)
{
	u64 now = now_ns(pit);

	sync_all(pit, now);
	if (port == PIT_PORT_61H)
		write_port61(pit, value, now);
	else if ((port & 3) == 3)
		write_control(pit, value, now);
	else
		write_count(pit, port & 3, value, now);
}

/**
 * pit_get_state() - KVM_GET_PIT2
 * @pit: the timer
 * @state: receives it
 *
 * A count that waits for the end of the cycle is shown as if it were loaded already.
 */
void pit_get_state(struct pit *pit, struct kvm_pit_state2 *state)
{
	int i;

	memset(state, 0, sizeof(*state));
	sync_all(pit, now_ns(pit));
	state->flags = pit->flags;
	for (i = 0; i < PIT_CHANNELS; i++) {
		state->channels[i] = pit->channel[i].s;
		if (pit->channel[i].next)
			state->channels[i].count = pit->channel[i].next;
	}
}

static void set_channel(struct pit_channel *c, const struct kvm_pit_channel_state *s, u64 now)
{
	u32 count = s->count > 0x10000 ? 0x10000 : s->count;

	c->s = *s;
	c->s.mode = s->mode > HARD_STROBE ? PIT_NO_MODE : s->mode;
	c->s.bcd &= 1;
	c->s.gate = !!s->gate;
	c->s.rw_mode &= 3;
	c->s.count_latched &= 3;
	c->s.count = count;
	c->s.count_load_time = 0;
	c->phase = 0;
	c->mode_bits = c->s.mode & 7;
	c->stopped_at = now;
	c->running = false;
	c->halted = false;
	c->next = 0;
	if (count && c->s.mode != PIT_NO_MODE)
		load(c, count, now);
	if (c->s.write_state == RW_WORD_MSB)
		stop_counting(c, now);
}

/**
 * pit_set_state() - KVM_SET_PIT2
 * @pit: the timer
 * @state: hostile; what the timer cannot hold is dropped
 *
 * Times of another host mean nothing here: each count begins anew.
 */
void pit_set_state(struct pit *pit, const struct kvm_pit_state2 *state)
{
	u64 now = now_ns(pit);
	int i;

	pit->flags = state->flags & (KVM_PIT_FLAGS_HPET_LEGACY | KVM_PIT_FLAGS_SPEAKER_DATA_ON);
	for (i = 0; i < PIT_CHANNELS; i++)
		set_channel(&pit->channel[i], &state->channels[i], now);
	forget_ticks(pit);
	arm(pit, now, now);
}
