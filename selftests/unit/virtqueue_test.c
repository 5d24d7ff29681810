// SPDX-License-Identifier: GPL-2.0-only
/*
 * The virtqueue against a well-behaved driver and against every way of breaking the rules that
 * security row 21 names.
 *
 * Sources: user/virtio/virtqueue.c user/mem.c
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "mem.h"
#include "virtio/virtqueue.h"

#define RAM	     0x100000U
#define SIZE	     8
#define DESC_GPA     0x1000
#define AVAIL_GPA    0x2000
#define USED_GPA     0x3000
#define INDIRECT_GPA 0x4000
#define DATA_GPA     0x10000
#define WRITE	     VRING_DESC_F_WRITE
#define NEXT	     VRING_DESC_F_NEXT
#define INDIRECT     VRING_DESC_F_INDIRECT

static struct guest_mem mem;
static struct virtqueue vq;
static struct vq_chain chain;
static struct vring_desc *desc;
static struct vring_desc *indirect;
static struct vring_avail *avail;
static struct vring_used *used;

static void setup(void)
{
	uint8_t *ram = aligned_alloc(4096, RAM);

	ck_assert_ptr_nonnull(ram);
	memset(ram, 0, RAM);
	mem = (struct guest_mem){ .size = RAM, .nr_ranges = 1 };
	mem.range[0] = (struct guest_range){ .size = RAM, .hva = ram };
	desc = guest_ptr(&mem, DESC_GPA, 1);
	indirect = guest_ptr(&mem, INDIRECT_GPA, 1);
	avail = guest_ptr(&mem, AVAIL_GPA, 1);
	used = guest_ptr(&mem, USED_GPA, 1);
	vq_init(&vq, &mem, VQ_MAX_SIZE);
	vq.size = SIZE;
	vq.desc_gpa = DESC_GPA;
	vq.avail_gpa = AVAIL_GPA;
	vq.used_gpa = USED_GPA;
	vq.indirect = true;
	ck_assert_int_eq(vq_enable(&vq), 0);
}

static void teardown(void)
{
	free(mem.range[0].hva);
}

static void set(struct vring_desc *d, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
	*d = (struct vring_desc){ .addr = addr, .len = len, .flags = flags, .next = next };
}

static void add(uint16_t head)
{
	avail->ring[avail->idx % SIZE] = head;
	avail->idx++;
}

static void expect_broken(const char *why)
{
	ck_assert_int_eq(vq_pop(&vq, &chain), -EPROTO);
	ck_assert_str_eq(vq.why, why);
	/* And it stays so, whatever comes next. */
	set(&desc[0], DATA_GPA, 16, 0, 0);
	add(0);
	ck_assert_int_eq(vq_pop(&vq, &chain), -EPROTO);
	ck_assert_int_eq(used->idx, 0);
}

START_TEST(pops_a_chain)
{
	set(&desc[3], DATA_GPA, 16, NEXT, 1);
	set(&desc[1], DATA_GPA + 0x100, 32, NEXT | WRITE, 7);
	set(&desc[7], DATA_GPA + 0x200, 1, WRITE, 0);
	ck_assert_int_eq(vq_pop(&vq, &chain), 0);
	add(3);
	ck_assert_int_eq(vq_pop(&vq, &chain), 1);
	ck_assert_int_eq(chain.head, 3);
	ck_assert_int_eq(chain.nr_out, 1);
	ck_assert_int_eq(chain.nr_in, 2);
	ck_assert_int_eq(chain.out_bytes, 16);
	ck_assert_int_eq(chain.in_bytes, 33);
	ck_assert_ptr_eq(chain.iov[0].iov_base, guest_ptr(&mem, DATA_GPA, 1));
	ck_assert_ptr_eq(chain.iov[2].iov_base, guest_ptr(&mem, DATA_GPA + 0x200, 1));
	ck_assert_int_eq(chain.iov[1].iov_len, 32);
	ck_assert_int_eq(vq_pop(&vq, &chain), 0);
	vq_push(&vq, 3, 33);
	ck_assert_int_eq(used->idx, 1);
	ck_assert_int_eq(used->ring[0].id, 3);
	ck_assert_int_eq(used->ring[0].len, 33);
}
END_TEST

