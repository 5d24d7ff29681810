// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio over PCI (virtio 1.2, 4.1). Kicks are ioeventfds: the kernel turns the guest's write to
 * the notification area into a wake-up of the device thread, and no vCPU leaves the kernel. Where
 * there is none, the write arrives here and does the same.
 */
#include "virtio/virtio_pci.h"

#include <linux/virtio_pci.h>
#include <string.h>

#include "array_size.h"
#include "container_of.h"
#include "error.h"
#include "irq.h"
#include "vm.h"

#define VENDOR_VIRTIO 0x1af4
#define DEVICE_MODERN 0x1040 /* plus the virtio device id */

/* BAR 0: a page for each structure. */
#define REGISTER_BAR  0
#define MSIX_BAR      2
#define REGION_SIZE   0x1000
#define COMMON_OFFSET 0x0000
#define ISR_OFFSET    0x1000
#define CONFIG_OFFSET 0x2000
#define NOTIFY_OFFSET 0x3000
#define REGISTER_SIZE 0x4000

#define NOTIFY_STRIDE 4
#define NOTIFY_SIZE   2 /* bytes that a driver writes (4.1.5.2) */

/* Bits of the ISR status (4.1.4.5). */
#define ISR_QUEUE  0x1
#define ISR_CONFIG 0x2

static struct virtio_pci *to_vp(struct virtio_device *vdev)
{
	return container_of(vdev, struct virtio_pci, vdev);
}

static void raise_interrupt(struct virtio_pci *vp, uint16_t vector, uint8_t bit)
{
	if (pci_msix_enabled(&vp->pci)) {
		if (vector != VIRTIO_NO_VECTOR)
			pci_msix_signal(&vp->pci, vector);
		return;
	}
	pthread_mutex_lock(&vp->isr_lock);
	vp->isr |= bit;
	pci_intx_set(&vp->pci, true);
	pthread_mutex_unlock(&vp->isr_lock);
}

static void queue_interrupt(struct virtio_device *vdev, unsigned int index)
{
	raise_interrupt(to_vp(vdev), vdev->queues[index].vector, ISR_QUEUE);
}

static void config_interrupt(struct virtio_device *vdev)
{
	raise_interrupt(to_vp(vdev), vdev->config_vector, ISR_CONFIG);
}

/* Reading the ISR status acknowledges it. */
static uint8_t take_isr(struct virtio_pci *vp)
{
	uint8_t isr;

	pthread_mutex_lock(&vp->isr_lock);
	isr = vp->isr;
	vp->isr = 0;
	pci_intx_set(&vp->pci, false);
	pthread_mutex_unlock(&vp->isr_lock);
	return isr;
}

static void transport_reset(struct virtio_device *vdev)
{
	struct virtio_pci *vp = to_vp(vdev);

	vp->device_select = 0;
	vp->driver_select = 0;
	vp->queue_select = 0;
	take_isr(vp);
}

static const struct virtio_transport_ops transport = {
	.interrupt = queue_interrupt,
	.config_interrupt = config_interrupt,
	.reset = transport_reset,
};

/*
 * A register of the common configuration (4.1.4.3): @size bytes at @field of struct virtio_pci, or
 * of the selected struct virtio_queue. @read and @write are for those that are more than that.
 */
struct reg {
	uint8_t offset;
	uint8_t size;
	bool queue;
	uint16_t field;
	uint32_t (*read)(struct virtio_pci *vp);
	void (*write)(struct virtio_pci *vp, const struct reg *reg, uint32_t value);
};

static struct virtio_queue *selected(struct virtio_pci *vp)
{
	if (vp->queue_select >= vp->vdev.nr_queues)
		return NULL;
	return &vp->vdev.queues[vp->queue_select];
}

/* Where a register's bytes are; NULL if it belongs to a queue that does not exist. */
static void *reg_field(struct virtio_pci *vp, const struct reg *reg)
{
	uint8_t *base = reg->queue ? (uint8_t *)selected(vp) : (uint8_t *)vp;

	return base ? base + reg->field : NULL;
}

