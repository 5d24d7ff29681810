# SPDX-License-Identifier: GPL-2.0-only
# in: kmod/irq/pit.c
# BCD counters run through ffff.
s/u32 modulus = c->s.bcd ? 10000 : 0x10000;/u32 modulus = 0x10000;/
