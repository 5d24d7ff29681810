// SPDX-License-Identifier: GPL-2.0-only
/*
 * A virtual machine: its life, its file descriptor, its ioctls.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "cap.h"
#include "ioctl.h"
#include "irq/irqchip.h"
#include "msr_filter.h"
#include "vcpu.h"
#include "virt.h"
#include "vm.h"

void vm_get(struct vm *vm)
{
	refcount_inc(&vm->refs);
}

static void vm_free(struct vm *vm)
{
	struct vcpu *vcpu;
	unsigned long i;

	irqfd_destroy(vm);
	mmu_destroy(vm);
	xa_for_each(&vm->vcpus, i, vcpu)
		vcpu_destroy(vcpu);
	xa_destroy(&vm->vcpus);
	irqchip_destroy(vm);
	vm_io_destroy(vm);
	pv_vm_destroy(vm);
	msr_filter_destroy(vm);
	memslots_destroy(vm);
	mmdrop(vm->mm);
	kfree(vm);
	virt_put();
}

/**
 * vm_put() - let go of a VM; the last one frees it and all that it owns
 * @vm: the VM
 *
 * Context: may sleep.
 */
void vm_put(struct vm *vm)
{
	if (refcount_dec_and_test(&vm->refs))
		vm_free(vm);
}

struct vcpu *vm_vcpu(struct vm *vm, unsigned int index)
{
	return xa_load(&vm->vcpus, index);
}

struct vcpu *vm_vcpu_by_id(struct vm *vm, u32 id)
{
	struct vcpu *vcpu = vm_vcpu(vm, id);
	unsigned long i;

	if (vcpu && vcpu->id == id)
		return vcpu;
	vm_for_each_vcpu(vm, i, vcpu)
		if (vcpu->id == id)
			return vcpu;
	return NULL;
}

static void vm_kick_ack(void *unused)
{
}

/**
 * vm_request_all() - set a bit of work on every vCPU
 * @vm: the VM
 * @work: enum work
 * @wait: return only when no vCPU can still run guest code without having seen it
 *
 * Context: any with IRQs on where @wait.
 */
void vm_request_all(struct vm *vm, unsigned long work, bool wait)
{
	struct vcpu *vcpu;
	cpumask_var_t mask;
	unsigned long i;
	int me;

	if (work == WORK_TLB_FLUSH)
		atomic64_inc(&vm->stats.remote_tlb_flush_requests);
	if (!zalloc_cpumask_var(&mask, GFP_ATOMIC)) {
		vm_for_each_vcpu(vm, i, vcpu)
			vcpu_request(vcpu, work);
		on_each_cpu(vm_kick_ack, NULL, wait);
		return;
	}
	me = get_cpu();
	vm_for_each_vcpu(vm, i, vcpu) {
		int cpu;

		vcpu_request(vcpu, work);
		/* One that has not seen it is in the guest, on the CPU that it has told before. */
		smp_mb__after_atomic();
		if (cmpxchg(&vcpu->mode, VCPU_IN_GUEST, VCPU_EXITING) == VCPU_OUTSIDE)
			continue;
		cpu = READ_ONCE(vcpu->cpu);
		if (cpu >= 0 && cpu != me)
			cpumask_set_cpu(cpu, mask);
	}
	if (work == WORK_TLB_FLUSH && !cpumask_empty(mask))
		atomic64_inc(&vm->stats.remote_tlb_flush);
	smp_call_function_many(mask, vm_kick_ack, NULL, wait);
	put_cpu();
	free_cpumask_var(mask);
}

static long vm_set_tss_addr(struct vm *vm, void *arg, unsigned long addr)
{
	if (addr > BIT_ULL(32) - 3 * PAGE_SIZE)
		return -EINVAL;
	mutex_lock(&vm->lock);
	vm->tss_addr = addr;
	mutex_unlock(&vm->lock);
	return 0;
}

static long vm_set_identity_map_addr(struct vm *vm, void *arg, unsigned long uarg)
{
	u64 addr = *(u64 *)arg;
	long r = 0;

	mutex_lock(&vm->lock);
	if (vm->nr_vcpus)
		r = -EINVAL;
	else
		vm->identity_map_addr = addr ?: 0xfffbc000;
	mutex_unlock(&vm->lock);
	return r;
}

/* Too late with the first vCPU, as its local APIC has been told. */
static long vm_set_boot_cpu_id(struct vm *vm, void *arg, unsigned long id)
{
	long r = 0;

	mutex_lock(&vm->lock);
	if (vm->nr_vcpus)
		r = -EBUSY;
	else
		vm->bsp_id = id;
	mutex_unlock(&vm->lock);
	return r;
}

/**
 * vm_limit_vcpu_ids() - user space tells how high the ids of its vCPUs will be
 * @vm: the VM
 * @cap: args[0]: ids are below this
 *
 * Return: 0, or -EINVAL: higher than can be, or another limit than was set before
 */
long vm_limit_vcpu_ids(struct vm *vm, const struct kvm_enable_cap *cap)
{
	u64 limit = cap->args[0];
	long r = 0;

	if (limit > MAX_VCPU_IDS)
		return -EINVAL;
	mutex_lock(&vm->lock);
	if (vm->vcpu_ids && vm->vcpu_ids != limit)
		r = -EINVAL;
	else
		vm->vcpu_ids = limit;
	mutex_unlock(&vm->lock);
	return r;
}

