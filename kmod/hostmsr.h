/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TENON_HOSTMSR_H
#define TENON_HOSTMSR_H

#include <linux/percpu.h>
#include <linux/types.h>

/* MSRs that guests and user space use but the kernel does not: put back on return to user space. */
enum host_msr {
	HOST_MSR_TSC_AUX,
	HOST_MSR_STAR,
	HOST_MSR_LSTAR,
	HOST_MSR_SFMASK,
	NR_HOST_MSRS
};

/* This CPU begins to run guests: its own values. IRQs off. */
void host_msr_init(void);
void host_msr_write(enum host_msr msr, u64 value);

/* What is in this CPU's registers; hostmsr.c writes it. */
DECLARE_PER_CPU(u64[NR_HOST_MSRS], host_msr_now);

/* The guest's value, already checked, is in force from here on. IRQs off. */
static inline void host_msr_set(enum host_msr msr, u64 value)
{
	if (unlikely(this_cpu_read(host_msr_now[msr]) != value))
		host_msr_write(msr, value);
}

/* This CPU's own values again. IRQs off. */
void host_msr_restore(void);

#endif
