// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whole virtio devices against a fuzzing guest. An input is a list of guest accesses: to the
 * device's registers, to configuration space, to RAM; kicks; turns of the device loop. The driver
 * has been bound and its queues laid out, so that most inputs get as far as the device's own
 * parser.
 */
#include <linux/virtio_config.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "error.h"
#include "fake_machine.h"
#include "pci/pci.h"
#include "term.h"
#include "array_size.h"
#include "virtio/devices.h"

#define SLOT	   1
#define MAX_QUEUES 6
#define RING(q)	   (0x10000 + 0x3000 * (q))
#define DISK_SIZE  65536

static char disk_path[32];
static char port_path[16];
static char port_name[16];
static struct disk_config disk = { .path = disk_path };

static const struct {
	const struct device_ops *ops;
	unsigned int nr_queues;
	uint64_t features;
} kinds[] = {
	{ &virtio_blk_device, 2, 0x6200 },
	{ &virtio_console_device, 6, 0x2 },
	{ &virtio_rng_device, 1, 0 },
};

#define NR_KINDS ARRAY_SIZE(kinds)

struct input {
	const uint8_t *data;
	size_t left;
};

static uint64_t take(struct input *input, unsigned int size)
{
	uint64_t value = 0;

	if (size > input->left)
		size = input->left;
	memcpy(&value, input->data, size);
	input->data += size;
	input->left -= size;
	return value;
}

struct world {
	struct fake_machine *fake;
	struct driver driver;
	struct driver_queue queue[MAX_QUEUES];
	unsigned int nr_queues;
};

static void act_register(struct world *world, struct input *input)
{
	uint64_t offset = take(input, 2) % 0x5000;
	unsigned int size = 1U << take(input, 1) % 4;

	fake_write(world->fake, world->driver.common + offset, size, take(input, size));
	fake_read(world->fake, world->driver.common + offset, size);
}

static void act_config(struct world *world, struct input *input)
{
	unsigned int offset = take(input, 1);
	unsigned int size = 1U << take(input, 1) % 3;

	fake_config_write(world->fake, SLOT, offset, size, take(input, size));
	fake_config_read(world->fake, SLOT, offset, size);
}

static void act_ram(struct world *world, struct input *input)
{
	uint64_t gpa = take(input, 3) % FAKE_RAM;
	uint64_t value = take(input, 8);

	guest_write(world->fake->vm.mem, gpa & ~7ULL, &value, sizeof(value));
}

/* A descriptor with small numbers, which are the interesting ones. */
static void act_descriptor(struct world *world, struct input *input)
{
	struct driver_queue *queue = &world->queue[take(input, 1) % world->nr_queues];
	struct vring_desc *desc = &queue->desc[take(input, 1) % queue->size];

	desc->addr = 0x40000 + take(input, 2);
	desc->len = take(input, 2);
	desc->flags = take(input, 1);
	desc->next = take(input, 1) % (queue->size + 1);
}

static void act_add(struct world *world, struct input *input)
{
	struct driver_queue *queue = &world->queue[take(input, 1) % world->nr_queues];

	driver_add(queue, take(input, 1) % queue->size);
	driver_kick(queue);
}

static void act_loop(struct world *world, struct input *input)
{
	(void)input;
	fake_poll(world->fake, 0);
}

static void act_terminal(struct world *world, struct input *input)
{
	uint8_t buf[8] = "typing";

	world->fake->term_room = take(input, 1);
	world->fake->term_len = 0;
	if (!world->fake->term_user)
		return;
	world->fake->term_user->input(world->fake->term_user, buf, sizeof(buf));
	world->fake->term_user->drained(world->fake->term_user);
}

static void (*const acts[])(struct world *world, struct input *input) = {
	act_register, act_config, act_ram,  act_descriptor, act_descriptor,
	act_add,      act_add,	  act_loop, act_terminal,
};

static void start_driver(struct world *world, uint64_t features)
{
	unsigned int i;

	driver_bind(&world->driver, world->fake, SLOT);
	driver_negotiate(&world->driver, features | 1ULL << VIRTIO_F_VERSION_1 |
						 1ULL << VIRTIO_RING_F_INDIRECT_DESC);
	for (i = 0; i < world->nr_queues; i++)
		driver_queue_init(&world->driver, &world->queue[i], i, RING(i));
	driver_set_status(&world->driver, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
						  VIRTIO_CONFIG_S_FEATURES_OK |
						  VIRTIO_CONFIG_S_DRIVER_OK);
}

/* Complaints about the driver would drown the fuzzer's own output. */
void say_error(const char *what, const char *fmt, ...)
{
	(void)what;
	(void)fmt;
}

/* The disk is a file in memory. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	int fd = memfd_create("disk", 0);

	(void)argc;
	(void)argv;
	if (fd < 0 || ftruncate(fd, DISK_SIZE))
		abort();
	strcpy(port_path, "/dev/null");
	strcpy(port_name, "port");
	snprintf(disk_path, sizeof(disk_path), "/proc/self/fd/%d", fd);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { .data = data, .left = size };
	unsigned int kind = take(&input, 1) % NR_KINDS;
	struct world world = { .fake = fake_create(), .nr_queues = kinds[kind].nr_queues };
	struct device bridge = { .ops = &pci_host_device, .vm = &world.fake->vm };
	struct device device = { .ops = kinds[kind].ops, .vm = &world.fake->vm };
	struct config *config = &world.fake->config;

	config->console = CONSOLE_VIRTIO;
	config->nr_ports = 1;
	config->port[0] = (struct port_config){ .name = port_name, .path = port_path };
	device.config = kind ? (const void *)config : &disk;
	if (pci_host_device.init(&bridge) || device.ops->init(&device))
		abort();
	start_driver(&world, kinds[kind].features);
	while (input.left)
		acts[take(&input, 1) % ARRAY_SIZE(acts)](&world, &input);
	fake_poll(world.fake, 0);
	device.ops->reset(&device);
	device.ops->exit(&device);
	pci_host_device.exit(&bridge);
	fake_destroy(world.fake);
	return 0;
}
