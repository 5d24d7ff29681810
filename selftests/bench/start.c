// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_start -- COMMAND...: runs the launcher, whose guest powers off at init. Under icount the
 * TSC counts instructions. Prints "row UNIT VALUE" lines: from exec to the first KVM_RUN (seen by
 * ptrace), from there to the end, and the launcher's largest resident set.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static pid_t start(char **argv)
{
	pid_t pid = fork();
	int null;

	if (pid)
		return pid;
	null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(null, 1);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	execvp(argv[0], argv);
	_exit(127);
}

static int is_kvm_run(pid_t pid)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs))
		return 0;
	return regs.orig_rax == SYS_ioctl && (uint32_t)regs.rsi == KVM_RUN;
}

/* Stop at each system call of each thread, until one is KVM_RUN; then let all go. */
static uint64_t until_first_run(pid_t pid)
{
	int status;
	pid_t stopped;

	if (waitpid(pid, &status, 0) < 0)
		die("waitpid");
	ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACECLONE | PTRACE_O_TRACESYSGOOD);
	ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
	for (;;) {
		stopped = waitpid(-1, &status, __WALL);
		if (stopped < 0)
			die("waitpid");
		if (WIFEXITED(status) && stopped == pid)
			return 0;
		if (!WIFSTOPPED(status))
			continue;
		if (WSTOPSIG(status) == (SIGTRAP | 0x80) && is_kvm_run(stopped)) {
			ptrace(PTRACE_DETACH, stopped, NULL, NULL);
			return __rdtsc();
		}
		ptrace(PTRACE_SYSCALL, stopped, NULL, NULL);
	}
}

int main(int argc, char **argv)
{
	struct rusage usage;
	uint64_t begin, first, end;
	int status;
	pid_t pid;

	if (argc < 3 || strcmp(argv[1], "--"))
		return 2;

	/* Once traced, for the way to the first KVM_RUN; that launcher is then killed. */
	pid = start(argv + 2);
	begin = __rdtsc();
	first = until_first_run(pid);
	kill(pid, SIGKILL);
	while (waitpid(-1, &status, __WALL) > 0)
		;
	if (!first)
		return 1;
	printf("launch instructions %lu\n", (unsigned long)(first - begin));

	/* Once on its own, for the whole. */
	begin = __rdtsc();
	pid = start(argv + 2);
	waitpid(pid, &status, WUNTRACED);
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
	if (wait4(pid, &status, 0, &usage) < 0)
		die("wait4");
	end = __rdtsc();
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return 1;
	printf("boot instructions %lu\n", (unsigned long)(end - begin));
	printf("launcher_rss KiB %ld\n", usage.ru_maxrss);
	return 0;
}
