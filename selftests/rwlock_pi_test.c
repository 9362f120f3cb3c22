// SPDX-License-Identifier: GPL-2.0
/*
 * Reader-writer locks: a writer raises the readers that it waits for, one after
 * the other, and readers raise the writer; through chains; and a cycle of such
 * waits is refused.
 */
#include <signal.h>
#include <unistd.h>
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/reader.h"

#define NORMAL		NORMAL_PRIO
#define FIFO(prio)	FIFO_SHOWN(prio)

FIXTURE(rwpi)
{
	int fd;
	struct ksync_cell *cells;
	uint32_t id[2];		/* rwlocks */
	uint32_t mutex;
};

FIXTURE_VARIANT(rwpi)
{
	uint32_t flags;
	enum task_kind task;
};

FIXTURE_VARIANT_ADD(rwpi, threads) {
	.task = TASK_THREAD,
};

FIXTURE_VARIANT_ADD(rwpi, strict_bare) {
	.flags = KSYNC_RWLOCK_STRICT,
	.task = TASK_BARE,
};

FIXTURE_VARIANT_ADD(rwpi, processes) {
	.task = TASK_PROCESS,
};

static void on_signal(int sig)
{
	(void)sig;
}

FIXTURE_SETUP(rwpi)
{
	const struct sigaction action = { .sa_handler = on_signal };
	int i;

	self->fd = raw_open();
	self->cells = raw_map(self->fd, 64);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_RWLOCK, variant->flags,
					&self->id[i]));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, 0, &self->mutex));
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
}

FIXTURE_TEARDOWN(rwpi)
{
	close(self->fd);
}

/* A task of its own; @prio 0 is the normal policy. */
#define NEW_PLAYER(prio)						\
	new_player(_metadata, self, variant->task, prio)

