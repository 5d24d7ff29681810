// SPDX-License-Identifier: GPL-2.0-only
/* virtio-console and virtio-rng: control protocol, ports, terminal, hostile drivers. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_console.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_machine.h"
#include "pci/pci.h"
#include "term.h"
#include "virtio/devices.h"

#define SLOT	 1
#define QUEUES	 6 /* port 0, control, port 1 */
#define RING(q)	 (0x10000 + 0x3000 * (q))
#define BUFFER	 0x80000
#define OUT	 0x90000
#define BIT(n)	 (1ULL << (n))
#define FEATURES (BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_CONSOLE_F_MULTIPORT))
#define DRIVER_OK                                                                             \
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK | \
	 VIRTIO_CONFIG_S_DRIVER_OK)

enum {
	RX0,
	TX0,
	CONTROL_IN,
	CONTROL_OUT,
	RX1,
	TX1,
};

static char directory[64];
static char path[80];
static char port_name[16];
static struct fake_machine *fake;
static struct device bridge, console, rng;
static struct driver driver;
static struct driver_queue queue[QUEUES];

static void *ram(uint64_t gpa)
{
	return guest_ptr(fake->vm.mem, gpa, 1);
}

static void start_driver(uint64_t features, unsigned int nr_queues)
{
	unsigned int i;

	ck_assert(driver_negotiate(&driver, features));
	for (i = 0; i < nr_queues; i++)
		driver_queue_init(&driver, &queue[i], i, RING(i));
	driver_set_status(&driver, DRIVER_OK);
	ck_assert_uint_eq(driver_status(&driver), DRIVER_OK);
}

static void make_machine(void)
{
	fake = fake_create();
	bridge = (struct device){ .ops = &pci_host_device, .vm = &fake->vm };
	ck_assert_int_eq(pci_host_device.init(&bridge), 0);
}

static void setup(void)
{
	strcpy(directory, "/tmp/tenon-console-test.XXXXXX");
	strcpy(port_name, "result");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/out", directory);
	make_machine();
	fake->config.console = CONSOLE_VIRTIO;
	fake->config.nr_ports = 1;
	fake->config.port[0] = (struct port_config){ .name = port_name, .path = path };
	console = (struct device){
		.ops = &virtio_console_device,
		.vm = &fake->vm,
		.config = &fake->config,
	};
	ck_assert_int_eq(virtio_console_device.init(&console), 0);
	driver_bind(&driver, fake, SLOT);
	start_driver(FEATURES, QUEUES);
}

static void teardown(void)
{
	virtio_console_device.exit(&console);
	ck_assert_ptr_null(fake->term_user);
	pci_host_device.exit(&bridge);
	fake_destroy(fake);
	unlink(path);
	rmdir(directory);
}

/* Offer @len bytes at @gpa in descriptor @i. */
static void offer(struct driver_queue *q, unsigned int i, uint64_t gpa, uint32_t len,
		  uint16_t flags)
{
	q->desc[i] = (struct vring_desc){ gpa, len, flags, 0 };
	driver_add(q, i);
}

static void send(struct driver_queue *q, const void *buf, uint32_t len)
{
	uint32_t id, used;

	memcpy(ram(OUT), buf, len);
	offer(q, 0, OUT, len, 0);
	driver_kick(q);
	fake_poll(fake, 0);
	ck_assert(driver_used(q, &id, &used));
	ck_assert_uint_eq(used, 0);
}

static void send_control(uint32_t id, uint16_t event, uint16_t value)
{
	struct virtio_console_control control = { id, event, value };

	send(&queue[CONTROL_OUT], &control, sizeof(control));
}

