// SPDX-License-Identifier: GPL-2.0-only
/*
 * The walker of kmod/mmu/walk.c against a processor's own: a guest makes an access under random
 * page tables and control registers; what happened to it, and to its tables, is what walk() says.
 */
#include <stdlib.h>

#include <asm/processor-flags.h>

#include "lib/abi.h"
#include "mmu/walk.h"

#define MEMORY 0x8000000UL
/* Below 2 MiB, mapped for the supervisor at 0 and for the user at USER. */
#define GDT	   0x1000
#define IDT	   0x2000
#define TSS	   0x3000ULL
#define ENTRY	   0x4000
#define ENTRY_KEYS 0x4100
#define HANDLER	   0x5000
#define STUBS	   0x6000
#define FRAME	   0x7f00
#define STACK	   0x9000
#define LOW_TABLE  0x20000UL
#define TABLE	   0x30000UL
#define USER	   0x400000UL
/* All leaves map the address to the same place. */
#define TARGET	     0x6789abcUL
#define OUT_OK	     0xe9
#define OUT_PF	     0xe8

#define CODE0	     0x08
#define DATA0	     0x10
#define CODE3	     0x1b
#define DATA3	     0x23
#define TSS_SELECTOR 0x28

#define ROUNDS	     1500
#define ALL	     (WALK_P | WALK_W | WALK_U | WALK_A | WALK_D)

/**
 * struct mode - a paging mode
 * @name: for messages
 * @levels: of tables
 * @bits: of the linear address, that each level uses
 * @wide: entries have 8 bytes
 * @cr4: CR4 and EFER in this mode
 * @efer: likewise
 * @gva: linear address of the access; its low 30 bits are TARGET
 */
struct mode {
	const char *name;
	int levels;
	int bits;
	bool wide;
	u64 cr4;
	u64 efer;
	u64 gva;
};

static const struct mode modes[] = {
	{ "32-bit", 2, 10, false, WALK_CR4_PSE, 0, 0x40000000 | TARGET },
	{ "PAE", 3, 9, true, WALK_CR4_PAE, 0, 0x40000000 | TARGET },
	{ "4-level", 4, 9, true, WALK_CR4_PAE, 0x500, 0x123440000000 | TARGET },
	{ "5-level", 5, 9, true, WALK_CR4_PAE | WALK_CR4_LA57, 0x500, 0x34123440000000 | TARGET },
};

/**
 * struct round - one access
 * @state: registers
 * @leaf: level of the entry that maps the page, unless chance made it another
 * @access: WALK_WRITE or WALK_FETCH, WALK_USER, WALK_AC
 * @entry: by level
 */
struct round {
	struct walk_state state;
	int leaf;
	u32 access;
	u64 entry[6];
};

static const struct mode *mode;
static struct abi_vm *vm;
static u8 phys_bits;
static u64 cr4_allowed;
static u64 seed = 0x243f6a8885a308d3;

static u64 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1d;
}

/* True once in @n times. */
static bool once_in(unsigned int n)
{
	return (rnd() >> 32) % n == 0;
}

static bool is_long(void)
{
	return mode->levels > 3;
}

static void put_entry(u64 gpa, u64 entry)
{
	memcpy(vm->mem + gpa, &entry, mode->wide ? 8 : 4);
}

static u64 get_entry(u64 gpa)
{
	u64 entry = 0;

	memcpy(&entry, vm->mem + gpa, mode->wide ? 8 : 4);
	return entry;
}

static u64 entry_at(u64 table, u64 gva, int level)
{
	u64 index = gva >> (12 + mode->bits * (level - 1)) & (BIT(mode->bits) - 1);

	return table + index * (mode->wide ? 8 : 4);
}

static u64 table_of(int level)
{
	return TABLE + level * 0x1000UL;
}

static bool is_pdpte(int level)
{
	return mode->levels == 3 && level == 3;
}

/* The program's own mapping: supervisor at 0, user at USER, by large pages. */
static void map_low(void)
{
	u64 table = table_of(mode->levels), next;
	int level;

	for (level = mode->levels; level > 2; level--) {
		next = LOW_TABLE + level * 0x1000UL;
		put_entry(entry_at(table, 0, level), next | (is_pdpte(level) ? WALK_P : ALL));
		table = next;
	}
	put_entry(entry_at(table, 0, 2), (ALL | WALK_PS) & ~WALK_U);
	put_entry(entry_at(table, USER, 2), ALL | WALK_PS);
}

