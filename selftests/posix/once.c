// SPDX-License-Identifier: GPL-2.0
/*
 * pthread_once().
 */
#include "lib/px.h"

static pthread_once_t control = PTHREAD_ONCE_INIT, other = PTHREAD_ONCE_INIT;
static uint32_t runs, gate, inner_runs;

static void count(void)
{
	__atomic_add_fetch(&runs, 1, __ATOMIC_ACQ_REL);
}

/* Counts when it begins, and ends when the gate is open. */
static void wait_at_gate(void)
{
	count();
	px_value(&gate, 1);
}

static int once_at_gate(void *c)
{
	return pthread_once(c, wait_at_gate);
}

static int once_count(void *c)
{
	return pthread_once(c, count);
}

/* pthread_once, DESCRIPTION: the routine runs at the first call and never again. */
TEST(runs_once)
{
	struct actor *a = actor_start(THREAD);
	int i;

	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, pthread_once(&control, count));
	EXPECT_EQ(1, runs);
	EXPECT_EQ(0, DO(a, once_count, &control));
	EXPECT_EQ(1, runs);
	EXPECT_EQ(0, pthread_once(&other, count));
	EXPECT_EQ(2, runs);
}

/* The same: on return from any call the routine has completed. */
TEST(all_wait_for_completion)
{
	struct actor *a = actor_start(THREAD), *b = actor_start(THREAD), *c = actor_start(THREAD);

	actor_post(a, once_at_gate, &control);
	ASSERT_EQ(0, px_value(&runs, 1));
	BLOCKS(b, once_count, &control);
	BLOCKS(c, once_at_gate, &control);
	__atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
	ENDS(0, a);
	ENDS(0, b);
	ENDS(0, c);
	EXPECT_EQ(1, runs);
}

static void inner(void)
{
	inner_runs++;
}

static void outer(void)
{
	count();
	pthread_once(&other, inner);
	pthread_once(&other, inner);
}

/* A routine may use another control. */
TEST(nested_with_another_control)
{
	EXPECT_EQ(0, pthread_once(&control, outer));
	EXPECT_EQ(0, pthread_once(&control, outer));
	EXPECT_EQ(1, runs);
	EXPECT_EQ(1, inner_runs);
}

/* The same: init routine cancelled: as if pthread_once() had never been called. */
static void cancel_point(void)
{
	count();
	for (;;) {
		pthread_testcancel();
		sched_yield();
		if (__atomic_load_n(&gate, __ATOMIC_ACQUIRE))
			return;
	}
}

static int once_cancel_point(void *c)
{
	return pthread_once(c, cancel_point);
}

TEST(cancelled_is_as_never_called)
{
	struct actor *a = actor_start(THREAD);

	actor_post(a, once_cancel_point, &control);
	ASSERT_EQ(0, px_value(&runs, 1));
	EXPECT_EQ(0, pthread_cancel(a->thread));
	EXPECT_EQ(PTHREAD_CANCELED, actor_join(a));
	EXPECT_EQ(0, pthread_once(&control, count));
	EXPECT_EQ(2, runs);
	EXPECT_EQ(0, pthread_once(&control, count));
	EXPECT_EQ(2, runs);
}

/* The same, when others wait: one of them runs its routine. */
TEST(cancelled_lets_a_waiter_run)
{
	struct actor *a = actor_start(THREAD), *b = actor_start(THREAD), *c = actor_start(THREAD);

	actor_post(a, once_cancel_point, &control);
	ASSERT_EQ(0, px_value(&runs, 1));
	BLOCKS(b, once_count, &control);
	BLOCKS(c, once_count, &control);
	EXPECT_EQ(0, pthread_cancel(a->thread));
	EXPECT_EQ(PTHREAD_CANCELED, actor_join(a));
	ENDS(0, b);
	ENDS(0, c);
	EXPECT_EQ(2, runs);
}

/* The same, for a routine that ends its thread. */
static void leave(void)
{
	count();
	pthread_exit(NULL);
}

static int once_leave(void *c)
{
	return pthread_once(c, leave);
}

TEST(exited_is_as_never_called)
{
	struct actor *a = actor_start(THREAD);

	actor_post(a, once_leave, &control);
	EXPECT_EQ(NULL, actor_join(a));
	EXPECT_EQ(0, pthread_once(&control, count));
	EXPECT_EQ(2, runs);
}

/* pthread_once is no cancellation point itself, where the routine is none. */
static int once_with_cancel_pending(void *c)
{
	pthread_cancel(pthread_self());
	pthread_once(c, count);
	pthread_once(c, count);
	pthread_once(&other, inner);
	__atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
	pthread_testcancel();
	return 0;
}

TEST(is_no_cancellation_point)
{
	struct actor *a = actor_start(THREAD);

	actor_post(a, once_with_cancel_pending, &control);
	EXPECT_EQ(PTHREAD_CANCELED, actor_join(a));
	EXPECT_EQ(1, gate);
	EXPECT_EQ(1, runs);
	EXPECT_EQ(1, inner_runs);
}

/* Controls in memory that was set to 0: PTHREAD_ONCE_INIT is, in glibc's ABI. */
TEST(zeroed_memory_is_a_control)
{
	pthread_once_t *c = calloc(100, sizeof(*c));
	int i;

	for (i = 0; i < 100; i++) {
		EXPECT_EQ(0, pthread_once(&c[i], count));
		EXPECT_EQ(0, pthread_once(&c[i], count));
	}
	EXPECT_EQ(100, runs);
	free(c);
}

/* Many at once: the sum says how often it ran. */
static pthread_once_t many[500];

static int once_many(void *unused)
{
	int i;

	(void)unused;
	for (i = 0; i < 500; i++)
		pthread_once(&many[i], count);
	return 0;
}

TEST(races_run_it_once)
{
	struct actor *a = actor_start(THREAD), *b = actor_start(THREAD);

	actor_post(a, once_many, NULL);
	actor_post(b, once_many, NULL);
	once_many(NULL);
	ENDS(0, a);
	ENDS(0, b);
	EXPECT_EQ(500, runs);
}

/* A child of fork() finds done what the parent had done, and begins what it was in. */
static int child_once(void *unused)
{
	(void)unused;
	if (pthread_once(&control, count) || runs != 2)
		return 1;
	if (pthread_once(&other, count) || runs != 3)
		return 2;
	return pthread_once(&other, count) || runs != 3 ? 3 : 0;
}

TEST(child_of_fork_begins_again_what_was_half_done)
{
	struct actor *a = actor_start(THREAD);

	EXPECT_EQ(0, pthread_once(&control, count));
	actor_post(a, once_at_gate, &other);
	ASSERT_EQ(0, px_value(&runs, 2));
	EXPECT_EQ(0, child_do(child_once, NULL));
	__atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
	ENDS(0, a);
	EXPECT_EQ(2, runs);
}

PX_MAIN
