// SPDX-License-Identifier: GPL-2.0
/*
 * Waitqs: who sleeps, who is woken and in which order, and what the cell says
 * about it.
 */
#include <unistd.h>

#include "lib/ksft.h"
#include "lib/player.h"

FIXTURE(waitq)
{
	struct ksync *d;
	struct ksync_waitq q;
	struct ksync_waitq to;
	int fd;
	uint32_t id;
	uint32_t to_id;
	struct ksync_cell *cells;
	struct ksync_cell *cell;
};

FIXTURE_SETUP(waitq)
{
	ASSERT_EQ(0, ksync_open(&self->d, 0));
	ASSERT_EQ(0, ksync_waitq_init(&self->q, self->d, 0));
	ASSERT_EQ(0, ksync_waitq_init(&self->to, self->d, 0));
	self->fd = ksync_fileno(self->d);
	self->id = ksync_waitq_id(&self->q);
	self->to_id = ksync_waitq_id(&self->to);
	self->cells = raw_map(self->fd, 64);
	self->cell = &self->cells[self->id];
}

FIXTURE_TEARDOWN(waitq)
{
	ksync_close(self->d);
}

/* Waits while the word is 0, for the bits in flags. */
static int step_wait(struct player *p)
{
	return raw_wait(p->fd, p->id, 0, p->flags, 0, KSYNC_NO_DEADLINE);
}

static int step_wait_until(struct player *p)
{
	return raw_wait(p->fd, p->id, 0, KSYNC_BITSET_ALL, p->flags, p->deadline);
}

/* One more waiter, of SCHED_FIFO priority @prio if that is not 0. */
static struct player *waiter(struct __test_metadata *_metadata,
			     struct _test_data_waitq *self, enum task_kind kind,
			     uint32_t bitset, int prio)
{
	struct player *p = player_start(kind, self->fd, self->cells);
	const uint32_t n = self->cell->waiters;

	ASSERT_NE(NULL, p);
	if (prio)
		ASSERT_EQ(0, sched_fifo(task_tid(&p->task), prio));
	p->flags = bitset;
	player_post(p, step_wait, self->id);
	ASSERT_EQ(0, await_waiters(self->fd, self->id, n + 1));
	EXPECT_EQ(n + 1, self->cell->waiters);
	return p;
}

#define WAITER(kind, bitset, prio) waiter(_metadata, self, kind, bitset, prio)

/* @p was woken. */
static void woken(struct __test_metadata *_metadata, struct player *p)
{
	EXPECT_EQ(0, player_result(p));
	EXPECT_EQ(0, player_end(p));
}

TEST_F(waitq, other_value_is_eagain)
{
	self->cell->word = 5;
	EXPECT_EQ(-EAGAIN, ksync_waitq_wait(&self->q, 4));
	EXPECT_EQ(-EAGAIN, raw_wait(self->fd, self->id, 0, 1, 0, 0));
	EXPECT_EQ(0, self->cell->waiters);
	EXPECT_EQ(5, self->cell->word);
}

TEST_F(waitq, waking_nobody)
{
	uint32_t n;

	EXPECT_EQ(0, ksync_waitq_wake(&self->q, 1));
	EXPECT_EQ(0, raw_wake(self->fd, self->id, 1, KSYNC_BITSET_ALL, &n));
	EXPECT_EQ(0, n);
	EXPECT_EQ(0, ksync_waitq_requeue(&self->q, &self->to, 1, 1));
}

TEST_F(waitq, bitset_of_0_is_einval)
{
	uint32_t n;

	EXPECT_EQ(-EINVAL, ksync_waitq_wake_bitset(&self->q, 1, 0));
	EXPECT_EQ(-EINVAL, raw_wake(self->fd, self->id, 1, 0, &n));
	EXPECT_EQ(-EINVAL, raw_wait(self->fd, self->id, 0, 0, 0, 0));
}

static void times_out(struct __test_metadata *_metadata, struct _test_data_waitq *self,
		      clockid_t clock)
{
	const uint64_t deadline = raw_deadline(clock, 30);
	const struct timespec soon = {
		.tv_sec = deadline / 1000000000, .tv_nsec = deadline % 1000000000,
	};
	const struct timespec past = { .tv_sec = 1 }, bad = { .tv_nsec = 1000000000 };

	EXPECT_EQ(-ETIMEDOUT, ksync_waitq_wait_timed(&self->q, 0, 1, clock, &past));
	EXPECT_EQ(-ETIMEDOUT, ksync_waitq_wait_timed(&self->q, 0, 1, clock, &soon));
	EXPECT_LE(deadline, raw_deadline(clock, 0));
	EXPECT_EQ(-EINVAL, ksync_waitq_wait_timed(&self->q, 0, 1, clock, &bad));
	EXPECT_EQ(-EAGAIN, ksync_waitq_wait_timed(&self->q, 1, 1, clock, &past));
	EXPECT_EQ(0, self->cell->waiters);
	EXPECT_EQ(0, await_waiters(self->fd, self->id, 0));
}

