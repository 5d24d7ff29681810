// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each ioctl answers to a bad pointer, reserved bits, ids out of range and the wrong order:
 * the errnos of KVM 6.1, on which the tables hold too (selftests/run --reference).
 */
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/tenon.h>

#include "lib/abi.h"

#define PAGE   4096
#define MEMORY 0x400000

/* File descriptors with known numbers, so that tables can name them. */
enum {
	EVENT_A = 100,
	EVENT_B,
	NOT_EVENT,
	NOT_OPEN
};

/**
 * enum target - what an ioctl goes to
 * @SYS: the device
 * @VM: a VM with memory, without irqchip
 * @CHIP: a VM with memory, irqchip and PIT
 * @VCPU: vCPU 0 of @VM
 * @CHIP_VCPU: vCPU 0 of @CHIP
 * @EMPTY: a VM to which nothing has been done
 */
enum target {
	SYS,
	VM,
	CHIP,
	VCPU,
	CHIP_VCPU,
	EMPTY,
	NR_TARGETS
};

static const char *const target_name[NR_TARGETS] = {
	"system", "VM", "VM with irqchip", "vCPU", "vCPU with irqchip", "empty VM",
};

/**
 * struct step - one ioctl; a table's are done in order, on the same objects
 * @name: of the ioctl
 * @what: is special
 * @target: where it goes
 * @cmd: its number
 * @value: its argument, unless there is @arg
 * @arg: what its argument points to
 * @size: of @arg
 * @err: the errno that it answers, 0 if it succeeds
 * @lax: KVM lets it pass, against its own API document
 */
struct step {
	const char *name;
	const char *what;
	enum target target;
	unsigned long cmd;
	unsigned long value;
	const void *arg;
	size_t size;
	int err;
	bool lax;
};

#define DO(ioctl_cmd, to) .name = #ioctl_cmd, .cmd = (ioctl_cmd), .target = (to)
#define ARG(type, ...)	  .arg = &(const struct type){ __VA_ARGS__ }, .size = sizeof(struct type)

/* The tables are being checked on kvm.ko. */
static bool on_kvm;
static int fds[NR_TARGETS];
static struct abi_vm *vms[NR_TARGETS];
/* The end of what is mapped: from here on there is nothing. */
static uint8_t *edge;
static uint8_t *memory;

static void make_objects(void)
{
	on_kvm = !ioctl(abi_dev(), KVM_CHECK_EXTENSION, TENON_CAP_EXIT_LOG);
	vms[VM] = abi_vm(MEMORY);
	vms[CHIP] = abi_vm_irqchip(MEMORY);
	fds[SYS] = abi_dev();
	fds[VM] = vms[VM]->fd;
	fds[CHIP] = vms[CHIP]->fd;
	fds[VCPU] = vms[VM]->vcpu[abi_vcpu(vms[VM])];
	fds[CHIP_VCPU] = vms[CHIP]->vcpu[abi_vcpu(vms[CHIP])];
	fds[EMPTY] = ioctl(abi_dev(), KVM_CREATE_VM, 0);
	CHECK(fds[EMPTY] >= 0);
	edge = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(edge != MAP_FAILED);
	edge += 7 * PAGE;
	munmap(edge, PAGE);
	CHECK_EQ(dup2(eventfd(0, 0), EVENT_A), EVENT_A);
	CHECK_EQ(dup2(eventfd(0, 0), EVENT_B), EVENT_B);
	CHECK_EQ(dup2(open("/dev/null", O_RDWR), NOT_EVENT), NOT_EVENT);
	memory = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(memory != MAP_FAILED);
}

/* Do one; tell if it did not answer as it should. */
static bool step_good(const struct step *step, unsigned long arg)
{
	int r, err;

	errno = 0;
	r = ioctl(fds[step->target], step->cmd, arg);
	err = r < 0 ? errno : 0;
	if (err == step->err || (step->lax && on_kvm && !err))
		return true;
	printf("# %s on the %s, %s: errno %d (%s), not %d (%s)\n", step->name,
	       target_name[step->target], step->what, err, strerror(err), step->err,
	       strerror(step->err));
	return false;
}

/* The argument ends where nothing is mapped any more: an array behind it cannot be read. */
static unsigned long argument(const struct step *step)
{
	if (!step->arg)
		return step->value;
	memcpy(edge - step->size, step->arg, step->size);
	return (unsigned long)(edge - step->size);
}

static void run_steps(const struct step *steps)
{
	int bad = 0;

	make_objects();
	for (; steps->name; steps++)
		bad += !step_good(steps, argument(steps));
	CHECK_EQ(bad, 0);
}

/*
 * Each of these reads or writes its argument, from the object that is nearest to success: so only
 * the pointer can be wrong.
 */
