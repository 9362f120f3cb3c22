// SPDX-License-Identifier: GPL-2.0
/*
 * Futures, on each of the models: settled once, awaited by tasks and by plain threads,
 * cancelled, dropped; and callbacks.
 */
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/future.h"
#include "lib/ksft.h"
#include "lib/models.h"

/* In a callback: what must not be. */
#define EXIT_IF(cond) do {						\
	if (cond)							\
		_exit(KSFT_FAIL);					\
} while (0)

static uint32_t released, asked, called;

static void release(void *arg)
{
	(void)arg;
	__atomic_add_fetch(&released, 1, __ATOMIC_RELEASE);
}

TEST(a_promise_is_kept_once)
{
	struct pair a;
	void *value = NULL;

	ASSERT_EQ(0, make(&a, NULL));
	EXPECT_FALSE(ksync_future_ready(a.f));
	EXPECT_EQ(-EINPROGRESS, ksync_future_try(a.f, &value));
	EXPECT_EQ(-EINVAL, ksync_promise_fail(a.p, 0));
	EXPECT_EQ(-EINVAL, ksync_promise_fail(a.p, 5));
	EXPECT_EQ(-EINVAL, ksync_promise_fail(a.p, -4096));
	EXPECT_EQ(-ELOOP, ksync_promise_set(a.p, a.f, NULL));
	EXPECT_EQ(0, ksync_promise_set(a.p, &a, destroy));
	EXPECT_EQ(-EALREADY, ksync_promise_set(a.p, &value, destroy));
	EXPECT_EQ(-EALREADY, ksync_promise_fail(a.p, -EIO));
	EXPECT_TRUE(ksync_future_ready(a.f));
	EXPECT_EQ(0, ksync_future_try(a.f, &value));
	EXPECT_EQ((void *)&a, value);
	EXPECT_EQ(0, ksync_await(a.f, NULL));
	EXPECT_EQ(0, ksync_await(a.f, &value));
	EXPECT_EQ((void *)&a, value);
	ksync_future_cancel(a.f);
	EXPECT_FALSE(ksync_promise_cancelled(a.p));
	ksync_promise_put(a.p);
	EXPECT_EQ(0, destroyed);
	ksync_future_put(ksync_future_get(a.f));
	EXPECT_EQ(0, destroyed);
	ksync_future_put(a.f);
	EXPECT_EQ(1, destroyed);
	ksync_future_put(NULL);
	ksync_promise_put(NULL);
}

TEST(a_promise_that_is_dropped_breaks)
{
	struct pair a;
	void *value = &a;

	ASSERT_EQ(0, make(&a, NULL));
	ksync_promise_put(ksync_promise_get(a.p));
	EXPECT_FALSE(ksync_future_ready(a.f));
	ksync_promise_put(a.p);
	EXPECT_EQ(-EPIPE, ksync_await(a.f, &value));
	EXPECT_EQ(-EPIPE, ksync_future_try(a.f, &value));
	EXPECT_EQ((void *)&a, value);
	ksync_future_put(a.f);
}

TEST(the_future_may_go_first)
{
	struct pair a;

	ASSERT_EQ(0, make(&a, NULL));
	ksync_future_put(a.f);
	EXPECT_FALSE(ksync_promise_cancelled(a.p));
	EXPECT_EQ(0, ksync_promise_set(a.p, NULL, destroy));
	EXPECT_EQ(0, destroyed);
	ksync_promise_put(a.p);
	EXPECT_EQ(1, destroyed);
}

TEST(attributes_are_looked_at)
{
	const struct ksync_promise_attr bad = { .reserved = { 0, 1 } };
	struct pair a;

	EXPECT_EQ(-EINVAL, make(&a, &bad));
}

static void refuse(struct ksync_promise *p, void *arg)
{
	*(struct ksync_promise **)arg = p;
	asked++;
}

static void obey(struct ksync_promise *p, void *arg)
{
	(void)arg;
	asked++;
	ksync_promise_fail(p, -EINTR);
	ksync_promise_put(p);
}

