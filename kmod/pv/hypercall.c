// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls: number in RAX, arguments in RBX, RCX, RDX, RSI, result in RAX; for the kernel only.
 */
#include <linux/kernel.h>
#include <linux/kvm.h>
#include <linux/kvm_para.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/rcupdate.h>
#include <linux/sched/task.h>

#include "../backend.h"
#include "../compat.h"
#include "../exit.h"
#include "../irq/chip.h"
#include "../trace.h"
#include "../vcpu.h"
#include "../vm.h"
#include "pv.h"

/* Bits of the ICR that an IPI by hypercall does not have (SDM 3, 11.6.1). */
#define ICR_LOGICAL   BIT(11)
#define ICR_SHORTHAND GENMASK(19, 18)

/* What a hypercall returns if user space is to handle it: kvm_run is filled. */
#define TO_USER LONG_MIN

/* Registers of a hypercall. Outside of 64-bit code they have 32 bits: @mask. */
static u64 argument(const struct vcpu *vcpu, unsigned int nr, u64 mask)
{
	static const u8 regs[] = { REG_RBX, REG_RCX, REG_RDX, REG_RSI };

	return vcpu->regs[regs[nr]] & mask;
}

static struct vcpu *named(struct vcpu *vcpu, u64 id)
{
	return id < MAX_VCPU_IDS ? vm_vcpu_by_id(vcpu->vm, id) : NULL;
}

/* A guest that polls for interrupts leaves guest mode by the call itself: that is all. */
static long poll_irq(struct vcpu *vcpu, u64 mask)
{
	return 0;
}

/* End the HLT of the vCPU with this APIC id. */
static long kick_cpu(struct vcpu *vcpu, u64 mask)
{
	struct vcpu *target = named(vcpu, argument(vcpu, 1, mask));

	trace_pv(vcpu, PV_USE_KICK, argument(vcpu, 1, mask));
	if (target) {
		WRITE_ONCE(target->pv.unhalted, true);
		vcpu_kick(target);
	}
	return 0;
}

static long pairing(struct vcpu *vcpu, u64 mask)
{
	return clock_pairing(vcpu, argument(vcpu, 0, mask), argument(vcpu, 1, mask));
}

/* An IPI to those of 128 vCPUs (32-bit code: 64) from args[2] on whose bit is set. */
static long send_ipi(struct vcpu *vcpu, u64 mask)
{
	struct irqchip *chip = vm_irqchip(vcpu->vm);
	u32 icr = argument(vcpu, 3, mask), first = argument(vcpu, 2, mask);
	unsigned int width = mask == U64_MAX ? 64 : 32;
	struct apic_msg msg = {
		.vector = icr,
		.mode = icr >> 8 & 7,
		.assert = true,
	};
	int taken;

	if (icr & (ICR_LOGICAL | ICR_SHORTHAND))
		return -KVM_EINVAL;
	if (!chip)
		return -KVM_EOPNOTSUPP;
	taken = apic_deliver_bits(chip, &msg, first, argument(vcpu, 0, mask)) +
		apic_deliver_bits(chip, &msg, first + width, argument(vcpu, 1, mask));
	trace_pv(vcpu, PV_USE_IPI, taken);
	return taken;
}

/* The caller waits for a vCPU that has been preempted: let that one run. */
static long sched_yield_to(struct vcpu *vcpu, u64 mask)
{
	struct vcpu *target = named(vcpu, argument(vcpu, 0, mask));
	struct task_struct *task;

	trace_pv(vcpu, PV_USE_YIELD, argument(vcpu, 0, mask));
	vcpu->stats.directed_yield_attempted++;
	if (!target || target == vcpu)
		return 0;
	rcu_read_lock();
	/* It leaves KVM_RUN before it can exit, and is freed by RCU. */
	task = READ_ONCE(target->pv.runnable);
	if (task)
		get_task_struct(task);
	rcu_read_unlock();
	if (!task)
		return 0;
	if (yield_to(task, true) > 0)
		vcpu->stats.directed_yield_successful++;
	put_task_struct(task);
	return 0;
}

/* User space may have moved the vCPU, or reset it: then nobody waits for an answer. */
static int map_range_done(struct vcpu *vcpu)
{
	u64 result = READ_ONCE(vcpu->run->hypercall.ret);

	if (vcpu->rip != vcpu->emulation->rip)
		return GUEST;
	vcpu->regs[REG_RAX] = vcpu->run->hypercall.compat_longmode ? result : (u32)result;
	return GUEST;
}

