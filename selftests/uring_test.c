// SPDX-License-Identifier: GPL-2.0
/*
 * Commands by io_uring: what each gives, at once and after a wait, in which order
 * beside those that wait by ioctl, from rings of all sorts; and what is refused.
 */
#include "lib/uring.h"
#include "lib/player.h"
#include "lib/reader.h"

FIXTURE(uring)
{
	struct uring_scene s;
};

FIXTURE_SETUP(uring)
{
	ASSERT_TRUE(uring_scene_open(&self->s));
	if (!uring_there(&self->s))
		SKIP(_exit(255), "the module was built without io_uring");
	ASSERT_EQ(0, io_uring_queue_init(64, &self->s.ring, 0));
}

FIXTURE_TEARDOWN(uring)
{
	close(self->s.fd);
}

#define RING		(&self->s.ring)
#define FD		(self->s.fd)
#define WORD(id)	__atomic_load_n(&self->s.cells[id].word, __ATOMIC_ACQUIRE)
#define OWNER(id)	(WORD(id) & KSYNC_OWNER)
#define SUBMIT(n)	ASSERT_EQ(0, uring_submit(RING, n))
#define RESULT(want, tag) URING_RESULT(RING, want, tag)
#define QUIET()		EXPECT_TRUE(uring_quiet(RING))

static void post(struct __test_metadata *_metadata, struct _test_data_uring *self,
		 uint32_t id, uint32_t n)
{
	uint32_t was;

	ASSERT_EQ(0, raw_release(FD, id, 0, n, &was));
}

#define POST(id, n) post(_metadata, self, id, n)

/* Nothing waits: no word has WAITERS, no object is busy, nobody counts. */
static void nothing_left(struct __test_metadata *_metadata, struct _test_data_uring *self)
{
	const uint32_t ids[] = {
		self->s.sem, self->s.event, self->s.manual, self->s.waitq, self->s.mutex,
		self->s.rwlock,
	};
	struct ksync_info info;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		EXPECT_EQ(0, WORD(ids[i]) & KSYNC_WAITERS) TH_LOG("object %zu", i);
		EXPECT_EQ(0, raw_destroy(FD, ids[i])) TH_LOG("object %zu", i);
	}
	ASSERT_EQ(0, raw_info(FD, &info));
	EXPECT_EQ(0, info.waiters);
}

#define NOTHING_LEFT() nothing_left(_metadata, self)

TEST_F(uring, at_once)
{
	struct io_uring *r = RING;

	POST(self->s.sem, 2);
	POST(self->s.event, 1);
	POST(self->s.manual, 1);
	self->s.cells[self->s.waitq].word = 3;
	uring_acquire(r, FD, self->s.sem, 1);
	uring_acquire(r, FD, self->s.event, 2);
	uring_acquire(r, FD, self->s.manual, 3);
	uring_command(r, FD, KSYNC_URING_WAIT, self->s.waitq, 7, 1, 4);
	uring_command(r, FD, KSYNC_URING_LOCK, self->s.mutex, self->s.self, 0, 5);
	uring_command(r, FD, KSYNC_URING_LOCK, self->s.rwlock, self->s.self, 0, 6);
	uring_command(r, FD, KSYNC_URING_RELEASE, self->s.sem, 4, 0, 7);
	SUBMIT(7);
	RESULT(0, 1);
	RESULT(0, 2);
	RESULT(0, 3);
	RESULT(-EAGAIN, 4);
	RESULT(0, 5);
	RESULT(0, 6);
	RESULT(0, 7);
	EXPECT_EQ(5, WORD(self->s.sem));
	EXPECT_EQ(0, WORD(self->s.event));
	EXPECT_EQ(KSYNC_EVENT_SET, WORD(self->s.manual));
	EXPECT_EQ(self->s.self, OWNER(self->s.mutex));
	EXPECT_EQ(self->s.self, OWNER(self->s.rwlock));
	EXPECT_EQ(0, raw_unlock(FD, self->s.mutex, self->s.self));
	EXPECT_EQ(0, raw_unlock(FD, self->s.rwlock, self->s.self));
	NOTHING_LEFT();
}

