// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host bridge: bus 0, its two configuration mechanisms (PCI 3.0, 3.2.2.3.2; PCI Express 7.2.2),
 * its memory window and its interrupt lines.
 */
#include <errno.h>
#include <stdlib.h>

#include "error.h"
#include "irq.h"
#include "pci/internal.h"
#include "vm.h"

/* Fields of CONFIG_ADDRESS. */
#define ADDRESS_ENABLE	    0x80000000U
#define ADDRESS_BUS(a)	    (((a) >> 16) & 0xff)
#define ADDRESS_SLOT(a)	    (((a) >> 11) & 0x1f)
#define ADDRESS_FUNCTION(a) (((a) >> 8) & 0x7)
#define ADDRESS_REGISTER(a) (0xfc & (a))

/* Fields of an offset into ECAM. */
#define ECAM_BUS(o)	 ((o) >> 20)
#define ECAM_SLOT(o)	 (((o) >> 15) & 0x1f)
#define ECAM_FUNCTION(o) (((o) >> 12) & 0x7)
#define ECAM_REGISTER(o) (0xfff & (o))

#define ADDRESS_PORTS	 4
#define DATA_PORTS	 4

/* The generic host bridge of the PCI id list: no driver binds to it, no quirk knows it. */
static const struct pci_identity bridge_id = {
	.vendor = 0x1b36,
	.device = 0x0008,
	.class = 0x060000,
};

static struct pci_device *find(struct pci_bus *bus, unsigned int nr, unsigned int slot,
			       unsigned int function)
{
	return nr || function ? NULL : bus->slot[slot];
}

static uint64_t address_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct pci_bus *bus = opaque;
	uint64_t address;

	/* Only a whole access reaches the latch. */
	if (offset || size != ADDRESS_PORTS)
		return UINT64_MAX;
	pthread_mutex_lock(&bus->lock);
	address = bus->address;
	pthread_mutex_unlock(&bus->lock);
	return address;
}

static void address_write(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
	struct pci_bus *bus = opaque;

	if (offset || size != ADDRESS_PORTS)
		return;
	pthread_mutex_lock(&bus->lock);
	bus->address = value;
	pthread_mutex_unlock(&bus->lock);
}

static const struct bus_ops address_ops = {
	.read = address_read,
	.write = address_write,
};

/* The function and the register that CONFIG_ADDRESS selects. */
static struct pci_device *selected(struct pci_bus *bus, unsigned int *reg)
{
	uint32_t address;

	pthread_mutex_lock(&bus->lock);
	address = bus->address;
	pthread_mutex_unlock(&bus->lock);
	if (!(address & ADDRESS_ENABLE))
		return NULL;
	*reg = ADDRESS_REGISTER(address);
	return find(bus, ADDRESS_BUS(address), ADDRESS_SLOT(address), ADDRESS_FUNCTION(address));
}

static uint64_t data_read(void *opaque, uint64_t offset, unsigned int size)
{
	unsigned int reg;
	struct pci_device *pci = selected(opaque, &reg);

	return pci ? pci_config_read(pci, reg + offset, size) : UINT64_MAX;
}

static void data_write(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
	unsigned int reg;
	struct pci_device *pci = selected(opaque, &reg);

	if (pci)
		pci_config_write(pci, reg + offset, size, value);
}

static const struct bus_ops data_ops = {
	.read = data_read,
	.write = data_write,
};

static uint64_t ecam_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct pci_device *pci =
		find(opaque, ECAM_BUS(offset), ECAM_SLOT(offset), ECAM_FUNCTION(offset));
	unsigned int reg = ECAM_REGISTER(offset);

	if (!pci)
		return UINT64_MAX;
	if (size == 8)
		return pci_config_read(pci, reg, 4) | (uint64_t)pci_config_read(pci, reg + 4, 4)
							      << 32;
	return pci_config_read(pci, reg, size);
}

static void ecam_write(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
	struct pci_device *pci =
		find(opaque, ECAM_BUS(offset), ECAM_SLOT(offset), ECAM_FUNCTION(offset));
	unsigned int reg = ECAM_REGISTER(offset);

	if (!pci)
		return;
	if (size == 8) {
		pci_config_write(pci, reg, 4, value);
		pci_config_write(pci, reg + 4, 4, value >> 32);
		return;
	}
	pci_config_write(pci, reg, size, value);
}

static const struct bus_ops ecam_ops = {
	.read = ecam_read,
	.write = ecam_write,
};

/**
 * pci_bus_attach() - give a function the lowest free slot
 * @bus: the bus
 * @pci: the function; @pci->slot is set
 *
 * Return: 0, -ENOSPC if all slots are taken.
 */
