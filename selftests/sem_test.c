// SPDX-License-Identifier: GPL-2.0
/*
 * Semaphores: what each call returns, what the word says after each step, whom a
 * post serves, and what POSIX says of sem_t where it applies.  That no unit is
 * ever lost is for sem_body_test.c.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/player.h"

FIXTURE(sem)
{
	struct ksync *d;
	struct ksync_sem s;
	int fd;
	uint32_t id;
	unsigned int max_waiters;
	struct ksync_cell *cells;
	struct ksync_cell *cell;
};

FIXTURE_SETUP(sem)
{
	ASSERT_EQ(0, param_get("max_waiters", &self->max_waiters));
	ASSERT_EQ(0, ksync_open(&self->d, 0));
	ASSERT_EQ(0, ksync_sem_init(&self->s, self->d, 0, 0));
	self->fd = ksync_fileno(self->d);
	self->id = ksync_sem_id(&self->s);
	self->cells = raw_map(self->fd, 64);
	self->cell = &self->cells[self->id];
}

FIXTURE_TEARDOWN(sem)
{
	EXPECT_EQ(0, param_set("max_waiters", self->max_waiters));
	ksync_close(self->d);
}

#define EXPECT_WORD(value) \
	EXPECT_EQ((uint32_t)(value), __atomic_load_n(&self->cell->word, __ATOMIC_RELAXED))

/* One more waiter, of SCHED_FIFO priority @prio if that is not 0. */
static struct player *waiter(struct __test_metadata *_metadata, struct _test_data_sem *self,
			     enum task_kind kind, int prio)
{
	struct player *p = player_start(kind, self->fd, self->cells);
	const uint32_t n = self->cell->waiters;

	ASSERT_NE(NULL, p);
	if (prio)
		ASSERT_EQ(0, sched_fifo(task_tid(&p->task), prio));
	player_post(p, step_acquire, self->id);
	ASSERT_EQ(0, await_waiters(self->fd, self->id, n + 1));
	EXPECT_EQ(n + 1, self->cell->waiters);
	return p;
}

#define WAITER(kind, prio) waiter(_metadata, self, kind, prio)

/* @p has got a unit. */
static void served(struct __test_metadata *_metadata, struct player *p)
{
	EXPECT_EQ(0, player_result(p));
	EXPECT_EQ(0, player_end(p));
}

TEST_F(sem, init_checks_initial_value_and_limit)
{
	struct ksync_sem s;

	EXPECT_EQ(-EINVAL, ksync_sem_init(&s, self->d, 3, 2));
	EXPECT_EQ(-EINVAL, ksync_sem_init(&s, self->d, 0, KSYNC_SEM_MAX + 1));
	EXPECT_EQ(-EINVAL, ksync_sem_init(&s, self->d, KSYNC_SEM_MAX + 1, 0));
	ASSERT_EQ(0, ksync_sem_init(&s, self->d, 2, 2));
	EXPECT_EQ(2, ksync_sem_value(&s));
	EXPECT_EQ(2, self->cells[ksync_sem_id(&s)].limit);
	ASSERT_EQ(0, ksync_sem_init(&s, self->d, KSYNC_SEM_MAX, 0));
	EXPECT_EQ(KSYNC_SEM_MAX, ksync_sem_value(&s));
	EXPECT_EQ(KSYNC_SEM_MAX, self->cells[ksync_sem_id(&s)].limit);
}

