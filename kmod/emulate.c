// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator at work on a vCPU: fetch, execute, write back, finish what user space has to do.
 * What the instruction reaches out for is in emulate_ops.c.
 */
#include <linux/kvm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include <asm/debugreg.h>

#include "backend.h"
#include "emulate_ops.h"
#include "event.h"
#include "exit.h"
#include "mmu/mmu.h"
#include "rules.h"
#include "vcpu.h"
#include "vm.h"

/* Iterations of a REP string instruction between looks at what else the thread has to do. */
#define REP_BATCH 1024

/* What emulate_failed() reports behind the flags: the size and the bytes, in 64-bit words. */
#define FAILURE_WORDS (1 + (1 + EMU_INSN_MAX) / 8)

enum emu_code code_size(struct vcpu *vcpu, struct kvm_segment *cs)
{
	if (vcpu_code64(vcpu))
		return EMU_CODE64;
	backend->get_segment(vcpu, SEG_CS, cs);
	if (!(vcpu->cr0 & X86_CR0_PE) || (vcpu->rflags & X86_EFLAGS_VM))
		return EMU_CODE16;
	return cs->db ? EMU_CODE32 : EMU_CODE16;
}

static u64 linear_of(const struct vcpu *vcpu, enum emu_code code, const struct kvm_segment *cs)
{
	return code == EMU_CODE64 ? vcpu->rip : (u32)(cs->base + vcpu->rip);
}

u64 linear_rip(struct vcpu *vcpu)
{
	struct kvm_segment cs;
	enum emu_code code = code_size(vcpu, &cs);

	return linear_of(vcpu, code, &cs);
}

/* Bytes at CS:RIP up to the page's end, with interrupts off. Their number or -EAGAIN. */
static int fetch_atomic(struct vcpu *vcpu, u8 *bytes, enum emu_code *code)
{
	struct kvm_segment cs;

	*code = code_size(vcpu, &cs);
	return mmu_fetch_atomic(vcpu, linear_of(vcpu, *code, &cs), bytes, EMU_INSN_MAX);
}

static int queue_gp(struct vcpu *vcpu)
{
	event_exception_error(vcpu, VECTOR_GP, 0);
	return -EFAULT;
}

/* @len bytes inside one page. 0; -EFAULT: exception queued; -ENOENT: nothing there; errno. */
static int fetch_piece(struct vcpu *vcpu, u64 linear, enum emu_code code, u8 *bytes, size_t len)
{
	u32 access = FAULT_FETCH | (backend->cpl(vcpu) == 3 ? FAULT_USER : 0);
	struct mmu_fault_info fault;
	u64 gpa;
	int ret;

	if (code == EMU_CODE64 && !canonical(linear, vcpu_linear_bits(vcpu)))
		return queue_gp(vcpu);
	ret = mmu_translate(vcpu, linear, access, &gpa, &fault);
	if (ret == -EFAULT)
		event_page_fault(vcpu, fault.cr2, fault.error);
	if (ret)
		return ret;
	return guest_read(vcpu->vm, gpa, bytes, len) == -EFAULT ? -ENOENT : 0;
}

/*
 * The bytes are read page by page and only as needed, so that the page behind an instruction is
 * not touched. The instruction is decoded from this one copy: who rewrites it in the meantime
 * gets the old or the new one, as on a processor.
 */
int fetch_decode(struct vcpu *vcpu, struct emu_insn *insn, u8 bytes[EMU_INSN_MAX])
{
	struct kvm_segment cs;
	enum emu_code code = code_size(vcpu, &cs);
	u64 linear = linear_of(vcpu, code, &cs);
	size_t limit = EMU_INSN_MAX;
	size_t have = 0;
	int ret;

	if (code != EMU_CODE64) {
		if (vcpu->rip > cs.limit)
			return queue_gp(vcpu);
		limit = min_t(u64, limit, cs.limit - vcpu->rip + 1);
	}
	do {
		size_t len = min_t(size_t, limit - have, PAGE_SIZE - offset_in_page(linear + have));

		if (!len)
			return queue_gp(vcpu);
		ret = fetch_piece(vcpu, linear + have, code, bytes + have, len);
		if (ret)
			return ret;
		have += len;
		ret = emu_decode(insn, code, bytes, have);
	} while (ret == EMU_NEED_BYTES);
	return ret ? queue_gp(vcpu) : 0;
}

