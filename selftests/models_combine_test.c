// SPDX-License-Identifier: GPL-2.0
/*
 * Futures made from others, on each of the models: continuations, all, any, race and
 * timeout; chains of any length; what cancellation and the end of a scheduler do to
 * them.
 */
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>

#include <ksync/future.h>
#include "lib/ksft.h"
#include "lib/models.h"

#define MANY	1000000

static const struct ksync_then_attr in_place = { .flags = KSYNC_THEN_INLINE };

struct pair {
	struct ksync_promise *p;
	struct ksync_future *f;
};

static void drop(struct pair *pair)
{
	ksync_promise_put(pair->p);
	ksync_future_put(pair->f);
}

static int promise(struct pair *pair)
{
	return ksync_promise_new(&pair->p, &pair->f, NULL);
}

static uint32_t destroyed, calls;

static void destroy(void *value)
{
	(void)value;
	__atomic_add_fetch(&destroyed, 1, __ATOMIC_RELEASE);
}

static int plus_one(int error, void *value, struct ksync_value *out, void *arg)
{
	(void)arg;
	__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
	out->value = (char *)value + 1;
	return error;
}

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

		CHECK(!promise(&a));
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
	ASSERT_EQ(0, promise(&a));
	EXPECT_EQ(-EINVAL, ksync_future_then(&out, a.f, plus_one, NULL, NULL));
	drop(&a);
}

