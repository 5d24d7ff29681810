// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events in corners: windows, shadows, NMIs that have to wait, and what user space saves of them.
 *
 * A 64-bit guest's handlers tell their vector, that of #DB tells DR6, and return.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "events_guest.h"
#include "lib/abi.h"

#define MEMORY	    0x100000
#define PORT	    0xe9
#define CODE	    0x1000
#define HANDLER16   0x2000
#define IDT	    0x4000
#define STUBS	    0x5000
#define STUB_LEN    16
#define GDT	    0x6000
#define DEVICES	    0xb000
#define HANG	    60
#define TRIES	    50
#define ROUNDS	    20000

#define DB	    1
#define NMI	    2
#define BP	    3
#define UD	    6
#define VECTOR	    0x41
#define TF	    0x100
#define IF	    0x200
#define DR6_INITIAL 0xffff0ff0

static struct abi_vm *vm;
static int fd;

/* push %rax; mov $vector,%al; out %al,$PORT; pop %rax; iretq */
static void make_stub(int vector)
{
	const uint8_t tell[] = { 0x50, 0xb0, vector, 0xe6, PORT, 0x58, 0x48, 0xcf };
	/* push %rax; mov %dr6,%rax; out %eax,$PORT; pop %rax; iretq */
	static const uint8_t tell_dr6[] = { 0x50, 0x0f, 0x21, 0xf0, 0xe7, PORT, 0x58, 0x48, 0xcf };
	uint16_t at = STUBS + vector * STUB_LEN;
	const uint16_t gate[8] = { at, 8, 0x8e00 };

	if (vector == DB)
		abi_code(vm, at, tell_dr6, sizeof(tell_dr6));
	else
		abi_code(vm, at, tell, sizeof(tell));
	abi_code(vm, IDT + vector * sizeof(gate), gate, sizeof(gate));
}

/* The local APIC's page, behind the tables of abi_long(). */
static void map_apic(void)
{
	uint64_t *pdpt = (void *)(vm->mem + ABI_TABLES + 0x1000);
	uint64_t *pd = (void *)(vm->mem + DEVICES);

	pdpt[3] = DEVICES | 3;
	pd[0xfee00000 >> 21 & 511] = 0xfee00000 | 0x9b;
}

static void start_long(const uint8_t *code, const uint8_t *end)
{
	static const uint64_t gdt[] = { 0, 0x00af9b000000ffff, 0x00cf93000000ffff };
	struct kvm_sregs sregs;
	int vector;

	abi_code(vm, CODE, code, end - code);
	abi_code(vm, GDT, gdt, sizeof(gdt));
	for (vector = 0; vector < 256; vector++)
		make_stub(vector);
	abi_long(vm, 0, CODE);
	map_apic();
	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &sregs), 0);
	sregs.gdt.base = GDT;
	sregs.gdt.limit = sizeof(gdt) - 1;
	sregs.idt.base = IDT;
	sregs.idt.limit = 0xfff;
	CHECK_EQ(ioctl(fd, KVM_SET_SREGS, &sregs), 0);
}

/* Real mode, with a handler of VECTOR that tells it: mov $VECTOR,%al; out %al,$PORT; iret. */
static void start_real(const uint8_t *code, const uint8_t *end)
{
	static const uint16_t entry[] = { HANDLER16, 0 };

	abi_code(vm, CODE, code, end - code);
	ABI_CODE(vm, HANDLER16, 0xb0, VECTOR, 0xe6, PORT, 0xcf);
	abi_code(vm, VECTOR * sizeof(entry), entry, sizeof(entry));
	abi_real(vm, 0, CODE);
}

#define START(mode, guest) start_##mode(guest_##guest, guest_##guest##_end)

/* A guest that waits for ever is an error, and not the whole program's. */
static void make(void)
{
	alarm(HANG);
	vm = abi_vm(MEMORY);
	fd = vm->vcpu[abi_vcpu(vm)];
}

static void make_irqchip(void)
{
	alarm(HANG);
	vm = abi_vm_irqchip(MEMORY);
	fd = vm->vcpu[abi_vcpu(vm)];
}

/* The next thing that a vCPU's guest tells. */
static uint32_t told_by(int vcpu)
{
	struct kvm_run *run = vm->run[vcpu];
	uint32_t value = 0;

	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
	CHECK_EQ(run->io.port, PORT);
	memcpy(&value, (uint8_t *)run + run->io.data_offset, run->io.size);
	return value;
}

static uint32_t told(void)
{
	return told_by(0);
}

