// SPDX-License-Identifier: GPL-2.0
/*
 * Cancellation in waits for semaphores, and in calls that must not be cancelled:
 * XSH 2.9.5.2.
 */
#include "lib/px.h"

FIXTURE(cancel)
{
	sem_t *sem;
	struct actor *a, *b;
};

FIXTURE_VARIANT(cancel)
{
	int (*wait)(void *sem);
};

FIXTURE_VARIANT_ADD(cancel, wait)
{
	.wait = step_sem_wait,
};

FIXTURE_VARIANT_ADD(cancel, timedwait)
{
	.wait = step_sem_timedwait_late,
};

FIXTURE_VARIANT_ADD(cancel, clockwait)
{
	.wait = step_sem_clockwait_late,
};

static int (*wait_fn)(void *sem);
static uint32_t cleaned, returned;

FIXTURE_SETUP(cancel)
{
	self->sem = px_shared(sizeof(*self->sem));
	ASSERT_EQ(0, sem_init(self->sem, 0, 0));
	self->a = actor_start(THREAD);
	self->b = actor_start(THREAD);
	wait_fn = variant->wait;
}

FIXTURE_TEARDOWN(cancel)
{
}

static int value(sem_t *sem)
{
	int v = -1000;

	return sem_getvalue(sem, &v) ? -2000 : v;
}

static void cleanup(void *unused)
{
	(void)unused;
	cleaned = 1;
}

static int wait_with_cleanup(void *sem)
{
	int ret;

	pthread_cleanup_push(cleanup, NULL);
	ret = wait_fn(sem);
	returned = 1;
	pthread_cleanup_pop(0);
	return ret;
}

/* Deferred: a thread that waits is cancelled. */
TEST_F(cancel, waiting_thread)
{
	BLOCKS(self->a, wait_with_cleanup, self->sem);
	EXPECT_EQ(0, pthread_cancel(self->a->thread));
	EXPECT_EQ(PTHREAD_CANCELED, actor_join(self->a));
	EXPECT_EQ(1, cleaned);
	EXPECT_EQ(0, value(self->sem));
	EXPECT_EQ(0, sem_post(self->sem));
	EXPECT_EQ(1, value(self->sem));
}

static int pending_and_wait(void *sem)
{
	pthread_cancel(pthread_self());
	return wait_with_cleanup(sem);
}

/* A pending request is acted upon, also when there is something to take; none is taken. */
TEST_F(cancel, pending_before_the_wait)
{
	EXPECT_EQ(0, sem_post(self->sem));
	actor_post(self->a, pending_and_wait, self->sem);
	EXPECT_EQ(PTHREAD_CANCELED, actor_join(self->a));
	EXPECT_EQ(1, cleaned);
	EXPECT_EQ(0, returned);
	EXPECT_EQ(1, value(self->sem));
}

static int asynchronous(void *sem)
{
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	return wait_with_cleanup(sem);
}

TEST_F(cancel, asynchronous_type)
{
	BLOCKS(self->a, asynchronous, self->sem);
	EXPECT_EQ(0, pthread_cancel(self->a->thread));
	EXPECT_EQ(PTHREAD_CANCELED, actor_join(self->a));
	EXPECT_EQ(1, cleaned);
	EXPECT_EQ(0, sem_post(self->sem));
	EXPECT_EQ(1, value(self->sem));
}

static int disabled(void *sem)
{
	int ret;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	do {
		ret = wait_fn(sem);
	} while (ret == EINTR);
	returned = 1;
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	pthread_testcancel();
	return ret;
}

TEST_F(cancel, disabled)
{
	BLOCKS(self->a, disabled, self->sem);
	EXPECT_EQ(0, pthread_cancel(self->a->thread));
	EXPECT_EQ(0, actor_sleeps(self->a));
	EXPECT_EQ(0, sem_post(self->sem));
	EXPECT_EQ(PTHREAD_CANCELED, actor_join(self->a));
	EXPECT_EQ(1, returned);
	EXPECT_EQ(0, value(self->sem));
}

/* What is posted while a waiter is cancelled was taken by it or is there. */
TEST_F(cancel, post_is_not_lost)
{
	const struct timespec end = px_late(CLOCK_MONOTONIC);
	int i;

	for (i = 0; i < 20; i++) {
		struct actor *victim = actor_start(THREAD);

		returned = 0;
		BLOCKS(victim, wait_with_cleanup, self->sem);
		if (i % 2)
			EXPECT_EQ(0, sem_post(self->sem));
		EXPECT_EQ(0, pthread_cancel(victim->thread));
		if (i % 2 == 0)
			EXPECT_EQ(0, sem_post(self->sem));
		while (!actor_done(victim) && pthread_tryjoin_np(victim->thread, NULL) &&
		       !px_passed(CLOCK_MONOTONIC, &end))
			sched_yield();
		ASSERT_FALSE(px_passed(CLOCK_MONOTONIC, &end));
		EXPECT_EQ(actor_done(victim) ? 0 : 1, value(self->sem));
		if (!actor_done(victim))
			EXPECT_EQ(0, sem_trywait(self->sem));
	}
}

