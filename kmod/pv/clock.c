// SPDX-License-Identifier: GPL-2.0-only
/*
 * kvmclock: each vCPU shares a page with the host, which tells it the time at some reading of its
 * TSC and how to go on from there.
 */
#include <linux/kernel.h>
#include <linux/kvm.h>
#include <linux/kvm_para.h>
#include <linux/timekeeping.h>

#include <asm/pvclock-abi.h>
#include <asm/tsc.h>

#include "../backend.h"
#include "../vcpu.h"
#include "../vm.h"
#include "clock.h"
#include "pv.h"
#include "scale.h"

/* MSR_KVM_SYSTEM_TIME: the page is in use; the rest is its address. */
#define TIME_ENABLED BIT_ULL(0)

#define CLOCK_FLAGS  (KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC)

/*
 * The time-keeping core does not say which counter it reads on all kernels. A reading that lies
 * between two of the TSC is one of the TSC: no other counter has such values.
 */
void pv_host_now(struct host_time *now)
{
	struct system_time_snapshot snapshot;
	unsigned long flags;
	u64 before, after;

	local_irq_save(flags);
	before = rdtsc_ordered();
	ktime_get_snapshot(&snapshot);
	after = rdtsc_ordered();
	local_irq_restore(flags);
	now->exact = !check_tsc_unstable() && snapshot.cycles >= before && snapshot.cycles <= after;
	now->tsc = now->exact ? snapshot.cycles : before;
	now->ns = ktime_to_ns(snapshot.raw) + ktime_to_ns(ktime_mono_to_any(0, TK_OFFS_BOOT));
	now->real = ktime_to_ns(snapshot.real);
}

/* All vCPUs' TSCs are in step. */
static bool tsc_matched(struct vm *vm)
{
	struct vcpu *first = vm_vcpu(vm, 0);
	struct vcpu *vcpu;
	unsigned long i;

	if (!first)
		return false;
	vm_for_each_vcpu(vm, i, vcpu) {
		if (READ_ONCE(vcpu->tsc_offset) != READ_ONCE(first->tsc_offset) ||
		    READ_ONCE(vcpu->tsc_khz) != READ_ONCE(first->tsc_khz))
			return false;
	}
	return true;
}

/*
 * Decide whether one pair serves all vCPUs. A pair that holds is kept: a new one would be a tiny
 * step of time, which vCPUs would make one after the other.
 */
static void choose_master(struct vm *vm, const struct host_time *now)
{
	struct pv_vm *pv = &vm->pv;
	bool master = now->exact && tsc_matched(vm);

	lockdep_assert_held(&pv->lock);
	if (master) {
		pv->master_khz = vm_vcpu(vm, 0)->tsc_khz;
		pv->master_ratio = vm_vcpu(vm, 0)->tsc_ratio;
	}
	if (master == pv->master && pv->sleeps == virt_sleep.times)
		return;
	pv->sleeps = virt_sleep.times;
	WRITE_ONCE(pv->master, master);
	pv->master_tsc = now->tsc;
	pv->master_ns = now->ns;
	vm_request_all(vm, WORK_CLOCK, false);
}

static u64 clock_now(const struct pv_vm *pv, const struct host_time *now)
{
	u64 ticks, ns = now->ns;

	if (pv->master) {
		ticks = tsc_scale(pv->master_ratio, now->tsc - pv->master_tsc);
		ns = pv->master_ns + pv_scale_ticks(ticks, pv->master_khz);
	}
	return ns + pv->offset;
}

static void fill_info(struct vcpu *vcpu, struct pvclock_vcpu_time_info *info)
{
	struct pv_vm *pv = &vcpu->vm->pv;
	struct host_time now;

	mutex_lock(&pv->lock);
	pv_host_now(&now);
	choose_master(vcpu->vm, &now);
	info->tsc_timestamp = tsc_guest(vcpu, pv->master ? pv->master_tsc : now.tsc);
	info->system_time = (pv->master ? pv->master_ns : now.ns) + pv->offset;
	info->flags = pv->master ? PVCLOCK_TSC_STABLE_BIT : 0;
	pv_scale(vcpu->tsc_khz, &info->tsc_to_system_mul, &info->tsc_shift);
	mutex_unlock(&pv->lock);
}

