/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine without a hypervisor, for tests of device models: RAM (with a sanitizer's red zone
 * around it), the real buses, a device loop that the test turns itself, and stand-ins for
 * interrupts, ioeventfds and the terminal which remember what they were told. Also a virtio driver.
 */
#ifndef TENON_FAKE_MACHINE_H
#define TENON_FAKE_MACHINE_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "vm.h"

#define FAKE_RAM	0x100000U
#define FAKE_ROUTES	64
#define FAKE_IOEVENTFDS 128
#define FAKE_TERM_SIZE	0x10000U

struct fake_route {
	bool allocated;
	uint64_t addr;
	uint32_t data;
	unsigned int nr_set;
	int eventfd; /* -1: none bound */
};

struct fake_ioeventfd {
	uint64_t addr;
	unsigned int len;
	int fd;
};

struct fake_machine {
	struct vm vm;
	struct guest_mem mem;
	struct config config;
	bool line[IRQ_NR_LINES];
	unsigned int line_changes;
	struct fake_route route[FAKE_ROUTES];
	struct fake_ioeventfd ioeventfd[FAKE_IOEVENTFDS];
	unsigned int nr_ioeventfds;
	bool no_ioeventfd;
	bool no_routes;
	struct term_user *term_user;
	uint8_t term_out[FAKE_TERM_SIZE];
	size_t term_len;
	size_t term_room;
	unsigned int term_resumed;
};

struct fake_machine *fake_create(void);
void fake_destroy(struct fake_machine *fake);
unsigned int fake_poll(struct fake_machine *fake, int timeout_ms);
unsigned int fake_messages(struct fake_machine *fake, uint64_t addr, uint32_t data);

uint64_t fake_read(struct fake_machine *fake, uint64_t addr, unsigned int size);
void fake_write(struct fake_machine *fake, uint64_t addr, unsigned int size, uint64_t value);
uint32_t fake_config_read(struct fake_machine *fake, unsigned int slot, unsigned int offset,
			  unsigned int size);
void fake_config_write(struct fake_machine *fake, unsigned int slot, unsigned int offset,
		       unsigned int size, uint32_t value);
unsigned int fake_find_capability(struct fake_machine *fake, unsigned int slot, uint8_t id,
				  int cfg_type);

#define DRIVER_QUEUE_SIZE 16

/* A queue as the driver sees it. Rings lie at @base, a page each; buffers are the test's. */
struct driver_queue {
	struct fake_machine *fake;
	uint64_t base;
	uint64_t notify;
	unsigned int index;
	uint16_t size;
	uint16_t avail;
	uint16_t used;
	struct vring_desc *desc;
	struct vring_avail *avail_ring;
	struct vring_used *used_ring;
};

/* A modern virtio-pci driver, bound to a slot. */
struct driver {
	struct fake_machine *fake;
	unsigned int slot;
	uint64_t common;
	uint64_t isr;
	uint64_t config;
	uint64_t notify;
	uint64_t msix;
};

void driver_bind(struct driver *driver, struct fake_machine *fake, unsigned int slot);
uint8_t driver_status(struct driver *driver);
void driver_set_status(struct driver *driver, uint8_t status);
uint64_t driver_features(struct driver *driver);
bool driver_negotiate(struct driver *driver, uint64_t features);
void driver_set_vector(struct driver *driver, unsigned int vector, uint64_t addr, uint32_t data);
void driver_enable_msix(struct driver *driver);
void driver_select(struct driver *driver, unsigned int index);
void driver_queue_init(struct driver *driver, struct driver_queue *queue, unsigned int index,
		       uint64_t base);
void driver_add(struct driver_queue *queue, unsigned int head);
void driver_kick(struct driver_queue *queue);
bool driver_used(struct driver_queue *queue, uint32_t *id, uint32_t *len);

#endif
