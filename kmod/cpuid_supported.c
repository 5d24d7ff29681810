// SPDX-License-Identifier: GPL-2.0-only
/*
 * The leaves and feature bits that Tenon shows to guests. A bit is in a table here only if a guest
 * that uses it works: the processor virtualizes it by itself, or Tenon emulates it.
 *
 * SDM 2, CPUID; APM 3, appendix E.
 */
#include <asm/cpufeatures.h>
#include <asm/kvm_para.h>
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "cpuid_supported.h"

#define F(name) ((u32)BIT(X86_FEATURE_##name & 31))

/* Bits of leaf 1, EDX that AMD repeats in leaf 0x80000001, EDX. */
#define AMD_REPEATED                                                                               \
	(F(FPU) | F(VME) | F(DE) | F(PSE) | F(TSC) | F(MSR) | F(PAE) | F(MCE) | F(CX8) | F(APIC) | \
	 F(MTRR) | F(PGE) | F(MCA) | F(CMOV) | F(PAT) | F(PSE36) | F(MMX) | F(FXSR))

static const struct cpuid_word words[] = {
	{
		.leaf = 1,
		.reg = OUT_EDX,
		.word = 0,
		.pass = AMD_REPEATED | F(SEP) | F(CLFLUSH) | F(XMM) | F(XMM2) | F(SELFSNOOP),
	},
	{
		.leaf = 1,
		.reg = OUT_ECX,
		.word = 4,
		.pass = F(XMM3) | F(PCLMULQDQ) | F(SSSE3) | F(FMA) | F(CX16) | F(PCID) | F(XMM4_1) |
			F(XMM4_2) | F(MOVBE) | F(POPCNT) | F(AES) | F(XSAVE) | F(AVX) | F(F16C) |
			F(RDRAND),
		.emulated = F(X2APIC) | F(HYPERVISOR),
	},
	{
		.leaf = 7,
		.reg = OUT_EBX,
		.word = 9,
		.pass = F(FSGSBASE) | F(BMI1) | F(HLE) | F(AVX2) | F(FDP_EXCPTN_ONLY) | F(SMEP) |
			F(BMI2) | F(ERMS) | F(INVPCID) | F(RTM) | F(ZERO_FCS_FDS) | F(AVX512F) |
			F(AVX512DQ) | F(RDSEED) | F(ADX) | F(SMAP) | F(AVX512IFMA) | F(CLFLUSHOPT) |
			F(CLWB) | F(AVX512PF) | F(AVX512ER) | F(AVX512CD) | F(SHA_NI) |
			F(AVX512BW) | F(AVX512VL),
		.emulated = F(TSC_ADJUST),
	},
	{
		.leaf = 7,
		.reg = OUT_ECX,
		.word = 16,
		.pass = F(AVX512VBMI) | F(UMIP) | F(PKU) | F(AVX512_VBMI2) | F(GFNI) | F(VAES) |
			F(VPCLMULQDQ) | F(AVX512_VNNI) | F(AVX512_BITALG) | F(AVX512_VPOPCNTDQ) |
			F(LA57) | F(RDPID) | F(CLDEMOTE) | F(MOVDIRI) | F(MOVDIR64B),
	},
	{
		.leaf = 7,
		.reg = OUT_EDX,
		.word = 18,
		.pass = F(AVX512_4VNNIW) | F(AVX512_4FMAPS) | F(FSRM) | F(AVX512_VP2INTERSECT) |
			F(MD_CLEAR) | F(SERIALIZE) | F(TSXLDTRK) | F(AVX512_FP16) | F(SPEC_CTRL) |
			F(INTEL_STIBP) | F(SPEC_CTRL_SSBD),
		.emulated = F(ARCH_CAPABILITIES),
	},
	{
		.leaf = 7,
		.subleaf = 1,
		.reg = OUT_EAX,
		.word = 12,
		/* Also CMPCCXADD, FZRM, FSRS, FSRC and AVX-IFMA, which 6.1 does not name. */
		.pass = F(AVX_VNNI) | F(AVX512_BF16) | BIT(7) | GENMASK(12, 10) | BIT(23),
	},
	{
		.leaf = 0xd,
		.subleaf = 1,
		.reg = OUT_EAX,
		.word = 10,
		.pass = F(XSAVEOPT) | F(XSAVEC) | F(XGETBV1) | F(XSAVES),
	},
	{
		.leaf = 0x80000001,
		.reg = OUT_EDX,
		.word = 1,
		.pass = AMD_REPEATED | F(SYSCALL) | F(NX) | F(MMXEXT) | F(FXSR_OPT) | F(GBPAGES) |
			F(RDTSCP) | F(LM) | F(3DNOWEXT) | F(3DNOW),
	},
	{
		.leaf = 0x80000001,
		.reg = OUT_ECX,
		.word = 6,
		.pass = F(LAHF_LM) | F(CR8_LEGACY) | F(ABM) | F(SSE4A) | F(MISALIGNSSE) |
			F(3DNOWPREFETCH) | F(OSVW) | F(XOP) | F(FMA4) | F(TBM) | F(TOPOEXT),
	},
	{
		.leaf = 0x80000008,
		.reg = OUT_EBX,
		.word = 13,
		.pass = F(CLZERO) | F(XSAVEERPTR) | F(WBNOINVD) | F(AMD_IBPB) | F(AMD_IBRS) |
			F(AMD_STIBP) | F(AMD_STIBP_ALWAYS_ON) | F(AMD_SSBD) | F(AMD_SSB_NO) |
			BIT(28) /* AMD_PSFD, which 6.1 numbers elsewhere */,
	},
	{
		.leaf = 0x80000021,
		.reg = OUT_EAX,
		.word = 20,
		/*
		 * No nested data breakpoints, serializing LFENCE, VERW clears buffers, null
		 * selectors clear the base, SBPB, IBPB flushes branch types, no SRSO.
		 */
		.pass = BIT(0) | BIT(2) | BIT(5) | BIT(6) | BIT(27) | BIT(28) | BIT(29),
	},
};

