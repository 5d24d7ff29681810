// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's state in the VMCB (APM 2, appendix B).
 */
#include <linux/io.h>
#include <asm/tlbflush.h>

#include "../compat.h"
#include "svm.h"

/* What every guest intercepts (APM 2, 15.9 to 15.13). */
static const u16 svm_always[] = {
	INTERCEPT_CR0_WRITE,
	INTERCEPT_CR4_WRITE,
	INTERCEPT_DR0_READ,
	INTERCEPT_DR1_READ,
	INTERCEPT_DR2_READ,
	INTERCEPT_DR3_READ,
	INTERCEPT_DR4_READ,
	INTERCEPT_DR5_READ,
	INTERCEPT_DR6_READ,
	INTERCEPT_DR7_READ,
	INTERCEPT_DR0_WRITE,
	INTERCEPT_DR1_WRITE,
	INTERCEPT_DR2_WRITE,
	INTERCEPT_DR3_WRITE,
	INTERCEPT_DR4_WRITE,
	INTERCEPT_DR5_WRITE,
	INTERCEPT_DR6_WRITE,
	INTERCEPT_DR7_WRITE,
	INTERCEPT_EXCEPTION_OFFSET + VECTOR_DB,
	INTERCEPT_EXCEPTION_OFFSET + VECTOR_UD,
	INTERCEPT_EXCEPTION_OFFSET + VECTOR_AC,
	INTERCEPT_EXCEPTION_OFFSET + VECTOR_MC,
	INTERCEPT_INTR,
	INTERCEPT_NMI,
	INTERCEPT_SMI,
	INTERCEPT_INIT,
	INTERCEPT_RDPMC,
	INTERCEPT_CPUID,
	INTERCEPT_INVD,
	INTERCEPT_INVLPGA,
	INTERCEPT_IOIO_PROT,
	INTERCEPT_MSR_PROT,
	INTERCEPT_FERR_FREEZE,
	INTERCEPT_SHUTDOWN,
	INTERCEPT_VMRUN,
	INTERCEPT_VMMCALL,
	INTERCEPT_VMLOAD,
	INTERCEPT_VMSAVE,
	INTERCEPT_STGI,
	INTERCEPT_CLGI,
	INTERCEPT_SKINIT,
	INTERCEPT_WBINVD,
	INTERCEPT_XSETBV,
	INTERCEPT_RDPRU,
};

/* Segment registers in the order of enum seg, as offsets into the save area. */
static const u16 svm_seg_offset[NR_SEGS] = {
	[SEG_ES] = offsetof(struct vmcb_save_area, es),
	[SEG_CS] = offsetof(struct vmcb_save_area, cs),
	[SEG_SS] = offsetof(struct vmcb_save_area, ss),
	[SEG_DS] = offsetof(struct vmcb_save_area, ds),
	[SEG_FS] = offsetof(struct vmcb_save_area, fs),
	[SEG_GS] = offsetof(struct vmcb_save_area, gs),
	[SEG_LDTR] = offsetof(struct vmcb_save_area, ldtr),
	[SEG_TR] = offsetof(struct vmcb_save_area, tr),
};

static struct vmcb_seg *svm_seg(struct svm_vcpu *svm, int seg)
{
	return (void *)&svm->vmcb->save + svm_seg_offset[seg];
}

/* Attributes: descriptor bits 40 to 47 and 52 to 55, packed (APM 2, 15.5.1). */
void svm_get_segment(struct vcpu *vcpu, int seg, struct kvm_segment *segment)
{
	const struct vmcb_seg *s = svm_seg(to_svm(vcpu), seg);

	*segment = (struct kvm_segment){
		.base = s->base,
		.limit = s->limit,
		.selector = s->selector,
		.type = s->attrib & 15,
		.s = s->attrib >> 4 & 1,
		.dpl = s->attrib >> 5 & 3,
		.present = s->attrib >> 7 & 1,
		.avl = s->attrib >> 8 & 1,
		.l = s->attrib >> 9 & 1,
		.db = s->attrib >> 10 & 1,
		.g = s->limit > 0xfffff,
		.unusable = !(s->attrib >> 7 & 1),
	};
	if (seg == SEG_SS)
		segment->dpl = svm_cpl(vcpu);
	/* Data segments lose their accessed bit, which a loaded one has. */
	if (seg != SEG_CS && segment->s && !segment->unusable)
		segment->type |= 1;
	/* The CPU does not keep TR's busy bit, but a loaded TR is busy (APM 2, 8.1). */
	if (seg == SEG_TR)
		segment->type |= 2;
}

