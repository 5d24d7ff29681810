// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "irq.h"
#include "vm.h"

#define PIC_PINS	 16
#define PIC_CASCADE	 2 /* no device can drive it */
#define IOAPIC_PIN_TIMER 2 /* where PCs wire ISA interrupt 0 */
#define MAX_ENTRIES	 (PIC_PINS + IRQ_NR_LINES + IRQ_MAX_ROUTES)

struct msi_route {
	bool allocated;
	bool set;
	uint64_t addr;
	uint32_t data;
};

/* Everything is protected by @lock. @image is what SET_GSI_ROUTING takes, made anew each time. */
struct irq_routes {
	pthread_mutex_t lock;
	struct msi_route msi[IRQ_MAX_ROUTES];
	struct kvm_irq_routing *image;
};

static int vm_ioctl(struct vm *vm, unsigned long request, void *arg)
{
	return ioctl(vm->fd, request, arg) < 0 ? -errno : 0;
}

static struct kvm_irq_routing_entry *next_entry(struct kvm_irq_routing *image, unsigned int gsi,
						unsigned int type)
{
	struct kvm_irq_routing_entry *entry = &image->entries[image->nr++];

	memset(entry, 0, sizeof(*entry));
	entry->gsi = gsi;
	entry->type = type;
	return entry;
}

static void add_pin(struct kvm_irq_routing *image, unsigned int gsi, unsigned int chip,
		    unsigned int pin)
{
	struct kvm_irq_routing_entry *entry = next_entry(image, gsi, KVM_IRQ_ROUTING_IRQCHIP);

	entry->u.irqchip.irqchip = chip;
	entry->u.irqchip.pin = pin;
}

static void add_lines(struct kvm_irq_routing *image)
{
	for (unsigned int gsi = 0; gsi < IRQ_NR_LINES; gsi++) {
		if (gsi == PIC_CASCADE)
			continue;
		if (gsi < PIC_PINS)
			add_pin(image, gsi,
				gsi < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE, gsi % 8);
		add_pin(image, gsi, KVM_IRQCHIP_IOAPIC, gsi ? gsi : IOAPIC_PIN_TIMER);
	}
}

static void add_msi(struct kvm_irq_routing *image, unsigned int gsi, const struct msi_route *route)
{
	struct kvm_irq_routing_entry *entry = next_entry(image, gsi, KVM_IRQ_ROUTING_MSI);

	entry->u.msi.address_lo = (uint32_t)route->addr;
	entry->u.msi.address_hi = (uint32_t)(route->addr >> 32);
	entry->u.msi.data = route->data;
}

/* With the lock held. */
static int install(struct vm *vm)
{
	struct irq_routes *irq = vm->irq;

	irq->image->nr = 0;
	irq->image->flags = 0;
	add_lines(irq->image);
	for (unsigned int i = 0; i < IRQ_MAX_ROUTES; i++) {
		if (irq->msi[i].set)
			add_msi(irq->image, IRQ_NR_LINES + i, &irq->msi[i]);
	}
	return vm_ioctl(vm, KVM_SET_GSI_ROUTING, irq->image);
}

int irq_create(struct vm *vm)
{
	struct irq_routes *irq = calloc(1, sizeof(*irq));

	if (!irq)
		return -ENOMEM;
	irq->image = malloc(sizeof(*irq->image) + MAX_ENTRIES * sizeof(irq->image->entries[0]));
	if (!irq->image) {
		free(irq);
		return -ENOMEM;
	}
	pthread_mutex_init(&irq->lock, NULL);
	vm->irq = irq;
	return 0;
}

void irq_destroy(struct vm *vm)
{
	if (!vm->irq)
		return;
	pthread_mutex_destroy(&vm->irq->lock);
	free(vm->irq->image);
	free(vm->irq);
	vm->irq = NULL;
}

int irq_restore(struct vm *vm)
{
	int err;

	pthread_mutex_lock(&vm->irq->lock);
	err = install(vm);
	pthread_mutex_unlock(&vm->irq->lock);
	return err;
}

int irq_line(struct vm *vm, unsigned int gsi, bool level)
{
	struct kvm_irq_level line = { .irq = gsi, .level = level };

	return vm_ioctl(vm, KVM_IRQ_LINE, &line);
}

int irq_alloc_msi_route(struct vm *vm)
{
	struct irq_routes *irq = vm->irq;
	int gsi = -ENOSPC;

	pthread_mutex_lock(&irq->lock);
	for (unsigned int i = 0; i < IRQ_MAX_ROUTES && gsi < 0; i++) {
		if (irq->msi[i].allocated)
			continue;
		irq->msi[i] = (struct msi_route){ .allocated = true };
		gsi = (int)(IRQ_NR_LINES + i);
	}
	pthread_mutex_unlock(&irq->lock);
	return gsi;
}

/* With the lock held. Return: the route behind a GSI that was allocated, or NULL. */
static struct msi_route *find_route(struct irq_routes *irq, int gsi)
{
	struct msi_route *route;

	if (gsi < IRQ_NR_LINES || gsi >= IRQ_NR_LINES + IRQ_MAX_ROUTES)
		return NULL;
	route = &irq->msi[gsi - IRQ_NR_LINES];
	return route->allocated ? route : NULL;
}

void irq_free_msi_route(struct vm *vm, int gsi)
{
	struct msi_route *route;

	pthread_mutex_lock(&vm->irq->lock);
	route = find_route(vm->irq, gsi);
	if (route) {
		bool installed = route->set;

		*route = (struct msi_route){ 0 };
		if (installed)
			install(vm);
	}
	pthread_mutex_unlock(&vm->irq->lock);
}

int irq_set_msi_route(struct vm *vm, int gsi, uint64_t addr, uint32_t data)
{
	struct msi_route *route;
	int err = -EINVAL;

	pthread_mutex_lock(&vm->irq->lock);
	route = find_route(vm->irq, gsi);
	if (route) {
		struct msi_route old = *route;
		bool same = old.set && old.addr == addr && old.data == data;

		route->set = true;
		route->addr = addr;
		route->data = data;
		err = same ? 0 : install(vm);
		if (err)
			*route = old;
	}
	pthread_mutex_unlock(&vm->irq->lock);
	return err;
}

static int set_irqfd(struct vm *vm, int gsi, int eventfd, uint32_t flags)
{
	struct kvm_irqfd irqfd = { .fd = (uint32_t)eventfd, .gsi = (uint32_t)gsi, .flags = flags };

	return vm_ioctl(vm, KVM_IRQFD, &irqfd);
}

int irq_bind_eventfd(struct vm *vm, int gsi, int eventfd)
{
	return set_irqfd(vm, gsi, eventfd, 0);
}

int irq_unbind_eventfd(struct vm *vm, int gsi, int eventfd)
{
	return set_irqfd(vm, gsi, eventfd, KVM_IRQFD_FLAG_DEASSIGN);
}

int vm_ioeventfd(struct vm *vm, uint64_t addr, unsigned int len, int fd, bool pio, bool assign,
		 const uint64_t *datamatch)
{
	struct kvm_ioeventfd ioeventfd = { .addr = addr, .len = len, .fd = fd };

	if (pio)
		ioeventfd.flags |= KVM_IOEVENTFD_FLAG_PIO;
	if (!assign)
		ioeventfd.flags |= KVM_IOEVENTFD_FLAG_DEASSIGN;
	if (datamatch) {
		ioeventfd.flags |= KVM_IOEVENTFD_FLAG_DATAMATCH;
		ioeventfd.datamatch = *datamatch;
	}
	return vm_ioctl(vm, KVM_IOEVENTFD, &ioeventfd);
}
