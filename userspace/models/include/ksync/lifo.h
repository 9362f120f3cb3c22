/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * A lock-free stack of the elements of an array (R. K. Treiber, "Systems Programming:
 * Coping with Parallelism", IBM RJ 5118, 1986), with a tag against ABA.
 *
 * Elements are named by their index.  The links are an array beside the elements; any
 * number of stacks may share it, as an element is on one stack at most: a pool, and the
 * lists of what was taken from it.  Nothing is allocated, and nobody waits: whoever
 * fails to exchange the top does so because somebody else has.
 *
 * ABA: a pop reads top == A and next[A] == B, and is held up.  Others pop A and B, and
 * push A.  A compare of indices alone would succeed, and put B on top, which is not on
 * the stack.  So the word is an index and a tag, and each pop adds 1 to the tag:
 *
 *	(i, t) is written by a push of i, or by a pop that uncovers i and makes the tag
 *	t.  To be written again i has to be popped, or to be covered and uncovered: both
 *	take a pop, after which the tag is not t.  So who finds (i, t) unchanged knows
 *	that nothing was popped since it read it, that i has been on the stack all the
 *	time, and that next[i] is as it was.
 *
 * A push need not change the tag: what it compares with is what it links to, whatever
 * has happened in between.  The tag has 32 bits: a pop can be wrong if just a multiple
 * of 2^32 pops, and no other number, happen between its load and its exchange, and leave
 * the same top.  That is a minute at least in which the caller does not run.
 *
 * Why not a pointer with a tag in 128 bits: cmpxchg16b is slower, is not in the x86-64
 * baseline (compilers call a library that may take locks), and memory that is popped
 * could not be given back even so, since others may still read its link.  Where that is
 * needed see ksync/hazard.h.
 *
 * C11 memory order, by the letters in the functions:
 *
 *	CPU0: push of i			CPU1: pop
 *	... writes element i
 *	[A] next[i] = top
 *	[B] CAS top = i, release	[C] load top == i, acquire
 *					[D] n = next[i]
 *					[E] CAS top = n
 *					... reads element i
 *
 * B and C: who finds i on top sees its link and what is in it, even if others have
 * popped since what was pushed above it: all stores to top are read-modify-writes, so
 * each is in the release sequence of B.  E releases nothing: a pop writes nothing that
 * others read.  When it succeeds it acquires nothing that C has not; when it fails it is
 * the next C.
 * D may read what a later push of i wrote: then i was popped, and E fails.
 */
#ifndef KSYNC_LIFO_H
#define KSYNC_LIFO_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* No element: what a pop of nothing returns, and what ends a chain. */
#define KSYNC_LIFO_NONE	UINT32_MAX

/**
 * struct ksync_lifo - a stack
 *
 * Its members are the library's.  On a cache line of its own.
 */
struct ksync_lifo {
	uint64_t top_;	/* index + 1 (0: none), from bit 32 the tag */
	uint32_t *next_;
} __attribute__((aligned(64)));

/**
 * ksync_lifo_init() - make an empty stack
 * @l: stack
 * @next: links, one for each element; need not be initialised; may be shared
 */
static inline void ksync_lifo_init(struct ksync_lifo *l, uint32_t *next)
{
	l->top_ = 0;
	l->next_ = next;
}

static inline uint32_t ksync_lifo_index_(uint64_t top)
{
	return (uint32_t)top - 1;
}

/**
 * ksync_lifo_push_chain() - push some elements at once
 * @l: stack
 * @first: will be on top
 * @last: the chain from @first to it is made by ksync_lifo_link(); may be @first
 *
 * Any context, signal handlers too.  Lock-free.
 */
static inline void ksync_lifo_push_chain(struct ksync_lifo *l, uint32_t first,
					 uint32_t last)
{
	uint64_t top = __atomic_load_n(&l->top_, __ATOMIC_RELAXED);
	uint64_t mine;

	do {
		__atomic_store_n(&l->next_[last], ksync_lifo_index_(top),
				 __ATOMIC_RELAXED);			/* A */
		mine = (top >> 32 << 32) | (first + 1);
	} while (!__atomic_compare_exchange_n(&l->top_, &top, mine, true,
					      __ATOMIC_RELEASE,		/* B */
					      __ATOMIC_RELAXED));
}

/** ksync_lifo_link() - @then comes after @i in a chain; neither is on a stack */
static inline void ksync_lifo_link(struct ksync_lifo *l, uint32_t i, uint32_t then)
{
	__atomic_store_n(&l->next_[i], then, __ATOMIC_RELAXED);
}

/** ksync_lifo_next() - what comes after @i in a chain; or KSYNC_LIFO_NONE */
static inline uint32_t ksync_lifo_next(const struct ksync_lifo *l, uint32_t i)
{
	return __atomic_load_n(&l->next_[i], __ATOMIC_RELAXED);
}

/**
 * ksync_lifo_push() - push an element
 * @l: stack
 * @i: its index, less than KSYNC_LIFO_NONE; on no stack
 *
 * What was written to the element is seen by who pops it.  Any context.  Lock-free.
 */
static inline void ksync_lifo_push(struct ksync_lifo *l, uint32_t i)
{
	ksync_lifo_push_chain(l, i, i);
}

/**
 * ksync_lifo_pop() - take the element that was pushed last
 * @l: stack
 *
 * Any context.  Lock-free.
 *
 * Return: its index; KSYNC_LIFO_NONE: the stack was empty.
 */
static inline uint32_t ksync_lifo_pop(struct ksync_lifo *l)
{
	uint64_t top = __atomic_load_n(&l->top_, __ATOMIC_ACQUIRE);	/* C */
	uint64_t below;
	uint32_t i;

	do {
		i = ksync_lifo_index_(top);
		if (i == KSYNC_LIFO_NONE)
			return i;
		below = __atomic_load_n(&l->next_[i], __ATOMIC_RELAXED) + 1U; /* D */
		below = (uint32_t)below | ((top >> 32) + 1) << 32;
	} while (!__atomic_compare_exchange_n(&l->top_, &top, below, true,
					      __ATOMIC_ACQUIRE,		/* E */
					      __ATOMIC_ACQUIRE));	/* C */
	return i;
}

/**
 * ksync_lifo_pop_all() - take all elements, as a chain
 * @l: stack
 *
 * ksync_lifo_next() leads from one to the next.  Any context.  Lock-free.
 *
 * Return: the index of the one that was pushed last, or KSYNC_LIFO_NONE.
 */
static inline uint32_t ksync_lifo_pop_all(struct ksync_lifo *l)
{
	uint64_t top = __atomic_load_n(&l->top_, __ATOMIC_ACQUIRE);	/* C */

	do {
		if (!(uint32_t)top)
			return KSYNC_LIFO_NONE;
	} while (!__atomic_compare_exchange_n(&l->top_, &top,
					      ((top >> 32) + 1) << 32, true,
					      __ATOMIC_ACQUIRE,		/* E */
					      __ATOMIC_ACQUIRE));	/* C */
	return ksync_lifo_index_(top);
}

/** ksync_lifo_empty() - was nothing on it a moment ago? */
static inline bool ksync_lifo_empty(const struct ksync_lifo *l)
{
	return !(uint32_t)__atomic_load_n(&l->top_, __ATOMIC_RELAXED);
}

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_LIFO_H */
