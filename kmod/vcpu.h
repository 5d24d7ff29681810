/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TENON_VCPU_H
#define TENON_VCPU_H

#include <asm/fpu/api.h>
#include <asm/kvm.h>
#include <linux/hrtimer.h>
#include <linux/kvm.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/rcuwait.h>
#include <linux/user-return-notifier.h>

#include "backend.h"
#include "cpuid.h"
#include "debug.h"
#include "emulate.h"
#include "event.h"
#include "exit.h"
#include "explain.h"
#include "msr.h"
#include "pv/pv.h"
#include "stats.h"
#include "tpr.h"
#include "virt.h"
#include "vm.h"

struct lapic;

/* General registers in the order of the instruction encodings (SDM 2, table 2-2). */
enum reg {
	REG_RAX,
	REG_RCX,
	REG_RDX,
	REG_RBX,
	REG_RSP,
	REG_RBP,
	REG_RSI,
	REG_RDI,
	REG_R8,
	REG_R9,
	REG_R10,
	REG_R11,
	REG_R12,
	REG_R13,
	REG_R14,
	REG_R15,
	NR_REGS
};

/* Segment registers in the order of the instruction encodings, then LDTR and TR. */
enum seg {
	SEG_ES,
	SEG_CS,
	SEG_SS,
	SEG_DS,
	SEG_FS,
	SEG_GS,
	SEG_LDTR,
	SEG_TR,
	NR_SEGS
};

/**
 * enum work - bits of vcpu->work: what must be done before the next entry
 *
 * Set by anyone with vcpu_request(); taken by the owner before entry. The common path sees zero.
 */
enum work {
	WORK_EVENT, /* events or the interrupt controller changed: decide anew */
	WORK_TLB_FLUSH, /* drop this vCPU's guest-physical translations */
	WORK_CLOCK, /* rewrite this vCPU's kvmclock page */
	WORK_TIMER, /* the local APIC timer fired */
	WORK_INIT_SIPI, /* an INIT or start-up IPI arrived */
	WORK_NMI, /* an NMI arrived: move it from the queue */
	WORK_TRIPLE_FAULT, /* report KVM_EXIT_SHUTDOWN */
	WORK_STEAL, /* the thread had to wait: tell the guest */
	WORK_APF, /* pages that the guest waits for are here */
	WORK_DEBUG, /* report KVM_EXIT_DEBUG */
	WORK_INTERCEPTS, /* what the guest does by itself changed */
	WORK_IOAPIC_EOI, /* report KVM_EXIT_IOAPIC_EOI */
	WORK_TPR_ACCESS, /* report KVM_EXIT_TPR_ACCESS */
};

/**
 * enum vcpu_mode - where the vCPU's thread is, for those who kick it
 * @VCPU_OUTSIDE: not in KVM_RUN's inner loop; sees @work before it enters
 * @VCPU_IN_GUEST: interrupts off or running guest code: an IPI makes it look
 * @VCPU_EXITING: has been told to look
 */
enum vcpu_mode {
	VCPU_OUTSIDE,
	VCPU_IN_GUEST,
	VCPU_EXITING
};

/* DR6 with no condition raised: reserved bits and the active-low RTM (SDM 3, 17.2.3). */
#define DR6_INIT 0xffff0ff0ull
#define DR6_RTM	 BIT_ULL(16)
/* B0 to B3 */
#define DR6_BREAKPOINTS	   15ull
#define DR7_GENERAL_DETECT BIT_ULL(13)

/* Bits of vcpu->init_sipi. */
enum {
	INIT_PENDING,
	SIPI_PENDING
};

/* What KVM_GET_VCPU_MMAP_SIZE answers: struct kvm_run, port data, coalesced MMIO ring. */
#define VCPU_MMAP_PAGES 3

#define LOG_ENTRIES	32

/**
 * struct log_entry - one exit in the per-vCPU ring that explains a guest's death
 */
struct log_entry {
	u64 tsc;
	u64 rip;
	u64 reason;
	u64 info[2];
} __aligned(64);

