// SPDX-License-Identifier: GPL-2.0-only
/*
 * The checks of VM entry on the guest-state area (SDM 3, 27.3.1). Pure.
 */
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/vmx.h>
#include <linux/kernel.h>

#include "../rules.h"
#include "check.h"

#define REGS	     "SDM 3, 27.3.1.1"
#define SEGMENTS     "SDM 3, 27.3.1.2"
#define TABLES	     "SDM 3, 27.3.1.3"
#define RIP_FLAGS    "SDM 3, 27.3.1.4"
#define NON_REGISTER "SDM 3, 27.3.1.5"
#define PDPTES	     "SDM 3, 27.3.1.6"

#define HIGH_HALF    GENMASK_ULL(63, 32)
#define CR4_CET	     BIT_ULL(23)
#define EFER_DEFINED ((u64)(EFER_SCE | EFER_LME | EFER_LMA | EFER_NX))
/* LBR, BTF, bus-lock detection, TR to FREEZE_WHILE_SMM, RTM (SDM 3, 18.4.1). */
#define DEBUGCTL_DEFINED (GENMASK_ULL(15, 6) | GENMASK_ULL(2, 0))
#define DEBUGCTL_BTF	 BIT_ULL(1)
#define BNDCFGS_RESERVED GENMASK_ULL(11, 2)

/* VM-entry controls that asm/vmx.h does not name in each kernel (SDM 3, 25.8.1). */
#define ENTRY_LOAD_CET	BIT(20)
#define ENTRY_LOAD_PKRS BIT(22)

/* Access rights (SDM 3, 25.4.1). */
#define AR_TYPE(ar)	 ((ar) % 16)
#define AR_DPL(ar)	 ((ar) >> 5 & 3)
#define AR_ACCESSED	 BIT_ULL(0)
#define AR_READABLE	 BIT_ULL(1)
#define AR_CODE		 BIT_ULL(3)
#define AR_S		 BIT_ULL(4)
#define AR_P		 BIT_ULL(7)
#define AR_RESERVED_LOW	 GENMASK_ULL(11, 8)
#define AR_L		 BIT_ULL(13)
#define AR_D		 BIT_ULL(14)
#define AR_G		 BIT_ULL(15)
#define AR_UNUSABLE	 BIT_ULL(16)
#define AR_RESERVED_HIGH GENMASK_ULL(31, 17)
#define AR_V86		 0xf3
/* Types, as sets. */
#define TYPES_CODE   (BIT(9) | BIT(11) | BIT(13) | BIT(15))
#define TYPES_STACK  (BIT(3) | BIT(7))
#define TYPE_DATA    3
#define TYPE_LDT     2
#define TYPE_TSS16   3
#define TYPE_TSS     11
#define SELECTOR_RPL 3
#define SELECTOR_TI  4

enum {
	ES,
	CS,
	SS,
	DS,
	FS,
	GS,
	LDTR,
	TR,
	NR_SEGMENTS
};

/* Reserved are bits 63:22, 15, 5 and 3. */
#define RFLAGS_RESERVED		 (GENMASK_ULL(63, 22) | BIT_ULL(15) | BIT_ULL(5) | BIT_ULL(3))

#define INTERRUPTIBILITY_DEFINED GENMASK_ULL(4, 0)
#define STI_BLOCKING		 BIT_ULL(0)
#define MOV_SS_BLOCKING		 BIT_ULL(1)
#define SMI_BLOCKING		 BIT_ULL(2)
#define NMI_BLOCKING		 BIT_ULL(3)
#define ENCLAVE			 BIT_ULL(4)

/* B0 to B3, BLD, enabled breakpoint, BS, RTM */
#define PENDING_DEFINED \
	(GENMASK_ULL(3, 0) | PENDING_BLD | PENDING_ENABLED | PENDING_BS | PENDING_RTM)
#define PENDING_BLD	  BIT_ULL(11)
#define PENDING_ENABLED	  BIT_ULL(12)
#define PENDING_BS	  BIT_ULL(14)
#define PENDING_RTM	  BIT_ULL(16)

#define INJECT_VALID	  BIT_ULL(31)
#define INJECT_TYPE(info) ((info) >> 8 & 7)
#define INJECT_INTERRUPT  0
#define INJECT_NMI	  2
#define INJECT_EXCEPTION  3
#define INJECT_OTHER	  7
#define VECTOR_OF_DB	  1
#define VECTOR_OF_MC	  18

