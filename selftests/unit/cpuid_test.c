// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmod/cpuid_supported.c and cpuid_table.c: what guests may be shown of a processor, and what CPUID
 * answers out of a table.
 */
#include <asm/cpufeatures.h>
#include <errno.h>
#include <linux/bits.h>
#include <string.h>

#include "chip_test.h"
#include "cpuid_supported.h"
#include "cpuid_table.h"

#define BIT_OF(feature) ((u32)BIT((feature) % 32))

static u32 basic_limit, extended_limit;
static bool amd, empty;

/* A processor that has every bit of every leaf, or none. */
static void read_host(u32 leaf, u32 subleaf, u32 regs[4])
{
	memset(regs, empty ? 0 : 0xff, 4 * sizeof(*regs));
	if (leaf == 0 || leaf == 0x80000000)
		memcpy(&regs[OUT_EBX], amd ? "AuthcAMDenti" : "GenuntelineI", 12);
	if (leaf == 0)
		regs[OUT_EAX] = basic_limit;
	if (leaf == 0x80000000)
		regs[OUT_EAX] = extended_limit;
	if (leaf == 0x80000008)
		regs[OUT_EAX] = 48 << 8 | 46;
	/* Four caches. */
	if ((leaf == 4 || leaf == 0x8000001d) && subleaf >= 4)
		regs[OUT_EAX] &= ~0x1fu;
}

static u32 xstate_size(u64 xcr0, bool compacted)
{
	return compacted ? 1000 : 2000;
}

static struct cpuid_host host = {
	.read = read_host,
	.xstate_size = xstate_size,
	.xcr0 = 0x2e7,
	.ospke = true,
};

static struct kvm_cpuid_entry2 entries[CPUID_MAX_ENTRIES];
static int nr;

static void make(u32 basic, u32 extended)
{
	basic_limit = basic;
	extended_limit = extended;
	memset(entries, 0xee, sizeof(entries));
	nr = cpuid_supported(&host, entries, CPUID_MAX_ENTRIES);
	ck_assert_int_gt(nr, 0);
}

static struct kvm_cpuid_entry2 *entry(u32 leaf, u32 subleaf)
{
	int i;

	for (i = 0; i < nr; i++)
		if (entries[i].function == leaf && entries[i].index == subleaf)
			return &entries[i];
	return NULL;
}

static void setup(void)
{
	amd = false;
	empty = false;
	host.ospke = true;
	make(0x20, 0x80000022);
}

/* Features that would need code that is not there. */
START_TEST(nothing_that_is_not_virtualized)
{
	static const struct {
		u32 leaf;
		enum cpuid_reg reg;
		u32 bits;
	} absent[] = {
		/* DTES64, MONITOR, DS-CPL, VMX, SMX, EST, TM2, CNXT-ID, SDBG, xTPR, PDCM, DCA */
		{ 1, OUT_ECX, 0x0004cdfc & ~BIT(9) },
		/* TSC deadline depends on the irqchip, OSXSAVE on CR4. */
		{ 1, OUT_ECX, BIT(24) | BIT(27) },
		/* PSN, DS, ACPI, HTT, TM, PBE */
		{ 1, OUT_EDX, BIT(18) | BIT(21) | BIT(22) | BIT(28) | BIT(29) | BIT(31) },
		/* SGX, PQM, MPX, PQE, PT */
		{ 7, OUT_EBX, BIT(2) | BIT(12) | BIT(14) | BIT(15) | BIT(25) },
		/* OSPKE, WAITPKG, shadow stacks, key locker, ENQCMD, SGX LC, PKS */
		{ 7, OUT_ECX, BIT(4) | BIT(5) | BIT(7) | BIT(23) | BIT(29) | BIT(30) | BIT(31) },
		/* UINTR, PCONFIG, LBR, IBT, AMX, core capabilities */
		{ 7, OUT_EDX,
		  BIT(5) | BIT(18) | BIT(19) | BIT(20) | BIT(22) | BIT(24) | BIT(25) | BIT(30) },
		/* SVM, IBS, SKINIT, WDT, LWP, PMU extensions, MONITORX */
		{ 0x80000001, OUT_ECX,
		  BIT(2) | BIT(10) | BIT(12) | BIT(13) | BIT(15) | BIT(23) | BIT(24) | BIT(28) |
			  BIT(29) },
		{ 0xa, OUT_EAX, ~0u },
		{ 0x12, OUT_EAX, ~0u },
		{ 0x14, OUT_EAX, ~0u },
		{ 0x8000000a, OUT_EDX, ~0u },
		{ 0x8000001f, OUT_EAX, ~0u },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(absent); i++) {
		const struct kvm_cpuid_entry2 *e = entry(absent[i].leaf, 0);
		const u32 regs[4] = { e->eax, e->ebx, e->ecx, e->edx };

		ck_assert_uint_eq(regs[absent[i].reg] & absent[i].bits, 0);
	}
	/* XFD */
	ck_assert_uint_eq(entry(0xd, 1)->eax & BIT(4), 0);
	ck_assert_ptr_null(entry(0xd, 17));
	ck_assert_ptr_null(entry(0xd, 18));
}
END_TEST

