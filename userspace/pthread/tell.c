// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* What people are told, on standard error, in one write. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "dropin.h"

static void vtell(const char *format, va_list args)
{
	const int saved = errno;
	char text[512];
	int n, m;

	n = snprintf(text, sizeof(text), "ksync: %s[%ld]: ",
		     program_invocation_short_name, syscall(SYS_getpid));
	if (n < 0 || (size_t)n >= sizeof(text))
		n = 0;
	m = vsnprintf(text + n, sizeof(text) - n - 1, format, args);
	if (m > 0)
		n += (size_t)m < sizeof(text) - n - 1 ? (size_t)m : sizeof(text) - n - 2;
	text[n++] = '\n';
	syscall(SYS_write, STDERR_FILENO, text, n);
	errno = saved;
}

void tell(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vtell(format, args);
	va_end(args);
}

/* There is no way to go on that would not break the program's exclusion. */
void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vtell(format, args);
	va_end(args);
	abort();
}

/* An error that no object has to have. */
void die_of(const char *what, const void *obj, int error)
{
	if (error == EBADF || error == ENOTTY)
		die("the program closed a file that is ksync's, by a system call of its own");
	die("%s %p: %s", what, obj, strerror(error));
}
