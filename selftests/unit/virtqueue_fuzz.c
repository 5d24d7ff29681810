// SPDX-License-Identifier: GPL-2.0-only
/*
 * The virtqueue on guest RAM that is the fuzzer's input. The device takes, touches and gives back
 * what it gets; the sanitizers watch.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "virtio/virtqueue.h"

#define RAM 16384

/* What comes before the RAM in an input. */
struct head {
	uint16_t size;
	uint16_t desc;
	uint16_t avail;
	uint16_t used;
	uint8_t event_idx;
	uint8_t indirect;
	uint8_t rounds;
	uint8_t step;
} __attribute__((packed));

static uint8_t sum;

static void touch(struct vq_chain *chain)
{
	struct vq_cursor out = vq_out(chain), in = vq_in(chain);
	uint8_t buf[256];
	size_t len;

	do {
		len = vq_cursor_read(&out, buf, sizeof(buf));
		while (len)
			sum += buf[--len];
	} while (out.nr);
	vq_cursor_trim(&in, 1);
	memset(buf, sum, sizeof(buf));
	while (vq_cursor_write(&in, buf, sizeof(buf)) == sizeof(buf))
		;
}

static void use(struct virtqueue *vq, const struct head *head)
{
	struct vq_chain chain;
	unsigned int i;

	for (i = 0; i < head->rounds; i++) {
		if (vq_pop(vq, &chain) <= 0)
			return;
		if (chain.out_bytes + chain.in_bytes < 4 * RAM)
			touch(&chain);
		vq_push(vq, chain.head, chain.in_bytes);
		if (i % (head->step + 1U) == 0)
			sum += vq_should_interrupt(vq);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guest_mem mem = { .size = RAM, .nr_ranges = 1 };
	struct virtqueue vq;
	struct head head;
	uint8_t *ram;

	if (size < sizeof(head))
		return 0;
	memcpy(&head, data, sizeof(head));
	data += sizeof(head);
	size -= sizeof(head);
	ram = aligned_alloc(4096, RAM);
	if (!ram)
		abort();
	memset(ram, 0, RAM);
	memcpy(ram, data, size < RAM ? size : RAM);
	mem.range[0] = (struct guest_range){ .gpa = 0, .size = RAM, .hva = ram };

	vq_init(&vq, &mem, VQ_MAX_SIZE);
	/* Aligned and within what an input can fill: most inputs then get beyond vq_enable(). */
	vq.size = 1U << head.size % 9;
	vq.desc_gpa = head.desc % RAM & ~15U;
	vq.avail_gpa = head.avail % 4096 & ~1U;
	vq.used_gpa = head.used % RAM & ~3U;
	vq.event_idx = head.event_idx & 1;
	vq.indirect = head.indirect & 1;
	if (!vq_enable(&vq))
		use(&vq, &head);
	free(ram);
	return 0;
}
