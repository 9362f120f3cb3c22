// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The futex backend: who waits for a sem, event, cond or rwlock.
 *
 * A waiter joins under the inner lock and then sleeps on @gen, which was g:
 *
 *	CPU0 (waits)			CPU1 (wakes k of n)
 *	----				----
 *	lock				lock
 *	waiters++, g = gen		gen++			[A]
 *	unlock				w = FUTEX_WAKE(gen, k)	[B]
 *	FUTEX_WAIT(gen, g)	[C]	waiters -= w, or: cut
 *					unlock
 *
 * The kernel does B and C one after the other.  If C comes first, B finds CPU0
 * asleep; whom B takes out of the queue is told so (0), even if its time was over,
 * so that exactly w waiters have what they waited for, and do not count any more.
 * If B comes first, so does A, and C returns -EAGAIN.
 *
 * If w < k then nobody sleeps any more: all others that had joined are somewhere
 * between unlock and C, or on their way out of it, or were killed.  They are cut
 * off: whoever comes back with a g of before A finds that, and that it does not
 * count any more.  What that means for it, each kind says.
 */
#include "futex.h"

/** ksync_futex_queue_set() - how many wait; signalling sides look at that without a lock */
void ksync_futex_queue_set(const struct object *o, uint32_t n)
{
	o->s->waiters = n;
	store(&o->c->waiters, n);
}

/** ksync_futex_queue_join() - be a waiter. @gen: what to sleep on */
void ksync_futex_queue_join(const struct object *o, uint32_t *gen)
{
	*gen = o->s->gen;
	ksync_futex_queue_set(o, o->s->waiters + 1);
}

/**
 * ksync_futex_queue_leave() - be none any more, having been woken by nobody
 * @gen: from ksync_futex_queue_join()
 *
 * Return: whether the caller was one; not if it was cut off.
 */
bool ksync_futex_queue_leave(const struct object *o, uint32_t gen)
{
	if ((int32_t)(gen - o->s->cut) <= 0)
		return false;
	ksync_futex_queue_set(o, o->s->waiters - 1);
	return true;
}

/** ksync_futex_queue_cut() - nobody waits that found @gen, or came before */
void ksync_futex_queue_cut(const struct object *o, uint32_t gen)
{
	o->s->cut = gen;
	ksync_futex_queue_set(o, 0);
}

/**
 * ksync_futex_queue_wake() - wake waiters by priority, then FIFO
 * @n: at most so many; if there are as many as wait, or more, then all of them
 *
 * Return: how many slept; if that is less than are waiting, and less than @n, the
 * others were cut off.
 */
uint32_t ksync_futex_queue_wake(const struct object *o, uint32_t n)
{
	const uint32_t gen = o->s->gen;
	int woken;

	if (n > o->s->waiters)
		n = o->s->waiters;
	if (!n)
		return 0;
	store(&o->s->gen, gen + 1);
	woken = ksync_futex_wake(&o->s->gen, n, KSYNC_BITSET_ALL);
	if (woken < 0)
		woken = 0;
	if ((uint32_t)woken < n)
		ksync_futex_queue_cut(o, gen);
	else
		ksync_futex_queue_set(o, o->s->waiters - woken);
	return woken;
}

/** ksync_futex_queue_end() - the object is gone: let all look for it */
void ksync_futex_queue_end(const struct object *o)
{
	ksync_futex_queue_cut(o, o->s->gen);
	store(&o->s->gen, o->s->gen + 1);
	ksync_futex_wake(&o->s->gen, UINT32_MAX, KSYNC_BITSET_ALL);
}

/* Without the inner lock. Return: as ksync_futex_wait(). */
static int sleep_on(const struct object *o, uint32_t gen, uint32_t flags, uint64_t deadline)
{
	int ret;

	do {
		ret = ksync_futex_wait(&o->s->gen, gen, KSYNC_BITSET_ALL, flags, deadline);
	} while (ret == -EINTR && !(flags & KSYNC_WAIT_INTERRUPTIBLE));
	return ret;
}

/**
 * ksync_futex_queue_acquire() - KSYNC_IOC_ACQUIRE, without the inner lock
 * @o: sem or event
 * @arg: the call
 * @attempt: with the inner lock: @slept is how the caller slept, 0 at first; returns 0
 *	it has what it wants, -EAGAIN it has joined, or what it slept with
 *
 * Who is woken has what it waited for.
 */
int ksync_futex_queue_acquire(const struct object *o, const struct ksync_acquire *arg,
			      int (*attempt)(const struct object *o, uint32_t *gen, int slept))
{
	const uint32_t attr = load(&o->s->attr);
	struct inner l;
	uint32_t gen = 0;
	int ret = 0;

	do {
		ksync_futex_inner_lock(&l, &o->s->inner);
		ret = ksync_futex_object_gone(o, attr) ? -EBADF : attempt(o, &gen, ret);
		ksync_futex_inner_unlock(&l);
		if (ret != -EAGAIN)
			return ret;
		ret = sleep_on(o, gen, arg->flags, arg->deadline);
	} while (ret);
	return 0;
}
