// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's state and the controls in the VMCS (SDM 3, chapter 25).
 *
 * The guest runs with CR0.CD and NW clear (guest memory is write-back, cache control is the
 * host's), CR0.NE set, CR4.VMXE set and the host's CR4.MCE; the read shadows show it what it wrote.
 */
#include <linux/io.h>
#include <linux/slab.h>
#include <asm/apicdef.h>
#include <asm/tlbflush.h>

#include "../irq/lapic.h"
#include "../mmu/mmu.h"
#include "vmx.h"

/* What a guest changes in CR0 and CR4 without an exit, where its CPUID lets it. */
#define CR0_OWNED ((u64)X86_CR0_TS)
#define CR4_OWNED                                                                   \
	((u64)(X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PCE | X86_CR4_PGE | \
	       X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT))

/* Changes of these make PAE paging load its page-directory pointers anew (SDM 3, 4.4.1). */
#define CR0_LOADS_PDPTRS (X86_CR0_PG | X86_CR0_CD | X86_CR0_NW)
#define CR4_LOADS_PDPTRS (X86_CR4_PSE | X86_CR4_PAE | X86_CR4_PGE | X86_CR4_SMEP)

/* Access rights (SDM 3, table 25-2). */
#define AR_UNUSABLE  BIT(16)
#define AR_ACCESSED  BIT(0)
#define AR_BUSY	     BIT(1)
#define AR_32BIT_TSS BIT(3)
#define AR_LONG	     BIT(13)
#define AR_DPL(ar)   ((ar) >> 5 & 3)

#define EXCEPTIONS   (BIT(VECTOR_DB) | BIT(VECTOR_UD) | BIT(VECTOR_AC) | BIT(VECTOR_MC))

/* PAUSEs that are at most so many cycles apart are one loop, and it exits after so many cycles. */
#define PLE_GAP_CYCLES	  128
#define PLE_WINDOW_CYCLES 4096

#define PAT_RESET	  0x0007040600070406ull

/* Fields of a segment register: those of ES, plus this for each next in the order of enum seg. */
#define SEG_FIELD(name, seg) (GUEST_ES_##name + 2 * (seg))

void vmx_get_segment(struct vcpu *vcpu, int seg, struct kvm_segment *segment)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u32 ar;

	if (!vmx_is_fresh(vmx, VMX_SEG + seg)) {
		vmx_begin(vmx);
		ar = vmx_read(SEG_FIELD(AR_BYTES, seg));
		vmx->seg[seg] = (struct kvm_segment){
			.base = vmx_read(SEG_FIELD(BASE, seg)),
			.limit = vmx_read(SEG_FIELD(LIMIT, seg)),
			.selector = vmx_read(SEG_FIELD(SELECTOR, seg)),
			.type = ar & 15,
			.s = ar >> 4 & 1,
			.dpl = AR_DPL(ar),
			.present = ar >> 7 & 1 && !(ar & AR_UNUSABLE),
			.avl = ar >> 12 & 1,
			.l = ar >> 13 & 1,
			.db = ar >> 14 & 1,
			.g = ar >> 15 & 1,
			.unusable = !!(ar & AR_UNUSABLE),
		};
		vmx_end();
		vmx->fresh |= BIT(VMX_SEG + seg);
	}
	*segment = vmx->seg[seg];
}

/*
 * What a processor could not have loaded itself is made so: used segments are accessed, the task
 * register is busy and usable.
 */
static u32 segment_ar(int seg, const struct kvm_segment *segment)
{
	u32 ar = (segment->type & 15) | (segment->s & 1) << 4 | (segment->dpl & 3) << 5 |
		 (segment->present & 1) << 7 | (segment->avl & 1) << 12 | (segment->l & 1) << 13 |
		 (segment->db & 1) << 14 | (segment->g & 1) << 15;

	if (seg == SEG_TR)
		return ar | AR_BUSY;
	if (segment->unusable || !segment->present)
		return ar | AR_UNUSABLE;
	return segment->s ? ar | AR_ACCESSED : ar;
}

