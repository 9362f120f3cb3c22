// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include "figure.h"

void figure(int64_t value, const char *unit, const char *name, ...)
{
	va_list ap;

	va_start(ap, name);
	printf("# %s: ", "figure");
	vprintf(name, ap);
	printf(" = %lld %s\n", (long long)value, unit);
	va_end(ap);
	/* Tests end without that. */
	fflush(stdout);
}
