/* SPDX-License-Identifier: GPL-2.0-only */
/* What the user asked for: the options of "tenon run", parsed. */
#ifndef TENON_CONFIG_H
#define TENON_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#define CONFIG_MAX_DISKS 16
#define CONFIG_MAX_PORTS 16
#define CONFIG_NAME_MAX	 63

/* Which device is behind the user's terminal. */
enum console_kind {
	CONSOLE_SERIAL,
	CONSOLE_VIRTIO,
};

/**
 * struct disk_config - One -d option.
 * @path: raw image file or block device
 * @readonly: the guest may not write
 */
struct disk_config {
	char *path;
	bool readonly;
};

/**
 * struct port_config - One --port option: a virtio-console port whose output goes to a file.
 * @name: its name in the guest, /dev/virtio-ports/NAME
 * @path: the file, made or truncated
 */
struct port_config {
	char *name;
	char *path;
};

/**
 * struct config - All options of "tenon run".
 * @name: of the VM and its vCPU threads
 * @dev: the hypervisor's device node
 * @kernel: bzImage
 * @initrd: initial RAM disk, or NULL
 * @cmdline: the user's part of the kernel command line, or NULL
 * @mem: bytes of guest RAM
 * @cpus: vCPUs
 * @console: who owns the terminal
 * @no_reboot: a guest's reset ends the VM
 * @nr_disks: rows of @disk in use
 * @disk: disks, in the order given
 * @nr_ports: rows of @port in use
 * @port: console ports, in the order given
 */
struct config {
	const char *name;
	const char *dev;
	const char *kernel;
	const char *initrd;
	const char *cmdline;
	uint64_t mem;
	unsigned int cpus;
	enum console_kind console;
	bool no_reboot;
	unsigned int nr_disks;
	struct disk_config disk[CONFIG_MAX_DISKS];
	unsigned int nr_ports;
	struct port_config port[CONFIG_MAX_PORTS];
};

#endif