TEST_F(waitq, timeouts_on_both_clocks)
{
	times_out(_metadata, self, CLOCK_MONOTONIC);
	times_out(_metadata, self, CLOCK_REALTIME);
}

/* All kinds of tasks, by priority; the equal ones in the order of arrival. */
TEST_F(waitq, wakes_by_priority_then_fifo)
{
	static const int prios[] = { 0, 10, 30, 0, 20, 30 };
	static const int order[] = { 2, 5, 4, 1, 0, 3 };
	struct player *p[6];
	int i;

	for (i = 0; i < 6; i++)
		p[i] = WAITER(i % 3, KSYNC_BITSET_ALL, prios[i]);
	for (i = 0; i < 6; i++) {
		EXPECT_EQ(1, ksync_waitq_wake(&self->q, 1));
		EXPECT_EQ(0, player_result(p[order[i]])) TH_LOG("waiter %d", order[i]);
		EXPECT_EQ(5 - i, self->cell->waiters);
	}
	for (i = 0; i < 6; i++)
		EXPECT_EQ(0, player_end(p[i]));
}

TEST_F(waitq, bitset_chooses)
{
	struct player *a = WAITER(TASK_THREAD, 1, 0);
	struct player *b = WAITER(TASK_BARE, 2, 0);
	struct player *c = WAITER(TASK_PROCESS, 4 | 1, 0);

	EXPECT_EQ(0, ksync_waitq_wake_bitset(&self->q, 10, 8));
	EXPECT_EQ(3, self->cell->waiters);
	EXPECT_EQ(1, ksync_waitq_wake_bitset(&self->q, 10, 2 | 8));
	woken(_metadata, b);
	EXPECT_EQ(1, ksync_waitq_wake_bitset(&self->q, 1, 1));
	woken(_metadata, a);
	EXPECT_EQ(1, ksync_waitq_wake_bitset(&self->q, 10, 1));
	woken(_metadata, c);
	EXPECT_EQ(0, self->cell->waiters);
}

TEST_F(waitq, requeue_wakes_some_and_moves_some_in_order)
{
	static const int prios[] = { 0, 10, 30, 20, 0 };
	struct ksync_cell *to = &self->cells[self->to_id];
	struct player *p[5];
	int i;

	for (i = 0; i < 5; i++)
		p[i] = WAITER(i % 3, KSYNC_BITSET_ALL, prios[i]);
	EXPECT_EQ(-EINVAL, ksync_waitq_requeue(&self->q, &self->q, 1, 1));
	EXPECT_EQ(4, ksync_waitq_requeue(&self->q, &self->to, 1, 3));
	woken(_metadata, p[2]);
	EXPECT_EQ(1, self->cell->waiters);
	EXPECT_EQ(3, to->waiters);
	EXPECT_EQ(0, await_waiters(self->fd, self->to_id, 3));
	EXPECT_EQ(1, ksync_waitq_wake(&self->to, 1));
	woken(_metadata, p[3]);
	EXPECT_EQ(1, ksync_waitq_wake(&self->to, 1));
	woken(_metadata, p[1]);
	EXPECT_EQ(1, ksync_waitq_wake(&self->q, 10));
	woken(_metadata, p[4]);
	EXPECT_EQ(1, ksync_waitq_wake(&self->to, 10));
	woken(_metadata, p[0]);
	EXPECT_EQ(0, self->cell->waiters);
	EXPECT_EQ(0, to->waiters);
}

TEST_F(waitq, cmp_requeue_compares)
{
	struct ksync_requeue req = {
		.from = self->id, .to = self->to_id, .wake = 1, .move = 1,
		.flags = KSYNC_REQUEUE_CMP, .expected = 7,
	};
	struct player *a = WAITER(TASK_THREAD, KSYNC_BITSET_ALL, 0);
	struct player *b = WAITER(TASK_PROCESS, KSYNC_BITSET_ALL, 0);

	self->cell->word = 6;
	EXPECT_EQ(-EAGAIN, ksync_waitq_cmp_requeue(&self->q, &self->to, 7, 1, 1));
	EXPECT_EQ(-EAGAIN, raw_requeue(self->fd, &req));
	EXPECT_EQ(2, self->cell->waiters);
	self->cell->word = 7;
	EXPECT_EQ(0, raw_requeue(self->fd, &req));
	EXPECT_EQ(1, req.woken);
	EXPECT_EQ(1, req.moved);
	woken(_metadata, a);
	EXPECT_EQ(0, self->cell->waiters);
	EXPECT_EQ(1, ksync_waitq_wake(&self->to, 1));
	woken(_metadata, b);
}

