// SPDX-License-Identifier: GPL-2.0
/*
 * Hand-off: how long it takes from one thread's decision to unlock until another
 * one, which waits, has the lock.  The one who waits sleeps by then, or spins if
 * that is what its lock does.  Each has a processor to itself, if there are two.
 */
#include <pthread.h>
#include <stdalign.h>
#include <stdio.h>
#include <unistd.h>
#include "bench.h"
#include "hist.h"

/* How long the one who waits is given to fall asleep. */
#define PATIENCE_NS	200000

static const struct lock *lock;
static int samples;
static struct hist times;

/* Twice the turns that are over, and one more while the first thread has the lock. */
static alignas(64) int phase;
static alignas(64) int asking;	/* the second one is about to lock so often */
static uint64_t released;	/* under the lock */
static pid_t second_tid;

static void await(int *word, int value)
{
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value)
		sched_yield();
}

static void let_sleep(void)
{
	const uint64_t end = now_ns() + PATIENCE_NS;

	while (!asleep(second_tid) && now_ns() < end)
		sched_yield();
}

static void *second(void *unused)
{
	pin(sysconf(_SC_NPROCESSORS_ONLN) > 1);
	__atomic_store_n(&second_tid, my_tid(), __ATOMIC_RELEASE);
	if (lock->enter)
		lock->enter(1);
	for (int i = 0; i < samples; i++) {
		await(&phase, 2 * i + 1);
		__atomic_store_n(&asking, i + 1, __ATOMIC_RELEASE);
		must(lock->lock(), lock->name);
		hist_add(&times, now_ns() - released);
		must(lock->unlock(), lock->name);
		__atomic_store_n(&phase, 2 * i + 2, __ATOMIC_RELEASE);
	}
	if (lock->leave)
		lock->leave();
	return unused;
}

static void *first(void *unused)
{
	pin(0);
	if (lock->enter)
		lock->enter(0);
	for (int i = 0; i < samples; i++) {
		must(lock->lock(), lock->name);
		__atomic_store_n(&phase, 2 * i + 1, __ATOMIC_RELEASE);
		await(&asking, i + 1);
		let_sleep();
		released = now_ns();
		must(lock->unlock(), lock->name);
		await(&phase, 2 * i + 2);
	}
	if (lock->leave)
		lock->leave();
	return unused;
}

static void run(void)
{
	pthread_t threads[2];

	memset(&times, 0, sizeof(times));
	phase = 0;
	asking = 0;
	must(-pthread_create(&threads[0], NULL, first, NULL), "thread");
	must(-pthread_create(&threads[1], NULL, second, NULL), "thread");
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	if (times.total != (uint64_t)samples)
		errx(1, "%s: %lu hand-offs of %d", lock->name, (unsigned long)times.total,
		     samples);
}

void bench_handoffs(void)
{
	static const struct lock *const locks[] = {
		&normal_lock, &pi_lock, &robust_lock, &drepper_lock, &futex_lock,
		&mutex_lock, &strict_lock,
		&busy_lock, &fas_lock, &ticket_lock, &mcs_lock, &spin_lock,
		&glibc_write_lock, &ck_write_lock, &ksync_write_lock,
		&posix_lock, &eventfd_sem_lock, &sem_lock,
	};

	for (int i = 0; i < COUNT(locks); i++)
		locks[i]->init();
	samples = at_most(400, 150, 10);
	printf("hand-off: %d rounds of %d locks, %d each\n", rounds, COUNT(locks), samples);
	for (int round = 0; round < rounds; round++) {
		for (int i = 0; i < COUNT(locks); i++) {
			lock = locks[(i + round) % COUNT(locks)];
			run();
			printf("@ bench=hand-off threads=2 kind=%s lock=%s round=%d",
			       lock->kind, lock->name, round);
			hist_print(&times);
			printf("\n");
		}
	}
}
