// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_SET_GUEST_DEBUG: steps over all kinds of instructions, breakpoints of both kinds, what the
 * guest sees of it, and traps that user space injects.
 *
 * The guests are in real mode, their handlers are a HLT each, unless a test says otherwise.
 */

#include <linux/tenon.h>

#include "one_vcpu.h"

#define STACK	   0x7000
#define DATA	   0x3000
#define BP	   3
#define VECTOR	   0x41
#define TF	   0x100
#define IF	   0x200
#define RF	   0x10000
#define DR6_STEP   0xffff4ff0
#define DR6_NONE   0xffff0ff0
#define DR6_GD	   0xffff2ff0
#define DR7_GD	   0x2400
#define IN_CODE	   0x402
#define ON_WRITE_4 0xd0402
#define STEP	   (KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP)

#define BEGIN(...)                               \
	do {                                     \
		ABI_CODE(vm, CODE, __VA_ARGS__); \
		abi_real(vm, 0, CODE);           \
	} while (0)

static int set_debug(uint32_t control)
{
	struct kvm_guest_debug debug = { .control = control };

	return ioctl(fd, KVM_SET_GUEST_DEBUG, &debug);
}

static void break_at(uint32_t control, uint64_t address, uint32_t dr7)
{
	struct kvm_guest_debug debug = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP | control,
		.arch.debugreg = { [0] = address, [7] = dr7 },
	};

	CHECK_EQ(ioctl(fd, KVM_SET_GUEST_DEBUG, &debug), 0);
}

static void set_flags(uint64_t flags)
{
	struct kvm_regs regs = abi_regs(vm, 0);

	regs.rflags = flags | 2;
	CHECK_EQ(ioctl(fd, KVM_SET_REGS, &regs), 0);
}

static void check_debug(uint32_t exception, uint64_t pc, uint64_t dr6)
{
	CHECK_EQ(run->exit_reason, KVM_EXIT_DEBUG);
	CHECK_EQ(run->debug.arch.pc, pc);
	CHECK_EQ(run->debug.arch.exception, exception);
	if (exception == DB)
		CHECK_EQ(run->debug.arch.dr6, dr6);
}

/* One step, to CODE + @offset. */
static void check_step(unsigned int offset)
{
	CHECK_EQ(set_debug(STEP), 0);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_DEBUG);
	check_debug(DB, CODE + offset, DR6_STEP);
	CHECK(!(abi_regs(vm, 0).rflags & TF));
}

/* On kvm.ko there is no point in asking. */
static void need_tenon(const char *why)
{
	if (abi_reference())
		abi_skip("kvm.ko %s", why);
}

static void need_breakpoints(void)
{
	if (abi_tcg())
		abi_skip("QEMU's TCG neither intercepts #BP nor arms a guest's breakpoints");
}

static void test_errors(void)
{
	struct kvm_vcpu_events events;

	use(abi_vm(MEMORY));
	BEGIN(0xf4);
	CHECK_EQ(set_debug(KVM_GUESTDBG_INJECT_DB), 0);
	CHECK_ERRNO(set_debug(KVM_GUESTDBG_INJECT_DB), EBUSY);
	CHECK_ERRNO(set_debug(KVM_GUESTDBG_INJECT_BP), EBUSY);
	/* What is being delivered already does not count. */
	CHECK_EQ(ioctl(fd, KVM_GET_VCPU_EVENTS, &events), 0);
	CHECK_EQ(events.exception.injected, 1);
	CHECK_EQ(ioctl(fd, KVM_SET_VCPU_EVENTS, &events), 0);
	CHECK_EQ(set_debug(0), 0);
	CHECK_ERRNO(ioctl(fd, KVM_SET_GUEST_DEBUG, NULL), EFAULT);
}

/* nop; mov $5,%bx; jmp +1; (hole); cpuid; push %cs; ljmp; inc %cx */
static void test_plain(void)
{
	use(abi_vm(MEMORY));
	BEGIN(0x90, 0xbb, 5, 0, 0xeb, 1, 0xf4, 0x66, 0x0f, 0xa2, 0x0e, 0xea, 0x10, CODE >> 8, 0, 0,
	      0x41, 0xf4);
	check_step(1);
	check_step(4);
	check_step(7);
	CHECK_EQ(abi_regs(vm, 0).rbx, 5);
	check_step(10);
	CHECK(abi_regs(vm, 0).rbx != 5);
	check_step(11);
	check_step(0x10);
	check_step(0x11);
	CHECK_EQ(set_debug(0), 0);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	CHECK_EQ(abi_regs(vm, 0).rip, CODE + 0x12);
}

