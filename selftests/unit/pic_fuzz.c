// SPDX-License-Identifier: GPL-2.0-only
/* Any sequence of lines, ports and acknowledgements: the pair's registers stay consistent. */

#include "chip_fuzz.h"
#include "irq/pic.h"

static const u16 ports[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1 };
static struct pic pic;
static bool output_pin;

static void output(void *opaque, bool level)
{
	must(level != output_pin);
	output_pin = level;
}

static void eoi(void *opaque, unsigned int line)
{
	must(line < PIC_LINES);
}

static const struct pic_ops ops = { .output = output, .eoi = eoi };

/* The data sheet's priority rule, said in another way: go down the ranks. */
static int expected(const struct kvm_pic_state *chip, bool master)
{
	int rank, line;
	u8 bit;

	for (rank = 0; rank < 8; rank++) {
		line = (chip->priority_add + rank) & 7;
		bit = 1 << line;
		if (master && chip->special_fully_nested_mode && line == 2 &&
		    chip->irr & ~chip->imr & bit)
			return line;
		if (chip->isr & bit && !(chip->special_mask && chip->imr & bit))
			return -1;
		if (chip->irr & ~chip->imr & bit)
			return line;
	}
	return -1;
}

static void check(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		must(!(pic.chip[i].elcr & ~pic.chip[i].elcr_mask));
		must(!(pic.chip[i].irq_base & 7));
		must(pic.chip[i].priority_add < 8);
		must(pic.chip[i].init_state < 4);
	}
	must(pic.output == output_pin);
	must(output_pin == (expected(&pic.chip[0], true) >= 0));
	/* What the slave asks has reached the master, if only as a latched edge. */
	must(!!(pic.chip[0].last_irr & 4) == (expected(&pic.chip[1], false) >= 0));
}

static void acknowledge(void)
{
	int line = expected(&pic.chip[0], true);
	int slave = expected(&pic.chip[1], false);
	u8 vector = pic_ack(&pic);

	if (line == 2)
		must(vector == pic.chip[1].irq_base + (slave < 0 ? 7 : slave));
	else
		must(vector == pic.chip[0].irq_base + (line < 0 ? 7 : line));
}

static void round_trip(void)
{
	struct kvm_pic_state saved[2], again;
	bool was = pic.output;
	int i;

	for (i = 0; i < 2; i++)
		pic_get_state(&pic, i, &saved[i]);
	pic_init(&pic, &ops, NULL);
	output_pin = false;
	/* The slave first: the master's cascade input is part of its own state. */
	pic_set_state(&pic, 1, &saved[1]);
	pic_set_state(&pic, 0, &saved[0]);
	for (i = 0; i < 2; i++) {
		pic_get_state(&pic, i, &again);
		must(!memcmp(&saved[i], &again, sizeof(again)));
	}
	must(pic.output == was);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };
	struct kvm_pic_state state;
	size_t i;
	u8 op;

	output_pin = false;
	pic_init(&pic, &ops, NULL);
	while (in.left) {
		op = take(&in, 1);
		switch (op & 7) {
		case 0:
		case 1:
			pic_set_line(&pic, op >> 4, op & 8);
			break;
		case 2:
			acknowledge();
			break;
		case 3:
		case 4:
			pic_write(&pic, ports[op / 8 % 6], take(&in, 1));
			break;
		case 5:
			pic_read(&pic, ports[op / 8 % 6]);
			break;
		case 6:
			round_trip();
			break;
		case 7:
			for (i = 0; i < sizeof(state); i++)
				((u8 *)&state)[i] = take(&in, 1);
			pic_set_state(&pic, op >> 3 & 1, &state);
			break;
		}
		check();
	}
	return 0;
}
