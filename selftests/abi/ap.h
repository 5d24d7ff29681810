/* SPDX-License-Identifier: GPL-2.0-only */
/* A vCPU that another one starts by INIT and start-up IPI, in a thread of its own. */
#ifndef AP_H
#define AP_H

#include <pthread.h>

#include "lib/abi.h"

/**
 * struct ap - an application processor
 * @told: the byte that it wrote to a port, or how else KVM_RUN ended
 */
struct ap {
	struct abi_vm *vm;
	int vcpu;
	int told;
	pthread_t thread;
};

/* KVM_RUN says EAGAIN when the start-up IPI has come. */
static void *ap_run(void *arg)
{
	struct ap *ap = arg;
	struct kvm_run *run = ap->vm->run[ap->vcpu];
	int r;

	do {
		r = abi_run(ap->vm, ap->vcpu);
	} while (r == -EAGAIN || r == -EINTR);
	ap->told = r == KVM_EXIT_IO ? *((uint8_t *)run + run->io.data_offset) : r;
	return NULL;
}

static inline void ap_start(struct ap *ap)
{
	CHECK_EQ(pthread_create(&ap->thread, NULL, ap_run, ap), 0);
}

static inline int ap_told(struct ap *ap)
{
	CHECK_EQ(pthread_join(ap->thread, NULL), 0);
	return ap->told;
}

#endif