static const struct step pointers[] = { { DO(KVM_GET_SUPPORTED_CPUID, SYS) },
					{ DO(KVM_GET_MSR_INDEX_LIST, SYS) },
					{ DO(KVM_GET_MSR_FEATURE_INDEX_LIST, SYS) },
					{ DO(KVM_GET_MSRS, SYS) },
					{ DO(KVM_SET_USER_MEMORY_REGION, VM) },
					{ DO(KVM_SET_IDENTITY_MAP_ADDR, EMPTY) },
					{ DO(KVM_GET_IRQCHIP, CHIP) },
					{ DO(KVM_SET_IRQCHIP, CHIP) },
					{ DO(KVM_IRQ_LINE, CHIP) },
					{ DO(KVM_IRQ_LINE_STATUS, CHIP) },
					{ DO(KVM_CREATE_PIT2, CHIP) },
					{ DO(KVM_GET_PIT, CHIP) },
					{ DO(KVM_SET_PIT, CHIP) },
					{ DO(KVM_GET_PIT2, CHIP) },
					{ DO(KVM_SET_PIT2, CHIP) },
					{ DO(KVM_SET_GSI_ROUTING, CHIP) },
					{ DO(KVM_SIGNAL_MSI, CHIP) },
					{ DO(KVM_IOEVENTFD, VM) },
					{ DO(KVM_IRQFD, CHIP) },
					{ DO(KVM_REGISTER_COALESCED_MMIO, VM) },
					{ DO(KVM_UNREGISTER_COALESCED_MMIO, VM) },
					{ DO(KVM_GET_CLOCK, VM) },
					{ DO(KVM_SET_CLOCK, VM) },
					{ DO(KVM_ENABLE_CAP, VM) },
					{ DO(KVM_SET_SIGNAL_MASK, VCPU) },
					{ DO(KVM_GET_REGS, VCPU) },
					{ DO(KVM_SET_REGS, VCPU) },
					{ DO(KVM_GET_SREGS, VCPU) },
					{ DO(KVM_SET_SREGS, VCPU) },
					{ DO(KVM_GET_SREGS2, VCPU) },
					{ DO(KVM_SET_SREGS2, VCPU) },
					{ DO(KVM_GET_FPU, VCPU) },
					{ DO(KVM_SET_FPU, VCPU) },
					{ DO(KVM_GET_XSAVE, VCPU) },
					{ DO(KVM_GET_XSAVE2, VCPU) },
					{ DO(KVM_SET_XSAVE, VCPU) },
					{ DO(KVM_GET_XCRS, VCPU) },
					{ DO(KVM_SET_XCRS, VCPU) },
					{ DO(KVM_GET_MSRS, VCPU) },
					{ DO(KVM_SET_MSRS, VCPU) },
					{ DO(KVM_SET_CPUID, VCPU) },
					{ DO(KVM_SET_CPUID2, VCPU) },
					{ DO(KVM_GET_CPUID2, VCPU) },
					{ DO(KVM_GET_LAPIC, CHIP_VCPU) },
					{ DO(KVM_SET_LAPIC, CHIP_VCPU) },
					{ DO(KVM_GET_MP_STATE, VCPU) },
					{ DO(KVM_SET_MP_STATE, VCPU) },
					{ DO(KVM_GET_VCPU_EVENTS, VCPU) },
					{ DO(KVM_SET_VCPU_EVENTS, VCPU) },
					{ DO(KVM_GET_DEBUGREGS, VCPU) },
					{ DO(KVM_SET_DEBUGREGS, VCPU) },
					{ DO(KVM_INTERRUPT, VCPU) },
					{ DO(KVM_ENABLE_CAP, VCPU) },
					{} };

/* Nothing is mapped there; only the last byte is not; it is the kernel's. */
static void bad_pointers(void)
{
	const struct step *row;
	int bad = 0;

	make_objects();
	for (row = pointers; row->name; row++) {
		struct step step = *row;

		step.err = EFAULT;
		step.what = "nothing mapped";
		bad += !step_good(&step, (unsigned long)edge);
		step.what = "last byte not mapped";
		memset(edge - 7 * PAGE, 0, 7 * PAGE);
		bad += !step_good(&step, (unsigned long)edge - _IOC_SIZE(step.cmd) + 1);
		step.what = "a kernel address";
		bad += !step_good(&step, 0xffff888000000000ul);
	}
	CHECK_EQ(bad, 0);
}

