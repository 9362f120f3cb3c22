// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks and the locks of libksync, whose owners are threads: exclusion among tasks of
 * one thread and of many, of tasks and threads; deadlines, cancellation, cycles, owners
 * that died.
 */
#include "lib/ksft.h"
#include "lib/models_sync.h"

#define SHORT	(5 * MSEC)

static struct ksync_mutex mutex, second;
static struct ksync_spin spin;
static struct ksync_rwlock rwlock;
static long value, readers, most_readers, rounds;

/* A step of @value in two, with others in between. */
static int step(void)
{
	long was = __atomic_load_n(&value, __ATOMIC_RELAXED);

	ksync_task_yield();
	if (__atomic_load_n(&value, __ATOMIC_RELAXED) != was)
		return -EBUSY;
	__atomic_store_n(&value, was + 1, __ATOMIC_RELAXED);
	return 0;
}

static void *mutex_steps(void *arg)
{
	long i;

	for (i = 0; i < rounds; i++) {
		CHECK(!ksync_task_mutex_lock(&mutex));
		CHECK(!step());
		CHECK(!ksync_task_mutex_unlock(&mutex));
	}
	return arg;
}

static void *spin_steps(void *arg)
{
	long i;

	for (i = 0; i < rounds; i++) {
		CHECK(!ksync_task_spin_lock(&spin));
		CHECK(!step());
		CHECK(!ksync_task_spin_unlock(&spin));
	}
	return arg;
}

static void *write_steps(void *arg)
{
	long i;

	for (i = 0; i < rounds; i++) {
		CHECK(!ksync_task_rwlock_write_lock(&rwlock));
		CHECK(!__atomic_load_n(&readers, __ATOMIC_RELAXED) && !step());
		CHECK(!ksync_task_rwlock_unlock(&rwlock));
		CHECK(!ksync_task_rwlock_read_lock(&rwlock));
		__atomic_add_fetch(&readers, 1, __ATOMIC_RELAXED);
		ksync_task_yield();
		__atomic_sub_fetch(&readers, 1, __ATOMIC_RELAXED);
		CHECK(!ksync_task_rwlock_unlock(&rwlock));
	}
	return arg;
}

static void *exclusion(void *fn)
{
	enum { TASKS = 8 };
	struct ksync_task *t[TASKS];
	int i;

	value = 0;
	for (i = 0; i < TASKS; i++)
		CHECK(!ksync_task_spawn(&t[i], (void *(*)(void *))fn, NULL, NULL));
	for (i = 0; i < TASKS; i++)
		CHECK(!JOINED(t[i]));
	CHECK(value == TASKS * rounds);
	return NULL;
}

#define MAKE_LOCKS() do {						\
	OPEN_DOMAIN();							\
	ASSERT_EQ(0, ksync_mutex_init(&mutex, domain, 0));		\
	ASSERT_EQ(0, ksync_mutex_init(&second, domain, 0));		\
	ASSERT_EQ(0, ksync_spin_init(&spin, domain, 0));		\
	ASSERT_EQ(0, ksync_rwlock_init(&rwlock, domain, 0));		\
	rounds = slow_factor() > 1 ? 5 : 50;				\
} while (0)

TEST_F(models, tasks_exclude_each_other)
{
	MAKE_LOCKS();
	RUN(exclusion, mutex_steps);
	RUN(exclusion, spin_steps);
	RUN(exclusion, write_steps);
}

/* The same lock in a thread, which is not in the scheduler's hand. */
static void *thread_steps(void *arg)
{
	return mutex_steps(arg);
}

static void *with_thread(void *arg)
{
	pthread_t thread;
	void *line;

	value = 0;
	CHECK(!pthread_create(&thread, NULL, thread_steps, NULL));
	line = mutex_steps(arg);
	CHECK(!pthread_join(thread, (void **)&arg) && !arg && !line);
	CHECK(value == 2 * rounds);
	return NULL;
}

TEST_F(models, tasks_and_threads_exclude_each_other)
{
	MAKE_LOCKS();
	RUN(with_thread, NULL);
}

/* A thread has it, and lets go when it is told to: no task is held up meanwhile. */
static uint32_t thread_has_it, thread_lets_go;

