// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmod/vmx/check*.c: each check of VM entry, broken alone.
 */
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/vmx.h>

#include "check_cases.h"
#include "vmx/check.h"

#define ALL_ALLOWED   0xffffffff00000000ull
#define EPT_AND_UG    (SECONDARY_EXEC_ENABLE_EPT | SECONDARY_EXEC_UNRESTRICTED_GUEST)
#define UG	      SECONDARY_EXEC_UNRESTRICTED_GUEST
#define PAT	      0x0007040600070406ull
#define KERNEL	      0xffffffff81000000ull
#define NOT_CANONICAL BIT_ULL(62)
#define TOO_HIGH      BIT_ULL(40)
#define AR_RPL1	      0x20
#define CET	      BIT_ULL(23)

/* What is injected. */
#define INTERRUPT     0x80000041
#define NMI	      0x80000202
#define GP_FAULT      0x80000b0d
#define MACHINE_CHECK 0x80000312
#define DELIVER_CODE  0x800

/* Good guests. */
enum {
	LONG, /* 64-bit mode, unrestricted */
	STRICT, /* 64-bit mode, not unrestricted */
	PAE, /* protected mode with PAE paging */
	REAL, /* real mode; CS is data, as in real mode's big brother */
	V86, /* virtual-8086 mode, not unrestricted */
	NR_BASES
};

static const u64 controls[NR_VI] = {
	[VI_PIN] = 0x7f,
	[VI_PRIMARY] = 0x0401e172 | CPU_BASED_ACTIVATE_SECONDARY_CONTROLS |
		       CPU_BASED_USE_MSR_BITMAPS | CPU_BASED_USE_IO_BITMAPS | CPU_BASED_TPR_SHADOW,
	[VI_SECONDARY] = EPT_AND_UG | SECONDARY_EXEC_ENABLE_VPID,
	[VI_EXIT] = 0x36dff | VM_EXIT_HOST_ADDR_SPACE_SIZE | VM_EXIT_ACK_INTR_ON_EXIT |
		    VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL | VM_EXIT_LOAD_IA32_PAT |
		    VM_EXIT_LOAD_IA32_EFER,
	[VI_ENTRY] = 0x11ff | VM_ENTRY_IA32E_MODE | VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL |
		     VM_ENTRY_LOAD_IA32_PAT | VM_ENTRY_LOAD_IA32_EFER | VM_ENTRY_LOAD_BNDCFGS,
	[VI_CR3_TARGETS] = 4,
	[VI_VPID] = 1,
	[VI_IO_BITMAP_A] = 0x1000,
	[VI_IO_BITMAP_B] = 0x2000,
	[VI_MSR_BITMAP] = 0x3000,
	[VI_VIRTUAL_APIC] = 0x4000,
	[VI_EPTP] = 0xfffffff000 | 0x5e,
	[VI_TSC_MULTIPLIER] = 1,
	[VI_VMFUNC] = 0,

	[VI_HOST_CR0] = 0x80050033,
	[VI_HOST_CR3] = 0xfffffff000,
	[VI_HOST_CR4] = 0x26a0,
	[VI_HOST_SYSENTER_ESP] = KERNEL,
	[VI_HOST_SYSENTER_EIP] = KERNEL,
	[VI_HOST_PERF] = 0x70000000f,
	[VI_HOST_PAT] = PAT,
	[VI_HOST_EFER] = 0xd01,
	[VI_HOST_CS_SEL] = 0x10,
	[VI_HOST_SS_SEL] = 0x18,
	[VI_HOST_TR_SEL] = 0x40,
	[VI_HOST_FS_BASE] = 0x7ffff7d00000,
	[VI_HOST_GS_BASE] = KERNEL,
	[VI_HOST_TR_BASE] = KERNEL,
	[VI_HOST_GDTR_BASE] = KERNEL,
	[VI_HOST_IDTR_BASE] = KERNEL,
	[VI_HOST_RIP] = KERNEL,

	[VI_LINK] = ~0ull,

	[VI_MSR_PIN] = 0xff00000016,
	[VI_MSR_PRIMARY] = ALL_ALLOWED | 0x0401e172,
	[VI_MSR_EXIT] = ALL_ALLOWED | 0x36dff,
	[VI_MSR_ENTRY] = ALL_ALLOWED | 0x11ff,
	[VI_MSR_MISC] = 0x401c0,
	[VI_MSR_CR0_FIXED0] = 0x80000021,
	[VI_MSR_CR0_FIXED1] = 0xffffffff,
	[VI_MSR_CR4_FIXED0] = 0x2000,
	[VI_MSR_CR4_FIXED1] = 0xffffff,
	[VI_MSR_SECONDARY] = ALL_ALLOWED,
	[VI_MSR_EPT_VPID] = 0x204140,
	[VI_MSR_VMFUNC] = 1,

	[VI_PHYSICAL_BITS] = 40,
	[VI_LINEAR_BITS] = 48,
	[VI_PERF_RESERVED] = ~0x70000000full,
};

/* ES to GS. */
static void segments(u64 *image, u16 selector, u64 base, u32 limit, u32 rights, u32 code)
{
	unsigned int i;

	for (i = 0; i < 6; i++) {
		image[VI_ES_SEL + i] = selector;
		image[VI_ES_BASE + i] = base;
		image[VI_ES_LIMIT + i] = limit;
		image[VI_ES_AR + i] = rights;
	}
	image[VI_CS_AR] = code;
	image[VI_LDTR_SEL] = 0x20;
	image[VI_LDTR_LIMIT] = 0xff;
	image[VI_LDTR_AR] = 0x82;
	image[VI_TR_SEL] = 0x28;
	image[VI_TR_LIMIT] = 0x67;
	image[VI_TR_AR] = 0x8b;
}

static void long_guest(u64 *image)
{
	image[VI_CR0] = 0x80050033;
	image[VI_CR3] = 0x1000;
	image[VI_CR4] = 0x26a0;
	image[VI_DR7] = 0x400;
	image[VI_SYSENTER_ESP] = KERNEL;
	image[VI_PERF] = 3;
	image[VI_PAT] = PAT;
	image[VI_EFER] = 0xd01;
	image[VI_GDTR_BASE] = KERNEL;
	image[VI_GDTR_LIMIT] = 0x7f;
	image[VI_IDTR_BASE] = KERNEL;
	image[VI_IDTR_LIMIT] = 0xfff;
	image[VI_RIP] = KERNEL;
	image[VI_RFLAGS] = 0x202;
	segments(image, 0x10, 0, ~0u, 0xc093, 0xa09b);
	image[VI_FS_BASE] = 0x7ffff7d00000;
	image[VI_GS_BASE] = KERNEL;
	image[VI_TR_BASE] = KERNEL;
	image[VI_LDTR_BASE] = KERNEL;
}

static void legacy_guest(u64 *image, u64 cr0, u64 cr4)
{
	image[VI_ENTRY] &= ~(u64)VM_ENTRY_IA32E_MODE;
	image[VI_CR0] = cr0;
	image[VI_CR4] = cr4;
	image[VI_EFER] = 0;
	image[VI_RIP] = 0x1000;
	image[VI_GS_BASE] = 0;
	image[VI_FS_BASE] = 0;
}

