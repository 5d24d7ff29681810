// SPDX-License-Identifier: GPL-2.0-only
/* The PC's two 8259A interrupt controllers (Intel 8259A data sheet; names are the sheet's). */

#include <linux/bitops.h>
#include <linux/string.h>

#include "pic.h"

#define ICW1	       BIT(4)
#define ICW1_IC4       BIT(0)
#define ICW4_AEOI      BIT(1)
#define ICW4_SFNM      BIT(4)
#define OCW2_EOI       BIT(5)
#define OCW2_SL	       BIT(6)
#define OCW2_R	       BIT(7)
#define OCW3	       BIT(3)
#define OCW3_RIS       BIT(0)
#define OCW3_RR	       BIT(1)
#define OCW3_P	       BIT(2)
#define OCW3_SMM       BIT(5)
#define OCW3_ESMM      BIT(6)

#define POLL_INTERRUPT BIT(7)

/* What init_state says: which initialization word a write to the odd port is. */
enum {
	READY,
	WANT_ICW2,
	WANT_ICW3,
	WANT_ICW4
};

enum {
	MASTER,
	SLAVE
};

/* Lines whose trigger mode can be chosen: not the timer, keyboard, cascade, RTC, FPU. */
static const u8 elcr_masks[] = { [MASTER] = 0xf8, [SLAVE] = 0xde };

/* The line of highest priority in @lines, -1 if none. priority_add is the highest of all. */
static int highest(const struct kvm_pic_state *chip, u8 lines)
{
	unsigned int rotate = chip->priority_add & 7;

	if (!lines)
		return -1;
	return (__ffs(ror8(lines, rotate)) + rotate) & 7;
}

static int rank(const struct kvm_pic_state *chip, int line)
{
	return line < 0 ? 8 : (line - chip->priority_add) & 7;
}

/* In special mask mode, what is masked blocks nobody and no plain EOI ends it. */
static u8 blocking(const struct kvm_pic_state *chip)
{
	return chip->special_mask ? chip->isr & ~chip->imr : chip->isr;
}

/* The line that the chip asks the processor to serve, -1 if none. */
static int pending(const struct pic *pic, int nr)
{
	const struct kvm_pic_state *chip = &pic->chip[nr];
	int line = highest(chip, chip->irr & ~chip->imr);
	int serving = highest(chip, blocking(chip));

	if (line < 0)
		return -1;
	/* The slave's lines share one input: it may interrupt itself. */
	if (nr == MASTER && chip->special_fully_nested_mode && line == PIC_CASCADE &&
	    serving == PIC_CASCADE)
		return line;
	return rank(chip, line) < rank(chip, serving) ? line : -1;
}

static void set_input(struct kvm_pic_state *chip, u8 bit, bool level)
{
	if (!level) {
		chip->last_irr &= ~bit;
		if (chip->elcr & bit)
			chip->irr &= ~bit;
		return;
	}
	/* An edge stays latched when the line falls: many a device model only pulses it. */
	if (chip->elcr & bit || !(chip->last_irr & bit))
		chip->irr |= bit;
	chip->last_irr |= bit;
}

static void update(struct pic *pic)
{
	bool output;

	set_input(&pic->chip[MASTER], BIT(PIC_CASCADE), pending(pic, SLAVE) >= 0);
	output = pending(pic, MASTER) >= 0;
	if (output == pic->output)
		return;
	pic->output = output;
	pic->ops->output(pic->opaque, output);
}

/**
 * pic_init() - make the pair, as after power-up
 * @pic: what to fill
 * @ops: the world
 * @opaque: handed to @ops
 */
void pic_init(struct pic *pic, const struct pic_ops *ops, void *opaque)
{
	memset(pic, 0, sizeof(*pic));
	pic->chip[MASTER].elcr_mask = elcr_masks[MASTER];
	pic->chip[SLAVE].elcr_mask = elcr_masks[SLAVE];
	pic->ops = ops;
	pic->opaque = opaque;
}

