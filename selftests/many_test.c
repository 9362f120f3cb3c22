// SPDX-License-Identifier: GPL-2.0
/*
 * Waits on many objects, by MANY itself: what is taken and what is left, in which
 * order, what ends the wait, and who is told of a death.
 */
#include <signal.h>

#include "lib/many_scene.h"
#include "lib/reader.h"

TEST_F(many, any_takes_the_first_there_is)
{
	POST(self->sem2);
	POST(self->event);
	LOOK(0, 0, 1, self->sem, self->event, self->sem2);
	EXPECT_EQ(0, WORD(self->event));
	EXPECT_EQ(1, WORD(self->sem2));
	LOOK(0, 0, 2, self->sem, self->event, self->sem2);
	EXPECT_EQ(0, WORD(self->sem2));
	LOOK(0, -ETIMEDOUT, ~0U, self->sem, self->event, self->sem2);
	NOTHING_LEFT();
}

TEST_F(many, any_takes_each_kind)
{
	POST(self->manual);
	LOOK(0, 0, 0, self->manual);
	EXPECT_EQ(KSYNC_EVENT_SET, WORD(self->manual));
	self->cells[self->waitq].word = 7;
	LOOK(0, 0, 0, self->waitq);
	self->cells[self->cond].word = 1;
	LOOK(0, 0, 0, self->cond);
	LOOK(0, 0, 0, self->mutex);
	EXPECT_EQ(self->self, WORD(self->mutex));
	EXPECT_EQ(0, raw_unlock(self->fd, self->mutex, self->self));
	LOOK(0, 0, 0, self->rwlock);
	EXPECT_EQ(self->self, OWNER(self->rwlock));
	EXPECT_EQ(0, raw_unlock(self->fd, self->rwlock, self->self));
	NOTHING_LEFT();
}

TEST_F(many, any_waits_for_each_kind)
{
	struct player *p = start(_metadata, self, TASK_PROCESS, 0);
	uint32_t n;

#define AWAIT_ANY() AWAIT(p, 0, self->sem, self->event, self->manual, self->waitq, \
			  self->cond, self->mutex, self->rwlock)
	ASSERT_EQ(0, raw_lock(self->fd, self->mutex, self->self, 0, 0));
	ASSERT_EQ(0, raw_lock(self->fd, self->rwlock, self->self, 0, 0));
	AWAIT_ANY();
	POST(self->sem);
	ENDS(p, 0, 0);
	AWAIT_ANY();
	POST(self->event);
	ENDS(p, 0, 1);
	AWAIT_ANY();
	POST(self->manual);
	ENDS(p, 0, 2);
	self->cells[self->manual].word = 0;
	AWAIT_ANY();
	ASSERT_EQ(0, raw_wake(self->fd, self->waitq, 9, 1, &n));
	EXPECT_EQ(1, n);
	ENDS(p, 0, 3);
	AWAIT_ANY();
	ASSERT_EQ(0, raw_cond_signal(self->fd, self->cond, 1, &n));
	EXPECT_EQ(0, n);
	ENDS(p, 0, 4);
	AWAIT_ANY();
	ASSERT_EQ(0, raw_unlock(self->fd, self->mutex, self->self));
	ENDS(p, 0, 5);
	EXPECT_EQ(p->handle, OWNER(self->mutex));
	AWAIT(p, 0, self->sem, self->rwlock);
	ASSERT_EQ(0, raw_unlock(self->fd, self->rwlock, self->self));
	ENDS(p, 0, 1);
	EXPECT_EQ(0, player_do(p, step_unlock, self->rwlock));
	EXPECT_EQ(0, player_do(p, step_unlock, self->mutex));
	EXPECT_EQ(0, player_end(p));
	NOTHING_LEFT();
}

