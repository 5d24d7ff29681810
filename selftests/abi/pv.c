// SPDX-License-Identifier: GPL-2.0-only
/*
 * Paravirtual services: steal time, end of interrupt, asynchronous page faults, hypercalls, and
 * which of them a guest has.
 */
#include <fcntl.h>
#include <linux/kvm_para.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <linux/tenon.h>

#include "lib/abi.h"

#define MEMORY	 0x800000
#define CODE	 0x1000
#define PAGE	 0x20000
#define IDT	 0x30000
#define HANDLER	 0x31000
#define HANDLER2 0x32000
#define HANDLER3 0x33000
#define STACK	 0x50000
#define LAPIC	 0xfee00000u
#define FEATURES 0x40000001u

static int write_msr(struct abi_vm *vm, int vcpu, uint32_t index, uint64_t value)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = { { .nmsrs = 1 }, { .index = index, .data = value } };

	return ioctl(vm->vcpu[vcpu], KVM_SET_MSRS, &msrs);
}

/* How many could be read, 0 or 1. */
static int try_read_msr(struct abi_vm *vm, int vcpu, uint32_t index, uint64_t *value)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = { { .nmsrs = 1 }, { .index = index } };
	int n = ioctl(vm->vcpu[vcpu], KVM_GET_MSRS, &msrs);

	*value = msrs.entry.data;
	return n;
}

static uint64_t read_msr(struct abi_vm *vm, int vcpu, uint32_t index)
{
	uint64_t value;

	CHECK_EQ(try_read_msr(vm, vcpu, index, &value), 1);
	return value;
}

static uint32_t supported_features(void)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + 256 * sizeof(cpuid->entries[0]));
	uint32_t features = 0;
	unsigned int i;

	cpuid->nent = 256;
	CHECK_EQ(ioctl(abi_dev(), KVM_GET_SUPPORTED_CPUID, cpuid), 0);
	for (i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == FEATURES)
			features = cpuid->entries[i].eax;
	free(cpuid);
	return features;
}

static void test_features(void)
{
	static const unsigned int wanted[] = {
		KVM_FEATURE_CLOCKSOURCE,    KVM_FEATURE_CLOCKSOURCE2, KVM_FEATURE_ASYNC_PF,
		KVM_FEATURE_STEAL_TIME,	    KVM_FEATURE_PV_EOI,	      KVM_FEATURE_PV_UNHALT,
		KVM_FEATURE_PV_TLB_FLUSH,   KVM_FEATURE_PV_SEND_IPI,  KVM_FEATURE_POLL_CONTROL,
		KVM_FEATURE_PV_SCHED_YIELD, KVM_FEATURE_ASYNC_PF_INT,
	};
	uint32_t features = supported_features();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wanted); i++)
		CHECK(features & 1u << wanted[i]);
}

/**
 * struct msr_case - a value for an MSR and whether it is taken
 */
struct msr_case {
	uint32_t index;
	bool taken;
	uint64_t value;
};

static void test_msr_values(void)
{
	static const struct msr_case cases[] = {
		{ MSR_KVM_ASYNC_PF_EN, true, PAGE | 0xf },
		{ MSR_KVM_ASYNC_PF_EN, false, PAGE | 0x10 },
		{ MSR_KVM_ASYNC_PF_EN, false, PAGE | 0x20 },
		{ MSR_KVM_ASYNC_PF_EN, false, 0x40000000 | 9 },
		{ MSR_KVM_ASYNC_PF_EN, true, 0 },
		{ MSR_KVM_ASYNC_PF_INT, true, 0xf3 },
		{ MSR_KVM_ASYNC_PF_INT, false, 0x100 },
		{ MSR_KVM_ASYNC_PF_ACK, true, 1 },
		{ MSR_KVM_STEAL_TIME, true, PAGE | 1 },
		{ MSR_KVM_STEAL_TIME, false, PAGE | 3 },
		{ MSR_KVM_STEAL_TIME, false, PAGE | 0x21 },
		{ MSR_KVM_STEAL_TIME, true, 0x40000000 | 1 },
		{ MSR_KVM_STEAL_TIME, true, 0 },
		{ MSR_KVM_PV_EOI_EN, true, (PAGE + 4) | 1 },
		{ MSR_KVM_PV_EOI_EN, false, (PAGE + 2) | 1 },
		{ MSR_KVM_PV_EOI_EN, false, 0x40000000 | 1 },
		{ MSR_KVM_PV_EOI_EN, true, 0 },
		{ MSR_KVM_POLL_CONTROL, true, 0 },
		{ MSR_KVM_POLL_CONTROL, true, 1 },
		{ MSR_KVM_POLL_CONTROL, false, 2 },
	};
	struct abi_vm *vm = abi_vm_irqchip(MEMORY);
	int vcpu = abi_vcpu(vm);
	unsigned int i;

	CHECK_EQ(read_msr(vm, vcpu, MSR_KVM_POLL_CONTROL), 1);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct msr_case *c = &cases[i];

		if (write_msr(vm, vcpu, c->index, c->value) != c->taken)
			abi_fail(__FILE__, __LINE__, "MSR %x = %llx", c->index,
				 (unsigned long long)c->value);
		if (c->taken && c->index != MSR_KVM_ASYNC_PF_ACK)
			CHECK_EQ(read_msr(vm, vcpu, c->index), c->value);
	}
	CHECK_EQ(read_msr(vm, vcpu, MSR_KVM_ASYNC_PF_ACK), 0);
}

