// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of capabilities: what is not here answers 0.
 */
#include <linux/cpumask.h>
#include <linux/kvm.h>
#include <linux/kvm_para.h>
#include <asm/cpufeature.h>
#include <uapi/linux/tenon.h>

#include "cap.h"
#include "irq/chip.h"
#include "irq/irqchip.h"
#include "memslot.h"
#include "msr.h"
#include "vcpu.h"
#include "vm.h"
#include "xstate.h"

static int nr_vcpus(void)
{
	return min_t(int, num_online_cpus(), MAX_VCPUS);
}

static int has_xcrs(void)
{
	return xstate_supported() ? 1 : 0;
}

#define QUIRKS                                                                   \
	(KVM_X86_QUIRK_LINT0_REENABLED | KVM_X86_QUIRK_CD_NW_CLEARED |           \
	 KVM_X86_QUIRK_LAPIC_MMIO_HOLE | KVM_X86_QUIRK_OUT_7E_INC_RIP |          \
	 KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT | KVM_X86_QUIRK_FIX_HYPERCALL_INSN | \
	 KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS)
#define EXITS                                                                                    \
	(KVM_X86_DISABLE_EXITS_MWAIT | KVM_X86_DISABLE_EXITS_HLT | KVM_X86_DISABLE_EXITS_PAUSE | \
	 KVM_X86_DISABLE_EXITS_CSTATE)
#define MSR_EXITS \
	(KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_FILTER)
#define BUS_LOCK_MODES (KVM_BUS_LOCK_DETECTION_OFF | KVM_BUS_LOCK_DETECTION_EXIT)

/* A guest's MWAIT must neither miss a wake-up nor stop the timer that brings the CPU back. */
static int disable_exits(void)
{
	bool mwait = boot_cpu_has(X86_FEATURE_MWAIT) && !boot_cpu_has_bug(X86_BUG_MONITOR) &&
		     boot_cpu_has(X86_FEATURE_ARAT);

	return EXITS & ~(mwait ? 0 : KVM_X86_DISABLE_EXITS_MWAIT);
}

/* Once switched off, an exit stays so; what this host cannot do without is left on. */
static long enable_disable_exits(struct vm *vm, const struct kvm_enable_cap *cap)
{
	mutex_lock(&vm->lock);
	vm->options.disabled_exits |= cap->args[0] & disable_exits();
	mutex_unlock(&vm->lock);
	vm_request_all(vm, WORK_INTERCEPTS, false);
	return 0;
}

static long enable_platform_info(struct vm *vm, const struct kvm_enable_cap *cap)
{
	WRITE_ONCE(vm->options.no_platform_info, !cap->args[0]);
	return 0;
}

/* No host has bus-lock exits; to be without them is no error. */
static long enable_bus_lock(struct vm *vm, const struct kvm_enable_cap *cap)
{
	return cap->args[0] == BUS_LOCK_MODES ? -EINVAL : 0;
}

/**
 * struct cap - a capability
 * @nr: its number
 * @value: the answer, unless there is @answer
 * @answer: computes it
 * @enable: what KVM_ENABLE_CAP on the VM does; NULL for what is always on
 * @option: or the word of struct vm_options, as an offset into struct vm, that becomes args[0]
 * @valid: bits that args[0] may have; any other is -EINVAL. 0: all
 */
struct cap {
	u32 nr;
	int value;
	int (*answer)(void);
	long (*enable)(struct vm *vm, const struct kvm_enable_cap *cap);
	u32 option;
	u64 valid;
};

#define OPTION(member) .option = offsetof(struct vm, options.member)