static struct player *new_player(struct __test_metadata *_metadata,
				 struct _test_data_rwpi *self, enum task_kind kind,
				 int prio)
{
	struct player *p = player_start(kind, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	if (prio)
		ASSERT_EQ(0, sched_fifo(task_tid(&p->task), prio));
	return p;
}

#define EXPECT_PRIO(prio, p)	EXPECT_EQ(0, await_prio(task_tid(&(p)->task), prio))
#define NOW(prio, p)		EXPECT_EQ(prio, effective_prio(task_tid(&(p)->task)))

/* Let it wait for an object, which has @n waiters then. */
static int wait_for(const struct _test_data_rwpi *self, struct player *p,
		    player_step step, uint32_t id, uint32_t n)
{
	int ret;

	player_post(p, step, id);
	ret = await_waiters(self->fd, id, n);
	return ret ? ret : player_await_asleep(p);
}

#define WAIT_FOR(p, step, id, n)					\
	ASSERT_EQ(0, wait_for(self, p, step, id, n))

/* However it came to read. */
static void writer_boosts(struct __test_metadata *_metadata, struct _test_data_rwpi *self,
			  struct player *reader, struct player *writer, player_step read)
{
	const uint32_t id = self->id[0];

	ASSERT_EQ(0, player_do(reader, read, id));
	EXPECT_PRIO(NORMAL, reader);
	WAIT_FOR(writer, step_lock, id, 1);
	EXPECT_PRIO(FIFO(30), reader);
	ASSERT_EQ(0, player_do(reader, step_unread, id));
	NOW(NORMAL, reader);
	ASSERT_EQ(0, player_result(writer));
	EXPECT_EQ(0, player_do(writer, step_unlock, id));
	EXPECT_EQ(0, self->cells[id].word);
}

TEST_F(rwpi, writer_boosts_a_reader)
{
	struct player *reader = NEW_PLAYER(0), *writer = NEW_PLAYER(30);

	writer_boosts(_metadata, self, reader, writer, step_read_fast);
	writer_boosts(_metadata, self, reader, writer, step_read);
}

/* One at a time, whoever leaves first, and nobody twice. */
TEST_F(rwpi, writer_boosts_reader_after_reader)
{
	struct player *r[3], *writer = NEW_PLAYER(30);
	int i, left, boosted;

	for (i = 0; i < 3; i++) {
		r[i] = NEW_PLAYER(0);
		ASSERT_EQ(0, player_do(r[i], step_read_fast, self->id[0]));
	}
	WAIT_FOR(writer, step_lock, self->id[0], 1);
	/* By handle: the order they came in. The last one leaves unnoticed. */
	EXPECT_PRIO(FIFO(30), r[0]);
	NOW(NORMAL, r[1]);
	NOW(NORMAL, r[2]);
	ASSERT_EQ(0, player_do(r[0], step_unread, self->id[0]));
	NOW(NORMAL, r[0]);
	EXPECT_PRIO(FIFO(30), r[1]);
	ASSERT_EQ(0, player_do(r[2], step_unread, self->id[0]));
	NOW(FIFO(30), r[1]);
	for (i = 0, left = 0, boosted = 0; i < 3; i++) {
		left += !reader_entry(r[i], self->id[0]);
		boosted += effective_prio(task_tid(&r[i]->task)) == FIFO(30);
	}
	EXPECT_EQ(2, left);
	EXPECT_EQ(1, boosted);
	ASSERT_EQ(0, player_do(r[1], step_unread, self->id[0]));
	NOW(NORMAL, r[1]);
	EXPECT_EQ(0, player_result(writer));
}

TEST_F(rwpi, readers_boost_the_writer)
{
	struct player *writer = NEW_PLAYER(0);
	struct player *low = NEW_PLAYER(20), *high = NEW_PLAYER(40);

	ASSERT_EQ(0, player_do(writer, step_lock_fast, self->id[0]));
	WAIT_FOR(low, step_read, self->id[0], 1);
	EXPECT_PRIO(FIFO(20), writer);
	WAIT_FOR(high, step_read, self->id[0], 2);
	EXPECT_PRIO(FIFO(40), writer);
	ASSERT_EQ(0, player_do(writer, step_unlock, self->id[0]));
	NOW(NORMAL, writer);
	EXPECT_EQ(0, player_result(low));
	EXPECT_EQ(0, player_result(high));
	EXPECT_EQ(2, reader_count(self->fd, self->id[0]));
}

/* Who waits behind the writer counts for the reader that the writer waits for. */
TEST_F(rwpi, waiters_boost_the_reader_through_the_writer)
{
	struct player *reader = NEW_PLAYER(0), *writer = NEW_PLAYER(10);
	struct player *second = NEW_PLAYER(30), *late = NEW_PLAYER(50);

	ASSERT_EQ(0, player_do(reader, step_read_fast, self->id[0]));
	WAIT_FOR(writer, step_lock, self->id[0], 1);
	EXPECT_PRIO(FIFO(10), reader);
	WAIT_FOR(late, step_read, self->id[0], 2);
	EXPECT_PRIO(FIFO(50), writer);
	EXPECT_PRIO(FIFO(50), reader);
	WAIT_FOR(second, step_lock, self->id[0], 3);
	ASSERT_EQ(0, player_do(reader, step_unread, self->id[0]));
	NOW(NORMAL, reader);
	ASSERT_EQ(0, player_result(writer));
	EXPECT_PRIO(FIFO(50), writer);
	ASSERT_EQ(0, player_do(writer, step_unlock, self->id[0]));
	NOW(FIFO(10), writer);
	ASSERT_EQ(0, player_result(late));
	/* Now the other writer is in its way. */
	EXPECT_PRIO(FIFO(50), late);
	ASSERT_EQ(0, player_do(late, step_unread, self->id[0]));
	EXPECT_EQ(0, player_result(second));
}

/* high wants the mutex of mid, a writer, that waits for low, which reads. */
TEST_F(rwpi, chain_through_a_mutex)
{
	struct player *low = NEW_PLAYER(0), *mid = NEW_PLAYER(0), *high = NEW_PLAYER(40);

	ASSERT_EQ(0, player_do(low, step_read_fast, self->id[0]));
	ASSERT_EQ(0, player_do(mid, step_lock_fast, self->mutex));
	WAIT_FOR(high, step_lock, self->mutex, 1);
	WAIT_FOR(mid, step_lock, self->id[0], 1);
	EXPECT_PRIO(FIFO(40), mid);
	EXPECT_PRIO(FIFO(40), low);
	ASSERT_EQ(0, player_do(low, step_unread, self->id[0]));
	NOW(NORMAL, low);
	ASSERT_EQ(0, player_result(mid));
	EXPECT_EQ(0, player_do(mid, step_unlock, self->id[0]));
	EXPECT_PRIO(FIFO(40), mid);
	EXPECT_EQ(0, player_do(mid, step_unlock, self->mutex));
	NOW(NORMAL, mid);
	EXPECT_EQ(0, player_result(high));
}

/* The other way: the writer waits for a reader that waits for a mutex. */
TEST_F(rwpi, chain_into_a_mutex)
{
	struct player *low = NEW_PLAYER(0), *mid = NEW_PLAYER(0), *high = NEW_PLAYER(40);

	ASSERT_EQ(0, player_do(low, step_lock_fast, self->mutex));
	ASSERT_EQ(0, player_do(mid, step_read_fast, self->id[0]));
	WAIT_FOR(high, step_lock, self->id[0], 1);
	EXPECT_PRIO(FIFO(40), mid);
	WAIT_FOR(mid, step_lock, self->mutex, 1);
	EXPECT_PRIO(FIFO(40), low);
	ASSERT_EQ(0, player_do(low, step_unlock, self->mutex));
	NOW(NORMAL, low);
	ASSERT_EQ(0, player_result(mid));
	EXPECT_EQ(0, player_do(mid, step_unlock, self->mutex));
	ASSERT_EQ(0, player_do(mid, step_unread, self->id[0]));
	NOW(NORMAL, mid);
	EXPECT_EQ(0, player_result(high));
}

/* What ends a writer's wait ends the boost, and gives the word back. */
static void wait_ends(struct __test_metadata *_metadata, struct _test_data_rwpi *self,
		      struct player *reader, struct player *writer, int answer)
{
	EXPECT_EQ(answer, player_result(writer));
	NOW(NORMAL, reader);
	EXPECT_EQ(KSYNC_READ, self->cells[self->id[0]].word);
	EXPECT_EQ(1, reader_count(self->fd, self->id[0]));
	EXPECT_EQ(0, player_do(reader, step_unread, self->id[0]));
	EXPECT_EQ(0, player_do(writer, step_lock, self->id[0]));
	EXPECT_EQ(0, player_do(writer, step_unlock, self->id[0]));
}

TEST_F(rwpi, timeout_of_the_writer_ends_boost)
{
	struct player *reader = NEW_PLAYER(0), *writer = NEW_PLAYER(30);

	ASSERT_EQ(0, player_do(reader, step_read_fast, self->id[0]));
	writer->deadline = raw_deadline(CLOCK_MONOTONIC, 3000);
	WAIT_FOR(writer, step_lock_until, self->id[0], 1);
	EXPECT_PRIO(FIFO(30), reader);
	wait_ends(_metadata, self, reader, writer, -ETIMEDOUT);
}

TEST_F(rwpi, signal_to_the_writer_ends_boost)
{
	struct player *reader = NEW_PLAYER(0), *writer = NEW_PLAYER(30);

	ASSERT_EQ(0, player_do(reader, step_read_fast, self->id[0]));
	writer->deadline = KSYNC_NO_DEADLINE;
	writer->flags = KSYNC_WAIT_INTERRUPTIBLE;
	WAIT_FOR(writer, step_lock_until, self->id[0], 1);
	EXPECT_PRIO(FIFO(30), reader);
	ASSERT_EQ(0, task_kill(&writer->task, SIGUSR1));
	wait_ends(_metadata, self, reader, writer, -EINTR);
}

/* Both read both, and want to write the other's, crosswise. */
TEST_F(rwpi, two_rwlocks_crossed)
{
	struct player *a = NEW_PLAYER(0), *b = NEW_PLAYER(0);

	ASSERT_EQ(0, player_do(a, step_read_fast, self->id[0]));
	ASSERT_EQ(0, player_do(b, step_read_fast, self->id[1]));
	WAIT_FOR(a, step_lock, self->id[1], 1);
	EXPECT_EQ(-EDEADLK, player_do(b, step_lock, self->id[0]));
	/* What it took to look is given back. */
	EXPECT_EQ(KSYNC_READ, self->cells[self->id[0]].word);
	ASSERT_EQ(0, player_do(b, step_unread, self->id[1]));
	EXPECT_EQ(0, player_result(a));
}

/* a writes 0 and wants to read 1, which b writes, who wants to read 0. */
TEST_F(rwpi, writers_that_want_to_read_crossed)
{
	struct player *a = NEW_PLAYER(0), *b = NEW_PLAYER(0);

	ASSERT_EQ(0, player_do(a, step_lock_fast, self->id[0]));
	ASSERT_EQ(0, player_do(b, step_lock_fast, self->id[1]));
	WAIT_FOR(a, step_read, self->id[1], 1);
	EXPECT_EQ(-EDEADLK, player_do(b, step_read, self->id[0]));
	EXPECT_EQ(0, reader_entry(b, self->id[0]));
	EXPECT_EQ(0, player_do(b, step_unlock, self->id[1]));
	EXPECT_EQ(0, player_result(a));
}

TEST_F(rwpi, reader_and_mutex_crossed)
{
	struct player *a = NEW_PLAYER(0), *b = NEW_PLAYER(0);

	ASSERT_EQ(0, player_do(a, step_read_fast, self->id[0]));
	ASSERT_EQ(0, player_do(b, step_lock_fast, self->mutex));
	WAIT_FOR(a, step_lock, self->mutex, 1);
	EXPECT_EQ(-EDEADLK, player_do(b, step_lock, self->id[0]));
	EXPECT_EQ(0, player_do(b, step_unlock, self->mutex));
	EXPECT_EQ(0, player_result(a));
	/* And the other way round. */
	ASSERT_EQ(0, player_do(b, step_read, self->id[1]));
	WAIT_FOR(b, step_lock, self->id[0], 1);
	EXPECT_EQ(-EDEADLK, player_do(a, step_lock, self->id[1]));
	EXPECT_EQ(0, player_do(a, step_unread, self->id[0]));
	EXPECT_EQ(0, player_result(b));
}

/* The cycle is through the second reader: found once the first has left. */
TEST_F(rwpi, cycle_behind_another_reader)
{
	struct player *first = NEW_PLAYER(0), *second = NEW_PLAYER(0);
	struct player *writer = NEW_PLAYER(0);

	ASSERT_EQ(0, player_do(first, step_read_fast, self->id[0]));
	ASSERT_EQ(0, player_do(second, step_read_fast, self->id[0]));
	ASSERT_EQ(0, player_do(writer, step_lock_fast, self->mutex));
	WAIT_FOR(writer, step_lock, self->id[0], 1);
	WAIT_FOR(second, step_lock, self->mutex, 1);
	EXPECT_EQ(0, player_do(first, step_unread, self->id[0]));
	EXPECT_EQ(-EDEADLK, player_result(writer));
	EXPECT_EQ(KSYNC_READ, self->cells[self->id[0]].word);
	EXPECT_EQ(0, player_do(writer, step_unlock, self->mutex));
	EXPECT_EQ(0, player_result(second));
}

TEST_F(rwpi, upgrade_by_two)
{
	struct player *a = NEW_PLAYER(0), *b = NEW_PLAYER(0);

	ASSERT_EQ(0, player_do(a, step_read_fast, self->id[0]));
	ASSERT_EQ(0, player_do(b, step_read_fast, self->id[0]));
	EXPECT_EQ(-EDEADLK, player_do(a, step_lock, self->id[0]));
	EXPECT_EQ(-EDEADLK, player_do(b, step_lock, self->id[0]));
	EXPECT_EQ(KSYNC_READ, self->cells[self->id[0]].word);
}

KSFT_MAIN