static void set_rflags(uint64_t rflags)
{
	struct kvm_regs regs = abi_regs(vm, 0);

	regs.rflags |= rflags;
	CHECK_EQ(ioctl(fd, KVM_SET_REGS, &regs), 0);
}

static struct kvm_vcpu_events get_events(void)
{
	struct kvm_vcpu_events events;

	CHECK_EQ(ioctl(fd, KVM_GET_VCPU_EVENTS, &events), 0);
	return events;
}

static void set_events(struct kvm_vcpu_events events)
{
	CHECK_EQ(ioctl(fd, KVM_SET_VCPU_EVENTS, &events), 0);
}

static void interrupt(int vector)
{
	struct kvm_interrupt interrupt = { .irq = vector };

	CHECK_EQ(ioctl(fd, KVM_INTERRUPT, &interrupt), 0);
}

/* What the handler that has just told came from: in its frame nothing is left of our stepping. */
static uint64_t interrupted_rip(void)
{
	struct kvm_regs regs = abi_regs(vm, 0);
	uint64_t frame[3];

	CHECK(regs.rsp + 8 + sizeof(frame) <= MEMORY);
	memcpy(frame, vm->mem + regs.rsp + 8, sizeof(frame));
	CHECK_EQ(regs.rflags & TF, 0);
	CHECK_EQ(frame[2] & TF, 0);
	return frame[0];
}

static void window_open_at(uint64_t rip)
{
	struct kvm_run *run = vm->run[0];

	run->request_interrupt_window = 1;
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_IRQ_WINDOW_OPEN);
	CHECK_EQ(abi_regs(vm, 0).rip, rip);
	CHECK_EQ(abi_regs(vm, 0).rbx, 0);
	CHECK_EQ(run->ready_for_interrupt_injection, 1);
	CHECK_EQ(run->if_flag, 1);
	interrupt(VECTOR);
	run->request_interrupt_window = 0;
	CHECK_EQ(told(), VECTOR);
}

static void window_open(void)
{
	make();
	START(real, spin);
	set_rflags(IF);
	window_open_at(CODE);
}

static void window_after_shadow(void)
{
	make();
	START(real, sti_spin);
	window_open_at(CODE + 2);
}

static void window_flags(void)
{
	struct kvm_run *run;

	make();
	run = vm->run[0];
	START(real, tell_if);
	CHECK_EQ(told(), 'a');
	CHECK_EQ(run->ready_for_interrupt_injection, 0);
	CHECK_EQ(run->if_flag, 0);
	CHECK_EQ(told(), 'b');
	CHECK_EQ(run->ready_for_interrupt_injection, 1);
	CHECK_EQ(run->if_flag, 1);
}

static void tsc_aux(void)
{
	uint32_t value = 0;
	int i;

	make();
	START(long, tsc_aux);
	for (i = 0; i < 20; i++, value += 0x01010101) {
		CHECK_EQ(told(), value);
		CHECK_EQ(told(), value);
	}
}

static void tpr_follows(const uint8_t *code, const uint8_t *end)
{
	make_irqchip();
	start_long(code, end);
	CHECK_EQ(told(), 2);
	CHECK_EQ(told(), 0);
	CHECK_EQ(told(), 0x50);
	CHECK_EQ(told(), 0);
}

static void tpr_mmio(void)
{
	tpr_follows(guest_tpr_mmio, guest_tpr_mmio_end);
}

static void tpr_x2apic(void)
{
	tpr_follows(guest_tpr_x2apic, guest_tpr_x2apic_end);
}

static void interrupt_saved(void)
{
	struct kvm_vcpu_events events;
	struct kvm_sregs sregs;

	make();
	START(long, tell);
	set_rflags(IF);
	interrupt(VECTOR);
	events = get_events();
	CHECK_EQ(events.interrupt.injected, 1);
	CHECK_EQ(events.interrupt.nr, VECTOR);
	CHECK_EQ(events.interrupt.soft, 0);
	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &sregs), 0);
	CHECK_EQ(sregs.interrupt_bitmap[VECTOR / 64], 1ull << VECTOR % 64);
	/* It comes back as it was saved. */
	set_events(events);
	CHECK_EQ(told(), VECTOR);
	CHECK_EQ(interrupted_rip(), CODE);
	CHECK_EQ(told(), 'a');
}

