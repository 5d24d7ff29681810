/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TENON_RUN_H
#define TENON_RUN_H

struct vcpu;

/* At insmod, when the backend has been chosen. */
void run_module_init(void);
/* Part of making a vCPU: what the scheduler calls when its thread is preempted. */
void run_init(struct vcpu *vcpu);
void run_forget(struct vcpu *vcpu);
/* The machine has slept since vcpu->sleep was taken. Owner. */
void vcpu_slept(struct vcpu *vcpu);
/* Sleep while the vCPU does not run: halt.c. */
int vcpu_block(struct vcpu *vcpu);
/* WORK_INIT_SIPI: an INIT or start-up IPI has arrived. The owner. */
void vcpu_take_init_sipi(struct vcpu *vcpu);

#endif
