// SPDX-License-Identifier: GPL-2.0-only
/*
 * The checks of VM entry on controls and on the host-state area (SDM 3, 27.2). Pure.
 */
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/vmx.h>
#include <linux/kernel.h>

#include "check.h"

#define EXECUTION	 "SDM 3, 27.2.1.1"
#define EXIT		 "SDM 3, 27.2.1.2"
#define ENTRY		 "SDM 3, 27.2.1.3"
#define HOST_REGS	 "SDM 3, 27.2.2"
#define HOST_SEGS	 "SDM 3, 27.2.3"
#define HOST_SIZE	 "SDM 3, 27.2.4"

#define PAGE_OFFSET_BITS GENMASK_ULL(11, 0)
#define CR4_CET		 BIT_ULL(23)

/* Secondary controls that asm/vmx.h does not name in each kernel (SDM 3, 25.6.2). */
#define SECONDARY_VE		  BIT(18)
#define SECONDARY_SUB_PAGE_WRITES BIT(23)

/* IA32_VMX_EPT_VPID_CAP and the EPT pointer (SDM 3, A.10 and 25.6.11). */
#define EPTP_AD	      BIT_ULL(6)
#define EPTP_SHSTK    BIT_ULL(7)
#define EPTP_RESERVED GENMASK_ULL(11, 8)
#define CAP_WALK_4    BIT_ULL(6)
#define CAP_WALK_5    BIT_ULL(7)
#define CAP_UC	      BIT_ULL(8)
#define CAP_WB	      BIT_ULL(14)
#define CAP_AD	      BIT_ULL(21)
#define CAP_SHSTK     BIT_ULL(23)

/* IA32_VMX_BASIC: error codes need not fit the exception (SDM 3, A.1). */
#define BASIC_ANY_ERROR_CODE BIT_ULL(56)

#define INJECT_TYPE(info)    ((info) >> 8 & 7)
#define INJECT_ERROR	     BIT_ULL(11)
#define INJECT_VALID	     BIT_ULL(31)
#define INJECT_RESERVED	     GENMASK_ULL(30, 12)
enum {
	INJECT_RESERVED_TYPE = 1,
	INJECT_NMI,
	INJECT_EXCEPTION,
	INJECT_SOFT_INTERRUPT,
	INJECT_PRIVILEGED_SOFT,
	INJECT_SOFT_EXCEPTION,
	INJECT_OTHER
};

/* #DF, #TS, #NP, #SS, #GP, #PF, #AC: exceptions that push an error code. */
#define WITH_ERROR_CODE (BIT(8) | GENMASK(14, 10) | BIT(17))

/* The capability MSR @arg has in its low half what must be 1, in its high half what may be. */
static bool lacks(const u64 *image, unsigned int field, u64 arg)
{
	return ~image[field] & (u32)image[arg];
}

static bool exceeds(const u64 *image, unsigned int field, u64 arg)
{
	return image[field] & ~(image[arg] >> 32);
}

/* 64-bit controls have an MSR that tells what may be 1. */
static bool exceeds64(const u64 *image, unsigned int field, u64 arg)
{
	return image[field] & ~image[arg];
}

static bool is_zero(const u64 *image, unsigned int field, u64 arg)
{
	return !image[field];
}

/* Bits of @arg are set although the control that they need is not; likewise those that follow. */
static bool without_tpr_shadow(const u64 *image, unsigned int field, u64 arg)
{
	return !(image[VI_PRIMARY] & CPU_BASED_TPR_SHADOW) && image[field] & arg;
}

static bool without_ept(const u64 *image, unsigned int field, u64 arg)
{
	return !(image[VI_SECONDARY] & SECONDARY_EXEC_ENABLE_EPT) && image[field] & arg;
}

static bool without_nmi_exiting(const u64 *image, unsigned int field, u64 arg)
{
	return !(image[VI_PIN] & PIN_BASED_NMI_EXITING) && image[field] & arg;
}

static bool without_virtual_nmis(const u64 *image, unsigned int field, u64 arg)
{
	return !(image[VI_PIN] & PIN_BASED_VIRTUAL_NMIS) && image[field] & arg;
}

static bool without_timer(const u64 *image, unsigned int field, u64 arg)
{
	return !(image[VI_PIN] & PIN_BASED_VMX_PREEMPTION_TIMER) && image[field] & arg;
}