static void write_plain(struct virtio_pci *vp, const struct reg *reg, uint32_t value)
{
	memcpy(reg_field(vp, reg), &value, reg->size);
}

static void write_vector(struct virtio_pci *vp, const struct reg *reg, uint32_t value)
{
	atomic_ushort *vector = reg_field(vp, reg);

	if (vector)
		*vector = value < vp->pci.msix.nr ? value : VIRTIO_NO_VECTOR;
}

/* Before the queue is enabled its layout is the driver's to write; afterwards that is a fault. */
static void write_layout(struct virtio_pci *vp, const struct reg *reg, uint32_t value)
{
	struct virtio_queue *queue = selected(vp);
	int ret = 0;

	if (!queue)
		return;
	pthread_mutex_lock(&queue->lock);
	if (queue->vq.enabled)
		ret = vq_break(&queue->vq, "queue changed while enabled");
	else
		memcpy(reg_field(vp, reg), &value, reg->size);
	pthread_mutex_unlock(&queue->lock);
	if (ret)
		virtio_fail(&vp->vdev, queue->vq.why);
}

static uint32_t feature_word(uint64_t features, uint32_t word)
{
	return word > 1 ? 0 : features >> (32 * word);
}

static uint32_t read_device_features(struct virtio_pci *vp)
{
	return feature_word(vp->vdev.device_features, vp->device_select);
}

static uint32_t read_driver_features(struct virtio_pci *vp)
{
	return feature_word(vp->vdev.driver_features, vp->driver_select);
}

static void write_driver_features(struct virtio_pci *vp, const struct reg *reg, uint32_t value)
{
	(void)reg;
	virtio_set_features(&vp->vdev, vp->driver_select, value);
}

static void write_status(struct virtio_pci *vp, const struct reg *reg, uint32_t value)
{
	(void)reg;
	virtio_set_status(&vp->vdev, value);
}

static uint32_t read_enable(struct virtio_pci *vp)
{
	struct virtio_queue *queue = selected(vp);

	return queue && queue->vq.enabled;
}

static void write_enable(struct virtio_pci *vp, const struct reg *reg, uint32_t value)
{
	(void)reg;
	if (selected(vp) && value == 1)
		virtio_enable_queue(&vp->vdev, vp->queue_select);
}

/* Four bytes of the address of a part of the selected queue. */
#define ADDRESS_HALF(name, member, half)                                                           \
	{                                                                                          \
		.offset = VIRTIO_PCI_COMMON_Q_##name, .size = 4, .queue = true,                    \
		.field = offsetof(struct virtio_queue, vq.member) + (half), .write = write_layout, \
	}

/*
 * What has no row reads as 0. So does the generation of the configuration: no device changes its
 * own while it runs.
 */
static const struct reg regs[] = {
	{ .offset = VIRTIO_PCI_COMMON_DFSELECT,
	  .size = 4,
	  .field = offsetof(struct virtio_pci, device_select),
	  .write = write_plain },
	{ .offset = VIRTIO_PCI_COMMON_DF, .size = 4, .read = read_device_features },
	{ .offset = VIRTIO_PCI_COMMON_GFSELECT,
	  .size = 4,
	  .field = offsetof(struct virtio_pci, driver_select),
	  .write = write_plain },
	{ .offset = VIRTIO_PCI_COMMON_GF,
	  .size = 4,
	  .read = read_driver_features,
	  .write = write_driver_features },
	{ .offset = VIRTIO_PCI_COMMON_MSIX,
	  .size = 2,
	  .field = offsetof(struct virtio_pci, vdev.config_vector),
	  .write = write_vector },
	{ .offset = VIRTIO_PCI_COMMON_NUMQ,
	  .size = 2,
	  .field = offsetof(struct virtio_pci, vdev.nr_queues) },
	{ .offset = VIRTIO_PCI_COMMON_STATUS,
	  .size = 1,
	  .field = offsetof(struct virtio_pci, vdev.status),
	  .write = write_status },
	{ .offset = VIRTIO_PCI_COMMON_Q_SELECT,
	  .size = 2,
	  .field = offsetof(struct virtio_pci, queue_select),
	  .write = write_plain },
	{ .offset = VIRTIO_PCI_COMMON_Q_SIZE,
	  .size = 2,
	  .queue = true,
	  .field = offsetof(struct virtio_queue, vq.size),
	  .write = write_layout },
	{ .offset = VIRTIO_PCI_COMMON_Q_MSIX,
	  .size = 2,
	  .queue = true,
	  .field = offsetof(struct virtio_queue, vector),
	  .write = write_vector },
	{ .offset = VIRTIO_PCI_COMMON_Q_ENABLE,
	  .size = 2,
	  .read = read_enable,
	  .write = write_enable },
	{ .offset = VIRTIO_PCI_COMMON_Q_NOFF,
	  .size = 2,
	  .queue = true,
	  .field = offsetof(struct virtio_queue, index) },
	ADDRESS_HALF(DESCLO, desc_gpa, 0),
	ADDRESS_HALF(DESCHI, desc_gpa, 4),
	ADDRESS_HALF(AVAILLO, avail_gpa, 0),
	ADDRESS_HALF(AVAILHI, avail_gpa, 4),
	ADDRESS_HALF(USEDLO, used_gpa, 0),
	ADDRESS_HALF(USEDHI, used_gpa, 4),
};

