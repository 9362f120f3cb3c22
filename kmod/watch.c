// SPDX-License-Identifier: GPL-2.0
/*
 * Watching a lock: to be told when it is worth a try.
 *
 * A task can be in the queue of one lock only, that of its rt_mutex.  Whoever
 * waits for one of many locks watches the others.  Watchers are kept in a state
 * of their own beside that of the waiters.  While it exists the word has WAITERS,
 * so that each unlock comes here:
 *
 *	CPU0 (watches)				CPU1 (unlocks, user space)
 *	----					----
 *	lock(bucket), enter
 *	fetch_or: word |= WAITERS	[A]	cmpxchg: handle -> 0	[B]
 *	unlock(bucket)
 *	try to lock
 *
 * Either [B] comes first, and CPU0 finds the word free; or [B] fails, and CPU1
 * comes for the bucket lock, and tells.
 *
 * One watcher is told, the top one, and no other while that one is on its way:
 *
 *	CPU0 (told)				CPU1 (unlocks)
 *	----					----
 *	lock(bucket)				lock(bucket)
 *	poked = false		[C]		the word is free
 *	unlock(bucket)				poked already?		[D]
 *	try to lock				unlock(bucket)
 *
 * If [D] says so, [C] is still to come, and the try after it.  If the try fails
 * somebody has the word, and will be here; or the word is free, but not for this
 * one (to write, where others read), and the next one is told.  Who was told and
 * leaves without a try passes it on, too.  A lock that nobody can have any more is
 * of use to none of them: each tells the next one, when it leaves.
 */
#include <linux/sched/task.h>

#include "busted.h"
#include "hub.h"
#include "many.h"
#include "queue.h"
#include "trace.h"
#include "uring.h"
#include "watch.h"

/**
 * ksync_watch_enter() - watch a lock
 * @w: waiter
 * @obj: of a kind that has owners
 *
 * Return: 0; -EBADF, -ENOMEM. A try has to follow.
 */
int ksync_watch_enter(struct ksync_waiter *w, const struct ksync_object *obj)
{
	struct ksync_bucket *b = ksync_bucket(obj->domain, obj->id);
	struct ksync_state *spare = ksync_state_alloc();
	int ret = -EBADF;

	if (!spare)
		return -ENOMEM;
	raw_spin_lock(&b->lock);
	if (!ksync_object_stale(obj)) {
		ksync_waiter_enqueue(w, ksync_queue_state(obj, KSYNC_SIDE_WATCH, b, &spare));
		ksync_word_set(obj, KSYNC_WAITERS); /* [A] */
		ret = 0;
	}
	raw_spin_unlock(&b->lock);
	ksync_state_free(spare);
	return ret;
}

/* Nobody's handle is 0: the verdicts are those of a stranger. */
static bool free_for_all(const struct ksync_object *obj)
{
	return ksync_lock_got(ksync_word_verdict(obj, 0));
}

static bool lost(const struct ksync_object *obj)
{
	const int ret = ksync_word_verdict(obj, 0);

	return ret == -ENOTRECOVERABLE || ret == -EUCLEAN;
}

/** ksync_watch_idle() - under the bucket lock: clear WAITERS, if it is for nobody */
void ksync_watch_idle(const struct ksync_object *obj)
{
	struct ksync_bucket *b = ksync_bucket(obj->domain, obj->id);

	if (!ksync_state_find(b, obj->domain, obj->id) &&
	    !ksync_state_find_drain(b, obj->domain, obj->id) && !ksync_word_idle(obj))
		ksync_word_clear(obj, KSYNC_WAITERS);
}

/** ksync_watch_leave() - watch no more; not under a raw lock */
void ksync_watch_leave(struct ksync_waiter *w)
{
	struct ksync_state *st = w->state, *gone = NULL;
	const struct ksync_object obj = st->obj;
	struct ksync_tell t = {};

	raw_spin_lock(&st->bucket->lock);
	if (ksync_waiter_dequeue(w)) {
		gone = st;
		ksync_watch_idle(&obj);
	} else if ((w->poked && free_for_all(&obj)) || lost(&obj)) {
		ksync_watch_collect(&obj, &t);
	}
	raw_spin_unlock(&st->bucket->lock);
	ksync_watch_tell(&obj, &t);
	if (gone)
		ksync_state_put(gone);
}

/** ksync_watch_clear() - the current task was told, and is going to try */
void ksync_watch_clear(struct ksync_waiter *w)
{
	struct ksync_bucket *b = w->state->bucket;

	raw_spin_lock(&b->lock);
	WRITE_ONCE(w->poked, false); /* [C] */
	raw_spin_unlock(&b->lock);
}

/*
 * Those that queue up come first, unless the watcher is more important: then
 * both try.
 */
