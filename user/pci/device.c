// SPDX-License-Identifier: GPL-2.0-only
/* A type 0 function: configuration space, capabilities, BARs (PCI 3.0, chapter 6). */
#include <errno.h>
#include <string.h>

#include "error.h"
#include "pci/internal.h"
#include "vm.h"

#define FIRST_CAPABILITY 0x40
#define CAPABILITY_END	 0x100
#define MIN_BAR_SIZE	 4096

#define COMMAND_WRITABLE \
	(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY | PCI_COMMAND_SERR)

/**
 * pci_get() - read a little-endian field
 * @config: the space
 * @offset: of the field; @offset + @size lies within the space
 * @size: 1 to 4 bytes
 *
 * Return: its value.
 */
uint32_t pci_get(const uint8_t *config, unsigned int offset, unsigned int size)
{
	uint32_t value = 0;

	while (size--)
		value = value << 8 | config[offset + size];
	return value;
}

/**
 * pci_put() - write a little-endian field
 * @config: the space
 * @offset: of the field; @offset + @size lies within the space
 * @size: 1 to 4 bytes
 * @value: its value
 */
void pci_put(uint8_t *config, unsigned int offset, unsigned int size, uint32_t value)
{
	for (; size--; value >>= 8)
		config[offset++] = value;
}

/**
 * pci_device_init() - begin a function: identity and the standard registers
 * @pci: zeroed but for @pci->name, @pci->vm and @pci->ops
 * @id: its identity
 *
 * Then come pci_add_bar(), pci_add_capability() and pci_add_msix(), and pci_device_register().
 */
void pci_device_init(struct pci_device *pci, const struct pci_identity *id)
{
	uint8_t *config = pci->config;

	pthread_mutex_init(&pci->lock, NULL);
	pci->next_cap = FIRST_CAPABILITY;
	pci->last_cap = PCI_CAPABILITY_LIST;

	pci_put(config, PCI_VENDOR_ID, 2, id->vendor);
	pci_put(config, PCI_DEVICE_ID, 2, id->device);
	pci_put(config, PCI_CLASS_REVISION, 4, id->class << 8 | id->revision);
	pci_put(config, PCI_SUBSYSTEM_VENDOR_ID, 2, id->subsystem_vendor);
	pci_put(config, PCI_SUBSYSTEM_ID, 2, id->subsystem);

	pci_put(pci->writable, PCI_COMMAND, 2, COMMAND_WRITABLE);
	pci_put(pci->writable, PCI_CACHE_LINE_SIZE, 1, 0xff);
	if (id->intx) {
		config[PCI_INTERRUPT_PIN] = 1;
		pci_put(pci->writable, PCI_COMMAND, 2, COMMAND_WRITABLE | PCI_COMMAND_INTX_DISABLE);
		pci_put(pci->writable, PCI_INTERRUPT_LINE, 1, 0xff);
	}
}

/**
 * pci_add_bar() - a memory region of the function
 * @pci: the function, not registered yet
 * @bar: register number, below PCI_BARS
 * @size: bytes, a power of two of at least 4096, below 2 GiB
 * @is_64bit: the address has 64 bits and takes the next register too
 * @ops: who answers
 * @opaque: for @ops
 *
 * Return: 0, -EINVAL if the register is taken or the size is none.
 */
int pci_add_bar(struct pci_device *pci, unsigned int bar, uint64_t size, bool is_64bit,
		const struct bus_ops *ops, void *opaque)
{
	unsigned int reg = PCI_BASE_ADDRESS_0 + 4 * bar;
	uint32_t mask = ~(uint32_t)(size - 1);

	if (bar + is_64bit >= PCI_BARS || pci->bars[bar].size ||
	    (bar && pci->bars[bar - 1].is_64bit))
		return -EINVAL;
	if (size < MIN_BAR_SIZE || size > 1U << 30 || size & (size - 1))
		return -EINVAL;

	pci->bars[bar] = (struct pci_bar){
		.size = size,
		.is_64bit = is_64bit,
		.ops = ops,
		.opaque = opaque,
	};
	pci_put(pci->writable, reg, 4, mask);
	if (is_64bit) {
		pci->config[reg] |= PCI_BASE_ADDRESS_MEM_TYPE_64;
		pci_put(pci->writable, reg + 4, 4, UINT32_MAX);
	}
	return 0;
}

