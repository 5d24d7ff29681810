// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asynchronous page faults: where the host has to wait for a page, the guest is told so by a page
 * fault with a token, and may run another of its tasks; an interrupt tells that the page has come.
 */
#include <linux/kernel.h>
#include <linux/kvm_para.h>
#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "../backend.h"
#include "../compat.h"
#include "../irq/lapic.h"
#include "../trace.h"
#include "../vcpu.h"
#include "../vm.h"
#include "clock.h"
#include "pv.h"

#define ENABLED	 (KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_DELIVERY_AS_INT)
#define RESERVED GENMASK_ULL(5, 4)
#define ADDRESS	 GENMASK_ULL(63, 6)

/* Of one vCPU; and of all together: none waits for another one's to be finished. */
#define FAULTS_PER_VCPU 64
#define FAULTS_MAX	128

/* A token is a number and, in the low bits, the vCPU; 0 is none and all ones is everybody. */
#define TOKEN_SHIFT  12
#define TOKEN_LAST   0xffffe
#define TOKEN_ALL    0xffffffff

#define FLAGS_OFFSET offsetof(struct kvm_vcpu_pv_apf_data, flags)
#define TOKEN_OFFSET offsetof(struct kvm_vcpu_pv_apf_data, token)

static_assert(MAX_VCPU_IDS <= 1 << TOKEN_SHIFT);

/**
 * struct apf_fault - a page that is waited for
 * @link: in struct pv_apf's @ready, then @queue
 * @work: fetches the page
 * @vcpu: whose it is; its VM is held until the page is there
 * @hva: where the page shall be
 * @token: what the guest was told
 * @era: that of struct pv_apf in which it was told
 * @write: the guest wants to write
 */
struct apf_fault {
	struct llist_node link;
	struct work_struct work;
	struct vcpu *vcpu;
	unsigned long hva;
	u32 token;
	u32 era;
	bool write;
};

static struct workqueue_struct *fetchers;
static atomic_t in_flight = ATOMIC_INIT(0);

int pv_module_init(void)
{
	fetchers = alloc_workqueue("tenon", WQ_UNBOUND, 0);
	return fetchers ? 0 : -ENOMEM;
}

void pv_module_exit(void)
{
	destroy_workqueue(fetchers);
}

static bool is_enabled(const struct pv_apf *apf)
{
	return (apf->enable_msr & ENABLED) == ENABLED;
}

/* What was begun before is not told any more; pages that are still to come are dropped then. */
static void forget(struct pv_apf *apf)
{
	apf->era++;
	apf->wake_all = false;
}

void apf_reset(struct vcpu *vcpu)
{
	vcpu->pv.apf.enable_msr = 0;
	vcpu->pv.apf.vector_msr = 0;
	forget(&vcpu->pv.apf);
}

int apf_set_enable(struct vcpu *vcpu, u64 val)
{
	struct pv_apf *apf = &vcpu->pv.apf;

	if (val & RESERVED ||
	    (val & KVM_ASYNC_PF_DELIVERY_AS_PF_VMEXIT &&
	     !pv_has(vcpu, KVM_FEATURE_ASYNC_PF_VMEXIT)) ||
	    (val & KVM_ASYNC_PF_DELIVERY_AS_INT && !pv_has(vcpu, KVM_FEATURE_ASYNC_PF_INT)))
		return 1;
	if (!vcpu->apic)
		return val ? 1 : 0;
	apf->enable_msr = val;
	if (!is_enabled(apf)) {
		forget(apf);
		return 0;
	}
	if (guest_map_init(vcpu->vm, &apf->map, val & ADDRESS, sizeof(u64)))
		return 1;
	/* Tasks of a restored guest wait for pages of which nobody knows any more. */
	apf->wake_all = true;
	vcpu_request(vcpu, WORK_APF);
	return 0;
}

int apf_set_vector(struct vcpu *vcpu, u64 val)
{
	if (val >> 8 || !vcpu->apic)
		return 1;
	vcpu->pv.apf.vector_msr = val;
	return 0;
}

/* The guest has taken the token: there is room for the next one. */
int apf_acknowledge(struct vcpu *vcpu, u64 val)
{
	if (val & 1)
		vcpu_request(vcpu, WORK_APF);
	return 0;
}

/* The guest can take a page fault and an interrupt here, and wants to. */
bool pv_apf_possible(struct vcpu *vcpu)
{
	const struct pv_apf *apf = &vcpu->pv.apf;

	if (!is_enabled(apf) || apf->pending >= FAULTS_PER_VCPU)
		return false;
	if (!(apf->enable_msr & KVM_ASYNC_PF_SEND_ALWAYS) && !backend->cpl(vcpu))
		return false;
	return vcpu_paging(vcpu) && event_interruptible(vcpu);
}

/*
 * One fault, not get_user_pages(): Linux 6.1's tries again for ever, with the lock, while somebody
 * who closes a userfaultfd waits for that lock. A page that has not come is asked for again.
 */
