// SPDX-License-Identifier: GPL-2.0
/*
 * Priority inheritance: who owns what a more important task waits for runs at
 * that task's priority, as long as it waits and no longer; through chains, and
 * through the kernel's own PI futexes at either end of them.
 */
#include <linux/futex.h>
#include <signal.h>
#include <unistd.h>
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/proc.h"

#define NORMAL		NORMAL_PRIO
#define FIFO(prio)	FIFO_SHOWN(prio)

FIXTURE(pi)
{
	int fd;
	struct ksync_cell *cells;
	uint32_t id[3];
	uint32_t *futex;
};

FIXTURE_VARIANT(pi)
{
	uint32_t kind;
	uint32_t flags;
	enum task_kind task;
};

FIXTURE_VARIANT_ADD(pi, adaptive)
{
	.kind = KSYNC_KIND_MUTEX,
	.task = TASK_THREAD,
};

FIXTURE_VARIANT_ADD(pi, strict)
{
	.kind = KSYNC_KIND_MUTEX,
	.flags = KSYNC_MUTEX_STRICT,
	.task = TASK_THREAD,
};

FIXTURE_VARIANT_ADD(pi, spin)
{
	.kind = KSYNC_KIND_SPIN,
	.task = TASK_THREAD,
};

FIXTURE_VARIANT_ADD(pi, writer)
{
	.kind = KSYNC_KIND_RWLOCK,
	.task = TASK_THREAD,
};

FIXTURE_VARIANT_ADD(pi, strict_writer)
{
	.kind = KSYNC_KIND_RWLOCK,
	.flags = KSYNC_RWLOCK_STRICT,
	.task = TASK_PROCESS,
};

FIXTURE_VARIANT_ADD(pi, adaptive_process)
{
	.kind = KSYNC_KIND_MUTEX,
	.task = TASK_PROCESS,
};

FIXTURE_VARIANT_ADD(pi, strict_bare)
{
	.kind = KSYNC_KIND_MUTEX,
	.flags = KSYNC_MUTEX_STRICT,
	.task = TASK_BARE,
};

static void on_signal(int sig)
{
	(void)sig;
}

FIXTURE_SETUP(pi)
{
	const struct sigaction action = { .sa_handler = on_signal };
	int i;

	self->fd = raw_open();
	self->cells = raw_map(self->fd, 64);
	self->futex = player_memory(sizeof(*self->futex));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, raw_create(self->fd, variant->kind, variant->flags,
					&self->id[i]));
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
}

FIXTURE_TEARDOWN(pi)
{
	EXPECT_EQ(0, param_set("lend_rt", 1));
	close(self->fd);
}

/* A task of its own; @prio 0 is the normal policy. */
#define NEW_PLAYER(prio)						\
	new_player(_metadata, self, variant->task, prio)

static struct player *new_player(struct __test_metadata *_metadata,
				 struct _test_data_pi *self, enum task_kind kind,
				 int prio)
{
	struct player *a = player_start(kind, self->fd, self->cells);

	ASSERT_NE(NULL, a);
	a->futex = self->futex;
	if (prio)
		ASSERT_EQ(0, sched_fifo(task_tid(&a->task), prio));
	return a;
}

#define EXPECT_PRIO(prio, p)	EXPECT_EQ(0, await_prio(task_tid(&(p)->task), prio))

/* Let it wait for an object, which has @n waiters then. */
static int wait_for(const struct _test_data_pi *self, struct player *p,
		    player_step step, uint32_t id, uint32_t n)
{
	player_post(p, step, id);
	return await_waiters(self->fd, id, n);
}

#define WAIT_FOR(p, step, id, n)					\
	ASSERT_EQ(0, wait_for(self, p, step, id, n))

