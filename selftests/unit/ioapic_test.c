// SPDX-License-Identifier: GPL-2.0-only
/* The I/O APIC against the rules of its data sheet, one test per rule. */

#include <string.h>

#include "chip_test.h"
#include "irq/ioapic.h"

#define MASKED	0x10000
#define LEVEL	0x8000
#define LOGICAL 0x800

static struct ioapic ioapic;
static struct apic_msg last;
static int sent, acks[IOAPIC_PINS], storms, changes;
/* What the local APICs answer. */
static int answer;

static int deliver(void *opaque, const struct apic_msg *msg)
{
	last = *msg;
	sent++;
	return answer;
}

static void acked(void *opaque, unsigned int pin)
{
	acks[pin]++;
}

static void storm(void *opaque)
{
	storms++;
}

static void changed(void *opaque)
{
	changes++;
}

static const struct ioapic_ops ops = {
	.deliver = deliver,
	.acked = acked,
	.storm = storm,
	.changed = changed,
};

static void setup(void)
{
	sent = 0;
	storms = 0;
	changes = 0;
	answer = 1;
	memset(acks, 0, sizeof(acks));
	ioapic_init(&ioapic, &ops, &sent);
}

static u32 get(u8 reg)
{
	u32 select = reg, value;

	ioapic_mmio_write(&ioapic, 0, &select, 4);
	ioapic_mmio_read(&ioapic, 0x10, &value, 4);
	return value;
}

static void set(u8 reg, u32 value)
{
	u32 select = reg;

	ioapic_mmio_write(&ioapic, 0, &select, 4);
	ioapic_mmio_write(&ioapic, 0x10, &value, 4);
}

static void set_pin(unsigned int pin, u32 low, u8 dest)
{
	set(0x11 + 2 * pin, (u32)dest << 24);
	set(0x10 + 2 * pin, low);
}

/* 82093AA, 3.2, default values. */
START_TEST(reset_state)
{
	int pin;

	setup();
	ck_assert_uint_eq(get(0), 0);
	ck_assert_uint_eq(get(1), 23 << 16 | 0x11);
	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		ck_assert_uint_eq(get(0x10 + 2 * pin), MASKED);
		ck_assert_uint_eq(get(0x11 + 2 * pin), 0);
	}
}
END_TEST

/* 82093AA, 3.2.1, 3.2.2, 3.2.3. */
START_TEST(id_register)
{
	setup();
	set(0, 0xffffffff);
	ck_assert_uint_eq(get(0), 0x0f000000);
	ck_assert_uint_eq(get(2), 0x0f000000);
	set(1, 0);
	ck_assert_uint_eq(get(1), 23 << 16 | 0x11);
}
END_TEST

/* 82093AA, 3.1.1. */
START_TEST(every_index_is_bounded)
{
	u32 reg;

	setup();
	for (reg = 0; reg < 256; reg++) {
		set(reg, 0xffffffff);
		if (reg > 2 && reg < 0x10)
			ck_assert_uint_eq(get(reg), 0);
		if (reg >= 0x10 + 2 * IOAPIC_PINS)
			ck_assert_uint_eq(get(reg), 0);
	}
}
END_TEST

START_TEST(every_access_is_bounded)
{
	u8 data[8];
	u32 offset;
	unsigned int len;

	setup();
	for (offset = 0; offset < IOAPIC_SIZE; offset++) {
		for (len = 1; len <= 8; len++) {
			memset(data, 0xff, sizeof(data));
			ioapic_mmio_write(&ioapic, offset, data, len);
			ioapic_mmio_read(&ioapic, offset, data, len);
		}
	}
	memset(data, 0xff, sizeof(data));
	ioapic_mmio_read(&ioapic, 0, data, 8);
	ck_assert_uint_eq(data[1] | data[4] | data[7], 0);
}
END_TEST

/* 82093AA, 3.2.4. */
START_TEST(read_only_and_reserved_bits)
{
	setup();
	set(0x10, 0xffffffff);
	set(0x11, 0xffffffff);
	ck_assert_uint_eq(get(0x10), 0x1afff);
	ck_assert_uint_eq(get(0x11), 0xff000000);
}
END_TEST

