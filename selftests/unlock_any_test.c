// SPDX-License-Identifier: GPL-2.0
/*
 * UNLOCK with ANY: a mutex is released by a thread that does not have it, wherever
 * those that wait for it are just then: in the queue, at its head, parked, or
 * waiting for something else as well.
 *
 * All waiters are on one CPU, which the most important one has for itself, so that
 * they are back in order.
 */
#include <signal.h>
#include <unistd.h>

#include "lib/cond.h"
#include "lib/ksft.h"
#include "lib/many.h"

FIXTURE(any)
{
	struct cond_scene s;
	uint32_t other;
	uint32_t event;
	uint32_t *busy;
	struct player *owner;
};

FIXTURE_VARIANT(any)
{
	uint32_t flags;
	enum task_kind task;
};

FIXTURE_VARIANT_ADD(any, adaptive_threads) {
	.task = TASK_THREAD,
};

FIXTURE_VARIANT_ADD(any, adaptive_processes) {
	.task = TASK_PROCESS,
};

FIXTURE_VARIANT_ADD(any, strict_bare) {
	.flags = KSYNC_MUTEX_STRICT,
	.task = TASK_BARE,
};

FIXTURE_SETUP(any)
{
	ASSERT_EQ(0, cond_scene_open(&self->s, variant->flags));
	ASSERT_EQ(0, raw_create(self->s.fd, KSYNC_KIND_MUTEX, variant->flags, &self->other));
	ASSERT_EQ(0, raw_create(self->s.fd, KSYNC_KIND_EVENT, 0, &self->event));
	self->busy = player_memory(sizeof(*self->busy));
	self->owner = cond_player(&self->s, variant->task, 0);
	ASSERT_NE(NULL, self->owner);
	ASSERT_EQ(0, player_do(self->owner, step_lock, self->s.mutex));
}

FIXTURE_TEARDOWN(any)
{
	cond_scene_close(&self->s);
}

#define UNLOCK_ANY()	raw_unlock_as(self->s.fd, self->s.mutex, self->s.self, KSYNC_UNLOCK_ANY)

#define WORD	__atomic_load_n(&self->s.cells[self->s.mutex].word, __ATOMIC_ACQUIRE)

#define EXPECT_PRIO(prio, p)	EXPECT_EQ(0, await_prio(task_tid(&(p)->task), prio))

#define PLAYER(prio)	player(_metadata, self, variant->task, prio)

static struct player *player(struct __test_metadata *_metadata,
			     struct _test_data_any *self, enum task_kind kind, int prio)
{
	struct player *p = cond_player(&self->s, kind, prio);

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, pin_cpu(task_tid(&p->task), 0));
	return p;
}

#define WAIT(p, step, n)	begin_wait(_metadata, self, p, step, n)

/* @p waits for the mutex, the @n-th to do so. */
static void begin_wait(struct __test_metadata *_metadata, struct _test_data_any *self,
		       struct player *p, player_step step, uint32_t n)
{
	player_post(p, step, self->s.mutex);
	ASSERT_EQ(0, await_waiters(self->s.fd, self->s.mutex, n));
	ASSERT_EQ(0, player_await_asleep(p));
}

#define EXPECT_GOT(p)	expect_got(_metadata, self, p)

/* @p has got it, and gives it back. */
static void expect_got(struct __test_metadata *_metadata, struct _test_data_any *self,
		       struct player *p)
{
	EXPECT_EQ(0, player_result(p));
	EXPECT_EQ(p->handle, WORD & KSYNC_OWNER);
	EXPECT_EQ(0, player_do(p, step_unlock, self->s.mutex));
}

TEST_F(any, nobody_waits)
{
	EXPECT_EQ(-EPERM, raw_unlock(self->s.fd, self->s.mutex, self->s.self));
	EXPECT_EQ(0, UNLOCK_ANY());
	EXPECT_EQ(0, WORD);
	EXPECT_EQ(-EPERM, UNLOCK_ANY());
	EXPECT_EQ(-EPERM, player_do(self->owner, step_unlock, self->s.mutex));
	ASSERT_EQ(0, cond_lock(&self->s));
	EXPECT_EQ(0, UNLOCK_ANY());
	EXPECT_EQ(0, WORD);
}