/* For an encrypted guest: these frames are shared, or are private again. */
static long map_range(struct vcpu *vcpu, u64 mask)
{
	u64 gpa = argument(vcpu, 0, mask), pages = argument(vcpu, 1, mask),
	    first = gpa >> PAGE_SHIFT;
	struct kvm_run *run = vcpu->run;

	if (!(READ_ONCE(vcpu->vm->pv.hypercall_exits) & BIT(KVM_HC_MAP_GPA_RANGE)))
		return -KVM_ENOSYS;
	if (!PAGE_ALIGNED(gpa) || !pages || first + pages <= first)
		return -KVM_EINVAL;
	run->exit_reason = KVM_EXIT_HYPERCALL;
	run->hypercall.nr = KVM_HC_MAP_GPA_RANGE;
	run->hypercall.args[0] = gpa;
	run->hypercall.args[1] = pages;
	run->hypercall.args[2] = argument(vcpu, 2, mask);
	run->hypercall.ret = 0;
	run->hypercall.compat_longmode = mask == U64_MAX;
	vcpu->complete = map_range_done;
	return TO_USER;
}

/**
 * struct hypercall - one hypercall
 * @execute: the result, -KVM_E*, or TO_USER
 * @feature: KVM_FEATURE_* without which the guest does not have it
 * @slow: it may sleep
 */
struct hypercall {
	long (*execute)(struct vcpu *vcpu, u64 mask);
	u8 feature;
	bool slow;
};

static const struct hypercall hypercalls[] = {
	[KVM_HC_VAPIC_POLL_IRQ] = { poll_irq },
	[KVM_HC_KICK_CPU] = { kick_cpu, KVM_FEATURE_PV_UNHALT },
	[KVM_HC_CLOCK_PAIRING] = { pairing, .slow = true },
	[KVM_HC_SEND_IPI] = { send_ipi, KVM_FEATURE_PV_SEND_IPI },
	[KVM_HC_SCHED_YIELD] = { sched_yield_to, KVM_FEATURE_PV_SCHED_YIELD, .slow = true },
	[KVM_HC_MAP_GPA_RANGE] = { map_range, .slow = true },
};

static const struct hypercall *find(u64 nr)
{
	if (nr >= ARRAY_SIZE(hypercalls))
		return NULL;
	nr = array_index_nospec(nr, ARRAY_SIZE(hypercalls));
	return hypercalls[nr].execute ? &hypercalls[nr] : NULL;
}

/* GUEST, USER; or SLOW if it may sleep and @atomic. The length of the instruction is @len. */
static int execute(struct vcpu *vcpu, int len, bool atomic)
{
	u64 mask = vcpu_code64(vcpu) ? U64_MAX : U32_MAX;
	const struct hypercall *row = find(vcpu->regs[REG_RAX] & mask);
	long result;

	if (backend->cpl(vcpu))
		result = -KVM_EPERM;
	else if (!row || (row->feature && !pv_has(vcpu, row->feature)))
		result = -KVM_ENOSYS;
	else if (!atomic || !row->slow)
		result = row->execute(vcpu, mask);
	else
		return SLOW;
	skip_bytes(vcpu, len);
	if (result == TO_USER) {
		vcpu->emulation->rip = vcpu->rip;
		return USER;
	}
	vcpu->regs[REG_RAX] = result & mask;
	return GUEST;
}

int hypercall_fast(struct vcpu *vcpu, struct exit *exit)
{
	int len = insn_length_atomic(vcpu, exit);

	return len < 0 ? SLOW : execute(vcpu, len, true);
}

int hypercall(struct vcpu *vcpu, struct exit *exit)
{
	int len = insn_length(vcpu, exit);

	return len < 0 ? decode_failed(vcpu, len) : execute(vcpu, len, false);
}

/* KVM_CAP_EXIT_HYPERCALL: args[0] has a bit for each hypercall that user space wants to see. */
long hypercall_enable_exits(struct vm *vm, const struct kvm_enable_cap *cap)
{
	if (cap->args[0] & ~BIT_ULL(KVM_HC_MAP_GPA_RANGE))
		return -EINVAL;
	WRITE_ONCE(vm->pv.hypercall_exits, cap->args[0]);
	return 0;
}
