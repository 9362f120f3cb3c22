// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "clock.h"
#include "await.h"
#include "memory.h"

/* "pages free" of each zone, and "count:" of each processor in it. */
static int64_t look(void)
{
	char line[160];
	long n, pages = 0;
	FILE *f = fopen("/proc/zoneinfo", "re");

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " pages free %ld", &n) == 1 ||
		    sscanf(line, " count: %ld", &n) == 1)
			pages += n;
	fclose(f);
	return pages ? (int64_t)pages * sysconf(_SC_PAGESIZE) : -ENODATA;
}

#define STILL	(16 << 10)

/* What was freed a moment ago comes back from a work or a grace period later. */
int64_t memory_free(void)
{
	const uint64_t deadline = await_deadline();
	int64_t before, n = look();
	int still = 0;

	while (n > 0 && still < 5 && !passed(deadline)) {
		before = n;
		poll(NULL, 0, 50);
		n = look();
		still = n - before <= STILL && before - n <= STILL ? still + 1 : 0;
	}
	return n;
}
