// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPU ioctls on the architected state. What is not valid is refused before anything is changed.
 */
#include <linux/kvm.h>

#include "cpuid.h"
#include "cr.h"
#include "irq/irqchip.h"
#include "msr.h"
#include "rules.h"
#include "run.h"
#include "state.h"
#include "vcpu.h"

/* KVM_GET_REGS: struct kvm_regs has an order of its own. */
long regs_get(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	const u64 *regs = vcpu->regs;

	*(struct kvm_regs *)arg = (struct kvm_regs){
		.rax = regs[REG_RAX],
		.rbx = regs[REG_RBX],
		.rcx = regs[REG_RCX],
		.rdx = regs[REG_RDX],
		.rsi = regs[REG_RSI],
		.rdi = regs[REG_RDI],
		.rsp = regs[REG_RSP],
		.rbp = regs[REG_RBP],
		.r8 = regs[REG_R8],
		.r9 = regs[REG_R9],
		.r10 = regs[REG_R10],
		.r11 = regs[REG_R11],
		.r12 = regs[REG_R12],
		.r13 = regs[REG_R13],
		.r14 = regs[REG_R14],
		.r15 = regs[REG_R15],
		.rip = vcpu->rip,
		.rflags = debug_get_rflags(vcpu),
	};
	return 0;
}

/* KVM_SET_REGS: also forgets an exception that the guest has not begun to see. */
long regs_set(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	const struct kvm_regs *from = arg;
	u64 *regs = vcpu->regs;

	regs[REG_RAX] = from->rax;
	regs[REG_RBX] = from->rbx;
	regs[REG_RCX] = from->rcx;
	regs[REG_RDX] = from->rdx;
	regs[REG_RSI] = from->rsi;
	regs[REG_RDI] = from->rdi;
	regs[REG_RSP] = from->rsp;
	regs[REG_RBP] = from->rbp;
	regs[REG_R8] = from->r8;
	regs[REG_R9] = from->r9;
	regs[REG_R10] = from->r10;
	regs[REG_R11] = from->r11;
	regs[REG_R12] = from->r12;
	regs[REG_R13] = from->r13;
	regs[REG_R14] = from->r14;
	regs[REG_R15] = from->r15;
	debug_set_rip_rflags(vcpu, from->rip, from->rflags | X86_EFLAGS_FIXED);
	vcpu->events.exception.pending = false;
	vcpu_request(vcpu, WORK_EVENT);
	return 0;
}

/* Where struct kvm_sregs and struct kvm_sregs2, which begin alike, keep each segment register. */
static const u16 segment_offsets[NR_SEGS] = {
	[SEG_ES] = offsetof(struct kvm_sregs, es),    [SEG_CS] = offsetof(struct kvm_sregs, cs),
	[SEG_SS] = offsetof(struct kvm_sregs, ss),    [SEG_DS] = offsetof(struct kvm_sregs, ds),
	[SEG_FS] = offsetof(struct kvm_sregs, fs),    [SEG_GS] = offsetof(struct kvm_sregs, gs),
	[SEG_LDTR] = offsetof(struct kvm_sregs, ldt), [SEG_TR] = offsetof(struct kvm_sregs, tr),
};

static_assert(offsetof(struct kvm_sregs, apic_base) == offsetof(struct kvm_sregs2, apic_base));

static u64 apic_base(struct vcpu *vcpu)
{
	u64 value = 0;

	msr_get(vcpu, MSR_IA32_APICBASE, &value, true);
	return value;
}

static void sregs_read(struct vcpu *vcpu, struct kvm_sregs *sregs)
{
	int seg;

	for (seg = 0; seg < NR_SEGS; seg++)
		backend->get_segment(vcpu, seg, (void *)sregs + segment_offsets[seg]);
	backend->get_table(vcpu, false, &sregs->gdt);
	backend->get_table(vcpu, true, &sregs->idt);
	sregs->cr0 = vcpu->cr0;
	sregs->cr2 = vcpu->cr2;
	sregs->cr3 = vcpu_cr3(vcpu);
	sregs->cr4 = vcpu->cr4;
	sregs->cr8 = cr_read(vcpu, 8);
	sregs->efer = vcpu->efer;
	sregs->apic_base = apic_base(vcpu);
}

