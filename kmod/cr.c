// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control and debug registers: what a write to one is allowed to do, and what follows from it.
 */
#include <linux/types.h>
#include <asm/fpu/xcr.h>

#include "cpuid.h"
#include "cr.h"
#include "emulate.h"
#include "irq/irqchip.h"
#include "irq/lapic.h"
#include "rules.h"
#include "vcpu.h"
#include "xstate.h"

#define CR0_DEFINED                                                                    \
	(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET | X86_CR0_NE | \
	 X86_CR0_WP | X86_CR0_AM | X86_CR0_NW | X86_CR0_CD | X86_CR0_PG)

#define CR3_NO_FLUSH BIT_ULL(63)

/* Bits of CR4 that every processor has which runs Linux. */
#define CR4_ALWAYS                                                                          \
	(X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PSE | X86_CR4_PAE | \
	 X86_CR4_MCE | X86_CR4_PGE | X86_CR4_PCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT)

/* Bits that change how linear addresses translate (SDM 3, 4.10.4.1). */
#define CR4_FLUSHES \
	(X86_CR4_PSE | X86_CR4_PAE | X86_CR4_PGE | X86_CR4_PCIDE | X86_CR4_SMEP | X86_CR4_LA57)

/* Bits that make PAE paging load its page-directory pointers anew (SDM 3, 4.4.1). */
#define CR4_LOADS_PDPTRS (X86_CR4_PSE | X86_CR4_PAE | X86_CR4_PGE | X86_CR4_SMEP)
#define CR0_LOADS_PDPTRS (X86_CR0_PG | X86_CR0_CD | X86_CR0_NW)

static const struct {
	u64 bit;
	unsigned int feature;
} cr4_features[] = {
	{ X86_CR4_UMIP, X86_FEATURE_UMIP },	    { X86_CR4_LA57, X86_FEATURE_LA57 },
	{ X86_CR4_FSGSBASE, X86_FEATURE_FSGSBASE }, { X86_CR4_PCIDE, X86_FEATURE_PCID },
	{ X86_CR4_OSXSAVE, X86_FEATURE_XSAVE },	    { X86_CR4_SMEP, X86_FEATURE_SMEP },
	{ X86_CR4_SMAP, X86_FEATURE_SMAP },	    { X86_CR4_PKE, X86_FEATURE_PKU },
};

/* Before the first KVM_SET_CPUID2 all that Tenon offers on this host may be set. */
void cr_update_reserved(struct vcpu *vcpu)
{
	u64 allowed = CR4_ALWAYS;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cr4_features); i++) {
		if (!cpuid_offered(cr4_features[i].feature))
			continue;
		if (!vcpu->cpuid.nr || cpuid_has(vcpu, cr4_features[i].feature))
			allowed |= cr4_features[i].bit;
	}
	vcpu->cr4_reserved = ~allowed;
}

/* The page-directory pointers that PAE paging would load from @cr3 are good. */
static bool pdptrs_valid(struct vcpu *vcpu, u64 cr3)
{
	u64 pdptrs[4];
	int i;

	if (guest_read(vcpu->vm, cr3 & GENMASK_ULL(31, 5), pdptrs, sizeof(pdptrs)))
		return false;
	for (i = 0; i < ARRAY_SIZE(pdptrs); i++)
		if (!pdpte_valid(pdptrs[i], vcpu->cpuid.physical_bits))
			return false;
	return true;
}

static bool pae_paging(u64 cr0, u64 cr4, u64 efer)
{
	return cr0 & X86_CR0_PG && cr4 & X86_CR4_PAE && !(efer & EFER_LME);
}

/* Paging goes on: long mode begins if EFER.LME asks for it (SDM 3, 10.8.5). */
static bool paging_on(struct vcpu *vcpu)
{
	struct kvm_segment cs;

	if (!(vcpu->efer & EFER_LME))
		return !(vcpu->cr4 & X86_CR4_PCIDE);
	backend->get_segment(vcpu, SEG_CS, &cs);
	if (!vcpu_pae(vcpu) || cs.l)
		return false;
	vcpu->efer |= EFER_LMA;
	return true;
}

