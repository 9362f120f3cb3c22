// SPDX-License-Identifier: GPL-2.0
/*
 * Threads read and now and then write two numbers under one reader-writer lock.
 * As for mutexes, throughput and waits are measured apart.  A reader that sees
 * half a change ends the bench: the lock is broken.
 */
#include <pthread.h>
#include <stdalign.h>
#include <stdio.h>
#include <unistd.h>
#include "bench.h"

#define COUNT(array)	(sizeof(array) / sizeof(*(array)))
#define THREADS_MAX	8

/**
 * struct rwlock - a candidate
 * @name: in results
 * @init: before its first use
 * @read: lock for reading
 * @write: lock for writing
 * @unlock: whichever it is
 */
struct rwlock {
	const char *name;
	void (*init)(void);
	int (*read)(void);
	int (*write)(void);
	int (*unlock)(void);
};

static alignas(64) pthread_rwlock_t standard = PTHREAD_RWLOCK_INITIALIZER;
static alignas(64) pthread_rwlock_t writers_first;
static alignas(64) struct ksync_rwlock adaptive;
static alignas(64) struct ksync_rwlock strict;

static void init_glibc(void)
{
}

static void init_writers_first(void)
{
	const int kind = PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP;
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	must(-pthread_rwlockattr_setkind_np(&attr, kind), "kind");
	must(-pthread_rwlock_init(&writers_first, &attr), "pthread_rwlock_init");
}

static void init_ksync(void)
{
	static alignas(64) struct ksync_cell cell[2];

	if (!on_plain_memory) {
		must(ksync_rwlock_init(&adaptive, domain(), 0), "rwlock");
		return;
	}
	on_plain_cell(&adaptive.o, cell, KSYNC_KIND_RWLOCK);
}

static void init_strict(void)
{
	must(ksync_rwlock_init(&strict, domain(), KSYNC_RWLOCK_STRICT), "rwlock");
}

#define DEFINE_TAKE(symbol, read, write, unlock, lock)			\
static int read_##symbol(void)						\
{									\
	return read(&(lock));						\
}									\
									\
static int write_##symbol(void)						\
{									\
	return write(&(lock));						\
}									\
									\
static int unlock_##symbol(void)					\
{									\
	return unlock(&(lock));						\
}

DEFINE_TAKE(glibc, pthread_rwlock_rdlock, pthread_rwlock_wrlock,
	    pthread_rwlock_unlock, standard)
DEFINE_TAKE(writers_first, pthread_rwlock_rdlock, pthread_rwlock_wrlock,
	    pthread_rwlock_unlock, writers_first)
DEFINE_TAKE(ksync, ksync_rwlock_read_lock, ksync_rwlock_write_lock,
	    ksync_rwlock_unlock, adaptive)
DEFINE_TAKE(strict, ksync_rwlock_read_lock, ksync_rwlock_write_lock,
	    ksync_rwlock_unlock, strict)

/* READ in the word, which the first reader sets, stays if nobody writes. */
static void init_ksync_read(void)
{
	init_ksync();
	__atomic_store_n(&adaptive.o.cell->word, KSYNC_READ, __ATOMIC_SEQ_CST);
}

static void init_ksync_write(void)
{
	static alignas(64) struct ksync_cell cell[2];

	if (on_plain_memory)
		on_plain_cell(&strict.o, cell, KSYNC_KIND_RWLOCK);
	else
		init_strict();
}

/* For bench_uncontended(): the loop has both functions inline. */
#define DEFINE_LOCK(symbol, label, start, how)			\
static void loop_##how(long times)				\
{								\
	while (times--)						\
		if (how() || un##how())				\
			errx(1, "a lock fails");		\
}								\
								\
const struct lock symbol##_lock = {				\
	.name = label,						\
	.init = start,						\
	.lock = how,						\
	.unlock = un##how,					\
	.loop = loop_##how,					\
}

#define unread_glibc	unlock_glibc
#define unwrite_glibc	unlock_glibc
#define unread_ksync	unlock_ksync
#define unwrite_strict	unlock_strict

