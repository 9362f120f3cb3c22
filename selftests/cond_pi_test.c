// SPDX-License-Identifier: GPL-2.0
/*
 * Conds and priorities: from the signal on a waiter waits for the mutex, and its
 * owner runs at the priority of the most important one; also where the waiter
 * sleeps on and stands between others.  And deadlocks on that way.
 */
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/cond.h"
#include "lib/ksft.h"

#define NORMAL		NORMAL_PRIO
#define FIFO(prio)	FIFO_SHOWN(prio)

FIXTURE(pi)
{
	struct cond_scene s;
	uint32_t lock;
	struct player *owner;
};

FIXTURE_VARIANT(pi)
{
	uint32_t flags;
	enum task_kind task;
};

FIXTURE_VARIANT_ADD(pi, adaptive_threads)
{
	.task = TASK_THREAD,
};

FIXTURE_VARIANT_ADD(pi, strict_processes)
{
	.flags = KSYNC_MUTEX_STRICT,
	.task = TASK_PROCESS,
};

FIXTURE_VARIANT_ADD(pi, adaptive_bare)
{
	.task = TASK_BARE,
};

FIXTURE_SETUP(pi)
{
	ASSERT_EQ(0, cond_scene_open(&self->s, variant->flags));
	ASSERT_EQ(0, raw_create(self->s.fd, KSYNC_KIND_MUTEX, variant->flags, &self->lock));
	self->owner = cond_player(&self->s, variant->task, 0);
	ASSERT_NE(NULL, self->owner);
}

FIXTURE_TEARDOWN(pi)
{
	cond_scene_close(&self->s);
}

#define WAITER(prio)	waiter(_metadata, self, variant->task, prio)

static struct player *waiter(struct __test_metadata *_metadata,
			     struct _test_data_pi *self, enum task_kind kind, int prio)
{
	struct player *p = cond_waiter(&self->s, kind, prio);

	ASSERT_NE(NULL, p);
	return p;
}

#define OWN()	ASSERT_EQ(0, player_do(self->owner, step_lock, self->s.mutex))
#define DISOWN() ASSERT_EQ(0, player_do(self->owner, step_unlock, self->s.mutex))

#define EXPECT_PRIO(prio, p)	EXPECT_EQ(0, await_prio(task_tid(&(p)->task), prio))
#define EXPECT_PRIO_NOW(prio, p) EXPECT_EQ(prio, effective_prio(task_tid(&(p)->task)))

TEST_F(pi, signalled_waiter_boosts_the_owner_until_unlock)
{
	struct player *p = WAITER(30);

	ASSERT_EQ(0, sched_fifo(task_tid(&self->owner->task), 5));
	OWN();
	EXPECT_PRIO_NOW(FIFO(5), self->owner);
	ASSERT_EQ(1, cond_signal(&self->s, 1));
	EXPECT_PRIO(FIFO(30), self->owner);
	DISOWN();
	EXPECT_PRIO_NOW(FIFO(5), self->owner);
	EXPECT_EQ(0, cond_end_wait(&self->s, p, 0));
}

/* Before the signal nobody waits for the mutex. */
TEST_F(pi, waiter_on_the_cond_boosts_nobody)
{
	struct player *p = WAITER(30);

	OWN();
	EXPECT_PRIO_NOW(NORMAL, self->owner);
	DISOWN();
	ASSERT_EQ(1, cond_signal(&self->s, 1));
	EXPECT_EQ(0, cond_end_wait(&self->s, p, 0));
}

TEST_F(pi, higher_waiter_moved_later_boosts_more)
{
	struct player *low = WAITER(20), *high;

	OWN();
	ASSERT_EQ(1, cond_signal(&self->s, 1));
	EXPECT_PRIO(FIFO(20), self->owner);
	DISOWN();
	EXPECT_EQ(0, cond_end_wait(&self->s, low, 0));

	high = WAITER(40);
	ASSERT_EQ(0, cond_begin_wait(&self->s, low));
	/* The lower one first: it is signalled while the other is not there. */
	OWN();
	ASSERT_EQ(2, cond_signal(&self->s, 2));
	EXPECT_PRIO(FIFO(40), self->owner);
	DISOWN();
	EXPECT_PRIO_NOW(NORMAL, self->owner);
	EXPECT_EQ(0, player_result(high));
	/* The other one is behind it, and does not matter to it. */
	EXPECT_PRIO_NOW(FIFO(40), high);
	EXPECT_EQ(0, player_do(high, step_unlock, self->s.mutex));
	EXPECT_EQ(0, cond_end_wait(&self->s, low, 0));
}