TEST_F(pi, waiter_boosts_fast_path_owner_until_unlock)
{
	struct player *owner = NEW_PLAYER(0), *waiter = NEW_PLAYER(30);

	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->id[0]));
	EXPECT_PRIO(NORMAL, owner);
	WAIT_FOR(waiter, step_lock, self->id[0], 1);
	EXPECT_PRIO(FIFO(30), owner);
	ASSERT_EQ(0, player_do(owner, step_unlock, self->id[0]));
	EXPECT_EQ(NORMAL, effective_prio(task_tid(&owner->task)));
	EXPECT_EQ(0, player_result(waiter));
	EXPECT_EQ(0, player_do(waiter, step_unlock, self->id[0]));
	EXPECT_EQ(0, player_end(owner));
	EXPECT_EQ(0, player_end(waiter));
}

struct looks {
	pid_t tid;
	long sleeps;
};

static bool has_looked(const void *arg)
{
	const struct looks *l = arg;

	return proc_sleeps(l->tid) >= l->sleeps;
}

/* Where it may not lend, it stays out of the chain, and looks each millisecond. */
TEST_F(pi, real_time_waiter_lends_nothing_unless_allowed)
{
	struct player *owner = NEW_PLAYER(0), *waiter = NEW_PLAYER(30), *other = NEW_PLAYER(20);
	struct looks l = { .tid = task_tid(&waiter->task) };

	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->id[0]));
	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->id[1]));
	ASSERT_EQ(0, param_set("lend_rt", 0));
	WAIT_FOR(waiter, step_lock, self->id[0], 1);
	l.sleeps = proc_sleeps(l.tid) + 5;
	EXPECT_EQ(0, await_true(has_looked, &l));
	EXPECT_EQ(NORMAL, effective_prio(task_tid(&owner->task)));
	ASSERT_EQ(0, param_set("lend_rt", 1));
	WAIT_FOR(other, step_lock, self->id[1], 1);
	EXPECT_PRIO(FIFO(20), owner);
	EXPECT_EQ(0, player_do(owner, step_unlock, self->id[0]));
	EXPECT_EQ(0, player_result(waiter));
	EXPECT_EQ(0, player_do(owner, step_unlock, self->id[1]));
	EXPECT_EQ(0, player_result(other));
}

/* The second owner got the lock from the module, and is waited for in turn. */
TEST_F(pi, waiter_boosts_owner_that_waited_itself)
{
	struct player *first = NEW_PLAYER(0), *second = NEW_PLAYER(0);
	struct player *waiter = NEW_PLAYER(30);

	ASSERT_EQ(0, player_do(first, step_lock, self->id[0]));
	WAIT_FOR(second, step_lock, self->id[0], 1);
	EXPECT_PRIO(NORMAL, first);
	ASSERT_EQ(0, player_do(first, step_unlock, self->id[0]));
	ASSERT_EQ(0, player_result(second));
	WAIT_FOR(waiter, step_lock, self->id[0], 1);
	EXPECT_PRIO(FIFO(30), second);
	EXPECT_PRIO(NORMAL, first);
	EXPECT_EQ(0, player_do(second, step_unlock, self->id[0]));
	EXPECT_EQ(NORMAL, effective_prio(task_tid(&second->task)));
	EXPECT_EQ(0, player_result(waiter));
}

TEST_F(pi, timeout_of_waiter_ends_boost)
{
	struct player *owner = NEW_PLAYER(0), *waiter = NEW_PLAYER(30);

	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->id[0]));
	waiter->deadline = raw_deadline(CLOCK_MONOTONIC, 3000);
	WAIT_FOR(waiter, step_lock_until, self->id[0], 1);
	EXPECT_PRIO(FIFO(30), owner);
	EXPECT_EQ(-ETIMEDOUT, player_result(waiter));
	EXPECT_EQ(NORMAL, effective_prio(task_tid(&owner->task)));
	EXPECT_EQ(0, player_do(owner, step_unlock, self->id[0]));
	EXPECT_EQ(0, self->cells[self->id[0]].word);
}