/* Without a local APIC in the kernel no page fault can be told. */
static void test_msr_no_apic(void)
{
	struct abi_vm *vm = abi_vm(MEMORY);
	int vcpu = abi_vcpu(vm);

	CHECK_EQ(write_msr(vm, vcpu, MSR_KVM_ASYNC_PF_EN, PAGE | 9), 0);
	CHECK_EQ(write_msr(vm, vcpu, MSR_KVM_ASYNC_PF_EN, 0), 1);
	CHECK_EQ(write_msr(vm, vcpu, MSR_KVM_ASYNC_PF_INT, 0xf3), 0);
}

/* What user space saves can be restored: the list names each of them. */
static void test_msr_list(void)
{
	static const uint32_t wanted[] = {
		MSR_KVM_WALL_CLOCK_NEW, MSR_KVM_SYSTEM_TIME_NEW, MSR_KVM_ASYNC_PF_EN,
		MSR_KVM_STEAL_TIME,	MSR_KVM_PV_EOI_EN,	 MSR_KVM_POLL_CONTROL,
		MSR_KVM_ASYNC_PF_INT,	MSR_KVM_ASYNC_PF_ACK,
	};
	struct kvm_msr_list *list = calloc(1, sizeof(*list) + 1024 * sizeof(list->indices[0]));
	unsigned int i, j;

	list->nmsrs = 1024;
	CHECK_EQ(ioctl(abi_dev(), KVM_GET_MSR_INDEX_LIST, list), 0);
	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		for (j = 0; j < list->nmsrs && list->indices[j] != wanted[i]; j++)
			;
		CHECK(j < list->nmsrs);
	}
	free(list);
}

static void set_features(struct abi_vm *vm, int vcpu, uint32_t features)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + 256 * sizeof(cpuid->entries[0]));
	unsigned int i;

	cpuid->nent = 256;
	CHECK_EQ(ioctl(abi_dev(), KVM_GET_SUPPORTED_CPUID, cpuid), 0);
	for (i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == FEATURES)
			cpuid->entries[i].eax = features;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_CPUID2, cpuid), 0);
	free(cpuid);
}

/* The hypercall; out 1, al. What it returns in RAX. */
static uint64_t hypercall(struct abi_vm *vm, int vcpu, const struct kvm_regs *args)
{
	struct kvm_regs regs;

	ABI_CODE(vm, CODE, 0x0f, 0x01, abi_hypercall(), 0xe6, 1, 0xf4);
	abi_long(vm, vcpu, CODE);
	regs = abi_regs(vm, vcpu);
	regs.rax = args->rax;
	regs.rbx = args->rbx;
	regs.rcx = args->rcx;
	regs.rdx = args->rdx;
	regs.rsi = args->rsi;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_REGS, &regs), 0);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
	return abi_regs(vm, vcpu).rax;
}

static void test_enforce(void)
{
	static const uint32_t msrs[] = {
		MSR_KVM_SYSTEM_TIME,	MSR_KVM_SYSTEM_TIME_NEW, MSR_KVM_WALL_CLOCK,
		MSR_KVM_WALL_CLOCK_NEW, MSR_KVM_ASYNC_PF_EN,	 MSR_KVM_STEAL_TIME,
		MSR_KVM_PV_EOI_EN,	MSR_KVM_POLL_CONTROL,	 MSR_KVM_ASYNC_PF_INT,
		MSR_KVM_ASYNC_PF_ACK,
	};
	static const uint64_t calls[] = { KVM_HC_KICK_CPU, KVM_HC_SEND_IPI, KVM_HC_SCHED_YIELD };
	struct kvm_enable_cap cap = { .cap = KVM_CAP_ENFORCE_PV_FEATURE_CPUID, .args = { 1 } };
	struct abi_vm *vm = abi_vm_irqchip(MEMORY);
	int vcpu = abi_vcpu(vm);
	unsigned int i;
	uint64_t value;

	CHECK_EQ(ioctl(abi_dev(), KVM_CHECK_EXTENSION, KVM_CAP_ENFORCE_PV_FEATURE_CPUID), 1);
	set_features(vm, vcpu, 0);
	/* Not enforced: what CPUID does not show can be used all the same. */
	for (i = 0; i < ARRAY_SIZE(msrs); i++)
		CHECK_EQ(try_read_msr(vm, vcpu, msrs[i], &value), 1);
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_ENABLE_CAP, &cap), 0);
	for (i = 0; i < ARRAY_SIZE(msrs); i++) {
		CHECK_EQ(try_read_msr(vm, vcpu, msrs[i], &value), 0);
		CHECK_EQ(write_msr(vm, vcpu, msrs[i], 0), 0);
	}
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		CHECK_EQ(hypercall(vm, vcpu, &(struct kvm_regs){ .rax = calls[i] }), -KVM_ENOSYS);
	/* It is the CPUID of the moment that counts. */
	vm = abi_vm_irqchip(MEMORY);
	vcpu = abi_vcpu(vm);
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_ENABLE_CAP, &cap), 0);
	CHECK_EQ(try_read_msr(vm, vcpu, MSR_KVM_STEAL_TIME, &value), 1);
	set_features(vm, vcpu, 1u << KVM_FEATURE_PV_EOI);
	CHECK_EQ(try_read_msr(vm, vcpu, MSR_KVM_STEAL_TIME, &value), 0);
	CHECK_EQ(try_read_msr(vm, vcpu, MSR_KVM_PV_EOI_EN, &value), 1);
}

