/* SPDX-License-Identifier: GPL-2.0-only */
/* What dirty.c and dirty_move.c have in common: a logged slot, and the calls about it. */
#ifndef DIRTY_CALLS_H
#define DIRTY_CALLS_H

#include <sys/mman.h>

#include "lib/abi.h"

#define PAGE	 0x1000UL
#define HUGE	 0x200000UL
#define CODE	 0x1000
#define AREA	 0x40000000ULL
#define AREA_ID	 1
#define NO_RAM	 0xd0000000
#define LOG	 KVM_MEM_LOG_DIRTY_PAGES
#define MANUAL	 KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE
#define INIT_SET (KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET)

static inline int get_log(struct abi_vm *vm, uint32_t id, void *bitmap)
{
	struct kvm_dirty_log log = { .slot = id, .dirty_bitmap = bitmap };

	return ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log);
}

static inline int clear_log(struct abi_vm *vm, uint32_t id, uint64_t first, uint32_t nr,
			    void *bitmap)
{
	struct kvm_clear_dirty_log log = {
		.slot = id,
		.first_page = first,
		.num_pages = nr,
		.dirty_bitmap = bitmap,
	};

	return ioctl(vm->fd, KVM_CLEAR_DIRTY_LOG, &log);
}

static inline int enable(struct abi_vm *vm, uint64_t how)
{
	return abi_enable(vm, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, how);
}

static inline uint8_t *new_pages(size_t size, int flags)
{
	uint8_t *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags,
			    -1, 0);

	if (mem == MAP_FAILED)
		abi_skip("no memory with flags %#x: errno %d", flags, errno);
	return mem;
}

/* One instruction with memory at [edi], in two bytes. */
#define OP_INC	0x07ff
#define OP_LOAD 0x078b

/* The guest does @op at @nr addresses from @gpa on, one each @step bytes. */
static inline void touch(struct abi_vm *vm, uint16_t op, uint32_t gpa, uint32_t nr, uint32_t step)
{
	/* mov edi,gpa; mov ecx,nr; again: op; add edi,step; loop again; hlt */
	uint8_t code[] = {
		0xbf,	 gpa,	    gpa >> 8,	gpa >> 16,  gpa >> 24, 0xb9, nr,
		nr >> 8, nr >> 16,  nr >> 24,	op,	    op >> 8,   0x81, 0xc7,
		step,	 step >> 8, step >> 16, step >> 24, 0xe2,      0xf6, 0xf4,
	};

	abi_code(vm, CODE, code, sizeof(code));
	abi_flat32(vm, 0, CODE);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
}

static inline void store(struct abi_vm *vm, uint64_t page)
{
	touch(vm, OP_INC, AREA + page * PAGE, 1, 0);
}

/* The log of AREA, of up to 64 pages, fetched as one word. */
static inline uint64_t log64(struct abi_vm *vm)
{
	uint64_t word[2] = { 0x5555, 0x1234567890abcdef };

	CHECK_EQ(get_log(vm, AREA_ID, word), 0);
	CHECK_EQ(word[1], 0x1234567890abcdef);
	return word[0];
}

/* Each manner of logging. */
static const uint64_t manners[] = { 0, MANUAL, INIT_SET };

#endif
