// SPDX-License-Identifier: GPL-2.0-only
/*
 * SVM on the host's CPUs: discovery, switching it on and off, ASIDs, and whose state is loaded.
 */
#include <linux/io.h>
#include <linux/mem_encrypt.h>
#include <linux/module.h>
#include <asm/nospec-branch.h>
#include <asm/perf_event.h>
#include <asm/pkru.h>

#include "../compat.h"
#include "../mmu/pte.h"
#include "../msr_filter.h"
#include "../virt.h"
#include "svm.h"

DEFINE_PER_CPU(struct svm_cpu, svm_cpus);

/* VM_CR (APM 2, 15.30.1) */
#define VM_CR_SVMDIS BIT(4)

#define IOPM_ORDER   2
#define MSRPM_ORDER  1

static struct page *svm_iopm;
static struct page *svm_msrpm;
static struct page *svm_msrpm_none;
struct svm_features svm_features;

/* MSRs that the VMCB holds, so that the guest may use them without an exit. */
static const u32 svm_direct_msrs[] = {
	MSR_STAR,
	MSR_LSTAR,
	MSR_CSTAR,
	MSR_SYSCALL_MASK,
	MSR_FS_BASE,
	MSR_GS_BASE,
	MSR_KERNEL_GS_BASE,
	MSR_IA32_SYSENTER_CS,
	MSR_IA32_SYSENTER_ESP,
	MSR_IA32_SYSENTER_EIP,
};

static u64 svm_page_pa(struct page *page)
{
	return __sme_set(page_to_phys(page));
}

u64 svm_iopm_pa(void)
{
	return svm_page_pa(svm_iopm);
}

/* A filter that is about one of the direct MSRs takes them all. */
u64 svm_msrpm_pa(struct vm *vm)
{
	bool all = msr_filter_allows_all(vm, svm_direct_msrs, ARRAY_SIZE(svm_direct_msrs));

	return svm_page_pa(all ? svm_msrpm : svm_msrpm_none);
}

/* Clear an MSR's two intercept bits; the map has three ranges of 8192 MSRs (APM 2, 15.11). */
static void svm_msrpm_allow(u32 msr)
{
	static const u32 range[] = { 0, 0xc0000000, 0xc0010000 };
	unsigned long *map = page_address(svm_msrpm);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(range); i++) {
		if (msr - range[i] < 8192) {
			bitmap_clear(map, i * 16384 + (msr - range[i]) * 2, 2);
			return;
		}
	}
}

static int svm_alloc_maps(void)
{
	unsigned int i;

	svm_iopm = alloc_pages(GFP_KERNEL, IOPM_ORDER);
	svm_msrpm = alloc_pages(GFP_KERNEL, MSRPM_ORDER);
	svm_msrpm_none = alloc_pages(GFP_KERNEL, MSRPM_ORDER);
	if (!svm_iopm || !svm_msrpm || !svm_msrpm_none)
		return -ENOMEM;
	memset(page_address(svm_iopm), 0xff, PAGE_SIZE << IOPM_ORDER);
	memset(page_address(svm_msrpm), 0xff, PAGE_SIZE << MSRPM_ORDER);
	memset(page_address(svm_msrpm_none), 0xff, PAGE_SIZE << MSRPM_ORDER);
	for (i = 0; i < ARRAY_SIZE(svm_direct_msrs); i++)
		svm_msrpm_allow(svm_direct_msrs[i]);
	return 0;
}

static int svm_alloc_cpus(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct svm_cpu *sc = per_cpu_ptr(&svm_cpus, cpu);

		sc->host_save = alloc_page(GFP_KERNEL | __GFP_ZERO);
		sc->host_area = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!sc->host_save || !sc->host_area)
			return -ENOMEM;
		sc->host_area_pa = svm_page_pa(sc->host_area);
	}
	return 0;
}

