// SPDX-License-Identifier: GPL-2.0-only
/* Requests on an image, by io_uring. */
#include <errno.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "block/block.h"
#include "error.h"

/* Never written: reading it costs no memory. */
static uint8_t zeroes[1 << 20];

static void prep_read(struct io_uring_sqe *sqe, struct block *block, struct block_request *req)
{
	io_uring_prep_readv(sqe, block->fd, req->iov, req->nr_iov, req->offset);
}

static void prep_write(struct io_uring_sqe *sqe, struct block *block, struct block_request *req)
{
	io_uring_prep_writev2(sqe, block->fd, req->iov, req->nr_iov, req->offset,
			      req->durable ? RWF_DSYNC : 0);
}

static void prep_flush(struct io_uring_sqe *sqe, struct block *block, struct block_request *req)
{
	(void)req;
	io_uring_prep_fsync(sqe, block->fd, IORING_FSYNC_DATASYNC);
}

static void prep_discard(struct io_uring_sqe *sqe, struct block *block, struct block_request *req)
{
	io_uring_prep_fallocate(sqe, block->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				req->offset, req->length);
}

/* The cheapest way that has not been refused: a hole, the file system's zeroes, our own. */
static void prep_zero(struct io_uring_sqe *sqe, struct block *block, struct block_request *req)
{
	req->zeroes = (struct iovec){ .iov_base = zeroes };
	if (req->may_unmap) {
		prep_discard(sqe, block, req);
	} else if (block->can_zero) {
		io_uring_prep_fallocate(sqe, block->fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
					req->offset, req->length);
	} else {
		req->zeroes.iov_len = req->length < sizeof(zeroes) ? req->length : sizeof(zeroes);
		io_uring_prep_writev(sqe, block->fd, &req->zeroes, 1, req->offset);
	}
}

static void (*const prep[NR_BLOCK_OPS])(struct io_uring_sqe *sqe, struct block *block,
					struct block_request *req) = {
	[BLOCK_READ] = prep_read,	[BLOCK_WRITE] = prep_write, [BLOCK_FLUSH] = prep_flush,
	[BLOCK_DISCARD] = prep_discard, [BLOCK_ZERO] = prep_zero,
};

/**
 * block_queue_init() - a queue of requests
 * @queue: filled
 * @block: the image
 * @depth: at most so many requests are in flight
 *
 * Return: 0, or a negative errno after a message.
 */
int block_queue_init(struct block_queue *queue, struct block *block, unsigned int depth)
{
	int ret;

	memset(queue, 0, sizeof(*queue));
	queue->block = block;
	ret = io_uring_queue_init(depth, &queue->ring, 0);
	if (ret) {
		say_error(block->path, "needs io_uring, which this kernel refuses: %s",
			  strerror(-ret));
		return ret;
	}
	queue->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = queue->eventfd < 0 ? -errno : io_uring_register_eventfd(&queue->ring, queue->eventfd);
	if (ret) {
		say_error(block->path, "cannot set up a request queue: %s", strerror(-ret));
		block_queue_exit(queue);
	}
	return ret;
}

/**
 * block_queue_exit() - free a queue
 * @queue: the queue, drained
 */
void block_queue_exit(struct block_queue *queue)
{
	io_uring_queue_exit(&queue->ring);
	if (queue->eventfd >= 0)
		close(queue->eventfd);
}

static void finish(struct block_queue *queue, struct block_request *req, int error)
{
	queue->in_flight--;
	req->done(req, error);
}

/* Give what is left of a request to the ring, which has room for all that can be in flight. */
static void enter(struct block_queue *queue, struct block_request *req)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&queue->ring);

	if (!sqe) {
		finish(queue, req, -EBUSY);
		return;
	}
	prep[req->op](sqe, queue->block, req);
	io_uring_sqe_set_data(sqe, req);
}

/**
 * block_queue_add() - add a request; block_queue_submit() then starts it
 * @queue: the queue, with fewer requests in flight than its depth
 * @req: the request; its range lies within the image
 */
void block_queue_add(struct block_queue *queue, struct block_request *req)
{
	queue->in_flight++;
	enter(queue, req);
}

/**
 * block_queue_submit() - start what was added
 * @queue: the queue
 */
void block_queue_submit(struct block_queue *queue)
{
	int ret;

	while (io_uring_sq_ready(&queue->ring)) {
		ret = io_uring_submit(&queue->ring);
		if (ret < 0 && ret != -EINTR) {
			/* The kernel lacks resources: try again when the loop comes round. */
			eventfd_write(queue->eventfd, 1);
			return;
		}
	}
}

/* Skip what was transferred. */
static void advance(struct block_request *req, size_t len)
{
	req->offset += len;
	req->length -= len;
	while (req->op != BLOCK_ZERO && len) {
		size_t part = len < req->iov->iov_len ? len : req->iov->iov_len;

		req->iov->iov_base = (uint8_t *)req->iov->iov_base + part;
		req->iov->iov_len -= part;
		len -= part;
		if (!req->iov->iov_len) {
			req->iov++;
			req->nr_iov--;
		}
	}
}

/* Does the result count bytes? */
static bool transfers(const struct block_request *req)
{
	return req->op == BLOCK_READ || req->op == BLOCK_WRITE ||
	       (req->op == BLOCK_ZERO && req->zeroes.iov_len);
}

/* Zeroing was refused: is there another way? */
static bool zero_otherwise(struct block *block, struct block_request *req)
{
	if (req->op != BLOCK_ZERO || req->zeroes.iov_len)
		return false;
	if (req->may_unmap)
		req->may_unmap = false;
	else
		block->can_zero = false;
	return true;
}

static void complete(struct block_queue *queue, struct block_request *req, int result)
{
	if (result == -EINTR || result == -EAGAIN ||
	    (result == -EOPNOTSUPP && zero_otherwise(queue->block, req))) {
		enter(queue, req);
	} else if (result < 0 || !transfers(req)) {
		finish(queue, req, result);
	} else if (!result) {
		/* The file has become shorter than it was. */
		finish(queue, req, -EIO);
	} else {
		advance(req, result);
		if (req->length)
			enter(queue, req);
		else
			finish(queue, req, 0);
	}
}

/**
 * block_queue_reap() - finish requests that the kernel has completed
 * @queue: the queue
 */
void block_queue_reap(struct block_queue *queue)
{
	struct io_uring_cqe *cqe;
	eventfd_t count;

	eventfd_read(queue->eventfd, &count);
	while (!io_uring_peek_cqe(&queue->ring, &cqe)) {
		struct block_request *req = io_uring_cqe_get_data(cqe);
		int result = cqe->res;

		io_uring_cqe_seen(&queue->ring, cqe);
		complete(queue, req, result);
	}
	block_queue_submit(queue);
}

/**
 * block_queue_drain() - wait until nothing is in flight
 * @queue: the queue
 */
void block_queue_drain(struct block_queue *queue)
{
	static const struct timespec moment = { .tv_nsec = 1000000 };
	int ret;

	while (queue->in_flight) {
		ret = io_uring_submit_and_wait(&queue->ring, 1);
		/* Without resources nothing may be under way that could be waited for. */
		if (ret < 0 && ret != -EINTR)
			nanosleep(&moment, NULL);
		block_queue_reap(queue);
	}
}
