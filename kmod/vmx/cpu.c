// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMX on the host's CPUs: switching it on and off, which VMCS is where, VPIDs, flushes.
 */
#include <linux/bitmap.h>
#include <linux/io.h>
#include <linux/smp.h>
#include <asm/nospec-branch.h>
#include <asm/perf_event.h>
#include <asm/tlbflush.h>

#include "../compat.h"
#include "../irq/irqchip.h"
#include "../msr_filter.h"
#include "vmx.h"

DEFINE_PER_CPU(struct vmx_cpu, vmx_cpus);

/* VPID 0 is the host's. */
#define NR_VPIDS 65536

/* SDM 3, table 11-6. */
#define X2APIC_MSR_TPR 0x808

static DECLARE_BITMAP(vpids, NR_VPIDS);
static DEFINE_SPINLOCK(vpids_lock);

/* Indexed by whether the direct MSRs are among what the guest may use, and whether the TPR is. */
static struct page *msr_bitmaps[2][2];

/* MSRs that the VMCS holds, or that are switched: the guest may use them without an exit. */
static const u32 direct_msrs[] = {
	MSR_FS_BASE,	      MSR_GS_BASE,	     MSR_KERNEL_GS_BASE,
	MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
};

/**
 * vmx_msr_bitmap_pa() - the MSRs that a vCPU may use without an exit
 * @vm: the VM; a filter that is about one of the direct MSRs takes them all. No filter is about the
 *	x2APIC's
 * @tpr: in x2APIC mode: the processor virtualizes the TPR
 *
 * Return: the bitmap's host-physical address.
 */
u64 vmx_msr_bitmap_pa(struct vm *vm, bool tpr)
{
	static const u32 tsc = MSR_IA32_TSC;
	bool all = msr_filter_allows_all(vm, direct_msrs, ARRAY_SIZE(direct_msrs)) &&
		   msr_filter_allows_all(vm, &tsc, 1);

	return page_to_phys(msr_bitmaps[all][tpr]);
}

/* Four maps of 1 KiB: reads below 2000h, reads of C0000000h and up, then writes (SDM 3, 25.6.9). */
static void msr_allow(unsigned long *map, u32 msr, bool write)
{
	unsigned int base = (msr >= 0xc0000000 ? 8192 : 0) + (write ? 16384 : 0);

	__clear_bit(base + (msr & 8191), map);
}

static struct page *new_msr_bitmap(bool direct, bool tpr)
{
	struct page *page = alloc_page(GFP_KERNEL);
	unsigned long *map;
	unsigned int i;

	if (!page)
		return NULL;
	map = page_address(page);
	memset(map, 0xff, PAGE_SIZE);
	for (i = 0; direct && i < ARRAY_SIZE(direct_msrs); i++) {
		msr_allow(map, direct_msrs[i], false);
		msr_allow(map, direct_msrs[i], true);
	}
	/* With the offset that RDTSC has, too. */
	if (direct)
		msr_allow(map, MSR_IA32_TSC, false);
	if (tpr) {
		msr_allow(map, X2APIC_MSR_TPR, false);
		msr_allow(map, X2APIC_MSR_TPR, true);
	}
	return page;
}

static int alloc_msr_bitmaps(void)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		msr_bitmaps[i / 2][i % 2] = new_msr_bitmap(i / 2, i % 2);
		if (!msr_bitmaps[i / 2][i % 2])
			return -ENOMEM;
	}
	return 0;
}

static void free_msr_bitmaps(void)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		if (msr_bitmaps[i / 2][i % 2])
			__free_page(msr_bitmaps[i / 2][i % 2]);
}

static int alloc_cpus(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct vmx_cpu *vc = per_cpu_ptr(&vmx_cpus, cpu);

		INIT_LIST_HEAD(&vc->loaded);
		vc->region = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!vc->region)
			return -ENOMEM;
		*(u32 *)page_address(vc->region) = vmx_caps.revision;
	}
	return 0;
}

