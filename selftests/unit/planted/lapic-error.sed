# SPDX-License-Identifier: GPL-2.0-only
# in: kmod/irq/lapic.c
# Each error interrupts.
s/if (!(READ_ONCE(lapic->errors) & ~BIT(bit)))/if (1)/