/* A moved waiter's deadline goes with it. */
TEST_F(waitq, moved_waiter_times_out)
{
	struct player *p = player_start(TASK_THREAD, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	p->deadline = raw_deadline(CLOCK_MONOTONIC, 2000);
	player_post(p, step_wait_until, self->id);
	ASSERT_EQ(0, await_value(&self->cell->waiters, 1));
	ASSERT_EQ(1, ksync_waitq_requeue(&self->q, &self->to, 0, 1));
	EXPECT_EQ(-ETIMEDOUT, player_result(p));
	if (!backend_is_futex())
		EXPECT_EQ(0, self->cells[self->to_id].waiters);
	EXPECT_EQ(0, self->cell->waiters);
	EXPECT_EQ(0, player_end(p));
}

#define CROWD 100

/* More than one batch; and the last of them is found behind all others. */
TEST_F(waitq, crowd_is_woken)
{
	struct player *p[CROWD];
	int i;

	for (i = 0; i < CROWD; i++)
		p[i] = WAITER(TASK_THREAD, i == CROWD - 1 ? 2 : 1, 0);
	EXPECT_EQ(1, ksync_waitq_wake_bitset(&self->q, CROWD, 2));
	EXPECT_EQ(0, player_result(p[CROWD - 1]));
	EXPECT_EQ(70, ksync_waitq_wake(&self->q, 70));
	for (i = 0; i < 70; i++)
		EXPECT_EQ(0, player_result(p[i])) TH_LOG("waiter %d", i);
	EXPECT_EQ(CROWD - 71, self->cell->waiters);
	EXPECT_EQ(CROWD - 71, ksync_waitq_wake(&self->q, UINT32_MAX));
	EXPECT_EQ(0, self->cell->waiters);
	for (i = 0; i < CROWD; i++) {
		EXPECT_EQ(0, player_result(p[i])) TH_LOG("waiter %d", i);
		EXPECT_EQ(0, player_end(p[i]));
	}
}

TEST_F(waitq, crowd_is_moved)
{
	struct player *p[CROWD];
	int i;

	for (i = 0; i < CROWD; i++)
		p[i] = WAITER(TASK_THREAD, KSYNC_BITSET_ALL, 0);
	EXPECT_EQ(CROWD - 1, ksync_waitq_requeue(&self->q, &self->to, 19, 80));
	EXPECT_EQ(1, self->cell->waiters);
	EXPECT_EQ(80, self->cells[self->to_id].waiters);
	EXPECT_EQ(80, ksync_waitq_wake(&self->to, CROWD));
	EXPECT_EQ(1, ksync_waitq_wake(&self->q, CROWD));
	for (i = 0; i < CROWD; i++) {
		EXPECT_EQ(0, player_result(p[i])) TH_LOG("waiter %d", i);
		EXPECT_EQ(0, player_end(p[i]));
	}
}

#define OVER 0x80000000U

/*
 * Two tasks take turns, by the parity of the word, until the time is over.  A
 * wake-up that is lost leaves both asleep.
 */
static int take_turns(struct _test_data_waitq *self, uint32_t mine, uint64_t end)
{
	_Atomic uint32_t *word = ksync_waitq_word(&self->q);
	uint32_t v;
	int ret;

	for (;;) {
		v = *word;
		if (v & OVER)
			return 0;
		if ((v & 1) != mine) {
			ret = ksync_waitq_wait(&self->q, v);
			if (ret && ret != -EAGAIN)
				return -ret;
			continue;
		}
		*word = raw_deadline(CLOCK_MONOTONIC, 0) > end ? OVER : v + 1;
		ksync_waitq_wake(&self->q, 1);
	}
}

struct turns {
	struct _test_data_waitq *self;
	uint32_t mine;
	uint64_t end;
};

static int turns_main(void *arg)
{
	const struct turns *t = arg;

	return take_turns(t->self, t->mine, t->end);
}

static void no_wakeup_is_lost(struct __test_metadata *_metadata,
			      struct _test_data_waitq *self, enum task_kind kind)
{
	const uint64_t end = raw_deadline(CLOCK_MONOTONIC, 250);
	struct turns turns[2] = { { self, 0, end }, { self, 1, end } };
	struct task t[2];
	int i, status;

	self->cell->word = 0;
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, task_start(&t[i], kind, turns_main, &turns[i]));
	EXPECT_EQ(0, await_value(&self->cell->word, OVER));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, task_join(&t[i], &status));
		EXPECT_EQ(0, status);
	}
	EXPECT_EQ(0, self->cell->waiters);
}

TEST_F(waitq, no_wakeup_is_lost_between_threads)
{
	no_wakeup_is_lost(_metadata, self, TASK_THREAD);
}

TEST_F(waitq, no_wakeup_is_lost_between_processes)
{
	no_wakeup_is_lost(_metadata, self, TASK_PROCESS);
}

KSFT_MAIN
