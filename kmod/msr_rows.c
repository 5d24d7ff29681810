// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each model-specific register is, who may access it, and how.
 *
 * No value that a guest or user space writes reaches a host MSR unchecked. An MSR without a row
 * does not exist: #GP for the guest, the end of the list for KVM_GET_MSRS and KVM_SET_MSRS.
 */
#include <asm/cpufeature.h>
#include <asm/kvm_para.h>

#include "cpuid.h"
#include "cr.h"
#include "irq/irqchip.h"
#include "irq/lapic.h"
#include "msr.h"
#include "msr_rows.h"
#include "pv/pv.h"
#include "rules.h"
#include "vcpu.h"

/* The MTRRs (SDM 4, table 2-2). */
#define MSR_MTRR_CAP	   0xfe
#define MSR_MTRR_VARIABLE  0x200
#define MSR_MTRR_FIXED_64K 0x250
#define MSR_MTRR_FIXED_16K 0x258
#define MSR_MTRR_FIXED_4K  0x268
#define MSR_MTRR_DEF_TYPE  0x2ff

#define PAT_RESET	   0x0007040600070406ull

/* IA32_MTRRCAP: how many variable ranges; fixed ranges and write combining exist. */
#define MTRR_CAP_VALUE (MTRR_VARIABLE | BIT(8) | BIT(10))

/* HWCR (APM 2, 3.2.10): TLB cache, flush filter, IGNNE, status writes; the TSC counts at P0. */
#define HWCR_TSC_FREQ_SEL BIT_ULL(24)
#define HWCR_WRITABLE	  (BIT_ULL(3) | BIT_ULL(6) | BIT_ULL(8) | BIT_ULL(18) | HWCR_TSC_FREQ_SEL)

/* SYSCFG (APM 2, 3.2.9): the MTRRs' extended fields and the second top of memory. */
#define SYSCFG_WRITABLE GENMASK_ULL(22, 18)

/* Event-trace units are absent: branch trace and PEBS unavailable (SDM 4, table 2-2). */
#define MISC_ENABLE_FIXED (MSR_IA32_MISC_ENABLE_BTS_UNAVAIL | MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL)
#define MISC_ENABLE_WRITABLE                                                    \
	(MSR_IA32_MISC_ENABLE_FAST_STRING | MSR_IA32_MISC_ENABLE_TCC |          \
	 MSR_IA32_MISC_ENABLE_ENHANCED_SPEEDSTEP | MSR_IA32_MISC_ENABLE_MWAIT | \
	 MSR_IA32_MISC_ENABLE_LIMIT_CPUID | MSR_IA32_MISC_ENABLE_XTPR_DISABLE | \
	 MSR_IA32_MISC_ENABLE_XD_DISABLE | MSR_IA32_MISC_ENABLE_TURBO_DISABLE)

/* Bits of IA32_ARCH_CAPABILITIES that are as true for a guest as for the host. */
#define ARCH_CAP_PASS                                                                            \
	(ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_RSBA | ARCH_CAP_SKIP_VMENTRY_L1DFLUSH | \
	 ARCH_CAP_SSB_NO | ARCH_CAP_MDS_NO | ARCH_CAP_PSCHANGE_MC_NO | ARCH_CAP_TAA_NO |         \
	 ARCH_CAP_SBDR_SSDP_NO | ARCH_CAP_FBSDP_NO | ARCH_CAP_PSDP_NO | ARCH_CAP_FB_CLEAR |      \
	 ARCH_CAP_RRSBA | ARCH_CAP_BHI_NO | ARCH_CAP_PBRSB_NO | ARCH_CAP_GDS_NO |                \
	 ARCH_CAP_RFDS_NO | ARCH_CAP_RFDS_CLEAR | ARCH_CAP_ITS_NO)

static int get_zero(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 *value, bool host)
{
	*value = 0;
	return 0;
}

