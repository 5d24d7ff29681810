// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/tenon.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "error.h"
#include "term.h"
#include "vcpu.h"
#include "vm.h"

#define CODE_BEFORE 16
#define CODE_BYTES  32

#define CR0_PG	    0x80000000u
#define CR4_PSE	    0x10u
#define CR4_PAE	    0x20u
#define CR4_LA57    0x1000u
#define EFER_LMA    0x400u
#define PTE_PRESENT 1
#define PTE_LARGE   0x80
#define PTE_ADDR    0x000ffffffffff000ULL

/* A kind of page tables: @levels tables of 2^@bits entries of @width bytes. */
struct paging {
	unsigned int levels;
	unsigned int bits;
	unsigned int width;
};

static struct paging paging_of(const struct kvm_sregs *sregs)
{
	if (!(sregs->cr4 & CR4_PAE))
		return (struct paging){ .levels = 2, .bits = 10, .width = 4 };
	if (!(sregs->efer & EFER_LMA))
		return (struct paging){ .levels = 3, .bits = 9, .width = 8 };
	return (struct paging){ .levels = sregs->cr4 & CR4_LA57 ? 5 : 4, .bits = 9, .width = 8 };
}

/* Large pages exist at level 2 (not without PSE in 32-bit tables) and in long mode at level 3. */
static bool is_leaf(const struct paging *paging, const struct kvm_sregs *sregs, unsigned int level,
		    uint64_t pte)
{
	if (level == 1)
		return true;
	if (!(pte & PTE_LARGE))
		return false;
	if (paging->width == 4)
		return sregs->cr4 & CR4_PSE;
	return level == 2 || (level == 3 && paging->levels > 3);
}

bool vcpu_translate(const struct guest_mem *mem, const struct kvm_sregs *sregs, uint64_t linear,
		    uint64_t *gpa)
{
	struct paging paging = paging_of(sregs);
	uint64_t table = sregs->cr3 & (paging.levels == 3 ? 0xffffffe0 : PTE_ADDR);
	unsigned int level = paging.levels;

	*gpa = linear;
	if (!(sregs->cr0 & CR0_PG))
		return true;
	for (;; level--) {
		unsigned int shift = 12 + (level - 1) * paging.bits;
		uint64_t index = (linear >> shift) & ((1u << paging.bits) - 1), pte = 0;
		uint64_t offset_mask = (1ULL << shift) - 1;

		if (!guest_read(mem, table + index * paging.width, &pte, paging.width) ||
		    !(pte & PTE_PRESENT))
			return false;
		if (is_leaf(&paging, sregs, level, pte)) {
			*gpa = (pte & PTE_ADDR & ~offset_mask) | (linear & offset_mask);
			return true;
		}
		table = pte & PTE_ADDR;
	}
}

#define U(x) ((unsigned long long)(x))

static void print_regs(const struct kvm_regs *r, const struct kvm_sregs *s)
{
	say_plain("  rip %016llx  rflags %08llx  cs %04x:%llx  ss %04x  cpl %u\n"
		  "  rax %016llx  rbx %016llx  rcx %016llx  rdx %016llx\n"
		  "  rsi %016llx  rdi %016llx  rbp %016llx  rsp %016llx\n"
		  "  r8  %016llx  r9  %016llx  r10 %016llx  r11 %016llx\n"
		  "  r12 %016llx  r13 %016llx  r14 %016llx  r15 %016llx\n"
		  "  cr0 %08llx  cr2 %016llx  cr3 %016llx  cr4 %08llx  efer %llx\n"
		  "  gdt %016llx+%x  idt %016llx+%x  tr %04x  ldt %04x\n",
		  U(r->rip), U(r->rflags), s->cs.selector, U(s->cs.base), s->ss.selector, s->ss.dpl,
		  U(r->rax), U(r->rbx), U(r->rcx), U(r->rdx), U(r->rsi), U(r->rdi), U(r->rbp),
		  U(r->rsp), U(r->r8), U(r->r9), U(r->r10), U(r->r11), U(r->r12), U(r->r13),
		  U(r->r14), U(r->r15), U(s->cr0), U(s->cr2), U(s->cr3), U(s->cr4), U(s->efer),
		  U(s->gdt.base), s->gdt.limit, U(s->idt.base), s->idt.limit, s->tr.selector,
		  s->ldt.selector);
}

