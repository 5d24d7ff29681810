// SPDX-License-Identifier: GPL-2.0-only
/*
 * A signal handler puts the registers into the frame of SIGUSR1, with TF set; its return
 * executes one instruction; the handler of the trap or fault takes them out again.
 */
#include <asm/ldt.h>
#include <asm/processor-flags.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <linux/kernel.h>

#include "emu_native.h"

#define ALTSTACK_SIZE 0x20000
#define XSTATE_HEADER 512
#define XSTATE_FP_SSE 3

/* Linux's own segment for getcpu(): may be loaded, is not used. */
#define KERNEL_CPU_NUMBER 0x7b

static const struct user_desc ldt[NR_LDT] = {
	[LDT_CODE16] = { .base_addr = NATIVE_CODE, .limit = 0xffff, .contents = 2 },
	[LDT_CODE32] = { .base_addr = NATIVE_CODE, .limit = 0xffff, .contents = 2, .seg_32bit = 1 },
	[LDT_DATA16] = { .base_addr = NATIVE_DATA, .limit = 0xffff },
	[LDT_DATA32] = { .base_addr = NATIVE_DATA, .limit = 0x7fff, .seg_32bit = 1 },
	[LDT_READONLY] = { .base_addr = NATIVE_DATA, .limit = 0xffff, .read_exec_only = 1 },
	[LDT_DOWN16] = { .base_addr = NATIVE_DATA, .limit = 0x0fff, .contents = 1 },
	[LDT_DOWN32] = { .base_addr = NATIVE_DATA, .limit = 0x0fff, .contents = 1, .seg_32bit = 1 },
	[LDT_EXECONLY] = { .base_addr = NATIVE_DATA,
			   .limit = 0xffff,
			   .contents = 2,
			   .seg_32bit = 1,
			   .read_exec_only = 1 },
};

static const int signals[] = { SIGUSR1, SIGTRAP, SIGSEGV, SIGBUS, SIGILL, SIGFPE };

/* The encoding's order of registers in the signal frame. */
static const int greg_of[16] = {
	REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
	REG_R8,	 REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
};

static struct native_state *current;
static gregset_t saved_gregs;
static u8 saved_xmm[256];

static void enter(ucontext_t *uc)
{
	greg_t *gregs = uc->uc_mcontext.gregs;
	u8 *fp = (u8 *)uc->uc_mcontext.fpregs;
	int i;

	memcpy(saved_gregs, gregs, sizeof(saved_gregs));
	memcpy(saved_xmm, uc->uc_mcontext.fpregs->_xmm, sizeof(saved_xmm));
	for (i = 0; i < 16; i++)
		gregs[greg_of[i]] = (greg_t)current->regs[i];
	gregs[REG_RIP] = (greg_t)current->rip;
	gregs[REG_EFL] = (greg_t)(current->rflags | X86_EFLAGS_TF);
	gregs[REG_CSGSFS] = current->sel[EMU_CS] | (greg_t)current->sel[EMU_SS] << 48;
	memcpy(uc->uc_mcontext.fpregs->_xmm, current->xmm, sizeof(current->xmm));
	fp[XSTATE_HEADER] |= XSTATE_FP_SSE;
}

static void leave(ucontext_t *uc)
{
	greg_t *gregs = uc->uc_mcontext.gregs;
	int i;

	for (i = 0; i < 16; i++)
		current->regs[i] = (u64)gregs[greg_of[i]];
	current->rip = (u64)gregs[REG_RIP];
	current->rflags = (u64)gregs[REG_EFL];
	current->vector = (int)gregs[REG_TRAPNO];
	current->error = (u32)gregs[REG_ERR];
	current->cr2 = (u64)gregs[REG_CR2];
	current->sel[EMU_SS] = (u16)(gregs[REG_CSGSFS] >> 48);
	memcpy(current->xmm, uc->uc_mcontext.fpregs->_xmm, sizeof(current->xmm));
	memcpy(gregs, saved_gregs, sizeof(saved_gregs));
	memcpy(uc->uc_mcontext.fpregs->_xmm, saved_xmm, sizeof(saved_xmm));
}