/* Among normal waiters that sleep on, one of real-time priority comes. */
TEST_F(pi, boosts_past_parked_waiters)
{
	struct player *normal[2] = { WAITER(0), WAITER(0) }, *p;

	OWN();
	ASSERT_EQ(2, cond_signal(&self->s, 2));
	EXPECT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 2));
	EXPECT_PRIO_NOW(NORMAL, self->owner);
	p = cond_player(&self->s, TASK_THREAD, 30);
	player_post(p, step_lock, self->s.mutex);
	EXPECT_PRIO(FIFO(30), self->owner);
	DISOWN();
	EXPECT_PRIO_NOW(NORMAL, self->owner);
	EXPECT_EQ(0, cond_end_wait(&self->s, p, 0));
	EXPECT_EQ(0, cond_end_wait(&self->s, normal[0], 0));
	EXPECT_EQ(0, cond_end_wait(&self->s, normal[1], 0));
}

/* The top one is killed: the next one's priority counts. */
TEST_F(pi, boost_survives_the_death_of_the_top_waiter)
{
	struct player *top = waiter(_metadata, self, TASK_PROCESS, 40);
	struct player *next = WAITER(30), *last = WAITER(20);

	OWN();
	ASSERT_EQ(3, cond_signal(&self->s, 3));
	EXPECT_PRIO(FIFO(40), self->owner);
	ASSERT_EQ(0, task_kill(&top->task, SIGKILL));
	ASSERT_EQ(0, task_join(&top->task, NULL));
	EXPECT_PRIO(FIFO(30), self->owner);
	DISOWN();
	EXPECT_PRIO_NOW(NORMAL, self->owner);
	EXPECT_EQ(0, cond_end_wait(&self->s, next, 0));
	EXPECT_EQ(0, cond_end_wait(&self->s, last, 0));
}

/* Whoever gets the mutex is boosted by those that were signalled with it. */
TEST_F(pi, next_owner_is_boosted_by_the_rest)
{
	struct player *normal = WAITER(0), *p;

	ASSERT_EQ(1, cond_signal(&self->s, 1));
	EXPECT_EQ(0, player_result(normal));
	EXPECT_EQ(0, player_do(normal, step_unlock, self->s.mutex));
	p = WAITER(25);
	ASSERT_EQ(0, player_do(normal, step_lock, self->s.mutex));
	ASSERT_EQ(1, cond_signal(&self->s, 1));
	EXPECT_PRIO(FIFO(25), normal);
	/* Waiting on the cond it releases the mutex as by an unlock. */
	player_post(normal, step_cond_wait, self->s.cond);
	EXPECT_EQ(0, player_result(p));
	EXPECT_PRIO(NORMAL, normal);
	EXPECT_EQ(1, cond_signal(&self->s, 1));
	EXPECT_PRIO_NOW(FIFO(25), p);
	EXPECT_EQ(0, player_do(p, step_unlock, self->s.mutex));
	EXPECT_EQ(0, cond_end_wait(&self->s, normal, 0));
}

/* The owner is more important than the waiter, until that changes. */
TEST_F(pi, real_time_waiter_counts_when_the_owner_sinks)
{
	struct player *p = WAITER(20);

	ASSERT_EQ(0, sched_fifo(task_tid(&self->owner->task), 50));
	OWN();
	ASSERT_EQ(1, cond_signal(&self->s, 1));
	EXPECT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 1));
	EXPECT_PRIO_NOW(FIFO(50), self->owner);
	ASSERT_EQ(0, sched_other(task_tid(&self->owner->task)));
	EXPECT_PRIO(FIFO(20), self->owner);
	DISOWN();
	EXPECT_PRIO_NOW(NORMAL, self->owner);
	EXPECT_EQ(0, cond_end_wait(&self->s, p, 0));
}

/* Not of real-time priority, but nicer to others than the owner is. */
TEST_F(pi, nice_counts_too)
{
	struct player *p = cond_player(&self->s, variant->task, 0);

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, setpriority(PRIO_PROCESS, task_tid(&p->task), -10));
	ASSERT_EQ(0, cond_begin_wait(&self->s, p));
	OWN();
	EXPECT_PRIO_NOW(NORMAL, self->owner);
	ASSERT_EQ(1, cond_signal(&self->s, 1));
	EXPECT_PRIO(NORMAL - 10, self->owner);
	DISOWN();
	EXPECT_PRIO_NOW(NORMAL, self->owner);
	EXPECT_EQ(0, cond_end_wait(&self->s, p, 0));
}