TEST_F(any, for_spins_and_mutexes_without_ceilings)
{
	static const uint32_t kinds[] = {
		KSYNC_KIND_RWLOCK, KSYNC_KIND_SEM, KSYNC_KIND_WAITQ,
	};
	uint32_t id, i;

	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		ASSERT_EQ(0, raw_create(self->s.fd, kinds[i], 0, &id));
		EXPECT_EQ(-EINVAL, raw_unlock_as(self->s.fd, id, self->s.self,
						 KSYNC_UNLOCK_ANY));
	}
	ASSERT_EQ(0, raw_create(self->s.fd, KSYNC_KIND_MUTEX, KSYNC_MUTEX_PROTECT, &id));
	EXPECT_EQ(-EINVAL, raw_unlock_as(self->s.fd, id, self->s.self, KSYNC_UNLOCK_ANY));
	EXPECT_EQ(-EINVAL, raw_unlock_as(self->s.fd, self->s.mutex, self->s.self,
					 KSYNC_UNLOCK_ANY | KSYNC_LOCK_READ));
	EXPECT_EQ(-ESRCH, raw_unlock_as(self->s.fd, self->s.mutex, self->owner->handle + 100,
					KSYNC_UNLOCK_ANY));
	EXPECT_EQ(self->owner->handle, WORD);
}

TEST_F(any, waiter_gets_it_and_boosts_the_owner_no_more)
{
	struct player *w = PLAYER(30);

	WAIT(w, step_lock, 1);
	EXPECT_PRIO(FIFO_SHOWN(30), self->owner);
	EXPECT_EQ(0, UNLOCK_ANY());
	EXPECT_EQ(0, player_result(w));
	EXPECT_EQ(w->handle, WORD);
	EXPECT_PRIO(NORMAL_PRIO, self->owner);
	EXPECT_EQ(0, player_do(w, step_unlock, self->s.mutex));
	EXPECT_EQ(0, WORD);
}

/* One spins or blocks on the word, the other one behind it. */
TEST_F(any, spins)
{
	struct player *a = PLAYER(0), *b = PLAYER(0), *first;
	uint32_t id;

	ASSERT_EQ(0, raw_create(self->s.fd, KSYNC_KIND_SPIN, 0, &id));
	ASSERT_EQ(0, player_do(self->owner, step_lock, id));
	player_post(a, step_lock, id);
	ASSERT_EQ(0, await_waiters(self->s.fd, id, 1));
	player_post(b, step_lock, id);
	ASSERT_EQ(0, await_waiters(self->s.fd, id, 2));
	ASSERT_EQ(0, player_await_asleep(a));
	ASSERT_EQ(0, player_await_asleep(b));
	EXPECT_EQ(0, raw_unlock_as(self->s.fd, id, self->s.self, KSYNC_UNLOCK_ANY));
	ASSERT_EQ(0, await_waiters(self->s.fd, id, 1));
	first = (self->s.cells[id].word & KSYNC_OWNER) == a->handle ? a : b;
	EXPECT_EQ(0, player_result(first));
	EXPECT_EQ(0, raw_unlock_as(self->s.fd, id, self->s.self, KSYNC_UNLOCK_ANY));
	EXPECT_EQ(0, player_result(first == a ? b : a));
	EXPECT_EQ(0, player_do(first == a ? b : a, step_unlock, id));
	EXPECT_EQ(0, self->s.cells[id].word);
}

