// SPDX-License-Identifier: GPL-2.0
/*
 * Mutexes, adaptive, strict and recursive: what each call returns, what the word
 * says after each step, and whom an unlock serves first.
 */
#include <signal.h>
#include <unistd.h>

#include "lib/ksft.h"
#include "lib/player.h"

FIXTURE(mutex)
{
	struct ksync *d;
	struct ksync_mutex m;
	int fd;
	uint32_t id;
	uint32_t self;
	struct ksync_cell *cells;
	uint32_t *word;
	unsigned int handoff_us;
};

FIXTURE_VARIANT(mutex)
{
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(mutex, adaptive) {
	.flags = 0,
};

FIXTURE_VARIANT_ADD(mutex, strict) {
	.flags = KSYNC_MUTEX_STRICT,
};

FIXTURE_VARIANT_ADD(mutex, recursive) {
	.flags = KSYNC_MUTEX_RECURSIVE,
};

FIXTURE_VARIANT_ADD(mutex, protect) {
	.flags = KSYNC_MUTEX_PROTECT,
};

FIXTURE_VARIANT_ADD(mutex, strict_recursive) {
	.flags = KSYNC_MUTEX_STRICT | KSYNC_MUTEX_RECURSIVE,
};

FIXTURE_VARIANT_ADD(mutex, strict_protect) {
	.flags = KSYNC_MUTEX_STRICT | KSYNC_MUTEX_PROTECT,
};

FIXTURE_VARIANT_ADD(mutex, recursive_protect) {
	.flags = KSYNC_MUTEX_RECURSIVE | KSYNC_MUTEX_PROTECT,
};

/* Attributes go together in all ways: each has the effect that it has alone. */
static int init(struct ksync_mutex *m, struct ksync *d, uint32_t flags)
{
	if (flags & KSYNC_MUTEX_PROTECT)
		return ksync_mutex_init_protect(m, d, flags & ~KSYNC_MUTEX_PROTECT, 99);
	return ksync_mutex_init(m, d, flags);
}

FIXTURE_SETUP(mutex)
{
	if (variant->flags & KSYNC_MUTEX_PROTECT)
		SETUP_NEEDS(CEILING);
	ASSERT_EQ(0, param_get("handoff_us", &self->handoff_us));
	ASSERT_EQ(0, ksync_open(&self->d, 0));
	ASSERT_EQ(0, init(&self->m, self->d, variant->flags));
	self->fd = ksync_fileno(self->d);
	self->id = ksync_mutex_id(&self->m);
	ASSERT_EQ(0, raw_attach(self->fd, &self->self));
	self->cells = raw_map(self->fd, 64);
	ASSERT_NE(NULL, self->cells);
	self->word = &self->cells[self->id].word;
}

FIXTURE_TEARDOWN(mutex)
{
	EXPECT_EQ(0, param_set("handoff_us", self->handoff_us));
	ksync_close(self->d);
}

#define EXPECT_WORD(value) \
	EXPECT_EQ(backend_word(value), backend_word(__atomic_load_n(self->word, __ATOMIC_RELAXED)))

/* @p waits for the mutex, by @step. */
static void begin_wait(struct __test_metadata *_metadata, struct _test_data_mutex *self,
		       struct player *p, player_step step)
{
	player_post(p, step, self->id);
	ASSERT_EQ(0, player_await_asleep(p));
}

/*
 * Made while the mutex is had, a child may be at the ceiling for a moment: whoever is
 * raised in the middle of a fork has such a one (ceiling.c).  It queues up afterwards.
 */
static struct player *child(struct __test_metadata *_metadata,
			    struct _test_data_mutex *self, enum task_kind kind)
{
	struct player *p = player_start(kind, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, await_prio(task_tid(&p->task), NORMAL_PRIO));
	return p;
}

static struct player *waiter(struct __test_metadata *_metadata,
			     struct _test_data_mutex *self, enum task_kind kind)
{
	struct player *p = child(_metadata, self, kind);

	begin_wait(_metadata, self, p, step_lock);
	return p;
}

TEST_F(mutex, word_names_the_owner)
{
	EXPECT_WORD(0);
	EXPECT_EQ(0, ksync_mutex_lock(&self->m));
	EXPECT_WORD(self->self);
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	EXPECT_WORD(0);
	EXPECT_EQ(0, raw_lock(self->fd, self->id, self->self, 0, KSYNC_NO_DEADLINE));
	EXPECT_WORD(self->self);
	EXPECT_EQ(0, raw_unlock(self->fd, self->id, self->self));
	EXPECT_WORD(0);
}

TEST_F(mutex, owner_may_lock_again_if_recursive)
{
	const bool recursive = variant->flags & KSYNC_MUTEX_RECURSIVE;
	const int again = recursive ? 0 : -EDEADLK;
	struct ksync_cell *cell = &self->cells[self->id];

	ASSERT_EQ(0, ksync_mutex_lock(&self->m));
	EXPECT_EQ(again, ksync_mutex_lock(&self->m));
	EXPECT_EQ(again, ksync_mutex_lock_try(&self->m));
	EXPECT_EQ(again, ksync_mutex_lock_interruptible(&self->m));
	EXPECT_EQ(again, ksync_mutex_lock_timed(&self->m, CLOCK_MONOTONIC, NULL));
	EXPECT_EQ(recursive ? 4 : 0, cell->depth);
	EXPECT_WORD(self->self);
	EXPECT_EQ(-EDEADLK, raw_lock(self->fd, self->id, self->self, 0,
				     KSYNC_NO_DEADLINE));
	EXPECT_EQ(-EDEADLK, raw_lock(self->fd, self->id, self->self,
				     KSYNC_WAIT_TRY, KSYNC_NO_DEADLINE));
	while (recursive && cell->depth) {
		EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
		EXPECT_WORD(self->self);
	}
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	EXPECT_WORD(0);
}

TEST_F(mutex, try_does_not_wait)
{
	struct player *owner = player_start(TASK_PROCESS, self->fd, self->cells);

	ASSERT_NE(NULL, owner);
	EXPECT_EQ(0, ksync_mutex_lock_try(&self->m));
	EXPECT_EQ(-EBUSY, player_do(owner, step_lock_try, self->id));
	EXPECT_WORD(self->self);
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	EXPECT_EQ(0, player_do(owner, step_lock_try, self->id));
	EXPECT_EQ(-EBUSY, ksync_mutex_lock_try(&self->m));
	EXPECT_WORD(owner->handle);
	EXPECT_EQ(0, player_do(owner, step_unlock, self->id));
	EXPECT_WORD(0);
	EXPECT_EQ(0, player_end(owner));
}

TEST_F(mutex, only_the_owner_unlocks)
{
	struct player *owner = player_start(TASK_THREAD, self->fd, self->cells);

	ASSERT_NE(NULL, owner);
	EXPECT_EQ(-EPERM, ksync_mutex_unlock(&self->m));
	EXPECT_WORD(0);
	ASSERT_EQ(0, player_do(owner, step_lock, self->id));
	EXPECT_EQ(-EPERM, ksync_mutex_unlock(&self->m));
	EXPECT_EQ(-EPERM, raw_unlock(self->fd, self->id, self->self));
	EXPECT_WORD(owner->handle);
	EXPECT_EQ(0, player_do(owner, step_unlock, self->id));
	EXPECT_EQ(0, player_end(owner));
}

static void each_kind(struct __test_metadata *_metadata, struct _test_data_mutex *self,
		      enum task_kind kind)
{
	struct ksync_query query;
	struct player *p;

	ASSERT_EQ(0, ksync_mutex_lock(&self->m));
	p = waiter(_metadata, self, kind);
	EXPECT_WORD(self->self | KSYNC_WAITERS);
	ASSERT_EQ(0, raw_query(self->fd, self->id, &query));
	EXPECT_EQ(1, query.waiters);
	EXPECT_EQ(self->self, query.owner);
	EXPECT_EQ((uint32_t)gettid(), query.owner_pid);
	EXPECT_EQ(100, query.top_prio);
	EXPECT_EQ(KSYNC_KIND_MUTEX, query.kind);
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	EXPECT_EQ(0, player_result(p));
	EXPECT_WORD(p->handle);
	EXPECT_EQ(0, player_do(p, step_unlock, self->id));
	EXPECT_WORD(0);
	EXPECT_EQ(0, player_end(p));
}

TEST_F(mutex, waiter_gets_it_from_the_owner)
{
	each_kind(_metadata, self, TASK_THREAD);
	each_kind(_metadata, self, TASK_BARE);
	each_kind(_metadata, self, TASK_PROCESS);
}

/*
 * The waiter cannot run: this task is more important and on the same CPU. So
 * what the unlock leaves behind can be seen.
 */
TEST_F(mutex, unlock_hands_over_only_if_strict)
{
	const bool strict = variant->flags & KSYNC_MUTEX_STRICT;
	struct player *p = player_start(TASK_THREAD, self->fd, self->cells);

	NEEDS(ADAPTIVE);
	ASSERT_NE(NULL, p);
	/* However slow the machine, the waiter is not overtaken for too long. */
	ASSERT_EQ(0, param_set("handoff_us", 1000000));
	ASSERT_EQ(0, pin_cpu(task_tid(&p->task), 0));
	ASSERT_EQ(0, pin_cpu(0, 0));
	ASSERT_EQ(0, ksync_mutex_lock(&self->m));
	begin_wait(_metadata, self, p, step_lock);
	ASSERT_EQ(0, sched_fifo(0, 50));
	ASSERT_EQ(0, ksync_mutex_unlock(&self->m));
	if (strict) {
		EXPECT_WORD(KSYNC_HANDOFF | KSYNC_WAITERS);
		EXPECT_EQ(-EBUSY, ksync_mutex_lock_try(&self->m));
	} else {
		EXPECT_WORD(KSYNC_WOKEN | KSYNC_WAITERS);
		EXPECT_EQ(0, ksync_mutex_lock_try(&self->m));
		EXPECT_WORD(self->self | KSYNC_WOKEN | KSYNC_WAITERS);
		EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
		EXPECT_WORD(KSYNC_WOKEN | KSYNC_WAITERS);
	}
	ASSERT_EQ(0, sched_other(0));
	EXPECT_EQ(0, player_result(p));
	EXPECT_WORD(p->handle);
	EXPECT_EQ(0, player_do(p, step_unlock, self->id));
	EXPECT_EQ(0, player_end(p));
}

/* An overtaken leader waits on, and an owner that overtook unlocks for it. */
TEST_F(mutex, overtaken_waiter_gets_it_in_the_end)
{
	struct player *p = player_start(TASK_THREAD, self->fd, self->cells);

	if (variant->flags & KSYNC_MUTEX_STRICT)
		SKIP(return, "a strict mutex cannot be overtaken");
	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, pin_cpu(task_tid(&p->task), 0));
	ASSERT_EQ(0, pin_cpu(0, 0));
	ASSERT_EQ(0, ksync_mutex_lock(&self->m));
	begin_wait(_metadata, self, p, step_lock);
	ASSERT_EQ(0, sched_fifo(0, 50));
	ASSERT_EQ(0, ksync_mutex_unlock(&self->m));
	ASSERT_EQ(0, ksync_mutex_lock(&self->m));
	ASSERT_EQ(0, sched_other(0));
	/* The leader clears WOKEN when it finds that it was overtaken. */
	EXPECT_EQ(0, await_value(self->word, self->self | KSYNC_WAITERS));
	EXPECT_EQ(0, await_asleep(task_tid(&p->task)));
	EXPECT_EQ(0, await_waiters(self->fd, self->id, 1));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	EXPECT_EQ(0, player_result(p));
	EXPECT_WORD(p->handle);
	EXPECT_EQ(0, player_do(p, step_unlock, self->id));
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

TEST_F(mutex, waiters_are_served_by_priority_then_fifo)
{
	static const int prios[] = { 10, 30, 20, 30, 0 };
	static const int turns[] = { 3, 0, 2, 1, 4 };
	uint32_t *turn = player_memory(sizeof(*turn));
	struct player *p[5];
	struct ksync_query query;
	int i;

	ASSERT_EQ(0, ksync_mutex_lock(&self->m));
	for (i = 0; i < 5; i++) {
		p[i] = child(_metadata, self, i % 3);
		p[i]->futex = turn;
		if (prios[i])
			ASSERT_EQ(0, sched_fifo(task_tid(&p[i]->task), prios[i]));
		begin_wait(_metadata, self, p[i], step_turn);
		ASSERT_EQ(0, await_waiters(self->fd, self->id, i + 1));
	}
	ASSERT_EQ(0, raw_query(self->fd, self->id, &query));
	EXPECT_EQ(backend_is_futex() ? 100 : 99 - 30, query.top_prio);
	ASSERT_EQ(0, ksync_mutex_unlock(&self->m));
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(turns[i], player_result(p[i])) TH_LOG("waiter %d", i);
		EXPECT_EQ(0, player_end(p[i]));
	}
	EXPECT_WORD(0);
}