const struct cpuid_word *cpuid_words(unsigned int *count)
{
	*count = ARRAY_SIZE(words);
	return words;
}

/* The list under construction. */
struct list {
	const struct cpuid_host *host;
	struct kvm_cpuid_entry2 *entries;
	u32 nr;
	u32 max;
};

static void host_read(const struct cpuid_host *host, u32 leaf, u32 subleaf, u32 regs[4])
{
	u32 limit[4];

	host->read(leaf & 0x80000000, 0, limit);
	memset(regs, 0, 4 * sizeof(*regs));
	if (leaf <= limit[OUT_EAX])
		host->read(leaf, subleaf, regs);
}

/* Features that hang on a state component or on what the host does with it. */
static u32 drop_unusable(const struct cpuid_host *host, const struct cpuid_word *word, u32 bits)
{
	u32 regs[4];

	if (word->word == X86_FEATURE_PKU / 32 && !host->ospke)
		bits &= ~F(PKU);
	if (word->word != X86_FEATURE_XSAVES / 32)
		return bits;
	host_read(host, 1, 0, regs);
	return regs[OUT_ECX] & F(XSAVE) ? bits : 0;
}

u32 cpuid_word_offered(const struct cpuid_host *host, const struct cpuid_word *word)
{
	u32 regs[4];

	host_read(host, word->leaf, word->subleaf, regs);
	return drop_unusable(host, word, regs[word->reg] & word->pass) | word->emulated;
}

static u32 offered(const struct cpuid_host *host, u32 leaf, u32 subleaf, enum cpuid_reg reg)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].leaf == leaf && words[i].subleaf == subleaf && words[i].reg == reg)
			return cpuid_word_offered(host, &words[i]);
	return 0;
}

static int add(struct list *list, u32 leaf, u32 subleaf, u32 flags, const u32 regs[4])
{
	if (list->nr == list->max)
		return -E2BIG;
	list->entries[list->nr++] = (struct kvm_cpuid_entry2){
		.function = leaf,
		.index = subleaf,
		.flags = flags,
		.eax = regs[OUT_EAX],
		.ebx = regs[OUT_EBX],
		.ecx = regs[OUT_ECX],
		.edx = regs[OUT_EDX],
	};
	return 0;
}

