// SPDX-License-Identifier: GPL-2.0
/* Condition variables as the library has them. */
#include <signal.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/sys.h"

FIXTURE(cond)
{
	struct ksync *d;
	struct ksync_cond c;
	struct ksync_mutex m;
	int fd;
	struct ksync_cell *cond;
	struct ksync_cell *mutex;
};

FIXTURE_VARIANT(cond)
{
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(cond, adaptive)
{
	.flags = 0,
};

FIXTURE_VARIANT_ADD(cond, strict_recursive)
{
	.flags = KSYNC_MUTEX_STRICT | KSYNC_MUTEX_RECURSIVE,
};

FIXTURE_SETUP(cond)
{
	ASSERT_EQ(0, ksync_open(&self->d, 0));
	ASSERT_EQ(0, ksync_cond_init(&self->c, self->d, 0));
	ASSERT_EQ(0, ksync_mutex_init(&self->m, self->d, variant->flags));
	self->fd = ksync_fileno(self->d);
	self->cond = self->c.o.cell;
	self->mutex = self->m.o.cell;
}

FIXTURE_TEARDOWN(cond)
{
	ksync_close(self->d);
}

static const struct timespec past = { .tv_sec = 1 };

/**
 * struct guest - another task
 * @task: who
 * @d: the domain
 * @cond: id
 * @mutex: id
 * @identity: it says who it is
 * @go: what it waits for, under the mutex
 */
struct guest {
	struct task task;
	struct ksync *d;
	uint32_t cond;
	uint32_t mutex;
	bool identity;
	uint32_t go;
};

static int guest_wait(struct guest *g, struct ksync_cond *c, struct ksync_mutex *m)
{
	struct ksync_thread t;
	int ret;

	if (!g->identity) {
		ret = ksync_mutex_lock(m);
		while (!ret && !g->go)
			ret = ksync_cond_wait(c, m);
		return ret ? ret : ksync_mutex_unlock(m);
	}
	ret = ksync_thread_attach(g->d, &t);
	if (!ret)
		ret = ksync_mutex_lock_as(m, &t);
	while (!ret && !g->go)
		ret = ksync_cond_wait_timed_as(c, m, &t, CLOCK_REALTIME, NULL);
	return ret ? ret : ksync_mutex_unlock_as(m, &t);
}

/* It opens what it knows by number. */
static int guest_main(void *arg)
{
	struct guest *g = arg;
	struct ksync_cond c;
	struct ksync_mutex m;
	int ret = ksync_cond_open(&c, g->d, g->cond);

	if (!ret)
		ret = ksync_mutex_open(&m, g->d, g->mutex);
	return -(ret ? ret : guest_wait(g, &c, &m));
}

TEST_F(cond, tasks_of_all_kinds_wait)
{
	struct guest *g = player_memory(3 * sizeof(*g));
	int i, status;

	for (i = 0; i < 3; i++) {
		g[i].d = self->d;
		g[i].cond = ksync_cond_id(&self->c);
		g[i].mutex = ksync_mutex_id(&self->m);
		g[i].identity = i == TASK_BARE;
		ASSERT_EQ(0, task_start(&g[i].task, i, guest_main, &g[i]));
	}
	ASSERT_EQ(0, await_waiters(self->fd, ksync_cond_id(&self->c), 3));
	EXPECT_EQ(0, self->mutex->word);
	EXPECT_EQ(3, ksync_cond_broadcast(&self->c));
	/* It is not what they wait for. */
	ASSERT_EQ(0, await_waiters(self->fd, ksync_cond_id(&self->c), 3));
	EXPECT_EQ(1, ksync_cond_signal(&self->c));
	EXPECT_EQ(2, ksync_cond_wake(&self->c, 2));
	ASSERT_EQ(0, await_waiters(self->fd, ksync_cond_id(&self->c), 3));
	ASSERT_EQ(0, ksync_mutex_lock(&self->m));
	for (i = 0; i < 3; i++)
		g[i].go = 1;
	ASSERT_EQ(0, ksync_mutex_unlock(&self->m));
	EXPECT_EQ(3, ksync_cond_broadcast(&self->c));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, task_join(&g[i].task, &status));
		EXPECT_EQ(0, status);
	}
	EXPECT_EQ(0, ksync_cond_broadcast(&self->c));
	EXPECT_EQ(0, self->mutex->word);
}

