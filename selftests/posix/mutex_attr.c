// SPDX-License-Identifier: GPL-2.0
/*
 * Attributes of mutexes, and the protocols PRIO_INHERIT and PRIO_PROTECT.
 */
#include <sched.h>

#include "../lib/proc.h"
#include "lib/px.h"

FIXTURE(attr)
{
	pthread_mutexattr_t attr;
};

FIXTURE_SETUP(attr)
{
	ASSERT_EQ(0, pthread_mutexattr_init(&self->attr));
}

FIXTURE_TEARDOWN(attr)
{
	EXPECT_EQ(0, pthread_mutexattr_destroy(&self->attr));
}

/* pthread_mutexattr_init, DESCRIPTION, and those of the getters: the defaults. */
TEST_F(attr, defaults)
{
	int v = -1;

	EXPECT_EQ(0, pthread_mutexattr_gettype(&self->attr, &v));
	EXPECT_EQ(PTHREAD_MUTEX_DEFAULT, v);
	EXPECT_EQ(0, pthread_mutexattr_getprotocol(&self->attr, &v));
	EXPECT_EQ(PTHREAD_PRIO_NONE, v);
	EXPECT_EQ(0, pthread_mutexattr_getpshared(&self->attr, &v));
	EXPECT_EQ(PTHREAD_PROCESS_PRIVATE, v);
	EXPECT_EQ(0, pthread_mutexattr_getrobust(&self->attr, &v));
	EXPECT_EQ(PTHREAD_MUTEX_STALLED, v);
}

/* The getters say what was set, each by itself. */
TEST_F(attr, getters_say_what_was_set)
{
	int v = -1;

	EXPECT_EQ(0, pthread_mutexattr_settype(&self->attr, PTHREAD_MUTEX_ERRORCHECK));
	EXPECT_EQ(0, pthread_mutexattr_setprotocol(&self->attr, PTHREAD_PRIO_INHERIT));
	EXPECT_EQ(0, pthread_mutexattr_setpshared(&self->attr, PTHREAD_PROCESS_SHARED));
	EXPECT_EQ(0, pthread_mutexattr_setrobust(&self->attr, PTHREAD_MUTEX_ROBUST));
	EXPECT_EQ(0, pthread_mutexattr_setprioceiling(&self->attr, 17));
	EXPECT_EQ(0, pthread_mutexattr_gettype(&self->attr, &v));
	EXPECT_EQ(PTHREAD_MUTEX_ERRORCHECK, v);
	EXPECT_EQ(0, pthread_mutexattr_getprotocol(&self->attr, &v));
	EXPECT_EQ(PTHREAD_PRIO_INHERIT, v);
	EXPECT_EQ(0, pthread_mutexattr_getpshared(&self->attr, &v));
	EXPECT_EQ(PTHREAD_PROCESS_SHARED, v);
	EXPECT_EQ(0, pthread_mutexattr_getrobust(&self->attr, &v));
	EXPECT_EQ(PTHREAD_MUTEX_ROBUST, v);
	EXPECT_EQ(0, pthread_mutexattr_getprioceiling(&self->attr, &v));
	EXPECT_EQ(17, v);
}

/* The setters, ERRORS: [EINVAL] for other values ([ENOTSUP] for a protocol). */
TEST_F(attr, setters_refuse_other_values)
{
	int v = -1, ret;

	EXPECT_EQ(EINVAL, pthread_mutexattr_settype(&self->attr, 4711));
	EXPECT_EQ(EINVAL, pthread_mutexattr_settype(&self->attr, -1));
	ret = pthread_mutexattr_setprotocol(&self->attr, 4711);
	EXPECT_TRUE(ret == EINVAL || ret == ENOTSUP);
	EXPECT_EQ(EINVAL, pthread_mutexattr_setpshared(&self->attr, 4711));
	EXPECT_EQ(EINVAL, pthread_mutexattr_setrobust(&self->attr, 4711));
	EXPECT_EQ(0, pthread_mutexattr_gettype(&self->attr, &v));
	EXPECT_EQ(PTHREAD_MUTEX_DEFAULT, v);
}

