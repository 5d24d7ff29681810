// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host MSRs kept off the hot path: a guest's value stays in the register until the CPU returns to
 * user space, or another vCPU needs another one.
 */
#include <linux/percpu.h>
#include <linux/user-return-notifier.h>
#include <asm/msr.h>

#include "hostmsr.h"

static const u32 host_msr_index[NR_HOST_MSRS] = {
	[HOST_MSR_TSC_AUX] = MSR_TSC_AUX,
	[HOST_MSR_STAR] = MSR_STAR,
	[HOST_MSR_LSTAR] = MSR_LSTAR,
	[HOST_MSR_SFMASK] = MSR_SYSCALL_MASK,
};

/**
 * struct host_msrs - one CPU's
 * @notifier: calls when the CPU returns to user space
 * @active: @notifier is registered; some register differs from @host
 * @host: the kernel's values
 */
struct host_msrs {
	struct user_return_notifier notifier;
	bool active;
	u64 host[NR_HOST_MSRS];
};

static DEFINE_PER_CPU(struct host_msrs, host_msrs);
DEFINE_PER_CPU(u64[NR_HOST_MSRS], host_msr_now);

void host_msr_restore(void)
{
	struct host_msrs *msrs = this_cpu_ptr(&host_msrs);
	int i;

	if (!msrs->active)
		return;
	for (i = 0; i < NR_HOST_MSRS; i++)
		if (this_cpu_read(host_msr_now[i]) != msrs->host[i]) {
			this_cpu_write(host_msr_now[i], msrs->host[i]);
			wrmsrl(host_msr_index[i], msrs->host[i]);
		}
	msrs->active = false;
	user_return_notifier_unregister(&msrs->notifier);
}

static void host_msr_on_user_return(struct user_return_notifier *notifier)
{
	unsigned long flags;

	local_irq_save(flags);
	host_msr_restore();
	local_irq_restore(flags);
}

void host_msr_init(void)
{
	struct host_msrs *msrs = this_cpu_ptr(&host_msrs);
	int i;

	for (i = 0; i < NR_HOST_MSRS; i++) {
		/* An MSR that this CPU does not have reads as 0 and is never asked for. */
		rdmsrl_safe(host_msr_index[i], &msrs->host[i]);
		this_cpu_write(host_msr_now[i], msrs->host[i]);
	}
}

static void host_msr_activate(struct host_msrs *msrs)
{
	msrs->notifier.on_user_return = host_msr_on_user_return;
	user_return_notifier_register(&msrs->notifier);
	msrs->active = true;
}

/**
 * host_msr_write() - host_msr_set() where the register holds another value
 * @msr: which
 * @value: the guest's
 *
 * Context: IRQs off.
 */
void host_msr_write(enum host_msr msr, u64 value)
{
	struct host_msrs *msrs = this_cpu_ptr(&host_msrs);

	if (!msrs->active)
		host_msr_activate(msrs);
	this_cpu_write(host_msr_now[msr], value);
	wrmsrl(host_msr_index[msr], value);
}