static void interrupt_removed(void)
{
	struct kvm_vcpu_events events;
	struct kvm_sregs sregs;

	make();
	START(long, tell);
	set_rflags(IF);
	events = get_events();
	interrupt(VECTOR);
	set_events(events);
	CHECK_EQ(get_events().interrupt.injected, 0);
	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &sregs), 0);
	CHECK_EQ(sregs.interrupt_bitmap[VECTOR / 64], 0);
	CHECK_EQ(told(), 'a');
	/* There is room for the next. */
	interrupt(VECTOR + 1);
	CHECK_EQ(told(), VECTOR + 1);
	CHECK_EQ(told(), 'b');
}

static void nmi_masked(void)
{
	make();
	START(long, iret);
	set_events((struct kvm_vcpu_events){
		.flags = KVM_VCPUEVENT_VALID_NMI_PENDING,
		.nmi = { .masked = 1, .pending = 1 },
	});
	CHECK_EQ(told(), 'a');
	CHECK_EQ(get_events().nmi.masked, 1);
	CHECK_EQ(get_events().nmi.pending, 1);
	CHECK_EQ(told(), NMI);
	CHECK_EQ(interrupted_rip(), CODE + (guest_iret_target - guest_iret));
	CHECK_EQ(get_events().nmi.masked, 1);
	CHECK_EQ(get_events().nmi.pending, 0);
	CHECK_EQ(told(), 'b');
	CHECK_EQ(get_events().nmi.masked, 0);
}

/* With nothing pending the IRET ends the masking all the same. */
static void nmi_masked_alone(void)
{
	make();
	START(long, iret);
	set_events((struct kvm_vcpu_events){ .nmi.masked = 1 });
	CHECK_EQ(told(), 'a');
	CHECK_EQ(get_events().nmi.masked, 1);
	CHECK_EQ(told(), 'b');
	CHECK_EQ(get_events().nmi.masked, 0);
	CHECK_EQ(ioctl(fd, KVM_NMI, 0), 0);
	CHECK_EQ(told(), NMI);
	CHECK_EQ(told(), 'c');
}

/* The exception is delivered first, and the NMI before its handler's first instruction. */
static void nmi_and_exception(void)
{
	make();
	START(long, tell);
	set_events((struct kvm_vcpu_events){ .exception = { .injected = 1, .nr = UD } });
	CHECK_EQ(ioctl(fd, KVM_NMI, 0), 0);
	CHECK_EQ(told(), NMI);
	CHECK_EQ(interrupted_rip(), STUBS + UD * STUB_LEN);
	CHECK_EQ(told(), UD);
	CHECK_EQ(interrupted_rip(), CODE);
	CHECK_EQ(told(), 'a');
	CHECK_EQ(told(), 'b');
}

/* A KVM_RUN that only ends what the last one has begun. */
static void finish_io(void)
{
	vm->run[0]->immediate_exit = 1;
	CHECK_EQ(abi_run(vm, 0), -EINTR);
	vm->run[0]->immediate_exit = 0;
}

/*
 * An instruction in a shadow with an NMI pending, from CODE: the first thing told. An emulator may
 * forget the shadow when the guest leaves before the instruction, and NMIs come before it then.
 * These are tried again, a few times; the page was used before, so that it is not what is missing.
 */
static uint32_t run_in_shadow(uint8_t shadow)
{
	const struct kvm_regs regs = { .rip = CODE, .rsp = 0x7000, .rflags = 2 | IF };
	uint32_t first;
	int i;

	for (i = 0; i < TRIES; i++) {
		finish_io();
		CHECK_EQ(ioctl(fd, KVM_SET_REGS, &regs), 0);
		set_events((struct kvm_vcpu_events){
			.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW,
			.interrupt.shadow = shadow,
			.nmi.pending = 1,
		});
		first = told();
		if (first != NMI || interrupted_rip() != CODE)
			break;
	}
	return first;
}

/* An instruction, then guest_tell. */
static void step_over(uint8_t shadow, const uint8_t *insn, size_t len)
{
	uint32_t first;
	uint64_t rip;

	make();
	START(long, tell);
	CHECK_EQ(told(), 'a');
	abi_code(vm, CODE, insn, len);
	abi_code(vm, CODE + len, guest_tell, guest_tell_end - guest_tell);
	first = run_in_shadow(shadow);
	if (insn[0] == 0xe6) {
		CHECK_EQ(first, 0);
		CHECK_EQ(abi_regs(vm, 0).rflags & TF, 0);
		first = told();
	}
	CHECK_EQ(first, NMI);
	/* Where the instruction exits, KVM lets one more go, of two bytes. */
	rip = interrupted_rip();
	if (rip != CODE + len + 2 || len == 1)
		CHECK_EQ(rip, CODE + len);
	CHECK_EQ(told(), 'a');
	CHECK_EQ(abi_regs(vm, 0).rflags & TF, 0);
	CHECK_EQ(told(), 'b');
	abi_close(vm);
}