void vmx_set_segment(struct vcpu *vcpu, int seg, const struct kvm_segment *segment)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx->fresh &= ~BIT(VMX_SEG + seg);
	if (seg == SEG_SS)
		vmx->fresh &= ~BIT(VMX_CPL);
	if (seg == SEG_CS)
		vmx->fresh &= ~BIT(VMX_CODE_L);
	vmx_begin(vmx);
	vmx_write(SEG_FIELD(SELECTOR, seg), segment->selector);
	vmx_write(SEG_FIELD(BASE, seg), segment->base);
	vmx_write(SEG_FIELD(LIMIT, seg), segment->limit);
	vmx_write(SEG_FIELD(AR_BYTES, seg), segment_ar(seg, segment));
	vmx_end();
}

void vmx_get_table(struct vcpu *vcpu, bool idt, struct kvm_dtable *table)
{
	vmx_begin(to_vmx(vcpu));
	*table = (struct kvm_dtable){
		.base = vmx_read(idt ? GUEST_IDTR_BASE : GUEST_GDTR_BASE),
		.limit = vmx_read(idt ? GUEST_IDTR_LIMIT : GUEST_GDTR_LIMIT),
	};
	vmx_end();
}

void vmx_set_table(struct vcpu *vcpu, bool idt, const struct kvm_dtable *table)
{
	vmx_begin(to_vmx(vcpu));
	vmx_write(idt ? GUEST_IDTR_BASE : GUEST_GDTR_BASE, table->base);
	vmx_write(idt ? GUEST_IDTR_LIMIT : GUEST_GDTR_LIMIT, table->limit);
	vmx_end();
}

/* The processor keeps the CPL in SS's DPL in every mode (SDM 3, 25.4.1). */
int vmx_cpl(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (!vmx_is_fresh(vmx, VMX_CPL)) {
		vmx_begin(vmx);
		vmx->cpl = AR_DPL(vmx_read(GUEST_SS_AR_BYTES));
		vmx_end();
		vmx->fresh |= BIT(VMX_CPL);
	}
	return vmx->cpl;
}

bool vmx_code_l(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (!vmx_is_fresh(vmx, VMX_CODE_L)) {
		vmx_begin(vmx);
		vmx->code_l = vmx_read(GUEST_CS_AR_BYTES) & AR_LONG;
		vmx_end();
		vmx->fresh |= BIT(VMX_CODE_L);
	}
	return vmx->code_l;
}

static u64 cr4_owned(struct vcpu *vcpu)
{
	return CR4_OWNED & ~vcpu->cr4_reserved;
}

/**
 * vmx_sync() - read what an exit leaves in the VMCS until somebody wants it
 * @vcpu: the vCPU
 */
void vmx_sync(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u64 owned = cr4_owned(vcpu);

	if (vmx_is_fresh(vmx, VMX_REST))
		return;
	vmx_begin(vmx);
	vmx->rsp = vmx_read(GUEST_RSP);
	vcpu->regs[REG_RSP] = vmx->rsp;
	vcpu->cr3 = vmx_read(GUEST_CR3);
	vcpu->cr0 = (vcpu->cr0 & ~CR0_OWNED) | (vmx_read(GUEST_CR0) & CR0_OWNED);
	vcpu->cr4 = (vcpu->cr4 & ~owned) | (vmx_read(GUEST_CR4) & owned);
	vmx_end();
	vmx->paging.cr3 = vcpu->cr3;
	vmx->paging.cr4 = (vmx->paging.cr4 & ~owned) | (vcpu->cr4 & owned);
	vmx->fresh |= BIT(VMX_REST);
}

void vmx_write_entry_controls(struct vmx_vcpu *vmx)
{
	vmx_write(VM_ENTRY_CONTROLS,
		  vmx_caps.on[VMX_ENTRY] | (vmx->vcpu.efer & EFER_LMA ? VM_ENTRY_IA32E_MODE : 0) |
			  (vmx->host.perf_switched ? VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL : 0));
}