int insn_decode_length_atomic(struct vcpu *vcpu)
{
	u8 bytes[EMU_INSN_MAX];
	enum emu_code code;
	int len;

	len = fetch_atomic(vcpu, bytes, &code);
	if (len > 0)
		len = emu_insn_len(code, bytes, len);
	return len > 0 ? len : -EAGAIN;
}

/* VMCALL (0F 01 C1) or VMMCALL (0F 01 D9), with prefixes that mean nothing to them. */
static bool is_hypercall(const struct emu_insn *insn)
{
	return insn->map == EMU_MAP_0F && insn->opcode == 0x01 &&
	       (insn->modrm == 0xc1 || insn->modrm == 0xd9) &&
	       !(insn->prefixes & (EMU_PFX_REP | EMU_PFX_REPNE | EMU_PFX_LOCK | EMU_PFX_VEX));
}

/* The next time it shall be this processor's, if the guest may write there. */
static void fix_hypercall(struct vcpu *vcpu, u64 last_byte)
{
	u32 access = FAULT_WRITE | (backend->cpl(vcpu) == 3 ? FAULT_USER : 0);
	struct mmu_fault_info fault;
	u64 gpa;

	if (!mmu_translate(vcpu, last_byte, access, &gpa, &fault))
		guest_write(vcpu->vm, gpa, &backend->hypercall, 1);
}

int foreign_hypercall(struct vcpu *vcpu)
{
	u8 bytes[EMU_INSN_MAX];
	struct emu_insn insn;
	int ret = fetch_decode(vcpu, &insn, bytes);

	if (ret)
		return ret;
	if (!is_hypercall(&insn))
		return 0;
	fix_hypercall(vcpu, linear_rip(vcpu) + insn.len - 1);
	return insn.len;
}

int insn_length(struct vcpu *vcpu, struct exit *exit)
{
	u8 bytes[EMU_INSN_MAX];
	struct emu_insn insn;
	int ret;

	if (exit->insn_len)
		return exit->insn_len;
	ret = fetch_decode(vcpu, &insn, bytes);
	return ret ?: insn.len;
}

int decode_failed(struct vcpu *vcpu, int r)
{
	if (r == -EFAULT)
		return GUEST;
	return r == -ENOENT ? emulate_instruction(vcpu) : r;
}

/* RIP has 16 or 32 bits outside of 64-bit code. */
static u64 wrap_rip(struct vcpu *vcpu, u64 rip)
{
	struct kvm_segment cs;

	if (vcpu_code64(vcpu))
		return rip;
	return code_size(vcpu, &cs) == EMU_CODE32 ? (u32)rip : (u16)rip;
}

void skip_bytes_slow(struct vcpu *vcpu, u64 next)
{
	/* Only a carry out of the low 16 bits can be one that does not exist. */
	if ((next ^ vcpu->rip) >> 16)
		next = wrap_rip(vcpu, next);
	vcpu->rip = next;
	backend->set_shadow(vcpu, 0);
	vcpu->rflags &= ~X86_EFLAGS_RF;
	if (vcpu->rflags & X86_EFLAGS_TF)
		event_debug(vcpu, DR_STEP);
}

/**
 * emulate_failed() - what cannot be emulated is user space's to know, or the guest kernel's
 * @vcpu: the vCPU
 *
 * The guest gets #UD; user space hears of it too unless it was guest user space that did it,
 * which must not be able to end the VM. Or user space has asked to hear of all, and the guest of
 * none (KVM_CAP_EXIT_ON_EMULATION_FAILURE).
 *
 * Return: USER or GUEST.
 */
int emulate_failed(struct vcpu *vcpu)
{
	struct emulation *em = vcpu->emulation;
	struct kvm_run *run = vcpu->run;

	if (!READ_ONCE(vcpu->vm->options.failure_exits)) {
		event_exception(vcpu, VECTOR_UD);
		if (backend->cpl(vcpu))
			return GUEST;
	}
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->emulation_failure.ndata = FAILURE_WORDS;
	run->emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
	run->emulation_failure.insn_size = em->nr_bytes;
	memset(run->emulation_failure.insn_bytes, 0, sizeof(run->emulation_failure.insn_bytes));
	memcpy(run->emulation_failure.insn_bytes, em->bytes, em->nr_bytes);
	return USER;
}

