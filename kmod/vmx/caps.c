// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMX capability discovery: every control is computed from the capability MSRs (SDM 3, appendix A).
 */
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/perf_event.h>
#include <linux/cpu.h>
#include <linux/kernel.h>

#include "../mmu/pte.h"
#include "vmx.h"

/**
 * enum need - how much Tenon wants a control
 * @REQUIRED: set for each guest; a CPU without it is refused
 * @WANTED: set for each guest where the CPU has it
 * @OPTIONAL: set for a vCPU, or for a while, where it is asked for
 * @SOMETIMES: likewise, and a CPU without it is refused
 */
enum need {
	REQUIRED,
	WANTED,
	OPTIONAL,
	SOMETIMES,
};

static const struct vmx_control {
	u8 word;
	u8 need;
	u32 control;
	const char *name;
} controls[] = {
	{ VMX_CPU, REQUIRED, CPU_BASED_ACTIVATE_SECONDARY_CONTROLS, "secondary controls" },
	{ VMX_CPU2, REQUIRED, SECONDARY_EXEC_ENABLE_EPT, "EPT" },
	{ VMX_CPU2, REQUIRED, SECONDARY_EXEC_UNRESTRICTED_GUEST, "unrestricted guest" },
	{ VMX_PIN, REQUIRED, PIN_BASED_EXT_INTR_MASK, "external-interrupt exiting" },
	{ VMX_PIN, REQUIRED, PIN_BASED_NMI_EXITING, "NMI exiting" },
	{ VMX_PIN, REQUIRED, PIN_BASED_VIRTUAL_NMIS, "virtual NMIs" },
	{ VMX_PIN, OPTIONAL, PIN_BASED_VMX_PREEMPTION_TIMER, "preemption timer" },
	{ VMX_CPU, REQUIRED, CPU_BASED_USE_TSC_OFFSETTING, "TSC offsetting" },
	{ VMX_CPU, REQUIRED, CPU_BASED_HLT_EXITING, "HLT exiting" },
	{ VMX_CPU, REQUIRED, CPU_BASED_MWAIT_EXITING, "MWAIT exiting" },
	{ VMX_CPU, REQUIRED, CPU_BASED_MONITOR_EXITING, "MONITOR exiting" },
	{ VMX_CPU, REQUIRED, CPU_BASED_RDPMC_EXITING, "RDPMC exiting" },
	{ VMX_CPU, REQUIRED, CPU_BASED_TPR_SHADOW, "TPR shadow" },
	{ VMX_CPU, REQUIRED, CPU_BASED_MOV_DR_EXITING, "MOV-DR exiting" },
	{ VMX_CPU, REQUIRED, CPU_BASED_UNCOND_IO_EXITING, "I/O exiting" },
	{ VMX_CPU, REQUIRED, CPU_BASED_USE_MSR_BITMAPS, "MSR bitmaps" },
	{ VMX_CPU, SOMETIMES, CPU_BASED_INTR_WINDOW_EXITING, "interrupt-window exiting" },
	{ VMX_CPU, SOMETIMES, CPU_BASED_NMI_WINDOW_EXITING, "NMI-window exiting" },
	{ VMX_CPU, SOMETIMES, CPU_BASED_CR8_LOAD_EXITING, "CR8-load exiting" },
	{ VMX_CPU2, WANTED, SECONDARY_EXEC_ENABLE_VPID, "VPID" },
	{ VMX_CPU2, WANTED, SECONDARY_EXEC_WBINVD_EXITING, "WBINVD exiting" },
	{ VMX_CPU2, WANTED, SECONDARY_EXEC_PAUSE_LOOP_EXITING, "PAUSE-loop exiting" },
	{ VMX_CPU2, WANTED, SECONDARY_EXEC_ENCLS_EXITING, "ENCLS exiting" },
	{ VMX_CPU2, WANTED, SECONDARY_EXEC_PT_CONCEAL_VMX, "concealment from Intel PT" },
	{ VMX_CPU2, OPTIONAL, SECONDARY_EXEC_ENABLE_RDTSCP, "RDTSCP" },
	{ VMX_CPU2, OPTIONAL, SECONDARY_EXEC_ENABLE_INVPCID, "INVPCID" },
	{ VMX_CPU2, OPTIONAL, VMCS_CONTROL_BIT(XSAVES), "XSAVES" },
	{ VMX_CPU2, OPTIONAL, SECONDARY_EXEC_TSC_SCALING, "TSC scaling" },
	{ VMX_CPU2, OPTIONAL, SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE, "x2APIC mode" },
	{ VMX_EXIT, REQUIRED, VM_EXIT_HOST_ADDR_SPACE_SIZE, "64-bit host" },
	{ VMX_EXIT, REQUIRED, VM_EXIT_LOAD_IA32_EFER, "EFER switching" },
	{ VMX_EXIT, REQUIRED, VM_EXIT_LOAD_IA32_PAT, "PAT switching" },
	{ VMX_EXIT, OPTIONAL, VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL, "IA32_PERF_GLOBAL_CTRL" },
	{ VMX_EXIT, WANTED, VM_EXIT_PT_CONCEAL_PIP, NULL },
	{ VMX_ENTRY, REQUIRED, VM_ENTRY_LOAD_DEBUG_CONTROLS, "debug register switching" },
	{ VMX_ENTRY, REQUIRED, VM_ENTRY_LOAD_IA32_EFER, "EFER switching" },
	{ VMX_ENTRY, REQUIRED, VM_ENTRY_LOAD_IA32_PAT, "PAT switching" },
	{ VMX_ENTRY, SOMETIMES, VM_ENTRY_IA32E_MODE, "64-bit guests" },
	{ VMX_ENTRY, OPTIONAL, VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL, NULL },
	{ VMX_ENTRY, WANTED, VM_ENTRY_PT_CONCEAL_PIP, NULL },
};

