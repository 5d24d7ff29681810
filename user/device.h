/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device is a file with one const struct device_ops. It asks the VM's buses for ports and MMIO
 * and the interrupt code for a line, and knows nothing of its neighbours. machine.c holds the
 * table of devices that a machine is made of.
 */
#ifndef TENON_DEVICE_H
#define TENON_DEVICE_H

struct device;
struct vm;

/**
 * struct device_ops - What every device provides. All three run in the device thread while no
 * vCPU runs.
 * @name: a word for messages
 * @init: allocate @dev->priv, claim ports; 0, or a negative errno after a message by say_error()
 *	with everything undone
 * @reset: back to the state after power-on; the VM's old file descriptor is still open, so that
 *	irqfds and ioeventfds can be unbound. The VM that follows is a new one without any;
 *	may be NULL
 * @exit: undo @init; may be NULL
 */
struct device_ops {
	const char *name;
	int (*init)(struct device *dev);
	void (*reset)(struct device *dev);
	void (*exit)(struct device *dev);
};

/**
 * struct device - One device of one VM.
 * @ops: its kind
 * @vm: the machine that it is in
 * @priv: its own state, set by @ops->init
 * @config: its settings, of a type that its header declares; lives as long as the VM
 * @next: the device that was added before it
 */
struct device {
	const struct device_ops *ops;
	struct vm *vm;
	void *priv;
	const void *config;
	struct device *next;
};

/**
 * device_add() - Make a device and initialise it.
 *
 * Return: 0 or a negative errno; a message has been printed.
 */
int device_add(struct vm *vm, const struct device_ops *ops, const void *config);

/** device_reset_all() - Reset every device, the newest first. */
void device_reset_all(struct vm *vm);

/** device_remove_all() - Take every device out of the machine and free it, the newest first. */
void device_remove_all(struct vm *vm);

#endif