TEST_F(models, arguments_are_looked_at)
{
	const struct ksync_then_attr both = { self->s, KSYNC_THEN_INLINE, 0 };
	const struct ksync_then_attr flags = { self->s, 4, 0 }, more = { self->s, 0, 1 };
	struct ksync_future *out;
	struct pair a;

	ASSERT_EQ(0, promise(&a));
	EXPECT_EQ(-EINVAL, ksync_future_then(&out, a.f, plus_one, NULL, &both));
	EXPECT_EQ(-EINVAL, ksync_future_then(&out, a.f, plus_one, NULL, &flags));
	EXPECT_EQ(-EINVAL, ksync_future_then(&out, a.f, plus_one, NULL, &more));
	EXPECT_EQ(-EINVAL, ksync_future_timeout(&out, a.f, NULL, &both));
	EXPECT_EQ(-EINVAL, ksync_future_all(&out, &a.f, 1, 1));
	EXPECT_EQ(-EINVAL, ksync_future_any(&out, &a.f, 0, 0));
	EXPECT_EQ(-EINVAL, ksync_future_race(&out, &a.f, 0, 0));
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

	CHECK(!promise(&a));
	for (i = 0; i < (long)n; i++) {
		CHECK(!promise(&b[i]));
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
	CHECK(!promise(&p));
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

/* Chains must not need stack, wherever they end: 16 KiB are enough for a million. */
static void *chain(void *attr)
{
	struct ksync_future *f, *next;
	struct pair a;
	void *value;
	long i;

	CHECK(!promise(&a));
	f = ksync_future_get(a.f);
	for (i = 0; i < MANY / 20; i++) {
		CHECK(!ksync_future_then(&next, f, plus_one, NULL, attr));
		ksync_future_put(f);
		f = next;
	}
	CHECK(!ksync_promise_set(a.p, NULL, NULL));
	CHECK(!ksync_await(f, &value) && (long)value == MANY / 20);
	ksync_future_put(f);
	drop(&a);
	return NULL;
}

static long chain_length;

static void *long_chain(void *fails)
{
	struct ksync_future *f, *next;
	struct pair a;
	void *value = NULL;
	long i;

	CHECK(!promise(&a));
	f = ksync_future_get(a.f);
	for (i = 0; i < chain_length; i++) {
		/* catch passes the value on, then the error: neither piles up. */
		CHECK(!(i % 2 ? ksync_future_catch : ksync_future_then)
			(&next, f, plus_one, NULL, &in_place));
		ksync_future_put(f);
		f = next;
	}
	if (fails)
		ksync_future_cancel(f);
	else
		CHECK(!ksync_promise_set(a.p, NULL, destroy));
	CHECK(ksync_future_try(f, &value) == (fails ? -ECANCELED : 0));
	CHECK((long)value == (fails ? 0 : (chain_length + 1) / 2));
	drop(&a);
	ksync_future_put(f);
	return NULL;
}

static void *on_a_small_stack(void *arg)
{
	const struct ksync_task_attr small = { .stack_size = 16384 };
	struct ksync_task *t;
	void *line;

	CHECK(!ksync_task_spawn(&t, long_chain, arg, &small));
	CHECK(!ksync_task_join(t, &line));
	return line;
}

TEST_F(models, a_chain_of_a_million_needs_no_stack)
{
	chain_length = MANY / (slow_factor() > 1 ? 50 : 10);
	if (variant->opts.model == KSYNC_MODEL_N1 && slow_factor() == 1)
		chain_length = MANY;
	RUN(on_a_small_stack, NULL);
	RUN(on_a_small_stack, (void *)1);
	EXPECT_EQ(1, destroyed);
}

TEST_F(models, chains_run_in_tasks)
{
	if (variant->opts.model != KSYNC_MODEL_11)
		RUN(chain, NULL);
	RUN(chain, (void *)&in_place);
}

/* Nested, not chained. */
static void *nested(void *make)
{
	int (*const gather)(struct ksync_future **out, struct ksync_future *const *f,
			    size_t n, uint32_t flags) = make;
	struct ksync_future *f, *next;
	struct pair a;
	long i;

	CHECK(!promise(&a));
	f = ksync_future_get(a.f);
	for (i = 0; i < chain_length; i++) {
		CHECK(!gather(&next, &f, 1, 0));
		ksync_future_put(f);
		f = next;
	}
	if (destroyed)
		ksync_future_cancel(f);
	else
		CHECK(!ksync_promise_set(a.p, NULL, destroy));
	drop(&a);
	CHECK(ksync_await(f, NULL) == (destroyed ? -ECANCELED : 0));
	ksync_future_put(f);
	return NULL;
}

TEST(nesting_needs_no_stack)
{
	const struct rlimit small = { 256 << 10, 256 << 10 };

	ASSERT_EQ(0, setrlimit(RLIMIT_STACK, &small));
	chain_length = MANY / 50;
	EXPECT_EQ(NULL, nested(ksync_future_all));
	EXPECT_EQ(1, destroyed);
	EXPECT_EQ(NULL, nested(ksync_future_all)); /* cancelled, now */
	destroyed = 0;
	EXPECT_EQ(NULL, nested(ksync_future_race));
	EXPECT_EQ(1, destroyed);
	EXPECT_EQ(NULL, nested(ksync_future_any));
}

#define N	5

static int promises(struct pair a[N], struct ksync_future *f[N])
{
	int i, ret = 0;

	for (i = 0; i < N && !ret; i++) {
		ret = promise(&a[i]);
		f[i] = a[i].f;
	}
	return ret;
}

static void drop_all(struct pair a[N])
{
	int i;

	for (i = 0; i < N; i++)
		drop(&a[i]);
}

static int errors_of(struct pair a[N], int error)
{
	int i, n = 0;

	for (i = 0; i < N; i++)
		n += ksync_future_try(a[i].f, NULL) == error;
	return n;
}

TEST(all_values_in_their_order)
{
	struct ksync_future *f[N], *out;
	struct pair a[N];
	void *value;
	long i;

	ASSERT_EQ(0, promises(a, f));
	ASSERT_EQ(0, ksync_promise_set(a[2].p, (void *)102, destroy));
	ASSERT_EQ(0, ksync_future_all(&out, f, N, 0));
	for (i = N - 1; i >= 0; i--) {
		EXPECT_FALSE(ksync_future_ready(out));
		if (i != 2)
			ASSERT_EQ(0, ksync_promise_set(a[i].p, (void *)(100 + i), destroy));
	}
	drop_all(a);
	ASSERT_EQ(0, ksync_future_try(out, &value));
	for (i = 0; i < N; i++)
		EXPECT_EQ(100 + i, (long)((void **)value)[i]);
	EXPECT_EQ(0, destroyed);
	ksync_future_put(out);
	EXPECT_EQ(N, destroyed);
	ASSERT_EQ(0, ksync_future_all(&out, NULL, 0, 0));
	EXPECT_EQ(0, ksync_future_try(out, &value));
	ksync_future_put(out);
}

FIXTURE(gather)
{
	struct ksync_future *f[N];
	struct ksync_future *out;
	struct pair a[N];
	int left;
};

/* What may be settled when the others are hung up already, or before any is. */
FIXTURE_VARIANT(gather)
{
	bool first;
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(gather, later) { .first = false };
FIXTURE_VARIANT_ADD(gather, before) { .first = true };
FIXTURE_VARIANT_ADD(gather, later_keep) { .flags = KSYNC_FUTURE_KEEP };
FIXTURE_VARIANT_ADD(gather, before_keep) {
	.first = true,
	.flags = KSYNC_FUTURE_KEEP,
};

FIXTURE_SETUP(gather)
{
	ASSERT_EQ(0, promises(self->a, self->f));
	self->left = variant->flags & KSYNC_FUTURE_KEEP ? 0 : N - 1;
}

FIXTURE_TEARDOWN(gather)
{
	ksync_future_put(self->out);
	drop_all(self->a);
}

TEST_F(gather, the_first_error_of_all_cancels_the_rest)
{
	if (variant->first)
		ksync_promise_fail(self->a[1].p, -EIO);
	ASSERT_EQ(0, ksync_future_all(&self->out, self->f, N, variant->flags));
	ksync_promise_fail(self->a[1].p, -EIO);
	EXPECT_EQ(-EIO, ksync_future_try(self->out, NULL));
	EXPECT_EQ(self->left, errors_of(self->a, -ECANCELED));
}

TEST_F(gather, the_first_value_of_any_cancels_the_rest)
{
	void *value;

	ksync_promise_fail(self->a[0].p, -EIO);
	if (variant->first)
		ksync_promise_set(self->a[1].p, (void *)5, destroy);
	ASSERT_EQ(0, ksync_future_any(&self->out, self->f, N, variant->flags));
	ksync_promise_set(self->a[1].p, (void *)5, destroy);
	ASSERT_EQ(0, ksync_future_try(self->out, &value));
	EXPECT_EQ(5, (long)value);
	EXPECT_EQ(self->left ? N - 2 : 0, errors_of(self->a, -ECANCELED));
}

TEST_F(gather, any_fails_when_all_have)
{
	int i;

	for (i = 0; variant->first && i < N; i++)
		ksync_promise_fail(self->a[i].p, -(i + 1));
	ASSERT_EQ(0, ksync_future_any(&self->out, self->f, N, variant->flags));
	for (i = N - 1; !variant->first && i >= 0; i--) {
		EXPECT_FALSE(ksync_future_ready(self->out));
		ksync_promise_fail(self->a[i].p, -(i + 1));
	}
	EXPECT_EQ(-1, ksync_future_try(self->out, NULL));
}

TEST_F(gather, the_first_to_end_wins_the_race)
{
	if (variant->first)
		ksync_promise_fail(self->a[3].p, -EIO);
	ASSERT_EQ(0, ksync_future_race(&self->out, self->f, N, variant->flags));
	ksync_promise_fail(self->a[3].p, -EIO);
	EXPECT_EQ(-EIO, ksync_future_try(self->out, NULL));
	EXPECT_EQ(self->left, errors_of(self->a, -ECANCELED));
}

TEST_F(gather, cancelling_it_cancels_them_unless_kept)
{
	const int many = self->left ? N : 0;

	ASSERT_EQ(0, ksync_future_race(&self->out, self->f, N, variant->flags));
	ksync_future_cancel(self->out);
	EXPECT_EQ(-ECANCELED, ksync_future_try(self->out, NULL));
	EXPECT_EQ(many, errors_of(self->a, -ECANCELED));
}

TEST_F(gather, dropping_it_does_not)
{
	ASSERT_EQ(0, ksync_future_all(&self->out, self->f, N, variant->flags));
	ksync_future_put(self->out);
	self->out = NULL;
	EXPECT_EQ(0, errors_of(self->a, -ECANCELED));
	EXPECT_EQ(N, errors_of(self->a, -EINPROGRESS));
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

	ASSERT_EQ(0, promise(&a));
	ASSERT_EQ(0, ksync_future_catch(&out, a.f, is_error, NULL, &in_place));
	ksync_future_cancel(out);
	EXPECT_EQ(-ECANCELED, ksync_future_try(a.f, NULL));
	ASSERT_EQ(0, ksync_future_try(out, &value));
	EXPECT_EQ(-ECANCELED, (long)value);
	ksync_future_put(out);
	drop(&a);

	ASSERT_EQ(0, promise(&a));
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

	CHECK(!promise(&a));
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
	CHECK(!promise(&a));
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

	CHECK(!promise(&a));
	CHECK(!ksync_future_timeout(&out, a.f, &soon, &keep));
	CHECK(ksync_await(out, NULL) == -ETIMEDOUT);
	CHECK(!ksync_future_ready(a.f));
	ksync_future_put(out);
	CHECK(!ksync_future_timeout(&out, a.f, &soon, NULL));
	CHECK(ksync_await(out, NULL) == -ETIMEDOUT);
	CHECK(ksync_await(a.f, NULL) == -ECANCELED);
	ksync_future_put(out);
	drop(&a);

	CHECK(!promise(&a));
	CHECK(!ksync_future_timeout(&out, a.f, &later, NULL));
	CHECK(!ksync_promise_set(a.p, (void *)6, NULL));
	CHECK(!ksync_await(out, &value) && value == (void *)6);
	ksync_future_put(out);
	drop(&a);

	CHECK(!promise(&a));
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

	CHECK(!promise(&a));
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

	ASSERT_EQ(0, promise(&a[0]));
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

	ASSERT_EQ(0, promise(&a));
	EXPECT_EQ(-EDEADLK, ksync_sched_run(self->s, deadlock, &a, NULL));
	EXPECT_EQ(-EDEADLK, ksync_sched_run(self->s, never, NULL, NULL));
	drop(&a);
}

KSFT_MAIN
