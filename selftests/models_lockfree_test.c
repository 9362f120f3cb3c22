// SPDX-License-Identifier: GPL-2.0
/*
 * What the lock-free structures do when nobody is in the way: order, room, waits, and
 * when what was retired is freed; and, made by hand, the steps that stress seldom meets.
 */
#include <pthread.h>
#include <string.h>

#include <ksync/hazard.h>
#include <ksync/lifo.h>
#include <ksync/mpmc.h>
#include <ksync/seqlock.h>
#include "lib/ksft.h"
#include "lib/models.h"

#define N	8

TEST(lifo_last_in_first_out)
{
	struct ksync_lifo l;
	uint32_t next[N], i;

	ksync_lifo_init(&l, next);
	EXPECT_TRUE(ksync_lifo_empty(&l));
	EXPECT_EQ(KSYNC_LIFO_NONE, ksync_lifo_pop(&l));
	EXPECT_EQ(KSYNC_LIFO_NONE, ksync_lifo_pop_all(&l));
	for (i = 0; i < N; i++)
		ksync_lifo_push(&l, i);
	EXPECT_FALSE(ksync_lifo_empty(&l));
	for (i = N; i-- > 0;)
		EXPECT_EQ(i, ksync_lifo_pop(&l));
	EXPECT_EQ(KSYNC_LIFO_NONE, ksync_lifo_pop(&l));
}

TEST(lifo_chains)
{
	struct ksync_lifo l, other;
	uint32_t next[N], i;

	ksync_lifo_init(&l, next);
	ksync_lifo_init(&other, next);
	ksync_lifo_push(&l, 7);
	ksync_lifo_link(&l, 3, 5);
	ksync_lifo_link(&l, 5, 0);
	ksync_lifo_push_chain(&l, 3, 0);
	EXPECT_EQ(3, ksync_lifo_pop(&l));
	ksync_lifo_push(&other, 3); /* the links are shared */
	i = ksync_lifo_pop_all(&l);
	EXPECT_EQ(5, i);
	i = ksync_lifo_next(&l, i);
	EXPECT_EQ(0, i);
	i = ksync_lifo_next(&l, i);
	EXPECT_EQ(7, i);
	EXPECT_EQ(KSYNC_LIFO_NONE, ksync_lifo_next(&l, i));
	EXPECT_TRUE(ksync_lifo_empty(&l));
	EXPECT_EQ(3, ksync_lifo_pop(&other));
}

/*
 * ABA, step by step: a pop has read the top and what is below, and is held up until
 * both were popped and the first is back.  @mask: of the word, what is compared.
 */
static bool pop_fooled(uint64_t mask, bool all)
{
	struct ksync_lifo l;
	uint32_t next[3];
	uint64_t seen;

	ksync_lifo_init(&l, next);
	ksync_lifo_push(&l, 1);
	ksync_lifo_push(&l, 0);
	seen = l.top_;
	if (all) {
		ksync_lifo_pop_all(&l);
	} else {
		ksync_lifo_pop(&l);
		ksync_lifo_pop(&l);
	}
	ksync_lifo_push(&l, 0);
	return (l.top_ & mask) == (seen & mask);
}

TEST(lifo_tag_tells_what_was_popped)
{
	EXPECT_TRUE(pop_fooled(UINT32_MAX, false)) TH_LOG("the attempt is none");
	EXPECT_TRUE(pop_fooled(UINT32_MAX, true)) TH_LOG("the attempt is none");
	EXPECT_FALSE(pop_fooled(UINT64_MAX, false));
	EXPECT_FALSE(pop_fooled(UINT64_MAX, true));
}

TEST(lifo_tag_comes_round)
{
	struct ksync_lifo l;
	uint32_t next[2];

	ksync_lifo_init(&l, next);
	l.top_ = (uint64_t)UINT32_MAX << 32;
	ksync_lifo_push(&l, 1);
	EXPECT_EQ(1, ksync_lifo_pop(&l));
	EXPECT_TRUE(ksync_lifo_empty(&l));
	EXPECT_EQ(0, l.top_);
	EXPECT_EQ(KSYNC_LIFO_NONE, ksync_lifo_pop(&l));
}

