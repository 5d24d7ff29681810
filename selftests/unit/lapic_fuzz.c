// SPDX-License-Identifier: GPL-2.0-only
/* Any sequence of what guests, devices, other CPUs and user space do to a local APIC. */

#include <linux/kvm.h>

#include "chip_fuzz.h"
#include "irq/lapic.h"

#define NEVER (~0ull)

static u8 page[LAPIC_PAGE_SIZE] __aligned(LAPIC_PAGE_SIZE);
static unsigned long watch[4];
static struct lapic lapic;
static u64 now, armed, armed_tsc;
static bool woken;

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

static void op_wake(void *opaque)
{
	woken = true;
}

static void op_send(void *opaque, const struct apic_msg *msg)
{
	must(msg->mode > APIC_LOWEST || msg->vector >= 16);
	/* The sender may be among those named. */
	if (lapic_match(&lapic, msg))
		lapic_accept(&lapic, msg);
}

static void op_signal(void *opaque, enum apic_mode mode, u8 vector)
{
	must(mode == APIC_NMI || mode == APIC_SMI || mode == APIC_INIT || mode == APIC_SIPI);
}

static void op_eoi(void *opaque, u8 vector, bool level)
{
	must(level || test_bit(vector, watch));
}

static void op_changed(void *opaque)
{
}

static const struct lapic_ops ops = {
	.now_ns = op_now,
	.guest_tsc = op_now,
	.timer_arm = op_arm,
	.timer_arm_tsc = op_arm_tsc,
	.timer_cancel = op_cancel,
	.wake = op_wake,
	.send = op_send,
	.signal = op_signal,
	.eoi = op_eoi,
	.changed = op_changed,
};

static int highest(u32 bank)
{
	int vector;

	for (vector = 255; vector >= 0; vector--) {
		if (lapic_get(&lapic, bank + vector / 32 * 16) >> vector % 32 & 1)
			return vector;
	}
	return -1;
}

static int count(u32 bank)
{
	int vector, sum = 0;

	for (vector = 0; vector < 256; vector++)
		sum += lapic_get(&lapic, bank + vector / 32 * 16) >> vector % 32 & 1;
	return sum;
}

static void check(void)
{
	int irr = highest(LAPIC_IRR), isr = highest(LAPIC_ISR);
	int tpr = lapic_get(&lapic, LAPIC_TPR), ppr = lapic_get(&lapic, LAPIC_PPR);
	int class = isr < 0 ? 0 : isr & 0xf0;
	bool deliverable;

	must(lapic.isr_top == isr && lapic.isr_count == count(LAPIC_ISR));
	must(lapic.irr_pending || irr < 0);
	must(tpr < 0x100);
	must(ppr == ((tpr & 0xf0) >= class ? tpr : class));
	deliverable = lapic_enabled(&lapic) && irr >= 0 && (irr & 0xf0) > (ppr & 0xf0);
	must(lapic_pending(&lapic) == (deliverable ? irr : -1));
	must((lapic.base & LAPIC_BASE_MODE) != LAPIC_BASE_X2APIC);
	if (lapic_x2apic(&lapic))
		must(lapic_get(&lapic, LAPIC_ID) == lapic.id);
	/* What the model waits for is armed. */
	must(!lapic.target || !lapic.deadline);
	must(!lapic.target || armed == lapic.target);
	must(!lapic.deadline || armed_tsc == lapic.deadline);
	must(lapic_enabled(&lapic) || (!lapic.target && !lapic.deadline));
}

static void go_on(u64 ns)
{
	now += ns;
	if (armed > now && armed_tsc > now)
		return;
	armed = NEVER;
	armed_tsc = NEVER;
	lapic_timer_expired(&lapic);
}

static void make(u32 id, u8 features)
{
	const struct lapic_config config = {
		.max_phys_bits = 40,
		.bsp = features & 1,
		.virtual_wire = features & 1,
		.x2apic = features & 2,
		.tsc_deadline = features & 4,
		.eoi_suppress = features & 8,
		.cmci = features & 16,
	};

	armed = NEVER;
	armed_tsc = NEVER;
	lapic_init(&lapic, page, id, &config, &ops, NULL);
	lapic.eoi_watch = watch;
}

