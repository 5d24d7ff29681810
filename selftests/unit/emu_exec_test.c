// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the processor in user mode cannot show (emu_native_test does the rest): other
 * modes and privilege levels, devices, restarting, bounds, races, interrupt shadows.
 */
#include <asm/processor-flags.h>
#include <check.h>
#include <linux/kernel.h>
#include <stdlib.h>
#include <string.h>

#include "emu_world.h"

#define BASE		0x10000ull
#define SIZE		0x4000u
#define DEVICE		(BASE + 0x3000)
#define RIP		0x1234ull
#define BYTES(...)	((const u8[]){ __VA_ARGS__ })
#define RUN(code, ...)	world_run(&world, code, BYTES(__VA_ARGS__), sizeof(BYTES(__VA_ARGS__)))
#define STEP(code, ...) world_step(&world, code, BYTES(__VA_ARGS__), sizeof(BYTES(__VA_ARGS__)))

static struct emu_world world;
static u8 mem[SIZE];

static void setup(void)
{
	unsigned int i;

	for (i = 0; i < SIZE; i++)
		mem[i] = i * 7 + (i >> 8);
	world_init(&world, BASE, mem, SIZE);
	world.ctx.rip = RIP;
	world.regs[EMU_RSP] = BASE + 0x1000;
}

/* A mode with 16-bit segments of base selector * 16. */
static void setup_16bit(enum emu_mode mode)
{
	unsigned int i;

	for (i = EMU_ES; i <= EMU_GS; i++) {
		world.seg[i].sel = BASE >> 4;
		world.seg[i].base = BASE;
		world.seg[i].limit = 0xffff;
	}
	world.ctx.mode = mode;
	world.ctx.cr0 = mode == EMU_REAL ? 0 : X86_CR0_PE;
	world.ctx.cpl = mode == EMU_VM86 ? 3 : 0;
	if (mode == EMU_VM86)
		world.ctx.rflags |= X86_EFLAGS_VM;
	world.regs[EMU_RSP] = 0x1000;
}

static void assert_fault(enum emu_result ret, int vector, bool has_error, u32 error)
{
	ck_assert_int_eq(ret, EMU_FAULT);
	ck_assert_int_eq(world.ctx.fault.vector, vector);
	ck_assert_int_eq(world.ctx.fault.has_error, has_error);
	ck_assert_uint_eq(world.ctx.fault.error, error);
	ck_assert_uint_eq(world.ctx.rip, RIP);
}

static u64 mem64(u64 at)
{
	u64 value;

	memcpy(&value, mem + (at - BASE), sizeof(value));
	return value;
}

START_TEST(device_read_restarts)
{
	world.device = DEVICE;
	world.regs[EMU_RBX] = DEVICE;
	world.regs[EMU_RAX] = 0x1122334455667788;
	/* mov (%rbx), %ax */
	ck_assert_int_eq(STEP(EMU_CODE64, 0x66, 0x8b, 0x03), EMU_EXIT);
	ck_assert_uint_eq(world.regs[EMU_RAX], 0x1122334455667788);
	ck_assert_uint_eq(world.ctx.rip, RIP);
	ck_assert_int_eq(RUN(EMU_CODE64, 0x66, 0x8b, 0x03), EMU_OK);
	ck_assert_uint_eq(world.regs[EMU_RAX],
			  0x1122334455660000 | (u16)world_device_value(DEVICE, 0));
	ck_assert_uint_eq(world.ctx.rip, RIP + 3);
}
END_TEST

START_TEST(device_write_is_one)
{
	u32 read = world_device_value(DEVICE, 0);

	world.device = DEVICE;
	world.regs[EMU_RBX] = DEVICE;
	/* addl $5, (%rbx): asks once, writes once */
	ck_assert_int_eq(RUN(EMU_CODE64, 0x83, 0x03, 0x05), EMU_OK);
	ck_assert_uint_eq(world.nr_log, 1);
	ck_assert_uint_eq(world.log[0].value, (u32)(read + 5));
	/* xchg %ecx, (%rbx): locked, still one write */
	world.regs[EMU_RCX] = 0x77;
	ck_assert_int_eq(RUN(EMU_CODE64, 0x87, 0x0b), EMU_OK);
	ck_assert_uint_eq(world.nr_log, 2);
	ck_assert_uint_eq(world.log[1].value, 0x77);
	ck_assert_uint_eq(world.regs[EMU_RCX], read);
}
END_TEST

