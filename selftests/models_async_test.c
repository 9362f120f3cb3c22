// SPDX-License-Identifier: GPL-2.0
/*
 * Futures that the library itself settles, on each of the models: asynchronous functions,
 * whose tasks are cancelled with them, and delays.
 */
#include "lib/future.h"
#include "lib/ksft.h"
#include "lib/models.h"

static int twice(void *n, struct ksync_value *out)
{
	ksync_task_yield();
	if ((long)n < 0)
		return (long)n;
	out->value = (void *)(2 * (long)n);
	out->destroy = destroy;
	return 0;
}

static void *asyncs(void *arg)
{
	const struct ksync_task_attr bad = { .reserved = { 1 } };
	const struct ksync_async_attr bad_task = { .task = &bad };
	const struct ksync_async_attr bad_attr = { .reserved = { 0, 1 } };
	struct ksync_future *f, *g;
	void *value;

	CHECK(!ksync_async(&f, twice, (void *)21, NULL));
	CHECK(!ksync_async(&g, twice, (void *)-EIO, NULL));
	CHECK(!ksync_await(f, &value) && value == (void *)42);
	CHECK(ksync_await(g, NULL) == -EIO);
	ksync_future_put(f);
	ksync_future_put(g);
	CHECK(ksync_async(&f, twice, NULL, &bad_task) == -EINVAL);
	CHECK(ksync_async(&f, twice, NULL, &bad_attr) == -EINVAL);
	return arg;
}

TEST_F(models, asynchronous_functions)
{
	const struct ksync_async_attr attr = { .sched = self->s };
	struct ksync_future *f;
	void *value;

	RUN(asyncs, NULL);
	EXPECT_EQ(-EINVAL, ksync_async(&f, twice, NULL, NULL));
	ASSERT_EQ(0, ksync_async(&f, twice, (void *)5, &attr));
	EXPECT_EQ(0, ksync_await(f, &value));
	EXPECT_EQ(10, (long)value);
	ksync_future_put(f);
	/* The tasks' references may go last. */
	EXPECT_EQ(0, await_value(&destroyed, 2));
}

static int sleeper(void *arg, struct ksync_value *out)
{
	const struct timespec later = models_in(3600 * SEC);

	(void)out;
	__atomic_add_fetch((uint32_t *)arg, 1, __ATOMIC_RELEASE);
	return ksync_task_sleep_until(&later);
}

static int promptly(void *arg, struct ksync_value *out)
{
	(void)arg;
	(void)out;
	return ksync_task_cancelled() ? -EINTR : 0;
}

static void *async_cancel(void *arg)
{
	uint32_t runs = 0;
	struct ksync_future *f;

	CHECK(!ksync_async(&f, sleeper, &runs, NULL));
	while (!__atomic_load_n(&runs, __ATOMIC_ACQUIRE))
		ksync_task_yield();
	ksync_future_cancel(f);
	CHECK(ksync_await(f, NULL) == -ECANCELED);
	ksync_future_put(f);
	/* Before it has begun: it begins nevertheless. */
	CHECK(!ksync_async(&f, sleeper, &runs, NULL));
	ksync_future_cancel(f);
	CHECK(ksync_await(f, NULL) == -ECANCELED);
	CHECK(__atomic_load_n(&runs, __ATOMIC_ACQUIRE) == 2);
	ksync_future_put(f);
	if (arg) { /* one thread: it cannot begin before it is cancelled */
		CHECK(!ksync_async(&f, promptly, NULL, NULL));
		ksync_future_cancel(f);
		CHECK(ksync_await(f, NULL) == -EINTR);
		ksync_future_put(f);
	}
	return NULL;
}

TEST_F(models, cancelling_the_future_cancels_the_task)
{
	RUN(async_cancel, (void *)(long)(variant->opts.model == KSYNC_MODEL_N1));
}

static int counts(void *n, struct ksync_value *out)
{
	(void)out;
	ksync_task_yield();
	if (ksync_task_cancelled())
		return -ECANCELED;
	__atomic_add_fetch((uint32_t *)n, 1, __ATOMIC_RELEASE);
	return 0;
}

static void *async_drop(void *n)
{
	struct ksync_future *f;

	CHECK(!ksync_async(&f, counts, n, NULL));
	ksync_future_put(f);
	while (!__atomic_load_n((uint32_t *)n, __ATOMIC_ACQUIRE))
		ksync_task_yield();
	return NULL;
}

TEST_F(models, dropping_the_future_does_not)
{
	uint32_t n = 0;

	RUN(async_drop, &n);
	EXPECT_EQ(1, n);
}

static void *delays(void *arg)
{
	const struct timespec soon = models_in(3 * MSEC), later = models_in(6 * MSEC);
	const struct timespec past = { .tv_nsec = 1 }, bad = { .tv_nsec = -1 };
	struct ksync_future *f, *g, *h, *never;
	struct timespec now;

	CHECK(!ksync_future_delay(&g, &later, NULL));
	CHECK(!ksync_future_delay(&f, &soon, NULL));
	CHECK(!ksync_future_delay(&h, &past, NULL));
	CHECK(!ksync_future_delay(&never, NULL, NULL));
	CHECK(ksync_future_delay(&never, &bad, NULL) == -EINVAL);
	CHECK(!ksync_await(f, NULL));
	ksync_task_now(&now);
	CHECK(now.tv_sec > soon.tv_sec ||
	      (now.tv_sec == soon.tv_sec && now.tv_nsec >= soon.tv_nsec));
	CHECK(!ksync_await(h, NULL));
	CHECK(!ksync_await(g, NULL));
	ksync_task_now(&now);
	CHECK(now.tv_sec > later.tv_sec ||
	      (now.tv_sec == later.tv_sec && now.tv_nsec >= later.tv_nsec));
	CHECK(!ksync_future_ready(never));
	ksync_future_cancel(never);
	CHECK(ksync_await(never, NULL) == -ECANCELED);
	ksync_future_put(f);
	ksync_future_put(g);
	ksync_future_put(h);
	ksync_future_put(never);
	return arg;
}

TEST_F(models, delays_end_in_time)
{
	struct ksync_sched_stats st;
	const struct timespec soon = to_timespec(in(MSEC));
	struct ksync_future *f;

	RUN(delays, NULL);
	EXPECT_EQ(-EINVAL, ksync_future_delay(&f, &soon, NULL));
	ASSERT_EQ(0, ksync_future_delay(&f, &soon, self->s));
	EXPECT_EQ(0, ksync_await(f, NULL));
	ksync_future_put(f);
	do /* nobody is left to look after futures */
		ksync_sched_stats(self->s, &st);
	while (st.tasks);
}

static void *leaves_a_delay(void *f)
{
	CHECK(!ksync_future_delay(f, NULL, NULL));
	return NULL;
}

TEST_F(models, the_end_of_a_scheduler_ends_delays)
{
	struct ksync_sched *s;
	struct ksync_future *f;

	ASSERT_EQ(0, ksync_sched_start(&s, &variant->opts));
	RUN_ON(s, leaves_a_delay, &f);
	EXPECT_FALSE(ksync_future_ready(f));
	ASSERT_EQ(0, ksync_sched_stop(s));
	EXPECT_EQ(-ECANCELED, ksync_future_try(f, NULL));
	ksync_future_put(f);
}

KSFT_MAIN
