// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asynchronous page faults: a guest goes on while a page of its memory is fetched.
 */
#include <fcntl.h>
#include <linux/kvm_para.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "long_mode.h"

#define MEMORY	 0x800000
#define PAGE	 0x20000
#define HANDLER	 0x31000
#define HANDLER2 0x32000
#define LAPIC	 0xfee00000u

/* Guest memory whose pages come when the test wants. */
#define SLOW_GPA  0x40000000u
#define SLOW_SIZE 0x400000u

struct slow_memory {
	uint8_t *mem;
	int uffd;
};

static struct slow_memory slow_memory(struct abi_vm *vm)
{
	struct slow_memory slow = { .uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK) };
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct kvm_userspace_memory_region slot = {
		.slot = 1,
		.guest_phys_addr = SLOW_GPA,
		.memory_size = SLOW_SIZE,
	};

	if (slow.uffd < 0)
		SKIP_ON_REFERENCE("no userfaultfd");
	CHECK_EQ(ioctl(slow.uffd, UFFDIO_API, &api), 0);
	slow.mem =
		mmap(NULL, SLOW_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(slow.mem != MAP_FAILED);
	range.range.start = (uintptr_t)slow.mem;
	range.range.len = SLOW_SIZE;
	CHECK_EQ(ioctl(slow.uffd, UFFDIO_REGISTER, &range), 0);
	slot.userspace_addr = (uintptr_t)slow.mem;
	CHECK_EQ(ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot), 0);
	return slow;
}

/* The host waits for the page at @offset: give it. */
static void give_page(struct slow_memory *slow, unsigned int offset)
{
	static uint8_t content[4096] __attribute__((aligned(4096)));
	struct uffdio_copy copy = {
		.dst = (uintptr_t)slow->mem + offset,
		.src = (uintptr_t)content,
		.len = sizeof(content),
	};
	struct pollfd wait = { .fd = slow->uffd, .events = POLLIN };
	struct uffd_msg msg;

	CHECK_EQ(poll(&wait, 1, 60000), 1);
	CHECK_EQ(read(slow->uffd, &msg, sizeof(msg)), (long)sizeof(msg));
	CHECK_EQ(msg.arg.pagefault.address & ~0xfffull, copy.dst);
	memset(content, 0x5a, sizeof(content));
	CHECK_EQ(ioctl(slow->uffd, UFFDIO_COPY, &copy), 0);
}

/* As Linux does where it uses an IOAPIC: it does not listen to the PIC. */
static void mask_lint0(struct abi_vm *vm, int vcpu)
{
	struct kvm_lapic_state lapic;
	uint32_t lint0 = 0x10000;

	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_LAPIC, &lapic), 0);
	memcpy(lapic.regs + 0x350, &lint0, sizeof(lint0));
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_LAPIC, &lapic), 0);
}

static struct abi_vm *apf_vm(uint64_t flags)
{
	struct abi_vm *vm = abi_vm_irqchip(MEMORY);
	int vcpu = abi_vcpu(vm);

	/* mov al, [rsi]; out 1, al; jmp . */
	ABI_CODE(vm, CODE, 0x8a, 0x06, 0xe6, 1, 0xeb, 0xfe);
	/* #PF: mov rax, cr2; out 2, al; sti; jmp . */
	ABI_CODE(vm, HANDLER, 0x0f, 0x20, 0xd0, 0xe6, 2, 0xfb, 0xeb, 0xfe);
	/* page ready: out 3, al; iretq */
	ABI_CODE(vm, HANDLER2, 0xe6, 3, 0x48, 0xcf);
	set_gate(vm, 14, HANDLER);
	set_gate(vm, 0xf3, HANDLER2);
	with_interrupts(vm, vcpu);
	mask_lint0(vm, vcpu);
	CHECK_EQ(abi_set_msr(vm, vcpu, MSR_KVM_ASYNC_PF_INT, 0xf3), 1);
	CHECK_EQ(abi_set_msr(vm, vcpu, MSR_KVM_ASYNC_PF_EN, PAGE | flags), 1);
	return vm;
}

/* abi_long() maps the first GiB only: map the slow memory behind it. */
static void map_slow(struct abi_vm *vm)
{
	uint64_t *pdpt = (void *)(vm->mem + ABI_TABLES + 0x1000);

	pdpt[1] = SLOW_GPA | 0x87;
}

static void start_at_slow(struct abi_vm *vm, unsigned int offset)
{
	struct kvm_regs regs;

	with_interrupts(vm, 0);
	map_slow(vm);
	regs = abi_regs(vm, 0);
	regs.rsi = SLOW_GPA + offset;
	CHECK_EQ(ioctl(vm->vcpu[0], KVM_SET_REGS, &regs), 0);
}

static void expect_port(struct abi_vm *vm, int port)
{
	CHECK_EQ(abi_run(vm, 0), KVM_EXIT_IO);
	CHECK_EQ(vm->run[0]->io.port, port);
}

static struct kvm_vcpu_pv_apf_data *apf_data(struct abi_vm *vm)
{
	return (void *)(vm->mem + PAGE);
}

/* Having been switched on, it tells that all pages are here. */
static void take_wake_all(struct abi_vm *vm)
{
	struct kvm_vcpu_pv_apf_data *data = apf_data(vm);

	/* jmp . in place of the read */
	ABI_CODE(vm, CODE, 0xeb, 0xfe);
	expect_port(vm, 3);
	CHECK_EQ(data->token, 0xffffffff);
	data->token = 0;
	CHECK_EQ(abi_set_msr(vm, 0, MSR_KVM_ASYNC_PF_ACK, 1), 1);
	ABI_CODE(vm, CODE, 0x8a, 0x06, 0xe6, 1, 0xeb, 0xfe);
	/* The handler has not ended its interrupt. */
	with_interrupts(vm, 0);
}

