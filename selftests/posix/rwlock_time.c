// SPDX-License-Identifier: GPL-2.0
/*
 * Read-write locks: deadlines and attributes.
 */
#include "lib/px.h"

struct timed {
	int (*fn)(pthread_rwlock_t *rw, const struct timespec *t);
	int (*clock_fn)(pthread_rwlock_t *rw, clockid_t clock, const struct timespec *t);
};

FIXTURE(timed)
{
	pthread_rwlock_t rw;
	struct actor *a;
};

FIXTURE_VARIANT(timed)
{
	struct timed op;
};

FIXTURE_VARIANT_ADD(timed, rdlock)
{
	.op = { pthread_rwlock_timedrdlock, pthread_rwlock_clockrdlock },
};

FIXTURE_VARIANT_ADD(timed, wrlock)
{
	.op = { pthread_rwlock_timedwrlock, pthread_rwlock_clockwrlock },
};

FIXTURE_SETUP(timed)
{
	ASSERT_EQ(0, pthread_rwlock_init(&self->rw, NULL));
	self->a = actor_start(THREAD);
}

FIXTURE_TEARDOWN(timed)
{
}

/* pthread_rwlock_timedrdlock, _timedwrlock, ERRORS: [ETIMEDOUT], and not early. */
TEST_F(timed, times_out)
{
	const struct timespec t = px_in(CLOCK_REALTIME, 30);

	EXPECT_EQ(0, DO(self->a, step_wrlock, &self->rw));
	EXPECT_EQ(ETIMEDOUT, variant->op.fn(&self->rw, &t));
	EXPECT_TRUE(px_passed(CLOCK_REALTIME, &t));
	EXPECT_EQ(0, DO(self->a, step_rwunlock, &self->rw));
	EXPECT_EQ(0, pthread_rwlock_trywrlock(&self->rw));
}

/* The same: a time that has passed. */
TEST_F(timed, past_times_out)
{
	const struct timespec past = px_in(CLOCK_REALTIME, -1000);
	const struct timespec before = { .tv_sec = -1 };

	EXPECT_EQ(0, DO(self->a, step_wrlock, &self->rw));
	EXPECT_EQ(ETIMEDOUT, variant->op.fn(&self->rw, &past));
	EXPECT_EQ(ETIMEDOUT, variant->op.fn(&self->rw, &before));
	EXPECT_EQ(0, DO(self->a, step_rwunlock, &self->rw));
}

/* DESCRIPTION: no timeout for what can be had at once. */
TEST_F(timed, past_takes_a_free_one)
{
	const struct timespec past = px_in(CLOCK_REALTIME, -1000);

	EXPECT_EQ(0, variant->op.fn(&self->rw, &past));
	EXPECT_EQ(EBUSY, DO(self->a, step_trywrlock, &self->rw));
	EXPECT_EQ(0, pthread_rwlock_unlock(&self->rw));
	EXPECT_EQ(0, DO(self->a, step_trywrlock, &self->rw));
}

/* ERRORS: [EINVAL] for such tv_nsec when it would block. */
TEST_F(timed, refuses_nanoseconds)
{
	struct timespec t = px_late(CLOCK_REALTIME);

	EXPECT_EQ(0, DO(self->a, step_wrlock, &self->rw));
	t.tv_nsec = 1000000000;
	EXPECT_EQ(EINVAL, variant->op.fn(&self->rw, &t));
	t.tv_nsec = -1;
	EXPECT_EQ(EINVAL, variant->op.fn(&self->rw, &t));
	EXPECT_EQ(0, DO(self->a, step_rwunlock, &self->rw));
	EXPECT_EQ(0, pthread_rwlock_trywrlock(&self->rw));
}

/* pthread_rwlock_clockrdlock, _clockwrlock (glibc 2.30, Issue 8). */
TEST_F(timed, clock_times_out)
{
	struct timespec t = px_in(CLOCK_MONOTONIC, 30);

	EXPECT_EQ(0, DO(self->a, step_wrlock, &self->rw));
	EXPECT_EQ(ETIMEDOUT, variant->op.clock_fn(&self->rw, CLOCK_MONOTONIC, &t));
	EXPECT_TRUE(px_passed(CLOCK_MONOTONIC, &t));
	t = px_in(CLOCK_REALTIME, 30);
	EXPECT_EQ(ETIMEDOUT, variant->op.clock_fn(&self->rw, CLOCK_REALTIME, &t));
	EXPECT_TRUE(px_passed(CLOCK_REALTIME, &t));
	EXPECT_EQ(0, DO(self->a, step_rwunlock, &self->rw));
	t = px_in(CLOCK_MONOTONIC, -1000);
	EXPECT_EQ(0, variant->op.clock_fn(&self->rw, CLOCK_MONOTONIC, &t));
}

