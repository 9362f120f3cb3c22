// SPDX-License-Identifier: GPL-2.0
/*
 * Waits on many objects and deadlocks, by MANY itself: a wait that nothing could ever
 * end is refused, and one that something else may end is not.
 */
#include "lib/many_scene.h"

TEST_F(many, deadlocks_are_refused)
{
	struct player *p = start(_metadata, self, TASK_PROCESS, 0);

	ASSERT_EQ(0, raw_lock(self->fd, self->mutex, self->self, 0, 0));
	LOOK(ALL, -EDEADLK, 1, self->mutex2, self->mutex);
	EXPECT_EQ(0, OWNER(self->mutex2));
	LOOK(0, -EDEADLK, ~0U, self->mutex);
	LOOK(0, -ETIMEDOUT, ~0U, self->mutex, self->sem);
	ASSERT_EQ(0, player_do(p, step_lock_fast, self->mutex2));
	player_post(p, step_lock, self->mutex);
	ASSERT_EQ(0, player_await_asleep(p));
	LOOK(ALL, -EDEADLK, 1, self->sem, self->mutex2);
	LOOK(0, -EDEADLK, ~0U, self->mutex, self->mutex2);
	LOOK(0, -ETIMEDOUT, ~0U, self->mutex, self->mutex2, self->sem);
	EXPECT_EQ(0, raw_unlock(self->fd, self->mutex, self->self));
	EXPECT_EQ(0, player_result(p));
	EXPECT_EQ(0, player_do(p, step_unlock, self->mutex));
	EXPECT_EQ(0, player_do(p, step_unlock, self->mutex2));
	EXPECT_EQ(0, player_end(p));
	NOTHING_LEFT();
}

/* Something else may get the first one out: the second is not refused. */
TEST_F(many, a_cycle_through_a_wait_for_any_is_none)
{
	struct player *p = start(_metadata, self, TASK_PROCESS, 10);
	struct player *q = start(_metadata, self, TASK_PROCESS, 10);

	ASSERT_EQ(0, player_do(p, step_lock_fast, self->mutex));
	ASSERT_EQ(0, player_do(q, step_lock_fast, self->mutex2));
	AWAIT(p, 0, self->mutex2, self->sem);
	player_post(q, step_lock, self->mutex);
	ASSERT_EQ(0, player_await_asleep(q));
	POST(self->sem);
	ENDS(p, 0, 1);
	EXPECT_EQ(0, player_do(p, step_unlock, self->mutex));
	EXPECT_EQ(0, player_result(q));
	EXPECT_EQ(0, player_do(q, step_unlock, self->mutex));
	EXPECT_EQ(0, player_do(q, step_unlock, self->mutex2));
	EXPECT_EQ(0, player_end(p));
	EXPECT_EQ(0, player_end(q));
	NOTHING_LEFT();
}

/* Nothing else will: the first one is made to look again, and refused. */
TEST_F(many, a_wait_for_any_is_refused_once_all_its_locks_are_hopeless)
{
	struct player *p = start(_metadata, self, TASK_PROCESS, 10);
	struct player *q = start(_metadata, self, TASK_PROCESS, 10);

	ASSERT_EQ(0, player_do(p, step_lock_fast, self->rwlock));
	ASSERT_EQ(0, player_do(q, step_lock_fast, self->mutex));
	ASSERT_EQ(0, player_do(q, step_lock_fast, self->mutex2));
	AWAIT(p, 0, self->mutex, self->mutex2);
	player_post(q, step_lock, self->rwlock);
	EXPECT_EQ(-EDEADLK, player_result(p));
	EXPECT_EQ(0, player_do(p, step_unlock, self->rwlock));
	EXPECT_EQ(0, player_result(q));
	EXPECT_EQ(0, player_do(q, step_unlock, self->rwlock));
	EXPECT_EQ(0, player_do(q, step_unlock, self->mutex));
	EXPECT_EQ(0, player_do(q, step_unlock, self->mutex2));
	EXPECT_EQ(0, player_end(p));
	EXPECT_EQ(0, player_end(q));
	NOTHING_LEFT();
}

KSFT_MAIN