/* A driver accesses each field by itself, in its own width (4.1.3.1). */
static const struct reg *find_reg(uint64_t offset, unsigned int size)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(regs); i++) {
		if (regs[i].offset == offset && regs[i].size == size)
			return &regs[i];
	}
	return NULL;
}

/* A register of a queue that does not exist reads as 0: such a queue has size 0 (4.1.5.1.3). */
static uint32_t read_reg(struct virtio_pci *vp, const struct reg *reg)
{
	uint32_t value = 0;
	void *field;

	if (reg->read)
		return reg->read(vp);
	field = reg_field(vp, reg);
	if (field)
		memcpy(&value, field, reg->size);
	return value;
}

static uint32_t common_read(struct virtio_pci *vp, uint64_t offset, unsigned int size)
{
	const struct reg *reg = find_reg(offset, size);
	uint32_t value;

	if (!reg)
		return 0;
	pthread_mutex_lock(&vp->vdev.lock);
	value = read_reg(vp, reg);
	pthread_mutex_unlock(&vp->vdev.lock);
	return value;
}

static void common_write(struct virtio_pci *vp, uint64_t offset, unsigned int size, uint32_t value)
{
	const struct reg *reg = find_reg(offset, size);

	if (!reg || !reg->write)
		return;
	pthread_mutex_lock(&vp->vdev.lock);
	reg->write(vp, reg, value);
	pthread_mutex_unlock(&vp->vdev.lock);
}

static uint32_t isr_read(struct virtio_pci *vp, uint64_t offset, unsigned int size)
{
	(void)size;
	return offset ? 0 : take_isr(vp);
}

static uint32_t config_read(struct virtio_pci *vp, uint64_t offset, unsigned int size)
{
	return virtio_read_config(&vp->vdev, offset, size);
}

static void notify_write(struct virtio_pci *vp, uint64_t offset, unsigned int size, uint32_t value)
{
	(void)size;
	(void)value;
	if (offset / NOTIFY_STRIDE < vp->vdev.nr_queues)
		virtio_kick(&vp->vdev.queues[offset / NOTIFY_STRIDE]);
}

static const struct {
	uint32_t (*read)(struct virtio_pci *vp, uint64_t offset, unsigned int size);
	void (*write)(struct virtio_pci *vp, uint64_t offset, unsigned int size, uint32_t value);
} regions[REGISTER_SIZE / REGION_SIZE] = {
	[COMMON_OFFSET / REGION_SIZE] = { .read = common_read, .write = common_write },
	[ISR_OFFSET / REGION_SIZE] = { .read = isr_read },
	[CONFIG_OFFSET / REGION_SIZE] = { .read = config_read },
	[NOTIFY_OFFSET / REGION_SIZE] = { .write = notify_write },
};

static bool valid_access(uint64_t offset, unsigned int size)
{
	return (size == 1 || size == 2 || size == 4) && !(offset % size) && offset < REGISTER_SIZE;
}

