// SPDX-License-Identifier: GPL-2.0
/*
 * What seldom happens to what a wait on many objects waits for: it is moved away,
 * cannot be had any more, or is had twice.
 */
#include <unistd.h>

#include "lib/ksft.h"
#include "lib/many.h"
#include "lib/player.h"
#include "lib/reader.h"

FIXTURE(edge)
{
	int fd;
	struct ksync_cell *cells;
	uint32_t from, to, sem, mutex, rwlock;
};

FIXTURE_SETUP(edge)
{
	self->fd = raw_open();
	self->cells = raw_map(self->fd, 64);
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_WAITQ, 0, &self->from));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_WAITQ, 0, &self->to));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_SEM, 0, &self->sem));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, 0, &self->mutex));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_RWLOCK, 0, &self->rwlock));
}

FIXTURE_TEARDOWN(edge)
{
	close(self->fd);
}

static struct player *start(struct __test_metadata *_metadata, struct _test_data_edge *self,
			    int prio)
{
	struct player *p = player_start(TASK_PROCESS, self->fd, self->cells);

	ASSERT_NE(NULL, p);
	if (prio)
		ASSERT_EQ(0, sched_fifo(task_tid(&p->task), prio));
	return p;
}

static int step_wait(struct player *p)
{
	return raw_wait(p->fd, p->id, 0, KSYNC_BITSET_ALL, 0, KSYNC_NO_DEADLINE);
}

/*
 * A wait for all stands in the queue of one of them to be told, not to be given
 * something: it is told, and not moved. It looks again, and stays with its waitq.
 */
TEST_F(edge, a_requeue_does_not_move_who_waits_for_all)
{
	const uint32_t ids[] = { self->sem, self->from };
	struct player *all = start(_metadata, self, 0), *one = start(_metadata, self, 0);
	struct ksync_requeue move = { .from = self->from, .to = self->to, .move = 9 };
	uint32_t was, n;

	ASSERT_EQ(0, raw_release(self->fd, self->sem, 0, 1, &was));
	ASSERT_EQ(0, many_await(all, KSYNC_MANY_ALL, 0, ids, 2));
	player_post(one, step_wait, self->from);
	ASSERT_EQ(0, await_waiters(self->fd, self->from, 2));
	ASSERT_EQ(0, player_await_asleep(one));
	ASSERT_EQ(0, raw_requeue(self->fd, &move));
	EXPECT_EQ(1, move.moved);
	EXPECT_EQ(0, await_waiters(self->fd, self->to, 1));
	EXPECT_EQ(0, await_waiters(self->fd, self->from, 1));
	EXPECT_EQ(1, self->cells[self->sem].word);

	__atomic_store_n(&self->cells[self->from].word, 1, __ATOMIC_SEQ_CST);
	ASSERT_EQ(0, raw_wake(self->fd, self->from, 9, KSYNC_BITSET_ALL, &n));
	EXPECT_EQ(0, player_result(all));
	EXPECT_EQ(0, self->cells[self->sem].word);
	ASSERT_EQ(0, raw_wake(self->fd, self->to, 9, KSYNC_BITSET_ALL, &n));
	EXPECT_EQ(1, n);
	EXPECT_EQ(0, player_result(one));
	EXPECT_EQ(0, player_end(all));
	EXPECT_EQ(0, player_end(one));
}

/* The wait sits behind a heir that does not repair what it was left. */
TEST_F(edge, any_is_told_which_lock_is_lost)
{
	const uint32_t ids[] = { self->sem, self->mutex };
	struct player *owner = start(_metadata, self, 0), *heir = start(_metadata, self, 30);
	struct player *any = start(_metadata, self, 0);

	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->mutex));
	player_post(heir, step_lock, self->mutex);
	ASSERT_EQ(0, await_waiters(self->fd, self->mutex, 1));
	ASSERT_EQ(0, player_await_asleep(heir));
	ASSERT_EQ(0, many_await(any, 0, 0, ids, 2));
	ASSERT_EQ(0, player_end(owner));
	EXPECT_EQ(-EOWNERDEAD, player_result(heir));
	EXPECT_EQ(0, player_do(heir, step_unlock, self->mutex));
	EXPECT_EQ(-ENOTRECOVERABLE, player_result(any));
	EXPECT_EQ(1, any->many.index);
	EXPECT_EQ(0, player_end(heir));
	EXPECT_EQ(0, player_end(any));
}

/* While a wait for all sleeps it has nothing more than before, and then one read more. */
TEST_F(edge, all_reads_what_is_read_already)
{
	const uint32_t ids[] = { MANY_READ(self->rwlock), self->mutex };
	struct player *owner = start(_metadata, self, 0), *all = start(_metadata, self, 0);

	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->mutex));
	ASSERT_EQ(0, player_do(all, step_read, self->rwlock));
	ASSERT_EQ(0, many_await(all, KSYNC_MANY_ALL, 0, ids, 2));
	EXPECT_EQ(KSYNC_SLOT(self->rwlock, 1U), reader_entry(all, self->rwlock));
	EXPECT_EQ(0, player_do(owner, step_unlock, self->mutex));
	EXPECT_EQ(0, player_result(all));
	EXPECT_EQ(KSYNC_SLOT(self->rwlock, 2U), reader_entry(all, self->rwlock));
	EXPECT_EQ(0, player_end(owner));
	EXPECT_EQ(0, player_end(all));
}

