/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The local APIC, xAPIC and x2APIC (SDM 3, chapter 11; APM 2, chapter 16). Pure: the world is seen
 * through struct lapic_ops. Chapter numbers are those of the 2023 manuals.
 *
 * Locking: "owner" means the vCPU's thread, under vcpu->mutex. Functions marked "any context" may
 * be called on any CPU at the same time, with interrupts off or on; they take no lock.
 */
#ifndef TENON_IRQ_LAPIC_H
#define TENON_IRQ_LAPIC_H

#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/types.h>

#include "apic.h"

struct kvm_lapic_state;

#define LAPIC_PAGE_SIZE	   4096
#define LAPIC_DEFAULT_BASE 0xfee00000ull

/* Offsets in the register page, xAPIC's and the virtual-APIC page's (SDM 3, table 11-1, 30.1.1). */
enum lapic_offset {
	LAPIC_ID = 0x020,
	LAPIC_VERSION = 0x030,
	LAPIC_TPR = 0x080,
	LAPIC_APR = 0x090,
	LAPIC_PPR = 0x0a0,
	LAPIC_EOI = 0x0b0,
	LAPIC_RRD = 0x0c0,
	LAPIC_LDR = 0x0d0,
	LAPIC_DFR = 0x0e0,
	LAPIC_SVR = 0x0f0,
	LAPIC_ISR = 0x100,
	LAPIC_TMR = 0x180,
	LAPIC_IRR = 0x200,
	LAPIC_ESR = 0x280,
	LAPIC_CMCI = 0x2f0,
	LAPIC_ICR = 0x300,
	LAPIC_ICR2 = 0x310,
	LAPIC_LVTT = 0x320,
	LAPIC_LVT_THERMAL = 0x330,
	LAPIC_LVT_PERF = 0x340,
	LAPIC_LVT_LINT0 = 0x350,
	LAPIC_LVT_LINT1 = 0x360,
	LAPIC_LVT_ERROR = 0x370,
	LAPIC_TMICT = 0x380,
	LAPIC_TMCCT = 0x390,
	LAPIC_TDCR = 0x3e0,
	LAPIC_SELF_IPI = 0x3f0,
};

/* IA32_APIC_BASE (SDM 3, 11.4.4). */
#define LAPIC_BASE_BSP		   BIT(8)
#define LAPIC_BASE_X2APIC	   BIT(10)
#define LAPIC_BASE_ENABLE	   BIT(11)
#define LAPIC_BASE_MODE		   (LAPIC_BASE_X2APIC | LAPIC_BASE_ENABLE)

#define LAPIC_SVR_ENABLE	   BIT(8)
#define LAPIC_SVR_EOI_SUPPRESS	   BIT(12)
#define LAPIC_VERSION_EOI_SUPPRESS BIT(24)

#define LAPIC_LVT_MASKED	   BIT(16)
#define LAPIC_LVT_PERIODIC	   BIT(17)
#define LAPIC_LVT_TSC_DEADLINE	   BIT(18)

/* Error status register (SDM 3, 11.5.3). */
#define LAPIC_ERR_SEND_VECTOR 5
#define LAPIC_ERR_RECV_VECTOR 6
#define LAPIC_ERR_REGISTER    7

/**
 * enum lapic_timer_mode - what the timer counts with; LVTT bits 18:17
 */
enum lapic_timer_mode {
	LAPIC_ONE_SHOT,
	LAPIC_PERIODIC,
	LAPIC_DEADLINE
};

struct lapic;

/**
 * struct lapic_ops - the world as a local APIC sees it; all required
 * @now_ns: monotonic time in nanoseconds
 * @guest_tsc: the vCPU's TSC now
 * @timer_arm: call lapic_timer_expired() (as the owner) when now_ns() reaches @expires; replaces
 *	whatever was armed before
 * @timer_arm_tsc: likewise when guest_tsc() reaches @tsc
 * @timer_cancel: forget what was armed
 * @wake: an interrupt may have become deliverable: decide anew before the next entry, leave HLT
 *	or guest mode. Any context
 * @send: deliver an IPI to those that it names, with lapic_accept() on each
 * @signal: take an APIC_NMI, APIC_SMI, APIC_INIT or APIC_SIPI (@vector: page number). Any context
 * @eoi: an interrupt that was level triggered, or whose vector is in eoi_watch, is finished
 * @changed: id, logical id, mode, base or software enable changed: destinations resolve anew
 *
 * Where not said else, called by the owner out of the function of this header that it is in.
 */
