// SPDX-License-Identifier: GPL-2.0
/*
 * Condition variables: attributes, and the order of waking.
 */
#include "lib/px.h"

/* pthread_condattr_getclock, DESCRIPTION: the default is CLOCK_REALTIME. */
TEST(default_clock_is_realtime)
{
	pthread_condattr_t attr;
	clockid_t clock = -1;

	EXPECT_EQ(0, pthread_condattr_init(&attr));
	EXPECT_EQ(0, pthread_condattr_getclock(&attr, &clock));
	EXPECT_EQ(CLOCK_REALTIME, clock);
	EXPECT_EQ(0, pthread_condattr_destroy(&attr));
}

TEST(getclock_says_what_was_set)
{
	pthread_condattr_t attr;
	clockid_t clock = -1;

	EXPECT_EQ(0, pthread_condattr_init(&attr));
	EXPECT_EQ(0, pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
	EXPECT_EQ(0, pthread_condattr_getclock(&attr, &clock));
	EXPECT_EQ(CLOCK_MONOTONIC, clock);
}

/* pthread_condattr_setclock, ERRORS: [EINVAL] for a CPU-time clock or none. */
TEST(setclock_refuses_cpu_time)
{
	pthread_condattr_t attr;
	clockid_t clock = -1;

	EXPECT_EQ(0, pthread_condattr_init(&attr));
	EXPECT_EQ(EINVAL, pthread_condattr_setclock(&attr, CLOCK_PROCESS_CPUTIME_ID));
	EXPECT_EQ(EINVAL, pthread_condattr_setclock(&attr, CLOCK_THREAD_CPUTIME_ID));
	EXPECT_EQ(EINVAL, pthread_condattr_setclock(&attr, 4711));
	EXPECT_EQ(0, pthread_condattr_getclock(&attr, &clock));
	EXPECT_EQ(CLOCK_REALTIME, clock);
}

/* pthread_condattr_getpshared, DESCRIPTION: the default is PRIVATE; others [EINVAL]. */
TEST(pshared_is_private_until_set)
{
	pthread_condattr_t attr;
	int pshared = -1;

	EXPECT_EQ(0, pthread_condattr_init(&attr));
	EXPECT_EQ(0, pthread_condattr_getpshared(&attr, &pshared));
	EXPECT_EQ(PTHREAD_PROCESS_PRIVATE, pshared);
	EXPECT_EQ(EINVAL, pthread_condattr_setpshared(&attr, 4711));
	EXPECT_EQ(0, pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_SHARED));
	EXPECT_EQ(0, pthread_condattr_getpshared(&attr, &pshared));
	EXPECT_EQ(PTHREAD_PROCESS_SHARED, pshared);
}

/* pthread_cond_timedwait, DESCRIPTION: the time is one of the cond's clock. */
static int timedwait(pthread_cond_t *c, struct timespec t)
{
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	int ret;

	pthread_mutex_lock(&m);
	do {
		ret = pthread_cond_timedwait(c, &m, &t);
	} while (!ret);
	pthread_mutex_unlock(&m);
	return ret;
}

TEST(timedwait_is_on_the_monotonic_clock)
{
	const struct timespec t = px_in(CLOCK_MONOTONIC, 30);
	pthread_cond_t c;

	ASSERT_EQ(0, cond_make(&c, CLOCK_MONOTONIC, PTHREAD_PROCESS_PRIVATE));
	EXPECT_EQ(ETIMEDOUT, timedwait(&c, t));
	EXPECT_TRUE(px_passed(CLOCK_MONOTONIC, &t));
	EXPECT_EQ(0, pthread_cond_destroy(&c));
}

static int sleep_monotonic(void *arg)
{
	return timedwait(arg, px_late(CLOCK_MONOTONIC));
}

static int sleep_realtime(void *arg)
{
	return timedwait(arg, px_late(CLOCK_REALTIME));
}

/* A late time on one clock would be over long ago, or never, on the other. */
TEST(each_clock_sleeps_on_its_own)
{
	pthread_cond_t mono, real, init = PTHREAD_COND_INITIALIZER;
	struct actor *a = actor_start(THREAD), *b = actor_start(THREAD), *c = actor_start(THREAD);

	ASSERT_EQ(0, cond_make(&mono, CLOCK_MONOTONIC, PTHREAD_PROCESS_PRIVATE));
	ASSERT_EQ(0, cond_make(&real, CLOCK_REALTIME, PTHREAD_PROCESS_PRIVATE));
	BLOCKS(a, sleep_monotonic, &mono);
	BLOCKS(b, sleep_realtime, &real);
	BLOCKS(c, sleep_realtime, &init);
	EXPECT_EQ(ETIMEDOUT, timedwait(&real, px_in(CLOCK_REALTIME, 30)));
	EXPECT_EQ(ETIMEDOUT, timedwait(&init, px_in(CLOCK_REALTIME, 30)));
}

/* pthread_cond_clockwait: its clock counts, not the cond's. */
static int clock_sleep(void *arg)
{
	const struct timespec t = px_late(CLOCK_REALTIME);
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	int ret;

	pthread_mutex_lock(&m);
	ret = pthread_cond_clockwait(arg, &m, CLOCK_REALTIME, &t);
	pthread_mutex_unlock(&m);
	return ret;
}