/* Give the device a buffer for a control message, and take the answer if there is one. */
static bool receive_control(struct virtio_console_control *control, char *name)
{
	uint32_t id, len;

	memset(ram(BUFFER), 0, 256);
	offer(&queue[CONTROL_IN], 0, BUFFER, 256, VRING_DESC_F_WRITE);
	driver_kick(&queue[CONTROL_IN]);
	fake_poll(fake, 0);
	if (!driver_used(&queue[CONTROL_IN], &id, &len))
		return false;
	ck_assert_uint_ge(len, sizeof(*control));
	memcpy(control, ram(BUFFER), sizeof(*control));
	if (name) {
		memcpy(name, (char *)ram(BUFFER) + sizeof(*control), len - sizeof(*control));
		name[len - sizeof(*control)] = 0;
	}
	return true;
}

static void expect_control(uint32_t id, uint16_t event)
{
	struct virtio_console_control control;

	ck_assert(receive_control(&control, NULL));
	ck_assert_uint_eq(control.id, id);
	ck_assert_uint_eq(control.event, event);
	ck_assert_uint_eq(control.value, 1);
}

static void expect_file(const char *text)
{
	char buf[256] = "";
	int fd = open(path, O_RDONLY);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(read(fd, buf, sizeof(buf) - 1), 0);
	ck_assert_str_eq(buf, text);
	close(fd);
}

