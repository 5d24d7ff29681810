/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the launcher puts things in the guest's first MiB. The guest owns all of it once it runs,
 * but for the tables between LAYOUT_ACPI and 1 MiB, which the memory map reserves.
 */
#ifndef TENON_BOOT_LAYOUT_H
#define TENON_BOOT_LAYOUT_H

#define LAYOUT_GDT	   0x1000
#define LAYOUT_STACK_TOP   0x7000
#define LAYOUT_BOOT_PARAMS 0x7000
#define LAYOUT_PAGE_TABLES 0x9000 /* three pages */
#define LAYOUT_CMDLINE	   0x20000
#define LAYOUT_CMDLINE_MAX 0x10000
#define LAYOUT_LOW_END	   0x9f000 /* conventional memory ends here */
#define LAYOUT_ACPI	   0xe0000
#define LAYOUT_ACPI_SIZE   0x20000
#define LAYOUT_HIGH_START  0x100000

#endif