START_TEST(compare_two_devices)
{
	world.device = DEVICE;
	world.regs[EMU_RSI] = DEVICE;
	world.regs[EMU_RDI] = DEVICE + 8;
	world.regs[EMU_RCX] = 5;
	world.ctx.max_iter = 100;
	/* repne cmpsl: two answers, and the loop ends with the iteration */
	ck_assert_int_eq(RUN(EMU_CODE64, 0xf2, 0xa7), EMU_OK);
	ck_assert_uint_eq(world.next_answer, 2);
	ck_assert_uint_eq(world.regs[EMU_RCX], 4);
	ck_assert_uint_eq(world.regs[EMU_RSI], DEVICE + 4);
	ck_assert_uint_eq(world.ctx.rip, RIP);
	ck_assert_int_eq(!!(world.ctx.rflags & X86_EFLAGS_CF),
			 (u32)world_device_value(DEVICE, 0) <
				 (u32)world_device_value(DEVICE + 8, 1));
}
END_TEST

START_TEST(rep_is_bounded)
{
	world.regs[EMU_RDI] = BASE;
	world.regs[EMU_RCX] = 10;
	world.regs[EMU_RAX] = ~0ull;
	world.ctx.max_iter = 4;
	/* rep stosq */
	ck_assert_int_eq(RUN(EMU_CODE64, 0xf3, 0x48, 0xab), EMU_OK);
	ck_assert_uint_eq(world.regs[EMU_RCX], 6);
	ck_assert_uint_eq(world.regs[EMU_RDI], BASE + 32);
	ck_assert_uint_eq(world.ctx.rip, RIP);
	world.ctx.max_iter = 100;
	ck_assert_int_eq(RUN(EMU_CODE64, 0xf3, 0x48, 0xab), EMU_OK);
	ck_assert_uint_eq(world.regs[EMU_RCX], 0);
	ck_assert_uint_eq(world.ctx.rip, RIP + 3);
	ck_assert_uint_eq(mem64(BASE + 72), ~0ull);
	ck_assert_uint_ne(mem64(BASE + 80), ~0ull);
}
END_TEST

START_TEST(rep_steps_one_by_one)
{
	world.ctx.rflags |= X86_EFLAGS_TF;
	world.ctx.max_iter = 100;
	world.regs[EMU_RDI] = BASE;
	world.regs[EMU_RCX] = 10;
	ck_assert_int_eq(RUN(EMU_CODE64, 0xf3, 0xaa), EMU_OK);
	ck_assert_uint_eq(world.regs[EMU_RCX], 9);
	ck_assert(world.ctx.step);
}
END_TEST

START_TEST(rep_fault_keeps_progress)
{
	world.regs[EMU_RSI] = BASE;
	world.regs[EMU_RDI] = BASE + SIZE - 8;
	world.regs[EMU_RCX] = 10;
	world.ctx.max_iter = 100;
	/* rep movsl: two elements fit */
	assert_fault(RUN(EMU_CODE64, 0xf3, 0xa5), 14, true, 2);
	ck_assert_uint_eq(world.ctx.fault.cr2, BASE + SIZE);
	ck_assert_uint_eq(world.regs[EMU_RCX], 8);
	ck_assert_uint_eq(world.regs[EMU_RSI], BASE + 8);
	ck_assert_uint_eq(world.regs[EMU_RDI], BASE + SIZE);
	ck_assert_uint_eq(mem64(BASE + SIZE - 8), mem64(BASE));
}
END_TEST

START_TEST(rep_from_memory_to_device)
{
	world.device = DEVICE;
	world.regs[EMU_RSI] = BASE;
	world.regs[EMU_RDI] = DEVICE - 8;
	world.regs[EMU_RCX] = 4;
	world.ctx.max_iter = 100;
	/* rep movsq: the second iteration is the first that reaches the device */
	ck_assert_int_eq(RUN(EMU_CODE64, 0xf3, 0x48, 0xa5), EMU_OK);
	ck_assert_uint_eq(world.regs[EMU_RCX], 2);
	ck_assert_uint_eq(world.nr_log, 1);
	ck_assert_uint_eq(world.log[0].value, mem64(BASE + 8));
}
END_TEST