static bool has_turn(const struct ksync_waiter *w)
{
	const struct ksync_state *st;

	st = ksync_state_find(w->state->bucket, w->state->obj.domain, w->state->obj.id);
	return !st || w->prio < ksync_waiter_top(st)->prio;
}

static void collect_top(const struct ksync_object *obj, struct ksync_tell *t)
{
	struct ksync_state *watch = ksync_state_watched(obj);
	struct ksync_waiter *top;

	if (!watch)
		return;
	top = ksync_waiter_top(watch);
	if (!top->poked && has_turn(top) && !ksync_busted(KSYNC_FAULT_WATCH_LOST)) /* [D] */
		ksync_many_poke(top, t);
}

/**
 * ksync_watch_collect() - under the bucket lock: the object is worth a look
 * @obj: object
 * @t: filled in; ksync_watch_tell() follows once the lock is released
 */
void ksync_watch_collect(const struct ksync_object *obj, struct ksync_tell *t)
{
	*t = (struct ksync_tell){};
	collect_top(obj, t);
	ksync_hub_collect(obj, t);
}

/** ksync_watch_tell() - no lock held, preemption on: wake, or complete, whom @t says */
void ksync_watch_tell(const struct ksync_object *obj, struct ksync_tell *t)
{
	ksync_hub_tell(t);
	if (t->uring) {
		trace_wake(obj, t->uring->task);
		ksync_uring_end(t->uring);
	}
	if (!t->task)
		return;
	trace_wake(obj, t->task);
	wake_up_process(t->task);
	put_task_struct(t->task);
}

/**
 * ksync_watch_next() - who was told has tried in vain
 * @w: its waiter
 */
void ksync_watch_next(struct ksync_waiter *w)
{
	const struct ksync_object *obj = &w->state->obj;
	struct ksync_bucket *b = w->state->bucket;
	struct ksync_waiter *next;
	struct ksync_tell t = {};
	struct rb_node *node;

	raw_spin_lock(&b->lock);
	node = rb_next(&w->rb);
	next = node ? rb_entry(node, struct ksync_waiter, rb) : NULL;
	if (next && !next->poked && free_for_all(obj))
		ksync_many_poke(next, &t);
	raw_spin_unlock(&b->lock);
	ksync_watch_tell(obj, &t);
}

/**
 * ksync_watch_pass() - no lock held: the object may be had by one more, or by nobody
 * @obj: object
 *
 * Whoever begins to watch or poll it just now looks by itself.
 */
void ksync_watch_pass(const struct ksync_object *obj)
{
	struct ksync_bucket *b = ksync_bucket(obj->domain, obj->id);
	struct ksync_tell t = {};

	if (!atomic_read(&obj->domain->watches) && !atomic_read(&obj->domain->polled))
		return;
	raw_spin_lock(&b->lock);
	if (free_for_all(obj) || lost(obj))
		ksync_watch_collect(obj, &t);
	raw_spin_unlock(&b->lock);
	ksync_watch_tell(obj, &t);
}

static bool has_it(const struct ksync_object *obj, u32 handle)
{
	return obj->ops->owned && (READ_ONCE(obj->cell->word) & KSYNC_OWNER) == handle;
}

/*
 * Look at a batch of what is watched in this bucket, from number *@id on, up to
 * the first that a dead thread has: tell of that.  Return: whether there may be more.
 */
static bool tell_of_death(struct ksync_bucket *b, const struct ksync_domain *d,
			  u32 handle, u32 *id)
{
	struct ksync_object obj = {};
	struct ksync_tell t = {};
	struct ksync_state *st;
	u32 looks;

	raw_spin_lock(&b->lock);
	for (looks = 0; looks < KSYNC_SCAN_BATCH; looks++) {
		st = ksync_state_next_watched(b, d, *id);
		if (!st)
			break;
		obj = st->obj;
		*id = obj.id + 1;
		if (has_it(&obj, handle))
			collect_top(&obj, &t);
		if (t.task || t.uring)
			break;
	}
	raw_spin_unlock(&b->lock);
	ksync_watch_tell(&obj, &t);
	return st;
}

/**
 * ksync_watch_owner_died() - may sleep: tell of what a dead thread has
 * @d: domain
 * @handle: of the thread
 *
 * Nobody is registered as the owner of what is only watched, so the words tell.
 */
void ksync_watch_owner_died(const struct ksync_domain *d, u32 handle)
{
	struct ksync_bucket *b;
	u32 i, id;

	if (!atomic_read(&d->watches))
		return;
	for (i = 0; (b = ksync_bucket_at(i)); i++) {
		id = 0;
		/* Whoever begins to watch now finds out by its try. */
		while (!data_race(RB_EMPTY_ROOT(&b->states)) && tell_of_death(b, d, handle, &id))
			cond_resched();
		cond_resched();
	}
}
