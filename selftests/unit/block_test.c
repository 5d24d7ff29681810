// SPDX-License-Identifier: GPL-2.0-only
/*
 * Disk images and virtio-blk on a real file with a real io_uring: every kind of request, in odd
 * layouts, with hostile headers.
 */
#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block/block.h"
#include "fake_machine.h"
#include "pci/pci.h"
#include "virtio/devices.h"

#define SLOT	  1
#define RING	  0x10000
#define HEADER	  0x20000
#define DATA	  0x30000
#define STATUS	  0x21000
#define IMAGE	  0x100000U
#define SECTORS	  (IMAGE / 512)
#define UNTOUCHED 0xee
#define BIT(n)	  (1ULL << (n))
#define FEATURES                                                                    \
	(BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_BLK_F_FLUSH) | BIT(VIRTIO_BLK_F_MQ) | \
	 BIT(VIRTIO_BLK_F_DISCARD) | BIT(VIRTIO_BLK_F_WRITE_ZEROES))
#define DRIVER_OK                                                                             \
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK | \
	 VIRTIO_CONFIG_S_DRIVER_OK)
#define WRITE VRING_DESC_F_WRITE
#define NEXT  VRING_DESC_F_NEXT

static char path[64];
static int image;
static struct fake_machine *fake;
static struct device bridge, disk;
static struct disk_config disk_config;
static struct driver driver;
static struct driver_queue queue;

static uint8_t *ram(uint64_t gpa)
{
	return guest_ptr(fake->vm.mem, gpa, 1);
}

/* The image's sector N is filled with the byte N. */
static void make_image(void)
{
	uint8_t sector[512];
	unsigned int i;

	strcpy(path, "/tmp/tenon-block-test.XXXXXX");
	image = mkstemp(path);
	ck_assert_int_ge(image, 0);
	for (i = 0; i < SECTORS; i++) {
		memset(sector, i, sizeof(sector));
		ck_assert_int_eq(write(image, sector, sizeof(sector)), sizeof(sector));
	}
}

static uint8_t image_byte(uint64_t offset)
{
	uint8_t byte;

	ck_assert_int_eq(pread(image, &byte, 1, offset), 1);
	return byte;
}

static void start_machine(bool readonly)
{
	fake = fake_create();
	bridge = (struct device){ .ops = &pci_host_device, .vm = &fake->vm };
	ck_assert_int_eq(pci_host_device.init(&bridge), 0);
	disk_config = (struct disk_config){ .path = path, .readonly = readonly };
	disk = (struct device){ .ops = &virtio_blk_device,
				.vm = &fake->vm,
				.config = &disk_config };
	ck_assert_int_eq(virtio_blk_device.init(&disk), 0);
	driver_bind(&driver, fake, SLOT);
}

static void stop_machine(void)
{
	virtio_blk_device.exit(&disk);
	pci_host_device.exit(&bridge);
	fake_destroy(fake);
}

static void start_driver(uint64_t features)
{
	ck_assert(driver_negotiate(&driver, features));
	driver_queue_init(&driver, &queue, 0, RING);
	driver_set_status(&driver, DRIVER_OK);
}

static void setup(void)
{
	make_image();
	start_machine(false);
	start_driver(FEATURES);
}

static void teardown(void)
{
	stop_machine();
	close(image);
	unlink(path);
}

static void desc(unsigned int i, uint64_t addr, uint32_t len, uint16_t flags)
{
	queue.desc[i] = (struct vring_desc){ addr, len, flags, i + 1 };
}

static void header(uint32_t type, uint64_t sector)
{
	struct virtio_blk_outhdr hdr = { .type = type, .sector = sector };

	memcpy(ram(HEADER), &hdr, sizeof(hdr));
	*ram(STATUS) = UNTOUCHED;
}

/* Return: what the used ring says was written. */
static uint32_t wait_used(void)
{
	uint32_t id, len = 0;
	unsigned int tries;

	for (tries = 0; tries < 500; tries++) {
		fake_poll(fake, 10);
		if (driver_used(&queue, &id, &len))
			return len;
	}
	ck_abort_msg("no answer from the disk");
	return 0;
}

static uint32_t run_chain(void)
{
	driver_add(&queue, 0);
	driver_kick(&queue);
	return wait_used();
}