enum {
	ACTIVE,
	HALTED,
	SHUT_DOWN,
	WAIT_FOR_SIPI
};

static bool unrestricted(const u64 *image)
{
	return image[VI_SECONDARY] & SECONDARY_EXEC_UNRESTRICTED_GUEST;
}

static bool long_mode(const u64 *image)
{
	return image[VI_ENTRY] & VM_ENTRY_IA32E_MODE;
}

static bool injects(const u64 *image, unsigned int type)
{
	return image[VI_INJECT] & INJECT_VALID && INJECT_TYPE(image[VI_INJECT]) == type;
}

/* Without IA-32e mode guest, a bit of @arg is set. */
static bool legacy_with(const u64 *image, unsigned int field, u64 arg)
{
	return !long_mode(image) && image[field] & arg;
}

static bool pg_without_pe(const u64 *image, unsigned int field, u64 arg)
{
	return (image[field] & (X86_CR0_PG | X86_CR0_PE)) == X86_CR0_PG;
}

/* LMA is IA-32e mode guest; and, with paging, LME. */
static bool lma_not_mode(const u64 *image, unsigned int field, u64 arg)
{
	return !(image[field] & EFER_LMA) == long_mode(image);
}

static bool lma_not_lme(const u64 *image, unsigned int field, u64 arg)
{
	return image[VI_CR0] & X86_CR0_PG &&
	       !(image[field] & EFER_LMA) != !(image[field] & EFER_LME);
}

/* The segment that a field is about: there is a group of them for each part of it. */
static unsigned int segment(unsigned int field)
{
	return (field - VI_ES_SEL) % NR_SEGMENTS;
}

static u64 selector(const u64 *image, unsigned int field)
{
	return image[VI_ES_SEL + segment(field)];
}

static u64 limit(const u64 *image, unsigned int field)
{
	return image[VI_ES_LIMIT + segment(field)];
}

static u64 rights(const u64 *image, unsigned int field)
{
	return image[VI_ES_AR + segment(field)];
}

static bool v86(const u64 *image)
{
	return image[VI_RFLAGS] & X86_EFLAGS_VM;
}

/* CS and TR are always loaded; the others may be null. */
static bool usable(const u64 *image, unsigned int field)
{
	unsigned int seg = segment(field);

	return seg == CS || seg == TR || !(rights(image, field) & AR_UNUSABLE);
}

/* In virtual-8086 mode there are other rules for all but LDTR and TR. */
static bool checked(const u64 *image, unsigned int field)
{
	return usable(image, field) && (!v86(image) || segment(field) >= LDTR);
}

/* @field is about DS, ES, FS or GS. */
static bool data_checked(const u64 *image, unsigned int field)
{
	unsigned int seg = segment(field);

	return checked(image, field) && seg != CS && seg != SS;
}

static bool usable_with(const u64 *image, unsigned int field, u64 arg)
{
	return usable(image, field) && image[field] & arg;
}

static bool checked_with(const u64 *image, unsigned int field, u64 arg)
{
	return checked(image, field) && image[field] & arg;
}

static bool checked_without(const u64 *image, unsigned int field, u64 arg)
{
	return checked(image, field) && ~image[field] & arg;
}

static bool ss_rpl_bad(const u64 *image, unsigned int field, u64 arg)
{
	return !v86(image) && !unrestricted(image) &&
	       (image[VI_SS_SEL] ^ image[VI_CS_SEL]) & SELECTOR_RPL;
}

static bool v86_base_bad(const u64 *image, unsigned int field, u64 arg)
{
	return v86(image) && image[field] != (selector(image, field) & 0xffff) << 4;
}

/* The field is not what it must be in virtual-8086 mode. */
static bool v86_not(const u64 *image, unsigned int field, u64 arg)
{
	return v86(image) && image[field] != arg;
}

/* FS and GS may be unusable and have a base all the same. */
static bool base_not_canonical(const u64 *image, unsigned int field, u64 arg)
{
	return (segment(field) != LDTR || usable(image, field)) &&
	       vmx_not_canonical(image, field, 0);
}

