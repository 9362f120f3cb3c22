// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Channels: a ring of values, and two queues of those that wait, under one lock.
 *
 * A value goes from memory to memory of who sends and who receives, without a stop in
 * the ring, if one of them waits already.  What is queued is a case, in the frame of
 * who waits:
 *
 *	who waits			who comes
 *	locks, queues its case
 *	unlocks, sleeps		   [a]	locks, takes the case out
 *					claims its wait
 *	returns from ksync_wait()	    won: copies, unlocks, wakes
 *	    won: the case is out	    lost: tries the next case	[b]
 *	    lost: locks, takes it
 *	    out if it is in, unlocks
 *
 * b: a case is taken out by whoever finds it, once.  Who waits does not return before
 * it has had the lock, or was claimed, so nobody is looking at its frame then.  Who
 * lost its wait to a deadline has not been sent anything: a value is copied only after
 * the claim, and the claim is what its wait returns.
 * a: the wait is opened before the case is seen, so a claim may come before the sleep.
 *
 * Never are a sender and a receiver queued whose waits go on, but those of one select;
 * nor a receiver while there are values, nor a sender while there is room: whoever
 * would be the second finds the first, under the lock.
 */
#include <stdlib.h>
#include <string.h>
#include "chan.h"

/* The lock, and what is written by each operation, in one line of its own. */
#define ALIGN	64

EXPORT int ksync_chan_create(struct ksync_chan **out, size_t size, size_t cap)
{
	struct ksync_chan *c;
	size_t bytes;

	if (__builtin_mul_overflow(size, cap, &bytes) ||
	    __builtin_add_overflow(bytes, sizeof(*c) + ALIGN, &bytes))
		return -ENOMEM;
	c = aligned_alloc(ALIGN, bytes & ~(size_t)(ALIGN - 1));
	if (!c)
		return -ENOMEM;
	memset(c, 0, sizeof(*c));
	c->size = size;
	c->cap = cap;
	c->ready = (cap > 0) << KSYNC_CASE_SEND;
	*out = c;
	return 0;
}

EXPORT int ksync_chan_destroy(struct ksync_chan *c)
{
	bool busy;

	lock(&c->lock);
	busy = c->waiters;
	unlock(&c->lock);
	if (busy)
		return -EBUSY;
	free(c);
	return 0;
}

EXPORT size_t ksync_chan_len(const struct ksync_chan *c)
{
	return load(&c->len);
}

EXPORT size_t ksync_chan_cap(const struct ksync_chan *c)
{
	return c->cap;
}

static inline void copy(const struct ksync_chan *c, void *to, const void *from)
{
	if (c->size == sizeof(void *) && to)
		memcpy(to, from, sizeof(void *));
	else if (c->size && to)
		memcpy(to, from, c->size);
}

/* Whoever has changed something calls this before unlocking. */
static void publish(struct ksync_chan *c)
{
	const bool send = c->len < c->cap || c->queue[KSYNC_CASE_RECV].first || c->closed;
	const bool recv = c->len || c->queue[KSYNC_CASE_SEND].first || c->closed;
	const uint32_t ready = send << KSYNC_CASE_SEND | recv << KSYNC_CASE_RECV;

	if (load(&c->ready) != ready)
		store(&c->ready, ready);
}

static void take_out(struct cases *q, struct ksync_case *w)
{
	if (w->prev_)
		w->prev_->next_ = w->next_;
	else
		q->first = w->next_;
	if (w->next_)
		w->next_->prev_ = w->prev_;
	else
		q->last = w->prev_;
	w->linked_ = false;
}

/**
 * ksync_chan_enter() - queue a case at its channel, which is locked
 * @w: case
 * @ticket: of the caller's wait
 * @index: what the wait returns, shifted by one, if the case is done
 */
void ksync_chan_enter(struct ksync_case *w, struct ksync_ticket ticket,
		      unsigned int index)
{
	struct ksync_chan *c = w->chan;
	struct cases *q = &c->queue[w->op];

	w->task_ = ticket.task;
	w->seq_ = ticket.seq;
	w->index_ = index;
	w->next_ = NULL;
	w->prev_ = q->last;
	if (q->last)
		q->last->next_ = w;
	else
		q->first = w;
	q->last = w;
	w->linked_ = true;
	store(&c->waiters, c->waiters + 1);
	publish(c);
}

/** ksync_chan_leave() - the wait is over, and @w was not the case that was done */
void ksync_chan_leave(struct ksync_case *w)
{
	struct ksync_chan *c = w->chan;

	lock(&c->lock);
	if (w->linked_)
		take_out(&c->queue[w->op], w);
	store(&c->waiters, c->waiters - 1);
	publish(c);
	unlock(&c->lock);
}

/* Claim the first that still waits; the caller wakes it when the lock is free. */
static struct ksync_case *claim_first(struct ksync_chan *c, uint32_t op, int how)
{
	struct ksync_case *w;

	while ((w = c->queue[op].first)) {
		const struct ksync_ticket ticket = { w->task_, w->seq_ };

		take_out(&c->queue[op], w);
		if (likely(ksync_claim(ticket, w->index_ << 1 | how))) {
			store(&c->waiters, c->waiters - 1);
			return w;
		}
	}
	return NULL;
}

/* There is room. */
static void put(struct ksync_chan *c, const void *value)
{
	size_t tail = c->head + c->len;

	if (tail >= c->cap)
		tail -= c->cap;
	copy(c, c->buffer + tail * c->size, value);
	store(&c->len, c->len + 1);
}

static void get(struct ksync_chan *c, void *value)
{
	copy(c, value, c->buffer + c->head * c->size);
	if (++c->head == c->cap)
		c->head = 0;
	store(&c->len, c->len - 1);
}

