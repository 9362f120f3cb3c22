// SPDX-License-Identifier: GPL-2.0
/*
 * Waits by sleeping: how a task joins a queue, sleeps, and is taken out of it.
 *
 * What the waiter wants is a matter of its kind: arrive() asks ops->ready(), with
 * the waiter queued already, and whoever grants it takes it out by a sweep: sweep.c.
 *
 * The cell counts the waiters, so that a wake-up that nobody waits for costs no
 * system call:
 *
 *	CPU0 (waits, here)		CPU1 (wakes, user space)
 *	----				----
 *	cell->waiters = n		word = new
 *	smp_mb()	[A]		full fence	[B]
 *	read word			read cell->waiters
 *
 * By [A] and [B] either CPU0 sees the new word, or CPU1 sees a waiter and comes
 * for the bucket lock, under which CPU0 did all this.
 *
 * A waker lets go of a waiter with a store-release of woken [C]: after it the
 * waiter may leave, and its stack with it.
 */
#include <linux/sched/signal.h>

#include "busted.h"
#include "hub.h"
#include "many.h"
#include "queue.h"
#include "trace.h"

/** ksync_queue_find() - as ksync_object_find(); -EINVAL if it is of another kind */
int ksync_queue_find(struct ksync_domain *d, u32 id, u8 kind, struct ksync_object *obj)
{
	int ret = ksync_object_find(d, id, obj);

	if (!ret && obj->ops->kind != kind)
		ret = -EINVAL;
	return ret;
}

static enum ksync_side side_of(const struct ksync_waiter *w, const struct ksync_object *obj)
{
	return obj->ops->kind == KSYNC_KIND_COND && w->many ? KSYNC_SIDE_WATCH :
	       KSYNC_SIDE_WORD;
}

/* As ksync_queue_state(), with the spare one in a register. */
static inline struct ksync_state *state_of(const struct ksync_object *obj, enum ksync_side side,
					   struct ksync_bucket *b, struct ksync_state **spare)
{
	struct ksync_state *st;

	if (side == KSYNC_SIDE_WATCH)
		st = ksync_state_watched(obj);
	else
		st = ksync_state_find(b, obj->domain, obj->id);
	if (st)
		return st;
	st = *spare;
	*spare = NULL;
	st->bucket = b;
	st->obj = *obj;
	WRITE_ONCE(st->side, side);
	ksync_state_publish(st, b);
	return st;
}

/**
 * ksync_queue_state() - a state of @obj, *@spare if it has none yet
 * @obj: object
 * @side: WORD; WATCH for who watches a lock, and for waiters of a cond that have no
 *	mutex
 * @b: its bucket, locked
 * @spare: allocated before
 */
struct ksync_state *ksync_queue_state(const struct ksync_object *obj, enum ksync_side side,
				      struct ksync_bucket *b, struct ksync_state **spare)
{
	return state_of(obj, side, b, spare);
}

static u32 count(const struct ksync_state *st)
{
	return st ? st->nr : 0;
}

/* @st: of @obj, in the hash or just taken out of it; saves looking for it. */
static inline u32 note(const struct ksync_object *obj, const struct ksync_state *st)
{
	const u32 n = count(st) + count(ksync_state_watched(obj)) + ksync_hub_armed(obj);

	WRITE_ONCE(obj->cell->waiters, n);
	return n;
}

static inline u32 note_state(const struct ksync_state *st)
{
	return st->side == KSYNC_SIDE_WORD ? note(&st->obj, st) : ksync_queue_note(&st->obj);
}

/**
 * ksync_queue_note() - under the bucket lock: let users know how many wait
 * @obj: waitq, sem, event or cond
 *
 * Return: the same; those that poll count as one.
 */
u32 ksync_queue_note(const struct ksync_object *obj)
{
	struct ksync_bucket *b = ksync_bucket(obj->domain, obj->id);

	return note(obj, ksync_state_find(b, obj->domain, obj->id));
}

static inline void enter(struct ksync_waiter *w, struct ksync_state *st)
{
	ksync_waiter_enqueue(w, st);
	note_state(st);
}