START_TEST(outs_in_batches)
{
	world.regs[EMU_RDX] = 0x3f8;
	world.regs[EMU_RSI] = BASE + 0xff0;
	world.regs[EMU_RCX] = 100;
	/* rep outsw: to the end of the page, then what the buffer holds */
	ck_assert_int_eq(RUN(EMU_CODE64, 0x66, 0xf3, 0x6f), EMU_OK);
	ck_assert_uint_eq(world.log[0].at, 0x3f8);
	ck_assert_uint_eq(world.log[0].len, 16);
	ck_assert_uint_eq(world.log[0].value, mem64(BASE + 0xff0));
	ck_assert_uint_eq(world.regs[EMU_RCX], 92);
	ck_assert_uint_eq(world.ctx.rip, RIP);
	ck_assert_int_eq(RUN(EMU_CODE64, 0x66, 0xf3, 0x6f), EMU_OK);
	ck_assert_uint_eq(world.log[1].len, WORLD_IO_BUF);
	ck_assert_uint_eq(world.regs[EMU_RSI], BASE + 0x1000 + WORLD_IO_BUF);
	/* downwards one by one */
	world.ctx.rflags |= X86_EFLAGS_DF;
	ck_assert_int_eq(RUN(EMU_CODE64, 0x66, 0xf3, 0x6f), EMU_OK);
	ck_assert_uint_eq(world.log[2].len, 2);
}
END_TEST

START_TEST(ins_checks_before_it_reads)
{
	world.regs[EMU_RDX] = 0x60;
	world.regs[EMU_RDI] = BASE + SIZE - 2;
	world.regs[EMU_RCX] = 1;
	/* rep insl */
	assert_fault(STEP(EMU_CODE64, 0xf3, 0x6d), 14, true, 2);
	ck_assert(!world.pending);
	world.regs[EMU_RDI] = BASE;
	ck_assert_int_eq(STEP(EMU_CODE64, 0xf3, 0x6d), EMU_EXIT);
	ck_assert_uint_eq(world.regs[EMU_RCX], 1);
	ck_assert_int_eq(RUN(EMU_CODE64, 0xf3, 0x6d), EMU_OK);
	ck_assert_uint_eq((u32)mem64(BASE), (u32)world_device_value(0x60, 0));
	ck_assert_uint_eq(world.regs[EMU_RDI], BASE + 4);
	ck_assert_uint_eq(world.ctx.rip, RIP + 2);
}
END_TEST

START_TEST(in_and_out)
{
	world.regs[EMU_RAX] = ~0ull;
	ck_assert_int_eq(RUN(EMU_CODE64, 0xe4, 0x80), EMU_OK);
	ck_assert_uint_eq(world.regs[EMU_RAX], ~0xffull | (u8)world_device_value(0x80, 0));
	ck_assert_int_eq(RUN(EMU_CODE64, 0xe5, 0x80), EMU_OK);
	ck_assert_uint_eq(world.regs[EMU_RAX], (u32)world_device_value(0x80, 0));
	world.regs[EMU_RDX] = 0x1234567811110cf8;
	/* REX.W does not widen a port */
	ck_assert_int_eq(RUN(EMU_CODE64, 0x48, 0xef), EMU_OK);
	ck_assert_uint_eq(world.log[2].at, 0x0cf8);
	ck_assert_uint_eq(world.log[2].len, 4);
}
END_TEST

/* An I/O map at offset 0x68 of a TSS in memory permits ports 8 to 15, denies others. */
static void make_tss(u32 limit)
{
	memset(mem, 0, 0x100);
	mem[102] = 0x68;
	memset(mem + 0x68, 0xff, 0x20);
	mem[0x68 + 1] = 0;
	world.seg[EMU_TR].base = BASE;
	world.seg[EMU_TR].limit = limit;
	world.seg[EMU_TR].attr = EMU_SEG_P | 0xb;
	world.ctx.cpl = 3;
}

