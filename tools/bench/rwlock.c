// SPDX-License-Identifier: GPL-2.0
/*
 * Threads read and now and then write two numbers under one reader-writer lock.
 * As for mutexes, throughput and waits are measured apart.  A reader that sees
 * half a change, or a change that is lost, ends the bench: the lock is broken.
 */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
#include "rwlocks.h"

/**
 * struct task - a thread
 * @thread: which
 * @timed: measure waits
 * @begin: when it began to
 * @end: when it was told to stop
 * @dice: decides whether to write
 * @number: of the thread
 * @ops: how often it was in
 * @writes: how often for writing
 * @longest: wait of each sort, in seconds
 */
struct task {
	alignas(64) pthread_t thread;
	bool timed;
	double begin, end;
	uint32_t dice;
	int number;
	uint64_t ops;
	uint64_t writes;
	double longest[2];
};

static struct task tasks[THREADS_MAX];
static const struct rwlock *lock;
static unsigned int percent;
static pthread_barrier_t start;
static alignas(64) bool stop;

static void section(bool write)
{
	const struct pair *seen;

	if (write) {
		drawn->a++;
		drawn->b++;
		return;
	}
	seen = __atomic_load_n(&shown, __ATOMIC_CONSUME);
	if (__atomic_load_n(&seen->a, __ATOMIC_RELAXED) !=
	    __atomic_load_n(&seen->b, __ATOMIC_RELAXED))
		errx(1, "%s: a reader sees half a change: it does not exclude", lock->name);
}

static void turn(struct task *t)
{
	double begin = t->timed ? now() : 0, waited;
	bool write;

	t->dice = t->dice * 1664525 + 1013904223;
	write = (t->dice >> 16) % 100 < percent;
	must(write ? lock->write() : lock->read(), lock->name);
	waited = t->timed ? now() - begin : 0;
	section(write);
	must(write ? lock->write_unlock() : lock->read_unlock(), lock->name);
	t->ops++;
	t->writes += write;
	if (waited > t->longest[write])
		t->longest[write] = waited;
}

/* However short the time is, one thread has waits of both sorts. */
static bool lacks(const struct task *t)
{
	return t->timed && (!t->writes || t->writes == t->ops);
}

static void *run_task(void *arg)
{
	struct task *t = arg;

	if (lock->enter)
		lock->enter(t->number);
	/* The first time a thread meets a lock may take longer. */
	must(lock->read(), lock->name);
	must(lock->read_unlock(), lock->name);
	pthread_barrier_wait(&start);
	t->begin = now();
	do {
		turn(t);
	} while (!__atomic_load_n(&stop, __ATOMIC_RELAXED) || (t->number == 0 && lacks(t)));
	t->end = now();
	if (lock->leave)
		lock->leave();
	return NULL;
}

/* From when the first thread began until the last one ended, in seconds. */
static double elapsed(int threads)
{
	double begin = tasks[0].begin, end = tasks[0].end;

	for (int i = 1; i < threads; i++) {
		begin = tasks[i].begin < begin ? tasks[i].begin : begin;
		end = tasks[i].end > end ? tasks[i].end : end;
	}
	return end - begin;
}

/* Returns the nanoseconds of a turn. */
static double run(int threads, bool timed)
{
	uint64_t ops = 0, writes = 0;

	reset_pairs();
	stop = false;
	memset(tasks, 0, sizeof(tasks));
	pthread_barrier_init(&start, NULL, threads + 1);
	for (int i = 0; i < threads; i++) {
		tasks[i].timed = timed;
		tasks[i].dice = i;
		tasks[i].number = i;
		must(-pthread_create(&tasks[i].thread, NULL, run_task,
				     &tasks[i]), "thread");
	}
	pthread_barrier_wait(&start);
	usleep(seconds * 1e6);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < threads; i++) {
		pthread_join(tasks[i].thread, NULL);
		ops += tasks[i].ops;
		writes += tasks[i].writes;
	}
	pthread_barrier_destroy(&start);
	if (shown->a != writes || shown->b != writes)
		errx(1, "%s: counted to %lu in %lu writes: it does not exclude", lock->name,
		     (unsigned long)shown->a, (unsigned long)writes);
	return elapsed(threads) * 1e9 / ops;
}

static double longest_us(int threads, bool write)
{
	double longest = 0;

	for (int i = 0; i < threads; i++)
		if (tasks[i].longest[write] > longest)
			longest = tasks[i].longest[write];
	return longest * 1e6;
}

/* Jain's index: 1 if all threads were in as often, 1 / threads if one alone was. */
static double fairness(int threads)
{
	double sum = 0, squares = 0;

	for (int i = 0; i < threads; i++) {
		sum += tasks[i].ops;
		squares += (double)tasks[i].ops * tasks[i].ops;
	}
	return squares ? sum * sum / (threads * squares) : 1;
}

/* Nobody waits where nobody writes. */
static void measure(const char *bench, int threads, int round)
{
	printf("@ bench=%s threads=%d lock=%s round=%d ns_op=%.3f", bench, threads,
	       lock->name, round, run(threads, false));
	printf(" jain=%.4f", fairness(threads));
	if (percent) {
		run(threads, true);
		printf(" longest_read_us=%.3f longest_write_us=%.3f",
		       longest_us(threads, false), longest_us(threads, true));
	}
	printf("\n");
}

static void measure_all(const char *bench, const struct rwlock *const *locks, int nr)
{
	for (int threads = 1; threads <= THREADS_MAX; threads *= 2) {
		printf("%s: %u%% writes, %d threads, %d rounds of %d locks\n", bench,
		       percent, threads, rounds, nr);
		for (int round = 0; round < rounds; round++) {
			for (int i = 0; i < nr; i++) {
				lock = locks[(i + round) % nr];
				measure(bench, threads, round);
			}
		}
	}
}

/* Without the module ksync's fast path alone can be measured, which is to read. */
void bench_rwlocks(void)
{
	static const unsigned int percents[] = { 0, 1, 10 };
	const struct rwlock *locks[16];
	char bench[32];
	int nr = 0;

	for (int i = 0; rwlocks[i]; i++)
		if (rwlocks[i]->natively || !on_plain_memory)
			locks[nr++] = rwlocks[i];
	for (int i = 0; i < nr; i++)
		locks[i]->init();
	for (int p = 0; p < COUNT(percents); p++) {
		percent = percents[p];
		if (percent && on_plain_memory)
			break;
		snprintf(bench, sizeof(bench), on_plain_memory ? "rwlock-%u-native" :
			 "rwlock-%u", percent);
		measure_all(bench, locks, nr);
	}
	if (with_busted) {
		locks[0] = &busted_rwlock;
		percent = 10;
		measure_all("rwlock-busted", locks, 1);
	}
}
