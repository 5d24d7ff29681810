// SPDX-License-Identifier: GPL-2.0-only
/*
 * See abi.h.
 */
#include <cpuid.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "abi.h"

#define ABI_ALIGN (2ul << 20)

unsigned int abi_test_seconds = 120;
static int dev = -1;

int abi_dev(void)
{
	static const char *const nodes[] = { "/dev/tenon", "/dev/kvm" };
	const char *name = getenv("TENON_DEV");
	unsigned int i;

	if (dev >= 0)
		return dev;
	if (name)
		dev = open(name, O_RDWR | O_CLOEXEC);
	for (i = 0; !name && dev < 0 && i < ARRAY_SIZE(nodes); i++)
		dev = open(nodes[i], O_RDWR | O_CLOEXEC);
	CHECK(dev >= 0);
	return dev;
}

int abi_set_slot(struct abi_vm *vm, uint32_t id, uint32_t flags, uint64_t gpa, uint64_t size,
		 const void *mem)
{
	struct kvm_userspace_memory_region slot = {
		.slot = id,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)mem,
	};

	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot);
}

/* Aligned like the guest's addresses, so that large pages can map it. */
static void abi_slot(struct abi_vm *vm)
{
	uint8_t *map = mmap(NULL, vm->size + ABI_ALIGN, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	CHECK(map != MAP_FAILED);
	vm->mem = map + (-(uintptr_t)map & (ABI_ALIGN - 1));
	munmap(map, vm->mem - map);
	munmap(vm->mem + vm->size, map + ABI_ALIGN - vm->mem);
	CHECK_EQ(abi_set_slot(vm, 0, 0, 0, vm->size, vm->mem), 0);
}

struct abi_vm *abi_vm(size_t mem)
{
	struct abi_vm *vm = calloc(1, sizeof(*vm));

	CHECK(vm);
	vm->fd = ioctl(abi_dev(), KVM_CREATE_VM, 0);
	CHECK(vm->fd >= 0);
	vm->size = mem;
	CHECK_EQ(ioctl(vm->fd, KVM_SET_TSS_ADDR, 0xfffbd000), 0);
	if (mem)
		abi_slot(vm);
	return vm;
}

struct abi_vm *abi_vm_irqchip(size_t mem)
{
	struct kvm_pit_config pit = { 0 };
	struct abi_vm *vm = abi_vm(mem);

	CHECK_EQ(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0), 0);
	CHECK_EQ(ioctl(vm->fd, KVM_CREATE_PIT2, &pit), 0);
	return vm;
}

static void abi_set_cpuid(int vcpu)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + 256 * sizeof(cpuid->entries[0]));
	unsigned int i;

	CHECK(cpuid);
	cpuid->nent = 256;
	CHECK_EQ(ioctl(abi_dev(), KVM_GET_SUPPORTED_CPUID, cpuid), 0);
	/* Offered by a capability, not by GET_SUPPORTED_CPUID, says the API document. */
	for (i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 1 &&
		    ioctl(abi_dev(), KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0)
			cpuid->entries[i].ecx |= 1u << 24;
	CHECK_EQ(ioctl(vcpu, KVM_SET_CPUID2, cpuid), 0);
	free(cpuid);
}

int abi_vcpu_id(struct abi_vm *vm, int id)
{
	int i = vm->nr_vcpus++;
	int size = ioctl(abi_dev(), KVM_GET_VCPU_MMAP_SIZE, 0);

	CHECK(i < ABI_VCPUS);
	CHECK(size > 0);
	vm->vcpu[i] = ioctl(vm->fd, KVM_CREATE_VCPU, id);
	CHECK(vm->vcpu[i] >= 0);
	vm->run[i] = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu[i], 0);
	CHECK(vm->run[i] != MAP_FAILED);
	abi_set_cpuid(vm->vcpu[i]);
	return i;
}

int abi_vcpu(struct abi_vm *vm)
{
	return abi_vcpu_id(vm, vm->nr_vcpus);
}

