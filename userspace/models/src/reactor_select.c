// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Reactors by select(2): three sets of FD_SETSIZE bits, copied for each wait.  A
 * descriptor beyond would be written past their end: it is refused.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include "reactor.h"

struct select_sets {
	fd_set in;
	fd_set out;
	fd_set got_in;
	fd_set got_out;
	int n;
};

static int init(struct ksync_loop *l)
{
	struct reactor *r = reactor(l);

	r->sets = calloc(1, sizeof(*r->sets));
	return r->sets ? ksync_reactor_batch(r, FD_SETSIZE) : -ENOMEM;
}

static int set(struct ksync_loop *l, int fd, uint32_t from, uint32_t to)
{
	struct select_sets *s = reactor(l)->sets;

	(void)from;
	FD_CLR(fd, &s->in);
	FD_CLR(fd, &s->out);
	if (to & EPOLLIN)
		FD_SET(fd, &s->in);
	if (to & EPOLLOUT)
		FD_SET(fd, &s->out);
	if (to && fd >= s->n)
		s->n = fd + 1;
	while (s->n && !FD_ISSET(s->n - 1, &s->in) && !FD_ISSET(s->n - 1, &s->out))
		s->n--;
	return 0;
}

/* Some were closed, and not removed. */
static int closed(struct reactor *r)
{
	struct select_sets *s = r->sets;
	int fd, n = 0;

	for (fd = 0; fd < s->n; fd++) {
		if (!FD_ISSET(fd, &s->in) && !FD_ISSET(fd, &s->out))
			continue;
		if (NEGATIVE(fcntl(fd, F_GETFD)) >= 0)
			continue;
		r->batch[n].events = POLL_NVAL;
		r->batch[n++].data.u64 = ksync_reactor_data(r, fd);
	}
	return n;
}

static int wait(struct ksync_loop *l, uint64_t until)
{
	struct reactor *r = reactor(l);
	struct select_sets *s = r->sets;
	struct timespec left = { 0 };
	uint32_t events;
	int fd, ret, n = 0;

	if (until && until != NEVER)
		left = loop_left(until);
	memcpy(&s->got_in, &s->in, sizeof(s->in));
	memcpy(&s->got_out, &s->out, sizeof(s->out));
	ret = NEGATIVE(pselect(s->n, &s->got_in, &s->got_out, NULL,
			       until == NEVER ? NULL : &left, NULL));
	if (ret == -EBADF)
		return closed(r);
	for (fd = 0; ret > 0 && fd < s->n; fd++) {
		events = (FD_ISSET(fd, &s->got_in) ? EPOLLIN : 0) |
			 (FD_ISSET(fd, &s->got_out) ? EPOLLOUT : 0);
		if (!events)
			continue;
		r->batch[n].events = events;
		r->batch[n++].data.u64 = ksync_reactor_data(r, fd);
	}
	return ret > 0 ? n : ret;
}

static void destroy(struct ksync_loop *l)
{
	free(reactor(l)->sets);
}

const struct backend ksync_backend_select = {
	.init = init,
	.set = set,
	.wait = wait,
	.destroy = destroy,
	.max = FD_SETSIZE,
};