static uint64_t bar_read(void *opaque, uint64_t offset, unsigned int size)
{
	uint64_t region = offset / REGION_SIZE;

	if (!valid_access(offset, size) || !regions[region].read)
		return 0;
	return regions[region].read(opaque, offset % REGION_SIZE, size);
}

static void bar_write(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
	uint64_t region = offset / REGION_SIZE;

	if (valid_access(offset, size) && regions[region].write)
		regions[region].write(opaque, offset % REGION_SIZE, size, value);
}

static const struct bus_ops bar_ops = {
	.read = bar_read,
	.write = bar_write,
};

/* Kicks follow the BAR. Without an ioeventfd they come in by notify_write(). */
static void bar_mapped(struct pci_device *pci, unsigned int bar, bool mapped)
{
	struct virtio_pci *vp = container_of(pci, struct virtio_pci, pci);
	uint64_t address = pci->bars[bar].base + NOTIFY_OFFSET;
	unsigned int i;

	if (bar != REGISTER_BAR)
		return;
	for (i = 0; i < vp->vdev.nr_queues; i++)
		vm_ioeventfd(pci->vm, address + i * NOTIFY_STRIDE, NOTIFY_SIZE,
			     vp->vdev.queues[i].source.fd, false, mapped, NULL);
}

/* The access that the configuration access capability describes (4.1.4.9). */
static bool window_access(const struct virtio_pci *vp, uint32_t *offset, uint32_t *length)
{
	const uint8_t *cap = &vp->pci.config[vp->window];

	*offset = pci_get(cap, VIRTIO_PCI_CAP_OFFSET, 4);
	*length = pci_get(cap, VIRTIO_PCI_CAP_LENGTH, 4);
	return cap[VIRTIO_PCI_CAP_BAR] == REGISTER_BAR && valid_access(*offset, *length);
}

static bool touches_window(const struct virtio_pci *vp, unsigned int offset, unsigned int size)
{
	unsigned int data = vp->window + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data);

	return offset < data + 4 && offset + size > data;
}

static void window_read(struct pci_device *pci, unsigned int offset, unsigned int size)
{
	struct virtio_pci *vp = container_of(pci, struct virtio_pci, pci);
	unsigned int data = vp->window + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data);
	uint32_t from, length;

	if (touches_window(vp, offset, size) && window_access(vp, &from, &length))
		pci_put(pci->config, data, length, bar_read(vp, from, length));
}

static void window_written(struct pci_device *pci, unsigned int offset, unsigned int size)
{
	struct virtio_pci *vp = container_of(pci, struct virtio_pci, pci);
	unsigned int data = vp->window + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data);
	uint32_t to, length;

	if (touches_window(vp, offset, size) && window_access(vp, &to, &length))
		bar_write(vp, to, length, pci_get(pci->config, data, length));
}

static const struct pci_device_ops pci_ops = {
	.bar_mapped = bar_mapped,
	.config_read = window_read,
	.config_written = window_written,
};

/* All capabilities of virtio begin alike; the body that is added lacks id and link. */
static int add_capability(struct virtio_pci *vp, struct virtio_pci_cap *cap, uint8_t len)
{
	cap->cap_len = len;
	return pci_add_capability(&vp->pci, PCI_CAP_ID_VNDR, (uint8_t *)cap + PCI_CAP_FLAGS,
				  len - PCI_CAP_FLAGS);
}

static int add_structures(struct virtio_pci *vp)
{
	struct virtio_pci_cap caps[] = {
		{ .cfg_type = VIRTIO_PCI_CAP_COMMON_CFG, .offset = COMMON_OFFSET },
		{ .cfg_type = VIRTIO_PCI_CAP_ISR_CFG, .offset = ISR_OFFSET },
		{ .cfg_type = VIRTIO_PCI_CAP_DEVICE_CFG, .offset = CONFIG_OFFSET },
	};
	struct virtio_pci_notify_cap notify = {
		.cap = { .cfg_type = VIRTIO_PCI_CAP_NOTIFY_CFG, .offset = NOTIFY_OFFSET },
		.notify_off_multiplier = NOTIFY_STRIDE,
	};
	size_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(caps); i++) {
		caps[i].bar = REGISTER_BAR;
		caps[i].length = REGION_SIZE;
		ret = add_capability(vp, &caps[i], sizeof(caps[i]));
		if (ret < 0)
			return ret;
	}
	notify.cap.bar = REGISTER_BAR;
	notify.cap.length = REGION_SIZE;
	return add_capability(vp, &notify.cap, sizeof(notify));
}

