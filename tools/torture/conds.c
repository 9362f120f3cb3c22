// SPDX-License-Identifier: GPL-2.0
/*
 * The rows of conds: tasks wait for a token, under a mutex.  Who has one is written
 * in its slot, by one store under the mutex; so the number of free ones is exact,
 * whoever dies.
 */
#include <errno.h>
#include "torture.h"

#define TOKENS	1

static union thing *mutex(void)
{
	return &kit.thing[0];
}

static struct ksync_cond *cond(void)
{
	return &kit.thing[1].cond;
}

int conds_create(const struct row *row)
{
	int ret = ksync_mutex_init(&kit.thing[0].mutex, kit.d, row->flags);

	kit.n = 2;
	return ret ? ret : ksync_cond_init(&kit.thing[1].cond, kit.d, 0);
}

static int free_tokens(void)
{
	int i, n = TOKENS;

	for (i = 0; i < WORKERS; i++)
		n -= !!__atomic_load_n(&scene->slot[i].has, __ATOMIC_SEQ_CST);
	return n;
}

/*
 * The mutex is the worker's, by a lock or by the end of a wait, or it is not. What
 * an owner died with is in order; but it may have died with a signal to send.
 */
static bool have_it(struct slot *me, int ret)
{
	switch (ret) {
	case -EOWNERDEAD:
	case 0:
		break;
	case -ETIMEDOUT:
	case -EINTR:
		tolerable(me, ret);
		ret = 0;
		break;
	default:
		violate(WRONG_ANSWER, "a mutex, or a wait on a cond, is answered so", ret, 0);
		return false;
	}
	guard_enter(me, 0, ret);
	if (ret) {
		figure_add(F_OWNERS_DIED, 1);
		if (ksync_mutex_consistent_as(&mutex()->mutex, &me->self))
			violate(WRONG_ANSWER, "an owner cannot repair", 0, 0);
		ksync_cond_broadcast(cond());
	}
	if (free_tokens() < 0)
		violate(COUNT, "more tokens are held than there are: free", free_tokens(), 0);
	return true;
}

static bool lock(struct slot *me)
{
	return have_it(me, ksync_mutex_lock_as(&mutex()->mutex, &me->self));
}

static void unlock(struct slot *me)
{
	int ret;

	guard_leave(me, 0);
	ret = ksync_mutex_unlock_as(&mutex()->mutex, &me->self);
	if (ret)
		violate(WRONG_ANSWER, "an owner unlocks: answer", ret, 0);
}

static int wait(struct slot *me)
{
	struct timespec ts;

	switch (dice(me) % 4) {
	case 0:
		return ksync_cond_wait_timed_as(cond(), &mutex()->mutex, &me->self,
						CLOCK_MONOTONIC, pick_deadline(me, &ts));
	case 1:
		return ksync_cond_wait_interruptible_as(cond(), &mutex()->mutex, &me->self,
							CLOCK_MONOTONIC, pick_deadline(me, &ts));
	}
	return ksync_cond_wait_as(cond(), &mutex()->mutex, &me->self);
}

static void signal_one(struct slot *me)
{
	if (scene->verbs->signal)
		scene->verbs->signal(&kit.thing[1], mutex(), me);
	else if (chance(me, 8))
		ksync_cond_broadcast(cond());
	else
		ksync_cond_signal(cond());
}

/* Return: whether there is one; the mutex is the worker's. */
static bool await_token(struct slot *me, bool *mine)
{
	while (!free_tokens() && !__atomic_load_n(&scene->pause, __ATOMIC_SEQ_CST)) {
		figure_add(F_CONTENDED, 1);
		guard_leave(me, 0);
		me->mark = 1;
		*mine = have_it(me, wait(me));
		me->mark = 0;
		if (!*mine)
			return false;
	}
	return free_tokens() > 0;
}

/** conds_step() - wait for a token, have it, give it back with a signal */
void conds_step(struct slot *me)
{
	bool mine = lock(me);

	if (!mine)
		return;
	if (await_token(me, &mine)) {
		__atomic_store_n(&me->has, 1, __ATOMIC_SEQ_CST);
		unlock(me);
		linger(me);
		mine = lock(me);
		if (!mine)
			return;
		__atomic_store_n(&me->has, 0, __ATOMIC_SEQ_CST);
	}
	if (!mine)
		return;
	signal_one(me);
	unlock(me);
}

/* The stage has the mutex. Return: whether an owner had died with it. */
static bool stage_lock(void)
{
	struct guard *g = &scene->guard[0];
	const struct timespec end = to_timespec(in(10 * SEC * watch_slow()));
	const int ret = ksync_mutex_lock_timed(&mutex()->mutex, CLOCK_MONOTONIC, &end);

	if (ret == -ETIMEDOUT)
		violate(LOST_WAKEUP, "the stage waits for the mutex in vain", 0, 0);
	else if (ret && ret != -EOWNERDEAD)
		violate(WRONG_ANSWER, "the stage locks the mutex: answer", ret, 0);
	if (ret != -EOWNERDEAD)
		return false;
	g->owner = 0;
	g->mirror = g->counter;
	ksync_mutex_consistent(&mutex()->mutex);
	return true;
}

/** conds_bury() - its token is free again, and that is signalled */
void conds_bury(struct slot *dead)
{
	bool died;

	if (!dead->has)
		return;
	died = stage_lock();
	__atomic_store_n(&dead->has, 0, __ATOMIC_SEQ_CST);
	ksync_cond_signal(cond());
	if (died)
		ksync_cond_broadcast(cond());
	ksync_mutex_unlock(&mutex()->mutex);
}

/**
 * conds_mend() - all sleep
 *
 * An owner that nobody waited for may have died between a token's return and its
 * signal: the next to lock would have been told, but nobody comes.
 */
bool conds_mend(void)
{
	const int ret = ksync_mutex_lock_try(&mutex()->mutex);

	if (ret != -EOWNERDEAD) {
		if (!ret)
			ksync_mutex_unlock(&mutex()->mutex);
		return false;
	}
	scene->guard[0].owner = 0;
	scene->guard[0].mirror = scene->guard[0].counter;
	ksync_mutex_consistent(&mutex()->mutex);
	ksync_cond_broadcast(cond());
	ksync_mutex_unlock(&mutex()->mutex);
	return true;
}

void conds_judge(void)
{
	guard_judge(0);
	if (free_tokens() != TOKENS)
		violate(COUNT, "all are parked: free tokens", free_tokens(), TOKENS);
}
