// SPDX-License-Identifier: GPL-2.0
/*
 * A data race: two threads add one to the same variable, each by a load and a store.
 * When both loads come before both stores, one addition is lost.
 */
#include <pthread.h>
#include <stdatomic.h>
#include "lab.h"

#define ADDITIONS	200000	/* of each thread in a round */
#define TRIES		10	/* rounds of a cure */

enum way { PLAIN, ATOMIC, MUTEX };

/* A line each for what both use, and for what belongs to one. */
struct adder {
	_Alignas(LAB_LINE) enum way way;
	uint32_t *seen;		/* what each of its loads found */
};

static _Alignas(LAB_LINE) uint32_t counter;
static _Alignas(LAB_LINE) _Atomic uint32_t atomic_counter;
static struct ksync_mutex mutex;

/* Not inlined: the compiler may not keep what others can change in a register. */
static __attribute__((noinline)) uint32_t load(const uint32_t *p)
{
	return *p;
}

static __attribute__((noinline)) void store(uint32_t *p, uint32_t value)
{
	*p = value;
}

static uint32_t add(enum way way)
{
	uint32_t before;

	if (way == ATOMIC)
		return atomic_fetch_add(&atomic_counter, 1);
	if (way == MUTEX)
		must(ksync_mutex_lock(&mutex), "lock");
	before = load(&counter);
	store(&counter, before + 1);
	if (way == MUTEX)
		must(ksync_mutex_unlock(&mutex), "unlock");
	return before;
}

static void *add_many(void *arg)
{
	struct adder *a = arg;

	begin_together();
	for (unsigned int i = 0; i < ADDITIONS; i++)
		a->seen[i] = add(a->way);
	return NULL;
}

/* How many additions of a round are missing. */
static uint32_t round_of(enum way way, struct adder *a)
{
	counter = 0;
	atomic_counter = 0;
	a[0].way = way;
	a[1].way = way;
	together(2, add_many, a, sizeof(*a));
	return 2 * ADDITIONS - (way == ATOMIC ? atomic_counter : counter);
}

/* A value that both have loaded: each has stored the next one, and one is lost. */
static void show_trace(const struct adder *a)
{
	static uint8_t loaded[2 * ADDITIONS + 1];

	for (unsigned int i = 0; i < ADDITIONS; i++)
		loaded[a[0].seen[i]] = 1;
	for (unsigned int i = 0; i < ADDITIONS; i++) {
		const uint32_t v = a[1].seen[i];

		if (!loaded[v])
			continue;
		show("thread 1: loads %u, stores %u", v, v + 1);
		show("thread 2: loads %u, stores %u    2 additions, the sum grows by 1", v, v + 1);
		return;
	}
}

static void show_cure(const char *name, enum way way, struct adder *a)
{
	uint32_t lost = 0;

	for (unsigned int i = 0; i < TRIES; i++)
		lost += round_of(way, a);
	cure(name, lost, "%u of %u additions are missing in %d rounds", lost,
	     TRIES * 2 * ADDITIONS, TRIES);
	bar(name, lost, 2 * ADDITIONS, "lost");
}

void lab_race(void)
{
	static struct adder a[2];
	const double end = now() + lab_seconds;
	unsigned int rounds = 0;
	uint32_t lost;

	for (int i = 0; i < 2; i++)
		a[i].seen = calloc(ADDITIONS, sizeof(*a[i].seen));
	do {
		rounds++;
		lost = round_of(PLAIN, a);
	} while (!lost && now() < end);
	fact("lost", lost);
	fact("rounds", rounds);
	hazard("lost updates", lost, "%u of %d additions are missing after round %u", lost,
	       2 * ADDITIONS, rounds);
	if (lost)
		show_trace(a);
	bar("load and store", lost, 2 * ADDITIONS, "lost");

	lab_mutex(lab_domain(), &mutex, "counter", 0);
	show_cure("atomic addition", ATOMIC, a);
	show_cure("ksync_mutex", MUTEX, a);
}
