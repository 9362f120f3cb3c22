// SPDX-License-Identifier: GPL-2.0
/*
 * A million objects (fewer if it is to be quick): how long it takes to make and to
 * end them, in batches and one by one, beside as many of glibc's mutexes; and what a
 * call for one of them costs.  What they take of memory, memory.c measures.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include "bench.h"

#define MILLION		1048576
#define PAIRS		2000
#define FEW		64

static int objects, pairs, calls;
static struct ksync_mutex *mutexes;
static pthread_mutex_t *glibc_mutexes;

static void *pages(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		err(1, "%zu MiB", size >> 20);
	return p;
}

static void init_batch(struct ksync *d)
{
	must(ksync_mutex_init_many(mutexes, objects, d, 0), "mutexes");
}

static void init_single(struct ksync *d)
{
	for (int i = 0; i < objects; i++)
		must(ksync_mutex_init(&mutexes[i], d, 0), "mutex");
}

static void destroy_batch(void)
{
	must(ksync_mutex_destroy_many(mutexes, objects, NULL), "destroy");
}

static void destroy_single(void)
{
	for (int i = 0; i < objects; i++)
		must(ksync_mutex_destroy(&mutexes[i]), "destroy");
}

static void say(const char *what, const char *who, int round, double begin, long times)
{
	printf("@ bench=%s threads=%d lock=%s round=%d ns_op=%.2f\n", what, objects, who,
	       round, (now() - begin) * 1e9 / times);
}

/* In memory that is there already, as in an arena that was used before. */
static void glibc_used(int round)
{
	double begin = now();

	for (int i = 0; i < objects; i++)
		pthread_mutex_init(&glibc_mutexes[i], NULL);
	say("scale-create-again", "glibc", round, begin, objects);
	begin = now();
	for (int i = 0; i < objects; i++)
		pthread_mutex_destroy(&glibc_mutexes[i]);
	say("scale-destroy", "glibc", round, begin, objects);
}

/* In new memory. */
static void glibc_new(int round)
{
	const size_t size = objects * sizeof(pthread_mutex_t);
	pthread_mutex_t *m = pages(size);
	double begin = now();

	for (int i = 0; i < objects; i++)
		pthread_mutex_init(&m[i], NULL);
	say("scale-create", "glibc", round, begin, objects);
	munmap(m, size);
}

static void ksync_both(int round, const char *name, void (*init)(struct ksync *d),
		       void (*destroy)(void))
{
	struct ksync *d = open_domain();
	double begin = now();

	init(d);
	say("scale-create", name, round, begin, objects);
	begin = now();
	destroy();
	say("scale-destroy", name, round, begin, objects);
	begin = now();
	init(d);
	say("scale-create-again", name, round, begin, objects);
	ksync_close(d);
}

/* A full domain: end the first and the last one, and make two, again and again. */
static void both_ends(struct ksync *d, const char *name, int round, int n)
{
	double begin = now();

	for (int i = 0; i < pairs; i++) {
		struct ksync_mutex *m = &mutexes[i % 2 ? n - 1 : 0];

		must(ksync_mutex_destroy(m), "destroy");
		must(ksync_mutex_init(m, d, 0), "mutex");
	}
	say("scale-ends", name, round, begin, pairs);
}

/* System calls for objects here and there: the least that one does, UNLOCK's refusal. */
static void ask(struct ksync *d, const char *name, int round, int n)
{
	struct ksync_unlock arg = { .size = sizeof(arg), .thread = 1 };
	unsigned int seed = 1;
	double begin = now();

	for (int i = 0; i < calls; i++) {
		arg.id = mutexes[rand_r(&seed) % n].o.id;
		if (!ioctl(ksync_fileno(d), KSYNC_IOC_UNLOCK, &arg) || errno != ESRCH)
			err(1, "UNLOCK without a handle");
	}
	say("scale-call", name, round, begin, calls);
}

static void measure_few_and_many(int round)
{
	const struct {
		const char *name;
		int n;
	} sizes[] = { { "few-objects", FEW }, { "all-objects", objects } };

	for (int i = 0; i < 2; i++) {
		struct ksync *d = open_domain();

		must(ksync_mutex_init_many(mutexes, sizes[i].n, d, 0), "mutexes");
		ask(d, sizes[i].name, round, sizes[i].n);
		both_ends(d, sizes[i].name, round, sizes[i].n);
		ksync_close(d);
	}
}

static void begin(void)
{
	objects = at_most(MILLION, MILLION / 8, 4096);
	pairs = at_most(PAIRS, PAIRS / 4, 100);
	calls = 50 * pairs;
	mutexes = pages(objects * sizeof(*mutexes));
	glibc_mutexes = pages(objects * sizeof(*glibc_mutexes));
	memset(mutexes, 1, objects * sizeof(*mutexes));
	memset(glibc_mutexes, 1, objects * sizeof(*glibc_mutexes));
}

void bench_scale(void)
{
	const int times = at_most(3, 3, 1);

	begin();
	printf("%d objects: %d rounds\n", objects, times);
	for (int round = 0; round < times; round++) {
		glibc_new(round);
		glibc_used(round);
		ksync_both(round, "ksync-many", init_batch, destroy_batch);
		ksync_both(round, "ksync-single", init_single, destroy_single);
		measure_few_and_many(round);
	}
	munmap(mutexes, objects * sizeof(*mutexes));
	munmap(glibc_mutexes, objects * sizeof(*glibc_mutexes));
}
