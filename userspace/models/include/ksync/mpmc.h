/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * A bounded queue of pointers, for many producers and many consumers: D. Vyukov's ring
 * of numbered cells ("Bounded MPMC queue", 1024cores.net, 2010).
 *
 * Each cell has a sequence number that says whose turn it is.  With n cells, cell
 * pos % n is free for the push number pos if seq == pos, and full for the pop of that
 * number if seq == pos + 1.  A push or a pop takes its number by one compare and
 * exchange, has the cell for itself, and hands it on by writing seq.
 *
 *	CPU0: push number p		CPU1: pop number p
 *	[A] seq == p, acquire		[D] seq == p + 1, acquire
 *	[B] CAS tail = p + 1		[E] CAS head = p + 1
 *	... writes the value		... reads the value
 *	[C] seq = p + 1, release	[F] seq = p + n, release
 *
 * C and D: who pops sees the value.  F and A, a lap later: a push writes the value
 * after the pop has read it.  B and E are relaxed: they only give out numbers.
 *
 * Each producer's values come out in its order.  No lock is held; but a thread that is
 * held up between B and C hides what was pushed after it, and between E and F keeps a
 * cell from the push a lap later: the queue is not lock-free by the letter.  With
 * KSYNC_MPMC_WAIT, tasks and threads can wait for a value or for room.
 *
 * Head, tail, and what is only read are on cache lines of their own.  Neighbours in
 * order are not neighbours in memory: consecutive cells are in different lines, so
 * that two threads that have consecutive numbers do not write to the same one.
 */
#ifndef KSYNC_MPMC_H
#define KSYNC_MPMC_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ksync_mpmc_init(): ksync_mpmc_push() and ksync_mpmc_pop() may wait. */
#define KSYNC_MPMC_WAIT	1U

/** struct ksync_mpmc_cell - room for one value; its members are the library's */
struct ksync_mpmc_cell {
	uint64_t seq_;
	void *value_;
};

struct ksync_mpmc_waiter_;

/* Those that wait for one thing; @n_ is written with @lock_ held. */
struct ksync_mpmc_waiters_ {
	uint32_t lock_;
	uint32_t n_;
	struct ksync_mpmc_waiter_ *first_;
	struct ksync_mpmc_waiter_ **last_;
} __attribute__((aligned(64)));

/**
 * struct ksync_mpmc - a queue
 *
 * Its members are the library's.
 */
struct ksync_mpmc {
	struct ksync_mpmc_cell *cells_;
	uint64_t mask_;
	uint32_t shift_;	/* log2 of the cells in a quarter */
	uint32_t flags_;

	uint64_t tail_ __attribute__((aligned(64)));
	uint64_t head_ __attribute__((aligned(64)));
	struct ksync_mpmc_waiters_ pushers_;
	struct ksync_mpmc_waiters_ poppers_;
};

/**
 * ksync_mpmc_init() - make an empty queue
 * @q: queue
 * @cells: room for its values, best aligned to 64 bytes; lives as long as @q
 * @n: how many: a power of two, 4 at least
 * @flags: 0 or KSYNC_MPMC_WAIT
 *
 * Return: 0; -EINVAL (@n, @flags).
 */
int ksync_mpmc_init(struct ksync_mpmc *q, struct ksync_mpmc_cell *cells, size_t n,
		    uint32_t flags);

/* Wake who waits for a value, for room. */
void ksync_mpmc_wake_(struct ksync_mpmc_waiters_ *waiters);

/* The lowest two bits of the number choose a quarter of the array. */
static inline struct ksync_mpmc_cell *ksync_mpmc_cell_(const struct ksync_mpmc *q,
						       uint64_t pos)
{
	pos &= q->mask_;
	return &q->cells_[(pos & 3) << q->shift_ | pos >> 2];
}

/*
 * The cell was handed on [C, F], and whoever began to wait before is to see that, or
 * to be seen: mpmc.c has the other half.
 */
static inline void ksync_mpmc_told_(const struct ksync_mpmc *q,
				    struct ksync_mpmc_waiters_ *waiters)
{
	if (!(q->flags_ & KSYNC_MPMC_WAIT))
		return;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);			/* G */
	if (__atomic_load_n(&waiters->n_, __ATOMIC_RELAXED))		/* H */
		ksync_mpmc_wake_(waiters);
}