/* A command or a switch without effect on a virtual machine. */
static int set_ignored(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value,
		       bool host)
{
	return 0;
}

static int set_read_only(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value,
			 bool host)
{
	return 1;
}

/* A feature that is not there: its register holds 0, and user space can say so. */
static int set_zero(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value, bool host)
{
	return value ? 1 : 0;
}

static int get_backend(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 *value,
		       bool host)
{
	return backend->get_msr(vcpu, index, value) ? 1 : 0;
}

static int set_backend(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value,
		       bool host)
{
	if (value & ~row->writable)
		return 1;
	return backend->set_msr(vcpu, index, value) ? 1 : 0;
}

static int set_address(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value,
		       bool host)
{
	if (!canonical(value, vcpu_linear_bits(vcpu)))
		return 1;
	return backend->set_msr(vcpu, index, value) ? 1 : 0;
}

/* Intel's processors check the address; AMD's keep what fits. */
static int set_sysenter_address(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value,
				bool host)
{
	unsigned int shift = 64 - vcpu_linear_bits(vcpu);

	if (vcpu->cpuid.amd)
		value = (u64)((s64)(value << shift) >> shift);
	return set_address(vcpu, row, index, value, host);
}

static int get_lapic(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 *value, bool host)
{
	return vcpu_lapic_msr_read(vcpu, index, value);
}

static int set_lapic(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value, bool host)
{
	return vcpu_lapic_msr_write(vcpu, index, value, host);
}

/* Without a local APIC there is no timer to arm. */
static int get_deadline(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 *value,
			bool host)
{
	*value = vcpu->apic ? lapic_tsc_deadline(vcpu->apic) : 0;
	return 0;
}

static int set_deadline(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value,
			bool host)
{
	if (vcpu->apic)
		lapic_set_tsc_deadline(vcpu->apic, value);
	return 0;
}

/* Without a local APIC its base is user space's affair, but it holds no reserved bit. */
static int set_apic_base(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value,
			 bool host)
{
	u64 defined = LAPIC_BASE_BSP | LAPIC_BASE_MODE | GENMASK_ULL(63, 12);

	if (!vcpu->apic && (value & ~defined || !cr3_valid(value, vcpu->cpuid.physical_bits)))
		return 1;
	if (vcpu_lapic_msr_write(vcpu, index, value, host))
		return 1;
	cpuid_refresh(vcpu);
	return 0;
}

static int get_tsc(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 *value, bool host)
{
	*value = tsc_guest_now(vcpu);
	return 0;
}

static int set_tsc(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value, bool host)
{
	tsc_set(vcpu, value, host);
	return 0;
}

static int set_tsc_adjust(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value,
			  bool host)
{
	tsc_adjust_set(vcpu, value, host);
	return 0;
}

static int get_pv(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 *value, bool host)
{
	return pv_get_msr(vcpu, index, value);
}

static int set_pv(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value, bool host)
{
	return pv_set_msr(vcpu, index, value);
}

static int get_efer(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 *value, bool host)
{
	*value = vcpu->efer;
	return 0;
}

static int set_efer(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value, bool host)
{
	return !efer_set(vcpu, value, host);
}

static int get_xss(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 *value, bool host)
{
	*value = vcpu->xss;
	return 0;
}

/* No supervisor state component is offered. */
static int set_xss(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value, bool host)
{
	return value ? 1 : 0;
}

/* The vCPU has one of these features; user space always does. */
static bool has_any(const struct vcpu *vcpu, bool host, unsigned int intel, unsigned int amd)
{
	return host || cpuid_has(vcpu, intel) || cpuid_has(vcpu, amd);
}

static bool offers_any(unsigned int intel, unsigned int amd)
{
	return cpuid_offered(intel) || cpuid_offered(amd);
}