static struct timespec after(clockid_t clock, long ms)
{
	const uint64_t ns = raw_deadline(clock, ms);

	return (struct timespec){ .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
}

static void timed(struct __test_metadata *_metadata, struct _test_data_mutex *self,
		  clockid_t clock)
{
	struct player *owner = player_start(TASK_THREAD, self->fd, self->cells);
	const struct timespec past = after(clock, -1000), soon = after(clock, 30);
	const struct timespec never = after(clock, 600000), bad = { .tv_nsec = -1 };
	struct timespec now;

	ASSERT_NE(NULL, owner);
	EXPECT_EQ(0, ksync_mutex_lock_timed(&self->m, clock, &past));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	ASSERT_EQ(0, player_do(owner, step_lock, self->id));
	EXPECT_EQ(-ETIMEDOUT, ksync_mutex_lock_timed(&self->m, clock, &past));
	EXPECT_WORD(owner->handle);
	EXPECT_EQ(-ETIMEDOUT, ksync_mutex_lock_timed(&self->m, clock, &soon));
	now = after(clock, 0);
	EXPECT_TRUE(now.tv_sec > soon.tv_sec ||
		    (now.tv_sec == soon.tv_sec && now.tv_nsec >= soon.tv_nsec));
	EXPECT_WORD(owner->handle);
	EXPECT_EQ(0, await_waiters(self->fd, self->id, 0));
	EXPECT_EQ(-EINVAL, ksync_mutex_lock_timed(&self->m, clock, &bad));
	EXPECT_EQ(-EINVAL, ksync_mutex_lock_timed(&self->m, CLOCK_PROCESS_CPUTIME_ID, &past));
	EXPECT_EQ(0, player_do(owner, step_unlock, self->id));
	EXPECT_EQ(0, ksync_mutex_lock_timed(&self->m, clock, &never));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	EXPECT_EQ(0, player_end(owner));
}

TEST_F(mutex, lock_timed_on_both_clocks)
{
	timed(_metadata, self, CLOCK_MONOTONIC);
	timed(_metadata, self, CLOCK_REALTIME);
}

TEST_F(mutex, granted_wins_over_a_deadline_that_passed)
{
	EXPECT_EQ(0, raw_lock(self->fd, self->id, self->self, 0, 0));
	EXPECT_EQ(0, raw_unlock(self->fd, self->id, self->self));
	EXPECT_EQ(0, raw_lock(self->fd, self->id, self->self, KSYNC_WAIT_REALTIME, 1));
	EXPECT_EQ(0, raw_unlock(self->fd, self->id, self->self));
}

TEST_F(mutex, timeout_of_one_waiter_leaves_the_other)
{
	struct player *a = player_start(TASK_BARE, self->fd, self->cells), *b;

	ASSERT_NE(NULL, a);
	ASSERT_EQ(0, ksync_mutex_lock(&self->m));
	b = waiter(_metadata, self, TASK_PROCESS);
	a->deadline = raw_deadline(CLOCK_MONOTONIC, 30);
	EXPECT_EQ(-ETIMEDOUT, player_do(a, step_lock_until, self->id));
	EXPECT_WORD(self->self | KSYNC_WAITERS);
	EXPECT_EQ(0, await_waiters(self->fd, self->id, 1));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	EXPECT_EQ(0, player_result(b));
	EXPECT_WORD(b->handle);
	EXPECT_EQ(0, player_do(b, step_unlock, self->id));
	EXPECT_EQ(0, player_end(a));
	EXPECT_EQ(0, player_end(b));
}

TEST_F(mutex, owner_death_is_reported_and_repaired)
{
	struct player *p = player_start(TASK_BARE, self->fd, self->cells);
	struct ksync_query query;

	ASSERT_NE(NULL, p);
	EXPECT_EQ(-EPERM, ksync_mutex_consistent(&self->m));
	ASSERT_EQ(0, player_do(p, step_lock_fast, self->id));
	ASSERT_EQ(0, player_end(p));
	ASSERT_EQ(0, raw_query(self->fd, self->id, &query));
	EXPECT_EQ(0, query.owner_pid);
	EXPECT_EQ(-EOWNERDEAD, ksync_mutex_lock(&self->m));
	EXPECT_WORD(self->self | KSYNC_OWNER_DIED);
	EXPECT_EQ(0, ksync_mutex_consistent(&self->m));
	EXPECT_EQ(-EINVAL, ksync_mutex_consistent(&self->m));
	EXPECT_WORD(self->self);
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	EXPECT_WORD(0);
	EXPECT_EQ(0, ksync_mutex_lock(&self->m));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
}

TEST_F(mutex, unlocked_inconsistent_is_not_recoverable)
{
	struct player *p = player_start(TASK_PROCESS, self->fd, self->cells);
	struct player *a, *b;

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, player_do(p, step_lock_fast, self->id));
	ASSERT_EQ(0, player_end(p));
	ASSERT_EQ(-EOWNERDEAD, ksync_mutex_lock_try(&self->m));
	a = waiter(_metadata, self, TASK_THREAD);
	b = waiter(_metadata, self, TASK_PROCESS);
	EXPECT_WORD(self->self | KSYNC_OWNER_DIED | KSYNC_WAITERS);
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	EXPECT_EQ(-ENOTRECOVERABLE, player_result(a));
	EXPECT_EQ(-ENOTRECOVERABLE, player_result(b));
	EXPECT_WORD(KSYNC_NOTRECOVERABLE);
	EXPECT_EQ(-ENOTRECOVERABLE, ksync_mutex_lock(&self->m));
	EXPECT_EQ(-ENOTRECOVERABLE, ksync_mutex_lock_try(&self->m));
	EXPECT_EQ(-EPERM, ksync_mutex_unlock(&self->m));
	EXPECT_WORD(KSYNC_NOTRECOVERABLE);
	EXPECT_EQ(0, player_end(a));
	EXPECT_EQ(0, player_end(b));
}