/** ksync_queue_enter() - under the bucket lock: queue a waiter, and let users know */
void ksync_queue_enter(struct ksync_waiter *w, struct ksync_state *st)
{
	enter(w, st);
}

static __always_inline struct ksync_state *leave(struct ksync_waiter *w)
{
	struct ksync_state *st = w->state;
	const bool last = ksync_waiter_dequeue(w);

	if (!note_state(st) && st->obj.ops->idle)
		st->obj.ops->idle(&st->obj);
	return last ? st : NULL;
}

/**
 * ksync_queue_leave() - under the bucket lock: take a waiter out
 * @w: waiter
 *
 * Return: its state if that has no waiter left: put it.
 */
struct ksync_state *ksync_queue_leave(struct ksync_waiter *w)
{
	return leave(w);
}

static bool shared(const struct ksync_object *obj)
{
	return obj->ops->shared && obj->ops->shared(obj);
}

/*
 * What @w, queued already, waits for is there: take it.  If others came before it,
 * somebody is at giving them what is there, or the first is on its way.  It was not there
 * a moment ago: another CPU is at it.
 */
static noinline int take(struct ksync_waiter *w, const struct ksync_object *obj)
{
	int ret;

	if (!shared(obj) && ksync_waiter_top(w->state) != w)
		return -EBUSY;
	if (w->look)
		return -EAGAIN;
	if (!ksync_many_claim(w))
		return -ECANCELED;
	ret = obj->ops->use(obj);
	if (ret == -EBUSY)
		ksync_many_unclaim(w);
	else
		ksync_queue_note_near(w, false);
	return ret;
}

/* What arms an object is atomic. */
static inline int arrive(struct ksync_waiter *w, const struct ksync_object *obj)
{
	if (obj->ops->arm) {
		obj->ops->arm(obj);
		smp_mb__after_atomic(); /* [A] */
	} else {
		smp_mb(); /* [A] */
	}
	if (!obj->ops->ready(obj, w->expected))
		return -EBUSY;
	return take(w, obj);
}

static struct ksync_state *spare_for(const struct ksync_waiter *w)
{
	return w->many ? ksync_many_state(w->many) : ksync_state_alloc();
}

/* One that nobody has a reference of: those of queues are not pinned. */
static inline void give_back(const struct ksync_waiter *w, struct ksync_state *st)
{
	if (!st)
		return;
	if (w->many)
		ksync_many_spare(w->many, st);
	else
		ksync_state_free(st);
}

/**
 * ksync_queue_join() - queue up for an object, unless it can be had at once
 * @w: waiter, initialized, with what its kind looks at
 * @obj: waitq, sem, event; or cond, for a wait on many
 *
 * Return: -EBUSY: queued, ksync_queue_quit() has to follow. Else not queued: what
 * ops->use() says; -EBADF, -ENOMEM; to one that only looks, -EAGAIN: it is
 * there; to a part of a wait on many, -ECANCELED: another part has got its own.
 */
int ksync_queue_join(struct ksync_waiter *w, const struct ksync_object *obj)
{
	struct ksync_bucket *b = ksync_bucket(obj->domain, obj->id);
	struct ksync_state *spare = spare_for(w), *gone = NULL;
	int ret = -EBADF;

	if (!spare)
		return -ENOMEM;
	raw_spin_lock(&b->lock);
	if (!ksync_object_stale(obj)) {
		enter(w, state_of(obj, side_of(w, obj), b, &spare));
		ret = arrive(w, obj);
		if (ret == -EBUSY)
			trace_contention_begin(obj, w->state->nr);
		else
			gone = ksync_queue_leave(w);
	}
	raw_spin_unlock(&b->lock);
	give_back(w, spare);
	give_back(w, gone);
	return ret;
}

