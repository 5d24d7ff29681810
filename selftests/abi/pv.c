// SPDX-License-Identifier: GPL-2.0-only
/*
 * Paravirtual services: steal time, end of interrupt, hypercalls, and which of them a guest has.
 */
#include <linux/kvm_para.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "long_mode.h"

#define MEMORY	 0x800000
#define PAGE	 0x20000
#define HANDLER	 0x31000
#define HANDLER2 0x32000
#define HANDLER3 0x33000
#define LAPIC	 0xfee00000u
#define FEATURES 0x40000001u

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

	CHECK_EQ(abi_get_msr(vm, vcpu, MSR_KVM_POLL_CONTROL), 1);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct msr_case *c = &cases[i];

		if (abi_set_msr(vm, vcpu, c->index, c->value) != c->taken)
			abi_fail(__FILE__, __LINE__, "MSR %x = %llx", c->index,
				 (unsigned long long)c->value);
		if (c->taken && c->index != MSR_KVM_ASYNC_PF_ACK)
			CHECK_EQ(abi_get_msr(vm, vcpu, c->index), c->value);
	}
	CHECK_EQ(abi_get_msr(vm, vcpu, MSR_KVM_ASYNC_PF_ACK), 0);
}

/* Without a local APIC in the kernel no page fault can be told. */
static void test_msr_no_apic(void)
{
	struct abi_vm *vm = abi_vm(MEMORY);
	int vcpu = abi_vcpu(vm);

	CHECK_EQ(abi_set_msr(vm, vcpu, MSR_KVM_ASYNC_PF_EN, PAGE | 9), 0);
	CHECK_EQ(abi_set_msr(vm, vcpu, MSR_KVM_ASYNC_PF_EN, 0), 1);
	CHECK_EQ(abi_set_msr(vm, vcpu, MSR_KVM_ASYNC_PF_INT, 0xf3), 0);
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
		CHECK_EQ(abi_try_get_msr(vm, vcpu, msrs[i], &value), 1);
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_ENABLE_CAP, &cap), 0);
	for (i = 0; i < ARRAY_SIZE(msrs); i++) {
		CHECK_EQ(abi_try_get_msr(vm, vcpu, msrs[i], &value), 0);
		CHECK_EQ(abi_set_msr(vm, vcpu, msrs[i], 0), 0);
	}
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		CHECK_EQ(hypercall(vm, vcpu, &(struct kvm_regs){ .rax = calls[i] }), -KVM_ENOSYS);
	/* It is the CPUID of the moment that counts. */
	vm = abi_vm_irqchip(MEMORY);
	vcpu = abi_vcpu(vm);
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_ENABLE_CAP, &cap), 0);
	CHECK_EQ(abi_try_get_msr(vm, vcpu, MSR_KVM_STEAL_TIME, &value), 1);
	set_features(vm, vcpu, 1u << KVM_FEATURE_PV_EOI);
	CHECK_EQ(abi_try_get_msr(vm, vcpu, MSR_KVM_STEAL_TIME, &value), 0);
	CHECK_EQ(abi_try_get_msr(vm, vcpu, MSR_KVM_PV_EOI_EN, &value), 1);
}

/* An interrupt gate of 64-bit code. */

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
	CHECK_EQ(abi_set_msr(vm, vcpu, MSR_KVM_PV_EOI_EN, PAGE | 1), 1);
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
	CHECK_EQ(abi_set_msr(vm, vcpu, MSR_KVM_PV_EOI_EN, PAGE | 1), 1);
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
	CHECK_EQ(abi_set_msr(vm, vcpu, MSR_KVM_STEAL_TIME, PAGE | 1), 1);
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
	CHECK_EQ(abi_set_msr(vm, vcpu, MSR_KVM_STEAL_TIME, 0), 1);
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
	CHECK_EQ(abi_set_msr(vm, vcpu, MSR_KVM_STEAL_TIME, PAGE | 1), 1);
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
	tsc = abi_get_msr(vm, 0, 0x10);
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
	if (!abi_reference())
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

	if (abi_reference())
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
					 {} };

int main(int argc, char **argv)
{
	return abi_main(tests, argc, argv);
}
