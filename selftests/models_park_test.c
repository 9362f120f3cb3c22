// SPDX-License-Identifier: GPL-2.0
/*
 * Parking, from the inside: no wake-up is lost, one claim wins, whoever comes first,
 * and whether tasks or plain threads wait.  This is what channels are built on.
 */
#include <pthread.h>

#include "lib/ksft.h"
#include "lib/models.h"
#include "../userspace/models/src/park.h"

/* A slot that one waits at, and another fills: a channel without a buffer. */
struct slot {
	uint32_t lock;
	struct ksync_ticket waiter;
	long value;
	long *to;
};

static long take(struct slot *slot, uint64_t deadline)
{
	struct ksync_ticket ticket;
	long value = 0;
	int ret = ksync_wait_begin(&ticket, 0);

	if (ret)
		return ret;
	lock(&slot->lock);
	slot->waiter = ticket;
	slot->to = &value;
	unlock(&slot->lock);
	ret = ksync_wait(deadline, "slot");
	if (ret < 0) {
		lock(&slot->lock);
		slot->waiter.task = NULL;
		unlock(&slot->lock);
		return ret;
	}
	return value;
}

/* Return: somebody took it. */
static bool give(struct slot *slot, long value)
{
	struct ksync_ticket ticket;
	bool won;

	lock(&slot->lock);
	ticket = slot->waiter;
	slot->waiter.task = NULL;
	won = ticket.task && ksync_claim(ticket, 0);
	if (won)
		*slot->to = value;
	unlock(&slot->lock);
	if (won)
		ksync_wake(ticket.task);
	return won;
}

static long rounds;
static struct slot slots[2];

/* Two that hand a number back and forth: each wake-up may come before the sleep. */
static void *echo(void *arg)
{
	long i, got;

	for (i = 0; i < rounds; i++) {
		got = take(&slots[0], NEVER);
		CHECK(got == i + 1);
		while (!give(&slots[1], got))
			ksync_task_yield();
	}
	return arg;
}

static void *ping(void *arg)
{
	struct ksync_task *t;
	void *line;
	long i;

	CHECK(!ksync_task_spawn(&t, echo, NULL, NULL));
	for (i = 0; i < rounds; i++) {
		while (!give(&slots[0], i + 1))
			ksync_task_yield();
		CHECK(take(&slots[1], NEVER) == i + 1);
	}
	CHECK(!ksync_task_join(t, &line) && !line);
	return arg;
}

TEST_F(models, no_wakeup_is_lost)
{
	rounds = models_many(&variant->opts, 100000);
	if (variant->opts.flags & KSYNC_SCHED_MIGRATE)
		rounds /= 20;
	RUN(ping, NULL);
}

static void *thread_echo(void *arg)
{
	(void)arg;
	return echo(NULL);
}

static void *task_ping(void *arg)
{
	long i;

	for (i = 0; i < rounds; i++) {
		while (!give(&slots[0], i + 1))
			ksync_task_yield();
		CHECK(take(&slots[1], NEVER) == i + 1);
	}
	return arg;
}

TEST_F(models, tasks_and_plain_threads_wait_for_each_other)
{
	pthread_t thread;
	void *line;

	rounds = 1000;
	ksync_sched_hold(self->s);
	ASSERT_EQ(0, pthread_create(&thread, NULL, thread_echo, NULL));
	RUN(task_ping, NULL);
	ASSERT_EQ(0, pthread_join(thread, &line));
	EXPECT_EQ(NULL, line);
	ksync_sched_release(self->s);
}

TEST_F(models, plain_threads_time_out)
{
	struct slot slot = { 0 };

	EXPECT_EQ(-ETIMEDOUT, take(&slot, in(5 * MSEC)));
	EXPECT_EQ(-ETIMEDOUT, take(&slot, 1));
	EXPECT_FALSE(give(&slot, 1));
}

static void *timeouts(void *arg)
{
	struct slot slot = { 0 };
	uint64_t until = ksync_now() + 5 * MSEC;

	CHECK(take(&slot, until) == -ETIMEDOUT);
	CHECK(ksync_now() >= until);
	CHECK(take(&slot, until) == -ETIMEDOUT);
	CHECK(!give(&slot, 1));
	return arg;
}

TEST_F(models, tasks_time_out)
{
	RUN(timeouts, NULL);
}

/* What is given is got, whatever deadline and cancellation do at the same time. */
static struct slot contested;
static long given, got;
static uint32_t done;

static void *taker(void *arg)
{
	long value, i;

	for (i = 0; i < rounds; i++) {
		value = take(&contested, ksync_now() + (i % 5) * 10000);
		if (value == -ECANCELED) {
			break;
		} else if (value != -ETIMEDOUT) {
			CHECK(value > 0);
			__atomic_add_fetch(&got, value, __ATOMIC_RELAXED);
		}
	}
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
	return arg;
}

static void *giver(void *arg)
{
	long i;

	for (i = 1; !__atomic_load_n(&done, __ATOMIC_ACQUIRE); i++) {
		if (give(&contested, i))
			__atomic_add_fetch(&given, i, __ATOMIC_RELAXED);
		ksync_task_yield();
	}
	return arg;
}