void svm_set_segment(struct vcpu *vcpu, int seg, const struct kvm_segment *segment)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb_seg *s = svm_seg(svm, seg);

	s->base = segment->base;
	s->limit = segment->limit;
	s->selector = segment->selector;
	s->attrib = (segment->type & 15) | (segment->s & 1) << 4 | (segment->dpl & 3) << 5 |
		    (segment->present && !segment->unusable) << 7 | (segment->avl & 1) << 8 |
		    (segment->l & 1) << 9 | (segment->db & 1) << 10 | (segment->g & 1) << 11;
	if (seg == SEG_SS)
		svm->vmcb->save.cpl = segment->dpl & 3;
	svm_dirty(svm, SVM_CLEAN_SEGMENTS);
}

void svm_get_table(struct vcpu *vcpu, bool idt, struct kvm_dtable *table)
{
	const struct vmcb_save_area *save = &to_svm(vcpu)->vmcb->save;
	const struct vmcb_seg *s = idt ? &save->idtr : &save->gdtr;

	*table = (struct kvm_dtable){ .base = s->base, .limit = s->limit };
}

void svm_set_table(struct vcpu *vcpu, bool idt, const struct kvm_dtable *table)
{
	struct vmcb_save_area *save = &to_svm(vcpu)->vmcb->save;
	struct vmcb_seg *s = idt ? &save->idtr : &save->gdtr;

	s->base = table->base;
	s->limit = table->limit;
	svm_dirty(to_svm(vcpu), SVM_CLEAN_TABLES);
}

int svm_cpl(struct vcpu *vcpu)
{
	return to_svm(vcpu)->vmcb->save.cpl;
}

bool svm_code_l(struct vcpu *vcpu)
{
	return to_svm(vcpu)->vmcb->save.cs.attrib & SVM_SELECTOR_L_MASK;
}

/* What the CPU has in CR0. */
u64 svm_cr0(const struct vcpu *vcpu)
{
	if (!vm_quirk(vcpu->vm, KVM_X86_QUIRK_CD_NW_CLEARED))
		return vcpu->cr0;
	return vcpu->cr0 & ~(u64)(X86_CR0_CD | X86_CR0_NW);
}

/*
 * The CPU runs with CR0.CD and NW clear (guest memory is write-back, cache control is the host's),
 * unless user space wants it otherwise, and with the host's CR4.MCE; where the guest would see a
 * difference its reads are intercepted.
 */
void svm_update_cr(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb_save_area *save = &svm->vmcb->save;

	save->cr0 = svm_cr0(vcpu);
	save->cr3 = vcpu->cr3;
	save->cr4 = vcpu->cr4 | (cr4_read_shadow() & X86_CR4_MCE);
	save->efer = vcpu->efer | EFER_SVME;
	svm_intercept(svm, INTERCEPT_CR0_READ, save->cr0 != vcpu->cr0);
	svm_intercept(svm, INTERCEPT_CR4_READ, save->cr4 != vcpu->cr4);
	svm_dirty(svm, SVM_CLEAN_CR);
}

void svm_update_dr7(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm->vmcb->save.dr7 = vcpu->hw_dr7;
	svm_dirty(svm, SVM_CLEAN_DR);
}

void svm_update_tsc(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm->vmcb->control.tsc_offset = vcpu->tsc_offset;
	svm_dirty(svm, SVM_CLEAN_INTERCEPTS);
}

static void svm_set_root(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm->vmcb->control.nested_cr3 = __sme_set(mmu_root(vcpu->vm));
	svm->asid_generation = 0;
	svm_dirty(svm, SVM_CLEAN_NESTED_PAGING);
}

