// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_ENABLE_CAP, and what each capability that is enabled changes.
 *
 * The guests are in real mode; the handler of exception N is a HLT at HANDLERS + N.
 */
#include <stdlib.h>

#include "one_vcpu.h"

#define PLATFORM_INFO 0xce
#define MISC_FEATURES 0x140
#define MISC_ENABLE   0x1a0
#define CPUID_FAULT   0x80000000
#define MWAIT_BIT     0x40000
#define APIC_BASE     0x1b
#define DR6_INITIAL   0xffff0ff0
#define BS	      0x4000

/* The guest ends at @rip, by HLT. */
static void check_end(uint64_t rip)
{
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	CHECK_EQ(abi_regs(vm, 0).rip, rip);
}

static void check_exception(int vector)
{
	check_end(HANDLERS + vector + 1);
}

static void test_errors(void)
{
	static const struct {
		uint32_t nr;
		uint64_t arg;
	} refused[] = {
		{ 0x7fffffff, 0 },
		{ KVM_CAP_IRQCHIP, 0 },
		{ KVM_CAP_ENFORCE_PV_FEATURE_CPUID, 1 },
		{ KVM_CAP_DISABLE_QUIRKS2, 0x80 },
		{ KVM_CAP_X86_DISABLE_EXITS, 0x10 },
		{ KVM_CAP_X86_USER_SPACE_MSR, 0x20 },
		{ KVM_CAP_EXIT_ON_EMULATION_FAILURE, 2 },
		{ KVM_CAP_X86_BUS_LOCK_EXIT, 3 },
		{ KVM_CAP_X86_BUS_LOCK_EXIT, 4 },
		{ KVM_CAP_X86_NOTIFY_VMEXIT, 1 },
		{ KVM_CAP_MAX_VCPU_ID, 1u << 20 },
	};
	struct kvm_enable_cap vm_only = { .cap = KVM_CAP_DISABLE_QUIRKS };
	struct kvm_enable_cap flags = { .cap = KVM_CAP_DISABLE_QUIRKS, .flags = 1 };
	size_t i;

	use(abi_vm(MEMORY));
	for (i = 0; i < ARRAY_SIZE(refused); i++)
		CHECK_ERRNO(abi_enable(vm, refused[i].nr, refused[i].arg), EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &flags), EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, NULL), EFAULT);
	CHECK_ERRNO(ioctl(fd, KVM_ENABLE_CAP, &flags), EINVAL);
	CHECK_ERRNO(ioctl(fd, KVM_ENABLE_CAP, &vm_only), EINVAL);
	CHECK_EQ(abi_enable(vm, KVM_CAP_DISABLE_QUIRKS, ~0ull), 0);
	CHECK_EQ(abi_enable(vm, KVM_CAP_X86_BUS_LOCK_EXIT, KVM_BUS_LOCK_DETECTION_OFF), 0);
}

static void test_max_vcpu_id(void)
{
	make(abi_vm(MEMORY));
	CHECK_EQ(abi_enable(vm, KVM_CAP_MAX_VCPU_ID, 2), 0);
	CHECK_EQ(abi_enable(vm, KVM_CAP_MAX_VCPU_ID, 2), 0);
	CHECK_ERRNO(abi_enable(vm, KVM_CAP_MAX_VCPU_ID, 3), EINVAL);
	CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_VCPU, 2), EINVAL);
	add_vcpu();
	CHECK(ioctl(vm->fd, KVM_CREATE_VCPU, 1) >= 0);
	abi_close(vm);
	use(abi_vm(MEMORY));
	CHECK_ERRNO(abi_enable(vm, KVM_CAP_MAX_VCPU_ID, 2), EINVAL);
}

