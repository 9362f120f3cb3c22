// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The futex backend: reader-writer locks.
 *
 * All slow paths are under the inner lock; the fast paths are not.  WAITERS is
 * set as long as somebody is counted as a waiter, so that each unlock by a writer
 * comes here, and is cleared under the inner lock alone.  Such an unlock wakes all
 * readers that wait or, if there are none, one writer; a reader that leaves wakes
 * one writer.  Whoever is woken looks again, and may find that another one was
 * faster; that it was killed is made good by the others' looks, once a second.
 *
 * A writer first takes the word, which keeps readers out, and then waits for those
 * that are in: drain.c.  No priority is lent.  That a writer has died is noticed by
 * who waits for it: each looks before it sleeps, and once a second.
 */
#include "futex.h"

#define READERS		1U
#define WRITERS		2U

/* With the inner lock. */
static void settle_waiting(const struct object *o)
{
	if (o->s->waiters)
		__atomic_fetch_or(&o->c->word, KSYNC_WAITERS, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and(&o->c->word, ~KSYNC_WAITERS, __ATOMIC_SEQ_CST);
}

/*
 * All readers, or else one writer.  If neither sleeps then nobody does: who is
 * counted still is on its way there, or was killed.
 */
static void wake(const struct object *o)
{
	const uint32_t gen = o->s->gen;
	int n;

	if (!o->s->waiters)
		return;
	store(&o->s->gen, gen + 1);
	n = ksync_futex_wake(&o->s->gen, UINT32_MAX, READERS);
	if (n < 1)
		n = ksync_futex_wake(&o->s->gen, 1, WRITERS);
	if (n < 1)
		ksync_futex_queue_cut(o, gen);
	else
		ksync_futex_queue_set(o, o->s->waiters - n);
}

/* There is nothing to be had any more. */
static void wake_all(const struct object *o)
{
	const uint32_t gen = o->s->gen;

	ksync_futex_queue_cut(o, gen);
	store(&o->s->gen, gen + 1);
	ksync_futex_wake(&o->s->gen, UINT32_MAX, KSYNC_BITSET_ALL);
}

/* A reader left, and no writer has the word: one may have it now. */
static void wake_writer(const struct object *o)
{
	struct inner l;
	int n;

	ksync_futex_inner_lock(&l, &o->s->inner);
	if (o->s->waiters && !(load(&o->c->word) & KSYNC_OWNER)) {
		store(&o->s->gen, o->s->gen + 1);
		n = ksync_futex_wake(&o->s->gen, 1, WRITERS);
		ksync_futex_queue_set(o, o->s->waiters - (n < 0 ? 0 : n));
	}
	ksync_futex_inner_unlock(&l);
}

/**
 * ksync_futex_rwlock_give_back() - a writer leaves; with the inner lock
 * @o: rwlock
 * @v: the word as it was seen
 * @rest: what to leave in it, beside WAITERS
 */
void ksync_futex_rwlock_give_back(const struct object *o, uint32_t v, uint32_t rest)
{
	while (!cas(&o->c->word, &v, (v & KSYNC_WAITERS) | rest))
		;
	if (rest == KSYNC_NOTRECOVERABLE)
		wake_all(o);
	else
		wake(o);
	settle_waiting(o);
}

/* A dead writer leaves what readers and writers have to be told. May be locked? */
static bool repair(const struct object *o, uint32_t v)
{
	const uint32_t owner = v & KSYNC_OWNER;

	if (!owner)
		return true;
	if (owner >= TID_END || !ksync_futex_dead(owner))
		return false;
	/* It may have died while readers were in still. */
	return cas(&o->c->word, &v, (v & KSYNC_WAITERS) | KSYNC_READ | KSYNC_OWNER_DIED);
}

/* Return: whether it is locked: -EAGAIN if not. */
static int take_write(const struct object *o, uint32_t self, bool *drain)
{
	uint32_t v = load(&o->c->word);

	do {
		if ((v & KSYNC_OWNER) == KSYNC_NOTRECOVERABLE)
			return -ENOTRECOVERABLE;
		if (!repair(o, v))
			return -EAGAIN;
		v = load(&o->c->word);
		if (v & KSYNC_OWNER)
			return -EAGAIN;
	} while (!cas(&o->c->word, &v, (v & ~KSYNC_READ) | self));
	*drain = v & KSYNC_READ;
	return v & KSYNC_OWNER_DIED ? -EOWNERDEAD : 0;
}

/*
 * The entry comes first, then READ: a writer that takes the word after that finds
 * both; one that has it already may have seen the entry, and is told that it is
 * gone.
 */
static int take_read(const struct object *o, uint32_t self)
{
	uint32_t *entry, v = load(&o->c->word);

	if ((v & KSYNC_OWNER) == KSYNC_NOTRECOVERABLE)
		return -ENOTRECOVERABLE;
	if (!repair(o, v))
		return -EAGAIN;
	entry = ksync_futex_slot_free(o->d, self);
	if (!entry)
		return -ENOBUFS;
	store(entry, KSYNC_SLOT(o->id, 1U));
	v = load(&o->c->word);
	while (!(v & KSYNC_OWNER))
		if (cas(&o->c->word, &v, v | KSYNC_READ))
			return v & KSYNC_OWNER_DIED ? -EOWNERDEAD : 0;
	store(entry, 0);
	ksync_futex_drain_tell(o);
	return -EAGAIN;
}

/* What the caller has already. Return: -EAGAIN: nothing. */
static int check_held(const struct object *o, uint32_t self, uint32_t flags)
{
	uint32_t *entry = ksync_futex_slot_find(o->d, self, o->id);

	if ((load(&o->c->word) & KSYNC_OWNER) == self)
		return -EDEADLK;
	if (!entry)
		return -EAGAIN;
	if (!(flags & KSYNC_LOCK_READ))
		return -EDEADLK;
	if (*entry >> 24 == KSYNC_SLOT_DEPTH_MAX)
		return -ENOBUFS;
	store(entry, *entry + KSYNC_SLOT(0, 1U));
	return 0;
}

/* A try does not wait for readers: it leaves as if it had not been there. */
static int try_drain(const struct object *o, int ret)
{
	uint32_t v = load(&o->c->word);

	if (!ksync_futex_drain_has_readers(o))
		return ret;
	ksync_futex_rwlock_give_back(o, v, (v & KSYNC_OWNER_DIED) | KSYNC_READ);
	return -EBUSY;
}

/**
 * struct wait - one call
 * @self: the caller
 * @flags: of LOCK
 * @deadline: of LOCK
 * @gen: what it sleeps on
 * @slept: how it slept: 0 woken, or not yet; -EAGAIN, -ETIMEDOUT, -EINTR
 * @drain: it has the word, and readers may be in
 */
struct wait {
	uint32_t self;
	uint32_t flags;
	uint64_t deadline;
	uint32_t gen;
	int slept;
	bool drain;
};

/* With the inner lock. Return: -EAGAIN: it has joined. */
static int attempt(const struct object *o, struct wait *w)
{
	int ret;

	if (w->slept && ksync_futex_queue_leave(o, w->gen))
		settle_waiting(o);
	ret = w->flags & KSYNC_LOCK_READ ? take_read(o, w->self) :
		take_write(o, w->self, &w->drain);
	if (w->drain && w->flags & KSYNC_WAIT_TRY) {
		w->drain = false;
		return try_drain(o, ret);
	}
	if (ret != -EAGAIN)
		return ret;
	if (w->flags & KSYNC_WAIT_TRY)
		return -EBUSY;
	if (w->slept == -EINTR && w->flags & KSYNC_WAIT_INTERRUPTIBLE)
		return -EINTR;
	if (w->slept == -ETIMEDOUT && ksync_futex_now(w->flags) >= w->deadline)
		return -ETIMEDOUT;
	ksync_futex_queue_join(o, &w->gen);
	settle_waiting(o);
	/* Who had it may have left before WAITERS was there. */
	return load(&o->c->word) & KSYNC_OWNER ? -EAGAIN : -ERANGE;
}

/* -ERANGE: look again at once. */
static int look(const struct object *o, uint32_t attr, struct wait *w)
{
	struct inner l;
	int ret;

	ksync_futex_inner_lock(&l, &o->s->inner);
	if (ksync_futex_object_gone(o, attr)) {
		ret = -EBADF;
	} else {
		do {
			ret = attempt(o, w);
			if (ret == -ERANGE)
				w->slept = -EAGAIN;
		} while (ret == -ERANGE);
	}
	ksync_futex_inner_unlock(&l);
	return ret;
}

/**
 * ksync_futex_rwlock_lock() - lock an rwlock
 * @o: object
 * @self: the caller
 * @flags: of LOCK
 * @deadline: of LOCK
 *
 * Return: as LOCK.
 */
int ksync_futex_rwlock_lock(const struct object *o, uint32_t self, uint32_t flags,
			    uint64_t deadline)
{
	const uint32_t attr = load(&o->s->attr);
	const uint32_t side = flags & KSYNC_LOCK_READ ? READERS : WRITERS;
	struct wait w = { .self = self, .flags = flags, .deadline = deadline };
	int ret = check_held(o, self, flags), drained;

	if (ret == -EAGAIN) {
		while ((ret = look(o, attr, &w)) == -EAGAIN)
			w.slept = ksync_futex_wait(&o->s->gen, w.gen, side, flags,
						   ksync_futex_tick(flags, deadline));
	}
	if (ret == -ENOBUFS)
		return -EAGAIN;
	if (!w.drain)
		return ret;
	drained = ksync_futex_drain_wait(o, flags, deadline);
	return drained ? drained : ret;
}

/** ksync_futex_rwlock_unlock() - a writer's KSYNC_IOC_UNLOCK */
int ksync_futex_rwlock_unlock(const struct object *o, uint32_t self)
{
	struct inner l;
	uint32_t v;
	int ret = -EPERM;

	ksync_futex_inner_lock(&l, &o->s->inner);
	v = load(&o->c->word);
	if ((v & KSYNC_OWNER) == self) {
		ksync_futex_rwlock_give_back(o, v, v & KSYNC_OWNER_DIED ? KSYNC_NOTRECOVERABLE :
				 v & KSYNC_READ);
		ret = 0;
	}
	ksync_futex_inner_unlock(&l);
	return ret;
}

/** ksync_futex_rwlock_read_left() - a reader's KSYNC_IOC_UNLOCK: its entry is gone */
int ksync_futex_rwlock_read_left(const struct object *o, uint32_t self)
{
	if (ksync_futex_slot_find(o->d, self, o->id))
		return -EPERM;
	ksync_futex_drain_tell(o);
	if (load(&o->c->word) & KSYNC_WAITERS)
		wake_writer(o);
	return 0;
}
