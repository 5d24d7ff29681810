// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports, MMIO and what user space hangs on them: exits, emulated instructions, ioeventfds, the
 * coalesced ring.
 */
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/abi.h"

#define MEMORY 0x400000
#define CODE   0x1000
#define DATA   0x3000
/* Behind the memory, in the part that abi_long() maps. */
#define DEVICE	     0x600000
#define PORT	     0x1234

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A VM with one vCPU in 64-bit mode at CODE; RBX is DEVICE, RDX is PORT. */
struct machine {
	struct abi_vm *vm;
	int vcpu;
	struct kvm_run *run;
};

#define MACHINE(...) \
	machine((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void set_regs(struct machine *m, const struct kvm_regs *regs)
{
	CHECK_EQ(ioctl(m->vm->vcpu[m->vcpu], KVM_SET_REGS, regs), 0);
}

static struct kvm_regs regs_of(struct machine *m)
{
	return abi_regs(m->vm, m->vcpu);
}

static struct machine machine(const void *code, size_t len)
{
	struct machine m = { .vm = abi_vm(MEMORY) };
	struct kvm_regs regs;

	m.vcpu = abi_vcpu(m.vm);
	m.run = m.vm->run[m.vcpu];
	abi_code(m.vm, CODE, code, len);
	abi_long(m.vm, m.vcpu, CODE);
	regs = regs_of(&m);
	regs.rbx = DEVICE;
	regs.rdx = PORT;
	set_regs(&m, &regs);
	return m;
}

static void halts(struct machine *m)
{
	CHECK_EQ(abi_run(m->vm, m->vcpu), KVM_EXIT_HLT);
}

static uint8_t *expect_io(struct machine *m, int direction, int port, int size, uint32_t count)
{
	CHECK_EQ(abi_run(m->vm, m->vcpu), KVM_EXIT_IO);
	CHECK_EQ(m->run->io.direction, direction);
	CHECK_EQ(m->run->io.port, port);
	CHECK_EQ(m->run->io.size, size);
	CHECK_EQ(m->run->io.count, count);
	return (uint8_t *)m->run + m->run->io.data_offset;
}

static void expect_read(struct machine *m, uint64_t gpa, uint32_t len, uint64_t answer)
{
	CHECK_EQ(abi_run(m->vm, m->vcpu), KVM_EXIT_MMIO);
	CHECK_EQ(m->run->mmio.phys_addr, gpa);
	CHECK_EQ(m->run->mmio.is_write, 0);
	CHECK_EQ(m->run->mmio.len, len);
	memcpy(m->run->mmio.data, &answer, sizeof(answer));
}

static void expect_write(struct machine *m, uint64_t gpa, uint32_t len, uint64_t data)
{
	uint64_t got = 0;

	CHECK_EQ(abi_run(m->vm, m->vcpu), KVM_EXIT_MMIO);
	CHECK_EQ(m->run->mmio.phys_addr, gpa);
	CHECK_EQ(m->run->mmio.is_write, 1);
	CHECK_EQ(m->run->mmio.len, len);
	memcpy(&got, m->run->mmio.data, len);
	CHECK_EQ(got, data);
}

/* in eax,dx; in ax,dx; in al,dx; mov eax,1; out dx,eax; hlt */
static void test_port_sizes(void)
{
	struct machine m = MACHINE(0xed, 0x66, 0xed, 0xec, 0xb8, 1, 0, 0, 0, 0xef, 0xf4);
	struct kvm_regs regs = regs_of(&m);

	regs.rax = 0x1122334455667788;
	set_regs(&m, &regs);
	memcpy(expect_io(&m, KVM_EXIT_IO_IN, PORT, 4, 1), "\x01\x02\x03\x84", 4);
	CHECK_EQ(regs_of(&m).rip, CODE);
	memcpy(expect_io(&m, KVM_EXIT_IO_IN, PORT, 2, 1), "\xaa\xbb", 2);
	CHECK_EQ(regs_of(&m).rax, 0x84030201);
	memcpy(expect_io(&m, KVM_EXIT_IO_IN, PORT, 1, 1), "\xcc", 1);
	CHECK_EQ(regs_of(&m).rax, 0x8403bbaa);
	CHECK_EQ(*(uint32_t *)expect_io(&m, KVM_EXIT_IO_OUT, PORT, 4, 1), 1);
	halts(&m);
	CHECK_EQ(regs_of(&m).rip, CODE + 11);
}

/* in al,dx; hlt: the vCPU is moved before the exit is complete */
static void test_port_moved(void)
{
	struct machine m = MACHINE(0xec, 0xf4, 0xf4);
	struct kvm_regs regs;

	expect_io(&m, KVM_EXIT_IO_IN, PORT, 1, 1)[0] = 0x55;
	regs = regs_of(&m);
	regs.rip = CODE + 1;
	regs.rax = 0;
	set_regs(&m, &regs);
	halts(&m);
	CHECK_EQ(regs_of(&m).rip, CODE + 2);
	CHECK_EQ(regs_of(&m).rax, 0);
}

/* rep insb; hlt */
static void test_ins(void)
{
	struct machine m = MACHINE(0xf3, 0x6c, 0xf4);
	struct kvm_regs regs = regs_of(&m);
	uint32_t count, left = 300;
	uint8_t *data, next = 0;
	unsigned int i;

	/* Crosses a page. */
	regs.rdi = DATA + 0xfe0;
	regs.rcx = left;
	set_regs(&m, &regs);
	while (left) {
		CHECK_EQ(abi_run(m.vm, m.vcpu), KVM_EXIT_IO);
		CHECK_EQ(m.run->io.direction, KVM_EXIT_IO_IN);
		CHECK_EQ(m.run->io.size, 1);
		count = m.run->io.count;
		CHECK(count && count <= left);
		left -= count;
		data = (uint8_t *)m.run + m.run->io.data_offset;
		while (count--)
			*data++ = next++;
	}
	halts(&m);
	CHECK_EQ(regs_of(&m).rcx, 0);
	CHECK_EQ(regs_of(&m).rdi, DATA + 0xfe0 + 300);
	for (i = 0; i < 300; i++)
		CHECK_EQ(m.vm->mem[DATA + 0xfe0 + i], (uint8_t)i);
}

/* rep outsw; hlt */
static void test_outs(void)
{
	struct machine m = MACHINE(0x66, 0xf3, 0x6f, 0xf4);
	struct kvm_regs regs = regs_of(&m);
	uint32_t count, got = 0;
	uint16_t *data;
	unsigned int i;

	for (i = 0; i < 3000; i++)
		((uint16_t *)(m.vm->mem + DATA))[i] = i * 7;
	regs.rsi = DATA;
	regs.rcx = 3000;
	set_regs(&m, &regs);
	while (got < 3000) {
		CHECK_EQ(abi_run(m.vm, m.vcpu), KVM_EXIT_IO);
		CHECK_EQ(m.run->io.direction, KVM_EXIT_IO_OUT);
		CHECK_EQ(m.run->io.size, 2);
		count = m.run->io.count;
		CHECK(count && count * 2 <= 4096);
		data = (uint16_t *)((uint8_t *)m.run + m.run->io.data_offset);
		while (count--)
			CHECK_EQ(*data++, (uint16_t)(got++ * 7));
	}
	halts(&m);
	CHECK_EQ(regs_of(&m).rsi, DATA + 6000);
}

/* mov al,[rbx]; movzx ecx,word [rbx+2]; movsxd rdx,dword [rbx+4]; mov rsi,[rbx+8]; hlt */
static void test_mmio_reads(void)
{
	struct machine m = MACHINE(0x8a, 0x03, 0x0f, 0xb7, 0x4b, 2, 0x48, 0x63, 0x53, 4, 0x48, 0x8b,
				   0x73, 8, 0xf4);
	struct kvm_regs regs;

	expect_read(&m, DEVICE, 1, ~0ull << 8 | 0x5a);
	expect_read(&m, DEVICE + 2, 2, ~0ull << 16 | 0xbeef);
	expect_read(&m, DEVICE + 4, 4, 0x80000001);
	expect_read(&m, DEVICE + 8, 8, 0x1122334455667788);
	halts(&m);
	regs = regs_of(&m);
	CHECK_EQ(regs.rax, 0x5a);
	CHECK_EQ(regs.rcx, 0xbeef);
	CHECK_EQ(regs.rdx, (int32_t)0x80000001);
	CHECK_EQ(regs.rsi, 0x1122334455667788);
}

/* mov byte [rbx],12h; mov word [rbx+2],3456h; mov [rbx+8],rax; mov dword [rbx+4],9abcdef0h; hlt */
static void test_mmio_writes(void)
{
	struct machine m = MACHINE(0xc6, 0x03, 0x12, 0x66, 0xc7, 0x43, 2, 0x56, 0x34, 0x48, 0x89,
				   0x43, 8, 0xc7, 0x43, 4, 0xf0, 0xde, 0xbc, 0x9a, 0xf4);
	struct kvm_regs regs = regs_of(&m);

	regs.rax = 0x0123456789abcdef;
	set_regs(&m, &regs);
	expect_write(&m, DEVICE, 1, 0x12);
	CHECK_EQ(regs_of(&m).rip, CODE + 3);
	expect_write(&m, DEVICE + 2, 2, 0x3456);
	expect_write(&m, DEVICE + 8, 8, 0x0123456789abcdef);
	expect_write(&m, DEVICE + 4, 4, 0x9abcdef0);
	halts(&m);
}

/* or byte [rbx],80h; xchg [rbx+4],eax; lock inc dword [rbx+8]; hlt: one read, one write each */
static void test_mmio_modify(void)
{
	struct machine m = MACHINE(0x80, 0x0b, 0x80, 0x87, 0x43, 4, 0xf0, 0xff, 0x43, 8, 0xf4);
	struct kvm_regs regs = regs_of(&m);

	regs.rax = 0xa5a5;
	set_regs(&m, &regs);
	expect_read(&m, DEVICE, 1, 0x01);
	expect_write(&m, DEVICE, 1, 0x81);
	expect_read(&m, DEVICE + 4, 4, 0x1234);
	expect_write(&m, DEVICE + 4, 4, 0xa5a5);
	CHECK_EQ(regs_of(&m).rax, 0x1234);
	expect_read(&m, DEVICE + 8, 4, 0xffffffff);
	expect_write(&m, DEVICE + 8, 4, 0);
	halts(&m);
	CHECK(regs_of(&m).rflags & 0x40);
}

/* movups xmm1,[rbx]; movups [rbx+20h],xmm1; hlt: at most 8 bytes for each exit */
static void test_mmio_sse(void)
{
	struct machine m = MACHINE(0x0f, 0x10, 0x0b, 0x0f, 0x11, 0x4b, 0x20, 0xf4);

	expect_read(&m, DEVICE, 8, 0x1111111111111111);
	expect_read(&m, DEVICE + 8, 8, 0x2222222222222222);
	expect_write(&m, DEVICE + 0x20, 8, 0x1111111111111111);
	expect_write(&m, DEVICE + 0x28, 8, 0x2222222222222222);
	halts(&m);
}

/* mov rsi,[rbx+8]; mov [rbx+8],rsi; hlt, with the operand on two pages */
static void test_mmio_crossing(void)
{
	struct machine m = MACHINE(0x48, 0x8b, 0x73, 8, 0x48, 0x89, 0x73, 8, 0xf4);
	struct kvm_regs regs = regs_of(&m);

	regs.rbx = DEVICE + 0x1000 - 11;
	set_regs(&m, &regs);
	expect_read(&m, DEVICE + 0xffd, 3, 0x030201);
	expect_read(&m, DEVICE + 0x1000, 5, 0x0807060504);
	expect_write(&m, DEVICE + 0xffd, 3, 0x030201);
	expect_write(&m, DEVICE + 0x1000, 5, 0x0807060504);
	halts(&m);
	CHECK_EQ(regs_of(&m).rsi, 0x0807060504030201);
}

/* The same where the first page is memory. */
static void test_mmio_half(void)
{
	struct machine m = MACHINE(0x48, 0x8b, 0x73, 8, 0x48, 0x89, 0x7b, 8, 0xf4);
	struct kvm_regs regs = regs_of(&m);

	regs.rbx = MEMORY - 8 - 4;
	regs.rdi = 0x8877665544332211;
	set_regs(&m, &regs);
	memcpy(m.vm->mem + MEMORY - 4, "\x04\x03\x02\x01", 4);
	expect_read(&m, MEMORY, 4, 0xcafe);
	expect_write(&m, MEMORY, 4, 0x88776655);
	halts(&m);
	CHECK_EQ(regs_of(&m).rsi, 0xcafe01020304);
	CHECK_EQ(*(uint32_t *)(m.vm->mem + MEMORY - 4), 0x44332211);
}

/* rep movsb; hlt: from a device to memory */
static void test_mmio_movs(void)
{
	struct machine m = MACHINE(0xf3, 0xa4, 0xf4);
	struct kvm_regs regs = regs_of(&m);
	int i;

	regs.rsi = DEVICE;
	regs.rdi = DATA;
	regs.rcx = 5;
	set_regs(&m, &regs);
	for (i = 0; i < 5; i++)
		expect_read(&m, DEVICE + i, 1, 0x40 + i);
	halts(&m);
	CHECK_EQ(memcmp(m.vm->mem + DATA, "@ABCD", 6), 0);
	CHECK_EQ(regs_of(&m).rcx, 0);
}

/* std; rep stosw; hlt: to a device, downwards */
static void test_mmio_stos(void)
{
	struct machine m = MACHINE(0xfd, 0x66, 0xf3, 0xab, 0xf4);
	struct kvm_regs regs = regs_of(&m);
	int i;

	regs.rax = 0x1720;
	regs.rdi = DEVICE + 4;
	regs.rcx = 4;
	set_regs(&m, &regs);
	for (i = 0; i < 4; i++)
		expect_write(&m, DEVICE + 4 - 2 * i, 2, 0x1720);
	halts(&m);
	CHECK_EQ(regs_of(&m).rdi, DEVICE - 4);
}

/* push qword [rbx]; pop qword [rbx+8]; hlt: the stack is memory */
static void test_mmio_stack(void)
{
	struct machine m = MACHINE(0xff, 0x33, 0x8f, 0x43, 8, 0xf4);

	expect_read(&m, DEVICE, 8, 0x5555aaaa5555aaaa);
	expect_write(&m, DEVICE + 8, 8, 0x5555aaaa5555aaaa);
	halts(&m);
	CHECK_EQ(regs_of(&m).rsp, 0x7000);
}

/* An instruction that lies on two pages, in 16-bit code: mov [0],eax with DS in the device */
static void test_mmio_real_mode(void)
{
	struct machine m = { .vm = abi_vm(0x8000) };
	struct kvm_sregs sregs;

	m.vcpu = abi_vcpu(m.vm);
	m.run = m.vm->run[m.vcpu];
	ABI_CODE(m.vm, 0x1ffe, 0x66, 0xa3, 0x10, 0x00, 0xf4);
	abi_real(m.vm, m.vcpu, 0x1ffe);
	CHECK_EQ(ioctl(m.vm->vcpu[m.vcpu], KVM_GET_SREGS, &sregs), 0);
	sregs.ds.selector = 0xb800;
	sregs.ds.base = 0xb8000;
	CHECK_EQ(ioctl(m.vm->vcpu[m.vcpu], KVM_SET_SREGS, &sregs), 0);
	expect_write(&m, 0xb8010, 4, 0);
	halts(&m);
	CHECK_EQ(regs_of(&m).rip, 0x2003);
}

/* fnsave [rbx]: not emulated */
static void test_unknown_instruction(void)
{
	struct machine m = MACHINE(0xdd, 0x33, 0xf4);

	CHECK_EQ(abi_run(m.vm, m.vcpu), KVM_EXIT_INTERNAL_ERROR);
	CHECK_EQ(m.run->emulation_failure.suberror, KVM_INTERNAL_ERROR_EMULATION);
	CHECK(m.run->emulation_failure.ndata >= 3);
	CHECK_EQ(m.run->emulation_failure.flags,
		 KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES);
	CHECK(m.run->emulation_failure.insn_size >= 2);
	CHECK_EQ(memcmp(m.run->emulation_failure.insn_bytes, "\xdd\x33", 2), 0);
}

/* ud2 with the stack in a device: the exception cannot be delivered */
static void test_stack_in_device(void)
{
	struct machine m = { .vm = abi_vm(0x8000) };
	struct kvm_regs regs;
	struct kvm_sregs sregs;

	m.vcpu = abi_vcpu(m.vm);
	m.run = m.vm->run[m.vcpu];
	ABI_CODE(m.vm, CODE, 0x0f, 0x0b, 0xf4);
	abi_real(m.vm, m.vcpu, CODE);
	CHECK_EQ(ioctl(m.vm->vcpu[m.vcpu], KVM_GET_SREGS, &sregs), 0);
	sregs.ss.selector = 0xb800;
	sregs.ss.base = 0xb8000;
	CHECK_EQ(ioctl(m.vm->vcpu[m.vcpu], KVM_SET_SREGS, &sregs), 0);
	regs = regs_of(&m);
	regs.rsp = 0x100;
	set_regs(&m, &regs);
	CHECK_EQ(abi_run(m.vm, m.vcpu), KVM_EXIT_INTERNAL_ERROR);
	CHECK_EQ(m.run->internal.suberror, KVM_INTERNAL_ERROR_DELIVERY_EV);
}

/*
 * OUT and a store to a device with TF set: a trap follows each. An INT first has the guest's pages
 * mapped: an emulator may trap before an instruction that made the host map one.
 */
static void test_single_step(void)
{
	struct machine m = { .vm = abi_vm(0x8000) };
	struct kvm_regs regs;
	struct kvm_sregs sregs;

	m.vcpu = abi_vcpu(m.vm);
	m.run = m.vm->run[m.vcpu];
	/* out 1,al; mov [0],ax; nop; the handler: hlt */
	ABI_CODE(m.vm, CODE, 0xe6, 1, 0xa3, 0, 0, 0x90, 0xf4);
	ABI_CODE(m.vm, CODE + 0x100, 0xf4, 0xcf);
	/* int 1; hlt */
	ABI_CODE(m.vm, CODE + 0x200, 0xcd, 1, 0xf4);
	/* The vectors of the real mode are at 0. */
	ABI_CODE(m.vm, 4, 0, (CODE + 0x100) >> 8, 0, 0);
	abi_real(m.vm, m.vcpu, CODE + 0x200);
	halts(&m);
	halts(&m);
	CHECK_EQ(ioctl(m.vm->vcpu[m.vcpu], KVM_GET_SREGS, &sregs), 0);
	sregs.ds.selector = 0xb800;
	sregs.ds.base = 0xb8000;
	CHECK_EQ(ioctl(m.vm->vcpu[m.vcpu], KVM_SET_SREGS, &sregs), 0);
	regs = regs_of(&m);
	regs.rip = CODE;
	regs.rflags |= 0x100;
	set_regs(&m, &regs);
	expect_io(&m, KVM_EXIT_IO_OUT, 1, 1, 1);
	halts(&m);
	/* On the handler's stack: where the guest goes on. */
	CHECK_EQ(*(uint16_t *)(m.vm->mem + regs_of(&m).rsp), CODE + 2);
	expect_write(&m, 0xb8000, 2, 0);
	halts(&m);
	CHECK_EQ(*(uint16_t *)(m.vm->mem + regs_of(&m).rsp), CODE + 5);
	halts(&m);
	CHECK_EQ(*(uint16_t *)(m.vm->mem + regs_of(&m).rsp), CODE + 6);
}

static int add_eventfd(struct machine *m, uint64_t addr, uint32_t len, uint32_t flags,
		       uint64_t data)
{
	struct kvm_ioeventfd args = {
		.addr = addr,
		.len = len,
		.flags = flags,
		.datamatch = data,
		.fd = eventfd(0, EFD_NONBLOCK),
	};

	CHECK(args.fd >= 0);
	CHECK_EQ(ioctl(m->vm->fd, KVM_IOEVENTFD, &args), 0);
	return args.fd;
}

static uint64_t count_of(int fd)
{
	uint64_t count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

/* out dx,ax; out dx,eax; hlt */
static void test_ioeventfd_port(void)
{
	struct machine m = MACHINE(0x66, 0xef, 0xef, 0xf4);
	struct kvm_regs regs = regs_of(&m);
	int one, two;

	regs.rax = 1;
	set_regs(&m, &regs);
	one = add_eventfd(&m, PORT, 2, KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DATAMATCH, 1);
	two = add_eventfd(&m, PORT, 2, KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DATAMATCH, 2);
	/* Only the width that was asked for. */
	expect_io(&m, KVM_EXIT_IO_OUT, PORT, 4, 1);
	CHECK_EQ(count_of(one), 1);
	CHECK_EQ(count_of(two), 0);
	halts(&m);
}

/* mov [rbx],eax; mov [rbx],ax; mov [rbx],al; hlt */
static void test_ioeventfd_mmio(void)
{
	struct machine m = MACHINE(0x89, 0x03, 0x66, 0x89, 0x03, 0x88, 0x03, 0xf4);
	int any = add_eventfd(&m, DEVICE, 0, 0, 0);

	halts(&m);
	CHECK_EQ(count_of(any), 3);
}

static void test_ioeventfd_errors(void)
{
	struct machine m = MACHINE(0xf4);
	struct kvm_ioeventfd args = { .addr = DEVICE, .len = 3, .fd = eventfd(0, 0) };
	int vm = m.vm->fd;

	CHECK_ERRNO(ioctl(vm, KVM_IOEVENTFD, &args), EINVAL);
	args.len = 4;
	args.addr = -3ull;
	CHECK_ERRNO(ioctl(vm, KVM_IOEVENTFD, &args), EINVAL);
	args.addr = DEVICE;
	args.flags = 1 << 10;
	CHECK_ERRNO(ioctl(vm, KVM_IOEVENTFD, &args), EINVAL);
	args.flags = KVM_IOEVENTFD_FLAG_DATAMATCH;
	args.len = 0;
	CHECK_ERRNO(ioctl(vm, KVM_IOEVENTFD, &args), EINVAL);
	args.len = 4;
	args.fd = -1;
	CHECK_ERRNO(ioctl(vm, KVM_IOEVENTFD, &args), EBADF);
	args.fd = vm;
	CHECK_ERRNO(ioctl(vm, KVM_IOEVENTFD, &args), EINVAL);
	args.fd = eventfd(0, 0);
	args.flags = KVM_IOEVENTFD_FLAG_DEASSIGN;
	CHECK_ERRNO(ioctl(vm, KVM_IOEVENTFD, &args), ENOENT);
	args.flags = 0;
	CHECK_EQ(ioctl(vm, KVM_IOEVENTFD, &args), 0);
	CHECK_ERRNO(ioctl(vm, KVM_IOEVENTFD, &args), EEXIST);
	args.len = 0;
	CHECK_ERRNO(ioctl(vm, KVM_IOEVENTFD, &args), EEXIST);
	args.len = 2;
	CHECK_EQ(ioctl(vm, KVM_IOEVENTFD, &args), 0);
	args.flags = KVM_IOEVENTFD_FLAG_DEASSIGN;
	CHECK_EQ(ioctl(vm, KVM_IOEVENTFD, &args), 0);
	CHECK_ERRNO(ioctl(vm, KVM_IOEVENTFD, &args), ENOENT);
}

static struct kvm_coalesced_mmio_ring *ring_of(struct machine *m)
{
	int page = ioctl(abi_dev(), KVM_CHECK_EXTENSION, KVM_CAP_COALESCED_MMIO);

	CHECK(page > 0);
	return (void *)((uint8_t *)m->run + page * 4096);
}

/* mov [rbx],eax; mov [rbx],ax; mov [rbx],al; hlt */
static void test_coalesced(void)
{
	struct machine m = MACHINE(0x89, 0x03, 0x66, 0x89, 0x03, 0x88, 0x03, 0xf4);
	struct kvm_coalesced_mmio_zone zone = { .addr = DEVICE, .size = 2 };
	struct kvm_coalesced_mmio_ring *ring = ring_of(&m);
	struct kvm_regs regs = regs_of(&m);

	regs.rax = 0x11223344;
	set_regs(&m, &regs);
	CHECK_EQ(ioctl(m.vm->fd, KVM_REGISTER_COALESCED_MMIO, &zone), 0);
	/* Too wide for the zone. */
	expect_write(&m, DEVICE, 4, 0x11223344);
	halts(&m);
	CHECK_EQ(ring->first, 0);
	CHECK_EQ(ring->last, 2);
	CHECK_EQ(ring->coalesced_mmio[0].phys_addr, DEVICE);
	CHECK_EQ(ring->coalesced_mmio[0].len, 2);
	CHECK_EQ(ring->coalesced_mmio[0].pio, 0);
	CHECK_EQ(memcmp(ring->coalesced_mmio[0].data, "\x44\x33", 2), 0);
	CHECK_EQ(ring->coalesced_mmio[1].len, 1);
	zone.pio = 2;
	CHECK_ERRNO(ioctl(m.vm->fd, KVM_REGISTER_COALESCED_MMIO, &zone), EINVAL);
	CHECK_ERRNO(ioctl(m.vm->fd, KVM_UNREGISTER_COALESCED_MMIO, &zone), EINVAL);
	zone.pio = 0;
	CHECK_EQ(ioctl(m.vm->fd, KVM_UNREGISTER_COALESCED_MMIO, &zone), 0);
	regs.rip = CODE + 2;
	set_regs(&m, &regs);
	expect_write(&m, DEVICE, 2, 0x3344);
}

/* Security row 6. out dx,al; jmp to itself: user space writes garbage to the ring's indexes */
static void test_coalesced_garbage(void)
{
	static const uint32_t garbage[] = { 170, 171, 0x80000000, 0xffffffff, 0x00ffffff, 169 };
	struct machine m = MACHINE(0xee, 0xeb, 0xfd);
	struct kvm_coalesced_mmio_zone zone = { .addr = PORT, .size = 1, .pio = 1 };
	struct kvm_coalesced_mmio_ring *ring = ring_of(&m);
	unsigned int i;

	CHECK_EQ(ioctl(m.vm->fd, KVM_REGISTER_COALESCED_MMIO, &zone), 0);
	for (i = 0; i < COUNT(garbage); i++) {
		ring->last = garbage[i];
		expect_io(&m, KVM_EXIT_IO_OUT, PORT, 1, 1);
		CHECK(ring->last == garbage[i] || ring->last < 170);
	}
	/* Full at 169 entries. (KVM 6.1 takes an unsigned difference mod 170: stops at 85.) */
	ring->first = 0;
	ring->last = 0;
	expect_io(&m, KVM_EXIT_IO_OUT, PORT, 1, 1);
	CHECK_EQ(ring->last, 169);
	for (i = 0; i < 169; i++)
		CHECK(ring->coalesced_mmio[i].pio == 1 && ring->coalesced_mmio[i].len == 1);
	ring->first = 100;
	expect_io(&m, KVM_EXIT_IO_OUT, PORT, 1, 1);
	CHECK_EQ(ring->last, 99);
}

static void test_coalesced_limit(void)
{
	struct machine m = MACHINE(0xf4);
	struct kvm_coalesced_mmio_zone zone = { .addr = DEVICE, .size = 4 };
	int i;

	for (i = 0; i < 5000; i++) {
		zone.addr += 8;
		if (ioctl(m.vm->fd, KVM_REGISTER_COALESCED_MMIO, &zone))
			break;
	}
	CHECK_EQ(errno, ENOSPC);
	CHECK_EQ(i, 1000);
}

static const struct abi_test tests[] = { { "port-sizes", test_port_sizes },
					 { "port-moved", test_port_moved },
					 { "ins", test_ins },
					 { "outs", test_outs },
					 { "mmio-reads", test_mmio_reads },
					 { "mmio-writes", test_mmio_writes },
					 { "mmio-modify", test_mmio_modify },
					 { "mmio-sse", test_mmio_sse },
					 { "mmio-crossing", test_mmio_crossing },
					 { "mmio-half", test_mmio_half },
					 { "mmio-movs", test_mmio_movs },
					 { "mmio-stos", test_mmio_stos },
					 { "mmio-stack", test_mmio_stack },
					 { "mmio-real-mode", test_mmio_real_mode },
					 { "unknown-instruction", test_unknown_instruction },
					 { "stack-in-device", test_stack_in_device },
					 { "single-step", test_single_step },
					 { "ioeventfd-port", test_ioeventfd_port },
					 { "ioeventfd-mmio", test_ioeventfd_mmio },
					 { "ioeventfd-errors", test_ioeventfd_errors },
					 { "coalesced", test_coalesced },
					 { "coalesced-garbage", test_coalesced_garbage },
					 { "coalesced-limit", test_coalesced_limit },
					 {} };

int main(int argc, char **argv)
{
	return abi_main(tests, argc, argv);
}