static void test_platform_info(void)
{
	struct {
		struct kvm_msrs header;
		struct kvm_msr_entry entry;
	} msrs = { .header.nmsrs = 1,
		   .entry = { .index = PLATFORM_INFO, .data = CPUID_FAULT + 5 } };

	use(abi_vm(MEMORY));
	START(PLATFORM_INFO, 0, 0x0f, 0x32, HLT);
	check_end(CODE + 3);
	CHECK_EQ(abi_regs(vm, 0).rax, CPUID_FAULT);
	CHECK_EQ(ioctl(fd, KVM_SET_MSRS, &msrs), 1);
	start(PLATFORM_INFO, 0);
	check_end(CODE + 3);
	CHECK_EQ(abi_regs(vm, 0).rax, CPUID_FAULT + 5);
	CHECK_EQ(abi_enable(vm, KVM_CAP_MSR_PLATFORM_INFO, 0), 0);
	start(PLATFORM_INFO, 0);
	check_exception(GP);
	CHECK_EQ(ioctl(fd, KVM_GET_MSRS, &msrs), 1);
	CHECK_EQ(abi_enable(vm, KVM_CAP_MSR_PLATFORM_INFO, 1), 0);
	start(PLATFORM_INFO, 0);
	check_end(CODE + 3);
	/* The guest only reads it. */
	START(PLATFORM_INFO, 0, 0x0f, 0x30, HLT);
	check_exception(GP);
}

/* CPUID faulting: CPUID of a user program is #GP, of the kernel not. */
static void test_cpuid_fault(void)
{
	static const uint64_t gdt[] = { 0, 0x00af9b000000ffff, 0x00cf93000000ffff,
					0x00affb000000ffff, 0x00cff3000000ffff };
	static const uint32_t gate[] = { 0x00080000 + 0x2800, 0x8e00, 0, 0 };
	struct kvm_sregs sregs;

	use(abi_vm(MEMORY));
	/* mov $0x140,%ecx; mov $1,%eax; xor %edx,%edx; wrmsr; cpuid; and to CODE + 100h, CPL 3 */
	ABI_CODE(vm, CODE, 0xb9, 0x40, 1, 0, 0, 0xb8, 1, 0, 0, 0, 0x31, 0xd2, 0x0f, 0x30, 0x0f,
		 0xa2, 0x6a, 0x23, 0x68, 0, 0x70, 0, 0, 0x6a, 2, 0x6a, 0x1b, 0x68, 0, 0x11, 0, 0,
		 0x48, 0xcf);
	ABI_CODE(vm, CODE + 0x100, 0x0f, 0xa2, 0xeb, 0xfe);
	ABI_CODE(vm, 0x2800, HLT);
	abi_code(vm, 0x4000, gdt, sizeof(gdt));
	abi_code(vm, 0x4800 + GP * sizeof(gate), gate, sizeof(gate));
	*(uint64_t *)(vm->mem + 0x604) = 0x6800; /* RSP0 of the TSS at 600h */
	abi_long(vm, 0, CODE);
	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &sregs), 0);
	sregs.gdt.base = 0x4000;
	sregs.gdt.limit = sizeof(gdt) - 1;
	sregs.idt.base = 0x4800;
	sregs.idt.limit = 0x7ff;
	sregs.tr.base = 0x600;
	sregs.tr.limit = 0x67;
	CHECK_EQ(ioctl(fd, KVM_SET_SREGS, &sregs), 0);
	check_end(0x2801);
	/* The error code, then where it was. */
	CHECK_EQ(*(uint64_t *)(vm->mem + abi_regs(vm, 0).rsp + 8), CODE + 0x100);
}

/* It cannot be had where MSR_PLATFORM_INFO does not tell of it. */
static void test_no_cpuid_fault(void)
{
	struct {
		struct kvm_msrs header;
		struct kvm_msr_entry entry;
	} msrs = { .header.nmsrs = 1, .entry.index = PLATFORM_INFO };

	use(abi_vm(MEMORY));
	START(MISC_FEATURES, 2, 0x0f, 0x30, HLT);
	check_exception(GP);
	START(MISC_FEATURES, 1, 0x0f, 0x30, HLT);
	check_end(CODE + 3);
	START(MISC_FEATURES, 0, 0x0f, 0x30, HLT);
	check_end(CODE + 3);
	CHECK_EQ(ioctl(fd, KVM_SET_MSRS, &msrs), 1);
	START(MISC_FEATURES, 1, 0x0f, 0x30, HLT);
	check_exception(GP);
}

