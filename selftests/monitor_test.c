// SPDX-License-Identifier: GPL-2.0
/*
 * Monitors: one task inside, waiting and being notified in there, and what the
 * next one finds when one has died inside.
 */
#include <signal.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/sys.h"

/* Made before the tasks start: processes have a copy, the others share it. */
static struct ksync_monitor monitor;
static struct ksync_cond cond;

/**
 * struct data - what the monitor guards; the invariant is left == right
 * @left: in a word
 * @right: in another
 * @repairs: how often the invariant was restored
 * @beyond_repair: not 0: it cannot be
 * @used: bounded buffer: how many are in it
 * @sum: of what was taken out
 * @inside: how many are inside
 * @met: how often one was not alone
 */
struct data {
	uint32_t left;
	uint32_t right;
	uint32_t repairs;
	uint32_t beyond_repair;
	uint32_t used;
	uint32_t sum;
	uint32_t inside;
	uint32_t met;
};

static struct data *data;

static int repair(void *arg)
{
	struct data *d = arg;

	d->repairs++;
	if (d->beyond_repair)
		return -1;
	d->right = d->left;
	return 0;
}

FIXTURE(monitor)
{
	struct ksync *d;
	int fd;
	uint32_t id;
	struct ksync_cell *cells;
};

FIXTURE_SETUP(monitor)
{
	data = player_memory(sizeof(*data));
	ASSERT_EQ(0, ksync_open(&self->d, 0));
	ASSERT_EQ(0, ksync_monitor_init(&monitor, self->d, repair, data));
	ASSERT_EQ(0, ksync_cond_init(&cond, self->d, 0));
	self->fd = ksync_fileno(self->d);
	self->id = ksync_monitor_id(&monitor);
	self->cells = raw_map(self->fd, 64);
}

FIXTURE_TEARDOWN(monitor)
{
	ksync_close(self->d);
}

TEST_F(monitor, is_entered_by_one)
{
	struct ksync_monitor m;

	ASSERT_EQ(0, ksync_monitor_enter(&monitor));
	EXPECT_EQ(-EDEADLK, ksync_monitor_enter(&monitor));
	EXPECT_EQ(0, ksync_monitor_leave(&monitor));
	EXPECT_EQ(-EPERM, ksync_monitor_leave(&monitor));
	EXPECT_EQ(-EINVAL, ksync_monitor_open(&m, self->d, ksync_cond_id(&cond), NULL, NULL));
	ASSERT_EQ(0, ksync_monitor_open(&m, self->d, self->id, NULL, NULL));
	ASSERT_EQ(0, ksync_monitor_enter(&m));
	EXPECT_EQ(-EDEADLK, ksync_monitor_enter(&monitor));
	EXPECT_EQ(0, ksync_monitor_leave(&m));
	EXPECT_EQ(0, ksync_cond_destroy(&cond));
	EXPECT_EQ(0, ksync_monitor_destroy(&monitor));
	EXPECT_EQ(-EBADF, ksync_monitor_enter(&monitor));
}

TEST_F(monitor, guard_leaves)
{
	{
		KSYNC_GUARD(guard, monitor, &monitor);

		EXPECT_EQ(0, guard.err);
		EXPECT_NE(0, self->cells[self->id].word);
	}
	EXPECT_EQ(0, self->cells[self->id].word);
}

static struct ksync_thread identity(const struct player *p)
{
	return (struct ksync_thread){ .serial = monitor.mutex.o.serial, .handle = p->handle };
}

/* Half of a change: all kinds of tasks can die over it. */
static int step_half(struct player *p)
{
	struct ksync_thread t = identity(p);
	int ret = ksync_monitor_enter_as(&monitor, &t);

	data->left++;
	return ret;
}

static int step_enter_leave(struct player *p)
{
	struct ksync_thread t = identity(p);
	int ret = ksync_monitor_enter_as(&monitor, &t);

	if (!ret && data->left != data->right)
		ret = -EUCLEAN;
	return ret ? ret : ksync_monitor_leave_as(&monitor, &t);
}

static void die_inside(struct __test_metadata *_metadata, struct _test_data_monitor *self,
		       enum task_kind kind)
{
	struct player *p = player_start(kind, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, player_do(p, step_half, self->id));
	ASSERT_EQ(0, player_end(p));
}

TEST_F(monitor, next_one_in_finds_the_invariant_restored)
{
	int kind;

	for (kind = TASK_THREAD; kind <= TASK_PROCESS; kind++) {
		struct player *p = player_start((kind + 1) % 3, self->fd, self->cells);

		ASSERT_NE(NULL, p);
		die_inside(_metadata, self, kind);
		EXPECT_NE(data->left, data->right);
		EXPECT_EQ(0, player_do(p, step_enter_leave, self->id));
		EXPECT_EQ(kind + 1, data->repairs);
		EXPECT_EQ(0, player_do(p, step_enter_leave, self->id));
		EXPECT_EQ(0, player_end(p));
	}
	EXPECT_EQ(3, data->repairs);
}

TEST_F(monitor, without_its_invariant_is_not_entered)
{
	data->beyond_repair = 1;
	die_inside(_metadata, self, TASK_BARE);
	EXPECT_EQ(-ENOTRECOVERABLE, ksync_monitor_enter(&monitor));
	EXPECT_EQ(-EPERM, ksync_monitor_leave(&monitor));
	EXPECT_EQ(-ENOTRECOVERABLE, ksync_monitor_enter(&monitor));
	EXPECT_EQ(1, data->repairs);
}