START_TEST(io_permission)
{
	make_tss(0x80);
	world.regs[EMU_RDX] = 8;
	ck_assert_int_eq(RUN(EMU_CODE64, 0xee), EMU_OK);
	world.ctx.rip = RIP;
	world.regs[EMU_RDX] = 13;
	/* outl to 13 reaches port 16 */
	assert_fault(RUN(EMU_CODE64, 0xef), 13, true, 0);
	ck_assert_int_eq(RUN(EMU_CODE64, 0x66, 0xef), EMU_OK);
	world.ctx.rip = RIP;
	make_tss(0x69);
	world.regs[EMU_RDX] = 8;
	assert_fault(RUN(EMU_CODE64, 0xee), 13, true, 0);
	world.ctx.pio_checked = true;
	ck_assert_int_eq(RUN(EMU_CODE64, 0xee), EMU_OK);
	world.ctx.pio_checked = false;
	world.ctx.rflags |= X86_EFLAGS_IOPL;
	ck_assert_int_eq(RUN(EMU_CODE64, 0xee), EMU_OK);
}
END_TEST

START_TEST(real_mode)
{
	setup_16bit(EMU_REAL);
	world.regs[EMU_RBX] = 0x100;
	ck_assert_int_eq(RUN(EMU_CODE16, 0x8b, 0x07), EMU_OK);
	ck_assert_uint_eq(world.regs[EMU_RAX], (u16)mem64(BASE + 0x100));
	/* mov %ax, %es */
	world.regs[EMU_RAX] = 0x1080;
	ck_assert_int_eq(RUN(EMU_CODE16, 0x8e, 0xc0), EMU_OK);
	ck_assert_int_eq(RUN(EMU_CODE16, 0x26, 0x8b, 0x0f), EMU_OK);
	ck_assert_uint_eq(world.regs[EMU_RCX], (u16)mem64(BASE + 0x900));
	/* a word at FFFF: no error code in real mode */
	world.ctx.rip = RIP;
	world.regs[EMU_RBX] = 0xffff;
	assert_fault(RUN(EMU_CODE16, 0x8b, 0x07), 13, false, 0);
	world.regs[EMU_RBP] = 0xffff;
	assert_fault(RUN(EMU_CODE16, 0x8b, 0x46, 0x00), 12, false, 0);
	/* 32-bit addresses do not wrap */
	world.regs[EMU_RBX] = 0x10000;
	assert_fault(RUN(EMU_CODE16, 0x67, 0x8b, 0x03), 13, false, 0);
	/* unreal: the limit is what it is */
	world.seg[EMU_DS].limit = ~0u;
	world.seg[EMU_DS].base = 0;
	ck_assert_int_eq(RUN(EMU_CODE16, 0x67, 0x8b, 0x03), EMU_OK);
}
END_TEST

START_TEST(stack_wraps_at_16_bits)
{
	setup_16bit(EMU_REAL);
	world.seg[EMU_SS].base = BASE - 0xc000;
	world.regs[EMU_RSP] = 0x12340000;
	world.regs[EMU_RAX] = 0xbeef;
	ck_assert_int_eq(RUN(EMU_CODE16, 0x50), EMU_OK);
	ck_assert_uint_eq(world.regs[EMU_RSP], 0x1234fffe);
	ck_assert_uint_eq(mem[SIZE - 2], 0xef);
	ck_assert_int_eq(RUN(EMU_CODE16, 0x59), EMU_OK);
	ck_assert_uint_eq(world.regs[EMU_RSP], 0x12340000);
	ck_assert_uint_eq(world.regs[EMU_RCX], 0xbeef);
}
END_TEST

