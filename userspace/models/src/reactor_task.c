// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Tasks that wait for descriptors, by a reactor.
 *
 * epoll is told of a descriptor once, for both directions and by edges, and keeps it until
 * it is closed: no wait costs a system call.  An edge that comes while nobody waits is
 * kept in port->ready:
 *
 *	task				loop
 *	read: -EAGAIN
 *					edge: nobody waits: ready
 *	ready: clears it, reads again
 *
 * So what came after the read is never slept through; that ready is from before the read
 * costs one more read.  poll and select look at those only that somebody waits for: the
 * loop is told of a port whose waiters have changed, and looks again.
 */
#include "reactor.h"

/* The port is locked. The backend is to learn what its waiters want. */
static void changed(struct reactor *r, struct port *p)
{
	if (p->listed)
		return;
	p->listed = true;
	p->next = load(&r->changed);
	while (!__atomic_compare_exchange_n(&r->changed, &p->next, p, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_RELAXED))
		;
}

/* The port is locked. */
static int arm(struct reactor *r, struct port *p)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLET,
		.data.u64 = REACTOR_TASK | p->fd,
	};
	int ret = 0;

	if (!r->backend->edge) {
		changed(r, p);
	} else if (!p->registered) {
		ret = NEGATIVE(epoll_ctl(r->epoll, EPOLL_CTL_ADD, p->fd, &event));
		p->registered = !ret;
	}
	return ret;
}

/* Return: 1: the ticket is in place; 0: it need not be; or an error. */
static int enqueue(struct reactor *r, struct port *p, const struct await *a,
		   struct ksync_ticket ticket)
{
	struct ksync_ticket *waiter = &p->waiter[port_index(a->events)];
	int ret = 0;

	lock(&p->lock);
	p->fd = a->fd;
	if (p->ready & a->events) {
		p->ready &= ~a->events;
	} else if (waiter->task) {
		ret = -EBUSY;
	} else {
		*waiter = ticket;
		ret = arm(r, p);
		if (ret)
			waiter->task = NULL;
		else
			ret = 1;
	}
	unlock(&p->lock);
	return ret;
}

static void dequeue(struct reactor *r, struct port *p, const struct await *a,
		    struct ksync_ticket ticket)
{
	struct ksync_ticket *waiter = &p->waiter[port_index(a->events)];

	lock(&p->lock);
	if (waiter->task == ticket.task && waiter->seq == ticket.seq) {
		waiter->task = NULL;
		if (!r->backend->edge)
			changed(r, p);
	}
	unlock(&p->lock);
}

ssize_t ksync_reactor_await(struct ksync_loop *l, const struct await *a)
{
	struct reactor *r = reactor(l);
	struct ksync_ticket ticket;
	struct port *p;
	int ret, said;

	if (a->fd < 0)
		return -EBADF;
	if (r->backend->max && a->fd >= r->backend->max)
		return -ERANGE;
	p = ksync_port_get(l, a->fd);
	if (!p)
		return -ENOMEM;
	ret = ksync_wait_begin(&ticket, 0);
	if (ret)
		return ret;
	ret = enqueue(r, p, a, ticket);
	if (ret <= 0) {
		if (ksync_wait_abandon(ticket, &said))
			ret = said;
		return ret ? ret : -EAGAIN;
	}
	if (!r->backend->edge)
		ksync_loop_poke(l);
	ret = ksync_wait(a->deadline, "loop");
	if (ret < 0)
		dequeue(r, p, a, ticket);
	return ret ? ret : -EAGAIN;
}

/*
 * The port is locked. Return: who is to be woken.  Whoever has timed out meanwhile tries
 * before it waits again, but may be another by then: it finds the port ready.
 */
static struct ksync_task *take(struct port *p, uint32_t event, int result)
{
	struct ksync_ticket *waiter = &p->waiter[port_index(event)];
	struct ksync_task *t = waiter->task;

	if (t && !ksync_claim(*waiter, result))
		t = NULL;
	waiter->task = NULL;
	if (!t && !result)
		p->ready |= event;
	return t;
}

/* The port is unlocked when this returns. */
static void wake_all(struct port *p, uint32_t events, int result)
{
	struct ksync_task *in = NULL, *out = NULL;

	if (events & KSYNC_READABLE)
		in = take(p, KSYNC_READABLE, result);
	if (events & KSYNC_WRITABLE)
		out = take(p, KSYNC_WRITABLE, result);
	unlock(&p->lock);
	if (in)
		ksync_wake(in);
	if (out)
		ksync_wake(out);
}

static uint32_t wanted(const struct port *p)
{
	return (p->waiter[0].task ? KSYNC_READABLE : 0) |
	       (p->waiter[1].task ? KSYNC_WRITABLE : 0);
}

/** ksync_reactor_tell() - something has come for tasks; by the loop */
void ksync_reactor_tell(struct reactor *r, int fd, uint32_t events)
{
	const uint32_t bad = events & (ERRORS | POLL_NVAL);
	struct port *p = ksync_port_find(&r->loop, fd);

	if (!p)
		return;
	lock(&p->lock);
	if (!r->backend->edge)
		changed(r, p);
	wake_all(p, (events & EPOLLIN || bad ? KSYNC_READABLE : 0) |
		    (events & EPOLLOUT || bad ? KSYNC_WRITABLE : 0), 0);
}

static void change(struct reactor *r, struct port *p)
{
	uint32_t events;
	struct slot *slot;
	int ret;

	lock(&p->lock);
	p->listed = false;
	events = wanted(p);
	ret = ksync_reactor_slot(r, p->fd);
	slot = &r->slots[p->fd];
	if (!ret && slot->watch)
		ret = events ? -EEXIST : 0;
	else if (!ret)
		ret = ksync_reactor_set(r, p->fd, slot->tasks, events);
	if (ret) {
		wake_all(p, events, ret);
		return;
	}
	if (!slot->watch)
		slot->tasks = events;
	unlock(&p->lock);
}

/** ksync_reactor_changes() - have poll and select look at what tasks wait for now */
void ksync_reactor_changes(struct reactor *r)
{
	struct port *p, *next;

	if (!load(&r->changed))
		return;
	p = __atomic_exchange_n(&r->changed, NULL, __ATOMIC_SEQ_CST);
	for (; p; p = next) {
		/* Once it is not listed any more, it may be put into another list. */
		next = p->next;
		change(r, p);
	}
}

/** ksync_reactor_forget() - a descriptor is going to be closed */
void ksync_reactor_forget(struct ksync_loop *l, int fd)
{
	struct reactor *r = reactor(l);
	struct port *p = ksync_port_find(&r->loop, fd);

	if (!p)
		return;
	lock(&p->lock);
	if (p->registered)
		NEGATIVE(epoll_ctl(r->epoll, EPOLL_CTL_DEL, fd, NULL));
	p->registered = false;
	if (!r->backend->edge && wanted(p))
		changed(r, p);
	/* It would cost who gets the number next one more read. */
	p->ready = 0;
	wake_all(p, KSYNC_READABLE | KSYNC_WRITABLE, -EBADF);
	if (!r->backend->edge)
		ksync_loop_poke(l);
}