TEST(cancellation_asks_the_producer)
{
	struct ksync_promise *told = NULL;
	const struct ksync_promise_attr refuses = {
		.cancel = refuse, .release = release, .arg = &told,
	};
	const struct ksync_promise_attr obeys = { .cancel = obey, .release = release };
	struct pair a;

	ASSERT_EQ(0, make(&a, NULL));
	ksync_future_cancel(a.f);
	EXPECT_TRUE(ksync_promise_cancelled(a.p));
	EXPECT_EQ(-ECANCELED, ksync_await(a.f, NULL));
	EXPECT_EQ(-EALREADY, ksync_promise_set(a.p, NULL, NULL));
	drop(&a);

	ASSERT_EQ(0, make(&a, &refuses));
	EXPECT_FALSE(ksync_promise_cancelled(a.p));
	ksync_future_cancel(a.f);
	ksync_future_cancel(a.f);
	EXPECT_EQ(1, asked);
	EXPECT_EQ(a.p, told);
	EXPECT_TRUE(ksync_promise_cancelled(a.p));
	EXPECT_FALSE(ksync_future_ready(a.f));
	EXPECT_EQ(0, ksync_promise_set(a.p, NULL, NULL));
	EXPECT_EQ(0, ksync_await(a.f, NULL));
	EXPECT_EQ(0, released);
	drop(&a);
	EXPECT_EQ(1, released);

	ASSERT_EQ(0, make(&a, &obeys));
	ksync_future_cancel(a.f);
	EXPECT_EQ(2, asked);
	EXPECT_EQ(-EINTR, ksync_await(a.f, NULL));
	EXPECT_EQ(1, released);
	ksync_future_put(a.f);
	EXPECT_EQ(2, released);
}

TEST(plain_threads_time_out)
{
	const struct timespec soon = to_timespec(in(5 * MSEC)), bad = { .tv_nsec = -1 };
	struct pair a;

	ASSERT_EQ(0, make(&a, NULL));
	EXPECT_EQ(-EINVAL, ksync_await_timed(a.f, NULL, &bad));
	EXPECT_EQ(-ETIMEDOUT, ksync_await_timed(a.f, NULL, &soon));
	EXPECT_TRUE(passed(soon.tv_sec * SEC + soon.tv_nsec));
	EXPECT_FALSE(ksync_future_ready(a.f));
	EXPECT_EQ(0, ksync_promise_set(a.p, NULL, NULL));
	EXPECT_EQ(0, ksync_await_timed(a.f, NULL, &soon));
	drop(&a);
}

/* In a task, as what follows. */
static void *times_out(void *arg)
{
	const struct timespec soon = models_in(5 * MSEC), bad = { .tv_nsec = -1 };
	struct timespec then;
	struct pair a;

	CHECK(!make(&a, NULL));
	CHECK(ksync_await_timed(a.f, NULL, &bad) == -EINVAL);
	CHECK(ksync_await_timed(a.f, NULL, &soon) == -ETIMEDOUT);
	ksync_task_now(&then);
	CHECK(then.tv_sec > soon.tv_sec ||
	      (then.tv_sec == soon.tv_sec && then.tv_nsec >= soon.tv_nsec));
	CHECK(!ksync_promise_set(a.p, NULL, NULL));
	CHECK(!ksync_await_timed(a.f, NULL, &soon));
	drop(&a);
	return arg;
}

TEST_F(models, tasks_time_out)
{
	RUN(times_out, NULL);
}

/* With a reference of its own, for who waits in a deadlock is left behind. */
static void *await_it(void *f)
{
	void *value = NULL;
	int ret = ksync_await(ksync_future_get(f), &value);

	ksync_future_put(f);
	return ret ? (void *)(long)ret : value;
}

static void *many_await(void *n)
{
	const long many = (long)n;
	struct ksync_task **t = calloc(many, sizeof(*t));
	struct pair a;
	void *value;
	long i;

	CHECK(!make(&a, NULL));
	for (i = 0; i < many; i++)
		CHECK(!ksync_task_spawn(&t[i], await_it, a.f, NULL));
	for (i = 0; i < 10; i++)
		ksync_task_yield();
	CHECK(!ksync_promise_set(a.p, &a, NULL));
	for (i = 0; i < many; i++)
		CHECK(!ksync_task_join(t[i], &value) && value == &a);
	drop(&a);
	free(t);
	return NULL;
}

TEST_F(models, any_number_of_tasks_await)
{
	RUN(many_await, (void *)(long)models_many(&variant->opts, 10000));
}