/* The capability MSRs of each word; the "true" one where IA32_VMX_BASIC bit 55 says so. */
static const struct {
	u32 msr;
	u32 true_msr;
} words[NR_VMX_WORDS] = {
	[VMX_PIN] = { MSR_IA32_VMX_PINBASED_CTLS, MSR_IA32_VMX_TRUE_PINBASED_CTLS },
	[VMX_CPU] = { MSR_IA32_VMX_PROCBASED_CTLS, MSR_IA32_VMX_TRUE_PROCBASED_CTLS },
	[VMX_CPU2] = { MSR_IA32_VMX_PROCBASED_CTLS2, MSR_IA32_VMX_PROCBASED_CTLS2 },
	[VMX_EXIT] = { MSR_IA32_VMX_EXIT_CTLS, MSR_IA32_VMX_TRUE_EXIT_CTLS },
	[VMX_ENTRY] = { MSR_IA32_VMX_ENTRY_CTLS, MSR_IA32_VMX_TRUE_ENTRY_CTLS },
};

/* IA32_VMX_BASIC (SDM 3, A.1) */
#define BASIC_TRUE_CONTROLS BIT_ULL(55)
#define BASIC_MEMTYPE(msr)  ((msr) >> 50 & 15)

/* IA32_VMX_EPT_VPID_CAP (SDM 3, A.10), bits as in asm/vmx.h; those of INVVPID in the high half. */
#define INVVPID_NEEDED                                               \
	(VMX_VPID_INVVPID_BIT | VMX_VPID_EXTENT_SINGLE_CONTEXT_BIT | \
	 VMX_VPID_EXTENT_GLOBAL_CONTEXT_BIT)
#define EPT_NEEDED                                                                               \
	(VMX_EPT_PAGE_WALK_4_BIT | VMX_EPTP_WB_BIT | VMX_EPT_2MB_PAGE_BIT | VMX_EPT_INVEPT_BIT | \
	 VMX_EPT_EXTENT_GLOBAL_BIT)

struct vmx_caps vmx_caps;

