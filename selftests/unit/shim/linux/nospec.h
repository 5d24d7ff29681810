/* SPDX-License-Identifier: GPL-2.0-only */
/* User-space stand-in for the kernel header: the architectural part of the clamp. */
#ifndef SHIM_LINUX_NOSPEC_H
#define SHIM_LINUX_NOSPEC_H

#define array_index_nospec(index, size)                  \
	({                                               \
		__typeof__(index) _i = (index);          \
		_i < (size) ? _i : (__typeof__(index))0; \
	})

#endif /* SHIM_LINUX_NOSPEC_H */
