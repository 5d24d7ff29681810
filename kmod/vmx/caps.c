// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMX capability discovery (SDM 3, appendix A). This version of Tenon finds VMX and says what the
 * processor can do; it does not run guests on it.
 */
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <linux/module.h>

#include "../backend.h"

/* IA32_FEATURE_CONTROL (SDM 3, 24.7). */
#define FEATURE_CONTROL_LOCKED		BIT(0)
#define FEATURE_CONTROL_VMX_OUTSIDE_SMX BIT(2)

/* What a control may be set to is in the high half of its capability MSR (SDM 3, A.3). */
static const struct {
	u32 msr;
	u8 bit;
	const char *name;
} vmx_wanted[] = {
	{ MSR_IA32_VMX_PROCBASED_CTLS2, 1, "EPT" },
	{ MSR_IA32_VMX_PROCBASED_CTLS2, 5, "VPID" },
	{ MSR_IA32_VMX_PROCBASED_CTLS2, 7, "unrestricted guest" },
	{ MSR_IA32_VMX_PROCBASED_CTLS, 21, "TPR shadow" },
	{ MSR_IA32_VMX_PINBASED_CTLS, 5, "virtual NMIs" },
	{ MSR_IA32_VMX_PINBASED_CTLS, 6, "preemption timer" },
};

static bool vmx_can_set(u32 msr, u8 bit)
{
	u64 value;

	return !rdmsrl_safe(msr, &value) && value >> 32 & BIT(bit);
}

static int vmx_probe(void)
{
	u64 control;
	unsigned int i;

	if (!boot_cpu_has(X86_FEATURE_VMX))
		return -EOPNOTSUPP;
	if (rdmsrl_safe(MSR_IA32_FEAT_CTL, &control) || !(control & FEATURE_CONTROL_LOCKED) ||
	    !(control & FEATURE_CONTROL_VMX_OUTSIDE_SMX)) {
		pr_err("VMX is switched off by firmware (IA32_FEATURE_CONTROL): enable it in the setup\n");
		return -EOPNOTSUPP;
	}
	for (i = 0; i < ARRAY_SIZE(vmx_wanted); i++)
		pr_info("VMX: %s: %s\n", vmx_wanted[i].name,
			vmx_can_set(vmx_wanted[i].msr, vmx_wanted[i].bit) ? "yes" : "no");
	pr_err("VMX is here, but this version of Tenon runs guests on SVM only\n");
	return -EOPNOTSUPP;
}

struct backend vmx_backend __ro_after_init = {
	.name = "vmx",
	.probe = vmx_probe,
};
