/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TENON_IOCTL_H
#define TENON_IOCTL_H

#include <linux/types.h>

struct vcpu;
struct vm;

/**
 * struct ioctl - a row of an ioctl table; the last row is empty
 * @cmd: the whole number
 * @optional: a NULL argument is allowed and reaches the handler as @uarg
 * @in: the argument is copied in, and only in, whatever direction the number says
 * @sys: handler of a row of the system table; likewise @vm and @vcpu
 *
 * A handler gets @arg, a kernel copy of the argument (copied in where the number says _IOC_WRITE,
 * zeroed else; copied out on success where it says _IOC_READ), and @uarg, the argument as it came.
 */
struct ioctl {
	u32 cmd;
	bool optional;
	bool in;
	union {
		long (*sys)(void *arg, unsigned long uarg);
		long (*vm)(struct vm *vm, void *arg, unsigned long uarg);
		long (*vcpu)(struct vcpu *vcpu, void *arg, unsigned long uarg);
	};
};

#define SYS_IOCTL(nr, fn)                     \
	{                                     \
		.cmd = (u32)(nr), .sys = (fn) \
	}
#define VM_IOCTL(nr, fn)                     \
	{                                    \
		.cmd = (u32)(nr), .vm = (fn) \
	}
#define VM_IOCTL_IN(nr, fn)                              \
	{                                                \
		.cmd = (u32)(nr), .in = true, .vm = (fn) \
	}
#define VCPU_IOCTL(nr, fn)                     \
	{                                      \
		.cmd = (u32)(nr), .vcpu = (fn) \
	}

/* A NULL argument reaches the handler. */
#define VCPU_IOCTL_OPTIONAL(nr, fn)                              \
	{                                                        \
		.cmd = (u32)(nr), .optional = true, .vcpu = (fn) \
	}

/**
 * union ioctl_object - what the handlers of a table work on
 */
union ioctl_object {
	struct vm *vm;
	struct vcpu *vcpu;
};

enum ioctl_level {
	IOCTL_SYS,
	IOCTL_VM,
	IOCTL_VCPU
};

long ioctl_dispatch(const struct ioctl *table, enum ioctl_level level, union ioctl_object object,
		    u32 cmd, unsigned long uarg);

#endif