/* Bits of IA32_SPEC_CTRL that the host has and the vCPU's CPUID shows. */
static u64 spec_ctrl_bits(const struct vcpu *vcpu, bool host)
{
	static const struct {
		u64 bit;
		unsigned int intel;
		unsigned int amd;
	} rows[] = {
		{ SPEC_CTRL_IBRS, X86_FEATURE_SPEC_CTRL, X86_FEATURE_AMD_IBRS },
		{ SPEC_CTRL_STIBP, X86_FEATURE_INTEL_STIBP, X86_FEATURE_AMD_STIBP },
		{ SPEC_CTRL_SSBD, X86_FEATURE_SPEC_CTRL_SSBD, X86_FEATURE_AMD_SSBD },
	};
	unsigned int i;
	u64 bits = 0;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (offers_any(rows[i].intel, rows[i].amd) &&
		    has_any(vcpu, host, rows[i].intel, rows[i].amd))
			bits |= rows[i].bit;
	return bits;
}

static int get_spec_ctrl(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 *value,
			 bool host)
{
	*value = vcpu->msrs.spec_ctrl;
	return spec_ctrl_bits(vcpu, host) ? 0 : 1;
}

static int set_spec_ctrl(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value,
			 bool host)
{
	u64 bits = spec_ctrl_bits(vcpu, host);

	if (!bits || value & ~bits)
		return 1;
	vcpu->msrs.spec_ctrl = value;
	return 0;
}

/* IA32_PRED_CMD is a command, there is nothing to be read. */
static int get_command(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 *value,
		       bool host)
{
	return 1;
}

