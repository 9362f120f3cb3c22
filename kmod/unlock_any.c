// SPDX-License-Identifier: GPL-2.0
/*
 * UNLOCK with ANY: a mutex or spin is taken from its owner, by a thread that is not it.
 *
 * The word is easily written.  But the owner may have been made that of an rt_mutex
 * which others are blocked on, and nobody else can release that.  So it is they who
 * are moved, by a signal that is none, as by a deadline:
 *
 *	there is a leader		It looks.  It takes the ownership of the front
 *					back, finds the word free, and has it.
 *	there is none, the owner	The state is left behind: it is out of the
 *	is registered			hash, and who is in it calls again, and meets
 *					the others in another state.
 *	there is none, the owner	It comes, or has died: one of them gets the
 *	is bound to release the queue	queue, and looks.
 *
 * Of a state left behind the top waiter is sent, and whoever departs sends the
 * next one: they set out in the order of their priorities, and no loop is made under
 * the lock.
 *
 *	CPU0 (here, or departs)			CPU1 (the top waiter)
 *	----					----
 *	lock(bucket)
 *	side = GONE				rt_mutex_lock_interruptible():
 *	set TIF_NOTIFY_SIGNAL	[A]		  enqueued, state = INTERRUPTIBLE
 *	unlock(bucket)				  signal pending?	[B]
 *	wake it			[C]		  schedule()
 *
 * Either [B] sees [A], or [C] comes after the state was set.  It departs only under
 * the bucket lock; it is in its call as long as it is in the state, and the flag is
 * cleared on the way back to user space.  If its owner dies first, the queue is
 * released as ever, and who gets it finds that the state is gone: look() in lock.c.
 *
 * Until the last one has departed the former owner owns that queue, and they lend it
 * their priorities.  What it does meanwhile with the same mutex it does in another
 * state.  A cycle through this one is none, yet rt_mutex must not see it: graph.c.
 */
#include <linux/sched/task.h>

#include "core.h"
#include "watch.h"

/*
 * What sends a waiter to look, or to call again: one that is parked, too.  The bucket
 * is locked.
 */
static struct task_struct *send(struct ksync_waiter *w)
{
	set_tsk_thread_flag(w->task, TIF_NOTIFY_SIGNAL); /* [A] */
	return get_task_struct(w->task);
}

/**
 * ksync_leave_next() - under the bucket lock: have the next one depart
 * @st: left behind
 *
 * Return: whom ksync_unpark_wake() wakes once the lock is released; NULL: it is empty.
 */
struct task_struct *ksync_leave_next(const struct ksync_state *st)
{
	struct ksync_waiter *top = ksync_waiter_top(st);

	return top ? send(top) : NULL;
}

/* Nothing is left to wait for in here. */
static void leave_behind(struct ksync_state *st)
{
	rb_erase(&st->node, &st->bucket->states);
	RB_CLEAR_NODE(&st->node);
	WRITE_ONCE(st->side, KSYNC_SIDE_GONE);
}

/* Take the word from a thread.  Return: whether one had it. */
static bool take_word(const struct ksync_object *obj, const struct ksync_state *st)
{
	u32 *word = &obj->cell->word;
	u32 v = READ_ONCE(*word);

	do {
		if (!ksync_word_thread(v))
			return false;
	} while (!try_cmpxchg(word, &v, ksync_unlock_leave(obj, st, v)));
	return true;
}

/* As ksync_unlock_begin(), but that the caller does not have it. */
static int begin(const struct ksync_object *obj, struct ksync_unlocking *rel)
{
	struct ksync_state *st = ksync_state_find(ksync_bucket(obj->domain, obj->id),
						  obj->domain, obj->id);
	const bool stuck = st && !st->leader && st->owner;

	if (!take_word(obj, stuck ? NULL : st))
		return -EPERM;
	rel->obj = obj;
	ksync_watch_collect(obj, &rel->tell);
	if (!st)
		return 0;
	rel->nr = st->nr;
	st->owner_handle = 0;
	if (stuck) {
		leave_behind(st);
		rel->next = ksync_leave_next(st);
	} else {
		ksync_state_freed(st);
		rel->next = st->leader ? send(st->leader) : ksync_unpark_top(st);
	}
	return 0;
}

/**
 * ksync_unlock_any() - UNLOCK with KSYNC_UNLOCK_ANY
 * @obj: a mutex without a ceiling, or a spin
 * @self: the current task
 * @handle: its own
 *
 * Return: 0; as UNLOCK, where the caller has it; -EBADF; -EPERM: no thread has it.
 */
int ksync_unlock_any(const struct ksync_object *obj, struct ksync_thread *self, u32 handle)
{
	struct ksync_bucket *b = ksync_bucket(obj->domain, obj->id);
	struct ksync_unlocking rel = {};
	int ret = -EBADF;

	raw_spin_lock(&b->lock);
	if ((READ_ONCE(obj->cell->word) & KSYNC_OWNER) == handle)
		ret = ksync_unlock_begin(obj, self, handle, &rel);
	else if (!ksync_object_stale(obj))
		ret = begin(obj, &rel);
	raw_spin_unlock(&b->lock);
	ksync_unlock_end(&rel);
	return ret;
}