static const struct ioctl vm_ioctls[] = {
	VM_IOCTL(KVM_IRQ_LINE, irq_line),
	VM_IOCTL(KVM_IRQ_LINE_STATUS, irq_line_status),
	VM_IOCTL(KVM_SIGNAL_MSI, signal_msi),
	VM_IOCTL(KVM_CHECK_EXTENSION, vm_cap_check_ioctl),
	VM_IOCTL(KVM_CREATE_VCPU, vcpu_create),
	VM_IOCTL(KVM_SET_USER_MEMORY_REGION, memslot_set_region),
	VM_IOCTL(KVM_GET_DIRTY_LOG, dirty_log_get),
	/* Numbered as if user space read. */
	VM_IOCTL_IN(KVM_CLEAR_DIRTY_LOG, dirty_log_clear),
	VM_IOCTL(KVM_SET_TSS_ADDR, vm_set_tss_addr),
	VM_IOCTL(KVM_SET_IDENTITY_MAP_ADDR, vm_set_identity_map_addr),
	VM_IOCTL(KVM_SET_BOOT_CPU_ID, vm_set_boot_cpu_id),
	VM_IOCTL(KVM_CREATE_IRQCHIP, irqchip_create),
	VM_IOCTL(KVM_GET_IRQCHIP, irqchip_get),
	/* Numbered as if user space read. */
	VM_IOCTL_IN(KVM_SET_IRQCHIP, irqchip_set),
	VM_IOCTL(KVM_CREATE_PIT, pit_create),
	VM_IOCTL(KVM_CREATE_PIT2, pit_create2),
	VM_IOCTL(KVM_GET_PIT, pit_get_ioctl),
	VM_IOCTL_IN(KVM_SET_PIT, pit_set_ioctl),
	VM_IOCTL(KVM_GET_PIT2, pit_get2_ioctl),
	VM_IOCTL(KVM_SET_PIT2, pit_set2_ioctl),
	VM_IOCTL(KVM_REINJECT_CONTROL, reinject_control),
	VM_IOCTL(KVM_SET_GSI_ROUTING, routing_set),
	VM_IOCTL(KVM_IRQFD, irqfd_ioctl),
	VM_IOCTL(KVM_IOEVENTFD, ioeventfd_ioctl),
	VM_IOCTL(KVM_REGISTER_COALESCED_MMIO, coalesced_register),
	VM_IOCTL(KVM_UNREGISTER_COALESCED_MMIO, coalesced_unregister),
	VM_IOCTL(KVM_GET_CLOCK, clock_get),
	VM_IOCTL(KVM_SET_CLOCK, clock_set),
	VM_IOCTL(KVM_GET_TSC_KHZ, vm_tsc_khz_get),
	VM_IOCTL(KVM_SET_TSC_KHZ, vm_tsc_khz_set),
	VM_IOCTL(KVM_ENABLE_CAP, vm_enable_cap),
	VM_IOCTL(KVM_GET_STATS_FD, vm_stats_fd),
	VM_IOCTL(KVM_X86_SET_MSR_FILTER, msr_filter_set),
	{},
};

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long uarg)
{
	struct vm *vm = file->private_data;

	if (vm->mm != current->mm)
		return -EIO;
	return ioctl_dispatch(vm_ioctls, IOCTL_VM, (union ioctl_object){ .vm = vm }, cmd, uarg);
}

static int vm_release(struct inode *inode, struct file *file)
{
	struct vm *vm = file->private_data;

	irqfd_destroy(vm);
	vm_put(vm);
	return 0;
}

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vm_ioctl,
	.compat_ioctl = vm_ioctl,
	.release = vm_release,
	.llseek = noop_llseek,
};

static struct vm *vm_alloc(void)
{
	struct vm *vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	int r;

	if (!vm)
		return ERR_PTR(-ENOMEM);
	refcount_set(&vm->refs, 1);
	mutex_init(&vm->lock);
	mutex_init(&vm->irq_lock);
	xa_init(&vm->vcpus);
	vm->identity_map_addr = 0xfffbc000;
	vm->default_tsc_khz = tsc_khz;
	vm->halt_poll_ns = -1;
	vm->mm = current->mm;
	mmgrab(vm->mm);

	r = memslots_init(vm);
	if (r)
		goto free_vm;
	r = vm_io_init(vm);
	if (r)
		goto free_slots;
	r = pv_vm_init(vm);
	if (r)
		goto free_io;
	r = mmu_init(vm);
	if (r)
		goto free_pv;
	return vm;

free_pv:
	pv_vm_destroy(vm);
free_io:
	vm_io_destroy(vm);
free_slots:
	memslots_destroy(vm);
free_vm:
	mmdrop(vm->mm);
	kfree(vm);
	return ERR_PTR(r);
}

/**
 * vm_create() - KVM_CREATE_VM
 * @type: machine type; 0 is the only one
 *
 * Return: a file descriptor, or -EINVAL, -EBUSY (another hypervisor has the processor), -ENOMEM,
 * -EMFILE.
 */
long vm_create(unsigned long type)
{
	struct vm *vm;
	long r;

	if (type)
		return -EINVAL;
	r = virt_get();
	if (r)
		return r;
	vm = vm_alloc();
	if (IS_ERR(vm)) {
		virt_put();
		return PTR_ERR(vm);
	}
	r = anon_inode_getfd("kvm-vm", &vm_fops, vm, O_RDWR | O_CLOEXEC);
	if (r < 0)
		vm_put(vm);
	return r;
}
