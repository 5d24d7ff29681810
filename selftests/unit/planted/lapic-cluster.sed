# SPDX-License-Identifier: GPL-2.0-only
# in: kmod/irq/lapic.c
# In cluster mode the cluster does not matter.
s/return ldr >> 4 == dest >> 4 \&\& (ldr & dest & 15);/return ldr \& dest \& 15;/