START_TEST(follows_indirect_table)
{
	set(&desc[0], DATA_GPA, 8, NEXT, 1);
	set(&desc[1], INDIRECT_GPA, 3 * sizeof(*desc), INDIRECT | WRITE, 0);
	set(&indirect[0], DATA_GPA + 8, 8, NEXT, 2);
	set(&indirect[2], DATA_GPA + 16, 8, NEXT | WRITE, 1);
	set(&indirect[1], DATA_GPA + 24, 8, WRITE, 0);
	add(0);
	ck_assert_int_eq(vq_pop(&vq, &chain), 1);
	ck_assert_int_eq(chain.nr_out, 2);
	ck_assert_int_eq(chain.nr_in, 2);
	ck_assert_ptr_eq(chain.iov[3].iov_base, guest_ptr(&mem, DATA_GPA + 24, 1));
}
END_TEST

START_TEST(takes_the_longest_chain)
{
	unsigned int i;

	set(&desc[0], INDIRECT_GPA, VQ_MAX_SIZE * sizeof(*desc), INDIRECT, 0);
	for (i = 0; i < VQ_MAX_SIZE; i++)
		set(&indirect[i], DATA_GPA + i, 1, i == VQ_MAX_SIZE - 1 ? 0 : NEXT, i + 1);
	add(0);
	ck_assert_int_eq(vq_pop(&vq, &chain), 1);
	ck_assert_int_eq(chain.nr_out, VQ_MAX_SIZE);
}
END_TEST

START_TEST(skips_empty_descriptors)
{
	set(&desc[0], UINT64_MAX, 0, NEXT, 1);
	set(&desc[1], DATA_GPA, 4, WRITE, 0);
	add(0);
	ck_assert_int_eq(vq_pop(&vq, &chain), 1);
	ck_assert_int_eq(chain.nr_out, 0);
	ck_assert_int_eq(chain.nr_in, 1);
}
END_TEST

START_TEST(indexes_wrap)
{
	unsigned int i;

	set(&desc[5], DATA_GPA, 4, 0, 0);
	for (i = 0; i < 70000; i++) {
		add(5);
		ck_assert_int_eq(vq_pop(&vq, &chain), 1);
		vq_push(&vq, chain.head, i);
		ck_assert_int_eq(used->ring[i % SIZE].len, i);
		ck_assert_int_eq(used->idx, (i + 1) & 0xffff);
	}
}
END_TEST

START_TEST(row21_head_out_of_range)
{
	add(SIZE);
	expect_broken("descriptor index out of range");
}
END_TEST

START_TEST(row21_next_out_of_range)
{
	set(&desc[0], DATA_GPA, 4, NEXT, SIZE);
	add(0);
	expect_broken("descriptor index out of range");
}
END_TEST

START_TEST(row21_indirect_next_out_of_range)
{
	set(&desc[0], INDIRECT_GPA, 2 * sizeof(*desc), INDIRECT, 0);
	set(&indirect[0], DATA_GPA, 4, NEXT, 2);
	add(0);
	expect_broken("descriptor index out of range");
}
END_TEST

START_TEST(row21_cycle)
{
	set(&desc[0], DATA_GPA, 4, NEXT, 1);
	set(&desc[1], DATA_GPA, 4, NEXT, 0);
	add(0);
	expect_broken("descriptor chain has a cycle");
}
END_TEST

START_TEST(row21_cycle_of_empty_descriptors)
{
	set(&desc[2], 0, 0, NEXT, 2);
	add(2);
	expect_broken("descriptor chain has a cycle");
}
END_TEST

