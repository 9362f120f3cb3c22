// SPDX-License-Identifier: GPL-2.0
/*
 * Continuations of futures, on each of the models: what values and errors make of each
 * other, in tasks and in place; timeouts; what cancellation and the end of a scheduler
 * do to them.
 */
#include <string.h>

#include "lib/future.h"
#include "lib/ksft.h"
#include "lib/models.h"

static int is_error(int error, void *value, struct ksync_value *out, void *arg)
{
	(void)value;
	__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
	out->value = (void *)(long)error;
	out->destroy = destroy;
	return (long)arg;
}

/* What each kind of continuation makes of a value, and of an error. */
static void *kinds(void *attr)
{
	const struct {
		int (*make)(struct ksync_future **out, struct ksync_future *f,
			    ksync_then_fn *fn, void *arg,
			    const struct ksync_then_attr *attr);
		ksync_then_fn *fn;
		long arg;
		long of_value;
		long of_error;
		uint32_t called;	/* by a value 1, by an error 2 */
	} kind[] = {
		{ ksync_future_then, plus_one, 0, 11, -EIO, 1 },
		{ ksync_future_then, is_error, -EDOM, -EDOM, -EIO, 1 },
		{ ksync_future_catch, is_error, 0, 10, -EIO, 2 },
		{ ksync_future_catch, is_error, -EDOM, 10, -EDOM, 2 },
		{ ksync_future_map, is_error, 0, 0, -EIO, 3 },
		{ ksync_future_map, is_error, -EDOM, -EDOM, -EDOM, 3 },
		{ ksync_future_finally, is_error, 0, 10, -EIO, 3 },
		{ ksync_future_finally, is_error, -EDOM, -EDOM, -EDOM, 3 },
	};
	uint32_t i, before, how;

	for (i = 0; i < sizeof(kind) / sizeof(*kind) * 4; i++) {
		const bool fails = i & 1, first = i & 2;
		struct ksync_future *out;
		struct pair a;
		void *value;
		long got;

		CHECK(!make(&a, NULL));
		before = calls;
		if (first)
			fails ? ksync_promise_fail(a.p, -EIO) :
				ksync_promise_set(a.p, (void *)10, NULL);
		CHECK(!kind[i / 4].make(&out, a.f, kind[i / 4].fn,
					(void *)kind[i / 4].arg, attr));
		if (!first)
			CHECK(!ksync_future_ready(out));
		if (!first)
			fails ? ksync_promise_fail(a.p, -EIO) :
				ksync_promise_set(a.p, (void *)10, NULL);
		drop(&a);
		got = ksync_await(out, &value);
		if (!got)
			got = (long)value;
		CHECK(got == (fails ? kind[i / 4].of_error : kind[i / 4].of_value));
		how = kind[i / 4].called >> fails & 1;
		CHECK(__atomic_load_n(&calls, __ATOMIC_RELAXED) == before + how);
		ksync_future_put(out);
	}
	return NULL;
}

TEST_F(models, values_and_errors_go_on)
{
	RUN(kinds, NULL);
	RUN(kinds, (void *)&in_place);
}

TEST(plain_threads_need_no_scheduler_in_place)
{
	struct ksync_future *out;
	struct pair a;

	EXPECT_EQ(NULL, kinds((void *)&in_place));
	ASSERT_EQ(0, make(&a, NULL));
	EXPECT_EQ(-EINVAL, ksync_future_then(&out, a.f, plus_one, NULL, NULL));
	drop(&a);
}

TEST_F(models, arguments_are_looked_at)
{
	const struct ksync_then_attr both = { self->s, KSYNC_THEN_INLINE, 0 };
	const struct ksync_then_attr flags = { self->s, 4, 0 }, more = { self->s, 0, 1 };
	struct ksync_future *out;
	struct pair a;

	ASSERT_EQ(0, make(&a, NULL));
	EXPECT_EQ(-EINVAL, ksync_future_then(&out, a.f, plus_one, NULL, &both));
	EXPECT_EQ(-EINVAL, ksync_future_then(&out, a.f, plus_one, NULL, &flags));
	EXPECT_EQ(-EINVAL, ksync_future_then(&out, a.f, plus_one, NULL, &more));
	EXPECT_EQ(-EINVAL, ksync_future_timeout(&out, a.f, NULL, &both));
	drop(&a);
}