void abi_close(struct abi_vm *vm)
{
	int size = ioctl(abi_dev(), KVM_GET_VCPU_MMAP_SIZE, 0);
	int i;

	for (i = 0; i < vm->nr_vcpus; i++) {
		munmap(vm->run[i], size);
		close(vm->vcpu[i]);
	}
	close(vm->fd);
	if (vm->mem)
		munmap(vm->mem, vm->size);
	free(vm);
}

static void abi_start(struct abi_vm *vm, int vcpu, struct kvm_sregs *sregs, uint64_t ip)
{
	struct kvm_regs regs = { .rip = ip, .rflags = 2, .rsp = 0x7000 };

	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_SREGS, sregs), 0);
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_REGS, &regs), 0);
}

void abi_real(struct abi_vm *vm, int vcpu, uint16_t ip)
{
	struct kvm_sregs sregs;

	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_SREGS, &sregs), 0);
	sregs.cs.selector = 0;
	sregs.cs.base = 0;
	abi_start(vm, vcpu, &sregs, ip);
}

static void abi_flat_segments(struct kvm_sregs *sregs, bool long_mode)
{
	struct kvm_segment data = {
		.limit = 0xffffffff,
		.selector = 0x10,
		.type = 3,
		.present = 1,
		.db = 1,
		.s = 1,
		.g = 1,
	};
	struct kvm_segment code = data;

	code.selector = 8;
	code.type = 11;
	code.db = !long_mode;
	code.l = long_mode;
	sregs->cs = code;
	sregs->ds = data;
	sregs->es = data;
	sregs->fs = data;
	sregs->gs = data;
	sregs->ss = data;
}

void abi_flat32(struct abi_vm *vm, int vcpu, uint32_t ip)
{
	struct kvm_sregs sregs;

	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_SREGS, &sregs), 0);
	abi_flat_segments(&sregs, false);
	sregs.cr0 = 0x11;
	abi_start(vm, vcpu, &sregs, ip);
}

/* PML4 at ABI_TABLES, one PDPT and one PD behind it: the first 1 GiB, by 2 MiB pages. */
static void abi_tables(struct abi_vm *vm)
{
	uint64_t *pml4 = (void *)(vm->mem + ABI_TABLES);
	uint64_t *pdpt = pml4 + 512;
	uint64_t *pd = pdpt + 512;
	int i;

	pml4[0] = (ABI_TABLES + 0x1000) | 7;
	pdpt[0] = (ABI_TABLES + 0x2000) | 7;
	for (i = 0; i < 512; i++)
		pd[i] = ((uint64_t)i << 21) | 0x87;
}

void abi_long(struct abi_vm *vm, int vcpu, uint64_t ip)
{
	struct kvm_sregs sregs;

	abi_tables(vm);
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_SREGS, &sregs), 0);
	abi_flat_segments(&sregs, true);
	sregs.cr0 = 0x80000011;
	sregs.cr3 = ABI_TABLES;
	sregs.cr4 = 0x620;
	sregs.efer = 0x500;
	abi_start(vm, vcpu, &sregs, ip);
}

void abi_code(struct abi_vm *vm, uint64_t gpa, const void *code, size_t len)
{
	CHECK(gpa + len <= vm->size);
	memcpy(vm->mem + gpa, code, len);
}

uint8_t abi_hypercall(void)
{
	unsigned int eax, ebx, ecx, edx;

	/* Where VMX is (CPUID.1:ECX, bit 5) it is VMCALL, else VMMCALL. */
	__cpuid(1, eax, ebx, ecx, edx);
	return ecx & 1 << 5 ? VMCALL : VMMCALL;
}

bool abi_tcg(void)
{
	unsigned int eax, name[3];

	__cpuid(0x40000000, eax, name[0], name[1], name[2]);
	return !memcmp(name, "TCGTCGTCGTCG", sizeof(name));
}

