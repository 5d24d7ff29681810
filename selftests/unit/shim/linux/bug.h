/* SPDX-License-Identifier: GPL-2.0-only */
/* User-space stand-in for the kernel header: a warning ends the test. */
#ifndef SHIM_LINUX_BUG_H
#define SHIM_LINUX_BUG_H

#include <stdio.h>
#include <stdlib.h>
#include <linux/build_bug.h>
#include <linux/types.h>

#define WARN_ON(cond)                                                                       \
	({                                                                                  \
		bool _warn = !!(cond);                                                      \
		if (_warn) {                                                                \
			fprintf(stderr, "%s:%d: WARN_ON(%s)\n", __FILE__, __LINE__, #cond); \
			abort();                                                            \
		}                                                                           \
		_warn;                                                                      \
	})
#define WARN_ON_ONCE(cond) WARN_ON(cond)

#endif /* SHIM_LINUX_BUG_H */
