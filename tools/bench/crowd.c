// SPDX-License-Identifier: GPL-2.0
/*
 * Crowds: what a wake-up costs the one who wakes with many waiters on one
 * object, and with one waiter on each of many objects.
 *
 * The waker has a processor to itself; all others share another one, if there
 * is.  It wakes one, waits until all wait again, and so on; nothing is timed but
 * the call that wakes.
 */
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "bench.h"

#define CROWD_MAX	10000
#define SAMPLES_MAX	500
#define STACK		(32 * 1024)

/**
 * struct crowd - who waits for what
 * @name: in results
 * @begin: make objects, each such that one has to wait for it
 * @object: one of them
 * @loop: what a waiter does until it is told to stop
 * @prepare: before each wake-up, if not NULL
 * @wake: let one waiter of an object go: this is timed
 * @regain: after it, if not NULL
 * @end: let all waiters go for good
 * @destroy: once they have
 */
struct crowd {
	const char *name;
	void (*begin)(int objects);
	struct ksync_object *(*object)(int i);
	void (*loop)(int i);
	void (*prepare)(int i);
	void (*wake)(int i);
	void (*regain)(int i);
	void (*end)(int objects, int waiters);
	void (*destroy)(int objects);
};

static bool stop;
static struct ksync_waitq waitqs[CROWD_MAX];
static struct ksync_sem sems[CROWD_MAX];
static struct ksync_mutex mutexes[CROWD_MAX];
static struct ksync_cond cond;

static bool stopped(void)
{
	return __atomic_load_n(&stop, __ATOMIC_ACQUIRE);
}

static void begin_waitq(int objects)
{
	must(ksync_waitq_init_many(waitqs, objects, domain(), 0), "waitqs");
}

static struct ksync_object *object_waitq(int i)
{
	return &waitqs[i].o;
}

static void loop_waitq(int i)
{
	while (!stopped())
		ksync_waitq_wait(&waitqs[i], 0);
}

static void wake_waitq(int i)
{
	if (must(ksync_waitq_wake(&waitqs[i], 1), "wake") != 1)
		errx(1, "nobody waits on waitq %d", i);
}

static void end_waitq(int objects, int waiters)
{
	(void)waiters;
	for (int i = 0; i < objects; i++) {
		atomic_store(ksync_waitq_word(&waitqs[i]), 1);
		must(ksync_waitq_wake(&waitqs[i], INT_MAX), "wake");
	}
}

static void destroy_waitq(int objects)
{
	must(ksync_waitq_destroy_many(waitqs, objects, NULL), "destroy");
}

static void begin_sem(int objects)
{
	must(ksync_sem_init_many(sems, objects, domain(), 0, 0), "sems");
}

static struct ksync_object *object_sem(int i)
{
	return &sems[i].o;
}

static void loop_sem(int i)
{
	while (!stopped())
		must(ksync_sem_wait(&sems[i]), "sem");
}

static void wake_sem(int i)
{
	must(ksync_sem_post(&sems[i]), "post");
}

static void end_sem(int objects, int waiters)
{
	for (int i = 0; i < objects; i++)
		must(ksync_sem_post_n(&sems[i], waiters), "post");
}

static void destroy_sem(int objects)
{
	must(ksync_sem_destroy_many(sems, objects, NULL), "destroy");
}

/* The waker has the mutexes: it is more important, and gets them back first. */
static void begin_mutexes(int objects, unsigned int flags)
{
	must(ksync_mutex_init_many(mutexes, objects, domain(), flags), "mutexes");
	for (int i = 0; i < objects; i++)
		must(ksync_mutex_lock(&mutexes[i]), "lock");
}

static void begin_mutex(int objects)
{
	begin_mutexes(objects, 0);
}

static void begin_strict(int objects)
{
	begin_mutexes(objects, KSYNC_MUTEX_STRICT);
}

static struct ksync_object *object_mutex(int i)
{
	return &mutexes[i].o;
}

static void loop_mutex(int i)
{
	while (!stopped()) {
		must(ksync_mutex_lock(&mutexes[i]), "lock");
		must(ksync_mutex_unlock(&mutexes[i]), "unlock");
	}
}

static void unlock_mutex(int i)
{
	must(ksync_mutex_unlock(&mutexes[i]), "unlock");
}

static void lock_mutex(int i)
{
	must(ksync_mutex_lock(&mutexes[i]), "lock");
}

static void end_mutex(int objects, int waiters)
{
	(void)waiters;
	for (int i = 0; i < objects; i++)
		unlock_mutex(i);
}

static void destroy_mutex(int objects)
{
	must(ksync_mutex_destroy_many(mutexes, objects, NULL), "destroy");
}

/* One cond, whose waiters are signalled with the mutex held. */
static void begin_cond(int objects)
{
	must(ksync_mutex_init_many(mutexes, objects, domain(), 0), "mutex");
	must(ksync_cond_init(&cond, domain(), 0), "cond");
}

static struct ksync_object *object_cond(int i)
{
	(void)i;
	return &cond.o;
}

static void loop_cond(int i)
{
	lock_mutex(i);
	while (!stopped())
		must(ksync_cond_wait(&cond, &mutexes[i]), "wait");
	unlock_mutex(i);
}