/* Nobody is left in the state that was left behind, and they boost the next owner. */
TEST_F(any, all_waiters_get_it_by_priority)
{
	static const int prios[] = { 10, 30, 20, 5 };
	struct player *w[4];
	int i;

	for (i = 0; i < 4; i++) {
		w[i] = PLAYER(prios[i]);
		WAIT(w[i], step_lock, i + 1);
	}
	EXPECT_EQ(0, UNLOCK_ANY());
	EXPECT_EQ(0, player_result(w[1]));
	ASSERT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 3));
	EXPECT_PRIO(NORMAL_PRIO, self->owner);
	ASSERT_EQ(0, sched_fifo(task_tid(&w[1]->task), 1));
	EXPECT_PRIO(FIFO_SHOWN(20), w[1]);
	EXPECT_EQ(0, player_do(w[1], step_unlock, self->s.mutex));
	EXPECT_GOT(w[2]);
	EXPECT_GOT(w[0]);
	EXPECT_GOT(w[3]);
	EXPECT_EQ(0, WORD);
}

/* The former owner's own business with the mutex is in another state. */
TEST_F(any, former_owner_waits_for_it_too)
{
	struct player *w = PLAYER(0);

	WAIT(w, step_lock, 1);
	EXPECT_EQ(0, UNLOCK_ANY());
	EXPECT_EQ(0, player_result(w));
	WAIT(self->owner, step_lock, 1);
	EXPECT_EQ(0, player_do(w, step_unlock, self->s.mutex));
	EXPECT_GOT(self->owner);
	EXPECT_EQ(0, WORD);
}

/* It waits elsewhere, for one that waits for the mutex: no cycle, once released. */
TEST_F(any, former_owner_waits_for_the_waiter)
{
	struct player *w = PLAYER(0);

	ASSERT_EQ(0, player_do(w, step_lock, self->other));
	WAIT(w, step_lock, 1);
	EXPECT_EQ(-EDEADLK, player_do(self->owner, step_lock, self->other));
	EXPECT_EQ(0, UNLOCK_ANY());
	EXPECT_EQ(0, player_result(w));
	player_post(self->owner, step_lock, self->other);
	ASSERT_EQ(0, await_waiters(self->s.fd, self->other, 1));
	EXPECT_EQ(0, player_do(w, step_unlock, self->other));
	EXPECT_EQ(0, player_result(self->owner));
	EXPECT_EQ(0, player_do(w, step_unlock, self->s.mutex));
}

/* The same while the waiter is kept from departing: rt_mutex would still see a cycle. */
TEST_F(any, former_owner_waits_for_the_waiter_that_is_still_there)
{
	struct player *w = PLAYER(10), *hog = PLAYER(80);

	if (cpu_count() < 2)
		SKIP(return, "needs two CPUs: one is kept busy");
	ASSERT_EQ(0, pin_cpu(task_tid(&self->owner->task), 1));
	ASSERT_EQ(0, pin_cpu(0, 1));
	ASSERT_EQ(0, player_do(w, step_lock, self->other));
	WAIT(w, step_lock, 1);
	hog->futex = self->busy;
	*self->busy = 1;
	player_post(hog, step_hog, 0);
	ASSERT_EQ(0, player_await_taken(hog));
	EXPECT_EQ(0, UNLOCK_ANY());
	player_post(self->owner, step_lock, self->other);
	ASSERT_EQ(0, await_waiters(self->s.fd, self->other, 1));
	ASSERT_EQ(0, player_await_asleep(self->owner));
	__atomic_store_n(self->busy, 0, __ATOMIC_RELEASE);
	EXPECT_EQ(0, player_result(hog));
	EXPECT_EQ(0, player_result(w));
	EXPECT_EQ(w->handle, WORD);
	EXPECT_EQ(0, player_do(w, step_unlock, self->other));
	EXPECT_EQ(0, player_result(self->owner));
	EXPECT_EQ(0, player_do(w, step_unlock, self->s.mutex));
}

