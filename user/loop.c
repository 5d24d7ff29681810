// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "loop.h"

#define LOOP_BATCH 16

/*
 * @batch holds the events being dispatched, so that a source removed by another one's ready() is
 * not called any more; only the loop's own thread touches it.
 */
struct loop {
	int epoll_fd;
	struct loop_source wake;
	atomic_bool stop;
	atomic_int status;
	pthread_t thread;
	atomic_bool running;
	int nr_batch;
	struct epoll_event batch[LOOP_BATCH];
};

static void woken(struct loop_source *src, uint32_t events)
{
	eventfd_t count;

	(void)events;
	eventfd_read(src->fd, &count);
}

struct loop *loop_create(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	loop->wake.ready = woken;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->epoll_fd >= 0 && loop->wake.fd >= 0 && !loop_add(loop, &loop->wake, EPOLLIN))
		return loop;
	loop_destroy(loop);
	return NULL;
}

void loop_destroy(struct loop *loop)
{
	if (!loop)
		return;
	if (loop->wake.fd >= 0)
		close(loop->wake.fd);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	free(loop);
}

static int control(struct loop *loop, int op, struct loop_source *src, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = src };

	return epoll_ctl(loop->epoll_fd, op, src->fd, &event) ? -errno : 0;
}

int loop_add(struct loop *loop, struct loop_source *src, uint32_t events)
{
	return control(loop, EPOLL_CTL_ADD, src, events);
}

void loop_remove(struct loop *loop, struct loop_source *src)
{
	control(loop, EPOLL_CTL_DEL, src, 0);
	if (!atomic_load(&loop->running) || !pthread_equal(loop->thread, pthread_self()))
		return;
	for (int i = 0; i < loop->nr_batch; i++) {
		if (loop->batch[i].data.ptr == src)
			loop->batch[i].data.ptr = NULL;
	}
}

static void dispatch(struct loop *loop)
{
	for (int i = 0; i < loop->nr_batch; i++) {
		struct loop_source *src = loop->batch[i].data.ptr;

		if (src)
			src->ready(src, loop->batch[i].events);
	}
	loop->nr_batch = 0;
}

int loop_run(struct loop *loop)
{
	int status = 0;

	loop->thread = pthread_self();
	atomic_store(&loop->running, true);
	while (!atomic_load(&loop->stop)) {
		int n = epoll_wait(loop->epoll_fd, loop->batch, LOOP_BATCH, -1);

		if (n < 0 && errno != EINTR) {
			status = -errno;
			break;
		}
		loop->nr_batch = n < 0 ? 0 : n;
		dispatch(loop);
	}
	if (!status)
		status = atomic_load(&loop->status);
	atomic_store(&loop->running, false);
	atomic_store(&loop->status, 0);
	atomic_store(&loop->stop, false);
	return status;
}

void loop_stop(struct loop *loop, int status)
{
	int unset = 0;

	atomic_compare_exchange_strong(&loop->status, &unset, status);
	atomic_store(&loop->stop, true);
	eventfd_write(loop->wake.fd, 1);
}