/* One KVM_SET_GUEST_DEBUG is good for many steps. */
static void test_repeated(void)
{
	int i;

	use(abi_vm(MEMORY));
	BEGIN(0x90, 0x0f, 0xa2, 0x90, 0x90, 0x0f, 0xa2, 0x90, 0xf4);
	CHECK_EQ(set_debug(STEP), 0);
	for (i = 0; i < 6; i++) {
		static const uint8_t ends[] = { 1, 3, 4, 5, 7, 8 };

		CHECK_EQ(abi_run(vm, 0), KVM_EXIT_DEBUG);
		check_debug(DB, CODE + ends[i], DR6_STEP);
	}
}

/* in $0x70,%al; out %al,$0x70; out %al,$0xe9 in one string: user space first, then the trap. */
static void test_ports(void)
{
	use(abi_vm(MEMORY));
	BEGIN(0xe4, 0x70, 0xe6, 0x71, 0xbe, DATA & 0xff, DATA >> 8, 0xba, 0xe9, 0, 0x6e, 0xf4);
	CHECK_EQ(set_debug(STEP), 0);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_IO);
	*((uint8_t *)run + run->io.data_offset) = 0x5a;
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_DEBUG);
	check_debug(DB, CODE + 2, DR6_STEP);
	CHECK_EQ(abi_regs(vm, 0).rax, 0x5a);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_IO);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_DEBUG);
	check_debug(DB, CODE + 4, DR6_STEP);
	check_step(7);
	check_step(10);
	need_tenon("forgets the step when a string goes to user space");
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_IO);
	CHECK_EQ(run->io.port, 0xe9);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_DEBUG);
	check_debug(DB, CODE + 11, DR6_STEP);
}

/* mov %eax,0x100000; mov 0x100008,%ebx: to and from nothing that is memory */
static void test_mmio(void)
{
	use(abi_vm(MEMORY));
	ABI_CODE(vm, CODE, 0xa3, 0, 0, 0x10, 0, 0x8b, 0x1d, 8, 0, 0x10, 0, 0xf4);
	abi_flat32(vm, 0, CODE);
	need_tenon("forgets the step when a write goes to user space");
	CHECK_EQ(set_debug(STEP), 0);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_MMIO);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_DEBUG);
	check_debug(DB, CODE + 5, DR6_STEP);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_MMIO);
	memcpy(run->mmio.data, "\x78\x56\x34\x12", 4);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_DEBUG);
	check_debug(DB, CODE + 11, DR6_STEP);
	CHECK_EQ(abi_regs(vm, 0).rbx, 0x12345678);
}

/* A repeated string instruction is a step for each element. */
static void test_string(void)
{
	use(abi_vm(MEMORY));
	BEGIN(0xb9, 3, 0, 0xbf, DATA & 0xff, DATA >> 8, 0xf3, 0xaa, 0x90, 0xf4);
	check_step(3);
	check_step(6);
	check_step(6);
	CHECK_EQ(abi_regs(vm, 0).rcx, 2);
	check_step(6);
	check_step(8);
	CHECK_EQ(abi_regs(vm, 0).rcx, 0);
	check_step(9);
}

/* RDMSR, a hypercall, MOV from CR0 and DR7, WBINVD: what the module does in the guest's place. */
static void test_intercepted(void)
{
	use(abi_vm(MEMORY));
	BEGIN(0x66, 0xb9, 0x80, 0, 0, 0xc0, 0x0f, 0x32, 0x66, 0xb8, 1, 0, 0, 0, 0x0f, 0x01,
	      abi_hypercall(), 0x0f, 0x20, 0xc0, 0x0f, 0x21, 0xfb, 0x0f, 0x09, 0x0f, 0x22, 0xc0,
	      0x90, 0xf4);
	check_step(6);
	check_step(8);
	check_step(14);
	check_step(17);
	check_step(20);
	check_step(23);
	CHECK_EQ(abi_regs(vm, 0).rbx, 0x400);
	check_step(25);
	check_step(28);
	check_step(29);
}

/* A vCPU that halts has done its step; what wakes it comes later. */
static void test_halt(void)
{
	struct kvm_mp_state state;

	use(abi_vm_irqchip(MEMORY));
	BEGIN(0xf4, 0x90, 0xf4);
	check_step(1);
	CHECK_EQ(ioctl(fd, KVM_GET_MP_STATE, &state), 0);
	CHECK_EQ(state.mp_state, KVM_MP_STATE_HALTED);
	state.mp_state = KVM_MP_STATE_RUNNABLE;
	CHECK_EQ(ioctl(fd, KVM_SET_MP_STATE, &state), 0);
	check_step(2);
}

