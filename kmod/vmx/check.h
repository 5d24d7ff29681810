/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The checks that VM entry makes on a VMCS (SDM 3, 27.2 and 27.3). Pure.
 *
 * A caller fills an image with vmx_image_fill() from its current VMCS and lets vmx_check() look.
 */
#ifndef TENON_VMX_CHECK_H
#define TENON_VMX_CHECK_H

#include "../entry_check.h"

/**
 * enum vmx_image - what the checks look at: VMCS fields, capability MSRs, and what else counts
 *
 * Rules are about ranges of fields: the order of the enumerators matters. There are eight segment
 * registers in each group of theirs, ES, CS, SS, DS, FS, GS, LDTR, TR.
 */
enum vmx_image {
	VI_PIN,
	VI_PRIMARY,
	VI_SECONDARY,
	VI_TERTIARY,
	VI_EXIT,
	VI_ENTRY,
	VI_CR3_TARGETS,
	VI_TPR_THRESHOLD,
	VI_VPID,
	VI_NOTIFICATION_VECTOR,
	VI_IO_BITMAP_A,
	VI_IO_BITMAP_B,
	VI_MSR_BITMAP,
	VI_VIRTUAL_APIC,
	VI_APIC_ACCESS,
	VI_POSTED_DESC,
	VI_EPTP,
	VI_PML,
	VI_VMFUNC,
	VI_EPTP_LIST,
	VI_VMREAD_BITMAP,
	VI_VMWRITE_BITMAP,
	VI_VE_INFO,
	VI_SPPTP,
	VI_TSC_MULTIPLIER,
	VI_EXIT_STORE_COUNT,
	VI_EXIT_LOAD_COUNT,
	VI_ENTRY_LOAD_COUNT,
	VI_EXIT_STORE_ADDR,
	VI_EXIT_LOAD_ADDR,
	VI_ENTRY_LOAD_ADDR,
	VI_INJECT,
	VI_INJECT_ERROR,
	VI_INJECT_LEN,

	VI_HOST_CR0,
	VI_HOST_CR3,
	VI_HOST_CR4,
	VI_HOST_SYSENTER_ESP,
	VI_HOST_SYSENTER_EIP,
	VI_HOST_PERF,
	VI_HOST_PAT,
	VI_HOST_EFER,
	VI_HOST_PKRS,
	VI_HOST_S_CET,
	VI_HOST_SSP_TABLE,
	VI_HOST_SSP,
	VI_HOST_ES_SEL,
	VI_HOST_CS_SEL,
	VI_HOST_SS_SEL,
	VI_HOST_DS_SEL,
	VI_HOST_FS_SEL,
	VI_HOST_GS_SEL,
	VI_HOST_TR_SEL,
	VI_HOST_FS_BASE,
	VI_HOST_GS_BASE,
	VI_HOST_TR_BASE,
	VI_HOST_GDTR_BASE,
	VI_HOST_IDTR_BASE,
	VI_HOST_RIP,

	VI_CR0,
	VI_CR3,
	VI_CR4,
	VI_DR7,
	VI_DEBUGCTL,
	VI_SYSENTER_ESP,
	VI_SYSENTER_EIP,
	VI_PERF,
	VI_PAT,
	VI_EFER,
	VI_BNDCFGS,
	VI_PKRS,
	VI_S_CET,
	VI_SSP_TABLE,
	VI_SSP,
	VI_ES_SEL,
	VI_CS_SEL,
	VI_SS_SEL,
	VI_DS_SEL,
	VI_FS_SEL,
	VI_GS_SEL,
	VI_LDTR_SEL,
	VI_TR_SEL,
	VI_ES_BASE,
	VI_CS_BASE,
	VI_SS_BASE,
	VI_DS_BASE,
	VI_FS_BASE,
	VI_GS_BASE,
	VI_LDTR_BASE,
	VI_TR_BASE,
	VI_ES_LIMIT,
	VI_CS_LIMIT,
	VI_SS_LIMIT,
	VI_DS_LIMIT,
	VI_FS_LIMIT,
	VI_GS_LIMIT,
	VI_LDTR_LIMIT,
	VI_TR_LIMIT,
	VI_ES_AR,
	VI_CS_AR,
	VI_SS_AR,
	VI_DS_AR,
	VI_FS_AR,
	VI_GS_AR,
	VI_LDTR_AR,
	VI_TR_AR,
	VI_GDTR_BASE,
	VI_IDTR_BASE,
	VI_GDTR_LIMIT,
	VI_IDTR_LIMIT,
	VI_RIP,
	VI_RFLAGS,
	VI_ACTIVITY,
	VI_INTERRUPTIBILITY,
	VI_PENDING_DEBUG,
	VI_LINK,
	VI_PDPTE0,
	VI_PDPTE1,
	VI_PDPTE2,
	VI_PDPTE3,
	NR_VI_VMCS,