/* NOP ends by its trap, the others exit before that: CPUID, OUT, RDMSR (ECX is 0). */
static void nmi_in_shadow(void)
{
	static const uint8_t shadows[] = { KVM_X86_SHADOW_INT_STI, KVM_X86_SHADOW_INT_MOV_SS };
	static const struct {
		size_t len;
		uint8_t insn[2];
	} rows[] = {
		{ 1, { 0x90 } },
		{ 2, { 0x0f, 0xa2 } },
		{ 2, { 0xe6, PORT } },
		{ 2, { 0x0f, 0x32 } },
	};
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(shadows); i++)
		for (j = 0; j < ARRAY_SIZE(rows); j++)
			step_over(shadows[i], rows[j].insn, rows[j].len);
}

/*
 * An instruction that enters a handler itself. If its frame holds the RFLAGS.TF of the step, no #DB
 * of that may reach the guest. It has run once before, so that no page is missing the second time.
 */
static void step_into(int vector, const uint8_t *insn, size_t len)
{
	const struct kvm_regs regs = { .rip = CODE, .rsp = 0x7000, .rflags = 2 };
	int value, nmis = 0, handled = 0;

	make();
	START(long, tell);
	CHECK_EQ(told(), 'a');
	finish_io();
	abi_code(vm, CODE, insn, len);
	abi_code(vm, CODE + len, guest_tell, guest_tell_end - guest_tell);
	CHECK_EQ(ioctl(fd, KVM_SET_REGS, &regs), 0);
	CHECK_EQ(told(), vector);
	for (value = run_in_shadow(KVM_X86_SHADOW_INT_MOV_SS); value != 'a'; value = told()) {
		CHECK(value == NMI || value == vector);
		nmis += value == NMI;
		handled += value == vector;
	}
	CHECK_EQ(nmis, 1);
	CHECK_EQ(handled, 1);
	CHECK_EQ(told(), 'b');
	abi_close(vm);
}

static void nmi_and_int(void)
{
	step_into(VECTOR, (const uint8_t[]){ 0xcd, VECTOR }, 2);
	step_into(BP, (const uint8_t[]){ 0xcc }, 1);
}

static void start_breakpoint(void)
{
	make();
	START(long, tell);
	CHECK_EQ(told(), 'a');
	abi_code(vm, CODE, guest_breakpoint, guest_breakpoint_end - guest_breakpoint);
}

static void check_dr6(uint64_t dr6)
{
	struct kvm_debugregs regs;

	CHECK_EQ(told(), dr6);
	CHECK_EQ(ioctl(fd, KVM_GET_DEBUGREGS, &regs), 0);
	CHECK_EQ(regs.dr6, dr6);
}

static void dr6_after_step(void)
{
	start_breakpoint();
	CHECK_EQ(run_in_shadow(KVM_X86_SHADOW_INT_MOV_SS), NMI);
	CHECK_EQ(interrupted_rip(), CODE + 1);
	check_dr6(DR6_INITIAL);
}

/* The guest's own breakpoint tells of itself only. Emulators may not know one that VMRUN loads. */
static void breakpoint_after_step(void)
{
	const struct kvm_regs regs = { .rip = CODE, .rsp = 0x7000, .rflags = 2 };

	start_breakpoint();
	finish_io();
	CHECK_EQ(ioctl(fd, KVM_SET_REGS, &regs), 0);
	check_dr6(DR6_INITIAL);
	if (told() == 'a')
		abi_skip("no breakpoints in guests here");
	start_breakpoint();
	CHECK_EQ(run_in_shadow(KVM_X86_SHADOW_INT_MOV_SS), NMI);
	check_dr6(DR6_INITIAL);
	check_dr6(DR6_INITIAL | 1);
}

