/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only place that knows kernel versions.
 */
#ifndef TENON_COMPAT_H
#define TENON_COMPAT_H

#include <linux/version.h>

#ifdef __ASSEMBLY__

/*
 * Before 6.2 one macro served all entries from outside the kernel; it leaves out the IBPB that some
 * CPUs need after a guest only (SRSO).
 */
#ifndef UNTRAIN_RET_VM
/* clang-format off */
.macro UNTRAIN_RET_VM
	UNTRAIN_RET
#ifdef X86_FEATURE_IBPB_ON_VMEXIT
	ALTERNATIVE "", "call entry_ibpb", X86_FEATURE_IBPB_ON_VMEXIT
#endif
.endm
/* clang-format on */
#endif

/* The host's NMI handler in the form that does not switch to the interrupt stack table's stack. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define COMPAT_NMI_HANDLER asm_exc_nmi_kvm_vmx
#else
#define COMPAT_NMI_HANDLER asm_exc_nmi_noist
#endif

#else

#include <asm/nospec-branch.h>
#include <linux/context_tracking.h>
#include <linux/eventfd.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/syscore_ops.h>
#include <linux/vtime.h>

/* See compat.c. */
void compat_init(void);
int compat_handle_work(void);

/* 6.12 marks the members of struct kvm_run that must be read with care. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define compat_immediate_exit immediate_exit__unsafe
#else
#define compat_immediate_exit immediate_exit
#endif

/* And the kernel's side of it has flags only, of which bit 0 is what was a word before. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define compat_longmode flags
#else
#define compat_longmode longmode
#endif

static inline void compat_rcu_note_guest(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	rcu_virt_note_context_switch();
#else
	rcu_virt_note_context_switch(raw_smp_processor_id());
#endif
}

/* 6.12's smp_send_reschedule() has a tracepoint that modules cannot use. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define compat_send_reschedule(cpu) arch_smp_send_reschedule(cpu)
#else
#define compat_send_reschedule(cpu) smp_send_reschedule(cpu)
#endif

/* VMSCAPE: user space must not be steered by what the guest trained (IBPB on the way out). */
static inline void compat_ibpb_at_user_return(void)
{
#ifdef X86_FEATURE_IBPB_EXIT_TO_USER
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
#endif
}

/* SRSO without an IBPB per exit: where the bit is needed it is set while guests may run. */
static inline void compat_bp_spec_reduce(bool on)
{
#ifdef X86_FEATURE_SRSO_BP_SPEC_REDUCE
	if (!cpu_feature_enabled(X86_FEATURE_SRSO_BP_SPEC_REDUCE))
		return;
	if (on)
		msr_set_bit(MSR_ZEN4_BP_CFG, MSR_ZEN4_BP_CFG_BP_SPEC_REDUCE_BIT);
	else
		msr_clear_bit(MSR_ZEN4_BP_CFG, MSR_ZEN4_BP_CFG_BP_SPEC_REDUCE_BIT);
#endif
}

/* Debian's 6.12 has struct syscore, whose callbacks take an argument. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define COMPAT_SYSCORE(name, suspend_fn, resume_fn)    \
	static int name##_suspend(void *data)          \
	{                                              \
		return suspend_fn();                   \
	}                                              \
	static void name##_resume(void *data)          \
	{                                              \
		resume_fn();                           \
	}                                              \
	static const struct syscore_ops name##_ops = { \
		.suspend = name##_suspend,             \
		.resume = name##_resume,               \
	};                                             \
	static struct syscore name = { .ops = &name##_ops }
#define compat_register_syscore(core)	register_syscore(core)
#define compat_unregister_syscore(core) unregister_syscore(core)
#else
#define COMPAT_SYSCORE(name, suspend_fn, resume_fn) \
	static struct syscore_ops name = {          \
		.suspend = suspend_fn,              \
		.resume = resume_fn,                \
	}
#define compat_register_syscore(core)	register_syscore_ops(core)
#define compat_unregister_syscore(core) unregister_syscore_ops(core)
#endif

#ifdef CONFIG_X86_MCE
void do_machine_check(struct pt_regs *regs);
#endif

/* Hand an intercepted machine check to the host; a kernel without X86_MCE cannot get one. */
static inline void compat_machine_check(void)
{
#ifdef CONFIG_X86_MCE
	struct pt_regs regs = { .cs = 3, .flags = X86_EFLAGS_IF };

	do_machine_check(&regs);
#endif
}

/* The task would run if it had a CPU; and how long it has waited for one so far, in ns. */
static inline bool compat_is_runnable(const struct task_struct *task)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	return task_is_runnable((struct task_struct *)task);
#else
	return task->on_rq;
#endif
}

static inline u64 compat_run_delay(const struct task_struct *task)
{
#ifdef CONFIG_SCHED_INFO
	return task->sched_info.run_delay;
#else
	return 0;
#endif
}

/* Add 1 to an eventfd's counter and wake who waits for it. Any context. */
static inline void compat_eventfd_signal(struct eventfd_ctx *ctx)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	eventfd_signal(ctx);
#else
	eventfd_signal(ctx, 1);
#endif
}

/*
 * The page that a driver has mapped at @addr in @vma (VM_PFNMAP or VM_IO): its frame, the host's
 * protection bits, whether user space may write to it. mmap_lock held. -EINVAL: nothing is mapped.
 */
static inline int compat_follow_pfn(struct vm_area_struct *vma, unsigned long addr,
				    unsigned long *pfn, pgprot_t *prot, bool *writable)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	struct follow_pfnmap_args args = { .vma = vma, .address = addr };

	if (follow_pfnmap_start(&args))
		return -EINVAL;
	*pfn = args.pfn;
	*prot = args.pgprot;
	*writable = args.writable;
	follow_pfnmap_end(&args);
#else
	spinlock_t *lock; /* of the page table, taken by follow_pte() */
	pte_t *pte;

	if (follow_pte(vma->vm_mm, addr, &pte, &lock))
		return -EINVAL;
	__acquire(lock);
	*pfn = pte_pfn(*pte);
	*prot = pte_pgprot(*pte);
	*writable = pte_write(*pte);
	pte_unmap_unlock(pte, lock);
#endif
	return 0;
}

#endif
#endif
