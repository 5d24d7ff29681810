// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's TSC: the host's, scaled where the processor can do that, plus an offset. All vCPUs of
 * a VM shall have it in step.
 */
#include <linux/kernel.h>
#include <linux/kvm.h>
#include <linux/math64.h>
#include <linux/uaccess.h>

#include <asm/tsc.h>

#include "../backend.h"
#include "../vcpu.h"
#include "../vm.h"
#include "clock.h"
#include "pv.h"

/* A guest's TSC may be this much off the frequency that user space asks for. */
#define TOLERANCE_PPM 250

/* Highest frequency that guests may have, in kHz; 0 where TSCs are not scaled. */
static u32 max_khz(void)
{
	if (!backend->tsc_fraction)
		return 0;
	return min_t(u64, mul_u64_u64_shr(backend->tsc_ratio_max, tsc_khz, backend->tsc_fraction),
		     S32_MAX);
}

int tsc_can_scale(void)
{
	return backend->tsc_fraction ? 1 : 0;
}

static void set_offset(struct vcpu *vcpu, u64 offset)
{
	if (vcpu->tsc_offset == offset)
		return;
	WRITE_ONCE(vcpu->tsc_offset, offset);
	backend->update_tsc(vcpu);
	if (vcpu->apic)
		vcpu_request(vcpu, WORK_TIMER);
	/* The new vCPU itself is not known to the VM yet. */
	vcpu_request(vcpu, WORK_CLOCK);
	vm_request_all(vcpu->vm, WORK_CLOCK, false);
}

static void remember(struct vcpu *vcpu, u64 value, u64 offset, const struct host_time *now)
{
	struct pv_vm *pv = &vcpu->vm->pv;

	pv->tsc_khz = vcpu->tsc_khz;
	pv->tsc_value = value;
	pv->tsc_ns = now->ns;
	pv->tsc_offset = offset;
	pv->tsc_sleep = virt_sleep;
}

/* As vcpu_slept() does for each vCPU; time that was slept need not have been counted by TSCs. */
static void all_slept(struct vcpu *vcpu, const struct host_time *now)
{
	struct pv_vm *pv = &vcpu->vm->pv;
	u64 lost = virt_sleep.tsc_lost - pv->tsc_sleep.tsc_lost;
	u64 offset = pv->tsc_offset + tsc_scale(vcpu->tsc_ratio, lost);

	remember(vcpu, tsc_scale(vcpu->tsc_ratio, now->tsc) + offset, offset, now);
}

/*
 * User space sets TSCs one by one, at a new VM to 0 and at a restored one to what it has saved,
 * and cannot make them equal that way. So a value that is within a second of where the TSCs set
 * before are by now, or 0 (a vCPU that is plugged in), means: in step with them.
 */
static u64 offset_in_step(struct vcpu *vcpu, u64 value, const struct host_time *now)
{
	struct pv_vm *pv = &vcpu->vm->pv;
	u64 host = tsc_scale(vcpu->tsc_ratio, now->tsc);
	u64 second = vcpu->tsc_khz * 1000ull;
	u64 elapsed, expected, offset;

	if (pv->tsc_khz == vcpu->tsc_khz && pv->tsc_sleep.times != virt_sleep.times)
		all_slept(vcpu, now);
	elapsed = mul_u64_u32_div(now->ns - pv->tsc_ns, vcpu->tsc_khz, USEC_PER_SEC);
	expected = pv->tsc_value + elapsed;
	offset = pv->tsc_offset;
	if (pv->tsc_khz != vcpu->tsc_khz || (value && value - expected + second >= 2 * second)) {
		remember(vcpu, value, value - host, now);
		return value - host;
	}
	if (check_tsc_unstable())
		offset = expected - host;
	/* The next one may be as late again. */
	if (value)
		remember(vcpu, value, offset, now);
	return offset;
}

/**
 * tsc_set() - write IA32_TIME_STAMP_COUNTER
 * @vcpu: the vCPU
 * @value: new value of its TSC
 * @host: by KVM_SET_MSRS or vCPU creation, not by the guest's WRMSR, which moves IA32_TSC_ADJUST
 *
 * Context: owner of the vCPU; may sleep.
 */
void tsc_set(struct vcpu *vcpu, u64 value, bool host)
{
	struct pv_vm *pv = &vcpu->vm->pv;
	struct host_time now;
	u64 offset;

	mutex_lock(&pv->lock);
	pv_host_now(&now);
	if (host) {
		offset = offset_in_step(vcpu, value, &now);
	} else {
		offset = value - tsc_scale(vcpu->tsc_ratio, now.tsc);
		vcpu->msrs.tsc_adjust += offset - vcpu->tsc_offset;
	}
	set_offset(vcpu, offset);
	mutex_unlock(&pv->lock);
}

