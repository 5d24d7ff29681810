/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TENON_VIRT_H
#define TENON_VIRT_H

#ifndef __ASSEMBLY__
#include <linux/percpu.h>

/* Virtualization is on, on this CPU, and by us. Written on that CPU with IRQs off. */
DECLARE_PER_CPU(bool, virt_on);

/* CPUs are going down (reboot, crash): a fault of a virtualization instruction is expected. */
extern bool virt_going_down;

/**
 * struct virt_sleep - what the machine's suspensions did to its TSC
 * @times: how often it slept
 * @tsc_lost: ticks by which the TSC was set back, all told
 *
 * Written by the last CPU, with all tasks frozen.
 */
struct virt_sleep {
	u32 times;
	u64 tsc_lost;
};

extern struct virt_sleep virt_sleep;

int virt_module_init(void);
void virt_module_exit(void);

/* Each VM holds virtualization on: 0, -EBUSY where another hypervisor has it, or an errno. */
int virt_get(void);
void virt_put(void);
#endif

#endif
