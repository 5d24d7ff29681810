// SPDX-License-Identifier: GPL-2.0-only
/*
 * What all virtio devices share: the status machine, features, queues and their kicks (virtio 1.2,
 * chapters 2 and 3).
 */
#include "virtio/virtio.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "container_of.h"
#include "error.h"
#include "vm.h"

#define COMMON_FEATURES                                                                     \
	(VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VIRTIO_RING_F_INDIRECT_DESC) | \
	 VIRTIO_FEATURE(VIRTIO_RING_F_EVENT_IDX))

/**
 * virtio_usable() - may the model take buffers from a queue?
 * @queue: the queue, its lock held
 *
 * Return: whether the driver is ready, and nothing is broken.
 */
bool virtio_usable(const struct virtio_queue *queue)
{
	uint8_t status = queue->vdev->status;

	return queue->vq.enabled && !queue->vq.why && status & VIRTIO_CONFIG_S_DRIVER_OK &&
	       !(status & VIRTIO_CONFIG_S_NEEDS_RESET);
}

/* On the device thread: the driver (or a model with work left over) kicked the queue. */
static void queue_ready(struct loop_source *source, uint32_t events)
{
	struct virtio_queue *queue = container_of(source, struct virtio_queue, source);
	struct virtio_device *vdev = queue->vdev;
	eventfd_t count;

	(void)events;
	eventfd_read(source->fd, &count);
	pthread_mutex_lock(&queue->lock);
	if (virtio_usable(queue)) {
		vdev->ops->kick(vdev, queue->index);
		if (queue->vq.why)
			virtio_fail(vdev, queue->vq.why);
	}
	pthread_mutex_unlock(&queue->lock);
}

static int queue_init(struct virtio_device *vdev, unsigned int index, uint16_t size)
{
	struct virtio_queue *queue = &vdev->queues[index];
	int ret;

	queue->vdev = vdev;
	queue->index = index;
	queue->vector = VIRTIO_NO_VECTOR;
	queue->source.ready = queue_ready;
	pthread_mutex_init(&queue->lock, NULL);
	vq_init(&queue->vq, vdev->vm->mem, size);

	queue->source.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (queue->source.fd < 0)
		return -errno;
	ret = loop_add(vdev->vm->loop, &queue->source, EPOLLIN);
	if (ret) {
		close(queue->source.fd);
		queue->source.fd = -1;
	}
	return ret;
}

/**
 * virtio_init() - make a device's queues
 * @vdev: name, vm, ops, device_features, config and config_size are set, the rest is zero
 * @nr_queues: how many queues
 * @queue_size: the largest size of each: a power of two up to VQ_MAX_SIZE
 *
 * Return: 0 or a negative errno.
 */