static bool cs_type_bad(const u64 *image, unsigned int field, u64 arg)
{
	u32 types = TYPES_CODE | (unrestricted(image) ? BIT(TYPE_DATA) : 0);

	return !v86(image) && !(types & BIT(AR_TYPE(image[field])));
}

static bool ss_type_bad(const u64 *image, unsigned int field, u64 arg)
{
	return checked(image, field) && !(TYPES_STACK & BIT(AR_TYPE(image[field])));
}

static bool data_not_accessed(const u64 *image, unsigned int field, u64 arg)
{
	return data_checked(image, field) && !(image[field] & AR_ACCESSED);
}

static bool data_not_readable(const u64 *image, unsigned int field, u64 arg)
{
	return data_checked(image, field) && image[field] & AR_CODE &&
	       !(image[field] & AR_READABLE);
}

static bool cs_data_dpl_bad(const u64 *image, unsigned int field, u64 arg)
{
	return !v86(image) && unrestricted(image) && AR_TYPE(image[field]) == TYPE_DATA &&
	       AR_DPL(image[field]);
}

static bool cs_dpl_bad(const u64 *image, unsigned int field, u64 arg)
{
	unsigned int type = AR_TYPE(image[field]);

	return !v86(image) && (type == 9 || type == 11) &&
	       AR_DPL(image[field]) != AR_DPL(image[VI_SS_AR]);
}

static bool cs_conforming_dpl_bad(const u64 *image, unsigned int field, u64 arg)
{
	unsigned int type = AR_TYPE(image[field]);

	return !v86(image) && (type == 13 || type == 15) &&
	       AR_DPL(image[field]) > AR_DPL(image[VI_SS_AR]);
}

/* These two hold for an unusable SS, too. */
static bool ss_dpl_not_rpl(const u64 *image, unsigned int field, u64 arg)
{
	return !v86(image) && !unrestricted(image) &&
	       AR_DPL(image[field]) != (image[VI_SS_SEL] & SELECTOR_RPL);
}

static bool ss_dpl_real(const u64 *image, unsigned int field, u64 arg)
{
	bool real = !(image[VI_CR0] & X86_CR0_PE) || AR_TYPE(image[VI_CS_AR]) == TYPE_DATA;

	return !v86(image) && real && AR_DPL(image[field]);
}

static bool data_dpl_bad(const u64 *image, unsigned int field, u64 arg)
{
	return data_checked(image, field) && !unrestricted(image) && AR_TYPE(image[field]) < 12 &&
	       AR_DPL(image[field]) < (selector(image, field) & SELECTOR_RPL);
}

static bool cs_l_and_d(const u64 *image, unsigned int field, u64 arg)
{
	return !v86(image) && long_mode(image) && (image[field] & (AR_L | AR_D)) == (AR_L | AR_D);
}

/* Granularity: a limit that counts pages ends a page, and a large one must count pages. */
static bool granular_limit_bad(const u64 *image, unsigned int field, u64 arg)
{
	return checked(image, field) && image[field] & AR_G && ~limit(image, field) & 0xfff;
}

static bool byte_limit_bad(const u64 *image, unsigned int field, u64 arg)
{
	return checked(image, field) && !(image[field] & AR_G) && (u32)limit(image, field) >> 20;
}

static bool tr_type_bad(const u64 *image, unsigned int field, u64 arg)
{
	unsigned int type = AR_TYPE(image[field]);

	return type != TYPE_TSS && (long_mode(image) || type != TYPE_TSS16);
}

static bool ldtr_type_bad(const u64 *image, unsigned int field, u64 arg)
{
	return usable(image, field) && AR_TYPE(image[field]) != TYPE_LDT;
}

static bool code64(const u64 *image)
{
	return long_mode(image) && image[VI_CS_AR] & AR_L;
}

static bool rip_wide(const u64 *image, unsigned int field, u64 arg)
{
	return !code64(image) && image[field] & HIGH_HALF;
}

/* Not whether it is canonical: the highest bit of an address may differ from those above it. */
static bool rip_bad(const u64 *image, unsigned int field, u64 arg)
{
	return code64(image) && !canonical(image[field], image[VI_LINEAR_BITS] + 1);
}

static bool vm_bad(const u64 *image, unsigned int field, u64 arg)
{
	return v86(image) && (long_mode(image) || !(image[VI_CR0] & X86_CR0_PE));
}

