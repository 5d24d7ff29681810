// SPDX-License-Identifier: GPL-2.0-only
/*
 * A virtual CPU: its life, its file descriptor, its ioctls. How it runs is in run.c.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "cap.h"
#include "cr.h"
#include "explain.h"
#include "ioctl.h"
#include "irq/irqchip.h"
#include "msr.h"
#include "run.h"
#include "state.h"
#include "vcpu.h"
#include "xstate.h"

/* Segment registers after power-on or INIT (SDM 3, table 10-1). */
static void vcpu_reset_segments(struct vcpu *vcpu)
{
	struct kvm_dtable table = { .limit = 0xffff };
	struct kvm_segment segment = {
		.limit = 0xffff,
		.type = 3,
		.present = 1,
		.s = 1,
	};
	int seg;

	for (seg = SEG_ES; seg <= SEG_GS; seg++)
		backend->set_segment(vcpu, seg, &segment);
	segment.selector = 0xf000;
	segment.base = 0xffff0000;
	segment.type = 11;
	backend->set_segment(vcpu, SEG_CS, &segment);
	segment = (struct kvm_segment){ .limit = 0xffff, .type = 11, .present = 1 };
	backend->set_segment(vcpu, SEG_TR, &segment);
	segment.type = 2;
	backend->set_segment(vcpu, SEG_LDTR, &segment);
	backend->set_table(vcpu, false, &table);
	backend->set_table(vcpu, true, &table);
}

/**
 * vcpu_reset() - power-on reset or INIT (SDM 3, 10.1.1)
 * @vcpu: the vCPU, whose owner calls this
 * @init: INIT, which keeps the FPU, MTRRs, most MSRs and CR0.CD and NW
 */
void vcpu_reset(struct vcpu *vcpu, bool init)
{
	u64 cache = init ? vcpu->cr0 & (X86_CR0_CD | X86_CR0_NW) : X86_CR0_CD | X86_CR0_NW;
	u32 signature[4] = {};

	cpuid_read(vcpu, 1, 0, signature);
	memset(vcpu->regs, 0, sizeof(vcpu->regs));
	vcpu->regs[REG_RDX] = signature[0] ?: 0x600;
	vcpu->rip = 0xfff0;
	vcpu->rflags = X86_EFLAGS_FIXED;
	vcpu->cr0 = X86_CR0_ET | cache;
	vcpu->cr2 = 0;
	vcpu->cr3 = 0;
	vcpu->cr4 = 0;
	vcpu->cr8 = 0;
	vcpu->efer = 0;
	memset(vcpu->dr, 0, sizeof(vcpu->dr));
	vcpu->dr6 = DR6_INIT;
	vcpu->dr7 = 0x400;
	event_reset(vcpu);
	vcpu_lapic_reset(vcpu, init);
	msr_reset(vcpu, init);
	xstate_reset(vcpu, init);
	pv_vcpu_reset(vcpu);
	backend->reset(vcpu, init);
	vcpu_reset_segments(vcpu);
	backend->update_cr(vcpu);
	debug_dr7_changed(vcpu);
	cpuid_refresh(vcpu);
	vcpu_request(vcpu, WORK_TLB_FLUSH);
	vcpu_request(vcpu, WORK_EVENT);
}

static long vcpu_set_signal_mask(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	const struct kvm_signal_mask *mask = arg;
	sigset_t sigset;

	if (!uarg) {
		vcpu->sigset_active = false;
		return 0;
	}
	if (mask->len != sizeof(sigset))
		return -EINVAL;
	if (copy_from_user(&sigset, (void __user *)(uarg + sizeof(*mask)), sizeof(sigset)))
		return -EFAULT;
	sigdelsetmask(&sigset, sigmask(SIGKILL) | sigmask(SIGSTOP));
	vcpu->sigset = sigset;
	vcpu->sigset_active = true;
	return 0;
}