TEST_F(cond, errors_with_the_mutex_kept)
{
	const struct timespec bad = { .tv_nsec = 1000000000 };
	struct ksync_cond other_c;
	struct ksync *other;

	EXPECT_EQ(-EINVAL, ksync_cond_init(&other_c, self->d, 1));
	EXPECT_EQ(-EINVAL, ksync_cond_open(&other_c, self->d, ksync_mutex_id(&self->m)));
	EXPECT_EQ(-EBADF, ksync_cond_open(&other_c, self->d, 1000));
	EXPECT_EQ(-EPERM, ksync_cond_wait(&self->c, &self->m));

	ASSERT_EQ(0, ksync_mutex_lock(&self->m));
	EXPECT_EQ(-ETIMEDOUT,
		  ksync_cond_wait_timed(&self->c, &self->m, CLOCK_MONOTONIC, &past));
	EXPECT_EQ(-ETIMEDOUT,
		  ksync_cond_wait_interruptible(&self->c, &self->m, CLOCK_REALTIME, &past));
	EXPECT_EQ(-EINVAL, ksync_cond_wait_timed(&self->c, &self->m, CLOCK_BOOTTIME, &past));
	EXPECT_EQ(-EINVAL, ksync_cond_wait_timed(&self->c, &self->m, CLOCK_REALTIME, &bad));
	ASSERT_EQ(0, ksync_open(&other, 0));
	ASSERT_EQ(0, ksync_cond_init(&other_c, other, 0));
	EXPECT_EQ(-EINVAL, ksync_cond_wait(&other_c, &self->m));
	ksync_close(other);
	EXPECT_EQ(0, ksync_cond_destroy(&self->c));
	EXPECT_EQ(-EBADF, ksync_cond_wait(&self->c, &self->m));
	EXPECT_EQ(-EBADF, ksync_cond_destroy(&self->c));
	EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	EXPECT_EQ(0, self->mutex->word);
}

/* The cell tells that nobody waits: the module is not asked. */
TEST_F(cond, signalling_nobody_costs_no_system_call)
{
	struct guest *g = player_memory(sizeof(*g));
	int status;

	g->d = self->d;
	g->cond = ksync_cond_id(&self->c);
	g->mutex = ksync_mutex_id(&self->m);
	ASSERT_EQ(0, task_start(&g->task, TASK_PROCESS, guest_main, g));
	ASSERT_EQ(0, await_waiters(self->fd, g->cond, 1));
	EXPECT_EQ(1, self->cond->waiters);
	g->go = 1;
	self->cond->waiters = 0;
	EXPECT_EQ(0, ksync_cond_signal(&self->c));
	EXPECT_EQ(0, ksync_cond_broadcast(&self->c));
	EXPECT_EQ(0, await_waiters(self->fd, g->cond, 1));
	self->cond->waiters = 1;
	EXPECT_EQ(1, ksync_cond_signal(&self->c));
	ASSERT_EQ(0, task_join(&g->task, &status));
	EXPECT_EQ(0, status);
}

/* It is released altogether, and held as often as before afterwards. */
TEST_F(cond, depth_of_a_recursive_mutex_is_kept)
{
	struct guest *g = player_memory(sizeof(*g));
	const struct timespec later = to_timespec(in(SEC * slow_factor()));
	int i, status;

	if (!(variant->flags & KSYNC_MUTEX_RECURSIVE))
		SKIP(return, "not a recursive mutex");
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, ksync_mutex_lock(&self->m));
	EXPECT_EQ(2, self->mutex->depth);
	/* Another one takes and leaves it meanwhile. */
	g->d = self->d;
	g->cond = ksync_cond_id(&self->c);
	g->mutex = ksync_mutex_id(&self->m);
	g->go = 1;
	ASSERT_EQ(0, task_start(&g->task, TASK_PROCESS, guest_main, g));
	ASSERT_EQ(0, await_waiters(self->fd, g->mutex, 1));
	EXPECT_EQ(-ETIMEDOUT,
		  ksync_cond_wait_timed(&self->c, &self->m, CLOCK_MONOTONIC, &later));
	ASSERT_EQ(0, task_join(&g->task, &status));
	EXPECT_EQ(0, status);
	for (i = 2; i >= 0; i--) {
		EXPECT_EQ(i, self->mutex->depth);
		EXPECT_NE(0, self->mutex->word);
		EXPECT_EQ(0, ksync_mutex_unlock(&self->m));
	}
	EXPECT_EQ(0, self->mutex->word);
	EXPECT_EQ(-EPERM, ksync_mutex_unlock(&self->m));
}

