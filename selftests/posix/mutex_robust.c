// SPDX-License-Identifier: GPL-2.0
/*
 * Robust mutexes whose owner dies, and others whose owner does.
 */
#include "lib/px.h"

FIXTURE(robust)
{
	pthread_mutex_t *m;
	struct actor *a, *b;
};

FIXTURE_VARIANT(robust)
{
	struct mutex_sort sort;
};

FIXTURE_VARIANT_ADD(robust, normal)
{
	.sort = { .robust = PTHREAD_MUTEX_ROBUST },
};

FIXTURE_VARIANT_ADD(robust, errorcheck)
{
	.sort = { .robust = PTHREAD_MUTEX_ROBUST, .type = PTHREAD_MUTEX_ERRORCHECK },
};

FIXTURE_VARIANT_ADD(robust, recursive)
{
	.sort = { .robust = PTHREAD_MUTEX_ROBUST, .type = PTHREAD_MUTEX_RECURSIVE },
};

FIXTURE_VARIANT_ADD(robust, normal_pi)
{
	.sort = { .robust = PTHREAD_MUTEX_ROBUST, .protocol = PTHREAD_PRIO_INHERIT },
};

FIXTURE_VARIANT_ADD(robust, errorcheck_pi)
{
	.sort = { .robust = PTHREAD_MUTEX_ROBUST, .type = PTHREAD_MUTEX_ERRORCHECK,
		  .protocol = PTHREAD_PRIO_INHERIT },
};

FIXTURE_VARIANT_ADD(robust, recursive_pi)
{
	.sort = { .robust = PTHREAD_MUTEX_ROBUST, .type = PTHREAD_MUTEX_RECURSIVE,
		  .protocol = PTHREAD_PRIO_INHERIT },
};

FIXTURE_VARIANT_ADD(robust, normal_shared)
{
	.sort = { .robust = PTHREAD_MUTEX_ROBUST, .pshared = PTHREAD_PROCESS_SHARED },
};

FIXTURE_VARIANT_ADD(robust, normal_shared_pi)
{
	.sort = { .robust = PTHREAD_MUTEX_ROBUST, .pshared = PTHREAD_PROCESS_SHARED,
		  .protocol = PTHREAD_PRIO_INHERIT },
};

FIXTURE_SETUP(robust)
{
	self->m = px_shared(sizeof(*self->m));
	ASSERT_EQ(0, mutex_make(self->m, variant->sort));
	self->a = actor_start(THREAD);
	self->b = actor_start(THREAD);
}

FIXTURE_TEARDOWN(robust)
{
}

static void owner_dies(struct __test_metadata *_metadata, pthread_mutex_t *m)
{
	struct actor *owner = actor_start(THREAD);

	actor_post(owner, step_lock_exit, m);
	ASSERT_EQ(NULL, actor_join(owner));
}

#define OWNER_DIES() owner_dies(_metadata, self->m)