static const struct ioctl vcpu_ioctls[] = {
	VCPU_IOCTL(KVM_GET_REGS, regs_get),
	VCPU_IOCTL(KVM_SET_REGS, regs_set),
	VCPU_IOCTL(KVM_GET_SREGS, sregs_get),
	VCPU_IOCTL(KVM_SET_SREGS, sregs_set),
	VCPU_IOCTL(KVM_GET_SREGS2, sregs2_get),
	VCPU_IOCTL(KVM_SET_SREGS2, sregs2_set),
	VCPU_IOCTL(KVM_GET_FPU, fpu_get),
	VCPU_IOCTL(KVM_SET_FPU, fpu_set),
	VCPU_IOCTL(KVM_GET_XSAVE, xsave_get),
	/* KVM_CAP_XSAVE2 tells a size that the other has, too. */
	VCPU_IOCTL(KVM_GET_XSAVE2, xsave_get),
	VCPU_IOCTL(KVM_SET_XSAVE, xsave_set),
	VCPU_IOCTL(KVM_GET_XCRS, xcrs_get),
	VCPU_IOCTL(KVM_SET_XCRS, xcrs_set),
	VCPU_IOCTL(KVM_GET_DEBUGREGS, debugregs_get),
	VCPU_IOCTL(KVM_SET_DEBUGREGS, debugregs_set),
	VCPU_IOCTL(KVM_GET_MP_STATE, mp_state_get),
	VCPU_IOCTL(KVM_SET_MP_STATE, mp_state_set),
	VCPU_IOCTL(KVM_GET_VCPU_EVENTS, event_get),
	VCPU_IOCTL(KVM_SET_VCPU_EVENTS, event_set),
	VCPU_IOCTL(KVM_INTERRUPT, event_ioctl_interrupt),
	VCPU_IOCTL(KVM_NMI, event_ioctl_nmi),
	VCPU_IOCTL(KVM_GET_LAPIC, lapic_get_ioctl),
	VCPU_IOCTL(KVM_SET_LAPIC, lapic_set_ioctl),
	VCPU_IOCTL(KVM_GET_MSRS, msr_get_ioctl),
	VCPU_IOCTL(KVM_SET_MSRS, msr_set_ioctl),
	VCPU_IOCTL(KVM_TPR_ACCESS_REPORTING, tpr_report_ioctl),
	VCPU_IOCTL(KVM_SET_VAPIC_ADDR, tpr_vapic_ioctl),
	VCPU_IOCTL(KVM_SET_CPUID, cpuid_set),
	VCPU_IOCTL(KVM_SET_CPUID2, cpuid_set2),
	VCPU_IOCTL(KVM_GET_CPUID2, cpuid_get2),
	VCPU_IOCTL(KVM_GET_TSC_KHZ, tsc_khz_get),
	VCPU_IOCTL(KVM_SET_TSC_KHZ, tsc_khz_set),
	VCPU_IOCTL(KVM_X86_SETUP_MCE, mce_setup_ioctl),
	VCPU_IOCTL(KVM_X86_SET_MCE, mce_inject_ioctl),
	VCPU_IOCTL(TENON_GET_EXIT_LOG, exit_log_get),
	VCPU_IOCTL(TENON_GET_ENTRY_FAILURE, entry_failure_get),
	VCPU_IOCTL(KVM_KVMCLOCK_CTRL, clock_ctrl),
	VCPU_IOCTL(KVM_HAS_DEVICE_ATTR, vcpu_attr_has),
	VCPU_IOCTL(KVM_GET_DEVICE_ATTR, vcpu_attr_get),
	VCPU_IOCTL(KVM_SET_DEVICE_ATTR, vcpu_attr_set),
	VCPU_IOCTL(KVM_ENABLE_CAP, vcpu_enable_cap),
	VCPU_IOCTL(KVM_GET_STATS_FD, vcpu_stats_fd),
	VCPU_IOCTL(KVM_SET_GUEST_DEBUG, debug_set_ioctl),
	VCPU_IOCTL(KVM_TRANSLATE, translate_ioctl),
	VCPU_IOCTL_OPTIONAL(KVM_SET_SIGNAL_MASK, vcpu_set_signal_mask),
	{},
};