static void clear_isr(struct abi_vm *vm)
{
	struct kvm_lapic_state lapic;

	CHECK_EQ(ioctl(vm->vcpu[0], KVM_GET_LAPIC, &lapic), 0);
	memset(lapic.regs + 0x100, 0, 0x80);
	CHECK_EQ(ioctl(vm->vcpu[0], KVM_SET_LAPIC, &lapic), 0);
}

static void test_delivered(void)
{
	struct abi_vm *vm = apf_vm(KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_SEND_ALWAYS |
				   KVM_ASYNC_PF_DELIVERY_AS_INT);
	struct kvm_vcpu_pv_apf_data *data = apf_data(vm);
	struct slow_memory slow = slow_memory(vm);
	struct kvm_sregs sregs;
	uint32_t token;

	take_wake_all(vm);
	clear_isr(vm);
	start_at_slow(vm, 0x3000);
	expect_port(vm, 2);
	CHECK_EQ(data->flags, KVM_PV_REASON_PAGE_NOT_PRESENT);
	CHECK_EQ(ioctl(vm->vcpu[0], KVM_GET_SREGS, &sregs), 0);
	token = sregs.cr2;
	CHECK(token && token != 0xffffffff);
	CHECK_EQ(data->token, 0);
	data->flags = 0;
	give_page(&slow, 0x3000);
	expect_port(vm, 3);
	CHECK_EQ(data->token, token);
	/* The page is there: no fault. */
	data->token = 0;
	clear_isr(vm);
	start_at_slow(vm, 0x3000);
	expect_port(vm, 1);
	CHECK_EQ(abi_regs(vm, 0).rax & 0xff, 0x5a);
	CHECK_EQ(data->flags, 0);
}

static void *give_first_page(void *arg)
{
	usleep(50000);
	give_page(arg, 0);
	return NULL;
}

/* The guest is in its kernel, or takes no interrupts: it has to wait. */
static void check_waits(struct abi_vm *vm, bool interrupts)
{
	struct slow_memory slow = slow_memory(vm);
	struct kvm_regs regs;
	pthread_t thread;

	start_at_slow(vm, 0);
	regs = abi_regs(vm, 0);
	if (!interrupts)
		regs.rflags = 2;
	CHECK_EQ(ioctl(vm->vcpu[0], KVM_SET_REGS, &regs), 0);
	CHECK_EQ(pthread_create(&thread, NULL, give_first_page, &slow), 0);
	expect_port(vm, 1);
	CHECK_EQ(abi_regs(vm, 0).rax & 0xff, 0x5a);
	CHECK_EQ(apf_data(vm)->flags, 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void test_kernel(void)
{
	struct abi_vm *vm = apf_vm(KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_DELIVERY_AS_INT);

	take_wake_all(vm);
	clear_isr(vm);
	check_waits(vm, true);
}

static void test_masked(void)
{
	struct abi_vm *vm = apf_vm(KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_SEND_ALWAYS |
				   KVM_ASYNC_PF_DELIVERY_AS_INT);

	take_wake_all(vm);
	clear_isr(vm);
	check_waits(vm, false);
}

/* A vCPU that waits for its first start-up IPI waits, whatever it has been given to tell. */
static void test_waiting(void)
{
	struct abi_vm *vm = abi_vm_irqchip(MEMORY);
	int vcpu;

	if (abi_reference())
		abi_skip("kvm.ko does not let it sleep");
	abi_vcpu(vm);
	vcpu = abi_vcpu(vm);
	CHECK_EQ(abi_set_msr(vm, vcpu, MSR_KVM_ASYNC_PF_INT, 0xf3), 1);
	CHECK_EQ(abi_set_msr(vm, vcpu, MSR_KVM_ASYNC_PF_EN,
			     PAGE | KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_DELIVERY_AS_INT),
		 1);
	/* What there was to look at ends the first. */
	CHECK_EQ(abi_run(vm, vcpu), -EAGAIN);
	abi_signals(50);
	CHECK_EQ(abi_run(vm, vcpu), -EINTR);
}

static long module_users(void)
{
	FILE *file = fopen("/sys/module/tenon/refcnt", "r");
	long users;

	CHECK(file);
	CHECK_EQ(fscanf(file, "%ld", &users), 1);
	fclose(file);
	return users;
}

/* Many pages are waited for when the VM goes away: nothing stays behind. */
static void test_many(void)
{
	long users = abi_reference() ? 0 : (abi_dev(), module_users());
	struct abi_vm *vm = apf_vm(KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_SEND_ALWAYS |
				   KVM_ASYNC_PF_DELIVERY_AS_INT);
	struct slow_memory slow = slow_memory(vm);
	unsigned int i;

	if (!users)
		abi_skip("kvm.ko waits for the pages when its VM goes");
	take_wake_all(vm);
	clear_isr(vm);
	for (i = 0; i < 40; i++) {
		start_at_slow(vm, i * 0x1000);
		expect_port(vm, 2);
	}
	CHECK_EQ(abi_set_msr(vm, 0, MSR_KVM_ASYNC_PF_EN, 0), 1);
	abi_close(vm);
	CHECK(module_users() > users);
	/* Nobody has given them: they are given up. */
	close(slow.uffd);
	for (i = 0; i < 10000 && module_users() != users; i++)
		usleep(1000);
	CHECK_EQ(module_users(), users);
}

static const struct abi_test tests[] = {
	{ "delivered", test_delivered }, { "kernel", test_kernel }, { "masked", test_masked },
	{ "waiting", test_waiting },	 { "many", test_many },	    {}
};

int main(int argc, char **argv)
{
	return abi_main(tests, argc, argv);
}