/* The processor enters with the pointers that it finds in the VMCS (SDM 3, 27.3.2.4). */
static void load_pdptrs(struct vmx_vcpu *vmx)
{
	struct vcpu *vcpu = &vmx->vcpu;
	u64 cr0 = vcpu->cr0, cr3 = vcpu->cr3, cr4 = vcpu->cr4;
	u64 pdptrs[4] = {};
	int i;

	if (!(cr0 & X86_CR0_PG) || !(cr4 & X86_CR4_PAE) || vcpu->efer & EFER_LMA)
		return;
	if (!((cr0 ^ vmx->paging.cr0) & CR0_LOADS_PDPTRS) && cr3 == vmx->paging.cr3 &&
	    !((cr4 ^ vmx->paging.cr4) & CR4_LOADS_PDPTRS))
		return;
	/* Where there is no memory, the pointers are not present. */
	if (guest_read(vcpu->vm, cr3 & GENMASK_ULL(31, 5), pdptrs, sizeof(pdptrs)))
		memset(pdptrs, 0, sizeof(pdptrs));
	vmx_begin(vmx);
	for (i = 0; i < ARRAY_SIZE(pdptrs); i++)
		vmx_write(GUEST_PDPTR0 + 2 * i, pdptrs[i]);
	vmx_end();
}

/* Long mode can be entered with a 16-bit TSS, but a VM entry refuses that (SDM 3, 27.3.1.2). */
static void settle_tr(void)
{
	u32 ar = vmx_read(GUEST_TR_AR_BYTES);

	if (!(ar & AR_32BIT_TSS))
		vmx_write(GUEST_TR_AR_BYTES, ar | AR_32BIT_TSS);
}

void vmx_update_cr(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u64 cr0, cr4;

	vmx_sync(vcpu);
	cr0 = (vcpu->cr0 & ~(X86_CR0_CD | X86_CR0_NW)) | vmx_caps.cr0_fixed;
	cr4 = vcpu->cr4 | vmx_caps.cr4_fixed | (cr4_read_shadow() & X86_CR4_MCE);
	load_pdptrs(vmx);
	vmx_begin(vmx);
	vmx_write(GUEST_CR0, cr0);
	vmx_write(CR0_READ_SHADOW, vcpu->cr0);
	vmx_write(GUEST_CR3, vcpu->cr3);
	vmx_write(GUEST_CR4, cr4);
	vmx_write(CR4_READ_SHADOW, vcpu->cr4);
	vmx_write(GUEST_IA32_EFER, vcpu->efer);
	vmx_write_entry_controls(vmx);
	if (vcpu->efer & EFER_LMA) {
		settle_tr();
		vmx->fresh &= ~BIT(VMX_SEG + SEG_TR);
	}
	vmx_end();
	vmx->paging.cr0 = vcpu->cr0;
	vmx->paging.cr3 = vcpu->cr3;
	vmx->paging.cr4 = vcpu->cr4;
	vmx_load_syscall_msrs(vmx);
}

void vmx_update_dr7(struct vcpu *vcpu)
{
	vmx_begin(to_vmx(vcpu));
	vmx_write(GUEST_DR7, vcpu->hw_dr7);
	vmx_end();
}

void vmx_update_tsc(struct vcpu *vcpu)
{
	vmx_begin(to_vmx(vcpu));
	vmx_write(TSC_OFFSET, vcpu->tsc_offset);
	if (vcpu->tsc_ratio)
		vmx_write(TSC_MULTIPLIER, vcpu->tsc_ratio);
	vmx_end();
	vmx_control(to_vmx(vcpu), VMX_CPU2, SECONDARY_EXEC_TSC_SCALING, vcpu->tsc_ratio);
}

