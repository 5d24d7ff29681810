// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID: the ioctls, and the instruction in the guest.
 */
#include <stdlib.h>

#include "lib/abi.h"

#define CODE 0x1000

struct table {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entries[300];
};

static struct table supported, table;
static struct abi_vm *vm;
static int fd;

static void get_supported(void)
{
	memset(&supported, 0, sizeof(supported));
	supported.head.nent = 256;
	CHECK_EQ(ioctl(abi_dev(), KVM_GET_SUPPORTED_CPUID, &supported), 0);
}

static void make(void)
{
	vm = abi_vm(0x400000);
	fd = vm->vcpu[abi_vcpu(vm)];
	get_supported();
}

static struct kvm_cpuid_entry2 *entry(struct table *t, uint32_t leaf, uint32_t subleaf)
{
	uint32_t i;

	for (i = 0; i < t->head.nent; i++)
		if (t->entries[i].function == leaf && t->entries[i].index == subleaf)
			return &t->entries[i];
	abi_fail(__FILE__, __LINE__, "no leaf %#x.%u", leaf, subleaf);
}

/* Security row 15: counts that are too small, just right, too big. */
static void supported_counts(void)
{
	uint32_t nr, i;

	get_supported();
	nr = supported.head.nent;
	CHECK(nr > 20 && nr < 256);
	for (i = 0; i < nr; i++) {
		memset(&table, 0xee, sizeof(table));
		table.head.nent = i;
		CHECK_ERRNO(ioctl(abi_dev(), KVM_GET_SUPPORTED_CPUID, &table), E2BIG);
		CHECK_EQ(table.entries[i].function, 0xeeeeeeee);
	}
	table.head.nent = nr;
	CHECK_EQ(ioctl(abi_dev(), KVM_GET_SUPPORTED_CPUID, &table), 0);
	CHECK(!memcmp(table.entries, supported.entries, nr * sizeof(table.entries[0])));
	CHECK_EQ(table.entries[nr].function, 0xeeeeeeee);
	table.head.nent = ~0u;
	CHECK_EQ(ioctl(abi_dev(), KVM_GET_SUPPORTED_CPUID, &table), 0);
	CHECK_EQ(table.head.nent, nr);
	CHECK_ERRNO(ioctl(abi_dev(), KVM_GET_SUPPORTED_CPUID, NULL), EFAULT);
}

/* At least an entry, and nothing but entries. */
static void emulated(void)
{
	uint32_t i;

	/* kvm.ko wants the padding to be 0. */
	memset(&table, 0, sizeof(table));
	for (i = 0; i < 256; i++)
		table.entries[i].function = 0xeeeeeeee;
	table.head.nent = 256;
	CHECK_EQ(ioctl(abi_dev(), KVM_GET_EMULATED_CPUID, &table), 0);
	CHECK(table.head.nent >= 1 && table.head.nent < 256);
	CHECK_EQ(table.entries[0].function, 0);
	CHECK_EQ(table.entries[table.head.nent].function, 0xeeeeeeee);
	CHECK_EQ(ioctl(abi_dev(), KVM_CHECK_EXTENSION, KVM_CAP_EXT_EMUL_CPUID), 1);
}

static void supported_bits(void)
{
	get_supported();
	CHECK(entry(&supported, 1, 0)->ecx & 1u << 31);
	CHECK(entry(&supported, 1, 0)->ecx & 1u << 21);
	CHECK(!(entry(&supported, 1, 0)->ecx & 1u << 24));
	CHECK(!(entry(&supported, 1, 0)->ecx & 1u << 5));
	CHECK(!(entry(&supported, 0x80000001, 0)->ecx & 1u << 2));
	CHECK_EQ(entry(&supported, 0x40000000, 0)->ebx, 0x4b4d564b);
	/* kvm.ko leaves bit 17, migration control, to user space. */
	CHECK_EQ(entry(&supported, 0x40000001, 0)->eax | (abi_reference() ? 1u << 17 : 0),
		 0x01027efb);
}

static void set_and_get(void)
{
	struct kvm_cpuid_entry2 *sizes;
	uint32_t nr, sizes_eax;

	make();
	nr = supported.head.nent;
	CHECK_EQ(ioctl(fd, KVM_SET_CPUID2, &supported), 0);
	memset(&table, 0xee, sizeof(table));
	table.head.nent = nr - 1;
	CHECK_ERRNO(ioctl(fd, KVM_GET_CPUID2, &table), E2BIG);
	CHECK_EQ(table.entries[0].function, 0xeeeeeeee);
	table.head.nent = 300;
	CHECK_EQ(ioctl(fd, KVM_GET_CPUID2, &table), 0);
	CHECK_EQ(table.head.nent, nr);
	CHECK_EQ(entry(&table, 0, 0)->ebx, entry(&supported, 0, 0)->ebx);
	/* XCR0 is 1: legacy area and header. */
	CHECK_EQ(entry(&table, 0xd, 0)->ebx, 576);
	supported.head.nent = 257;
	CHECK_ERRNO(ioctl(fd, KVM_SET_CPUID2, &supported), E2BIG);
	supported.head.nent = ~0u;
	CHECK_ERRNO(ioctl(fd, KVM_SET_CPUID2, &supported), E2BIG);
	supported.head.nent = nr;
	sizes = entry(&supported, 0x80000008, 0);
	sizes_eax = sizes->eax;
	sizes->eax = (sizes->eax & 0xff) | 47 << 8;
	CHECK_ERRNO(ioctl(fd, KVM_SET_CPUID2, &supported), EINVAL);
	CHECK_ERRNO(ioctl(fd, KVM_SET_CPUID2, NULL), EFAULT);
	/* A refused table leaves the old one. */
	CHECK_EQ(ioctl(fd, KVM_GET_CPUID2, &table), 0);
	CHECK_EQ(entry(&table, 0x80000008, 0)->eax, sizes_eax);
}

