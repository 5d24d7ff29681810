// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "bus.h"

/* The fields are atomic because look-ups read them while a change may be under way. */
struct region {
	atomic_uint_least64_t base;
	atomic_uint_least64_t last;
	atomic_uintptr_t ops;
	atomic_uintptr_t opaque;
};

/*
 * A sequence lock: @seq is odd while the sorted table changes, and a look-up that saw it change
 * starts again. @lock serializes the changes.
 */
struct bus {
	uint64_t limit;
	pthread_mutex_t lock;
	atomic_uint seq;
	atomic_uint nr;
	struct region region[BUS_MAX_REGIONS];
};

struct target {
	const struct bus_ops *ops;
	void *opaque;
	uint64_t offset;
};

#define get(field)	  atomic_load_explicit(&(field), memory_order_relaxed)
#define set(field, value) atomic_store_explicit(&(field), (value), memory_order_relaxed)

struct bus *bus_create(uint64_t limit)
{
	struct bus *bus = calloc(1, sizeof(*bus));

	if (!bus)
		return NULL;
	bus->limit = limit;
	pthread_mutex_init(&bus->lock, NULL);
	return bus;
}

void bus_destroy(struct bus *bus)
{
	if (!bus)
		return;
	pthread_mutex_destroy(&bus->lock);
	free(bus);
}

/* Index of the first region that ends at or after @addr. */
static unsigned int first_from(struct bus *bus, uint64_t addr)
{
	unsigned int low = 0, high = get(bus->nr);

	while (low < high) {
		unsigned int mid = low + (high - low) / 2;

		if (get(bus->region[mid].last) < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void copy_region(struct region *to, struct region *from)
{
	set(to->base, get(from->base));
	set(to->last, get(from->last));
	set(to->ops, get(from->ops));
	set(to->opaque, get(from->opaque));
}

static void change_begin(struct bus *bus)
{
	atomic_fetch_add_explicit(&bus->seq, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

static void change_end(struct bus *bus)
{
	atomic_fetch_add_explicit(&bus->seq, 1, memory_order_release);
}

static int insert(struct bus *bus, uint64_t base, uint64_t last, const struct bus_ops *ops,
		  void *opaque)
{
	unsigned int nr = get(bus->nr), at = first_from(bus, base);

	if (at < nr && get(bus->region[at].base) <= last)
		return -EEXIST;
	if (nr == BUS_MAX_REGIONS)
		return -ENOSPC;
	change_begin(bus);
	for (unsigned int i = nr; i > at; i--)
		copy_region(&bus->region[i], &bus->region[i - 1]);
	set(bus->region[at].base, base);
	set(bus->region[at].last, last);
	set(bus->region[at].ops, (uintptr_t)ops);
	set(bus->region[at].opaque, (uintptr_t)opaque);
	set(bus->nr, nr + 1);
	change_end(bus);
	return 0;
}

int bus_add(struct bus *bus, uint64_t base, uint64_t size, const struct bus_ops *ops, void *opaque)
{
	uint64_t last = base + size - 1;
	int err;

	if (!size || last < base || last > bus->limit)
		return -EINVAL;
	pthread_mutex_lock(&bus->lock);
	err = insert(bus, base, last, ops, opaque);
	pthread_mutex_unlock(&bus->lock);
	return err;
}

static void take_out(struct bus *bus, uint64_t base, uint64_t last)
{
	unsigned int nr = get(bus->nr), at = first_from(bus, base);

	if (at == nr || get(bus->region[at].base) != base || get(bus->region[at].last) != last)
		return;
	change_begin(bus);
	for (unsigned int i = at; i + 1 < nr; i++)
		copy_region(&bus->region[i], &bus->region[i + 1]);
	set(bus->nr, nr - 1);
	change_end(bus);
}

void bus_remove(struct bus *bus, uint64_t base, uint64_t size)
{
	pthread_mutex_lock(&bus->lock);
	take_out(bus, base, base + size - 1);
	pthread_mutex_unlock(&bus->lock);
}

/* One attempt; what it finds counts only if @seq has not moved meanwhile. */
static bool find_once(struct bus *bus, uint64_t addr, uint64_t last, struct target *target)
{
	unsigned int at = first_from(bus, addr);
	struct region *region = &bus->region[at];

	if (at >= get(bus->nr) || addr < get(region->base) || last > get(region->last))
		return false;
	target->ops = (const struct bus_ops *)get(region->ops);
	target->opaque = (void *)get(region->opaque);
	target->offset = addr - get(region->base);
	return true;
}

static bool find(struct bus *bus, uint64_t addr, uint64_t last, struct target *target)
{
	unsigned int seq;
	bool found;

	do {
		seq = atomic_load_explicit(&bus->seq, memory_order_acquire);
		found = find_once(bus, addr, last, target);
		atomic_thread_fence(memory_order_acquire);
	} while ((seq & 1) || get(bus->seq) != seq);
	return found;
}

bool bus_access(struct bus *bus, uint64_t addr, unsigned int size, bool write, void *data)
{
	uint64_t last = addr + size - 1, value = 0;
	struct target target;
	bool good = size == 1 || size == 2 || size == 4 || size == 8;

	if (!good || last < addr || !find(bus, addr, last, &target)) {
		if (!write)
			memset(data, 0xff, size);
		return false;
	}
	if (write) {
		memcpy(&value, data, size);
		target.ops->write(target.opaque, target.offset, size, value);
	} else {
		value = target.ops->read(target.opaque, target.offset, size);
		memcpy(data, &value, size);
	}
	return true;
}