/* The owner sleeps in the queue of another mutex when this one is taken from it. */
TEST_F(any, owner_is_blocked_meanwhile)
{
	struct player *a = PLAYER(10), *b = PLAYER(20);

	ASSERT_EQ(0, raw_lock(self->s.fd, self->other, self->s.self, 0, KSYNC_NO_DEADLINE));
	player_post(self->owner, step_lock, self->other);
	ASSERT_EQ(0, await_waiters(self->s.fd, self->other, 1));
	WAIT(a, step_lock, 1);
	WAIT(b, step_lock, 2);
	EXPECT_EQ(0, UNLOCK_ANY());
	EXPECT_GOT(b);
	EXPECT_GOT(a);
	EXPECT_EQ(0, raw_unlock(self->s.fd, self->other, self->s.self));
	EXPECT_EQ(0, player_result(self->owner));
	EXPECT_EQ(0, player_do(self->owner, step_unlock, self->other));
}

TEST_F(any, former_owner_dies_and_nobody_is_told)
{
	struct player *a = PLAYER(10), *b = PLAYER(5), *hog = PLAYER(80);

	if (variant->task == TASK_THREAD)
		SKIP(return, "threads are not killed by themselves");
	if (cpu_count() < 2)
		SKIP(return, "needs two CPUs: one is kept busy");
	ASSERT_EQ(0, pin_cpu(task_tid(&self->owner->task), 1));
	ASSERT_EQ(0, pin_cpu(0, 1));
	WAIT(a, step_lock, 1);
	WAIT(b, step_lock, 2);
	/* Nobody departs before the owner is dead. */
	hog->futex = self->busy;
	*self->busy = 1;
	player_post(hog, step_hog, 0);
	ASSERT_EQ(0, player_await_taken(hog));
	EXPECT_EQ(0, UNLOCK_ANY());
	ASSERT_EQ(0, task_kill(&self->owner->task, SIGKILL));
	ASSERT_EQ(0, await_gone(task_tid(&self->owner->task)));
	__atomic_store_n(self->busy, 0, __ATOMIC_RELEASE);
	EXPECT_EQ(0, player_result(hog));
	EXPECT_GOT(a);
	EXPECT_GOT(b);
	EXPECT_EQ(0, WORD);
}

/*
 * Has @w killed in a state that was left behind, where it is the last, and @next wait in
 * another one: both on the CPU of @hog, which has it.
 */
static void kill_left_behind(struct __test_metadata *_metadata, struct _test_data_any *self,
			     struct player *w, struct player *next, struct player *hog)
{
	ASSERT_EQ(0, pin_cpu(task_tid(&self->owner->task), 1));
	ASSERT_EQ(0, pin_cpu(0, 1));
	ASSERT_EQ(0, pin_cpu(task_tid(&next->task), 1));
	WAIT(w, step_lock, 1);
	hog->futex = self->busy;
	*self->busy = 1;
	player_post(hog, step_hog, 0);
	ASSERT_EQ(0, player_await_taken(hog));
	EXPECT_EQ(0, UNLOCK_ANY());
	ASSERT_EQ(0, raw_lock(self->s.fd, self->s.mutex, self->s.self, 0, KSYNC_NO_DEADLINE));
	WAIT(next, step_lock, 1);
	ASSERT_EQ(0, pin_cpu(task_tid(&next->task), 0));
	ASSERT_EQ(0, task_kill(&w->task, SIGKILL));
}

static void end_hog(struct __test_metadata *_metadata, struct _test_data_any *self,
		    struct player *hog, struct player *w)
{
	__atomic_store_n(self->busy, 0, __ATOMIC_RELEASE);
	EXPECT_EQ(0, player_result(hog));
	EXPECT_EQ(0, await_gone(task_tid(&w->task)));
}

/* Who departs last, and calls no more, says nothing of those in another state. */
TEST_F(any, the_last_one_left_behind_is_killed)
{
	struct player *w = PLAYER(10), *next = PLAYER(5), *hog = PLAYER(80);

	if (variant->task == TASK_THREAD)
		SKIP(return, "threads are not killed by themselves");
	if (cpu_count() < 2)
		SKIP(return, "needs two CPUs: one is kept busy");
	kill_left_behind(_metadata, self, w, next, hog);
	end_hog(_metadata, self, hog, w);
	EXPECT_EQ(self->s.self | KSYNC_WAITERS, WORD);
	EXPECT_EQ(0, raw_unlock(self->s.fd, self->s.mutex, self->s.self));
	EXPECT_GOT(next);
	EXPECT_EQ(0, WORD);
}

