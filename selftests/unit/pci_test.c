// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PCI bus: both configuration mechanisms, BARs, capabilities, MSI-X, INTx; security row 24 for
 * BAR arithmetic.
 *
 * Sources: fake_machine.c user/pci/{host,device,msix}.c user/bus.c user/mem.c user/error.c
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "fake_machine.h"
#include "machine.h"
#include "pci/pci.h"

#define SLOT	   1 /* 0 is the bridge */
#define BAR64	   0
#define BAR32	   2
#define MSIX_BAR   3
#define BAR64_SIZE 0x8000
#define BAR32_SIZE 0x1000
#define VECTORS	   3
#define ECAM(slot) (MACHINE_ECAM_BASE + ((slot) << 15))
#define MESSAGE	   0xfee00000ULL

static struct fake_machine *fake;
static struct device bridge;
static struct pci_device pci;
static uint64_t last_offset;
static uint64_t last_value;
static int maps[PCI_BARS];

static uint64_t bar_read(void *opaque, uint64_t offset, unsigned int size)
{
	ck_assert_ptr_eq(opaque, &pci);
	return offset << 8 | size;
}

static void bar_write(void *opaque, uint64_t offset, unsigned int size, uint64_t value)
{
	ck_assert_ptr_eq(opaque, &pci);
	ck_assert_int_le(size, 8);
	last_offset = offset;
	last_value = value;
}

static const struct bus_ops bar_ops = {
	.read = bar_read,
	.write = bar_write,
};

static void bar_mapped(struct pci_device *dev, unsigned int bar, bool mapped)
{
	ck_assert_int_eq(dev->bars[bar].mapped, mapped);
	maps[bar] += mapped ? 1 : -1;
}

static const struct pci_device_ops ops = {
	.bar_mapped = bar_mapped,
};

static const struct pci_identity id = {
	.vendor = 0x1234,
	.device = 0x5678,
	.subsystem_vendor = 0x9abc,
	.subsystem = 0xdef0,
	.class = 0x018000,
	.revision = 7,
	.intx = true,
};

static void add_device(struct pci_device *dev)
{
	memset(dev, 0, sizeof(*dev));
	dev->name = "test";
	dev->vm = &fake->vm;
	dev->ops = &ops;
	pci_device_init(dev, &id);
}

static void setup(void)
{
	fake = fake_create();
	memset(maps, 0, sizeof(maps));
	bridge = (struct device){ .ops = &pci_host_device, .vm = &fake->vm };
	ck_assert_int_eq(pci_host_device.init(&bridge), 0);
	add_device(&pci);
	ck_assert_int_eq(pci_add_bar(&pci, BAR64, BAR64_SIZE, true, &bar_ops, &pci), 0);
	ck_assert_int_eq(pci_add_bar(&pci, BAR32, BAR32_SIZE, false, &bar_ops, &pci), 0);
	ck_assert_int_eq(pci_add_msix(&pci, MSIX_BAR, VECTORS), 0);
	ck_assert_int_eq(pci_device_register(&pci), 0);
}

static void teardown(void)
{
	pci_device_exit(&pci);
	pci_host_device.exit(&bridge);
	ck_assert_int_eq(fake->nr_ioeventfds, 0);
	fake_destroy(fake);
}

static uint32_t config(unsigned int offset, unsigned int size)
{
	return fake_config_read(fake, SLOT, offset, size);
}

static void set_config(unsigned int offset, unsigned int size, uint32_t value)
{
	fake_config_write(fake, SLOT, offset, size, value);
}

static void decode(bool on)
{
	set_config(PCI_COMMAND, 2, on ? PCI_COMMAND_MEMORY : 0);
}

static uint64_t bar_base(unsigned int bar)
{
	return config(PCI_BASE_ADDRESS_0 + 4 * bar, 4) & ~15U;
}

