// SPDX-License-Identifier: GPL-2.0
/* Parameters of the module, through sysfs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "param.h"

static int param_open(const char *name, int flags)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/sys/module/ksync/parameters/%s", name);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int param_read(const char *name, char *text, int size)
{
	int fd = param_open(name, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, text, size - 1);
	close(fd);
	if (n <= 0)
		return -EIO;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

int param_write(const char *name, const char *text)
{
	const ssize_t len = strlen(text);
	int fd = param_open(name, O_WRONLY);
	int ret = 0;

	if (fd < 0)
		return fd;
	if (write(fd, text, len) != len)
		ret = -errno;
	close(fd);
	return ret;
}

/* Without the module there are none; 0 may be read, and put back. */
int param_get(const char *name, unsigned int *value)
{
	char text[16];
	int ret;

	if (backend_is_futex()) {
		*value = 0;
		return 0;
	}
	ret = param_read(name, text, sizeof(text));
	if (!ret)
		*value = strtoul(text, NULL, 10);
	return ret;
}

int param_set(const char *name, unsigned int value)
{
	char text[16];

	if (backend_is_futex())
		return value ? -EOPNOTSUPP : 0;
	snprintf(text, sizeof(text), "%u", value);
	return param_write(name, text);
}
