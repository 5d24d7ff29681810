/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TENON_VMX_H
#define TENON_VMX_H

#include <asm/desc.h>

#include "../vcpu.h"
#include "ops.h"

/* After vcpu.h: it has macros of the names of enum reg's upper half, which are not used here. */
#include <asm/vmx.h>

/* The words of controls, each with a capability MSR (SDM 3, A.3 to A.5). */
enum vmx_word {
	VMX_PIN,
	VMX_CPU,
	VMX_CPU2,
	VMX_EXIT,
	VMX_ENTRY,
	NR_VMX_WORDS
};

/**
 * struct vmx_caps - what this machine's VMX has
 * @on: controls of every guest
 * @can: controls that may be set
 * @cr0_fixed: bits of CR0 that must be 1 in a guest; PE and PG are free (unrestricted guest)
 * @cr4_fixed: likewise of CR4
 * @revision: of the VMCS
 * @vpid: VPIDs are in use, and INVVPID has the single-context scope
 * @invept_single: INVEPT has the single-context scope
 * @ept_ad: accessed and dirty bits in EPT entries
 * @perf: the host has performance counters
 * @perf_control: IA32_PERF_GLOBAL_CTRL can be switched by a control
 * @flush_l1d: the host wants the L1 data cache flushed when the inner loop begins (L1TF)
 */
struct vmx_caps {
	u32 on[NR_VMX_WORDS];
	u32 can[NR_VMX_WORDS];
	u64 cr0_fixed;
	u64 cr4_fixed;
	u32 revision;
	bool vpid;
	bool invept_single;
	bool ept_ad;
	bool perf;
	bool perf_control;
	bool flush_l1d;
};

extern struct vmx_caps vmx_caps;

static inline bool vmx_can(enum vmx_word word, u32 control)
{
	return vmx_caps.can[word] & control;
}

/**
 * enum vmx_fresh - what of the VMCS is in struct vmx_vcpu or struct vcpu; nothing after an exit
 * @VMX_REST: RSP, CR3, and the bits of CR0 and CR4 that the guest changes by itself
 * @VMX_CPL: privilege level
 * @VMX_CODE_L: the L bit of CS
 * @VMX_SEG: and up: segment registers
 */
enum vmx_fresh {
	VMX_REST,
	VMX_CPL,
	VMX_CODE_L,
	VMX_SEG,
};

/* More than the kernel has counters of the kind that each need one. */
#define VMX_PERF_MSRS 8

/**
 * struct vmx_vcpu - a vCPU and its VMCS
 * @vcpu: the generic part; first, so that the generic code allocates both
 * @fresh: bits of enum vmx_fresh
 * @rip: as in the VMCS, like the next ones: what differs is written at the next entry
 * @rsp: likewise; valid with VMX_REST
 * @rflags: likewise
 * @blocking: interruptibility state (SDM 3, table 25-3)
 * @host_rsp: stack pointer that the VMCS holds for the exit
 * @launched: VMRESUME, not VMLAUNCH
 * @injecting: the VM-entry interruption information holds an event
 * @tpr: the byte of the virtual-APIC page that CR8 is the upper half of, VTPR; in x2APIC mode the
 *	guest's TPR, which it may access without an exit
 * @tpr_known: what was there last: the local APIC's TPR
 * @deadline: guest TSC at which the preemption timer ends the guest; 0: none
 * @host_debugctl: an exit clears IA32_DEBUGCTL: what is to be put back
 * @controls: VMX_CPU and VMX_CPU2 as in the VMCS
 * @tpr_threshold: as in the VMCS
 * @seg: segment registers; valid with their bits of @fresh
 * @cpl: valid with VMX_CPL
 * @code_l: valid with VMX_CODE_L
 * @vmcs: the VMCS region
 * @vmcs_pa: its host-physical address
 * @eptp: EPT pointer
 * @vpid: 0 where there are none
 * @cpu: on which the VMCS is loaded, -1: on none
 * @loaded: link of that CPU's list
 * @host: what of the host's the VMCS holds or, between load and put, the guest's has replaced
 * @kernel_gs: the guest's, while it is not in the processor
 * @syscall: STAR, LSTAR, CSTAR and SFMASK
 * @perf: MSRs of the host's counters that are switched, and how many are
 * @paging: CR0, CR3, CR4 for which the page-directory pointers of PAE paging were read last
 */