START_TEST(identity)
{
	ck_assert_uint_eq(config(0, 4), 0x56781234);
	ck_assert_uint_eq(config(2, 2), 0x5678);
	ck_assert_uint_eq(config(3, 1), 0x56);
	ck_assert_uint_eq(config(PCI_CLASS_REVISION, 4), 0x01800007);
	ck_assert_uint_eq(config(PCI_SUBSYSTEM_VENDOR_ID, 4), 0xdef09abc);
	ck_assert_uint_eq(config(PCI_HEADER_TYPE, 1), 0);
	ck_assert_uint_eq(config(PCI_INTERRUPT_PIN, 1), 1);
	ck_assert_uint_eq(config(PCI_INTERRUPT_LINE, 1), MACHINE_PCI_INTX(SLOT, 0));
	ck_assert_uint_eq(fake_config_read(fake, 0, PCI_CLASS_REVISION, 4) >> 8, 0x060000);
	set_config(0, 4, 0);
	ck_assert_uint_eq(config(0, 4), 0x56781234);
}
END_TEST

START_TEST(absent_functions_read_all_ones)
{
	uint32_t value, address = 0x80000000U | SLOT << 11 | 1 << 8;

	ck_assert_uint_eq(fake_config_read(fake, 2, 0, 4), 0xffffffff);
	ck_assert_uint_eq(fake_config_read(fake, 31, 0, 2), 0xffff);
	/* Function 1 of a slot that has function 0; bus 1; a latch without the enable bit. */
	bus_access(fake->vm.pio, MACHINE_PCI_CONFIG_ADDRESS, 4, true, &address);
	bus_access(fake->vm.pio, MACHINE_PCI_CONFIG_DATA, 4, false, &value);
	ck_assert_uint_eq(value, 0xffffffff);
	address = 0x80000000U | 1 << 16 | SLOT << 11;
	bus_access(fake->vm.pio, MACHINE_PCI_CONFIG_ADDRESS, 4, true, &address);
	bus_access(fake->vm.pio, MACHINE_PCI_CONFIG_DATA, 4, false, &value);
	ck_assert_uint_eq(value, 0xffffffff);
	address = SLOT << 11;
	bus_access(fake->vm.pio, MACHINE_PCI_CONFIG_ADDRESS, 4, true, &address);
	bus_access(fake->vm.pio, MACHINE_PCI_CONFIG_DATA, 4, false, &value);
	ck_assert_uint_eq(value, 0xffffffff);
	ck_assert_uint_eq(fake_read(fake, ECAM(2), 4), 0xffffffff);
	ck_assert_uint_eq(fake_read(fake, ECAM(SLOT) + 0x1000, 4), 0xffffffff);
	ck_assert_uint_eq(fake_read(fake, ECAM(SLOT) + 0x100000, 4), 0xffffffff);
}
END_TEST

START_TEST(address_latch_takes_whole_words)
{
	uint32_t address = 0x80000800, value = 0;
	uint8_t byte = 0xff;

	bus_access(fake->vm.pio, MACHINE_PCI_CONFIG_ADDRESS, 4, true, &address);
	bus_access(fake->vm.pio, MACHINE_PCI_CONFIG_ADDRESS, 1, true, &byte);
	bus_access(fake->vm.pio, MACHINE_PCI_CONFIG_ADDRESS + 2, 2, true, &value);
	bus_access(fake->vm.pio, MACHINE_PCI_CONFIG_ADDRESS, 4, false, &value);
	ck_assert_uint_eq(value, address);
	byte = 0;
	bus_access(fake->vm.pio, MACHINE_PCI_CONFIG_ADDRESS + 1, 1, false, &byte);
	ck_assert_uint_eq(byte, 0xff);
}
END_TEST

