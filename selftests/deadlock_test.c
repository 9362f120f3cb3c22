// SPDX-License-Identifier: GPL-2.0
/*
 * A wait that would never end is refused with EDEADLK; nobody else notices.
 *
 * Player number i owns lock number i and then wants lock number i + 1; the last
 * one wants the first one's and closes the cycle.
 */
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/ksft.h"
#include "lib/player.h"

#define MAX	8

FIXTURE(deadlock)
{
	int fd;
	struct ksync_cell *cells;
	uint32_t id[MAX];
	struct player *a[MAX];
	uint32_t *futex;
	unsigned int max_chain;
};

FIXTURE_VARIANT(deadlock)
{
	uint32_t kind[2];
	uint32_t flags;
	enum task_kind task;
};

FIXTURE_VARIANT_ADD(deadlock, threads)
{
	.kind = { KSYNC_KIND_MUTEX, KSYNC_KIND_MUTEX },
	.task = TASK_THREAD,
};

FIXTURE_VARIANT_ADD(deadlock, strict_bare)
{
	.kind = { KSYNC_KIND_MUTEX, KSYNC_KIND_MUTEX },
	.flags = KSYNC_MUTEX_STRICT,
	.task = TASK_BARE,
};

FIXTURE_VARIANT_ADD(deadlock, spin_processes)
{
	.kind = { KSYNC_KIND_SPIN, KSYNC_KIND_SPIN },
	.task = TASK_PROCESS,
};

FIXTURE_VARIANT_ADD(deadlock, writers_and_mutexes)
{
	.kind = { KSYNC_KIND_RWLOCK, KSYNC_KIND_MUTEX },
	.task = TASK_PROCESS,
};

FIXTURE_VARIANT_ADD(deadlock, mixed_processes)
{
	.kind = { KSYNC_KIND_MUTEX, KSYNC_KIND_SPIN },
	.task = TASK_PROCESS,
};

FIXTURE_SETUP(deadlock)
{
	int i;

	self->fd = raw_open();
	self->cells = raw_map(self->fd, 64);
	ASSERT_NE(NULL, self->cells);
	ASSERT_EQ(0, param_get("max_chain", &self->max_chain));
	self->futex = player_memory(sizeof(*self->futex));
	for (i = 0; i < MAX; i++)
		ASSERT_EQ(0, raw_create(self->fd, variant->kind[i % 2],
					variant->flags, &self->id[i]));
}

FIXTURE_TEARDOWN(deadlock)
{
	param_set("max_chain", self->max_chain);
	close(self->fd);
}

/* @n players; each owns its lock. */
static void begin(struct __test_metadata *_metadata, struct _test_data_deadlock *self,
		  enum task_kind kind, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		self->a[i] = player_start(kind, self->fd, self->cells);
		ASSERT_NE(NULL, self->a[i]);
		self->a[i]->futex = self->futex;
		ASSERT_EQ(0, player_do(self->a[i], step_lock_fast, self->id[i]));
	}
}

/* Let a player wait: it is in the graph once it sleeps. */
static int wait_for(const struct _test_data_deadlock *self, struct player *p,
		    player_step step, uint32_t id)
{
	int ret;

	player_post(p, step, id);
	ret = await_waiters(self->fd, id, 1);
	return ret ? ret : player_await_asleep(p);
}

#define WAIT_FOR(p, step, id)	ASSERT_EQ(0, wait_for(self, p, step, id))

/* All locks are free, work, and have no waiters. */
static void check_free(struct __test_metadata *_metadata,
		       struct _test_data_deadlock *self, int n)
{
	struct ksync_query query;
	uint32_t self_handle;
	int i;

	ASSERT_EQ(0, raw_attach(self->fd, &self_handle));
	for (i = 0; i < n; i++) {
		EXPECT_EQ(0, self->cells[self->id[i]].word);
		EXPECT_EQ(0, raw_query(self->fd, self->id[i], &query));
		EXPECT_EQ(0, query.waiters);
		EXPECT_EQ(0, raw_lock(self->fd, self->id[i], self_handle, 0,
				      KSYNC_NO_DEADLINE));
		EXPECT_EQ(0, raw_unlock(self->fd, self->id[i], self_handle));
	}
}

/* The last player lets go; all others get what they wait for, and end. */
static void unwind(struct __test_metadata *_metadata,
		   struct _test_data_deadlock *self, int n)
{
	int i;

	for (i = n - 1; i > 0; i--) {
		ASSERT_EQ(0, player_do(self->a[i], step_unlock, self->id[i]));
		ASSERT_EQ(0, player_result(self->a[i - 1]));
		ASSERT_EQ(0, player_do(self->a[i - 1], step_unlock, self->id[i]));
	}
	ASSERT_EQ(0, player_do(self->a[0], step_unlock, self->id[0]));
	check_free(_metadata, self, n);
	for (i = 0; i < n; i++)
		EXPECT_EQ(0, player_end(self->a[i]));
}