static void wake_cond(int i)
{
	(void)i;
	if (must(ksync_cond_signal(&cond), "signal") != 1)
		errx(1, "nobody waits on the cond");
}

static void end_cond(int objects, int waiters)
{
	(void)objects;
	(void)waiters;
	must(ksync_cond_broadcast(&cond), "broadcast");
}

static void destroy_cond(int objects)
{
	must(ksync_cond_destroy(&cond), "destroy");
	destroy_mutex(objects);
}

static const struct crowd crowds[] = {
	{ "waitq", begin_waitq, object_waitq, loop_waitq, NULL, wake_waitq,
	  NULL, end_waitq, destroy_waitq },
	{ "sem", begin_sem, object_sem, loop_sem, NULL, wake_sem,
	  NULL, end_sem, destroy_sem },
	{ "mutex", begin_mutex, object_mutex, loop_mutex, NULL, unlock_mutex,
	  lock_mutex, end_mutex, destroy_mutex },
	{ "strict", begin_strict, object_mutex, loop_mutex, NULL, unlock_mutex,
	  lock_mutex, end_mutex, destroy_mutex },
	{ "cond", begin_cond, object_cond, loop_cond, lock_mutex, wake_cond,
	  unlock_mutex, end_cond, destroy_cond },
};

static const struct crowd *crowd;

/* All wait, and none is on its way already, so that nobody needs waking. */
static void await(int i, int waiters)
{
	struct ksync_query q;

	for (;;) {
		must(ksync_object_query(crowd->object(i), &q), "query");
		if (q.waiters == (uint32_t)waiters && !(q.word & KSYNC_WOKEN))
			return;
		sched_yield();
	}
}

static void *waiter(void *i)
{
	crowd->loop((intptr_t)i);
	return NULL;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Nanoseconds: the median. */
static double measure(int objects, int waiters)
{
	static double took[SAMPLES_MAX];
	const int samples = at_most(150, 75, 5);
	unsigned int seed = 1;

	for (int n = 0; n < samples; n++) {
		const int i = rand_r(&seed) % objects;

		if (crowd->prepare)
			crowd->prepare(i);
		took[n] = now();
		crowd->wake(i);
		took[n] = now() - took[n];
		if (crowd->regain)
			crowd->regain(i);
		await(i, waiters);
	}
	qsort(took, samples, sizeof(*took), compare);
	return took[samples / 2] * 1e9;
}

/* With a processor of their own, if there is one, and stacks to match. */
static void start(pthread_t *threads, int objects, int waiters)
{
	pthread_attr_t attr;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sysconf(_SC_NPROCESSORS_ONLN) > 1, &cpus);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	pthread_attr_setguardsize(&attr, 0);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setaffinity_np(&attr, sizeof(cpus), &cpus);
	__atomic_store_n(&stop, false, __ATOMIC_RELEASE);
	for (int t = 0; t < objects * waiters; t++)
		must(-pthread_create(&threads[t], &attr, waiter,
				     (void *)(intptr_t)(t % objects)), "thread");
	pthread_attr_destroy(&attr);
	for (int i = 0; i < objects; i++)
		await(i, waiters);
}

static double run(int objects, int waiters)
{
	static pthread_t threads[CROWD_MAX];
	double took;

	crowd->begin(objects);
	start(threads, objects, waiters);
	took = measure(objects, waiters);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	crowd->end(objects, waiters);
	for (int t = 0; t < objects * waiters; t++)
		pthread_join(threads[t], NULL);
	crowd->destroy(objects);
	return took;
}

/* The waker is to get the mutex back before all others do. */
static void be_waker(bool yes)
{
	const struct sched_param fifo = { .sched_priority = yes ? 10 : 0 };
	static cpu_set_t all;
	cpu_set_t first;

	if (yes) {
		must(sched_getaffinity(0, sizeof(all), &all), "affinity");
		CPU_ZERO(&first);
		CPU_SET(0, &first);
	}
	if (sched_setscheduler(0, yes ? SCHED_FIFO : SCHED_OTHER, &fifo) ||
	    sched_setaffinity(0, sizeof(all), yes ? &first : &all))
		err(1, "the waker has to be a real-time thread");
}

/* So many candidates, with each number of @many up to the greatest wanted. */
static void sweep(const char *bench, const char *how, const int *many, int greatest,
		  const struct crowd *end)
{
	const int times = at_most(3, 3, 1);

	be_waker(true);
	for (; *many && *many <= greatest; many++) {
		printf("%s: %d %s, %d rounds\n", bench, *many, how, times);
		for (int round = 0; round < times; round++)
			for (crowd = crowds; crowd < end; crowd++)
				printf("@ bench=%s threads=%d lock=%s round=%d ns_op=%.1f\n",
				       bench, *many, crowd->name, round,
				       *bench == 'w' ? run(1, *many) : run(*many, 1));
	}
	be_waker(false);
}

void bench_waiters(void)
{
	static const int many[] = { 1, 10, 100, 1000, 4000, 0 };

	sweep("waiters", "on one object", many, at_most(4000, 1000, 10),
	      crowds + COUNT(crowds));
}

void bench_objects(void)
{
	static const int many[] = { 1, 10, 100, 1000, 10000, 0 };

	sweep("objects", "with a waiter each", many, at_most(10000, 1000, 10),
	      crowds + COUNT(crowds) - 1);
}
