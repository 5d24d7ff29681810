// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keyboard controller 8042, with a keyboard on which nobody types and no mouse: guests probe it,
 * and reset the machine by it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "array_size.h"
#include "error.h"
#include "legacy/legacy.h"
#include "machine.h"
#include "vm.h"

#define PORT_DATA	   0x60
#define PORT_COMMAND	   0x64

#define STATUS_OUTPUT_FULL 0x01
#define STATUS_SYSTEM	   0x04
#define STATUS_COMMAND	   0x08
#define STATUS_UNLOCKED	   0x10

#define MODE_KEYBOARD_IRQ  0x01
#define MODE_SYSTEM	   0x04
#define MODE_MOUSE_OFF	   0x20
#define MODE_TRANSLATE	   0x40
#define MODE_RESET	   (MODE_SYSTEM | MODE_MOUSE_OFF | MODE_TRANSLATE)

#define OUTPUT_NOT_RESET   0x01
#define OUTPUT_A20	   0x02

#define KEYBOARD_ACK	   0xfa
#define KEYBOARD_RESEND	   0xfe
#define QUEUE_SIZE	   16

/* Everything is under @lock. @argument_of: the command that waits for a byte at the data port. */
struct i8042 {
	struct vm *vm;
	pthread_mutex_t lock;
	uint8_t mode;
	uint8_t output_port;
	uint8_t argument_of;
	bool command_last;
	uint8_t keyboard_argument_of;
	uint8_t queue[QUEUE_SIZE];
	unsigned int queued;
	bool line;
};

static void answer(struct i8042 *kbc, uint8_t byte)
{
	if (kbc->queued < QUEUE_SIZE)
		kbc->queue[kbc->queued++] = byte;
}

static void reset_machine(struct i8042 *kbc)
{
	vm_stop(kbc->vm, VM_RESET);
}

static void read_mode(struct i8042 *kbc, uint8_t command)
{
	(void)command;
	answer(kbc, kbc->mode);
}

static void expect_argument(struct i8042 *kbc, uint8_t command)
{
	kbc->argument_of = command;
}

static void disable_mouse(struct i8042 *kbc, uint8_t command)
{
	(void)command;
	kbc->mode |= MODE_MOUSE_OFF;
}

static void enable_mouse(struct i8042 *kbc, uint8_t command)
{
	(void)command;
	kbc->mode &= (uint8_t)~MODE_MOUSE_OFF;
}

static void self_test(struct i8042 *kbc, uint8_t command)
{
	(void)command;
	kbc->queued = 0;
	kbc->mode |= MODE_SYSTEM;
	answer(kbc, 0x55);
}

static void test_keyboard(struct i8042 *kbc, uint8_t command)
{
	(void)command;
	answer(kbc, 0x00);
}

/* There is none: its clock line is stuck low. */
static void test_mouse(struct i8042 *kbc, uint8_t command)
{
	(void)command;
	answer(kbc, 0x01);
}

static void read_output_port(struct i8042 *kbc, uint8_t command)
{
	(void)command;
	answer(kbc, kbc->output_port);
}

static void do_nothing(struct i8042 *kbc, uint8_t command)
{
	(void)kbc;
	(void)command;
}

/* What the controller does when a command arrives at port 0x64. */
static const struct {
	uint8_t command;
	void (*run)(struct i8042 *kbc, uint8_t command);
} commands[] = {
	{ 0x20, read_mode },	    { 0x60, expect_argument }, { 0xa7, disable_mouse },
	{ 0xa8, enable_mouse },	    { 0xa9, test_mouse },      { 0xaa, self_test },
	{ 0xab, test_keyboard },    { 0xad, do_nothing },      { 0xae, do_nothing },
	{ 0xd0, read_output_port }, { 0xd1, expect_argument }, { 0xd2, expect_argument },
	{ 0xd3, expect_argument },  { 0xd4, expect_argument },
};

/* 0xf0 to 0xff pulse the output lines whose bits are 0; line 0 is the processors' reset. */
static bool pulses_reset(uint8_t command)
{
	return command >= 0xf0 && !(command & OUTPUT_NOT_RESET);
}

static void run_command(struct i8042 *kbc, uint8_t command)
{
	kbc->command_last = true;
	kbc->argument_of = 0;
	if (pulses_reset(command)) {
		reset_machine(kbc);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (commands[i].command == command)
			commands[i].run(kbc, command);
	}
}

/* What the keyboard says to a command, after its acknowledgment; some take one byte more. */
static const struct {
	uint8_t command;
	bool argument;
	uint8_t nr_answers;
	uint8_t answers[2];
} keyboard_commands[] = {
	{ 0xed, true, 0, { 0 } }, /* set lights */
	{ 0xf0, true, 0, { 0 } }, /* set scan codes */
	{ 0xf2, false, 2, { 0xab, 0x83 } }, /* identify */
	{ 0xf3, true, 0, { 0 } }, /* set repeat rate */
	{ 0xf4, false, 0, { 0 } }, /* enable */
	{ 0xf5, false, 0, { 0 } }, /* disable */
	{ 0xf6, false, 0, { 0 } }, /* defaults */
	{ 0xff, false, 1, { 0xaa } }, /* reset and test */
};

