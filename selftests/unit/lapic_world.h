/* SPDX-License-Identifier: GPL-2.0-only */
/* A local APIC in a world that writes down what it is told. One per test program. */
#ifndef LAPIC_WORLD_H
#define LAPIC_WORLD_H

#include <errno.h>
#include <string.h>

#include <linux/kvm.h>

#include "chip_test.h"
#include "lapic_clock.h"

#define ENABLE	 (LAPIC_DEFAULT_BASE | LAPIC_BASE_ENABLE)
#define X2APIC	 (ENABLE | LAPIC_BASE_X2APIC)
#define DISABLED LAPIC_DEFAULT_BASE

static u8 page[LAPIC_PAGE_SIZE] __aligned(LAPIC_PAGE_SIZE);
static struct lapic lapic;
static u64 tsc;
static int wakes, sends, changes, eois, signals;
static struct apic_msg sent;
static u8 eoi_vector;
static bool eoi_level;
static enum apic_mode signal_mode;
static u8 signal_vector;

static u64 op_tsc(void *opaque)
{
	return tsc;
}

static void op_wake(void *opaque)
{
	wakes++;
}

static void op_send(void *opaque, const struct apic_msg *msg)
{
	sent = *msg;
	sends++;
}

static void op_signal(void *opaque, enum apic_mode mode, u8 vector)
{
	signal_mode = mode;
	signal_vector = vector;
	signals++;
}

static void op_eoi(void *opaque, u8 vector, bool level)
{
	eoi_vector = vector;
	eoi_level = level;
	eois++;
}

static void op_changed(void *opaque)
{
	changes++;
}

static const struct lapic_ops ops = {
	.now_ns = op_now,
	.guest_tsc = op_tsc,
	.timer_arm = op_arm,
	.timer_arm_tsc = op_arm_tsc,
	.timer_cancel = op_cancel,
	.wake = op_wake,
	.send = op_send,
	.signal = op_signal,
	.eoi = op_eoi,
	.changed = op_changed,
};

static void power_up(u32 id)
{
	const struct lapic_config config = {
		.max_phys_bits = 40,
		.bsp = true,
		.x2apic = true,
		.tsc_deadline = true,
	};

	now = 1000;
	tsc = 5000;
	armed = NEVER;
	armed_tsc = NEVER;
	lapic_init(&lapic, page, id, &config, &ops, NULL);
	wakes = 0;
	sends = 0;
	changes = 0;
	eois = 0;
	signals = 0;
	memset(&sent, 0, sizeof(sent));
}

/* As an operating system sets it up: enabled by software. */
static void setup(void)
{
	power_up(3);
	lapic_write(&lapic, LAPIC_SVR, 0x1ff);
	changes = 0;
}

#endif
