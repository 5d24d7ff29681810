// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs in a guest with several CPUs, on all of them, for some seconds or until SIGTERM: do clocks
 * ever go backwards, on one CPU or from one to another; do wake-ups and timers get lost; does a CPU
 * use a translation that another has taken away?
 *
 * usage: smp_guest SECONDS
 */

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MOST_CPUS     64
#define PAGES	      64
#define PAGE	      4096
#define SECOND	      1000000000ull
/* Nothing that must go on may stand still for so long; the host may stop us for a while. */
#define STALL (30 * SECOND)

static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME };
static atomic_ullong latest[ARRAY_SIZE(clocks)];
static atomic_ullong readings, looks, passes, naps;
static atomic_bool done, failed;
static atomic_uint generation;
static unsigned int *window;
static atomic_int turn;
static int cpus;

static void fail(const char *what, uint64_t a, uint64_t b)
{
	if (!atomic_exchange(&failed, true))
		printf("FAIL %s: %llu, %llu\n", what, (unsigned long long)a, (unsigned long long)b);
	atomic_store(&done, true);
}

static uint64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

static void check_clocks(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(clocks); i++) {
		unsigned long long before = atomic_load(&latest[i]);
		uint64_t now = read_clock(clocks[i]);

		if (now < before)
			fail("a clock went backwards", before, now);
		while (before < now && !atomic_compare_exchange_weak(&latest[i], &before, now))
			;
	}
	atomic_fetch_add(&readings, 1);
}

/* The page is that of the generation, or of the next, which is being mapped; never an old one. */
static void check_window(void)
{
	unsigned int before = atomic_load(&generation);
	unsigned int page = __atomic_load_n(window, __ATOMIC_RELAXED);

	if (atomic_load(&generation) != before)
		return;
	if (page != before % PAGES && page != (before + 1) % PAGES)
		fail("an old translation was used", before, page);
	atomic_fetch_add(&looks, 1);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	/* The CPU may be off. */
	sched_setaffinity(0, sizeof(set), &set);
}

static void *look(void *arg)
{
	int i;

	pin((intptr_t)arg);
	while (!atomic_load(&done)) {
		for (i = 0; i < 200; i++) {
			check_clocks();
			check_window();
		}
		sched_yield();
	}
	return NULL;
}

/* The turn goes round by futex; who has had it sleeps a little. */
static void *pass_on(void *arg)
{
	const struct timespec nap = { .tv_nsec = 3000000 };
	int me = (intptr_t)arg;

	pin(me);
	while (!atomic_load(&done)) {
		int now = atomic_load(&turn);

		if (now != me) {
			syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, now, NULL, NULL, 0);
			continue;
		}
		atomic_store(&turn, (me + 1) % cpus);
		syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, MOST_CPUS, NULL, NULL, 0);
		atomic_fetch_add(&passes, 1);
		nanosleep(&nap, NULL);
		atomic_fetch_add(&naps, 1);
	}
	syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, MOST_CPUS, NULL, NULL, 0);
	return NULL;
}

static void *remap(void *arg)
{
	int file = memfd_create("pages", 0);
	unsigned int next;

	if (file < 0 || ftruncate(file, PAGES * PAGE))
		abort();
	for (next = 0; next < PAGES; next++)
		pwrite(file, &next, sizeof(next), next * PAGE);
	while (!atomic_load(&done)) {
		next = atomic_load(&generation) + 1;
		if (mmap(window, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED | MAP_POPULATE, file,
			 next % PAGES * PAGE) == MAP_FAILED)
			fail("mmap", next, 0);
		atomic_store(&generation, next);
		usleep(200);
	}
	return arg;
}

/* Everything goes on. */
static void watch(uint64_t seconds)
{
	atomic_ullong *counts[] = { &readings, &looks, &passes, &naps };
	uint64_t end = read_clock(CLOCK_MONOTONIC) + seconds * SECOND, now;
	uint64_t seen[ARRAY_SIZE(counts)] = { 0 }, since[ARRAY_SIZE(counts)];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(counts); i++)
		since[i] = end - seconds * SECOND;
	while (!atomic_load(&done)) {
		usleep(250000);
		now = read_clock(CLOCK_MONOTONIC);
		for (i = 0; i < ARRAY_SIZE(counts); i++) {
			if (atomic_load(counts[i]) != seen[i]) {
				seen[i] = atomic_load(counts[i]);
				since[i] = now;
			} else if (now - since[i] > STALL) {
				fail("nothing goes on", i, seen[i]);
			}
		}
		if (now >= end)
			atomic_store(&done, true);
	}
}

static void end(int sig)
{
	(void)sig;
	atomic_store(&done, true);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = end };
	pthread_t thread[2 * MOST_CPUS + 1];
	int i, nr = 0;

	cpus = sysconf(_SC_NPROCESSORS_CONF);
	if (argc != 2 || cpus > MOST_CPUS)
		return 2;
	sigaction(SIGTERM, &action, NULL);
	window = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < cpus; i++) {
		pthread_create(&thread[nr++], NULL, look, (void *)(intptr_t)i);
		pthread_create(&thread[nr++], NULL, pass_on, (void *)(intptr_t)i);
	}
	pthread_create(&thread[nr++], NULL, remap, NULL);
	watch(strtoull(argv[1], NULL, 0));
	for (i = 0; i < nr && !atomic_load(&failed); i++)
		pthread_join(thread[i], NULL);
	printf("clocks %llu, window %llu of %u, turns %llu, naps %llu\n",
	       (unsigned long long)readings, (unsigned long long)looks, generation,
	       (unsigned long long)passes, (unsigned long long)naps);
	if (failed || !readings || !looks || passes < 10 || naps < 10)
		return 1;
	puts("smp_guest: ok");
	return 0;
}
