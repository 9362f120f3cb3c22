// SPDX-License-Identifier: GPL-2.0
/*
 * Condition variables: waiting, waking, timing out.
 */
#include "lib/px.h"

FIXTURE(cond)
{
	struct queue *q;
	struct actor *a[4];
	enum actor_kind kind;
};

FIXTURE_VARIANT(cond)
{
	struct mutex_sort sort;
	int pshared;
};

FIXTURE_VARIANT_ADD(cond, normal)
{
};

FIXTURE_VARIANT_ADD(cond, errorcheck)
{
	.sort = { .type = PTHREAD_MUTEX_ERRORCHECK },
};

FIXTURE_VARIANT_ADD(cond, recursive)
{
	.sort = { .type = PTHREAD_MUTEX_RECURSIVE },
};

FIXTURE_VARIANT_ADD(cond, pi)
{
	.sort = { .protocol = PTHREAD_PRIO_INHERIT },
};

FIXTURE_VARIANT_ADD(cond, robust)
{
	.sort = { .robust = PTHREAD_MUTEX_ROBUST },
};

FIXTURE_VARIANT_ADD(cond, robust_pi)
{
	.sort = { .robust = PTHREAD_MUTEX_ROBUST, .protocol = PTHREAD_PRIO_INHERIT },
};

FIXTURE_VARIANT_ADD(cond, shared)
{
	.pshared = PTHREAD_PROCESS_SHARED,
};

FIXTURE_VARIANT_ADD(cond, shared_robust_pi)
{
	.pshared = PTHREAD_PROCESS_SHARED,
	.sort = { .robust = PTHREAD_MUTEX_ROBUST, .protocol = PTHREAD_PRIO_INHERIT },
};

FIXTURE_SETUP(cond)
{
	struct mutex_sort sort = variant->sort;
	unsigned int i;

	sort.pshared = variant->pshared;
	self->q = px_shared(sizeof(*self->q));
	ASSERT_EQ(0, mutex_make(&self->q->mutex, sort));
	ASSERT_EQ(0, cond_make(&self->q->cond, CLOCK_REALTIME, variant->pshared));
	for (i = 0; i < ARRAY_SIZE(self->a); i++)
		self->a[i] = actor_start(variant->pshared ? PROCESS : THREAD);
}

FIXTURE_TEARDOWN(cond)
{
}

static int held_by_another(struct actor *a, struct queue *q)
{
	return DO(a, step_trylock, &q->mutex) == EBUSY;
}

/* pthread_cond_wait, DESCRIPTION: the mutex is released while the thread waits. */
TEST_F(cond, wait_releases_the_mutex)
{
	BLOCKS(self->a[0], step_queue_wait, self->q);
	EXPECT_EQ(0, pthread_mutex_trylock(&self->q->mutex));
	EXPECT_EQ(1, self->q->waiting);
	EXPECT_EQ(0, pthread_mutex_unlock(&self->q->mutex));
}

static int wait_and_keep(void *arg)
{
	struct queue *q = arg;
	int ret = pthread_mutex_lock(&q->mutex);

	while (!ret && !q->tickets)
		ret = pthread_cond_wait(&q->cond, &q->mutex);
	return ret;
}

/* The same: on return the mutex is locked and the caller its owner. */
TEST_F(cond, wait_returns_with_the_mutex)
{
	BLOCKS(self->a[0], wait_and_keep, self->q);
	EXPECT_EQ(0, step_queue_signal(self->q));
	ENDS(0, self->a[0]);
	EXPECT_TRUE(held_by_another(self->a[1], self->q));
	EXPECT_EQ(0, DO(self->a[0], step_unlock, &self->q->mutex));
	EXPECT_EQ(0, pthread_mutex_trylock(&self->q->mutex));
}

/* The same: it waits for the mutex that somebody holds when it is woken. */
TEST_F(cond, woken_waits_for_the_mutex)
{
	BLOCKS(self->a[0], wait_and_keep, self->q);
	ASSERT_EQ(0, pthread_mutex_lock(&self->q->mutex));
	self->q->tickets = 1;
	EXPECT_EQ(0, pthread_cond_signal(&self->q->cond));
	EXPECT_EQ(0, actor_sleeps(self->a[0]));
	EXPECT_EQ(0, pthread_mutex_unlock(&self->q->mutex));
	ENDS(0, self->a[0]);
	EXPECT_EQ(EBUSY, pthread_mutex_trylock(&self->q->mutex));
}

