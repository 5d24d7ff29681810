// SPDX-License-Identifier: GPL-2.0-only
#include "fake_machine.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "machine.h"
#include "term.h"

#define MAX_SOURCES 128

struct loop {
	struct loop_source *source[MAX_SOURCES];
	uint32_t events[MAX_SOURCES];
};

/* There is one terminal and it belongs to the one machine that exists. */
static struct fake_machine *machine;

static struct fake_machine *to_fake(struct vm *vm)
{
	return (struct fake_machine *)vm;
}

__attribute__((noreturn)) static void die(const char *why)
{
	fprintf(stderr, "fake machine: %s\n", why);
	abort();
}

struct fake_machine *fake_create(void)
{
	struct fake_machine *fake = calloc(1, sizeof(*fake));
	uint8_t *ram = aligned_alloc(4096, FAKE_RAM);
	unsigned int i;

	if (!fake || !ram)
		die("out of memory");
	memset(ram, 0, FAKE_RAM);
	fake->mem.size = FAKE_RAM;
	fake->mem.nr_ranges = 1;
	fake->mem.range[0] = (struct guest_range){ .gpa = 0, .size = FAKE_RAM, .hva = ram };
	fake->vm.name = "fake";
	fake->vm.config = &fake->config;
	fake->vm.mem = &fake->mem;
	fake->vm.pio = bus_create(0xffff);
	fake->vm.mmio = bus_create(UINT64_MAX);
	fake->vm.loop = calloc(1, sizeof(*fake->vm.loop));
	fake->vm.nr_cpus = 2;
	fake->term_room = FAKE_TERM_SIZE;
	if (!fake->vm.pio || !fake->vm.mmio || !fake->vm.loop)
		die("out of memory");
	for (i = 0; i < FAKE_ROUTES; i++)
		fake->route[i].eventfd = -1;
	machine = fake;
	return fake;
}

void fake_destroy(struct fake_machine *fake)
{
	bus_destroy(fake->vm.pio);
	bus_destroy(fake->vm.mmio);
	free(fake->vm.loop);
	free(fake->mem.range[0].hva);
	free(fake);
	machine = NULL;
}

int loop_add(struct loop *loop, struct loop_source *src, uint32_t events)
{
	unsigned int i;

	for (i = 0; i < MAX_SOURCES; i++) {
		if (loop->source[i] == src)
			return -EEXIST;
	}
	for (i = 0; i < MAX_SOURCES; i++) {
		if (loop->source[i])
			continue;
		loop->source[i] = src;
		loop->events[i] = events;
		return 0;
	}
	return -ENOSPC;
}

void loop_remove(struct loop *loop, struct loop_source *src)
{
	unsigned int i;

	for (i = 0; i < MAX_SOURCES; i++) {
		if (loop->source[i] == src)
			loop->source[i] = NULL;
	}
}

static bool turn(struct loop *loop, int timeout_ms)
{
	struct pollfd fds[MAX_SOURCES];
	unsigned int i;

	for (i = 0; i < MAX_SOURCES; i++) {
		fds[i].fd = loop->source[i] ? loop->source[i]->fd : -1;
		fds[i].events = loop->events[i] & EPOLLOUT ? POLLOUT : POLLIN;
	}
	if (poll(fds, MAX_SOURCES, timeout_ms) <= 0)
		return false;
	for (i = 0; i < MAX_SOURCES; i++) {
		if (fds[i].fd >= 0 && fds[i].revents && loop->source[i])
			loop->source[i]->ready(loop->source[i], EPOLLIN);
	}
	return true;
}

/* Turn the loop until nothing has been ready for @timeout_ms. Return: how many turns it took. */
unsigned int fake_poll(struct fake_machine *fake, int timeout_ms)
{
	unsigned int turns = 0;

	while (turns < 1000 && turn(fake->vm.loop, timeout_ms))
		turns++;
	return turns;
}

int irq_line(struct vm *vm, unsigned int gsi, bool level)
{
	if (to_fake(vm)->line[gsi] == level)
		die("interrupt line driven to the level that it has");
	to_fake(vm)->line[gsi] = level;
	to_fake(vm)->line_changes++;
	return 0;
}

int irq_alloc_msi_route(struct vm *vm)
{
	struct fake_machine *fake = to_fake(vm);
	int i;

	for (i = 0; i < FAKE_ROUTES && !fake->no_routes; i++) {
		if (fake->route[i].allocated)
			continue;
		fake->route[i] = (struct fake_route){ .allocated = true, .eventfd = -1 };
		return IRQ_NR_LINES + i;
	}
	return -ENOSPC;
}

