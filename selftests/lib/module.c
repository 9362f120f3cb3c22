// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <linux/ksync.h>

#include "await.h"
#include "module.h"
#include "sys.h"

const char *module_file(void)
{
	const char *path = getenv("KSYNC_KO");

	return path && !access(path, R_OK) ? path : NULL;
}

int module_delete(void)
{
	return sys(SYS_delete_module, "ksync", O_NONBLOCK);
}

/* Dead tasks are still on their way through the kernel when they are awaited. */
static bool is_unloaded(const void *arg)
{
	int *ret = *(int *const *)arg;

	*ret = module_delete();
	return *ret != -EAGAIN && *ret != -EBUSY;
}

int module_unload(void)
{
	int result, *to = &result;
	int late = await_true(is_unloaded, &to);

	return late ? late : result;
}

static bool device_is_there(const void *arg)
{
	(void)arg;
	return !access(KSYNC_DEVICE, R_OK | W_OK);
}

int module_load(const char *parameters)
{
	int fd = open(module_file(), O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = sys(SYS_finit_module, fd, parameters, 0);
	close(fd);
	return ret ? ret : await_true(device_is_there, NULL);
}