static void run_keyboard(struct i8042 *kbc, uint8_t byte)
{
	bool argument = kbc->keyboard_argument_of;

	kbc->keyboard_argument_of = 0;
	if (argument) {
		answer(kbc, KEYBOARD_ACK);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(keyboard_commands); i++) {
		if (keyboard_commands[i].command != byte)
			continue;
		answer(kbc, KEYBOARD_ACK);
		for (unsigned int n = 0; n < keyboard_commands[i].nr_answers; n++)
			answer(kbc, keyboard_commands[i].answers[n]);
		if (keyboard_commands[i].argument)
			kbc->keyboard_argument_of = byte;
		return;
	}
	answer(kbc, KEYBOARD_RESEND);
}

static void take_argument(struct i8042 *kbc, uint8_t command, uint8_t byte)
{
	switch (command) {
	case 0x60:
		kbc->mode = byte;
		break;
	case 0xd1:
		kbc->output_port = byte;
		if (!(byte & OUTPUT_NOT_RESET))
			reset_machine(kbc);
		break;
	case 0xd2:
	case 0xd3: /* the echo comes as if from the keyboard: there is no mouse port */
		answer(kbc, byte);
		break;
	}
}

static void write_data(struct i8042 *kbc, uint8_t byte)
{
	uint8_t command = kbc->argument_of;

	kbc->command_last = false;
	kbc->argument_of = 0;
	if (command)
		take_argument(kbc, command, byte);
	else
		run_keyboard(kbc, byte);
}

static uint8_t read_data(struct i8042 *kbc)
{
	uint8_t byte = kbc->queue[0];

	if (kbc->queued) {
		kbc->queued--;
		memmove(kbc->queue, kbc->queue + 1, kbc->queued);
		kbc->queue[kbc->queued] = byte;
	}
	return byte;
}

static uint8_t read_status(const struct i8042 *kbc)
{
	uint8_t status = STATUS_UNLOCKED | (kbc->mode & STATUS_SYSTEM);

	if (kbc->queued)
		status |= STATUS_OUTPUT_FULL;
	if (kbc->command_last)
		status |= STATUS_COMMAND;
	return status;
}

static void set_line(struct i8042 *kbc, bool line)
{
	if (line != kbc->line)
		irq_line(kbc->vm, MACHINE_IRQ_KEYBOARD, line);
	kbc->line = line;
}

/* Each byte is announced by an edge of its own. */
static void update_line(struct i8042 *kbc, bool taken)
{
	if (taken)
		set_line(kbc, false);
	set_line(kbc, kbc->queued && (kbc->mode & MODE_KEYBOARD_IRQ));
}

static uint64_t data_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct i8042 *kbc = opaque;
	uint8_t byte;

	(void)offset;
	(void)size;
	pthread_mutex_lock(&kbc->lock);
	byte = read_data(kbc);
	update_line(kbc, true);
	pthread_mutex_unlock(&kbc->lock);
	return byte;
}

static void data_write(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
	struct i8042 *kbc = opaque;

	(void)offset;
	(void)size;
	pthread_mutex_lock(&kbc->lock);
	write_data(kbc, (uint8_t)value);
	update_line(kbc, false);
	pthread_mutex_unlock(&kbc->lock);
}

static uint64_t command_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct i8042 *kbc = opaque;
	uint8_t status;

	(void)offset;
	(void)size;
	pthread_mutex_lock(&kbc->lock);
	status = read_status(kbc);
	pthread_mutex_unlock(&kbc->lock);
	return status;
}

static void command_write(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
	struct i8042 *kbc = opaque;

	(void)offset;
	(void)size;
	pthread_mutex_lock(&kbc->lock);
	run_command(kbc, (uint8_t)value);
	update_line(kbc, false);
	pthread_mutex_unlock(&kbc->lock);
}

static const struct bus_ops data_ops = {
	.read = data_read,
	.write = data_write,
};

static const struct bus_ops command_ops = {
	.read = command_read,
	.write = command_write,
};

static void i8042_reset(struct device *dev)
{
	struct i8042 *kbc = dev->priv;

	pthread_mutex_lock(&kbc->lock);
	kbc->mode = MODE_RESET;
	kbc->output_port = OUTPUT_NOT_RESET | OUTPUT_A20;
	kbc->argument_of = 0;
	kbc->keyboard_argument_of = 0;
	kbc->command_last = false;
	kbc->queued = 0;
	kbc->line = false;
	pthread_mutex_unlock(&kbc->lock);
}

static int i8042_init(struct device *dev)
{
	struct i8042 *kbc = calloc(1, sizeof(*kbc));
	int err;

	if (!kbc)
		return -ENOMEM;
	kbc->vm = dev->vm;
	pthread_mutex_init(&kbc->lock, NULL);
	dev->priv = kbc;
	i8042_reset(dev);
	err = bus_add(dev->vm->pio, PORT_DATA, 1, &data_ops, kbc);
	if (err)
		goto free;
	err = bus_add(dev->vm->pio, PORT_COMMAND, 1, &command_ops, kbc);
	if (err)
		goto remove;
	return 0;
remove:
	bus_remove(dev->vm->pio, PORT_DATA, 1);
free:
	say_error("i8042", "%s", strerror(-err));
	pthread_mutex_destroy(&kbc->lock);
	free(kbc);
	return err;
}

static void i8042_exit(struct device *dev)
{
	struct i8042 *kbc = dev->priv;

	bus_remove(dev->vm->pio, PORT_COMMAND, 1);
	bus_remove(dev->vm->pio, PORT_DATA, 1);
	pthread_mutex_destroy(&kbc->lock);
	free(kbc);
}

const struct device_ops i8042_device = {
	.name = "i8042",
	.init = i8042_init,
	.reset = i8042_reset,
	.exit = i8042_exit,
};
