/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TENON_ARRAY_SIZE_H
#define TENON_ARRAY_SIZE_H

/** ARRAY_SIZE() - Elements of an array (not of a pointer). */
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
