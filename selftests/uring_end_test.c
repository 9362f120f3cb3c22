// SPDX-License-Identifier: GPL-2.0
/*
 * How commands by io_uring end that are given nothing: cancelled, or after a time.
 * With whoever submitted them they end in uring_leave_test.c.
 */
#include "lib/uring.h"
#include "lib/player.h"

FIXTURE(end)
{
	struct uring_scene s;
};

FIXTURE_VARIANT(end)
{
	unsigned int setup;
};

FIXTURE_VARIANT_ADD(end, plain) { .setup = 0 };
FIXTURE_VARIANT_ADD(end, defer) {
	.setup = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN };

FIXTURE_SETUP(end)
{
	ASSERT_TRUE(uring_scene_open(&self->s));
	if (!uring_there(&self->s))
		SKIP(_exit(255), "the module was built without io_uring");
	ASSERT_EQ(0, io_uring_queue_init(128, &self->s.ring, IORING_SETUP_SQE128 | variant->setup));
}

FIXTURE_TEARDOWN(end)
{
	close(self->s.fd);
}

#define RING		(&self->s.ring)
#define FD		(self->s.fd)
#define SEM		(self->s.sem)
#define WORD(id)	__atomic_load_n(&self->s.cells[id].word, __ATOMIC_ACQUIRE)
#define SUBMIT(n)	ASSERT_EQ(0, uring_submit(RING, n))
#define RESULT(want, tag) URING_RESULT(RING, want, tag)
#define POST(id, n)	ASSERT_EQ(0, raw_release(FD, id, 0, n, &was))

#define RESULTS(...)	URING_RESULTS(RING, __VA_ARGS__)

TEST_F(end, by_cancel)
{
	struct io_uring other;
	uint32_t was;

	uring_acquire(RING, FD, SEM, 11);
	uring_acquire(RING, FD, SEM, 12);
	uring_acquire(RING, FD, SEM, 12);
	uring_command(RING, FD, KSYNC_URING_WAIT, self->s.waitq, 0, 1, 13);
	SUBMIT(4);
	uring_cancel(RING, FD, 14, 1);
	SUBMIT(1);
	RESULT(-ENOENT, 1);
	/* Another ring's are none of its business. */
	ASSERT_EQ(0, io_uring_queue_init(4, &other, 0));
	uring_cancel(&other, FD, 11, 2);
	ASSERT_EQ(1, io_uring_submit(&other));
	URING_RESULT(&other, -ENOENT, 2);
	io_uring_queue_exit(&other);
	uring_cancel(RING, FD, 11, 3);
	SUBMIT(1);
	RESULTS(0, 3, -ECANCELED, 11);
	uring_cancel(RING, FD, 12, 4);
	SUBMIT(1);
	RESULTS(0, 4, -ECANCELED, 12);
	ASSERT_EQ(0, await_waiters(FD, SEM, 1));
	POST(SEM, 1);
	RESULT(0, 12);
	uring_cancel(RING, FD, 13, 5);
	SUBMIT(1);
	RESULTS(0, 5, -ECANCELED, 13);
	EXPECT_EQ(0, raw_destroy(FD, SEM));
	EXPECT_EQ(0, raw_destroy(FD, self->s.waitq));
}

TEST_F(end, lock_by_cancel)
{
	struct player *p = player_start(TASK_PROCESS, FD, self->s.cells);

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, player_do(p, step_lock_fast, self->s.mutex));
	uring_command(RING, FD, KSYNC_URING_LOCK, self->s.mutex, self->s.self, 0, 1);
	SUBMIT(1);
	ASSERT_EQ(0, await_waiters(FD, self->s.mutex, 1));
	uring_cancel(RING, FD, 1, 2);
	SUBMIT(1);
	RESULTS(0, 2, -ECANCELED, 1);
	EXPECT_EQ(p->handle, WORD(self->s.mutex));
	EXPECT_EQ(0, player_do(p, step_unlock, self->s.mutex));
	EXPECT_EQ(0, player_end(p));
	EXPECT_EQ(0, raw_destroy(FD, self->s.mutex));
}

/* What io_uring's own cancelling says of them, on all kernels up to now. */
TEST_F(end, not_by_async_cancel)
{
	struct io_uring_sqe *sqe;
	uint32_t was;

	uring_acquire(RING, FD, SEM, 11);
	SUBMIT(1);
	sqe = io_uring_get_sqe(RING);
	io_uring_prep_cancel64(sqe, 11, 0);
	io_uring_sqe_set_data64(sqe, 1);
	SUBMIT(1);
	RESULT(-ENOENT, 1);
	ASSERT_EQ(0, await_waiters(FD, SEM, 1));
	POST(SEM, 1);
	RESULT(0, 11);
}

