// SPDX-License-Identifier: GPL-2.0-only
/*
 * The split virtqueue (virtio 1.2, 2.7), for a hostile driver. Section numbers below are those of
 * virtio 1.2.
 */
#include "virtio/virtqueue.h"

#include <errno.h>
#include <string.h>

#include "mem.h"

/* Alignment of the three parts of a ring (2.7). */
#define DESC_ALIGN  16
#define AVAIL_ALIGN 2
#define USED_ALIGN  4

/**
 * vq_init() - prepare a queue before the driver sees it
 * @vq: the queue
 * @mem: guest RAM
 * @max_size: largest number of descriptors: a power of two up to VQ_MAX_SIZE
 */
void vq_init(struct virtqueue *vq, const struct guest_mem *mem, uint16_t max_size)
{
	memset(vq, 0, sizeof(*vq));
	vq->mem = mem;
	vq->max_size = max_size;
	vq->size = max_size;
}

/**
 * vq_reset() - forget everything that the driver set
 * @vq: the queue
 */
void vq_reset(struct virtqueue *vq)
{
	vq_init(vq, vq->mem, vq->max_size);
}

/**
 * vq_break() - the driver broke a rule: stop the queue until it is reset
 * @vq: the queue
 * @why: the rule, a string constant
 *
 * Return: -EPROTO.
 */
int vq_break(struct virtqueue *vq, const char *why)
{
	if (!vq->why)
		vq->why = why;
	return -EPROTO;
}

static void *map_part(const struct virtqueue *vq, uint64_t gpa, size_t len, unsigned int align)
{
	if (gpa % align)
		return NULL;
	return guest_ptr(vq->mem, gpa, len);
}

/**
 * vq_enable() - the driver has laid the ring out: check it and begin
 * @vq: the queue; size, addresses and feature bits are set
 *
 * Return: 0, or -EPROTO (and the queue is broken) if the size is not a power of two within the
 * limit or a part of the ring is not aligned or not in RAM.
 */
int vq_enable(struct virtqueue *vq)
{
	size_t size = vq->size;

	if (!size || size > vq->max_size || size & (size - 1))
		return vq_break(vq, "bad queue size");

	/* One entry more than the ring for the event index (2.7.7, 2.7.10). */
	vq->desc = map_part(vq, vq->desc_gpa, size * sizeof(*vq->desc), DESC_ALIGN);
	vq->avail = map_part(vq, vq->avail_gpa,
			     sizeof(*vq->avail) + (size + 1) * sizeof(vq->avail->ring[0]),
			     AVAIL_ALIGN);
	vq->used = map_part(vq, vq->used_gpa,
			    sizeof(*vq->used) + size * sizeof(vq->used->ring[0]) + sizeof(uint16_t),
			    USED_ALIGN);
	if (!vq->desc || !vq->avail || !vq->used)
		return vq_break(vq, "queue address not aligned or not in RAM");
	vq->enabled = true;
	return 0;
}

static uint16_t *used_event(const struct virtqueue *vq)
{
	return (uint16_t *)&vq->avail->ring[vq->size];
}

static uint16_t *avail_event(const struct virtqueue *vq)
{
	return (uint16_t *)&vq->used->ring[vq->size];
}

/* The driver can change a descriptor at any time: exactly one load of each of its words. */
static struct vring_desc copy_desc(const struct vring_desc *desc)
{
	union {
		uint64_t word[2];
		struct vring_desc desc;
	} copy;
	const uint64_t *word = (const uint64_t *)desc;

	copy.word[0] = __atomic_load_n(&word[0], __ATOMIC_RELAXED);
	copy.word[1] = __atomic_load_n(&word[1], __ATOMIC_RELAXED);
	return copy.desc;
}

static int add_segment(struct virtqueue *vq, struct vq_chain *chain, const struct vring_desc *desc)
{
	bool in = desc->flags & VRING_DESC_F_WRITE;
	unsigned int nr = chain->nr_out + chain->nr_in;
	void *hva;

	if (!in && chain->nr_in)
		return vq_break(vq, "readable descriptor after a writable one");
	if (!desc->len)
		return 0;
	if (nr == VQ_MAX_SIZE)
		return vq_break(vq, "descriptor chain too long");
	if ((uint64_t)chain->out_bytes + chain->in_bytes + desc->len > UINT32_MAX)
		return vq_break(vq, "descriptor chain of 4 GiB or more");
	hva = guest_ptr(vq->mem, desc->addr, desc->len);
	if (!hva)
		return vq_break(vq, "buffer not in RAM");

	chain->iov[nr] = (struct iovec){ .iov_base = hva, .iov_len = desc->len };
	if (in) {
		chain->nr_in++;
		chain->in_bytes += desc->len;
	} else {
		chain->nr_out++;
		chain->out_bytes += desc->len;
	}
	return 0;
}