static struct fake_route *find_route(struct vm *vm, int gsi)
{
	struct fake_route *route = &to_fake(vm)->route[gsi - IRQ_NR_LINES];

	if (gsi < IRQ_NR_LINES || gsi >= IRQ_NR_LINES + FAKE_ROUTES || !route->allocated)
		die("unknown route");
	return route;
}

void irq_free_msi_route(struct vm *vm, int gsi)
{
	struct fake_route *route = find_route(vm, gsi);

	if (route->eventfd >= 0)
		die("route freed with an eventfd bound");
	route->allocated = false;
}

int irq_set_msi_route(struct vm *vm, int gsi, uint64_t addr, uint32_t data)
{
	struct fake_route *route = find_route(vm, gsi);

	route->addr = addr;
	route->data = data;
	route->nr_set++;
	return 0;
}

int irq_bind_eventfd(struct vm *vm, int gsi, int eventfd)
{
	find_route(vm, gsi)->eventfd = eventfd;
	return 0;
}

int irq_unbind_eventfd(struct vm *vm, int gsi, int eventfd)
{
	if (find_route(vm, gsi)->eventfd != eventfd)
		die("eventfd was not bound");
	find_route(vm, gsi)->eventfd = -1;
	return 0;
}

/* How many messages of this kind have been sent; forgets them. */
unsigned int fake_messages(struct fake_machine *fake, uint64_t addr, uint32_t data)
{
	unsigned int sum = 0;
	eventfd_t count;
	unsigned int i;

	for (i = 0; i < FAKE_ROUTES; i++) {
		struct fake_route *route = &fake->route[i];

		if (route->allocated && route->eventfd >= 0 && route->addr == addr &&
		    route->data == data && !eventfd_read(route->eventfd, &count))
			sum += count;
	}
	return sum;
}

int vm_ioeventfd(struct vm *vm, uint64_t addr, unsigned int len, int fd, bool pio, bool assign,
		 const uint64_t *datamatch)
{
	struct fake_machine *fake = to_fake(vm);
	unsigned int i;

	if (fake->no_ioeventfd)
		return -EOPNOTSUPP;
	if (pio || datamatch)
		die("unexpected kind of ioeventfd");
	if (assign) {
		if (fake->nr_ioeventfds == FAKE_IOEVENTFDS)
			return -ENOSPC;
		fake->ioeventfd[fake->nr_ioeventfds++] =
			(struct fake_ioeventfd){ .addr = addr, .len = len, .fd = fd };
		return 0;
	}
	for (i = 0; i < fake->nr_ioeventfds; i++) {
		if (fake->ioeventfd[i].addr != addr || fake->ioeventfd[i].fd != fd)
			continue;
		fake->ioeventfd[i] = fake->ioeventfd[--fake->nr_ioeventfds];
		return 0;
	}
	die("ioeventfd was not assigned");
}

int term_attach(struct term *term, struct term_user *user)
{
	(void)term;
	machine->term_user = user;
	return 0;
}

void term_detach(struct term *term, struct term_user *user)
{
	(void)term;
	if (machine->term_user != user)
		die("terminal detached by a stranger");
	machine->term_user = NULL;
}

void term_resume(struct term *term)
{
	(void)term;
	machine->term_resumed++;
}

size_t term_write(struct term *term, const void *buf, size_t len)
{
	size_t room = machine->term_room - machine->term_len;

	(void)term;
	if (len > room)
		len = room;
	memcpy(machine->term_out + machine->term_len, buf, len);
	machine->term_len += len;
	return len;
}

uint64_t fake_read(struct fake_machine *fake, uint64_t addr, unsigned int size)
{
	uint64_t value = 0;

	bus_access(fake->vm.mmio, addr, size, false, &value);
	return value;
}

void fake_write(struct fake_machine *fake, uint64_t addr, unsigned int size, uint64_t value)
{
	unsigned int i;

	for (i = 0; i < fake->nr_ioeventfds; i++) {
		if (fake->ioeventfd[i].addr == addr && fake->ioeventfd[i].len == size) {
			eventfd_write(fake->ioeventfd[i].fd, 1);
			return;
		}
	}
	bus_access(fake->vm.mmio, addr, size, true, &value);
}

static void select_config(struct fake_machine *fake, unsigned int slot, unsigned int offset)
{
	uint32_t address = 0x80000000U | slot << 11 | (offset & 0xfc);

	bus_access(fake->vm.pio, MACHINE_PCI_CONFIG_ADDRESS, 4, true, &address);
}

