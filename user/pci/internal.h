/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the files of pci/ only. */
#ifndef TENON_PCI_INTERNAL_H
#define TENON_PCI_INTERNAL_H

#include "pci/pci.h"

#define PCI_INTX_GSIS 8 /* I/O APIC inputs shared by the slots */

/**
 * struct pci_bus - bus 0 and the two ways to its configuration spaces
 * @vm: the machine
 * @lock: orders @address and @intx; a leaf
 * @address: CONFIG_ADDRESS, the latch at port CF8
 * @slot: the functions; fixed before the first vCPU runs
 * @window_used: bytes of the memory window given away
 * @intx: for each shared input, a bit for each slot that asserts it
 * @bridge: slot 0
 */
struct pci_bus {
	struct vm *vm;
	pthread_mutex_t lock;
	uint32_t address;
	struct pci_device *slot[PCI_SLOTS];
	uint64_t window_used;
	uint32_t intx[PCI_INTX_GSIS];
	struct pci_device bridge;
};

int pci_bus_attach(struct pci_bus *bus, struct pci_device *pci);
int pci_bus_allocate(struct pci_bus *bus, uint64_t size, uint64_t *base);
void pci_intx_disable(struct pci_device *pci, bool off);

void pci_msix_update(struct pci_device *pci);
void pci_msix_reset(struct pci_device *pci);
void pci_msix_exit(struct pci_device *pci);

#endif
