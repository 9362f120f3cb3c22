// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Reactors by epoll(7).  A file that was closed without being removed, and lives on by
 * another descriptor, is told of for ever: by its generation such an event is dropped,
 * but it wakes; so a watch is removed before close(2).
 */
#include <string.h>
#include <unistd.h>
#include "reactor.h"

static int init(struct ksync_loop *l)
{
	struct reactor *r = reactor(l);

	r->epoll = NEGATIVE(epoll_create1(EPOLL_CLOEXEC));
	return r->epoll < 0 ? r->epoll : 0;
}

static int set(struct ksync_loop *l, int fd, uint32_t from, uint32_t to)
{
	struct reactor *r = reactor(l);
	struct epoll_event event = { .events = to, .data.u64 = ksync_reactor_data(r, fd) };
	int op = !to ? EPOLL_CTL_DEL : from ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	return NEGATIVE(epoll_ctl(r->epoll, op, fd, &event));
}

/* Deadlines in nanoseconds, from Linux 5.11 on; before, in milliseconds, never early. */
static int timed(struct reactor *r, uint64_t until)
{
	struct timespec left = loop_left(until);
	int64_t ms;
	int ret = NEGATIVE(epoll_pwait2(r->epoll, r->batch, r->room, &left, NULL));

	if (ret != -ENOSYS)
		return ret;
	ms = left.tv_sec * 1000 + (left.tv_nsec + 999999) / 1000000;
	return NEGATIVE(epoll_wait(r->epoll, r->batch, r->room, ms > 1 << 30 ? 1 << 30 : ms));
}

static int wait(struct ksync_loop *l, uint64_t until)
{
	struct reactor *r = reactor(l);
	int n;

	if (until && until != NEVER)
		n = timed(r, until);
	else
		n = NEGATIVE(epoll_wait(r->epoll, r->batch, r->room, until ? -1 : 0));
	return n;
}

static void destroy(struct ksync_loop *l)
{
	struct reactor *r = reactor(l);

	if (r->epoll > 0)
		NEGATIVE(close(r->epoll));
}

const struct backend ksync_backend_epoll = {
	.init = init,
	.set = set,
	.wait = wait,
	.destroy = destroy,
	.edge = true,
};