/**
 * pci_add_capability() - append to the list of capabilities
 * @pci: the function, not registered yet
 * @id: PCI_CAP_ID_*
 * @body: what follows the id and the link
 * @size: bytes of @body
 *
 * Return: its offset, -ENOSPC if the first 256 bytes are full.
 */
int pci_add_capability(struct pci_device *pci, uint8_t id, const void *body, unsigned int size)
{
	unsigned int offset = pci->next_cap;
	unsigned int next = (offset + PCI_CAP_FLAGS + size + 3) & ~3U;

	if (size > CAPABILITY_END || next > CAPABILITY_END)
		return -ENOSPC;
	pci->config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	pci->config[pci->last_cap] = offset;
	pci->config[offset + PCI_CAP_LIST_ID] = id;
	memcpy(&pci->config[offset + PCI_CAP_FLAGS], body, size);
	pci->last_cap = offset + PCI_CAP_LIST_NEXT;
	pci->next_cap = next;
	return offset;
}

static uint64_t bar_address(const struct pci_device *pci, unsigned int bar)
{
	unsigned int reg = PCI_BASE_ADDRESS_0 + 4 * bar;
	uint64_t address = pci_get(pci->config, reg, 4) & ~15U;

	if (pci->bars[bar].is_64bit)
		address |= (uint64_t)pci_get(pci->config, reg + 4, 4) << 32;
	return address;
}

static void tell_bar_mapped(struct pci_device *pci, unsigned int bar, bool mapped)
{
	pci->bars[bar].mapped = mapped;
	if (pci->ops && pci->ops->bar_mapped)
		pci->ops->bar_mapped(pci, bar, mapped);
}

static void unmap_bar(struct pci_device *pci, unsigned int bar)
{
	bus_remove(pci->vm->mmio, pci->bars[bar].base, pci->bars[bar].size);
	tell_bar_mapped(pci, bar, false);
}

/*
 * Bring decoding in line with the registers. An address that wraps, or that another region has, is
 * the guest's mistake: the BAR then answers nowhere until it is programmed again.
 */
static void update_bar(struct pci_device *pci, unsigned int nr)
{
	struct pci_bar *bar = &pci->bars[nr];
	bool decode = pci->config[PCI_COMMAND] & PCI_COMMAND_MEMORY;
	uint64_t address = bar_address(pci, nr);

	if (!bar->size)
		return;
	if (bar->mapped && (!decode || address != bar->base))
		unmap_bar(pci, nr);
	if (bar->mapped || !decode)
		return;
	if (bus_add(pci->vm->mmio, address, bar->size, bar->ops, bar->opaque))
		return;
	bar->base = address;
	tell_bar_mapped(pci, nr, true);
}

static void update_bars(struct pci_device *pci)
{
	unsigned int bar;

	for (bar = 0; bar < PCI_BARS; bar++)
		update_bar(pci, bar);
}

static int place_bars(struct pci_device *pci)
{
	unsigned int nr;
	int ret;

	for (nr = 0; nr < PCI_BARS; nr++) {
		struct pci_bar *bar = &pci->bars[nr];
		unsigned int reg = PCI_BASE_ADDRESS_0 + 4 * nr;

		if (!bar->size)
			continue;
		ret = pci_bus_allocate(pci->vm->pci, bar->size, &bar->home);
		if (ret)
			return ret;
		pci_put(pci->config, reg, 4, pci_get(pci->config, reg, 4) | bar->home);
	}
	return 0;
}

/**
 * pci_device_register() - put a function on the bus
 * @pci: complete; the device thread, no vCPU runs
 *
 * Return: 0, -ENOSPC if there is no slot or no room for its BARs (a message has been printed).
 */
int pci_device_register(struct pci_device *pci)
{
	int ret = pci_bus_attach(pci->vm->pci, pci);

	if (ret) {
		say_error(pci->name, "no free PCI slot, there are %d", PCI_SLOTS);
		return ret;
	}
	if (pci->config[PCI_INTERRUPT_PIN])
		pci->config[PCI_INTERRUPT_LINE] = MACHINE_PCI_INTX(pci->slot, 0);
	ret = place_bars(pci);
	if (ret) {
		say_error(pci->name, "no room in the PCI memory window");
		pci->vm->pci->slot[pci->slot] = NULL;
		return ret;
	}
	memcpy(pci->power_on, pci->config, sizeof(pci->config));
	return 0;
}

