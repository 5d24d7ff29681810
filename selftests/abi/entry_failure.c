// SPDX-License-Identifier: GPL-2.0-only
/*
 * States that the ABI lets in and the processor does not: KVM_EXIT_FAIL_ENTRY comes, and
 * TENON_GET_ENTRY_FAILURE names the field and the rule of the processor's manual.
 */
#include <cpuid.h>
#include <unistd.h>

#include <linux/tenon.h>

#include "lib/abi.h"

#define CODE 0x1000
#define MANY 300

static struct abi_vm *vm;
static int fd;

/* A guest in 64-bit mode that halts. */
static void make_reset(void)
{
	vm = abi_vm(0x400000);
	fd = vm->vcpu[abi_vcpu(vm)];
	ABI_CODE(vm, CODE, 0xf4);
}

static void make(void)
{
	make_reset();
	abi_long(vm, 0, CODE);
}

static bool explains(void)
{
	return ioctl(vm->fd, KVM_CHECK_EXTENSION, TENON_CAP_ENTRY_FAILURE) > 0;
}

static void edit(void (*change)(struct kvm_sregs *sregs))
{
	struct kvm_sregs sregs;

	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &sregs), 0);
	change(&sregs);
	CHECK_EQ(ioctl(fd, KVM_SET_SREGS, &sregs), 0);
}

/* A code segment cannot be 64-bit code and have 32-bit operands. Each processor looks at that. */
static void code_l_and_d(struct kvm_sregs *sregs)
{
	sregs->cs.l = 1;
	sregs->cs.db = 1;
}

static void code_l(struct kvm_sregs *sregs)
{
	sregs->cs.l = 1;
	sregs->cs.db = 0;
}

static bool all_zeros(const void *p, size_t size)
{
	const uint8_t *bytes = p;
	size_t i;

	for (i = 0; i < size && !bytes[i]; i++)
		;
	return i == size;
}

/* A text that ends, and nothing behind it. */
static void check_text(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	CHECK(len > 0 && len < size);
	CHECK(all_zeros(text + len, size - len));
}

static void get(struct tenon_entry_failure *failure)
{
	uint32_t i;

	memset(failure, 0xee, sizeof(*failure));
	CHECK_EQ(ioctl(fd, TENON_GET_ENTRY_FAILURE, failure), 0);
	CHECK(failure->nr <= TENON_BROKEN_RULES);
	CHECK(all_zeros(failure->reserved, sizeof(failure->reserved)));
	for (i = 0; i < failure->nr; i++) {
		const struct tenon_broken_rule *rule = &failure->rules[i];

		check_text(rule->field, sizeof(rule->field));
		check_text(rule->why, sizeof(rule->why));
		check_text(rule->section, sizeof(rule->section));
		CHECK(all_zeros(rule->reserved, sizeof(rule->reserved)));
		/* The guest's state is at fault here, never the host's. */
		CHECK_EQ(rule->flags, 0);
	}
	for (; i < TENON_BROKEN_RULES; i++)
		CHECK(all_zeros(&failure->rules[i], sizeof(failure->rules[i])));
}

static void capability(void)
{
	int rules;

	make();
	rules = ioctl(vm->fd, KVM_CHECK_EXTENSION, TENON_CAP_ENTRY_FAILURE);
	if (!rules)
		SKIP_ON_REFERENCE("this hypervisor does not explain");
	CHECK_EQ(rules, TENON_BROKEN_RULES);
	CHECK_EQ(ioctl(abi_dev(), KVM_CHECK_EXTENSION, TENON_CAP_ENTRY_FAILURE), rules);
	CHECK_ERRNO(ioctl(fd, TENON_GET_ENTRY_FAILURE, NULL), EFAULT);
}

static void nothing_refused(void)
{
	struct tenon_entry_failure failure;

	make();
	if (!explains())
		SKIP_ON_REFERENCE("this hypervisor does not explain");
	get(&failure);
	CHECK(all_zeros(&failure, sizeof(failure)));
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	get(&failure);
	CHECK(all_zeros(&failure, sizeof(failure)));
}

