// SPDX-License-Identifier: GPL-2.0-only
/*
 * usage: coexist DEVICE [hold]
 * Makes a VM on the device and runs an instruction in it. Says "ok", or why there is no VM (and
 * status 1). With "hold" the VM then runs, a little at a time, until somebody kills the process.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/abi.h"

static void run_forever(struct abi_vm *vm, int vcpu)
{
	/* hlt; jmp .-1 */
	ABI_CODE(vm, 0x2000, 0xf4, 0xeb, 0xfd);
	abi_real(vm, vcpu, 0x2000);
	for (;;) {
		CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
		usleep(10000);
	}
}

int main(int argc, char **argv)
{
	struct abi_vm *vm;
	int fd, vcpu;

	if (argc < 2)
		return 2;
	setenv("TENON_DEV", argv[1], 1);
	fd = ioctl(abi_dev(), KVM_CREATE_VM, 0);
	if (fd < 0) {
		puts(strerror(errno));
		return 1;
	}
	close(fd);
	vm = abi_vm(0x100000);
	vcpu = abi_vcpu(vm);
	/* hlt */
	ABI_CODE(vm, 0x1000, 0xf4);
	abi_real(vm, vcpu, 0x1000);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
	puts("ok");
	fflush(stdout);
	if (argc > 2)
		run_forever(vm, vcpu);
	abi_close(vm);
	return 0;
}
