// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks that wait for objects of libksync while deadlines pass and tasks are cancelled at
 * random: no unit is lost, none is given twice, nobody stays in a queue, and a lock
 * excludes; beside threads that take and give, too.
 */
#include "lib/ksft.h"
#include "lib/models_sync.h"

enum { TASKS = 16, THREADS = 2 };

static struct ksync_sem sem;
static struct ksync_event event;
static struct ksync_mutex mutex;
static struct ksync_cond cond;
static long posted, taken, inside, steps, rounds;
static uint32_t over;

static uint32_t draw(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state >> 33;
}

static long tally(long *n, long by)
{
	return __atomic_add_fetch(n, by, __ATOMIC_RELAXED);
}

/* Whatever ends a wait: 0 is a unit, anything else is none. */
static int wait_a_bit(uint64_t *state)
{
	const uint32_t how = draw(state) % 4;
	struct timespec soon;

	if (!how)
		return ksync_task_sem_wait(&sem);
	soon = models_in(how * (draw(state) % 100) * 1000);
	return ksync_task_sem_wait_timed(&sem, &soon);
}

static void *taker(void *seed)
{
	uint64_t state = (uintptr_t)seed;
	long i;
	int ret;

	for (i = 0; i < rounds; i++) {
		ret = wait_a_bit(&state);
		if (ret == -ECANCELED)
			break;
		CHECK(!ret || ret == -ETIMEDOUT);
		if (!ret)
			tally(&taken, 1);
		if (draw(&state) % 3 == 0)
			ksync_task_yield();
	}
	return NULL;
}

static void *giver(void *seed)
{
	uint64_t state = (uintptr_t)seed;
	uint32_t n;

	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
		n = 1 + draw(&state) % 3;
		if (ksync_sem_value(&sem) < TASKS) {
			CHECK(!ksync_sem_post_n(&sem, n));
			tally(&posted, n);
		}
		ksync_task_yield();
	}
	return NULL;
}

/* A thread takes and gives back, in the same queue. */
static void *borrower(void *seed)
{
	struct timespec soon;

	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
		soon = to_timespec(in(100000));
		if (!ksync_sem_wait_timed(&sem, CLOCK_MONOTONIC, &soon) &&
		    ksync_sem_post(&sem))
			return seed;
	}
	return NULL;
}

static void *takers(void *arg)
{
	struct ksync_task *t[TASKS];
	uint64_t state = (uintptr_t)arg;
	long i;

	for (i = 0; i < TASKS; i++)
		CHECK(!ksync_task_spawn(&t[i], taker, (void *)(i + 1), NULL));
	for (i = 0; i < TASKS; i++) {
		if (draw(&state) % 2)
			ksync_task_cancel(t[i]);
		ksync_task_yield();
	}
	for (i = 0; i < TASKS; i++)
		CHECK(!JOINED(t[i]));
	return NULL;
}

static void *units(void *arg)
{
	struct ksync_task *g;
	pthread_t threads[THREADS];
	struct ksync_query query;
	void *line;
	long i;

	posted = 0;
	taken = 0;
	over = 0;
	CHECK(!ksync_sem_init(&sem, domain, 0, 0));
	CHECK(!ksync_task_spawn(&g, giver, (void *)7, NULL));
	for (i = 0; i < THREADS; i++)
		CHECK(!pthread_create(&threads[i], NULL, borrower, (void *)1));
	for (i = 0; i < (long)arg; i++)
		CHECK(!takers((void *)(i + 100)));
	__atomic_store_n(&over, 1, __ATOMIC_RELEASE);
	for (i = 0; i < THREADS; i++)
		CHECK(!pthread_join(threads[i], &line) && !line);
	CHECK(!JOINED(g));
	CHECK(!ksync_query(&sem, &query) && !query.waiters);
	CHECK(posted == taken + ksync_sem_value(&sem));
	CHECK(!ksync_sem_destroy(&sem));
	return NULL;
}

TEST_F(models, units_are_conserved)
{
	OPEN_DOMAIN();
	rounds = slow_factor() > 1 ? 5 : 40;
	RUN_BOTH(units, (void *)(slow_factor() > 1 ? 2L : 8L));
}

/* Each set of an event that resets itself lets one go: never two, never none. */
static void *one_set(void *arg)
{
	struct timespec soon;
	long i;
	int ret;

	for (i = 0; i < rounds; i++) {
		soon = models_in(50000 * (i % 3));
		ret = ksync_task_event_wait_timed(&event, &soon);
		if (ret == -ECANCELED)
			break;
		CHECK(!ret || ret == -ETIMEDOUT);
		if (!ret)
			tally(&taken, 1);
	}
	return arg;
}

