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
#define ROUNDS	1000	/* the clock is looked at after so many */
#define MEETINGS	10000	/* at most */
#define MEET	(3 * SEC)

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
};

FIXTURE_SETUP(order)
{
	self->o = player_memory(sizeof(*self->o));
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

/*
 * Have so many looks been in vain that the other task will never do what they look
 * for? Where it has no processor, each of its moves takes as long as a time slice of
 * who has: the patience is with one move. *@patience: 0 before the first look.
 */
static bool in_vain(uint32_t looks, uint64_t *patience)
{
	if (looks % ROUNDS)
		return false;
	if (!*patience)
		*patience = await_deadline();
	return passed(*patience);
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
	const uint64_t end = in(WHILE);
	struct order *o = self->o;
	uint64_t patience;
	uint32_t i, looks;

	if (cpu_count() < 2)
		SKIP(return, "one CPU");
	ASSERT_EQ(0, task_start(&self->t, TASK_BARE, look_when_set, o));
	for (i = 1; i % 16 || !passed(end); i++) {
		ksync_event_set(&o->e);
		store(&o->data, i);
		ksync_event_set(&o->e);
		patience = 0;
		for (looks = 1; load(&o->seen) != i; looks++)
			if (in_vain(looks, &patience))
				break;
		if (load(&o->seen) != i)
			break;
	}
	EXPECT_EQ(load(&o->data), load(&o->seen));
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
	const uint64_t end = in(WHILE);
	struct order *o = self->o;
	int i;

	ASSERT_EQ(0, task_start(&self->t, TASK_BARE, wait_in_the_module, o));
	for (i = 1; i % ROUNDS || !passed(end); i++) {
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
 * @wait_try: the same
 * @post: @other; not 0 if it was there already: it was not our turn
 * @mine: event or semaphore; begins with its object
 * @other: the other task's
 * @order: whose domain they are of, and when to stop
 */
struct turn {
	int (*wait)(void *mine);
	int (*wait_try)(void *mine);
	int (*post)(void *other);
	void *mine, *other;
	struct order *order;
};

static int wait_event(void *e)
{
	return ksync_event_wait(e);
}

static int try_event(void *e)
{
	return ksync_event_wait_try(e);
}

static int set_event(void *e)
{
	return ksync_event_set(e);
}

static int wait_sem(void *s)
{
	return ksync_sem_wait(s);
}

static int try_sem(void *s)
{
	return ksync_sem_wait_try(s);
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

/* Until it is told to stop, waiting in the module at once. */
static int move_in_the_module(void *arg)
{
	const struct turn *t = arg;
	const struct ksync_object *o = t->mine;
	const int fd = ksync_fileno(t->order->d);

	for (;;) {
		if (raw_acquire(fd, o->id, 0, KSYNC_NO_DEADLINE))
			return 1;
		if (load(&t->order->stop))
			return 0;
		if (t->post(t->other))
			return 1;
	}
}

/* Post after as many turns of a loop as @dice says. */
static int post_soon(const struct turn *t, uint32_t dice)
{
	for (dice %= 2048; dice; dice--)
		asm volatile("" ::: "memory");
	return t->post(t->other);
}

/* Until it is @t's turn; false: in vain. */
static bool look_for(const struct turn *t)
{
	uint64_t patience = 0;
	uint32_t looks;

	for (looks = 1; t->wait_try(t->mine); looks++)
		if (in_vain(looks, &patience))
			return false;
	return true;
}

/* One goes to sleep each time; the other one looks, and posts meanwhile. */
static void meet(struct __test_metadata *_metadata, struct _test_data_order *self,
		 struct turn *turns)
{
	const uint64_t end = in(MEET);
	uint32_t i, dice = 0x9e3779b9;

	if (cpu_count() < 2)
		return;
	ASSERT_EQ(0, task_start(&self->t, TASK_BARE, move_in_the_module, &turns[0]));
	for (i = 0; i < MEETINGS && !passed(end); i++) {
		dice = dice * 1664525 + 1013904223;
		ASSERT_EQ(0, post_soon(&turns[1], dice >> 16));
		ASSERT_TRUE(look_for(&turns[1])) TH_LOG("round %d", i);
	}
	store(&self->o->stop, 1);
	ASSERT_EQ(0, turns[1].post(turns[1].other));
	EXPECT_EQ(0, await_gone(task_tid(&self->t)));
	finish(_metadata, self);
}

/* Between two events or two semaphores, by all kinds of tasks. */
static void hand_over(struct __test_metadata *_metadata, struct _test_data_order *self,
		      struct turn *turns)
{
	ping_pong(_metadata, turns, TASK_THREAD, TASK_THREAD);
	ping_pong(_metadata, turns, TASK_BARE, TASK_THREAD);
	ping_pong(_metadata, turns, TASK_PROCESS, TASK_BARE);
	meet(_metadata, self, turns);
}

TEST_F(order, no_wakeup_is_lost_between_two_events)
{
	struct ksync_event e[2];
	struct turn turns[2] = {
		{ wait_event, try_event, set_event, &e[0], &e[1], self->o },
		{ wait_event, try_event, set_event, &e[1], &e[0], self->o },
	};

	ASSERT_EQ(0, ksync_event_init(&e[0], self->o->d, 0));
	ASSERT_EQ(0, ksync_event_init(&e[1], self->o->d, 0));
	hand_over(_metadata, self, turns);
}

TEST_F(order, no_wakeup_is_lost_between_two_semaphores)
{
	struct ksync_sem s[2];
	struct turn turns[2] = {
		{ wait_sem, try_sem, post_sem, &s[0], &s[1], self->o },
		{ wait_sem, try_sem, post_sem, &s[1], &s[0], self->o },
	};

	ASSERT_EQ(0, ksync_sem_init(&s[0], self->o->d, 0, 1));
	ASSERT_EQ(0, ksync_sem_init(&s[1], self->o->d, 0, 1));
	hand_over(_metadata, self, turns);
}

KSFT_MAIN