/* The usual layout: header, data, status. Return: the status. */
static uint8_t request(uint32_t type, uint64_t sector, uint32_t len, bool to_guest)
{
	header(type, sector);
	desc(0, HEADER, 16, NEXT);
	if (len)
		desc(1, DATA, len, NEXT | (to_guest ? WRITE : 0));
	desc(len ? 2 : 1, STATUS, 1, WRITE);
	run_chain();
	return *ram(STATUS);
}

static uint32_t config_field(size_t offset, unsigned int size)
{
	return fake_read(fake, driver.config + offset, size);
}

START_TEST(configuration)
{
	ck_assert_uint_eq(config_field(0, 4), SECTORS);
	ck_assert_uint_eq(config_field(4, 4), 0);
	ck_assert_uint_eq(config_field(offsetof(struct virtio_blk_config, blk_size), 4), 512);
	ck_assert_uint_eq(config_field(offsetof(struct virtio_blk_config, num_queues), 2), 2);
	ck_assert_uint_eq(config_field(offsetof(struct virtio_blk_config, seg_max), 4), 254);
	ck_assert_uint_eq(driver_features(&driver) & FEATURES, FEATURES);
	ck_assert(!(driver_features(&driver) & BIT(VIRTIO_BLK_F_RO)));
}
END_TEST

START_TEST(reads)
{
	memset(ram(DATA), 0, 8192);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_IN, 7, 1024, true), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(*ram(DATA), 7);
	ck_assert_uint_eq(*ram(DATA + 511), 7);
	ck_assert_uint_eq(*ram(DATA + 512), 8);
	ck_assert_uint_eq(*ram(DATA + 1023), 8);
	ck_assert_uint_eq(*ram(DATA + 1024), 0);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_IN, SECTORS - 1, 512, true), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(*ram(DATA), (SECTORS - 1) & 0xff);
}
END_TEST

START_TEST(writes)
{
	memset(ram(DATA), 0xaa, 1024);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_OUT, 3, 1024, false), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_FLUSH, 0, 0, false), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(image_byte(3 * 512 - 1), 2);
	ck_assert_uint_eq(image_byte(3 * 512), 0xaa);
	ck_assert_uint_eq(image_byte(5 * 512 - 1), 0xaa);
	ck_assert_uint_eq(image_byte(5 * 512), 5);
}
END_TEST

/* Without FLUSH a write must last by itself, and a flush is not known. */
START_TEST(writes_through)
{
	start_driver(BIT(VIRTIO_F_VERSION_1));
	memset(ram(DATA), 0xab, 512);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_OUT, 9, 512, false), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(image_byte(9 * 512), 0xab);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_FLUSH, 0, 0, false), VIRTIO_BLK_S_UNSUPP);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_DISCARD, 0, 16, false), VIRTIO_BLK_S_UNSUPP);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_WRITE_ZEROES, 0, 16, false), VIRTIO_BLK_S_UNSUPP);
}
END_TEST

static const struct {
	uint32_t type;
	uint64_t sector;
	uint32_t len;
	uint8_t status;
} bad[] = {
	{ VIRTIO_BLK_T_IN, SECTORS, 512, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_IN, SECTORS - 1, 1024, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_IN, UINT64_MAX, 512, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_IN, 1ULL << 55, 512, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_IN, UINT64_MAX / 512 + 1, 512, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_IN, 0, 511, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_IN, 0, 1, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_OUT, SECTORS, 512, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_OUT, UINT64_MAX, 1024, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_OUT, 0, 513, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_DISCARD, 0, 15, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_DISCARD, 0, 32, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_WRITE_ZEROES, 0, 17, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_SCSI_CMD, 0, 512, VIRTIO_BLK_S_UNSUPP },
	{ VIRTIO_BLK_T_SECURE_ERASE, 0, 16, VIRTIO_BLK_S_UNSUPP },
	{ 3, 0, 512, VIRTIO_BLK_S_UNSUPP },
	{ 0xffffffff, 0, 512, VIRTIO_BLK_S_UNSUPP },
	{ VIRTIO_BLK_T_BARRIER, 0, 512, VIRTIO_BLK_S_UNSUPP },
	{ VIRTIO_BLK_T_IN, SECTORS, 0, VIRTIO_BLK_S_OK },
	{ VIRTIO_BLK_T_OUT, 0, 0, VIRTIO_BLK_S_OK },
};

