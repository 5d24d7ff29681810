// SPDX-License-Identifier: GPL-2.0-only
/*
 * Process 1 of the guests of the qemu tests: it says what the kernel found, makes each processor
 * say that it works, and powers off. With "linger" on the kernel's command line it counts instead,
 * for a debugger.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_CPUS 8

static unsigned long counter;

/* A debugger stops here. */
__attribute__((noinline)) void tick(void)
{
	counter++;
	asm volatile("" : : : "memory");
}

static void first_line(const char *path, char *line, int size)
{
	FILE *file = fopen(path, "r");

	if (!file || !fgets(line, size, file))
		strcpy(line, "?");
	if (file)
		fclose(file);
	line[strcspn(line, "\n")] = 0;
}

static void show(const char *name, const char *path)
{
	char line[4096];

	first_line(path, line, sizeof(line));
	printf("%s=%s ", name, line);
}

static int has_word(const char *word)
{
	char line[4096];

	first_line("/proc/cmdline", line, sizeof(line));
	return !!strstr(line, word);
}

static void visit_cpus(void)
{
	cpu_set_t set;
	int cpu;

	for (cpu = 0; cpu < MAX_CPUS; cpu++) {
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set))
			return;
		printf("qemu-cpu: %d\n", sched_getcpu());
		/* It needs its timer. */
		usleep(20000);
	}
}

int main(void)
{
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	printf("\n");
	visit_cpus();
	printf("qemu-guest: ");
	show("cpus", "/sys/devices/system/cpu/online");
	show("clock", "/sys/devices/system/clocksource/clocksource0/current_clocksource");
	printf("init\n");
	fflush(stdout);
	while (has_word("linger"))
		tick();
	sync();
	reboot(RB_POWER_OFF);
	reboot(RB_AUTOBOOT);
	return 1;
}