/**
 * vmx_control() - switch a processor-based control
 * @vmx: the vCPU
 * @word: VMX_CPU or VMX_CPU2
 * @control: the bit
 * @on: to what; ignored where the CPU does not have it
 */
void vmx_control(struct vmx_vcpu *vmx, enum vmx_word word, u32 control, bool on)
{
	u32 *now = &vmx->controls[word - VMX_CPU];
	u32 next = on && vmx_can(word, control) ? *now | control : *now & ~control;

	if (next == *now)
		return;
	*now = next;
	vmx_begin(vmx);
	vmx_write(word == VMX_CPU ? CPU_BASED_VM_EXEC_CONTROL : SECONDARY_VM_EXEC_CONTROL, next);
	vmx_end();
}

/*
 * In x2APIC mode the guest reads and writes its TPR without an exit (SDM 3, 30.5), and gets #GP for
 * reserved bits. Elsewhere WRMSR of 808h would reach the processor's own APIC: it must exit.
 */
static bool virtualizes_tpr(struct vcpu *vcpu)
{
	return vcpu->apic && lapic_x2apic(vcpu->apic) && !vcpu->tpr.report &&
	       vmx_can(VMX_CPU2, SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE);
}

/* What user space lets the guest do, or wants to hear of. */
static void update_asked_for(struct vmx_vcpu *vmx)
{
	bool bp = vmx->vcpu.debug.control & KVM_GUESTDBG_USE_SW_BP;
	bool tpr = virtualizes_tpr(&vmx->vcpu);
	struct vm *vm = vmx->vcpu.vm;
	bool mwait = !vm_exits_disabled(vm, KVM_X86_DISABLE_EXITS_MWAIT);

	vmx_control(vmx, VMX_CPU, CPU_BASED_HLT_EXITING,
		    !vm_exits_disabled(vm, KVM_X86_DISABLE_EXITS_HLT));
	vmx_control(vmx, VMX_CPU, CPU_BASED_MWAIT_EXITING, mwait);
	vmx_control(vmx, VMX_CPU, CPU_BASED_MONITOR_EXITING, mwait);
	vmx_control(vmx, VMX_CPU2, SECONDARY_EXEC_PAUSE_LOOP_EXITING,
		    !vm_exits_disabled(vm, KVM_X86_DISABLE_EXITS_PAUSE));
	vmx_write(EXCEPTION_BITMAP, EXCEPTIONS | (bp ? BIT(VECTOR_BP) : 0));
	vmx_control(vmx, VMX_CPU2, SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE, tpr);
	vmx_write(MSR_BITMAP, vmx_msr_bitmap_pa(vm, tpr));
}

/* Instructions that the vCPU's CPUID does not show raise #UD with these controls off. */
void vmx_update_intercepts(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	bool tscp = cpuid_has(vcpu, X86_FEATURE_RDTSCP) || cpuid_has(vcpu, X86_FEATURE_RDPID);

	vmx_control(vmx, VMX_CPU2, SECONDARY_EXEC_ENABLE_RDTSCP, tscp);
	vmx_control(vmx, VMX_CPU2, SECONDARY_EXEC_ENABLE_INVPCID,
		    cpuid_has(vcpu, X86_FEATURE_INVPCID));
	vmx_control(vmx, VMX_CPU2, VMCS_CONTROL_BIT(XSAVES), cpuid_has(vcpu, X86_FEATURE_XSAVES));
	/* Without an in-kernel local APIC the TPR is user space's: it must hear of each change. */
	vmx_control(vmx, VMX_CPU, CPU_BASED_CR8_LOAD_EXITING, !vcpu->apic);
	vmx_begin(vmx);
	vmx_write(CR4_GUEST_HOST_MASK, ~cr4_owned(vcpu));
	update_asked_for(vmx);
	vmx_end();
}