int virtio_init(struct virtio_device *vdev, unsigned int nr_queues, uint16_t queue_size)
{
	int ret;

	pthread_mutex_init(&vdev->lock, NULL);
	vdev->device_features |= COMMON_FEATURES;
	vdev->config_vector = VIRTIO_NO_VECTOR;
	vdev->queues = calloc(nr_queues, sizeof(*vdev->queues));
	if (!vdev->queues)
		return -ENOMEM;
	for (; vdev->nr_queues < nr_queues; vdev->nr_queues++) {
		ret = queue_init(vdev, vdev->nr_queues, queue_size);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * virtio_exit() - undo virtio_init(), also one that failed
 * @vdev: the device, reset; the device thread, no vCPU runs
 */
void virtio_exit(struct virtio_device *vdev)
{
	while (vdev->nr_queues) {
		struct virtio_queue *queue = &vdev->queues[--vdev->nr_queues];

		loop_remove(vdev->vm->loop, &queue->source);
		close(queue->source.fd);
		pthread_mutex_destroy(&queue->lock);
	}
	free(vdev->queues);
	vdev->queues = NULL;
	pthread_mutex_destroy(&vdev->lock);
}

static void reset_queue(struct virtio_device *vdev, struct virtio_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	if (vdev->ops->stop)
		vdev->ops->stop(vdev, queue->index);
	vq_reset(&queue->vq);
	queue->vector = VIRTIO_NO_VECTOR;
	pthread_mutex_unlock(&queue->lock);
}

/**
 * virtio_reset() - what writing 0 to the status does (2.4): on return no buffer is touched any more
 * @vdev: the device, its lock held or no vCPU running
 */
void virtio_reset(struct virtio_device *vdev)
{
	unsigned int index;

	for (index = 0; index < vdev->nr_queues; index++)
		reset_queue(vdev, &vdev->queues[index]);
	vdev->driver_features = 0;
	vdev->config_vector = VIRTIO_NO_VECTOR;
	vdev->transport->reset(vdev);
	/* Last: a failure noticed meanwhile belongs to the driver that left. */
	vdev->status = 0;
}

static bool features_acceptable(const struct virtio_device *vdev)
{
	return !(vdev->driver_features & ~vdev->device_features) &&
	       virtio_has_feature(vdev, VIRTIO_F_VERSION_1);
}

/**
 * virtio_set_features() - the driver accepts features, 32 at a time
 * @vdev: the device, its lock held
 * @word: which 32
 * @value: those it accepts
 *
 * Once FEATURES_OK is set they cannot change (3.1.1).
 */
void virtio_set_features(struct virtio_device *vdev, unsigned int word, uint32_t value)
{
	unsigned int shift = 32 * word;

	if (word > 1 || vdev->status & VIRTIO_CONFIG_S_FEATURES_OK)
		return;
	vdev->driver_features &= ~(0xffffffffULL << shift);
	vdev->driver_features |= (uint64_t)value << shift;
}

/* Buffers that were made available before DRIVER_OK came without a kick. */
static void kick_all(struct virtio_device *vdev)
{
	unsigned int index;

	for (index = 0; index < vdev->nr_queues; index++)
		virtio_kick(&vdev->queues[index]);
}

/**
 * virtio_set_status() - the driver writes the device status (2.1, 3.1)
 * @vdev: the device, its lock held
 * @status: 0 for a reset; else bits to add: a driver cannot take one back
 */
void virtio_set_status(struct virtio_device *vdev, uint8_t status)
{
	uint8_t added = status & ~vdev->status & ~VIRTIO_CONFIG_S_NEEDS_RESET;

	if (!status) {
		virtio_reset(vdev);
		return;
	}
	if (added & VIRTIO_CONFIG_S_FEATURES_OK && !features_acceptable(vdev))
		added &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	if (added & VIRTIO_CONFIG_S_DRIVER_OK &&
	    !((vdev->status | added) & VIRTIO_CONFIG_S_FEATURES_OK))
		added &= ~VIRTIO_CONFIG_S_DRIVER_OK;
	atomic_fetch_or(&vdev->status, added);
	if (added & VIRTIO_CONFIG_S_DRIVER_OK)
		kick_all(vdev);
}

/**
 * virtio_enable_queue() - the driver has set a queue up
 * @vdev: the device, its lock held
 * @index: the queue
 *
 * A queue that cannot work makes the device ask for a reset.
 */
void virtio_enable_queue(struct virtio_device *vdev, unsigned int index)
{
	struct virtio_queue *queue = &vdev->queues[index];
	struct virtqueue *vq = &queue->vq;
	int ret = 0;

	pthread_mutex_lock(&queue->lock);
	if (!vq->enabled) {
		vq->event_idx = virtio_has_feature(vdev, VIRTIO_RING_F_EVENT_IDX);
		vq->indirect = virtio_has_feature(vdev, VIRTIO_RING_F_INDIRECT_DESC);
		ret = vdev->status & VIRTIO_CONFIG_S_FEATURES_OK ?
			      vq_enable(vq) :
			      vq_break(vq, "queue enabled before the features are settled");
	}
	pthread_mutex_unlock(&queue->lock);
	if (ret)
		virtio_fail(vdev, vq->why);
}

/**
 * virtio_read_config() - the driver reads device configuration
 * @vdev: the device
 * @offset: first byte
 * @size: 1 to 4 bytes
 *
 * Return: the value; bytes beyond the configuration are 0.
 */
uint32_t virtio_read_config(struct virtio_device *vdev, unsigned int offset, unsigned int size)
{
	uint32_t value = 0;

	if (offset < vdev->config_size) {
		if (size > vdev->config_size - offset)
			size = vdev->config_size - offset;
		memcpy(&value, (const uint8_t *)vdev->config + offset, size);
	}
	return value;
}

/**
 * virtio_kick() - make the device thread look at a queue
 * @queue: the queue
 *
 * Any thread.
 */
void virtio_kick(struct virtio_queue *queue)
{
	eventfd_write(queue->source.fd, 1);
}

/**
 * virtio_used() - buffers were given back: interrupt the driver if it wants it
 * @queue: the queue, its lock held
 */
void virtio_used(struct virtio_queue *queue)
{
	if (vq_should_interrupt(&queue->vq))
		queue->vdev->transport->interrupt(queue->vdev, queue->index);
}

/**
 * virtio_fail() - the driver broke the rules: ask for a reset (2.1.2)
 * @vdev: the device
 * @why: what was wrong
 *
 * Any thread. Only the first fault in the life of a device is logged.
 */
void virtio_fail(struct virtio_device *vdev, const char *why)
{
	uint8_t old = atomic_fetch_or(&vdev->status, VIRTIO_CONFIG_S_NEEDS_RESET);

	if (!atomic_exchange(&vdev->complained, true))
		say_error(vdev->name, "stopped, the guest's driver is at fault: %s", why);
	if (old & VIRTIO_CONFIG_S_DRIVER_OK && !(old & VIRTIO_CONFIG_S_NEEDS_RESET))
		vdev->transport->config_interrupt(vdev);
}