START_TEST(virtual_8086_flags)
{
	setup_16bit(EMU_VM86);
	/* IOPL 0: pushf, popf, cli, sti fault */
	assert_fault(RUN(EMU_CODE16, 0x9c), 13, true, 0);
	assert_fault(RUN(EMU_CODE16, 0x9d), 13, true, 0);
	assert_fault(RUN(EMU_CODE16, 0xfa), 13, true, 0);
	assert_fault(RUN(EMU_CODE16, 0xfb), 13, true, 0);
	/* with VME they act on VIF */
	world.ctx.cr4 |= X86_CR4_VME;
	ck_assert_int_eq(RUN(EMU_CODE16, 0xfb), EMU_OK);
	ck_assert(world.ctx.rflags & X86_EFLAGS_VIF);
	ck_assert(!(world.ctx.rflags & X86_EFLAGS_IF));
	ck_assert_int_eq(RUN(EMU_CODE16, 0x9c), EMU_OK);
	ck_assert_uint_eq((u16)mem64(BASE + 0xffe),
			  X86_EFLAGS_FIXED | X86_EFLAGS_IF | X86_EFLAGS_IOPL);
	mem[0xfff] &= ~2;
	ck_assert_int_eq(RUN(EMU_CODE16, 0x9d), EMU_OK);
	ck_assert(!(world.ctx.rflags & (X86_EFLAGS_VIF | X86_EFLAGS_IOPL)));
	world.ctx.rip = RIP;
	world.ctx.rflags |= X86_EFLAGS_VIP;
	assert_fault(RUN(EMU_CODE16, 0xfb), 13, true, 0);
	/* 32-bit forms fault even so */
	assert_fault(RUN(EMU_CODE16, 0x66, 0x9c), 13, true, 0);
	/* IOPL 3: all is as in real mode, IOPL itself excepted */
	world.ctx.rflags |= X86_EFLAGS_IOPL;
	ck_assert_int_eq(RUN(EMU_CODE16, 0xfb), EMU_OK);
	ck_assert(world.ctx.rflags & X86_EFLAGS_IF);
	memset(mem + 0x1000, 0, 2);
	ck_assert_int_eq(RUN(EMU_CODE16, 0x9d), EMU_OK);
	ck_assert_uint_eq(world.ctx.rflags & (X86_EFLAGS_IF | X86_EFLAGS_IOPL | X86_EFLAGS_VM),
			  X86_EFLAGS_IOPL | X86_EFLAGS_VM);
}
END_TEST

START_TEST(popf_privilege)
{
	static const struct {
		u8 cpl;
		u64 before;
		u64 may_change;
	} rows[] = {
		{ 0, 0, X86_EFLAGS_IF | X86_EFLAGS_IOPL },
		{ 1, 0, 0 },
		{ 3, 0, 0 },
		{ 3, X86_EFLAGS_IOPL, X86_EFLAGS_IF },
	};
	u64 privileged = X86_EFLAGS_IF | X86_EFLAGS_IOPL | X86_EFLAGS_VM | X86_EFLAGS_RF |
			 X86_EFLAGS_VIF | X86_EFLAGS_VIP;
	u64 image = ~rows[_i].before;

	world.ctx.cpl = rows[_i].cpl;
	world.ctx.rflags |= rows[_i].before;
	memcpy(mem + 0x1000, &image, sizeof(image));
	ck_assert_int_eq(RUN(EMU_CODE64, 0x9d), EMU_OK);
	ck_assert_uint_eq((world.ctx.rflags ^ rows[_i].before) & privileged, rows[_i].may_change);
	ck_assert_uint_eq(world.ctx.rflags >> 22, 0);
	ck_assert(world.ctx.rflags & X86_EFLAGS_AC);
	ck_assert(!world.ctx.step);
}
END_TEST

START_TEST(interrupt_shadows)
{
	ck_assert_int_eq(RUN(EMU_CODE64, 0xfb), EMU_OK);
	ck_assert_uint_eq(world.ctx.shadow, EMU_SHADOW_STI);
	/* IF was set already */
	ck_assert_int_eq(RUN(EMU_CODE64, 0xfb), EMU_OK);
	ck_assert_uint_eq(world.ctx.shadow, 0);
	setup_16bit(EMU_REAL);
	world.ctx.rflags |= X86_EFLAGS_TF;
	ck_assert_int_eq(RUN(EMU_CODE16, 0x8e, 0xd0), EMU_OK);
	ck_assert_uint_eq(world.ctx.shadow, EMU_SHADOW_MOV_SS);
	ck_assert(!world.ctx.step);
	ck_assert_int_eq(RUN(EMU_CODE16, 0x8e, 0xd8), EMU_OK);
	ck_assert_uint_eq(world.ctx.shadow, 0);
	ck_assert(world.ctx.step);
}
END_TEST

START_TEST(hlt)
{
	ck_assert_int_eq(RUN(EMU_CODE64, 0xf4), EMU_OK);
	ck_assert(world.ctx.halted);
	ck_assert_uint_eq(world.ctx.rip, RIP + 1);
	world.ctx.rip = RIP;
	world.ctx.cpl = 3;
	assert_fault(RUN(EMU_CODE64, 0xf4), 13, true, 0);
	ck_assert(!world.ctx.halted);
}
END_TEST