/* The interrupted code's AC flag is still set here. */
static void handler(int sig, siginfo_t *info, void *uc)
{
	asm volatile("pushfq; andl %0, (%%rsp); popfq" : : "i"(~X86_EFLAGS_AC) : "memory", "cc");
	(void)info;
	if (sig == SIGUSR1) {
		enter(uc);
		return;
	}
	/* Not the tested instruction's fault: let it come again and end the test. */
	if (!current) {
		signal(sig, SIG_DFL);
		return;
	}
	leave(uc);
}

static bool map(unsigned long address, size_t size, int prot)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	return mmap((void *)address, size, prot, flags, -1, 0) == (void *)address;
}

static bool setup_memory(void)
{
	void *low = (void *)NATIVE_LOW;

	if (mmap(low, NATIVE_HIGH - NATIVE_LOW, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != low)
		return false;
	return map(NATIVE_CODE, 0x1000, PROT_READ | PROT_WRITE | PROT_EXEC) &&
	       map(NATIVE_DATA, NATIVE_DATA_SIZE, PROT_READ | PROT_WRITE);
}

static bool setup_ldt(void)
{
	int i;

	for (i = 0; i < NR_LDT; i++) {
		struct user_desc desc = ldt[i];

		desc.entry_number = (unsigned int)i;
		if (syscall(SYS_modify_ldt, 0x11, &desc, sizeof(desc)))
			return false;
	}
	return true;
}

bool native_setup(void)
{
	static u8 altstack[ALTSTACK_SIZE];
	stack_t stack = { .ss_sp = altstack, .ss_size = sizeof(altstack) };
	struct sigaction action = {
		.sa_sigaction = handler,
		.sa_flags = SA_SIGINFO | SA_ONSTACK,
	};
	size_t i;

	if (!setup_memory() || !setup_ldt() || sigaltstack(&stack, NULL))
		return false;
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &action, NULL);
	return true;
}

static void load_segments(const struct native_state *state)
{
	asm volatile("movw %0, %%es" : : "r"(state->sel[EMU_ES]));
	asm volatile("movw %0, %%ds" : : "r"(state->sel[EMU_DS]));
	asm volatile("movw %0, %%gs" : : "r"(state->sel[EMU_GS]));
}

static void store_segments(struct native_state *state)
{
	asm volatile("movw %%es, %0" : "=r"(state->sel[EMU_ES]));
	asm volatile("movw %%ds, %0" : "=r"(state->sel[EMU_DS]));
	asm volatile("movw %%gs, %0" : "=r"(state->sel[EMU_GS]));
}

void native_run(struct native_state *state)
{
	/* The signal frame cannot change NT and ID: a POPF test may have left them set. */
	asm volatile("pushfq; andl %0, (%%rsp); popfq"
		     :
		     : "i"(~(X86_EFLAGS_NT | X86_EFLAGS_ID))
		     : "memory", "cc");
	current = state;
	load_segments(state);
	syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1);
	store_segments(state);
	current = NULL;
}

static u16 attributes(const struct user_desc *desc)
{
	u16 attr = EMU_SEG_P | EMU_SEG_S | EMU_SEG_ACCESSED | 3 << EMU_SEG_DPL_SHIFT;

	if (desc->contents == 2)
		attr |= EMU_SEG_CODE;
	if (desc->contents == 1)
		attr |= EMU_SEG_DOWN;
	if (!desc->read_exec_only)
		attr |= EMU_SEG_WRITE;
	if (desc->seg_32bit)
		attr |= EMU_SEG_DB;
	return attr;
}

bool native_segment(u16 sel, struct emu_seg *seg)
{
	static const struct user_desc flat = { .limit = 0xffffffff, .seg_32bit = 1 };
	static const struct user_desc code = { .limit = 0xffffffff, .contents = 2, .seg_32bit = 1 };
	static const struct user_desc cpu_number = { .seg_32bit = 1, .read_exec_only = 1 };
	const struct user_desc *desc;

	*seg = (struct emu_seg){ .sel = sel };
	if (!(sel & ~3))
		return true;
	if ((sel | 3) == NATIVE_FLAT)
		desc = &flat;
	else if ((sel | 3) == KERNEL_CPU_NUMBER)
		desc = &cpu_number;
	else if ((sel | 3) == NATIVE_CS32 || (sel | 3) == NATIVE_CS64)
		desc = &code;
	else if (sel & 4 && sel >> 3 < NR_LDT)
		desc = &ldt[sel >> 3];
	else
		return false;
	seg->base = desc->base_addr;
	seg->limit = desc->limit;
	seg->attr = attributes(desc);
	return true;
}
