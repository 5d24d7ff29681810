// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions per exit, seen from the guest: TSC ticks of a loop around one exiting instruction,
 * less those of the empty loop. One line per row: "row UNIT VALUE".
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "../abi/lib/abi.h"

#define MEMORY	     (512ul << 20)
#define CODE	     0x10000
#define IDT	     0x4000
#define TOUCH	     (64ul << 20)
#define TIMER_VECTOR 0x40
#define END_PORT     0xf4

/* See ../guests/bench.S. */
#define GUEST(name) extern const uint8_t guest_##name[], guest_##name##_end[]
#define LABEL(name) extern const uint8_t guest_##name[]

GUEST(empty);
GUEST(cpuid);
GUEST(hypercall);
GUEST(wrmsr);
GUEST(in_kernel);
GUEST(out_kernel);
GUEST(out_user);
GUEST(mmio_lapic);
GUEST(mmio_ioapic);
GUEST(mmio_user);
GUEST(mmio_user_write);
GUEST(touch);
GUEST(hlt_timer);
LABEL(timer_handler);
LABEL(hypercall_insn);

/**
 * struct row - one thing to measure
 * @rbx: handed to the guest
 * @huge: host memory by 2 MiB pages, else by 4 KiB ones
 * @own_clock: the guest takes its own times; there is no loop to take off
 */
struct row {
	const char *name;
	const uint8_t *code;
	const uint8_t *end;
	unsigned long iterations;
	uint64_t rbx;
	bool huge;
	bool own_clock;
};

#define ROW(n, count, ...)                                                                    \
	{                                                                                     \
		.name = #n, .code = guest_##n, .end = guest_##n##_end, .iterations = (count), \
		__VA_ARGS__                                                                   \
	}

static const struct row rows[] = {
	ROW(cpuid, 20000),
	ROW(hypercall, 20000),
	ROW(wrmsr, 20000),
	ROW(in_kernel, 20000),
	ROW(out_kernel, 20000),
	ROW(out_user, 20000),
	ROW(mmio_lapic, 20000),
	ROW(mmio_ioapic, 20000),
	ROW(mmio_user, 20000),
	ROW(mmio_user_write, 20000),
	ROW(hlt_timer, 1000, .rbx = 100000, .own_clock = true),
	{ .name = "touch_4k",
	  .code = guest_touch,
	  .end = guest_touch_end,
	  .iterations = 8192,
	  .rbx = 4096 },
	{ .name = "touch_2m",
	  .code = guest_touch,
	  .end = guest_touch_end,
	  .iterations = 128,
	  .rbx = 2 << 20,
	  .huge = true },
};

static const char *only;
/* One row for as long as it is watched: so many iterations, or passes of a row that touches. */
static unsigned long repeat;

/* An interrupt gate to the handler, which lies in the copied code. */
static void set_gate(struct abi_vm *vm, const struct row *row)
{
	uint64_t target = CODE + (guest_timer_handler - row->code);
	uint64_t *gate = (void *)(vm->mem + IDT + TIMER_VECTOR * 16);

	gate[0] = (target & 0xffff) | 8ull << 16 | 0x8eull << 40 | (target >> 16 & 0xffff) << 48;
	gate[1] = target >> 32;
}

/* In the form of the processor at hand. */
static void set_hypercall(struct abi_vm *vm)
{
	ABI_CODE(vm, CODE + (guest_hypercall_insn - guest_hypercall), 0x0f, 0x01, abi_hypercall());
}

/* 64-bit code with the whole 4 GiB mapped, a GDT and an IDT. */
static void set_tables(struct abi_vm *vm, int vcpu)
{
	uint64_t *pdpt = (void *)(vm->mem + ABI_TABLES + 0x1000);
	uint64_t *gdt = (void *)(vm->mem + 0x3000);
	struct kvm_sregs sregs;
	int i;

	for (i = 0; i < 4; i++)
		pdpt[i] = (uint64_t)i << 30 | 0x87;
	gdt[1] = 0x00af9b000000ffffull;
	gdt[2] = 0x00cf93000000ffffull;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_SREGS, &sregs), 0);
	sregs.gdt.base = 0x3000;
	sregs.gdt.limit = 23;
	sregs.idt.base = IDT;
	sregs.idt.limit = 0xfff;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_SREGS, &sregs), 0);
}

static bool touches(const struct row *row)
{
	return row->code == guest_touch;
}

/* The guest's memory again, none of it mapped. */
static void unmap(struct abi_vm *vm)
{
	struct kvm_userspace_memory_region slot = { .userspace_addr = (uintptr_t)vm->mem };

	CHECK_EQ(ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot), 0);
	slot.memory_size = vm->size;
	CHECK_EQ(ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot), 0);
}

/* One run of the code: the ticks that the guest tells. */
static uint64_t pass(struct abi_vm *vm, int vcpu, const struct kvm_regs *regs)
{
	int reason;

	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_REGS, regs), 0);
	do {
		reason = abi_run(vm, vcpu);
		CHECK(reason == KVM_EXIT_IO || reason == KVM_EXIT_MMIO);
	} while (reason != KVM_EXIT_IO || vm->run[vcpu]->io.port != END_PORT);
	return abi_regs(vm, vcpu).rax;
}

static uint64_t run(const struct row *row, const uint8_t *code, const uint8_t *end,
		    unsigned long iterations, unsigned long passes)
{
	struct abi_vm *vm = abi_vm_irqchip(MEMORY);
	int vcpu = abi_vcpu(vm);
	struct kvm_regs regs;
	uint64_t ticks;

	CHECK_EQ(madvise(vm->mem, vm->size, row->huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE), 0);
	memset(vm->mem + TOUCH, 1, touches(row) ? iterations * row->rbx : 1);
	abi_code(vm, CODE, code, end - code);
	if (code == guest_hypercall)
		set_hypercall(vm);
	abi_long(vm, vcpu, CODE);
	set_tables(vm, vcpu);
	set_gate(vm, row);
	regs = abi_regs(vm, vcpu);
	regs.rsi = iterations;
	regs.rdi = TOUCH;
	regs.rbx = row->rbx;
	if (repeat)
		puts("# running");
	fflush(stdout);
	ticks = pass(vm, vcpu, &regs);
	while (--passes) {
		unmap(vm);
		pass(vm, vcpu, &regs);
	}
	abi_close(vm);
	return ticks;
}

static void measure(void)
{
	unsigned int i;
	double empty, ticks;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		unsigned long n = repeat && !touches(row) ? repeat : row->iterations;
		unsigned long passes = repeat && touches(row) ? repeat : 1;

		if (only && strcmp(only, row->name))
			continue;
		empty = row->own_clock || repeat ?
				0 :
				(double)run(row, guest_empty, guest_empty_end, n, 1) / n;
		ticks = (double)run(row, row->code, row->end, n, passes) / n;
		printf("%s instructions %.1f\n", row->name, ticks - empty);
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	static const struct abi_test tests[] = {
		{ "exits", measure },
		{ NULL, NULL },
	};

	only = argc > 1 ? argv[1] : NULL;
	repeat = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
	abi_test_seconds = 600;
	return abi_main(tests, 1, argv);
}
