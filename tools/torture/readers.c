// SPDX-License-Identifier: GPL-2.0
/*
 * Rows of reader-writer locks.  A writer changes what it guards in two steps; a
 * reader finds it whole, and unchanged as long as it reads.
 */
#include <errno.h>
#include "torture.h"

int readers_create(const struct row *row)
{
	kit.n = 1;
	return ksync_rwlock_init(&kit.thing[0].rwlock, kit.d, row->flags);
}

static int lock_read(struct ksync_rwlock *l, struct slot *me)
{
	struct timespec ts;

	if (scene->verbs->read)
		return scene->verbs->read((union thing *)l, me);
	switch (dice(me) % 5) {
	case 0:
		return ksync_rwlock_read_lock_try_as(l, &me->self);
	case 1:
		return ksync_rwlock_read_lock_timed_as(l, &me->self, CLOCK_MONOTONIC,
						       pick_deadline(me, &ts));
	case 2:
		return ksync_rwlock_read_lock_interruptible_as(l, &me->self);
	}
	return ksync_rwlock_read_lock_as(l, &me->self);
}

static int lock_write(struct ksync_rwlock *l, struct slot *me)
{
	struct timespec ts;

	switch (dice(me) % 5) {
	case 0:
		return ksync_rwlock_write_lock_try_as(l, &me->self);
	case 1:
		return ksync_rwlock_write_lock_timed_as(l, &me->self, CLOCK_MONOTONIC,
							pick_deadline(me, &ts));
	case 2:
		return ksync_rwlock_write_lock_interruptible_as(l, &me->self);
	}
	return ksync_rwlock_write_lock_as(l, &me->self);
}

/* @died: a writer died with it: it may be half written, but nobody writes. */
static void look(struct slot *me, bool died)
{
	struct guard *g = &scene->guard[0];
	const uint64_t a = __atomic_load_n(&g->counter, __ATOMIC_SEQ_CST);
	const uint64_t b = __atomic_load_n(&g->mirror, __ATOMIC_SEQ_CST);
	uint64_t c, d;

	if (a != b && !died)
		violate(EXCLUSION, "a reader finds half of what was written", a, b);
	linger(me);
	linger(me);
	c = __atomic_load_n(&g->counter, __ATOMIC_SEQ_CST);
	d = __atomic_load_n(&g->mirror, __ATOMIC_SEQ_CST);
	if (a != c || b != d)
		violate(EXCLUSION, "somebody writes while a reader reads: before, after", a, c);
}

static void unlock(struct slot *me)
{
	const int ret = ksync_rwlock_unlock_as(&kit.thing[0].rwlock, &me->self);

	if (ret)
		violate(WRONG_ANSWER, "a reader or writer unlocks: answer", ret, 0);
}

static void read_once(struct slot *me)
{
	struct ksync_rwlock *l = &kit.thing[0].rwlock;
	int ret = lock_read(l, me);

	if (!tolerable(me, ret))
		return;
	look(me, ret);
	if (chance(me, 8) && !ksync_rwlock_read_lock_as(l, &me->self)) {
		linger(me);
		unlock(me);
	}
	unlock(me);
}

static void write_once(struct slot *me)
{
	struct ksync_rwlock *l = &kit.thing[0].rwlock;
	int ret = lock_write(l, me);

	if (!tolerable(me, ret))
		return;
	guard_enter(me, 0, ret);
	if (ret == -EOWNERDEAD) {
		figure_add(F_OWNERS_DIED, 1);
		ret = ksync_rwlock_consistent_as(l, &me->self);
		if (ret)
			violate(WRONG_ANSWER, "a writer repairs: answer", ret, 0);
	}
	guard_leave(me, 0);
	if (chance(me, 4)) {
		ret = ksync_rwlock_downgrade_as(l, &me->self);
		if (ret)
			violate(WRONG_ANSWER, "a writer becomes a reader: answer", ret, 0);
		look(me, false);
	}
	unlock(me);
}

/** readers_step() - read, or write now and then */
void readers_step(struct slot *me)
{
	if (__atomic_load_n(&kit.thing[0].o.cell->word, __ATOMIC_RELAXED) & KSYNC_OWNER)
		figure_add(F_CONTENDED, 1);
	if (chance(me, 3))
		write_once(me);
	else
		read_once(me);
}