static bool if_bad(const u64 *image, unsigned int field, u64 arg)
{
	return injects(image, INJECT_INTERRUPT) && !(image[field] & X86_EFLAGS_IF);
}

/* HLT, shutdown and wait-for-SIPI have bits 6 to 8 of IA32_VMX_MISC. */
static bool activity_bad(const u64 *image, unsigned int field, u64 arg)
{
	u64 state = image[field];

	return state > WAIT_FOR_SIPI ||
	       (state != ACTIVE && !(image[VI_MSR_MISC] >> (5 + state) & 1));
}

static bool halted_user(const u64 *image, unsigned int field, u64 arg)
{
	return image[field] == HALTED && AR_DPL(image[VI_SS_AR]);
}

static bool inactive_blocked(const u64 *image, unsigned int field, u64 arg)
{
	return image[field] != ACTIVE &&
	       image[VI_INTERRUPTIBILITY] & (STI_BLOCKING | MOV_SS_BLOCKING);
}

/* What HLT lets in: interrupts, NMIs, #DB, #MC and the monitor trap flag. */
static bool wakes_halted(u64 info)
{
	u8 vector = info;

	switch (INJECT_TYPE(info)) {
	case INJECT_INTERRUPT:
	case INJECT_NMI:
		return true;
	case INJECT_EXCEPTION:
		return vector == VECTOR_OF_DB || vector == VECTOR_OF_MC;
	case INJECT_OTHER:
		return !vector;
	default:
		return false;
	}
}

/* What shutdown lets in: NMIs and #MC. */
static bool wakes_shutdown(u64 info)
{
	return INJECT_TYPE(info) == INJECT_NMI ||
	       (INJECT_TYPE(info) == INJECT_EXCEPTION && (u8)info == VECTOR_OF_MC);
}

static bool inactive_injects(const u64 *image, unsigned int field, u64 arg)
{
	u64 info = image[VI_INJECT];

	if (!(info & INJECT_VALID))
		return false;
	switch (image[field]) {
	case HALTED:
		return !wakes_halted(info);
	case SHUT_DOWN:
		return !wakes_shutdown(info);
	case WAIT_FOR_SIPI:
		return true;
	default:
		return false;
	}
}

static bool both_blocked(const u64 *image, unsigned int field, u64 arg)
{
	return !(~image[field] & (STI_BLOCKING | MOV_SS_BLOCKING));
}

static bool sti_without_if(const u64 *image, unsigned int field, u64 arg)
{
	return image[field] & STI_BLOCKING && !(image[VI_RFLAGS] & X86_EFLAGS_IF);
}

static bool interrupt_blocked(const u64 *image, unsigned int field, u64 arg)
{
	return injects(image, INJECT_INTERRUPT) && image[field] & arg;
}

static bool nmi_blocked(const u64 *image, unsigned int field, u64 arg)
{
	return injects(image, INJECT_NMI) && image[field] & arg;
}

static bool enclave_mov_ss(const u64 *image, unsigned int field, u64 arg)
{
	return !(~image[field] & (ENCLAVE | MOV_SS_BLOCKING));
}

/* BS belongs to a single step that waits: there must be one if and only if TF without BTF asks. */
static bool step_expected(const u64 *image)
{
	return image[VI_INTERRUPTIBILITY] & (STI_BLOCKING | MOV_SS_BLOCKING) ||
	       image[VI_ACTIVITY] == HALTED;
}

static bool steps(const u64 *image)
{
	return image[VI_RFLAGS] & X86_EFLAGS_TF && !(image[VI_DEBUGCTL] & DEBUGCTL_BTF);
}

static bool bs_missing(const u64 *image, unsigned int field, u64 arg)
{
	return step_expected(image) && steps(image) && !(image[field] & PENDING_BS);
}

static bool bs_extra(const u64 *image, unsigned int field, u64 arg)
{
	return step_expected(image) && !steps(image) && image[field] & PENDING_BS;
}

static bool rtm_bad(const u64 *image, unsigned int field, u64 arg)
{
	u64 others = image[field] & ~(PENDING_RTM | PENDING_ENABLED);

	return image[field] & PENDING_RTM && (others || !(image[field] & PENDING_ENABLED));
}