/* pthread_cond_broadcast, DESCRIPTION: signal unblocks at least one of them. */
TEST_F(cond, signal_wakes_one)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		BLOCKS(self->a[i], step_queue_wait, self->q);
	for (i = 1; i <= 4; i++) {
		EXPECT_EQ(0, step_queue_signal(self->q));
		EXPECT_EQ(0, px_value(&self->q->taken, i));
		EXPECT_EQ(0, px_value(&self->q->waiting, 4 - i));
	}
	for (i = 0; i < 4; i++)
		ENDS(0, self->a[i]);
}

/* The same: broadcast unblocks all, also when the mutex is held. */
TEST_F(cond, broadcast_wakes_all)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		BLOCKS(self->a[i], step_queue_wait, self->q);
	EXPECT_EQ(0, step_queue_broadcast(self->q));
	for (i = 0; i < 4; i++)
		ENDS(0, self->a[i]);
}

TEST_F(cond, broadcast_under_the_mutex_wakes_all)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		BLOCKS(self->a[i], step_queue_wait, self->q);
	EXPECT_EQ(0, pthread_mutex_lock(&self->q->mutex));
	self->q->tickets = 4;
	EXPECT_EQ(0, pthread_cond_broadcast(&self->q->cond));
	EXPECT_EQ(4, self->q->waiting);
	EXPECT_EQ(0, pthread_mutex_unlock(&self->q->mutex));
	for (i = 0; i < 4; i++)
		ENDS(0, self->a[i]);
}

/* A wait of one wake-up each, with no other condition to return. */
static int timedwait_once_soon(void *arg)
{
	const struct timespec t = px_in(CLOCK_REALTIME, 30);
	struct queue *q = arg;
	int ret = pthread_mutex_lock(&q->mutex);

	while (!ret)
		ret = pthread_cond_timedwait(&q->cond, &q->mutex, &t);
	if (ret == ETIMEDOUT && !px_passed(CLOCK_REALTIME, &t))
		return -1;
	return ret;
}

/* The same: with nobody waiting they have no effect, not even later. */
TEST_F(cond, signal_without_waiters_is_lost)
{
	EXPECT_EQ(0, pthread_cond_signal(&self->q->cond));
	EXPECT_EQ(0, pthread_cond_broadcast(&self->q->cond));
	BLOCKS(self->a[0], step_queue_wait, self->q);
	EXPECT_EQ(0, self->q->returns);
	EXPECT_EQ(0, step_queue_signal(self->q));
	ENDS(0, self->a[0]);
}

/* pthread_cond_timedwait, DESCRIPTION and ERRORS: [ETIMEDOUT], not early, mutex held. */
TEST_F(cond, timedwait_times_out_with_the_mutex)
{
	EXPECT_EQ(ETIMEDOUT, DO(self->a[0], timedwait_once_soon, self->q));
	EXPECT_TRUE(held_by_another(self->a[1], self->q));
	EXPECT_EQ(0, DO(self->a[0], step_unlock, &self->q->mutex));
	EXPECT_EQ(0, pthread_mutex_trylock(&self->q->mutex));
}

/* The same: a time that has passed is a timeout. */
TEST_F(cond, timedwait_past_times_out_with_the_mutex)
{
	const struct timespec past = px_in(CLOCK_REALTIME, -1000);
	const struct timespec before = { .tv_sec = -1 };

	EXPECT_EQ(0, pthread_mutex_lock(&self->q->mutex));
	EXPECT_EQ(ETIMEDOUT, pthread_cond_timedwait(&self->q->cond, &self->q->mutex, &past));
	EXPECT_TRUE(held_by_another(self->a[0], self->q));
	EXPECT_EQ(ETIMEDOUT, pthread_cond_timedwait(&self->q->cond, &self->q->mutex, &before));
	EXPECT_TRUE(held_by_another(self->a[0], self->q));
	EXPECT_EQ(0, pthread_mutex_unlock(&self->q->mutex));
}

