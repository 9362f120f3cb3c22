// SPDX-License-Identifier: GPL-2.0
/*
 * Priority inversion: three SCHED_FIFO threads on one CPU.  low has the lock and some
 * work to do, high waits for the lock, and medium, which has nothing to do with it, has
 * much work.  Where low does not inherit high's priority, medium runs first.  How much
 * CPU time medium got while high waited decides, not how long that took.
 * (Lampson and Redell 1980; Sha, Rajkumar and Lehoczky 1990.)
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <time.h>
#include "lab.h"

#define WORK	0.010
#define HOG	0.100
#define ROUNDS	2
#define REST	0.250	/* the kernel lets such threads have 95% of each second */

struct lock {
	const char *name;
	const char *key;
	int (*lock)(void);
	int (*unlock)(void);
};

static pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t inheriting;
static struct ksync_mutex ksync;
static const struct lock *lock;
static sem_t owned, waiting, looked;
static pthread_t medium_thread;
static double waited, medium_ran;

static int lock_plain(void)
{
	return pthread_mutex_lock(&plain);
}

static int unlock_plain(void)
{
	return pthread_mutex_unlock(&plain);
}

static int lock_inheriting(void)
{
	return pthread_mutex_lock(&inheriting);
}

static int unlock_inheriting(void)
{
	return pthread_mutex_unlock(&inheriting);
}

static int lock_ksync(void)
{
	return must(ksync_mutex_lock(&ksync), "lock");
}

static int unlock_ksync(void)
{
	return must(ksync_mutex_unlock(&ksync), "unlock");
}

static const struct lock locks[] = {
	{ "pthread_mutex", "plain", lock_plain, unlock_plain },
	{ "PTHREAD_PRIO_INHERIT", "inherit", lock_inheriting, unlock_inheriting },
	{ "ksync_mutex", "ksync", lock_ksync, unlock_ksync },
};

static double clock_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void work(double seconds)
{
	const double end = clock_of(CLOCK_THREAD_CPUTIME_ID) + seconds;

	while (clock_of(CLOCK_THREAD_CPUTIME_ID) < end)
		;
}

static void *low(void *unused)
{
	lock->lock();
	sem_post(&owned);
	work(WORK);
	lock->unlock();
	return unused;
}

static void *medium(void *unused)
{
	sem_wait(&waiting);
	work(HOG);
	sem_wait(&looked);	/* until then high reads its clock */
	return unused;
}

static void *high(void *unused)
{
	clockid_t clock;
	double begin, before;

	must(-pthread_getcpuclockid(medium_thread, &clock), "clock");
	sem_wait(&owned);
	sem_post(&waiting);
	before = clock_of(clock);
	begin = now();
	lock->lock();
	waited = now() - begin;
	medium_ran = clock_of(clock) - before;
	sem_post(&looked);
	lock->unlock();
	return unused;
}

static int start(pthread_t *thread, void *(*fn)(void *unused), int priority)
{
	struct sched_param param = { .sched_priority = priority };
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &param);
	return pthread_create(thread, &attr, fn, NULL);
}

static void play(void)
{
	pthread_t low_thread, high_thread;

	sem_init(&owned, 0, 0);
	sem_init(&waiting, 0, 0);
	sem_init(&looked, 0, 0);
	must(-start(&medium_thread, medium, 20), "thread");
	must(-start(&high_thread, high, 30), "thread");
	must(-start(&low_thread, low, 10), "thread");
	pthread_join(high_thread, NULL);
	pthread_join(medium_thread, NULL);
	pthread_join(low_thread, NULL);
	nap(REST);
}

static void show_lock(const struct lock *l)
{
	double most = 0, longest = 0;
	char key[48];
	bool seen;

	lock = l;
	for (int i = 0; i < ROUNDS; i++) {
		play();
		most = medium_ran > most ? medium_ran : most;
		longest = waited > longest ? waited : longest;
	}
	seen = most > HOG / 2;
	snprintf(key, sizeof(key), "medium_ms_%s", l->key);
	fact(key, most * 1e3);
	if (l == locks)
		hazard("high waits for medium", seen,
		       "%s: high waited %.1f ms, medium had the CPU %.1f ms of them", l->name,
		       longest * 1e3, most * 1e3);
	else
		cure(l->name, seen, "high waited %.1f ms, medium had the CPU %.1f ms of them",
		     longest * 1e3, most * 1e3);
	bar(l->name, most * 1e3, HOG * 1e3, "ms of medium");
}

static void *nothing(void *unused)
{
	return unused;
}

void lab_inversion(void)
{
	pthread_mutexattr_t attr;
	pthread_t thread;

	if (start(&thread, nothing, 1)) {
		cannot("high waits for medium",
		       "SCHED_FIFO threads need root, or a limit of priorities (ulimit -r)");
		return;
	}
	pthread_join(thread, NULL);
	on_cpu(0);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&inheriting, &attr);
	lab_mutex(lab_domain(), &ksync, "inversion", 0);
	for (unsigned int i = 0; i < sizeof(locks) / sizeof(*locks); i++)
		show_lock(&locks[i]);
}
