// SPDX-License-Identifier: GPL-2.0-only
/*
 * The SVM backend's table, and its way into the guest and out.
 */
#include <linux/module.h>
#include <asm/fpu/xcr.h>
#include <asm/spec-ctrl.h>

#include "../compat.h"
#include "../xstate.h"
#include "../mmu/pte.h"
#include "check.h"
#include "svm.h"

bool svm_xcr0_guard;
module_param_named(xcr0_guard, svm_xcr0_guard, bool, 0444);
MODULE_PARM_DESC(xcr0_guard,
		 "Re-read XCR0 after each exit, for emulators that do not intercept XSETBV");

/* The guest may have moved its XCR0 without an exit. */
static noinline void svm_read_xcr0(struct vcpu *vcpu)
{
	u64 xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);

	if (xcr0 == vcpu->xcr0)
		return;
	vcpu->xcr0 = xcr0;
	cpuid_refresh(vcpu);
}

static void svm_to_vmcb(struct svm_vcpu *svm)
{
	struct vmcb_save_area *save = &svm->vmcb->save;
	struct vcpu *vcpu = &svm->vcpu;

	save->rax = vcpu->regs[REG_RAX];
	save->rsp = vcpu->regs[REG_RSP];
	/* The handler of what an instruction raises returns behind it. */
	save->rip = vcpu->rip + svm->soft_len;
	save->rflags = vcpu->rflags;
	if (save->cr2 != vcpu->cr2) {
		save->cr2 = vcpu->cr2;
		svm_dirty(svm, SVM_CLEAN_CR2);
	}
}

static void svm_from_vmcb(struct svm_vcpu *svm)
{
	const struct vmcb *vmcb = svm->vmcb;
	const struct vmcb_save_area *save = &vmcb->save;
	struct vcpu *vcpu = &svm->vcpu;

	vcpu->regs[REG_RAX] = save->rax;
	vcpu->regs[REG_RSP] = save->rsp;
	vcpu->rip = save->rip;
	vcpu->rflags = save->rflags;
	vcpu->cr2 = save->cr2;
	vcpu->cr3 = save->cr3;
	vcpu->in_shadow = vmcb->control.int_state & SVM_INTERRUPT_SHADOW_MASK;
	/* A task switch sets TS without an exit. */
	vcpu->cr0 |= save->cr0 & X86_CR0_TS;
}

static noinline void svm_events_from_vmcb(struct svm_vcpu *svm)
{
	struct vmcb_control_area *control = &svm->vmcb->control;
	u32 info = control->exit_int_info;
	struct event event = {
		.kind = (info & SVM_EXITINTINFO_TYPE_MASK) >> 8,
		.vector = info & SVM_EXITINTINFO_VEC_MASK,
		.has_error = info & SVM_EXITINTINFO_VALID_ERR,
		.error = control->exit_int_info_err,
	};

	control->event_inj = 0;
	svm->injecting = 0;
	/* It was not delivered, and the instruction has not been executed. */
	if (svm->soft_len && info & SVM_EXITINTINFO_VALID)
		svm->vcpu.rip -= svm->soft_len;
	svm->soft_len = 0;
	event_after_exit(&svm->vcpu, info & SVM_EXITINTINFO_VALID ? &event : NULL);
}

DEFINE_STATIC_KEY_FALSE(svm_speculation);
DEFINE_PER_CPU(u32, svm_spec_ctrl);

/* What the guest set in SPEC_CTRL is in force while it runs; svm_enter() puts back the host's. */
static noinline void svm_spec_ctrl_enter(struct svm_vcpu *svm)
{
	u64 guest = svm->vcpu.msrs.spec_ctrl;

	if (svm_features.ssbd)
		x86_spec_ctrl_set_guest(0);
	if (svm_features.virt_spec_ctrl)
		svm->vmcb->save.spec_ctrl = guest;
	if (!svm_features.spec_ctrl)
		return;
	__this_cpu_write(svm_spec_ctrl, guest);
	if (guest != this_cpu_read(x86_spec_ctrl_current))
		native_wrmsrl(MSR_IA32_SPEC_CTRL, guest);
}

/* The process has an LDT, which another of its threads may replace at any time. */
static bool svm_host_has_ldt(const struct vcpu *vcpu)
{
#ifdef CONFIG_MODIFY_LDT_SYSCALL
	return READ_ONCE(vcpu->vm->mm->context.ldt);
#else
	return false;
#endif
}

