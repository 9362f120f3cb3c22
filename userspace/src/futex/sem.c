// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The futex backend: semaphores.
 *
 * While somebody waits there are no units, and WAITERS keeps the fast paths away:
 * a post gives its units to those that sleep (queue.c), each of whom has one when
 * it is woken.  What is left over goes to the word; those that were cut off come
 * and take it from there, like anybody else.
 */
#include "futex.h"

/* One unit, if there is one. */
static bool take(const struct object *o)
{
	uint32_t v = load(&o->c->word);

	while (v & ~KSYNC_WAITERS)
		if (cas(&o->c->word, &v, v - 1))
			return true;
	return false;
}

/* Unless units came meanwhile. */
static bool set_waiting(const struct object *o)
{
	uint32_t v = load(&o->c->word);

	while (!(v & ~KSYNC_WAITERS))
		if (cas(&o->c->word, &v, KSYNC_WAITERS))
			return true;
	return false;
}

static void clear_waiting(const struct object *o)
{
	if (!o->s->waiters)
		__atomic_fetch_and(&o->c->word, ~KSYNC_WAITERS, __ATOMIC_SEQ_CST);
}

/**
 * ksync_futex_sem_attempt() - take a unit, or join those that wait
 *
 * Under the inner lock, having slept with that result, or not yet (0).  What cut
 * the caller off may have come in the deadline's last moment: units are looked for
 * before that is told.
 *
 * Return: 0 it has one; -EAGAIN it has joined; or what it slept with.
 */
int ksync_futex_sem_attempt(const struct object *o, uint32_t *gen, int slept)
{
	if (slept && ksync_futex_queue_leave(o, *gen))
		clear_waiting(o);
	do {
		if (take(o))
			return 0;
		if (slept && slept != -EAGAIN)
			return slept;
	} while (!set_waiting(o));
	ksync_futex_queue_join(o, gen);
	return -EAGAIN;
}

/** ksync_futex_sem_acquire() - KSYNC_IOC_ACQUIRE */
int ksync_futex_sem_acquire(const struct object *o, struct ksync_acquire *arg)
{
	return ksync_futex_queue_acquire(o, arg, ksync_futex_sem_attempt);
}

static uint32_t limit_of(const struct object *o)
{
	const uint32_t limit = load(&o->c->limit);

	return limit && limit < KSYNC_SEM_MAX ? limit : KSYNC_SEM_MAX;
}

/* What nobody was given. */
static int add(const struct object *o, uint32_t n, uint32_t *was)
{
	const uint32_t limit = limit_of(o);
	uint32_t v = load(&o->c->word), value;

	do {
		value = v & ~KSYNC_WAITERS;
		if (value > limit || n > limit - value)
			return -EOVERFLOW;
	} while (!cas(&o->c->word, &v, v + n));
	*was = value;
	return 0;
}

static int post(const struct object *o, struct ksync_release *arg)
{
	uint32_t given;
	int ret;

	if (arg->count > limit_of(o))
		return -EOVERFLOW;
	arg->was = 0;
	given = ksync_futex_queue_wake(o, arg->count);
	ret = arg->count > given ? add(o, arg->count - given, &arg->was) : 0;
	clear_waiting(o);
	return ret;
}

/** ksync_futex_sem_release() - KSYNC_IOC_RELEASE */
int ksync_futex_sem_release(const struct object *o, struct ksync_release *arg)
{
	const uint32_t attr = load(&o->s->attr);
	struct inner l;
	int ret;

	if (arg->flags)
		return -EINVAL;
	ksync_futex_inner_lock(&l, &o->s->inner);
	ret = ksync_futex_object_gone(o, attr) ? -EBADF : post(o, arg);
	ksync_futex_inner_unlock(&l);
	return ret;
}
