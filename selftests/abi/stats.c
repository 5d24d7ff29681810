// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_GET_STATS_FD: the file describes itself, its counters count, and it outlives its VM's fds.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/abi.h"

#define MEMORY 0x200000
#define CODE   0x1000

/**
 * struct stats - a statistics file, read as a whole
 */
struct stats {
	int fd;
	struct kvm_stats_header header;
	char *desc;
	size_t data_size;
};

static const struct kvm_stats_desc *descriptor(const struct stats *stats, unsigned int i)
{
	return (void *)(stats->desc +
			i * (sizeof(struct kvm_stats_desc) + stats->header.name_size));
}

static struct stats open_stats(int object)
{
	struct stats stats = { .fd = ioctl(object, KVM_GET_STATS_FD, NULL) };
	size_t size;
	unsigned int i;

	CHECK(stats.fd >= 0);
	CHECK_EQ(read(stats.fd, &stats.header, sizeof(stats.header)), (long)sizeof(stats.header));
	CHECK(stats.header.num_desc > 0 && stats.header.num_desc < 1000);
	size = stats.header.num_desc * (sizeof(struct kvm_stats_desc) + stats.header.name_size);
	stats.desc = malloc(size);
	CHECK_EQ(pread(stats.fd, stats.desc, size, stats.header.desc_offset), (long)size);
	for (i = 0; i < stats.header.num_desc; i++)
		stats.data_size += descriptor(&stats, i)->size * sizeof(uint64_t);
	return stats;
}

/* The counter @name, its first value. */
static uint64_t value(const struct stats *stats, const char *name)
{
	uint64_t result;
	unsigned int i;

	for (i = 0; i < stats->header.num_desc; i++) {
		const struct kvm_stats_desc *desc = descriptor(stats, i);

		if (strcmp(desc->name, name) != 0)
			continue;
		CHECK_EQ(pread(stats->fd, &result, sizeof(result),
			       stats->header.data_offset + desc->offset),
			 (long)sizeof(result));
		return result;
	}
	abi_fail(__FILE__, __LINE__, "no counter %s", name);
}

static void check_descriptors(const struct stats *stats)
{
	uint32_t end = 0;
	unsigned int i, j;

	for (i = 0; i < stats->header.num_desc; i++) {
		const struct kvm_stats_desc *desc = descriptor(stats, i);
		uint32_t type = desc->flags & KVM_STATS_TYPE_MASK;

		CHECK(desc->name[0] && strlen(desc->name) < stats->header.name_size);
		CHECK(type <= KVM_STATS_TYPE_MAX);
		CHECK((desc->flags & KVM_STATS_UNIT_MASK) <= KVM_STATS_UNIT_MAX);
		CHECK(desc->size && desc->offset % 8 == 0);
		CHECK(desc->offset + desc->size * 8u <= stats->data_size);
		CHECK(type == KVM_STATS_TYPE_LOG_HIST || desc->size == 1);
		for (j = 0; j < i; j++)
			CHECK(strcmp(desc->name, descriptor(stats, j)->name) != 0);
		end = desc->offset + desc->size * 8u > end ? desc->offset + desc->size * 8u : end;
	}
	CHECK_EQ(end, stats->data_size);
}

