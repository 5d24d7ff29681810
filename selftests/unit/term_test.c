// SPDX-License-Identifier: GPL-2.0-only
/*
 * The event loop, and the terminal on it: the escape key, input that waits for its user, output
 * that waits for its reader, raw mode and its end.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "container_of.h"
#include "loop.h"
#include "term.h"
#include "vm.h"

#define STOPPED 7

static struct vm vm;
static int in_pipe[2];
static int out_pipe[2];
static enum vm_end ended;

/* The console device: takes at most @room bytes. */
static struct {
	struct term_user user;
	size_t room;
	size_t len;
	uint8_t data[8192];
	unsigned int drained;
} device;

void vm_stop(struct vm *stopped, enum vm_end why)
{
	ended = why;
	loop_stop(stopped->loop, STOPPED);
}

static size_t take(struct term_user *user, const uint8_t *buf, size_t len)
{
	(void)user;
	if (len > device.room)
		len = device.room;
	memcpy(device.data + device.len, buf, len);
	device.len += len;
	device.room -= len;
	return len;
}

static void note_drained(struct term_user *user)
{
	(void)user;
	device.drained++;
}

/* Turn the loop for a while: an alarm in it stops it. */
struct alarm {
	struct loop_source src;
	struct loop *loop;
};

static void ring(struct loop_source *src, uint32_t events)
{
	(void)events;
	loop_stop(container_of(src, struct alarm, src)->loop, 1);
}

static void *wait_and_ring(void *fd)
{
	usleep(50000);
	eventfd_write(*(int *)fd, 1);
	return NULL;
}

static int turn(void)
{
	struct alarm alarm = { .src = { .fd = eventfd(0, 0), .ready = ring }, .loop = vm.loop };
	pthread_t thread;
	int status;

	ck_assert_int_eq(loop_add(vm.loop, &alarm.src, EPOLLIN), 0);
	pthread_create(&thread, NULL, wait_and_ring, &alarm.src.fd);
	status = loop_run(vm.loop);
	pthread_join(thread, NULL);
	loop_remove(vm.loop, &alarm.src);
	close(alarm.src.fd);
	return status;
}

static void start(size_t room)
{
	ck_assert_int_eq(term_create(&vm), 0);
	memset(&device, 0, sizeof(device));
	device.user = (struct term_user){ .input = take, .drained = note_drained };
	device.room = room;
	ck_assert_int_eq(term_attach(vm.term, &device.user), 0);
}

static void setup(void)
{
	vm.loop = loop_create();
	ck_assert_ptr_nonnull(vm.loop);
	ended = VM_RUNNING;
	ck_assert(!pipe(in_pipe) && !pipe(out_pipe));
	dup2(in_pipe[0], STDIN_FILENO);
	dup2(out_pipe[1], STDOUT_FILENO);
}

static void teardown(void)
{
	if (vm.term)
		term_destroy(&vm);
	loop_destroy(vm.loop);
}

static void type(const char *text, size_t len)
{
	ck_assert_int_eq(write(in_pipe[1], text, len), (ssize_t)len);
}

#define TYPE(text) type(text, sizeof(text) - 1)

static size_t output(char *buf, size_t size)
{
	struct pollfd ready = { .fd = out_pipe[0], .events = POLLIN };
	size_t len = 0;

	while (len < size && poll(&ready, 1, 50) > 0) {
		ssize_t n = read(out_pipe[0], buf + len, size - len);

		if (n <= 0)
			break;
		len += (size_t)n;
	}
	return len;
}

START_TEST(input_arrives)
{
	start(100);
	TYPE("hello");
	ck_assert_int_eq(turn(), 1);
	ck_assert_uint_eq(device.len, 5);
	ck_assert_mem_eq(device.data, "hello", 5);
}
END_TEST

START_TEST(escape_key)
{
	start(100);
	TYPE("a\1\1b\1ac\1Zd\1h");
	ck_assert_int_eq(turn(), 1);
	ck_assert_uint_eq(device.len, 6);
	ck_assert_mem_eq(device.data, "a\1b\1cd", 6);
	TYPE("\1x");
	ck_assert_int_eq(turn(), STOPPED);
	ck_assert_int_eq(ended, VM_QUIT);
}
END_TEST

