// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Reactors: who watches what, and who is told.
 *
 * What comes by one wait is a batch, and a handler may change whatever the rest of the
 * batch is about.  So nothing is remembered across a call but descriptor and generation:
 * remove, and add again, give the descriptor another generation, by which all that came
 * before is seen to be stale; and of one event's two handlers the second is called only
 * if the registration, and its interest, are still there after the first.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "reactor.h"

#define BOTH		(KSYNC_READABLE | KSYNC_WRITABLE)
#define FIRST_BATCH	256U

static const struct loop_engine engine;

/** ksync_reactor_slot() - have a slot for @fd */
int ksync_reactor_slot(struct reactor *r, int fd)
{
	uint32_t n = r->nslots ? r->nslots : 64;
	struct slot *slots;

	if ((uint32_t)fd < r->nslots)
		return 0;
	while (n <= (uint32_t)fd)
		n *= 2;
	slots = realloc(r->slots, n * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	memset(slots + r->nslots, 0, (n - r->nslots) * sizeof(*slots));
	r->slots = slots;
	r->nslots = n;
	return 0;
}

/** ksync_reactor_batch() - have room for @n events */
int ksync_reactor_batch(struct reactor *r, uint32_t n)
{
	uint32_t room = r->room ? r->room : FIRST_BATCH;
	struct epoll_event *batch;

	if (n <= r->room)
		return 0;
	while (room < n)
		room *= 2;
	batch = realloc(r->batch, room * sizeof(*batch));
	if (!batch)
		return -ENOMEM;
	r->batch = batch;
	r->room = room;
	return 0;
}

/** ksync_reactor_interest() - what the backend is to watch for */
uint32_t ksync_reactor_interest(const struct slot *slot)
{
	const struct ksync_watch *w = slot->watch;
	uint32_t events;

	if (!w)
		return slot->tasks;
	events = w->armed_ ? w->events_ : 0;
	if (events && w->flags & KSYNC_WATCH_EDGE)
		events |= EPOLLET;
	if (events && w->flags & KSYNC_WATCH_ONESHOT)
		events |= EPOLLONESHOT;
	return events;
}

/** ksync_reactor_data() - of an event: for whom it is */
uint64_t ksync_reactor_data(const struct reactor *r, int fd)
{
	const struct slot *slot = &r->slots[fd];

	if (!slot->watch)
		return REACTOR_TASK | fd;
	return (uint64_t)slot->gen << 32 | fd;
}

int ksync_reactor_set(struct reactor *r, int fd, uint32_t from, uint32_t to)
{
	return from == to ? 0 : r->backend->set(&r->loop, fd, from, to);
}

/* What the backend has: of a one-shot that was told epoll keeps the place. */
static uint32_t known(const struct reactor *r, const struct slot *slot)
{
	const struct ksync_watch *w = slot->watch;

	if (r->backend->edge && w->flags & KSYNC_WATCH_ONESHOT && w->events_ && !w->armed_)
		return EPOLLONESHOT;
	return ksync_reactor_interest(slot);
}

static int check(struct reactor *r, const struct ksync_watch *w, uint32_t events)
{
	if (r->loop.engine != &engine || events & ~BOTH ||
	    w->flags & ~(KSYNC_WATCH_EDGE | KSYNC_WATCH_ONESHOT) ||
	    (events & KSYNC_READABLE && !w->readable) ||
	    (events & KSYNC_WRITABLE && !w->writable))
		return -EINVAL;
	if (w->fd < 0)
		return -EBADF;
	if (w->flags & KSYNC_WATCH_EDGE && !r->backend->edge)
		return -EOPNOTSUPP;
	return r->backend->max && w->fd >= r->backend->max ? -ERANGE : 0;
}

EXPORT int ksync_reactor_add(struct ksync_loop *l, struct ksync_watch *w, uint32_t events)
{
	struct reactor *r = reactor(l);
	struct slot *slot;
	int ret = check(r, w, events);

	if (!ret)
		ret = ksync_reactor_slot(r, w->fd);
	if (ret)
		return ret;
	ksync_reactor_changes(r);
	slot = &r->slots[w->fd];
	if (slot->watch || slot->tasks)
		return -EEXIST;
	ret = NEGATIVE(fcntl(w->fd, F_GETFD));
	if (ret < 0)
		return ret;
	slot->watch = w;
	slot->gen = (slot->gen + 1) & REACTOR_GEN;
	w->events_ = events;
	w->armed_ = 1;
	ret = ksync_reactor_set(r, w->fd, 0, ksync_reactor_interest(slot));
	if (ret)
		slot->watch = NULL;
	return ret;
}

static struct slot *slot_of(struct reactor *r, const struct ksync_watch *w)
{
	if (r->loop.engine != &engine || w->fd < 0 || (uint32_t)w->fd >= r->nslots ||
	    r->slots[w->fd].watch != w)
		return NULL;
	return &r->slots[w->fd];
}

EXPORT int ksync_reactor_modify(struct ksync_loop *l, struct ksync_watch *w, uint32_t events)
{
	struct reactor *r = reactor(l);
	struct slot *slot = slot_of(r, w);
	uint32_t from, events_before, armed_before;
	int ret;

	if (!slot)
		return -ENOENT;
	ret = check(r, w, events);
	if (ret)
		return ret;
	from = known(r, slot);
	events_before = w->events_;
	armed_before = w->armed_;
	w->events_ = events;
	w->armed_ = 1;
	ret = ksync_reactor_set(r, w->fd, from, ksync_reactor_interest(slot));
	if (ret) {
		w->events_ = events_before;
		w->armed_ = armed_before;
	}
	return ret;
}

EXPORT int ksync_reactor_remove(struct ksync_loop *l, struct ksync_watch *w)
{
	struct reactor *r = reactor(l);
	struct slot *slot = slot_of(r, w);

	if (!slot)
		return -ENOENT;
	/* If the descriptor was closed before, the kernel has forgotten it already. */
	ksync_reactor_set(r, w->fd, known(r, slot), 0);
	slot->watch = NULL;
	return 0;
}

/* Nobody takes it: it would be told for ever. */
static void disarm(struct reactor *r, int fd)
{
	struct slot *slot = &r->slots[fd];
	uint32_t from = ksync_reactor_interest(slot);

	slot->watch->armed_ = 0;
	ksync_reactor_set(r, fd, from, 0);
}

/* Is the registration that the event was for still there, and wants this? */
static struct ksync_watch *wants(struct reactor *r, uint64_t data, uint32_t event)
{
	const struct slot *slot = &r->slots[(uint32_t)data];

	if (!slot->watch || slot->gen != data >> 32)
		return NULL;
	return slot->watch->events_ & event ? slot->watch : NULL;
}

static void tell_error(struct reactor *r, struct ksync_watch *w, uint32_t events)
{
	if (events & POLL_NVAL)
		disarm(r, w->fd);
	w->error(&r->loop, w);
}

static void tell(struct reactor *r, uint64_t data, uint32_t events)
{
	struct ksync_loop *l = &r->loop;
	struct ksync_watch *w = wants(r, data, BOTH);
	bool oneshot;

	if (!w || !w->armed_)
		return;
	oneshot = w->flags & KSYNC_WATCH_ONESHOT;
	if (oneshot) {
		if (!r->backend->edge)
			disarm(r, w->fd);
		w->armed_ = 0;
	}
	if (events & (EPOLLERR | POLL_NVAL) && w->error) {
		tell_error(r, w, events);
		return;
	}
	if (events & POLL_NVAL)
		disarm(r, w->fd);
	if (events & (EPOLLIN | ERRORS | POLL_NVAL) && w->events_ & KSYNC_READABLE)
		w->readable(l, w);
	if (events & (EPOLLOUT | ERRORS | POLL_NVAL)) {
		w = wants(r, data, KSYNC_WRITABLE);
		if (w)
			w->writable(l, w);
	}
}

static void dispatch(struct ksync_loop *l)
{
	struct reactor *r = reactor(l);
	uint32_t i;

	for (i = 0; i < r->nbatch; i++) {
		uint64_t data = r->batch[i].data.u64;
		uint32_t events = r->batch[i].events;

		if (data & REACTOR_TASK)
			ksync_reactor_tell(r, (uint32_t)data, events);
		else
			tell(r, data, events);
	}
	r->nbatch = 0;
}

static int wait(struct ksync_loop *l, uint64_t until)
{
	struct reactor *r = reactor(l);
	int ret;

	ksync_reactor_changes(r);
	ret = r->backend->wait(l, until);
	r->nbatch = ret > 0 ? ret : 0;
	return ret;
}

static void heard(struct ksync_loop *l, struct ksync_watch *w)
{
	struct listener *li = (struct listener *)w;

	/* A poke is told by its edge: the number needs no reading. */
	if (!(w->flags & KSYNC_WATCH_EDGE))
		li->fn(l);
}

static int hear(struct ksync_loop *l, struct listener *li, int fd)
{
	li->watch = (struct ksync_watch){ .fd = fd, .readable = heard };
	if (li == &l->wake && reactor(l)->backend->edge)
		li->watch.flags = KSYNC_WATCH_EDGE;
	return ksync_reactor_add(l, &li->watch, KSYNC_READABLE);
}

static void unhear(struct ksync_loop *l, struct listener *li)
{
	ksync_reactor_remove(l, &li->watch);
}

static int destroy(struct ksync_loop *l)
{
	struct reactor *r = reactor(l);

	r->backend->destroy(l);
	free(r->slots);
	free(r->batch);
	return 0;
}

static const struct loop_engine engine = {
	.wait = wait,
	.dispatch = dispatch,
	.listen = hear,
	.unlisten = unhear,
	.await = ksync_reactor_await,
	.forget = ksync_reactor_forget,
	.destroy = destroy,
};

EXPORT int ksync_reactor_create(struct ksync_loop **l, enum ksync_backend backend,
				uint32_t flags)
{
	static const struct backend *const backends[] = {
		[KSYNC_BACKEND_EPOLL] = &ksync_backend_epoll,
		[KSYNC_BACKEND_POLL] = &ksync_backend_poll,
		[KSYNC_BACKEND_SELECT] = &ksync_backend_select,
	};
	struct reactor *r;
	int ret;

	if ((uint32_t)backend >= ARRAY_SIZE(backends) || flags & ~KSYNC_LOOP_SELF_PIPE)
		return -EINVAL;
	r = calloc(1, (sizeof(*r) + 63) & ~63UL);
	if (!r)
		return -ENOMEM;
	r->loop.engine = &engine;
	r->backend = backends[backend];
	ret = ksync_reactor_batch(r, FIRST_BATCH);
	if (!ret)
		ret = r->backend->init(&r->loop);
	if (!ret)
		ret = ksync_loop_init(&r->loop, &engine, flags);
	if (ret) {
		destroy(&r->loop);
		free(r);
		return ret;
	}
	*l = &r->loop;
	return 0;
}