static void cycle_of(struct __test_metadata *_metadata,
		     struct _test_data_deadlock *self, enum task_kind kind, int n)
{
	int i;

	begin(_metadata, self, kind, n);
	for (i = 0; i < n - 1; i++)
		WAIT_FOR(self->a[i], step_lock, self->id[i + 1]);
	EXPECT_EQ(-EDEADLK, player_do(self->a[n - 1], step_lock, self->id[0]));
	/* Not a question of bad luck. */
	EXPECT_EQ(-EDEADLK, player_do(self->a[n - 1], step_lock, self->id[0]));
	unwind(_metadata, self, n);
}

TEST_F(deadlock, with_oneself)
{
	begin(_metadata, self, variant->task, 1);
	EXPECT_EQ(-EDEADLK, player_do(self->a[0], step_lock, self->id[0]));
	EXPECT_EQ(-EDEADLK, player_do(self->a[0], step_lock_try, self->id[0]));
	unwind(_metadata, self, 1);
}

TEST_F(deadlock, cycle_of_two)
{
	cycle_of(_metadata, self, variant->task, 2);
}

TEST_F(deadlock, cycle_of_eight)
{
	cycle_of(_metadata, self, variant->task, 8);
}

/* A wait with a deadline would end, but is a mistake all the same. */
TEST_F(deadlock, refused_in_spite_of_deadline)
{
	begin(_metadata, self, variant->task, 2);
	WAIT_FOR(self->a[0], step_lock, self->id[1]);
	self->a[1]->deadline = raw_deadline(CLOCK_MONOTONIC, 60000);
	EXPECT_EQ(-EDEADLK, player_do(self->a[1], step_lock_until, self->id[0]));
	unwind(_metadata, self, 2);
}

/* All at once: one at least is refused, and all of them end. */
static int step_lock_next(struct player *a)
{
	uint32_t next = a->flags;
	int ret = raw_lock(a->fd, next, a->handle, 0, KSYNC_NO_DEADLINE);

	if (!ret)
		ret = raw_unlock(a->fd, next, a->handle);
	if (raw_unlock(a->fd, a->id, a->handle))
		return -EBADMSG;
	return ret;
}

TEST_F(deadlock, closed_at_the_same_time)
{
	int round, i, ret, refused;

	begin(_metadata, self, variant->task, 4);
	for (round = 0; round < 50; round++) {
		for (i = 0, refused = 0; i < 4; i++)
			self->a[i]->flags = self->id[(i + 1) % 4];
		for (i = 0; i < 4; i++)
			player_post(self->a[i], step_lock_next, self->id[i]);
		for (i = 0; i < 4; i++) {
			ret = player_result(self->a[i]);
			ASSERT_TRUE(ret == 0 || ret == -EDEADLK);
			refused += ret == -EDEADLK;
		}
		ASSERT_GE(refused, 1);
		for (i = 0; i < 4; i++)
			ASSERT_EQ(0, player_do(self->a[i], step_lock, self->id[i]));
	}
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, player_do(self->a[i], step_unlock, self->id[i]));
	check_free(_metadata, self, 4);
}

/* The second domain, for steps; set before the players start. */
static int other_fd;

static int step_lock_other(struct player *a)
{
	uint32_t handle;
	int ret = raw_attach(other_fd, &handle);

	return ret ? ret : raw_lock(other_fd, a->id, handle, 0, KSYNC_NO_DEADLINE);
}

static int step_unlock_other(struct player *a)
{
	uint32_t handle;
	int ret = raw_attach(other_fd, &handle);

	return ret ? ret : raw_unlock(other_fd, a->id, handle);
}

TEST_F(deadlock, across_two_domains)
{
	struct ksync_cell *other_cells;
	uint32_t other;

	other_fd = raw_open();
	other_cells = raw_map(other_fd, 64);
	ASSERT_EQ(0, raw_create(other_fd, variant->kind[1], variant->flags, &other));
	begin(_metadata, self, variant->task, 2);
	EXPECT_EQ(0, player_do(self->a[1], step_unlock, self->id[1]));

	ASSERT_EQ(0, player_do(self->a[1], step_lock_other, other));
	player_post(self->a[0], step_lock_other, other);
	ASSERT_EQ(0, await_waiters(other_fd, other, 1));
	ASSERT_EQ(0, player_await_asleep(self->a[0]));
	EXPECT_EQ(-EDEADLK, player_do(self->a[1], step_lock, self->id[0]));

	EXPECT_EQ(0, player_do(self->a[1], step_unlock_other, other));
	EXPECT_EQ(0, player_result(self->a[0]));
	EXPECT_EQ(0, player_do(self->a[0], step_unlock_other, other));
	EXPECT_EQ(0, other_cells[other].word);
	EXPECT_EQ(0, player_do(self->a[0], step_unlock, self->id[0]));
	check_free(_metadata, self, 2);
}