static void link_timeout(struct io_uring *ring, struct __kernel_timespec *ts, uint64_t tag)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	io_uring_prep_link_timeout(sqe, ts, 0);
	io_uring_sqe_set_data64(sqe, tag);
}

TEST_F(end, by_linked_timeout)
{
	struct __kernel_timespec soon = { .tv_nsec = 20 * MSEC }, late = { .tv_sec = 3600 };
	const uint32_t flags[] = { 0, IOSQE_ASYNC };
	uint64_t tag = 0, begin;
	uint32_t was;
	size_t i;
	int k, ret;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		uring_acquire(RING, FD, SEM, 1)->flags |= IOSQE_IO_LINK | flags[i];
		link_timeout(RING, &soon, 2);
		begin = now(CLOCK_MONOTONIC);
		SUBMIT(2);
		for (k = 0; k < 2; k++) {
			ret = uring_reap(RING, &tag);
			TH_LOG("%s ends with %d after %llu ms", tag == 1 ? "command" : "timeout",
			       ret, (now(CLOCK_MONOTONIC) - begin) / MSEC);
			/* io_uring believes that it has not ended the command. */
			if (tag == 1) {
				EXPECT_EQ(-ECANCELED, ret);
				continue;
			}
			EXPECT_TRUE(ret == -ENOENT || ret == -EALREADY || ret == -ETIME);
		}
		EXPECT_EQ(0, await_waiters(FD, SEM, 0));

		uring_acquire(RING, FD, SEM, 3)->flags |= IOSQE_IO_LINK | flags[i];
		link_timeout(RING, &late, 4);
		SUBMIT(2);
		ASSERT_EQ(0, await_waiters(FD, SEM, 1));
		POST(SEM, 1);
		RESULTS(0, 3, -ECANCELED, 4);
	}
}

static void prep_timed(struct uring_scene *s, uint32_t op, uint32_t id, uint32_t value,
		       uint32_t bitset, uint64_t deadline, uint64_t tag)
{
	const struct ksync_uring arg = {
		.id = id,
		.flags = KSYNC_URING_DEADLINE,
		.value = value,
		.bitset = bitset,
		.deadline = deadline,
	};

	uring_prep(&s->ring, s->fd, op, &arg, sizeof(arg), tag);
}

TEST_F(end, by_deadline)
{
	const uint64_t soon = in(20 * MSEC);
	uint32_t was;

	prep_timed(&self->s, KSYNC_URING_ACQUIRE, SEM, 0, 0, soon, 1);
	SUBMIT(1);
	RESULT(-ETIMEDOUT, 1);
	EXPECT_TRUE(passed(soon));
	prep_timed(&self->s, KSYNC_URING_WAIT, self->s.waitq, 0, 1, 0, 2);
	SUBMIT(1);
	RESULT(-ETIMEDOUT, 2);
	prep_timed(&self->s, KSYNC_URING_ACQUIRE, SEM, 0, 0, in(3600 * SEC), 3);
	prep_timed(&self->s, KSYNC_URING_ACQUIRE, SEM, 0, 0, KSYNC_NO_DEADLINE, 4);
	prep_timed(&self->s, KSYNC_URING_ACQUIRE, SEM, 0, 0, INT64_MAX, 5);
	SUBMIT(3);
	ASSERT_EQ(0, await_waiters(FD, SEM, 3));
	POST(SEM, 1);
	RESULT(0, 3);
	POST(SEM, 1);
	RESULT(0, 4);
	POST(SEM, 2);
	RESULT(0, 5);
	/* What is there is taken without a look at the time. */
	prep_timed(&self->s, KSYNC_URING_ACQUIRE, SEM, 0, 0, 0, 6);
	prep_timed(&self->s, KSYNC_URING_ACQUIRE, SEM, 0, 0, 1ULL << 63, 7);
	SUBMIT(2);
	RESULT(0, 6);
	RESULT(-EINVAL, 7);
	EXPECT_EQ(0, raw_destroy(FD, SEM));
}

/* Linked: the unit is handed on once it has come; and nothing if it does not. */
TEST_F(end, of_a_chain)
{
	uint32_t was;

	uring_acquire(RING, FD, SEM, 1)->flags |= IOSQE_IO_LINK;
	uring_command(RING, FD, KSYNC_URING_RELEASE, self->s.event, 1, 0, 2)->flags |=
		IOSQE_IO_LINK;
	uring_acquire(RING, FD, self->s.event, 3);
	SUBMIT(3);
	EXPECT_EQ(0, WORD(self->s.event));
	POST(SEM, 1);
	RESULT(0, 1);
	RESULT(0, 2);
	RESULT(0, 3);
	uring_acquire(RING, FD, SEM, 4)->flags |= IOSQE_IO_LINK;
	uring_command(RING, FD, KSYNC_URING_RELEASE, self->s.event, 1, 0, 5);
	SUBMIT(2);
	ASSERT_EQ(0, await_waiters(FD, SEM, 1));
	uring_cancel(RING, FD, 4, 6);
	SUBMIT(1);
	RESULT(0, 6);
	RESULTS(-ECANCELED, 4, -ECANCELED, 5);
	EXPECT_EQ(0, WORD(self->s.event));
}