/* The bytes around the instruction, it in angle brackets; unmapped ones are shown as "??". */
static void print_code(struct vcpu *vcpu, const struct kvm_regs *regs,
		       const struct kvm_sregs *sregs)
{
	uint64_t linear = regs->rip + (sregs->efer & EFER_LMA && sregs->cs.l ? 0 : sregs->cs.base);
	char text[CODE_BYTES * 5 + 1];
	size_t len = 0;

	for (int i = -CODE_BEFORE; i < CODE_BYTES - CODE_BEFORE; i++) {
		const char *form = i ? " %02x" : " <%02x>";
		uint64_t gpa;
		uint8_t byte;

		if (vcpu_translate(vcpu->vm->mem, sregs, linear + (int64_t)i, &gpa) &&
		    guest_read(vcpu->vm->mem, gpa, &byte, 1))
			len += (size_t)snprintf(text + len, sizeof(text) - len, form, byte);
		else
			len += (size_t)snprintf(text + len, sizeof(text) - len, " ??");
	}
	say_plain("  code%s\n", text);
}

/* Which rules of the processor's manual a refused entry breaks; other hypervisors do not say. */
static void print_rules(struct vcpu *vcpu)
{
	struct tenon_entry_failure failure = { 0 };

	if (ioctl(vcpu->vm->dev_fd, KVM_CHECK_EXTENSION, TENON_CAP_ENTRY_FAILURE) <= 0 ||
	    ioctl(vcpu->fd, TENON_GET_ENTRY_FAILURE, &failure))
		return;
	if (!failure.nr)
		say_plain("  it breaks no rule that the hypervisor knows of\n");
	for (uint32_t i = 0; i < failure.nr && i < TENON_BROKEN_RULES; i++) {
		const struct tenon_broken_rule *rule = &failure.rules[i];
		char value[32] = "";

		if (!(rule->flags & TENON_BROKEN_RULE_HOST))
			snprintf(value, sizeof(value), " is 0x%llx", rule->value);
		say_plain("  %.*s%s: %.*s (%.*s)\n", (int)sizeof(rule->field), rule->field, value,
			  (int)sizeof(rule->why), rule->why, (int)sizeof(rule->section),
			  rule->section);
	}
}

/* What tenon.ko remembers of the last exits; other hypervisors do not. */
static void print_exits(struct vcpu *vcpu)
{
	struct tenon_exit_log log = { 0 };

	if (ioctl(vcpu->vm->dev_fd, KVM_CHECK_EXTENSION, TENON_CAP_EXIT_LOG) <= 0 ||
	    ioctl(vcpu->fd, TENON_GET_EXIT_LOG, &log))
		return;
	say_plain("  last exits, the newest at the end:\n");
	for (uint32_t i = 0; i < log.nr && i < TENON_EXIT_LOG_ENTRIES; i++) {
		const struct tenon_exit *exit = &log.exits[i];

		say_plain("  tsc %016llx  rip %016llx  reason %03llx  info %llx %llx\n", exit->tsc,
			  exit->rip, exit->reason, exit->info[0], exit->info[1]);
	}
}

void vcpu_explain(struct vcpu *vcpu, const char *fmt, ...)
{
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	char sentence[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, args);
	va_end(args);
	term_restore();
	say_error(vcpu->name, "the guest died: %s", sentence);
	if (vcpu->run->exit_reason == KVM_EXIT_FAIL_ENTRY)
		print_rules(vcpu);
	if (ioctl(vcpu->fd, KVM_GET_REGS, &regs) || ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		return;
	print_regs(&regs, &sregs);
	print_code(vcpu, &regs, &sregs);
	print_exits(vcpu);
}