static void *sets(void *arg)
{
	struct ksync_task *t[TASKS];
	long i;
	int was;

	posted = 0;
	taken = 0;
	CHECK(!ksync_event_init(&event, domain, 0));
	for (i = 0; i < TASKS; i++)
		CHECK(!ksync_task_spawn(&t[i], one_set, NULL, NULL));
	for (i = 0; i < rounds * TASKS / 2; i++) {
		was = ksync_event_set(&event);
		CHECK(was >= 0);
		posted += !was;
		ksync_task_yield();
	}
	for (i = 0; i < TASKS; i++)
		ksync_task_cancel(t[i]);
	for (i = 0; i < TASKS; i++)
		CHECK(!JOINED(t[i]));
	CHECK(posted == taken + !ksync_event_wait_try(&event));
	CHECK(!ksync_event_destroy(&event));
	return arg;
}

TEST_F(models, sets_are_conserved)
{
	OPEN_DOMAIN();
	rounds = slow_factor() > 1 ? 5 : 60;
	RUN_BOTH(sets, NULL);
}

/* One at a time, however they came to the lock, or away from it. */
static void *locker(void *seed)
{
	uint64_t state = (uintptr_t)seed;
	struct timespec soon;
	long i;
	int ret;

	for (i = 0; i < rounds; i++) {
		soon = models_in(draw(&state) % 300000);
		ret = draw(&state) % 2 ? ksync_task_mutex_lock(&mutex) :
			ksync_task_mutex_lock_timed(&mutex, &soon);
		if (ret == -ECANCELED)
			break;
		CHECK(!ret || ret == -ETIMEDOUT);
		if (ret)
			continue;
		CHECK(tally(&inside, 1) == 1);
		steps++;
		if (draw(&state) % 2)
			ksync_task_yield();
		if (draw(&state) % 4 == 0) {
			tally(&inside, -1);
			soon = models_in(draw(&state) % 300000);
			ret = ksync_task_cond_wait_timed(&cond, &mutex, &soon);
			CHECK(!ret || ret == -ETIMEDOUT || ret == -ECANCELED);
			CHECK(tally(&inside, 1) == 1);
		}
		CHECK(!tally(&inside, -1));
		tally(&taken, 1);
		CHECK(!ksync_task_mutex_unlock(&mutex));
		ksync_cond_signal(&cond);
	}
	return NULL;
}

static void *lock_thread(void *arg)
{
	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
		if (ksync_task_mutex_lock(&mutex) || tally(&inside, 1) != 1)
			return (void *)1;
		steps++;
		tally(&taken, 1);
		if (tally(&inside, -1) || ksync_task_mutex_unlock(&mutex))
			return (void *)1;
		sched_yield();
	}
	return arg;
}

static void *locks(void *arg)
{
	struct ksync_task *t[TASKS];
	pthread_t thread;
	void *line;
	long i;

	steps = 0;
	taken = 0;
	inside = 0;
	over = 0;
	CHECK(!pthread_create(&thread, NULL, lock_thread, NULL));
	for (i = 0; i < TASKS; i++)
		CHECK(!ksync_task_spawn(&t[i], locker, (void *)(i + 1), NULL));
	for (i = 0; i < TASKS; i++) {
		ksync_task_yield();
		if (i % 3 == 0)
			ksync_task_cancel(t[i]);
	}
	for (i = 0; i < TASKS; i++)
		CHECK(!JOINED(t[i]));
	__atomic_store_n(&over, 1, __ATOMIC_RELEASE);
	CHECK(!pthread_join(thread, &line) && !line);
	CHECK(steps == taken && !inside);
	CHECK(!ksync_task_mutex_lock_try(&mutex) && !ksync_task_mutex_unlock(&mutex));
	return arg;
}

TEST_F(models, locks_exclude)
{
	OPEN_DOMAIN();
	ASSERT_EQ(0, ksync_mutex_init(&mutex, domain, 0));
	ASSERT_EQ(0, ksync_cond_init(&cond, domain, 0));
	rounds = slow_factor() > 1 ? 4 : 40;
	RUN(locks, NULL);
	ASSERT_EQ(0, ksync_mutex_init(&mutex, domain, KSYNC_MUTEX_STRICT));
	RUN(locks, NULL);
}

KSFT_MAIN
