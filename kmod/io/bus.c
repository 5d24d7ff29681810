// SPDX-License-Identifier: GPL-2.0-only
/*
 * A bus: who answers at an address.
 */
#include <linux/err.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "../vcpu.h"
#include "../vm.h"
#include "bus.h"

/* First address behind [@addr, @addr + @len), or the last address there is. */
static u64 range_end(u64 addr, u64 len)
{
	return addr + len < addr ? U64_MAX : addr + len;
}

/* The row covers the whole access; the table says that it does not start behind it. */
static bool range_covers(const struct io_range *range, u64 addr, int len)
{
	u64 skip = addr - range->addr;

	if (!range->len)
		return !skip;
	return skip < range->len && range->len - skip >= (u64)len;
}

/* How many rows start at or below @addr. */
static u32 table_upper(const struct io_table *table, u64 addr)
{
	u32 low = 0;
	u32 high = table->nr;

	while (low < high) {
		u32 mid = (low + high) / 2;

		if (table->ranges[mid].addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Under RCU, or with interrupts off. */
static __always_inline int table_access(const struct io_table *table, struct vcpu *vcpu, u64 addr,
					int len, void *val, bool write, bool fast_only)
{
	int result;
	u32 i;

	for (i = table ? table_upper(table, addr) : 0; i > 0; i--) {
		const struct io_range *range = &table->ranges[i - 1];
		struct io_device *dev = range->dev;

		if (range->reach < addr)
			break;
		if (!range_covers(range, addr, len))
			continue;
		if (fast_only && !dev->fast)
			return -EAGAIN;
		result = -EOPNOTSUPP;
		if (write && dev->ops->write)
			result = dev->ops->write(dev, vcpu, addr, len, val);
		else if (!write && dev->ops->read)
			result = dev->ops->read(dev, vcpu, addr, len, val);
		if (result != -EOPNOTSUPP)
			return result;
	}
	return -EOPNOTSUPP;
}

static int bus_access(struct vcpu *vcpu, struct io_bus *bus, u64 addr, int len, void *val,
		      bool write)
{
	int result;

	rcu_read_lock();
	result = table_access(rcu_dereference(bus->table), vcpu, addr, len, val, write, false);
	rcu_read_unlock();
	return result;
}

int io_bus_read(struct vcpu *vcpu, struct io_bus *bus, u64 addr, int len, void *val)
{
	return bus_access(vcpu, bus, addr, len, val, false);
}

int io_bus_write(struct vcpu *vcpu, struct io_bus *bus, u64 addr, int len, const void *val)
{
	return bus_access(vcpu, bus, addr, len, (void *)val, true);
}

int io_bus_read_fast(struct vcpu *vcpu, struct io_bus *bus, u64 addr, int len, void *val)
{
	return table_access(rcu_dereference_sched(bus->table), vcpu, addr, len, val, false, true);
}

int io_bus_write_fast(struct vcpu *vcpu, struct io_bus *bus, u64 addr, int len, const void *val)
{
	return table_access(rcu_dereference_sched(bus->table), vcpu, addr, len, (void *)val, true,
			    true);
}

static struct io_table *bus_table(struct vm *vm, struct io_bus *bus)
{
	return rcu_dereference_protected(bus->table, lockdep_is_held(&vm->io.lock));
}

static u32 table_count(const struct io_table *table, bool ioeventfd)
{
	u32 count = 0;
	u32 i;

	for (i = 0; table && i < table->nr; i++)
		count += table->ranges[i].dev->ioeventfd == ioeventfd;
	return count;
}

/* The bits of table->present for a row. */
static u64 range_present(const struct io_range *range)
{
	u64 first = range->addr >> IO_PRESENT_SHIFT;
	u64 end = range_end(range->addr, range->len ?: 1);
	u64 last = (end - 1) >> IO_PRESENT_SHIFT;
	u64 present = 0;

	if (last - first >= 63)
		return U64_MAX;
	for (; first <= last; first++)
		present |= BIT_ULL(first % 64);
	return present;
}

static void table_index(struct io_table *table)
{
	u64 reach = 0;
	u32 i;

	table->present = 0;

	for (i = 0; i < table->nr; i++) {
		struct io_range *range = &table->ranges[i];

		reach = max(reach, range_end(range->addr, range->len));
		range->reach = reach;
		table->present |= range_present(range);
	}
}

static struct io_table *table_alloc(u32 nr)
{
	struct io_table *table;

	table = kvmalloc(struct_size(table, ranges, nr), GFP_KERNEL_ACCOUNT);
	if (table)
		table->nr = nr;
	return table;
}

/**
 * io_bus_add_locked() - put a device on a bus
 * @vm: the VM
 * @bus: one of its buses
 * @addr: first address
 * @len: length in bytes; 0: any access that starts at @addr
 * @dev: the device, which outlives its io_bus_remove()
 *
 * Context: vm->io.lock held.
 * Return: 0, -ENOSPC or -ENOMEM.
 */
int io_bus_add_locked(struct vm *vm, struct io_bus *bus, u64 addr, u64 len, struct io_device *dev)
{
	u32 limit = dev->ioeventfd ? IO_BUS_IOEVENTFDS : IO_BUS_DEVICES;
	struct io_table *old = bus_table(vm, bus);
	struct io_table *table;
	u32 nr = old ? old->nr : 0;
	u32 at = old ? table_upper(old, addr) : 0;

	lockdep_assert_held(&vm->io.lock);
	if (table_count(old, dev->ioeventfd) >= limit)
		return -ENOSPC;
	table = table_alloc(nr + 1);
	if (!table)
		return -ENOMEM;
	if (old) {
		memcpy(table->ranges, old->ranges, flex_array_size(table, ranges, at));
		memcpy(table->ranges + at + 1, old->ranges + at,
		       flex_array_size(table, ranges, nr - at));
	}
	table->ranges[at] = (struct io_range){ .addr = addr, .len = len, .dev = dev };
	table_index(table);
	rcu_assign_pointer(bus->table, table);
	if (old)
		kvfree_rcu(old, rcu);
	return 0;
}

/**
 * io_bus_remove_locked() - take a device off a bus
 * @vm: the VM
 * @bus: the bus it is on
 * @dev: the device; a device that is not there is no error
 *
 * Context: vm->io.lock held. Waits until no reader sees the device.
 */
void io_bus_remove_locked(struct vm *vm, struct io_bus *bus, struct io_device *dev)
{
	struct io_table *old = bus_table(vm, bus);
	struct io_table *table = NULL;
	u32 at;

	lockdep_assert_held(&vm->io.lock);
	for (at = 0; old && at < old->nr && old->ranges[at].dev != dev; at++)
		;
	if (!old || at == old->nr)
		return;
	if (old->nr > 1) {
		table = kvmalloc(struct_size(table, ranges, old->nr - 1),
				 GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
		table->nr = old->nr - 1;
		memcpy(table->ranges, old->ranges, flex_array_size(table, ranges, at));
		memcpy(table->ranges + at, old->ranges + at + 1,
		       flex_array_size(table, ranges, table->nr - at));
		table_index(table);
	}
	rcu_assign_pointer(bus->table, table);
	synchronize_rcu_expedited();
	kvfree(old);
}

int io_bus_add(struct vm *vm, struct io_bus *bus, u64 addr, u64 len, struct io_device *dev)
{
	int ret;

	mutex_lock(&vm->io.lock);
	ret = io_bus_add_locked(vm, bus, addr, len, dev);
	mutex_unlock(&vm->io.lock);
	return ret;
}

void io_bus_remove(struct vm *vm, struct io_bus *bus, struct io_device *dev)
{
	mutex_lock(&vm->io.lock);
	io_bus_remove_locked(vm, bus, dev);
	mutex_unlock(&vm->io.lock);
}

int vm_io_init(struct vm *vm)
{
	struct vm_io *io = &vm->io;

	mutex_init(&io->lock);
	raw_spin_lock_init(&io->ring_lock);
	INIT_LIST_HEAD(&io->ioeventfds);
	INIT_LIST_HEAD(&io->zones);
	io->ring = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	return io->ring ? 0 : -ENOMEM;
}

static void bus_destroy(struct io_bus *bus)
{
	kvfree(rcu_dereference_protected(bus->table, true));
	RCU_INIT_POINTER(bus->table, NULL);
}

/* A device that is taken off its bus after this is not found there, which is no error. */
void vm_io_destroy(struct vm *vm)
{
	struct vm_io *io = &vm->io;

	bus_destroy(&vm->pio);
	bus_destroy(&vm->mmio);
	ioeventfd_destroy(vm);
	coalesced_destroy(vm);
	free_page((unsigned long)io->ring);
	io->ring = NULL;
}
