// SPDX-License-Identifier: GPL-2.0-only
/*
 * Switching virtualization on and off on the host's CPUs, with the first VM and after the last,
 * and around CPU hotplug, suspend, reboot and crash.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/reboot.h>
#include <linux/smp.h>
#include <asm/reboot.h>
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

/* The kernel's callback for crashes is ours; virt_lock. */
static bool virt_emergency_set;

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

/* Return: 0, -EBUSY where it is on already, and not by us, or the backend's errno. IRQs off. */
static int virt_cpu_on(void)
{
	int r;

	if (__this_cpu_read(virt_on))
		return 0;
	r = backend->foreign() ? -EBUSY : backend->cpu_on();
	if (!r)
		virt_cpu_ready();
	return r;
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
	unsigned long flags;
	int r;

	local_irq_save(flags);
	r = virt_cpu_on();
	local_irq_restore(flags);
	if (r)
		pr_err("CPU %u: its %s %s (%d)\n", cpu, backend->name,
		       r == -EBUSY ? "is in use by another hypervisor" : "cannot be switched on",
		       r);
	return r;
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
	u64 tsc = rdtsc();

	virt_sleep.times++;
	if (tsc < virt_suspend_tsc)
		virt_sleep.tsc_lost += virt_suspend_tsc - tsc;
	if (virt_users && virt_cpu_on())
		pr_err("%s cannot be switched on again\n", backend->name);
}

COMPAT_SYSCORE(virt_syscore, virt_suspend, virt_resume);

/* Reboot, halt and kexec: the next kernel, or the firmware, must find the CPUs as at power-on. */
static int virt_reboot(struct notifier_block *nb, unsigned long event, void *unused)
{
	mutex_lock(&virt_lock);
	WRITE_ONCE(virt_going_down, true);
	mutex_unlock(&virt_lock);
	on_each_cpu(virt_cpu_off, NULL, 1);
	return NOTIFY_DONE;
}

static struct notifier_block virt_reboot_notifier = { .notifier_call = virt_reboot };

/* This CPU crashes, or is stopped as another one does: perhaps in an NMI, anywhere in our code. */
static void virt_emergency(void)
{
	WRITE_ONCE(virt_going_down, true);
	if (__this_cpu_read(virt_on))
		backend->cpu_emergency();
}

/*
 * The kernel has room for one callback, and complains when a second comes: it is kvm.ko's where its
 * vendor module is loaded.
 */
static void virt_set_emergency(bool wanted)
{
	mutex_lock(&virt_lock);
	if (wanted && !virt_emergency_set)
		cpu_emergency_register_virt_callback(virt_emergency);
	else if (!wanted && virt_emergency_set)
		cpu_emergency_unregister_virt_callback(virt_emergency);
	virt_emergency_set = wanted;
	mutex_unlock(&virt_lock);
}

static int virt_module_event(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct module *module = data;

	if (!strcmp(module->name, backend->rival))
		virt_set_emergency(event == MODULE_STATE_GOING);
	return NOTIFY_DONE;
}

static struct notifier_block virt_module_notifier = { .notifier_call = virt_module_event };

/**
 * virt_module_init() - at insmod, when the backend is known
 *
 * Return: 0 or an errno.
 */
int virt_module_init(void)
{
	struct kobject *rival;
	int r = register_module_notifier(&virt_module_notifier);

	if (r)
		return r;
	/* The modules' directory in sysfs has those that are built in, too. */
	rival = kset_find_obj(THIS_MODULE->mkobj.kobj.kset, backend->rival);
	virt_set_emergency(!rival);
	kobject_put(rival);
	register_reboot_notifier(&virt_reboot_notifier);
	return 0;
}

void virt_module_exit(void)
{
	unregister_reboot_notifier(&virt_reboot_notifier);
	unregister_module_notifier(&virt_module_notifier);
	virt_set_emergency(false);
}

static int virt_all_on(void)
{
	atomic_t found = ATOMIC_INIT(0);
	int state;

	if (virt_going_down)
		return -ENODEV;
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
