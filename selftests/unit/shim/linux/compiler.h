/* SPDX-License-Identifier: GPL-2.0-only */
/* User-space stand-in for the kernel header: compiler annotations. */
#ifndef SHIM_LINUX_COMPILER_H
#define SHIM_LINUX_COMPILER_H

#include <stddef.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define noinline    __attribute__((noinline))
#define noinstr
#define fallthrough    __attribute__((fallthrough))
#define __must_check   __attribute__((warn_unused_result))
#define __maybe_unused __attribute__((unused))
#define __packed       __attribute__((packed))
#define __aligned(n)   __attribute__((aligned(n)))
#define __printf(a, b) __attribute__((format(printf, a, b)))
#define __cold	       __attribute__((cold))
#define __pure	       __attribute__((pure))
#define __ro_after_init
#define __read_mostly
#define __user
#define __iomem
#define __rcu
#define __force
#define __must_hold(x)
#define __acquires(x)
#define __releases(x)
#define barrier()	 __asm__ __volatile__("" ::: "memory")
#define READ_ONCE(x)	 (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))
#define smp_mb()	 __atomic_thread_fence(__ATOMIC_SEQ_CST)
/* Locked operations are full barriers here, as on x86. */
#define smp_mb__after_atomic()	barrier()
#define smp_rmb()		__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define smp_wmb()		__atomic_thread_fence(__ATOMIC_RELEASE)

#define smp_load_acquire(p)	__atomic_load_n((p), __ATOMIC_ACQUIRE)
#define smp_store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)

#endif /* SHIM_LINUX_COMPILER_H */