/* Let a player wait for the second lock, which @owner has. */
static void wait_for_lock(struct __test_metadata *_metadata, struct _test_data_pi *self,
			  struct player *p)
{
	player_post(p, step_lock, self->lock);
	ASSERT_EQ(0, await_waiters(self->s.fd, self->lock, 1));
	ASSERT_EQ(0, player_await_asleep(p));
}

/*
 * The signalled waiter sleeps on, behind an owner as normal as itself. Then
 * somebody important wants a lock that the waiter holds.
 */
TEST_F(pi, boost_passes_through_a_parked_waiter)
{
	struct player *mid = cond_player(&self->s, variant->task, 0);
	struct player *high = cond_player(&self->s, variant->task, 45);

	ASSERT_EQ(0, player_do(mid, step_lock, self->lock));
	ASSERT_EQ(0, cond_begin_wait(&self->s, mid));
	OWN();
	ASSERT_EQ(1, cond_signal(&self->s, 1));
	EXPECT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 1));
	EXPECT_PRIO_NOW(NORMAL, self->owner);
	wait_for_lock(_metadata, self, high);
	EXPECT_PRIO(FIFO(45), mid);
	EXPECT_PRIO(FIFO(45), self->owner);
	DISOWN();
	EXPECT_PRIO_NOW(NORMAL, self->owner);
	EXPECT_EQ(0, cond_end_wait(&self->s, mid, 0));
	EXPECT_PRIO(FIFO(45), mid);
	EXPECT_EQ(0, player_do(mid, step_unlock, self->lock));
	EXPECT_PRIO_NOW(NORMAL, mid);
	EXPECT_EQ(0, player_result(high));
}

/*
 * The same, but the lock was wanted before the signal, while the waiter was on
 * the cond: its priority is taken along, past one that came before it.
 */
TEST_F(pi, boosted_waiter_takes_its_boost_along)
{
	struct player *first = WAITER(0);
	struct player *mid = cond_player(&self->s, variant->task, 0);
	struct player *high = cond_player(&self->s, variant->task, 45);

	ASSERT_EQ(0, player_do(mid, step_lock, self->lock));
	ASSERT_EQ(0, cond_begin_wait(&self->s, mid));
	wait_for_lock(_metadata, self, high);
	EXPECT_PRIO(FIFO(45), mid);
	OWN();
	EXPECT_PRIO_NOW(NORMAL, self->owner);
	ASSERT_EQ(2, cond_signal(&self->s, 2));
	EXPECT_PRIO(FIFO(45), self->owner);
	DISOWN();
	EXPECT_EQ(0, cond_end_wait(&self->s, mid, 0));
	EXPECT_EQ(0, cond_end_wait(&self->s, first, 0));
	EXPECT_EQ(0, player_do(mid, step_unlock, self->lock));
	EXPECT_EQ(0, player_result(high));
}

/* The owner wants what a parked waiter holds: the owner closes the cycle. */
TEST_F(pi, owner_is_refused_what_a_parked_waiter_holds)
{
	struct player *p = cond_player(&self->s, variant->task, 0);

	ASSERT_EQ(0, player_do(p, step_lock, self->lock));
	ASSERT_EQ(0, cond_begin_wait(&self->s, p));
	OWN();
	ASSERT_EQ(1, cond_signal(&self->s, 1));
	EXPECT_EQ(-EDEADLK, player_do(self->owner, step_lock, self->lock));
	DISOWN();
	EXPECT_EQ(0, cond_end_wait(&self->s, p, 0));
	EXPECT_EQ(0, player_do(p, step_unlock, self->lock));
}

/* It waits for that already: the signal closes the cycle, the waiter is told. */
TEST_F(pi, signalled_waiter_is_refused_a_mutex_that_waits_for_it)
{
	struct player *p = cond_player(&self->s, variant->task, 0);

	ASSERT_EQ(0, player_do(p, step_lock, self->lock));
	ASSERT_EQ(0, cond_begin_wait(&self->s, p));
	OWN();
	wait_for_lock(_metadata, self, self->owner);
	ASSERT_EQ(1, cond_signal(&self->s, 1));
	EXPECT_EQ(-EDEADLK, player_result(p));
	EXPECT_TRUE(cond_owned_by(&self->s, self->owner->handle));
	EXPECT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 0));
	EXPECT_EQ(0, player_do(p, step_unlock, self->lock));
	EXPECT_EQ(0, player_result(self->owner));
	DISOWN();
	EXPECT_EQ(0, self->s.cells[self->s.mutex].word);
}

KSFT_MAIN
