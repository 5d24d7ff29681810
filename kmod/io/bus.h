/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two buses of a VM (ports and memory), and what user space hangs on them: ioeventfds and
 * coalesced zones. A bus is a sorted array that is read under plain RCU and replaced on change.
 */
#ifndef TENON_IO_BUS_H
#define TENON_IO_BUS_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct exit;
struct io_device;
struct kvm_coalesced_mmio_ring;
struct vcpu;
struct vm;

/* Most devices on one bus other than ioeventfds, and most ioeventfds on one bus: then -ENOSPC. */
#define IO_BUS_DEVICES	  1000
#define IO_BUS_IOEVENTFDS 16384

/**
 * struct io_device_ops - how a device answers
 * @read: fill @len bytes (1, 2, 4 or 8) of @val
 * @write: take @len bytes
 *
 * Either may be NULL. Both are called under rcu_read_lock(), or with interrupts off where the
 * device is @fast: they never sleep. They return 0, or -EOPNOTSUPP if the access is not theirs,
 * which offers it to the next device at this address and in the end to user space.
 */
struct io_device_ops {
	int (*read)(struct io_device *dev, struct vcpu *vcpu, u64 addr, int len, void *val);
	int (*write)(struct io_device *dev, struct vcpu *vcpu, u64 addr, int len, const void *val);
};

/**
 * struct io_device - embedded in a device's own structure
 * @ops: set once before io_bus_add()
 * @fast: @ops may be called with interrupts off; set once before io_bus_add()
 * @ioeventfd: counts against IO_BUS_IOEVENTFDS; set by io/ioeventfd.c only
 */
struct io_device {
	const struct io_device_ops *ops;
	bool fast;
	bool ioeventfd;
};

/**
 * struct io_range - a row of a bus's table
 * @addr: first address
 * @len: length in bytes; 0 matches an access of any length that starts at @addr
 * @reach: highest end of this row and all before it; ends the backward search
 * @dev: who answers
 */
struct io_range {
	u64 addr;
	u64 len;
	u64 reach;
	struct io_device *dev;
};

/**
 * struct io_table - the devices of a bus, sorted by address; immutable once published
 * @rcu: to free it after the last reader
 * @present: bit n: a row has an address whose bits 8:3 are n
 * @nr: rows
 * @ranges: by address
 */
struct io_table {
	struct rcu_head rcu;
	u64 present;
	u32 nr;
	struct io_range ranges[];
};

/**
 * struct io_bus - the port bus or the memory bus
 * @table: NULL while the bus is empty; written under vm->io.lock, read under RCU
 */
struct io_bus {
	struct io_table __rcu *table;
};

/**
 * struct vm_io - what user space has put on the buses
 * @lock: serializes changes of both buses and of the lists; a leaf, may sleep
 * @ioeventfds: all of the VM
 * @zones: coalesced zones, registered as devices
 * @ring: page shared with user space (KVM_COALESCED_MMIO_PAGE_OFFSET of each vCPU's mapping)
 * @ring_lock: writers of @ring; IRQs off
 */
struct vm_io {
	struct mutex lock; /* of updates; readers have RCU */
	struct list_head ioeventfds;
	struct list_head zones;
	struct kvm_coalesced_mmio_ring *ring;
	raw_spinlock_t ring_lock;
};

/* Which bit of struct io_table's @present stands for an address. */
#define IO_PRESENT_SHIFT 3

/* False: no device is at @addr; most ports of a guest are user space's. IRQs off. */
static inline bool io_bus_may_answer(const struct io_bus *bus, u64 addr)
{
	const struct io_table *table = rcu_dereference_sched(bus->table);

	return table && table->present >> (addr >> IO_PRESENT_SHIFT) % 64 & 1;
}

/* Set up empty buses and the ring of coalesced writes; -ENOMEM. */
int vm_io_init(struct vm *vm);
/* Free the buses and all that user space hung on them; no vCPU runs any more. */
void vm_io_destroy(struct vm *vm);

/*
 * Add @dev for [@addr, @addr + @len). Ranges may overlap: the one that starts last is asked first.
 * Sleeps. 0, -ENOSPC or -ENOMEM.
 */
int io_bus_add(struct vm *vm, struct io_bus *bus, u64 addr, u64 len, struct io_device *dev);
/* Take @dev off; when this returns no reader sees it any more. Sleeps. */
void io_bus_remove(struct vm *vm, struct io_bus *bus, struct io_device *dev);

/*
 * Offer an access of @len bytes to the devices that cover all of it. Any context in which RCU
 * watches. 0 if one took it, -EOPNOTSUPP if none did. The _fast forms ask only fast devices and
 * answer -EAGAIN if the access meets another one.
 */
int io_bus_read(struct vcpu *vcpu, struct io_bus *bus, u64 addr, int len, void *val);
int io_bus_write(struct vcpu *vcpu, struct io_bus *bus, u64 addr, int len, const void *val);
int io_bus_read_fast(struct vcpu *vcpu, struct io_bus *bus, u64 addr, int len, void *val);
int io_bus_write_fast(struct vcpu *vcpu, struct io_bus *bus, u64 addr, int len, const void *val);

/* For io/ioeventfd.c and io/coalesced.c, which hold vm->io.lock already. */
int io_bus_add_locked(struct vm *vm, struct io_bus *bus, u64 addr, u64 len, struct io_device *dev);
void io_bus_remove_locked(struct vm *vm, struct io_bus *bus, struct io_device *dev);
/* Free them all; the buses are gone. */
void ioeventfd_destroy(struct vm *vm);
void coalesced_destroy(struct vm *vm);

/* VM ioctls KVM_IOEVENTFD, KVM_REGISTER_COALESCED_MMIO, KVM_UNREGISTER_COALESCED_MMIO. */
long ioeventfd_ioctl(struct vm *vm, void *arg, unsigned long uarg);
long coalesced_register(struct vm *vm, void *arg, unsigned long uarg);
long coalesced_unregister(struct vm *vm, void *arg, unsigned long uarg);

/*
 * EXIT_IO. The fast form (IRQs off) returns an enum verdict: GUEST where a fast device took the
 * access, USER with kvm_run filled, SLOW for strings and for devices that are not fast.
 */
int io_handle_fast(struct vcpu *vcpu, struct exit *exit);
int io_handle(struct vcpu *vcpu, struct exit *exit);
/* Fill in KVM_EXIT_IO. */
void io_exit(struct vcpu *vcpu, bool in, u16 port, u8 size, u32 count);

#endif
