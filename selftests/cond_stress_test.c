// SPDX-License-Identifier: GPL-2.0
/*
 * Conds under load: no wake-up is lost, whoever waits, is interrupted, times out
 * or is killed.  A program that has lost one comes to a halt.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/sys.h"

#define TASKS	8
#define TOKENS	2
#define ROOM	4

/**
 * struct scene - what all tasks share, under @m
 * @d: the domain
 * @m: the mutex
 * @c: there are tokens, or items in the buffer
 * @space: there is room in the buffer
 * @stop: time is up
 * @tokens: to be had
 * @taken: how often a token was
 * @head: items that were taken out of the buffer
 * @tail: items that were put in
 * @item: the buffer; what is put in is its number
 * @wrong: items that were not what was put in
 * @errors: results that nobody expects
 * @error: one of them
 */
struct scene {
	struct ksync *d;
	struct ksync_mutex m;
	struct ksync_cond c;
	struct ksync_cond space;
	uint32_t stop;
	uint32_t tokens;
	uint64_t taken;
	uint64_t head;
	uint64_t tail;
	uint64_t item[ROOM];
	uint32_t wrong;
	uint32_t errors;
	int error;
};

/**
 * struct part - of one task
 * @task: who
 * @s: where
 * @index: of all
 * @self: identity
 */
struct part {
	struct task task;
	struct scene *s;
	int index;
	struct ksync_thread self;
};

FIXTURE(stress)
{
	struct scene *s;
	struct part *part;
};

FIXTURE_VARIANT(stress)
{
	uint32_t flags;
	int task;
};

/* One kind of task, or (-1) all of them. */
FIXTURE_VARIANT_ADD(stress, adaptive_threads)
{
	.task = TASK_THREAD,
};

FIXTURE_VARIANT_ADD(stress, strict_processes)
{
	.flags = KSYNC_MUTEX_STRICT,
	.task = TASK_PROCESS,
};

FIXTURE_VARIANT_ADD(stress, adaptive_all)
{
	.task = -1,
};

FIXTURE_VARIANT_ADD(stress, strict_all)
{
	.flags = KSYNC_MUTEX_STRICT,
	.task = -1,
};

static void on_signal(int sig)
{
	(void)sig;
}

FIXTURE_SETUP(stress)
{
	const struct sigaction action = { .sa_handler = on_signal };
	struct scene *s = player_memory(sizeof(*s));

	self->s = s;
	self->part = player_memory(TASKS * sizeof(*self->part));
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, ksync_open(&s->d, 0));
	ASSERT_EQ(0, ksync_mutex_init(&s->m, s->d, variant->flags));
	ASSERT_EQ(0, ksync_cond_init(&s->c, s->d, 0));
	ASSERT_EQ(0, ksync_cond_init(&s->space, s->d, 0));
}

FIXTURE_TEARDOWN(stress)
{
	self->s->stop = 1;
	ksync_close(self->s->d);
}

static bool over(const struct scene *s)
{
	return __atomic_load_n(&s->stop, __ATOMIC_RELAXED);
}

static void note(struct scene *s, int ret)
{
	s->error = ret;
	__atomic_add_fetch(&s->errors, 1, __ATOMIC_RELAXED);
}

/*
 * The mutex was locked, or the wait is over, with @ret. What its owner died with
 * is in order: one store changes it. But it may have died with a signal.
 */
static bool has_it(struct part *p, int ret)
{
	struct scene *s = p->s;

	switch (ret) {
	case -EOWNERDEAD:
		ksync_mutex_consistent_as(&s->m, &p->self);
		ksync_cond_broadcast(&s->c);
		ksync_cond_broadcast(&s->space);
		return true;
	case 0:
	case -ETIMEDOUT:
	case -EINTR:
		return true;
	default:
		note(s, ret);
		return false;
	}
}

