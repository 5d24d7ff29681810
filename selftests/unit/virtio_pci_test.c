// SPDX-License-Identifier: GPL-2.0-only
/*
 * The virtio-pci transport and the status machine, driven through PCI by a driver, with a device
 * that answers each request with its bytes backwards.
 */
#include <check.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <stdlib.h>
#include <string.h>

#include "fake_machine.h"
#include "machine.h"
#include "virtio/virtio_pci.h"

#define SLOT	 1
#define QUEUES	 2
#define RING0	 0x10000
#define RING1	 0x20000
#define DATA	 0x40000
#define MESSAGE	 0xfee01000ULL
#define REQUIRED (VIRTIO_FEATURE(VIRTIO_F_VERSION_1))
#define FEATURE	 3 /* of the test device */
#define DRIVER_OK                                                                             \
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK | \
	 VIRTIO_CONFIG_S_DRIVER_OK)

static struct fake_machine *fake;
static struct device bridge;
static struct virtio_pci vp;
static struct driver driver;
static struct driver_queue queue[QUEUES];
static uint8_t device_config[6] = { 1, 2, 3, 4, 5, 6 };
static unsigned int stopped[QUEUES];
static unsigned int kicks;

static void reverse(struct virtio_device *vdev, unsigned int index)
{
	struct virtio_queue *q = &vdev->queues[index];
	struct vq_chain chain;
	uint8_t buf[64];

	kicks++;
	while (vq_pop(&q->vq, &chain) > 0) {
		struct vq_cursor out = vq_out(&chain), in = vq_in(&chain);
		size_t len = vq_cursor_read(&out, buf, sizeof(buf));
		size_t i;

		for (i = 0; i < len; i++)
			vq_cursor_write(&in, &buf[len - 1 - i], 1);
		vq_push(&q->vq, chain.head, len);
	}
	virtio_used(q);
}

static void stop(struct virtio_device *vdev, unsigned int index)
{
	(void)vdev;
	stopped[index]++;
}

static const struct virtio_ops ops = {
	.type = 42,
	.pci_class = 0xff0000,
	.kick = reverse,
	.stop = stop,
};

static void setup(void)
{
	fake = fake_create();
	bridge = (struct device){ .ops = &pci_host_device, .vm = &fake->vm };
	ck_assert_int_eq(pci_host_device.init(&bridge), 0);
	memset(&vp, 0, sizeof(vp));
	memset(stopped, 0, sizeof(stopped));
	kicks = 0;
	vp.vdev.name = "reverse";
	vp.vdev.vm = &fake->vm;
	vp.vdev.ops = &ops;
	vp.vdev.device_features = VIRTIO_FEATURE(FEATURE);
	vp.vdev.config = device_config;
	vp.vdev.config_size = sizeof(device_config);
	ck_assert_int_eq(virtio_pci_init(&vp, QUEUES, 64), 0);
	driver_bind(&driver, fake, SLOT);
}

static void teardown(void)
{
	virtio_pci_exit(&vp);
	pci_host_device.exit(&bridge);
	ck_assert_uint_eq(fake->nr_ioeventfds, 0);
	fake_destroy(fake);
}

static uint32_t get(unsigned int reg, unsigned int size)
{
	return fake_read(fake, driver.common + reg, size);
}

static void put(unsigned int reg, unsigned int size, uint32_t value)
{
	fake_write(fake, driver.common + reg, size, value);
}

static void start(uint64_t features)
{
	ck_assert(driver_negotiate(&driver, features));
	driver_queue_init(&driver, &queue[0], 0, RING0);
	driver_queue_init(&driver, &queue[1], 1, RING1);
	driver_set_status(&driver, DRIVER_OK);
	ck_assert_uint_eq(driver_status(&driver), DRIVER_OK);
}

/* Descriptors 0 and 1: "abc" out, 8 bytes in. */
static void prepare(struct driver_queue *q)
{
	memcpy(guest_ptr(fake->vm.mem, DATA, 3), "abc", 3);
	memset(guest_ptr(fake->vm.mem, DATA + 0x100, 8), 0, 8);
	q->desc[0] = (struct vring_desc){ DATA, 3, VRING_DESC_F_NEXT, 1 };
	q->desc[1] = (struct vring_desc){ DATA + 0x100, 8, VRING_DESC_F_WRITE, 0 };
}

static void expect_answer(struct driver_queue *q)
{
	uint32_t id, len;

	fake_poll(fake, 0);
	ck_assert(driver_used(q, &id, &len));
	ck_assert_uint_eq(id, 0);
	ck_assert_uint_eq(len, 3);
	ck_assert_mem_eq(guest_ptr(fake->vm.mem, DATA + 0x100, 3), "cba", 3);
	ck_assert(!driver_used(q, &id, &len));
}