static void test_quirk_port_7e(void)
{
	use(abi_vm(MEMORY));
	START(0, 0, 0xe6, 0x7e, HLT);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_IO);
	CHECK_EQ(abi_regs(vm, 0).rip, CODE + 2);
	CHECK_EQ(abi_enable(vm, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_OUT_7E_INC_RIP), 0);
	abi_real(vm, 0, CODE);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_IO);
	CHECK_EQ(abi_regs(vm, 0).rip, CODE);
	check_end(CODE + 3);
}

/* The other vendor's hypercall instruction. */
static void test_quirk_hypercall(void)
{
	uint8_t other = abi_hypercall() == VMCALL ? VMMCALL : VMCALL;

	use(abi_vm(MEMORY));
	START(0, 1, 0x0f, 0x01, other, HLT);
	check_end(CODE + 4);
	/* It has become this processor's own. */
	CHECK_EQ(vm->mem[CODE + 2], abi_hypercall());
	CHECK_EQ(abi_enable(vm, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_FIX_HYPERCALL_INSN), 0);
	START(0, 1, 0x0f, 0x01, other, HLT);
	check_exception(UD);
	START(0, 1, 0x0f, 0x01, abi_hypercall(), HLT);
	check_end(CODE + 4);
}

static void no_mwait(void)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + 256 * sizeof(cpuid->entries[0]));
	unsigned int i;

	CHECK(cpuid);
	cpuid->nent = 256;
	CHECK_EQ(ioctl(abi_dev(), KVM_GET_SUPPORTED_CPUID, cpuid), 0);
	for (i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 1)
			cpuid->entries[i].ecx &= ~8u;
	CHECK_EQ(ioctl(fd, KVM_SET_CPUID2, cpuid), 0);
	free(cpuid);
}

/* MONITOR and MWAIT on a processor that does not have them: nothing, or #UD. */
static void test_quirk_mwait(void)
{
	use(abi_vm(MEMORY));
	no_mwait();
	START(0, 0, 0x0f, 0x01, 0xc8, 0x0f, 0x01, 0xc9, HLT);
	check_end(CODE + 7);
	CHECK_EQ(abi_enable(vm, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS), 0);
	abi_real(vm, 0, CODE);
	check_exception(UD);
}

/* MWAIT comes and goes with IA32_MISC_ENABLE. */
static void test_quirk_misc_enable(void)
{
	struct {
		struct kvm_msrs header;
		struct kvm_msr_entry entry;
	} msrs = { .header.nmsrs = 1, .entry.index = MISC_ENABLE };

	make(abi_vm(MEMORY));
	CHECK_EQ(abi_enable(vm, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT), 0);
	add_vcpu();
	CHECK_EQ(ioctl(fd, KVM_GET_MSRS, &msrs), 1);
	msrs.entry.data |= MWAIT_BIT;
	CHECK_EQ(ioctl(fd, KVM_SET_MSRS, &msrs), 1);
	START(0, 1, 0x0f, 0xa2, HLT);
	check_end(CODE + 3);
	CHECK(abi_regs(vm, 0).rcx & 8);
	msrs.entry.data &= ~MWAIT_BIT;
	CHECK_EQ(ioctl(fd, KVM_SET_MSRS, &msrs), 1);
	start(0, 1);
	check_end(CODE + 3);
	CHECK(!(abi_regs(vm, 0).rcx & 8));
}

static uint32_t lint0(void)
{
	struct kvm_lapic_state lapic;

	CHECK_EQ(ioctl(fd, KVM_GET_LAPIC, &lapic), 0);
	return *(uint32_t *)&lapic.regs[0x350];
}