int skip_instruction(struct vcpu *vcpu, struct exit *exit)
{
	int len = insn_length(vcpu, exit);

	if (len < 0)
		return decode_failed(vcpu, len);
	skip_bytes(vcpu, len);
	return GUEST;
}

int skip_instruction_fast(struct vcpu *vcpu, struct exit *exit)
{
	int len = insn_length_atomic(vcpu, exit);

	if (len < 0)
		return SLOW;
	skip_bytes(vcpu, len);
	return GUEST;
}

/* MOV, MOVZX and MOVSX between a register or immediate and memory: one access. */
static bool is_plain_mov(const struct emu_insn *insn)
{
	if (!insn->mem || (insn->prefixes & (EMU_PFX_VEX | EMU_PFX_LOCK)))
		return false;
	if (insn->map == EMU_MAP_0F)
		return (insn->opcode & ~9) == 0xb6;
	return insn->map == EMU_MAP_1B &&
	       ((insn->opcode & ~3) == 0x88 || (insn->opcode & ~3) == 0xa0 ||
		(insn->opcode & ~1) == 0xc6);
}

/*
 * The instruction has one memory operand, and no stack: where the access faulted is where the
 * operand is. Not so PUSH, POP, CALL (FF and 8F), MOVS and CMPS.
 */
static bool has_one_operand(const struct emu_insn *insn)
{
	if (insn->map != EMU_MAP_1B || (insn->prefixes & EMU_PFX_VEX))
		return insn->mem;
	switch (insn->opcode) {
	case 0x8f:
		return false;
	case 0xff:
		return insn->mem && (insn->modrm >> 3 & 7) < 2;
	case 0x6c ... 0x6f: /* INS, OUTS */
	case 0xaa ... 0xaf: /* STOS, LODS, SCAS */
		return true;
	default:
		return insn->mem;
	}
}

int emulation_init(struct vcpu *vcpu)
{
	struct emulation *em;
	struct emu_ctx *ctx;

	em = kzalloc(sizeof(*em), GFP_KERNEL_ACCOUNT);
	if (!em)
		return -ENOMEM;
	ctx = &em->ctx;
	ctx->vcpu = vcpu;
	ctx->regs = vcpu->regs;
	ctx->max_iter = REP_BATCH;
	ctx->io_buf = vcpu->pio_data;
	vcpu->emulation = em;
	return 0;
}

void emulation_destroy(struct vcpu *vcpu)
{
	kfree(vcpu->emulation);
	vcpu->emulation = NULL;
}

static enum emu_mode cpu_mode(const struct vcpu *vcpu, enum emu_code code)
{
	if (code == EMU_CODE64)
		return EMU_LONG64;
	if (!(vcpu->cr0 & X86_CR0_PE))
		return EMU_REAL;
	return vcpu->rflags & X86_EFLAGS_VM ? EMU_VM86 : EMU_PROT;
}

static void load_context(struct vcpu *vcpu, struct emulation *em)
{
	struct emu_ctx *ctx = &em->ctx;

	ctx->ops = em->atomic ? &emulate_ops_atomic : &emulate_ops;
	ctx->rip = vcpu->rip;
	ctx->rflags = vcpu->rflags;
	ctx->cr0 = vcpu->cr0;
	ctx->cr4 = vcpu->cr4;
	ctx->efer = vcpu->efer;
	ctx->mode = cpu_mode(vcpu, em->insn.code);
	ctx->cpl = backend->cpl(vcpu);
	ctx->pio_checked = em->pio_checked;
	ctx->io_len = em->one_by_one ? sizeof(u32) : PAGE_SIZE;
	emu_ctx_invalidate(ctx);
	em->rip = vcpu->rip;
	em->next_read = 0;
	em->nr_writes = 0;
	em->next_write = 0;
	em->port_exit = false;
	em->again = false;
	em->error = 0;
}

void emulate_queue_fault(struct vcpu *vcpu, const struct emu_fault *fault)
{
	if (fault->vector == VECTOR_PF)
		event_page_fault(vcpu, fault->cr2, fault->error);
	else if (fault->has_error)
		event_exception_error(vcpu, fault->vector, fault->error);
	else
		event_exception(vcpu, fault->vector);
}

