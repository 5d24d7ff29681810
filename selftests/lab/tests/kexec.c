// SPDX-License-Identifier: GPL-2.0-only
/*
 * usage: kexec MODE [NEXT]
 * A guest runs on CPU 1. Then CPU 0 leaves this kernel, by MODE: "kexec", the regular way, for the
 * code in the file NEXT; "crash", by a panic, for that code; or "panic", with nothing to follow.
 */
#include <fcntl.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/abi.h"

#define NEXT_MAX 0x10000
#define NEXT_AT	 0x2000000

#define CODE	 0x1000
#define MARKER	 0x3000

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	CHECK_EQ(sched_setaffinity(0, sizeof(set), &set), 0);
}

static void *run(void *vm)
{
	pin(1);
	abi_run(vm, 0);
	return NULL;
}

static void start_guest(void)
{
	struct abi_vm *vm = abi_vm(0x100000);
	pthread_t thread;

	abi_vcpu(vm);
	/* sti; inc byte [MARKER]; jmp */
	ABI_CODE(vm, CODE, 0xfb, 0xfe, 0x06, 0x00, 0x30, 0xeb, 0xfa);
	abi_real(vm, 0, CODE);
	CHECK_EQ(pthread_create(&thread, NULL, run, vm), 0);
	while (!__atomic_load_n(vm->mem + MARKER, __ATOMIC_RELAXED))
		usleep(1000);
}

/* Where the kernel has set memory aside for crashes. */
static unsigned long crash_memory(void)
{
	FILE *file = fopen("/proc/iomem", "re");
	unsigned long start = 0;
	char line[128];

	CHECK(file);
	while (!start && fgets(line, sizeof(line), file)) {
		if (strstr(line, "Crash kernel"))
			start = strtoul(line, NULL, 16);
	}
	fclose(file);
	CHECK(start);
	return start;
}

static void load(const char *name, unsigned long at, unsigned long flags)
{
	static char next[NEXT_MAX];
	struct kexec_segment segment = {
		.buf = next,
		.bufsz = sizeof(next),
		.mem = (void *)at,
		.memsz = sizeof(next),
	};
	int fd = open(name, O_RDONLY);

	CHECK(fd >= 0);
	CHECK(read(fd, next, sizeof(next)) > 0);
	CHECK_EQ(syscall(SYS_kexec_load, at, 1, &segment, flags | KEXEC_ARCH_DEFAULT), 0);
}

static void panic(void)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY);

	CHECK_EQ(write(fd, "c", 1), 1);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	pin(0);
	start_guest();
	if (!strcmp(mode, "kexec") && argc == 3) {
		load(argv[2], NEXT_AT, 0);
		reboot(LINUX_REBOOT_CMD_KEXEC);
	} else if (!strcmp(mode, "crash") && argc == 3) {
		load(argv[2], crash_memory(), KEXEC_ON_CRASH);
		panic();
	} else if (!strcmp(mode, "panic")) {
		panic();
	}
	return 2;
}
