// SPDX-License-Identifier: GPL-2.0
/*
 * Threads count under one lock.  Throughput and waiting times are measured
 * apart, since looking at the clock costs more than a lock.  A count that is
 * not the sum of what the threads did ends the bench: the lock is broken.
 */
#include <pthread.h>
#include <stdalign.h>
#include <stdio.h>
#include <unistd.h>
#include "bench.h"

#define COUNT(array)	(sizeof(array) / sizeof(*(array)))
#define THREADS_MAX	64
#define SUB		8	/* buckets of the histogram to each power of 2 */
#define BUCKETS		(64 * SUB)

struct task {
	alignas(64) pthread_t thread;
	bool timed;
	uint64_t ops;
	uint64_t longest;
	uint32_t waits[BUCKETS];
};

static struct task tasks[THREADS_MAX];
static const struct lock *lock;
static pthread_barrier_t start;
static alignas(64) bool stop;
static alignas(64) uint64_t counter;

/* Turns of an empty loop in the critical section, besides the count. */
static int work;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static void critical_section(void)
{
	counter++;
	for (int i = 0; i < work; i++)
		asm volatile("" ::: "memory");
}

static void count(struct task *t)
{
	must(lock->lock(), lock->name);
	critical_section();
	must(lock->unlock(), lock->name);
	t->ops++;
}

/* Eight to each power of two, and one for each of the first eight. */
static unsigned int bucket(uint64_t ns)
{
	unsigned int shift;

	if (ns < SUB)
		return ns;
	shift = 60 - __builtin_clzll(ns);
	return (shift + 1) * SUB + (ns >> shift) % SUB;
}

static double bucket_ns(unsigned int i)
{
	if (i < SUB)
		return i;
	return (double)((uint64_t)(SUB + i % SUB) << (i / SUB - 1));
}

static void count_timed(struct task *t)
{
	uint64_t begin = now_ns(), ns;

	must(lock->lock(), lock->name);
	ns = now_ns() - begin;
	critical_section();
	must(lock->unlock(), lock->name);
	t->ops++;
	t->waits[bucket(ns)]++;
	if (ns > t->longest)
		t->longest = ns;
}

static void *run_task(void *arg)
{
	struct task *t = arg;

	pthread_barrier_wait(&start);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		if (t->timed)
			count_timed(t);
		else
			count(t);
	}
	return NULL;
}

/* Returns the time it took. */
static double run(int threads, bool timed)
{
	double begin, end;

	counter = 0;
	stop = false;
	memset(tasks, 0, sizeof(tasks));
	pthread_barrier_init(&start, NULL, threads + 1);
	for (int i = 0; i < threads; i++) {
		tasks[i].timed = timed;
		must(-pthread_create(&tasks[i].thread, NULL, run_task,
				     &tasks[i]), "thread");
	}
	pthread_barrier_wait(&start);
	begin = now();
	usleep(seconds * 1e6);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	end = now();
	for (int i = 0; i < threads; i++)
		pthread_join(tasks[i].thread, NULL);
	pthread_barrier_destroy(&start);
	return end - begin;
}

static uint64_t total_ops(int threads)
{
	uint64_t ops = 0;

	for (int i = 0; i < threads; i++)
		ops += tasks[i].ops;
	if (ops != counter)
		errx(1, "%s: counted to %lu in %lu turns: it does not exclude",
		     lock->name, (unsigned long)counter, (unsigned long)ops);
	return ops;
}

static double longest_us(int threads)
{
	uint64_t longest = 0;

	for (int i = 0; i < threads; i++)
		if (tasks[i].longest > longest)
			longest = tasks[i].longest;
	return longest / 1e3;
}

static double p99_us(int threads, uint64_t ops)
{
	uint64_t left = ops / 100;
	unsigned int i = BUCKETS;

	do {
		uint64_t here = 0;

		i--;
		for (int t = 0; t < threads; t++)
			here += tasks[t].waits[i];
		if (here > left)
			break;
		left -= here;
	} while (i);
	return bucket_ns(i) / 1e3;
}

static void measure(const char *bench, int threads, int round)
{
	double took = run(threads, false);
	uint64_t ops = total_ops(threads);

	printf("@ bench=%s threads=%d lock=%s round=%d ns_op=%.1f", bench,
	       threads, lock->name, round, took * 1e9 / (ops ? ops : 1));
	run(threads, true);
	ops = total_ops(threads);
	printf(" longest_us=%.1f p99_us=%.2f\n", longest_us(threads),
	       p99_us(threads, ops));
}

/* The locks take turns at going first. */
static void measure_all(const char *bench, const struct lock *const *locks,
			int nr, int threads)
{
	printf("%s: %d threads, %d rounds of %d locks\n", bench, threads,
	       rounds, nr);
	for (int round = 0; round < rounds; round++) {
		for (int i = 0; i < nr; i++) {
			lock = locks[(i + round) % nr];
			measure(bench, threads, round);
		}
	}
}

void bench_mutexes(void)
{
	static const struct lock *const locks[] = {
		&normal_lock, &pi_lock, &futex_lock, &mutex_lock, &strict_lock,
	};
	const char *bench = on_plain_memory ? "contended-native" : "contended";
	const unsigned int nr = on_plain_memory ? 3 : COUNT(locks);

	for (unsigned int i = 0; i < nr; i++)
		locks[i]->init();
	for (int threads = 2; threads <= 8; threads *= 2)
		measure_all(bench, locks, nr, threads);
}

/*
 * As many threads as CPUs, twice and four times as many.  What a preempted
 * owner costs depends on how much of its time it owns the lock: once with a
 * short critical section (about half a microsecond under emulation), once with
 * ten times that.
 */
void bench_spins(void)
{
	static const struct lock *const locks[] = {
		&busy_lock, &spin_lock,
	};
	int cpus = sysconf(_SC_NPROCESSORS_ONLN);

	for (unsigned int i = 0; i < COUNT(locks); i++)
		locks[i]->init();
	for (int n = 1; n <= 4 && n * cpus <= THREADS_MAX; n *= 2) {
		work = 300;
		measure_all("spin-short", locks, COUNT(locks), n * cpus);
		work = 3000;
		measure_all("spin-long", locks, COUNT(locks), n * cpus);
	}
	work = 0;
}
