// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VMX backend's table, and its way into the guest and out.
 */
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/nospec-branch.h>
#include <asm/spec-ctrl.h>

#include "../compat.h"
#include "../mmu/pte.h"
#include "vmx.h"

static __always_inline u64 read_cr2_now(void)
{
	u64 cr2;

	asm volatile("mov %%cr2, %0" : "=r"(cr2) : : "memory");
	return cr2;
}

/* What the guest set in SPEC_CTRL is in force while it runs, and not a moment longer. */
static __always_inline void spec_ctrl_enter(struct vmx_vcpu *vmx)
{
	u64 guest = vmx->vcpu.msrs.spec_ctrl;

	if (guest != this_cpu_read(x86_spec_ctrl_current))
		native_wrmsrl(MSR_IA32_SPEC_CTRL, guest);
}

/*
 * Called by vmx_enter() before its first unbalanced return. With IBRS in use by the kernel the MSR
 * is written in any case: that is the barrier against what the guest has trained.
 */
noinstr void vmx_spec_ctrl_leave(struct vmx_vcpu *vmx)
{
	u64 host = this_cpu_read(x86_spec_ctrl_current);

	if (cpu_feature_enabled(X86_FEATURE_KERNEL_IBRS) || vmx->vcpu.msrs.spec_ctrl != host)
		native_wrmsrl(MSR_IA32_SPEC_CTRL, host);
	barrier_nospec();
}

static __always_inline void to_vmcs(struct vmx_vcpu *vmx)
{
	struct vcpu *vcpu = &vmx->vcpu;

	if (vcpu->rip != vmx->rip) {
		vmx->rip = vcpu->rip;
		vmx_write(GUEST_RIP, vcpu->rip);
	}
	if (vcpu->rflags != vmx->rflags) {
		vmx->rflags = vcpu->rflags;
		vmx_write(GUEST_RFLAGS, vcpu->rflags);
	}
	if (vmx_is_fresh(vmx, VMX_REST) && vcpu->regs[REG_RSP] != vmx->rsp)
		vmx_write(GUEST_RSP, vcpu->regs[REG_RSP]);
	if (unlikely(vcpu->cr2 != read_cr2_now()))
		asm volatile("mov %0, %%cr2" : : "r"(vcpu->cr2) : "memory");
	if (unlikely(vcpu->in_shadow))
		vmx_settle_shadow(vmx);
	if (vmx->deadline)
		vmx_timer_start(vmx);
}

/*
 * What is blocked was known before most exits, and what follows from it with it. But an NMI that is
 * being injected blocks NMIs for shared code only, until the processor has delivered it.
 */
static __always_inline void blocking_from_vmcs(struct vmx_vcpu *vmx)
{
	struct vcpu *vcpu = &vmx->vcpu;
	u32 blocking = vmx_read(GUEST_INTERRUPTIBILITY_INFO);

	if (likely(blocking == vmx->blocking && !vmx->injecting))
		return;
	vmx->blocking = blocking;
	vcpu->in_shadow = blocking & (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS);
	vcpu->events.nmi.masked = blocking & GUEST_INTR_STATE_NMI;
}

static __always_inline void from_vmcs(struct vmx_vcpu *vmx)
{
	struct vcpu *vcpu = &vmx->vcpu;

	vmx->fresh = 0;
	vmx->rip = vmx_read(GUEST_RIP);
	vcpu->rip = vmx->rip;
	vmx->rflags = vmx_read(GUEST_RFLAGS);
	vcpu->rflags = vmx->rflags;
	blocking_from_vmcs(vmx);
}

/* Fill in a struct exit from the VMCS; @number is the basic exit reason. */
static __always_inline void decode(struct vmx_vcpu *vmx, u32 number, struct exit *exit)
{
	const struct vmx_reason *reason = &vmx_reasons[number % NR_VMX_REASONS];

	BUILD_BUG_ON(EXIT_REASON_NOTIFY >= NR_VMX_REASONS);
	exit->raw.reason = number;
	exit->raw.info[1] = 0;
	/* The most frequent one of those that have a function, without a call. */
	if (number == EXIT_REASON_IO_INSTRUCTION && likely(!vmx->injecting)) {
		exit->kind = EXIT_IO;
		exit->insn_len = vmx_read(VM_EXIT_INSTRUCTION_LEN);
		vmx_decode_io(vmx, exit);
		return;
	}
	exit->kind = reason->kind;
	exit->insn_len = 0;
	exit->raw.info[0] = 0;
	if (reason->flags & VMX_ROW_LEN)
		exit->insn_len = vmx_read(VM_EXIT_INSTRUCTION_LEN);
	if ((reason->flags & VMX_ROW_LEAN) != VMX_ROW_LEAN || vmx->injecting)
		vmx_decode_rest(vmx, reason, exit);
	else if (reason->decode)
		reason->decode(vmx, exit);
}

