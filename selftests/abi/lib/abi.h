/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small library for programs that drive the KVM ABI in a lab host. A program reports each test
 * with a line "ok NAME", "not ok NAME: why" or "skip NAME: why"; abi_main() runs a table of them.
 */
#ifndef TENON_ABI_H
#define TENON_ABI_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/kvm.h>

/**
 * struct abi_vm - a VM with one slot of memory at guest-physical 0 and up to ABI_VCPUS vCPUs
 * @fd: the VM
 * @mem: its memory
 * @size: bytes of @mem
 * @vcpu: file descriptors of the vCPUs
 * @run: their shared pages
 */
#define ABI_VCPUS 8

struct abi_vm {
	int fd;
	uint8_t *mem;
	size_t size;
	int nr_vcpus;
	int vcpu[ABI_VCPUS];
	struct kvm_run *run[ABI_VCPUS];
};

struct abi_test {
	const char *name;
	void (*run)(void);
};

/* The device: $TENON_DEV or /dev/tenon, /dev/kvm; opened once. */
int abi_dev(void);
/* A new VM. Memory 0 means none, and no slot. Failure ends the test. */
struct abi_vm *abi_vm(size_t mem);
/* The same with an in-kernel irqchip and PIT. */
struct abi_vm *abi_vm_irqchip(size_t mem);
/* A new vCPU with the supported CPUID, its index. */
int abi_vcpu(struct abi_vm *vm);
/* One with this id. */
int abi_vcpu_id(struct abi_vm *vm, int id);
void abi_close(struct abi_vm *vm);

/* Put a vCPU into real mode at 0:@ip, 32-bit flat protected mode, or 64-bit mode, at @ip. */
void abi_real(struct abi_vm *vm, int vcpu, uint16_t ip);
void abi_flat32(struct abi_vm *vm, int vcpu, uint32_t ip);
/* 64-bit mode with identity-mapped page tables of 2 MiB pages at ABI_TABLES; GDT there, too. */
#define ABI_TABLES 0x8000
void abi_long(struct abi_vm *vm, int vcpu, uint64_t ip);

/* Copy code to guest memory. */
void abi_code(struct abi_vm *vm, uint64_t gpa, const void *code, size_t len);
#define ABI_CODE(vm, gpa, ...)                              \
	abi_code(vm, gpa, (const uint8_t[]){ __VA_ARGS__ }, \
		 sizeof((const uint8_t[]){ __VA_ARGS__ }))

/* The third byte of this processor's hypercall instruction, 0f 01 xx. */
#define VMCALL	0xc1
#define VMMCALL 0xd9
uint8_t abi_hypercall(void);

/* The lab host's processor is QEMU's own, whose known errors are not tested for. */
bool abi_tcg(void);

/* KVM_ENABLE_CAP of a VM; as ioctl() returns. */
int abi_enable(struct abi_vm *vm, uint32_t cap, uint64_t arg);

/* How many MSRs were written or read, 0 or 1. abi_get_msr() ends the test if it cannot be read. */
int abi_set_msr(struct abi_vm *vm, int vcpu, uint32_t index, uint64_t value);
int abi_try_get_msr(struct abi_vm *vm, int vcpu, uint32_t index, uint64_t *value);
uint64_t abi_get_msr(struct abi_vm *vm, int vcpu, uint32_t index);

/* KVM_SET_USER_MEMORY_REGION: what it returns. */
int abi_set_slot(struct abi_vm *vm, uint32_t id, uint32_t flags, uint64_t gpa, uint64_t size,
		 const void *mem);

/* Seconds on a clock that only goes on. */
double abi_now(void);

/* The hypervisor is kvm.ko, which the tests are checked with. */
bool abi_reference(void);

/* KVM_RUN until an exit; the exit reason, or -errno. */
int abi_run(struct abi_vm *vm, int vcpu);
struct kvm_regs abi_regs(struct abi_vm *vm, int vcpu);
/*
 * From now on a signal every @ms milliseconds, of which nothing comes but that KVM_RUN ends with
 * EINTR; 0: no more. One alone could come before KVM_RUN has begun. It leaves the test's alarm be.
 */
void abi_signals(unsigned int ms);

/* End the running test. */
void abi_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
void abi_skip(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Skips on kvm.ko what tenon.ko must have. */
#define SKIP_ON_REFERENCE(...)          \
	do {                            \
		CHECK(abi_reference()); \
		abi_skip(__VA_ARGS__);  \
	} while (0)

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define CHECK(cond)                                                                  \
	do {                                                                         \
		if (!(cond))                                                         \
			abi_fail(__FILE__, __LINE__, "%s (errno %d)", #cond, errno); \
	} while (0)

#define CHECK_EQ(a, b)                                                                           \
	do {                                                                                     \
		long long a_ = (long long)(a), b_ = (long long)(b);                              \
		if (a_ != b_)                                                                    \
			abi_fail(__FILE__, __LINE__, "%s is %lld (%#llx), not %s, %lld (%#llx)", \
				 #a, a_, a_, #b, b_, b_);                                        \
	} while (0)

/* The call fails with this errno. */
#define CHECK_ERRNO(call, err)                                                                  \
	do {                                                                                    \
		errno = 0;                                                                      \
		if ((call) >= 0 || errno != (err))                                              \
			abi_fail(__FILE__, __LINE__, "%s: errno %d (%s), not %s", #call, errno, \
				 strerror(errno), #err);                                        \
	} while (0)

/* The seconds that a test has before SIGALRM ends it (120). */
extern unsigned int abi_test_seconds;
/* Run each test in a process of its own; the exit status for main(). */
int abi_main(const struct abi_test *tests, int argc, char **argv);

#endif
