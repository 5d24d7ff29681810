/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TENON_SVM_H
#define TENON_SVM_H

#include <asm/svm.h>

#include "../vcpu.h"

/* Exit codes that uapi/asm/svm.h has no name for (APM 2, appendix C). */
#define SVM_EXIT_CODE_INVALID 0xffffffffu

/* VMCB clean bits (APM 2, 15.15.3): a set bit says that the cached field group is still good. */
enum svm_clean {
	SVM_CLEAN_INTERCEPTS,
	SVM_CLEAN_PERMISSIONS,
	SVM_CLEAN_ASID,
	SVM_CLEAN_TPR,
	SVM_CLEAN_NESTED_PAGING,
	SVM_CLEAN_CR,
	SVM_CLEAN_DR,
	SVM_CLEAN_TABLES,
	SVM_CLEAN_SEGMENTS,
	SVM_CLEAN_CR2,
	SVM_CLEAN_LBR,
	SVM_CLEAN_AVIC,
};

#define SVM_CLEAN_ALL GENMASK(SVM_CLEAN_AVIC, 0)

/**
 * struct svm_features - what this machine's SVM has beyond the basics (CPUID 8000000Ah)
 * @nrips: the CPU tells the next RIP of an intercepted instruction
 * @decode_assists: and the operands of MOV CR/DR
 * @vmcb_clean: VMCB clean bits
 * @spec_ctrl: SPEC_CTRL exists and the VMCB does not hold the guest's: it is switched by hand
 * @virt_spec_ctrl: the VMCB holds it (APM 2, 15.34.1)
 * @ssbd: store bypass is switched by a host MSR other than SPEC_CTRL
 * @nr_asids: ASIDs 0 to @nr_asids - 1 exist; 0 is the host's
 */
struct svm_features {
	bool nrips;
	bool decode_assists;
	bool vmcb_clean;
	bool spec_ctrl;
	bool virt_spec_ctrl;
	bool ssbd;
	u32 nr_asids;
};

extern struct svm_features svm_features;
/* One of @spec_ctrl, @virt_spec_ctrl and @ssbd. */
DECLARE_STATIC_KEY_FALSE(svm_speculation);
/* XSETBV does not exit: XCR0 is read after each exit. */
extern bool svm_xcr0_guard;

/**
 * struct svm_cpu - a host CPU in use
 * @asid_generation: grows each time the ASIDs have been used up
 * @host_area_pa: host-physical address of @host_area
 * @next_asid: to give out
 * @tsc_ratio: what TSC_RATIO holds; 0: not known
 * @host_save: where VMRUN keeps the host's state (VM_HSAVE_PA)
 * @host_area: a VMCB into which VMSAVE puts the rest of it
 */
struct svm_cpu {
	u64 asid_generation;
	u64 host_area_pa;
	u32 next_asid;
	u64 tsc_ratio;
	struct page *host_save;
	struct page *host_area;
};

DECLARE_PER_CPU(struct svm_cpu, svm_cpus);
/* What svm_enter() finds in SPEC_CTRL after the guest, whose value it is; low half. */
DECLARE_PER_CPU(u32, svm_spec_ctrl);

/**
 * struct svm_vcpu - a vCPU and its VMCB
 * @vcpu: the generic part; first, so that the generic code allocates both
 * @vmcb: the control block, ordinary memory: readable loaded or not
 * @vmcb_pa: its host-physical address
 * @asid_generation: of @vmcb's ASID; any other than the CPU's means: take a new one
 * @injecting: what was put into EVENTINJ (the CPU takes it back when it has delivered it), or 0
 * @soft_len: length of the INT3 or INTO at RIP whose exception @injecting is, or 0
 * @host_saved: the host's state that VMRUN does not keep is in struct svm_cpu's host_area
 * @iret_rip: where an IRET that ends NMI blocking was intercepted
 * @iret_pending: that IRET has not completed yet
 * @stepping: RFLAGS.TF is ours, to see the end of an interrupt shadow or of an IRET
 * @step_tf: what the guest had in RFLAGS.TF
 * @tf_pushed: what was stepped entered a handler, and the guest's frame has our RFLAGS.TF
 * @stepped: the exit is the #DB of @stepping, and the guest had no RFLAGS.TF of its own
 */
