# SPDX-License-Identifier: GPL-2.0-only
# in: kmod/irq/pic.c
# A rotation makes the line itself the highest.
s/priority_add = (line + 1) & 7;/priority_add = line \& 7;/
