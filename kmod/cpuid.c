// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's CPUID: the table that user space sets, and the instruction that reads it.
 */
#include <asm/cpufeature.h>
#include <asm/processor.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "cpuid.h"
#include "cpuid_supported.h"
#include "cr.h"
#include "irq/lapic.h"
#include "vcpu.h"
#include "xstate.h"

/* What this host offers to guests; made at insmod, read-only after. */
static struct kvm_cpuid_entry2 supported[CPUID_MAX_ENTRIES] __ro_after_init;
static u32 supported_nr __ro_after_init;
static u32 offered[CPUID_WORDS] __ro_after_init;

/* CPUID without the feature bits that the host's kernel has turned off. */
static void host_cpuid(u32 leaf, u32 subleaf, u32 regs[4])
{
	unsigned int i, count;
	const struct cpuid_word *words = cpuid_words(&count);

	cpuid_count(leaf, subleaf, &regs[OUT_EAX], &regs[OUT_EBX], &regs[OUT_ECX], &regs[OUT_EDX]);
	for (i = 0; i < count; i++) {
		u32 known = boot_cpu_data.x86_capability[words[i].word];

		if (words[i].leaf != leaf || words[i].subleaf != subleaf)
			continue;
		/* The host may do without 5-level paging and its guests still use it. */
		if (words[i].word == X86_FEATURE_LA57 / 32)
			known |= BIT(X86_FEATURE_LA57 % 32);
		/* Bits that 6.1 does not name are not in boot_cpu_data either. */
		if (words[i].word == X86_FEATURE_AVX_VNNI / 32)
			known = ~0u;
		regs[words[i].reg] &= known;
	}
}

int __init cpuid_module_init(void)
{
	const struct cpuid_host host = {
		.read = host_cpuid,
		.xstate_size = xstate_size,
		.xcr0 = xstate_supported(),
		.ospke = boot_cpu_has(X86_FEATURE_OSPKE),
	};
	unsigned int i, count;
	const struct cpuid_word *words = cpuid_words(&count);
	int r;

	for (i = 0; i < count; i++)
		offered[words[i].word] = cpuid_word_offered(&host, &words[i]);
	r = cpuid_supported(&host, supported, CPUID_MAX_ENTRIES);
	if (r < 0)
		return r;
	supported_nr = r;
	return 0;
}

bool cpuid_offered(unsigned int feature)
{
	return offered[feature / 32] & BIT(feature % 32);
}

struct kvm_cpuid_entry2 *cpuid_find(struct vcpu *vcpu, u32 leaf, u32 subleaf)
{
	return cpuid_table_find(&vcpu->cpuid, leaf, subleaf);
}

void cpuid_read(struct vcpu *vcpu, u32 leaf, u32 subleaf, u32 regs[4])
{
	cpuid_table_read(&vcpu->cpuid, leaf, subleaf, regs);
}

void cpuid_execute(struct vcpu *vcpu)
{
	u32 regs[4];

	cpuid_table_read(&vcpu->cpuid, vcpu->regs[REG_RAX], vcpu->regs[REG_RCX], regs);
	vcpu->regs[REG_RAX] = regs[OUT_EAX];
	vcpu->regs[REG_RBX] = regs[OUT_EBX];
	vcpu->regs[REG_RCX] = regs[OUT_ECX];
	vcpu->regs[REG_RDX] = regs[OUT_EDX];
}

static void change_bit_to(u32 *word, unsigned int feature, bool on)
{
	u32 bit = BIT(feature % 32);

	*word = on ? *word | bit : *word & ~bit;
}

/* Where user space wants it so, MONITOR is there as IA32_MISC_ENABLE says (SDM 4, table 2-2). */
static void refresh_mwait(struct vcpu *vcpu, struct cpuid_table *table)
{
	bool on = vcpu->msrs.misc_enable & MSR_IA32_MISC_ENABLE_MWAIT;
	struct kvm_cpuid_entry2 *entry = cpuid_table_find(table, 1, 0);

	if (!entry || vm_quirk(vcpu->vm, KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT))
		return;
	change_bit_to(&entry->ecx, X86_FEATURE_MWAIT, on);
	change_bit_to(&table->features[X86_FEATURE_MWAIT / 32], X86_FEATURE_MWAIT, on);
}