/* INT1 is a trap: its handler returns behind it, with and without a shadow; DR6 says nothing. */
static void int1(void)
{
	const struct kvm_regs regs = { .rip = CODE, .rsp = 0x7000, .rflags = 2 };

	if (abi_tcg())
		abi_skip("INT1 stops the emulator");
	make();
	START(long, tell);
	CHECK_EQ(told(), 'a');
	finish_io();
	ABI_CODE(vm, CODE, 0xf1);
	abi_code(vm, CODE + 1, guest_tell, guest_tell_end - guest_tell);
	CHECK_EQ(ioctl(fd, KVM_SET_REGS, &regs), 0);
	check_dr6(DR6_INITIAL);
	CHECK_EQ(interrupted_rip(), CODE + 1);
	CHECK_EQ(told(), 'a');
	CHECK_EQ(told(), 'b');
	CHECK_EQ(run_in_shadow(KVM_X86_SHADOW_INT_MOV_SS), NMI);
	check_dr6(DR6_INITIAL);
	CHECK_EQ(interrupted_rip(), CODE + 1);
}

static void check_mp_state(int vcpu, uint32_t state)
{
	struct kvm_mp_state mp;

	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_MP_STATE, &mp), 0);
	CHECK_EQ(mp.mp_state, state);
}

/* Nobody runs the AP when its INIT and its start-up IPI come. */
static void start_idle_ap(void)
{
	struct kvm_sregs sregs;
	int ap;

	make_irqchip();
	ap = abi_vcpu(vm);
	/* At 3000:0: mov $'A',%al; out %al,$PORT. */
	ABI_CODE(vm, 0x30000, 0xb0, 'A', 0xe6, PORT);
	START(long, start_ap);
	check_mp_state(ap, KVM_MP_STATE_UNINITIALIZED);
	CHECK_EQ(told(), 'a');
	check_mp_state(ap, KVM_MP_STATE_INIT_RECEIVED);
	CHECK_EQ(told(), 'b');
	check_mp_state(ap, KVM_MP_STATE_RUNNABLE);
	CHECK_EQ(ioctl(vm->vcpu[ap], KVM_GET_SREGS, &sregs), 0);
	CHECK_EQ(sregs.cs.selector, 0x3000);
	CHECK_EQ(sregs.cs.base, 0x30000);
	CHECK_EQ(abi_regs(vm, ap).rip, 0);
	CHECK_EQ(told_by(ap), 'A');
	CHECK_EQ(ioctl(vm->vcpu[ap], KVM_GET_SREGS, &sregs), 0);
	CHECK_EQ(sregs.cs.base, 0x30000);
}

/* A KVM_RUN that has not entered the guest does not fix CPUID yet. */
static void cpuid_before_entry(void)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[256];
	} cpuid = { .head.nent = 256 };

	make();
	START(long, tell);
	vm->run[0]->immediate_exit = 1;
	CHECK_EQ(abi_run(vm, 0), -EINTR);
	vm->run[0]->immediate_exit = 0;
	CHECK_EQ(ioctl(abi_dev(), KVM_GET_SUPPORTED_CPUID, &cpuid), 0);
	cpuid.entries[0].ebx ^= 1;
	CHECK_EQ(ioctl(fd, KVM_SET_CPUID2, &cpuid), 0);
	CHECK_EQ(told(), 'a');
	cpuid.entries[0].ebx ^= 1;
	CHECK_ERRNO(ioctl(fd, KVM_SET_CPUID2, &cpuid), EINVAL);
	CHECK_EQ(told(), 'b');
}

struct racer {
	bool stop;
	unsigned int rounds;
	struct kvm_irqfd irqfd;
};

static bool racing(struct racer *racer)
{
	__atomic_fetch_add(&racer->rounds, 1, __ATOMIC_RELAXED);
	return !__atomic_load_n(&racer->stop, __ATOMIC_RELAXED);
}

/* Are further rounds due: @least of one's own, and of the racer's two? */
static bool race_on(struct racer *racer, unsigned int done, unsigned int least)
{
	return done < least || __atomic_load_n(&racer->rounds, __ATOMIC_RELAXED) < 2;
}

static void *race_deassign(void *arg)
{
	struct racer *racer = arg;
	struct kvm_irqfd irqfd = racer->irqfd;

	irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
	while (racing(racer))
		CHECK_EQ(ioctl(vm->fd, KVM_IRQFD, &irqfd), 0);
	return NULL;
}

