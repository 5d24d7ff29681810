// SPDX-License-Identifier: GPL-2.0-only
/* Any sequence of lines, accesses and EOIs: the I/O APIC's registers stay consistent. */

#include "chip_fuzz.h"
#include "irq/ioapic.h"

static struct ioapic ioapic;
static bool all_taken;
static int answer;

static int deliver(void *opaque, const struct apic_msg *msg)
{
	must(msg->mode < 8);
	must(msg->dest <= 0xff || msg->dest == APIC_DEST_ALL);
	must(msg->assert && msg->shorthand == APIC_TO_DEST);
	return answer;
}

static void acked(void *opaque, unsigned int pin)
{
	must(pin < IOAPIC_PINS);
	/* As an irqfd with a resamplefd does. */
	if (pin == 5)
		ioapic_set_line(&ioapic, pin, false);
}

static void ignore(void *opaque)
{
}

static const struct ioapic_ops ops = {
	.deliver = deliver,
	.acked = acked,
	.storm = ignore,
	.changed = ignore,
};

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
	}
}

/* While all is taken, an asserted level-triggered line is masked, in service or held back. */
static void check_served(void)
{
	int pin;

	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		u64 entry = ioapic.redir[pin];

		if (is_level(entry) && ioapic.irr & BIT(pin))
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
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };
	struct kvm_ioapic_state state;
	u8 buffer[8], op;
	u64 value;
	size_t i;

	all_taken = size & 1;
	answer = 1;
	ioapic_init(&ioapic, &ops, NULL);
	while (in.left) {
		op = take(&in, 1);
		if (!all_taken)
			answer = (op >> 6) - 1;
		switch (op & 7) {
		case 0:
			i = take(&in, 1);
			ioapic_set_line(&ioapic, i & 31, i & 32);
			break;
		case 1:
			ioapic_eoi(&ioapic, take(&in, 1), op & 8);
			break;
		case 2:
		case 3:
			value = take(&in, 5);
			ioapic_mmio_write(&ioapic, 0, &value, 1);
			value >>= 8;
			ioapic_mmio_write(&ioapic, 0x10, &value, 4);
			break;
		case 4:
			value = take(&in, 8);
			ioapic_mmio_write(&ioapic, take(&in, 1), &value, (op >> 3 & 7) + 1);
			break;
		case 5:
			ioapic_mmio_read(&ioapic, take(&in, 1), buffer, (op >> 3 & 7) + 1);
			break;
		case 6:
			ioapic_reinject(&ioapic);
			round_trip();
			break;
		case 7:
			for (i = 0; i < sizeof(state); i++)
				((u8 *)&state)[i] = take(&in, 1);
			ioapic_set_state(&ioapic, &state);
			ioapic.eoi_register = op & 8;
			break;
		}
		check();
		if (all_taken)
			check_served();
	}
	return 0;
}