static void *thread_holds(void *arg)
{
	if (ksync_mutex_lock(&mutex))
		return (void *)1;
	__atomic_store_n(&thread_has_it, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&thread_lets_go, __ATOMIC_ACQUIRE))
		sched_yield();
	return ksync_mutex_unlock(&mutex) ? (void *)1 : arg;
}

static void *lock_once(void *arg)
{
	CHECK(!ksync_task_mutex_lock(&mutex));
	__atomic_add_fetch(&value, 1, __ATOMIC_RELAXED);
	CHECK(!ksync_task_mutex_unlock(&mutex));
	return arg;
}

static void *lock_cancelled(void *arg)
{
	CHECK(ksync_task_mutex_lock(&mutex) == -ECANCELED);
	CHECK(ksync_task_mutex_unlock(&mutex) == -EPERM);
	return arg;
}

static void *outside_owner(void *arg)
{
	enum { TASKS = 50 };
	struct ksync_task *t[TASKS], *c;
	struct timespec soon;
	int i;

	for (i = 0; i < TASKS; i++)
		CHECK(!ksync_task_spawn(&t[i], lock_once, NULL, NULL));
	CHECK(!ksync_task_spawn(&c, lock_cancelled, NULL, NULL));
	for (i = 0; i < 1000; i++)
		ksync_task_yield();
	CHECK(!__atomic_load_n(&value, __ATOMIC_RELAXED));
	CHECK(ksync_task_mutex_lock_try(&mutex) == -EBUSY);
	soon = models_in(SHORT);
	CHECK(ksync_task_mutex_lock_timed(&mutex, &soon) == -ETIMEDOUT);
	CHECK(ksync_task_mutex_unlock(&mutex) == -EPERM);
	ksync_task_cancel(c);
	CHECK(!JOINED(c));
	__atomic_store_n(&thread_lets_go, 1, __ATOMIC_RELEASE);
	for (i = 0; i < TASKS; i++)
		CHECK(!JOINED(t[i]));
	CHECK(value == TASKS);
	return arg;
}

TEST_F(models, threads_that_own_hold_no_task_up)
{
	struct ksync_sched_stats st;
	pthread_t thread;
	void *line;

	MAKE_LOCKS();
	ASSERT_EQ(0, pthread_create(&thread, NULL, thread_holds, NULL));
	while (!__atomic_load_n(&thread_has_it, __ATOMIC_ACQUIRE))
		sched_yield();
	RUN(outside_owner, NULL);
	ASSERT_EQ(0, pthread_join(thread, &line));
	EXPECT_EQ(NULL, line);
	/* They stand in line: 50 tasks, and not as many threads. */
	ksync_sched_stats(self->s, &st);
	EXPECT_GT(20, st.threads);
	/* Who blocked gave its proc away, before the monitor took it. */
	if (variant->opts.model == KSYNC_MODEL_MN)
		EXPECT_GT(st.handoffs, st.retaken);
}

/* A task has it, and waits for others meanwhile, also timed and for other tasks. */
static uint32_t task_has_it;
static struct ksync_sem go;

static void *task_holds(void *arg)
{
	CHECK(!ksync_task_mutex_lock(&mutex));
	__atomic_store_n(&task_has_it, 1, __ATOMIC_RELEASE);
	CHECK(!ksync_task_sem_wait(&go));
	CHECK(!ksync_task_mutex_unlock(&mutex));
	return arg;
}

static void *inside_owner(void *arg)
{
	struct ksync_task *holder, *t, *c;
	struct timespec soon;
	int i;

	CHECK(!ksync_sem_init(&go, domain, 0, 0));
	CHECK(!ksync_task_spawn(&holder, task_holds, NULL, NULL));
	while (!__atomic_load_n(&task_has_it, __ATOMIC_ACQUIRE))
		ksync_task_yield();
	CHECK(!ksync_task_spawn(&t, lock_once, NULL, NULL));
	CHECK(!ksync_task_spawn(&c, lock_cancelled, NULL, NULL));
	for (i = 0; i < 100; i++)
		ksync_task_yield();
	CHECK(ksync_task_mutex_lock_try(&mutex) == -EBUSY);
	soon = models_in(SHORT);
	CHECK(ksync_task_mutex_lock_timed(&mutex, &soon) == -ETIMEDOUT);
	CHECK(ksync_task_mutex_unlock(&mutex) == -EPERM);
	ksync_task_cancel(c);
	CHECK(!JOINED(c) && !__atomic_load_n(&value, __ATOMIC_RELAXED));
	CHECK(!ksync_sem_post(&go));
	CHECK(!JOINED(holder) && !JOINED(t) && value == 1);
	CHECK(!ksync_task_mutex_lock_try(&mutex) && !ksync_task_mutex_unlock(&mutex));
	return arg;
}