static void check_layout(int object, const char *id)
{
	struct stats stats = open_stats(object);
	char name[256] = "", *data = malloc(stats.data_size + 1);

	CHECK(stats.header.name_size <= sizeof(name));
	CHECK_EQ(pread(stats.fd, name, stats.header.name_size, stats.header.id_offset),
		 stats.header.name_size);
	CHECK(!strncmp(name, id, strlen(id)));
	check_descriptors(&stats);
	/* Not a byte more than it says; and nothing to be written. */
	CHECK_EQ(pread(stats.fd, data, stats.data_size + 1, stats.header.data_offset),
		 (long)stats.data_size);
	CHECK_EQ(pread(stats.fd, data, 1, stats.header.data_offset + stats.data_size), 0);
	CHECK_ERRNO(pread(stats.fd, data, 1, -1), EINVAL);
	CHECK(write(stats.fd, data, 1) < 0);
	CHECK_EQ(fcntl(stats.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	CHECK_ERRNO(ioctl(stats.fd, KVM_GET_STATS_FD, NULL), ENOTTY);
	close(stats.fd);
}

static void test_layout(void)
{
	struct abi_vm *vm = abi_vm(MEMORY);
	int vcpu = abi_vcpu(vm);

	CHECK_EQ(ioctl(abi_dev(), KVM_CHECK_EXTENSION, KVM_CAP_BINARY_STATS_FD), 1);
	check_layout(vm->fd, "kvm-");
	check_layout(vm->vcpu[vcpu], "kvm-");
}

static void test_exits(void)
{
	struct abi_vm *vm = abi_vm(MEMORY);
	int vcpu = abi_vcpu(vm), i;
	struct stats stats = open_stats(vm->vcpu[vcpu]);
	uint64_t exits = value(&stats, "exits"), io = value(&stats, "io_exits");
	uint64_t hlt = value(&stats, "halt_exits"), mmio = value(&stats, "mmio_exits");

	CHECK_EQ(exits, 0);
	/* out 1, al; mov al, [40000000h]; jmp CODE */
	ABI_CODE(vm, CODE, 0xe6, 1, 0xb9, 0, 0, 0, 0x40, 0x8a, 0x01, 0xeb, 0xf5);
	abi_flat32(vm, vcpu, CODE);
	for (i = 0; i < 10; i++) {
		CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
		CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_MMIO);
	}
	ABI_CODE(vm, CODE, 0xf4);
	abi_flat32(vm, vcpu, CODE);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
	CHECK_EQ(value(&stats, "io_exits") - io, 10);
	CHECK_EQ(value(&stats, "mmio_exits") - mmio, 10);
	CHECK_EQ(value(&stats, "halt_exits") - hlt, 1);
	CHECK(value(&stats, "exits") - exits >= 21);
}

static void test_hypercalls(void)
{
	struct abi_vm *vm = abi_vm(MEMORY);
	int vcpu = abi_vcpu(vm);
	struct stats stats = open_stats(vm->vcpu[vcpu]);

	ABI_CODE(vm, CODE, 0x0f, 0x01, abi_hypercall(), 0x0f, 0x01, abi_hypercall(), 0xf4);
	abi_long(vm, vcpu, CODE);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
	CHECK_EQ(value(&stats, "hypercalls"), 2);
}

/**
 * struct waker - who ends a halt
 * @vm: whose
 * @stats: of the vCPU that halts
 */
struct waker {
	struct abi_vm *vm;
	const struct stats *stats;
};

static void *interrupt(void *arg)
{
	struct waker *waker = arg;
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x41 };

	while (!value(waker->stats, "blocking"))
		usleep(1000);
	usleep(300000);
	CHECK_EQ(ioctl(waker->vm->fd, KVM_SIGNAL_MSI, &msi), 1);
	return NULL;
}

/* The guest halts, and 0.3 s later an interrupt wakes it. */
static void halt_once(struct abi_vm *vm, int vcpu, const struct stats *stats)
{
	struct waker waker = { vm, stats };
	struct kvm_lapic_state lapic;
	struct kvm_regs regs;
	uint32_t svr = 0x1ff;
	pthread_t thread;

	/* sti; hlt. The real-mode handler of 41h: out 1, al */
	ABI_CODE(vm, CODE, 0xfb, 0xf4);
	ABI_CODE(vm, CODE + 0x100, 0xe6, 1);
	*(uint32_t *)(vm->mem + 0x41 * 4) = CODE + 0x100;
	abi_real(vm, vcpu, CODE);
	regs = abi_regs(vm, vcpu);
	regs.rsp = 0x7000;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_REGS, &regs), 0);
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_GET_LAPIC, &lapic), 0);
	memcpy(lapic.regs + 0xf0, &svr, sizeof(svr));
	memset(lapic.regs + 0x100, 0, 0x80);
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_LAPIC, &lapic), 0);
	CHECK_EQ(pthread_create(&thread, NULL, interrupt, &waker), 0);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static uint64_t histogram_sum(const struct stats *stats, const char *name)
{
	uint64_t sum = 0, values[64];
	unsigned int i, j;

	for (i = 0; i < stats->header.num_desc; i++) {
		const struct kvm_stats_desc *desc = descriptor(stats, i);

		if (strcmp(desc->name, name) != 0)
			continue;
		CHECK(desc->size <= ARRAY_SIZE(values));
		CHECK_EQ(desc->exponent, -9);
		CHECK_EQ(pread(stats->fd, values, desc->size * 8,
			       stats->header.data_offset + desc->offset),
			 desc->size * 8);
		for (j = 0; j < desc->size; j++)
			sum += values[j];
	}
	return sum;
}

