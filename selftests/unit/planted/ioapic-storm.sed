# SPDX-License-Identifier: GPL-2.0-only
# in: kmod/irq/ioapic.c
# A storm is broken one interrupt later.
s/++ioapic->eois\[pin\] < IOAPIC_STORM/++ioapic->eois[pin] <= IOAPIC_STORM/
