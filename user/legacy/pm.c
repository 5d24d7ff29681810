// SPDX-License-Identifier: GPL-2.0-only
/*
 * ACPI fixed hardware (ACPI 6.3, 4.8.3): PM1 event and control registers, the power management
 * timer and the reset register. ACPI mode is always on. Writing sleep type 5 ends the machine.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "container_of.h"
#include "error.h"
#include "legacy/legacy.h"
#include "machine.h"
#include "vm.h"

#define PM_PORTS	       16
#define PM1_STATUS	       0
#define PM1_ENABLE	       2
#define PM1_CONTROL	       4
#define PM_TIMER	       8
#define PM_RESET	       12 /* reads as 0 */

#define EVENT_TIMER	       0x0001
#define CONTROL_SCI_EN	       0x0001
#define CONTROL_SLP_EN	       0x2000
#define CONTROL_SLP_TYP(value) (((value) >> 10) & 7)
#define SLP_TYP_OFF	       5 /* \_S5 in dsdt.asl */
#define ENABLE_BITS	       0x0721 /* those that ACPI defines */
#define RESET_CPU	       0x04 /* as in the register at 0xcf9 of PCs */

#define TIMER_HZ	       3579545ULL
#define NS_PER_S	       1000000000ULL

/*
 * Everything is under @lock. @half is how many times the timer's top bit has changed, as far as
 * @status knows.
 */
