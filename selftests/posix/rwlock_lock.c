// SPDX-License-Identifier: GPL-2.0
/*
 * Read-write locks: who gets in beside whom, for each kind and between processes.
 */
#include "lib/px.h"

FIXTURE(rwlock)
{
	pthread_rwlock_t *rw;
	struct actor *a, *b, *c;
};

FIXTURE_VARIANT(rwlock)
{
	int kind;
	int pshared;
};

FIXTURE_VARIANT_ADD(rwlock, default)
{
	.kind = PTHREAD_RWLOCK_DEFAULT_NP,
};

FIXTURE_VARIANT_ADD(rwlock, prefer_writer)
{
	.kind = PTHREAD_RWLOCK_PREFER_WRITER_NP,
};

FIXTURE_VARIANT_ADD(rwlock, writer_nonrecursive)
{
	.kind = PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP,
};

FIXTURE_VARIANT_ADD(rwlock, shared)
{
	.pshared = PTHREAD_PROCESS_SHARED,
};

FIXTURE_VARIANT_ADD(rwlock, shared_writer_nonrecursive)
{
	.kind = PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP,
	.pshared = PTHREAD_PROCESS_SHARED,
};

FIXTURE_SETUP(rwlock)
{
	const enum actor_kind kind = variant->pshared ? PROCESS : THREAD;

	self->rw = px_shared(sizeof(*self->rw));
	ASSERT_EQ(0, rwlock_make(self->rw, variant->kind, variant->pshared));
	self->a = actor_start(kind);
	self->b = actor_start(kind);
	self->c = actor_start(kind);
}

FIXTURE_TEARDOWN(rwlock)
{
}

/* pthread_rwlock_rdlock, DESCRIPTION: readers get in beside readers. */
TEST_F(rwlock, readers_are_together)
{
	EXPECT_EQ(0, pthread_rwlock_rdlock(self->rw));
	EXPECT_EQ(0, DO(self->a, step_rdlock, self->rw));
	EXPECT_EQ(0, DO(self->b, step_tryrdlock, self->rw));
	EXPECT_EQ(0, DO(self->c, step_timedrdlock_soon, self->rw));
	EXPECT_EQ(EBUSY, pthread_rwlock_trywrlock(self->rw));
	EXPECT_EQ(0, DO(self->c, step_rwunlock, self->rw));
	EXPECT_EQ(0, DO(self->b, step_rwunlock, self->rw));
	EXPECT_EQ(0, DO(self->a, step_rwunlock, self->rw));
	EXPECT_EQ(EBUSY, DO(self->a, step_trywrlock, self->rw));
	EXPECT_EQ(0, pthread_rwlock_unlock(self->rw));
	EXPECT_EQ(0, DO(self->a, step_trywrlock, self->rw));
}

/* The same: a thread may have several read locks, and unlocks each. */
TEST_F(rwlock, reader_counts)
{
	int i;

	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, pthread_rwlock_rdlock(self->rw));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(EBUSY, DO(self->a, step_trywrlock, self->rw));
		EXPECT_EQ(0, pthread_rwlock_unlock(self->rw));
	}
	EXPECT_EQ(0, DO(self->a, step_trywrlock, self->rw));
}

/* pthread_rwlock_trywrlock, ERRORS: [EBUSY] while anybody has it; own included. */
TEST_F(rwlock, writer_is_alone)
{
	EXPECT_EQ(0, pthread_rwlock_wrlock(self->rw));
	EXPECT_EQ(EBUSY, DO(self->a, step_tryrdlock, self->rw));
	EXPECT_EQ(EBUSY, DO(self->a, step_trywrlock, self->rw));
	EXPECT_EQ(EBUSY, pthread_rwlock_tryrdlock(self->rw));
	EXPECT_EQ(EBUSY, pthread_rwlock_trywrlock(self->rw));
	EXPECT_EQ(0, pthread_rwlock_unlock(self->rw));
	EXPECT_EQ(0, DO(self->a, step_tryrdlock, self->rw));
}

/* The same: [EBUSY] for the thread that reads. */
TEST_F(rwlock, trywrlock_by_the_reader_is_busy)
{
	EXPECT_EQ(0, pthread_rwlock_rdlock(self->rw));
	EXPECT_EQ(EBUSY, pthread_rwlock_trywrlock(self->rw));
	EXPECT_EQ(0, pthread_rwlock_unlock(self->rw));
	EXPECT_EQ(0, pthread_rwlock_trywrlock(self->rw));
	EXPECT_EQ(0, pthread_rwlock_unlock(self->rw));
}

/* pthread_rwlock_rdlock, ERRORS: [EDEADLK] (may) to the writer itself. */
TEST_F(rwlock, rdlock_by_the_writer_is_edeadlk)
{
	const struct timespec t = px_late(CLOCK_REALTIME);

	EXPECT_EQ(0, pthread_rwlock_wrlock(self->rw));
	EXPECT_EQ(EDEADLK, pthread_rwlock_rdlock(self->rw));
	EXPECT_EQ(EDEADLK, pthread_rwlock_timedrdlock(self->rw, &t));
	EXPECT_EQ(EBUSY, DO(self->a, step_tryrdlock, self->rw));
	EXPECT_EQ(0, pthread_rwlock_unlock(self->rw));
}

