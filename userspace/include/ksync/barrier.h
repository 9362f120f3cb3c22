/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * A barrier: tasks wait until a fixed number of them have arrived, then all go
 * on, and the barrier is ready for the next cycle at once.
 *
 * It counts arrivals, not tasks: any task may arrive, and more tasks than its
 * count may use it; those that come too many belong to the next cycle.  A task
 * that is killed while it sleeps here has arrived.  For one that dies before,
 * the others wait for ever, or until their deadlines: whoever learns of the
 * death, a parent by wait(2) say, arrives in its place.  Should the last one to
 * arrive be killed in the middle of ksync_barrier_wait(), before it has woken
 * the others, they sleep on, or until their deadlines.
 *
 * Whoever overwrites its memory can let waiting tasks go too early, or never;
 * a count that cannot be is reported to the next one to arrive.
 *
 * It is the centralized sense-reversing barrier (Mellor-Crummey and Scott,
 * 1991), with a cycle number for the sense and a queue for waiters that have
 * spun long enough.
 */
#ifndef KSYNC_BARRIER_H
#define KSYNC_BARRIER_H

#include <ksync/model.h>
#include <ksync/waitq.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What ksync_barrier_wait() returns to one task of each cycle. */
#define KSYNC_BARRIER_SERIAL	1

/**
 * struct ksync_barrier - this process's reference to a barrier
 * @o: the object
 * @q: the same as a waitq, whose word changes with each cycle
 * @count: how many tasks make a cycle
 * @reserved: zero
 */
struct ksync_barrier {
	union {
		struct ksync_object o;
		struct ksync_waitq q;
	};
	uint32_t count;
	uint32_t reserved[3];
};

/**
 * ksync_barrier_init() - make a new barrier
 * @b: set up
 * @d: domain
 * @count: how many tasks make a cycle, 1 to 2^32 - 1
 *
 * Return: 0; -EINVAL (@count is 0), -ENOSPC (the domain's limit of objects),
 * -ENOMEM.
 */
int ksync_barrier_init(struct ksync_barrier *b, struct ksync *d,
		       uint32_t count);

/**
 * ksync_barrier_open() - refer to a barrier that exists
 * @b: set up
 * @d: domain
 * @id: from ksync_barrier_id(), in this process or another
 *
 * Return: 0; -EBADF (no such object), -EINVAL (not a barrier).
 */
int ksync_barrier_open(struct ksync_barrier *b, struct ksync *d, uint32_t id);

/**
 * ksync_barrier_destroy() - end a barrier, for all processes
 * @b: useless from now on
 *
 * May be called as soon as one task has returned from the last cycle: it waits
 * up to a second for others of that cycle which are still on their way out.
 *
 * Return: 0; -EBUSY (somebody has arrived and waits; or is still on its way out
 * after a second, or was killed there), -EBADF (destroyed already).
 */
int ksync_barrier_destroy(struct ksync_barrier *b);

/**
 * ksync_barrier_id() - the number by which other processes open it
 * @b: barrier
 */
static inline uint32_t ksync_barrier_id(const struct ksync_barrier *b)
{
	return b->o.id;
}

/**
 * ksync_barrier_wait() - arrive, and wait for the others
 * @b: barrier
 *
 * What any of them did before is seen by all of them after.  A signal handler
 * runs, and the wait goes on.  On an error the caller has not arrived.
 *
 * Return: KSYNC_BARRIER_SERIAL to the task that arrived last, 0 to all others;
 * -ENOSPC (the domain's limit of waiters), -ENOMEM, -EBADF (destroyed),
 * -EUCLEAN (its memory was overwritten).
 */
int ksync_barrier_wait(struct ksync_barrier *b);

/**
 * ksync_barrier_wait_timed() - the same, until a point in time
 * @b: barrier
 * @clock: CLOCK_MONOTONIC or CLOCK_REALTIME
 * @abs: on that clock; NULL waits for ever
 *
 * Who arrives last does not look at @clock and @abs.  -ETIMEDOUT takes the
 * arrival back: the others need somebody else to arrive.
 *
 * Return: as ksync_barrier_wait(); -ETIMEDOUT, -EINVAL (clock, tv_nsec).
 */
int ksync_barrier_wait_timed(struct ksync_barrier *b, clockid_t clock,
			     const struct timespec *abs);

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_BARRIER_H */
