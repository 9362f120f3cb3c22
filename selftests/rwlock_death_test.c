// SPDX-License-Identifier: GPL-2.0
/*
 * Death of those who use a reader-writer lock.  A reader's leaves the lock as if
 * it had unlocked; a writer's is told to everybody until it is repaired.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/reader.h"
#include "lib/sys.h"

FIXTURE(rwdeath)
{
	int fd;
	struct ksync_cell *cells;
	uint32_t id;
	uint32_t self;
	uint32_t slot;
};

FIXTURE_VARIANT(rwdeath)
{
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(rwdeath, adaptive) {
};

FIXTURE_VARIANT_ADD(rwdeath, strict) {
	.flags = KSYNC_RWLOCK_STRICT,
};

FIXTURE_SETUP(rwdeath)
{
	self->fd = raw_open();
	self->cells = raw_map(self->fd, 64);
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_RWLOCK, variant->flags, &self->id));
	ASSERT_EQ(0, raw_attach(self->fd, &self->self));
	ASSERT_EQ(0, raw_attach_slot(self->fd, &self->slot));
}

FIXTURE_TEARDOWN(rwdeath)
{
	close(self->fd);
}

#define NEW_PLAYER(kind)	new_player(_metadata, self, kind)

static struct player *new_player(struct __test_metadata *_metadata,
				 struct _test_data_rwdeath *self, enum task_kind kind)
{
	struct player *p = player_start(kind, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	return p;
}

/* Let it wait for the lock, which has @n waiters then. */
static int wait_for(const struct _test_data_rwdeath *self, struct player *p,
		    player_step step, uint32_t n)
{
	int ret;

	player_post(p, step, self->id);
	ret = await_waiters(self->fd, self->id, n);
	return ret ? ret : player_await_asleep(p);
}

#define WAIT_FOR(p, step, n)	ASSERT_EQ(0, wait_for(self, p, step, n))

#define WORD	__atomic_load_n(&self->cells[self->id].word, __ATOMIC_SEQ_CST)

/* Ways to die: the task is gone, or is another program, when they are over. */
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

/* The new program reads from a pipe that nobody writes to, until it is killed. */
static int pipe_end[2];