START_TEST(locked_race_changes_nothing)
{
	u64 before = mem64(BASE);

	world.race = true;
	world.regs[EMU_RBX] = BASE;
	world.regs[EMU_RAX] = before;
	/* lock xaddq %rax, (%rbx) */
	ck_assert_int_eq(STEP(EMU_CODE64, 0xf0, 0x48, 0x0f, 0xc1, 0x03), EMU_RETRY);
	ck_assert_uint_eq(world.regs[EMU_RAX], before);
	ck_assert_uint_eq(world.ctx.rip, RIP);
	ck_assert_uint_eq(mem64(BASE), before);
	ck_assert_int_eq(STEP(EMU_CODE64, 0xf0, 0x48, 0x0f, 0xc1, 0x03), EMU_OK);
	ck_assert_uint_eq(mem64(BASE), 2 * before);
	world.race = true;
	ck_assert_int_eq(STEP(EMU_CODE64, 0xf0, 0x0f, 0xc7, 0x0b), EMU_RETRY);
	world.race = true;
	ck_assert_int_eq(STEP(EMU_CODE64, 0x87, 0x03), EMU_RETRY);
}
END_TEST

START_TEST(sse_enabled)
{
	world.regs[EMU_RBX] = BASE;
	world.ctx.cr4 &= ~(u64)X86_CR4_OSFXSR;
	assert_fault(RUN(EMU_CODE64, 0x0f, 0x10, 0x03), 6, false, 0);
	world.ctx.cr4 |= X86_CR4_OSFXSR;
	world.ctx.cr0 |= X86_CR0_TS;
	assert_fault(RUN(EMU_CODE64, 0x0f, 0x10, 0x03), 7, false, 0);
	world.ctx.cr0 |= X86_CR0_EM;
	assert_fault(RUN(EMU_CODE64, 0x0f, 0x10, 0x03), 6, false, 0);
}
END_TEST

START_TEST(five_level_addresses)
{
	world.regs[EMU_RBX] = 1ull << 47;
	world.regs[EMU_RBP] = 1ull << 47;
	assert_fault(RUN(EMU_CODE64, 0x8b, 0x03), 13, true, 0);
	assert_fault(RUN(EMU_CODE64, 0x8b, 0x45, 0x00), 12, true, 0);
	/* one byte below the hole, three in it */
	world.regs[EMU_RBX]--;
	assert_fault(RUN(EMU_CODE64, 0x8b, 0x03), 13, true, 0);
	world.ctx.cr4 |= X86_CR4_LA57;
	assert_fault(RUN(EMU_CODE64, 0x8b, 0x03), 14, true, 0);
	world.regs[EMU_RBX] = 1ull << 56;
	assert_fault(RUN(EMU_CODE64, 0x8b, 0x03), 13, true, 0);
}
END_TEST

START_TEST(vif_under_pvi)
{
	world.ctx.cpl = 3;
	assert_fault(RUN(EMU_CODE64, 0xfa), 13, true, 0);
	world.ctx.cr4 |= X86_CR4_PVI;
	world.ctx.rflags |= X86_EFLAGS_VIF;
	ck_assert_int_eq(RUN(EMU_CODE64, 0xfa), EMU_OK);
	ck_assert(!(world.ctx.rflags & X86_EFLAGS_VIF));
}
END_TEST

START_TEST(pop_addresses_after_the_pop)
{
	u64 value = mem64(BASE + 0x1000);

	/* popq 16(%rsp) */
	ck_assert_int_eq(RUN(EMU_CODE64, 0x8f, 0x44, 0x24, 0x10), EMU_OK);
	ck_assert_uint_eq(world.regs[EMU_RSP], BASE + 0x1008);
	ck_assert_uint_eq(mem64(BASE + 0x1018), value);
}
END_TEST

