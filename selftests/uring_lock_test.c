// SPDX-License-Identifier: GPL-2.0
/*
 * LOCK by io_uring against threads that lock all the time: each command has the lock
 * or is told to ask again, and never both or neither, whenever an unlock comes.
 */
#include "lib/uring.h"
#include "lib/task.h"

#define ROUNDS	4000

/**
 * struct locker - what both sides share
 * @s: the objects
 * @stop: the other one ends
 * @counter: changed by whoever has the mutex, without atomics
 * @rounds: how often the other one had it
 */
struct locker {
	struct uring_scene s;
	uint32_t stop;
	uint64_t counter;
	uint64_t rounds;
};

FIXTURE(against)
{
	struct locker l;
	struct task task;
};

static int lock_on_and_on(void *arg)
{
	struct locker *l = arg;
	uint32_t handle;
	int ret = raw_attach(l->s.fd, &handle);

	while (!ret && !__atomic_load_n(&l->stop, __ATOMIC_ACQUIRE)) {
		ret = raw_lock(l->s.fd, l->s.mutex, handle, 0, KSYNC_NO_DEADLINE);
		if (ret)
			break;
		l->counter++;
		l->rounds++;
		ret = raw_unlock(l->s.fd, l->s.mutex, handle);
	}
	return -ret;
}

FIXTURE_SETUP(against)
{
	ASSERT_TRUE(uring_scene_open(&self->l.s));
	ASSERT_EQ(0, io_uring_queue_init(8, &self->l.s.ring, 0));
	ASSERT_EQ(0, task_start(&self->task, TASK_THREAD, lock_on_and_on, &self->l));
}

FIXTURE_TEARDOWN(against)
{
	io_uring_queue_exit(&self->l.s.ring);
	close(self->l.s.fd);
}

/* One command after the other until one has the mutex; @told: how many were told to. */
static int lock_by_ring(struct locker *l, int *told)
{
	uint64_t tag;
	int ret;

	for (*told = 0;; ++*told) {
		uring_command(&l->s.ring, l->s.fd, KSYNC_URING_LOCK, l->s.mutex, l->s.self, 0, 1);
		ret = uring_submit(&l->s.ring, 1);
		ret = ret ? ret : uring_reap(&l->s.ring, &tag);
		if (ret != -EAGAIN)
			return ret;
	}
}

TEST_F(against, a_thread)
{
	struct locker *l = &self->l;
	int i, told, all = 0, status = -1;

	if (!uring_there(&l->s))
		SKIP(return, "the module was built without io_uring");
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, lock_by_ring(l, &told));
		ASSERT_EQ(l->s.self, __atomic_load_n(&l->s.cells[l->s.mutex].word,
						     __ATOMIC_ACQUIRE) & KSYNC_OWNER);
		all += told;
		l->counter++;
		ASSERT_EQ(0, raw_unlock(l->s.fd, l->s.mutex, l->s.self));
	}
	__atomic_store_n(&l->stop, 1, __ATOMIC_RELEASE);
	ASSERT_EQ(0, task_join(&self->task, &status));
	EXPECT_EQ(0, status);
	EXPECT_EQ(ROUNDS + l->rounds, l->counter);
	EXPECT_LT(0, l->rounds);
	EXPECT_LT(0, all);
	EXPECT_EQ(0, l->s.cells[l->s.mutex].word);
}

KSFT_MAIN
