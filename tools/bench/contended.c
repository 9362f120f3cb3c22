// SPDX-License-Identifier: GPL-2.0
/*
 * Threads count under one lock.  Throughput and waiting times are measured
 * apart, since looking at the clock costs more than a lock.  A count that is
 * not the sum of what the threads did ends the bench: the lock is broken.
 *
 * With a mutex to itself a thread waits for its CPU alone: the scheduler lets others
 * run for so long, whatever the lock, unless these have to sleep for it.
 */
#include <pthread.h>
#include <stdalign.h>
#include <stdio.h>
#include <unistd.h>
#include "bench.h"
#include "hist.h"

struct task {
	alignas(64) pthread_t thread;
	int number;
	bool timed;
	double begin, end;
	uint64_t ops;
	struct hist waits;
};

static struct task tasks[THREADS_MAX];
static const struct lock *lock;
static pthread_barrier_t start;
static alignas(64) bool stop;
static alignas(64) uint64_t counter;

/* How long each runs: rare long waits take time to be seen. */
static double duration;

/* Turns of an empty loop in the critical section, besides the count. */
static int work;

/* Run the threads by turns at the lowest real-time priority. */
static bool realtime;

/* In two steps, so that an update can get lost even where there is one CPU. */
static void critical_section(void)
{
	const uint64_t seen = __atomic_load_n(&counter, __ATOMIC_RELAXED);

	for (int i = 0; i < work; i++)
		asm volatile("" ::: "memory");
	__atomic_store_n(&counter, seen + 1, __ATOMIC_RELAXED);
}

static void count(struct task *t)
{
	must(lock->lock(), lock->name);
	critical_section();
	must(lock->unlock(), lock->name);
	t->ops++;
}

static void count_timed(struct task *t)
{
	uint64_t begin = now_ns(), ns;

	must(lock->lock(), lock->name);
	ns = now_ns() - begin;
	critical_section();
	must(lock->unlock(), lock->name);
	t->ops++;
	hist_add(&t->waits, ns);
}

static void *run_task(void *arg)
{
	const struct sched_param low = { .sched_priority = 1 };
	struct task *t = arg;

	if (realtime)
		must(-pthread_setschedparam(pthread_self(), SCHED_RR, &low), "SCHED_RR");
	if (lock->enter)
		lock->enter(t->number);
	/* The first time a thread meets a lock may take longer. */
	must(lock->lock(), lock->name);
	must(lock->unlock(), lock->name);
	pthread_barrier_wait(&start);
	t->begin = now();
	do {
		if (t->timed)
			count_timed(t);
		else
			count(t);
	} while (!__atomic_load_n(&stop, __ATOMIC_RELAXED));
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

/* Returns the time it took. */
static double run(int threads, bool timed)
{
	counter = 0;
	stop = false;
	memset(tasks, 0, sizeof(tasks));
	pthread_barrier_init(&start, NULL, threads + 1);
	for (int i = 0; i < threads; i++) {
		tasks[i].timed = timed;
		tasks[i].number = i;
		must(-pthread_create(&tasks[i].thread, NULL, run_task,
				     &tasks[i]), "thread");
	}
	pthread_barrier_wait(&start);
	usleep(duration * 1e6);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < threads; i++)
		pthread_join(tasks[i].thread, NULL);
	pthread_barrier_destroy(&start);
	return elapsed(threads);
}

static uint64_t total_ops(int threads)
{
	uint64_t ops = 0;

	for (int i = 0; i < threads; i++)
		ops += tasks[i].ops;
	if (ops != counter && !lock->apart)
		errx(1, "%s: counted to %lu in %lu turns: it does not exclude",
		     lock->name, (unsigned long)counter, (unsigned long)ops);
	return ops;
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

static void measure(const char *bench, int threads, int round)
{
	static struct hist waits;
	double took = run(threads, false);
	uint64_t ops = total_ops(threads);

	printf("@ bench=%s threads=%d lock=%s round=%d ns_op=%.3f jain=%.4f", bench,
	       threads, lock->name, round, took * 1e9 / ops, fairness(threads));
	run(threads, true);
	total_ops(threads);
	memset(&waits, 0, sizeof(waits));
	for (int i = 0; i < threads; i++)
		hist_merge(&waits, &tasks[i].waits);
	printf(" longest_us=%.3f p99_us=%.3f\n", waits.longest / 1e3, hist_us(&waits, 0.99));
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

static void init_all(const struct lock *const *locks, int nr)
{
	for (int i = 0; i < nr; i++)
		locks[i]->init();
}

static void sweep(const char *bench, const struct lock *const *locks, int nr)
{
	for (int threads = 1; threads <= THREADS_MAX; threads *= 2)
		measure_all(bench, locks, nr, threads);
}

void bench_mutexes(void)
{
	static const struct lock *const natively[] = {
		&normal_lock, &pi_lock, &robust_lock, &drepper_lock, &futex_lock, &busted_lock,
	};
	static const struct lock *const locks[] = {
		&normal_lock, &pi_lock, &robust_lock, &drepper_lock, &futex_lock,
		&mutex_lock, &strict_lock, &own_lock, &busted_lock,
	};
	static const struct lock *const sems[] = {
		&posix_lock, &eventfd_sem_lock, &sem_lock,
	};
	const int nr = (on_plain_memory ? COUNT(natively) : COUNT(locks)) - !with_busted;

	init_all(on_plain_memory ? natively : locks, nr);
	if (on_plain_memory) {
		duration = seconds;
		sweep("contended-native", natively, nr);
		return;
	}
	duration = 3 * seconds;
	sweep("contended", locks, nr);
	duration = seconds;
	init_all(sems, COUNT(sems));
	sweep("contended-sem", sems, COUNT(sems));
}

/* glibc's refuse threads that are not real-time: there these are, by turns. */
void bench_protects(void)
{
	static const struct lock *const locks[] = {
		&glibc_protect_lock, &protect_lock,
	};

	init_all(locks, COUNT(locks));
	be_realtime(3);
	realtime = true;
	duration = seconds;
	sweep("protect", locks, COUNT(locks));
	realtime = false;
	be_realtime(0);
}

/*
 * What a preempted owner costs depends on how much of its time it owns the lock:
 * once with a short critical section (about half a microsecond under emulation);
 * and with ten times that, and as many threads as CPUs, twice and four times as
 * many.
 */
void bench_spins(void)
{
	static const struct lock *const locks[] = {
		&busy_lock, &spin_lock, &fas_lock, &ticket_lock, &mcs_lock,
	};
	int cpus = sysconf(_SC_NPROCESSORS_ONLN);

	init_all(locks, COUNT(locks));
	duration = seconds;
	work = 300;
	sweep("spin-short", locks, COUNT(locks));
	work = 3000;
	for (int n = 1; n <= 4 && n * cpus <= THREADS_MAX; n *= 2)
		measure_all("spin-long", locks, 2, n * cpus);
	work = 0;
}