START_TEST(refuses)
{
	ck_assert_uint_eq(request(bad[_i].type, bad[_i].sector, bad[_i].len,
				  bad[_i].type == VIRTIO_BLK_T_IN),
			  bad[_i].status);
	ck_assert_uint_eq(image_byte(0), 0);
	ck_assert_uint_eq(image_byte(IMAGE - 1), (SECTORS - 1) & 0xff);
}
END_TEST

START_TEST(tells_its_id)
{
	const char *name = strrchr(path, '/') + 1;

	memset(ram(DATA), 0xff, 32);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_GET_ID, 0, 20, true), VIRTIO_BLK_S_OK);
	ck_assert_int_eq(strncmp((char *)ram(DATA), name, 20), 0);
	ck_assert_uint_eq(*ram(DATA + 20), 0xff);
	memset(ram(DATA), 0xff, 32);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_GET_ID, 0, 3, true), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(*ram(DATA + 3), 0xff);
}
END_TEST

static uint8_t range_request(uint32_t type, uint64_t sector, uint32_t sectors, uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes range = {
		.sector = sector,
		.num_sectors = sectors,
		.flags = flags,
	};

	memcpy(ram(DATA), &range, sizeof(range));
	return request(type, 0, sizeof(range), false);
}

START_TEST(discards)
{
	struct stat before, after;

	fsync(image);
	ck_assert_int_eq(fstat(image, &before), 0);
	ck_assert_uint_eq(range_request(VIRTIO_BLK_T_DISCARD, 1024, 512, 0), VIRTIO_BLK_S_OK);
	fsync(image);
	ck_assert_int_eq(fstat(image, &after), 0);
	ck_assert_int_eq(after.st_size, IMAGE);
	ck_assert_int_lt(after.st_blocks, before.st_blocks);
	ck_assert_uint_eq(image_byte(1025 * 512), 0);
	ck_assert_uint_eq(image_byte(1024 * 512 - 1), 0xff);
	ck_assert_uint_eq(range_request(VIRTIO_BLK_T_DISCARD, 0, 8, 1), VIRTIO_BLK_S_UNSUPP);
	ck_assert_uint_eq(range_request(VIRTIO_BLK_T_DISCARD, SECTORS, 1, 0), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(range_request(VIRTIO_BLK_T_DISCARD, UINT64_MAX, 8, 0),
			  VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(range_request(VIRTIO_BLK_T_DISCARD, 0, UINT32_MAX, 0),
			  VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(range_request(VIRTIO_BLK_T_DISCARD, 0, 0, 0), VIRTIO_BLK_S_OK);
}
END_TEST

START_TEST(zeroes)
{
	uint32_t unmap = _i ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0;

	ck_assert_uint_eq(range_request(VIRTIO_BLK_T_WRITE_ZEROES, 17, 100, unmap),
			  VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(image_byte(17 * 512 - 1), 16);
	ck_assert_uint_eq(image_byte(17 * 512), 0);
	ck_assert_uint_eq(image_byte(117 * 512 - 1), 0);
	ck_assert_uint_eq(image_byte(117 * 512), 117);
	ck_assert_uint_eq(range_request(VIRTIO_BLK_T_WRITE_ZEROES, 17, 100, 2),
			  VIRTIO_BLK_S_UNSUPP);
	ck_assert_uint_eq(range_request(VIRTIO_BLK_T_WRITE_ZEROES, SECTORS - 1, 2, unmap),
			  VIRTIO_BLK_S_IOERR);
}
END_TEST

/* Header in three pieces, data in unequal ones, status at the end of a larger piece. */
START_TEST(any_layout)
{
	header(VIRTIO_BLK_T_IN, 5);
	memset(ram(DATA), 0, 2048);
	desc(0, HEADER, 1, NEXT);
	desc(1, HEADER + 1, 10, NEXT);
	desc(2, HEADER + 11, 5, NEXT);
	desc(3, DATA, 100, NEXT | WRITE);
	desc(4, DATA + 100, 0, NEXT | WRITE);
	desc(5, DATA + 100, 1, NEXT | WRITE);
	desc(6, DATA + 101, 924, WRITE); /* 923 of data, then the status */
	ck_assert_uint_eq(run_chain(), 1025);
	ck_assert_uint_eq(*ram(DATA + 1023), 6);
	ck_assert_uint_eq(*ram(DATA + 511), 5);
	ck_assert_uint_eq(*ram(DATA + 1024), VIRTIO_BLK_S_OK);

	/* A write whose header and data share a piece. */
	header(VIRTIO_BLK_T_OUT, 11);
	memset(ram(HEADER + 16), 0x77, 512);
	desc(0, HEADER, 16 + 512, NEXT);
	desc(1, STATUS, 1, WRITE);
	ck_assert_uint_eq(run_chain(), 1);
	ck_assert_uint_eq(*ram(STATUS), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(image_byte(11 * 512), 0x77);
	ck_assert_uint_eq(image_byte(12 * 512 - 1), 0x77);
	ck_assert_uint_eq(image_byte(12 * 512), 12);
}
END_TEST

START_TEST(row21_no_header_or_no_status)
{
	header(VIRTIO_BLK_T_IN, 0);
	desc(0, HEADER, _i ? 16 : 15, _i ? 0 : NEXT);
	desc(1, STATUS, 1, WRITE);
	driver_add(&queue, 0);
	driver_kick(&queue);
	fake_poll(fake, 0);
	ck_assert(driver_status(&driver) & VIRTIO_CONFIG_S_NEEDS_RESET);
	ck_assert_uint_eq(queue.used_ring->idx, 0);
	start_driver(FEATURES);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_IN, 1, 512, true), VIRTIO_BLK_S_OK);
}
END_TEST

/* The same head again and again while its request is still in flight: bounded, no crash. */
START_TEST(row25_request_storm)
{
	uint32_t id, len;
	unsigned int i, done = 0;

	header(VIRTIO_BLK_T_IN, 0);
	desc(0, HEADER, 16, NEXT);
	desc(1, DATA, 512, NEXT | WRITE);
	desc(2, STATUS, 1, WRITE);
	for (i = 0; i < 2000; i++) {
		driver_add(&queue, 0);
		driver_kick(&queue);
		if (i % 16 == 15)
			fake_poll(fake, 0);
	}
	for (i = 0; i < 100 && done < 2000; i++) {
		fake_poll(fake, 10);
		done = queue.used_ring->idx;
	}
	ck_assert_uint_eq(done, 2000);
	while (driver_used(&queue, &id, &len))
		ck_assert_uint_eq(id, 0);
}
END_TEST

START_TEST(reset_waits_for_requests)
{
	memset(ram(DATA), 0x5a, 65536);
	header(VIRTIO_BLK_T_OUT, 128);
	desc(0, HEADER, 16, NEXT);
	desc(1, DATA, 65536, NEXT);
	desc(2, STATUS, 1, WRITE);
	driver_add(&queue, 0);
	driver_kick(&queue);
	fake_poll(fake, 0);
	driver_set_status(&driver, 0);
	ck_assert_uint_eq(driver_status(&driver), 0);
	ck_assert_uint_eq(image_byte(128 * 512), 0x5a);
	ck_assert_uint_eq(image_byte(256 * 512 - 1), 0x5a);
	*ram(STATUS) = UNTOUCHED;
	memset(ram(RING + 0x2000), 0, 4096);
	fake_poll(fake, 20);
	ck_assert_uint_eq(*ram(STATUS), UNTOUCHED);
	ck_assert_uint_eq(queue.used_ring->idx, 0);
	virtio_blk_device.reset(&disk);
	driver_bind(&driver, fake, SLOT);
	start_driver(FEATURES);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_IN, 128, 512, true), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(*ram(DATA), 0x5a);
}
END_TEST

static atomic_bool stop;

static void *turn_loop(void *opaque)
{
	while (!atomic_load(&stop))
		fake_poll(opaque, 1);
	return NULL;
}

/* The device thread works while a vCPU resets the device under its hands. */
START_TEST(resets_race_with_requests)
{
	pthread_t thread;
	unsigned int round, i;

	header(VIRTIO_BLK_T_IN, 0);
	atomic_store(&stop, false);
	ck_assert_int_eq(pthread_create(&thread, NULL, turn_loop, fake), 0);
	for (round = 0; round < 300; round++) {
		start_driver(FEATURES);
		desc(0, HEADER, 16, NEXT);
		desc(1, DATA, 512, NEXT | WRITE);
		desc(2, STATUS, 1, WRITE);
		for (i = 0; i < round % 16; i++) {
			driver_add(&queue, 0);
			driver_kick(&queue);
		}
		/* Gone back to the guest: nothing may touch them. */
		driver_set_status(&driver, 0);
		*ram(STATUS) = UNTOUCHED;
		queue.used_ring->idx = 0x1234;
		usleep(round % 4 * 100);
		ck_assert_uint_eq(*ram(STATUS), UNTOUCHED);
		ck_assert_uint_eq(queue.used_ring->idx, 0x1234);
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	start_driver(FEATURES);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_IN, 7, 512, true), VIRTIO_BLK_S_OK);
}
END_TEST

START_TEST(all_queues_work)
{
	struct driver_queue second;

	ck_assert(driver_negotiate(&driver, FEATURES));
	driver_queue_init(&driver, &queue, 0, RING);
	driver_queue_init(&driver, &second, 1, 0x60000);
	driver_set_status(&driver, DRIVER_OK);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_IN, 1, 512, true), VIRTIO_BLK_S_OK);
	queue = second;
	ck_assert_uint_eq(request(VIRTIO_BLK_T_IN, 2, 512, true), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(*ram(DATA), 2);
}
END_TEST