TEST(mpmc_checks_its_arguments)
{
	struct ksync_mpmc_cell cells[N];
	struct ksync_mpmc q;
	void *value;

	EXPECT_EQ(-EINVAL, ksync_mpmc_init(&q, cells, 0, 0));
	EXPECT_EQ(-EINVAL, ksync_mpmc_init(&q, cells, 2, 0));
	EXPECT_EQ(-EINVAL, ksync_mpmc_init(&q, cells, 6, 0));
	EXPECT_EQ(-EINVAL, ksync_mpmc_init(&q, cells, N, 2));
	ASSERT_EQ(0, ksync_mpmc_init(&q, cells, N, 0));
	EXPECT_EQ(-EINVAL, ksync_mpmc_push(&q, NULL, NULL));
	EXPECT_EQ(-EINVAL, ksync_mpmc_pop(&q, &value, NULL));
	ASSERT_EQ(0, ksync_mpmc_init(&q, cells, N, KSYNC_MPMC_WAIT));
	EXPECT_EQ(-EINVAL, ksync_mpmc_pop(&q, &value, &(struct timespec){ .tv_nsec = -1 }));
}

/* Each fill, lap after lap, from each place in the ring; all cells are used. */
TEST(mpmc_first_in_first_out)
{
	struct ksync_mpmc_cell cells[N];
	struct ksync_mpmc q;
	long lap, i, in = 0, out = 0;
	void *value;

	ASSERT_EQ(0, ksync_mpmc_init(&q, cells, N, 0));
	for (lap = 0; lap < 5 * N; lap++) {
		EXPECT_EQ(-EAGAIN, ksync_mpmc_try_pop(&q, &value));
		for (i = 0; i < lap % N + 1; i++)
			ASSERT_EQ(0, ksync_mpmc_try_push(&q, (void *)in++));
		EXPECT_EQ(i, ksync_mpmc_count(&q));
		if (i == N)
			EXPECT_EQ(-EAGAIN, ksync_mpmc_try_push(&q, NULL));
		for (; i; i--) {
			ASSERT_EQ(0, ksync_mpmc_try_pop(&q, &value));
			ASSERT_EQ(out++, (long)value);
		}
	}
}

static struct ksync_mpmc_cell ring[4];
static struct ksync_mpmc queue;

static void *pop_one(void *value)
{
	const struct timespec late = models_in(20 * SEC);

	CHECK(!ksync_mpmc_pop(&queue, value, &late));
	return NULL;
}

static void *push_one(void *value)
{
	const struct timespec late = models_in(20 * SEC);

	CHECK(!ksync_mpmc_push(&queue, value, &late));
	return NULL;
}

static uint32_t waiting(struct ksync_mpmc_waiters_ *w)
{
	return __atomic_load_n(&w->n_, __ATOMIC_RELAXED);
}

/* Wait until so many wait. */
static void until(struct ksync_mpmc_waiters_ *w, uint32_t n)
{
	while (waiting(w) != n)
		ksync_task_yield();
}

static void *waits(void *arg)
{
	struct ksync_task *t;
	void *line, *value = NULL, *got;
	long i;

	CHECK(!ksync_task_spawn(&t, pop_one, &value, NULL));
	until(&queue.poppers_, 1);
	CHECK(!ksync_mpmc_try_push(&queue, &ring));
	CHECK(!ksync_task_join(t, &line) && !line && value == &ring);
	for (i = 0; i < 4; i++)
		CHECK(!ksync_mpmc_push(&queue, (void *)i, NULL));
	CHECK(!ksync_task_spawn(&t, push_one, (void *)4, NULL));
	until(&queue.pushers_, 1);
	for (i = 0; i < 5; i++) {
		CHECK(!ksync_mpmc_pop(&queue, &got, NULL));
		CHECK((long)got == i);
	}
	CHECK(!ksync_task_join(t, &line) && !line);
	CHECK(!waiting(&queue.pushers_) && !waiting(&queue.poppers_));
	return arg;
}

