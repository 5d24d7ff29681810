// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any sequence of what guests, devices, other CPUs and user space do to a local APIC, and to a
 * second one (lapic_oracle.h): registers, verdicts and whatever leaves the two must be the same.
 * Once user space has brought a state of its own, only the consistency of the first is checked.
 */

#include <linux/kvm.h>

#include "chip_fuzz.h"
#include "lapic_clock.h"
#include "lapic_oracle.h"

static u8 page[LAPIC_PAGE_SIZE] __aligned(LAPIC_PAGE_SIZE);
static unsigned long watch[4];
static struct lapic lapic;
static bool woken;
static struct oracle oracle;
static struct oracle_log seen;
static bool follows;

static void op_wake(void *opaque)
{
	woken = true;
}

static void op_send(void *opaque, const struct apic_msg *msg)
{
	must(msg->mode > APIC_LOWEST || msg->vector >= 16);
	oracle_put(&seen, (struct oracle_event){ 'i', 0, false, *msg });
	/* The sender may be among those named. */
	if (lapic_match(&lapic, msg))
		lapic_accept(&lapic, msg);
}

static void op_signal(void *opaque, enum apic_mode mode, u8 vector)
{
	struct apic_msg msg = { .mode = mode };

	must(mode == APIC_NMI || mode == APIC_SMI || mode == APIC_INIT || mode == APIC_SIPI);
	oracle_put(&seen, (struct oracle_event){ 's', vector, false, msg });
}