START_TEST(shrunk_image)
{
	ck_assert_int_eq(ftruncate(image, IMAGE / 2), 0);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_IN, SECTORS - 8, 512, true), VIRTIO_BLK_S_IOERR);
	/* Part of it is there, part is not. */
	ck_assert_uint_eq(request(VIRTIO_BLK_T_IN, SECTORS / 2 - 1, 1024, true),
			  VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_IN, SECTORS / 2 - 1, 512, true), VIRTIO_BLK_S_OK);
}
END_TEST

START_TEST(readonly_disk)
{
	stop_machine();
	start_machine(true);
	ck_assert(driver_features(&driver) & BIT(VIRTIO_BLK_F_RO));
	ck_assert(!(driver_features(&driver) &
		    (BIT(VIRTIO_BLK_F_DISCARD) | BIT(VIRTIO_BLK_F_WRITE_ZEROES))));
	start_driver(BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_BLK_F_FLUSH) | BIT(VIRTIO_BLK_F_RO));
	ck_assert_uint_eq(request(VIRTIO_BLK_T_IN, 4, 512, true), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(*ram(DATA), 4);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_OUT, 3, 512, false), VIRTIO_BLK_S_IOERR);
	ck_assert_uint_eq(image_byte(3 * 512), 3);
	ck_assert_uint_eq(request(VIRTIO_BLK_T_DISCARD, 0, 16, false), VIRTIO_BLK_S_IOERR);
}
END_TEST

