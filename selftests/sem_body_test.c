// SPDX-License-Identifier: GPL-2.0
/*
 * One body for what is counted: tasks of all kinds add and take, with deadlines
 * and signals coming in between, and in the end nothing is lost and nothing was
 * taken twice.  It runs on semaphores and on events; and on a semaphore that
 * loses units, which it has to notice.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/ksft.h"
#include "lib/player.h"
#include "lib/sys.h"

#define TAKERS	6
#define ADDERS	3
#define LIMIT	50
#define GOALS	5
#define GOAL	200	/* units, each within the patience of await_true() */

struct body;

/**
 * struct counted - what the body needs of an object
 * @add: up to @n units. Return: how many; a negative errno
 * @take: one, in the way that @dice says. Return: 1; 0 (not this time); an errno
 * @left: how many are there
 */
struct counted {
	int (*add)(struct body *b, uint32_t n);
	int (*take)(struct body *b, uint32_t dice);
	int (*left)(struct body *b);
};

/**
 * struct body - what the tasks share
 * @ops: of the object
 * @domain: where it lives
 * @sem: one of these is in use
 * @event: the same
 * @broken: the same: the value of the semaphore that loses units
 * @stop: not zero: time is up
 * @error: of an operation that failed
 * @added: by all adders, and to let takers go in the end
 * @taken: by each taker
 * @gone: takers that have ended
 * @task: takers, then adders, then who sends signals
 */
struct body {
	const struct counted *ops;
	struct ksync *domain;
	struct ksync_sem sem;
	struct ksync_event event;
	int broken;
	uint32_t stop;
	int error;
	uint64_t added;
	uint64_t taken[TAKERS];
	uint32_t gone;
	uint32_t goal;
	struct part {
		struct body *b;
		uint32_t index;
		struct task task;
	} part[TAKERS + ADDERS + 1];
};

