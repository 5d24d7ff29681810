// SPDX-License-Identifier: GPL-2.0-only
/* From GSIs to pins and messages: KVM_SET_GSI_ROUTING, KVM_SIGNAL_MSI. */

#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../trace.h"
#include "../vm.h"
#include "chip.h"
#include "irqchip.h"

/* Pins of each chip that can be routed to. */
static const u8 chip_pins[ROUTE_CHIPS] = {
	[KVM_IRQCHIP_PIC_MASTER] = 8,
	[KVM_IRQCHIP_PIC_SLAVE] = 8,
	[KVM_IRQCHIP_IOAPIC] = IOAPIC_PINS,
};

static const struct gsi_route *find_route(struct irqchip *chip, u32 gsi)
{
	const struct routing *routing = rcu_dereference(chip->routing);

	if (gsi >= routing->nr)
		return NULL;
	return &routing->route[array_index_nospec(gsi, routing->nr)];
}

static int set_pins(struct irqchip *chip, enum irq_source source, const struct gsi_route *route,
		    bool level)
{
	int nr, r, taken = -1;

	for (nr = 0; nr < ROUTE_CHIPS; nr++) {
		if (route->pin[nr] < 0)
			continue;
		r = irqchip_set_pin(chip, source, nr, route->pin[nr], level);
		if (r >= 0)
			taken = r + max(taken, 0);
	}
	return taken;
}

int irq_set_locked(struct irqchip *chip, enum irq_source source, u32 gsi, bool level)
{
	const struct gsi_route *route;
	int r = -1;

	trace_irq_line(gsi, level, source);
	rcu_read_lock();
	route = find_route(chip, gsi);
	if (route && route->is_msi)
		r = level ? apic_deliver_msi(chip, route->address, route->data) : -1;
	else if (route)
		r = set_pins(chip, source, route, level);
	rcu_read_unlock();
	return r;
}

int irq_set(struct irqchip *chip, enum irq_source source, u32 gsi, bool level)
{
	const struct gsi_route *route;
	unsigned long flags;
	int r = -1;

	trace_irq_line(gsi, level, source);
	rcu_read_lock();
	route = find_route(chip, gsi);
	if (route && route->is_msi) {
		r = level ? apic_deliver_msi(chip, route->address, route->data) : -1;
	} else if (route) {
		irqchip_lock(chip, flags);
		r = set_pins(chip, source, route, level);
		irqchip_unlock(chip, flags);
	}
	rcu_read_unlock();
	return r;
}

/* The GSI that leads to a pin, or -1. */
static int pin_to_gsi(struct irqchip *chip, unsigned int nr, unsigned int pin)
{
	const struct routing *routing;
	int gsi;

	rcu_read_lock();
	routing = rcu_dereference(chip->routing);
	gsi = routing->gsi[nr][pin];
	rcu_read_unlock();
	return gsi;
}

void irq_acked(struct irqchip *chip, unsigned int nr, unsigned int pin)
{
	int gsi = pin_to_gsi(chip, nr, pin);

	lockdep_assert_held(&chip->lock);
	if (gsi < 0)
		return;
	if (gsi == 0 && chip->vm->pit)
		pit_ack(chip->vm->pit);
	if (irqfd_mark_acked(chip, gsi)) {
		chip->acked = true;
		irq_set_locked(chip, SOURCE_RESAMPLE, gsi, false);
	}
}

/* The level-triggered vectors that user space's IOAPIC sends: it hears of their EOI. */
static void split_vectors(struct irqchip *chip, unsigned long *bitmap)
{
	const struct routing *routing;
	u32 gsi, nr;

	rcu_read_lock();
	routing = rcu_dereference(chip->routing);
	nr = min(routing->nr, chip->reserved_routes);
	for (gsi = 0; gsi < nr; gsi++) {
		const struct gsi_route *route = &routing->route[gsi];

		if (route->is_msi && route->data & MSI_LEVEL)
			__set_bit(route->data & 0xff, bitmap);
	}
	rcu_read_unlock();
}

static void watched_pins(struct irqchip *chip, unsigned long *bitmap)
{
	unsigned int pin;
	u32 pins = 0;
	int gsi;

	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		gsi = pin_to_gsi(chip, KVM_IRQCHIP_IOAPIC, pin);
		if ((gsi == 0 && chip->vm->pit) || (gsi >= 0 && irqfd_has_resampler(chip, gsi)))
			pins |= BIT(pin);
	}
	ioapic_vectors(&chip->ioapic, pins, bitmap);
}

void irq_update_watch(struct irqchip *chip)
{
	DECLARE_BITMAP(watch, 256) = {};

	lockdep_assert_held(&chip->lock);
	if (chip->split)
		split_vectors(chip, watch);
	else
		watched_pins(chip, watch);
	bitmap_copy(chip->eoi_watch, watch, 256);
}

static struct routing *routing_alloc(u32 nr)
{
	struct routing *routing;
	u32 i;

	routing = kvzalloc(struct_size(routing, route, nr), GFP_KERNEL_ACCOUNT);
	if (!routing)
		return NULL;
	routing->nr = nr;
	memset(routing->gsi, 0xff, sizeof(routing->gsi));
	for (i = 0; i < nr; i++)
		memset(routing->route[i].pin, 0xff, sizeof(routing->route[i].pin));
	return routing;
}