static void make(u64 *image, int base)
{
	memcpy(image, controls, sizeof(controls));
	long_guest(image);
	if (base == STRICT || base == V86)
		image[VI_SECONDARY] &= ~(u64)UG;
	switch (base) {
	case PAE:
		legacy_guest(image, 0x80000031, 0x2020);
		segments(image, 0x10, 0, ~0u, 0xc093, 0xc09b);
		image[VI_PDPTE0] = 0x1001;
		image[VI_PDPTE1] = ~1ull; /* not present */
		break;
	case REAL:
		legacy_guest(image, 0x30, 0x2000);
		segments(image, 0xf000, 0xffff0000, 0xffff, 0x93, 0x93);
		break;
	case V86:
		legacy_guest(image, 0x80000031, 0x2000);
		segments(image, 0x1234, 0x12340, 0xffff, 0xf3, 0xf3);
		image[VI_RFLAGS] |= X86_EFLAGS_VM;
		break;
	}
}

#define UNAVAILABLE "a bit that this processor does not have is 1"
#define MISSING	    "a bit that must be 1 is 0"
#define BAD_ADDRESS "is not aligned, or beyond the physical-address width"

static const struct check_case control_cases[] = {
	{ LONG, VI_PIN, MISSING, { CLEAR(VI_PIN, 2) } },
	{ LONG, VI_PIN, UNAVAILABLE, { SET(VI_PIN, 0x100) } },
	{ LONG, VI_PRIMARY, MISSING, { CLEAR(VI_PRIMARY, 2) } },
	{ LONG, VI_PRIMARY, UNAVAILABLE, { CLEAR(VI_MSR_PRIMARY, 1ull << 60) } },
	{ LONG, VI_SECONDARY, MISSING, { SET(VI_MSR_SECONDARY, 4) } },
	{ LONG, VI_SECONDARY, UNAVAILABLE, { CLEAR(VI_MSR_SECONDARY, 1ull << 37) } },
	{ LONG, VI_TERTIARY, UNAVAILABLE, { SET(VI_TERTIARY, 1ull << 63) } },
	{ LONG, VI_CR3_TARGETS, "is more than IA32_VMX_MISC allows", { VALUE(VI_CR3_TARGETS, 5) } },
	{ LONG, VI_IO_BITMAP_A, BAD_ADDRESS, { SET(VI_IO_BITMAP_A, 1) } },
	{ LONG, VI_IO_BITMAP_B, BAD_ADDRESS, { SET(VI_IO_BITMAP_B, TOO_HIGH) } },
	{ LONG, VI_MSR_BITMAP, BAD_ADDRESS, { SET(VI_MSR_BITMAP, 0x800) } },
	{ LONG, VI_VIRTUAL_APIC, BAD_ADDRESS, { SET(VI_VIRTUAL_APIC, TOO_HIGH) } },
	{ LONG, VI_TPR_THRESHOLD, "bits 31:4 are not 0", { VALUE(VI_TPR_THRESHOLD, 0x10) } },
	{ LONG,
	  VI_TPR_THRESHOLD,
	  "is above bits 7:4 of VTPR",
	  { VALUE(VI_TPR_THRESHOLD, 5), VALUE(VI_VTPR, 0x4f) } },
	{ LONG,
	  VI_SECONDARY,
	  "virtualize x2APIC mode needs use TPR shadow",
	  { CLEAR(VI_PRIMARY, CPU_BASED_TPR_SHADOW),
	    SET(VI_SECONDARY, SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE) } },
	{ LONG,
	  VI_SECONDARY,
	  "APIC-register virtualization needs use TPR shadow",
	  { CLEAR(VI_PRIMARY, CPU_BASED_TPR_SHADOW),
	    SET(VI_SECONDARY, SECONDARY_EXEC_APIC_REGISTER_VIRT) } },
	{ LONG,
	  VI_SECONDARY,
	  "virtual-interrupt delivery needs use TPR shadow",
	  { CLEAR(VI_PRIMARY, CPU_BASED_TPR_SHADOW),
	    SET(VI_SECONDARY, SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY) } },
	{ LONG, VI_PIN, "virtual NMIs needs NMI exiting", { CLEAR(VI_PIN, 8) } },
	{ LONG,
	  VI_PRIMARY,
	  "NMI-window exiting needs virtual NMIs",
	  { CLEAR(VI_PIN, PIN_BASED_VIRTUAL_NMIS),
	    SET(VI_PRIMARY, CPU_BASED_NMI_WINDOW_EXITING) } },
	{ LONG,
	  VI_APIC_ACCESS,
	  BAD_ADDRESS,
	  { SET(VI_SECONDARY, SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES), SET(VI_APIC_ACCESS, 8) } },
	{ LONG,
	  VI_SECONDARY,
	  "virtualize x2APIC mode excludes virtualize APIC accesses",
	  { SET(VI_SECONDARY, SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES |
				      SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE) } },
	{ LONG,
	  VI_PIN,
	  "virtual-interrupt delivery needs external-interrupt exiting",
	  { CLEAR(VI_PIN, PIN_BASED_EXT_INTR_MASK),
	    SET(VI_SECONDARY, SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY) } },
	{ LONG,
	  VI_SECONDARY,
	  "process posted interrupts needs virtual-interrupt delivery",
	  { SET(VI_PIN, PIN_BASED_POSTED_INTR) } },
	{ LONG,
	  VI_EXIT,
	  "process posted interrupts needs acknowledge interrupt on exit",
	  { SET(VI_PIN, PIN_BASED_POSTED_INTR), CLEAR(VI_EXIT, VM_EXIT_ACK_INTR_ON_EXIT),
	    SET(VI_SECONDARY, SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY) } },
	{ LONG,
	  VI_NOTIFICATION_VECTOR,
	  "bits 15:8 are not 0",
	  { SET(VI_PIN, PIN_BASED_POSTED_INTR), VALUE(VI_NOTIFICATION_VECTOR, 0x1f2),
	    SET(VI_SECONDARY, SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY) } },
	{ LONG,
	  VI_POSTED_DESC,
	  BAD_ADDRESS,
	  { SET(VI_PIN, PIN_BASED_POSTED_INTR), VALUE(VI_POSTED_DESC, 0x20),
	    SET(VI_SECONDARY, SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY) } },
	{ LONG, VI_VPID, "is the host's", { VALUE(VI_VPID, 0) } },
	{ LONG, VI_EPTP, "this processor does not have its memory type", { SET(VI_EPTP, 1) } },
	{ LONG,
	  VI_EPTP,
	  "this processor does not have its memory type",
	  { CLEAR(VI_EPTP, 6), CLEAR(VI_MSR_EPT_VPID, 1 << 8) } },
	{ LONG,
	  VI_EPTP,
	  "this processor does not have its memory type",
	  { CLEAR(VI_MSR_EPT_VPID, 1 << 14) } },
	{ LONG,
	  VI_EPTP,
	  "this processor does not have its page-walk length",
	  { CLEAR(VI_EPTP, 8) } },
	{ LONG,
	  VI_EPTP,
	  "this processor does not have its page-walk length",
	  { CLEAR(VI_EPTP, 0x38), SET(VI_EPTP, 0x20) } },
	{ LONG,
	  VI_EPTP,
	  "this processor does not have accessed and dirty flags",
	  { CLEAR(VI_MSR_EPT_VPID, 1 << 21) } },
	{ LONG,
	  VI_EPTP,
	  "this processor does not have shadow-stack rights",
	  { SET(VI_EPTP, 0x80) } },
	{ LONG,
	  VI_EPTP,
	  "a reserved bit is 1, or it is beyond the physical-address width",
	  { SET(VI_EPTP, 0x100) } },
	{ LONG,
	  VI_EPTP,
	  "a reserved bit is 1, or it is beyond the physical-address width",
	  { SET(VI_EPTP, TOO_HIGH) } },
	{ LONG,
	  VI_SECONDARY,
	  "enable PML needs enable EPT",
	  { CLEAR(VI_SECONDARY, EPT_AND_UG), SET(VI_SECONDARY, SECONDARY_EXEC_ENABLE_PML) } },
	{ LONG,
	  VI_PML,
	  BAD_ADDRESS,
	  { SET(VI_SECONDARY, SECONDARY_EXEC_ENABLE_PML), VALUE(VI_PML, 0x1001) } },
	{ LONG,
	  VI_SECONDARY,
	  "unrestricted guest needs enable EPT",
	  { CLEAR(VI_SECONDARY, SECONDARY_EXEC_ENABLE_EPT) } },
	{ LONG,
	  VI_SECONDARY,
	  "mode-based execute control for EPT needs enable EPT",
	  { CLEAR(VI_SECONDARY, EPT_AND_UG),
	    SET(VI_SECONDARY, SECONDARY_EXEC_MODE_BASED_EPT_EXEC) } },
	{ LONG,
	  VI_SECONDARY,
	  "sub-page write permissions for EPT needs enable EPT",
	  { CLEAR(VI_SECONDARY, EPT_AND_UG), SET(VI_SECONDARY, 1 << 23) } },
	{ LONG, VI_SPPTP, BAD_ADDRESS, { SET(VI_SECONDARY, 1 << 23), SET(VI_SPPTP, TOO_HIGH) } },
	{ LONG,
	  VI_VMFUNC,
	  UNAVAILABLE,
	  { SET(VI_SECONDARY, SECONDARY_EXEC_ENABLE_VMFUNC), VALUE(VI_VMFUNC, 2) } },
	{ LONG,
	  VI_VMFUNC,
	  "EPTP switching needs enable EPT",
	  { CLEAR(VI_SECONDARY, EPT_AND_UG), SET(VI_SECONDARY, SECONDARY_EXEC_ENABLE_VMFUNC),
	    VALUE(VI_VMFUNC, 1) } },
	{ LONG,
	  VI_EPTP_LIST,
	  BAD_ADDRESS,
	  { SET(VI_SECONDARY, SECONDARY_EXEC_ENABLE_VMFUNC), VALUE(VI_VMFUNC, 1),
	    VALUE(VI_EPTP_LIST, 0x10) } },
	{ LONG,
	  VI_VMREAD_BITMAP,
	  BAD_ADDRESS,
	  { SET(VI_SECONDARY, SECONDARY_EXEC_SHADOW_VMCS), VALUE(VI_VMREAD_BITMAP, 1) } },
	{ LONG,
	  VI_VMWRITE_BITMAP,
	  BAD_ADDRESS,
	  { SET(VI_SECONDARY, SECONDARY_EXEC_SHADOW_VMCS), VALUE(VI_VMWRITE_BITMAP, 1) } },
	{ LONG, VI_VE_INFO, BAD_ADDRESS, { SET(VI_SECONDARY, 1 << 18), VALUE(VI_VE_INFO, 1) } },
	{ LONG,
	  VI_SECONDARY,
	  "Intel PT uses guest physical addresses needs enable EPT",
	  { CLEAR(VI_SECONDARY, EPT_AND_UG), SET(VI_SECONDARY, SECONDARY_EXEC_PT_USE_GPA),
	    SET(VI_ENTRY, VM_ENTRY_LOAD_IA32_RTIT_CTL),
	    SET(VI_EXIT, VM_EXIT_CLEAR_IA32_RTIT_CTL) } },
	{ LONG,
	  VI_ENTRY,
	  "Intel PT uses guest physical addresses needs load IA32_RTIT_CTL",
	  { SET(VI_SECONDARY, SECONDARY_EXEC_PT_USE_GPA),
	    SET(VI_EXIT, VM_EXIT_CLEAR_IA32_RTIT_CTL) } },
	{ LONG,
	  VI_EXIT,
	  "Intel PT uses guest physical addresses needs clear IA32_RTIT_CTL",
	  { SET(VI_SECONDARY, SECONDARY_EXEC_PT_USE_GPA),
	    SET(VI_ENTRY, VM_ENTRY_LOAD_IA32_RTIT_CTL) } },
	{ LONG,
	  VI_TSC_MULTIPLIER,
	  "is 0",
	  { SET(VI_SECONDARY, SECONDARY_EXEC_TSC_SCALING), VALUE(VI_TSC_MULTIPLIER, 0) } },

	{ LONG, VI_EXIT, MISSING, { CLEAR(VI_EXIT, 1) } },
	{ LONG, VI_EXIT, UNAVAILABLE, { CLEAR(VI_MSR_EXIT, 1ull << 51) } },
	{ LONG,
	  VI_EXIT,
	  "save VMX-preemption timer value needs activate VMX-preemption timer",
	  { CLEAR(VI_PIN, PIN_BASED_VMX_PREEMPTION_TIMER),
	    SET(VI_EXIT, VM_EXIT_SAVE_VMX_PREEMPTION_TIMER) } },
	{ LONG,
	  VI_EXIT_STORE_ADDR,
	  BAD_ADDRESS,
	  { VALUE(VI_EXIT_STORE_COUNT, 1), VALUE(VI_EXIT_STORE_ADDR, 8) } },
	{ LONG,
	  VI_EXIT_LOAD_ADDR,
	  BAD_ADDRESS,
	  { VALUE(VI_EXIT_LOAD_COUNT, 1), VALUE(VI_EXIT_LOAD_ADDR, TOO_HIGH) } },
	{ LONG,
	  VI_EXIT_STORE_ADDR,
	  "the area ends beyond the physical-address width",
	  { VALUE(VI_EXIT_STORE_COUNT, 2), VALUE(VI_EXIT_STORE_ADDR, TOO_HIGH - 16) } },

	{ LONG, VI_ENTRY, MISSING, { CLEAR(VI_ENTRY, 1) } },
	{ LONG, VI_ENTRY, UNAVAILABLE, { CLEAR(VI_MSR_ENTRY, 1ull << 47) } },
	{ LONG, VI_INJECT, "the interruption type is reserved", { VALUE(VI_INJECT, 0x80000120) } },
	{ LONG,
	  VI_INJECT,
	  "the interruption type is reserved",
	  { VALUE(VI_INJECT, 0x80000700), CLEAR(VI_MSR_PRIMARY, 1ull << 59) } },
	{ LONG,
	  VI_INJECT,
	  "the vector does not fit the interruption type",
	  { VALUE(VI_INJECT, 0x80000203) } },
	{ LONG,
	  VI_INJECT,
	  "the vector does not fit the interruption type",
	  { VALUE(VI_INJECT, 0x80000320) } },
	{ LONG,
	  VI_INJECT,
	  "the vector does not fit the interruption type",
	  { VALUE(VI_INJECT, 0x80000701) } },
	{ LONG,
	  VI_INJECT,
	  "an error code is delivered with what has none",
	  { VALUE(VI_INJECT, 0x80000b06) } },
	{ LONG,
	  VI_INJECT,
	  "an error code is delivered with what has none",
	  { VALUE(VI_INJECT, INTERRUPT | DELIVER_CODE), SET(VI_MSR_BASIC, 1ull << 56) } },
	{ REAL,
	  VI_INJECT,
	  "an error code is delivered with what has none",
	  { VALUE(VI_INJECT, GP_FAULT) } },
	{ LONG,
	  VI_INJECT,
	  "no error code is delivered with an exception that has one",
	  { VALUE(VI_INJECT, 0x8000030d) } },
	{ LONG, VI_INJECT, "bits 30:12 are not 0", { VALUE(VI_INJECT, INTERRUPT | 0x1000) } },
	{ LONG,
	  VI_INJECT_ERROR,
	  "bits 31:16 are not 0",
	  { VALUE(VI_INJECT, GP_FAULT), VALUE(VI_INJECT_ERROR, 0x10000) } },
	{ LONG,
	  VI_INJECT_LEN,
	  "is not that of an instruction that raises what is injected",
	  { VALUE(VI_INJECT, 0x80000480), VALUE(VI_INJECT_LEN, 16) } },
	{ LONG,
	  VI_INJECT_LEN,
	  "is not that of an instruction that raises what is injected",
	  { VALUE(VI_INJECT, 0x80000603), VALUE(VI_INJECT_LEN, 0) } },
	{ LONG,
	  VI_ENTRY_LOAD_ADDR,
	  BAD_ADDRESS,
	  { VALUE(VI_ENTRY_LOAD_COUNT, 1), VALUE(VI_ENTRY_LOAD_ADDR, 4) } },
	{ LONG,
	  VI_ENTRY_LOAD_ADDR,
	  "the area ends beyond the physical-address width",
	  { VALUE(VI_ENTRY_LOAD_COUNT, 0xffffffff), VALUE(VI_ENTRY_LOAD_ADDR, TOO_HIGH - 64) } },
	{ LONG, VI_ENTRY, "entry to SMM is 1 outside of SMM", { SET(VI_ENTRY, VM_ENTRY_SMM) } },
	{ LONG,
	  VI_ENTRY,
	  "deactivate dual-monitor treatment is 1 outside of SMM",
	  { SET(VI_ENTRY, VM_ENTRY_DEACT_DUAL_MONITOR) } },
};