/* TPR threshold, with a TPR shadow that is not the processor's virtual-interrupt delivery. */
static bool threshold_wide(const u64 *image, unsigned int field, u64 arg)
{
	return !(image[VI_SECONDARY] & SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY) && image[field] >> 4;
}

static bool threshold_above_vtpr(const u64 *image, unsigned int field, u64 arg)
{
	if (image[VI_SECONDARY] &
	    (SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY | SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES))
		return false;
	return (image[field] & 15) > image[VI_VTPR] >> 4;
}

static bool ept_type_bad(const u64 *image, unsigned int field, u64 arg)
{
	switch (image[field] & 7) {
	case 0:
		return !(image[VI_MSR_EPT_VPID] & CAP_UC);
	case 6:
		return !(image[VI_MSR_EPT_VPID] & CAP_WB);
	default:
		return true;
	}
}

static bool ept_walk_bad(const u64 *image, unsigned int field, u64 arg)
{
	switch (image[field] >> 3 & 7) {
	case 3:
		return !(image[VI_MSR_EPT_VPID] & CAP_WALK_4);
	case 4:
		return !(image[VI_MSR_EPT_VPID] & CAP_WALK_5);
	default:
		return true;
	}
}

static bool ept_ad_missing(const u64 *image, unsigned int field, u64 arg)
{
	return image[field] & EPTP_AD && !(image[VI_MSR_EPT_VPID] & CAP_AD);
}

static bool ept_shstk_missing(const u64 *image, unsigned int field, u64 arg)
{
	return image[field] & EPTP_SHSTK && !(image[VI_MSR_EPT_VPID] & CAP_SHSTK);
}

static bool cr3_targets_many(const u64 *image, unsigned int field, u64 arg)
{
	return image[field] > (image[VI_MSR_MISC] >> 16 & 0x1ff);
}

static bool eptp_list_bad(const u64 *image, unsigned int field, u64 arg)
{
	return image[VI_VMFUNC] & VMX_VMFUNC_EPTP_SWITCHING &&
	       vmx_address_bad(image, field, PAGE_OFFSET_BITS);
}

/* How many entries an MSR area has, of 16 bytes; the counts are in the order of the addresses. */
static u64 list_count(const u64 *image, unsigned int field)
{
	return image[VI_EXIT_STORE_COUNT + (field - VI_EXIT_STORE_ADDR)];
}

static bool list_bad(const u64 *image, unsigned int field, u64 arg)
{
	return list_count(image, field) && vmx_address_bad(image, field, 15);
}

static bool list_end_bad(const u64 *image, unsigned int field, u64 arg)
{
	u64 count = (u32)list_count(image, field);
	u64 last = image[field] + count * 16 - 1;

	return count && !list_bad(image, field, 0) &&
	       (last < image[field] || last >> image[VI_PHYSICAL_BITS]);
}

/* What is injected: the rules hold if the field's valid bit is 1. */
static bool inject_type_bad(const u64 *image, unsigned int field, u64 arg)
{
	bool trap_flag = image[VI_MSR_PRIMARY] >> 32 & CPU_BASED_MONITOR_TRAP_FLAG;
	unsigned int type = INJECT_TYPE(image[field]);

	return type == INJECT_RESERVED_TYPE || (type == INJECT_OTHER && !trap_flag);
}

static bool inject_vector_bad(const u64 *image, unsigned int field, u64 arg)
{
	u8 vector = image[field];

	switch (INJECT_TYPE(image[field])) {
	case INJECT_NMI:
		return vector != 2;
	case INJECT_EXCEPTION:
		return vector > 31;
	case INJECT_OTHER:
		return vector;
	default:
		return false;
	}
}

static bool inject_protected(const u64 *image)
{
	return !(image[VI_SECONDARY] & SECONDARY_EXEC_UNRESTRICTED_GUEST) ||
	       image[VI_CR0] & X86_CR0_PE;
}

/* Whether what is injected pushes an error code; some processors leave it to software. */
static bool inject_pushes(const u64 *image, unsigned int field)
{
	u8 vector = image[field];

	return INJECT_TYPE(image[field]) == INJECT_EXCEPTION && vector < 32 &&
	       WITH_ERROR_CODE & BIT(vector);
}

