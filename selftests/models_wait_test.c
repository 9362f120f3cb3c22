// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks that wait for objects without an owner: semaphores, events, latches, waitqs and
 * barriers; timed, cancelled, with one thread for all tasks or many; by io_uring and
 * without.
 */
#include "lib/ksft.h"
#include "lib/models_sync.h"

#define SHORT	(5 * MSEC)
#define LONG	(1000 * SEC)

static struct ksync_sem sem;
static struct ksync_event event;
static struct ksync_latch latch;
static struct ksync_waitq waitq;
static struct ksync_barrier barrier;

/* What is there is taken, without a deadline's being looked at. */
static void *timed(void *arg)
{
	struct timespec past = { 0 }, soon, wrong = { .tv_nsec = -1 };

	CHECK(!ksync_sem_init(&sem, domain, 1, 0));
	CHECK(!ksync_event_init(&event, domain, 0));
	CHECK(!ksync_latch_init(&latch, domain, 1));
	CHECK(!ksync_waitq_init(&waitq, domain, 0));
	CHECK(!ksync_barrier_init(&barrier, domain, 2));
	CHECK(!ksync_task_sem_wait_timed(&sem, &past));
	CHECK(ksync_task_sem_wait_timed(&sem, &wrong) == -EINVAL);
	CHECK(ksync_task_sem_wait_timed(&sem, &past) == -ETIMEDOUT);
	soon = models_in(SHORT);
	CHECK(ksync_task_sem_wait_timed(&sem, &soon) == -ETIMEDOUT);
	soon = models_in(SHORT);
	CHECK(ksync_task_event_wait_timed(&event, &soon) == -ETIMEDOUT);
	soon = models_in(SHORT);
	CHECK(ksync_task_latch_wait_timed(&latch, &soon) == -ETIMEDOUT);
	soon = models_in(SHORT);
	CHECK(ksync_task_waitq_wait_timed(&waitq, 0, 1, &soon) == -ETIMEDOUT);
	CHECK(ksync_task_waitq_wait_timed(&waitq, 1, 1, &soon) == -EAGAIN);
	CHECK(ksync_task_waitq_wait_timed(&waitq, 0, 0, &soon) == -EINVAL);
	soon = models_in(SHORT);
	CHECK(ksync_task_barrier_wait_timed(&barrier, &soon) == -ETIMEDOUT);
	/* Nobody waits any more, and what comes now is not lost. */
	CHECK(!ksync_sem_post(&sem) && ksync_sem_value(&sem) == 1);
	CHECK(ksync_event_set(&event) == 0 && !ksync_task_event_wait(&event));
	CHECK(!ksync_latch_count_down(&latch, 1) && !ksync_task_latch_wait(&latch));
	CHECK(!ksync_sem_destroy(&sem) && !ksync_event_destroy(&event));
	CHECK(!ksync_latch_destroy(&latch) && !ksync_waitq_destroy(&waitq));
	CHECK(!ksync_barrier_destroy(&barrier));
	CHECK(ksync_task_sem_wait(&sem) == -EBADF);
	CHECK(ksync_task_event_wait(&event) == -EBADF);
	CHECK(ksync_task_waitq_wait(&waitq, 0) == -EBADF);
	CHECK(ksync_task_latch_wait(&latch) == -EBADF);
	CHECK(ksync_task_barrier_wait(&barrier) == -EBADF);
	return arg;
}

TEST_F(models, deadlines)
{
	OPEN_DOMAIN();
	RUN_BOTH(timed, NULL);
}

static void *wait_sem(void *arg)
{
	return (void *)(long)(ksync_task_sem_wait(&sem) + (long)arg);
}

static void *wait_event(void *arg)
{
	return (void *)(long)(ksync_task_event_wait(&event) + (long)arg);
}

static void *wait_latch(void *arg)
{
	return (void *)(long)(ksync_task_latch_wait(&latch) + (long)arg);
}

static void *wait_waitq(void *arg)
{
	return (void *)(long)(ksync_task_waitq_wait_timed(&waitq, 0, (long)arg, NULL));
}

static void *wait_barrier(void *arg)
{
	return (void *)(long)(ksync_task_barrier_wait(&barrier) + (long)arg);
}

