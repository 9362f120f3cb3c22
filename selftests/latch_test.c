// SPDX-License-Identifier: GPL-2.0
/* Latches: closed until counted down to 0, open from then on. */
#include <signal.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/sys.h"

#define TASKS	4

/* Made before the tasks start: processes have a copy, the others share it. */
static struct ksync_latch latch;

FIXTURE(latch)
{
	struct ksync *d;
	int fd;
	uint32_t id;
	struct ksync_cell *cells;
	struct ksync_cell *cell;
	unsigned int max_waiters;
};

FIXTURE_SETUP(latch)
{
	ASSERT_EQ(0, param_get("max_waiters", &self->max_waiters));
	ASSERT_EQ(0, ksync_open(&self->d, 0));
	ASSERT_EQ(0, ksync_latch_init(&latch, self->d, 3));
	self->fd = ksync_fileno(self->d);
	self->id = ksync_latch_id(&latch);
	self->cells = raw_map(self->fd, 64);
	self->cell = &self->cells[self->id];
}

FIXTURE_TEARDOWN(latch)
{
	param_set("max_waiters", self->max_waiters);
	ksync_close(self->d);
}

static int step_wait(struct player *p)
{
	(void)p;
	return ksync_latch_wait(&latch);
}

static int step_arrive(struct player *p)
{
	(void)p;
	return ksync_latch_arrive_and_wait(&latch, 1);
}

static struct player *waiter(struct __test_metadata *_metadata,
			     struct _test_data_latch *self, enum task_kind kind,
			     player_step step)
{
	struct player *p = player_start(kind, self->fd, self->cells);
	const uint32_t n = self->cell->waiters;

	ASSERT_NE(NULL, p);
	player_post(p, step, self->id);
	ASSERT_EQ(0, await_waiters(self->fd, self->id, n + 1));
	return p;
}

#define WAITER(kind, step) waiter(_metadata, self, kind, step)

static void released(struct __test_metadata *_metadata, struct player *p)
{
	EXPECT_EQ(0, player_result(p));
	EXPECT_EQ(0, player_end(p));
}

TEST_F(latch, counts_have_bounds)
{
	struct ksync_latch l;

	EXPECT_EQ(-EINVAL, ksync_latch_init(&l, self->d, KSYNC_LATCH_MAX + 1));
	ASSERT_EQ(0, ksync_latch_init(&l, self->d, KSYNC_LATCH_MAX));
	EXPECT_EQ(-EAGAIN, ksync_latch_wait_try(&l));
	EXPECT_EQ(-EOVERFLOW, ksync_latch_count_down(&l, UINT32_MAX));
	EXPECT_EQ(0, ksync_latch_count_down(&l, KSYNC_LATCH_MAX));
	EXPECT_EQ(0, ksync_latch_wait_try(&l));
	EXPECT_EQ(-EOVERFLOW, ksync_latch_count_down(&l, 1));
	EXPECT_EQ(0, ksync_latch_count_down(&l, 0));
	EXPECT_EQ(0, ksync_latch_destroy(&l));
}

TEST_F(latch, of_0_is_open)
{
	struct ksync_latch l;

	ASSERT_EQ(0, ksync_latch_init(&l, self->d, 0));
	EXPECT_EQ(0, ksync_latch_wait_try(&l));
	EXPECT_EQ(0, ksync_latch_wait(&l));
	EXPECT_EQ(0, ksync_latch_arrive_and_wait(&l, 0));
	EXPECT_EQ(-EOVERFLOW, ksync_latch_arrive_and_wait(&l, 1));
}

TEST_F(latch, opens_latches_only)
{
	struct ksync_barrier b;
	struct ksync_latch l;
	struct ksync_once o;

	ASSERT_EQ(0, ksync_barrier_init(&b, self->d, 1));
	ASSERT_EQ(0, ksync_once_init(&o, self->d, 0));
	EXPECT_EQ(-EINVAL, ksync_latch_open(&l, self->d, ksync_barrier_id(&b)));
	EXPECT_EQ(-EINVAL, ksync_latch_open(&l, self->d, ksync_once_id(&o)));
	EXPECT_EQ(-EBADF, ksync_latch_open(&l, self->d, 63));
	ASSERT_EQ(0, ksync_latch_open(&l, self->d, self->id));
	EXPECT_EQ(self->id, ksync_latch_id(&l));
	EXPECT_EQ(0, ksync_latch_count_down(&l, 3));
	EXPECT_EQ(0, ksync_latch_wait_try(&latch));
}

