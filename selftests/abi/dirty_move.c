// SPDX-License-Identifier: GPL-2.0-only
/*
 * No write is lost while guests run, the log is fetched and cleared, and logging ends and begins
 * again: a copy of the guest's memory that follows the log is the memory itself in the end.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "dirty_calls.h"

/**
 * struct writer - a vCPU that writes for as long as it is let
 * @stop: it is to end
 */
struct writer {
	struct abi_vm *vm;
	int vcpu;
	pthread_t thread;
	bool stop;
};

#define WRITERS	    3
#define WRITE_PAGES 2048
#define WRITE_S	    1

static void nothing(int signal)
{
	(void)signal;
}

static void *write_on(void *arg)
{
	struct writer *writer = arg;
	struct kvm_run *run = writer->vm->run[writer->vcpu];
	uint32_t value = 0;

	while (!__atomic_load_n(&writer->stop, __ATOMIC_ACQUIRE)) {
		int exit = abi_run(writer->vm, writer->vcpu);

		if (exit != KVM_EXIT_MMIO && exit != -EINTR && exit != KVM_EXIT_INTR)
			abi_fail(__FILE__, __LINE__, "vCPU %d: exit %d at %#llx", writer->vcpu,
				 exit, abi_regs(writer->vm, writer->vcpu).rip);
		value++;
		memcpy(run->mmio.data, &value, sizeof(value));
	}
	return NULL;
}

/*
 * Stores a counter to random pages. The last one gets what it stores from a device, so that it is
 * the module that does it. Interrupts are on for the emulators' sake: see Documentation/lab.rst.
 */
static void writers_start(struct abi_vm *vm, struct writer *writers)
{
	struct sigaction action = { .sa_handler = nothing };
	struct kvm_regs regs;
	int i;

	CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	/* again: imul eax,eax,1664525; add eax,1013904223; mov edi,eax; shr edi,8; and edi,ebx;
	 * shl edi,12; add edi,AREA; inc ecx; mov [edi],ecx; jmp again
	 */
	ABI_CODE(vm, CODE, 0x69, 0xc0, 0x0d, 0x66, 0x19, 0x00, 0x05, 0x5f, 0xf3, 0x6e, 0x3c, 0x89,
		 0xc7, 0xc1, 0xef, 8, 0x21, 0xdf, 0xc1, 0xe7, 12, 0x81, 0xc7, 0, 0, 0, AREA >> 24,
		 0x41, 0x89, 0x0f, 0xeb, 0xe0);
	/* The same with: mov esi,NO_RAM; movsd */
	ABI_CODE(vm, 2 * CODE, 0x69, 0xc0, 0x0d, 0x66, 0x19, 0x00, 0x05, 0x5f, 0xf3, 0x6e, 0x3c,
		 0x89, 0xc7, 0xc1, 0xef, 8, 0x21, 0xdf, 0xc1, 0xe7, 12, 0x81, 0xc7, 0, 0, 0,
		 AREA >> 24, 0xbe, 0, 0, 0, NO_RAM >> 24, 0xa5, 0xeb, 0xdd);
	for (i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ .vm = vm, .vcpu = i };
		abi_flat32(vm, i, i == WRITERS - 1 ? 2 * CODE : CODE);
		regs = abi_regs(vm, i);
		regs.rax = 12345 * (i + 1);
		regs.rbx = WRITE_PAGES - 1;
		regs.rflags |= 1 << 9;
		CHECK_EQ(ioctl(vm->vcpu[i], KVM_SET_REGS, &regs), 0);
		CHECK_EQ(pthread_create(&writers[i].thread, NULL, write_on, &writers[i]), 0);
	}
}

static void writers_stop(struct writer *writers, int nr)
{
	int i;

	for (i = 0; i < nr; i++) {
		__atomic_store_n(&writers[i].stop, true, __ATOMIC_RELEASE);
		writers[i].vm->run[i]->immediate_exit = 1;
		pthread_kill(writers[i].thread, SIGUSR1);
	}
	for (i = 0; i < nr; i++) {
		CHECK_EQ(pthread_join(writers[i].thread, NULL), 0);
		writers[i].vm->run[i]->immediate_exit = 0;
	}
}

/**
 * struct copy - the guest's memory, and a copy that the log keeps up to date
 * @how: of manners[]
 */
struct copy {
	struct abi_vm *vm;
	uint8_t *mem;
	uint8_t *copy;
	uint64_t how;
	uint64_t copied;
};

