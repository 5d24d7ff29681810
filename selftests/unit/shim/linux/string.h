/* SPDX-License-Identifier: GPL-2.0-only */
/* User-space stand-in for the kernel header: memory and strings. */
#ifndef SHIM_LINUX_STRING_H
#define SHIM_LINUX_STRING_H

#include <string.h>

#define memzero_explicit(p, n) explicit_bzero(p, n)

#endif /* SHIM_LINUX_STRING_H */
