// SPDX-License-Identifier: GPL-2.0
/* Cancellation at each kind of wait, and scopes, whose tasks never outlive them. */
#include <string.h>

#include "lib/ksft.h"
#include "lib/models.h"

static void *sleeps_long(void *started)
{
	const struct timespec abs = models_in(3600 * SEC);

	if (started)
		__atomic_store_n((uint32_t *)started, 1, __ATOMIC_RELEASE);
	return (void *)(long)ksync_task_sleep_until(&abs);
}

static void wait_for(uint32_t *started)
{
	while (!__atomic_load_n(started, __ATOMIC_ACQUIRE))
		ksync_task_yield();
	ksync_task_yield();
}

static void *cancel_sleep(void *arg)
{
	uint32_t started = 0;
	struct ksync_task *t;
	void *result;

	CHECK(!ksync_task_spawn(&t, sleeps_long, &started, NULL));
	wait_for(&started);
	ksync_task_cancel(t);
	CHECK(!ksync_task_join(t, &result));
	CHECK((long)result == -ECANCELED);

	/* Before it has begun. */
	CHECK(!ksync_task_spawn(&t, sleeps_long, NULL, NULL));
	ksync_task_cancel(t);
	CHECK(!ksync_task_join(t, &result));
	CHECK((long)result == -ECANCELED);
	return arg;
}

TEST_F(models, a_sleep)
{
	RUN(cancel_sleep, NULL);
}

static void *joins(void *t)
{
	return (void *)(long)ksync_task_join(t, NULL);
}

static void *cancel_join(void *arg)
{
	uint32_t started = 0;
	struct ksync_task *t, *joiner;
	void *result;
	int i;

	CHECK(!ksync_task_spawn(&t, sleeps_long, &started, NULL));
	CHECK(!ksync_task_spawn(&joiner, joins, t, NULL));
	wait_for(&started);
	for (i = 0; i < 10; i++)
		ksync_task_yield();
	ksync_task_cancel(joiner);
	CHECK(!ksync_task_join(joiner, &result) && (long)result == -ECANCELED);
	ksync_task_cancel(t); /* it can be joined still */
	CHECK(!ksync_task_join(t, &result) && (long)result == -ECANCELED);
	return arg;
}

TEST_F(models, a_join)
{
	RUN(cancel_join, NULL);
}

static void *sticky(void *arg)
{
	const struct timespec abs = models_in(3600 * SEC), soon = models_in(MSEC);
	struct ksync_task *t;

	ksync_task_cancel(ksync_task_self());
	CHECK(ksync_task_cancelled());
	CHECK(ksync_task_sleep_until(&abs) == -ECANCELED);
	CHECK(ksync_task_sleep_until(&abs) == -ECANCELED);
	ksync_task_cancel_disable();
	ksync_task_cancel_disable();
	CHECK(!ksync_task_cancelled());
	CHECK(!ksync_task_sleep_until(&soon));
	ksync_task_cancel_enable();
	CHECK(!ksync_task_sleep_until(&soon));
	CHECK(!ksync_task_spawn(&t, sleeps_long, NULL, NULL));
	ksync_task_cancel(t);
	CHECK(!ksync_task_join(t, NULL));
	ksync_task_cancel_enable();
	CHECK(ksync_task_sleep_until(&soon) == -ECANCELED);
	return arg;
}

TEST_F(models, is_for_good_and_can_be_masked)
{
	RUN(sticky, NULL);
}

static void *masked_sleeper(void *started)
{
	const struct timespec abs = models_in(30 * MSEC);
	int ret;

	ksync_task_cancel_disable();
	__atomic_store_n((uint32_t *)started, 1, __ATOMIC_RELEASE);
	ret = ksync_task_sleep_until(&abs);
	ksync_task_cancel_enable();
	return (void *)(long)(ret ? ret : ksync_task_sleep_until(&abs));
}

static void *cancel_masked(void *arg)
{
	uint32_t started = 0;
	struct ksync_task *t;
	void *result;

	CHECK(!ksync_task_spawn(&t, masked_sleeper, &started, NULL));
	wait_for(&started);
	ksync_task_cancel(t);
	CHECK(!ksync_task_join(t, &result));
	CHECK((long)result == -ECANCELED); /* the second one */
	return arg;
}

TEST_F(models, a_masked_wait_goes_on)
{
	RUN(cancel_masked, NULL);
}

/* Both at about the same time, many times: each ends, either way. */
static void *races(void *n)
{
	struct ksync_task *t;
	void *result;
	long i;

	for (i = 0; i < (long)n; i++) {
		CHECK(!ksync_task_spawn(&t, sleeps_long, NULL, NULL));
		if (i % 3)
			ksync_task_yield();
		ksync_task_cancel(t);
		CHECK(!ksync_task_join(t, &result) && (long)result == -ECANCELED);
	}
	return NULL;
}

