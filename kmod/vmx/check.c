// SPDX-License-Identifier: GPL-2.0-only
/*
 * What VM entry checks: fields (SDM 3, appendix B) and capability MSRs (SDM 3, appendix A). Pure.
 */
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/vmx.h>
#include <linux/kernel.h>

#include "../rules.h"
#include "check.h"

/* Fields that asm/vmx.h does not name in each kernel. */
#define VE_INFORMATION_ADDRESS 0x202a
#define SPPT_POINTER	       0x2030
#define GUEST_IA32_PKRS	       0x2818
#define HOST_IA32_PKRS	       0x2c06
#define GUEST_IA32_S_CET       0x6828
#define GUEST_SHADOW_STACK     0x682a
#define GUEST_SSP_TABLE	       0x682c
#define HOST_IA32_S_CET	       0x6c18
#define HOST_SHADOW_STACK      0x6c1a
#define HOST_SSP_TABLE	       0x6c1c

/* IA32_VMX_BASIC: addresses have 32 bits; the TRUE capability MSRs exist (SDM 3, A.1). */
#define BASIC_32_BIT_ADDRESSES BIT_ULL(48)
#define BASIC_TRUE_CONTROLS    BIT_ULL(55)
/* IA32_VMX_TRUE_PINBASED_CTLS follows IA32_VMX_PINBASED_CTLS at this distance; likewise others. */
#define TRUE_CONTROLS (MSR_IA32_VMX_TRUE_PINBASED_CTLS - MSR_IA32_VMX_PINBASED_CTLS)

/* Where the host has things, and its registers. */
#define SECRET .secret = true

