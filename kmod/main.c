// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module init and exit, the device node, system ioctls, and the choice of the backend.
 */
#include <linux/kvm.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/uaccess.h>

#include "backend.h"
#include "cap.h"
#include "compat.h"
#include "cpuid.h"
#include "ioctl.h"
#include "msr.h"
#include "run.h"
#include "vcpu.h"
#include "virt.h"
#include "vm.h"
#include "xstate.h"

static char *devname = "tenon";
module_param(devname, charp, 0444);
MODULE_PARM_DESC(devname, "Name of the device node below /dev; \"kvm\" where kvm.ko is not loaded");

const struct backend *backend;

/* In the order in which they are asked; the first that the machine has is used. */
static const struct backend *const backends[] = {
	&vmx_backend,
	&svm_backend,
};

static long sys_get_api_version(void *arg, unsigned long uarg)
{
	return uarg ? -EINVAL : KVM_API_VERSION;
}

static long sys_get_mmap_size(void *arg, unsigned long uarg)
{
	return uarg ? -EINVAL : VCPU_MMAP_PAGES * PAGE_SIZE;
}

static long sys_create_vm(void *arg, unsigned long uarg)
{
	return vm_create(uarg);
}

/* The one attribute: the state components that XCR0 may have in a guest. */
static long sys_has_attr(void *arg, unsigned long uarg)
{
	const struct kvm_device_attr *attr = arg;

	return attr->group || attr->attr != KVM_X86_XCOMP_GUEST_SUPP ? -ENXIO : 0;
}

static long sys_get_attr(void *arg, unsigned long uarg)
{
	const struct kvm_device_attr *attr = arg;
	long r = sys_has_attr(arg, uarg);

	return r ?: put_user(xstate_supported(), (u64 __user *)(unsigned long)attr->addr);
}

static const struct ioctl sys_ioctls[] = {
	SYS_IOCTL(KVM_GET_API_VERSION, sys_get_api_version),
	SYS_IOCTL(KVM_CREATE_VM, sys_create_vm),
	SYS_IOCTL(KVM_GET_MSR_INDEX_LIST, msr_index_list),
	SYS_IOCTL(KVM_GET_MSR_FEATURE_INDEX_LIST, msr_feature_index_list),
	SYS_IOCTL(KVM_CHECK_EXTENSION, cap_check_ioctl),
	SYS_IOCTL(KVM_GET_VCPU_MMAP_SIZE, sys_get_mmap_size),
	SYS_IOCTL(KVM_GET_SUPPORTED_CPUID, cpuid_get_supported),
	SYS_IOCTL(KVM_GET_EMULATED_CPUID, cpuid_get_emulated),
	SYS_IOCTL(KVM_GET_MSRS, sys_msr_get_ioctl),
	SYS_IOCTL(KVM_X86_GET_MCE_CAP_SUPPORTED, mce_cap_supported),
	SYS_IOCTL(KVM_HAS_DEVICE_ATTR, sys_has_attr),
	SYS_IOCTL(KVM_GET_DEVICE_ATTR, sys_get_attr),
	{},
};

static long sys_ioctl(struct file *file, unsigned int cmd, unsigned long uarg)
{
	long r = ioctl_dispatch(sys_ioctls, IOCTL_SYS, (union ioctl_object){}, cmd, uarg);

	/* KVM's system fd answers an unknown number with -EINVAL. */
	return r == -ENOTTY ? -EINVAL : r;
}

static const struct file_operations sys_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = sys_ioctl,
	.compat_ioctl = sys_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice sys_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.fops = &sys_fops,
};

static int __init choose_backend(void)
{
	unsigned int i;
	int r;

	for (i = 0; i < ARRAY_SIZE(backends); i++) {
		r = backends[i]->probe();
		if (!r)
			backend = backends[i];
		if (r != -ENODEV)
			return r;
	}
	pr_err("this machine's processor has neither VMX nor SVM\n");
	return -EOPNOTSUPP;
}

static int __init tenon_init(void)
{
	int r = choose_backend();

	if (r)
		return r;
	compat_init();
	run_module_init();
	preempt_notifier_inc();
	xstate_module_init();
	r = cpuid_module_init();
	if (!r)
		r = pv_module_init();
	if (r)
		goto remove_backend;
	r = virt_module_init();
	if (r)
		goto exit_pv;
	sys_device.name = devname;
	/* Where kvm.ko has that name it has this number, too, and is asked for it first. */
	if (!strcmp(devname, "kvm"))
		sys_device.minor = KVM_MINOR;
	r = misc_register(&sys_device);
	if (r) {
		pr_err("/dev/%s: cannot be made (%d)%s\n", devname, r,
		       r == -EEXIST || r == -EBUSY ? ": that name is taken" : "");
		goto exit_virt;
	}
	return 0;

exit_virt:
	virt_module_exit();
exit_pv:
	pv_module_exit();
remove_backend:
	preempt_notifier_dec();
	backend->remove();
	return r;
}

static void __exit tenon_exit(void)
{
	misc_deregister(&sys_device);
	virt_module_exit();
	pv_module_exit();
	preempt_notifier_dec();
	backend->remove();
}

module_init(tenon_init);
module_exit(tenon_exit);

MODULE_DESCRIPTION("Tenon, a hypervisor that speaks the KVM ABI");
MODULE_AUTHOR("The Tenon developers");
MODULE_LICENSE("GPL");
