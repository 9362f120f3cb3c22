// SPDX-License-Identifier: GPL-2.0
/*
 * Locks with an owner, released where somebody waits: the other half of lock.c.
 *
 * The word is given away under the bucket lock, the rt_mutex released after it:
 * its waiter would find the bucket locked.  Between the two the state is pinned,
 * and nobody else writes the owner of that rt_mutex: see ksync_owner_commit().
 */
#include "core.h"
#include "rwlock.h"
#include "trace.h"
#include "watch.h"

/* What is made of the word of its owner, or of one that was overwritten. */
typedef u32 (*leave_fn)(const struct ksync_object *obj, const struct ksync_state *st,
			u32 word);

static u32 leave_free(const struct ksync_object *obj, const struct ksync_state *st,
		      u32 word)
{
	return (st ? obj->ops->give(st) : ksync_word_idle(obj)) | (word & obj->ops->sticky);
}

/**
 * ksync_unlock_leave() - what is left of the word that somebody had
 * @obj: object
 * @st: its state, NULL if nobody waits
 * @word: as it was
 *
 * Unlocked while inconsistent, it is lost.
 */
u32 ksync_unlock_leave(const struct ksync_object *obj, const struct ksync_state *st,
		       u32 word)
{
	if (word & KSYNC_OWNER_DIED)
		return KSYNC_NOTRECOVERABLE | (st ? KSYNC_WAITERS : 0);
	return leave_free(obj, st, word);
}

/* Given back by somebody who has not seen yet what it protects. */
static u32 leave_unharmed(const struct ksync_object *obj, const struct ksync_state *st,
			  u32 word)
{
	return leave_free(obj, st, word) | (word & KSYNC_OWNER_DIED);
}

/*
 * Leave the word to somebody else.  Only its owner calls this, by the word or,
 * where the word was overwritten, by what the module knows.
 */
static int release_word(const struct ksync_object *obj, struct ksync_state *st,
			u32 handle, leave_fn leave)
{
	u32 *word = &obj->cell->word;
	u32 v = READ_ONCE(*word), new;
	bool mine;

	do {
		mine = (v & KSYNC_OWNER) == handle;
		new = mine ? leave(obj, st, v) : leave_free(obj, st, v);
	} while (!try_cmpxchg(word, &v, new));
	return mine ? 0 : -EUCLEAN;
}

static int begin(const struct ksync_object *obj, struct ksync_thread *self, u32 handle,
		 struct ksync_unlocking *rel, leave_fn leave)
{
	struct ksync_state *st;
	int ret;

	*rel = (struct ksync_unlocking){};
	if (ksync_object_stale(obj))
		return -EBADF;
	st = ksync_state_find(ksync_bucket(obj->domain, obj->id), obj->domain, obj->id);
	if ((READ_ONCE(obj->cell->word) & KSYNC_OWNER) != handle &&
	    !(st && st->owner == self && st->owner_handle))
		return -EPERM;
	ret = release_word(obj, st, handle, leave);
	rel->obj = obj;
	rel->self = self;
	ksync_watch_collect(obj, &rel->tell);
	if (st) {
		rel->nr = st->nr;
		rel->st = st;
		ksync_state_freed(st);
		if (st->owner == self)
			rel->rtm = ksync_owner_commit(st);
		rel->next = ksync_unpark_top(st);
	}
	return ret;
}

/**
 * ksync_unlock_begin() - under the bucket lock: leave the word to somebody else
 * @obj: object
 * @self: the current task's thread
 * @handle: its own
 * @rel: filled in; ksync_unlock_end() does the rest, with no lock held
 *
 * Return: 0; -EUCLEAN: released, but the word was overwritten. -EBADF, -EPERM:
 * nothing was done.
 */
int ksync_unlock_begin(const struct ksync_object *obj, struct ksync_thread *self,
		       u32 handle, struct ksync_unlocking *rel)
{
	return begin(obj, self, handle, rel, ksync_unlock_leave);
}

/** ksync_unlock_end() - what can not be done under the bucket lock */
void ksync_unlock_end(struct ksync_unlocking *rel)
{
	const int prio = ksync_prio(current);

	if (!rel->obj)
		return;
	trace_released(rel->obj, rel->nr);
	/* Boosted no more, the task might not run for long. */
	preempt_disable();
	if (rel->rtm)
		ksync_rtm_unlock(rel->rtm);
	ksync_unpark_wake(rel->obj, rel->next);
	preempt_enable();
	ksync_watch_tell(rel->obj, &rel->tell);
	if (!rel->rtm)
		return;
	if (ksync_prio(current) != prio)
		trace_unboost(rel->obj, prio, ksync_prio(current));
	ksync_state_put_kept(rel->self, rel->st);
}

static int release(struct ksync_object *obj, struct ksync_thread *self, u32 handle,
		   leave_fn leave)
{
	struct ksync_bucket *b = ksync_bucket(obj->domain, obj->id);
	struct ksync_unlocking rel;
	int ret;

	raw_spin_lock(&b->lock);
	ret = begin(obj, self, handle, &rel, leave);
	raw_spin_unlock(&b->lock);
	ksync_unlock_end(&rel);
	return ret;
}

/**
 * ksync_unlock_unharmed() - give back what was taken but must not be used
 * @obj: object
 * @self: the current task
 * @handle: its own
 *
 * If its previous owner died, the next one is told so.
 */
int ksync_unlock_unharmed(struct ksync_object *obj, struct ksync_thread *self,
			  u32 handle)
{
	return release(obj, self, handle, leave_unharmed);
}

/* A ceiling is given back by its owner alone. */
static bool may_be_taken(const struct ksync_object *obj)
{
	if (obj->ops->kind == KSYNC_KIND_MUTEX)
		return !(KSYNC_TAG_FLAGS(obj->tag) & KSYNC_MUTEX_PROTECT);
	return obj->ops->kind == KSYNC_KIND_SPIN;
}

/** ksync_unlock() - KSYNC_IOC_UNLOCK */
int ksync_unlock(struct ksync_domain *d, struct ksync_unlock *arg)
{
	const bool any = arg->flags == KSYNC_UNLOCK_ANY;
	struct ksync_thread *self;
	struct ksync_object obj;
	int ret;

	if (arg->flags && arg->flags != KSYNC_LOCK_READ && !any)
		return -EINVAL;
	ret = ksync_object_find(d, arg->id, &obj);
	if (ret)
		return ret;
	if (!obj.ops->owned || (any && !may_be_taken(&obj)))
		return -EINVAL;
	self = ksync_thread_current(d, arg->thread);
	if (!self)
		return -ESRCH;
	if (arg->flags & KSYNC_LOCK_READ)
		return ksync_rwlock_unlock_read(&obj, self, arg->thread);
	if (any)
		return ksync_unlock_any(&obj, self, arg->thread);
	return release(&obj, self, arg->thread, ksync_unlock_leave);
}