static void *cancelled(void *arg)
{
	struct ksync_task *t[3];
	struct pair a;
	void *ret;
	int i;

	CHECK(!make(&a, NULL));
	for (i = 0; i < 3; i++)
		CHECK(!ksync_task_spawn(&t[i], await_it, a.f, NULL));
	ksync_task_yield();
	ksync_task_cancel(t[1]);
	CHECK(!ksync_task_join(t[1], &ret) && (long)ret == -ECANCELED);
	CHECK(!ksync_promise_fail(a.p, -EIO));
	CHECK(!ksync_task_join(t[0], &ret) && (long)ret == -EIO);
	CHECK(!ksync_task_join(t[2], &ret) && (long)ret == -EIO);
	/* What is there already is had by who is cancelled, too. */
	ksync_task_cancel(ksync_task_self());
	CHECK(ksync_await(a.f, NULL) == -EIO);
	drop(&a);
	CHECK(!make(&a, NULL));
	CHECK(ksync_await(a.f, NULL) == -ECANCELED && !ksync_future_ready(a.f));
	drop(&a);
	return arg;
}

TEST_F(models, a_cancelled_task_awaits_no_more)
{
	RUN(cancelled, NULL);
}

/* Plain threads keep promises of tasks, and await what tasks promise. */
static void *keeper(void *p)
{
	usleep(2000);
	ksync_promise_set(p, (void *)7, NULL);
	ksync_promise_put(p);
	return NULL;
}

TEST_F(models, a_thread_keeps_a_promise_that_holds)
{
	const struct ksync_promise_attr attr = { .hold = self->s };
	pthread_t thread;
	struct pair a;
	void *value;

	ASSERT_EQ(0, make(&a, &attr));
	ASSERT_EQ(0, pthread_create(&thread, NULL, keeper, a.p));
	ASSERT_EQ(0, ksync_sched_run(self->s, await_it, a.f, &value));
	EXPECT_EQ(7, (long)value);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ksync_future_put(a.f);
}

TEST_F(models, without_a_hold_it_is_a_deadlock)
{
	struct pair a;
	void *value;

	ASSERT_EQ(0, make(&a, NULL));
	EXPECT_EQ(-EDEADLK, ksync_sched_run(self->s, await_it, a.f, &value));
	ASSERT_EQ(0, ksync_promise_set(a.p, NULL, NULL));
	drop(&a);
}

/* A hold ends with the future, whichever way. */
TEST_F(models, a_hold_ends)
{
	const struct ksync_promise_attr attr = { .hold = self->s };
	struct pair never, a;
	int i;

	ASSERT_EQ(0, make(&never, NULL));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, make(&a, &attr));
		if (i == 1)
			ksync_promise_fail(a.p, -EIO);
		else if (i == 2)
			ksync_future_cancel(a.f);
		drop(&a);
		EXPECT_EQ(-EDEADLK, ksync_sched_run(self->s, await_it, never.f, NULL));
	}
	ksync_future_cancel(never.f);
	drop(&never);
}

static void *task_keeps(void *p)
{
	ksync_task_yield();
	ksync_promise_set(p, (void *)8, NULL);
	ksync_promise_put(p);
	return NULL;
}

TEST_F(models, a_thread_awaits_a_task)
{
	struct pair a;
	void *value = NULL;

	ASSERT_EQ(0, make(&a, NULL));
	ASSERT_EQ(0, ksync_sched_spawn(self->s, NULL, task_keeps, a.p, NULL));
	EXPECT_EQ(0, ksync_await(a.f, &value));
	EXPECT_EQ(8, (long)value);
	ksync_future_put(a.f);
}

static void count(struct ksync_future *f, void *n)
{
	(void)f;
	__atomic_add_fetch((uint32_t *)n, 1, __ATOMIC_RELEASE);
}

TEST(callbacks_are_called_once_in_order)
{
	struct ksync_notify n[3];
	uint32_t calls[3] = { 0 };
	struct pair a;
	int i;

	ASSERT_EQ(0, make(&a, NULL));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, ksync_future_notify(a.f, &n[i], count, &calls[i]));
	EXPECT_TRUE(ksync_future_notify_remove(a.f, &n[1]));
	EXPECT_FALSE(ksync_future_notify_remove(a.f, &n[1]));
	ASSERT_EQ(0, ksync_promise_set(a.p, NULL, NULL));
	EXPECT_EQ(1, calls[0]);
	EXPECT_EQ(0, calls[1]);
	EXPECT_EQ(1, calls[2]);
	EXPECT_FALSE(ksync_future_notify_remove(a.f, &n[0]));
	EXPECT_EQ(-EALREADY, ksync_future_notify(a.f, &n[1], count, &calls[1]));
	EXPECT_FALSE(ksync_future_notify_remove(a.f, &n[1]));
	EXPECT_EQ(0, calls[1]);
	drop(&a);
}

