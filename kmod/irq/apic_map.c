// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who gets an interrupt message (SDM 3, 11.6.2, 11.12.10). The map only proposes: it finds a local
 * APIC by the id that it had at creation, and lapic_match() decides by what its registers say now.
 * So nothing need be rebuilt when a guest moves ids, logical ids or modes.
 */

#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>

#include "../vcpu.h"
#include "../vm.h"
#include "chip.h"

/* MSI address and data (SDM 3, 11.11). */
#define MSI_DEST_SHIFT 12
#define MSI_REDIRECT   BIT(3)
#define MSI_LOGICAL    BIT(2)
#define MSI_MODE_SHIFT 8

/* With KVM_X2APIC_API_USE_32BIT_IDS the address's upper half has these bits of the destination. */
#define MSI_DEST_HIGH GENMASK(31, 8)

static struct lapic *map_find(const struct apic_map *map, u32 id)
{
	if (id >= map->nr)
		return NULL;
	return READ_ONCE(map->lapic[array_index_nospec(id, map->nr)]);
}

static bool is_named(const struct lapic *lapic, const struct lapic *sender,
		     const struct apic_msg *msg)
{
	switch (msg->shorthand) {
	case APIC_TO_SELF:
		return lapic == sender;
	case APIC_TO_ALL:
		return true;
	case APIC_TO_OTHERS:
		return lapic != sender;
	}
	return lapic_match(lapic, msg);
}

/* Ids from @first to before @end can match: a wide logical destination names its cluster. */
static void candidates(const struct apic_map *map, const struct apic_msg *msg, u32 *first, u32 *end)
{
	*first = 0;
	*end = map->nr;
	if (msg->shorthand != APIC_TO_DEST || !msg->logical || msg->dest <= 0xff ||
	    msg->dest == APIC_DEST_ALL)
		return;
	*first = min(msg->dest >> 16 << 4, map->nr);
	*end = min(*first + 16, map->nr);
}

/* SDM 3, 11.6.2.4: the lowest processor priority; among equals, whose turn it is. */
static bool is_better(struct lapic *lapic, struct lapic *best)
{
	u32 mine = lapic_get(lapic, LAPIC_PPR) >> 4;
	u32 other = lapic_get(best, LAPIC_PPR) >> 4;

	if (mine != other)
		return mine < other;
	return container_of(lapic, struct vcpu_lapic, model)->turns <
	       container_of(best, struct vcpu_lapic, model)->turns;
}

static int deliver_to_many(const struct apic_map *map, struct lapic *sender,
			   const struct apic_msg *msg)
{
	struct lapic *lapic, *best = NULL;
	int taken = 0;
	u32 id, end;

	candidates(map, msg, &id, &end);
	for (; id < end; id++) {
		lapic = map_find(map, id);
		if (!lapic || !is_named(lapic, sender, msg))
			continue;
		if (msg->mode != APIC_LOWEST)
			taken += lapic_accept(lapic, msg);
		else if (lapic_sw_enabled(lapic) && (!best || is_better(lapic, best)))
			best = lapic;
	}
	if (!best)
		return taken;
	container_of(best, struct vcpu_lapic, model)->turns++;
	return lapic_accept(best, msg);
}

/**
 * apic_deliver() - deliver a message
 * @chip: the irqchip
 * @sender: whose IPI it is, NULL for a device's interrupt
 * @msg: the message
 *
 * Context: any.
 * Return: how many local APICs took it.
 */
int apic_deliver(struct irqchip *chip, struct lapic *sender, const struct apic_msg *msg)
{
	const struct apic_map *map;
	struct lapic *lapic;
	int taken = 0;

	rcu_read_lock();
	map = rcu_dereference(chip->map);
	if (!map)
		goto out;
	if (msg->shorthand == APIC_TO_DEST && !msg->logical) {
		lapic = map_find(map, msg->dest);
		if (lapic && lapic_match(lapic, msg)) {
			taken = lapic_accept(lapic, msg);
			goto out;
		}
	}
	taken = deliver_to_many(map, sender, msg);
out:
	rcu_read_unlock();
	return taken;
}

bool apic_msi_valid(const struct vm *vm, u32 address_hi)
{
	return !vm->x2apic_ids || !(address_hi & ~MSI_DEST_HIGH);
}

/*
 * All ones mean everybody, for x2APICs too, unless KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK leaves
 * them an id of 255.
 */
u32 apic_bus_dest(const struct vm *vm, u32 dest)
{
	return dest == 0xff && !vm->no_broadcast_quirk ? APIC_DEST_ALL : dest;
}

/**
 * apic_deliver_msi() - deliver a message-signalled interrupt (SDM 3, 11.11)
 * @chip: the irqchip
 * @address: MSI address
 * @data: MSI data
 *
 * The destination has 8 bits, or 32 with KVM_X2APIC_API_USE_32BIT_IDS.
 *
 * Context: any.
 * Return: as apic_deliver().
 */
