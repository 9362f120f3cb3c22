// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Tasks that wait for operations of a proactor.
 *
 * The kernel writes into the task's memory, so the task goes on only when the operation
 * has ended, and if a job of the loop's is about to cancel it, when that was done, too:
 * request->left counts these.  Whoever counts it down to 0 ends the wait, and touches the
 * request no more.
 *
 *	task				loop
 *	wait: -ETIMEDOUT, -ECANCELED
 *	under the lock: left is 0:	under the lock: left--
 *	   the result is there		   0: claims, wakes
 *	else left++, posts [C],		C: asks the kernel to cancel; left--
 *	   waits, unmoved by deadlines
 *
 * If the operation ends with anything but -ECANCELED that is the result, late or not: no
 * byte and no connection is lost.
 */
#include <unistd.h>
#include "proactor.h"

struct request {
	struct ksync_op op;
	struct ksync_loop_job start;
	struct ksync_loop_job cancel;
	const struct await *a;
	uint32_t lock;
	uint32_t left;
	bool cancelling;
	bool closed;
	struct ksync_ticket ticket;
};

#define request_of(member_ptr, member)	\
	((struct request *)((char *)(member_ptr) - offsetof(struct request, member)))

/* One thing less that knows of it. */
static void put(struct request *q)
{
	struct ksync_ticket ticket = { NULL, 0 };

	lock(&q->lock);
	if (!--q->left)
		ticket = q->ticket;
	unlock(&q->lock);
	if (ticket.task && ksync_claim(ticket, 0))
		ksync_wake(ticket.task);
}

static void done(struct ksync_loop *l, struct ksync_op *op)
{
	(void)l;
	put(request_of(op, op));
}

static int begin(struct ksync_loop *l, struct request *q)
{
	const struct await *a = q->a;

	switch (a->kind) {
	case AWAIT_READ:
		return ksync_proactor_read(l, &q->op, a->fd, a->buf, a->n, -1);
	case AWAIT_ACCEPT:
		return ksync_proactor_accept(l, &q->op, a->fd, SOCK_NONBLOCK | SOCK_CLOEXEC);
	case AWAIT_WRITE:
	case AWAIT_CONNECT:
	case AWAIT_READY:
		break;
	}
	return ksync_proactor_poll(l, &q->op, a->fd, a->events);
}

static void start(struct ksync_loop *l, struct ksync_loop_job *job)
{
	struct request *q = request_of(job, start);
	int ret = begin(l, q);

	if (!ret)
		return;
	q->op.res = ret;
	put(q);
}

static void cancel(struct ksync_loop *l, struct ksync_loop_job *job)
{
	struct request *q = request_of(job, cancel);

	ksync_proactor_cancel(l, &q->op);
	put(q);
}

/* The lock is held. Have the operation end; once. */
static void post_cancel(struct ksync_loop *l, struct request *q)
{
	if (q->cancelling || !q->left)
		return;
	q->cancelling = true;
	q->left++;
	q->cancel.fn = cancel;
	ksync_loop_post(l, &q->cancel);
}

/* The task runs where the loop does, which waits for its turn: no need to tell it. */
static bool on_its_thread(struct ksync_loop *l)
{
	struct machine *m = load_acquire(&l->machine);

	return m && m == ksync_machine_self();
}

static int enlist(struct port *p, struct request *q)
{
	struct request **at = &p->request[port_index(q->a->events)];
	int ret = 0;

	lock(&p->lock);
	if (*at)
		ret = -EBUSY;
	else
		*at = q;
	unlock(&p->lock);
	return ret;
}

static void delist(struct port *p, struct request *q)
{
	lock(&p->lock);
	p->request[port_index(q->a->events)] = NULL;
	unlock(&p->lock);
}

/* The wait was ended early: have the operation end, and wait for that. */
static void see_the_end(struct ksync_loop *l, struct request *q)
{
	struct ksync_ticket ticket;
	bool all;
	int said;

	/* Masked: it does not fail. */
	ksync_wait_begin(&ticket, KSYNC_PARK_MASKED);
	lock(&q->lock);
	all = !q->left;
	if (!all) {
		q->ticket = ticket;
		post_cancel(l, q);
	}
	unlock(&q->lock);
	if (all)
		ksync_wait_abandon(ticket, &said);
	else
		ksync_wait(NEVER, "loop, cancelled");
}

static ssize_t await_op(struct ksync_loop *l, struct request *q)
{
	int ret = ksync_wait_begin(&q->ticket, 0);

	if (ret)
		return ret;
	if (on_its_thread(l))
		start(l, &q->start);
	else
		ksync_loop_post(l, &q->start);
	ret = ksync_wait(q->a->deadline, "loop");
	if (ret < 0)
		see_the_end(l, q);
	if (q->op.res != -ECANCELED)
		return q->op.res;
	return q->closed ? -EBADF : ret ? ret : -ECANCELED;
}

static ssize_t await_one(struct ksync_loop *l, struct port *p, const struct await *a)
{
	struct request q = { .op.fn = done, .start.fn = start, .left = 1, .a = a };
	ssize_t ret = enlist(p, &q);

	if (ret)
		return ret;
	ret = await_op(l, &q);
	delist(p, &q);
	return ret;
}

ssize_t ksync_proactor_await(struct ksync_loop *l, const struct await *a)
{
	struct await ready = *a;
	struct port *p;
	ssize_t ret;

	if (a->fd < 0)
		return -EBADF;
	p = ksync_port_get(l, a->fd);
	if (!p)
		return -ENOMEM;
	if (a->kind == AWAIT_READ || a->kind == AWAIT_ACCEPT) {
		ret = await_one(l, p, a);
		if (ret != -EAGAIN && ret != -EINTR)
			return ret;
		/* Some files that are O_NONBLOCK are not waited for by the kernel. */
	}
	ready.kind = AWAIT_READY;
	ret = await_one(l, p, &ready);
	return ret < 0 ? ret : -EAGAIN;
}

/** ksync_proactor_forget() - a descriptor is going to be closed */
void ksync_proactor_forget(struct ksync_loop *l, int fd)
{
	struct port *p = ksync_port_find(l, fd);
	int i;

	if (!p)
		return;
	/* Who waits takes the port's lock before it goes: it is there while that is held. */
	lock(&p->lock);
	for (i = 0; i < 2; i++) {
		struct request *q = p->request[i];

		if (!q)
			continue;
		lock(&q->lock);
		q->closed = true;
		post_cancel(l, q);
		unlock(&q->lock);
	}
	unlock(&p->lock);
}