START_TEST(row21_cycle_in_indirect_table)
{
	set(&desc[0], INDIRECT_GPA, 3 * sizeof(*desc), INDIRECT, 0);
	set(&indirect[0], DATA_GPA, 4, NEXT, 1);
	set(&indirect[1], DATA_GPA, 4, NEXT, 0);
	add(0);
	expect_broken("descriptor chain has a cycle");
}
END_TEST

START_TEST(row21_indirect_in_indirect)
{
	set(&desc[0], INDIRECT_GPA, sizeof(*desc), INDIRECT, 0);
	set(&indirect[0], INDIRECT_GPA, sizeof(*desc), INDIRECT, 0);
	add(0);
	expect_broken("indirect descriptor in an indirect table");
}
END_TEST

START_TEST(row21_indirect_not_negotiated)
{
	vq.indirect = false;
	set(&desc[0], INDIRECT_GPA, sizeof(*desc), INDIRECT, 0);
	add(0);
	expect_broken("indirect descriptor without the feature");
}
END_TEST

START_TEST(row21_indirect_with_next)
{
	set(&desc[0], INDIRECT_GPA, sizeof(*desc), INDIRECT | NEXT, 1);
	add(0);
	expect_broken("indirect descriptor with a next one");
}
END_TEST

static const uint32_t bad_table_len[] = {
	0,
	1,
	sizeof(struct vring_desc) - 1,
	sizeof(struct vring_desc) + 8,
	(VQ_MAX_SIZE + 1) * sizeof(struct vring_desc),
	0xfffffff0,
};

START_TEST(row21_indirect_length)
{
	set(&desc[0], INDIRECT_GPA, bad_table_len[_i], INDIRECT, 0);
	add(0);
	expect_broken("bad length of an indirect table");
}
END_TEST

static const uint64_t bad_table[] = {
	INDIRECT_GPA + 4,
	RAM - sizeof(struct vring_desc),
	RAM,
	UINT64_MAX - 15,
};

START_TEST(row21_indirect_address)
{
	set(&desc[0], bad_table[_i], 2 * sizeof(*desc), INDIRECT, 0);
	add(0);
	expect_broken("indirect table not aligned or not in RAM");
}
END_TEST

static const struct {
	uint64_t addr;
	uint32_t len;
} bad_buffer[] = {
	{ RAM, 1 },	   { RAM - 1, 2 },	   { 0, RAM + 1 },
	{ UINT64_MAX, 1 }, { UINT64_MAX - 7, 16 }, { 0, UINT32_MAX },
	{ 0xe0000000, 4 },
};

START_TEST(row21_buffer_outside_ram)
{
	set(&desc[0], bad_buffer[_i].addr, bad_buffer[_i].len, WRITE, 0);
	add(0);
	expect_broken("buffer not in RAM");
}
END_TEST

START_TEST(row21_chain_too_long)
{
	unsigned int i;

	set(&desc[0], DATA_GPA, 1, NEXT, 1);
	set(&desc[1], INDIRECT_GPA, VQ_MAX_SIZE * sizeof(*desc), INDIRECT, 0);
	for (i = 0; i < VQ_MAX_SIZE; i++)
		set(&indirect[i], DATA_GPA, 1, i == VQ_MAX_SIZE - 1 ? 0 : NEXT, i + 1);
	add(0);
	expect_broken("descriptor chain too long");
}
END_TEST

START_TEST(row21_length_overflow)
{
	size_t size = 0x90000000;
	uint8_t *big = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ck_assert_ptr_ne(big, MAP_FAILED);
	mem.nr_ranges = 2;
	mem.range[1] = (struct guest_range){ .gpa = MEM_HIGH_START, .size = size, .hva = big };
	set(&desc[0], MEM_HIGH_START, 0x80000000, NEXT, 1);
	set(&desc[1], MEM_HIGH_START, 0x80000000, WRITE, 0);
	add(0);
	expect_broken("descriptor chain of 4 GiB or more");
	munmap(big, size);
}
END_TEST

