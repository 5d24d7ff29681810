// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lives of a machine: what begins another one, what ends all. The hypervisor is a stand-in that
 * says yes to everything; instead of vCPUs each life has one line of a script.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "array_size.h"
#include "boot/boot.h"
#include "config.h"
#include "error.h"
#include "legacy/legacy.h"
#include "machine.h"
#include "pci/pci.h"
#include "term.h"
#include "vcpu.h"
#include "virtio/devices.h"
#include "vm.h"

#define MAX_LIVES 3

/* What happens in a life, in this order, before the device thread looks. */
struct life {
	enum vm_end end;
	bool quit;
	int signal;
	int err;
};

static const struct life *script;
static unsigned int lives, nr_devices, resets;
static struct vm *machine;
static struct loop_source ending;
static char dev[] = "/dev/null";

int ioctl(int fd, unsigned long request, ...)
{
	struct kvm_cpuid2 *cpuid;
	va_list args;

	va_start(args, request);
	cpuid = va_arg(args, void *);
	va_end(args);
	switch (request) {
	case KVM_GET_API_VERSION:
		return KVM_API_VERSION;
	case KVM_GET_VCPU_MMAP_SIZE:
		return sizeof(struct kvm_run);
	case KVM_CHECK_EXTENSION:
		return 1;
	case KVM_CREATE_VM:
		return dup(fd);
	case KVM_GET_SUPPORTED_CPUID:
		cpuid->nent = 0;
		return 0;
	default:
		return 0;
	}
}

static int init_device(struct device *device)
{
	(void)device;
	nr_devices++;
	return 0;
}

static void reset_device(struct device *device)
{
	(void)device;
	resets++;
}

static void exit_device(struct device *device)
{
	(void)device;
	nr_devices--;
}

#define DEVICE                                                                                    \
	{                                                                                         \
		.name = "device", .init = init_device, .reset = reset_device, .exit = exit_device \
	}

const struct device_ops pm_device = DEVICE;
const struct device_ops rtc_device = DEVICE;
const struct device_ops i8042_device = DEVICE;
const struct device_ops serial_device = DEVICE;
const struct device_ops pci_host_device = DEVICE;
const struct device_ops virtio_rng_device = DEVICE;
const struct device_ops virtio_console_device = DEVICE;
const struct device_ops virtio_blk_device = DEVICE;

int boot_open(struct boot *boot, const struct config *config)
{
	(void)boot;
	(void)config;
	return 0;
}

void boot_close(struct boot *boot)
{
	(void)boot;
}

int boot_load(const struct boot *boot, struct vm *vm)
{
	(void)boot;
	(void)vm;
	return 0;
}

int boot_enter(const struct boot *boot, struct vcpu *vcpu)
{
	(void)boot;
	(void)vcpu;
	return 0;
}

static void end(struct loop_source *source, uint32_t events)
{
	eventfd_t count;

	(void)events;
	ck_assert_int_eq(eventfd_read(source->fd, &count), 0);
	vm_stop(machine, script[lives - 1].end);
	if (script[lives - 1].quit)
		vm_stop(machine, VM_QUIT);
}

int term_create(struct vm *vm)
{
	machine = vm;
	ending.ready = end;
	ending.fd = eventfd(0, EFD_CLOEXEC);
	return loop_add(vm->loop, &ending, EPOLLIN);
}

void term_destroy(struct vm *vm)
{
	loop_remove(vm->loop, &ending);
	close(ending.fd);
}

int vcpus_create(struct vm *vm)
{
	vm->vcpus = calloc(vm->nr_cpus, sizeof(*vm->vcpus));
	ck_assert_ptr_nonnull(vm->vcpus);
	return 0;
}

int vcpus_start(struct vm *vm)
{
	const struct life *life = &script[lives++];

	(void)vm;
	ck_assert_uint_le(lives, MAX_LIVES);
	ck_assert_msg(life->end || life->signal || life->err, "a life too many");
	if (life->end)
		eventfd_write(ending.fd, 1);
	if (life->signal)
		raise(life->signal);
	return life->err;
}

void vcpus_stop(struct vm *vm)
{
	(void)vm;
}

void vcpus_destroy(struct vm *vm)
{
	free(vm->vcpus);
	vm->vcpus = NULL;
}

static int run(const struct life *lines, bool no_reboot)
{
	struct config config = {
		.name = "test",
		.dev = dev,
		.cpus = 1,
		.mem = 1 << 20,
		.no_reboot = no_reboot,
	};
	int status;

	script = lines;
	status = machine_run(&config);
	ck_assert_uint_eq(nr_devices, 0);
	return status;
}

static const struct {
	struct life script[MAX_LIVES];
	bool no_reboot;
	unsigned int lives;
	enum exit_status status;
} ends[] = {
	{ { { .end = VM_POWERED_OFF } }, false, 1, STATUS_OK },
	{ { { .end = VM_RESET }, { .end = VM_POWERED_OFF } }, false, 2, STATUS_OK },
	{ { { .end = VM_RESET }, { .end = VM_DIED } }, false, 2, STATUS_FAILURE },
	{ { { .end = VM_RESET }, { .err = -EIO } }, false, 2, STATUS_FAILURE },
	{ { { .end = VM_RESET } }, true, 1, STATUS_OK },
	{ { { .err = -EIO } }, true, 1, STATUS_FAILURE },
	{ { { .end = VM_QUIT } }, false, 1, STATUS_OK },
	{ { { .end = VM_RESET, .quit = true } }, false, 1, STATUS_OK },
	{ { { .end = VM_DIED, .quit = true } }, false, 1, STATUS_FAILURE },
};

START_TEST(lives_and_ends)
{
	ck_assert_int_eq(run(ends[_i].script, ends[_i].no_reboot), ends[_i].status);
	ck_assert_uint_eq(lives, ends[_i].lives);
	/* The host bridge, the random numbers and four of every PC. */
	ck_assert_uint_eq(resets, 6 * (lives - 1));
}
END_TEST

static const struct life signalled[][MAX_LIVES] = {
	{ { .signal = SIGTERM } },
	{ { .end = VM_POWERED_OFF, .signal = SIGTERM } },
	{ { .end = VM_RESET, .signal = SIGTERM } }, /* at once: the guest must not go on */
	{ { .end = VM_RESET }, { .signal = SIGTERM } },
};

START_TEST(dies_of_a_signal)
{
	run(signalled[_i], false);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("machine");
	TCase *tcase = tcase_create("machine");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, lives_and_ends, 0, ARRAY_SIZE(ends));
	tcase_add_loop_test_raise_signal(tcase, dies_of_a_signal, SIGTERM, 0,
					 ARRAY_SIZE(signalled));
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