START_TEST(escape_key_in_two_pieces)
{
	start(100);
	TYPE("\1");
	turn();
	TYPE("x");
	ck_assert_int_eq(turn(), STOPPED);
	ck_assert_uint_eq(device.len, 0);
}
END_TEST

START_TEST(input_waits_for_room)
{
	start(3);
	TYPE("abcdef");
	turn();
	ck_assert_uint_eq(device.len, 3);
	device.room = 2;
	term_resume(vm.term);
	turn();
	ck_assert_uint_eq(device.len, 5);
	device.room = 100;
	term_resume(vm.term);
	TYPE("gh");
	turn();
	ck_assert_mem_eq(device.data, "abcdefgh", 8);
	ck_assert_uint_eq(device.len, 8);
}
END_TEST

START_TEST(end_of_input)
{
	start(2);
	TYPE("abcd");
	close(in_pipe[1]);
	close(STDIN_FILENO);
	dup2(in_pipe[0], STDIN_FILENO);
	turn();
	device.room = 100;
	term_resume(vm.term);
	turn();
	ck_assert_uint_eq(device.len, 4);
	ck_assert_int_eq(turn(), 1);
}
END_TEST

/* A file cannot be waited for, yet is read as the guest takes it. */
START_TEST(input_from_a_file)
{
	char data[5000], path[] = "/tmp/term_test.XXXXXX";
	int fd = mkstemp(path);

	memset(data, 'x', sizeof(data));
	ck_assert_int_eq(write(fd, data, sizeof(data)), sizeof(data));
	lseek(fd, 0, SEEK_SET);
	dup2(fd, STDIN_FILENO);
	unlink(path);
	start(1000);
	turn();
	ck_assert_uint_eq(device.len, 1000);
	device.room = 7000;
	term_resume(vm.term);
	turn();
	ck_assert_uint_eq(device.len, 5000);
	close(fd);
}
END_TEST

START_TEST(no_input_at_all)
{
	int fd = open("/dev/null", O_RDONLY);

	dup2(fd, STDIN_FILENO);
	start(10);
	ck_assert_int_eq(turn(), 1);
	term_destroy(&vm);
	close(STDIN_FILENO);
	start(10);
	ck_assert_int_eq(turn(), 1);
	close(fd);
}
END_TEST

START_TEST(lines_go_out_at_once)
{
	char buf[16];

	start(0);
	ck_assert_uint_eq(term_write(vm.term, "line\n", 5), 5);
	ck_assert_uint_eq(output(buf, sizeof(buf)), 5);
	ck_assert_mem_eq(buf, "line\n", 5);
}
END_TEST

START_TEST(the_rest_goes_out_soon)
{
	char buf[16];

	start(0);
	term_write(vm.term, "prom", 4);
	term_write(vm.term, "pt", 2);
	turn();
	ck_assert_uint_eq(output(buf, sizeof(buf)), 6);
	ck_assert_mem_eq(buf, "prompt", 6);
}
END_TEST

/* Nobody reads: the writer is told, never stopped; later all of it arrives, in order. */
START_TEST(slow_reader)
{
	static char sent[200000], got[200000];
	size_t len = 0, n, received = 0;

	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (char)('a' + i % 23);
	start(0);
	do {
		n = term_write(vm.term, sent + len, 100);
		len += n;
	} while (n == 100 && len + 100 < sizeof(sent));
	ck_assert_uint_lt(n, 100);
	ck_assert_uint_eq(device.drained, 0);
	while (received < len) {
		received += output(got + received, 1000);
		turn();
	}
	ck_assert_uint_ge(device.drained, 1);
	ck_assert_uint_eq(received, len);
	ck_assert_mem_eq(sent, got, len);
}
END_TEST

START_TEST(reader_gone)
{
	signal(SIGPIPE, SIG_IGN);
	start(0);
	close(out_pipe[0]);
	for (unsigned int i = 0; i < 10000; i++)
		ck_assert_uint_eq(term_write(vm.term, "line\n", 5), 5);
}
END_TEST

