// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_RUN: the guest starts at the reset vector, exits are what they should be.
 */
#include <cpuid.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <asm/hwcap2.h>
#include <asm/ldt.h>

#include "lib/abi.h"

static void test_api(void)
{
	CHECK_EQ(ioctl(abi_dev(), KVM_GET_API_VERSION, 0), 12);
}

/* mov al,'A'; out 0xe9,al; hlt */
static void test_out(void)
{
	struct abi_vm *vm = abi_vm(0x100000);
	int vcpu = abi_vcpu(vm);
	struct kvm_run *run = vm->run[vcpu];

	ABI_CODE(vm, 0x1000, 0xb0, 'A', 0xe6, 0xe9, 0xf4);
	abi_real(vm, vcpu, 0x1000);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
	CHECK_EQ(run->io.direction, KVM_EXIT_IO_OUT);
	CHECK_EQ(run->io.port, 0xe9);
	CHECK_EQ(run->io.size, 1);
	CHECK_EQ(run->io.count, 1);
	CHECK_EQ(*((uint8_t *)run + run->io.data_offset), 'A');
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
	CHECK_EQ(abi_regs(vm, vcpu).rip, 0x1005);
}

/* in ax,dx; hlt */
static void test_in(void)
{
	struct abi_vm *vm = abi_vm(0x100000);
	int vcpu = abi_vcpu(vm);
	struct kvm_run *run = vm->run[vcpu];

	ABI_CODE(vm, 0x1000, 0xba, 0x34, 0x12, 0xed, 0xf4);
	abi_real(vm, vcpu, 0x1000);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
	CHECK_EQ(run->io.direction, KVM_EXIT_IO_IN);
	CHECK_EQ(run->io.port, 0x1234);
	CHECK_EQ(run->io.size, 2);
	memcpy((uint8_t *)run + run->io.data_offset, "\xef\xbe", 2);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
	CHECK_EQ(abi_regs(vm, vcpu).rax, 0xbeef);
}

/* mov [0x100000],eax (MMIO); mov ebx,[0x100008]; hlt */
static void test_mmio(void)
{
	struct abi_vm *vm = abi_vm(0x100000);
	int vcpu = abi_vcpu(vm);
	struct kvm_run *run = vm->run[vcpu];

	ABI_CODE(vm, 0x1000, 0xb8, 0x78, 0x56, 0x34, 0x12, 0xa3, 0x00, 0x00, 0x10, 0x00, 0x8b, 0x1d,
		 0x08, 0x00, 0x10, 0x00, 0xf4);
	abi_flat32(vm, vcpu, 0x1000);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_MMIO);
	CHECK_EQ(run->mmio.phys_addr, 0x100000);
	CHECK_EQ(run->mmio.len, 4);
	CHECK_EQ(run->mmio.is_write, 1);
	CHECK_EQ(*(uint32_t *)run->mmio.data, 0x12345678);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_MMIO);
	CHECK_EQ(run->mmio.phys_addr, 0x100008);
	CHECK_EQ(run->mmio.is_write, 0);
	memcpy(run->mmio.data, "\xbe\xba\xfe\xca", 4);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
	CHECK_EQ(abi_regs(vm, vcpu).rbx, 0xcafebabe);
}

/* The same in 64-bit mode, and CPUID with a prefix: its length is not 2. */
static void test_long_cpuid(void)
{
	struct abi_vm *vm = abi_vm(0x400000);
	int vcpu = abi_vcpu(vm);

	ABI_CODE(vm, 0x1000, 0x31, 0xc0, 0x31, 0xc9, 0xf3, 0x48, 0x0f, 0xa2, 0xf4);
	abi_long(vm, vcpu, 0x1000);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
	CHECK_EQ(abi_regs(vm, vcpu).rip, 0x1009);
	CHECK(abi_regs(vm, vcpu).rax >= 1);
	CHECK(abi_regs(vm, vcpu).rbx != 0);
}

/* A hypercall, RDMSR of EFER and HLT, each with a segment prefix and REX.W. */
static void test_long_prefixes(void)
{
	struct abi_vm *vm = abi_vm(0x400000);
	int vcpu = abi_vcpu(vm);
	struct kvm_regs regs;

	ABI_CODE(vm, 0x1000, 0xb8, 0x01, 0x00, 0x00, 0x00, 0x2e, 0x48, 0x0f, 0x01, abi_hypercall(),
		 0x89, 0xc3, 0xb9, 0x80, 0x00, 0x00, 0xc0, 0x3e, 0x48, 0x0f, 0x32, 0x2e, 0x48,
		 0xf4);
	abi_long(vm, vcpu, 0x1000);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
	regs = abi_regs(vm, vcpu);
	CHECK_EQ(regs.rip, 0x1018);
	CHECK_EQ(regs.rbx, 0);
	CHECK_EQ(regs.rax, 0x500);
}

