// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMX: why an entry was refused, by the rules in check*.c.
 */
#include <asm/msr.h>
#include <asm/processor.h>

#include "check.h"
#include "ops.h"
#include "vmx.h"

/* A field that this CPU does not have leaves @value as it is. */
static u64 read_field(u32 encoding)
{
	u64 field = encoding, value = 0;

	asm volatile("1: vmread %[field], %[value]\n"
		     "2:\n" VMX_FIXUP("")
		     : [value] "+r"(value)
		     : [field] "r"(field)
		     : "cc");
	return value;
}

static u64 read_msr(u32 index)
{
	u64 value;

	return rdmsrl_safe(index, &value) ? 0 : value;
}

/* Counters that IA32_PERF_GLOBAL_CTRL does not have a bit for (CPUID leaf 0ah). */
static u64 perf_reserved(void)
{
	unsigned int general, fixed;

	if (boot_cpu_data.cpuid_level < 10)
		return ~0ull;
	general = cpuid_eax(10) >> 8 & 0xff;
	fixed = cpuid_edx(10) & 31;
	return ~((BIT_ULL(min(general, 32u)) - 1) | (BIT_ULL(fixed) - 1) << 32);
}

/* The kernel may use fewer bits of an address than the CPU checks: CPUID is asked. */
unsigned int vmx_explain(struct vcpu *vcpu, struct broken_rule *rules, unsigned int max)
{
	u32 widths = cpuid_eax(0x80000008);
	const struct vmx_source source = {
		.vmread = read_field,
		.rdmsr = read_msr,
		.physical_bits = widths,
		.linear_bits = widths >> 8,
		.perf_reserved = perf_reserved(),
		.vtpr = *to_vmx(vcpu)->tpr,
	};
	u64 image[NR_VI];

	vmx_begin(to_vmx(vcpu));
	vmx_image_fill(image, &source);
	vmx_end();
	return vmx_check(image, rules, max);
}
