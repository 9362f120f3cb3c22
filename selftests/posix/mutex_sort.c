// SPDX-License-Identifier: GPL-2.0
/*
 * Mutexes: the clauses that hold for each sort alike, with one line a sort.
 */
#include "lib/px.h"

struct count {
	pthread_mutex_t m;
	long n;
};

FIXTURE(mutex)
{
	struct count *count;
	pthread_mutex_t *m;
	struct actor *a, *b;
};

FIXTURE_VARIANT(mutex)
{
	struct mutex_sort sort;
};

#define ERRORCHECK	.type = PTHREAD_MUTEX_ERRORCHECK
#define RECURSIVE	.type = PTHREAD_MUTEX_RECURSIVE
#define ADAPTIVE	.type = PTHREAD_MUTEX_ADAPTIVE_NP
#define PI		.protocol = PTHREAD_PRIO_INHERIT
#define ROBUST		.robust = PTHREAD_MUTEX_ROBUST
#define SHARED		.pshared = PTHREAD_PROCESS_SHARED

FIXTURE_VARIANT_ADD(mutex, normal)
{
	.sort = { .type = PTHREAD_MUTEX_NORMAL },
};

FIXTURE_VARIANT_ADD(mutex, errorcheck)
{
	.sort = { ERRORCHECK },
};

FIXTURE_VARIANT_ADD(mutex, recursive)
{
	.sort = { RECURSIVE },
};

FIXTURE_VARIANT_ADD(mutex, adaptive)
{
	.sort = { ADAPTIVE },
};

FIXTURE_VARIANT_ADD(mutex, normal_pi)
{
	.sort = { PI },
};

FIXTURE_VARIANT_ADD(mutex, errorcheck_pi)
{
	.sort = { ERRORCHECK, PI },
};

FIXTURE_VARIANT_ADD(mutex, recursive_pi)
{
	.sort = { RECURSIVE, PI },
};

FIXTURE_VARIANT_ADD(mutex, normal_robust)
{
	.sort = { ROBUST },
};

FIXTURE_VARIANT_ADD(mutex, errorcheck_robust)
{
	.sort = { ERRORCHECK, ROBUST },
};

FIXTURE_VARIANT_ADD(mutex, recursive_robust)
{
	.sort = { RECURSIVE, ROBUST },
};

FIXTURE_VARIANT_ADD(mutex, normal_robust_pi)
{
	.sort = { ROBUST, PI },
};

FIXTURE_VARIANT_ADD(mutex, errorcheck_robust_pi)
{
	.sort = { ERRORCHECK, ROBUST, PI },
};

FIXTURE_VARIANT_ADD(mutex, recursive_robust_pi)
{
	.sort = { RECURSIVE, ROBUST, PI },
};

FIXTURE_VARIANT_ADD(mutex, normal_shared)
{
	.sort = { SHARED },
};

FIXTURE_VARIANT_ADD(mutex, recursive_shared_pi)
{
	.sort = { RECURSIVE, SHARED, PI },
};

FIXTURE_VARIANT_ADD(mutex, normal_shared_robust)
{
	.sort = { SHARED, ROBUST },
};

FIXTURE_VARIANT_ADD(mutex, errorcheck_shared_robust_pi)
{
	.sort = { ERRORCHECK, SHARED, ROBUST, PI },
};

/* What is shared is tried between processes. */
FIXTURE_SETUP(mutex)
{
	const enum actor_kind kind = variant->sort.pshared ? PROCESS : THREAD;

	self->count = px_shared(sizeof(*self->count));
	self->m = &self->count->m;
	ASSERT_EQ(0, mutex_make(self->m, variant->sort));
	self->a = actor_start(kind);
	self->b = actor_start(kind);
}

FIXTURE_TEARDOWN(mutex)
{
}