void svm_remove(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct svm_cpu *sc = per_cpu_ptr(&svm_cpus, cpu);

		if (sc->host_save)
			__free_page(sc->host_save);
		if (sc->host_area)
			__free_page(sc->host_area);
	}
	if (svm_iopm)
		__free_pages(svm_iopm, IOPM_ORDER);
	if (svm_msrpm)
		__free_pages(svm_msrpm, MSRPM_ORDER);
	if (svm_msrpm_none)
		__free_pages(svm_msrpm_none, MSRPM_ORDER);
}

/* Firmware may switch SVM off; some kernels then hide it (APM 2, 15.4 and 15.30.1). */
static int svm_check_firmware(void)
{
	u64 vm_cr = 0;

	if (boot_cpu_data.x86_vendor != X86_VENDOR_AMD &&
	    boot_cpu_data.x86_vendor != X86_VENDOR_HYGON)
		return -ENODEV;
	if (!(cpuid_ecx(0x80000001) & BIT(X86_FEATURE_SVM & 31)))
		return -ENODEV;
	rdmsrl_safe(MSR_VM_CR, &vm_cr);
	if (boot_cpu_has(X86_FEATURE_SVM) && !(vm_cr & VM_CR_SVMDIS))
		return 0;
	pr_err("SVM is switched off by firmware (VM_CR is %#llx): enable it in the setup\n", vm_cr);
	return -EOPNOTSUPP;
}

static int svm_discover(void)
{
	int r = svm_check_firmware();

	if (r)
		return r;
	if (!boot_cpu_has(X86_FEATURE_NPT)) {
		pr_err("this CPU has SVM without nested paging, which Tenon needs\n");
		return -EOPNOTSUPP;
	}
	svm_features = (struct svm_features){
		.nrips = boot_cpu_has(X86_FEATURE_NRIPS),
		.decode_assists = boot_cpu_has(X86_FEATURE_DECODEASSISTS),
		.vmcb_clean = boot_cpu_has(X86_FEATURE_VMCBCLEAN),
		.virt_spec_ctrl = boot_cpu_has(X86_FEATURE_V_SPEC_CTRL),
		.spec_ctrl = boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL) &&
			     !boot_cpu_has(X86_FEATURE_V_SPEC_CTRL),
		.ssbd = boot_cpu_has(X86_FEATURE_LS_CFG_SSBD) ||
			boot_cpu_has(X86_FEATURE_VIRT_SSBD),
		.nr_asids = cpuid_ebx(0x8000000a),
	};
	if (svm_features.spec_ctrl || svm_features.virt_spec_ctrl || svm_features.ssbd)
		static_branch_enable(&svm_speculation);
	if (svm_features.nr_asids >= 2)
		return 0;
	pr_err("this CPU's SVM has no ASIDs for guests\n");
	return -EOPNOTSUPP;
}

/* It is found out at an exit only that such a guest uses PKRU. */
static void svm_load_guarded(struct vcpu *vcpu, int cpu)
{
	vcpu->host_pkru = read_pkru();
	svm_load(vcpu, cpu);
}

/**
 * svm_probe() - discover SVM (APM 2, 15.4) and allocate what all guests share
 *
 * Return: 0, -ENODEV or -EOPNOTSUPP where the machine has no usable SVM, or -ENOMEM.
 */
int svm_probe(void)
{
	int r = svm_discover();

	if (r)
		return r;
	r = svm_alloc_maps();
	if (!r)
		r = svm_alloc_cpus();
	if (r) {
		svm_remove();
		return r;
	}
	if (svm_xcr0_guard)
		svm_backend.load = svm_load_guarded;
	svm_backend.tdp_levels = pgtable_l5_enabled() ? 5 : 4;
	svm_backend.tdp_page_level = PTE_LEVEL_1G;
	svm_backend.tdp_exec_level = PTE_LEVEL_1G;
	if (boot_cpu_has(X86_FEATURE_TSCRATEMSR)) {
		/* The ratio is 8.32 bits wide (APM 2, 15.30.5). */
		svm_backend.tsc_fraction = 32;
		svm_backend.tsc_ratio_max = BIT_ULL(40) - 1;
	}
	pr_info("SVM: %u ASIDs, NPT with %d levels%s%s%s\n", svm_features.nr_asids,
		svm_backend.tdp_levels, svm_features.nrips ? ", next RIP" : "",
		svm_features.decode_assists ? ", decode assists" : "",
		svm_features.vmcb_clean ? ", clean bits" : "");
	return 0;
}

