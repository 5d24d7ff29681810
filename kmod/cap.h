/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TENON_CAP_H
#define TENON_CAP_H

struct vcpu;
struct vm;

/* What KVM_CHECK_EXTENSION answers for @nr; @vm is NULL on the system fd. 0: not there. */
int cap_check(struct vm *vm, unsigned long nr);

long cap_check_ioctl(void *arg, unsigned long nr);
long vm_cap_check_ioctl(struct vm *vm, void *arg, unsigned long nr);
long vm_enable_cap(struct vm *vm, void *arg, unsigned long uarg);
long vcpu_enable_cap(struct vcpu *vcpu, void *arg, unsigned long uarg);

#endif