TEST_F(monitor, without_repair_is_not_entered_after_a_death)
{
	monitor.repair = NULL;
	die_inside(_metadata, self, TASK_PROCESS);
	EXPECT_EQ(-ENOTRECOVERABLE, ksync_monitor_enter(&monitor));
}

/* Tasks that wait have a TLS of their own. */
static int wait_for_used(void *arg)
{
	int ret = ksync_monitor_enter(&monitor);

	(void)arg;
	if (!ret)
		ret = KSYNC_MONITOR_AWAIT(&monitor, &cond, data->used);
	if (!ret && data->left != data->right)
		ret = -EUCLEAN;
	if (!ret)
		data->used--;
	ksync_monitor_leave(&monitor);
	return -ret;
}

static void notified(struct __test_metadata *_metadata, struct _test_data_monitor *self,
		     enum task_kind kind)
{
	struct task t;
	int status;

	ASSERT_EQ(0, task_start(&t, kind, wait_for_used, NULL));
	ASSERT_EQ(0, await_waiters(self->fd, ksync_cond_id(&cond), 1));
	/* It looks, and waits on. */
	ASSERT_EQ(0, ksync_monitor_enter(&monitor));
	EXPECT_EQ(1, ksync_monitor_broadcast(&monitor, &cond));
	EXPECT_EQ(0, ksync_monitor_leave(&monitor));
	ASSERT_EQ(0, ksync_monitor_enter(&monitor));
	data->used = 1;
	EXPECT_LE(0, ksync_monitor_notify(&monitor, &cond));
	EXPECT_EQ(0, ksync_monitor_leave(&monitor));
	ASSERT_EQ(0, task_join(&t, &status));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, data->used);
}

TEST_F(monitor, thread_waits_until_it_is_so)
{
	notified(_metadata, self, TASK_THREAD);
}

TEST_F(monitor, process_waits_until_it_is_so)
{
	notified(_metadata, self, TASK_PROCESS);
}

/* The one that notifies dies inside; the one that waited restores. */
static int notify_and_die(void *arg)
{
	(void)arg;
	if (ksync_monitor_enter(&monitor))
		return 1;
	data->left++;
	data->used = 1;
	ksync_monitor_notify(&monitor, &cond);
	return 0;
}

TEST_F(monitor, invariant_is_restored_for_one_that_waited)
{
	struct task waits, dies;
	int status;

	ASSERT_EQ(0, task_start(&waits, TASK_THREAD, wait_for_used, NULL));
	ASSERT_EQ(0, await_waiters(self->fd, ksync_cond_id(&cond), 1));
	ASSERT_EQ(0, task_start(&dies, TASK_PROCESS, notify_and_die, NULL));
	ASSERT_EQ(0, task_join(&dies, &status));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, task_join(&waits, &status));
	EXPECT_EQ(0, status);
	EXPECT_EQ(1, data->repairs);
}

TEST_F(monitor, timeout_is_inside)
{
	const struct timespec soon = to_timespec(in(30 * MSEC));

	ASSERT_EQ(0, ksync_monitor_enter(&monitor));
	EXPECT_EQ(-ETIMEDOUT, ksync_monitor_wait_timed(&monitor, &cond, CLOCK_MONOTONIC, &soon));
	EXPECT_LE(soon.tv_sec * SEC + soon.tv_nsec, now(CLOCK_MONOTONIC));
	EXPECT_EQ(0, ksync_monitor_leave(&monitor));
}

#define SIZE	3
#define NUMBERS	500

static void alone(void)
{
	if (__atomic_add_fetch(&data->inside, 1, __ATOMIC_RELAXED) != 1)
		data->met++;
	sys(SYS_sched_yield);
	__atomic_sub_fetch(&data->inside, 1, __ATOMIC_RELAXED);
}

/* Puts numbers in; with a negative sign, takes them out. Broadcasts: one queue. */
static int pass_on(void *arg)
{
	const int by = *(int *)arg;
	int i, ret;

	for (i = 1; i <= NUMBERS; i++) {
		KSYNC_GUARD(guard, monitor, &monitor);

		ret = guard.err;
		if (!ret && by > 0)
			ret = KSYNC_MONITOR_AWAIT(&monitor, &cond, data->used < SIZE);
		else if (!ret)
			ret = KSYNC_MONITOR_AWAIT(&monitor, &cond, data->used > 0);
		if (ret)
			return -ret;
		alone();
		data->used += by;
		data->sum += by < 0;
		ksync_monitor_broadcast(&monitor, &cond);
	}
	return 0;
}

static void bounded_buffer(struct __test_metadata *_metadata, enum task_kind kind)
{
	static int by[] = { 1, -1, 1, -1 };
	struct task t[4];
	int i, status;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, task_start(&t[i], kind, pass_on, &by[i]));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, task_join(&t[i], &status));
		EXPECT_EQ(0, status);
	}
	EXPECT_EQ(0, data->used);
	EXPECT_EQ(2 * NUMBERS, data->sum);
	EXPECT_EQ(0, data->met);
}

TEST_F(monitor, threads_share_a_bounded_buffer)
{
	bounded_buffer(_metadata, TASK_THREAD);
}

TEST_F(monitor, processes_share_a_bounded_buffer)
{
	bounded_buffer(_metadata, TASK_PROCESS);
}

KSFT_MAIN
