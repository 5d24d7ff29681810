// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_CAP_SYNC_REGS: registers and events by way of the run page.
 */
#include <pthread.h>
#include <unistd.h>

#include "lib/abi.h"

#define MEMORY	0x100000
#define CODE	0x1000
#define HANDLER 0x2000
#define HANG	60
#define UD	6
#define ALL	KVM_SYNC_X86_VALID_FIELDS
#define ROUNDS	20000

static struct abi_vm *vm;
static struct kvm_run *run;
static struct kvm_sync_regs *regs;
static int fd;

/* inc %ax; out %al,$0xe9; and again */
static void start(void)
{
	alarm(HANG);
	vm = abi_vm(MEMORY);
	fd = vm->vcpu[abi_vcpu(vm)];
	run = vm->run[0];
	regs = &run->s.regs;
	ABI_CODE(vm, CODE, 0x40, 0xe6, 0xe9, 0xeb, 0xfb);
	abi_real(vm, 0, CODE);
}

static void test_errors(void)
{
	start();
	CHECK_EQ(ioctl(abi_dev(), KVM_CHECK_EXTENSION, KVM_CAP_SYNC_REGS), ALL);
	run->kvm_valid_regs = ALL + 1;
	CHECK_EQ(abi_run(vm, 0), -EINVAL);
	run->kvm_valid_regs = 1ull << 40;
	CHECK_EQ(abi_run(vm, 0), -EINVAL);
	run->kvm_valid_regs = 0;
	run->kvm_dirty_regs = ALL + 1;
	CHECK_EQ(abi_run(vm, 0), -EINVAL);
	run->kvm_dirty_regs = 0;
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_IO);
	CHECK_EQ(abi_regs(vm, 0).rax, 1);
}

/* What the ioctls tell is what the page has. */
static void test_same(void)
{
	struct kvm_vcpu_events events;
	struct kvm_sregs sregs;
	struct kvm_regs now;

	start();
	run->kvm_valid_regs = ALL;
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_IO);
	now = abi_regs(vm, 0);
	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &sregs), 0);
	CHECK_EQ(ioctl(fd, KVM_GET_VCPU_EVENTS, &events), 0);
	CHECK(!memcmp(&now, &regs->regs, sizeof(now)));
	CHECK(!memcmp(&sregs, &regs->sregs, sizeof(sregs)));
	CHECK(!memcmp(&events, &regs->events, sizeof(events)));
	CHECK_EQ(now.rax, 1);
}

/* Only what is dirty is taken, and then it is not dirty any more. */
static void test_dirty(void)
{
	start();
	run->kvm_valid_regs = ALL;
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_IO);
	regs->regs.rax = 0x10;
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_IO);
	CHECK_EQ(regs->regs.rax, 2);
	regs->regs.rax = 0x10;
	regs->sregs.cr2 = 0x5000;
	run->kvm_dirty_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_IO);
	CHECK_EQ(run->kvm_dirty_regs, 0);
	CHECK_EQ(regs->regs.rax, 0x11);
	CHECK_EQ(regs->sregs.cr2, 0x5000);
	/* What is not asked for stays as it was. */
	run->kvm_valid_regs = KVM_SYNC_X86_SREGS;
	regs->regs.rax = 0xaaaa;
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_IO);
	CHECK_EQ(regs->regs.rax, 0xaaaa);
	CHECK_EQ(abi_regs(vm, 0).rax, 0x12);
}

static void test_refused(void)
{
	start();
	run->kvm_valid_regs = ALL;
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_IO);
	regs->sregs.cr4 = ~0ull;
	run->kvm_dirty_regs = KVM_SYNC_X86_SREGS;
	CHECK_EQ(abi_run(vm, 0), -EINVAL);
	CHECK_EQ(run->kvm_dirty_regs, KVM_SYNC_X86_SREGS);
	run->kvm_dirty_regs = 0;
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_IO);
	regs->events.exception.injected = 1;
	regs->events.exception.nr = 32;
	run->kvm_dirty_regs = KVM_SYNC_X86_EVENTS;
	CHECK_EQ(abi_run(vm, 0), -EINVAL);
}

/* An exception put into the page is delivered. */
static void test_event(void)
{
	static const uint16_t entry[] = { HANDLER, 0 };

	start();
	abi_code(vm, UD * sizeof(entry), entry, sizeof(entry));
	ABI_CODE(vm, HANDLER, 0xf4);
	run->kvm_valid_regs = ALL;
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_IO);
	regs->events.exception.injected = 1;
	regs->events.exception.nr = UD;
	run->kvm_dirty_regs = KVM_SYNC_X86_EVENTS;
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	CHECK_EQ(regs->regs.rip, HANDLER + 1);
}

static void *scribble(void *arg)
{
	for (;;) {
		__atomic_store_n(&regs->events.exception.nr, 0xff, __ATOMIC_RELAXED);
		__atomic_store_n(&regs->events.exception.nr, UD, __ATOMIC_RELAXED);
		__atomic_store_n(&regs->sregs.cr4, ~0ull, __ATOMIC_RELAXED);
		__atomic_store_n(&regs->sregs.cr4, 0, __ATOMIC_RELAXED);
	}
	return arg;
}

/* The page changes while it is read: what is checked is what is used. */
static void test_race(void)
{
	pthread_t thread;
	int i;

	start();
	run->kvm_valid_regs = ALL;
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_IO);
	regs->events.exception.injected = 1;
	regs->events.exception.nr = UD;
	run->kvm_valid_regs = 0;
	run->immediate_exit = 1;
	CHECK_EQ(pthread_create(&thread, NULL, scribble, NULL), 0);
	for (i = 0; i < ROUNDS; i++) {
		struct kvm_vcpu_events events;
		struct kvm_sregs sregs;
		int r;

		run->kvm_dirty_regs = KVM_SYNC_X86_EVENTS | KVM_SYNC_X86_SREGS;
		r = abi_run(vm, 0);
		CHECK(r == -EINTR || r == -EINVAL);
		CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &sregs), 0);
		CHECK_EQ(sregs.cr4, 0);
		CHECK_EQ(ioctl(fd, KVM_GET_VCPU_EVENTS, &events), 0);
		CHECK(!events.exception.injected || events.exception.nr < 32);
	}
}

static const struct abi_test tests[] = {
	{ "errors", test_errors },
	{ "same", test_same },
	{ "dirty", test_dirty },
	{ "refused", test_refused },
	{ "event", test_event },
	{ "race", test_race },
	{},
};

int main(int argc, char **argv)
{
	return abi_main(tests, argc, argv);
}