static uint32_t dice(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static bool over(const struct body *b)
{
	return __atomic_load_n(&b->stop, __ATOMIC_RELAXED);
}

/* A deadline up to 2 ms away; some have passed already. */
static struct timespec soon(clockid_t clock, uint32_t dice)
{
	return to_timespec(now(clock) + dice % (2 * MSEC) - MSEC / 4);
}

/* 1 when @ret says so, 0 for what may well be. */
static int taken(int ret)
{
	if (!ret)
		return 1;
	return ret == -ETIMEDOUT || ret == -EINTR || ret == -EAGAIN ? 0 : ret;
}

static int sem_add(struct body *b, uint32_t n)
{
	int ret = ksync_sem_post_n(&b->sem, n);

	if (ret == -EOVERFLOW)
		return 0;
	return ret ? ret : (int)n;
}

static int sem_take(struct body *b, uint32_t dice)
{
	struct timespec mono = soon(CLOCK_MONOTONIC, dice), real = soon(CLOCK_REALTIME, dice);

	switch (dice % 5) {
	case 0:
		return taken(ksync_sem_wait(&b->sem));
	case 1:
		return taken(ksync_sem_wait_timed(&b->sem, CLOCK_MONOTONIC, &mono));
	case 2:
		return taken(ksync_sem_wait_timed(&b->sem, CLOCK_REALTIME, &real));
	case 3:
		return taken(ksync_sem_wait_interruptible(&b->sem, CLOCK_MONOTONIC, NULL));
	default:
		return taken(ksync_sem_wait_try(&b->sem));
	}
}

static int sem_left(struct body *b)
{
	return ksync_sem_value(&b->sem);
}

static const struct counted sem_ops = { sem_add, sem_take, sem_left };

/* The module alone, past the fast paths: what it does beside these. */
static int raw_add(struct body *b, uint32_t n)
{
	uint32_t was;
	int ret;

	if (n % 2)
		return sem_add(b, n);
	ret = raw_release(ksync_fileno(b->domain), b->sem.o.id, 0, n, &was);
	if (ret == -EOVERFLOW)
		return 0;
	return ret ? ret : (int)n;
}

static int raw_take(struct body *b, uint32_t dice)
{
	if (dice % 2)
		return sem_take(b, dice / 2);
	return taken(raw_acquire(ksync_fileno(b->domain), b->sem.o.id, 0,
				 now(CLOCK_MONOTONIC) + dice % (2 * MSEC)));
}

static const struct counted raw_ops = { raw_add, raw_take, sem_left };

/* An auto-reset event counts to one: set by who finds it unset, taken by one. */
static int event_add(struct body *b, uint32_t n)
{
	uint32_t was;
	int ret = n % 2 ? ksync_event_set(&b->event) :
		raw_release(ksync_fileno(b->domain), b->event.o.id, 0, 1, &was);

	if (ret < 0)
		return ret;
	return !(n % 2 ? (uint32_t)ret : was);
}

static int event_take(struct body *b, uint32_t dice)
{
	struct timespec mono = soon(CLOCK_MONOTONIC, dice);

	switch (dice % 6) {
	case 0:
		return taken(ksync_event_wait(&b->event));
	case 1:
		return taken(ksync_event_wait_timed(&b->event, CLOCK_MONOTONIC, &mono));
	case 2:
		return taken(ksync_event_wait_interruptible(&b->event, CLOCK_REALTIME, NULL));
	case 3:
		return taken(ksync_event_wait_try(&b->event));
	case 4:
		return taken(raw_acquire(ksync_fileno(b->domain), b->event.o.id, 0,
					 now(CLOCK_MONOTONIC) + dice % MSEC));
	default:
		return ksync_event_reset(&b->event);
	}
}

static int event_left(struct body *b)
{
	return taken(ksync_event_wait_try(&b->event));
}

static const struct counted event_ops = { event_add, event_take, event_left };

/* The fault: reading and writing are two steps. */
static int broken_add(struct body *b, uint32_t n)
{
	int v = __atomic_load_n(&b->broken, __ATOMIC_RELAXED);

	if (v + (int)n > LIMIT)
		return 0;
	sys(SYS_sched_yield);
	__atomic_store_n(&b->broken, v + n, __ATOMIC_RELAXED);
	return n;
}

static int broken_take(struct body *b, uint32_t dice)
{
	int v = __atomic_load_n(&b->broken, __ATOMIC_RELAXED);

	if (v < 1)
		return 0;
	if (dice % 4)
		sys(SYS_sched_yield);
	__atomic_store_n(&b->broken, v - 1, __ATOMIC_RELAXED);
	return 1;
}

static int broken_left(struct body *b)
{
	return b->broken;
}

static const struct counted broken_ops = { broken_add, broken_take, broken_left };

static int take_all_the_time(void *arg)
{
	const struct part *p = arg;
	struct body *b = p->b;
	uint32_t state = 0x9e3779b9 + p->index;
	int ret = 0;

	while (!over(b) && ret >= 0) {
		ret = b->ops->take(b, dice(&state) >> 3);
		if (ret > 0)
			__atomic_add_fetch(&b->taken[p->index], 1, __ATOMIC_RELAXED);
	}
	if (ret < 0)
		__atomic_store_n(&b->error, ret, __ATOMIC_RELAXED);
	__atomic_add_fetch(&b->gone, 1, __ATOMIC_RELEASE);
	return ret < 0;
}

static void add(struct body *b, uint32_t n)
{
	int ret = b->ops->add(b, n);

	if (ret < 0)
		__atomic_store_n(&b->error, ret, __ATOMIC_RELAXED);
	else
		__atomic_add_fetch(&b->added, ret, __ATOMIC_RELAXED);
}

/* Mostly a few, now and then more than the module hands out in one go. */
static int add_all_the_time(void *arg)
{
	const struct part *p = arg;
	uint32_t state = 0x1234567 + p->index, r;

	while (!over(p->b)) {
		r = dice(&state) >> 3;
		add(p->b, r % 8 ? 1 + r % 3 : 1 + r % 40);
		if (!(r % 16))
			sys(SYS_sched_yield);
	}
	return 0;
}

/* With SA_RESTART and without. */
static int send_signals(void *arg)
{
	const struct timespec pause = { .tv_nsec = 200000 };
	const struct part *p = arg;
	struct body *b = p->b;
	uint32_t state = 0x7654321, r;

	while (!over(b)) {
		r = dice(&state) >> 3;
		task_kill(&b->part[r % TAKERS].task, r % 7 < 3 ? SIGUSR1 : SIGUSR2);
		nanosleep(&pause, NULL);
	}
	return 0;
}

static void handler(int sig)
{
	(void)sig;
}

static uint64_t total(const struct body *b)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < TAKERS; i++)
		sum += __atomic_load_n(&b->taken[i], __ATOMIC_RELAXED);
	return sum;
}

static bool goal_reached(const void *arg)
{
	const struct body *b = arg;

	return total(b) >= b->goal || b->error;
}

/* Those that wait without a deadline need a unit to find out that it is over. */
static bool takers_gone(const void *arg)
{
	struct body *b = (struct body *)arg;

	if (__atomic_load_n(&b->gone, __ATOMIC_ACQUIRE) == TAKERS)
		return true;
	add(b, 1);
	return false;
}

/* The last part is that of a thread: it uses libc. */
static int (*part_of(int i))(void *arg)
{
	if (i < TAKERS)
		return take_all_the_time;
	return i < TAKERS + ADDERS ? add_all_the_time : send_signals;
}

