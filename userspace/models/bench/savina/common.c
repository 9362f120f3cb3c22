// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* What the benchmarks share, and the list of them. */
#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "savina.h"

const char *const savina_variants[] = { "channels", "locks", "actors" };

const struct savina_bench *const savina_benches[] = {
	&savina_pingpong,
	&savina_threadring,
	&savina_forkjoin,
	&savina_chameneos,
	&savina_big,
	&savina_philosophers,
	&savina_barber,
	&savina_smokers,
	&savina_bndbuffer,
	NULL,
};

const char *savina_wrong(struct savina *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->why, sizeof(s->why), format, args);
	va_end(args);
	return s->why;
}

void savina_must(int ret)
{
	if (ret)
		errx(1, "%s", strerror(-ret));
}

void *savina_alloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		errx(1, "there is no memory");
	return p;
}

struct ksync_chan *savina_chan(size_t size, size_t cap)
{
	struct ksync_chan *c;

	savina_must(ksync_chan_create(&c, size, cap));
	return c;
}