/* The same, ERRORS: [EINVAL] for such tv_nsec, with the mutex held all the time. */
TEST_F(cond, timedwait_refuses_nanoseconds)
{
	struct timespec t = px_late(CLOCK_REALTIME);

	EXPECT_EQ(0, pthread_mutex_lock(&self->q->mutex));
	t.tv_nsec = 1000000000;
	EXPECT_EQ(EINVAL, pthread_cond_timedwait(&self->q->cond, &self->q->mutex, &t));
	EXPECT_TRUE(held_by_another(self->a[0], self->q));
	t.tv_nsec = -1;
	EXPECT_EQ(EINVAL, pthread_cond_timedwait(&self->q->cond, &self->q->mutex, &t));
	EXPECT_TRUE(held_by_another(self->a[0], self->q));
	EXPECT_EQ(0, pthread_mutex_unlock(&self->q->mutex));
}

/* The same: signalled in time it returns 0. */
TEST_F(cond, timedwait_is_signalled)
{
	BLOCKS(self->a[0], step_queue_timedwait_late, self->q);
	EXPECT_EQ(0, step_queue_signal(self->q));
	ENDS(0, self->a[0]);
}

/* pthread_cond_clockwait (glibc 2.30, Issue 8): on the clock named, whatever the cond's. */
TEST_F(cond, clockwait_is_signalled)
{
	BLOCKS(self->a[0], step_queue_clockwait_late, self->q);
	EXPECT_EQ(0, step_queue_signal(self->q));
	ENDS(0, self->a[0]);
}

TEST_F(cond, clockwait_times_out_with_the_mutex)
{
	struct timespec t = px_in(CLOCK_MONOTONIC, 30);
	int ret = 0;

	EXPECT_EQ(0, pthread_mutex_lock(&self->q->mutex));
	while (!ret)
		ret = pthread_cond_clockwait(&self->q->cond, &self->q->mutex,
					     CLOCK_MONOTONIC, &t);
	EXPECT_EQ(ETIMEDOUT, ret);
	EXPECT_TRUE(px_passed(CLOCK_MONOTONIC, &t));
	EXPECT_TRUE(held_by_another(self->a[0], self->q));
	EXPECT_EQ(0, pthread_mutex_unlock(&self->q->mutex));
}

TEST_F(cond, clockwait_refuses_clocks_and_nanoseconds)
{
	struct timespec t = px_late(CLOCK_MONOTONIC);

	EXPECT_EQ(0, pthread_mutex_lock(&self->q->mutex));
	EXPECT_EQ(EINVAL, pthread_cond_clockwait(&self->q->cond, &self->q->mutex,
						 CLOCK_PROCESS_CPUTIME_ID, &t));
	t.tv_nsec = 1000000000;
	EXPECT_EQ(EINVAL, pthread_cond_clockwait(&self->q->cond, &self->q->mutex,
						 CLOCK_MONOTONIC, &t));
	EXPECT_TRUE(held_by_another(self->a[0], self->q));
	EXPECT_EQ(0, pthread_mutex_unlock(&self->q->mutex));
}

/* pthread_cond_wait, ERRORS: [EPERM] for ERRORCHECK or robust not owned by the caller. */
TEST_F(cond, wait_without_the_mutex_is_eperm)
{
	const struct timespec t = px_in(CLOCK_REALTIME, 30);

	if (variant->sort.type != PTHREAD_MUTEX_ERRORCHECK && !variant->sort.robust)
		SKIP(return, "undefined for this sort");
	EXPECT_EQ(EPERM, pthread_cond_wait(&self->q->cond, &self->q->mutex));
	EXPECT_EQ(0, DO(self->a[0], step_lock, &self->q->mutex));
	EXPECT_EQ(EPERM, pthread_cond_wait(&self->q->cond, &self->q->mutex));
	EXPECT_EQ(EPERM, pthread_cond_timedwait(&self->q->cond, &self->q->mutex, &t));
	EXPECT_EQ(0, DO(self->a[0], step_unlock, &self->q->mutex));
}