static char order[8];

static void note(struct ksync_future *f, void *c)
{
	(void)f;
	order[called++] = (long)c;
}

TEST(the_oldest_callback_is_first)
{
	struct ksync_notify n[4];
	struct pair a;
	long i;

	ASSERT_EQ(0, make(&a, NULL));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, ksync_future_notify(a.f, &n[i], note, (void *)('a' + i)));
	EXPECT_TRUE(ksync_future_notify_remove(a.f, &n[0]));
	ASSERT_EQ(0, ksync_future_notify(a.f, &n[0], note, (void *)'e'));
	ASSERT_EQ(0, ksync_promise_fail(a.p, -EIO));
	EXPECT_STREQ("bcde", order);
	drop(&a);
}

static struct ksync_notify own;

static void remove_itself(struct ksync_future *f, void *arg)
{
	EXIT_IF(ksync_future_notify_remove(f, &own));
	(*(int *)arg)++;
}

TEST(a_callback_may_remove_itself)
{
	struct pair a;
	int calls = 0;

	ASSERT_EQ(0, make(&a, NULL));
	ASSERT_EQ(0, ksync_future_notify(a.f, &own, remove_itself, &calls));
	ASSERT_EQ(0, ksync_promise_set(a.p, NULL, NULL));
	EXPECT_EQ(1, calls);
	drop(&a);
}

/* While a callback runs in a thread, its removal by another waits. */
static uint32_t in_callback, go_on, ended;

static void slow(struct ksync_future *f, void *arg)
{
	(void)f;
	(void)arg;
	__atomic_store_n(&in_callback, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&go_on, __ATOMIC_ACQUIRE))
		usleep(100);
	usleep(20000);
	__atomic_store_n(&ended, 1, __ATOMIC_RELEASE);
}

static void *settle(void *p)
{
	ksync_promise_set(p, NULL, NULL);
	return NULL;
}

struct removal {
	struct pair a;
	struct ksync_notify n;
};

static void *removes(void *removal)
{
	struct removal *r = removal;

	while (!__atomic_load_n(&in_callback, __ATOMIC_ACQUIRE))
		ksync_task_yield();
	__atomic_store_n(&go_on, 1, __ATOMIC_RELEASE);
	CHECK(!ksync_future_notify_remove(r->a.f, &r->n));
	CHECK(__atomic_load_n(&ended, __ATOMIC_ACQUIRE));
	return NULL;
}

TEST_F(models, removal_waits_for_a_callback_that_runs)
{
	struct removal r;
	pthread_t thread;

	ASSERT_EQ(0, make(&r.a, NULL));
	ASSERT_EQ(0, ksync_future_notify(r.a.f, &r.n, slow, NULL));
	ksync_sched_hold(self->s);
	ASSERT_EQ(0, pthread_create(&thread, NULL, settle, r.a.p));
	RUN(removes, &r);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ksync_sched_release(self->s);
	drop(&r.a);
}

static void ring(struct ksync_future *f, void *fd)
{
	const uint64_t one = 1;

	(void)f;
	EXIT_IF(write((long)fd, &one, sizeof(one)) != sizeof(one));
}

TEST_F(models, a_loop_hears_of_it_by_an_eventfd)
{
	const int fd = eventfd(0, EFD_CLOEXEC);
	struct ksync_notify n;
	struct pair a;
	uint64_t rings;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, make(&a, NULL));
	ASSERT_EQ(0, ksync_future_notify(a.f, &n, ring, (void *)(long)fd));
	ASSERT_EQ(0, ksync_sched_spawn(self->s, NULL, task_keeps, a.p, NULL));
	ASSERT_EQ(sizeof(rings), read(fd, &rings, sizeof(rings)));
	EXPECT_EQ(1, rings);
	EXPECT_TRUE(ksync_future_ready(a.f));
	ksync_future_put(a.f);
	close(fd);
}

KSFT_MAIN
