/* SPDX-License-Identifier: GPL-2.0-only */
/* User-space stand-in for the kernel header: bit operations. */
#ifndef SHIM_LINUX_BITOPS_H
#define SHIM_LINUX_BITOPS_H

#include <linux/bits.h>

static inline unsigned long *shim_word(volatile unsigned long *map, unsigned long nr)
{
	return (unsigned long *)map + nr / BITS_PER_LONG;
}

static inline bool test_bit(unsigned long nr, const volatile unsigned long *map)
{
	return map[nr / BITS_PER_LONG] >> (nr % BITS_PER_LONG) & 1;
}

static inline void set_bit(unsigned long nr, volatile unsigned long *map)
{
	__atomic_fetch_or(shim_word(map, nr), BIT(nr % BITS_PER_LONG), __ATOMIC_SEQ_CST);
}

static inline void clear_bit(unsigned long nr, volatile unsigned long *map)
{
	__atomic_fetch_and(shim_word(map, nr), ~BIT(nr % BITS_PER_LONG), __ATOMIC_SEQ_CST);
}

static inline bool test_and_set_bit(unsigned long nr, volatile unsigned long *map)
{
	unsigned long bit = BIT(nr % BITS_PER_LONG);

	return __atomic_fetch_or(shim_word(map, nr), bit, __ATOMIC_SEQ_CST) & bit;
}

static inline bool test_and_clear_bit(unsigned long nr, volatile unsigned long *map)
{
	unsigned long bit = BIT(nr % BITS_PER_LONG);

	return __atomic_fetch_and(shim_word(map, nr), ~bit, __ATOMIC_SEQ_CST) & bit;
}

#define __set_bit(nr, map)	      set_bit(nr, map)
#define __clear_bit(nr, map)	      clear_bit(nr, map)
#define __test_and_set_bit(nr, map)   test_and_set_bit(nr, map)
#define __test_and_clear_bit(nr, map) test_and_clear_bit(nr, map)
#define __assign_bit(nr, map, value)  ((value) ? set_bit(nr, map) : clear_bit(nr, map))
#define assign_bit(nr, map, value)    __assign_bit(nr, map, value)

static inline unsigned long __ffs(unsigned long word)
{
	return (unsigned long)__builtin_ctzl(word);
}

static inline unsigned long __fls(unsigned long word)
{
	return BITS_PER_LONG - 1 - (unsigned long)__builtin_clzl(word);
}

static inline int fls(unsigned int word)
{
	return word ? 32 - __builtin_clz(word) : 0;
}

static inline int fls64(u64 word)
{
	return word ? 64 - __builtin_clzll(word) : 0;
}

static inline unsigned int hweight32(u32 word)
{
	return (unsigned int)__builtin_popcount(word);
}

static inline unsigned int hweight64(u64 word)
{
	return (unsigned int)__builtin_popcountll(word);
}

#define hweight8(word)	hweight32((u8)(word))
#define hweight16(word) hweight32((u16)(word))

static inline unsigned long find_next_bit(const unsigned long *map, unsigned long size,
					  unsigned long from)
{
	while (from < size && !test_bit(from, map))
		from++;
	return from < size ? from : size;
}

static inline unsigned long find_next_zero_bit(const unsigned long *map, unsigned long size,
					       unsigned long from)
{
	while (from < size && test_bit(from, map))
		from++;
	return from < size ? from : size;
}

static inline unsigned long find_last_bit(const unsigned long *map, unsigned long size)
{
	unsigned long nr = size;

	while (nr) {
		if (test_bit(--nr, map))
			return nr;
	}
	return size;
}

#define find_first_bit(map, size)      find_next_bit(map, size, 0)
#define find_first_zero_bit(map, size) find_next_zero_bit(map, size, 0)

#define for_each_set_bit(nr, map, size)                       \
	for ((nr) = find_first_bit(map, size); (nr) < (size); \
	     (nr) = find_next_bit(map, size, (nr) + 1))

static inline s32 sign_extend32(u32 value, int top)
{
	return (s32)(value << (31 - top)) >> (31 - top);
}

static inline s64 sign_extend64(u64 value, int top)
{
	return (s64)(value << (63 - top)) >> (63 - top);
}

#define SHIM_ROTATE(bits)                                                    \
	static inline u##bits rol##bits(u##bits word, unsigned int n)        \
	{                                                                    \
		n &= (bits)-1;                                               \
		return (u##bits)(n ? word << n | word >> ((bits)-n) : word); \
	}                                                                    \
	static inline u##bits ror##bits(u##bits word, unsigned int n)        \
	{                                                                    \
		return rol##bits(word, (bits) - (n & ((bits)-1)));           \
	}

SHIM_ROTATE(8)
SHIM_ROTATE(16)
SHIM_ROTATE(32)
SHIM_ROTATE(64)

#endif /* SHIM_LINUX_BITOPS_H */
