/* SPDX-License-Identifier: GPL-2.0-only */
/* User-space stand-in: the kernel's own header, by a path that the C library's does not have. */
#include <asm/../../include/asm/vmx.h>