static void put_gate(int vector, u32 offset)
{
	u32 gate[4] = { CODE0 << 16 | (offset & 0xffff), (offset & 0xffff0000) | 0x8e00 };

	memcpy(vm->mem + IDT + vector * (is_long() ? 16 : 8), gate, is_long() ? 16 : 8);
}

static void put_program(void)
{
	/* The last two are the TSS, not busy yet. */
	const u64 gdt[] = {
		0,
		is_long() ? 0x00af9b000000ffff : 0x00cf9b000000ffff,
		0x00cf93000000ffff,
		is_long() ? 0x00affb000000ffff : 0x00cffb000000ffff,
		0x00cff3000000ffff,
		0x0000890000000067 | TSS << 16,
		0,
	};
	u32 tss[3] = { 0, STACK, is_long() ? 0 : DATA0 };

	memcpy(vm->mem + GDT, gdt, sizeof(gdt));
	memcpy(vm->mem + TSS, tss, sizeof(tss));
	put_gate(14, HANDLER);
	/* pop eax; mov ecx,cr2; out OUT_PF,al; hlt */
	ABI_CODE(vm, HANDLER, 0x58, 0x0f, 0x20, 0xd1, 0xe6, OUT_PF, 0xf4);
	/* ltr di; mov cr3,esi; iret. With protection keys, wrpkru comes between. */
	ABI_CODE(vm, ENTRY, 0x0f, 0x00, 0xdf, 0x0f, 0x22, 0xde, 0x48, 0xcf);
	ABI_CODE(vm, ENTRY_KEYS, 0x0f, 0x00, 0xdf, 0x0f, 0x22, 0xde, 0x0f, 0x01, 0xef, 0x48, 0xcf);
	if (!is_long())
		ABI_CODE(vm, ENTRY, 0x0f, 0x00, 0xdf, 0x0f, 0x22, 0xde, 0xcf);
	/* Read, write, fetch; then out OUT_OK,al. */
	ABI_CODE(vm, STUBS, 0x8a, 0x03, 0xe6, OUT_OK);
	ABI_CODE(vm, STUBS + 0x10, 0x88, 0x03, 0xe6, OUT_OK);
	ABI_CODE(vm, STUBS + 0x20, 0xff, 0xe3);
}

/* An entry that is allowed to be anything, but mostly is good. */
static u64 random_entry(const struct round *round, int level)
{
	u64 page = BIT_ULL(12 + mode->bits * (level - 1)) - 1;
	u64 entry = ALL, wild = rnd();

	if (level > round->leaf)
		entry |= table_of(level - 1);
	else
		entry |= (TARGET & ~page) | (level > 1 ? WALK_PS : 0);
	/* Processors look at reserved bits here when CR3 is loaded; QEMU's, never. */
	if (is_pdpte(level))
		return (entry & ~ALL) | (once_in(20) ? 0 : WALK_P);
	entry &= ~(once_in(4) ? WALK_U : 0) & ~(once_in(4) ? WALK_W : 0) &
		 ~(once_in(2) ? WALK_A : 0) & ~(once_in(2) ? WALK_D : 0);
	if (once_in(20))
		entry &= ~WALK_P;
	if (!mode->wide)
		return once_in(20) && level == round->leaf && level == 2 ? entry | BIT(21) : entry;
	if (once_in(5))
		entry |= WALK_NX;
	if (once_in(20))
		entry |= BIT_ULL(wild % 64) & GENMASK_ULL(62, 52);
	if (once_in(20))
		entry |= BIT_ULL(wild % 64) & GENMASK_ULL(51, phys_bits);
	if (once_in(20) && level == round->leaf && level > 1)
		entry |= BIT_ULL(13 + wild % (9 * level - 10)) & page;
	if (once_in(20) && level > 3)
		entry |= WALK_PS;
	if (level == round->leaf && is_long())
		entry |= (u64)(wild & 3) << WALK_PK_SHIFT;
	return entry;
}

