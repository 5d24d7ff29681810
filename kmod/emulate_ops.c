// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an emulated instruction reaches out for: memory, devices, ports, XMM registers.
 */
#include <linux/kvm.h>
#include <linux/log2.h>

#include "emulate_ops.h"
#include "event.h"
#include "io/bus.h"
#include "irq/irqchip.h"
#include "memslot.h"
#include "mmu/mmu.h"
#include "vcpu.h"
#include "vm.h"
#include "xstate.h"

/* What is longer than any operand is a batch of INS or OUTS. */
#define BATCH_MIN 16

#define XMM_BYTES 16
#define XMM_WORDS (XMM_BYTES / sizeof(u32))

/**
 * struct span - guest-physical pieces of a linear range of at most 16 bytes
 * @gpa: where each begins
 * @len: in bytes; the second is 0 where the range does not cross a page
 */
struct span {
	u64 gpa[2];
	unsigned int len[2];
};

static enum emu_result fail(struct emulation *em, int error)
{
	em->error = error;
	return EMU_UNHANDLED;
}

/*
 * The operand that faulted, whose translation the processor has made already. The instruction may
 * have become another one since: a write wants a translation for a write.
 */
static bool is_faulting_operand(const struct emulation *em, u64 linear, unsigned int len,
				enum emu_access access)
{
	if (em->gpa == EMULATE_NO_GPA || access == EMU_SYSTEM)
		return false;
	return (access == EMU_READ || em->gpa_writable) && !((linear ^ em->gpa) & ~PAGE_MASK) &&
	       offset_in_page(linear) + len <= PAGE_SIZE;
}

static enum emu_result translate(struct vcpu *vcpu, u64 linear, u32 access, u64 *gpa,
				 struct emu_fault *fault)
{
	struct mmu_fault_info info;
	int ret = mmu_translate(vcpu, linear, access, gpa, &info);

	if (!ret)
		return EMU_OK;
	if (ret != -EFAULT)
		return fail(vcpu->emulation, ret);
	*fault = (struct emu_fault){
		.vector = VECTOR_PF,
		.has_error = true,
		.error = info.error,
		.cr2 = info.cr2,
	};
	return EMU_FAULT;
}

/* How much of an access is in its first page. */
static unsigned int piece(u64 linear, unsigned int len)
{
	return min_t(unsigned int, len, PAGE_SIZE - offset_in_page(linear));
}

/* All pages before anything is transferred, so that a fault on the second leaves the first. */
static enum emu_result translate_span(struct emu_ctx *ctx, u64 linear, unsigned int len,
				      enum emu_access access, struct span *span)
{
	static const u32 rights[] = {
		[EMU_READ] = 0,
		[EMU_WRITE] = FAULT_WRITE,
		[EMU_RMW] = FAULT_WRITE,
		[EMU_SYSTEM] = FAULT_IMPLICIT,
	};
	u32 error = rights[access] | (ctx->cpl == 3 && access != EMU_SYSTEM ? FAULT_USER : 0);
	struct vcpu *vcpu = ctx->vcpu;
	enum emu_result result;

	span->len[0] = piece(linear, len);
	span->len[1] = len - span->len[0];
	if (is_faulting_operand(vcpu->emulation, linear, len, access)) {
		span->gpa[0] = vcpu->emulation->gpa;
		return EMU_OK;
	}
	result = translate(vcpu, linear, error, &span->gpa[0], &ctx->fault);
	if (result == EMU_OK && span->len[1])
		result = translate(vcpu, linear + span->len[0], error, &span->gpa[1], &ctx->fault);
	return result;
}

/* A TSS or descriptor that is not in memory is not for us: -EFAULT becomes no error. */
static enum emu_result accessed(struct vcpu *vcpu, int ret)
{
	return ret ? fail(vcpu->emulation, ret == -EFAULT ? 0 : ret) : EMU_OK;
}

enum emu_result emulate_system(struct vcpu *vcpu, u64 linear, void *buf, unsigned int len,
			       u32 access, struct emu_fault *fault)
{
	enum emu_result result = EMU_OK;
	unsigned int n;
	u64 gpa;

	for (; len && !result; linear += n, len -= n) {
		if (!vcpu_long_mode(vcpu))
			linear = (u32)linear;
		n = piece(linear, len);
		result = translate(vcpu, linear, access, &gpa, fault);
		if (result || !buf)
			continue;
		result = accessed(vcpu, access & FAULT_WRITE ? guest_write(vcpu->vm, gpa, buf, n) :
							       guest_read(vcpu->vm, gpa, buf, n));
		buf += n;
	}
	return result;
}

