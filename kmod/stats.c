// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_GET_STATS_FD: a file that describes itself: a header, the object's name, a descriptor for
 * each counter, then the counters, 64 bits each (api.rst). Names are KVM's where the meaning is.
 */
#include <linux/anon_inodes.h>
#include <linux/bitops.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "event.h"
#include "stats.h"
#include "vcpu.h"
#include "vm.h"

#define NAME_SIZE 48

/**
 * struct counter - one counter
 * @name: as user space finds it
 * @flags: KVM_STATS_TYPE_*, KVM_STATS_UNIT_* and KVM_STATS_BASE_*
 * @exponent: of the unit
 * @size: number of 64-bit values
 * @offset: of the first of them, in struct vcpu_stats or vm_stats
 * @get: computes it instead; NULL if it is counted
 */
struct counter {
	const char *name;
	u32 flags;
	s16 exponent;
	u16 size;
	u32 offset;
	u64 (*get)(const void *stats);
};

#define COUNTER	   (KVM_STATS_TYPE_CUMULATIVE | KVM_STATS_UNIT_NONE | KVM_STATS_BASE_POW10)
#define SECONDS	   (KVM_STATS_UNIT_SECONDS | KVM_STATS_BASE_POW10)

#define AT(member) .offset = offsetof(struct vcpu_stats, member)
#define COUNT(member)                                                    \
	{                                                                \
		.name = #member, .flags = COUNTER, .size = 1, AT(member) \
	}
#define COUNT_AS(text, member)                                          \
	{                                                               \
		.name = (text), .flags = COUNTER, .size = 1, AT(member) \
	}
#define TIME(member)                                                                           \
	{                                                                                      \
		.name = #member, .flags = KVM_STATS_TYPE_CUMULATIVE | SECONDS, .exponent = -9, \
		.size = 1, AT(member)                                                          \
	}
#define HISTOGRAM(member)                                                                    \
	{                                                                                    \
		.name = #member, .flags = KVM_STATS_TYPE_LOG_HIST | SECONDS, .exponent = -9, \
		.size = STATS_BUCKETS, AT(member)                                            \
	}

static u64 all_exits(const void *stats)
{
	const struct vcpu_stats *vcpu = stats;
	u64 sum = 0;
	int i;

	for (i = 0; i < NR_EXIT_KINDS; i++)
		sum += READ_ONCE(vcpu->exits[i]);
	return sum;
}

static const struct counter vcpu_table[] = {
	{ .name = "exits", .flags = COUNTER, .size = 1, .get = all_exits },
	COUNT_AS("io_exits", exits[EXIT_IO]),
	COUNT(mmio_exits),
	COUNT(signal_exits),
	COUNT(user_exits),
	COUNT_AS("halt_exits", exits[EXIT_HLT]),
	COUNT_AS("irq_exits", exits[EXIT_INTERRUPT]),
	COUNT(request_irq_exits),
	COUNT_AS("cpuid_exits", exits[EXIT_CPUID]),
	COUNT_AS("rdmsr_exits", exits[EXIT_RDMSR]),
	COUNT_AS("wrmsr_exits", exits[EXIT_WRMSR]),
	COUNT_AS("cr_exits", exits[EXIT_CR]),
	COUNT_AS("exception_exits", exits[EXIT_EXCEPTION]),
	COUNT_AS("pause_exits", exits[EXIT_PAUSE]),
	COUNT_AS("internal_exits", exits[EXIT_INTERNAL]),
	COUNT_AS("hypercalls", exits[EXIT_HYPERCALL]),
	COUNT_AS("invlpg", exits[EXIT_INVLPG]),
	COUNT_AS("pf_taken", exits[EXIT_GPA_FAULT]),
	COUNT(insn_emulation),
	COUNT_AS("irq_injections", injections[EVENT_INTERRUPT]),
	COUNT_AS("nmi_injections", injections[EVENT_NMI]),
	COUNT_AS("exception_injections", injections[EVENT_EXCEPTION]),
	COUNT(req_event),
	COUNT(tlb_flush),
	COUNT(directed_yield_attempted),
	COUNT(directed_yield_successful),
	COUNT(preemption_reported),
	COUNT(preemption_other),
	COUNT(halt_successful_poll),
	COUNT(halt_attempted_poll),
	COUNT(halt_wakeup),
	TIME(halt_poll_success_ns),
	TIME(halt_poll_fail_ns),
	TIME(halt_wait_ns),
	HISTOGRAM(halt_poll_success_hist),
	HISTOGRAM(halt_poll_fail_hist),
	HISTOGRAM(halt_wait_hist),
	{ .name = "blocking",
	  .flags = KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_BOOLEAN,
	  .size = 1,
	  AT(blocking) },
};

