// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "error.h"

#define MESSAGE_MAX 1024

/* One write(2) per message keeps lines of several threads apart. */
static void put(const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(STDERR_FILENO, text, len);

		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

/* A terminal in raw mode does not return the carriage by itself. */
static const char *end_of_line(void)
{
	struct termios settings;

	if (tcgetattr(STDERR_FILENO, &settings) || (settings.c_oflag & OPOST))
		return "\n";
	return "\r\n";
}

void say_error(const char *what, const char *fmt, ...)
{
	char line[MESSAGE_MAX];
	size_t len, room = sizeof(line) - sizeof("\r\n");
	va_list args;

	snprintf(line, room, "tenon: %s: ", what);
	len = strlen(line);
	va_start(args, fmt);
	vsnprintf(line + len, room - len, fmt, args);
	va_end(args);
	for (len = 0; line[len]; len++) {
		if ((unsigned char)line[len] < ' ' || line[len] == 0x7f)
			line[len] = '?';
	}
	len += (size_t)snprintf(line + len, sizeof(line) - len, "%s", end_of_line());
	put(line, len);
}

void say_plain(const char *fmt, ...)
{
	char text[4 * MESSAGE_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	put(text, strlen(text));
}
