// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Tasks and threads share a semaphore, which counts free seats, and a mutex. */
#include <err.h>
#include <pthread.h>
#include <string.h>
#include <ksync/task_sync.h>

enum { TASKS = 100, THREADS = 4, VISITS = 50, SEATS = 10 };

static struct ksync_sem seats;
static struct ksync_mutex mutex;
static long visits, seated, most;

static void must(int ret)
{
	if (ret)
		errx(1, "locks: %s", strerror(-ret));
}

static void visit(int by)
{
	must(ksync_task_mutex_lock(&mutex));
	seated += by;
	visits += by > 0;
	most = seated > most ? seated : most;
	must(ksync_task_mutex_unlock(&mutex));
}

/* The same for tasks, which wait without their threads, and for threads. */
static void *guest(void *arg)
{
	for (int i = 0; i < VISITS; i++) {
		must(ksync_task_sem_wait(&seats));
		visit(1);
		ksync_task_yield();
		visit(-1);
		must(ksync_sem_post(&seats));
	}
	return arg;
}

int main(void)
{
	pthread_t p[THREADS];
	struct ksync_task *t[TASKS];
	struct ksync_sched *s;
	struct ksync *d;

	must(ksync_open(&d, KSYNC_OPEN_FALLBACK));
	must(ksync_sem_init(&seats, d, SEATS, 0));
	must(ksync_mutex_init(&mutex, d, 0));
	must(ksync_sched_start(&s, NULL));
	for (int i = 0; i < TASKS; i++)
		must(ksync_sched_spawn(s, &t[i], guest, NULL, NULL));
	for (int i = 0; i < THREADS; i++)
		must(-pthread_create(&p[i], NULL, guest, NULL));
	for (int i = 0; i < TASKS + THREADS; i++)
		must(i < TASKS ? ksync_task_join(t[i], NULL) : -pthread_join(p[i - TASKS], NULL));
	return ksync_sched_stop(s) || most > SEATS || visits != VISITS * (TASKS + THREADS);
}
