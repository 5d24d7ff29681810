// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exits by instructions that touch control and debug registers: MOV, CLTS, LMSW, SMSW, XSETBV.
 */
#include <linux/kvm.h>

#include "cr.h"
#include "emulate.h"
#include "rules.h"
#include "vcpu.h"

/* Second opcode bytes, after 0f. */
enum {
	OP_GROUP7 = 0x01,
	OP_CLTS = 0x06,
	OP_MOV_FROM_CR = 0x20,
	OP_MOV_FROM_DR = 0x21,
	OP_MOV_TO_CR = 0x22,
	OP_MOV_TO_DR = 0x23,
};

/* ModRM.reg of OP_GROUP7. */
enum {
	GROUP7_SMSW = 4,
	GROUP7_LMSW = 6
};

/* What LMSW writes. */
#define MSW_BITS (X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS)

static int raise_gp(struct vcpu *vcpu)
{
	event_exception_error(vcpu, VECTOR_GP, 0);
	return GUEST;
}

/* MOV moves 64 bits in 64-bit mode, else 32, whatever the prefixes (SDM 2, MOV). */
static u64 mov_operand(struct vcpu *vcpu, u8 gpr)
{
	u64 value = vcpu->regs[gpr & 15];

	return vcpu_code64(vcpu) ? value : (u32)value;
}

static void mov_result(struct vcpu *vcpu, u8 gpr, u64 value)
{
	vcpu->regs[gpr & 15] = vcpu_code64(vcpu) ? value : (u32)value;
}

/* ModRM.rm names a register in MOV, whatever ModRM.mod says. */
static u8 mov_gpr(const struct emu_insn *insn)
{
	return (insn->modrm & 7) | (insn->rex & EMU_REX_B ? 8 : 0);
}

/*
 * The control register that MOV names; AMD's LOCK is another way to say REX.R (APM 3, MOV CRn). The
 * instruction is believed, not the exit: QEMU's TCG from 9 on calls each read one of CR0.
 */
static u8 mov_cr(const struct emu_insn *insn)
{
	bool high = insn->rex & EMU_REX_R || insn->prefixes & EMU_PFX_LOCK;

	return (insn->modrm >> 3 & 7) | (high ? 8 : 0);
}

/*
 * Without an in-kernel local APIC the TPR is user space's: it hears of each lowering, as an
 * interrupt may have waited for it.
 */
static int cr8_lowered(struct vcpu *vcpu, u64 before)
{
	if (vcpu->apic || vcpu->cr8 >= before)
		return GUEST;
	vcpu->run->exit_reason = KVM_EXIT_SET_TPR;
	return USER;
}

static int mov_to_cr(struct vcpu *vcpu, u8 nr, u8 gpr, unsigned int len)
{
	u64 cr8 = vcpu->cr8;

	if (!cr_write(vcpu, nr, mov_operand(vcpu, gpr)))
		return raise_gp(vcpu);
	skip_bytes(vcpu, len);
	return nr == 8 ? cr8_lowered(vcpu, cr8) : GUEST;
}

static int mov_from_cr(struct vcpu *vcpu, u8 nr, u8 gpr, unsigned int len)
{
	mov_result(vcpu, gpr, cr_read(vcpu, nr));
	skip_bytes(vcpu, len);
	return GUEST;
}

/* The 16-bit memory operand of LMSW and SMSW: its linear address, or false for a fault queued. */
static bool operand_linear(struct vcpu *vcpu, const struct emu_insn *insn, u64 *linear)
{
	bool wide = insn->code == EMU_CODE64;
	u64 offset = insn->disp;
	struct kvm_segment segment;
	bool inside;

	if (insn->base != EMU_NO_REG)
		offset += vcpu->regs[insn->base & 15];
	if (insn->index != EMU_NO_REG)
		offset += vcpu->regs[insn->index & 15] << insn->scale;
	if (insn->rip_relative)
		offset += vcpu->rip + insn->len;
	if (insn->adsize < 8)
		offset &= BIT_ULL(insn->adsize * 8) - 1;

	backend->get_segment(vcpu, insn->seg, &segment);
	if (wide) {
		*linear = offset + (insn->seg == SEG_FS || insn->seg == SEG_GS ? segment.base : 0);
		inside = canonical(*linear, vcpu_linear_bits(vcpu));
	} else {
		/* Expand-down data segments (type 4 to 7) are valid above their limit. */
		bool down = segment.s && segment.type >> 2 == 1;

		*linear = (u32)(segment.base + offset);
		inside = !segment.unusable && (offset + 1 <= segment.limit) != down;
	}
	if (!inside)
		event_exception_error(vcpu, insn->seg == SEG_SS ? VECTOR_SS : VECTOR_GP, 0);
	return inside;
}

