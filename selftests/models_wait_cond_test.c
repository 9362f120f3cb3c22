// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks and condition variables of libksync: no signal is lost, whoever gives it, and
 * the mutex is the task's again, however the wait ended.
 */
#include "lib/ksft.h"
#include "lib/models_sync.h"

#define SHORT	(5 * MSEC)

static struct ksync_mutex mutex;
static struct ksync_cond cond;

#define MAKE_COND() do {						\
	OPEN_DOMAIN();							\
	ASSERT_EQ(0, ksync_mutex_init(&mutex, domain, 0));		\
	ASSERT_EQ(0, ksync_cond_init(&cond, domain, 0));		\
} while (0)

/* A place for one value, that tasks and a thread put to and take from. */
static long box, taken, value;
static uint32_t task_has_it;

static void *takes(void *arg)
{
	long i;

	for (i = 0; i < (long)arg; i++) {
		CHECK(!ksync_task_mutex_lock(&mutex));
		while (!box)
			CHECK(!ksync_task_cond_wait(&cond, &mutex));
		taken += box;
		box = 0;
		ksync_cond_broadcast(&cond);
		CHECK(!ksync_task_mutex_unlock(&mutex));
	}
	return NULL;
}

static void *puts_in(void *arg)
{
	long i;

	for (i = 1; i <= (long)arg; i++) {
		CHECK(!ksync_task_mutex_lock(&mutex));
		while (box)
			CHECK(!ksync_task_cond_wait(&cond, &mutex));
		box = i;
		CHECK(!ksync_task_mutex_unlock(&mutex));
		ksync_cond_broadcast(&cond);
	}
	return NULL;
}

static void *pass_on(void *arg)
{
	const long n = (long)arg;
	struct ksync_task *a, *b, *c;
	pthread_t thread;
	void *line;

	taken = 0;
	CHECK(!ksync_task_spawn(&a, takes, arg, NULL));
	CHECK(!ksync_task_spawn(&b, takes, arg, NULL));
	CHECK(!ksync_task_spawn(&c, puts_in, arg, NULL));
	CHECK(!pthread_create(&thread, NULL, puts_in, arg));
	CHECK(!JOINED(a) && !JOINED(b) && !JOINED(c));
	CHECK(!pthread_join(thread, &line) && !line);
	CHECK(taken == n * (n + 1));
	return NULL;
}

TEST_F(models, conds_pass_values_on)
{
	MAKE_COND();
	RUN(pass_on, (void *)(slow_factor() > 1 ? 5L : 50L));
}

static void *waits_in_vain(void *arg)
{
	int ret;

	CHECK(!ksync_task_mutex_lock(&mutex));
	__atomic_store_n(&task_has_it, 1, __ATOMIC_RELEASE);
	do
		ret = ksync_task_cond_wait(&cond, &mutex);
	while (!ret);
	CHECK(ret == -ECANCELED);
	value++;
	CHECK(!ksync_task_mutex_unlock(&mutex));
	return arg;
}

static void *conds_end(void *arg)
{
	struct timespec soon = models_in(SHORT);
	struct ksync_task *t;
	int ret;

	CHECK(ksync_task_cond_wait(&cond, &mutex) == -EPERM);
	CHECK(!ksync_task_mutex_lock(&mutex));
	do
		ret = ksync_task_cond_wait_timed(&cond, &mutex, &soon);
	while (!ret);
	CHECK(ret == -ETIMEDOUT);
	CHECK(!ksync_task_mutex_unlock(&mutex));
	CHECK(!ksync_task_spawn(&t, waits_in_vain, NULL, NULL));
	while (!__atomic_load_n(&task_has_it, __ATOMIC_ACQUIRE))
		ksync_task_yield();
	/* It has the mutex no more while it waits. */
	CHECK(!ksync_task_mutex_lock(&mutex));
	ksync_task_cancel(t);
	CHECK(!value && !ksync_task_mutex_unlock(&mutex));
	CHECK(!JOINED(t) && value == 1);
	CHECK(!ksync_cond_destroy(&cond));
	return arg;
}

TEST_F(models, conds_time_out_and_are_cancelled)
{
	MAKE_COND();
	RUN(conds_end, NULL);
}

KSFT_MAIN