static void *nothing_lost(void *arg)
{
	struct ksync_task *a, *b, *t;
	void *line;

	CHECK(!ksync_task_spawn(&t, taker, NULL, NULL));
	CHECK(!ksync_task_spawn(&a, giver, NULL, NULL));
	CHECK(!ksync_task_spawn(&b, giver, NULL, NULL));
	if (arg) {
		const struct timespec soon = models_in(20 * MSEC);

		CHECK(!ksync_task_sleep_until(&soon));
		ksync_task_cancel(t);
	}
	CHECK(!ksync_task_join(t, &line) && !line);
	CHECK(!ksync_task_join(a, NULL) && !ksync_task_join(b, NULL));
	CHECK(__atomic_load_n(&given, __ATOMIC_RELAXED) ==
	      __atomic_load_n(&got, __ATOMIC_RELAXED));
	return NULL;
}

TEST_F(models, nothing_is_lost_to_deadlines)
{
	rounds = 500;
	RUN(nothing_lost, NULL);
	EXPECT_EQ(given, got);
}

TEST_F(models, nothing_is_lost_to_cancellation)
{
	rounds = 1000000;
	RUN(nothing_lost, (void *)1);
	EXPECT_EQ(given, got);
}

static void *old_tickets(void *arg)
{
	struct ksync_ticket first, second;
	int result = 7;

	CHECK(!ksync_wait_begin(&first, 0));
	CHECK(ksync_claim(first, 300));
	CHECK(!ksync_claim(first, 301)); /* only one wins */
	ksync_wake(first.task);		/* before it sleeps */
	CHECK(ksync_wait(NEVER, "test") == 300);
	CHECK(!ksync_claim(first, 302)); /* that wait is over */
	CHECK(!ksync_wait_begin(&second, 0));
	CHECK(!ksync_claim(first, 303));
	CHECK(ksync_claim(second, -5));
	ksync_wake(second.task);
	CHECK(ksync_wait(NEVER, "test") == -5);
	CHECK(!ksync_wait_begin(&first, 0));
	CHECK(ksync_wait_abandon(first, &result) == 0);
	CHECK(!ksync_claim(first, 304));
	CHECK(!ksync_wait_begin(&first, 0));
	CHECK(ksync_claim(first, 5));
	ksync_wake(first.task);
	CHECK(ksync_wait_abandon(first, &result) == 1 && result == 5);
	return arg;
}

TEST_F(models, one_claim_wins_and_old_ones_fail)
{
	RUN(old_tickets, NULL);
}

/* Go's gopark(): the task is told of when it is saved, and is ready at once. */
static struct ksync_task *parked;

static bool publish(struct ksync_task *t, void *arg)
{
	__atomic_store_n((struct ksync_task **)arg, t, __ATOMIC_RELEASE);
	return true;
}

static bool refuse(struct ksync_task *t, void *arg)
{
	*(struct ksync_task **)arg = t;
	return false;
}

static void *parks(void *arg)
{
	struct ksync_task *t;
	long i;

	ksync_park(refuse, &t, "test");
	CHECK(t == ksync_task_self());
	for (i = 0; i < rounds; i++)
		ksync_park(publish, &parked, "test");
	return arg;
}

static void *readies(void *arg)
{
	struct ksync_task *t, *waker;
	void *line;
	long i;

	CHECK(!ksync_task_spawn(&t, parks, NULL, NULL));
	for (i = 0; i < rounds; i++) {
		while (!(waker = __atomic_exchange_n(&parked, NULL,
						     __ATOMIC_ACQUIRE)))
			ksync_task_yield();
		ksync_ready(waker);
	}
	CHECK(!ksync_task_join(t, &line) && !line);
	return arg;
}

TEST_F(models, park_and_ready)
{
	rounds = models_many(&variant->opts, 20000);
	RUN(readies, NULL);
}

struct alarm {
	struct ksync_timer timer;
	uint32_t fired;
};

static void fire(struct ksync_timer *timer)
{
	__atomic_store_n(&((struct alarm *)timer)->fired, 1, __ATOMIC_RELEASE);
}

static void *timers(void *s)
{
	struct alarm a[100] = { 0 };
	struct timespec later;
	uint64_t now = ksync_now();
	int i;

	for (i = 0; i < 100; i++) {
		a[i].timer.fire = fire;
		CHECK(!ksync_timer_arm(s, &a[i].timer, now + 5 * MSEC + i * 37 % 100 * 1000));
	}
	for (i = 0; i < 100; i += 2)
		if (!ksync_timer_disarm(&a[i].timer))
			CHECK(__atomic_load_n(&a[i].fired, __ATOMIC_ACQUIRE));
	later = models_in(10 * MSEC);
	CHECK(!ksync_task_sleep_until(&later));
	for (i = 1; i < 100; i += 2) {
		while (!__atomic_load_n(&a[i].fired, __ATOMIC_ACQUIRE))
			ksync_task_yield();
		CHECK(!ksync_timer_disarm(&a[i].timer));
	}
	return NULL;
}

TEST_F(models, timers_fire_unless_disarmed)
{
	RUN(timers, self->s);
}

KSFT_MAIN