static const struct step system_steps[] = {
	{ DO(KVM_GET_API_VERSION, SYS), .what = "argument 1", .value = 1, .err = EINVAL },
	{ DO(KVM_GET_VCPU_MMAP_SIZE, SYS), .what = "argument 1", .value = 1, .err = EINVAL },
	{ DO(KVM_CREATE_VM, SYS), .what = "type 1", .value = 1, .err = EINVAL },
	{ DO(KVM_CREATE_VM, SYS), .what = "type -1", .value = -1ul, .err = EINVAL },
	{ DO(KVM_CHECK_EXTENSION, SYS), .what = "no such capability", .value = 0x7fffffff },
	{ DO(_IO(KVMIO, 0xff), SYS), .what = "no such ioctl", .err = EINVAL },
	{ DO(_IO('T', 0), SYS), .what = "another driver's", .err = EINVAL },
	{ DO(KVM_RUN, SYS), .what = "a vCPU's", .err = EINVAL },
	{ DO(KVM_CREATE_VCPU, SYS), .what = "a VM's", .err = EINVAL },
	{ DO(KVM_GET_SUPPORTED_CPUID, SYS), .what = "nent 0", .err = E2BIG,
	  ARG(kvm_cpuid2, .nent = 0) },
	{ DO(KVM_GET_SUPPORTED_CPUID, SYS), .what = "nent 1", .err = E2BIG,
	  ARG(kvm_cpuid2, .nent = 1) },
	{ DO(KVM_GET_SUPPORTED_CPUID, SYS), .what = "entries not mapped", .err = EFAULT,
	  ARG(kvm_cpuid2, .nent = 256) },
	{ DO(KVM_GET_SUPPORTED_CPUID, SYS), .what = "nent -1", .err = EFAULT,
	  ARG(kvm_cpuid2, .nent = -1u) },
	{ DO(KVM_GET_EMULATED_CPUID, SYS), .what = "nent 0", .err = E2BIG,
	  ARG(kvm_cpuid2, .nent = 0) },
	{ DO(KVM_GET_EMULATED_CPUID, SYS), .what = "entries not mapped", .err = EFAULT,
	  ARG(kvm_cpuid2, .nent = 256) },
	{ DO(KVM_GET_MSR_INDEX_LIST, SYS), .what = "nmsrs 0", .err = E2BIG,
	  ARG(kvm_msr_list, .nmsrs = 0) },
	{ DO(KVM_GET_MSR_INDEX_LIST, SYS), .what = "indices not mapped", .err = EFAULT,
	  ARG(kvm_msr_list, .nmsrs = 10000) },
	{ DO(KVM_GET_MSR_FEATURE_INDEX_LIST, SYS), .what = "nmsrs 0", .err = E2BIG,
	  ARG(kvm_msr_list, .nmsrs = 0) },
	{ DO(KVM_GET_MSR_FEATURE_INDEX_LIST, SYS), .what = "indices not mapped", .err = EFAULT,
	  ARG(kvm_msr_list, .nmsrs = 10000) },
	{ DO(KVM_GET_MSRS, SYS), .what = "256 of them", .err = E2BIG, ARG(kvm_msrs, .nmsrs = 256) },
	{ DO(KVM_GET_MSRS, SYS), .what = "entries not mapped", .err = EFAULT,
	  ARG(kvm_msrs, .nmsrs = 1) },
	{}
};

static void system_fd(void)
{
	run_steps(system_steps);
}

static const struct step vm_steps[] = {
	{ DO(_IO(KVMIO, 0xff), VM), .what = "no such ioctl", .err = ENOTTY },
	{ DO(_IO('T', 0), VM), .what = "another driver's", .err = ENOTTY },
	{ DO(KVM_RUN, VM), .what = "a vCPU's", .err = ENOTTY },
	{ DO(KVM_CREATE_VM, VM), .what = "the system's", .err = ENOTTY },
	{ DO(KVM_CHECK_EXTENSION, VM), .what = "no such capability", .value = 0x7fffffff },
	{ DO(KVM_CREATE_VCPU, VM), .what = "id 4096", .value = 4096, .err = EINVAL },
	{ DO(KVM_CREATE_VCPU, VM), .what = "id -1", .value = 0xffffffff, .err = EINVAL },
	{ DO(KVM_CREATE_VCPU, VM), .what = "an id again", .value = 0, .err = EEXIST },
	{ DO(KVM_CREATE_VCPU, VM), .what = "the last id", .value = 4095 },
	{ DO(KVM_SET_TSS_ADDR, VM), .what = "the last one", .value = 0xffffd000 },
	{ DO(KVM_SET_TSS_ADDR, VM), .what = "too high", .value = 0xffffd001, .err = EINVAL },
	{ DO(KVM_SET_TSS_ADDR, VM), .what = "above 4 GiB", .value = 1ul << 32, .err = EINVAL },
	{ DO(KVM_SET_IDENTITY_MAP_ADDR, EMPTY), .what = "in time",
	  .arg = &(const uint64_t){ 0xfeffc000 }, .size = 8 },
	{ DO(KVM_SET_IDENTITY_MAP_ADDR, VM), .what = "after a vCPU", .err = EINVAL,
	  .arg = &(const uint64_t){ 0xfeffc000 }, .size = 8 },
	{ DO(KVM_REGISTER_COALESCED_MMIO, VM), .what = "pio 2", .err = EINVAL,
	  ARG(kvm_coalesced_mmio_zone, .addr = 0xd0000000, .size = PAGE, .pio = 2) },
	{ DO(KVM_UNREGISTER_COALESCED_MMIO, VM), .what = "pio 2", .err = EINVAL,
	  ARG(kvm_coalesced_mmio_zone, .addr = 0xd0000000, .size = PAGE, .pio = 2) },
	{ DO(KVM_UNREGISTER_COALESCED_MMIO, VM), .what = "never registered",
	  ARG(kvm_coalesced_mmio_zone, .addr = 0xd0000000, .size = PAGE) },
	{ DO(KVM_SET_CLOCK, VM), .what = "flag 31", .err = EINVAL,
	  ARG(kvm_clock_data, .flags = 1u << 31) },
	{ DO(KVM_SET_CLOCK, VM), .what = "flag 0", .err = EINVAL,
	  ARG(kvm_clock_data, .flags = 1u) },
	{ DO(KVM_ENABLE_CAP, VM), .what = "no such capability", .err = EINVAL,
	  ARG(kvm_enable_cap, .cap = 0x7fffffff) },
	{}
};

