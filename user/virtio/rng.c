// SPDX-License-Identifier: GPL-2.0-only
/* virtio-rng (virtio 1.2, 5.4): the host's random numbers. */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "container_of.h"
#include "error.h"
#include "virtio/devices.h"
#include "virtio/virtio_pci.h"

#define CLASS_OTHER 0xff0000
#define QUEUE_SIZE  8
#define MAX_BYTES   4096 /* per request and thus, times the queue's size, per kick */

struct rng {
	struct virtio_pci vp;
	struct vq_chain chain;
};

/* Return: how many bytes of @chain were filled. */
static uint32_t fill(struct vq_chain *chain)
{
	struct vq_cursor in = vq_in(chain);
	uint8_t buf[MAX_BYTES];
	size_t len = chain->in_bytes < sizeof(buf) ? chain->in_bytes : sizeof(buf);
	ssize_t got = getrandom(buf, len, 0);

	return got > 0 ? vq_cursor_write(&in, buf, got) : 0;
}

static void rng_kick(struct virtio_device *vdev, unsigned int index)
{
	struct rng *rng = container_of(vdev, struct rng, vp.vdev);
	struct virtio_queue *queue = &vdev->queues[index];
	unsigned int budget;

	for (budget = QUEUE_SIZE; budget; budget--) {
		if (vq_pop(&queue->vq, &rng->chain) <= 0)
			break;
		vq_push(&queue->vq, rng->chain.head, fill(&rng->chain));
	}
	if (!budget)
		virtio_kick(queue);
	virtio_used(queue);
}

static const struct virtio_ops rng_virtio_ops = {
	.type = VIRTIO_ID_RNG,
	.pci_class = CLASS_OTHER,
	.kick = rng_kick,
};

static int rng_init(struct device *dev)
{
	struct rng *rng = calloc(1, sizeof(*rng));
	int ret;

	if (!rng) {
		say_error("virtio-rng", "out of memory");
		return -ENOMEM;
	}
	rng->vp.vdev.name = "virtio-rng";
	rng->vp.vdev.vm = dev->vm;
	rng->vp.vdev.ops = &rng_virtio_ops;
	ret = virtio_pci_init(&rng->vp, 1, QUEUE_SIZE);
	if (ret) {
		free(rng);
		return ret;
	}
	dev->priv = rng;
	return 0;
}

static void rng_reset(struct device *dev)
{
	struct rng *rng = dev->priv;

	virtio_pci_reset(&rng->vp);
}

static void rng_exit(struct device *dev)
{
	struct rng *rng = dev->priv;

	virtio_pci_exit(&rng->vp);
	free(rng);
}

const struct device_ops virtio_rng_device = {
	.name = "virtio-rng",
	.init = rng_init,
	.reset = rng_reset,
	.exit = rng_exit,
};