TEST_F(models, mpmc_waits_for_values_and_room)
{
	ASSERT_EQ(0, ksync_mpmc_init(&queue, ring, 4, KSYNC_MPMC_WAIT));
	RUN(waits, NULL);
}

static void *cancelled(void *arg)
{
	void *value;

	CHECK(ksync_mpmc_pop(&queue, &value, NULL) == -ECANCELED);
	CHECK(!ksync_mpmc_push(&queue, arg, NULL)); /* does not wait */
	return NULL;
}

/* Whose wait has ended is off the list, and takes no wake-up with it. */
static void *ended_waits(void *arg)
{
	struct timespec soon = models_in(5 * MSEC);
	struct ksync_task *t, *other;
	void *line, *value;
	long i;

	CHECK(ksync_mpmc_pop(&queue, &value, &soon) == -ETIMEDOUT);
	CHECK(ksync_mpmc_pop(&queue, &value, &soon) == -ETIMEDOUT);
	CHECK(!waiting(&queue.poppers_));
	CHECK(!ksync_task_spawn(&t, cancelled, arg, NULL));
	until(&queue.poppers_, 1);
	CHECK(!ksync_task_spawn(&other, pop_one, &value, NULL));
	until(&queue.poppers_, 2);
	ksync_task_cancel(t); /* it is in the list until it runs */
	CHECK(!ksync_mpmc_try_push(&queue, arg));
	CHECK(!ksync_task_join(other, &line) && !line && value == arg);
	CHECK(!ksync_task_join(t, &line) && !line);
	CHECK(!ksync_mpmc_try_pop(&queue, &value));
	for (i = 0; i < 4; i++)
		CHECK(!ksync_mpmc_try_push(&queue, &queue));
	soon = models_in(5 * MSEC);
	CHECK(ksync_mpmc_push(&queue, NULL, &soon) == -ETIMEDOUT);
	CHECK(!waiting(&queue.pushers_) && ksync_mpmc_count(&queue) == 4);
	return NULL;
}

TEST_F(models, mpmc_waits_end)
{
	ASSERT_EQ(0, ksync_mpmc_init(&queue, ring, 4, KSYNC_MPMC_WAIT));
	RUN(ended_waits, &ring);
}

/*
 * A push that is held up: it has its number, and writes its cell when two later ones
 * have written theirs, whose wake-ups found nothing.  Its own is for all three.
 */
static void *held_up_push(void *arg)
{
	struct ksync_task *t[3];
	void *line, *value[3] = { 0 };
	long sum = 0;
	int i;

	for (i = 0; i < 3; i++)
		CHECK(!ksync_task_spawn(&t[i], pop_one, &value[i], NULL));
	until(&queue.poppers_, 3);
	CHECK(__atomic_fetch_add(&queue.tail_, 1, __ATOMIC_RELAXED) == 0);
	CHECK(!ksync_mpmc_try_push(&queue, (void *)20));
	CHECK(!ksync_mpmc_try_push(&queue, (void *)300));
	/* They sleep again once they have been seen to look in vain. */
	for (i = 0; i < 1000; i++)
		ksync_task_yield();
	until(&queue.poppers_, 3);
	ring[0].value_ = (void *)1;
	__atomic_store_n(&ring[0].seq_, 1, __ATOMIC_RELEASE);
	ksync_mpmc_told_(&queue, &queue.poppers_);
	for (i = 0; i < 3; i++) {
		CHECK(!ksync_task_join(t[i], &line) && !line);
		sum += (long)value[i];
	}
	CHECK(sum == 321);
	return arg;
}

TEST_F(models, mpmc_wakes_for_values_that_were_hidden)
{
	ASSERT_EQ(0, ksync_mpmc_init(&queue, ring, 4, KSYNC_MPMC_WAIT));
	RUN(held_up_push, NULL);
}