/* LINT0 after reset: as firmware leaves it, or as the manual says. */
static void test_quirk_lint0(void)
{
	use(abi_vm_irqchip(MEMORY));
	CHECK_EQ(lint0(), 0x700);
	abi_close(vm);
	make(abi_vm_irqchip(MEMORY));
	CHECK_EQ(abi_enable(vm, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_LINT0_REENABLED), 0);
	add_vcpu();
	CHECK_EQ(lint0(), 0x10000);
}

/* mov 0xfee00020,%eax; out %al,$0xe9 with the local APIC off */
static void test_quirk_hole(void)
{
	struct {
		struct kvm_msrs header;
		struct kvm_msr_entry entry;
	} msrs = { .header.nmsrs = 1, .entry = { .index = APIC_BASE, .data = 0xfee00100 } };

	use(abi_vm_irqchip(MEMORY));
	CHECK_EQ(ioctl(fd, KVM_SET_MSRS, &msrs), 1);
	ABI_CODE(vm, CODE, 0xa1, 0x20, 0, 0xe0, 0xfe, 0xe6, 0xe9);
	abi_flat32(vm, 0, CODE);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_IO);
	CHECK_EQ((uint32_t)abi_regs(vm, 0).rax, 0xffffffff);
	CHECK_EQ(abi_enable(vm, KVM_CAP_DISABLE_QUIRKS2, KVM_X86_QUIRK_LAPIC_MMIO_HOLE), 0);
	abi_flat32(vm, 0, CODE);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_MMIO);
	CHECK_EQ(run->mmio.phys_addr, 0xfee00020);
}

/* With HLT exits off the guest halts by itself: user space hears of it no more. */
static void test_exits_hlt(void)
{
	struct kvm_interrupt interrupt = { .irq = 0x41 };

	if (!(ioctl(abi_dev(), KVM_CHECK_EXTENSION, KVM_CAP_X86_DISABLE_EXITS) &
	      KVM_X86_DISABLE_EXITS_HLT))
		abi_skip("not on this processor");
	make(abi_vm(MEMORY));
	CHECK_EQ(abi_enable(vm, KVM_CAP_X86_DISABLE_EXITS, KVM_X86_DISABLE_EXITS_HLT), 0);
	add_vcpu();
	ABI_CODE(vm, HANDLERS + 0x41, 0xe6, 0xe9);
	/* sti; hlt; jmp to the hlt */
	START(0, 0, 0xfb, HLT, 0xeb, 0xfd);
	abi_signals(300);
	CHECK_EQ(abi_run(vm, 0), -EINTR);
	abi_signals(0);
	CHECK_EQ(ioctl(fd, KVM_INTERRUPT, &interrupt), 0);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_IO);
	CHECK_EQ(abi_regs(vm, 0).rip, HANDLERS + 0x41);
}

/* With payloads a #DB waits as user space put it there, and DR6 changes when it is delivered. */
static void test_payload(void)
{
	struct kvm_vcpu_events events;
	struct kvm_debugregs regs;

	use(abi_vm(MEMORY));
	START(0, 0, HLT);
	CHECK_EQ(ioctl(fd, KVM_GET_VCPU_EVENTS, &events), 0);
	CHECK(!(events.flags & KVM_VCPUEVENT_VALID_PAYLOAD));
	events.flags = KVM_VCPUEVENT_VALID_PAYLOAD;
	CHECK_ERRNO(ioctl(fd, KVM_SET_VCPU_EVENTS, &events), EINVAL);
	CHECK_EQ(abi_enable(vm, KVM_CAP_EXCEPTION_PAYLOAD, 1), 0);
	events.exception.pending = 1;
	events.exception.nr = 32;
	CHECK_ERRNO(ioctl(fd, KVM_SET_VCPU_EVENTS, &events), EINVAL);
	events.exception.nr = DB;
	events.exception_has_payload = 1;
	events.exception_payload = BS;
	CHECK_EQ(ioctl(fd, KVM_SET_VCPU_EVENTS, &events), 0);
	CHECK_EQ(ioctl(fd, KVM_GET_VCPU_EVENTS, &events), 0);
	CHECK(events.flags & KVM_VCPUEVENT_VALID_PAYLOAD);
	CHECK_EQ(events.exception.pending, 1);
	CHECK_EQ(events.exception.injected, 0);
	CHECK_EQ(events.exception_has_payload, 1);
	CHECK_EQ(events.exception_payload, BS);
	CHECK_EQ(ioctl(fd, KVM_GET_DEBUGREGS, &regs), 0);
	CHECK_EQ(regs.dr6, DR6_INITIAL);
	check_exception(DB);
	CHECK_EQ(ioctl(fd, KVM_GET_DEBUGREGS, &regs), 0);
	CHECK_EQ(regs.dr6, DR6_INITIAL | BS);
}

