// SPDX-License-Identifier: GPL-2.0
/*
 * Conds: the mutex is released and had again, whatever ends the wait; and what
 * the answers are.
 */
#include <signal.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/cond.h"
#include "lib/ksft.h"

FIXTURE(cond)
{
	struct cond_scene s;
	struct ksync_cell *cond;
	struct ksync_cell *mutex;
	unsigned int max_waiters;
};

FIXTURE_VARIANT(cond)
{
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(cond, adaptive)
{
	.flags = 0,
};

FIXTURE_VARIANT_ADD(cond, strict)
{
	.flags = KSYNC_MUTEX_STRICT,
};

FIXTURE_VARIANT_ADD(cond, recursive)
{
	.flags = KSYNC_MUTEX_RECURSIVE,
};

FIXTURE_SETUP(cond)
{
	ASSERT_EQ(0, cond_scene_open(&self->s, variant->flags));
	ASSERT_EQ(0, param_get("max_waiters", &self->max_waiters));
	self->cond = &self->s.cells[self->s.cond];
	self->mutex = &self->s.cells[self->s.mutex];
}

FIXTURE_TEARDOWN(cond)
{
	param_set("max_waiters", self->max_waiters);
	cond_scene_close(&self->s);
}

#define WAITER(kind)	waiter(_metadata, self, kind)

static struct player *waiter(struct __test_metadata *_metadata,
			     struct _test_data_cond *self, enum task_kind kind)
{
	struct player *p = cond_waiter(&self->s, kind, 0);

	ASSERT_NE(NULL, p);
	return p;
}

/* All is as if nothing had been. */
static void check_idle(struct __test_metadata *_metadata, struct _test_data_cond *self)
{
	EXPECT_EQ(0, self->mutex->word);
	EXPECT_EQ(0, self->cond->waiters);
	EXPECT_EQ(0, await_waiters(self->s.fd, self->s.cond, 0));
	EXPECT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 0));
}

/* The test itself, which owns the mutex, waits with these arguments. */
static int wait_here(struct _test_data_cond *self, uint32_t flags, uint64_t deadline)
{
	return raw_cond_wait(self->s.fd, self->s.cond, self->s.mutex, self->s.self,
			     flags, deadline);
}

TEST_F(cond, signalling_nobody)
{
	EXPECT_EQ(0, cond_signal(&self->s, 1));
	EXPECT_EQ(0, cond_signal(&self->s, UINT32_MAX));
	check_idle(_metadata, self);
}

TEST_F(cond, waiting_without_the_mutex_is_eperm)
{
	struct player *owner = cond_player(&self->s, TASK_PROCESS, 0);

	ASSERT_NE(NULL, owner);
	EXPECT_EQ(-EPERM, wait_here(self, 0, 0));
	ASSERT_EQ(0, player_do(owner, step_lock, self->s.mutex));
	EXPECT_EQ(-EPERM, wait_here(self, 0, 0));
	EXPECT_TRUE(cond_owned_by(&self->s, owner->handle));
	EXPECT_EQ(0, player_do(owner, step_unlock, self->s.mutex));
	check_idle(_metadata, self);
}

TEST_F(cond, other_arguments_are_einval)
{
	struct ksync_cond_wait arg = {
		.size = sizeof(arg), .id = self->s.cond, .mutex = self->s.mutex,
		.thread = self->s.self, .deadline = 0,
	};
	static const struct {
		uint32_t phase;
		int32_t result;
	} bad[] = {
		{ KSYNC_COND_SLEEP, -EINTR }, { KSYNC_COND_SLEEP, 1 },
		{ KSYNC_COND_RELOCK, 1 }, { KSYNC_COND_RELOCK, -512 },
		{ KSYNC_COND_RELOCK, -EPERM }, { 2, 0 }, { ~0U, 0 },
	};
	uint32_t spin;
	size_t i;

	ASSERT_EQ(0, raw_create(self->s.fd, KSYNC_KIND_SPIN, 0, &spin));
	ASSERT_EQ(0, cond_lock(&self->s));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		arg.phase = bad[i].phase;
		arg.result = bad[i].result;
		EXPECT_EQ(-EINVAL, raw_ioctl(self->s.fd, KSYNC_IOC_COND_WAIT, &arg));
	}
	arg.phase = 0;
	arg.result = 0;
	arg.mutex = spin;
	EXPECT_EQ(-EINVAL, raw_ioctl(self->s.fd, KSYNC_IOC_COND_WAIT, &arg));
	EXPECT_TRUE(cond_owned_by(&self->s, self->s.self));
	EXPECT_EQ(0, cond_unlock(&self->s));
	check_idle(_metadata, self);
}

