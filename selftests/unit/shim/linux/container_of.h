/* SPDX-License-Identifier: GPL-2.0-only */
/* User-space stand-in for the kernel header: from a member to its structure. */
#ifndef SHIM_LINUX_CONTAINER_OF_H
#define SHIM_LINUX_CONTAINER_OF_H

#include <stddef.h>

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#endif /* SHIM_LINUX_CONTAINER_OF_H */