/* An interrupt gate of 64-bit code. */
static void set_gate(struct abi_vm *vm, int vector, uint64_t handler)
{
	uint64_t *gate = (void *)(vm->mem + IDT + vector * 16);

	gate[0] = (handler & 0xffff) | 8 << 16 | 0x8e00ull << 32 | (handler >> 16 & 0xffff) << 48;
	gate[1] = handler >> 32;
}

/* abi_long() with an IDT, a GDT in memory to return to, a stack, and the local APIC on. */
static void with_interrupts(struct abi_vm *vm, int vcpu)
{
	uint64_t *gdt = (void *)(vm->mem + IDT + 0x1000 - 0x18);
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct kvm_lapic_state lapic;
	uint32_t svr = 0x1ff;

	gdt[0] = 0;
	gdt[1] = 0x00af9b000000ffffull;
	gdt[2] = 0x00cf93000000ffffull;
	abi_long(vm, vcpu, CODE);
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_SREGS, &sregs), 0);
	sregs.idt.base = IDT;
	sregs.idt.limit = 0xfff;
	sregs.gdt.base = IDT + 0x1000 - 0x18;
	sregs.gdt.limit = 0x17;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_SREGS, &sregs), 0);
	regs = abi_regs(vm, vcpu);
	regs.rsp = STACK;
	regs.rflags = 0x202;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_REGS, &regs), 0);
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_LAPIC, &lapic), 0);
	memcpy(lapic.regs + 0xf0, &svr, sizeof(svr));
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_LAPIC, &lapic), 0);
}

static void send_msi(struct abi_vm *vm, uint8_t apic, uint8_t vector)
{
	struct kvm_msi msi = { .address_lo = LAPIC | apic << 12, .data = vector };

	CHECK_EQ(ioctl(vm->fd, KVM_SIGNAL_MSI, &msi), 1);
}

static uint32_t lapic_bit(struct abi_vm *vm, int vcpu, unsigned int bank, uint8_t vector)
{
	struct kvm_lapic_state lapic;
	uint32_t word;

	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_LAPIC, &lapic), 0);
	memcpy(&word, lapic.regs + bank + (vector >> 5) * 16, sizeof(word));
	return word >> (vector & 31) & 1;
}

/*
 * The handler sees the bit set and ends its interrupt by clearing it: out 2, the bit's value; and
 * the second time in another way: out 3 with the bit left alone.
 */
static void test_eoi(void)
{
	struct abi_vm *vm = abi_vm_irqchip(MEMORY);
	int vcpu = abi_vcpu(vm);
	uint8_t *bit = vm->mem + PAGE;

	/* jmp . */
	ABI_CODE(vm, CODE, 0xeb, 0xfe);
	/* mov al, [PAGE]; mov byte [PAGE], 0; out 2, al; iretq */
	ABI_CODE(vm, HANDLER, 0x8a, 0x04, 0x25, 0, 0, 2, 0, 0xc6, 0x04, 0x25, 0, 0, 2, 0, 0, 0xe6,
		 2, 0x48, 0xcf);
	set_gate(vm, 0x41, HANDLER);
	with_interrupts(vm, vcpu);
	CHECK_EQ(write_msr(vm, vcpu, MSR_KVM_PV_EOI_EN, PAGE | 1), 1);
	send_msi(vm, 0, 0x41);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
	CHECK_EQ(abi_regs(vm, vcpu).rax & 1, 1);
	CHECK_EQ(lapic_bit(vm, vcpu, 0x100, 0x41), 0);
	/* A second of the same vector can come: the first has ended. */
	send_msi(vm, 0, 0x41);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
	CHECK_EQ(abi_regs(vm, vcpu).rax & 1, 1);
	CHECK_EQ(lapic_bit(vm, vcpu, 0x100, 0x41), 0);
	/* The guest leaves it alone: still in service, and the bit is taken back. */
	ABI_CODE(vm, HANDLER, 0xe6, 3, 0xeb, 0xfe);
	send_msi(vm, 0, 0x41);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
	CHECK_EQ(lapic_bit(vm, vcpu, 0x100, 0x41), 1);
	CHECK_EQ(*bit, 0);
}

