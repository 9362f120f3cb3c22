// SPDX-License-Identifier: GPL-2.0
/*
 * Conds: who is signalled, who gets the mutex, and in which order; and that
 * nobody is woken who would only fall asleep again.
 */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "lib/cond.h"
#include "lib/ksft.h"
#include "lib/proc.h"
#include "lib/sched.h"

FIXTURE(order)
{
	struct cond_scene s;
};

FIXTURE_VARIANT(order)
{
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(order, adaptive)
{
	.flags = 0,
};

FIXTURE_VARIANT_ADD(order, strict)
{
	.flags = KSYNC_MUTEX_STRICT,
};

FIXTURE_SETUP(order)
{
	ASSERT_EQ(0, cond_scene_open(&self->s, variant->flags));
}

FIXTURE_TEARDOWN(order)
{
	cond_scene_close(&self->s);
}

#define WAITER(kind, prio)	waiter(_metadata, self, kind, prio)

static struct player *waiter(struct __test_metadata *_metadata,
			     struct _test_data_order *self, enum task_kind kind, int prio)
{
	struct player *p = cond_waiter(&self->s, kind, prio);

	ASSERT_NE(NULL, p);
	return p;
}

static bool still_waits(const struct player *p)
{
	return __atomic_load_n(&p->done, __ATOMIC_ACQUIRE) != p->posted;
}

TEST_F(order, signals_go_by_priority_then_fifo)
{
	static const int prios[] = { 0, 10, 30, 0, 20, 30 };
	static const int order[] = { 2, 5, 4, 1, 0, 3 };
	struct player *p[6];
	int i;

	for (i = 0; i < 6; i++)
		p[i] = WAITER(i % 3, prios[i]);
	for (i = 0; i < 6; i++) {
		EXPECT_EQ(1, cond_signal(&self->s, 1));
		EXPECT_EQ(0, cond_end_wait(&self->s, p[order[i]], 0))
			TH_LOG("waiter %d", order[i]);
		EXPECT_EQ(5 - i, self->s.cells[self->s.cond].waiters);
	}
}

/* glibc's condition variables wake 12, 11, 10 and only then 50. */
TEST_F(order, later_waiter_of_higher_priority_is_next)
{
	struct player *p10 = WAITER(TASK_THREAD, 10);
	struct player *p11 = WAITER(TASK_BARE, 11);
	struct player *p12 = WAITER(TASK_PROCESS, 12), *p50;

	EXPECT_EQ(1, cond_signal(&self->s, 1));
	EXPECT_EQ(0, cond_end_wait(&self->s, p12, 0));
	p50 = WAITER(TASK_THREAD, 50);
	EXPECT_EQ(1, cond_signal(&self->s, 1));
	EXPECT_EQ(0, cond_end_wait(&self->s, p50, 0));
	EXPECT_EQ(1, cond_signal(&self->s, 1));
	EXPECT_EQ(0, cond_end_wait(&self->s, p11, 0));
	EXPECT_EQ(1, cond_signal(&self->s, 1));
	EXPECT_EQ(0, cond_end_wait(&self->s, p10, 0));
}

/*
 * All are signalled at once, with the mutex held: they get it in this order, the
 * next one not before the last has unlocked it.
 */
TEST_F(order, mutex_goes_by_priority_then_fifo)
{
	static const int prios[] = { 0, 10, 30, 0, 20, 30 };
	static const int order[] = { 2, 5, 4, 1, 0, 3 };
	struct player *p[6];
	int i, j;

	for (i = 0; i < 6; i++)
		p[i] = WAITER(i % 3, prios[i]);
	ASSERT_EQ(0, cond_lock(&self->s));
	EXPECT_EQ(6, cond_signal(&self->s, UINT32_MAX));
	EXPECT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 6));
	EXPECT_EQ(0, cond_unlock(&self->s));
	for (i = 0; i < 6; i++) {
		EXPECT_EQ(0, player_result(p[order[i]]));
		EXPECT_TRUE(cond_owned_by(&self->s, p[order[i]]->handle));
		for (j = i + 1; j < 6; j++)
			EXPECT_TRUE(still_waits(p[order[j]]));
		EXPECT_EQ(0, player_do(p[order[i]], step_unlock, self->s.mutex));
	}
	EXPECT_EQ(0, self->s.cells[self->s.mutex].word);
}