/* Copy the operand byte by byte, as it may cross a page. 0, or -EFAULT with a fault queued. */
static int operand_access(struct vcpu *vcpu, const struct emu_insn *insn, u8 bytes[2], bool write)
{
	u32 access = (write ? FAULT_WRITE : 0) | (backend->cpl(vcpu) == 3 ? FAULT_USER : 0);
	struct mmu_fault_info fault;
	u64 linear, gpa[2];
	int i, r;

	if (!operand_linear(vcpu, insn, &linear))
		return -EFAULT;
	for (i = 0; i < 2; i++) {
		r = mmu_translate(vcpu, linear + i, access, &gpa[i], &fault);
		if (r == -EFAULT)
			event_page_fault(vcpu, fault.cr2, fault.error);
		if (r)
			return r;
	}
	for (i = 0; i < 2; i++) {
		r = write ? guest_write(vcpu->vm, gpa[i], &bytes[i], 1) :
			    guest_read(vcpu->vm, gpa[i], &bytes[i], 1);
		if (r)
			return r == -EFAULT ? -ENOENT : r;
	}
	return 0;
}

static int lmsw(struct vcpu *vcpu, const struct emu_insn *insn)
{
	u64 source = vcpu->regs[insn->rm & 15];
	u8 bytes[2];
	int r;

	if (backend->cpl(vcpu))
		return raise_gp(vcpu);
	if (insn->mem) {
		r = operand_access(vcpu, insn, bytes, false);
		if (r)
			return decode_failed(vcpu, r);
		source = bytes[0] | bytes[1] << 8;
	}
	/* PE can be set, not cleared. */
	source = (source & MSW_BITS) | (vcpu->cr0 & X86_CR0_PE);
	if (!cr_write(vcpu, 0, (vcpu->cr0 & ~MSW_BITS) | source))
		return raise_gp(vcpu);
	skip_bytes(vcpu, insn->len);
	return GUEST;
}

static int smsw(struct vcpu *vcpu, const struct emu_insn *insn)
{
	u8 bytes[2] = { vcpu->cr0, vcpu->cr0 >> 8 };
	u64 *reg = &vcpu->regs[insn->rm & 15];
	int r;

	if (vcpu->cr4 & X86_CR4_UMIP && backend->cpl(vcpu))
		return raise_gp(vcpu);
	if (insn->mem) {
		r = operand_access(vcpu, insn, bytes, true);
		if (r)
			return decode_failed(vcpu, r);
	} else if (insn->opsize == 2) {
		*reg = (*reg & ~0xffffull) | (u16)vcpu->cr0;
	} else {
		*reg = insn->opsize == 8 ? vcpu->cr0 : (u32)vcpu->cr0;
	}
	skip_bytes(vcpu, insn->len);
	return GUEST;
}

static int clts(struct vcpu *vcpu, const struct emu_insn *insn)
{
	if (backend->cpl(vcpu))
		return raise_gp(vcpu);
	cr_write(vcpu, 0, vcpu->cr0 & ~X86_CR0_TS);
	skip_bytes(vcpu, insn->len);
	return GUEST;
}

