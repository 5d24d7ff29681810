// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "array_size.h"
#include "config.h"
#include "cpuid.h"
#include "error.h"
#include "machine.h"
#include "vcpu.h"
#include "vm.h"

#define KICK_SIGNAL	    SIGUSR1
#define THREAD_NAME_MAX	    15
#define VCPU_STACK_SIZE	    (256 * 1024)

#define MSR_MTRR_PHYS_BASE0 0x200
#define MSR_MTRR_PHYS_MASK0 0x201
#define MSR_MTRR_DEF_TYPE   0x2ff
#define MTRR_ENABLE_WB	    0x806
#define MTRR_MASK_VALID	    0x800

#define LAPIC_LVT_LINT0	    0x350
#define LAPIC_LVT_LINT1	    0x360
#define LAPIC_MODE_NMI	    0x400
#define LAPIC_MODE_EXTINT   0x700

static int fail(struct vcpu *vcpu, const char *what)
{
	int err = errno;

	say_error(vcpu->name, "%s: %s", what, strerror(err));
	return -err;
}

static int set_cpuid(struct vcpu *vcpu)
{
	const struct kvm_cpuid2 *supported = vcpu->vm->cpuid;
	struct cpuid_topology topology = {
		.apic_id = vcpu->id,
		.nr_cpus = vcpu->vm->nr_cpus,
		.tsc_deadline = vcpu->vm->tsc_deadline,
	};
	struct kvm_cpuid2 *cpuid;
	int err = 0;

	cpuid = malloc(sizeof(*cpuid) +
		       (supported->nent + CPUID_EXTRA) * sizeof(cpuid->entries[0]));
	if (!cpuid)
		return fail(vcpu, "CPUID");
	cpuid_build(cpuid, supported, &topology);
	if (ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid))
		err = fail(vcpu, "CPUID");
	free(cpuid);
	return err;
}

/*
 * What firmware would have programmed: caching everywhere but in the PCI window (SDM 3, 12.11). The
 * first variable range covers the last GiB below 4 GiB.
 */
static int set_msrs(struct vcpu *vcpu)
{
	uint64_t phys_mask = (1ULL << cpuid_phys_bits(vcpu->vm->cpuid)) - 1;
	uint64_t range_mask = ~(MEM_HIGH_START - MEM_LOW_END - 1) & phys_mask;
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry[3];
	} msrs = {
		.head.nmsrs = 3,
		.entry = {
			{ .index = MSR_MTRR_PHYS_BASE0, .data = MEM_LOW_END },
			{ .index = MSR_MTRR_PHYS_MASK0, .data = range_mask | MTRR_MASK_VALID },
			{ .index = MSR_MTRR_DEF_TYPE, .data = MTRR_ENABLE_WB },
		},
	};
	int n = ioctl(vcpu->fd, KVM_SET_MSRS, &msrs);

	if (n < 0)
		return fail(vcpu, "setting MSRs");
	if (n < (int)msrs.head.nmsrs) {
		say_error(vcpu->name, "the hypervisor refuses MSR 0x%x", msrs.entry[n].index);
		return -EINVAL;
	}
	return 0;
}

/* Virtual wire mode (MP Specification, 3.6.2.2): the PIC reaches the first CPU through LINT0. */
static int set_lapic(struct vcpu *vcpu)
{
	static const uint32_t lint0 = LAPIC_MODE_EXTINT, lint1 = LAPIC_MODE_NMI;
	struct kvm_lapic_state lapic;

	if (ioctl(vcpu->fd, KVM_GET_LAPIC, &lapic))
		return fail(vcpu, "reading the local APIC");
	memcpy(&lapic.regs[LAPIC_LVT_LINT0], &lint0, sizeof(lint0));
	memcpy(&lapic.regs[LAPIC_LVT_LINT1], &lint1, sizeof(lint1));
	if (ioctl(vcpu->fd, KVM_SET_LAPIC, &lapic))
		return fail(vcpu, "setting the local APIC");
	return 0;
}

