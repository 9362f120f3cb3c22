// SPDX-License-Identifier: GPL-2.0
/*
 * Store buffering, the one reordering that x86 does: each of two threads stores to its
 * variable, then loads the other's.  In any interleaving at least one of them sees the
 * other's store.  A CPU's store waits in its buffer while the load goes ahead, and both
 * see nothing; memory_order_seq_cst, a full barrier, forbids that.  (Owens, Sarkar and
 * Sewell, "A Better x86 Memory Model: x86-TSO", 2009.)
 */
#include <pthread.h>
#include <stdatomic.h>
#include "lab.h"

#define ROUNDS	1000	/* after which the clock is looked at */
#define GOAL	20000	/* rounds, if they do not take too long */

enum order { RELAXED, PUBLISHING, SEQUENTIAL };

struct side {
	_Alignas(LAB_LINE) _Atomic uint32_t flag;
	_Alignas(LAB_LINE) _Atomic uint32_t arrived;
	struct side *other;
	unsigned int cpu;
	enum order order;
	uint8_t saw[ROUNDS + 1];
};

/* Both leave round @n at nearly the same time. */
static void meet(struct side *s, uint32_t n)
{
	atomic_store(&s->arrived, n);
	for (uint32_t i = 1; atomic_load(&s->other->arrived) < n; i++)
		if (i % 4096 == 0)
			sched_yield();
}

/* Spelled out: an order that the compiler does not know is the strongest. */
static uint32_t store_and_load(struct side *s, uint32_t n)
{
	switch (s->order) {
	case RELAXED:
		atomic_store_explicit(&s->flag, n, memory_order_relaxed);
		return atomic_load_explicit(&s->other->flag, memory_order_relaxed);
	case PUBLISHING:
		atomic_store_explicit(&s->flag, n, memory_order_release);
		return atomic_load_explicit(&s->other->flag, memory_order_acquire);
	default:
		atomic_store_explicit(&s->flag, n, memory_order_seq_cst);
		return atomic_load_explicit(&s->other->flag, memory_order_seq_cst);
	}
}

/* One of the two is always a little late, sometimes this one, sometimes that one. */
static void delay(uint32_t n)
{
	while (n--)
		atomic_signal_fence(memory_order_seq_cst);
}

static void *play(void *arg)
{
	struct side *s = arg;
	uint32_t seed = s->cpu + 1;

	on_cpu(s->cpu);
	begin_together();
	for (uint32_t n = 1; n <= ROUNDS; n++) {
		meet(s, 2 * n);
		delay(dice(&seed) % 512);
		s->saw[n] = store_and_load(s, n) == n;
		meet(s, 2 * n + 1);
	}
	return NULL;
}

/* In how many of ROUNDS neither saw the other. */
static unsigned int some_rounds(struct side *s, enum order order)
{
	unsigned int n = 0;

	for (int i = 0; i < 2; i++) {
		s[i].flag = 0;
		s[i].arrived = 0;
		s[i].other = &s[!i];
		s[i].cpu = i;
		s[i].order = order;
	}
	together(2, play, s, sizeof(*s));
	for (int i = 1; i <= ROUNDS; i++)
		n += !s[0].saw[i] && !s[1].saw[i];
	return n;
}

/* The same, in *@rounds: until there are GOAL, and where it may be seen it is, or time is up. */
static unsigned int both_first(enum order order, unsigned int *rounds)
{
	static struct side s[2];
	const double end = now() + lab_seconds;
	unsigned int seen = 0;

	*rounds = 0;
	do {
		seen += some_rounds(s, order);
		*rounds += ROUNDS;
	} while (now() < end && (*rounds < GOAL || (order == RELAXED && !seen)));
	return seen;
}

static void draw(const char *order, unsigned int seen, unsigned int rounds)
{
	bar(order, seen, rounds / 10.0, "rounds");
}

void lab_ordering(void)
{
	unsigned int seen, rounds;

	if (cpus_usable() < 2) {
		cannot("stores pass loads", "it takes two CPUs: one sees its own stores in order");
		return;
	}
	seen = both_first(RELAXED, &rounds);
	fact("relaxed", seen);
	if (seen)
		hazard("both come first, relaxed", true, "in %u of %u rounds neither saw the other",
		       seen, rounds);
	else
		cannot("both come first, relaxed",
		       "not seen in %u rounds, %g s: two threads have to run at one moment", rounds,
		       lab_seconds);
	say("thread 1: x = 1; r1 = y     thread 2: y = 1; r2 = x     and r1 == 0 and r2 == 0");
	draw("relaxed", seen, rounds);
	seen = both_first(PUBLISHING, &rounds);
	fact("acquire_release", seen);
	draw("release and acquire", seen, rounds);
	say("Release and acquire publish data; they do not order a store before a later load.");
	seen = both_first(SEQUENTIAL, &rounds);
	cure("memory_order_seq_cst", seen, "%u of %u rounds", seen, rounds);
	draw("seq_cst", seen, rounds);
}