/* One of the locks is sat at, the other one watched. */
TEST_F(many, any_takes_a_lock_that_it_watches)
{
	struct player *p = start(_metadata, self, TASK_BARE, 0);

	ASSERT_EQ(0, raw_lock(self->fd, self->mutex, self->self, 0, 0));
	ASSERT_EQ(0, raw_lock(self->fd, self->mutex2, self->self, 0, 0));
	AWAIT(p, 0, self->mutex, self->mutex2);
	EXPECT_TRUE(WORD(self->mutex2) & KSYNC_WAITERS);
	ASSERT_EQ(0, raw_unlock(self->fd, self->mutex2, self->self));
	ENDS(p, 0, 1);
	EXPECT_EQ(p->handle, OWNER(self->mutex2));
	EXPECT_EQ(self->self, OWNER(self->mutex));
	EXPECT_EQ(0, raw_unlock(self->fd, self->mutex, self->self));
	EXPECT_EQ(0, player_do(p, step_unlock, self->mutex2));
	EXPECT_EQ(0, player_end(p));
	NOTHING_LEFT();
}

/* The first to be told cannot write what it reads; the second wants to read. */
TEST_F(many, a_watcher_told_in_vain_passes_it_on)
{
	struct player *p = start(_metadata, self, TASK_PROCESS, 20);
	struct player *q = start(_metadata, self, TASK_PROCESS, 10);
	struct player *writer = start(_metadata, self, TASK_PROCESS, 0);

	ASSERT_EQ(0, raw_lock(self->fd, self->mutex, self->self, 0, 0));
	ASSERT_EQ(0, player_do(p, step_read, self->rwlock));
	/* For the sake of a slot. */
	ASSERT_EQ(0, player_do(q, step_read, self->rwlock));
	ASSERT_EQ(0, player_do(q, step_unread, self->rwlock));
	player_post(writer, step_lock, self->rwlock);
	ASSERT_EQ(0, player_await_asleep(writer));
	AWAIT(p, 0, self->mutex, self->rwlock);
	AWAIT(q, 0, self->mutex, MANY_READ(self->rwlock));
	ASSERT_EQ(0, task_kill(&writer->task, SIGKILL));
	ENDS(q, 0, 1);
	EXPECT_EQ(0, player_do(q, step_unread, self->rwlock));
	EXPECT_EQ(0, raw_unlock(self->fd, self->mutex, self->self));
	ENDS(p, 0, 0);
	EXPECT_EQ(0, player_do(p, step_unread, self->rwlock));
	EXPECT_EQ(0, player_do(p, step_unlock, self->mutex));
	EXPECT_EQ(-SIGKILL, player_end(writer));
	EXPECT_EQ(0, player_end(p));
	EXPECT_EQ(0, player_end(q));
}

TEST_F(many, any_is_told_who_died)
{
	struct player *owner = start(_metadata, self, TASK_PROCESS, 0);
	struct player *p = start(_metadata, self, TASK_PROCESS, 0);

	/* Nobody else waits for mutex2: no owner of it is registered. */
	ASSERT_EQ(0, raw_lock(self->fd, self->mutex, self->self, 0, 0));
	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->mutex2));
	AWAIT(p, 0, self->sem, self->mutex, self->mutex2);
	ASSERT_EQ(0, player_end(owner));
	ENDS(p, -EOWNERDEAD, 2);
	EXPECT_EQ(-EOWNERDEAD, p->items[2].result);
	EXPECT_EQ(0, p->items[1].result);
	EXPECT_EQ(p->handle, OWNER(self->mutex2));
	EXPECT_TRUE(WORD(self->mutex2) & KSYNC_OWNER_DIED);
	EXPECT_EQ(0, player_do(p, step_consistent, self->mutex2));
	EXPECT_EQ(0, player_do(p, step_unlock, self->mutex2));
	EXPECT_EQ(0, raw_unlock(self->fd, self->mutex, self->self));
	EXPECT_EQ(0, player_end(p));
	NOTHING_LEFT();
}

