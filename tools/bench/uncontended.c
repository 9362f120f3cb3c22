// SPDX-License-Identifier: GPL-2.0
/* One thread locks and unlocks: nanoseconds for the pair. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
#include "bench.h"

#define COUNT(array)	(sizeof(array) / sizeof(*(array)))

static const struct lock *const candidates[] = {
	&normal_lock, &pi_lock, &busy_lock,
	&mutex_lock, &mutex_as_lock, &spin_lock,
	&glibc_read_lock, &ksync_read_lock, &glibc_write_lock, &ksync_write_lock,
	&posix_lock, &sem_lock,
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

/* How often fits into a tenth of the time of a measurement. */
static long calibrate(const struct lock *lock)
{
	long times = 1000;
	double begin;

	for (;;) {
		begin = now();
		lock->loop(times);
		if (now() - begin > seconds / 50)
			return times * 5;
		times *= 2;
	}
}

/* In turn. */
static void measure(const char *bench, const struct lock *const *locks, unsigned int n)
{
	long times[COUNT(candidates)];
	double begin;

	for (unsigned int i = 0; i < n; i++) {
		locks[i]->init();
		times[i] = calibrate(locks[i]);
	}
	printf("lock and unlock, uncontended: %d rounds of %u locks\n",
	       3 * rounds, n);
	for (int round = 0; round < 3 * rounds; round++) {
		for (unsigned int i = 0; i < n; i++) {
			begin = now();
			locks[i]->loop(times[i]);
			printf("@ bench=%s threads=1 lock=%s round=%d ns_op=%.3f\n",
			       bench, locks[i]->name, round,
			       (now() - begin) * 1e9 / times[i]);
		}
	}
}

void bench_uncontended(void)
{
	const struct sched_param normal = { };

	be_two_threads();
	if (on_plain_memory) {
		measure("uncontended-plain", candidates, ON_PLAIN_MEMORY);
		measure("uncontended-native", without_module, COUNT(without_module));
		return;
	}
	measure("uncontended", candidates, COUNT(candidates));
	/* Because of glibc-protect all were measured as a real-time task. */
	must(-pthread_setschedparam(pthread_self(), SCHED_OTHER, &normal), "SCHED_OTHER");
}