/* Where the file system zeroes nothing itself, the queue writes zeroes. */

static int io_error = 1;

static void io_done(struct block_request *req, int error)
{
	(void)req;
	io_error = error;
}

START_TEST(zeroes_by_hand)
{
	struct block_request req = {
		.op = BLOCK_ZERO,
		.offset = 512,
		.length = IMAGE - 1024,
		.done = io_done,
	};
	struct block_queue ring;
	struct block block;

	stop_machine();
	ck_assert_int_eq(block_open(&block, path, false), 0);
	block.can_zero = false;
	ck_assert_int_eq(block_queue_init(&ring, &block, 4), 0);
	block_queue_add(&ring, &req);
	block_queue_drain(&ring);
	ck_assert_int_eq(io_error, 0);
	ck_assert_uint_eq(ring.in_flight, 0);
	ck_assert_uint_eq(image_byte(512), 0);
	ck_assert_uint_eq(image_byte(IMAGE - 513), 0);
	ck_assert_uint_eq(image_byte(IMAGE - 512), (SECTORS - 1) & 0xff);
	block_queue_exit(&ring);
	block_close(&block);
	start_machine(false);
}
END_TEST

/* How many times more the kernel has no room for requests; both stand in front of the library's. */
static unsigned int refusals;

int io_uring_submit(struct io_uring *ring)
{
	typeof(&io_uring_submit) real = dlsym(RTLD_NEXT, "io_uring_submit");

	if (!refusals)
		return real(ring);
	refusals--;
	return -EAGAIN;
}