TEST_F(models, tasks_that_own_hold_no_task_up)
{
	MAKE_LOCKS();
	RUN(inside_owner, NULL);
}

/*
 * The last that waits is cancelled, and the lock is free, and forgotten where all are on
 * one thread, before it runs again to see that.
 */
static void *lock_if_not_cancelled(void *arg)
{
	const int ret = ksync_task_mutex_lock(&mutex);

	CHECK(!ret || ret == -ECANCELED);
	CHECK(ret || !ksync_task_mutex_unlock(&mutex));
	return arg;
}

static void *cancelled_last(void *arg)
{
	enum { ROUNDS = 20 };
	struct ksync_task *c;
	int i, k;

	for (i = 0; i < ROUNDS; i++) {
		CHECK(!ksync_task_mutex_lock(&mutex));
		CHECK(!ksync_task_spawn(&c, lock_if_not_cancelled, NULL, NULL));
		for (k = 0; k < 10; k++)
			ksync_task_yield();
		ksync_task_cancel(c);
		CHECK(!ksync_task_mutex_unlock(&mutex));
		CHECK(!JOINED(c));
	}
	return arg;
}

TEST_F(models, locks_are_forgotten_by_the_last)
{
	MAKE_LOCKS();
	RUN(cancelled_last, NULL);
}

/* What libksync says of owners it says of tasks. */
static void *owners(void *arg)
{
	struct ksync_mutex recursive;

	CHECK(!ksync_mutex_init(&recursive, domain, KSYNC_MUTEX_RECURSIVE));
	CHECK(!ksync_task_mutex_lock(&mutex));
	CHECK(ksync_task_mutex_lock(&mutex) == -EDEADLK);
	CHECK(ksync_task_mutex_consistent(&mutex) == -EINVAL);
	CHECK(!ksync_task_mutex_unlock(&mutex));
	CHECK(ksync_task_mutex_unlock(&mutex) == -EPERM);
	CHECK(ksync_task_mutex_consistent(&mutex) == -EPERM);
	CHECK(!ksync_task_mutex_lock(&recursive) && !ksync_task_mutex_lock(&recursive));
	CHECK(!ksync_task_mutex_unlock(&recursive));
	ksync_task_yield();
	CHECK(!ksync_task_mutex_unlock(&recursive));
	CHECK(ksync_task_mutex_unlock(&recursive) == -EPERM);
	CHECK(!ksync_task_rwlock_read_lock(&rwlock));
	CHECK(!ksync_task_rwlock_read_lock(&rwlock));
	CHECK(ksync_task_rwlock_write_lock(&rwlock) == -EDEADLK);
	CHECK(!ksync_task_rwlock_unlock(&rwlock) && !ksync_task_rwlock_unlock(&rwlock));
	CHECK(ksync_task_rwlock_unlock(&rwlock) == -EPERM);
	CHECK(!ksync_task_rwlock_write_lock(&rwlock));
	CHECK(!ksync_task_rwlock_downgrade(&rwlock));
	CHECK(!ksync_task_rwlock_read_lock_try(&rwlock));
	CHECK(!ksync_task_rwlock_unlock(&rwlock) && !ksync_task_rwlock_unlock(&rwlock));
	CHECK(!ksync_mutex_destroy(&recursive));
	CHECK(ksync_task_mutex_lock(&recursive) == -EBADF);
	return arg;
}

TEST_F(models, owners_are_tasks)
{
	MAKE_LOCKS();
	RUN(owners, NULL);
}

/* Two that want each other's: one is refused, whichever comes second. */
static struct ksync_sem met[2];
static long refused;

static void *crosses(void *arg)
{
	struct ksync_mutex *first = arg ? &second : &mutex, *other = arg ? &mutex : &second;
	int ret;

	CHECK(!ksync_task_mutex_lock(first));
	CHECK(!ksync_sem_post(&met[!arg]) && !ksync_task_sem_wait(&met[!!arg]));
	ret = ksync_task_mutex_lock(other);
	CHECK(!ret || ret == -EDEADLK);
	if (ret)
		__atomic_add_fetch(&refused, 1, __ATOMIC_RELAXED);
	else
		CHECK(!ksync_task_mutex_unlock(other));
	CHECK(!ksync_task_mutex_unlock(first));
	return NULL;
}