/* Nor does it take a word that is free for them. */
TEST_F(any, the_last_one_left_behind_is_killed_and_the_word_is_free)
{
	struct player *w = PLAYER(10), *next = PLAYER(5), *hog = PLAYER(80);

	if (variant->task == TASK_THREAD)
		SKIP(return, "threads are not killed by themselves");
	if (cpu_count() < 2)
		SKIP(return, "needs two CPUs: one is kept busy");
	kill_left_behind(_metadata, self, w, next, hog);
	EXPECT_EQ(0, raw_unlock(self->s.fd, self->s.mutex, self->s.self));
	end_hog(_metadata, self, hog, w);
	EXPECT_GOT(next);
	EXPECT_EQ(0, WORD);
}

/* The owner died before, and nobody waited: the word names it still. */
TEST_F(any, dead_owner)
{
	if (variant->task == TASK_THREAD)
		SKIP(return, "threads are not killed by themselves");
	ASSERT_EQ(0, task_kill(&self->owner->task, SIGKILL));
	ASSERT_EQ(0, await_gone(task_tid(&self->owner->task)));
	EXPECT_EQ(0, UNLOCK_ANY());
	EXPECT_EQ(0, cond_lock(&self->s));
	EXPECT_EQ(0, cond_unlock(&self->s));
}

TEST_F(any, inconsistent_it_is_lost)
{
	struct player *a = PLAYER(0), *b = PLAYER(0);

	if (variant->task == TASK_THREAD)
		SKIP(return, "threads are not killed by themselves");
	ASSERT_EQ(0, task_kill(&self->owner->task, SIGKILL));
	ASSERT_EQ(0, await_gone(task_tid(&self->owner->task)));
	EXPECT_EQ(-EOWNERDEAD, player_do(a, step_lock, self->s.mutex));
	WAIT(b, step_lock, 1);
	EXPECT_EQ(0, UNLOCK_ANY());
	EXPECT_EQ(-ENOTRECOVERABLE, player_result(b));
	EXPECT_EQ(-ENOTRECOVERABLE, cond_lock(&self->s));
}

/* A deadline is absolute: the call that was made again has it still. */
TEST_F(any, deadline_ends_the_wait_that_goes_on)
{
	struct player *w = PLAYER(10), *v = PLAYER(20);

	WAIT(v, step_lock, 1);
	w->deadline = raw_deadline(CLOCK_MONOTONIC, 3000 * slow_factor());
	WAIT(w, step_lock_until, 2);
	EXPECT_EQ(0, UNLOCK_ANY());
	EXPECT_EQ(0, player_result(v));
	EXPECT_EQ(-ETIMEDOUT, player_result(w));
	EXPECT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 0));
	EXPECT_EQ(0, player_do(v, step_unlock, self->s.mutex));
	EXPECT_EQ(0, WORD);
}

/*
 * The waiter leads, was overtaken, and is blocked on the front: it is there that it
 * has to be found.
 */
TEST_F(any, overtaken_leader_gets_it)
{
	struct player *w = PLAYER(0), *v = PLAYER(0), *third = PLAYER(0);

	if (variant->flags & KSYNC_MUTEX_STRICT)
		SKIP(return, "a strict mutex cannot be overtaken");
	EXPECT_EQ(0, player_do(self->owner, step_unlock, self->s.mutex));
	ASSERT_EQ(0, cond_lock(&self->s));
	ASSERT_EQ(0, pin_cpu(task_tid(&w->task), 0));
	ASSERT_EQ(0, pin_cpu(0, 0));
	WAIT(w, step_lock, 1);
	ASSERT_EQ(0, sched_fifo(0, 50));
	ASSERT_EQ(0, cond_unlock(&self->s));
	ASSERT_EQ(0, cond_lock(&self->s));
	ASSERT_EQ(0, sched_other(0));
	/* The leader clears WOKEN when it finds that it was overtaken. */
	ASSERT_EQ(0, await_value(&self->s.cells[self->s.mutex].word,
				 self->s.self | KSYNC_WAITERS));
	ASSERT_EQ(0, await_asleep(task_tid(&w->task)));
	WAIT(v, step_lock, 2);
	EXPECT_EQ(0, player_do(third, step_unlock_any, self->s.mutex));
	EXPECT_GOT(w);
	EXPECT_GOT(v);
	/* The one that had overtaken is no owner of anything. */
	EXPECT_EQ(-EPERM, cond_unlock(&self->s));
	EXPECT_EQ(0, WORD);
}