START_TEST(ecam_is_the_same_space)
{
	unsigned int offset;

	for (offset = 0; offset < 256; offset++)
		ck_assert_uint_eq(fake_read(fake, ECAM(SLOT) + offset, 1), config(offset, 1));
	ck_assert_uint_eq(fake_read(fake, ECAM(SLOT), 8),
			  (uint64_t)config(4, 4) << 32 | config(0, 4));
	fake_write(fake, ECAM(SLOT) + PCI_CACHE_LINE_SIZE, 1, 0x10);
	ck_assert_uint_eq(config(PCI_CACHE_LINE_SIZE, 1), 0x10);
	fake_write(fake, ECAM(SLOT) + 8, 8, 0x20ULL << 32 | 0xffffffff);
	ck_assert_uint_eq(config(PCI_CACHE_LINE_SIZE, 1), 0x20);
	ck_assert_uint_eq(config(PCI_CLASS_REVISION, 4), 0x01800007);
}
END_TEST

START_TEST(accesses_stay_in_the_space)
{
	ck_assert_uint_eq(pci_config_read(&pci, PCI_CONFIG_SIZE - 4, 4), 0);
	ck_assert_uint_eq(pci_config_read(&pci, PCI_CONFIG_SIZE - 3, 4), 0xffffffff);
	ck_assert_uint_eq(pci_config_read(&pci, UINT32_MAX, 4), 0xffffffff);
	ck_assert_uint_eq(pci_config_read(&pci, 0, 0), 0xffffffff);
	ck_assert_uint_eq(pci_config_read(&pci, 0, 8), 0xffffffff);
	pci_config_write(&pci, PCI_CONFIG_SIZE - 1, 2, 0);
	pci_config_write(&pci, UINT32_MAX, 1, 0);
	/* An unaligned access across the end of a function's ECAM page. */
	ck_assert_uint_eq(fake_read(fake, ECAM(SLOT) + 0xffd, 4), 0xffffffff);
	ck_assert_uint_eq(fake_read(fake, ECAM(SLOT) + 0xffc, 8) >> 32, 0xffffffff);
	fake_write(fake, ECAM(SLOT) + 0xfff, 4, 0);
	fake_write(fake, ECAM(SLOT) + 0xffc, 8, 0);
}
END_TEST

START_TEST(command_bits)
{
	set_config(PCI_COMMAND, 2, 0xffff);
	ck_assert_uint_eq(config(PCI_COMMAND, 2), PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
							  PCI_COMMAND_PARITY | PCI_COMMAND_SERR |
							  PCI_COMMAND_INTX_DISABLE);
	ck_assert_uint_eq(config(PCI_STATUS, 2), PCI_STATUS_CAP_LIST);
	set_config(PCI_STATUS, 2, 0xffff);
	ck_assert_uint_eq(config(PCI_STATUS, 2), PCI_STATUS_CAP_LIST);
}
END_TEST

START_TEST(bars_are_placed)
{
	uint64_t first = bar_base(BAR64), second = bar_base(BAR32), third = bar_base(MSIX_BAR);

	ck_assert_uint_eq(config(PCI_BASE_ADDRESS_0, 4) & 15, PCI_BASE_ADDRESS_MEM_TYPE_64);
	ck_assert_uint_eq(config(PCI_BASE_ADDRESS_2, 4) & 15, 0);
	ck_assert_uint_eq(first % BAR64_SIZE, 0);
	ck_assert_uint_ge(first, MACHINE_PCI_MMIO_BASE);
	ck_assert_uint_ge(second, first + BAR64_SIZE);
	ck_assert_uint_ge(third, second + BAR32_SIZE);
	ck_assert_uint_lt(third, MACHINE_PCI_MMIO_BASE + MACHINE_PCI_MMIO_SIZE);
	/* Not decoded until the guest says so. */
	ck_assert_uint_eq(fake_read(fake, first, 4), 0xffffffff);
	decode(true);
	ck_assert_uint_eq(fake_read(fake, first + 0x120, 4), 0x12004);
	ck_assert_uint_eq(fake_read(fake, second + 0xffc, 4), 0xffc04);
	fake_write(fake, second + 8, 8, 0x1122334455667788);
	ck_assert_uint_eq(last_offset, 8);
	ck_assert_uint_eq(last_value, 0x1122334455667788);
	decode(false);
	ck_assert_uint_eq(fake_read(fake, second, 4), 0xffffffff);
	ck_assert_int_eq(maps[BAR64], 0);
}
END_TEST