static int add_plain(struct list *list, u32 leaf, const u32 regs[4])
{
	return add(list, leaf, 0, 0, regs);
}

static int add_sub(struct list *list, u32 leaf, u32 subleaf, const u32 regs[4])
{
	return add(list, leaf, subleaf, KVM_CPUID_FLAG_SIGNIFCANT_INDEX, regs);
}

/* Family, model, stepping, cache line size; APIC id and topology are user space's to fill in. */
static int leaf_version(struct list *list, u32 leaf)
{
	u32 regs[4];

	host_read(list->host, leaf, 0, regs);
	regs[OUT_EBX] &= 0xffff;
	regs[OUT_ECX] = offered(list->host, leaf, 0, OUT_ECX);
	regs[OUT_EDX] = offered(list->host, leaf, 0, OUT_EDX);
	return add_plain(list, leaf, regs);
}

static int leaf_host(struct list *list, u32 leaf)
{
	u32 regs[4];

	host_read(list->host, leaf, 0, regs);
	return add_plain(list, leaf, regs);
}

/* Caches, one sub-leaf each up to the first of type 0; shared by one CPU, as far as we know. */
static int leaf_caches(struct list *list, u32 leaf)
{
	u32 regs[4], i;
	int r;

	for (i = 0; i < 16; i++) {
		host_read(list->host, leaf, i, regs);
		regs[OUT_EAX] &= GENMASK(13, 0);
		if (!(regs[OUT_EAX] & GENMASK(4, 0)))
			memset(regs, 0, sizeof(regs));
		r = add_sub(list, leaf, i, regs);
		if (r || !regs[OUT_EAX])
			return r;
	}
	return 0;
}

/* The local APIC's timer runs in all power states. */
static int leaf_power(struct list *list, u32 leaf)
{
	static const u32 regs[4] = { [OUT_EAX] = F(ARAT) };

	return add_plain(list, leaf, regs);
}

static int leaf_features(struct list *list, u32 leaf)
{
	const struct cpuid_host *host = list->host;
	u32 regs[4] = {}, host_regs[4];
	int r;

	host_read(host, leaf, 0, host_regs);
	regs[OUT_EAX] = host_regs[OUT_EAX] ? 1 : 0;
	regs[OUT_EBX] = offered(host, leaf, 0, OUT_EBX);
	regs[OUT_ECX] = offered(host, leaf, 0, OUT_ECX);
	regs[OUT_EDX] = offered(host, leaf, 0, OUT_EDX);
	r = add_sub(list, leaf, 0, regs);
	if (r || !regs[OUT_EAX])
		return r;

	host_read(host, leaf, 1, host_regs);
	memset(regs, 0, sizeof(regs));
	regs[OUT_EAX] = offered(host, leaf, 1, OUT_EAX);
	/* AVX-VNNI-INT8, AVX-NE-CONVERT, PREFETCHITI. */
	regs[OUT_EDX] = host_regs[OUT_EDX] & (BIT(4) | BIT(5) | BIT(14));
	return add_sub(list, leaf, 1, regs);
}

/* The topology is user space's to fill in: one empty level. */
static int leaf_topology(struct list *list, u32 leaf)
{
	static const u32 regs[4];

	return add_sub(list, leaf, 0, regs);
}

static int leaf_xstate_components(struct list *list, u32 leaf)
{
	const struct cpuid_host *host = list->host;
	u32 regs[4], i;
	int r;

	for (i = 2; i < 63; i++) {
		if (!(host->xcr0 & BIT_ULL(i)))
			continue;
		host_read(host, leaf, i, regs);
		regs[OUT_ECX] &= BIT(1); /* aligned in the compacted form */
		regs[OUT_EDX] = 0;
		r = add_sub(list, leaf, i, regs);
		if (r)
			return r;
	}
	return 0;
}