START_TEST(row21_readable_after_writable)
{
	set(&desc[0], DATA_GPA, 4, NEXT | WRITE, 1);
	set(&desc[1], DATA_GPA, 4, 0, 0);
	add(0);
	expect_broken("readable descriptor after a writable one");
}
END_TEST

START_TEST(row21_available_index_jumps)
{
	avail->idx = SIZE + 1;
	expect_broken("available index beyond the ring");
}
END_TEST

START_TEST(row21_available_index_goes_back)
{
	set(&desc[0], DATA_GPA, 4, 0, 0);
	add(0);
	ck_assert_int_eq(vq_pop(&vq, &chain), 1);
	avail->idx = 0;
	ck_assert_int_eq(vq_pop(&vq, &chain), -EPROTO);
	ck_assert_str_eq(vq.why, "available index beyond the ring");
}
END_TEST

static const uint16_t bad_size[] = { 0, 3, 6, 255, 2 * VQ_MAX_SIZE, 0x8000, 0xffff };

START_TEST(refuses_size)
{
	vq_reset(&vq);
	vq.size = bad_size[_i];
	vq.desc_gpa = DESC_GPA;
	vq.avail_gpa = AVAIL_GPA;
	vq.used_gpa = USED_GPA;
	ck_assert_int_eq(vq_enable(&vq), -EPROTO);
	ck_assert_int_eq(vq_pop(&vq, &chain), -EPROTO);
}
END_TEST

/* Rings of SIZE entries: 128, 22 and 70 bytes. */
static const struct {
	uint64_t desc;
	uint64_t avail;
	uint64_t used;
	bool good;
} layouts[] = {
	{ RAM - 128, AVAIL_GPA, USED_GPA, true },
	{ RAM - 112, AVAIL_GPA, USED_GPA, false },
	{ DESC_GPA + 8, AVAIL_GPA, USED_GPA, false },
	{ DESC_GPA, RAM - 22, USED_GPA, true },
	{ DESC_GPA, RAM - 20, USED_GPA, false },
	{ DESC_GPA, AVAIL_GPA + 1, USED_GPA, false },
	{ DESC_GPA, AVAIL_GPA, RAM - 72, true },
	{ DESC_GPA, AVAIL_GPA, RAM - 68, false },
	{ DESC_GPA, AVAIL_GPA, USED_GPA + 2, false },
	{ UINT64_MAX & ~15ULL, AVAIL_GPA, USED_GPA, false },
	{ DESC_GPA, UINT64_MAX & ~1ULL, USED_GPA, false },
	{ DESC_GPA, AVAIL_GPA, UINT64_MAX & ~3ULL, false },
	{ RAM, AVAIL_GPA, USED_GPA, false },
};

START_TEST(checks_layout)
{
	uint64_t room;

	vq_reset(&vq);
	vq.size = SIZE;
	vq.desc_gpa = layouts[_i].desc;
	vq.avail_gpa = layouts[_i].avail;
	vq.used_gpa = layouts[_i].used;
	vq.event_idx = true;
	ck_assert_int_eq(vq_enable(&vq), layouts[_i].good ? 0 : -EPROTO);
	if (!layouts[_i].good)
		return;
	/* Touch both ends of all three parts, under the sanitizer's eyes. */
	ck_assert_int_eq(vq_pop(&vq, &chain), 0);
	for (room = 0; room < SIZE; room++)
		vq_push(&vq, room, 0);
	vq_should_interrupt(&vq);
}
END_TEST

START_TEST(reset_mends_it)
{
	add(SIZE);
	ck_assert_int_eq(vq_pop(&vq, &chain), -EPROTO);
	vq_reset(&vq);
	ck_assert_int_eq(vq_pop(&vq, &chain), 0);
	ck_assert_ptr_null(vq.why);
	ck_assert_int_eq(vq.size, VQ_MAX_SIZE);
	ck_assert(!vq_should_interrupt(&vq));
}
END_TEST