/* MSRs in the VMCS. */
static const struct {
	u32 index;
	u32 field;
} vmx_msrs[] = {
	{ MSR_IA32_SYSENTER_CS, GUEST_SYSENTER_CS },
	{ MSR_IA32_SYSENTER_ESP, GUEST_SYSENTER_ESP },
	{ MSR_IA32_SYSENTER_EIP, GUEST_SYSENTER_EIP },
	{ MSR_IA32_CR_PAT, GUEST_IA32_PAT },
	{ MSR_FS_BASE, GUEST_FS_BASE },
	{ MSR_GS_BASE, GUEST_GS_BASE },
};

static u32 msr_vmcs_field(u32 index)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vmx_msrs); i++)
		if (vmx_msrs[i].index == index)
			return vmx_msrs[i].field;
	return 0;
}

static bool is_syscall_msr(u32 index)
{
	return index >= MSR_STAR && index <= MSR_SYSCALL_MASK;
}

int vmx_get_msr(struct vcpu *vcpu, u32 index, u64 *value)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u32 field = msr_vmcs_field(index);

	if (is_syscall_msr(index)) {
		*value = vmx->syscall[index - MSR_STAR];
	} else if (index == MSR_KERNEL_GS_BASE) {
		*value = vmx_get_kernel_gs(vmx);
	} else if (field) {
		vmx_begin(vmx);
		*value = vmx_read(field);
		vmx_end();
	} else {
		return -ENOENT;
	}
	return 0;
}

int vmx_set_msr(struct vcpu *vcpu, u32 index, u64 value)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u32 field = msr_vmcs_field(index);

	if (is_syscall_msr(index)) {
		vmx->syscall[index - MSR_STAR] = value;
		vmx_load_syscall_msrs(vmx);
	} else if (index == MSR_KERNEL_GS_BASE) {
		vmx_set_kernel_gs(vmx, value);
	} else if (field) {
		vmx_begin(vmx);
		vmx_write(field, value);
		vmx_end();
		vmx->fresh &= ~(BIT(VMX_SEG + SEG_FS) | BIT(VMX_SEG + SEG_GS));
	} else {
		return -ENOENT;
	}
	return 0;
}

/* RIP and the like are written before the entry, because they differ. */
void vmx_reset(struct vcpu *vcpu, bool init)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx_begin(vmx);
	vmx->fresh = BIT(VMX_REST);
	vmx->rsp = vcpu->regs[REG_RSP];
	vmx_write(GUEST_RSP, vmx->rsp);
	vmx->paging.cr0 = 0;
	vmx_control(vmx, VMX_CPU, CPU_BASED_INTR_WINDOW_EXITING, false);
	vmx_control(vmx, VMX_CPU, CPU_BASED_NMI_WINDOW_EXITING, false);
	vmx_write(VM_ENTRY_INTR_INFO_FIELD, 0);
	vmx->injecting = false;
	vmx_write(GUEST_PENDING_DBG_EXCEPTIONS, 0);
	vmx_write(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	vmx_set_blocking(vmx, 0);
	vmx_update_intercepts(vcpu);
	vmx_end();
}

