// SPDX-License-Identifier: GPL-2.0
/*
 * A task of the storm: it holds, waits, and is killed in the middle of it.  Some
 * have no TLS of their own: nothing here uses libc's.
 */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include "storm.h"
#include "sys.h"

static uint32_t dice(struct record *me)
{
	me->seed ^= me->seed << 13;
	me->seed ^= me->seed >> 17;
	me->seed ^= me->seed << 5;
	return me->seed;
}

static void doing(struct record *me, enum doing what)
{
	__atomic_store_n(&me->doing, what, __ATOMIC_SEQ_CST);
}

static void linger(struct record *me)
{
	const struct timespec ts = { .tv_nsec = dice(me) % 2000000 };

	switch (dice(me) % 4) {
	case 0:
		sys(SYS_nanosleep, &ts, NULL);
		break;
	case 1:
		sys(SYS_sched_yield);
		break;
	}
}

static bool got(int ret)
{
	if (!ret || ret == -EOWNERDEAD)
		return true;
	if (ret != -ETIMEDOUT && ret != -EINTR && ret != -EBUSY && ret != -EAGAIN &&
	    ret != -EDEADLK)
		wrong("a wait is answered so", ret, 0);
	return false;
}

static const struct timespec *deadline(struct record *me, struct timespec *ts)
{
	if (dice(me) % 4)
		return NULL;
	*ts = to_timespec(in(dice(me) % (4 * MSEC)));
	return ts;
}

/* In lock @i, with the answer @ret: nobody else is. */
static void be_inside(struct record *me, unsigned int i, int ret)
{
	const uint32_t mark = me - storm->record + 1;
	uint32_t seen = __atomic_exchange_n(&storm->inside[i], mark, __ATOMIC_RELAXED);

	doing(me, HOLDING);
	if (seen && !ret)
		wrong("a lock was given that somebody is in, or died in: lock, mark", i, seen);
	if (ret && ksync_consistent_(storm_lock(i), &me->self))
		wrong("who was told of a death cannot repair: lock", i, 0);
	linger(me);
	seen = __atomic_exchange_n(&storm->inside[i], 0, __ATOMIC_RELAXED);
	if (seen != mark)
		wrong("somebody came into a lock: lock, mark", i, seen);
}

static void use_mutex(struct record *me, unsigned int i)
{
	struct ksync_object *o = storm_lock(i);
	struct timespec ts;
	int ret;

	doing(me, WAITING);
	ret = ksync_lock_timed_as_(o, &me->self, CLOCK_MONOTONIC, deadline(me, &ts));
	if (!got(ret))
		return;
	be_inside(me, i, ret);
	ret = ksync_unlock_as_(o, &me->self);
	if (ret)
		wrong("an owner unlocks: answer, lock", ret, i);
}

static void use_rwlock(struct record *me)
{
	struct ksync_rwlock *l = &storm->rwlock;
	struct timespec ts;
	int ret;

	if (dice(me) % 2) {
		use_mutex(me, 4);
		return;
	}
	doing(me, WAITING);
	ret = ksync_rwlock_read_lock_timed_as(l, &me->self, CLOCK_MONOTONIC, deadline(me, &ts));
	if (!got(ret))
		return;
	doing(me, HOLDING);
	if (!ret && __atomic_load_n(&storm->inside[4], __ATOMIC_RELAXED))
		wrong("a reader meets a writer", storm->inside[4], 0);
	linger(me);
	if (ksync_rwlock_unlock_as(l, &me->self))
		wrong("a reader cannot unlock", 0, 0);
}

static void use_token(struct record *me, uint32_t bit)
{
	struct timespec ts;
	int ret;

	doing(me, WAITING);
	__atomic_store_n(&me->taking, bit, __ATOMIC_SEQ_CST);
	ret = bit == 1 ? ksync_sem_wait_timed(&storm->sem, CLOCK_MONOTONIC, deadline(me, &ts)) :
		ksync_event_wait_timed(&storm->event, CLOCK_MONOTONIC, deadline(me, &ts));
	if (got(ret)) {
		__atomic_store_n(&me->held, bit, __ATOMIC_SEQ_CST);
		doing(me, HOLDING);
		linger(me);
		__atomic_store_n(&me->giving, bit, __ATOMIC_SEQ_CST);
		__atomic_store_n(&me->held, 0, __ATOMIC_SEQ_CST);
		ret = bit == 1 ? ksync_sem_post(&storm->sem) : ksync_event_set(&storm->event);
		if (ret)
			wrong("a unit is given back: answer", ret, bit);
	}
	__atomic_store_n(&me->taking, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&me->giving, 0, __ATOMIC_SEQ_CST);
}