START_TEST(interrupts_unless_told_not_to)
{
	ck_assert(!vq_should_interrupt(&vq));
	vq_push(&vq, 0, 0);
	ck_assert(vq_should_interrupt(&vq));
	ck_assert(!vq_should_interrupt(&vq));
	avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	vq_push(&vq, 0, 0);
	ck_assert(!vq_should_interrupt(&vq));
}
END_TEST

START_TEST(interrupts_at_the_event_index)
{
	vq.event_idx = true;
	avail->ring[SIZE] = 2; /* tell me when the third is there */
	vq_push(&vq, 0, 0);
	ck_assert(!vq_should_interrupt(&vq));
	vq_push(&vq, 0, 0);
	ck_assert(!vq_should_interrupt(&vq));
	vq_push(&vq, 0, 0);
	ck_assert(vq_should_interrupt(&vq));
	vq_push(&vq, 0, 0);
	ck_assert(!vq_should_interrupt(&vq));
	avail->ring[SIZE] = 5;
	vq_push(&vq, 0, 0);
	vq_push(&vq, 0, 0);
	vq_push(&vq, 0, 0);
	ck_assert(vq_should_interrupt(&vq));
}
END_TEST

START_TEST(asks_for_kicks)
{
	uint16_t *event = (uint16_t *)&used->ring[SIZE];

	vq.event_idx = true;
	*event = 0xffff;
	set(&desc[0], DATA_GPA, 4, 0, 0);
	add(0);
	add(0);
	ck_assert_int_eq(vq_pop(&vq, &chain), 1);
	ck_assert_int_eq(*event, 0xffff);
	ck_assert_int_eq(vq_pop(&vq, &chain), 1);
	ck_assert_int_eq(vq_pop(&vq, &chain), 0);
	ck_assert_int_eq(*event, 2);
}
END_TEST

START_TEST(cursors)
{
	struct vq_cursor out, in;
	char buf[16] = "";

	memcpy(guest_ptr(&mem, DATA_GPA, 16), "abcdefghijklmnop", 16);
	set(&desc[0], DATA_GPA, 3, NEXT, 1);
	set(&desc[1], DATA_GPA + 3, 5, NEXT, 2);
	set(&desc[2], DATA_GPA + 100, 2, NEXT | WRITE, 3);
	set(&desc[3], DATA_GPA + 102, 6, WRITE, 0);
	add(0);
	ck_assert_int_eq(vq_pop(&vq, &chain), 1);
	out = vq_out(&chain);
	ck_assert_int_eq(vq_cursor_read(&out, buf, 4), 4);
	ck_assert_int_eq(vq_cursor_skip(&out, 1), 1);
	ck_assert_int_eq(vq_cursor_read(&out, buf + 4, 12), 3);
	ck_assert_str_eq(buf, "abcdfgh");
	ck_assert_int_eq(out.nr, 0);
	in = vq_in(&chain);
	vq_cursor_trim(&in, 1);
	ck_assert_int_eq(vq_cursor_write(&in, "0123456789", 10), 7);
	ck_assert_mem_eq(guest_ptr(&mem, DATA_GPA + 100, 8), "0123456\0", 8);
	in = (struct vq_cursor){ .iov = chain.iov, .nr = 0 };
	vq_cursor_trim(&in, 100);
	ck_assert_int_eq(vq_cursor_write(&in, "x", 1), 0);
}
END_TEST

/* What the driver does while its descriptor's address is being checked. */
static struct vring_desc *trap;

void *__real_guest_ptr(const struct guest_mem *guest, uint64_t gpa, uint64_t len);
void *__wrap_guest_ptr(const struct guest_mem *guest, uint64_t gpa, uint64_t len);

