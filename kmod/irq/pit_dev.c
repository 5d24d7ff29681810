// SPDX-License-Identifier: GPL-2.0-only
/* The VM's 8254: the model joined to ports, a host timer and GSI 0. */

#include <linux/hrtimer.h>
#include <linux/kvm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../vcpu.h"
#include "../vm.h"
#include "chip.h"
#include "irqchip.h"

#define PIT_GSI 0

/**
 * struct pit_dev - the VM's timer
 * @model: vm->pit; under chip->lock
 * @chip: whose lines it drives
 * @timer: fires when the model said
 * @ports: 40h to 43h
 * @port61: 61h
 */
struct pit_dev {
	struct pit model;
	struct irqchip *chip;
	struct hrtimer timer;
	struct io_device ports;
	struct io_device port61;
};

static struct pit *vm_pit(struct vm *vm)
{
	/* Pairs with publish(). */
	return smp_load_acquire(&vm->pit);
}

static u64 op_now_ns(void *opaque)
{
	return ktime_get_ns();
}

static void op_arm(void *opaque, u64 expires)
{
	struct pit_dev *dev = opaque;

	hrtimer_start(&dev->timer, ns_to_ktime(expires), HRTIMER_MODE_ABS_HARD);
}

static void op_cancel(void *opaque)
{
	struct pit_dev *dev = opaque;

	/* If it fires just now it waits for our lock, and will find nothing due. */
	hrtimer_try_to_cancel(&dev->timer);
}

static bool op_tick(void *opaque)
{
	struct pit_dev *dev = opaque;
	int taken = irq_set_locked(dev->chip, SOURCE_PIT, PIT_GSI, true);

	irq_set_locked(dev->chip, SOURCE_PIT, PIT_GSI, false);
	return taken > 0;
}

static const struct pit_ops pit_dev_ops = {
	.now_ns = op_now_ns,
	.arm = op_arm,
	.cancel = op_cancel,
	.tick = op_tick,
};

static enum hrtimer_restart timer_fired(struct hrtimer *timer)
{
	struct pit_dev *dev = container_of(timer, struct pit_dev, timer);
	unsigned long flags;

	irqchip_lock(dev->chip, flags);
	pit_expired(&dev->model);
	irqchip_unlock(dev->chip, flags);
	return HRTIMER_NORESTART;
}

static struct pit_dev *to_dev(struct pit *pit)
{
	return container_of(pit, struct pit_dev, model);
}

/* The ports are there a moment earlier than the PIT. */
static struct pit_dev *published(struct vm *vm)
{
	struct pit *pit = vm_pit(vm);

	return pit ? to_dev(pit) : NULL;
}

static int dev_read(struct io_device *io, struct vcpu *vcpu, u64 addr, int len, void *val)
{
	struct pit_dev *dev = published(vcpu->vm);
	unsigned long flags;

	if (!dev)
		return -EOPNOTSUPP;
	memset(val, 0, len);
	irqchip_lock(dev->chip, flags);
	*(u8 *)val = pit_read(&dev->model, addr);
	irqchip_unlock(dev->chip, flags);
	return 0;
}

static int dev_write(struct io_device *io, struct vcpu *vcpu, u64 addr, int len, const void *val)
{
	struct pit_dev *dev = published(vcpu->vm);
	unsigned long flags;

	if (!dev)
		return -EOPNOTSUPP;
	irqchip_lock(dev->chip, flags);
	pit_write(&dev->model, addr, *(const u8 *)val);
	irqchip_unlock(dev->chip, flags);
	return 0;
}

static const struct io_device_ops pit_io_ops = {
	.read = dev_read,
	.write = dev_write,
};

static int add_ports(struct vm *vm, struct pit_dev *dev, bool speaker)
{
	int r;

	dev->ports.ops = &pit_io_ops;
	dev->ports.fast = true;
	dev->port61.ops = &pit_io_ops;
	dev->port61.fast = true;
	r = io_bus_add(vm, &vm->pio, PIT_PORT, 4, &dev->ports);
	if (!r && speaker)
		r = io_bus_add(vm, &vm->pio, PIT_PORT_61H, 1, &dev->port61);
	return r;
}

static void remove_ports(struct vm *vm, struct pit_dev *dev)
{
	io_bus_remove(vm, &vm->pio, &dev->ports);
	io_bus_remove(vm, &vm->pio, &dev->port61);
}

static void publish(struct vm *vm, struct pit_dev *dev)
{
	unsigned long flags;

	irqchip_lock(dev->chip, flags);
	/* Who finds it, on the ports or here, finds it initialized. */
	smp_store_release(&vm->pit, &dev->model);
	irq_update_watch(dev->chip);
	irqchip_unlock(dev->chip, flags);
}

