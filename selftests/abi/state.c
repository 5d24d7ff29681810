// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls on a vCPU's architected state: what is set is read back, what no processor can hold is
 * refused and changes nothing, and what is reserved reads as zeros.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/abi.h"

#define CR0_PE	 0x1u
#define CR0_NE	 0x20u
#define CR0_NW	 0x20000000u
#define CR0_CD	 0x40000000u
#define CR0_PG	 0x80000000u
#define CR4_PAE	 0x20u
#define CR4_VMXE 0x2000u
#define EFER_LME 0x100u
#define EFER_LMA 0x400u

static struct abi_vm *vm;
static int fd;

static void make(void)
{
	vm = abi_vm(0x400000);
	fd = vm->vcpu[abi_vcpu(vm)];
}

static void make_irqchip(void)
{
	vm = abi_vm_irqchip(0x400000);
	fd = vm->vcpu[abi_vcpu(vm)];
}

static void all_bytes(void *p, size_t size, int seed)
{
	uint8_t *bytes = p;
	size_t i;

	for (i = 0; i < size; i++)
		bytes[i] = (uint8_t)(seed + i * 7);
}

static void regs_round_trip(void)
{
	struct kvm_regs set, get;

	make();
	all_bytes(&set, sizeof(set), 1);
	set.rflags = 0x202;
	CHECK_EQ(ioctl(fd, KVM_SET_REGS, &set), 0);
	CHECK_EQ(ioctl(fd, KVM_GET_REGS, &get), 0);
	CHECK(!memcmp(&set, &get, sizeof(set)));
	/* Bit 1 of the flags is always set. */
	set.rflags = 0;
	CHECK_EQ(ioctl(fd, KVM_SET_REGS, &set), 0);
	CHECK_EQ(ioctl(fd, KVM_GET_REGS, &get), 0);
	CHECK_EQ(get.rflags, 2);
}

static void reset_state(void)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	make();
	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &sregs), 0);
	CHECK_EQ(ioctl(fd, KVM_GET_REGS, &regs), 0);
	CHECK_EQ(regs.rip, 0xfff0);
	CHECK_EQ(regs.rflags, 2);
	CHECK_EQ(sregs.cs.selector, 0xf000);
	CHECK_EQ(sregs.cs.base, 0xffff0000);
	CHECK_EQ(sregs.cr0, 0x60000010);
	CHECK_EQ(sregs.efer, 0);
	CHECK_EQ(sregs.apic_base, 0xfee00900);
	CHECK_EQ(sregs.tr.type & 0xd, 9);
	CHECK_EQ(sregs.idt.limit, 0xffff);
}

static void sregs_round_trip(void)
{
	struct kvm_sregs set, get;

	make();
	abi_long(vm, 0, 0x1000);
	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &set), 0);
	set.ds.base = 0x12345000;
	set.fs.base = 0x7fff12345000;
	set.gs.base = 0xffff800012345000;
	set.gdt.base = 0x1234;
	set.gdt.limit = 0x7f;
	set.cr2 = 0xdeadbeef000;
	set.cr8 = 5;
	memset(&get, 0xee, sizeof(get));
	CHECK_EQ(ioctl(fd, KVM_SET_SREGS, &set), 0);
	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &get), 0);
	CHECK(!memcmp(&set, &get, sizeof(set)));
}

static void interrupt_bitmap(void)
{
	struct kvm_sregs sregs;
	struct kvm_vcpu_events events;

	make();
	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &sregs), 0);
	sregs.interrupt_bitmap[0x41 / 64] = 1ull << (0x41 % 64);
	CHECK_EQ(ioctl(fd, KVM_SET_SREGS, &sregs), 0);
	memset(&sregs, 0, sizeof(sregs));
	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &sregs), 0);
	CHECK_EQ(sregs.interrupt_bitmap[1], 2);
	CHECK_EQ(ioctl(fd, KVM_GET_VCPU_EVENTS, &events), 0);
	CHECK_EQ(events.interrupt.injected, 1);
	CHECK_EQ(events.interrupt.nr, 0x41);
}

