// SPDX-License-Identifier: GPL-2.0
/* Threads that do what they are told: see pool.h. */
#include <err.h>
#include <limits.h>
#include <sched.h>
#include <semaphore.h>
#include <stddef.h>
#include <string.h>
#include "pool.h"

#define POOL_MAX	10000
#define STACK		(64 * 1024)

/**
 * struct member - a thread
 * @thread: itself
 * @go: there is something to do
 */
struct member {
	pthread_t thread;
	sem_t go;
};

static struct member members[POOL_MAX];
static int made, running;
static pool_fn job;
static sem_t done;

static void post(sem_t *s)
{
	if (sem_post(s))
		err(1, "sem_post");
}

static void wait_for(sem_t *s)
{
	while (sem_wait(s))
		;
}

static void *work(void *arg)
{
	struct member *m = arg;

	for (;;) {
		wait_for(&m->go);
		if (!job)
			return NULL;
		job(m - members);
		post(&done);
	}
}

static void make(int n)
{
	pthread_attr_t attr;
	int ret;

	if (!made)
		sem_init(&done, 0, 0);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	for (; made < n; made++) {
		sem_init(&members[made].go, 0, 0);
		ret = pthread_create(&members[made].thread, &attr, work, &members[made]);
		if (ret)
			errx(1, "thread %d of %d: %s", made, n, strerror(ret));
	}
	pthread_attr_destroy(&attr);
}

void pool_run(int n, pool_fn fn)
{
	if (n > POOL_MAX)
		errx(1, "%d threads are too many", n);
	make(n);
	job = fn;
	running = n;
	while (n--)
		post(&members[n].go);
}

void pool_wait(void)
{
	for (; running; running--)
		wait_for(&done);
}

void pool_prio(int i, int prio)
{
	const struct sched_param param = { .sched_priority = prio };
	int ret = pthread_setschedparam(members[i].thread, prio ? SCHED_FIFO : SCHED_OTHER,
					&param);

	if (ret)
		errx(1, "the priority of a thread: %s", strerror(ret));
}

pthread_t pool_thread(int i)
{
	return members[i].thread;
}

void pool_end(void)
{
	int i;

	job = NULL;
	for (i = 0; i < made; i++)
		post(&members[i].go);
	for (i = 0; i < made; i++)
		pthread_join(members[i].thread, NULL);
}
