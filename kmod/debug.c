// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_SET_GUEST_DEBUG: single steps, breakpoints and injected traps, and KVM_EXIT_DEBUG.
 *
 * A step is RFLAGS.TF in the processor, as it is for a debugger inside the guest. So where the
 * guest takes an interrupt or a fault the step ends behind the IRET of its handler.
 */
#include <linux/kvm.h>
#include <uapi/asm/debugreg.h>

#include "backend.h"
#include "debug.h"
#include "emulate.h"
#include "vcpu.h"

/* One-byte opcodes. */
enum {
	OP_PUSHF = 0x9c,
	OP_POPF = 0x9d,
	OP_INT3 = 0xcc,
	OP_INT = 0xcd,
	OP_INTO = 0xce,
};

static bool is_stepping(const struct vcpu *vcpu)
{
	return vcpu->debug.control & KVM_GUESTDBG_SINGLESTEP;
}

/**
 * debug_dr7_changed() - DR7 of the guest changed, or user space's came or went
 * @vcpu: the vCPU
 */
void debug_dr7_changed(struct vcpu *vcpu)
{
	const struct vcpu_debug *debug = &vcpu->debug;

	vcpu->hw_dr7 = debug->control & KVM_GUESTDBG_USE_HW_BP ? debug->dr7 : vcpu->dr7;
	backend->update_dr7(vcpu);
}

static int debug_exit(struct vcpu *vcpu, u8 vector, u64 dr6)
{
	struct kvm_debug_exit_arch *arch = &vcpu->run->debug.arch;

	vcpu->run->exit_reason = KVM_EXIT_DEBUG;
	arch->exception = vector;
	arch->pc = linear_rip(vcpu);
	if (vector == VECTOR_DB) {
		arch->dr6 = dr6 ^ DR6_INIT;
		arch->dr7 = vcpu->hw_dr7;
	}
	return USER;
}

/**
 * debug_exception() - #DB or #BP that the processor raised and that was intercepted
 * @vcpu: the vCPU
 * @vector: which
 * @dr6: conditions of a #DB, active high
 *
 * #BP is intercepted for user space only. A #DB is told to it too if it did not ask for one: that
 * the guest has a trap of its own only user space can know, which injects it then.
 *
 * Return: USER with kvm_run filled, or GUEST.
 */
int debug_exception(struct vcpu *vcpu, u8 vector, u64 dr6)
{
	const u32 wants = KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_HW_BP;

	if (vector == VECTOR_BP || vcpu->debug.control & wants)
		return debug_exit(vcpu, vector, dr6);
	event_debug(vcpu, dr6);
	return GUEST;
}

bool debug_trap(struct vcpu *vcpu, u64 dr6, u32 controls)
{
	if (!(vcpu->debug.control & controls))
		return false;
	vcpu->debug.dr6 |= dr6;
	vcpu_request(vcpu, WORK_DEBUG);
	return true;
}

void debug_report(struct vcpu *vcpu)
{
	debug_exit(vcpu, VECTOR_DB, vcpu->debug.dr6);
	vcpu->debug.dr6 = 0;
}

u64 debug_get_rflags(const struct vcpu *vcpu)
{
	if (!is_stepping(vcpu))
		return vcpu->rflags;
	return (vcpu->rflags & ~(u64)X86_EFLAGS_TF) | vcpu->debug.guest_tf;
}

/* What steps goes on stepping; and what is moved elsewhere steps there. */
void debug_set_rip_rflags(struct vcpu *vcpu, u64 rip, u64 rflags)
{
	bool steps = vcpu->rflags & X86_EFLAGS_TF || rip != vcpu->rip;

	vcpu->rip = rip;
	vcpu->rflags = rflags;
	if (!is_stepping(vcpu))
		return;
	vcpu->debug.guest_tf = rflags & X86_EFLAGS_TF;
	vcpu->rflags &= ~(u64)X86_EFLAGS_TF;
	if (steps)
		vcpu->rflags |= X86_EFLAGS_TF;
}

/* @nr bytes at CS:RIP, raising nothing. */
static bool peek(struct vcpu *vcpu, u8 *bytes, unsigned int nr)
{
	struct mmu_fault_info fault;
	unsigned int i;
	u64 gpa;

	for (i = 0; i < nr; i++)
		if (mmu_translate(vcpu, linear_rip(vcpu) + i, FAULT_FETCH, &gpa, &fault) ||
		    guest_read(vcpu->vm, gpa, &bytes[i], 1))
			return false;
	return true;
}