static int add_window(struct virtio_pci *vp)
{
	struct virtio_pci_cfg_cap cap = { .cap = { .cfg_type = VIRTIO_PCI_CAP_PCI_CFG } };
	uint8_t *writable;
	int ret = add_capability(vp, &cap.cap, sizeof(cap));

	if (ret < 0)
		return ret;
	vp->window = ret;
	writable = &vp->pci.writable[vp->window];
	writable[VIRTIO_PCI_CAP_BAR] = 0xff;
	pci_put(writable, VIRTIO_PCI_CAP_OFFSET, 4, UINT32_MAX);
	pci_put(writable, VIRTIO_PCI_CAP_LENGTH, 4, UINT32_MAX);
	pci_put(writable, offsetof(struct virtio_pci_cfg_cap, pci_cfg_data), 4, UINT32_MAX);
	return 0;
}

static void init_function(struct virtio_pci *vp)
{
	uint16_t id = DEVICE_MODERN + vp->vdev.ops->type;
	const struct pci_identity identity = {
		.vendor = VENDOR_VIRTIO,
		.device = id,
		.subsystem_vendor = VENDOR_VIRTIO,
		.subsystem = id,
		.class = vp->vdev.ops->pci_class,
		.revision = 1,
		.intx = true,
	};

	vp->pci.name = vp->vdev.name;
	vp->pci.vm = vp->vdev.vm;
	vp->pci.ops = &pci_ops;
	pci_device_init(&vp->pci, &identity);
}

static int make_function(struct virtio_pci *vp)
{
	int ret = pci_add_bar(&vp->pci, REGISTER_BAR, REGISTER_SIZE, true, &bar_ops, vp);

	/* A vector for each queue and one for the configuration. */
	if (!ret)
		ret = pci_add_msix(&vp->pci, MSIX_BAR, vp->vdev.nr_queues + 1);
	if (!ret)
		ret = add_structures(vp);
	if (ret >= 0)
		ret = add_window(vp);
	if (!ret)
		ret = pci_device_register(&vp->pci);
	return ret;
}

/**
 * virtio_pci_init() - make a virtio device and its PCI function
 * @vp: zeroed but for name, vm, ops, device_features, config and config_size of @vp->vdev
 * @nr_queues: how many queues; with a vector for each and one for the configuration at most
 *	PCI_MSIX_MAX_VECTORS
 * @queue_size: the largest size of each
 *
 * Return: 0, or a negative errno with everything undone, after a message.
 */
int virtio_pci_init(struct virtio_pci *vp, unsigned int nr_queues, uint16_t queue_size)
{
	int ret;

	pthread_mutex_init(&vp->isr_lock, NULL);
	vp->vdev.transport = &transport;
	init_function(vp);
	ret = virtio_init(&vp->vdev, nr_queues, queue_size);
	if (!ret)
		ret = make_function(vp);
	if (ret) {
		say_error(vp->vdev.name, "cannot make the device (error %d)", -ret);
		virtio_pci_exit(vp);
	}
	return ret;
}

/**
 * virtio_pci_reset() - back to the state after power-on
 * @vp: the device; the device thread, no vCPU runs
 */
void virtio_pci_reset(struct virtio_pci *vp)
{
	virtio_reset(&vp->vdev);
	pci_device_reset(&vp->pci);
}

/**
 * virtio_pci_exit() - undo virtio_pci_init()
 * @vp: the device; the device thread, no vCPU runs
 */
void virtio_pci_exit(struct virtio_pci *vp)
{
	virtio_reset(&vp->vdev);
	pci_device_exit(&vp->pci);
	virtio_exit(&vp->vdev);
	pthread_mutex_destroy(&vp->isr_lock);
}