/* One thread assigns an eventfd, another takes it away, and it is signalled meanwhile. */
static void irqfd_race(void)
{
	struct racer racer = { .irqfd = { .fd = eventfd(0, EFD_NONBLOCK), .gsi = 5 } };
	uint64_t one = 1;
	pthread_t thread;
	int i;

	make_irqchip();
	CHECK_EQ(pthread_create(&thread, NULL, race_deassign, &racer), 0);
	for (i = 0; race_on(&racer, i, ROUNDS); i++) {
		if (ioctl(vm->fd, KVM_IRQFD, &racer.irqfd) < 0)
			CHECK_EQ(errno, EBUSY);
		CHECK_EQ(write(racer.irqfd.fd, &one, sizeof(one)), (ssize_t)sizeof(one));
	}
	__atomic_store_n(&racer.stop, true, __ATOMIC_RELAXED);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	/* It is free now, or it is taken. */
	if (ioctl(vm->fd, KVM_IRQFD, &racer.irqfd) < 0)
		CHECK_EQ(errno, EBUSY);
	CHECK_ERRNO(ioctl(vm->fd, KVM_IRQFD, &racer.irqfd), EBUSY);
	abi_close(vm);
	CHECK_EQ(write(racer.irqfd.fd, &one, sizeof(one)), (ssize_t)sizeof(one));
}

static void *race_pit(void *arg)
{
	struct racer *racer = arg;
	struct kvm_reinject_control control = { .pit_reinject = 1 };
	struct kvm_pit_state2 pit;

	while (racing(racer)) {
		CHECK_ERRNO(ioctl(vm->fd, KVM_GET_PIT2, &pit), ENXIO);
		CHECK_ERRNO(ioctl(vm->fd, KVM_REINJECT_CONTROL, &control), ENXIO);
	}
	return NULL;
}

/* Coalesced ports from 0x1000 on until the bus has no room: how many fit. */
static int fill_ports(void)
{
	struct kvm_coalesced_mmio_zone zone = { .addr = 0x1000, .size = 1, .pio = 1 };
	int nr;

	for (nr = 0; ioctl(vm->fd, KVM_REGISTER_COALESCED_MMIO, &zone) == 0; nr++)
		zone.addr++;
	CHECK_EQ(errno, ENOSPC);
	return nr;
}

/* A PIT that gets no ports is never there, for whoever asks meanwhile. */
static void pit_without_ports(void)
{
	struct kvm_coalesced_mmio_zone zone = { .addr = 0x1000, .size = 1, .pio = 1 };
	struct kvm_pit_config config = { 0 };
	struct kvm_pit_state2 pit;
	struct racer racer = {};
	pthread_t thread;
	int i;

	alarm(HANG);
	vm = abi_vm(0);
	CHECK_EQ(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0), 0);
	CHECK(fill_ports() > 1);
	CHECK_EQ(pthread_create(&thread, NULL, race_pit, &racer), 0);
	for (i = 0; race_on(&racer, i, 500); i++)
		CHECK_ERRNO(ioctl(vm->fd, KVM_CREATE_PIT2, &config), ENOMEM);
	__atomic_store_n(&racer.stop, true, __ATOMIC_RELAXED);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(ioctl(vm->fd, KVM_UNREGISTER_COALESCED_MMIO, &zone), 0);
	zone.addr++;
	CHECK_EQ(ioctl(vm->fd, KVM_UNREGISTER_COALESCED_MMIO, &zone), 0);
	CHECK_EQ(ioctl(vm->fd, KVM_CREATE_PIT2, &config), 0);
	CHECK_EQ(ioctl(vm->fd, KVM_GET_PIT2, &pit), 0);
}

static const struct abi_test tests[] = {
	{ "window-open", window_open },
	{ "window-after-shadow", window_after_shadow },
	{ "window-flags", window_flags },
	{ "tsc-aux", tsc_aux },
	{ "tpr-mmio", tpr_mmio },
	{ "tpr-x2apic", tpr_x2apic },
	{ "interrupt-saved", interrupt_saved },
	{ "interrupt-removed", interrupt_removed },
	{ "nmi-masked", nmi_masked },
	{ "nmi-masked-alone", nmi_masked_alone },
	{ "nmi-and-exception", nmi_and_exception },
	{ "nmi-in-shadow", nmi_in_shadow },
	{ "nmi-and-int", nmi_and_int },
	{ "dr6-after-step", dr6_after_step },
	{ "breakpoint-after-step", breakpoint_after_step },
	{ "int1", int1 },
	{ "start-idle-ap", start_idle_ap },
	{ "cpuid-before-entry", cpuid_before_entry },
	{ "irqfd-race", irqfd_race },
	{ "pit-without-ports", pit_without_ports },
	{},
};

int main(int argc, char **argv)
{
	/* Virtualization stays on: a switch patches the kernel, which some emulators take badly. */
	abi_vm(0);
	return abi_main(tests, argc, argv);
}