	VI_MSR_BASIC = NR_VI_VMCS,
	VI_MSR_PIN,
	VI_MSR_PRIMARY,
	VI_MSR_EXIT,
	VI_MSR_ENTRY,
	VI_MSR_MISC,
	VI_MSR_CR0_FIXED0,
	VI_MSR_CR0_FIXED1,
	VI_MSR_CR4_FIXED0,
	VI_MSR_CR4_FIXED1,
	VI_MSR_SECONDARY,
	VI_MSR_EPT_VPID,
	VI_MSR_VMFUNC,
	VI_MSR_TERTIARY,
	VI_END_OF_MSRS,

	VI_PHYSICAL_BITS = VI_END_OF_MSRS,
	VI_LINEAR_BITS,
	VI_PERF_RESERVED,
	VI_VTPR,
	NR_VI
};

/**
 * struct vmx_source - where an image's values come from
 * @vmread: a field of the current VMCS by its encoding (SDM 3, appendix B); 0 if this processor
 *	does not have it. Of a 64-bit field the full one is asked for
 * @rdmsr: an MSR; 0 if this processor does not have it
 * @physical_bits: MAXPHYADDR
 * @linear_bits: width of linear addresses that this processor has: 48 or 57
 * @perf_reserved: bits that IA32_PERF_GLOBAL_CTRL does not have
 * @vtpr: byte 80h of the virtual-APIC page; 0 if there is none
 */
struct vmx_source {
	u64 (*vmread)(u32 encoding);
	u64 (*rdmsr)(u32 index);
	u8 physical_bits;
	u8 linear_bits;
	u64 perf_reserved;
	u8 vtpr;
};

extern const struct check_field vmx_fields[NR_VI];
/* In the order in which a processor checks: controls, host state, guest state. */
extern const struct check_rule vmx_control_rules[];
extern const struct check_rule vmx_host_rules[];
extern const struct check_rule vmx_guest_rules[];

/* IA32_S_CET's bits that are reserved, SUPPRESS and TRACKER (SDM 1, chapter 17). */
#define VMX_S_CET_RESERVED GENMASK_ULL(9, 6)
#define VMX_S_CET_TRACKER  GENMASK_ULL(11, 10)

/* Shared by the tables. */
bool vmx_address_bad(const u64 *image, unsigned int field, u64 arg);
bool vmx_cr3_bad(const u64 *image, unsigned int field, u64 arg);
bool vmx_not_canonical(const u64 *image, unsigned int field, u64 arg);
bool vmx_tracker_bad(const u64 *image, unsigned int field, u64 arg);
bool vmx_pat_bad(const u64 *image, unsigned int field, u64 arg);
bool vmx_field_reserved(const u64 *image, unsigned int field, u64 arg);
bool vmx_cr_lacks(const u64 *image, unsigned int field, u64 arg);
bool vmx_cr_exceeds(const u64 *image, unsigned int field, u64 arg);

/* Fill @image, of NR_VI values. About 130 VMREADs: only for a refused entry. */
void vmx_image_fill(u64 *image, const struct vmx_source *source);

/* The rules that @image breaks; see check_rules(). */
unsigned int vmx_check(const u64 *image, struct broken_rule *broken, unsigned int max);

#endif
