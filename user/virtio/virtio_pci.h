/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virtio over PCI, modern devices only (virtio 1.2, section 4.1).
 *
 * BAR 0 holds, a page each, the common configuration, the ISR status, the device configuration and
 * the notification area (4 bytes a queue); BAR 2 holds MSI-X.
 */
#ifndef TENON_VIRTIO_PCI_H
#define TENON_VIRTIO_PCI_H

#include "pci/pci.h"
#include "virtio/virtio.h"

/**
 * struct virtio_pci - a virtio device behind a PCI function
 * @vdev: the device; @vdev.ops, .name, .vm, features and configuration are set by the model
 * @pci: the function
 * @isr_lock: orders @isr with the INTx line
 * @isr: ISR status
 * @device_select: which word of the device's features is shown
 * @driver_select: which word of the driver's features is written
 * @queue_select: which queue the registers show
 * @window: offset of the configuration access capability
 */
struct virtio_pci {
	struct virtio_device vdev;
	struct pci_device pci;
	pthread_mutex_t isr_lock;
	uint8_t isr;
	uint32_t device_select;
	uint32_t driver_select;
	uint16_t queue_select;
	uint16_t window;
};

int virtio_pci_init(struct virtio_pci *vp, unsigned int nr_queues, uint16_t queue_size);
void virtio_pci_reset(struct virtio_pci *vp);
void virtio_pci_exit(struct virtio_pci *vp);

#endif