/* pthread_mutexattr_setprioceiling, ERRORS: [EINVAL] outside of SCHED_FIFO's range. */
TEST_F(attr, ceiling_is_a_fifo_priority)
{
	const int min = sched_get_priority_min(SCHED_FIFO);
	const int max = sched_get_priority_max(SCHED_FIFO);

	EXPECT_EQ(0, pthread_mutexattr_setprioceiling(&self->attr, min));
	EXPECT_EQ(0, pthread_mutexattr_setprioceiling(&self->attr, max));
	EXPECT_EQ(EINVAL, pthread_mutexattr_setprioceiling(&self->attr, min - 1));
	EXPECT_EQ(EINVAL, pthread_mutexattr_setprioceiling(&self->attr, max + 1));
	EXPECT_EQ(EINVAL, pthread_mutexattr_setprioceiling(&self->attr, -1));
}

/* pthread_mutexattr_destroy, DESCRIPTION: mutexes made with it are not affected. */
TEST_F(attr, mutex_keeps_what_it_was_made_with)
{
	pthread_mutex_t m;

	EXPECT_EQ(0, pthread_mutexattr_settype(&self->attr, PTHREAD_MUTEX_RECURSIVE));
	EXPECT_EQ(0, pthread_mutex_init(&m, &self->attr));
	EXPECT_EQ(0, pthread_mutexattr_settype(&self->attr, PTHREAD_MUTEX_ERRORCHECK));
	EXPECT_EQ(0, pthread_mutexattr_destroy(&self->attr));
	EXPECT_EQ(0, pthread_mutex_lock(&m));
	EXPECT_EQ(0, pthread_mutex_lock(&m));
	EXPECT_EQ(0, pthread_mutex_unlock(&m));
	EXPECT_EQ(0, pthread_mutex_unlock(&m));
	EXPECT_EQ(EPERM, pthread_mutex_unlock(&m));
	EXPECT_EQ(0, pthread_mutex_destroy(&m));
	EXPECT_EQ(0, pthread_mutexattr_init(&self->attr));
}

/* One attributes object makes many mutexes. */
TEST_F(attr, makes_many)
{
	pthread_mutex_t m[8];
	int i;

	EXPECT_EQ(0, pthread_mutexattr_settype(&self->attr, PTHREAD_MUTEX_ERRORCHECK));
	for (i = 0; i < 8; i++)
		EXPECT_EQ(0, pthread_mutex_init(&m[i], &self->attr));
	for (i = 0; i < 8; i++) {
		EXPECT_EQ(0, pthread_mutex_lock(&m[i]));
		EXPECT_EQ(EDEADLK, pthread_mutex_lock(&m[i]));
	}
	for (i = 0; i < 8; i++)
		EXPECT_EQ(0, pthread_mutex_unlock(&m[i]));
}

/* pthread_mutex_destroy: of a locked one undefined; glibc says [EBUSY] and it lives. */
TEST(destroy_of_a_locked_one)
{
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	int ret;

	EXPECT_EQ(0, pthread_mutex_lock(&m));
	ret = pthread_mutex_destroy(&m);
	EXPECT_TRUE(ret == 0 || ret == EBUSY);
	if (ret == EBUSY) {
		EXPECT_EQ(0, pthread_mutex_unlock(&m));
		EXPECT_EQ(0, pthread_mutex_destroy(&m));
	}
}

/* pthread_mutex_getprioceiling, ERRORS: [EINVAL] for one without PROTECT. */
TEST(ceiling_of_one_without_is_einval)
{
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER, pi;
	int v;

	MUTEX(&pi, .protocol = PTHREAD_PRIO_INHERIT);
	EXPECT_EQ(EINVAL, pthread_mutex_getprioceiling(&m, &v));
	EXPECT_EQ(EINVAL, pthread_mutex_setprioceiling(&m, 10, &v));
	EXPECT_EQ(EINVAL, pthread_mutex_getprioceiling(&pi, &v));
}

