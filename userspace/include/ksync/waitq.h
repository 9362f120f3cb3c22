/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * A waitq: a 32-bit word that belongs to the program, and a queue of tasks that
 * sleep while the word has a value.  What futex(2) offers, with wake-ups in
 * priority order.  Whoever wakes changes the word first:
 *
 *	waiting (in the module)		waking
 *
 *	waiters++			word = something else
 *	barrier A			barrier B
 *	word == expected ?		waiters == 0 ?
 *	  yes: sleep			  yes: return, without a system call
 *	  no: -EAGAIN			  no: WAKE
 *
 * A and B are full barriers.  So it cannot be that the waiting side reads the
 * old word and the waking side reads no waiters: no wake-up is lost.  WAKE and
 * the waiter's look at the word exclude each other in the module.
 */
#ifndef KSYNC_WAITQ_H
#define KSYNC_WAITQ_H

#include <errno.h>
#include <stdbool.h>
#include <sys/types.h>
#include <time.h>
#include <ksync/object.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ksync_waitq - this process's reference to a waitq
 * @o: the object
 */
struct ksync_waitq {
	struct ksync_object o;
};

/**
 * ksync_waitq_init() - make a new waitq, its word 0
 * @q: set up
 * @d: domain
 * @flags: 0
 *
 * Return: 0; -EINVAL (flags), -ENOSPC (the domain's limit of objects), -ENOMEM.
 */
int ksync_waitq_init(struct ksync_waitq *q, struct ksync *d,
		     unsigned int flags);

/**
 * ksync_waitq_open() - refer to a waitq that exists
 * @q: set up
 * @d: domain
 * @id: from ksync_waitq_id(), in this process or another
 *
 * Return: 0; -EBADF (no such object), -EINVAL (not a waitq).
 */
int ksync_waitq_open(struct ksync_waitq *q, struct ksync *d, uint32_t id);

/**
 * ksync_waitq_destroy() - end a waitq, for all processes
 * @q: useless from now on
 *
 * Return: 0; -EBUSY (somebody waits on it), -EBADF (destroyed already).
 */
int ksync_waitq_destroy(struct ksync_waitq *q);

/**
 * ksync_waitq_id() - the number by which other processes open it
 * @q: waitq
 */
static inline uint32_t ksync_waitq_id(const struct ksync_waitq *q)
{
	return q->o.id;
}

/**
 * ksync_waitq_word() - the word, to be read and changed at will
 * @q: waitq
 *
 * C++ gets a plain pointer, for the compiler's __atomic functions.
 */
#ifdef __cplusplus
static inline uint32_t *ksync_waitq_word(struct ksync_waitq *q)
{
	return &q->o.cell->word;
}
#else
static inline _Atomic uint32_t *ksync_waitq_word(struct ksync_waitq *q)
{
	return (_Atomic uint32_t *)&q->o.cell->word;
}
#endif

/**
 * ksync_waitq_wait_timed() - sleep while the word is @expected
 * @q: waitq
 * @expected: what the caller has seen in the word
 * @bitset: wake-ups to hear: those with one of these bits
 * @clock: CLOCK_MONOTONIC or CLOCK_REALTIME
 * @abs: until when, on that clock; NULL waits for ever
 *
 * A signal handler runs, and the wait goes on.  There are no spurious
 * wake-ups: 0 means that a waker chose this task.
 *
 * Return: 0 (woken); -EAGAIN (the word differs), -ETIMEDOUT, -EINVAL (clock,
 * tv_nsec, bitset 0), -ENOSPC (the domain's limit of waiters), -ENOMEM, -EBADF.
 */
int ksync_waitq_wait_timed(struct ksync_waitq *q, uint32_t expected,
			   uint32_t bitset, clockid_t clock,
			   const struct timespec *abs);

/**
 * ksync_waitq_wait_interruptible() - the same, unless a signal handler ran
 * @q: waitq
 * @expected: what the caller has seen in the word
 * @bitset: wake-ups to hear
 * @clock: CLOCK_MONOTONIC or CLOCK_REALTIME
 * @abs: until when; NULL waits for ever
 *
 * Return: as ksync_waitq_wait_timed(); -EINTR.
 */
int ksync_waitq_wait_interruptible(struct ksync_waitq *q, uint32_t expected,
				   uint32_t bitset, clockid_t clock,
				   const struct timespec *abs);

/**
 * ksync_waitq_wait() - sleep while the word is @expected, for ever
 * @q: waitq
 * @expected: what the caller has seen in the word
 *
 * Return: as ksync_waitq_wait_timed().
 */
int ksync_waitq_wait(struct ksync_waitq *q, uint32_t expected);

/* Barrier B, and what follows it, of this file's first comment. */
static inline bool ksync_waitq_idle_(const struct ksync_waitq *q)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return !__atomic_load_n(&q->o.cell->waiters, __ATOMIC_RELAXED);
}

int ksync_waitq_wake_slow_(struct ksync_waitq *q, uint32_t n, uint32_t bitset);

/**
 * ksync_waitq_wake_bitset() - wake waiters that listen to one of these bits
 * @q: waitq, its word changed before this call
 * @n: at most so many, by priority, then in the order of arrival
 * @bitset: not 0
 *
 * A signal handler may call it.
 *
 * Return: how many were woken; -EINVAL (bitset 0), -EBADF.
 */
static inline int ksync_waitq_wake_bitset(struct ksync_waitq *q, uint32_t n,
					  uint32_t bitset)
{
	if (!bitset)
		return -EINVAL;
	return ksync_waitq_idle_(q) ? 0 : ksync_waitq_wake_slow_(q, n, bitset);
}

/**
 * ksync_waitq_wake() - wake waiters
 * @q: waitq, its word changed before this call
 * @n: at most so many, by priority, then in the order of arrival
 *
 * A signal handler may call it.
 *
 * Return: how many were woken; -EBADF.
 */
static inline int ksync_waitq_wake(struct ksync_waitq *q, uint32_t n)
{
	return ksync_waitq_wake_bitset(q, n, KSYNC_BITSET_ALL);
}

/**
 * ksync_waitq_requeue() - wake some waiters and move others to another waitq
 * @from: waitq, its word changed before this call
 * @to: another one of the same domain
 * @wake: wake at most so many, by priority, then in the order of arrival
 * @move: move at most so many of the rest, in the same order
 *
 * Return: how many were woken or moved; -EINVAL (the same waitq, or another
 * domain), -EBADF.
 */
int ksync_waitq_requeue(struct ksync_waitq *from, struct ksync_waitq *to,
			uint32_t wake, uint32_t move);

/**
 * ksync_waitq_cmp_requeue() - requeue, if the word is still @expected
 * @from: waitq
 * @to: another one of the same domain
 * @expected: compared with the word of @from, atomically against waiters
 * @wake: wake at most so many
 * @move: move at most so many of the rest
 *
 * Return: as ksync_waitq_requeue(); -EAGAIN (the word differs).
 */
int ksync_waitq_cmp_requeue(struct ksync_waitq *from, struct ksync_waitq *to,
			    uint32_t expected, uint32_t wake, uint32_t move);

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_WAITQ_H */