static void make_round(struct round *round)
{
	static const u32 kinds[] = { 0, WALK_WRITE, WALK_FETCH };
	int level;

	round->leaf = 1 + rnd() % (is_long() ? 3 : 2);
	round->access = kinds[(rnd() >> 20) % 3] | (rnd() & (WALK_USER | WALK_AC));
	round->state = (struct walk_state){
		.cr0 = 0x80000011 | (once_in(2) ? WALK_CR0_WP : 0),
		.cr3 = table_of(mode->levels),
		.cr4 = mode->cr4 | (rnd() & cr4_allowed),
		.efer = mode->efer | (once_in(3) ? 0 : WALK_EFER_NXE),
		.phys_bits = phys_bits,
		.gbpages = true,
		.pse36 = true,
		.pkru = (u32)rnd() & 0xfc,
	};
	for (level = 1; level <= mode->levels; level++) {
		round->entry[level] = level < round->leaf ? 0 : random_entry(round, level);
		put_entry(entry_at(table_of(level), mode->gva, level), round->entry[level]);
	}
	ABI_CODE(vm, TARGET, 0xe6, OUT_OK);
}

/* The stack of the IRET that ends in the stub. */
static void put_frame(const struct round *round)
{
	bool user = round->access & WALK_USER;
	u64 stub = STUBS + (round->access & WALK_FETCH ? 0x20 :
			    round->access & WALK_WRITE ? 0x10 :
							 0);
	u64 flags = 0x3002 | (round->access & WALK_AC ? X86_EFLAGS_AC : 0);
	u64 frame[] = { stub + (user ? USER : 0), user ? CODE3 : CODE0, flags,
			user ? USER + 0x8000 : 0x8000, user ? DATA3 : DATA0 };
	size_t size = is_long() ? 8 : 4;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(frame); i++)
		memcpy(vm->mem + FRAME + i * size, &frame[i], size);
}

static int set_sregs(const struct walk_state *state)
{
	struct kvm_segment code = {
		.limit = ~0U,
		.selector = CODE0,
		.type = 11,
		.present = 1,
		.s = 1,
		.g = 1,
		.db = !is_long(),
		.l = is_long(),
	};
	struct kvm_segment stack = {
		.limit = ~0U,
		.selector = DATA0,
		.type = 3,
		.present = 1,
		.s = 1,
		.g = 1,
		.db = 1,
	};
	struct kvm_segment data = stack;
	struct kvm_sregs sregs;

	data.selector = DATA3;
	data.dpl = 3;
	CHECK_EQ(ioctl(vm->vcpu[0], KVM_GET_SREGS, &sregs), 0);
	sregs.cs = code;
	sregs.ss = stack;
	sregs.ds = data;
	sregs.es = data;
	sregs.fs = data;
	sregs.gs = data;
	sregs.tr = (struct kvm_segment){ .base = TSS, .limit = 0x67, .type = 11, .present = 1 };
	sregs.gdt = (struct kvm_dtable){ .base = GDT, .limit = 0x37 };
	sregs.idt = (struct kvm_dtable){ .base = IDT, .limit = 0xfff };
	sregs.cr0 = state->cr0;
	sregs.cr3 = state->cr3;
	sregs.cr4 = state->cr4;
	sregs.efer = state->efer;
	return ioctl(vm->vcpu[0], KVM_SET_SREGS, &sregs);
}

/* Make the access in the guest. The port that says what became of it. */
static int run_round(const struct round *round)
{
	bool keys = round->state.cr4 & WALK_CR4_PKE && is_long();
	struct kvm_regs regs = {
		.rip = keys ? ENTRY_KEYS : ENTRY,
		.rflags = 2,
		.rsp = FRAME,
		.rsi = round->state.cr3,
		.rdi = TSS_SELECTOR,
		.rbx = mode->gva,
		.rax = round->state.pkru,
	};
	int exit;

	put_frame(round);
	CHECK_EQ(set_sregs(&round->state), 0);
	CHECK_EQ(ioctl(vm->vcpu[0], KVM_SET_REGS, &regs), 0);
	exit = abi_run(vm, 0);
	if (exit != KVM_EXIT_IO)
		abi_fail(__FILE__, __LINE__, "exit %d", exit);
	return vm->run[0]->io.port;
}

static int mem_read(void *ctx, u64 gpa, u64 *entry, bool wide)
{
	*entry = get_entry(gpa);
	return 0;
}

static int mem_update(void *ctx, u64 gpa, u64 old, u64 new, bool wide)
{
	put_entry(gpa, new);
	return 0;
}

