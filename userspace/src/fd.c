// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Objects as file descriptors. */
#include "internal.h"

KSYNC_EXPORT int ksync_object_fd(struct ksync_object *o, uint32_t expected)
{
	struct ksync_fd arg = {
		.size = sizeof(arg),
		.id = o->id,
		.expected = expected,
	};
	int ret;

	if (ksync_object_stale(o))
		return -EBADF;
	ret = ksync_call_(o->domain, KSYNC_IOC_FD, &arg);
	return ret ? ret : (int)arg.fd;
}

KSYNC_EXPORT int ksync_fd_expect(int fd, uint32_t expected)
{
	struct ksync_expect arg = {
		.size = sizeof(arg),
		.expected = expected,
	};

	return ksync_ioctl(fd, KSYNC_IOC_EXPECT, &arg);
}