/* Of a page fault it is CR2. Without the flag a pending exception is none. */
static void test_payload_cr2(void)
{
	struct kvm_vcpu_events events;
	struct kvm_sregs sregs;

	make(abi_vm(MEMORY));
	CHECK_EQ(abi_enable(vm, KVM_CAP_EXCEPTION_PAYLOAD, 1), 0);
	add_vcpu();
	START(0, 0, HLT);
	CHECK_EQ(ioctl(fd, KVM_GET_VCPU_EVENTS, &events), 0);
	events.exception.pending = 1;
	events.exception.nr = PF;
	events.exception_has_payload = 1;
	events.exception_payload = 0x12345000;
	events.flags = 0;
	CHECK_EQ(ioctl(fd, KVM_SET_VCPU_EVENTS, &events), 0);
	check_end(CODE + 1);
	abi_real(vm, 0, CODE);
	events.flags = KVM_VCPUEVENT_VALID_PAYLOAD;
	CHECK_EQ(ioctl(fd, KVM_SET_VCPU_EVENTS, &events), 0);
	check_exception(PF);
	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &sregs), 0);
	CHECK_EQ(sregs.cr2, 0x12345000);
}

static void test_triple_fault(void)
{
	struct kvm_vcpu_events events;

	use(abi_vm(MEMORY));
	START(0, 0, HLT);
	CHECK_EQ(ioctl(fd, KVM_GET_VCPU_EVENTS, &events), 0);
	CHECK(!(events.flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT));
	events.flags = KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	events.triple_fault.pending = 1;
	CHECK_ERRNO(ioctl(fd, KVM_SET_VCPU_EVENTS, &events), EINVAL);
	CHECK_EQ(abi_enable(vm, KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1), 0);
	CHECK_EQ(ioctl(fd, KVM_SET_VCPU_EVENTS, &events), 0);
	CHECK_EQ(ioctl(fd, KVM_GET_VCPU_EVENTS, &events), 0);
	CHECK(events.flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT);
	CHECK_EQ(events.triple_fault.pending, 1);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_SHUTDOWN);
	CHECK_EQ(ioctl(fd, KVM_GET_VCPU_EVENTS, &events), 0);
	CHECK_EQ(events.triple_fault.pending, 0);
	/* And taken back. */
	events.triple_fault.pending = 1;
	CHECK_EQ(ioctl(fd, KVM_SET_VCPU_EVENTS, &events), 0);
	events.triple_fault.pending = 0;
	CHECK_EQ(ioctl(fd, KVM_SET_VCPU_EVENTS, &events), 0);
	abi_real(vm, 0, CODE);
	check_end(CODE + 1);
}

/* An instruction that cannot be emulated: user space is to hear of it, the guest is not. */
static void test_emulation_failure(void)
{
	use(abi_vm(MEMORY));
	CHECK_EQ(abi_enable(vm, KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1), 0);
	/* fld1; fstps 0x100000, where no memory is */
	ABI_CODE(vm, CODE, 0xd9, 0xe8, 0xd9, 0x1d, 0, 0, 0x10, 0, HLT);
	abi_flat32(vm, 0, CODE);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_INTERNAL_ERROR);
	CHECK_EQ(run->internal.suberror, KVM_INTERNAL_ERROR_EMULATION);
	/* The guest does not: no #UD waits. */
	ABI_CODE(vm, CODE + 2, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	CHECK_EQ(abi_regs(vm, 0).rip, CODE + 9);
}

