/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * A semaphore: a number of units that tasks take and add, and a queue of tasks
 * that wait for one, served by priority, then in the order of arrival.
 *
 * What a task wrote before it added a unit is seen by the one that takes it:
 *
 *	posting				waiting
 *
 *	data = ...
 *	CAS n -> n + 1, release A	CAS n -> n - 1, acquire B
 *					... = data
 *
 * B reads what A wrote, or what other posts and waits have made of it; these
 * are read-modify-writes, which hand on A's release.  And no post is missed by
 * a task that goes to sleep:
 *
 *	posting				waiting (in the module)
 *
 *	CAS n -> n + 1		A	fetch_or: n -> n | WAITERS	C
 *	fails: RELEASE			n == 0: sleep
 *
 * A and C change the same word, so one comes first.  If A does, C returns its
 * unit.  If C does, A fails, and RELEASE takes the lock under which C was done:
 * it finds the waiter, and what it hands over is handed over under that lock.
 */
#ifndef KSYNC_SEM_H
#define KSYNC_SEM_H

#include <errno.h>
#include <sys/types.h>
#include <time.h>
#include <ksync/object.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ksync_sem - this process's reference to a semaphore
 * @o: the object
 */
struct ksync_sem {
	struct ksync_object o;
};

/**
 * ksync_sem_init() - make a new semaphore
 * @s: set up
 * @d: domain
 * @initial: how many units there are at first
 * @max: how many there can be; 0 is KSYNC_SEM_MAX
 *
 * Return: 0; -EINVAL (@initial above @max, @max above KSYNC_SEM_MAX), -ENOSPC
 * (the domain's limit of objects), -ENOMEM.
 */
int ksync_sem_init(struct ksync_sem *s, struct ksync *d, uint32_t initial,
		   uint32_t max);

/**
 * ksync_sem_open() - refer to a semaphore that exists
 * @s: set up
 * @d: domain
 * @id: from ksync_sem_id(), in this process or another
 *
 * Return: 0; -EBADF (no such object), -EINVAL (not a semaphore).
 */
int ksync_sem_open(struct ksync_sem *s, struct ksync *d, uint32_t id);

/**
 * ksync_sem_destroy() - end a semaphore, for all processes
 * @s: useless from now on
 *
 * Return: 0; -EBUSY (somebody waits for it), -EBADF (destroyed already).
 */
int ksync_sem_destroy(struct ksync_sem *s);

/**
 * ksync_sem_id() - the number by which other processes open it
 * @s: semaphore
 */
static inline uint32_t ksync_sem_id(const struct ksync_sem *s)
{
	return s->o.id;
}

/* B. WAITERS is out of the range, as 0 is: the module is to be asked. */
static inline bool ksync_sem_take_(struct ksync_sem *s)
{
	uint32_t seen = __atomic_load_n(&s->o.cell->word, __ATOMIC_RELAXED);

	return ksync_usable_(&s->o) &&
	       ksync_likely_(seen - 1 < KSYNC_SEM_MAX) &&
	       ksync_likely_(ksync_cas_(&s->o.cell->word, &seen, seen - 1,
					__ATOMIC_ACQUIRE));
}

/* A. A limit of 0 is for the slow path, WAITERS is above any. */
static inline bool ksync_sem_add_(struct ksync_sem *s, uint32_t n)
{
	uint32_t seen = __atomic_load_n(&s->o.cell->word, __ATOMIC_RELAXED);
	uint32_t limit = __atomic_load_n(&s->o.cell->limit, __ATOMIC_RELAXED);

	return ksync_usable_(&s->o) &&
	       ksync_likely_(seen <= limit && n && n <= limit - seen) &&
	       ksync_likely_(ksync_cas_(&s->o.cell->word, &seen, seen + n,
					__ATOMIC_RELEASE));
}