int pci_bus_attach(struct pci_bus *bus, struct pci_device *pci)
{
	unsigned int slot;

	for (slot = 0; slot < PCI_SLOTS; slot++) {
		if (bus->slot[slot])
			continue;
		bus->slot[slot] = pci;
		pci->slot = slot;
		return 0;
	}
	return -ENOSPC;
}

/**
 * pci_bus_allocate() - room in the memory window
 * @bus: the bus
 * @size: bytes, a power of two; also the alignment
 * @base: set to the guest-physical address
 *
 * Return: 0, -ENOSPC if the window is full.
 */
int pci_bus_allocate(struct pci_bus *bus, uint64_t size, uint64_t *base)
{
	uint64_t start = (bus->window_used + size - 1) & ~(size - 1);

	if (size > MACHINE_PCI_MMIO_SIZE || start > MACHINE_PCI_MMIO_SIZE - size)
		return -ENOSPC;
	bus->window_used = start + size;
	*base = MACHINE_PCI_MMIO_BASE + start;
	return 0;
}

/* Slots share an input: it is high while any of them asserts it. Bus lock held. */
static void update_input(struct pci_bus *bus, const struct pci_device *pci)
{
	unsigned int gsi = MACHINE_PCI_INTX(pci->slot, 0);
	uint32_t *slots = &bus->intx[gsi - MACHINE_PCI_INTX_BASE];
	uint32_t bit = 1U << pci->slot;
	uint32_t old = *slots;

	*slots = pci->intx_level && !pci->intx_off ? old | bit : old & ~bit;
	if (!old != !*slots)
		irq_line(bus->vm, gsi, *slots);
}

/**
 * pci_intx_set() - assert or release INTA
 * @pci: the function
 * @level: true to assert
 *
 * Any thread.
 */
void pci_intx_set(struct pci_device *pci, bool level)
{
	struct pci_bus *bus = pci->vm->pci;

	pthread_mutex_lock(&bus->lock);
	pci->intx_level = level;
	update_input(bus, pci);
	pthread_mutex_unlock(&bus->lock);
}

/**
 * pci_intx_disable() - the guest turns INTA off or on (command register, MSI-X enable)
 * @pci: the function
 * @off: true to turn it off
 */
void pci_intx_disable(struct pci_device *pci, bool off)
{
	struct pci_bus *bus = pci->vm->pci;

	pthread_mutex_lock(&bus->lock);
	pci->intx_off = off;
	update_input(bus, pci);
	pthread_mutex_unlock(&bus->lock);
}

static void host_exit(struct device *dev)
{
	struct pci_bus *bus = dev->priv;
	struct vm *vm = dev->vm;

	bus_remove(vm->mmio, MACHINE_ECAM_BASE, MACHINE_ECAM_SIZE);
	bus_remove(vm->pio, MACHINE_PCI_CONFIG_DATA, DATA_PORTS);
	bus_remove(vm->pio, MACHINE_PCI_CONFIG_ADDRESS, ADDRESS_PORTS);
	pci_device_exit(&bus->bridge);
	pthread_mutex_destroy(&bus->lock);
	vm->pci = NULL;
	free(bus);
}

static int host_init(struct device *dev)
{
	struct vm *vm = dev->vm;
	struct pci_bus *bus = calloc(1, sizeof(*bus));
	int ret;

	if (!bus) {
		say_error("PCI", "out of memory");
		return -ENOMEM;
	}
	bus->vm = vm;
	pthread_mutex_init(&bus->lock, NULL);
	vm->pci = bus;
	dev->priv = bus;

	bus->bridge.name = "host bridge";
	bus->bridge.vm = vm;
	pci_device_init(&bus->bridge, &bridge_id);
	ret = pci_device_register(&bus->bridge);
	if (!ret)
		ret = bus_add(vm->pio, MACHINE_PCI_CONFIG_ADDRESS, ADDRESS_PORTS, &address_ops,
			      bus);
	if (!ret)
		ret = bus_add(vm->pio, MACHINE_PCI_CONFIG_DATA, DATA_PORTS, &data_ops, bus);
	if (!ret)
		ret = bus_add(vm->mmio, MACHINE_ECAM_BASE, MACHINE_ECAM_SIZE, &ecam_ops, bus);
	if (ret) {
		say_error("PCI", "cannot claim its ports and memory (error %d)", -ret);
		host_exit(dev);
	}
	return ret;
}

static void host_reset(struct device *dev)
{
	struct pci_bus *bus = dev->priv;

	bus->address = 0;
	pci_device_reset(&bus->bridge);
}

const struct device_ops pci_host_device = {
	.name = "pci-host",
	.init = host_init,
	.reset = host_reset,
	.exit = host_exit,
};