const struct check_field vmx_fields[NR_VI] = {
	[VI_PIN] = { "pin-based VM-execution controls", PIN_BASED_VM_EXEC_CONTROL },
	[VI_PRIMARY] = { "primary processor-based VM-execution controls",
			 CPU_BASED_VM_EXEC_CONTROL },
	[VI_SECONDARY] = { "secondary processor-based VM-execution controls",
			   SECONDARY_VM_EXEC_CONTROL },
	[VI_TERTIARY] = { "tertiary processor-based VM-execution controls",
			  TERTIARY_VM_EXEC_CONTROL },
	[VI_EXIT] = { "VM-exit controls", VM_EXIT_CONTROLS },
	[VI_ENTRY] = { "VM-entry controls", VM_ENTRY_CONTROLS },
	[VI_CR3_TARGETS] = { "CR3-target count", CR3_TARGET_COUNT },
	[VI_TPR_THRESHOLD] = { "TPR threshold", TPR_THRESHOLD },
	[VI_VPID] = { "VPID", VIRTUAL_PROCESSOR_ID },
	[VI_NOTIFICATION_VECTOR] = { "posted-interrupt notification vector", POSTED_INTR_NV },
	[VI_IO_BITMAP_A] = { "address of I/O bitmap A", IO_BITMAP_A, SECRET },
	[VI_IO_BITMAP_B] = { "address of I/O bitmap B", IO_BITMAP_B, SECRET },
	[VI_MSR_BITMAP] = { "address of MSR bitmaps", MSR_BITMAP, SECRET },
	[VI_VIRTUAL_APIC] = { "virtual-APIC address", VIRTUAL_APIC_PAGE_ADDR, SECRET },
	[VI_APIC_ACCESS] = { "APIC-access address", APIC_ACCESS_ADDR, SECRET },
	[VI_POSTED_DESC] = { "posted-interrupt descriptor address", POSTED_INTR_DESC_ADDR, SECRET },
	[VI_EPTP] = { "EPT pointer", EPT_POINTER, SECRET },
	[VI_PML] = { "PML address", PML_ADDRESS, SECRET },
	[VI_VMFUNC] = { "VM-function controls", VM_FUNCTION_CONTROL },
	[VI_EPTP_LIST] = { "EPTP-list address", EPTP_LIST_ADDRESS, SECRET },
	[VI_VMREAD_BITMAP] = { "VMREAD-bitmap address", VMREAD_BITMAP, SECRET },
	[VI_VMWRITE_BITMAP] = { "VMWRITE-bitmap address", VMWRITE_BITMAP, SECRET },
	[VI_VE_INFO] = { "virtualization-exception information address", VE_INFORMATION_ADDRESS,
			 SECRET },
	[VI_SPPTP] = { "sub-page-permission-table pointer", SPPT_POINTER, SECRET },
	[VI_TSC_MULTIPLIER] = { "TSC multiplier", TSC_MULTIPLIER },
	[VI_EXIT_STORE_COUNT] = { "VM-exit MSR-store count", VM_EXIT_MSR_STORE_COUNT },
	[VI_EXIT_LOAD_COUNT] = { "VM-exit MSR-load count", VM_EXIT_MSR_LOAD_COUNT },
	[VI_ENTRY_LOAD_COUNT] = { "VM-entry MSR-load count", VM_ENTRY_MSR_LOAD_COUNT },
	[VI_EXIT_STORE_ADDR] = { "VM-exit MSR-store address", VM_EXIT_MSR_STORE_ADDR, SECRET },
	[VI_EXIT_LOAD_ADDR] = { "VM-exit MSR-load address", VM_EXIT_MSR_LOAD_ADDR, SECRET },
	[VI_ENTRY_LOAD_ADDR] = { "VM-entry MSR-load address", VM_ENTRY_MSR_LOAD_ADDR, SECRET },
	[VI_INJECT] = { "VM-entry interruption-information field", VM_ENTRY_INTR_INFO_FIELD },
	[VI_INJECT_ERROR] = { "VM-entry exception error code", VM_ENTRY_EXCEPTION_ERROR_CODE },
	[VI_INJECT_LEN] = { "VM-entry instruction length", VM_ENTRY_INSTRUCTION_LEN },

	[VI_HOST_CR0] = { "host CR0", HOST_CR0, SECRET },
	[VI_HOST_CR3] = { "host CR3", HOST_CR3, SECRET },
	[VI_HOST_CR4] = { "host CR4", HOST_CR4, SECRET },
	[VI_HOST_SYSENTER_ESP] = { "host IA32_SYSENTER_ESP", HOST_IA32_SYSENTER_ESP, SECRET },
	[VI_HOST_SYSENTER_EIP] = { "host IA32_SYSENTER_EIP", HOST_IA32_SYSENTER_EIP, SECRET },
	[VI_HOST_PERF] = { "host IA32_PERF_GLOBAL_CTRL", HOST_IA32_PERF_GLOBAL_CTRL, SECRET },
	[VI_HOST_PAT] = { "host IA32_PAT", HOST_IA32_PAT, SECRET },
	[VI_HOST_EFER] = { "host IA32_EFER", HOST_IA32_EFER, SECRET },
	[VI_HOST_PKRS] = { "host IA32_PKRS", HOST_IA32_PKRS, SECRET },
	[VI_HOST_S_CET] = { "host IA32_S_CET", HOST_IA32_S_CET, SECRET },
	[VI_HOST_SSP_TABLE] = { "host IA32_INTERRUPT_SSP_TABLE_ADDR", HOST_SSP_TABLE, SECRET },
	[VI_HOST_SSP] = { "host SSP", HOST_SHADOW_STACK, SECRET },
	[VI_HOST_ES_SEL] = { "host ES selector", HOST_ES_SELECTOR, SECRET },
	[VI_HOST_CS_SEL] = { "host CS selector", HOST_CS_SELECTOR, SECRET },
	[VI_HOST_SS_SEL] = { "host SS selector", HOST_SS_SELECTOR, SECRET },
	[VI_HOST_DS_SEL] = { "host DS selector", HOST_DS_SELECTOR, SECRET },
	[VI_HOST_FS_SEL] = { "host FS selector", HOST_FS_SELECTOR, SECRET },
	[VI_HOST_GS_SEL] = { "host GS selector", HOST_GS_SELECTOR, SECRET },
	[VI_HOST_TR_SEL] = { "host TR selector", HOST_TR_SELECTOR, SECRET },
	[VI_HOST_FS_BASE] = { "host FS base", HOST_FS_BASE, SECRET },
	[VI_HOST_GS_BASE] = { "host GS base", HOST_GS_BASE, SECRET },
	[VI_HOST_TR_BASE] = { "host TR base", HOST_TR_BASE, SECRET },
	[VI_HOST_GDTR_BASE] = { "host GDTR base", HOST_GDTR_BASE, SECRET },
	[VI_HOST_IDTR_BASE] = { "host IDTR base", HOST_IDTR_BASE, SECRET },
	[VI_HOST_RIP] = { "host RIP", HOST_RIP, SECRET },

	[VI_CR0] = { "guest CR0", GUEST_CR0 },
	[VI_CR3] = { "guest CR3", GUEST_CR3 },
	[VI_CR4] = { "guest CR4", GUEST_CR4 },
	[VI_DR7] = { "guest DR7", GUEST_DR7 },
	[VI_DEBUGCTL] = { "guest IA32_DEBUGCTL", GUEST_IA32_DEBUGCTL },
	[VI_SYSENTER_ESP] = { "guest IA32_SYSENTER_ESP", GUEST_SYSENTER_ESP },
	[VI_SYSENTER_EIP] = { "guest IA32_SYSENTER_EIP", GUEST_SYSENTER_EIP },
	[VI_PERF] = { "guest IA32_PERF_GLOBAL_CTRL", GUEST_IA32_PERF_GLOBAL_CTRL },
	[VI_PAT] = { "guest IA32_PAT", GUEST_IA32_PAT },
	[VI_EFER] = { "guest IA32_EFER", GUEST_IA32_EFER },
	[VI_BNDCFGS] = { "guest IA32_BNDCFGS", GUEST_BNDCFGS },
	[VI_PKRS] = { "guest IA32_PKRS", GUEST_IA32_PKRS },
	[VI_S_CET] = { "guest IA32_S_CET", GUEST_IA32_S_CET },
	[VI_SSP_TABLE] = { "guest IA32_INTERRUPT_SSP_TABLE_ADDR", GUEST_SSP_TABLE },
	[VI_SSP] = { "guest SSP", GUEST_SHADOW_STACK },
	[VI_ES_SEL] = { "guest ES selector", GUEST_ES_SELECTOR },
	[VI_CS_SEL] = { "guest CS selector", GUEST_CS_SELECTOR },
	[VI_SS_SEL] = { "guest SS selector", GUEST_SS_SELECTOR },
	[VI_DS_SEL] = { "guest DS selector", GUEST_DS_SELECTOR },
	[VI_FS_SEL] = { "guest FS selector", GUEST_FS_SELECTOR },
	[VI_GS_SEL] = { "guest GS selector", GUEST_GS_SELECTOR },
	[VI_LDTR_SEL] = { "guest LDTR selector", GUEST_LDTR_SELECTOR },
	[VI_TR_SEL] = { "guest TR selector", GUEST_TR_SELECTOR },
	[VI_ES_BASE] = { "guest ES base", GUEST_ES_BASE },
	[VI_CS_BASE] = { "guest CS base", GUEST_CS_BASE },
	[VI_SS_BASE] = { "guest SS base", GUEST_SS_BASE },
	[VI_DS_BASE] = { "guest DS base", GUEST_DS_BASE },
	[VI_FS_BASE] = { "guest FS base", GUEST_FS_BASE },
	[VI_GS_BASE] = { "guest GS base", GUEST_GS_BASE },
	[VI_LDTR_BASE] = { "guest LDTR base", GUEST_LDTR_BASE },
	[VI_TR_BASE] = { "guest TR base", GUEST_TR_BASE },
	[VI_ES_LIMIT] = { "guest ES limit", GUEST_ES_LIMIT },
	[VI_CS_LIMIT] = { "guest CS limit", GUEST_CS_LIMIT },
	[VI_SS_LIMIT] = { "guest SS limit", GUEST_SS_LIMIT },
	[VI_DS_LIMIT] = { "guest DS limit", GUEST_DS_LIMIT },
	[VI_FS_LIMIT] = { "guest FS limit", GUEST_FS_LIMIT },
	[VI_GS_LIMIT] = { "guest GS limit", GUEST_GS_LIMIT },
	[VI_LDTR_LIMIT] = { "guest LDTR limit", GUEST_LDTR_LIMIT },
	[VI_TR_LIMIT] = { "guest TR limit", GUEST_TR_LIMIT },
	[VI_ES_AR] = { "guest ES access rights", GUEST_ES_AR_BYTES },
	[VI_CS_AR] = { "guest CS access rights", GUEST_CS_AR_BYTES },
	[VI_SS_AR] = { "guest SS access rights", GUEST_SS_AR_BYTES },
	[VI_DS_AR] = { "guest DS access rights", GUEST_DS_AR_BYTES },
	[VI_FS_AR] = { "guest FS access rights", GUEST_FS_AR_BYTES },
	[VI_GS_AR] = { "guest GS access rights", GUEST_GS_AR_BYTES },
	[VI_LDTR_AR] = { "guest LDTR access rights", GUEST_LDTR_AR_BYTES },
	[VI_TR_AR] = { "guest TR access rights", GUEST_TR_AR_BYTES },
	[VI_GDTR_BASE] = { "guest GDTR base", GUEST_GDTR_BASE },
	[VI_IDTR_BASE] = { "guest IDTR base", GUEST_IDTR_BASE },
	[VI_GDTR_LIMIT] = { "guest GDTR limit", GUEST_GDTR_LIMIT },
	[VI_IDTR_LIMIT] = { "guest IDTR limit", GUEST_IDTR_LIMIT },
	[VI_RIP] = { "guest RIP", GUEST_RIP },
	[VI_RFLAGS] = { "guest RFLAGS", GUEST_RFLAGS },
	[VI_ACTIVITY] = { "guest activity state", GUEST_ACTIVITY_STATE },
	[VI_INTERRUPTIBILITY] = { "guest interruptibility state", GUEST_INTERRUPTIBILITY_INFO },
	[VI_PENDING_DEBUG] = { "guest pending debug exceptions", GUEST_PENDING_DBG_EXCEPTIONS },
	[VI_LINK] = { "VMCS link pointer", VMCS_LINK_POINTER, SECRET },
	[VI_PDPTE0] = { "guest PDPTE0", GUEST_PDPTR0 },
	[VI_PDPTE1] = { "guest PDPTE1", GUEST_PDPTR1 },
	[VI_PDPTE2] = { "guest PDPTE2", GUEST_PDPTR2 },
	[VI_PDPTE3] = { "guest PDPTE3", GUEST_PDPTR3 },

	[VI_MSR_BASIC] = { "IA32_VMX_BASIC", MSR_IA32_VMX_BASIC },
	[VI_MSR_PIN] = { "IA32_VMX_PINBASED_CTLS", MSR_IA32_VMX_PINBASED_CTLS },
	[VI_MSR_PRIMARY] = { "IA32_VMX_PROCBASED_CTLS", MSR_IA32_VMX_PROCBASED_CTLS },
	[VI_MSR_EXIT] = { "IA32_VMX_EXIT_CTLS", MSR_IA32_VMX_EXIT_CTLS },
	[VI_MSR_ENTRY] = { "IA32_VMX_ENTRY_CTLS", MSR_IA32_VMX_ENTRY_CTLS },
	[VI_MSR_MISC] = { "IA32_VMX_MISC", MSR_IA32_VMX_MISC },
	[VI_MSR_CR0_FIXED0] = { "IA32_VMX_CR0_FIXED0", MSR_IA32_VMX_CR0_FIXED0 },
	[VI_MSR_CR0_FIXED1] = { "IA32_VMX_CR0_FIXED1", MSR_IA32_VMX_CR0_FIXED1 },
	[VI_MSR_CR4_FIXED0] = { "IA32_VMX_CR4_FIXED0", MSR_IA32_VMX_CR4_FIXED0 },
	[VI_MSR_CR4_FIXED1] = { "IA32_VMX_CR4_FIXED1", MSR_IA32_VMX_CR4_FIXED1 },
	[VI_MSR_SECONDARY] = { "IA32_VMX_PROCBASED_CTLS2", MSR_IA32_VMX_PROCBASED_CTLS2 },
	[VI_MSR_EPT_VPID] = { "IA32_VMX_EPT_VPID_CAP", MSR_IA32_VMX_EPT_VPID_CAP },
	[VI_MSR_VMFUNC] = { "IA32_VMX_VMFUNC", MSR_IA32_VMX_VMFUNC },
	[VI_MSR_TERTIARY] = { "IA32_VMX_PROCBASED_CTLS3", MSR_IA32_VMX_PROCBASED_CTLS3 },

	[VI_PHYSICAL_BITS] = { "physical-address width" },
	[VI_LINEAR_BITS] = { "linear-address width" },
	[VI_PERF_RESERVED] = { "reserved bits of IA32_PERF_GLOBAL_CTRL" },
	[VI_VTPR] = { "VTPR" },
};

