/* SPDX-License-Identifier: GPL-2.0-only */
/* User-space stand-in for the kernel header: minimum and maximum. */
#ifndef SHIM_LINUX_MINMAX_H
#define SHIM_LINUX_MINMAX_H

#define SHIM_PICK(x, op, y)             \
	({                              \
		__typeof__(x) _x = (x); \
		__typeof__(y) _y = (y); \
		_x op _y ? _x : _y;     \
	})

#define min(x, y)	       SHIM_PICK(x, <, y)
#define max(x, y)	       SHIM_PICK(x, >, y)
#define min_t(type, x, y)      min((type)(x), (type)(y))
#define max_t(type, x, y)      max((type)(x), (type)(y))
#define min3(x, y, z)	       min(min(x, y), z)
#define max3(x, y, z)	       max(max(x, y), z)
#define clamp(v, lo, hi)       min(max(v, lo), hi)
#define clamp_t(type, v, l, h) clamp((type)(v), (type)(l), (type)(h))
#define clamp_val(v, lo, hi)   clamp_t(__typeof__(v), v, lo, hi)
#define swap(a, b)                        \
	do {                              \
		__typeof__(a) _tmp = (a); \
		(a) = (b);                \
		(b) = _tmp;               \
	} while (0)

#endif /* SHIM_LINUX_MINMAX_H */
