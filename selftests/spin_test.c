// SPDX-License-Identifier: GPL-2.0
/*
 * Spinlocks: what each call returns, who is served first, and that waiters do
 * not spin for an owner that does not run.
 */
#include <signal.h>
#include <unistd.h>

#include "lib/ksft.h"
#include "lib/player.h"

FIXTURE(spin)
{
	struct ksync *d;
	struct ksync_spin s;
	int fd;
	uint32_t id;
	uint32_t self;
	struct ksync_cell *cells;
	uint32_t *word;
};

FIXTURE_SETUP(spin)
{
	ASSERT_EQ(0, ksync_open(&self->d, 0));
	ASSERT_EQ(0, ksync_spin_init(&self->s, self->d, 0));
	self->fd = ksync_fileno(self->d);
	self->id = ksync_spin_id(&self->s);
	ASSERT_EQ(0, raw_attach(self->fd, &self->self));
	self->cells = raw_map(self->fd, 64);
	self->word = &self->cells[self->id].word;
}

FIXTURE_TEARDOWN(spin)
{
	ksync_close(self->d);
}

#define EXPECT_WORD(value) \
	EXPECT_EQ(backend_word(value), backend_word(__atomic_load_n(self->word, __ATOMIC_RELAXED)))

TEST_F(spin, lock_and_unlock)
{
	struct ksync_spin other;

	EXPECT_EQ(-EINVAL, ksync_spin_init(&other, self->d, 1));
	EXPECT_EQ(0, ksync_spin_lock(&self->s));
	EXPECT_WORD(self->self);
	EXPECT_EQ(-EDEADLK, ksync_spin_lock(&self->s));
	EXPECT_EQ(-EDEADLK, ksync_spin_lock_try(&self->s));
	EXPECT_EQ(0, ksync_spin_unlock(&self->s));
	EXPECT_WORD(0);
	EXPECT_EQ(-EPERM, ksync_spin_unlock(&self->s));
	EXPECT_EQ(0, ksync_spin_lock_interruptible(&self->s));
	EXPECT_EQ(0, ksync_spin_unlock(&self->s));
}

TEST_F(spin, try_and_timed)
{
	struct player *p = player_start(TASK_PROCESS, self->fd, self->cells);
	const struct timespec past = { .tv_sec = 0 };
	struct timespec soon;
	uint64_t deadline;

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, player_do(p, step_lock, self->id));
	EXPECT_EQ(-EBUSY, ksync_spin_lock_try(&self->s));
	EXPECT_EQ(-EPERM, ksync_spin_unlock(&self->s));
	EXPECT_EQ(-ETIMEDOUT, ksync_spin_lock_timed(&self->s, CLOCK_MONOTONIC, &past));
	EXPECT_EQ(-ETIMEDOUT, ksync_spin_lock_timed(&self->s, CLOCK_REALTIME, &past));
	deadline = raw_deadline(CLOCK_MONOTONIC, 30);
	soon.tv_sec = deadline / 1000000000;
	soon.tv_nsec = deadline % 1000000000;
	EXPECT_EQ(-ETIMEDOUT, ksync_spin_lock_timed(&self->s, CLOCK_MONOTONIC, &soon));
	EXPECT_LE(deadline, raw_deadline(CLOCK_MONOTONIC, 0));
	EXPECT_WORD(p->handle);
	EXPECT_EQ(0, player_do(p, step_unlock, self->id));
	EXPECT_EQ(0, ksync_spin_lock_timed(&self->s, CLOCK_MONOTONIC, &past));
	EXPECT_EQ(0, ksync_spin_unlock(&self->s));
	EXPECT_EQ(0, player_end(p));
}

/* Lock, say the how manieth this was, unlock. */
static int step_turn(struct player *p)
{
	int turn;

	if (step_lock(p))
		return -1;
	turn = (*p->futex)++;
	return step_unlock(p) ? -1 : turn;
}

/* The owner is this task, which sleeps: so the waiters come to sleep, too. */
static void serve(struct __test_metadata *_metadata, struct _test_data_spin *self,
		  const int *prios, const int *turns, int n)
{
	uint32_t *turn = player_memory(sizeof(*turn));
	struct player *p[8];
	int i;

	ASSERT_EQ(0, ksync_spin_lock(&self->s));
	for (i = 0; i < n; i++) {
		p[i] = player_start(i % 3, self->fd, self->cells);
		ASSERT_NE(NULL, p[i]);
		p[i]->futex = turn;
		if (prios[i])
			ASSERT_EQ(0, sched_fifo(task_tid(&p[i]->task), prios[i]));
		player_post(p[i], step_turn, self->id);
		ASSERT_EQ(0, await_waiters(self->fd, self->id, i + 1));
		ASSERT_EQ(0, player_await_asleep(p[i]));
	}
	ASSERT_EQ(0, ksync_spin_unlock(&self->s));
	for (i = 0; i < n; i++) {
		EXPECT_EQ(turns[i], player_result(p[i])) TH_LOG("waiter %d", i);
		EXPECT_EQ(0, player_end(p[i]));
	}
	EXPECT_WORD(0);
}