static void init_controls(struct vmx_vcpu *vmx)
{
	vmx->controls[0] = vmx_caps.on[VMX_CPU];
	vmx->controls[1] = vmx_caps.on[VMX_CPU2];
	if (!vmx->vpid)
		vmx->controls[1] &= ~SECONDARY_EXEC_ENABLE_VPID;
	vmx_write(PIN_BASED_VM_EXEC_CONTROL, vmx_caps.on[VMX_PIN] | vmx_timer_init(vmx));
	vmx_write(CPU_BASED_VM_EXEC_CONTROL, vmx->controls[0]);
	vmx_write(SECONDARY_VM_EXEC_CONTROL, vmx->controls[1]);
	vmx_write(VM_EXIT_CONTROLS, vmx_caps.on[VMX_EXIT]);
	vmx_write(VM_ENTRY_CONTROLS, vmx_caps.on[VMX_ENTRY]);
	vmx_write(PAGE_FAULT_ERROR_CODE_MASK, 0);
	vmx_write(PAGE_FAULT_ERROR_CODE_MATCH, 0);
	vmx_write(CR3_TARGET_COUNT, 0);
	vmx_write(VM_EXIT_MSR_STORE_COUNT, 0);
	vmx_write(VM_EXIT_MSR_LOAD_COUNT, 0);
	vmx_write(VM_ENTRY_MSR_LOAD_COUNT, 0);
	vmx_write(VM_ENTRY_MSR_LOAD_ADDR, __pa(vmx->perf.guest));
	vmx_write(VM_EXIT_MSR_LOAD_ADDR, __pa(vmx->perf.host));
	vmx_write(CR0_GUEST_HOST_MASK, ~CR0_OWNED);
	vmx_write(TPR_THRESHOLD, 0);
	if (vmx_can(VMX_CPU2, SECONDARY_EXEC_PAUSE_LOOP_EXITING)) {
		vmx_write(PLE_GAP, PLE_GAP_CYCLES);
		vmx_write(PLE_WINDOW, PLE_WINDOW_CYCLES);
	}
	if (vmx_can(VMX_CPU2, VMCS_CONTROL_BIT(XSAVES)))
		vmx_write(XSS_EXIT_BITMAP, 0);
	if (vmx_can(VMX_CPU2, SECONDARY_EXEC_ENCLS_EXITING))
		vmx_write(ENCLS_EXITING_BITMAP, ~0ull);
}

static void init_vmcs(struct vmx_vcpu *vmx)
{
	init_controls(vmx);
	vmx_write(VIRTUAL_APIC_PAGE_ADDR, __pa(vmx->tpr) & PAGE_MASK);
	vmx_write(EPT_POINTER, vmx->eptp);
	if (vmx->vpid)
		vmx_write(VIRTUAL_PROCESSOR_ID, vmx->vpid);
	vmx_write(VMCS_LINK_POINTER, ~0ull);
	vmx_write(GUEST_IA32_DEBUGCTL, 0);
	vmx_write(GUEST_SYSENTER_CS, 0);
	vmx_write(GUEST_SYSENTER_ESP, 0);
	vmx_write(GUEST_SYSENTER_EIP, 0);
	vmx_write(GUEST_IA32_PAT, PAT_RESET);
	vmx_write(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	vmx_write(GUEST_INTERRUPTIBILITY_INFO, 0);
	vmx_write(GUEST_RIP, 0);
	vmx_write(GUEST_RFLAGS, 0);
	vmx_write(HOST_FS_BASE, 0);
	vmx_write_host_constants();
}

static u64 make_eptp(struct vcpu *vcpu)
{
	return mmu_root(vcpu->vm) | VMX_EPTP_MT_WB | (u64)(vmx_backend.tdp_levels - 1) << 3 |
	       (vmx_caps.ept_ad ? VMX_EPTP_AD_ENABLE_BIT : 0);
}

int vmx_vcpu_create(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u8 *page;

	BUILD_BUG_ON(offsetof(struct vmx_vcpu, vcpu.regs));
	vmx->vmcs = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vmx->vmcs || !page) {
		free_page((unsigned long)vmx->vmcs);
		free_page((unsigned long)page);
		return -ENOMEM;
	}
	*(u32 *)vmx->vmcs = vmx_caps.revision;
	vmx->vmcs_pa = __pa(vmx->vmcs);
	vmx->tpr = page + APIC_TASKPRI;
	vmx->vpid = vmx_vpid_get();
	vmx->eptp = make_eptp(vcpu);
	vmx->cpu = -1;
	vmx_begin(vmx);
	init_vmcs(vmx);
	vmx_end();
	return 0;
}

void vmx_vcpu_destroy(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx_forget(vmx);
	if (vmx->vpid)
		vmx_vpid_put(vmx->vpid);
	free_page((unsigned long)vmx->tpr & PAGE_MASK);
	free_page((unsigned long)vmx->vmcs);
}