/* Each is refused from a vCPU in 64-bit mode, and nothing has changed. */
static void sregs_refused(void)
{
	static const struct {
		uint64_t cr0_set, cr0_clear, cr4_set, cr4_clear, efer_set, efer_clear, cr3_set;
	} rows[] = {
		{ .cr4_clear = CR4_PAE },   { .cr0_clear = CR0_PE },	{ .cr0_clear = CR0_PG },
		{ .cr0_set = CR0_NW },	    { .cr0_set = 1ull << 32 },	{ .cr0_set = 1ull << 63 },
		{ .efer_clear = EFER_LME }, { .efer_clear = EFER_LMA }, { .efer_set = 1u << 1 },
		{ .efer_set = 1ull << 63 }, { .cr4_set = CR4_VMXE },	{ .cr4_set = 1ull << 14 },
		{ .cr4_set = 1ull << 15 },  { .cr4_set = 1ull << 31 },	{ .cr4_set = 1ull << 63 },
		{ .cr3_set = 1ull << 63 },  { .cr3_set = 1ull << 52 },
	};
	struct kvm_sregs good, bad, get;
	size_t i;

	make();
	abi_long(vm, 0, 0x1000);
	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &good), 0);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		bad = good;
		bad.ds.base ^= 0x1000;
		bad.gdt.limit ^= 1;
		bad.cr0 = (bad.cr0 | rows[i].cr0_set) & ~rows[i].cr0_clear;
		bad.cr3 |= rows[i].cr3_set;
		bad.cr4 = (bad.cr4 | rows[i].cr4_set) & ~rows[i].cr4_clear;
		bad.efer = (bad.efer | rows[i].efer_set) & ~rows[i].efer_clear;
		CHECK_ERRNO(ioctl(fd, KVM_SET_SREGS, &bad), EINVAL);
		CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &get), 0);
		CHECK(!memcmp(&good, &get, sizeof(get)));
	}
	bad = good;
	bad.apic_base |= 1;
	CHECK_ERRNO(ioctl(fd, KVM_SET_SREGS, &bad), EINVAL);
	CHECK_ERRNO(ioctl(fd, KVM_SET_SREGS, NULL), EFAULT);
	CHECK_ERRNO(ioctl(fd, KVM_GET_SREGS, NULL), EFAULT);
}

/* Before KVM_SET_CPUID2 every bit of CR4 that is offered may be set; after it the table's only. */
static void cr4_follows_cpuid(void)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[1];
	} none = { .head.nent = 1 };
	struct kvm_sregs sregs;
	uint64_t smep = 1u << 20, always = 0x7ff & ~0u;

	make();
	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &sregs), 0);
	sregs.cr4 |= always;
	CHECK_EQ(ioctl(fd, KVM_SET_SREGS, &sregs), 0);
	none.entries[0].function = 0;
	CHECK_EQ(ioctl(fd, KVM_SET_CPUID2, &none), 0);
	sregs.cr4 |= smep;
	CHECK_ERRNO(ioctl(fd, KVM_SET_SREGS, &sregs), EINVAL);
}

static void sregs2(void)
{
	struct kvm_sregs2 sregs, get;
	int i;

	make();
	memset(&sregs, 0xee, sizeof(sregs));
	CHECK_EQ(ioctl(fd, KVM_GET_SREGS2, &sregs), 0);
	CHECK_EQ(sregs.flags, 0);
	for (i = 0; i < 4; i++)
		CHECK_EQ(sregs.pdptrs[i], 0);
	sregs.flags = 2;
	CHECK_ERRNO(ioctl(fd, KVM_SET_SREGS2, &sregs), EINVAL);
	/* No PAE paging: no page-directory pointers. */
	sregs.flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
	CHECK_ERRNO(ioctl(fd, KVM_SET_SREGS2, &sregs), EINVAL);
	sregs.flags = 0;
	sregs.cr0 = CR0_PE | CR0_PG | CR0_NE | 0x10;
	sregs.cr4 = CR4_PAE;
	sregs.cr3 = 0x2000;
	((uint64_t *)(vm->mem + 0x2000))[2] = 0x3001;
	CHECK_EQ(ioctl(fd, KVM_SET_SREGS2, &sregs), 0);
	CHECK_EQ(ioctl(fd, KVM_GET_SREGS2, &get), 0);
	CHECK_EQ(get.flags, KVM_SREGS2_FLAGS_PDPTRS_VALID);
	CHECK_EQ(get.pdptrs[2], 0x3001);
	CHECK_EQ(ioctl(fd, KVM_SET_SREGS2, &get), 0);
}

