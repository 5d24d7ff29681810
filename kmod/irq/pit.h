/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The 8254 interval timer and its neighbour, port 61h (Intel 8254 data sheet, order 231164). Pure.
 * All functions run under the caller's lock.
 */
#ifndef TENON_IRQ_PIT_H
#define TENON_IRQ_PIT_H

#include <linux/kvm.h>
#include <linux/types.h>

#define PIT_HZ	     1193182
#define PIT_CHANNELS 3
#define PIT_PORT     0x40
#define PIT_PORT_61H 0x61

/* Mode of a channel that has not had a control word. */
#define PIT_NO_MODE 0xff

/* Interrupts of channel 0 come no closer than this: a guest must not keep a host timer busy. */
#define PIT_MIN_PERIOD_NS 200000

/* Ticks that a guest has not yet taken, beyond which they are lost. */
#define PIT_MAX_PENDING 1000

/**
 * struct pit_ops - the world as the PIT sees it; called under the caller's lock
 * @now_ns: monotonic time in nanoseconds
 * @arm: call pit_expired() when now_ns() reaches @expires; replaces what was armed before
 * @cancel: forget what was armed
 * @tick: channel 0's output rose: pulse interrupt line 0; returns whether anybody listens, who will
 *	then call pit_ack()
 */
struct pit_ops {
	u64 (*now_ns)(void *opaque);
	void (*arm)(void *opaque, u64 expires);
	void (*cancel)(void *opaque);
	bool (*tick)(void *opaque);
};

/**
 * struct pit_channel - one counter
 * @s: what KVM_GET_PIT2 shows. @s.count is the count of the cycle that runs, 1 to 0x10000 (0 before
 *	the first), @s.count_load_time when it began, in ns; @s.mode is PIT_NO_MODE before a control
 *	word
 * @phase: ticks of the cycle that had gone by at @s.count_load_time
 * @next: count that is loaded @switch_at ticks into the cycle or when the gate rises; 0 for the
 *	same again
 * @switch_at: the end of the cycle, or of its half in mode 3
 * @mode_bits: the mode as the control word had it
 * @running: a cycle has begun
 * @halted: mode 0 has had the first byte of a count and waits for the second
 * @stopped_at: with the gate low, or halted, since when counting stands still, in ns
 */
struct pit_channel {
	struct kvm_pit_channel_state s;
	u32 phase;
	u32 next;
	u32 switch_at;
	u8 mode_bits;
	bool running;
	bool halted;
	u64 stopped_at;
};

/**
 * struct pit - the timer
 * @channel: counters
 * @flags: KVM_PIT_FLAGS_*
 * @nmi_enables: port 61h, bits 3:2, which only remember
 * @reinject: ticks that the guest missed are delivered later, one per acknowledgment
 * @acked: the guest has taken the last tick
 * @pending: ticks not yet taken, with @reinject
 * @tick_at: when channel 0's output rises next, in ns; 0 for never
 * @ops: the world
 * @opaque: handed to @ops
 */
struct pit {
	struct pit_channel channel[PIT_CHANNELS];
	u32 flags;
	u8 nmi_enables;
	bool reinject;
	bool acked;
	u32 pending;
	u64 tick_at;
	const struct pit_ops *ops;
	void *opaque;
};

void pit_init(struct pit *pit, const struct pit_ops *ops, void *opaque);
u8 pit_read(struct pit *pit, u16 port);
void pit_write(struct pit *pit, u16 port, u8 value);
void pit_expired(struct pit *pit);
void pit_ack(struct pit *pit);
void pit_set_reinject(struct pit *pit, bool reinject);
void pit_get_state(struct pit *pit, struct kvm_pit_state2 *state);
void pit_set_state(struct pit *pit, const struct kvm_pit_state2 *state);

#endif
