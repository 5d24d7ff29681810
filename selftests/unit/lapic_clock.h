/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's clock and timer of a local APIC: variables. One per test program. */
#ifndef LAPIC_CLOCK_H
#define LAPIC_CLOCK_H

#include "irq/lapic.h"

#define NEVER (~0ull)

static u64 now, armed, armed_tsc;

static u64 op_now(void *opaque)
{
	return now;
}

static void op_arm(void *opaque, u64 expires)
{
	armed = expires;
	armed_tsc = NEVER;
}

static void op_arm_tsc(void *opaque, u64 deadline)
{
	armed_tsc = deadline;
	armed = NEVER;
}

static void op_cancel(void *opaque)
{
	armed = NEVER;
	armed_tsc = NEVER;
}

#endif