/* All that wait at a time wait with one mutex; the next may take another. */
TEST_F(cond, another_mutex_is_einval)
{
	struct player *p = WAITER(TASK_THREAD);
	uint32_t other;

	ASSERT_EQ(0, raw_create(self->s.fd, KSYNC_KIND_MUTEX, 0, &other));
	ASSERT_EQ(0, raw_lock(self->s.fd, other, self->s.self, 0, KSYNC_NO_DEADLINE));
	EXPECT_EQ(-EINVAL, raw_cond_wait(self->s.fd, self->s.cond, other, self->s.self, 0, 0));
	EXPECT_EQ(self->s.self, self->s.cells[other].word);
	EXPECT_EQ(1, self->cond->waiters);
	EXPECT_EQ(1, cond_signal(&self->s, 1));
	EXPECT_EQ(0, cond_end_wait(&self->s, p, 0));
	EXPECT_EQ(-ETIMEDOUT,
		  raw_cond_wait(self->s.fd, self->s.cond, other, self->s.self, 0, 0));
	EXPECT_EQ(self->s.self, self->s.cells[other].word);
	check_idle(_metadata, self);
}

TEST_F(cond, wait_releases_and_locks_again)
{
	struct player *p[3];
	struct ksync_query q;
	int i;

	for (i = 0; i < 3; i++) {
		p[i] = WAITER(i);
		EXPECT_EQ(0, self->mutex->word);
		EXPECT_EQ(i + 1, self->cond->waiters);
	}
	ASSERT_EQ(0, raw_query(self->s.fd, self->s.cond, &q));
	EXPECT_EQ(KSYNC_KIND_COND, q.kind);
	EXPECT_EQ(3, q.waiters);
	EXPECT_EQ(100, q.top_prio);
	EXPECT_EQ(0, q.owner);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(1, cond_signal(&self->s, 1));
		EXPECT_EQ(0, cond_end_wait(&self->s, p[i], 0));
		EXPECT_EQ(2 - i, self->cond->waiters);
	}
	check_idle(_metadata, self);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, player_end(p[i]));
}

/* With the mutex held it is a waiter of that from the signal on. */
TEST_F(cond, signalled_waiter_waits_for_the_mutex)
{
	struct player *p[3];
	int i;

	NEEDS(COND_ORDER);
	for (i = 0; i < 3; i++)
		p[i] = WAITER(i);
	ASSERT_EQ(0, cond_lock(&self->s));
	EXPECT_EQ(2, cond_signal(&self->s, 2));
	EXPECT_EQ(1, self->cond->waiters);
	EXPECT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 2));
	EXPECT_EQ(self->s.self | KSYNC_WAITERS, self->mutex->word);
	EXPECT_EQ(1, cond_signal(&self->s, 2));
	EXPECT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 3));
	for (i = 0; i < 3; i++)
		EXPECT_NE(p[i]->done, p[i]->posted);
	EXPECT_EQ(0, cond_unlock(&self->s));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, cond_end_wait(&self->s, p[i], 0));
	check_idle(_metadata, self);
}

static void times_out(struct __test_metadata *_metadata, struct _test_data_cond *self,
		      clockid_t clock)
{
	const uint32_t flags = clock == CLOCK_REALTIME ? KSYNC_WAIT_REALTIME : 0;
	const uint64_t deadline = raw_deadline(clock, 50);

	ASSERT_EQ(0, cond_lock(&self->s));
	EXPECT_EQ(-ETIMEDOUT, wait_here(self, flags, 0));
	EXPECT_TRUE(cond_owned_by(&self->s, self->s.self));
	EXPECT_EQ(-ETIMEDOUT, wait_here(self, flags, deadline));
	EXPECT_LE(deadline, now(clock));
	EXPECT_TRUE(cond_owned_by(&self->s, self->s.self));
	EXPECT_EQ(0, cond_unlock(&self->s));
	check_idle(_metadata, self);
}

TEST_F(cond, timeouts_on_both_clocks)
{
	times_out(_metadata, self, CLOCK_MONOTONIC);
	times_out(_metadata, self, CLOCK_REALTIME);
}