/* Those who have called LOCK before and after are in the same queue. */
TEST_F(order, moved_waiters_queue_up_among_others)
{
	struct player *moved = WAITER(TASK_THREAD, 20), *urgent = WAITER(TASK_BARE, 40);
	struct player *before = cond_player(&self->s, TASK_PROCESS, 20);
	struct player *after = cond_player(&self->s, TASK_THREAD, 30);
	struct player *order[] = { urgent, after, before, moved };
	int i;

	ASSERT_EQ(0, cond_lock(&self->s));
	player_post(before, step_lock, self->s.mutex);
	ASSERT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 1));
	ASSERT_EQ(0, player_await_asleep(before));
	ASSERT_EQ(2, cond_signal(&self->s, 2));
	player_post(after, step_lock, self->s.mutex);
	ASSERT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 4));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, player_await_asleep(order[i]));
	EXPECT_EQ(0, cond_unlock(&self->s));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, cond_end_wait(&self->s, order[i], 0)) TH_LOG("number %d", i);
}

/* What is signalled before a waiter comes is not for it (glibc BZ 25847). */
TEST_F(order, later_waiter_does_not_take_the_signal)
{
	struct player *first = WAITER(TASK_PROCESS, 0);
	struct player *later = cond_player(&self->s, TASK_THREAD, 0);

	ASSERT_NE(NULL, later);
	ASSERT_EQ(0, player_do(later, step_lock, self->s.mutex));
	EXPECT_EQ(1, cond_signal(&self->s, 1));
	/* To wait it unlocks: the mutex goes to the one that was signalled. */
	player_post(later, step_cond_wait, self->s.cond);
	EXPECT_EQ(0, cond_end_wait(&self->s, first, 0));
	EXPECT_EQ(0, await_waiters(self->s.fd, self->s.cond, 1));
	EXPECT_EQ(0, player_await_asleep(later));
	EXPECT_TRUE(still_waits(later));
	EXPECT_EQ(1, cond_signal(&self->s, UINT32_MAX));
	EXPECT_EQ(0, cond_end_wait(&self->s, later, 0));
}

#define CROWD	24

static void sleeps_of(struct player *p[CROWD], long n[CROWD])
{
	pid_t tid;
	int i;

	for (i = 0; i < CROWD; i++) {
		tid = task_tid(&p[i]->task);
		await_switched(tid);
		n[i] = proc_sleeps(tid);
	}
}

/*
 * On one CPU a broadcast wakes nobody while the mutex is held, each unlock one waiter:
 * it has the mutex when it falls asleep the next time, waiting for its next step.
 */
TEST_F(order, broadcast_wakes_one_at_a_time)
{
	long before[CROWD], after[CROWD];
	struct player *p[CROWD];
	int i, j;

	ASSERT_EQ(0, pin_cpu(0, 0));
	for (i = 0; i < CROWD; i++)
		p[i] = WAITER(TASK_PROCESS, 0);
	sleeps_of(p, before);
	ASSERT_EQ(0, cond_lock(&self->s));
	EXPECT_EQ(CROWD, cond_signal(&self->s, UINT32_MAX));
	EXPECT_EQ(0, self->s.cells[self->s.cond].waiters);
	EXPECT_EQ(0, await_waiters(self->s.fd, self->s.mutex, CROWD));
	EXPECT_EQ(0, cond_unlock(&self->s));
	for (i = 0; i < CROWD; i++) {
		ASSERT_EQ(0, player_result(p[i])) TH_LOG("waiter %d", i);
		EXPECT_TRUE(cond_owned_by(&self->s, p[i]->handle));
		ASSERT_EQ(0, await_asleep(task_tid(&p[i]->task)));
		sleeps_of(p, after);
		EXPECT_EQ(before[i] + 1, after[i]) TH_LOG("waiter %d", i);
		for (j = i + 1; j < CROWD; j++)
			EXPECT_EQ(before[j], after[j]) TH_LOG("waiter %d", j);
		ASSERT_EQ(0, player_do(p[i], step_unlock, self->s.mutex));
	}
	EXPECT_EQ(0, self->s.cells[self->s.mutex].word);
}

