// SPDX-License-Identifier: GPL-2.0
/*
 * Stacks and queues without locks under load, from tasks and from threads: nothing is lost
 * or there twice, order is kept.  Each check is shown to find a busted variant that lacks
 * what it is about.
 */
#include <ksync/lifo.h>
#include <ksync/mpmc.h>
#include "lib/crew.h"
#include "lib/ksft.h"

#define NODES	16

/* Elements that are had by one at a time. */
static struct ksync_lifo lifo, other_lifo;
static uint32_t links[NODES];
static uint64_t had[NODES], data[NODES];

static void lifo_start(void)
{
	uint32_t i;

	ksync_lifo_init(&lifo, links);
	ksync_lifo_init(&other_lifo, links);
	for (i = 0; i < NODES; i++)
		ksync_lifo_push(&lifo, i);
}

/*
 * ksync_lifo_pop(), which may let others run between its load and its exchange; busted:
 * it leaves the tag as it was.
 */
static uint32_t held_pop(struct ksync_lifo *l, bool held)
{
	uint64_t top = __atomic_load_n(&l->top_, __ATOMIC_ACQUIRE), below;

	do {
		if (!(uint32_t)top)
			return KSYNC_LIFO_NONE;
		below = __atomic_load_n(&l->next_[(uint32_t)top - 1], __ATOMIC_RELAXED) + 1U;
		below = (uint32_t)below | ((top >> 32) + !busted) << 32;
		if (held)
			ksync_task_yield();
	} while (!__atomic_compare_exchange_n(&l->top_, &top, below, false, __ATOMIC_ACQUIRE,
					      __ATOMIC_ACQUIRE));
	return (uint32_t)top - 1;
}

/* Return: whether nobody else has it. */
static bool have(uint32_t i)
{
	if (__atomic_exchange_n(&had[i], 1, __ATOMIC_RELAXED))
		return false;
	data[i]++; /* not atomic: the stack is what orders it */
	return true;
}

static void put(struct ksync_lifo *l, uint32_t i)
{
	__atomic_store_n(&had[i], 0, __ATOMIC_RELAXED);
	ksync_lifo_push(l, i);
}

static void *lifo_held(void *arg)
{
	uint32_t a, b;
	long i;

	for (i = 0; i < rounds && !over(); i++) {
		a = held_pop(&lifo, i % 2);
		if (a == KSYNC_LIFO_NONE) {
			ksync_task_yield();
			continue;
		}
		if (__atomic_exchange_n(&had[a], 1, __ATOMIC_RELAXED)) {
			find();
			break;
		}
		b = busted ? held_pop(&lifo, false) : ksync_lifo_pop(&lifo);
		if (b != KSYNC_LIFO_NONE && __atomic_exchange_n(&had[b], 1, __ATOMIC_RELAXED)) {
			find();
			break;
		}
		put(&lifo, a);
		ksync_task_yield();
		if (b != KSYNC_LIFO_NONE)
			put(&lifo, b);
	}
	return (void *)((long)arg & 0);
}

TEST_F(models, untagged_stack_is_broken_by_aba)
{
	busted = true;
	rounds = 100000000;
	lifo_start();
	RUN(crew, lifo_held);
	EXPECT_TRUE(found);
}

TEST_F(models, tagged_stack_is_not)
{
	rounds = models_many(&variant->opts, 20000);
	if (variant->opts.flags & KSYNC_SCHED_MIGRATE)
		rounds /= 10;
	lifo_start();
	RUN(crew, lifo_held);
	EXPECT_FALSE(found);
}

/* From one stack to another, singly, as chains, and all at once. */
static void *lifo_moves(void *arg)
{
	struct ksync_lifo *from, *to;
	uint32_t a, b;
	long i;

	for (i = (long)arg; i < rounds; i++) {
		from = i & 1 ? &lifo : &other_lifo;
		to = i & 2 ? &lifo : &other_lifo;
		a = i % 16 ? ksync_lifo_pop(from) : ksync_lifo_pop_all(from);
		if (a == KSYNC_LIFO_NONE) {
			ksync_task_yield();
			continue;
		}
		for (b = a; !(i % 16) && b != KSYNC_LIFO_NONE; b = ksync_lifo_next(from, b)) {
			CHECK(have(b));
			__atomic_store_n(&had[b], 0, __ATOMIC_RELAXED);
			if (ksync_lifo_next(from, b) == KSYNC_LIFO_NONE)
				break;
		}
		if (!(i % 16)) {
			ksync_lifo_push_chain(to, a, b);
			continue;
		}
		CHECK(have(a));
		if (i % 64 == 1)
			ksync_task_yield();
		put(to, a);
	}
	return NULL;
}

