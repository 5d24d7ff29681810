# SPDX-License-Identifier: GPL-2.0-only
# in: kmod/irq/ioapic.c
# An edge on a masked pin is sent when the mask goes.
s/if (is_level(ioapic, pin) \&\& ioapic->irr & BIT(pin))/if (ioapic->irr \& BIT(pin))/
