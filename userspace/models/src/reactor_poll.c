// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Reactors by poll(2): the kernel looks at all of them each time. */
#include <poll.h>
#include <stdlib.h>
#include "reactor.h"

#define ASKED	(EPOLLIN | EPOLLOUT)

static int init(struct ksync_loop *l)
{
	(void)l;
	return 0;
}

static void drop(struct reactor *r, struct slot *slot)
{
	uint32_t i = slot->index - 1;

	slot->index = 0;
	r->npolls--;
	if (i != r->npolls) {
		r->polls[i] = r->polls[r->npolls];
		r->slots[r->polls[i].fd].index = i + 1;
	}
}

static int make_room(struct reactor *r)
{
	uint32_t room = r->polls_room ? 2 * r->polls_room : 64;
	struct pollfd *polls;

	if (r->npolls < r->polls_room)
		return 0;
	polls = realloc(r->polls, room * sizeof(*polls));
	if (!polls)
		return -ENOMEM;
	r->polls = polls;
	r->polls_room = room;
	return ksync_reactor_batch(r, room);
}

static int set(struct ksync_loop *l, int fd, uint32_t from, uint32_t to)
{
	struct reactor *r = reactor(l);
	struct slot *slot = &r->slots[fd];
	int ret;

	(void)from;
	if (!(to & ASKED)) {
		if (slot->index)
			drop(r, slot);
		return 0;
	}
	if (!slot->index) {
		ret = make_room(r);
		if (ret)
			return ret;
		slot->index = ++r->npolls;
	}
	r->polls[slot->index - 1] = (struct pollfd){ .fd = fd, .events = to & ASKED };
	return 0;
}

static int wait(struct ksync_loop *l, uint64_t until)
{
	struct reactor *r = reactor(l);
	struct timespec left = { 0 };
	uint32_t i, n = 0;
	int ret;

	if (until && until != NEVER)
		left = loop_left(until);
	ret = NEGATIVE(ppoll(r->polls, r->npolls, until == NEVER ? NULL : &left, NULL));
	for (i = 0; ret > 0 && i < r->npolls && n < (uint32_t)ret; i++) {
		if (!r->polls[i].revents)
			continue;
		r->batch[n].events = r->polls[i].revents;
		r->batch[n++].data.u64 = ksync_reactor_data(r, r->polls[i].fd);
	}
	return ret;
}

static void destroy(struct ksync_loop *l)
{
	free(reactor(l)->polls);
}

const struct backend ksync_backend_poll = {
	.init = init,
	.set = set,
	.wait = wait,
	.destroy = destroy,
};
