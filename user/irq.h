/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupts into the guest: lines of the interrupt controllers in the kernel, message-signalled
 * interrupts and their routes, eventfds bound to either, and eventfds bound to guest writes.
 *
 * GSIs 0 to 15 are the legacy lines (PIC and IOAPIC), 16 to 23 the other IOAPIC pins, those above
 * are MSI routes. Every function may be called from any thread, and returns 0 (or a GSI) or a
 * negative errno.
 */
#ifndef TENON_IRQ_H
#define TENON_IRQ_H

#include <stdbool.h>
#include <stdint.h>

#define IRQ_NR_LINES   24
#define IRQ_MAX_ROUTES 1024

struct vm;
struct irq_routes;

/** irq_create() - The table of routes of @vm->irq, before any device is added. */
int irq_create(struct vm *vm);

/** irq_destroy() - Free it. */
void irq_destroy(struct vm *vm);

/** irq_restore() - Give a new VM file descriptor the routes that are set. */
int irq_restore(struct vm *vm);

/** irq_line() - Drive the line @gsi (below IRQ_NR_LINES). Call it on changes only. */
int irq_line(struct vm *vm, unsigned int gsi, bool level);

/** irq_alloc_msi_route() - Return: a free GSI for one MSI, -ENOSPC if there is none. */
int irq_alloc_msi_route(struct vm *vm);

/** irq_free_msi_route() - Give up a GSI of irq_alloc_msi_route(). */
void irq_free_msi_route(struct vm *vm, int gsi);

/** irq_set_msi_route() - The message that @gsi stands for. -EINVAL: not one of ours. */
int irq_set_msi_route(struct vm *vm, int gsi, uint64_t addr, uint32_t data);

/** irq_bind_eventfd() - A write to @eventfd raises @gsi, inside the kernel. */
int irq_bind_eventfd(struct vm *vm, int gsi, int eventfd);

/** irq_unbind_eventfd() - Undo irq_bind_eventfd(). */
int irq_unbind_eventfd(struct vm *vm, int gsi, int eventfd);

/**
 * vm_ioeventfd() - Turn guest writes into eventfd signals, inside the kernel.
 * @vm: the machine
 * @addr: guest-physical address, or port
 * @len: bytes of the write: 1, 2, 4, 8; 0 for any (MMIO only)
 * @fd: the eventfd
 * @pio: a port
 * @assign: false undoes what the same arguments did
 * @datamatch: only writes of this value; NULL for all
 */
int vm_ioeventfd(struct vm *vm, uint64_t addr, unsigned int len, int fd, bool pio, bool assign,
		 const uint64_t *datamatch);

#endif
