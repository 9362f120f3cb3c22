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
 *	or(WAITERS)		[A]	cmpxchg: 0 -> SET	[B]
 *	SET: take it			fails: has WAITERS: RELEASE
 */
#include <linux/sched.h>

#include "busted.h"
#include "hub.h"
#include "queue.h"

static atomic_t *word_of(const struct ksync_object *obj)
{
	return (atomic_t *)&obj->cell->word;
}

static bool manual(const struct ksync_object *obj)
{
	return KSYNC_TAG_FLAGS(obj->tag) & KSYNC_EVENT_MANUAL;
}

static void event_arm(const struct ksync_object *obj)
{
	atomic_or(KSYNC_WAITERS, word_of(obj)); /* [A] */
}

static void event_idle(const struct ksync_object *obj)
{
	atomic_andnot(KSYNC_WAITERS, word_of(obj));
}

static bool event_ready(const struct ksync_object *obj, u32 expected)
{
	return READ_ONCE(obj->cell->word) & KSYNC_EVENT_SET;
}

/* Users may reset it at any time: SET is theirs or ours, not both's. */
static int event_use(const struct ksync_object *obj)
{
	if (manual(obj) || ksync_busted(KSYNC_FAULT_EVENT_TWICE))
		return 0;
	return atomic_fetch_andnot(KSYNC_EVENT_SET, word_of(obj)) & KSYNC_EVENT_SET ?
		0 : -EBUSY;
}

/* Set, or for a pulse reset. Return: whether it was set. */
static u32 change(const struct ksync_object *obj, u32 flags)
{
	u32 v;

	if (flags & KSYNC_RELEASE_PULSE)
		v = atomic_fetch_andnot(KSYNC_EVENT_SET, word_of(obj));
	else
		v = atomic_fetch_or(KSYNC_EVENT_SET, word_of(obj));
	return !!(v & KSYNC_EVENT_SET);
}

/*
 * What releases all that wait when it begins, or is a pulse for one, goes through
 * the waiters; what releases one is there until somebody has it.
 */
static struct ksync_state *give(const struct ksync_object *obj, struct ksync_state *st,
				u32 flags, struct ksync_sweep *s)
{
	if (manual(obj))
		return ksync_sweep_batch(s, st, ksync_busted(KSYNC_FAULT_EVENT_ONE) ? 1 : U32_MAX);
	if (flags & KSYNC_RELEASE_PULSE)
		return ksync_sweep_batch(s, st, 1);
	return ksync_sweep_serve(s, st, 1);
}

/* One step of a release; the first one, which is told by @was, changes the word. */
static int release_step(const struct ksync_object *obj, u32 flags, u32 *was,
			struct ksync_sweep *s)
{
	struct ksync_bucket *b = ksync_bucket(obj->domain, obj->id);
	struct ksync_state *gone = NULL;
	int ret = -EBADF;

	raw_spin_lock(&b->lock);
	s->more = false;
	if (!ksync_object_stale(obj)) {
		ret = 0;
		if (was)
			*was = change(obj, flags);
		gone = give(obj, ksync_state_find(b, obj->domain, obj->id), flags, s);
		ksync_hub_collect(obj, &s->tell);
	}
	raw_spin_unlock(&b->lock);
	if (gone)
		ksync_state_put(gone);
	return ret;
}

static int release(const struct ksync_object *obj, u32 flags, u32 *was)
{
	struct ksync_sweep s __uninitialized;
	int ret;

	ksync_sweep_begin(&s, KSYNC_BITSET_ALL);
	do {
		ret = release_step(obj, flags, was, &s);
		if (ret)
			return was ? ret : 0;
		was = NULL;
		ksync_sweep_wake(&s, obj);
		cond_resched();
	} while (s.more);
	return 0;
}

static int event_release(const struct ksync_object *obj, struct ksync_release *arg)
{
	if (arg->flags & ~KSYNC_RELEASE_PULSE || arg->count != 1)
		return -EINVAL;
	return release(obj, arg->flags, &arg->was);
}

static void event_serve(const struct ksync_object *obj)
{
	release(obj, 0, NULL);
}

const struct ksync_ops ksync_event_ops = {
	.name = "event",
	.kind = KSYNC_KIND_EVENT,
	.flags = KSYNC_EVENT_MANUAL,
	.arm = event_arm,
	.idle = event_idle,
	.ready = event_ready,
	.shared = manual,
	.use = event_use,
	.release = event_release,
	.serve = event_serve,
};
