// SPDX-License-Identifier: GPL-2.0
/*
 * Events: who is released by set and pulse, of both sorts, what each call
 * returns, and what NT programs rely on.  That no set is lost or taken twice is
 * for order_test.c and sem_body_test.c.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/player.h"

#define SET	KSYNC_EVENT_SET

FIXTURE(event)
{
	struct ksync *d;
	struct ksync_event e;
	int fd;
	uint32_t id;
	struct ksync_cell *cells;
	struct ksync_cell *cell;
};

FIXTURE_VARIANT(event)
{
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(event, auto_reset) {
	.flags = 0,
};

FIXTURE_VARIANT_ADD(event, manual_reset) {
	.flags = KSYNC_EVENT_MANUAL,
};

FIXTURE_SETUP(event)
{
	ASSERT_EQ(0, ksync_open(&self->d, 0));
	ASSERT_EQ(0, ksync_event_init(&self->e, self->d, variant->flags));
	self->fd = ksync_fileno(self->d);
	self->id = ksync_event_id(&self->e);
	self->cells = raw_map(self->fd, 64);
	self->cell = &self->cells[self->id];
}

FIXTURE_TEARDOWN(event)
{
	ksync_close(self->d);
}

#define EXPECT_WORD(value) \
	EXPECT_EQ((uint32_t)(value), __atomic_load_n(&self->cell->word, __ATOMIC_RELAXED))

/* One more waiter, of SCHED_FIFO priority @prio if that is not 0. */
static struct player *waiter(struct __test_metadata *_metadata,
			     struct _test_data_event *self, enum task_kind kind, int prio)
{
	struct player *p = player_start(kind, self->fd, self->cells);
	const uint32_t n = self->cell->waiters;

	ASSERT_NE(NULL, p);
	if (prio)
		ASSERT_EQ(0, sched_fifo(task_tid(&p->task), prio));
	player_post(p, step_acquire, self->id);
	ASSERT_EQ(0, await_waiters(self->fd, self->id, n + 1));
	EXPECT_EQ(n + 1, self->cell->waiters);
	EXPECT_WORD(KSYNC_WAITERS);
	return p;
}

#define WAITER(kind, prio) waiter(_metadata, self, kind, prio)

static void released(struct __test_metadata *_metadata, struct player *p)
{
	EXPECT_EQ(0, player_result(p));
	EXPECT_EQ(0, player_end(p));
}

/* The module does not know the object any more, and nobody notices. */
TEST_F(event, module_is_not_asked_while_nobody_waits)
{
	const bool manual = variant->flags;

	ASSERT_EQ(0, raw_destroy(self->fd, self->id));
	EXPECT_EQ(-EAGAIN, ksync_event_wait_try(&self->e));
	EXPECT_EQ(0, ksync_event_reset(&self->e));
	EXPECT_EQ(0, ksync_event_set(&self->e));
	EXPECT_EQ(1, ksync_event_set(&self->e));
	EXPECT_WORD(SET);
	EXPECT_EQ(1, ksync_event_reset(&self->e));
	EXPECT_EQ(0, ksync_event_reset(&self->e));
	EXPECT_EQ(0, ksync_event_pulse(&self->e));
	EXPECT_WORD(0);
	EXPECT_EQ(0, ksync_event_set(&self->e));
	EXPECT_EQ(1, ksync_event_pulse(&self->e));
	EXPECT_WORD(0);
	EXPECT_EQ(0, ksync_event_set(&self->e));
	EXPECT_EQ(0, ksync_event_wait(&self->e));
	EXPECT_EQ(manual ? 0 : -EAGAIN, ksync_event_wait_try(&self->e));
	EXPECT_EQ(manual, ksync_event_set(&self->e));
	EXPECT_EQ(0, ksync_event_wait_timed(&self->e, CLOCK_REALTIME, NULL));
	EXPECT_EQ(manual, ksync_event_set(&self->e));
	EXPECT_EQ(0, ksync_event_wait_interruptible(&self->e, CLOCK_MONOTONIC, NULL));
	EXPECT_WORD(manual ? SET : 0);
	EXPECT_EQ(manual, ksync_event_reset(&self->e));
	EXPECT_EQ(-EBADF, ksync_event_wait(&self->e));
}