TEST_F(uring, after_a_wait)
{
	struct ksync_query q;
	uint32_t n;

	uring_acquire(RING, FD, self->s.sem, 1);
	uring_acquire(RING, FD, self->s.event, 2);
	uring_acquire(RING, FD, self->s.manual, 3);
	uring_command(RING, FD, KSYNC_URING_WAIT, self->s.waitq, 0, 2, 4);
	SUBMIT(4);
	QUIET();
	ASSERT_EQ(0, raw_query(FD, self->s.sem, &q));
	EXPECT_EQ(1, q.waiters);
	EXPECT_EQ(-EBUSY, raw_destroy(FD, self->s.sem));
	POST(self->s.event, 1);
	RESULT(0, 2);
	POST(self->s.sem, 2);
	RESULT(0, 1);
	EXPECT_EQ(1, WORD(self->s.sem));
	POST(self->s.manual, 1);
	RESULT(0, 3);
	ASSERT_EQ(0, raw_wake(FD, self->s.waitq, 9, 1, &n));
	EXPECT_EQ(0, n);
	QUIET();
	ASSERT_EQ(0, raw_wake(FD, self->s.waitq, 9, 2, &n));
	EXPECT_EQ(1, n);
	RESULT(0, 4);
	NOTHING_LEFT();
}

static struct player *start(struct __test_metadata *_metadata, struct _test_data_uring *self,
			    int prio)
{
	struct player *p = player_start(TASK_PROCESS, FD, self->s.cells);

	ASSERT_NE(NULL, p);
	if (prio)
		ASSERT_EQ(0, sched_fifo(task_tid(&p->task), prio));
	return p;
}

#define START(prio) start(_metadata, self, prio)

/* A unit goes to: the task of higher priority, then in the order of arrival. */
TEST_F(uring, order_with_tasks)
{
	struct player *first = START(0), *urgent = START(10);

	player_post(first, step_acquire, self->s.sem);
	ASSERT_EQ(0, await_waiters(FD, self->s.sem, 1));
	uring_acquire(RING, FD, self->s.sem, 1);
	uring_acquire(RING, FD, self->s.sem, 2);
	SUBMIT(2);
	player_post(urgent, step_acquire, self->s.sem);
	ASSERT_EQ(0, await_waiters(FD, self->s.sem, 4));
	POST(self->s.sem, 1);
	EXPECT_EQ(0, player_result(urgent));
	QUIET();
	POST(self->s.sem, 1);
	EXPECT_EQ(0, player_result(first));
	QUIET();
	POST(self->s.sem, 1);
	RESULT(0, 1);
	QUIET();
	POST(self->s.sem, 1);
	RESULT(0, 2);
	EXPECT_EQ(0, player_end(first));
	EXPECT_EQ(0, player_end(urgent));
	NOTHING_LEFT();
}

TEST_F(uring, order_of_urgent_commands)
{
	struct player *p = START(0);

	player_post(p, step_acquire, self->s.sem);
	ASSERT_EQ(0, await_waiters(FD, self->s.sem, 1));
	uring_acquire(RING, FD, self->s.sem, 1);
	SUBMIT(1);
	ASSERT_EQ(0, sched_fifo(0, 20));
	uring_acquire(RING, FD, self->s.sem, 2);
	SUBMIT(1);
	ASSERT_EQ(0, sched_other(0));
	POST(self->s.sem, 1);
	RESULT(0, 2);
	POST(self->s.sem, 1);
	EXPECT_EQ(0, player_result(p));
	QUIET();
	POST(self->s.sem, 1);
	RESULT(0, 1);
	EXPECT_EQ(0, player_end(p));
	NOTHING_LEFT();
}

/* A wait on many and a command at the same sem: each unit to one of them. */
TEST_F(uring, beside_a_wait_for_any)
{
	struct player *p = START(0);

	p->items[0].id = self->s.event;
	p->items[1].id = self->s.sem;
	p->many = (struct ksync_many){ .count = 2, .deadline = KSYNC_NO_DEADLINE };
	player_post(p, step_many, 0);
	ASSERT_EQ(0, await_waiters(FD, self->s.sem, 1));
	ASSERT_EQ(0, await_waiters(FD, self->s.event, 1));
	uring_acquire(RING, FD, self->s.sem, 1);
	uring_acquire(RING, FD, self->s.event, 2);
	SUBMIT(2);
	POST(self->s.sem, 1);
	EXPECT_EQ(0, player_result(p));
	EXPECT_EQ(1, p->many.index);
	QUIET();
	POST(self->s.sem, 1);
	RESULT(0, 1);
	POST(self->s.event, 1);
	RESULT(0, 2);
	EXPECT_EQ(0, player_end(p));
	NOTHING_LEFT();
}