static void vm_fd(void)
{
	run_steps(vm_steps);
}

/* Slots at 256 MiB: the VM's own memory is slot 0. @hva is filled in by memory_fd(). */
#define SLOT(...) ARG(kvm_userspace_memory_region, __VA_ARGS__)
#define AT	  .guest_phys_addr = 0x10000000
#define MB	  .memory_size = 8 * PAGE

static const struct step slot_steps[] = {
	{ DO(KVM_SET_USER_MEMORY_REGION, VM), .what = "a flag", .err = EINVAL,
	  SLOT(.slot = 1, AT, MB, .flags = 1u << 31) },
	{ DO(KVM_SET_USER_MEMORY_REGION, VM), .what = "size not aligned", .err = EINVAL,
	  SLOT(.slot = 1, AT, .memory_size = 100) },
	{ DO(KVM_SET_USER_MEMORY_REGION, VM), .what = "address not aligned", .err = EINVAL,
	  SLOT(.slot = 1, .guest_phys_addr = 0x10000800, MB) },
	{ DO(KVM_SET_USER_MEMORY_REGION, VM), .what = "host address not aligned", .err = EINVAL,
	  SLOT(.slot = 1, AT, MB, .userspace_addr = 8) },
	{ DO(KVM_SET_USER_MEMORY_REGION, VM), .what = "the kernel's memory", .err = EINVAL,
	  SLOT(.slot = 1, AT, MB, .userspace_addr = 0xffff888000000000) },
	{ DO(KVM_SET_USER_MEMORY_REGION, VM), .what = "slot 32764", .err = EINVAL,
	  SLOT(.slot = 32764, AT, MB) },
	{ DO(KVM_SET_USER_MEMORY_REGION, VM), .what = "address space 5", .err = EINVAL,
	  SLOT(.slot = 0x50001, AT, MB) },
	{ DO(KVM_SET_USER_MEMORY_REGION, VM), .what = "wraps", .err = EINVAL,
	  SLOT(.slot = 1, .guest_phys_addr = -4096ul, MB) },
	{ DO(KVM_SET_USER_MEMORY_REGION, VM), .what = "beyond all addresses", .err = EINVAL,
	  SLOT(.slot = 1, .guest_phys_addr = 1ul << 60, MB) },
	{ DO(KVM_SET_USER_MEMORY_REGION, VM), .what = "no slot to delete", .err = EINVAL,
	  SLOT(.slot = 1, AT) },
	{ DO(KVM_SET_USER_MEMORY_REGION, VM), .what = "overlaps", .err = EEXIST,
	  SLOT(.slot = 1, .guest_phys_addr = MEMORY - PAGE, MB) },
	{ DO(KVM_SET_USER_MEMORY_REGION, VM), .what = "good", SLOT(.slot = 1, AT, MB) },
	{ DO(KVM_SET_USER_MEMORY_REGION, VM), .what = "again", SLOT(.slot = 1, AT, MB) },
	{ DO(KVM_SET_USER_MEMORY_REGION, VM), .what = "another size", .err = EINVAL,
	  SLOT(.slot = 1, AT, .memory_size = PAGE) },
	{ DO(KVM_SET_USER_MEMORY_REGION, VM), .what = "another host address", .err = EINVAL,
	  SLOT(.slot = 1, AT, MB, .userspace_addr = PAGE) },
	{ DO(KVM_SET_USER_MEMORY_REGION, VM), .what = "made read-only", .err = EINVAL,
	  SLOT(.slot = 1, AT, MB, .flags = KVM_MEM_READONLY) },
	{ DO(KVM_SET_USER_MEMORY_REGION, VM), .what = "moved onto another", .err = EEXIST,
	  SLOT(.slot = 1, .guest_phys_addr = 0, MB) },
	{ DO(KVM_SET_USER_MEMORY_REGION, VM), .what = "moved",
	  SLOT(.slot = 1, .guest_phys_addr = 0x20000000, MB) },
	{ DO(KVM_SET_USER_MEMORY_REGION, VM), .what = "deleted", SLOT(.slot = 1, AT) },
	{ DO(KVM_SET_USER_MEMORY_REGION, VM), .what = "deleted again", .err = EINVAL,
	  SLOT(.slot = 1, AT) },
	{}
};

/* The host addresses in the table are relative to memory that is there. */
static void memory_slots(void)
{
	struct kvm_userspace_memory_region slot;
	const struct step *row;
	int bad = 0;

	make_objects();
	for (row = slot_steps; row->name; row++) {
		memcpy(&slot, row->arg, sizeof(slot));
		if (slot.userspace_addr <= PAGE)
			slot.userspace_addr += (uintptr_t)memory;
		bad += !step_good(row, (unsigned long)&slot);
	}
	CHECK_EQ(bad, 0);
}

