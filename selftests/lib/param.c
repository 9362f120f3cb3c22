// SPDX-License-Identifier: GPL-2.0
/* Parameters of the module, through sysfs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "param.h"

static int param_open(const char *name, int flags)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/sys/module/ksync/parameters/%s", name);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int param_get(const char *name, unsigned int *value)
{
	char text[16] = "";
	int fd = param_open(name, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -EIO;
	*value = strtoul(text, NULL, 10);
	return 0;
}

int param_set(const char *name, unsigned int value)
{
	char text[16];
	int fd = param_open(name, O_WRONLY);
	int len, ret = 0;

	if (fd < 0)
		return fd;
	len = snprintf(text, sizeof(text), "%u", value);
	if (write(fd, text, len) != len)
		ret = -errno;
	close(fd);
	return ret;
}