/* pthread_rwlock_wrlock, ERRORS: the same for writing once more. */
TEST_F(rwlock, wrlock_by_the_writer_is_edeadlk)
{
	const struct timespec t = px_late(CLOCK_REALTIME);

	EXPECT_EQ(0, pthread_rwlock_wrlock(self->rw));
	EXPECT_EQ(EDEADLK, pthread_rwlock_wrlock(self->rw));
	EXPECT_EQ(EDEADLK, pthread_rwlock_timedwrlock(self->rw, &t));
	EXPECT_EQ(0, pthread_rwlock_unlock(self->rw));
	EXPECT_EQ(0, DO(self->a, step_trywrlock, self->rw));
}

/* The same: it may be [EDEADLK] or a deadlock for the only reader; in time [ETIMEDOUT]. */
TEST_F(rwlock, timedwrlock_by_the_reader_ends)
{
	int ret;

	EXPECT_EQ(0, DO(self->a, step_rdlock, self->rw));
	ret = DO(self->a, step_timedwrlock_soon, self->rw);
	EXPECT_TRUE(ret == ETIMEDOUT || ret == EDEADLK);
	EXPECT_EQ(EBUSY, pthread_rwlock_trywrlock(self->rw));
	EXPECT_EQ(0, DO(self->a, step_rwunlock, self->rw));
	EXPECT_EQ(0, pthread_rwlock_trywrlock(self->rw));
}

/* pthread_rwlock_wrlock, DESCRIPTION: blocks until the last reader is gone. */
TEST_F(rwlock, writer_waits_for_all_readers)
{
	EXPECT_EQ(0, pthread_rwlock_rdlock(self->rw));
	EXPECT_EQ(0, DO(self->a, step_rdlock, self->rw));
	BLOCKS(self->b, step_wrlock, self->rw);
	EXPECT_EQ(0, DO(self->a, step_rwunlock, self->rw));
	EXPECT_EQ(0, actor_sleeps(self->b));
	EXPECT_EQ(0, pthread_rwlock_unlock(self->rw));
	ENDS(0, self->b);
	EXPECT_EQ(EBUSY, pthread_rwlock_tryrdlock(self->rw));
	EXPECT_EQ(0, DO(self->b, step_rwunlock, self->rw));
	EXPECT_EQ(0, pthread_rwlock_tryrdlock(self->rw));
}

/* pthread_rwlock_unlock, DESCRIPTION: after the writer all waiting readers get in. */
TEST_F(rwlock, readers_wait_for_the_writer)
{
	EXPECT_EQ(0, pthread_rwlock_wrlock(self->rw));
	BLOCKS(self->a, step_rdlock, self->rw);
	BLOCKS(self->b, step_timedrdlock_late, self->rw);
	EXPECT_EQ(0, pthread_rwlock_unlock(self->rw));
	ENDS(0, self->a);
	ENDS(0, self->b);
	EXPECT_EQ(EBUSY, pthread_rwlock_trywrlock(self->rw));
}

/* The same: of waiting writers, one at a time. */
TEST_F(rwlock, writers_one_at_a_time)
{
	struct actor *first, *second;

	EXPECT_EQ(0, pthread_rwlock_wrlock(self->rw));
	BLOCKS(self->a, step_wrlock, self->rw);
	BLOCKS(self->b, step_timedwrlock_late, self->rw);
	EXPECT_EQ(0, pthread_rwlock_unlock(self->rw));
	ASSERT_EQ(0, actor_either(self->a, self->b));
	first = actor_done(self->a) ? self->a : self->b;
	second = first == self->a ? self->b : self->a;
	ASSERT_EQ(0, actor_sleeps(second));
	EXPECT_EQ(0, DO(first, step_rwunlock, self->rw));
	ENDS(0, second);
	EXPECT_EQ(0, DO(second, step_rwunlock, self->rw));
}

/*
 * pthread_rwlockattr_setkind_np (glibc): by default, and with PREFER_WRITER, a
 * reader gets in beside a waiting writer; with NONRECURSIVE it waits behind it.
 */
TEST_F(rwlock, reader_beside_a_waiting_writer)
{
	EXPECT_EQ(0, pthread_rwlock_rdlock(self->rw));
	BLOCKS(self->a, step_wrlock, self->rw);
	if (variant->kind == PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) {
		EXPECT_EQ(EBUSY, DO(self->b, step_tryrdlock, self->rw));
		BLOCKS(self->b, step_rdlock, self->rw);
		EXPECT_EQ(0, pthread_rwlock_unlock(self->rw));
		ENDS(0, self->a);
		EXPECT_EQ(0, actor_sleeps(self->b));
		EXPECT_EQ(0, DO(self->a, step_rwunlock, self->rw));
		ENDS(0, self->b);
	} else {
		EXPECT_EQ(0, DO(self->b, step_tryrdlock, self->rw));
		EXPECT_EQ(0, DO(self->c, step_rdlock, self->rw));
		EXPECT_EQ(0, pthread_rwlock_rdlock(self->rw));
		EXPECT_EQ(0, pthread_rwlock_unlock(self->rw));
		EXPECT_EQ(0, DO(self->b, step_rwunlock, self->rw));
		EXPECT_EQ(0, DO(self->c, step_rwunlock, self->rw));
		EXPECT_EQ(0, actor_sleeps(self->a));
		EXPECT_EQ(0, pthread_rwlock_unlock(self->rw));
		ENDS(0, self->a);
	}
}

