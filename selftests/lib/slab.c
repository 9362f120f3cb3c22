// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
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
