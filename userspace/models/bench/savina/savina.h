/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Benchmarks of the Savina suite (S. M. Imam, V. Sarkar, "Savina - An Actor Benchmark
 * Suite", AGERE! 2014), each in several variants: tasks and channels, tasks and ksync's
 * locks where that is a different program, actors.
 *
 * A variant is a function that a task runs.  It looks at what it did, and returns NULL or
 * a sentence that says what is wrong.  Its planted fault, which it has if it is told so,
 * must make it say one.
 */
#ifndef SAVINA_H
#define SAVINA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <ksync/chan.h>
#include <ksync/task.h>

#define SAVINA_SIZES	4

struct ksync;

/**
 * struct savina - one run
 * @size: as the benchmark says
 * @fault: plant the fault
 * @domain: of ksync's locks
 * @why: memory for the sentence
 */
struct savina {
	long size[SAVINA_SIZES];
	bool fault;
	struct ksync *domain;
	char why[120];
};

enum savina_variant {
	SAVINA_CHANNELS,
	SAVINA_LOCKS,
	SAVINA_ACTORS,
	SAVINA_VARIANTS,
};

/* Their names. */
extern const char *const savina_variants[SAVINA_VARIANTS];

/**
 * struct savina_bench - one benchmark
 * @run: a function for each variant, or NULL
 * @name: of it
 * @size: what its sizes are; NULL: it has no more
 * @small: sizes for a test
 */
struct savina_bench {
	const char *(*run[SAVINA_VARIANTS])(struct savina *s);
	const char *name;
	const char *size[SAVINA_SIZES + 1];
	long small[SAVINA_SIZES];
};

extern const struct savina_bench savina_pingpong, savina_threadring, savina_forkjoin,
	savina_chameneos, savina_big, savina_philosophers, savina_barber, savina_smokers,
	savina_bndbuffer;

/* All, and NULL. */
extern const struct savina_bench *const savina_benches[];

/* The sentence. */
const char *savina_wrong(struct savina *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* End the program if a call failed that cannot fail here. */
void savina_must(int ret);

/* calloc(), or the program ends. */
void *savina_alloc(size_t n, size_t size);

/* ksync_chan_create(), or the program ends. */
struct ksync_chan *savina_chan(size_t size, size_t cap);

static inline void savina_send(struct ksync_chan *c, const void *value)
{
	savina_must(ksync_chan_send(c, value));
}

static inline void savina_recv(struct ksync_chan *c, void *value)
{
	savina_must(ksync_chan_recv(c, value));
}

/* A detached task in a scope. */
static inline void savina_spawn(struct ksync_scope *scope, int (*fn)(void *arg), void *arg)
{
	savina_must(ksync_scope_spawn(scope, fn, arg, NULL));
}

/**
 * savina_random() - the next number, from 1 to 2^31 - 2
 * @state: the last one; not 0
 *
 * S. K. Park, K. W. Miller, "Random number generators: good ones are hard to find",
 * CACM 31(10), 1988, with the multiplier they have preferred since 1993.
 */
static inline long savina_random(uint32_t *state)
{
	*state = (uint64_t)*state * 48271 % 0x7fffffff;
	return *state;
}

#endif /* SAVINA_H */