/* The same with the mutex free from the start. */
TEST_F(order, broadcast_over_a_free_mutex_wakes_one)
{
	long before[CROWD], after[CROWD];
	struct player *p[CROWD];
	int i;

	ASSERT_EQ(0, pin_cpu(0, 0));
	for (i = 0; i < CROWD; i++)
		p[i] = WAITER(TASK_PROCESS, 0);
	sleeps_of(p, before);
	EXPECT_EQ(CROWD, cond_signal(&self->s, UINT32_MAX));
	ASSERT_EQ(0, player_result(p[0]));
	ASSERT_EQ(0, await_asleep(task_tid(&p[0]->task)));
	EXPECT_EQ(0, await_waiters(self->s.fd, self->s.mutex, CROWD - 1));
	sleeps_of(p, after);
	for (i = 1; i < CROWD; i++)
		EXPECT_EQ(before[i], after[i]) TH_LOG("waiter %d", i);
	for (i = 0; i < CROWD; i++)
		EXPECT_EQ(0, cond_end_wait(&self->s, p[i], 0)) TH_LOG("waiter %d", i);
	EXPECT_EQ(0, self->s.cells[self->s.mutex].word);
}

static struct player *waiter_on(struct __test_metadata *_metadata,
				struct _test_data_order *self, int cpu)
{
	struct player *p = cond_player(&self->s, TASK_PROCESS, 0);

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, pin_cpu(task_tid(&p->task), cpu));
	ASSERT_EQ(0, cond_begin_wait(&self->s, p));
	ASSERT_EQ(0, await_switched(task_tid(&p->task)));
	return p;
}

/* A waiter, and how often it had slept when it began. */
struct sleeper {
	pid_t tid;
	long before;
};

static struct sleeper sleeper(const struct player *p)
{
	const pid_t tid = task_tid(&p->task);

	return (struct sleeper){ tid, proc_sleeps(tid) };
}

static bool was_woken(const void *arg)
{
	const struct sleeper *s = arg;

	return proc_sleeps(s->tid) > s->before;
}

/*
 * Whoever has the mutex wakes the next one early, if that sleeps on another CPU: when
 * it signals, and when the mutex was its own turn.  Woken, it blocks; and nobody else.
 */
TEST_F(order, next_one_comes_from_another_cpu_while_the_mutex_is_held)
{
	struct player *away, *here[2];
	struct sleeper next, last;

	if (cpu_count() < 2)
		SKIP(return, "there is one CPU");
	ASSERT_EQ(0, pin_cpu(0, 0));
	away = waiter_on(_metadata, self, 1);
	here[0] = waiter_on(_metadata, self, 0);
	here[1] = waiter_on(_metadata, self, 0);
	ASSERT_EQ(0, cond_lock(&self->s));
	next = sleeper(away);
	last = sleeper(here[0]);
	ASSERT_EQ(3, cond_signal(&self->s, UINT32_MAX));
	EXPECT_EQ(0, await_true(was_woken, &next));
	EXPECT_TRUE(still_waits(away));
	EXPECT_FALSE(was_woken(&last));

	next = last;
	last = sleeper(here[1]);
	ASSERT_EQ(0, cond_unlock(&self->s));
	EXPECT_EQ(0, player_result(away));
	EXPECT_EQ(0, await_true(was_woken, &next));
	EXPECT_TRUE(still_waits(here[0]));
	EXPECT_FALSE(was_woken(&last));
	EXPECT_EQ(0, player_do(away, step_unlock, self->s.mutex));
	EXPECT_EQ(0, cond_end_wait(&self->s, here[0], 0));
	EXPECT_EQ(0, cond_end_wait(&self->s, here[1], 0));
}

