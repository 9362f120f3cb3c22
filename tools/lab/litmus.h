/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Store buffering and message passing, run by two threads a great many times: how often
 * is seen what no order of the steps, one at a time, can give?
 *
 *	SB: x = 1; r0 = y	y = 1; r1 = x		neither sees the other
 *	MP: x = 1; y = 1	r0 = y; r1 = x		y is seen, but not x
 *
 * x86 lets a load come before an earlier store (SB), and nothing else: MP is seen only
 * where the compiler has moved things.  It may, with plain variables: x is written twice
 * there, and the first time is left out as nobody could look in between.  Release and
 * acquire forbid MP, but not SB.
 */
#ifndef KSYNC_LAB_LITMUS_H
#define KSYNC_LAB_LITMUS_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

#define LAB_TESTS	7

struct lab_test {
	const char *name;
	const char *order;
	bool forbidden;		/* the odd outcome is never to be seen */
	void (*left)(int *r);
	void (*right)(int *r);
	bool (*odd)(const int *r);
};

static int lab_x __attribute__((aligned(128)));
static int lab_y __attribute__((aligned(128)));

static void sb_relaxed_left(int *r)
{
	__atomic_store_n(&lab_x, 1, __ATOMIC_RELAXED);
	r[0] = __atomic_load_n(&lab_y, __ATOMIC_RELAXED);
}

static void sb_relaxed_right(int *r)
{
	__atomic_store_n(&lab_y, 1, __ATOMIC_RELAXED);
	r[1] = __atomic_load_n(&lab_x, __ATOMIC_RELAXED);
}

static void sb_release_left(int *r)
{
	__atomic_store_n(&lab_x, 1, __ATOMIC_RELEASE);
	r[0] = __atomic_load_n(&lab_y, __ATOMIC_ACQUIRE);
}

static void sb_release_right(int *r)
{
	__atomic_store_n(&lab_y, 1, __ATOMIC_RELEASE);
	r[1] = __atomic_load_n(&lab_x, __ATOMIC_ACQUIRE);
}

static void sb_fence_left(int *r)
{
	__atomic_store_n(&lab_x, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	r[0] = __atomic_load_n(&lab_y, __ATOMIC_RELAXED);
}

static void sb_fence_right(int *r)
{
	__atomic_store_n(&lab_y, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	r[1] = __atomic_load_n(&lab_x, __ATOMIC_RELAXED);
}

static void sb_seq_cst_left(int *r)
{
	__atomic_store_n(&lab_x, 1, __ATOMIC_SEQ_CST);
	r[0] = __atomic_load_n(&lab_y, __ATOMIC_SEQ_CST);
}

static void sb_seq_cst_right(int *r)
{
	__atomic_store_n(&lab_y, 1, __ATOMIC_SEQ_CST);
	r[1] = __atomic_load_n(&lab_x, __ATOMIC_SEQ_CST);
}

static void mp_relaxed_left(int *r)
{
	(void)r;
	__atomic_store_n(&lab_x, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&lab_y, 1, __ATOMIC_RELAXED);
}

static void mp_relaxed_right(int *r)
{
	r[0] = __atomic_load_n(&lab_y, __ATOMIC_RELAXED);
	r[1] = __atomic_load_n(&lab_x, __ATOMIC_RELAXED);
}

static void mp_release_left(int *r)
{
	(void)r;
	__atomic_store_n(&lab_x, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&lab_y, 1, __ATOMIC_RELEASE);
}

static void mp_release_right(int *r)
{
	r[0] = __atomic_load_n(&lab_y, __ATOMIC_ACQUIRE);
	r[1] = __atomic_load_n(&lab_x, __ATOMIC_RELAXED);
}

/* A data race, on purpose; the right side is as above. */
static void mp_plain_left(int *r)
{
	(void)r;
	lab_x = 1;
	lab_y = 1;
	lab_x = 2;
}

static bool sb_odd(const int *r)
{
	return !r[0] && !r[1];
}

static bool mp_odd(const int *r)
{
	return r[0] && !r[1];
}

static const struct lab_test lab_tests[LAB_TESTS] = {
	{ "SB", "relaxed", false, sb_relaxed_left, sb_relaxed_right, sb_odd },
	{ "SB", "release/acquire", false, sb_release_left, sb_release_right, sb_odd },
	{ "SB", "fence seq_cst", true, sb_fence_left, sb_fence_right, sb_odd },
	{ "SB", "seq_cst", true, sb_seq_cst_left, sb_seq_cst_right, sb_odd },
	{ "MP", "plain", false, mp_plain_left, mp_relaxed_right, mp_odd },
	{ "MP", "relaxed", false, mp_relaxed_left, mp_relaxed_right, mp_odd },
	{ "MP", "release/acquire", true, mp_release_left, mp_release_right, mp_odd },
};

/* One run of a test; @at: how far each side has come. */
struct lab_run {
	const struct lab_test *test;
	long rounds;
	int cpu[2];
	int r[2][2] __attribute__((aligned(128)));
	struct {
		long n __attribute__((aligned(128)));
	} at[2];
};

/* Wait for the other; it may not run just now. */
static void lab_meet(struct lab_run *run, int side, long n)
{
	int spins;

	__atomic_store_n(&run->at[side].n, n, __ATOMIC_RELEASE);
	for (spins = 0; __atomic_load_n(&run->at[!side].n, __ATOMIC_ACQUIRE) < n; spins++)
		if (spins > 10000)
			sched_yield();
}

static void lab_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void *lab_right(void *arg)
{
	struct lab_run *run = arg;
	long i;

	lab_pin(run->cpu[1]);
	for (i = 0; i < run->rounds; i++) {
		lab_meet(run, 1, 2 * i + 1);
		run->test->right(run->r[1]);
		lab_meet(run, 1, 2 * i + 2);
	}
	return NULL;
}

/* Two CPUs that the caller may use, maybe the same. */
static void lab_cpus(int cpu[2])
{
	cpu_set_t set;
	int i, n = 0;

	cpu[0] = 0;
	cpu[1] = 0;
	if (sched_getaffinity(0, sizeof(set), &set))
		return;
	for (i = 0; i < CPU_SETSIZE && n < 2; i++)
		if (CPU_ISSET(i, &set))
			cpu[n++] = i;
	if (n == 1)
		cpu[1] = cpu[0];
}

static void *lab_left(void *arg)
{
	struct lab_run *run = arg;
	int r[2];
	long i, odd = 0;

	lab_pin(run->cpu[0]);
	for (i = 0; i < run->rounds; i++) {
		lab_x = 0;
		lab_y = 0;
		lab_meet(run, 0, 2 * i + 1);
		run->test->left(run->r[0]);
		lab_meet(run, 0, 2 * i + 2);
		/* MP: the right side has both; SB: each has one. */
		r[0] = run->test->odd == sb_odd ? run->r[0][0] : run->r[1][0];
		r[1] = run->r[1][1];
		odd += run->test->odd(r);
	}
	return (void *)odd;
}

/* How often the odd outcome was seen; -1: no thread. */
static inline long lab_count(const struct lab_test *test, long rounds)
{
	struct lab_run run = { .test = test, .rounds = rounds };
	pthread_t left, right;
	void *odd;

	lab_cpus(run.cpu);
	if (pthread_create(&right, NULL, lab_right, &run))
		return -1;
	if (pthread_create(&left, NULL, lab_left, &run))
		return -1;
	pthread_join(left, &odd);
	pthread_join(right, NULL);
	return (long)odd;
}

#endif /* KSYNC_LAB_LITMUS_H */
