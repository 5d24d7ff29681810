/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which CPUID leaves and bits a guest may be shown on a given processor. Pure: the processor is
 * seen through struct cpuid_host.
 */
#ifndef TENON_CPUID_SUPPORTED_H
#define TENON_CPUID_SUPPORTED_H

#include <linux/kvm.h>
#include <linux/types.h>

enum cpuid_reg {
	OUT_EAX,
	OUT_EBX,
	OUT_ECX,
	OUT_EDX
};

#define CPUID_KVM_SIGNATURE 0x40000000
#define CPUID_KVM_FEATURES  0x40000001

/**
 * struct cpuid_host - the processor as the table sees it
 * @read: CPUID, with the bits removed that the host's kernel has turned off
 * @xstate_size: bytes of an XSAVE area, see xstate_size()
 * @xcr0: state components that guests may use
 * @ospke: the host uses protection keys, so PKRU is switched
 */
struct cpuid_host {
	void (*read)(u32 leaf, u32 subleaf, u32 regs[4]);
	u32 (*xstate_size)(u64 xcr0, bool compacted);
	u64 xcr0;
	bool ospke;
};

/**
 * struct cpuid_word - a register of CPUID that holds feature bits
 * @word: its number in the kernel's X86_FEATURE_* numbering
 * @pass: bits shown where the host has them
 * @emulated: bits shown on every host
 */
struct cpuid_word {
	u32 leaf;
	u8 subleaf;
	u8 reg;
	u8 word;
	u32 pass;
	u32 emulated;
};

/* The feature words; @count takes how many there are. */
const struct cpuid_word *cpuid_words(unsigned int *count);

/* The feature bits of @word that guests may have on @host. */
u32 cpuid_word_offered(const struct cpuid_host *host, const struct cpuid_word *word);

/**
 * cpuid_supported() - list what guests may be shown
 * @host: the processor
 * @entries: takes the list
 * @max: how many fit
 *
 * Return: how many entries were written, or -E2BIG where they do not fit.
 */
int cpuid_supported(const struct cpuid_host *host, struct kvm_cpuid_entry2 *entries, u32 max);

#endif
