// SPDX-License-Identifier: GPL-2.0
/*
 * Locks with an owner, released where somebody waits: the other half of lock.c.
 *
 * The word is given away under the bucket lock, the rt_mutex released after it:
 * its waiter would find the bucket locked.  Between the two the state is pinned,
 * and nobody else writes the owner of that rt_mutex: see ksync_owner_commit().
 */
#include "core.h"
#include "trace.h"

/* What is made of the word of its owner, or of one that was overwritten. */
typedef u32 (*leave_fn)(const struct ksync_object *obj, const struct ksync_state *st,
			u32 word);

static u32 leave_free(const struct ksync_object *obj, const struct ksync_state *st,
		      u32 word)
{
	return (st ? obj->ops->give(st) : 0) | (word & obj->ops->sticky);
}

/* Unlocked while inconsistent, it is lost. */
static u32 leave_used(const struct ksync_object *obj, const struct ksync_state *st,
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

static int release(struct ksync_object *obj, struct ksync_thread *self, u32 handle,
		   leave_fn leave)
{
	struct ksync_bucket *b = ksync_bucket(obj->domain, obj->id);
	const int prio = current->prio;
	struct rt_mutex *rtm = NULL;
	struct ksync_state *st;
	int ret = -EBADF;
	u32 nr = 0;

	raw_spin_lock(&b->lock);
	if (ksync_object_stale(obj))
		goto unlock;
	st = ksync_state_find(b, obj->domain, obj->id);
	ret = -EPERM;
	if ((READ_ONCE(obj->cell->word) & KSYNC_OWNER) != handle &&
	    !(st && st->owner == self))
		goto unlock;
	ret = release_word(obj, st, handle, leave);
	if (st) {
		nr = st->nr;
		ksync_state_freed(st);
		if (st->owner == self)
			rtm = ksync_owner_commit(st);
	}
unlock:
	raw_spin_unlock(&b->lock);
	if (ret != -EBADF && ret != -EPERM)
		trace_released(obj, nr);
	if (rtm) {
		ksync_rtm_unlock(rtm);
		if (current->prio != prio)
			trace_unboost(obj, prio, current->prio);
		ksync_state_put(st);
	}
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

/** ksync_unlock() - KSYNC_IOC_UNLOCK */
int ksync_unlock(struct ksync_domain *d, struct ksync_unlock *arg)
{
	struct ksync_thread *self;
	struct ksync_object obj;
	int ret;

	if (arg->flags & ~KSYNC_LOCK_READ)
		return -EINVAL;
	ret = ksync_object_find(d, arg->id, &obj);
	if (ret)
		return ret;
	if (!obj.ops->owned)
		return -EINVAL;
	self = ksync_thread_current(d, arg->thread);
	if (!self)
		return -ESRCH;
	if (arg->flags & KSYNC_LOCK_READ)
		return ksync_rwlock_unlock_read(&obj, self, arg->thread);
	return release(&obj, self, arg->thread, leave_used);
}