static void fault_in(struct mm_struct *mm, unsigned long hva, bool write)
{
	bool unlocked;

	mmap_read_lock(mm);
	fixup_user_fault(mm, hva, FAULT_FLAG_REMOTE | (write ? FAULT_FLAG_WRITE : 0), &unlocked);
	mmap_read_unlock(mm);
}

static void fetch(struct work_struct *work)
{
	struct apf_fault *fault = container_of(work, struct apf_fault, work);
	struct vcpu *vcpu = fault->vcpu;
	struct vm *vm = vcpu->vm;

	if (mmget_not_zero(vm->mm)) {
		fault_in(vm->mm, fault->hva, fault->write);
		mmput(vm->mm);
	}
	atomic_dec(&in_flight);
	/* From here on @fault is the vCPU's owner's. */
	llist_add(&fault->link, &vcpu->pv.apf.ready);
	vcpu_request(vcpu, WORK_APF);
	vcpu_kick(vcpu);
	vm_put(vm);
	/* What is left of this function is waited for by pv_module_exit(). */
	module_put(THIS_MODULE);
}

static u32 new_token(struct vcpu *vcpu)
{
	struct pv_apf *apf = &vcpu->pv.apf;

	apf->next_token = apf->next_token < TOKEN_LAST ? apf->next_token + 1 : 1;
	return apf->next_token << TOKEN_SHIFT | vcpu->id;
}

/* Tell the guest that it has to wait. */
static bool tell_absent(struct vcpu *vcpu, u32 token)
{
	const u32 reason = KVM_PV_REASON_PAGE_NOT_PRESENT;

	if (guest_map_write(vcpu->vm, &vcpu->pv.apf.map, FLAGS_OFFSET, &reason, sizeof(reason)))
		return false;
	trace_pv(vcpu, PV_USE_ABSENT, token);
	event_page_fault(vcpu, token, 0);
	return true;
}

bool pv_apf_begin(struct vcpu *vcpu, unsigned long hva, bool write)
{
	struct apf_fault *fault;

	if (atomic_inc_return(&in_flight) > FAULTS_MAX)
		goto busy;
	fault = kmalloc(sizeof(*fault), GFP_KERNEL_ACCOUNT);
	if (!fault)
		goto busy;
	*fault = (struct apf_fault){
		.vcpu = vcpu,
		.hva = hva,
		.token = new_token(vcpu),
		.era = vcpu->pv.apf.era,
		.write = write,
	};
	if (!tell_absent(vcpu, fault->token)) {
		kfree(fault);
		goto busy;
	}
	vcpu->pv.apf.pending++;
	vm_get(vcpu->vm);
	__module_get(THIS_MODULE);
	INIT_WORK(&fault->work, fetch);
	queue_work(fetchers, &fault->work);
	return true;

busy:
	atomic_dec(&in_flight);
	return false;
}

/* The oldest page that is here. */
static struct apf_fault *first_ready(struct pv_apf *apf)
{
	if (!apf->queue)
		apf->queue = llist_reverse_order(llist_del_all(&apf->ready));
	return apf->queue ? llist_entry(apf->queue, struct apf_fault, link) : NULL;
}

static void drop_first(struct pv_apf *apf)
{
	struct llist_node *first = apf->queue;

	apf->queue = first->next;
	apf->pending--;
	kfree(llist_entry(first, struct apf_fault, link));
}

/* The guest has taken the token before, and can be interrupted. */
static bool can_tell(struct vcpu *vcpu)
{
	u32 token;

	return lapic_sw_enabled(vcpu->apic) &&
	       !guest_map_read(vcpu->vm, &vcpu->pv.apf.map, TOKEN_OFFSET, &token, sizeof(token)) &&
	       !token;
}

static void tell_ready(struct vcpu *vcpu, u32 token)
{
	struct pv_apf *apf = &vcpu->pv.apf;

	trace_pv(vcpu, PV_USE_READY, token);
	if (!guest_map_write(vcpu->vm, &apf->map, TOKEN_OFFSET, &token, sizeof(token)) &&
	    apf->vector_msr > 15)
		lapic_post(vcpu->apic, apf->vector_msr, false);
}

/**
 * pv_apf_work() - WORK_APF: tell the guest of pages that are here, one by one
 * @vcpu: the vCPU
 *
 * When it has acknowledged one, there is WORK_APF again.
 *
 * Context: owner; may sleep.
 */
void pv_apf_work(struct vcpu *vcpu)
{
	struct pv_apf *apf = &vcpu->pv.apf;
	struct apf_fault *fault;

	if (apf->wake_all) {
		if (!can_tell(vcpu))
			return;
		apf->wake_all = false;
		tell_ready(vcpu, TOKEN_ALL);
	}
	while ((fault = first_ready(apf))) {
		if (fault->era == apf->era) {
			if (!can_tell(vcpu))
				return;
			tell_ready(vcpu, fault->token);
		}
		drop_first(apf);
	}
}

void pv_vcpu_destroy(struct vcpu *vcpu)
{
	while (first_ready(&vcpu->pv.apf))
		drop_first(&vcpu->pv.apf);
}
