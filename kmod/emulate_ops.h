/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between emulate.c, emulate_ops.c and emulate_seg.c.
 */
#ifndef TENON_EMULATE_OPS_H
#define TENON_EMULATE_OPS_H

#include <linux/types.h>

#include "emulate.h"

struct mmu_fault_info;

/* The world as the emulator sees it; the second with interrupts off, for emulate_mmio_fast(). */
extern const struct emu_ops emulate_ops;
extern const struct emu_ops emulate_ops_atomic;

/* emulate.c: fill kvm_run for user space. */
void emulate_exit_mmio(struct vcpu *vcpu, const struct device_access *access, bool write);
void emulate_exit_port(struct vcpu *vcpu, bool in, u16 port, u8 size, u32 count);

/* emulate.c: raise what the emulator found. */
void emulate_queue_fault(struct vcpu *vcpu, const struct emu_fault *fault);

/* emulate_ops.c: a device in the kernel took the write. May not be called with IRQs off. */
bool emulate_device_write(struct vcpu *vcpu, const struct device_access *access);
enum emu_result emulate_read(struct emu_ctx *ctx, u64 linear, void *buf, unsigned int len,
			     enum emu_access access);

/*
 * emulate_ops.c: an access to a TSS or a table of descriptors, of any length: with FAULT_WRITE in
 * @access from @buf, else to it; without @buf only find out whether it would fault. EMU_FAULT: with
 * *@fault.
 */
enum emu_result emulate_system(struct vcpu *vcpu, u64 linear, void *buf, unsigned int len,
			       u32 access, struct emu_fault *fault);
/* Replace the 8 bytes @old of a descriptor by @new; *@ok: they were still @old. */
enum emu_result emulate_system_cmpxchg(struct vcpu *vcpu, u64 linear, u64 old, u64 new, bool *ok,
				       struct emu_fault *fault);

/* emulate_seg.c */
void emulate_get_seg(struct vcpu *vcpu, enum emu_sreg sreg, struct emu_seg *seg);
void emulate_set_seg(struct vcpu *vcpu, enum emu_sreg sreg, const struct emu_seg *seg);
void emulate_read_sreg(struct emu_ctx *ctx, enum emu_sreg sreg, struct emu_seg *seg);
enum emu_result emulate_load_sreg(struct emu_ctx *ctx, enum emu_sreg sreg, u16 sel);

#endif
