/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TENON_VM_H
#define TENON_VM_H

#include <linux/kvm.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/srcu.h>
#include <linux/xarray.h>

#include "cap.h"
#include "io/bus.h"
#include "memslot.h"
#include "mmu/mmu.h"
#include "pv/pv.h"
#include "stats.h"

struct irqchip;
struct msr_filter;
struct pit;
struct vcpu;

/* Limits, each answered by its capability and documented in Documentation/abi.rst. */
#define MAX_VCPUS    1024
#define MAX_VCPU_IDS 4096

/**
 * struct vm - a virtual machine, behind the file descriptor that KVM_CREATE_VM returns
 * @refs: the VM fd, each vCPU fd, and kernel users such as an irqfd at work
 * @mm: the owner's address space; an ioctl from any other gets -EIO. Set once
 * @lock: outermost lock: creation of vCPUs and devices
 * @vcpus: by index, in order of creation; only grows, under @lock; read without
 * @nr_vcpus: how many there are; written under @lock
 * @slots: guest memory; its own locking, see memslot.h
 * @mmu: nested page tables of all vCPUs, see mmu/mmu.h
 * @pio: in-kernel devices on the port bus
 * @mmio: in-kernel devices on the memory bus
 * @io: coalesced MMIO zones and ioeventfds; its own locking, see io/bus.h
 * @irq_lock: routing and interrupt plumbing
 * @irqchip: in-kernel PIC and IOAPIC; set once under @lock, then never cleared
 * @pit: in-kernel 8254; set once under @lock
 * @pv: paravirtual clock of the VM
 * @halt_poll_ns: longest poll at HLT, in ns; negative: the module's parameter says it
 * @stats: what it counts, see stats.h
 * @bsp_id: vCPU id of the bootstrap processor. Before the first vCPU under @lock
 * @vcpu_ids: vCPU ids are below this. Under @lock
 * @x2apic_ids: KVM_X2APIC_API_USE_32BIT_IDS; set by KVM_ENABLE_CAP, read by anyone
 * @no_broadcast_quirk: KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK; likewise
 * @identity_map_addr: KVM_SET_IDENTITY_MAP_ADDR. Under @lock
 * @tss_addr: KVM_SET_TSS_ADDR. Under @lock
 * @default_tsc_khz: of new vCPUs
 * @options: what KVM_ENABLE_CAP has switched on, see cap.h
 * @msr_filter: MSRs that are kept from the guest; replaced under @lock, read under RCU
 */
struct vm {
	refcount_t refs;
	struct mm_struct *mm;
	struct mutex lock; /* creation of vCPUs and devices */
	struct xarray vcpus;
	int nr_vcpus;
	struct memslots slots;
	struct mmu mmu;
	struct io_bus pio;
	struct io_bus mmio;
	struct vm_io io;
	struct mutex irq_lock; /* routing, irqfds */
	struct irqchip *irqchip;
	struct pit *pit;
	struct pv_vm pv;
	s64 halt_poll_ns;
	struct vm_stats stats;
	u32 bsp_id;
	u32 vcpu_ids;
	bool x2apic_ids;
	bool no_broadcast_quirk;
	u64 identity_map_addr;
	u64 tss_addr;
	u32 default_tsc_khz;
	struct vm_options options;
	struct msr_filter __rcu *msr_filter;
};

/* The VM has this KVM_X86_QUIRK_*. */
static inline bool vm_quirk(const struct vm *vm, u64 quirk)
{
	return !(READ_ONCE(vm->options.quirks_off) & quirk);
}

/* The guest executes this without an exit: one of KVM_X86_DISABLE_EXITS_*. */
static inline bool vm_exits_disabled(const struct vm *vm, u64 exit)
{
	return READ_ONCE(vm->options.disabled_exits) & exit;
}

#define vm_for_each_vcpu(vm, i, vcpu) xa_for_each(&(vm)->vcpus, i, vcpu)

/* KVM_ENABLE_CAP of KVM_CAP_MAX_VCPU_ID. */
long vm_limit_vcpu_ids(struct vm *vm, const struct kvm_enable_cap *cap);

/* System ioctl KVM_CREATE_VM: returns a new fd or an errno. */
long vm_create(unsigned long type);
void vm_get(struct vm *vm);
void vm_put(struct vm *vm);

/* The vCPU with this index (order of creation) or id, or NULL. Valid as long as @vm is. */
struct vcpu *vm_vcpu(struct vm *vm, unsigned int index);
struct vcpu *vm_vcpu_by_id(struct vm *vm, u32 id);

/* KVM_CAP_HALT_POLL: halt.c. */
long halt_set_poll(struct vm *vm, const struct kvm_enable_cap *cap);

/* Set @work on every vCPU; with @wait, return only when none still runs guest code without it. */
void vm_request_all(struct vm *vm, unsigned long work, bool wait);

#endif
