/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TENON_CONTAINER_OF_H
#define TENON_CONTAINER_OF_H

#include <stddef.h>

static inline void *outer_object(void *member, size_t offset)
{
	return (char *)member - offset;
}

/**
 * container_of() - From a member to the structure around it.
 * @ptr: pointer to the member
 * @type: the structure
 * @member: the member's name in it
 */
#define container_of(ptr, type, member) ((type *)outer_object(ptr, offsetof(type, member)))

#endif
