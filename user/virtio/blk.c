// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-blk (virtio 1.2, 5.2): each virtqueue has a request queue of its own on the image. A
 * request is header, data and status byte in whatever pieces the driver chose.
 */
#include <errno.h>
#include <linux/virtio_blk.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "block/block.h"
#include "config.h"
#include "array_size.h"
#include "container_of.h"
#include "error.h"
#include "virtio/devices.h"
#include "virtio/virtio_pci.h"
#include "vm.h"

#define CLASS_STORAGE 0x018000
#define QUEUE_SIZE    VQ_MAX_SIZE
#define MAX_QUEUES    4
#define MAX_SEGMENTS  (VQ_MAX_SIZE - 2) /* a chain less header and status */

/* Limits of one DISCARD or WRITE_ZEROES: keeps each to about a second of work. */
#define MAX_DISCARD_SECTORS 0x200000
#define MAX_ZERO_SECTORS    0x10000

#define IN_PROGRESS	    (-1)

struct blk;
struct blk_queue;

/* A request; @data is the part between header and status. */
struct blk_request {
	struct block_request io;
	struct blk_queue *queue;
	struct blk_request *next_free;
	struct virtio_blk_outhdr header;
	struct vq_cursor data;
	uint32_t data_len;
	uint32_t written;
	uint8_t *status;
	struct vq_chain chain;
};

/* All under the lock of the virtio queue. */
struct blk_queue {
	struct blk *blk;
	struct virtio_queue *virtio;
	struct block_queue ring;
	struct loop_source source;
	struct blk_request *requests;
	struct blk_request *free;
	bool starved; /* there was no free request */
};

struct blk {
	struct virtio_pci vp;
	struct block image;
	struct virtio_blk_config config;
	char id[VIRTIO_BLK_ID_BYTES];
	unsigned int nr_queues;
	struct blk_queue queues[MAX_QUEUES];
};

static bool negotiated(const struct blk *blk, unsigned int feature)
{
	return virtio_has_feature(&blk->vp.vdev, feature);
}

static bool in_image(const struct blk *blk, uint64_t sector, uint64_t bytes)
{
	uint64_t size = blk->image.size;

	return sector <= size / BLOCK_SECTOR && bytes <= size - sector * BLOCK_SECTOR;
}

static int prepare_transfer(struct blk *blk, struct blk_request *req)
{
	struct block_request *io = &req->io;

	if (req->data_len % BLOCK_SECTOR || !in_image(blk, req->header.sector, req->data_len))
		return VIRTIO_BLK_S_IOERR;
	if (!req->data_len)
		return VIRTIO_BLK_S_OK;
	io->op = req->header.type == VIRTIO_BLK_T_IN ? BLOCK_READ : BLOCK_WRITE;
	/* A driver that cannot flush expects written data to last (5.2.6.2). */
	io->durable = !negotiated(blk, VIRTIO_BLK_F_FLUSH);
	io->iov = req->data.iov;
	io->nr_iov = req->data.nr;
	io->offset = req->header.sector * BLOCK_SECTOR;
	io->length = req->data_len;
	if (io->op == BLOCK_READ)
		req->written = req->data_len;
	return IN_PROGRESS;
}

static int prepare_flush(struct blk *blk, struct blk_request *req)
{
	if (!negotiated(blk, VIRTIO_BLK_F_FLUSH))
		return VIRTIO_BLK_S_UNSUPP;
	req->io.op = BLOCK_FLUSH;
	return IN_PROGRESS;
}

static int prepare_id(struct blk *blk, struct blk_request *req)
{
	req->written = vq_cursor_write(&req->data, blk->id, sizeof(blk->id));
	return VIRTIO_BLK_S_OK;
}

