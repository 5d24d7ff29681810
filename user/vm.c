// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "array_size.h"
#include "config.h"
#include "cpuid.h"
#include "error.h"
#include "machine.h"
#include "vm.h"

#define CPUID_FIRST_TRY 64
#define CPUID_MOST	4096

static const struct {
	int cap;
	const char *name;
} required[] = {
	{ KVM_CAP_IRQCHIP, "IRQCHIP" },
	{ KVM_CAP_USER_MEMORY, "USER_MEMORY" },
	{ KVM_CAP_SET_TSS_ADDR, "SET_TSS_ADDR" },
	{ KVM_CAP_EXT_CPUID, "EXT_CPUID" },
	{ KVM_CAP_MP_STATE, "MP_STATE" },
	{ KVM_CAP_IRQ_ROUTING, "IRQ_ROUTING" },
	{ KVM_CAP_IRQFD, "IRQFD" },
	{ KVM_CAP_PIT2, "PIT2" },
	{ KVM_CAP_IOEVENTFD, "IOEVENTFD" },
	{ KVM_CAP_SET_IDENTITY_MAP_ADDR, "SET_IDENTITY_MAP_ADDR" },
	{ KVM_CAP_IMMEDIATE_EXIT, "IMMEDIATE_EXIT" },
};

static int open_device(struct vm *vm)
{
	const char *path = vm->config->dev;
	int err;

	vm->dev_fd = open(path, O_RDWR | O_CLOEXEC);
	if (vm->dev_fd >= 0)
		return 0;
	err = -errno;
	if (err == -ENOENT)
		say_error(path, "no such device: is the module loaded? `tenon doctor` tells more");
	else if (err == -EACCES)
		say_error(path,
			  "permission denied: are you in its group? `tenon doctor` tells more");
	else
		say_error(path, "%s", strerror(-err));
	return err;
}

const char *vm_missing_capability(int dev_fd, int *number)
{
	*number = ioctl(dev_fd, KVM_GET_API_VERSION, 0);
	if (*number != KVM_API_VERSION)
		return "API_VERSION";
	for (size_t i = 0; i < ARRAY_SIZE(required); i++) {
		*number = required[i].cap;
		if (ioctl(dev_fd, KVM_CHECK_EXTENSION, required[i].cap) <= 0)
			return required[i].name;
	}
	return NULL;
}

static int check_capabilities(struct vm *vm)
{
	const char *path = vm->config->dev, *missing;
	int number;

	missing = vm_missing_capability(vm->dev_fd, &number);
	if (!missing)
		return 0;
	if (number < 0)
		say_error(path, "not a hypervisor: %s", strerror(errno));
	else
		say_error(path, "lacks what a machine needs: %s (%d)", missing, number);
	return -ENODEV;
}