#define VM_COUNT(member)                                      \
	{                                                     \
		.name = #member, .flags = COUNTER, .size = 1, \
		.offset = offsetof(struct vm_stats, member)   \
	}

#define VM_PAGES(member)                                                     \
	{                                                                    \
		.name = #member, .flags = KVM_STATS_TYPE_INSTANT, .size = 1, \
		.offset = offsetof(struct vm_stats, member)                  \
	}

static_assert(sizeof(atomic64_t) == sizeof(u64));

static const struct counter vm_table[] = {
	VM_COUNT(remote_tlb_flush), VM_COUNT(remote_tlb_flush_requests),
	VM_PAGES(pages_4k),	    VM_PAGES(pages_2m),
	VM_PAGES(pages_1g),
};

void stats_histogram(u64 *histogram, u64 value)
{
	histogram[min(fls64(value), STATS_BUCKETS - 1)]++;
}

/**
 * struct stats_file - what to read
 * @id: name of the object
 * @table: its counters
 * @nr: how many rows @table has
 * @stats: struct vcpu_stats or vm_stats
 */
struct stats_file {
	char id[NAME_SIZE];
	const struct counter *table;
	unsigned int nr;
	const void *stats;
};

/**
 * struct vm_stats_file - an open file of a VM or one of its vCPUs
 * @file: what to read
 * @vm: the VM; held
 */
struct vm_stats_file {
	struct stats_file file;
	struct vm *vm;
};

#define DESCRIPTOR_SIZE (offsetof(struct kvm_stats_desc, name) + NAME_SIZE)

static struct kvm_stats_header header_of(const struct stats_file *file)
{
	const u32 descriptors = sizeof(struct kvm_stats_header) + NAME_SIZE;

	return (struct kvm_stats_header){
		.name_size = NAME_SIZE,
		.num_desc = file->nr,
		.id_offset = sizeof(struct kvm_stats_header),
		.desc_offset = descriptors,
		.data_offset = descriptors + file->nr * DESCRIPTOR_SIZE,
	};
}

/* How many values there are before row @end. */
static u32 values_before(const struct stats_file *file, unsigned int end)
{
	u32 values = 0;
	unsigned int i;

	for (i = 0; i < end; i++)
		values += file->table[i].size;
	return values;
}

static void write_descriptors(const struct stats_file *file, void *out)
{
	unsigned int i;

	for (i = 0; i < file->nr; i++, out += DESCRIPTOR_SIZE) {
		const struct counter *stat = &file->table[i];
		struct kvm_stats_desc *desc = out;

		desc->flags = stat->flags;
		desc->exponent = stat->exponent;
		desc->size = stat->size;
		desc->offset = values_before(file, i) * sizeof(u64);
		strscpy(desc->name, stat->name, NAME_SIZE);
	}
}

static void write_values(const struct stats_file *file, u64 *out)
{
	unsigned int i, j;

	for (i = 0; i < file->nr; i++) {
		const struct counter *stat = &file->table[i];
		const u64 *values = file->stats + stat->offset;

		for (j = 0; j < stat->size; j++)
			*out++ = stat->get ? stat->get(file->stats) : READ_ONCE(values[j]);
	}
}

