/* SPDX-License-Identifier: GPL-2.0-only */
/* A PIT in a world where time is a variable. One per test program. */
#ifndef PIT_WORLD_H
#define PIT_WORLD_H

#include "irq/pit.h"

#define NEVER (~0ull)

static struct pit pit;
static u64 now, armed;
static unsigned int ticks;
static bool listening;

static u64 now_ns(void *opaque)
{
	return now;
}

static void arm(void *opaque, u64 expires)
{
	armed = expires;
}

static void cancel(void *opaque)
{
	armed = NEVER;
}

static bool tick(void *opaque)
{
	ticks++;
	return listening;
}

static const struct pit_ops ops = { .now_ns = now_ns, .arm = arm, .cancel = cancel, .tick = tick };

#endif
