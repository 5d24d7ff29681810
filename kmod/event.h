/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TENON_EVENT_H
#define TENON_EVENT_H

#include <linux/types.h>

struct kvm_vcpu_events;
struct vcpu;

/* Exception vectors (SDM 3, table 6-1). */
enum vector {
	VECTOR_DE = 0,
	VECTOR_DB = 1,
	VECTOR_NMI = 2,
	VECTOR_BP = 3,
	VECTOR_OF = 4,
	VECTOR_BR = 5,
	VECTOR_UD = 6,
	VECTOR_NM = 7,
	VECTOR_DF = 8,
	VECTOR_TS = 10,
	VECTOR_NP = 11,
	VECTOR_SS = 12,
	VECTOR_GP = 13,
	VECTOR_PF = 14,
	VECTOR_MF = 16,
	VECTOR_AC = 17,
	VECTOR_MC = 18,
	VECTOR_XM = 19,
};

/**
 * enum event_kind - what a backend is asked to deliver at the next entry
 *
 * The values are the hardware's event types on both vendors (SDM 3, 25.8.3; APM 2, 15.20).
 */
enum event_kind {
	EVENT_INTERRUPT = 0,
	EVENT_NMI = 2,
	EVENT_EXCEPTION = 3,
	EVENT_SOFT_INTERRUPT = 4,
};

/**
 * struct event - one event in the form in which a backend injects it
 * @insn_len: of the instruction that raises it, where it is one's own: INT n, INT3, INTO
 * @payload: CR2 of a page fault, DR6 bits of a debug exception
 */
struct event {
	enum event_kind kind;
	u8 vector;
	u8 insn_len;
	bool has_error;
	bool has_payload;
	u32 error;
	u64 payload;
};

/**
 * struct events - the slots in which events wait; all but @nmi_pending are the owner's alone
 * @exception: pending (its effects not yet visible) or injected (delivery has begun)
 * @interrupt: an external or soft interrupt whose delivery has begun
 * @nmi: delivery begun, masked until IRET, and how many wait (at most 2)
 * @user_interrupt: vector from KVM_INTERRUPT, for a VM without an in-kernel PIC; -1 if none
 */
struct events {
	struct {
		bool pending;
		bool injected;
		bool has_error;
		bool has_payload;
		u8 vector;
		u8 insn_len;
		u32 error;
		u64 payload;
	} exception;
	struct {
		bool injected;
		bool soft;
		u8 vector;
	} interrupt;
	struct {
		bool injected;
		bool masked;
		u8 pending;
	} nmi;
	atomic_t nmi_queued;
	int user_interrupt;
};

void event_exception(struct vcpu *vcpu, u8 vector);
void event_exception_error(struct vcpu *vcpu, u8 vector, u32 error);
void event_page_fault(struct vcpu *vcpu, u64 cr2, u32 error);
void event_debug(struct vcpu *vcpu, u64 dr6);
void event_nmi(struct vcpu *vcpu);
void event_after_exit(struct vcpu *vcpu, const struct event *cut);
void event_delivered(struct vcpu *vcpu);
void event_prepare(struct vcpu *vcpu);
bool event_interrupt_begun(const struct vcpu *vcpu, u8 *vector);
bool event_interruptible(struct vcpu *vcpu);
bool event_interrupt_ready(struct vcpu *vcpu);
bool event_wakes(struct vcpu *vcpu);
void event_reset(struct vcpu *vcpu);

long event_get(struct vcpu *vcpu, void *arg, unsigned long uarg);
long event_set(struct vcpu *vcpu, void *arg, unsigned long uarg);
long event_ioctl_nmi(struct vcpu *vcpu, void *arg, unsigned long uarg);
long event_ioctl_interrupt(struct vcpu *vcpu, void *arg, unsigned long uarg);

#endif