TEST_F(event, module_says_the_same)
{
	const bool manual = variant->flags;
	uint32_t was;

	EXPECT_EQ(0, raw_release(self->fd, self->id, 0, 1, &was));
	EXPECT_EQ(0, was);
	EXPECT_EQ(0, raw_release(self->fd, self->id, 0, 1, &was));
	EXPECT_EQ(1, was);
	EXPECT_WORD(SET);
	EXPECT_EQ(0, raw_acquire(self->fd, self->id, 0, 0));
	EXPECT_WORD(manual ? SET : 0);
	EXPECT_EQ(0, raw_release(self->fd, self->id, KSYNC_RELEASE_PULSE, 1, &was));
	EXPECT_EQ(manual, was);
	EXPECT_WORD(0);
	EXPECT_EQ(-ETIMEDOUT, raw_acquire(self->fd, self->id, 0, 0));
	EXPECT_EQ(-EINVAL, raw_release(self->fd, self->id, 0, 0, &was));
	EXPECT_EQ(-EINVAL, raw_release(self->fd, self->id, 0, 2, &was));
	EXPECT_EQ(-EINVAL, raw_release(self->fd, self->id, 2, 1, &was));
	EXPECT_WORD(0);
}

TEST_F(event, destroyed_is_ebadf)
{
	ASSERT_EQ(0, ksync_event_destroy(&self->e));
	self->cell->word = SET;
	EXPECT_EQ(-EBADF, ksync_event_wait(&self->e));
	EXPECT_EQ(-EBADF, ksync_event_wait_try(&self->e));
	EXPECT_EQ(-EBADF, ksync_event_wait_timed(&self->e, CLOCK_MONOTONIC, NULL));
	EXPECT_EQ(-EBADF, ksync_event_wait_interruptible(&self->e, CLOCK_MONOTONIC, NULL));
	EXPECT_EQ(-EBADF, ksync_event_set(&self->e));
	EXPECT_EQ(-EBADF, ksync_event_reset(&self->e));
	EXPECT_EQ(-EBADF, ksync_event_pulse(&self->e));
	EXPECT_EQ(-EBADF, ksync_event_destroy(&self->e));
	EXPECT_WORD(SET);
}

TEST_F(event, each_kind_of_task_waits_and_is_released)
{
	struct player *p;
	int kind;

	for (kind = TASK_THREAD; kind <= TASK_PROCESS; kind++) {
		p = WAITER(kind, 0);
		EXPECT_EQ(-EBUSY, ksync_event_destroy(&self->e));
		EXPECT_EQ(-EAGAIN, ksync_event_wait_try(&self->e));
		EXPECT_EQ(0, ksync_event_set(&self->e));
		EXPECT_EQ(0, self->cell->waiters);
		EXPECT_WORD(variant->flags ? SET : 0);
		released(_metadata, p);
		ksync_event_reset(&self->e);
	}
}

/* Auto reset: each set lets one go, two before a wait are one. */
TEST_F(event, set_of_auto_reset_releases_one_by_priority_then_fifo)
{
	static const int prios[] = { 0, 10, 30, 0, 20, 30 };
	static const int order[] = { 2, 5, 4, 1, 0, 3 };
	struct player *p[6];
	int i;

	if (variant->flags)
		SKIP(return, "manual reset");
	for (i = 0; i < 6; i++)
		p[i] = WAITER(i % 3, prios[i]);
	for (i = 0; i < 6; i++) {
		EXPECT_EQ(0, ksync_event_set(&self->e));
		EXPECT_EQ(0, player_result(p[order[i]])) TH_LOG("waiter %d", order[i]);
		EXPECT_EQ(5 - i, self->cell->waiters);
	}
	EXPECT_EQ(0, ksync_event_set(&self->e));
	EXPECT_EQ(1, ksync_event_set(&self->e));
	EXPECT_EQ(0, player_do(p[0], step_acquire, self->id));
	EXPECT_EQ(-ETIMEDOUT, player_do(p[0], step_acquire_until, self->id));
	for (i = 0; i < 6; i++)
		EXPECT_EQ(0, player_end(p[i]));
}

#define CROWD 40

static void crowd(struct __test_metadata *_metadata, struct _test_data_event *self,
		  struct player **p)
{
	int i;

	for (i = 0; i < CROWD; i++)
		p[i] = WAITER(i % 3, i % 5);
}

/* More than one batch of the module's, and it does not stay set until the end. */
TEST_F(event, set_of_manual_reset_releases_all_though_reset_at_once)
{
	struct player *p[CROWD];
	int i;

	if (!variant->flags)
		SKIP(return, "auto reset");
	crowd(_metadata, self, p);
	EXPECT_EQ(0, ksync_event_set(&self->e));
	EXPECT_EQ(1, ksync_event_reset(&self->e));
	EXPECT_EQ(-EAGAIN, ksync_event_wait_try(&self->e));
	for (i = 0; i < CROWD; i++)
		released(_metadata, p[i]);
	EXPECT_WORD(0);
	EXPECT_EQ(0, self->cell->waiters);
}