static bool inject_error_extra(const u64 *image, unsigned int field, u64 arg)
{
	bool any = image[VI_MSR_BASIC] & BASIC_ANY_ERROR_CODE &&
		   INJECT_TYPE(image[field]) == INJECT_EXCEPTION;

	if (!(image[field] & INJECT_ERROR))
		return false;
	return !inject_protected(image) || !(any || inject_pushes(image, field));
}

static bool inject_error_missing(const u64 *image, unsigned int field, u64 arg)
{
	if (image[field] & INJECT_ERROR || image[VI_MSR_BASIC] & BASIC_ANY_ERROR_CODE)
		return false;
	return inject_protected(image) && inject_pushes(image, field);
}

static bool inject_length_bad(const u64 *image, unsigned int field, u64 arg)
{
	unsigned int type = INJECT_TYPE(image[VI_INJECT]);
	u64 length = image[field];

	if (type < INJECT_SOFT_INTERRUPT || type > INJECT_SOFT_EXCEPTION)
		return false;
	return length > 15 || (!length && !(image[VI_MSR_MISC] & VMX_MISC_ZERO_LEN_INS));
}

/* The row of a page's address, which is used with some control. */
#define ROW_PAGE(field, control, bits)                                                        \
	{                                                                                     \
		FIELD(field), IF_ARG(vmx_address_bad, PAGE_OFFSET_BITS), WHEN(control, bits), \
			.section = EXECUTION,                                                 \
			.why = "is not aligned, or beyond the physical-address width"         \
	}

