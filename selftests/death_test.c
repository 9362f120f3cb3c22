// SPDX-License-Identifier: GPL-2.0
/*
 * An owner that dies, by whatever death, leaves its locks to whoever wants
 * them next, with EOWNERDEAD; a waiter that dies leaves nothing behind.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/sys.h"

#define LOCKS	4

FIXTURE(death)
{
	int fd;
	struct ksync_cell *cells;
	uint32_t id[LOCKS];
	uint32_t self;
	unsigned int handle_max;
};

FIXTURE_VARIANT(death)
{
	uint32_t kind;
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(death, adaptive)
{
	.kind = KSYNC_KIND_MUTEX,
};

FIXTURE_VARIANT_ADD(death, strict)
{
	.kind = KSYNC_KIND_MUTEX,
	.flags = KSYNC_MUTEX_STRICT,
};

FIXTURE_VARIANT_ADD(death, writer)
{
	.kind = KSYNC_KIND_RWLOCK,
};

FIXTURE_VARIANT_ADD(death, spin)
{
	.kind = KSYNC_KIND_SPIN,
};

FIXTURE_SETUP(death)
{
	int i;

	ASSERT_EQ(0, param_get("handle_max", &self->handle_max));
	self->fd = raw_open();
	self->cells = raw_map(self->fd, 64);
	ASSERT_NE(NULL, self->cells);
	ASSERT_EQ(0, raw_attach(self->fd, &self->self));
	for (i = 0; i < LOCKS; i++)
		ASSERT_EQ(0, raw_create(self->fd, variant->kind, variant->flags,
					&self->id[i]));
}

FIXTURE_TEARDOWN(death)
{
	param_set("handle_max", self->handle_max);
	close(self->fd);
}

#define NEW_PLAYER(kind)	new_player(_metadata, self, kind)

static struct player *new_player(struct __test_metadata *_metadata,
				 struct _test_data_death *self, enum task_kind kind)
{
	struct player *p = player_start(kind, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	return p;
}

/* Ways to die. The task is gone, or is another program, when they are over. */
typedef int (*death)(struct player *p);

static int die_by_exit(struct player *p)
{
	player_post(p, NULL, 0);
	return task_join(&p->task, NULL);
}

static int die_by_kill(struct player *p)
{
	int ret = task_kill(&p->task, SIGKILL);

	return ret ? ret : task_join(&p->task, NULL);
}

/* The new program ends when the test closes its end of the pipe. */
static int pipe_end[2];

static int step_exec(struct player *p)
{
	char *const argv[] = { "/bin/cat", NULL };

	(void)p;
	sys(SYS_dup2, pipe_end[0], 0);
	sys(SYS_close, pipe_end[1]);
	return sys(SYS_execve, argv[0], argv, NULL);
}

/* /proc/PID/comm says so when it is another program. */
static bool is_cat(const void *arg)
{
	const struct player *p = arg;
	char path[32], comm[8] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", task_tid(&p->task));
	f = fopen(path, "r");
	if (!f)
		return false;
	if (fscanf(f, "%7s", comm) != 1)
		comm[0] = 0;
	fclose(f);
	return !strcmp(comm, "cat");
}

static int die_by_exec(struct player *p)
{
	player_post(p, step_exec, 0);
	return await_true(is_cat, p);
}

static void end_exec(struct __test_metadata *_metadata, struct player *p)
{
	EXPECT_EQ(0, close(pipe_end[1]));
	EXPECT_EQ(0, task_join(&p->task, NULL));
	EXPECT_EQ(0, close(pipe_end[0]));
}

/* Whoever has it with EOWNERDEAD repairs it, and all is as before. */
static void repair(struct __test_metadata *_metadata, struct _test_data_death *self,
		   uint32_t id)
{
	struct ksync_cell *cell = &self->cells[id];

	EXPECT_EQ(self->self | KSYNC_OWNER_DIED, cell->word);
	__atomic_and_fetch(&cell->word, ~KSYNC_OWNER_DIED, __ATOMIC_SEQ_CST);
	EXPECT_EQ(0, raw_unlock(self->fd, id, self->self));
	EXPECT_EQ(0, cell->word);
	EXPECT_EQ(0, raw_lock(self->fd, id, self->self, 0, KSYNC_NO_DEADLINE));
	EXPECT_EQ(0, raw_unlock(self->fd, id, self->self));
}

