// SPDX-License-Identifier: GPL-2.0-only
/*
 * The processor's state at the kernel's 64-bit entry, as the boot protocol lays it down: 64-bit
 * mode, paging with the kernel and its parameters identity-mapped, flat segments of the selectors
 * 0x10 and 0x18, interrupts off (SDM 3, 9.8.5 for the mode).
 */
#include <assert.h>
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include "boot/boot.h"
#include "boot/layout.h"
#include "error.h"
#include "vcpu.h"
#include "vm.h"

#define ENTRY_64       0x200 /* from the start of the protected-mode kernel */

#define CR0_PE	       0x1
#define CR0_ET	       0x10
#define CR0_PG	       0x80000000
#define CR4_PAE	       0x20
#define EFER_LME       0x100
#define EFER_LMA       0x400
#define RFLAGS_FIXED   0x2

#define PAGE_SIZE      4096
#define TABLE_ENTRIES  512
#define LARGE_PAGE     0x200000ULL
#define PTE_TABLE      0x3 /* present, writable */
#define PTE_LARGE_PAGE 0x83 /* likewise, 2 MiB */

#define CODE_SELECTOR  0x10
#define DATA_SELECTOR  0x18
#define TASK_SELECTOR  0x20

static_assert(BZIMAGE_END_MAX / LARGE_PAGE == TABLE_ENTRIES, "one page directory maps the kernel");

static const uint64_t gdt[] = {
	[CODE_SELECTOR / 8] = 0x00af9b000000ffff, /* 64-bit code, execute and read */
	[DATA_SELECTOR / 8] = 0x00cf93000000ffff, /* flat data, read and write */
	[TASK_SELECTOR / 8] = 0x00008b0000000067, /* busy 64-bit TSS at 0 */
	[TASK_SELECTOR / 8 + 1] = 0,
};

/* One table of each level; the last maps the first GiB. */
static void write_page_tables(struct guest_mem *mem)
{
	uint64_t table[TABLE_ENTRIES] = { LAYOUT_PAGE_TABLES + PAGE_SIZE + PTE_TABLE };

	guest_write(mem, LAYOUT_PAGE_TABLES, table, sizeof(table));
	table[0] = LAYOUT_PAGE_TABLES + 2 * PAGE_SIZE + PTE_TABLE;
	guest_write(mem, LAYOUT_PAGE_TABLES + PAGE_SIZE, table, sizeof(table));
	for (unsigned int i = 0; i < TABLE_ENTRIES; i++)
		table[i] = i * LARGE_PAGE + PTE_LARGE_PAGE;
	guest_write(mem, LAYOUT_PAGE_TABLES + 2 * PAGE_SIZE, table, sizeof(table));
}

static struct kvm_segment flat_segment(uint16_t selector, uint8_t type, bool code)
{
	return (struct kvm_segment){
		.limit = 0xffffffff,
		.selector = selector,
		.type = type,
		.present = 1,
		.s = 1,
		.g = 1,
		.l = code,
		.db = !code,
	};
}

static void set_sregs(struct kvm_sregs *sregs)
{
	struct kvm_segment code = flat_segment(CODE_SELECTOR, 0xb, true);
	struct kvm_segment data = flat_segment(DATA_SELECTOR, 0x3, false);

	sregs->cs = code;
	sregs->ds = data;
	sregs->es = data;
	sregs->fs = data;
	sregs->gs = data;
	sregs->ss = data;
	sregs->tr = (struct kvm_segment){ .limit = 0x67,
					  .selector = TASK_SELECTOR,
					  .type = 0xb,
					  .present = 1 };
	sregs->ldt = (struct kvm_segment){ .unusable = 1 };
	sregs->gdt.base = LAYOUT_GDT;
	sregs->gdt.limit = sizeof(gdt) - 1;
	sregs->idt.base = 0;
	sregs->idt.limit = 0;
	sregs->cr0 = CR0_PE | CR0_ET | CR0_PG;
	sregs->cr3 = LAYOUT_PAGE_TABLES;
	sregs->cr4 = CR4_PAE;
	sregs->efer = EFER_LME | EFER_LMA;
}

int boot_enter(const struct boot *boot, struct vcpu *vcpu)
{
	struct kvm_regs regs = {
		.rip = boot->image.load + ENTRY_64,
		.rsi = LAYOUT_BOOT_PARAMS,
		.rsp = LAYOUT_STACK_TOP,
		.rflags = RFLAGS_FIXED,
	};
	struct kvm_sregs sregs;

	write_page_tables(vcpu->vm->mem);
	guest_write(vcpu->vm->mem, LAYOUT_GDT, gdt, sizeof(gdt));
	if (!ioctl(vcpu->fd, KVM_GET_SREGS, &sregs)) {
		set_sregs(&sregs);
		if (!ioctl(vcpu->fd, KVM_SET_SREGS, &sregs) &&
		    !ioctl(vcpu->fd, KVM_SET_REGS, &regs))
			return 0;
	}
	say_error(vcpu->name, "setting the registers: %s", strerror(errno));
	return -errno;
}
