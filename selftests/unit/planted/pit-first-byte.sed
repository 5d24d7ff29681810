# SPDX-License-Identifier: GPL-2.0-only
# in: kmod/irq/pit.c
# The first byte of a count does not stop mode 0.
/s.write_state = RW_WORD_MSB;/,/break;/s/stop_counting(c, now);/;/
