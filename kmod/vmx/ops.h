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

static inline bool vmx_vmclear(u64 pa)
{
	bool failed;

	asm volatile("1: vmclear %[pa]\n"
		     "2:\n" VMX_FIXUP("")
		     : "=@ccna"(failed)
		     : [pa] "m"(pa)
		     : "memory");
	return !failed;
}

static inline bool vmx_vmptrld(u64 pa)
{
	bool failed;

	asm volatile("1: vmptrld %[pa]\n"
		     "2:\n" VMX_FIXUP("")
		     : "=@ccna"(failed)
		     : [pa] "m"(pa)
		     : "memory");
	return !failed;
}

static inline bool vmx_invept(enum vmx_scope scope, u64 eptp)
{
	struct {
		u64 eptp;
		u64 zero;
	} descriptor = { eptp };
	bool failed;

	asm volatile("1: invept %[descriptor], %[scope]\n"
		     "2:\n" VMX_FIXUP("")
		     : "=@ccna"(failed)
		     : [descriptor] "m"(descriptor), [scope] "r"((u64)scope)
		     : "memory");
	return !failed;
}

static inline bool vmx_invvpid(enum vmx_scope scope, u16 vpid)
{
	struct {
		u64 vpid;
		u64 linear;
	} descriptor = { vpid };
	bool failed;

	asm volatile("1: invvpid %[descriptor], %[scope]\n"
		     "2:\n" VMX_FIXUP("")
		     : "=@ccna"(failed)
		     : [descriptor] "m"(descriptor), [scope] "r"((u64)scope)
		     : "memory");
	return !failed;
}

#endif