/* Two interrupts wait: the guest must tell the end of the first, or the second never comes. */
static void test_eoi_two(void)
{
	struct abi_vm *vm = abi_vm_irqchip(MEMORY);
	int vcpu = abi_vcpu(vm);

	ABI_CODE(vm, CODE, 0xeb, 0xfe);
	/* mov al, [PAGE]; out 2, al; iretq */
	ABI_CODE(vm, HANDLER, 0x8a, 0x04, 0x25, 0, 0, 2, 0, 0xe6, 2, 0x48, 0xcf);
	set_gate(vm, 0x41, HANDLER);
	set_gate(vm, 0x42, HANDLER);
	with_interrupts(vm, vcpu);
	CHECK_EQ(write_msr(vm, vcpu, MSR_KVM_PV_EOI_EN, PAGE | 1), 1);
	send_msi(vm, 0, 0x41);
	send_msi(vm, 0, 0x42);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
	CHECK_EQ(abi_regs(vm, vcpu).rax & 1, 0);
	CHECK_EQ(lapic_bit(vm, vcpu, 0x100, 0x42), 1);
	CHECK_EQ(lapic_bit(vm, vcpu, 0x200, 0x41), 1);
}

static struct kvm_steal_time *steal_page(struct abi_vm *vm, unsigned int nr)
{
	return (void *)(vm->mem + PAGE + nr * 0x40);
}

static uint64_t run_delay(void)
{
	unsigned long long delay;
	FILE *file = fopen("/proc/thread-self/schedstat", "r");

	if (!file || fscanf(file, "%*u %llu", &delay) != 1)
		abi_skip("no schedstat");
	fclose(file);
	return delay;
}

static void *spin(void *stop)
{
	while (!__atomic_load_n((int *)stop, __ATOMIC_RELAXED))
		;
	return NULL;
}

/* Wait until another thread on the same CPU has kept us from running for a while. */
static void be_delayed(void)
{
	uint64_t start = run_delay();
	pthread_t thread;
	int stop = 0;

	CHECK_EQ(pthread_create(&thread, NULL, spin, &stop), 0);
	while (run_delay() - start < 20000000)
		sched_yield();
	stop = 1;
	pthread_join(thread, NULL);
}

static void test_steal_time(void)
{
	struct abi_vm *vm = abi_vm(MEMORY);
	struct kvm_steal_time *steal = steal_page(vm, 0);
	int vcpu = abi_vcpu(vm);
	cpu_set_t one;
	uint64_t first, delay;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	CHECK_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
	ABI_CODE(vm, CODE, 0xf4);
	steal->version = 7;
	CHECK_EQ(write_msr(vm, vcpu, MSR_KVM_STEAL_TIME, PAGE | 1), 1);
	abi_long(vm, vcpu, CODE);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
	CHECK(steal->version > 7 && !(steal->version & 1));
	first = steal->steal;
	delay = run_delay();
	be_delayed();
	delay = run_delay() - delay;
	abi_long(vm, vcpu, CODE);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
	CHECK(steal->steal - first >= delay);
	CHECK(!(steal->version & 1));
	/* Off: not written any more. */
	CHECK_EQ(write_msr(vm, vcpu, MSR_KVM_STEAL_TIME, 0), 1);
	memset(steal, 0x55, sizeof(*steal));
	be_delayed();
	abi_long(vm, vcpu, CODE);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
	CHECK_EQ(steal->version, 0x55555555);
}

static void *run_thread(void *arg)
{
	struct abi_vm *vm = arg;

	return (void *)(long)abi_run(vm, 0);
}

/* A vCPU in HLT is shown as one that does not run; what is asked of it then is taken. */
static void test_steal_preempted(void)
{
	struct abi_vm *vm = abi_vm_irqchip(MEMORY);
	uint8_t *flags = &steal_page(vm, 0)->preempted;
	int vcpu = abi_vcpu(vm), tries;
	pthread_t thread;
	void *reason;

	if (abi_reference())
		abi_skip("kvm.ko does not tell it of a vCPU in HLT");
	/* hlt; out 1, al */
	ABI_CODE(vm, CODE, 0xf4, 0xe6, 1, 0xf4);
	ABI_CODE(vm, HANDLER, 0x48, 0xcf);
	set_gate(vm, 0x41, HANDLER);
	with_interrupts(vm, vcpu);
	CHECK_EQ(write_msr(vm, vcpu, MSR_KVM_STEAL_TIME, PAGE | 1), 1);
	CHECK_EQ(pthread_create(&thread, NULL, run_thread, vm), 0);
	for (tries = 0; tries < 10000 && !__atomic_load_n(flags, __ATOMIC_RELAXED); tries++)
		usleep(1000);
	CHECK_EQ(__atomic_or_fetch(flags, KVM_VCPU_FLUSH_TLB, __ATOMIC_SEQ_CST),
		 KVM_VCPU_PREEMPTED | KVM_VCPU_FLUSH_TLB);
	send_msi(vm, 0, 0x41);
	CHECK_EQ(pthread_join(thread, &reason), 0);
	CHECK_EQ((long)reason, KVM_EXIT_IO);
	CHECK_EQ(__atomic_load_n(flags, __ATOMIC_RELAXED) & KVM_VCPU_FLUSH_TLB, 0);
}