/* max_chain owners may be ahead of a waiter, and not one more. */
TEST_F(deadlock, chain_too_long)
{
	int i;

	ASSERT_EQ(0, param_set("max_chain", 3));
	begin(_metadata, self, variant->task, 5);
	for (i = 0; i < 3; i++)
		WAIT_FOR(self->a[i + 1], step_lock, self->id[i]);
	EXPECT_EQ(-EDEADLK, player_do(self->a[4], step_lock, self->id[3]));

	ASSERT_EQ(0, param_set("max_chain", self->max_chain));
	WAIT_FOR(self->a[4], step_lock, self->id[3]);
}

/* What a hostile word says of cycles costs its own domain an error. */
TEST_F(deadlock, faked_by_hostile_words)
{
	uint32_t other;

	other_fd = raw_open();
	ASSERT_EQ(0, raw_create(other_fd, variant->kind[0], variant->flags, &other));
	begin(_metadata, self, variant->task, 2);
	WAIT_FOR(self->a[0], step_lock, self->id[1]);

	/* Nobody owns number 2; its word says that a[0] does. */
	__atomic_store_n(&self->cells[self->id[2]].word, self->a[0]->handle,
			 __ATOMIC_RELEASE);
	EXPECT_EQ(-EDEADLK, player_do(self->a[1], step_lock, self->id[2]));

	EXPECT_EQ(0, player_do(self->a[1], step_lock_other, other));
	EXPECT_EQ(0, player_do(self->a[1], step_unlock_other, other));
	__atomic_store_n(&self->cells[self->id[2]].word, 0, __ATOMIC_RELEASE);
	EXPECT_EQ(0, player_do(self->a[1], step_lock, self->id[2]));
	EXPECT_EQ(0, player_do(self->a[1], step_unlock, self->id[2]));
	unwind(_metadata, self, 2);
}

/* Post @first; it is on its way, but a hog has its CPU: @second goes past it. */
static void overtake(struct __test_metadata *_metadata,
		     struct _test_data_deadlock *self, struct player *hog)
{
	struct player *late = self->a[0], *owner = self->a[2];

	WAIT_FOR(late, step_lock, self->id[2]);
	*self->futex = 1;
	player_post(hog, step_hog, 0);
	ASSERT_EQ(0, player_await_taken(hog));
	ASSERT_EQ(0, player_do(owner, step_unlock, self->id[2]));
	ASSERT_EQ(0, player_do(self->a[1], step_overtake, self->id[2]));
}

static struct player *begin_overtaking(struct __test_metadata *_metadata,
				       struct _test_data_deadlock *self,
				       enum task_kind kind)
{
	struct player *hog = player_start(kind, self->fd, self->cells);
	int i;

	ASSERT_NE(NULL, hog);
	hog->futex = self->futex;
	begin(_metadata, self, kind, 3);
	ASSERT_EQ(0, pin_cpu(0, 0));
	for (i = 1; i < 3; i++)
		ASSERT_EQ(0, pin_cpu(task_tid(&self->a[i]->task), 0));
	ASSERT_EQ(0, pin_cpu(task_tid(&self->a[0]->task), 1));
	ASSERT_EQ(0, pin_cpu(task_tid(&hog->task), 1));
	ASSERT_EQ(0, sched_fifo(task_tid(&hog->task), 80));
	return hog;
}

#define let_go(futex)	__atomic_store_n(futex, 0, __ATOMIC_RELEASE)

/* The overtaker closes the cycle: the other one is on its way, and then waits. */
TEST_F(deadlock, closed_by_overtaker)
{
	struct player *hog;

	if (variant->flags & KSYNC_MUTEX_STRICT)
		SKIP(return, "nobody overtakes on a strict mutex");
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two CPUs: one is kept busy");
	hog = begin_overtaking(_metadata, self, variant->task);
	overtake(_metadata, self, hog);
	EXPECT_EQ(-EDEADLK, player_do(self->a[1], step_lock, self->id[0]));
	let_go(self->futex);
	ASSERT_EQ(0, player_result(hog));
	ASSERT_EQ(0, player_await_asleep(self->a[0]));
	EXPECT_EQ(-EDEADLK, player_do(self->a[1], step_lock, self->id[0]));
	EXPECT_EQ(0, player_do(self->a[1], step_unlock, self->id[2]));
	EXPECT_EQ(0, player_result(self->a[0]));
}

static bool futex_has_waiters(const void *arg)
{
	return __atomic_load_n((const uint32_t *)arg, __ATOMIC_ACQUIRE) &
		FUTEX_WAITERS;
}