/* VMLAUNCH or VMRESUME itself failed (SDM 3, 27.1 and 27.2): the guest did not run. */
static noinline void instruction_failed(struct vmx_vcpu *vmx, struct exit *exit)
{
	/* VMX was switched off under us. */
	exit->kind = virt_going_down ? EXIT_INTERRUPT : EXIT_ENTRY_FAILED;
	exit->insn_len = 0;
	exit->raw.reason = vmx_read(VM_INSTRUCTION_ERROR);
	exit->raw.info[0] = 0;
	/* Tells the error from an exit reason. */
	exit->raw.info[1] = 1;
}

/*
 * The guest's state was refused or could not be loaded, or there was a machine check (SDM 3, 27.8):
 * it did not run either, and is as it was.
 */
static noinline void entry_failed(struct vmx_vcpu *vmx, u32 reason, struct exit *exit)
{
	exit->kind = EXIT_ENTRY_FAILED;
	exit->insn_len = 0;
	exit->raw.reason = reason;
	exit->raw.info[0] = vmx_read(EXIT_QUALIFICATION);
	exit->raw.info[1] = 0;
	if ((u16)reason == EXIT_REASON_MCE_DURING_VMENTRY) {
		exit->kind = EXIT_EXCEPTION;
		exit->exception.vector = VECTOR_MC;
	}
}

/* RCU may not be watching, so no function tracing either. */
static notrace void vmx_run(struct vcpu *vcpu, struct exit *exit)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u32 reason;
	u8 tpr;
	bool failed;

	to_vmcs(vmx);
	if (static_branch_unlikely(&vmx_flush_l1d_always))
		vmx_flush_l1d();
	/* No return comes between this, which may switch IBRS off, and the guest. */
	if (cpu_feature_enabled(X86_FEATURE_MSR_SPEC_CTRL))
		spec_ctrl_enter(vmx);
	if (static_branch_unlikely(&mmio_stale_data_clear))
		x86_clear_cpu_buffers();
	failed = vmx_enter(vmx, vmx->launched, &vmx->host_rsp);
	if (unlikely(failed)) {
		instruction_failed(vmx, exit);
		return;
	}
	vcpu->cr2 = read_cr2_now();
	if (unlikely(vmx->host_debugctl))
		update_debugctlmsr(vmx->host_debugctl);
	reason = vmx_read(VM_EXIT_REASON);
	if (unlikely(reason & VMX_EXIT_REASONS_FAILED_VMENTRY)) {
		entry_failed(vmx, reason, exit);
		return;
	}
	vmx->launched = true;
	from_vmcs(vmx);
	tpr = *vmx->tpr;
	if (tpr != vmx->tpr_known) {
		vmx->tpr_known = tpr;
		vcpu_tpr_moved(vcpu, tpr);
	}
	decode(vmx, (u16)reason, exit);
}

struct backend vmx_backend __ro_after_init = {
	.name = "vmx",
	.vcpu_size = sizeof(struct vmx_vcpu),
	.rival = "kvm_intel",
	.hypercall = 0xc1,
	.probe = vmx_probe,
	.remove = vmx_remove,
	.foreign = vmx_foreign,
	.cpu_on = vmx_cpu_on,
	.cpu_off = vmx_cpu_off,
	.cpu_emergency = vmx_cpu_emergency,
	.vcpu_create = vmx_vcpu_create,
	.vcpu_destroy = vmx_vcpu_destroy,
	.reset = vmx_reset,
	.load = vmx_load,
	.put = vmx_put,
	.sync = vmx_sync,
	.before_run = vmx_before_run,
	.run = vmx_run,
	.get_segment = vmx_get_segment,
	.set_segment = vmx_set_segment,
	.get_table = vmx_get_table,
	.set_table = vmx_set_table,
	.cpl = vmx_cpl,
	.code_l = vmx_code_l,
	.update_cr = vmx_update_cr,
	.update_dr7 = vmx_update_dr7,
	.update_tsc = vmx_update_tsc,
	.update_intercepts = vmx_update_intercepts,
	.get_msr = vmx_get_msr,
	.set_msr = vmx_set_msr,
	.get_shadow = vmx_get_shadow,
	.set_shadow = vmx_set_shadow,
	.inject = vmx_inject,
	.interrupt_open = vmx_interrupt_open,
	.nmi_open = vmx_nmi_open,
	.open_interrupt_window = vmx_open_interrupt_window,
	.open_nmi_window = vmx_open_nmi_window,
	.update_tpr = vmx_update_tpr,
	.explain = vmx_explain,
	.flush_tlb = vmx_flush_tlb,
	.pte_format = &pte_format_ept,
};
