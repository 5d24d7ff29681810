// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any sequence of lines, accesses and EOIs on an I/O APIC, and beside it on a second one that is
 * written down here pin by pin from the data sheet: messages, acknowledgements, registers and
 * return values must be the same. Once user space has brought a state of its own, only the
 * consistency of the registers is checked.
 */

#include "chip_fuzz.h"
#include "irq/ioapic.h"

/* A pin that lowers its line when it is acknowledged, as an irqfd with a resamplefd does. */
#define RESAMPLED 5

static struct ioapic ioapic;
static bool all_taken;
static int answer;
/* Storms take long. */
static int bursts_left;

/* What has left a chip since the last step: messages and acknowledgements, in order. */
struct event {
	bool ack;
	u8 pin;
	struct apic_msg msg;
};

struct log {
	struct event event[128];
	unsigned int nr;
	unsigned int storms;
	unsigned int all;
};

static struct log seen, expected;

static void put(struct log *log, struct event event)
{
	if (log->nr < ARRAY_SIZE(log->event))
		log->event[log->nr++] = event;
	log->all++;
}

static int deliver(void *opaque, const struct apic_msg *msg)
{
	must(msg->mode < 8);
	must(msg->dest <= 0xff || msg->dest == APIC_DEST_ALL);
	must(msg->assert && msg->shorthand == APIC_TO_DEST);
	put(&seen, (struct event){ .msg = *msg });
	return answer;
}

static void acked(void *opaque, unsigned int pin)
{
	must(pin < IOAPIC_PINS);
	put(&seen, (struct event){ .ack = true, .pin = pin });
	if (pin == RESAMPLED)
		ioapic_set_line(&ioapic, pin, false);
}

static void storm(void *opaque)
{
	seen.storms++;
}

static void ignore(void *opaque)
{
}

static const struct ioapic_ops ops = {
	.deliver = deliver,
	.acked = acked,
	.storm = storm,
	.changed = ignore,
};

/* The second I/O APIC. */
struct pin {
	u8 vector;
	u8 mode;
	u8 dest;
	bool logical;
	bool polarity;
	bool level;
	bool masked;
	bool in_service;
	bool asserted;
	bool held_back;
	unsigned int in_a_row;
};

static struct pin pins[IOAPIC_PINS];
static u8 selected, id;
static bool follows;

static bool pin_is_level(const struct pin *pin)
{
	return pin->level && (pin->mode == APIC_FIXED || pin->mode == APIC_LOWEST);
}

static int model_send(struct pin *pin)
{
	struct event event = { .msg = { .vector = pin->vector,
					.mode = pin->mode,
					.dest = pin->dest == 0xff ? APIC_DEST_ALL : pin->dest,
					.logical = pin->logical,
					.level = pin_is_level(pin),
					.assert = true } };

	if (pin->masked || pin->in_service)
		return -1;
	put(&expected, event);
	if (pin_is_level(pin) && answer > 0)
		pin->in_service = true;
	return answer;
}

static int model_line(unsigned int nr, bool level)
{
	struct pin *pin = &pins[nr];
	bool rises = level && !pin->asserted;

	pin->asserted = level;
	if (!level) {
		pin->held_back = false;
		return 1;
	}
	if (pin_is_level(pin) ? pin->in_service || pin->held_back : !rises)
		return 0;
	return pin->held_back ? 0 : model_send(pin);
}

static void model_eoi(u8 vector, bool level)
{
	int nr;

	for (nr = 0; nr < IOAPIC_PINS; nr++) {
		struct pin *pin = &pins[nr];

		if (pin->vector != vector)
			continue;
		put(&expected, (struct event){ .ack = true, .pin = nr });
		if (nr == RESAMPLED)
			model_line(nr, false);
		if (!level || !pin->in_service)
			continue;
		pin->in_service = false;
		if (!pin->asserted || pin->masked) {
			pin->in_a_row = 0;
		} else if (++pin->in_a_row == IOAPIC_STORM) {
			pin->in_a_row = 0;
			pin->held_back = true;
			expected.storms++;
		} else {
			model_send(pin);
		}
	}
}

static void model_let_go(void)
{
	int nr;

	for (nr = 0; nr < IOAPIC_PINS; nr++) {
		struct pin *pin = &pins[nr];
		bool held = pin->held_back;

		pin->held_back = false;
		if (held && pin_is_level(pin) && pin->asserted)
			model_send(pin);
	}
}