/* Two vCPUs halt; the third sends both an IPI, and one to a vCPU that is not there. */
static void test_send_ipi(void)
{
	struct abi_vm *vm = abi_vm_irqchip(MEMORY);
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };
	int i, vcpu[3];

	set_gate(vm, 0x51, HANDLER);
	for (i = 0; i < 3; i++) {
		vcpu[i] = abi_vcpu(vm);
		CHECK_EQ(ioctl(vm->vcpu[vcpu[i]], KVM_SET_MP_STATE, &runnable), 0);
		with_interrupts(vm, vcpu[i]);
	}
	CHECK_EQ(hypercall(vm, 0,
			   &(struct kvm_regs){ .rax = KVM_HC_SEND_IPI,
					       .rbx = 3,
					       .rcx = 1,
					       .rdx = 1,
					       .rsi = 0x51 }),
		 2);
	CHECK_EQ(lapic_bit(vm, 0, 0x200, 0x51), 0);
	CHECK_EQ(lapic_bit(vm, 1, 0x200, 0x51), 1);
	CHECK_EQ(lapic_bit(vm, 2, 0x200, 0x51), 1);
	/* The second word begins 64 ids after the first. */
	CHECK_EQ(hypercall(vm, 0,
			   &(struct kvm_regs){ .rax = KVM_HC_SEND_IPI,
					       .rcx = 1,
					       .rdx = -64ull,
					       .rsi = 0x52 }),
		 1);
	CHECK_EQ(lapic_bit(vm, 0, 0x200, 0x52), 1);
	/* No logical destination, no shorthand. */
	CHECK_EQ(hypercall(vm, 0, &(struct kvm_regs){ .rax = KVM_HC_SEND_IPI, .rsi = 0x851 }),
		 -KVM_EINVAL);
	CHECK_EQ(hypercall(vm, 0, &(struct kvm_regs){ .rax = KVM_HC_SEND_IPI, .rsi = 0x80051 }),
		 -KVM_EINVAL);
	CHECK_EQ(hypercall(vm, 0,
			   &(struct kvm_regs){ .rax = KVM_HC_SEND_IPI,
					       .rbx = -1ull,
					       .rcx = -1ull,
					       .rdx = 1u << 31,
					       .rsi = 0x53 }),
		 0);
}

/* A vCPU in HLT that was kicked runs, though it does not know it yet. */
static void test_kick(void)
{
	struct abi_vm *vm = abi_vm_irqchip(MEMORY);
	struct kvm_mp_state state = { KVM_MP_STATE_HALTED };
	struct kvm_regs args = { .rax = KVM_HC_KICK_CPU, .rcx = 1 };

	if (abi_reference())
		abi_skip("kvm.ko still shows HALTED");
	abi_vcpu(vm);
	abi_vcpu(vm);
	CHECK_EQ(ioctl(vm->vcpu[1], KVM_SET_MP_STATE, &state), 0);
	args.rcx = 2;
	CHECK_EQ(hypercall(vm, 0, &args), 0);
	CHECK_EQ(ioctl(vm->vcpu[1], KVM_GET_MP_STATE, &state), 0);
	CHECK_EQ(state.mp_state, KVM_MP_STATE_HALTED);
	args.rcx = 1;
	CHECK_EQ(hypercall(vm, 0, &args), 0);
	CHECK_EQ(ioctl(vm->vcpu[1], KVM_GET_MP_STATE, &state), 0);
	CHECK_EQ(state.mp_state, KVM_MP_STATE_RUNNABLE);
}

static void test_yield(void)
{
	struct abi_vm *vm = abi_vm_irqchip(MEMORY);
	static const uint64_t ids[] = { 0, 1, 2, 4095, 1ull << 32, -1ull };
	unsigned int i;

	abi_vcpu(vm);
	abi_vcpu(vm);
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		CHECK_EQ(hypercall(vm, 0,
				   &(struct kvm_regs){ .rax = KVM_HC_SCHED_YIELD, .rbx = ids[i] }),
			 0);
}

static bool clocksource_is_tsc(void)
{
	FILE *file = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "r");
	char name[16] = "";

	CHECK(file && fgets(name, sizeof(name), file));
	fclose(file);
	return !strcmp(name, "tsc\n");
}

static void test_clock_pairing(void)
{
	struct abi_vm *vm = abi_vm_irqchip(MEMORY);
	struct kvm_clock_pairing *pairing = (void *)(vm->mem + PAGE);
	struct kvm_regs args = { .rax = KVM_HC_CLOCK_PAIRING, .rbx = PAGE };
	struct timespec now;
	uint64_t tsc;
	long r;

	abi_vcpu(vm);
	args.rcx = 1;
	CHECK_EQ(hypercall(vm, 0, &args), -KVM_EOPNOTSUPP);
	args.rcx = KVM_CLOCK_PAIRING_WALLCLOCK;
	memset(pairing, 0x55, sizeof(*pairing));
	r = hypercall(vm, 0, &args);
	if (r == -KVM_EOPNOTSUPP) {
		CHECK(abi_reference() || !clocksource_is_tsc());
		abi_skip("the host does not count TSC ticks");
	}
	CHECK_EQ(r, 0);
	clock_gettime(CLOCK_REALTIME, &now);
	tsc = read_msr(vm, 0, 0x10);
	CHECK(pairing->sec <= now.tv_sec && pairing->sec + 60 > now.tv_sec);
	CHECK(pairing->nsec >= 0 && pairing->nsec < 1000000000);
	CHECK(pairing->tsc && pairing->tsc < tsc);
	CHECK_EQ(pairing->flags, 0);
	args.rbx = 0x40000000;
	CHECK_EQ(hypercall(vm, 0, &args), -KVM_EFAULT);
}