static bool lock(struct part *p)
{
	return has_it(p, ksync_mutex_lock_as(&p->s->m, &p->self));
}

static void unlock(struct part *p)
{
	int ret = ksync_mutex_unlock_as(&p->s->m, &p->self);

	if (ret)
		note(p->s, ret);
}

static int attach(struct part *p)
{
	return ksync_thread_attach(p->s->d, &p->self);
}

/* Take a token, give it back. Each that is given back is worth one signal. */
static int pass_tokens(void *arg)
{
	struct part *p = arg;
	struct scene *s = p->s;

	if (attach(p))
		return 1;
	while (!over(s)) {
		if (!lock(p))
			return 2;
		while (!s->tokens && !over(s))
			if (!has_it(p, ksync_cond_wait_as(&s->c, &s->m, &p->self)))
				return 3;
		if (!over(s)) {
			s->tokens--;
			s->taken++;
			unlock(p);
			sys(SYS_sched_yield);
			if (!lock(p))
				return 4;
			s->tokens++;
		}
		ksync_cond_signal(&s->c);
		unlock(p);
	}
	return 0;
}

static void start(struct __test_metadata *_metadata, struct _test_data_stress *self,
		  int kind, int i, int (*fn)(void *arg))
{
	struct part *p = &self->part[i];

	p->s = self->s;
	p->index = i;
	ASSERT_EQ(0, task_start(&p->task, kind < 0 ? i % 3 : kind, fn, p));
}

/* Has it moved since the last look? Never for long without. */
static void must_move(struct __test_metadata *_metadata, const uint64_t *count, int ms)
{
	const struct timespec tick = { .tv_nsec = 5 * MSEC };
	const uint64_t end = in(ms * MSEC);
	uint64_t last, deadline;

	while (!passed(end)) {
		last = __atomic_load_n(count, __ATOMIC_RELAXED);
		deadline = await_deadline();
		while (__atomic_load_n(count, __ATOMIC_RELAXED) == last) {
			ASSERT_FALSE(passed(deadline)) TH_LOG("a wake-up was lost");
			nanosleep(&tick, NULL);
		}
	}
}

static void end_all(struct __test_metadata *_metadata, struct _test_data_stress *self)
{
	int i, status;

	/* It is part of what they wait for. */
	ASSERT_EQ(0, ksync_mutex_lock(&self->s->m));
	__atomic_store_n(&self->s->stop, 1, __ATOMIC_RELAXED);
	ASSERT_EQ(0, ksync_mutex_unlock(&self->s->m));
	ksync_cond_broadcast(&self->s->c);
	ksync_cond_broadcast(&self->s->space);
	for (i = 0; i < TASKS; i++) {
		ASSERT_EQ(0, await_gone(task_tid(&self->part[i].task)));
		ASSERT_EQ(0, task_join(&self->part[i].task, &status));
		EXPECT_EQ(0, status);
	}
	EXPECT_EQ(0, self->s->errors);
	EXPECT_EQ(0, self->s->error);
	EXPECT_EQ(0, self->s->m.o.cell->word);
	EXPECT_EQ(0, self->s->c.o.cell->waiters);
	EXPECT_EQ(0, self->s->space.o.cell->waiters);
}

/* Few tokens, many tasks, as in glibc's BZ 25847: nearly all of them wait. */
TEST_F(stress, tokens_go_round)
{
	struct scene *s = self->s;
	int i;

	s->tokens = TOKENS;
	for (i = 0; i < TASKS; i++)
		start(_metadata, self, variant->task, i, pass_tokens);
	must_move(_metadata, &s->taken, 1500);
	end_all(_metadata, self);
	EXPECT_EQ(TOKENS, s->tokens);
	EXPECT_GT(s->taken, TASKS);
}

