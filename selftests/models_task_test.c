// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks, on each of the models: spawned, joined, detached, named; what is theirs goes
 * with them wherever they run.
 */
#include <string.h>
#include <unistd.h>

#include "lib/ksft.h"
#include "lib/models.h"

/* In a task: the first thing that was not as expected, by its line. */
static void *plus_one(void *n)
{
	return (char *)n + 1;
}

TEST_F(models, run_returns_the_result)
{
	void *result;

	ASSERT_EQ(0, ksync_sched_run(self->s, plus_one, (void *)41, &result));
	EXPECT_EQ(42, (long)result);
	EXPECT_EQ(0, ksync_sched_run(self->s, plus_one, NULL, NULL));
}

static void *many_tasks(void *n)
{
	long i, sum = 0, many = (long)n;
	struct ksync_task **t = calloc(many, sizeof(*t));
	void *result;

	for (i = 0; i < many; i++)
		CHECK(!ksync_task_spawn(&t[i], plus_one, (void *)i, NULL));
	for (i = 0; i < many; i++) {
		CHECK(!ksync_task_join(t[i], &result));
		sum += (long)result;
	}
	free(t);
	CHECK(sum == many * (many + 1) / 2);
	return NULL;
}

TEST_F(models, hundred_thousand_tasks_are_joined)
{
	RUN(many_tasks, (void *)(long)models_many(&variant->opts, 100000));
}

static void *tree(void *depth)
{
	struct ksync_task *a, *b;
	void *x, *y;

	if (!depth)
		return (void *)1;
	if (ksync_task_spawn(&a, tree, (char *)depth - 1, NULL) ||
	    ksync_task_spawn(&b, tree, (char *)depth - 1, NULL) ||
	    ksync_task_join(a, &x) || ksync_task_join(b, &y))
		return NULL;
	return (char *)x + (long)y;
}

TEST_F(models, tasks_spawn_tasks)
{
	const long depth = variant->opts.model == KSYNC_MODEL_11 ? 6 : 13;
	void *leaves;

	ASSERT_EQ(0, ksync_sched_run(self->s, tree, (void *)depth, &leaves));
	EXPECT_EQ(1L << depth, (long)leaves);
}

static uint32_t ended;

static void *end_later(void *arg)
{
	ksync_task_yield();
	__atomic_add_fetch(&ended, 1, __ATOMIC_RELEASE);
	return arg;
}

static void *detached_tasks(void *arg)
{
	struct ksync_task *t;
	int i;

	for (i = 0; i < 10; i++)
		CHECK(!ksync_task_spawn(NULL, end_later, NULL, NULL));
	for (i = 0; i < 10; i++) {
		CHECK(!ksync_task_spawn(&t, end_later, NULL, NULL));
		if (i % 2)
			ksync_task_yield();
		CHECK(!ksync_task_detach(t));
	}
	return arg;
}

TEST_F(models, detached_tasks_end_by_themselves)
{
	struct ksync_sched_stats st;

	RUN(detached_tasks, NULL);
	ASSERT_EQ(0, await_value(&ended, 20));
	do
		ksync_sched_stats(self->s, &st);
	while (st.tasks);
}

static void *who(void *name)
{
	CHECK(!strcmp(ksync_task_name(ksync_task_self()), name));
	return NULL;
}

static void *check_names(void *arg)
{
	const struct ksync_task_attr attr = { .name = "a name" };
	const struct ksync_task_attr longer = {
		.name = "a name that is longer than names may be",
	};
	const struct ksync_task_attr bad = { .reserved = { 0, 1 } };
	struct ksync_task *a, *b;
	void *line;

	CHECK(!strcmp(ksync_task_name(ksync_task_self()), "main"));
	CHECK(!ksync_task_spawn(&a, who, "a name", &attr));
	CHECK(!ksync_task_spawn(&b, who, "a name that is longer than name", &longer));
	CHECK(a != b && ksync_task_id(a) != ksync_task_id(b));
	CHECK(!ksync_task_join(a, &line) && !line);
	CHECK(!ksync_task_join(b, &line) && !line);
	CHECK(ksync_task_spawn(&a, who, NULL, &bad) == -EINVAL);
	return arg;
}

TEST_F(models, names_and_numbers)
{
	RUN(check_names, NULL);
	EXPECT_EQ(NULL, ksync_task_self());
}

/* The first one may be trying just then. */
static void *second_joiner(void *t)
{
	int ret;

	while ((ret = ksync_task_join(t, NULL)) == -EBUSY)
		ksync_task_yield();
	return (void *)(long)ret;
}

static void *sleeper(void *ms)
{
	const struct timespec abs = models_in((long)ms * MSEC);

	return (void *)(long)ksync_task_sleep_until(&abs);
}

