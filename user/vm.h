/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtual machine: the hypervisor's file descriptors and all that hangs on them.
 *
 * Threads: the device thread (the process's first: set-up, loop.h, tear-down) and one thread per
 * vCPU. Set-up and reset run while no vCPU thread exists.
 */
#ifndef TENON_VM_H
#define TENON_VM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bus.h"
#include "device.h"
#include "irq.h"
#include "loop.h"
#include "mem.h"

struct config;
struct kvm_cpuid2;
struct pci_bus;
struct term;
struct vcpu;

/* Why a VM stopped. */
enum vm_end {
	VM_RUNNING,
	VM_POWERED_OFF, /* by the guest */
	VM_RESET, /* by the guest */
	VM_QUIT, /* by the user */
	VM_DIED, /* guest or hypervisor failed; it has been reported */
};

/**
 * struct vm - One virtual machine.
 * @name: for messages and thread names
 * @config: what the user asked for
 * @dev_fd: the hypervisor's device node
 * @fd: the VM; a new one after each reset
 * @run_size: bytes of a vCPU's shared page area
 * @mem: guest RAM
 * @pio: port bus
 * @mmio: memory-mapped bus
 * @loop: the device thread's event loop
 * @term: the user's terminal
 * @irq: routes, owned by irq.c
 * @pci: the PCI bus, set by the host bridge's init
 * @devices: all devices, the newest first
 * @cpuid: CPUID that the hypervisor supports, read once
 * @tsc_deadline: the interrupt controllers have the TSC-deadline timer
 * @nr_cpus: vCPUs
 * @vcpus: @nr_cpus of them, NULL while none exist
 * @end: enum vm_end; see vm_stop() for who decides
 * @signal: the signal that ended it, or 0; device thread only
 */
struct vm {
	const char *name;
	const struct config *config;
	int dev_fd;
	int fd;
	uint32_t run_size;
	struct guest_mem *mem;
	struct bus *pio;
	struct bus *mmio;
	struct loop *loop;
	struct term *term;
	struct irq_routes *irq;
	struct pci_bus *pci;
	struct device *devices;
	struct kvm_cpuid2 *cpuid;
	bool tsc_deadline;
	unsigned int nr_cpus;
	struct vcpu *vcpus;
	atomic_int end;
	int signal;
};

/**
 * vm_open() - Open the hypervisor's device and check that it can run us.
 * @vm: zeroed; filled
 * @config: lives as long as @vm
 *
 * Return: 0 or a negative errno; a message has been printed.
 */
int vm_open(struct vm *vm, const struct config *config);

/**
 * vm_missing_capability() - Is this a hypervisor that can run us?
 * @dev_fd: its device node
 * @number: the missing capability's
 *
 * Return: NULL if nothing is missing, else the name of a capability ("API_VERSION" for the version
 * of the whole).
 */
const char *vm_missing_capability(int dev_fd, int *number);

/** vm_close() - Undo vm_open(). */
void vm_close(struct vm *vm);

/**
 * vm_create() - Make the VM: memory slots, interrupt controllers, timer, routes; no vCPUs yet.
 *
 * Return: 0 or a negative errno; a message has been printed.
 */
int vm_create(struct vm *vm);

/** vm_destroy() - Close the VM's file descriptor; vCPUs are gone. */
void vm_destroy(struct vm *vm);

/**
 * vm_stop() - End the VM (or reset it). Any thread; the first call since it was started decides,
 * but for a user's VM_QUIT, which the device thread may see right behind a guest's VM_RESET: it
 * must not get lost.
 *
 * A vCPU thread that calls this from a bus handler returns from it as usual and stops before it
 * would enter the guest again.
 */
void vm_stop(struct vm *vm, enum vm_end why);

#endif
