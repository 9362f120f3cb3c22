// SPDX-License-Identifier: GPL-2.0
/*
 * False sharing: two threads, each adding to a variable of its own.  In one cache line
 * they take it from each other at each addition; apart they do not.  How much that costs
 * is up to the machine: it is measured, not asserted.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include "lab.h"

#define SECONDS	0.2	/* of CPU time */
#define BATCH	1000

struct counter {
	_Alignas(LAB_LINE) unsigned int cpu;
	_Atomic uint64_t *value;
	double seconds;
};

static atomic_bool over;

static double cpu_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Until the first of the two has had its time: alone it would have the line. */
static void *add(void *arg)
{
	struct counter *c = arg;

	on_cpu(c->cpu);
	begin_together();
	while (!over) {
		for (int i = 0; i < BATCH; i++)
			atomic_fetch_add_explicit(c->value, 1, memory_order_relaxed);
		c->seconds = cpu_time();
		if (c->seconds > SECONDS)
			over = true;
	}
	return NULL;
}

/* Millions of additions in a second of CPU time, the mean of both. */
static double rate(size_t apart)
{
	static _Alignas(4096) unsigned char memory[4096];
	struct counter c[2];

	memset(memory, 0, sizeof(memory));
	for (unsigned int i = 0; i < 2; i++) {
		c[i].cpu = i;
		c[i].value = (_Atomic uint64_t *)(memory + i * apart);
	}
	over = false;
	together(2, add, c, sizeof(*c));
	return (*c[0].value + *c[1].value) / (c[0].seconds + c[1].seconds) / 1e6;
}

void lab_sharing(void)
{
	static const size_t distances[] = { 8, 32, 64, 128, 512 };
	const unsigned int n = sizeof(distances) / sizeof(*distances);
	double rates[sizeof(distances) / sizeof(*distances)], most = 0;
	char label[32];

	if (cpus_usable() < 2) {
		cannot("two variables in one cache line",
		       "it takes two CPUs; on one there is nobody to take the line away");
		return;
	}
	for (unsigned int i = 0; i < n; i++) {
		rates[i] = rate(distances[i]);
		most = rates[i] > most ? rates[i] : most;
	}
	for (unsigned int i = 0; i < n; i++) {
		snprintf(label, sizeof(label), "%zu bytes apart", distances[i]);
		bar(label, rates[i], most, "M/s of CPU");
	}
	fact("line", sysconf(_SC_LEVEL1_DCACHE_LINESIZE));
	fact("same_line", rates[0]);
	fact("apart", rates[3]);
	fact("ratio", rates[3] / rates[0]);
	say("A line has %ld bytes. 128 bytes apart the two are %.1f times as fast as in one line;\n"
	    "this is a figure of this machine at this moment, and no claim.",
	    sysconf(_SC_LEVEL1_DCACHE_LINESIZE), rates[3] / rates[0]);
}