static int cr_execute(struct vcpu *vcpu, const struct emu_insn *insn)
{
	u8 group = insn->modrm >> 3 & 7;

	if (insn->map != EMU_MAP_0F || insn->prefixes & EMU_PFX_VEX)
		return emulate_instruction(vcpu);
	if (insn->opcode == OP_CLTS)
		return clts(vcpu, insn);
	if (insn->opcode == OP_GROUP7 && group == GROUP7_LMSW)
		return lmsw(vcpu, insn);
	if (insn->opcode == OP_GROUP7 && group == GROUP7_SMSW)
		return smsw(vcpu, insn);
	if (backend->cpl(vcpu))
		return raise_gp(vcpu);
	if (insn->opcode == OP_MOV_TO_CR)
		return mov_to_cr(vcpu, mov_cr(insn), mov_gpr(insn), insn->len);
	if (insn->opcode == OP_MOV_FROM_CR)
		return mov_from_cr(vcpu, mov_cr(insn), mov_gpr(insn), insn->len);
	return emulate_instruction(vcpu);
}

int cr_handle(struct vcpu *vcpu, struct exit *exit)
{
	struct emu_insn insn;
	u8 bytes[EMU_INSN_MAX];
	int r;

	if (!exit->cr.decoded) {
		r = fetch_decode(vcpu, &insn, bytes);
		return r ? decode_failed(vcpu, r) : cr_execute(vcpu, &insn);
	}
	r = insn_length(vcpu, exit);
	if (r < 0)
		return decode_failed(vcpu, r);
	if (exit->cr.write)
		return mov_to_cr(vcpu, exit->cr.nr, exit->cr.gpr, r);
	return mov_from_cr(vcpu, exit->cr.nr, exit->cr.gpr, r);
}

/* Length of the instruction and the register it names: from the exit, or from its bytes. */
static int dr_operands(struct vcpu *vcpu, struct exit *exit, u8 *gpr)
{
	struct emu_insn insn;
	u8 bytes[EMU_INSN_MAX];
	int r;

	if (exit->cr.decoded) {
		*gpr = exit->cr.gpr;
		return insn_length(vcpu, exit);
	}
	r = fetch_decode(vcpu, &insn, bytes);
	if (r)
		return r;
	*gpr = mov_gpr(&insn);
	if (insn.map != EMU_MAP_0F)
		return -ENOENT;
	return insn.opcode == OP_MOV_FROM_DR || insn.opcode == OP_MOV_TO_DR ? insn.len : -ENOENT;
}

/* The order of the faults is that of SDM 2, MOV to and from debug registers. */
int dr_handle(struct vcpu *vcpu, struct exit *exit)
{
	u8 gpr;
	u64 value;
	int len, vector;
	bool undefined;

	if (backend->cpl(vcpu))
		return raise_gp(vcpu);
	len = dr_operands(vcpu, exit, &gpr);
	if (len < 0)
		return decode_failed(vcpu, len);
	undefined = vcpu->cr4 & X86_CR4_DE && (exit->cr.nr & ~1) == 4;
	if (vcpu->hw_dr7 & DR7_GENERAL_DETECT && !undefined) {
		event_debug(vcpu, DR6_BD);
		return GUEST;
	}
	if (exit->cr.write) {
		vector = dr_write(vcpu, exit->cr.nr, mov_operand(vcpu, gpr));
	} else {
		vector = dr_read(vcpu, exit->cr.nr, &value);
		if (!vector)
			mov_result(vcpu, gpr, value);
	}
	if (vector == VECTOR_GP)
		return raise_gp(vcpu);
	if (vector)
		event_exception(vcpu, vector);
	else
		skip_bytes(vcpu, len);
	return GUEST;
}

int xsetbv_handle(struct vcpu *vcpu, struct exit *exit)
{
	int len;

	if (!(vcpu->cr4 & X86_CR4_OSXSAVE)) {
		event_exception(vcpu, VECTOR_UD);
		return GUEST;
	}
	len = insn_length(vcpu, exit);
	if (len < 0)
		return decode_failed(vcpu, len);
	if (backend->cpl(vcpu) || !xcr0_set(vcpu, vcpu->regs[REG_RCX], vcpu_edx_eax(vcpu)))
		return raise_gp(vcpu);
	skip_bytes(vcpu, len);
	return GUEST;
}