static __always_inline bool vcpu_lock(struct vcpu *vcpu)
{
	return mutex_trylock(&vcpu->mutex) || !mutex_lock_killable(&vcpu->mutex);
}

static noinline long vcpu_ioctl_but_run(struct vcpu *vcpu, unsigned int cmd, unsigned long uarg)
{
	long r;

	if (_IOC_TYPE(cmd) != KVMIO && _IOC_TYPE(cmd) != TENONIO)
		return -EINVAL;
	if (!vcpu_lock(vcpu))
		return -EINTR;
	if (unlikely(vcpu->sleep.times != virt_sleep.times))
		vcpu_slept(vcpu);
	if (backend->sync)
		backend->sync(vcpu);
	r = ioctl_dispatch(vcpu_ioctls, IOCTL_VCPU, (union ioctl_object){ .vcpu = vcpu }, cmd,
			   uarg);
	mutex_unlock(&vcpu->mutex);
	/* KVM's vCPU fd answers an unknown number with -EINVAL. */
	return r == -ENOTTY ? -EINVAL : r;
}

static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long uarg)
{
	struct vcpu *vcpu = file->private_data;
	long r;

	if (vcpu->vm->mm != current->mm)
		return -EIO;
	if (unlikely(cmd != KVM_RUN))
		return vcpu_ioctl_but_run(vcpu, cmd, uarg);
	if (!vcpu_lock(vcpu))
		return -EINTR;
	r = vcpu_run(vcpu, uarg);
	mutex_unlock(&vcpu->mutex);
	return r;
}

static vm_fault_t vcpu_page_fault(struct vm_fault *vmf)
{
	struct vcpu *vcpu = vmf->vma->vm_file->private_data;
	void *page;

	switch (vmf->pgoff) {
	case 0:
		page = vcpu->run;
		break;
	case KVM_PIO_PAGE_OFFSET:
		page = vcpu->pio_data;
		break;
	case KVM_COALESCED_MMIO_PAGE_OFFSET:
		page = vcpu->vm->io.ring;
		break;
	default:
		return VM_FAULT_SIGBUS;
	}
	vmf->page = virt_to_page(page);
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct vcpu_vm_ops = {
	.fault = vcpu_page_fault,
};

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &vcpu_vm_ops;
	return 0;
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct vcpu *vcpu = file->private_data;

	vm_put(vcpu->vm);
	return 0;
}

static const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vcpu_ioctl,
	.compat_ioctl = vcpu_ioctl,
	.mmap = vcpu_mmap,
	.release = vcpu_release,
	.llseek = noop_llseek,
};

void vcpu_destroy(struct vcpu *vcpu)
{
	run_forget(vcpu);
	pv_vcpu_destroy(vcpu);
	vcpu_lapic_destroy(vcpu);
	cpuid_destroy(vcpu);
	xstate_destroy(vcpu);
	emulation_destroy(vcpu);
	backend->vcpu_destroy(vcpu);
	free_page((unsigned long)vcpu->pio_data);
	free_page((unsigned long)vcpu->run);
	kfree(vcpu);
}

static int vcpu_init(struct vcpu *vcpu)
{
	int r;

	vcpu->run = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vcpu->pio_data = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vcpu->run || !vcpu->pio_data)
		return -ENOMEM;
	cpuid_init(vcpu);
	r = xstate_init(vcpu);
	if (!r)
		r = emulation_init(vcpu);
	if (!r)
		r = vcpu_lapic_create(vcpu);
	if (!r)
		r = pv_vcpu_init(vcpu);
	if (r)
		return r;
	vcpu->cpu = -1;
	vcpu->user_events = vcpu->user_pic;
	vcpu->fast_events = vcpu->apic;
	vcpu->xcr0 = XFEATURE_MASK_FP;
	msr_init(vcpu);
	vcpu->mp_state = vcpu->id == vcpu->vm->bsp_id || !vcpu->vm->irqchip ?
				 KVM_MP_STATE_RUNNABLE :
				 KVM_MP_STATE_UNINITIALIZED;
	vcpu_reset(vcpu, false);
	return 0;
}

