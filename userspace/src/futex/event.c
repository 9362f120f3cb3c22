// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The futex backend: events.
 *
 * Whoever is woken has been released.  Those that were cut off (queue.c) were
 * waiting when the event was set: with manual reset they are released too, even
 * if it is reset by now; with auto reset, nobody slept, the event stays set, and
 * one of them will take it.  A pulse leaves nothing set: with auto reset, for one
 * of those that do not sleep there is a grant, which none that came later may have.
 */
#include "futex.h"

static bool manual(const struct object *o)
{
	return o->s->attr & (KSYNC_EVENT_MANUAL << 8);
}

static bool take(const struct object *o)
{
	if (manual(o))
		return load(&o->c->word) & KSYNC_EVENT_SET;
	return __atomic_fetch_and(&o->c->word, ~KSYNC_EVENT_SET, __ATOMIC_SEQ_CST) &
	       KSYNC_EVENT_SET;
}

static void clear_waiting(const struct object *o)
{
	if (!o->s->waiters)
		__atomic_fetch_and(&o->c->word, ~KSYNC_WAITERS, __ATOMIC_SEQ_CST);
}

/* Unless it was set meanwhile. */
static bool set_waiting(const struct object *o)
{
	uint32_t v = load(&o->c->word);

	while (!(v & KSYNC_EVENT_SET))
		if (cas(&o->c->word, &v, v | KSYNC_WAITERS))
			return true;
	return false;
}

static bool take_grant(const struct object *o, uint32_t gen)
{
	if (!o->s->grants || (int32_t)(gen - o->s->due) > 0)
		return false;
	o->s->grants--;
	return true;
}

/** ksync_futex_event_attempt() - as for a sem */
int ksync_futex_event_attempt(const struct object *o, uint32_t *gen, int slept)
{
	if (slept) {
		if (take_grant(o, *gen))
			return 0;
		if (ksync_futex_queue_leave(o, *gen))
			clear_waiting(o);
		else if (manual(o))
			return 0;
	}
	do {
		if (take(o))
			return 0;
		if (slept && slept != -EAGAIN)
			return slept;
	} while (!set_waiting(o));
	ksync_futex_queue_join(o, gen);
	return -EAGAIN;
}

/** ksync_futex_event_acquire() - KSYNC_IOC_ACQUIRE */
int ksync_futex_event_acquire(const struct object *o, struct ksync_acquire *arg)
{
	return ksync_futex_queue_acquire(o, arg, ksync_futex_event_attempt);
}

static uint32_t change(const struct object *o, uint32_t flags)
{
	uint32_t v;

	if (flags & KSYNC_RELEASE_PULSE)
		v = __atomic_fetch_and(&o->c->word, ~KSYNC_EVENT_SET, __ATOMIC_SEQ_CST);
	else
		v = __atomic_fetch_or(&o->c->word, KSYNC_EVENT_SET, __ATOMIC_SEQ_CST);
	return v & KSYNC_EVENT_SET;
}

/* All but one of those that do not sleep go on waiting: they are not cut off. */
static void pulse_one(const struct object *o)
{
	const uint32_t gen = o->s->gen, waiters = o->s->waiters, cut = o->s->cut;

	if (!waiters || ksync_futex_queue_wake(o, 1))
		return;
	o->s->cut = cut;
	ksync_futex_queue_set(o, waiters - 1);
	o->s->due = gen;
	o->s->grants++;
}

/*
 * Auto reset: who sleeps has it, and it is not set for a moment even, or a reset
 * would have it too.
 */
static uint32_t set_one(const struct object *o)
{
	return ksync_futex_queue_wake(o, 1) ? 0 : change(o, 0);
}

/* Return: whether it was set. */
static uint32_t release(const struct object *o, uint32_t flags)
{
	uint32_t was;

	if (!manual(o) && !(flags & KSYNC_RELEASE_PULSE)) {
		was = set_one(o);
	} else {
		was = change(o, flags);
		if (manual(o))
			ksync_futex_queue_wake(o, UINT32_MAX);
		else
			pulse_one(o);
	}
	clear_waiting(o);
	return was;
}

/** ksync_futex_event_release() - KSYNC_IOC_RELEASE */
int ksync_futex_event_release(const struct object *o, struct ksync_release *arg)
{
	const uint32_t attr = load(&o->s->attr);
	struct inner l;
	int ret = -EBADF;

	if (arg->flags & ~KSYNC_RELEASE_PULSE || arg->count != 1)
		return -EINVAL;
	ksync_futex_inner_lock(&l, &o->s->inner);
	if (!ksync_futex_object_gone(o, attr)) {
		arg->was = release(o, arg->flags);
		ret = 0;
	}
	ksync_futex_inner_unlock(&l);
	return ret;
}