/* The same in real mode, where an operand-size prefix is what is common. */
static void test_real_prefixes(void)
{
	struct abi_vm *vm = abi_vm(0x100000);
	int vcpu = abi_vcpu(vm);

	ABI_CODE(vm, 0x1000, 0x66, 0x31, 0xc0, 0x66, 0x67, 0x0f, 0xa2, 0x66, 0xf4);
	abi_real(vm, vcpu, 0x1000);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
	CHECK_EQ(abi_regs(vm, vcpu).rip, 0x1009);
	CHECK(abi_regs(vm, vcpu).rbx != 0);
}

/* The reset vector is at 0xfffffff0, where nothing is: user space is asked, or told. */
static void test_reset_vector(void)
{
	struct abi_vm *vm = abi_vm(0x100000);
	int vcpu = abi_vcpu(vm);
	struct kvm_regs regs = abi_regs(vm, vcpu);
	struct kvm_sregs sregs;

	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_SREGS, &sregs), 0);
	CHECK_EQ(regs.rip, 0xfff0);
	CHECK_EQ(regs.rflags, 2);
	CHECK_EQ(sregs.cs.base, 0xffff0000);
	CHECK_EQ(sregs.cs.selector, 0xf000);
	CHECK_EQ(sregs.cr0, 0x60000010);
}

/* lidt of an empty table, then ud2: #UD, #DF, shutdown. */
static void test_triple_fault(void)
{
	struct abi_vm *vm = abi_vm(0x100000);
	int vcpu = abi_vcpu(vm);
	struct kvm_sregs sregs;

	ABI_CODE(vm, 0x1000, 0x0f, 0x0b);
	abi_flat32(vm, vcpu, 0x1000);
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_SREGS, &sregs), 0);
	sregs.idt.limit = 0;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_SREGS, &sregs), 0);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_SHUTDOWN);
}

static void test_immediate_exit(void)
{
	struct abi_vm *vm = abi_vm(0x100000);
	int vcpu = abi_vcpu(vm);

	ABI_CODE(vm, 0x1000, 0xeb, 0xfe);
	abi_real(vm, vcpu, 0x1000);
	vm->run[vcpu]->immediate_exit = 1;
	CHECK_EQ(abi_run(vm, vcpu), -EINTR);
	CHECK_EQ(abi_regs(vm, vcpu).rip, 0x1000);
}

/* Who has an exit's instruction completed so still finds the exit's reason. */
static void test_immediate_exit_completes(void)
{
	struct abi_vm *vm = abi_vm(0x100000);
	int vcpu = abi_vcpu(vm);

	ABI_CODE(vm, 0x1000, 0xe6, 0x80, 0xf4);
	abi_real(vm, vcpu, 0x1000);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
	vm->run[vcpu]->immediate_exit = 1;
	CHECK_EQ(abi_run(vm, vcpu), -EINTR);
	CHECK_EQ(vm->run[vcpu]->exit_reason, KVM_EXIT_IO);
	CHECK_EQ(abi_regs(vm, vcpu).rip, 0x1002);
}

/* A data segment at index 0 of this process's LDT. */
#define LDT_SELECTOR 7

static bool ldt_is_there(void)
{
	bool readable;

	__asm__ volatile("verr %1" : "=@ccz"(readable) : "r"((uint16_t)LDT_SELECTOR));
	return readable;
}

/* An exit leaves the processor without an LDT, but the thread has one. */
static void test_ldt(void)
{
	const struct user_desc desc = { .limit = 0xfffff, .seg_32bit = 1, .limit_in_pages = 1 };
	struct abi_vm *vm = abi_vm(0x100000);
	int vcpu = abi_vcpu(vm);
	uint16_t selector;

	CHECK_EQ(syscall(SYS_modify_ldt, 1, &desc, sizeof(desc)), 0);
	CHECK(ldt_is_there());
	__asm__ volatile("mov %0, %%ds" : : "r"(LDT_SELECTOR));
	ABI_CODE(vm, 0x1000, 0xe6, 0xe9, 0xf4);
	abi_real(vm, vcpu, 0x1000);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
	CHECK(ldt_is_there());
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
	__asm__ volatile("mov %%ds, %0" : "=r"(selector));
	CHECK_EQ(selector, LDT_SELECTOR);
	CHECK(ldt_is_there());
}