/* A writer that waited and timed out is not in the way of readers any more. */
TEST_F(rwlock, writer_that_timed_out_is_gone)
{
	EXPECT_EQ(0, pthread_rwlock_rdlock(self->rw));
	EXPECT_EQ(ETIMEDOUT, DO(self->a, step_timedwrlock_soon, self->rw));
	EXPECT_EQ(0, DO(self->b, step_tryrdlock, self->rw));
	EXPECT_EQ(0, DO(self->c, step_rdlock, self->rw));
	EXPECT_EQ(0, DO(self->b, step_rwunlock, self->rw));
	EXPECT_EQ(0, DO(self->c, step_rwunlock, self->rw));
	EXPECT_EQ(0, pthread_rwlock_unlock(self->rw));
	EXPECT_EQ(0, DO(self->a, step_trywrlock, self->rw));
}

/* And readers that waited behind it are let in when it gives up. */
TEST_F(rwlock, readers_get_in_when_the_writer_gives_up)
{
	EXPECT_EQ(0, pthread_rwlock_rdlock(self->rw));
	actor_post(self->a, step_timedwrlock_soon, self->rw);
	EXPECT_EQ(0, DO(self->b, step_rdlock, self->rw));
	ENDS(ETIMEDOUT, self->a);
	EXPECT_EQ(0, DO(self->b, step_rwunlock, self->rw));
	EXPECT_EQ(0, pthread_rwlock_unlock(self->rw));
}

static void nothing(int sig)
{
	(void)sig;
}

/* pthread_rwlock_rdlock, _wrlock: [EINTR] is never returned; they go on waiting. */
TEST_F(rwlock, waits_go_on_after_a_signal)
{
	const struct sigaction sa = { .sa_handler = nothing };

	if (variant->pshared)
		SKIP(return, "processes do not have the handler");
	ASSERT_EQ(0, sigaction(SIGUSR1, &sa, NULL));
	EXPECT_EQ(0, pthread_rwlock_wrlock(self->rw));
	BLOCKS(self->a, step_rdlock, self->rw);
	BLOCKS(self->b, step_timedrdlock_late, self->rw);
	BLOCKS(self->c, step_wrlock, self->rw);
	EXPECT_EQ(0, pthread_kill(self->a->thread, SIGUSR1));
	EXPECT_EQ(0, pthread_kill(self->b->thread, SIGUSR1));
	EXPECT_EQ(0, pthread_kill(self->c->thread, SIGUSR1));
	EXPECT_EQ(0, actor_sleeps(self->a));
	EXPECT_EQ(0, actor_sleeps(self->b));
	EXPECT_EQ(0, actor_sleeps(self->c));
	EXPECT_EQ(0, pthread_rwlock_unlock(self->rw));
	/* Who comes first is the kind's matter. */
	ASSERT_EQ(0, actor_either(self->a, self->c));
	if (actor_done(self->c)) {
		ENDS(0, self->c);
		EXPECT_EQ(0, DO(self->c, step_rwunlock, self->rw));
	}
	ENDS(0, self->a);
	ENDS(0, self->b);
	EXPECT_EQ(0, DO(self->a, step_rwunlock, self->rw));
	EXPECT_EQ(0, DO(self->b, step_rwunlock, self->rw));
	ENDS(0, self->c);
}

#define ROUNDS 5000

struct pair {
	pthread_rwlock_t *rw;
	long x, y;
};

static struct pair *pair;

static int write_pair(void *arg)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (pthread_rwlock_wrlock(arg))
			return 1;
		pair->x++;
		pair->y--;
		if (pthread_rwlock_unlock(arg))
			return 2;
	}
	return 0;
}

static int read_pair(void *arg)
{
	int i, sum = 0;

	for (i = 0; i < ROUNDS; i++) {
		if (pthread_rwlock_rdlock(arg))
			return 1;
		sum |= pair->x + pair->y;
		if (pthread_rwlock_unlock(arg))
			return 2;
	}
	return sum ? 3 : 0;
}

/* Readers never see a writer half way, and no write is lost. */
TEST_F(rwlock, readers_see_whole_writes)
{
	static struct pair here;

	if (variant->pshared)
		SKIP(return, "for threads");
	pair = &here;
	actor_post(self->a, write_pair, self->rw);
	actor_post(self->b, write_pair, self->rw);
	actor_post(self->c, read_pair, self->rw);
	EXPECT_EQ(0, read_pair(self->rw));
	ENDS(0, self->a);
	ENDS(0, self->b);
	ENDS(0, self->c);
	EXPECT_EQ(2 * ROUNDS, pair->x);
}

PX_MAIN