/* Everything but what comes after @sregs->apic_base. */
static int sregs_write(struct vcpu *vcpu, const struct kvm_sregs *sregs)
{
	bool cpuid_changes = (sregs->cr4 ^ vcpu->cr4) & (X86_CR4_OSXSAVE | X86_CR4_PKE);
	int seg;

	if (!sregs_valid(vcpu, sregs))
		return -EINVAL;
	if (sregs->apic_base != apic_base(vcpu) &&
	    msr_set(vcpu, MSR_IA32_APICBASE, sregs->apic_base, true))
		return -EINVAL;

	backend->set_table(vcpu, false, &sregs->gdt);
	backend->set_table(vcpu, true, &sregs->idt);
	vcpu->cr0 = sregs->cr0 | X86_CR0_ET;
	vcpu->cr2 = sregs->cr2;
	vcpu->cr3 = sregs->cr3;
	vcpu->cr4 = sregs->cr4;
	vcpu->efer = sregs->efer;
	for (seg = 0; seg < NR_SEGS; seg++)
		backend->set_segment(vcpu, seg, (void *)sregs + segment_offsets[seg]);
	backend->update_cr(vcpu);
	cr_write(vcpu, 8, sregs->cr8 & 15);
	if (cpuid_changes)
		cpuid_refresh(vcpu);
	vcpu_request(vcpu, WORK_TLB_FLUSH);
	vcpu_request(vcpu, WORK_EVENT);
	return 0;
}

/* KVM_GET_SREGS */
long sregs_get(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	struct kvm_sregs *sregs = arg;
	u8 vector;

	sregs_read(vcpu, sregs);
	if (event_interrupt_begun(vcpu, &vector))
		__set_bit(vector, (unsigned long *)sregs->interrupt_bitmap);
	return 0;
}

/* KVM_SET_SREGS: -EINVAL for control registers that no processor can have. */
long sregs_set(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	const struct kvm_sregs *sregs = arg;
	unsigned long vector;
	int r = sregs_write(vcpu, sregs);

	if (r)
		return r;
	vector = find_first_bit((const unsigned long *)sregs->interrupt_bitmap, KVM_NR_INTERRUPTS);
	if (vector < KVM_NR_INTERRUPTS) {
		vcpu->events.interrupt.injected = true;
		vcpu->events.interrupt.soft = false;
		vcpu->events.interrupt.vector = vector;
	}
	return 0;
}

static bool sregs_pae(u64 cr0, u64 cr4, u64 efer)
{
	return cr0 & X86_CR0_PG && cr4 & X86_CR4_PAE && !(efer & EFER_LMA);
}

/*
 * KVM_GET_SREGS2: no interrupt bitmap, but the page-directory pointers of PAE paging. Those that
 * the processor goes by are the ones in guest memory.
 */
long sregs2_get(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	struct kvm_sregs2 *sregs2 = arg;

	sregs_read(vcpu, arg);
	if (!sregs_pae(vcpu->cr0, vcpu->cr4, vcpu->efer))
		return 0;
	if (!guest_read(vcpu->vm, vcpu_cr3(vcpu) & GENMASK_ULL(31, 5), sregs2->pdptrs,
			sizeof(sregs2->pdptrs)))
		sregs2->flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
	else
		memset(sregs2->pdptrs, 0, sizeof(sregs2->pdptrs));
	return 0;
}

/* KVM_SET_SREGS2: -EINVAL also for flags that do not exist, or pointers where PAE is not on. */
long sregs2_set(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	const struct kvm_sregs2 *sregs2 = arg;

	if (sregs2->flags & ~KVM_SREGS2_FLAGS_PDPTRS_VALID)
		return -EINVAL;
	if (sregs2->flags && !sregs_pae(sregs2->cr0, sregs2->cr4, sregs2->efer))
		return -EINVAL;
	return sregs_write(vcpu, arg);
}

/* KVM_GET_DEBUGREGS */
long debugregs_get(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	struct kvm_debugregs *regs = arg;

	memcpy(regs->db, vcpu->dr, sizeof(regs->db));
	regs->dr6 = vcpu->dr6;
	regs->dr7 = vcpu->dr7;
	return 0;
}

/* KVM_SET_DEBUGREGS: -EINVAL for flags, and for upper bits in DR6 or DR7. */
long debugregs_set(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	const struct kvm_debugregs *regs = arg;

	if (regs->flags || regs->dr6 >> 32 || regs->dr7 >> 32)
		return -EINVAL;
	memcpy(vcpu->dr, regs->db, sizeof(vcpu->dr));
	dr_write(vcpu, 6, regs->dr6);
	dr_write(vcpu, 7, regs->dr7);
	return 0;
}

/* KVM_GET_MP_STATE */
long mp_state_get(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	struct kvm_mp_state *state = arg;

	if (vcpu_take_work(vcpu, WORK_INIT_SIPI))
		vcpu_take_init_sipi(vcpu);
	state->mp_state = vcpu->mp_state;
	if (vcpu->mp_state == KVM_MP_STATE_HALTED && READ_ONCE(vcpu->pv.unhalted))
		state->mp_state = KVM_MP_STATE_RUNNABLE;
	return 0;
}

