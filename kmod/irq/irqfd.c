// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_IRQFD: an eventfd drives a GSI, and with a resamplefd a level-triggered one, which an
 * acknowledgment lowers again.
 */

#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/kvm.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "../compat.h"
#include "../vm.h"
#include "chip.h"
#include "irqchip.h"

/**
 * struct irqfd - one eventfd that drives a GSI
 * @chip: whose GSI
 * @gsi: which
 * @acked: the GSI was acknowledged: tell @resample; under chip->lock to set
 * @eventfd: drives; holds a reference
 * @resample: hears of acknowledgments, NULL for an irqfd without
 * @wait: on @eventfd's wait queue
 * @poll: brings @wait there
 * @link: in chip->irqfds or irqfds_dead; under chip->irqfd_lock
 * @resample_link: in chip->resamplers
 */
struct irqfd {
	struct irqchip *chip;
	u32 gsi;
	bool acked;
	struct eventfd_ctx *eventfd;
	struct eventfd_ctx *resample;
	wait_queue_entry_t wait;
	poll_table poll;
	struct list_head link;
	struct list_head resample_link;
};

static void irqfd_fire(struct irqfd *irqfd)
{
	if (irqfd->resample) {
		irq_set(irqfd->chip, SOURCE_RESAMPLE, irqfd->gsi, true);
		return;
	}
	irq_set(irqfd->chip, SOURCE_USER, irqfd->gsi, true);
	irq_set(irqfd->chip, SOURCE_USER, irqfd->gsi, false);
}

/* Called with the eventfd's wait queue lock held, IRQs off. */
static int irqfd_woken(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct irqfd *irqfd = container_of(wait, struct irqfd, wait);
	struct irqchip *chip = irqfd->chip;
	__poll_t events = key_to_poll(key);
	unsigned long flags;
	u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(irqfd->eventfd, &count);
		irqfd_fire(irqfd);
	}
	if (events & EPOLLHUP) {
		/* It is going away, and cannot be left from here. Perhaps we are already. */
		spin_lock_irqsave(&chip->irqfd_lock, flags);
		if (!list_empty(&irqfd->link))
			list_move(&irqfd->link, &chip->irqfds_dead);
		spin_unlock_irqrestore(&chip->irqfd_lock, flags);
		schedule_work(&chip->irqfd_reap);
	}
	return 0;
}

static void irqfd_queue(struct file *file, wait_queue_head_t *head, poll_table *poll)
{
	add_wait_queue_priority(head, &container_of(poll, struct irqfd, poll)->wait);
}

bool irqfd_has_resampler(struct irqchip *chip, u32 gsi)
{
	struct irqfd *irqfd;
	bool found = false;

	rcu_read_lock();
	list_for_each_entry_rcu(irqfd, &chip->resamplers, resample_link)
		found |= irqfd->gsi == gsi;
	rcu_read_unlock();
	return found;
}

bool irqfd_mark_acked(struct irqchip *chip, u32 gsi)
{
	struct irqfd *irqfd;
	bool found = false;

	rcu_read_lock();
	list_for_each_entry_rcu(irqfd, &chip->resamplers, resample_link) {
		if (irqfd->gsi != gsi)
			continue;
		WRITE_ONCE(irqfd->acked, true);
		found = true;
	}
	rcu_read_unlock();
	return found;
}

void irqfd_signal_acked(struct irqchip *chip)
{
	struct irqfd *irqfd;

	rcu_read_lock();
	list_for_each_entry_rcu(irqfd, &chip->resamplers, resample_link) {
		if (xchg(&irqfd->acked, false))
			compat_eventfd_signal(irqfd->resample);
	}
	rcu_read_unlock();
}

static void update_watch(struct irqchip *chip)
{
	unsigned long flags;

	irqchip_lock(chip, flags);
	irq_update_watch(chip);
	irqchip_unlock(chip, flags);
}

static void resampler_add(struct irqfd *irqfd)
{
	struct irqchip *chip = irqfd->chip;

	mutex_lock(&chip->vm->irq_lock);
	list_add_rcu(&irqfd->resample_link, &chip->resamplers);
	update_watch(chip);
	mutex_unlock(&chip->vm->irq_lock);
}

static void resampler_remove(struct irqfd *irqfd)
{
	struct irqchip *chip = irqfd->chip;

	mutex_lock(&chip->vm->irq_lock);
	list_del_rcu(&irqfd->resample_link);
	update_watch(chip);
	mutex_unlock(&chip->vm->irq_lock);
	synchronize_rcu();
	/* The last one of the GSI takes its line with it. */
	if (!irqfd_has_resampler(chip, irqfd->gsi))
		irq_set(chip, SOURCE_RESAMPLE, irqfd->gsi, false);
}

static void irqfd_free(struct irqfd *irqfd)
{
	if (irqfd->resample && !list_empty(&irqfd->resample_link))
		resampler_remove(irqfd);
	if (!IS_ERR_OR_NULL(irqfd->resample))
		eventfd_ctx_put(irqfd->resample);
	if (!IS_ERR_OR_NULL(irqfd->eventfd))
		eventfd_ctx_put(irqfd->eventfd);
	kfree(irqfd);
}

static void irqfd_shutdown(struct irqfd *irqfd)
{
	u64 count;

	eventfd_ctx_remove_wait_queue(irqfd->eventfd, &irqfd->wait, &count);
	irqfd_free(irqfd);
}