static const struct step chip_steps[] = {
	{ DO(KVM_GET_IRQCHIP, VM), .what = "none", .err = ENXIO, ARG(kvm_irqchip, .chip_id = 0) },
	{ DO(KVM_SET_IRQCHIP, VM), .what = "none", .err = ENXIO, ARG(kvm_irqchip, .chip_id = 0) },
	{ DO(KVM_GET_IRQCHIP, CHIP), .what = "chip 3", .err = EINVAL,
	  ARG(kvm_irqchip, .chip_id = 3) },
	{ DO(KVM_SET_IRQCHIP, CHIP), .what = "chip 3", .err = EINVAL,
	  ARG(kvm_irqchip, .chip_id = 3) },
	{ DO(KVM_IRQ_LINE, VM), .what = "no irqchip", .err = ENXIO, ARG(kvm_irq_level, .irq = 1) },
	{ DO(KVM_IRQ_LINE_STATUS, VM), .what = "no irqchip", .err = ENXIO,
	  ARG(kvm_irq_level, .irq = 1) },
	{ DO(KVM_IRQ_LINE, CHIP), .what = "leads nowhere", ARG(kvm_irq_level, .irq = 4000) },
	{ DO(KVM_IRQ_LINE_STATUS, CHIP), .what = "far out", ARG(kvm_irq_level, .irq = -1u) },
	{ DO(KVM_CREATE_IRQCHIP, CHIP), .what = "again", .err = EEXIST },
	{ DO(KVM_CREATE_IRQCHIP, VM), .what = "after a vCPU", .err = EINVAL },
	{ DO(KVM_CREATE_PIT2, CHIP), .what = "again", .err = EEXIST,
	  ARG(kvm_pit_config, .flags = 0) },
	{ DO(KVM_GET_PIT, VM), .what = "none", .err = ENXIO, ARG(kvm_pit_state) },
	{ DO(KVM_SET_PIT, VM), .what = "none", .err = ENXIO, ARG(kvm_pit_state) },
	{ DO(KVM_GET_PIT2, VM), .what = "none", .err = ENXIO, ARG(kvm_pit_state2) },
	{ DO(KVM_SET_PIT2, VM), .what = "none", .err = ENXIO, ARG(kvm_pit_state2) },
	{ DO(KVM_REINJECT_CONTROL, VM), .what = "none", .err = ENXIO, ARG(kvm_reinject_control) },
	/* The API document says that it is valid only after KVM_CREATE_IRQCHIP. */
	{ DO(KVM_CREATE_PIT2, VM), .what = "no irqchip", .err = ENOENT, .lax = true,
	  ARG(kvm_pit_config, .flags = 0) },
	{ DO(KVM_SIGNAL_MSI, VM), .what = "no irqchip", .err = EINVAL, ARG(kvm_msi) },
	{ DO(KVM_SIGNAL_MSI, CHIP), .what = "a flag", .err = EINVAL,
	  ARG(kvm_msi, .address_lo = 0xfee00000, .flags = 2) },
	{ DO(KVM_SIGNAL_MSI, CHIP), .what = "nobody there",
	  ARG(kvm_msi, .address_lo = 0xfee77000, .data = 0x41) },
	{}
};

static void irqchip(void)
{
	run_steps(chip_steps);
}

struct routing {
	struct kvm_irq_routing head;
	struct kvm_irq_routing_entry entry[2];
};

#define ROUTES(nr_routes, ...) ARG(routing, .head.nr = (nr_routes), __VA_ARGS__)
#define PIN(...)	       .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip = { __VA_ARGS__ }

static const struct step route_steps[] = {
	{ DO(KVM_SET_GSI_ROUTING, VM), .what = "no irqchip", .err = EINVAL,
	  ARG(kvm_irq_routing, .nr = 0) },
	{ DO(KVM_SET_GSI_ROUTING, CHIP), .what = "a flag", .err = EINVAL,
	  ARG(kvm_irq_routing, .nr = 0, .flags = 1) },
	{ DO(KVM_SET_GSI_ROUTING, CHIP), .what = "4097 routes", .err = EINVAL,
	  ARG(kvm_irq_routing, .nr = 4097) },
	{ DO(KVM_SET_GSI_ROUTING, CHIP), .what = "not mapped", .err = EFAULT,
	  ARG(kvm_irq_routing, .nr = 1) },
	{ DO(KVM_SET_GSI_ROUTING, CHIP), .what = "last one not mapped", .err = EFAULT, ROUTES(3) },
	{ DO(KVM_SET_GSI_ROUTING, CHIP), .what = "GSI 4096", .err = EINVAL,
	  ROUTES(1, .entry[0] = { PIN(KVM_IRQCHIP_IOAPIC, 1), .gsi = 4096 }) },
	{ DO(KVM_SET_GSI_ROUTING, CHIP), .what = "type 99", .err = EINVAL,
	  ROUTES(1, .entry[0].type = 99) },
	{ DO(KVM_SET_GSI_ROUTING, CHIP), .what = "irqchip 3", .err = EINVAL,
	  ROUTES(1, .entry[0] = { PIN(3, 1) }) },
	{ DO(KVM_SET_GSI_ROUTING, CHIP), .what = "pin 24 of the IOAPIC", .err = EINVAL,
	  ROUTES(1, .entry[0] = { PIN(KVM_IRQCHIP_IOAPIC, 24) }) },
	{ DO(KVM_SET_GSI_ROUTING, CHIP), .what = "pin 8 of the PIC", .err = EINVAL,
	  ROUTES(1, .entry[0] = { PIN(KVM_IRQCHIP_PIC_SLAVE, 8) }) },
	{ DO(KVM_SET_GSI_ROUTING, CHIP), .what = "a route's flag", .err = EINVAL,
	  ROUTES(1, .entry[0] = { PIN(KVM_IRQCHIP_IOAPIC, 1), .flags = 1 }) },
	{ DO(KVM_SET_GSI_ROUTING, CHIP), .what = "two pins of a chip", .err = EINVAL,
	  ROUTES(2, .entry[0] = { PIN(KVM_IRQCHIP_IOAPIC, 1) },
		 .entry[1] = { PIN(KVM_IRQCHIP_IOAPIC, 2) }) },
	{ DO(KVM_SET_GSI_ROUTING, CHIP), .what = "good",
	  ROUTES(2, .entry[0] = { PIN(KVM_IRQCHIP_IOAPIC, 1) },
		 .entry[1] = { PIN(KVM_IRQCHIP_PIC_MASTER, 2) }) },
	{}
};