static void svm_run(struct vcpu *vcpu, struct exit *exit)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb_control_area *control = &svm->vmcb->control;
	struct svm_cpu *sc = this_cpu_ptr(&svm_cpus);

	if (unlikely(svm->asid_generation != sc->asid_generation))
		svm_new_asid(svm, sc);
	if (unlikely(!svm->host_saved || svm_host_has_ldt(vcpu)))
		svm_save_host(svm, sc);
	if (unlikely(svm->stepping))
		svm_before_step(svm);
	svm_to_vmcb(svm);
	if (static_branch_unlikely(&svm_speculation))
		svm_spec_ctrl_enter(svm);
	svm_enter(svm->vmcb_pa, vcpu->regs, sc->host_area_pa);
	if (static_branch_unlikely(&svm_speculation) && svm_features.ssbd)
		x86_spec_ctrl_restore_host(0);

	if (unlikely(control->exit_code == SVM_EXIT_CODE_INVALID)) {
		control->clean = 0;
		svm_decode(svm, exit);
		return;
	}
	svm_from_vmcb(svm);
	if (unlikely(svm_xcr0_guard) && vcpu->cr4 & X86_CR4_OSXSAVE)
		svm_read_xcr0(vcpu);
	control->tlb_ctl = TLB_CONTROL_DO_NOTHING;
	control->clean = SVM_CLEAN_ALL;
	if ((control->int_ctl & V_TPR_MASK) != vcpu->cr8)
		vcpu_tpr_moved(vcpu, (control->int_ctl & V_TPR_MASK) << 4);
	if (svm->injecting || control->exit_int_info & SVM_EXITINTINFO_VALID)
		svm_events_from_vmcb(svm);
	if (unlikely(svm->iret_pending || svm->stepping))
		svm_after_step(svm);
	svm_decode(svm, exit);
}

/* Of what the vCPU has, the CPU gets some in another form: see svm_update_cr(). */
static unsigned int svm_explain(struct vcpu *vcpu, struct broken_rule *rules, unsigned int max)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	const struct vmcb_control_area *control = &svm->vmcb->control;
	const struct vmcb_save_area *save = &svm->vmcb->save;
	u8 physical_bits = boot_cpu_data.x86_phys_bits;
	const u64 image[NR_SI] = {
		[SI_EFER] = vcpu->efer | EFER_SVME,
		[SI_CR0] = svm_cr0(vcpu),
		[SI_CR3] = vcpu->cr3,
		[SI_CR4] = vcpu->cr4,
		[SI_DR6] = vcpu->dr6,
		[SI_DR7] = vcpu->hw_dr7,
		[SI_CS_ATTRIB] = save->cs.attrib,
		[SI_S_CET] = save->s_cet,
		[SI_G_PAT] = save->g_pat,
		[SI_VMRUN_INTERCEPT] = svm_intercepts(svm, INTERCEPT_VMRUN),
		[SI_NMI_INTERCEPT] = svm_intercepts(svm, INTERCEPT_NMI),
		[SI_IOPM] = __sme_clr(control->iopm_base_pa),
		[SI_MSRPM] = __sme_clr(control->msrpm_base_pa),
		[SI_ASID] = control->asid,
		[SI_INT_CTL] = control->int_ctl,
		[SI_EVENT_INJ] = svm->injecting,
		[SI_NESTED_CTL] = control->nested_ctl,
		[SI_NESTED_CR3] = __sme_clr(control->nested_cr3),
		[SI_CR3_RESERVED] = GENMASK_ULL(63, physical_bits),
		[SI_CR4_RESERVED] = vcpu->cr4_reserved,
		[SI_PHYSICAL_BITS] = physical_bits,
	};

	return svm_check(image, rules, max);
}

static void svm_flush_tlb(struct vcpu *vcpu)
{
	to_svm(vcpu)->asid_generation = 0;
}

struct backend svm_backend __ro_after_init = {
	.name = "svm",
	.vcpu_size = sizeof(struct svm_vcpu),
	.rival = "kvm_amd",
	.hypercall = 0xd9,
	.probe = svm_probe,
	.remove = svm_remove,
	.foreign = svm_foreign,
	.cpu_on = svm_cpu_on,
	.cpu_off = svm_cpu_off,
	.cpu_emergency = svm_cpu_emergency,
	.vcpu_create = svm_vcpu_create,
	.vcpu_destroy = svm_vcpu_destroy,
	.reset = svm_reset,
	.load = svm_load,
	.run = svm_run,
	.get_segment = svm_get_segment,
	.set_segment = svm_set_segment,
	.get_table = svm_get_table,
	.set_table = svm_set_table,
	.cpl = svm_cpl,
	.code_l = svm_code_l,
	.update_cr = svm_update_cr,
	.update_dr7 = svm_update_dr7,
	.update_tsc = svm_update_tsc,
	.update_intercepts = svm_update_intercepts,
	.get_msr = svm_get_msr,
	.set_msr = svm_set_msr,
	.get_shadow = svm_get_shadow,
	.set_shadow = svm_set_shadow,
	.inject = svm_inject,
	.interrupt_open = svm_interrupt_open,
	.nmi_open = svm_nmi_open,
	.open_interrupt_window = svm_open_interrupt_window,
	.open_nmi_window = svm_open_nmi_window,
	.update_tpr = svm_update_tpr,
	.explain = svm_explain,
	.flush_tlb = svm_flush_tlb,
	.pte_format = &pte_format_npt,
};
