# SPDX-License-Identifier: GPL-2.0-only
# in: kmod/irq/lapic.c
# A vector that came as a level stays one.
s/clear_bit(vector \& 31, tmr);/;/