void *__wrap_guest_ptr(const struct guest_mem *guest, uint64_t gpa, uint64_t len)
{
	void *hva = __real_guest_ptr(guest, gpa, len);

	if (trap)
		set(trap, RAM - 1, 0x10000000, NEXT | WRITE | INDIRECT, 0xffff);
	return hva;
}

START_TEST(row21_descriptor_changes_after_check)
{
	set(&desc[0], DATA_GPA, 4, NEXT, 1);
	set(&desc[1], DATA_GPA + 8, 4, WRITE, 0);
	add(0);
	trap = &desc[0];
	ck_assert_int_eq(vq_pop(&vq, &chain), 1);
	trap = NULL;
	ck_assert_int_eq(chain.nr_out, 1);
	ck_assert_int_eq(chain.nr_in, 1);
	ck_assert_int_eq(chain.out_bytes, 4);
	ck_assert_int_eq(chain.iov[0].iov_len, 4);
	ck_assert_ptr_eq(chain.iov[0].iov_base, guest_ptr(&mem, DATA_GPA, 1));
}
END_TEST

START_TEST(row21_indirect_descriptor_changes_after_check)
{
	set(&desc[0], INDIRECT_GPA, 2 * sizeof(*desc), INDIRECT, 0);
	set(&indirect[0], DATA_GPA, 4, NEXT, 2);
	set(&indirect[2], DATA_GPA, 4, 0, 0);
	add(0);
	trap = &desc[0];
	ck_assert_int_eq(vq_pop(&vq, &chain), -EPROTO);
	trap = NULL;
	ck_assert_str_eq(vq.why, "descriptor index out of range");
}
END_TEST

#define LOOP(tcase, test, table) \
	tcase_add_loop_test(tcase, test, 0, sizeof(table) / sizeof((table)[0]))

static void add_hostile(struct TCase *tcase)
{
	tcase_add_test(tcase, row21_head_out_of_range);
	tcase_add_test(tcase, row21_next_out_of_range);
	tcase_add_test(tcase, row21_indirect_next_out_of_range);
	tcase_add_test(tcase, row21_cycle);
	tcase_add_test(tcase, row21_cycle_of_empty_descriptors);
	tcase_add_test(tcase, row21_cycle_in_indirect_table);
	tcase_add_test(tcase, row21_indirect_in_indirect);
	tcase_add_test(tcase, row21_indirect_not_negotiated);
	tcase_add_test(tcase, row21_indirect_with_next);
	LOOP(tcase, row21_indirect_length, bad_table_len);
	LOOP(tcase, row21_indirect_address, bad_table);
	LOOP(tcase, row21_buffer_outside_ram, bad_buffer);
	tcase_add_test(tcase, row21_chain_too_long);
	tcase_add_test(tcase, row21_length_overflow);
	tcase_add_test(tcase, row21_readable_after_writable);
	tcase_add_test(tcase, row21_available_index_jumps);
	tcase_add_test(tcase, row21_available_index_goes_back);
	tcase_add_test(tcase, row21_descriptor_changes_after_check);
	tcase_add_test(tcase, row21_indirect_descriptor_changes_after_check);
	LOOP(tcase, refuses_size, bad_size);
	LOOP(tcase, checks_layout, layouts);
}

int main(void)
{
	Suite *suite = suite_create("virtqueue");
	TCase *tcase = tcase_create("virtqueue");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, pops_a_chain);
	tcase_add_test(tcase, follows_indirect_table);
	tcase_add_test(tcase, takes_the_longest_chain);
	tcase_add_test(tcase, skips_empty_descriptors);
	tcase_add_test(tcase, indexes_wrap);
	tcase_add_test(tcase, reset_mends_it);
	tcase_add_test(tcase, interrupts_unless_told_not_to);
	tcase_add_test(tcase, interrupts_at_the_event_index);
	tcase_add_test(tcase, asks_for_kicks);
	tcase_add_test(tcase, cursors);
	add_hostile(tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
