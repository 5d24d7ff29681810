# SPDX-License-Identifier: GPL-2.0-only
# in: kmod/irq/ioapic.c
# A write to the low half of an entry clears the destination.
s/(entry & GENMASK_ULL(63, 32)) | value/value/
