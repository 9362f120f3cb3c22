// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The futex backend: a writer that has the word of an rwlock waits for readers.
 *
 *	CPU0 (writer)				CPU1 (reader)
 *	----					----
 *	d = drain
 *	set WAITERS			[A]	clear the entry		[B]
 *	look at all slots				[C]	read the word	[D]
 *	an entry is left:			owner and WAITERS:
 *	  FUTEX_WAIT(drain, d)			  drain++, FUTEX_WAKE
 *
 * All of these are sequentially consistent.  If C finds the entry, B comes after
 * it, and D after A: CPU1 tells CPU0, who sleeps or finds another d.  A reader
 * that died is noticed by its TID, and its entry is cleared.
 */
#include "futex.h"

/* Return: whether somebody reads; entries of the dead are cleared if @bury. */
static bool scan(const struct object *o, bool bury)
{
	uint32_t *entry = NULL, tid, v;
	bool some = false;

	while ((entry = ksync_futex_slot_next(o->d, entry, o->id, &tid))) {
		v = load(entry);
		if (!(v >> 24) || (v & KSYNC_SLOT_ID) != o->id)
			continue;
		if (bury && ksync_futex_dead(tid))
			cas(entry, &v, 0);
		else
			some = true;
	}
	return some;
}

/** ksync_futex_drain_has_readers() - live ones */
bool ksync_futex_drain_has_readers(const struct object *o)
{
	return scan(o, true);
}

/** ksync_futex_drain_tell() - an entry was cleared */
void ksync_futex_drain_tell(const struct object *o)
{
	__atomic_fetch_add(&o->s->drain, 1, __ATOMIC_SEQ_CST);
	ksync_futex_wake(&o->s->drain, UINT32_MAX, KSYNC_BITSET_ALL);
}

/* WAITERS was for readers to see. */
static void finish(const struct object *o)
{
	struct inner l;

	ksync_futex_inner_lock(&l, &o->s->inner);
	if (!o->s->waiters)
		__atomic_fetch_and(&o->c->word, ~KSYNC_WAITERS, __ATOMIC_SEQ_CST);
	ksync_futex_inner_unlock(&l);
}

/* Readers are in still: the next writer has to look for them again. */
static void leave(const struct object *o)
{
	struct inner l;
	uint32_t v;

	ksync_futex_inner_lock(&l, &o->s->inner);
	v = load(&o->c->word);
	ksync_futex_rwlock_give_back(o, v, (v & KSYNC_OWNER_DIED) | KSYNC_READ);
	ksync_futex_inner_unlock(&l);
}

/**
 * ksync_futex_drain_wait() - wait until no reader is in
 * @o: rwlock, whose word the caller has
 * @flags: of LOCK
 * @deadline: of LOCK
 *
 * Return: 0; -ETIMEDOUT, -EINTR: then it has the word no more.
 */
int ksync_futex_drain_wait(const struct object *o, uint32_t flags, uint64_t deadline)
{
	bool bury = true;
	uint32_t seen;
	int ret;

	if (!scan(o, false))
		return 0;
	for (;;) {
		seen = load(&o->s->drain);
		__atomic_fetch_or(&o->c->word, KSYNC_WAITERS, __ATOMIC_SEQ_CST); /* [A] */
		if (!scan(o, bury)) {	/* [C] */
			finish(o);
			return 0;
		}
		ret = ksync_futex_wait(&o->s->drain, seen, KSYNC_BITSET_ALL, flags,
				       ksync_futex_tick(flags, deadline));
		bury = ret == -ETIMEDOUT;
		if (ret == -EINTR && flags & KSYNC_WAIT_INTERRUPTIBLE)
			break;
		if (ret == -ETIMEDOUT && ksync_futex_now(flags) >= deadline)
			break;
	}
	leave(o);
	return ret;
}
