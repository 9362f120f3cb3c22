// SPDX-License-Identifier: GPL-2.0
/* One thread locks and unlocks: nanoseconds for the pair. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
#include <valgrind/callgrind.h>
#include "bench.h"

static const struct lock *const candidates[] = {
	&normal_lock, &pi_lock, &robust_lock, &drepper_lock, &mutex_lock, &mutex_as_lock,
	&busy_lock, &fas_lock, &ticket_lock, &mcs_lock, &spin_lock,
	&glibc_read_lock, &ck_read_lock, &br_read_lock, &memb_read_lock, &qsbr_read_lock,
	&ksync_read_lock,
	&glibc_write_lock, &ck_write_lock, &br_write_lock, &ksync_write_lock,
	&posix_lock, &eventfd_sem_lock, &sem_lock,
	&eventfd_lock, &event_lock,
	&glibc_signal_lock, &signal_lock,
	&futex_wake_lock, &wake_lock,
	&glibc_meet_lock, &ck_meet_lock, &meet_lock,
	&protect_lock,
	/* Not on plain memory. */
	&futex_lock,
	&glibc_protect_lock,	/* last: only in the guest is SCHED_FIFO sure to be had */
};

#define ON_PLAIN_MEMORY	(COUNT(candidates) - 2)

static const struct lock *const without_module[] = {
	&normal_lock, &pi_lock, &futex_lock,
};

static void *idle(void *unused)
{
	pause();
	return unused;
}

/*
 * glibc's locks do without atomic instructions in a process of one thread,
 * where nobody needs a lock: be two.
 */
static void be_two_threads(void)
{
	pthread_t thread;

	must(-pthread_create(&thread, NULL, idle, NULL), "thread");
	pthread_detach(thread);
}

/* How often fits into a quarter of the time of a measurement. */
static long calibrate(const struct lock *lock)
{
	long times = 1000;
	double begin;

	for (;;) {
		begin = now();
		lock->loop(times);
		if (now() - begin > seconds / 20)
			return times * 5;
		times *= 2;
	}
}

static void begin(const struct lock *lock)
{
	lock->init();
	if (lock->enter)
		lock->enter(0);
}

static void end(const struct lock *lock)
{
	if (lock->leave)
		lock->leave();
}

/* In turn. */
static void measure(const char *bench, const struct lock *const *locks, int n)
{
	long times[COUNT(candidates)];
	double start;

	for (int i = 0; i < n; i++) {
		begin(locks[i]);
		times[i] = calibrate(locks[i]);
	}
	printf("lock and unlock, uncontended: %d rounds of %d locks\n", 3 * rounds, n);
	for (int round = 0; round < 3 * rounds; round++) {
		for (int i = 0; i < n; i++) {
			start = now();
			locks[i]->loop(times[i]);
			printf("@ bench=%s threads=1 kind=%s lock=%s round=%d ns_op=%.3f\n",
			       bench, locks[i]->kind, locks[i]->name, round,
			       (now() - start) * 1e9 / times[i]);
		}
	}
	for (int i = 0; i < n; i++)
		end(locks[i]);
}

void bench_uncontended(void)
{
	be_two_threads();
	if (on_plain_memory) {
		measure("uncontended-plain", candidates, ON_PLAIN_MEMORY);
		measure("uncontended-native", without_module, COUNT(without_module));
		return;
	}
	measure("uncontended", candidates, COUNT(candidates));
	/* Because of glibc-protect all were measured as a real-time task. */
	be_realtime(0);
}

/*
 * Under valgrind --tool=callgrind, which counts instructions: it writes a file for
 * each dump, with what was executed since the one before and the given name.
 */
#define TIMES	1000

void bench_instructions(void)
{
	char name[64];

	be_two_threads();
	on_plain_memory = true;
	for (int i = 0; i < ON_PLAIN_MEMORY; i++) {
		begin(candidates[i]);
		candidates[i]->loop(1);
		CALLGRIND_ZERO_STATS;
		candidates[i]->loop(TIMES);
		snprintf(name, sizeof(name), "%s %s %d", candidates[i]->kind,
			 candidates[i]->name, TIMES);
		CALLGRIND_DUMP_STATS_AT(name);
		end(candidates[i]);
	}
}