static void debugregs(void)
{
	struct kvm_debugregs regs, get;
	size_t i;

	make();
	memset(&regs, 0xee, sizeof(regs));
	CHECK_EQ(ioctl(fd, KVM_GET_DEBUGREGS, &regs), 0);
	CHECK_EQ(regs.dr6, 0xffff0ff0);
	CHECK_EQ(regs.dr7, 0x400);
	CHECK_EQ(regs.flags, 0);
	for (i = 0; i < sizeof(regs.reserved) / 8; i++)
		CHECK_EQ(regs.reserved[i], 0);
	regs.db[0] = 0x1111;
	regs.db[3] = 0x4444;
	regs.dr6 = 0xffff4ff1;
	regs.dr7 = 0x402;
	CHECK_EQ(ioctl(fd, KVM_SET_DEBUGREGS, &regs), 0);
	CHECK_EQ(ioctl(fd, KVM_GET_DEBUGREGS, &get), 0);
	CHECK(!memcmp(&regs, &get, sizeof(get)));
	regs.db[0] = 0x2222;
	regs.flags = 1;
	CHECK_ERRNO(ioctl(fd, KVM_SET_DEBUGREGS, &regs), EINVAL);
	regs.flags = 0;
	regs.dr6 |= 1ull << 32;
	CHECK_ERRNO(ioctl(fd, KVM_SET_DEBUGREGS, &regs), EINVAL);
	regs.dr6 = 0;
	regs.dr7 |= 1ull << 63;
	CHECK_ERRNO(ioctl(fd, KVM_SET_DEBUGREGS, &regs), EINVAL);
	CHECK_EQ(ioctl(fd, KVM_GET_DEBUGREGS, &get), 0);
	CHECK_EQ(get.db[0], 0x1111);
}

static void set_mp_state(uint32_t state, int err)
{
	struct kvm_mp_state mp = { state };

	if (err)
		CHECK_ERRNO(ioctl(fd, KVM_SET_MP_STATE, &mp), err);
	else
		CHECK_EQ(ioctl(fd, KVM_SET_MP_STATE, &mp), 0);
}

static void mp_state_user(void)
{
	struct kvm_mp_state mp;

	make();
	CHECK_EQ(ioctl(fd, KVM_GET_MP_STATE, &mp), 0);
	CHECK_EQ(mp.mp_state, KVM_MP_STATE_RUNNABLE);
	set_mp_state(KVM_MP_STATE_RUNNABLE, 0);
	set_mp_state(KVM_MP_STATE_HALTED, EINVAL);
	set_mp_state(KVM_MP_STATE_UNINITIALIZED, EINVAL);
	set_mp_state(KVM_MP_STATE_STOPPED, EINVAL);
	set_mp_state(~0u, EINVAL);
}

static void mp_state_irqchip(void)
{
	struct kvm_mp_state mp;
	int second;

	make_irqchip();
	second = vm->vcpu[abi_vcpu(vm)];
	CHECK_EQ(ioctl(fd, KVM_GET_MP_STATE, &mp), 0);
	CHECK_EQ(mp.mp_state, KVM_MP_STATE_RUNNABLE);
	CHECK_EQ(ioctl(second, KVM_GET_MP_STATE, &mp), 0);
	CHECK_EQ(mp.mp_state, KVM_MP_STATE_UNINITIALIZED);
	set_mp_state(KVM_MP_STATE_HALTED, 0);
	CHECK_EQ(ioctl(fd, KVM_GET_MP_STATE, &mp), 0);
	CHECK_EQ(mp.mp_state, KVM_MP_STATE_HALTED);
	set_mp_state(KVM_MP_STATE_INIT_RECEIVED, 0);
	set_mp_state(KVM_MP_STATE_CHECK_STOP, EINVAL);
	set_mp_state(KVM_MP_STATE_RUNNABLE, 0);
}