#define PROTECTED(m, c, ...) \
	MUTEX(m, .protocol = PTHREAD_PRIO_PROTECT, .ceiling = c, ##__VA_ARGS__)

/* The same, DESCRIPTION: what it was made with; setprioceiling changes and returns it. */
TEST(ceiling_can_be_changed)
{
	pthread_mutex_t m;
	int v = -1;

	NEED_RT;
	PROTECTED(&m, 20);
	EXPECT_EQ(0, pthread_mutex_getprioceiling(&m, &v));
	EXPECT_EQ(20, v);
	EXPECT_EQ(0, pthread_mutex_setprioceiling(&m, 30, &v));
	EXPECT_EQ(20, v);
	EXPECT_EQ(0, pthread_mutex_getprioceiling(&m, &v));
	EXPECT_EQ(30, v);
	EXPECT_EQ(EINVAL, pthread_mutex_setprioceiling(&m, 0, &v));
	EXPECT_EQ(EINVAL, pthread_mutex_setprioceiling(&m, 100, &v));
	EXPECT_EQ(0, pthread_mutex_getprioceiling(&m, &v));
	EXPECT_EQ(30, v);
	EXPECT_EQ(0, px_set_prio(30));
	EXPECT_EQ(0, pthread_mutex_lock(&m));
	EXPECT_EQ(0, pthread_mutex_unlock(&m));
}

/* The kernel's figure for SCHED_FIFO at @prio, or for SCHED_OTHER at 0. */
static int runs_at(pid_t tid, int prio)
{
	struct proc_stat stat;

	return !proc_stat(tid, &stat) && stat.prio == (prio ? -1 - prio : 20);
}

static int await_runs_at(pid_t tid, int prio)
{
	const struct timespec end = px_late(CLOCK_MONOTONIC);

	while (!runs_at(tid, prio))
		if (px_passed(CLOCK_MONOTONIC, &end))
			return 0;
	return 1;
}

static int set_prio(void *prio)
{
	return px_set_prio(*(int *)prio);
}

static void runs_at_ceilings(struct __test_metadata *_metadata, int prio)
{
	struct actor *a = actor_start(THREAD);
	pthread_mutex_t m, higher;

	PROTECTED(&m, 20);
	PROTECTED(&higher, 30);
	EXPECT_EQ(0, DO(a, set_prio, &prio));
	EXPECT_TRUE(runs_at(a->tid, prio));
	EXPECT_EQ(0, DO(a, step_lock, &m));
	EXPECT_TRUE(runs_at(a->tid, 20));
	EXPECT_EQ(0, DO(a, step_lock, &higher));
	EXPECT_TRUE(runs_at(a->tid, 30));
	EXPECT_EQ(0, DO(a, step_unlock, &m));
	EXPECT_TRUE(runs_at(a->tid, 30));
	EXPECT_EQ(0, DO(a, step_unlock, &higher));
	EXPECT_TRUE(runs_at(a->tid, prio));
	EXPECT_EQ(0, DO(a, step_trylock, &m));
	EXPECT_TRUE(runs_at(a->tid, 20));
	EXPECT_EQ(0, DO(a, step_unlock, &m));
	EXPECT_TRUE(runs_at(a->tid, prio));
}

/* pthread_mutexattr_setprotocol, DESCRIPTION: PROTECT: the owner runs at the ceiling. */
TEST(owner_runs_at_the_ceiling)
{
	NEED_RT;
	runs_at_ceilings(_metadata, 5);
}

/* The same, for an owner of another policy. */
TEST(owner_of_another_policy_runs_at_the_ceiling)
{
	NEED_RT;
	runs_at_ceilings(_metadata, 0);
}

/* pthread_mutex_lock, ERRORS: [EINVAL] to a thread above the ceiling. */
TEST(above_the_ceiling_is_einval)
{
	struct actor *a = actor_start(THREAD);
	pthread_mutex_t m;
	int prio = 21;

	NEED_RT;
	PROTECTED(&m, 20);
	EXPECT_EQ(0, DO(a, set_prio, &prio));
	EXPECT_EQ(EINVAL, DO(a, step_lock, &m));
	EXPECT_EQ(EINVAL, DO(a, step_trylock, &m));
	EXPECT_EQ(EINVAL, DO(a, step_timedlock_late, &m));
	EXPECT_TRUE(runs_at(a->tid, 21));
	prio = 20;
	EXPECT_EQ(0, DO(a, set_prio, &prio));
	EXPECT_EQ(0, DO(a, step_lock, &m));
	EXPECT_EQ(0, DO(a, step_unlock, &m));
	EXPECT_TRUE(runs_at(a->tid, 20));
}

/* PROTECT by type, and contended. */
TEST(protected_by_type)
{
	struct actor *a = actor_start(THREAD);
	pthread_mutex_t check, recursive;
	int prio = 5;

	NEED_RT;
	EXPECT_EQ(0, px_set_prio(prio));
	EXPECT_EQ(0, DO(a, set_prio, &prio));
	PROTECTED(&check, 20, .type = PTHREAD_MUTEX_ERRORCHECK);
	PROTECTED(&recursive, 20, .type = PTHREAD_MUTEX_RECURSIVE);
	EXPECT_EQ(0, pthread_mutex_lock(&check));
	EXPECT_EQ(EDEADLK, pthread_mutex_lock(&check));
	EXPECT_EQ(EPERM, DO(a, step_unlock, &check));
	BLOCKS(a, step_lock, &check);
	EXPECT_EQ(0, pthread_mutex_unlock(&check));
	ENDS(0, a);
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&check));
	EXPECT_EQ(0, DO(a, step_unlock, &check));
	EXPECT_EQ(0, pthread_mutex_lock(&recursive));
	EXPECT_EQ(0, pthread_mutex_lock(&recursive));
	EXPECT_EQ(0, pthread_mutex_unlock(&recursive));
	EXPECT_EQ(ETIMEDOUT, DO(a, step_timedlock_soon, &recursive));
	EXPECT_EQ(0, pthread_mutex_unlock(&recursive));
	EXPECT_EQ(0, DO(a, step_trylock, &recursive));
}