static bool is_free(const struct gsi_route *route)
{
	int nr;

	for (nr = 0; nr < ROUTE_CHIPS; nr++) {
		if (route->pin[nr] >= 0)
			return false;
	}
	return !route->is_msi;
}

/* A GSI leads to one message, or to one pin of each chip. */
static int add_pin(struct routing *routing, u32 gsi, u32 nr, u32 pin)
{
	struct gsi_route *route = &routing->route[gsi];

	if (nr >= ROUTE_CHIPS || pin >= chip_pins[nr] || route->is_msi || route->pin[nr] >= 0)
		return -EINVAL;
	route->pin[nr] = pin;
	routing->gsi[nr][pin] = gsi;
	return 0;
}

static int add_msi(struct routing *routing, const struct kvm_irq_routing_entry *entry)
{
	struct gsi_route *route = &routing->route[entry->gsi];

	if (!is_free(route))
		return -EINVAL;
	route->is_msi = true;
	route->address = (u64)entry->u.msi.address_hi << 32 | entry->u.msi.address_lo;
	route->data = entry->u.msi.data;
	return 0;
}

static int add_entry(const struct irqchip *chip, struct routing *routing,
		     const struct kvm_irq_routing_entry *entry)
{
	switch (entry->type) {
	case KVM_IRQ_ROUTING_IRQCHIP:
		if (entry->flags || chip->split)
			return -EINVAL;
		return add_pin(routing, entry->gsi, entry->u.irqchip.irqchip, entry->u.irqchip.pin);
	case KVM_IRQ_ROUTING_MSI:
		if (entry->flags & ~KVM_MSI_VALID_DEVID ||
		    !apic_msi_valid(chip->vm, entry->u.msi.address_hi))
			return -EINVAL;
		return add_msi(routing, entry);
	}
	return -EINVAL;
}

int routing_init(struct irqchip *chip)
{
	u32 gsi, nr = chip->split ? 0 : IOAPIC_PINS;
	struct routing *routing = routing_alloc(nr);

	if (!routing)
		return -ENOMEM;
	for (gsi = 0; gsi < nr; gsi++) {
		add_pin(routing, gsi, KVM_IRQCHIP_IOAPIC, gsi);
		if (gsi < PIC_LINES)
			add_pin(routing, gsi, gsi >> 3, gsi & 7);
	}
	RCU_INIT_POINTER(chip->routing, routing);
	return 0;
}

static void routing_publish(struct irqchip *chip, struct routing *routing)
{
	struct vm *vm = chip->vm;
	struct routing *old;
	unsigned long flags;

	mutex_lock(&vm->irq_lock);
	old = rcu_replace_pointer(chip->routing, routing, lockdep_is_held(&vm->irq_lock));
	irqchip_lock(chip, flags);
	irq_update_watch(chip);
	irqchip_unlock(chip, flags);
	mutex_unlock(&vm->irq_lock);
	kvfree_rcu(old, rcu);
}

static int routing_fill(const struct irqchip *chip, struct routing **result,
			const struct kvm_irq_routing_entry *entries, u32 nr)
{
	struct routing *routing;
	u32 i, max_gsi = 0;
	int r = 0;

	for (i = 0; i < nr; i++) {
		if (entries[i].gsi >= ROUTES_MAX)
			return -EINVAL;
		max_gsi = max(max_gsi, entries[i].gsi);
	}
	routing = routing_alloc(max_gsi + 1);
	if (!routing)
		return -ENOMEM;
	for (i = 0; i < nr && !r; i++)
		r = add_entry(chip, routing, &entries[i]);
	if (r)
		kvfree(routing);
	*result = routing;
	return r;
}

/**
 * routing_set() - KVM_SET_GSI_ROUTING
 * @vm: the VM
 * @arg: struct kvm_irq_routing without its entries
 * @uarg: where it was, with its entries
 *
 * Return: 0; -EINVAL without irqchip, for too many or wrong entries; -EFAULT, -ENOMEM
 */
long routing_set(struct vm *vm, void *arg, unsigned long uarg)
{
	struct irqchip *chip = vm_irqchip(vm);
	const struct kvm_irq_routing *head = arg;
	const struct kvm_irq_routing __user *user = (void __user *)uarg;
	struct kvm_irq_routing_entry *entries;
	struct routing *routing;
	int r;

	if (!chip || head->nr > ROUTES_MAX || head->flags)
		return -EINVAL;
	entries = vmemdup_user(user->entries, array_size(sizeof(*entries), head->nr));
	if (IS_ERR(entries))
		return PTR_ERR(entries);
	r = routing_fill(chip, &routing, entries, head->nr);
	kvfree(entries);
	if (!r)
		routing_publish(chip, routing);
	return r;
}

/**
 * signal_msi() - KVM_SIGNAL_MSI
 * @vm: the VM
 * @arg: struct kvm_msi
 * @uarg: not used
 *
 * Return: how many local APICs took it; -EINVAL without irqchip, with other flags than
 * KVM_MSI_VALID_DEVID, which means nothing here, or for an address that cannot be
 */
long signal_msi(struct vm *vm, void *arg, unsigned long uarg)
{
	struct irqchip *chip = vm_irqchip(vm);
	const struct kvm_msi *msi = arg;

	if (!chip || msi->flags & ~KVM_MSI_VALID_DEVID || !apic_msi_valid(vm, msi->address_hi))
		return -EINVAL;
	return apic_deliver_msi(chip, (u64)msi->address_hi << 32 | msi->address_lo, msi->data);
}