/* Free all on chip->irqfds_dead. Two may do so at a time. */
static void reap_all(struct irqchip *chip)
{
	struct irqfd *irqfd;

	for (;;) {
		spin_lock_irq(&chip->irqfd_lock);
		irqfd = list_first_entry_or_null(&chip->irqfds_dead, struct irqfd, link);
		if (irqfd)
			list_del_init(&irqfd->link);
		spin_unlock_irq(&chip->irqfd_lock);
		if (!irqfd)
			return;
		irqfd_shutdown(irqfd);
	}
}

void irqfd_reap(struct work_struct *work)
{
	reap_all(container_of(work, struct irqchip, irqfd_reap));
}

/* An eventfd drives one GSI of a VM. */
static int irqfd_add(struct irqfd *irqfd)
{
	struct irqchip *chip = irqfd->chip;
	struct irqfd *other;
	int r = 0;

	spin_lock_irq(&chip->irqfd_lock);
	list_for_each_entry(other, &chip->irqfds, link) {
		if (other->eventfd == irqfd->eventfd)
			r = -EBUSY;
	}
	if (!r)
		list_add_tail(&irqfd->link, &chip->irqfds);
	spin_unlock_irq(&chip->irqfd_lock);
	return r;
}

static int irqfd_open(struct irqfd *irqfd, struct file *file, const struct kvm_irqfd *args)
{
	irqfd->eventfd = eventfd_ctx_fileget(file);
	if (IS_ERR(irqfd->eventfd))
		return PTR_ERR(irqfd->eventfd);
	if (args->flags & KVM_IRQFD_FLAG_RESAMPLE) {
		irqfd->resample = eventfd_ctx_fdget(args->resamplefd);
		if (IS_ERR(irqfd->resample))
			return PTR_ERR(irqfd->resample);
		resampler_add(irqfd);
	}
	return irqfd_add(irqfd);
}

static int irqfd_assign(struct irqchip *chip, const struct kvm_irqfd *args)
{
	struct irqfd *irqfd;
	struct file *file;
	int r;

	irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);
	if (!irqfd)
		return -ENOMEM;
	irqfd->chip = chip;
	irqfd->gsi = args->gsi;
	INIT_LIST_HEAD(&irqfd->link);
	INIT_LIST_HEAD(&irqfd->resample_link);
	init_waitqueue_func_entry(&irqfd->wait, irqfd_woken);
	init_poll_funcptr(&irqfd->poll, irqfd_queue);

	file = eventfd_fget(args->fd);
	if (IS_ERR(file)) {
		kfree(irqfd);
		return PTR_ERR(file);
	}
	r = irqfd_open(irqfd, file, args);
	if (r)
		irqfd_free(irqfd);
	else if (vfs_poll(file, &irqfd->poll) & EPOLLIN)
		/* It was signalled before we listened. */
		irqfd_fire(irqfd);
	/* Held until here, so that the eventfd does not hang up meanwhile. */
	fput(file);
	return r;
}

/* Stop the irqfds of @eventfd and @gsi, or with NULL all. None fires any more on return. */
static void irqfd_stop(struct irqchip *chip, const struct eventfd_ctx *eventfd, u32 gsi)
{
	struct irqfd *irqfd, *next;

	spin_lock_irq(&chip->irqfd_lock);
	list_for_each_entry_safe(irqfd, next, &chip->irqfds, link) {
		if (!eventfd || (irqfd->eventfd == eventfd && irqfd->gsi == gsi))
			list_move(&irqfd->link, &chip->irqfds_dead);
	}
	spin_unlock_irq(&chip->irqfd_lock);
	reap_all(chip);
	flush_work(&chip->irqfd_reap);
}

static int irqfd_deassign(struct irqchip *chip, const struct kvm_irqfd *args)
{
	struct eventfd_ctx *eventfd = eventfd_ctx_fdget(args->fd);

	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	if (chip)
		irqfd_stop(chip, eventfd, args->gsi);
	eventfd_ctx_put(eventfd);
	return 0;
}

/* Who has the IOAPIC in user space hears of acknowledgments there. */
static bool irqfd_allowed(const struct irqchip *chip, const struct kvm_irqfd *args)
{
	return chip && !(chip->split && args->flags & KVM_IRQFD_FLAG_RESAMPLE);
}

/**
 * irqfd_ioctl() - KVM_IRQFD
 * @vm: the VM
 * @arg: struct kvm_irqfd
 * @uarg: not used
 *
 * Return: 0; -EINVAL for unknown flags, no irqchip, not an eventfd, or resampling with a split
 * irqchip; -EBADF; -EBUSY where the eventfd drives a GSI already; -ENOMEM
 */
long irqfd_ioctl(struct vm *vm, void *arg, unsigned long uarg)
{
	struct irqchip *chip = vm_irqchip(vm);
	const struct kvm_irqfd *args = arg;
	long r;

	if (args->flags & ~(KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE))
		return -EINVAL;
	/* One that is being assigned is whole before it can be deassigned. */
	mutex_lock(&vm->lock);
	if (args->flags & KVM_IRQFD_FLAG_DEASSIGN)
		r = irqfd_deassign(chip, args);
	else
		r = irqfd_allowed(chip, args) ? irqfd_assign(chip, args) : -EINVAL;
	mutex_unlock(&vm->lock);
	return r;
}

/* The VM's fd was closed, or the VM is freed: no eventfd drives it any more. Sleeps. */
void irqfd_destroy(struct vm *vm)
{
	if (vm->irqchip)
		irqfd_stop(vm->irqchip, NULL, 0);
}