void vmx_remove(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct vmx_cpu *vc = per_cpu_ptr(&vmx_cpus, cpu);

		if (vc->region)
			__free_page(vc->region);
	}
	free_msr_bitmaps();
	vmx_host_exit();
}

/**
 * vmx_probe() - discover VMX and allocate what all guests share
 *
 * Return: 0, -ENODEV or -EOPNOTSUPP where the machine has no usable VMX, or -ENOMEM.
 */
int vmx_probe(void)
{
	int r = vmx_discover();

	if (r)
		return r;
	vmx_timer_probe();
	r = alloc_msr_bitmaps();
	if (!r)
		r = alloc_cpus();
	if (!r)
		r = vmx_host_init();
	if (r)
		vmx_remove();
	return r;
}

void vmx_write_failed(u64 field, u64 value)
{
	pr_err_ratelimited("VMWRITE of %#llx to field %#llx failed (error %llu)\n", value, field,
			   vmx_read(VM_INSTRUCTION_ERROR));
}

bool vmx_foreign(void)
{
	return __read_cr4() & X86_CR4_VMXE;
}

static bool enter_vmx(u64 pa)
{
	bool failed = true;

	asm volatile("1: vmxon %[pa]\n"
		     "setna %[failed]\n"
		     "2:\n" _ASM_EXTABLE(1b, 2b)
		     : [failed] "+q"(failed)
		     : [pa] "m"(pa)
		     : "cc", "memory");
	return !failed;
}

static void leave_vmx(void)
{
	asm volatile("1: vmxoff\n"
		     "2:\n" VMX_FIXUP("")
		     :
		     :
		     : "cc", "memory");
}

int vmx_cpu_on(void)
{
	struct vmx_cpu *vc = this_cpu_ptr(&vmx_cpus);

	/* Each CPU has its own IA32_FEATURE_CONTROL (SDM 3, 24.7), which the kernel has read. */
	if (!this_cpu_has(X86_FEATURE_VMX))
		return -EIO;
	cr4_set_bits_irqsoff(X86_CR4_VMXE);
	intel_pt_handle_vmx(1);
	if (!enter_vmx(page_to_phys(vc->region))) {
		intel_pt_handle_vmx(0);
		cr4_clear_bits_irqsoff(X86_CR4_VMXE);
		return -EIO;
	}
	vc->current_vmcs = NULL;
	vc->gdt.size = GDT_SIZE - 1;
	vc->gdt.address = (unsigned long)get_cpu_gdt_ro(smp_processor_id());
	/* What was cached the last time that VMX was on. */
	vmx_invept(VMX_ALL, 0);
	if (vmx_caps.vpid)
		vmx_invvpid(VMX_ALL, 0);
	return 0;
}

/* The VMCS leaves this CPU: all of it is in memory. IRQs off. */
static void vmx_clear(struct vmx_vcpu *vmx)
{
	vmx_vmclear(vmx->vmcs_pa);
	list_del(&vmx->loaded);
	vmx->cpu = -1;
	vmx->launched = false;
	if (__this_cpu_read(vmx_cpus.current_vmcs) == vmx)
		__this_cpu_write(vmx_cpus.current_vmcs, NULL);
}

void vmx_cpu_off(void)
{
	struct vmx_cpu *vc = this_cpu_ptr(&vmx_cpus);
	struct vmx_vcpu *vmx, *next;

	list_for_each_entry_safe(vmx, next, &vc->loaded, loaded)
		vmx_clear(vmx);
	leave_vmx();
	intel_pt_handle_vmx(0);
	cr4_clear_bits_irqsoff(X86_CR4_VMXE);
}

/* The list can be walked from its head wherever an NMI has cut in. */
void vmx_cpu_emergency(void)
{
	struct vmx_vcpu *vmx;

	list_for_each_entry(vmx, this_cpu_ptr(&vmx_cpus.loaded), loaded)
		vmx_vmclear(vmx->vmcs_pa);
	leave_vmx();
	cr4_clear_bits(X86_CR4_VMXE);
}

