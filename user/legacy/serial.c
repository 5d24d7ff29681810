// SPDX-License-Identifier: GPL-2.0-only
/*
 * Serial port COM1: a 16550A (National Semiconductor PC16550D data sheet). The other end of the
 * line is the user's terminal, which sends only while the guest asserts RTS, and which takes
 * characters at once unless whoever reads it is slow.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "container_of.h"
#include "error.h"
#include "legacy/legacy.h"
#include "machine.h"
#include "term.h"
#include "vm.h"

#define COM1_BASE    0x3f8
#define COM1_PORTS   8
#define FIFO_SIZE    16

#define IER_RX	     0x01
#define IER_TX	     0x02
#define IER_LINE     0x04
#define IER_MODEM    0x08
#define IER_BITS     0x0f

#define IIR_NONE     0x01
#define IIR_MODEM    0x00
#define IIR_TX	     0x02
#define IIR_RX	     0x04
#define IIR_LINE     0x06
#define IIR_TIMEOUT  0x0c
#define IIR_FIFO     0xc0

#define FCR_ENABLE   0x01
#define FCR_CLEAR_RX 0x02
#define FCR_CLEAR_TX 0x04

#define LCR_DLAB     0x80

#define MCR_RTS	     0x02
#define MCR_OUT2     0x08
#define MCR_LOOP     0x10
#define MCR_BITS     0x1f

#define LSR_DATA     0x01
#define LSR_OVERRUN  0x02
#define LSR_ERRORS   0x1e
#define LSR_TX_ROOM  0x20
#define LSR_TX_EMPTY 0x40

#define MSR_CTS	     0x10
#define MSR_DSR	     0x20
#define MSR_RI	     0x40
#define MSR_DCD	     0x80
#define MSR_LINES    0xf0

struct fifo {
	uint8_t data[FIFO_SIZE];
	unsigned int first;
	unsigned int count;
};

/*
 * Everything is under @lock, which is taken inside no other and has only leaves within (the
 * terminal's). @tx_event: the transmitter has become empty and nobody has been told.
 */
struct serial {
	struct vm *vm;
	struct term_user user;
	pthread_mutex_t lock;
	struct fifo rx;
	struct fifo tx;
	uint8_t ier;
	uint8_t fcr;
	uint8_t lcr;
	uint8_t mcr;
	uint8_t lsr_errors;
	uint8_t msr;
	uint8_t scratch;
	uint8_t divisor[2];
	bool tx_event;
	bool attached;
	bool line;
};

static void push(struct fifo *fifo, uint8_t byte)
{
	fifo->data[(fifo->first + fifo->count++) % FIFO_SIZE] = byte;
}

static uint8_t pop(struct fifo *fifo)
{
	uint8_t byte = fifo->data[fifo->first];

	fifo->first = (fifo->first + 1) % FIFO_SIZE;
	fifo->count--;
	return byte;
}

/* Without FIFOs there is one holding register. */
static unsigned int depth(const struct serial *com)
{
	return com->fcr & FCR_ENABLE ? FIFO_SIZE : 1;
}

static unsigned int rx_trigger(const struct serial *com)
{
	static const uint8_t levels[] = { 1, 4, 8, 14 };

	return com->fcr & FCR_ENABLE ? levels[com->fcr >> 6] : 1;
}

/*
 * The interrupt with the highest priority. Characters below the trigger level time out at once:
 * the terminal hands over all it has, so none will follow within four character times.
 */
static uint8_t pending(const struct serial *com)
{
	if ((com->ier & IER_LINE) && com->lsr_errors)
		return IIR_LINE;
	if ((com->ier & IER_RX) && com->rx.count)
		return com->rx.count >= rx_trigger(com) ? IIR_RX : IIR_TIMEOUT;
	if ((com->ier & IER_TX) && com->tx_event)
		return IIR_TX;
	if ((com->ier & IER_MODEM) && (com->msr & ~MSR_LINES))
		return IIR_MODEM;
	return IIR_NONE;
}