static int lifo_count(void)
{
	int n = 0;

	while (ksync_lifo_pop(&lifo) != KSYNC_LIFO_NONE ||
	       ksync_lifo_pop(&other_lifo) != KSYNC_LIFO_NONE)
		n++;
	return n;
}

TEST_F(models, stack_keeps_all)
{
	rounds = models_many(&variant->opts, 100000);
	if (variant->opts.flags & KSYNC_SCHED_MIGRATE)
		rounds /= 20;
	lifo_start();
	RUN(crew, lifo_moves);
	EXPECT_EQ(NODES, lifo_count());
}

TEST(stack_keeps_all_of_threads)
{
	rounds = slow_factor() > 1 ? 2000 : 40000;
	lifo_start();
	EXPECT_EQ(NULL, thread_crew(lifo_moves));
	EXPECT_EQ(NODES, lifo_count());
}

/* Two produce, two consume: a value is its producer, and from bit 8 its number. */
static struct ksync_mpmc queue;
static struct ksync_mpmc_cell ring[8];
static uint64_t popped[2];	/* how many of each producer's */
static bool timed;

static void *produce(long id)
{
	struct timespec soon;
	void *value;
	long i;
	int ret;

	for (i = 1; i <= rounds; i++) {
		value = (void *)(i << 8 | id);
		do {
			soon = models_in(i % 7 * 3000);
			if (timed && i % 3)
				ret = ksync_mpmc_try_push(&queue, value);
			else
				ret = ksync_mpmc_push(&queue, value, timed ? &soon : NULL);
			if (ret == -EAGAIN)
				ksync_task_yield();
		} while (ret == -EAGAIN || ret == -ETIMEDOUT);
		CHECK(!ret);
	}
	return NULL;
}

/* Ends with a value that a consumer whose share is done puts back: 0. */
static void *consume(void)
{
	long last[2] = { 0 }, v;
	struct timespec soon;
	void *value;
	int ret;

	for (;;) {
		soon = models_in(5000);
		ret = ksync_mpmc_pop(&queue, &value, timed ? &soon : NULL);
		if (ret == -ETIMEDOUT)
			continue;
		CHECK(!ret);
		v = (long)value;
		if (!v)
			return NULL;
		CHECK((v & 255) < 2 && v >> 8 > last[v & 255]);
		last[v & 255] = v >> 8;
		if (__atomic_add_fetch(&popped[v & 255], 1, __ATOMIC_RELAXED) == (uint64_t)rounds &&
		    __atomic_load_n(&popped[!(v & 255)], __ATOMIC_RELAXED) == (uint64_t)rounds)
			find();
	}
}

static uint32_t producers;

static void *mpmc_part(void *arg)
{
	long id = (long)arg;
	void *line;
	int i;

	if (id >= 2)
		return consume();
	line = produce(id);
	if (__atomic_sub_fetch(&producers, 1, __ATOMIC_ACQ_REL) == 0)
		for (i = 0; i < 2; i++)
			CHECK(!ksync_mpmc_push(&queue, NULL, NULL));
	return line;
}

static void mpmc_start(void)
{
	producers = 2;
	ksync_mpmc_init(&queue, ring, 8, KSYNC_MPMC_WAIT);
}

TEST_F(models, queue_keeps_all_in_order)
{
	rounds = models_many(&variant->opts, 50000);
	if (variant->opts.flags & KSYNC_SCHED_MIGRATE)
		rounds /= 20;
	mpmc_start();
	RUN(crew, mpmc_part);
	EXPECT_EQ(rounds, popped[0]);
	EXPECT_EQ(rounds, popped[1]);
	EXPECT_EQ(0, ksync_mpmc_count(&queue));
}

TEST_F(models, queue_loses_nothing_to_deadlines)
{
	rounds = models_many(&variant->opts, 20000);
	if (variant->opts.flags & KSYNC_SCHED_MIGRATE)
		rounds /= 10;
	timed = true;
	mpmc_start();
	RUN(crew, mpmc_part);
	EXPECT_EQ(rounds, popped[0]);
	EXPECT_EQ(rounds, popped[1]);
}

TEST(queue_of_threads)
{
	rounds = slow_factor() > 1 ? 1000 : 20000;
	mpmc_start();
	EXPECT_EQ(NULL, thread_crew(mpmc_part));
	EXPECT_EQ(rounds, popped[0]);
	EXPECT_EQ(rounds, popped[1]);
	EXPECT_TRUE(found);
}

KSFT_MAIN
