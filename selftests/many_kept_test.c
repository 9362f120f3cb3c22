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

TEST_F(kept, it_goes_when_nobody_waits)
{
	const struct bound none = { self->parts, self->states, 0 };

	NEEDS(MANY);
	if (self->parts < 0)
		SKIP(return, "this kernel does not count what is in its caches");
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
	if (self->parts < 0)
		SKIP(return, "this kernel does not count what is in its caches");
	ASSERT_EQ(-ETIMEDOUT, call(self->fd, self->items, KSYNC_MANY_MAX, 0));
	EXPECT_EQ(0, await_true(small_again, self));
}

TEST_F(kept, it_goes_with_the_domain)
{
	const struct bound none = { self->parts, self->states, 0 };

	NEEDS(MANY);
	if (self->parts < 0)
		SKIP(return, "this kernel does not count what is in its caches");
	ASSERT_EQ(-ETIMEDOUT, call(self->fd, self->items, KSYNC_MANY_MAX, 0));
	close(self->fd);
	self->fd = raw_open();
	EXPECT_EQ(0, await_true(as_few, &none));
}

TEST_HARNESS_MAIN
