// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's state around a guest's: what an exit restores by itself, what load and put switch, and
 * what must be looked at before the inner loop.
 */
#include <linux/mm.h>
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/cpu_entry_area.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/fsgsbase.h>
#include <asm/mmu_context.h>
#include <asm/perf_event.h>
#include <asm/segment.h>
#include <asm/tlbflush.h>

#include "../compat.h"
#include "../hostmsr.h"
#include "vmx.h"

/* In struct vmx_vcpu's @syscall. */
enum {
	SYSCALL_STAR,
	SYSCALL_LSTAR,
	SYSCALL_CSTAR,
	SYSCALL_SFMASK
};

static noinline u64 read_msr(u32 index)
{
	u64 value;

	rdmsrl(index, value);
	return value;
}

/* Host state that never changes (SDM 3, 25.5). The VMCS is current. */
void vmx_write_host_constants(void)
{
	struct desc_ptr idt;

	vmx_write(HOST_CS_SELECTOR, __KERNEL_CS);
	vmx_write(HOST_SS_SELECTOR, __KERNEL_DS);
	vmx_write(HOST_DS_SELECTOR, 0);
	vmx_write(HOST_ES_SELECTOR, 0);
	vmx_write(HOST_FS_SELECTOR, 0);
	vmx_write(HOST_GS_SELECTOR, 0);
	vmx_write(HOST_TR_SELECTOR, GDT_ENTRY_TSS * 8);
	store_idt(&idt);
	vmx_write(HOST_IDTR_BASE, idt.address);
	vmx_write(HOST_CR0, read_cr0() & ~X86_CR0_TS);
	vmx_write(HOST_IA32_EFER, read_msr(MSR_EFER));
	vmx_write(HOST_IA32_PAT, read_msr(MSR_IA32_CR_PAT));
	vmx_write(HOST_IA32_SYSENTER_CS, read_msr(MSR_IA32_SYSENTER_CS));
	vmx_write(HOST_IA32_SYSENTER_EIP, read_msr(MSR_IA32_SYSENTER_EIP));
	vmx_write(HOST_RIP, (unsigned long)vmx_exit_here);
}

/* Host state of the CPU to which the VMCS comes. It is current. */
void vmx_write_host_of_cpu(int cpu)
{
	vmx_write(HOST_TR_BASE, (unsigned long)&get_cpu_entry_area(cpu)->tss.x86_tss);
	vmx_write(HOST_GDTR_BASE, (unsigned long)get_cpu_gdt_ro(cpu));
	vmx_write(HOST_GS_BASE, read_msr(MSR_GS_BASE));
	vmx_write(HOST_IA32_SYSENTER_ESP, read_msr(MSR_IA32_SYSENTER_ESP));
}

static noinline u64 exchange_kernel_gs_msr(u64 new)
{
	u64 old = read_msr(MSR_KERNEL_GS_BASE);

	if (old != new)
		wrmsrl(MSR_KERNEL_GS_BASE, new);
	return old;
}

/* Replace the GS base that is not in use, which is user space's or the guest's. IRQs off. */
static __always_inline u64 exchange_kernel_gs(u64 new)
{
	u64 old;

	if (!cpu_feature_enabled(X86_FEATURE_FSGSBASE))
		return exchange_kernel_gs_msr(new);
	asm volatile("swapgs\n"
		     "rdgsbase %[old]\n"
		     "wrgsbase %[new]\n"
		     "swapgs\n"
		     : [old] "=&r"(old)
		     : [new] "r"(new)
		     : "memory");
	return old;
}

static __always_inline u64 user_fs_base(void)
{
	if (cpu_feature_enabled(X86_FEATURE_FSGSBASE))
		return rdfsbase();
	return read_msr(MSR_FS_BASE);
}

u64 vmx_get_kernel_gs(struct vmx_vcpu *vmx)
{
	unsigned long flags;
	u64 value;

	local_irq_save(flags);
	value = vmx->host.away ? read_msr(MSR_KERNEL_GS_BASE) : vmx->kernel_gs;
	local_irq_restore(flags);
	return value;
}

void vmx_set_kernel_gs(struct vmx_vcpu *vmx, u64 value)
{
	unsigned long flags;

	local_irq_save(flags);
	if (vmx->host.away)
		wrmsrl(MSR_KERNEL_GS_BASE, value);
	else
		vmx->kernel_gs = value;
	local_irq_restore(flags);
}

/* The MSRs of SYSCALL. IRQs off, the guest's state is in the processor. */
static __always_inline void set_syscall_msrs(const struct vmx_vcpu *vmx)
{
	host_msr_set(HOST_MSR_STAR, vmx->syscall[SYSCALL_STAR]);
	host_msr_set(HOST_MSR_LSTAR, vmx->syscall[SYSCALL_LSTAR]);
	host_msr_set(HOST_MSR_SFMASK, vmx->syscall[SYSCALL_SFMASK]);
}