/* A descriptor in two pages is not changed in one step. */
enum emu_result emulate_system_cmpxchg(struct vcpu *vcpu, u64 linear, u64 old, u64 new, bool *ok,
				       struct emu_fault *fault)
{
	const u32 access = FAULT_IMPLICIT | FAULT_WRITE;
	enum emu_result result;
	u64 gpa;
	int ret;

	*ok = true;
	if (piece(linear, sizeof(new)) < sizeof(new))
		return emulate_system(vcpu, linear, &new, sizeof(new), access, fault);
	result = translate(vcpu, linear, access, &gpa, fault);
	if (result)
		return result;
	ret = guest_cmpxchg(vcpu->vm, gpa, &old, new, sizeof(new));
	*ok = ret != 1;
	return accessed(vcpu, min(ret, 0));
}

/* Devices know accesses of 1, 2, 4 and 8 bytes; other pieces of a split access are user space's. */
static bool device_read(struct vcpu *vcpu, struct device_access *access)
{
	if (vcpu->apic && vcpu_lapic_mmio_read(vcpu, access->gpa, &access->data, access->len))
		return true;
	return is_power_of_2(access->len) &&
	       !io_bus_read(vcpu, &vcpu->vm->mmio, access->gpa, access->len, &access->data);
}

bool emulate_device_write(struct vcpu *vcpu, const struct device_access *access)
{
	if (vcpu->apic && vcpu_lapic_mmio_write(vcpu, access->gpa, &access->data, access->len))
		return true;
	return is_power_of_2(access->len) &&
	       !io_bus_write(vcpu, &vcpu->vm->mmio, access->gpa, access->len, &access->data);
}

/* The next entry of @reads: true if its answer is there already. */
static struct device_access *next_read(struct emulation *em, u64 gpa, unsigned int len, bool *known)
{
	struct device_access *read;

	if (em->next_read == EMULATE_READS)
		return NULL;
	read = &em->reads[em->next_read];
	*known = em->next_read < em->nr_reads && read->gpa == gpa && read->len == len;
	if (*known) {
		em->next_read++;
		return read;
	}
	/* Memory changed and the instruction goes another way: what follows is asked anew. */
	em->nr_reads = em->next_read;
	*read = (struct device_access){ .gpa = gpa, .len = len };
	return read;
}

/*
 * INS and OUTS come with up to a page of data. A device has no use for so much at once: give up,
 * nothing having been transferred yet, and do it element by element.
 */
static enum emu_result split_batch(struct emulation *em)
{
	if (em->one_by_one)
		return EMU_UNHANDLED;
	em->one_by_one = true;
	em->again = true;
	return EMU_RETRY;
}

static enum emu_result read_device(struct emu_ctx *ctx, u64 gpa, void *buf, unsigned int len)
{
	struct vcpu *vcpu = ctx->vcpu;
	struct emulation *em = vcpu->emulation;
	struct device_access *read;
	unsigned int n;
	bool known;

	if (len > BATCH_MIN)
		return split_batch(em);
	for (; len; gpa += n, buf += n, len -= n) {
		n = min(len, 8u);
		read = next_read(em, gpa, n, &known);
		if (!read)
			return EMU_UNHANDLED;
		if (!known) {
			if (!device_read(vcpu, read)) {
				emulate_exit_mmio(vcpu, read, false);
				return EMU_EXIT;
			}
			em->next_read++;
			em->nr_reads++;
		}
		memcpy(buf, &read->data, n);
	}
	ctx->rep_stop = true;
	return EMU_OK;
}

static enum emu_result queue_write(struct emu_ctx *ctx, u64 gpa, const void *buf, unsigned int len)
{
	struct vcpu *vcpu = ctx->vcpu;
	struct emulation *em = vcpu->emulation;
	struct device_access *write;
	unsigned int n;

	for (; len; gpa += n, buf += n, len -= n) {
		n = min(len, 8u);
		if (em->nr_writes == EMULATE_WRITES)
			return EMU_UNHANDLED;
		write = &em->writes[em->nr_writes++];
		*write = (struct device_access){ .gpa = gpa, .len = n };
		memcpy(&write->data, buf, n);
	}
	ctx->rep_stop = true;
	return EMU_OK;
}

/* What is read next has been asked of a device already. */
static bool is_answered(const struct emulation *em, u64 gpa)
{
	return em->next_read < em->nr_reads && em->reads[em->next_read].gpa == gpa;
}

static enum emu_result read_piece(struct emu_ctx *ctx, u64 gpa, void *buf, unsigned int len)
{
	struct vcpu *vcpu = ctx->vcpu;
	int ret;

	if (is_answered(vcpu->emulation, gpa))
		return read_device(ctx, gpa, buf, len);
	ret = guest_read(vcpu->vm, gpa, buf, len);
	if (ret == -EFAULT)
		return read_device(ctx, gpa, buf, len);
	return ret ? fail(vcpu->emulation, ret) : EMU_OK;
}