int abi_enable(struct abi_vm *vm, uint32_t cap, uint64_t arg)
{
	struct kvm_enable_cap enable = { .cap = cap, .args = { arg } };

	return ioctl(vm->fd, KVM_ENABLE_CAP, &enable);
}

struct one_msr {
	struct kvm_msrs head;
	struct kvm_msr_entry entry;
};

int abi_set_msr(struct abi_vm *vm, int vcpu, uint32_t index, uint64_t value)
{
	struct one_msr msr = { { .nmsrs = 1 }, { .index = index, .data = value } };

	return ioctl(vm->vcpu[vcpu], KVM_SET_MSRS, &msr);
}

int abi_try_get_msr(struct abi_vm *vm, int vcpu, uint32_t index, uint64_t *value)
{
	struct one_msr msr = { { .nmsrs = 1 }, { .index = index } };
	int n = ioctl(vm->vcpu[vcpu], KVM_GET_MSRS, &msr);

	*value = msr.entry.data;
	return n;
}

uint64_t abi_get_msr(struct abi_vm *vm, int vcpu, uint32_t index)
{
	uint64_t value;

	CHECK_EQ(abi_try_get_msr(vm, vcpu, index, &value), 1);
	return value;
}

double abi_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

bool abi_reference(void)
{
	return access("/sys/module/tenon", F_OK) != 0;
}

int abi_run(struct abi_vm *vm, int vcpu)
{
	if (ioctl(vm->vcpu[vcpu], KVM_RUN, 0) < 0)
		return -errno;
	return vm->run[vcpu]->exit_reason;
}

static void no_action(int sig)
{
	(void)sig;
}

void abi_signals(unsigned int ms)
{
	static timer_t timer;
	static bool made;
	struct sigaction action = { .sa_handler = no_action };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	const struct timespec every = { ms / 1000, ms % 1000 * 1000000 };
	const struct itimerspec when = { every, every };

	if (!made) {
		CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
		CHECK_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	}
	made = true;
	CHECK_EQ(timer_settime(timer, 0, &when, NULL), 0);
}

struct kvm_regs abi_regs(struct abi_vm *vm, int vcpu)
{
	struct kvm_regs regs;

	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_REGS, &regs), 0);
	return regs;
}

/* A test's process tells why it ended through a pipe; any other on stderr. */
static int why_fd = STDERR_FILENO;

static void __attribute__((noreturn)) abi_end(int status, const char *fmt, va_list args)
{
	vdprintf(why_fd, fmt, args);
	_exit(status);
}

void abi_fail(const char *file, int line, const char *fmt, ...)
{
	va_list args;

	dprintf(why_fd, "%s:%d: ", file, line);
	va_start(args, fmt);
	abi_end(1, fmt, args);
}

void abi_skip(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	abi_end(2, fmt, args);
}

static bool abi_run_test(const struct abi_test *test)
{
	char why[1024] = "";
	int pipe_fd[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe(pipe_fd))
		return false;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		why_fd = pipe_fd[1];
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(abi_test_seconds);
		test->run();
		fflush(stdout);
		_exit(0);
	}
	close(pipe_fd[1]);
	waitpid(pid, &status, 0);
	n = read(pipe_fd[0], why, sizeof(why) - 1);
	close(pipe_fd[0]);
	why[n > 0 ? n : 0] = 0;
	if (WIFSIGNALED(status))
		printf("not ok %s: %s\n", test->name, strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == 2)
		printf("skip %s: %s\n", test->name, why);
	else if (WEXITSTATUS(status))
		printf("not ok %s: %s\n", test->name, why);
	else
		printf("ok %s\n", test->name);
	return WIFEXITED(status) && WEXITSTATUS(status) != 1;
}

int abi_main(const struct abi_test *tests, int argc, char **argv)
{
	bool good = true;

	for (; tests->name; tests++)
		if (argc < 2 || !strcmp(argv[1], tests->name))
			good &= abi_run_test(tests);
	return !good;
}