static bool has_passed(const void *arg)
{
	return passed(*(const uint64_t *)arg);
}

/* The deadline ends the wait for the signal, not that for the mutex. */
TEST_F(cond, timed_out_waiter_waits_for_the_mutex)
{
	struct player *p = cond_player(&self->s, TASK_PROCESS, 0);

	ASSERT_NE(NULL, p);
	p->deadline = raw_deadline(CLOCK_MONOTONIC, 1500 * slow_factor());
	ASSERT_EQ(0, cond_begin_wait(&self->s, p));
	ASSERT_EQ(0, cond_lock(&self->s));
	EXPECT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 1));
	EXPECT_TRUE(passed(p->deadline));
	EXPECT_EQ(0, self->cond->waiters);
	EXPECT_EQ(0, cond_signal(&self->s, 1));
	EXPECT_EQ(0, cond_unlock(&self->s));
	EXPECT_EQ(0, cond_end_wait(&self->s, p, -ETIMEDOUT));
	check_idle(_metadata, self);
}

/* Signalled before: the deadline passes while it waits for the mutex. */
TEST_F(cond, signal_wins_over_the_deadline)
{
	struct player *p[3];
	int i;

	NEEDS(COND_ORDER);
	for (i = 0; i < 3; i++) {
		p[i] = cond_player(&self->s, i, 0);
		ASSERT_NE(NULL, p[i]);
		p[i]->deadline = raw_deadline(CLOCK_MONOTONIC, 2000 * slow_factor());
		ASSERT_EQ(0, cond_begin_wait(&self->s, p[i]));
	}
	ASSERT_EQ(0, cond_lock(&self->s));
	ASSERT_EQ(3, cond_signal(&self->s, 3));
	ASSERT_EQ(0, await_true(has_passed, &p[2]->deadline));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, player_await_asleep(p[i]));
		EXPECT_NE(p[i]->done, p[i]->posted);
	}
	EXPECT_EQ(0, cond_unlock(&self->s));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, cond_end_wait(&self->s, p[i], 0));
	check_idle(_metadata, self);
}

/* The owner dies: told to the first one alone. */
TEST_F(cond, owner_dies_while_signalled_waiters_wait)
{
	struct player *owner = cond_player(&self->s, TASK_PROCESS, 0), *p[3];
	int i;

	NEEDS(COND_ORDER);
	ASSERT_NE(NULL, owner);
	for (i = 0; i < 3; i++)
		p[i] = WAITER(i);
	ASSERT_EQ(0, player_do(owner, step_lock, self->s.mutex));
	ASSERT_EQ(3, cond_signal(&self->s, 3));
	ASSERT_EQ(0, task_kill(&owner->task, SIGKILL));
	ASSERT_EQ(0, task_join(&owner->task, NULL));
	ASSERT_EQ(-EOWNERDEAD, player_result(p[0]));
	EXPECT_EQ(0, player_do(p[0], step_consistent, self->s.mutex));
	EXPECT_EQ(0, player_do(p[0], step_unlock, self->s.mutex));
	for (i = 1; i < 3; i++)
		EXPECT_EQ(0, cond_end_wait(&self->s, p[i], 0));
	check_idle(_metadata, self);
}

/* It was dead already when the signal came. */
TEST_F(cond, signalled_to_a_dead_owners_mutex)
{
	struct player *owner = cond_player(&self->s, TASK_PROCESS, 0);
	struct player *p = WAITER(TASK_BARE);

	ASSERT_NE(NULL, owner);
	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->s.mutex));
	ASSERT_EQ(0, task_kill(&owner->task, SIGKILL));
	ASSERT_EQ(0, task_join(&owner->task, NULL));
	ASSERT_EQ(1, cond_signal(&self->s, 3));
	ASSERT_EQ(-EOWNERDEAD, player_result(p));
	EXPECT_EQ(0, player_do(p, step_consistent, self->s.mutex));
	EXPECT_EQ(0, player_do(p, step_unlock, self->s.mutex));
	check_idle(_metadata, self);
}