START_TEST(what_linux_needs)
{
	ck_assert_uint_eq(entry(1, 0)->edx & 0x078bfbff, 0x078bfbff);
	ck_assert(entry(1, 0)->ecx & BIT_OF(X86_FEATURE_XSAVE));
	ck_assert(entry(0x80000001, 0)->edx & BIT_OF(X86_FEATURE_LM));
	ck_assert(entry(0x80000001, 0)->edx & BIT_OF(X86_FEATURE_NX));
	ck_assert_uint_eq(entry(0x80000007, 0)->edx, BIT(8));
	ck_assert_uint_eq(entry(0x80000008, 0)->eax, 48 << 8 | 46);
	ck_assert_uint_eq(entry(7, 0)->eax, 1);
}
END_TEST

START_TEST(emulated_bits_are_always_there)
{
	empty = true;
	make(0x20, 0x80000022);
	ck_assert_uint_eq(entry(1, 0)->ecx,
			  BIT_OF(X86_FEATURE_X2APIC) | BIT_OF(X86_FEATURE_HYPERVISOR));
	ck_assert_uint_eq(entry(1, 0)->edx, 0);
	ck_assert_uint_eq(entry(7, 0)->ebx, BIT_OF(X86_FEATURE_TSC_ADJUST));
	ck_assert_uint_eq(entry(7, 0)->edx, BIT_OF(X86_FEATURE_ARCH_CAPABILITIES));
	/* No XSAVE: no state components. */
	ck_assert_uint_eq(entry(0xd, 0)->eax, 0);
	ck_assert_uint_eq(entry(0xd, 0)->ebx, 0);
	ck_assert_ptr_null(entry(0xd, 2));
}
END_TEST

START_TEST(protection_keys_follow_the_host)
{
	ck_assert(entry(7, 0)->ecx & BIT_OF(X86_FEATURE_PKU));
	host.ospke = false;
	make(0x20, 0x80000022);
	ck_assert(!(entry(7, 0)->ecx & BIT_OF(X86_FEATURE_PKU)));
}
END_TEST

START_TEST(signature)
{
	const struct kvm_cpuid_entry2 *e = entry(0x40000000, 0);

	ck_assert_uint_eq(e->eax, 0x40000001);
	ck_assert_mem_eq(&e->ebx, "KVMK", 4);
	ck_assert_mem_eq(&e->ecx, "VMKV", 4);
	ck_assert_mem_eq(&e->edx, "M\0\0\0", 4);
	ck_assert_uint_eq(entry(0x40000001, 0)->eax,
			  GENMASK(14, 9) | GENMASK(7, 3) | BIT(0) | BIT(1) | BIT(17) | BIT(24));
}
END_TEST

START_TEST(limits_are_the_hosts_at_most)
{
	ck_assert_uint_eq(entry(0, 0)->eax, 0x1f);
	ck_assert_uint_eq(entry(0x80000000, 0)->eax, 0x80000021);
	make(0xd, 0x8000001a);
	ck_assert_uint_eq(entry(0, 0)->eax, 0xd);
	ck_assert_uint_eq(entry(0x80000000, 0)->eax, 0x8000001a);
	ck_assert_ptr_null(entry(0x1f, 0));
	ck_assert_ptr_null(entry(0x80000021, 0));
	ck_assert_ptr_nonnull(entry(0x40000001, 0));
	/* A processor without leaf 7 is not read there: it would answer something else. */
	make(4, 0x80000008);
	ck_assert_ptr_null(entry(7, 0));
}
END_TEST

