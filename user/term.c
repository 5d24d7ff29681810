// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <unistd.h>

#include "array_size.h"
#include "container_of.h"
#include "error.h"
#include "loop.h"
#include "term.h"
#include "vm.h"

#define OUT_SIZE     4096 /* a power of two */
#define OUT_EAGER    256 /* flush at once from here on */
#define OUT_DELAY_NS 1000000 /* what is not a whole line waits this long */
#define DRAIN_MS     1000
#define IN_SIZE	     256
#define ESCAPE	     0x01 /* Ctrl-A */

/*
 * Input belongs to the device thread alone; output (out_*, armed, blocked) is under @lock, which
 * is a leaf. @stuck: the user took less than it was given, and owes a term_resume().
 */
struct term {
	struct vm *vm;
	struct term_user *user;

	struct loop_source in;
	bool in_pollable;
	bool in_watched;
	bool in_eof;
	bool escaped;
	atomic_bool stuck;
	size_t in_len;
	uint8_t in_buf[IN_SIZE];
	struct loop_source resume;

	pthread_mutex_t lock;
	struct loop_source out;
	bool out_owned;
	bool blocked;
	bool refused;
	bool armed;
	struct loop_source timer;
	unsigned int out_first;
	unsigned int out_len;
	uint8_t out_buf[OUT_SIZE];
};

/* What term_restore() puts back; set once, before @raw is. */
static struct termios saved;
static atomic_bool raw;

void term_restore(void)
{
	int keep = errno;

	if (atomic_exchange(&raw, false))
		tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
	errno = keep;
}

static void restore_and_die(int sig)
{
	term_restore();
	raise(sig); /* SA_RESETHAND has made it deadly */
}