struct vmx_vcpu {
	struct vcpu vcpu;
	u32 fresh;
	u32 blocking;
	u64 rip;
	u64 rsp;
	u64 rflags;
	u64 host_rsp;
	u64 deadline;
	u32 host_debugctl;
	bool launched;
	bool injecting;
	u8 tpr_threshold;
	u8 tpr_known;
	u8 cpl;
	bool code_l;
	u8 *tpr;
	u32 controls[2];

	struct kvm_segment seg[NR_SEGS];
	void *vmcs;
	u64 vmcs_pa;
	u64 eptp;
	u16 vpid;
	int cpu;
	struct list_head loaded;
	struct {
		u64 cr3;
		u64 cr4;
		u64 fs_base;
		u64 kernel_gs;
		u64 perf_global;
		u16 fs;
		u16 gs;
		u16 ds;
		u16 es;
		u16 ldt;
		bool selectors;
		bool away;
		bool perf_switched;
	} host;
	u64 kernel_gs;
	u64 syscall[4];
	struct {
		struct vmx_msr_entry guest[VMX_PERF_MSRS];
		struct vmx_msr_entry host[VMX_PERF_MSRS];
		unsigned int listed;
	} perf;
	struct {
		u64 cr0;
		u64 cr3;
		u64 cr4;
	} paging;
};

/**
 * struct vmx_cpu - a host CPU in use; written on that CPU with IRQs off
 * @current_vmcs: whose VMCS is current
 * @loaded: the vCPUs whose VMCS is active on this CPU
 * @region: the VMXON region
 * @gdt: this CPU's, with its true limit
 */
struct vmx_cpu {
	struct vmx_vcpu *current_vmcs;
	struct list_head loaded;
	struct page *region;
	struct desc_ptr gdt;
};

DECLARE_PER_CPU(struct vmx_cpu, vmx_cpus);

static inline struct vmx_vcpu *to_vmx(struct vcpu *vcpu)
{
	return container_of(vcpu, struct vmx_vcpu, vcpu);
}

static inline bool vmx_is_fresh(struct vmx_vcpu *vmx, int bit)
{
	return vmx->fresh & BIT(bit);
}

/* vmx/caps.c: discovery. */
int vmx_discover(void);

/* vmx/cpu.c: the host CPU's side. */
int vmx_probe(void);
void vmx_remove(void);
bool vmx_foreign(void);
int vmx_cpu_on(void);
void vmx_cpu_off(void);
void vmx_cpu_emergency(void);
u64 vmx_msr_bitmap_pa(struct vm *vm, bool tpr);
bool vmx_try_current(struct vmx_vcpu *vmx);
void vmx_make_current(struct vmx_vcpu *vmx);
void vmx_forget(struct vmx_vcpu *vmx);
void vmx_flush_tlb(struct vcpu *vcpu);
u16 vmx_vpid_get(void);
void vmx_vpid_put(u16 vpid);

/*
 * Between these the VMCS may be read and written. In KVM_RUN it is current already; an ioctl finds
 * it wherever the vCPU ran last. IRQs may be off where it is known to be current.
 */
static inline void vmx_begin(struct vmx_vcpu *vmx)
{
	preempt_disable();
	if (unlikely(this_cpu_read(vmx_cpus.current_vmcs) != vmx))
		vmx_make_current(vmx);
}

static inline void vmx_end(void)
{
	preempt_enable();
}

/* vmx/host.c: the host's state around a guest's. */
void vmx_write_host_constants(void);
void vmx_write_host_of_cpu(int cpu);
void vmx_load(struct vcpu *vcpu, int cpu);
void vmx_put(struct vcpu *vcpu);
void vmx_before_run(struct vcpu *vcpu);
int vmx_host_init(void);
void vmx_host_exit(void);
void vmx_flush_l1d(void);
/* l1tf=full: before each entry, not only after what the inner loop does not do. */
DECLARE_STATIC_KEY_FALSE(vmx_flush_l1d_always);
u64 vmx_get_kernel_gs(struct vmx_vcpu *vmx);
void vmx_set_kernel_gs(struct vmx_vcpu *vmx, u64 value);
void vmx_load_syscall_msrs(struct vmx_vcpu *vmx);

/* vmx/timer.c: the preemption timer. */
void vmx_timer_probe(void);
u32 vmx_timer_init(struct vmx_vcpu *vmx);
void vmx_timer_start(struct vmx_vcpu *vmx);
bool vmx_timer_due(const struct vmx_vcpu *vmx);
void vmx_set_deadline(struct vcpu *vcpu, u64 tsc);