/* pthread_cond_destroy, DESCRIPTION: right after a broadcast, once nobody is blocked. */
TEST_F(cond, destroy_right_after_broadcast)
{
	int i;

	for (i = 0; i < 50; i++) {
		self->q->tickets = 0;
		BLOCKS(self->a[0], step_queue_wait, self->q);
		BLOCKS(self->a[1], step_queue_wait, self->q);
		EXPECT_EQ(0, pthread_mutex_lock(&self->q->mutex));
		self->q->tickets = 2;
		EXPECT_EQ(0, pthread_cond_broadcast(&self->q->cond));
		EXPECT_EQ(0, pthread_mutex_unlock(&self->q->mutex));
		EXPECT_EQ(0, pthread_cond_destroy(&self->q->cond));
		memset(&self->q->cond, 0x5a, sizeof(self->q->cond));
		ENDS(0, self->a[0]);
		ENDS(0, self->a[1]);
		ASSERT_EQ(0, cond_make(&self->q->cond, CLOCK_REALTIME, variant->pshared));
	}
}

/* A signal handler that returns: the wait goes on or wakes spuriously, never [EINTR]. */
static void nothing(int sig)
{
	(void)sig;
}

TEST_F(cond, wait_goes_on_after_a_signal)
{
	const struct sigaction sa = { .sa_handler = nothing };

	if (variant->pshared)
		SKIP(return, "processes do not have the handler");
	ASSERT_EQ(0, sigaction(SIGUSR1, &sa, NULL));
	BLOCKS(self->a[0], step_queue_wait, self->q);
	BLOCKS(self->a[1], step_queue_timedwait_late, self->q);
	EXPECT_EQ(0, pthread_kill(self->a[0]->thread, SIGUSR1));
	EXPECT_EQ(0, pthread_kill(self->a[1]->thread, SIGUSR1));
	EXPECT_EQ(0, actor_sleeps(self->a[0]));
	EXPECT_EQ(0, actor_sleeps(self->a[1]));
	EXPECT_EQ(0, step_queue_broadcast(self->q));
	ENDS(0, self->a[0]);
	ENDS(0, self->a[1]);
}

/* RECURSIVE, locked twice: undefined to release it by waiting; the count comes back. */
static int wait_locked_twice(void *arg)
{
	struct queue *q = arg;
	const struct timespec t = px_in(CLOCK_REALTIME, 30);

	pthread_mutex_lock(&q->mutex);
	pthread_mutex_lock(&q->mutex);
	while (pthread_cond_timedwait(&q->cond, &q->mutex, &t) != ETIMEDOUT)
		;
	return pthread_mutex_unlock(&q->mutex) ? : pthread_mutex_unlock(&q->mutex);
}

TEST_F(cond, wait_keeps_the_count)
{
	if (variant->sort.type != PTHREAD_MUTEX_RECURSIVE)
		SKIP(return, "only recursive ones count");
	EXPECT_EQ(0, DO(self->a[0], wait_locked_twice, self->q));
	EXPECT_EQ(0, pthread_mutex_trylock(&self->q->mutex));
	EXPECT_EQ(0, pthread_mutex_unlock(&self->q->mutex));
}

#define ROUNDS 3000

static int ping(void *arg)
{
	struct queue *q = arg;
	int i, ret = 0;

	for (i = 0; i < ROUNDS && !ret; i++) {
		ret = pthread_mutex_lock(&q->mutex);
		while (!ret && !q->tickets)
			ret = pthread_cond_wait(&q->cond, &q->mutex);
		q->tickets--;
		q->taken++;
		ret = ret ? : pthread_mutex_unlock(&q->mutex);
	}
	return ret;
}

/* pthread_cond_wait, DESCRIPTION: releasing and waiting are one step; no signal between is lost. */
TEST_F(cond, no_signal_is_lost)
{
	int i, ret = 0;

	actor_post(self->a[0], ping, self->q);
	actor_post(self->a[1], ping, self->q);
	for (i = 0; i < 2 * ROUNDS && !ret; i++)
		ret = step_queue_signal(self->q);
	EXPECT_EQ(0, ret);
	ENDS(0, self->a[0]);
	ENDS(0, self->a[1]);
	EXPECT_EQ(2 * ROUNDS, self->q->taken);
}

PX_MAIN