static void test_halt(void)
{
	struct abi_vm *vm = abi_vm_irqchip(MEMORY);
	int vcpu = abi_vcpu(vm);
	struct stats stats = open_stats(vm->vcpu[vcpu]);

	halt_once(vm, vcpu, &stats);
	CHECK(value(&stats, "halt_wait_ns") >= 100000000);
	CHECK(histogram_sum(&stats, "halt_wait_hist") >= 1);
	CHECK_EQ(value(&stats, "blocking"), 0);
	CHECK(value(&stats, "irq_injections") >= 1);
	/* A new vCPU has not polled, and learns nothing from a long halt. */
	CHECK_EQ(value(&stats, "halt_attempted_poll"), 0);
}

/* Polls as long as user space allows, and not at all where it or the guest does not. */
static void test_halt_poll(void)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_HALT_POLL, .args = { 1ull << 32 } };
	struct abi_vm *vm = abi_vm_irqchip(MEMORY);
	int vcpu = abi_vcpu(vm);
	struct stats stats = open_stats(vm->vcpu[vcpu]);

	CHECK_EQ(ioctl(abi_dev(), KVM_CHECK_EXTENSION, KVM_CAP_HALT_POLL), 1);
	CHECK_ERRNO(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), EINVAL);
	cap.args[0] = 0xffffffff;
	CHECK_EQ(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), 0);
	/* Short of the limit: the next one polls. */
	halt_once(vm, vcpu, &stats);
	halt_once(vm, vcpu, &stats);
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1) {
		CHECK(value(&stats, "halt_attempted_poll") >= 1);
		CHECK_EQ(value(&stats, "halt_successful_poll") +
				 histogram_sum(&stats, "halt_poll_fail_hist"),
			 value(&stats, "halt_attempted_poll"));
	} else {
		CHECK_EQ(value(&stats, "halt_successful_poll"), 0);
	}
	cap.args[0] = 0;
	CHECK_EQ(ioctl(vm->fd, KVM_ENABLE_CAP, &cap), 0);
	halt_once(vm, vcpu, &stats);
}

/* mov [2 MiB * n], al for some n; hlt: one page each, whatever its size. */
static void test_pages(void)
{
	struct abi_vm *vm = abi_vm(32 << 20);
	int vcpu = abi_vcpu(vm);
	struct stats stats = open_stats(vm->fd);
	struct kvm_regs regs;
	uint64_t before, after;

	ABI_CODE(vm, CODE, 0x88, 0x01, 0x81, 0xc1, 0, 0, 0x20, 0, 0xe6, 1, 0xeb, 0xf4);
	abi_flat32(vm, vcpu, CODE);
	regs = abi_regs(vm, vcpu);
	regs.rcx = 0x200000;
	CHECK_EQ(ioctl(vm->vcpu[vcpu], KVM_SET_REGS, &regs), 0);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
	before = value(&stats, "pages_4k") + value(&stats, "pages_2m");
	CHECK(before >= 2);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_IO);
	after = value(&stats, "pages_4k") + value(&stats, "pages_2m");
	CHECK_EQ(after - before, 2);
	CHECK_EQ(value(&stats, "pages_1g"), 0);
}

static void test_outlives(void)
{
	struct abi_vm *vm = abi_vm(MEMORY);
	int vcpu = abi_vcpu(vm);
	struct stats of_vm = open_stats(vm->fd), of_vcpu = open_stats(vm->vcpu[vcpu]);

	ABI_CODE(vm, CODE, 0xf4);
	abi_long(vm, vcpu, CODE);
	CHECK_EQ(abi_run(vm, vcpu), KVM_EXIT_HLT);
	abi_close(vm);
	CHECK_EQ(value(&of_vcpu, "halt_exits"), 1);
	value(&of_vm, "remote_tlb_flush");
	close(of_vm.fd);
	close(of_vcpu.fd);
}

static const struct abi_test tests[] = { { "layout", test_layout },	    { "exits", test_exits },
					 { "hypercalls", test_hypercalls }, { "halt", test_halt },
					 { "halt-poll", test_halt_poll },   { "pages", test_pages },
					 { "outlives", test_outlives },	    {} };

int main(int argc, char **argv)
{
	return abi_main(tests, argc, argv);
}