static void test_map_range(void)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_EXIT_HYPERCALL };
	const uint64_t bit = 1ull << KVM_HC_MAP_GPA_RANGE;
	struct kvm_regs args = { .rax = KVM_HC_MAP_GPA_RANGE, .rbx = PAGE, .rcx = 2, .rdx = 1 };
	struct abi_vm *vm = abi_vm(MEMORY);
	int vcpu = abi_vcpu(vm);
	struct kvm_run *run = vm->run[vcpu];
	struct kvm_regs regs;

	CHECK_EQ(ioctl(abi_dev(), KVM_CHECK_EXTENSION, KVM_CAP_EXIT_HYPERCALL), bit);
	CHECK_EQ(hypercall(vm, vcpu, &args), -KVM_ENOSYS);
	cap.args[0] = 1;
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.args[0] = bit;
	CHECK_EQ(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), 0);
	args.rbx = PAGE + 1;
	CHECK_EQ(hypercall(vm, vcpu, &args), -KVM_EINVAL);
	args.rbx = PAGE;
	args.rcx = 0;
	CHECK_EQ(hypercall(vm, vcpu, &args), -KVM_EINVAL);
	abi_long(vm, vcpu, CODE);
	regs = abi_regs(vm, vcpu);
	regs.rax = KVM_HC_MAP_GPA_RANGE;
	regs.rbx = PAGE;
	regs.rcx = 2;
	regs.rdx = 1;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_REGS, &regs), 0);
	run->hypercall.ret = 55;
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HYPERCALL);
	/* User space that does not answer has said that it is done. */
	if (!is_reference())
		CHECK_EQ(run->hypercall.ret, 0);
	CHECK_EQ(run->hypercall.nr, KVM_HC_MAP_GPA_RANGE);
	CHECK_EQ(run->hypercall.args[0], PAGE);
	CHECK_EQ(run->hypercall.args[1], 2);
	CHECK_EQ(run->hypercall.args[2], 1);
	CHECK_EQ(run->hypercall.longmode, 1);
	run->hypercall.ret = 77;
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
	CHECK_EQ(abi_regs(vm, vcpu).rax, 77);
}

/* User space puts the vCPU elsewhere before it answers: RAX there is not the hypercall's. */
static void test_map_range_moved(void)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_EXIT_HYPERCALL,
		.args = { 1ull << KVM_HC_MAP_GPA_RANGE },
	};
	struct abi_vm *vm = abi_vm(MEMORY);
	int vcpu = abi_vcpu(vm);
	struct kvm_regs regs;

	if (is_reference())
		abi_skip("kvm.ko answers wherever the vCPU is");
	CHECK_EQ(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), 0);
	ABI_CODE(vm, CODE, 0x0f, 0x01, abi_hypercall(), 0xe6, 1, 0xf4);
	/* out 2, al */
	ABI_CODE(vm, HANDLER, 0xe6, 2);
	abi_long(vm, vcpu, CODE);
	regs = abi_regs(vm, vcpu);
	regs.rax = KVM_HC_MAP_GPA_RANGE;
	regs.rbx = PAGE;
	regs.rcx = 1;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_REGS, &regs), 0);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HYPERCALL);
	vm->run[vcpu]->hypercall.ret = 77;
	regs.rip = HANDLER;
	regs.rax = 0x5a;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_REGS, &regs), 0);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
	CHECK_EQ(vm->run[vcpu]->io.port, 2);
	CHECK_EQ(abi_regs(vm, vcpu).rax, 0x5a);
}

/* Guest memory whose pages come when the test wants. */
#define SLOW_GPA  0x40000000u
#define SLOW_SIZE 0x400000u

struct slow_memory {
	uint8_t *mem;
	int uffd;
};

static struct slow_memory slow_memory(struct abi_vm *vm)
{
	struct slow_memory slow = { .uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK) };
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct kvm_userspace_memory_region slot = {
		.slot = 1,
		.guest_phys_addr = SLOW_GPA,
		.memory_size = SLOW_SIZE,
	};

	if (slow.uffd < 0)
		SKIP_ON_REFERENCE("no userfaultfd");
	CHECK_EQ(ioctl(slow.uffd, UFFDIO_API, &api), 0);
	slow.mem =
		mmap(NULL, SLOW_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(slow.mem != MAP_FAILED);
	range.range.start = (uintptr_t)slow.mem;
	range.range.len = SLOW_SIZE;
	CHECK_EQ(ioctl(slow.uffd, UFFDIO_REGISTER, &range), 0);
	slot.userspace_addr = (uintptr_t)slow.mem;
	CHECK_EQ(ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot), 0);
	return slow;
}

/* The host waits for the page at @offset: give it. */
static void give_page(struct slow_memory *slow, unsigned int offset)
{
	static uint8_t content[4096] __attribute__((aligned(4096)));
	struct uffdio_copy copy = {
		.dst = (uintptr_t)slow->mem + offset,
		.src = (uintptr_t)content,
		.len = sizeof(content),
	};
	struct pollfd wait = { .fd = slow->uffd, .events = POLLIN };
	struct uffd_msg msg;

	CHECK_EQ(poll(&wait, 1, 60000), 1);
	CHECK_EQ(read(slow->uffd, &msg, sizeof(msg)), (long)sizeof(msg));
	CHECK_EQ(msg.arg.pagefault.address & ~0xfffull, copy.dst);
	memset(content, 0x5a, sizeof(content));
	CHECK_EQ(ioctl(slow->uffd, UFFDIO_COPY, &copy), 0);
}