/* The module does not know the object any more, and nobody notices. */
TEST_F(sem, module_is_not_asked_while_nobody_waits)
{
	ASSERT_EQ(0, raw_destroy(self->fd, self->id));
	EXPECT_EQ(-EAGAIN, ksync_sem_wait_try(&self->s));
	EXPECT_EQ(0, ksync_sem_post(&self->s));
	EXPECT_WORD(1);
	EXPECT_EQ(0, ksync_sem_post_n(&self->s, 4));
	EXPECT_WORD(5);
	EXPECT_EQ(0, ksync_sem_wait(&self->s));
	EXPECT_EQ(0, ksync_sem_wait_try(&self->s));
	EXPECT_EQ(0, ksync_sem_wait_timed(&self->s, CLOCK_MONOTONIC, NULL));
	EXPECT_EQ(0, ksync_sem_wait_interruptible(&self->s, CLOCK_REALTIME, NULL));
	EXPECT_EQ(1, ksync_sem_value(&self->s));
	EXPECT_EQ(0, ksync_sem_wait(&self->s));
	EXPECT_EQ(-EBADF, ksync_sem_wait(&self->s));
}

TEST_F(sem, destroyed_is_ebadf)
{
	ASSERT_EQ(0, ksync_sem_post(&self->s));
	ASSERT_EQ(0, ksync_sem_destroy(&self->s));
	self->cell->word = 1;
	EXPECT_EQ(-EBADF, ksync_sem_wait(&self->s));
	EXPECT_EQ(-EBADF, ksync_sem_wait_try(&self->s));
	EXPECT_EQ(-EBADF, ksync_sem_wait_timed(&self->s, CLOCK_MONOTONIC, NULL));
	EXPECT_EQ(-EBADF, ksync_sem_wait_interruptible(&self->s, CLOCK_MONOTONIC, NULL));
	EXPECT_EQ(-EBADF, ksync_sem_post(&self->s));
	EXPECT_EQ(-EBADF, ksync_sem_post_n(&self->s, 2));
	EXPECT_EQ(-EBADF, ksync_sem_value(&self->s));
	EXPECT_EQ(-EBADF, ksync_sem_destroy(&self->s));
	EXPECT_WORD(1);
}

TEST_F(sem, arguments_of_the_module)
{
	uint32_t was;

	EXPECT_EQ(-EINVAL, raw_release(self->fd, self->id, KSYNC_RELEASE_PULSE, 1, &was));
	EXPECT_EQ(-EINVAL, raw_release(self->fd, self->id, 0, 0, &was));
	EXPECT_EQ(-EINVAL, raw_acquire(self->fd, self->id, KSYNC_WAIT_TRY, 0));
	EXPECT_EQ(-EINVAL, ksync_sem_post_n(&self->s, 0));
	EXPECT_WORD(0);
	EXPECT_EQ(0, raw_release(self->fd, self->id, 0, 3, &was));
	EXPECT_EQ(0, was);
	EXPECT_EQ(0, raw_release(self->fd, self->id, 0, 1, &was));
	EXPECT_EQ(3, was);
	EXPECT_EQ(0, raw_acquire(self->fd, self->id, 0, 0));
	EXPECT_WORD(3);
}

TEST_F(sem, each_kind_of_task_waits_and_is_served)
{
	struct player *p;
	int kind;

	for (kind = TASK_THREAD; kind <= TASK_PROCESS; kind++) {
		p = WAITER(kind, 0);
		EXPECT_WORD(KSYNC_WAITERS);
		EXPECT_EQ(0, ksync_sem_value(&self->s));
		EXPECT_EQ(-EBUSY, ksync_sem_destroy(&self->s));
		EXPECT_EQ(0, ksync_sem_post(&self->s));
		EXPECT_WORD(0);
		EXPECT_EQ(0, self->cell->waiters);
		served(_metadata, p);
	}
}

/* POSIX, sem_post(): the highest priority, and of these who waited longest. */
TEST_F(sem, serves_by_priority_then_fifo)
{
	static const int prios[] = { 0, 10, 30, 0, 20, 30 };
	static const int order[] = { 2, 5, 4, 1, 0, 3 };
	struct player *p[6];
	int i;

	for (i = 0; i < 6; i++)
		p[i] = WAITER(i % 3, prios[i]);
	for (i = 0; i < 6; i++) {
		EXPECT_EQ(0, ksync_sem_post(&self->s));
		EXPECT_EQ(0, player_result(p[order[i]])) TH_LOG("waiter %d", order[i]);
		EXPECT_EQ(5 - i, self->cell->waiters);
	}
	for (i = 0; i < 6; i++)
		EXPECT_EQ(0, player_end(p[i]));
}