static enum emu_result write_piece(struct emu_ctx *ctx, u64 gpa, const void *buf, unsigned int len)
{
	struct vcpu *vcpu = ctx->vcpu;
	int ret = guest_write(vcpu->vm, gpa, buf, len);

	if (ret == -EFAULT)
		return queue_write(ctx, gpa, buf, len);
	return ret ? fail(vcpu->emulation, ret) : EMU_OK;
}

enum emu_result emulate_read(struct emu_ctx *ctx, u64 linear, void *buf, unsigned int len,
			     enum emu_access access)
{
	struct span span;
	enum emu_result result = translate_span(ctx, linear, len, access, &span);

	if (result == EMU_OK)
		result = read_piece(ctx, span.gpa[0], buf, span.len[0]);
	if (result == EMU_OK && span.len[1])
		result = read_piece(ctx, span.gpa[1], buf + span.len[0], span.len[1]);
	return result;
}

static enum emu_result ops_write(struct emu_ctx *ctx, u64 linear, const void *buf, unsigned int len)
{
	struct span span;
	enum emu_result result = translate_span(ctx, linear, len, EMU_WRITE, &span);

	if (result == EMU_OK)
		result = write_piece(ctx, span.gpa[0], buf, span.len[0]);
	if (result == EMU_OK && span.len[1])
		result = write_piece(ctx, span.gpa[1], buf + span.len[0], span.len[1]);
	return result;
}

/* What crosses a page, or is on a device, is not atomic: two plain accesses. */
static enum emu_result ops_cmpxchg(struct emu_ctx *ctx, u64 linear, const void *old,
				   const void *new, unsigned int len, bool *ok)
{
	struct vcpu *vcpu = ctx->vcpu;
	enum emu_result result;
	struct span span;
	u64 expected = 0;
	u64 value = 0;
	int ret;

	result = translate_span(ctx, linear, len, EMU_WRITE, &span);
	if (result != EMU_OK)
		return result;
	*ok = true;
	if (len > sizeof(value))
		return EMU_UNHANDLED;
	if (span.len[1])
		return ops_write(ctx, linear, new, len);
	memcpy(&expected, old, len);
	memcpy(&value, new, len);
	ret = guest_cmpxchg(vcpu->vm, span.gpa[0], &expected, value, len);
	*ok = ret != 1;
	if (ret == -EFAULT)
		return queue_write(ctx, span.gpa[0], new, len);
	return ret < 0 ? fail(vcpu->emulation, ret) : EMU_OK;
}

static bool is_writable_ram(struct vm *vm, u64 gpa)
{
	int idx = memslots_read_lock(vm);
	const struct memslot *slot = memslots_find(&vm->slots, gpa >> PAGE_SHIFT);
	bool ram = slot && !(slot->flags & KVM_MEM_READONLY);

	memslots_read_unlock(vm, idx);
	return ram;
}

/* Called before INS takes what cannot be put back. */
static enum emu_result ops_check(struct emu_ctx *ctx, u64 linear, unsigned int len,
				 enum emu_access access)
{
	struct vcpu *vcpu = ctx->vcpu;
	struct span span;
	enum emu_result result = translate_span(ctx, linear, len, access, &span);

	if (result == EMU_OK && len > BATCH_MIN && !is_writable_ram(vcpu->vm, span.gpa[0]))
		return split_batch(vcpu->emulation);
	return result;
}

/* With interrupts off: the one operand of a MOV, which is a device's. */
static enum emu_result fast_read(struct emu_ctx *ctx, u64 linear, void *buf, unsigned int len,
				 enum emu_access access)
{
	struct vcpu *vcpu = ctx->vcpu;
	struct emulation *em = vcpu->emulation;
	struct device_access *read = &em->reads[0];
	int ret;

	if (access != EMU_READ || !is_faulting_operand(em, linear, len, access) || len > 8)
		return EMU_UNHANDLED;
	*read = (struct device_access){ .gpa = em->gpa, .len = len };
	if (!vcpu->apic || !vcpu_lapic_mmio_read(vcpu, em->gpa, &read->data, len)) {
		ret = io_bus_read_fast(vcpu, &vcpu->vm->mmio, em->gpa, len, &read->data);
		if (ret == -EAGAIN)
			return EMU_UNHANDLED;
		if (ret) {
			emulate_exit_mmio(vcpu, read, false);
			return EMU_EXIT;
		}
	}
	memcpy(buf, &read->data, len);
	return EMU_OK;
}

