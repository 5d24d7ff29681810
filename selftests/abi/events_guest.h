/* SPDX-License-Identifier: GPL-2.0-only */
/* The guests of events.c, as bytes: selftests/guests/events.S. */
#ifndef EVENTS_GUEST_H
#define EVENTS_GUEST_H

#include <stdint.h>

extern const uint8_t guest_spin[], guest_spin_end[];
extern const uint8_t guest_sti_spin[], guest_sti_spin_end[];
extern const uint8_t guest_tell_if[], guest_tell_if_end[];
extern const uint8_t guest_tell[], guest_tell_end[];
extern const uint8_t guest_tsc_aux[], guest_tsc_aux_end[];
extern const uint8_t guest_tpr_mmio[], guest_tpr_mmio_end[];
extern const uint8_t guest_tpr_x2apic[], guest_tpr_x2apic_end[];
extern const uint8_t guest_iret[], guest_iret_end[];
extern const uint8_t guest_breakpoint[], guest_breakpoint_end[];
extern const uint8_t guest_start_ap[], guest_start_ap_end[];
extern const uint8_t guest_iret_target[];

#endif
