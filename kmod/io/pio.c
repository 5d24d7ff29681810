// SPDX-License-Identifier: GPL-2.0-only
/*
 * EXIT_IO: IN and OUT. To a device in the kernel, at best without leaving the inner loop; else to
 * user space. The instruction is complete when user space calls KVM_RUN again, as the API says.
 */
#include <linux/kvm.h>

#include "../emulate.h"
#include "../exit.h"
#include "../vcpu.h"
#include "../vm.h"
#include "bus.h"

/*
 * KVM_X86_QUIRK_OUT_7E_INC_RIP: for this port, which firmware of old has its own use for, user
 * space finds RIP behind the OUT.
 */
#define PORT_RIP_FIRST 0x7e

/**
 * io_exit() - fill in KVM_EXIT_IO
 * @vcpu: the vCPU; data to write are in vcpu->pio_data, and data read will be
 * @in: direction
 * @port: port
 * @size: of an element: 1, 2 or 4 bytes
 * @count: elements, which fit the page
 */
void io_exit(struct vcpu *vcpu, bool in, u16 port, u8 size, u32 count)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = size;
	run->io.port = port;
	run->io.count = count;
	run->io.data_offset = KVM_PIO_PAGE_OFFSET * PAGE_SIZE;
}

/* AL and AX keep what is above them; EAX clears it (SDM 1, 3.4.1.1). */
static void set_accumulator(struct vcpu *vcpu, u8 size, u32 value)
{
	u64 *rax = &vcpu->regs[REG_RAX];

	if (size == 4)
		*rax = value;
	else if (size == 2)
		*rax = (*rax & ~0xffffull) | (u16)value;
	else
		*rax = (*rax & ~0xffull) | (u8)value;
}

static u32 accumulator(const struct vcpu *vcpu, u8 size)
{
	u32 value = vcpu->regs[REG_RAX];

	if (size == 4)
		return value;
	return size == 2 ? (u16)value : (u8)value;
}

/* A vCPU that user space has moved, say by a reset, is not at this instruction any more. */
static int complete_out(struct vcpu *vcpu)
{
	struct emulation *em = vcpu->emulation;

	if (vcpu->rip == em->rip)
		skip_bytes(vcpu, em->port.insn_len);
	return GUEST;
}

static int complete_in(struct vcpu *vcpu)
{
	struct emulation *em = vcpu->emulation;

	if (vcpu->rip == em->rip)
		set_accumulator(vcpu, em->port.size, READ_ONCE(*(u32 *)vcpu->pio_data));
	return complete_out(vcpu);
}

static int to_user(struct vcpu *vcpu, const struct exit *exit, int len)
{
	struct emulation *em = vcpu->emulation;
	u16 port = exit->io.port;
	u8 size = exit->io.size;
	bool in = exit->io.in;

	io_exit(vcpu, in, port, size, 1);
	em->rip = vcpu->rip;
	em->port.insn_len = len;
	if (in) {
		em->port.size = size;
		vcpu->complete = complete_in;
		return USER;
	}
	vcpu->complete = complete_out;
	/* User space looks at as many bytes as there are. */
	*(u32 *)vcpu->pio_data = vcpu->regs[REG_RAX];
	if (unlikely(port == PORT_RIP_FIRST) && vm_quirk(vcpu->vm, KVM_X86_QUIRK_OUT_7E_INC_RIP)) {
		skip_bytes(vcpu, len);
		vcpu->complete = NULL;
	}
	return USER;
}

/* One element, neither string nor repeated; @len is the instruction's. */
static int port_access(struct vcpu *vcpu, const struct exit *exit, int len, bool fast)
{
	struct io_bus *bus = &vcpu->vm->pio;
	u8 size = exit->io.size;
	u32 value = 0;
	int ret;

	if (exit->io.in) {
		ret = fast ? io_bus_read_fast(vcpu, bus, exit->io.port, size, &value) :
			     io_bus_read(vcpu, bus, exit->io.port, size, &value);
		if (!ret)
			set_accumulator(vcpu, size, value);
	} else {
		value = accumulator(vcpu, size);
		ret = fast ? io_bus_write_fast(vcpu, bus, exit->io.port, size, &value) :
			     io_bus_write(vcpu, bus, exit->io.port, size, &value);
	}
	if (ret == -EAGAIN)
		return SLOW;
	if (ret)
		return to_user(vcpu, exit, len);
	skip_bytes(vcpu, len);
	return GUEST;
}

/**
 * io_handle_fast() - EXIT_IO in the inner loop
 * @vcpu: the vCPU
 * @exit: the exit
 *
 * Context: IRQs off.
 * Return: GUEST, USER, or SLOW: a string, or a device that may not be called here.
 */
int io_handle_fast(struct vcpu *vcpu, struct exit *exit)
{
	int len;

	if (exit->io.string)
		return SLOW;
	len = insn_length_atomic(vcpu, exit);
	if (len < 0)
		return SLOW;
	if (!io_bus_may_answer(&vcpu->vm->pio, exit->io.port))
		return to_user(vcpu, exit, len);
	return port_access(vcpu, exit, len, true);
}

/**
 * io_handle() - EXIT_IO
 * @vcpu: the vCPU
 * @exit: the exit
 *
 * Context: may sleep.
 * Return: GUEST, USER or an errno.
 */
int io_handle(struct vcpu *vcpu, struct exit *exit)
{
	int len;

	if (exit->io.string)
		return emulate_string_io(vcpu);
	len = insn_length(vcpu, exit);
	return len < 0 ? decode_failed(vcpu, len) : port_access(vcpu, exit, len, false);
}
