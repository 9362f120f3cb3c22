// SPDX-License-Identifier: GPL-2.0
/*
 * A writer that got the word of an rwlock waits for the readers to leave.
 *
 * It walks the slots.  Each reader that it finds is made the owner of an
 * rt_mutex, on which the writer blocks: so the reader is boosted, by the writer
 * and by all that wait for the word.  This is kept in a second state of the
 * object, beside that of the waiters for the word.
 *
 * Nobody new gets in, and nobody leaves unseen:
 *
 *	CPU0 (writer)				CPU1 (reader)
 *	----					----
 *	cmpxchg: word = writer	[A]		xchg: entry = rwlock	[B]
 *	look at the entry			look at the word
 *
 *	fetch_or: word |= WAITERS [C]		xchg: entry = 0		[D]
 *	look at the entry			look at the word
 *
 * All four are full barriers.  By [A] and [B] either the writer sees the entry,
 * or the reader sees the writer and takes the entry back.  By [C] and [D] either
 * the writer sees that the reader has left, or the reader sees WAITERS and calls
 * UNLOCK.  That takes the bucket lock, under which the writer did [C], looked
 * again and registered the reader: it finds that it owns the rt_mutex.
 *
 * One walk is enough: see slot.c.
 */
#include <linux/sched/signal.h>

#include "busted.h"
#include "rwlock.h"
#include "trace.h"

/*
 * The waiter's state is this drain's, made for the first reader to wait for.
 * Return: 0; -EUCLEAN: another writer thinks that it has the word.
 */
static int drain_enter(struct ksync_request *r, struct ksync_bucket *b,
		       struct ksync_state *st)
{
	if (ksync_state_find_drain(b, r->obj.domain, r->obj.id))
		return -EUCLEAN;
	st->bucket = b;
	st->obj = r->obj;
	WRITE_ONCE(st->side, KSYNC_SIDE_DRAIN);
	ksync_state_publish(st, b);
	ksync_waiter_enqueue(&r->w, st);
	trace_contention_begin(&r->obj, st->nr);
	return 0;
}

/*
 * Make the reader found at @s the owner of @st.  The bucket lock is held.
 * Return: whether it reads still.
 */
static bool drain_claim(const struct ksync_scan *s, struct ksync_state *st)
{
	struct ksync_thread *t;
	bool claimed = false;
	u32 handle;

	rcu_read_lock();
	t = ksync_slot_reader(s, &handle);
	if (t && ksync_owner_set(st, &st->queue, handle)) {
		claimed = st->owner == t;
		if (!claimed)
			ksync_owner_clear(st);
	}
	rcu_read_unlock();
	return claimed;
}

/*
 * Wait until the reader found at @s has left. @st: the drain's state.
 * Return: 0; or why not.
 */
static int drain_reader(struct ksync_request *r, const struct ksync_scan *s,
			struct ksync_state *st)
{
	struct ksync_bucket *b = ksync_bucket(r->obj.domain, r->obj.id);
	bool claimed = false;
	int ret = 0;

	raw_spin_lock(&b->lock);
	if (ksync_object_stale(&r->obj))
		ret = -EBADF;
	else if (!ksync_state_published(st))
		ret = drain_enter(r, b, st);
	if (!ret) {
		ksync_word_set(&r->obj, KSYNC_WAITERS); /* [C] */
		claimed = drain_claim(s, st);
	}
	raw_spin_unlock(&b->lock);
	if (claimed)
		return ksync_lock_await(r, &st->queue);
	/* An entry that comes and goes must not keep us here. */
	if (!ret && signal_pending(current))
		ret = ksync_waiter_broken(&r->w, r->arg->flags);
	return ret;
}

/* No reader is left, or @ret says why the writer will not have the word. */
static int drain_end(struct ksync_request *r, struct ksync_state *st, int ret)
{
	struct ksync_bucket *b = ksync_bucket(r->obj.domain, r->obj.id);
	const bool entered = st && ksync_state_published(st);
	u32 bits = KSYNC_WAITERS;

	raw_spin_lock(&b->lock);
	if (entered)
		ksync_waiter_dequeue(&r->w);
	if (ksync_state_find(b, r->obj.domain, r->obj.id) || ksync_word_idle(&r->obj))
		bits = 0;
	if (!ret)
		bits |= KSYNC_READ;
	if (!ksync_object_stale(&r->obj))
		ksync_word_clear(&r->obj, bits);
	raw_spin_unlock(&b->lock);

	if (entered)
		trace_contention_end(&r->obj, ret, r->w.since);
	if (st)
		ksync_state_put(st);
	if (ret)
		ksync_unlock_unharmed(&r->obj, r->self, r->arg->thread);
	return ret;
}

/* As drain_reader(), for the first reader as well. */
static int drain_wait(struct ksync_request *r, const struct ksync_scan *s,
		      struct ksync_state **st)
{
	if (r->arg->flags & KSYNC_WAIT_TRY)
		return -EBUSY;
	if (!*st) {
		*st = ksync_state_alloc();
		if (!*st)
			return -ENOMEM;
		if (!r->w.timer.armed)
			ksync_waiter_start(&r->w, r->arg->flags, r->arg->deadline);
	}
	return drain_reader(r, s, *st);
}

/**
 * ksync_drain() - wait until nobody reads
 * @r: the request of a writer that has the word
 * @taken: 0 or -EOWNERDEAD
 *
 * Return: @taken; or else why it has not got the word after all.
 */
int ksync_drain(struct ksync_request *r, int taken)
{
	struct ksync_scan s = { .d = r->obj.domain, .id = r->obj.id };
	struct ksync_state *st = NULL;
	int ret = 0;

	/* Once a writer has the word, nobody but it changes READ. */
	if (r->entry || !ksync_word_shared(&r->obj) || ksync_busted(KSYNC_FAULT_DRAIN_BLIND))
		return taken;
	while (!ret && ksync_slot_scan(&s))
		ret = drain_wait(r, &s, &st);
	ret = drain_end(r, st, ret);
	return ret ? ret : taken;
}

/**
 * ksync_drain_leave() - let a writer that waits for the current task go on
 * @obj: rwlock
 * @self: the current task, which does not read it any more
 */
void ksync_drain_leave(struct ksync_object *obj, struct ksync_thread *self)
{
	struct ksync_bucket *b = ksync_bucket(obj->domain, obj->id);
	const int prio = ksync_prio(current);
	struct rt_mutex *rtm = NULL;
	struct ksync_state *st;
	u32 nr = 0;

	raw_spin_lock(&b->lock);
	st = ksync_state_find_drain(b, obj->domain, obj->id);
	if (st && st->owner == self && !ksync_busted(KSYNC_FAULT_DRAIN_LEAVE)) {
		nr = st->nr;
		rtm = ksync_owner_commit(st);
	}
	raw_spin_unlock(&b->lock);
	if (!rtm)
		return;
	trace_released(obj, nr);
	ksync_rtm_unlock(rtm);
	if (ksync_prio(current) != prio)
		trace_unboost(obj, prio, ksync_prio(current));
	ksync_state_put(st);
}