/* Cancelled in each kind of wait; the objects are as before. */
static void *cancelled(void *arg)
{
	void *(*const waits[])(void *) = { wait_sem, wait_event, wait_latch, wait_barrier };
	struct ksync_task *t;
	struct ksync_query query;
	size_t i;

	CHECK(!ksync_sem_init(&sem, domain, 0, 0));
	CHECK(!ksync_event_init(&event, domain, 0));
	CHECK(!ksync_latch_init(&latch, domain, 1));
	CHECK(!ksync_waitq_init(&waitq, domain, 0));
	CHECK(!ksync_barrier_init(&barrier, domain, 2));
	for (i = 0; i < 4; i++) {
		CHECK(!ksync_task_spawn(&t, waits[i], NULL, NULL));
		if (i == 0)
			AWAIT(&sem, 1);
		else if (i == 1)
			AWAIT(&event, 1);
		else if (i == 2)
			AWAIT(&latch, 1);
		else
			AWAIT(&barrier, 1);
		ksync_task_cancel(t);
		CHECK(JOINED(t) == (void *)-ECANCELED);
	}
	CHECK(!ksync_query(&sem, &query) && !query.waiters);
	CHECK(!ksync_query(&event, &query) && !query.waiters);
	CHECK(!__atomic_load_n(&sem.o.cell->waiters, __ATOMIC_RELAXED));
	CHECK(!__atomic_load_n(&event.o.cell->waiters, __ATOMIC_RELAXED));
	CHECK(!ksync_query(&latch, &query) && !query.waiters);
	CHECK(!ksync_sem_post(&sem) && ksync_sem_value(&sem) == 1);
	/* Cancelled before: what is there it gets, it does not wait. */
	CHECK(!ksync_task_spawn(&t, wait_sem, NULL, NULL));
	ksync_task_cancel(t);
	CHECK(!JOINED(t));
	CHECK(!ksync_task_spawn(&t, wait_sem, NULL, NULL));
	ksync_task_cancel(t);
	CHECK(JOINED(t) == (void *)-ECANCELED);
	CHECK(!ksync_sem_destroy(&sem) && !ksync_event_destroy(&event));
	CHECK(!ksync_latch_destroy(&latch) && !ksync_waitq_destroy(&waitq));
	CHECK(!ksync_barrier_destroy(&barrier));
	return arg;
}

TEST_F(models, cancellation)
{
	OPEN_DOMAIN();
	RUN_BOTH(cancelled, NULL);
}

static void *masked_wait(void *arg)
{
	ksync_task_cancel_disable();
	CHECK(!ksync_task_sem_wait(&sem));
	ksync_task_cancel_enable();
	CHECK(ksync_task_sem_wait(&sem) == -ECANCELED);
	return arg;
}

static void *masked(void *arg)
{
	struct ksync_task *t;
	int i;

	CHECK(!ksync_sem_init(&sem, domain, 0, 0));
	CHECK(!ksync_task_spawn(&t, masked_wait, NULL, NULL));
	AWAIT(&sem, 1);
	ksync_task_cancel(t);
	for (i = 0; i < 100; i++)
		ksync_task_yield();
	AWAIT(&sem, 1);
	CHECK(!ksync_sem_post(&sem));
	CHECK(!JOINED(t));
	CHECK(!ksync_sem_destroy(&sem));
	return arg;
}

TEST_F(models, masked_cancellation)
{
	OPEN_DOMAIN();
	RUN_BOTH(masked, NULL);
}

/* Each is released as by threads: one by a set, all by a count, some by their bits. */
static void *released(void *arg)
{
	struct ksync_task *t[4];
	int i, serials = 0;
	void *said;

	CHECK(!ksync_event_init(&event, domain, 0));
	CHECK(!ksync_latch_init(&latch, domain, 3));
	CHECK(!ksync_waitq_init(&waitq, domain, 0));
	CHECK(!ksync_barrier_init(&barrier, domain, 4));
	for (i = 0; i < 2; i++)
		CHECK(!ksync_task_spawn(&t[i], wait_event, NULL, NULL));
	AWAIT(&event, 2);
	CHECK(!ksync_event_set(&event));
	AWAIT(&event, 1);
	while (ksync_event_set(&event))
		ksync_task_yield();
	CHECK(!JOINED(t[0]) && !JOINED(t[1]));
	for (i = 0; i < 4; i++)
		CHECK(!ksync_task_spawn(&t[i], wait_latch, NULL, NULL));
	AWAIT(&latch, 4);
	CHECK(!ksync_latch_count_down(&latch, 2) && !ksync_latch_count_down(&latch, 1));
	for (i = 0; i < 4; i++)
		CHECK(!JOINED(t[i]));
	for (i = 0; i < 4; i++)
		CHECK(!ksync_task_spawn(&t[i], wait_waitq, (void *)(1L << i), NULL));
	AWAIT(&waitq, 4);
	*ksync_waitq_word(&waitq) = 1;
	while (!(i = ksync_waitq_wake_bitset(&waitq, 4, 4)))
		ksync_task_yield();
	CHECK(i == 1 && !JOINED(t[2]));
	/* Those that come back meanwhile, without a ring, see that it differs. */
	ksync_waitq_wake(&waitq, 4);
	for (i = 0; i < 4; i++) {
		said = i == 2 ? NULL : JOINED(t[i]);
		CHECK(!said || said == (void *)-EAGAIN);
	}
	for (i = 0; i < 4; i++)
		CHECK(!ksync_task_spawn(&t[i], wait_barrier, NULL, NULL));
	for (i = 0; i < 4; i++)
		serials += JOINED(t[i]) == (void *)KSYNC_BARRIER_SERIAL;
	CHECK(serials == 1);
	CHECK(!ksync_event_destroy(&event) && !ksync_latch_destroy(&latch));
	CHECK(!ksync_waitq_destroy(&waitq) && !ksync_barrier_destroy(&barrier));
	return arg;
}

