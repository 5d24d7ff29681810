# SPDX-License-Identifier: GPL-2.0-only
# in: kmod/irq/lapic.c
# A vector of the same class interrupts.
s/(vector & 0xf0) <= (int)(lapic_get(lapic, LAPIC_PPR) & 0xf0)/vector <= (int)lapic_get(lapic, LAPIC_PPR)/