static int leaf_xstate(struct list *list, u32 leaf)
{
	const struct cpuid_host *host = list->host;
	u32 regs[4] = {};
	int r;

	if (!(offered(host, 1, 0, OUT_ECX) & F(XSAVE)))
		return add_sub(list, leaf, 0, regs);

	regs[OUT_EAX] = host->xcr0;
	regs[OUT_EBX] = host->xstate_size(host->xcr0, false);
	regs[OUT_ECX] = regs[OUT_EBX];
	regs[OUT_EDX] = host->xcr0 >> 32;
	r = add_sub(list, leaf, 0, regs);
	if (r)
		return r;

	memset(regs, 0, sizeof(regs));
	regs[OUT_EAX] = offered(host, leaf, 1, OUT_EAX);
	if (regs[OUT_EAX] & (F(XSAVES) | F(XSAVEC)))
		regs[OUT_EBX] = host->xstate_size(host->xcr0, true);
	r = add_sub(list, leaf, 1, regs);
	return r ?: leaf_xstate_components(list, leaf);
}

static int leaf_signature(struct list *list, u32 leaf)
{
	static const char name[12] = "KVMKVMKVM";
	u32 regs[4] = { [OUT_EAX] = CPUID_KVM_FEATURES };

	memcpy(&regs[OUT_EBX], name, sizeof(name));
	return add_plain(list, leaf, regs);
}

static int leaf_paravirtual(struct list *list, u32 leaf)
{
	static const u32 regs[4] = {
		[OUT_EAX] = BIT(KVM_FEATURE_CLOCKSOURCE) | BIT(KVM_FEATURE_NOP_IO_DELAY) |
			    BIT(KVM_FEATURE_CLOCKSOURCE2) | BIT(KVM_FEATURE_ASYNC_PF) |
			    BIT(KVM_FEATURE_STEAL_TIME) | BIT(KVM_FEATURE_PV_EOI) |
			    BIT(KVM_FEATURE_PV_UNHALT) | BIT(KVM_FEATURE_PV_TLB_FLUSH) |
			    BIT(KVM_FEATURE_ASYNC_PF_VMEXIT) | BIT(KVM_FEATURE_PV_SEND_IPI) |
			    BIT(KVM_FEATURE_POLL_CONTROL) | BIT(KVM_FEATURE_PV_SCHED_YIELD) |
			    BIT(KVM_FEATURE_ASYNC_PF_INT) | BIT(KVM_FEATURE_MIGRATION_CONTROL) |
			    BIT(KVM_FEATURE_CLOCKSOURCE_STABLE_BIT),
	};

	return add_plain(list, leaf, regs);
}

static int leaf_ext_features(struct list *list, u32 leaf)
{
	u32 regs[4];

	host_read(list->host, leaf, 0, regs);
	regs[OUT_ECX] = offered(list->host, leaf, 0, OUT_ECX);
	regs[OUT_EDX] = offered(list->host, leaf, 0, OUT_EDX);
	return add_plain(list, leaf, regs);
}

/* Of power management only the invariant TSC. */
static int leaf_invariant_tsc(struct list *list, u32 leaf)
{
	u32 regs[4] = {}, host_regs[4];

	host_read(list->host, leaf, 0, host_regs);
	regs[OUT_EDX] = host_regs[OUT_EDX] & BIT(8);
	return add_plain(list, leaf, regs);
}

static int leaf_address_sizes(struct list *list, u32 leaf)
{
	u32 regs[4] = {}, host_regs[4], physical, linear, guest;

	host_read(list->host, leaf, 0, host_regs);
	physical = host_regs[OUT_EAX] & 0xff;
	linear = max_t(u32, host_regs[OUT_EAX] >> 8 & 0xff, 48);
	guest = host_regs[OUT_EAX] >> 16 & 0xff;
	regs[OUT_EAX] = (guest ?: physical) | linear << 8;
	regs[OUT_EBX] = offered(list->host, leaf, 0, OUT_EBX);
	return add_plain(list, leaf, regs);
}