static void field_and_rule(void)
{
	struct tenon_entry_failure failure;
	const struct tenon_broken_rule *rule = &failure.rules[0];

	make();
	edit(code_l_and_d);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_FAIL_ENTRY);
	CHECK(vm->run[0]->fail_entry.hardware_entry_failure_reason);
	if (!explains())
		SKIP_ON_REFERENCE("this hypervisor does not explain");
	get(&failure);
	CHECK_EQ(failure.count, 1);
	CHECK_EQ(failure.reason, vm->run[0]->fail_entry.hardware_entry_failure_reason);
	CHECK_EQ(failure.cpu, vm->run[0]->fail_entry.cpu);
	CHECK_EQ(failure.nr, 1);
	printf("# %s is %#llx: %s (%s)\n", rule->field, rule->value, rule->why, rule->section);
	CHECK(strstr(rule->field, "CS "));
	CHECK(strstr(rule->why, "L and D"));
	CHECK(strstr(rule->section, "APM 2, ") || strstr(rule->section, "SDM 3, "));
	/* A present code segment, whose attributes are what was set. */
	CHECK_EQ(rule->value & 0xff, 0x9b);
}

/* The vCPU is as it was: put right, it runs, and what was refused can still be asked for. */
static void put_right(void)
{
	struct tenon_entry_failure first, second;
	struct kvm_sregs set, after;

	make();
	edit(code_l_and_d);
	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &set), 0);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_FAIL_ENTRY);
	/* KVM goes by what the control block holds then. */
	if (!explains())
		SKIP_ON_REFERENCE("this hypervisor does not explain");
	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &after), 0);
	CHECK(!memcmp(&set, &after, sizeof(set)));
	CHECK_EQ(abi_regs(vm, 0).rip, CODE);
	edit(code_l);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
	CHECK_EQ(abi_regs(vm, 0).rip, CODE + 1);
	get(&first);
	CHECK_EQ(first.count, 1);
	edit(code_l_and_d);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_FAIL_ENTRY);
	get(&second);
	CHECK_EQ(second.count, 2);
	first.count = second.count;
	CHECK(!memcmp(&first, &second, sizeof(first)));
}

/* The log does not fill up: the kernel tells how many lines it has left out. */
static void refused_often(void)
{
	struct tenon_entry_failure failure;
	int i;

	make();
	edit(code_l_and_d);
	for (i = 0; i < MANY; i++)
		CHECK_EQ(abi_run(vm, 0), KVM_EXIT_FAIL_ENTRY);
	if (!explains())
		return;
	get(&failure);
	CHECK_EQ(failure.count, MANY);
	edit(code_l);
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_HLT);
}

static void task_unusable(struct kvm_sregs *sregs)
{
	sregs->tr.unusable = 1;
	sregs->tr.present = 0;
}

static void task_type(struct kvm_sregs *sregs)
{
	sregs->tr.type = 2;
}

static void code_not_code(struct kvm_sregs *sregs)
{
	sregs->cs.type = 1;
}

static void code_not_present(struct kvm_sregs *sregs)
{
	sregs->cs.present = 0;
}

static void stack_dpl(struct kvm_sregs *sregs)
{
	sregs->ss.dpl = 1;
}

static void stack_not_writable(struct kvm_sregs *sregs)
{
	sregs->ss.type = 1;
}

static void data_not_accessed(struct kvm_sregs *sregs)
{
	sregs->es.type = 2;
}

static void data_system(struct kvm_sregs *sregs)
{
	sregs->fs.s = 0;
}

static void data_limit(struct kvm_sregs *sregs)
{
	sregs->ds.limit = 0xffffefff;
	sregs->ds.g = 1;
}

static void data_base(struct kvm_sregs *sregs)
{
	sregs->gs.base = 1ull << 62;
}

static void table_base(struct kvm_sregs *sregs)
{
	sregs->gdt.base = 1ull << 62;
}

/* States that some processors refuse: who refuses one says why, and names what was spoilt. */
static const struct {
	const char *what;
	void (*change)(struct kvm_sregs *sregs);
	const char *field;
} odd[] = {
	{ "TR is unusable", task_unusable, "TR " },
	{ "TR is an LDT", task_type, "TR " },
	{ "CS is data", code_not_code, "CS " },
	{ "CS is not present", code_not_present, "CS " },
	{ "SS has DPL 1", stack_dpl, "S " },
	{ "SS is read-only", stack_not_writable, "SS " },
	{ "ES is not accessed", data_not_accessed, "ES " },
	{ "FS is a system segment", data_system, "FS " },
	{ "DS has G and an odd limit", data_limit, "DS " },
	{ "GS has a base that is not canonical", data_base, "GS " },
	{ "GDTR has a base that is not canonical", table_base, "GDTR " },
};