#define NEEDED	 "a bit that VMX operation needs is 0"
#define EXCLUDED "a bit that VMX operation excludes is 1"
#define RESERVED "a reserved bit is 1"

static const struct check_case host_cases[] = {
	{ LONG, VI_HOST_CR0, NEEDED, { CLEAR(VI_HOST_CR0, X86_CR0_NE) } },
	{ LONG, VI_HOST_CR0, NEEDED, { CLEAR(VI_HOST_CR0, X86_CR0_PE) } },
	{ LONG, VI_HOST_CR0, EXCLUDED, { SET(VI_HOST_CR0, 1ull << 32) } },
	{ LONG, VI_HOST_CR4, NEEDED, { CLEAR(VI_HOST_CR4, X86_CR4_VMXE) } },
	{ LONG, VI_HOST_CR4, EXCLUDED, { SET(VI_HOST_CR4, 1 << 24) } },
	{ LONG,
	  VI_HOST_CR0,
	  "WP is 0 while CET is 1 in CR4",
	  { CLEAR(VI_HOST_CR0, X86_CR0_WP), SET(VI_HOST_CR4, CET) } },
	{ LONG,
	  VI_HOST_CR3,
	  "is beyond the physical-address width",
	  { SET(VI_HOST_CR3, TOO_HIGH) } },
	{ LONG,
	  VI_HOST_SYSENTER_EIP,
	  "is not canonical",
	  { VALUE(VI_HOST_SYSENTER_EIP, NOT_CANONICAL) } },
	{ LONG, VI_HOST_PERF, RESERVED, { SET(VI_HOST_PERF, 1ull << 63) } },
	{ LONG, VI_HOST_PAT, "a memory type is not one", { VALUE(VI_HOST_PAT, 3) } },
	{ LONG, VI_HOST_EFER, RESERVED, { SET(VI_HOST_EFER, 2) } },
	{ LONG,
	  VI_HOST_EFER,
	  "LMA or LME is 0 while host address-space size is 1",
	  { CLEAR(VI_HOST_EFER, EFER_LMA) } },
	{ LONG,
	  VI_HOST_PKRS,
	  "bits 63:32 are not 0",
	  { SET(VI_EXIT, 1 << 29), SET(VI_HOST_PKRS, 1ull << 32) } },
	{ LONG, VI_HOST_S_CET, RESERVED, { SET(VI_EXIT, 1 << 28), SET(VI_HOST_S_CET, 1 << 6) } },
	{ LONG,
	  VI_HOST_S_CET,
	  "SUPPRESS and TRACKER are both 1",
	  { SET(VI_EXIT, 1 << 28), SET(VI_HOST_S_CET, 3 << 10) } },
	{ LONG,
	  VI_HOST_SSP_TABLE,
	  "is not canonical",
	  { SET(VI_EXIT, 1 << 28), SET(VI_HOST_SSP_TABLE, NOT_CANONICAL) } },
	{ LONG, VI_HOST_SSP, "bits 1:0 are not 0", { SET(VI_EXIT, 1 << 28), SET(VI_HOST_SSP, 2) } },
	{ LONG,
	  VI_HOST_SSP,
	  "is not canonical",
	  { SET(VI_EXIT, 1 << 28), SET(VI_HOST_SSP, NOT_CANONICAL) } },
	{ LONG, VI_HOST_DS_SEL, "RPL or TI is not 0", { VALUE(VI_HOST_DS_SEL, 0x2b) } },
	{ LONG, VI_HOST_CS_SEL, "is 0", { VALUE(VI_HOST_CS_SEL, 0) } },
	{ LONG, VI_HOST_TR_SEL, "is 0", { VALUE(VI_HOST_TR_SEL, 0) } },
	{ LONG, VI_HOST_GDTR_BASE, "is not canonical", { VALUE(VI_HOST_GDTR_BASE, 1ull << 47) } },
	{ LONG,
	  VI_EXIT,
	  "host address-space size is 0 although the host is in long mode",
	  { CLEAR(VI_EXIT, VM_EXIT_HOST_ADDR_SPACE_SIZE) } },
	{ LONG,
	  VI_HOST_CR4,
	  "PAE is 0 while host address-space size is 1",
	  { CLEAR(VI_HOST_CR4, X86_CR4_PAE) } },
	{ LONG, VI_HOST_RIP, "is not canonical", { VALUE(VI_HOST_RIP, NOT_CANONICAL) } },
};