#define CROWD 40

/* Several batches of the module's; the rest stays. */
TEST_F(sem, post_of_many_serves_many)
{
	struct player *p[CROWD];
	uint32_t was;
	int i;

	for (i = 0; i < CROWD; i++)
		p[i] = WAITER(i % 3, 0);
	EXPECT_EQ(0, raw_release(self->fd, self->id, 0, CROWD - 3, &was));
	EXPECT_EQ(0, was);
	for (i = 0; i < CROWD - 3; i++)
		EXPECT_EQ(0, player_result(p[i])) TH_LOG("waiter %d", i);
	EXPECT_WORD(KSYNC_WAITERS);
	EXPECT_EQ(3, self->cell->waiters);
	EXPECT_EQ(0, ksync_sem_post_n(&self->s, 10));
	EXPECT_WORD(7);
	for (i = 0; i < CROWD; i++)
		served(_metadata, p[i]);
}

TEST_F(sem, limit_is_eoverflow_and_nothing_is_added)
{
	struct ksync_sem s;
	uint32_t was;

	ASSERT_EQ(0, ksync_sem_init(&s, self->d, 2, 3));
	EXPECT_EQ(-EOVERFLOW, ksync_sem_post_n(&s, 2));
	EXPECT_EQ(-EOVERFLOW, raw_release(self->fd, ksync_sem_id(&s), 0, 2, &was));
	EXPECT_EQ(2, ksync_sem_value(&s));
	EXPECT_EQ(0, ksync_sem_post(&s));
	EXPECT_EQ(-EOVERFLOW, ksync_sem_post(&s));
	EXPECT_EQ(-EOVERFLOW, raw_release(self->fd, ksync_sem_id(&s), 0, 1, &was));
	EXPECT_EQ(3, ksync_sem_value(&s));

	EXPECT_EQ(-EOVERFLOW, ksync_sem_post_n(&self->s, KSYNC_SEM_MAX + 1));
	EXPECT_EQ(-EOVERFLOW, raw_release(self->fd, self->id, 0, UINT32_MAX, &was));
	EXPECT_EQ(0, ksync_sem_post_n(&self->s, KSYNC_SEM_MAX));
	EXPECT_EQ(-EOVERFLOW, ksync_sem_post(&self->s));
	EXPECT_EQ(-EOVERFLOW, raw_release(self->fd, self->id, 0, 1, &was));
	EXPECT_WORD(KSYNC_SEM_MAX);
	self->cell->limit = 0; /* as made by a program without the library */
	EXPECT_EQ(-EOVERFLOW, ksync_sem_post(&self->s));
	EXPECT_EQ(-EOVERFLOW, raw_release(self->fd, self->id, 0, 1, &was));
	EXPECT_EQ(0, ksync_sem_wait(&self->s));
	EXPECT_EQ(0, ksync_sem_post(&self->s));
	EXPECT_WORD(KSYNC_SEM_MAX);
}

TEST_F(sem, limit_holds_with_waiters)
{
	struct player *p = WAITER(TASK_PROCESS, 0);

	self->cell->limit = 3;
	EXPECT_EQ(-EOVERFLOW, ksync_sem_post_n(&self->s, 4));
	EXPECT_WORD(KSYNC_WAITERS);
	EXPECT_EQ(0, await_waiters(self->fd, self->id, 1));
	EXPECT_EQ(0, ksync_sem_post_n(&self->s, 3));
	EXPECT_WORD(2);
	served(_metadata, p);
}

/*
 * As between two batches of a post, with a unit for those that wait already: who
 * is more important than they are gets it, others do not.
 */