/* The slow paths. */
int ksync_sem_wait_slow_(struct ksync_sem *s);
int ksync_sem_wait_until_(struct ksync_sem *s, unsigned int flags,
			  clockid_t clock, const struct timespec *abs);
int ksync_sem_try_slow_(struct ksync_sem *s);
int ksync_sem_post_slow_(struct ksync_sem *s, uint32_t n);

/**
 * ksync_sem_wait() - take a unit, waiting as long as it takes
 * @s: semaphore
 *
 * A signal handler runs, and the wait goes on.
 *
 * Return: 0; -ENOSPC (the domain's limit of waiters), -ENOMEM, -EBADF
 * (destroyed).
 */
static inline int ksync_sem_wait(struct ksync_sem *s)
{
	return ksync_sem_take_(s) ? 0 :
		ksync_sem_wait_slow_(s);
}

/**
 * ksync_sem_wait_timed() - take a unit, waiting until a point in time
 * @s: semaphore
 * @clock: CLOCK_MONOTONIC or CLOCK_REALTIME
 * @abs: on that clock; NULL waits for ever
 *
 * A unit that is there is taken without looking at the time.
 *
 * Return: as ksync_sem_wait(); -ETIMEDOUT, -EINVAL (clock, tv_nsec).
 */
static inline int ksync_sem_wait_timed(struct ksync_sem *s, clockid_t clock,
				       const struct timespec *abs)
{
	return ksync_sem_take_(s) ? 0 :
		ksync_sem_wait_until_(s, 0, clock, abs);
}

/**
 * ksync_sem_wait_interruptible() - the same, unless a signal handler ran
 * @s: semaphore
 * @clock: CLOCK_MONOTONIC or CLOCK_REALTIME
 * @abs: on that clock; NULL waits for ever
 *
 * Return: as ksync_sem_wait_timed(); -EINTR.
 */
static inline int ksync_sem_wait_interruptible(struct ksync_sem *s,
					       clockid_t clock,
					       const struct timespec *abs)
{
	return ksync_sem_take_(s) ? 0 :
		ksync_sem_wait_until_(s, KSYNC_WAIT_INTERRUPTIBLE, clock, abs);
}

/**
 * ksync_sem_wait_try() - take a unit if one is there
 * @s: semaphore
 *
 * Units that were added for tasks that wait are theirs.
 *
 * Return: 0; -EAGAIN (there is none), -EBADF (destroyed).
 */
static inline int ksync_sem_wait_try(struct ksync_sem *s)
{
	return ksync_sem_take_(s) ? 0 : ksync_sem_try_slow_(s);
}

/**
 * ksync_sem_post_n() - add units, all or none of them
 * @s: semaphore
 * @n: how many, at least 1
 *
 * As many tasks as wait for them get them, by priority, then in the order of
 * arrival.  A signal handler may call it.
 *
 * Return: 0; -EOVERFLOW (there would be more than the semaphore's limit),
 * -EINVAL (@n is 0), -EBADF (destroyed).
 */
static inline int ksync_sem_post_n(struct ksync_sem *s, uint32_t n)
{
	return ksync_sem_add_(s, n) ? 0 : ksync_sem_post_slow_(s, n);
}

/**
 * ksync_sem_post() - add a unit
 * @s: semaphore
 *
 * A signal handler may call it.
 *
 * Return: as ksync_sem_post_n().
 */
static inline int ksync_sem_post(struct ksync_sem *s)
{
	return ksync_sem_post_n(s, 1);
}

/**
 * ksync_sem_value() - how many units there are at this moment
 * @s: semaphore
 *
 * While tasks wait that is 0, or what is just being given to them.
 *
 * Return: that; -EBADF (destroyed).
 */
static inline int ksync_sem_value(const struct ksync_sem *s)
{
	if (!ksync_usable_(&s->o))
		return -EBADF;
	return __atomic_load_n(&s->o.cell->word, __ATOMIC_ACQUIRE) &
		~KSYNC_WAITERS;
}

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_SEM_H */