/* pthread_mutex_lock, DESCRIPTION: returns with the mutex locked, the caller its owner. */
TEST_F(mutex, lock_makes_the_caller_owner)
{
	EXPECT_EQ(0, pthread_mutex_lock(self->m));
	EXPECT_EQ(EBUSY, DO(self->a, step_trylock, self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
	EXPECT_EQ(0, DO(self->a, step_trylock, self->m));
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(self->m));
	EXPECT_EQ(0, DO(self->a, step_unlock, self->m));
}

/* pthread_mutex_lock, DESCRIPTION: locked already, so the caller blocks until it is free. */
TEST_F(mutex, lock_blocks_until_unlock)
{
	EXPECT_EQ(0, pthread_mutex_lock(self->m));
	BLOCKS(self->a, step_lock, self->m);
	EXPECT_FALSE(actor_done(self->a));
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
	ENDS(0, self->a);
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(self->m));
	EXPECT_EQ(0, DO(self->a, step_unlock, self->m));
	EXPECT_EQ(0, pthread_mutex_trylock(self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
}

/* Two wait for it: one gets it, and when that one has unlocked it the other. */
static void both_get_it(struct __test_metadata *_metadata, pthread_mutex_t *m,
			struct actor *a, struct actor *b)
{
	struct actor *first, *second;

	EXPECT_EQ(0, pthread_mutex_unlock(m));
	ASSERT_EQ(0, actor_either(a, b));
	first = actor_done(a) ? a : b;
	second = first == a ? b : a;
	ENDS(0, first);
	ASSERT_EQ(0, actor_sleeps(second));
	EXPECT_EQ(0, DO(first, step_unlock, m));
	ENDS(0, second);
	EXPECT_EQ(0, DO(second, step_unlock, m));
}

/* pthread_mutex_unlock, DESCRIPTION: of the waiting threads one gets the mutex, one at a time. */
TEST_F(mutex, unlock_lets_one_in)
{
	EXPECT_EQ(0, pthread_mutex_lock(self->m));
	BLOCKS(self->a, step_lock, self->m);
	BLOCKS(self->b, step_lock, self->m);
	both_get_it(_metadata, self->m, self->a, self->b);
}

/* pthread_mutex_timedlock, DESCRIPTION and ERRORS: [ETIMEDOUT] when it cannot be had in time. */
TEST_F(mutex, timedlock_times_out)
{
	struct timespec t = px_in(CLOCK_REALTIME, 30);

	EXPECT_EQ(0, DO(self->a, step_lock, self->m));
	EXPECT_EQ(ETIMEDOUT, pthread_mutex_timedlock(self->m, &t));
	EXPECT_TRUE(px_passed(CLOCK_REALTIME, &t));
	EXPECT_EQ(0, DO(self->a, step_unlock, self->m));
	EXPECT_EQ(0, pthread_mutex_lock(self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
}

/* pthread_mutex_timedlock, ERRORS: a time that has passed already is [ETIMEDOUT], too. */
TEST_F(mutex, timedlock_past_times_out)
{
	const struct timespec past = px_in(CLOCK_REALTIME, -1000), epoch = { 0 };

	EXPECT_EQ(0, DO(self->a, step_lock, self->m));
	EXPECT_EQ(ETIMEDOUT, pthread_mutex_timedlock(self->m, &past));
	EXPECT_EQ(ETIMEDOUT, pthread_mutex_timedlock(self->m, &epoch));
	EXPECT_EQ(0, DO(self->a, step_unlock, self->m));
}

/* The same, of a time before the Epoch. */
TEST_F(mutex, timedlock_before_the_epoch_times_out)
{
	const struct timespec before = { .tv_sec = -1 };

	EXPECT_EQ(0, DO(self->a, step_lock, self->m));
	EXPECT_EQ(ETIMEDOUT, pthread_mutex_timedlock(self->m, &before));
	EXPECT_EQ(0, DO(self->a, step_unlock, self->m));
}

/* pthread_mutex_timedlock, DESCRIPTION: no timeout for a mutex that can be locked at once. */
TEST_F(mutex, timedlock_past_takes_a_free_one)
{
	const struct timespec past = px_in(CLOCK_REALTIME, -1000);
	const struct timespec before = { .tv_sec = -1 };

	EXPECT_EQ(0, pthread_mutex_timedlock(self->m, &past));
	EXPECT_EQ(EBUSY, DO(self->a, step_trylock, self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
	EXPECT_EQ(0, pthread_mutex_timedlock(self->m, &before));
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
}

/* pthread_mutex_timedlock, DESCRIPTION: it is woken by unlock as lock is. */
TEST_F(mutex, timedlock_gets_what_is_unlocked)
{
	EXPECT_EQ(0, pthread_mutex_lock(self->m));
	BLOCKS(self->a, step_timedlock_late, self->m);
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
	ENDS(0, self->a);
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(self->m));
	EXPECT_EQ(0, DO(self->a, step_unlock, self->m));
}

/* pthread_mutex_timedlock, ERRORS: [EINVAL] when it would block until such tv_nsec. */
TEST_F(mutex, timedlock_refuses_nanoseconds)
{
	struct timespec t = px_late(CLOCK_REALTIME);

	EXPECT_EQ(0, DO(self->a, step_lock, self->m));
	t.tv_nsec = 1000000000;
	EXPECT_EQ(EINVAL, pthread_mutex_timedlock(self->m, &t));
	t.tv_nsec = -1;
	EXPECT_EQ(EINVAL, pthread_mutex_timedlock(self->m, &t));
	EXPECT_EQ(0, DO(self->a, step_unlock, self->m));
	EXPECT_EQ(0, pthread_mutex_trylock(self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
}

/*
 * pthread_mutex_clocklock (glibc 2.30, Issue 8): as timedlock, on the clock named.
 * glibc has CLOCK_MONOTONIC for PI mutexes only where the kernel can do it.
 */
TEST_F(mutex, clocklock_times_out)
{
	struct timespec t = px_in(CLOCK_MONOTONIC, 30);
	int ret;

	EXPECT_EQ(0, DO(self->a, step_lock, self->m));
	ret = pthread_mutex_clocklock(self->m, CLOCK_MONOTONIC, &t);
	EXPECT_EQ(ETIMEDOUT, ret);
	EXPECT_TRUE(px_passed(CLOCK_MONOTONIC, &t));
	t = px_in(CLOCK_REALTIME, 30);
	EXPECT_EQ(ETIMEDOUT, pthread_mutex_clocklock(self->m, CLOCK_REALTIME, &t));
	EXPECT_TRUE(px_passed(CLOCK_REALTIME, &t));
	EXPECT_EQ(0, DO(self->a, step_unlock, self->m));
}

TEST_F(mutex, clocklock_takes_a_free_one)
{
	const struct timespec past = px_in(CLOCK_MONOTONIC, -1000);

	EXPECT_EQ(0, pthread_mutex_clocklock(self->m, CLOCK_MONOTONIC, &past));
	EXPECT_EQ(EBUSY, DO(self->a, step_trylock, self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
}

/* The same: other clocks are [EINVAL]. */
TEST_F(mutex, clocklock_refuses_other_clocks)
{
	const struct timespec t = px_in(CLOCK_MONOTONIC, 30);

	EXPECT_EQ(0, DO(self->a, step_lock, self->m));
	EXPECT_EQ(EINVAL, pthread_mutex_clocklock(self->m, CLOCK_PROCESS_CPUTIME_ID, &t));
	EXPECT_EQ(EINVAL, pthread_mutex_clocklock(self->m, CLOCK_THREAD_CPUTIME_ID, &t));
	EXPECT_EQ(0, DO(self->a, step_unlock, self->m));
}

/* pthread_mutex_trylock, ERRORS: [EBUSY] when it is locked by whomever, and no change. */
TEST_F(mutex, trylock_changes_nothing_when_busy)
{
	EXPECT_EQ(0, pthread_mutex_lock(self->m));
	EXPECT_EQ(EBUSY, DO(self->a, step_trylock, self->m));
	EXPECT_EQ(EBUSY, DO(self->a, step_trylock, self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
	EXPECT_EQ(0, DO(self->a, step_lock, self->m));
	EXPECT_EQ(0, DO(self->a, step_unlock, self->m));
}

static void nothing(int sig)
{
	(void)sig;
}

/*
 * pthread_mutex_lock, DESCRIPTION and ERRORS: after a signal handler the thread
 * goes on waiting; [EINTR] is never returned.
 */
TEST_F(mutex, lock_goes_on_after_a_signal)
{
	const struct sigaction sa = { .sa_handler = nothing };

	if (variant->sort.pshared)
		SKIP(return, "processes do not have the handler");
	ASSERT_EQ(0, sigaction(SIGUSR1, &sa, NULL));
	EXPECT_EQ(0, pthread_mutex_lock(self->m));
	BLOCKS(self->a, step_lock, self->m);
	BLOCKS(self->b, step_timedlock_late, self->m);
	EXPECT_EQ(0, pthread_kill(self->a->thread, SIGUSR1));
	EXPECT_EQ(0, pthread_kill(self->b->thread, SIGUSR1));
	EXPECT_EQ(0, actor_sleeps(self->a));
	EXPECT_EQ(0, actor_sleeps(self->b));
	both_get_it(_metadata, self->m, self->a, self->b);
}

/* pthread_mutex_destroy, DESCRIPTION: an unlocked one can be destroyed and made anew. */
TEST_F(mutex, destroy_and_make_again)
{
	int i;

	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, pthread_mutex_lock(self->m));
		EXPECT_EQ(0, pthread_mutex_unlock(self->m));
		EXPECT_EQ(0, pthread_mutex_destroy(self->m));
		memset(self->m, 0xa5, sizeof(*self->m));
		EXPECT_EQ(0, mutex_make(self->m, variant->sort));
	}
}

#define ROUNDS 20000

static int step_count(void *arg)
{
	struct count *c = arg;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (pthread_mutex_lock(&c->m))
			return 1;
		c->n = c->n + 1;
		if (pthread_mutex_unlock(&c->m))
			return 2;
	}
	return 0;
}

/* XBD 4.12: what is done under the mutex is seen by who locks it next; one at a time. */
TEST_F(mutex, keeps_a_count)
{
	struct count *c = self->count;

	actor_post(self->a, step_count, c);
	actor_post(self->b, step_count, c);
	EXPECT_EQ(0, step_count(c));
	ENDS(0, self->a);
	ENDS(0, self->b);
	EXPECT_EQ(3 * ROUNDS, c->n);
}

PX_MAIN