static long create_locked(struct vm *vm, bool speaker)
{
	struct pit_dev *dev;

	if (vm->pit)
		return -EEXIST;
	if (!vm->irqchip)
		return -ENOENT;
	dev = kzalloc(sizeof(*dev), GFP_KERNEL_ACCOUNT);
	if (!dev)
		return -ENOMEM;
	dev->chip = vm->irqchip;
	hrtimer_init(&dev->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	dev->timer.function = timer_fired;
	pit_init(&dev->model, &pit_dev_ops, dev);
	/* KVM has one answer to whatever is missing. */
	if (add_ports(vm, dev, speaker)) {
		remove_ports(vm, dev);
		kfree(dev);
		return -ENOMEM;
	}
	/* Last: who finds it may use it without vm->lock, so it must not fail any more. */
	publish(vm, dev);
	return 0;
}

static long create(struct vm *vm, bool speaker)
{
	long r;

	mutex_lock(&vm->lock);
	r = create_locked(vm, speaker);
	mutex_unlock(&vm->lock);
	return r;
}

/**
 * pit_create2() - KVM_CREATE_PIT2
 * @vm: the VM
 * @arg: struct kvm_pit_config; of its flags KVM_PIT_SPEAKER_DUMMY puts port 61h into the kernel
 * @uarg: not used
 *
 * Return: 0, -EEXIST, -ENOENT without irqchip, -ENOMEM
 */
long pit_create2(struct vm *vm, void *arg, unsigned long uarg)
{
	const struct kvm_pit_config *config = arg;

	return create(vm, config->flags & KVM_PIT_SPEAKER_DUMMY);
}

/* KVM_CREATE_PIT: the same with port 61h. */
long pit_create(struct vm *vm, void *arg, unsigned long uarg)
{
	return create(vm, true);
}

/* The timer does not tick any more; nobody refers to the VM. Sleeps. */
void pit_stop(struct pit *pit)
{
	hrtimer_cancel(&to_dev(pit)->timer);
}

void pit_destroy(struct vm *vm)
{
	struct pit_dev *dev;
	unsigned long flags;

	if (!vm->pit)
		return;
	dev = to_dev(vm->pit);
	remove_ports(vm, dev);
	irqchip_lock(dev->chip, flags);
	vm->pit = NULL;
	irqchip_unlock(dev->chip, flags);
	hrtimer_cancel(&dev->timer);
	kfree(dev);
}

static long get_state(struct vm *vm, struct kvm_pit_state2 *state)
{
	struct pit *pit = vm_pit(vm);
	struct irqchip *chip = vm->irqchip;
	unsigned long flags;

	if (!pit)
		return -ENXIO;
	irqchip_lock(chip, flags);
	pit_get_state(pit, state);
	irqchip_unlock(chip, flags);
	return 0;
}

static long set_state(struct vm *vm, const struct kvm_pit_state2 *state)
{
	struct pit *pit = vm_pit(vm);
	struct irqchip *chip = vm->irqchip;
	unsigned long flags;

	if (!pit)
		return -ENXIO;
	irqchip_lock(chip, flags);
	pit_set_state(pit, state);
	irqchip_unlock(chip, flags);
	return 0;
}

/* KVM_GET_PIT2, KVM_SET_PIT2: -ENXIO without PIT. */
long pit_get2_ioctl(struct vm *vm, void *arg, unsigned long uarg)
{
	return get_state(vm, arg);
}

long pit_set2_ioctl(struct vm *vm, void *arg, unsigned long uarg)
{
	return set_state(vm, arg);
}

/* KVM_GET_PIT, KVM_SET_PIT: the channels only. */
long pit_get_ioctl(struct vm *vm, void *arg, unsigned long uarg)
{
	struct kvm_pit_state2 state;
	long r = get_state(vm, &state);

	if (!r)
		memcpy(arg, state.channels, sizeof(state.channels));
	return r;
}

long pit_set_ioctl(struct vm *vm, void *arg, unsigned long uarg)
{
	struct kvm_pit_state2 state;
	long r = get_state(vm, &state);

	if (r)
		return r;
	memcpy(state.channels, arg, sizeof(state.channels));
	return set_state(vm, &state);
}

/**
 * reinject_control() - KVM_REINJECT_CONTROL
 * @vm: the VM
 * @arg: none: the number has no size
 * @uarg: address of a struct kvm_reinject_control
 *
 * Return: 0, -EFAULT, -ENXIO without PIT
 */
long reinject_control(struct vm *vm, void *arg, unsigned long uarg)
{
	struct pit *pit = vm_pit(vm);
	struct irqchip *chip = vm->irqchip;
	struct kvm_reinject_control control;
	unsigned long flags;

	if (copy_from_user(&control, (void __user *)uarg, sizeof(control)))
		return -EFAULT;
	if (!pit)
		return -ENXIO;
	irqchip_lock(chip, flags);
	pit_set_reinject(pit, control.pit_reinject);
	irqchip_unlock(chip, flags);
	return 0;
}
