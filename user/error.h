/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages to the user. Every message is one line on standard error, "tenon: what: why", where
 * @what names the option, the file or the part of the machine that it is about.
 */
#ifndef TENON_ERROR_H
#define TENON_ERROR_H

#include <stdarg.h>

/* Exit statuses of the program. */
enum exit_status {
	STATUS_OK = 0,
	STATUS_FAILURE = 1, /* it was asked for rightly, and failed */
	STATUS_USAGE = 2, /* it was asked for wrongly */
};

/**
 * say_error() - Print one line "tenon: what: why" on standard error.
 * @what: the option, file or part of the machine concerned
 * @fmt: printf format of the reason, without a newline
 *
 * Control characters in the text are replaced by '?', so that a line stays a line. Any thread may
 * call this; lines never mix.
 */
void say_error(const char *what, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/**
 * say_plain() - Print text of several lines (a report, a hint) on standard error, as it is.
 * @fmt: printf format; the caller supplies the newlines
 */
void say_plain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