static int set_pred_cmd(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value,
			bool host)
{
	if (!has_any(vcpu, host, X86_FEATURE_SPEC_CTRL, X86_FEATURE_AMD_IBPB) ||
	    !offers_any(X86_FEATURE_SPEC_CTRL, X86_FEATURE_AMD_IBPB) || value & ~PRED_CMD_IBPB)
		return 1;
	if (value)
		wrmsrl(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
	return 0;
}

static bool has_tsc_aux(const struct vcpu *vcpu, bool host)
{
	return has_any(vcpu, host, X86_FEATURE_RDTSCP, X86_FEATURE_RDPID) &&
	       offers_any(X86_FEATURE_RDTSCP, X86_FEATURE_RDPID);
}

static int get_tsc_aux(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 *value,
		       bool host)
{
	*value = vcpu->msrs.tsc_aux;
	return has_tsc_aux(vcpu, host) ? 0 : 1;
}

/* 32 bits; AMD's processors ignore the others, Intel's do not. */
static int set_tsc_aux(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value,
		       bool host)
{
	if (!has_tsc_aux(vcpu, host) || (value >> 32 && !vcpu->cpuid.amd))
		return 1;
	vcpu->msrs.tsc_aux = (u32)value;
	return 0;
}

static int set_pat(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value, bool host)
{
	if (!pat_valid(value))
		return 1;
	vcpu->msrs.pat = value;
	/* Some backends have a place for it, some need none. */
	backend->set_msr(vcpu, index, value);
	return 0;
}

static int get_mtrr_cap(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 *value,
			bool host)
{
	*value = MTRR_CAP_VALUE;
	return 0;
}

/* MTRRs are stored only: with nested paging the memory type is the host's and the PAT's. */
static int set_mtrr_fixed(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value,
			  bool host)
{
	if (!mtrr_fixed_valid(value))
		return 1;
	*msr_field(vcpu, row, index) = value;
	return 0;
}

static int set_mtrr_variable(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value,
			     bool host)
{
	bool mask = (index - row->first) & 1;
	unsigned int bits = vcpu->cpuid.physical_bits;

	if (!(mask ? mtrr_mask_valid(value, bits) : mtrr_base_valid(value, bits)))
		return 1;
	*msr_field(vcpu, row, index) = value;
	return 0;
}

static int set_mtrr_def_type(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value,
			     bool host)
{
	if (!mtrr_def_type_valid(value))
		return 1;
	vcpu->msrs.mtrr.def_type = value;
	return 0;
}

static int set_misc_enable(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value,
			   bool host)
{
	u64 fixed = MISC_ENABLE_FIXED | MSR_IA32_MISC_ENABLE_EMON;

	if (value & ~(MISC_ENABLE_WRITABLE | fixed))
		return 1;
	if ((value ^ vcpu->msrs.misc_enable) & MSR_IA32_MISC_ENABLE_MWAIT &&
	    !vm_quirk(vcpu->vm, KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT) &&
	    !cpuid_has(vcpu, X86_FEATURE_XMM3))
		return 1;
	vcpu->msrs.misc_enable = (value & MISC_ENABLE_WRITABLE) | MISC_ENABLE_FIXED;
	cpuid_refresh(vcpu);
	return 0;
}

static int get_platform_info(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 *value,
			     bool host)
{
	*value = vcpu->msrs.platform_info;
	return !host && READ_ONCE(vcpu->vm->options.no_platform_info);
}

/* What the guest uses already cannot be taken from it. */
static int set_platform_info(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value,
			     bool host)
{
	if (vcpu->msrs.misc_features && !(value & MSR_PLATFORM_INFO_CPUID_FAULT))
		return 1;
	vcpu->msrs.platform_info = value;
	return 0;
}

/* CPUID faulting, where MSR_PLATFORM_INFO says that it is there (SDM 3, 2.8.5). */
static int set_misc_features(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value,
			     bool host)
{
	bool offered = vcpu->msrs.platform_info & MSR_PLATFORM_INFO_CPUID_FAULT;

	if (value & ~MSR_MISC_FEATURES_ENABLES_CPUID_FAULT || (value && !offered))
		return 1;
	vcpu->msrs.misc_features = value;
	return 0;
}

/* Residency counters are the host CPU's: for guests that user space lets use its C-states. */
static int get_cstate(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 *value,
		      bool host)
{
	if (!vm_exits_disabled(vcpu->vm, KVM_X86_DISABLE_EXITS_CSTATE))
		return 1;
	return rdmsrl_safe(index, value) ? 1 : 0;
}

/* A guest writes 0 before it reads the revision (SDM 3, 10.11.7.1); only user space changes it. */
static int set_microcode(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value,
			 bool host)
{
	if (host)
		vcpu->msrs.microcode = value;
	return 0;
}

static u64 host_microcode(void)
{
	u64 revision = boot_cpu_data.microcode;

	return boot_cpu_data.x86_vendor == X86_VENDOR_INTEL ? revision << 32 : revision;
}

static u64 host_arch_capabilities(void)
{
	static const struct {
		unsigned int bug;
		u64 unaffected;
	} rows[] = {
		{ X86_BUG_CPU_MELTDOWN, ARCH_CAP_RDCL_NO },
		{ X86_BUG_SPEC_STORE_BYPASS, ARCH_CAP_SSB_NO },
		{ X86_BUG_MDS, ARCH_CAP_MDS_NO },
		{ X86_BUG_ITLB_MULTIHIT, ARCH_CAP_PSCHANGE_MC_NO },
		{ X86_BUG_GDS, ARCH_CAP_GDS_NO },
		{ X86_BUG_RFDS, ARCH_CAP_RFDS_NO },
		{ X86_BUG_ITS, ARCH_CAP_ITS_NO },
	};
	unsigned int i;
	u64 value = 0;

	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES)) {
		rdmsrl(MSR_IA32_ARCH_CAPABILITIES, value);
		value &= ARCH_CAP_PASS;
	}
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (!boot_cpu_has_bug(rows[i].bug))
			value |= rows[i].unaffected;
	return value;
}

/* No performance counters, nor anything that goes with them. */
static u64 host_perf_capabilities(void)
{
	return 0;
}

static u64 host_de_cfg(void)
{
	return boot_cpu_has(X86_FEATURE_LFENCE_RDTSC) ? MSR_AMD64_DE_CFG_LFENCE_SERIALIZE : 0;
}