/* A physical address that is not aligned (bits of @arg are set) or too wide. */
bool vmx_address_bad(const u64 *image, unsigned int field, u64 arg)
{
	unsigned int bits = image[VI_MSR_BASIC] & BASIC_32_BIT_ADDRESSES ? 32 :
									   image[VI_PHYSICAL_BITS];

	return image[field] & arg || image[field] >> bits;
}

bool vmx_cr3_bad(const u64 *image, unsigned int field, u64 arg)
{
	return !cr3_valid(image[field], image[VI_PHYSICAL_BITS]);
}

bool vmx_not_canonical(const u64 *image, unsigned int field, u64 arg)
{
	return !canonical(image[field], image[VI_LINEAR_BITS]);
}

bool vmx_tracker_bad(const u64 *image, unsigned int field, u64 arg)
{
	return !(~image[field] & VMX_S_CET_TRACKER);
}

bool vmx_pat_bad(const u64 *image, unsigned int field, u64 arg)
{
	return !pat_valid(image[field]);
}

/* The field @arg tells the bits that are reserved. */
bool vmx_field_reserved(const u64 *image, unsigned int field, u64 arg)
{
	return image[field] & image[arg];
}

/* CR0 and PE and PG in it are free in an unrestricted guest. */
static u64 cr_free(const u64 *image, unsigned int field)
{
	if (field != VI_CR0 || !(image[VI_SECONDARY] & SECONDARY_EXEC_UNRESTRICTED_GUEST))
		return 0;
	return X86_CR0_PE | X86_CR0_PG;
}