static const struct check_case guest_cases[] = {
	{ LONG, VI_CR0, NEEDED, { CLEAR(VI_CR0, X86_CR0_NE) } },
	{ STRICT, VI_CR0, EXCLUDED, { SET(VI_CR0, 1ull << 63) } },
	{ LONG, VI_CR0, "PG is 1 while PE is 0", { CLEAR(VI_CR0, X86_CR0_PE) } },
	{ LONG, VI_CR4, NEEDED, { CLEAR(VI_CR4, X86_CR4_VMXE) } },
	{ LONG, VI_CR4, EXCLUDED, { SET(VI_CR4, 1 << 24) } },
	{ LONG,
	  VI_CR0,
	  "WP is 0 while CET is 1 in CR4",
	  { CLEAR(VI_CR0, X86_CR0_WP), SET(VI_CR4, CET) } },
	{ LONG, VI_DEBUGCTL, RESERVED, { SET(VI_DEBUGCTL, 1 << 16) } },
	{ LONG, VI_CR0, "PG is 0 while IA-32e mode guest is 1", { CLEAR(VI_CR0, X86_CR0_PG) } },
	{ LONG, VI_CR4, "PAE is 0 while IA-32e mode guest is 1", { CLEAR(VI_CR4, X86_CR4_PAE) } },
	{ PAE, VI_CR4, "PCIDE is 1 while IA-32e mode guest is 0", { SET(VI_CR4, X86_CR4_PCIDE) } },
	{ LONG, VI_CR3, "is beyond the physical-address width", { SET(VI_CR3, TOO_HIGH) } },
	{ LONG, VI_DR7, "bits 63:32 are not 0", { SET(VI_DR7, 1ull << 32) } },
	{ LONG, VI_SYSENTER_ESP, "is not canonical", { VALUE(VI_SYSENTER_ESP, NOT_CANONICAL) } },
	{ LONG, VI_PERF, RESERVED, { SET(VI_PERF, 0x10) } },
	{ LONG, VI_PAT, "a memory type is not one", { VALUE(VI_PAT, 2ull << 56) } },
	{ LONG, VI_EFER, RESERVED, { SET(VI_EFER, 1 << 12) } },
	{ LONG,
	  VI_EFER,
	  "LMA differs from IA-32e mode guest",
	  { CLEAR(VI_EFER, EFER_LMA | EFER_LME) } },
	{ REAL, VI_EFER, "LMA differs from IA-32e mode guest", { SET(VI_EFER, EFER_LMA) } },
	{ LONG, VI_EFER, "LMA differs from LME while CR0.PG is 1", { CLEAR(VI_EFER, EFER_LME) } },
	{ LONG, VI_BNDCFGS, "bits 11:2 are not 0", { SET(VI_BNDCFGS, 4) } },
	{ LONG, VI_BNDCFGS, "is not canonical", { SET(VI_BNDCFGS, NOT_CANONICAL) } },

	{ LONG,
	  VI_PKRS,
	  "bits 63:32 are not 0",
	  { SET(VI_ENTRY, 1 << 22), SET(VI_PKRS, 1ull << 63) } },
	{ LONG, VI_S_CET, RESERVED, { SET(VI_ENTRY, 1 << 20), SET(VI_S_CET, 1 << 9) } },
	{ LONG,
	  VI_S_CET,
	  "SUPPRESS and TRACKER are both 1",
	  { SET(VI_ENTRY, 1 << 20), SET(VI_S_CET, 3 << 10) } },
	{ LONG,
	  VI_S_CET,
	  "is not canonical",
	  { SET(VI_ENTRY, 1 << 20), SET(VI_S_CET, NOT_CANONICAL) } },
	{ LONG, VI_SSP, "bits 1:0 are not 0", { SET(VI_ENTRY, 1 << 20), SET(VI_SSP, 1) } },
	{ PAE,
	  VI_SSP,
	  "bits 63:32 are not 0 outside of 64-bit mode",
	  { SET(VI_ENTRY, 1 << 20), SET(VI_SSP, 1ull << 32) } },
	{ LONG,
	  VI_SSP,
	  "the bits beyond the linear-address width differ",
	  { SET(VI_ENTRY, 1 << 20), SET(VI_SSP, NOT_CANONICAL) } },
	{ LONG, VI_TR_SEL, "TI is 1", { SET(VI_TR_SEL, 4) } },
	{ LONG, VI_LDTR_SEL, "TI is 1", { SET(VI_LDTR_SEL, 4) } },
	{ STRICT, VI_SS_SEL, "RPL is not that of CS", { SET(VI_CS_SEL, 1) } },
	{ V86,
	  VI_GS_BASE,
	  "is not 16 times the selector in virtual-8086 mode",
	  { VALUE(VI_GS_SEL, 0x1235) } },
	{ LONG, VI_FS_BASE, "is not canonical", { VALUE(VI_FS_BASE, NOT_CANONICAL) } },
	{ LONG, VI_LDTR_BASE, "is not canonical", { VALUE(VI_LDTR_BASE, NOT_CANONICAL) } },
	{ LONG, VI_TR_BASE, "is not canonical", { VALUE(VI_TR_BASE, NOT_CANONICAL) } },
	{ LONG,
	  VI_GS_BASE,
	  "is not canonical",
	  { VALUE(VI_GS_BASE, NOT_CANONICAL), SET(VI_GS_AR, 1 << 16) } },
	{ LONG, VI_CS_BASE, "bits 63:32 are not 0", { VALUE(VI_CS_BASE, KERNEL) } },
	{ LONG, VI_ES_BASE, "bits 63:32 are not 0", { VALUE(VI_ES_BASE, 1ull << 32) } },
	{ V86, VI_CS_LIMIT, "is not ffffh in virtual-8086 mode", { VALUE(VI_CS_LIMIT, 0xfffff) } },
	{ V86, VI_SS_AR, "is not f3h in virtual-8086 mode", { VALUE(VI_SS_AR, 0x93) } },
	{ LONG, VI_TR_AR, "TR is unusable", { SET(VI_TR_AR, 1 << 16) } },
	{ STRICT, VI_CS_AR, "the type is not accessed code", { VALUE(VI_CS_AR, 0xa093) } },
	{ LONG, VI_CS_AR, "the type is not accessed code", { VALUE(VI_CS_AR, 0xa09a) } },
	{ LONG, VI_SS_AR, "the type is not accessed read/write data", { VALUE(VI_SS_AR, 0xc091) } },
	{ LONG, VI_ES_AR, "the type is not accessed", { VALUE(VI_ES_AR, 0xc092) } },
	{ LONG, VI_FS_AR, "the type is code that is not readable", { VALUE(VI_FS_AR, 0xc099) } },
	{ LONG, VI_DS_AR, "S is 0", { VALUE(VI_DS_AR, 0xc083) } },
	{ LONG, VI_CS_AR, "DPL is not 0 with the type of data", { VALUE(VI_CS_AR, 0xa0b3) } },
	{ LONG, VI_CS_AR, "DPL is not that of SS", { VALUE(VI_CS_AR, 0xa0bb) } },
	{ LONG, VI_CS_AR, "DPL is above that of SS", { VALUE(VI_CS_AR, 0xa0bf) } },
	{ STRICT,
	  VI_SS_AR,
	  "DPL is not the selector's RPL",
	  { VALUE(VI_CS_AR, 0xa09f), SET(VI_SS_AR, AR_RPL1) } },
	{ REAL,
	  VI_SS_AR,
	  "DPL is not 0 while CR0.PE is 0 or CS has the type of data",
	  { SET(VI_SS_AR, AR_RPL1) } },
	{ LONG,
	  VI_SS_AR,
	  "DPL is not 0 while CR0.PE is 0 or CS has the type of data",
	  { VALUE(VI_CS_AR, 0xa093), SET(VI_SS_AR, AR_RPL1) } },
	{ STRICT, VI_DS_AR, "DPL is below the selector's RPL", { SET(VI_DS_SEL, 3) } },
	{ LONG,
	  VI_TR_AR,
	  "the type is not a busy TSS of the guest's mode",
	  { VALUE(VI_TR_AR, 0x83) } },
	{ PAE,
	  VI_TR_AR,
	  "the type is not a busy TSS of the guest's mode",
	  { VALUE(VI_TR_AR, 0x89) } },
	{ LONG, VI_LDTR_AR, "the type is not LDT", { VALUE(VI_LDTR_AR, 0x80) } },
	{ LONG, VI_TR_AR, "S is 1", { SET(VI_TR_AR, 0x10) } },
	{ LONG, VI_LDTR_AR, "S is 1", { SET(VI_LDTR_AR, 0x10) } },
	{ LONG, VI_GS_AR, "P is 0", { CLEAR(VI_GS_AR, 0x80) } },
	{ V86, VI_TR_AR, "P is 0", { CLEAR(VI_TR_AR, 0x80) } },
	{ LONG, VI_ES_AR, "bits 11:8 are not 0", { SET(VI_ES_AR, 0x100) } },
	{ LONG, VI_CS_AR, "L and D are both 1 in IA-32e mode", { SET(VI_CS_AR, 1 << 14) } },
	{ LONG,
	  VI_DS_AR,
	  "G is 1 while bits 11:0 of the limit are not all 1",
	  { VALUE(VI_DS_LIMIT, 0xffffeffe) } },
	{ LONG,
	  VI_TR_AR,
	  "G is 0 while bits 31:20 of the limit are not 0",
	  { VALUE(VI_TR_LIMIT, 0x100067) } },
	{ LONG, VI_CS_AR, "bits 31:17 are not 0", { SET(VI_CS_AR, 1 << 17) } },

	{ LONG, VI_IDTR_BASE, "is not canonical", { VALUE(VI_IDTR_BASE, NOT_CANONICAL) } },
	{ LONG, VI_GDTR_LIMIT, "bits 31:16 are not 0", { VALUE(VI_GDTR_LIMIT, 0x10000) } },

	{ PAE, VI_RIP, "bits 63:32 are not 0 outside of 64-bit mode", { SET(VI_RIP, 1ull << 32) } },
	{ LONG,
	  VI_RIP,
	  "bits 63:32 are not 0 outside of 64-bit mode",
	  { VALUE(VI_CS_AR, 0x9b), VALUE(VI_CS_LIMIT, 0xffff) } },
	{ LONG,
	  VI_RIP,
	  "the bits beyond the linear-address width differ",
	  { VALUE(VI_RIP, 1ull << 48) } },
	{ LONG, VI_RFLAGS, RESERVED, { SET(VI_RFLAGS, 1 << 22) } },
	{ LONG, VI_RFLAGS, RESERVED, { SET(VI_RFLAGS, 8) } },
	{ LONG, VI_RFLAGS, "bit 1 is 0", { CLEAR(VI_RFLAGS, 2) } },
	{ V86,
	  VI_RFLAGS,
	  "VM is 1 in IA-32e mode or while CR0.PE is 0",
	  { SET(VI_SECONDARY, UG), CLEAR(VI_CR0, X86_CR0_PE | X86_CR0_PG) } },
	{ LONG,
	  VI_RFLAGS,
	  "IF is 0 while an external interrupt is injected",
	  { VALUE(VI_INJECT, INTERRUPT), CLEAR(VI_RFLAGS, X86_EFLAGS_IF) } },

	{ LONG, VI_ACTIVITY, "this processor does not have the state", { VALUE(VI_ACTIVITY, 4) } },
	{ LONG,
	  VI_ACTIVITY,
	  "this processor does not have the state",
	  { VALUE(VI_ACTIVITY, 1), CLEAR(VI_MSR_MISC, 1 << 6) } },
	{ LONG,
	  VI_ACTIVITY,
	  "this processor does not have the state",
	  { VALUE(VI_ACTIVITY, 3), CLEAR(VI_MSR_MISC, 1 << 8) } },
	{ LONG,
	  VI_ACTIVITY,
	  "is HLT while the DPL of SS is not 0",
	  { VALUE(VI_ACTIVITY, 1), SET(VI_SS_AR, 0x60), SET(VI_CS_AR, 0x60) } },
	{ LONG,
	  VI_ACTIVITY,
	  "is not active while STI or MOV SS blocks",
	  { VALUE(VI_ACTIVITY, 1), VALUE(VI_INTERRUPTIBILITY, 2) } },
	{ LONG,
	  VI_ACTIVITY,
	  "does not let in what is injected",
	  { VALUE(VI_ACTIVITY, 1), VALUE(VI_INJECT, GP_FAULT) } },
	{ LONG,
	  VI_ACTIVITY,
	  "does not let in what is injected",
	  { VALUE(VI_ACTIVITY, 2), VALUE(VI_INJECT, INTERRUPT) } },
	{ LONG,
	  VI_ACTIVITY,
	  "does not let in what is injected",
	  { VALUE(VI_ACTIVITY, 2), VALUE(VI_INJECT, GP_FAULT) } },
	{ LONG,
	  VI_PENDING_DEBUG,
	  "BLD is 1, which processors without bus-lock detection refuse",
	  { SET(VI_PENDING_DEBUG, 0x800) } },
	{ LONG,
	  VI_PENDING_DEBUG,
	  "BS is 0 while a single step waits",
	  { VALUE(VI_ACTIVITY, 1), SET(VI_RFLAGS, X86_EFLAGS_TF) } },
	{ LONG,
	  VI_ACTIVITY,
	  "does not let in what is injected",
	  { VALUE(VI_ACTIVITY, 3), VALUE(VI_INJECT, NMI) } },
	{ LONG, VI_INTERRUPTIBILITY, RESERVED, { SET(VI_INTERRUPTIBILITY, 0x20) } },
	{ LONG,
	  VI_INTERRUPTIBILITY,
	  "STI and MOV SS both block",
	  { VALUE(VI_INTERRUPTIBILITY, 3) } },
	{ LONG,
	  VI_INTERRUPTIBILITY,
	  "STI blocks while RFLAGS.IF is 0",
	  { VALUE(VI_INTERRUPTIBILITY, 1), CLEAR(VI_RFLAGS, X86_EFLAGS_IF) } },
	{ LONG,
	  VI_INTERRUPTIBILITY,
	  "STI or MOV SS blocks the injected interrupt",
	  { VALUE(VI_INTERRUPTIBILITY, 1), VALUE(VI_INJECT, INTERRUPT) } },
	{ LONG,
	  VI_INTERRUPTIBILITY,
	  "MOV SS blocks the injected NMI",
	  { VALUE(VI_INTERRUPTIBILITY, 2), VALUE(VI_INJECT, NMI) } },
	{ LONG,
	  VI_INTERRUPTIBILITY,
	  "SMIs are blocked outside of SMM",
	  { VALUE(VI_INTERRUPTIBILITY, 4) } },
	{ LONG,
	  VI_INTERRUPTIBILITY,
	  "virtual NMIs are blocked while one is injected",
	  { VALUE(VI_INTERRUPTIBILITY, 8), VALUE(VI_INJECT, NMI) } },
	{ LONG,
	  VI_INTERRUPTIBILITY,
	  "MOV SS blocks while an enclave was interrupted",
	  { VALUE(VI_INTERRUPTIBILITY, 0x12) } },
	{ LONG,
	  VI_INTERRUPTIBILITY,
	  "STI blocks the injected NMI, which some processors refuse",
	  { VALUE(VI_INTERRUPTIBILITY, 1), VALUE(VI_INJECT, NMI) } },
	{ LONG, VI_PENDING_DEBUG, RESERVED, { SET(VI_PENDING_DEBUG, 0x10) } },
	{ LONG,
	  VI_PENDING_DEBUG,
	  "BS is 0 while a single step waits",
	  { VALUE(VI_INTERRUPTIBILITY, 2), SET(VI_RFLAGS, X86_EFLAGS_TF) } },
	{ LONG,
	  VI_PENDING_DEBUG,
	  "BS is 1 while no single step waits",
	  { VALUE(VI_INTERRUPTIBILITY, 2), VALUE(VI_PENDING_DEBUG, 0x4000) } },
	{ LONG,
	  VI_PENDING_DEBUG,
	  "BS is 1 while no single step waits",
	  { VALUE(VI_INTERRUPTIBILITY, 1), VALUE(VI_PENDING_DEBUG, 0x4000),
	    SET(VI_RFLAGS, X86_EFLAGS_TF), SET(VI_DEBUGCTL, 2) } },
	{ LONG,
	  VI_PENDING_DEBUG,
	  "RTM is 1 with other conditions or without an enabled breakpoint",
	  { VALUE(VI_PENDING_DEBUG, 0x10000) } },
	{ LONG,
	  VI_PENDING_DEBUG,
	  "RTM is 1 with other conditions or without an enabled breakpoint",
	  { VALUE(VI_PENDING_DEBUG, 0x11001) } },
	{ LONG,
	  VI_INTERRUPTIBILITY,
	  "MOV SS blocks while RTM is a pending debug exception",
	  { VALUE(VI_PENDING_DEBUG, 0x11000), VALUE(VI_INTERRUPTIBILITY, 2) } },
	{ LONG, VI_LINK, BAD_ADDRESS, { VALUE(VI_LINK, 0x1800) } },

	{ PAE, VI_PDPTE2, "a reserved bit is 1 with PAE paging", { VALUE(VI_PDPTE2, 3) } },
	{ PAE, VI_PDPTE0, "a reserved bit is 1 with PAE paging", { SET(VI_PDPTE0, TOO_HIGH) } },
};