TEST_F(many, any_boosts_the_owner_it_sits_behind)
{
	struct player *owner = start(_metadata, self, TASK_PROCESS, 0);
	struct player *p = start(_metadata, self, TASK_THREAD, 20);

	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->mutex));
	AWAIT(p, 0, self->sem, self->mutex);
	EXPECT_EQ(0, await_prio(task_tid(&owner->task), FIFO_SHOWN(20)));
	POST(self->sem);
	ENDS(p, 0, 0);
	EXPECT_EQ(0, await_prio(task_tid(&owner->task), NORMAL_PRIO));
	EXPECT_EQ(0, player_do(owner, step_unlock, self->mutex));
	EXPECT_EQ(0, player_end(owner));
	EXPECT_EQ(0, player_end(p));
	NOTHING_LEFT();
}

TEST_F(many, any_stands_in_the_order_of_each_queue)
{
	struct player *low = start(_metadata, self, TASK_PROCESS, 10);
	struct player *high = start(_metadata, self, TASK_PROCESS, 30);
	struct player *mid = start(_metadata, self, TASK_PROCESS, 20);

	player_post(low, step_acquire, self->sem);
	ASSERT_EQ(0, player_await_asleep(low));
	AWAIT(mid, 0, self->event, self->sem);
	AWAIT(high, 0, self->sem2, self->sem);
	POST(self->sem);
	ENDS(high, 0, 1);
	POST(self->sem);
	ENDS(mid, 0, 1);
	EXPECT_EQ(1, self->cells[self->sem].waiters);
	POST(self->sem);
	EXPECT_EQ(0, player_result(low));
	EXPECT_EQ(0, player_end(low));
	EXPECT_EQ(0, player_end(mid));
	EXPECT_EQ(0, player_end(high));
	NOTHING_LEFT();
}

TEST_F(many, all_takes_all_or_nothing)
{
	POST(self->sem);
	POST(self->event);
	LOOK(ALL, -ETIMEDOUT, ~0U, self->sem, self->event, self->sem2, self->mutex);
	EXPECT_EQ(1, WORD(self->sem));
	EXPECT_EQ(KSYNC_EVENT_SET, WORD(self->event));
	EXPECT_EQ(0, WORD(self->mutex));
	POST(self->sem2);
	LOOK(ALL, 0, 0, self->sem, self->event, self->sem2, self->mutex);
	EXPECT_EQ(0, WORD(self->sem));
	EXPECT_EQ(0, WORD(self->event));
	EXPECT_EQ(0, WORD(self->sem2));
	EXPECT_EQ(self->self, WORD(self->mutex));
	EXPECT_EQ(0, raw_unlock(self->fd, self->mutex, self->self));
	NOTHING_LEFT();
}

TEST_F(many, all_holds_nothing_while_it_sleeps)
{
	struct player *p = start(_metadata, self, TASK_PROCESS, 30);
	struct player *other = start(_metadata, self, TASK_PROCESS, 0);

	POST(self->sem);
	AWAIT(p, ALL, self->sem, self->mutex, self->sem2);
	EXPECT_EQ(0, OWNER(self->mutex));
	/* What is there is for others. */
	EXPECT_EQ(0, player_do(other, step_acquire, self->sem));
	EXPECT_EQ(0, player_do(other, step_lock_fast, self->mutex));
	POST(self->sem2);
	ASSERT_EQ(0, player_await_asleep(p));
	EXPECT_EQ(1, WORD(self->sem2) & ~KSYNC_WAITERS);
	POST(self->sem);
	ASSERT_EQ(0, player_await_asleep(p));
	EXPECT_EQ(1, WORD(self->sem) & ~KSYNC_WAITERS);
	EXPECT_EQ(1, WORD(self->sem2) & ~KSYNC_WAITERS);
	EXPECT_EQ(0, player_do(other, step_unlock, self->mutex));
	ENDS(p, 0, 0);
	EXPECT_EQ(p->handle, OWNER(self->mutex));
	EXPECT_EQ(0, WORD(self->sem));
	EXPECT_EQ(0, WORD(self->sem2));
	EXPECT_EQ(0, player_do(p, step_unlock, self->mutex));
	EXPECT_EQ(0, player_end(p));
	EXPECT_EQ(0, player_end(other));
	NOTHING_LEFT();
}

