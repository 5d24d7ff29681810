/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The split virtqueue of virtio 1.2 (section 2.7), seen from the device, for a hostile driver.
 *
 * All that the driver writes is read once and checked on the copy: ring indexes, descriptors,
 * addresses and lengths. What breaks a rule breaks the queue: vq_pop() answers a negative errno
 * from then on, @why says what was wrong, and the device asks for a reset. Nothing here sleeps,
 * allocates or logs.
 *
 * A queue has one user at a time: its owner's lock is held around every call.
 */
#ifndef TENON_VIRTQUEUE_H
#define TENON_VIRTQUEUE_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct guest_mem;

#define VQ_MAX_SIZE 256 /* descriptors in a ring, in an indirect table and in a chain */

/**
 * struct virtqueue - one split ring
 * @mem: guest RAM
 * @max_size: the largest size that the driver may choose; a power of two up to VQ_MAX_SIZE
 * @size: the size that the driver chose
 * @desc_gpa: guest-physical address of the descriptor table
 * @avail_gpa: guest-physical address of the available ring
 * @used_gpa: guest-physical address of the used ring
 * @event_idx: VIRTIO_RING_F_EVENT_IDX was negotiated
 * @indirect: VIRTIO_RING_F_INDIRECT_DESC was negotiated
 * @enabled: vq_enable() succeeded and no reset since
 * @why: why the queue is broken, NULL while it is not
 * @desc: the descriptor table, in RAM that stays mapped; so are @avail and @used
 * @avail: the available ring
 * @used: the used ring
 * @next_avail: the next entry of @avail to take
 * @next_used: the next entry of @used to fill
 * @signalled: @next_used when vq_should_interrupt() was last asked
 */
struct virtqueue {
	const struct guest_mem *mem;
	uint16_t max_size;
	uint16_t size;
	uint64_t desc_gpa;
	uint64_t avail_gpa;
	uint64_t used_gpa;
	bool event_idx;
	bool indirect;
	bool enabled;
	const char *why;
	const struct vring_desc *desc;
	const struct vring_avail *avail;
	struct vring_used *used;
	uint16_t next_avail;
	uint16_t next_used;
	uint16_t signalled;
};

/**
 * struct vq_chain - a descriptor chain, copied and checked
 * @head: index to give back with vq_push()
 * @nr_out: how many of @iov the device reads; they come first
 * @nr_in: how many of @iov the device writes
 * @out_bytes: the sum of what may be read
 * @in_bytes: the sum of what may be written
 * @iov: pieces of guest RAM; none is empty. The sum of all fits 32 bits
 */
struct vq_chain {
	uint16_t head;
	unsigned int nr_out;
	unsigned int nr_in;
	uint32_t out_bytes;
	uint32_t in_bytes;
	struct iovec iov[VQ_MAX_SIZE];
};

void vq_init(struct virtqueue *vq, const struct guest_mem *mem, uint16_t max_size);
void vq_reset(struct virtqueue *vq);
int vq_enable(struct virtqueue *vq);
int vq_break(struct virtqueue *vq, const char *why);
int vq_pop(struct virtqueue *vq, struct vq_chain *chain);
void vq_push(struct virtqueue *vq, uint16_t head, uint32_t written);
bool vq_should_interrupt(struct virtqueue *vq);

/**
 * struct vq_cursor - a position in a list of iovecs, for requests laid out in any way
 * @iov: the pieces, changed as they are consumed
 * @nr: how many are left
 */
struct vq_cursor {
	struct iovec *iov;
	unsigned int nr;
};

struct vq_cursor vq_out(struct vq_chain *chain);
struct vq_cursor vq_in(struct vq_chain *chain);
size_t vq_cursor_skip(struct vq_cursor *cursor, size_t len);
size_t vq_cursor_read(struct vq_cursor *cursor, void *buf, size_t len);
size_t vq_cursor_write(struct vq_cursor *cursor, const void *buf, size_t len);
void vq_cursor_trim(struct vq_cursor *cursor, size_t len);

#endif
