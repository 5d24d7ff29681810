/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtio devices a machine can be given. The host bridge (pci_host_device, pci/pci.h) goes
 * before them.
 */
#ifndef TENON_VIRTIO_DEVICES_H
#define TENON_VIRTIO_DEVICES_H

#include "device.h"

extern const struct device_ops virtio_blk_device; /* config: struct disk_config */
extern const struct device_ops virtio_rng_device; /* config: none */
extern const struct device_ops virtio_console_device; /* config: struct config (console, port) */

#endif
