// SPDX-License-Identifier: GPL-2.0
/*
 * Events and semaphores between two tasks: no set or post may be missed, and
 * none may count twice, whichever way the instructions of both fall between each
 * other.
 */
#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/player.h"

#define WHILE	(500 * MSEC)

/**
 * struct order - what two tasks share
 * @d: domain
 * @e: an auto-reset event in it
 * @stop: not zero: time is up
 * @data: written before the event is set
 * @seen: read after a wait for it
 * @set: how often it was set and had not been
 * @taken: how often a wait or a reset has unset it
 */
struct order {
	struct ksync *d;
	struct ksync_event e;
	uint32_t stop;
	uint32_t data;
	uint32_t seen;
	uint64_t set;
	uint64_t taken[2];
};

FIXTURE(order)
{
	struct order *o;
	struct task t;
	uint64_t end;
};

FIXTURE_SETUP(order)
{
	self->o = player_memory(sizeof(*self->o));
	self->end = in(WHILE);
	ASSERT_EQ(0, ksync_open(&self->o->d, 0));
	ASSERT_EQ(0, ksync_event_init(&self->o->e, self->o->d, 0));
}

FIXTURE_TEARDOWN(order)
{
	ksync_close(self->o->d);
}

static uint32_t load(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static void store(uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELAXED);
}

/* The other task is at its end, and was content. */
static void finish(struct __test_metadata *_metadata, struct _test_data_order *self)
{
	int status;

	store(&self->o->stop, 1);
	ASSERT_EQ(0, task_join(&self->t, &status));
	EXPECT_EQ(0, status);
}

static int look_when_set(void *arg)
{
	struct order *o = arg;
	int ret;

	while (!load(&o->stop)) {
		ret = ksync_event_wait_try(&o->e);
		if (!ret)
			store(&o->seen, load(&o->data));
		else if (ret != -EAGAIN)
			return -ret;
	}
	return 0;
}

/*
 * The event is set, and being taken just now, when it is set once more: either
 * that wait sees what was written before the second set, or there is another.
 */
TEST_F(order, second_set_is_not_missed)
{
	const uint64_t patience = await_deadline();
	struct order *o = self->o;
	uint32_t i;

	if (cpu_count() < 2)
		SKIP(return, "one CPU");
	ASSERT_EQ(0, task_start(&self->t, TASK_BARE, look_when_set, o));
	for (i = 1; !passed(self->end); i++) {
		ksync_event_set(&o->e);
		store(&o->data, i);
		ksync_event_set(&o->e);
		while (load(&o->seen) != i && !passed(patience))
			;
		if (load(&o->seen) != i)
			break;
	}
	EXPECT_EQ(load(&o->data), load(&o->seen));
	EXPECT_GT(i, 1);
	finish(_metadata, self);
}

static int wait_in_the_module(void *arg)
{
	struct order *o = arg;
	int ret;

	while (!load(&o->stop)) {
		ret = raw_acquire(ksync_fileno(o->d), o->e.o.id, 0, 0);
		if (!ret)
			o->taken[0]++;
		else if (ret != -ETIMEDOUT)
			return -ret;
	}
	return 0;
}

/* Both look at a word that is set; one of them may unset it. */
TEST_F(order, reset_and_wait_do_not_share_a_set)
{
	struct order *o = self->o;

	ASSERT_EQ(0, task_start(&self->t, TASK_BARE, wait_in_the_module, o));
	while (!passed(self->end)) {
		o->set += !ksync_event_set(&o->e);
		o->taken[1] += ksync_event_reset(&o->e);
	}
	finish(_metadata, self);
	EXPECT_GT(o->taken[1], 0);
	EXPECT_EQ(o->set, o->taken[0] + o->taken[1] + !ksync_event_wait_try(&o->e));
}

/**
 * struct turn - two tasks hand each other the right to move
 * @wait: for @mine
 * @post: @other; not 0 if it was there already: it was not our turn
 * @mine: event or semaphore
 * @other: the other task's
 */
struct turn {
	int (*wait)(void *mine);
	int (*post)(void *other);
	void *mine, *other;
};

static int wait_event(void *e)
{
	return ksync_event_wait(e);
}

static int set_event(void *e)
{
	return ksync_event_set(e);
}

static int wait_sem(void *s)
{
	return ksync_sem_wait(s);
}

/* The limit is 1. */
static int post_sem(void *s)
{
	return ksync_sem_post(s);
}

#define MOVES	1500

static int move(void *arg)
{
	const struct turn *t = arg;
	int i, ret;

	for (i = 0; i < MOVES; i++) {
		ret = t->wait(t->mine);
		if (!ret)
			ret = t->post(t->other);
		if (ret)
			return 1;
	}
	return 0;
}

/* As @turns says, by tasks of kinds @a and @b; @turns[0] begins, and is next in the end. */
static void ping_pong(struct __test_metadata *_metadata, struct turn *turns,
		      enum task_kind a, enum task_kind b)
{
	struct task t[2];
	int i, status;

	ASSERT_EQ(0, task_start(&t[0], a, move, &turns[0]));
	ASSERT_EQ(0, task_start(&t[1], b, move, &turns[1]));
	EXPECT_EQ(0, turns[0].post(turns[0].mine));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, await_gone(task_tid(&t[i])));
		ASSERT_EQ(0, task_join(&t[i], &status));
		EXPECT_EQ(0, status);
	}
	EXPECT_EQ(0, turns[0].wait(turns[0].mine));
}

/* Between two events or two semaphores, by all kinds of tasks. */
static void ping_pongs(struct __test_metadata *_metadata, struct turn *turns)
{
	ping_pong(_metadata, turns, TASK_THREAD, TASK_THREAD);
	ping_pong(_metadata, turns, TASK_BARE, TASK_THREAD);
	ping_pong(_metadata, turns, TASK_PROCESS, TASK_BARE);
}

TEST_F(order, no_wakeup_is_lost_between_two_events)
{
	struct ksync_event e[2];
	struct turn turns[2] = {
		{ wait_event, set_event, &e[0], &e[1] },
		{ wait_event, set_event, &e[1], &e[0] },
	};

	ASSERT_EQ(0, ksync_event_init(&e[0], self->o->d, 0));
	ASSERT_EQ(0, ksync_event_init(&e[1], self->o->d, 0));
	ping_pongs(_metadata, turns);
}

TEST_F(order, no_wakeup_is_lost_between_two_semaphores)
{
	struct ksync_sem s[2];
	struct turn turns[2] = {
		{ wait_sem, post_sem, &s[0], &s[1] },
		{ wait_sem, post_sem, &s[1], &s[0] },
	};

	ASSERT_EQ(0, ksync_sem_init(&s[0], self->o->d, 0, 1));
	ASSERT_EQ(0, ksync_sem_init(&s[1], self->o->d, 0, 1));
	ping_pongs(_metadata, turns);
}

KSFT_MAIN