/**
 * pic_set_line() - raise or lower an interrupt line
 * @pic: the pair
 * @line: 0 to 15; the cascade has no pin
 * @level: true raises
 *
 * Return: 1 if this is a new request, or a line fell; 0 if it merged with one that waits; -1 if
 * the line is masked. What KVM_IRQ_LINE_STATUS answers
 */
int pic_set_line(struct pic *pic, unsigned int line, bool level)
{
	struct kvm_pic_state *chip = &pic->chip[line >> 3 & 1];
	u8 bit = BIT(line & 7);
	bool request, waits;

	if (line >= PIC_LINES || line == PIC_CASCADE)
		return -1;
	request = level && (chip->elcr & bit || !(chip->last_irr & bit));
	waits = chip->irr & bit;
	set_input(chip, bit, level);
	update(pic);
	if (chip->imr & bit)
		return -1;
	return !(request && waits);
}

static void tell_eoi(struct pic *pic, int nr, int line)
{
	pic->ops->eoi(pic->opaque, nr * 8 + line);
}

static void clear_isr(struct pic *pic, int nr, u8 lines)
{
	struct kvm_pic_state *chip = &pic->chip[nr];
	int line;

	lines &= chip->isr;
	chip->isr &= ~lines;
	for (line = 0; line < 8; line++) {
		if (lines & BIT(line))
			tell_eoi(pic, nr, line);
	}
}

/* The first INTA pulse (data sheet, "Interrupt sequence"). */
static void acknowledge(struct pic *pic, int nr, int line)
{
	struct kvm_pic_state *chip = &pic->chip[nr];
	u8 bit = BIT(line);

	if (!(chip->elcr & bit))
		chip->irr &= ~bit;
	/* INT falls with INTA, so that the next request of the slave is a new edge. */
	if (nr == SLAVE) {
		pic->chip[MASTER].last_irr &= ~BIT(PIC_CASCADE);
		pic->chip[MASTER].irr &= ~BIT(PIC_CASCADE);
	}
	chip->isr |= bit;
	if (!chip->auto_eoi)
		return;
	if (chip->rotate_on_auto_eoi)
		chip->priority_add = (line + 1) & 7;
	clear_isr(pic, nr, bit);
}

/**
 * pic_ack() - the processor acknowledges: both INTA pulses
 * @pic: the pair
 *
 * Return: the vector; that of line 7 of the chip asked if its request is gone
 */
u8 pic_ack(struct pic *pic)
{
	int nr = MASTER;
	int line = pending(pic, MASTER);
	u8 vector;

	if (line >= 0)
		acknowledge(pic, MASTER, line);
	if (line == PIC_CASCADE) {
		nr = SLAVE;
		line = pending(pic, SLAVE);
		if (line >= 0)
			acknowledge(pic, SLAVE, line);
	}
	vector = pic->chip[nr].irq_base + (line < 0 ? 7 : line);
	update(pic);
	return vector;
}

/*
 * The chipset wires the pair for cascade mode and edge/level control per line: SNGL, LTIM and the
 * MCS-80 bits have no effect.
 */
static void write_icw1(struct pic *pic, int nr, u8 value)
{
	struct kvm_pic_state *chip = &pic->chip[nr];

	chip->irr = chip->last_irr & chip->elcr;
	chip->imr = 0;
	chip->priority_add = 0;
	chip->read_reg_select = 0;
	chip->poll = 0;
	chip->special_mask = 0;
	chip->auto_eoi = 0;
	chip->rotate_on_auto_eoi = 0;
	chip->special_fully_nested_mode = 0;
	chip->init4 = value & ICW1_IC4;
	chip->init_state = WANT_ICW2;
	clear_isr(pic, nr, 0xff);
}

static void write_ocw2(struct pic *pic, int nr, u8 value)
{
	struct kvm_pic_state *chip = &pic->chip[nr];
	int line = value & 7;

	if (!(value & (OCW2_EOI | OCW2_SL))) {
		chip->rotate_on_auto_eoi = !!(value & OCW2_R);
		return;
	}
	if (!(value & OCW2_SL))
		line = highest(chip, blocking(chip));
	if (line < 0)
		return;
	if (value & OCW2_R)
		chip->priority_add = (line + 1) & 7;
	if (value & OCW2_EOI)
		clear_isr(pic, nr, BIT(line));
}

