# SPDX-License-Identifier: GPL-2.0-only
# in: kmod/irq/lapic_timer.c
# A deadline is not cleared when it has come.
/^static void deadline_expired/,/^}/s/lapic->deadline = 0;/;/