static struct vcpu *vcpu_alloc(struct vm *vm, u32 id)
{
	struct vcpu *vcpu = kzalloc(backend->vcpu_size, GFP_KERNEL_ACCOUNT);
	int r;

	if (!vcpu)
		return ERR_PTR(-ENOMEM);
	vcpu->vm = vm;
	vcpu->id = id;
	mutex_init(&vcpu->mutex);
	rcuwait_init(&vcpu->wait);
	run_init(vcpu);
	r = backend->vcpu_create(vcpu);
	if (r) {
		kfree(vcpu);
		return ERR_PTR(r);
	}
	r = vcpu_init(vcpu);
	if (r) {
		vcpu_destroy(vcpu);
		return ERR_PTR(r);
	}
	return vcpu;
}

/* All that can fail comes first: user space and other vCPUs never see a vCPU that is not whole. */
static long vcpu_publish(struct vm *vm, struct vcpu *vcpu)
{
	struct file *file;
	char name[32];
	int fd, r;

	r = xa_reserve(&vm->vcpus, vm->nr_vcpus, GFP_KERNEL_ACCOUNT);
	if (r)
		return r;
	fd = get_unused_fd_flags(O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		r = fd;
		goto release;
	}
	snprintf(name, sizeof(name), "kvm-vcpu:%u", vcpu->id);
	file = anon_inode_getfile(name, &vcpu_fops, vcpu, O_RDWR);
	if (IS_ERR(file)) {
		r = PTR_ERR(file);
		goto put_fd;
	}
	vm_get(vm);
	vcpu->index = vm->nr_vcpus;
	xa_store(&vm->vcpus, vcpu->index, vcpu, GFP_KERNEL_ACCOUNT);
	WRITE_ONCE(vm->nr_vcpus, vm->nr_vcpus + 1);
	fd_install(fd, file);
	return fd;

put_fd:
	put_unused_fd(fd);
release:
	xa_release(&vm->vcpus, vm->nr_vcpus);
	return r;
}

static long vcpu_create_locked(struct vm *vm, u32 id)
{
	struct vcpu *vcpu;
	long r;

	if (vm->nr_vcpus >= MAX_VCPUS)
		return -EINVAL;
	/* With the first vCPU it is too late to ask for a limit. */
	vm->vcpu_ids = vm->vcpu_ids ?: MAX_VCPU_IDS;
	if (id >= vm->vcpu_ids)
		return -EINVAL;
	if (vm_vcpu_by_id(vm, id))
		return -EEXIST;
	vcpu = vcpu_alloc(vm, id);
	if (IS_ERR(vcpu))
		return PTR_ERR(vcpu);
	r = vcpu_publish(vm, vcpu);
	if (r < 0)
		vcpu_destroy(vcpu);
	return r;
}

/**
 * vcpu_create() - KVM_CREATE_VCPU
 * @vm: the VM
 * @arg: not used
 * @id: the new vCPU's id, below MAX_VCPU_IDS; its initial APIC id
 *
 * Return: a file descriptor, or -EINVAL, -EEXIST, -ENOMEM, -EMFILE.
 */
long vcpu_create(struct vm *vm, void *arg, unsigned long id)
{
	long r;

	if (id >= MAX_VCPU_IDS)
		return -EINVAL;
	mutex_lock(&vm->lock);
	r = vcpu_create_locked(vm, id);
	mutex_unlock(&vm->lock);
	return r;
}
