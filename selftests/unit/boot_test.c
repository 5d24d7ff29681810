// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel images, good and damaged; the boot parameters; the ACPI tables, walked as a guest walks
 * them; CPUID; page tables, walked for the report of a dead guest.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acpi/acpi.h"
#include "array_size.h"
#include "boot/boot.h"
#include "boot/layout.h"
#include "config.h"
#include "cpuid.h"
#include "machine.h"
#include "term.h"
#include "vcpu.h"

#define HEADER	      0x1f1
#define SETUP_SECTORS 4
#define PAYLOAD	      0x10000
#define FILE_SIZE     ((SETUP_SECTORS + 1) * 512 + PAYLOAD)

/* explain.c gives the terminal back before it reports. */
void term_restore(void)
{
}

static uint8_t head[BZIMAGE_HEAD];
static struct setup_header header;
static struct bzimage image;

static void setup(void)
{
	memset(head, 0, sizeof(head));
	header = (struct setup_header){
		.setup_sects = SETUP_SECTORS,
		.syssize = PAYLOAD / 16,
		.boot_flag = 0xaa55,
		.header = 0x53726448,
		.version = 0x20f,
		.loadflags = LOADED_HIGH,
		.initrd_addr_max = 0x7fffffff,
		.kernel_alignment = 0x200000,
		.xloadflags = XLF_KERNEL_64,
		.cmdline_size = 2047,
		.pref_address = 0x1000000,
		.init_size = 0x2000000,
	};
}

static const char *check(uint64_t file_size)
{
	memcpy(head + HEADER, &header, sizeof(header));
	return bzimage_check(head, sizeof(head), file_size, &image);
}

START_TEST(takes_a_good_image)
{
	ck_assert_ptr_null(check(FILE_SIZE));
	ck_assert_uint_eq(image.payload_offset, 5 * 512);
	ck_assert_uint_eq(image.payload_size, PAYLOAD);
	ck_assert_uint_eq(image.load, 0x1000000);
	ck_assert_uint_eq(image.end, 0x3000000);
	ck_assert_ptr_null(check(FILE_SIZE + 0x1000)); /* a signature follows */
}
END_TEST

START_TEST(setup_sectors_default_to_four)
{
	header.setup_sects = 0;
	ck_assert_ptr_null(check(FILE_SIZE));
	ck_assert_uint_eq(image.payload_offset, 5 * 512);
}
END_TEST

static void no_boot_flag(void)
{
	header.boot_flag = 0;
}

static void no_magic(void)
{
	header.header = 0x12345678;
}

static void too_old(void)
{
	header.version = 0x20b;
}

static void zimage(void)
{
	header.loadflags = 0;
}

static void no_64bit_entry(void)
{
	header.xloadflags = XLF_CAN_BE_LOADED_ABOVE_4G;
}

static void no_payload(void)
{
	header.syssize = 0;
}

static void payload_too_long(void)
{
	header.syssize++;
}

static void all_setup(void)
{
	header.setup_sects = 255;
}

static void alignment_zero(void)
{
	header.kernel_alignment = 0;
}

static void alignment_odd(void)
{
	header.kernel_alignment = 3;
}

static void load_unaligned(void)
{
	header.pref_address = 0x1100000;
}

static void load_low(void)
{
	header.pref_address = 0;
}

static void load_high(void)
{
	header.pref_address = BZIMAGE_END_MAX;
}

static void load_wraps(void)
{
	header.pref_address = -0x200000ULL;
}

static void too_big(void)
{
	header.init_size = 0xffffffff;
}

static void too_small(void)
{
	header.init_size = PAYLOAD - 1;
}

static const struct {
	void (*damage)(void);
	const char *says;
} damaged[] = {
	{ no_boot_flag, "boot sector" },
	{ no_magic, "HdrS" },
	{ too_old, "too old" },
	{ zimage, "zImage" },
	{ no_64bit_entry, "64-bit" },
	{ no_payload, "no kernel" },
	{ payload_too_long, "truncated" },
	{ all_setup, "truncated" },
	{ alignment_zero, "aligned" },
	{ alignment_odd, "aligned" },
	{ load_unaligned, "aligned" },
	{ load_low, "absurd" },
	{ load_high, "absurd" },
	{ load_wraps, "absurd" },
	{ too_big, "absurd" },
	{ too_small, "bigger" },
};