/* KVM_GET_DEVICE_ATTR of the system: what XCR0 may have. */
static void test_attributes(void)
{
	uint64_t value = 0;
	struct kvm_device_attr attr = { .addr = (uintptr_t)&value };

	CHECK_EQ(ioctl(abi_dev(), KVM_CHECK_EXTENSION, KVM_CAP_SYS_ATTRIBUTES), 1);
	CHECK_EQ(ioctl(abi_dev(), KVM_HAS_DEVICE_ATTR, &attr), 0);
	CHECK_EQ(ioctl(abi_dev(), KVM_GET_DEVICE_ATTR, &attr), 0);
	CHECK_EQ(value & 3, 3);
	attr.addr = 8;
	CHECK_ERRNO(ioctl(abi_dev(), KVM_GET_DEVICE_ATTR, &attr), EFAULT);
	attr.attr = 1;
	CHECK_ERRNO(ioctl(abi_dev(), KVM_HAS_DEVICE_ATTR, &attr), ENXIO);
	CHECK_ERRNO(ioctl(abi_dev(), KVM_GET_DEVICE_ATTR, &attr), ENXIO);
	attr.attr = 0;
	attr.group = 1;
	CHECK_ERRNO(ioctl(abi_dev(), KVM_HAS_DEVICE_ATTR, &attr), ENXIO);
	CHECK_ERRNO(ioctl(abi_dev(), KVM_GET_DEVICE_ATTR, &attr), ENXIO);
}

/* KVM_TRANSLATE: without paging; identity; an address that is not mapped. */
static void test_translate(void)
{
	struct kvm_translation translation = { .linear_address = 0x5432 };

	use(abi_vm(MEMORY));
	CHECK_EQ(ioctl(fd, KVM_TRANSLATE, &translation), 0);
	CHECK_EQ(translation.valid, 1);
	CHECK_EQ(translation.physical_address, 0x5432);
	translation.linear_address = ~0ull;
	CHECK_EQ(ioctl(fd, KVM_TRANSLATE, &translation), 0);
	CHECK_EQ(translation.valid, 0);
	CHECK_EQ(translation.physical_address, ~0ull);
	abi_long(vm, 0, CODE);
	translation.linear_address = 0x5432;
	CHECK_EQ(ioctl(fd, KVM_TRANSLATE, &translation), 0);
	CHECK_EQ(translation.valid, 1);
	CHECK_EQ(translation.physical_address, 0x5432);
	CHECK_EQ(translation.writeable, 1);
	CHECK_EQ(translation.usermode, 0);
	translation.linear_address = 1ull << 40;
	CHECK_EQ(ioctl(fd, KVM_TRANSLATE, &translation), 0);
	CHECK_EQ(translation.valid, 0);
	CHECK_EQ(translation.physical_address, ~0ull);
}

static const struct abi_test tests[] = {
	{ "errors", test_errors },
	{ "max_vcpu_id", test_max_vcpu_id },
	{ "platform_info", test_platform_info },
	{ "cpuid_fault", test_cpuid_fault },
	{ "no_cpuid_fault", test_no_cpuid_fault },
	{ "quirk_port_7e", test_quirk_port_7e },
	{ "quirk_hypercall", test_quirk_hypercall },
	{ "quirk_mwait", test_quirk_mwait },
	{ "quirk_misc_enable", test_quirk_misc_enable },
	{ "quirk_lint0", test_quirk_lint0 },
	{ "quirk_hole", test_quirk_hole },
	{ "exits_hlt", test_exits_hlt },
	{ "payload", test_payload },
	{ "payload_cr2", test_payload_cr2 },
	{ "triple_fault", test_triple_fault },
	{ "emulation_failure", test_emulation_failure },
	{ "attributes", test_attributes },
	{ "translate", test_translate },
	{},
};

int main(int argc, char **argv)
{
	return abi_main(tests, argc, argv);
}
