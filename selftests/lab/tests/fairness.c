// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that never exits of its own must leave the machine to others: signals, changes of its
 * memory, readers of its eventfds on its own CPU, CPU hotplug. Run in a host with two CPUs.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/abi.h"

#define MEMORY	0x400000
#define PAGE	0x1000
#define CODE	0x1000
#define COUNTER 0x3000
#define PORT	0x80
#define SIGNALS 100

static struct abi_vm *vm;

static void no_action(int sig)
{
	(void)sig;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	CHECK_EQ(sched_setaffinity(0, sizeof(set), &set), 0);
}

static void make(int vcpus)
{
	struct sigaction action = { .sa_handler = no_action };
	int i;

	CHECK_EQ(sigaction(SIGINT, &action, NULL), 0);
	vm = abi_vm(MEMORY);
	for (i = 0; i < vcpus; i++)
		abi_vcpu(vm);
}

/* jmp . */
static void spin(int vcpu)
{
	ABI_CODE(vm, CODE, 0xeb, 0xfe);
	abi_real(vm, vcpu, CODE);
}

/* inc dword [COUNTER]; jmp */
static void count(int vcpu)
{
	ABI_CODE(vm, CODE, 0x66, 0xff, 0x06, 0x00, 0x30, 0xeb, 0xf9);
	abi_real(vm, vcpu, CODE);
}

static uint32_t counter(void)
{
	return __atomic_load_n((uint32_t *)(vm->mem + COUNTER), __ATOMIC_RELAXED);
}

/* SIGINT makes KVM_RUN return, each time, with its run page saying so. */
static void interrupted(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGINT };
	struct itimerspec soon = { .it_value.tv_nsec = 5000000 };
	timer_t timer;
	int i;

	make(1);
	spin(0);
	CHECK_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	for (i = 0; i < SIGNALS; i++) {
		CHECK_EQ(timer_settime(timer, 0, &soon, NULL), 0);
		CHECK_EQ(abi_run(vm, 0), -EINTR);
		CHECK_EQ(vm->run[0]->exit_reason, KVM_EXIT_INTR);
	}
}

/* Killed, a process that runs a guest is gone within ten seconds. */
static void killed(void)
{
	uint32_t *shared =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double start;
	int status;
	pid_t pid;

	CHECK(shared != MAP_FAILED);
	pid = fork();
	if (!pid) {
		make(1);
		CHECK(mremap(shared, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			     vm->mem + COUNTER) == vm->mem + COUNTER);
		count(0);
		abi_run(vm, 0);
		_exit(1);
	}
	while (!__atomic_load_n(shared, __ATOMIC_RELAXED))
		usleep(1000);
	start = abi_now();
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	CHECK(abi_now() - start < 10);
}

static void *run_vcpu(void *arg)
{
	int vcpu = (int)(intptr_t)arg;

	while (abi_run(vm, vcpu) == -EINTR)
		;
	return NULL;
}

static void start(int vcpu)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, run_vcpu, (void *)(intptr_t)vcpu), 0);
}

/* Slots come, move and go while two vCPUs compute, all on one CPU with us. */
static void memory_changes(void)
{
	struct kvm_userspace_memory_region slot = { .slot = 1 };
	double begin;
	int i;

	pin(sched_getcpu());
	make(2);
	count(0);
	count(1);
	slot.userspace_addr = (uintptr_t)mmap(NULL, 0x10000, PROT_READ | PROT_WRITE,
					      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	start(0);
	start(1);
	while (!counter())
		usleep(1000);
	for (i = 0; i < 10; i++) {
		begin = abi_now();
		slot.guest_phys_addr = 0x10000000;
		slot.memory_size = 0x10000;
		CHECK_EQ(ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot), 0);
		slot.guest_phys_addr = 0x20000000;
		CHECK_EQ(ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot), 0);
		slot.memory_size = 0;
		CHECK_EQ(ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot), 0);
		CHECK(abi_now() - begin < 10);
	}
}

/**
 * struct reader - who waits for the guest's writes
 * @event: where
 * @woken: how often it was
 */
struct reader {
	int event;
	unsigned int woken;
};