/**
 * pci_device_reset() - back to the state after power-on
 * @pci: the function; the device thread, no vCPU runs
 */
void pci_device_reset(struct pci_device *pci)
{
	pthread_mutex_lock(&pci->lock);
	memcpy(pci->config, pci->power_on, sizeof(pci->config));
	update_bars(pci);
	pci_msix_reset(pci);
	pthread_mutex_unlock(&pci->lock);
	pci_intx_disable(pci, false);
	pci_intx_set(pci, false);
}

/**
 * pci_device_exit() - take a function off the bus, if it is on it, and free what it holds
 * @pci: the function, after pci_device_init(); the device thread, no vCPU runs
 */
void pci_device_exit(struct pci_device *pci)
{
	struct pci_bus *bus = pci->vm->pci;

	if (bus->slot[pci->slot] == pci) {
		pci_device_reset(pci);
		bus->slot[pci->slot] = NULL;
	}
	pci_msix_exit(pci);
	pthread_mutex_destroy(&pci->lock);
}

static bool overlaps(unsigned int offset, unsigned int size, unsigned int start, unsigned int end)
{
	return offset < end && offset + size > start;
}

static bool valid_access(unsigned int offset, unsigned int size)
{
	return size && size <= 4 && offset <= PCI_CONFIG_SIZE - size;
}

static void update_status(struct pci_device *pci)
{
	pci->config[PCI_STATUS] &= ~PCI_STATUS_INTERRUPT;
	if (pci->intx_level)
		pci->config[PCI_STATUS] |= PCI_STATUS_INTERRUPT;
}

/**
 * pci_config_read() - the guest reads configuration space
 * @pci: the function
 * @offset: first byte
 * @size: 1 to 4 bytes; what lies beyond the space reads as all ones
 *
 * Return: the value.
 */
uint32_t pci_config_read(struct pci_device *pci, unsigned int offset, unsigned int size)
{
	uint32_t value;

	if (!valid_access(offset, size))
		return UINT32_MAX;
	pthread_mutex_lock(&pci->lock);
	update_status(pci);
	if (pci->ops && pci->ops->config_read)
		pci->ops->config_read(pci, offset, size);
	value = pci_get(pci->config, offset, size);
	pthread_mutex_unlock(&pci->lock);
	return value;
}

static void after_write(struct pci_device *pci, unsigned int offset, unsigned int size)
{
	if (overlaps(offset, size, PCI_COMMAND, PCI_COMMAND + 2) ||
	    overlaps(offset, size, PCI_BASE_ADDRESS_0, PCI_BASE_ADDRESS_0 + 4 * PCI_BARS))
		update_bars(pci);
	if (pci->msix.nr && overlaps(offset, size, pci->msix.cap, pci->msix.cap + 4))
		pci_msix_update(pci);
	pci_intx_disable(pci, pci_msix_enabled(pci) || pci_get(pci->config, PCI_COMMAND, 2) &
							       PCI_COMMAND_INTX_DISABLE);
	if (pci->ops && pci->ops->config_written)
		pci->ops->config_written(pci, offset, size);
}

/**
 * pci_config_write() - the guest writes configuration space
 * @pci: the function
 * @offset: first byte
 * @size: 1 to 4 bytes; a write that leaves the space is ignored
 * @value: what it writes; read-only bits keep theirs
 */
void pci_config_write(struct pci_device *pci, unsigned int offset, unsigned int size,
		      uint32_t value)
{
	uint32_t mask, old;

	if (!valid_access(offset, size))
		return;
	pthread_mutex_lock(&pci->lock);
	mask = pci_get(pci->writable, offset, size);
	old = pci_get(pci->config, offset, size);
	pci_put(pci->config, offset, size, (old & ~mask) | (value & mask));
	after_write(pci, offset, size);
	pthread_mutex_unlock(&pci->lock);
}