/*
 * KVM_SET_MP_STATE: -EINVAL for a state that does not exist on x86, and without an in-kernel local
 * APIC for any but RUNNABLE, as user space then keeps the state.
 */
long mp_state_set(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	const struct kvm_mp_state *state = arg;

	switch (state->mp_state) {
	case KVM_MP_STATE_RUNNABLE:
		break;
	case KVM_MP_STATE_UNINITIALIZED:
	case KVM_MP_STATE_INIT_RECEIVED:
	case KVM_MP_STATE_HALTED:
	case KVM_MP_STATE_SIPI_RECEIVED:
		if (!vcpu->apic)
			return -EINVAL;
		break;
	default:
		return -EINVAL;
	}
	if (state->mp_state == KVM_MP_STATE_SIPI_RECEIVED) {
		/* The start-up IPI is still to be taken. */
		vcpu->mp_state = KVM_MP_STATE_INIT_RECEIVED;
		set_bit(SIPI_PENDING, &vcpu->init_sipi);
		vcpu_request(vcpu, WORK_INIT_SIPI);
	} else {
		vcpu->mp_state = state->mp_state;
	}
	vcpu_request(vcpu, WORK_EVENT);
	return 0;
}

/* KVM_TRANSLATE: of a linear address, as the processor's own accesses find it. */
long translate_ioctl(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	struct kvm_translation *translation = arg;
	struct mmu_fault_info fault;
	int r = -EFAULT;

	/* Outside long mode a linear address has 32 bits. */
	if (vcpu_long_mode(vcpu) || !upper_32_bits(translation->linear_address))
		r = mmu_translate(vcpu, translation->linear_address, FAULT_IMPLICIT,
				  &translation->physical_address, &fault);
	if (r && r != -EFAULT && r != -ENOENT)
		return r;
	translation->valid = !r;
	if (r)
		translation->physical_address = ~0ull;
	translation->writeable = 1;
	translation->usermode = 0;
	return 0;
}

/**
 * sync_regs_in() - registers that user space has put into the run page (KVM_CAP_SYNC_REGS)
 * @vcpu: the vCPU, in KVM_RUN
 *
 * What is taken over is marked so: its bit of kvm_dirty_regs is cleared.
 *
 * Return: 0, or -EINVAL for registers that cannot be, or that the capability does not name.
 */
int sync_regs_in(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	u64 dirty = READ_ONCE(run->kvm_dirty_regs);
	struct kvm_sync_regs regs;

	if ((READ_ONCE(run->kvm_valid_regs) | dirty) & ~(u64)KVM_SYNC_X86_VALID_FIELDS)
		return -EINVAL;
	if (!dirty)
		return 0;
	/* User space may go on writing: what is checked is this copy. */
	memcpy(&regs, &run->s.regs, sizeof(regs));
	if (backend->sync)
		backend->sync(vcpu);
	if (dirty & KVM_SYNC_X86_REGS)
		regs_set(vcpu, &regs.regs, 0);
	run->kvm_dirty_regs &= ~(u64)KVM_SYNC_X86_REGS;
	if (dirty & KVM_SYNC_X86_SREGS && sregs_set(vcpu, &regs.sregs, 0))
		return -EINVAL;
	run->kvm_dirty_regs &= ~(u64)KVM_SYNC_X86_SREGS;
	if (dirty & KVM_SYNC_X86_EVENTS && event_set(vcpu, &regs.events, 0))
		return -EINVAL;
	run->kvm_dirty_regs &= ~(u64)KVM_SYNC_X86_EVENTS;
	return 0;
}

/**
 * sync_regs_out() - registers that user space wants to find in the run page
 * @vcpu: the vCPU, at the end of KVM_RUN
 */
void sync_regs_out(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	u64 valid = READ_ONCE(run->kvm_valid_regs);
	struct kvm_sync_regs regs = {};

	if (backend->sync)
		backend->sync(vcpu);
	if (valid & KVM_SYNC_X86_REGS) {
		regs_get(vcpu, &regs.regs, 0);
		memcpy(&run->s.regs.regs, &regs.regs, sizeof(regs.regs));
	}
	if (valid & KVM_SYNC_X86_SREGS) {
		sregs_get(vcpu, &regs.sregs, 0);
		memcpy(&run->s.regs.sregs, &regs.sregs, sizeof(regs.sregs));
	}
	if (valid & KVM_SYNC_X86_EVENTS) {
		event_get(vcpu, &regs.events, 0);
		memcpy(&run->s.regs.events, &regs.events, sizeof(regs.events));
	}
}