START_TEST(sub_leaves)
{
	u32 i;

	for (i = 0; i < 5; i++) {
		ck_assert_uint_eq(entry(4, i)->flags, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
		ck_assert_int_eq(!entry(4, i)->eax, i == 4);
	}
	ck_assert_ptr_null(entry(4, 5));
	/* Topology is left to user space. */
	ck_assert_uint_eq(entry(4, 0)->eax >> 14, 0);
	ck_assert_uint_eq(entry(1, 0)->ebx >> 16, 0);
	ck_assert_uint_eq(entry(0xb, 0)->edx, 0);
	ck_assert_uint_eq(entry(0xd, 0)->eax, 0x2e7);
	ck_assert_uint_eq(entry(0xd, 0)->ebx, 2000);
	ck_assert_uint_eq(entry(0xd, 1)->ebx, 1000);
	for (i = 2; i < 64; i++)
		ck_assert_int_eq(!!entry(0xd, i), i < 63 && 0x2e7ull >> i & 1);
	ck_assert_uint_eq(entry(0xd, 9)->ecx, BIT(1));
	ck_assert_uint_eq(entry(0xd, 9)->edx, 0);
}
END_TEST

/* Security row 15: nothing is written beyond what fits. */
START_TEST(too_small)
{
	int need = nr, max, i;

	for (max = 0; max < need; max++) {
		memset(entries, 0xee, sizeof(entries));
		ck_assert_int_eq(cpuid_supported(&host, entries, max), -E2BIG);
		for (i = max * (int)sizeof(*entries); i < (int)sizeof(entries); i++)
			ck_assert_int_eq(((u8 *)entries)[i], 0xee);
	}
	ck_assert_int_eq(cpuid_supported(&host, entries, need), need);
}
END_TEST

START_TEST(padding_is_zero)
{
	int i;

	for (i = 0; i < nr; i++)
		ck_assert(!entries[i].padding[0] && !entries[i].padding[1] &&
			  !entries[i].padding[2]);
}
END_TEST

static struct cpuid_table table;
static u16 next[CPUID_MAX_ENTRIES];
static u32 regs[4];

static void build(void)
{
	memset(&table, 0, sizeof(table));
	table.entries = entries;
	table.next = next;
	table.nr = nr;
	cpuid_table_build(&table);
}

/* Each entry is found where it stands, and what is not there is not. */
START_TEST(finds_each_entry)
{
	int i, j;

	build();
	for (i = 0; i < nr; i++) {
		const struct kvm_cpuid_entry2 *e = &entries[i];

		ck_assert_ptr_eq(cpuid_table_find(&table, e->function, e->index), e);
		if (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX))
			ck_assert_ptr_eq(cpuid_table_find(&table, e->function, 77), e);
		cpuid_table_read(&table, e->function, e->index, regs);
		ck_assert_uint_eq(regs[OUT_EAX], e->eax);
		ck_assert_uint_eq(regs[OUT_EDX], e->edx);
	}
	for (j = 0; j < 0x10000; j++) {
		u32 leaf = (u32)j * 0x10001u;

		if (!entry(leaf, 0))
			ck_assert_ptr_null(cpuid_table_find(&table, leaf, 0));
	}
}
END_TEST