/* One wait of one of the sorts: for ever, with a deadline, interruptible. */
static bool await(struct part *p, struct ksync_cond *c, uint64_t round)
{
	struct scene *s = p->s;
	const struct timespec soon = to_timespec(in(200000));
	int ret;

	switch ((round + p->index) % 3) {
	case 0:
		ret = ksync_cond_wait_as(c, &s->m, &p->self);
		break;
	case 1:
		ret = ksync_cond_wait_timed_as(c, &s->m, &p->self, CLOCK_MONOTONIC, &soon);
		break;
	default:
		ret = ksync_cond_wait_interruptible_as(c, &s->m, &p->self,
						       CLOCK_MONOTONIC, NULL);
	}
	return has_it(p, ret);
}

static void put_in(struct scene *s)
{
	s->item[s->tail % ROOM] = s->tail;
	__atomic_store_n(&s->tail, s->tail + 1, __ATOMIC_RELAXED);
	ksync_cond_signal(&s->c);
}

static void take_out(struct scene *s)
{
	if (s->item[s->head % ROOM] != s->head)
		s->wrong++;
	__atomic_store_n(&s->head, s->head + 1, __ATOMIC_RELAXED);
	ksync_cond_signal(&s->space);
}

static int produce(void *arg)
{
	struct part *p = arg;
	struct scene *s = p->s;
	uint64_t round = 0;

	if (attach(p))
		return 1;
	while (!over(s)) {
		if (!lock(p))
			return 2;
		while (s->tail - s->head == ROOM && !over(s))
			if (!await(p, &s->space, round++))
				return 3;
		if (!over(s))
			put_in(s);
		unlock(p);
	}
	return 0;
}

static int consume(void *arg)
{
	struct part *p = arg;
	struct scene *s = p->s;
	uint64_t round = 0;

	if (attach(p))
		return 1;
	while (!over(s)) {
		if (!lock(p))
			return 2;
		while (s->tail == s->head && !over(s))
			if (!await(p, &s->c, round++))
				return 3;
		if (!over(s))
			take_out(s);
		unlock(p);
	}
	return 0;
}

static int (*role(int i))(void *arg)
{
	return i % 2 ? produce : consume;
}

/* Items are neither lost nor made up, and all go on, with signals coming in. */
TEST_F(stress, items_are_kept_over_signals)
{
	struct scene *s = self->s;
	int i, round;

	for (i = 0; i < TASKS; i++)
		start(_metadata, self, variant->task, i, role(i));
	for (round = 0; round < 100; round++) {
		must_move(_metadata, &s->head, 10);
		for (i = 0; i < TASKS; i++)
			ASSERT_EQ(0, task_kill(&self->part[i].task, SIGUSR1));
	}
	must_move(_metadata, &s->tail, 10);
	end_all(_metadata, self);
	EXPECT_EQ(0, s->wrong);
	EXPECT_LE(s->tail - s->head, ROOM);
	EXPECT_GT(s->head, 100);
}

/*
 * Processes are killed and others come in their place. Nobody may be there to
 * learn that the mutex has no owner any more: so the test looks each time.
 */
TEST_F(stress, items_are_kept_over_deaths)
{
	struct scene *s = self->s;
	struct part me = { .s = s };
	int i, round;

	ASSERT_EQ(0, attach(&me));
	for (i = 0; i < TASKS; i++)
		start(_metadata, self, TASK_PROCESS, i, role(i));
	for (round = 0; round < 60; round++) {
		must_move(_metadata, &s->head, 10);
		i = round % TASKS;
		ASSERT_EQ(0, task_kill(&self->part[i].task, SIGKILL));
		ASSERT_EQ(0, task_join(&self->part[i].task, NULL));
		ASSERT_TRUE(lock(&me));
		unlock(&me);
		start(_metadata, self, TASK_PROCESS, i, role(i));
	}
	must_move(_metadata, &s->tail, 10);
	end_all(_metadata, self);
	EXPECT_EQ(0, s->wrong);
	EXPECT_LE(s->tail - s->head, ROOM);
}

KSFT_MAIN