/* MSRs in the save area. */
static const struct {
	u32 index;
	u16 offset;
} svm_msrs[] = {
	{ MSR_IA32_SYSENTER_CS, offsetof(struct vmcb_save_area, sysenter_cs) },
	{ MSR_IA32_SYSENTER_ESP, offsetof(struct vmcb_save_area, sysenter_esp) },
	{ MSR_IA32_SYSENTER_EIP, offsetof(struct vmcb_save_area, sysenter_eip) },
	{ MSR_IA32_CR_PAT, offsetof(struct vmcb_save_area, g_pat) },
	{ MSR_STAR, offsetof(struct vmcb_save_area, star) },
	{ MSR_LSTAR, offsetof(struct vmcb_save_area, lstar) },
	{ MSR_CSTAR, offsetof(struct vmcb_save_area, cstar) },
	{ MSR_SYSCALL_MASK, offsetof(struct vmcb_save_area, sfmask) },
	{ MSR_FS_BASE, offsetof(struct vmcb_save_area, fs.base) },
	{ MSR_GS_BASE, offsetof(struct vmcb_save_area, gs.base) },
	{ MSR_KERNEL_GS_BASE, offsetof(struct vmcb_save_area, kernel_gs_base) },
};

static u64 *svm_msr_field(struct vcpu *vcpu, u32 index)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(svm_msrs); i++)
		if (svm_msrs[i].index == index)
			return (void *)&to_svm(vcpu)->vmcb->save + svm_msrs[i].offset;
	return NULL;
}

int svm_get_msr(struct vcpu *vcpu, u32 index, u64 *value)
{
	const u64 *field = svm_msr_field(vcpu, index);

	if (!field)
		return -ENOENT;
	*value = *field;
	return 0;
}

int svm_set_msr(struct vcpu *vcpu, u32 index, u64 value)
{
	u64 *field = svm_msr_field(vcpu, index);

	if (!field)
		return -ENOENT;
	*field = value;
	to_svm(vcpu)->vmcb->control.clean = 0;
	return 0;
}

void svm_update_intercepts(struct vcpu *vcpu)
{
	bool mwait = !vm_exits_disabled(vcpu->vm, KVM_X86_DISABLE_EXITS_MWAIT);
	struct svm_vcpu *svm = to_svm(vcpu);

	svm_update_tpr(vcpu);
	svm_intercept(svm, INTERCEPT_EXCEPTION_OFFSET + VECTOR_BP,
		      vcpu->debug.control & KVM_GUESTDBG_USE_SW_BP);
	svm_intercept(svm, INTERCEPT_HLT, !vm_exits_disabled(vcpu->vm, KVM_X86_DISABLE_EXITS_HLT));
	svm_intercept(svm, INTERCEPT_MONITOR, mwait);
	svm_intercept(svm, INTERCEPT_MWAIT, mwait);
	svm->vmcb->control.msrpm_base_pa = svm_msrpm_pa(vcpu->vm);
	svm_dirty(svm, SVM_CLEAN_PERMISSIONS);
}

void svm_reset(struct vcpu *vcpu, bool init)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb *vmcb = svm->vmcb;
	unsigned int i;

	memset(vmcb->control.intercepts, 0, sizeof(vmcb->control.intercepts));
	for (i = 0; i < ARRAY_SIZE(svm_always); i++)
		svm_intercept(svm, svm_always[i], true);
	vmcb->control.event_inj = 0;
	vmcb->control.int_state = 0;
	vmcb->control.int_ctl = V_INTR_MASKING_MASK;
	svm_update_intercepts(vcpu);
	vmcb->save.dr6 = DR6_INIT;
	svm->injecting = 0;
	svm->soft_len = 0;
	svm->iret_pending = false;
	svm->stepping = false;
	svm->stepped = false;
	svm->tf_pushed = false;
	svm->asid_generation = 0;
	vmcb->control.clean = 0;
}

static void svm_init_vmcb(struct svm_vcpu *svm)
{
	struct vmcb_control_area *control = &svm->vmcb->control;

	control->iopm_base_pa = svm_iopm_pa();
	control->nested_ctl = SVM_NESTED_CTL_NP_ENABLE;
	svm->vmcb->save.g_pat = 0x0007040600070406ULL;
}

int svm_vcpu_create(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);

	if (!page)
		return -ENOMEM;
	svm->vmcb = page_address(page);
	svm->vmcb_pa = __sme_set(page_to_phys(page));
	svm_init_vmcb(svm);
	svm_set_root(vcpu);
	return 0;
}

void svm_vcpu_destroy(struct vcpu *vcpu)
{
	free_page((unsigned long)to_svm(vcpu)->vmcb);
}