/* As Linux does where it uses an IOAPIC: it does not listen to the PIC. */
static void mask_lint0(struct abi_vm *vm, int vcpu)
{
	struct kvm_lapic_state lapic;
	uint32_t lint0 = 0x10000;

	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_LAPIC, &lapic), 0);
	memcpy(lapic.regs + 0x350, &lint0, sizeof(lint0));
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_LAPIC, &lapic), 0);
}

static struct abi_vm *apf_vm(uint64_t flags)
{
	struct abi_vm *vm = abi_vm_irqchip(MEMORY);
	int vcpu = abi_vcpu(vm);

	/* mov al, [rsi]; out 1, al; jmp . */
	ABI_CODE(vm, CODE, 0x8a, 0x06, 0xe6, 1, 0xeb, 0xfe);
	/* #PF: mov rax, cr2; out 2, al; sti; jmp . */
	ABI_CODE(vm, HANDLER, 0x0f, 0x20, 0xd0, 0xe6, 2, 0xfb, 0xeb, 0xfe);
	/* page ready: out 3, al; iretq */
	ABI_CODE(vm, HANDLER2, 0xe6, 3, 0x48, 0xcf);
	set_gate(vm, 14, HANDLER);
	set_gate(vm, 0xf3, HANDLER2);
	with_interrupts(vm, vcpu);
	mask_lint0(vm, vcpu);
	CHECK_EQ(write_msr(vm, vcpu, MSR_KVM_ASYNC_PF_INT, 0xf3), 1);
	CHECK_EQ(write_msr(vm, vcpu, MSR_KVM_ASYNC_PF_EN, PAGE | flags), 1);
	return vm;
}

/* abi_long() maps the first GiB only: map the slow memory behind it. */
static void map_slow(struct abi_vm *vm)
{
	uint64_t *pdpt = (void *)(vm->mem + ABI_TABLES + 0x1000);

	pdpt[1] = SLOW_GPA | 0x87;
}

static void start_at_slow(struct abi_vm *vm, unsigned int offset)
{
	struct kvm_regs regs;

	with_interrupts(vm, 0);
	map_slow(vm);
	regs = abi_regs(vm, 0);
	regs.rsi = SLOW_GPA + offset;
	CHECK_EQ(ioctl(vm->vcpu[0], KVM_SET_REGS, &regs), 0);
}

static void expect_port(struct abi_vm *vm, int port)
{
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_IO);
	CHECK_EQ(vm->run[0]->io.port, port);
}

static struct kvm_vcpu_pv_apf_data *apf_data(struct abi_vm *vm)
{
	return (void *)(vm->mem + PAGE);
}

/* Having been switched on, it tells that all pages are here. */
static void take_wake_all(struct abi_vm *vm)
{
	struct kvm_vcpu_pv_apf_data *data = apf_data(vm);

	/* jmp . in place of the read */
	ABI_CODE(vm, CODE, 0xeb, 0xfe);
	expect_port(vm, 3);
	CHECK_EQ(data->token, 0xffffffff);
	data->token = 0;
	CHECK_EQ(write_msr(vm, 0, MSR_KVM_ASYNC_PF_ACK, 1), 1);
	ABI_CODE(vm, CODE, 0x8a, 0x06, 0xe6, 1, 0xeb, 0xfe);
	/* The handler has not ended its interrupt. */
	with_interrupts(vm, 0);
}

static void clear_isr(struct abi_vm *vm)
{
	struct kvm_lapic_state lapic;

	CHECK_EQ(ioctl(vm->vcpu[0], KVM_GET_LAPIC, &lapic), 0);
	memset(lapic.regs + 0x100, 0, 0x80);
	CHECK_EQ(ioctl(vm->vcpu[0], KVM_SET_LAPIC, &lapic), 0);
}

static void test_apf(void)
{
	struct abi_vm *vm = apf_vm(KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_SEND_ALWAYS |
				   KVM_ASYNC_PF_DELIVERY_AS_INT);
	struct kvm_vcpu_pv_apf_data *data = apf_data(vm);
	struct slow_memory slow = slow_memory(vm);
	struct kvm_sregs sregs;
	uint32_t token;

	take_wake_all(vm);
	clear_isr(vm);
	start_at_slow(vm, 0x3000);
	expect_port(vm, 2);
	CHECK_EQ(data->flags, KVM_PV_REASON_PAGE_NOT_PRESENT);
	CHECK_EQ(ioctl(vm->vcpu[0], KVM_GET_SREGS, &sregs), 0);
	token = sregs.cr2;
	CHECK(token && token != 0xffffffff);
	CHECK_EQ(data->token, 0);
	data->flags = 0;
	give_page(&slow, 0x3000);
	expect_port(vm, 3);
	CHECK_EQ(data->token, token);
	/* The page is there: no fault. */
	data->token = 0;
	clear_isr(vm);
	start_at_slow(vm, 0x3000);
	expect_port(vm, 1);
	CHECK_EQ(abi_regs(vm, 0).rax & 0xff, 0x5a);
	CHECK_EQ(data->flags, 0);
}