struct lapic_ops {
	u64 (*now_ns)(void *opaque);
	u64 (*guest_tsc)(void *opaque);
	void (*timer_arm)(void *opaque, u64 expires);
	void (*timer_arm_tsc)(void *opaque, u64 tsc);
	void (*timer_cancel)(void *opaque);
	void (*wake)(void *opaque);
	void (*send)(void *opaque, const struct apic_msg *msg);
	void (*signal)(void *opaque, enum apic_mode mode, u8 vector);
	void (*eoi)(void *opaque, u8 vector, bool level);
	void (*changed)(void *opaque);
};

/**
 * struct lapic_config - what a local APIC can do; may be changed by its owner while it runs
 * @max_phys_bits: physical address width, for the reserved bits of IA32_APIC_BASE
 * @x2apic: CPUID offers x2APIC mode
 * @tsc_deadline: CPUID offers the TSC-deadline timer
 * @eoi_suppress: EOI broadcasts may be suppressed (SVR bit 12); needs IOAPICs with an EOI register
 * @cmci: there is an LVT for corrected machine checks
 * @virtual_wire: after reset LINT0 passes the PIC's interrupts on, as firmware would set it up
 * @bsp: is the bootstrap processor's, says IA32_APIC_BASE after reset
 */
struct lapic_config {
	u8 max_phys_bits;
	bool bsp;
	bool x2apic;
	bool tsc_deadline;
	bool eoi_suppress;
	bool cmci;
	bool virtual_wire;
};

/**
 * struct lapic - one local APIC
 * @page: registers, in the layout of the hardware's virtual-APIC page. IRR and TMR are written with
 *	atomic operations by anyone, the rest by the owner
 * @ops: the world
 * @opaque: handed to @ops
 * @eoi_watch: 256 bits: vectors of which @ops->eoi wants to hear although they are edge triggered
 *	or EOI broadcasts are suppressed; NULL for none
 * @base: IA32_APIC_BASE. Written by the owner, read by anyone
 * @id: initial APIC id, of x2APIC mode and of xAPIC mode after reset
 * @irr_pending: false only if no bit of the IRR is set
 * @isr_top: highest vector in service, -1 if none
 * @isr_count: number of vectors in service
 * @errors: bits of the ESR found since it was last written; atomic
 * @target: when the count that runs ends, in ns; 0 if none. One-shot and periodic modes
 * @deadline: IA32_TSC_DEADLINE; 0 if not armed
 * @config: what it can do
 */
struct lapic {
	u8 *page;
	const struct lapic_ops *ops;
	void *opaque;
	const unsigned long *eoi_watch;
	u64 base;
	u32 id;
	bool irr_pending;
	int isr_top;
	int isr_count;
	unsigned long errors;
	u64 target;
	u64 deadline;
	struct lapic_config config;
};

static inline u32 lapic_get(const struct lapic *lapic, u32 offset)
{
	return READ_ONCE(*(const u32 *)(lapic->page + offset));
}

static inline void lapic_put(struct lapic *lapic, u32 offset, u32 value)
{
	WRITE_ONCE(*(u32 *)(lapic->page + offset), value);
}

/* IA32_APIC_BASE enables the APIC. Any context. */
static inline bool lapic_enabled(const struct lapic *lapic)
{
	return READ_ONCE(lapic->base) & LAPIC_BASE_ENABLE;
}

static inline bool lapic_x2apic(const struct lapic *lapic)
{
	return (READ_ONCE(lapic->base) & LAPIC_BASE_MODE) == LAPIC_BASE_MODE;
}