static void refresh(struct vcpu *vcpu, struct cpuid_table *table)
{
	u64 apic_base = vcpu->apic ? vcpu->apic->base : vcpu->apic_base;
	struct kvm_cpuid_entry2 *entry = cpuid_table_find(table, 1, 0);

	if (entry) {
		change_bit_to(&entry->ecx, X86_FEATURE_OSXSAVE, vcpu->cr4 & X86_CR4_OSXSAVE);
		change_bit_to(&entry->edx, X86_FEATURE_APIC, apic_base & LAPIC_BASE_ENABLE);
	}
	entry = cpuid_table_find(table, 7, 0);
	if (entry)
		change_bit_to(&entry->ecx, X86_FEATURE_OSPKE, vcpu->cr4 & X86_CR4_PKE);
	entry = cpuid_table_find(table, 0xd, 0);
	if (entry)
		entry->ebx = xstate_size(vcpu->xcr0, false);
	entry = cpuid_table_find(table, 0xd, 1);
	if (entry && entry->eax & (BIT(X86_FEATURE_XSAVES % 32) | BIT(X86_FEATURE_XSAVEC % 32)))
		entry->ebx = xstate_size(vcpu->xcr0 | vcpu->xss, true);
	refresh_mwait(vcpu, table);
}

void cpuid_refresh(struct vcpu *vcpu)
{
	refresh(vcpu, &vcpu->cpuid);
}

static int table_alloc(struct cpuid_table *table, u32 nr)
{
	memset(table, 0, sizeof(*table));
	table->nr = nr;
	if (!nr)
		return 0;
	table->entries =
		kvcalloc(nr, sizeof(*table->entries) + sizeof(*table->next), GFP_KERNEL_ACCOUNT);
	if (!table->entries)
		return -ENOMEM;
	table->next = (u16 *)(table->entries + nr);
	return 0;
}

void cpuid_init(struct vcpu *vcpu)
{
	table_alloc(&vcpu->cpuid, 0);
	cpuid_table_build(&vcpu->cpuid);
	cr_update_reserved(vcpu);
}

void cpuid_destroy(struct vcpu *vcpu)
{
	kvfree(vcpu->cpuid.entries);
	vcpu->cpuid.entries = NULL;
}

/* Linear addresses have 48 or 57 bits; 0 where the leaf says nothing. */
static bool table_valid(const struct cpuid_table *table)
{
	const struct kvm_cpuid_entry2 *entry = cpuid_table_find(table, 0x80000008, 0);
	u32 bits = entry ? entry->eax >> 8 & 0xff : 0;

	return !bits || bits == 48 || bits == 57;
}

static bool tables_equal(const struct cpuid_table *a, const struct cpuid_table *b)
{
	u32 i;

	if (a->nr != b->nr)
		return false;
	for (i = 0; i < a->nr; i++)
		if (memcmp(&a->entries[i], &b->entries[i],
			   offsetof(struct kvm_cpuid_entry2, padding)))
			return false;
	return true;
}

static void after_change(struct vcpu *vcpu)
{
	const struct kvm_cpuid_entry2 *entry = cpuid_find(vcpu, 0xd, 0);

	vcpu->supported_xcr0 = 0;
	if (entry)
		vcpu->supported_xcr0 = (entry->eax | (u64)entry->edx << 32) & xstate_supported();
	cr_update_reserved(vcpu);
	if (vcpu->apic) {
		vcpu->apic->config.max_phys_bits = vcpu->cpuid.physical_bits;
		vcpu->apic->config.x2apic = cpuid_has(vcpu, X86_FEATURE_X2APIC);
		/* An IOAPIC with an EOI register is for user space to have. */
		vcpu->apic->config.eoi_suppress = vcpu->user_pic && vcpu->apic->config.x2apic;
		vcpu->apic->config.tsc_deadline = cpuid_has(vcpu, X86_FEATURE_TSC_DEADLINE_TIMER);
	}
	pv_cpuid_changed(vcpu);
	backend->update_intercepts(vcpu);
}