/* The caller's own command is before it: what is there is that command's. */
TEST_F(uring, many_does_not_overtake_own_command)
{
	struct ksync_item items[2] = { { .id = self->s.sem }, { .id = self->s.event } };
	struct ksync_many arg = {
		.count = 2,
		.items = (uintptr_t)items,
		.flags = KSYNC_MANY_ALL,
		.deadline = 0,
	};

	uring_acquire(RING, FD, self->s.sem, 1);
	SUBMIT(1);
	/* Given by a program that does not know of waiters: nobody serves. */
	__atomic_add_fetch(&self->s.cells[self->s.sem].word, 1, __ATOMIC_SEQ_CST);
	POST(self->s.event, 1);
	EXPECT_EQ(-ETIMEDOUT, raw_many(FD, &arg));
	POST(self->s.sem, 1);
	RESULT(0, 1);
}

TEST_F(uring, lock_is_told)
{
	struct player *p = START(0);

	ASSERT_EQ(0, player_do(p, step_lock_fast, self->s.mutex));
	uring_command(RING, FD, KSYNC_URING_LOCK, self->s.mutex, self->s.self, 0, 1);
	SUBMIT(1);
	ASSERT_EQ(0, await_waiters(FD, self->s.mutex, 1));
	EXPECT_EQ(KSYNC_WAITERS, WORD(self->s.mutex) & KSYNC_WAITERS);
	QUIET();
	ASSERT_EQ(0, player_do(p, step_unlock, self->s.mutex));
	RESULT(-EAGAIN, 1);
	EXPECT_EQ(0, WORD(self->s.mutex));
	uring_command(RING, FD, KSYNC_URING_LOCK, self->s.mutex, self->s.self, 0, 2);
	SUBMIT(1);
	RESULT(0, 2);
	EXPECT_EQ(self->s.self, OWNER(self->s.mutex));
	uring_command(RING, FD, KSYNC_URING_LOCK, self->s.mutex, self->s.self, 0, 3);
	SUBMIT(1);
	RESULT(-EDEADLK, 3);
	EXPECT_EQ(0, raw_unlock(FD, self->s.mutex, self->s.self));
	EXPECT_EQ(0, player_end(p));
	NOTHING_LEFT();
}

/* Readers keep a lock busy as a writer does; the command must not wait for them itself. */
TEST_F(uring, lock_is_told_when_readers_leave)
{
	struct player *p = START(0);

	ASSERT_EQ(0, player_do(p, step_read, self->s.rwlock));
	uring_command(RING, FD, KSYNC_URING_LOCK, self->s.rwlock, self->s.self, 0, 1);
	SUBMIT(1);
	ASSERT_EQ(0, await_waiters(FD, self->s.rwlock, 1));
	QUIET();
	ASSERT_EQ(0, player_do(p, step_unread, self->s.rwlock));
	RESULT(-EAGAIN, 1);
	uring_command(RING, FD, KSYNC_URING_LOCK, self->s.rwlock, self->s.self, 0, 2);
	SUBMIT(1);
	RESULT(0, 2);
	EXPECT_EQ(self->s.self, OWNER(self->s.rwlock));
	EXPECT_EQ(0, raw_unlock(FD, self->s.rwlock, self->s.self));
	EXPECT_EQ(0, player_end(p));
	NOTHING_LEFT();
}

/* Whoever is told owes nothing: the next is told as well, be it command or task. */
TEST_F(uring, lock_tells_the_next)
{
	struct player *owner = START(0), *many = START(0);

	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->s.mutex));
	ASSERT_EQ(0, player_do(owner, step_lock_fast, self->s.rwlock));
	uring_command(RING, FD, KSYNC_URING_LOCK, self->s.mutex, self->s.self, 0, 1);
	uring_command(RING, FD, KSYNC_URING_LOCK, self->s.mutex, self->s.self, 0, 2);
	SUBMIT(2);
	ASSERT_EQ(0, await_waiters(FD, self->s.mutex, 2));
	/* It sits at the first and watches the second. */
	many->items[0].id = self->s.rwlock;
	many->items[1].id = self->s.mutex;
	many->many = (struct ksync_many){ .count = 2, .deadline = KSYNC_NO_DEADLINE };
	player_post(many, step_many, 0);
	ASSERT_EQ(0, await_waiters(FD, self->s.mutex, 3));
	ASSERT_EQ(0, player_await_asleep(many));
	ASSERT_EQ(0, player_do(owner, step_unlock, self->s.mutex));
	URING_RESULTS(RING, -EAGAIN, 1, -EAGAIN, 2);
	EXPECT_EQ(0, player_result(many));
	EXPECT_EQ(1, many->many.index);
	EXPECT_EQ(0, player_do(many, step_unlock, self->s.mutex));
	EXPECT_EQ(0, player_do(owner, step_unlock, self->s.rwlock));
	EXPECT_EQ(0, player_end(many));
	EXPECT_EQ(0, player_end(owner));
	NOTHING_LEFT();
}

