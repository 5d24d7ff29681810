/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The ABI of /dev/tenon: KVM's, and a few extensions. See Documentation/abi.rst.
 */
#ifndef _UAPI_LINUX_TENON_H
#define _UAPI_LINUX_TENON_H

#include <linux/ioctl.h>
#include <linux/kvm.h>
#include <linux/types.h>

/* Extensions have an ioctl type and a range of capabilities of their own. */
#define TENONIO	       0xbe
#define TENON_CAP_BASE 0x54450000

/* KVM_CHECK_EXTENSION of it tells how many exits TENON_GET_EXIT_LOG returns at most. */
#define TENON_CAP_EXIT_LOG (TENON_CAP_BASE + 1)
/* How many rules TENON_GET_ENTRY_FAILURE names at most. */
#define TENON_CAP_ENTRY_FAILURE (TENON_CAP_BASE + 2)

#define TENON_EXIT_LOG_ENTRIES	32
#define TENON_BROKEN_RULES	4

/**
 * struct tenon_exit - why a vCPU left guest mode once
 * @tsc: the host's time-stamp counter when it did
 * @rip: the guest's instruction pointer
 * @reason: the hardware's exit reason: SVM's EXITCODE, or VMX's basic exit reason
 * @info: what the hardware says about it: EXITINFO1 and 2, or qualification and address
 * @reserved: zeros
 */
struct tenon_exit {
	__u64 tsc;
	__u64 rip;
	__u64 reason;
	__u64 info[2];
	__u64 reserved[3];
};

/**
 * struct tenon_exit_log - the last exits of a vCPU, the oldest first
 * @nr: how many of @exits are valid
 * @reserved: zeros
 */
struct tenon_exit_log {
	__u32 nr;
	__u32 reserved[3];
	struct tenon_exit exits[TENON_EXIT_LOG_ENTRIES];
};

/* vCPU ioctl; TENON_CAP_EXIT_LOG. */
#define TENON_GET_EXIT_LOG _IOR(TENONIO, 0x01, struct tenon_exit_log)

/* Flag of struct tenon_broken_rule: the value is the host's and is not told. */
#define TENON_BROKEN_RULE_HOST 1u

/**
 * struct tenon_broken_rule - a rule of the processor's manual that a vCPU's control block breaks
 * @value: of the field; 0 with TENON_BROKEN_RULE_HOST
 * @field: the field's name
 * @why: what is wrong with it
 * @section: where the manual says so
 * @flags: TENON_BROKEN_RULE_*
 * @reserved: zeros
 *
 * Texts end with a zero byte, and are zeros behind it.
 */
struct tenon_broken_rule {
	__u64 value;
	char field[56];
	char why[144];
	char section[32];
	__u32 flags;
	__u32 reserved[3];
};

/**
 * struct tenon_entry_failure - the last entry into the guest that the processor refused
 * @count: how many it has refused since the vCPU was made; 0: none, and all else is zeros
 * @reason: the hardware's, as in kvm_run
 * @cpu: the host CPU
 * @nr: how many of @rules are valid; 0: the processor saw what the module does not know of
 * @reserved: zeros
 * @rules: the first rules broken, in the manual's order
 */
struct tenon_entry_failure {
	__u64 count;
	__u64 reason;
	__u32 cpu;
	__u32 nr;
	__u64 reserved[5];
	struct tenon_broken_rule rules[TENON_BROKEN_RULES];
};

/* vCPU ioctl; TENON_CAP_ENTRY_FAILURE. */
#define TENON_GET_ENTRY_FAILURE _IOR(TENONIO, 0x02, struct tenon_entry_failure)

#endif