uint32_t fake_config_read(struct fake_machine *fake, unsigned int slot, unsigned int offset,
			  unsigned int size)
{
	uint32_t value = 0;

	select_config(fake, slot, offset);
	bus_access(fake->vm.pio, MACHINE_PCI_CONFIG_DATA + offset % 4, size, false, &value);
	return value;
}

void fake_config_write(struct fake_machine *fake, unsigned int slot, unsigned int offset,
		       unsigned int size, uint32_t value)
{
	select_config(fake, slot, offset);
	bus_access(fake->vm.pio, MACHINE_PCI_CONFIG_DATA + offset % 4, size, true, &value);
}

/* Offset of a capability; one of virtio's where @cfg_type is not negative. 0: there is none. */
unsigned int fake_find_capability(struct fake_machine *fake, unsigned int slot, uint8_t id,
				  int cfg_type)
{
	unsigned int cap = fake_config_read(fake, slot, PCI_CAPABILITY_LIST, 1);
	unsigned int hops;

	for (hops = 0; cap && hops < 48; hops++) {
		if (fake_config_read(fake, slot, cap, 1) == id &&
		    (cfg_type < 0 ||
		     (int)fake_config_read(fake, slot, cap + VIRTIO_PCI_CAP_CFG_TYPE, 1) ==
			     cfg_type))
			return cap;
		cap = fake_config_read(fake, slot, cap + PCI_CAP_LIST_NEXT, 1);
	}
	return 0;
}

static uint64_t bar_base(struct fake_machine *fake, unsigned int slot, unsigned int bar)
{
	unsigned int reg = PCI_BASE_ADDRESS_0 + 4 * bar;
	uint32_t low = fake_config_read(fake, slot, reg, 4);
	uint64_t base = low & ~15U;

	if (low & PCI_BASE_ADDRESS_MEM_TYPE_64)
		base |= (uint64_t)fake_config_read(fake, slot, reg + 4, 4) << 32;
	return base;
}

static uint64_t structure(struct driver *driver, int cfg_type)
{
	unsigned int cap =
		fake_find_capability(driver->fake, driver->slot, PCI_CAP_ID_VNDR, cfg_type);

	if (!cap)
		die("no such virtio capability");
	return bar_base(driver->fake, driver->slot,
			fake_config_read(driver->fake, driver->slot, cap + VIRTIO_PCI_CAP_BAR, 1)) +
	       fake_config_read(driver->fake, driver->slot, cap + VIRTIO_PCI_CAP_OFFSET, 4);
}