/* The same for room: a pop that is held up. */
static void *held_up_pop(void *arg)
{
	struct ksync_task *t[3];
	void *line, *value;
	long i;

	for (i = 0; i < 4; i++)
		CHECK(!ksync_mpmc_try_push(&queue, (void *)i));
	for (i = 0; i < 3; i++)
		CHECK(!ksync_task_spawn(&t[i], push_one, (void *)(i + 4), NULL));
	until(&queue.pushers_, 3);
	CHECK(__atomic_fetch_add(&queue.head_, 1, __ATOMIC_RELAXED) == 0);
	CHECK(!ksync_mpmc_try_pop(&queue, &value) && (long)value == 1);
	CHECK(!ksync_mpmc_try_pop(&queue, &value) && (long)value == 2);
	for (i = 0; i < 1000; i++)
		ksync_task_yield();
	until(&queue.pushers_, 3);
	__atomic_store_n(&ring[0].seq_, 4, __ATOMIC_RELEASE);
	ksync_mpmc_told_(&queue, &queue.pushers_);
	for (i = 0; i < 3; i++)
		CHECK(!ksync_task_join(t[i], &line) && !line);
	CHECK(ksync_mpmc_count(&queue) == 4);
	return arg;
}

TEST_F(models, mpmc_wakes_for_room_that_was_hidden)
{
	ASSERT_EQ(0, ksync_mpmc_init(&queue, ring, 4, KSYNC_MPMC_WAIT));
	RUN(held_up_pop, NULL);
}

TEST(seqlock_copies)
{
	uint64_t shared[3] = { 1, 2, 3 }, copy[3], other[3] = { 4, 5, 6 };
	struct ksync_seqlock l = { 0 };
	uint64_t seq;

	ksync_seqlock_read(&l, copy, shared, sizeof(copy));
	EXPECT_EQ(0, memcmp(copy, shared, sizeof(copy)));
	seq = ksync_seqlock_read_begin(&l);
	EXPECT_FALSE(ksync_seqlock_read_retry(&l, seq));
	ksync_seqlock_write(&l, shared, other, sizeof(other));
	EXPECT_TRUE(ksync_seqlock_read_retry(&l, seq));
	ksync_seqlock_read(&l, copy, shared, sizeof(copy));
	EXPECT_EQ(0, memcmp(copy, other, sizeof(copy)));
	seq = ksync_seqlock_read_begin(&l);
	ksync_seqlock_write_begin(&l);
	EXPECT_TRUE(ksync_seqlock_read_retry(&l, seq));
	ksync_seqlock_write_end(&l);
}

static struct ksync_seqlock seqlock;
static uint64_t pair[2];
static uint32_t started;

static void *read_pair(void *copy)
{
	__atomic_store_n(&started, 1, __ATOMIC_RELEASE);
	ksync_seqlock_read(&seqlock, copy, pair, sizeof(pair));
	return NULL;
}

static void *write_pair(void *from)
{
	__atomic_store_n(&started, 1, __ATOMIC_RELEASE);
	ksync_seqlock_write(&seqlock, pair, from, sizeof(pair));
	return NULL;
}

/* Readers and writers that come while it is written do not go on before it is whole. */
TEST(seqlock_waits_for_a_writer)
{
	uint64_t copy[2] = { 0 }, mine[2] = { 1, 1 }, yours[2] = { 2, 2 };
	pthread_t thread;
	int i, j;

	for (i = 0; i < 2; i++) {
		started = 0;
		ksync_seqlock_write_begin(&seqlock);
		ASSERT_EQ(0, pthread_create(&thread, NULL, i ? write_pair : read_pair,
					    i ? yours : copy));
		while (!__atomic_load_n(&started, __ATOMIC_ACQUIRE))
			sched_yield();
		ksync_seq_store(&pair[0], &mine[0], sizeof(mine[0]));
		for (j = 0; j < 1000; j++)
			sched_yield();
		ksync_seq_store(&pair[1], &mine[1], sizeof(mine[1]));
		EXPECT_EQ(1, __atomic_load_n(&pair[0], __ATOMIC_RELAXED));
		ksync_seqlock_write_end(&seqlock);
		ASSERT_EQ(0, pthread_join(thread, NULL));
	}
	EXPECT_EQ(1, copy[0]);
	EXPECT_EQ(1, copy[1]);
	EXPECT_EQ(0, memcmp(pair, yours, sizeof(pair)));
}

KSFT_MAIN
