// SPDX-License-Identifier: GPL-2.0
/*
 * A wait for all against a reset: an event with auto reset that was set once is had
 * by one of them.  Found by tools/verify/all.pml.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/raw.h"
#include "lib/task.h"

#define SETS	20000
#define SPINS	65536
#define ITEMS	KSYNC_MANY_MAX

/**
 * struct scene - what both tasks share
 * @fd: the domain
 * @items: the event, and sems that always have units: as many as there can be, so
 *	that it takes a while to look at all
 * @cells: the arena
 * @taken: how often the wait had the event
 * @stop: it is over
 * @strange: an answer that the wait must not give
 */
struct scene {
	int fd;
	struct ksync_item items[ITEMS];
	struct ksync_cell *cells;
	uint32_t taken;
	uint32_t stop;
	int strange;
};

static int take_all(struct scene *s)
{
	struct ksync_many arg = {
		.count = ITEMS,
		.items = (uintptr_t)s->items,
		.flags = KSYNC_MANY_ALL,
		.deadline = raw_deadline(CLOCK_MONOTONIC, 100),
	};

	return raw_many(s->fd, &arg);
}

static int taker(void *arg)
{
	struct scene *s = arg;
	int ret;

	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		ret = take_all(s);
		if (!ret)
			__atomic_add_fetch(&s->taken, 1, __ATOMIC_SEQ_CST);
		else if (ret != -ETIMEDOUT)
			s->strange = ret;
	}
	return 0;
}

static bool reset(struct scene *s)
{
	uint32_t *word = &s->cells[s->items[0].id].word;

	return __atomic_fetch_and(word, ~KSYNC_EVENT_SET, __ATOMIC_SEQ_CST) & KSYNC_EVENT_SET;
}

FIXTURE(reset)
{
	struct scene s;
	struct task task;
};

FIXTURE_SETUP(reset)
{
	struct scene *s = &self->s;
	uint32_t was;
	int i;

	memset(s, 0, sizeof(*s));
	s->fd = raw_open();
	s->cells = raw_map(s->fd, 2 * ITEMS);
	ASSERT_EQ(0, raw_create(s->fd, KSYNC_KIND_EVENT, 0, &s->items[0].id));
	for (i = 1; i < ITEMS; i++) {
		ASSERT_EQ(0, raw_create(s->fd, KSYNC_KIND_SEM, 0, &s->items[i].id));
		ASSERT_EQ(0, raw_release(s->fd, s->items[i].id, 0, 2 * SETS, &was));
	}
}

FIXTURE_TEARDOWN(reset)
{
	close(self->s.fd);
}

/* Set it, wait a while that is never the same, and reset it unless it was taken. */
TEST_F(reset, set_once_taken_once)
{
	struct scene *s = &self->s;
	uint32_t i, spin, was, resets = 0, dice = 1;

	ASSERT_EQ(0, task_start(&self->task, TASK_THREAD, taker, s));
	for (i = 1; i <= SETS; i++) {
		ASSERT_EQ(0, raw_release(s->fd, s->items[0].id, 0, 1, &was));
		dice = dice * 1664525 + 1013904223;
		for (spin = (dice >> 16) % SPINS; spin; spin--)
			__atomic_signal_fence(__ATOMIC_SEQ_CST);
		resets += reset(s);
		while (__atomic_load_n(&s->taken, __ATOMIC_SEQ_CST) + resets < i)
			sched_yield();
	}
	__atomic_store_n(&s->stop, 1, __ATOMIC_RELAXED);
	ASSERT_EQ(0, task_join(&self->task, NULL));
	EXPECT_EQ(0, s->strange);
	EXPECT_EQ(SETS, s->taken + resets);
	EXPECT_NE(0, s->taken);
	EXPECT_NE(0, resets);
}

KSFT_MAIN
