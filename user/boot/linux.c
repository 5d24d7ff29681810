// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acpi/acpi.h"
#include "boot/boot.h"
#include "boot/layout.h"
#include "config.h"
#include "error.h"
#include "machine.h"
#include "vm.h"

#define LOADER_UNDEFINED 0xff
#define VIDEO_NORMAL	 0xffff
#define E820_RAM	 1
#define E820_RESERVED	 2
#define PAGE_SIZE	 4096ULL
#define MIB		 0x100000

/* Read exactly @len bytes at @offset. The file was long enough when it was checked. */
static int read_file(const char *path, int fd, void *buf, uint64_t len, uint64_t offset)
{
	uint8_t *to = buf;

	while (len) {
		ssize_t n = pread(fd, to, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			say_error(path, "%s", n ? strerror(errno) : "the file has become shorter");
			return n ? -errno : -EIO;
		}
		to += n;
		offset += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

/* Return: a file descriptor or a negative errno; a message has been printed. */
static int open_file(const char *path, uint64_t *size)
{
	int err, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st = { 0 };

	if (fd < 0) {
		err = -errno;
		say_error(path, "%s", strerror(-err));
		return err;
	}
	if (!fstat(fd, &st) && S_ISREG(st.st_mode)) {
		*size = (uint64_t)st.st_size;
		return fd;
	}
	say_error(path, S_ISDIR(st.st_mode) ? "is a directory" : "not a regular file");
	close(fd);
	return -EINVAL;
}

static int check_kernel(struct boot *boot, const char *path, uint64_t size)
{
	uint8_t head[BZIMAGE_HEAD];
	size_t len = size < sizeof(head) ? size : sizeof(head);
	const char *why;
	int err;

	err = read_file(path, boot->kernel_fd, head, len, 0);
	if (err)
		return err;
	why = bzimage_check(head, len, size, &boot->image);
	if (!why)
		return 0;
	say_error(path, "%s", why);
	return -ENOEXEC;
}

static uint64_t low_ram(uint64_t mem_size)
{
	return mem_size < MEM_LOW_END ? mem_size : MEM_LOW_END;
}

static int open_kernel(struct boot *boot, const struct config *config)
{
	uint64_t size = 0;
	int err;

	boot->kernel_fd = open_file(config->kernel, &size);
	if (boot->kernel_fd < 0)
		return boot->kernel_fd;
	err = check_kernel(boot, config->kernel, size);
	if (err)
		return err;
	if (boot->image.end > low_ram(config->mem)) {
		say_error("-m", "%llu MiB: the kernel needs at least %llu MiB",
			  config->mem / MIB + 0ULL, boot->image.end / MIB + 1ULL);
		return -ENOMEM;
	}
	return 0;
}

/* As high as kernel and RAM allow, so that it is out of the way of what the kernel unpacks. */
static int open_initrd(struct boot *boot, const struct config *config)
{
	uint64_t bottom = (boot->image.end + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
	uint64_t top = (uint64_t)boot->image.header.initrd_addr_max + 1;

	if (!config->initrd)
		return 0;
	boot->initrd_fd = open_file(config->initrd, &boot->initrd_size);
	if (boot->initrd_fd < 0)
		return boot->initrd_fd;
	if (!boot->initrd_size) {
		say_error(config->initrd, "the file is empty");
		return -EINVAL;
	}
	if (top > low_ram(config->mem))
		top = low_ram(config->mem);
	if (top < bottom || boot->initrd_size > top - bottom) {
		say_error(config->initrd, "%llu MiB do not fit into the guest's memory (-m)",
			  boot->initrd_size / MIB + 1ULL);
		return -ENOMEM;
	}
	boot->initrd_addr = (top - boot->initrd_size) & ~(PAGE_SIZE - 1);
	return 0;
}

char *boot_cmdline(const char *console, const char *user)
{
	char *cmdline;
	int len;

	if (user && (!strncmp(user, "console=", 8) || strstr(user, " console=")))
		return strdup(user);
	len = asprintf(&cmdline, "console=%s%s%s", console, user ? " " : "", user ? user : "");
	return len < 0 ? NULL : cmdline;
}

static int make_cmdline(struct boot *boot, const struct config *config)
{
	const char *console = config->console == CONSOLE_VIRTIO ? "hvc0" : "ttyS0";
	uint32_t max = boot->image.header.cmdline_size;
	size_t len;

	boot->cmdline = boot_cmdline(console, config->cmdline);
	if (!boot->cmdline) {
		say_error("-a", "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	if (max > LAYOUT_CMDLINE_MAX - 1)
		max = LAYOUT_CMDLINE_MAX - 1;
	len = strlen(boot->cmdline);
	if (len <= max)
		return 0;
	say_error("-a", "%zu characters: the kernel takes at most %u", len, max);
	return -E2BIG;
}

int boot_open(struct boot *boot, const struct config *config)
{
	int err;

	*boot = (struct boot){ .kernel_fd = -1, .initrd_fd = -1 };
	err = open_kernel(boot, config);
	if (!err)
		err = open_initrd(boot, config);
	if (!err)
		err = make_cmdline(boot, config);
	if (err)
		boot_close(boot);
	return err;
}

void boot_close(struct boot *boot)
{
	if (boot->kernel_fd >= 0)
		close(boot->kernel_fd);
	if (boot->initrd_fd >= 0)
		close(boot->initrd_fd);
	free(boot->cmdline);
	*boot = (struct boot){ .kernel_fd = -1, .initrd_fd = -1 };
}

static void add_range(struct boot_params *params, uint64_t from, uint64_t to, uint32_t type)
{
	struct boot_e820_entry *entry = &params->e820_table[params->e820_entries++];

	entry->addr = from;
	entry->size = to - from;
	entry->type = type;
}

void boot_params_fill(struct boot_params *params, const struct boot *boot, uint64_t mem_size)
{
	struct setup_header *hdr = &params->hdr;

	*hdr = boot->image.header;
	hdr->type_of_loader = LOADER_UNDEFINED;
	hdr->vid_mode = VIDEO_NORMAL;
	hdr->code32_start = (uint32_t)boot->image.load;
	hdr->cmd_line_ptr = LAYOUT_CMDLINE;
	hdr->ramdisk_image = (uint32_t)boot->initrd_addr;
	hdr->ramdisk_size = (uint32_t)boot->initrd_size;
	params->acpi_rsdp_addr = LAYOUT_ACPI;
	add_range(params, 0, LAYOUT_LOW_END, E820_RAM);
	add_range(params, LAYOUT_LOW_END, LAYOUT_HIGH_START, E820_RESERVED);
	add_range(params, LAYOUT_HIGH_START, low_ram(mem_size), E820_RAM);
	add_range(params, MACHINE_ECAM_BASE, MACHINE_ECAM_BASE + MACHINE_ECAM_SIZE, E820_RESERVED);
	if (mem_size > MEM_LOW_END)
		add_range(params, MEM_HIGH_START, MEM_HIGH_START + mem_size - MEM_LOW_END,
			  E820_RAM);
}

static int load_files(const struct boot *boot, struct vm *vm)
{
	const struct bzimage *image = &boot->image;
	int err;

	err = read_file(vm->config->kernel, boot->kernel_fd,
			guest_ptr(vm->mem, image->load, image->payload_size), image->payload_size,
			image->payload_offset);
	if (err || boot->initrd_fd < 0)
		return err;
	return read_file(vm->config->initrd, boot->initrd_fd,
			 guest_ptr(vm->mem, boot->initrd_addr, boot->initrd_size),
			 boot->initrd_size, 0);
}

int boot_load(const struct boot *boot, struct vm *vm)
{
	struct boot_params params = { 0 };
	int err;

	err = load_files(boot, vm);
	if (err)
		return err;
	boot_params_fill(&params, boot, vm->mem->size);
	guest_write(vm->mem, LAYOUT_BOOT_PARAMS, &params, sizeof(params));
	guest_write(vm->mem, LAYOUT_CMDLINE, boot->cmdline, strlen(boot->cmdline) + 1);
	acpi_write(guest_ptr(vm->mem, LAYOUT_ACPI, LAYOUT_ACPI_SIZE), LAYOUT_ACPI, vm->nr_cpus);
	return 0;
}
