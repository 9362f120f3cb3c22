// SPDX-License-Identifier: GPL-2.0
/*
 * Condition variables, the side that signals: waiters are moved to the queue of
 * their mutex, in order, and get it one after the other: see park.c.
 *
 * All waiters of a cond have the same mutex.  Each is moved under the locks of
 * both buckets, and in each of them it is seen in one of the two queues.  No
 * memory is needed: the waiter brings the state that its mutex may need.
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

/* Out of the cond's queue already. Its priority may be another one than it was. */
static struct task_struct *move_to_mutex(struct ksync_waiter *w, struct ksync_bucket *b)
{
	w->prio = min(ksync_prio(w->task), MAX_RT_PRIO);
	w->since = ktime_get_ns();
	ksync_waiter_enqueue(w, mutex_state(w, b));
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
 * @mutex: where it goes; found by a look ahead
 * @task: to be woken, or NULL
 */
struct step {
	const struct ksync_object *cond;
	struct ksync_object mutex;
	struct task_struct *task;
};

static struct ksync_state *cond_state(const struct ksync_object *cond,
				      struct ksync_bucket *b)
{
	if (ksync_object_stale(cond))
		return NULL;
	return ksync_state_find(b, cond->domain, cond->id);
}

/* Which mutex do they have that wait now? False: nobody waits. */
static bool look_ahead(struct step *step)
{
	struct ksync_bucket *a = ksync_bucket(step->cond->domain, step->cond->id);
	struct ksync_state *st;

	raw_spin_lock(&a->lock);
	st = cond_state(step->cond, a);
	if (st)
		step->mutex = *ksync_waiter_top(st)->mutex;
	raw_spin_unlock(&a->lock);
	return st;
}

/* Under both locks. Return: how many were moved; *@gone: a state to be put. */
static u32 move_next(struct step *step, struct ksync_sweep *s, struct ksync_state *st,
		     struct ksync_state **gone)
{
	struct ksync_bucket *b = ksync_bucket(step->cond->domain, step->mutex.id);
	struct ksync_waiter *w = ksync_sweep_next(s, st);

	if (!w)
		return 0;
	*gone = ksync_queue_leave(w);
	trace_requeue(step->cond, w->mutex, w->task);
	step->task = ksync_object_stale(w->mutex) ? drop(w) : move_to_mutex(w, b);
	return 1;
}

static u32 move_one(struct step *step, struct ksync_sweep *s)
{
	struct ksync_bucket *a = ksync_bucket(step->cond->domain, step->cond->id);
	struct ksync_bucket *b = ksync_bucket(step->cond->domain, step->mutex.id);
	struct ksync_state *st, *gone = NULL;
	u32 moved = 0;

	step->task = NULL;
	ksync_bucket_lock_both(a, b);
	st = cond_state(step->cond, a);
	/* Do they wait with another mutex, then those that were meant are gone. */
	if (st && ksync_waiter_top(st)->mutex->id == step->mutex.id)
		moved = move_next(step, s, st, &gone);
	else
		s->more = false;
	ksync_bucket_unlock_both(a, b);
	if (gone)
		ksync_state_put(gone);
	ksync_unpark_wake(&step->mutex, step->task);
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
	struct step step = { .cond = cond };
	struct ksync_sweep s;
	u32 moved = 0;

	ksync_sweep_begin(&s, KSYNC_BITSET_ALL);
	if (!look_ahead(&step))
		return 0;
	while (moved < count && s.more) {
		moved += move_one(&step, &s);
		cond_resched();
	}
	return moved;
}

/* Waits on many and who polls are told of each signal: the word has changed. */
static void tell_many(const struct ksync_object *cond)
{
	struct ksync_bucket *b = ksync_bucket(cond->domain, cond->id);
	struct ksync_state *gone = NULL;
	struct ksync_sweep s;

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
	int ret;

	ret = ksync_queue_find(d, arg->id, KSYNC_KIND_COND, &cond);
	if (ret)
		return ret;
	arg->woken = ksync_cond_move(&cond, arg->count);
	tell_many(&cond);
	return 0;
}