/* Nobody waits: the next one finds out, by LOCK and by TRY. */
static void uncontended(struct __test_metadata *_metadata,
			struct _test_data_death *self, struct player *owner, death die)
{
	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->id[0]));
	ASSERT_EQ(0, player_do(owner, step_lock, self->id[1]));
	ASSERT_EQ(0, die(owner));
	EXPECT_EQ(-EOWNERDEAD, raw_lock(self->fd, self->id[0], self->self, 0,
					KSYNC_NO_DEADLINE));
	EXPECT_EQ(-EOWNERDEAD, raw_lock(self->fd, self->id[1], self->self,
					KSYNC_WAIT_TRY, KSYNC_NO_DEADLINE));
	repair(_metadata, self, self->id[0]);
	repair(_metadata, self, self->id[1]);
}

/* Two wait for it: one gets it with EOWNERDEAD, repairs it; then the other. */
static void contended(struct __test_metadata *_metadata, struct _test_data_death *self,
		      struct player *owner, death die)
{
	struct player *first = NEW_PLAYER(TASK_THREAD);
	struct player *second = NEW_PLAYER(TASK_PROCESS);
	const uint32_t id = self->id[0];

	ASSERT_EQ(0, sched_fifo(task_tid(&first->task), 10));
	ASSERT_EQ(0, player_do(owner, step_lock_fast, id));
	player_post(second, step_lock, id);
	ASSERT_EQ(0, await_waiters(self->fd, id, 1));
	ASSERT_EQ(0, player_await_asleep(second));
	player_post(first, step_lock, id);
	ASSERT_EQ(0, await_waiters(self->fd, id, 2));
	ASSERT_EQ(0, player_await_asleep(first));
	ASSERT_EQ(0, die(owner));

	ASSERT_EQ(-EOWNERDEAD, player_result(first));
	EXPECT_EQ(0, await_waiters(self->fd, id, 1));
	EXPECT_EQ(0, player_do(first, step_consistent, id));
	EXPECT_EQ(0, player_do(first, step_unlock, id));
	ASSERT_EQ(0, player_result(second));
	EXPECT_EQ(0, player_do(second, step_unlock, id));
	EXPECT_EQ(0, self->cells[id].word);
	EXPECT_EQ(0, player_end(first));
	EXPECT_EQ(0, player_end(second));
}

TEST_F(death, thread_exits_uncontended)
{
	uncontended(_metadata, self, NEW_PLAYER(TASK_THREAD), die_by_exit);
}

TEST_F(death, bare_exits_uncontended)
{
	uncontended(_metadata, self, NEW_PLAYER(TASK_BARE), die_by_exit);
}

TEST_F(death, process_exits_uncontended)
{
	uncontended(_metadata, self, NEW_PLAYER(TASK_PROCESS), die_by_exit);
}

TEST_F(death, bare_killed_uncontended)
{
	uncontended(_metadata, self, NEW_PLAYER(TASK_BARE), die_by_kill);
}

TEST_F(death, process_killed_uncontended)
{
	uncontended(_metadata, self, NEW_PLAYER(TASK_PROCESS), die_by_kill);
}

/* It keeps the domain open: the lock is not freed by closing it. */
TEST_F(death, process_execs_uncontended)
{
	struct player *owner;

	ASSERT_EQ(0, pipe(pipe_end));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFD, 0));
	owner = NEW_PLAYER(TASK_PROCESS);
	uncontended(_metadata, self, owner, die_by_exec);
	end_exec(_metadata, owner);
}

TEST_F(death, thread_exits_contended)
{
	contended(_metadata, self, NEW_PLAYER(TASK_THREAD), die_by_exit);
}

TEST_F(death, bare_exits_contended)
{
	contended(_metadata, self, NEW_PLAYER(TASK_BARE), die_by_exit);
}

TEST_F(death, process_exits_contended)
{
	contended(_metadata, self, NEW_PLAYER(TASK_PROCESS), die_by_exit);
}

TEST_F(death, bare_killed_contended)
{
	contended(_metadata, self, NEW_PLAYER(TASK_BARE), die_by_kill);
}

TEST_F(death, process_killed_contended)
{
	contended(_metadata, self, NEW_PLAYER(TASK_PROCESS), die_by_kill);
}

TEST_F(death, process_execs_contended)
{
	struct player *owner;

	ASSERT_EQ(0, pipe(pipe_end));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFD, 0));
	owner = NEW_PLAYER(TASK_PROCESS);
	contended(_metadata, self, owner, die_by_exec);
	end_exec(_metadata, owner);
}