/* Takes over @table's entries, or frees them. */
static long install(struct vcpu *vcpu, struct cpuid_table *table)
{
	long r = -EINVAL;

	cpuid_table_build(table);
	refresh(vcpu, table);
	if (!table_valid(table))
		goto out_free;
	if (vcpu->cpuid.ran) {
		r = tables_equal(table, &vcpu->cpuid) ? 0 : -EINVAL;
		goto out_free;
	}
	cpuid_destroy(vcpu);
	vcpu->cpuid = *table;
	after_change(vcpu);
	return 0;

out_free:
	kvfree(table->entries);
	return r;
}

/**
 * cpuid_set2() - KVM_SET_CPUID2
 * @vcpu: the vCPU
 * @arg: struct kvm_cpuid2 without its entries
 * @uarg: the user's struct
 *
 * Return: 0; -E2BIG for more than CPUID_MAX_ENTRIES; -EINVAL for a linear address width that does
 * not exist, or for another table than the one with which the vCPU has run; -EFAULT; -ENOMEM.
 */
long cpuid_set2(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	const struct kvm_cpuid2 __user *user = (void __user *)uarg;
	const struct kvm_cpuid2 *header = arg;
	struct cpuid_table table;
	int r;

	if (header->nent > CPUID_MAX_ENTRIES)
		return -E2BIG;
	r = table_alloc(&table, header->nent);
	if (r)
		return r;
	if (copy_from_user(table.entries, user->entries, table.nr * sizeof(*table.entries))) {
		kvfree(table.entries);
		return -EFAULT;
	}
	return install(vcpu, &table);
}

/* KVM_SET_CPUID: the same without sub-leaves. */
long cpuid_set(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	const struct kvm_cpuid __user *user = (void __user *)uarg;
	const struct kvm_cpuid *header = arg;
	struct kvm_cpuid_entry entry;
	struct cpuid_table table;
	u32 i;
	int r;

	if (header->nent > CPUID_MAX_ENTRIES)
		return -E2BIG;
	r = table_alloc(&table, header->nent);
	if (r)
		return r;
	for (i = 0; i < table.nr; i++) {
		if (copy_from_user(&entry, &user->entries[i], sizeof(entry))) {
			kvfree(table.entries);
			return -EFAULT;
		}
		table.entries[i].function = entry.function;
		table.entries[i].eax = entry.eax;
		table.entries[i].ebx = entry.ebx;
		table.entries[i].ecx = entry.ecx;
		table.entries[i].edx = entry.edx;
	}
	return install(vcpu, &table);
}

static long copy_entries(struct kvm_cpuid2 *header, unsigned long uarg,
			 const struct kvm_cpuid_entry2 *entries, u32 nr)
{
	struct kvm_cpuid2 __user *user = (void __user *)uarg;

	if (header->nent < nr)
		return -E2BIG;
	if (copy_to_user(user->entries, entries, nr * sizeof(*entries)))
		return -EFAULT;
	header->nent = nr;
	return 0;
}

/* KVM_GET_CPUID2: -E2BIG where the entries do not fit. */
long cpuid_get2(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	cpuid_refresh(vcpu);
	return copy_entries(arg, uarg, vcpu->cpuid.entries, vcpu->cpuid.nr);
}

/*
 * KVM_GET_EMULATED_CPUID: features whose instructions the module carries out where the processor
 * cannot. There are none. -E2BIG where the one entry does not fit.
 */
long cpuid_get_emulated(void *arg, unsigned long uarg)
{
	static const struct kvm_cpuid_entry2 none;

	return copy_entries(arg, uarg, &none, 1);
}

/* KVM_GET_SUPPORTED_CPUID: -E2BIG where the entries do not fit. */
long cpuid_get_supported(void *arg, unsigned long uarg)
{
	return copy_entries(arg, uarg, supported, supported_nr);
}
