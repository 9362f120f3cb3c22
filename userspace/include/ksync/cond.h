/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * A condition variable: release a mutex and sleep in one step, until somebody
 * signals; have the mutex again on return.  As with all of them, what is waited
 * for is a condition of the program's, changed and looked at under the mutex:
 *
 *	ksync_mutex_lock(&m);
 *	while (!condition)
 *		ksync_cond_wait(&c, &m);
 *
 * Waiters are signalled by priority, then in the order of arrival.  They get the
 * mutex one after the other, and are woken for that one at a time, or one ahead from
 * another CPU: a broadcast wakes no herd.  From the signal on a waiter counts as one
 * that waits for the mutex, whose owner it boosts.  No signal is lost, nor taken by a
 * waiter that came after it; a waiter that is killed leaves it to the next.
 *
 * Whoever signals has changed the condition under the mutex before, and may have
 * unlocked it:
 *
 *	waiting (in the module)		signalling
 *
 *	waiters++			lock the mutex		B
 *	release the mutex	A	change the condition, unlock
 *					waiters == 0 ?
 *					  yes: return, without a system call
 *					  no: COND_SIGNAL
 *
 * A waiter saw the condition false under the mutex, and releases that at A.  So
 * B, which made it true, comes after A, acquires what A released, and the
 * signalling side sees the waiter.  No fence is needed for it.
 *
 * Who waits for a cond and other objects (<ksync/many.h>) unlocks the mutex
 * first.  It reads the count of signals before, which each signal raises, and
 * its wait is over if that has changed.  Raising it and the look at waiters are
 * both sequentially consistent: the look does not come first.
 */
#ifndef KSYNC_COND_H
#define KSYNC_COND_H

#include <ksync/annotations.h>
#include <ksync/mutex.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ksync_cond - this process's reference to a condition variable
 * @o: the object
 */
struct ksync_cond {
	struct ksync_object o;
};

/**
 * ksync_cond_init() - make a new condition variable
 * @c: set up
 * @d: domain
 * @flags: 0
 *
 * Return: 0; -EINVAL (flags), -ENOSPC (the domain's limit of objects), -ENOMEM.
 */
int ksync_cond_init(struct ksync_cond *c, struct ksync *d, unsigned int flags);

/**
 * ksync_cond_open() - refer to a condition variable that exists
 * @c: set up
 * @d: domain
 * @id: from ksync_cond_id(), in this process or another
 *
 * Return: 0; -EBADF (no such object), -EINVAL (not a condition variable).
 */
int ksync_cond_open(struct ksync_cond *c, struct ksync *d, uint32_t id);

/**
 * ksync_cond_destroy() - end a condition variable, for all processes
 * @c: useless from now on
 *
 * Waiters that were signalled do not need it any more.
 *
 * Return: 0; -EBUSY (somebody waits on it), -EBADF (destroyed already).
 */
int ksync_cond_destroy(struct ksync_cond *c);

/**
 * ksync_cond_id() - the number by which other processes open it
 * @c: condition variable
 */
static inline uint32_t ksync_cond_id(const struct ksync_cond *c)
{
	return c->o.id;
}

int ksync_cond_wait_(struct ksync_cond *c, struct ksync_mutex *m,
		     const struct ksync_thread *t, unsigned int flags,
		     clockid_t clock, const struct timespec *abs);

/**
 * ksync_cond_wait() - release a mutex, wait for a signal, lock the mutex again
 * @c: condition variable
 * @m: locked by the caller; all that wait at a time do so with the same mutex.
 *	A recursive one is released altogether, and locked as often as before
 *
 * Look at the condition again afterwards: it may have changed meanwhile, and 0
 * is also returned after a signal handler ran, or the task was stopped.
 *
 * Return, with the mutex locked:
 * 0
 * -EOWNERDEAD		its previous owner died with it: see ksync_mutex_lock().
 *			This is told in the place of anything else
 * -ENOSPC, -ENOMEM	nothing was done: the domain's limit of waiters, or no
 *			memory
 * -EINVAL		nothing was done: others wait with another mutex, or the
 *			mutex is of another domain
 * -EBADF		@c was destroyed; nothing was done
 *
 * Return, without the mutex:
 * -EPERM		the caller did not own it
 * -EDEADLK		waiting for it would close a cycle
 * -ENOTRECOVERABLE	the caller or another owner released it while inconsistent
 * -EUCLEAN		its memory was overwritten
 * -EBADF		@m was destroyed
 * -ESRCH		as for ksync_mutex_lock()
 */
static inline int ksync_cond_wait(struct ksync_cond *c, struct ksync_mutex *m)
	KSYNC_REQUIRES(*m)
{
	return ksync_cond_wait_(c, m, NULL, 0, CLOCK_MONOTONIC, NULL);
}