START_TEST(introduces_ports)
{
	struct virtio_console_control control;
	char name[256];

	ck_assert_uint_eq(fake_read(fake, driver.config + 4, 4), 2);
	send_control(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	expect_control(0, VIRTIO_CONSOLE_PORT_ADD);
	expect_control(1, VIRTIO_CONSOLE_PORT_ADD);
	send_control(0, VIRTIO_CONSOLE_PORT_READY, 1);
	expect_control(0, VIRTIO_CONSOLE_CONSOLE_PORT);
	expect_control(0, VIRTIO_CONSOLE_PORT_OPEN);
	send_control(1, VIRTIO_CONSOLE_PORT_READY, 1);
	ck_assert(receive_control(&control, name));
	ck_assert_uint_eq(control.event, VIRTIO_CONSOLE_PORT_NAME);
	ck_assert_str_eq(name, "result");
	expect_control(1, VIRTIO_CONSOLE_PORT_OPEN);
	ck_assert(!receive_control(&control, NULL));
}
END_TEST

START_TEST(port_output_goes_to_the_file)
{
	send(&queue[TX1], "hello ", 6);
	send(&queue[TX1], "world\n", 6);
	expect_file("hello world\n");
	ck_assert_uint_eq(fake->term_len, 0);
}
END_TEST

START_TEST(output_in_many_pieces)
{
	uint32_t id, len;

	memcpy(ram(OUT), "abcdef", 6);
	queue[TX1].desc[0] = (struct vring_desc){ OUT, 1, VRING_DESC_F_NEXT, 3 };
	queue[TX1].desc[3] = (struct vring_desc){ OUT + 1, 4, VRING_DESC_F_NEXT, 2 };
	queue[TX1].desc[2] = (struct vring_desc){ OUT + 5, 1, 0, 0 };
	driver_add(&queue[TX1], 0);
	offer(&queue[TX1], 1, OUT, 0, 0);
	driver_kick(&queue[TX1]);
	fake_poll(fake, 0);
	expect_file("abcdef");
	ck_assert(driver_used(&queue[TX1], &id, &len));
	ck_assert(driver_used(&queue[TX1], &id, &len));
	ck_assert_uint_eq(id, 1);
}
END_TEST

START_TEST(console_output_waits_for_the_terminal)
{
	uint32_t id, len;

	fake->term_room = 4;
	memcpy(ram(OUT), "0123456789", 10);
	offer(&queue[TX0], 0, OUT, 10, 0);
	driver_kick(&queue[TX0]);
	fake_poll(fake, 0);
	ck_assert(!driver_used(&queue[TX0], &id, &len));
	fake->term_room = 100;
	fake->term_user->drained(fake->term_user);
	fake_poll(fake, 0);
	ck_assert(driver_used(&queue[TX0], &id, &len));
	ck_assert_mem_eq(fake->term_out, "0123456789", 10);
	ck_assert_uint_eq(fake->term_len, 10);
}
END_TEST

static size_t input(const char *text)
{
	return fake->term_user->input(fake->term_user, (const uint8_t *)text, strlen(text));
}

START_TEST(input_reaches_the_guest)
{
	uint32_t id, len;

	/* Not before the guest has opened the port and given buffers. */
	ck_assert_uint_eq(input("early"), 0);
	send_control(0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	ck_assert_uint_ge(fake->term_resumed, 1);
	ck_assert_uint_eq(input("early"), 0);
	fake->term_resumed = 0;
	offer(&queue[RX0], 0, BUFFER, 4, VRING_DESC_F_WRITE);
	offer(&queue[RX0], 1, BUFFER + 4, 100, VRING_DESC_F_WRITE);
	driver_kick(&queue[RX0]);
	fake_poll(fake, 0);
	ck_assert_uint_ge(fake->term_resumed, 1);
	ck_assert_uint_eq(input("typing"), 6);
	ck_assert(driver_used(&queue[RX0], &id, &len));
	ck_assert_uint_eq(len, 4);
	ck_assert(driver_used(&queue[RX0], &id, &len));
	ck_assert_uint_eq(len, 2);
	ck_assert_mem_eq(ram(BUFFER), "typing", 6);
	ck_assert_uint_eq(input("more"), 0);
}
END_TEST

START_TEST(single_port_driver)
{
	uint32_t id, len;

	start_driver(BIT(VIRTIO_F_VERSION_1), 2);
	offer(&queue[RX0], 0, BUFFER, 16, VRING_DESC_F_WRITE);
	ck_assert_uint_eq(input("hi"), 2);
	ck_assert(driver_used(&queue[RX0], &id, &len));
	send(&queue[TX0], "yo", 2);
	ck_assert_mem_eq(fake->term_out, "yo", 2);
}
END_TEST

START_TEST(reset_forgets_the_driver)
{
	struct virtio_console_control control;
	uint32_t id, len;

	send_control(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	send_control(0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	fake->term_room = 0;
	offer(&queue[TX0], 0, OUT, 10, 0);
	driver_kick(&queue[TX0]);
	fake_poll(fake, 0);
	ck_assert(!driver_used(&queue[TX0], &id, &len));
	virtio_console_device.reset(&console);
	driver_bind(&driver, fake, SLOT);
	start_driver(FEATURES, QUEUES);
	fake->term_room = 100;
	fake->term_user->drained(fake->term_user);
	fake_poll(fake, 0);
	ck_assert_uint_eq(queue[TX0].used_ring->idx, 0);
	ck_assert_uint_eq(fake->term_len, 0);
	ck_assert(!receive_control(&control, NULL));
	offer(&queue[RX0], 0, BUFFER, 16, VRING_DESC_F_WRITE);
	ck_assert_uint_eq(input("closed"), 0);
}
END_TEST

START_TEST(hostile_control)
{
	struct virtio_console_control control;
	unsigned int i;

	send(&queue[CONTROL_OUT], "short", 5);
	send_control(2, VIRTIO_CONSOLE_PORT_READY, 1);
	send_control(0xffffffff, VIRTIO_CONSOLE_PORT_READY, 1);
	send_control(0xffffffff, VIRTIO_CONSOLE_PORT_OPEN, 1);
	send_control(0, 0xffff, 0xffff);
	send_control(0, VIRTIO_CONSOLE_PORT_READY, 0);
	ck_assert(!receive_control(&control, NULL));
	/*
	 * Row 25: however often it asks, one message of each kind is due. The first goes into the
	 * buffer that was just refused one.
	 */
	for (i = 0; i < 1000; i++)
		send_control(0, VIRTIO_CONSOLE_PORT_READY, 1);
	ck_assert_uint_eq(queue[CONTROL_IN].used_ring->idx, 1);
	queue[CONTROL_IN].used = 1;
	expect_control(0, VIRTIO_CONSOLE_CONSOLE_PORT);
	expect_control(0, VIRTIO_CONSOLE_PORT_OPEN);
	ck_assert(!receive_control(&control, NULL));
}
END_TEST

START_TEST(hostile_buffers)
{
	uint32_t id, len;

	/* A control buffer without room, an input buffer that is not writable. */
	send_control(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	offer(&queue[CONTROL_IN], 0, BUFFER, 3, VRING_DESC_F_WRITE);
	driver_kick(&queue[CONTROL_IN]);
	fake_poll(fake, 0);
	ck_assert(driver_used(&queue[CONTROL_IN], &id, &len));
	ck_assert_uint_eq(len, 3);
	send_control(0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	offer(&queue[RX0], 0, BUFFER, 16, 0);
	ck_assert_uint_eq(input("x"), 0);
	ck_assert(driver_used(&queue[RX0], &id, &len));
	ck_assert_uint_eq(len, 0);
	offer(&queue[RX0], 15, UINT64_MAX, 16, VRING_DESC_F_WRITE);
	ck_assert_uint_eq(input("x"), 0);
	ck_assert(driver_status(&driver) & VIRTIO_CONFIG_S_NEEDS_RESET);
}
END_TEST

START_TEST(port_file_errors)
{
	char other[32];

	virtio_console_device.exit(&console);
	strcpy(other, "/nonexistent/out");
	fake->config.port[0].path = other;
	ck_assert_int_eq(virtio_console_device.init(&console), -ENOENT);
	ck_assert_ptr_null(fake->term_user);
	/* Output that cannot be written is dropped, the guest goes on. */
	strcpy(other, "/dev/full");
	ck_assert_int_eq(virtio_console_device.init(&console), 0);
	driver_bind(&driver, fake, SLOT);
	start_driver(FEATURES, QUEUES);
	send(&queue[TX1], "lost", 4);
	send(&queue[TX1], "lost", 4);
}
END_TEST

START_TEST(port_to_a_slow_reader)
{
	static char text[4096];
	uint32_t id, len;
	size_t sum = 0;
	char fifo[96];
	ssize_t got;
	int fd;

	virtio_console_device.exit(&console);
	snprintf(fifo, sizeof(fifo), "%s/fifo", directory);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	fd = open(fifo, O_RDONLY | O_NONBLOCK);
	fake->config.port[0].path = fifo;
	ck_assert_int_eq(virtio_console_device.init(&console), 0);
	driver_bind(&driver, fake, SLOT);
	start_driver(FEATURES, QUEUES);
	memset(ram(OUT), 'x', 65536);
	offer(&queue[TX1], 0, OUT, 65536, 0);
	offer(&queue[TX1], 1, OUT, 65536, 0);
	driver_kick(&queue[TX1]);
	fake_poll(fake, 0);
	ck_assert(driver_used(&queue[TX1], &id, &len));
	ck_assert(!driver_used(&queue[TX1], &id, &len));
	/* Asked again while there is still no room, it goes on waiting. */
	driver_kick(&queue[TX1]);
	fake_poll(fake, 0);
	ck_assert(!driver_used(&queue[TX1], &id, &len));
	while (sum < 2 * 65536) {
		got = read(fd, text, sizeof(text));
		if (got > 0)
			sum += got;
		fake_poll(fake, 0);
	}
	ck_assert(driver_used(&queue[TX1], &id, &len));
	ck_assert_uint_eq(id, 1);
	close(fd);
	unlink(fifo);
}
END_TEST

/* Without a console there is no port 0: its output is nobody's, whatever the driver negotiated. */
START_TEST(no_console)
{
	uint32_t id, len;

	virtio_console_device.exit(&console);
	fake->config.console = CONSOLE_SERIAL;
	ck_assert_int_eq(virtio_console_device.init(&console), 0);
	driver_bind(&driver, fake, SLOT);
	start_driver(_i ? FEATURES : BIT(VIRTIO_F_VERSION_1), QUEUES);
	offer(&queue[TX0], 0, OUT, 16, 0);
	driver_kick(&queue[TX0]);
	fake_poll(fake, 0);
	ck_assert_uint_eq(fake->term_len, 0);
	ck_assert(!driver_used(&queue[TX0], &id, &len));
	send(&queue[TX1], "hello", 5);
	expect_file("hello");
}
END_TEST

static void rng_setup(void)
{
	make_machine();
	rng = (struct device){ .ops = &virtio_rng_device, .vm = &fake->vm };
	ck_assert_int_eq(virtio_rng_device.init(&rng), 0);
	driver_bind(&driver, fake, SLOT);
	start_driver(BIT(VIRTIO_F_VERSION_1), 1);
}

static void rng_teardown(void)
{
	virtio_rng_device.exit(&rng);
	pci_host_device.exit(&bridge);
	fake_destroy(fake);
}

START_TEST(random_bytes)
{
	static const uint8_t zeroes[32];
	uint32_t id, len;

	memset(ram(BUFFER), 0, 80);
	offer(&queue[0], 0, BUFFER, 32, VRING_DESC_F_WRITE);
	offer(&queue[0], 1, BUFFER + 40, 32, VRING_DESC_F_WRITE);
	driver_kick(&queue[0]);
	fake_poll(fake, 0);
	ck_assert(driver_used(&queue[0], &id, &len));
	ck_assert_uint_eq(len, 32);
	ck_assert(driver_used(&queue[0], &id, &len));
	ck_assert_mem_ne(ram(BUFFER), zeroes, 32);
	ck_assert_mem_ne(ram(BUFFER), ram(BUFFER + 40), 32);
	ck_assert_mem_eq(ram(BUFFER + 32), zeroes, 8);
	ck_assert_mem_eq(ram(BUFFER + 72), zeroes, 8);
}
END_TEST

START_TEST(random_bytes_are_bounded)
{
	uint32_t id, len;

	offer(&queue[0], 0, BUFFER, 0x40000, VRING_DESC_F_WRITE);
	offer(&queue[0], 1, BUFFER, 16, 0);
	driver_kick(&queue[0]);
	fake_poll(fake, 0);
	ck_assert(driver_used(&queue[0], &id, &len));
	ck_assert_uint_eq(len, 4096);
	ck_assert(driver_used(&queue[0], &id, &len));
	ck_assert_uint_eq(len, 0);
}
END_TEST

static void add_console_tests(struct Suite *suite)
{
	TCase *tcase = tcase_create("console");

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, introduces_ports);
	tcase_add_test(tcase, port_output_goes_to_the_file);
	tcase_add_test(tcase, output_in_many_pieces);
	tcase_add_test(tcase, console_output_waits_for_the_terminal);
	tcase_add_test(tcase, input_reaches_the_guest);
	tcase_add_test(tcase, single_port_driver);
	tcase_add_test(tcase, reset_forgets_the_driver);
	tcase_add_test(tcase, hostile_control);
	tcase_add_test(tcase, hostile_buffers);
	tcase_add_test(tcase, port_file_errors);
	tcase_add_test(tcase, port_to_a_slow_reader);
	tcase_add_loop_test(tcase, no_console, 0, 2);
}

static void add_rng_tests(struct Suite *suite)
{
	TCase *tcase = tcase_create("rng");

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, rng_setup, rng_teardown);
	tcase_add_test(tcase, random_bytes);
	tcase_add_test(tcase, random_bytes_are_bounded);
}

int main(void)
{
	Suite *suite = suite_create("console");
	SRunner *runner = srunner_create(suite);
	int failed;

	add_console_tests(suite);
	add_rng_tests(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