START_TEST(refuses_damaged_images)
{
	const char *why;

	damaged[_i].damage();
	why = check(FILE_SIZE);
	ck_assert_ptr_nonnull(why);
	ck_assert_msg(strstr(why, damaged[_i].says), "it says \"%s\"", why);
}
END_TEST

START_TEST(refuses_every_truncation)
{
	for (uint64_t size = 0; size < FILE_SIZE; size++) {
		size_t len = size < sizeof(head) ? size : sizeof(head);

		memcpy(head + HEADER, &header, sizeof(header));
		ck_assert_ptr_nonnull(bzimage_check(head, len, size, &image));
	}
}
END_TEST

static struct boot_params params;

static uint64_t ram_told(void)
{
	uint64_t sum = 0, end = 0;

	for (unsigned int i = 0; i < params.e820_entries; i++) {
		const struct boot_e820_entry *entry = &params.e820_table[i];

		ck_assert_uint_ge(entry->addr, end);
		end = entry->addr + entry->size;
		if (entry->type == 1)
			sum += entry->size;
	}
	return sum;
}

START_TEST(boot_parameters)
{
	static const uint64_t sizes[] = { 64ULL << 20, 3ULL << 30, 8ULL << 30 };
	struct boot boot = { .initrd_addr = 0x3000000, .initrd_size = 0x12345 };
	uint64_t hidden = LAYOUT_HIGH_START - LAYOUT_LOW_END;

	ck_assert_ptr_null(check(FILE_SIZE));
	boot.image = image;
	memset(&params, 0, sizeof(params));
	boot_params_fill(&params, &boot, sizes[_i]);
	ck_assert_uint_eq(params.hdr.header, 0x53726448);
	ck_assert_uint_eq(params.hdr.type_of_loader, 0xff);
	ck_assert_uint_eq(params.hdr.ramdisk_image, 0x3000000);
	ck_assert_uint_eq(params.hdr.ramdisk_size, 0x12345);
	ck_assert_uint_eq(params.hdr.cmd_line_ptr, LAYOUT_CMDLINE);
	ck_assert_uint_eq(params.acpi_rsdp_addr, LAYOUT_ACPI);
	ck_assert_uint_eq(ram_told(), sizes[_i] - hidden);
}
END_TEST

static const struct {
	const char *user;
	const char *whole;
} cmdlines[] = {
	{ NULL, "console=ttyS0" },
	{ "quiet", "console=ttyS0 quiet" },
	{ "console=hvc0", "console=hvc0" },
	{ "quiet console=tty1 x", "quiet console=tty1 x" },
	{ "netconsole=1", "console=ttyS0 netconsole=1" },
};

START_TEST(command_lines)
{
	char *cmdline = boot_cmdline("ttyS0", cmdlines[_i].user);

	ck_assert_str_eq(cmdline, cmdlines[_i].whole);
	free(cmdline);
}
END_TEST

/* Memory of 64 MiB; the kernel needs what lies below @end, the initrd what lies behind. */
static const struct {
	uint32_t init_size;
	uint32_t initrd;
	uint64_t addr; /* 0: there is no room */
} rooms[] = {
	{ 0x2000000, 0x1000, 0x3fff000 },
	{ 0x2000000, 0x1001, 0x3ffe000 },
	{ 0x2000000, 0x1000000, 0x3000000 },
	{ 0x2000000, 0x1000001, 0 },
	{ 0x2fff000, 0x1000, 0x3fff000 },
	{ 0x2fff010, 0x10, 0 }, /* the kernel ends in the last page */
	{ 0x2fff010, 0xff0, 0 },
	{ 0x3000000, 1, 0 },
};