static const struct {
	const struct check_rule *rules;
	const struct check_case *cases;
	size_t nr;
} parts[] = {
	{ vmx_control_rules, control_cases, ARRAY_SIZE(control_cases) },
	{ vmx_host_rules, host_cases, ARRAY_SIZE(host_cases) },
	{ vmx_guest_rules, guest_cases, ARRAY_SIZE(guest_cases) },
};

START_TEST(good_is_good)
{
	struct broken_rule broken;
	u64 image[NR_VI];
	int base;

	for (base = 0; base < NR_BASES; base++) {
		make(image, base);
		if (vmx_check(image, &broken, 1))
			ck_abort_msg("%d: %s is %llx: %s", base, broken.field,
				     (unsigned long long)broken.value, broken.why);
	}
}
END_TEST

START_TEST(each_rule_alone)
{
	struct broken_rule broken[MAX_BROKEN];
	u64 image[NR_VI];
	size_t i, part;

	for (part = 0; part < ARRAY_SIZE(parts); part++) {
		for (i = 0; i < parts[part].nr; i++) {
			const struct check_case *c = &parts[part].cases[i];

			make(image, c->base);
			apply_case(image, c);
			expect_case(c, vmx_fields, image, broken,
				    vmx_check(image, broken, MAX_BROKEN));
		}
	}
}
END_TEST

