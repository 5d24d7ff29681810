// SPDX-License-Identifier: GPL-2.0-only
/*
 * EXIT_TASK_SWITCH: the task switch of emu/task.c on a vCPU.
 */
#include <linux/kvm.h>
#include <uapi/asm/debugreg.h>

#include "backend.h"
#include "cr.h"
#include "debug.h"
#include "emu/task.h"
#include "emulate_ops.h"
#include "event.h"
#include "mmu/mmu.h"
#include "rules.h"
#include "vcpu.h"

static enum emu_result task_read(struct task *task, u32 linear, void *buf, unsigned int len)
{
	return emulate_system(task->owner, linear, buf, len, FAULT_IMPLICIT, &task->fault);
}

static enum emu_result task_write(struct task *task, u32 linear, const void *buf, unsigned int len,
				  bool user)
{
	u32 access = FAULT_WRITE | (user ? FAULT_USER : FAULT_IMPLICIT);

	return emulate_system(task->owner, linear, (void *)buf, len, access, &task->fault);
}

static enum emu_result task_check(struct task *task, u32 linear, unsigned int len)
{
	return emulate_system(task->owner, linear, NULL, len, FAULT_IMPLICIT | FAULT_WRITE,
			      &task->fault);
}

static enum emu_result task_cmpxchg(struct task *task, u32 linear, u64 old, u64 new, bool *ok)
{
	return emulate_system_cmpxchg(task->owner, linear, old, new, ok, &task->fault);
}

static bool task_load_cr3(struct task *task, u32 cr3)
{
	return cr_write(task->owner, 3, cr3);
}

static const struct task_ops task_ops = {
	.read = task_read,
	.write = task_write,
	.check = task_check,
	.cmpxchg = task_cmpxchg,
	.load_cr3 = task_load_cr3,
};

/* The event that came through a task gate is still in its slot, unless it was an instruction's. */
static struct task task_of(struct vcpu *vcpu, const struct exit *exit)
{
	const struct events *ev = &vcpu->events;
	u64 rflags = debug_get_rflags(vcpu);
	struct task task = {
		.ops = &task_ops,
		.owner = vcpu,
		.source = exit->task.source,
		.selector = exit->task.selector,
		.external = ev->exception.injected || ev->nmi.injected || ev->interrupt.injected,
		.has_error = ev->exception.injected && ev->exception.has_error,
		.error = ev->exception.error,
		.eip = vcpu->rip + exit->insn_len,
		.eflags = exit->insn_len ? rflags & ~X86_EFLAGS_RF : rflags,
		.cr0 = vcpu->cr0,
		.cr3 = vcpu->cr3,
	};
	struct kvm_dtable gdt;
	int i;

	for (i = 0; i < TASK_NR_REGS; i++)
		task.regs[i] = vcpu->regs[i];
	for (i = 0; i < EMU_NR_SREG; i++)
		emulate_get_seg(vcpu, i, &task.seg[i]);
	backend->get_table(vcpu, false, &gdt);
	task.gdt_base = gdt.base;
	task.gdt_limit = gdt.limit;
	return task;
}

/* The new task is in force. An IRET ends the blocking of NMIs here as everywhere. */
static void task_enter(struct vcpu *vcpu, const struct task *task)
{
	int i;

	for (i = 0; i < TASK_NR_REGS; i++)
		vcpu->regs[i] = task->regs[i];
	debug_set_rip_rflags(vcpu, task->eip, task->eflags);
	for (i = 0; i < EMU_NR_SREG; i++)
		emulate_set_seg(vcpu, i, &task->seg[i]);
	vcpu->cr0 = task->cr0;
	backend->update_cr(vcpu);
	vcpu->dr7 &= ~DR7_LOCAL;
	debug_dr7_changed(vcpu);
	backend->set_shadow(vcpu, 0);
	if (task->source == TASK_IRET)
		vcpu->events.nmi.masked = false;
	vcpu_request(vcpu, WORK_EVENT);
}

static int task_failed(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	if (vcpu->emulation->error)
		return vcpu->emulation->error;
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->internal.ndata = 0;
	return USER;
}

int task_handle(struct vcpu *vcpu, struct exit *exit)
{
	struct task task = task_of(vcpu, exit);
	bool steps = exit->insn_len && vcpu->rflags & X86_EFLAGS_TF;
	enum emu_result result;

	vcpu->emulation->error = 0;
	result = task_switch(&task);
	if (task.committed)
		task_enter(vcpu, &task);
	switch (result) {
	case EMU_OK:
		event_delivered(vcpu);
		if (task.trap)
			event_debug(vcpu, DR6_BT);
		/* The step ends here for user space; for a guest the new EFLAGS count. */
		if (steps)
			debug_trap(vcpu, DR_STEP, KVM_GUESTDBG_SINGLESTEP);
		return GUEST;
	case EMU_FAULT:
		/* While an exception is being delivered this may make a double fault of it. */
		emulate_queue_fault(vcpu, &task.fault);
		return GUEST;
	case EMU_RETRY:
		return GUEST;
	default:
		return task_failed(vcpu);
	}
}