/* vmx/vmcs.c: guest state in the VMCS. */
int vmx_vcpu_create(struct vcpu *vcpu);
void vmx_vcpu_destroy(struct vcpu *vcpu);
void vmx_reset(struct vcpu *vcpu, bool init);
void vmx_get_segment(struct vcpu *vcpu, int seg, struct kvm_segment *segment);
void vmx_set_segment(struct vcpu *vcpu, int seg, const struct kvm_segment *segment);
void vmx_get_table(struct vcpu *vcpu, bool idt, struct kvm_dtable *table);
void vmx_set_table(struct vcpu *vcpu, bool idt, const struct kvm_dtable *table);
int vmx_cpl(struct vcpu *vcpu);
bool vmx_code_l(struct vcpu *vcpu);
void vmx_sync(struct vcpu *vcpu);
void vmx_update_cr(struct vcpu *vcpu);
void vmx_update_dr7(struct vcpu *vcpu);
void vmx_update_tsc(struct vcpu *vcpu);
void vmx_update_intercepts(struct vcpu *vcpu);
int vmx_get_msr(struct vcpu *vcpu, u32 index, u64 *value);
int vmx_set_msr(struct vcpu *vcpu, u32 index, u64 value);
void vmx_write_entry_controls(struct vmx_vcpu *vmx);
void vmx_control(struct vmx_vcpu *vmx, enum vmx_word word, u32 control, bool on);

/* vmx/event.c: injection and windows. */
void vmx_inject(struct vcpu *vcpu, const struct event *event);
bool vmx_interrupt_open(struct vcpu *vcpu);
bool vmx_nmi_open(struct vcpu *vcpu);
void vmx_open_interrupt_window(struct vcpu *vcpu);
void vmx_open_nmi_window(struct vcpu *vcpu);
void vmx_update_tpr(struct vcpu *vcpu);
u8 vmx_get_shadow(struct vcpu *vcpu);
void vmx_set_shadow(struct vcpu *vcpu, u8 shadow);
void vmx_set_blocking(struct vmx_vcpu *vmx, u32 blocking);
void vmx_clear_step(struct vmx_vcpu *vmx);
void vmx_settle_shadow(struct vmx_vcpu *vmx);
void vmx_events_after_exit(struct vmx_vcpu *vmx, u32 info);

/* Bits of struct vmx_reason's @flags. */
#define VMX_ROW_LEN   BIT(0) /* the exit was an instruction's, whose length is told */
#define VMX_ROW_FEW   BIT(1) /* its handler looks at none of what VMX_REST stands for */
#define VMX_ROW_WHOLE BIT(2) /* it cannot come while an event is delivered (SDM 3, 28.2.4) */
#define VMX_ROW_LEAN  (VMX_ROW_FEW | VMX_ROW_WHOLE)

/* More than there are, so that no check is needed. */
#define NR_VMX_REASONS 128

/**
 * struct vmx_reason - a row of the table of exit reasons
 * @decode: fills in what the kind needs, and may change the kind; NULL: nothing to do
 * @kind: of the exit
 * @flags: VMX_ROW_*
 */
struct vmx_reason {
	void (*decode)(struct vmx_vcpu *vmx, struct exit *exit);
	u8 kind;
	u8 flags;
};

/* vmx/decode.c: from exit reason to struct exit. */
extern const struct vmx_reason vmx_reasons[NR_VMX_REASONS];
void vmx_decode_rest(struct vmx_vcpu *vmx, const struct vmx_reason *reason, struct exit *exit);

/* A port access (SDM 3, table 28-5). */
static __always_inline void vmx_decode_io(struct vmx_vcpu *vmx, struct exit *exit)
{
	u64 q = vmx_read(EXIT_QUALIFICATION);

	exit->raw.info[0] = q;
	exit->io.port = q >> 16;
	exit->io.size = (q & 7) + 1;
	exit->io.in = q & BIT(3);
	exit->io.string = q & BIT(4);
	if (exit->io.string)
		vmx_sync(&vmx->vcpu);
}

/* vmx/explain.c: why an entry was refused. */
unsigned int vmx_explain(struct vcpu *vcpu, struct broken_rule *rules, unsigned int max);

/* vmx/entry.S. IRQs off. True: VMLAUNCH or VMRESUME failed, the guest did not run. */
bool vmx_enter(struct vmx_vcpu *vmx, bool launched, u64 *host_rsp);
extern char vmx_exit_here[];
void vmx_call_nmi(void);
void vmx_spec_ctrl_leave(struct vmx_vcpu *vmx);

#endif