static int step_exec(struct player *p)
{
	char *const argv[] = { "/bin/cat", NULL };

	(void)p;
	sys(SYS_dup2, pipe_end[0], 0);
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

/* A writer waits for the reader that dies, behind it another reader. */
static void reader_dies(struct __test_metadata *_metadata,
			struct _test_data_rwdeath *self, enum task_kind kind, death die)
{
	struct player *reader = NEW_PLAYER(kind), *again = NEW_PLAYER(TASK_PROCESS);
	struct player *writer = NEW_PLAYER(TASK_THREAD), *late = NEW_PLAYER(TASK_PROCESS);

	ASSERT_EQ(0, player_do(reader, step_read_fast, self->id));
	ASSERT_EQ(0, player_do(reader, step_read, self->id));
	ASSERT_EQ(0, player_do(again, step_read, self->id));
	WAIT_FOR(writer, step_lock, 1);
	WAIT_FOR(late, step_read, 2);
	ASSERT_EQ(0, player_do(again, step_unread, self->id));
	ASSERT_EQ(0, die(reader));
	/* No EOWNERDEAD: a reader breaks nothing. */
	EXPECT_EQ(0, player_result(writer));
	EXPECT_EQ(0, reader_count(self->fd, self->id));
	EXPECT_EQ(0, player_do(writer, step_unlock, self->id));
	EXPECT_EQ(0, player_result(late));
	EXPECT_EQ(0, player_do(late, step_unread, self->id));
	EXPECT_EQ(0, player_do(writer, step_lock, self->id));
	EXPECT_EQ(0, player_do(writer, step_unlock, self->id));
	EXPECT_EQ(0, WORD);
}

TEST_F(rwdeath, reader_thread_exits)
{
	reader_dies(_metadata, self, TASK_THREAD, die_by_exit);
}

TEST_F(rwdeath, reader_bare_exits)
{
	reader_dies(_metadata, self, TASK_BARE, die_by_exit);
}

TEST_F(rwdeath, reader_process_exits)
{
	reader_dies(_metadata, self, TASK_PROCESS, die_by_exit);
}

TEST_F(rwdeath, reader_bare_killed)
{
	reader_dies(_metadata, self, TASK_BARE, die_by_kill);
}

TEST_F(rwdeath, reader_process_killed)
{
	reader_dies(_metadata, self, TASK_PROCESS, die_by_kill);
}

TEST_F(rwdeath, reader_process_execs)
{
	ASSERT_EQ(0, pipe2(pipe_end, O_CLOEXEC));
	reader_dies(_metadata, self, TASK_PROCESS, die_by_exec);
}

/* Nobody waits: whoever comes next finds that the dead do not read. */
TEST_F(rwdeath, reader_dies_unnoticed)
{
	struct player *reader = NEW_PLAYER(TASK_PROCESS);

	ASSERT_EQ(0, player_do(reader, step_read_fast, self->id));
	EXPECT_EQ(1, reader_count(self->fd, self->id));
	ASSERT_EQ(0, die_by_kill(reader));
	EXPECT_EQ(0, reader_count(self->fd, self->id));
	EXPECT_EQ(0, raw_lock(self->fd, self->id, self->self, KSYNC_WAIT_TRY,
			      KSYNC_NO_DEADLINE));
	EXPECT_EQ(0, raw_unlock(self->fd, self->id, self->self));
}

static int read_lock(struct _test_data_rwdeath *self, uint32_t flags)
{
	return raw_lock(self->fd, self->id, self->self, flags | KSYNC_LOCK_READ,
			KSYNC_NO_DEADLINE);
}

static int read_unlock(struct _test_data_rwdeath *self)
{
	__atomic_exchange_n((uint32_t *)&self->cells[self->slot], 0, __ATOMIC_SEQ_CST);
	return 0;
}

/* Each reader and each writer is told, until a writer has repaired it. */
static void repair(struct __test_metadata *_metadata, struct _test_data_rwdeath *self)
{
	struct player *p = NEW_PLAYER(TASK_PROCESS);

	EXPECT_EQ(-EOWNERDEAD, read_lock(self, 0));
	EXPECT_EQ(-EBUSY, player_do(p, step_read_fast, self->id));
	EXPECT_EQ(-EOWNERDEAD, player_do(p, step_read_try, self->id));
	/* They have it. */
	EXPECT_EQ(2, reader_count(self->fd, self->id));
	EXPECT_EQ(KSYNC_READ | KSYNC_OWNER_DIED, WORD);
	EXPECT_EQ(0, read_unlock(self));
	EXPECT_EQ(-EBUSY, raw_lock(self->fd, self->id, self->self, KSYNC_WAIT_TRY,
				   KSYNC_NO_DEADLINE));
	EXPECT_EQ(KSYNC_READ | KSYNC_OWNER_DIED, WORD);
	EXPECT_EQ(0, player_do(p, step_unread, self->id));
	EXPECT_EQ(-EOWNERDEAD, raw_lock(self->fd, self->id, self->self, 0,
					KSYNC_NO_DEADLINE));
	EXPECT_EQ(self->self | KSYNC_OWNER_DIED, WORD);
	__atomic_and_fetch(&self->cells[self->id].word, ~KSYNC_OWNER_DIED,
			   __ATOMIC_SEQ_CST);
	EXPECT_EQ(0, raw_unlock(self->fd, self->id, self->self));
	EXPECT_EQ(0, read_lock(self, 0));
	EXPECT_EQ(0, read_unlock(self));
	EXPECT_EQ(0, player_end(p));
}

TEST_F(rwdeath, writer_dies_unnoticed)
{
	struct player *writer = NEW_PLAYER(TASK_BARE);

	ASSERT_EQ(0, player_do(writer, step_lock_fast, self->id));
	ASSERT_EQ(0, die_by_exit(writer));
	repair(_metadata, self);
}

/* Two readers and a writer wait. */
static void writer_dies(struct __test_metadata *_metadata,
			struct _test_data_rwdeath *self, enum task_kind kind, death die)
{
	struct player *writer = NEW_PLAYER(kind), *next = NEW_PLAYER(TASK_PROCESS);
	struct player *r[2] = { NEW_PLAYER(TASK_THREAD), NEW_PLAYER(TASK_PROCESS) };

	ASSERT_EQ(0, player_do(writer, step_lock_fast, self->id));
	WAIT_FOR(r[0], step_read, 1);
	WAIT_FOR(next, step_lock, 2);
	WAIT_FOR(r[1], step_read, 3);
	ASSERT_EQ(0, die(writer));
	EXPECT_EQ(-EOWNERDEAD, player_result(r[0]));
	EXPECT_EQ(-EOWNERDEAD, player_result(r[1]));
	EXPECT_EQ(2, reader_count(self->fd, self->id));
	EXPECT_EQ(0, await_waiters(self->fd, self->id, 1));
	EXPECT_EQ(0, player_do(r[0], step_unread, self->id));
	EXPECT_EQ(0, player_do(r[1], step_unread, self->id));
	EXPECT_EQ(-EOWNERDEAD, player_result(next));
	EXPECT_EQ(next->handle | KSYNC_OWNER_DIED, WORD);
	EXPECT_EQ(0, player_do(next, step_consistent, self->id));
	EXPECT_EQ(0, player_do(next, step_unlock, self->id));
	EXPECT_EQ(0, player_do(r[0], step_read, self->id));
}

TEST_F(rwdeath, writer_thread_exits)
{
	writer_dies(_metadata, self, TASK_THREAD, die_by_exit);
}

TEST_F(rwdeath, writer_bare_killed)
{
	writer_dies(_metadata, self, TASK_BARE, die_by_kill);
}

TEST_F(rwdeath, writer_process_killed)
{
	writer_dies(_metadata, self, TASK_PROCESS, die_by_kill);
}

/* It had the word, but not the lock: nothing is broken. */
static void waiting_writer_dies(struct __test_metadata *_metadata,
				struct _test_data_rwdeath *self, enum task_kind kind)
{
	struct player *reader = NEW_PLAYER(TASK_THREAD), *writer = NEW_PLAYER(kind);
	struct player *late = NEW_PLAYER(TASK_PROCESS), *next = NEW_PLAYER(TASK_PROCESS);

	ASSERT_EQ(0, player_do(reader, step_read_fast, self->id));
	WAIT_FOR(writer, step_lock, 1);
	WAIT_FOR(late, step_read, 2);
	WAIT_FOR(next, step_lock, 3);
	ASSERT_EQ(0, die_by_kill(writer));
	EXPECT_EQ(0, player_result(late));
	EXPECT_EQ(0, await_waiters(self->fd, self->id, 1));
	EXPECT_EQ(0, player_do(late, step_unread, self->id));
	EXPECT_EQ(0, player_do(reader, step_unread, self->id));
	EXPECT_EQ(0, player_result(next));
	EXPECT_EQ(0, player_do(next, step_unlock, self->id));
	EXPECT_EQ(0, WORD);
}

TEST_F(rwdeath, writer_that_waits_for_readers_is_killed)
{
	waiting_writer_dies(_metadata, self, TASK_PROCESS);
	waiting_writer_dies(_metadata, self, TASK_BARE);
}

TEST_F(rwdeath, reader_that_waits_is_killed)
{
	struct player *writer = NEW_PLAYER(TASK_THREAD), *reader = NEW_PLAYER(TASK_PROCESS);
	struct player *other = NEW_PLAYER(TASK_PROCESS);

	ASSERT_EQ(0, player_do(writer, step_lock_fast, self->id));
	WAIT_FOR(reader, step_read, 1);
	WAIT_FOR(other, step_read, 2);
	ASSERT_EQ(0, die_by_kill(reader));
	EXPECT_EQ(0, await_waiters(self->fd, self->id, 1));
	EXPECT_EQ(0, player_do(writer, step_unlock, self->id));
	EXPECT_EQ(0, player_result(other));
	EXPECT_EQ(1, reader_count(self->fd, self->id));
}

/* What a writer that gives up was told stays to be told. */
TEST_F(rwdeath, owner_died_outlives_a_timeout)
{
	struct player *dead = NEW_PLAYER(TASK_BARE), *reader = NEW_PLAYER(TASK_THREAD);

	ASSERT_EQ(0, player_do(dead, step_lock_fast, self->id));
	ASSERT_EQ(0, die_by_exit(dead));
	ASSERT_EQ(-EOWNERDEAD, player_do(reader, step_read, self->id));
	EXPECT_EQ(-ETIMEDOUT, raw_lock(self->fd, self->id, self->self, 0,
				       raw_deadline(CLOCK_MONOTONIC, 30)));
	EXPECT_EQ(KSYNC_READ | KSYNC_OWNER_DIED, WORD);
	EXPECT_EQ(0, player_do(reader, step_unread, self->id));
	repair(_metadata, self);
}

TEST_F(rwdeath, unlocked_inconsistent_is_not_recoverable)
{
	struct player *dead = NEW_PLAYER(TASK_PROCESS), *r = NEW_PLAYER(TASK_PROCESS);
	struct player *w = NEW_PLAYER(TASK_BARE);

	ASSERT_EQ(0, player_do(dead, step_lock_fast, self->id));
	ASSERT_EQ(0, die_by_kill(dead));
	ASSERT_EQ(-EOWNERDEAD, raw_lock(self->fd, self->id, self->self, 0,
					KSYNC_NO_DEADLINE));
	WAIT_FOR(r, step_read, 1);
	WAIT_FOR(w, step_lock, 2);
	EXPECT_EQ(0, raw_unlock(self->fd, self->id, self->self));
	EXPECT_EQ(-ENOTRECOVERABLE, player_result(r));
	EXPECT_EQ(-ENOTRECOVERABLE, player_result(w));
	EXPECT_EQ(-ENOTRECOVERABLE, read_lock(self, 0));
	EXPECT_EQ(-ENOTRECOVERABLE, read_lock(self, KSYNC_WAIT_TRY));
	EXPECT_EQ(0, reader_count(self->fd, self->id));
	EXPECT_EQ(KSYNC_NOTRECOVERABLE, WORD);
}

/* A child of fork() reads nothing of what its parent reads. */
static void check_child(struct ksync_rwlock *l, int *ret)
{
	ret[0] = ksync_rwlock_unlock(l);
	ret[1] = ksync_rwlock_write_lock_try(l);
	ret[2] = ksync_rwlock_read_lock(l);
	ret[3] = reader_count(ksync_fileno(l->o.domain), ksync_rwlock_id(l));
	ret[4] = ksync_rwlock_unlock(l);
	ret[5] = ksync_rwlock_read_lock(l);
}

TEST_F(rwdeath, child_reads_for_itself)
{
	int *ret = player_memory(8 * sizeof(*ret)), status;
	struct ksync_rwlock l;
	struct ksync *d;
	pid_t pid;

	ASSERT_EQ(0, ksync_adopt(&d, self->fd));
	ASSERT_EQ(0, ksync_rwlock_open(&l, d, self->id));
	ASSERT_EQ(0, ksync_rwlock_read_lock(&l));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		check_child(&l, ret);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(-EPERM, ret[0]);
	EXPECT_EQ(-EBUSY, ret[1]);
	EXPECT_EQ(0, ret[2]);
	EXPECT_EQ(2, ret[3]);
	EXPECT_EQ(0, ret[4]);
	EXPECT_EQ(0, ret[5]);
	/* The child died as a reader of its own; the parent's entry is there. */
	EXPECT_EQ(1, reader_count(self->fd, self->id));
	EXPECT_EQ(0, ksync_rwlock_unlock(&l));
	EXPECT_EQ(0, ksync_rwlock_write_lock_try(&l));
	EXPECT_EQ(0, ksync_rwlock_unlock(&l));
}

KSFT_MAIN