static u8 shadow_bits(u8 shadow)
{
	return (shadow & EMU_SHADOW_STI ? KVM_X86_SHADOW_INT_STI : 0) |
	       (shadow & EMU_SHADOW_MOV_SS ? KVM_X86_SHADOW_INT_MOV_SS : 0);
}

static int emulate_finish(struct vcpu *vcpu)
{
	struct emulation *em = vcpu->emulation;

	while (em->next_write < em->nr_writes) {
		const struct device_access *write = &em->writes[em->next_write++];

		if (!write->user && emulate_device_write(vcpu, write))
			continue;
		emulate_exit_mmio(vcpu, write, true);
		vcpu->complete = emulate_finish;
		return USER;
	}
	return GUEST;
}

/* The instruction, or some iterations of it, is done: write back, then what user space is to do. */
static int emulate_commit(struct vcpu *vcpu, struct emulation *em)
{
	struct emu_ctx *ctx = &em->ctx;

	/* Let the processor do it itself: that makes a proper exit. */
	if (ctx->halted)
		return GUEST;
	em->again = ctx->rip == em->rip && !ctx->step &&
		    (em->insn.prefixes & (EMU_PFX_REP | EMU_PFX_REPNE));
	em->gpa = EMULATE_NO_GPA;
	em->nr_reads = 0;
	vcpu->rip = ctx->rip;
	vcpu->rflags = ctx->rflags;
	backend->set_shadow(vcpu, shadow_bits(ctx->shadow));
	if (ctx->step)
		event_debug(vcpu, DR_STEP);
	if (em->port_exit)
		return USER;
	return em->nr_writes ? emulate_finish(vcpu) : GUEST;
}

static int emulate_once(struct vcpu *vcpu, struct emulation *em)
{
	enum emu_result result;

	load_context(vcpu, em);
	result = emu_exec(&em->ctx, &em->insn);
	if (result == EMU_OK)
		return emulate_commit(vcpu, em);
	if (result == EMU_EXIT)
		return USER;
	if (em->atomic)
		return SLOW;
	if (em->error)
		return em->error;
	if (result == EMU_UNHANDLED)
		return emulate_failed(vcpu);
	/* Iterations that were done before the fault have left their flags. */
	vcpu->rflags = em->ctx.rflags;
	if (result == EMU_FAULT)
		emulate_queue_fault(vcpu, &em->ctx.fault);
	return GUEST;
}

/* A REP string instruction goes on here as long as the thread has nothing else to do. */
static int emulate_loop(struct vcpu *vcpu)
{
	struct emulation *em = vcpu->emulation;
	int ret;

	do {
		ret = emulate_once(vcpu, em);
	} while (ret == GUEST && em->again && !READ_ONCE(vcpu->work) && !need_resched() &&
		 !signal_pending(current));
	return ret;
}

/* What the exit was for is there: once more from the start, unless user space moved the vCPU. */
static int emulate_again(struct vcpu *vcpu)
{
	return vcpu->rip == vcpu->emulation->rip ? emulate_loop(vcpu) : GUEST;
}

static int complete_read(struct vcpu *vcpu)
{
	struct emulation *em = vcpu->emulation;
	struct device_access *read = &em->reads[em->nr_reads++];

	memcpy(&read->data, vcpu->run->mmio.data, read->len);
	return emulate_again(vcpu);
}

/**
 * emulate_exit_mmio() - fill in KVM_EXIT_MMIO
 * @vcpu: the vCPU
 * @access: the access; for a read, the entry of em->reads that waits for the data
 * @write: which of the two
 */
void emulate_exit_mmio(struct vcpu *vcpu, const struct device_access *access, bool write)
{
	struct kvm_run *run = vcpu->run;

	vcpu->stats.mmio_exits++;
	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = access->gpa;
	run->mmio.len = access->len;
	run->mmio.is_write = write;
	if (write)
		memcpy(run->mmio.data, &access->data, sizeof(access->data));
	else
		vcpu->complete = complete_read;
}

static int complete_port_in(struct vcpu *vcpu)
{
	vcpu->emulation->port.done = true;
	return emulate_again(vcpu);
}

/**
 * emulate_exit_port() - fill in KVM_EXIT_IO for the instruction at work
 * @vcpu: the vCPU; data to write are in vcpu->pio_data
 * @in: data come from user space, and the instruction is executed again when they are there
 * @port: port
 * @size: of an element: 1, 2 or 4 bytes
 * @count: elements
 */