static void *joins(void *arg)
{
	const struct timespec soon = models_in(5 * MSEC), bad = { .tv_nsec = -1 };
	struct ksync_task *a, *b;
	void *result;

	CHECK(!ksync_task_spawn(&a, sleeper, (void *)3600000, NULL));
	CHECK(ksync_task_join_timed(a, NULL, &bad) == -EINVAL);
	CHECK(ksync_task_join_timed(a, NULL, &soon) == -ETIMEDOUT);
	CHECK(ksync_task_join(ksync_task_self(), NULL) == -EDEADLK);
	CHECK(!ksync_task_spawn(&b, second_joiner, a, NULL));
	do /* until one of them waits */
		ksync_task_yield();
	while (ksync_task_join_timed(a, NULL, &soon) == -ETIMEDOUT);
	CHECK(ksync_task_detach(a) == -EBUSY);
	ksync_task_cancel(a);
	CHECK(!ksync_task_join(b, &result) && !result);
	return arg;
}

TEST_F(models, one_joins_and_may_give_up)
{
	RUN(joins, NULL);
}

static void *spawn_and_join(void *n)
{
	struct timespec soon;
	struct ksync_task *t;
	void *result;
	long i;

	for (i = 0; i < (long)n; i++) {
		soon = models_in(i % 3 * 1000);
		CHECK(!ksync_task_spawn(&t, plus_one, (void *)i, NULL));
		if (i % 4 == 0)
			ksync_task_yield();
		while (ksync_task_join_timed(t, &result, i % 2 ? NULL : &soon) == -ETIMEDOUT)
			soon = models_in(i % 3 * 1000);
		CHECK((long)result == i + 1);
	}
	return NULL;
}

static void *join_races(void *n)
{
	struct ksync_task *t[4];
	void *line;
	int i;

	for (i = 0; i < 4; i++)
		CHECK(!ksync_task_spawn(&t[i], spawn_and_join, n, NULL));
	for (i = 0; i < 4; i++)
		CHECK(!ksync_task_join(t[i], &line) && !line);
	return NULL;
}

/* Just when it ends, a task is about to be joined, or its joiner to give up. */
TEST_F(models, join_races_with_the_end)
{
	RUN(join_races, (void *)(long)models_many(&variant->opts, 50000));
}

TEST_F(models, plain_threads_join)
{
	struct ksync_task *t;
	void *result;

	ASSERT_EQ(0, ksync_sched_spawn(self->s, &t, plus_one, (void *)1, NULL));
	ASSERT_EQ(0, ksync_task_join(t, &result));
	EXPECT_EQ(2, (long)result);
	EXPECT_EQ(-EINVAL, ksync_task_spawn(&t, plus_one, NULL, NULL));
}

static void *sleeps(void *arg)
{
	struct timespec abs = models_in(20 * MSEC), now, past = { .tv_sec = 0 };

	CHECK(!ksync_task_sleep_until(&abs));
	ksync_task_now(&now);
	CHECK(now.tv_sec > abs.tv_sec ||
	      (now.tv_sec == abs.tv_sec && now.tv_nsec >= abs.tv_nsec));
	CHECK(!ksync_task_sleep_until(&past));
	abs.tv_nsec = SEC;
	CHECK(ksync_task_sleep_until(&abs) == -EINVAL);
	return arg;
}

TEST_F(models, sleeps_until_the_deadline)
{
	RUN(sleeps, NULL);
}

#define SLEEPERS 200

/* All of them at the same time: not one after the other, which would take 20 s. */
static void *crowd_sleeps(void *arg)
{
	struct ksync_task *t[SLEEPERS];
	struct timespec begin, end;
	void *result;
	int i;

	ksync_task_now(&begin);
	for (i = 0; i < SLEEPERS; i++)
		CHECK(!ksync_task_spawn(&t[i], sleeper, (void *)(long)(100 + i % 7), NULL));
	for (i = 0; i < SLEEPERS; i++)
		CHECK(!ksync_task_join(t[i], &result) && !result);
	ksync_task_now(&end);
	CHECK(end.tv_sec - begin.tv_sec < 15);
	return arg;
}

TEST_F(models, sleeping_holds_up_nobody)
{
	RUN(crowd_sleeps, NULL);
}

/* Each has its turn: nobody has gone twice round while another has not at all. */
static uint32_t turns[8];

static void *takes_turns(void *i)
{
	int n;

	for (n = 0; n < 100; n++) {
		__atomic_add_fetch(&turns[(long)i], 1, __ATOMIC_RELAXED);
		ksync_task_yield();
	}
	return NULL;
}

static void *fair(void *arg)
{
	struct ksync_task *t[8];
	long i;

	for (i = 0; i < 8; i++)
		CHECK(!ksync_task_spawn(&t[i], takes_turns, (void *)i, NULL));
	for (i = 0; i < 8; i++) {
		while (__atomic_load_n(&turns[i], __ATOMIC_RELAXED) < 50)
			ksync_task_yield();
	}
	for (i = 0; i < 8; i++)
		CHECK(!ksync_task_join(t[i], NULL));
	return arg;
}