/* A table of descriptors: the ring's own or an indirect one. */
struct table {
	const struct vring_desc *desc;
	unsigned int nr;
	bool indirect;
};

static int enter_indirect(struct virtqueue *vq, struct table *table, const struct vring_desc *desc)
{
	if (!vq->indirect)
		return vq_break(vq, "indirect descriptor without the feature");
	if (table->indirect)
		return vq_break(vq, "indirect descriptor in an indirect table");
	if (desc->flags & VRING_DESC_F_NEXT)
		return vq_break(vq, "indirect descriptor with a next one");
	if (!desc->len || desc->len % sizeof(*desc) || desc->len / sizeof(*desc) > VQ_MAX_SIZE)
		return vq_break(vq, "bad length of an indirect table");

	table->desc = guest_ptr(vq->mem, desc->addr, desc->len);
	if (!table->desc || desc->addr % sizeof(uint64_t))
		return vq_break(vq, "indirect table not aligned or not in RAM");
	table->nr = desc->len / sizeof(*desc);
	table->indirect = true;
	return 0;
}

/* Follow a chain from @index. A chain visits a descriptor once, so a longer walk is a cycle. */
static int walk(struct virtqueue *vq, struct vq_chain *chain, unsigned int index)
{
	struct table table = { .desc = vq->desc, .nr = vq->size };
	unsigned int steps = 0;
	struct vring_desc desc;
	int ret;

	for (;;) {
		if (index >= table.nr)
			return vq_break(vq, "descriptor index out of range");
		if (steps++ == table.nr)
			return vq_break(vq, "descriptor chain has a cycle");

		desc = copy_desc(&table.desc[index]);
		if (desc.flags & VRING_DESC_F_INDIRECT) {
			ret = enter_indirect(vq, &table, &desc);
			index = 0;
			steps = 0;
		} else {
			ret = add_segment(vq, chain, &desc);
			if (!ret && !(desc.flags & VRING_DESC_F_NEXT))
				return 0;
			index = desc.next;
		}
		if (ret)
			return ret;
	}
}

/* Return: how many chains the driver has made available, as it says. */
static uint16_t available(const struct virtqueue *vq)
{
	return __atomic_load_n(&vq->avail->idx, __ATOMIC_ACQUIRE) - vq->next_avail;
}

