// SPDX-License-Identifier: GPL-2.0-only
/*
 * One way in for all ioctls: look the number up in a table, copy the argument in, call, copy out.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "ioctl.h"

/* Arguments up to this size live on the stack. */
#define IOCTL_STACK_BYTES 256

static const struct ioctl *ioctl_find(const struct ioctl *table, u32 cmd)
{
	const struct ioctl *row;

	for (row = table; row->cmd; row++)
		if (row->cmd == cmd)
			return row;
	return NULL;
}

static long ioctl_call(const struct ioctl *row, enum ioctl_level level, union ioctl_object object,
		       void *arg, unsigned long uarg)
{
	switch (level) {
	case IOCTL_VM:
		return row->vm(object.vm, arg, uarg);
	case IOCTL_VCPU:
		return row->vcpu(object.vcpu, arg, uarg);
	default:
		return row->sys(arg, uarg);
	}
}

static long ioctl_copied(const struct ioctl *row, enum ioctl_level level, union ioctl_object object,
			 void *arg, unsigned long uarg)
{
	size_t size = _IOC_SIZE(row->cmd);
	u32 dir = row->in ? _IOC_WRITE : _IOC_DIR(row->cmd);
	long r;

	memset(arg, 0, size);
	if (dir & _IOC_WRITE && copy_from_user(arg, (void __user *)uarg, size))
		return -EFAULT;
	r = ioctl_call(row, level, object, arg, uarg);
	if (r >= 0 && dir & _IOC_READ && copy_to_user((void __user *)uarg, arg, size))
		return -EFAULT;
	return r;
}

/**
 * ioctl_dispatch() - run one ioctl
 * @table: rows; those of frequent ioctls come first
 * @level: which kind of file descriptor it came to
 * @object: the VM or vCPU behind it
 * @cmd: the number, as the low 32 bits of what user space passed
 * @uarg: its argument
 *
 * Context: process context; the caller holds what the handlers of @table expect.
 * Return: the handler's answer, or -ENOTTY for a number that the table does not have.
 */
long ioctl_dispatch(const struct ioctl *table, enum ioctl_level level, union ioctl_object object,
		    u32 cmd, unsigned long uarg)
{
	const struct ioctl *row = ioctl_find(table, cmd);
	u8 small[IOCTL_STACK_BYTES] __aligned(8);
	void *arg;
	long r;

	if (!row)
		return -ENOTTY;
	if (!_IOC_SIZE(cmd) || (row->optional && !uarg))
		return ioctl_call(row, level, object, NULL, uarg);
	if (_IOC_SIZE(cmd) <= sizeof(small))
		return ioctl_copied(row, level, object, small, uarg);
	arg = kmalloc(_IOC_SIZE(cmd), GFP_KERNEL_ACCOUNT);
	if (!arg)
		return -ENOMEM;
	r = ioctl_copied(row, level, object, arg, uarg);
	kfree(arg);
	return r;
}