static const struct walk_ops mem_ops = { .read = mem_read, .update = mem_update };

static void describe(const struct round *round, const char *what, u64 is, u64 expect)
{
	const struct walk_state *state = &round->state;
	const u64 *entry = round->entry;
	char how[200];

	snprintf(how, sizeof(how), "access %x leaf %d cr0 %llx cr4 %llx efer %llx pkru %x",
		 round->access, round->leaf, state->cr0, state->cr4, state->efer, state->pkru);
	abi_fail(__FILE__, __LINE__,
		 "%s: %s is %#llx, not %#llx; %s entries %llx %llx %llx %llx %llx", mode->name,
		 what, is, expect, how, entry[5], entry[4], entry[3], entry[2], entry[1]);
}

static void check_round(const struct round *round)
{
	u64 after[6], expect, ignored = 0;
	struct walk_result result = {};
	int port = run_round(round), err, level;
	struct kvm_regs regs;

	for (level = 1; level <= mode->levels; level++) {
		after[level] = get_entry(entry_at(table_of(level), mode->gva, level));
		put_entry(entry_at(table_of(level), mode->gva, level), round->entry[level]);
	}
	err = walk(&mem_ops, NULL, &round->state, mode->gva, round->access, &result);
	expect = err ? OUT_PF : OUT_OK;
	if (port != (int)expect)
		describe(round, "port", port, expect);
	if (err) {
		regs = abi_regs(vm, 0);
		/* QEMU leaves P clear where a bit is reserved; SDM 3, 4.7 has it set. */
		if (result.error & WALK_RESERVED)
			regs.rax |= WALK_PRESENT;
		if (result.error != (regs.rax & 0xff))
			describe(round, "walk's error", result.error, regs.rax & 0xff);
		if (is_long() ? regs.rcx != mode->gva : (u32)regs.rcx != mode->gva)
			describe(round, "cr2", regs.rcx, mode->gva);
		/* A processor may mark what it used before it found the fault. */
		ignored = WALK_A;
	} else if (result.gpa != TARGET) {
		describe(round, "gpa", result.gpa, TARGET);
	}
	for (level = round->leaf; level <= mode->levels; level++) {
		expect = get_entry(entry_at(table_of(level), mode->gva, level));
		/* The same processor marks PAE's top entries, where that bit is reserved. */
		if ((after[level] ^ expect) & ~(is_pdpte(level) ? WALK_A : ignored))
			describe(round, "walk's entry", expect, after[level]);
	}
}

/* CR4 bits that this machine lets guests have. */
static void find_features(void)
{
	static const u64 bits[] = { WALK_CR4_SMEP, WALK_CR4_SMAP, WALK_CR4_PKE };
	struct walk_state state = { .cr0 = 0x80000011, .cr3 = table_of(mode->levels) };
	unsigned int i, eax, ebx, ecx, edx;

	state.efer = mode->efer;
	cr4_allowed = 0;
	for (i = 0; i < ARRAY_SIZE(bits); i++) {
		state.cr4 = mode->cr4 | bits[i];
		if (!set_sregs(&state))
			cr4_allowed |= bits[i];
	}
	__asm__("cpuid" : "=a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx) : "a"(0x80000008), "c"(0));
	phys_bits = eax & 0xff;
	state.cr4 = mode->cr4;
	if (set_sregs(&state))
		abi_skip("no %s paging", mode->name);
}

static void run_mode(const struct mode *this)
{
	struct round round;
	int i;

	mode = this;
	vm = abi_vm(MEMORY);
	abi_vcpu(vm);
	map_low();
	find_features();
	for (i = 0; i < ROUNDS; i++) {
		put_program();
		make_round(&round);
		check_round(&round);
	}
	abi_close(vm);
}

static void test_32bit(void)
{
	run_mode(&modes[0]);
}

static void test_pae(void)
{
	run_mode(&modes[1]);
}

static void test_4level(void)
{
	run_mode(&modes[2]);
}

static void test_5level(void)
{
	run_mode(&modes[3]);
}

static const struct abi_test tests[] = { { "paging_32bit", test_32bit },
					 { "paging_pae", test_pae },
					 { "paging_4level", test_4level },
					 { "paging_5level", test_5level },
					 {} };

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	return abi_main(tests, argc, argv);
}