TEST_F(sem, only_the_more_important_overtake)
{
	struct player *p = WAITER(TASK_THREAD, 20), *q;
	uint32_t was;

	NEEDS(ADAPTIVE);
	__atomic_store_n(&self->cell->word, KSYNC_WAITERS | 1, __ATOMIC_RELAXED);
	EXPECT_EQ(-EAGAIN, ksync_sem_wait_try(&self->s));
	EXPECT_EQ(-ETIMEDOUT, raw_acquire(self->fd, self->id, 0, 0));
	EXPECT_WORD(KSYNC_WAITERS | 1);
	q = WAITER(TASK_PROCESS, 20);
	EXPECT_WORD(KSYNC_WAITERS | 1);
	ASSERT_EQ(0, sched_fifo(0, 30));
	EXPECT_EQ(0, ksync_sem_wait_try(&self->s));
	EXPECT_WORD(KSYNC_WAITERS);
	EXPECT_EQ(-EAGAIN, ksync_sem_wait_try(&self->s));
	ASSERT_EQ(0, sched_other(0));
	EXPECT_EQ(0, raw_release(self->fd, self->id, 0, 2, &was));
	served(_metadata, p);
	served(_metadata, q);
}

static void times_out(struct __test_metadata *_metadata, struct _test_data_sem *self,
		      clockid_t clock)
{
	const uint64_t deadline = raw_deadline(clock, 30);
	const struct timespec soon = to_timespec(deadline), past = { .tv_sec = 1 };
	const struct timespec bad = { .tv_nsec = SEC }, worse = { .tv_nsec = -1 };

	EXPECT_EQ(-ETIMEDOUT, ksync_sem_wait_timed(&self->s, clock, &past));
	EXPECT_EQ(-ETIMEDOUT, ksync_sem_wait_timed(&self->s, clock, &soon));
	EXPECT_LE(deadline, raw_deadline(clock, 0));
	EXPECT_EQ(-ETIMEDOUT, ksync_sem_wait_interruptible(&self->s, clock, &past));
	EXPECT_EQ(-EINVAL, ksync_sem_wait_timed(&self->s, clock, &bad));
	EXPECT_EQ(-EINVAL, ksync_sem_wait_timed(&self->s, clock, &worse));
	EXPECT_EQ(-EINVAL, ksync_sem_wait_interruptible(&self->s, CLOCK_BOOTTIME, &past));
	EXPECT_WORD(0);
	/* POSIX, sem_timedwait(): what is there is taken, and abs not looked at. */
	EXPECT_EQ(0, ksync_sem_post_n(&self->s, 3));
	EXPECT_EQ(0, ksync_sem_wait_timed(&self->s, clock, &past));
	EXPECT_EQ(0, ksync_sem_wait_timed(&self->s, clock, &bad));
	EXPECT_EQ(0, raw_acquire(self->fd, self->id,
				 clock == CLOCK_REALTIME ? KSYNC_WAIT_REALTIME : 0, 1));
	EXPECT_WORD(0);
}

TEST_F(sem, timeouts_on_both_clocks)
{
	times_out(_metadata, self, CLOCK_MONOTONIC);
	times_out(_metadata, self, CLOCK_REALTIME);
}

TEST_F(sem, timeout_of_one_waiter_leaves_the_other)
{
	struct player *a = player_start(TASK_BARE, self->fd, self->cells);
	struct player *b = WAITER(TASK_PROCESS, 0);

	ASSERT_NE(NULL, a);
	a->deadline = raw_deadline(CLOCK_MONOTONIC, 30);
	EXPECT_EQ(-ETIMEDOUT, player_do(a, step_acquire_until, self->id));
	EXPECT_WORD(KSYNC_WAITERS);
	EXPECT_EQ(1, self->cell->waiters);
	EXPECT_EQ(0, ksync_sem_post(&self->s));
	served(_metadata, b);
	EXPECT_EQ(0, player_end(a));
	EXPECT_WORD(0);
}

static void handler(int sig)
{
	(void)sig;
}

static int step_catch(struct player *p)
{
	const struct sigaction action = { .sa_handler = handler };

	(void)p;
	return sigaction(SIGUSR1, &action, NULL);
}

