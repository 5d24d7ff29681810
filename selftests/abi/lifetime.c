// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may use a VM's file descriptors, and in which order they and what they refer to may go.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/abi.h"

#define MEMORY 0x100000ul
#define CODE   0x1000
#define PORT   0x80
#define VMS    50

/* out %al, $PORT; jmp to it */
static void loop_code(struct abi_vm *vm)
{
	ABI_CODE(vm, CODE, 0xe6, PORT, 0xeb, 0xfc);
}

static struct abi_vm *looping_vm(void)
{
	struct abi_vm *vm = abi_vm(MEMORY);

	abi_vcpu(vm);
	loop_code(vm);
	abi_real(vm, 0, CODE);
	return vm;
}

static void run_once(struct abi_vm *vm)
{
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_IO);
	CHECK_EQ(vm->run[0]->io.port, PORT);
}

/* The number of the first call that another process may make, 0 if none. */
static int foreign_calls(struct abi_vm *vm)
{
	struct kvm_userspace_memory_region slot = { .slot = 1, .userspace_addr = 0 };
	struct kvm_regs regs;
	struct kvm_irq_level line = { .irq = 1, .level = 1 };
	const struct {
		int fd;
		unsigned long cmd;
		void *arg;
	} calls[] = {
		{ vm->fd, KVM_CREATE_VCPU, (void *)1 },
		{ vm->fd, KVM_SET_USER_MEMORY_REGION, &slot },
		{ vm->fd, KVM_IRQ_LINE, &line },
		{ vm->fd, KVM_CHECK_EXTENSION, (void *)KVM_CAP_USER_MEMORY },
		{ vm->vcpu[0], KVM_RUN, NULL },
		{ vm->vcpu[0], KVM_GET_REGS, &regs },
		{ vm->vcpu[0], KVM_SET_REGS, &regs },
		{ vm->vcpu[0], _IO(KVMIO, 0xfe), NULL },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		if (ioctl(calls[i].fd, calls[i].cmd, calls[i].arg) != -1 || errno != EIO)
			return i + 1;
	return 0;
}

static void other_process(void)
{
	struct abi_vm *vm = looping_vm();
	int status;
	pid_t child;

	run_once(vm);
	child = fork();
	if (!child)
		_exit(foreign_calls(vm));
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
	run_once(vm);
	abi_close(vm);
}

/* The owner is gone; what its child still holds open is of no use, and harmless. */
static void outlived_owner(void)
{
	int ready[2], status;
	char byte = 0;
	pid_t owner, child = -1;

	CHECK_EQ(pipe(ready), 0);
	owner = fork();
	if (!owner) {
		struct abi_vm *vm = looping_vm();
		pid_t self = getpid();

		run_once(vm);
		child = fork();
		if (child)
			_exit(0);
		while (getppid() == self)
			usleep(1000);
		byte = foreign_calls(vm) ? 'n' : 'y';
		_exit(write(ready[1], &byte, 1) != 1);
	}
	CHECK_EQ(waitpid(owner, &status, 0), owner);
	CHECK_EQ(status, 0);
	CHECK_EQ(read(ready[0], &byte, 1), 1);
	CHECK_EQ(byte, 'y');
}

/* A vCPU keeps its VM. */
static void vm_closed_first(void)
{
	struct abi_vm *vm = looping_vm();

	CHECK_EQ(close(vm->fd), 0);
	run_once(vm);
	run_once(vm);
	CHECK_EQ(close(vm->vcpu[0]), 0);
	/* The run page outlives both. */
	CHECK_EQ(vm->run[0]->io.port, PORT);
}

static void *run_in_thread(void *vm)
{
	run_once(vm);
	return NULL;
}

/* Any thread of the owner may run it, one after the other. */
static void many_threads(void)
{
	struct abi_vm *vm = looping_vm();
	pthread_t thread;
	int i;

	for (i = 0; i < 8; i++) {
		CHECK_EQ(pthread_create(&thread, NULL, run_in_thread, vm), 0);
		CHECK_EQ(pthread_join(thread, NULL), 0);
		run_once(vm);
	}
	abi_close(vm);
}

/* The memory goes from under a guest that has it mapped; it comes back zeroed. */
static void memory_unmapped(void)
{
	struct abi_vm *vm = looping_vm();

	run_once(vm);
	CHECK_EQ(munmap(vm->mem, vm->size), 0);
	CHECK_EQ(abi_run(vm, 0), -EFAULT);
	CHECK(mmap(vm->mem, vm->size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == vm->mem);
	loop_code(vm);
	abi_real(vm, 0, CODE);
	run_once(vm);
	abi_close(vm);
}

/* Eventfds may go before the VM that uses them, and after. */
static void eventfds(void)
{
	struct abi_vm *vm = abi_vm_irqchip(MEMORY);
	int before = eventfd(0, 0), after = eventfd(0, 0);
	struct kvm_ioeventfd io = { .addr = PORT, .len = 1, .flags = KVM_IOEVENTFD_FLAG_PIO };
	struct kvm_irqfd irq = { .gsi = 5 };
	uint64_t one = 1;

	io.fd = before;
	CHECK_EQ(ioctl(vm->fd, KVM_IOEVENTFD, &io), 0);
	irq.fd = before;
	CHECK_EQ(ioctl(vm->fd, KVM_IRQFD, &irq), 0);
	io.fd = after;
	io.addr = PORT + 1;
	CHECK_EQ(ioctl(vm->fd, KVM_IOEVENTFD, &io), 0);
	irq.fd = after;
	irq.gsi = 6;
	CHECK_EQ(ioctl(vm->fd, KVM_IRQFD, &irq), 0);
	CHECK_EQ(close(before), 0);
	abi_close(vm);
	CHECK_EQ(write(after, &one, sizeof(one)), (ssize_t)sizeof(one));
	CHECK_EQ(read(after, &one, sizeof(one)), (ssize_t)sizeof(one));
	CHECK_EQ(one, 1);
}

/* Virtualization is switched on for the first VM and off after the last one. */
static void on_and_off(void)
{
	int i;

	for (i = 0; i < VMS; i++) {
		struct abi_vm *vm = looping_vm();

		run_once(vm);
		abi_close(vm);
	}
}

int main(int argc, char **argv)
{
	static const struct abi_test tests[] = {
		{ "other_process", other_process },	{ "outlived_owner", outlived_owner },
		{ "vm_closed_first", vm_closed_first }, { "many_threads", many_threads },
		{ "memory_unmapped", memory_unmapped }, { "eventfds", eventfds },
		{ "on_and_off", on_and_off },		{ NULL, NULL },
	};

	return abi_main(tests, argc, argv);
}
