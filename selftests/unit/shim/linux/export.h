/* SPDX-License-Identifier: GPL-2.0-only */
/* User-space stand-in for the kernel header: nothing is exported from a test. */
#ifndef SHIM_LINUX_EXPORT_H
#define SHIM_LINUX_EXPORT_H

#define EXPORT_SYMBOL_GPL(sym)

#endif /* SHIM_LINUX_EXPORT_H */