/* FS and GS with the LDT's segment, whose base is 0, and other bases: FS's is libc's. */
static void test_segment_bases(void)
{
	const struct user_desc desc = { .limit = 0xfffff, .seg_32bit = 1, .limit_in_pages = 1 };
	const uint64_t gs_set = 0x123456789000;
	uint64_t fs_set, fs_base, gs_base;
	uint16_t fs, gs;
	struct abi_vm *vm;
	int vcpu, exit;

	if (!(getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE))
		abi_skip("no WRGSBASE");
	vm = abi_vm(0x100000);
	vcpu = abi_vcpu(vm);
	ABI_CODE(vm, 0x1000, 0xe6, 0xe9, 0xf4);
	abi_real(vm, vcpu, 0x1000);
	CHECK_EQ(syscall(SYS_modify_ldt, 1, &desc, sizeof(desc)), 0);
	__asm__ volatile("rdfsbase %0\n"
			 "mov %k1, %%fs\n"
			 "wrfsbase %0\n"
			 "mov %k1, %%gs\n"
			 "wrgsbase %2\n"
			 : "=&r"(fs_set)
			 : "r"((uint64_t)LDT_SELECTOR), "r"(gs_set));
	exit = syscall(SYS_ioctl, vm->vcpu[vcpu], KVM_RUN, 0);
	/* Without its base FS is of no use to what reports a failure. */
	__asm__ volatile("rdfsbase %0\n"
			 "rdgsbase %1\n"
			 "mov %%fs, %2\n"
			 "mov %%gs, %3\n"
			 "wrfsbase %4\n"
			 : "=&r"(fs_base), "=&r"(gs_base), "=&r"(fs), "=&r"(gs)
			 : "r"(fs_set));
	CHECK_EQ(exit, 0);
	CHECK_EQ(fs_base, fs_set);
	CHECK_EQ(gs_base, gs_set);
	CHECK_EQ(fs, LDT_SELECTOR);
	CHECK_EQ(gs, LDT_SELECTOR);
}

static uint32_t rdpkru(void)
{
	uint32_t eax, edx;

	__asm__ volatile("rdpkru" : "=a"(eax), "=d"(edx) : "c"(0));
	return eax;
}

static void wrpkru(uint32_t value)
{
	__asm__ volatile("wrpkru" : : "a"(value), "c"(0), "d"(0) : "memory");
}

static bool has_pkru(void)
{
	uint32_t eax, ebx, ecx, edx;

	return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && ecx & bit_OSPKE;
}

/* The guest may use PKRU from now on. */
static void enable_pkru(struct abi_vm *vm, int vcpu)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs = { { .value = 1 << 9 | 3 } } };
	struct kvm_sregs sregs;

	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_SREGS, &sregs), 0);
	sregs.cr4 |= 1 << 22 | 1 << 18 | 1 << 9;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_SREGS, &sregs), 0);
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_XCRS, &xcrs), 0);
}

/* Guest and thread have protection keys of their own: xor ecx,ecx; wrpkru; out; rdpkru; out; hlt */
static void test_pkru(void)
{
	const uint32_t mine = 0xc0, guests = 0x3000;
	struct abi_vm *vm;
	struct kvm_regs regs;
	int vcpu;

	if (!has_pkru())
		abi_skip("no protection keys");
	vm = abi_vm(0x400000);
	vcpu = abi_vcpu(vm);
	ABI_CODE(vm, 0x1000, 0x31, 0xc9, 0x0f, 0x01, 0xef, 0xe6, 0xe9, 0x0f, 0x01, 0xee, 0xe6, 0xe9,
		 0xf4);
	abi_long(vm, vcpu, 0x1000);
	enable_pkru(vm, vcpu);
	regs = abi_regs(vm, vcpu);
	regs.rax = guests;
	regs.rdx = 0;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_REGS, &regs), 0);
	wrpkru(mine);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
	CHECK_EQ(rdpkru(), mine);
	wrpkru(mine << 2);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
	CHECK_EQ(rdpkru(), mine << 2);
	CHECK_EQ(abi_regs(vm, vcpu).rax, guests);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
	CHECK_EQ(rdpkru(), mine << 2);
}

static const struct abi_test tests[] = {
	{ "api_version", test_api },
	{ "out", test_out },
	{ "in", test_in },
	{ "mmio", test_mmio },
	{ "long_cpuid", test_long_cpuid },
	{ "long_prefixes", test_long_prefixes },
	{ "real_prefixes", test_real_prefixes },
	{ "reset_vector", test_reset_vector },
	{ "triple_fault", test_triple_fault },
	{ "immediate_exit", test_immediate_exit },
	{ "immediate_exit_completes", test_immediate_exit_completes },
	{ "ldt", test_ldt },
	{ "segment_bases", test_segment_bases },
	{ "pkru", test_pkru },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return abi_main(tests, argc, argv);
}
