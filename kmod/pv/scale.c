// SPDX-License-Identifier: GPL-2.0-only
/*
 * The factors by which a kvmclock guest turns TSC ticks into nanoseconds. Pure.
 */
#include <linux/bitops.h>
#include <linux/math64.h>

#include "scale.h"

#define NS_PER_MS 1000000ull

/**
 * pv_scale() - factors of the kvmclock page
 * @khz: TSC frequency in kHz, not 0
 * @mul: multiplier, normalized to 32 significant bits
 * @shift: left shift of the ticks before the multiplication, -12 to 20; negative: right shift
 *
 * ns = ((ticks << @shift) * @mul) >> 32, within 1 part in 2^31, never too many.
 */
void pv_scale(u32 khz, u32 *mul, s8 *shift)
{
	/* ns per tick, in 32.32 fixed point: 20 (4 THz) to 52 (1 kHz) significant bits. */
	int bits = fls64(div64_u64(NS_PER_MS << 32, khz));

	*shift = bits - 32;
	if (bits >= 32)
		*mul = div64_u64(NS_PER_MS << 32, (u64)khz << (bits - 32));
	else
		*mul = div64_u64((NS_PER_MS << 32) << (32 - bits), khz);
}

/* Nanoseconds of @ticks at @khz, as a guest computes them. */
u64 pv_scale_ticks(u64 ticks, u32 khz)
{
	u32 mul;
	s8 shift;

	pv_scale(khz, &mul, &shift);
	ticks = shift < 0 ? ticks >> -shift : ticks << shift;
	return mul_u64_u32_shr(ticks, mul, 32);
}