/* To write, that is; who waits for it in turn keeps readers out. */
TEST_F(edge, who_watches_a_lock_is_not_in_readers_way)
{
	const uint32_t watch[] = { MANY_WATCH(self->rwlock) }, wait[] = { self->rwlock };
	struct player *first = start(_metadata, self, 0), *second = start(_metadata, self, 0);
	struct player *any = start(_metadata, self, 0);

	ASSERT_EQ(0, player_do(first, step_read, self->rwlock));
	ASSERT_EQ(0, many_await(any, 0, 0, watch, 1));
	EXPECT_EQ(0, player_do(second, step_read_try, self->rwlock));
	EXPECT_EQ(0, player_do(second, step_unread, self->rwlock));
	EXPECT_EQ(1, reader_count(self->fd, self->rwlock));
	EXPECT_EQ(0, player_do(first, step_unread, self->rwlock));
	EXPECT_EQ(0, player_result(any));
	EXPECT_EQ(any->handle, self->cells[self->rwlock].word & KSYNC_OWNER);
	EXPECT_EQ(-EBUSY, player_do(second, step_read_try, self->rwlock));
	EXPECT_EQ(0, player_do(any, step_unlock, self->rwlock));

	ASSERT_EQ(0, player_do(first, step_read, self->rwlock));
	ASSERT_EQ(0, many_await(any, 0, 0, wait, 1));
	EXPECT_EQ(-EBUSY, player_do(second, step_read_try, self->rwlock));
	EXPECT_EQ(0, player_do(first, step_unread, self->rwlock));
	EXPECT_EQ(0, player_result(any));
	EXPECT_EQ(0, player_end(first));
	EXPECT_EQ(0, player_end(second));
	EXPECT_EQ(0, player_end(any));
}

/* Nobody waits for it in turn, who would be told of the owner's death. */
TEST_F(edge, who_watches_a_lock_is_told_of_a_dead_owner)
{
	const uint32_t ids[] = { MANY_WATCH(self->mutex) };
	struct player *owner = start(_metadata, self, 0), *any = start(_metadata, self, 0);

	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->mutex));
	ASSERT_EQ(0, many_await(any, 0, 0, ids, 1));
	ASSERT_EQ(0, player_end(owner));
	EXPECT_EQ(-EOWNERDEAD, player_result(any));
	EXPECT_EQ(0, any->many.index);
	EXPECT_EQ(0, player_do(any, step_consistent, self->mutex));
	EXPECT_EQ(0, player_end(any));
}

/* Lost, it is of no use to any of them: one tells the other. */
static void lost(struct __test_metadata *_metadata, struct _test_data_edge *self, int queued)
{
	const uint32_t ids[] = { MANY_WATCH(self->mutex) };
	struct player *owner = start(_metadata, self, 0), *p[4];
	int i;

	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->mutex));
	ASSERT_EQ(0, player_end(owner));
	owner = start(_metadata, self, 0);
	ASSERT_EQ(-EOWNERDEAD, player_do(owner, step_lock, self->mutex));
	for (i = 0; i < 4; i++) {
		p[i] = start(_metadata, self, 0);
		if (i < queued) {
			player_post(p[i], step_lock, self->mutex);
			ASSERT_EQ(0, player_await_asleep(p[i]));
		} else {
			ASSERT_EQ(0, many_await(p[i], 0, 0, ids, 1));
		}
	}
	ASSERT_EQ(0, player_do(owner, step_unlock, self->mutex));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(-ENOTRECOVERABLE, player_result(p[i]));
		EXPECT_EQ(0, player_end(p[i]));
	}
	EXPECT_EQ(0, player_end(owner));
}

TEST_F(edge, all_who_watch_a_lock_are_told_that_it_is_lost)
{
	lost(_metadata, self, 0);
}

TEST_F(edge, who_watches_a_lock_is_told_after_others_that_it_is_lost)
{
	lost(_metadata, self, 2);
}

TEST_F(edge, watching_is_for_locks_and_for_any)
{
	const uint32_t sem[] = { MANY_WATCH(self->sem) };
	const uint32_t mutex[] = { MANY_WATCH(self->mutex) };
	struct player *p = start(_metadata, self, 0);

	many_post(p, 0, 0, sem, 1);
	EXPECT_EQ(-EINVAL, player_result(p));
	many_post(p, KSYNC_MANY_ALL, 0, mutex, 1);
	EXPECT_EQ(-EINVAL, player_result(p));
	many_post(p, 0, 0, mutex, 1);
	EXPECT_EQ(0, player_result(p));
	EXPECT_EQ(0, player_end(p));
}

KSFT_MAIN