TEST_F(mutex, overwritten_word_is_reported)
{
	struct player *p;

	NEEDS(GUARDED);
	*self->word = self->self + 1000;
	EXPECT_EQ(-EUCLEAN, ksync_mutex_lock(&self->m));
	*self->word = KSYNC_HANDOFF;
	EXPECT_EQ(-EUCLEAN, ksync_mutex_lock(&self->m));
	*self->word = 0;
	ASSERT_EQ(0, ksync_mutex_lock(&self->m));
	p = waiter(_metadata, self, TASK_THREAD);
	*self->word = 12345 | KSYNC_WAITERS;
	EXPECT_EQ(-EUCLEAN, raw_unlock(self->fd, self->id, self->self));
	EXPECT_EQ(0, player_result(p));
	EXPECT_WORD(p->handle);
	EXPECT_EQ(0, player_do(p, step_unlock, self->id));
	EXPECT_EQ(0, player_end(p));
}

static int lock_as(void *arg)
{
	struct ksync_mutex *m = arg;
	struct ksync_thread t;
	int ret = -ksync_thread_attach(m->o.domain, &t);

	if (!ret)
		ret = -ksync_mutex_lock_as(m, &t);
	if (!ret)
		ret = -ksync_mutex_unlock_as(m, &t);
	return ret;
}

TEST_F(mutex, task_without_tls_uses_the_as_functions)
{
	struct task t;
	int status;

	ASSERT_EQ(0, ksync_mutex_lock(&self->m));
	ASSERT_EQ(0, task_start(&t, TASK_BARE, lock_as, &self->m));
	ASSERT_EQ(0, await_waiters(self->fd, self->id, 1));
	ASSERT_EQ(0, await_asleep(task_tid(&t)));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	ASSERT_EQ(0, task_join(&t, &status));
	EXPECT_EQ(0, status);
	EXPECT_WORD(0);
}

KSFT_MAIN
