# SPDX-License-Identifier: GPL-2.0-only
# in: kmod/irq/pit.c
# A second latch command replaces the first.
/^static void latch_count/,/^}/s/if (c->s.count_latched)/if (0)/