/* Waiters of a cond that were signalled stand in the mutex's queue, asleep. */
TEST_F(any, waiters_of_a_cond)
{
	struct player *a, *b, *first;

	ASSERT_EQ(0, player_do(self->owner, step_unlock, self->s.mutex));
	a = PLAYER(0);
	b = PLAYER(0);
	ASSERT_EQ(0, cond_begin_wait(&self->s, a));
	ASSERT_EQ(0, cond_begin_wait(&self->s, b));
	ASSERT_EQ(0, player_do(self->owner, step_lock, self->s.mutex));
	ASSERT_EQ(2, cond_signal(&self->s, 2));
	ASSERT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 2));
	EXPECT_EQ(0, UNLOCK_ANY());
	ASSERT_EQ(0, await_waiters(self->s.fd, self->s.mutex, 1));
	first = cond_owned_by(&self->s, a->handle) ? a : b;
	EXPECT_EQ(0, cond_end_wait(&self->s, first, 0));
	EXPECT_EQ(0, cond_end_wait(&self->s, first == a ? b : a, 0));
	EXPECT_EQ(0, WORD);
}

/* Who waits for one of many sits in the queue; who waits for all, too. */
TEST_F(any, waits_on_many)
{
	struct player *one = PLAYER(20), *all = PLAYER(10);
	const uint32_t ids[] = { self->s.mutex, self->event };

	ASSERT_EQ(0, many_await(one, 0, 0, ids, 2));
	ASSERT_EQ(0, raw_release(self->s.fd, self->event, 0, 1, &(uint32_t){ 0 }));
	EXPECT_EQ(0, player_result(one));
	EXPECT_EQ(1, one->many.index);
	ASSERT_EQ(0, many_await(one, 0, 0, ids, 1));
	ASSERT_EQ(0, raw_release(self->s.fd, self->event, 0, 1, &(uint32_t){ 0 }));
	ASSERT_EQ(0, many_await(all, KSYNC_MANY_ALL, 0, ids, 2));
	EXPECT_EQ(0, UNLOCK_ANY());
	EXPECT_EQ(0, player_result(one));
	EXPECT_EQ(0, one->many.index);
	EXPECT_EQ(0, player_do(one, step_unlock, self->s.mutex));
	EXPECT_EQ(0, player_result(all));
	EXPECT_EQ(0, player_do(all, step_unlock, self->s.mutex));
	EXPECT_EQ(0, WORD);
}

/* The owner itself, too: watching, it waits for somebody to release it. */
TEST_F(any, who_watches_is_told)
{
	const uint32_t ids[] = { MANY_WATCH(self->s.mutex) };
	struct player *w = PLAYER(0);

	ASSERT_EQ(0, many_await(self->owner, KSYNC_MANY_ALERT, self->event, ids, 1));
	EXPECT_EQ(0, UNLOCK_ANY());
	EXPECT_EQ(0, player_result(self->owner));
	EXPECT_EQ(0, self->owner->many.index);
	ASSERT_EQ(0, many_await(w, 0, 0, ids, 1));
	EXPECT_EQ(0, UNLOCK_ANY());
	EXPECT_GOT(w);
	EXPECT_EQ(0, WORD);
}

KSFT_MAIN
