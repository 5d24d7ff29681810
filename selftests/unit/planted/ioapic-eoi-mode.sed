# SPDX-License-Identifier: GPL-2.0-only
# in: kmod/irq/ioapic.c
# The EOI of an edge ends a level, too.
s/if (!level || !(ioapic->redir/if (!(ioapic->redir/
