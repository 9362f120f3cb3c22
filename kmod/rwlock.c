// SPDX-License-Identifier: GPL-2.0
/*
 * Reader-writer locks: a mutex among writers, and readers in slots.
 *
 * The word names the writer and is passed on by lock.c and unlock.c.  Readers
 * never own it: each says in a slot entry of its own what it reads, and READ in
 * the word says that somebody may have done so.
 *
 *	While READ is clear and the word names no writer, no entry that names the
 *	rwlock counts.
 *
 * READ is set by the first reader, from a free word, and cleared by a writer
 * that has the word and has seen all readers leave (drain.c).  Everything else
 * that changes the word keeps it.
 *
 * A reader that comes here and finds the word free sets READ by a compare and
 * exchange and then writes its entry, all under the bucket lock.  No writer gets
 * between: in user space it cannot take a word with READ set, and in the module
 * it needs the bucket lock.  A reader that finds a writer waits in the writers'
 * queue, so that it boosts the writer.  Once it leads and the word is left to
 * it, it leaves both to the next at once.
 *
 * Whose turn it is among equal priorities: readers that wait go after one
 * writer, since each writer that comes to lead while readers wait lets them go
 * first, once until another writer has had the word.  A writer goes after the
 * readers that are in, since those that come later find it in the word, or
 * waiting on its way to it for a bounded time.  (Phase-fair locks: Brandenburg
 * and Anderson, Reader-writer synchronization for shared-memory multiprocessor
 * real-time systems, ECRTS 2009.)
 */
#include "rwlock.h"
#include "watch.h"

static u32 rwlock_give(const struct ksync_state *st)
{
	if (KSYNC_TAG_FLAGS(st->obj.tag) & KSYNC_RWLOCK_STRICT)
		return KSYNC_HANDOFF | KSYNC_WAITERS;
	return ksync_word_give(st);
}

/* A writer comes.  While readers wait, a free word is on its way to one. */
static int rwlock_take(const struct ksync_object *obj, u32 handle,
		       const struct ksync_state *st)
{
	int ret;

	if (!st || !ksync_waiter_top_reader(st))
		return ksync_word_arrive(obj, handle, st);
	ret = ksync_word_verdict(obj, handle);
	return ksync_lock_got(ret) || ret == -EINPROGRESS ? -EBUSY : ret;
}

/* Word and entry are written under the bucket lock: see above. */
static int publish(struct ksync_request *r, int ret)
{
	if (ksync_lock_got(ret))
		WRITE_ONCE(*r->entry, KSYNC_SLOT(r->obj.id, 1));
	return ret;
}

/** ksync_rwlock_arrive() - under the bucket lock: read, if the word is free */
int ksync_rwlock_arrive(struct ksync_request *r, const struct ksync_state *st)
{
	return publish(r, ksync_word_arrive_read(&r->obj, r->arg->thread, st));
}

/**
 * ksync_rwlock_lead() - under the bucket lock, by the leader or the only waiter
 * @r: request
 * @st: its state
 *
 * Read, if the word is free or left to us, and leave it to those behind.
 * Return: a verdict, as ksync_word_lead().
 */
int ksync_rwlock_lead(struct ksync_request *r, const struct ksync_state *st)
{
	const u32 rest = st->nr == 1 ? ksync_word_idle(&st->obj) : rwlock_give(st);

	return publish(r, ksync_word_lead_read(&r->obj, r->arg->thread, rest));
}

/**
 * ksync_rwlock_defers() - under the bucket lock: should this leader step aside?
 * @w: the leader
 *
 * A writer does, where readers of its priority or higher wait, unless it has
 * done so since the last writer got the word.
 */
bool ksync_rwlock_defers(struct ksync_waiter *w)
{
	const struct ksync_waiter *top = ksync_waiter_top_reader(w->state);

	if (w->reader || !top || top->prio > w->prio || READ_ONCE(top->apart))
		return false;
	if (w->deferred == w->state->phase)
		return false;
	w->deferred = w->state->phase;
	return true;
}

static int read_begin(struct ksync_request *r)
{
	struct ksync_domain *d = r->obj.domain;
	u32 *entry = ksync_slot_held(d, r->arg->thread, r->obj.id);
	u32 v;

	if (entry) {
		v = READ_ONCE(*entry);
		if (v >> 24 == KSYNC_SLOT_DEPTH_MAX)
			return -EAGAIN;
		WRITE_ONCE(*entry, v + KSYNC_SLOT(0, 1));
		return 0;
	}
	/* A writer that waits for us must not be waited for. */
	if (READ_ONCE(r->obj.cell->word) & KSYNC_WAITERS)
		ksync_drain_leave(&r->obj, r->self);
	r->entry = ksync_slot_vacant(d, r->arg->thread);
	return r->entry ? 1 : -EAGAIN;
}

static int rwlock_begin(struct ksync_request *r)
{
	struct ksync_scan s = { .d = r->obj.domain, .id = r->obj.id };

	if (r->arg->flags & KSYNC_LOCK_READ)
		return read_begin(r);
	if (ksync_slot_held(r->obj.domain, r->arg->thread, r->obj.id))
		return -EDEADLK;
	/* Better than to take the word, and keep readers out, in vain. */
	if (r->arg->flags & KSYNC_WAIT_TRY && ksync_word_shared(&r->obj) &&
	    ksync_slot_scan(&s))
		return -EBUSY;
	return 1;
}

/* The current task reads no more: who waits for that is let go on, or told. */
static void left(struct ksync_object *obj, struct ksync_thread *self)
{
	ksync_drain_leave(obj, self);
	ksync_watch_pass(obj);
}

/**
 * ksync_rwlock_undo_read() - undo one read lock of the current task
 * @obj: rwlock
 * @self: the current task
 * @handle: its own
 */
void ksync_rwlock_undo_read(struct ksync_object *obj, struct ksync_thread *self,
			    u32 handle)
{
	u32 *entry = ksync_slot_held(obj->domain, handle, obj->id);
	u32 v;

	/* It is in memory that anybody may write. */
	if (!entry)
		return;
	v = READ_ONCE(*entry);
	if (v >> 24 > 1) {
		WRITE_ONCE(*entry, v - KSYNC_SLOT(0, 1));
		return;
	}
	WRITE_ONCE(*entry, 0);
	smp_mb(); /* [D] in drain.c */
	left(obj, self);
}

/**
 * ksync_rwlock_unlock_read() - UNLOCK with KSYNC_LOCK_READ
 * @obj: an object
 * @self: the current task
 * @handle: its own
 *
 * Return: 0; -EINVAL: not an rwlock; -EPERM: the entry is still there.
 */
int ksync_rwlock_unlock_read(struct ksync_object *obj, struct ksync_thread *self,
			     u32 handle)
{
	if (obj->ops->kind != KSYNC_KIND_RWLOCK)
		return -EINVAL;
	if (ksync_slot_held(obj->domain, handle, obj->id))
		return -EPERM;
	left(obj, self);
	return 0;
}

const struct ksync_ops ksync_rwlock_ops = {
	.name = "rwlock",
	.kind = KSYNC_KIND_RWLOCK,
	.flags = KSYNC_RWLOCK_STRICT,
	.owned = true,
	.sticky = KSYNC_READ,
	.begin = rwlock_begin,
	.settle = ksync_drain,
	.take = rwlock_take,
	.give = rwlock_give,
	.spin_front = ksync_spin_front,
};
