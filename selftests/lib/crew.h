/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A few tasks, or threads, that do the same to one structure; and whether they found out
 * that a variant of it is busted.
 */
#ifndef KSYNC_SELFTESTS_CREW_H
#define KSYNC_SELFTESTS_CREW_H

#include <pthread.h>
#include "models.h"

#define CREW	4

static long rounds;
static bool busted;
static uint32_t found;	/* what a busted variant is to show */

/* Run fn(0) to fn(CREW - 1) as tasks; the first line that fails. */
static inline void *crew(void *fn)
{
	struct ksync_task *t[CREW];
	void *line, *first = NULL;
	long i;

	for (i = 0; i < CREW; i++)
		CHECK(!ksync_task_spawn(&t[i], (void *(*)(void *))fn, (void *)i, NULL));
	for (i = 0; i < CREW; i++) {
		CHECK(!ksync_task_join(t[i], &line));
		if (!first)
			first = line;
	}
	return first;
}

/* The same as plain threads. */
static inline void *thread_crew(void *(*fn)(void *))
{
	pthread_t t[CREW];
	void *line, *first = NULL;
	long i;

	for (i = 0; i < CREW; i++)
		CHECK(!pthread_create(&t[i], NULL, fn, (void *)i));
	for (i = 0; i < CREW; i++) {
		CHECK(!pthread_join(t[i], &line));
		if (!first)
			first = line;
	}
	return first;
}

static inline bool over(void)
{
	return busted && __atomic_load_n(&found, __ATOMIC_RELAXED);
}

static inline void find(void)
{
	__atomic_store_n(&found, 1, __ATOMIC_RELAXED);
}

#endif /* KSYNC_SELFTESTS_CREW_H */
