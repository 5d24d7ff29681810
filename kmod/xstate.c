// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's FPU and extended state: its ioctls, and what must be switched around an entry.
 *
 * The FPU registers are switched once per KVM_RUN (and by the scheduler); XCR0, IA32_XSS and PKRU
 * around each stay in the guest, and only where guest and host differ.
 */
#include <asm/fpu/api.h>
#include <asm/fpu/xcr.h>
#include <asm/fpu/xstate.h>
#include <asm/pkru.h>
#include <linux/kvm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "cpuid.h"
#include "cr.h"
#include "vcpu.h"
#include "xstate.h"

/* Components that need nothing but XCR0 to be used by a guest. */
#define XSTATE_GUEST \
	(XFEATURE_MASK_FPSSE | XFEATURE_MASK_YMM | XFEATURE_MASK_AVX512 | XFEATURE_MASK_PKRU)

#define XSTATE_HEADER_END (512 + 64)
#define XSTATE_COMPONENTS 63

/* Where a state component lies in the XSAVE area (SDM 1, 13.4). */
struct component {
	u32 size;
	u32 offset;
	bool aligned;
};

static struct component components[XSTATE_COMPONENTS] __ro_after_init;
static bool host_xsave __ro_after_init;
static bool host_xsaves __ro_after_init;
static u64 host_xcr0 __ro_after_init;
static u64 host_xss __ro_after_init;
static u64 guest_xcr0 __ro_after_init;

void __init xstate_module_init(void)
{
	u32 eax, ebx, ecx, edx;
	int i;

	host_xsave = boot_cpu_has(X86_FEATURE_XSAVE);
	if (!host_xsave)
		return;
	host_xsaves = boot_cpu_has(X86_FEATURE_XSAVES);
	host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	if (host_xsaves)
		rdmsrl(MSR_IA32_XSS, host_xss);
	for (i = 2; i < XSTATE_COMPONENTS; i++) {
		if (!(host_xcr0 & BIT_ULL(i)))
			continue;
		cpuid_count(0xd, i, &eax, &ebx, &ecx, &edx);
		components[i] =
			(struct component){ .size = eax, .offset = ebx, .aligned = ecx & BIT(1) };
	}
	guest_xcr0 = host_xcr0 & XSTATE_GUEST;
	if (!boot_cpu_has(X86_FEATURE_OSPKE))
		guest_xcr0 &= ~XFEATURE_MASK_PKRU;
}

u64 xstate_supported(void)
{
	return guest_xcr0;
}

u32 xstate_size(u64 xcr0, bool compacted)
{
	u32 end, size = XSTATE_HEADER_END;
	int i;

	for (i = 2; i < XSTATE_COMPONENTS; i++) {
		if (!(xcr0 & BIT_ULL(i)))
			continue;
		if (compacted && components[i].aligned)
			size = ALIGN(size, 64);
		end = (compacted ? size : components[i].offset) + components[i].size;
		size = max(size, end);
	}
	return size;
}

int xstate_init(struct vcpu *vcpu)
{
	if (!fpu_alloc_guest_fpstate(&vcpu->fpu))
		return -ENOMEM;
	vcpu->xcr0 = XFEATURE_MASK_FP;
	return 0;
}

void xstate_destroy(struct vcpu *vcpu)
{
	if (vcpu->fpu.fpstate)
		fpu_free_guest_fpstate(&vcpu->fpu);
}

/* The legacy region (SDM 1, figure 10-2) after FNINIT, as KVM's vCPUs begin. */
static void reset_legacy(struct fxregs_state *fx)
{
	memset(fx, 0, sizeof(*fx));
	fx->cwd = 0x37f;
	fx->mxcsr = 0x1f80;
}

void xstate_reset(struct vcpu *vcpu, bool init)
{
	bool loaded = vcpu->fpu_loaded;

	if (init)
		return;
	if (loaded)
		xstate_put(vcpu);
	reset_legacy(&vcpu->fpu.fpstate->regs.fxsave);
	if (host_xsave) {
		struct xregs_state *xsave = &vcpu->fpu.fpstate->regs.xsave;

		/* All other components are in their initial state. */
		xsave->header.xfeatures = XFEATURE_MASK_FPSSE;
	}
	vcpu->xcr0 = XFEATURE_MASK_FP;
	vcpu->xss = 0;
	vcpu->pkru = 0;
	if (loaded)
		xstate_load(vcpu);
}

static bool guest_uses_pkru(const struct vcpu *vcpu)
{
	return cpu_feature_enabled(X86_FEATURE_OSPKE) &&
	       (vcpu->cr4 & X86_CR4_PKE || vcpu->xcr0 & XFEATURE_MASK_PKRU);
}

