// SPDX-License-Identifier: GPL-2.0-only
/*
 * usage: lifecycle ROUNDS
 * Makes a VM per round, lets it run in one of several ways and kills its process in the middle.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/abi.h"

#define MEMORY 0x400000
#define CODE   0x1000

static int vcpu_fd[ABI_VCPUS];

/* Each test of a guest that is never done ends by SIGKILL. */
static void *run_vcpu(void *arg)
{
	for (;;)
		ioctl(*(int *)arg, KVM_RUN, 0);
	return NULL;
}

static struct abi_vm *make(const uint8_t *code, size_t len, bool irqchip, int vcpus)
{
	struct abi_vm *vm = irqchip ? abi_vm_irqchip(MEMORY) : abi_vm(MEMORY);
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	int i;

	abi_code(vm, CODE, code, len);
	for (i = 0; i < vcpus; i++) {
		abi_vcpu(vm);
		if (irqchip)
			CHECK_EQ(ioctl(vm->vcpu[i], KVM_SET_MP_STATE, &runnable), 0);
		abi_long(vm, i, CODE);
		vcpu_fd[i] = vm->vcpu[i];
	}
	return vm;
}

static void start(int vcpus)
{
	pthread_t thread;
	int i;

	for (i = 0; i < vcpus; i++)
		CHECK_EQ(pthread_create(&thread, NULL, run_vcpu, &vcpu_fd[i]), 0);
}

#define MAKE(irqchip, vcpus, ...)                                                                 \
	make((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }), irqchip, \
	     vcpus)

/* jmp . */
static void computes(void)
{
	MAKE(false, 1, 0xeb, 0xfe);
	start(1);
}

/* sti; hlt; jmp: asleep in the kernel, where there is an irqchip. */
static void sleeps(void)
{
	MAKE(true, 2, 0xf4, 0xeb, 0xfd);
	start(2);
}

/* out 0x80,al; jmp: exits to user space all the time. */
static void exits(void)
{
	MAKE(false, 2, 0xe6, 0x80, 0xeb, 0xfc);
	start(2);
}

/* inc qword [rbx]; add rbx,4096; and ebx,0x3fffff; or ebx,0x200000; jmp: page faults. */
static void touches(void)
{
	MAKE(true, 2, 0x48, 0xff, 0x03, 0x48, 0x81, 0xc3, 0x00, 0x10, 0x00, 0x00, 0x81, 0xe3, 0xff,
	     0xff, 0x3f, 0x00, 0x81, 0xcb, 0x00, 0x00, 0x20, 0x00, 0xeb, 0xe8);
	start(2);
}

/* The vCPUs' file descriptors go first, while they run. */
static void vcpu_first(void)
{
	struct abi_vm *vm = MAKE(true, 2, 0xeb, 0xfe);

	start(2);
	usleep(2000);
	close(vm->vcpu[0]);
	close(vm->vcpu[1]);
	close(vm->fd);
}

/* The VM's goes first; and its memory. */
static void vm_first(void)
{
	struct abi_vm *vm = MAKE(false, 2, 0xeb, 0xfe);

	start(2);
	close(vm->fd);
	usleep(2000);
	munmap(vm->mem, vm->size);
}

/* Devices on its buses and lines, and eventfds that outlive it or do not. */
static void has_devices(void)
{
	struct abi_vm *vm = MAKE(true, 1, 0xe7, 0x80, 0xeb, 0xfc);
	int event = eventfd(0, 0), resample = eventfd(0, 0);
	struct kvm_ioeventfd port = {
		.addr = 0x80,
		.len = 4,
		.fd = event,
		.flags = KVM_IOEVENTFD_FLAG_PIO,
	};
	struct kvm_coalesced_mmio_zone zone = { .addr = 0xd0000000, .size = 4096 };
	struct kvm_irqfd line = {
		.fd = event,
		.gsi = 5,
		.resamplefd = resample,
		.flags = KVM_IRQFD_FLAG_RESAMPLE,
	};
	struct kvm_irqfd message = { .fd = resample, .gsi = 6 };

	CHECK_EQ(ioctl(vm->fd, KVM_IOEVENTFD, &port), 0);
	CHECK_EQ(ioctl(vm->fd, KVM_REGISTER_COALESCED_MMIO, &zone), 0);
	CHECK_EQ(ioctl(vm->fd, KVM_IRQFD, &line), 0);
	CHECK_EQ(ioctl(vm->fd, KVM_IRQFD, &message), 0);
	start(1);
	usleep(2000);
	close(event);
}

/* A child has copies of all, and is killed, too, some time later. */
static void forks(void)
{
	MAKE(true, 2, 0xeb, 0xfe);
	start(2);
	if (!fork()) {
		usleep(20000);
		_exit(0);
	}
}

#define NR_WAYS 8

static void (*const ways[NR_WAYS])(void) = {
	computes, sleeps, exits, touches, vcpu_first, vm_first, has_devices, forks,
};

static void round_of(unsigned int nr)
{
	int up[2], status;
	char byte = 0;
	pid_t pid;

	CHECK_EQ(pipe(up), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		ways[nr % NR_WAYS]();
		CHECK_EQ(write(up[1], &byte, 1), 1);
		pause();
	}
	close(up[1]);
	CHECK_EQ(read(up[0], &byte, 1), 1);
	close(up[0]);
	/* From before the first entry to after many. */
	usleep(nr * 1009 % 10000);
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

int main(int argc, char **argv)
{
	unsigned int i, rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;

	/*
	 * One VM stays, or the module would be switched on and off each time. That patches the
	 * host's code, which an emulator of two CPUs does not always survive, under kvm.ko neither.
	 */
	CHECK(ioctl(abi_dev(), KVM_CREATE_VM, 0) >= 0);
	for (i = 0; i < rounds; i++)
		round_of(i);
	return !rounds;
}
