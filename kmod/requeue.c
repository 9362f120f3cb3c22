// SPDX-License-Identifier: GPL-2.0
/*
 * Condition variables, the side that signals: waiters are moved to the queue of
 * their mutex, in order, and get it one after the other: see park.c.
 *
 * All waiters of a cond have the same mutex.  Each is moved under the locks of
 * both buckets, and in each of them it is seen in one of the two queues.  No
 * memory is needed: the waiter brings the state that its mutex may need, and the
 * last one takes the cond's with it instead.
 */
#include <linux/sched/rt.h>
#include <linux/sched/task.h>

#include "hub.h"
#include "park.h"
#include "queue.h"
#include "trace.h"

/*
 * The state of a waiter's mutex.  Made here if there is none, it is as if the
 * waiter had called LOCK; but that nobody may have the mutex: then the word is
 * as an UNLOCK leaves it, with a waiter on its way.
 *
 *	CPU0 (moves a waiter)			CPU1 (user space)
 *	----					----
 *	fetch_or: WAITERS -> no owner
 *						cmpxchg: WAITERS -> WAITERS|X
 *	fetch_or: WOKEN				cmpxchg: WAITERS|WOKEN|X ->
 *	unpark the waiter				WAITERS|WOKEN, or else
 *						UNLOCK: lock(bucket), ...
 *
 * Whatever CPU1 does, the waiter comes and looks.
 */
static struct ksync_state *mutex_state(struct ksync_waiter *w, struct ksync_bucket *b)
{
	const struct ksync_object *obj = w->mutex;
	struct ksync_state *st = ksync_state_find(b, obj->domain, obj->id);
	const u32 holder = ksync_word_set(obj, KSYNC_WAITERS);

	if (st)
		return st;
	st = w->spare;
	w->spare = NULL;
	st->bucket = b;
	st->obj = *obj;
	ksync_state_publish(st, b);
	if (!holder || !ksync_owner_set(st, &st->queue, holder)) {
		ksync_word_set(obj, KSYNC_WAITERS | KSYNC_WOKEN);
		ksync_state_freed(st);
	}
	return st;
}

/*
 * The cond's state, which nobody waits in any more, goes with the last waiter, if that has
 * given its own away; before it is unparked, and its stack may be gone.  Nobody else
 * has a reference: no rt_mutex of it is ever released.
 */
static void take_along(struct ksync_waiter *w, struct ksync_state **gone)
{
	if (w->spare)
		return;
	w->spare = *gone;
	*gone = NULL;
}

/* Out of the cond's queue already. Its priority may be another one than it was. */
static struct task_struct *move_to_mutex(struct ksync_waiter *w, struct ksync_bucket *b,
					 struct ksync_state **gone)
{
	w->prio = min(ksync_prio(w->task), MAX_RT_PRIO);
	w->since = ktime_get_ns();
	ksync_waiter_enqueue(w, mutex_state(w, b));
	take_along(w, gone);
	return ksync_park(w);
}

/* The mutex is gone: the waiter returns without it. */
static struct task_struct *drop(struct ksync_waiter *w)
{
	struct task_struct *task = get_task_struct(w->task);

	smp_store_release(&w->thread->stage, KSYNC_DROPPED); /* [A] in park.c */
	return task;
}

/**
 * struct step - one waiter
 * @cond: where it was
 * @a: the bucket of that
 * @b: the bucket of where it goes; @a if nobody waits
 * @mutex: where it goes
 * @task: to be woken, or NULL
 * @heard: waits on many or pollers listen to the cond
 */
struct step {
	const struct ksync_object *cond;
	struct ksync_bucket *a;
	struct ksync_bucket *b;
	struct ksync_object mutex;
	struct task_struct *task;
	bool heard;
};

static struct ksync_state *cond_state(const struct step *step)
{
	const struct ksync_object *cond = step->cond;

	if (ksync_object_stale(cond))
		return NULL;
	return ksync_state_find(step->a, cond->domain, cond->id);
}

/*
 * Lock both buckets.  Which the second one is, the first one tells; where it would be
 * locked out of order, and is not free just then, both are locked anew in order.  Who
 * only tries does not wait, and so breaks no order.
 *
 * Return: the state of the cond; NULL: nobody waits, or no longer with that mutex, and
 * then those that were meant are gone.
 */