/* The guest takes what is below an even version, the same before and after it looked. */
static int write_info(struct vm *vm, struct guest_map *map, struct pvclock_vcpu_time_info *info)
{
	const u32 body = offsetofend(struct pvclock_vcpu_time_info, version);
	int ret;

	ret = guest_map_write(vm, map, 0, &info->version, sizeof(info->version));
	if (ret)
		return ret;
	/* Odd version, body, even version: pairs with the guest's read barriers. */
	smp_wmb();
	ret = guest_map_write(vm, map, body, (void *)info + body, sizeof(*info) - body);
	if (ret)
		return ret;
	/* See above. */
	smp_wmb();
	info->version++;
	return guest_map_write(vm, map, 0, &info->version, sizeof(info->version));
}

/**
 * pv_clock_update() - WORK_CLOCK: rewrite the vCPU's clock page
 * @vcpu: the vCPU; a page that is no RAM, or not any more, is not written
 *
 * Context: owner of the vCPU; may sleep.
 */
void pv_clock_update(struct vcpu *vcpu)
{
	struct pvclock_vcpu_time_info old, info = {};
	struct guest_map *map = &vcpu->pv.time;
	struct vm *vm = vcpu->vm;
	u64 gpa = vcpu->pv.time_msr & ~TIME_ENABLED;

	if (!(vcpu->pv.time_msr & TIME_ENABLED))
		return;
	if (!map->len && guest_map_init(vm, map, gpa, sizeof(info)))
		return;
	if (guest_map_read(vm, map, 0, &old, sizeof(old)))
		return;
	fill_info(vcpu, &info);
	/* The guest clears the flag when it has seen it. */
	info.flags |= old.flags & PVCLOCK_GUEST_STOPPED;
	if (vcpu->pv.paused)
		info.flags |= PVCLOCK_GUEST_STOPPED;
	info.version = old.version | 1;
	if (!write_info(vm, map, &info))
		vcpu->pv.paused = false;
}

/* Where there is no RAM the clock is not written, as on a machine without this service. */
static void write_wall_clock(struct vm *vm, u64 gpa)
{
	struct pvclock_wall_clock wall;
	struct host_time now;
	u32 remainder;
	u64 boot;

	if (guest_read(vm, gpa, &wall.version, sizeof(wall.version)))
		return;
	mutex_lock(&vm->pv.lock);
	pv_host_now(&now);
	boot = now.real - clock_now(&vm->pv, &now);
	mutex_unlock(&vm->pv.lock);
	wall.version |= 1;
	wall.sec = div_u64_rem(boot, NSEC_PER_SEC, &remainder);
	wall.nsec = remainder;
	guest_write(vm, gpa, &wall.version, sizeof(wall.version));
	/* As in write_info(). */
	smp_wmb();
	guest_write(vm, gpa + sizeof(wall.version), &wall.sec, sizeof(wall) - sizeof(wall.version));
	/* As in write_info(). */
	smp_wmb();
	wall.version++;
	guest_write(vm, gpa, &wall.version, sizeof(wall.version));
}

/* A structure of @len bytes at @gpa is aligned to 4 bytes and does not cross a page. */
static bool address_ok(u64 gpa, size_t len)
{
	return !(gpa & 3) && offset_in_page(gpa) + len <= PAGE_SIZE;
}

int clock_set_time(struct vcpu *vcpu, u64 val)
{
	struct pv_vcpu *pv = &vcpu->pv;

	if ((val & TIME_ENABLED) &&
	    !address_ok(val & ~TIME_ENABLED, sizeof(struct pvclock_vcpu_time_info)))
		return 1;
	pv->time_msr = val;
	pv->time.len = 0;
	vcpu_request(vcpu, WORK_CLOCK);
	return 0;
}