/* Leaves far from a region's start, and several entries of one leaf: the first one counts. */
START_TEST(odd_tables)
{
	static const struct kvm_cpuid_entry2 odd[] = {
		{ .function = 0x40000100, .eax = 1 },
		{ .function = 0x40000100, .eax = 2 },
		{ .function = 5, .index = 1, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX, .eax = 3 },
		{ .function = 5, .eax = 4 },
		{ .function = 0xc0000000, .eax = 5 },
		{ .function = 0x3fffffff,
		  .index = 3,
		  .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = 6 },
		{ .function = 0x3fffffff,
		  .index = 4,
		  .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = 7 },
	};

	memcpy(entries, odd, sizeof(odd));
	nr = ARRAY_SIZE(odd);
	build();
	ck_assert_uint_eq(cpuid_table_find(&table, 0x40000100, 9)->eax, 1);
	ck_assert_uint_eq(cpuid_table_find(&table, 5, 1)->eax, 3);
	ck_assert_uint_eq(cpuid_table_find(&table, 5, 0)->eax, 4);
	ck_assert_uint_eq(cpuid_table_find(&table, 0xc0000000, 0)->eax, 5);
	ck_assert_uint_eq(cpuid_table_find(&table, 0x3fffffff, 4)->eax, 7);
	ck_assert_ptr_null(cpuid_table_find(&table, 0x3fffffff, 5));
	ck_assert_ptr_null(cpuid_table_find(&table, 0x40000101, 0));
	ck_assert_uint_eq(table.physical_bits, 36);
	nr = 0;
	build();
	cpuid_table_read(&table, 0, 0, regs);
	ck_assert_uint_eq(regs[OUT_EAX] | regs[OUT_EBX] | regs[OUT_ECX] | regs[OUT_EDX], 0);
}
END_TEST

START_TEST(out_of_range)
{
	static const u32 beyond[] = {
		0x20,	    0x100,	0x3fffffff, 0x40000002, 0x400000ff,
		0x40000100, 0x50000000, 0x80000022, 0xc0000000, 0xffffffff,
	};
	unsigned int i;

	/* Intel: the highest basic leaf. */
	make(0x16, 0x80000008);
	entry(0x16, 0)->ecx = 0x1234;
	build();
	for (i = 0; i < ARRAY_SIZE(beyond); i++) {
		cpuid_table_read(&table, beyond[i], 0, regs);
		ck_assert_uint_eq(regs[OUT_ECX], 0x1234);
	}
	/* AMD: zeros. */
	amd = true;
	make(0x16, 0x80000008);
	entry(0x16, 0)->ecx = 0x1234;
	build();
	ck_assert(table.amd);
	for (i = 0; i < ARRAY_SIZE(beyond); i++) {
		cpuid_table_read(&table, beyond[i], 0, regs);
		ck_assert_uint_eq(regs[OUT_ECX], 0);
	}
	/* In range, but a sub-leaf that is not there: zeros. */
	cpuid_table_read(&table, 4, 9, regs);
	ck_assert_uint_eq(regs[OUT_EAX], 0);
}
END_TEST

START_TEST(topology_of_any_sub_leaf)
{
	entry(0xb, 0)->edx = 5;
	build();
	cpuid_table_read(&table, 0xb, 0x107, regs);
	ck_assert_uint_eq(regs[OUT_EAX], 0);
	ck_assert_uint_eq(regs[OUT_EBX], 0);
	ck_assert_uint_eq(regs[OUT_ECX], 7);
	ck_assert_uint_eq(regs[OUT_EDX], 5);
}
END_TEST

START_TEST(facts)
{
	struct kvm_cpuid_entry2 *sizes = entry(0x80000008, 0);

	build();
	ck_assert(!table.amd);
	ck_assert_uint_eq(table.physical_bits, 46);
	ck_assert(table.features[X86_FEATURE_LM / 32] & BIT_OF(X86_FEATURE_LM));
	ck_assert(!(table.features[X86_FEATURE_VMX / 32] & BIT_OF(X86_FEATURE_VMX)));
	sizes->eax = 0xffffffff;
	build();
	ck_assert_uint_eq(table.physical_bits, 52);
}
END_TEST

int main(void)
{
	const struct TTest *tests[] = {
		nothing_that_is_not_virtualized,
		what_linux_needs,
		emulated_bits_are_always_there,
		protection_keys_follow_the_host,
		signature,
		limits_are_the_hosts_at_most,
		sub_leaves,
		too_small,
		padding_is_zero,
		finds_each_entry,
		odd_tables,
		out_of_range,
		topology_of_any_sub_leaf,
		facts,
	};
	Suite *suite = suite_create("cpuid");
	TCase *tcase = tcase_create("all");
	SRunner *runner;
	int failed;
	size_t i;

	tcase_add_checked_fixture(tcase, setup, NULL);
	for (i = 0; i < ARRAY_SIZE(tests); i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
