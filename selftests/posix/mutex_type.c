// SPDX-License-Identifier: GPL-2.0
/*
 * Mutexes by type: relocking, and unlocking by others.  The table is that of
 * pthread_mutex_lock, DESCRIPTION.
 */
#include <limits.h>

#include "lib/px.h"

FIXTURE(type)
{
	pthread_mutex_t m;
	struct actor *a;
};

FIXTURE_VARIANT(type)
{
	int protocol;
	int robust;
};

FIXTURE_VARIANT_ADD(type, plain)
{
	.protocol = PTHREAD_PRIO_NONE,
};

FIXTURE_VARIANT_ADD(type, pi)
{
	.protocol = PTHREAD_PRIO_INHERIT,
};

FIXTURE_VARIANT_ADD(type, robust)
{
	.robust = PTHREAD_MUTEX_ROBUST,
};

FIXTURE_VARIANT_ADD(type, robust_pi)
{
	.protocol = PTHREAD_PRIO_INHERIT,
	.robust = PTHREAD_MUTEX_ROBUST,
};

FIXTURE_SETUP(type)
{
	self->a = actor_start(THREAD);
}

FIXTURE_TEARDOWN(type)
{
}

#define MAKE(t) MUTEX(&self->m, .type = t, .protocol = variant->protocol, .robust = variant->robust)

/* NORMAL: relocking deadlocks.  Looked at in another thread. */
TEST_F(type, normal_relock_deadlocks)
{
	MAKE(PTHREAD_MUTEX_NORMAL);
	EXPECT_EQ(0, DO(self->a, step_lock, &self->m));
	BLOCKS(self->a, step_lock, &self->m);
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&self->m));
}

/* NORMAL, by timedlock: a deadlock, too, so it times out ([EDEADLK] may be said). */
TEST_F(type, normal_timed_relock_times_out)
{
	const struct timespec t = px_in(CLOCK_REALTIME, 30);
	int ret;

	MAKE(PTHREAD_MUTEX_NORMAL);
	EXPECT_EQ(0, pthread_mutex_lock(&self->m));
	ret = pthread_mutex_timedlock(&self->m, &t);
	EXPECT_TRUE(ret == ETIMEDOUT || ret == EDEADLK);
	EXPECT_EQ(0, pthread_mutex_unlock(&self->m));
	EXPECT_EQ(0, DO(self->a, step_trylock, &self->m));
	EXPECT_EQ(0, DO(self->a, step_unlock, &self->m));
}

/* pthread_mutex_trylock, DESCRIPTION: [EBUSY] to the owner, too; NORMAL, DEFAULT. */
TEST_F(type, normal_trylock_own_is_busy)
{
	MAKE(PTHREAD_MUTEX_NORMAL);
	EXPECT_EQ(0, pthread_mutex_lock(&self->m));
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(&self->m));
	EXPECT_EQ(0, DO(self->a, step_trylock, &self->m));
	EXPECT_EQ(0, DO(self->a, step_unlock, &self->m));
}

TEST_F(type, default_trylock_own_is_busy)
{
	MAKE(PTHREAD_MUTEX_DEFAULT);
	EXPECT_EQ(0, pthread_mutex_lock(&self->m));
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(&self->m));
}

/* The same for ERRORCHECK: trylock has no [EDEADLK]. */
TEST_F(type, errorcheck_trylock_own_is_busy)
{
	MAKE(PTHREAD_MUTEX_ERRORCHECK);
	EXPECT_EQ(0, pthread_mutex_trylock(&self->m));
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(&self->m));
	EXPECT_EQ(0, DO(self->a, step_trylock, &self->m));
}