static bool link_bad(const u64 *image, unsigned int field, u64 arg)
{
	return ~image[field] && vmx_address_bad(image, field, 0xfff);
}

static bool pdpte_bad(const u64 *image, unsigned int field, u64 arg)
{
	return !long_mode(image) && image[VI_CR0] & X86_CR0_PG && image[VI_CR4] & X86_CR4_PAE &&
	       !pdpte_valid(image[field], image[VI_PHYSICAL_BITS]);
}

const struct check_rule vmx_guest_rules[] = {
	{ FIELD(VI_CR0), IF_ARG(vmx_cr_lacks, VI_MSR_CR0_FIXED0), .section = REGS,
	  .why = "a bit that VMX operation needs is 0" },
	{ FIELD(VI_CR0), IF_ARG(vmx_cr_exceeds, VI_MSR_CR0_FIXED1), .section = REGS,
	  .why = "a bit that VMX operation excludes is 1" },
	{ FIELD(VI_CR0), IF(pg_without_pe), .section = REGS, .why = "PG is 1 while PE is 0" },
	{ FIELD(VI_CR4), IF_ARG(vmx_cr_lacks, VI_MSR_CR4_FIXED0), .section = REGS,
	  .why = "a bit that VMX operation needs is 0" },
	{ FIELD(VI_CR4), IF_ARG(vmx_cr_exceeds, VI_MSR_CR4_FIXED1), .section = REGS,
	  .why = "a bit that VMX operation excludes is 1" },
	{ FIELD(VI_CR0), IF_NOT_SET(X86_CR0_WP), WHEN(VI_CR4, CR4_CET), .section = REGS,
	  .why = "WP is 0 while CET is 1 in CR4" },
	{ FIELD(VI_DEBUGCTL), IF_SET(~DEBUGCTL_DEFINED),
	  WHEN(VI_ENTRY, VM_ENTRY_LOAD_DEBUG_CONTROLS), .section = REGS,
	  .why = "a reserved bit is 1" },
	{ FIELD(VI_CR0), IF_NOT_SET(X86_CR0_PG), WHEN(VI_ENTRY, VM_ENTRY_IA32E_MODE),
	  .section = REGS, .why = "PG is 0 while IA-32e mode guest is 1" },
	{ FIELD(VI_CR4), IF_NOT_SET(X86_CR4_PAE), WHEN(VI_ENTRY, VM_ENTRY_IA32E_MODE),
	  .section = REGS, .why = "PAE is 0 while IA-32e mode guest is 1" },
	{ FIELD(VI_CR4), IF_ARG(legacy_with, X86_CR4_PCIDE), .section = REGS,
	  .why = "PCIDE is 1 while IA-32e mode guest is 0" },
	{ FIELD(VI_CR3), IF(vmx_cr3_bad), .section = REGS,
	  .why = "is beyond the physical-address width" },
	{ FIELD(VI_DR7), IF_SET(HIGH_HALF), WHEN(VI_ENTRY, VM_ENTRY_LOAD_DEBUG_CONTROLS),
	  .section = REGS, .why = "bits 63:32 are not 0" },
	{ FIELDS(VI_SYSENTER_ESP, VI_SYSENTER_EIP), IF(vmx_not_canonical), .section = REGS,
	  .why = "is not canonical" },
	{ FIELD(VI_PERF), IF_ARG(vmx_field_reserved, VI_PERF_RESERVED),
	  WHEN(VI_ENTRY, VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL), .section = REGS,
	  .why = "a reserved bit is 1" },
	{ FIELD(VI_PAT), IF(vmx_pat_bad), WHEN(VI_ENTRY, VM_ENTRY_LOAD_IA32_PAT), .section = REGS,
	  .why = "a memory type is not one" },
	{ FIELD(VI_EFER), IF_SET(~EFER_DEFINED), WHEN(VI_ENTRY, VM_ENTRY_LOAD_IA32_EFER),
	  .section = REGS, .why = "a reserved bit is 1" },
	{ FIELD(VI_EFER), IF(lma_not_mode), WHEN(VI_ENTRY, VM_ENTRY_LOAD_IA32_EFER),
	  .section = REGS, .why = "LMA differs from IA-32e mode guest" },
	{ FIELD(VI_EFER), IF(lma_not_lme), WHEN(VI_ENTRY, VM_ENTRY_LOAD_IA32_EFER), .section = REGS,
	  .why = "LMA differs from LME while CR0.PG is 1" },
	{ FIELD(VI_BNDCFGS), IF_SET(BNDCFGS_RESERVED), WHEN(VI_ENTRY, VM_ENTRY_LOAD_BNDCFGS),
	  .section = REGS, .why = "bits 11:2 are not 0" },
	{ FIELD(VI_BNDCFGS), IF(vmx_not_canonical), WHEN(VI_ENTRY, VM_ENTRY_LOAD_BNDCFGS),
	  .section = REGS, .why = "is not canonical" },

	{ FIELD(VI_PKRS), IF_SET(HIGH_HALF), WHEN(VI_ENTRY, ENTRY_LOAD_PKRS), .section = REGS,
	  .why = "bits 63:32 are not 0" },
	{ FIELD(VI_S_CET), IF_SET(VMX_S_CET_RESERVED), WHEN(VI_ENTRY, ENTRY_LOAD_CET),
	  .section = REGS, .why = "a reserved bit is 1" },
	{ FIELD(VI_S_CET), IF(vmx_tracker_bad), WHEN(VI_ENTRY, ENTRY_LOAD_CET), .section = REGS,
	  .why = "SUPPRESS and TRACKER are both 1" },
	{ FIELDS(VI_S_CET, VI_SSP_TABLE), IF(vmx_not_canonical), WHEN(VI_ENTRY, ENTRY_LOAD_CET),
	  .section = REGS, .why = "is not canonical" },

	{ FIELD(VI_TR_SEL), IF_SET(SELECTOR_TI), .section = SEGMENTS, .why = "TI is 1" },
	{ FIELD(VI_LDTR_SEL), IF_ARG(usable_with, SELECTOR_TI), .section = SEGMENTS,
	  .why = "TI is 1" },
	{ FIELD(VI_SS_SEL), IF(ss_rpl_bad), .section = SEGMENTS, .why = "RPL is not that of CS" },
	{ FIELDS(VI_ES_BASE, VI_GS_BASE), IF(v86_base_bad), .section = SEGMENTS,
	  .why = "is not 16 times the selector in virtual-8086 mode" },
	{ FIELDS(VI_FS_BASE, VI_TR_BASE), IF(base_not_canonical), .section = SEGMENTS,
	  .why = "is not canonical" },
	{ FIELDS(VI_ES_BASE, VI_DS_BASE), IF_ARG(usable_with, HIGH_HALF), .section = SEGMENTS,
	  .why = "bits 63:32 are not 0" },
	{ FIELDS(VI_ES_LIMIT, VI_GS_LIMIT), IF_ARG(v86_not, 0xffff), .section = SEGMENTS,
	  .why = "is not ffffh in virtual-8086 mode" },
	{ FIELDS(VI_ES_AR, VI_GS_AR), IF_ARG(v86_not, AR_V86), .section = SEGMENTS,
	  .why = "is not f3h in virtual-8086 mode" },
	{ FIELD(VI_TR_AR), IF_SET(AR_UNUSABLE), .section = SEGMENTS, .why = "TR is unusable" },
	{ FIELD(VI_CS_AR), IF(cs_type_bad), .section = SEGMENTS,
	  .why = "the type is not accessed code" },
	{ FIELD(VI_SS_AR), IF(ss_type_bad), .section = SEGMENTS,
	  .why = "the type is not accessed read/write data" },
	{ FIELDS(VI_ES_AR, VI_GS_AR), IF(data_not_accessed), .section = SEGMENTS,
	  .why = "the type is not accessed" },
	{ FIELDS(VI_ES_AR, VI_GS_AR), IF(data_not_readable), .section = SEGMENTS,
	  .why = "the type is code that is not readable" },
	{ FIELDS(VI_ES_AR, VI_GS_AR), IF_ARG(checked_without, AR_S), .section = SEGMENTS,
	  .why = "S is 0" },
	{ FIELD(VI_CS_AR), IF(cs_data_dpl_bad), .section = SEGMENTS,
	  .why = "DPL is not 0 with the type of data" },
	{ FIELD(VI_CS_AR), IF(cs_dpl_bad), .section = SEGMENTS, .why = "DPL is not that of SS" },
	{ FIELD(VI_CS_AR), IF(cs_conforming_dpl_bad), .section = SEGMENTS,
	  .why = "DPL is above that of SS" },
	{ FIELD(VI_SS_AR), IF(ss_dpl_not_rpl), .section = SEGMENTS,
	  .why = "DPL is not the selector's RPL" },
	{ FIELD(VI_SS_AR), IF(ss_dpl_real), .section = SEGMENTS,
	  .why = "DPL is not 0 while CR0.PE is 0 or CS has the type of data" },
	{ FIELDS(VI_ES_AR, VI_GS_AR), IF(data_dpl_bad), .section = SEGMENTS,
	  .why = "DPL is below the selector's RPL" },
	{ FIELD(VI_TR_AR), IF(tr_type_bad), .section = SEGMENTS,
	  .why = "the type is not a busy TSS of the guest's mode" },
	{ FIELD(VI_LDTR_AR), IF(ldtr_type_bad), .section = SEGMENTS, .why = "the type is not LDT" },
	{ FIELDS(VI_LDTR_AR, VI_TR_AR), IF_ARG(checked_with, AR_S), .section = SEGMENTS,
	  .why = "S is 1" },
	{ FIELDS(VI_ES_AR, VI_TR_AR), IF_ARG(checked_without, AR_P), .section = SEGMENTS,
	  .why = "P is 0" },
	{ FIELDS(VI_ES_AR, VI_TR_AR), IF_ARG(checked_with, AR_RESERVED_LOW), .section = SEGMENTS,
	  .why = "bits 11:8 are not 0" },
	{ FIELD(VI_CS_AR), IF(cs_l_and_d), .section = SEGMENTS,
	  .why = "L and D are both 1 in IA-32e mode" },
	{ FIELDS(VI_ES_AR, VI_TR_AR), IF(granular_limit_bad), .section = SEGMENTS,
	  .why = "G is 1 while bits 11:0 of the limit are not all 1" },
	{ FIELDS(VI_ES_AR, VI_TR_AR), IF(byte_limit_bad), .section = SEGMENTS,
	  .why = "G is 0 while bits 31:20 of the limit are not 0" },
	{ FIELDS(VI_ES_AR, VI_TR_AR), IF_ARG(checked_with, AR_RESERVED_HIGH), .section = SEGMENTS,
	  .why = "bits 31:17 are not 0" },

	{ FIELDS(VI_GDTR_BASE, VI_IDTR_BASE), IF(vmx_not_canonical), .section = TABLES,
	  .why = "is not canonical" },
	{ FIELDS(VI_GDTR_LIMIT, VI_IDTR_LIMIT), IF_ABOVE(0xffff), .section = TABLES,
	  .why = "bits 31:16 are not 0" },

	{ FIELD(VI_RIP), IF(rip_wide), .section = RIP_FLAGS,
	  .why = "bits 63:32 are not 0 outside of 64-bit mode" },
	{ FIELD(VI_RIP), IF(rip_bad), .section = RIP_FLAGS,
	  .why = "the bits beyond the linear-address width differ" },
	{ FIELD(VI_SSP), IF_SET(3), WHEN(VI_ENTRY, ENTRY_LOAD_CET), .section = RIP_FLAGS,
	  .why = "bits 1:0 are not 0" },
	{ FIELD(VI_SSP), IF(rip_wide), WHEN(VI_ENTRY, ENTRY_LOAD_CET), .section = RIP_FLAGS,
	  .why = "bits 63:32 are not 0 outside of 64-bit mode" },
	{ FIELD(VI_SSP), IF(rip_bad), WHEN(VI_ENTRY, ENTRY_LOAD_CET), .section = RIP_FLAGS,
	  .why = "the bits beyond the linear-address width differ" },
	{ FIELD(VI_RFLAGS), IF_SET(RFLAGS_RESERVED), .section = RIP_FLAGS,
	  .why = "a reserved bit is 1" },
	{ FIELD(VI_RFLAGS), IF_NOT_SET(X86_EFLAGS_FIXED), .section = RIP_FLAGS,
	  .why = "bit 1 is 0" },
	{ FIELD(VI_RFLAGS), IF(vm_bad), .section = RIP_FLAGS,
	  .why = "VM is 1 in IA-32e mode or while CR0.PE is 0" },
	{ FIELD(VI_RFLAGS), IF(if_bad), .section = RIP_FLAGS,
	  .why = "IF is 0 while an external interrupt is injected" },

	{ FIELD(VI_ACTIVITY), IF(activity_bad), .section = NON_REGISTER,
	  .why = "this processor does not have the state" },
	{ FIELD(VI_ACTIVITY), IF(halted_user), .section = NON_REGISTER,
	  .why = "is HLT while the DPL of SS is not 0" },
	{ FIELD(VI_ACTIVITY), IF(inactive_blocked), .section = NON_REGISTER,
	  .why = "is not active while STI or MOV SS blocks" },
	{ FIELD(VI_ACTIVITY), IF(inactive_injects), .section = NON_REGISTER,
	  .why = "does not let in what is injected" },
	{ FIELD(VI_INTERRUPTIBILITY), IF_SET(~INTERRUPTIBILITY_DEFINED), .section = NON_REGISTER,
	  .why = "a reserved bit is 1" },
	{ FIELD(VI_INTERRUPTIBILITY), IF(both_blocked), .section = NON_REGISTER,
	  .why = "STI and MOV SS both block" },
	{ FIELD(VI_INTERRUPTIBILITY), IF(sti_without_if), .section = NON_REGISTER,
	  .why = "STI blocks while RFLAGS.IF is 0" },
	{ FIELD(VI_INTERRUPTIBILITY), IF_ARG(interrupt_blocked, STI_BLOCKING | MOV_SS_BLOCKING),
	  .section = NON_REGISTER, .why = "STI or MOV SS blocks the injected interrupt" },
	{ FIELD(VI_INTERRUPTIBILITY), IF_ARG(nmi_blocked, MOV_SS_BLOCKING), .section = NON_REGISTER,
	  .why = "MOV SS blocks the injected NMI" },
	{ FIELD(VI_INTERRUPTIBILITY), IF_SET(SMI_BLOCKING), .section = NON_REGISTER,
	  .why = "SMIs are blocked outside of SMM" },
	{ FIELD(VI_INTERRUPTIBILITY), IF_ARG(nmi_blocked, NMI_BLOCKING),
	  WHEN(VI_PIN, PIN_BASED_VIRTUAL_NMIS), .section = NON_REGISTER,
	  .why = "virtual NMIs are blocked while one is injected" },
	{ FIELD(VI_INTERRUPTIBILITY), IF(enclave_mov_ss), .section = NON_REGISTER,
	  .why = "MOV SS blocks while an enclave was interrupted" },
	{ FIELD(VI_INTERRUPTIBILITY), IF_ARG(nmi_blocked, STI_BLOCKING), .section = NON_REGISTER,
	  .why = "STI blocks the injected NMI, which some processors refuse" },
	{ FIELD(VI_PENDING_DEBUG), IF_SET(~PENDING_DEFINED), .section = NON_REGISTER,
	  .why = "a reserved bit is 1" },
	{ FIELD(VI_PENDING_DEBUG), IF_SET(PENDING_BLD), .section = NON_REGISTER,
	  .why = "BLD is 1, which processors without bus-lock detection refuse" },
	{ FIELD(VI_PENDING_DEBUG), IF(bs_missing), .section = NON_REGISTER,
	  .why = "BS is 0 while a single step waits" },
	{ FIELD(VI_PENDING_DEBUG), IF(bs_extra), .section = NON_REGISTER,
	  .why = "BS is 1 while no single step waits" },
	{ FIELD(VI_PENDING_DEBUG), IF(rtm_bad), .section = NON_REGISTER,
	  .why = "RTM is 1 with other conditions or without an enabled breakpoint" },
	{ FIELD(VI_INTERRUPTIBILITY), IF_SET(MOV_SS_BLOCKING), WHEN(VI_PENDING_DEBUG, PENDING_RTM),
	  .section = NON_REGISTER, .why = "MOV SS blocks while RTM is a pending debug exception" },
	{ FIELD(VI_LINK), IF(link_bad), .section = NON_REGISTER,
	  .why = "is not aligned, or beyond the physical-address width" },

	{ FIELDS(VI_PDPTE0, VI_PDPTE3), IF(pdpte_bad), .section = PDPTES,
	  .why = "a reserved bit is 1 with PAE paging" },
	{}
};