/* DISCARD and WRITE_ZEROES: one range, the most that the configuration allows. */
static int prepare_range(struct blk *blk, struct blk_request *req, enum block_op op,
			 uint32_t max_sectors, uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes range;
	uint64_t bytes;

	if (req->data_len != sizeof(range))
		return VIRTIO_BLK_S_IOERR;
	vq_cursor_read(&req->data, &range, sizeof(range));
	bytes = (uint64_t)range.num_sectors * BLOCK_SECTOR;
	if (range.flags & ~flags)
		return VIRTIO_BLK_S_UNSUPP;
	if (range.num_sectors > max_sectors || !in_image(blk, range.sector, bytes))
		return VIRTIO_BLK_S_IOERR;
	if (!bytes)
		return VIRTIO_BLK_S_OK;
	req->io.op = op;
	req->io.may_unmap = blk->image.can_discard &&
			    range.flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
	req->io.offset = range.sector * BLOCK_SECTOR;
	req->io.length = bytes;
	return IN_PROGRESS;
}

static int prepare_discard(struct blk *blk, struct blk_request *req)
{
	if (!negotiated(blk, VIRTIO_BLK_F_DISCARD))
		return VIRTIO_BLK_S_UNSUPP;
	return prepare_range(blk, req, BLOCK_DISCARD, MAX_DISCARD_SECTORS, 0);
}