TEST_F(pi, signal_to_waiter_ends_boost)
{
	struct player *owner = NEW_PLAYER(0), *waiter = NEW_PLAYER(30);

	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->id[0]));
	waiter->deadline = KSYNC_NO_DEADLINE;
	waiter->flags = KSYNC_WAIT_INTERRUPTIBLE;
	WAIT_FOR(waiter, step_lock_until, self->id[0], 1);
	EXPECT_PRIO(FIFO(30), owner);
	ASSERT_EQ(0, task_kill(&waiter->task, SIGUSR1));
	EXPECT_EQ(-EINTR, player_result(waiter));
	EXPECT_EQ(NORMAL, effective_prio(task_tid(&owner->task)));
	EXPECT_EQ(0, player_do(owner, step_unlock, self->id[0]));
}

TEST_F(pi, kill_of_waiter_ends_boost)
{
	struct player *owner = NEW_PLAYER(0);
	struct player *waiter = new_player(_metadata, self, TASK_PROCESS, 30);
	int status = 0;

	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->id[0]));
	WAIT_FOR(waiter, step_lock, self->id[0], 1);
	EXPECT_PRIO(FIFO(30), owner);
	ASSERT_EQ(0, task_kill(&waiter->task, SIGKILL));
	ASSERT_EQ(0, task_join(&waiter->task, &status));
	EXPECT_EQ(-SIGKILL, status);
	EXPECT_EQ(NORMAL, effective_prio(task_tid(&owner->task)));
	EXPECT_EQ(0, await_waiters(self->fd, self->id[0], 0));
	EXPECT_EQ(0, player_do(owner, step_unlock, self->id[0]));
}

/* The more important one of two waiters counts; either may leave first. */
TEST_F(pi, boost_follows_the_waiters)
{
	struct player *owner = NEW_PLAYER(0);
	struct player *low = NEW_PLAYER(30), *high = NEW_PLAYER(50);

	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->id[0]));
	high->deadline = KSYNC_NO_DEADLINE;
	high->flags = KSYNC_WAIT_INTERRUPTIBLE;

	WAIT_FOR(low, step_lock, self->id[0], 1);
	EXPECT_PRIO(FIFO(30), owner);
	WAIT_FOR(high, step_lock_until, self->id[0], 2);
	EXPECT_PRIO(FIFO(50), owner);
	ASSERT_EQ(0, task_kill(&high->task, SIGUSR1));
	EXPECT_EQ(-EINTR, player_result(high));
	EXPECT_PRIO(FIFO(30), owner);

	/* Once more, and both get it, the more important one first. */
	WAIT_FOR(high, step_lock, self->id[0], 2);
	EXPECT_PRIO(FIFO(50), owner);
	ASSERT_EQ(0, player_do(owner, step_unlock, self->id[0]));
	EXPECT_EQ(NORMAL, effective_prio(task_tid(&owner->task)));
	ASSERT_EQ(0, player_result(high));
	EXPECT_EQ(0, await_waiters(self->fd, self->id[0], 1));
	EXPECT_EQ(0, player_do(high, step_unlock, self->id[0]));
	EXPECT_EQ(0, player_result(low));
	EXPECT_EQ(0, player_do(low, step_unlock, self->id[0]));
}

/* Raised while it waits, a waiter raises the owner too. */
TEST_F(pi, waiter_raised_later_boosts)
{
	struct player *owner = NEW_PLAYER(0), *waiter = NEW_PLAYER(0);

	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->id[0]));
	WAIT_FOR(waiter, step_lock, self->id[0], 1);
	ASSERT_EQ(0, player_await_asleep(waiter));
	EXPECT_PRIO(NORMAL, owner);
	ASSERT_EQ(0, sched_fifo(task_tid(&waiter->task), 40));
	EXPECT_PRIO(FIFO(40), owner);
	ASSERT_EQ(0, player_do(owner, step_unlock, self->id[0]));
	EXPECT_EQ(NORMAL, effective_prio(task_tid(&owner->task)));
	EXPECT_EQ(0, player_result(waiter));
}

