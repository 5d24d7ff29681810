# SPDX-License-Identifier: GPL-2.0-only
# in: kmod/irq/pic.c
# The request of the slave stays up when it is acknowledged.
s/pic->chip\[MASTER\].last_irr &= ~BIT(PIC_CASCADE);//
