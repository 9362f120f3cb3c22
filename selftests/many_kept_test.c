// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of waits on many objects: one task after the other has it, for waits of
 * any size and kind; and it goes when nobody waits any more.
 */
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/many.h"
#include "lib/sched.h"
#include "lib/slab.h"
#include "lib/sys.h"

#define SIZES		6
#define ROUNDS		3

static const uint32_t sizes[SIZES] = { 2, KSYNC_MANY_MAX, 3, 64, 1, 17 };

/* Those of waitqs are given by a wake-up, others by a release. */
static const uint32_t kinds[] = { KSYNC_KIND_SEM, KSYNC_KIND_EVENT, KSYNC_KIND_WAITQ };

FIXTURE(kept)
{
	int fd;
	uint32_t ids[KSYNC_MANY_MAX];
	struct ksync_item items[KSYNC_MANY_MAX];
	long parts, states;
};

/* All on one CPU, which has one memory. */
static int stay_here(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	return sched_setaffinity(0, sizeof(one), &one);
}

FIXTURE_SETUP(kept)
{
	int i;

	ASSERT_EQ(0, stay_here());
	self->parts = slab_count("ksync_part");
	self->states = slab_count("ksync_state");
	self->fd = raw_open();
	for (i = 0; i < KSYNC_MANY_MAX; i++) {
		ASSERT_EQ(0, raw_create(self->fd, kinds[i % 3], 0, &self->ids[i]));
		self->items[i] = (struct ksync_item){ .id = self->ids[i] };
	}
}

FIXTURE_TEARDOWN(kept)
{
	close(self->fd);
}

static int call(int fd, struct ksync_item *items, uint32_t n, uint32_t flags)
{
	struct ksync_many arg = {
		.count = n,
		.items = (uintptr_t)items,
		.deadline = 1,
		.flags = flags,
	};

	return raw_many(fd, &arg);
}

static int give(int fd, uint32_t id, uint32_t kind)
{
	uint32_t n;

	if (kind == KSYNC_KIND_WAITQ)
		return raw_wake(fd, id, 1, KSYNC_BITSET_ALL, &n);
	return raw_release(fd, id, 0, 1, &n);
}

TEST_F(kept, each_task_is_given_its_own)
{
	struct player *p[2];
	uint32_t i, n, who;

	NEEDS(MANY);
	for (i = 0; i < 2; i++)
		p[i] = player_start(i ? TASK_PROCESS : TASK_THREAD, self->fd, NULL);
	for (i = 0; i < ROUNDS * SIZES; i++) {
		who = i / 3 % 2;
		n = sizes[i % SIZES];
		ASSERT_EQ(0, many_await(p[who], 0, 0, self->ids, n));
		/* The other one comes and goes meanwhile, with a memory of its own. */
		ASSERT_EQ(-ETIMEDOUT, call(self->fd, self->items, 5, 0));
		ASSERT_EQ(-ETIMEDOUT, call(self->fd, self->items, 5, KSYNC_MANY_ALL));
		ASSERT_EQ(0, give(self->fd, self->ids[n - 1], kinds[(n - 1) % 3]));
		ASSERT_EQ(0, player_result(p[who]));
		ASSERT_EQ(n - 1, p[who]->many.index);
	}
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, player_end(p[i]));
}

/* What was expected of a waitq, in the same place, is forgotten. */
TEST_F(kept, what_was_expected_is_forgotten)
{
	struct ksync_item *q = &self->items[2];

	NEEDS(MANY);
	q->expected = 7;
	EXPECT_EQ(0, call(self->fd, self->items, 3, 0));
	q->expected = 0;
	EXPECT_EQ(-ETIMEDOUT, call(self->fd, self->items, 3, 0));
	EXPECT_EQ(-ETIMEDOUT, call(self->fd, self->items, 3, KSYNC_MANY_ALL));
	q->expected = 7;
	EXPECT_EQ(0, call(self->fd, self->items, 3, 0));
}

static struct player *start(struct __test_metadata *_metadata, int fd, int prio)
{
	struct player *p = player_start(TASK_THREAD, fd, NULL);