/* pthread_mutex_lock, ERRORS: ERRORCHECK, owned by the caller: [EDEADLK]. */
TEST_F(type, errorcheck_relock_is_edeadlk)
{
	const struct timespec late = px_late(CLOCK_REALTIME);
	const struct timespec mono = px_late(CLOCK_MONOTONIC);

	MAKE(PTHREAD_MUTEX_ERRORCHECK);
	EXPECT_EQ(0, pthread_mutex_lock(&self->m));
	EXPECT_EQ(EDEADLK, pthread_mutex_lock(&self->m));
	EXPECT_EQ(EDEADLK, pthread_mutex_timedlock(&self->m, &late));
	EXPECT_EQ(EDEADLK, pthread_mutex_clocklock(&self->m, CLOCK_MONOTONIC, &mono));
	EXPECT_EQ(EBUSY, DO(self->a, step_trylock, &self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(&self->m));
	EXPECT_EQ(0, DO(self->a, step_trylock, &self->m));
}

/* pthread_mutex_unlock, ERRORS: ERRORCHECK or robust, not the owner: [EPERM]. */
TEST_F(type, errorcheck_unlock_by_another_is_eperm)
{
	MAKE(PTHREAD_MUTEX_ERRORCHECK);
	EXPECT_EQ(0, pthread_mutex_lock(&self->m));
	EXPECT_EQ(EPERM, DO(self->a, step_unlock, &self->m));
	EXPECT_EQ(EBUSY, DO(self->a, step_trylock, &self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(&self->m));
}

TEST_F(type, errorcheck_unlock_of_unlocked_is_eperm)
{
	MAKE(PTHREAD_MUTEX_ERRORCHECK);
	EXPECT_EQ(EPERM, pthread_mutex_unlock(&self->m));
	EXPECT_EQ(0, pthread_mutex_lock(&self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(&self->m));
	EXPECT_EQ(EPERM, pthread_mutex_unlock(&self->m));
	EXPECT_EQ(0, DO(self->a, step_trylock, &self->m));
}

TEST_F(type, recursive_unlock_by_another_is_eperm)
{
	MAKE(PTHREAD_MUTEX_RECURSIVE);
	EXPECT_EQ(0, pthread_mutex_lock(&self->m));
	EXPECT_EQ(EPERM, DO(self->a, step_unlock, &self->m));
	EXPECT_EQ(EBUSY, DO(self->a, step_trylock, &self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(&self->m));
	EXPECT_EQ(EPERM, pthread_mutex_unlock(&self->m));
}

TEST_F(type, robust_normal_unlock_by_another_is_eperm)
{
	if (!variant->robust)
		SKIP(return, "undefined unless robust");
	MAKE(PTHREAD_MUTEX_NORMAL);
	EXPECT_EQ(0, pthread_mutex_lock(&self->m));
	EXPECT_EQ(EPERM, DO(self->a, step_unlock, &self->m));
	EXPECT_EQ(EBUSY, DO(self->a, step_trylock, &self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(&self->m));
	EXPECT_EQ(EPERM, pthread_mutex_unlock(&self->m));
}

/* pthread_mutex_lock, DESCRIPTION: RECURSIVE counts, and is free at the count's end. */
TEST_F(type, recursive_counts)
{
	const struct timespec past = px_in(CLOCK_REALTIME, -1000);
	const struct timespec mono = px_in(CLOCK_MONOTONIC, -1000);
	int i;

	MAKE(PTHREAD_MUTEX_RECURSIVE);
	EXPECT_EQ(0, pthread_mutex_lock(&self->m));
	EXPECT_EQ(0, pthread_mutex_lock(&self->m));
	EXPECT_EQ(0, pthread_mutex_trylock(&self->m));
	EXPECT_EQ(0, pthread_mutex_timedlock(&self->m, &past));
	EXPECT_EQ(0, pthread_mutex_clocklock(&self->m, CLOCK_MONOTONIC, &mono));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(0, pthread_mutex_unlock(&self->m));
		EXPECT_EQ(EBUSY, DO(self->a, step_trylock, &self->m));
	}
	EXPECT_EQ(0, pthread_mutex_unlock(&self->m));
	EXPECT_EQ(0, DO(self->a, step_trylock, &self->m));
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&self->m));
	EXPECT_EQ(0, DO(self->a, step_unlock, &self->m));
}

/* RECURSIVE, contended: who waits gets it after the last unlock, not before. */
TEST_F(type, recursive_waiter_gets_it_after_the_last_unlock)
{
	MAKE(PTHREAD_MUTEX_RECURSIVE);
	EXPECT_EQ(0, pthread_mutex_lock(&self->m));
	EXPECT_EQ(0, pthread_mutex_lock(&self->m));
	BLOCKS(self->a, step_lock, &self->m);
	EXPECT_EQ(0, pthread_mutex_unlock(&self->m));
	EXPECT_EQ(0, actor_sleeps(self->a));
	EXPECT_EQ(0, pthread_mutex_unlock(&self->m));
	ENDS(0, self->a);
	/* The new owner's count began at one. */
	EXPECT_EQ(0, DO(self->a, step_lock, &self->m));
	EXPECT_EQ(0, DO(self->a, step_unlock, &self->m));
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&self->m));
	EXPECT_EQ(0, DO(self->a, step_unlock, &self->m));
	EXPECT_EQ(0, pthread_mutex_trylock(&self->m));
}

/*
 * pthread_mutex_lock, ERRORS: [EAGAIN] when the count's maximum is exceeded.
 * glibc's is 2^32 - 1, too many to count to; a thousand have to do everywhere.
 */
TEST_F(type, recursive_counts_a_thousand)
{
	int i, ret = 0;

	MAKE(PTHREAD_MUTEX_RECURSIVE);
	for (i = 0; i < 1000 && !ret; i++)
		ret = pthread_mutex_lock(&self->m);
	EXPECT_EQ(0, ret);
	for (; i > 1 && !ret; i--)
		ret = pthread_mutex_unlock(&self->m);
	EXPECT_EQ(0, ret);
	EXPECT_EQ(EBUSY, DO(self->a, step_trylock, &self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(&self->m));
	EXPECT_EQ(0, DO(self->a, step_trylock, &self->m));
}

/* pthread_mutexattr_settype, DESCRIPTION: the default type may be any; glibc's is NORMAL. */
TEST_F(type, null_attributes_are_the_default)
{
	ASSERT_EQ(0, pthread_mutex_init(&self->m, NULL));
	EXPECT_EQ(0, pthread_mutex_lock(&self->m));
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&self->m));
	EXPECT_EQ(EBUSY, DO(self->a, step_trylock, &self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(&self->m));
	EXPECT_EQ(0, pthread_mutex_destroy(&self->m));
}

/* ADAPTIVE_NP (glibc): a normal mutex that spins; trylock and deadlock as NORMAL. */
TEST_F(type, adaptive_is_as_normal)
{
	if (variant->robust)
		SKIP(return, "robust mutexes do not spin");
	MAKE(PTHREAD_MUTEX_ADAPTIVE_NP);
	EXPECT_EQ(0, pthread_mutex_lock(&self->m));
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&self->m));
	EXPECT_EQ(EBUSY, DO(self->a, step_trylock, &self->m));
	BLOCKS(self->a, step_lock, &self->m);
	EXPECT_EQ(0, pthread_mutex_unlock(&self->m));
	ENDS(0, self->a);
}

PX_MAIN