/* Clear what was fetched, in portions of many sizes. */
static void copy_clear(struct copy *copy, uint64_t *bitmap)
{
	uint32_t first, nr;

	for (first = 0; first < WRITE_PAGES; first += nr) {
		nr = 64 * (1 + first / 64 % 5);
		if (nr > WRITE_PAGES - first)
			nr = WRITE_PAGES - first;
		CHECK_EQ(clear_log(copy->vm, AREA_ID, first, nr, bitmap + first / 64), 0);
	}
}

static void copy_update(struct copy *copy)
{
	uint64_t bitmap[WRITE_PAGES / 64];
	size_t i;

	CHECK_EQ(get_log(copy->vm, AREA_ID, bitmap), 0);
	if (copy->how)
		copy_clear(copy, bitmap);
	for (i = 0; i < WRITE_PAGES; i++) {
		if (!(bitmap[i / 64] >> i % 64 & 1))
			continue;
		memcpy(copy->copy + i * PAGE, copy->mem + i * PAGE, PAGE);
		copy->copied++;
	}
}

static void log_on(struct copy *copy, uint32_t flags)
{
	CHECK_EQ(abi_set_slot(copy->vm, AREA_ID, flags, AREA, WRITE_PAGES * PAGE, copy->mem), 0);
	if (flags && copy->how != INIT_SET)
		memcpy(copy->copy, copy->mem, WRITE_PAGES * PAGE);
}

/*
 * A guest that moves to another host while it runs: at the end both have the same memory. If
 * @storm, logging ends and begins again.
 */
static void move(uint8_t *mem, uint64_t how, bool storm)
{
	struct copy copy = { .vm = abi_vm(0x100000), .mem = mem, .how = how };
	struct writer writers[WRITERS];
	uint64_t rounds = 0;
	double end;
	int i;

	copy.copy = new_pages(WRITE_PAGES * PAGE, 0);
	for (i = 0; i < WRITERS; i++)
		abi_vcpu(copy.vm);
	CHECK_EQ(enable(copy.vm, how), 0);
	CHECK_EQ(abi_set_slot(copy.vm, AREA_ID, 0, AREA, WRITE_PAGES * PAGE, mem), 0);
	writers_start(copy.vm, writers);
	usleep(100000);
	log_on(&copy, LOG);
	end = abi_now() + WRITE_S;
	for (; abi_now() < end || rounds < 4 || copy.copied < 100; rounds++) {
		copy_update(&copy);
		if (!storm)
			continue;
		log_on(&copy, 0);
		usleep(1000);
		log_on(&copy, LOG);
	}
	writers_stop(writers, WRITERS);
	copy_update(&copy);
	for (i = 0; i < WRITE_PAGES; i++)
		if (memcmp(copy.copy + i * PAGE, mem + i * PAGE, PAGE))
			abi_fail(__FILE__, __LINE__, "a write to page %d was lost", i);
	munmap(copy.copy, WRITE_PAGES * PAGE);
	abi_close(copy.vm);
}

static void move_all(uint8_t *mem, bool storm)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(manners); i++)
		move(mem, manners[i], storm);
}

static void test_move(void)
{
	move_all(new_pages(WRITE_PAGES * PAGE, 0), false);
}

static void test_move_storm(void)
{
	move_all(new_pages(WRITE_PAGES * PAGE, 0), true);
}

static uint8_t *huge_pages(void)
{
	uint8_t *raw = new_pages(WRITE_PAGES * PAGE + HUGE, 0);
	uint8_t *mem = raw + (-(uintptr_t)raw & (HUGE - 1));

	if (madvise(mem, WRITE_PAGES * PAGE, MADV_HUGEPAGE))
		abi_skip("no transparent huge pages");
	memset(mem, 0, WRITE_PAGES * PAGE);
	return mem;
}

static void test_move_huge(void)
{
	move_all(huge_pages(), false);
}

static void test_move_huge_storm(void)
{
	move_all(huge_pages(), true);
}

#define SPINS 200

/*
 * A guest that makes no exits adds 1 to a word for ever. It has the page in its TLB as writable:
 * what it writes after a log was fetched is in the next one only if it was made to forget that.
 */
static void test_spinning(void)
{
	uint8_t *mem = new_pages(64 * PAGE, 0);
	uint32_t *word = (uint32_t *)mem;
	struct sigaction action = { .sa_handler = nothing };
	struct abi_vm *vm = abi_vm(0x100000);
	struct writer writer = { .vm = vm, .vcpu = abi_vcpu(vm) };
	struct kvm_regs regs;
	uint32_t seen;
	int i;

	CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	CHECK_EQ(abi_set_slot(vm, AREA_ID, LOG, AREA, 64 * PAGE, mem), 0);
	/* again: inc dword [AREA]; jmp again */
	ABI_CODE(vm, CODE, 0xff, 0x05, 0, 0, 0, AREA >> 24, 0xeb, 0xf8);
	abi_flat32(vm, 0, CODE);
	regs = abi_regs(vm, 0);
	regs.rflags |= 1 << 9;
	CHECK_EQ(ioctl(vm->vcpu[0], KVM_SET_REGS, &regs), 0);
	CHECK_EQ(pthread_create(&writer.thread, NULL, write_on, &writer), 0);
	for (i = 0; i < SPINS; i++) {
		log64(vm);
		seen = __atomic_load_n(word, __ATOMIC_ACQUIRE);
		while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == seen)
			;
		CHECK_EQ(log64(vm), 1);
	}
	writers_stop(&writer, 1);
}

