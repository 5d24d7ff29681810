// SPDX-License-Identifier: GPL-2.0-only
/* The 8259A pair against the rules of its data sheet, one test per rule. */

#include <string.h>

#include "chip_test.h"
#include "irq/pic.h"

#define MASTER	0x20
#define SLAVE	0xa0
#define BASE	0x30
#define BASE2	0x70
#define EOI	0x20
#define POLL	0x0c
#define SMM_ON	0x68
#define SMM_OFF 0x48

static struct pic pic;
static int outputs;
static unsigned int eois;

static void output(void *opaque, bool level)
{
	ck_assert_ptr_eq(opaque, &outputs);
	ck_assert_int_eq(level, pic.output);
	outputs++;
}

static void eoi(void *opaque, unsigned int line)
{
	ck_assert_ptr_eq(opaque, &outputs);
	ck_assert_uint_lt(line, PIC_LINES);
	eois |= 1u << line;
}

static const struct pic_ops ops = { .output = output, .eoi = eoi };

static void program(u16 port, u8 base, u8 cascade, u8 icw4)
{
	pic_write(&pic, port, 0x11);
	pic_write(&pic, port + 1, base);
	pic_write(&pic, port + 1, cascade);
	pic_write(&pic, port + 1, icw4);
}

/* As a PC's firmware leaves it, but with all lines open. */
static void setup_icw4(u8 icw4)
{
	outputs = 0;
	eois = 0;
	pic_init(&pic, &ops, &outputs);
	program(MASTER, BASE, 4, icw4);
	program(SLAVE, BASE2, 2, icw4);
}

static void setup(void)
{
	setup_icw4(0x01);
}

static void pulse(unsigned int line)
{
	pic_set_line(&pic, line, true);
	pic_set_line(&pic, line, false);
}

static u8 isr(u16 port)
{
	pic_write(&pic, port, 0x0b);
	return pic_read(&pic, port);
}

static u8 irr(u16 port)
{
	pic_write(&pic, port, 0x0a);
	return pic_read(&pic, port);
}

/* 8259A, "Interrupt sequence"; "ICW2". */
START_TEST(vector_is_base_and_line)
{
	setup();
	pulse(3);
	ck_assert(pic.output);
	ck_assert_uint_eq(irr(MASTER), 1 << 3);
	ck_assert_uint_eq(pic_ack(&pic), BASE + 3);
	ck_assert_uint_eq(isr(MASTER), 1 << 3);
	ck_assert_uint_eq(irr(MASTER), 0);
	ck_assert(!pic.output);
}
END_TEST

/* 8259A, "Fully nested mode". */
START_TEST(fully_nested_priorities)
{
	setup();
	pulse(4);
	ck_assert_uint_eq(pic_ack(&pic), BASE + 4);
	pulse(5);
	ck_assert(!pic.output);
	pulse(4);
	ck_assert(!pic.output);
	pulse(1);
	ck_assert(pic.output);
	ck_assert_uint_eq(pic_ack(&pic), BASE + 1);
	pic_write(&pic, MASTER, EOI);
	ck_assert_uint_eq(isr(MASTER), 1 << 4);
	ck_assert(!pic.output);
	pic_write(&pic, MASTER, EOI);
	ck_assert_uint_eq(pic_ack(&pic), BASE + 4);
	pic_write(&pic, MASTER, EOI);
	ck_assert_uint_eq(pic_ack(&pic), BASE + 5);
}
END_TEST

/* 8259A, "Operation control word 1". */
START_TEST(mask_register)
{
	setup();
	pic_write(&pic, MASTER + 1, 1 << 3);
	ck_assert_uint_eq(pic_read(&pic, MASTER + 1), 1 << 3);
	ck_assert_int_eq(pic_set_line(&pic, 3, true), -1);
	ck_assert(!pic.output);
	pic_write(&pic, MASTER + 1, 0);
	ck_assert(pic.output);
	ck_assert_uint_eq(pic_ack(&pic), BASE + 3);
}
END_TEST

