// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSI-X (PCI Express 7.7.2). Each vector that the guest opens has an interrupt route and an eventfd
 * bound to it in the kernel, so that a signal is one write(2). A vector that is masked collects its
 * signal in the pending array; mask and signal may race, hence the order of the two words below.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "irq.h"
#include "pci/internal.h"
#include "vm.h"

/* The BAR: table, then pending array. */
#define TABLE_OFFSET   0
#define PENDING_OFFSET 0x800
#define BAR_SIZE       0x1000

/* What follows the id and the link. */
struct msix_capability {
	uint16_t control;
	uint32_t table;
	uint32_t pending;
} __attribute__((packed));

/* One entry as the guest sees it. */
struct msix_entry {
	uint32_t word[4]; /* address, upper address, data, vector control */
};

static struct msix_entry get_entry(const struct pci_msix_vector *vector)
{
	return (struct msix_entry){
		.word = { vector->addr, vector->addr >> 32, vector->data, vector->control },
	};
}

static void put_entry(struct pci_msix_vector *vector, const struct msix_entry *entry)
{
	vector->addr = entry->word[0] | (uint64_t)entry->word[1] << 32;
	vector->data = entry->word[2];
	vector->control = entry->word[3] & PCI_MSIX_ENTRY_CTRL_MASKBIT;
}

/* Make the route carry the entry's message; the first time, make route and eventfd. */
static int route_vector(struct vm *vm, struct pci_msix_vector *vector)
{
	int ret;

	if (vector->gsi < 0) {
		vector->gsi = irq_alloc_msi_route(vm);
		if (vector->gsi < 0)
			return vector->gsi;
	} else if (vector->eventfd >= 0 && vector->routed_addr == vector->addr &&
		   vector->routed_data == vector->data) {
		return 0;
	}
	ret = irq_set_msi_route(vm, vector->gsi, vector->addr, vector->data);
	if (ret)
		return ret;
	vector->routed_addr = vector->addr;
	vector->routed_data = vector->data;
	if (vector->eventfd >= 0)
		return 0;

	ret = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ret < 0)
		return -errno;
	vector->eventfd = ret;
	ret = irq_bind_eventfd(vm, vector->gsi, vector->eventfd);
	if (ret) {
		close(vector->eventfd);
		vector->eventfd = -1;
	}
	return ret;
}

static void fire(struct pci_msix_vector *vector)
{
	eventfd_write(vector->eventfd, 1);
}

static bool take_pending(struct pci_msix *msix, unsigned int nr)
{
	uint64_t bit = 1ULL << nr;

	return atomic_fetch_and(&msix->pending, ~bit) & bit;
}

/* After the entry, the function mask or the enable bit changed. Function lock held. */
static void update_vector(struct pci_device *pci, unsigned int nr)
{
	struct pci_msix *msix = &pci->msix;
	struct pci_msix_vector *vector = &msix->vectors[nr];
	uint16_t control = pci_get(pci->config, msix->cap + PCI_MSIX_FLAGS, 2);
	bool open = (control & PCI_MSIX_FLAGS_ENABLE) && !(control & PCI_MSIX_FLAGS_MASKALL) &&
		    !(vector->control & PCI_MSIX_ENTRY_CTRL_MASKBIT);

	/* A vector for which the host has no route stays shut, its signals pending. */
	if (open && route_vector(pci->vm, vector))
		open = false;
	atomic_store(&vector->open, open);
	if (open && take_pending(msix, nr))
		fire(vector);
}

/**
 * pci_msix_update() - message control was written
 * @pci: the function; its lock is held
 */
void pci_msix_update(struct pci_device *pci)
{
	struct pci_msix *msix = &pci->msix;
	uint16_t control = pci_get(pci->config, msix->cap + PCI_MSIX_FLAGS, 2);
	unsigned int nr;

	atomic_store(&msix->enabled, control & PCI_MSIX_FLAGS_ENABLE);
	for (nr = 0; nr < msix->nr; nr++)
		update_vector(pci, nr);
}

/**
 * pci_msix_enabled() - does the guest use MSI-X?
 * @pci: the function
 *
 * Any thread.
 *
 * Return: whether it does; INTA is off then.
 */
bool pci_msix_enabled(const struct pci_device *pci)
{
	return atomic_load(&pci->msix.enabled);
}

/**
 * pci_msix_signal() - send a message, or note that it is due
 * @pci: the function
 * @vector: its number; one beyond the table is ignored
 *
 * Any thread, no lock.
 */
void pci_msix_signal(struct pci_device *pci, unsigned int vector)
{
	struct pci_msix *msix = &pci->msix;

	if (vector >= msix->nr)
		return;
	if (!atomic_load(&msix->vectors[vector].open)) {
		atomic_fetch_or(&msix->pending, 1ULL << vector);
		/* If it was opened in between, one of the two sides finds the bit. */
		if (!atomic_load(&msix->vectors[vector].open) || !take_pending(msix, vector))
			return;
	}
	fire(&msix->vectors[vector]);
}