static int create(struct vcpu *vcpu)
{
	int err;

	vcpu->fd = ioctl(vcpu->vm->fd, KVM_CREATE_VCPU, (unsigned long)vcpu->id);
	if (vcpu->fd < 0)
		return fail(vcpu, "creating the vCPU");
	vcpu->run = mmap(NULL, vcpu->vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		vcpu->run = NULL;
		return fail(vcpu, "mapping the vCPU");
	}
	err = set_cpuid(vcpu);
	if (!err)
		err = set_msrs(vcpu);
	if (!err && !vcpu->id)
		err = set_lapic(vcpu);
	return err;
}

int vcpus_create(struct vm *vm)
{
	int err = 0;

	vm->vcpus = calloc(vm->nr_cpus, sizeof(*vm->vcpus));
	if (!vm->vcpus) {
		say_error(vm->name, "out of memory");
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < vm->nr_cpus; i++) {
		struct vcpu *vcpu = &vm->vcpus[i];

		vcpu->vm = vm;
		vcpu->id = i;
		vcpu->fd = -1;
		snprintf(vcpu->name, sizeof(vcpu->name), "%s/%u", vm->name, i);
	}
	for (unsigned int i = 0; i < vm->nr_cpus && !err; i++)
		err = create(&vm->vcpus[i]);
	if (err)
		vcpus_destroy(vm);
	return err;
}

void vcpus_destroy(struct vm *vm)
{
	for (unsigned int i = 0; vm->vcpus && i < vm->nr_cpus; i++) {
		struct vcpu *vcpu = &vm->vcpus[i];

		if (vcpu->run)
			munmap(vcpu->run, vm->run_size);
		if (vcpu->fd >= 0)
			close(vcpu->fd);
	}
	free(vm->vcpus);
	vm->vcpus = NULL;
}

static void handle_io(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;

	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size)
		bus_access(vcpu->vm->pio, run->io.port, run->io.size,
			   run->io.direction == KVM_EXIT_IO_OUT, data);
}

/* An access that is not 1, 2, 4 or 8 bytes (split by a page's end) is done in such pieces. */
static void handle_mmio(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	uint64_t addr = run->mmio.phys_addr;
	uint8_t *data = run->mmio.data;
	uint32_t left = run->mmio.len;

	while (left) {
		uint32_t size = 8;

		while (size > left || (addr & (size - 1) && size != run->mmio.len))
			size /= 2;
		bus_access(vcpu->vm->mmio, addr, size, run->mmio.is_write, data);
		addr += size;
		data += size;
		left -= size;
	}
}

static void die(struct vcpu *vcpu)
{
	vm_stop(vcpu->vm, VM_DIED);
}

static void handle_shutdown(struct vcpu *vcpu)
{
	vcpu_explain(vcpu,
		     "triple fault: neither an exception nor a double fault could be delivered");
	die(vcpu);
}

static void handle_fail_entry(struct vcpu *vcpu)
{
	vcpu_explain(vcpu, "the processor refused to enter the guest: hardware reason 0x%llx",
		     (unsigned long long)vcpu->run->fail_entry.hardware_entry_failure_reason);
	die(vcpu);
}

static void handle_internal_error(struct vcpu *vcpu)
{
	const struct kvm_run *run = vcpu->run;

	if (run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION)
		vcpu_explain(vcpu, "the hypervisor could not emulate the instruction");
	else
		vcpu_explain(vcpu, "internal error %u of the hypervisor (data 0x%llx 0x%llx)",
			     run->internal.suberror, (unsigned long long)run->internal.data[0],
			     (unsigned long long)run->internal.data[1]);
	die(vcpu);
}

static void handle_system_event(struct vcpu *vcpu)
{
	static const enum vm_end ends[] = {
		[KVM_SYSTEM_EVENT_SHUTDOWN] = VM_POWERED_OFF,
		[KVM_SYSTEM_EVENT_RESET] = VM_RESET,
	};
	uint32_t type = vcpu->run->system_event.type;

	if (type < ARRAY_SIZE(ends) && ends[type] != VM_RUNNING) {
		vm_stop(vcpu->vm, ends[type]);
		return;
	}
	vcpu_explain(vcpu, "system event %u", type);
	die(vcpu);
}

