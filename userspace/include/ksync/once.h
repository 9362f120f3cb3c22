/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * A once: something is initialized by whoever needs it first, and by nobody
 * else, in whatever process.  Everybody else waits until that is done; then a
 * single load tells.
 *
 * It is built on a mutex, which the initializer holds.  So it runs with the
 * priority of the most urgent task that waits for it; one that dies is followed
 * by the next task that comes or waits; one that needs its own result, be it
 * through a chain of other onces and locks, gets -EDEADLK.
 *
 * Whoever overwrites its memory can make it done too early, or again.
 */
#ifndef KSYNC_ONCE_H
#define KSYNC_ONCE_H

#include <ksync/model.h>
#include <ksync/mutex.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What ksync_once_begin() returns to the one that has to initialize. */
#define KSYNC_ONCE_RUN	1

/**
 * struct ksync_once - this process's reference to a once
 * @o: the object
 * @m: the same as a mutex
 */
struct ksync_once {
	union {
		struct ksync_object o;
		struct ksync_mutex m;
	};
};

/**
 * ksync_once_init() - make a new once, not done
 * @once: set up
 * @d: domain
 * @flags: 0
 *
 * Return: 0; -EINVAL (flags), -ENOSPC (the domain's limit of objects), -ENOMEM.
 */
int ksync_once_init(struct ksync_once *once, struct ksync *d,
		    unsigned int flags);

/**
 * ksync_once_open() - refer to a once that exists
 * @once: set up
 * @d: domain
 * @id: from ksync_once_id(), in this process or another
 *
 * Return: 0; -EBADF (no such object), -EINVAL (not a once).
 */
int ksync_once_open(struct ksync_once *once, struct ksync *d, uint32_t id);

/**
 * ksync_once_destroy() - end a once, for all processes
 * @once: useless from now on
 *
 * Return: 0; -EBUSY (an initializer has not returned from ksync_once_end() yet,
 * or has died and nobody has followed it), -EBADF (destroyed already).
 */
int ksync_once_destroy(struct ksync_once *once);

/**
 * ksync_once_id() - the number by which other processes open it
 * @once: once
 */
static inline uint32_t ksync_once_id(const struct ksync_once *once)
{
	return once->o.id;
}

/* The slow paths; @t is NULL for the calling thread's own identity. */
int ksync_once_begin_slow_(struct ksync_once *once,
			   const struct ksync_thread *t);
int ksync_once_end_(struct ksync_once *once, const struct ksync_thread *t);
int ksync_once_abort_(struct ksync_once *once, const struct ksync_thread *t);
int ksync_once_call_slow_(struct ksync_once *once, const struct ksync_thread *t,
			  int (*fn)(void *arg), void *arg);

/* Acquire: who sees that it is done sees what was done. */
static inline bool ksync_once_is_done_(const struct ksync_once *once)
{
	return ksync_likely_(__atomic_load_n(&ksync_model_cell_of_(&once->o)->done,
					     __ATOMIC_ACQUIRE));
}

/**
 * ksync_once_begin() - wait until it is done, or become the initializer
 * @once: once
 *
 * The initializer ends with ksync_once_end() or ksync_once_abort().
 *
 * Return:
 * 0			done
 * KSYNC_ONCE_RUN	the caller is the initializer
 * -EOWNERDEAD		the same, and one before it died half-way: what it has
 *			left has to be cleaned up first
 * -EDEADLK		the caller is the initializer already, or the initializer
 *			waits for something that the caller has
 * or another error of ksync_mutex_lock().
 */
static inline int ksync_once_begin(struct ksync_once *once)
{
	return ksync_once_is_done_(once) ? 0 :
		ksync_once_begin_slow_(once, NULL);
}

/**
 * ksync_once_end() - the initializer is done
 * @once: once
 *
 * Return: 0; -EPERM (the caller is not the initializer), -EBADF, -ESRCH.
 */
static inline int ksync_once_end(struct ksync_once *once)
{
	return ksync_once_end_(once, NULL);
}

/**
 * ksync_once_abort() - the initializer gives up: it is the next one's turn
 * @once: once
 *
 * Return: as ksync_once_end().
 */
static inline int ksync_once_abort(struct ksync_once *once)
{
	return ksync_once_abort_(once, NULL);
}

/**
 * ksync_once_call() - see to it that a function has been called
 * @once: once
 * @fn: the initializer: returns 0 when it has done its work, otherwise a
 *	negative errno, and the next caller tries
 * @arg: passed to @fn
 *
 * @fn may find what another one has left half-way that failed or was killed,
 * and has to begin anew; ksync_once_begin() tells.  It must return: a thread
 * that leaves it by longjmp(3) or a C++ exception is the initializer for ever.
 *
 * Return: 0 (done, by the caller or another); what @fn returned; -EDEADLK (as
 * ksync_once_begin()), or another error of ksync_mutex_lock().
 */
static inline int ksync_once_call(struct ksync_once *once,
				  int (*fn)(void *arg), void *arg)
{
	return ksync_once_is_done_(once) ? 0 :
		ksync_once_call_slow_(once, NULL, fn, arg);
}

/* The same for a task that says who it is: see ksync_thread_attach(). */

static inline int ksync_once_begin_as(struct ksync_once *once,
				      const struct ksync_thread *t)
{
	return ksync_once_is_done_(once) ? 0 : ksync_once_begin_slow_(once, t);
}

static inline int ksync_once_end_as(struct ksync_once *once,
				    const struct ksync_thread *t)
{
	return ksync_once_end_(once, t);
}

static inline int ksync_once_abort_as(struct ksync_once *once,
				      const struct ksync_thread *t)
{
	return ksync_once_abort_(once, t);
}

static inline int ksync_once_call_as(struct ksync_once *once,
				     const struct ksync_thread *t,
				     int (*fn)(void *arg), void *arg)
{
	return ksync_once_is_done_(once) ? 0 :
		ksync_once_call_slow_(once, t, fn, arg);
}

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_ONCE_H */