/* A program in the background must not touch its terminal: the kernel would stop it. */
static bool is_foreground_tty(void)
{
	return isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static void make_raw(void)
{
	static const int deadly[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
	struct sigaction action = { .sa_handler = restore_and_die, .sa_flags = SA_RESETHAND };
	struct termios settings;

	if (!is_foreground_tty() || tcgetattr(STDIN_FILENO, &saved))
		return;
	settings = saved;
	cfmakeraw(&settings);
	if (tcsetattr(STDIN_FILENO, TCSANOW, &settings))
		return;
	atomic_store(&raw, true);
	atexit(term_restore);
	for (size_t i = 0; i < ARRAY_SIZE(deadly); i++)
		sigaction(deadly[i], &action, NULL);
}

/* With the lock held. Write what can be written; wait for the rest in the loop. */
static void flush(struct term *term)
{
	while (term->out_len && !term->blocked) {
		unsigned int first = term->out_first % OUT_SIZE;
		unsigned int len = OUT_SIZE - first < term->out_len ? OUT_SIZE - first :
								      term->out_len;
		ssize_t n = write(term->out.fd, &term->out_buf[first], len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			term->blocked = !loop_add(term->vm->loop, &term->out, EPOLLOUT);
			return;
		}
		if (n < 0)
			n = term->out_len; /* nobody reads any more: the guest need not care */
		term->out_first += (unsigned int)n;
		term->out_len -= (unsigned int)n;
	}
}

/* With the lock held. Lines and much text go at once, the rest a moment later. */
static void schedule(struct term *term, bool newline)
{
	struct itimerspec soon = { .it_value.tv_nsec = OUT_DELAY_NS };

	if (newline || term->out_len >= OUT_EAGER) {
		flush(term);
	} else if (!term->armed) {
		term->armed = true;
		timerfd_settime(term->timer.fd, 0, &soon, NULL);
	}
}

size_t term_write(struct term *term, const void *buf, size_t len)
{
	const uint8_t *bytes = buf;
	bool newline = false;
	size_t i;

	pthread_mutex_lock(&term->lock);
	for (i = 0; i < len && term->out_len < OUT_SIZE; i++) {
		term->out_buf[(term->out_first + term->out_len) % OUT_SIZE] = bytes[i];
		term->out_len++;
		newline |= bytes[i] == '\n';
	}
	term->refused |= i < len;
	schedule(term, newline);
	pthread_mutex_unlock(&term->lock);
	return i;
}

/* After output has been written: whoever was refused may come again. */
static void tell_drained(struct term *term)
{
	bool tell;

	pthread_mutex_lock(&term->lock);
	tell = term->refused && term->out_len <= OUT_SIZE / 2;
	if (tell)
		term->refused = false;
	pthread_mutex_unlock(&term->lock);
	if (tell && term->user && term->user->drained)
		term->user->drained(term->user);
}

static void out_ready(struct loop_source *src, uint32_t events)
{
	struct term *term = container_of(src, struct term, out);

	(void)events;
	pthread_mutex_lock(&term->lock);
	loop_remove(term->vm->loop, &term->out);
	term->blocked = false;
	flush(term);
	pthread_mutex_unlock(&term->lock);
	tell_drained(term);
}

static void timer_ready(struct loop_source *src, uint32_t events)
{
	struct term *term = container_of(src, struct term, timer);
	uint64_t count;

	(void)events;
	if (read(src->fd, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&term->lock);
	term->armed = false;
	flush(term);
	pthread_mutex_unlock(&term->lock);
	tell_drained(term);
}

static void print_keys(void)
{
	say_plain("\r\nCtrl-A x  end the virtual machine\r\n"
		  "Ctrl-A h  this help\r\n"
		  "Ctrl-A a  send Ctrl-A to the guest (so does Ctrl-A twice)\r\n");
}

/* Return: the byte is for the guest. */
static bool filter(struct term *term, uint8_t byte)
{
	if (!term->escaped) {
		term->escaped = byte == ESCAPE;
		return !term->escaped;
	}
	term->escaped = false;
	if (byte == 'x' || byte == 'X')
		vm_stop(term->vm, VM_QUIT);
	else if (byte == 'h' || byte == '?')
		print_keys();
	return byte == ESCAPE;
}

static void take_byte(struct term *term, uint8_t byte)
{
	bool literal = term->escaped && (byte == 'a' || byte == 'A');

	if (filter(term, literal ? ESCAPE : byte))
		term->in_buf[term->in_len++] = literal ? ESCAPE : byte;
}

/* Taken out of the loop rather than masked: a closed pipe would report itself all the time. */
static void watch_input(struct term *term, bool on)
{
	if (!term->in_pollable || term->in_watched == on)
		return;
	term->in_watched = on;
	if (on)
		loop_add(term->vm->loop, &term->in, EPOLLIN);
	else
		loop_remove(term->vm->loop, &term->in);
}

/* Read once. Return: there may be more. */
static bool fill(struct term *term)
{
	uint8_t buf[IN_SIZE];
	ssize_t n = read(term->in.fd, buf, sizeof(buf) - term->in_len);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return false;
	if (n <= 0) {
		term->in_eof = true;
		watch_input(term, false);
		return false;
	}
	for (ssize_t i = 0; i < n; i++)
		take_byte(term, buf[i]);
	return true;
}

/* Hand input on. Return: everything was taken. */
static bool deliver(struct term *term)
{
	size_t taken;

	/* Set first: the user may call term_resume() as soon as it has refused something. */
	atomic_store(&term->stuck, true);
	taken = term->user ? term->user->input(term->user, term->in_buf, term->in_len) : 0;
	term->in_len -= taken;
	memmove(term->in_buf, term->in_buf + taken, term->in_len);
	if (term->in_len)
		return false;
	atomic_store(&term->stuck, false);
	return true;
}

/* A file cannot be waited for: it is read as fast as the guest takes it. */
static void pump(struct term *term)
{
	do {
		if (term->in_len && !deliver(term)) {
			watch_input(term, false);
			return;
		}
		if (term->in_eof)
			return;
	} while (!term->in_pollable && fill(term));
	watch_input(term, true);
}

static void in_ready(struct loop_source *src, uint32_t events)
{
	struct term *term = container_of(src, struct term, in);

	(void)events;
	if (term->in_len < IN_SIZE)
		fill(term);
	if (term->in_len && !deliver(term))
		watch_input(term, false);
}

static void resume_ready(struct loop_source *src, uint32_t events)
{
	struct term *term = container_of(src, struct term, resume);
	eventfd_t count;

	(void)events;
	eventfd_read(src->fd, &count);
	pump(term);
}

void term_resume(struct term *term)
{
	if (atomic_exchange(&term->stuck, false))
		eventfd_write(term->resume.fd, 1);
}

int term_attach(struct term *term, struct term_user *user)
{
	if (term->user)
		return -EBUSY;
	term->user = user;
	eventfd_write(term->resume.fd, 1);
	return 0;
}

void term_detach(struct term *term, struct term_user *user)
{
	if (term->user == user)
		term->user = NULL;
}

/*
 * Terminals and pipes are opened once more, to be non-blocking for us alone: the flag belongs to
 * the open file, which the shell shares. Everything else is written to as it is.
 */
static void open_output(struct term *term)
{
	struct stat st;
	int fd = -1;

	term->out.fd = STDOUT_FILENO;
	if (fstat(STDOUT_FILENO, &st) || !(S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode)))
		return;
	fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return;
	term->out.fd = fd;
	term->out_owned = true;
}

static int add_sources(struct term *term)
{
	struct loop *loop = term->vm->loop;
	int err;

	if (term->timer.fd < 0 || term->resume.fd < 0)
		return -errno;
	err = loop_add(loop, &term->timer, EPOLLIN);
	if (!err)
		err = loop_add(loop, &term->resume, EPOLLIN);
	if (err)
		return err;
	if (isatty(STDIN_FILENO) && !is_foreground_tty()) {
		term->in_eof = true;
		return 0;
	}
	err = loop_add(loop, &term->in, EPOLLIN);
	term->in_pollable = !err;
	term->in_watched = !err;
	if (err == -EBADF)
		term->in_eof = true;
	return err == -EPERM || err == -EBADF ? 0 : err;
}

int term_create(struct vm *vm)
{
	struct term *term = calloc(1, sizeof(*term));
	int err;

	if (!term)
		return -ENOMEM;
	term->vm = vm;
	vm->term = term;
	pthread_mutex_init(&term->lock, NULL);
	term->in = (struct loop_source){ .fd = STDIN_FILENO, .ready = in_ready };
	term->out.ready = out_ready;
	open_output(term);
	term->resume.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	term->resume.ready = resume_ready;
	term->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	term->timer.ready = timer_ready;
	err = add_sources(term);
	if (err) {
		term_destroy(vm);
		return err;
	}
	make_raw();
	return 0;
}

/* The last words of a guest are worth a moment's waiting for a slow reader. */
static void drain(struct term *term)
{
	struct pollfd room = { .fd = term->out.fd, .events = POLLOUT };

	do {
		term->blocked = false;
		flush(term);
		loop_remove(term->vm->loop, &term->out);
	} while (term->out_len && poll(&room, 1, DRAIN_MS) > 0);
}

void term_destroy(struct vm *vm)
{
	struct term *term = vm->term;

	if (!term)
		return;
	vm->term = NULL;
	drain(term);
	if (term->out_owned)
		close(term->out.fd);
	if (term->resume.fd >= 0)
		close(term->resume.fd);
	if (term->timer.fd >= 0)
		close(term->timer.fd);
	term_restore();
	pthread_mutex_destroy(&term->lock);
	free(term);
}
