// SPDX-License-Identifier: GPL-2.0-only
/* PIC and IOAPIC of a VM: their life, their state, their place on the buses. */

#include <linux/kvm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../vcpu.h"
#include "../vm.h"
#include "chip.h"
#include "irqchip.h"

/* How long a line that interrupts without end is held back. */
#define STORM_PAUSE_MS 10

static void pic_output(void *opaque, bool level)
{
	if (level)
		apic_pulse_lint0(opaque);
}

static void pic_eoi(void *opaque, unsigned int line)
{
	irq_acked(opaque, line >> 3, line & 7);
}

static const struct pic_ops pic_ops = {
	.output = pic_output,
	.eoi = pic_eoi,
};

static int chip_deliver(void *opaque, const struct apic_msg *msg)
{
	struct irqchip *chip = opaque;
	struct apic_msg wide = *msg;

	wide.dest = apic_bus_dest(chip->vm, msg->dest & 0xff);
	return apic_deliver(chip, NULL, &wide);
}

static void chip_acked(void *opaque, unsigned int pin)
{
	irq_acked(opaque, KVM_IRQCHIP_IOAPIC, pin);
}

static void chip_storm(void *opaque)
{
	struct irqchip *chip = opaque;

	schedule_delayed_work(&chip->storm, msecs_to_jiffies(STORM_PAUSE_MS));
}

static void chip_changed(void *opaque)
{
	irq_update_watch(opaque);
}

static const struct ioapic_ops ioapic_ops = {
	.deliver = chip_deliver,
	.acked = chip_acked,
	.storm = chip_storm,
	.changed = chip_changed,
};

static void storm_over(struct work_struct *work)
{
	struct irqchip *chip = container_of(to_delayed_work(work), struct irqchip, storm);
	unsigned long flags;

	irqchip_lock(chip, flags);
	ioapic_reinject(&chip->ioapic);
	irqchip_unlock(chip, flags);
}

/**
 * irqchip_set_pin() - one source raises or lowers a pin
 * @chip: the irqchip
 * @source: who
 * @nr: KVM_IRQCHIP_PIC_MASTER, _PIC_SLAVE or _IOAPIC
 * @pin: less than the chip has
 * @level: true raises; the pin falls when no source holds it up any more
 *
 * Context: chip->lock.
 * Return: as irq_set().
 */
int irqchip_set_pin(struct irqchip *chip, enum irq_source source, unsigned int nr, unsigned int pin,
		    bool level)
{
	u8 *sources = &chip->sources[nr][pin];

	lockdep_assert_held(&chip->lock);
	if (level)
		*sources |= BIT(source);
	else
		*sources &= ~BIT(source);
	if (nr == KVM_IRQCHIP_IOAPIC)
		return ioapic_set_line(&chip->ioapic, pin, *sources);
	return pic_set_line(&chip->pic, nr * 8 + pin, *sources);
}

void irqchip_eoi(struct irqchip *chip, u8 vector, bool level)
{
	unsigned long flags;

	irqchip_lock(chip, flags);
	ioapic_eoi(&chip->ioapic, vector, level);
	irqchip_unlock(chip, flags);
}

/* The chips' registers are bytes; a wider read has zeros above. */
static int pic_dev_read(struct io_device *dev, struct vcpu *vcpu, u64 addr, int len, void *val)
{
	struct irqchip *chip = vcpu->vm->irqchip;
	unsigned long flags;

	memset(val, 0, len);
	irqchip_lock(chip, flags);
	*(u8 *)val = pic_read(&chip->pic, addr);
	irqchip_unlock(chip, flags);
	return 0;
}

static int pic_dev_write(struct io_device *dev, struct vcpu *vcpu, u64 addr, int len,
			 const void *val)
{
	struct irqchip *chip = vcpu->vm->irqchip;
	unsigned long flags;

	irqchip_lock(chip, flags);
	pic_write(&chip->pic, addr, *(const u8 *)val);
	irqchip_unlock(chip, flags);
	return 0;
}

static const struct io_device_ops pic_dev_ops = {
	.read = pic_dev_read,
	.write = pic_dev_write,
};

static int ioapic_dev_read(struct io_device *dev, struct vcpu *vcpu, u64 addr, int len, void *val)
{
	struct irqchip *chip = container_of(dev, struct irqchip, mmio);
	unsigned long flags;

	irqchip_lock(chip, flags);
	ioapic_mmio_read(&chip->ioapic, addr - IOAPIC_DEFAULT_BASE, val, len);
	irqchip_unlock(chip, flags);
	return 0;
}

