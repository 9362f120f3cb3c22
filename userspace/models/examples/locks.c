// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Tasks and threads share a semaphore, which counts free seats, and a mutex. */
#include <err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <ksync/task_sync.h>

enum { TASKS = 100, THREADS = 4, VISITS = 50, SEATS = 10 };

static struct ksync_sem seats;
static struct ksync_mutex mutex;
static struct ksync_latch done;
static long visits, seated, most;

static int visit(int by)
{
	if (ksync_task_mutex_lock(&mutex))
		return -1;
	seated += by;
	visits += by > 0;
	most = seated > most ? seated : most;
	return ksync_task_mutex_unlock(&mutex);
}

/* The same for tasks, which wait without their threads, and for threads. */
static void *guest(void *arg)
{
	for (int i = 0; i < VISITS; i++) {
		if (ksync_task_sem_wait(&seats) || visit(1))
			abort();
		ksync_task_yield();
		if (visit(-1) || ksync_sem_post(&seats))
			abort();
	}
	ksync_latch_count_down(&done, 1);
	return arg;
}

int main(void)
{
	pthread_t threads[THREADS];
	struct ksync_sched *s;
	struct ksync *d;
	int ret = ksync_open(&d, KSYNC_OPEN_FALLBACK);

	if (ret || (ret = ksync_sem_init(&seats, d, SEATS, 0)) ||
	    (ret = ksync_latch_init(&done, d, TASKS + THREADS)) ||
	    (ret = ksync_mutex_init(&mutex, d, 0)) || (ret = ksync_sched_start(&s, NULL)))
		errx(1, "locks: %s", strerror(-ret));
	for (int i = 0; i < TASKS && !ret; i++)
		ret = ksync_sched_spawn(s, NULL, guest, NULL, NULL);
	for (int i = 0; i < THREADS && !ret; i++)
		ret = -pthread_create(&threads[i], NULL, guest, NULL);
	if (ret || (ret = ksync_latch_wait(&done)))
		errx(1, "locks: %s", strerror(-ret));
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return ksync_sched_stop(s) || most > SEATS || visits != (TASKS + THREADS) * VISITS;
}