DEFINE_LOCK(glibc_read, "glibc-read", init_glibc, read_glibc);
DEFINE_LOCK(glibc_write, "glibc-write", init_glibc, write_glibc);
DEFINE_LOCK(ksync_read, "ksync-read", init_ksync_read, read_ksync);
DEFINE_LOCK(ksync_write, "ksync-write", init_ksync_write, write_strict);

static const struct rwlock candidates[] = {
	{ "glibc-default", init_glibc, read_glibc, write_glibc, unlock_glibc },
	{ "glibc-writers", init_writers_first,
	  read_writers_first, write_writers_first, unlock_writers_first },
	{ "ksync-rwlock", init_ksync, read_ksync, write_ksync, unlock_ksync },
	{ "ksync-rw-strict", init_strict, read_strict, write_strict,
	  unlock_strict },
};

/**
 * struct task - a thread
 * @thread: which
 * @timed: measure waits
 * @dice: decides whether to write
 * @ops: how often it was in
 * @longest: wait of each sort, in seconds
 */
struct task {
	alignas(64) pthread_t thread;
	bool timed;
	uint32_t dice;
	uint64_t ops;
	double longest[2];
};

static struct task tasks[THREADS_MAX];
static const struct rwlock *lock;
static unsigned int percent;
static pthread_barrier_t start;
static alignas(64) bool stop;
static alignas(64) uint64_t a;
static alignas(64) uint64_t b;

static void section(bool write)
{
	if (write) {
		a++;
		b++;
	} else if (__atomic_load_n(&a, __ATOMIC_RELAXED) !=
		   __atomic_load_n(&b, __ATOMIC_RELAXED)) {
		errx(1, "%s: a reader sees half a change", lock->name);
	}
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
	must(lock->unlock(), lock->name);
	t->ops++;
	if (waited > t->longest[write])
		t->longest[write] = waited;
}

static void *run_task(void *arg)
{
	struct task *t = arg;

	pthread_barrier_wait(&start);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		turn(t);
	return NULL;
}

/* Returns the nanoseconds of a turn. */
static double run(int threads, bool timed)
{
	uint64_t ops = 0;
	double begin, end;

	stop = false;
	memset(tasks, 0, sizeof(tasks));
	pthread_barrier_init(&start, NULL, threads + 1);
	for (int i = 0; i < threads; i++) {
		tasks[i].timed = timed;
		tasks[i].dice = i;
		must(-pthread_create(&tasks[i].thread, NULL, run_task,
				     &tasks[i]), "thread");
	}
	pthread_barrier_wait(&start);
	begin = now();
	usleep(seconds * 1e6);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	end = now();
	for (int i = 0; i < threads; i++) {
		pthread_join(tasks[i].thread, NULL);
		ops += tasks[i].ops;
	}
	pthread_barrier_destroy(&start);
	return (end - begin) * 1e9 / (ops ? ops : 1);
}

static double longest_us(int threads, bool write)
{
	double longest = 0;

	for (int i = 0; i < threads; i++)
		if (tasks[i].longest[write] > longest)
			longest = tasks[i].longest[write];
	return longest * 1e6;
}

static void measure(int threads, int round)
{
	double ns_op = run(threads, false);

	run(threads, true);
	printf("@ bench=rwlock-%u threads=%d lock=%s round=%d ns_op=%.1f longest_read_us=%.1f longest_write_us=%.1f\n",
	       percent, threads, lock->name, round, ns_op,
	       longest_us(threads, false), longest_us(threads, true));
}

void bench_rwlocks(void)
{
	static const unsigned int percents[] = { 1, 10 };

	for (unsigned int i = 0; i < COUNT(candidates); i++)
		candidates[i].init();
	for (unsigned int p = 0; p < COUNT(percents); p++) {
		percent = percents[p];
		for (int threads = 1; threads <= THREADS_MAX; threads *= 2) {
			printf("rwlock: %u%% writes, %d threads, %d rounds\n",
			       percent, threads, rounds);
			for (int i = 0; i < rounds * (int)COUNT(candidates); i++) {
				int round = i / COUNT(candidates);

				lock = &candidates[(i + round) % COUNT(candidates)];
				measure(threads, round);
			}
		}
	}
}