static int ioapic_dev_write(struct io_device *dev, struct vcpu *vcpu, u64 addr, int len,
			    const void *val)
{
	struct irqchip *chip = container_of(dev, struct irqchip, mmio);
	unsigned long flags;

	irqchip_lock(chip, flags);
	ioapic_mmio_write(&chip->ioapic, addr - IOAPIC_DEFAULT_BASE, val, len);
	irqchip_unlock(chip, flags);
	return 0;
}

static const struct io_device_ops ioapic_dev_ops = {
	.read = ioapic_dev_read,
	.write = ioapic_dev_write,
};

static const u16 pic_ports[] = { 0x20, 0xa0, 0x4d0 };

static int irqchip_add_devices(struct irqchip *chip)
{
	struct vm *vm = chip->vm;
	size_t i;
	int r;

	chip->mmio.ops = &ioapic_dev_ops;
	chip->mmio.fast = true;
	r = io_bus_add(vm, &vm->mmio, IOAPIC_DEFAULT_BASE, IOAPIC_SIZE, &chip->mmio);
	for (i = 0; i < ARRAY_SIZE(pic_ports) && !r; i++) {
		chip->ports[i].ops = &pic_dev_ops;
		chip->ports[i].fast = true;
		r = io_bus_add(vm, &vm->pio, pic_ports[i], 2, &chip->ports[i]);
	}
	return r;
}

static void irqchip_remove_devices(struct irqchip *chip)
{
	struct vm *vm = chip->vm;
	size_t i;

	io_bus_remove(vm, &vm->mmio, &chip->mmio);
	for (i = 0; i < ARRAY_SIZE(pic_ports); i++)
		io_bus_remove(vm, &vm->pio, &chip->ports[i]);
}

static struct irqchip *irqchip_alloc(struct vm *vm, bool split, u32 reserved_routes)
{
	struct irqchip *chip = kzalloc(sizeof(*chip), GFP_KERNEL_ACCOUNT);

	if (!chip)
		return NULL;
	chip->vm = vm;
	chip->split = split;
	chip->reserved_routes = reserved_routes;
	raw_spin_lock_init(&chip->lock);
	spin_lock_init(&chip->irqfd_lock);
	INIT_LIST_HEAD(&chip->irqfds);
	INIT_LIST_HEAD(&chip->irqfds_dead);
	INIT_LIST_HEAD(&chip->resamplers);
	INIT_WORK(&chip->irqfd_reap, irqfd_reap);
	INIT_DELAYED_WORK(&chip->storm, storm_over);
	pic_init(&chip->pic, &pic_ops, chip);
	ioapic_init(&chip->ioapic, &ioapic_ops, chip);
	return chip;
}

static void irqchip_free(struct irqchip *chip)
{
	kvfree(rcu_access_pointer(chip->routing));
	kvfree(rcu_access_pointer(chip->map));
	kfree(chip);
}

static long irqchip_create_locked(struct vm *vm, bool split, u32 reserved_routes)
{
	struct irqchip *chip;
	int r;

	chip = irqchip_alloc(vm, split, reserved_routes);
	if (!chip)
		return -ENOMEM;
	r = routing_init(chip);
	if (!r && !split)
		r = irqchip_add_devices(chip);
	if (r) {
		irqchip_remove_devices(chip);
		irqchip_free(chip);
		return r;
	}
	/* Who sees the pointer sees all behind it. */
	smp_store_release(&vm->irqchip, chip);
	return 0;
}

/**
 * irqchip_create() - KVM_CREATE_IRQCHIP: PIC, IOAPIC and, in each later vCPU, a local APIC
 * @vm: the VM
 * @arg: none
 * @uarg: ignored
 *
 * Return: 0, -EEXIST, -EINVAL after the first vCPU, -ENOMEM
 */
long irqchip_create(struct vm *vm, void *arg, unsigned long uarg)
{
	long r;

	mutex_lock(&vm->lock);
	if (vm->irqchip)
		r = -EEXIST;
	else if (vm->nr_vcpus)
		r = -EINVAL;
	else
		r = irqchip_create_locked(vm, false, 0);
	mutex_unlock(&vm->lock);
	return r;
}

