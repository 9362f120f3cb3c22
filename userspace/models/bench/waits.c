// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * What it costs to wait for a semaphore of libksync: a task, and a thread beside it.
 *
 *	waits park	until a task that is to wait has left its processor to the next
 *	waits turn	a task and a plain thread take turns, there and back
 *	waits threads	two plain threads do
 *
 * prints one number, nanoseconds.  KSYNC_MODELS_RING=0: by carriers; KSYNC_BACKEND as
 * for libksync.
 */
#include <err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ksync/task_sync.h>

#define TURNS	20000L
#define PARKS	2000L
#define ROUNDS	10

static struct ksync_sem to, back;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static void must(int ret)
{
	if (ret < 0)
		errx(1, "%s", strerror(-ret));
}

static void *answer(void *n)
{
	for (long i = 0; i < (long)n; i++) {
		must(ksync_task_sem_wait(&to));
		must(ksync_sem_post(&back));
	}
	return NULL;
}

static void ask(long n)
{
	for (long i = 0; i < n; i++) {
		must(ksync_sem_post(&to));
		must(ksync_task_sem_wait(&back));
	}
}

static double turn(void)
{
	pthread_t thread;
	double t;

	must(-pthread_create(&thread, NULL, answer, (void *)(TURNS + 100)));
	ask(100);
	t = now();
	ask(TURNS);
	t = now() - t;
	pthread_join(thread, NULL);
	return t / TURNS;
}

static long parked;

static void *wait_once(void *arg)
{
	parked++;
	must(ksync_task_sem_wait(&to));
	return arg;
}

/* With one proc: all of them have parked when this one is run again. */
static double park(void)
{
	struct ksync_task *t[PARKS];
	double sum = 0, start;
	int round;
	long i;

	for (round = 0; round <= ROUNDS; round++) {
		for (i = 0; i < PARKS; i++)
			must(ksync_task_spawn(&t[i], wait_once, NULL, NULL));
		parked = 0;
		start = now();
		while (parked < PARKS)
			ksync_task_yield();
		sum += round ? now() - start : 0; /* threads are made in the first */
		must(ksync_sem_post_n(&to, PARKS));
		for (i = 0; i < PARKS; i++)
			must(ksync_task_join(t[i], NULL));
	}
	return sum / PARKS / ROUNDS;
}

static double figure;

static void *run(void *what)
{
	figure = *(char *)what == 'p' ? park() : turn();
	return NULL;
}

int main(int argc, char **argv)
{
	const struct ksync_sched_opts opts = { .procs = 1 };
	struct ksync_sched *s;
	struct ksync *d;

	if (argc != 2 || !strchr("pt", *argv[1]))
		errx(2, "usage: waits park|turn|threads");
	must(ksync_open(&d, getenv("KSYNC_BACKEND") ? 0 : KSYNC_OPEN_FALLBACK));
	must(ksync_sem_init(&to, d, 0, 0));
	must(ksync_sem_init(&back, d, 0, 0));
	must(ksync_sched_start(&s, &opts));
	if (!strcmp(argv[1], "threads"))
		figure = turn();
	else
		must(ksync_sched_run(s, run, argv[1], NULL));
	must(ksync_sched_stop(s));
	printf("%.0f\n", figure);
	return 0;
}
