// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions per interrupt, of each leg of its way. One line per row: "row UNIT VALUE". On one
 * CPU, so that nothing measures the emulator's time slice: who wakes another is told by the
 * scheduler.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <x86intrin.h>

#include "../abi/lib/abi.h"

#define MEMORY	    (4ul << 20)
#define CODE	    0x10000
#define IDT	    0x4000
#define VECTOR	    0x40
#define STACK(vcpu) (0x80000 + 0x10000 * (vcpu))
#define END_PORT    0xf4
#define EVENT_PORT  0x70
#define GSI	    40
#define SVR	    0xf0

/* See ../guests/bench_irq.S. */
#define GUEST(name) \
	extern const uint8_t guest_##name[], guest_##name##_handler[], guest_##name##_end[]

GUEST(self_ipi);
GUEST(eoi);
GUEST(tpr_write);
GUEST(icr_other);
GUEST(wake);
GUEST(ioeventfd);
GUEST(irqfd);
GUEST(irqfd_thread);

struct machine {
	struct abi_vm *vm;
	int event;
	int irq;
};

/**
 * struct row - one thing to measure
 * @code: the guest, if there is one
 * @run: how; returns all ticks of so many iterations
 * @per: events per iteration
 * @loop: the eventfd behind the guest's port is the one that raises its interrupt
 */
struct row {
	const char *name;
	const uint8_t *code;
	const uint8_t *handler;
	const uint8_t *end;
	unsigned long iterations;
	uint64_t (*run)(struct machine *m, unsigned long iterations);
	int vcpus;
	int per;
	bool loop;
};

static const char *only;
static unsigned long repeat;

static void set_tables(struct abi_vm *vm, int vcpu, uint64_t handler)
{
	uint64_t *gdt = (void *)(vm->mem + 0x3000);
	uint64_t *gate = (void *)(vm->mem + IDT + VECTOR * 16);
	struct kvm_sregs sregs;

	gdt[1] = 0x00af9b000000ffffull;
	gdt[2] = 0x00cf93000000ffffull;
	gate[0] = (handler & 0xffff) | 8ull << 16 | 0x8eull << 40 | (handler >> 16 & 0xffff) << 48;
	gate[1] = handler >> 32;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_SREGS, &sregs), 0);
	sregs.gdt.base = 0x3000;
	sregs.gdt.limit = 23;
	sregs.idt.base = IDT;
	sregs.idt.limit = 0xfff;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_SREGS, &sregs), 0);
}

static void enable_apic(int vcpu)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = { .head = { .nmsrs = 1 }, .entry = { .index = 0x1b } };
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct kvm_lapic_state state;
	uint32_t svr = 0x1ff;

	CHECK_EQ(ioctl(vcpu, KVM_GET_MSRS, &msrs), 1);
	msrs.entry.data |= 0xc00;
	CHECK_EQ(ioctl(vcpu, KVM_SET_MSRS, &msrs), 1);
	CHECK_EQ(ioctl(vcpu, KVM_GET_LAPIC, &state), 0);
	memcpy(state.regs + SVR, &svr, sizeof(svr));
	CHECK_EQ(ioctl(vcpu, KVM_SET_LAPIC, &state), 0);
	CHECK_EQ(ioctl(vcpu, KVM_SET_MP_STATE, &runnable), 0);
}

static void make_vcpu(struct machine *m, const struct row *row, unsigned long iterations)
{
	int vcpu = abi_vcpu(m->vm);
	struct kvm_regs regs;

	abi_long(m->vm, vcpu, CODE);
	set_tables(m->vm, vcpu, CODE + (row->handler - row->code));
	enable_apic(m->vm->vcpu[vcpu]);
	regs = abi_regs(m->vm, vcpu);
	/* The second has to answer the first one's last interrupt. */
	regs.rsi = iterations + vcpu;
	regs.rsp = STACK(vcpu);
	regs.rbx = vcpu == 0;
	regs.rdi = !vcpu;
	CHECK_EQ(ioctl(m->vm->vcpu[vcpu], KVM_SET_REGS, &regs), 0);
}

/* An eventfd behind a port, another before a message. */
static void make_eventfds(struct machine *m, bool loop)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} table = { .head = { .nr = 1 },
		    .entry = { .gsi = GSI,
			       .type = KVM_IRQ_ROUTING_MSI,
			       .u.msi = { .address_lo = 0xfee00000, .data = VECTOR } } };
	struct kvm_ioeventfd io = { .addr = EVENT_PORT,
				    .len = 1,
				    .fd = m->event = eventfd(0, 0),
				    .flags = KVM_IOEVENTFD_FLAG_PIO };
	struct kvm_irqfd irq = { .gsi = GSI };

	m->irq = loop ? m->event : eventfd(0, 0);
	irq.fd = m->irq;
	CHECK_EQ(ioctl(m->vm->fd, KVM_SET_GSI_ROUTING, &table), 0);
	CHECK_EQ(ioctl(m->vm->fd, KVM_IOEVENTFD, &io), 0);
	CHECK_EQ(ioctl(m->vm->fd, KVM_IRQFD, &irq), 0);
}