TEST_F(models, each_kind_releases)
{
	OPEN_DOMAIN();
	RUN_BOTH(released, NULL);
}

/* A thread and a task take turns. */
static struct ksync_sem turns[2];

static void *thread_turns(void *n)
{
	long i;

	for (i = 0; i < (long)n; i++)
		if (ksync_task_sem_wait(&turns[0]) || ksync_sem_post(&turns[1]))
			return (void *)1;
	return NULL;
}

static void *task_turns(void *n)
{
	long i;

	for (i = 0; i < (long)n; i++)
		CHECK(!ksync_sem_post(&turns[0]) && !ksync_task_sem_wait(&turns[1]));
	return NULL;
}

static void *turns_with_thread(void *n)
{
	pthread_t thread;
	void *line;

	CHECK(!pthread_create(&thread, NULL, thread_turns, n));
	line = task_turns(n);
	pthread_join(thread, NULL);
	return line;
}

TEST_F(models, tasks_and_threads_take_turns)
{
	OPEN_DOMAIN();
	ASSERT_EQ(0, ksync_sem_init(&turns[0], domain, 0, 0));
	ASSERT_EQ(0, ksync_sem_init(&turns[1], domain, 0, 0));
	RUN_BOTH(turns_with_thread, (void *)(slow_factor() > 1 ? 20L : 300L));
}

/* A task that waits for the world outside is no deadlock; stop ends it. */
static void *detached_wait(void *arg)
{
	ksync_task_sem_wait(&sem);
	return arg;
}

static void *leaves_one(void *arg)
{
	CHECK(!ksync_task_spawn(NULL, detached_wait, NULL, NULL));
	AWAIT(&sem, 1);
	return arg;
}

TEST_F(models, stop_ends_waits)
{
	struct ksync_sched *s;
	struct ksync_query query;
	int ring;

	OPEN_DOMAIN();
	ASSERT_EQ(0, ksync_sem_init(&sem, domain, 0, 0));
	for (ring = 0; ring < 2; ring++) {
		setenv("KSYNC_MODELS_RING", ring ? "1" : "0", 1);
		ASSERT_EQ(0, ksync_sched_start(&s, &variant->opts));
		RUN_ON(s, leaves_one, NULL);
		EXPECT_EQ(0, ksync_sched_stop(s));
		ASSERT_EQ(0, ksync_query(&sem, &query));
		EXPECT_EQ(0, query.waiters);
	}
}

static int calls;

static int third_time(void *arg, const struct timespec *until)
{
	if (++calls == 3)
		return *(int *)arg;
	return until ? -ETIMEDOUT : -EINVAL;
}

static void *generic_call(void *arg)
{
	struct timespec soon = models_in(LONG), past = { 0 };
	int said = 42;

	calls = 0;
	CHECK(ksync_task_call(third_time, &said, NULL) == 42 && calls == 3);
	calls = 0;
	/* Virtual time passes at once where all wait: that may be after any of them. */
	CHECK(arg || ksync_task_call(third_time, &said, &soon) == 42);
	calls = 3; /* never any more: where time is virtual it is called until noticed */
	CHECK(ksync_task_call(third_time, &said, &past) == -ETIMEDOUT);
	return NULL;
}

TEST_F(models, any_call)
{
	RUN(generic_call, variant->opts.flags & KSYNC_SCHED_SEEDED ? self->s : NULL);
}

/* Woken from outside again and again, all tasks of N:1 stay where they are. */
static void *same_thread(void *arg)
{
	const pthread_t here = pthread_self();
	long i;

	for (i = 0; i < (long)arg; i++) {
		CHECK(!ksync_sem_post(&turns[0]) && !ksync_task_sem_wait(&turns[1]));
		CHECK(pthread_equal(here, pthread_self()));
	}
	return NULL;
}

static void *outside(void *arg)
{
	return thread_turns(arg);
}

TEST_F(models, one_thread_is_one)
{
	const long n = slow_factor() > 1 ? 50 : 3000;
	struct ksync_sched_stats st;
	pthread_t thread;

	if (variant->opts.model != KSYNC_MODEL_N1)
		SKIP(return, "more than one thread");
	OPEN_DOMAIN();
	ASSERT_EQ(0, ksync_sem_init(&turns[0], domain, 0, 0));
	ASSERT_EQ(0, ksync_sem_init(&turns[1], domain, 0, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, outside, (void *)n));
	RUN(same_thread, (void *)n);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ksync_sched_stats(self->s, &st);
	EXPECT_EQ(1, st.threads);
}

KSFT_MAIN