const struct check_rule vmx_control_rules[] = {
	{ FIELD(VI_PIN), IF_ARG(lacks, VI_MSR_PIN), .section = EXECUTION,
	  .why = "a bit that must be 1 is 0" },
	{ FIELD(VI_PIN), IF_ARG(exceeds, VI_MSR_PIN), .section = EXECUTION,
	  .why = "a bit that this processor does not have is 1" },
	{ FIELD(VI_PRIMARY), IF_ARG(lacks, VI_MSR_PRIMARY), .section = EXECUTION,
	  .why = "a bit that must be 1 is 0" },
	{ FIELD(VI_PRIMARY), IF_ARG(exceeds, VI_MSR_PRIMARY), .section = EXECUTION,
	  .why = "a bit that this processor does not have is 1" },
	{ FIELD(VI_SECONDARY), IF_ARG(lacks, VI_MSR_SECONDARY), .section = EXECUTION,
	  .why = "a bit that must be 1 is 0",
	  WHEN(VI_PRIMARY, CPU_BASED_ACTIVATE_SECONDARY_CONTROLS) },
	{ FIELD(VI_SECONDARY), IF_ARG(exceeds, VI_MSR_SECONDARY), .section = EXECUTION,
	  .why = "a bit that this processor does not have is 1" },
	{ FIELD(VI_TERTIARY), IF_ARG(exceeds64, VI_MSR_TERTIARY), .section = EXECUTION,
	  .why = "a bit that this processor does not have is 1" },
	{ FIELD(VI_CR3_TARGETS), IF(cr3_targets_many), .section = EXECUTION,
	  .why = "is more than IA32_VMX_MISC allows" },
	ROW_PAGE(VI_IO_BITMAP_A, VI_PRIMARY, CPU_BASED_USE_IO_BITMAPS),
	ROW_PAGE(VI_IO_BITMAP_B, VI_PRIMARY, CPU_BASED_USE_IO_BITMAPS),
	ROW_PAGE(VI_MSR_BITMAP, VI_PRIMARY, CPU_BASED_USE_MSR_BITMAPS),
	ROW_PAGE(VI_VIRTUAL_APIC, VI_PRIMARY, CPU_BASED_TPR_SHADOW),
	{ FIELD(VI_TPR_THRESHOLD), IF(threshold_wide), WHEN(VI_PRIMARY, CPU_BASED_TPR_SHADOW),
	  .section = EXECUTION, .why = "bits 31:4 are not 0" },
	{ FIELD(VI_TPR_THRESHOLD), IF(threshold_above_vtpr), WHEN(VI_PRIMARY, CPU_BASED_TPR_SHADOW),
	  .section = EXECUTION, .why = "is above bits 7:4 of VTPR" },
	{ FIELD(VI_SECONDARY), IF_ARG(without_tpr_shadow, SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE),
	  .section = EXECUTION, .why = "virtualize x2APIC mode needs use TPR shadow" },
	{ FIELD(VI_SECONDARY), IF_ARG(without_tpr_shadow, SECONDARY_EXEC_APIC_REGISTER_VIRT),
	  .section = EXECUTION, .why = "APIC-register virtualization needs use TPR shadow" },
	{ FIELD(VI_SECONDARY), IF_ARG(without_tpr_shadow, SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY),
	  .section = EXECUTION, .why = "virtual-interrupt delivery needs use TPR shadow" },
	{ FIELD(VI_PIN), IF_ARG(without_nmi_exiting, PIN_BASED_VIRTUAL_NMIS), .section = EXECUTION,
	  .why = "virtual NMIs needs NMI exiting" },
	{ FIELD(VI_PRIMARY), IF_ARG(without_virtual_nmis, CPU_BASED_NMI_WINDOW_EXITING),
	  .section = EXECUTION, .why = "NMI-window exiting needs virtual NMIs" },
	ROW_PAGE(VI_APIC_ACCESS, VI_SECONDARY, SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES),
	{ FIELD(VI_SECONDARY), IF_SET(SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES),
	  WHEN(VI_SECONDARY, SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE), .section = EXECUTION,
	  .why = "virtualize x2APIC mode excludes virtualize APIC accesses" },
	{ FIELD(VI_PIN), IF_NOT_SET(PIN_BASED_EXT_INTR_MASK),
	  WHEN(VI_SECONDARY, SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY), .section = EXECUTION,
	  .why = "virtual-interrupt delivery needs external-interrupt exiting" },
	{ FIELD(VI_SECONDARY), IF_NOT_SET(SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY),
	  WHEN(VI_PIN, PIN_BASED_POSTED_INTR), .section = EXECUTION,
	  .why = "process posted interrupts needs virtual-interrupt delivery" },
	{ FIELD(VI_EXIT), IF_NOT_SET(VM_EXIT_ACK_INTR_ON_EXIT), WHEN(VI_PIN, PIN_BASED_POSTED_INTR),
	  .section = EXECUTION,
	  .why = "process posted interrupts needs acknowledge interrupt on exit" },
	{ FIELD(VI_NOTIFICATION_VECTOR), IF_SET(0xff00), WHEN(VI_PIN, PIN_BASED_POSTED_INTR),
	  .section = EXECUTION, .why = "bits 15:8 are not 0" },
	{ FIELD(VI_POSTED_DESC), IF_ARG(vmx_address_bad, 0x3f), WHEN(VI_PIN, PIN_BASED_POSTED_INTR),
	  .section = EXECUTION, .why = "is not aligned, or beyond the physical-address width" },
	{ FIELD(VI_VPID), IF(is_zero), WHEN(VI_SECONDARY, SECONDARY_EXEC_ENABLE_VPID),
	  .section = EXECUTION, .why = "is the host's" },
	{ FIELD(VI_EPTP), IF(ept_type_bad), WHEN(VI_SECONDARY, SECONDARY_EXEC_ENABLE_EPT),
	  .section = EXECUTION, .why = "this processor does not have its memory type" },
	{ FIELD(VI_EPTP), IF(ept_walk_bad), WHEN(VI_SECONDARY, SECONDARY_EXEC_ENABLE_EPT),
	  .section = EXECUTION, .why = "this processor does not have its page-walk length" },
	{ FIELD(VI_EPTP), IF(ept_ad_missing), WHEN(VI_SECONDARY, SECONDARY_EXEC_ENABLE_EPT),
	  .section = EXECUTION, .why = "this processor does not have accessed and dirty flags" },
	{ FIELD(VI_EPTP), IF(ept_shstk_missing), WHEN(VI_SECONDARY, SECONDARY_EXEC_ENABLE_EPT),
	  .section = EXECUTION, .why = "this processor does not have shadow-stack rights" },
	{ FIELD(VI_EPTP), IF_ARG(vmx_address_bad, EPTP_RESERVED),
	  WHEN(VI_SECONDARY, SECONDARY_EXEC_ENABLE_EPT), .section = EXECUTION,
	  .why = "a reserved bit is 1, or it is beyond the physical-address width" },
	{ FIELD(VI_SECONDARY), IF_ARG(without_ept, SECONDARY_EXEC_ENABLE_PML), .section = EXECUTION,
	  .why = "enable PML needs enable EPT" },
	ROW_PAGE(VI_PML, VI_SECONDARY, SECONDARY_EXEC_ENABLE_PML),
	{ FIELD(VI_SECONDARY), IF_ARG(without_ept, SECONDARY_EXEC_UNRESTRICTED_GUEST),
	  .section = EXECUTION, .why = "unrestricted guest needs enable EPT" },
	{ FIELD(VI_SECONDARY), IF_ARG(without_ept, SECONDARY_EXEC_MODE_BASED_EPT_EXEC),
	  .section = EXECUTION, .why = "mode-based execute control for EPT needs enable EPT" },
	{ FIELD(VI_SECONDARY), IF_ARG(without_ept, SECONDARY_SUB_PAGE_WRITES), .section = EXECUTION,
	  .why = "sub-page write permissions for EPT needs enable EPT" },
	ROW_PAGE(VI_SPPTP, VI_SECONDARY, SECONDARY_SUB_PAGE_WRITES),
	{ FIELD(VI_VMFUNC), IF_ARG(exceeds64, VI_MSR_VMFUNC),
	  WHEN(VI_SECONDARY, SECONDARY_EXEC_ENABLE_VMFUNC), .section = EXECUTION,
	  .why = "a bit that this processor does not have is 1" },
	{ FIELD(VI_VMFUNC), IF_ARG(without_ept, VMX_VMFUNC_EPTP_SWITCHING),
	  WHEN(VI_SECONDARY, SECONDARY_EXEC_ENABLE_VMFUNC), .section = EXECUTION,
	  .why = "EPTP switching needs enable EPT" },
	{ FIELD(VI_EPTP_LIST), IF(eptp_list_bad), WHEN(VI_SECONDARY, SECONDARY_EXEC_ENABLE_VMFUNC),
	  .section = EXECUTION, .why = "is not aligned, or beyond the physical-address width" },
	ROW_PAGE(VI_VMREAD_BITMAP, VI_SECONDARY, SECONDARY_EXEC_SHADOW_VMCS),
	ROW_PAGE(VI_VMWRITE_BITMAP, VI_SECONDARY, SECONDARY_EXEC_SHADOW_VMCS),
	ROW_PAGE(VI_VE_INFO, VI_SECONDARY, SECONDARY_VE),
	{ FIELD(VI_SECONDARY), IF_ARG(without_ept, SECONDARY_EXEC_PT_USE_GPA), .section = EXECUTION,
	  .why = "Intel PT uses guest physical addresses needs enable EPT" },
	{ FIELD(VI_ENTRY), IF_NOT_SET(VM_ENTRY_LOAD_IA32_RTIT_CTL),
	  WHEN(VI_SECONDARY, SECONDARY_EXEC_PT_USE_GPA), .section = EXECUTION,
	  .why = "Intel PT uses guest physical addresses needs load IA32_RTIT_CTL" },
	{ FIELD(VI_EXIT), IF_NOT_SET(VM_EXIT_CLEAR_IA32_RTIT_CTL),
	  WHEN(VI_SECONDARY, SECONDARY_EXEC_PT_USE_GPA), .section = EXECUTION,
	  .why = "Intel PT uses guest physical addresses needs clear IA32_RTIT_CTL" },
	{ FIELD(VI_TSC_MULTIPLIER), IF(is_zero), WHEN(VI_SECONDARY, SECONDARY_EXEC_TSC_SCALING),
	  .section = EXECUTION, .why = "is 0" },

	{ FIELD(VI_EXIT), IF_ARG(lacks, VI_MSR_EXIT), .section = EXIT,
	  .why = "a bit that must be 1 is 0" },
	{ FIELD(VI_EXIT), IF_ARG(exceeds, VI_MSR_EXIT), .section = EXIT,
	  .why = "a bit that this processor does not have is 1" },
	{ FIELD(VI_EXIT), IF_ARG(without_timer, VM_EXIT_SAVE_VMX_PREEMPTION_TIMER), .section = EXIT,
	  .why = "save VMX-preemption timer value needs activate VMX-preemption timer" },
	{ FIELDS(VI_EXIT_STORE_ADDR, VI_EXIT_LOAD_ADDR), IF(list_bad), .section = EXIT,
	  .why = "is not aligned, or beyond the physical-address width" },
	{ FIELDS(VI_EXIT_STORE_ADDR, VI_EXIT_LOAD_ADDR), IF(list_end_bad), .section = EXIT,
	  .why = "the area ends beyond the physical-address width" },

	{ FIELD(VI_ENTRY), IF_ARG(lacks, VI_MSR_ENTRY), .section = ENTRY,
	  .why = "a bit that must be 1 is 0" },
	{ FIELD(VI_ENTRY), IF_ARG(exceeds, VI_MSR_ENTRY), .section = ENTRY,
	  .why = "a bit that this processor does not have is 1" },
	{ FIELD(VI_INJECT), IF(inject_type_bad), WHEN(VI_INJECT, INJECT_VALID), .section = ENTRY,
	  .why = "the interruption type is reserved" },
	{ FIELD(VI_INJECT), IF(inject_vector_bad), WHEN(VI_INJECT, INJECT_VALID), .section = ENTRY,
	  .why = "the vector does not fit the interruption type" },
	{ FIELD(VI_INJECT), IF(inject_error_extra), WHEN(VI_INJECT, INJECT_VALID), .section = ENTRY,
	  .why = "an error code is delivered with what has none" },
	{ FIELD(VI_INJECT), IF(inject_error_missing), WHEN(VI_INJECT, INJECT_VALID),
	  .section = ENTRY, .why = "no error code is delivered with an exception that has one" },
	{ FIELD(VI_INJECT), IF_SET(INJECT_RESERVED), WHEN(VI_INJECT, INJECT_VALID),
	  .section = ENTRY, .why = "bits 30:12 are not 0" },
	{ FIELD(VI_INJECT_ERROR), IF_SET(GENMASK_ULL(31, 16)),
	  WHEN(VI_INJECT, INJECT_VALID | INJECT_ERROR), .section = ENTRY,
	  .why = "bits 31:16 are not 0" },
	{ FIELD(VI_INJECT_LEN), IF(inject_length_bad), WHEN(VI_INJECT, INJECT_VALID),
	  .section = ENTRY, .why = "is not that of an instruction that raises what is injected" },
	{ FIELD(VI_ENTRY_LOAD_ADDR), IF(list_bad), .section = ENTRY,
	  .why = "is not aligned, or beyond the physical-address width" },
	{ FIELD(VI_ENTRY_LOAD_ADDR), IF(list_end_bad), .section = ENTRY,
	  .why = "the area ends beyond the physical-address width" },
	{ FIELD(VI_ENTRY), IF_SET(VM_ENTRY_SMM), .section = ENTRY,
	  .why = "entry to SMM is 1 outside of SMM" },
	{ FIELD(VI_ENTRY), IF_SET(VM_ENTRY_DEACT_DUAL_MONITOR), .section = ENTRY,
	  .why = "deactivate dual-monitor treatment is 1 outside of SMM" },
	{}
};

