# SPDX-License-Identifier: GPL-2.0-only
# in: kmod/irq/pit.c
# A rising gate does not restart mode 2.
s/is_triggered(c) || is_periodic(c)) {/is_triggered(c)) {/
