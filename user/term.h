/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The user's terminal (standard input and output), shared out to one console device: the serial
 * port or the virtio console. A terminal is put into raw mode and always restored. Ctrl-A is the
 * escape key: x ends the VM, h helps, Ctrl-A or a sends Ctrl-A to the guest.
 */
#ifndef TENON_TERM_H
#define TENON_TERM_H

#include <stddef.h>
#include <stdint.h>

struct term;
struct vm;

/**
 * struct term_user - The console device behind the terminal; both functions run in the device
 * thread.
 * @input: take up to @len bytes; returns how many it took. If fewer, input stops until
 *	term_resume()
 * @drained: output that term_write() refused has room again; may be NULL
 */
struct term_user {
	size_t (*input)(struct term_user *user, const uint8_t *buf, size_t len);
	void (*drained)(struct term_user *user);
};

/** term_create() - Open the terminal for @vm (as @vm->term). Return: 0 or a negative errno. */
int term_create(struct vm *vm);

/** term_destroy() - Flush, restore the terminal, free. */
void term_destroy(struct vm *vm);

/** term_attach() - Make @user the console. Device thread; -EBUSY if there is one already. */
int term_attach(struct term *term, struct term_user *user);

/** term_detach() - The console device is going. Device thread. */
void term_detach(struct term *term, struct term_user *user);

/** term_resume() - @user has room for input again. Any thread, no lock needed. */
void term_resume(struct term *term);

/**
 * term_write() - Output. Any thread; never blocks.
 *
 * Return: bytes taken; if fewer than @len, drained() follows.
 */
size_t term_write(struct term *term, const void *buf, size_t len);

/** term_restore() - Give the terminal its old settings back; async-signal-safe. */
void term_restore(void);

#endif
