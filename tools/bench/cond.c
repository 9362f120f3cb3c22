// SPDX-License-Identifier: GPL-2.0
/*
 * Condition variables, ksync's beside glibc's: two threads signal each other in
 * turn, and one thread broadcasts to eight, each of which then has to have had
 * the mutex.  glibc's with its normal mutex and with its PI one.
 */
#include <pthread.h>
#include <stdio.h>
#include "bench.h"

#define CROWD 8

/**
 * struct monitor - a mutex and two condition variables
 * @name: in results
 * @init: before its first use
 * @lock: the mutex
 * @unlock: the mutex
 * @wait: on one of the two, with the mutex
 * @broadcast: to one of the two
 * @signal: one of the two
 */
struct monitor {
	const char *name;
	void (*init)(void);
	int (*lock)(void);
	int (*unlock)(void);
	int (*wait)(int i);
	int (*signal)(int i);
	int (*broadcast)(int i);
};

static pthread_mutex_t normal_mutex = PTHREAD_MUTEX_INITIALIZER, pi_mutex;
static pthread_cond_t normal_cond[2] = { PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER };
static pthread_cond_t pi_cond[2] = { PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER };
static struct ksync_mutex mutex;
static struct ksync_cond cond[2];

static void init_normal(void)
{
}

static void init_pi(void)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	must(-pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT), "pi");
	must(-pthread_mutex_init(&pi_mutex, &attr), "pi");
}

static void init_ksync(void)
{
	must(ksync_mutex_init(&mutex, domain(), 0), "mutex");
	for (int i = 0; i < 2; i++)
		must(ksync_cond_init(&cond[i], domain(), 0), "cond");
}

#define GLIBC(x)							\
static int lock_##x(void)						\
{									\
	return -pthread_mutex_lock(&x##_mutex);				\
}									\
									\
static int unlock_##x(void)						\
{									\
	return -pthread_mutex_unlock(&x##_mutex);			\
}									\
									\
static int wait_##x(int i)						\
{									\
	return -pthread_cond_wait(&x##_cond[i], &x##_mutex);		\
}									\
									\
static int signal_##x(int i)						\
{									\
	return -pthread_cond_signal(&x##_cond[i]);			\
}									\
									\
static int broadcast_##x(int i)						\
{									\
	return -pthread_cond_broadcast(&x##_cond[i]);			\
}

GLIBC(normal)
GLIBC(pi)

static int lock_ksync(void)
{
	return ksync_mutex_lock(&mutex);
}

static int unlock_ksync(void)
{
	return ksync_mutex_unlock(&mutex);
}

static int wait_ksync(int i)
{
	return ksync_cond_wait(&cond[i], &mutex);
}

static int signal_ksync(int i)
{
	int ret = ksync_cond_signal(&cond[i]);

	return ret < 0 ? ret : 0;
}

static int broadcast_ksync(int i)
{
	int ret = ksync_cond_broadcast(&cond[i]);

	return ret < 0 ? ret : 0;
}

#define MONITOR(name, x)						\
	{ name, init_##x, lock_##x, unlock_##x, wait_##x, signal_##x, broadcast_##x }

static const struct monitor monitors[] = {
	MONITOR("glibc-normal", normal),
	MONITOR("glibc-pi", pi),
	MONITOR("ksync-cond", ksync),
};

static const struct monitor *m;
static int turns;
static int turn, arrived;	/* under the mutex */

/* Player 0 moves when the turn is even, player 1 when it is odd. */
static void play(int player)
{
	must(m->lock(), m->name);
	for (int i = 0; i < turns; i++) {
		while ((turn & 1) != player)
			must(m->wait(player), m->name);
		turn++;
		must(m->signal(!player), m->name);
	}
	must(m->unlock(), m->name);
}

static void *other(void *unused)
{
	play(1);
	return unused;
}

static double match(void)
{
	double begin = now();
	pthread_t thread;

	turn = 0;
	must(-pthread_create(&thread, NULL, other, NULL), "thread");
	play(0);
	pthread_join(thread, NULL);
	return now() - begin;
}

static void *listen(void *unused)
{
	must(m->lock(), m->name);
	for (int i = 0; i < turns; i++) {
		while (turn <= i)
			must(m->wait(0), m->name);
		if (++arrived == CROWD)
			must(m->signal(1), m->name);
	}
	must(m->unlock(), m->name);
	return unused;
}

static double broadcasts(void)
{
	double begin = now();
	pthread_t thread[CROWD];

	turn = 0;
	for (int i = 0; i < CROWD; i++)
		must(-pthread_create(&thread[i], NULL, listen, NULL), "thread");
	must(m->lock(), m->name);
	for (int i = 0; i < turns; i++) {
		arrived = 0;
		turn++;
		must(m->broadcast(0), m->name);
		while (arrived < CROWD)
			must(m->wait(1), m->name);
	}
	must(m->unlock(), m->name);
	for (int i = 0; i < CROWD; i++)
		pthread_join(thread[i], NULL);
	return now() - begin;
}

static void measure(const char *name, int threads, double (*run)(void))
{
	printf("%s: %d rounds\n", name, rounds);
	for (int round = 0; round < rounds; round++) {
		for (m = monitors; m < monitors + COUNT(monitors); m++)
			printf("@ bench=%s threads=%d lock=%s round=%d us_turn=%.2f\n",
			       name, threads, m->name, round, run() * 1e6 / turns);
	}
}

void bench_conds(void)
{
	for (int i = 0; i < COUNT(monitors); i++)
		monitors[i].init();
	turns = seconds * 4000 + 1;
	measure("cond-ping-pong", 2, match);
	turns = seconds * 400 + 1;
	measure("broadcast", CROWD, broadcasts);
}