static u64 read_cap(u32 msr)
{
	u64 value = 0;

	rdmsrl_safe(msr, &value);
	return value;
}

/* The low half of each MSR says what must be 1, the high half what may be (SDM 3, A.3). */
static void read_words(bool true_controls)
{
	int i;

	for (i = 0; i < NR_VMX_WORDS; i++) {
		u64 cap = read_cap(true_controls ? words[i].true_msr : words[i].msr);

		/* Without secondary controls their MSR does not exist. */
		vmx_caps.on[i] = cap;
		vmx_caps.can[i] = cap >> 32;
		if (i == VMX_CPU && !(cap >> 32 & CPU_BASED_ACTIVATE_SECONDARY_CONTROLS))
			break;
	}
}

static int choose_controls(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(controls); i++) {
		const struct vmx_control *c = &controls[i];

		if (vmx_can(c->word, c->control)) {
			if (c->need == REQUIRED || c->need == WANTED)
				vmx_caps.on[c->word] |= c->control;
		} else if (c->need == REQUIRED || c->need == SOMETIMES) {
			pr_err("this CPU's VMX is without %s, which Tenon needs\n", c->name);
			return -EOPNOTSUPP;
		}
	}
	return 0;
}

static int discover_ept(void)
{
	u64 cap = read_cap(MSR_IA32_VMX_EPT_VPID_CAP);
	u32 vpid = cap >> 32;

	if ((cap & EPT_NEEDED) != EPT_NEEDED) {
		pr_err("this CPU's EPT (%#llx) is without what Tenon needs (%#llx)\n", cap,
		       (u64)EPT_NEEDED);
		return -EOPNOTSUPP;
	}
	vmx_caps.invept_single = cap & VMX_EPT_EXTENT_CONTEXT_BIT;
	vmx_caps.ept_ad = cap & VMX_EPT_AD_BIT;
	vmx_caps.vpid = vmx_can(VMX_CPU2, SECONDARY_EXEC_ENABLE_VPID) &&
			(vpid & INVVPID_NEEDED) == INVVPID_NEEDED;
	if (!vmx_caps.vpid)
		vmx_caps.on[VMX_CPU2] &= ~SECONDARY_EXEC_ENABLE_VPID;

	vmx_backend.pte_format = vmx_caps.ept_ad ? &pte_format_ept : &pte_format_ept_no_ad;
	vmx_backend.tdp_levels = 4;
	if (cap & VMX_EPT_PAGE_WALK_5_BIT && boot_cpu_data.x86_phys_bits > 48)
		vmx_backend.tdp_levels = 5;
	vmx_backend.tdp_page_level = cap & VMX_EPT_1GB_PAGE_BIT ? PTE_LEVEL_1G : PTE_LEVEL_2M;
	vmx_backend.tdp_exec_level = vmx_backend.tdp_page_level;
	/* A guest that changes the size of a page it executes could stop the host. */
	if (boot_cpu_has_bug(X86_BUG_ITLB_MULTIHIT) && !cpu_mitigations_off())
		vmx_backend.tdp_exec_level = PTE_LEVEL_4K;
	return 0;
}

static void say_what_is_used(void)
{
	char text[240];
	unsigned int i;
	size_t len;

	len = scnprintf(text, sizeof(text), "EPT with %d levels", vmx_backend.tdp_levels);
	if (vmx_backend.tdp_page_level == PTE_LEVEL_1G)
		len += scnprintf(text + len, sizeof(text) - len, ", 1 GiB pages");
	if (vmx_caps.ept_ad)
		len += scnprintf(text + len, sizeof(text) - len, ", A/D bits");
	for (i = 0; i < ARRAY_SIZE(controls); i++)
		if ((controls[i].need == WANTED || controls[i].need == OPTIONAL) &&
		    controls[i].name && vmx_can(controls[i].word, controls[i].control))
			len += scnprintf(text + len, sizeof(text) - len, ", %s", controls[i].name);
	pr_info("VMX: %s\n", text);
}