/* The waiter cannot run until all three have happened: same CPU. */
TEST_F(sem, granted_wins_over_deadline_and_signal)
{
	struct player *p = player_start(TASK_PROCESS, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, player_do(p, step_catch, 0));
	ASSERT_EQ(0, pin_cpu(task_tid(&p->task), 0));
	ASSERT_EQ(0, pin_cpu(0, 0));
	ASSERT_EQ(0, sched_fifo(0, 50));
	p->flags = KSYNC_WAIT_INTERRUPTIBLE;
	p->deadline = raw_deadline(CLOCK_MONOTONIC, 100);
	player_post(p, step_acquire_until, self->id);
	ASSERT_EQ(0, await_value(&self->cell->waiters, 1));
	EXPECT_EQ(0, ksync_sem_post(&self->s));
	EXPECT_EQ(0, task_kill(&p->task, SIGUSR1));
	while (!passed(p->deadline))
		;
	ASSERT_EQ(0, sched_other(0));
	EXPECT_EQ(0, player_result(p));
	EXPECT_WORD(0);
	EXPECT_EQ(0, player_end(p));
}

TEST_F(sem, limit_of_waiters_is_enospc)
{
	struct player *p = WAITER(TASK_THREAD, 0);

	NEEDS(GUARDED);
	ASSERT_EQ(0, param_set("max_waiters", 1));
	EXPECT_EQ(-ENOSPC, ksync_sem_wait(&self->s));
	EXPECT_EQ(-ENOSPC, ksync_sem_wait_timed(&self->s, CLOCK_MONOTONIC, NULL));
	EXPECT_EQ(-EAGAIN, ksync_sem_wait_try(&self->s));
	EXPECT_EQ(0, ksync_sem_post(&self->s));
	served(_metadata, p);
}

/* In another process, by a reference of its own. */
static int step_by_id(struct player *p)
{
	struct ksync *d;
	struct ksync_sem s;
	int ret = ksync_adopt(&d, p->fd);

	if (!ret)
		ret = ksync_sem_open(&s, d, p->id);
	if (!ret)
		ret = ksync_sem_wait(&s);
	return ret ? ret : ksync_sem_post_n(&s, 2);
}

TEST_F(sem, processes_share_it_by_id)
{
	struct player *p = player_start(TASK_PROCESS, self->fd, self->cells);
	struct ksync_event e;
	struct ksync_sem s;

	ASSERT_NE(NULL, p);
	player_post(p, step_by_id, self->id);
	ASSERT_EQ(0, await_waiters(self->fd, self->id, 1));
	EXPECT_EQ(0, ksync_sem_post(&self->s));
	served(_metadata, p);
	EXPECT_EQ(2, ksync_sem_value(&self->s));
	ASSERT_EQ(0, ksync_event_init(&e, self->d, 0));
	EXPECT_EQ(-EINVAL, ksync_sem_open(&s, self->d, ksync_event_id(&e)));
	EXPECT_EQ(-EBADF, ksync_sem_open(&s, self->d, 63));
	EXPECT_EQ(-EINVAL, ksync_event_open(&e, self->d, self->id));
}

TEST_F(sem, killed_waiters_take_nothing_with_them)
{
	struct player *a = WAITER(TASK_BARE, 20), *b = WAITER(TASK_PROCESS, 10);
	struct player *c = WAITER(TASK_THREAD, 0);

	ASSERT_EQ(0, task_kill(&a->task, SIGKILL));
	ASSERT_EQ(0, task_kill(&b->task, SIGKILL));
	ASSERT_EQ(0, task_join(&a->task, NULL));
	ASSERT_EQ(0, task_join(&b->task, NULL));
	EXPECT_EQ(0, await_waiters(self->fd, self->id, 1));
	if (!backend_is_futex())
		EXPECT_EQ(1, self->cell->waiters);
	EXPECT_EQ(0, ksync_sem_post_n(&self->s, 2));
	served(_metadata, c);
	EXPECT_WORD(1);
	EXPECT_EQ(0, ksync_sem_wait(&self->s));
	EXPECT_EQ(0, ksync_sem_destroy(&self->s));
}

