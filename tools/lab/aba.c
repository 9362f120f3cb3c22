// SPDX-License-Identifier: GPL-2.0
/*
 * ABA: a stack of nodes that are used again (Treiber, "Systems Programming: Coping with
 * Parallelism", 1986).  pop() reads the first node A and its successor B, and sets the
 * head from A to B if it is still A.  If A and B were popped meanwhile and A pushed
 * again, it is, and B, which somebody has, becomes the head: it is had twice.
 *
 * The cures: a number in the head that each push and pop raises, so that it differs
 * (IBM System/370 Principles of Operation); and hazard pointers, by which a thread says
 * which node it looks at, and nobody pushes that again meanwhile (Michael, "Hazard
 * Pointers", IEEE TPDS 15(6), 2004).
 *
 * Nodes are numbered from 1, 0 is none; their memory is never freed here, so that the
 * hazard is a wrong stack and not a wrong access.
 */
#include <pthread.h>
#include <stdatomic.h>
#include "lab.h"

#define THREADS	4
#define NODES	4
#define CURED	1.0	/* seconds for a cure, if the hazard took less */

enum way { PLAIN, TAGGED, HAZARD_POINTERS };

/**
 * struct node - an element of the stack
 * @next: the one below
 * @owner: thread that has popped it, from 1
 * @pushed: how often it was pushed
 */
struct node {
	_Alignas(LAB_LINE) _Atomic uint32_t next;
	_Atomic uint32_t owner;
	_Atomic uint32_t pushed;
};

struct hazard_pointer {
	_Alignas(LAB_LINE) _Atomic uint32_t node;
};

/**
 * struct damage - the first node that two threads had
 * @a: the head that came back
 * @b: its successor, of before
 * @who: popped it
 * @other: had it already
 * @pushes: how often @a was pushed between the look and the compare-and-swap
 */
struct damage {
	uint32_t a;
	uint32_t b;
	uint32_t who;
	uint32_t other;
	uint32_t pushes;
};

struct worker {
	_Alignas(LAB_LINE) uint32_t me;
	uint32_t seed;
	uint64_t pops;
	uint64_t deceived;	/* compare-and-swaps that took a value that came back */
};

static struct node nodes[NODES + 1];
static struct hazard_pointer hazards[THREADS + 1];
static _Alignas(LAB_LINE) _Atomic uint64_t head;	/* tag << 32 | node */
static enum way way;
static double end;
static atomic_bool over;
static atomic_flag damaged;
static struct damage damage;

static uint64_t head_of(uint64_t before, uint32_t node)
{
	const uint64_t tag = way == TAGGED ? (before >> 32) + 1 : 0;

	return tag << 32 | node;
}

static void push(uint32_t n)
{
	uint64_t top = head;

	nodes[n].pushed++;
	do {
		nodes[n].next = (uint32_t)top;
	} while (!atomic_compare_exchange_weak(&head, &top, head_of(top, n)));
}

/*
 * Say which node is looked at, then see that it is still the head: whoever pops it after
 * that and wants to push it again reads this before.  Both are sequentially consistent.
 */
static uint64_t look(uint32_t me)
{
	uint64_t top;

	do {
		top = head;
		if (way != HAZARD_POINTERS)
			return top;
		hazards[me].node = (uint32_t)top;
	} while (head != top);
	return top;
}

static void report(struct worker *w, uint32_t a, uint32_t b, uint32_t other, uint32_t pushes)
{
	if (atomic_flag_test_and_set(&damaged))
		return;
	damage = (struct damage){ a, b, w->me, other, pushes };
	over = true;
}

/* The head was @a, its successor @b: is that so again, or still? */
static uint32_t pop(struct worker *w)
{
	uint32_t a, b, other, pushed;
	uint64_t top;

	for (;;) {
		top = look(w->me);
		a = top;
		if (!a)
			return 0;
		pushed = nodes[a].pushed;
		b = nodes[a].next;
		if (dice(&w->seed) % 128 == 0)
			nap(0.00001);	/* as if it were preempted here */
		if (atomic_compare_exchange_weak(&head, &top, head_of(top, b)))
			break;
	}
	hazards[w->me].node = 0;
	pushed = nodes[a].pushed - pushed;
	w->deceived += pushed != 0;
	w->pops++;
	other = atomic_exchange(&nodes[a].owner, w->me);
	if (other)
		report(w, a, b, other, pushed);
	return a;
}

static bool looked_at(uint32_t n)
{
	for (uint32_t i = 1; i <= THREADS; i++)
		if (hazards[i].node == n)
			return true;
	return false;
}

static void put_back(uint32_t n)
{
	if (!n || over)
		return;
	while (way == HAZARD_POINTERS && looked_at(n))
		sched_yield();
	nodes[n].owner = 0;
	push(n);
}

/* Two are popped, and put back in any order: A may come back to the top without B. */
static void *use(void *arg)
{
	struct worker *w = arg;

	begin_together();
	while (!over) {
		const uint32_t first = pop(w), second = pop(w);
		const bool swap = dice(&w->seed) % 2;

		put_back(swap ? first : second);
		put_back(swap ? second : first);
		if (now() >= end)
			over = true;
	}
	return NULL;
}

static void run(enum way how, double seconds, struct worker *w)
{
	way = how;
	head = 0;
	over = false;
	atomic_flag_clear(&damaged);
	memset(hazards, 0, sizeof(hazards));
	for (uint32_t n = 1; n <= NODES; n++) {
		nodes[n].owner = 0;
		push(n);
	}
	for (uint32_t i = 0; i < THREADS; i++)
		w[i] = (struct worker){ .me = i + 1, .seed = 77 * (i + 1) };
	end = now() + seconds;
	together(THREADS, use, w, sizeof(*w));
}

static bool is_damaged(void)
{
	const bool twice = atomic_flag_test_and_set(&damaged);

	if (!twice)
		atomic_flag_clear(&damaged);
	return twice;
}

static uint64_t pops_of(const struct worker *w)
{
	uint64_t n = 0;

	for (int i = 0; i < THREADS; i++)
		n += w[i].pops;
	return n;
}

static uint64_t deceived_of(const struct worker *w)
{
	uint64_t n = 0;

	for (int i = 0; i < THREADS; i++)
		n += w[i].deceived;
	return n;
}

static void show_cure(const char *name, enum way how, double seconds)
{
	struct worker w[THREADS];
	bool bad;

	run(how, seconds, w);
	bad = is_damaged() || deceived_of(w);
	cure(name, bad, "%lu pops in %.1f s: %lu took a head that had come back", pops_of(w),
	     seconds, deceived_of(w));
	bar(name, pops_of(w) / seconds / 1e6, 20, "M pops/s");
}

void lab_aba(void)
{
	struct worker w[THREADS];
	const double begin = now();
	double took;

	run(PLAIN, lab_seconds, w);
	took = now() - begin;
	fact("pops", pops_of(w));
	fact("deceived", deceived_of(w));
	fact("doubled", is_damaged());
	hazard("a node that two threads have", is_damaged(), "after %lu pops, in %.3f s",
	       pops_of(w), took);
	if (is_damaged()) {
		show("thread %u had popped node %u", damage.other, damage.a);
		show("thread %u popped node %u too, its compare-and-swap saw no change", damage.who,
		     damage.a);
	}
	show("%lu compare-and-swaps took a head that was popped and pushed again",
	     deceived_of(w));
	took = took < CURED ? CURED : took;
	show_cure("a tag in the head", TAGGED, took);
	show_cure("hazard pointers", HAZARD_POINTERS, took);
}