/* 82093AA, 3.2.4, "Destination Field" to "Interrupt Vector". */
START_TEST(message_fields)
{
	setup();
	set_pin(5, LOGICAL | 1 << 8 | 0x41, 0x0f);
	ck_assert_int_eq(ioapic_set_line(&ioapic, 5, true), 1);
	ck_assert_uint_eq(last.vector, 0x41);
	ck_assert_uint_eq(last.mode, APIC_LOWEST);
	ck_assert_uint_eq(last.dest, 0x0f);
	ck_assert(last.logical && !last.level && last.assert);
	ck_assert_uint_eq(last.shorthand, APIC_TO_DEST);
	set_pin(6, 0x42, 0xff);
	ioapic_set_line(&ioapic, 6, true);
	ck_assert_uint_eq(last.dest, APIC_DEST_ALL);
}
END_TEST

/* 82093AA, 3.2.4, "Trigger Mode". */
START_TEST(edge_needs_a_rise)
{
	setup();
	set_pin(4, 0x40, 0);
	ck_assert_int_eq(ioapic_set_line(&ioapic, 4, true), 1);
	ck_assert_int_eq(ioapic_set_line(&ioapic, 4, true), 0);
	ck_assert_int_eq(sent, 1);
	ioapic_set_line(&ioapic, 4, false);
	ck_assert_int_eq(ioapic_set_line(&ioapic, 4, true), 1);
	ck_assert_int_eq(sent, 2);
}
END_TEST

/* 82093AA, 3.2.4, "Interrupt Mask". */
START_TEST(edge_on_masked_pin_is_lost)
{
	setup();
	set_pin(4, MASKED | 0x40, 0);
	ck_assert_int_eq(ioapic_set_line(&ioapic, 4, true), -1);
	set_pin(4, 0x40, 0);
	ck_assert_int_eq(sent, 0);
}
END_TEST

/* 82093AA, 3.2.4, "Remote IRR". */
START_TEST(level_waits_for_eoi)
{
	setup();
	set_pin(10, LEVEL | 0x50, 0);
	ck_assert_int_eq(ioapic_set_line(&ioapic, 10, true), 1);
	ck_assert(last.level);
	ck_assert_uint_eq(get(0x10 + 20) & 0x4000, 0x4000);
	ioapic_set_line(&ioapic, 10, false);
	ck_assert_int_eq(ioapic_set_line(&ioapic, 10, true), 0);
	ck_assert_int_eq(sent, 1);
	ioapic_eoi(&ioapic, 0x50, true);
	ck_assert_int_eq(acks[10], 1);
	ck_assert_int_eq(sent, 2);
	ioapic_set_line(&ioapic, 10, false);
	ioapic_eoi(&ioapic, 0x50, true);
	ck_assert_int_eq(sent, 2);
	ck_assert_uint_eq(get(0x10 + 20) & 0x4000, 0);
}
END_TEST

/* 82093AA, 3.2.4, "Interrupt Mask". */
START_TEST(level_while_masked_counts_on_unmask)
{
	setup();
	set_pin(10, MASKED | LEVEL | 0x50, 0);
	ioapic_set_line(&ioapic, 10, true);
	ck_assert_int_eq(sent, 0);
	set_pin(10, LEVEL | 0x50, 0);
	ck_assert_int_eq(sent, 1);
}
END_TEST

/* 82093AA, 3.2.4, "Remote IRR": set when local APICs accept. */
START_TEST(level_not_taken_is_not_in_service)
{
	setup();
	answer = -1;
	set_pin(10, LEVEL | 0x50, 0);
	ck_assert_int_eq(ioapic_set_line(&ioapic, 10, true), -1);
	ck_assert_uint_eq(get(0x10 + 20) & 0x4000, 0);
}
END_TEST

/* 82093AA, 3.2.4, "Delivery Mode". */
START_TEST(only_vectors_are_level_triggered)
{
	static const u8 modes[] = { APIC_SMI, APIC_NMI, APIC_INIT, APIC_EXTINT };
	size_t i;

	for (i = 0; i < sizeof(modes); i++) {
		setup();
		set_pin(10, LEVEL | modes[i] << 8, 0);
		ck_assert_int_eq(ioapic_set_line(&ioapic, 10, true), 1);
		ck_assert(last.mode == modes[i] && !last.level);
		ck_assert_uint_eq(get(0x10 + 20) & 0x4000, 0);
		/* Asserted still, it comes no second time, by a write or another rise. */
		set(0x10 + 20, LEVEL | modes[i] << 8);
		ck_assert_int_eq(ioapic_set_line(&ioapic, 10, true), 0);
		ck_assert_int_eq(sent, 1);
		ioapic_set_line(&ioapic, 10, false);
		ioapic_set_line(&ioapic, 10, true);
		ck_assert_int_eq(sent, 2);
	}
}
END_TEST

