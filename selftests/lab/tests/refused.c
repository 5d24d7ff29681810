// SPDX-License-Identifier: GPL-2.0-only
/*
 * For refused.sh: loaded before the launcher, it makes the state with which a guest starts one that
 * processors refuse: a code segment that has both 64-bit code and 32-bit operands.
 */
#include <linux/kvm.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EFER_LMA 0x400u

int ioctl(int fd, unsigned long cmd, ...)
{
	struct kvm_sregs sregs;
	va_list args;
	void *arg;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	if (cmd == KVM_SET_SREGS) {
		sregs = *(struct kvm_sregs *)arg;
		if (sregs.efer & EFER_LMA) {
			sregs.cs.l = 1;
			sregs.cs.db = 1;
		}
		arg = &sregs;
	}
	return (int)syscall(SYS_ioctl, fd, cmd, arg);
}