static void make_file(char *path, const void *bytes, size_t len, off_t size)
{
	int fd;

	strcpy(path, "/tmp/tenon-boot-test.XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
	ck_assert_int_eq(ftruncate(fd, size), 0);
	close(fd);
}

START_TEST(place_of_the_initrd)
{
	char kernel[64], initrd[64];
	struct config config = { .kernel = kernel, .initrd = initrd, .mem = 64 << 20 };
	struct boot boot;
	int err;

	header.init_size = rooms[_i].init_size;
	ck_assert_ptr_null(check(FILE_SIZE));
	make_file(kernel, head, sizeof(head), FILE_SIZE);
	make_file(initrd, "", 0, rooms[_i].initrd);
	err = boot_open(&boot, &config);
	unlink(kernel);
	unlink(initrd);
	ck_assert_int_eq(err, rooms[_i].addr ? 0 : -ENOMEM);
	if (err)
		return;
	ck_assert_uint_eq(boot.initrd_addr, rooms[_i].addr);
	ck_assert_uint_eq(boot.initrd_size, rooms[_i].initrd);
	boot_close(&boot);
}
END_TEST

#define ACPI_GPA 0xe0000U

static uint8_t *area;

static uint64_t get(const uint8_t *from, unsigned int len)
{
	uint64_t value = 0;

	memcpy(&value, from, len);
	return value;
}

static void sum_is_zero(const uint8_t *bytes, size_t len)
{
	uint8_t sum = 0;

	while (len--)
		sum += *bytes++;
	ck_assert_uint_eq(sum, 0);
}

static const uint8_t *table_at(uint64_t gpa, const char *signature, size_t used)
{
	const uint8_t *table = area + (gpa - ACPI_GPA);

	ck_assert_uint_ge(gpa, ACPI_GPA);
	ck_assert_uint_le(gpa - ACPI_GPA + get(table + 4, 4), used);
	ck_assert_mem_eq(table, signature, 4);
	if (strcmp(signature, "FACS"))
		sum_is_zero(table, get(table + 4, 4));
	return table;
}

static void check_madt(const uint8_t *madt, unsigned int nr_cpus)
{
	unsigned int cpus = 0, ioapics = 0;
	size_t at, len = get(madt + 4, 4);

	for (at = 44; at < len; at += madt[at + 1]) {
		ck_assert_uint_ge(madt[at + 1], 2);
		ioapics += madt[at] == 1;
		if (madt[at] != 0)
			continue;
		ck_assert_uint_eq(madt[at + 3], cpus);
		ck_assert_uint_eq(get(madt + at + 4, 4), 1);
		cpus++;
	}
	ck_assert_uint_eq(at, len);
	ck_assert_uint_eq(cpus, nr_cpus);
	ck_assert_uint_eq(ioapics, 1);
}

START_TEST(acpi_tables)
{
	static const unsigned int counts[] = { 1, 2, MACHINE_MAX_CPUS };
	size_t used, size = ACPI_AREA_SIZE(counts[_i]);
	const uint8_t *xsdt, *fadt, *mcfg;

	area = calloc(1, size);
	used = acpi_write(area, ACPI_GPA, counts[_i]);
	ck_assert_uint_le(used, size);
	ck_assert_uint_le(used, LAYOUT_ACPI_SIZE);
	ck_assert_mem_eq(area, "RSD PTR ", 8);
	sum_is_zero(area, 20);
	sum_is_zero(area, 36);
	xsdt = table_at(get(area + 24, 8), "XSDT", used);
	ck_assert_uint_eq(get(xsdt + 4, 4), 36 + 3 * 8);
	fadt = table_at(get(xsdt + 36, 8), "FACP", used);
	check_madt(table_at(get(xsdt + 44, 8), "APIC", used), counts[_i]);
	mcfg = table_at(get(xsdt + 52, 8), "MCFG", used);
	ck_assert_uint_eq(get(mcfg + 44, 8), MACHINE_ECAM_BASE);
	ck_assert_uint_eq((mcfg[55] + 1ULL) << 20, MACHINE_ECAM_SIZE);
	table_at(get(fadt + 40, 4), "DSDT", used);
	table_at(get(fadt + 140, 8), "DSDT", used);
	table_at(get(fadt + 36, 4), "FACS", used);
	ck_assert_uint_eq(get(fadt + 36, 4) % 64, 0);
	ck_assert_uint_eq(get(fadt + 46, 2), MACHINE_IRQ_SCI);
	ck_assert_uint_eq(get(fadt + 56, 4), MACHINE_PM_BASE);
	free(area);
}
END_TEST

struct cpuid_buffer {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entry[16];
};

static struct cpuid_buffer supported;
static struct cpuid_buffer built;

static void support(uint32_t function, uint32_t index, uint32_t eax, uint32_t ebx)
{
	struct kvm_cpuid_entry2 *entry = &supported.entry[supported.head.nent++];

	*entry = (struct kvm_cpuid_entry2){ .function = function, .index = index, .eax = eax };
	entry->ebx = ebx;
	if (function == 4 || function == 0xb)
		entry->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
}

static const struct kvm_cpuid_entry2 *leaf(uint32_t function, uint32_t index)
{
	const struct kvm_cpuid_entry2 *entry = cpuid_find(&built.head, function, index);

	ck_assert_ptr_nonnull(entry);
	return entry;
}

static void build(unsigned int apic_id, unsigned int nr_cpus, uint32_t vendor)
{
	struct cpuid_topology topology = { .apic_id = apic_id, .nr_cpus = nr_cpus };

	supported.head.nent = 0;
	support(0, 0, 0xd, vendor);
	support(1, 0, 0, 0xff00ff00);
	support(4, 0, 0x21, 0);
	support(4, 3, 0x63, 0);
	support(0xb, 0, 99, 99);
	support(0x80000001, 0, 0, 0);
	support(0x80000008, 0, 0x3028, 0);
	support(0x8000001e, 0, 77, 77);
	cpuid_build(&built.head, &supported.head, &topology);
	ck_assert_uint_le(built.head.nent, supported.head.nent + CPUID_EXTRA);
}

START_TEST(cpuid_topology)
{
	build(5, 6, 0x68747541);
	ck_assert_uint_eq(leaf(1, 0)->ebx, 0x0508ff00);
	ck_assert_uint_eq(leaf(1, 0)->edx >> 28 & 1, 1);
	ck_assert_uint_eq(leaf(1, 0)->ecx >> 31, 1);
	ck_assert_uint_eq(leaf(4, 0)->eax, 0x1c000021);
	ck_assert_uint_eq(leaf(4, 3)->eax, 0x1c01c063);
	ck_assert_uint_eq(leaf(0xb, 0)->ebx, 1);
	ck_assert_uint_eq(leaf(0xb, 1)->eax, 3);
	ck_assert_uint_eq(leaf(0xb, 1)->ebx, 6);
	ck_assert_uint_eq(leaf(0xb, 1)->ecx, 0x201);
	ck_assert_uint_eq(leaf(0xb, 2)->ebx, 0);
	ck_assert_uint_eq(leaf(0xb, 0)->edx, 5);
	ck_assert_uint_eq(leaf(0x80000008, 0)->ecx, 0x3005);
	ck_assert_uint_eq(leaf(0x8000001e, 0)->eax, 5);
	ck_assert_uint_eq(leaf(0x80000001, 0)->ecx & 2, 2);
	ck_assert_uint_eq(cpuid_phys_bits(&built.head), 0x28);
}
END_TEST

START_TEST(cpuid_of_one_cpu)
{
	build(0, 1, 0x756e6547);
	ck_assert_uint_eq(leaf(1, 0)->ebx, 0x0001ff00);
	ck_assert_uint_eq(leaf(1, 0)->edx >> 28 & 1, 0);
	ck_assert_uint_eq(leaf(0xb, 1)->eax, 0);
	ck_assert_uint_eq(leaf(0x80000001, 0)->ecx & 2, 0);
}
END_TEST

START_TEST(cpuid_of_most_cpus)
{
	build(254, 255, 0x756e6547);
	ck_assert_uint_eq(leaf(1, 0)->ebx, 0xfeffff00);
	ck_assert_uint_eq(leaf(4, 0)->eax, 0xfc000021);
	ck_assert_uint_eq(leaf(0x80000008, 0)->ecx, 0x80fe);
}
END_TEST

#define RAM	 0x10000
#define CR0_PG	 0x80000000
#define CR4_PAE	 0x20
#define CR4_PSE	 0x10
#define EFER_LMA 0x400

static struct guest_mem mem;
static struct kvm_sregs sregs;
static uint64_t gpa;

static void walk_setup(void)
{
	mem.nr_ranges = 1;
	mem.range[0] = (struct guest_range){ .size = RAM, .hva = calloc(1, RAM) };
	memset(&sregs, 0, sizeof(sregs));
	sregs.cr0 = CR0_PG;
	sregs.cr3 = 0x1000;
}

static void walk_teardown(void)
{
	free(mem.range[0].hva);
}

static void put_pte(uint64_t at, uint64_t pte, size_t width)
{
	ck_assert(guest_write(&mem, at, &pte, width));
}

START_TEST(walks_long_mode)
{
	sregs.cr4 = CR4_PAE;
	sregs.efer = EFER_LMA;
	put_pte(0x1000 + 511 * 8, 0x2003, 8);
	put_pte(0x2000 + 510 * 8, 0x3003, 8);
	put_pte(0x3000, 0x4003, 8);
	put_pte(0x3008, 0x8000000000a00083, 8);
	put_pte(0x4000 + 3 * 8, 0x5003, 8);
	ck_assert(vcpu_translate(&mem, &sregs, 0xffffffff80003abc, &gpa));
	ck_assert_uint_eq(gpa, 0x5abc);
	ck_assert(vcpu_translate(&mem, &sregs, 0xffffffff80212345, &gpa));
	ck_assert_uint_eq(gpa, 0xa12345);
	ck_assert(!vcpu_translate(&mem, &sregs, 0xffffffff80004000, &gpa));
	ck_assert(!vcpu_translate(&mem, &sregs, 0x1000, &gpa));
}
END_TEST

START_TEST(walks_32bit)
{
	put_pte(0x1000 + 1 * 4, 0x2003, 4);
	put_pte(0x1000 + 2 * 4, 0x00400083, 4);
	put_pte(0x2000 + 5 * 4, 0x6003, 4);
	ck_assert(vcpu_translate(&mem, &sregs, 0x405123, &gpa));
	ck_assert_uint_eq(gpa, 0x6123);
	sregs.cr4 = CR4_PSE;
	ck_assert(vcpu_translate(&mem, &sregs, 0x812345, &gpa));
	ck_assert_uint_eq(gpa, 0x412345);
}
END_TEST

START_TEST(walks_pae)
{
	sregs.cr4 = CR4_PAE;
	sregs.cr3 = 0x1020;
	put_pte(0x1020 + 3 * 8, 0x2001, 8);
	put_pte(0x2000 + 1 * 8, 0x3003, 8);
	put_pte(0x3000 + 7 * 8, 0x7003, 8);
	ck_assert(vcpu_translate(&mem, &sregs, 0xc0207001, &gpa));
	ck_assert_uint_eq(gpa, 0x7001);
}
END_TEST

START_TEST(tables_outside_ram)
{
	sregs.cr4 = CR4_PAE;
	sregs.efer = EFER_LMA;
	sregs.cr3 = 0x000ffffffffff000;
	ck_assert(!vcpu_translate(&mem, &sregs, 0, &gpa));
	sregs.cr0 = 0;
	ck_assert(vcpu_translate(&mem, &sregs, 0x1234, &gpa));
	ck_assert_uint_eq(gpa, 0x1234);
}
END_TEST

static void add_walks(Suite *suite)
{
	TCase *tcase = tcase_create("walks");

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, walk_setup, walk_teardown);
	tcase_add_test(tcase, walks_long_mode);
	tcase_add_test(tcase, walks_32bit);
	tcase_add_test(tcase, walks_pae);
	tcase_add_test(tcase, tables_outside_ram);
}

int main(void)
{
	Suite *suite = suite_create("boot");
	TCase *tcase = tcase_create("boot");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, takes_a_good_image);
	tcase_add_test(tcase, setup_sectors_default_to_four);
	tcase_add_loop_test(tcase, refuses_damaged_images, 0, ARRAY_SIZE(damaged));
	tcase_add_test(tcase, refuses_every_truncation);
	tcase_add_loop_test(tcase, boot_parameters, 0, 3);
	tcase_add_loop_test(tcase, command_lines, 0, ARRAY_SIZE(cmdlines));
	tcase_add_loop_test(tcase, place_of_the_initrd, 0, ARRAY_SIZE(rooms));
	tcase_add_loop_test(tcase, acpi_tables, 0, 3);
	tcase_add_test(tcase, cpuid_topology);
	tcase_add_test(tcase, cpuid_of_one_cpu);
	tcase_add_test(tcase, cpuid_of_most_cpus);
	add_walks(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
