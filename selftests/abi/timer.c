// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's timer in TSC-deadline mode: its interrupts come, and not early, whatever the
 * guest and its threads do meanwhile.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "lib/abi.h"
#include "timer_guest.h"

#define CODE	 0x10000
#define GDT	 0x3000
#define IDT	 0x4000
#define VECTOR	 0x40
#define OUT_PORT 0xe9
#define END_PORT 0xf4

static uint64_t address(const uint8_t *label)
{
	return CODE + (label - guest_timer_start);
}

/* The whole 4 GiB mapped, a GDT, and an IDT of one gate. */
static void set_tables(struct abi_vm *vm, int vcpu)
{
	uint64_t *pdpt = (void *)(vm->mem + ABI_TABLES + 0x1000);
	uint64_t *gdt = (void *)(vm->mem + GDT);
	uint64_t *gate = (void *)(vm->mem + IDT + VECTOR * 16);
	uint64_t target = address(guest_timer_handler);
	struct kvm_sregs sregs;
	int i;

	for (i = 0; i < 4; i++)
		pdpt[i] = (uint64_t)i << 30 | 0x87;
	gdt[1] = 0x00af9b000000ffffull;
	gdt[2] = 0x00cf93000000ffffull;
	gate[0] = (target & 0xffff) | 8ull << 16 | 0x8eull << 40 | (target >> 16 & 0xffff) << 48;
	gate[1] = target >> 32;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_SREGS, &sregs), 0);
	sregs.gdt.base = GDT;
	sregs.gdt.limit = 23;
	sregs.idt.base = IDT;
	sregs.idt.limit = 0xfff;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_SREGS, &sregs), 0);
}

static uint64_t khz(struct abi_vm *vm)
{
	int khz = ioctl(vm->vcpu[0], KVM_GET_TSC_KHZ, 0);

	CHECK(khz > 0);
	return khz;
}

/* A guest that is to take @count interrupts, @us microseconds apart. */
static struct abi_vm *start(const uint8_t *code, uint64_t us, uint64_t count)
{
	struct abi_vm *vm = abi_vm_irqchip(0x100000);
	struct kvm_regs regs;

	abi_vcpu(vm);
	abi_code(vm, CODE, guest_timer_start, guest_timer_end - guest_timer_start);
	abi_long(vm, 0, address(code));
	set_tables(vm, 0);
	regs = abi_regs(vm, 0);
	regs.r12 = us * khz(vm) / 1000;
	regs.rsi = count;
	CHECK_EQ(ioctl(vm->vcpu[0], KVM_SET_REGS, &regs), 0);
	return vm;
}

/* The port to which the guest has written. */
static int next_port(struct abi_vm *vm)
{
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_IO);
	return vm->run[0]->io.port;
}

/* All have come, none early; none was late by 20 seconds. */
static void check_end(struct abi_vm *vm, uint64_t count)
{
	struct kvm_regs regs = abi_regs(vm, 0);

	CHECK_EQ(regs.r10, count);
	CHECK_EQ(regs.r9, 0);
	CHECK(regs.r8 < 20000 * khz(vm));
}

static void run_to_end(const uint8_t *code, uint64_t count)
{
	struct abi_vm *vm = start(code, 500, count);
	int port;

	do {
		port = next_port(vm);
	} while (port == OUT_PORT);
	CHECK_EQ(port, END_PORT);
	check_end(vm, count);
}

static void test_spin(void)
{
	run_to_end(guest_timer_spin, 100);
}

static void test_fast_exits(void)
{
	run_to_end(guest_timer_cpuid, 100);
}

static void test_user_exits(void)
{
	run_to_end(guest_timer_out, 100);
}

static void test_halted(void)
{
	run_to_end(guest_timer_hlt, 100);
}

/* What comes due while user space is at work is delivered first thing at the next entry. */
static void test_user_is_slow(void)
{
	struct abi_vm *vm = start(guest_timer_out, 2000, 10);
	int port = next_port(vm);
	uint64_t before;

	while (port == OUT_PORT) {
		before = abi_regs(vm, 0).r10;
		usleep(10000);
		port = next_port(vm);
		CHECK(port == END_PORT || abi_regs(vm, 0).r10 > before);
	}
	CHECK_EQ(port, END_PORT);
	check_end(vm, 10);
}

static void test_far_and_disarmed(void)
{
	struct abi_vm *vm = start(guest_timer_far, 500, 0);
	struct kvm_regs regs = abi_regs(vm, 0);

	regs.rsi = 500 * khz(vm);
	CHECK_EQ(ioctl(vm->vcpu[0], KVM_SET_REGS, &regs), 0);
	CHECK_EQ(next_port(vm), END_PORT);
	CHECK_EQ(abi_regs(vm, 0).r15, 0);
	check_end(vm, 1);
}

/* Deadlines are in the guest's ticks, be they longer or shorter than the host's. */
static void test_scaled(void)
{
	static const int percents[] = { 40, 150 };
	struct abi_vm *vm;
	unsigned int i;

	if (!ioctl(abi_dev(), KVM_CHECK_EXTENSION, KVM_CAP_TSC_CONTROL))
		abi_skip("TSCs cannot be scaled here");
	for (i = 0; i < 2; i++) {
		vm = start(guest_timer_spin, 500, 100);
		CHECK_EQ(ioctl(vm->vcpu[0], KVM_SET_TSC_KHZ, khz(vm) * percents[i] / 100), 0);
		CHECK_EQ(next_port(vm), END_PORT);
		check_end(vm, 100);
		abi_close(vm);
	}
}

static atomic_bool moved_enough;
static atomic_uint moves;
static pid_t mover_target;

/* From CPU to CPU, a while on each. */
static void *mover(void *arg)
{
	cpu_set_t *cpus = arg, one;
	int cpu = 0;

	while (!moved_enough) {
		do {
			cpu = (cpu + 1) % CPU_SETSIZE;
		} while (!CPU_ISSET(cpu, cpus));
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		moves += !sched_setaffinity(mover_target, sizeof(one), &one);
		usleep(700);
	}
	return NULL;
}

static void test_moved(void)
{
	struct abi_vm *vm = start(guest_timer_spin, 500, 100);
	cpu_set_t cpus;
	pthread_t thread;
	unsigned int before;

	CHECK_EQ(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	if (CPU_COUNT(&cpus) < 2)
		abi_skip("one CPU");
	mover_target = gettid();
	CHECK_EQ(pthread_create(&thread, NULL, mover, &cpus), 0);
	while (!(before = moves))
		usleep(100);
	CHECK_EQ(next_port(vm), END_PORT);
	moved_enough = true;
	pthread_join(thread, NULL);
	CHECK(moves - before >= 2);
	check_end(vm, 100);
}

int main(int argc, char **argv)
{
	static const struct abi_test tests[] = {
		{ "deadline_while_spinning", test_spin },
		{ "deadline_between_fast_exits", test_fast_exits },
		{ "deadline_between_user_exits", test_user_exits },
		{ "deadline_while_halted", test_halted },
		{ "deadline_while_user_is_slow", test_user_is_slow },
		{ "deadline_far_and_disarmed", test_far_and_disarmed },
		{ "deadline_while_moved", test_moved },
		{ "deadline_scaled", test_scaled },
		{ NULL, NULL },
	};

	return abi_main(tests, argc, argv);
}