static bool do_send(struct ksync_chan *c, const void *value, int *result,
		    struct ksync_case **woken)
{
	if (unlikely(c->closed)) {
		*result = -EPIPE;
		return true;
	}
	*woken = claim_first(c, KSYNC_CASE_RECV, 0);
	if (*woken)
		copy(c, (*woken)->value, value);
	else if (c->len < c->cap)
		put(c, value);
	else
		return false;
	return true;
}

static bool do_recv(struct ksync_chan *c, void *value, int *result,
		    struct ksync_case **woken)
{
	if (c->len) {
		get(c, value);
		*woken = claim_first(c, KSYNC_CASE_SEND, 0);
		if (*woken)
			put(c, (*woken)->value);
		return true;
	}
	*woken = claim_first(c, KSYNC_CASE_SEND, 0);
	if (*woken)
		copy(c, value, (*woken)->value);
	else if (c->closed)
		*result = -ENODATA;
	else
		return false;
	return true;
}

/**
 * ksync_chan_do() - send or receive, if that need not wait
 * @c: channel, locked
 * @op: enum ksync_case_op
 * @value: sent or set
 * @result: set to 0, -EPIPE, -ENODATA
 * @woken: set to whom the caller wakes when the lock is free, or NULL
 *
 * Return: false: it would wait.
 */
bool ksync_chan_do(struct ksync_chan *c, uint32_t op, void *value, int *result,
		   struct ksync_task **woken)
{
	struct ksync_case *w = NULL;
	bool done;

	*result = 0;
	if (op == KSYNC_CASE_SEND)
		done = do_send(c, value, result, &w);
	else
		done = do_recv(c, value, result, &w);
	*woken = w ? w->task_ : NULL;
	publish(c);
	return done;
}

/* Wait until it is done by others; the channel is locked. */
static int wait(struct ksync_chan *c, uint32_t op, void *value, uint64_t deadline)
{
	struct ksync_case w;
	struct ksync_ticket ticket;
	int ret = ksync_wait_begin(&ticket, 0);

	if (likely(!ret)) {
		w.chan = c;
		w.value = value;
		w.op = op;
		ksync_chan_enter(&w, ticket, 0);
	}
	unlock(&c->lock);
	if (unlikely(ret))
		return ret;
	ret = ksync_wait(deadline, op == KSYNC_CASE_SEND ? "chan send" : "chan receive");
	if (ret < 0)
		ksync_chan_leave(&w);
	return ret == CASE_ENDED ? ksync_chan_ended(op) : ret;
}

static int act(struct ksync_chan *c, uint32_t op, void *value, uint64_t deadline)
{
	struct ksync_task *woken;
	int result;

	lock(&c->lock);
	if (!ksync_chan_do(c, op, value, &result, &woken))
		return wait(c, op, value, deadline);
	unlock(&c->lock);
	if (woken)
		ksync_wake(woken);
	return result;
}

static int act_timed(struct ksync_chan *c, uint32_t op, void *value,
		     const struct timespec *abs)
{
	uint64_t deadline;
	int ret = ksync_deadline_ns(abs, &deadline);

	return ret ? ret : act(c, op, value, deadline);
}

static int act_try(struct ksync_chan *c, uint32_t op, void *value)
{
	struct ksync_task *woken;
	int result;
	bool done;

	if (!ksync_chan_ready(c, op))
		return -EAGAIN;
	lock(&c->lock);
	done = ksync_chan_do(c, op, value, &result, &woken);
	unlock(&c->lock);
	if (woken)
		ksync_wake(woken);
	return done ? result : -EAGAIN;
}

EXPORT int ksync_chan_send(struct ksync_chan *c, const void *value)
{
	return act(c, KSYNC_CASE_SEND, (void *)value, NEVER);
}

EXPORT int ksync_chan_send_try(struct ksync_chan *c, const void *value)
{
	return act_try(c, KSYNC_CASE_SEND, (void *)value);
}

EXPORT int ksync_chan_send_timed(struct ksync_chan *c, const void *value,
				 const struct timespec *abs)
{
	return act_timed(c, KSYNC_CASE_SEND, (void *)value, abs);
}

EXPORT int ksync_chan_recv(struct ksync_chan *c, void *value)
{
	return act(c, KSYNC_CASE_RECV, value, NEVER);
}

EXPORT int ksync_chan_recv_try(struct ksync_chan *c, void *value)
{
	return act_try(c, KSYNC_CASE_RECV, value);
}

EXPORT int ksync_chan_recv_timed(struct ksync_chan *c, void *value,
				 const struct timespec *abs)
{
	return act_timed(c, KSYNC_CASE_RECV, value, abs);
}

/* Claim all that wait, and chain them: after its wake-up a case is gone. */
static struct ksync_case *claim_all(struct ksync_chan *c)
{
	struct ksync_case *all = NULL, **last = &all, *w;

	while ((w = claim_first(c, KSYNC_CASE_RECV, CASE_ENDED)) ||
	       (w = claim_first(c, KSYNC_CASE_SEND, CASE_ENDED))) {
		*last = w;
		last = &w->next_;
	}
	*last = NULL;
	return all;
}

EXPORT int ksync_chan_close(struct ksync_chan *c)
{
	struct ksync_case *w, *next;

	lock(&c->lock);
	if (c->closed) {
		unlock(&c->lock);
		return -EPIPE;
	}
	c->closed = true;
	w = claim_all(c);
	publish(c);
	unlock(&c->lock);
	for (; w; w = next) {
		next = w->next_;
		ksync_wake(w->task_);
	}
	return 0;
}
