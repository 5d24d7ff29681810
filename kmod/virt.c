// SPDX-License-Identifier: GPL-2.0-only
/*
 * Switching virtualization on and off on the host's CPUs, with the first VM and after the last,
 * and around CPU hotplug, suspend and reboot.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/mutex.h>
#include <linux/smp.h>
#include <asm/tsc.h>

#include "backend.h"
#include "compat.h"
#include "hostmsr.h"
#include "virt.h"

DEFINE_PER_CPU(bool, virt_on);
bool virt_going_down;
struct virt_sleep virt_sleep;

static DEFINE_MUTEX(virt_lock);
static int virt_users;
static enum cpuhp_state virt_cpuhp;

static void virt_cpu_foreign(void *found)
{
	if (backend->foreign())
		atomic_inc(found);
}

static void virt_cpu_ready(void)
{
	host_msr_init();
	__this_cpu_write(virt_on, true);
}

static void virt_cpu_on(void *failed)
{
	if (__this_cpu_read(virt_on))
		return;
	if (backend->foreign() || backend->cpu_on())
		atomic_inc(failed);
	else
		virt_cpu_ready();
}

static void virt_cpu_off(void *unused)
{
	if (!__this_cpu_read(virt_on))
		return;
	__this_cpu_write(virt_on, false);
	host_msr_restore();
	backend->cpu_off();
}

static void virt_cpu_off_irqsave(void)
{
	unsigned long flags;

	local_irq_save(flags);
	virt_cpu_off(NULL);
	local_irq_restore(flags);
}

static int virt_cpu_up(unsigned int cpu)
{
	atomic_t failed = ATOMIC_INIT(0);
	unsigned long flags;

	local_irq_save(flags);
	virt_cpu_on(&failed);
	local_irq_restore(flags);
	if (!atomic_read(&failed))
		return 0;
	pr_err("CPU %u stays off: its %s is in use by somebody else\n", cpu, backend->name);
	return -EBUSY;
}

static int virt_cpu_down(unsigned int cpu)
{
	virt_cpu_off_irqsave();
	return 0;
}

static u64 virt_suspend_tsc;

static int virt_suspend(void)
{
	virt_suspend_tsc = rdtsc();
	virt_cpu_off(NULL);
	return 0;
}

static void virt_resume(void)
{
	atomic_t failed = ATOMIC_INIT(0);
	u64 tsc = rdtsc();

	virt_sleep.times++;
	if (tsc < virt_suspend_tsc)
		virt_sleep.tsc_lost += virt_suspend_tsc - tsc;
	if (virt_users)
		virt_cpu_on(&failed);
}

static void virt_shutdown(void)
{
	WRITE_ONCE(virt_going_down, true);
	on_each_cpu(virt_cpu_off, NULL, 1);
}

COMPAT_SYSCORE(virt_syscore, virt_suspend, virt_resume, virt_shutdown);

static int virt_all_on(void)
{
	atomic_t found = ATOMIC_INIT(0);
	int state;

	cpus_read_lock();
	on_each_cpu(virt_cpu_foreign, &found, 1);
	if (atomic_read(&found)) {
		cpus_read_unlock();
		pr_err_ratelimited("%s is in use by another hypervisor: end its VMs or rmmod it\n",
				   backend->name);
		return -EBUSY;
	}
	state = cpuhp_setup_state_cpuslocked(CPUHP_AP_ONLINE_DYN, "tenon:online", virt_cpu_up,
					     virt_cpu_down);
	cpus_read_unlock();
	if (state < 0)
		return state;
	virt_cpuhp = state;
	compat_register_syscore(&virt_syscore);
	return 0;
}

static void virt_all_off(void)
{
	compat_unregister_syscore(&virt_syscore);
	cpuhp_remove_state(virt_cpuhp);
}

/**
 * virt_get() - hold virtualization on, on all CPUs
 *
 * The first holder switches it on everywhere or nowhere.
 *
 * Context: may sleep.
 * Return: 0, -EBUSY where another hypervisor has it on (said in the log), or an errno.
 */
int virt_get(void)
{
	int r = 0;

	mutex_lock(&virt_lock);
	if (!virt_users)
		r = virt_all_on();
	if (!r)
		virt_users++;
	mutex_unlock(&virt_lock);
	return r;
}

/**
 * virt_put() - let go of it; the last one switches it off
 */
void virt_put(void)
{
	mutex_lock(&virt_lock);
	if (!--virt_users)
		virt_all_off();
	mutex_unlock(&virt_lock);
}