static int prepare_zeroes(struct blk *blk, struct blk_request *req)
{
	if (!negotiated(blk, VIRTIO_BLK_F_WRITE_ZEROES))
		return VIRTIO_BLK_S_UNSUPP;
	return prepare_range(blk, req, BLOCK_ZERO, MAX_ZERO_SECTORS,
			     VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
}

/* @to_guest: data goes to the driver. @prepare: a status at once, or IN_PROGRESS. */
struct request_type {
	bool to_guest;
	bool writes;
	int (*prepare)(struct blk *blk, struct blk_request *req);
};

static const struct request_type types[] = {
	[VIRTIO_BLK_T_IN] = { .to_guest = true, .prepare = prepare_transfer },
	[VIRTIO_BLK_T_OUT] = { .writes = true, .prepare = prepare_transfer },
	[VIRTIO_BLK_T_FLUSH] = { .prepare = prepare_flush },
	[VIRTIO_BLK_T_GET_ID] = { .to_guest = true, .prepare = prepare_id },
	[VIRTIO_BLK_T_DISCARD] = { .writes = true, .prepare = prepare_discard },
	[VIRTIO_BLK_T_WRITE_ZEROES] = { .writes = true, .prepare = prepare_zeroes },
};

static int prepare(struct blk *blk, struct blk_request *req)
{
	const struct request_type *type = &types[VIRTIO_BLK_T_IN];

	if (req->header.type >= ARRAY_SIZE(types) || !types[req->header.type].prepare)
		return VIRTIO_BLK_S_UNSUPP;
	type = &types[req->header.type];
	if (type->writes && blk->image.readonly)
		return VIRTIO_BLK_S_IOERR;
	if (type->to_guest) {
		req->data = vq_in(&req->chain);
		vq_cursor_trim(&req->data, sizeof(*req->status));
		req->data_len = req->chain.in_bytes - sizeof(*req->status);
	} else {
		req->data_len = req->chain.out_bytes - sizeof(req->header);
	}
	return type->prepare(blk, req);
}

static void finish(struct blk_request *req, uint8_t status)
{
	struct blk_queue *queue = req->queue;

	*req->status = status;
	vq_push(&queue->virtio->vq, req->chain.head, req->written + sizeof(*req->status));
	req->next_free = queue->free;
	queue->free = req;
}

static void io_done(struct block_request *io, int error)
{
	struct blk_request *req = container_of(io, struct blk_request, io);

	if (error)
		req->written = 0;
	if (!error)
		finish(req, VIRTIO_BLK_S_OK);
	else
		finish(req, error == -EOPNOTSUPP ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_IOERR);
}

/* Take the chain apart. Return: false if there is no header or no place for the status. */
static bool parse(struct blk_request *req)
{
	struct vq_chain *chain = &req->chain;
	const struct iovec *last;

	if (chain->out_bytes < sizeof(req->header) || !chain->in_bytes)
		return false;
	req->data = vq_out(chain);
	vq_cursor_read(&req->data, &req->header, sizeof(req->header));
	last = &chain->iov[chain->nr_out + chain->nr_in - 1];
	req->status = (uint8_t *)last->iov_base + last->iov_len - 1;
	req->written = 0;
	memset(&req->io, 0, sizeof(req->io));
	req->io.done = io_done;
	return true;
}

/* Take one request off the virtqueue. Return: false if there was none. */
static bool take(struct blk_queue *queue)
{
	struct virtqueue *vq = &queue->virtio->vq;
	struct blk_request *req = queue->free;
	int status;

	if (vq_pop(vq, &req->chain) <= 0)
		return false;
	if (!parse(req)) {
		vq_break(vq, "disk request without header or status");
		return false;
	}
	queue->free = req->next_free;
	status = prepare(queue->blk, req);
	if (status == IN_PROGRESS)
		block_queue_add(&queue->ring, &req->io);
	else
		finish(req, status);
	return true;
}

static void blk_kick(struct virtio_device *vdev, unsigned int index)
{
	struct blk_queue *queue = &container_of(vdev, struct blk, vp.vdev)->queues[index];
	unsigned int budget = QUEUE_SIZE;

	while (queue->free && budget && take(queue))
		budget--;
	if (!budget)
		virtio_kick(queue->virtio);
	queue->starved = !queue->free;
	block_queue_submit(&queue->ring);
	virtio_used(queue->virtio);
}

/* On the device thread: the kernel has completed requests. */
static void ring_ready(struct loop_source *source, uint32_t events)
{
	struct blk_queue *queue = container_of(source, struct blk_queue, source);

	(void)events;
	pthread_mutex_lock(&queue->virtio->lock);
	block_queue_reap(&queue->ring);
	virtio_used(queue->virtio);
	if (queue->starved && queue->free)
		virtio_kick(queue->virtio);
	pthread_mutex_unlock(&queue->virtio->lock);
}

static void blk_stop(struct virtio_device *vdev, unsigned int index)
{
	struct blk_queue *queue = &container_of(vdev, struct blk, vp.vdev)->queues[index];

	block_queue_drain(&queue->ring);
	queue->starved = false;
}

static const struct virtio_ops blk_virtio_ops = {
	.type = VIRTIO_ID_BLOCK,
	.pci_class = CLASS_STORAGE,
	.kick = blk_kick,
	.stop = blk_stop,
};

/* Read-only sectors, heads and cylinders for software that still asks. */
static void set_geometry(struct virtio_blk_config *config)
{
	uint64_t cylinders = config->capacity / (16 * 63);

	config->geometry.heads = 16;
	config->geometry.sectors = 63;
	config->geometry.cylinders = cylinders > UINT16_MAX ? UINT16_MAX : cylinders;
}

static void set_topology(struct virtio_blk_config *config, const struct block *image)
{
	config->blk_size = image->logical;
	while (image->logical << config->physical_block_exp < image->physical)
		config->physical_block_exp++;
	config->min_io_size = 1U << config->physical_block_exp;
}

static void set_config(struct blk *blk)
{
	struct virtio_blk_config *config = &blk->config;
	uint32_t alignment = blk->image.physical / BLOCK_SECTOR;
	uint64_t features =
		VIRTIO_FEATURE(VIRTIO_BLK_F_SEG_MAX) | VIRTIO_FEATURE(VIRTIO_BLK_F_GEOMETRY) |
		VIRTIO_FEATURE(VIRTIO_BLK_F_BLK_SIZE) | VIRTIO_FEATURE(VIRTIO_BLK_F_TOPOLOGY) |
		VIRTIO_FEATURE(VIRTIO_BLK_F_FLUSH) | VIRTIO_FEATURE(VIRTIO_BLK_F_MQ);

	config->capacity = blk->image.size / BLOCK_SECTOR;
	config->seg_max = MAX_SEGMENTS;
	config->num_queues = blk->nr_queues;
	set_geometry(config);
	set_topology(config, &blk->image);
	if (blk->image.readonly) {
		features |= VIRTIO_FEATURE(VIRTIO_BLK_F_RO);
	} else {
		features |= VIRTIO_FEATURE(VIRTIO_BLK_F_WRITE_ZEROES);
		config->max_write_zeroes_sectors = MAX_ZERO_SECTORS;
		config->max_write_zeroes_seg = 1;
		config->write_zeroes_may_unmap = blk->image.can_discard;
	}
	if (blk->image.can_discard) {
		features |= VIRTIO_FEATURE(VIRTIO_BLK_F_DISCARD);
		config->max_discard_sectors = MAX_DISCARD_SECTORS;
		config->max_discard_seg = 1;
		config->discard_sector_alignment = alignment ? alignment : 1;
	}
	blk->vp.vdev.device_features = features;
	blk->vp.vdev.config = config;
	blk->vp.vdev.config_size = sizeof(*config);
}

static int queue_init(struct blk *blk, struct blk_queue *queue)
{
	unsigned int i;
	int ret = block_queue_init(&queue->ring, &blk->image, QUEUE_SIZE);

	if (ret)
		return ret;
	queue->blk = blk;
	queue->source.fd = queue->ring.eventfd;
	queue->source.ready = ring_ready;
	queue->requests = calloc(QUEUE_SIZE, sizeof(*queue->requests));
	if (!queue->requests) {
		say_error(blk->image.path, "out of memory");
		block_queue_exit(&queue->ring);
		return -ENOMEM;
	}
	for (i = 0; i < QUEUE_SIZE; i++) {
		queue->requests[i].queue = queue;
		queue->requests[i].next_free = queue->free;
		queue->free = &queue->requests[i];
	}
	return 0;
}

static int queues_init(struct blk *blk, unsigned int nr)
{
	int ret = 0;

	for (; blk->nr_queues < nr; blk->nr_queues++) {
		ret = queue_init(blk, &blk->queues[blk->nr_queues]);
		if (ret)
			return ret;
	}
	return 0;
}

/* Undo blk_init() but for the virtio part. */
static void release(struct blk *blk)
{
	while (blk->nr_queues) {
		struct blk_queue *queue = &blk->queues[--blk->nr_queues];

		block_queue_exit(&queue->ring);
		free(queue->requests);
	}
	if (blk->image.fd >= 0)
		block_close(&blk->image);
	free(blk);
}

/* Couple request queues with virtqueues and with the loop. */
static int connect_queues(struct blk *blk)
{
	unsigned int i;
	int ret;

	for (i = 0; i < blk->nr_queues; i++) {
		blk->queues[i].virtio = &blk->vp.vdev.queues[i];
		ret = loop_add(blk->vp.vdev.vm->loop, &blk->queues[i].source, EPOLLIN);
		if (ret) {
			say_error(blk->image.path, "cannot watch its requests: %s", strerror(-ret));
			return ret;
		}
	}
	return 0;
}

static void blk_exit(struct device *dev)
{
	struct blk *blk = dev->priv;
	unsigned int i;

	virtio_pci_exit(&blk->vp);
	for (i = 0; i < blk->nr_queues; i++)
		loop_remove(dev->vm->loop, &blk->queues[i].source);
	release(blk);
}

static void name_disk(struct blk *blk, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	memcpy(blk->id, name, strnlen(name, sizeof(blk->id)));
}

static int blk_init(struct device *dev)
{
	const struct disk_config *disk = dev->config;
	unsigned int nr = dev->vm->nr_cpus < MAX_QUEUES ? dev->vm->nr_cpus : MAX_QUEUES;
	struct blk *blk = calloc(1, sizeof(*blk));
	int ret;

	if (!blk) {
		say_error(disk->path, "out of memory");
		return -ENOMEM;
	}
	ret = block_open(&blk->image, disk->path, disk->readonly);
	if (!ret)
		ret = queues_init(blk, nr);
	if (ret) {
		release(blk);
		return ret;
	}
	name_disk(blk, disk->path);
	set_config(blk);
	blk->vp.vdev.name = disk->path;
	blk->vp.vdev.vm = dev->vm;
	blk->vp.vdev.ops = &blk_virtio_ops;
	ret = virtio_pci_init(&blk->vp, nr, QUEUE_SIZE);
	if (ret) {
		release(blk);
		return ret;
	}
	dev->priv = blk;
	ret = connect_queues(blk);
	if (ret)
		blk_exit(dev);
	return ret;
}

static void blk_reset(struct device *dev)
{
	struct blk *blk = dev->priv;

	virtio_pci_reset(&blk->vp);
}

const struct device_ops virtio_blk_device = {
	.name = "virtio-blk",
	.init = blk_init,
	.reset = blk_reset,
	.exit = blk_exit,
};