/**
 * debug_soft_length() - the instruction that raises #BP or #OF
 * @vcpu: the vCPU, whose owner calls this
 * @vector: the exception
 *
 * Such an exception is delivered as if the instruction had been executed: it returns behind it.
 *
 * Return: the length of the instruction at CS:RIP if it raises @vector, else 0.
 */
u8 debug_soft_length(struct vcpu *vcpu, u8 vector)
{
	u8 bytes[2];

	if (vector != VECTOR_BP && vector != VECTOR_OF)
		return 0;
	if (!peek(vcpu, bytes, 1))
		return 0;
	if (bytes[0] == (vector == VECTOR_BP ? OP_INT3 : OP_INTO))
		return 1;
	return bytes[0] == OP_INT && peek(vcpu, bytes, 2) && bytes[1] == vector ? 2 : 0;
}

/* An instruction in whose doing the guest would find user space's RFLAGS.TF, or leave its own. */
static bool shows_flags(struct vcpu *vcpu)
{
	u8 bytes[EMU_INSN_MAX];
	struct emu_insn insn;

	if (fetch_decode(vcpu, &insn, bytes))
		return false;
	return insn.map == EMU_MAP_1B && (insn.opcode == OP_PUSHF || insn.opcode == OP_POPF);
}

static bool is_busy(const struct vcpu *vcpu)
{
	const struct events *ev = &vcpu->events;

	return vcpu->mp_state != KVM_MP_STATE_RUNNABLE || ev->exception.pending ||
	       ev->exception.injected || ev->interrupt.injected || ev->nmi.injected ||
	       test_bit(WORK_DEBUG, &vcpu->work);
}

/**
 * debug_step() - the next instruction is to be stepped over
 * @vcpu: the vCPU, in KVM_RUN
 *
 * Return: GUEST; USER with kvm_run filled where PUSHF or POPF accessed a device; or an errno.
 */
int debug_step(struct vcpu *vcpu)
{
	struct vcpu_debug *debug = &vcpu->debug;
	u64 rip = vcpu->rip;
	int r;

	if (!is_stepping(vcpu) || !(vcpu->rflags & X86_EFLAGS_TF) || is_busy(vcpu) ||
	    !shows_flags(vcpu))
		return GUEST;
	vcpu->rflags = debug_get_rflags(vcpu);
	r = emulate_instruction(vcpu);
	debug->guest_tf = vcpu->rflags & X86_EFLAGS_TF;
	vcpu->rflags |= X86_EFLAGS_TF;
	if (vcpu->rip != rip)
		debug_trap(vcpu, DR_STEP, KVM_GUESTDBG_SINGLESTEP);
	return r;
}

/* INJECT_DB and INJECT_BP: -EBUSY while another exception waits. */
static int debug_inject(struct vcpu *vcpu, u32 control)
{
	if (!(control & (KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)))
		return 0;
	if (vcpu->events.exception.pending || test_bit(WORK_TRIPLE_FAULT, &vcpu->work))
		return -EBUSY;
	event_exception(vcpu, control & KVM_GUESTDBG_INJECT_DB ? VECTOR_DB : VECTOR_BP);
	vcpu->events.exception.insn_len = debug_soft_length(vcpu, vcpu->events.exception.vector);
	return 0;
}

/**
 * debug_set_ioctl() - KVM_SET_GUEST_DEBUG
 * @vcpu: the vCPU
 * @arg: struct kvm_guest_debug
 * @uarg: unused
 *
 * Return: 0, or -EBUSY where a trap is to be injected and an exception waits already.
 */
long debug_set_ioctl(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	const struct kvm_guest_debug *from = arg;
	struct vcpu_debug *debug = &vcpu->debug;
	int r = debug_inject(vcpu, from->control);

	if (r)
		return r;
	vcpu->rflags = debug_get_rflags(vcpu);
	vcpu_take_work(vcpu, WORK_DEBUG);
	*debug = (struct vcpu_debug){
		.control = from->control & KVM_GUESTDBG_ENABLE ? from->control : 0,
		.dr7 = (u32)from->arch.debugreg[7],
		.guest_tf = vcpu->rflags & X86_EFLAGS_TF,
	};
	memcpy(debug->dr, from->arch.debugreg, sizeof(debug->dr));
	if (is_stepping(vcpu))
		vcpu->rflags |= X86_EFLAGS_TF;
	debug_dr7_changed(vcpu);
	backend->update_intercepts(vcpu);
	vcpu_request(vcpu, WORK_EVENT);
	return 0;
}