	ASSERT_NE(NULL, p);
	if (prio)
		ASSERT_EQ(0, sched_fifo(task_tid(&p->task), prio));
	return p;
}

#define START(prio) start(_metadata, self->fd, prio)

/* One wait, that is given what stands first of these. */
static void wait_once(struct __test_metadata *_metadata, struct _test_data_kept *self,
		      struct player *p, uint32_t flags)
{
	ASSERT_EQ(0, many_await(p, flags, 0, self->ids, 2));
	if (flags & KSYNC_MANY_ALL)
		ASSERT_EQ(0, give(self->fd, self->ids[1], kinds[1]));
	ASSERT_EQ(0, give(self->fd, self->ids[0], kinds[0]));
	ASSERT_EQ(0, player_result(p));
	EXPECT_EQ(0, p->many.index);
}

/* Any, then all, and any again: who was told, and who looked, is told and given. */
TEST_F(kept, who_was_told_is_told_again)
{
	struct player *p = START(0);

	NEEDS(MANY);
	wait_once(_metadata, self, p, 0);
	wait_once(_metadata, self, p, KSYNC_MANY_ALL);
	wait_once(_metadata, self, p, KSYNC_MANY_ALL);
	wait_once(_metadata, self, p, 0);
	EXPECT_EQ(0, player_end(p));
}

TEST_F(kept, who_was_told_watches_a_lock)
{
	struct player *p = START(0);
	uint32_t ids[2] = { 0, self->ids[0] }, me;
	int i;

	NEEDS(MANY);
	ASSERT_EQ(0, raw_attach(self->fd, &me));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, 0, &ids[0]));
	for (i = 0; i < ROUNDS; i++) {
		wait_once(_metadata, self, p, 0);
		ASSERT_EQ(0, raw_lock(self->fd, ids[0], me, 0, KSYNC_NO_DEADLINE));
		ids[0] = MANY_WATCH(ids[0]);
		ASSERT_EQ(0, many_await(p, 0, 0, ids, 2));
		ids[0] &= ~MANY_WATCH(0);
		ASSERT_EQ(0, raw_unlock(self->fd, ids[0], me));
		ASSERT_EQ(0, player_result(p));
		EXPECT_EQ(0, p->many.index);
		ASSERT_EQ(0, player_do(p, step_unlock, ids[0]));
	}
	EXPECT_EQ(0, player_end(p));
}

/* That the last owner of what stood in the same place died is forgotten. */
TEST_F(kept, a_death_is_told_once)
{
	struct ksync_cell *cells = raw_map(self->fd, 2 * KSYNC_MANY_MAX);
	struct player *owner = player_start(TASK_PROCESS, self->fd, cells);
	struct ksync_item mutex = {};
	struct ksync_many arg = { .count = 1, .items = (uintptr_t)&mutex };

	NEEDS(MANY);
	ASSERT_NE(NULL, owner);
	ASSERT_EQ(0, raw_attach(self->fd, &arg.thread));
	ASSERT_EQ(0, raw_create(self->fd, KSYNC_KIND_MUTEX, 0, &mutex.id));
	ASSERT_EQ(0, player_do(owner, step_lock_fast, mutex.id));
	EXPECT_EQ(0, player_end(owner));
	EXPECT_EQ(-EOWNERDEAD, raw_many(self->fd, &arg));
	EXPECT_EQ(-EOWNERDEAD, mutex.result);
	ASSERT_EQ(0, give(self->fd, self->ids[0], kinds[0]));
	ASSERT_EQ(0, give(self->fd, self->ids[1], kinds[1]));
	EXPECT_EQ(0, call(self->fd, self->items, 2, KSYNC_MANY_ALL));
	EXPECT_EQ(0, self->items[0].result);
}