START_TEST(each_rule_has_a_case)
{
	const struct check_rule *rule;
	size_t part;

	for (part = 0; part < ARRAY_SIZE(parts); part++) {
		for (rule = parts[part].rules; rule->broken; rule++) {
			expect_covered(rule, vmx_fields, parts[part].cases, parts[part].nr);
			expect_fits(rule, vmx_fields);
		}
	}
}
END_TEST

/* What looks odd, and a processor takes it all the same. */
START_TEST(odd_but_good)
{
	static const struct check_case odd[] = {
		{ LONG, .edit = { SET(VI_FS_AR, 1 << 16), CLEAR(VI_FS_AR, 0xff) } },
		{ LONG, .edit = { SET(VI_SS_AR, 1 << 16), CLEAR(VI_SS_AR, 0x9f) } },
		{ LONG, .edit = { SET(VI_LDTR_AR, 1 << 16), VALUE(VI_LDTR_BASE, NOT_CANONICAL),
				  SET(VI_LDTR_SEL, 4) } },
		{ LONG, .edit = { VALUE(VI_INJECT, 0x00000fff) } }, /* not valid */
		{ LONG, .edit = { VALUE(VI_INJECT, GP_FAULT), VALUE(VI_INJECT_ERROR, 0xffff) } },
		{ LONG, .edit = { VALUE(VI_INJECT, 0x8000030d), SET(VI_MSR_BASIC, 1ull << 56) } },
		{ LONG, .edit = { VALUE(VI_INJECT, 0x80000b06), SET(VI_MSR_BASIC, 1ull << 56) } },
		{ LONG, .edit = { VALUE(VI_INJECT, 0x80000603), SET(VI_MSR_MISC, 1 << 30) } },
		{ REAL, .edit = { VALUE(VI_INJECT, 0x8000030d) } },
		{ LONG, .edit = { VALUE(VI_RIP, 1ull << 47) } }, /* not canonical */
		{ LONG, .edit = { VALUE(VI_ACTIVITY, 1), VALUE(VI_INJECT, INTERRUPT) } },
		{ LONG, .edit = { VALUE(VI_ACTIVITY, 2), VALUE(VI_INJECT, NMI) } },
		{ LONG, .edit = { VALUE(VI_INTERRUPTIBILITY, 1), VALUE(VI_PENDING_DEBUG, 0x4000),
				  SET(VI_RFLAGS, X86_EFLAGS_TF) } },
		{ LONG, .edit = { VALUE(VI_ACTIVITY, 1), VALUE(VI_INJECT, 0x80000301) } },
		{ LONG, .edit = { VALUE(VI_ACTIVITY, 1), VALUE(VI_INJECT, MACHINE_CHECK) } },
		{ LONG, .edit = { VALUE(VI_ACTIVITY, 1), VALUE(VI_INJECT, 0x80000700) } },
		{ LONG, .edit = { VALUE(VI_ACTIVITY, 2), VALUE(VI_INJECT, MACHINE_CHECK) } },
		{ LONG, .edit = { VALUE(VI_INJECT, 0x8000031f) } },
		{ LONG, .edit = { VALUE(VI_INJECT, 0x80000480), VALUE(VI_INJECT_LEN, 15) } },
		{ LONG, .edit = { VALUE(VI_CS_AR, 0xa09f) } },
		{ STRICT, .edit = { VALUE(VI_DS_AR, 0xc09f), SET(VI_DS_SEL, 3) } },
		{ LONG, .edit = { CLEAR(VI_PIN, PIN_BASED_VIRTUAL_NMIS) } },
		{ LONG, .edit = { CLEAR(VI_PIN, PIN_BASED_VMX_PREEMPTION_TIMER) } },
		/* What is not used is not looked at. */
		{ LONG,
		  .edit = { CLEAR(VI_PRIMARY, CPU_BASED_USE_MSR_BITMAPS), SET(VI_MSR_BITMAP, 1) } },
		{ LONG, .edit = { CLEAR(VI_SECONDARY, EPT_AND_UG), VALUE(VI_EPTP, 0) } },
		{ LONG,
		  .edit = { CLEAR(VI_SECONDARY, SECONDARY_EXEC_ENABLE_VPID), VALUE(VI_VPID, 0) } },
		{ LONG, .edit = { VALUE(VI_EXIT_LOAD_ADDR, 1) } },
		{ LONG, .edit = { CLEAR(VI_ENTRY, VM_ENTRY_LOAD_IA32_EFER), VALUE(VI_EFER, 2) } },
		{ LONG, .edit = { VALUE(VI_PDPTE0, 3) } },
		{ LONG, .edit = { VALUE(VI_S_CET, ~0ull), VALUE(VI_SSP, 1), VALUE(VI_PKRS, ~0ull),
				  VALUE(VI_HOST_S_CET, ~0ull), VALUE(VI_HOST_SSP, 1) } },
		{ LONG, .edit = { SET(VI_ENTRY, 1 << 20), SET(VI_S_CET, 1 << 10) } },
	};
	struct broken_rule broken;
	u64 image[NR_VI];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(odd); i++) {
		make(image, odd[i].base);
		apply_case(image, &odd[i]);
		if (vmx_check(image, &broken, 1))
			ck_abort_msg("%zu: %s: %s", i, broken.field, broken.why);
	}
}
END_TEST