int io_uring_submit_and_wait(struct io_uring *ring, unsigned int nr)
{
	typeof(&io_uring_submit_and_wait) real = dlsym(RTLD_NEXT, "io_uring_submit_and_wait");

	if (!refusals)
		return real(ring, nr);
	refusals--;
	return -EAGAIN;
}

START_TEST(reset_waits_for_resources)
{
	start_driver(FEATURES);
	memset(ram(DATA), 0x5b, 512);
	header(VIRTIO_BLK_T_OUT, 9);
	desc(0, HEADER, 16, NEXT);
	desc(1, DATA, 512, NEXT);
	desc(2, STATUS, 1, WRITE);
	refusals = UINT32_MAX;
	driver_add(&queue, 0);
	driver_kick(&queue);
	fake_poll(fake, 0);
	ck_assert_uint_eq(queue.used_ring->idx, 0);
	refusals = 10;
	driver_set_status(&driver, 0);
	ck_assert_uint_eq(refusals, 0);
	ck_assert_uint_eq(driver_status(&driver), 0);
	ck_assert_uint_eq(image_byte(9 * 512), 0x5b);
}
END_TEST

START_TEST(submits_again)
{
	refusals = 20;
	ck_assert_uint_eq(request(VIRTIO_BLK_T_IN, 7, 512, true), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(refusals, 0);
	ck_assert_uint_eq(*ram(DATA), 7);
}
END_TEST

/* Opening */

START_TEST(locks_images)
{
	struct block block, other;

	/* The machine has it for writing. */
	ck_assert_int_eq(block_open(&block, path, false), -EWOULDBLOCK);
	ck_assert_int_eq(block_open(&block, path, true), -EWOULDBLOCK);
	stop_machine();
	ck_assert_int_eq(block_open(&block, path, true), 0);
	ck_assert_int_eq(block_open(&other, path, true), 0);
	block_close(&other);
	ck_assert_int_eq(block_open(&other, path, false), -EWOULDBLOCK);
	block_close(&block);
	start_machine(false);
}
END_TEST

START_TEST(refuses_to_open)
{
	struct block block;

	ck_assert_int_eq(block_open(&block, "/tmp", false), -EISDIR);
	ck_assert_int_eq(block_open(&block, "/tmp", true), -EISDIR);
	ck_assert_int_eq(block_open(&block, "/nonexistent/disk", false), -ENOENT);
	ck_assert_int_eq(block_open(&block, "/dev/null", false), -EINVAL);
	stop_machine();
	ck_assert_int_eq(ftruncate(image, 0), 0);
	ck_assert_int_eq(block_open(&block, path, false), -EINVAL);
	ck_assert_int_eq(ftruncate(image, 1000), 0);
	ck_assert_int_eq(block_open(&block, path, false), -EINVAL);
	ck_assert_int_eq(block.fd, -1);
	ck_assert_int_eq(ftruncate(image, IMAGE), 0);
	start_machine(false);
}
END_TEST

#define LOOP(tcase, test, table) \
	tcase_add_loop_test(tcase, test, 0, sizeof(table) / sizeof((table)[0]))

int main(void)
{
	Suite *suite = suite_create("block");
	TCase *tcase = tcase_create("block");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, configuration);
	tcase_add_test(tcase, reads);
	tcase_add_test(tcase, writes);
	tcase_add_test(tcase, writes_through);
	LOOP(tcase, refuses, bad);
	tcase_add_test(tcase, tells_its_id);
	tcase_add_test(tcase, discards);
	tcase_add_loop_test(tcase, zeroes, 0, 2);
	tcase_add_test(tcase, any_layout);
	tcase_add_loop_test(tcase, row21_no_header_or_no_status, 0, 2);
	tcase_add_test(tcase, row25_request_storm);
	tcase_add_test(tcase, reset_waits_for_requests);
	tcase_add_test(tcase, resets_race_with_requests);
	tcase_add_test(tcase, all_queues_work);
	tcase_add_test(tcase, shrunk_image);
	tcase_add_test(tcase, readonly_disk);
	tcase_add_test(tcase, zeroes_by_hand);
	tcase_add_test(tcase, reset_waits_for_resources);
	tcase_add_test(tcase, submits_again);
	tcase_add_test(tcase, locks_images);
	tcase_add_test(tcase, refuses_to_open);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
