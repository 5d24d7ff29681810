// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coalesced MMIO and ports: writes to a zone are queued in a ring that user space empties at its
 * next exit, for devices that get long rows of writes before anyone looks at the effect.
 */
#include <linux/kvm.h>
#include <linux/slab.h>

#include "../vcpu.h"
#include "../vm.h"
#include "bus.h"

/**
 * struct coalesced_zone - one registration
 * @dev: on the bus
 * @list: in vm->io.zones
 * @addr: first address
 * @size: in bytes
 * @pio: on the port bus
 */
struct coalesced_zone {
	struct io_device dev;
	struct list_head list;
	u64 addr;
	u32 size;
	bool pio;
};

/*
 * @first and @last are user space's as much as ours: each is read once, and a value out of range
 * means that there is no room (the write then goes to user space as any other).
 */
static bool ring_put(struct kvm_coalesced_mmio_ring *ring, u64 addr, int len, const void *val,
		     bool pio)
{
	u32 first = READ_ONCE(ring->first);
	u32 last = READ_ONCE(ring->last);
	struct kvm_coalesced_mmio *entry;
	u32 next;

	if (last >= KVM_COALESCED_MMIO_MAX)
		return false;
	next = last + 1 == KVM_COALESCED_MMIO_MAX ? 0 : last + 1;
	if (next == first)
		return false;
	entry = &ring->coalesced_mmio[array_index_nospec(last, KVM_COALESCED_MMIO_MAX)];
	entry->phys_addr = addr;
	entry->len = len;
	entry->pio = pio;
	memcpy(entry->data, val, len);
	/* User space sees the entry before it sees that it is there. */
	smp_store_release(&ring->last, next);
	return true;
}

static int coalesced_write(struct io_device *dev, struct vcpu *vcpu, u64 addr, int len,
			   const void *val)
{
	struct coalesced_zone *zone = container_of(dev, struct coalesced_zone, dev);
	struct vm_io *io = &vcpu->vm->io;
	unsigned long flags;
	bool done;

	if (!zone->size || len > (int)sizeof_field(struct kvm_coalesced_mmio, data))
		return -EOPNOTSUPP;
	raw_spin_lock_irqsave(&io->ring_lock, flags);
	done = ring_put(io->ring, addr, len, val, zone->pio);
	raw_spin_unlock_irqrestore(&io->ring_lock, flags);
	return done ? 0 : -EOPNOTSUPP;
}

static const struct io_device_ops coalesced_ops = {
	.write = coalesced_write,
};

static struct io_bus *bus_of(struct vm *vm, bool pio)
{
	return pio ? &vm->pio : &vm->mmio;
}

/**
 * coalesced_register() - VM ioctl KVM_REGISTER_COALESCED_MMIO
 * @vm: the VM
 * @arg: struct kvm_coalesced_mmio_zone
 * @uarg: unused
 *
 * Return: 0, -EINVAL (@pio is neither 0 nor 1), -ENOSPC, -ENOMEM.
 */
long coalesced_register(struct vm *vm, void *arg, unsigned long uarg)
{
	const struct kvm_coalesced_mmio_zone *args = arg;
	struct coalesced_zone *zone;
	int ret;

	if (args->pio > 1)
		return -EINVAL;
	zone = kzalloc(sizeof(*zone), GFP_KERNEL_ACCOUNT);
	if (!zone)
		return -ENOMEM;
	zone->dev.ops = &coalesced_ops;
	zone->dev.fast = true;
	zone->addr = args->addr;
	zone->size = args->size;
	zone->pio = args->pio;
	mutex_lock(&vm->io.lock);
	ret = io_bus_add_locked(vm, bus_of(vm, zone->pio), zone->addr, zone->size, &zone->dev);
	if (!ret)
		list_add_tail(&zone->list, &vm->io.zones);
	mutex_unlock(&vm->io.lock);
	if (ret)
		kfree(zone);
	return ret;
}

static bool zone_contains(const struct coalesced_zone *zone,
			  const struct kvm_coalesced_mmio_zone *args)
{
	u64 skip = args->addr - zone->addr;

	return zone->pio == args->pio && args->addr >= zone->addr && skip <= zone->size &&
	       zone->size - skip >= args->size;
}

/**
 * coalesced_unregister() - VM ioctl KVM_UNREGISTER_COALESCED_MMIO
 * @vm: the VM
 * @arg: struct kvm_coalesced_mmio_zone; every zone that contains it goes
 * @uarg: unused
 *
 * Return: 0, also if there was none; -EINVAL (@pio is neither 0 nor 1).
 */
long coalesced_unregister(struct vm *vm, void *arg, unsigned long uarg)
{
	const struct kvm_coalesced_mmio_zone *args = arg;
	struct coalesced_zone *zone;
	struct coalesced_zone *next;

	if (args->pio > 1)
		return -EINVAL;
	mutex_lock(&vm->io.lock);
	list_for_each_entry_safe(zone, next, &vm->io.zones, list) {
		if (!zone_contains(zone, args))
			continue;
		io_bus_remove_locked(vm, bus_of(vm, zone->pio), &zone->dev);
		list_del(&zone->list);
		kfree(zone);
	}
	mutex_unlock(&vm->io.lock);
	return 0;
}

/**
 * coalesced_destroy() - free all of a VM's zones
 * @vm: the VM, whose buses are gone
 */
void coalesced_destroy(struct vm *vm)
{
	struct coalesced_zone *zone;
	struct coalesced_zone *next;

	list_for_each_entry_safe(zone, next, &vm->io.zones, list) {
		list_del(&zone->list);
		kfree(zone);
	}
}
