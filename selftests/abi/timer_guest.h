/* SPDX-License-Identifier: GPL-2.0-only */
/* The guests of timer.c, as bytes: selftests/guests/timer.S. */
#ifndef TIMER_GUEST_H
#define TIMER_GUEST_H

#include <stdint.h>

extern const uint8_t guest_timer_start[], guest_timer_end[];
extern const uint8_t guest_timer_spin[];
extern const uint8_t guest_timer_cpuid[];
extern const uint8_t guest_timer_out[];
extern const uint8_t guest_timer_hlt[];
extern const uint8_t guest_timer_far[];
extern const uint8_t guest_timer_handler[];

#endif