/* A continuation runs in a task, of the scheduler asked for, and may wait there. */
static int waits(int error, void *value, struct ksync_value *out, void *f)
{
	struct ksync_task *self = ksync_task_self();

	if (error || !self || strcmp(ksync_task_name(self), "futures"))
		return -EDOM;
	out->value = value;
	return ksync_await(f, NULL);
}

static void *waiting_ones(void *n)
{
	struct ksync_future *out[50];
	struct pair a, b[50];
	void *value;
	long i;

	CHECK(!make(&a, NULL));
	for (i = 0; i < (long)n; i++) {
		CHECK(!make(&b[i], NULL));
		CHECK(!ksync_future_then(&out[i], a.f, waits, b[i].f, NULL));
	}
	ksync_promise_set(a.p, (void *)9, NULL);
	/* None holds up another: the last one's turn comes first. */
	for (i = (long)n - 1; i >= 0; i--) {
		CHECK(!ksync_future_ready(out[i]));
		ksync_promise_set(b[i].p, NULL, NULL);
		CHECK(!ksync_await(out[i], &value) && value == (void *)9);
		ksync_future_put(out[i]);
		drop(&b[i]);
	}
	drop(&a);
	return NULL;
}

TEST_F(models, continuations_may_wait_for_each_other)
{
	RUN(waiting_ones, (void *)50);
}

static int leaves_traces(int error, void *value, struct ksync_value *out, void *key)
{
	(void)value;
	out->value = ksync_local_get((long)key);
	ksync_local_set((long)key, &calls);
	ksync_task_cancel(ksync_task_self());
	return error;
}

static void *traces(void *arg)
{
	struct ksync_future *a, *b;
	uint32_t key;
	struct pair p;
	void *value;

	CHECK(!ksync_local_create(&key, destroy));
	CHECK(!make(&p, NULL));
	CHECK(!ksync_future_then(&a, p.f, leaves_traces, (void *)(long)key, NULL));
	CHECK(!ksync_future_then(&b, a, leaves_traces, (void *)(long)key, NULL));
	CHECK(!ksync_promise_set(p.p, NULL, NULL));
	CHECK(!ksync_await(a, &value) && !value);
	CHECK(!ksync_await(b, &value) && !value);
	ksync_future_put(a);
	ksync_future_put(b);
	drop(&p);
	return arg;
}

TEST_F(models, a_continuation_finds_a_task_like_new)
{
	RUN(traces, NULL);
	EXPECT_EQ(0, await_value(&destroyed, 2));
}

/* The cancellation of a continuation is that of what it hangs on. */
TEST(cancellation_goes_to_the_root)
{
	const struct ksync_then_attr keep = {
		.flags = KSYNC_THEN_INLINE | KSYNC_FUTURE_KEEP,
	};
	struct ksync_future *out;
	struct pair a;
	void *value;

	ASSERT_EQ(0, make(&a, NULL));
	ASSERT_EQ(0, ksync_future_catch(&out, a.f, is_error, NULL, &in_place));
	ksync_future_cancel(out);
	EXPECT_EQ(-ECANCELED, ksync_future_try(a.f, NULL));
	ASSERT_EQ(0, ksync_future_try(out, &value));
	EXPECT_EQ(-ECANCELED, (long)value);
	ksync_future_put(out);
	drop(&a);

	ASSERT_EQ(0, make(&a, NULL));
	ASSERT_EQ(0, ksync_future_catch(&out, a.f, is_error, NULL, &keep));
	ksync_future_cancel(out);
	EXPECT_EQ(-EINPROGRESS, ksync_future_try(a.f, NULL));
	ASSERT_EQ(0, ksync_future_try(out, &value));
	EXPECT_EQ(-ECANCELED, (long)value);
	ksync_promise_set(a.p, NULL, NULL);
	EXPECT_EQ(2, calls);
	ksync_future_put(out);
	drop(&a);
}