TEST_F(spin, equal_waiters_are_served_in_the_order_of_arrival)
{
	static const int prios[6], turns[] = { 0, 1, 2, 3, 4, 5 };

	serve(_metadata, self, prios, turns, 6);
}

/* Only that: whoever stepped aside spins, and may be passed by others then. */
TEST_F(spin, first_waiter_steps_aside_for_more_important_ones)
{
	static const int prios[] = { 10, 30, 30 };
	static const int turns[] = { 2, 0, 1 };

	serve(_metadata, self, prios, turns, 3);
}

TEST_F(spin, waiter_sleeps_and_boosts_an_owner_that_sleeps)
{
	struct player *owner = player_start(TASK_THREAD, self->fd, self->cells);
	struct player *waiter = player_start(TASK_PROCESS, self->fd, self->cells);
	pid_t tid;

	ASSERT_NE(NULL, owner);
	ASSERT_NE(NULL, waiter);
	tid = task_tid(&owner->task);
	ASSERT_EQ(0, sched_fifo(task_tid(&waiter->task), 30));
	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->id));
	ASSERT_EQ(0, await_asleep(tid));
	EXPECT_EQ(NORMAL_PRIO, effective_prio(tid));
	player_post(waiter, step_lock, self->id);
	ASSERT_EQ(0, await_waiters(self->fd, self->id, 1));
	ASSERT_EQ(0, player_await_asleep(waiter));
	EXPECT_EQ(0, await_prio(tid, FIFO_SHOWN(30)));
	EXPECT_WORD(owner->handle | KSYNC_WAITERS);
	EXPECT_EQ(0, player_do(owner, step_unlock, self->id));
	EXPECT_EQ(NORMAL_PRIO, effective_prio(tid));
	EXPECT_EQ(0, player_result(waiter));
	EXPECT_WORD(waiter->handle);
	EXPECT_EQ(0, player_do(waiter, step_unlock, self->id));
	EXPECT_EQ(0, player_end(waiter));
	EXPECT_EQ(0, player_end(owner));
}

TEST_F(spin, waiter_sleeps_while_the_owner_is_stopped)
{
	uint32_t *busy = player_memory(sizeof(*busy));
	struct player *owner = player_start(TASK_PROCESS, self->fd, self->cells);
	struct player *waiter = player_start(TASK_THREAD, self->fd, self->cells);

	ASSERT_NE(NULL, owner);
	ASSERT_NE(NULL, waiter);
	owner->futex = busy;
	*busy = 1;
	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->id));
	player_post(owner, step_hog, self->id);
	ASSERT_EQ(0, player_await_taken(owner));
	player_post(waiter, step_lock, self->id);
	ASSERT_EQ(0, await_waiters(self->fd, self->id, 1));
	ASSERT_EQ(0, task_kill(&owner->task, SIGSTOP));
	ASSERT_EQ(0, await_stopped(task_tid(&owner->task)));
	EXPECT_EQ(0, await_asleep(task_tid(&waiter->task)));
	ASSERT_EQ(0, task_kill(&owner->task, SIGCONT));
	*busy = 0;
	EXPECT_EQ(0, player_result(owner));
	EXPECT_EQ(0, player_do(owner, step_unlock, self->id));
	EXPECT_EQ(0, player_result(waiter));
	EXPECT_EQ(0, player_do(waiter, step_unlock, self->id));
	EXPECT_WORD(0);
	EXPECT_EQ(0, player_end(waiter));
	EXPECT_EQ(0, player_end(owner));
}

TEST_F(spin, owner_death_is_reported)
{
	struct player *p = player_start(TASK_PROCESS, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, player_do(p, step_lock_fast, self->id));
	ASSERT_EQ(0, task_kill(&p->task, SIGKILL));
	ASSERT_EQ(0, task_join(&p->task, NULL));
	EXPECT_EQ(-EOWNERDEAD, ksync_spin_lock(&self->s));
	EXPECT_WORD(self->self | KSYNC_OWNER_DIED);
	EXPECT_EQ(0, ksync_spin_consistent(&self->s));
	EXPECT_EQ(0, ksync_spin_unlock(&self->s));
	EXPECT_WORD(0);
}

#define ROUNDS 5000

struct counting {
	struct ksync_spin *s;
	uint32_t count;
};

static int count_up(void *arg)
{
	struct counting *c = arg;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (ksync_spin_lock(c->s))
			return 1;
		__atomic_store_n(&c->count, c->count + 1, __ATOMIC_RELAXED);
		if (ksync_spin_unlock(c->s))
			return 2;
	}
	return 0;
}

TEST_F(spin, one_at_a_time)
{
	struct counting c = { .s = &self->s };
	struct task t[4];
	int i, status;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, task_start(&t[i], TASK_THREAD, count_up, &c));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, task_join(&t[i], &status));
		EXPECT_EQ(0, status);
	}
	EXPECT_EQ(4 * ROUNDS, c.count);
	EXPECT_WORD(0);
}

KSFT_MAIN