static bool aligned_access(uint64_t offset, unsigned int size)
{
	return (size == 4 || size == 8) && !(offset % size);
}

static uint64_t msix_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct pci_device *pci = opaque;
	struct pci_msix *msix = &pci->msix;
	struct msix_entry entry;
	uint64_t nr = offset / sizeof(entry);
	uint64_t value = 0;
	uint64_t pending;

	if (!aligned_access(offset, size))
		return 0;
	if (nr < msix->nr) {
		pthread_mutex_lock(&pci->lock);
		entry = get_entry(&msix->vectors[nr]);
		pthread_mutex_unlock(&pci->lock);
		memcpy(&value, (uint8_t *)&entry + offset % sizeof(entry), size);
	} else if (offset >= PENDING_OFFSET && offset + size <= PENDING_OFFSET + sizeof(pending)) {
		pending = atomic_load(&msix->pending);
		memcpy(&value, (uint8_t *)&pending + offset - PENDING_OFFSET, size);
	}
	return value;
}

static void msix_write(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
	struct pci_device *pci = opaque;
	struct pci_msix *msix = &pci->msix;
	struct msix_entry entry;
	uint64_t nr = offset / sizeof(entry);

	if (!aligned_access(offset, size) || nr >= msix->nr)
		return;
	pthread_mutex_lock(&pci->lock);
	entry = get_entry(&msix->vectors[nr]);
	memcpy((uint8_t *)&entry + offset % sizeof(entry), &value, size);
	put_entry(&msix->vectors[nr], &entry);
	update_vector(pci, nr);
	pthread_mutex_unlock(&pci->lock);
}

static const struct bus_ops msix_ops = {
	.read = msix_read,
	.write = msix_write,
};

static void clear_vector(struct pci_msix_vector *vector)
{
	memset(vector, 0, sizeof(*vector));
	vector->control = PCI_MSIX_ENTRY_CTRL_MASKBIT;
	vector->gsi = -1;
	vector->eventfd = -1;
}

/**
 * pci_add_msix() - give a function MSI-X
 * @pci: the function, not registered yet
 * @bar: a free BAR for table and pending array: 4 KiB
 * @nr_vectors: 1 to PCI_MSIX_MAX_VECTORS
 *
 * Return: 0, or -EINVAL, -ENOMEM or -ENOSPC.
 */
int pci_add_msix(struct pci_device *pci, unsigned int bar, unsigned int nr_vectors)
{
	struct msix_capability cap = {
		.control = nr_vectors - 1,
		.table = TABLE_OFFSET | bar,
		.pending = PENDING_OFFSET | bar,
	};
	unsigned int nr;
	int ret;

	if (!nr_vectors || nr_vectors > PCI_MSIX_MAX_VECTORS)
		return -EINVAL;
	ret = pci_add_bar(pci, bar, BAR_SIZE, false, &msix_ops, pci);
	if (ret)
		return ret;
	ret = pci_add_capability(pci, PCI_CAP_ID_MSIX, &cap, sizeof(cap));
	if (ret < 0)
		return ret;
	pci_put(pci->writable, ret + PCI_MSIX_FLAGS, 2,
		PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);

	pci->msix.vectors = calloc(nr_vectors, sizeof(*pci->msix.vectors));
	if (!pci->msix.vectors)
		return -ENOMEM;
	for (nr = 0; nr < nr_vectors; nr++)
		clear_vector(&pci->msix.vectors[nr]);
	pci->msix.nr = nr_vectors;
	pci->msix.cap = ret;
	return 0;
}

/**
 * pci_msix_reset() - give routes and eventfds back, mask all
 * @pci: the function; the device thread, no vCPU runs
 */
void pci_msix_reset(struct pci_device *pci)
{
	unsigned int nr;

	for (nr = 0; nr < pci->msix.nr; nr++) {
		struct pci_msix_vector *vector = &pci->msix.vectors[nr];

		if (vector->eventfd >= 0) {
			irq_unbind_eventfd(pci->vm, vector->gsi, vector->eventfd);
			close(vector->eventfd);
		}
		if (vector->gsi >= 0)
			irq_free_msi_route(pci->vm, vector->gsi);
		clear_vector(vector);
	}
	atomic_store(&pci->msix.enabled, false);
	atomic_store(&pci->msix.pending, 0);
}

/**
 * pci_msix_exit() - free the table
 * @pci: the function, reset
 */
void pci_msix_exit(struct pci_device *pci)
{
	free(pci->msix.vectors);
	pci->msix.vectors = NULL;
	pci->msix.nr = 0;
}
