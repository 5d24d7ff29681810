// SPDX-License-Identifier: GPL-2.0-only
/*
 * kvmclock: each vCPU shares a page with the host, which tells it the time at some reading of its
 * TSC and how to go on from there; and the TSC itself, which all vCPUs shall have in step.
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
#include "pv.h"
#include "scale.h"

/* MSR_KVM_SYSTEM_TIME: the page is in use; the rest is its address. */
#define TIME_ENABLED BIT_ULL(0)

#define CLOCK_FLAGS  (KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC)

/* A guest's TSC may be this much off the frequency that user space asks for. */
#define TOLERANCE_PPM 250

/**
 * struct host_time - the host's clocks at one moment
 * @tsc: TSC
 * @ns: base clock: CLOCK_MONOTONIC_RAW, whose rate is the TSC's, plus the time spent asleep
 * @real: CLOCK_REALTIME, in ns
 * @exact: the host counts time in TSC ticks, and @tsc is the reading behind the others
 */
struct host_time {
	u64 tsc;
	u64 ns;
	u64 real;
	bool exact;
};

/*
 * The time-keeping core does not say which counter it reads on all kernels. A reading that lies
 * between two of the TSC is one of the TSC: no other counter has such values.
 */
static void host_now(struct host_time *now)
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
	if (master)
		pv->master_khz = vm_vcpu(vm, 0)->tsc_khz;
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
	u64 ns = now->ns;

	if (pv->master)
		ns = pv->master_ns + pv_scale_ticks(now->tsc - pv->master_tsc, pv->master_khz);
	return ns + pv->offset;
}

static void fill_info(struct vcpu *vcpu, struct pvclock_vcpu_time_info *info)
{
	struct pv_vm *pv = &vcpu->vm->pv;
	struct host_time now;

	mutex_lock(&pv->lock);
	host_now(&now);
	choose_master(vcpu->vm, &now);
	info->tsc_timestamp = (pv->master ? pv->master_tsc : now.tsc) + vcpu->tsc_offset;
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
	host_now(&now);
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

static int set_time(struct vcpu *vcpu, u64 val)
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

static int set_wall(struct vcpu *vcpu, u64 val)
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

int pv_get_msr(struct vcpu *vcpu, u32 index, u64 *val, bool host)
{
	switch (index) {
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_WALL_CLOCK_NEW:
		*val = READ_ONCE(vcpu->vm->pv.wall_msr);
		return 0;
	case MSR_KVM_SYSTEM_TIME:
	case MSR_KVM_SYSTEM_TIME_NEW:
		*val = vcpu->pv.time_msr;
		return 0;
	default:
		return -ENOENT;
	}
}

int pv_set_msr(struct vcpu *vcpu, u32 index, u64 val, bool host)
{
	switch (index) {
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_WALL_CLOCK_NEW:
		return set_wall(vcpu, val);
	case MSR_KVM_SYSTEM_TIME:
	case MSR_KVM_SYSTEM_TIME_NEW:
		return set_time(vcpu, val);
	default:
		return -ENOENT;
	}
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
	host_now(&now);
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
	host_now(&now);
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

u64 tsc_guest_now(struct vcpu *vcpu)
{
	return rdtsc() + READ_ONCE(vcpu->tsc_offset);
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

/*
 * User space sets TSCs one by one, at a new VM to 0 and at a restored one to what it has saved,
 * and cannot make them equal that way. So a value that is within a second of where the TSCs set
 * before are by now, or 0 (a vCPU that is plugged in), means: in step with them.
 */
static u64 offset_in_step(struct vcpu *vcpu, u64 value, const struct host_time *now)
{
	struct pv_vm *pv = &vcpu->vm->pv;
	u64 second = vcpu->tsc_khz * 1000ull;
	u64 expected =
		pv->tsc_value + mul_u64_u32_div(now->ns - pv->tsc_ns, vcpu->tsc_khz, USEC_PER_SEC);

	if (pv->tsc_khz == vcpu->tsc_khz && (!value || (value - expected + second) < 2 * second))
		return check_tsc_unstable() ? expected - now->tsc : pv->tsc_offset;
	pv->tsc_khz = vcpu->tsc_khz;
	pv->tsc_value = value;
	pv->tsc_ns = now->ns;
	pv->tsc_offset = value - now->tsc;
	return pv->tsc_offset;
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
	host_now(&now);
	if (host) {
		offset = offset_in_step(vcpu, value, &now);
	} else {
		offset = value - now.tsc;
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

long tsc_khz_get(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	return vcpu->tsc_khz;
}

long vm_tsc_khz_get(struct vm *vm, void *arg, unsigned long uarg)
{
	return vm->default_tsc_khz;
}

/* TSCs are not scaled: a guest's runs as fast as the host's. 0 means that too. */
static bool khz_ok(u32 khz)
{
	u64 tolerance = (u64)tsc_khz * TOLERANCE_PPM / USEC_PER_SEC;

	return khz >= tsc_khz - tolerance && khz <= tsc_khz + tolerance;
}

long tsc_khz_set(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	u32 khz = (u32)uarg ?: tsc_khz;

	if (!khz_ok(khz))
		return -EINVAL;
	mutex_lock(&vcpu->vm->pv.lock);
	WRITE_ONCE(vcpu->tsc_khz, khz);
	mutex_unlock(&vcpu->vm->pv.lock);
	vm_request_all(vcpu->vm, WORK_CLOCK, false);
	return 0;
}

long vm_tsc_khz_set(struct vm *vm, void *arg, unsigned long uarg)
{
	u32 khz = (u32)uarg ?: tsc_khz;

	if (!khz_ok(khz))
		return -EINVAL;
	WRITE_ONCE(vm->default_tsc_khz, khz);
	return 0;
}

int pv_vm_init(struct vm *vm)
{
	struct host_time now;

	mutex_init(&vm->pv.lock);
	host_now(&now);
	vm->pv.offset = -now.ns;
	return 0;
}

void pv_vm_destroy(struct vm *vm)
{
	mutex_destroy(&vm->pv.lock);
}

int pv_vcpu_init(struct vcpu *vcpu)
{
	vcpu->tsc_khz = READ_ONCE(vcpu->vm->default_tsc_khz);
	tsc_set(vcpu, 0, true);
	return 0;
}

void pv_vcpu_reset(struct vcpu *vcpu)
{
	memset(&vcpu->pv, 0, sizeof(vcpu->pv));
}

void pv_vcpu_migrated(struct vcpu *vcpu)
{
	if (!READ_ONCE(vcpu->vm->pv.master))
		vcpu_request(vcpu, WORK_CLOCK);
}
