/* SPDX-License-Identifier: GPL-2.0-only */
/* The devices that every PC has. */
#ifndef TENON_LEGACY_LEGACY_H
#define TENON_LEGACY_LEGACY_H

#include "device.h"

extern const struct device_ops serial_device; /* config: struct config (console) */
extern const struct device_ops i8042_device; /* config: none */
extern const struct device_ops rtc_device; /* config: none */
extern const struct device_ops pm_device; /* config: none */

#endif