/* Performance hints on the width of the execution units. */
static int leaf_hints(struct list *list, u32 leaf)
{
	u32 regs[4] = {}, host_regs[4];

	host_read(list->host, leaf, 0, host_regs);
	regs[OUT_EAX] = host_regs[OUT_EAX] & GENMASK(2, 0);
	return add_plain(list, leaf, regs);
}

static int leaf_ext_features2(struct list *list, u32 leaf)
{
	u32 regs[4] = {}, host_regs[4];

	host_read(list->host, leaf, 0, host_regs);
	regs[OUT_EAX] = offered(list->host, leaf, 0, OUT_EAX);
	regs[OUT_ECX] = host_regs[OUT_ECX] & (BIT(1) | BIT(2)); /* TSA_SQ_NO, TSA_L1_NO */
	return add_plain(list, leaf, regs);
}

static int leaf_empty(struct list *list, u32 leaf)
{
	static const u32 regs[4];

	return add_plain(list, leaf, regs);
}

static int leaf_limit(struct list *list, u32 leaf);

/**
 * struct leaf_range - a region of leaves that starts with its own limit
 * @leaves: how a leaf is made, by its distance from @first; the others read as zeros
 * @first: the leaf that holds the limit
 * @last: the highest leaf that Tenon knows
 * @paravirtual: ours, not the host's
 */
struct leaf_range {
	int (*leaves[0x22])(struct list *list, u32 leaf);
	u32 first;
	u32 last;
	bool paravirtual;
};

static const struct leaf_range ranges[] = {
	{
		.first = 0,
		.last = 0x1f,
		.leaves = {
			[0x00] = leaf_limit,
			[0x01] = leaf_version,
			[0x02] = leaf_host,
			[0x04] = leaf_caches,
			[0x06] = leaf_power,
			[0x07] = leaf_features,
			[0x0b] = leaf_topology,
			[0x0d] = leaf_xstate,
			[0x1f] = leaf_topology,
		},
	},
	{
		.first = CPUID_KVM_SIGNATURE,
		.last = CPUID_KVM_FEATURES,
		.paravirtual = true,
		.leaves = { leaf_signature, leaf_paravirtual },
	},
	{
		.first = 0x80000000,
		.last = 0x80000021,
		.leaves = {
			[0x00] = leaf_limit,
			[0x01] = leaf_ext_features,
			[0x02] = leaf_host,
			[0x03] = leaf_host,
			[0x04] = leaf_host,
			[0x05] = leaf_host,
			[0x06] = leaf_host,
			[0x07] = leaf_invariant_tsc,
			[0x08] = leaf_address_sizes,
			[0x19] = leaf_host,
			[0x1a] = leaf_hints,
			[0x1d] = leaf_caches,
			[0x21] = leaf_ext_features2,
		},
	},
};

static u32 range_last(const struct cpuid_host *host, const struct leaf_range *range)
{
	u32 regs[4];

	if (range->paravirtual)
		return range->last;
	host->read(range->first, 0, regs);
	return min(regs[OUT_EAX], range->last);
}

/* Highest leaf, and the vendor's name. */
static int leaf_limit(struct list *list, u32 leaf)
{
	u32 regs[4];

	host_read(list->host, leaf, 0, regs);
	regs[OUT_EAX] = range_last(list->host, &ranges[leaf ? ARRAY_SIZE(ranges) - 1 : 0]);
	return add_plain(list, leaf, regs);
}

static int add_leaves(struct list *list, const struct leaf_range *range)
{
	u32 leaf, last = range_last(list->host, range);
	int r;

	for (leaf = range->first; leaf <= last; leaf++) {
		u32 nr = leaf - range->first;

		r = range->leaves[nr] ? range->leaves[nr](list, leaf) : leaf_empty(list, leaf);
		if (r)
			return r;
	}
	return 0;
}

int cpuid_supported(const struct cpuid_host *host, struct kvm_cpuid_entry2 *entries, u32 max)
{
	struct list list = { .host = host, .entries = entries, .max = max };
	unsigned int i;
	int r;

	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		r = add_leaves(&list, &ranges[i]);
		if (r)
			return r;
	}
	return list.nr;
}