/* Where there is PCIDE it may be set outside long mode: what of that, the processor says. */
static void pcide_without_long_mode(void)
{
	struct tenon_entry_failure failure;
	struct kvm_sregs sregs;
	uint32_t a, b, c, d;

	__cpuid(1, a, b, c, d);
	make_reset();
	abi_flat32(vm, 0, CODE);
	CHECK_EQ(ioctl(fd, KVM_GET_SREGS, &sregs), 0);
	sregs.cr4 |= 1u << 17;
	if (!(c & 1u << 17)) {
		CHECK_ERRNO(ioctl(fd, KVM_SET_SREGS, &sregs), EINVAL);
		return;
	}
	CHECK_EQ(ioctl(fd, KVM_SET_SREGS, &sregs), 0);
	if (abi_run(vm, 0) == KVM_EXIT_FAIL_ENTRY) {
		if (!explains())
			SKIP_ON_REFERENCE("this hypervisor does not explain");
		get(&failure);
		CHECK(failure.nr > 0);
		CHECK(strstr(failure.rules[0].field, "CR4"));
	} else {
		CHECK_EQ(vm->run[0]->exit_reason, KVM_EXIT_HLT);
	}
}

static void odd_states(void)
{
	struct tenon_entry_failure failure;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(odd); i++) {
		make();
		if (!explains())
			SKIP_ON_REFERENCE("this hypervisor does not explain");
		edit(odd[i].change);
		if (abi_run(vm, 0) == KVM_EXIT_FAIL_ENTRY) {
			get(&failure);
			CHECK(failure.nr > 0);
			printf("# %s: %s is %#llx: %s (%s)\n", odd[i].what, failure.rules[0].field,
			       failure.rules[0].value, failure.rules[0].why,
			       failure.rules[0].section);
			CHECK(strstr(failure.rules[0].field, odd[i].field));
		}
		abi_close(vm);
	}
}

/* Events that processors may not be able to inject. */
static const struct {
	const char *what;
	uint8_t vector;
	bool has_error;
} odd_injected[] = {
	{ "vector 31, which no exception has", 31, false },
	{ "vector 9, which no exception has any more", 9, false },
	{ "#GP without error code", 13, false },
	{ "#UD with error code", 6, true },
};

static void odd_events(void)
{
	struct kvm_vcpu_events events = { 0 };
	struct tenon_entry_failure failure;
	const char *field = failure.rules[0].field;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(odd_injected); i++) {
		make();
		if (!explains())
			SKIP_ON_REFERENCE("this hypervisor does not explain");
		events.exception.injected = 1;
		events.exception.nr = odd_injected[i].vector;
		events.exception.has_error_code = odd_injected[i].has_error;
		CHECK_EQ(ioctl(fd, KVM_SET_VCPU_EVENTS, &events), 0);
		if (abi_run(vm, 0) == KVM_EXIT_FAIL_ENTRY) {
			get(&failure);
			CHECK(failure.nr > 0);
			printf("# %s: %s is %#llx: %s (%s)\n", odd_injected[i].what, field,
			       failure.rules[0].value, failure.rules[0].why,
			       failure.rules[0].section);
			CHECK(strstr(field, "EVENTINJ") || strstr(field, "interruption"));
			CHECK_EQ(failure.rules[0].value & 0xff, odd_injected[i].vector);
			/* It is still to be injected. */
			CHECK_EQ(abi_run(vm, 0), KVM_EXIT_FAIL_ENTRY);
		} else {
			/* Delivered: without an IDT the guest dies of it. */
			CHECK_EQ(vm->run[0]->exit_reason, KVM_EXIT_SHUTDOWN);
		}
		abi_close(vm);
	}
}

int main(int argc, char **argv)
{
	static const struct abi_test tests[] = { { "capability", capability },
						 { "nothing_refused", nothing_refused },
						 { "field_and_rule", field_and_rule },
						 { "put_right", put_right },
						 { "refused_often", refused_often },
						 { "odd_states", odd_states },
						 { "odd_events", odd_events },
						 { "pcide_without_long_mode",
						   pcide_without_long_mode },
						 {} };

	return abi_main(tests, argc, argv);
}