/* Everything is wrong: as much is told as there is room for, controls before the guest's state. */
START_TEST(no_more_than_asked_for)
{
	struct broken_rule broken[3] = { { 0 } };
	u64 image[NR_VI];

	make(image, LONG);
	image[VI_RFLAGS] = 0;
	image[VI_HOST_CS_SEL] = 0;
	image[VI_VPID] = 0;
	ck_assert_uint_eq(vmx_check(image, broken, 0), 0);
	ck_assert_uint_eq(vmx_check(image, broken, 2), 2);
	ck_assert_str_eq(broken[0].field, "VPID");
	ck_assert_str_eq(broken[0].section, "SDM 3, 27.2.1.1");
	ck_assert_str_eq(broken[1].field, "host CS selector");
	ck_assert_ptr_null(broken[2].field);
	ck_assert_uint_eq(vmx_check(image, broken, 3), 3);
	ck_assert_str_eq(broken[2].field, "guest RFLAGS");
	ck_assert_str_eq(broken[2].section, "SDM 3, 27.3.1.4");
}
END_TEST

/* Encodings tell the area and the width of a field (SDM 3, 25.11.2). */
#define AREA(code)  ((code) >> 10 & 3)
#define WIDTH(code) ((code) >> 13 & 3)

START_TEST(encodings)
{
	static const struct {
		unsigned int from, to, area;
	} areas[] = { { VI_PIN, VI_INJECT_LEN, 0 },
		      { VI_HOST_CR0, VI_HOST_RIP, 3 },
		      { VI_CR0, VI_PDPTE3, 2 } };
	static const struct {
		unsigned int from, to, width;
	} widths[] = { { VI_ES_SEL, VI_TR_SEL, 0 },	   { VI_HOST_ES_SEL, VI_HOST_TR_SEL, 0 },
		       { VI_ES_BASE, VI_TR_BASE, 3 },	   { VI_ES_LIMIT, VI_TR_AR, 2 },
		       { VI_PDPTE0, VI_PDPTE3, 1 },	   { VI_PIN, VI_SECONDARY, 2 },
		       { VI_IO_BITMAP_A, VI_SPPTP, 1 },	   { VI_INJECT, VI_INJECT_LEN, 2 },
		       { VI_HOST_FS_BASE, VI_HOST_RIP, 3 } };
	unsigned int i, j;

	for (i = 0; i < NR_VI; i++)
		ck_assert_ptr_nonnull(vmx_fields[i].name);
	for (i = 0; i < NR_VI_VMCS; i++)
		for (j = 0; j < i; j++)
			ck_assert_uint_ne(vmx_fields[i].code, vmx_fields[j].code);
	for (i = 0; i < ARRAY_SIZE(areas); i++)
		for (j = areas[i].from; j <= areas[i].to; j++)
			ck_assert_uint_eq(AREA(vmx_fields[j].code), areas[i].area);
	for (i = 0; i < ARRAY_SIZE(widths); i++)
		for (j = widths[i].from; j <= widths[i].to; j++)
			ck_assert_uint_eq(WIDTH(vmx_fields[j].code), widths[i].width);
	/* Groups follow the registers' order, in steps of two. */
	for (i = VI_ES_SEL; i < VI_TR_AR; i++)
		if ((i - VI_ES_SEL) % 8 != 7)
			ck_assert_uint_eq(vmx_fields[i + 1].code, vmx_fields[i].code + 2);
}
END_TEST

