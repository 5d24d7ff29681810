// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any sequence of lines, ports and acknowledgements on the pair, and beside it on a second pair
 * that is written down here line by line from the data sheet, without the registers' bit tricks:
 * whatever can be seen of the two must be the same. Once user space has brought a state of its own
 * the second one cannot follow, and only the consistency of the first is checked.
 */

#include "chip_fuzz.h"
#include "irq/pic.h"

static const u16 ports[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1 };
static struct pic pic;
static bool output_pin;
static unsigned int eois;

static void output(void *opaque, bool level)
{
	must(level != output_pin);
	output_pin = level;
}

static void eoi(void *opaque, unsigned int line)
{
	must(line < PIC_LINES);
	eois |= BIT(line);
}

static const struct pic_ops ops = { .output = output, .eoi = eoi };

/* The second pair. */
struct line {
	bool level_mode;
	bool input;
	bool latched;
	bool masked;
	bool serving;
};

struct chip {
	struct line line[8];
	int lowest;
	int words_to_come;
	bool wants_icw4;
	bool special_mask;
	bool special_nested;
	bool automatic;
	bool rotating;
	bool polled;
	bool shows_isr;
	u8 base;
};

static struct chip chips[2];
static bool follows;
static unsigned int expected_eois;

static bool requests(const struct line *line)
{
	return !line->masked && (line->level_mode ? line->input : line->latched);
}

/* From the highest priority down: who asks first, before anybody who is served and blocks. */
static int winner(const struct chip *chip)
{
	int rank, i;

	for (rank = 1; rank <= 8; rank++) {
		const struct line *line = &chip->line[i = (chip->lowest + rank) % 8];
		bool blocks = line->serving && !(chip->special_mask && line->masked);

		if (blocks && !(chip == chips && i == 2 && chip->special_nested))
			return -1;
		if (requests(line))
			return i;
		if (blocks)
			return -1;
	}
	return -1;
}

static void drive(struct line *line, bool input)
{
	if (input && !line->input)
		line->latched = true;
	if (!input && line->level_mode)
		line->latched = false;
	line->input = input;
}

static void settle(void)
{
	drive(&chips[0].line[2], winner(&chips[1]) >= 0);
}

static void finish(int nr, int i)
{
	if (!chips[nr].line[i].serving)
		return;
	chips[nr].line[i].serving = false;
	expected_eois |= BIT(nr * 8 + i);
}

static void take_it(int nr, int i)
{
	struct chip *chip = &chips[nr];

	if (!chip->line[i].level_mode)
		chip->line[i].latched = false;
	chip->line[i].serving = true;
	if (nr == 1) {
		chips[0].line[2].input = false;
		chips[0].line[2].latched = false;
	}
	if (!chip->automatic)
		return;
	finish(nr, i);
	if (chip->rotating)
		chip->lowest = i;
}

static u8 model_ack(void)
{
	int i = winner(&chips[0]), nr = 0;
	u8 vector;

	if (i >= 0)
		take_it(0, i);
	if (i == 2) {
		nr = 1;
		i = winner(&chips[1]);
		if (i >= 0)
			take_it(1, i);
	}
	vector = chips[nr].base + (i < 0 ? 7 : i);
	settle();
	return vector;
}

static void initialize(int nr, u8 value)
{
	struct chip *chip = &chips[nr];
	int i;

	for (i = 0; i < 8; i++) {
		chip->line[i].latched = false;
		chip->line[i].masked = false;
		finish(nr, i);
	}
	chip->lowest = 7;
	chip->special_mask = false;
	chip->special_nested = false;
	chip->automatic = false;
	chip->rotating = false;
	chip->polled = false;
	chip->shows_isr = false;
	chip->words_to_come = value & 1 ? 3 : 2;
	chip->wants_icw4 = value & 1;
}

/* The seven commands of OCW2, one after the other. */
static void command(int nr, u8 value)
{
	struct chip *chip = &chips[nr];
	int rank, i = -1, named = value & 7;

	for (rank = 8; rank >= 1; rank--) {
		int at = (chip->lowest + rank) % 8;

		if (chip->line[at].serving && !(chip->special_mask && chip->line[at].masked))
			i = at;
	}
	switch (value >> 5) {
	case 0:
	case 4:
		chip->rotating = value & 0x80;
		break;
	case 1:
	case 5:
		if (i < 0)
			break;
		finish(nr, i);
		if (value & 0x80)
			chip->lowest = i;
		break;
	case 3:
		finish(nr, named);
		break;
	case 6:
		chip->lowest = named;
		break;
	case 7:
		finish(nr, named);
		chip->lowest = named;
		break;
	}
}

static void model_odd(struct chip *chip, u8 value)
{
	int i;

	switch (chip->words_to_come) {
	case 0:
		for (i = 0; i < 8; i++)
			chip->line[i].masked = value & BIT(i);
		return;
	case 3:
		chip->base = value & ~7;
		break;
	case 2:
		if (!chip->wants_icw4)
			chip->base = value & ~7;
		break;
	case 1:
		if (!chip->wants_icw4)
			break;
		chip->automatic = value & 2;
		chip->special_nested = value & 0x10;
	}
	chip->words_to_come--;
}