static void routing(void)
{
	run_steps(route_steps);
}

#define IOEVENT(...) ARG(kvm_ioeventfd, __VA_ARGS__)
#define IRQFD(...)   ARG(kvm_irqfd, __VA_ARGS__)

static const struct step event_steps[] = {
	{ DO(KVM_IOEVENTFD, VM), .what = "length 3", .err = EINVAL,
	  IOEVENT(.addr = PAGE, .len = 3, .fd = EVENT_A) },
	{ DO(KVM_IOEVENTFD, VM), .what = "length 16", .err = EINVAL,
	  IOEVENT(.addr = PAGE, .len = 16, .fd = EVENT_A) },
	{ DO(KVM_IOEVENTFD, VM), .what = "wraps", .err = EINVAL,
	  IOEVENT(.addr = -2ul, .len = 4, .fd = EVENT_A) },
	{ DO(KVM_IOEVENTFD, VM), .what = "a flag", .err = EINVAL,
	  IOEVENT(.addr = PAGE, .len = 4, .fd = EVENT_A, .flags = 1u << 31) },
	{ DO(KVM_IOEVENTFD, VM), .what = "matches 0 bytes", .err = EINVAL,
	  IOEVENT(.addr = PAGE, .fd = EVENT_A, .flags = KVM_IOEVENTFD_FLAG_DATAMATCH) },
	{ DO(KVM_IOEVENTFD, VM), .what = "fd not open", .err = EBADF,
	  IOEVENT(.addr = PAGE, .len = 4, .fd = NOT_OPEN) },
	{ DO(KVM_IOEVENTFD, VM), .what = "fd -1", .err = EBADF,
	  IOEVENT(.addr = PAGE, .len = 4, .fd = -1) },
	{ DO(KVM_IOEVENTFD, VM), .what = "no eventfd", .err = EINVAL,
	  IOEVENT(.addr = PAGE, .len = 4, .fd = NOT_EVENT) },
	{ DO(KVM_IOEVENTFD, VM), .what = "none to deassign", .err = ENOENT,
	  IOEVENT(.addr = PAGE, .len = 4, .fd = EVENT_A, .flags = KVM_IOEVENTFD_FLAG_DEASSIGN) },
	{ DO(KVM_IOEVENTFD, VM), .what = "good", IOEVENT(.addr = PAGE, .len = 4, .fd = EVENT_A) },
	{ DO(KVM_IOEVENTFD, VM), .what = "again", .err = EEXIST,
	  IOEVENT(.addr = PAGE, .len = 4, .fd = EVENT_A) },
	{ DO(KVM_IOEVENTFD, VM), .what = "another's to deassign", .err = ENOENT,
	  IOEVENT(.addr = PAGE, .len = 4, .fd = EVENT_B, .flags = KVM_IOEVENTFD_FLAG_DEASSIGN) },
	{ DO(KVM_IOEVENTFD, VM), .what = "deassigned",
	  IOEVENT(.addr = PAGE, .len = 4, .fd = EVENT_A, .flags = KVM_IOEVENTFD_FLAG_DEASSIGN) },
	{ DO(KVM_IRQFD, VM), .what = "no irqchip", .err = EINVAL, IRQFD(.fd = EVENT_A, .gsi = 5) },
	{ DO(KVM_IRQFD, CHIP), .what = "a flag", .err = EINVAL,
	  IRQFD(.fd = EVENT_A, .gsi = 5, .flags = 1u << 31) },
	{ DO(KVM_IRQFD, CHIP), .what = "fd not open", .err = EBADF,
	  IRQFD(.fd = NOT_OPEN, .gsi = 5) },
	{ DO(KVM_IRQFD, CHIP), .what = "no eventfd", .err = EINVAL,
	  IRQFD(.fd = NOT_EVENT, .gsi = 5) },
	{ DO(KVM_IRQFD, CHIP), .what = "resample fd not open", .err = EBADF,
	  IRQFD(.fd = EVENT_A, .gsi = 5, .flags = KVM_IRQFD_FLAG_RESAMPLE,
		.resamplefd = NOT_OPEN) },
	{ DO(KVM_IRQFD, CHIP), .what = "good", IRQFD(.fd = EVENT_A, .gsi = 5) },
	{ DO(KVM_IRQFD, CHIP), .what = "again", .err = EBUSY, IRQFD(.fd = EVENT_A, .gsi = 6) },
	{ DO(KVM_IRQFD, CHIP), .what = "none to deassign",
	  IRQFD(.fd = EVENT_B, .gsi = 5, .flags = KVM_IRQFD_FLAG_DEASSIGN) },
	{ DO(KVM_IRQFD, CHIP), .what = "deassigned fd not open", .err = EBADF,
	  IRQFD(.fd = NOT_OPEN, .gsi = 5, .flags = KVM_IRQFD_FLAG_DEASSIGN) },
	{}
};

