/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TENON_STATE_H
#define TENON_STATE_H

struct vcpu;

/* vCPU ioctls on the architected state; under vcpu->mutex, the vCPU loaded or not. */
long regs_get(struct vcpu *vcpu, void *arg, unsigned long uarg);
long regs_set(struct vcpu *vcpu, void *arg, unsigned long uarg);
long sregs_get(struct vcpu *vcpu, void *arg, unsigned long uarg);
long sregs_set(struct vcpu *vcpu, void *arg, unsigned long uarg);
long sregs2_get(struct vcpu *vcpu, void *arg, unsigned long uarg);
long sregs2_set(struct vcpu *vcpu, void *arg, unsigned long uarg);
long debugregs_get(struct vcpu *vcpu, void *arg, unsigned long uarg);
long debugregs_set(struct vcpu *vcpu, void *arg, unsigned long uarg);
long mp_state_get(struct vcpu *vcpu, void *arg, unsigned long uarg);
long mp_state_set(struct vcpu *vcpu, void *arg, unsigned long uarg);
long translate_ioctl(struct vcpu *vcpu, void *arg, unsigned long uarg);

int sync_regs_in(struct vcpu *vcpu);
void sync_regs_out(struct vcpu *vcpu);

#endif