START_TEST(last_words_are_kept)
{
	char buf[16];

	start(0);
	term_write(vm.term, "bye", 3);
	term_destroy(&vm);
	ck_assert_uint_eq(output(buf, sizeof(buf)), 3);
}
END_TEST

/* In a session of our own on a pseudo-terminal. Return: what was wrong, 0 if nothing. */
static int use_terminal(void)
{
	struct termios before, during, after;
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;

	if (master < 0 || grantpt(master) || unlockpt(master) || setsid() < 0)
		return 1;
	slave = open(ptsname(master), O_RDWR);
	dup2(slave, STDIN_FILENO);
	dup2(slave, STDOUT_FILENO);
	tcgetattr(slave, &before);
	start(10);
	tcgetattr(slave, &during);
	if ((during.c_lflag & (ECHO | ICANON | ISIG)) || (during.c_oflag & OPOST))
		return 2;
	if (write(master, "\3z", 2) != 2) /* Ctrl-C is the guest's */
		return 3;
	turn();
	if (device.len != 2 || memcmp(device.data, "\3z", 2))
		return 4;
	term_destroy(&vm);
	tcgetattr(slave, &after);
	if (after.c_lflag != before.c_lflag || after.c_oflag != before.c_oflag ||
	    after.c_iflag != before.c_iflag)
		return 5;
	return 0;
}

START_TEST(raw_mode_and_back)
{
	pid_t child = fork();
	int status;

	if (!child)
		_exit(use_terminal());
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(one_console_only)
{
	struct term_user other = { .input = take };

	start(10);
	ck_assert_int_eq(term_attach(vm.term, &other), -EBUSY);
	term_detach(vm.term, &other);
	ck_assert_int_eq(term_attach(vm.term, &other), -EBUSY);
	term_detach(vm.term, &device.user);
	ck_assert_int_eq(term_attach(vm.term, &other), 0);
}
END_TEST

START_TEST(stop_before_run)
{
	loop_stop(vm.loop, 3);
	loop_stop(vm.loop, 4);
	ck_assert_int_eq(loop_run(vm.loop), 3);
	ck_assert_int_eq(turn(), 1);
}
END_TEST

static struct loop_source sources[2];
static unsigned int calls;

static void remove_other(struct loop_source *src, uint32_t events)
{
	(void)events;
	calls++;
	loop_remove(vm.loop, &sources[0]);
	loop_remove(vm.loop, &sources[1]);
	loop_stop(vm.loop, src == &sources[0] ? 10 : 11);
}

/* Both are ready in the same batch; the first one removes the second. */
START_TEST(removed_sources_stay_silent)
{
	for (unsigned int i = 0; i < 2; i++) {
		sources[i] = (struct loop_source){ .fd = eventfd(1, 0), .ready = remove_other };
		ck_assert_int_eq(loop_add(vm.loop, &sources[i], EPOLLIN), 0);
	}
	ck_assert_int_ge(loop_run(vm.loop), 10);
	ck_assert_uint_eq(calls, 1);
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, input_arrives);
	tcase_add_test(tcase, escape_key);
	tcase_add_test(tcase, escape_key_in_two_pieces);
	tcase_add_test(tcase, input_waits_for_room);
	tcase_add_test(tcase, end_of_input);
	tcase_add_test(tcase, input_from_a_file);
	tcase_add_test(tcase, no_input_at_all);
	tcase_add_test(tcase, lines_go_out_at_once);
	tcase_add_test(tcase, the_rest_goes_out_soon);
	tcase_add_test(tcase, slow_reader);
	tcase_add_test(tcase, reader_gone);
	tcase_add_test(tcase, last_words_are_kept);
	tcase_add_test(tcase, raw_mode_and_back);
	tcase_add_test(tcase, one_console_only);
	tcase_add_test(tcase, stop_before_run);
	tcase_add_test(tcase, removed_sources_stay_silent);
}

int main(void)
{
	Suite *suite = suite_create("term");
	TCase *tcase = tcase_create("term");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	add_tests(tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