static void eventfds(void)
{
	run_steps(event_steps);
}

static const struct step vcpu_steps[] = {
	{ DO(_IO(KVMIO, 0xff), VCPU), .what = "no such ioctl", .err = EINVAL },
	{ DO(_IO('T', 0), VCPU), .what = "another driver's", .err = EINVAL },
	{ DO(KVM_CREATE_IRQCHIP, VCPU), .what = "a VM's", .err = EINVAL },
	{ DO(KVM_RUN, VCPU), .what = "argument 1", .value = 1, .err = EINVAL },
	{ DO(KVM_SET_SIGNAL_MASK, VCPU), .what = "length 4", .err = EINVAL,
	  ARG(kvm_signal_mask, .len = 4) },
	{ DO(KVM_SET_SIGNAL_MASK, VCPU), .what = "mask not mapped", .err = EFAULT,
	  ARG(kvm_signal_mask, .len = 8) },
	{ DO(KVM_SET_SIGNAL_MASK, VCPU), .what = "NULL", .value = 0 },
	{ DO(KVM_INTERRUPT, VCPU), .what = "vector 256", .err = EINVAL,
	  ARG(kvm_interrupt, .irq = 256) },
	{ DO(KVM_INTERRUPT, CHIP_VCPU), .what = "with irqchip", .err = ENXIO,
	  ARG(kvm_interrupt, .irq = 0x41) },
	{ DO(KVM_GET_LAPIC, VCPU), .what = "none", .err = EINVAL, ARG(kvm_lapic_state) },
	{ DO(KVM_SET_LAPIC, VCPU), .what = "none", .err = EINVAL, ARG(kvm_lapic_state) },
	{ DO(KVM_SET_MP_STATE, VCPU), .what = "halted, without LAPIC", .err = EINVAL,
	  ARG(kvm_mp_state, .mp_state = KVM_MP_STATE_HALTED) },
	{ DO(KVM_SET_MP_STATE, CHIP_VCPU), .what = "another machine's state", .err = EINVAL,
	  ARG(kvm_mp_state, .mp_state = KVM_MP_STATE_STOPPED) },
	{ DO(KVM_SET_MP_STATE, CHIP_VCPU), .what = "state 99", .err = EINVAL,
	  ARG(kvm_mp_state, .mp_state = 99) },
	{ DO(KVM_SET_VCPU_EVENTS, VCPU), .what = "a flag", .err = EINVAL,
	  ARG(kvm_vcpu_events, .flags = 1u << 31) },
	{ DO(KVM_SET_VCPU_EVENTS, VCPU), .what = "exception 32", .err = EINVAL,
	  ARG(kvm_vcpu_events, .exception = { .injected = 1, .nr = 32 }) },
	{ DO(KVM_SET_VCPU_EVENTS, VCPU), .what = "NMI as exception", .err = EINVAL,
	  ARG(kvm_vcpu_events, .exception = { .injected = 1, .nr = 2 }) },
	{ DO(KVM_SET_DEBUGREGS, VCPU), .what = "a flag", .err = EINVAL,
	  ARG(kvm_debugregs, .flags = 1) },
	{ DO(KVM_SET_DEBUGREGS, VCPU), .what = "DR6 above 32 bits", .err = EINVAL,
	  ARG(kvm_debugregs, .dr6 = 1ull << 32) },
	{ DO(KVM_SET_DEBUGREGS, VCPU), .what = "DR7 above 32 bits", .err = EINVAL,
	  ARG(kvm_debugregs, .dr7 = 1ull << 32) },
	{ DO(KVM_SET_XCRS, VCPU), .what = "a flag", .err = EINVAL, ARG(kvm_xcrs, .flags = 1) },
	{ DO(KVM_SET_XCRS, VCPU), .what = "17 registers", .err = EINVAL,
	  ARG(kvm_xcrs, .nr_xcrs = 17) },
	{ DO(KVM_SET_XCRS, VCPU), .what = "XCR0 without x87", .err = EINVAL,
	  ARG(kvm_xcrs, .nr_xcrs = 1, .xcrs[0].value = 2) },
	{ DO(KVM_SET_XSAVE, VCPU), .what = "component 62", .err = EINVAL,
	  ARG(kvm_xsave, .region[129] = 1u << 30) },
	{ DO(KVM_KVMCLOCK_CTRL, VCPU), .what = "no clock", .err = EINVAL },
	{ DO(KVM_ENABLE_CAP, VCPU), .what = "no such capability", .err = EINVAL,
	  ARG(kvm_enable_cap, .cap = 0x7fffffff) },
	{}
};