/* Those that sleep are not disturbed by counting. */
TEST_F(latch, opens_for_all_kinds_at_0_and_not_before)
{
	struct player *p[3];
	int i;

	for (i = 0; i < 3; i++)
		p[i] = WAITER(i, step_wait);
	EXPECT_EQ(0, ksync_latch_count_down(&latch, 1));
	EXPECT_EQ(0, ksync_latch_count_down(&latch, 1));
	EXPECT_EQ(-EOVERFLOW, ksync_latch_count_down(&latch, 2));
	EXPECT_EQ(-EAGAIN, ksync_latch_wait_try(&latch));
	EXPECT_EQ(3, self->cell->waiters);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, await_asleep(task_tid(&p[i]->task)));
	EXPECT_EQ(-EBUSY, ksync_latch_destroy(&latch));
	EXPECT_EQ(0, ksync_latch_count_down(&latch, 1));
	for (i = 0; i < 3; i++)
		released(_metadata, p[i]);
	EXPECT_EQ(0, ksync_latch_wait(&latch));
	EXPECT_EQ(0, ksync_latch_destroy(&latch));
	EXPECT_EQ(-EBADF, ksync_latch_destroy(&latch));
	EXPECT_EQ(-EBADF, ksync_latch_wait(&latch));
	EXPECT_EQ(-EBADF, ksync_latch_count_down(&latch, 1));
	EXPECT_EQ(-EAGAIN, ksync_latch_wait_try(&latch));
}

TEST_F(latch, arrive_and_wait_counts_first)
{
	struct player *a = WAITER(TASK_BARE, step_arrive);
	struct player *b = WAITER(TASK_PROCESS, step_arrive);

	EXPECT_EQ(1, self->cell->word);
	EXPECT_EQ(0, ksync_latch_arrive_and_wait(&latch, 1));
	released(_metadata, a);
	released(_metadata, b);
}

static void count_down(int sig)
{
	(void)sig;
	ksync_latch_count_down(&latch, 3);
}

/* The one that sleeps there opens it, in a signal handler of its own. */
static int step_wait_handling(struct player *p)
{
	signal(SIGUSR1, count_down);
	return step_wait(p);
}

TEST_F(latch, signal_handler_may_count_down)
{
	struct player *p = WAITER(TASK_PROCESS, step_wait_handling);

	ASSERT_EQ(0, task_kill(&p->task, SIGUSR1));
	released(_metadata, p);
}

TEST_F(latch, timeouts_on_both_clocks)
{
	const struct timespec past = { .tv_sec = 1 }, bad = { .tv_nsec = 1000000000 };
	const struct timespec soon = to_timespec(in(30 * MSEC));

	EXPECT_EQ(-ETIMEDOUT, ksync_latch_wait_timed(&latch, CLOCK_MONOTONIC, &soon));
	EXPECT_LE(soon.tv_sec * SEC + soon.tv_nsec, now(CLOCK_MONOTONIC));
	EXPECT_EQ(-ETIMEDOUT, ksync_latch_wait_timed(&latch, CLOCK_REALTIME, &past));
	EXPECT_EQ(-EINVAL, ksync_latch_wait_timed(&latch, CLOCK_MONOTONIC, &bad));
	EXPECT_EQ(-EINVAL, ksync_latch_wait_timed(&latch, CLOCK_PROCESS_CPUTIME_ID, &soon));
	EXPECT_EQ(3, self->cell->word);
	EXPECT_EQ(0, ksync_latch_count_down(&latch, 3));
	EXPECT_EQ(0, ksync_latch_wait_timed(&latch, CLOCK_PROCESS_CPUTIME_ID, &past));
}

TEST_F(latch, limit_of_waiters_is_reported)
{
	NEEDS(GUARDED);
	ASSERT_EQ(0, param_set("max_waiters", 0));
	EXPECT_EQ(-ENOSPC, ksync_latch_arrive_and_wait(&latch, 1));
	EXPECT_EQ(2, self->cell->word);
}