START_TEST(bars_tell_their_size)
{
	set_config(PCI_BASE_ADDRESS_0, 4, 0xffffffff);
	set_config(PCI_BASE_ADDRESS_1, 4, 0xffffffff);
	set_config(PCI_BASE_ADDRESS_2, 4, 0xffffffff);
	set_config(PCI_BASE_ADDRESS_5, 4, 0xffffffff);
	ck_assert_uint_eq(config(PCI_BASE_ADDRESS_0, 4), 0xffff8004);
	ck_assert_uint_eq(config(PCI_BASE_ADDRESS_1, 4), 0xffffffff);
	ck_assert_uint_eq(config(PCI_BASE_ADDRESS_2, 4), 0xfffff000);
	ck_assert_uint_eq(config(PCI_BASE_ADDRESS_5, 4), 0);
	ck_assert_uint_eq(config(PCI_ROM_ADDRESS, 4), 0);
}
END_TEST

START_TEST(bars_move)
{
	uint64_t home = bar_base(BAR64);
	uint64_t there = 0x12345678000ULL & ~(BAR64_SIZE - 1ULL);

	decode(true);
	set_config(PCI_BASE_ADDRESS_1, 4, there >> 32);
	set_config(PCI_BASE_ADDRESS_0, 4, there);
	ck_assert_uint_eq(fake_read(fake, home, 4), 0xffffffff);
	ck_assert_uint_eq(fake_read(fake, there + 4, 4), 0x404);
	ck_assert_int_eq(maps[BAR64], 1);
	pci_device_reset(&pci);
	ck_assert_uint_eq(fake_read(fake, there, 4), 0xffffffff);
	ck_assert_uint_eq(bar_base(BAR64), home);
	ck_assert_int_eq(maps[BAR64], 0);
	decode(true);
	ck_assert_uint_eq(fake_read(fake, home + 4, 4), 0x404);
}
END_TEST

START_TEST(row24_bar_at_the_top_of_the_address_space)
{
	decode(true);
	set_config(PCI_BASE_ADDRESS_1, 4, 0xffffffff);
	set_config(PCI_BASE_ADDRESS_0, 4, 0xffffffff);
	/* [2^64 - size, 2^64): legal, and its end must not wrap. */
	ck_assert_uint_eq(fake_read(fake, UINT64_MAX - 3, 4), 0x7ffc04);
	ck_assert_uint_eq(fake_read(fake, UINT64_MAX - 2, 4), 0xffffffff);
	ck_assert_uint_eq(fake_read(fake, 0, 4), 0xffffffff);
	ck_assert_int_eq(maps[BAR64], 1);
}
END_TEST

START_TEST(row24_bars_on_top_of_others)
{
	uint64_t home = bar_base(BAR32);

	decode(true);
	/* Over another BAR, and over ECAM: it answers nowhere, what was there still does. */
	set_config(PCI_BASE_ADDRESS_2, 4, bar_base(BAR64) + 0x1000);
	ck_assert_int_eq(maps[BAR32], 0);
	ck_assert_uint_eq(fake_read(fake, bar_base(BAR64) + 0x1000, 4), 0x100004);
	set_config(PCI_BASE_ADDRESS_2, 4, MACHINE_ECAM_BASE);
	ck_assert_int_eq(maps[BAR32], 0);
	ck_assert_uint_eq(fake_read(fake, ECAM(SLOT), 4), 0x56781234);
	decode(false);
	decode(true);
	ck_assert_int_eq(maps[BAR32], 0);
	set_config(PCI_BASE_ADDRESS_2, 4, home);
	ck_assert_int_eq(maps[BAR32], 1);
	ck_assert_uint_eq(fake_read(fake, home, 4), 4);
}
END_TEST