static void clear_here(void *vmx)
{
	/* The CPU may have gone down and cleared it by itself. */
	if (((struct vmx_vcpu *)vmx)->cpu == smp_processor_id())
		vmx_clear(vmx);
}

/**
 * vmx_forget() - take the VMCS off whichever CPU it is on
 * @vmx: the vCPU, whose owner calls this
 *
 * Context: IRQs on, unless it is on none.
 */
void vmx_forget(struct vmx_vcpu *vmx)
{
	int cpu = READ_ONCE(vmx->cpu);

	if (cpu >= 0)
		smp_call_function_single(cpu, clear_here, vmx, true);
}

/* Guest-physical and combined mappings of the vCPU's EPT, and all that bear its VPID. */
static void flush_here(struct vmx_vcpu *vmx)
{
	if (!vmx_caps.invept_single || !vmx_invept(VMX_SINGLE, vmx->eptp))
		vmx_invept(VMX_ALL, 0);
	if (vmx->vpid)
		vmx_invvpid(VMX_SINGLE, vmx->vpid);
}

/*
 * The VMCS moves to this CPU, on which translations may be left from a time before changes that
 * this vCPU has been told of elsewhere.
 */
static void vmx_arrive(struct vmx_vcpu *vmx, struct vmx_cpu *vc, int cpu)
{
	list_add(&vmx->loaded, &vc->loaded);
	vmx->cpu = cpu;
	/* A new VMCS has to be cleared once, too. */
	vmx_vmclear(vmx->vmcs_pa);
	vmx_vmptrld(vmx->vmcs_pa);
	vc->current_vmcs = vmx;
	vmx_write_host_of_cpu(cpu);
	flush_here(vmx);
}

/**
 * vmx_try_current() - make the vCPU's VMCS current on this CPU
 * @vmx: the vCPU, whose owner calls this
 *
 * Context: preemption off; IRQs on if the VMCS may be on another CPU.
 * Return: false if VMX is off here, as it is on a CPU that goes down.
 */
bool vmx_try_current(struct vmx_vcpu *vmx)
{
	struct vmx_cpu *vc = this_cpu_ptr(&vmx_cpus);
	int cpu = smp_processor_id();
	unsigned long flags;
	bool on;

	if (vmx->cpu != cpu)
		vmx_forget(vmx);
	local_irq_save(flags);
	on = __this_cpu_read(virt_on);
	if (on && vmx->cpu != cpu) {
		vmx_arrive(vmx, vc, cpu);
	} else if (on && vc->current_vmcs != vmx) {
		vmx_vmptrld(vmx->vmcs_pa);
		vc->current_vmcs = vmx;
	}
	local_irq_restore(flags);
	return on;
}

/**
 * vmx_make_current() - make the vCPU's VMCS current, on this CPU or another
 * @vmx: the vCPU, whose owner calls this
 *
 * Who finds himself on a CPU that goes down sleeps and wakes up elsewhere.
 *
 * Context: preemption off, and on in between; IRQs on if the VMCS may be on another CPU.
 */
void vmx_make_current(struct vmx_vcpu *vmx)
{
	while (!vmx_try_current(vmx) && !virt_going_down) {
		preempt_enable();
		schedule_timeout_uninterruptible(1);
		preempt_disable();
	}
}

void vmx_flush_tlb(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx_begin(vmx);
	flush_here(vmx);
	vmx_end();
}

/* A VPID of its own; 0 where there are none (any more): then each entry flushes. */
u16 vmx_vpid_get(void)
{
	unsigned long vpid;

	if (!vmx_caps.vpid)
		return 0;
	spin_lock(&vpids_lock);
	vpid = find_next_zero_bit(vpids, NR_VPIDS, 1);
	if (vpid < NR_VPIDS)
		__set_bit(vpid, vpids);
	else
		vpid = 0;
	spin_unlock(&vpids_lock);
	return vpid;
}

void vmx_vpid_put(u16 vpid)
{
	spin_lock(&vpids_lock);
	__clear_bit(vpid, vpids);
	spin_unlock(&vpids_lock);
}