static void start(struct __test_metadata *_metadata, struct body *b)
{
	const struct sigaction again = { .sa_handler = handler, .sa_flags = SA_RESTART };
	const struct sigaction action = { .sa_handler = handler };
	struct part *p;
	int i;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, sigaction(SIGUSR2, &again, NULL));
	for (i = 0; i <= TAKERS + ADDERS; i++) {
		p = &b->part[i];
		p->b = b;
		p->index = i;
		ASSERT_EQ(0, task_start(&p->task, i % 3, part_of(i), p));
	}
}

static struct body *run(struct __test_metadata *_metadata, const struct counted *ops)
{
	const uint64_t end = in(400 * MSEC);
	struct body *b = player_memory(sizeof(*b));
	int i, status;

	b->ops = ops;
	ASSERT_EQ(0, ksync_open(&b->domain, 0));
	ASSERT_EQ(0, ksync_sem_init(&b->sem, b->domain, 0, LIMIT));
	ASSERT_EQ(0, ksync_event_init(&b->event, b->domain, 0));
	start(_metadata, b);
	/* The watchdog: a wake-up that is lost for good stops all of it. */
	for (i = 0; i < GOALS || !passed(end); i++) {
		b->goal = total(b) + GOAL;
		ASSERT_EQ(0, await_true(goal_reached, b)) TH_LOG("goal %d", i);
		ASSERT_EQ(0, b->error);
	}
	__atomic_store_n(&b->stop, 1, __ATOMIC_RELAXED);
	for (i = TAKERS; i <= TAKERS + ADDERS; i++)
		ASSERT_EQ(0, task_join(&b->part[i].task, NULL));
	ASSERT_EQ(0, await_true(takers_gone, b));
	for (i = 0; i < TAKERS; i++) {
		ASSERT_EQ(0, task_join(&b->part[i].task, &status));
		EXPECT_EQ(0, status);
	}
	EXPECT_EQ(0, b->error);
	return b;
}

static bool conserves(struct body *b)
{
	return b->added == total(b) + b->ops->left(b);
}

static void check(struct __test_metadata *_metadata, const struct counted *ops)
{
	struct body *b = run(_metadata, ops);
	struct ksync_query query;
	struct ksync_info info;
	int i;

	EXPECT_TRUE(conserves(b));
	for (i = 0; i < TAKERS; i++)
		EXPECT_GT(b->taken[i], 0);
	ASSERT_EQ(0, ksync_query(&b->sem, &query));
	EXPECT_LE(query.word, LIMIT);
	ASSERT_EQ(0, ksync_query(&b->event, &query));
	EXPECT_EQ(0, query.word);
	ASSERT_EQ(0, ksync_info(b->domain, &info));
	EXPECT_EQ(0, info.waiters);
	ksync_close(b->domain);
}

TEST(sem_conserves_units)
{
	check(_metadata, &sem_ops);
}

TEST(sem_conserves_units_in_the_module_too)
{
	check(_metadata, &raw_ops);
}

TEST(event_is_taken_once_for_each_set)
{
	check(_metadata, &event_ops);
}

/* The body finds a semaphore that loses units. */
TEST(finds_broken_sem)
{
	EXPECT_FALSE(conserves(run(_metadata, &broken_ops)));
}

/* Takes and adds in the module, which sets WAITERS while it looks. */
static int take_and_add_in_the_module(void *arg)
{
	struct body *b = arg;
	const int fd = ksync_fileno(b->domain);
	uint32_t was;
	int ret = 0;

	while (!over(b) && !ret) {
		ret = raw_acquire(fd, b->sem.o.id, 0, KSYNC_NO_DEADLINE);
		if (!ret)
			ret = raw_release(fd, b->sem.o.id, 0, 1, &was);
	}
	return -ret;
}

/* POSIX, sem_trywait(): fails if there is no unit, and there are some. */
TEST(try_finds_what_is_there)
{
	const uint64_t end = in(400 * MSEC);
	struct body *b = player_memory(sizeof(*b));
	struct task t;
	int status, ret = 0;

	ASSERT_EQ(0, ksync_open(&b->domain, 0));
	ASSERT_EQ(0, ksync_sem_init(&b->sem, b->domain, 5, 0));
	ASSERT_EQ(0, task_start(&t, TASK_BARE, take_and_add_in_the_module, b));
	while (!ret && !passed(end)) {
		ret = ksync_sem_wait_try(&b->sem);
		if (!ret)
			ret = ksync_sem_post(&b->sem);
	}
	EXPECT_EQ(0, ret);
	__atomic_store_n(&b->stop, 1, __ATOMIC_RELAXED);
	ASSERT_EQ(0, task_join(&t, &status));
	EXPECT_EQ(0, status);
	EXPECT_EQ(5, ksync_sem_value(&b->sem));
	ksync_close(b->domain);
}

KSFT_MAIN
