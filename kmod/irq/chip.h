/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the in-kernel irqchip share: between the models and irqchip.h. */
#ifndef TENON_IRQ_CHIP_H
#define TENON_IRQ_CHIP_H

#include <linux/container_of.h>
#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "../io/bus.h"
#include "../vm.h"
#include "apic.h"
#include "ioapic.h"
#include "lapic.h"
#include "pic.h"
#include "pit.h"

struct eventfd_ctx;
struct vcpu;
struct vm;

/* Most GSIs that KVM_SET_GSI_ROUTING takes. */
#define ROUTES_MAX 4096

/* Who drives a line; a pin is asserted while any of them asserts it. */
enum irq_source {
	SOURCE_USER,
	SOURCE_RESAMPLE,
	SOURCE_PIT
};

/* Indexes of struct gsi_route's pins: KVM_IRQCHIP_PIC_MASTER, _PIC_SLAVE, _IOAPIC. */
#define ROUTE_CHIPS 3

/**
 * struct gsi_route - where a GSI goes
 * @pin: per chip, the pin, or -1
 * @is_msi: it is a message instead
 * @address: MSI address, 64 bits
 * @data: MSI data
 */
struct gsi_route {
	s8 pin[ROUTE_CHIPS];
	bool is_msi;
	u32 data;
	u64 address;
};

/**
 * struct routing - the table of GSIs; immutable once published
 * @gsi: per chip and pin, the GSI that leads there, or -1
 * @nr: number of @route
 */
struct routing {
	struct rcu_head rcu;
	s16 gsi[ROUTE_CHIPS][IOAPIC_PINS];
	u32 nr;
	struct gsi_route route[];
};

/**
 * struct apic_map - local APICs by their initial id, which is the vCPU's
 * @nr: size of @lapic
 * @lapic: NULL where no vCPU has this id; entries are set and cleared in place
 */
struct apic_map {
	struct rcu_head rcu;
	u32 nr;
	struct lapic *lapic[];
};

/**
 * struct vcpu_lapic - a vCPU's local APIC
 * @model: vcpu->apic
 * @vcpu: whose it is
 * @timer: fires when the model said; at a TSC deadline that the backend watches only while the vCPU
 *	sleeps
 * @deadline: guest TSC for which @timer was armed last, in TSC-deadline mode
 * @due: while not 0, the model is told that its TSC has come so far
 * @advance: TSC ticks by which @timer is armed early, for the way from its interrupt to the guest
 * @turns: how often it was chosen among several for a lowest-priority interrupt
 */
struct vcpu_lapic {
	struct lapic model;
	struct vcpu *vcpu;
	struct hrtimer timer;
	u64 deadline;
	u64 due;
	u64 advance;
	u32 turns;
};

/**
 * struct irqchip - the VM's interrupt controllers
 * @vm: whose they are
 * @split: PIC, IOAPIC and PIT are user space's; set once
 * @reserved_routes: where @split, GSIs below this are the pins of user space's IOAPIC; set once
 * @lock: PIC, IOAPIC and PIT with all that belongs to them; innermost, IRQs off
 * @pic: under @lock; @pic.output is read by anyone
 * @ioapic: under @lock
 * @sources: per chip and pin, bits of enum irq_source that assert it; under @lock
 * @acked: a GSI with resamplers was acknowledged, which is told after @lock; under @lock
 * @eoi_watch: vectors of edge-triggered pins of which an EOI is wanted, or where @split those that
 *	user space's IOAPIC sends for a level; written under @lock
 * @storm: lets a line go on that interrupts without end
 * @routing: written under vm->irq_lock, read under RCU
 * @map: written under vm->irq_lock, read under RCU
 * @ports: the PIC on the port bus: 20h, A0h, 4D0h
 * @mmio: the IOAPIC on the memory bus
 * @irqfd_lock: lists of irqfds; nests inside an eventfd's wait queue lock, IRQs off
 * @irqfds: those in use
 * @irqfds_dead: those whose eventfd was closed, for @irqfd_reap
 * @resamplers: irqfds with a resamplefd; written under vm->irq_lock, read under RCU
 * @irqfd_reap: frees @irqfds_dead
 */
