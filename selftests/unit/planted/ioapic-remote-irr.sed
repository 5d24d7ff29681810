# SPDX-License-Identifier: GPL-2.0-only
# in: kmod/irq/ioapic.c
# A level that nobody took counts as in service.
s/else if (taken > 0)/else/