static void sleep_until_broken(struct ksync_waiter *w)
{
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (smp_load_acquire(&w->woken)) /* [C] */
			break;
		if (READ_ONCE(w->timer.fired) || signal_pending(current))
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

/**
 * ksync_queue_lock() - lock the bucket that a waiter is in, and return it
 * @w: the current task's waiter
 *
 * A requeue moves a waiter from bucket to bucket, under both locks.
 */
struct ksync_bucket *ksync_queue_lock(struct ksync_waiter *w)
{
	struct ksync_bucket *b;

	for (;;) {
		b = READ_ONCE(w->bucket);
		raw_spin_lock(&b->lock);
		if (b == w->bucket)
			return b;
		raw_spin_unlock(&b->lock);
	}
}

/* The bucket is locked.  What it was told of may be for others now. */
static noinline void quit_told(struct ksync_waiter *w, struct ksync_bucket *b)
{
	const struct ksync_object obj = w->state->obj;
	struct ksync_state *gone = leave(w);

	raw_spin_unlock(&b->lock);
	give_back(w, gone);
	obj.ops->serve(&obj);
}

/**
 * ksync_queue_quit() - leave the queue, if nobody has taken us out
 * @w: the current task's waiter; @w->woken tells
 */
void ksync_queue_quit(struct ksync_waiter *w)
{
	struct ksync_state *gone = NULL;
	struct ksync_bucket *b;

	if (smp_load_acquire(&w->woken)) /* [C] */
		return;
	b = ksync_queue_lock(w);
	if (!w->woken) {
		if (w->poked) {
			quit_told(w, b);
			return;
		}
		gone = leave(w);
	}
	raw_spin_unlock(&b->lock);
	give_back(w, gone);
}

/* Woken wins over whatever else ended the sleep. */
static int give_up(struct ksync_waiter *w, u32 flags)
{
	ksync_queue_quit(w);
	if (w->timer.fired && ksync_busted(KSYNC_FAULT_QUEUE_TIMEOUT))
		return -ETIMEDOUT;
	return w->woken ? 0 : ksync_waiter_broken(w, flags);
}

/** ksync_queue_disarm() - under the bucket lock: undo ops->arm(), if nobody waits */
void ksync_queue_disarm(const struct ksync_object *obj)
{
	struct ksync_bucket *b = ksync_bucket(obj->domain, obj->id);

	if (obj->ops->idle && !ksync_state_find(b, obj->domain, obj->id) &&
	    !ksync_state_watched(obj) && !ksync_hub_armed(obj))
		obj->ops->idle(obj);
}

/** ksync_queue_left() - under the bucket lock: is there something that is for anybody? */
bool ksync_queue_left(const struct ksync_object *obj)
{
	if (!obj->ops->ready(obj, 0))
		return false;
	return shared(obj) || !ksync_state_find(ksync_bucket(obj->domain, obj->id),
						obj->domain, obj->id);
}

/**
 * ksync_queue_ours() - under the bucket lock, armed: may a wait on many take it?
 * @obj: object
 * @expected: for kinds that compare
 * @w: a waiter of that wait, in no queue
 *
 * Not while it is others' turn.
 */
bool ksync_queue_ours(const struct ksync_object *obj, u32 expected,
		      const struct ksync_waiter *w)
{
	struct ksync_bucket *b = ksync_bucket(obj->domain, obj->id);
	const struct ksync_waiter *top;
	const struct ksync_state *st;

	if (!obj->ops->ready(obj, expected))
		return false;
	st = ksync_state_find(b, obj->domain, obj->id);
	if (!st || shared(obj))
		return true;
	top = ksync_waiter_top(st);
	return top->many == w->many || top->prio > w->prio;
}

/**
 * ksync_queue_wait() - queue up for an object and sleep until taken out
 * @w: waiter, initialized, with what its kind looks at
 * @obj: waitq, sem or event
 * @flags: KSYNC_WAIT_INTERRUPTIBLE, KSYNC_WAIT_REALTIME
 * @deadline: absolute, in ns, or KSYNC_NO_DEADLINE
 *
 * Return: 0: taken out, or it was there; another answer of ops->use(); -EBADF,
 * -ENOMEM; or why the wait was broken off.
 */
int ksync_queue_wait(struct ksync_waiter *w, const struct ksync_object *obj,
		     u32 flags, u64 deadline)
{
	int ret = ksync_queue_join(w, obj);

	if (ret != -EBUSY)
		return ret;
	ksync_waiter_start(w, flags, deadline);
	sleep_until_broken(w);
	ret = give_up(w, flags);
	trace_contention_end(obj, ret, w->since);
	if (ret == -ETIMEDOUT)
		trace_timeout(obj);
	return ret;
}