/* 82093AA, 3.2.4, "Interrupt Mask". */
START_TEST(eoi_while_masked_does_not_send)
{
	setup();
	set_pin(10, LEVEL | 0x50, 0);
	ioapic_set_line(&ioapic, 10, true);
	set(0x10 + 20, MASKED | LEVEL | 0x50);
	ioapic_eoi(&ioapic, 0x50, true);
	ck_assert_uint_eq(get(0x10 + 20) & 0x4000, 0);
	ck_assert_int_eq(sent, 1);
	/* An EOI for what is not in service only acknowledges. */
	ioapic_eoi(&ioapic, 0x50, true);
	ck_assert_int_eq(acks[10], 2);
	ck_assert_int_eq(sent, 1);
	set(0x10 + 20, LEVEL | 0x50);
	ck_assert_int_eq(sent, 2);
}
END_TEST

/* 82093AA, 3.2.4, "Remote IRR": the EOI's vector matches. */
START_TEST(eoi_names_its_vector)
{
	setup();
	set_pin(10, LEVEL | 0x50, 0);
	set_pin(11, LEVEL | 0x51, 0);
	ioapic_set_line(&ioapic, 10, true);
	ioapic_set_line(&ioapic, 11, true);
	ioapic_set_line(&ioapic, 10, false);
	ioapic_set_line(&ioapic, 11, false);
	ioapic_eoi(&ioapic, 0x51, true);
	ck_assert_uint_eq(get(0x10 + 20) & 0x4000, 0x4000);
	ck_assert_uint_eq(get(0x10 + 22) & 0x4000, 0);
	ck_assert_int_eq(acks[10], 0);
	/* An edge-triggered one with the same vector only acknowledges. */
	ioapic_eoi(&ioapic, 0x50, false);
	ck_assert_int_eq(acks[10], 1);
	ck_assert_uint_eq(get(0x10 + 20) & 0x4000, 0x4000);
}
END_TEST

START_TEST(edge_clears_remote_irr)
{
	setup();
	set_pin(10, LEVEL | 0x50, 0);
	ioapic_set_line(&ioapic, 10, true);
	ioapic_set_line(&ioapic, 10, false);
	set_pin(10, MASKED | 0x50, 0);
	ck_assert_uint_eq(get(0x10 + 20) & 0x4000, 0);
	set_pin(10, LEVEL | 0x50, 0);
	ioapic_set_line(&ioapic, 10, true);
	ck_assert_int_eq(sent, 2);
}
END_TEST

START_TEST(storm_is_broken)
{
	int i;

	setup();
	set_pin(10, LEVEL | 0x50, 0);
	ioapic_set_line(&ioapic, 10, true);
	for (i = 0; i < IOAPIC_STORM; i++)
		ioapic_eoi(&ioapic, 0x50, true);
	ck_assert_int_eq(storms, 1);
	ck_assert_int_eq(sent, IOAPIC_STORM);
	/* Held back, whatever the guest does, until the pause is over. */
	set_pin(10, LEVEL | 0x50, 0);
	ioapic_set_line(&ioapic, 10, true);
	ck_assert_int_eq(sent, IOAPIC_STORM);
	ioapic_reinject(&ioapic);
	ck_assert_int_eq(sent, IOAPIC_STORM + 1);
	ioapic_reinject(&ioapic);
	ck_assert_int_eq(sent, IOAPIC_STORM + 1);
	/* A line that falls meanwhile is held back no longer. */
	for (i = 0; i < IOAPIC_STORM; i++)
		ioapic_eoi(&ioapic, 0x50, true);
	ck_assert_int_eq(storms, 2);
	ck_assert_int_eq(sent, 2 * IOAPIC_STORM);
	ioapic_set_line(&ioapic, 10, false);
	ioapic_set_line(&ioapic, 10, true);
	ck_assert_int_eq(sent, 2 * IOAPIC_STORM + 1);
}
END_TEST

START_TEST(storm_ends_with_the_line)
{
	int i;

	setup();
	set_pin(10, LEVEL | 0x50, 0);
	ioapic_set_line(&ioapic, 10, true);
	for (i = 0; i < 3 * IOAPIC_STORM; i++) {
		if (i % 100 == 0) {
			ioapic_set_line(&ioapic, 10, false);
			ioapic_eoi(&ioapic, 0x50, true);
			ioapic_set_line(&ioapic, 10, true);
		}
		ioapic_eoi(&ioapic, 0x50, true);
	}
	ck_assert_int_eq(storms, 0);
}
END_TEST