/* It is told in its turn, decides that it cannot have all, and lets others. */
TEST_F(many, all_lets_those_behind_it_have_what_it_cannot_use)
{
	struct player *p = start(_metadata, self, TASK_PROCESS, 30);
	struct player *other = start(_metadata, self, TASK_PROCESS, 0);

	AWAIT(p, ALL, self->sem, self->sem2);
	player_post(other, step_acquire, self->sem);
	ASSERT_EQ(0, player_await_asleep(other));
	POST(self->sem);
	EXPECT_EQ(0, player_result(other));
	ASSERT_EQ(0, player_await_asleep(p));
	player_post(other, step_acquire, self->sem);
	ASSERT_EQ(0, player_await_asleep(other));
	/* It looks at sem2 now; then it is the first in the queue of sem again. */
	POST(self->sem2);
	ASSERT_EQ(0, player_await_asleep(p));
	POST(self->sem);
	ENDS(p, 0, 0);
	EXPECT_EQ(1, self->cells[self->sem].waiters);
	POST(self->sem);
	EXPECT_EQ(0, player_result(other));
	EXPECT_EQ(0, player_end(p));
	EXPECT_EQ(0, player_end(other));
	NOTHING_LEFT();
}

TEST_F(many, all_is_told_who_died)
{
	struct player *owner = start(_metadata, self, TASK_PROCESS, 0);
	struct player *p = start(_metadata, self, TASK_PROCESS, 0);

	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->mutex2));
	AWAIT(p, ALL, self->mutex, self->mutex2);
	ASSERT_EQ(0, player_end(owner));
	ENDS(p, -EOWNERDEAD, 0);
	EXPECT_EQ(0, p->items[0].result);
	EXPECT_EQ(-EOWNERDEAD, p->items[1].result);
	EXPECT_EQ(p->handle, OWNER(self->mutex));
	EXPECT_EQ(0, player_do(p, step_unlock, self->mutex));
	EXPECT_EQ(0, player_do(p, step_consistent, self->mutex2));
	EXPECT_EQ(0, player_do(p, step_unlock, self->mutex2));
	EXPECT_EQ(0, player_end(p));
	NOTHING_LEFT();
}

TEST_F(many, an_alert_ends_both)
{
	struct player *p = start(_metadata, self, TASK_PROCESS, 0);
	struct player *owner = start(_metadata, self, TASK_PROCESS, 0);

	AWAIT(p, ALERT, self->sem, self->event);
	POST(self->alert);
	ENDS(p, 0, 2);
	AWAIT(p, ALERT | ALL, self->sem, self->sem2);
	POST(self->alert);
	ENDS(p, 0, 2);
	/* In an rt_mutex, too. */
	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->mutex));
	AWAIT(p, ALERT | ALL, self->sem, self->mutex);
	POST(self->alert);
	ENDS(p, 0, 2);
	EXPECT_EQ(0, WORD(self->alert));
	/* What is there comes first, and the alert stays. */
	POST(self->alert);
	POST(self->sem);
	LOOK(ALERT, 0, 0, self->sem, self->event);
	POST(self->sem);
	LOOK(ALERT | ALL, 0, 0, self->sem);
	EXPECT_EQ(KSYNC_EVENT_SET, WORD(self->alert));
	LOOK(ALERT | ALL, 0, 1, self->sem);
	EXPECT_EQ(0, player_do(owner, step_unlock, self->mutex));
	EXPECT_EQ(0, player_end(owner));
	EXPECT_EQ(0, player_end(p));
	NOTHING_LEFT();
}

TEST_F(many, all_refuses_an_item_that_is_there_twice)
{
	LOOK(ALL, -EINVAL, 2, self->sem, self->event, self->sem);
	LOOK(0, -ETIMEDOUT, ~0U, self->sem, self->event, self->sem);
	LOOK(ALERT, -EINVAL, ~0U, self->sem, self->alert);
	LOOK(0, -EBADF, 1, self->sem, 63);
	NOTHING_LEFT();
}

KSFT_MAIN