/**
 * tsc_adjust_set() - write IA32_TSC_ADJUST
 * @vcpu: the vCPU
 * @value: new value
 * @host: by KVM_SET_MSRS, which leaves the TSC alone
 *
 * Context: owner of the vCPU; may sleep.
 */
void tsc_adjust_set(struct vcpu *vcpu, u64 value, bool host)
{
	struct pv_vm *pv = &vcpu->vm->pv;

	mutex_lock(&pv->lock);
	if (!host)
		set_offset(vcpu, vcpu->tsc_offset + value - vcpu->msrs.tsc_adjust);
	vcpu->msrs.tsc_adjust = value;
	mutex_unlock(&pv->lock);
}

/* KVM_VCPU_TSC_OFFSET is the only attribute of a vCPU. */
static bool attr_known(const struct kvm_device_attr *attr)
{
	return attr->group == KVM_VCPU_TSC_CTRL && attr->attr == KVM_VCPU_TSC_OFFSET;
}

/* KVM_HAS_DEVICE_ATTR, KVM_GET_DEVICE_ATTR and KVM_SET_DEVICE_ATTR on a vCPU: -ENXIO, -EFAULT. */
long vcpu_attr_has(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	return attr_known(arg) ? 0 : -ENXIO;
}

long vcpu_attr_get(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	const struct kvm_device_attr *attr = arg;

	if (!attr_known(attr))
		return -ENXIO;
	return put_user(vcpu->tsc_offset, (u64 __user *)attr->addr) ? -EFAULT : 0;
}

long vcpu_attr_set(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	const struct kvm_device_attr *attr = arg;
	struct pv_vm *pv = &vcpu->vm->pv;
	struct host_time now;
	u64 offset;

	if (!attr_known(attr))
		return -ENXIO;
	if (get_user(offset, (u64 __user *)attr->addr))
		return -EFAULT;
	mutex_lock(&pv->lock);
	pv_host_now(&now);
	remember(vcpu, tsc_scale(vcpu->tsc_ratio, now.tsc) + offset, offset, &now);
	set_offset(vcpu, offset);
	mutex_unlock(&pv->lock);
	return 0;
}

long tsc_khz_get(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	return vcpu->tsc_khz;
}

long vm_tsc_khz_get(struct vm *vm, void *arg, unsigned long uarg)
{
	return vm->default_tsc_khz;
}

/* So near the host's frequency that nobody would notice. */
static bool khz_is_hosts(u32 khz)
{
	u64 tolerance = (u64)tsc_khz * TOLERANCE_PPM / USEC_PER_SEC;

	return khz >= tsc_khz - tolerance && khz <= tsc_khz + tolerance;
}

/* 0, a ratio that scales to @khz in *@ratio (0: the host's frequency), or -EINVAL. */
static int khz_ratio(u32 khz, u64 *ratio)
{
	*ratio = 0;
	if (khz_is_hosts(khz))
		return 0;
	if (khz >= max_khz())
		return -EINVAL;
	*ratio = mul_u64_u32_div(BIT_ULL(backend->tsc_fraction), khz, tsc_khz);
	return *ratio ? 0 : -EINVAL;
}

/* KVM_SET_TSC_KHZ; 0 is the host's frequency. -EINVAL: out of range, or not to be had here. */
long tsc_khz_set(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	u32 khz = (u32)uarg ?: tsc_khz;
	u64 ratio;

	if (khz_ratio(khz, &ratio))
		return -EINVAL;
	mutex_lock(&vcpu->vm->pv.lock);
	WRITE_ONCE(vcpu->tsc_khz, khz);
	WRITE_ONCE(vcpu->tsc_ratio, ratio);
	backend->update_tsc(vcpu);
	mutex_unlock(&vcpu->vm->pv.lock);
	if (vcpu->apic)
		vcpu_request(vcpu, WORK_TIMER);
	vcpu_request(vcpu, WORK_CLOCK);
	vm_request_all(vcpu->vm, WORK_CLOCK, false);
	return 0;
}

/* The same for the vCPUs to come. */
long vm_tsc_khz_set(struct vm *vm, void *arg, unsigned long uarg)
{
	u32 khz = (u32)uarg ?: tsc_khz;
	u64 ratio;

	if (khz_ratio(khz, &ratio))
		return -EINVAL;
	WRITE_ONCE(vm->default_tsc_khz, khz);
	return 0;
}