/* The same: INHERIT: the owner runs at the priority of who waits, until it unlocks. */
TEST(owner_runs_at_the_waiters_priority)
{
	struct actor *a = actor_start(THREAD), *b = actor_start(THREAD);
	pthread_mutex_t m;
	int prio = 25;

	NEED_RT;
	MUTEX(&m, .protocol = PTHREAD_PRIO_INHERIT);
	EXPECT_EQ(0, DO(a, step_lock, &m));
	EXPECT_TRUE(runs_at(a->tid, 0));
	EXPECT_EQ(0, DO(b, set_prio, &prio));
	BLOCKS(b, step_lock, &m);
	EXPECT_TRUE(await_runs_at(a->tid, 25));
	EXPECT_EQ(0, DO(a, step_unlock, &m));
	ENDS(0, b);
	EXPECT_TRUE(await_runs_at(a->tid, 0));
	EXPECT_EQ(0, DO(b, step_unlock, &m));
}

/* The same, along a chain of owners that wait. */
TEST(priority_goes_along_the_chain)
{
	struct actor *a = actor_start(THREAD), *b = actor_start(THREAD), *c = actor_start(THREAD);
	pthread_mutex_t first, second;
	int prio = 25;

	NEED_RT;
	MUTEX(&first, .protocol = PTHREAD_PRIO_INHERIT);
	MUTEX(&second, .protocol = PTHREAD_PRIO_INHERIT);
	EXPECT_EQ(0, DO(a, step_lock, &first));
	EXPECT_EQ(0, DO(b, step_lock, &second));
	BLOCKS(b, step_lock, &first);
	EXPECT_EQ(0, DO(c, set_prio, &prio));
	BLOCKS(c, step_lock, &second);
	EXPECT_TRUE(await_runs_at(a->tid, 25));
	EXPECT_EQ(0, DO(a, step_unlock, &first));
	ENDS(0, b);
	EXPECT_TRUE(await_runs_at(a->tid, 0));
	EXPECT_EQ(0, DO(b, step_unlock, &second));
	ENDS(0, c);
}

PX_MAIN
