// SPDX-License-Identifier: GPL-2.0
/*
 *	pthreads [-q|-t] LABEL ROUND
 *
 * What POSIX threads' objects cost, by pthreads alone: tools/bench/in_turn runs
 * it plain and under ksync-run.  LABEL says which of the two in the results,
 * which are lines like those of bench (bench.h).
 */
#include <err.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array)	(sizeof(array) / sizeof(*(array)))

static pthread_mutex_t normal = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t errorcheck = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_mutex_t pi, robust;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_spinlock_t spin;
static sem_t sem;
static double seconds = 0.1;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void must(int error, const char *what)
{
	if (error)
		errx(1, "%s: %s", what, strerror(error));
}

/* A function that does so many times what is in @body, which is 0 if it succeeds. */
#define DEFINE_LOOP(name, body)			\
static void loop_##name(long times)		\
{						\
	while (times--)				\
		if (body)			\
			errx(1, #name " fails");	\
}

DEFINE_LOOP(normal, pthread_mutex_lock(&normal) || pthread_mutex_unlock(&normal))
DEFINE_LOOP(trylock, pthread_mutex_trylock(&normal) || pthread_mutex_unlock(&normal))
DEFINE_LOOP(recursive, pthread_mutex_lock(&recursive) || pthread_mutex_unlock(&recursive))
DEFINE_LOOP(errorcheck, pthread_mutex_lock(&errorcheck) || pthread_mutex_unlock(&errorcheck))
DEFINE_LOOP(pi, pthread_mutex_lock(&pi) || pthread_mutex_unlock(&pi))
DEFINE_LOOP(robust, pthread_mutex_lock(&robust) || pthread_mutex_unlock(&robust))
DEFINE_LOOP(read, pthread_rwlock_rdlock(&rwlock) || pthread_rwlock_unlock(&rwlock))
DEFINE_LOOP(write, pthread_rwlock_wrlock(&rwlock) || pthread_rwlock_unlock(&rwlock))
DEFINE_LOOP(spin, pthread_spin_lock(&spin) || pthread_spin_unlock(&spin))
DEFINE_LOOP(sem, sem_post(&sem) || sem_wait(&sem))
DEFINE_LOOP(signal, pthread_cond_signal(&cond))

static const struct operation {
	const char *name;
	void (*loop)(long times);
} operations[] = {
	{ "mutex", loop_normal },
	{ "mutex-trylock", loop_trylock },
	{ "mutex-recursive", loop_recursive },
	{ "mutex-errorcheck", loop_errorcheck },
	{ "mutex-pi", loop_pi },
	{ "mutex-robust", loop_robust },
	{ "rwlock-read", loop_read },
	{ "rwlock-write", loop_write },
	{ "spin", loop_spin },
	{ "sem", loop_sem },
	{ "cond-signal", loop_signal },
};

static void init(void)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	must(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT), "PI");
	must(pthread_mutex_init(&pi, &attr), "mutex");
	pthread_mutexattr_init(&attr);
	must(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST), "robust");
	must(pthread_mutex_init(&robust, &attr), "mutex");
	must(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE), "spin");
	if (sem_init(&sem, 0, 0))
		err(1, "semaphore");
}

/* In a process of one thread glibc's locks do without atomic instructions. */
static void *idle(void *unused)
{
	pause();
	return unused;
}

static void measure(const struct operation *op, const char *label, int round)
{
	long times = 500;
	double begin, took;

	do {
		times *= 2;
		begin = now();
		op->loop(times);
		took = now() - begin;
	} while (took < seconds / 2);
	printf("@ bench=pthreads threads=1 op=%s lock=%s round=%d ns_op=%.3f\n", op->name,
	       label, round, took * 1e9 / times);
}

/* Two threads count under one mutex. */

static long counter;
static int stop;

static void *count(void *mutex)
{
	long n = 0;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		must(pthread_mutex_lock(mutex), "lock");
		counter++;
		must(pthread_mutex_unlock(mutex), "unlock");
		n++;
	}
	return (void *)n;
}

static void contend(const char *name, pthread_mutex_t *mutex, const char *label, int round)
{
	double begin = now(), took;
	long sum = 0;
	pthread_t threads[2];
	void *n;

	counter = 0;
	__atomic_store_n(&stop, 0, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++)
		must(pthread_create(&threads[i], NULL, count, mutex), "thread");
	usleep(seconds * 4e6);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	took = now() - begin;
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], &n);
		sum += (long)n;
	}
	if (sum != counter)
		errx(1, "%s: an update was lost", name);
	printf("@ bench=pthreads threads=2 op=%s lock=%s round=%d ns_op=%.3f\n", name,
	       label, round, took * 1e9 / sum);
}

/* Two threads wake each other in turn. */

static pthread_cond_t turn[2] = { PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER };
static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;
static int whose, turns;

static void play(int player)
{
	must(pthread_mutex_lock(&table), "lock");
	for (int i = 0; i < turns; i++) {
		while (whose != player)
			must(pthread_cond_wait(&turn[player], &table), "wait");
		whose = !player;
		must(pthread_cond_signal(&turn[whose]), "signal");
	}
	must(pthread_mutex_unlock(&table), "unlock");
}

static void *other(void *unused)
{
	play(1);
	return unused;
}

static void ping_pong(const char *label, int round)
{
	double begin = now();
	pthread_t thread;

	turns = seconds * 5000 + 1;
	must(pthread_create(&thread, NULL, other, NULL), "thread");
	play(0);
	pthread_join(thread, NULL);
	printf("@ bench=pthreads threads=2 op=cond-ping-pong lock=%s round=%d ns_op=%.3f\n",
	       label, round, (now() - begin) * 1e9 / turns);
}

int main(int argc, char **argv)
{
	const char *label;
	pthread_t thread;
	int round;

	if (argc > 1 && (!strcmp(argv[1], "-q") || !strcmp(argv[1], "-t"))) {
		seconds = argv[1][1] == 'q' ? 0.05 : 0.004;
		argc--;
		argv++;
	}
	if (argc != 3)
		errx(2, "usage: pthreads [-q|-t] LABEL ROUND");
	label = argv[1];
	round = atoi(argv[2]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	init();
	must(pthread_create(&thread, NULL, idle, NULL), "thread");
	pthread_detach(thread);
	for (unsigned int i = 0; i < COUNT(operations); i++)
		measure(&operations[i], label, round);
	contend("mutex-contended", &normal, label, round);
	contend("mutex-pi-contended", &pi, label, round);
	ping_pong(label, round);
	return 0;
}