/* The edges of IDIV: a quotient of -2^(n-1) exists, one of 2^(n-1) does not. */
START_TEST(idiv_edges)
{
	static const struct {
		u64 rax, rdx, rbx;
		u64 quotient, remainder;
		bool fault;
	} rows[] = {
		{ 1ull << 63, ~0ull, 1, 1ull << 63, 0, false },
		{ 1ull << 63, ~0ull, ~0ull, 0, 0, true },
		{ 1ull << 63, 0, ~0ull, 1ull << 63, 0, false },
		{ 1ull << 63, 0, 1, 0, 0, true },
		{ (1ull << 63) - 1, 0, 1, (1ull << 63) - 1, 0, false },
		{ 0, 1ull << 63, 1ull << 63, 0, 0, true },
		{ 0, 1ull << 62, 1ull << 63, 1ull << 63, 0, false },
		{ -7ull, ~0ull, 2, -3ull, -1ull, false },
		{ 7, 0, -2ull, -3ull, 1, false },
		{ 1, 0, 0, 0, 0, true },
	};

	world.regs[EMU_RAX] = rows[_i].rax;
	world.regs[EMU_RDX] = rows[_i].rdx;
	world.regs[EMU_RBX] = rows[_i].rbx;
	if (rows[_i].fault) {
		assert_fault(RUN(EMU_CODE64, 0x48, 0xf7, 0xfb), 0, false, 0);
		ck_assert_uint_eq(world.regs[EMU_RAX], rows[_i].rax);
		return;
	}
	ck_assert_int_eq(RUN(EMU_CODE64, 0x48, 0xf7, 0xfb), EMU_OK);
	ck_assert_uint_eq(world.regs[EMU_RAX], rows[_i].quotient);
	ck_assert_uint_eq(world.regs[EMU_RDX], rows[_i].remainder);
}
END_TEST

/* A write-protected page: read-modify-write asks for the right to write at once. */
START_TEST(rmw_needs_write_access)
{
	world.readonly = BASE + 0x1000;
	world.regs[EMU_RBX] = BASE + 0x1000;
	assert_fault(RUN(EMU_CODE64, 0x01, 0x03), 14, true, 3);
	assert_fault(RUN(EMU_CODE64, 0x0f, 0xb1, 0x03), 14, true, 3);
	/* cmp and bt only read */
	ck_assert_int_eq(RUN(EMU_CODE64, 0x39, 0x03), EMU_OK);
	ck_assert_int_eq(RUN(EMU_CODE64, 0x0f, 0xba, 0x23, 0x01), EMU_OK);
}
END_TEST

START_TEST(not_emulated)
{
	static const u8 unknown[][4] = {
		{ 0x0f, 0xae, 0x03 }, /* fxsave */
		{ 0x0f, 0x05 }, /* syscall */
		{ 0xcd, 0x80 }, /* int */
		{ 0xd9, 0x03 }, /* fld */
		{ 0xc5, 0xf8, 0x10, 0x03 }, /* vmovups */
		{ 0x0f, 0x6f, 0x03 }, /* movq mm0 */
	};

	ck_assert_int_eq(world_run(&world, EMU_CODE64, unknown[_i], 4), EMU_UNHANDLED);
	ck_assert_uint_eq(world.ctx.rip, RIP);
}
END_TEST

#define ADD_LOOP(fn, n) tcase_add_loop_test(tcase, fn, 0, n)

int main(void)
{
	Suite *suite = suite_create("emu_exec");
	TCase *tcase = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, device_read_restarts);
	tcase_add_test(tcase, device_write_is_one);
	tcase_add_test(tcase, compare_two_devices);
	tcase_add_test(tcase, rep_is_bounded);
	tcase_add_test(tcase, rep_steps_one_by_one);
	tcase_add_test(tcase, rep_fault_keeps_progress);
	tcase_add_test(tcase, rep_from_memory_to_device);
	tcase_add_test(tcase, outs_in_batches);
	tcase_add_test(tcase, ins_checks_before_it_reads);
	tcase_add_test(tcase, in_and_out);
	tcase_add_test(tcase, io_permission);
	tcase_add_test(tcase, real_mode);
	tcase_add_test(tcase, stack_wraps_at_16_bits);
	tcase_add_test(tcase, virtual_8086_flags);
	ADD_LOOP(popf_privilege, 4);
	tcase_add_test(tcase, interrupt_shadows);
	tcase_add_test(tcase, hlt);
	tcase_add_test(tcase, locked_race_changes_nothing);
	tcase_add_test(tcase, sse_enabled);
	tcase_add_test(tcase, five_level_addresses);
	tcase_add_test(tcase, vif_under_pvi);
	tcase_add_test(tcase, rmw_needs_write_access);
	tcase_add_test(tcase, pop_addresses_after_the_pop);
	ADD_LOOP(idiv_edges, 10);
	ADD_LOOP(not_emulated, 6);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
