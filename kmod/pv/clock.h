/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of kmod/pv share; pv.h is what others see.
 */
#ifndef TENON_PV_CLOCK_H
#define TENON_PV_CLOCK_H

#include <linux/types.h>

struct vcpu;

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

void pv_host_now(struct host_time *now);

/* MSR_KVM_SYSTEM_TIME and MSR_KVM_WALL_CLOCK: 0, or 1 where the value is refused. */
int clock_set_time(struct vcpu *vcpu, u64 val);
int clock_set_wall(struct vcpu *vcpu, u64 val);

/* MSR_KVM_STEAL_TIME, MSR_KVM_PV_EOI_EN and those of async page faults: likewise. */
int steal_set_msr(struct vcpu *vcpu, u64 val);
int eoi_set_msr(struct vcpu *vcpu, u64 val);
int apf_set_enable(struct vcpu *vcpu, u64 val);
int apf_set_vector(struct vcpu *vcpu, u64 val);
int apf_acknowledge(struct vcpu *vcpu, u64 val);

/* Part of pv_vcpu_reset(). */
void apf_reset(struct vcpu *vcpu);

#endif