static void *cycle(void *arg)
{
	struct ksync_task *a, *b;

	CHECK(!ksync_task_spawn(&a, crosses, NULL, NULL));
	CHECK(!ksync_task_spawn(&b, crosses, &mutex, NULL));
	CHECK(!JOINED(a) && !JOINED(b) && refused == 1);
	return arg;
}

TEST_F(models, cycles_are_refused)
{
	MAKE_LOCKS();
	ASSERT_EQ(0, ksync_sem_init(&met[0], domain, 0, 0));
	ASSERT_EQ(0, ksync_sem_init(&met[1], domain, 0, 0));
	RUN(cycle, NULL);
}

static void *dies_with_it(void *arg)
{
	return (void *)(long)(ksync_mutex_lock(&mutex) || ksync_rwlock_write_lock(arg));
}

static void *after_a_death(void *arg)
{
	pthread_t thread;
	void *ret;

	CHECK(!pthread_create(&thread, NULL, dies_with_it, &rwlock));
	CHECK(!pthread_join(thread, &ret) && !ret);
	CHECK(ksync_task_mutex_lock(&mutex) == -EOWNERDEAD);
	CHECK(!ksync_task_mutex_consistent(&mutex) && !ksync_task_mutex_unlock(&mutex));
	CHECK(!ksync_task_mutex_lock(&mutex) && !ksync_task_mutex_unlock(&mutex));
	CHECK(ksync_task_rwlock_read_lock(&rwlock) == -EOWNERDEAD);
	CHECK(!ksync_task_rwlock_unlock(&rwlock));
	CHECK(ksync_task_rwlock_write_lock(&rwlock) == -EOWNERDEAD);
	CHECK(!ksync_task_rwlock_unlock(&rwlock));
	CHECK(ksync_task_rwlock_write_lock(&rwlock) == -ENOTRECOVERABLE);
	CHECK(ksync_task_rwlock_unlock(&rwlock) == -EPERM);
	return arg;
}

TEST_F(models, dead_owners_are_told)
{
	MAKE_LOCKS();
	RUN(after_a_death, NULL);
}

/* Readers are there together, and a writer that came before is not passed. */
static void *reads(void *arg)
{
	long n;

	CHECK(!ksync_task_rwlock_read_lock(&rwlock));
	n = __atomic_add_fetch(&readers, 1, __ATOMIC_RELAXED);
	if (n == 3)
		__atomic_store_n(&most_readers, n, __ATOMIC_RELAXED);
	CHECK(!ksync_task_sem_wait(&go));
	__atomic_sub_fetch(&readers, 1, __ATOMIC_RELAXED);
	CHECK(!ksync_task_rwlock_unlock(&rwlock));
	return arg;
}

static void *writes(void *arg)
{
	CHECK(!ksync_task_rwlock_write_lock(&rwlock));
	CHECK(!__atomic_load_n(&readers, __ATOMIC_RELAXED));
	__atomic_add_fetch(&value, 1, __ATOMIC_RELAXED);
	CHECK(!ksync_task_rwlock_unlock(&rwlock));
	return arg;
}

static void *together(void *arg)
{
	struct ksync_task *t[3], *w;
	int i;

	CHECK(!ksync_sem_init(&go, domain, 0, 0));
	for (i = 0; i < 3; i++)
		CHECK(!ksync_task_spawn(&t[i], reads, NULL, NULL));
	AWAIT(&go, 3);
	CHECK(!ksync_task_spawn(&w, writes, NULL, NULL));
	for (i = 0; i < 100; i++)
		ksync_task_yield();
	CHECK(!__atomic_load_n(&value, __ATOMIC_RELAXED));
	CHECK(__atomic_load_n(&most_readers, __ATOMIC_RELAXED) == 3);
	CHECK(!ksync_sem_post_n(&go, 3));
	for (i = 0; i < 3; i++)
		CHECK(!JOINED(t[i]));
	CHECK(!JOINED(w) && value == 1);
	return arg;
}

TEST_F(models, readers_are_together)
{
	MAKE_LOCKS();
	RUN(together, NULL);
}

KSFT_MAIN
