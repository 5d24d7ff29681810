# SPDX-License-Identifier: GPL-2.0-only
# in: kmod/irq/pic.c
# In special mask mode an unspecific EOI ends what is masked.
s/line = highest(chip, blocking(chip));/line = highest(chip, chip->isr);/
