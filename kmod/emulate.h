/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The emulator at work on a vCPU: fetching, guest memory, devices, exits to user space.
 */
#ifndef TENON_EMULATE_H
#define TENON_EMULATE_H

#include <linux/types.h>

#include "emu/emu.h"
#include "exit.h"

struct exit;
struct kvm_segment;
struct vcpu;

/* The faulting guest-physical address is not known. */
#define EMULATE_NO_GPA (~0ull)

/* Most device accesses of one instruction (POPA reads 8 times, ENTER writes up to 33 times). */
#define EMULATE_READS  16
#define EMULATE_WRITES 40

/**
 * struct device_access - up to 8 bytes read from or written to a device
 * @gpa: where
 * @data: read, or to be written
 * @len: 1 to 8
 * @user: the kernel's devices have been asked already: it is user space's
 */
struct device_access {
	u64 gpa;
	u64 data;
	u8 len;
	bool user;
};

/**
 * struct emulation - the emulator's state of a vCPU; the owner's alone
 *
 * An instruction is executed as a whole. When a read needs user space the execution is given up,
 * and done once more from the start when the data is there: @reads and @port answer what has been
 * answered before. Writes to devices wait in @writes until the instruction is done.
 *
 * @ctx: the emulator's view; its register file is vcpu->regs
 * @insn: the instruction at work
 * @bytes: its bytes, for who explains a failure
 * @nr_bytes: how many of @bytes are valid
 * @atomic: IRQs are off: see emulate_mmio_fast()
 * @pio_checked: the processor has found that the guest may access the port
 * @gpa_writable: the access at @gpa was a write: the guest's page tables allow it
 * @one_by_one: INS and OUTS move few elements at once, because their memory is a device's
 * @port_exit: kvm_run asks user space to write to a port when the instruction is done
 * @again: iterations of a REP instruction remain
 * @nr_reads: valid entries of @reads
 * @next_read: the next to be used up
 * @nr_writes: valid entries of @writes
 * @next_write: the next to be done
 * @error: an errno that ends KVM_RUN
 * @rip: of the instruction
 * @gpa: guest-physical address of the operand whose access faulted, or EMULATE_NO_GPA
 * @port: the port access of which user space has been asked for data, @done: which are there
 * @reads: answers of devices, in the order in which the instruction asked
 * @writes: to be done after the instruction
 */
struct emulation {
	struct emu_ctx ctx;
	struct emu_insn insn;
	u8 bytes[EMU_INSN_MAX];
	u8 nr_bytes;
	bool atomic;
	bool pio_checked;
	bool gpa_writable;
	bool one_by_one;
	bool port_exit;
	bool again;
	u8 nr_reads;
	u8 next_read;
	u8 nr_writes;
	u8 next_write;
	int error;
	u64 rip;
	u64 gpa;
	struct {
		u32 count;
		u16 port;
		u8 size;
		u8 insn_len;
		bool done;
	} port;
	struct device_access reads[EMULATE_READS];
	struct device_access writes[EMULATE_WRITES];
};

/* Part of making a vCPU, after its pages: 0 or -ENOMEM; and its end. */
int emulation_init(struct vcpu *vcpu);
void emulation_destroy(struct vcpu *vcpu);

/*
 * Emulate the instruction at CS:RIP; the second with what EXIT_GPA_FAULT tells of its operand. May
 * sleep. GUEST; USER with kvm_run filled and vcpu->complete set; or an errno.
 */
int emulate_instruction(struct vcpu *vcpu);
int emulate_mmio(struct vcpu *vcpu, const struct exit *exit);

/* The same for an EXIT_IO of INS and OUTS, whose rights to the port the processor has checked. */
int emulate_string_io(struct vcpu *vcpu);

/*
 * EXIT_GPA_FAULT of the access itself (not of a page-table walk), IRQs off: GUEST, USER or SLOW.
 * No slot has the address.
 * Does MOV between a register and a device that is fast or user space's.
 */
int emulate_mmio_fast(struct vcpu *vcpu, struct exit *exit);

/* Slow handler of EXIT_TASK_SWITCH: GUEST, USER, or an errno. May sleep. */
int task_handle(struct vcpu *vcpu, struct exit *exit);

/* Code size of CS (SDM 3, 5.2.1), and but for EMU_CODE64 the segment register in @cs. */
enum emu_code code_size(struct vcpu *vcpu, struct kvm_segment *cs);

/* Linear address of the instruction at CS:RIP. */
u64 linear_rip(struct vcpu *vcpu);

/*
 * Length of the instruction at CS:RIP: exit->insn_len, or found by the decoder. 1 to 15, or:
 * -EFAULT where an exception has been queued instead (enter the guest), another errno for KVM_RUN.
 * The atomic form runs with IRQs off and answers -EAGAIN where only the other can tell.
 */
int insn_length(struct vcpu *vcpu, struct exit *exit);
int insn_decode_length_atomic(struct vcpu *vcpu);
/* insn_length() or fetch_decode() answered with @r: KVM_RUN's verdict or errno. */
int decode_failed(struct vcpu *vcpu, int r);

static inline int insn_length_atomic(struct vcpu *vcpu, const struct exit *exit)
{
	return exit->insn_len ?: insn_decode_length_atomic(vcpu);
}

/*
 * The instruction at CS:RIP is a hypercall of either vendor: its length, 0 if it is another one, or
 * an error as of fetch_decode(). Makes it this processor's.
 */
int foreign_hypercall(struct vcpu *vcpu);

/*
 * Go to the next instruction: RIP, interrupt shadow, RF, single-step trap. Verdicts GUEST (also
 * where an exception was queued instead: then nothing was skipped), or SLOW (fast form), or errno.
 */
int skip_instruction(struct vcpu *vcpu, struct exit *exit);
int skip_instruction_fast(struct vcpu *vcpu, struct exit *exit);
/*
 * What is at CS:RIP cannot be emulated: #UD for the guest, and KVM_EXIT_INTERNAL_ERROR where it is
 * the guest's kernel's doing. GUEST or USER.
 */
int emulate_failed(struct vcpu *vcpu);

/*
 * Fetch and decode the instruction at CS:RIP, for handlers that need its operands. May sleep.
 * 0; -EFAULT where an exception has been queued; -ENOENT where there is nothing to be fetched.
 */
int fetch_decode(struct vcpu *vcpu, struct emu_insn *insn, u8 bytes[EMU_INSN_MAX]);

#endif