static void fpu(void)
{
	struct kvm_fpu set, get;

	make();
	memset(&set, 0xee, sizeof(set));
	CHECK_EQ(ioctl(fd, KVM_GET_FPU, &set), 0);
	CHECK_EQ(set.fcw, 0x37f);
	CHECK_EQ(set.mxcsr, 0x1f80);
	CHECK_EQ(set.pad1, 0);
	CHECK_EQ(set.pad2, 0);
	all_bytes(set.fpr, sizeof(set.fpr), 3);
	all_bytes(set.xmm, sizeof(set.xmm), 5);
	set.fcw = 0x37f;
	set.mxcsr = 0x1fa0;
	set.last_ip = 0x1234;
	CHECK_EQ(ioctl(fd, KVM_SET_FPU, &set), 0);
	CHECK_EQ(ioctl(fd, KVM_GET_FPU, &get), 0);
	CHECK(!memcmp(&set, &get, sizeof(get)));
	set.mxcsr = 1u << 31;
	CHECK_ERRNO(ioctl(fd, KVM_SET_FPU, &set), EINVAL);
}

static void xsave(void)
{
	static struct kvm_xsave set, get;
	struct kvm_fpu legacy;
	uint64_t *header = (uint64_t *)set.region + 64;

	make();
	CHECK_EQ(ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2), sizeof(set));
	memset(&set, 0xee, sizeof(set));
	CHECK_EQ(ioctl(fd, KVM_GET_XSAVE, &set), 0);
	CHECK_EQ(ioctl(fd, KVM_GET_XSAVE2, &get), 0);
	CHECK(!memcmp(&set, &get, sizeof(get)));
	/* XMM3 */
	memset((uint8_t *)set.region + 160 + 3 * 16, 0x5a, 16);
	header[0] |= 3;
	CHECK_EQ(ioctl(fd, KVM_SET_XSAVE, &set), 0);
	CHECK_EQ(ioctl(fd, KVM_GET_FPU, &legacy), 0);
	CHECK_EQ(legacy.xmm[3][0], 0x5a);
	CHECK_EQ(ioctl(fd, KVM_GET_XSAVE, &get), 0);
	CHECK(!memcmp((uint8_t *)get.region + 208, (uint8_t *)set.region + 208, 16));
	header[0] |= 1ull << 62;
	CHECK_ERRNO(ioctl(fd, KVM_SET_XSAVE, &set), EINVAL);
	header[0] = 3;
	header[1] = 1ull << 63; /* compacted */
	CHECK_ERRNO(ioctl(fd, KVM_SET_XSAVE, &set), EINVAL);
	header[1] = 0;
	set.region[6] = 1u << 31; /* MXCSR */
	CHECK_ERRNO(ioctl(fd, KVM_SET_XSAVE, &set), EINVAL);
}

static void xcrs(void)
{
	static const uint64_t refused[] = { 0, 2, 5, 1ull << 63, ~0ull, 0x19, 0x21 };
	struct kvm_xcrs xcrs;
	size_t i;

	make();
	memset(&xcrs, 0xee, sizeof(xcrs));
	CHECK_EQ(ioctl(fd, KVM_GET_XCRS, &xcrs), 0);
	CHECK_EQ(xcrs.nr_xcrs, 1);
	CHECK_EQ(xcrs.flags, 0);
	CHECK_EQ(xcrs.xcrs[0].xcr, 0);
	CHECK_EQ(xcrs.xcrs[0].value, 1);
	CHECK_EQ(xcrs.xcrs[1].value, 0);
	for (i = 0; i < sizeof(xcrs.padding) / 8; i++)
		CHECK_EQ(xcrs.padding[i], 0);
	xcrs.xcrs[0].value = 3;
	CHECK_EQ(ioctl(fd, KVM_SET_XCRS, &xcrs), 0);
	CHECK_EQ(ioctl(fd, KVM_GET_XCRS, &xcrs), 0);
	CHECK_EQ(xcrs.xcrs[0].value, 3);
	for (i = 0; i < sizeof(refused) / 8; i++) {
		xcrs.xcrs[0].value = refused[i];
		CHECK_ERRNO(ioctl(fd, KVM_SET_XCRS, &xcrs), EINVAL);
	}
	xcrs.xcrs[0].value = 3;
	xcrs.flags = 1;
	CHECK_ERRNO(ioctl(fd, KVM_SET_XCRS, &xcrs), EINVAL);
	xcrs.flags = 0;
	xcrs.nr_xcrs = KVM_MAX_XCRS + 1;
	CHECK_ERRNO(ioctl(fd, KVM_SET_XCRS, &xcrs), EINVAL);
}

