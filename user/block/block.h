/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Disk images: a flat range of bytes, and queues of asynchronous requests on it.
 *
 * A request reads, writes, flushes, discards or zeroes a range. How an image keeps its bytes is
 * known only here: the devices above see offsets and lengths.
 */
#ifndef TENON_BLOCK_H
#define TENON_BLOCK_H

#include <liburing.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#define BLOCK_SECTOR 512

/**
 * struct block - an open image
 * @path: as the user gave it
 * @fd: the file, locked against a second writer
 * @size: bytes, a multiple of BLOCK_SECTOR
 * @readonly: writes are refused
 * @can_discard: ranges can be given back to the file system
 * @can_zero: the file system zeroes ranges itself; cleared when it turns out that it does not
 * @logical: bytes of the smallest write
 * @physical: bytes of the smallest write that needs no read before
 */
struct block {
	const char *path;
	int fd;
	uint64_t size;
	bool readonly;
	bool can_discard;
	atomic_bool can_zero;
	uint32_t logical;
	uint32_t physical;
};

enum block_op {
	BLOCK_READ,
	BLOCK_WRITE,
	BLOCK_FLUSH,
	BLOCK_DISCARD,
	BLOCK_ZERO,
	NR_BLOCK_OPS,
};

/**
 * struct block_request - one request; the caller's, the queue's while in flight
 * @op: what to do
 * @durable: BLOCK_WRITE: done only when the bytes are on the medium
 * @may_unmap: BLOCK_ZERO: the range may be given back
 * @iov: BLOCK_READ, BLOCK_WRITE: memory; changed on the way
 * @nr_iov: pieces in @iov
 * @offset: first byte in the image; changed on the way
 * @length: bytes; for BLOCK_READ and BLOCK_WRITE the sum of @iov; changed on the way
 * @done: called in block_queue_reap() or block_queue_drain() with 0 or a negative errno
 * @zeroes: where the queue writes zeroes itself
 */
struct block_request {
	enum block_op op;
	bool durable;
	bool may_unmap;
	struct iovec *iov;
	unsigned int nr_iov;
	uint64_t offset;
	uint64_t length;
	void (*done)(struct block_request *req, int error);
	struct iovec zeroes;
};

/**
 * struct block_queue - an io_uring on an image; one user at a time
 * @block: the image
 * @ring: the io_uring
 * @eventfd: readable when block_queue_reap() has something to do
 * @in_flight: requests that were added and are not done
 */
struct block_queue {
	struct block *block;
	struct io_uring ring;
	int eventfd;
	unsigned int in_flight;
};

int block_open(struct block *block, const char *path, bool readonly);
void block_close(struct block *block);

int block_queue_init(struct block_queue *queue, struct block *block, unsigned int depth);
void block_queue_exit(struct block_queue *queue);
void block_queue_add(struct block_queue *queue, struct block_request *req);
void block_queue_submit(struct block_queue *queue);
void block_queue_reap(struct block_queue *queue);
void block_queue_drain(struct block_queue *queue);

#endif