static bool paging_off(struct vcpu *vcpu)
{
	if (vcpu_code64(vcpu) || vcpu->cr4 & X86_CR4_PCIDE)
		return false;
	vcpu->efer &= ~EFER_LMA;
	return true;
}

static bool cr0_write(struct vcpu *vcpu, u64 value)
{
	u64 changed;

	if (!cr0_valid(value))
		return false;
	value = (value & CR0_DEFINED) | X86_CR0_ET;
	changed = value ^ vcpu->cr0;
	if (pae_paging(value, vcpu->cr4, vcpu->efer) && changed & CR0_LOADS_PDPTRS &&
	    !pdptrs_valid(vcpu, vcpu_cr3(vcpu)))
		return false;
	if (changed & X86_CR0_PG) {
		if (!(value & X86_CR0_PG ? paging_on(vcpu) : paging_off(vcpu)))
			return false;
	}
	vcpu->cr0 = value;
	backend->update_cr(vcpu);
	if (changed & (X86_CR0_PG | X86_CR0_WP))
		vcpu_request(vcpu, WORK_TLB_FLUSH);
	return true;
}

static bool cr3_write(struct vcpu *vcpu, u64 value)
{
	bool flush = true;

	if (vcpu->cr4 & X86_CR4_PCIDE) {
		flush = !(value & CR3_NO_FLUSH);
		value &= ~CR3_NO_FLUSH;
	}
	if (vcpu_long_mode(vcpu) && !cr3_valid(value, vcpu->cpuid.physical_bits))
		return false;
	if (pae_paging(vcpu->cr0, vcpu->cr4, vcpu->efer) && !pdptrs_valid(vcpu, value))
		return false;
	vcpu->cr3 = value;
	backend->update_cr(vcpu);
	if (flush)
		vcpu_request(vcpu, WORK_TLB_FLUSH);
	return true;
}

static bool cr4_write(struct vcpu *vcpu, u64 value)
{
	u64 changed = value ^ vcpu->cr4;

	if (value & vcpu->cr4_reserved)
		return false;
	if (vcpu_long_mode(vcpu)) {
		if (!(value & X86_CR4_PAE) || changed & X86_CR4_LA57)
			return false;
		if (value & changed & X86_CR4_PCIDE && vcpu_cr3(vcpu) & 0xfff)
			return false;
	} else if (value & X86_CR4_PCIDE) {
		return false;
	}
	if (pae_paging(vcpu->cr0, value, vcpu->efer) && changed & CR4_LOADS_PDPTRS &&
	    !pdptrs_valid(vcpu, vcpu_cr3(vcpu)))
		return false;
	vcpu->cr4 = value;
	backend->update_cr(vcpu);
	if (changed & CR4_FLUSHES)
		vcpu_request(vcpu, WORK_TLB_FLUSH);
	if (changed & (X86_CR4_OSXSAVE | X86_CR4_PKE))
		cpuid_refresh(vcpu);
	return true;
}

static bool cr8_write(struct vcpu *vcpu, u64 value)
{
	if (value > 15)
		return false;
	vcpu_tpr_moved(vcpu, value << 4);
	backend->update_tpr(vcpu);
	return true;
}

bool cr_write(struct vcpu *vcpu, int nr, u64 value)
{
	switch (nr) {
	case 0:
		return cr0_write(vcpu, value);
	case 2:
		vcpu->cr2 = value;
		return true;
	case 3:
		return cr3_write(vcpu, value);
	case 4:
		return cr4_write(vcpu, value);
	case 8:
		return cr8_write(vcpu, value);
	default:
		return false;
	}
}