/* Whatever the cell says, calls end, and with a known answer. */
TEST_F(sem, overwritten_cell_costs_errors_only)
{
	static const uint32_t words[] = {
		0, 1, KSYNC_SEM_MAX, KSYNC_WAITERS, KSYNC_WAITERS | 1, UINT32_MAX,
	};
	static const uint32_t limits[] = { 0, 1, KSYNC_SEM_MAX, KSYNC_WAITERS, UINT32_MAX };
	static const uint32_t counts[] = { 1, 17, KSYNC_SEM_MAX, KSYNC_WAITERS, UINT32_MAX };
	uint32_t was;
	int i, ret;

	for (i = 0; i < 6 * 5 * 5; i++) {
		self->cell->limit = limits[i / 6 % 5];
		self->cell->word = words[i % 6];
		ret = raw_acquire(self->fd, self->id, 0, 0);
		EXPECT_TRUE(ret == 0 || ret == -ETIMEDOUT) TH_LOG("%d: %d", i, ret);
		self->cell->word = words[i % 6];
		ret = raw_release(self->fd, self->id, 0, counts[i / 30], &was);
		EXPECT_TRUE(ret == 0 || ret == -EOVERFLOW) TH_LOG("%d: %d", i, ret);
	}
}

/* A waiter whose bit was wiped out is found by the next post that asks. */
TEST_F(sem, word_is_overwritten_while_tasks_wait)
{
	struct player *p = WAITER(TASK_PROCESS, 0), *q = WAITER(TASK_BARE, 0);
	struct player *r = WAITER(TASK_THREAD, 0);
	uint32_t was;

	NEEDS(GUARDED);
	self->cell->word = 0;
	EXPECT_EQ(0, raw_release(self->fd, self->id, 0, 1, &was));
	served(_metadata, p);
	self->cell->word = UINT32_MAX;
	EXPECT_EQ(-EOVERFLOW, ksync_sem_post(&self->s));
	self->cell->word = KSYNC_WAITERS | 5;
	EXPECT_EQ(0, ksync_sem_post(&self->s));
	EXPECT_WORD(KSYNC_WAITERS | 5); /* it gives what it has added */
	served(_metadata, q);
	EXPECT_EQ(0, ksync_sem_post(&self->s));
	served(_metadata, r);
	EXPECT_WORD(5);
}

static struct ksync_sem *the_sem;

static void posting_handler(int sig)
{
	(void)sig;
	ksync_sem_post(the_sem);
}

static int step_interruptible(struct player *p)
{
	(void)p;
	return ksync_sem_wait_interruptible(the_sem, CLOCK_MONOTONIC, NULL);
}

TEST_F(sem, interruptible_wait_is)
{
	struct player *p;

	the_sem = &self->s;
	p = player_start(TASK_PROCESS, self->fd, self->cells);
	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, player_do(p, step_catch, 0));
	player_post(p, step_interruptible, 0);
	ASSERT_EQ(0, await_waiters(self->fd, self->id, 1));
	ASSERT_EQ(0, task_kill(&p->task, SIGUSR1));
	EXPECT_EQ(-EINTR, player_result(p));
	EXPECT_EQ(0, player_end(p));
}

/* POSIX: sem_post() is async-signal-safe. */
TEST_F(sem, signal_handler_posts_for_the_task_that_it_interrupts)
{
	const struct sigaction action = { .sa_handler = posting_handler };
	struct player *p = player_start(TASK_THREAD, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	the_sem = &self->s;
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	player_post(p, step_acquire, self->id);
	ASSERT_EQ(0, await_waiters(self->fd, self->id, 1));
	ASSERT_EQ(0, task_kill(&p->task, SIGUSR1));
	served(_metadata, p);
	EXPECT_WORD(0);
}

KSFT_MAIN