/*
 * a[0] owns a PI futex that a[1] waits for; a[1] owns a lock that a[0] wants.
 * The module cannot see that whole, but must end it by the deadline.
 */
TEST_F(deadlock, through_futex_waited_for_first)
{
	begin(_metadata, self, variant->task, 2);
	ASSERT_EQ(0, player_do(self->a[0], step_futex_lock, 0));
	player_post(self->a[1], step_futex_lock, 0);
	ASSERT_EQ(0, await_true(futex_has_waiters, self->futex));
	ASSERT_EQ(0, player_await_asleep(self->a[1]));

	self->a[0]->deadline = raw_deadline(CLOCK_MONOTONIC, 1000);
	EXPECT_EQ(-ETIMEDOUT, player_do(self->a[0], step_lock_until, self->id[1]));
	EXPECT_EQ(0, player_do(self->a[0], step_futex_unlock, 0));
	EXPECT_EQ(0, player_result(self->a[1]));
	EXPECT_EQ(0, player_do(self->a[1], step_futex_unlock, 0));
	EXPECT_EQ(0, player_do(self->a[1], step_unlock, self->id[1]));
	EXPECT_EQ(0, player_do(self->a[0], step_unlock, self->id[0]));
	check_free(_metadata, self, 2);
}

/*
 * The other way round the kernel's own futex code sees the cycle, once the first
 * waiter is in the chain: a task looks asleep before that, the boost tells.
 */
TEST_F(deadlock, through_futex_waited_for_last)
{
	begin(_metadata, self, variant->task, 2);
	ASSERT_EQ(0, player_do(self->a[0], step_futex_lock, 0));
	ASSERT_EQ(0, sched_fifo(task_tid(&self->a[0]->task), 20));
	WAIT_FOR(self->a[0], step_lock, self->id[1]);
	ASSERT_EQ(0, await_prio(task_tid(&self->a[1]->task), FIFO_SHOWN(20)));
	EXPECT_EQ(-EDEADLK, player_do(self->a[1], step_futex_lock, 0));
	EXPECT_EQ(0, player_do(self->a[1], step_unlock, self->id[1]));
	EXPECT_EQ(0, player_result(self->a[0]));
	EXPECT_EQ(0, player_do(self->a[0], step_unlock, self->id[1]));
	EXPECT_EQ(0, player_do(self->a[0], step_unlock, self->id[0]));
	check_free(_metadata, self, 2);
}

#define TRACEFS		"/sys/kernel/tracing"
#define INSTANCE	TRACEFS "/instances/ksync_deadlock_test"

static int write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f)
		return -errno;
	fputs(text, f);
	return fclose(f) ? -errno : 0;
}

/* Is there a line of the trace that says so? */
static bool traced(const struct player *who, uint32_t id, const char *name,
		   const struct player *owner)
{
	FILE *f = fopen(INSTANCE "/trace", "r");
	char line[512], waits[32], wanted[64], owns[32];
	bool found = false;

	if (!f)
		return false;
	snprintf(wanted, sizeof(wanted), " id=%u ", id);
	snprintf(waits, sizeof(waits), " pid=%d ", task_tid(&who->task));
	snprintf(owns, sizeof(owns), "owner_pid=%d ", task_tid(&owner->task));
	while (!found && fgets(line, sizeof(line), f))
		found = strstr(line, "deadlock: ") && strstr(line, waits) &&
			strstr(line, wanted) && strstr(line, name) &&
			strstr(line, owns);
	fclose(f);
	return found;
}

/* A cycle of three is told: each thread, what it waits for, and who has that. */
TEST_F(deadlock, is_traced)
{
	static const char *const names[3] = { "red", "green", "blue" };
	int i;

	if (access(TRACEFS "/instances", W_OK))
		mount("tracefs", TRACEFS, "tracefs", 0, NULL);
	if (access(TRACEFS "/events/ksync/deadlock", R_OK))
		SKIP(return, "this kernel has no tracefs with ksync's events");
	rmdir(INSTANCE);
	ASSERT_EQ(0, mkdir(INSTANCE, 0700));
	ASSERT_EQ(0, write_file(INSTANCE "/events/ksync/deadlock/enable", "1"));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, raw_name(self->fd, self->id[i], names[i]));
	cycle_of(_metadata, self, variant->task, 3);
	for (i = 0; i < 3; i++)
		EXPECT_TRUE(traced(self->a[i], self->id[(i + 1) % 3],
				   names[(i + 1) % 3], self->a[(i + 1) % 3]));
	EXPECT_FALSE(traced(self->a[0], self->id[0], names[0], self->a[0]));
	EXPECT_EQ(0, rmdir(INSTANCE));
}

KSFT_MAIN