static void model_elcr(int nr, u8 value)
{
	int i;

	for (i = 0; i < 8; i++) {
		struct line *line = &chips[nr].line[i];
		bool fixed = nr ? i == 0 || i == 5 : i < 3;

		if (line->level_mode && !fixed && !(value & BIT(i)))
			line->latched = line->input;
		line->level_mode = value & BIT(i) && !fixed;
	}
}

static void model_write(int nr, bool odd, u8 value)
{
	struct chip *chip = &chips[nr];

	if (odd) {
		model_odd(chip, value);
	} else if (value & 0x10) {
		initialize(nr, value);
	} else if (value & 8) {
		chip->polled |= value & 4;
		if (value & 2)
			chip->shows_isr = value & 1;
		if (value & 0x40)
			chip->special_mask = value & 0x20;
	} else {
		command(nr, value);
	}
}

static u8 model_read(int nr, bool odd)
{
	struct chip *chip = &chips[nr];
	int i = winner(chip);
	u8 value = 0;

	if (chip->polled) {
		chip->polled = false;
		if (i < 0)
			return 0;
		take_it(nr, i);
		settle();
		return 0x80 | i;
	}
	for (i = 0; i < 8; i++) {
		const struct line *line = &chip->line[i];
		bool request = line->level_mode ? line->input : line->latched;

		if (odd ? line->masked : chip->shows_isr ? line->serving : request)
			value |= BIT(i);
	}
	return value;
}

static u8 model_elcr_read(int nr)
{
	u8 value = 0;
	int i;

	for (i = 0; i < 8; i++)
		value |= chips[nr].line[i].level_mode << i;
	return value;
}

static void model_init(void)
{
	memset(chips, 0, sizeof(chips));
	chips[0].lowest = 7;
	chips[1].lowest = 7;
	follows = true;
}

/* The data sheet's priority rule on the registers. */
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
		must(pic.chip[i].priority_add < 8);
		must(pic.chip[i].init_state < 4);
	}
	must(pic.output == output_pin);
	must(output_pin == (expected(&pic.chip[0], true) >= 0));
	/* What the slave asks has reached the master, if only as a latched edge. */
	must(!!(pic.chip[0].last_irr & 4) == (expected(&pic.chip[1], false) >= 0));
	if (!follows)
		return;
	must(output_pin == (winner(&chips[0]) >= 0));
	must(eois == expected_eois);
}

static void set_line(unsigned int line, bool level)
{
	pic_set_line(&pic, line, level);
	if (line == PIC_CASCADE)
		return;
	drive(&chips[line / 8].line[line % 8], level);
	settle();
}

static void acknowledge(void)
{
	u8 vector = pic_ack(&pic);

	must(!follows || vector == model_ack());
}

static void write_port(u16 port, u8 value)
{
	pic_write(&pic, port, value);
	if (port >= 0x4d0)
		model_elcr(port & 1, value);
	else
		model_write(port >= 0xa0, port & 1, value);
	settle();
}

/* As firmware does. */
static void initialize_both(u8 icw4)
{
	static const u8 words[2][4] = { { 0x11, 0x30, 4, 0 }, { 0x11, 0x70, 2, 0 } };
	int nr, i;

	for (nr = 0; nr < 2; nr++) {
		for (i = 0; i < 4; i++)
			write_port(ports[2 * nr + !!i], i == 3 ? icw4 : words[nr][i]);
	}
}

static void read_port(u16 port)
{
	u8 value = pic_read(&pic, port), model;

	model = port >= 0x4d0 ? model_elcr_read(port & 1) : model_read(port >= 0xa0, port & 1);
	must(!follows || value == model);
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

static void hostile_state(struct input *in, unsigned int nr)
{
	struct kvm_pic_state state;
	size_t i;

	for (i = 0; i < sizeof(state); i++)
		((u8 *)&state)[i] = take(in, 1);
	pic_set_state(&pic, nr, &state);
	follows = false;
}

static void step(struct input *in)
{
	u8 op = take(in, 1);

	switch (op & 7) {
	case 0:
	case 1:
		set_line(op >> 4, op & 8);
		break;
	case 2:
		acknowledge();
		break;
	case 3:
	case 4:
		write_port(ports[op / 8 % 6], take(in, 1));
		break;
	case 5:
		read_port(ports[op / 8 % 6]);
		break;
	case 6:
		round_trip();
		break;
	case 7:
		/* Rarely, for it ends the comparison. */
		if (op >> 4 == 15)
			hostile_state(in, op >> 3 & 1);
		break;
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };

	u8 icw4 = take(&in, 1);

	output_pin = false;
	pic_init(&pic, &ops, NULL);
	model_init();
	if (icw4 & 0x80)
		initialize_both(icw4 & 0x1f);
	while (in.left) {
		eois = 0;
		expected_eois = 0;
		step(&in);
		check();
	}
	return 0;
}

#pragma clang attribute pop
