/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine that guests see: its address map, its interrupt lines, and the table of devices that
 * it is made of. ACPI (acpi/dsdt.asl) tells the guest the same facts.
 */
#ifndef TENON_MACHINE_H
#define TENON_MACHINE_H

#include "config.h"
#include "mem.h"

/* Guest-physical addresses between low and high RAM. */
#define MACHINE_PCI_MMIO_BASE MEM_LOW_END /* 32-bit BARs */
#define MACHINE_PCI_MMIO_SIZE 0x20000000ULL
#define MACHINE_ECAM_BASE     0xe0000000ULL
#define MACHINE_ECAM_SIZE     0x100000ULL /* bus 0: Linux probes every bus that it is told of */
#define MACHINE_IOAPIC_BASE   0xfec00000ULL
#define MACHINE_LAPIC_BASE    0xfee00000ULL
#define MACHINE_IDENTITY_MAP  0xfffbc000ULL /* one page, used by VMX without unrestricted guest */
#define MACHINE_TSS_BASE      0xfffbd000ULL /* three pages, likewise */
#define MACHINE_MIN_MEM	      0x100000ULL
#define MACHINE_MAX_MEM	      0x10000000000ULL /* 1 TiB */

/* I/O ports. */
#define MACHINE_PM_BASE		   0x600 /* ACPI fixed hardware, 16 ports */
#define MACHINE_PCI_CONFIG_ADDRESS 0xcf8
#define MACHINE_PCI_CONFIG_DATA	   0xcfc
#define MACHINE_PCI_IO_BASE	   0x1000 /* I/O BARs: up to 0xffff */

/* Interrupt lines (GSIs). INTx of PCI slot s, pin p (0 for A): 16 + ((s + p) & 7), level. */
#define MACHINE_IRQ_KEYBOARD	    1
#define MACHINE_IRQ_COM1	    4
#define MACHINE_IRQ_RTC		    8
#define MACHINE_IRQ_SCI		    9
#define MACHINE_PCI_INTX_BASE	    16
#define MACHINE_PCI_INTX(slot, pin) (MACHINE_PCI_INTX_BASE + (((slot) + (pin)) & 7))

#define MACHINE_MAX_CPUS	    255 /* 8-bit APIC ids, 255 being the broadcast */

/**
 * machine_run() - Make the VM that @config describes and run it until it ends.
 *
 * Return: an exit status (enum exit_status).
 */
int machine_run(const struct config *config);

#endif