static uint32_t begun;

static int sleeps(int error, void *value, struct ksync_value *out, void *arg)
{
	const struct timespec later = models_in(3600 * SEC);

	(void)value;
	(void)out;
	(void)arg;
	__atomic_add_fetch(&begun, 1, __ATOMIC_RELEASE);
	return error ? error : ksync_task_sleep_until(&later);
}

static void *cancel_running(void *arg)
{
	struct ksync_future *out, *next;
	struct pair a;
	void *value;

	CHECK(!make(&a, NULL));
	CHECK(!ksync_future_then(&out, a.f, sleeps, NULL, NULL));
	ksync_promise_set(a.p, NULL, NULL);
	while (!__atomic_load_n(&begun, __ATOMIC_ACQUIRE))
		ksync_task_yield();
	ksync_future_cancel(out);
	CHECK(ksync_await(out, NULL) == -ECANCELED);
	/* The task that it ran in is not cancelled for others. */
	CHECK(!ksync_future_map(&next, out, waits, a.f, NULL));
	CHECK(ksync_await(next, NULL) == -EDOM);
	ksync_future_put(next);
	CHECK(!ksync_future_then(&next, a.f, waits, a.f, NULL));
	CHECK(!ksync_await(next, &value));
	ksync_future_put(next);
	ksync_future_put(out);
	drop(&a);
	return arg;
}

TEST_F(models, a_continuation_that_runs_is_cancelled)
{
	RUN(cancel_running, NULL);
}

/* One that is to run: what comes of a value begins cancelled, what cleans up does not. */
static void *cancel_queued(void *arg)
{
	struct ksync_future *out, *other;
	struct pair a;

	begun = 0;
	CHECK(!make(&a, NULL));
	CHECK(!ksync_future_then(&out, a.f, sleeps, NULL, NULL));
	CHECK(!ksync_future_map(&other, a.f, waits, a.f, NULL));
	ksync_promise_set(a.p, NULL, NULL);
	ksync_future_cancel(out);
	ksync_future_cancel(other);
	CHECK(ksync_await(out, NULL) == -ECANCELED);
	CHECK(begun == 1);
	CHECK(!ksync_await(other, NULL));
	ksync_future_put(out);
	ksync_future_put(other);
	drop(&a);
	return arg;
}

TEST_F(models, a_continuation_that_is_to_run_is_cancelled)
{
	RUN(cancel_queued, NULL);
}

static void *timeouts(void *arg)
{
	const struct timespec soon = models_in(3 * MSEC), later = models_in(3600 * SEC);
	const struct ksync_then_attr keep = { .flags = KSYNC_FUTURE_KEEP };
	struct ksync_future *out;
	struct pair a;
	void *value;

	CHECK(!make(&a, NULL));
	CHECK(!ksync_future_timeout(&out, a.f, &soon, &keep));
	CHECK(ksync_await(out, NULL) == -ETIMEDOUT);
	CHECK(!ksync_future_ready(a.f));
	ksync_future_put(out);
	CHECK(!ksync_future_timeout(&out, a.f, &soon, NULL));
	CHECK(ksync_await(out, NULL) == -ETIMEDOUT);
	CHECK(ksync_await(a.f, NULL) == -ECANCELED);
	ksync_future_put(out);
	drop(&a);

	CHECK(!make(&a, NULL));
	CHECK(!ksync_future_timeout(&out, a.f, &later, NULL));
	CHECK(!ksync_promise_set(a.p, (void *)6, NULL));
	CHECK(!ksync_await(out, &value) && value == (void *)6);
	ksync_future_put(out);
	drop(&a);

	CHECK(!make(&a, NULL));
	CHECK(!ksync_future_timeout(&out, a.f, NULL, NULL));
	ksync_future_cancel(out);
	CHECK(ksync_await(out, &value) == -ECANCELED);
	CHECK(ksync_await(a.f, &value) == -ECANCELED);
	ksync_future_put(out);
	drop(&a);
	return arg;
}