struct hostile {
	struct abi_vm *vm;
	uint8_t *mem;
	unsigned int seed;
	double end;
};

/* Any calls in any order; what they answer does not matter. */
static void *hostile(void *arg)
{
	struct hostile *me = arg;
	uint64_t bitmap[WRITE_PAGES / 64];
	static const uint32_t flags[] = { 0, LOG, LOG, LOG | KVM_MEM_READONLY, KVM_MEM_READONLY };
	struct kvm_clear_dirty_log clear = { .slot = AREA_ID, .dirty_bitmap = bitmap };

	while (abi_now() < me->end) {
		int r = rand_r(&me->seed);
		uint64_t size = r >> 4 & 1 ? 0 : WRITE_PAGES * PAGE;

		memset(bitmap, r, sizeof(bitmap));
		switch (r >> 8 & 7) {
		case 0:
			abi_set_slot(me->vm, AREA_ID, flags[(r >> 12) % ARRAY_SIZE(flags)],
				     AREA + (r >> 16 & 3) * PAGE, size, me->mem);
			break;
		case 1:
			enable(me->vm, r >> 12 & 7);
			break;
		case 2:
			madvise(me->mem + (r >> 12 & 1023) * PAGE, HUGE, MADV_DONTNEED);
			break;
		case 3:
		case 4:
			get_log(me->vm, AREA_ID, r & 1 ? (void *)bitmap : me->mem);
			break;
		default:
			clear.first_page = r >> 12 & 0xfc0;
			clear.num_pages = r >> 16 & 0xfff;
			ioctl(me->vm->fd, KVM_CLEAR_DIRTY_LOG, &clear);
		}
	}
	return NULL;
}

static void *run_on(void *arg)
{
	struct hostile *me = arg;
	int vcpu = me->seed;

	while (abi_now() < me->end)
		abi_run(me->vm, vcpu);
	return NULL;
}

static void test_hostile(void)
{
	struct abi_vm *vm = abi_vm(0x100000);
	struct hostile me[4];
	pthread_t thread[4];
	uint8_t *mem = huge_pages();
	struct kvm_regs regs;
	int i;

	for (i = 0; i < 2; i++) {
		abi_vcpu(vm);
		/* outer: mov edi,AREA; mov ecx,2048; inner: inc dword [edi]; add edi,PAGE;
		 * loop inner; hlt; jmp outer
		 */
		ABI_CODE(vm, CODE, 0xbf, 0, 0, 0, AREA >> 24, 0xb9, 0, 8, 0, 0, 0xff, 0x07, 0x81,
			 0xc7, 0, 0x10, 0, 0, 0xe2, 0xf6, 0xf4, 0xeb, 0xe9);
		abi_flat32(vm, i, CODE);
		regs = abi_regs(vm, i);
		regs.rflags |= 1 << 9;
		CHECK_EQ(ioctl(vm->vcpu[i], KVM_SET_REGS, &regs), 0);
	}
	for (i = 0; i < 4; i++) {
		me[i] = (struct hostile){ .vm = vm,
					  .mem = mem,
					  .seed = i,
					  .end = abi_now() + WRITE_S };
		CHECK_EQ(pthread_create(&thread[i], NULL, i < 2 ? run_on : hostile, &me[i]), 0);
	}
	for (i = 0; i < 4; i++)
		CHECK_EQ(pthread_join(thread[i], NULL), 0);
	/* It still works. */
	abi_set_slot(vm, AREA_ID, 0, 0, 0, NULL);
	CHECK_EQ(enable(vm, 0), 0);
	CHECK_EQ(abi_set_slot(vm, AREA_ID, LOG, AREA, 64 * PAGE, mem), 0);
	store(vm, 5);
	CHECK_EQ(log64(vm), 1 << 5);
}

static const struct abi_test tests[] = { { "plain", test_move },
					 { "storm", test_move_storm },
					 { "huge", test_move_huge },
					 { "huge_storm", test_move_huge_storm },
					 { "spinning", test_spinning },
					 { "hostile", test_hostile },
					 {} };

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	return abi_main(tests, argc, argv);
}
