// SPDX-License-Identifier: GPL-2.0-only
/*
 * Machine checks as user space models them for the guest: banks and injection (SDM 3, chapter 16).
 */
#include <asm/mce.h>
#include <linux/kvm.h>
#include <linux/nospec.h>

#include "msr.h"
#include "vcpu.h"

/* Registers of a bank, in the order of their MSRs. */
enum {
	BANK_CTL,
	BANK_STATUS,
	BANK_ADDR,
	BANK_MISC,
	BANK_REGS
};

#define MCE_CAP_SUPPORTED (MCG_CTL_P | MCG_SER_P)
#define MCE_CAP_COUNT	  0xffull
#define MCE_CAP_EXT_COUNT GENMASK_ULL(23, 16)

/* HWCR.McStatusWrEn: machine-check status registers can be written (APM 2, 9.3.2.7). */
#define HWCR_MC_STATUS_WRITE BIT_ULL(18)

static u64 *bank_register(struct vcpu *vcpu, u32 index)
{
	u32 nr = index - MSR_IA32_MC0_CTL;

	if (nr >= BANK_REGS * (vcpu->msrs.mce.cap & MCE_CAP_COUNT))
		return NULL;
	return &vcpu->msrs.mce.banks[array_index_nospec(nr, BANK_REGS * MCE_BANKS)];
}

int mce_get_msr(struct vcpu *vcpu, u32 index, u64 *value, bool host)
{
	const u64 *bank;

	switch (index) {
	case MSR_IA32_MCG_CAP:
		*value = vcpu->msrs.mce.cap;
		return 0;
	case MSR_IA32_MCG_STATUS:
		*value = vcpu->msrs.mce.status;
		return 0;
	case MSR_IA32_MCG_CTL:
		*value = vcpu->msrs.mce.ctl;
		return !host && !(vcpu->msrs.mce.cap & MCG_CTL_P);
	}
	bank = bank_register(vcpu, index);
	if (!bank)
		return 1;
	*value = *bank;
	return 0;
}

/* All events of a unit are on or off; some systems leave bit 0 or bit 10 of a bank off. */
static bool ctl_valid(u64 value)
{
	return !value || (value | BIT(10) | BIT(0)) == ~0ull;
}

static int bank_set(struct vcpu *vcpu, u32 index, u64 value, bool host)
{
	u32 nr = (index - MSR_IA32_MC0_CTL) % BANK_REGS;
	u64 *bank = bank_register(vcpu, index);

	if (!bank)
		return 1;
	if (nr == BANK_CTL && !ctl_valid(value))
		return 1;
	if (nr == BANK_STATUS && value && !host && !(vcpu->msrs.hwcr & HWCR_MC_STATUS_WRITE))
		return 1;
	*bank = value;
	return 0;
}

int mce_set_msr(struct vcpu *vcpu, u32 index, u64 value, bool host)
{
	switch (index) {
	case MSR_IA32_MCG_CAP:
		return 1;
	case MSR_IA32_MCG_STATUS:
		vcpu->msrs.mce.status = value;
		return 0;
	case MSR_IA32_MCG_CTL:
		/* User space may restore the 0 of a vCPU that does not have it. */
		if (!(vcpu->msrs.mce.cap & MCG_CTL_P))
			return !host || value;
		if (value && value != ~0ull)
			return 1;
		vcpu->msrs.mce.ctl = value;
		return 0;
	default:
		return bank_set(vcpu, index, value, host);
	}
}

/* KVM_X86_GET_MCE_CAP_SUPPORTED */
long mce_cap_supported(void *arg, unsigned long uarg)
{
	*(u64 *)arg = MCE_CAP_SUPPORTED;
	return 0;
}

/* KVM_X86_SETUP_MCE: -EINVAL for no or too many banks, or capabilities that are not supported. */
long mce_setup_ioctl(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	u64 cap = *(u64 *)arg;
	u32 banks = cap & MCE_CAP_COUNT;
	u32 i;

	if (!banks || banks > MCE_BANKS)
		return -EINVAL;
	if (cap & ~(MCE_CAP_SUPPORTED | MCE_CAP_COUNT | MCE_CAP_EXT_COUNT))
		return -EINVAL;
	vcpu->msrs.mce.cap = cap;
	if (cap & MCG_CTL_P)
		vcpu->msrs.mce.ctl = ~0ull;
	for (i = 0; i < banks; i++)
		vcpu->msrs.mce.banks[BANK_REGS * i + BANK_CTL] = ~0ull;
	return 0;
}

static void bank_fill(u64 *bank, const struct kvm_x86_mce *mce)
{
	bank[BANK_STATUS] = mce->status;
	bank[BANK_ADDR] = mce->addr;
	bank[BANK_MISC] = mce->misc;
}

static void report_uncorrected(struct vcpu *vcpu, u64 *bank, const struct kvm_x86_mce *mce)
{
	/* A second one before the first is dealt with shuts the processor down. */
	if (vcpu->msrs.mce.status & MCG_STATUS_MCIP || !(vcpu->cr4 & X86_CR4_MCE)) {
		vcpu_request(vcpu, WORK_TRIPLE_FAULT);
		return;
	}
	bank_fill(bank, mce);
	if (bank[BANK_STATUS] & MCI_STATUS_VAL)
		vcpu->msrs.mce.status = mce->mcg_status;
	event_exception(vcpu, VECTOR_MC);
}

/**
 * mce_inject_ioctl() - KVM_X86_SET_MCE: report a machine check to the guest
 * @vcpu: the vCPU
 * @arg: struct kvm_x86_mce
 * @uarg: unused
 *
 * An uncorrected error raises #MC, a corrected one is left in its bank for the guest to find.
 * Nothing happens where the guest has switched reporting off.
 *
 * Return: 0; -EINVAL for a bank that does not exist, or a status that is not marked valid.
 */
long mce_inject_ioctl(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	const struct kvm_x86_mce *mce = arg;
	bool overwrite;
	u64 *bank;

	if (mce->bank >= (vcpu->msrs.mce.cap & MCE_CAP_COUNT) || !(mce->status & MCI_STATUS_VAL))
		return -EINVAL;
	bank = &vcpu->msrs.mce.banks[BANK_REGS * array_index_nospec(mce->bank, MCE_BANKS)];
	if (mce->status & MCI_STATUS_UC) {
		if (vcpu->msrs.mce.cap & MCG_CTL_P && vcpu->msrs.mce.ctl != ~0ull)
			return 0;
		if (bank[BANK_CTL] != ~0ull)
			return 0;
		overwrite = bank[BANK_STATUS] & MCI_STATUS_VAL;
		report_uncorrected(vcpu, bank, mce);
	} else {
		overwrite = bank[BANK_STATUS] & MCI_STATUS_VAL;
		if (!overwrite || !(bank[BANK_STATUS] & MCI_STATUS_UC))
			bank_fill(bank, mce);
	}
	if (overwrite)
		bank[BANK_STATUS] |= MCI_STATUS_OVER;
	return 0;
}