/* One death, several locks, each with its waiter. */
TEST_F(death, killed_owner_of_several_contended_locks)
{
	struct player *owner = NEW_PLAYER(TASK_PROCESS), *waiter[LOCKS];
	int i;

	for (i = 0; i < LOCKS; i++) {
		waiter[i] = NEW_PLAYER(i % 2 ? TASK_BARE : TASK_PROCESS);
		ASSERT_EQ(0, player_do(owner, step_lock_fast, self->id[i]));
		player_post(waiter[i], step_lock, self->id[i]);
		ASSERT_EQ(0, await_waiters(self->fd, self->id[i], 1));
	}
	ASSERT_EQ(0, die_by_kill(owner));
	for (i = 0; i < LOCKS; i++) {
		EXPECT_EQ(-EOWNERDEAD, player_result(waiter[i]));
		EXPECT_EQ(0, player_do(waiter[i], step_consistent, self->id[i]));
		EXPECT_EQ(0, player_do(waiter[i], step_unlock, self->id[i]));
		EXPECT_EQ(0, player_end(waiter[i]));
	}
}

TEST_F(death, killed_waiter_leaves_the_others)
{
	struct player *owner = NEW_PLAYER(TASK_THREAD);
	struct player *killed = NEW_PLAYER(TASK_PROCESS);
	struct player *other = NEW_PLAYER(TASK_PROCESS);
	struct ksync_info info;

	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->id[0]));
	player_post(killed, step_lock, self->id[0]);
	ASSERT_EQ(0, await_waiters(self->fd, self->id[0], 1));
	player_post(other, step_lock, self->id[0]);
	ASSERT_EQ(0, await_waiters(self->fd, self->id[0], 2));
	ASSERT_EQ(0, die_by_kill(killed));
	EXPECT_EQ(0, await_waiters(self->fd, self->id[0], 1));
	EXPECT_EQ(0, player_do(owner, step_unlock, self->id[0]));
	EXPECT_EQ(0, player_result(other));
	EXPECT_EQ(0, player_do(other, step_unlock, self->id[0]));
	EXPECT_EQ(0, self->cells[self->id[0]].word);
	ASSERT_EQ(0, raw_info(self->fd, &info));
	EXPECT_EQ(0, info.waiters);
}

/* A waiter that owns something itself and dies while it waits. */
TEST_F(death, killed_waiter_is_an_owner_too)
{
	struct player *owner = NEW_PLAYER(TASK_THREAD);
	struct player *middle = NEW_PLAYER(TASK_PROCESS);
	struct player *last = NEW_PLAYER(TASK_PROCESS);

	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->id[0]));
	ASSERT_EQ(0, player_do(middle, step_lock_fast, self->id[1]));
	player_post(middle, step_lock, self->id[0]);
	ASSERT_EQ(0, await_waiters(self->fd, self->id[0], 1));
	player_post(last, step_lock, self->id[1]);
	ASSERT_EQ(0, await_waiters(self->fd, self->id[1], 1));
	ASSERT_EQ(0, die_by_kill(middle));
	EXPECT_EQ(-EOWNERDEAD, player_result(last));
	EXPECT_EQ(0, await_waiters(self->fd, self->id[0], 0));
	EXPECT_EQ(0, player_do(owner, step_unlock, self->id[0]));
	EXPECT_EQ(0, self->cells[self->id[0]].word);
}

/*
 * Numbers are used again, but not while a word may hold one: a word that names
 * the dead gives EOWNERDEAD however often all numbers were given out since.
 */
TEST_F(death, handles_wrap_around)
{
	struct player *dead = NEW_PLAYER(TASK_PROCESS), *p;
	uint32_t highest = 0, lowest_later = UINT32_MAX;
	int i;

	ASSERT_EQ(0, param_set("handle_max", 8));
	ASSERT_EQ(0, player_do(dead, step_lock_fast, self->id[0]));
	ASSERT_EQ(0, die_by_kill(dead));
	for (i = 0; i < 40; i++) {
		p = NEW_PLAYER(TASK_THREAD);
		EXPECT_LE(p->handle, 8);
		EXPECT_NE(p->handle, self->self);
		/* Nobody but the dead one ever had this lock. */
		EXPECT_NE(-EDEADLK, player_do(p, step_unlock, self->id[0]));
		EXPECT_EQ(-EPERM, p->result);
		if (highest && p->handle < lowest_later)
			lowest_later = p->handle;
		highest = p->handle > highest ? p->handle : highest;
		ASSERT_EQ(0, player_end(p));
	}
	EXPECT_LT(lowest_later, highest);
	EXPECT_EQ(-EOWNERDEAD, raw_lock(self->fd, self->id[0], self->self, 0,
					KSYNC_NO_DEADLINE));
	repair(_metadata, self, self->id[0]);
}

