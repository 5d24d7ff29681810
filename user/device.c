// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "device.h"
#include "error.h"
#include "vm.h"

int device_add(struct vm *vm, const struct device_ops *ops, const void *config)
{
	struct device *dev = calloc(1, sizeof(*dev));
	int err;

	if (!dev) {
		say_error(ops->name, "out of memory");
		return -ENOMEM;
	}
	dev->ops = ops;
	dev->vm = vm;
	dev->config = config;
	err = ops->init(dev);
	if (err) {
		free(dev);
		return err;
	}
	dev->next = vm->devices;
	vm->devices = dev;
	return 0;
}

void device_reset_all(struct vm *vm)
{
	for (struct device *dev = vm->devices; dev; dev = dev->next) {
		if (dev->ops->reset)
			dev->ops->reset(dev);
	}
}

void device_remove_all(struct vm *vm)
{
	while (vm->devices) {
		struct device *dev = vm->devices;

		vm->devices = dev->next;
		if (dev->ops->exit)
			dev->ops->exit(dev);
		free(dev);
	}
}
