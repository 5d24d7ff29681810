/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtio 1.2 device without its transport: features, status, queues, configuration.
 *
 * Locks, outermost first: @lock of the device orders register access from vCPU threads (status,
 * features, queue set-up, reset) and is not taken by the device thread; @lock of a queue orders the
 * use of its ring and of the model's state for that queue. Interrupts are raised with either held.
 *
 * x86 and virtio 1.2 are both little-endian: fields are used as they lie.
 */
#ifndef TENON_VIRTIO_H
#define TENON_VIRTIO_H

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "loop.h"
#include "virtio/virtqueue.h"

struct virtio_device;
struct vm;

#define VIRTIO_FEATURE(bit) (1ULL << (bit))

#define VIRTIO_NO_VECTOR    0xffff

/**
 * struct virtio_ops - a device model
 * @type: virtio device id (VIRTIO_ID_*)
 * @pci_class: class code of the PCI function
 * @kick: the driver made buffers available in queue @index, or there may be some left: take them.
 *        On the device thread, queue lock held, queue enabled and not broken. Bounded work: a model
 *        that has more to do calls virtio_kick()
 * @stop: finish or drop what is in flight in queue @index: after it the ring is not touched.
 *        Queue lock held; optional
 */
struct virtio_ops {
	uint16_t type;
	uint32_t pci_class;
	void (*kick)(struct virtio_device *vdev, unsigned int index);
	void (*stop)(struct virtio_device *vdev, unsigned int index);
};

/**
 * struct virtio_transport_ops - how the device reaches its driver
 * @interrupt: queue @index has used buffers
 * @config_interrupt: the configuration or the status changed
 * @reset: forget interrupt vectors and status
 */
struct virtio_transport_ops {
	void (*interrupt)(struct virtio_device *vdev, unsigned int index);
	void (*config_interrupt)(struct virtio_device *vdev);
	void (*reset)(struct virtio_device *vdev);
};

/**
 * struct virtio_queue - a virtqueue with its place in the device
 * @vdev: the device
 * @index: its number there
 * @lock: held around each use of @vq
 * @vq: the ring
 * @source: the eventfd that carries kicks, on the device loop
 * @vector: MSI-X vector, or VIRTIO_NO_VECTOR
 */
struct virtio_queue {
	struct virtio_device *vdev;
	unsigned int index;
	pthread_mutex_t lock;
	struct virtqueue vq;
	struct loop_source source;
	atomic_ushort vector;
};

/**
 * struct virtio_device - embedded in the model
 * @name: for messages
 * @vm: the machine
 * @ops: the model
 * @transport: set by the transport
 * @device_features: what is offered
 * @driver_features: what the driver accepted
 * @config: device configuration as the driver reads it
 * @config_size: its bytes
 * @queues: the queues
 * @nr_queues: how many
 * @lock: see above
 * @status: device status bits
 * @config_vector: MSI-X vector of configuration changes
 * @complained: the driver's fault was logged; once for the life of the device
 */
struct virtio_device {
	const char *name;
	struct vm *vm;
	const struct virtio_ops *ops;
	const struct virtio_transport_ops *transport;
	uint64_t device_features;
	uint64_t driver_features;
	void *config;
	unsigned int config_size;
	struct virtio_queue *queues;
	unsigned int nr_queues;
	pthread_mutex_t lock;
	atomic_uchar status;
	atomic_ushort config_vector;
	atomic_bool complained;
};

int virtio_init(struct virtio_device *vdev, unsigned int nr_queues, uint16_t queue_size);
void virtio_exit(struct virtio_device *vdev);
void virtio_reset(struct virtio_device *vdev);
void virtio_set_status(struct virtio_device *vdev, uint8_t status);
void virtio_set_features(struct virtio_device *vdev, unsigned int word, uint32_t value);
void virtio_enable_queue(struct virtio_device *vdev, unsigned int index);
uint32_t virtio_read_config(struct virtio_device *vdev, unsigned int offset, unsigned int size);
bool virtio_usable(const struct virtio_queue *queue);
void virtio_kick(struct virtio_queue *queue);
void virtio_used(struct virtio_queue *queue);
void virtio_fail(struct virtio_device *vdev, const char *why);

/**
 * virtio_has_feature() - is a feature negotiated?
 * @vdev: the device
 * @bit: feature bit number
 *
 * Return: whether the driver accepted it.
 */
static inline bool virtio_has_feature(const struct virtio_device *vdev, unsigned int bit)
{
	return vdev->driver_features & VIRTIO_FEATURE(bit);
}

#endif