/* Whose priority it was does not matter to who has it next. */
TEST_F(kept, the_priority_is_that_of_who_waits)
{
	struct player *high = START(10), *low = START(0), *mid = START(5);
	uint32_t flags;

	NEEDS(MANY);
	for (flags = 0; flags <= KSYNC_MANY_ALL; flags += KSYNC_MANY_ALL) {
		wait_once(_metadata, self, high, flags);
		ASSERT_EQ(0, many_await(low, flags, 0, self->ids, 1));
		player_post(mid, step_acquire, self->ids[0]);
		ASSERT_EQ(0, player_await_asleep(mid));
		ASSERT_EQ(0, give(self->fd, self->ids[0], kinds[0]));
		ASSERT_EQ(0, player_result(mid));
		ASSERT_EQ(0, give(self->fd, self->ids[0], kinds[0]));
		ASSERT_EQ(0, player_result(low));
	}
	EXPECT_EQ(0, player_end(high));
	EXPECT_EQ(0, player_end(mid));
	EXPECT_EQ(0, player_end(low));
}

/* No more of them than before, but for so many. */
struct bound {
	long parts, states, slack;
};

static bool as_few(const void *arg)
{
	const struct bound *b = arg;

	return slab_count("ksync_part") <= b->parts + b->slack &&
	       slab_count("ksync_state") <= b->states + b->slack;
}

#define NEEDS_COUNTS()								\
do {										\
	if (self->parts < 0)							\
		SKIP(return, "this kernel does not count what is in its caches");	\
} while (0)

TEST_F(kept, it_goes_when_nobody_waits)
{
	const struct bound none = { self->parts, self->states, 0 };

	NEEDS(MANY);
	NEEDS_COUNTS();
	ASSERT_EQ(-ETIMEDOUT, call(self->fd, self->items, KSYNC_MANY_MAX, 0));
	EXPECT_EQ(0, await_true(as_few, &none));
	ASSERT_EQ(-ETIMEDOUT, call(self->fd, self->items, KSYNC_MANY_MAX, 0));
	EXPECT_EQ(0, await_true(as_few, &none));
}

/* Small waits do not keep a large memory. */
static bool small_again(const void *arg)
{
	const struct _test_data_kept *self = arg;
	const struct bound few = { self->parts, self->states, 16 };
	struct ksync_item items[2] = { self->items[0], self->items[1] };

	return call(self->fd, items, 2, 0) == -ETIMEDOUT && as_few(&few);
}

TEST_F(kept, it_goes_when_waits_are_small)
{
	NEEDS(MANY);
	NEEDS_COUNTS();
	ASSERT_EQ(-ETIMEDOUT, call(self->fd, self->items, KSYNC_MANY_MAX, 0));
	EXPECT_EQ(0, await_true(small_again, self));
}

/* Who waits for little, and maybe for ever, leaves the memory of large waits alone. */
#define SMALL_ONES	8

TEST_F(kept, small_waits_do_not_take_it_along)
{
	/* Of each of them up to 16 items and an alert; and one of all. */
	const struct bound few = {
		self->parts, self->states, 17 * SMALL_ONES + KSYNC_MANY_MAX + 1,
	};
	struct player *p[SMALL_ONES];
	int i;

	NEEDS(MANY);
	NEEDS_COUNTS();
	for (i = 0; i < SMALL_ONES; i++) {
		p[i] = START(0);
		ASSERT_EQ(-ETIMEDOUT, call(self->fd, self->items, KSYNC_MANY_MAX, 0));
		ASSERT_EQ(0, many_await(p[i], 0, 0, self->ids, 2));
	}
	EXPECT_TRUE(as_few(&few));
	for (i = 0; i < SMALL_ONES; i++)
		ASSERT_EQ(0, give(self->fd, self->ids[0], kinds[0]));
	for (i = 0; i < SMALL_ONES; i++) {
		EXPECT_EQ(0, player_result(p[i]));
		EXPECT_EQ(0, player_end(p[i]));
	}
}

TEST_F(kept, it_goes_with_the_domain)
{
	const struct bound none = { self->parts, self->states, 0 };

	NEEDS(MANY);
	NEEDS_COUNTS();
	ASSERT_EQ(-ETIMEDOUT, call(self->fd, self->items, KSYNC_MANY_MAX, 0));
	close(self->fd);
	self->fd = raw_open();
	EXPECT_EQ(0, await_true(as_few, &none));
}

TEST_HARNESS_MAIN
