// SPDX-License-Identifier: GPL-2.0
/*
 * Waits of tasks by io_uring, by commands of the module or for futexes, and without: which
 * way they go, that others run meanwhile, and that a wait may be moved.
 */
#include <linux/io_uring.h>
#include <sys/syscall.h>

#include "lib/ksft.h"
#include "lib/models_sync.h"

static struct ksync_sem sem;
static struct ksync_waitq waitq;
static long count;

static void *one_wait(void *arg)
{
	CHECK(!ksync_task_sem_wait(&sem));
	__atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);
	return arg;
}

/* All wait; another one counts on meanwhile, and posts at last. */
static void *not_held_up(void *arg)
{
	enum { N = 20 };
	struct ksync_task *t[N];
	int i, turns = 0;

	CHECK(!ksync_sem_init(&sem, domain, 0, 0));
	count = 0;
	for (i = 0; i < N; i++)
		CHECK(!ksync_task_spawn(&t[i], one_wait, NULL, NULL));
	AWAIT(&sem, N);
	for (i = 0; i < 100; i++) {
		ksync_task_yield();
		turns++;
	}
	CHECK(turns == 100 && !__atomic_load_n(&count, __ATOMIC_RELAXED));
	CHECK(!ksync_sem_post_n(&sem, N / 2));
	for (i = 0; i < N / 2; i++)
		CHECK(!ksync_sem_post(&sem));
	for (i = 0; i < N; i++)
		CHECK(!JOINED(t[i]));
	CHECK(count == N && !ksync_sem_value(&sem));
	CHECK(!ksync_sem_destroy(&sem));
	return arg;
}

TEST_F(models, others_run_while_tasks_wait)
{
	OPEN_DOMAIN();
	RUN_BOTH(not_held_up, NULL);
}

#define OP_FUTEX_WAIT	51

/* May this process have an io_uring, and does that wait for futexes? */
static bool kernel_has_futexes(void)
{
	union {
		struct io_uring_probe probe;
		char room[sizeof(struct io_uring_probe) +
			  (OP_FUTEX_WAIT + 1) * sizeof(struct io_uring_probe_op)];
	} u = { .room = { 0 } };
	struct io_uring_params p = { 0 };
	int fd = syscall(SYS_io_uring_setup, 1, &p);
	bool has;

	if (fd < 0)
		return false;
	has = !syscall(SYS_io_uring_register, fd, IORING_REGISTER_PROBE, &u,
		       OP_FUTEX_WAIT + 1) &&
	      u.probe.last_op >= OP_FUTEX_WAIT &&
	      u.probe.ops[OP_FUTEX_WAIT].flags & IO_URING_OP_SUPPORTED;
	close(fd);
	return has;
}

/* Which way they went is counted: the module's commands, or waits for futexes. */
static bool expects_ring(void)
{
	struct ksync_info info;

	if (ksync_info(domain, &info))
		return false;
	if (info.features & KSYNC_FEATURE_URING)
		return true;
	return !(info.features & KSYNC_FEATURE_ROBUST) && kernel_has_futexes();
}

static struct ksync_waitq moved_to;

static void *wait_moved(void *arg)
{
	return (void *)(long)(ksync_task_waitq_wait(&waitq, 0) + (long)arg);
}

/* A wait that is moved is a wait for the other one, and ends there or is cancelled. */
static void *moved(void *arg)
{
	struct ksync_query query;
	struct ksync_task *t[3];
	long sum = 0;
	int i;

	CHECK(!ksync_waitq_init(&waitq, domain, 0));
	CHECK(!ksync_waitq_init(&moved_to, domain, 0));
	for (i = 0; i < 3; i++)
		CHECK(!ksync_task_spawn(&t[i], wait_moved, NULL, NULL));
	AWAIT(&waitq, 3);
	CHECK(ksync_waitq_requeue(&waitq, &moved_to, 1, 2) == 3);
	CHECK(!ksync_query(&waitq, &query) && !query.waiters);
	CHECK(!ksync_query(&moved_to, &query) && query.waiters == 2);
	CHECK(ksync_waitq_wake(&moved_to, 1) == 1);
	for (i = 0; i < 3; i++)
		ksync_task_cancel(t[i]);
	for (i = 0; i < 3; i++)
		sum += (long)JOINED(t[i]);
	CHECK(sum == -ECANCELED);
	CHECK(!ksync_query(&moved_to, &query) && !query.waiters);
	CHECK(ksync_waitq_wake(&moved_to, 1) == 0);
	CHECK(!ksync_waitq_destroy(&waitq) && !ksync_waitq_destroy(&moved_to));
	return arg;
}

TEST_F(models, waits_are_moved)
{
	OPEN_DOMAIN();
	if (!expects_ring())
		SKIP(return, "a carrier begins its wait again each 50 ms");
	RUN(moved, NULL);
}

TEST_F(models, ring_is_used_where_it_is_there)
{
	struct ksync_sched_stats st;
	struct ksync_sched *other;

	OPEN_DOMAIN();
	RUN(not_held_up, NULL);
	ksync_sched_stats(self->s, &st);
	if (expects_ring()) {
		EXPECT_LE(20, st.ring_waits);
		EXPECT_EQ(0, st.carried);
	} else {
		EXPECT_EQ(0, st.ring_waits);
		EXPECT_LE(20, st.carried);
	}
	setenv("KSYNC_MODELS_RING", "0", 1);
	ASSERT_EQ(0, ksync_sched_start(&other, &variant->opts));
	RUN_ON(other, not_held_up, NULL);
	ksync_sched_stats(other, &st);
	EXPECT_EQ(0, st.ring_waits);
	EXPECT_LE(20, st.carried);
	EXPECT_EQ(0, ksync_sched_stop(other));
}

KSFT_MAIN