/* VM-exit controls that asm/vmx.h does not name in each kernel (SDM 3, 25.7.1). */
#define EXIT_LOAD_CET  BIT(28)
#define EXIT_LOAD_PKRS BIT(29)

/* The host is in long mode, outside of SMM. */
#define EFER_RESERVED (~(u64)(EFER_SCE | EFER_LME | EFER_LMA | EFER_NX))

const struct check_rule vmx_host_rules[] = {
	{ FIELD(VI_HOST_CR0), IF_ARG(vmx_cr_lacks, VI_MSR_CR0_FIXED0), .section = HOST_REGS,
	  .why = "a bit that VMX operation needs is 0" },
	{ FIELD(VI_HOST_CR0), IF_ARG(vmx_cr_exceeds, VI_MSR_CR0_FIXED1), .section = HOST_REGS,
	  .why = "a bit that VMX operation excludes is 1" },
	{ FIELD(VI_HOST_CR4), IF_ARG(vmx_cr_lacks, VI_MSR_CR4_FIXED0), .section = HOST_REGS,
	  .why = "a bit that VMX operation needs is 0" },
	{ FIELD(VI_HOST_CR4), IF_ARG(vmx_cr_exceeds, VI_MSR_CR4_FIXED1), .section = HOST_REGS,
	  .why = "a bit that VMX operation excludes is 1" },
	{ FIELD(VI_HOST_CR0), IF_NOT_SET(X86_CR0_WP), WHEN(VI_HOST_CR4, CR4_CET),
	  .section = HOST_REGS, .why = "WP is 0 while CET is 1 in CR4" },
	{ FIELD(VI_HOST_CR3), IF(vmx_cr3_bad), .section = HOST_REGS,
	  .why = "is beyond the physical-address width" },
	{ FIELDS(VI_HOST_SYSENTER_ESP, VI_HOST_SYSENTER_EIP), IF(vmx_not_canonical),
	  .section = HOST_REGS, .why = "is not canonical" },
	{ FIELD(VI_HOST_PERF), IF_ARG(vmx_field_reserved, VI_PERF_RESERVED),
	  WHEN(VI_EXIT, VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL), .section = HOST_REGS,
	  .why = "a reserved bit is 1" },
	{ FIELD(VI_HOST_PAT), IF(vmx_pat_bad), WHEN(VI_EXIT, VM_EXIT_LOAD_IA32_PAT),
	  .section = HOST_REGS, .why = "a memory type is not one" },
	{ FIELD(VI_HOST_EFER), IF_SET(EFER_RESERVED), WHEN(VI_EXIT, VM_EXIT_LOAD_IA32_EFER),
	  .section = HOST_REGS, .why = "a reserved bit is 1" },
	{ FIELD(VI_HOST_EFER), IF_NOT_SET(EFER_LMA | EFER_LME),
	  WHEN(VI_EXIT, VM_EXIT_LOAD_IA32_EFER | VM_EXIT_HOST_ADDR_SPACE_SIZE),
	  .section = HOST_REGS, .why = "LMA or LME is 0 while host address-space size is 1" },
	{ FIELD(VI_HOST_PKRS), IF_SET(GENMASK_ULL(63, 32)), WHEN(VI_EXIT, EXIT_LOAD_PKRS),
	  .section = HOST_REGS, .why = "bits 63:32 are not 0" },
	{ FIELD(VI_HOST_S_CET), IF_SET(VMX_S_CET_RESERVED), WHEN(VI_EXIT, EXIT_LOAD_CET),
	  .section = HOST_REGS, .why = "a reserved bit is 1" },
	{ FIELD(VI_HOST_S_CET), IF(vmx_tracker_bad), WHEN(VI_EXIT, EXIT_LOAD_CET),
	  .section = HOST_REGS, .why = "SUPPRESS and TRACKER are both 1" },
	{ FIELDS(VI_HOST_S_CET, VI_HOST_SSP_TABLE), IF(vmx_not_canonical),
	  WHEN(VI_EXIT, EXIT_LOAD_CET), .section = HOST_REGS, .why = "is not canonical" },
	{ FIELD(VI_HOST_SSP), IF_SET(3), WHEN(VI_EXIT, EXIT_LOAD_CET), .section = HOST_REGS,
	  .why = "bits 1:0 are not 0" },
	{ FIELDS(VI_HOST_ES_SEL, VI_HOST_TR_SEL), IF_SET(7), .section = HOST_SEGS,
	  .why = "RPL or TI is not 0" },
	{ FIELD(VI_HOST_CS_SEL), IF(is_zero), .section = HOST_SEGS, .why = "is 0" },
	{ FIELD(VI_HOST_TR_SEL), IF(is_zero), .section = HOST_SEGS, .why = "is 0" },
	{ FIELDS(VI_HOST_FS_BASE, VI_HOST_IDTR_BASE), IF(vmx_not_canonical), .section = HOST_SEGS,
	  .why = "is not canonical" },
	{ FIELD(VI_EXIT), IF_NOT_SET(VM_EXIT_HOST_ADDR_SPACE_SIZE), .section = HOST_SIZE,
	  .why = "host address-space size is 0 although the host is in long mode" },
	{ FIELD(VI_HOST_CR4), IF_NOT_SET(X86_CR4_PAE), WHEN(VI_EXIT, VM_EXIT_HOST_ADDR_SPACE_SIZE),
	  .section = HOST_SIZE, .why = "PAE is 0 while host address-space size is 1" },
	{ FIELD(VI_HOST_SSP), IF(vmx_not_canonical),
	  WHEN(VI_EXIT, VM_EXIT_HOST_ADDR_SPACE_SIZE | EXIT_LOAD_CET), .section = HOST_SIZE,
	  .why = "is not canonical" },
	{ FIELD(VI_HOST_RIP), IF(vmx_not_canonical), WHEN(VI_EXIT, VM_EXIT_HOST_ADDR_SPACE_SIZE),
	  .section = HOST_SIZE, .why = "is not canonical" },
	{}
};