/**
 * ksync_cond_wait_timed() - the same, until a point in time
 * @c: condition variable
 * @m: locked by the caller
 * @clock: CLOCK_MONOTONIC or CLOCK_REALTIME
 * @abs: on that clock; NULL waits for ever
 *
 * The deadline ends the wait for the signal; that for the mutex is as long as
 * it takes.  A signal that was given before is not lost: 0 is returned then.
 *
 * Return: as ksync_cond_wait(); with the mutex locked also -ETIMEDOUT and
 * (clock, tv_nsec) -EINVAL.
 */
static inline int ksync_cond_wait_timed(struct ksync_cond *c,
					struct ksync_mutex *m, clockid_t clock,
					const struct timespec *abs)
	KSYNC_REQUIRES(*m)
{
	return ksync_cond_wait_(c, m, NULL, 0, clock, abs);
}

/**
 * ksync_cond_wait_interruptible() - the same, unless a signal handler ran
 * @c: condition variable
 * @m: locked by the caller
 * @clock: CLOCK_MONOTONIC or CLOCK_REALTIME
 * @abs: on that clock; NULL waits for ever
 *
 * The handler runs without the mutex.  SA_RESTART makes no difference, and
 * stopping the task (SIGSTOP) counts as well.
 *
 * Return: as ksync_cond_wait_timed(); with the mutex locked also -EINTR.
 */
static inline int ksync_cond_wait_interruptible(struct ksync_cond *c,
						struct ksync_mutex *m,
						clockid_t clock,
						const struct timespec *abs)
	KSYNC_REQUIRES(*m)
{
	return ksync_cond_wait_(c, m, NULL, KSYNC_WAIT_INTERRUPTIBLE, clock,
				abs);
}

/* The same for a task that says who it is: see ksync_thread_attach(). */

static inline int ksync_cond_wait_as(struct ksync_cond *c,
				     struct ksync_mutex *m,
				     const struct ksync_thread *t)
	KSYNC_REQUIRES(*m)
{
	return ksync_cond_wait_(c, m, t, 0, CLOCK_MONOTONIC, NULL);
}

static inline int ksync_cond_wait_timed_as(struct ksync_cond *c,
					   struct ksync_mutex *m,
					   const struct ksync_thread *t,
					   clockid_t clock,
					   const struct timespec *abs)
	KSYNC_REQUIRES(*m)
{
	return ksync_cond_wait_(c, m, t, 0, clock, abs);
}

static inline int ksync_cond_wait_interruptible_as(struct ksync_cond *c,
						   struct ksync_mutex *m,
						   const struct ksync_thread *t,
						   clockid_t clock,
						   const struct timespec *abs)
	KSYNC_REQUIRES(*m)
{
	return ksync_cond_wait_(c, m, t, KSYNC_WAIT_INTERRUPTIBLE, clock, abs);
}

int ksync_cond_wake_slow_(struct ksync_cond *c, uint32_t n);

/**
 * ksync_cond_wake() - signal up to @n waiters
 * @c: condition variable; the condition was changed before, under the mutex
 * @n: at most so many of those that wait now, by priority, then in the order of
 *	arrival
 *
 * The caller may own the mutex, or not any more.  Any task may call it.
 *
 * Return: how many were signalled; -EBADF.
 */
static inline int ksync_cond_wake(struct ksync_cond *c, uint32_t n)
{
	__atomic_add_fetch(&c->o.cell->word, 1, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&c->o.cell->waiters, __ATOMIC_SEQ_CST) ?
		ksync_cond_wake_slow_(c, n) : 0;
}

/**
 * ksync_cond_count() - how many signals were given, modulo 2^32
 * @c: condition variable
 *
 * For a wait on many objects: read it with the mutex locked and the condition
 * false, unlock, and wait until it has changed.
 */
static inline uint32_t ksync_cond_count(const struct ksync_cond *c)
{
	return __atomic_load_n(&c->o.cell->word, __ATOMIC_RELAXED);
}

/**
 * ksync_cond_signal() - signal the waiter of highest priority
 * @c: condition variable
 *
 * Return: as ksync_cond_wake().
 */
static inline int ksync_cond_signal(struct ksync_cond *c)
{
	return ksync_cond_wake(c, 1);
}

/**
 * ksync_cond_broadcast() - signal all that wait now
 * @c: condition variable
 *
 * Return: as ksync_cond_wake().
 */
static inline int ksync_cond_broadcast(struct ksync_cond *c)
{
	return ksync_cond_wake(c, UINT32_MAX);
}

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_COND_H */