struct svm_vcpu {
	struct vcpu vcpu;
	struct vmcb *vmcb;
	u64 vmcb_pa;
	u64 asid_generation;
	u64 iret_rip;
	u32 injecting;
	u8 soft_len;
	bool host_saved;
	bool iret_pending;
	bool stepping;
	bool step_tf;
	bool stepped;
	bool tf_pushed;
};

static inline struct svm_vcpu *to_svm(struct vcpu *vcpu)
{
	return container_of(vcpu, struct svm_vcpu, vcpu);
}

static inline void svm_dirty(struct svm_vcpu *svm, enum svm_clean group)
{
	svm->vmcb->control.clean &= ~BIT(group);
}

static inline void svm_intercept(struct svm_vcpu *svm, unsigned int bit, bool on)
{
	u32 *word = &svm->vmcb->control.intercepts[bit / 32];

	*word = on ? *word | BIT(bit % 32) : *word & ~BIT(bit % 32);
	svm_dirty(svm, SVM_CLEAN_INTERCEPTS);
}

static inline bool svm_intercepts(const struct svm_vcpu *svm, unsigned int bit)
{
	return svm->vmcb->control.intercepts[bit / 32] & BIT(bit % 32);
}

/* svm/cpu.c: the host CPU's side. */
int svm_probe(void);
void svm_remove(void);
bool svm_foreign(void);
int svm_cpu_on(void);
void svm_cpu_off(void);
void svm_cpu_emergency(void);
void svm_load(struct vcpu *vcpu, int cpu);
void svm_save_host(struct svm_vcpu *svm, struct svm_cpu *sc);
void svm_new_asid(struct svm_vcpu *svm, struct svm_cpu *sc);
u64 svm_iopm_pa(void);
u64 svm_msrpm_pa(struct vm *vm);

/* svm/vmcb.c: guest state in the control block. */
int svm_vcpu_create(struct vcpu *vcpu);
void svm_vcpu_destroy(struct vcpu *vcpu);
void svm_reset(struct vcpu *vcpu, bool init);
void svm_get_segment(struct vcpu *vcpu, int seg, struct kvm_segment *segment);
void svm_set_segment(struct vcpu *vcpu, int seg, const struct kvm_segment *segment);
void svm_get_table(struct vcpu *vcpu, bool idt, struct kvm_dtable *table);
void svm_set_table(struct vcpu *vcpu, bool idt, const struct kvm_dtable *table);
int svm_cpl(struct vcpu *vcpu);
bool svm_code_l(struct vcpu *vcpu);
u64 svm_cr0(const struct vcpu *vcpu);
void svm_update_cr(struct vcpu *vcpu);
void svm_update_dr7(struct vcpu *vcpu);
void svm_update_tsc(struct vcpu *vcpu);
void svm_update_intercepts(struct vcpu *vcpu);
int svm_get_msr(struct vcpu *vcpu, u32 index, u64 *value);
int svm_set_msr(struct vcpu *vcpu, u32 index, u64 value);

/* svm/event.c: injection and windows. */
void svm_inject(struct vcpu *vcpu, const struct event *event);
bool svm_interrupt_open(struct vcpu *vcpu);
bool svm_nmi_open(struct vcpu *vcpu);
void svm_open_interrupt_window(struct vcpu *vcpu);
void svm_close_interrupt_window(struct svm_vcpu *svm);
void svm_open_nmi_window(struct vcpu *vcpu);
void svm_update_tpr(struct vcpu *vcpu);
u8 svm_get_shadow(struct vcpu *vcpu);
void svm_set_shadow(struct vcpu *vcpu, u8 shadow);
void svm_before_step(struct svm_vcpu *svm);
void svm_after_step(struct svm_vcpu *svm);

/* svm/decode.c: from exit code to struct exit. */
void svm_decode(struct svm_vcpu *svm, struct exit *exit);

/* svm/entry.S. IRQs off; @regs in the order of enum reg. */
void svm_enter(u64 vmcb_pa, u64 *regs, u64 host_pa);

#endif