/*
 * Firmware may lock VMX off, and the kernel then hides it; what firmware leaves unlocked the kernel
 * switches on and locks, on each CPU that starts or wakes up (SDM 3, 24.7).
 */
static int check_firmware(void)
{
	u64 control = 0;

	if (boot_cpu_data.x86_vendor != X86_VENDOR_INTEL &&
	    boot_cpu_data.x86_vendor != X86_VENDOR_CENTAUR &&
	    boot_cpu_data.x86_vendor != X86_VENDOR_ZHAOXIN)
		return -ENODEV;
	if (!(cpuid_ecx(1) & BIT(X86_FEATURE_VMX & 31)))
		return -ENODEV;
	if (boot_cpu_has(X86_FEATURE_VMX))
		return 0;
	rdmsrl_safe(MSR_IA32_FEAT_CTL, &control);
	pr_err("VMX is switched off by firmware (IA32_FEATURE_CONTROL is %#llx): enable it in the setup\n",
	       control);
	return -EOPNOTSUPP;
}

/* A guest's not-present page-table entry lets it read what is in the L1 data cache (L1TF). */
static bool wants_l1d_flush(void)
{
	u64 cap = 0;

	if (!boot_cpu_has_bug(X86_BUG_L1TF) || l1tf_mitigation == L1TF_MITIGATION_OFF)
		return false;
	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrl(MSR_IA32_ARCH_CAPABILITIES, cap);
	return !(cap & ARCH_CAP_SKIP_VMENTRY_L1DFLUSH);
}

/* The host's perf uses counters, whose MSRs it wants to be switched. */
static bool perf_has_guest_msrs(void)
{
	struct perf_guest_switch_msr *msrs;
	int nr = 0;

	preempt_disable();
	msrs = perf_guest_get_msrs(&nr, NULL);
	preempt_enable();
	return msrs && nr;
}

/* Westmere may lose the register's value on VM exits (errata AAT100, BC86, AAY89, BD102). */
static bool perf_control_is_broken(void)
{
	return boot_cpu_data.x86 == 6 &&
	       (boot_cpu_data.x86_model == 37 || boot_cpu_data.x86_model == 44);
}

/**
 * vmx_discover() - find out what VMX has here and choose the controls
 *
 * Return: 0, -ENODEV where there is no VMX, or -EOPNOTSUPP with a line in the log that says why.
 */
int vmx_discover(void)
{
	u64 basic;
	int r = check_firmware();

	if (r)
		return r;
	basic = read_cap(MSR_IA32_VMX_BASIC);
	if (BASIC_MEMTYPE(basic) != VMX_EPTP_MT_WB || vmx_basic_vmcs_size(basic) > PAGE_SIZE) {
		pr_err("this CPU's VMCS (IA32_VMX_BASIC %#llx) is not of a known kind\n", basic);
		return -EOPNOTSUPP;
	}
	vmx_caps.revision = vmx_basic_vmcs_revision_id(basic);
	read_words(basic & BASIC_TRUE_CONTROLS);
	r = choose_controls();
	if (!r)
		r = discover_ept();
	if (r)
		return r;
	vmx_caps.cr0_fixed = read_cap(MSR_IA32_VMX_CR0_FIXED0) & ~(X86_CR0_PE | X86_CR0_PG);
	vmx_caps.cr4_fixed = read_cap(MSR_IA32_VMX_CR4_FIXED0);
	vmx_caps.perf = perf_has_guest_msrs();
	vmx_caps.perf_control = vmx_can(VMX_EXIT, VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL) &&
				vmx_can(VMX_ENTRY, VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL) &&
				!perf_control_is_broken();
	vmx_caps.flush_l1d = wants_l1d_flush();
	if (vmx_can(VMX_CPU2, SECONDARY_EXEC_TSC_SCALING)) {
		/* The multiplier is 16.48 bits wide (SDM 3, 25.6.5). */
		vmx_backend.tsc_fraction = 48;
		vmx_backend.tsc_ratio_max = U64_MAX;
	}
	say_what_is_used();
	return 0;
}
