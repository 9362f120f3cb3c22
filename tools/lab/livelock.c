// SPDX-License-Identifier: GPL-2.0
/*
 * A livelock: two threads need one token.  Whoever has it, and sees that the other one
 * needs it too, hands it over out of politeness.  Nobody sleeps, nobody gets anything
 * done.  The cures break the symmetry, by rank or by lot.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include "lab.h"

#define SECONDS	0.5
#define PATIENCE	3	/* times in a row, BY_RANK */

enum manners { ALWAYS, BY_RANK, BY_LOT };

/**
 * struct guest - one of the two
 * @me: 0 or 1
 * @meals: what it got done
 * @yields: how often it handed the token over
 * @waited: how often in a row
 * @cpu: seconds of CPU time
 */
struct guest {
	_Alignas(LAB_LINE) int me;
	uint64_t meals;
	uint64_t yields;
	unsigned int waited;
	double cpu;
};

static _Alignas(LAB_LINE) atomic_int token;
static _Alignas(LAB_LINE) atomic_bool hungry[2];
static enum manners manners;
static double end;

static bool gives_way(const struct guest *g, uint32_t *seed)
{
	if (!hungry[!g->me])
		return false;
	if (manners == BY_RANK)
		return g->me == 1 && g->waited < PATIENCE;
	return manners == ALWAYS || dice(seed) % 2;
}

static void *dine(void *arg)
{
	struct guest *g = arg;
	uint32_t seed = g->me + 1;
	struct timespec cpu;

	hungry[g->me] = true;
	begin_together();
	while (now() < end) {
		hungry[g->me] = true;
		if (token != g->me) {
			sched_yield();
			continue;
		}
		if (gives_way(g, &seed)) {
			g->yields++;
			g->waited++;
			token = !g->me;
			continue;
		}
		hungry[g->me] = false;
		g->meals++;
		g->waited = 0;
		token = !g->me;
	}
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
	g->cpu = cpu.tv_sec + cpu.tv_nsec / 1e9;
	return NULL;
}

static void dinner(enum manners how, struct guest *g)
{
	for (int i = 0; i < 2; i++)
		g[i] = (struct guest){ .me = i };
	manners = how;
	token = 0;
	end = now() + SECONDS;
	together(2, dine, g, sizeof(*g));
}

static void show_cure(const char *name, enum manners how)
{
	const double bound = now() + lab_seconds;
	struct guest g[2];

	do {
		dinner(how, g);
	} while ((!g[0].meals || !g[1].meals) && now() < bound);
	cure(name, !g[0].meals || !g[1].meals,
	     "%lu and %lu meals, the token was passed on %lu times",
	     g[0].meals, g[1].meals, g[0].yields + g[1].yields);
	bar(name, g[0].meals + g[1].meals, g[0].meals + g[1].meals + g[0].yields + g[1].yields,
	    "meals");
}

void lab_livelock(void)
{
	const double bound = now() + lab_seconds;
	struct guest g[2];
	uint64_t yields;

	do {
		dinner(ALWAYS, g);
		yields = g[0].yields + g[1].yields;
		/* The one that is hungry last has nobody to be polite to: not a livelock. */
	} while ((g[0].meals + g[1].meals || yields < 100) && now() < bound);
	fact("yields", yields);
	fact("meals", g[0].meals + g[1].meals);
	hazard("both give way", !(g[0].meals + g[1].meals) && yields >= 100,
	       "the token changed hands %lu times, and nobody ate", yields);
	show("neither slept: they used %.2f and %.2f s of CPU time", g[0].cpu, g[1].cpu);
	bar("give way", g[0].meals + g[1].meals, yields, "meals");
	show_cure("give way to rank, 3 times", BY_RANK);
	show_cure("toss a coin", BY_LOT);
}