/* Ask for a kick with the next chain, and look again: one may have come before it was asked for. */
static uint16_t rearm(struct virtqueue *vq)
{
	if (vq->event_idx)
		__atomic_store_n(avail_event(vq), vq->next_avail, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return available(vq);
}

/**
 * vq_pop() - take the next chain that the driver made available
 * @vq: the queue
 * @chain: filled
 *
 * Return: 1 with a chain; 0 if there is none (the driver will kick with the next one) or the queue
 * is not enabled; -EPROTO if the queue is, or just got, broken.
 */
int vq_pop(struct virtqueue *vq, struct vq_chain *chain)
{
	uint16_t ready;
	int ret;

	if (vq->why)
		return -EPROTO;
	if (!vq->enabled)
		return 0;
	ready = available(vq);
	if (!ready)
		ready = rearm(vq);
	if (!ready)
		return 0;
	if (ready > vq->size)
		return vq_break(vq, "available index beyond the ring");

	chain->head =
		__atomic_load_n(&vq->avail->ring[vq->next_avail % vq->size], __ATOMIC_RELAXED);
	chain->nr_out = 0;
	chain->nr_in = 0;
	chain->out_bytes = 0;
	chain->in_bytes = 0;
	ret = walk(vq, chain, chain->head);
	if (ret)
		return ret;
	vq->next_avail++;
	return 1;
}

/**
 * vq_push() - give a chain back
 * @vq: the queue, enabled
 * @head: its head
 * @written: bytes written to its writable part, from the start on
 */
void vq_push(struct virtqueue *vq, uint16_t head, uint32_t written)
{
	vring_used_elem_t *elem = &vq->used->ring[vq->next_used % vq->size];

	elem->id = head;
	elem->len = written;
	vq->next_used++;
	__atomic_store_n(&vq->used->idx, vq->next_used, __ATOMIC_RELEASE);
}

/**
 * vq_should_interrupt() - does the driver want to hear of the chains given back?
 * @vq: the queue
 *
 * Call it once after a batch of vq_push(); the answer covers all of them (2.7.7).
 *
 * Return: whether to interrupt it; false if there are none.
 */
bool vq_should_interrupt(struct virtqueue *vq)
{
	uint16_t old = vq->signalled;

	if (old == vq->next_used)
		return false;
	vq->signalled = vq->next_used;

	/* The used index must be seen before what the driver asked for is read. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!vq->event_idx)
		return !(__atomic_load_n(&vq->avail->flags, __ATOMIC_RELAXED) &
			 VRING_AVAIL_F_NO_INTERRUPT);
	return vring_need_event(__atomic_load_n(used_event(vq), __ATOMIC_RELAXED), vq->next_used,
				old);
}

/**
 * vq_out() - what the device may read of a chain
 * @chain: the chain; its iovecs change as the cursor moves
 *
 * Return: a cursor at its start.
 */
struct vq_cursor vq_out(struct vq_chain *chain)
{
	return (struct vq_cursor){ .iov = chain->iov, .nr = chain->nr_out };
}

/**
 * vq_in() - what the device may write of a chain
 * @chain: the chain; its iovecs change as the cursor moves
 *
 * Return: a cursor at its start.
 */
struct vq_cursor vq_in(struct vq_chain *chain)
{
	return (struct vq_cursor){ .iov = chain->iov + chain->nr_out, .nr = chain->nr_in };
}

enum direction {
	SKIP,
	FROM_GUEST,
	TO_GUEST,
};

static size_t move(struct vq_cursor *cursor, uint8_t *buf, size_t len, enum direction direction)
{
	size_t done = 0;

	while (cursor->nr && done < len) {
		struct iovec *iov = cursor->iov;
		size_t part = len - done < iov->iov_len ? len - done : iov->iov_len;

		if (direction == FROM_GUEST)
			memcpy(buf + done, iov->iov_base, part);
		else if (direction == TO_GUEST)
			memcpy(iov->iov_base, buf + done, part);
		done += part;
		iov->iov_base = (uint8_t *)iov->iov_base + part;
		iov->iov_len -= part;
		if (!iov->iov_len) {
			cursor->iov++;
			cursor->nr--;
		}
	}
	return done;
}

/**
 * vq_cursor_skip() - move on
 * @cursor: the position
 * @len: bytes
 *
 * Return: how many bytes there were, up to @len.
 */
size_t vq_cursor_skip(struct vq_cursor *cursor, size_t len)
{
	return move(cursor, NULL, len, SKIP);
}

/**
 * vq_cursor_read() - copy from guest memory and move on
 * @cursor: the position
 * @buf: where to
 * @len: bytes
 *
 * Return: how many bytes there were, up to @len.
 */
size_t vq_cursor_read(struct vq_cursor *cursor, void *buf, size_t len)
{
	return move(cursor, buf, len, FROM_GUEST);
}

/**
 * vq_cursor_write() - copy to guest memory and move on
 * @cursor: the position
 * @buf: where from
 * @len: bytes
 *
 * Return: how many bytes there was room for, up to @len.
 */
size_t vq_cursor_write(struct vq_cursor *cursor, const void *buf, size_t len)
{
	return move(cursor, (uint8_t *)buf, len, TO_GUEST);
}

/**
 * vq_cursor_trim() - drop bytes at the end
 * @cursor: the position
 * @len: bytes, at most what is left
 */
void vq_cursor_trim(struct vq_cursor *cursor, size_t len)
{
	while (cursor->nr && len) {
		struct iovec *last = &cursor->iov[cursor->nr - 1];
		size_t part = len < last->iov_len ? len : last->iov_len;

		last->iov_len -= part;
		len -= part;
		if (!last->iov_len)
			cursor->nr--;
	}
}