TEST_F(uring, lock_after_a_death)
{
	struct player *p = START(0);

	ASSERT_EQ(0, player_do(p, step_lock_fast, self->s.mutex));
	uring_command(RING, FD, KSYNC_URING_LOCK, self->s.mutex, self->s.self, 0, 1);
	SUBMIT(1);
	ASSERT_EQ(0, await_waiters(FD, self->s.mutex, 1));
	ASSERT_EQ(0, task_kill(&p->task, SIGKILL));
	ASSERT_EQ(0, task_join(&p->task, NULL));
	RESULT(-EAGAIN, 1);
	uring_command(RING, FD, KSYNC_URING_LOCK, self->s.mutex, self->s.self, 0, 2);
	SUBMIT(1);
	RESULT(-EOWNERDEAD, 2);
	EXPECT_EQ(self->s.self, OWNER(self->s.mutex));
}

/* Each by itself: the rest of its argument is right. */
TEST_F(uring, refused)
{
	const struct {
		uint32_t op, id, flags, value, bitset;
		int ret;
	} bad[] = {
		{ KSYNC_URING_ACQUIRE, 4095, 0, 0, 0, -EBADF },
		{ KSYNC_URING_ACQUIRE, ~0U, 0, 0, 0, -EBADF },
		{ KSYNC_URING_ACQUIRE, self->s.mutex, 0, 0, 0, -EINVAL },
		{ KSYNC_URING_ACQUIRE, self->s.sem, 1, 0, 0, -EINVAL },
		{ KSYNC_URING_ACQUIRE, self->s.sem, KSYNC_URING_DEADLINE, 0, 0, -EINVAL },
		{ KSYNC_URING_ACQUIRE, self->s.sem, 0, 1, 0, -EINVAL },
		{ KSYNC_URING_ACQUIRE, self->s.sem, 0, 0, 1, -EINVAL },
		{ KSYNC_URING_WAIT, self->s.sem, 0, 0, 1, -EINVAL },
		{ KSYNC_URING_WAIT, self->s.waitq, 0, 0, 0, -EINVAL },
		{ KSYNC_URING_WAIT, self->s.waitq, 2, 0, 1, -EINVAL },
		{ KSYNC_URING_LOCK, self->s.sem, 0, self->s.self, 0, -EINVAL },
		{ KSYNC_URING_LOCK, self->s.mutex, 8, self->s.self, 0, -EINVAL },
		{ KSYNC_URING_LOCK, self->s.mutex, 0, self->s.self, 1, -EINVAL },
		{ KSYNC_URING_LOCK, self->s.mutex, 0, self->s.self + 1, 0, -ESRCH },
		{ KSYNC_URING_LOCK, self->s.mutex, 0, 0, 0, -ESRCH },
		{ KSYNC_URING_RELEASE, self->s.sem, 0, 0, 0, -EINVAL },
		{ KSYNC_URING_RELEASE, self->s.sem, 2, 1, 0, -EINVAL },
		{ KSYNC_URING_RELEASE, self->s.sem, 0, 1, 1, -EINVAL },
		{ KSYNC_URING_RELEASE, self->s.mutex, 0, 1, 0, -EINVAL },
		{ KSYNC_URING_RELEASE, self->s.sem, 0, ~0U, 0, -EOVERFLOW },
		{ KSYNC_URING_CANCEL, 1, 0, 0, 0, -EINVAL },
		{ KSYNC_URING_CANCEL, 0, 1, 0, 0, -EINVAL },
		{ KSYNC_URING_CANCEL, 0, 0, 0, 0, -ENOENT },
		{ KSYNC_URING_CANCEL + 1, self->s.sem, 0, 0, 0, -ENOTTY },
		{ KSYNC_IOC_ACQUIRE, self->s.sem, 0, 0, 0, -ENOTTY },
		{ 0, self->s.sem, 0, 0, 0, -ENOTTY },
	};
	uint64_t tag;
	size_t i;

	POST(self->s.sem, 3);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		uring_prep(RING, FD, bad[i].op, &bad[i].id, 16, i);
		SUBMIT(1);
		EXPECT_EQ(bad[i].ret, uring_reap(RING, &tag)) TH_LOG("case %zu", i);
		EXPECT_EQ(i, tag);
	}
	EXPECT_EQ(3, WORD(self->s.sem));
	self->s.cells[self->s.sem].word = 0;
	NOTHING_LEFT();
}