void xstate_switch_to_guest(struct vcpu *vcpu)
{
	if (vcpu->cr4 & X86_CR4_OSXSAVE) {
		if (vcpu->xcr0 != host_xcr0)
			xsetbv(XCR_XFEATURE_ENABLED_MASK, vcpu->xcr0);
		if (host_xsaves && vcpu->xss != host_xss)
			wrmsrl(MSR_IA32_XSS, vcpu->xss);
	}
	if (guest_uses_pkru(vcpu)) {
		vcpu->host_pkru = rdpkru();
		if (vcpu->pkru != vcpu->host_pkru)
			wrpkru(vcpu->pkru);
	}
}

void xstate_switch_to_host(struct vcpu *vcpu)
{
	if (guest_uses_pkru(vcpu)) {
		vcpu->pkru = rdpkru();
		if (vcpu->pkru != vcpu->host_pkru)
			wrpkru(vcpu->host_pkru);
	}
	if (vcpu->cr4 & X86_CR4_OSXSAVE) {
		if (vcpu->xcr0 != host_xcr0)
			xsetbv(XCR_XFEATURE_ENABLED_MASK, host_xcr0);
		if (host_xsaves && vcpu->xss != host_xss)
			wrmsrl(MSR_IA32_XSS, host_xss);
	}
}

/* KVM_GET_FPU: the x87 and SSE state. */
long fpu_get(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	const struct fxregs_state *fx = &vcpu->fpu.fpstate->regs.fxsave;
	struct kvm_fpu *fpu = arg;

	memcpy(fpu->fpr, fx->st_space, sizeof(fpu->fpr));
	fpu->fcw = fx->cwd;
	fpu->fsw = fx->swd;
	fpu->ftwx = fx->twd;
	fpu->last_opcode = fx->fop;
	fpu->last_ip = fx->rip;
	fpu->last_dp = fx->rdp;
	memcpy(fpu->xmm, fx->xmm_space, sizeof(fx->xmm_space));
	fpu->mxcsr = fx->mxcsr;
	return 0;
}

/* KVM_SET_FPU: bits of MXCSR that the processor reserves are refused with -EINVAL. */
long fpu_set(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	struct fxregs_state *fx = &vcpu->fpu.fpstate->regs.fxsave;
	const struct kvm_fpu *fpu = arg;

	if (fpu->mxcsr & ~mxcsr_feature_mask)
		return -EINVAL;
	memcpy(fx->st_space, fpu->fpr, sizeof(fpu->fpr));
	fx->cwd = fpu->fcw;
	fx->swd = fpu->fsw;
	fx->twd = fpu->ftwx;
	fx->fop = fpu->last_opcode;
	fx->rip = fpu->last_ip;
	fx->rdp = fpu->last_dp;
	memcpy(fx->xmm_space, fpu->xmm, sizeof(fx->xmm_space));
	fx->mxcsr = fpu->mxcsr;
	if (host_xsave)
		vcpu->fpu.fpstate->regs.xsave.header.xfeatures |= XFEATURE_MASK_FPSSE;
	return 0;
}

/*
 * KVM_GET_XSAVE: the whole extended state in the processor's standard form. The components that
 * guests may have end well below the 4 KiB of struct kvm_xsave.
 */
long xsave_get(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	fpu_copy_guest_fpstate_to_uabi(&vcpu->fpu, arg, sizeof(struct kvm_xsave),
				       vcpu->supported_xcr0 | XFEATURE_MASK_FPSSE, vcpu->pkru);
	return 0;
}

/* KVM_SET_XSAVE: -EINVAL for components, header or MXCSR bits that this host does not have. */
long xsave_set(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	return fpu_copy_uabi_to_guest_fpstate(&vcpu->fpu, arg, guest_xcr0, &vcpu->pkru);
}

/* KVM_GET_XCRS */
long xcrs_get(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	struct kvm_xcrs *xcrs = arg;

	if (!host_xsave)
		return 0;
	xcrs->nr_xcrs = 1;
	xcrs->xcrs[0].xcr = XCR_XFEATURE_ENABLED_MASK;
	xcrs->xcrs[0].value = vcpu->xcr0;
	return 0;
}

/* KVM_SET_XCRS: -EINVAL for a value that XSETBV would refuse; registers but XCR0 are ignored. */
long xcrs_set(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	const struct kvm_xcrs *xcrs = arg;
	u32 i;

	if (!host_xsave || xcrs->nr_xcrs > KVM_MAX_XCRS || xcrs->flags)
		return -EINVAL;
	for (i = 0; i < xcrs->nr_xcrs; i++) {
		if (xcrs->xcrs[i].xcr != XCR_XFEATURE_ENABLED_MASK)
			continue;
		return xcr0_set(vcpu, 0, xcrs->xcrs[i].value) ? 0 : -EINVAL;
	}
	return 0;
}