static void wait_on_cond(struct record *me)
{
	struct timespec ts;
	int ret = ksync_mutex_lock_as(&storm->under, &me->self);

	if (!got(ret))
		return;
	be_inside(me, 2, ret);
	doing(me, WAITING);
	ret = ksync_cond_wait_timed_as(&storm->cond, &storm->under, &me->self, CLOCK_MONOTONIC,
				       deadline(me, &ts));
	if (ret && ret != -ETIMEDOUT && ret != -EOWNERDEAD) {
		wrong("a wait on a cond is answered so", ret, 0);
		return;
	}
	be_inside(me, 2, ret == -EOWNERDEAD ? ret : 0);
	ret = ksync_mutex_unlock_as(&storm->under, &me->self);
	if (ret)
		wrong("an owner unlocks after a wait on a cond: answer", ret, 0);
}

static void signal_others(struct record *me)
{
	if (dice(me) % 2)
		ksync_cond_broadcast(&storm->cond);
	else
		ksync_cond_signal(&storm->cond);
	__atomic_add_fetch(&storm->waitq.o.cell->word, 1, __ATOMIC_SEQ_CST);
	ksync_waitq_wake(&storm->waitq, dice(me) % 4);
}

static void wait_on_waitq(struct record *me)
{
	struct timespec ts;

	doing(me, WAITING);
	got(ksync_waitq_wait_timed(&storm->waitq, storm->waitq.o.cell->word, KSYNC_BITSET_ALL,
				   CLOCK_MONOTONIC, deadline(me, &ts)));
}

/* For one of several, locks and what is never there; or for all of them, in vain. */
static void wait_for_many(struct record *me)
{
	struct ksync_wait_item w[3] = {
		{ .o = &storm->never.o }, { .o = &storm->adaptive.o }, { .o = &storm->strict.o },
	};
	const bool all = dice(me) % 2;
	unsigned int index = 0;
	struct timespec ts;
	int ret;

	doing(me, WAITING);
	ret = ksync_wait_many_(w, 3, NULL, &me->self, all ? KSYNC_MANY_ALL : 0, CLOCK_MONOTONIC,
			       deadline(me, &ts), &index);
	if (!got(ret))
		return;
	if (all || !index || index > 2) {
		wrong("a wait for many was given what is not there: index", index, all);
		return;
	}
	be_inside(me, index - 1, ret);
	if (ksync_unlock_as_(storm_lock(index - 1), &me->self))
		wrong("an owner of many cannot unlock", index, 0);
}

static void step(struct record *me)
{
	const uint32_t d = dice(me) % 12;

	if (d < 4)
		use_mutex(me, d);
	else if (d == 4)
		use_rwlock(me);
	else if (d < 7)
		use_token(me, d - 4);
	else if (d == 7)
		wait_on_cond(me);
	else if (d == 8)
		wait_on_waitq(me);
	else if (d < 11)
		wait_for_many(me);
	else
		signal_others(me);
	doing(me, ELSEWHERE);
}

static void raise(struct record *me)
{
	const struct { int priority; } param = { 1 + dice(me) % 40 };

	sys(SYS_sched_setscheduler, 0, SCHED_FIFO, &param);
}

/* Some end by themselves, holding what they hold. */
static void leave(struct record *me)
{
	static const char *const argv[] = { "storm", "--gone", NULL };
	static const char *const envp[] = { NULL };

	got(ksync_mutex_lock_as(&storm->adaptive, &me->self));
	if (dice(me) % 2)
		sys(SYS_execve, "/proc/self/exe", argv, envp);
	sys(SYS_exit, 0);
}

/** storm_task() - until it is killed, or leaves */
int storm_task(void *record)
{
	struct record *me = record;
	int ret = ksync_thread_attach(storm->d, &me->self);

	if (ret)
		wrong("a task cannot attach: answer", ret, 0);
	if (!(dice(me) % 3))
		raise(me);
	while (!ret) {
		step(me);
		if (!(dice(me) % 64))
			leave(me);
	}
	return 0;
}

/** storm_survive() - the same without an end; it parks when the storm pauses */
int storm_survive(void *record)
{
	struct record *me = record;
	int ret = ksync_thread_attach(storm->d, &me->self);

	if (ret)
		wrong("a survivor cannot attach: answer", ret, 0);
	for (;;) {
		if (__atomic_load_n(&storm->pause, __ATOMIC_SEQ_CST)) {
			__atomic_add_fetch(&storm->parked, 1, __ATOMIC_SEQ_CST);
			while (__atomic_load_n(&storm->pause, __ATOMIC_SEQ_CST))
				sys_futex_wait(&storm->pause, 1, NULL);
			__atomic_sub_fetch(&storm->parked, 1, __ATOMIC_SEQ_CST);
		}
		use_mutex(me, dice(me) % 4);
		if (dice(me) % 2)
			use_rwlock(me);
		doing(me, ELSEWHERE);
		linger(me);
	}
	return 0;
}