/* And another waiter gets it. */
TEST_F(cancel, another_waiter_gets_it)
{
	BLOCKS(self->a, wait_with_cleanup, self->sem);
	BLOCKS(self->b, wait_with_cleanup, self->sem);
	EXPECT_EQ(0, pthread_cancel(self->a->thread));
	EXPECT_EQ(PTHREAD_CANCELED, actor_join(self->a));
	EXPECT_EQ(0, sem_post(self->sem));
	ENDS(0, self->b);
	EXPECT_EQ(0, value(self->sem));
}

/*
 * sem_wait is one always, "may occur" or not; sem_trywait and sem_post never are.
 */
static int try_and_post(void *sem)
{
	pthread_cancel(pthread_self());
	sem_post(sem);
	sem_trywait(sem);
	sem_post(sem);
	returned = 1;
	pthread_testcancel();
	return 0;
}

TEST_F(cancel, trywait_and_post_are_none)
{
	actor_post(self->a, try_and_post, self->sem);
	EXPECT_EQ(PTHREAD_CANCELED, actor_join(self->a));
	EXPECT_EQ(1, returned);
	EXPECT_EQ(1, value(self->sem));
}

/*
 * Not cancellation points: a thread with a request pending blocks in them, gets
 * what it waits for, and is cancelled later.
 */
static int (*blocking)(void *object);
static void *blocking_on;

static int pending_and_block(void *unused)
{
	(void)unused;
	pthread_cancel(pthread_self());
	blocking(blocking_on);
	returned = 1;
	pthread_testcancel();
	return 0;
}

static int block_and_test(void *unused)
{
	(void)unused;
	blocking(blocking_on);
	returned = 1;
	pthread_testcancel();
	return 0;
}

static void is_no_point(struct __test_metadata *_metadata, int (*fn)(void *object),
			void *object, int (*release)(void *object))
{
	struct actor *pending = actor_start(THREAD), *blocked = actor_start(THREAD);

	blocking = fn;
	blocking_on = object;
	BLOCKS(pending, pending_and_block, NULL);
	release(object);
	EXPECT_EQ(PTHREAD_CANCELED, actor_join(pending));
	EXPECT_EQ(1, returned);
	returned = 0;
	if (release == step_barrier) {
		BLOCKS(blocked, block_and_test, NULL);
		EXPECT_EQ(0, pthread_cancel(blocked->thread));
		EXPECT_EQ(0, actor_sleeps(blocked));
		EXPECT_EQ(0, returned);
		release(object);
		EXPECT_EQ(PTHREAD_CANCELED, actor_join(blocked));
		EXPECT_EQ(1, returned);
	}
}

TEST(mutex_lock_is_none)
{
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;

	EXPECT_EQ(0, pthread_mutex_lock(&m));
	is_no_point(_metadata, step_lock, &m, step_unlock);
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&m));
}

TEST(mutex_lock_pi_is_none)
{
	pthread_mutex_t m;

	MUTEX(&m, .protocol = PTHREAD_PRIO_INHERIT);
	EXPECT_EQ(0, pthread_mutex_lock(&m));
	is_no_point(_metadata, step_lock, &m, step_unlock);
}

TEST(mutex_timedlock_is_none)
{
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;

	EXPECT_EQ(0, pthread_mutex_lock(&m));
	is_no_point(_metadata, step_timedlock_late, &m, step_unlock);
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&m));
}

/* These may be cancellation points (XSH 2.9.5.2); glibc's are none. */
TEST(rwlock_is_none)
{
	pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER, rw2 = PTHREAD_RWLOCK_INITIALIZER;

	EXPECT_EQ(0, pthread_rwlock_wrlock(&rw));
	is_no_point(_metadata, step_rdlock, &rw, step_rwunlock);
	EXPECT_EQ(EBUSY, pthread_rwlock_trywrlock(&rw));
	EXPECT_EQ(0, pthread_rwlock_wrlock(&rw2));
	returned = 0;
	is_no_point(_metadata, step_wrlock, &rw2, step_rwunlock);
	EXPECT_EQ(EBUSY, pthread_rwlock_tryrdlock(&rw2));
}

TEST(barrier_is_none)
{
	pthread_barrier_t b;

	ASSERT_EQ(0, pthread_barrier_init(&b, NULL, 2));
	is_no_point(_metadata, step_barrier, &b, step_barrier);
}

PX_MAIN
