// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_IOEVENTFD: a guest's write to an address signals an eventfd instead of an exit to user space.
 */
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/kvm.h>
#include <linux/slab.h>

#include "../compat.h"
#include "../vcpu.h"
#include "../vm.h"
#include "bus.h"

#define FLAGS_KNOWN \
	(KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DEASSIGN)

/**
 * struct ioeventfd - one registration
 * @dev: on the bus
 * @list: in vm->io.ioeventfds
 * @bus: the bus
 * @eventfd: to be signalled; holds a reference
 * @addr: where
 * @data: what must be written, unless @any_data
 * @len: how wide the write must be; 0 for any width
 * @any_data: every value counts
 */
struct ioeventfd {
	struct io_device dev;
	struct list_head list;
	struct io_bus *bus;
	struct eventfd_ctx *eventfd;
	u64 addr;
	u64 data;
	u32 len;
	bool any_data;
};

static u64 data_of(const void *val, int len)
{
	u64 data = 0;

	memcpy(&data, val, min_t(size_t, len, sizeof(data)));
	return data;
}

static int ioeventfd_write(struct io_device *dev, struct vcpu *vcpu, u64 addr, int len,
			   const void *val)
{
	struct ioeventfd *event = container_of(dev, struct ioeventfd, dev);

	if (addr != event->addr || (event->len && event->len != len))
		return -EOPNOTSUPP;
	if (!event->any_data && event->data != data_of(val, len))
		return -EOPNOTSUPP;
	compat_eventfd_signal(event->eventfd);
	return 0;
}

static const struct io_device_ops ioeventfd_ops = {
	.write = ioeventfd_write,
};

static struct io_bus *bus_of(struct vm *vm, u32 flags)
{
	return flags & KVM_IOEVENTFD_FLAG_PIO ? &vm->pio : &vm->mmio;
}

static bool len_ok(u32 len)
{
	return len <= 8 && (BIT(len) & (BIT(0) | BIT(1) | BIT(2) | BIT(4) | BIT(8)));
}

/* Some write would be for both. */
static bool collides(const struct ioeventfd *a, const struct ioeventfd *b)
{
	if (a->bus != b->bus || a->addr != b->addr)
		return false;
	if (!a->len || !b->len)
		return true;
	return a->len == b->len && (a->any_data || b->any_data || a->data == b->data);
}

static struct ioeventfd *find_collision(struct vm *vm, const struct ioeventfd *event)
{
	struct ioeventfd *other;

	list_for_each_entry(other, &vm->io.ioeventfds, list)
		if (collides(other, event))
			return other;
	return NULL;
}

static int ioeventfd_publish(struct vm *vm, struct ioeventfd *event)
{
	int ret;

	mutex_lock(&vm->io.lock);
	if (find_collision(vm, event))
		ret = -EEXIST;
	else
		ret = io_bus_add_locked(vm, event->bus, event->addr, event->len, &event->dev);
	if (!ret)
		list_add_tail(&event->list, &vm->io.ioeventfds);
	mutex_unlock(&vm->io.lock);
	return ret;
}

static void ioeventfd_free(struct ioeventfd *event)
{
	eventfd_ctx_put(event->eventfd);
	kfree(event);
}

static u64 match_of(const struct kvm_ioeventfd *args)
{
	return args->len ? args->datamatch & GENMASK_ULL(args->len * 8 - 1, 0) : 0;
}

static int ioeventfd_assign(struct vm *vm, const struct kvm_ioeventfd *args,
			    struct eventfd_ctx *eventfd)
{
	struct ioeventfd *event;
	int ret;

	event = kzalloc(sizeof(*event), GFP_KERNEL_ACCOUNT);
	if (!event)
		return -ENOMEM;
	event->dev.ops = &ioeventfd_ops;
	event->dev.fast = true;
	event->dev.ioeventfd = true;
	event->bus = bus_of(vm, args->flags);
	event->addr = args->addr;
	event->len = args->len;
	event->any_data = !(args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH);
	event->data = event->any_data ? 0 : match_of(args);
	event->eventfd = eventfd;
	ret = ioeventfd_publish(vm, event);
	if (ret)
		kfree(event);
	return ret;
}

static bool is_named_by(const struct ioeventfd *event, struct vm *vm,
			const struct kvm_ioeventfd *args, const struct eventfd_ctx *eventfd)
{
	bool any_data = !(args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH);

	return event->bus == bus_of(vm, args->flags) && event->eventfd == eventfd &&
	       event->addr == args->addr && event->len == args->len &&
	       event->any_data == any_data && (any_data || event->data == match_of(args));
}

static int ioeventfd_deassign(struct vm *vm, const struct kvm_ioeventfd *args,
			      const struct eventfd_ctx *eventfd)
{
	struct ioeventfd *event;
	int ret = -ENOENT;

	if (!len_ok(args->len))
		return ret;
	mutex_lock(&vm->io.lock);
	list_for_each_entry(event, &vm->io.ioeventfds, list) {
		if (!is_named_by(event, vm, args, eventfd))
			continue;
		io_bus_remove_locked(vm, event->bus, &event->dev);
		list_del(&event->list);
		ioeventfd_free(event);
		ret = 0;
		break;
	}
	mutex_unlock(&vm->io.lock);
	return ret;
}

/* Deassigning checks less, as KVM does: what cannot have been assigned is not found. */
static int assign_check(const struct kvm_ioeventfd *args)
{
	if (!len_ok(args->len) || args->addr + args->len < args->addr)
		return -EINVAL;
	if (args->flags & ~FLAGS_KNOWN)
		return -EINVAL;
	if (!args->len && (args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH))
		return -EINVAL;
	return 0;
}

/**
 * ioeventfd_ioctl() - VM ioctl KVM_IOEVENTFD
 * @vm: the VM
 * @arg: struct kvm_ioeventfd
 * @uarg: unused
 *
 * Return: 0; -EINVAL (length, flags, wrap, fd of another kind), -EBADF, -EEXIST (collides with an
 * earlier one), -ENOENT (nothing to deassign), -ENOSPC, -ENOMEM.
 */
long ioeventfd_ioctl(struct vm *vm, void *arg, unsigned long uarg)
{
	const struct kvm_ioeventfd *args = arg;
	bool deassign = args->flags & KVM_IOEVENTFD_FLAG_DEASSIGN;
	struct eventfd_ctx *eventfd;
	int ret;

	ret = deassign ? 0 : assign_check(args);
	if (ret)
		return ret;
	eventfd = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	if (deassign)
		ret = ioeventfd_deassign(vm, args, eventfd);
	else
		ret = ioeventfd_assign(vm, args, eventfd);
	/* Only a successful assignment keeps the reference. */
	if (deassign || ret)
		eventfd_ctx_put(eventfd);
	return ret;
}

/**
 * ioeventfd_destroy() - free all of a VM's ioeventfds
 * @vm: the VM, whose buses are gone
 */
void ioeventfd_destroy(struct vm *vm)
{
	struct ioeventfd *event;
	struct ioeventfd *next;

	list_for_each_entry_safe(event, next, &vm->io.ioeventfds, list) {
		list_del(&event->list);
		ioeventfd_free(event);
	}
}