/*
 * A storm: tasks use two locks, together, while tasks are killed and replaced.
 * Whoever gets a lock from the dead repairs it.
 */
#define VICTIMS	4

struct storm {
	int fd;
	struct ksync_cell *cells;
	uint32_t id[2];
	uint32_t stop;
	uint32_t inside[2];
	uint32_t met;
	uint32_t inherited;
};

/* 0: taken, and whoever was inside is alone now. */
static int storm_lock(struct storm *s, int n, uint32_t handle)
{
	uint32_t *word = &s->cells[s->id[n]].word;
	int ret = raw_lock(s->fd, s->id[n], handle, 0, KSYNC_NO_DEADLINE);

	if (ret == -EOWNERDEAD) {
		__atomic_store_n(&s->inside[n], 0, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&s->inherited, 1, __ATOMIC_SEQ_CST);
		__atomic_and_fetch(word, ~KSYNC_OWNER_DIED, __ATOMIC_SEQ_CST);
	} else if (ret) {
		return ret;
	}
	if (__atomic_exchange_n(&s->inside[n], 1, __ATOMIC_SEQ_CST))
		__atomic_add_fetch(&s->met, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static int storm_unlock(struct storm *s, int n, uint32_t handle)
{
	__atomic_store_n(&s->inside[n], 0, __ATOMIC_SEQ_CST);
	return raw_unlock(s->fd, s->id[n], handle);
}

static int brave_storm(void *arg)
{
	struct storm *s = arg;
	uint32_t handle;

	if (raw_attach(s->fd, &handle))
		return 1;
	while (!__atomic_load_n(&s->stop, __ATOMIC_SEQ_CST)) {
		if (storm_lock(s, 0, handle))
			return 2;
		if (storm_lock(s, 1, handle))
			return 3;
		if (storm_unlock(s, 1, handle))
			return 4;
		if (storm_unlock(s, 0, handle))
			return 5;
	}
	return 0;
}

/* Kill the victims in turn, at any moment, for a second and twice at least. */
static void rage(struct __test_metadata *_metadata, struct storm *s,
		 struct task victim[VICTIMS])
{
	const uint64_t end = raw_deadline(CLOCK_MONOTONIC, 1000);
	unsigned int seed = 1;
	struct timespec pause = { .tv_sec = 0 };
	int kills, status, i;

	for (kills = 0; kills < 2 * VICTIMS ||
	     raw_deadline(CLOCK_MONOTONIC, 0) < end; kills++) {
		i = kills % VICTIMS;
		pause.tv_nsec = rand_r(&seed) % 3000000;
		nanosleep(&pause, NULL);
		ASSERT_EQ(0, task_kill(&victim[i], SIGKILL));
		ASSERT_EQ(0, task_join(&victim[i], &status));
		EXPECT_EQ(-SIGKILL, status);
		ASSERT_EQ(0, task_start(&victim[i], i % 2 ? TASK_BARE : TASK_PROCESS,
					brave_storm, s));
	}
}

TEST_F(death, storm)
{
	struct storm *s = player_memory(sizeof(*s));
	struct task *victim = player_memory(VICTIMS * sizeof(*victim));
	struct ksync_info info;
	int i, status;

	s->fd = self->fd;
	s->cells = self->cells;
	s->id[0] = self->id[0];
	s->id[1] = self->id[1];
	for (i = 0; i < VICTIMS; i++)
		ASSERT_EQ(0, task_start(&victim[i], i % 2 ? TASK_BARE : TASK_PROCESS,
					brave_storm, s));
	rage(_metadata, s, victim);
	__atomic_store_n(&s->stop, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < VICTIMS; i++) {
		ASSERT_EQ(0, await_gone(task_tid(&victim[i])));
		ASSERT_EQ(0, task_join(&victim[i], &status));
		EXPECT_EQ(0, status);
	}
	EXPECT_EQ(0, s->met);
	EXPECT_GT(s->inherited, 0);
	ASSERT_EQ(0, raw_info(self->fd, &info));
	EXPECT_EQ(0, info.waiters);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, self->cells[self->id[i]].word & KSYNC_WAITERS);
		EXPECT_EQ(0, storm_lock(s, i, self->self));
		EXPECT_EQ(0, storm_unlock(s, i, self->self));
		EXPECT_EQ(0, self->cells[self->id[i]].word);
	}
}

KSFT_MAIN
