// SPDX-License-Identifier: GPL-2.0
/*
 * Events: set and unset, as NT programs know them.
 *
 * Manual reset: set releases all that wait, and who comes later, until reset.
 * Auto reset: set releases one waiter, the most important, or else whoever comes
 * first.  Pulse releases those that wait at that moment, all or one, and leaves
 * the event unset.  (NT's pulse may miss a waiter that the system has taken out
 * of its wait for a moment.  Here that is a waiter that runs a signal handler, is
 * stopped, traced or frozen: it is out of the queue until it goes on.)
 *
 *	CPU0 (waits, here)		CPU1 (sets, user space)
 *	----				----
 *	fetch_or(WAITERS)	[A]	cmpxchg: 0 -> SET	[B]
 *	SET: take it			fails: has WAITERS: RELEASE
 */
#include <linux/sched.h>

#include "queue.h"

static atomic_t *word_of(const struct ksync_object *obj)
{
	return (atomic_t *)&obj->cell->word;
}

static bool manual(const struct ksync_object *obj)
{
	return KSYNC_TAG_FLAGS(obj->tag) & KSYNC_EVENT_MANUAL;
}

static int event_arrive(struct ksync_waiter *w)
{
	const struct ksync_object *obj = &w->state->obj;
	u32 v = atomic_fetch_or(KSYNC_WAITERS, word_of(obj));

	/* Users may reset it at any time: SET is theirs or ours, not both's. */
	if (v & KSYNC_EVENT_SET && !manual(obj))
		v = atomic_fetch_andnot(KSYNC_EVENT_SET, word_of(obj));
	return v & KSYNC_EVENT_SET ? 0 : -EBUSY;
}

static void event_idle(const struct ksync_object *obj)
{
	atomic_andnot(KSYNC_WAITERS, word_of(obj));
}

/* What the first step leaves in the word. Return: whether it was set. */
static u32 change(const struct ksync_object *obj, const struct ksync_state *st, u32 flags)
{
	const bool stays = manual(obj) || !st;
	u32 v;

	if (stays && !(flags & KSYNC_RELEASE_PULSE))
		v = atomic_fetch_or(KSYNC_EVENT_SET, word_of(obj));
	else
		v = atomic_fetch_andnot(KSYNC_EVENT_SET, word_of(obj));
	return !!(v & KSYNC_EVENT_SET);
}

/* Set or pulse, and release those that wait: all by the end of the sweep, or one. */
static int event_release(const struct ksync_object *obj, struct ksync_release *arg)
{
	struct ksync_bucket *b = ksync_bucket(obj->domain, obj->id);
	const u32 max = manual(obj) ? U32_MAX : 1;
	struct ksync_state *st, *gone;
	struct ksync_sweep s;
	bool first = true;

	if (arg->flags & ~KSYNC_RELEASE_PULSE || arg->count != 1)
		return -EINVAL;
	ksync_sweep_begin(&s, KSYNC_BITSET_ALL);
	do {
		raw_spin_lock(&b->lock);
		if (ksync_object_stale(obj)) {
			raw_spin_unlock(&b->lock);
			return first ? -EBADF : 0;
		}
		st = ksync_state_find(b, obj->domain, obj->id);
		if (first)
			arg->was = change(obj, st, arg->flags);
		first = false;
		gone = ksync_sweep_batch(&s, st, max);
		raw_spin_unlock(&b->lock);
		ksync_sweep_wake(&s, obj);
		if (gone)
			ksync_state_put(gone);
		cond_resched();
	} while (s.more);
	return 0;
}

const struct ksync_ops ksync_event_ops = {
	.name = "event",
	.kind = KSYNC_KIND_EVENT,
	.flags = KSYNC_EVENT_MANUAL,
	.arrive = event_arrive,
	.idle = event_idle,
	.release = event_release,
};
