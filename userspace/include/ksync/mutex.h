/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * A mutex: waiters sleep, the owner inherits their priority, its death and
 * deadlocks are reported.  Always all of these; there is nothing to turn on.
 */
#ifndef KSYNC_MUTEX_H
#define KSYNC_MUTEX_H

#include <ksync/annotations.h>
#include <ksync/lock.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ksync_mutex - this process's reference to a mutex
 * @o: the object
 */
struct KSYNC_CAPABILITY("mutex") ksync_mutex {
	struct ksync_object o;
};

/**
 * ksync_mutex_init() - make a new mutex, free
 * @m: set up
 * @d: domain
 * @flags: 0 or several of:
 *	KSYNC_MUTEX_STRICT	unlock hands the mutex to the waiter of highest
 *				priority; otherwise a running thread may take it
 *				first, for a bounded time
 *	KSYNC_MUTEX_RECURSIVE	the owner may lock it again
 *
 * Return: 0; -EINVAL (flags), -ENOSPC (the domain's limit of objects), -ENOMEM.
 */
int ksync_mutex_init(struct ksync_mutex *m, struct ksync *d,
		     unsigned int flags);

/**
 * ksync_mutex_init_protect() - make a new mutex with a priority ceiling
 * @m: set up
 * @d: domain
 * @flags: as for ksync_mutex_init()
 * @ceiling: SCHED_FIFO priority, 1 to 99
 *
 * Whoever has the mutex runs at no less than its ceiling, as soon as anybody
 * else wants the CPU: the priority is raised when the owner is first preempted,
 * and costs no system call otherwise.  (Immediate priority ceiling protocol;
 * Sha, Rajkumar, Lehoczky 1990; PTHREAD_PRIO_PROTECT.)  While it is raised a
 * child made by fork() starts as a normal task.
 *
 * Locking it returns -EINVAL to a thread whose own priority is above the
 * ceiling, as of when it last came to a CPU; and -EAGAIN to one that has
 * KSYNC_CEILING_ENTRIES such mutexes of the domain already.
 *
 * Return: as ksync_mutex_init(); -EPERM (the ceiling is above RLIMIT_RTPRIO, and
 * the caller has no CAP_SYS_NICE).
 */
int ksync_mutex_init_protect(struct ksync_mutex *m, struct ksync *d,
			     unsigned int flags, int ceiling);

/**
 * ksync_mutex_ceiling() - the priority ceiling of a mutex
 * @m: mutex
 *
 * Return: 1 to 99; -EINVAL (it has none), -EBADF (destroyed).
 */
int ksync_mutex_ceiling(struct ksync_mutex *m);

/**
 * ksync_mutex_set_ceiling() - change it
 * @m: mutex
 * @ceiling: 1 to 99
 * @was: set to the ceiling before; may be NULL
 *
 * The mutex is not locked meanwhile, unlike by pthread_mutex_setprioceiling():
 * whoever has it may keep the old ceiling until it unlocks.
 *
 * Return: 0; -EINVAL, -EPERM as ksync_mutex_init_protect(); -EBADF (destroyed).
 */
int ksync_mutex_set_ceiling(struct ksync_mutex *m, int ceiling, int *was);

/**
 * ksync_mutex_open() - refer to a mutex that exists
 * @m: set up
 * @d: domain
 * @id: from ksync_mutex_id(), in this process or another
 *
 * Return: 0; -EBADF (no such object), -EINVAL (not a mutex).
 */
int ksync_mutex_open(struct ksync_mutex *m, struct ksync *d, uint32_t id);

/**
 * ksync_mutex_destroy() - end a mutex, for all processes
 * @m: useless from now on: locking it returns -EBADF
 *
 * Return: 0; -EBUSY (somebody waits for it), -EBADF (destroyed already).
 */
int ksync_mutex_destroy(struct ksync_mutex *m);

/**
 * ksync_mutex_id() - the number by which other processes open it
 * @m: mutex
 */
static inline uint32_t ksync_mutex_id(const struct ksync_mutex *m)
{
	return m->o.id;
}

/**
 * ksync_mutex_lock() - lock, waiting as long as it takes
 * @m: mutex
 *
 * A signal handler runs, and the wait goes on.
 *
 * Return:
 * 0			locked
 * -EOWNERDEAD		locked, and the previous owner died with it: repair what
 *			it protects, then call ksync_mutex_consistent()
 * -EDEADLK		the caller owns it, or waiting would close a cycle
 * -ENOTRECOVERABLE	an owner unlocked it without making it consistent
 * -EAGAIN		recursive: locked 2^32 times
 * -EUCLEAN		its memory was overwritten
 * -ENOSPC		the domain's limit of waiters, or of threads
 * -ENOMEM		no memory to wait with, or for an identity
 * -EBADF		destroyed
 * -ESRCH		_as: the identity is not of this task, or domain.
 *			Otherwise: the caller is a task without a TLS of its
 *			own and has to use the _as variant
 */