START_TEST(refuses_impossible_functions)
{
	struct pci_device other;
	uint8_t body[256] = { 0 };

	add_device(&other);
	ck_assert_int_lt(pci_add_bar(&other, 6, 4096, false, &bar_ops, &pci), 0);
	ck_assert_int_lt(pci_add_bar(&other, 5, 4096, true, &bar_ops, &pci), 0);
	ck_assert_int_lt(pci_add_bar(&other, 0, 2048, false, &bar_ops, &pci), 0);
	ck_assert_int_lt(pci_add_bar(&other, 0, 12288, false, &bar_ops, &pci), 0);
	ck_assert_int_lt(pci_add_bar(&other, 0, 1ULL << 32, false, &bar_ops, &pci), 0);
	ck_assert_int_eq(pci_add_bar(&other, 0, 1U << 30, true, &bar_ops, &pci), 0);
	ck_assert_int_lt(pci_add_bar(&other, 1, 4096, false, &bar_ops, &pci), 0);
	ck_assert_int_lt(pci_add_capability(&other, PCI_CAP_ID_VNDR, body, 0xc0), 0);
	ck_assert_int_lt(pci_add_msix(&other, 2, 0), 0);
	ck_assert_int_lt(pci_add_msix(&other, 2, PCI_MSIX_MAX_VECTORS + 1), 0);
	/* 1 GiB does not fit into the window. */
	ck_assert_int_lt(pci_device_register(&other), 0);
	pci_device_exit(&other);
	ck_assert_uint_eq(fake_config_read(fake, SLOT + 1, 0, 4), 0xffffffff);
}
END_TEST

/* MSI-X */

static uint64_t table;

static void put_vector(unsigned int vector, unsigned int word, uint32_t value)
{
	fake_write(fake, table + 16 * vector + 4 * word, 4, value);
}

static void set_vector(unsigned int vector, uint64_t addr, uint32_t data)
{
	put_vector(vector, 0, addr);
	put_vector(vector, 1, addr >> 32);
	put_vector(vector, 2, data);
}

static void msix_control(uint16_t value)
{
	set_config(fake_find_capability(fake, SLOT, PCI_CAP_ID_MSIX, -1) + PCI_MSIX_FLAGS, 2,
		   value);
}

static uint64_t pending(void)
{
	return fake_read(fake, table + 0x800, 8);
}

static void msix_setup(void)
{
	setup();
	decode(true);
	table = bar_base(MSIX_BAR);
}