void emulate_exit_port(struct vcpu *vcpu, bool in, u16 port, u8 size, u32 count)
{
	struct emulation *em = vcpu->emulation;

	io_exit(vcpu, in, port, size, count);
	em->port_exit = !in;
	if (!in)
		return;
	em->port.port = port;
	em->port.size = size;
	em->port.count = count;
	vcpu->complete = complete_port_in;
}

/* The access of @exit, which was not that of a page-table walk, is the instruction's operand. */
static __always_inline void set_operand(struct emulation *em, const struct exit *exit)
{
	em->gpa = exit->fault.gpa;
	em->gpa_writable = exit->fault.error & FAULT_WRITE;
}

/* @exit: the fault that brings us here, or NULL. */
static int emulate_start(struct vcpu *vcpu, const struct exit *exit, bool pio_checked)
{
	struct emulation *em = vcpu->emulation;
	int ret;

	vcpu->stats.insn_emulation++;
	em->atomic = false;
	em->pio_checked = pio_checked;
	em->one_by_one = false;
	em->nr_reads = 0;
	em->port.done = false;
	ret = fetch_decode(vcpu, &em->insn, em->bytes);
	em->nr_bytes = ret ? 0 : em->insn.len;
	if (ret == -EFAULT)
		return GUEST;
	if (ret)
		return ret == -ENOENT ? emulate_failed(vcpu) : ret;
	em->gpa = EMULATE_NO_GPA;
	if (exit && !(exit->fault.error & FAULT_WALK) && has_one_operand(&em->insn))
		set_operand(em, exit);
	return emulate_loop(vcpu);
}

/* The access was one of the delivery of an event, not of the instruction at RIP. */
static bool is_delivering(const struct vcpu *vcpu)
{
	const struct events *events = &vcpu->events;

	return events->exception.injected || events->interrupt.injected || events->nmi.injected;
}

/* The guest's IDT, GDT, TSS or stack is in a device: no processor is built for that. */
static int delivery_failed(struct vcpu *vcpu, u64 gpa)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = KVM_INTERNAL_ERROR_DELIVERY_EV;
	run->internal.ndata = 2;
	run->internal.data[0] = VECTOR_NMI;
	if (vcpu->events.exception.injected)
		run->internal.data[0] = vcpu->events.exception.vector;
	else if (vcpu->events.interrupt.injected)
		run->internal.data[0] = vcpu->events.interrupt.vector;
	run->internal.data[1] = gpa;
	return USER;
}

int emulate_instruction(struct vcpu *vcpu)
{
	if (is_delivering(vcpu))
		return delivery_failed(vcpu, EMULATE_NO_GPA);
	return emulate_start(vcpu, NULL, false);
}

int emulate_mmio(struct vcpu *vcpu, const struct exit *exit)
{
	if (is_delivering(vcpu))
		return delivery_failed(vcpu, exit->fault.error & FAULT_WALK ? EMULATE_NO_GPA :
									      exit->fault.gpa);
	return emulate_start(vcpu, exit, false);
}

int emulate_string_io(struct vcpu *vcpu)
{
	return emulate_start(vcpu, NULL, true);
}

/**
 * emulate_mmio_fast() - a plain MOV that touches a device
 * @vcpu: the vCPU
 * @exit: EXIT_GPA_FAULT
 *
 * Such an instruction makes one access, so nothing has happened yet when this gives up.
 *
 * Context: IRQs off.
 * Return: GUEST, USER or SLOW.
 */
int emulate_mmio_fast(struct vcpu *vcpu, struct exit *exit)
{
	struct emulation *em = vcpu->emulation;
	enum emu_code code;
	int len;
	int ret;

	if ((exit->fault.error & FAULT_FETCH) || is_delivering(vcpu))
		return SLOW;
	len = fetch_atomic(vcpu, em->bytes, &code);
	if (len <= 0 || emu_decode(&em->insn, code, em->bytes, len) || !is_plain_mov(&em->insn))
		return SLOW;
	em->nr_bytes = em->insn.len;
	em->atomic = true;
	em->pio_checked = false;
	em->one_by_one = false;
	em->nr_reads = 0;
	set_operand(em, exit);
	ret = emulate_once(vcpu, em);
	em->atomic = false;
	return ret;
}
