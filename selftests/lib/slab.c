// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "slab.h"

/* Objects on a processor's own list count as if they were in use. */
long slab_count(const char *cache)
{
	char path[96], text[64] = "";
	long n = -1;
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", cache);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (write(fd, "1", 1) != 1)
		fprintf(stderr, "# the cache %s does not shrink\n", cache);
	close(fd);
	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/objects", cache);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (read(fd, text, sizeof(text) - 1) > 0)
		n = strtol(text, NULL, 10);
	close(fd);
	return n;
}

static long count_dead(const char *cache)
{
	long n = slab_count(cache);
	glob_t found;

	if (n < 0 || glob("/proc/[0-9]*/task/*", GLOB_NOSORT, NULL, &found))
		return n;
	n -= found.gl_pathc;
	globfree(&found);
	return n;
}

#define LOOKS	10

long slab_count_dead(const char *cache)
{
	long least = count_dead(cache), n;
	int looks = 0;

	while (least >= 0 && looks++ < LOOKS) {
		poll(NULL, 0, 10);
		n = count_dead(cache);
		if (n < least) {
			least = n;
			looks = 0;
		}
	}
	return least;
}
