// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel memory of a VM and of a vCPU: what the memory controller counts for this process when many
 * are made. One line per row: "row bytes VALUE".
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../abi/lib/abi.h"

#define VMS    64
#define VCPUS  64
#define CGROUP "/sys/fs/cgroup/bench"

static void write_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void enter_cgroup(void)
{
	char pid[16];

	write_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	mkdir(CGROUP, 0755);
	snprintf(pid, sizeof(pid), "%d", getpid());
	write_file(CGROUP "/cgroup.procs", pid);
}

/* Bytes of kernel memory charged to the group. */
static long charged(void)
{
	char line[128];
	long bytes = -1;
	FILE *f = fopen(CGROUP "/memory.stat", "r");

	CHECK(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "kernel %ld", &bytes) == 1)
			break;
	fclose(f);
	CHECK(bytes >= 0);
	return bytes;
}

static void measure(void)
{
	long start, vms, vcpus;
	int fds[VMS], i;

	enter_cgroup();
	abi_close(abi_vm_irqchip(0));
	start = charged();
	for (i = 0; i < VMS; i++) {
		fds[i] = ioctl(abi_dev(), KVM_CREATE_VM, 0);
		CHECK(fds[i] >= 0);
		CHECK_EQ(ioctl(fds[i], KVM_SET_TSS_ADDR, 0xfffbd000), 0);
		CHECK_EQ(ioctl(fds[i], KVM_CREATE_IRQCHIP, 0), 0);
	}
	vms = charged();
	for (i = 0; i < VCPUS; i++)
		CHECK(ioctl(fds[i % VMS], KVM_CREATE_VCPU, i / VMS) >= 0);
	vcpus = charged();
	printf("memory_vm bytes %ld\n", (vms - start) / VMS);
	printf("memory_vcpu bytes %ld\n", (vcpus - vms) / VCPUS);
}

int main(int argc, char **argv)
{
	static const struct abi_test tests[] = {
		{ "memory", measure },
		{ NULL, NULL },
	};

	(void)argc;
	abi_test_seconds = 600;
	return abi_main(tests, 1, argv);
}
