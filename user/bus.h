/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An address space of devices (ports or MMIO): non-overlapping regions, sorted. vCPU threads look
 * regions up without a lock; changes are serialized by a mutex inside and are rare.
 */
#ifndef TENON_BUS_H
#define TENON_BUS_H

#include <stdbool.h>
#include <stdint.h>

/* Regions per bus. Bounded because a guest makes and moves them by programming BARs. */
#define BUS_MAX_REGIONS 256

struct bus;

/**
 * struct bus_ops - How a region answers.
 * @read: value of @size (1, 2, 4 or 8) bytes at @offset into the region
 * @write: store the @size low bytes of @value at @offset
 *
 * Both are called from vCPU threads, several at once, with no lock held, and may be called a last
 * time just after bus_remove() returned: @opaque lives as long as the VM. They may call bus_add()
 * and bus_remove(). @offset + @size never leaves the region.
 */
struct bus_ops {
	uint64_t (*read)(void *opaque, uint64_t offset, unsigned int size);
	void (*write)(void *opaque, uint64_t offset, unsigned int size, uint64_t value);
};

/**
 * bus_create() - A bus with no regions.
 * @limit: highest address, 0xffff for ports
 *
 * Return: the bus, or NULL without memory.
 */
struct bus *bus_create(uint64_t limit);

/** bus_destroy() - Free a bus that nobody uses any more; NULL is allowed. */
void bus_destroy(struct bus *bus);

/**
 * bus_add() - Claim [@base, @base + @size).
 *
 * Return: 0, -EEXIST if a part of it is taken, -EINVAL if it is empty, wraps or passes the bus's
 * limit, -ENOSPC if there are BUS_MAX_REGIONS already.
 */
int bus_add(struct bus *bus, uint64_t base, uint64_t size, const struct bus_ops *ops, void *opaque);

/** bus_remove() - Give up a region, named exactly as it was claimed; unknown ones are ignored. */
void bus_remove(struct bus *bus, uint64_t base, uint64_t size);

/**
 * bus_access() - One guest access.
 * @bus: the bus
 * @addr: its address
 * @size: 1, 2, 4 or 8 bytes
 * @write: direction
 * @data: @size bytes, little-endian: read from, or filled (with all ones if nobody answers)
 *
 * Return: false if no region holds all the bytes, or @size is none of the four.
 */
bool bus_access(struct bus *bus, uint64_t addr, unsigned int size, bool write, void *data);

#endif