/* A dead owner's depth is not the caller's. */
static int die_deep(void *arg)
{
	struct guest *g = arg;
	struct ksync_cond c;
	struct ksync_mutex m;

	if (ksync_cond_open(&c, g->d, g->cond) || ksync_mutex_open(&m, g->d, g->mutex) ||
	    ksync_mutex_lock(&m) || ksync_mutex_lock(&m) || ksync_mutex_lock(&m))
		return 1;
	return ksync_cond_broadcast(&c) == 1 ? 0 : 2;
}

static int wait_once(void *arg)
{
	struct guest *g = arg;
	struct ksync_cond c;
	struct ksync_mutex m;

	if (ksync_cond_open(&c, g->d, g->cond) || ksync_mutex_open(&m, g->d, g->mutex) ||
	    ksync_mutex_lock(&m))
		return 1;
	if (ksync_cond_wait(&c, &m) != -EOWNERDEAD)
		return 2;
	return m.o.cell->depth ? 3 : 0;
}

TEST_F(cond, depth_of_a_dead_owner_is_forgotten)
{
	struct guest *g = player_memory(2 * sizeof(*g));
	int i, status;

	if (!(variant->flags & KSYNC_MUTEX_RECURSIVE))
		SKIP(return, "not a recursive mutex");
	for (i = 0; i < 2; i++) {
		g[i].d = self->d;
		g[i].cond = ksync_cond_id(&self->c);
		g[i].mutex = ksync_mutex_id(&self->m);
	}
	ASSERT_EQ(0, task_start(&g[0].task, TASK_PROCESS, wait_once, &g[0]));
	ASSERT_EQ(0, await_waiters(self->fd, g->cond, 1));
	ASSERT_EQ(0, task_start(&g[1].task, TASK_PROCESS, die_deep, &g[1]));
	for (i = 1; i >= 0; i--) {
		ASSERT_EQ(0, task_join(&g[i].task, &status));
		EXPECT_EQ(0, status) TH_LOG("task %d", i);
	}
}

static void on_signal(int sig)
{
	(void)sig;
}

static int wait_interruptibly(void *arg)
{
	struct guest *g = arg;
	struct ksync_cond c;
	struct ksync_mutex m;
	int ret;

	if (ksync_cond_open(&c, g->d, g->cond) || ksync_mutex_open(&m, g->d, g->mutex) ||
	    ksync_mutex_lock(&m))
		return 1;
	ret = ksync_cond_wait_interruptible(&c, &m, CLOCK_MONOTONIC, NULL);
	return ret == -EINTR ? -ksync_mutex_unlock(&m) : 2;
}

TEST_F(cond, interruptible_wait_ends_with_eintr)
{
	const struct sigaction action = { .sa_handler = on_signal };
	struct guest *g = player_memory(3 * sizeof(*g));
	int i, status;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	for (i = 0; i < 3; i++) {
		if (i == TASK_BARE)
			continue;
		g[i].d = self->d;
		g[i].cond = ksync_cond_id(&self->c);
		g[i].mutex = ksync_mutex_id(&self->m);
		ASSERT_EQ(0, task_start(&g[i].task, i, wait_interruptibly, &g[i]));
		ASSERT_EQ(0, await_waiters(self->fd, g[i].cond, 1));
		ASSERT_EQ(0, await_asleep(task_tid(&g[i].task)));
		ASSERT_EQ(0, task_kill(&g[i].task, SIGUSR1));
		ASSERT_EQ(0, task_join(&g[i].task, &status));
		EXPECT_EQ(0, status);
	}
}

KSFT_MAIN