static inline int ksync_mutex_lock(struct ksync_mutex *m)
	ksync_locks_(m)
{
	return ksync_lock_(&m->o, 0);
}

/**
 * ksync_mutex_lock_interruptible() - lock, unless a signal handler ran
 * @m: mutex
 *
 * Return: as ksync_mutex_lock(); -EINTR.
 */
static inline int ksync_mutex_lock_interruptible(struct ksync_mutex *m)
	ksync_locks_(m)
{
	return ksync_lock_(&m->o, KSYNC_WAIT_INTERRUPTIBLE);
}

/**
 * ksync_mutex_lock_try() - lock, unless somebody else has it
 * @m: mutex
 *
 * Failing costs a system call, in which the module finds dead owners.
 *
 * Return: as ksync_mutex_lock(); -EBUSY.
 */
static inline int ksync_mutex_lock_try(struct ksync_mutex *m)
	ksync_locks_(m)
{
	return ksync_lock_(&m->o, KSYNC_WAIT_TRY);
}

/**
 * ksync_mutex_lock_timed() - lock, waiting until a point in time
 * @m: mutex
 * @clock: CLOCK_MONOTONIC or CLOCK_REALTIME
 * @abs: on that clock; NULL waits for ever
 *
 * A free mutex is locked without looking at @clock and @abs.
 *
 * Return: as ksync_mutex_lock(); -ETIMEDOUT, -EINVAL (clock, tv_nsec).
 */
static inline int ksync_mutex_lock_timed(struct ksync_mutex *m,
					 clockid_t clock,
					 const struct timespec *abs)
	ksync_locks_(m)
{
	return ksync_lock_timed_(&m->o, clock, abs);
}

/**
 * ksync_mutex_unlock() - unlock; recursive: undo one lock
 * @m: mutex
 *
 * Unlocking after -EOWNERDEAD without ksync_mutex_consistent() makes the mutex
 * unrecoverable.
 *
 * Return: 0; -EPERM (the caller does not own it), -EUCLEAN (its memory was
 * overwritten while the caller owned it; it is unlocked), -EBADF, -ESRCH.
 */
static inline int ksync_mutex_unlock(struct ksync_mutex *m)
	ksync_unlocks_(m)
{
	return ksync_unlock_(&m->o);
}

/**
 * ksync_mutex_consistent() - what the mutex protects is in order again
 * @m: mutex, locked with -EOWNERDEAD
 *
 * Return: 0; -EPERM (the caller does not own it), -EINVAL (nobody died).
 */
static inline int ksync_mutex_consistent(struct ksync_mutex *m)
	ksync_has_(m)
{
	return ksync_consistent_(&m->o, NULL);
}

/* The same for a task that says who it is: see ksync_thread_attach(). */

static inline int ksync_mutex_lock_as(struct ksync_mutex *m,
				      const struct ksync_thread *t)
	ksync_locks_(m)
{
	return ksync_lock_as_(&m->o, t, 0);
}

static inline int ksync_mutex_lock_interruptible_as(struct ksync_mutex *m,
						    const struct ksync_thread *t)
	ksync_locks_(m)
{
	return ksync_lock_as_(&m->o, t, KSYNC_WAIT_INTERRUPTIBLE);
}

static inline int ksync_mutex_lock_try_as(struct ksync_mutex *m,
					  const struct ksync_thread *t)
	ksync_locks_(m)
{
	return ksync_lock_as_(&m->o, t, KSYNC_WAIT_TRY);
}

static inline int ksync_mutex_lock_timed_as(struct ksync_mutex *m,
					    const struct ksync_thread *t,
					    clockid_t clock,
					    const struct timespec *abs)
	ksync_locks_(m)
{
	return ksync_lock_timed_as_(&m->o, t, clock, abs);
}

static inline int ksync_mutex_unlock_as(struct ksync_mutex *m,
					const struct ksync_thread *t)
	ksync_unlocks_(m)
{
	return ksync_unlock_as_(&m->o, t);
}

static inline int ksync_mutex_consistent_as(struct ksync_mutex *m,
					    const struct ksync_thread *t)
	ksync_has_(m)
{
	return ksync_consistent_(&m->o, t);
}

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_MUTEX_H */