int clock_set_wall(struct vcpu *vcpu, u64 val)
{
	if (!address_ok(val, sizeof(struct pvclock_wall_clock)))
		return 1;
	mutex_lock(&vcpu->vm->pv.lock);
	vcpu->vm->pv.wall_msr = val;
	mutex_unlock(&vcpu->vm->pv.lock);
	if (val)
		write_wall_clock(vcpu->vm, val);
	return 0;
}

/**
 * clock_get() - VM ioctl KVM_GET_CLOCK
 * @vm: the VM
 * @arg: struct kvm_clock_data
 * @uarg: unused
 *
 * Return: 0.
 */
long clock_get(struct vm *vm, void *arg, unsigned long uarg)
{
	struct kvm_clock_data *data = arg;
	struct pv_vm *pv = &vm->pv;
	struct host_time now;

	memset(data, 0, sizeof(*data));
	mutex_lock(&pv->lock);
	pv_host_now(&now);
	choose_master(vm, &now);
	data->clock = clock_now(pv, &now);
	if (pv->master) {
		data->flags = CLOCK_FLAGS;
		data->host_tsc = now.tsc;
		data->realtime = now.real;
	}
	mutex_unlock(&pv->lock);
	return 0;
}

/**
 * clock_set() - VM ioctl KVM_SET_CLOCK
 * @vm: the VM
 * @arg: struct kvm_clock_data; with KVM_CLOCK_REALTIME the time since its @realtime is added
 * @uarg: unused
 *
 * Return: 0, or -EINVAL for unknown flags.
 */
long clock_set(struct vm *vm, void *arg, unsigned long uarg)
{
	const struct kvm_clock_data *data = arg;
	struct pv_vm *pv = &vm->pv;
	struct host_time now;
	u64 clock = data->clock;

	if (data->flags & ~CLOCK_FLAGS)
		return -EINVAL;
	mutex_lock(&pv->lock);
	pv_host_now(&now);
	if ((data->flags & KVM_CLOCK_REALTIME) && now.real > data->realtime)
		clock += now.real - data->realtime;
	/* The pair begins anew, at this moment. */
	WRITE_ONCE(pv->master, false);
	choose_master(vm, &now);
	pv->offset = clock - now.ns;
	mutex_unlock(&pv->lock);
	vm_request_all(vm, WORK_CLOCK, false);
	return 0;
}

/* KVM_KVMCLOCK_CTRL: the guest was stopped, its watchdogs shall not bark. -EINVAL: no clock. */
long clock_ctrl(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	if (!(vcpu->pv.time_msr & TIME_ENABLED))
		return -EINVAL;
	vcpu->pv.paused = true;
	vcpu_request(vcpu, WORK_CLOCK);
	return 0;
}

/**
 * clock_pairing() - KVM_HC_CLOCK_PAIRING: the host's time of day and the guest's TSC at one moment
 * @vcpu: the vCPU
 * @gpa: takes struct kvm_clock_pairing
 * @type: KVM_CLOCK_PAIRING_WALLCLOCK
 *
 * Context: owner; may sleep.
 * Return: 0, -KVM_EOPNOTSUPP (another type, or the host does not count TSC ticks), -KVM_EFAULT.
 */
long clock_pairing(struct vcpu *vcpu, u64 gpa, u64 type)
{
	struct kvm_clock_pairing pairing = {};
	struct host_time now;
	u32 remainder;

	if (type != KVM_CLOCK_PAIRING_WALLCLOCK)
		return -KVM_EOPNOTSUPP;
	pv_host_now(&now);
	if (!now.exact)
		return -KVM_EOPNOTSUPP;
	pairing.sec = div_u64_rem(now.real, NSEC_PER_SEC, &remainder);
	pairing.nsec = remainder;
	pairing.tsc = tsc_guest(vcpu, now.tsc);
	return guest_write(vcpu->vm, gpa, &pairing, sizeof(pairing)) ? -KVM_EFAULT : 0;
}

void pv_clock_init(struct vm *vm)
{
	struct host_time now;

	pv_host_now(&now);
	vm->pv.offset = -now.ns;
}

void pv_vcpu_migrated(struct vcpu *vcpu)
{
	if (!READ_ONCE(vcpu->vm->pv.master))
		vcpu_request(vcpu, WORK_CLOCK);
}