TEST_F(models, a_future_may_time_out)
{
	struct ksync_sched_stats st;

	RUN(timeouts, NULL);
	do /* no delay of an hour is left */
		ksync_sched_stats(self->s, &st);
	while (st.tasks);
}

/* A value that was passed on lives as long as who has it. */
static void *passed_on(void *arg)
{
	struct ksync_future *f, *next;
	struct pair a;
	int i;

	CHECK(!make(&a, NULL));
	CHECK(!ksync_promise_set(a.p, &a, destroy));
	f = ksync_future_get(a.f);
	drop(&a);
	for (i = 0; i < 3; i++) {
		CHECK(!ksync_future_catch(&next, f, plus_one, NULL, arg));
		CHECK(!ksync_await(next, NULL));
		ksync_future_put(f);
		CHECK(!ksync_future_race(&f, &next, 1, 0));
		ksync_future_put(next);
	}
	CHECK(!destroyed);
	ksync_future_put(f);
	return NULL;
}

TEST_F(models, a_value_lives_as_long_as_it_is_passed_on)
{
	RUN(passed_on, NULL);
	EXPECT_EQ(0, await_value(&destroyed, 1));
	destroyed = 0;
	RUN(passed_on, (void *)&in_place);
	EXPECT_EQ(1, destroyed);
}

/* The end of the scheduler ends what hangs on promises that nobody has kept. */
static void *leaves_them(void *pair)
{
	struct pair *a = pair;

	CHECK(!ksync_future_map(&a[1].f, a->f, plus_one, NULL, NULL));
	CHECK(!ksync_future_then(&a[2].f, a[1].f, plus_one, NULL, NULL));
	CHECK(!ksync_future_map(&a[3].f, a[2].f, is_error, NULL, NULL));
	return NULL;
}

TEST_F(models, a_scheduler_leaves_no_continuation_behind)
{
	struct ksync_sched_stats st;
	struct ksync_sched *s;
	struct pair a[4] = { 0 };
	void *value;
	int i;

	ASSERT_EQ(0, make(&a[0], NULL));
	ASSERT_EQ(0, ksync_sched_start(&s, &variant->opts));
	RUN_ON(s, leaves_them, a);
	ksync_sched_stats(s, &st);
	EXPECT_LE(1, st.tasks); /* they are seen */
	EXPECT_EQ(0, calls);
	ASSERT_EQ(0, ksync_sched_stop(s));
	EXPECT_EQ(2, calls);
	EXPECT_EQ(-ECANCELED, ksync_future_try(a[1].f, NULL));
	EXPECT_EQ(-ECANCELED, ksync_future_try(a[2].f, NULL));
	EXPECT_EQ(0, ksync_future_try(a[3].f, &value));
	EXPECT_EQ(-ECANCELED, (long)value);
	EXPECT_FALSE(ksync_future_ready(a[0].f));
	EXPECT_EQ(0, ksync_promise_set(a[0].p, NULL, NULL));
	EXPECT_EQ(2, calls);
	for (i = 1; i < 4; i++)
		ksync_future_put(a[i].f);
	drop(&a[0]);
}

/* All of it waits for a promise of nobody's: that is a deadlock, and said to be one. */
static void *deadlock(void *pair)
{
	struct pair *a = pair;
	struct ksync_future *out;

	CHECK(!ksync_future_then(&out, a->f, plus_one, NULL, NULL));
	CHECK(ksync_await(out, NULL) == -ECANCELED);
	ksync_future_put(out);
	return NULL;
}

static void *never(void *arg)
{
	struct ksync_future *f;

	CHECK(!ksync_future_delay(&f, NULL, NULL));
	CHECK(ksync_await(f, NULL) == -ECANCELED);
	ksync_future_put(f);
	return arg;
}

TEST_F(models, waiting_for_nobody_is_a_deadlock)
{
	struct pair a;

	ASSERT_EQ(0, make(&a, NULL));
	EXPECT_EQ(-EDEADLK, ksync_sched_run(self->s, deadlock, &a, NULL));
	EXPECT_EQ(-EDEADLK, ksync_sched_run(self->s, never, NULL, NULL));
	drop(&a);
}

KSFT_MAIN