static void op_eoi(void *opaque, u8 vector, bool level)
{
	must(level || test_bit(vector, watch));
	oracle_put(&seen, (struct oracle_event){ 'e', vector, level, {} });
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

static void compare_log(void)
{
	unsigned int i;

	must(seen.nr == oracle.log.nr);
	for (i = 0; i < seen.nr && i < ARRAY_SIZE(seen.event); i++) {
		const struct oracle_event *a = &seen.event[i], *b = &oracle.log.event[i];

		must(a->what == b->what && a->vector == b->vector && a->level == b->level);
		must(a->msg.dest == b->msg.dest && a->msg.vector == b->msg.vector);
		must(a->msg.mode == b->msg.mode && a->msg.shorthand == b->msg.shorthand);
		must(a->msg.logical == b->msg.logical && a->msg.level == b->msg.level);
		must(a->msg.assert == b->msg.assert);
	}
}

/* All that the two have in their registers. */
static void compare(void)
{
	u32 offset;

	compare_log();
	must(lapic.base == oracle.base);
	must(lapic_pending(&lapic) == oracle_pending(&oracle));
	must(lapic_tsc_deadline(&lapic) == oracle.deadline);
	for (offset = 0; offset < 0x400; offset += 16) {
		s64 value = oracle_read(&oracle, offset, false);

		if (value < 0 || offset == LAPIC_APR || offset == LAPIC_TMCCT ||
		    offset == LAPIC_VERSION)
			continue;
		must(lapic_get(&lapic, offset) == value);
	}
	must(lapic_timer_count(&lapic) == oracle_count(&oracle));
}

static void go_on(u64 ns)
{
	now += ns;
	oracle_time(&oracle, now);
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
	oracle.config = config;
	oracle.watch = watch;
	oracle.own_id = id;
	oracle.now = now;
	oracle_reset(&oracle, false);
}

/* Saved and restored, it looks and behaves the same. */
static void round_trip(u8 features, bool format)
{
	struct kvm_lapic_state saved, again;
	u64 base = lapic.base, deadline = lapic.deadline;
	int pending = lapic_pending(&lapic), isr = lapic.isr_top;

	/* A periodic timer that stands still begins to run, as it does with KVM. */
	if (!lapic_enabled(&lapic) || (lapic_timer_mode(&lapic) == LAPIC_PERIODIC && !lapic.target))
		return;
	follows = false;
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
	follows = false;
}

/* Few vectors, so that they meet. */
static u8 some_vector(struct input *in)
{
	static const u8 vectors[] = { 0x31, 0x3f, 0x42, 0x51, 0x52, 0xe1, 0xfe, 0x0f };
	u8 byte = take(in, 1);

	return byte & 0x80 ? byte : vectors[byte % ARRAY_SIZE(vectors)];
}

static void message(struct input *in, u8 op)
{
	struct apic_msg msg = {
		.mode = op & 0x80 ? op >> 5 & 7 : APIC_FIXED,
		.vector = some_vector(in),
		.level = op & 16,
		.assert = true,
	};
	bool taken = lapic_accept(&lapic, &msg);

	must(oracle_accept(&oracle, &msg) == taken || !follows);
	msg.dest = take(in, op & 0x40 ? 1 : 2);
	msg.logical = op & 16;
	if (msg.dest >> 12 == 15)
		msg.dest = APIC_DEST_ALL;
	must(lapic_match(&lapic, &msg) == oracle_match(&oracle, &msg) || !follows);
}

/* Half of the registers that are named have something to write. */
static u32 some_register(struct input *in)
{
	static const u16 offsets[] = {
		LAPIC_TPR,	 LAPIC_SVR,   LAPIC_ICR,  LAPIC_ICR2, LAPIC_LVTT,
		LAPIC_LVT_ERROR, LAPIC_TMICT, LAPIC_TDCR, LAPIC_ESR,  LAPIC_LVT_PERF,
		LAPIC_LVT_LINT0, LAPIC_LDR,   LAPIC_DFR,  LAPIC_EOI,  LAPIC_SELF_IPI,
	};
	u8 byte = take(in, 1);

	return byte & 0x80 ? (byte & 0x7f) << 4 : offsets[byte % ARRAY_SIZE(offsets)];
}

/* Something that makes sense there, more often than not. */
static u32 some_value(struct input *in, u32 offset)
{
	u32 byte = take(in, 1);

	if (byte & 0x80)
		return take(in, 4);
	switch (offset) {
	case LAPIC_SVR:
		return 0xff | (byte & 7 ? LAPIC_SVR_ENABLE : 0) | (byte & 8 ? BIT(12) : 0);
	case LAPIC_LVTT:
		return some_vector(in) | (byte & 3) << 17;
	case LAPIC_LVT_THERMAL ... LAPIC_LVT_ERROR:
		return some_vector(in) | (byte & 8 ? byte & 7 : 0) << 8;
	case LAPIC_ICR:
		return some_vector(in) | (byte & 8 ? byte & 7 : 0) << 8 | (byte >> 4 & 3) << 18;
	case LAPIC_TMICT:
		return byte << (byte & 7);
	case LAPIC_LDR:
	case LAPIC_ICR2:
		return take(in, 1) << 24;
	case LAPIC_DFR:
		return byte & 1 ? ~0u : 0;
	}
	return byte;
}

static void page_write(struct input *in)
{
	u32 offset = some_register(in) & 0xff0, value = some_value(in, offset);

	if (lapic_x2apic(&lapic) || !lapic_enabled(&lapic))
		return;
	lapic_write(&lapic, offset, value);
	oracle_page_write(&oracle, offset, value);
}

static void msr_write(struct input *in, size_t len)
{
	u32 offset = some_register(in);
	u64 value = len == 8 ? take(in, 8) : some_value(in, offset);
	bool taken = lapic_msr_write(&lapic, 0x800 + (offset >> 4), value);

	must(oracle_msr_write(&oracle, offset, value) == taken || !follows);
}

static void reads(struct input *in, u8 op)
{
	u32 offset = take(in, 2), word = 0;
	u8 buffer[8];
	s64 expected;
	u64 value;

	if (!lapic_x2apic(&lapic) && lapic_enabled(&lapic)) {
		lapic_mmio_read(&lapic, offset & 0xfff, buffer, (op >> 4 & 7) + 1);
		if (offset % 16 < 4 && oracle_read(&oracle, offset & 0xff0, false) < 0)
			oracle_error(&oracle, 7);
		offset &= 0x3f0;
		expected = oracle_read(&oracle, offset, false);
		if (expected < 0)
			return;
		lapic_mmio_read(&lapic, offset, &word, 4);
		must(word == expected || !follows);
		return;
	}
	expected = oracle_read(&oracle, offset & 0xff0, true);
	if (!lapic_msr_read(&lapic, 0x800 + (offset >> 4 & 0xff), &value))
		must(expected < 0 || !lapic_enabled(&lapic) || !follows);
	else if ((offset & 0xff0) == LAPIC_ICR)
		must(value == ((u64)oracle.icr2 << 32 | oracle.icr) || !follows);
	else
		must(value == (u64)expected || !follows);
}

static void set_base(struct input *in, bool host)
{
	u64 base = (u64)take(in, 2) << 8;
	bool taken;

	/* Mostly something near to what it was. */
	if (base & 1 << 16)
		base = LAPIC_DEFAULT_BASE | (base & 0xf00);
	taken = lapic_set_base(&lapic, base, host);
	must(oracle_set_base(&oracle, base, host) == taken || !follows);
}

static void acknowledge(void)
{
	int pending = lapic_pending(&lapic), vector = lapic_ack(&lapic);

	must(pending == vector);
	must(oracle_ack(&oracle) == vector || !follows);
}

static void local(u32 lvt)
{
	lapic_local(&lapic, lvt);
	oracle_local(&oracle, lvt);
}

static void step(struct input *in, u8 features)
{
	u8 op = take(in, 1);
	u64 value;

	switch (op & 15) {
	case 0:
		message(in, op);
		break;
	case 1:
		acknowledge();
		break;
	case 2:
		lapic_eoi(&lapic);
		oracle_eoi(&oracle);
		break;
	case 3:
		lapic_tpr_moved(&lapic, op & 0xf0);
		oracle.tpr = op & 0xf0;
		break;
	case 4:
	case 5:
		page_write(in);
		break;
	case 6:
	case 7:
		msr_write(in, op & 16 ? 8 : 4);
		break;
	case 8:
		reads(in, op);
		break;
	case 9:
		/* This and a reset seldom, for they undo much. */
		if (op & 0x80)
			set_base(in, op & 16);
		break;
	case 10:
		go_on(take(in, op & 0x80 ? op >> 4 & 7 : 1) << (op >> 4 & 7));
		break;
	case 11:
		value = op & 0x80 ? take(in, op >> 4 & 7) : now + take(in, 1);
		lapic_set_tsc_deadline(&lapic, value);
		oracle_set_deadline(&oracle, value);
		break;
	case 12:
		if (op >> 5 != 7)
			break;
		lapic_reset(&lapic, op & 16);
		oracle_reset(&oracle, op & 16);
		break;
	case 13:
		go_on(0);
		/* This and the next rarely, for they end the comparison. */
		if (op >> 5 == 7)
			round_trip(features, op & 16);
		break;
	case 14:
		if (op >> 4 == 15)
			set_state(in);
		break;
	case 15:
		local(LAPIC_LVTT + (op >> 4) % 6 * 16);
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
	follows = true;
	if (features & 0x80) {
		lapic_write(&lapic, LAPIC_SVR, 0x1ff);
		oracle_page_write(&oracle, LAPIC_SVR, 0x1ff);
	}
	if (features & 0x40) {
		base = lapic.base | LAPIC_BASE_X2APIC;
		must(lapic_set_base(&lapic, base, false) == oracle_set_base(&oracle, base, false));
	}
	while (in.left) {
		before = lapic_pending(&lapic);
		base = lapic.base;
		woken = false;
		seen.nr = 0;
		oracle.log.nr = 0;
		step(&in, features);
		check();
		if (follows)
			compare();
		/* Whatever makes an interrupt deliverable says so. */
		must(lapic_pending(&lapic) <= before || woken || lapic.base != base);
	}
	return 0;
}

#pragma clang attribute pop
