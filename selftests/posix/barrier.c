// SPDX-License-Identifier: GPL-2.0
/*
 * Barriers.
 */
#include "lib/px.h"

#define MANY 6

FIXTURE(barrier)
{
	pthread_barrier_t *b;
	struct actor *a[MANY];
};

FIXTURE_VARIANT(barrier)
{
	int pshared;
};

FIXTURE_VARIANT_ADD(barrier, private)
{
	.pshared = PTHREAD_PROCESS_PRIVATE,
};

FIXTURE_VARIANT_ADD(barrier, shared)
{
	.pshared = PTHREAD_PROCESS_SHARED,
};

FIXTURE_SETUP(barrier)
{
	int i;

	self->b = px_shared(sizeof(*self->b));
	for (i = 0; i < MANY; i++)
		self->a[i] = actor_start(variant->pshared ? PROCESS : THREAD);
}

FIXTURE_TEARDOWN(barrier)
{
}

#define MAKE(n) ASSERT_EQ(0, barrier_make(self->b, n, variant->pshared))

/* pthread_barrier_wait, DESCRIPTION: blocks until as many have come; one is SERIAL. */
TEST_F(barrier, one_is_serial)
{
	int i, n, serial;

	for (n = 1; n <= MANY; n++) {
		MAKE(n);
		for (i = 0; i < n - 1; i++)
			BLOCKS(self->a[i], step_barrier, self->b);
		actor_post(self->a[n - 1], step_barrier, self->b);
		for (i = serial = 0; i < n; i++) {
			const int ret = actor_result(self->a[i]);

			EXPECT_TRUE(ret == 0 || ret == PTHREAD_BARRIER_SERIAL_THREAD);
			serial += ret == PTHREAD_BARRIER_SERIAL_THREAD;
		}
		EXPECT_EQ(1, serial);
		EXPECT_EQ(0, pthread_barrier_destroy(self->b));
	}
}

/* The same: afterwards it is as pthread_barrier_init() left it. */
TEST_F(barrier, is_used_again)
{
	int i, round, serial;

	MAKE(3);
	for (round = 0; round < 10; round++) {
		BLOCKS(self->a[0], step_barrier, self->b);
		BLOCKS(self->a[1], step_barrier, self->b);
		actor_post(self->a[2], step_barrier, self->b);
		for (i = serial = 0; i < 3; i++)
			serial += actor_result(self->a[i]) == PTHREAD_BARRIER_SERIAL_THREAD;
		EXPECT_EQ(1, serial);
	}
}

/* Those of the next cycle do not leave with this one. */
TEST_F(barrier, cycles_are_apart)
{
	int i, done = 0;

	MAKE(2);
	BLOCKS(self->a[0], step_barrier, self->b);
	for (i = 1; i < 3; i++)
		actor_post(self->a[i], step_barrier, self->b);
	EXPECT_NE(ACTOR_STUCK, actor_result(self->a[0]));
	for (i = 0; i < 3; i++)
		if (!actor_done(self->a[i]) && !actor_sleeps(self->a[i]))
			done++;
	EXPECT_EQ(1, done);
	actor_post(self->a[3], step_barrier, self->b);
	for (i = 0; i < 4; i++)
		EXPECT_NE(ACTOR_STUCK, actor_result(self->a[i]));
}

static int many_rounds(void *b)
{
	int i, serial = 0;

	for (i = 0; i < 2000; i++)
		serial += pthread_barrier_wait(b) == PTHREAD_BARRIER_SERIAL_THREAD;
	return serial;
}

/* One SERIAL in each of many cycles, as fast as they come. */
TEST_F(barrier, one_is_serial_in_each_of_many)
{
	int i, serial = 0;

	MAKE(4);
	for (i = 0; i < 4; i++)
		actor_post(self->a[i], many_rounds, self->b);
	for (i = 0; i < 4; i++)
		serial += actor_result(self->a[i]);
	EXPECT_EQ(2000, serial);
}

/* pthread_barrier_destroy: right after the wait, by the one told to be SERIAL. */
static int wait_and_destroy(void *b)
{
	const int ret = pthread_barrier_wait(b);

	if (ret != PTHREAD_BARRIER_SERIAL_THREAD)
		return ret;
	return pthread_barrier_destroy(b) ? 1000 : ret;
}

TEST_F(barrier, destroyed_right_after)
{
	int i, round, serial;

	for (round = 0; round < 50; round++) {
		MAKE(4);
		for (i = 0; i < 4; i++)
			actor_post(self->a[i], wait_and_destroy, self->b);
		for (i = serial = 0; i < 4; i++)
			serial += actor_result(self->a[i]);
		EXPECT_EQ(PTHREAD_BARRIER_SERIAL_THREAD, serial);
		memset(self->b, 0xa5, sizeof(*self->b));
	}
}

static void nothing(int sig)
{
	(void)sig;
}

/* pthread_barrier_wait, DESCRIPTION: after a signal handler it goes on; no [EINTR]. */
TEST_F(barrier, goes_on_after_a_signal)
{
	const struct sigaction sa = { .sa_handler = nothing };
	int serial;

	if (variant->pshared)
		SKIP(return, "processes do not have the handler");
	ASSERT_EQ(0, sigaction(SIGUSR1, &sa, NULL));
	MAKE(2);
	BLOCKS(self->a[0], step_barrier, self->b);
	EXPECT_EQ(0, pthread_kill(self->a[0]->thread, SIGUSR1));
	EXPECT_EQ(0, actor_sleeps(self->a[0]));
	serial = pthread_barrier_wait(self->b);
	EXPECT_EQ(PTHREAD_BARRIER_SERIAL_THREAD, serial + actor_result(self->a[0]));
}

/* pthread_barrier_init, ERRORS: [EINVAL] for a count of 0. */
TEST(count_of_zero_is_einval)
{
	pthread_barrier_t b;

	EXPECT_EQ(EINVAL, pthread_barrier_init(&b, NULL, 0));
}

/* The same: without attributes the default, and one alone does not block. */
TEST(count_of_one_never_blocks)
{
	pthread_barrier_t b;
	int i;

	ASSERT_EQ(0, pthread_barrier_init(&b, NULL, 1));
	for (i = 0; i < 5; i++)
		EXPECT_EQ(PTHREAD_BARRIER_SERIAL_THREAD, pthread_barrier_wait(&b));
	EXPECT_EQ(0, pthread_barrier_destroy(&b));
}

/* pthread_barrierattr_getpshared, DESCRIPTION: PRIVATE until set; others [EINVAL]. */
TEST(pshared_is_private_until_set)
{
	pthread_barrierattr_t attr;
	int pshared = -1;

	EXPECT_EQ(0, pthread_barrierattr_init(&attr));
	EXPECT_EQ(0, pthread_barrierattr_getpshared(&attr, &pshared));
	EXPECT_EQ(PTHREAD_PROCESS_PRIVATE, pshared);
	EXPECT_EQ(EINVAL, pthread_barrierattr_setpshared(&attr, 4711));
	EXPECT_EQ(0, pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED));
	EXPECT_EQ(0, pthread_barrierattr_getpshared(&attr, &pshared));
	EXPECT_EQ(PTHREAD_PROCESS_SHARED, pshared);
	EXPECT_EQ(0, pthread_barrierattr_destroy(&attr));
}

PX_MAIN