static int check_limits(struct vm *vm)
{
	int max = ioctl(vm->dev_fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);
	int run_size = ioctl(vm->dev_fd, KVM_GET_VCPU_MMAP_SIZE, 0);

	if (max > 0 && vm->nr_cpus > (unsigned int)max) {
		say_error("-c", "%u CPUs: %s takes at most %d", vm->nr_cpus, vm->config->dev, max);
		return -EINVAL;
	}
	if (run_size < (int)sizeof(struct kvm_run)) {
		say_error(vm->config->dev, "vCPU area of %d bytes: %s", run_size, strerror(EPROTO));
		return -EPROTO;
	}
	vm->run_size = (uint32_t)run_size;
	vm->tsc_deadline = ioctl(vm->dev_fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;
	return 0;
}

/* Return: how many entries were read, or a negative errno: -E2BIG asks for more room. */
static int try_cpuid(struct vm *vm, uint32_t room)
{
	struct kvm_cpuid2 *cpuid;
	int err;

	cpuid = calloc(1, sizeof(*cpuid) + room * sizeof(cpuid->entries[0]));
	if (!cpuid)
		return -ENOMEM;
	cpuid->nent = room;
	err = ioctl(vm->dev_fd, KVM_GET_SUPPORTED_CPUID, cpuid) ? -errno : 0;
	if (err)
		free(cpuid);
	else
		vm->cpuid = cpuid;
	return err;
}

static int read_cpuid(struct vm *vm)
{
	uint32_t room = CPUID_FIRST_TRY;
	int err;

	do {
		err = try_cpuid(vm, room);
		room *= 2;
	} while (err == -E2BIG && room <= CPUID_MOST);
	if (err)
		say_error(vm->config->dev, "supported CPUID: %s", strerror(-err));
	return err;
}

/* High RAM must have addresses that the guest's processors can form. */
static int check_memory(struct vm *vm)
{
	unsigned int bits = cpuid_phys_bits(vm->cpuid);
	uint64_t mem = vm->config->mem;

	if (mem <= MEM_LOW_END || (mem - MEM_LOW_END + MEM_HIGH_START) >> bits == 0)
		return 0;
	say_error("-m", "%llu MiB: the processor has %u address bits",
		  (unsigned long long)(mem >> 20), bits);
	return -EINVAL;
}

int vm_open(struct vm *vm, const struct config *config)
{
	int err;

	vm->name = config->name;
	vm->config = config;
	vm->nr_cpus = config->cpus;
	vm->fd = -1;
	err = open_device(vm);
	if (err)
		return err;
	err = check_capabilities(vm);
	if (!err)
		err = check_limits(vm);
	if (!err)
		err = read_cpuid(vm);
	if (!err)
		err = check_memory(vm);
	if (err)
		vm_close(vm);
	return err;
}

void vm_close(struct vm *vm)
{
	free(vm->cpuid);
	vm->cpuid = NULL;
	if (vm->dev_fd >= 0)
		close(vm->dev_fd);
	vm->dev_fd = -1;
}

static int create_fd(struct vm *vm)
{
	do
		vm->fd = ioctl(vm->dev_fd, KVM_CREATE_VM, 0);
	while (vm->fd < 0 && errno == EINTR);
	return vm->fd < 0 ? -errno : 0;
}

static int set_tss(struct vm *vm)
{
	return ioctl(vm->fd, KVM_SET_TSS_ADDR, (unsigned long)MACHINE_TSS_BASE) ? -errno : 0;
}

static int set_identity_map(struct vm *vm)
{
	uint64_t addr = MACHINE_IDENTITY_MAP;

	return ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &addr) ? -errno : 0;
}

static int create_irqchip(struct vm *vm)
{
	return ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0) ? -errno : 0;
}

static int create_pit(struct vm *vm)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };

	return ioctl(vm->fd, KVM_CREATE_PIT2, &pit) ? -errno : 0;
}

static int set_memory(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->mem->nr_ranges; i++) {
		struct kvm_userspace_memory_region region = {
			.slot = i,
			.guest_phys_addr = vm->mem->range[i].gpa,
			.memory_size = vm->mem->range[i].size,
			.userspace_addr = (uintptr_t)vm->mem->range[i].hva,
		};

		if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region))
			return -errno;
	}
	return 0;
}

/* How a VM is made, in this order. */
static const struct {
	int (*run)(struct vm *vm);
	const char *name;
} steps[] = {
	{ create_fd, "creating the VM" },
	{ set_tss, "placing the TSS" },
	{ set_identity_map, "placing the identity map" },
	{ create_irqchip, "making the interrupt controllers" },
	{ create_pit, "making the timer" },
	{ set_memory, "giving it memory" },
	{ irq_restore, "routing interrupts" },
};

int vm_create(struct vm *vm)
{
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		int err = steps[i].run(vm);

		if (!err)
			continue;
		if (err == -EBUSY && vm->fd < 0)
			say_error(vm->config->dev,
				  "another hypervisor holds the processor: see `tenon doctor`");
		else
			say_error(vm->config->dev, "%s: %s", steps[i].name, strerror(-err));
		vm_destroy(vm);
		return err;
	}
	return 0;
}

void vm_destroy(struct vm *vm)
{
	if (vm->fd >= 0)
		close(vm->fd);
	vm->fd = -1;
}

void vm_stop(struct vm *vm, enum vm_end why)
{
	int running = VM_RUNNING, reset = VM_RESET;

	if (atomic_compare_exchange_strong(&vm->end, &running, why))
		loop_stop(vm->loop, why);
	else if (why == VM_QUIT)
		atomic_compare_exchange_strong(&vm->end, &reset, why);
}
