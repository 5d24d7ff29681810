# SPDX-License-Identifier: GPL-2.0-only
# in: kmod/irq/pit.c
# In mode 3 a new count waits for the whole cycle.
s/into < high ? high/into > high ? high/