/* The owner is another one: who knows for how long, and where it runs. */
TEST_F(order, nobody_comes_to_a_mutex_that_the_signaller_has_not)
{
	struct player *owner, *witness, *p;
	struct sleeper s;

	if (cpu_count() < 2)
		SKIP(return, "there is one CPU");
	ASSERT_EQ(0, pin_cpu(0, 0));
	p = waiter_on(_metadata, self, 1);
	owner = cond_player(&self->s, TASK_THREAD, 0);
	witness = cond_player(&self->s, TASK_THREAD, 0);
	ASSERT_NE(NULL, owner);
	ASSERT_NE(NULL, witness);
	ASSERT_EQ(0, pin_cpu(task_tid(&witness->task), 1));
	ASSERT_EQ(0, player_do(owner, step_lock, self->s.mutex));
	ASSERT_EQ(0, player_await_asleep(owner));
	s = sleeper(p);
	ASSERT_EQ(1, cond_signal(&self->s, 1));
	/* Had it been woken, it would have blocked again before this one is done. */
	EXPECT_EQ(-EBUSY, player_do(witness, step_lock_try, self->s.mutex));
	EXPECT_EQ(0, player_await_asleep(witness));
	EXPECT_EQ(0, player_do(owner, step_unlock, self->s.mutex));
	EXPECT_EQ(0, player_result(p));
	ASSERT_EQ(0, await_switched(s.tid));
	EXPECT_EQ(s.before + 1, proc_sleeps(s.tid));
	EXPECT_EQ(0, player_do(p, step_unlock, self->s.mutex));
}

#define MANY	150

/* More than one look finds, with waiters of all sorts. */
TEST_F(order, many_are_signalled)
{
	struct player *p[MANY];
	int i;

	for (i = 0; i < MANY; i++)
		p[i] = WAITER(TASK_THREAD, 0);
	EXPECT_EQ(100, cond_signal(&self->s, 100));
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, cond_end_wait(&self->s, p[i], 0)) TH_LOG("waiter %d", i);
	EXPECT_EQ(MANY - 100, self->s.cells[self->s.cond].waiters);
	EXPECT_EQ(MANY - 100, cond_signal(&self->s, UINT32_MAX));
	for (i = 100; i < MANY; i++)
		ASSERT_EQ(0, cond_end_wait(&self->s, p[i], 0)) TH_LOG("waiter %d", i);
	EXPECT_EQ(0, self->s.cells[self->s.mutex].word);
}

/*
 * The waiter that is on its way to the mutex is killed: the next one gets it.
 * Stopped, it is on its way for as long as the test likes.
 */
TEST_F(order, next_one_is_woken_when_the_first_gives_up)
{
	struct player *first = WAITER(TASK_PROCESS, 0), *second = WAITER(TASK_PROCESS, 0);

	ASSERT_EQ(0, cond_lock(&self->s));
	ASSERT_EQ(2, cond_signal(&self->s, 2));
	ASSERT_EQ(0, task_kill(&first->task, SIGSTOP));
	/* Parked, then on its way, then broken off: it has left the queue. */
	ASSERT_EQ(0, await_stopped(task_tid(&first->task)));
	ASSERT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 1));
	EXPECT_EQ(0, cond_unlock(&self->s));
	EXPECT_EQ(0, cond_end_wait(&self->s, second, 0));
	ASSERT_EQ(0, task_kill(&first->task, SIGCONT));
	EXPECT_EQ(0, cond_end_wait(&self->s, first, 0));
	EXPECT_EQ(0, self->s.cells[self->s.mutex].word);
}

KSFT_MAIN
