// SPDX-License-Identifier: GPL-2.0
/* Threads meet at a barrier again and again: microseconds for each time. */
#include <ck_barrier.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
#include "bench.h"

/*
 * One that waits by spinning alone takes seconds for a turn with more threads than
 * CPUs, and is measured with as many.
 */
struct meeting {
	const char *name;
	bool spins;
	void (*begin)(int threads);
	int (*wait)(void);
	void (*end)(void);
};

static pthread_barrier_t glibc;
static struct ksync_barrier barrier;

static void begin_glibc(int threads)
{
	must(-pthread_barrier_init(&glibc, NULL, threads), "pthread_barrier_init");
}

static int wait_glibc(void)
{
	int ret = pthread_barrier_wait(&glibc);

	return ret == PTHREAD_BARRIER_SERIAL_THREAD ? KSYNC_BARRIER_SERIAL : -ret;
}

static void end_glibc(void)
{
	must(-pthread_barrier_destroy(&glibc), "pthread_barrier_destroy");
}

static void begin_ksync(int threads)
{
	must(ksync_barrier_init(&barrier, domain(), threads), "barrier");
}

static int wait_ksync(void)
{
	return ksync_barrier_wait(&barrier);
}

static void end_ksync(void)
{
	must(ksync_barrier_destroy(&barrier), "destroy");
}

/* Who is the last one it does not tell: the one whose turn it is, as good as any. */
static ck_barrier_centralized_t ck;
static int parties, arrived;
static _Thread_local ck_barrier_centralized_state_t ck_state;

static void begin_ck(int threads)
{
	ck = (ck_barrier_centralized_t)CK_BARRIER_CENTRALIZED_INITIALIZER;
	parties = threads;
	arrived = 0;
}

static int wait_ck(void)
{
	const int before = __atomic_fetch_add(&arrived, 1, __ATOMIC_RELAXED);

	ck_barrier_centralized(&ck, &ck_state, parties);
	return before % parties == parties - 1 ? KSYNC_BARRIER_SERIAL : 0;
}

static void end_ck(void)
{
}

static const struct meeting meetings[] = {
	{ "glibc-barrier", false, begin_glibc, wait_glibc, end_glibc },
	{ "ck-barrier", true, begin_ck, wait_ck, end_ck },
	{ "ksync-barrier", false, begin_ksync, wait_ksync, end_ksync },
};

static const struct meeting *meeting;
static int turns;

/* Return: how often this thread was the last one. */
static void *meet(void *unused)
{
	long last = 0;

	(void)unused;
	for (int i = 0; i < turns; i++)
		last += must(meeting->wait(), meeting->name);
	return (void *)last;
}

static double measure(int threads)
{
	pthread_t thread[THREADS_MAX];
	long last = 0;
	double begin;
	void *result;

	meeting->begin(threads);
	begin = now();
	for (int i = 0; i < threads; i++)
		must(-pthread_create(&thread[i], NULL, meet, NULL), "thread");
	for (int i = 0; i < threads; i++) {
		pthread_join(thread[i], &result);
		last += (long)result;
	}
	begin = now() - begin;
	meeting->end();
	if (last != turns)
		errx(1, "%s: %ld ends of %d turns", meeting->name, last, turns);
	return begin;
}

static void measure_all(int threads, int round)
{
	const int cpus = sysconf(_SC_NPROCESSORS_ONLN);

	for (int i = 0; i < COUNT(meetings); i++) {
		meeting = &meetings[(i + round) % COUNT(meetings)];
		if (meeting->spins && threads > cpus)
			continue;
		printf("@ bench=barrier threads=%d lock=%s round=%d us_turn=%.2f\n",
		       threads, meeting->name, round, measure(threads) * 1e6 / turns);
	}
}

void bench_barriers(void)
{
	turns = seconds * 2000 + 1;
	for (int threads = 2; threads <= THREADS_MAX; threads *= 2) {
		printf("barrier: %d threads, %d rounds\n", threads, rounds);
		for (int round = 0; round < rounds; round++)
			measure_all(threads, round);
	}
}
