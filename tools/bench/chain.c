// SPDX-License-Identifier: GPL-2.0
/*
 * Chains of owners: each thread but the first has a lock and waits for that of the
 * one before.  One of high priority comes to the end of the chain, and raises all of
 * them.  Measured are
 *
 *	chain-join	the processor time it takes to wait there and to give up:
 *			the chain is followed, all are raised and put back
 *	chain-unwind	while it waits there, the time from the first one's decision
 *			to unlock until it has its lock, all others having had theirs
 */
#include <errno.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "bench.h"
#include "hist.h"

#define DEPTH_MAX	64
/* Real-time priorities. */
#define LINK		1
#define FIRST		2
#define TOP		30
#define PATIENCE_NS	300000
#define SAMPLES_MAX	64

/**
 * struct links - the locks of a chain
 * @name: in results
 * @init: one of them
 * @lock: it
 * @unlock: it
 * @try_until: lock it until a point in time of CLOCK_REALTIME; -ETIMEDOUT
 */
struct links {
	const char *name;
	void (*init)(int i);
	int (*lock)(int i);
	int (*unlock)(int i);
	int (*try_until)(int i, const struct timespec *abs);
};

static struct { alignas(64) pthread_mutex_t m; } pis[DEPTH_MAX];
static struct { alignas(64) struct ksync_mutex m; } adaptive_links[DEPTH_MAX];
static struct { alignas(64) struct ksync_mutex m; } strict_links[DEPTH_MAX];

static void init_pi(int i)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	must(-pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT), "PI");
	must(-pthread_mutex_init(&pis[i].m, &attr), "pthread_mutex_init");
}

static int lock_pi(int i)
{
	return -pthread_mutex_lock(&pis[i].m);
}

static int unlock_pi(int i)
{
	return -pthread_mutex_unlock(&pis[i].m);
}

static int try_pi(int i, const struct timespec *abs)
{
	return -pthread_mutex_timedlock(&pis[i].m, abs);
}

#define DEFINE_LINKS(tag, flags)						\
static void init_##tag(int i)						\
{									\
	must(ksync_mutex_init(&tag##_links[i].m, domain(), flags), "mutex");	\
}									\
									\
static int lock_##tag(int i)						\
{									\
	return ksync_mutex_lock(&tag##_links[i].m);			\
}									\
									\
static int unlock_##tag(int i)						\
{									\
	return ksync_mutex_unlock(&tag##_links[i].m);			\
}									\
									\
static int try_##tag(int i, const struct timespec *abs)			\
{									\
	return ksync_mutex_lock_timed(&tag##_links[i].m, CLOCK_REALTIME, abs);	\
}

DEFINE_LINKS(adaptive, 0)
DEFINE_LINKS(strict, KSYNC_MUTEX_STRICT)

static const struct links all_links[] = {
	{ "glibc-pi", init_pi, lock_pi, unlock_pi, try_pi },
	{ "ksync-mutex", init_adaptive, lock_adaptive, unlock_adaptive, try_adaptive },
	{ "ksync-strict", init_strict, lock_strict, unlock_strict, try_strict },
};

static const struct links *links;
static int depth;
static pid_t tids[DEPTH_MAX + 1];	/* of those who wait by now, or are about to */

/* What the top measures, in nanoseconds, and when it had its lock in the end. */
static double joining;
static uint64_t had;

/* Thread @i has lock @i, which the next one waits for, and waits for the one before. */
static void *link_in(void *arg)
{
	const int i = (intptr_t)arg;

	be_realtime(LINK);
	must(links->lock(i), links->name);
	__atomic_store_n(&tids[i], my_tid(), __ATOMIC_RELEASE);
	must(links->lock(i - 1), links->name);
	must(links->unlock(i - 1), links->name);
	must(links->unlock(i), links->name);
	return NULL;
}

/* The processor time of waiting for the last lock until a moment from now. */
static double join_chain(void)
{
	struct timespec abs, before, after;
	int ret;

	clock_gettime(CLOCK_REALTIME, &abs);
	abs.tv_nsec += PATIENCE_NS;
	abs.tv_sec += abs.tv_nsec / 1000000000;
	abs.tv_nsec %= 1000000000;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
	ret = links->try_until(depth - 1, &abs);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
	if (ret != -ETIMEDOUT)
		errx(1, "%s: the end of a chain could be locked: %s", links->name,
		     strerror(-ret));
	return (after.tv_sec - before.tv_sec) * 1e9 + (after.tv_nsec - before.tv_nsec);
}

static void *be_top(void *unused)
{
	be_realtime(TOP);
	joining = join_chain();
	__atomic_store_n(&tids[depth], my_tid(), __ATOMIC_RELEASE);
	must(links->lock(depth - 1), links->name);
	had = now_ns();
	must(links->unlock(depth - 1), links->name);
	return unused;
}

/* Thread @i waits for good. */
static void await(int i)
{
	while (!__atomic_load_n(&tids[i], __ATOMIC_ACQUIRE) || !asleep(tids[i]))
		nanosleep(&(struct timespec){ .tv_nsec = 50000 }, NULL);
}

/* Returns how long it took the chain to unwind. */
static double run(void)
{
	pthread_t threads[DEPTH_MAX + 1];
	uint64_t begin;

	memset(tids, 0, sizeof(tids));
	must(links->lock(0), links->name);
	for (intptr_t i = 1; i <= depth; i++) {
		must(-pthread_create(&threads[i], NULL, i < depth ? link_in : be_top,
				     (void *)i), "thread");
		await(i);
	}
	begin = now_ns();
	must(links->unlock(0), links->name);
	for (int i = 1; i <= depth; i++)
		pthread_join(threads[i], NULL);
	return had - begin;
}

static int ascending(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(int round)
{
	static double joins[SAMPLES_MAX], unwinds[SAMPLES_MAX];
	const int samples = at_most(20, 10, 2);

	for (int n = 0; n < samples; n++) {
		unwinds[n] = run();
		joins[n] = joining;
	}
	qsort(joins, samples, sizeof(*joins), ascending);
	qsort(unwinds, samples, sizeof(*unwinds), ascending);
	printf("@ bench=chain-join threads=%d lock=%s round=%d ns_op=%.1f\n", depth,
	       links->name, round, joins[samples / 2]);
	printf("@ bench=chain-unwind threads=%d lock=%s round=%d ns_op=%.1f\n", depth,
	       links->name, round, unwinds[samples / 2]);
}

/* An emulator translates what it executes for the first time. */
static void warm_up(void)
{
	depth = 8;
	for (int i = 0; i < COUNT(all_links); i++) {
		links = &all_links[i];
		for (int n = 0; n < at_most(10, 5, 1); n++)
			run();
	}
}

void bench_chains(void)
{
	for (int l = 0; l < COUNT(all_links); l++)
		for (int i = 0; i < DEPTH_MAX; i++)
			all_links[l].init(i);
	be_realtime(FIRST);
	warm_up();
	for (depth = 1; depth <= DEPTH_MAX; depth *= 2) {
		printf("chain: %d locks deep, %d rounds\n", depth, rounds);
		for (int round = 0; round < rounds; round++) {
			for (int i = 0; i < COUNT(all_links); i++) {
				links = &all_links[(i + round) % COUNT(all_links)];
				measure(round);
			}
		}
	}
	be_realtime(0);
}
