// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host sleeps (S3) and wakes up while a guest counts on each of its CPUs: the guests go on, and
 * see time go on. One VM has been made before, another is made after.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "lib/abi.h"

#define CODE	0x1000
#define COUNTER 0x3000
#define TSC	0x3010

static struct abi_vm *vm;

/* Being frozen ends KVM_RUN as a signal does. */
static void *run(void *vcpu)
{
	while (!ioctl(vm->vcpu[(long)vcpu], KVM_RUN, 0) || errno == EINTR)
		;
	return NULL;
}

static uint64_t word(unsigned int at)
{
	return __atomic_load_n((uint64_t *)(vm->mem + at), __ATOMIC_RELAXED);
}

/* The CPU that is the @nth of those the lab gives us. */
static int cpu_of(int nth)
{
	cpu_set_t set;
	int cpu = -1;

	CHECK_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
	CHECK(nth < CPU_COUNT(&set));
	do {
		cpu++;
		nth -= CPU_ISSET(cpu, &set);
	} while (nth >= 0);
	return cpu;
}

static void start(long vcpu)
{
	pthread_t thread;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu_of(vcpu), &set);
	CHECK_EQ(pthread_create(&thread, NULL, run, (void *)vcpu), 0);
	CHECK_EQ(pthread_setaffinity_np(thread, sizeof(set), &set), 0);
}

static void write_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* sti; inc dword [COUNTER + 4 * vCPU]; rdtsc; mov [TSC + 8 * vCPU], eax; and + 4, edx; jmp */
static void count(int vcpu)
{
	uint16_t at = CODE + 0x100 * vcpu, counter = COUNTER + 8 * vcpu, tsc = TSC + 8 * vcpu;
	const uint8_t code[] = {
		0xfb,		0x66,	      0xff,	  0x06,
		counter & 0xff, counter >> 8, 0x0f,	  0x31,
		0x66,		0xa3,	      tsc & 0xff, tsc >> 8,
		0x66,		0x89,	      0x16,	  (tsc + 4) & 0xff,
		tsc >> 8,	0xeb,	      0xec,
	};

	abi_code(vm, at, code, sizeof(code));
	abi_real(vm, vcpu, at);
}

/* Both guests count, in 20 seconds at the latest. */
static void goes_on(void)
{
	uint64_t before[2] = { word(COUNTER), word(COUNTER + 8) };
	int vcpu, i;

	for (vcpu = 0; vcpu < 2; vcpu++) {
		for (i = 0; i < 20000 && word(COUNTER + 8 * vcpu) == before[vcpu]; i++)
			usleep(1000);
		CHECK(word(COUNTER + 8 * vcpu) != before[vcpu]);
	}
}

static void sleeps_and_wakes(void)
{
	uint64_t tsc[2];
	int i;

	CHECK_EQ(access("/sys/class/rtc/rtc0/wakealarm", W_OK), 0);
	vm = abi_vm(0x100000);
	for (i = 0; i < 2; i++) {
		abi_vcpu(vm);
		count(i);
		start(i);
	}
	while (!word(COUNTER) || !word(COUNTER + 8))
		usleep(1000);
	for (i = 0; i < 2; i++)
		tsc[i] = word(TSC + 8 * i);
	write_file("/sys/class/rtc/rtc0/wakealarm", "+15");
	write_file("/sys/power/mem_sleep", "deep");
	write_file("/sys/power/state", "mem");
	goes_on();
	for (i = 0; i < 2; i++)
		CHECK(word(TSC + 8 * i) > tsc[i]);
	vm = abi_vm(0x100000);
	abi_vcpu(vm);
	/* hlt */
	ABI_CODE(vm, CODE, 0xf4);
	abi_real(vm, 0, CODE);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
}

int main(int argc, char **argv)
{
	static const struct abi_test tests[] = { { "sleeps_and_wakes", sleeps_and_wakes }, {} };

	return abi_main(tests, argc, argv);
}