TEST(clockwait_overrides_the_clock)
{
	struct actor *a = actor_start(THREAD);
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	struct timespec t;
	pthread_cond_t c;
	int ret;

	ASSERT_EQ(0, cond_make(&c, CLOCK_MONOTONIC, PTHREAD_PROCESS_PRIVATE));
	pthread_mutex_lock(&m);
	t = px_in(CLOCK_REALTIME, 30);
	do {
		ret = pthread_cond_clockwait(&c, &m, CLOCK_REALTIME, &t);
	} while (!ret);
	EXPECT_EQ(ETIMEDOUT, ret);
	EXPECT_TRUE(px_passed(CLOCK_REALTIME, &t));
	BLOCKS(a, clock_sleep, &c);
	EXPECT_EQ(0, pthread_cond_broadcast(&c));
	ENDS(0, a);
}

/* pthread_condattr_destroy, pthread_cond_init: the cond keeps no tie to its attributes. */
TEST(attributes_are_copied)
{
	const struct timespec t = px_in(CLOCK_MONOTONIC, 30);
	pthread_condattr_t attr;
	pthread_cond_t c;

	EXPECT_EQ(0, pthread_condattr_init(&attr));
	EXPECT_EQ(0, pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
	EXPECT_EQ(0, pthread_cond_init(&c, &attr));
	EXPECT_EQ(0, pthread_condattr_setclock(&attr, CLOCK_REALTIME));
	EXPECT_EQ(0, pthread_condattr_destroy(&attr));
	EXPECT_EQ(ETIMEDOUT, timedwait(&c, t));
	EXPECT_TRUE(px_passed(CLOCK_MONOTONIC, &t));
}

/* pthread_cond_init: one can be destroyed and made again, of another clock. */
TEST(destroy_and_make_again)
{
	pthread_cond_t c;
	int i;

	for (i = 0; i < 4; i++) {
		const clockid_t clock = i % 2 ? CLOCK_MONOTONIC : CLOCK_REALTIME;

		ASSERT_EQ(0, cond_make(&c, clock, PTHREAD_PROCESS_PRIVATE));
		EXPECT_EQ(ETIMEDOUT, timedwait(&c, px_in(clock, 5)));
		EXPECT_EQ(0, pthread_cond_signal(&c));
		EXPECT_EQ(0, pthread_cond_destroy(&c));
		memset(&c, 0xa5, sizeof(c));
	}
}

struct ordered {
	struct queue *q;
	int prio;
};

static int wait_ordered(void *arg)
{
	struct ordered *o = arg;
	struct queue *q = o->q;
	int ret = px_set_prio(o->prio) ? : pthread_mutex_lock(&q->mutex);

	if (ret)
		return ret;
	q->waiting++;
	ret = pthread_cond_wait(&q->cond, &q->mutex);
	q->order[q->taken] = o->prio;
	__atomic_add_fetch(&q->taken, 1, __ATOMIC_RELEASE);
	return ret ? : pthread_mutex_unlock(&q->mutex);
}

static void waiters_wake_in_order(struct __test_metadata *_metadata, const int *prio,
				  int n, int broadcast)
{
	struct queue *q = px_shared(sizeof(*q));
	struct ordered o[8];
	struct actor *a[8];
	int i;

	ASSERT_EQ(0, mutex_make(&q->mutex, (struct mutex_sort){ 0 }));
	ASSERT_EQ(0, cond_make(&q->cond, CLOCK_REALTIME, PTHREAD_PROCESS_PRIVATE));
	for (i = 0; i < n; i++) {
		a[i] = actor_start(THREAD);
		o[i] = (struct ordered){ .q = q, .prio = prio[i] };
		BLOCKS(a[i], wait_ordered, &o[i]);
	}
	if (broadcast) {
		ASSERT_EQ(0, pthread_mutex_lock(&q->mutex));
		EXPECT_EQ(0, pthread_cond_broadcast(&q->cond));
		EXPECT_EQ(0, pthread_mutex_unlock(&q->mutex));
		EXPECT_EQ(0, px_value(&q->taken, n));
	}
	for (i = 0; i < n && !broadcast; i++) {
		EXPECT_EQ(0, pthread_cond_signal(&q->cond));
		EXPECT_EQ(0, px_value(&q->taken, i + 1));
	}
	for (i = 1; i < n; i++)
		EXPECT_GE(q->order[i - 1], q->order[i]);
}

/* pthread_cond_signal, DESCRIPTION: the scheduling policy has the order of waking. */
TEST(signal_wakes_by_priority)
{
	static const int prio[] = { 12, 11, 10, 13 };

	NEED_RT;
	waiters_wake_in_order(_metadata, prio, 4, 0);
}

/* The same, when the highest has come last, after the others' first wake-up. */
TEST(signal_wakes_by_priority_who_comes_late)
{
	struct queue *q = px_shared(sizeof(*q));
	struct actor *a[4];
	struct ordered o[4];
	int i;

	NEED_RT;
	ASSERT_EQ(0, mutex_make(&q->mutex, (struct mutex_sort){ 0 }));
	ASSERT_EQ(0, cond_make(&q->cond, CLOCK_REALTIME, PTHREAD_PROCESS_PRIVATE));
	for (i = 0; i < 3; i++) {
		a[i] = actor_start(THREAD);
		o[i] = (struct ordered){ .q = q, .prio = 10 + i };
		BLOCKS(a[i], wait_ordered, &o[i]);
	}
	EXPECT_EQ(0, pthread_cond_signal(&q->cond));
	EXPECT_EQ(0, px_value(&q->taken, 1));
	a[3] = actor_start(THREAD);
	o[3] = (struct ordered){ .q = q, .prio = 50 };
	BLOCKS(a[3], wait_ordered, &o[3]);
	EXPECT_EQ(0, pthread_cond_signal(&q->cond));
	EXPECT_EQ(0, px_value(&q->taken, 2));
	EXPECT_EQ(12, q->order[0]);
	EXPECT_EQ(50, q->order[1]);
}

PX_MAIN