/* 8259A, "Edge and level triggered modes". */
START_TEST(edge_triggers_once)
{
	setup();
	ck_assert_int_eq(pic_set_line(&pic, 5, true), 1);
	ck_assert_uint_eq(pic_ack(&pic), BASE + 5);
	pic_write(&pic, MASTER, EOI);
	ck_assert(!pic.output);
	ck_assert_int_eq(pic_set_line(&pic, 5, false), 1);
	ck_assert_int_eq(pic_set_line(&pic, 5, true), 1);
	ck_assert(pic.output);
	pic_set_line(&pic, 5, false);
	ck_assert_int_eq(pic_set_line(&pic, 5, true), 0);
}
END_TEST

/* 8259A, "Edge and level triggered modes"; PIIX, ELCR1. */
START_TEST(level_triggers_until_it_falls)
{
	setup();
	pic_write(&pic, 0x4d0, 1 << 5);
	pic_set_line(&pic, 5, true);
	ck_assert_uint_eq(pic_ack(&pic), BASE + 5);
	ck_assert(!pic.output);
	pic_write(&pic, MASTER, EOI);
	ck_assert(pic.output);
	pic_set_line(&pic, 5, false);
	ck_assert(!pic.output);
	ck_assert_uint_eq(irr(MASTER), 0);
}
END_TEST

/* PIIX, ELCR1 and ELCR2: the request follows the line from then on. */
START_TEST(elcr_turns_an_edge_into_a_level)
{
	setup();
	pulse(5);
	pic_set_line(&pic, 6, true);
	pic_write(&pic, 0x4d0, 0x60);
	ck_assert_uint_eq(irr(MASTER), 1 << 6);
	ck_assert_uint_eq(pic_ack(&pic), BASE + 6);
	pic_write(&pic, MASTER, EOI);
	ck_assert(pic.output);
	/* And what was asked for as a level stays asked for as an edge. */
	pic_write(&pic, 0x4d0, 0);
	pic_set_line(&pic, 6, false);
	ck_assert(pic.output);
	ck_assert_uint_eq(pic_ack(&pic), BASE + 6);
	ck_assert_uint_eq(irr(MASTER), 0);
}
END_TEST

/* PIIX, ELCR1 and ELCR2. */
START_TEST(elcr_has_fixed_bits)
{
	setup();
	pic_write(&pic, 0x4d0, 0xff);
	pic_write(&pic, 0x4d1, 0xff);
	ck_assert_uint_eq(pic_read(&pic, 0x4d0), 0xf8);
	ck_assert_uint_eq(pic_read(&pic, 0x4d1), 0xde);
}
END_TEST

/* 8259A, "Cascade mode". */
START_TEST(cascade)
{
	setup();
	pulse(12);
	ck_assert(pic.output);
	ck_assert_uint_eq(irr(MASTER), 1 << 2);
	ck_assert_uint_eq(pic_ack(&pic), BASE2 + 4);
	ck_assert_uint_eq(isr(MASTER), 1 << 2);
	ck_assert_uint_eq(isr(SLAVE), 1 << 4);
	/* The cascade outranks line 3, not line 1. */
	pulse(3);
	ck_assert(!pic.output);
	pulse(1);
	ck_assert_uint_eq(pic_ack(&pic), BASE + 1);
	pic_write(&pic, MASTER, EOI);
	pic_write(&pic, SLAVE, EOI);
	ck_assert(!pic.output);
	pic_write(&pic, MASTER, EOI);
	ck_assert_uint_eq(pic_ack(&pic), BASE + 3);
}
END_TEST

/* 8259A, "Cascade mode". */
START_TEST(slave_asks_again_after_ack)
{
	setup();
	pulse(9);
	pulse(8);
	ck_assert_uint_eq(pic_ack(&pic), BASE2 + 0);
	pic_write(&pic, SLAVE, EOI);
	pic_write(&pic, MASTER, EOI);
	ck_assert(pic.output);
	ck_assert_uint_eq(pic_ack(&pic), BASE2 + 1);
}
END_TEST

/* 8259A, "Automatic end of interrupt"; "Cascade mode". */
START_TEST(slave_asks_again_after_automatic_eoi)
{
	setup_icw4(0x03);
	pulse(9);
	pulse(8);
	ck_assert_uint_eq(pic_ack(&pic), BASE2 + 0);
	ck_assert(pic.output);
	ck_assert_uint_eq(pic_ack(&pic), BASE2 + 1);
	ck_assert(!pic.output);
}
END_TEST

