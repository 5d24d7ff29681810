/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device thread's event loop: epoll over file descriptors. All ready() functions run in the
 * one thread that called loop_run(), one after the other.
 */
#ifndef TENON_LOOP_H
#define TENON_LOOP_H

#include <stdint.h>

struct loop;

/**
 * struct loop_source - A file descriptor in the loop.
 * @fd: the descriptor; its owner opens and closes it
 * @ready: called with the EPOLL* events that occurred
 */
struct loop_source {
	int fd;
	void (*ready)(struct loop_source *src, uint32_t events);
};

/** loop_create() - An empty loop. Return: the loop, or NULL with errno set. */
struct loop *loop_create(void);

/** loop_destroy() - Free a loop that is not running; NULL is allowed. */
void loop_destroy(struct loop *loop);

/**
 * loop_add() - Watch @src->fd for @events (EPOLLIN, EPOLLOUT, EPOLLET...). Any thread.
 *
 * Return: 0 or a negative errno (-EPERM: a regular file cannot be watched).
 */
int loop_add(struct loop *loop, struct loop_source *src, uint32_t events);

/**
 * loop_remove() - Stop watching, before the descriptor is closed. Any thread.
 *
 * Called in the loop's thread, ready() is not called again. Called in another thread it may be
 * running or run once more: @src must stay allocated as long as the loop runs.
 */
void loop_remove(struct loop *loop, struct loop_source *src);

/** loop_run() - Dispatch until loop_stop(). Return: its @status, or a negative errno. */
int loop_run(struct loop *loop);

/** loop_stop() - Make loop_run() return @status (the first call wins). Any thread. */
void loop_stop(struct loop *loop, int status);

#endif