static void request(struct driver_queue *q)
{
	prepare(q);
	driver_add(q, 0);
	driver_kick(q);
	expect_answer(q);
}

START_TEST(identity)
{
	ck_assert_uint_eq(fake_config_read(fake, SLOT, 0, 4), (0x1040 + 42) << 16 | 0x1af4);
	ck_assert_uint_eq(fake_config_read(fake, SLOT, PCI_REVISION_ID, 1), 1);
	ck_assert_uint_eq(get(VIRTIO_PCI_COMMON_NUMQ, 2), QUEUES);
	ck_assert_uint_eq(get(VIRTIO_PCI_COMMON_MSIX, 2), VIRTIO_NO_VECTOR);
	ck_assert_uint_eq(driver_status(&driver), 0);
	driver_select(&driver, 1);
	ck_assert_uint_eq(get(VIRTIO_PCI_COMMON_Q_SIZE, 2), 64);
	ck_assert_uint_eq(get(VIRTIO_PCI_COMMON_Q_NOFF, 2), 1);
	driver_select(&driver, QUEUES);
	ck_assert_uint_eq(get(VIRTIO_PCI_COMMON_Q_SIZE, 2), 0);
	ck_assert_uint_eq(get(VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
}
END_TEST

START_TEST(offers_features)
{
	ck_assert_uint_eq(driver_features(&driver),
			  REQUIRED | VIRTIO_FEATURE(VIRTIO_RING_F_INDIRECT_DESC) |
				  VIRTIO_FEATURE(VIRTIO_RING_F_EVENT_IDX) |
				  VIRTIO_FEATURE(FEATURE));
	put(VIRTIO_PCI_COMMON_DFSELECT, 4, 2);
	ck_assert_uint_eq(get(VIRTIO_PCI_COMMON_DF, 4), 0);
	put(VIRTIO_PCI_COMMON_DFSELECT, 4, 0xffffffff);
	ck_assert_uint_eq(get(VIRTIO_PCI_COMMON_DF, 4), 0);
}
END_TEST

START_TEST(refuses_features)
{
	ck_assert(driver_negotiate(&driver, REQUIRED));
	ck_assert(!driver_negotiate(&driver, 0));
	ck_assert(!driver_negotiate(&driver, VIRTIO_FEATURE(FEATURE)));
	ck_assert(!driver_negotiate(&driver, REQUIRED | VIRTIO_FEATURE(FEATURE + 1)));
	ck_assert(!driver_negotiate(&driver, REQUIRED | VIRTIO_FEATURE(63)));
	/* Not ready without FEATURES_OK. */
	driver_set_status(&driver, DRIVER_OK);
	ck_assert(!(driver_status(&driver) & VIRTIO_CONFIG_S_DRIVER_OK));
}
END_TEST

START_TEST(features_are_settled_once)
{
	ck_assert(driver_negotiate(&driver, REQUIRED));
	put(VIRTIO_PCI_COMMON_GFSELECT, 4, 0);
	put(VIRTIO_PCI_COMMON_GF, 4, 1 << FEATURE);
	ck_assert_uint_eq(get(VIRTIO_PCI_COMMON_GF, 4), 0);
	put(VIRTIO_PCI_COMMON_GFSELECT, 4, 7);
	put(VIRTIO_PCI_COMMON_GF, 4, 1);
	ck_assert_uint_eq(get(VIRTIO_PCI_COMMON_GF, 4), 0);
	ck_assert(!virtio_has_feature(&vp.vdev, FEATURE));
}
END_TEST

START_TEST(status_bits_only_grow)
{
	start(REQUIRED);
	driver_set_status(&driver, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	ck_assert_uint_eq(driver_status(&driver), DRIVER_OK);
	driver_set_status(&driver, VIRTIO_CONFIG_S_NEEDS_RESET);
	ck_assert_uint_eq(driver_status(&driver), DRIVER_OK);
	driver_set_status(&driver, 0);
	ck_assert_uint_eq(driver_status(&driver), 0);
}
END_TEST

START_TEST(answers_requests)
{
	start(REQUIRED);
	ck_assert_uint_eq(fake->nr_ioeventfds, QUEUES);
	request(&queue[0]);
	request(&queue[1]);
	request(&queue[0]);
}
END_TEST

START_TEST(answers_without_ioeventfds)
{
	teardown();
	setup();
	/* The BAR is taken away and comes back where there are none. */
	fake_config_write(fake, SLOT, PCI_COMMAND, 2, 0);
	ck_assert_uint_eq(fake->nr_ioeventfds, 0);
	fake->no_ioeventfd = true;
	fake_config_write(fake, SLOT, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	start(REQUIRED);
	request(&queue[1]);
	fake_write(fake, driver.notify + 4 * QUEUES, 2, QUEUES);
	fake_write(fake, driver.notify + 0xffc, 4, 0);
	ck_assert_uint_eq(fake_poll(fake, 0), 0);
}
END_TEST

START_TEST(requests_before_driver_ok_wait)
{
	ck_assert(driver_negotiate(&driver, REQUIRED));
	driver_queue_init(&driver, &queue[0], 0, RING0);
	prepare(&queue[0]);
	driver_add(&queue[0], 0);
	driver_kick(&queue[0]);
	fake_poll(fake, 0);
	ck_assert_uint_eq(kicks, 0);
	driver_set_status(&driver, DRIVER_OK);
	expect_answer(&queue[0]);
}
END_TEST

START_TEST(interrupts_by_msix)
{
	driver_enable_msix(&driver);
	driver_set_vector(&driver, 0, MESSAGE, 10);
	driver_set_vector(&driver, 1, MESSAGE, 11);
	start(REQUIRED);
	request(&queue[1]);
	ck_assert_uint_eq(fake_messages(fake, MESSAGE, 10), 0);
	ck_assert_uint_eq(fake_messages(fake, MESSAGE, 11), 1);
	queue[1].avail_ring->flags = VRING_AVAIL_F_NO_INTERRUPT;
	request(&queue[1]);
	ck_assert_uint_eq(fake_messages(fake, MESSAGE, 11), 0);
	ck_assert_uint_eq(fake->line_changes, 0);
	/* No vector, no interrupt; a vector beyond the table is refused. */
	driver_select(&driver, 0);
	put(VIRTIO_PCI_COMMON_Q_MSIX, 2, QUEUES + 1);
	ck_assert_uint_eq(get(VIRTIO_PCI_COMMON_Q_MSIX, 2), VIRTIO_NO_VECTOR);
	request(&queue[0]);
	ck_assert_uint_eq(fake_messages(fake, MESSAGE, 10), 0);
}
END_TEST

START_TEST(interrupts_by_intx)
{
	unsigned int gsi = MACHINE_PCI_INTX(SLOT, 0);

	start(REQUIRED);
	request(&queue[0]);
	ck_assert(fake->line[gsi]);
	ck_assert_uint_eq(fake_read(fake, driver.isr, 1), 1);
	ck_assert(!fake->line[gsi]);
	ck_assert_uint_eq(fake_read(fake, driver.isr, 1), 0);
	virtio_fail(&vp.vdev, "a test");
	ck_assert(fake->line[gsi]);
	ck_assert_uint_eq(fake_read(fake, driver.isr, 1), 2);
	ck_assert(driver_status(&driver) & VIRTIO_CONFIG_S_NEEDS_RESET);
	driver_set_status(&driver, 0);
	ck_assert(!fake->line[gsi]);
}
END_TEST

START_TEST(reads_device_configuration)
{
	ck_assert_uint_eq(fake_read(fake, driver.config, 4), 0x04030201);
	ck_assert_uint_eq(fake_read(fake, driver.config + 4, 2), 0x0605);
	ck_assert_uint_eq(fake_read(fake, driver.config + 4, 4), 0x0605);
	ck_assert_uint_eq(fake_read(fake, driver.config + 8, 4), 0);
	ck_assert_uint_eq(fake_read(fake, driver.config + 0xfff, 1), 0);
	fake_write(fake, driver.config, 4, 0xffffffff);
	ck_assert_uint_eq(fake_read(fake, driver.config, 1), 1);
	ck_assert_uint_eq(get(VIRTIO_PCI_COMMON_CFGGENERATION, 1), 0);
}
END_TEST

static const struct {
	unsigned int reg;
	unsigned int size;
} layout_regs[] = {
	{ VIRTIO_PCI_COMMON_Q_SIZE, 2 },    { VIRTIO_PCI_COMMON_Q_DESCLO, 4 },
	{ VIRTIO_PCI_COMMON_Q_DESCHI, 4 },  { VIRTIO_PCI_COMMON_Q_AVAILLO, 4 },
	{ VIRTIO_PCI_COMMON_Q_AVAILHI, 4 }, { VIRTIO_PCI_COMMON_Q_USEDLO, 4 },
	{ VIRTIO_PCI_COMMON_Q_USEDHI, 4 },
};

START_TEST(row21_layout_changes_after_activation)
{
	uint32_t before, id, len;

	start(REQUIRED);
	driver_select(&driver, 0);
	before = get(layout_regs[_i].reg, layout_regs[_i].size);
	put(layout_regs[_i].reg, layout_regs[_i].size, 32);
	ck_assert_uint_eq(get(layout_regs[_i].reg, layout_regs[_i].size), before);
	ck_assert(driver_status(&driver) & VIRTIO_CONFIG_S_NEEDS_RESET);
	/* The device has stopped, until a reset. */
	prepare(&queue[1]);
	driver_add(&queue[1], 0);
	driver_kick(&queue[1]);
	fake_poll(fake, 0);
	ck_assert(!driver_used(&queue[1], &id, &len));
	start(REQUIRED);
	request(&queue[1]);
}
END_TEST

START_TEST(row21_broken_chain_needs_reset)
{
	driver_enable_msix(&driver);
	driver_set_vector(&driver, 2, MESSAGE, 12);
	start(REQUIRED);
	put(VIRTIO_PCI_COMMON_MSIX, 2, 2);
	queue[0].desc[0] = (struct vring_desc){ DATA, 3, VRING_DESC_F_NEXT, 0 };
	driver_add(&queue[0], 0);
	driver_kick(&queue[0]);
	fake_poll(fake, 0);
	ck_assert(driver_status(&driver) & VIRTIO_CONFIG_S_NEEDS_RESET);
	ck_assert_uint_eq(fake_messages(fake, MESSAGE, 12), 1);
	driver_kick(&queue[0]);
	driver_kick(&queue[1]);
	fake_poll(fake, 0);
	ck_assert_uint_eq(fake_messages(fake, MESSAGE, 12), 0);
	start(REQUIRED);
	request(&queue[0]);
}
END_TEST

START_TEST(row21_unusable_queue_needs_reset)
{
	ck_assert(driver_negotiate(&driver, REQUIRED));
	driver_select(&driver, 0);
	put(VIRTIO_PCI_COMMON_Q_SIZE, 2, 48);
	put(VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	ck_assert_uint_eq(get(VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
	ck_assert(driver_status(&driver) & VIRTIO_CONFIG_S_NEEDS_RESET);
	/* Before the features are settled no queue can be enabled. */
	driver_set_status(&driver, 0);
	ck_assert_uint_eq(get(VIRTIO_PCI_COMMON_Q_SIZE, 2), 64);
	put(VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	ck_assert_uint_eq(get(VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
	driver_select(&driver, 0xffff);
	put(VIRTIO_PCI_COMMON_Q_SIZE, 2, 1);
	put(VIRTIO_PCI_COMMON_Q_DESCLO, 4, 1);
	put(VIRTIO_PCI_COMMON_Q_MSIX, 2, 1);
	put(VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	ck_assert_uint_eq(get(VIRTIO_PCI_COMMON_Q_DESCLO, 4), 0);
}
END_TEST

START_TEST(odd_accesses)
{
	uint64_t offset;
	unsigned int size;

	/* Any offset and size in the BAR, reads and writes; then it still works. */
	for (offset = 0; offset < 0x4000; offset++) {
		for (size = 1; size <= 8; size *= 2) {
			fake_read(fake, driver.common + offset, size);
			fake_write(fake, driver.common + offset, size, offset * 0x01010101);
		}
	}
	ck_assert_uint_eq(get(VIRTIO_PCI_COMMON_Q_SIZE, 4), 0);
	ck_assert_uint_eq(get(VIRTIO_PCI_COMMON_Q_SIZE + 1, 1), 0);
	start(REQUIRED);
	request(&queue[0]);
}
END_TEST

START_TEST(reset_forgets_everything)
{
	start(REQUIRED);
	request(&queue[0]);
	driver_set_status(&driver, 0);
	ck_assert_uint_eq(stopped[0], 2); /* by the negotiation as well */
	ck_assert_uint_eq(stopped[1], 2);
	driver_select(&driver, 0);
	ck_assert_uint_eq(get(VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
	ck_assert_uint_eq(get(VIRTIO_PCI_COMMON_Q_SIZE, 2), 64);
	ck_assert_uint_eq(get(VIRTIO_PCI_COMMON_Q_DESCLO, 4), 0);
	ck_assert_uint_eq(get(VIRTIO_PCI_COMMON_Q_MSIX, 2), VIRTIO_NO_VECTOR);
	kicks = 0;
	driver_kick(&queue[0]);
	fake_poll(fake, 0);
	ck_assert_uint_eq(kicks, 0);
}
END_TEST

START_TEST(machine_reset)
{
	start(REQUIRED);
	virtio_pci_reset(&vp);
	ck_assert_uint_eq(fake->nr_ioeventfds, 0);
	ck_assert_uint_eq(fake_read(fake, driver.common, 4), 0xffffffff);
	driver_bind(&driver, fake, SLOT);
	ck_assert_uint_eq(driver_status(&driver), 0);
	start(REQUIRED);
	request(&queue[0]);
}
END_TEST

/* The window in configuration space. */

static unsigned int window;

static void aim(uint8_t bar, uint32_t offset, uint32_t length)
{
	window = fake_find_capability(fake, SLOT, PCI_CAP_ID_VNDR, VIRTIO_PCI_CAP_PCI_CFG);
	ck_assert_uint_ne(window, 0);
	fake_config_write(fake, SLOT, window + VIRTIO_PCI_CAP_BAR, 1, bar);
	fake_config_write(fake, SLOT, window + VIRTIO_PCI_CAP_OFFSET, 4, offset);
	fake_config_write(fake, SLOT, window + VIRTIO_PCI_CAP_LENGTH, 4, length);
}

START_TEST(window_reaches_the_registers)
{
	aim(0, VIRTIO_PCI_COMMON_NUMQ, 2);
	ck_assert_uint_eq(fake_config_read(fake, SLOT, window + 16, 2), QUEUES);
	aim(0, VIRTIO_PCI_COMMON_Q_SELECT, 2);
	fake_config_write(fake, SLOT, window + 16, 2, 1);
	ck_assert_uint_eq(get(VIRTIO_PCI_COMMON_Q_SELECT, 2), 1);
	aim(0, VIRTIO_PCI_COMMON_STATUS, 1);
	fake_config_write(fake, SLOT, window + 16, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	ck_assert_uint_eq(fake_config_read(fake, SLOT, window + 16, 1),
			  VIRTIO_CONFIG_S_ACKNOWLEDGE);
}
END_TEST

static const struct {
	uint8_t bar;
	uint32_t offset;
	uint32_t length;
} bad_window[] = {
	{ 0, VIRTIO_PCI_COMMON_STATUS, 0 },
	{ 0, VIRTIO_PCI_COMMON_STATUS, 3 },
	{ 0, 0x4000, 1 },
	{ 0, 0x3fff, 4 },
	{ 0, 0xffffffff, 1 },
	{ 0, 0xfffffffc, 4 },
	{ 1, VIRTIO_PCI_COMMON_STATUS, 1 },
	{ 255, VIRTIO_PCI_COMMON_STATUS, 1 },
	{ 0, 0x4000, 0x80000000 },
	{ 2, 0, 4 },
};

START_TEST(row24_window_stays_in_the_bar)
{
	aim(bad_window[_i].bar, bad_window[_i].offset, bad_window[_i].length);
	fake_config_write(fake, SLOT, window + 16, 4, 0x01010101);
	ck_assert_uint_eq(fake_config_read(fake, SLOT, window + 16, 4), 0x01010101);
	ck_assert_uint_eq(driver_status(&driver), 0);
}
END_TEST

#define LOOP(tcase, test, table) \
	tcase_add_loop_test(tcase, test, 0, sizeof(table) / sizeof((table)[0]))

int main(void)
{
	Suite *suite = suite_create("virtio_pci");
	TCase *tcase = tcase_create("virtio_pci");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, identity);
	tcase_add_test(tcase, offers_features);
	tcase_add_test(tcase, refuses_features);
	tcase_add_test(tcase, features_are_settled_once);
	tcase_add_test(tcase, status_bits_only_grow);
	tcase_add_test(tcase, answers_requests);
	tcase_add_test(tcase, answers_without_ioeventfds);
	tcase_add_test(tcase, requests_before_driver_ok_wait);
	tcase_add_test(tcase, interrupts_by_msix);
	tcase_add_test(tcase, interrupts_by_intx);
	tcase_add_test(tcase, reads_device_configuration);
	LOOP(tcase, row21_layout_changes_after_activation, layout_regs);
	tcase_add_test(tcase, row21_broken_chain_needs_reset);
	tcase_add_test(tcase, row21_unusable_queue_needs_reset);
	tcase_add_test(tcase, odd_accesses);
	tcase_add_test(tcase, reset_forgets_everything);
	tcase_add_test(tcase, machine_reset);
	tcase_add_test(tcase, window_reaches_the_registers);
	LOOP(tcase, row24_window_stays_in_the_bar, bad_window);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