/* Enabled by IA32_APIC_BASE and by the spurious-vector register. Any context. */
static inline bool lapic_sw_enabled(const struct lapic *lapic)
{
	return lapic_enabled(lapic) && (lapic_get(lapic, LAPIC_SVR) & LAPIC_SVR_ENABLE);
}

/* The guest-physical address is in the page that IA32_APIC_BASE names. Owner. */
static inline bool lapic_at(const struct lapic *lapic, u64 gpa)
{
	return !((gpa ^ lapic->base) & ~(u64)(LAPIC_PAGE_SIZE - 1));
}

/* It is, and the APIC is in xAPIC mode: its registers are there. Owner. */
static inline bool lapic_mmio_hit(const struct lapic *lapic, u64 gpa)
{
	return (lapic->base & LAPIC_BASE_MODE) == LAPIC_BASE_ENABLE && lapic_at(lapic, gpa);
}

/* CR8 is TPR bits 7:4 (SDM 3, 11.8.6). Owner. */
static inline u64 lapic_cr8(const struct lapic *lapic)
{
	return (lapic_get(lapic, LAPIC_TPR) >> 4) & 15;
}

/* Life: lapic.c */
void lapic_init(struct lapic *lapic, void *page, u32 id, const struct lapic_config *config,
		const struct lapic_ops *ops, void *opaque);
void lapic_set_ids(struct lapic *lapic);
void lapic_reset(struct lapic *lapic, bool init);
bool lapic_set_base(struct lapic *lapic, u64 base, bool host);

/* Interrupts: lapic.c */
int lapic_highest_irr(const struct lapic *lapic);
int lapic_pending(const struct lapic *lapic);
int lapic_ack(struct lapic *lapic);
void lapic_eoi(struct lapic *lapic);
void lapic_set_tpr(struct lapic *lapic, u32 tpr);
void lapic_tpr_moved(struct lapic *lapic, u8 tpr);
bool lapic_post(struct lapic *lapic, u8 vector, bool level);
bool lapic_accept(struct lapic *lapic, const struct apic_msg *msg);
bool lapic_match(const struct lapic *lapic, const struct apic_msg *msg);
void lapic_error(struct lapic *lapic, unsigned int bit);
bool lapic_local(struct lapic *lapic, u32 lvt);
bool lapic_takes_extint(const struct lapic *lapic);
void lapic_send(struct lapic *lapic, u32 icr, u32 dest);
void lapic_recount(struct lapic *lapic);

/* Registers: lapic_regs.c */
u32 lapic_read(struct lapic *lapic, u32 offset);
void lapic_write(struct lapic *lapic, u32 offset, u32 value);
void lapic_mmio_read(struct lapic *lapic, u32 offset, void *data, unsigned int len);
void lapic_mmio_write(struct lapic *lapic, u32 offset, const void *data, unsigned int len);
bool lapic_msr_read(struct lapic *lapic, u32 msr, u64 *value);
bool lapic_msr_write(struct lapic *lapic, u32 msr, u64 value);
u32 lapic_version(const struct lapic *lapic);
u32 lapic_storable(const struct lapic *lapic, u32 offset);

/* Timer: lapic_timer.c */
enum lapic_timer_mode lapic_timer_mode(const struct lapic *lapic);
void lapic_timer_start(struct lapic *lapic, u32 count);
void lapic_timer_stop(struct lapic *lapic);
void lapic_timer_set_lvt(struct lapic *lapic, u32 value);
void lapic_timer_set_divide(struct lapic *lapic, u32 value);
u32 lapic_timer_count(const struct lapic *lapic);
void lapic_timer_expired(struct lapic *lapic);
u64 lapic_tsc_deadline(const struct lapic *lapic);
void lapic_set_tsc_deadline(struct lapic *lapic, u64 tsc);

/* State: lapic_state.c */
void lapic_get_state(struct lapic *lapic, struct kvm_lapic_state *state, bool x2apic_format);
int lapic_set_state(struct lapic *lapic, const struct kvm_lapic_state *state, bool x2apic_format);

#endif