/* Saved and restored, it looks and behaves the same. */
static void round_trip(u8 features, bool format)
{
	struct kvm_lapic_state saved, again;
	u64 base = lapic.base, deadline = lapic.deadline;
	int pending = lapic_pending(&lapic), isr = lapic.isr_top;

	if (!lapic_enabled(&lapic))
		return;
	lapic_get_state(&lapic, &saved, format);
	make(lapic.id, features);
	must(lapic_set_base(&lapic, base, true));
	must(!lapic_set_state(&lapic, &saved, format));
	lapic_set_tsc_deadline(&lapic, deadline);
	lapic_get_state(&lapic, &again, format);
	must(!memcmp(&saved, &again, sizeof(saved)));
	must(lapic_pending(&lapic) == pending && lapic.isr_top == isr);
}

static void set_state(struct input *in)
{
	struct kvm_lapic_state state;
	size_t i;

	memset(&state, 0, sizeof(state));
	for (i = 0; i < sizeof(state); i += 16) {
		u32 value = take(in, 4);

		memcpy(state.regs + i, &value, sizeof(value));
	}
	/* The timer of a disabled APIC is not restored. */
	if (lapic_enabled(&lapic))
		lapic_set_state(&lapic, &state, false);
}

static void message(struct input *in, u8 op)
{
	struct apic_msg msg = {
		.mode = op >> 5,
		.vector = take(in, 1),
		.level = op & 16,
		.assert = true,
	};

	lapic_accept(&lapic, &msg);
}

static void step(struct input *in, u8 features)
{
	u8 op = take(in, 1), buffer[8];
	u64 value;

	switch (op & 15) {
	case 0:
		message(in, op);
		break;
	case 1:
		must(lapic_pending(&lapic) == lapic_ack(&lapic));
		break;
	case 2:
		lapic_eoi(&lapic);
		break;
	case 3:
		lapic_set_cr8(&lapic, op >> 4);
		break;
	case 4:
	case 5:
		value = take(in, 4);
		if (!lapic_x2apic(&lapic) && lapic_enabled(&lapic))
			lapic_write(&lapic, take(in, 1) << 4, value);
		break;
	case 6:
	case 7:
		value = take(in, op & 16 ? 8 : 4);
		lapic_msr_write(&lapic, 0x800 + (take(in, 1) & 0x7f), value);
		break;
	case 8:
		value = take(in, 2);
		if (!lapic_x2apic(&lapic) && lapic_enabled(&lapic))
			lapic_mmio_read(&lapic, value & 0xfff, buffer, (op >> 4 & 7) + 1);
		lapic_msr_read(&lapic, 0x800 + (value & 0xff), &value);
		break;
	case 9:
		lapic_set_base(&lapic, (u64)take(in, 2) << 8, op & 16);
		break;
	case 10:
		go_on(take(in, op >> 4 & 7));
		break;
	case 11:
		lapic_set_tsc_deadline(&lapic, take(in, op >> 4 & 7));
		break;
	case 12:
		lapic_reset(&lapic, op & 16);
		break;
	case 13:
		go_on(0);
		round_trip(features, op & 16);
		break;
	case 14:
		set_state(in);
		break;
	case 15:
		lapic_local(&lapic, LAPIC_LVTT + (op >> 4) % 6 * 16);
		break;
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };
	u8 features = take(&in, 1);
	int before;
	u64 base;

	now = 1;
	watch[0] = take(&in, 8);
	watch[3] = ~watch[0];
	make(take(&in, 2), features);
	while (in.left) {
		before = lapic_pending(&lapic);
		base = lapic.base;
		woken = false;
		step(&in, features);
		check();
		/* Whatever makes an interrupt deliverable says so. */
		must(lapic_pending(&lapic) <= before || woken || lapic.base != base);
	}
	return 0;
}