u64 cr_read(struct vcpu *vcpu, int nr)
{
	switch (nr) {
	case 0:
		return vcpu->cr0;
	case 2:
		return vcpu->cr2;
	case 3:
		return vcpu_cr3(vcpu);
	case 4:
		return vcpu->cr4;
	case 8:
		return vcpu->apic ? lapic_cr8(vcpu->apic) : vcpu->cr8;
	default:
		return 0;
	}
}

static u64 efer_allowed(struct vcpu *vcpu, bool host)
{
	u64 allowed = EFER_SCE | EFER_LME | EFER_LMA;

	if (cpuid_offered(X86_FEATURE_NX) && (host || cpuid_has(vcpu, X86_FEATURE_NX)))
		allowed |= EFER_NX;
	if (cpuid_offered(X86_FEATURE_FXSR_OPT) && (host || cpuid_has(vcpu, X86_FEATURE_FXSR_OPT)))
		allowed |= EFER_FFXSR;
	return allowed;
}

bool efer_set(struct vcpu *vcpu, u64 value, bool host)
{
	u64 changed;

	if (value & ~efer_allowed(vcpu, host))
		return false;
	/* LMA follows LME and CR0.PG; a write to it is ignored. */
	value = (value & ~EFER_LMA) | (vcpu->efer & EFER_LMA);
	changed = value ^ vcpu->efer;
	if (vcpu_paging(vcpu) && changed & EFER_LME)
		return false;
	vcpu->efer = value;
	backend->update_cr(vcpu);
	if (changed & EFER_NX)
		vcpu_request(vcpu, WORK_TLB_FLUSH);
	return true;
}

bool xcr0_set(struct vcpu *vcpu, u32 index, u64 value)
{
	if (index != XCR_XFEATURE_ENABLED_MASK || !xcr0_valid(value, vcpu->supported_xcr0))
		return false;
	vcpu->xcr0 = value;
	cpuid_refresh(vcpu);
	return true;
}

bool sregs_valid(struct vcpu *vcpu, const struct kvm_sregs *sregs)
{
	const struct cr_values values = {
		.cr0 = sregs->cr0,
		.cr3 = sregs->cr3,
		.cr4 = sregs->cr4,
		.efer = sregs->efer,
		.code64 = sregs->cs.l,
	};

	return !(sregs->efer & ~efer_allowed(vcpu, true)) &&
	       cr_values_valid(&values, vcpu->cr4_reserved, vcpu->cpuid.physical_bits);
}

/* DR4 and DR5 are other names of DR6 and DR7, unless CR4.DE makes them undefined. */
static int dr_alias(struct vcpu *vcpu, int nr)
{
	if (nr != 4 && nr != 5)
		return nr;
	return vcpu->cr4 & X86_CR4_DE ? -1 : nr + 2;
}

int dr_write(struct vcpu *vcpu, int nr, u64 value)
{
	bool rtm = cpuid_has(vcpu, X86_FEATURE_RTM);

	nr = dr_alias(vcpu, nr);
	if (nr < 0)
		return VECTOR_UD;
	if (nr >= 6 && value >> 32)
		return VECTOR_GP;
	if (nr == 6) {
		u64 writable = DR6_WRITABLE | (rtm ? DR6_RTM : 0);

		vcpu->dr6 = (value & writable) | (DR6_INIT & ~writable);
		debug_dr7_changed(vcpu);
	} else if (nr == 7) {
		u64 writable = DR7_WRITABLE | (rtm ? DR7_RTM_ENABLE : 0);

		vcpu->dr7 = (value & writable) | DR7_ONES;
		debug_dr7_changed(vcpu);
	} else {
		vcpu->dr[nr & 3] = value;
	}
	return 0;
}

int dr_read(struct vcpu *vcpu, int nr, u64 *value)
{
	nr = dr_alias(vcpu, nr);
	if (nr < 0)
		return VECTOR_UD;
	if (nr == 6)
		*value = vcpu->dr6;
	else if (nr == 7)
		*value = vcpu->dr7;
	else
		*value = vcpu->dr[nr & 3];
	return 0;
}
