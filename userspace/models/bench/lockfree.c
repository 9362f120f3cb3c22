// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * What lock-free structures cost beside those of Concurrency Kit and liburcu: one
 * thread, then two at a time, nanoseconds an operation; the median of some runs.
 *
 *	lockfree [RUNS]
 *
 * Left out, for they have known faults: ck_stack_batch_pop_mpmc, ck_fifo_mpmc, ck_hp.
 */
#include <ck_ring.h>
#include <ck_sequence.h>
#include <ck_stack.h>
#include <err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <urcu/urcu-memb.h>
#include <ksync/hazard.h>
#include <ksync/lifo.h>
#include <ksync/mpmc.h>
#include <ksync/seqlock.h>

#define N	1000000
#define SIZE	1024

static struct ksync_lifo lifo;
static uint32_t links[SIZE];
static ck_stack_t ck_stack = CK_STACK_INITIALIZER;
static ck_stack_entry_t entries[SIZE];
static struct ksync_mpmc queue, waits;
static struct ksync_mpmc_cell cells[SIZE] __attribute__((aligned(64)));
static struct ksync_mpmc_cell other_cells[SIZE] __attribute__((aligned(64)));
static ck_ring_t ck_ring;
static ck_ring_buffer_t ck_cells[SIZE];
static struct ksync_hazard_domain *asymmetric, *fenced;
static void *object = &lifo;
static struct ksync_seqlock seqlock;
static ck_sequence_t ck_sequence = CK_SEQUENCE_INITIALIZER;
static uint64_t data[4];
static pthread_barrier_t start;

static void lifo_loop(void)
{
	uint32_t e;
	long i;

	for (i = 0; i < N; i++) {
		e = ksync_lifo_pop(&lifo);
		ksync_lifo_push(&lifo, e);
	}
}

static void ck_stack_loop(void)
{
	ck_stack_entry_t *e;
	long i;

	for (i = 0; i < N; i++) {
		e = ck_stack_pop_mpmc(&ck_stack);
		ck_stack_push_mpmc(&ck_stack, e);
	}
}

static void mpmc(struct ksync_mpmc *q)
{
	void *v;
	long i;

	for (i = 0; i < N; i++) {
		ksync_mpmc_try_push(q, &lifo);
		ksync_mpmc_try_pop(q, &v);
	}
}

static void mpmc_loop(void)
{
	mpmc(&queue);
}

static void waits_loop(void)
{
	mpmc(&waits);
}

static void ck_ring_loop(void)
{
	void *v;
	long i;

	for (i = 0; i < N; i++) {
		ck_ring_enqueue_mpmc(&ck_ring, ck_cells, &lifo);
		ck_ring_dequeue_mpmc(&ck_ring, ck_cells, &v);
	}
}

static void hazard(struct ksync_hazard_domain *d)
{
	struct ksync_hazard_rec *rec;
	long i;

	if (ksync_hazard_enter(d, &rec))
		errx(1, "no memory");
	for (i = 0; i < N; i++) {
		ksync_hazard_protect(rec, 0, &object);
		ksync_hazard_clear(rec, 0);
	}
	ksync_hazard_leave(rec);
}

static void hazard_loop(void)
{
	hazard(asymmetric);
}

static void fence_loop(void)
{
	hazard(fenced);
}

static void urcu_loop(void)
{
	long i;

	urcu_memb_register_thread();
	for (i = 0; i < N; i++) {
		urcu_memb_read_lock();
		(void)rcu_dereference(object);
		urcu_memb_read_unlock();
	}
	urcu_memb_unregister_thread();
}

static void seqlock_loop(void)
{
	uint64_t copy[4];
	long i;

	for (i = 0; i < N; i++) {
		ksync_seqlock_read(&seqlock, copy, data, sizeof(copy));
		__asm__ volatile("" :: "r"(copy) : "memory");
	}
}

static void ck_sequence_loop(void)
{
	uint64_t copy[4];
	unsigned int version;
	long i;

	for (i = 0; i < N; i++) {
		do {
			version = ck_sequence_read_begin(&ck_sequence);
			ksync_seq_load(copy, data, sizeof(copy));
		} while (ck_sequence_read_retry(&ck_sequence, version));
		__asm__ volatile("" :: "r"(copy) : "memory");
	}
}

#define LINES	10

static const struct {
	const char *name;
	void (*loop)(void);
} lines[LINES] = {
	{ "stack: ksync_lifo", lifo_loop },
	{ "stack: ck_stack", ck_stack_loop },
	{ "queue: ksync_mpmc", mpmc_loop },
	{ "queue: ksync_mpmc, can wait", waits_loop },
	{ "queue: ck_ring", ck_ring_loop },
	{ "read: ksync_hazard, membarrier", hazard_loop },
	{ "read: ksync_hazard, fence", fence_loop },
	{ "read: urcu_memb", urcu_loop },
	{ "copy 32 bytes: ksync_seqlock", seqlock_loop },
	{ "copy 32 bytes: ck_sequence", ck_sequence_loop },
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static void *thread(void *loop)
{
	pthread_barrier_wait(&start);
	(*(void (*const *)(void))loop)();
	return NULL;
}

/* Nanoseconds of one operation, of one of @n threads. */
static double measure(void (*const *loop)(void), int n)
{
	pthread_t t[2];
	double began;
	int i;

	pthread_barrier_init(&start, NULL, n + 1);
	for (i = 0; i < n; i++)
		if (pthread_create(&t[i], NULL, thread, (void *)loop))
			errx(1, "no thread");
	began = now();
	pthread_barrier_wait(&start);
	for (i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	pthread_barrier_destroy(&start);
	return (now() - began) / N;
}

static int compare(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) -
		(*(const double *)a < *(const double *)b);
}

static double median(void (*const *loop)(void), int n, int runs)
{
	double v[99];
	int i;

	for (i = 0; i < runs; i++)
		v[i] = measure(loop, n);
	qsort(v, runs, sizeof(v[0]), compare);
	return v[runs / 2];
}

int main(int argc, char **argv)
{
	int runs = argc > 1 ? atoi(argv[1]) : 5;
	size_t i;

	if (runs < 1 || runs > 99)
		errx(2, "usage: lockfree [RUNS], 1 to 99");
	ksync_lifo_init(&lifo, links);
	ck_ring_init(&ck_ring, SIZE);
	for (i = 0; i < SIZE; i++) {
		ksync_lifo_push(&lifo, i);
		ck_stack_push_mpmc(&ck_stack, &entries[i]);
	}
	ksync_mpmc_init(&queue, cells, SIZE, 0);
	ksync_mpmc_init(&waits, other_cells, SIZE, KSYNC_MPMC_WAIT);
	if (ksync_hazard_create(&asymmetric, 0) ||
	    ksync_hazard_create(&fenced, KSYNC_HAZARD_FENCE))
		errx(1, "no memory");
	printf("%-34s %10s %10s\n", "ns an operation", "1 thread", "2 threads");
	for (i = 0; i < LINES; i++)
		printf("%-34s %10.1f %10.1f\n", lines[i].name, median(&lines[i].loop, 1, runs),
		       median(&lines[i].loop, 2, runs));
	return 0;
}
