// SPDX-License-Identifier: GPL-2.0
/*
 * Wake-ups under load: threads of four real-time priorities wait for one object
 * and are woken at once; how long until each of them runs?  On each processor a
 * normal thread computes, and one of a priority above the lowest works half of
 * the time.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdalign.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "bench.h"
#include "hist.h"

#define WAITERS		4
#define STEP		10	/* they have FIFO 10, 20, 30, 40 */
#define LOAD		15
#define WAKER		60
#define WORK_NS		2000000
#define CPUS_MAX	64

/**
 * struct bell - what they wait for
 * @name: in results
 * @init: before its first use
 * @wait: until it is rung for turn @t
 * @ring: for all who wait, for turn @t
 */
struct bell {
	const char *name;
	void (*init)(void);
	void (*wait)(uint32_t t);
	void (*ring)(uint32_t t);
};

static sem_t posix;
static int fd;
static uint32_t futex_word;
static pthread_mutex_t glibc_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t glibc_cond = PTHREAD_COND_INITIALIZER;
static struct ksync_sem sem;
static struct ksync_waitq waitq;
static struct ksync_mutex mutex;
static struct ksync_cond cond;
static uint32_t rung;	/* until which turn: under the mutex of a condition variable */

static void init_posix(void)
{
	if (sem_init(&posix, 0, 0))
		err(1, "sem_init");
}

static void wait_posix(uint32_t t)
{
	(void)t;
	if (sem_wait(&posix))
		err(1, "sem_wait");
}

static void ring_posix(uint32_t t)
{
	(void)t;
	for (int i = 0; i < WAITERS; i++)
		sem_post(&posix);
}

static void init_eventfd(void)
{
	fd = eventfd(0, EFD_SEMAPHORE);
	if (fd < 0)
		err(1, "eventfd");
}

static void wait_eventfd(uint32_t t)
{
	uint64_t value;

	(void)t;
	if (read(fd, &value, sizeof(value)) < 0)
		err(1, "read");
}

static void ring_eventfd(uint32_t t)
{
	const uint64_t all = WAITERS;

	(void)t;
	if (write(fd, &all, sizeof(all)) < 0)
		err(1, "write");
}

static void init_nothing(void)
{
}