/* low owns 0; mid[0] owns 1, wants 0; mid[1] owns 2, wants 1; high wants 2. */
static void chain(struct __test_metadata *_metadata, struct _test_data_pi *self,
		  struct player *a[4], bool high_first)
{
	int i, n;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, player_do(a[i], step_lock_fast, self->id[i]));
	for (i = 0; i < 3; i++) {
		n = high_first ? 2 - i : i;
		WAIT_FOR(a[n + 1], step_lock, self->id[n], 1);
	}
	for (i = 0; i < 3; i++)
		EXPECT_PRIO(FIFO(40), a[i]);

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, player_do(a[i], step_unlock, self->id[i]));
		ASSERT_EQ(0, player_result(a[i + 1]));
		EXPECT_PRIO(NORMAL, a[i]);
		EXPECT_EQ(0, player_do(a[i + 1], step_unlock, self->id[i]));
	}
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, player_end(a[i]));
}

TEST_F(pi, chain_of_three_built_from_its_end)
{
	struct player *a[4] = { NEW_PLAYER(0), NEW_PLAYER(0), NEW_PLAYER(0), NEW_PLAYER(40) };

	chain(_metadata, self, a, false);
}

TEST_F(pi, chain_of_three_built_from_its_start)
{
	struct player *a[4] = { NEW_PLAYER(0), NEW_PLAYER(0), NEW_PLAYER(0), NEW_PLAYER(40) };

	chain(_metadata, self, a, true);
}

static bool futex_has_waiters(const void *arg)
{
	return __atomic_load_n((const uint32_t *)arg, __ATOMIC_ACQUIRE) &
		FUTEX_WAITERS;
}

/* Let it block on the PI futex: the word says so, then its state does. */
static int futex_wait_for(struct player *a)
{
	int ret;

	player_post(a, step_futex_lock, 0);
	ret = await_true(futex_has_waiters, a->futex);
	return ret ? ret : player_await_asleep(a);
}

/* high waits for the ksync lock of mid, which waits for the PI futex of low. */
static void into_futex(struct __test_metadata *_metadata, struct _test_data_pi *self,
		       struct player *a[3], bool high_first)
{
	struct player *low = a[0], *mid = a[1], *high = a[2];

	ASSERT_EQ(0, player_do(low, step_futex_lock, 0));
	ASSERT_EQ(0, player_do(mid, step_lock_fast, self->id[0]));
	if (high_first)
		WAIT_FOR(high, step_lock, self->id[0], 1);
	ASSERT_EQ(0, futex_wait_for(mid));
	if (!high_first)
		WAIT_FOR(high, step_lock, self->id[0], 1);
	EXPECT_PRIO(FIFO(35), mid);
	EXPECT_PRIO(FIFO(35), low);

	ASSERT_EQ(0, player_do(low, step_futex_unlock, 0));
	EXPECT_PRIO(NORMAL, low);
	ASSERT_EQ(0, player_result(mid));
	EXPECT_PRIO(FIFO(35), mid);
	EXPECT_EQ(0, player_do(mid, step_futex_unlock, 0));
	EXPECT_EQ(0, player_do(mid, step_unlock, self->id[0]));
	EXPECT_PRIO(NORMAL, mid);
	EXPECT_EQ(0, player_result(high));
}

TEST_F(pi, chain_ends_in_futex_waited_for_first)
{
	struct player *a[3] = { NEW_PLAYER(0), NEW_PLAYER(0), NEW_PLAYER(35) };

	into_futex(_metadata, self, a, false);
}

TEST_F(pi, chain_ends_in_futex_waited_for_last)
{
	struct player *a[3] = { NEW_PLAYER(0), NEW_PLAYER(0), NEW_PLAYER(35) };

	into_futex(_metadata, self, a, true);
}