TEST_F(timed, clock_refuses_other_clocks)
{
	const struct timespec t = px_in(CLOCK_MONOTONIC, 30);

	EXPECT_EQ(0, DO(self->a, step_wrlock, &self->rw));
	EXPECT_EQ(EINVAL, variant->op.clock_fn(&self->rw, CLOCK_THREAD_CPUTIME_ID, &t));
	EXPECT_EQ(0, DO(self->a, step_rwunlock, &self->rw));
}

/* DESCRIPTION: and it gets in when the lock is released in time. */
TEST_F(timed, gets_what_is_unlocked)
{
	struct actor *b = actor_start(THREAD);
	const bool reads = variant->op.fn == pthread_rwlock_timedrdlock;

	EXPECT_EQ(0, DO(self->a, step_wrlock, &self->rw));
	BLOCKS(b, reads ? step_timedrdlock_late : step_timedwrlock_late, &self->rw);
	EXPECT_EQ(0, DO(self->a, step_rwunlock, &self->rw));
	ENDS(0, b);
	EXPECT_EQ(EBUSY, pthread_rwlock_trywrlock(&self->rw));
	EXPECT_EQ(reads ? 0 : EBUSY, pthread_rwlock_tryrdlock(&self->rw));
}

/* pthread_rwlockattr_getpshared, DESCRIPTION: PRIVATE until set; others [EINVAL]. */
TEST(pshared_is_private_until_set)
{
	pthread_rwlockattr_t attr;
	int pshared = -1;

	EXPECT_EQ(0, pthread_rwlockattr_init(&attr));
	EXPECT_EQ(0, pthread_rwlockattr_getpshared(&attr, &pshared));
	EXPECT_EQ(PTHREAD_PROCESS_PRIVATE, pshared);
	EXPECT_EQ(EINVAL, pthread_rwlockattr_setpshared(&attr, 4711));
	EXPECT_EQ(0, pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED));
	EXPECT_EQ(0, pthread_rwlockattr_getpshared(&attr, &pshared));
	EXPECT_EQ(PTHREAD_PROCESS_SHARED, pshared);
	EXPECT_EQ(0, pthread_rwlockattr_destroy(&attr));
}

/* pthread_rwlockattr_getkind_np (glibc): what was set, and [EINVAL] for others. */
TEST(kind_is_what_was_set)
{
	static const int kinds[] = {
		PTHREAD_RWLOCK_PREFER_READER_NP, PTHREAD_RWLOCK_PREFER_WRITER_NP,
		PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP,
	};
	pthread_rwlockattr_t attr;
	unsigned int i;
	int kind = -1;

	EXPECT_EQ(0, pthread_rwlockattr_init(&attr));
	EXPECT_EQ(0, pthread_rwlockattr_getkind_np(&attr, &kind));
	EXPECT_EQ(PTHREAD_RWLOCK_DEFAULT_NP, kind);
	EXPECT_EQ(EINVAL, pthread_rwlockattr_setkind_np(&attr, 4711));
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		EXPECT_EQ(0, pthread_rwlockattr_setkind_np(&attr, kinds[i]));
		EXPECT_EQ(0, pthread_rwlockattr_getkind_np(&attr, &kind));
		EXPECT_EQ(kinds[i], kind);
	}
}

/* pthread_rwlock_destroy, _init: destroyed and made anew in any memory. */
TEST(destroy_and_make_again)
{
	pthread_rwlock_t rw;
	int i;

	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, pthread_rwlock_init(&rw, NULL));
		EXPECT_EQ(0, pthread_rwlock_rdlock(&rw));
		EXPECT_EQ(0, pthread_rwlock_unlock(&rw));
		EXPECT_EQ(0, pthread_rwlock_wrlock(&rw));
		EXPECT_EQ(0, pthread_rwlock_unlock(&rw));
		EXPECT_EQ(0, pthread_rwlock_destroy(&rw));
		memset(&rw, 0xa5, sizeof(rw));
	}
}

PX_MAIN