static void *give_first_page(void *arg)
{
	usleep(50000);
	give_page(arg, 0);
	return NULL;
}

/* The guest is in its kernel, or takes no interrupts: it has to wait. */
static void check_waits(struct abi_vm *vm, bool interrupts)
{
	struct slow_memory slow = slow_memory(vm);
	struct kvm_regs regs;
	pthread_t thread;

	start_at_slow(vm, 0);
	regs = abi_regs(vm, 0);
	if (!interrupts)
		regs.rflags = 2;
	CHECK_EQ(ioctl(vm->vcpu[0], KVM_SET_REGS, &regs), 0);
	CHECK_EQ(pthread_create(&thread, NULL, give_first_page, &slow), 0);
	expect_port(vm, 1);
	CHECK_EQ(abi_regs(vm, 0).rax & 0xff, 0x5a);
	CHECK_EQ(apf_data(vm)->flags, 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void test_apf_kernel(void)
{
	struct abi_vm *vm = apf_vm(KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_DELIVERY_AS_INT);

	take_wake_all(vm);
	clear_isr(vm);
	check_waits(vm, true);
}

static void test_apf_masked(void)
{
	struct abi_vm *vm = apf_vm(KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_SEND_ALWAYS |
				   KVM_ASYNC_PF_DELIVERY_AS_INT);

	take_wake_all(vm);
	clear_isr(vm);
	check_waits(vm, false);
}

static void interrupt_run(int number)
{
	(void)number;
}

/* A vCPU that waits for its first start-up IPI waits, whatever it has been given to tell. */
static void test_apf_waiting(void)
{
	const struct sigaction action = { .sa_handler = interrupt_run };
	const struct itimerval often = { { .tv_usec = 50000 }, { .tv_usec = 50000 } };
	struct abi_vm *vm = abi_vm_irqchip(MEMORY);
	int vcpu;

	if (is_reference())
		abi_skip("kvm.ko does not let it sleep");
	abi_vcpu(vm);
	vcpu = abi_vcpu(vm);
	CHECK_EQ(write_msr(vm, vcpu, MSR_KVM_ASYNC_PF_INT, 0xf3), 1);
	CHECK_EQ(write_msr(vm, vcpu, MSR_KVM_ASYNC_PF_EN,
			   PAGE | KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_DELIVERY_AS_INT),
		 1);
	CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
	/* What there was to look at ends the first. */
	CHECK_EQ(abi_run(vm, vcpu), -EAGAIN);
	CHECK_EQ(setitimer(ITIMER_REAL, &often, NULL), 0);
	CHECK_EQ(abi_run(vm, vcpu), -EINTR);
}

static long module_users(void)
{
	FILE *file = fopen("/sys/module/tenon/refcnt", "r");
	long users;

	CHECK(file);
	CHECK_EQ(fscanf(file, "%ld", &users), 1);
	fclose(file);
	return users;
}

/* Many pages are waited for when the VM goes away: nothing stays behind. */
static void test_apf_many(void)
{
	long users = abi_reference() ? 0 : (abi_dev(), module_users());
	struct abi_vm *vm = apf_vm(KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_SEND_ALWAYS |
				   KVM_ASYNC_PF_DELIVERY_AS_INT);
	struct slow_memory slow = slow_memory(vm);
	unsigned int i;

	if (!users)
		abi_skip("kvm.ko waits for the pages when its VM goes");
	take_wake_all(vm);
	clear_isr(vm);
	for (i = 0; i < 40; i++) {
		start_at_slow(vm, i * 0x1000);
		expect_port(vm, 2);
	}
	CHECK_EQ(write_msr(vm, 0, MSR_KVM_ASYNC_PF_EN, 0), 1);
	abi_close(vm);
	CHECK(module_users() > users);
	/* Nobody has given them: they are given up. */
	close(slow.uffd);
	for (i = 0; i < 10000 && module_users() != users; i++)
		usleep(1000);
	CHECK_EQ(module_users(), users);
}

static const struct abi_test tests[] = { { "features", test_features },
					 { "msr-values", test_msr_values },
					 { "msr-no-apic", test_msr_no_apic },
					 { "msr-list", test_msr_list },
					 { "enforce", test_enforce },
					 { "eoi", test_eoi },
					 { "eoi-two", test_eoi_two },
					 { "steal-time", test_steal_time },
					 { "steal-preempted", test_steal_preempted },
					 { "send-ipi", test_send_ipi },
					 { "kick", test_kick },
					 { "yield", test_yield },
					 { "clock-pairing", test_clock_pairing },
					 { "map-range", test_map_range },
					 { "map-range-moved", test_map_range_moved },
					 { "apf", test_apf },
					 { "apf-kernel", test_apf_kernel },
					 { "apf-masked", test_apf_masked },
					 { "apf-waiting", test_apf_waiting },
					 { "apf-many", test_apf_many },
					 {} };

int main(int argc, char **argv)
{
	return abi_main(tests, argc, argv);
}