/* User space may take away what the host has, not add to it. */
static int set_feature(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value,
		       bool host)
{
	if (value & ~row->host())
		return 1;
	*msr_field(vcpu, row, index) = value;
	return 0;
}

/* A guest that writes what is there already is not refused. */
static int set_de_cfg(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value, bool host)
{
	if (!host && value != vcpu->msrs.de_cfg)
		return 1;
	return set_feature(vcpu, row, index, value, host);
}

static int get_mce(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 *value, bool host)
{
	return mce_get_msr(vcpu, index, value, host);
}

static int set_mce(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 value, bool host)
{
	return mce_set_msr(vcpu, index, value, host);
}

#define FIELD(member) .field = offsetof(struct vcpu_msrs, member)
#define ZERO	      .get = get_zero, .flags = MSR_FAST
#define NO_EFFECT     .set = set_ignored
#define READ_ONLY     .set = set_read_only

/* Sorted by index; the ranges do not overlap. */
const struct msr_row msr_rows[] = {
	{ MSR_IA32_P5_MC_ADDR, 2, ZERO, READ_ONLY },
	{ MSR_IA32_TSC, 1, MSR_LISTED | MSR_FAST_READ, .get = get_tsc, .set = set_tsc },
	{ MSR_KVM_WALL_CLOCK, 2, MSR_LISTED, .get = get_pv, .set = set_pv },
	{ MSR_IA32_PLATFORM_ID, 1, ZERO, READ_ONLY },
	{ MSR_IA32_APICBASE, 1, .get = get_lapic, .set = set_apic_base },
	{ MSR_IA32_EBL_CR_POWERON, 1, ZERO, NO_EFFECT },
	{ MSR_IA32_TSC_ADJUST, 1, MSR_LISTED | MSR_FAST_READ, X86_FEATURE_TSC_ADJUST,
	  FIELD(tsc_adjust), .set = set_tsc_adjust },
	{ MSR_IA32_SPEC_CTRL, 1, MSR_LISTED | MSR_FAST, .get = get_spec_ctrl,
	  .set = set_spec_ctrl },
	{ MSR_IA32_PRED_CMD, 1, MSR_FAST, .get = get_command, .set = set_pred_cmd },
	{ MSR_IA32_UCODE_WRITE, 1, MSR_FAST, .get = get_command, NO_EFFECT },
	{ MSR_IA32_UCODE_REV, 1, MSR_LISTED | MSR_FAST, FIELD(microcode), .set = set_microcode,
	  .host = host_microcode },
	{ MSR_PLATFORM_INFO, 1, MSR_LISTED | MSR_FAST | MSR_HOST_WRITES, FIELD(platform_info),
	  .get = get_platform_info, .set = set_platform_info },
	{ MSR_MTRR_CAP, 1, MSR_FAST, .get = get_mtrr_cap, READ_ONLY },
	{ MSR_IA32_ARCH_CAPABILITIES, 1, MSR_LISTED | MSR_FAST | MSR_HOST_WRITES,
	  X86_FEATURE_ARCH_CAPABILITIES, FIELD(arch_capabilities), .set = set_feature,
	  .host = host_arch_capabilities },
	{ MSR_MISC_FEATURES_ENABLES, 1, MSR_LISTED | MSR_FAST, FIELD(misc_features),
	  .set = set_misc_features },
	{ MSR_IA32_SYSENTER_CS, 1, MSR_LISTED | MSR_FAST, .get = get_backend, .set = set_backend,
	  .writable = GENMASK_ULL(31, 0) },
	{ MSR_IA32_SYSENTER_ESP, 2, MSR_LISTED | MSR_FAST, .get = get_backend,
	  .set = set_sysenter_address },
	{ MSR_IA32_MCG_CAP, 1, MSR_FAST, .get = get_mce, READ_ONLY },
	{ MSR_IA32_MCG_STATUS, 2, MSR_LISTED | MSR_FAST, .get = get_mce, .set = set_mce },
	{ MSR_IA32_MISC_ENABLE, 1, MSR_LISTED | MSR_FAST_READ, FIELD(misc_enable),
	  .set = set_misc_enable },
	{ MSR_IA32_DEBUGCTLMSR, 1, MSR_LISTED | MSR_FAST, FIELD(debugctl),
	  .writable = DEBUGCTLMSR_LBR | DEBUGCTLMSR_BTF },
	/* Stored only: power is the host's affair. */
	{ MSR_IA32_POWER_CTL, 1, MSR_LISTED | MSR_FAST, FIELD(power_ctl), .writable = ~0ull },
	{ MSR_MTRR_VARIABLE, 2 * MTRR_VARIABLE, MSR_LISTED | MSR_FAST, FIELD(mtrr.base_mask),
	  .set = set_mtrr_variable },
	{ MSR_MTRR_FIXED_64K, 1, MSR_LISTED | MSR_FAST, FIELD(mtrr.fixed[0]),
	  .set = set_mtrr_fixed },
	{ MSR_MTRR_FIXED_16K, 2, MSR_LISTED | MSR_FAST, FIELD(mtrr.fixed[1]),
	  .set = set_mtrr_fixed },
	{ MSR_MTRR_FIXED_4K, 8, MSR_LISTED | MSR_FAST, FIELD(mtrr.fixed[3]),
	  .set = set_mtrr_fixed },
	{ MSR_IA32_CR_PAT, 1, MSR_LISTED | MSR_FAST, FIELD(pat), .set = set_pat },
	{ MSR_MTRR_DEF_TYPE, 1, MSR_LISTED | MSR_FAST, FIELD(mtrr.def_type),
	  .set = set_mtrr_def_type },
	{ MSR_IA32_PERF_CAPABILITIES, 1, MSR_FAST | MSR_HOST_WRITES, X86_FEATURE_PDCM,
	  .get = get_zero, .set = set_zero, .host = host_perf_capabilities },
	{ MSR_CORE_C3_RESIDENCY, 3, MSR_FAST, .get = get_cstate, READ_ONLY },
	{ MSR_IA32_MC0_CTL, 4 * MCE_BANKS, MSR_FAST, .get = get_mce, .set = set_mce },
	{ MSR_CORE_C1_RES, 1, MSR_FAST, .get = get_cstate, READ_ONLY },
	{ MSR_IA32_TSC_DEADLINE, 1, MSR_LISTED | MSR_FAST, .get = get_deadline,
	  .set = set_deadline },
	{ APIC_BASE_MSR, 0x100, MSR_FAST, .get = get_lapic, .set = set_lapic },
	{ MSR_IA32_XSS, 1, MSR_LISTED | MSR_FAST, X86_FEATURE_XSAVES, .get = get_xss,
	  .set = set_xss },
	{ MSR_KVM_WALL_CLOCK_NEW, 9, MSR_LISTED, .get = get_pv, .set = set_pv },
	{ MSR_EFER, 1, MSR_FAST_READ, .get = get_efer, .set = set_efer },
	{ MSR_STAR, 1, MSR_LISTED | MSR_FAST, .get = get_backend, .set = set_backend,
	  .writable = ~0ull },
	{ MSR_LSTAR, 2, MSR_LISTED | MSR_FAST, .get = get_backend, .set = set_address },
	{ MSR_SYSCALL_MASK, 1, MSR_LISTED | MSR_FAST, .get = get_backend, .set = set_backend,
	  .writable = GENMASK_ULL(31, 0) },
	{ MSR_FS_BASE, 2, MSR_FAST, .get = get_backend, .set = set_address },
	{ MSR_KERNEL_GS_BASE, 1, MSR_LISTED | MSR_FAST, .get = get_backend, .set = set_address },
	{ MSR_TSC_AUX, 1, MSR_LISTED | MSR_FAST_READ, .get = get_tsc_aux, .set = set_tsc_aux },
	/* Performance counters read as zeros, so that a guest finds them not to count. */
	{ MSR_K7_EVNTSEL0, 8, ZERO, NO_EFFECT },
	{ MSR_AMD64_SYSCFG, 1, MSR_FAST, FIELD(syscfg), .writable = SYSCFG_WRITABLE },
	{ MSR_K7_HWCR, 1, MSR_LISTED | MSR_FAST, FIELD(hwcr), .writable = HWCR_WRITABLE },
	{ MSR_K8_TOP_MEM1, 1, ZERO, NO_EFFECT },
	{ MSR_K8_TOP_MEM2, 1, ZERO, NO_EFFECT },
	{ MSR_AMD64_NB_CFG, 1, ZERO, NO_EFFECT },
	{ MSR_AMD64_PATCH_LOADER, 1, MSR_FAST, .get = get_command, NO_EFFECT },
	{ MSR_K8_INT_PENDING_MSG, 1, ZERO, NO_EFFECT },
	{ MSR_FAM10H_MMIO_CONF_BASE, 1, ZERO, NO_EFFECT },
	{ MSR_K8_TSEG_ADDR, 2, ZERO, NO_EFFECT },
	{ MSR_AMD64_OSVW_ID_LENGTH, 2, MSR_LISTED | MSR_FAST, X86_FEATURE_OSVW, FIELD(osvw),
	  .writable = ~0ull },
	{ MSR_AMD64_DC_CFG, 1, ZERO, NO_EFFECT },
	{ MSR_AMD64_DE_CFG, 1, MSR_LISTED | MSR_FAST, FIELD(de_cfg), .set = set_de_cfg,
	  .host = host_de_cfg },
	{ MSR_AMD64_BU_CFG2, 1, ZERO, NO_EFFECT },
	{ MSR_F15H_EX_CFG, 1, ZERO, NO_EFFECT },
};