static uint64_t run_vcpu(struct abi_vm *vm, int vcpu)
{
	int reason;

	do {
		reason = abi_run(vm, vcpu);
	} while (reason == -EINTR);
	CHECK_EQ(reason, KVM_EXIT_IO);
	CHECK_EQ(vm->run[vcpu]->io.port, END_PORT);
	return abi_regs(vm, vcpu).rax;
}

static uint64_t run_alone(struct machine *m, unsigned long iterations)
{
	(void)iterations;
	return run_vcpu(m->vm, 0);
}

static void *run_second(void *arg)
{
	struct machine *m = arg;

	run_vcpu(m->vm, m->vm->nr_vcpus - 1);
	return NULL;
}

/* The second halts first, and stays so at the end, until the process goes. */
static uint64_t run_two(struct machine *m, unsigned long iterations)
{
	pthread_t thread;

	(void)iterations;
	CHECK_EQ(pthread_create(&thread, NULL, run_second, m), 0);
	usleep(20000);
	return run_vcpu(m->vm, 0);
}

/* The ticks of so many times: signal the one eventfd, wait for the other. */
static uint64_t ping(int to, int from, unsigned long iterations)
{
	uint64_t one = 1, begin = __rdtsc();

	while (iterations--) {
		CHECK_EQ(write(to, &one, sizeof(one)), 8);
		CHECK_EQ(read(from, &one, sizeof(one)), 8);
		CHECK_EQ(one, 1);
	}
	return __rdtsc() - begin;
}

static uint64_t run_irqfd_thread(struct machine *m, unsigned long iterations)
{
	pthread_t thread;
	uint64_t ticks;

	CHECK_EQ(pthread_create(&thread, NULL, run_second, m), 0);
	usleep(20000);
	ticks = ping(m->irq, m->event, iterations);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	return ticks;
}

static void *answer(void *arg)
{
	const int *fd = arg;
	uint64_t value;

	while (read(fd[0], &value, sizeof(value)) == 8 && value == 1)
		CHECK_EQ(write(fd[1], &value, sizeof(value)), 8);
	return NULL;
}

/* As run_irqfd_thread(), with a thread in the guest's stead. */
static uint64_t run_threads(struct machine *m, unsigned long iterations)
{
	int fd[2] = { eventfd(0, 0), eventfd(0, 0) };
	uint64_t end = 2, ticks;
	pthread_t thread;

	(void)m;
	CHECK_EQ(pthread_create(&thread, NULL, answer, fd), 0);
	usleep(20000);
	ticks = ping(fd[0], fd[1], iterations);
	CHECK_EQ(write(fd[0], &end, sizeof(end)), 8);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	return ticks;
}

#define ROW(n, count, how, cpus, events, ...)                                                 \
	{                                                                                     \
		.name = #n, .code = guest_##n, .handler = guest_##n##_handler,                \
		.end = guest_##n##_end, .iterations = (count), .run = (how), .vcpus = (cpus), \
		.per = (events), __VA_ARGS__                                                  \
	}

static const struct row rows[] = {
	ROW(self_ipi, 20000, run_alone, 1, 1),
	ROW(eoi, 20000, run_alone, 1, 1),
	ROW(tpr_write, 20000, run_alone, 1, 1),
	ROW(icr_other, 20000, run_alone, 2, 1),
	ROW(wake, 5000, run_two, 2, 2),
	ROW(ioeventfd, 20000, run_alone, 1, 1),
	ROW(irqfd, 20000, run_alone, 1, 1, .loop = true),
	ROW(irqfd_thread, 5000, run_irqfd_thread, 1, 1),
	{ .name = "threads", .iterations = 5000, .run = run_threads, .per = 1 },
};

static void measure_row(const struct row *row)
{
	unsigned long n = repeat ? repeat : row->iterations;
	struct machine m = { .vm = abi_vm_irqchip(MEMORY) };
	uint64_t ticks;
	int i;

	if (row->code)
		abi_code(m.vm, CODE, row->code, row->end - row->code);
	for (i = 0; i < row->vcpus; i++)
		make_vcpu(&m, row, n);
	make_eventfds(&m, row->loop);
	if (repeat)
		puts("# running");
	fflush(stdout);
	ticks = row->run(&m, n);
	printf("%s per-event %.1f\n", row->name, (double)ticks / n / row->per);
	fflush(stdout);
}

static void measure(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!only || !strcmp(only, rows[i].name))
			measure_row(&rows[i]);
	}
}

int main(int argc, char **argv)
{
	static const struct abi_test tests[] = {
		{ "irq", measure },
		{ NULL, NULL },
	};

	only = argc > 1 ? argv[1] : NULL;
	repeat = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
	abi_test_seconds = 600;
	return abi_main(tests, 1, argv);
}