struct irqchip {
	struct vm *vm;
	bool split;
	u32 reserved_routes;
	raw_spinlock_t lock;
	struct pic pic;
	struct ioapic ioapic;
	u8 sources[ROUTE_CHIPS][IOAPIC_PINS];
	bool acked;
	DECLARE_BITMAP(eoi_watch, 256);
	struct delayed_work storm;
	struct routing __rcu *routing;
	struct apic_map __rcu *map;
	struct io_device ports[3];
	struct io_device mmio;
	spinlock_t irqfd_lock; /* lists of irqfds */
	struct list_head irqfds;
	struct list_head irqfds_dead;
	struct list_head resamplers;
	struct work_struct irqfd_reap;
};

/* NULL before KVM_CREATE_IRQCHIP, else whole. */
static inline struct irqchip *vm_irqchip(struct vm *vm)
{
	/* Pairs with irqchip_create(). */
	return smp_load_acquire(&vm->irqchip);
}

void irqfd_signal_acked(struct irqchip *chip);

#define irqchip_lock(chip, flags) raw_spin_lock_irqsave(&(chip)->lock, flags)

/* And tell resamplers of what was acknowledged meanwhile. */
static inline void irqchip_unlock(struct irqchip *chip, unsigned long flags)
{
	bool acked = chip->acked;

	chip->acked = false;
	raw_spin_unlock_irqrestore(&chip->lock, flags);
	if (unlikely(acked))
		irqfd_signal_acked(chip);
}

/*
 * Raise or lower a GSI. Any context; the _locked form under chip->lock. How many CPUs took an
 * interrupt, 0 if it merged with one that waits, -1 if it is masked or leads nowhere.
 */
int irq_set(struct irqchip *chip, enum irq_source source, u32 gsi, bool level);
int irq_set_locked(struct irqchip *chip, enum irq_source source, u32 gsi, bool level);

/* A pin of a chip was acknowledged. Under chip->lock. */
void irq_acked(struct irqchip *chip, unsigned int nr, unsigned int pin);
/* Which vectors need an EOI although edge triggered, computed anew. Under chip->lock. */
void irq_update_watch(struct irqchip *chip);
/* Where the GSIs of a new irqchip lead: GSI n to pin n of each chip; of a split one nowhere. */
int routing_init(struct irqchip *chip);
/* Take a pin's line in hand for one source. Under chip->lock; returns as irq_set(). */
int irqchip_set_pin(struct irqchip *chip, enum irq_source source, unsigned int nr, unsigned int pin,
		    bool level);

/*
 * Deliver a message to those local APICs that it names; @sender (or NULL) is for the shorthands.
 * Any context. How many took it.
 */
int apic_deliver(struct irqchip *chip, struct lapic *sender, const struct apic_msg *msg);
int apic_deliver_msi(struct irqchip *chip, u64 address, u32 data);
/* The same to each physical id @first + n for which bit n of @bits is set; @msg names nobody. */
int apic_deliver_bits(struct irqchip *chip, const struct apic_msg *msg, u32 first, u64 bits);
/* A bus's destination of 8 bits as struct apic_msg has it. */
u32 apic_bus_dest(const struct vm *vm, u32 dest);
/* The address has no destination that is not there: KVM_CAP_X2APIC_API. */
bool apic_msi_valid(const struct vm *vm, u32 address_hi);
/* The PIC's output rose, which is wired to all local APICs' LINT0. Any context. */
void apic_pulse_lint0(struct irqchip *chip);
/* Put a local APIC into the map, or take it off. Sleeps, takes vm->irq_lock. */
int apic_map_add(struct irqchip *chip, struct lapic *lapic);
void apic_map_remove(struct irqchip *chip, struct lapic *lapic);

/* A local APIC finished @vector. Any context. */
void irqchip_eoi(struct irqchip *chip, u8 vector, bool level);
/* No timer and no delayed work of the chips touches a vCPU any more. Sleeps. */
void irqchip_stop(struct irqchip *chip);
void pit_stop(struct pit *pit);
void pit_destroy(struct vm *vm);

/* An irqfd asks to hear of this GSI's acknowledgments: mark it. Under chip->lock. */
bool irqfd_mark_acked(struct irqchip *chip, u32 gsi);
bool irqfd_has_resampler(struct irqchip *chip, u32 gsi);
void irqfd_reap(struct work_struct *work);

#endif
