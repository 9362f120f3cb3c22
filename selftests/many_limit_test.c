// SPDX-License-Identifier: GPL-2.0
/*
 * Waits on many objects near max_waiters: nobody is refused for a wait that is itself
 * refused room for all that it waits for, be it only for a moment.
 */
#include <stdlib.h>
#include <unistd.h>

#include "lib/ksft.h"
#include "lib/param.h"
#include "lib/player.h"
#include "lib/slow.h"

/* Less than a call of all may take, much more than two calls do. */
#define LIMIT		100
#define CALLS		40000

/**
 * struct caller - one that calls over and over
 * @fd: domain
 * @items: the first one is there
 * @calls: how many there were
 * @stop: it ends
 */
struct caller {
	int fd;
	struct ksync_item items[KSYNC_MANY_MAX];
	uint32_t calls;
	bool stop;
};

FIXTURE(limit)
{
	unsigned int max_waiters;
	struct caller *c;
	struct ksync_item missing;
};

FIXTURE_SETUP(limit)
{
	uint32_t i, was;

	ASSERT_EQ(0, param_get("max_waiters", &self->max_waiters));
	self->c = player_memory(sizeof(*self->c));
	self->c->fd = raw_open();
	for (i = 0; i < KSYNC_MANY_MAX; i++)
		ASSERT_EQ(0, raw_create(self->c->fd, KSYNC_KIND_EVENT, KSYNC_EVENT_MANUAL,
					&self->c->items[i].id));
	self->missing = self->c->items[1];
	ASSERT_EQ(0, raw_release(self->c->fd, self->c->items[0].id, 0, 1, &was));
}

FIXTURE_TEARDOWN(limit)
{
	EXPECT_EQ(0, param_set("max_waiters", self->max_waiters));
	close(self->c->fd);
}

static int call(int fd, struct ksync_item *items, uint32_t n)
{
	struct ksync_many arg = { .count = n, .items = (uintptr_t)items, .deadline = 1 };

	return raw_many(fd, &arg);
}

static int call_over_and_over(void *arg)
{
	struct caller *c = arg;
	int ret = 0;

	while (!ret && !__atomic_load_n(&c->stop, __ATOMIC_RELAXED)) {
		ret = call(c->fd, c->items, KSYNC_MANY_MAX);
		__atomic_add_fetch(&c->calls, 1, __ATOMIC_RELAXED);
	}
	return -ret;
}

TEST_F(limit, nobody_is_refused_for_who_is_refused)
{
	int calls = CALLS / slow_factor(), ret = -ETIMEDOUT, status;
	struct ksync_info info;
	struct task t;

	NEEDS(MANY);
	ASSERT_EQ(0, param_set("max_waiters", LIMIT));
	ASSERT_EQ(0, task_start(&t, TASK_THREAD, call_over_and_over, self->c));
	while (!__atomic_load_n(&self->c->calls, __ATOMIC_RELAXED))
		sched_yield();
	while (calls-- && ret == -ETIMEDOUT)
		ret = call(self->c->fd, &self->missing, 1);
	EXPECT_EQ(-ETIMEDOUT, ret);
	__atomic_store_n(&self->c->stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, task_join(&t, &status));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, raw_info(self->c->fd, &info));
	EXPECT_EQ(0, info.waiters);
}

TEST_HARNESS_MAIN
