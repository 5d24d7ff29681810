/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TENON_EXPLAIN_H
#define TENON_EXPLAIN_H

#include <uapi/linux/tenon.h>

struct vcpu;

/* vCPU ioctl TENON_GET_EXIT_LOG. */
long exit_log_get(struct vcpu *vcpu, void *arg, unsigned long uarg);

#endif