static enum emu_result fast_write(struct emu_ctx *ctx, u64 linear, const void *buf,
				  unsigned int len)
{
	struct vcpu *vcpu = ctx->vcpu;
	struct emulation *em = vcpu->emulation;
	int ret;

	if (!is_faulting_operand(em, linear, len, EMU_WRITE) || len > 8)
		return EMU_UNHANDLED;
	if (vcpu->apic && vcpu_lapic_mmio_write(vcpu, em->gpa, buf, len))
		return EMU_OK;
	ret = io_bus_write_fast(vcpu, &vcpu->vm->mmio, em->gpa, len, buf);
	if (ret == -EAGAIN)
		return EMU_UNHANDLED;
	if (!ret)
		return EMU_OK;
	em->writes[em->nr_writes] = (struct device_access){
		.gpa = em->gpa,
		.len = len,
		.user = true,
	};
	memcpy(&em->writes[em->nr_writes++].data, buf, len);
	return EMU_OK;
}

static int port_one(struct vcpu *vcpu, bool in, u16 port, unsigned int size, void *buf)
{
	if (in)
		return io_bus_read(vcpu, &vcpu->vm->pio, port, size, buf);
	return io_bus_write(vcpu, &vcpu->vm->pio, port, size, buf);
}

/* All elements to a device in the kernel; false: the first found none, all are user space's. */
static bool port_device(struct vcpu *vcpu, bool in, u16 port, unsigned int size, void *buf,
			unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		void *element = buf + i * size;

		if (!port_one(vcpu, in, port, size, element))
			continue;
		if (!i)
			return false;
		/* The device has just gone: nobody answers. */
		if (in)
			memset(element, 0, size);
	}
	return true;
}

static enum emu_result ops_pio_in(struct emu_ctx *ctx, u16 port, unsigned int size, void *buf,
				  unsigned int count)
{
	struct vcpu *vcpu = ctx->vcpu;
	struct emulation *em = vcpu->emulation;

	if (em->port.done && em->port.port == port && em->port.size == size &&
	    em->port.count == count) {
		em->port.done = false;
		if (buf != vcpu->pio_data)
			memcpy(buf, vcpu->pio_data, size * count);
	} else if (!port_device(vcpu, true, port, size, buf, count)) {
		emulate_exit_port(vcpu, true, port, size, count);
		return EMU_EXIT;
	}
	ctx->rep_stop = true;
	return EMU_OK;
}

static enum emu_result ops_pio_out(struct emu_ctx *ctx, u16 port, unsigned int size,
				   const void *buf, unsigned int count)
{
	struct vcpu *vcpu = ctx->vcpu;

	ctx->rep_stop = true;
	if (port_device(vcpu, false, port, size, (void *)buf, count))
		return EMU_OK;
	if (buf != vcpu->pio_data)
		memcpy(vcpu->pio_data, buf, size * count);
	emulate_exit_port(vcpu, false, port, size, count);
	return EMU_OK;
}

/* An XMM register in memory, while the guest's FPU is not loaded (SDM 1, 13.6: initial state). */
static void *xmm_register(struct vcpu *vcpu, unsigned int reg)
{
	union fpregs_state *regs = &vcpu->fpu.fpstate->regs;
	struct xstate_header *header = &regs->xsave.header;

	if (boot_cpu_has(X86_FEATURE_XSAVE) && !(header->xfeatures & XFEATURE_MASK_SSE)) {
		memset(regs->fxsave.xmm_space, 0, sizeof(regs->fxsave.xmm_space));
		if (header->xcomp_bv)
			regs->fxsave.mxcsr = MXCSR_DEFAULT;
		header->xfeatures |= XFEATURE_MASK_SSE;
	}
	return &regs->fxsave.xmm_space[XMM_WORDS * (reg & 15)];
}

static enum emu_result ops_get_xmm(struct emu_ctx *ctx, unsigned int reg, void *buf)
{
	struct vcpu *vcpu = ctx->vcpu;

	xstate_put(vcpu);
	memcpy(buf, xmm_register(vcpu, reg), XMM_BYTES);
	xstate_load(vcpu);
	return EMU_OK;
}

static enum emu_result ops_set_xmm(struct emu_ctx *ctx, unsigned int reg, const void *buf)
{
	struct vcpu *vcpu = ctx->vcpu;

	xstate_put(vcpu);
	memcpy(xmm_register(vcpu, reg), buf, XMM_BYTES);
	xstate_load(vcpu);
	return EMU_OK;
}

const struct emu_ops emulate_ops = {
	.read = emulate_read,
	.write = ops_write,
	.cmpxchg = ops_cmpxchg,
	.check = ops_check,
	.pio_in = ops_pio_in,
	.pio_out = ops_pio_out,
	.read_sreg = emulate_read_sreg,
	.load_sreg = emulate_load_sreg,
	.get_xmm = ops_get_xmm,
	.set_xmm = ops_set_xmm,
};

/* What a plain MOV calls. */
const struct emu_ops emulate_ops_atomic = {
	.read = fast_read,
	.write = fast_write,
	.read_sreg = emulate_read_sreg,
};
