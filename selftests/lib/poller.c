// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <sys/select.h>

#include "poller.h"
#include "sys.h"

int raw_fd(int fd, uint32_t id, uint32_t expected)
{
	struct ksync_fd arg = { .size = sizeof(arg), .id = id, .expected = expected };
	int ret = raw_ioctl(fd, KSYNC_IOC_FD, &arg);

	return ret ? ret : (int)arg.fd;
}

int raw_expect(int fd, uint32_t expected)
{
	struct ksync_expect arg = { .size = sizeof(arg), .expected = expected };

	return raw_ioctl(fd, KSYNC_IOC_EXPECT, &arg);
}

static int poll_for(int fd, short events, int timeout)
{
	struct pollfd p = { .fd = fd, .events = events };
	int ret = sys(SYS_poll, &p, 1, timeout);

	return ret < 0 ? ret : p.revents;
}

int poll_now(int fd)
{
	return poll_for(fd, POLLIN | POLLOUT, 0);
}

int step_poll(struct player *p)
{
	return poll_for(p->id, p->flags, -1);
}

int step_select(struct player *p)
{
	fd_set in, out;
	int ret;

	FD_ZERO(&in);
	FD_ZERO(&out);
	if (p->flags & POLLIN)
		FD_SET(p->id, &in);
	if (p->flags & POLLOUT)
		FD_SET(p->id, &out);
	ret = sys(SYS_select, p->id + 1, &in, &out, NULL, NULL);
	if (ret < 0)
		return ret;
	return (FD_ISSET(p->id, &in) ? POLLIN : 0) | (FD_ISSET(p->id, &out) ? POLLOUT : 0);
}
