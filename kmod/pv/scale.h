/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TENON_PV_SCALE_H
#define TENON_PV_SCALE_H

#include <linux/types.h>

void pv_scale(u32 khz, u32 *mul, s8 *shift);
u64 pv_scale_ticks(u64 ticks, u32 khz);

#endif
