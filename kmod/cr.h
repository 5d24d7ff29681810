/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TENON_CR_H
#define TENON_CR_H

#include <linux/types.h>

struct exit;
struct kvm_sregs;
struct vcpu;

/**
 * cr_write() - MOV to CR0, CR3, CR4 or CR8, with all that the write entails
 * @vcpu: the vCPU
 * @nr: number of the register
 * @value: what the instruction writes
 *
 * Context: owns the vCPU; may sleep (the page directory pointers are read from guest memory).
 * Return: false where the guest gets #GP(0), nothing changed.
 */
bool cr_write(struct vcpu *vcpu, int nr, u64 value);

/* MOV from CR0, CR2, CR3, CR4 or CR8. */
u64 cr_read(struct vcpu *vcpu, int nr);

/* WRMSR to EFER; @host: KVM_SET_MSRS, which may set what CPUID does not offer. false: #GP. */
bool efer_set(struct vcpu *vcpu, u64 value, bool host);

/* XSETBV, also KVM_SET_XCRS. false: #GP. */
bool xcr0_set(struct vcpu *vcpu, u32 index, u64 value);

/* MOV to and from a debug register: 0, or the vector of the exception that it raises. */
int dr_write(struct vcpu *vcpu, int nr, u64 value);
int dr_read(struct vcpu *vcpu, int nr, u64 *value);

/* CPUID changed: which bits of CR4 the guest may set. */
void cr_update_reserved(struct vcpu *vcpu);

/* The control registers of @sregs are a state that a processor can be in. */
bool sregs_valid(struct vcpu *vcpu, const struct kvm_sregs *sregs);

/* Slow handlers of EXIT_CR, EXIT_DR and EXIT_XSETBV: enum verdict or an errno. */
int cr_handle(struct vcpu *vcpu, struct exit *exit);
int dr_handle(struct vcpu *vcpu, struct exit *exit);
int xsetbv_handle(struct vcpu *vcpu, struct exit *exit);

#endif