/* They have changed, or the guest has switched SYSCALL on. */
void vmx_load_syscall_msrs(struct vmx_vcpu *vmx)
{
	unsigned long flags;

	if (!(vmx->vcpu.efer & EFER_SCE))
		return;
	local_irq_save(flags);
	if (vmx->host.away)
		set_syscall_msrs(vmx);
	local_irq_restore(flags);
}

/* The kernel's store_ldt() knows only memory. */
static __always_inline u16 read_ldtr(void)
{
	u32 ldt;

	asm volatile("sldt %0" : "=r"(ldt));
	return ldt;
}

static void save_host_segments(struct vmx_vcpu *vmx, bool current_here)
{
	u64 fs_base = user_fs_base();
	u16 ldt = read_ldtr();
	u32 ds, es, fs, gs;

	savesegment(ds, ds);
	savesegment(es, es);
	savesegment(fs, fs);
	savesegment(gs, gs);
	/* Selectors other than 0 are those of 32-bit programs, some of which are in the LDT. */
	if (unlikely(ds | es | fs | gs | ldt) && current_here) {
		vmx->host.ds = ds;
		vmx->host.es = es;
		vmx->host.fs = fs;
		vmx->host.gs = gs;
		vmx->host.ldt = ldt;
		vmx->host.selectors = true;
	}
	if (fs_base != vmx->host.fs_base && current_here) {
		vmx->host.fs_base = fs_base;
		vmx_write(HOST_FS_BASE, fs_base);
	}
}

/**
 * vmx_load() - the vCPU's thread runs, in KVM_RUN, on this CPU
 * @vcpu: the vCPU
 * @cpu: this CPU
 *
 * Context: preemption off, IRQs on.
 */
void vmx_load(struct vcpu *vcpu, int cpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	bool current_here = __this_cpu_read(vmx_cpus.current_vmcs) == vmx;

	/* On a CPU that goes down a thread comes by on its way to another. */
	if (!current_here)
		current_here = vmx_try_current(vmx);
	save_host_segments(vmx, current_here);
	local_irq_disable();
	vmx->host.kernel_gs = exchange_kernel_gs(vmx->kernel_gs);
	vmx->host.away = true;
	if (vcpu->efer & EFER_SCE)
		set_syscall_msrs(vmx);
	local_irq_enable();
}

static void set_user_fs_base(u64 base)
{
	if (cpu_feature_enabled(X86_FEATURE_FSGSBASE))
		wrfsbase(base);
	else
		wrmsrl(MSR_FS_BASE, base);
}

/* To load FS or GS brings the descriptor's base, but WRFSBASE and WRGSBASE may have set another. */
static noinline void restore_host_selectors(struct vmx_vcpu *vmx)
{
	vmx->host.selectors = false;
	asm volatile("lldt %w0" : : "r"(vmx->host.ldt));
	loadsegment(ds, vmx->host.ds);
	loadsegment(es, vmx->host.es);
	if (vmx->host.fs) {
		loadsegment(fs, vmx->host.fs);
		set_user_fs_base(vmx->host.fs_base);
	}
	if (vmx->host.gs) {
		load_gs_index(vmx->host.gs);
		exchange_kernel_gs(vmx->host.kernel_gs);
	}
}

/* The thread's map of I/O ports lies beyond the limit that an exit leaves: reload TR at once. */
static noinline void reload_tr(void)
{
	invalidate_tss_limit();
}

/**
 * vmx_put() - user space's or another thread's state is in force again
 * @vcpu: the vCPU
 *
 * An exit leaves limits of 64 KiB in GDTR and IDTR, a short one in TR, and no LDT (SDM 3, 28.5.2):
 * the GDT's must not reach beyond its end when user space runs.
 *
 * Context: IRQs off.
 */
void vmx_put(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx->kernel_gs = exchange_kernel_gs(vmx->host.kernel_gs);
	vmx->host.away = false;
	if (unlikely(vmx->host.selectors))
		restore_host_selectors(vmx);
	if (unlikely(test_thread_flag(TIF_IO_BITMAP)))
		reload_tr();
	else
		this_cpu_write(__tss_limit_invalid, true);
	native_load_gdt(this_cpu_ptr(&vmx_cpus.gdt));
}

/* The host's counters must not count the guest, nor the guest's the host. */
static void switch_perf_global(struct vmx_vcpu *vmx, u64 host, u64 guest)
{
	bool on = host != guest;

	if (on) {
		vmx_write(HOST_IA32_PERF_GLOBAL_CTRL, host);
		vmx_write(GUEST_IA32_PERF_GLOBAL_CTRL, guest);
	}
	if (on == vmx->host.perf_switched)
		return;
	vmx->host.perf_switched = on;
	vmx_write(VM_EXIT_CONTROLS,
		  vmx_caps.on[VMX_EXIT] | (on ? VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL : 0));
	vmx_write_entry_controls(vmx);
}