START_TEST(msix_capability)
{
	unsigned int cap = fake_find_capability(fake, SLOT, PCI_CAP_ID_MSIX, -1);

	ck_assert_uint_ne(cap, 0);
	ck_assert_uint_eq(config(cap + PCI_MSIX_FLAGS, 2), VECTORS - 1);
	msix_control(0xffff);
	ck_assert_uint_eq(config(cap + PCI_MSIX_FLAGS, 2),
			  (VECTORS - 1) | PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	ck_assert_uint_eq(config(cap + PCI_MSIX_TABLE, 4), MSIX_BAR);
	ck_assert_uint_eq(config(cap + PCI_MSIX_PBA, 4), 0x800 | MSIX_BAR);
	ck_assert_uint_eq(fake_read(fake, table + 12, 4), 1);
}
END_TEST

START_TEST(msix_signals)
{
	msix_control(PCI_MSIX_FLAGS_ENABLE);
	set_vector(1, MESSAGE, 0x41);
	put_vector(1, 3, 0);
	pci_msix_signal(&pci, 1);
	ck_assert_uint_eq(fake_messages(fake, MESSAGE, 0x41), 1);
	ck_assert_uint_eq(pending(), 0);
	/* Rewriting the same entry costs no new route. */
	set_vector(1, MESSAGE, 0x41);
	put_vector(1, 3, 1);
	put_vector(1, 3, 0);
	ck_assert_uint_eq(fake->route[0].nr_set, 1);
	/* A new message does. */
	put_vector(1, 3, 1);
	set_vector(1, MESSAGE + 0x1000, 0x42);
	ck_assert_uint_eq(fake->route[0].nr_set, 1);
	put_vector(1, 3, 0);
	ck_assert_uint_eq(fake->route[0].nr_set, 2);
	pci_msix_signal(&pci, 1);
	ck_assert_uint_eq(fake_messages(fake, MESSAGE + 0x1000, 0x42), 1);
	/* And no other vector has a route. */
	ck_assert(!fake->route[1].allocated);
}
END_TEST

START_TEST(msix_masked_signals_wait)
{
	msix_control(PCI_MSIX_FLAGS_ENABLE);
	set_vector(2, MESSAGE, 0x50);
	pci_msix_signal(&pci, 2);
	pci_msix_signal(&pci, 2);
	ck_assert_uint_eq(pending(), 4);
	ck_assert_uint_eq(fake_read(fake, table + 0x800, 4), 4);
	put_vector(2, 3, 0);
	ck_assert_uint_eq(fake_messages(fake, MESSAGE, 0x50), 1);
	ck_assert_uint_eq(pending(), 0);
	msix_control(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	pci_msix_signal(&pci, 2);
	ck_assert_uint_eq(fake_messages(fake, MESSAGE, 0x50), 0);
	ck_assert_uint_eq(pending(), 4);
	msix_control(PCI_MSIX_FLAGS_ENABLE);
	ck_assert_uint_eq(fake_messages(fake, MESSAGE, 0x50), 1);
}
END_TEST

START_TEST(msix_without_a_route_stays_shut)
{
	fake->no_routes = true;
	msix_control(PCI_MSIX_FLAGS_ENABLE);
	set_vector(0, MESSAGE, 0x60);
	put_vector(0, 3, 0);
	pci_msix_signal(&pci, 0);
	ck_assert_uint_eq(pending(), 1);
	fake->no_routes = false;
	put_vector(0, 3, 0);
	ck_assert_uint_eq(fake_messages(fake, MESSAGE, 0x60), 1);
}
END_TEST

START_TEST(msix_table_bounds)
{
	uint64_t offset;

	pci_msix_signal(&pci, VECTORS);
	pci_msix_signal(&pci, UINT32_MAX);
	ck_assert_uint_eq(pending(), 0);
	for (offset = 0; offset < 4096; offset++) {
		fake_write(fake, table + offset, 1, 0xff);
		fake_write(fake, table + offset, 2, 0xffff);
		if (offset >= 16 * VECTORS) {
			fake_write(fake, table + offset, 4, 0xffffffff);
			fake_write(fake, table + offset, 8, UINT64_MAX);
		}
		fake_read(fake, table + offset, 1);
		fake_read(fake, table + offset, 8);
	}
	for (offset = 0; offset < 16 * VECTORS; offset += 4)
		ck_assert_uint_eq(fake_read(fake, table + offset, 4), offset % 16 == 12);
	ck_assert_uint_eq(fake_read(fake, table + 16 * VECTORS, 8), 0);
	ck_assert_uint_eq(pending(), 0);
	fake_write(fake, table, 8, 0x1122334455667788);
	ck_assert_uint_eq(fake_read(fake, table + 4, 4), 0x11223344);
	fake_write(fake, table + 8, 8, UINT64_MAX);
	ck_assert_uint_eq(fake_read(fake, table + 8, 8), 0x1ffffffff);
}
END_TEST

START_TEST(msix_reset)
{
	msix_control(PCI_MSIX_FLAGS_ENABLE);
	set_vector(0, MESSAGE, 0x70);
	put_vector(0, 3, 0);
	ck_assert(fake->route[0].allocated);
	pci_msix_signal(&pci, 1);
	pci_device_reset(&pci);
	ck_assert(!fake->route[0].allocated);
	ck_assert(!pci_msix_enabled(&pci));
	decode(true);
	ck_assert_uint_eq(pending(), 0);
	ck_assert_uint_eq(fake_read(fake, table + 12, 4), 1);
	ck_assert_uint_eq(fake_read(fake, table + 8, 4), 0);
}
END_TEST

START_TEST(intx)
{
	unsigned int gsi = MACHINE_PCI_INTX(SLOT, 0);

	pci_intx_set(&pci, true);
	ck_assert(fake->line[gsi]);
	ck_assert_uint_eq(config(PCI_STATUS, 2), PCI_STATUS_CAP_LIST | PCI_STATUS_INTERRUPT);
	set_config(PCI_COMMAND, 2, PCI_COMMAND_INTX_DISABLE);
	ck_assert(!fake->line[gsi]);
	ck_assert_uint_eq(config(PCI_STATUS, 1), PCI_STATUS_CAP_LIST | PCI_STATUS_INTERRUPT);
	set_config(PCI_COMMAND, 2, 0);
	ck_assert(fake->line[gsi]);
	msix_control(PCI_MSIX_FLAGS_ENABLE);
	ck_assert(!fake->line[gsi]);
	msix_control(0);
	ck_assert(fake->line[gsi]);
	pci_intx_set(&pci, true);
	pci_intx_set(&pci, false);
	ck_assert(!fake->line[gsi]);
	ck_assert_uint_eq(config(PCI_STATUS, 2), PCI_STATUS_CAP_LIST);
	pci_intx_set(&pci, true);
	pci_device_reset(&pci);
	ck_assert(!fake->line[gsi]);
}
END_TEST

START_TEST(intx_is_shared)
{
	struct pci_device others[PCI_SLOTS];
	unsigned int gsi = MACHINE_PCI_INTX(SLOT, 0);
	unsigned int nr;

	for (nr = 0; nr < PCI_SLOTS - 2; nr++) {
		add_device(&others[nr]);
		ck_assert_int_eq(pci_device_register(&others[nr]), 0);
	}
	add_device(&others[nr]);
	ck_assert_int_lt(pci_device_register(&others[nr]), 0);
	pci_device_exit(&others[nr]);

	/* Slot 9 shares the input of slot 1. */
	ck_assert_int_eq(others[7].slot, SLOT + 8);
	pci_intx_set(&pci, true);
	pci_intx_set(&others[7], true);
	pci_intx_set(&pci, false);
	ck_assert(fake->line[gsi]);
	pci_intx_set(&others[7], false);
	ck_assert(!fake->line[gsi]);
	ck_assert_uint_eq(fake->line_changes, 2);
	while (nr--)
		pci_device_exit(&others[nr]);
}
END_TEST

static void add_bus_tests(struct Suite *suite)
{
	TCase *tcase = tcase_create("bus");

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, identity);
	tcase_add_test(tcase, absent_functions_read_all_ones);
	tcase_add_test(tcase, address_latch_takes_whole_words);
	tcase_add_test(tcase, ecam_is_the_same_space);
	tcase_add_test(tcase, accesses_stay_in_the_space);
	tcase_add_test(tcase, command_bits);
	tcase_add_test(tcase, bars_are_placed);
	tcase_add_test(tcase, bars_tell_their_size);
	tcase_add_test(tcase, bars_move);
	tcase_add_test(tcase, row24_bar_at_the_top_of_the_address_space);
	tcase_add_test(tcase, row24_bars_on_top_of_others);
	tcase_add_test(tcase, refuses_impossible_functions);
}

static void add_interrupt_tests(struct Suite *suite)
{
	TCase *tcase = tcase_create("interrupts");

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, msix_setup, teardown);
	tcase_add_test(tcase, msix_capability);
	tcase_add_test(tcase, msix_signals);
	tcase_add_test(tcase, msix_masked_signals_wait);
	tcase_add_test(tcase, msix_without_a_route_stays_shut);
	tcase_add_test(tcase, msix_table_bounds);
	tcase_add_test(tcase, msix_reset);
	tcase_add_test(tcase, intx);
	tcase_add_test(tcase, intx_is_shared);
}

int main(void)
{
	Suite *suite = suite_create("pci");
	SRunner *runner = srunner_create(suite);
	int failed;

	add_bus_tests(suite);
	add_interrupt_tests(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