struct pm {
	struct vm *vm;
	pthread_mutex_t lock;
	uint16_t status;
	uint16_t enable;
	uint16_t control;
	uint64_t start_ns;
	uint64_t half;
	bool line;
	struct loop_source alarm;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* Both are split, so that no product overflows, however long the machine runs. */
static uint64_t ticks(uint64_t ns)
{
	return ns / NS_PER_S * TIMER_HZ + ns % NS_PER_S * TIMER_HZ / NS_PER_S;
}

static uint64_t nanoseconds(uint64_t count)
{
	return count / TIMER_HZ * NS_PER_S + count % TIMER_HZ * NS_PER_S / TIMER_HZ;
}

static uint64_t timer_ticks(const struct pm *pm)
{
	return ticks(now_ns() - pm->start_ns);
}

/* Wake up when the top bit changes next, if that interrupts. */
static void arm(struct pm *pm, uint64_t half)
{
	uint64_t at = pm->start_ns + nanoseconds((half + 1) << 31) + 1;
	struct itimerspec when = { 0 };

	if ((pm->enable & EVENT_TIMER) && !pm->line) {
		when.it_value.tv_sec = (time_t)(at / NS_PER_S);
		when.it_value.tv_nsec = (long)(at % NS_PER_S);
	}
	timerfd_settime(pm->alarm.fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void update(struct pm *pm)
{
	uint64_t half = timer_ticks(pm) >> 31;
	bool line;

	if (half != pm->half)
		pm->status |= EVENT_TIMER;
	pm->half = half;
	line = pm->status & pm->enable;
	if (line != pm->line)
		irq_line(pm->vm, MACHINE_IRQ_SCI, line);
	pm->line = line;
}

static uint64_t pm_read(void *opaque, uint64_t offset, unsigned int size)
{
	struct pm *pm = opaque;
	uint8_t image[PM_PORTS + sizeof(uint64_t)] = { 0 };
	uint32_t timer;
	uint64_t value;

	pthread_mutex_lock(&pm->lock);
	update(pm);
	timer = (uint32_t)timer_ticks(pm);
	memcpy(image + PM1_STATUS, &pm->status, sizeof(pm->status));
	memcpy(image + PM1_ENABLE, &pm->enable, sizeof(pm->enable));
	memcpy(image + PM1_CONTROL, &pm->control, sizeof(pm->control));
	memcpy(image + PM_TIMER, &timer, sizeof(timer));
	pthread_mutex_unlock(&pm->lock);
	memcpy(&value, image + offset, sizeof(value));
	return size < 8 ? value & ((1ULL << (8 * size)) - 1) : value;
}

static void write_status(struct pm *pm, uint16_t value, uint16_t mask)
{
	pm->status &= ~(value & mask);
}

static void write_enable(struct pm *pm, uint16_t value, uint16_t mask)
{
	pm->enable = ((pm->enable & ~mask) | (value & mask)) & ENABLE_BITS;
}

static void write_control(struct pm *pm, uint16_t value, uint16_t mask)
{
	uint16_t control = (uint16_t)((pm->control & ~mask) | (value & mask));

	if ((control & CONTROL_SLP_EN) && CONTROL_SLP_TYP(control) == SLP_TYP_OFF)
		vm_stop(pm->vm, VM_POWERED_OFF);
	pm->control = (uint16_t)((control & ~CONTROL_SLP_EN) | CONTROL_SCI_EN);
}

static void write_reset(struct pm *pm, uint16_t value, uint16_t mask)
{
	if (value & mask & RESET_CPU)
		vm_stop(pm->vm, VM_RESET);
}

/* Registers of 16 bits; the timer cannot be written. */
static void (*const writers[PM_PORTS / 2])(struct pm *pm, uint16_t value, uint16_t mask) = {
	[PM1_STATUS / 2] = write_status,
	[PM1_ENABLE / 2] = write_enable,
	[PM1_CONTROL / 2] = write_control,
	[PM_RESET / 2] = write_reset,
};

static void pm_write(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
	struct pm *pm = opaque;
	unsigned int done = 0;

	pthread_mutex_lock(&pm->lock);
	update(pm);
	while (done < size) {
		unsigned int port = (unsigned int)offset + done, high = port & 1;
		unsigned int len = high || size - done == 1 ? 1 : 2;
		uint16_t mask = (uint16_t)((len == 2 ? 0xffff : 0xff) << (8 * high));

		if (writers[port / 2])
			writers[port / 2](pm, (uint16_t)((value >> (8 * done)) << (8 * high)),
					  mask);
		done += len;
	}
	update(pm);
	arm(pm, pm->half);
	pthread_mutex_unlock(&pm->lock);
}

static const struct bus_ops pm_ops = {
	.read = pm_read,
	.write = pm_write,
};

static void alarm_ready(struct loop_source *src, uint32_t events)
{
	struct pm *pm = container_of(src, struct pm, alarm);
	uint64_t count;

	(void)events;
	if (read(src->fd, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&pm->lock);
	update(pm);
	arm(pm, pm->half);
	pthread_mutex_unlock(&pm->lock);
}

static void pm_reset(struct device *dev)
{
	struct pm *pm = dev->priv;

	pthread_mutex_lock(&pm->lock);
	pm->status = 0;
	pm->enable = 0;
	pm->control = CONTROL_SCI_EN;
	pm->start_ns = now_ns();
	pm->half = 0;
	pm->line = false;
	arm(pm, 0);
	pthread_mutex_unlock(&pm->lock);
}

static void pm_free(struct pm *pm)
{
	if (pm->alarm.fd >= 0)
		close(pm->alarm.fd);
	pthread_mutex_destroy(&pm->lock);
	free(pm);
}

static int pm_init(struct device *dev)
{
	struct pm *pm = calloc(1, sizeof(*pm));
	int err;

	if (!pm)
		return -ENOMEM;
	pm->vm = dev->vm;
	pthread_mutex_init(&pm->lock, NULL);
	pm->alarm.ready = alarm_ready;
	pm->alarm.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	err = pm->alarm.fd < 0 ? -errno : loop_add(dev->vm->loop, &pm->alarm, EPOLLIN);
	if (!err)
		err = bus_add(dev->vm->pio, MACHINE_PM_BASE, PM_PORTS, &pm_ops, pm);
	if (err) {
		say_error("pm", "%s", strerror(-err));
		pm_free(pm);
		return err;
	}
	dev->priv = pm;
	pm_reset(dev);
	return 0;
}

static void pm_exit(struct device *dev)
{
	struct pm *pm = dev->priv;

	bus_remove(dev->vm->pio, MACHINE_PM_BASE, PM_PORTS);
	loop_remove(dev->vm->loop, &pm->alarm);
	pm_free(pm);
}

const struct device_ops pm_device = {
	.name = "pm",
	.init = pm_init,
	.reset = pm_reset,
	.exit = pm_exit,
};