/**
 * ksync_mpmc_try_push() - append a value, if there is room
 * @q: queue
 * @value: any, NULL too
 *
 * Never waits.  What the caller wrote before is seen by who pops the value.
 *
 * Return: 0; -EAGAIN: the queue is full, or who pops the oldest value has not done yet.
 */
static inline int ksync_mpmc_try_push(struct ksync_mpmc *q, void *value)
{
	uint64_t pos = __atomic_load_n(&q->tail_, __ATOMIC_RELAXED);
	struct ksync_mpmc_cell *cell;
	int64_t ahead;

	for (;;) {
		cell = ksync_mpmc_cell_(q, pos);
		ahead = (int64_t)(__atomic_load_n(&cell->seq_, __ATOMIC_ACQUIRE) - pos); /* A */
		if (ahead < 0)
			return -EAGAIN;
		if (ahead > 0)
			pos = __atomic_load_n(&q->tail_, __ATOMIC_RELAXED);
		else if (__atomic_compare_exchange_n(&q->tail_, &pos, pos + 1, true,
						     __ATOMIC_RELAXED,	/* B */
						     __ATOMIC_RELAXED))
			break;
	}
	cell->value_ = value;
	__atomic_store_n(&cell->seq_, pos + 1, __ATOMIC_RELEASE);	/* C */
	ksync_mpmc_told_(q, &q->poppers_);
	return 0;
}

/**
 * ksync_mpmc_try_pop() - take the oldest value, if there is one
 * @q: queue
 * @value: set
 *
 * Never waits.
 *
 * Return: 0; -EAGAIN: the queue is empty, or who pushes the oldest value has not done
 * yet.
 */
static inline int ksync_mpmc_try_pop(struct ksync_mpmc *q, void **value)
{
	uint64_t pos = __atomic_load_n(&q->head_, __ATOMIC_RELAXED);
	struct ksync_mpmc_cell *cell;
	int64_t ahead;

	for (;;) {
		cell = ksync_mpmc_cell_(q, pos);
		ahead = (int64_t)(__atomic_load_n(&cell->seq_, __ATOMIC_ACQUIRE) -
				  (pos + 1));				/* D */
		if (ahead < 0)
			return -EAGAIN;
		if (ahead > 0)
			pos = __atomic_load_n(&q->head_, __ATOMIC_RELAXED);
		else if (__atomic_compare_exchange_n(&q->head_, &pos, pos + 1, true,
						     __ATOMIC_RELAXED,	/* E */
						     __ATOMIC_RELAXED))
			break;
	}
	*value = cell->value_;
	__atomic_store_n(&cell->seq_, pos + q->mask_ + 1, __ATOMIC_RELEASE); /* F */
	ksync_mpmc_told_(q, &q->pushers_);
	return 0;
}

/**
 * ksync_mpmc_push() - append a value, and wait for room if there is none
 * @q: queue, with KSYNC_MPMC_WAIT
 * @value: any
 * @abs: deadline; NULL waits for ever
 *
 * By tasks and plain threads.  Those that wait are woken in their order, but others
 * may come before them.
 *
 * Return: 0; -ETIMEDOUT, -ECANCELED, -EINVAL (tv_nsec; @q cannot wait), -ENOMEM: the
 * value is not in the queue.
 */
int ksync_mpmc_push(struct ksync_mpmc *q, void *value, const struct timespec *abs);

/**
 * ksync_mpmc_pop() - take the oldest value, and wait for one if there is none
 * @q: queue, with KSYNC_MPMC_WAIT
 * @value: set, if this returns 0
 * @abs: deadline; NULL waits for ever
 *
 * Return: as ksync_mpmc_push(): nothing was taken.
 */
int ksync_mpmc_pop(struct ksync_mpmc *q, void **value, const struct timespec *abs);

/** ksync_mpmc_count() - how many values were in it a moment ago */
static inline size_t ksync_mpmc_count(const struct ksync_mpmc *q)
{
	uint64_t head = __atomic_load_n(&q->head_, __ATOMIC_RELAXED);
	uint64_t tail = __atomic_load_n(&q->tail_, __ATOMIC_RELAXED);
	int64_t n = (int64_t)(tail - head);

	return n < 0 ? 0 : (uint64_t)n > q->mask_ ? (size_t)q->mask_ + 1 : (size_t)n;
}

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_MPMC_H */