static const struct cap caps[] = {
	{ .nr = KVM_CAP_IRQCHIP, .value = 1 },
	{ .nr = KVM_CAP_HLT, .value = 1 },
	{ .nr = KVM_CAP_USER_MEMORY, .value = 1 },
	{ .nr = KVM_CAP_SET_TSS_ADDR, .value = 1 },
	{ .nr = KVM_CAP_EXT_CPUID, .value = 1 },
	{ .nr = KVM_CAP_CLOCKSOURCE, .value = 1 },
	{ .nr = KVM_CAP_NR_VCPUS, .answer = nr_vcpus },
	{ .nr = KVM_CAP_NR_MEMSLOTS, .value = MEMSLOTS_MAX },
	{ .nr = KVM_CAP_PIT, .value = 1 },
	{ .nr = KVM_CAP_VAPIC, .value = 1 },
	{ .nr = KVM_CAP_NOP_IO_DELAY, .value = 1 },
	{ .nr = KVM_CAP_MP_STATE, .value = 1 },
	{ .nr = KVM_CAP_COALESCED_MMIO, .value = KVM_COALESCED_MMIO_PAGE_OFFSET },
	{ .nr = KVM_CAP_SYNC_MMU, .value = 1 },
	{ .nr = KVM_CAP_DESTROY_MEMORY_REGION_WORKS, .value = 1 },
	{ .nr = KVM_CAP_USER_NMI, .value = 1 },
	{ .nr = KVM_CAP_SET_GUEST_DEBUG, .value = 1 },
	{ .nr = KVM_CAP_REINJECT_CONTROL, .value = 1 },
	{ .nr = KVM_CAP_IRQ_ROUTING, .value = ROUTES_MAX },
	{ .nr = KVM_CAP_IRQ_INJECT_STATUS, .value = 1 },
	{ .nr = KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, .value = 1 },
	{ .nr = KVM_CAP_MCE, .value = MCE_BANKS },
	{ .nr = KVM_CAP_IRQFD, .value = 1 },
	{ .nr = KVM_CAP_PIT2, .value = 1 },
	{ .nr = KVM_CAP_PIT_STATE2, .value = 1 },
	{ .nr = KVM_CAP_IOEVENTFD, .value = 1 },
	{ .nr = KVM_CAP_SET_IDENTITY_MAP_ADDR, .value = 1 },
	{ .nr = KVM_CAP_SET_BOOT_CPU_ID, .value = 1 },
	{ .nr = KVM_CAP_ADJUST_CLOCK,
	  .value = KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC },
	{ .nr = KVM_CAP_INTERNAL_ERROR_DATA, .value = 1 },
	{ .nr = KVM_CAP_VCPU_EVENTS, .value = 1 },
	{ .nr = KVM_CAP_INTR_SHADOW, .value = 1 },
	{ .nr = KVM_CAP_X86_ROBUST_SINGLESTEP, .value = 1 },
	{ .nr = KVM_CAP_DEBUGREGS, .value = 1 },
	{ .nr = KVM_CAP_XSAVE, .value = 1 },
	{ .nr = KVM_CAP_ENABLE_CAP, .value = 1 },
	{ .nr = KVM_CAP_XCRS, .answer = has_xcrs },
	{ .nr = KVM_CAP_GET_TSC_KHZ, .value = 1 },
	{ .nr = KVM_CAP_TSC_CONTROL, .answer = tsc_can_scale },
	{ .nr = KVM_CAP_ASYNC_PF, .value = 1 },
	{ .nr = KVM_CAP_MAX_VCPUS, .value = MAX_VCPUS },
	{ .nr = KVM_CAP_TSC_DEADLINE_TIMER, .value = 1 },
	{ .nr = KVM_CAP_SYNC_REGS, .value = KVM_SYNC_X86_VALID_FIELDS },
	{ .nr = KVM_CAP_KVMCLOCK_CTRL, .value = 1 },
	{ .nr = KVM_CAP_SIGNAL_MSI, .value = 1 },
	{ .nr = KVM_CAP_READONLY_MEM, .value = 1 },
	{ .nr = KVM_CAP_IRQFD_RESAMPLE, .value = 1 },
	{ .nr = KVM_CAP_EXT_EMUL_CPUID, .value = 1 },
	{ .nr = KVM_CAP_IOAPIC_POLARITY_IGNORED, .value = 1 },
	{ .nr = KVM_CAP_ENABLE_CAP_VM, .value = 1 },
	{ .nr = KVM_CAP_IOEVENTFD_NO_LENGTH, .value = 1 },
	{ .nr = KVM_CAP_CHECK_EXTENSION_VM, .value = 1 },
	{ .nr = KVM_CAP_DISABLE_QUIRKS, .value = 1, OPTION(quirks_off) },
	{ .nr = KVM_CAP_IOEVENTFD_ANY_LENGTH, .value = 1 },
	{ .nr = KVM_CAP_SPLIT_IRQCHIP, .value = 1, .enable = irqchip_split },
	{ .nr = KVM_CAP_X2APIC_API, .value = X2APIC_API_FLAGS, .enable = x2apic_api_enable },
	{ .nr = KVM_CAP_MAX_VCPU_ID, .value = MAX_VCPU_IDS, .enable = vm_limit_vcpu_ids },
	{ .nr = KVM_CAP_VCPU_ATTRIBUTES, .value = 1 },
	{ .nr = KVM_CAP_IMMEDIATE_EXIT, .value = 1 },
	{ .nr = KVM_CAP_X86_DISABLE_EXITS,
	  .answer = disable_exits,
	  .enable = enable_disable_exits,
	  .valid = EXITS },
	{ .nr = KVM_CAP_GET_MSR_FEATURES, .value = 1 },
	{ .nr = KVM_CAP_MSR_PLATFORM_INFO, .value = 1, .enable = enable_platform_info },
	{ .nr = KVM_CAP_COALESCED_PIO, .value = 1 },
	{ .nr = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
	  .value = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET,
	  .enable = dirty_log_enable },
	{ .nr = KVM_CAP_HALT_POLL, .value = 1, .enable = halt_set_poll },
	{ .nr = KVM_CAP_ASYNC_PF_INT, .value = 1 },
	{ .nr = KVM_CAP_ENFORCE_PV_FEATURE_CPUID, .value = 1 },
	{ .nr = KVM_CAP_EXIT_HYPERCALL,
	  .value = BIT(KVM_HC_MAP_GPA_RANGE),
	  .enable = hypercall_enable_exits },
	{ .nr = KVM_CAP_VM_TSC_CONTROL, .answer = tsc_can_scale },
	{ .nr = KVM_CAP_BINARY_STATS_FD, .value = 1 },
	{ .nr = KVM_CAP_EXCEPTION_PAYLOAD, .value = 1, OPTION(exception_payload) },
	{ .nr = KVM_CAP_X86_USER_SPACE_MSR, .value = 1, OPTION(msr_exits), .valid = MSR_EXITS },
	{ .nr = KVM_CAP_X86_MSR_FILTER, .value = 1 },
	{ .nr = KVM_CAP_X86_BUS_LOCK_EXIT, .enable = enable_bus_lock, .valid = BUS_LOCK_MODES },
	{ .nr = KVM_CAP_SET_GUEST_DEBUG2, .value = DEBUG_CONTROLS },
	{ .nr = KVM_CAP_SREGS2, .value = 1 },
	{ .nr = KVM_CAP_EXIT_ON_EMULATION_FAILURE, .value = 1, OPTION(failure_exits), .valid = 1 },
	{ .nr = KVM_CAP_XSAVE2, .value = sizeof(struct kvm_xsave) },
	{ .nr = KVM_CAP_SYS_ATTRIBUTES, .value = 1 },
	{ .nr = KVM_CAP_DISABLE_QUIRKS2, .value = QUIRKS, OPTION(quirks_off), .valid = QUIRKS },
	{ .nr = KVM_CAP_X86_TRIPLE_FAULT_EVENT, .value = 1, OPTION(triple_fault_event) },
	{ .nr = TENON_CAP_EXIT_LOG, .value = TENON_EXIT_LOG_ENTRIES },
	{ .nr = TENON_CAP_ENTRY_FAILURE, .value = TENON_BROKEN_RULES },
};