const unsigned int nr_msr_rows = ARRAY_SIZE(msr_rows);

void msr_init(struct vcpu *vcpu)
{
	struct vcpu_msrs *msrs = &vcpu->msrs;

	msrs->arch_capabilities = host_arch_capabilities();
	msrs->microcode = host_microcode();
	msrs->de_cfg = host_de_cfg();
	msrs->platform_info = MSR_PLATFORM_INFO_CPUID_FAULT;
	/* No erratum of the list needs a guest's workaround. */
	msrs->osvw[0] = 4;
	msrs->mce.cap = MCE_BANKS;
}

void msr_reset(struct vcpu *vcpu, bool init)
{
	struct vcpu_msrs *msrs = &vcpu->msrs;

	if (init)
		return;
	msrs->pat = PAT_RESET;
	backend->set_msr(vcpu, MSR_IA32_CR_PAT, PAT_RESET);
	msrs->misc_enable = MSR_IA32_MISC_ENABLE_FAST_STRING | MISC_ENABLE_FIXED;
	msrs->hwcr = HWCR_TSC_FREQ_SEL;
	msrs->spec_ctrl = 0;
	msrs->debugctl = 0;
	msrs->misc_features = 0;
	msrs->tsc_aux = 0;
	msrs->syscfg = 0;
	memset(&msrs->mtrr, 0, sizeof(msrs->mtrr));
}

bool msr_row_offered(const struct msr_row *row)
{
	if (row->first == MSR_IA32_SPEC_CTRL)
		return offers_any(X86_FEATURE_SPEC_CTRL, X86_FEATURE_AMD_IBRS);
	if (row->first == MSR_TSC_AUX)
		return offers_any(X86_FEATURE_RDTSCP, X86_FEATURE_RDPID);
	return !row->feature || cpuid_offered(row->feature);
}
