/* SPDX-License-Identifier: GPL-2.0-only */
/* Virtual CPUs: one thread each, named after the VM and the CPU's number. */
#ifndef TENON_VCPU_H
#define TENON_VCPU_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>

#define VCPU_NAME_MAX 80

struct guest_mem;
struct vm;

/**
 * struct vcpu - One virtual CPU.
 * @vm: its machine
 * @id: its number, which is its APIC id
 * @fd: its file descriptor
 * @run: the area shared with the hypervisor
 * @thread: valid while @started
 * @started: the thread exists
 * @name: "NAME/ID", for messages
 */
struct vcpu {
	struct vm *vm;
	unsigned int id;
	int fd;
	struct kvm_run *run;
	pthread_t thread;
	bool started;
	char name[VCPU_NAME_MAX];
};

/**
 * vcpus_create() - Make all vCPUs of a VM, in the state that firmware leaves them in: the first
 * runnable, the others waiting to be started by it.
 *
 * Return: 0 or a negative errno; a message has been printed.
 */
int vcpus_create(struct vm *vm);

/** vcpus_start() - Let them run. Return: 0 or a negative errno; a message has been printed. */
int vcpus_start(struct vm *vm);

/** vcpus_stop() - Take them out of the guest and end their threads. Device thread. */
void vcpus_stop(struct vm *vm);

/** vcpus_destroy() - Close them; they are stopped. */
void vcpus_destroy(struct vm *vm);

/**
 * vcpu_explain() - Tell the user how a guest died: a sentence, the rules that a refused entry
 * breaks, registers, instruction bytes, the last exits.
 * @vcpu: the vCPU that it died on, in its own thread
 * @fmt: the sentence
 */
void vcpu_explain(struct vcpu *vcpu, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/**
 * vcpu_translate() - The guest-physical address behind a linear address, by the guest's own page
 * tables (SDM 3, 4.3-4.5), which are only read.
 * @mem: guest RAM
 * @sregs: the vCPU's control registers
 * @linear: linear address
 * @gpa: filled
 *
 * Return: false if it is not mapped.
 */
bool vcpu_translate(const struct guest_mem *mem, const struct kvm_sregs *sregs, uint64_t linear,
		    uint64_t *gpa);

#endif