TEST_F(event, pulse_releases_those_that_wait_and_leaves_it_unset)
{
	const bool manual = variant->flags;
	struct player *p[CROWD];
	int i;

	crowd(_metadata, self, p);
	for (i = manual ? CROWD - 1 : 0; i < CROWD; i++) {
		EXPECT_EQ(0, ksync_event_pulse(&self->e));
		EXPECT_EQ(CROWD - 1 - i, self->cell->waiters);
		EXPECT_WORD(i < CROWD - 1 ? KSYNC_WAITERS : 0);
	}
	for (i = 0; i < CROWD; i++)
		released(_metadata, p[i]);
	EXPECT_EQ(0, ksync_event_pulse(&self->e));
	EXPECT_EQ(-EAGAIN, ksync_event_wait_try(&self->e));
}

static int step_set(struct player *p)
{
	uint32_t was;
	int ret = raw_release(p->fd, p->id, 0, 1, &was);

	return ret ? ret : (int)was;
}

static int step_acquire_and_hog(struct player *p)
{
	int ret = step_acquire(p);

	return ret ? ret : step_hog(p);
}

#define MORE 17 /* than a batch */

/*
 * The setter is stopped between two batches, by those that it has woken.  The
 * last of those that waited is killed, so that nobody waits; the event is reset;
 * then somebody comes to wait, whom this set does not concern.
 */
TEST_F(event, set_does_not_release_who_comes_after_the_reset)
{
	struct player *setter = player_start(TASK_THREAD, self->fd, self->cells);
	uint32_t *busy = player_memory(sizeof(*busy));
	struct player *p[MORE], *late;
	int i;

	NEEDS(GUARDED);
	if (!variant->flags)
		SKIP(return, "auto reset");
	if (cpu_count() < 2)
		SKIP(return, "one CPU");
	ASSERT_NE(NULL, setter);
	ASSERT_EQ(0, sched_fifo(task_tid(&setter->task), 5));
	ASSERT_EQ(0, pin_cpu(task_tid(&setter->task), 0));
	ASSERT_EQ(0, pin_cpu(0, 1));
	*busy = 1;
	for (i = 0; i < MORE; i++) {
		p[i] = player_start(TASK_PROCESS, self->fd, self->cells);
		ASSERT_NE(NULL, p[i]);
		p[i]->futex = busy;
		ASSERT_EQ(0, pin_cpu(task_tid(&p[i]->task), i < MORE - 1 ? 0 : 1));
		ASSERT_EQ(0, sched_fifo(task_tid(&p[i]->task), 10));
		player_post(p[i], step_acquire_and_hog, self->id);
		ASSERT_EQ(0, await_waiters(self->fd, self->id, i + 1));
	}
	player_post(setter, step_set, self->id);
	ASSERT_EQ(0, await_value(&self->cell->waiters, 1));
	ASSERT_EQ(0, task_kill(&p[MORE - 1]->task, SIGKILL));
	ASSERT_EQ(0, task_join(&p[MORE - 1]->task, NULL));
	ASSERT_EQ(0, await_waiters(self->fd, self->id, 0));
	EXPECT_EQ(1, ksync_event_reset(&self->e));
	late = WAITER(TASK_PROCESS, 0);
	EXPECT_NE(setter->done, setter->posted);
	__atomic_store_n(busy, 0, __ATOMIC_RELEASE);
	for (i = 0; i < MORE - 1; i++)
		released(_metadata, p[i]);
	EXPECT_EQ(0, player_result(setter));
	EXPECT_EQ(0, await_waiters(self->fd, self->id, 1));
	EXPECT_EQ(0, ksync_event_set(&self->e));
	released(_metadata, late);
	EXPECT_EQ(0, player_end(setter));
}

static void times_out(struct __test_metadata *_metadata, struct _test_data_event *self,
		      clockid_t clock)
{
	const uint64_t deadline = raw_deadline(clock, 30);
	const struct timespec soon = to_timespec(deadline), past = { .tv_sec = 1 };
	const struct timespec bad = { .tv_nsec = SEC };

	EXPECT_EQ(-ETIMEDOUT, ksync_event_wait_timed(&self->e, clock, &past));
	EXPECT_EQ(-ETIMEDOUT, ksync_event_wait_timed(&self->e, clock, &soon));
	EXPECT_LE(deadline, raw_deadline(clock, 0));
	EXPECT_EQ(-ETIMEDOUT, ksync_event_wait_interruptible(&self->e, clock, &past));
	EXPECT_EQ(-EINVAL, ksync_event_wait_timed(&self->e, clock, &bad));
	EXPECT_EQ(-EINVAL, ksync_event_wait_timed(&self->e, CLOCK_BOOTTIME, &past));
	EXPECT_WORD(0);
	EXPECT_EQ(0, ksync_event_set(&self->e));
	EXPECT_EQ(0, ksync_event_wait_timed(&self->e, clock, &past));
	ksync_event_set(&self->e);
	EXPECT_EQ(0, raw_acquire(self->fd, self->id,
				 clock == CLOCK_REALTIME ? KSYNC_WAIT_REALTIME : 0, 1));
	ksync_event_reset(&self->e);
}