/* What has no control of its own is in lists that entry and exit load (SDM 3, 27.4 and 28.6). */
static unsigned int list_perf_msr(struct vmx_vcpu *vmx, unsigned int nr,
				  const struct perf_guest_switch_msr *msr)
{
	if (nr == VMX_PERF_MSRS || msr->host == msr->guest)
		return nr;
	vmx->perf.guest[nr] = (struct vmx_msr_entry){ .index = msr->msr, .value = msr->guest };
	vmx->perf.host[nr] = (struct vmx_msr_entry){ .index = msr->msr, .value = msr->host };
	return nr + 1;
}

static void isolate_perf(struct vmx_vcpu *vmx)
{
	struct perf_guest_switch_msr *msrs;
	unsigned int listed = 0;
	int i, nr = 0;

	msrs = perf_guest_get_msrs(&nr, NULL);
	for (i = 0; i < nr; i++) {
		if (msrs[i].msr == MSR_CORE_PERF_GLOBAL_CTRL && vmx_caps.perf_control)
			switch_perf_global(vmx, msrs[i].host, msrs[i].guest);
		else
			listed = list_perf_msr(vmx, listed, &msrs[i]);
	}
	if (likely(listed == vmx->perf.listed))
		return;
	vmx->perf.listed = listed;
	vmx_write(VM_ENTRY_MSR_LOAD_COUNT, listed);
	vmx_write(VM_EXIT_MSR_LOAD_COUNT, listed);
}

DEFINE_STATIC_KEY_FALSE(vmx_flush_l1d_always);
/* Some of prepare_host() is wanted. */
static DEFINE_STATIC_KEY_FALSE(prepares_host);

/* What is read to fill the cache where no instruction empties it; twice as much as it holds. */
#define L1D_ORDER 4
#define L1D_LINE  64

static unsigned long l1d_filler;

/**
 * vmx_host_init() - find out what this host wants done before its guests run
 *
 * With L1TF, memory that empties the L1 data cache where no instruction does.
 *
 * Return: 0 or -ENOMEM.
 */
int vmx_host_init(void)
{
	if (vmx_caps.perf)
		static_branch_enable(&prepares_host);
	if (!vmx_caps.flush_l1d)
		return 0;
	if (!boot_cpu_has(X86_FEATURE_FLUSH_L1D)) {
		/* Not zero pages, which the host might share. */
		l1d_filler = __get_free_pages(GFP_KERNEL, L1D_ORDER);
		if (!l1d_filler)
			return -ENOMEM;
		memset((void *)l1d_filler, 1, PAGE_SIZE << L1D_ORDER);
	}
	if (l1tf_mitigation >= L1TF_MITIGATION_FULL) {
		static_branch_enable(&vmx_flush_l1d_always);
		/* Once is enough. */
		vmx_caps.flush_l1d = false;
	} else {
		static_branch_enable(&prepares_host);
	}
	return 0;
}

void vmx_host_exit(void)
{
	if (l1d_filler)
		free_pages(l1d_filler, L1D_ORDER);
}

/* First the translations: walks for them shall not come between the lines. */
static void fill_l1d(void)
{
	unsigned int i;

	for (i = 0; i < PAGE_SIZE << L1D_ORDER; i += PAGE_SIZE)
		READ_ONCE(*(u8 *)(l1d_filler + i));
	/* All translations are there before the first line is read. */
	mb();
	for (i = 0; i < PAGE_SIZE << L1D_ORDER; i += L1D_LINE)
		READ_ONCE(*(u8 *)(l1d_filler + i));
	barrier_nospec();
}

/**
 * vmx_flush_l1d() - nothing of the host's stays in the L1 data cache
 *
 * Context: IRQs off, the guest is about to be entered.
 */
noinline void vmx_flush_l1d(void)
{
	if (boot_cpu_has(X86_FEATURE_FLUSH_L1D))
		native_wrmsrl(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
	else
		fill_l1d();
}

static noinline void prepare_host(struct vmx_vcpu *vmx)
{
	if (vmx_caps.perf)
		isolate_perf(vmx);
	if (vmx_caps.flush_l1d)
		vmx_flush_l1d();
}

/**
 * vmx_before_run() - what may have changed while the vCPU was outside of the inner loop
 * @vcpu: the vCPU
 *
 * Context: IRQs off; nothing but the inner loop comes before the next call.
 */
void vmx_before_run(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u64 cr4 = cr4_read_shadow();
	/* The kernel's own way puts the same together, in a function of twenty instructions. */
	u64 cr3 = __native_read_cr3();

	if (unlikely(cr3 != vmx->host.cr3)) {
		vmx->host.cr3 = cr3;
		vmx_write(HOST_CR3, cr3);
	}
	if (unlikely(cr4 != vmx->host.cr4)) {
		vmx->host.cr4 = cr4;
		vmx_write(HOST_CR4, cr4);
	}
	if (static_branch_unlikely(&prepares_host))
		prepare_host(vmx);
	vmx->host_debugctl = __rdmsr(MSR_IA32_DEBUGCTLMSR);
}