/* sti; nop; mov %ax,%ss; nop; nop: MOV SS and what follows it are one step. */
static void test_shadows(void)
{
	use(abi_vm(MEMORY));
	BEGIN(0xfb, 0x90, 0x90, 0x8e, 0xd0, 0x90, 0x90, 0xf4);
	/* TCG's STI holds the trap back, too. */
	if (!abi_tcg())
		check_step(1);
	check_step(2);
	CHECK(abi_regs(vm, 0).rflags & IF);
	check_step(3);
	check_step(6);
	check_step(7);
}

/* pushf; pop %ax; push %bx; popf; pushf; pop %cx: with RFLAGS.TF clear, then set by the guest. */
static void test_flags(void)
{
	use(abi_vm(MEMORY));
	need_tenon("shows the guest its TF");
	BEGIN(0x9c, 0x58, 0x53, 0x9d, 0x9c, 0x59, 0xf4);
	check_step(1);
	check_step(2);
	CHECK_EQ(abi_regs(vm, 0).rax, 2);
	check_step(3);
	check_step(4);
	CHECK_EQ(abi_regs(vm, 0).rflags & ~TF, 2);
	check_step(5);
	check_step(6);
	CHECK_EQ(abi_regs(vm, 0).rcx, 2);
}

/* The guest steps itself: user space comes first, and leaves the guest its flag. */
static void test_guest_tf(void)
{
	use(abi_vm(MEMORY));
	need_tenon("forgets the guest's TF");
	BEGIN(0x90, 0x90, 0x90, 0xf4);
	set_flags(TF);
	CHECK_EQ(set_debug(STEP), 0);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_DEBUG);
	check_debug(DB, CODE + 1, DR6_STEP);
	CHECK_EQ(set_debug(0), 0);
	CHECK_EQ(abi_regs(vm, 0).rflags, TF | 2);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	CHECK_EQ(abi_regs(vm, 0).rip, HANDLERS + DB + 1);
}

/* What faults is not a step: its handler runs, and the step ends behind the handler's IRET. */
static void test_fault(void)
{
	use(abi_vm(MEMORY));
	/* The handler of #UD skips the 2 bytes of UD2. */
	ABI_CODE(vm, 0x2800, 0x55, 0x89, 0xe5, 0x83, 0x46, 2, 2, 0x5d, 0xcf);
	*(uint32_t *)(vm->mem + 4 * UD) = 0x2800;
	BEGIN(0x0f, 0x0b, 0x90, 0x90, 0xf4);
	CHECK_EQ(set_debug(STEP), 0);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_DEBUG);
	check_debug(DB, CODE + 3, DR6_STEP);
}

/* An interrupt that comes first is served, and then the instruction is done. */
static void test_interrupt(void)
{
	struct kvm_interrupt interrupt = { .irq = VECTOR };

	use(abi_vm(MEMORY));
	ABI_CODE(vm, 0x2800, 0x41, 0xcf);
	*(uint32_t *)(vm->mem + 4 * VECTOR) = 0x2800;
	BEGIN(0x90, 0x90, 0xf4);
	set_flags(IF);
	CHECK_EQ(ioctl(fd, KVM_INTERRUPT, &interrupt), 0);
	CHECK_EQ(set_debug(STEP), 0);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_DEBUG);
	check_debug(DB, CODE + 1, DR6_STEP);
	CHECK_EQ(abi_regs(vm, 0).rcx, 1);
}

/* Or it waits, where user space wants that. */
static void test_blocked(void)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = VECTOR };
	struct kvm_lapic_state lapic;

	use(abi_vm_irqchip(MEMORY));
	ABI_CODE(vm, HANDLERS + VECTOR, 0xe6, 0xe9);
	BEGIN(0x90, 0x90, 0xf4);
	set_flags(IF);
	CHECK_EQ(ioctl(fd, KVM_GET_LAPIC, &lapic), 0);
	memcpy(&lapic.regs[0xf0], "\xff\x01", 2);
	CHECK_EQ(ioctl(fd, KVM_SET_LAPIC, &lapic), 0);
	CHECK_EQ(set_debug(STEP | KVM_GUESTDBG_BLOCKIRQ), 0);
	CHECK_EQ(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi), 1);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_DEBUG);
	check_debug(DB, CODE + 1, DR6_STEP);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_DEBUG);
	check_debug(DB, CODE + 2, DR6_STEP);
	CHECK_EQ(set_debug(0), 0);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_IO);
	CHECK_EQ(abi_regs(vm, 0).rip, HANDLERS + VECTOR);
}