TEST_F(uring, limit_of_waiters)
{
	struct ksync_info info;
	unsigned int was;

	ASSERT_EQ(0, param_get("max_waiters", &was));
	ASSERT_EQ(0, param_set("max_waiters", 2));
	uring_acquire(RING, FD, self->s.sem, 1);
	uring_acquire(RING, FD, self->s.sem, 2);
	uring_acquire(RING, FD, self->s.sem, 3);
	SUBMIT(3);
	EXPECT_EQ(0, param_set("max_waiters", was));
	RESULT(-ENOSPC, 3);
	ASSERT_EQ(0, raw_info(FD, &info));
	EXPECT_EQ(2, info.waiters);
	POST(self->s.sem, 1);
	RESULT(0, 1);
	POST(self->s.sem, 1);
	RESULT(0, 2);
	NOTHING_LEFT();
}

FIXTURE(sorts)
{
	struct uring_scene s;
};

FIXTURE_VARIANT(sorts)
{
	unsigned int setup, sqe;
	int lock;
};

FIXTURE_VARIANT_ADD(sorts, async) { .sqe = IOSQE_ASYNC, .lock = -ESRCH };
FIXTURE_VARIANT_ADD(sorts, sqpoll) { .setup = IORING_SETUP_SQPOLL, .lock = -ESRCH };
FIXTURE_VARIANT_ADD(sorts, coop) { .setup = IORING_SETUP_COOP_TASKRUN };
FIXTURE_VARIANT_ADD(sorts, defer) {
	.setup = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN };
FIXTURE_VARIANT_ADD(sorts, big) {
	.setup = IORING_SETUP_SQE128 | IORING_SETUP_CQE32 };

FIXTURE_SETUP(sorts)
{
	ASSERT_TRUE(uring_scene_open(&self->s));
	if (!uring_there(&self->s))
		SKIP(_exit(255), "the module was built without io_uring");
	ASSERT_EQ(0, io_uring_queue_init(64, RING, variant->setup));
}

FIXTURE_TEARDOWN(sorts)
{
	close(FD);
}

/* One at once, a thousand that wait, in rounds, given in order. */
TEST_F(sorts, of_rings)
{
	enum { ALL = 1000, BATCH = 50 };
	uint32_t i, was;

	ASSERT_EQ(0, raw_release(FD, self->s.sem, 0, 1, &was));
	uring_acquire(RING, FD, self->s.sem, 7)->flags |= variant->sqe;
	SUBMIT(1);
	RESULT(0, 7);
	for (i = 0; i < ALL; i++) {
		uring_acquire(RING, FD, self->s.sem, i)->flags |= variant->sqe;
		if ((i + 1) % BATCH)
			continue;
		SUBMIT(BATCH);
		ASSERT_EQ(0, await_waiters(FD, self->s.sem, i + 1));
	}
	for (i = 0; i < ALL; i += BATCH) {
		ASSERT_EQ(0, raw_release(FD, self->s.sem, 0, BATCH, &was));
		for (uint32_t k = 0; k < BATCH; k++) {
			uint64_t tag = ~0ULL;

			ASSERT_EQ(0, uring_reap(RING, &tag));
			/*
			 * Before 6.2 io_uring turns around what it completes in one
			 * go; and workers arrive as they are scheduled.
			 */
			if (!variant->sqe)
				ASSERT_EQ(i / BATCH, tag / BATCH);
		}
	}
	EXPECT_EQ(0, WORD(self->s.sem));
}

TEST_F(sorts, of_waits)
{
	uint32_t was, n;

	uring_command(RING, FD, KSYNC_URING_WAIT, self->s.waitq, 1, 1, 1)->flags |= variant->sqe;
	SUBMIT(1);
	RESULT(-EAGAIN, 1);
	uring_command(RING, FD, KSYNC_URING_LOCK, self->s.mutex, self->s.self, 0, 2)->flags |=
		variant->sqe;
	SUBMIT(1);
	RESULT(variant->lock, 2);
	EXPECT_EQ(variant->lock ? 0 : self->s.self, OWNER(self->s.mutex));
	uring_command(RING, FD, KSYNC_URING_WAIT, self->s.waitq, 0, 1, 3)->flags |= variant->sqe;
	uring_acquire(RING, FD, self->s.event, 4)->flags |= variant->sqe;
	SUBMIT(2);
	ASSERT_EQ(0, await_waiters(FD, self->s.waitq, 1));
	ASSERT_EQ(0, await_waiters(FD, self->s.event, 1));
	ASSERT_EQ(0, raw_wake(FD, self->s.waitq, 1, 1, &n));
	RESULT(0, 3);
	ASSERT_EQ(0, raw_release(FD, self->s.event, 0, 1, &was));
	RESULT(0, 4);
}

KSFT_MAIN