/* The nested page tables are counted when somebody asks, not with each fault. */
static void count_pages(struct vm *vm)
{
	u64 pages[MMU_PAGE_SIZES];

	mmu_count_pages(vm, pages);
	WRITE_ONCE(vm->stats.pages_4k, pages[0]);
	WRITE_ONCE(vm->stats.pages_2m, pages[1]);
	WRITE_ONCE(vm->stats.pages_1g, pages[2]);
}

/* The file as it is at this moment; it is small. */
static ssize_t stats_read(struct file *file, char __user *user, size_t size, loff_t *pos)
{
	struct vm_stats_file *vm_file = file->private_data;
	const struct stats_file *stats = &vm_file->file;
	const struct kvm_stats_header header = header_of(stats);
	size_t total = header.data_offset + values_before(stats, stats->nr) * sizeof(u64);
	void *image = kvzalloc(total, GFP_KERNEL_ACCOUNT);
	ssize_t r;

	if (!image)
		return -ENOMEM;
	memcpy(image, &header, sizeof(header));
	memcpy(image + header.id_offset, stats->id, NAME_SIZE);
	write_descriptors(stats, image + header.desc_offset);
	if (stats->table == vm_table && *pos + size > header.data_offset)
		count_pages(vm_file->vm);
	write_values(stats, image + header.data_offset);
	r = simple_read_from_buffer(user, size, pos, image, total);
	kvfree(image);
	return r;
}

static int stats_release(struct inode *inode, struct file *file)
{
	struct vm_stats_file *stats = file->private_data;

	vm_put(stats->vm);
	kfree(stats);
	return 0;
}

static const struct file_operations stats_fops = {
	.owner = THIS_MODULE,
	.read = stats_read,
	.release = stats_release,
	.llseek = noop_llseek,
};

/* Takes over @stats. */
static long open_file(struct vm_stats_file *stats, const char *name)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);
	struct file *file;

	if (fd < 0) {
		kfree(stats);
		return fd;
	}
	file = anon_inode_getfile(name, &stats_fops, stats, O_RDONLY);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		kfree(stats);
		return PTR_ERR(file);
	}
	vm_get(stats->vm);
	file->f_mode |= FMODE_PREAD;
	fd_install(fd, file);
	return fd;
}

static struct vm_stats_file *new_file(struct vm *vm, const struct counter *table, unsigned int nr,
				      const void *values)
{
	struct vm_stats_file *stats = kzalloc(sizeof(*stats), GFP_KERNEL_ACCOUNT);

	if (!stats)
		return NULL;
	stats->vm = vm;
	stats->file.table = table;
	stats->file.nr = nr;
	stats->file.stats = values;
	return stats;
}

long vm_stats_fd(struct vm *vm, void *arg, unsigned long uarg)
{
	struct vm_stats_file *stats = new_file(vm, vm_table, ARRAY_SIZE(vm_table), &vm->stats);

	if (!stats)
		return -ENOMEM;
	snprintf(stats->file.id, NAME_SIZE, "kvm-%d", task_pid_nr(current));
	return open_file(stats, "kvm-vm-stats");
}

long vcpu_stats_fd(struct vcpu *vcpu, void *arg, unsigned long uarg)
{
	struct vm_stats_file *stats =
		new_file(vcpu->vm, vcpu_table, ARRAY_SIZE(vcpu_table), &vcpu->stats);
	char name[32];

	if (!stats)
		return -ENOMEM;
	snprintf(stats->file.id, NAME_SIZE, "kvm-%d/vcpu-%u", task_pid_nr(current), vcpu->id);
	snprintf(name, sizeof(name), "kvm-vcpu-stats:%u", vcpu->id);
	return open_file(stats, name);
}