static void vcpu_fd(void)
{
	run_steps(vcpu_steps);
}

static const struct step array_steps[] = {
	{ DO(KVM_GET_MSRS, VCPU), .what = "256 of them", .err = E2BIG,
	  ARG(kvm_msrs, .nmsrs = 256) },
	{ DO(KVM_SET_MSRS, VCPU), .what = "256 of them", .err = E2BIG,
	  ARG(kvm_msrs, .nmsrs = 256) },
	{ DO(KVM_GET_MSRS, VCPU), .what = "-1 of them", .err = E2BIG, ARG(kvm_msrs, .nmsrs = -1u) },
	{ DO(KVM_GET_MSRS, VCPU), .what = "entries not mapped", .err = EFAULT,
	  ARG(kvm_msrs, .nmsrs = 1) },
	{ DO(KVM_SET_MSRS, VCPU), .what = "entries not mapped", .err = EFAULT,
	  ARG(kvm_msrs, .nmsrs = 1) },
	{ DO(KVM_GET_MSRS, VCPU), .what = "none", ARG(kvm_msrs, .nmsrs = 0) },
	{ DO(KVM_SET_CPUID, VCPU), .what = "257 entries", .err = E2BIG,
	  ARG(kvm_cpuid, .nent = 257) },
	{ DO(KVM_SET_CPUID2, VCPU), .what = "257 entries", .err = E2BIG,
	  ARG(kvm_cpuid2, .nent = 257) },
	{ DO(KVM_SET_CPUID, VCPU), .what = "entries not mapped", .err = EFAULT,
	  ARG(kvm_cpuid, .nent = 1) },
	{ DO(KVM_SET_CPUID2, VCPU), .what = "entries not mapped", .err = EFAULT,
	  ARG(kvm_cpuid2, .nent = 1) },
	{ DO(KVM_GET_CPUID2, VCPU), .what = "nent 0", .err = E2BIG, ARG(kvm_cpuid2, .nent = 0) },
	{ DO(KVM_GET_CPUID2, VCPU), .what = "entries not mapped", .err = EFAULT,
	  ARG(kvm_cpuid2, .nent = 256) },
	{}
};

static void arrays(void)
{
	run_steps(array_steps);
}

/* One bit or field that no processor allows, in registers that are else as they were. */
static void sregs(void)
{
	struct kvm_sregs good, bad;
	struct kvm_sregs2 good2, bad2;

	make_objects();
	CHECK_EQ(ioctl(fds[VCPU], KVM_GET_SREGS, &good), 0);
	CHECK_EQ(ioctl(fds[VCPU], KVM_GET_SREGS2, &good2), 0);
	CHECK_EQ(ioctl(fds[VCPU], KVM_SET_SREGS, &good), 0);
	CHECK_EQ(ioctl(fds[VCPU], KVM_SET_SREGS2, &good2), 0);
	bad = good;
	bad.cr4 |= 1ull << 63;
	CHECK_ERRNO(ioctl(fds[VCPU], KVM_SET_SREGS, &bad), EINVAL);
	bad = good;
	bad.efer |= 1ull << 63;
	/* KVM takes it, and VMRUN would not (APM 2, 15.5.1): Tenon says so at once. */
	if (!on_kvm)
		CHECK_ERRNO(ioctl(fds[VCPU], KVM_SET_SREGS, &bad), EINVAL);
	bad = good;
	bad.apic_base |= 1ull << 63;
	CHECK_ERRNO(ioctl(fds[VCPU], KVM_SET_SREGS, &bad), EINVAL);
	bad2 = good2;
	bad2.flags = 2;
	CHECK_ERRNO(ioctl(fds[VCPU], KVM_SET_SREGS2, &bad2), EINVAL);
	bad2 = good2;
	bad2.flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
	CHECK_ERRNO(ioctl(fds[VCPU], KVM_SET_SREGS2, &bad2), EINVAL);
}

int main(int argc, char **argv)
{
	static const struct abi_test tests[] = { { "bad_pointers", bad_pointers },
						 { "system_fd", system_fd },
						 { "vm_fd", vm_fd },
						 { "memory_slots", memory_slots },
						 { "irqchip", irqchip },
						 { "routing", routing },
						 { "eventfds", eventfds },
						 { "vcpu_fd", vcpu_fd },
						 { "arrays", arrays },
						 { "sregs", sregs },
						 {} };

	return abi_main(tests, argc, argv);
}
