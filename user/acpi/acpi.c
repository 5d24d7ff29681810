// SPDX-License-Identifier: GPL-2.0-only
/* ACPI 6.3, 5.2: table layout and checksums. */
#include <string.h>

#include "acpi/acpi.h"

/* Made by iasl from the .asl files. */
#include "acpi/dsdt.hex"
#include "acpi/facs.hex"
#include "acpi/fadt.hex"
#include "acpi/madt.hex"
#include "acpi/mcfg.hex"

#define ALIGNMENT	64 /* which the FACS needs */
#define HEADER_LENGTH	4
#define HEADER_CHECKSUM 9

#define FADT_FACS	36
#define FADT_DSDT	40
#define FADT_X_FACS	132
#define FADT_X_DSDT	140

#define MADT_LAPIC	0
#define LAPIC_ENABLED	1

struct rsdp {
	char signature[8];
	uint8_t checksum;
	char oem_id[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t length;
	uint64_t xsdt;
	uint8_t extended_checksum;
	uint8_t reserved[3];
} __attribute__((packed));

struct header {
	char signature[4];
	uint32_t length;
	uint8_t revision;
	uint8_t checksum;
	char oem_id[6];
	char oem_table_id[8];
	uint32_t oem_revision;
	char creator_id[4];
	uint32_t creator_revision;
} __attribute__((packed));

struct xsdt {
	struct header header;
	uint64_t table[3];
} __attribute__((packed));

struct madt_lapic {
	uint8_t type;
	uint8_t length;
	uint8_t processor;
	uint8_t apic_id;
	uint32_t flags;
} __attribute__((packed));

#define RSDP_V1_SIZE 20

/* Where the next table goes. */
struct cursor {
	uint8_t *area;
	uint32_t gpa;
	uint32_t used;
};

static uint8_t negative_sum(const void *data, size_t len)
{
	const uint8_t *bytes = data;
	uint8_t sum = 0;

	while (len--)
		sum -= *bytes++;
	return sum;
}

static void seal(uint8_t *table)
{
	uint32_t len;

	memcpy(&len, table + HEADER_LENGTH, sizeof(len));
	table[HEADER_CHECKSUM] = 0;
	table[HEADER_CHECKSUM] = negative_sum(table, len);
}

/* Return: guest-physical address of the copy; @table is where it is mapped. */
static uint32_t append(struct cursor *cursor, const void *data, uint32_t len, uint8_t **table)
{
	uint32_t offset = (cursor->used + ALIGNMENT - 1) & ~(ALIGNMENT - 1u);

	memcpy(cursor->area + offset, data, len);
	cursor->used = offset + len;
	*table = cursor->area + offset;
	return cursor->gpa + offset;
}

static uint32_t write_fadt(struct cursor *cursor)
{
	uint8_t *table;
	uint64_t facs = append(cursor, facs_aml_code, sizeof(facs_aml_code), &table);
	uint64_t dsdt = append(cursor, dsdt_aml_code, sizeof(dsdt_aml_code), &table);
	uint32_t fadt = append(cursor, fadt_aml_code, sizeof(fadt_aml_code), &table);

	memcpy(table + FADT_FACS, &facs, sizeof(uint32_t));
	memcpy(table + FADT_DSDT, &dsdt, sizeof(uint32_t));
	memcpy(table + FADT_X_FACS, &facs, sizeof(uint64_t));
	memcpy(table + FADT_X_DSDT, &dsdt, sizeof(uint64_t));
	seal(table);
	return fadt;
}

static uint32_t write_madt(struct cursor *cursor, unsigned int nr_cpus)
{
	uint32_t len = sizeof(madt_aml_code) + nr_cpus * (uint32_t)sizeof(struct madt_lapic);
	uint8_t *table;
	uint32_t madt = append(cursor, madt_aml_code, sizeof(madt_aml_code), &table);

	for (unsigned int i = 0; i < nr_cpus; i++) {
		struct madt_lapic lapic = {
			.type = MADT_LAPIC,
			.length = sizeof(lapic),
			.processor = (uint8_t)i,
			.apic_id = (uint8_t)i,
			.flags = LAPIC_ENABLED,
		};

		memcpy(cursor->area + cursor->used, &lapic, sizeof(lapic));
		cursor->used += sizeof(lapic);
	}
	memcpy(table + HEADER_LENGTH, &len, sizeof(len));
	seal(table);
	return madt;
}

static uint32_t write_xsdt(struct cursor *cursor, unsigned int nr_cpus)
{
	uint8_t *table;
	struct xsdt xsdt = {
		.header = {
			.signature = "XSDT",
			.length = sizeof(xsdt),
			.revision = 1,
			.oem_id = "TENON ",
			.oem_table_id = "TENONPC ",
			.oem_revision = 1,
			.creator_id = "TENN",
			.creator_revision = 1,
		},
	};
	uint32_t gpa;

	xsdt.table[0] = write_fadt(cursor);
	xsdt.table[1] = write_madt(cursor, nr_cpus);
	xsdt.table[2] = append(cursor, mcfg_aml_code, sizeof(mcfg_aml_code), &table);
	gpa = append(cursor, &xsdt, sizeof(xsdt), &table);
	seal(table);
	return gpa;
}

size_t acpi_write(uint8_t *area, uint32_t gpa, unsigned int nr_cpus)
{
	struct cursor cursor = { .area = area, .gpa = gpa, .used = sizeof(struct rsdp) };
	struct rsdp rsdp = {
		.signature = "RSD PTR ",
		.oem_id = "TENON ",
		.revision = 2,
		.length = sizeof(rsdp),
	};

	rsdp.xsdt = write_xsdt(&cursor, nr_cpus);
	rsdp.checksum = negative_sum(&rsdp, RSDP_V1_SIZE);
	rsdp.extended_checksum = negative_sum(&rsdp, sizeof(rsdp));
	memcpy(area, &rsdp, sizeof(rsdp));
	return cursor.used;
}
