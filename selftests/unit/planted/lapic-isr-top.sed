# SPDX-License-Identifier: GPL-2.0-only
# in: kmod/irq/lapic.c
# After an EOI the next vector in service is not looked for when only one is left.
s/--lapic->isr_count ? bank_highest/--lapic->isr_count > 1 ? bank_highest/
