# SPDX-License-Identifier: GPL-2.0-only
# in: kmod/irq/pic.c
# ICW1 does not forget edges.
s/chip->irr = chip->last_irr & chip->elcr;//