/* A bit of CR0 or CR4 is not 1 although it is in the FIXED0 MSR @arg (SDM 3, A.7 and A.8). */
bool vmx_cr_lacks(const u64 *image, unsigned int field, u64 arg)
{
	return ~image[field] & image[arg] & ~cr_free(image, field);
}

/* A bit of CR0 or CR4 is 1 although it is not in the FIXED1 MSR @arg. */
bool vmx_cr_exceeds(const u64 *image, unsigned int field, u64 arg)
{
	return image[field] & ~image[arg] & ~cr_free(image, field);
}

static u32 vmx_msr(const u64 *image, unsigned int field)
{
	u32 msr = vmx_fields[field].code;

	if (image[VI_MSR_BASIC] & BASIC_TRUE_CONTROLS && field >= VI_MSR_PIN &&
	    field <= VI_MSR_ENTRY)
		msr += TRUE_CONTROLS;
	return msr;
}

/**
 * vmx_image_fill() - bring together what VM entry checks
 * @image: NR_VI values, all of which are set
 * @source: where they come from
 *
 * Controls that are not activated count as 0 (SDM 3, 25.6.2).
 */
void vmx_image_fill(u64 *image, const struct vmx_source *source)
{
	unsigned int i;

	for (i = 0; i < NR_VI_VMCS; i++)
		image[i] = source->vmread(vmx_fields[i].code);
	for (i = NR_VI_VMCS; i < VI_END_OF_MSRS; i++)
		image[i] = source->rdmsr(vmx_msr(image, i));
	image[VI_PHYSICAL_BITS] = source->physical_bits;
	image[VI_LINEAR_BITS] = source->linear_bits;
	image[VI_PERF_RESERVED] = source->perf_reserved;
	image[VI_VTPR] = source->vtpr;
	if (!(image[VI_PRIMARY] & CPU_BASED_ACTIVATE_SECONDARY_CONTROLS))
		image[VI_SECONDARY] = 0;
	if (!(image[VI_PRIMARY] & CPU_BASED_ACTIVATE_TERTIARY_CONTROLS))
		image[VI_TERTIARY] = 0;
}

/**
 * vmx_check() - find the rules for which a VM entry is refused
 * @image: from vmx_image_fill()
 * @broken: where to put what was found
 * @max: how many of it, at most
 *
 * Return: how many are in @broken, in the order of the processor's checks.
 */
unsigned int vmx_check(const u64 *image, struct broken_rule *broken, unsigned int max)
{
	unsigned int nr;

	nr = check_rules(vmx_control_rules, vmx_fields, image, broken, max);
	nr += check_rules(vmx_host_rules, vmx_fields, image, broken + nr, max - nr);
	nr += check_rules(vmx_guest_rules, vmx_fields, image, broken + nr, max - nr);
	return nr;
}
