// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls: number in RAX, arguments in RBX, RCX, RDX, RSI, result in RAX; for the kernel only.
 */
#include <linux/kernel.h>
#include <linux/kvm_para.h>
#include <linux/nospec.h>

#include "../backend.h"
#include "../exit.h"
#include "../vcpu.h"
#include "../vm.h"
#include "pv.h"

/* A guest that polls for interrupts leaves guest mode by the call itself: that is all. */
static long poll_irq(struct vcpu *vcpu, const u64 *args)
{
	return 0;
}

/* End the HLT of the vCPU with APIC id @args[1]. */
static long kick_cpu(struct vcpu *vcpu, const u64 *args)
{
	struct vcpu *target = args[1] < MAX_VCPU_IDS ? vm_vcpu_by_id(vcpu->vm, args[1]) : NULL;

	if (target) {
		WRITE_ONCE(target->pv.unhalted, true);
		vcpu_kick(target);
	}
	return 0;
}

/* None sleeps, and all may be called with interrupts off. */
static long (*const hypercalls[])(struct vcpu *vcpu, const u64 *args) = {
	[KVM_HC_VAPIC_POLL_IRQ] = poll_irq,
	[KVM_HC_KICK_CPU] = kick_cpu,
};

static long call(struct vcpu *vcpu, u64 nr, const u64 *args)
{
	if (backend->cpl(vcpu))
		return -KVM_EPERM;
	if (nr >= ARRAY_SIZE(hypercalls))
		return -KVM_ENOSYS;
	nr = array_index_nospec(nr, ARRAY_SIZE(hypercalls));
	return hypercalls[nr] ? hypercalls[nr](vcpu, args) : -KVM_ENOSYS;
}

/* Outside of 64-bit code all registers have 32 bits. */
static void hypercall_execute(struct vcpu *vcpu)
{
	struct kvm_segment cs;
	u64 mask = code_size(vcpu, &cs) == EMU_CODE64 ? U64_MAX : U32_MAX;
	u64 args[] = { vcpu->regs[REG_RBX] & mask, vcpu->regs[REG_RCX] & mask };

	vcpu->regs[REG_RAX] = call(vcpu, vcpu->regs[REG_RAX] & mask, args) & mask;
}

int hypercall_fast(struct vcpu *vcpu, struct exit *exit)
{
	int len = insn_length_atomic(vcpu, exit);

	if (len < 0)
		return SLOW;
	hypercall_execute(vcpu);
	skip_bytes(vcpu, len);
	return GUEST;
}

int hypercall(struct vcpu *vcpu, struct exit *exit)
{
	int len = insn_length(vcpu, exit);

	if (len < 0)
		return decode_failed(vcpu, len);
	hypercall_execute(vcpu);
	skip_bytes(vcpu, len);
	return GUEST;
}