/* The host's registers and addresses, and nothing of the guest's. */
START_TEST(secrets)
{
	unsigned int i;

	for (i = VI_HOST_CR0; i <= VI_HOST_RIP; i++)
		ck_assert(vmx_fields[i].secret);
	for (i = VI_IO_BITMAP_A; i <= VI_SPPTP; i++)
		ck_assert(vmx_fields[i].secret == (i != VI_VMFUNC));
	for (i = VI_EXIT_STORE_ADDR; i <= VI_ENTRY_LOAD_ADDR; i++)
		ck_assert(vmx_fields[i].secret);
	ck_assert(vmx_fields[VI_LINK].secret);
	for (i = VI_CR0; i < VI_LINK; i++)
		ck_assert(!vmx_fields[i].secret);
}
END_TEST

static u64 primary, basic;

static u64 fake_vmread(u32 encoding)
{
	return encoding == CPU_BASED_VM_EXEC_CONTROL ? primary : 0x100000000ull | encoding;
}

static u64 fake_rdmsr(u32 index)
{
	return index == MSR_IA32_VMX_BASIC ? basic : 0x200000000ull | index;
}

START_TEST(filling)
{
	const struct vmx_source source = {
		.vmread = fake_vmread,
		.rdmsr = fake_rdmsr,
		.physical_bits = 46,
		.linear_bits = 57,
		.perf_reserved = 0xf0,
		.vtpr = 0x80,
	};
	u64 image[NR_VI];
	unsigned int i;

	primary = CPU_BASED_ACTIVATE_SECONDARY_CONTROLS | CPU_BASED_ACTIVATE_TERTIARY_CONTROLS;
	memset(image, 0xee, sizeof(image));
	vmx_image_fill(image, &source);
	for (i = 0; i < NR_VI_VMCS; i++)
		ck_assert_uint_eq(image[i], fake_vmread(vmx_fields[i].code));
	for (; i < VI_END_OF_MSRS; i++)
		ck_assert_uint_eq(image[i], fake_rdmsr(vmx_fields[i].code));
	ck_assert_uint_eq(image[VI_PHYSICAL_BITS], 46);
	ck_assert_uint_eq(image[VI_LINEAR_BITS], 57);
	ck_assert_uint_eq(image[VI_PERF_RESERVED], 0xf0);
	ck_assert_uint_eq(image[VI_VTPR], 0x80);
	/* What is not activated is 0; and the MSRs that tell more are asked where they exist. */
	primary = 0;
	basic = 1ull << 55;
	vmx_image_fill(image, &source);
	ck_assert_uint_eq(image[VI_SECONDARY], 0);
	ck_assert_uint_eq(image[VI_TERTIARY], 0);
	ck_assert_uint_eq(image[VI_MSR_PIN], fake_rdmsr(MSR_IA32_VMX_TRUE_PINBASED_CTLS));
	ck_assert_uint_eq(image[VI_MSR_PRIMARY], fake_rdmsr(MSR_IA32_VMX_TRUE_PROCBASED_CTLS));
	ck_assert_uint_eq(image[VI_MSR_EXIT], fake_rdmsr(MSR_IA32_VMX_TRUE_EXIT_CTLS));
	ck_assert_uint_eq(image[VI_MSR_ENTRY], fake_rdmsr(MSR_IA32_VMX_TRUE_ENTRY_CTLS));
	ck_assert_uint_eq(image[VI_MSR_MISC], fake_rdmsr(MSR_IA32_VMX_MISC));
	ck_assert_uint_eq(image[VI_MSR_SECONDARY], fake_rdmsr(MSR_IA32_VMX_PROCBASED_CTLS2));
}
END_TEST

int main(void)
{
	const struct TTest *tests[] = { good_is_good,
					each_rule_alone,
					each_rule_has_a_case,
					odd_but_good,
					no_more_than_asked_for,
					encodings,
					secrets,
					filling };

	return run_tests("vmx_check", tests, ARRAY_SIZE(tests));
}