static void model_window(u32 value)
{
	unsigned int nr = (selected - 0x10u) / 2;
	struct pin *pin;

	if (selected == 0)
		id = value >> 24 & 15;
	if (selected < 0x10 || nr >= IOAPIC_PINS)
		return;
	pin = &pins[nr];
	if (selected & 1) {
		pin->dest = value >> 24;
	} else {
		pin->vector = value;
		pin->mode = value >> 8 & 7;
		pin->logical = value >> 11 & 1;
		pin->polarity = value >> 13 & 1;
		pin->level = value >> 15 & 1;
		pin->masked = value >> 16 & 1;
	}
	pin->in_service &= pin_is_level(pin);
	if (pin_is_level(pin) && pin->asserted && !pin->held_back)
		model_send(pin);
}

static u32 model_read(void)
{
	const struct pin *pin;

	if (selected == 0 || selected == 2)
		return (u32)id << 24;
	if (selected == 1)
		return ioapic.eoi_register ? 0x170020 : 0x170011;
	if (selected < 0x10 || selected >= 0x10 + 2 * IOAPIC_PINS)
		return 0;
	pin = &pins[(selected - 0x10) / 2];
	if (selected & 1)
		return (u32)pin->dest << 24;
	return pin->vector | pin->mode << 8 | pin->logical << 11 | pin->polarity << 13 |
	       pin->in_service << 14 | pin->level << 15 | pin->masked << 16;
}

static void model_init(void)
{
	int nr;

	memset(pins, 0, sizeof(pins));
	for (nr = 0; nr < IOAPIC_PINS; nr++)
		pins[nr].masked = true;
	selected = 0;
	id = 0;
	follows = true;
}

static void compare(void)
{
	unsigned int i;

	must(seen.all == expected.all && seen.storms == expected.storms);
	for (i = 0; i < seen.nr; i++) {
		const struct event *a = &seen.event[i], *b = &expected.event[i];

		must(a->ack == b->ack && a->pin == b->pin);
		must(a->msg.dest == b->msg.dest && a->msg.vector == b->msg.vector);
		must(a->msg.mode == b->msg.mode && a->msg.logical == b->msg.logical);
		must(a->msg.level == b->msg.level && a->msg.assert == b->msg.assert);
	}
}

/* Only what has a vector, fixed or of lowest priority, can be level triggered. */
static bool is_level(u64 entry)
{
	return entry & IOAPIC_LEVEL && !(entry & 0x600);
}

static void check(void)
{
	int pin;

	must(!(ioapic.irr >> IOAPIC_PINS));
	must(!(ioapic.delivered & ~ioapic.irr));
	must(!(ioapic.deferred & ~ioapic.irr));
	must(ioapic.select < 0x100 && ioapic.id < 16);
	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		u64 entry = ioapic.redir[pin];

		must(is_level(entry) || !(entry & IOAPIC_REMOTE_IRR));
		must(!(entry & IOAPIC_PENDING) && !(entry << 8 >> 25));
		must(ioapic.eois[pin] < IOAPIC_STORM);
		/* While all is taken, an asserted level is masked, in service or held back. */
		if (all_taken && is_level(entry) && ioapic.irr & BIT(pin))
			must(entry & (IOAPIC_MASKED | IOAPIC_REMOTE_IRR) ||
			     ioapic.deferred & BIT(pin));
	}
}

static void round_trip(void)
{
	struct kvm_ioapic_state saved, again;
	u32 deferred = ioapic.deferred;
	int pin;

	ioapic_get_state(&ioapic, &saved);
	ioapic_init(&ioapic, &ops, NULL);
	ioapic_set_state(&ioapic, &saved);
	ioapic_get_state(&ioapic, &again);
	must(saved.ioregsel == again.ioregsel && saved.id == again.id);
	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		/* What was held back goes now, as does an edge that was lost on a masked pin. */
		if (deferred & BIT(pin) ||
		    (saved.irr & BIT(pin) && !is_level(saved.redirtbl[pin].bits)))
			continue;
		must(!all_taken || saved.redirtbl[pin].bits == again.redirtbl[pin].bits);
		must(!((saved.irr ^ again.irr) & BIT(pin)));
	}
	follows = false;
}