/* 82801 (ICH), "EOI register": version 20h. */
START_TEST(eoi_register_of_version_20)
{
	u32 vector = 0x50;

	setup();
	set_pin(10, LEVEL | 0x50, 0);
	ioapic_set_line(&ioapic, 10, true);
	ioapic_set_line(&ioapic, 10, false);
	ioapic_mmio_write(&ioapic, 0x40, &vector, 4);
	ck_assert_uint_eq(get(0x10 + 20) & 0x4000, 0x4000);
	ioapic.eoi_register = true;
	ck_assert_uint_eq(get(1) & 0xff, 0x20);
	ioapic_mmio_write(&ioapic, 0x40, &vector, 4);
	ck_assert_uint_eq(get(0x10 + 20) & 0x4000, 0);
}
END_TEST

START_TEST(pin_out_of_range)
{
	setup();
	ck_assert_int_eq(ioapic_set_line(&ioapic, 24, true), -1);
	ck_assert_int_eq(ioapic_set_line(&ioapic, ~0u, true), -1);
}
END_TEST

START_TEST(vectors_of_pins)
{
	unsigned long map[4] = { 0 };

	setup();
	set_pin(2, 0x30, 0);
	set_pin(3, 0xf1, 0);
	ck_assert_int_eq(changes, 2);
	ioapic_vectors(&ioapic, 1 << 3, map);
	ck_assert(test_bit(0xf1, map) && !test_bit(0x30, map));
}
END_TEST

START_TEST(state_round_trip)
{
	struct kvm_ioapic_state saved, again;

	setup();
	set(0, 0x05000000);
	set_pin(2, 0x30, 0);
	set_pin(10, LEVEL | 0x50, 3);
	set_pin(11, MASKED | 0x51, 3);
	ioapic_set_line(&ioapic, 2, true);
	ioapic_set_line(&ioapic, 10, true);
	ioapic_set_line(&ioapic, 11, true);
	ioapic_get_state(&ioapic, &saved);
	ck_assert_uint_eq(saved.base_address, IOAPIC_DEFAULT_BASE);
	/* Pin 2's edge is history, pin 10 is asserted. */
	ck_assert_uint_eq(saved.irr, 1 << 10 | 1 << 11);
	setup();
	ioapic_set_state(&ioapic, &saved);
	ck_assert_int_eq(sent, 0);
	ioapic_get_state(&ioapic, &again);
	ck_assert_mem_eq(&saved, &again, sizeof(saved));
	ioapic_eoi(&ioapic, 0x50, true);
	ck_assert_int_eq(sent, 1);
}
END_TEST

START_TEST(state_brings_lines)
{
	struct kvm_ioapic_state saved;

	setup();
	set_pin(4, 0x40, 0);
	ioapic_get_state(&ioapic, &saved);
	saved.irr = 1 << 4;
	ioapic_set_state(&ioapic, &saved);
	ck_assert_int_eq(sent, 1);
	ck_assert_uint_eq(last.vector, 0x40);
}
END_TEST

START_TEST(hostile_state_is_cut)
{
	struct kvm_ioapic_state state;

	setup();
	memset(&state, 0xff, sizeof(state));
	ioapic_set_state(&ioapic, &state);
	ioapic_get_state(&ioapic, &state);
	ck_assert_uint_eq(state.ioregsel, 0xff);
	ck_assert_uint_eq(state.id, 15);
	ck_assert_uint_eq(state.irr, 0xffffff);
	ck_assert_uint_eq(state.base_address, IOAPIC_DEFAULT_BASE);
}
END_TEST

int main(void)
{
	const struct TTest *tests[] = {
		reset_state,
		id_register,
		every_index_is_bounded,
		every_access_is_bounded,
		read_only_and_reserved_bits,
		message_fields,
		edge_needs_a_rise,
		edge_on_masked_pin_is_lost,
		level_waits_for_eoi,
		level_while_masked_counts_on_unmask,
		level_not_taken_is_not_in_service,
		only_vectors_are_level_triggered,
		eoi_while_masked_does_not_send,
		eoi_names_its_vector,
		edge_clears_remote_irr,
		storm_is_broken,
		storm_ends_with_the_line,
		eoi_register_of_version_20,
		pin_out_of_range,
		vectors_of_pins,
		state_round_trip,
		state_brings_lines,
		hostile_state_is_cut,
	};

	return run_tests("ioapic", tests, ARRAY_SIZE(tests));
}