static void mce(void)
{
	struct kvm_x86_mce error = { .status = 1ull << 63, .bank = 1 };
	uint64_t cap, supported;

	make();
	CHECK_EQ(ioctl(abi_dev(), KVM_CHECK_EXTENSION, KVM_CAP_MCE), 32);
	CHECK_EQ(ioctl(abi_dev(), KVM_X86_GET_MCE_CAP_SUPPORTED, &supported), 0);
	cap = supported | 10;
	CHECK_EQ(ioctl(fd, KVM_X86_SETUP_MCE, &cap), 0);
	cap = supported;
	CHECK_ERRNO(ioctl(fd, KVM_X86_SETUP_MCE, &cap), EINVAL);
	cap = supported | 33;
	CHECK_ERRNO(ioctl(fd, KVM_X86_SETUP_MCE, &cap), EINVAL);
	cap = 1ull << 63 | 10;
	CHECK_ERRNO(ioctl(fd, KVM_X86_SETUP_MCE, &cap), EINVAL);
	CHECK_EQ(ioctl(fd, KVM_X86_SET_MCE, &error), 0);
	error.bank = 10;
	CHECK_ERRNO(ioctl(fd, KVM_X86_SET_MCE, &error), EINVAL);
	error.bank = 255;
	CHECK_ERRNO(ioctl(fd, KVM_X86_SET_MCE, &error), EINVAL);
	error.bank = 0;
	error.status = 0;
	CHECK_ERRNO(ioctl(fd, KVM_X86_SET_MCE, &error), EINVAL);
}

static void capabilities(void)
{
	static const struct {
		int nr;
		int value;
	} rows[] = {
		{ KVM_CAP_IRQCHIP, 1 },
		{ KVM_CAP_USER_MEMORY, 1 },
		{ KVM_CAP_EXT_CPUID, 1 },
		{ KVM_CAP_COALESCED_MMIO, 2 },
		{ KVM_CAP_IRQ_ROUTING, 4096 },
		{ KVM_CAP_IMMEDIATE_EXIT, 1 },
		{ KVM_CAP_MAX_VCPUS, 1024 },
		{ KVM_CAP_MAX_VCPU_ID, 4096 },
		{ KVM_CAP_NR_MEMSLOTS, 32764 },
		{ KVM_CAP_ADJUST_CLOCK, 14 },
		{ KVM_CAP_TSC_DEADLINE_TIMER, 1 },
		{ KVM_CAP_NESTED_STATE, 0 },
		{ KVM_CAP_SET_GUEST_DEBUG, 1 },
		{ KVM_CAP_SET_GUEST_DEBUG2, 0x1f0003 },
		{ KVM_CAP_SYNC_REGS, 7 },
		{ KVM_CAP_DISABLE_QUIRKS2, 0x7f },
		{ KVM_CAP_X86_SMM, 0 },
		{ 0x7fffffff, 0 },
		{ -1, 0 },
	};
	struct kvm_enable_cap enable = { .cap = KVM_CAP_NESTED_STATE };
	size_t i;

	make();
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		CHECK_EQ(ioctl(abi_dev(), KVM_CHECK_EXTENSION, rows[i].nr), rows[i].value);
		CHECK_EQ(ioctl(vm->fd, KVM_CHECK_EXTENSION, rows[i].nr), rows[i].value);
	}
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &enable), EINVAL);
	CHECK_ERRNO(ioctl(fd, KVM_ENABLE_CAP, &enable), EINVAL);
}

static const struct abi_test tests[] = { { "regs_round_trip", regs_round_trip },
					 { "reset_state", reset_state },
					 { "sregs_round_trip", sregs_round_trip },
					 { "interrupt_bitmap", interrupt_bitmap },
					 { "sregs_refused", sregs_refused },
					 { "cr4_follows_cpuid", cr4_follows_cpuid },
					 { "sregs2", sregs2 },
					 { "debugregs", debugregs },
					 { "mp_state_user", mp_state_user },
					 { "mp_state_irqchip", mp_state_irqchip },
					 { "fpu", fpu },
					 { "xsave", xsave },
					 { "xcrs", xcrs },
					 { "mce", mce },
					 { "capabilities", capabilities },
					 {} };

int main(int argc, char **argv)
{
	return abi_main(tests, argc, argv);
}