static void write_ocw3(struct kvm_pic_state *chip, u8 value)
{
	if (value & OCW3_P)
		chip->poll = 1;
	if (value & OCW3_RR)
		chip->read_reg_select = value & OCW3_RIS;
	if (value & OCW3_ESMM)
		chip->special_mask = !!(value & OCW3_SMM);
}

static void write_odd(struct kvm_pic_state *chip, u8 value)
{
	switch (chip->init_state) {
	case READY:
		chip->imr = value;
		break;
	case WANT_ICW2:
		chip->irq_base = value & 0xf8;
		chip->init_state = WANT_ICW3;
		break;
	case WANT_ICW3:
		chip->init_state = chip->init4 ? WANT_ICW4 : READY;
		break;
	case WANT_ICW4:
		chip->special_fully_nested_mode = !!(value & ICW4_SFNM);
		chip->auto_eoi = !!(value & ICW4_AEOI);
		chip->init_state = READY;
		break;
	}
}

/* A level is what the line has now: no edge that came before can stay in its place. */
static void write_elcr(struct kvm_pic_state *chip, u8 value)
{
	chip->elcr = value & chip->elcr_mask;
	chip->irr = (chip->irr & ~chip->elcr) | (chip->last_irr & chip->elcr);
}

/* The poll command makes the next read an acknowledgment. */
static u8 poll(struct pic *pic, int nr)
{
	int line = pending(pic, nr);

	pic->chip[nr].poll = 0;
	if (line < 0)
		return 0;
	acknowledge(pic, nr, line);
	update(pic);
	return POLL_INTERRUPT | line;
}

/* The pair's ports: 20h, 21h, A0h, A1h, and the ELCRs at 4D0h, 4D1h. */
bool pic_port(u16 port)
{
	return (port & ~0x81) == 0x20 || (port & ~1) == 0x4d0;
}

/**
 * pic_read() - IN from a port
 * @pic: the pair
 * @port: one for which pic_port() holds
 *
 * Return: the value
 */
u8 pic_read(struct pic *pic, u16 port)
{
	int nr = port & 0x400 ? port & 1 : port >> 7 & 1;
	const struct kvm_pic_state *chip = &pic->chip[nr];

	if (port & 0x400)
		return chip->elcr;
	if (chip->poll)
		return poll(pic, nr);
	if (port & 1)
		return chip->imr;
	return chip->read_reg_select ? chip->isr : chip->irr;
}

/**
 * pic_write() - OUT to a port
 * @pic: the pair
 * @port: one for which pic_port() holds
 * @value: the value
 */
void pic_write(struct pic *pic, u16 port, u8 value)
{
	int nr = port & 0x400 ? port & 1 : port >> 7 & 1;
	struct kvm_pic_state *chip = &pic->chip[nr];

	if (port & 0x400)
		write_elcr(chip, value);
	else if (port & 1)
		write_odd(chip, value);
	else if (value & ICW1)
		write_icw1(pic, nr, value);
	else if (value & OCW3)
		write_ocw3(chip, value);
	else
		write_ocw2(pic, nr, value);
	update(pic);
}

/* One chip's state, as KVM_GET_IRQCHIP shows it. @chip is 0 or 1. */
void pic_get_state(const struct pic *pic, unsigned int chip, struct kvm_pic_state *state)
{
	*state = pic->chip[chip & 1];
}

/**
 * pic_set_state() - KVM_SET_IRQCHIP
 * @pic: the pair
 * @nr: 0 or 1: which chip
 * @state: hostile; what the model cannot hold is dropped. Any base of the vectors and any mask of
 *	the ELCR is taken, and shown again
 */
void pic_set_state(struct pic *pic, unsigned int nr, const struct kvm_pic_state *state)
{
	struct kvm_pic_state *chip = &pic->chip[nr & 1];

	*chip = *state;
	chip->priority_add &= 7;
	chip->init_state &= 3;
	chip->elcr &= chip->elcr_mask;
	update(pic);
}
