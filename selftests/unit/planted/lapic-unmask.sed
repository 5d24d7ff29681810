# SPDX-License-Identifier: GPL-2.0-only
# in: kmod/irq/lapic_regs.c
# An entry can be unmasked while the APIC is disabled by software.
/^static void write_lvt(/,/^}/s/value |= LAPIC_LVT_MASKED;/;/
