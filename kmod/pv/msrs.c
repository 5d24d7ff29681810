// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MSRs of the paravirtual services, and which of these a guest may use.
 */
#include <linux/kernel.h>
#include <linux/kvm.h>
#include <linux/kvm_para.h>
#include <linux/nospec.h>

#include "../backend.h"
#include "../trace.h"
#include "../vcpu.h"
#include "../vm.h"
#include "clock.h"
#include "pv.h"

/* User space may put our leaves behind others: every 100h leaves there can be a signature. */
#define LEAVES_FIRST 0x40000000
#define LEAVES_LAST  0x40010000
#define LEAVES_STEP  0x100

static u32 shown_features(struct vcpu *vcpu)
{
	u32 leaf;

	for (leaf = LEAVES_FIRST; leaf < LEAVES_LAST; leaf += LEAVES_STEP) {
		const struct kvm_cpuid_entry2 *entry = cpuid_find(vcpu, leaf, 0);

		if (!entry || memcmp(&entry->ebx, "KVMKVMKVM\0\0\0", 12))
			continue;
		entry = cpuid_find(vcpu, leaf + 1, 0);
		return entry ? entry->eax : 0;
	}
	return 0;
}

void pv_cpuid_changed(struct vcpu *vcpu)
{
	vcpu->pv.features = shown_features(vcpu);
}

/**
 * pv_has() - the guest may use a service
 * @vcpu: the vCPU
 * @feature: KVM_FEATURE_*
 *
 * Without KVM_CAP_ENFORCE_PV_FEATURE_CPUID it may use all, whatever CPUID shows.
 */
bool pv_has(struct vcpu *vcpu, unsigned int feature)
{
	return !vcpu->pv.enforce_cpuid || vcpu->pv.features & BIT(feature);
}

static u64 get_wall(struct vcpu *vcpu)
{
	return READ_ONCE(vcpu->vm->pv.wall_msr);
}

static int set_poll_control(struct vcpu *vcpu, u64 val)
{
	if (val & ~1ull)
		return 1;
	vcpu->pv.poll_control = val;
	return 0;
}

static int set_migration_control(struct vcpu *vcpu, u64 val)
{
	if (val & ~(u64)KVM_MIGRATION_READY)
		return 1;
	vcpu->pv.migration_control = val;
	return 0;
}

/**
 * struct pv_msr - an MSR of ours
 * @feature: KVM_FEATURE_* without which it does not exist
 * @stored: it reads as what was last written, which is in struct pv_vcpu at @field
 * @field: where
 * @get: reads it, if it is not @stored; NULL: it reads as 0
 * @set: 0, or 1 for #GP
 */
struct pv_msr {
	u8 feature;
	bool stored;
	u16 field;
	u64 (*get)(struct vcpu *vcpu);
	int (*set)(struct vcpu *vcpu, u64 val);
};

#define ROW(bit, member, setter)                                           \
	{                                                                  \
		.feature = KVM_FEATURE_##bit, .stored = true,              \
		.field = offsetof(struct pv_vcpu, member), .set = (setter) \
	}

/* The first two have two numbers each; the old ones come first. */
static const struct pv_msr old_rows[] = {
	{ .feature = KVM_FEATURE_CLOCKSOURCE, .get = get_wall, .set = clock_set_wall },
	ROW(CLOCKSOURCE, time_msr, clock_set_time),
};

/* From MSR_KVM_WALL_CLOCK_NEW. */
static const struct pv_msr new_rows[] = {
	{ .feature = KVM_FEATURE_CLOCKSOURCE2, .get = get_wall, .set = clock_set_wall },
	ROW(CLOCKSOURCE2, time_msr, clock_set_time),
	ROW(ASYNC_PF, apf.enable_msr, apf_set_enable),
	ROW(STEAL_TIME, steal.msr, steal_set_msr),
	ROW(PV_EOI, eoi.msr, eoi_set_msr),
	ROW(POLL_CONTROL, poll_control, set_poll_control),
	ROW(ASYNC_PF_INT, apf.vector_msr, apf_set_vector),
	{ .feature = KVM_FEATURE_ASYNC_PF_INT, .set = apf_acknowledge },
	ROW(MIGRATION_CONTROL, migration_control, set_migration_control),
};

static const struct pv_msr *find(struct vcpu *vcpu, u32 index)
{
	const struct pv_msr *row = NULL;

	if (index - MSR_KVM_WALL_CLOCK < ARRAY_SIZE(old_rows))
		row = &old_rows[array_index_nospec(index - MSR_KVM_WALL_CLOCK,
						   ARRAY_SIZE(old_rows))];
	else if (index - MSR_KVM_WALL_CLOCK_NEW < ARRAY_SIZE(new_rows))
		row = &new_rows[array_index_nospec(index - MSR_KVM_WALL_CLOCK_NEW,
						   ARRAY_SIZE(new_rows))];
	return row && pv_has(vcpu, row->feature) ? row : NULL;
}

int pv_get_msr(struct vcpu *vcpu, u32 index, u64 *val)
{
	const struct pv_msr *row = find(vcpu, index);

	if (!row)
		return 1;
	if (row->stored)
		*val = *(u64 *)((void *)&vcpu->pv + row->field);
	else
		*val = row->get ? row->get(vcpu) : 0;
	return 0;
}

int pv_set_msr(struct vcpu *vcpu, u32 index, u64 val)
{
	const struct pv_msr *row = find(vcpu, index);

	trace_pv(vcpu, PV_USE_MSR, index);
	return row ? row->set(vcpu, val) : 1;
}

int pv_vm_init(struct vm *vm)
{
	mutex_init(&vm->pv.lock);
	pv_clock_init(vm);
	return 0;
}

void pv_vm_destroy(struct vm *vm)
{
	mutex_destroy(&vm->pv.lock);
}

int pv_vcpu_init(struct vcpu *vcpu)
{
	vcpu->pv.poll_control = 1;
	tsc_khz_set(vcpu, NULL, READ_ONCE(vcpu->vm->default_tsc_khz));
	tsc_set(vcpu, 0, true);
	return 0;
}

/* As KVM has it, an INIT takes the guest's pages away too, but not what it said about polling. */
void pv_vcpu_reset(struct vcpu *vcpu)
{
	struct pv_vcpu *pv = &vcpu->pv;

	apf_reset(vcpu);
	pv->time_msr = 0;
	pv->time.len = 0;
	pv->paused = false;
	pv->unhalted = false;
	memset(&pv->steal, 0, sizeof(pv->steal));
	memset(&pv->eoi, 0, sizeof(pv->eoi));
}
