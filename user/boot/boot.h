/* SPDX-License-Identifier: GPL-2.0-only */
/* Loading Linux and putting the first vCPU at its door. */
#ifndef TENON_BOOT_BOOT_H
#define TENON_BOOT_BOOT_H

#include <stdint.h>

#include "boot/bzimage.h"

struct config;
struct vcpu;
struct vm;

/**
 * struct boot - The files that a guest starts from; they stay open, for resets.
 * @kernel_fd: the kernel image
 * @image: what its header says
 * @initrd_fd: initial RAM disk, or -1
 * @initrd_size: its bytes
 * @initrd_addr: where in the guest it goes
 * @cmdline: the whole kernel command line
 */
struct boot {
	int kernel_fd;
	struct bzimage image;
	int initrd_fd;
	uint64_t initrd_size;
	uint64_t initrd_addr;
	char *cmdline;
};

/**
 * boot_open() - Open and check kernel and initrd, and find room for them, before anything else is
 * made.
 * @boot: filled
 * @config: names them
 *
 * Return: 0 or a negative errno; a message has been printed.
 */
int boot_open(struct boot *boot, const struct config *config);

/** boot_close() - Undo boot_open(). */
void boot_close(struct boot *boot);

/**
 * boot_load() - Put kernel, initrd, command line, boot parameters and ACPI tables into guest RAM.
 *
 * Return: 0 or a negative errno; a message has been printed.
 */
int boot_load(const struct boot *boot, struct vm *vm);

/**
 * boot_enter() - Put @vcpu where the boot protocol wants it: 64-bit mode, RSI at the boot
 * parameters, RIP at the kernel's 64-bit entry; and write the tables that this takes.
 *
 * Return: 0 or a negative errno; a message has been printed.
 */
int boot_enter(const struct boot *boot, struct vcpu *vcpu);

/**
 * boot_params_fill() - The "zero page".
 * @params: zeroed; filled
 * @boot: the files
 * @mem_size: bytes of guest RAM
 */
void boot_params_fill(struct boot_params *params, const struct boot *boot, uint64_t mem_size);

/**
 * boot_cmdline() - The command line: what the console needs, unless @user names a console, then
 * what @user says.
 * @console: kernel name of the console, such as "ttyS0"
 * @user: the user's part, or NULL
 *
 * Return: allocated text, or NULL without memory.
 */
char *boot_cmdline(const char *console, const char *user);

#endif