TEST_F(event, timeouts_on_both_clocks)
{
	times_out(_metadata, self, CLOCK_MONOTONIC);
	times_out(_metadata, self, CLOCK_REALTIME);
}

/* The waiter cannot run until both have happened: same CPU. */
TEST_F(event, granted_wins_over_deadline)
{
	struct player *p = player_start(TASK_BARE, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, pin_cpu(task_tid(&p->task), 0));
	ASSERT_EQ(0, pin_cpu(0, 0));
	ASSERT_EQ(0, sched_fifo(0, 50));
	p->deadline = raw_deadline(CLOCK_MONOTONIC, 100);
	player_post(p, step_acquire_until, self->id);
	ASSERT_EQ(0, await_value(&self->cell->waiters, 1));
	EXPECT_EQ(0, ksync_event_pulse(&self->e));
	while (!passed(p->deadline))
		;
	ASSERT_EQ(0, sched_other(0));
	released(_metadata, p);
}

TEST_F(event, killed_waiters_take_nothing_with_them)
{
	struct player *a = WAITER(TASK_BARE, 20), *b = WAITER(TASK_PROCESS, 10);
	struct player *c = WAITER(TASK_THREAD, 0);

	ASSERT_EQ(0, task_kill(&a->task, SIGKILL));
	ASSERT_EQ(0, task_kill(&b->task, SIGKILL));
	ASSERT_EQ(0, task_join(&a->task, NULL));
	ASSERT_EQ(0, task_join(&b->task, NULL));
	EXPECT_EQ(0, await_waiters(self->fd, self->id, 1));
	EXPECT_EQ(0, ksync_event_set(&self->e));
	released(_metadata, c);
	EXPECT_EQ(0, ksync_event_destroy(&self->e));
}

static int step_by_id(struct player *p)
{
	struct ksync *d;
	struct ksync_event e;
	int ret = ksync_adopt(&d, p->fd);

	if (!ret)
		ret = ksync_event_open(&e, d, p->id);
	return ret ? ret : ksync_event_wait(&e);
}

TEST_F(event, processes_share_it_by_id)
{
	struct player *p = player_start(TASK_PROCESS, self->fd, self->cells);
	struct ksync_event e;

	ASSERT_NE(NULL, p);
	player_post(p, step_by_id, self->id);
	ASSERT_EQ(0, await_waiters(self->fd, self->id, 1));
	EXPECT_EQ(0, ksync_event_set(&self->e));
	released(_metadata, p);
	/* The process knew of which sort it is. */
	EXPECT_EQ(variant->flags ? 1 : 0, ksync_event_reset(&self->e));
	EXPECT_EQ(-EBADF, ksync_event_open(&e, self->d, 63));
	EXPECT_EQ(-EINVAL, ksync_event_init(&e, self->d, 2));
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

static struct ksync_event *the_event;

static void setting_handler(int sig)
{
	(void)sig;
	ksync_event_set(the_event);
}

static int step_interruptible(struct player *p)
{
	(void)p;
	return ksync_event_wait_interruptible(the_event, CLOCK_MONOTONIC, NULL);
}

TEST_F(event, interruptible_wait_is)
{
	struct player *p;

	the_event = &self->e;
	p = player_start(TASK_PROCESS, self->fd, self->cells);
	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, player_do(p, step_catch, 0));
	player_post(p, step_interruptible, 0);
	ASSERT_EQ(0, await_waiters(self->fd, self->id, 1));
	ASSERT_EQ(0, task_kill(&p->task, SIGUSR1));
	EXPECT_EQ(-EINTR, player_result(p));
	EXPECT_EQ(0, player_end(p));
}

TEST_F(event, signal_handler_sets_for_the_task_that_it_interrupts)
{
	const struct sigaction action = { .sa_handler = setting_handler };
	struct player *p = player_start(TASK_THREAD, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	the_event = &self->e;
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	player_post(p, step_acquire, self->id);
	ASSERT_EQ(0, await_waiters(self->fd, self->id, 1));
	ASSERT_EQ(0, task_kill(&p->task, SIGUSR1));
	released(_metadata, p);
}

KSFT_MAIN