static void wait_futex(uint32_t t)
{
	uint32_t seen;

	while ((seen = __atomic_load_n(&futex_word, __ATOMIC_ACQUIRE)) != t)
		syscall(SYS_futex, &futex_word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static void ring_futex(uint32_t t)
{
	__atomic_store_n(&futex_word, t, __ATOMIC_RELEASE);
	syscall(SYS_futex, &futex_word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void init_waitq(void)
{
	must(ksync_waitq_init(&waitq, domain(), 0), "waitq");
}

static void wait_waitq(uint32_t t)
{
	uint32_t *word = (uint32_t *)ksync_waitq_word(&waitq);
	uint32_t seen;
	int ret;

	while ((seen = __atomic_load_n(word, __ATOMIC_ACQUIRE)) != t) {
		ret = ksync_waitq_wait(&waitq, seen);
		if (ret != -EAGAIN)
			must(ret, "wait");
	}
}

static void ring_waitq(uint32_t t)
{
	__atomic_store_n((uint32_t *)ksync_waitq_word(&waitq), t, __ATOMIC_RELEASE);
	must(ksync_waitq_wake(&waitq, INT_MAX), "wake");
}

static void init_sem(void)
{
	must(ksync_sem_init(&sem, domain(), 0, 0), "sem");
}

static void wait_sem(uint32_t t)
{
	(void)t;
	must(ksync_sem_wait(&sem), "sem");
}

static void ring_sem(uint32_t t)
{
	(void)t;
	must(ksync_sem_post_n(&sem, WAITERS), "post");
}

static void wait_glibc_cond(uint32_t t)
{
	pthread_mutex_lock(&glibc_mutex);
	while (rung != t)
		pthread_cond_wait(&glibc_cond, &glibc_mutex);
	pthread_mutex_unlock(&glibc_mutex);
}

static void ring_glibc_cond(uint32_t t)
{
	pthread_mutex_lock(&glibc_mutex);
	rung = t;
	pthread_cond_broadcast(&glibc_cond);
	pthread_mutex_unlock(&glibc_mutex);
}

static void init_cond(void)
{
	must(ksync_mutex_init(&mutex, domain(), 0), "mutex");
	must(ksync_cond_init(&cond, domain(), 0), "cond");
}

static void wait_cond(uint32_t t)
{
	must(ksync_mutex_lock(&mutex), "lock");
	while (rung != t)
		must(ksync_cond_wait(&cond, &mutex), "wait");
	must(ksync_mutex_unlock(&mutex), "unlock");
}

static void ring_cond(uint32_t t)
{
	must(ksync_mutex_lock(&mutex), "lock");
	rung = t;
	must(ksync_cond_broadcast(&cond), "broadcast");
	must(ksync_mutex_unlock(&mutex), "unlock");
}

static const struct bell bells[] = {
	{ "futex", init_nothing, wait_futex, ring_futex },
	{ "ksync-waitq", init_waitq, wait_waitq, ring_waitq },
	{ "glibc-sem", init_posix, wait_posix, ring_posix },
	{ "eventfd", init_eventfd, wait_eventfd, ring_eventfd },
	{ "ksync-sem", init_sem, wait_sem, ring_sem },
	{ "glibc-cond", init_nothing, wait_glibc_cond, ring_glibc_cond },
	{ "ksync-cond", init_cond, wait_cond, ring_cond },
};

struct waiter {
	alignas(64) pthread_t thread;
	int priority;
	pid_t tid;
	struct hist times;
};

static const struct bell *bell;
static struct waiter waiters[WAITERS];
static int turns;
static uint32_t turn;	/* the one that is on */
static int ready, woken;	/* waiters, in this turn */
static uint64_t rung_at;
static bool stop;

/* The waker outranks all others: it does not keep a processor while it waits. */
static void pause_ns(long ns)
{
	nanosleep(&(struct timespec){ .tv_nsec = ns }, NULL);
}

static void *run_waiter(void *arg)
{
	struct waiter *w = arg;
	uint32_t t = turn;

	be_realtime(w->priority);
	w->tid = my_tid();
	for (int i = 0; i < turns; i++, t++) {
		while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != t)
			pause_ns(200000);
		__atomic_add_fetch(&ready, 1, __ATOMIC_RELEASE);
		bell->wait(t);
		hist_add(&w->times, now_ns() - __atomic_load_n(&rung_at, __ATOMIC_RELAXED));
		__atomic_add_fetch(&woken, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void await(const int *word)
{
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != WAITERS)
		pause_ns(500000);
}

static void *work_half(void *cpu)
{
	uint64_t end;

	pin((intptr_t)cpu);
	be_realtime(LOAD);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		end = now_ns() + WORK_NS;
		while (now_ns() < end)
			;
		pause_ns(WORK_NS);
	}
	return NULL;
}

static void *compute(void *cpu)
{
	pin((intptr_t)cpu);
	be_realtime(0);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		;
	return NULL;
}

static void run_turn(void)
{
	await(&ready);
	for (int i = 0; i < WAITERS; i++)
		while (!asleep(waiters[i].tid))
			pause_ns(100000);
	__atomic_store_n(&rung_at, now_ns(), __ATOMIC_RELAXED);
	bell->ring(turn);
	await(&woken);
	ready = 0;
	woken = 0;
	__atomic_add_fetch(&turn, 1, __ATOMIC_RELEASE);
}

static void run(void)
{
	memset(waiters, 0, sizeof(waiters));
	for (int i = 0; i < WAITERS; i++) {
		waiters[i].priority = STEP * (i + 1);
		must(-pthread_create(&waiters[i].thread, NULL, run_waiter, &waiters[i]),
		     "thread");
	}
	for (int i = 0; i < turns; i++)
		run_turn();
	for (int i = 0; i < WAITERS; i++)
		pthread_join(waiters[i].thread, NULL);
}

static void say(int round)
{
	for (int i = 0; i < WAITERS; i++) {
		printf("@ bench=wake-priority threads=%d lock=%s round=%d",
		       waiters[i].priority, bell->name, round);
		hist_print(&waiters[i].times);
		printf("\n");
	}
}

void bench_priorities(void)
{
	const int cpus = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t load[2 * CPUS_MAX];
	int n = 0;

	for (int i = 0; i < COUNT(bells); i++)
		bells[i].init();
	be_realtime(WAKER);
	turns = at_most(60, 25, 3);
	turn = 1;
	stop = false;
	for (intptr_t cpu = 0; cpu < cpus && cpu < CPUS_MAX; cpu++) {
		must(-pthread_create(&load[n++], NULL, work_half, (void *)cpu), "thread");
		must(-pthread_create(&load[n++], NULL, compute, (void *)cpu), "thread");
	}
	printf("wake-ups by priority: %d rounds of %d objects\n", rounds, COUNT(bells));
	for (int round = 0; round < rounds; round++) {
		for (int i = 0; i < COUNT(bells); i++) {
			bell = &bells[(i + round) % COUNT(bells)];
			run();
			say(round);
		}
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < n; i++)
		pthread_join(load[i], NULL);
	be_realtime(0);
}
