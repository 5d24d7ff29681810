/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ACPI tables. Their sources are the .asl files here, compiled by iasl when the launcher is built;
 * what differs between machines is patched in at run time.
 */
#ifndef TENON_ACPI_ACPI_H
#define TENON_ACPI_ACPI_H

#include <stddef.h>
#include <stdint.h>

/**
 * acpi_write() - Write all tables; the RSDP comes first, at @gpa itself.
 * @area: where guest RAM at @gpa is mapped; ACPI_AREA_SIZE(@nr_cpus) bytes
 * @gpa: guest-physical address of @area, below 4 GiB, a multiple of 64
 * @nr_cpus: vCPUs, with the APIC ids from 0
 *
 * Return: bytes used.
 */
size_t acpi_write(uint8_t *area, uint32_t gpa, unsigned int nr_cpus);

/* An upper bound of what acpi_write() uses. */
#define ACPI_AREA_SIZE(nr_cpus) (0x2000 + 8 * (size_t)(nr_cpus))

#endif
