// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "array_size.h"
#include "boot/boot.h"
#include "container_of.h"
#include "error.h"
#include "legacy/legacy.h"
#include "machine.h"
#include "pci/pci.h"
#include "term.h"
#include "vcpu.h"
#include "virtio/devices.h"
#include "vm.h"

#define MAX_PORT    0xffff
#define MAX_ADDRESS UINT64_MAX

/* A machine under construction: built by the steps below, in their order, undone in the reverse. */
struct machine {
	struct vm vm;
	struct guest_mem mem;
	struct boot boot;
	struct loop_source signals;
};

static bool has_console_device(const struct config *config)
{
	return config->console == CONSOLE_VIRTIO || config->nr_ports;
}

/* What the machine is made of, in the order of its PCI slots; disks follow. */
static const struct {
	const struct device_ops *ops;
	bool (*wanted)(const struct config *config); /* NULL: always */
} parts[] = {
	{ .ops = &pm_device },
	{ .ops = &rtc_device },
	{ .ops = &i8042_device },
	{ .ops = &serial_device },
	{ .ops = &pci_host_device },
	{ .ops = &virtio_rng_device },
	{ .ops = &virtio_console_device, .wanted = has_console_device },
};

static int open_boot(struct machine *machine, const struct config *config)
{
	return boot_open(&machine->boot, config);
}

static void close_boot(struct machine *machine)
{
	boot_close(&machine->boot);
}

static int open_vm(struct machine *machine, const struct config *config)
{
	return vm_open(&machine->vm, config);
}

static void close_vm(struct machine *machine)
{
	vm_close(&machine->vm);
}

static int out_of_memory(const struct config *config)
{
	say_error(config->name, "%s", strerror(ENOMEM));
	return -ENOMEM;
}

static int make_memory(struct machine *machine, const struct config *config)
{
	int err = mem_create(&machine->mem, config->mem);

	if (err)
		say_error("-m", "%llu MiB: %s", (unsigned long long)(config->mem >> 20),
			  strerror(-err));
	machine->vm.mem = &machine->mem;
	return err;
}

static void free_memory(struct machine *machine)
{
	mem_destroy(&machine->mem);
}

static void free_buses(struct machine *machine)
{
	bus_destroy(machine->vm.pio);
	bus_destroy(machine->vm.mmio);
	irq_destroy(&machine->vm);
	loop_destroy(machine->vm.loop);
}

static int make_buses(struct machine *machine, const struct config *config)
{
	struct vm *vm = &machine->vm;

	vm->pio = bus_create(MAX_PORT);
	vm->mmio = bus_create(MAX_ADDRESS);
	vm->loop = loop_create();
	if (vm->pio && vm->mmio && vm->loop && !irq_create(vm))
		return 0;
	free_buses(machine);
	return out_of_memory(config);
}

static void signalled(struct loop_source *src, uint32_t events)
{
	struct machine *machine = container_of(src, struct machine, signals);
	struct signalfd_siginfo info;

	(void)events;
	if (read(src->fd, &info, sizeof(info)) != sizeof(info))
		return;
	machine->vm.signal = (int)info.ssi_signo;
	vm_stop(&machine->vm, VM_QUIT);
}

static void ending_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGQUIT);
}

/* Signals that end programs end the VM in order; all threads inherit the mask. */
static int catch_signals(struct machine *machine, const struct config *config)
{
	sigset_t set;
	int err;

	ending_signals(&set);
	signal(SIGPIPE, SIG_IGN);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	machine->signals.ready = signalled;
	machine->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (machine->signals.fd < 0) {
		err = -errno;
	} else {
		err = loop_add(machine->vm.loop, &machine->signals, EPOLLIN);
		if (err)
			close(machine->signals.fd);
	}
	if (err)
		say_error(config->name, "signals: %s", strerror(-err));
	return err;
}

static void release_signals(struct machine *machine)
{
	sigset_t set;

	close(machine->signals.fd);
	ending_signals(&set);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static int create_vm(struct machine *machine, const struct config *config)
{
	(void)config;
	return vm_create(&machine->vm);
}

static void destroy_vm(struct machine *machine)
{
	vm_destroy(&machine->vm);
}

static int open_term(struct machine *machine, const struct config *config)
{
	int err = term_create(&machine->vm);

	if (err)
		say_error(config->name, "terminal: %s", strerror(-err));
	return err;
}

static void close_term(struct machine *machine)
{
	term_destroy(&machine->vm);
}

static int add_disks(struct vm *vm, const struct config *config)
{
	int err = 0;

	for (unsigned int i = 0; i < config->nr_disks && !err; i++)
		err = device_add(vm, &virtio_blk_device, &config->disk[i]);
	return err;
}

static void remove_devices(struct machine *machine)
{
	device_remove_all(&machine->vm);
}

static int add_devices(struct machine *machine, const struct config *config)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts) && !err; i++) {
		if (!parts[i].wanted || parts[i].wanted(config))
			err = device_add(&machine->vm, parts[i].ops, config);
	}
	if (!err)
		err = add_disks(&machine->vm, config);
	if (err)
		remove_devices(machine);
	return err;
}

static const struct {
	int (*make)(struct machine *machine, const struct config *config);
	void (*undo)(struct machine *machine);
} steps[] = {
	{ open_boot, close_boot },	    { open_vm, close_vm },
	{ make_memory, free_memory },	    { make_buses, free_buses },
	{ catch_signals, release_signals }, { create_vm, destroy_vm },
	{ open_term, close_term },	    { add_devices, remove_devices },
};

/* One life of the VM, from power-on or reset to its end. Return: 0 or a negative errno. */
static int live(struct machine *machine)
{
	struct vm *vm = &machine->vm;
	int err;

	err = boot_load(&machine->boot, vm);
	if (err)
		return err;
	err = vcpus_create(vm);
	if (err)
		return err;
	err = boot_enter(&machine->boot, &vm->vcpus[0]);
	if (!err)
		err = vcpus_start(vm);
	if (err)
		vm_stop(vm, VM_DIED);
	loop_run(vm->loop);
	vcpus_stop(vm);
	return err;
}

/* Between two lives: devices are reset and get a new VM, in which nothing is left of the old. */
static int reset(struct machine *machine)
{
	struct vm *vm = &machine->vm;

	device_reset_all(vm);
	vcpus_destroy(vm);
	vm_destroy(vm);
	atomic_store(&vm->end, VM_RUNNING);
	return vm_create(vm);
}

static int run(struct machine *machine, const struct config *config)
{
	struct vm *vm = &machine->vm;
	int err;

	err = live(machine);
	while (!err && vm->end == VM_RESET && !config->no_reboot) {
		err = reset(machine);
		if (!err)
			err = live(machine);
	}
	vcpus_destroy(vm);
	return err || vm->end == VM_DIED ? STATUS_FAILURE : STATUS_OK;
}

int machine_run(const struct config *config)
{
	struct machine machine = { 0 };
	size_t made, nr = ARRAY_SIZE(steps);
	int status = STATUS_FAILURE;

	for (made = 0; made < nr; made++) {
		if (steps[made].make(&machine, config))
			break;
	}
	if (made == nr)
		status = run(&machine, config);
	while (made--)
		steps[made].undo(&machine);
	if (machine.vm.signal) {
		/* Die of the signal, so that the parent sees what happened. */
		signal(machine.vm.signal, SIG_DFL);
		raise(machine.vm.signal);
	}
	return status;
}