/* To wait is to unlock: who does so while inconsistent ends the mutex. */
TEST_F(cond, waiting_while_inconsistent_is_enotrecoverable)
{
	self->mutex->word = self->s.self | KSYNC_OWNER_DIED;
	EXPECT_EQ(-ENOTRECOVERABLE, wait_here(self, 0, KSYNC_NO_DEADLINE));
	EXPECT_EQ(KSYNC_NOTRECOVERABLE, self->mutex->word);
	EXPECT_EQ(0, self->cond->waiters);
	EXPECT_EQ(0, await_waiters(self->s.fd, self->s.cond, 0));
}

TEST_F(cond, signalled_waiters_are_told_enotrecoverable)
{
	struct player *p[3];
	int i;

	for (i = 0; i < 3; i++)
		p[i] = WAITER(i);
	ASSERT_EQ(0, cond_lock(&self->s));
	__atomic_fetch_or(&self->mutex->word, KSYNC_OWNER_DIED, __ATOMIC_SEQ_CST);
	EXPECT_EQ(3, cond_signal(&self->s, 3));
	EXPECT_EQ(0, cond_unlock(&self->s));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(-ENOTRECOVERABLE, player_result(p[i]));
	EXPECT_EQ(KSYNC_NOTRECOVERABLE, backend_word(self->mutex->word));
	EXPECT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 0));
}

TEST_F(cond, destroying)
{
	struct player *p = WAITER(TASK_THREAD);

	EXPECT_EQ(-EBUSY, raw_destroy(self->s.fd, self->s.cond));
	/* Nobody waits for the mutex. */
	EXPECT_EQ(0, raw_destroy(self->s.fd, self->s.mutex));
	EXPECT_EQ(1, self->cond->waiters);
	EXPECT_EQ(1, cond_signal(&self->s, 1));
	EXPECT_EQ(-EBADF, player_result(p));
	EXPECT_EQ(0, raw_destroy(self->s.fd, self->s.cond));
	EXPECT_EQ(-EBADF, cond_signal(&self->s, 1));
}

/* Signalled, a waiter does not need the cond any more. */
TEST_F(cond, destroyed_before_the_waiter_returns)
{
	struct player *p = WAITER(TASK_PROCESS);

	NEEDS(COND_ORDER);
	ASSERT_EQ(0, cond_lock(&self->s));
	EXPECT_EQ(1, cond_signal(&self->s, 1));
	EXPECT_EQ(0, raw_destroy(self->s.fd, self->s.cond));
	EXPECT_EQ(-EBUSY, raw_destroy(self->s.fd, self->s.mutex));
	EXPECT_EQ(0, cond_unlock(&self->s));
	EXPECT_EQ(0, cond_end_wait(&self->s, p, 0));
	EXPECT_EQ(0, self->mutex->word);
}

TEST_F(cond, limit_of_waiters_is_enospc)
{
	struct player *p = WAITER(TASK_THREAD);

	NEEDS(GUARDED);
	ASSERT_EQ(0, cond_lock(&self->s));
	ASSERT_EQ(0, param_set("max_waiters", 1));
	EXPECT_EQ(-ENOSPC, wait_here(self, 0, 0));
	EXPECT_TRUE(cond_owned_by(&self->s, self->s.self));
	EXPECT_EQ(1, cond_signal(&self->s, 1));
	EXPECT_EQ(0, cond_unlock(&self->s));
	EXPECT_EQ(0, cond_end_wait(&self->s, p, 0));
	check_idle(_metadata, self);
}

/* The mutex is had again all the same, once there is room. */
TEST_F(cond, limit_of_waiters_is_waited_out_for_the_mutex)
{
	struct player *p = cond_player(&self->s, TASK_PROCESS, 0);

	NEEDS(GUARDED);
	ASSERT_NE(NULL, p);
	p->deadline = raw_deadline(CLOCK_MONOTONIC, 1000 * slow_factor());
	ASSERT_EQ(0, cond_begin_wait(&self->s, p));
	ASSERT_EQ(0, cond_lock(&self->s));
	ASSERT_EQ(0, param_set("max_waiters", 0));
	ASSERT_EQ(0, await_true(has_passed, &p->deadline));
	ASSERT_EQ(0, await_value(&self->cond->waiters, 0));
	EXPECT_NE(p->done, p->posted);
	ASSERT_EQ(0, param_set("max_waiters", 10));
	ASSERT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 1));
	EXPECT_EQ(0, cond_unlock(&self->s));
	EXPECT_EQ(0, cond_end_wait(&self->s, p, -ETIMEDOUT));
	check_idle(_metadata, self);
}

KSFT_MAIN