TEST_F(models, yield_lets_others_run)
{
	RUN(fair, NULL);
	EXPECT_EQ(100, turns[0]);
}

static uint32_t key, destroyed;

static void destroy(void *value)
{
	__atomic_add_fetch(&destroyed, (long)value, __ATOMIC_RELAXED);
}

static void *has_locals(void *n)
{
	int i;

	CHECK(!ksync_local_get(key));
	CHECK(!ksync_local_set(key, n));
	for (i = 0; i < 20; i++) {
		ksync_task_yield();
		CHECK(ksync_local_get(key) == n);
	}
	return NULL;
}

static void *locals(void *arg)
{
	struct ksync_task *t[50];
	void *line;
	long i;

	CHECK(!ksync_local_create(&key, destroy));
	for (i = 0; i < 50; i++)
		CHECK(!ksync_task_spawn(&t[i], has_locals, (void *)(i + 1), NULL));
	for (i = 0; i < 50; i++)
		CHECK(!ksync_task_join(t[i], &line) && !line);
	CHECK(__atomic_load_n(&destroyed, __ATOMIC_RELAXED) == 50 * 51 / 2);
	CHECK(!ksync_local_set(key, (void *)7));
	CHECK(!ksync_local_delete(key));
	CHECK(!ksync_local_get(key));
	CHECK(ksync_local_set(key, NULL) == -EINVAL);
	CHECK(ksync_local_delete(key) == -EINVAL);
	CHECK(!ksync_local_create(&key, NULL));
	CHECK(!ksync_local_get(key)); /* not the 7 */
	return arg;
}

TEST_F(models, locals_are_each_tasks_own_and_destroyed)
{
	RUN(locals, NULL);
	EXPECT_EQ(50 * 51 / 2, destroyed);
}

/* In one function, as compilers like it: they would look errno's address up once. */
static void *has_errno(void *n)
{
	int i;

	CHECK(ksync_errno == 0);
	for (i = 0; i < 100; i++) {
		ksync_errno = (long)n + i;
		ksync_task_yield();
		CHECK(ksync_errno == (long)n + i);
	}
	return NULL;
}

static void *errnos(void *arg)
{
	struct ksync_task *t[20];
	void *line;
	long i;

	for (i = 0; i < 20; i++)
		CHECK(!ksync_task_spawn(&t[i], has_errno, (void *)(1000 * (i + 1)), NULL));
	for (i = 0; i < 20; i++)
		CHECK(!ksync_task_join(t[i], &line) && !line);
	return arg;
}

TEST_F(models, errno_goes_with_the_task)
{
	struct ksync_sched_stats st;

	RUN(errnos, NULL);
	ksync_sched_stats(self->s, &st);
	if (variant->opts.flags & KSYNC_SCHED_MIGRATE)
		EXPECT_LT(100, st.migrations);
}

static pid_t __attribute__((noinline)) thread_id(void)
{
	return gettid();
}

/* A thread-local variable of the thread that the task runs on now. */
static __thread pid_t tls_id;

static __attribute__((noinline)) pid_t *tls(void)
{
	asm volatile("" ::: "memory");
	return &tls_id;
}

static void *moves(void *arg)
{
	pid_t was = thread_id();
	int i, moved = 0;

	for (i = 0; i < 50; i++) {
		*tls() = thread_id();
		ksync_task_yield();
		moved += thread_id() != was;
		was = thread_id();
		*tls() = was;
		CHECK(*tls() == thread_id());
	}
	CHECK(moved == 50);
	return arg;
}

/* The mode that tests of others rely on. */
TEST_F(models, migration_is_forced_at_each_yield)
{
	if (!(variant->opts.flags & KSYNC_SCHED_MIGRATE))
		SKIP(return, "another mode");
	RUN(moves, NULL);
}

static void *pinned(void *arg)
{
	const struct timespec abs = models_in(5 * MSEC);
	pid_t was;
	int i;

	ksync_task_pin();
	ksync_task_pin();
	was = thread_id();
	for (i = 0; i < 20; i++) {
		ksync_task_yield();
		CHECK(thread_id() == was);
	}
	ksync_task_unpin();
	CHECK(!ksync_task_sleep_until(&abs));
	CHECK(thread_id() == was);
	ksync_task_unpin();
	ksync_task_yield();
	return arg;
}

static void *pins(void *arg)
{
	struct ksync_task *t[10];
	void *line;
	int i;

	for (i = 0; i < 10; i++)
		CHECK(!ksync_task_spawn(&t[i], pinned, NULL, NULL));
	for (i = 0; i < 10; i++)
		CHECK(!ksync_task_join(t[i], &line) && !line);
	return arg;
}

TEST_F(models, pinned_tasks_stay_on_their_thread)
{
	RUN(pins, NULL);
}

KSFT_MAIN