/* The step is one from where user space has moved the vCPU. Without ENABLE there is none. */
static void test_moved(void)
{
	struct kvm_regs regs;

	use(abi_vm(MEMORY));
	need_tenon("does not step where it was not when it was told to");
	BEGIN(0x90, 0xf4, 0x90, 0x90, 0xf4);
	CHECK_EQ(set_debug(STEP), 0);
	regs = abi_regs(vm, 0);
	regs.rip = CODE + 2;
	CHECK_EQ(ioctl(fd, KVM_SET_REGS, &regs), 0);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_DEBUG);
	check_debug(DB, CODE + 3, DR6_STEP);
	CHECK_EQ(set_debug(KVM_GUESTDBG_SINGLESTEP), 0);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
}

/* INT3 is user space's with USE_SW_BP, and the guest's without, or when it is given back. */
static void test_software(void)
{
	uint16_t *frame;

	use(abi_vm(MEMORY));
	need_breakpoints();
	BEGIN(0x90, 0xcc, 0xf4);
	CHECK_EQ(set_debug(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP), 0);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_DEBUG);
	check_debug(BP, CODE + 1, 0);
	CHECK_EQ(abi_regs(vm, 0).rip, CODE + 1);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_DEBUG);
	check_debug(BP, CODE + 1, 0);
	CHECK_EQ(set_debug(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_INJECT_BP),
		 0);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	CHECK_EQ(abi_regs(vm, 0).rip, HANDLERS + BP + 1);
	frame = (void *)(vm->mem + abi_regs(vm, 0).rsp);
	CHECK_EQ(frame[0], CODE + 2);
	CHECK_EQ(set_debug(0), 0);
	abi_real(vm, 0, CODE);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	CHECK_EQ(abi_regs(vm, 0).rip, HANDLERS + BP + 1);
}

/* #BP returns behind its INT3, also where nothing intercepts it. */
static void test_inject_bp(void)
{
	uint16_t *frame;

	use(abi_vm(MEMORY));
	BEGIN(0xcc, 0xf4);
	CHECK_EQ(set_debug(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_BP), 0);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	CHECK_EQ(abi_regs(vm, 0).rip, HANDLERS + BP + 1);
	frame = (void *)(vm->mem + abi_regs(vm, 0).rsp);
	CHECK_EQ(frame[0], CODE + 1);
	CHECK_EQ(abi_regs(vm, 0).rsp, STACK - 6);
}

/* As QEMU gives a #BP back to the guest. */
static void test_event_bp(void)
{
	struct kvm_vcpu_events events;
	uint16_t *frame;

	use(abi_vm(MEMORY));
	BEGIN(0xcc, 0xf4);
	CHECK_EQ(ioctl(fd, KVM_GET_VCPU_EVENTS, &events), 0);
	events.exception.injected = 1;
	events.exception.nr = BP;
	CHECK_EQ(ioctl(fd, KVM_SET_VCPU_EVENTS, &events), 0);
	CHECK_EQ(ioctl(fd, KVM_GET_VCPU_EVENTS, &events), 0);
	CHECK_EQ(events.exception.injected, 0);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	CHECK_EQ(abi_regs(vm, 0).rip, HANDLERS + BP + 1);
	frame = (void *)(vm->mem + abi_regs(vm, 0).rsp);
	CHECK_EQ(frame[0], CODE + 1);
}

static void test_inject_db(void)
{
	struct kvm_debugregs regs;
	uint16_t *frame;

	use(abi_vm(MEMORY));
	BEGIN(0x90, 0xf4);
	CHECK_EQ(set_debug(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_DB), 0);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	CHECK_EQ(abi_regs(vm, 0).rip, HANDLERS + DB + 1);
	frame = (void *)(vm->mem + abi_regs(vm, 0).rsp);
	CHECK_EQ(frame[0], CODE);
	CHECK_EQ(ioctl(fd, KVM_GET_DEBUGREGS, &regs), 0);
	CHECK_EQ(regs.dr6, DR6_NONE);
}

/* A breakpoint in the code, and one on data: before the instruction, and behind it. */
static void test_hardware(void)
{
	use(abi_vm(MEMORY));
	need_breakpoints();
	BEGIN(0x90, 0x41, 0x90, 0x66, 0xa3, DATA & 0xff, DATA >> 8, 0x90, 0xf4);
	break_at(0, CODE + 1, IN_CODE);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_DEBUG);
	check_debug(DB, CODE + 1, DR6_NONE | 1);
	CHECK_EQ(run->debug.arch.dr7, IN_CODE);
	CHECK_EQ(abi_regs(vm, 0).rcx, 0);
	break_at(0, DATA, ON_WRITE_4);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_DEBUG);
	check_debug(DB, CODE + 7, DR6_NONE | 1);
	CHECK_EQ(set_debug(0), 0);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	CHECK_EQ(abi_regs(vm, 0).rip, CODE + 9);
}