/* 8259A, "Cascade mode". */
START_TEST(cascade_has_no_pin)
{
	setup();
	ck_assert_int_eq(pic_set_line(&pic, 2, true), -1);
	ck_assert_int_eq(pic_set_line(&pic, 16, true), -1);
	ck_assert(!pic.output);
}
END_TEST

/* 8259A, "The special fully nested mode". */
START_TEST(special_fully_nested_mode)
{
	setup_icw4(0x11);
	pulse(12);
	ck_assert_uint_eq(pic_ack(&pic), BASE2 + 4);
	/* A higher line of the same slave gets through, a lower one and the master's 3 do not. */
	pulse(3);
	pulse(13);
	ck_assert(!pic.output);
	pulse(9);
	ck_assert(pic.output);
	ck_assert_uint_eq(pic_ack(&pic), BASE2 + 1);
}
END_TEST

/* 8259A, "Fully nested mode". */
START_TEST(no_sfnm_blocks_the_slave)
{
	setup();
	pulse(12);
	pic_ack(&pic);
	pulse(9);
	ck_assert(!pic.output);
}
END_TEST

/* 8259A, "Automatic end of interrupt". */
START_TEST(automatic_eoi)
{
	setup_icw4(0x03);
	pulse(4);
	ck_assert_uint_eq(pic_ack(&pic), BASE + 4);
	ck_assert_uint_eq(isr(MASTER), 0);
	ck_assert_uint_eq(eois, 1 << 4);
	pulse(6);
	ck_assert(pic.output);
	/* It ends what was in service before the mode was set, too: here the cascade. */
	setup_icw4(0x11);
	pulse(14);
	pic_ack(&pic);
	pic_write(&pic, MASTER, 0x11);
	pic_write(&pic, MASTER + 1, BASE);
	pic_write(&pic, MASTER + 1, 4);
	pulse(9);
	ck_assert_uint_eq(pic_ack(&pic), BASE2 + 1);
	ck_assert_uint_eq(isr(MASTER), 1 << 2);
	pic_write(&pic, MASTER + 1, 0x13);
	pulse(8);
	ck_assert_uint_eq(pic_ack(&pic), BASE2 + 0);
	ck_assert_uint_eq(isr(MASTER), 0);
}
END_TEST

/* 8259A, "Automatic rotation". */
START_TEST(rotate_in_automatic_eoi)
{
	setup_icw4(0x03);
	pic_write(&pic, MASTER, 0x80);
	pulse(4);
	pic_ack(&pic);
	/* 4 is lowest now: 5 outranks 1. */
	pulse(1);
	pulse(5);
	ck_assert_uint_eq(pic_ack(&pic), BASE + 5);
	pic_ack(&pic);
	pic_write(&pic, MASTER, 0x00);
	pulse(3);
	pic_ack(&pic);
	ck_assert_uint_eq(pic.chip[0].priority_add, 2);
}
END_TEST

/* 8259A, "End of interrupt". */
START_TEST(specific_eoi)
{
	setup();
	pulse(4);
	pic_ack(&pic);
	pulse(1);
	pic_ack(&pic);
	pic_write(&pic, MASTER, 0x60 | 4);
	ck_assert_uint_eq(isr(MASTER), 1 << 1);
	ck_assert_uint_eq(eois, 1 << 4);
}
END_TEST

/* 8259A, "Automatic rotation". */
START_TEST(rotate_on_nonspecific_eoi)
{
	setup();
	pulse(4);
	pic_ack(&pic);
	pic_write(&pic, MASTER, 0xa0);
	ck_assert_uint_eq(isr(MASTER), 0);
	pulse(4);
	pulse(0);
	pulse(5);
	ck_assert_uint_eq(pic_ack(&pic), BASE + 5);
}
END_TEST

/* 8259A, "Specific rotation". */
START_TEST(rotate_on_specific_eoi)
{
	setup();
	pulse(6);
	pic_ack(&pic);
	pic_write(&pic, MASTER, 0xe0 | 6);
	ck_assert_uint_eq(isr(MASTER), 0);
	pulse(7);
	pulse(0);
	ck_assert_uint_eq(pic_ack(&pic), BASE + 7);
}
END_TEST