static const struct cap *cap_find(unsigned long nr)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(caps); i++)
		if (caps[i].nr == nr)
			return &caps[i];
	return NULL;
}

/**
 * cap_check() - what KVM_CHECK_EXTENSION answers
 * @vm: the VM, or NULL on the system fd; no capability depends on it so far
 * @nr: number of the capability
 *
 * Return: 0 for one that is not there; else 1, or a limit.
 */
int cap_check(struct vm *vm, unsigned long nr)
{
	const struct cap *cap = cap_find(nr);

	if (!cap)
		return 0;
	return cap->answer ? cap->answer() : cap->value;
}

long cap_check_ioctl(void *arg, unsigned long nr)
{
	return cap_check(NULL, nr);
}

long vm_cap_check_ioctl(struct vm *vm, void *arg, unsigned long nr)
{
	return cap_check(vm, nr);
}

/**
 * vm_enable_cap() - KVM_ENABLE_CAP on a VM
 * @vm: the VM
 * @arg: struct kvm_enable_cap
 * @uarg: not used
 *
 * Return: 0; -EINVAL for flags, and for what cannot be enabled; what the row's function answers
 */
long vm_enable_cap(struct vm *vm, void *arg, unsigned long uarg)
{
	const struct kvm_enable_cap *request = arg;
	const struct cap *cap = cap_find(request->cap);

	if (request->flags || !cap || (!cap->enable && !cap->option))
		return -EINVAL;
	if (cap->valid && request->args[0] & ~cap->valid)
		return -EINVAL;
	if (cap->enable)
		return cap->enable(vm, request);
	WRITE_ONCE(*(u64 *)((void *)vm + cap->option), request->args[0]);
	return 0;
}

/* KVM_ENABLE_CAP on a vCPU: likewise. */
long vcpu_enable_cap(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	const struct kvm_enable_cap *cap = arg;

	if (cap->flags || cap->cap != KVM_CAP_ENFORCE_PV_FEATURE_CPUID)
		return -EINVAL;
	vcpu->pv.enforce_cpuid = cap->args[0];
	return 0;
}
