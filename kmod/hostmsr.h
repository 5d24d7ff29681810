/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TENON_HOSTMSR_H
#define TENON_HOSTMSR_H

#include <linux/types.h>

/* MSRs that guests and user space use but the kernel does not: put back on return to user space. */
enum host_msr {
	HOST_MSR_TSC_AUX,
	NR_HOST_MSRS
};

/* This CPU begins to run guests: its own values. IRQs off. */
void host_msr_init(void);
/* The guest's value is in force from here on. IRQs off. */
void host_msr_set(enum host_msr msr, u64 value);
/* This CPU's own values again. IRQs off. */
void host_msr_restore(void);

#endif