/* 8259A, "Specific rotation"; OCW2's commands. */
START_TEST(set_priority)
{
	setup();
	pic_write(&pic, MASTER, 0xc0 | 2);
	pulse(0);
	pulse(3);
	ck_assert_uint_eq(pic_ack(&pic), BASE + 3);
	/* The command without R does nothing. */
	pic_write(&pic, MASTER, 0x40 | 5);
	ck_assert_uint_eq(pic.chip[0].priority_add, 3);
}
END_TEST

/* 8259A, "Special mask mode". */
START_TEST(special_mask_mode)
{
	setup();
	pulse(1);
	pic_ack(&pic);
	pulse(5);
	ck_assert(!pic.output);
	/* The masked line in service blocks nobody, and a plain EOI does not end it. */
	pic_write(&pic, MASTER + 1, 1 << 1);
	ck_assert(!pic.output);
	pic_write(&pic, MASTER, SMM_ON);
	ck_assert(pic.output);
	ck_assert_uint_eq(pic_ack(&pic), BASE + 5);
	pic_write(&pic, MASTER, EOI);
	pic_write(&pic, MASTER, EOI);
	ck_assert_uint_eq(isr(MASTER), 1 << 1);
	pic_write(&pic, MASTER, SMM_OFF);
	pulse(5);
	ck_assert(!pic.output);
}
END_TEST

/* 8259A, "Poll command". */
START_TEST(poll_acknowledges)
{
	setup();
	pulse(4);
	pic_write(&pic, MASTER, POLL);
	ck_assert_uint_eq(pic_read(&pic, MASTER), 0x80 | 4);
	ck_assert_uint_eq(isr(MASTER), 1 << 4);
	ck_assert(!pic.output);
	pic_write(&pic, MASTER, POLL);
	ck_assert_uint_eq(pic_read(&pic, MASTER) & 0x80, 0);
	/* The poll is for one read. */
	ck_assert_uint_eq(isr(MASTER), 1 << 4);
}
END_TEST

/* 8259A, "Poll command". */
START_TEST(poll_of_the_slave_takes_the_cascade_back)
{
	setup();
	pulse(10);
	pic_write(&pic, SLAVE, POLL);
	ck_assert_uint_eq(pic_read(&pic, SLAVE), 0x80 | 2);
	ck_assert(!pic.output);
	ck_assert_uint_eq(irr(MASTER), 0);
}
END_TEST

/* 8259A, "Edge and level triggered modes": default IR7. */
START_TEST(spurious_on_master)
{
	setup();
	pic_write(&pic, 0x4d0, 1 << 5);
	pic_set_line(&pic, 5, true);
	pic_set_line(&pic, 5, false);
	ck_assert_uint_eq(pic_ack(&pic), BASE + 7);
	ck_assert_uint_eq(isr(MASTER), 0);
}
END_TEST

/* 8259A, "Edge and level triggered modes": default IR7. */
START_TEST(spurious_on_slave)
{
	setup();
	pic_write(&pic, 0x4d1, 1 << 2);
	pic_set_line(&pic, 10, true);
	pic_set_line(&pic, 10, false);
	/* The master had latched the cascade; it alone is in service. */
	ck_assert_uint_eq(pic_ack(&pic), BASE2 + 7);
	ck_assert_uint_eq(isr(MASTER), 1 << 2);
	ck_assert_uint_eq(isr(SLAVE), 0);
}
END_TEST

/* 8259A, "Initialization command words 1 and 2", a to f. */
START_TEST(icw1_initializes)
{
	setup();
	pic_write(&pic, MASTER + 1, 0xf0);
	pic_write(&pic, MASTER, 0xc0 | 2);
	pulse(1);
	pic_ack(&pic);
	pic_set_line(&pic, 0, true);
	pic_write(&pic, MASTER, SMM_ON);
	pic_write(&pic, MASTER, 0x0b);
	pic_write(&pic, MASTER, 0x10);
	ck_assert_uint_eq(eois, 1 << 1);
	ck_assert_uint_eq(pic.chip[0].imr, 0);
	ck_assert_uint_eq(pic.chip[0].isr, 0);
	ck_assert_uint_eq(pic.chip[0].special_mask, 0);
	ck_assert_uint_eq(pic.chip[0].priority_add, 0);
	/* Reads show the IRR; an edge that came before is forgotten. */
	ck_assert_uint_eq(pic_read(&pic, MASTER), 0);
	/* Without ICW4 the third word is a mask. */
	pic_write(&pic, MASTER + 1, 0x47);
	pic_write(&pic, MASTER + 1, 4);
	pic_write(&pic, MASTER + 1, 0x12);
	ck_assert_uint_eq(pic_read(&pic, MASTER + 1), 0x12);
	ck_assert_uint_eq(pic.chip[0].irq_base, 0x40);
}
END_TEST