/**
 * irqchip_split() - KVM_CAP_SPLIT_IRQCHIP: local APICs here, PIC and IOAPIC in user space
 * @vm: the VM
 * @cap: args[0]: so many GSIs are the pins of user space's IOAPIC
 *
 * Return: 0, -EINVAL: more than there can be, -EEXIST: there is an irqchip or a vCPU, -ENOMEM
 */
long irqchip_split(struct vm *vm, const struct kvm_enable_cap *cap)
{
	long r;

	mutex_lock(&vm->lock);
	if (cap->args[0] > ROUTES_MAX)
		r = -EINVAL;
	else if (vm->irqchip || vm->nr_vcpus)
		r = -EEXIST;
	else
		r = irqchip_create_locked(vm, true, cap->args[0]);
	mutex_unlock(&vm->lock);
	return r;
}

/**
 * irqchip_stop() - no timer or delayed work of the chips runs any more
 * @chip: the irqchip of a VM that nobody refers to
 *
 * Context: sleeps. Before the first local APIC is freed.
 */
void irqchip_stop(struct irqchip *chip)
{
	cancel_delayed_work_sync(&chip->storm);
	if (chip->vm->pit)
		pit_stop(chip->vm->pit);
}

/**
 * irqchip_destroy() - free what KVM_CREATE_IRQCHIP and KVM_CREATE_PIT2 made
 * @vm: the VM, that nobody refers to; its vCPUs are gone
 */
void irqchip_destroy(struct vm *vm)
{
	struct irqchip *chip = vm->irqchip;

	if (!chip)
		return;
	irqchip_stop(chip);
	pit_destroy(vm);
	irqchip_remove_devices(chip);
	irqchip_free(chip);
	vm->irqchip = NULL;
}

/**
 * irqchip_get() - KVM_GET_IRQCHIP
 * @vm: the VM
 * @arg: struct kvm_irqchip; chip_id says which
 * @uarg: not used
 *
 * Return: 0, -ENXIO without irqchip or with a split one, -EINVAL for another chip_id
 */
long irqchip_get(struct vm *vm, void *arg, unsigned long uarg)
{
	struct irqchip *chip = vm_irqchip(vm);
	struct kvm_irqchip *state = arg;
	unsigned long flags;
	long r = 0;

	if (!chip || chip->split)
		return -ENXIO;
	irqchip_lock(chip, flags);
	switch (state->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		pic_get_state(&chip->pic, state->chip_id, &state->chip.pic);
		break;
	case KVM_IRQCHIP_IOAPIC:
		ioapic_get_state(&chip->ioapic, &state->chip.ioapic);
		break;
	default:
		r = -EINVAL;
	}
	irqchip_unlock(chip, flags);
	return r;
}

/**
 * irqchip_set() - KVM_SET_IRQCHIP
 * @vm: the VM
 * @arg: struct kvm_irqchip
 * @uarg: not used
 *
 * Return: as irqchip_get()
 */
long irqchip_set(struct vm *vm, void *arg, unsigned long uarg)
{
	struct irqchip *chip = vm_irqchip(vm);
	const struct kvm_irqchip *state = arg;
	unsigned long flags;
	long r = 0;

	if (!chip || chip->split)
		return -ENXIO;
	irqchip_lock(chip, flags);
	switch (state->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		pic_set_state(&chip->pic, state->chip_id, &state->chip.pic);
		break;
	case KVM_IRQCHIP_IOAPIC:
		ioapic_set_state(&chip->ioapic, &state->chip.ioapic);
		break;
	default:
		r = -EINVAL;
	}
	irqchip_unlock(chip, flags);
	return r;
}

static int line_set(struct vm *vm, const struct kvm_irq_level *line, int *status)
{
	struct irqchip *chip = vm_irqchip(vm);

	if (!chip)
		return -ENXIO;
	*status = irq_set(chip, SOURCE_USER, line->irq, line->level);
	return 0;
}

/**
 * irq_line() - KVM_IRQ_LINE
 * @vm: the VM
 * @arg: struct kvm_irq_level
 * @uarg: not used
 *
 * Return: 0, -ENXIO without irqchip
 */
long irq_line(struct vm *vm, void *arg, unsigned long uarg)
{
	int status;

	return line_set(vm, arg, &status);
}

/* KVM_IRQ_LINE_STATUS: as KVM_IRQ_LINE, but says in @arg what irq_set() answered. */
long irq_line_status(struct vm *vm, void *arg, unsigned long uarg)
{
	struct kvm_irq_level *line = arg;
	int status = 0;
	long r = line_set(vm, line, &status);

	line->status = status;
	return r;
}