TEST_F(models, races_with_the_wait_begin)
{
	RUN(races, (void *)(long)models_many(&variant->opts, 20000));
}

static uint32_t running;

static int counts(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < 3; i++)
		ksync_task_yield();
	__atomic_sub_fetch(&running, 1, __ATOMIC_RELAXED);
	return 0;
}

static void *scopes(void *arg)
{
	struct ksync_scope scope;
	int i, n;

	for (n = 0; n < 20; n++) {
		CHECK(!ksync_scope_begin(&scope, 0));
		__atomic_store_n(&running, 20, __ATOMIC_RELAXED);
		for (i = 0; i < 20; i++)
			CHECK(!ksync_scope_spawn(&scope, counts, NULL, NULL));
		CHECK(!ksync_scope_end(&scope));
		CHECK(!__atomic_load_n(&running, __ATOMIC_RELAXED));
	}
	CHECK(!ksync_scope_begin(&scope, 0)); /* with nothing in it */
	CHECK(!ksync_scope_end(&scope));
	CHECK(ksync_scope_begin(&scope, 2) == -EINVAL);
	return arg;
}

TEST_F(models, scope_waits_for_all)
{
	struct ksync_scope scope;

	RUN(scopes, NULL);
	EXPECT_EQ(-EINVAL, ksync_scope_begin(&scope, 0));
}

static int scope_sleeps(void *arg)
{
	const struct timespec abs = models_in(3600 * SEC);
	int ret;

	(void)arg;
	ret = ksync_task_sleep_until(&abs);
	__atomic_add_fetch(&running, 1, __ATOMIC_RELAXED);
	return ret;
}

static int fails(void *error)
{
	ksync_task_yield();
	return (long)error;
}

static void *first_error(void *arg)
{
	struct ksync_scope scope;
	int i;

	CHECK(!ksync_scope_begin(&scope, KSYNC_SCOPE_CANCEL_ON_ERROR));
	for (i = 0; i < 10; i++)
		CHECK(!ksync_scope_spawn(&scope, scope_sleeps, NULL, NULL));
	CHECK(!ksync_scope_spawn(&scope, fails, (void *)-EIO, NULL));
	CHECK(ksync_scope_end(&scope) == -EIO);
	CHECK(__atomic_load_n(&running, __ATOMIC_RELAXED) == 10);

	CHECK(!ksync_scope_begin(&scope, 0));
	CHECK(!ksync_scope_spawn(&scope, fails, (void *)-EIO, NULL));
	CHECK(!ksync_scope_spawn(&scope, scope_sleeps, NULL, NULL));
	ksync_scope_cancel(&scope);
	CHECK(ksync_scope_spawn(&scope, fails, NULL, NULL) == -ECANCELED);
	CHECK(ksync_scope_end(&scope) < 0);
	CHECK(__atomic_load_n(&running, __ATOMIC_RELAXED) == 11);
	return arg;
}

TEST_F(models, first_error_of_a_scope_cancels_the_others)
{
	RUN(first_error, NULL);
}

static void *owns_scope(void *started)
{
	struct ksync_scope scope;
	int i, ret;

	CHECK(!ksync_scope_begin(&scope, 0));
	for (i = 0; i < 5; i++)
		CHECK(!ksync_scope_spawn(&scope, scope_sleeps, NULL, NULL));
	__atomic_store_n((uint32_t *)started, 1, __ATOMIC_RELEASE);
	ret = ksync_scope_end(&scope);
	CHECK(__atomic_load_n(&running, __ATOMIC_RELAXED) == 5);
	return (void *)(long)ret;
}

static void *cancel_owner(void *arg)
{
	uint32_t started = 0;
	struct ksync_task *t;
	void *result;

	CHECK(!ksync_task_spawn(&t, owns_scope, &started, NULL));
	wait_for(&started);
	ksync_task_cancel(t);
	CHECK(!ksync_task_join(t, &result));
	CHECK((long)result == -ECANCELED);
	return arg;
}

TEST_F(models, owner_of_a_scope_takes_its_tasks_along)
{
	RUN(cancel_owner, NULL);
}

static void *leaves_some(void *arg)
{
	int i;

	for (i = 0; i < 10; i++)
		CHECK(!ksync_task_spawn(NULL, sleeps_long, NULL, NULL));
	return arg;
}

/* The fixture's teardown is the test: it ends, with 0. */
TEST_F(models, stop_cancels_what_is_left)
{
	RUN(leaves_some, NULL);
}

KSFT_MAIN