static void hostile_state(struct input *in)
{
	struct kvm_ioapic_state state;
	size_t i;

	for (i = 0; i < sizeof(state); i++)
		((u8 *)&state)[i] = take(in, 1);
	ioapic_set_state(&ioapic, &state);
	follows = false;
}

static void set_line(u8 op)
{
	int r = ioapic_set_line(&ioapic, op & 31, op & 32);

	if ((op & 31) >= IOAPIC_PINS)
		must(r == -1);
	else
		must(model_line(op & 31, op & 32) == r || !follows);
}

static bool is_served(u8 vector)
{
	int nr;

	for (nr = 0; nr < IOAPIC_PINS; nr++) {
		if (pins[nr].in_service && pins[nr].vector == vector)
			return true;
	}
	return false;
}

static void eoi(u8 vector, bool level, unsigned int times)
{
	if (times > 1 && --bursts_left < 0)
		return;
	do {
		ioapic_eoi(&ioapic, vector, level);
		model_eoi(vector, level);
	} while (--times && follows && is_served(vector));
}

/* Few vectors, so that they meet. */
static u8 some_vector(u8 byte)
{
	static const u8 vectors[] = { 0x31, 0x50, 0x51, 0xe0 };

	return byte & 0x40 ? byte : vectors[byte % ARRAY_SIZE(vectors)];
}

static void select_it(u8 index)
{
	u32 value = index;

	ioapic_mmio_write(&ioapic, 0, &value, 4);
	selected = index;
}

static void window(struct input *in, u8 op)
{
	u8 reg = take(in, 1), byte = take(in, 1);
	u32 value;

	/* Mostly the few pins and vectors that the other steps name. */
	if ((op & 0x38) == 0x38) {
		value = take(in, 3) << 8 | byte;
	} else {
		reg = 0x10 + reg % 16;
		value = some_vector(byte & 3) | (byte & 4 ? byte >> 3 & 7 : 0) << 8 |
			(byte >> 6 & 1) << 15 | (byte >> 7) << 16;
		if (reg & 1)
			value = (u32)byte << 24;
	}
	select_it(reg);
	ioapic_mmio_write(&ioapic, 0x10, &value, 4);
	model_window(value);
	ioapic_mmio_read(&ioapic, 0x10, &value, 4);
	must(!follows || value == model_read());
}

static void odd_access(struct input *in, u8 op)
{
	unsigned int len = (op >> 3 & 7) + 1;
	u64 value = take(in, 8), word = 0;
	u8 offset = take(in, 1);

	ioapic_mmio_read(&ioapic, offset, &word, len);
	must(len == 8 || !(word >> 8 * len));
	if (follows && offset == 0x10)
		must(word == (len < 4 ? model_read() & ((1u << 8 * len) - 1) : model_read()));
	ioapic_mmio_write(&ioapic, offset, &value, len);
	value = len < 4 ? value & ((1u << 8 * len) - 1) : (u32)value;
	if (offset == 0)
		selected = value;
	else if (offset == 0x10)
		model_window(value);
	else if (offset == 0x40 && ioapic.eoi_register)
		model_eoi(value, true);
}

static void step(struct input *in)
{
	u8 op = take(in, 1), value;

	if (!all_taken)
		answer = (op >> 6) - 1;
	switch (op & 7) {
	case 0:
	case 1:
		value = take(in, 1);
		set_line(value & 0x40 ? value : value & 0x27);
		break;
	case 2:
		eoi(some_vector(take(in, 1)), op & 8, (op & 0x38) == 0x38 ? IOAPIC_STORM - 1 : 1);
		break;
	case 3:
	case 4:
		window(in, op);
		break;
	case 5:
		odd_access(in, op);
		break;
	case 6:
		ioapic_reinject(&ioapic);
		model_let_go();
		if ((op & 0x38) == 0x38)
			round_trip();
		break;
	case 7:
		/* Rarely, for it ends the comparison. */
		if ((op & 0x38) == 0x38)
			hostile_state(in);
		break;
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };

	all_taken = size & 1;
	answer = 1;
	bursts_left = 2;
	ioapic_init(&ioapic, &ops, NULL);
	ioapic.eoi_register = size & 2;
	model_init();
	while (in.left) {
		memset(&seen, 0, sizeof(seen));
		memset(&expected, 0, sizeof(expected));
		step(&in);
		check();
		if (follows)
			compare();
	}
	return 0;
}

#pragma clang attribute pop
