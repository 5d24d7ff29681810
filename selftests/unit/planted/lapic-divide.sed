# SPDX-License-Identifier: GPL-2.0-only
# in: kmod/irq/lapic_timer.c
# A new divisor forgets what was counted.
s/count_down(lapic, count);$/count_down(lapic, lapic_get(lapic, LAPIC_TMICT));/
