// SPDX-License-Identifier: GPL-2.0
/*
 *	throttled [ROUNDS]
 *
 * Can a task of SCHED_DEADLINE be throttled for ever by priority inheritance?  Shown
 * with PI futexes alone, nothing of ksync's: forgotten.c is about what it finds.
 *
 *	sleeper			giver			main
 *
 *							has b
 *	has a, runs until its
 *	runtime is used up
 *	waits for b: throttled,
 *	a timer is set
 *				waits for a: raises
 *				the sleeper
 *	its timer fires: raised,
 *	so nothing is done
 *				gives up
 *							gives b
 *	is woken, and throttled
 *
 * That it used up its runtime just then is luck; a round takes 3 s then, else 100 ms.
 * Exit 1 when it happened, 0 when each sleeper got on, 2 for no result.
 */
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "sched.h"
#include "sys.h"

#define RUNTIME		(20 * MSEC)
#define PERIOD		SEC
#define PATIENCE	(10 * SEC)

static pthread_mutex_t a, b;
static uint64_t work; /* of the sleeper, before it sleeps */
static uint32_t sleeper_tid;
static bool has_a, got_on;
static enum { GIVER_WAITS, GIVER_GOES, GIVER_LEAVES } giver_does;

static void nap_ms(long ms)
{
	const struct timespec ts = { ms / 1000, ms % 1000 * (long)MSEC };

	nanosleep(&ts, NULL);
}

static void be_deadline(uint64_t runtime, uint64_t period)
{
	const struct task_attr attr = {
		.size = sizeof(attr), .policy = POLICY_DEADLINE,
		.runtime = runtime, .deadline = period, .period = period,
	};
	const int ret = sched_attr(0, &attr);

	if (ret)
		errx(2, "SCHED_DEADLINE is refused: %s", strerror(-ret));
}

static void *be_sleeper(void *arg)
{
	uint64_t start;

	__atomic_store_n(&sleeper_tid, sys_gettid(), __ATOMIC_SEQ_CST);
	pthread_mutex_lock(&a);
	be_deadline(RUNTIME, PERIOD);
	sched_yield(); /* a new period */
	__atomic_store_n(&has_a, true, __ATOMIC_SEQ_CST);
	start = now(CLOCK_THREAD_CPUTIME_ID);
	while (now(CLOCK_THREAD_CPUTIME_ID) - start < work)
		;
	pthread_mutex_lock(&b);
	__atomic_store_n(&got_on, true, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&b);
	pthread_mutex_unlock(&a);
	return arg;
}

/* It is there before main is raised by the sleeper, and would be born with its deadline. */
static void *be_giver(void *arg)
{
	struct timespec ts;

	be_deadline(2 * MSEC, RUNTIME);
	while (!__atomic_load_n(&giver_does, __ATOMIC_SEQ_CST))
		nap_ms(1);
	if (giver_does == GIVER_LEAVES)
		return arg;
	ts = to_timespec(now(CLOCK_REALTIME) + PERIOD * 5 / 2);
	if (!pthread_mutex_timedlock(&a, &ts))
		pthread_mutex_unlock(&a);
	return arg;
}

/* A line of the scheduler's of the sleeper; 0 where the kernel does not show it. */
static long long runtime_left(void)
{
	char path[32], line[128];
	long long left = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/sched", sleeper_tid);
	f = fopen(path, "re");
	if (!f)
		errx(2, "this kernel has no /proc/PID/sched (CONFIG_SCHED_DEBUG)");
	while (fgets(line, sizeof(line), f))
		sscanf(line, "dl.runtime : %lld", &left);
	fclose(f);
	return left;
}

/* One round; false: the sleeper has b and does not run. */
static bool play(unsigned int round, unsigned int *hits)
{
	pthread_t sleeper, giver;
	uint64_t end;

	has_a = false;
	got_on = false;
	giver_does = GIVER_WAITS;
	work = RUNTIME - MSEC / 2 + round % 40 * (MSEC / 40);
	pthread_mutex_lock(&b);
	pthread_create(&giver, NULL, be_giver, NULL);
	pthread_create(&sleeper, NULL, be_sleeper, NULL);
	while (!__atomic_load_n(&has_a, __ATOMIC_SEQ_CST))
		nap_ms(1);
	nap_ms(40);
	if (runtime_left() < 0) {
		++*hits;
		printf("# round %u: it sleeps, throttled\n", round);
		__atomic_store_n(&giver_does, GIVER_GOES, __ATOMIC_SEQ_CST);
	} else {
		__atomic_store_n(&giver_does, GIVER_LEAVES, __ATOMIC_SEQ_CST);
	}
	pthread_join(giver, NULL);
	pthread_mutex_unlock(&b);
	end = in(PATIENCE);
	while (!__atomic_load_n(&got_on, __ATOMIC_SEQ_CST)) {
		if (passed(end))
			return false;
		nap_ms(10);
	}
	pthread_join(sleeper, NULL);
	return true;
}

/* Does another policy help? */
static bool rescue(void)
{
	const uint64_t end = in(PATIENCE);

	sched_other(sleeper_tid);
	while (!__atomic_load_n(&got_on, __ATOMIC_SEQ_CST) && !passed(end))
		nap_ms(10);
	return got_on;
}

int main(int argc, char **argv)
{
	const unsigned int rounds = argc > 1 ? atoi(argv[1]) : 40;
	pthread_mutexattr_t attr;
	unsigned int hits = 0, i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&a, &attr);
	pthread_mutex_init(&b, &attr);
	for (i = 0; i < rounds; i++) {
		if (play(i, &hits))
			continue;
		printf("round %u: woken with the mutex %llu s ago, runnable, and never run\n",
		       i, (unsigned long long)(PATIENCE / SEC));
		printf("with SCHED_OTHER it %s\n", rescue() ? "runs" : "does not run either");
		return 1;
	}
	printf("%u rounds, in %u of them it slept throttled: it always got on\n", rounds, hits);
	return hits ? 0 : 2;
}