static struct ksync_state *step_lock(struct step *step)
{
	struct ksync_state *st;

	step->b = step->a;
	raw_spin_lock(&step->a->lock);
	st = cond_state(step);
	if (!st)
		return NULL;
	step->mutex = *ksync_waiter_top(st)->mutex;
	step->b = ksync_bucket(step->mutex.domain, step->mutex.id);
	if (step->b == step->a || raw_spin_trylock(&step->b->lock))
		return st;
	raw_spin_unlock(&step->a->lock);
	ksync_bucket_lock_both(step->a, step->b);
	st = cond_state(step);
	return st && ksync_waiter_top(st)->mutex->id == step->mutex.id ? st : NULL;
}

/* Under both locks. Return: how many were moved; *@gone: a state to be put. */
static u32 move_next(struct step *step, struct ksync_sweep *s, struct ksync_state *st,
		     struct ksync_state **gone)
{
	struct ksync_waiter *w = ksync_sweep_next(s, st);

	if (!w)
		return 0;
	*gone = ksync_queue_leave(w);
	trace_requeue(step->cond, w->mutex, w->task);
	step->task = ksync_object_stale(w->mutex) ? drop(w) :
						    move_to_mutex(w, step->b, gone);
	return 1;
}

static u32 move_one(struct step *step, struct ksync_sweep *s)
{
	struct ksync_state *st, *gone = NULL;
	u32 moved = 0;

	step->task = NULL;
	st = step_lock(step);
	/* Who begins to listen after this finds that the word has changed. */
	step->heard |= ksync_state_watched(step->cond) || ksync_hub_armed(step->cond);
	if (st)
		moved = move_next(step, s, st, &gone);
	else
		s->more = false;
	ksync_bucket_unlock_both(step->a, step->b);
	if (gone)
		ksync_state_put(gone);
	ksync_unpark_wake(&step->mutex, step->task);
	return moved;
}

static u32 move(struct step *step, u32 count)
{
	struct ksync_sweep s __uninitialized;
	u32 moved = 0;

	ksync_sweep_begin(&s, KSYNC_BITSET_ALL);
	while (moved < count && s.more) {
		moved += move_one(step, &s);
		cond_resched();
	}
	return moved;
}

/**
 * ksync_cond_move() - let waiters have their mutex
 * @cond: where they wait
 * @count: at most so many of those that wait now, by priority, then FIFO
 *
 * Once begun it is done to the end, even if the current task is killed: that is
 * one step for each waiter, and for each batch of looks at later ones.
 *
 * Return: how many.
 */
u32 ksync_cond_move(const struct ksync_object *cond, u32 count)
{
	struct step step = { .cond = cond, .a = ksync_bucket(cond->domain, cond->id) };

	return move(&step, count);
}

/* Waits on many and who polls are told of each signal: the word has changed. */
static void tell_many(const struct ksync_object *cond)
{
	struct ksync_bucket *b = ksync_bucket(cond->domain, cond->id);
	struct ksync_state *gone = NULL;
	struct ksync_sweep s __uninitialized;

	ksync_sweep_begin(&s, KSYNC_BITSET_ALL);
	while (s.more) {
		raw_spin_lock(&b->lock);
		gone = ksync_sweep_batch(&s, ksync_state_watched(cond), U32_MAX);
		ksync_hub_collect(cond, &s.tell);
		raw_spin_unlock(&b->lock);
		if (gone)
			ksync_state_put(gone);
		ksync_sweep_wake(&s, cond);
		cond_resched();
	}
}

/** ksync_cond_signal() - KSYNC_IOC_COND_SIGNAL */
int ksync_cond_signal(struct ksync_domain *d, struct ksync_cond_signal *arg)
{
	struct ksync_object cond;
	struct step step = { .cond = &cond, .heard = !arg->count };
	int ret;

	ret = ksync_queue_find(d, arg->id, KSYNC_KIND_COND, &cond);
	if (ret)
		return ret;
	step.a = ksync_bucket(d, arg->id);
	arg->woken = move(&step, arg->count);
	if (step.heard)
		tell_many(&cond);
	return 0;
}
