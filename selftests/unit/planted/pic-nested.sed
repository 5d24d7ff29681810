# SPDX-License-Identifier: GPL-2.0-only
# in: kmod/irq/pic.c
# Special fully nested mode is the mode of every pair.
s/chip->special_fully_nested_mode \&\& line == PIC_CASCADE/line == PIC_CASCADE/