bool svm_foreign(void)
{
	u64 efer;

	rdmsrl(MSR_EFER, efer);
	return efer & EFER_SVME;
}

int svm_cpu_on(void)
{
	struct svm_cpu *sc = this_cpu_ptr(&svm_cpus);
	u64 efer;

	rdmsrl(MSR_EFER, efer);
	wrmsrl(MSR_EFER, efer | EFER_SVME);
	wrmsrl(MSR_VM_HSAVE_PA, svm_page_pa(sc->host_save));
	/* What others left in the TLB goes with the first ASID that is taken. */
	sc->asid_generation++;
	sc->next_asid = svm_features.nr_asids;
	sc->tsc_ratio = 0;
	amd_pmu_enable_virt();
	compat_bp_spec_reduce(true);
	return 0;
}

void svm_cpu_off(void)
{
	u64 efer;

	compat_bp_spec_reduce(false);
	amd_pmu_disable_virt();
	wrmsrl(MSR_VM_HSAVE_PA, 0);
	rdmsrl(MSR_EFER, efer);
	wrmsrl(MSR_EFER, efer & ~EFER_SVME);
}

/* An INIT waits while GIF is 0: it becomes 1, if this crash is between CLGI and STGI. */
void svm_cpu_emergency(void)
{
	u64 efer;

	asm volatile("1: stgi\n"
		     "2:\n" _ASM_EXTABLE(1b, 2b)
		     :
		     :
		     : "memory");
	wrmsrl(MSR_VM_HSAVE_PA, 0);
	rdmsrl(MSR_EFER, efer);
	wrmsrl(MSR_EFER, efer & ~EFER_SVME);
}

/**
 * svm_new_asid() - give the vCPU an ASID that nobody has used since the last flush
 * @svm: the vCPU about to enter
 * @sc: this CPU
 *
 * A new ASID has no translations, so this is also how a TLB is flushed. When all have been given
 * out, the hardware drops every guest translation and counting begins anew (APM 2, 15.16).
 */
void svm_new_asid(struct svm_vcpu *svm, struct svm_cpu *sc)
{
	struct vmcb_control_area *control = &svm->vmcb->control;

	if (sc->next_asid >= svm_features.nr_asids) {
		sc->asid_generation++;
		sc->next_asid = 1;
		control->tlb_ctl = TLB_CONTROL_FLUSH_ALL_ASID;
	}
	svm->asid_generation = sc->asid_generation;
	control->asid = sc->next_asid++;
	svm_dirty(svm, SVM_CLEAN_ASID);
}

/* The ratio is in force in guest mode only: it stays until another one is wanted. */
static void svm_load_tsc_ratio(const struct vcpu *vcpu)
{
	u64 ratio = vcpu->tsc_ratio ?: BIT_ULL(32);

	if (!svm_backend.tsc_fraction || this_cpu_read(svm_cpus.tsc_ratio) == ratio)
		return;
	this_cpu_write(svm_cpus.tsc_ratio, ratio);
	wrmsrl(MSR_AMD64_TSC_RATIO, ratio);
}

void svm_load(struct vcpu *vcpu, int cpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	if (vcpu->cpu != cpu) {
		svm->asid_generation = 0;
		svm->vmcb->control.clean = 0;
	}
	svm->host_saved = false;
	svm_load_tsc_ratio(vcpu);
}

/**
 * svm_save_host() - VMSAVE what VMLOAD brings back after each exit (APM 2, 15.5.2)
 * @svm: the vCPU about to enter
 * @sc: this CPU
 *
 * Once per stay on a CPU; each time where the process has an LDT, as another thread may replace it.
 *
 * Context: IRQs off, SVM on.
 */
void svm_save_host(struct svm_vcpu *svm, struct svm_cpu *sc)
{
	svm->host_saved = true;
	asm volatile("vmsave %0" : : "a"(sc->host_area_pa) : "memory");
}
