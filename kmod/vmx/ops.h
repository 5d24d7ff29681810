/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The instructions of VMX (SDM 3, chapter 31). Each has a fix-up: on a CPU that goes down VMX may
 * be switched off under us, then they do nothing; anywhere else a fault is a bug and must be seen.
 */
#ifndef TENON_VMX_OPS_H
#define TENON_VMX_OPS_H

#include <asm/asm.h>
#include <linux/types.h>

#include "../virt.h"

/* @undo: what stands for the result of the instruction at label 1, which goes on at label 2. */
#define VMX_FIXUP(undo)                                 \
	".pushsection .text.unlikely, \"ax\"\n"         \
	"3:\n" undo "cmpb $0, virt_going_down(%%rip)\n" \
	"jne 2b\n"                                      \
	"ud2\n"                                         \
	".popsection\n" _ASM_EXTABLE(1b, 3b)

/* Scopes of INVEPT and INVVPID (SDM 3, 29.4.3). */
enum vmx_scope {
	VMX_SINGLE = 1,
	VMX_ALL = 2,
};

void vmx_write_failed(u64 field, u64 value);

static __always_inline u64 vmx_read(u64 field)
{
	u64 value;

	asm volatile("1: vmread %[field], %[value]\n"
		     "2:\n" VMX_FIXUP("xor %k[value], %k[value]\n")
		     : [value] "=r"(value)
		     : [field] "r"(field)
		     : "cc");
	return value;
}

static __always_inline void vmx_write(u64 field, u64 value)
{
	bool failed;

	asm volatile("1: vmwrite %[value], %[field]\n"
		     "2:\n" VMX_FIXUP("")
		     : "=@ccna"(failed)
		     : [value] "rm"(value), [field] "r"(field));
	if (unlikely(failed))
		vmx_write_failed(field, value);
}

/* An instruction with operands in memory or registers: false where it failed (SDM 3, 31.2). */
#define VMX_OP(insn, ...)                           \
	({                                          \
		bool vmx_failed;                    \
		asm volatile("1: " insn "\n"        \
			     "2:\n" VMX_FIXUP("")   \
			     : "=@ccna"(vmx_failed) \
			     : __VA_ARGS__          \
			     : "memory");           \
		!vmx_failed;                        \
	})

/* Of INVEPT and INVVPID (SDM 3, 31.3): an EPTP or a VPID, and what a global scope does not need. */
struct vmx_inv_descriptor {
	u64 whose;
	u64 linear;
};

static inline bool vmx_vmclear(u64 pa)
{
	return VMX_OP("vmclear %[pa]", [pa] "m"(pa));
}

static inline bool vmx_vmptrld(u64 pa)
{
	return VMX_OP("vmptrld %[pa]", [pa] "m"(pa));
}

static inline bool vmx_invept(enum vmx_scope scope, u64 eptp)
{
	struct vmx_inv_descriptor descriptor = { eptp };

	return VMX_OP("invept %[descriptor], %[scope]", [descriptor] "m"(descriptor),
		      [scope] "r"((u64)scope));
}

static inline bool vmx_invvpid(enum vmx_scope scope, u16 vpid)
{
	struct vmx_inv_descriptor descriptor = { vpid };

	return VMX_OP("invvpid %[descriptor], %[scope]", [descriptor] "m"(descriptor),
		      [scope] "r"((u64)scope));
}

#endif