static void handle_unknown(struct vcpu *vcpu)
{
	vcpu_explain(vcpu, "the processor reports exit 0x%llx, which the hypervisor does not know",
		     (unsigned long long)vcpu->run->hw.hardware_exit_reason);
	die(vcpu);
}

/* A signal: the loop sees whether it was a stop. */
static void handle_nothing(struct vcpu *vcpu)
{
	(void)vcpu;
}

/* No row for HLT: the kernel has the interrupt controllers and waits itself. */
static void (*const handlers[])(struct vcpu *vcpu) = {
	[KVM_EXIT_UNKNOWN] = handle_unknown,
	[KVM_EXIT_IO] = handle_io,
	[KVM_EXIT_MMIO] = handle_mmio,
	[KVM_EXIT_INTR] = handle_nothing,
	[KVM_EXIT_SHUTDOWN] = handle_shutdown,
	[KVM_EXIT_FAIL_ENTRY] = handle_fail_entry,
	[KVM_EXIT_INTERNAL_ERROR] = handle_internal_error,
	[KVM_EXIT_SYSTEM_EVENT] = handle_system_event,
};

static void handle_exit(struct vcpu *vcpu)
{
	uint32_t reason = vcpu->run->exit_reason;

	if (reason < ARRAY_SIZE(handlers) && handlers[reason]) {
		handlers[reason](vcpu);
		return;
	}
	vcpu_explain(vcpu, "exit %u of the hypervisor is not one that this machine has", reason);
	die(vcpu);
}

/*
 * A stop is never missed: vcpus_stop() sets immediate_exit after vm->end, and KVM_RUN looks at it
 * after the signal could have come.
 */
static void *vcpu_thread(void *arg)
{
	struct vcpu *vcpu = arg;
	struct vm *vm = vcpu->vm;

	while (atomic_load_explicit(&vm->end, memory_order_relaxed) == VM_RUNNING) {
		if (!ioctl(vcpu->fd, KVM_RUN, 0)) {
			handle_exit(vcpu);
		} else if (errno != EINTR && errno != EAGAIN) {
			vcpu_explain(vcpu, "the vCPU cannot run: %s", strerror(errno));
			die(vcpu);
		}
	}
	return NULL;
}

static void kicked(int sig)
{
	(void)sig;
}

/* The kernel keeps 15 characters of a thread's name: the number stays, the VM's name is cut. */
static void name_thread(struct vcpu *vcpu)
{
	char number[12], name[THREAD_NAME_MAX + 1];

	snprintf(number, sizeof(number), "/%u", vcpu->id);
	snprintf(name, sizeof(name), "%.*s%s", (int)(THREAD_NAME_MAX - strlen(number)),
		 vcpu->vm->name, number);
	pthread_setname_np(vcpu->thread, name);
}

static int start(struct vcpu *vcpu, const pthread_attr_t *attr)
{
	int err;

	vcpu->run->immediate_exit = 0;
	err = pthread_create(&vcpu->thread, attr, vcpu_thread, vcpu);
	if (err) {
		say_error(vcpu->name, "thread: %s", strerror(err));
		return -err;
	}
	vcpu->started = true;
	name_thread(vcpu);
	return 0;
}

int vcpus_start(struct vm *vm)
{
	struct sigaction action = { .sa_handler = kicked };
	pthread_attr_t attr;
	int err = 0;

	sigaction(KICK_SIGNAL, &action, NULL);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, VCPU_STACK_SIZE);
	for (unsigned int i = 0; i < vm->nr_cpus && !err; i++)
		err = start(&vm->vcpus[i], &attr);
	pthread_attr_destroy(&attr);
	return err;
}

void vcpus_stop(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->nr_cpus; i++) {
		struct vcpu *vcpu = &vm->vcpus[i];

		if (!vcpu->started)
			continue;
		vcpu->run->immediate_exit = 1;
		pthread_kill(vcpu->thread, KICK_SIGNAL);
	}
	for (unsigned int i = 0; i < vm->nr_cpus; i++) {
		struct vcpu *vcpu = &vm->vcpus[i];

		if (vcpu->started)
			pthread_join(vcpu->thread, NULL);
		vcpu->started = false;
	}
}