/**
 * struct vcpu - a virtual CPU, behind the file descriptor that KVM_CREATE_VCPU returns
 * @regs: general registers; valid outside guest mode
 * @rip: instruction pointer; valid outside guest mode
 * @rflags: flags register; valid outside guest mode
 * @cr0: and the other control registers as the guest sees them; @cr3 through vcpu_cr3()
 * @work: bits of enum work
 * @mode: enum vcpu_mode
 * @vm: the VM; holds a reference
 * @id: the id that user space chose, its initial APIC id
 * @index: order of creation
 * @mutex: one ioctl at a time; KVM_RUN holds it while it runs
 * @run: the page shared with user space; hostile: read once, never trusted twice
 * @pio_data: the page behind @run, KVM_PIO_PAGE_OFFSET
 * @cpu: host CPU on which the vCPU is loaded, or was last
 * @preempt: tells when the thread is scheduled out and in
 * @wait: where HLT sleeps
 * @in_shadow: an interrupt shadow is in force; kept by the backend
 * @mp_state: KVM_MP_STATE_*; written by the owner only
 * @user_pic: interrupts come by KVM_INTERRUPT, from a PIC in user space; set at creation
 * @user_events: @user_pic, or the TPR is in guest memory: before each entry there is more to do
 * @fast_events: events may be decided in the inner loop
 * @sigset: signals to unblock in KVM_RUN (KVM_SET_SIGNAL_MASK)
 * @complete: called first in the next KVM_RUN, to finish what user space did for the vCPU
 * @fpu: the guest's FPU and extended state
 * @fpu_loaded: @fpu is in the registers
 * @xcr0: the guest's
 * @xss: the guest's IA32_XSS
 * @supported_xcr0: what the guest may set in @xcr0, by its CPUID
 * @pkru: the guest's, outside guest mode
 * @host_pkru: the thread's own, while the guest's is in force
 * @dr: DR0 to DR3
 * @dr6: valid outside guest mode
 * @dr7: the guest's
 * @hw_dr7: in force: the guest's or user space's
 * @debug: KVM_SET_GUEST_DEBUG, see debug.h
 * @apic: local APIC, NULL without in-kernel irqchip; set at creation
 * @init_sipi: bits INIT_PENDING and SIPI_PENDING; set by anyone before WORK_INIT_SIPI
 * @sipi_vector: page number of the last start-up IPI
 * @ioapic_eoi: vector of WORK_IOAPIC_EOI
 * @tpr: see tpr.h
 * @mmu: remembered walks of the guest's page tables, see mmu/mmu.h
 * @halt_poll_ns: how long the next HLT is polled for its end
 * @wait_tsc: guest TSC before which the next entry may not happen; 0: none
 * @tsc_offset: guest TSC = host TSC scaled + @tsc_offset
 * @tsc_ratio: by which it is scaled, with backend->tsc_fraction bits of fraction; 0: it is not
 * @sleep: the machine's suspensions that @tsc_offset makes up for
 * @stats: what it counts
 * @exit: why it last left the guest; valid until the next entry
 * @failure: the last refused entry
 * @log: the last exits
 */
struct vcpu {
	/* Hot: what each exit touches. */
	u64 regs[NR_REGS];
	u64 rip;
	u64 rflags;
	u64 cr0;
	u64 cr2;
	u64 cr3;
	u64 cr4;
	u64 cr8;
	u64 efer;
	unsigned long work;
	int mode;
	struct vm *vm;
	struct kvm_run *run;
	u32 id;
	u32 index;
	int cpu;
	bool fpu_loaded;
	bool in_shadow;
	u8 mp_state;
	bool user_pic;
	bool user_events;
	bool fast_events;
	struct lapic *apic;
	struct events events;
	struct exit exit;
	u32 log_next;
	struct vcpu_stats stats;

	struct mutex mutex; /* held during each ioctl, KVM_RUN too */
	void *pio_data;
	struct preempt_notifier preempt;
	struct rcuwait wait;
	bool sigset_active;
	sigset_t sigset;
	int (*complete)(struct vcpu *vcpu);

	struct fpu_guest fpu;
	u64 xcr0;
	u64 xss;
	u64 supported_xcr0;
	u32 pkru;
	u32 host_pkru;
	u64 dr[4];
	u64 dr6;
	u64 dr7;
	u64 hw_dr7;
	struct vcpu_debug debug;
	u64 cr4_reserved;
	u64 apic_base;
	unsigned long init_sipi;
	u8 sipi_vector;
	u8 ioapic_eoi;
	struct vcpu_tpr tpr;