static void *read_events(void *arg)
{
	struct reader *reader = arg;
	struct sched_param param = { .sched_priority = 1 };
	uint64_t writes;

	pin(sched_getcpu());
	CHECK_EQ(sched_setscheduler(0, SCHED_FIFO, &param), 0);
	while (read(reader->event, &writes, sizeof(writes)) == sizeof(writes)) {
		/* It ran before the guest could write again. */
		CHECK_EQ(writes, 1);
		__atomic_add_fetch(&reader->woken, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/*
 * The guest writes without end, and each write is handled in the kernel. A reader on its CPU, of
 * higher priority, must see each one alone.
 */
static void reader_runs(void)
{
	struct reader reader = { .event = eventfd(0, 0) };
	struct kvm_ioeventfd port = {
		.addr = PORT,
		.len = 1,
		.fd = reader.event,
		.flags = KVM_IOEVENTFD_FLAG_PIO,
	};
	pthread_t thread;

	pin(sched_getcpu());
	make(1);
	CHECK_EQ(ioctl(vm->fd, KVM_IOEVENTFD, &port), 0);
	/* out PORT,al; jmp */
	ABI_CODE(vm, CODE, 0xe6, PORT, 0xeb, 0xfc);
	abi_real(vm, 0, CODE);
	CHECK_EQ(pthread_create(&thread, NULL, read_events, &reader), 0);
	usleep(10000);
	alarm(20);
	start(0);
	while (__atomic_load_n(&reader.woken, __ATOMIC_RELAXED) < 1000)
		usleep(1000);
}

static void set_online(bool online)
{
	int fd = open("/sys/devices/system/cpu/cpu1/online", O_WRONLY);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, online ? "1" : "0", 1), 1);
	close(fd);
}

/* The guest goes on counting, in 20 seconds at the latest. */
static void goes_on(void)
{
	uint32_t before = counter();
	int i;

	for (i = 0; i < 20000 && counter() == before; i++)
		usleep(1000);
	CHECK(counter() != before);
}

/* The vCPUs' CPU goes away and comes again: they go on computing, on whatever there is. */
static void cpu_hotplug(void)
{
	int i;

	CHECK_EQ(access("/sys/devices/system/cpu/cpu1/online", W_OK), 0);
	make(2);
	count(0);
	count(1);
	start(0);
	start(1);
	while (!counter())
		usleep(1000);
	for (i = 0; i < 6; i++) {
		set_online(i % 2);
		goes_on();
	}
}

/* A VM that is made while a CPU is away runs there when it is back. */
static void cpu_comes_later(void)
{
	CHECK_EQ(access("/sys/devices/system/cpu/cpu1/online", W_OK), 0);
	set_online(false);
	make(1);
	set_online(true);
	pin(1);
	/* hlt */
	ABI_CODE(vm, CODE, 0xf4);
	abi_real(vm, 0, CODE);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
}

/* What the processor held of a vCPU has come along when its CPU is gone. */
static void state_comes_along(void)
{
	struct kvm_sregs before, after;

	CHECK_EQ(access("/sys/devices/system/cpu/cpu1/online", W_OK), 0);
	make(1);
	pin(1);
	/* hlt; hlt */
	ABI_CODE(vm, CODE, 0xf4, 0xf4);
	abi_real(vm, 0, CODE);
	CHECK_EQ(ioctl(vm->vcpu[0], KVM_GET_SREGS, &before), 0);
	before.ds.base = 0x12340;
	before.gdt.base = 0x5670;
	CHECK_EQ(ioctl(vm->vcpu[0], KVM_SET_SREGS, &before), 0);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	CHECK_EQ(ioctl(vm->vcpu[0], KVM_GET_SREGS, &before), 0);
	CHECK_EQ(before.ds.base, 0x12340);
	set_online(false);
	CHECK(sched_getcpu() != 1);
	CHECK_EQ(ioctl(vm->vcpu[0], KVM_GET_SREGS, &after), 0);
	CHECK(!memcmp(&before, &after, sizeof(after)));
	CHECK_EQ(abi_regs(vm, 0).rip, CODE + 1);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	CHECK_EQ(abi_regs(vm, 0).rip, CODE + 2);
	set_online(true);
}

int main(int argc, char **argv)
{
	static const struct abi_test tests[] = { { "interrupted", interrupted },
						 { "killed", killed },
						 { "memory_changes", memory_changes },
						 { "reader_runs", reader_runs },
						 { "cpu_hotplug", cpu_hotplug },
						 { "cpu_comes_later", cpu_comes_later },
						 { "state_comes_along", state_comes_along },
						 {} };

	return abi_main(tests, argc, argv);
}
