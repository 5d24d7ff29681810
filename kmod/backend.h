/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * struct backend: all that kmod/vmx and kmod/svm provide. Shared code calls nothing else of theirs.
 */
#ifndef TENON_BACKEND_H
#define TENON_BACKEND_H

#include <linux/types.h>

struct broken_rule;
struct event;
struct exit;
struct kvm_dtable;
struct kvm_segment;
struct pte_format;
struct vcpu;
struct vm;

/**
 * struct backend - a vendor's virtualization extension
 * @name: "svm" or "vmx"
 * @vcpu_size: bytes of the backend's vCPU, whose first member is struct vcpu
 *
 * @rival: name of the module by which kvm.ko uses the same extension
 * @hypercall: last byte of the hypercall instruction, 0f 01 xx
 *
 * @probe: once at insmod: discover capabilities; -ENODEV where the processor does not have the
 *	extension; -EOPNOTSUPP, and one log line, where it cannot be used
 * @remove: once at rmmod
 * @foreign: on this CPU the extension is switched on, and not by us. IRQs off
 * @cpu_on: switch the extension on, on this CPU. IRQs off
 * @cpu_off: and off again; the CPU's loaded control blocks are cleared. IRQs off
 * @cpu_emergency: likewise, on a CPU that crashes and will not run guests any more, perhaps in an
 *	NMI and with any lock held
 *
 * @vcpu_create: allocate the control block; the generic part is zeroed and has @vm, @id
 * @vcpu_destroy: free it
 * @reset: bring the control block to the reset state; generic registers are set by the caller
 * @load: the vCPU is now current on this CPU. Preemption off
 * @put: (optional) and no longer: user space's or another task's state is in force again.
 *	IRQs off
 *
 * @sync: (optional) struct vcpu's RSP, CR0, CR3 and CR4 shall be valid, as outside of KVM_RUN
 *	anything is looked at. Owner
 * @before_run: (optional) the inner loop begins, in which only @run and fast handlers run. IRQs off
 * @run: enter the guest once and decode the exit. IRQs off; may let host interrupts happen
 *
 * @get_segment: read a segment register, in the form of KVM_GET_SREGS
 * @set_segment: write one
 * @get_table: read GDTR (@idt false) or IDTR
 * @set_table: write it
 * @cpl: current privilege level, 0 to 3
 * @code_l: the L bit of CS
 * @update_cr: vcpu->cr0, cr3, cr4 or efer changed: carry them to the control block
 * @update_dr7: vcpu->hw_dr7 changed
 * @update_tsc: vcpu->tsc_offset or tsc_ratio changed
 * @update_intercepts: CPUID, irqchip or debug settings changed: compute intercepts anew
 * @get_msr: read an MSR that lives in the control block; -ENOENT for any other
 * @set_msr: write one; the value has been checked
 * @get_shadow: interrupt shadow as KVM_X86_SHADOW_INT_* bits
 * @set_shadow: set it
 *
 * @inject: deliver @event at the next entry; NULL: deliver none
 * @interrupt_open: an external interrupt can be injected now (IF, shadow)
 * @nmi_open: an NMI can be injected now
 * @open_interrupt_window: exit as soon as @interrupt_open would be true
 * @open_nmi_window: likewise for NMIs
 * @update_tpr: the local APIC's TPR or highest pending interrupt changed: set CR8 and its threshold
 *
 * @set_deadline: (optional) from now on @run exits with EXIT_DEADLINE when the guest's TSC has
 *	reached @tsc, never before; 0: no more. A vCPU with a local APIC. Owner. Without it a timer
 *	of the host's does this
 *
 * @explain: an entry was refused: find the rules of the manual that are broken, at most @max;
 *	returns how many. In KVM_RUN, preemption on
 *
 * @flush_tlb: drop the vCPU's translations at the next entry
 * @pte_format: format of nested page-table entries
 * @tdp_levels: levels of the nested page tables; filled in by @probe, like the next two
 * @tdp_page_level: the highest level at which they map pages
 * @tdp_exec_level: likewise, of pages that the guest may execute
 * @tsc_fraction: bits of the fraction in vcpu->tsc_ratio; 0: TSCs cannot be scaled. By @probe
 * @tsc_ratio_max: the ratios are below this
 */
struct backend {
	const char *name;
	size_t vcpu_size;
	const char *rival;
	u8 hypercall;

	int (*probe)(void);
	void (*remove)(void);
	bool (*foreign)(void);
	int (*cpu_on)(void);
	void (*cpu_off)(void);
	void (*cpu_emergency)(void);

	int (*vcpu_create)(struct vcpu *vcpu);
	void (*vcpu_destroy)(struct vcpu *vcpu);
	void (*reset)(struct vcpu *vcpu, bool init);
	void (*load)(struct vcpu *vcpu, int cpu);
	void (*put)(struct vcpu *vcpu);

	void (*sync)(struct vcpu *vcpu);
	void (*before_run)(struct vcpu *vcpu);
	void (*run)(struct vcpu *vcpu, struct exit *exit);

	void (*get_segment)(struct vcpu *vcpu, int seg, struct kvm_segment *segment);
	void (*set_segment)(struct vcpu *vcpu, int seg, const struct kvm_segment *segment);
	void (*get_table)(struct vcpu *vcpu, bool idt, struct kvm_dtable *table);
	void (*set_table)(struct vcpu *vcpu, bool idt, const struct kvm_dtable *table);
	int (*cpl)(struct vcpu *vcpu);
	bool (*code_l)(struct vcpu *vcpu);
	void (*update_cr)(struct vcpu *vcpu);
	void (*update_dr7)(struct vcpu *vcpu);
	void (*update_tsc)(struct vcpu *vcpu);
	void (*update_intercepts)(struct vcpu *vcpu);
	int (*get_msr)(struct vcpu *vcpu, u32 index, u64 *value);
	int (*set_msr)(struct vcpu *vcpu, u32 index, u64 value);
	u8 (*get_shadow)(struct vcpu *vcpu);
	void (*set_shadow)(struct vcpu *vcpu, u8 shadow);

	void (*inject)(struct vcpu *vcpu, const struct event *event);
	bool (*interrupt_open)(struct vcpu *vcpu);
	bool (*nmi_open)(struct vcpu *vcpu);
	void (*open_interrupt_window)(struct vcpu *vcpu);
	void (*open_nmi_window)(struct vcpu *vcpu);
	void (*update_tpr)(struct vcpu *vcpu);
	void (*set_deadline)(struct vcpu *vcpu, u64 tsc);

	unsigned int (*explain)(struct vcpu *vcpu, struct broken_rule *rules, unsigned int max);

	void (*flush_tlb)(struct vcpu *vcpu);
	const struct pte_format *pte_format;
	int tdp_levels;
	int tdp_page_level;
	int tdp_exec_level;
	u8 tsc_fraction;
	u64 tsc_ratio_max;
};

/* The backend of this machine; chosen once at insmod. */
extern const struct backend *backend;

extern struct backend svm_backend;
extern struct backend vmx_backend;

#endif