/* On a PC, OUT2 opens the way to the interrupt controller; in loopback mode its pin is idle. */
static void update_line(struct serial *com)
{
	bool open = (com->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;
	bool line = open && pending(com) != IIR_NONE;

	if (line != com->line)
		irq_line(com->vm, MACHINE_IRQ_COM1, line);
	com->line = line;
}

static void receive(struct serial *com, uint8_t byte)
{
	if (com->rx.count < depth(com))
		push(&com->rx, byte);
	else
		com->lsr_errors |= LSR_OVERRUN;
}

/* Hand over what the terminal takes; it calls drained() when it can take more. */
static void transmit(struct serial *com)
{
	while (com->tx.count) {
		uint8_t byte = com->tx.data[com->tx.first];

		if (com->attached && !term_write(com->vm->term, &byte, 1))
			return;
		pop(&com->tx);
	}
	com->tx_event = true;
}

static void write_data(struct serial *com, uint8_t byte)
{
	com->tx_event = false;
	if (com->mcr & MCR_LOOP) {
		receive(com, byte);
		com->tx_event = true;
		return;
	}
	if (com->tx.count < depth(com))
		push(&com->tx, byte);
	transmit(com);
}

static uint8_t read_data(struct serial *com)
{
	uint8_t byte = com->rx.data[com->rx.first];

	if (!com->rx.count)
		return byte;
	byte = pop(&com->rx);
	if (!com->rx.count && com->attached)
		term_resume(com->vm->term);
	return byte;
}

/* The modem's lines: in loopback mode our own outputs, else a terminal that is always there. */
static void update_modem(struct serial *com)
{
	static const uint8_t loop[] = { MSR_DSR, MSR_CTS, MSR_RI, MSR_DCD };
	uint8_t lines = MSR_CTS | MSR_DSR | MSR_DCD, changed;

	if (com->mcr & MCR_LOOP) {
		lines = 0;
		for (unsigned int i = 0; i < sizeof(loop); i++)
			lines |= com->mcr & (1 << i) ? loop[i] : 0;
	}
	changed = (com->msr ^ lines) & MSR_LINES;
	if (lines & MSR_RI)
		changed &= (uint8_t)~MSR_RI; /* only its end counts */
	com->msr = (uint8_t)(lines | (com->msr & ~MSR_LINES) | changed >> 4);
}

static void write_mcr(struct serial *com, uint8_t value)
{
	com->mcr = value & MCR_BITS;
	update_modem(com);
	if ((com->mcr & MCR_RTS) && com->attached)
		term_resume(com->vm->term);
}

static void write_ier(struct serial *com, uint8_t value)
{
	bool enables = !(com->ier & IER_TX) && (value & IER_TX);

	com->ier = value & IER_BITS;
	if (enables && !com->tx.count)
		com->tx_event = true;
}

static void clear_rx(struct serial *com)
{
	com->rx.count = 0;
	if (com->attached)
		term_resume(com->vm->term);
}

static void write_fcr(struct serial *com, uint8_t value)
{
	bool toggled = (com->fcr ^ value) & FCR_ENABLE;

	if (toggled || (value & FCR_CLEAR_RX))
		clear_rx(com);
	if (toggled || (value & FCR_CLEAR_TX))
		com->tx.count = 0;
	com->fcr = value & FCR_ENABLE ? value : 0;
}

static uint8_t read_iir(struct serial *com)
{
	uint8_t iir = pending(com);

	if (iir == IIR_TX)
		com->tx_event = false;
	return iir | (com->fcr & FCR_ENABLE ? IIR_FIFO : 0);
}

static uint8_t read_lsr(struct serial *com)
{
	uint8_t lsr = com->lsr_errors;

	if (com->rx.count)
		lsr |= LSR_DATA;
	if (!com->tx.count)
		lsr |= LSR_TX_ROOM | LSR_TX_EMPTY;
	com->lsr_errors = 0;
	return lsr;
}

static uint8_t read_msr(struct serial *com)
{
	uint8_t msr = com->msr;

	com->msr &= MSR_LINES;
	return msr;
}

static uint8_t read_register(struct serial *com, unsigned int reg)
{
	if (reg < 2 && (com->lcr & LCR_DLAB))
		return com->divisor[reg];
	switch (reg) {
	case 0:
		return read_data(com);
	case 1:
		return com->ier;
	case 2:
		return read_iir(com);
	case 3:
		return com->lcr;
	case 4:
		return com->mcr;
	case 5:
		return read_lsr(com);
	case 6:
		return read_msr(com);
	default:
		return com->scratch;
	}
}

static void write_register(struct serial *com, unsigned int reg, uint8_t value)
{
	if (reg < 2 && (com->lcr & LCR_DLAB)) {
		com->divisor[reg] = value;
		return;
	}
	switch (reg) {
	case 0:
		write_data(com, value);
		break;
	case 1:
		write_ier(com, value);
		break;
	case 2:
		write_fcr(com, value);
		break;
	case 3:
		com->lcr = value;
		break;
	case 4:
		write_mcr(com, value);
		break;
	case 7:
		com->scratch = value;
		break;
	default: /* LSR and MSR are for factory tests only */
		break;
	}
}

static uint64_t serial_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct serial *com = opaque;
	uint8_t value;

	(void)size;
	pthread_mutex_lock(&com->lock);
	value = read_register(com, (unsigned int)offset);
	update_line(com);
	pthread_mutex_unlock(&com->lock);
	return value;
}