/* high waits for the PI futex of mid, which waits for the ksync lock of low. */
static void from_futex(struct __test_metadata *_metadata, struct _test_data_pi *self,
		       struct player *a[3], bool high_first)
{
	struct player *low = a[0], *mid = a[1], *high = a[2];

	ASSERT_EQ(0, player_do(low, step_lock_fast, self->id[0]));
	ASSERT_EQ(0, player_do(mid, step_futex_lock, 0));
	if (high_first)
		ASSERT_EQ(0, futex_wait_for(high));
	WAIT_FOR(mid, step_lock, self->id[0], 1);
	if (!high_first)
		ASSERT_EQ(0, futex_wait_for(high));
	EXPECT_PRIO(FIFO(45), mid);
	EXPECT_PRIO(FIFO(45), low);

	ASSERT_EQ(0, player_do(low, step_unlock, self->id[0]));
	EXPECT_EQ(NORMAL, effective_prio(task_tid(&low->task)));
	ASSERT_EQ(0, player_result(mid));
	EXPECT_EQ(0, player_do(mid, step_unlock, self->id[0]));
	EXPECT_PRIO(FIFO(45), mid);
	EXPECT_EQ(0, player_do(mid, step_futex_unlock, 0));
	EXPECT_PRIO(NORMAL, mid);
	EXPECT_EQ(0, player_result(high));
}

TEST_F(pi, chain_begins_in_futex_waited_for_first)
{
	struct player *a[3] = { NEW_PLAYER(0), NEW_PLAYER(0), NEW_PLAYER(45) };

	from_futex(_metadata, self, a, true);
}

TEST_F(pi, chain_begins_in_futex_waited_for_last)
{
	struct player *a[3] = { NEW_PLAYER(0), NEW_PLAYER(0), NEW_PLAYER(45) };

	from_futex(_metadata, self, a, false);
}

/*
 * A waiter is on its way, but kept from running, when a third task takes the
 * lock past it: that one is boosted as soon as the waiter sees it. A strict mutex
 * lets nobody past.
 */
TEST_F(pi, overtaker_is_boosted)
{
	struct player *owner = NEW_PLAYER(0), *overtaker = NEW_PLAYER(0);
	struct player *waiter = NEW_PLAYER(30), *hog = NEW_PLAYER(80);
	const bool strict = variant->flags & KSYNC_MUTEX_STRICT;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two CPUs: one is kept busy");
	ASSERT_EQ(0, pin_cpu(0, 0));
	ASSERT_EQ(0, pin_cpu(task_tid(&owner->task), 0));
	ASSERT_EQ(0, pin_cpu(task_tid(&overtaker->task), 0));
	ASSERT_EQ(0, pin_cpu(task_tid(&waiter->task), 1));
	ASSERT_EQ(0, pin_cpu(task_tid(&hog->task), 1));

	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->id[0]));
	WAIT_FOR(waiter, step_lock, self->id[0], 1);
	EXPECT_PRIO(FIFO(30), owner);
	ASSERT_EQ(0, player_await_asleep(waiter));
	*self->futex = 1;
	player_post(hog, step_hog, 0);
	ASSERT_EQ(0, player_await_taken(hog));

	EXPECT_EQ(0, player_do(owner, step_unlock, self->id[0]));
	EXPECT_EQ(strict ? -EBUSY : 0,
		  player_do(overtaker, step_overtake, self->id[0]));
	__atomic_store_n(self->futex, 0, __ATOMIC_RELEASE);
	EXPECT_EQ(0, player_result(hog));
	if (strict) {
		EXPECT_EQ(0, player_result(waiter));
		return;
	}
	EXPECT_PRIO(FIFO(30), overtaker);
	EXPECT_PRIO(NORMAL, owner);
	EXPECT_EQ(0, player_do(overtaker, step_unlock, self->id[0]));
	EXPECT_EQ(NORMAL, effective_prio(task_tid(&overtaker->task)));
	EXPECT_EQ(0, player_result(waiter));
}

KSFT_MAIN
