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

#define ROUNDS	20000

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
static unsigned int both_first(struct side *s, enum order order)
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

void lab_ordering(void)
{
	static struct side s[2];
	const double end = now() + lab_seconds;
	unsigned int seen, rounds = 0;

	if (cpus_usable() < 2) {
		cannot("stores pass loads", "it takes two CPUs: one sees its own stores in order");
		return;
	}
	do {
		rounds += ROUNDS;
		seen = both_first(s, RELAXED);
	} while (!seen && now() < end);
	fact("relaxed", seen);
	if (seen)
		hazard("both come first, relaxed", true, "in %u of %u rounds neither saw the other",
		       seen, rounds);
	else
		cannot("both come first, relaxed",
		       "not seen in %u rounds, %g s: two threads have to run at one moment", rounds,
		       lab_seconds);
	say("thread 1: x = 1; r1 = y     thread 2: y = 1; r2 = x     and r1 == 0 and r2 == 0");
	bar("relaxed", seen, ROUNDS / 10.0, "rounds");
	seen = both_first(s, PUBLISHING);
	fact("acquire_release", seen);
	bar("release and acquire", seen, ROUNDS / 10.0, "rounds");
	say("Release and acquire publish data; they do not order a store before a later load.");
	seen = both_first(s, SEQUENTIAL);
	cure("memory_order_seq_cst", seen, "%u of %d rounds", seen, ROUNDS);
	bar("seq_cst", seen, ROUNDS / 10.0, "rounds");
}
