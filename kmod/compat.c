// SPDX-License-Identifier: GPL-2.0-only
/*
 * What kernels need to be told so that their services work for a module that is not KVM.
 */
#include <linux/cache.h>
#include <linux/entry-kvm.h>
#include <linux/kernel.h>
#include <linux/mm.h>

#include "compat.h"

/*
 * xfer_to_guest_mode_handle_work() schedules, runs task work and handles rseq, which no module can
 * do by itself. It takes a struct kvm_vcpu, only to note a signal in it: it writes to the struct
 * kvm_run that it points to and counts in its statistics. Which offsets these are is the kernel's
 * own business; here, whatever is looked at is a pointer to scratch memory.
 */
#define VCPU_WORDS 4096

static void *scratch_vcpu[VCPU_WORDS];
static u8 scratch_run[PAGE_SIZE] __aligned(PAGE_SIZE);

void compat_init(void)
{
	int i;

	for (i = 0; i < VCPU_WORDS; i++)
		scratch_vcpu[i] = scratch_run;
}

/**
 * compat_handle_work() - do what the kernel wants done before a return to user space or guest
 *
 * Context: the vCPU's thread, IRQs on; may sleep.
 * Return: 0, or -EINTR where a signal is pending.
 */
int compat_handle_work(void)
{
	return xfer_to_guest_mode_handle_work((struct kvm_vcpu *)scratch_vcpu);
}
