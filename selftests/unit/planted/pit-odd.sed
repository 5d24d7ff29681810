# SPDX-License-Identifier: GPL-2.0-only
# in: kmod/irq/pit.c
# An odd count is as long high as low.
s/return (count + 1) \/ 2;/return count \/ 2;/