START_TEST(output_tells_changes_only)
{
	setup();
	pulse(3);
	pulse(4);
	ck_assert_int_eq(outputs, 1);
	pic_ack(&pic);
	ck_assert_int_eq(outputs, 2);
}
END_TEST

/* PIIX, I/O address map. */
START_TEST(ports)
{
	static const u16 mine[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1 };
	size_t i;
	int found = 0;
	u32 port;

	for (port = 0; port < 0x10000; port++)
		found += pic_port(port);
	ck_assert_int_eq(found, ARRAY_SIZE(mine));
	for (i = 0; i < ARRAY_SIZE(mine); i++)
		ck_assert(pic_port(mine[i]));
}
END_TEST

START_TEST(state_round_trip)
{
	struct kvm_pic_state saved[2];
	u8 vector;

	setup();
	pulse(4);
	pic_ack(&pic);
	pulse(9);
	pulse(1);
	pic_get_state(&pic, 0, &saved[0]);
	pic_get_state(&pic, 1, &saved[1]);
	vector = pic_ack(&pic);
	pic_init(&pic, &ops, &outputs);
	pic_set_state(&pic, 0, &saved[0]);
	pic_set_state(&pic, 1, &saved[1]);
	ck_assert(pic.output);
	ck_assert_uint_eq(pic_ack(&pic), vector);
}
END_TEST

/* Whatever a chip could not have, but no harm comes of: KVM_GET_IRQCHIP tells what was set. */
START_TEST(state_is_kept)
{
	struct kvm_pic_state state = { .irq_base = 10, .elcr_mask = 0x10, .elcr = 0x18 };

	setup();
	pic_set_state(&pic, 0, &state);
	pic_get_state(&pic, 0, &state);
	ck_assert_uint_eq(state.irq_base, 10);
	ck_assert_uint_eq(state.elcr_mask, 0x10);
	ck_assert_uint_eq(state.elcr, 0x10);
	pulse(3);
	ck_assert_uint_eq(pic_ack(&pic), 13);
	state.irq_base = 0xff;
	pic_set_state(&pic, 0, &state);
	pulse(3);
	ck_assert_uint_eq(pic_ack(&pic), 2);
}
END_TEST

START_TEST(hostile_state_is_cut)
{
	struct kvm_pic_state state;

	setup();
	memset(&state, 0xff, sizeof(state));
	pic_set_state(&pic, 0, &state);
	ck_assert_uint_eq(pic.chip[0].priority_add, 7);
	ck_assert_uint_eq(pic.chip[0].irq_base, 0xff);
	ck_assert_uint_eq(pic.chip[0].elcr & ~pic.chip[0].elcr_mask, 0);
	ck_assert_uint_le(pic.chip[0].init_state, 3);
}
END_TEST

int main(void)
{
	const struct TTest *tests[] = {
		vector_is_base_and_line,
		fully_nested_priorities,
		mask_register,
		edge_triggers_once,
		level_triggers_until_it_falls,
		elcr_turns_an_edge_into_a_level,
		elcr_has_fixed_bits,
		cascade,
		slave_asks_again_after_ack,
		slave_asks_again_after_automatic_eoi,
		cascade_has_no_pin,
		special_fully_nested_mode,
		no_sfnm_blocks_the_slave,
		automatic_eoi,
		rotate_in_automatic_eoi,
		specific_eoi,
		rotate_on_nonspecific_eoi,
		rotate_on_specific_eoi,
		set_priority,
		special_mask_mode,
		poll_acknowledges,
		poll_of_the_slave_takes_the_cascade_back,
		spurious_on_master,
		spurious_on_slave,
		icw1_initializes,
		output_tells_changes_only,
		ports,
		state_round_trip,
		state_is_kept,
		hostile_state_is_cut,
	};

	return run_tests("pic", tests, ARRAY_SIZE(tests));
}