enum { UNITS = 4000, DEEP = 32 };

struct stress {
	struct uring_scene *s;
	uint32_t got;
	uint32_t stop;
	uint32_t failed;
};

static int stress_post(void *arg)
{
	struct stress *t = arg;
	uint32_t was, i;

	for (i = 0; i < UNITS; i++)
		if (raw_release(t->s->fd, t->s->sem, 0, 1, &was))
			__atomic_store_n(&t->failed, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static int stress_wait(void *arg)
{
	struct stress *t = arg;
	int ret;

	while (!__atomic_load_n(&t->stop, __ATOMIC_SEQ_CST)) {
		ret = raw_acquire(t->s->fd, t->s->sem, 0, in(MSEC / 4));
		if (!ret)
			__atomic_add_fetch(&t->got, 1, __ATOMIC_SEQ_CST);
		else if (ret != -ETIMEDOUT)
			__atomic_store_n(&t->failed, 1, __ATOMIC_SEQ_CST);
	}
	return 0;
}

enum { OF_CANCEL = 1000, OF_TIMEOUT };

/* Every other one is linked to a timeout that does not come. */
static void stress_acquire(struct stress *t, uint64_t tag)
{
	static struct __kernel_timespec late = { .tv_sec = 3600 };
	struct io_uring_sqe *sqe = uring_acquire(&t->s->ring, t->s->fd, t->s->sem, tag);

	if (tag % 2)
		return;
	sqe->flags |= IOSQE_IO_LINK;
	link_timeout(&t->s->ring, &late, OF_TIMEOUT);
}

/*
 * One command in flight for each slot; every third result comes with a cancel.
 * Return: how many have no result in the end.
 */
static uint32_t stress_ring(struct stress *t)
{
	struct io_uring *ring = &t->s->ring;
	const uint64_t deadline = await_deadline();
	uint32_t flying = 0, cancels = 0, n = 0;
	struct io_uring_cqe *cqe;
	uint64_t tag;
	int ret;

	while (flying < DEEP)
		stress_acquire(t, flying++);
	while (flying + cancels && !passed(deadline)) {
		bool all = __atomic_load_n(&t->got, __ATOMIC_SEQ_CST) == 2 * UNITS;
		struct __kernel_timespec ts = { .tv_nsec = MSEC };

		if (all && !cancels)
			for (tag = 0; tag < DEEP; tag++, cancels++)
				uring_cancel(ring, t->s->fd, tag, OF_CANCEL);
		/* Task work that is deferred runs for who asks for events alone. */
		io_uring_submit_and_get_events(ring);
		if (io_uring_wait_cqe_timeout(ring, &cqe, &ts))
			continue;
		ret = cqe->res;
		tag = cqe->user_data;
		io_uring_cqe_seen(ring, cqe);
		if (tag >= OF_CANCEL) {
			cancels -= tag == OF_CANCEL;
			continue;
		}
		if (!ret)
			all = __atomic_add_fetch(&t->got, 1, __ATOMIC_SEQ_CST) == 2 * UNITS;
		else if (ret != -ECANCELED)
			__atomic_store_n(&t->failed, 1, __ATOMIC_SEQ_CST);
		flying--;
		if (all)
			continue;
		stress_acquire(t, tag);
		flying++;
		if (++n % 3 == 0 && cancels < DEEP) {
			uring_cancel(ring, t->s->fd, n * 7 % DEEP, OF_CANCEL);
			cancels++;
		}
	}
	return flying + cancels;
}

TEST_F(end, no_unit_is_lost_or_doubled)
{
	struct stress t = { .s = &self->s };
	struct task posters[2], waiter;
	int i;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, task_start(&posters[i], TASK_THREAD, stress_post, &t));
	ASSERT_EQ(0, task_start(&waiter, TASK_THREAD, stress_wait, &t));
	EXPECT_EQ(0, stress_ring(&t));
	t.stop = 1;
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, task_join(&posters[i], NULL));
	ASSERT_EQ(0, task_join(&waiter, NULL));
	EXPECT_EQ(2 * UNITS, t.got);
	EXPECT_EQ(0, t.failed);
	EXPECT_EQ(0, WORD(SEM));
	EXPECT_EQ(0, await_waiters(FD, SEM, 0));
}

KSFT_MAIN