void driver_bind(struct driver *driver, struct fake_machine *fake, unsigned int slot)
{
	unsigned int msix;

	*driver = (struct driver){ .fake = fake, .slot = slot };
	fake_config_write(fake, slot, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	driver->common = structure(driver, VIRTIO_PCI_CAP_COMMON_CFG);
	driver->isr = structure(driver, VIRTIO_PCI_CAP_ISR_CFG);
	driver->config = structure(driver, VIRTIO_PCI_CAP_DEVICE_CFG);
	driver->notify = structure(driver, VIRTIO_PCI_CAP_NOTIFY_CFG);
	msix = fake_find_capability(fake, slot, PCI_CAP_ID_MSIX, -1);
	driver->msix = bar_base(fake, slot,
				fake_config_read(fake, slot, msix + PCI_MSIX_TABLE, 4) &
					PCI_MSIX_TABLE_BIR);
}

static uint32_t get(struct driver *driver, unsigned int reg, unsigned int size)
{
	return fake_read(driver->fake, driver->common + reg, size);
}

static void put(struct driver *driver, unsigned int reg, unsigned int size, uint32_t value)
{
	fake_write(driver->fake, driver->common + reg, size, value);
}

uint8_t driver_status(struct driver *driver)
{
	return get(driver, VIRTIO_PCI_COMMON_STATUS, 1);
}

void driver_set_status(struct driver *driver, uint8_t status)
{
	put(driver, VIRTIO_PCI_COMMON_STATUS, 1, status);
}

uint64_t driver_features(struct driver *driver)
{
	uint64_t features;

	put(driver, VIRTIO_PCI_COMMON_DFSELECT, 4, 1);
	features = (uint64_t)get(driver, VIRTIO_PCI_COMMON_DF, 4) << 32;
	put(driver, VIRTIO_PCI_COMMON_DFSELECT, 4, 0);
	return features | get(driver, VIRTIO_PCI_COMMON_DF, 4);
}

/* Reset, accept @features. Return: whether the device is content. */
bool driver_negotiate(struct driver *driver, uint64_t features)
{
	uint8_t status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;

	driver_set_status(driver, 0);
	driver_set_status(driver, status);
	put(driver, VIRTIO_PCI_COMMON_GFSELECT, 4, 0);
	put(driver, VIRTIO_PCI_COMMON_GF, 4, features);
	put(driver, VIRTIO_PCI_COMMON_GFSELECT, 4, 1);
	put(driver, VIRTIO_PCI_COMMON_GF, 4, features >> 32);
	driver_set_status(driver, status | VIRTIO_CONFIG_S_FEATURES_OK);
	return driver_status(driver) & VIRTIO_CONFIG_S_FEATURES_OK;
}

void driver_set_vector(struct driver *driver, unsigned int vector, uint64_t addr, uint32_t data)
{
	uint64_t entry = driver->msix + 16 * vector;

	fake_write(driver->fake, entry, 4, addr);
	fake_write(driver->fake, entry + 4, 4, addr >> 32);
	fake_write(driver->fake, entry + 8, 4, data);
	fake_write(driver->fake, entry + 12, 4, 0);
}

void driver_enable_msix(struct driver *driver)
{
	unsigned int cap = fake_find_capability(driver->fake, driver->slot, PCI_CAP_ID_MSIX, -1);

	fake_config_write(driver->fake, driver->slot, cap + PCI_MSIX_FLAGS, 2,
			  PCI_MSIX_FLAGS_ENABLE);
}

void driver_select(struct driver *driver, unsigned int index)
{
	put(driver, VIRTIO_PCI_COMMON_Q_SELECT, 2, index);
}

static void put64(struct driver *driver, unsigned int reg, uint64_t value)
{
	put(driver, reg, 4, value);
	put(driver, reg + 4, 4, value >> 32);
}

/* Set up and enable queue @index; it uses vector @index if MSI-X is on. */
void driver_queue_init(struct driver *driver, struct driver_queue *queue, unsigned int index,
		       uint64_t base)
{
	struct vm *vm = &driver->fake->vm;

	memset(queue, 0, sizeof(*queue));
	queue->fake = driver->fake;
	queue->base = base;
	queue->index = index;
	driver_select(driver, index);
	queue->size = DRIVER_QUEUE_SIZE;
	if (get(driver, VIRTIO_PCI_COMMON_Q_SIZE, 2) < queue->size)
		queue->size = get(driver, VIRTIO_PCI_COMMON_Q_SIZE, 2);
	queue->notify = driver->notify + 4 * get(driver, VIRTIO_PCI_COMMON_Q_NOFF, 2);
	put(driver, VIRTIO_PCI_COMMON_Q_SIZE, 2, queue->size);
	put(driver, VIRTIO_PCI_COMMON_Q_MSIX, 2, index);
	put64(driver, VIRTIO_PCI_COMMON_Q_DESCLO, base);
	put64(driver, VIRTIO_PCI_COMMON_Q_AVAILLO, base + 0x1000);
	put64(driver, VIRTIO_PCI_COMMON_Q_USEDLO, base + 0x2000);
	queue->desc = guest_ptr(vm->mem, base, 0x1000);
	queue->avail_ring = guest_ptr(vm->mem, base + 0x1000, 0x1000);
	queue->used_ring = guest_ptr(vm->mem, base + 0x2000, 0x1000);
	if (!queue->desc || !queue->avail_ring || !queue->used_ring)
		die("driver's rings are not in RAM");
	memset(queue->desc, 0, 0x1000);
	memset(queue->avail_ring, 0, 0x1000);
	memset(queue->used_ring, 0, 0x1000);
	put(driver, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
}

void driver_add(struct driver_queue *queue, unsigned int head)
{
	queue->avail_ring->ring[queue->avail++ % queue->size] = head;
	__atomic_store_n(&queue->avail_ring->idx, queue->avail, __ATOMIC_RELEASE);
}

void driver_kick(struct driver_queue *queue)
{
	fake_write(queue->fake, queue->notify, 2, queue->index);
}

/* Take one used element. Return: false if there is none. */
bool driver_used(struct driver_queue *queue, uint32_t *id, uint32_t *len)
{
	vring_used_elem_t *elem = &queue->used_ring->ring[queue->used % queue->size];

	if (__atomic_load_n(&queue->used_ring->idx, __ATOMIC_ACQUIRE) == queue->used)
		return false;
	*id = elem->id;
	*len = elem->len;
	queue->used++;
	return true;
}