static int step_wait_until(struct player *p)
{
	const struct timespec t = to_timespec(p->deadline);

	return ksync_latch_wait_timed(&latch, CLOCK_MONOTONIC, &t);
}

/* As if the one that opens it had been killed before it could wake. */
TEST_F(latch, deadline_saves_from_a_wakeup_that_never_came)
{
	struct player *p = player_start(TASK_PROCESS, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	p->deadline = in(2 * SEC);
	player_post(p, step_wait_until, self->id);
	ASSERT_EQ(0, await_value(&self->cell->waiters, 1));
	self->cell->word = ~KSYNC_LATCH_MAX;
	released(_metadata, p);
	EXPECT_LE(p->deadline, now(CLOCK_MONOTONIC));
	EXPECT_EQ(-EBUSY, ksync_latch_destroy(&latch));
}

static int step_count_down(struct player *p)
{
	(void)p;
	return ksync_latch_count_down(&latch, 1);
}

/* Its cell is another waitq's at once, and nothing happens to that any more. */
TEST_F(latch, may_be_destroyed_by_the_one_that_waited)
{
	const uint64_t end = in(300 * MSEC);
	struct player *p = player_start(TASK_THREAD, self->fd, self->cells);
	struct ksync_waitq q;

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, ksync_latch_destroy(&latch));
	while (!passed(end)) {
		ASSERT_EQ(0, ksync_latch_init(&latch, self->d, 1));
		player_post(p, step_count_down, self->id);
		ASSERT_EQ(0, ksync_latch_wait(&latch));
		ASSERT_EQ(0, ksync_latch_destroy(&latch));
		ASSERT_EQ(0, ksync_waitq_init(&q, self->d, 0));
		ASSERT_EQ(self->id, ksync_waitq_id(&q));
		*ksync_waitq_word(&q) = UINT32_MAX;
		ASSERT_EQ(0, player_result(p));
		EXPECT_EQ(UINT32_MAX, *ksync_waitq_word(&q));
		ASSERT_EQ(0, ksync_waitq_destroy(&q));
	}
	EXPECT_EQ(0, player_end(p));
}

/**
 * struct round - a latch that is passed by all
 * @ready: how many have done what has to be seen
 * @blind: how many did not see all of it
 */
struct round {
	uint32_t ready;
	uint32_t blind;
};

static int arrive_and_look(void *arg)
{
	struct round *r = arg;
	int ret;

	__atomic_add_fetch(&r->ready, 1, __ATOMIC_RELAXED);
	ret = ksync_latch_arrive_and_wait(&latch, 1);
	if (__atomic_load_n(&r->ready, __ATOMIC_RELAXED) != TASKS)
		__atomic_add_fetch(&r->blind, 1, __ATOMIC_RELAXED);
	return -ret;
}

static void rounds(struct __test_metadata *_metadata, struct _test_data_latch *self,
		   enum task_kind kind)
{
	struct round *r = player_memory(sizeof(*r));
	struct task *t = player_memory(TASKS * sizeof(*t));
	int i, n, status;

	for (n = 0; n < 50; n++) {
		ASSERT_EQ(0, ksync_latch_destroy(&latch));
		ASSERT_EQ(0, ksync_latch_init(&latch, self->d, TASKS));
		r->ready = 0;
		for (i = 0; i < TASKS; i++)
			ASSERT_EQ(0, task_start(&t[i], kind, arrive_and_look, r));
		for (i = 0; i < TASKS; i++) {
			ASSERT_EQ(0, task_join(&t[i], &status));
			EXPECT_EQ(0, status);
		}
	}
	EXPECT_EQ(0, r->blind);
	EXPECT_EQ(0, self->cell->waiters);
}

TEST_F(latch, lets_threads_go_together)
{
	rounds(_metadata, self, TASK_THREAD);
}

TEST_F(latch, lets_bare_tasks_go_together)
{
	rounds(_metadata, self, TASK_BARE);
}

TEST_F(latch, lets_processes_go_together)
{
	rounds(_metadata, self, TASK_PROCESS);
}

KSFT_MAIN
