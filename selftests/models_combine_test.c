// SPDX-License-Identifier: GPL-2.0
/*
 * Futures made from several others: all, any and race, and which of those they cancel;
 * and chains and nests of any length, which need no stack.
 */
#include <sys/resource.h>

#include "lib/future.h"
#include "lib/ksft.h"
#include "lib/models.h"

#define MANY	1000000
#define N	5

static int promises(struct pair a[N], struct ksync_future *f[N])
{
	int i, ret = 0;

	for (i = 0; i < N && !ret; i++) {
		ret = make(&a[i], NULL);
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

TEST(arguments_are_looked_at)
{
	struct ksync_future *out;
	struct pair a;

	ASSERT_EQ(0, make(&a, NULL));
	EXPECT_EQ(-EINVAL, ksync_future_all(&out, &a.f, 1, 1));
	EXPECT_EQ(-EINVAL, ksync_future_any(&out, &a.f, 0, 0));
	EXPECT_EQ(-EINVAL, ksync_future_race(&out, &a.f, 0, 0));
	drop(&a);
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

/* Chains must not need stack, wherever they end: 16 KiB are enough for a million. */
static void *chain(void *attr)
{
	struct ksync_future *f, *next;
	struct pair a;
	void *value;
	long i;

	CHECK(!make(&a, NULL));
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

	CHECK(!make(&a, NULL));
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
	/* ThreadSanitizer takes 30 s for a million on a busy machine: a tenth there. */
	if (variant->opts.model == KSYNC_MODEL_N1 && slow_factor() == 1 && !WITH_TSAN)
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
static void *nested(void *combine)
{
	int (*const gather)(struct ksync_future **out, struct ksync_future *const *f,
			    size_t n, uint32_t flags) = combine;
	struct ksync_future *f, *next;
	struct pair a;
	long i;

	CHECK(!make(&a, NULL));
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

KSFT_MAIN