int apic_deliver_msi(struct irqchip *chip, u64 address, u32 data)
{
	u32 high = chip->vm->x2apic_ids ? address >> 32 & MSI_DEST_HIGH : 0;
	u32 dest = high | (address >> MSI_DEST_SHIFT & 0xff);
	u8 mode = data >> MSI_MODE_SHIFT & 7;
	struct apic_msg msg = {
		.dest = apic_bus_dest(chip->vm, dest),
		.vector = data,
		.mode = mode == APIC_FIXED && address & MSI_REDIRECT ? APIC_LOWEST : mode,
		.logical = address & MSI_LOGICAL,
		.level = data & MSI_LEVEL,
		.assert = true,
	};

	return apic_deliver(chip, NULL, &msg);
}

int apic_deliver_bits(struct irqchip *chip, const struct apic_msg *msg, u32 first, u64 bits)
{
	const unsigned long set = bits;
	struct apic_msg to = *msg;
	const struct apic_map *map;
	struct lapic *lapic;
	unsigned int bit;
	int taken = 0;

	rcu_read_lock();
	map = rcu_dereference(chip->map);
	for_each_set_bit(bit, &set, BITS_PER_LONG) {
		if (!map || first >= map->nr)
			break;
		to.dest = first + bit;
		lapic = map_find(map, to.dest);
		if (lapic && lapic_match(lapic, &to))
			taken += lapic_accept(lapic, &to);
	}
	rcu_read_unlock();
	return taken;
}

void apic_pulse_lint0(struct irqchip *chip)
{
	const struct apic_map *map;
	struct lapic *lapic;
	u32 id;

	rcu_read_lock();
	map = rcu_dereference(chip->map);
	for (id = 0; map && id < map->nr; id++) {
		lapic = READ_ONCE(map->lapic[id]);
		if (!lapic)
			continue;
		if (lapic_enabled(lapic))
			lapic_local(lapic, LAPIC_LVT_LINT0);
		else
			lapic->ops->wake(lapic->opaque);
	}
	rcu_read_unlock();
}

/* A map for ids up to @id at least, with what the old one has. */
static struct apic_map *map_grow(const struct apic_map *old, u32 id)
{
	u32 nr = roundup_pow_of_two(max(id + 1, 8u));
	struct apic_map *map;

	map = kvzalloc(struct_size(map, lapic, nr), GFP_KERNEL_ACCOUNT);
	if (!map)
		return NULL;
	map->nr = nr;
	if (old)
		memcpy(map->lapic, old->lapic, array_size(sizeof(old->lapic[0]), old->nr));
	return map;
}

/**
 * apic_map_add() - make a local APIC reachable
 * @chip: the irqchip
 * @lapic: the local APIC; its id is its vCPU's
 *
 * Context: sleeps; takes vm->irq_lock.
 * Return: 0, -ENOMEM, or -EEXIST where the id is taken.
 */
int apic_map_add(struct irqchip *chip, struct lapic *lapic)
{
	struct apic_map *old, *map;
	int r = 0;

	mutex_lock(&chip->vm->irq_lock);
	old = rcu_dereference_protected(chip->map, lockdep_is_held(&chip->vm->irq_lock));
	map = old;
	if (!map || lapic->id >= map->nr) {
		map = map_grow(old, lapic->id);
		if (!map) {
			r = -ENOMEM;
			goto out;
		}
		rcu_assign_pointer(chip->map, map);
		if (old)
			kvfree_rcu(old, rcu);
	}
	if (map->lapic[lapic->id])
		r = -EEXIST;
	else
		/* Who finds it finds it initialized. */
		smp_store_release(&map->lapic[lapic->id], lapic);
out:
	mutex_unlock(&chip->vm->irq_lock);
	return r;
}

/**
 * apic_map_remove() - take a local APIC off the map; when this returns nobody reaches it
 * @chip: the irqchip
 * @lapic: the local APIC
 *
 * Context: sleeps; takes vm->irq_lock.
 */
void apic_map_remove(struct irqchip *chip, struct lapic *lapic)
{
	struct apic_map *map;

	mutex_lock(&chip->vm->irq_lock);
	map = rcu_dereference_protected(chip->map, lockdep_is_held(&chip->vm->irq_lock));
	if (map && lapic->id < map->nr && map->lapic[lapic->id] == lapic)
		WRITE_ONCE(map->lapic[lapic->id], NULL);
	mutex_unlock(&chip->vm->irq_lock);
	/* Without references to the VM there are no readers. */
	if (refcount_read(&chip->vm->refs))
		synchronize_rcu();
}