static void serial_write(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
	struct serial *com = opaque;

	(void)size;
	pthread_mutex_lock(&com->lock);
	write_register(com, (unsigned int)offset, (uint8_t)value);
	update_line(com);
	pthread_mutex_unlock(&com->lock);
}

static const struct bus_ops serial_ops = {
	.read = serial_read,
	.write = serial_write,
};

static size_t input(struct term_user *user, const uint8_t *buf, size_t len)
{
	struct serial *com = container_of(user, struct serial, user);
	size_t taken = 0;

	pthread_mutex_lock(&com->lock);
	if ((com->mcr & (MCR_RTS | MCR_LOOP)) == MCR_RTS) {
		while (taken < len && com->rx.count < depth(com))
			push(&com->rx, buf[taken++]);
	}
	update_line(com);
	pthread_mutex_unlock(&com->lock);
	return taken;
}

static void drained(struct term_user *user)
{
	struct serial *com = container_of(user, struct serial, user);

	pthread_mutex_lock(&com->lock);
	if (com->tx.count)
		transmit(com);
	update_line(com);
	pthread_mutex_unlock(&com->lock);
}

static void serial_reset(struct device *dev)
{
	struct serial *com = dev->priv;

	pthread_mutex_lock(&com->lock);
	com->rx.count = 0;
	com->tx.count = 0;
	com->ier = 0;
	com->fcr = 0;
	com->lcr = 0;
	com->mcr = 0;
	com->lsr_errors = 0;
	com->msr = MSR_CTS | MSR_DSR | MSR_DCD;
	com->scratch = 0;
	memset(com->divisor, 0, sizeof(com->divisor));
	com->tx_event = true;
	com->line = false;
	pthread_mutex_unlock(&com->lock);
}

static int serial_init(struct device *dev)
{
	const struct config *config = dev->config;
	struct serial *com = calloc(1, sizeof(*com));
	int err;

	if (!com)
		return -ENOMEM;
	com->vm = dev->vm;
	pthread_mutex_init(&com->lock, NULL);
	com->user = (struct term_user){ .input = input, .drained = drained };
	dev->priv = com;
	serial_reset(dev);
	err = bus_add(dev->vm->pio, COM1_BASE, COM1_PORTS, &serial_ops, com);
	if (err) {
		say_error("serial", "%s", strerror(-err));
		pthread_mutex_destroy(&com->lock);
		free(com);
		return err;
	}
	com->attached = config->console == CONSOLE_SERIAL &&
			!term_attach(dev->vm->term, &com->user);
	return 0;
}

static void serial_exit(struct device *dev)
{
	struct serial *com = dev->priv;

	if (com->attached)
		term_detach(dev->vm->term, &com->user);
	bus_remove(dev->vm->pio, COM1_BASE, COM1_PORTS);
	pthread_mutex_destroy(&com->lock);
	free(com);
}

const struct device_ops serial_device = {
	.name = "serial",
	.init = serial_init,
	.reset = serial_reset,
	.exit = serial_exit,
};