/* pthread_mutex_lock, ERRORS: [EOWNERDEAD], and the caller has it. */
TEST_F(robust, lock_says_eownerdead)
{
	OWNER_DIES();
	EXPECT_EQ(EOWNERDEAD, pthread_mutex_lock(self->m));
	EXPECT_EQ(EBUSY, DO(self->a, step_trylock, self->m));
	EXPECT_EQ(0, pthread_mutex_consistent(self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
}

TEST_F(robust, trylock_says_eownerdead)
{
	OWNER_DIES();
	EXPECT_EQ(EOWNERDEAD, pthread_mutex_trylock(self->m));
	EXPECT_EQ(EBUSY, DO(self->a, step_trylock, self->m));
	EXPECT_EQ(0, pthread_mutex_consistent(self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
	EXPECT_EQ(0, DO(self->a, step_lock, self->m));
}

TEST_F(robust, timedlock_says_eownerdead)
{
	const struct timespec past = px_in(CLOCK_REALTIME, -1000);

	OWNER_DIES();
	EXPECT_EQ(EOWNERDEAD, pthread_mutex_timedlock(self->m, &past));
	EXPECT_EQ(EBUSY, DO(self->a, step_trylock, self->m));
	EXPECT_EQ(0, pthread_mutex_consistent(self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
}

/* One waits already when the owner dies: it is woken and told. */
TEST_F(robust, waiter_is_told)
{
	struct actor *owner = actor_start(THREAD);

	EXPECT_EQ(0, DO(owner, step_lock, self->m));
	BLOCKS(self->a, step_lock, self->m);
	actor_post(owner, step_exit, NULL);
	ASSERT_EQ(NULL, actor_join(owner));
	ENDS(EOWNERDEAD, self->a);
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(self->m));
	EXPECT_EQ(0, DO(self->a, step_consistent, self->m));
	EXPECT_EQ(0, DO(self->a, step_unlock, self->m));
	EXPECT_EQ(0, pthread_mutex_trylock(self->m));
}

/* pthread_mutex_consistent, DESCRIPTION: afterwards it is as any other. */
TEST_F(robust, consistent_repairs)
{
	OWNER_DIES();
	EXPECT_EQ(EOWNERDEAD, pthread_mutex_lock(self->m));
	EXPECT_EQ(0, pthread_mutex_consistent(self->m));
	BLOCKS(self->a, step_lock, self->m);
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
	ENDS(0, self->a);
	EXPECT_EQ(0, DO(self->a, step_unlock, self->m));
	EXPECT_EQ(0, pthread_mutex_lock(self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
	EXPECT_EQ(0, pthread_mutex_destroy(self->m));
}

static void makes_unrecoverable(struct __test_metadata *_metadata, pthread_mutex_t *m)
{
	owner_dies(_metadata, m);
	EXPECT_EQ(EOWNERDEAD, pthread_mutex_lock(m));
	EXPECT_EQ(0, pthread_mutex_unlock(m));
}

#define UNRECOVERABLE() makes_unrecoverable(_metadata, self->m)

/* pthread_mutex_lock, ERRORS: [ENOTRECOVERABLE] once it was unlocked without. */
TEST_F(robust, lock_says_enotrecoverable)
{
	UNRECOVERABLE();
	EXPECT_EQ(ENOTRECOVERABLE, pthread_mutex_lock(self->m));
	EXPECT_EQ(ENOTRECOVERABLE, DO(self->a, step_lock, self->m));
	EXPECT_EQ(ENOTRECOVERABLE, pthread_mutex_lock(self->m));
}

/* pthread_mutex_trylock, ERRORS: the same. */
TEST_F(robust, trylock_says_enotrecoverable)
{
	UNRECOVERABLE();
	EXPECT_EQ(ENOTRECOVERABLE, pthread_mutex_trylock(self->m));
}

/* And trylock takes nothing then: the next is told the same. */
TEST_F(robust, trylock_of_unrecoverable_takes_nothing)
{
	UNRECOVERABLE();
	EXPECT_EQ(ENOTRECOVERABLE, pthread_mutex_trylock(self->m));
	EXPECT_EQ(ENOTRECOVERABLE, DO(self->a, step_trylock, self->m));
	EXPECT_EQ(ENOTRECOVERABLE, pthread_mutex_trylock(self->m));
}

/* pthread_mutex_timedlock, ERRORS: the same. */
TEST_F(robust, timedlock_says_enotrecoverable)
{
	const struct timespec past = px_in(CLOCK_REALTIME, -1000);

	UNRECOVERABLE();
	EXPECT_EQ(ENOTRECOVERABLE, pthread_mutex_timedlock(self->m, &past));
	EXPECT_EQ(ENOTRECOVERABLE, DO(self->a, step_timedlock_late, self->m));
}

/* pthread_mutex_destroy, DESCRIPTION: only destroying is left, and init makes it new. */
TEST_F(robust, not_recoverable_can_be_made_anew)
{
	OWNER_DIES();
	EXPECT_EQ(EOWNERDEAD, pthread_mutex_lock(self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
	EXPECT_EQ(0, pthread_mutex_destroy(self->m));
	EXPECT_EQ(0, mutex_make(self->m, variant->sort));
	EXPECT_EQ(0, pthread_mutex_lock(self->m));
	EXPECT_EQ(EBUSY, DO(self->a, step_trylock, self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
}

/* pthread_mutex_unlock: who waits for one that becomes unrecoverable is told. */
TEST_F(robust, waiter_is_told_of_not_recoverable)
{
	OWNER_DIES();
	EXPECT_EQ(EOWNERDEAD, pthread_mutex_lock(self->m));
	BLOCKS(self->a, step_lock, self->m);
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
	ENDS(ENOTRECOVERABLE, self->a);
}

/* The same: all who wait for one that becomes unrecoverable are told. */
TEST_F(robust, all_waiters_are_told_of_not_recoverable)
{
	OWNER_DIES();
	EXPECT_EQ(EOWNERDEAD, pthread_mutex_lock(self->m));
	BLOCKS(self->a, step_lock, self->m);
	BLOCKS(self->b, step_lock, self->m);
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
	ENDS(ENOTRECOVERABLE, self->a);
	ENDS(ENOTRECOVERABLE, self->b);
}

/* pthread_mutex_lock: the new owner dies without repair; the next is told again. */
TEST_F(robust, second_death_is_told)
{
	struct actor *owner = actor_start(THREAD);

	OWNER_DIES();
	EXPECT_EQ(EOWNERDEAD, DO(owner, step_lock, self->m));
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(self->m));
	actor_post(owner, step_exit, NULL);
	ASSERT_EQ(NULL, actor_join(owner));
	EXPECT_EQ(EOWNERDEAD, pthread_mutex_lock(self->m));
	EXPECT_EQ(0, pthread_mutex_consistent(self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
	EXPECT_EQ(0, DO(self->a, step_lock, self->m));
}

/* pthread_mutex_consistent, ERRORS: [EINVAL] when there is nothing to repair. */
TEST_F(robust, consistent_refuses_a_consistent_one)
{
	EXPECT_EQ(EINVAL, pthread_mutex_consistent(self->m));
	EXPECT_EQ(0, pthread_mutex_lock(self->m));
	EXPECT_EQ(EINVAL, pthread_mutex_consistent(self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
}

/* A thread dies with several, locked in one order and partly unlocked in another. */
static int lock_many_exit(void *arg)
{
	pthread_mutex_t *m = arg;
	int i;

	for (i = 0; i < 8; i++)
		if (pthread_mutex_lock(&m[i]))
			return 1;
	pthread_mutex_unlock(&m[3]);
	pthread_mutex_unlock(&m[0]);
	pthread_mutex_unlock(&m[7]);
	pthread_exit(NULL);
}

TEST_F(robust, each_of_many_is_told)
{
	pthread_mutex_t *m = px_shared(8 * sizeof(*m));
	struct actor *owner = actor_start(THREAD);
	int i;

	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, mutex_make(&m[i], variant->sort));
	actor_post(owner, lock_many_exit, m);
	ASSERT_EQ(NULL, actor_join(owner));
	for (i = 0; i < 8; i++) {
		const int ret = i == 3 || i == 0 || i == 7 ? 0 : EOWNERDEAD;

		EXPECT_EQ(ret, pthread_mutex_lock(&m[i]));
	}
}

/* A recursive one of a dead owner: the new owner's count is its own. */
TEST_F(robust, count_of_the_dead_is_forgotten)
{
	struct actor *owner = actor_start(THREAD);

	if (variant->sort.type != PTHREAD_MUTEX_RECURSIVE)
		SKIP(return, "only recursive ones count");
	EXPECT_EQ(0, DO(owner, step_lock, self->m));
	EXPECT_EQ(0, DO(owner, step_lock, self->m));
	actor_post(owner, step_exit, NULL);
	ASSERT_EQ(NULL, actor_join(owner));
	EXPECT_EQ(EOWNERDEAD, pthread_mutex_lock(self->m));
	EXPECT_EQ(0, pthread_mutex_consistent(self->m));
	EXPECT_EQ(0, pthread_mutex_unlock(self->m));
	EXPECT_EQ(0, DO(self->a, step_trylock, self->m));
}

/* pthread_cond_wait, ERRORS: [EOWNERDEAD] from it, the mutex held all the same. */
static int wait_until_dead(void *arg)
{
	struct queue *q = arg;
	int ret = pthread_mutex_lock(&q->mutex);

	q->waiting = 1;
	while (!ret && !q->tickets)
		ret = pthread_cond_wait(&q->cond, &q->mutex);
	return ret;
}

static int signal_and_exit(void *arg)
{
	struct queue *q = arg;

	pthread_mutex_lock(&q->mutex);
	q->tickets = 1;
	pthread_cond_signal(&q->cond);
	pthread_exit(NULL);
}

TEST_F(robust, cond_wait_says_eownerdead)
{
	struct actor *owner = actor_start(THREAD);
	struct queue *q = px_shared(sizeof(*q));

	ASSERT_EQ(0, mutex_make(&q->mutex, variant->sort));
	ASSERT_EQ(0, cond_make(&q->cond, CLOCK_REALTIME, variant->sort.pshared));
	BLOCKS(self->a, wait_until_dead, q);
	actor_post(owner, signal_and_exit, q);
	ASSERT_EQ(NULL, actor_join(owner));
	ENDS(EOWNERDEAD, self->a);
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&q->mutex));
	EXPECT_EQ(0, DO(self->a, step_consistent, &q->mutex));
	EXPECT_EQ(0, DO(self->a, step_unlock, &q->mutex));
	EXPECT_EQ(0, pthread_mutex_trylock(&q->mutex));
}

/* pthread_mutex_consistent, ERRORS: [EINVAL] for one that is not robust. */
TEST(consistent_refuses_one_that_is_not_robust)
{
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;

	EXPECT_EQ(EINVAL, pthread_mutex_consistent(&m));
	EXPECT_EQ(0, pthread_mutex_lock(&m));
	EXPECT_EQ(EINVAL, pthread_mutex_consistent(&m));
}

/* pthread_mutexattr_getrobust, DESCRIPTION: STALLED: nobody is told, it stays locked. */
static void stays_locked(struct __test_metadata *_metadata, struct mutex_sort sort)
{
	const struct timespec t = px_in(CLOCK_REALTIME, 30);
	pthread_mutex_t m;

	ASSERT_EQ(0, mutex_make(&m, sort));
	owner_dies(_metadata, &m);
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&m));
	EXPECT_EQ(ETIMEDOUT, pthread_mutex_timedlock(&m, &t));
}

TEST(stalled_normal_stays_locked)
{
	stays_locked(_metadata, (struct mutex_sort){ 0 });
}

TEST(stalled_errorcheck_stays_locked)
{
	stays_locked(_metadata, (struct mutex_sort){ .type = PTHREAD_MUTEX_ERRORCHECK });
}

TEST(stalled_recursive_stays_locked)
{
	stays_locked(_metadata, (struct mutex_sort){ .type = PTHREAD_MUTEX_RECURSIVE });
}

/* A lock call sleeps on one whose owner is dead. */
TEST(stalled_lock_waits_for_ever)
{
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	struct actor *a = actor_start(THREAD);

	owner_dies(_metadata, &m);
	BLOCKS(a, step_lock, &m);
}

PX_MAIN