/* Of user space's breakpoints the guest sees nothing: its debug registers are its own. */
static void test_own_registers(void)
{
	struct kvm_debugregs regs;

	use(abi_vm(MEMORY));
	/* mov %eax,%dr0; mov %dr0,%ebx; mov %dr7,%ecx; mov %dr6,%edx; mov %eax,%dr7; hlt */
	BEGIN(0x66, 0xb8, 0x01, 0x24, 0, 0, 0x0f, 0x23, 0xc0, 0x0f, 0x21, 0xc3, 0x0f, 0x21, 0xf9,
	      0x0f, 0x21, 0xf2, 0x66, 0xb8, 0x00, 0x04, 0, 0, 0x0f, 0x23, 0xf8, 0xf4);
	break_at(0, 0x5000, IN_CODE);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	CHECK_EQ(abi_regs(vm, 0).rip, CODE + 28);
	CHECK_EQ(abi_regs(vm, 0).rbx, 0x2401);
	CHECK_EQ(abi_regs(vm, 0).rcx, 0x400);
	CHECK_EQ(abi_regs(vm, 0).rdx, DR6_NONE);
	CHECK_EQ(ioctl(fd, KVM_GET_DEBUGREGS, &regs), 0);
	CHECK_EQ(regs.db[0], 0x2401);
	CHECK_EQ(regs.dr7, 0x400);
}

/* Bits that DR7 does not have would make the processor refuse the guest. */
static void test_wide_dr7(void)
{
	struct kvm_guest_debug debug = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP,
		.arch.debugreg = { [0] = 0x5000, [7] = 0xffffffff00000400 },
	};

	need_tenon("hands DR7 to the processor as it is");
	use(abi_vm(MEMORY));
	BEGIN(0x90, 0xf4);
	CHECK_EQ(ioctl(fd, KVM_SET_GUEST_DEBUG, &debug), 0);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
}

/* DR7.GD of user space: the guest's access to a debug register is a trap before it. */
static void test_general_detect(void)
{
	use(abi_vm(MEMORY));
	BEGIN(0x90, 0x0f, 0x21, 0xf8, 0xf4);
	break_at(0, 0, DR7_GD);
	need_tenon("may look at the guest's DR7 only");
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_DEBUG);
	check_debug(DB, CODE + 1, DR6_GD);
	CHECK_EQ(set_debug(0), 0);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
}

/* A signal between steps changes nothing. */
static void test_signals(void)
{
	unsigned int steps = 0, interruptions = 0;
	int r;

	use(abi_vm(MEMORY));
	BEGIN(0x41, 0x41, 0x41, 0xeb, 0xfb);
	abi_signals(1);
	CHECK_EQ(set_debug(STEP), 0);
	while (steps < 400 || steps % 4 || !interruptions) {
		r = abi_run(vm, 0);
		if (r == -EINTR) {
			interruptions++;
			continue;
		}
		CHECK_EQ(r, KVM_EXIT_DEBUG);
		steps++;
		check_debug(DB, CODE + (steps & 3 ? steps & 3 : 0), DR6_STEP);
	}
	CHECK_EQ((uint16_t)abi_regs(vm, 0).rcx, (uint16_t)(steps / 4 * 3));
}

static const struct abi_test tests[] = {
	{ "errors", test_errors },
	{ "plain", test_plain },
	{ "repeated", test_repeated },
	{ "ports", test_ports },
	{ "mmio", test_mmio },
	{ "string", test_string },
	{ "intercepted", test_intercepted },
	{ "halt", test_halt },
	{ "shadows", test_shadows },
	{ "flags", test_flags },
	{ "guest_tf", test_guest_tf },
	{ "fault", test_fault },
	{ "interrupt", test_interrupt },
	{ "blocked", test_blocked },
	{ "moved", test_moved },
	{ "software", test_software },
	{ "inject_bp", test_inject_bp },
	{ "event_bp", test_event_bp },
	{ "inject_db", test_inject_db },
	{ "hardware", test_hardware },
	{ "own_registers", test_own_registers },
	{ "wide_dr7", test_wide_dr7 },
	{ "general_detect", test_general_detect },
	{ "signals", test_signals },
	{},
};

int main(int argc, char **argv)
{
	return abi_main(tests, argc, argv);
}