/* Bits that follow other registers. */
static void follows_registers(void)
{
	struct kvm_sregs sregs;

	make();
	CHECK_EQ(ioctl(fd, KVM_SET_CPUID2, &supported), 0);
	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &sregs), 0);
	sregs.cr4 |= 1u << 18;
	CHECK_EQ(ioctl(fd, KVM_SET_SREGS, &sregs), 0);
	table.head.nent = 300;
	CHECK_EQ(ioctl(fd, KVM_GET_CPUID2, &table), 0);
	CHECK(entry(&table, 1, 0)->ecx & 1u << 27);
	CHECK(entry(&table, 1, 0)->edx & 1u << 9);
	sregs.cr4 &= ~(1u << 18);
	sregs.apic_base &= ~0x800ull;
	CHECK_EQ(ioctl(fd, KVM_SET_SREGS, &sregs), 0);
	CHECK_EQ(ioctl(fd, KVM_GET_CPUID2, &table), 0);
	CHECK(!(entry(&table, 1, 0)->ecx & 1u << 27));
	CHECK(!(entry(&table, 1, 0)->edx & 1u << 9));
}

static void legacy(void)
{
	struct {
		struct kvm_cpuid head;
		struct kvm_cpuid_entry entries[2];
	} old = {
		.head.nent = 2,
		.entries = { { .function = 0, .eax = 1 }, { .function = 1, .eax = 0x12345 } },
	};

	make();
	CHECK_EQ(ioctl(fd, KVM_SET_CPUID, &old), 0);
	table.head.nent = 300;
	CHECK_EQ(ioctl(fd, KVM_GET_CPUID2, &table), 0);
	CHECK_EQ(table.head.nent, 2);
	CHECK_EQ(entry(&table, 1, 0)->eax, 0x12345);
	CHECK_EQ(entry(&table, 1, 0)->flags, 0);
	old.head.nent = 257;
	CHECK_ERRNO(ioctl(fd, KVM_SET_CPUID, &old), E2BIG);
}

static void execute(uint32_t leaf, uint32_t subleaf, uint32_t regs[4])
{
	struct kvm_regs r = abi_regs(vm, 0);

	r.rip = CODE;
	r.rax = 0xaaaaaaaa00000000 | leaf;
	r.rcx = 0xcccccccc00000000 | subleaf;
	r.rbx = ~0ull;
	r.rdx = ~0ull;
	CHECK_EQ(ioctl(fd, KVM_SET_REGS, &r), 0);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	r = abi_regs(vm, 0);
	CHECK(!(r.rax >> 32 || r.rbx >> 32 || r.rcx >> 32 || r.rdx >> 32));
	regs[0] = (uint32_t)r.rax;
	regs[1] = (uint32_t)r.rbx;
	regs[2] = (uint32_t)r.rcx;
	regs[3] = (uint32_t)r.rdx;
}

/* Every entry of the table, as the guest sees it. */
static void guest_sees_the_table(void)
{
	uint32_t regs[4], i;

	make();
	ABI_CODE(vm, CODE, 0x0f, 0xa2, 0xf4);
	abi_long(vm, 0, CODE);
	CHECK_EQ(ioctl(fd, KVM_SET_CPUID2, &supported), 0);
	table.head.nent = 300;
	CHECK_EQ(ioctl(fd, KVM_GET_CPUID2, &table), 0);
	for (i = 0; i < table.head.nent; i++) {
		const struct kvm_cpuid_entry2 *e = &table.entries[i];

		execute(e->function, e->index, regs);
		CHECK_EQ(regs[0], e->eax);
		CHECK_EQ(regs[1], e->ebx);
		CHECK_EQ(regs[2], e->ecx);
		CHECK_EQ(regs[3], e->edx);
	}
}

/* After the first KVM_RUN the table stands; the same once more is taken. */
static void fixed_after_run(void)
{
	uint32_t regs[4];

	make();
	ABI_CODE(vm, CODE, 0x0f, 0xa2, 0xf4);
	abi_long(vm, 0, CODE);
	CHECK_EQ(ioctl(fd, KVM_SET_CPUID2, &supported), 0);
	execute(0, 0, regs);
	table.head.nent = 300;
	CHECK_EQ(ioctl(fd, KVM_GET_CPUID2, &table), 0);
	CHECK_EQ(ioctl(fd, KVM_SET_CPUID2, &table), 0);
	CHECK_EQ(ioctl(fd, KVM_SET_CPUID2, &supported), 0);
	entry(&table, 0x80000008, 0)->eax ^= 1;
	CHECK_ERRNO(ioctl(fd, KVM_SET_CPUID2, &table), EINVAL);
	entry(&table, 0x80000008, 0)->eax ^= 1;
	entry(&table, 7, 0)->ebx ^= 1u << 20;
	CHECK_ERRNO(ioctl(fd, KVM_SET_CPUID2, &table), EINVAL);
	table.head.nent--;
	CHECK_ERRNO(ioctl(fd, KVM_SET_CPUID2, &table), EINVAL);
}

static const struct abi_test tests[] = { { "supported_counts", supported_counts },
					 { "supported_bits", supported_bits },
					 { "emulated", emulated },
					 { "set_and_get", set_and_get },
					 { "follows_registers", follows_registers },
					 { "legacy", legacy },
					 { "guest_sees_the_table", guest_sees_the_table },
					 { "fixed_after_run", fixed_after_run },
					 {} };

int main(int argc, char **argv)
{
	return abi_main(tests, argc, argv);
}
