/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PCI: one bus of type 0 functions, reached by configuration mechanism 1 and by ECAM.
 *
 * The rules are those of the PCI Local Bus Specification 3.0 and of the PCI Express Base
 * Specification (7.2 for ECAM, 7.7.2 for MSI-X). There is no firmware: pci_device_register() gives
 * each BAR an address, with decoding off, and the guest may move it. The guest's physical map and
 * the wiring of INTA are in machine.h.
 *
 * Locks: a function's @lock orders all access to its configuration space and MSI-X table, and is
 * taken by vCPU threads. Inside it only leaf locks are taken (buses, interrupt routes, the lock of
 * a device model). Signalling an MSI-X vector takes no lock.
 */
#ifndef TENON_PCI_H
#define TENON_PCI_H

#include <linux/pci_regs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus.h"
#include "device.h"
#include "machine.h"

#define PCI_SLOTS	     32 /* function 0 of each, on bus 0 */

#define PCI_CONFIG_SIZE	     4096
#define PCI_BARS	     6
#define PCI_MSIX_MAX_VECTORS 64 /* a pending bitmap of one word */

struct pci_bus;
struct pci_device;
struct vm;

/**
 * struct pci_bar - a memory region that a function decodes
 * @size: bytes, a power of two of at least 4096; 0 where there is none
 * @is_64bit: the BAR takes two registers (the next pci_bar must be unused)
 * @ops: who answers an access, on the vCPU's thread
 * @opaque: passed to @ops
 * @home: the address the launcher chose; returned to by a reset
 * @base: where it is decoded now; valid while @mapped. Under the function's lock
 * @mapped: it is on the MMIO bus. Under the function's lock
 */
struct pci_bar {
	uint64_t size;
	bool is_64bit;
	const struct bus_ops *ops;
	void *opaque;
	uint64_t home;
	uint64_t base;
	bool mapped;
};

/**
 * struct pci_msix_vector - one entry of the MSI-X table
 * @addr: message address
 * @data: message data
 * @control: vector control: bit 0 masks it
 * @gsi: the interrupt route, -1 until first unmasked
 * @eventfd: bound to @gsi, -1 until first unmasked
 * @routed_addr: the address that the route has
 * @routed_data: the data that the route has
 * @open: it is enabled, unmasked and routed: a signal may go out
 */
struct pci_msix_vector {
	uint64_t addr;
	uint32_t data;
	uint32_t control;
	int gsi;
	int eventfd;
	uint64_t routed_addr;
	uint32_t routed_data;
	atomic_bool open;
};

/**
 * struct pci_msix - a function's MSI-X capability (PCI Express 7.7.2)
 * @vectors: the table
 * @nr: entries in @vectors; 0 where the function has no MSI-X
 * @cap: offset of the capability in configuration space
 * @enabled: the guest uses it (and INTx is off)
 * @pending: the pending bit array
 */
struct pci_msix {
	struct pci_msix_vector *vectors;
	unsigned int nr;
	uint16_t cap;
	atomic_bool enabled;
	atomic_ullong pending;
};

/**
 * struct pci_device_ops - what a function may add to configuration space; all optional
 * @bar_mapped: BAR @bar is now decoded at its base, or (@mapped false) no longer is
 * @config_read: before bytes [@offset, @offset + @size) are read: bring them up to date
 * @config_written: after they were written
 *
 * All are called with the function's lock held.
 */
struct pci_device_ops {
	void (*bar_mapped)(struct pci_device *pci, unsigned int bar, bool mapped);
	void (*config_read)(struct pci_device *pci, unsigned int offset, unsigned int size);
	void (*config_written)(struct pci_device *pci, unsigned int offset, unsigned int size);
};

/**
 * struct pci_identity - the read-only head of configuration space
 * @vendor: vendor id
 * @device: device id
 * @subsystem_vendor: subsystem vendor id
 * @subsystem: subsystem id
 * @class: base class, sub-class and programming interface: 24 bits
 * @revision: revision id
 * @intx: the function can raise INTA
 */
struct pci_identity {
	uint16_t vendor;
	uint16_t device;
	uint16_t subsystem_vendor;
	uint16_t subsystem;
	uint32_t class;
	uint8_t revision;
	bool intx;
};

/**
 * struct pci_device - a type 0 function; embedded in the device model
 * @name: for messages
 * @vm: the machine; set before pci_device_init()
 * @ops: the model's hooks, or NULL
 * @slot: device number on bus 0; set by pci_device_register()
 * @intx_level: the model asserts INTA. Changed under the bus's lock
 * @intx_off: the guest turned INTx off. Under the bus's lock
 * @lock: orders access to all that follows
 * @config: the configuration space
 * @writable: a set bit here can be written by the guest
 * @power_on: what @config returns to at reset; taken by pci_device_register()
 * @next_cap: where the next capability goes
 * @last_cap: offset of the pointer to link it from
 * @bars: the memory regions
 * @msix: the MSI-X capability
 */
struct pci_device {
	const char *name;
	struct vm *vm;
	const struct pci_device_ops *ops;
	uint8_t slot;
	atomic_bool intx_level;
	bool intx_off;
	pthread_mutex_t lock;
	uint8_t config[PCI_CONFIG_SIZE];
	uint8_t writable[PCI_CONFIG_SIZE];
	uint8_t power_on[PCI_CONFIG_SIZE];
	uint16_t next_cap;
	uint16_t last_cap;
	struct pci_bar bars[PCI_BARS];
	struct pci_msix msix;
};

/* The host bridge: makes vm->pci, must be initialised before any other PCI device. */
extern const struct device_ops pci_host_device;

void pci_device_init(struct pci_device *pci, const struct pci_identity *id);
int pci_add_bar(struct pci_device *pci, unsigned int bar, uint64_t size, bool is_64bit,
		const struct bus_ops *ops, void *opaque);
int pci_add_capability(struct pci_device *pci, uint8_t id, const void *body, unsigned int size);
int pci_add_msix(struct pci_device *pci, unsigned int bar, unsigned int nr_vectors);
int pci_device_register(struct pci_device *pci);
void pci_device_reset(struct pci_device *pci);
void pci_device_exit(struct pci_device *pci);

uint32_t pci_config_read(struct pci_device *pci, unsigned int offset, unsigned int size);
void pci_config_write(struct pci_device *pci, unsigned int offset, unsigned int size,
		      uint32_t value);

bool pci_msix_enabled(const struct pci_device *pci);
void pci_msix_signal(struct pci_device *pci, unsigned int vector);
void pci_intx_set(struct pci_device *pci, bool level);

/* Little-endian fields of configuration space. */
uint32_t pci_get(const uint8_t *config, unsigned int offset, unsigned int size);
void pci_put(uint8_t *config, unsigned int offset, unsigned int size, uint32_t value);

#endif