	struct cpuid_table cpuid;
	struct vcpu_msrs msrs;
	struct mmu_vcpu mmu;
	struct pv_vcpu pv;
	u32 halt_poll_ns;
	struct emulation *emulation;
	u64 wait_tsc;
	u64 tsc_offset;
	u64 tsc_ratio;
	u32 tsc_khz;
	struct virt_sleep sleep;

	struct entry_failure failure;
	struct log_entry log[LOG_ENTRIES];
};

static inline void vcpu_request(struct vcpu *vcpu, enum work work)
{
	/* Whoever asks has made visible what the owner will look at. */
	smp_mb__before_atomic();
	set_bit(work, &vcpu->work);
}

static inline bool vcpu_take_work(struct vcpu *vcpu, enum work work)
{
	if (!test_bit(work, &vcpu->work))
		return false;
	clear_bit(work, &vcpu->work);
	/* What was made visible before the request is looked at after this. */
	smp_mb__after_atomic();
	return true;
}

/* The guest moved its TPR without an exit. Owner, IRQs off. */
void vcpu_tpr_moved(struct vcpu *vcpu, u8 tpr);

/* skip_bytes() to @next where there is more to be done than to move RIP. */
void skip_bytes_slow(struct vcpu *vcpu, u64 next);

/* skip_instruction() when the length is known. Any context. */
static inline void skip_bytes(struct vcpu *vcpu, unsigned int len)
{
	u64 next = vcpu->rip + len;

	if (unlikely((next ^ vcpu->rip) >> 16 || vcpu->in_shadow ||
		     vcpu->rflags & (X86_EFLAGS_TF | X86_EFLAGS_RF)))
		skip_bytes_slow(vcpu, next);
	else
		vcpu->rip = next;
}

/* Wake the vCPU from HLT, or make it leave guest mode. Any context. */
void vcpu_kick(struct vcpu *vcpu);

/* vCPU ioctl KVM_RUN, with vcpu->mutex held. */
long vcpu_run(struct vcpu *vcpu, unsigned long uarg);

/* VM ioctl KVM_CREATE_VCPU. */
long vcpu_create(struct vm *vm, void *arg, unsigned long id);
void vcpu_destroy(struct vcpu *vcpu);
/* Power-on reset (@init false) or INIT (@init true): SDM 3, table 10-1. */
void vcpu_reset(struct vcpu *vcpu, bool init);

static inline u64 vcpu_cr3(struct vcpu *vcpu)
{
	return vcpu->cr3;
}

static inline u64 tsc_scale(u64 ratio, u64 ticks)
{
	return unlikely(ratio) ? mul_u64_u64_shr(ticks, ratio, backend->tsc_fraction) : ticks;
}

/* The guest's TSC when the host's is @host; and now. Any context. */
static inline u64 tsc_guest(const struct vcpu *vcpu, u64 host)
{
	return tsc_scale(READ_ONCE(vcpu->tsc_ratio), host) + READ_ONCE(vcpu->tsc_offset);
}

static inline u64 tsc_guest_now(const struct vcpu *vcpu)
{
	return tsc_guest(vcpu, rdtsc());
}

static inline bool vcpu_paging(const struct vcpu *vcpu)
{
	return vcpu->cr0 & X86_CR0_PG;
}

static inline bool vcpu_pae(const struct vcpu *vcpu)
{
	return vcpu->cr4 & X86_CR4_PAE;
}

static inline bool vcpu_long_mode(const struct vcpu *vcpu)
{
	return vcpu->efer & EFER_LMA;
}

/* The vCPU runs 64-bit code (SDM 3, 5.2.1). Owner. */
static inline bool vcpu_code64(struct vcpu *vcpu)
{
	return vcpu_long_mode(vcpu) && backend->code_l(vcpu);
}

/* How wide a canonical address is (SDM 1, 3.3.7.1). */
static inline unsigned int vcpu_linear_bits(const struct vcpu *vcpu)
{
	return vcpu->cr4 & X86_CR4_LA57 ? 57 : 48;
}

/* The EDX:EAX pair of RDMSR, WRMSR and XSETBV. */
static inline u64 vcpu_edx_eax(const struct vcpu *vcpu)
{
	return (u32)vcpu->regs[REG_RAX] | vcpu->regs[REG_RDX] << 32;
}

static inline void vcpu_set_edx_eax(struct vcpu *vcpu, u64 value)
{
	vcpu->regs[REG_RAX] = (u32)value;
	vcpu->regs[REG_RDX] = value >> 32;
}

#endif
